# Names of jobs: namespaces of included documents, aliases, private jobs, groups and labels.

load lib

# A service, included as `back` and as `front`.
twice() {
	jobfile <<-'J'
	jobfile: 1
	default: all
	params: {date: {type: string, default: today}}
	vars: {who: outside}
	env: {DATE: "${{ params.date }}"}
	templates: {quick: {timeout: 1m}}
	include:
	  - {file: lib/svc.yml, as: back, params: {port: 1, host: "h-${{ params.date }}"}}
	  - {file: lib/svc.yml, as: front, params: {port: 2}}
	jobs:
	  all:
	    consumes: [back.rows, front.rows]
	    needs: [front.check]
	    argv: [echo, "${{ consumes.back.rows }} ${{ consumes.front.rows }} ${{ vars.front.url }}"]
	  call: {job: back.build, params: {port: 9, tag: given}}
	  whole: {argv: [echo, "${{ params }}"]}
	J
	mkdir lib
	cat >lib/svc.yml <<-'J'
	jobfile: 1
	default: check
	params: {port: {type: int, required: true}, host: localhost, date: inner}
	vars: {url: "${{ params.host }}:${{ params.port }}", late: {sh: 'echo asked >>asked; echo late'}}
	jobs:
	  build:
	    params: {tag: none, host: {type: string, default: own}}
	    extends: quick
	    provides: [rows]
	    run: 'jq -cS . <$ORCHMAKE_PARAMS >$ORCHMAKE_JOB.json; echo "rows=$DATE" >>$ORCHMAKE_OUTPUT'
	  check:
	    needs: [build]
	    consumes: [rows]
	    when: needs.build.state == 'succeeded' && vars.who == 'outside'
	    argv: [echo, "${{ job.name }} ${{ consumes.rows }} ${{ vars.url }} ${{ params.date }} ${{ vars.late }}"]
	  own: {argv: [echo, "${{ params.host }} ${{ params.port }}"], params: {port: 77}}
	  whole: {argv: [echo, "${{ params }}"]}
	  fails: {needs: [build], run: "exit $(cat code)"}
	  both: {stages: [{name: one, jobs: ["bui*"]}, {name: two, jobs: [/^che/]}]}
	  files: {outputs: ["out-${{ params.port }}.txt"], argv: [touch, "out-${{ params.port }}.txt"]}
	J
}

step_log() { orchmake logs "$1"; }

@test "a file under two names: each has its own, and what is around it" {
	twice
	want 0 orchmake -j4
	is "$(step_log all)" "today today localhost:2"
	is "$(step_log front.check)" "front.check today localhost:2 inner late"
	is "$(cat back.build.json)" '{"date":"inner","host":"own","port":1,"tag":"none"}'
	is "$(cat front.build.json)" '{"date":"inner","host":"own","port":2,"tag":"none"}'
	is "$(wc -l <asked)" 1
	is "$(sql "select group_concat(step, ' ') from (select step from v_steps order by step)")" "all back.build front.build front.check"
}

@test "parameters: the command line, a payload, what include gives, what the file says" {
	twice
	want 0 orchmake back.own front.own
	is "$(step_log back.own)" "h-today 77"
	want 0 orchmake back.own back.host=typed date=now
	is "$(step_log back.own)" "typed 77"
	want 0 orchmake back.own date=now
	is "$(step_log back.own)" "h-now 77"
	want 0 orchmake front.own --payload '{"front.host": "paid", "back.host": "not here"}'
	is "$(step_log front.own)" "paid 77"
	want 0 orchmake front.own port=78
	is "$(step_log front.own)" "localhost 78"
	want 0 orchmake front.check front.port=5
	is "$(step_log front.check)" "front.check today localhost:5 inner late"
	want 2 orchmake back.own host=x
	complains "no job of this run declares the param 'host'"
	want 2 orchmake front.check front.port=many
	complains "variable 'front.url': 'front.port' must be a whole number, not 'many'"
}

@test "a parameter that a namespace requires is no matter for those who are not in it" {
	twice
	sed -i 's/, params: {port: 2}//' Jobfile
	want 0 orchmake whole
	is "$(step_log whole)" '{"date":"today"}'
	printf 'env: {PORT: "%s{{ params.port }}"}\n' '$' >>lib/svc.yml
	want 0 orchmake whole
	want 0 orchmake back.whole
	is "$(step_log back.whole | jq -cS .)" '{"date":"inner","host":"h-today","port":1}'
	want 2 orchmake front.whole
	complains "variable 'front.url': param 'front.port' is required and was not given"
	want 2 orchmake all
	complains "param 'front.port' is required and was not given"
}

@test "a called job takes its file's parameters by their short names" {
	twice
	want 0 orchmake call
	is "$(cat call.json)" '{"date":"inner","host":"own","port":9,"tag":"given"}'
}

@test "stages, patterns and targets select by what is seen from where it stands" {
	twice
	want 0 orchmake back.both
	is "$(sql "select group_concat(step, ' ') from (select step from v_attempts order by serial)")" "back.build back.check"
	want 0 orchmake -n 'front.c*'
	says "front.check  asked for"
	want 0 orchmake -n back
	says "back.check  asked for"
	want 2 orchmake check
	complains "there is no job 'check'"
	complains "did you mean 'back.check'?"
	want 2 orchmake back.chekc
	complains "did you mean 'back.check'?"
}

@test "list, show, graph, vars, validate and -p say the full names" {
	twice
	want 0 orchmake list 'front.b*' --format=json
	is "$(jq -r '[.[].name] | join(" ")' <<<"$out")" "front.build front.both"
	want 0 orchmake list
	says "also back"
	want 0 orchmake show front.build
	says "front.build  (lib/svc.yml:6)"
	want 0 orchmake graph all --format=dot
	says '"front.check"'
	want 0 orchmake vars front.check
	says "front.url"
	says "front.port"
	want 0 orchmake validate --strict
	want 0 orchmake -p
	is "$(jq -r '.jobs."back.check".namespace' <<<"$out")" back
	printf '%s\n' "$out" >whole.json
	want 0 orchmake -f whole.json -p
	is "$(jq -S . <<<"$out")" "$(jq -S . whole.json)"
	want 0 orchmake -f whole.json -j4
	is "$(step_log all)" "today today localhost:2"
	is "$(cat back.build.json)" '{"date":"inner","host":"own","port":1,"tag":"none"}'
}

@test "settings, pools and files of a namespace" {
	twice
	want 0 orchmake front.check --set vars.front.url=set
	is "$(step_log front.check)" "front.check today set inner late"
	want 0 orchmake out-2.txt
	is "$(echo out*)" out-2.txt
	want 0 orchmake -q front.files
	want 1 orchmake -q back.files
	want 0 orchmake out-1.txt
	is "$(echo out*)" "out-1.txt out-2.txt"
	sed -i 's/out-[^"]*/out.txt/' lib/svc.yml
	want 2 orchmake back.files
	complains "'out.txt' is made by 'back.files' and by 'front.files'"
	complains "of one document under two names"
}

@test "resume and retry find the names again in what the ledger keeps" {
	twice
	echo 1 >code
	want 1 orchmake back.fails
	echo 0 >code
	want 0 orchmake resume
	is "$(sql "select group_concat(step || ' ' || state, ', ') from (select step, state from v_steps where run = (select run from v_runs order by no desc limit 1) order by step)")" \
		"back.build cached, back.fails succeeded"
	echo 1 >code
	want 1 orchmake back.fails
	rm -r lib
	echo 0 >code
	want 0 orchmake run --from-run last
	is "$(sql "select state from v_runs order by no desc limit 1")" succeeded
	is "$(cat back.build.json)" '{"date":"inner","host":"own","port":1,"tag":"none"}'
}

@test "what was planned is applied, and another file of a namespace is noticed" {
	twice
	want 1 orchmake plan front.check --out p.json
	want 0 orchmake apply p.json
	is "$(step_log front.check)" "front.check today localhost:2 inner late"
	want 1 orchmake plan front.check --out p.json
	sed -i 's/localhost/elsewhere/' lib/svc.yml
	want 3 orchmake apply p.json
}

@test "a long document under two names has one compiled form" {
	{
		printf 'jobfile: 1\nparams: {word: x}\njobs:\n  say: {argv: [echo, "${{ params.word }}"]}\n  all:\n    steps:\n'
		seq 1500 | sed 's/.*/      s&: {argv: [touch, "${{ params.word }}&"]}/'
	} >long.yml
	printf 'jobfile: 1\ninclude: [{file: long.yml, as: a, params: {word: one}}]\njobs: {x: {needs: [a.say], run: "true"}}\n' >Jobfile
	for round in 1 2; do
		want 0 orchmake a.say
		is "$(step_log a.say)" one
	done
	sed -i 's/, params: {word: one}}/}, {file: long.yml, as: b}/' Jobfile
	for round in 1 2; do
		want 0 orchmake b.say
		is "$(step_log b.say)" x
	done
	is "$(find .orchmake/compiled -type f | wc -l)" 1
}

@test "export and import: a plan, a timer, a graph of a job in a namespace" {
	twice
	sed -i 's/  own: {/  own: {schedule: "1 2 * * *", /' lib/svc.yml
	want 0 orchmake export cron back.own
	says "back.own"
	want 0 orchmake export systemd front.own
	says "front.own"
	want 0 orchmake export dot all
	says '"front.check"'
	want 0 orchmake schema
	is "$(jq -r '."$defs".include.properties | keys | join(" ")' <<<"$out")" "as file optional params sha256"
	is "$(jq -r '."$defs".job.properties.aliases.type | join(" ")' <<<"$out")" "string array"
}

@test "host locks and pools are the same ones in every namespace, the others are its own" {
	jobfile <<-'J'
	jobfile: 1
	include: [{file: one.yml, as: a}, {file: one.yml, as: b}]
	locks: {shared: {scope: host}}
	jobs: {c: {locks: [shared], run: "true"}}
	J
	cat >one.yml <<-'J'
	jobfile: 1
	locks: {shared: {scope: host}, own: null}
	pools: {p: 1, wide: {slots: 2, scope: host}}
	jobs: {x: {locks: [own, shared], pool: wide, run: "true"}, y: {locks: [own], pool: p, run: "true"}}
	J
	export XDG_RUNTIME_DIR=$T/run
	mkdir run
	want 0 orchmake -j4 'a.*' 'b.*' c
	want 0 orchmake -p
	is "$(jq -c '[.jobs[].locks]' <<<"$out")" '[["shared"],["a.own","shared"],["a.own"],["b.own","shared"],["b.own"]]'
	is "$(jq -c '.pools' <<<"$out")" '{"a.p":1,"wide":{"slots":2,"scope":"host"},"b.p":1}'
}

@test "two that include the next under two names each come to an end" {
	for i in $(seq 1 40); do
		printf 'jobfile: 1\ninclude: [{file: f%s.yml, as: a}, {file: f%s.yml, as: b}]\n' $((i + 1)) $((i + 1)) >"f$i.yml"
	done
	printf 'jobfile: 1\njobs: {j: {run: "true"}}\n' >f41.yml
	want 2 timeout 60 orchmake -f f1.yml j
	complains "more than 10000 documents are included with 'as'"
}

# --- aliases, private jobs, groups ---------------------------------------------------------------

called() {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all: {description: Everything there is, aliases: [a, everything], needs: [inner], run: "true"}
	  inner: {private: true, group: tools, run: "true"}
	  other: {group: tools, aliases: o, labels: [slow, nightly], run: "true"}
	  many: {aliases: m, matrix: {k: [one, two]}, argv: [echo, "${{ matrix.k }}"]}
	  steps: {aliases: s, steps: {x: {run: "true"}, y: {needs: [x], run: "true"}}}
	J
}

@test "an alias is good as a target, with instances and steps, and what is recorded is the job" {
	called
	want 0 orchmake a 'm[two]' s/y --shuffle=1
	is "$(sql 'select target from v_runs')" "all many[two] steps/y"
	want 0 orchmake everything
	want 0 orchmake -n all --only=a
	says "all    asked for"
	want 0 orchmake graph a
	says all
	want 0 orchmake show a
	says "also called a, everything"
	want 0 orchmake show o --format=json
	is "$(jq -c .aliases <<<"$out")" '["o"]'
	want 1 orchmake plan o
	says '"other"'
}

@test "a run is resumed by any name of its target" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {job: {aliases: j, run: "[ -f good ]"}}
	J
	want 1 orchmake j
	: >good
	want 0 orchmake -r j
	is "$(sql "select group_concat(target || ' ' || state, ', ') from (select target, state from v_runs order by no)")" \
		"job failed, job succeeded"
}

@test "list: aliases, groups under headings, labels for --type; private jobs with --all" {
	called
	want 0 orchmake list
	is "$out" "job     last  takes  description
all                  Everything there is (also a, everything)
many                 also m
steps                also s

tools:
other                also o"
	want 0 orchmake list --all --type tools
	is "$(sed 's/ .*//' <<<"$out")" "job

tools:
inner
other"
	want 0 orchmake list --type nightly --format=json
	is "$(jq -c '[.[] | {name, aliases, labels, group}]' <<<"$out")" \
		'[{"name":"other","aliases":["o"],"labels":["slow","nightly"],"group":"tools"}]'
	want 0 orchmake list 'every*'
	says "all"
}

@test "completion offers aliases, names in namespaces, and no private job" {
	called
	printf 'include: [{file: in.yml, as: in}]\n' >>Jobfile
	printf 'jobfile: 1\nparams: {port: 1}\njobs: {job: {aliases: j, run: "true"}, hidden: {private: true, run: "true"}}\n' >in.yml
	want 0 bash --norc -c 'source <(orchmake completion bash)
		COMP_WORDS=(orchmake "") COMP_CWORD=1 COMP_LINE="orchmake " COMP_POINT=9
		compopt() { :; }
		_orchmake; printf "%s\n" "${COMPREPLY[@]}"'
	for word in a everything m in.job in.j in.port=; do
		grep -qxF "$word" <<<"$out"
	done
	is "$(grep -c 'inner\|hidden' <<<"$out")" 0
}

@test "defaults of parameters may be made of each other in any order, also in what the ledger keeps" {
	jobfile <<-'J'
	jobfile: 1
	params: {a: "${{ params.z }}+", b: "${{ params.a }}+", z: "1"}
	jobs: {j: {params: {c: "${{ params.d }}.", d: "${{ params.b }}"}, env: {C: "${{ params.c }}"}, run: 'echo "$C"; [ -f good ]'}}
	J
	want 1 orchmake j
	: >good
	want 0 orchmake resume
	is "$(step_log last/j)" "1++."
	sed -i 's/z: "1"/z: "${{ params.b }}"/' Jobfile
	want 2 orchmake j
	complains "Jobfile:2:10: error: the defaults of parameters are made of each other: a -> z -> b -> a"
}

@test "a private job is for other jobs" {
	called
	for target in inner 'inner[x]' inner/x; do
		want 2 orchmake "$target"
		complains "job 'inner' is private, so only other jobs can ask for it"
	done
	want 2 orchmake plan inner
	complains "is private"
	want 2 orchmake innr
	is "$(grep -c 'did you mean' <<<"$err" || true)" 0
	want 0 orchmake all
	is "$(sql "select count(*) from v_steps where step = 'inner'")" 1
	want 0 orchmake -n '*e*'
	is "$(grep -c inner <<<"$out")" 0
	want 2 orchmake 'inn*'
	complains "there is no job 'inn*'"
	want 0 orchmake show inner
	want 0 orchmake graph inner
	# What the file itself has for its default is meant.
	sed -i '1a default: inner' Jobfile
	want 0 orchmake
	want 0 orchmake retry last
}

@test "a wrong name is answered with the nearest alias, too" {
	called
	want 2 orchmake everythin
	complains "did you mean 'everything'?"
}
