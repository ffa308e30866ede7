# -d: what goes on inside, topic by topic.

load lib

@test "each topic tells its own" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  a: {run: "sleep 600 & exit 75", retry: {max: 1, delay: 1ms}}
	  b: {run: "true", when: "params.x == 2"}
	  all: {needs: {b: ok, a: done}, run: "true"}
	params: {x: {type: int, default: 1}}
	J
	want 1 orchmake -d -k all
	complains "parse     read Jobfile"
	complains "parse     3 jobs in the documents; 7 units and 12 edges in the graph"
	complains "why       b is skipped: its condition is false: \`params.x == 2\`, where params.x is 1"
	complains "sched     start    a, attempt 2"
	complains "sched     waits    a, "
	complains "sched     settled  all: succeeded"
	complains "io        output of a goes to $PWD/.orchmake/logs/"
	complains "ledger    commit of "
	complains "kill      a left 1 process behind: killed"
	complains "jobserver 1 slots, through "
}

@test "a list asks for some, and a word that is no topic is refused" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {a: {run: "true"}}
	J
	want 0 orchmake -dsched,kill
	complains "sched     start    a, attempt 1"
	case $err in *"ledger "* | *"why "*) false ;; esac
	want 2 orchmake --debug=sched,shed
	complains "--debug: 'shed' is not one of parse, why, sched, io, ledger, kill, jobserver"
	want 2 orchmake --debug=
	complains "--debug: '' is not one of"
}

@test "who is stopped is told, and secrets are not" {
	export S=s3cr3t
	jobfile <<-'J'
	jobfile: 1
	secrets: {S: {env: S}}
	jobs:
	  a: {timeout: 1h, stall: 50ms, env: {K: "${{ secrets.S }}"}, run: "read x <never"}
	  b: {env: {K: "${{ secrets.S }}"}, run: 'test -z "$K" || { echo "bad $K"; exit 1; }', error: "/(bad .*)/"}
	  c: {needs: {a: done, b: done}, run: "true"}
	J
	mkfifo never
	want 1 orchmake -d -k c
	complains "kill      TERM, and KILL after its grace, to a"
	complains "bad ***"
	case $out$err in *s3cr3t*) false ;; esac
}

@test "--trace is -v, but for report, which has one of its own" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {a: {run: "echo said"}}
	J
	want 0 orchmake --trace
	complains "$ sh -eu -c 'echo said'"
	want 0 orchmake report --trace last trace.json
	jq -e .traceEvents trace.json
}
