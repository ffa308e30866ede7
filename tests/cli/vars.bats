# Variables: late ones from commands, where each value comes from; what of the environment is inherited.

load lib

@test "a variable from a command is made once, when a step that runs wants it, and kept" {
	jobfile <<-'J'
	jobfile: 1
	vars:
	  sh: {sh: 'echo made >>made.txt; echo "  from sh"'}
	  argv: {argv: [printf, "%s|", "${{ vars.sh }}", "${{ vars.plain }}"]}
	  file: {file: "${{ vars.name }}"}
	  name: value.txt
	  plain: 5
	  both: "${{ vars.argv }}+${{ vars.file }}"
	env: {BOTH: "${{ vars.both }}"}
	jobs:
	  all: {stages: [{name: s, jobs: [a, b, c, d]}]}
	  a: {run: 'echo "$BOTH" >a.txt'}
	  b: {run: 'echo "$BOTH" >b.txt'}
	  c: {when: "vars.sh == '  from sh'", argv: [touch, "${{ vars.file }}.txt"]}
	  d: {job: e, params: {x: "${{ vars.sh }}"}}
	  e: {params: {x: {type: string, required: true}}, env: {X: "${{ params.x }}"}, run: 'echo "$X" >e.txt'}
	J
	echo content >value.txt
	want 0 orchmake -n all
	[ ! -e made.txt ]
	want 0 orchmake -j4 all
	is "$(cat made.txt)" made
	is "$(cat a.txt b.txt)" "  from sh|5|+content
  from sh|5|+content"
	[ -e content.txt ]
	is "$(cat e.txt)" "  from sh"
	is "$(sql "select group_concat(name || '=' || value, ' ') from (select * from run_vars order by name)")" \
		'argv="  from sh|5|" file="content" sh="  from sh"'
}

@test "what no step wants is never made" {
	jobfile <<-'J'
	jobfile: 1
	vars: {v: {sh: ': >made'}}
	jobs:
	  a: {run: 'true'}
	  b: {when: 'false', env: {V: "${{ vars.v }}"}, run: 'true'}
	J
	want 0 orchmake a b
	[ ! -e made ]
}

@test "one that cannot be made fails who wants it, with what its command said" {
	jobfile <<-'J'
	jobfile: 1
	vars:
	  bad: {sh: 'echo first >&2; echo no such ref >&2; exit 128'}
	  gone: {argv: [no-such-program]}
	  lost: {file: none.txt}
	  made: "x${{ vars.bad }}"
	jobs:
	  a: {env: {V: "${{ vars.made }}"}, run: 'true'}
	  b: {argv: [echo, "${{ vars.gone }}"]}
	  c: {when: vars.lost == 'x', run: 'true'}
	  d: {argv: [echo, "${{ vars.bad ?? 'nothing' }}"]}
	  e: {run: ': >ran'}
	J
	want 1 orchmake -k a b c d e
	complains "variable 'made': variable 'bad': its command ended with exit 128: no such ref"
	complains "variable 'gone': cannot start its command: No such file or directory"
	complains "variable 'lost': cannot read '$PWD/none.txt': No such file or directory"
	[ -e ran ]
	is "$(sql "select count(*) from v_steps where state = 'failed'")" 4
}

@test "a slow one holds up only who wants it, and Ctrl-C does not wait for it" {
	export MARK=vars-$$
	jobfile <<-'J'
	jobfile: 1
	vars: {v: {sh: ': >asked; sleep 1000; echo x'}}
	jobs:
	  a: {argv: [echo, "${{ vars.v }}"]}
	  b: {run: ': >ran'}
	J
	orchmake -s -j1 a b &
	until_true test -e asked -a -e ran
	kill -TERM $!
	got=0
	wait $! || got=$?
	is "$got" 143
	nobody_left "$MARK"
}

@test "vars says each value and where it comes from" {
	jobfile <<-'J'
	jobfile: 1
	params: {n: 3, mode: {type: string, from_env: MODE}, gone: {type: string}}
	vars: {v: "x-${{ vars.w }}", w: 5, c: {sh: ': >made; echo hi'}}
	secrets: {K: {env: HOME}}
	dotenv: [.env]
	env: {A: "${{ vars.c }}", B: "b${{ params.n }}", S: "${{ secrets.K }}"}
	jobs:
	  day: {params: {date: {type: date, default: 2026-01-01}}, env: {D: "${{ params.date }}"}, run: 'true'}
	J
	echo 'FROM_DOT=1' >.env
	MODE=fast want 0 orchmake vars
	is "$(sed 's/  */ /g; s/ $//' <<<"$out")" 'kind name from value
param n default, Jobfile:2 3
param mode $MODE fast
param gone not given
param date default, Jobfile:8 2026-01-01
var v Jobfile:3 x-5
var w Jobfile:3 5
var c Jobfile:3 <of a command>
env FROM_DOT .env 1
env A Jobfile:6 <known when it runs>
env B Jobfile:6 b3
env S Jobfile:6 <known when it runs>
env D Jobfile:8 2026-01-01
secret K $HOME ***'
	[ ! -e made ]
	[ ! -e .orchmake ]
	want 0 orchmake vars day date=2026-02-02 --payload '{"n": 9}' --format=json
	is "$(jq -c '.[] | select(.name == "date" or .name == "n") | [.value, .from]' <<<"$out")" '[9,"payload"]
["2026-02-02","command line"]'
	want 2 orchmake vars nothing
	complains "nothing"
}

@test "env_policy says what steps inherit" {
	export ONE=1 LC_TWO=2
	for policy in inherit clean '{keep: [PATH, "LC_*"]}'; do
		printf "jobfile: 1\nenv_policy: %s\nenv: {OWN: x}\njobs: {a: {argv: [/usr/bin/env]}}\n" "$policy" >Jobfile
		want 0 orchmake a
		want 0 orchmake logs a
		got="$got$(grep -c '^ONE=\|^LC_TWO=\|^OWN=' <<<"$out") "
	done
	is "$got" "3 1 2 "
}

@test "an included file must have the content that was said" {
	echo 'jobs: {b: {run: "true"}}' >b.yml
	sed -i '1i jobfile: 1' b.yml
	sum=$(sha256sum b.yml | cut -d' ' -f1)
	printf 'jobfile: 1\ninclude: [{file: b.yml, sha256: %s}]\njobs: {a: {needs: [b], run: "true"}}\n' "$sum" >Jobfile
	want 0 orchmake a
	echo '# changed' >>b.yml
	want 2 orchmake a
	complains "Jobfile:2:18: error: 'b.yml' is not the file that was meant: its SHA-256 is $(sha256sum b.yml | cut -d' ' -f1)"
}

@test "freshness: late variables and secrets count by their values, and none takes a process under -n" {
	jobfile <<-'J'
	jobfile: 1
	vars: {v: {sh: 'echo asked >>asked; cat value'}}
	secrets: {S: {argv: [sh, -c, 'echo fetched >>fetched; cat key']}}
	jobs:
	  a: {env: {V: "${{ vars.v }}"}, inputs: [in.txt], outputs: [a.txt], run: 'echo "$V" >a.txt'}
	  b: {env: {S: "${{ secrets.S }}"}, inputs: [in.txt], outputs: [b.txt], run: 'echo "$S" >b.txt'}
	J
	: >in.txt
	echo one >value
	echo first >key
	want 0 orchmake a b
	is "$(cat a.txt b.txt)" "one
first"
	want 0 orchmake a b
	complains "cached"
	is "$(sql "select group_concat(state, ' ') from (select state from v_steps order by run, step)")" \
		"succeeded succeeded cached cached"
	rm asked fetched
	want 0 orchmake -n a b
	[ ! -e asked ]
	[ ! -e fetched ]
	echo two >value
	echo second >key
	want 0 orchmake a b
	is "$(cat a.txt b.txt)" "two
second"
}

@test "-e: the environment wins over what the Jobfile sets, as with make" {
	echo 'D=dotenv' >.env
	jobfile <<-'J'
	jobfile: 1
	env: {F: file, S: "${{ secrets.S }}", L: "${{ vars.l }}", U: null}
	dotenv: [.env]
	vars: {l: {sh: echo late}}
	secrets: {S: {env: SOURCE}}
	params: {p: {default: given, from_env: P}}
	jobs:
	  j:
	    env: {J: job}
	    steps:
	      - {id: s, env: {N: "${{ env.F }}-${{ env.J }}", X: step}, run: 'echo "$F $D $J $N $X $L ${U-} $S ${SOURCE-none}" >said'}
	J
	export F=f D=d J=j X=x L=l U=u S=s SOURCE=s3cr3t P=p
	want 0 orchmake j
	is "$(cat said)" "file dotenv job file-job step late  s3cr3t none"
	want 0 orchmake -e j
	is "$(cat said)" "f d j f-j x l u s none"
	want 0 orchmake -e vars j --format=json
	is "$(jq -c 'map(select(.name == "J")) | .[0] | [.value, .from]' <<<"$out")" '["j","environment (-e)"]'
	want 0 orchmake -e j p=word
	is "$(jq -r .p <<<"$(sql "select params from v_runs order by no desc limit 1")")" word
}

@test "env_policy holds under -e as well" {
	jobfile <<-'J'
	jobfile: 1
	env_policy: clean
	env: {F: file}
	jobs: {j: {run: 'echo "$F" >said'}}
	J
	export F=f
	want 0 orchmake -e j
	is "$(cat said)" file
}
