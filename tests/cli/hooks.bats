# Hooks: steps on events of the run, whose end changes nothing.

load lib

prepare() {
	jobfile <<-'J'
	jobfile: 1
	hooks:
	  on_start: {run: 'echo "start $ORCHMAKE_TARGET $ORCHMAKE_STATE" >>told.txt'}
	  on_retry: {run: 'echo "retry $ORCHMAKE_STEP $ORCHMAKE_ERROR" >>told.txt'}
	  on_skip: {run: 'echo "skip $ORCHMAKE_STEP" >>told.txt'}
	  on_success: {run: 'echo success >>told.txt'}
	  on_failure:
	    - {id: tell, run: 'echo "failure $ORCHMAKE_STATE: $ORCHMAKE_STEP: $ORCHMAKE_ERROR" >>told.txt; cp "$ORCHMAKE_RESULT" result.json'}
	    - {id: broken, run: 'echo hm; exit 9'}
	  on_cancel: {run: 'echo cancel >>told.txt'}
	  always: {argv: [sh, -c, 'orchmake history | grep -c "$0" >>told.txt || true', succeeded]}
	jobs:
	  good: {run: 'true'}
	  odd: {when: 'false', run: 'true'}
	  bad: {run: 'exit 4', retry: 1}
	  long: {run: ': >up; sleep 1000'}
	J
}

@test "each event has its hook, in order; the end's see the run as ended" {
	want 0 orchmake good odd
	is "$(cat told.txt)" "start good odd running
skip odd
success
1"
}

@test "a failure of a hook is told and kept, and changes nothing" {
	want 1 orchmake bad
	complains "failed hooks.on_failure/broken: exit 9
    hm
    log: .orchmake/logs/"
	is "$(cat told.txt)" "start bad running
retry bad exit 4
failure failed: bad: exit 4
0"
	is "$(jq -c '[.success, .job_id]' result.json)" '[false,"bad"]'
	want 0 orchmake events
	is "$(jq -c 'select(.event == "hook_ended" and .state == "failed") | [.step, .exit_code, .error]' <<<"$out")" \
		'["hooks.on_failure/broken",9,"exit 9"]'
	want 0 orchmake logs
	says "==> hooks.on_failure/broken <==
hm"
	want 0 orchmake fsck
	sed -i 's/on_success:.*/on_success: {run: "exit 1"}/' Jobfile
	want 0 orchmake -s good
	complains "failed hooks.on_success/step1: exit 1"
}

@test "the hooks of a failed run are told of the first step whose failure counts" {
	jobfile <<-'J'
	jobfile: 1
	hooks:
	  on_failure: {run: 'echo "$ORCHMAKE_STEP: $ORCHMAKE_ERROR" >>told.txt'}
	  always: {run: 'echo "always ${ORCHMAKE_STEP-}" >>told.txt'}
	jobs:
	  all: {needs: [soft, stood_in, flaky, first, second], noop: true}
	  soft: {run: exit 3, critical: false}
	  stood_in: {steps: {a: {run: exit 4, on_failure: {fallback: b}}, b: {run: 'true', fallback_only: true}}}
	  flaky: {run: 'test "$ORCHMAKE_ATTEMPT" = 2 || exit 5', retry: 1}
	  first: {argv: [./nosuch], on_failure: skip_dependents}
	  second: {run: exit 6}
	J
	want 1 orchmake -x all
	is "$(cat told.txt)" "first: cannot start './nosuch': No such file or directory
always first"
	rm told.txt
	want 0 orchmake flaky
	is "$(cat told.txt)" "always "
	want 6 orchmake -k -x soft stood_in flaky second
}

@test "a canceled run has its hook too" {
	orchmake -s long &
	until_true test -e up
	kill -INT $!
	got=0
	wait $! || got=$?
	is "$got" 130
	is "$(sed -n 2p told.txt)" cancel
}

@test "one that hangs is stopped, by its timeout or by a second signal" {
	export MARK=hooks-$$
	sed -i 's/on_success:.*/on_success: {timeout: 100ms, grace: 100ms, run: "trap : TERM; while :; do sleep 1; done"}/' Jobfile
	want 0 orchmake good
	complains "hooks.on_success/step1: timed out"
	sed -i 's/on_success:.*/on_success: {run: ": >hangs; sleep 1000"}/' Jobfile
	orchmake -s good &
	until_true test -e hangs
	kill -TERM $!
	wait $!
	nobody_left "$MARK"
}

@test "-n runs none, and a hook may use what a step may: vars and secrets" {
	want 0 orchmake -n good
	[ ! -e told.txt ]
	export KEY=s3cr3t
	jobfile <<-'J'
	jobfile: 1
	secrets: {K: {env: KEY}}
	vars: {v: {sh: echo late}}
	hooks: {on_success: {env: {K: "${{ secrets.K }}", V: "${{ vars.v }}"}, run: 'echo "$K $V"; echo "$K" >key.txt'}}
	jobs: {a: {run: 'true'}}
	J
	want 0 orchmake a
	want 0 orchmake logs last
	says "*** late"
	is "$(cat key.txt)" s3cr3t
}

@test "on_slow runs beside the step that is slow, once, whatever number of attempts" {
	jobfile <<-'J'
	jobfile: 1
	hooks:
	  on_slow: {run: 'echo "$ORCHMAKE_HOOK $ORCHMAKE_STEP $ORCHMAKE_STATE ${ORCHMAKE_ERROR-none}" >>told.txt'}
	jobs:
	  all: {needs: [quick, flow], noop: true}
	  quick: {slow: 1h, run: 'true'}
	  flow:
	    steps:
	      - {id: first, retry: {max: 1, delay: 1ms}, slow: 20ms, run: 'until [ -s told.txt ]; do sleep 0.02; done; [ $ORCHMAKE_ATTEMPT = 2 ]'}
	J
	timeout 60 orchmake -s
	is "$(cat told.txt)" "on_slow flow/first running none"
	is "$(sql "select count(*) from v_events where event = 'hook_ended'")" 1
}
