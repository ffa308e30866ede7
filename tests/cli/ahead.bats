# Steps that are held ahead begin in the place of one that ends well, and of no other.

load lib

# At -j1: `first` waits for what it is to say, and behind it come plain steps, of which eight at most are held.
line() {
	cat >Jobfile <<'J'
jobfile: 1
jobs:
  all:
    steps:
      first: {run: 'echo $$ >first.pid; read code <fifo; echo first >>log; exit $code'}
      b: {run: 'echo b >>log'}
      c: {run: 'echo c >>log'}
      d: {run: 'echo d >>log'}
      e: {run: 'echo e >>log'}
J
	mkfifo fifo
}

# Everything that is held is with the warden, and the driver waits.
held() {
	grep -q "hold     all/$1" said && [ -s first.pid ] && [ "$(cut -d' ' -f3 "/proc/$driver/stat")" = S ]
}

begin() {
	orchmake -j1 --debug=sched "$@" all >said 2>&1 &
	driver=$!
	until_true held e
}

attempts() { sql "SELECT group_concat(step || ' ' || state, ', ') FROM (SELECT step, state FROM v_attempts ORDER BY serial)"; }
has() { grep -qx "$1" log; }

@test "a step begins in the place of one that ends well, whether the driver runs or not" {
	line
	begin
	kill -STOP "$driver"
	echo 0 >fifo
	until_true has e
	is "$(tr '\n' ' ' <log)" 'first b c d e '
	kill -CONT "$driver"
	wait "$driver"
	is "$(attempts)" 'all/first succeeded, all/b succeeded, all/c succeeded, all/d succeeded, all/e succeeded'
	# What ended is told before what began in its place.
	is "$(sql "SELECT group_concat(substr(event, 6) || ' ' || step, ', ') FROM (SELECT event, step FROM v_events
		WHERE event IN ('step_started', 'step_succeeded') ORDER BY seq LIMIT 4)")" \
		'started all/first, succeeded all/first, started all/b, succeeded all/b'
	is "$(sql "SELECT count(*) FROM attempts WHERE duration_us < 0 OR start_mono_ns IS NULL")" 0
	want 0 orchmake fsck
}

@test "nothing begins after a failure, though the driver has not heard of it" {
	line
	begin
	kill -STOP "$driver"
	echo 3 >fifo
	until_true no kill -0 "$(cat first.pid)"
	kill -CONT "$driver"
	code=0; wait "$driver" || code=$?
	is "$code" 1
	is "$(cat log)" first
	is "$(attempts)" 'all/first failed'
	is "$(sql "SELECT count(*) FROM v_steps WHERE state = 'aborted' AND reason = 'policy-abort'")" 4
	want 0 orchmake fsck
}

@test "where the others go on, what was held starts when the failure is known, once" {
	line
	sed -i 's/first: {/first: {on_failure: continue, /' Jobfile
	begin
	echo 3 >fifo
	code=0; wait "$driver" || code=$?
	is "$code" 1
	is "$(tr '\n' ' ' <log)" 'first b c d e '
	is "$(attempts)" 'all/first failed, all/b succeeded, all/c succeeded, all/d succeeded, all/e succeeded'
	is "$(sql 'SELECT max(attempt) FROM v_attempts')" 1
}

@test "Ctrl-C: what was held never ran" {
	line
	begin
	kill -INT "$driver"
	code=0; wait "$driver" || code=$?
	is "$code" 130
	no test -e log
	is "$(attempts)" 'all/first canceled'
	is "$(sql "SELECT count(*) FROM v_steps WHERE state = 'canceled'")" 5
	want 0 orchmake fsck
}

@test "a step that takes too long lets nothing begin" {
	line
	sed -i 's/first: {/first: {timeout: 1s, grace: 0s, /' Jobfile
	begin
	code=0; wait "$driver" || code=$?
	is "$code" 1
	no test -e log
	is "$(attempts)" 'all/first timed_out'
}

@test "one that is tried again comes before those that were held" {
	line
	sed -i 's/first: {/first: {retry: 1, /' Jobfile
	begin
	echo 3 >fifo
	until_true has first
	echo 0 >fifo
	wait "$driver"
	is "$(tr '\n' ' ' <log)" 'first first b c d e '
}

@test "the driver killed: what was held is not started, and resume does it once" {
	line
	begin
	kill -KILL "$driver"
	wait "$driver" || true
	no test -e log
	(echo 0 >fifo) &
	want 0 orchmake -j1 resume
	is "$(tr '\n' ' ' <log)" 'first b c d e '
	is "$(attempts)" 'all/first interrupted, all/first succeeded, all/b succeeded, all/c succeeded, all/d succeeded, all/e succeeded'
	want 0 orchmake fsck
}

@test "on_driver_death finish: what runs ends, and what was held does not begin" {
	line
	sed -i 's/  all:/  all:\n    on_driver_death: finish/' Jobfile
	begin
	kill -KILL "$driver"
	wait "$driver" || true
	echo 0 >fifo
	until_true no kill -0 "$(cat first.pid)"
	want 0 orchmake -j1 resume
	is "$(tr '\n' ' ' <log)" 'first b c d e '
	is "$(attempts)" 'all/first succeeded, all/b succeeded, all/c succeeded, all/d succeeded, all/e succeeded'
}

@test "the warden killed, alone or with the driver: what was held is neither lost nor done" {
	line
	for both in '' "yes"; do
		rm -rf .orchmake log first.pid
		begin
		warden=$(pgrep -P "$driver" -f orchmake-warden)
		kill -KILL ${both:+"$driver"} "$warden"
		wait "$driver" || true
		want 0 orchmake doctor
		no test -e log
		is "$(attempts)" 'all/first lost'
		want 0 orchmake fsck
	done
}

@test "what comes first is not overtaken by what was held" {
	jobfile <<'J'
jobfile: 1
jobs:
  all: {needs: [long, short], noop: true}
  long:
    steps:
      a: {run: 'echo a >>log'}
      b: {needs: [a], run: 'echo b >>log'}
      c: {needs: [b], run: 'echo c >>log'}
  short: {steps: {d: {run: 'echo d >>log'}, e: {run: 'echo e >>log'}}}
J
	want 0 orchmake -j1 all
	is "$(tr '\n' ' ' <log)" 'a b c d e '
	rm log
	sqlite3 .orchmake/ledger.db "UPDATE durations SET n = 1, d1 = 5000"
	sed -i 's/d: {/d: {priority: 5, /' Jobfile
	want 0 orchmake -j1 all
	is "$(tr '\n' ' ' <log)" 'd a b c e '
}

@test "a command is made of what there is when it is its turn" {
	jobfile <<'J'
jobfile: 1
jobs:
  all:
    steps:
      a: {run: 'touch made; printf "#!/bin/sh\necho prog >>log\n" >prog; chmod +x prog'}
      b: {argv: [sh, -c, 'echo "$0" >>log', "${{ exists('made') ? 'there' : 'not there' }}"]}
      c: {argv: [./prog]}
      d: {argv: [sh, -c, 'echo "$0" >>log', "${{ glob('ma*') }}"]}
J
	want 0 orchmake -j1 all
	is "$(tr '\n' ' ' <log)" 'there prog made '
}

@test "an exit that alone does not say whether a step ended well lets nothing begin" {
	jobfile <<'J'
jobfile: 1
jobs:
  all:
    steps:
      a: {run: 'echo bad', fail_if: {stdout: bad}}
      b: {run: 'echo b >>log'}
J
	want 1 orchmake -j1 all
	no test -e log
	sed -i "s/fail_if.*/outputs: [never]}/" Jobfile
	want 1 orchmake -j1 all
	no test -e log
	sed -i "s/outputs.*/skip_exit: [0], ok_exit: [1]}/" Jobfile
	want 0 orchmake -j1 all
	is "$(cat log)" b
}
