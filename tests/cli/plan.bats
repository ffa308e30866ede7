load lib

# Plans on the command line: how they are named, given variables, shown; what import, export, schema and status say.
# What single keys mean is in tests/cases/plan.

# A plan with these globals, and the steps of standard input.
steps() {
	{
		echo '{"plan_id": "p", "version": "1", "globals": {'"$1"'}, "steps": ['
		cat
		echo ']}'
	} >plan.json
}

state() { orchmake status --format=json | jq -r ".steps[\"$1\"]"; }

@test "the example runs, and takes a variable" {
	cp "$top_srcdir/examples/plan-simple/plan.json" .
	want 0 orchmake -f plan.json --var NAME=you
	want 0 orchmake logs simple/tell
	is "$out" "hello, you: apple is the first of 3"
	QUIET=1 want 0 orchmake -f plan.json NAME=you
	is "$(state tell)" skipped
	want 0 orchmake -f plan.json --payload '{"NAME": "all"}'
	want 0 orchmake logs simple/tell
	is "$out" "hello, all: apple is the first of 3"
}

@test "a plan named by -f runs where orchmake is started, and its ledger is there" {
	mkdir -p plans sub
	steps '' <<<'{"id": "a", "command": "touch", "args": ["here"], "cwd": "sub"}'
	mv plan.json plans/
	want 0 orchmake -f plans/plan.json
	[ -e sub/here ]
	[ -e .orchmake/ledger.db ]
	[ ! -e plans/.orchmake ]
}

@test "plans beside native jobs are jobs like any other, and keep to their own width" {
	mkdir jobfiles
	steps '"max_concurrency": 1' <<'E'
{"id": "a", "command": "sh", "args": ["-c", "mkdir lock && sleep 0.1 && rmdir lock"]},
{"id": "b", "command": "sh", "args": ["-c", "mkdir lock && sleep 0.1 && rmdir lock"]}
E
	mv plan.json jobfiles/
	jobfile <<'E'
jobfile: 1
default: both
jobs:
  native: {run: ":"}
  both: {stages: [{name: all, jobs: [native, p]}]}
E
	want 0 orchmake -j8
	want 0 orchmake list
	says both
	says "p "
	want 0 orchmake status
	says native
	says p/a
}

@test "without -j a plan is as wide as it says" {
	steps '"max_concurrency": 2' <<'E'
{"id": "a", "command": "sh", "args": ["-c", "mkfifo f; echo x >f"], "timeout_sec": 20},
{"id": "b", "command": "sh", "args": ["-c", "until [ -p f ]; do sleep 0.01; done; cat f"], "timeout_sec": 20}
E
	want 0 orchmake -f plan.json
}

@test "variables without a value are listed by -n and refused by validate --strict, and nowhere else" {
	steps '' <<<'{"id": "a", "command": "echo", "args": ["${BRANCH} $HOME"]}'
	want 0 orchmake -n -f plan.json
	complains "variable 'BRANCH' has no value"
	want 1 orchmake validate --strict plan.json
	complains "variable 'BRANCH' has no value"
	want 0 orchmake validate --strict --var BRANCH=x plan.json
	want 0 orchmake -f plan.json
	case $err in *"variable 'BRANCH'"*) false ;; esac
	want 0 orchmake logs p/a
	is "$out" '${BRANCH} $HOME'
	want 0 orchmake -f plan.json --var BRANCH=main --var OTHER=x
	complains "the plan has no variable 'OTHER'"
	want 0 orchmake logs p/a
	is "$out" 'main $HOME'
	want 2 orchmake -f plan.json BRANHC=main
	complains "did you mean 'BRANCH'?"
	want 2 orchmake -f plan.json --var BRANCH
	complains "--var: 'BRANCH' is not KEY=VALUE"
}

@test "every error is told, and nothing is recorded" {
	steps '"max_concurrency": 0' <<'E'
{"id": "a", "command": "true", "retries": -1, "depends_on": ["bb"]},
{"id": "b", "command": "true", "condition": "prev.a.status = 'x'"}
E
	want 2 orchmake -f plan.json
	complains "'max_concurrency' must be a whole number from 1"
	complains "'retries' must be a whole number from 0"
	complains "unknown step 'bb'"
	complains "'condition' is no condition"
	[ ! -e .orchmake ]
}

@test "a PowerShell step says so where there is no pwsh, and gets its arguments where there is" {
	steps '' <<<'{"id": "a", "step_def": {"type": "powershell", "script": "x.ps1", "args": {"-Name": "a b", "-Force": true}}}'
	mkdir bin
	PATH=/usr/bin:/bin want 1 "$(command -v orchmake)" -f plan.json
	complains "this step is a PowerShell script, and pwsh is not installed"
	printf '#!/bin/sh\nprintf "%%s|" "$@" >args.txt\n' >bin/pwsh
	chmod +x bin/pwsh
	PATH=$PWD/bin:$PATH want 0 orchmake -f plan.json
	is "$(cat args.txt)" "-NoProfile|-NonInteractive|-File|x.ps1|-Name|a b|-Force|"
}

@test "a file that a step promises has to be there" {
	steps '' <<'E'
{"id": "a", "command": "true", "provides": ["report=out.txt"], "on_failure": "skip_dependents"},
{"id": "b", "command": "true", "consumes": ["report"]},
{"id": "c", "command": "touch", "args": ["other.txt"], "provides": ["other=other.txt"]},
{"id": "d", "command": "true", "consumes": ["other"]}
E
	want 1 orchmake -f plan.json
	complains "it promises 'report', but the file 'out.txt' is not there"
	is "$(state a) $(state b) $(state c) $(state d)" "failed skipped succeeded succeeded"
	is "$(sql "select provides from v_attempts where step = 'p/a'")" '["report=out.txt"]'
	is "$(sql "select consumes from v_attempts where step = 'p/d'")" '["other"]'
}

@test "a step with a program that is not there fails before another one starts" {
	steps '"max_concurrency": 4' <<'E'
{"id": "a", "command": "no-such-program"},
{"id": "b", "command": "touch", "args": ["ran"]}
E
	want 1 orchmake -f plan.json
	[ ! -e ran ]
	is "$(state a) $(state b)" "failed canceled"
	is "$(orchmake status --format=json | jq -c '[.exit_codes.a, .attempt_states.a]')" '[-1,["failed"]]'
}

@test "status is a document for programs and a table for people" {
	steps '' <<'E'
{"id": "a", "command": "sh", "args": ["-c", "kill -TERM $$"], "retries": 1, "critical": false, "on_failure": "continue"},
{"id": "b", "command": "sleep", "args": ["30"], "timeout_sec": 0.2, "depends_on": ["a"]},
{"id": "c", "command": "true", "depends_on": ["b"]}
E
	want 1 orchmake -f plan.json
	want 0 orchmake status last --format=json
	is "$(jq -c '[.run_state, .steps, .attempts, .exit_codes, .attempt_states, .project_id, .phase_id]' <<<"$out")" \
		'["failed",{"a":"failed","b":"failed","c":"canceled"},{"a":2,"b":1,"c":0},{"a":-15,"b":-1},{"a":["failed","failed"],"b":["failed"]},"unknown","ORCHESTRATED"]'
	is "$(jq -r .errors <<<"$out" | grep '^b')" "b: timeout after 200ms"
	is "$(jq -r '.events[0], .events[-1]' <<<"$out")" "run_created
run_completed"
	want 0 orchmake status
	says "p: failed"
	says "timeout after 200ms"
	want 2 orchmake status nonsense
}

@test "import writes a Jobfile that says what it cannot" {
	steps '"max_concurrency": 3' <<<'{"id": "a", "command": "echo", "args": ["${V} $H ${{x}}"], "name": "of ${V}", "colour": "red"}'
	want 0 orchmake import plan.json
	is "$(head -n 1 <<<"$out")" "# Imported from plan.json."
	says "# 'p' ran up to 3 steps at once by itself; here that takes -j3."
	says "# variable 'V' has no value"
	says "# step 'a': unknown key 'colour' is ignored"
	says 'argv: [echo, "${{ params.V }} $H $${{x}}"]'
	echo "$out" >Jobfile
	want 0 orchmake validate --strict
	want 0 orchmake
	want 0 orchmake logs p/a
	is "$out" '${V} $H ${{x}}'
	want 0 orchmake V=given
	want 0 orchmake logs p/a
	is "$out" 'given $H ${{x}}'
	want 0 orchmake import --var V=now plan.json
	says 'argv: [echo, "now $H $${{x}}"]'
	want 0 orchmake export plan
	is "$(jq -c '.steps[0].args' <<<"$out")" '["${V} $H ${{x}}"]'
	want 2 orchmake import
	complains "which document?"
	want 2 orchmake import nowhere.json
	complains "'nowhere.json' not found"
}

@test "export says everything that a plan has no word for, and writes nothing then" {
	jobfile <<'E'
jobfile: 1
jobs:
  good:
    params: {who: {default: me}}
    env: {A: x, WHO: "for ${{ params.who }}"}
    timeout: 90s
    steps:
      - {id: one, run: "echo $A", retry: {max: 2, delay: 1s, backoff: 2}}
      - {id: two, argv: [echo, 1, true], critical: false, on_failure: continue}
      - {id: three, noop: true, needs: {one: ok, two: done}, when: "env.CI != '1'"}
  bad:
    steps:
      - {id: a, run: ":", matrix: {x: [1]}, ok_exit: [3]}
      - {id: b, argv: ["${{ run.id }}"], retry: {max: 1, backoff: 3}}
      - {id: c, run: ":", inputs: [x], slow: 3s, priority: 2, limits: {nofile: 10}, breaker: {failures: 2}}
      - {id: d, run: ":", locks: [l, {name: m, wait: 3s}]}
  all: {stages: [good]}
locks: {l: {scope: host}, m: {}}
E
	want 0 orchmake export plan good
	echo "$out" >plan.json
	complains "give it with --var who=VALUE"
	is "$(jq -c '[.globals.default_timeout_sec, .globals.env, (.steps[] | .id, .depends_on, .condition)]' plan.json)" \
		"[90,{\"A\":\"x\",\"WHO\":\"for \${who}\"},\"one\",null,null,\"two\",[\"one\"],null,\"three\",[\"one\",\"two\"],\"(env.CI != '1') && prev['two'].status != 'pending'\"]"
	want 0 orchmake -f plan.json
	want 1 orchmake export plan bad
	is "$out" ""
	complains "step 'a': a plan has no word for matrix"
	complains "step 'a': a plan has no word for ok_exit"
	complains "step 'b': a plan has no word for an expression in 'argv'"
	complains "step 'b': a plan has no word for a backoff that is neither 1 nor 2"
	for key in inputs slow priority limits "a breaker with a window"; do
		complains "step 'c': a plan has no word for $key"
	done
	complains "step 'd': a plan has no word for several locks, or one with a longest wait"
	want 1 orchmake export plan all
	complains "job 'all': a plan has no word for stages"
	want 2 orchmake export pln
	complains "did you mean 'plan'?"
	want 2 orchmake export plan godo
	complains "did you mean 'good'?"
}

@test "a lock of a plan is the machine's, silence ends an attempt, and a breaker outlives the run" {
	mkfifo up go never
	bench=bench-$$-$RANDOM
	cat >plan.json <<-P
	{"plan_id": "p", "version": "1", "globals": {}, "steps": [
	{"id": "holds", "command": "sh", "args": ["-c", "echo >up; cat go"], "lock": "$bench"}]}
	P
	cat >other.json <<-P
	{"plan_id": "o", "version": "1", "globals": {}, "steps": [
	{"id": "wants", "command": "true", "lock": "$bench"}]}
	P
	cat >poor.json <<-'P'
	{"plan_id": "q", "version": "1", "globals": {}, "steps": [
	{"id": "still", "command": "cat", "args": ["never"], "stall_timeout_sec": 0.2, "critical": false},
	{"id": "down", "command": "false", "breaker": {"threshold": 2, "recovery_sec": 3600}, "retries": 3}]}
	P
	orchmake -f plan.json 3>&- &
	driver=$!
	read -r _ <up
	want 75 orchmake -f other.json --no-wait
	echo >go
	wait $driver
	want 0 orchmake -f other.json --no-wait
	want 1 orchmake -k -f poor.json
	is "$(sql "select group_concat(step || ' ' || state || ' ' || attempts) from v_steps where run = (select run from v_runs order by no desc limit 1)")" \
		"q/still timed_out 1,q/down failed 3"
	want 1 orchmake -k -f poor.json
	complains "the breaker 'q/down' is open"
	want 0 orchmake export plan -f poor.json
	is "$(jq -c '.steps | map([.stall_timeout_sec, .breaker])' <<<"$out")" \
		'[[0.2,null],[null,{"threshold":2,"recovery_sec":3600}]]'
	want 0 orchmake export plan -f other.json
	is "$(jq -c '.steps[0].lock' <<<"$out")" "\"$bench\""
}

@test "a condition that a plan cannot say is an error of export" {
	jobfile <<'E'
jobfile: 1
jobs:
  c: {steps: [{id: a, run: ":", when: "len(run.id) > 3"}]}
E
	want 1 orchmake export plan
	complains "a plan cannot say this: "
	complains "step 'a': 'condition' is no condition"
	is "$out" ""
}

@test "schema prints the JSON Schema of both languages" {
	want 0 orchmake schema plan
	is "$(jq -r .title <<<"$out")" plan
	want 0 orchmake schema jobfile
	is "$(jq -r .title <<<"$out")" Jobfile
	want 2 orchmake schema plam
	complains "did you mean 'plan'?"
}
