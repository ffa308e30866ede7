load lib

# Steps that try to get away: a background child, a session of its own, a daemon, one that ignores TERM.
prepare() {
	export MARK="$$-$BATS_TEST_NUMBER"
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  escape:
	    timeout: 60s
	    grace: 200ms
	    steps:
	      plain: {run: touch up-plain; sleep 600}
	      bg: {run: "sleep 600 & touch up-bg; sleep 600"}
	      own: {run: "setsid sleep 600 & touch up-own; sleep 600"}
	      daemon: {run: "(setsid sh -c 'sleep 600 & sleep 600' &) ; touch up-daemon; sleep 600"}
	      deaf: {run: "trap '' TERM INT HUP; touch up-deaf; while :; do sleep 1; done"}
	      stopped: {run: "touch up-stopped; kill -STOP $$"}
	    finally: [{id: clean, run: touch cleaned}]
	J
}

up() { [ "$(ls up-* 2>/dev/null | wc -l)" = 6 ]; }

begin() {
	orchmake -j8 escape >out.txt 2>err.txt </dev/null 3>&- &
	driver=$!
	until_true up
}

@test "Ctrl-C once cancels, cleans up, and leaves nobody" {
	begin
	kill -INT $driver
	wait $driver || code=$?
	is "$code" 130
	until_true nobody_left "$MARK"
	[ -e cleaned ]
	is "$(sql "select state from v_runs")" canceled
	is "$(sql "select count(*) from v_attempts where phase <> 'ended' and phase <> 'unused'")" 0
}

@test "SIGTERM and SIGHUP are like Ctrl-C" {
	for s in TERM HUP; do
		rm -f up-*
		begin
		code=0
		kill -$s $driver
		wait $driver || code=$?
		is "$code" "$((128 + $(kill -l $s)))"
		until_true nobody_left "$MARK"
	done
}

@test "when its terminal goes away, it ends like that too" {
	command -v python3 >/dev/null || skip "python3 is not installed"
	mkfifo told
	timeout 100 "$top_srcdir/tests/cli/typist" orchmake -j8 escape <told >shown 2>&1 3>&- &
	typist=$!
	exec 7>told
	until_true up
	echo hangup >&7
	exec 7>&-
	code=0
	wait $typist || code=$?
	is "$code" 129
	until_true nobody_left "$MARK"
	is "$(sql "select state from v_runs")" canceled
	want 0 orchmake fsck
}

@test "Ctrl-C twice kills at once" {
	sed -i 's/grace: 200ms/grace: 60s/' Jobfile
	begin
	kill -INT $driver
	kill -TERM $driver
	wait $driver || true
	until_true nobody_left "$MARK"
}

@test "kill -9 of orchmake leaves nobody, and the next start records it" {
	begin
	kill -KILL $driver
	wait $driver || true
	until_true nobody_left "$MARK"
	want 0 orchmake doctor
	is "$(sql "select state from v_runs")" interrupted
	is "$(sql "select count(*) from v_attempts where state = 'interrupted'")" 6
	is "$(sql "select count(*) from v_steps where state not in ('interrupted','aborted')")" 0
}

@test "a background child does not hold the step open, and is killed" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {j: {run: "sleep 600 & echo done"}}
	J
	want 0 timeout 100 orchmake
	until_true nobody_left "$MARK"
	is "$(sql "select leftovers from v_attempts")" 1
}

@test "a run's timeout ends with 124" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {j: {grace: 100ms, run: sleep 600}}
	J
	want 124 orchmake --timeout=100ms
	until_true nobody_left "$MARK"
}

# With the first deadline that leaves this machine the time to begin.
begun_by_deadline() { # COMMAND...
	local ms
	for ms in 100 1000 10000 60000; do
		want 124 "$@" --deadline=${ms}ms
		[ ! -e begun ] || return 0
	done
	echo "it never began"
	return 1
}

@test "a deadline ends the run like a timeout, and one that has passed is refused" {
	jobfile <<-'J'
	jobfile: 1
	params: {n: 1}
	jobs: {j: {run: 'echo once >>begun; while :; do :; done'}}
	J
	begun_by_deadline orchmake --timeout=1h
	is "$(sql "select state || ' ' || reason from v_steps order by run desc limit 1")" "canceled run-timeout"
	rm begun
	begun_by_deadline orchmake -k --each n=1..3
	is "$(cat begun)" once
	want 2 orchmake --deadline=2001-01-01T06:30
	complains "--deadline: '2001-01-01T06:30' is not in the future"
	want 2 orchmake --deadline=noon
	complains "--deadline: 'noon' is not a time such as 06:30, 2026-01-31T06:30 or 90m"
}

@test "ps shows what runs and kill stops it" {
	begin
	until_true sh -c 'orchmake ps --format=json | jq -e ".[0].running | length == 6"'
	want 0 orchmake kill last
	wait $driver || true
	until_true nobody_left "$MARK"
}

@test "a step sees a clean world" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  probe:
	    run: |
	      ls /proc/self/fd | wc -l >fds
	      grep -E '^Sig(Blk|Ign)' /proc/self/status >signals
	      wc -c <&0 >stdin
	J
	exec 7</dev/null
	want 0 orchmake
	exec 7<&-
	is "$(cat fds)" 6 # 0, 1, 2, the folder that is listed, and the two of the job server
	is "$(cat stdin)" 0
	is "$(cut -f2 signals | paste -sd' ')" "0000000000000000 0000000000000000"
}

@test "the warden killed: what ran is lost and said to be, and nobody is left" {
	begin
	warden=$(pgrep -P $driver -f orchmake-warden)
	kill -KILL "$warden"
	code=0
	wait $driver || code=$?
	is "$code" 1
	until_true nobody_left "$MARK"
	grep -q 'warden' err.txt
	is "$(sql "select count(*) from v_attempts where state = 'lost'")" 6
	is "$(sql "select state from v_runs")" failed
}

@test "driver and warden killed together: the next start ends what is left and invents nothing" {
	begin
	warden=$(pgrep -P $driver -f orchmake-warden)
	kill -STOP "$warden"
	kill -KILL $driver "$warden"
	wait $driver || true
	want 0 orchmake doctor
	until_true nobody_left "$MARK"
	is "$(sql "select state from v_runs")" interrupted
	# What the warden still saw is interrupted, the rest is lost; nothing is said to have ended well or badly.
	is "$(sql "select count(*) from v_attempts where state not in ('lost', 'interrupted')")" 0
}

@test "--fail-fast: the first failure stops what runs, and finally has its turn" {
	mkfifo never
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  hangs: {steps: [{id: s, grace: 100ms, run: ": >up; read x <never"}], finally: [{id: f, run: "echo cleaned >>did"}]}
	  bad: {run: "until test -e up; do sleep 0.01; done; echo tried >>tries; exit 3", retry: 2}
	  after: {needs: [hangs], run: "echo after >>did"}
	  tolerated: {critical: false, on_failure: continue, run: "exit 1"}
	  all: {stages: [{jobs: [tolerated, bad, after]}]}
	J
	want 1 orchmake -j4 --fail-fast all
	is "$(cat did)" cleaned
	is "$(wc -l <tries)" 3
	is "$(sql "select state || ' ' || reason || ' ' || why from v_steps where step = 'hangs/s'")" \
		"canceled fail-fast 'bad' failed, and --fail-fast stops what runs"
	is "$(sql "select state from v_runs")" failed
	want 2 orchmake -k --fail-fast all
	complains "--fail-fast and -k contradict each other"
	want 2 orchmake -i --fail-fast all
	complains "--fail-fast and -i contradict each other"
}
