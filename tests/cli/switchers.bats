# What fingers type that come from make, ninja, go-task and just.

load lib

two() {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all: {needs: [a, b], noop: true}
	  a: {run: exit 3}
	  b: {run: echo b >b.out}
	J
}

slots_of_last() { sql "SELECT slots FROM v_runs ORDER BY no DESC LIMIT 1"; }

@test "-k without a number may stand in front of other letters" {
	two
	want 1 orchmake -kj3
	[ -e b.out ]
	is "$(orchmake -kj3 -p | jq -r .jobs.a.run)" "exit 3"
	want 1 orchmake -skj 2
	want 2 orchmake -kZ
	complains "unknown option '-Z'"
	want 2 orchmake --keep-going=j4
	complains "--keep-going: 'j4' is not a whole number above 0"
	want 1 orchmake -k2 all
	is "$(sql "SELECT command FROM v_runs ORDER BY no LIMIT 1")" "orchmake -kj3"
}

@test "the number of -j and -l may be a word of its own" {
	two
	want 0 orchmake -j 4 b
	want 0 orchmake --jobs 3 b
	want 0 orchmake -l 2.5 b
	want 0 orchmake -j b
	want 0 orchmake -j -l b
	want 2 orchmake -j 4x b
	complains "there is no job '4x'"
}

@test "as many letters in a word as somebody likes to type" {
	two
	want 0 orchmake -s b
	want 0 orchmake logs -ffffffffffffffffffffffffffffffffffffffff last/b
}

@test "a verb that is misspelt is suggested" {
	two
	want 2 orchmake histroy
	complains "there is no job 'histroy'"
	complains "or is the verb \`history\` meant?"
	want 2 orchmake run histroy
	case $err in *verb*) false ;; esac
}

@test "help and version are found, and an option that takes no value says so" {
	want 2 orchmake help
	complains "no Jobfile here"
	complains 'or is `orchmake --help` meant?'
	two
	want 2 orchmake version
	complains 'or is `orchmake --version` meant?'
	want 2 orchmake --version=1
	is "$err" "orchmake: option '--version' takes no value"
}

@test "a file is the same file when its name is said from / on" {
	jobfile <<-J
	jobfile: 1
	jobs:
	  b: {inputs: [$T/a.out], outputs: [b.out], run: cp a.out b.out}
	  a: {outputs: [a.out], run: echo 1 >a.out}
	J
	want 0 orchmake "$T/b.out"
	is "$(cat b.out)" 1
	want 0 orchmake -q "$T/b.out"
	sed -i "s|outputs: .b.out|outputs: [$T/a.out|" Jobfile
	want 2 orchmake validate
	complains "'a.out' is made by 'b' and by 'a'; a file has one maker"
}

@test "keys of other programs lead to ours" {
	jobfile <<-'J'
	jobfile: 1
	tasks: {}
	jobs:
	  a:
	    deps: [b]
	    cmds: [x]
	    sources: [x]
	    generates: [x]
	    desc: x
	    dir: x
	  b: [ls]
	J
	want 2 orchmake
	for pair in tasks:jobs deps:needs cmds:run sources:inputs generates:outputs desc:description dir:cwd; do
		complains "unknown key '${pair%:*}'"
		is "$(grep -A3 "unknown key '${pair%:*}'" <<<"$err" | sed -n 's/.*did you mean //p')" "'${pair#*:}'?"
	done
	complains 'a list of actions is `steps`: b: {steps: [{run: ...}]}'
}

@test "list has the worst of a job's instances, of the last run that had any" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  one: {foreach: {f: [a, "c[d]", e]}, env: {F: "${{ foreach.f }}"}, outputs: ["out/${{ foreach.f }}"], on_failure: continue, run: '[ ! -e "bad" ] && echo >"out/$F"'}
	  two: {matrix: {n: [1, 2]}, steps: [{id: s, run: "true"}]}
	  all: {needs: [two], inputs: ["out/*"], run: "true"}
	  never: {foreach: {f: [x]}, run: "true"}
	J
	last() { orchmake list --format=json | jq -r ".[] | select(.name == \"$1\") | .last_state"; }
	is "$(last one)" null
	want 0 orchmake -s all
	is "$(last one)" succeeded
	is "$(last two)" succeeded
	is "$(last never)" null
	want 0 orchmake -s all
	is "$(last one)" cached
	rm out/e
	touch bad
	want 1 orchmake -s -k all
	is "$(last one)" failed
}
