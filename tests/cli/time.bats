load lib

# What takes its time: until, deadline, stall, slow.

state() { sql "select state from v_steps where step = '$1' order by rowid desc limit 1"; }

@test "until: asked again until it is so, and the wait holds no slot" {
	jobfile <<'Y'
jobfile: 1
jobs:
  all:
    steps:
      there: {until: {run: "echo ask >>asked; test -e ready", every: 10ms, timeout: 1m}}
      makes: {run: "until [ -s asked ]; do :; done; touch ready"}
      then: {needs: [there], run: "echo then"}
Y
	want 0 orchmake -j1
	complains "waits  all/there  not yet: exit 1; again every 0.01s"
	[ "$(grep -c waits <<<"$err")" = 1 ]
	[ "$(wc -l <asked)" -ge 2 ]
	is "$(state all/there)" succeeded
	is "$(sql "select attempts from v_steps where step = 'all/there'")" "$(wc -l <asked)"
}

@test "until: holds no pool while it waits" {
	jobfile <<'Y'
jobfile: 1
pools: {one: 1}
defaults: {pool: one}
jobs:
  all:
    steps:
      there: {until: {argv: [test, -e, ready], every: 10ms}}
      makes: {run: touch ready}
Y
	want 0 orchmake -j2
}

@test "until: at its timeout it has failed, also between two tries" {
	jobfile <<'Y'
jobfile: 1
jobs:
  never: {until: {run: "exit 3", every: 1h, timeout: 50ms}}
  hangs: {until: {run: "exec sleep 1000", timeout: 50ms}}
  broken: {until: {argv: [./no-such-program]}}
Y
	want 1 orchmake -k -j3 never hangs broken
	is "$(state never) $(state hangs) $(state broken)" "timed_out timed_out failed"
	complains "it did not come true in time"
	complains "cannot start './no-such-program': No such file or directory"
	want 0 orchmake why never
	says "it did not come true in time"
}

@test "until: wrong ones are refused" {
	jobfile <<'Y'
jobfile: 1
jobs:
  a: {until: {every: 5s}}
  b: {until: {run: x, argv: [x]}}
  c: {until: {run: x, every: 0s, retries: 3}}
  d: {until: x}
  e: {until: {run: x}, run: y}
Y
	want 2 orchmake
	complains "'until' does not say what to ask"
	complains "'until' has both 'run' and 'argv'"
	complains "'every' must be a duration above 0, not '0s'"
	complains "unknown key 'retries' in 'until'"
	complains "'until' must be a map, not 'x'"
	complains "job 'e' has both 'until' and 'run'"
}

@test "deadline: a step that runs, one that waits and one between attempts are over" {
	jobfile <<'Y'
jobfile: 1
jobs:
  runs: {deadline: 100ms, run: "exec sleep 1000"}
  waits: {deadline: 100ms, needs: [runs_on], run: "echo no >waits.txt"}
  runs_on: {until: {argv: [test, -e, stop], every: 10ms}}
  pauses: {deadline: 1s, retry: {max: 3, delay: 1h}, run: "echo >>tried; exit 4"}
  late: {needs: {runs: any, waits: any, pauses: any}, run: touch stop}
Y
	for s in 1 10 60; do # the first that leaves this machine the time for one attempt
		sed -i "s/pauses: {deadline: [0-9]*s/pauses: {deadline: ${s}s/" Jobfile
		rm -f stop
		want 1 orchmake -k -j4 runs waits runs_on pauses late
		[ ! -e tried ] || break
	done
	is "$(state runs) $(state waits) $(state pauses) $(state runs_on)" "timed_out timed_out timed_out succeeded"
	[ ! -e waits.txt ]
	complains "its deadline passed"
	is "$(wc -l <tried)" 1
}

@test "deadline: of a job, all of it is over but its finally" {
	jobfile <<'Y'
jobfile: 1
jobs:
  all:
    deadline: 100ms
    steps:
      - {id: hangs, run: "exec sleep 1000"}
      - {id: next, run: touch next}
    finally: [{id: last, run: touch last}]
  other: {run: touch other}
  whole: {deadline: 100ms, stages: [all, other]}
Y
	want 1 orchmake all
	is "$(state all/hangs) $(state all/next) $(state all/last)" "timed_out aborted succeeded"
	is "$(sql "select state || ' ' || reason from v_jobs where job = 'all'")" "timed_out deadline"
	[ -e last ]
	[ ! -e next ]
	want 1 orchmake whole
	is "$(sql "select group_concat(state, ' ') from (select * from v_jobs where job in ('all', 'whole') and run = (select run from v_runs order by no desc limit 1) order by job)")" "timed_out timed_out"
	[ ! -e other ]
}

@test "stall: silence ends an attempt, output does not, and retry can tell it from a timeout" {
	mkfifo never
	jobfile <<'Y'
jobfile: 1
jobs:
  silent: {stall: 500ms, retry: {max: 1, when: [stall]}, run: "echo begun; cat never"}
  other: {stall: 500ms, retry: {max: 1, when: [timeout]}, run: "cat never"}
  talks: {stall: 2s, run: "for i in $(seq 25); do echo $i; sleep 0.1; done"}
  aside: {stall: 2s, stdout: aside.txt, run: "for i in $(seq 25); do echo $i; sleep 0.1; done"}
Y
	for s in 2 20 60; do # the first that is more than this machine makes a step wait for its turn
		sed -i "s/stall: [0-9]*s,/stall: ${s}s,/" Jobfile
		want 1 orchmake -k -j4 silent other talks aside
		[ "$(state talks) $(state aside)" != "succeeded succeeded" ] || break
	done
	is "$(state silent) $(state other) $(state talks) $(state aside)" "timed_out timed_out succeeded succeeded"
	complains "it printed nothing for too long: 500ms"
	is "$(sql "select group_concat(step || ' ' || attempts, ', ') from (select * from v_steps
		where run = (select run from v_runs order by no desc limit 1) and step in ('silent', 'other') order by step)")" "other 1, silent 2"
}

@test "slow: said once, and the step goes on" {
	jobfile <<'Y'
jobfile: 1
jobs:
  long: {slow: 20ms, retry: 1, run: "until grep -q step_slow events.json; do :; done; [ $ORCHMAKE_ATTEMPT = 2 ]"}
Y
	want 0 orchmake --events=events.json
	complains "slow   long  runs for more than 0.02s"
	is "$(grep -c step_slow events.json)" 1
	is "$(grep step_slow events.json | jq -c '[.step, .due_ms, .duration_ms >= 20]')" '["long",20,true]'
	want 0 orchmake events last
	says step_slow
}

@test "slow: by what it took in the past, once there is a past" {
	jobfile <<'Y'
jobfile: 1
params: {file: quick}
jobs:
  long: {slow: p95*2, env: {FILE: "${{ params.file }}"}, run: 'until [ -e "$FILE" ] || grep -q step_slow events.json; do :; done'}
Y
	touch quick
	want 0 orchmake --events=events.json
	is "$(grep -c step_slow events.json)" 0
	twice=$(sql "select duration_us * 2 / 1000 from attempts where state = (select no from states where word = 'succeeded')")
	want 0 orchmake --events=events.json file=absent
	is "$(grep step_slow events.json | jq .due_ms)" "$twice"
}

@test "slow, stall, deadline: wrong ones are refused" {
	jobfile <<'Y'
jobfile: 1
jobs:
  a: {run: x, slow: p95*, stall: 5, deadline: soon}
  b: {run: x, slow: p99}
  c: {run: x, stall: 5s, tty: true}
Y
	want 2 orchmake
	complains "'slow' must be a duration such as 10m, or p95*2 for twice what it took in the past, not 'p95*'"
	complains "'slow' must be a duration such as 10m, or p95*2 for twice what it took in the past, not 'p99'"
	complains "'stall' watches the log, and what has a 'tty' writes none"
	complains "say the unit: 5s"
	complains "'deadline' must be a duration"
}
