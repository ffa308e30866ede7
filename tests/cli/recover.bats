load lib

# What a start does about runs whose driver was killed.

prepare() {
	command -v sqlite3 >/dev/null || skip "sqlite3 is not installed"
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  long:
	    steps:
	      one: {run: "echo said; touch up; sleep 600"}
	J
}

is_running() { [ "$(sql "select phase from v_attempts")" = running ]; }

# Leaves a ledger with a run whose driver and steps are dead.
kill_driver() {
	orchmake -s long </dev/null >out.txt 2>&1 3>&- &
	driver=$!
	until_true test -e up
	until_true is_running
	kill -KILL $driver
	wait $driver || true
	until_true wardens_gone
	run=$(sql "select run from v_runs")
}

change() { sqlite3 .orchmake/ledger.db "$1"; }

@test "a folder that is not the run's is left alone, whatever the ledger says" {
	kill_driver
	mkdir precious
	touch precious/thing
	change "UPDATE run_texts SET journal = '$T/precious/journal'"
	want 0 orchmake doctor
	[ -e precious/thing ]
	is "$(sql "select state from v_runs")" interrupted
}

@test "the run's own folder is removed" {
	kill_driver
	[ -d ".orchmake/runs/$run" ]
	want 0 orchmake doctor
	[ ! -e ".orchmake/runs/$run" ]
}

@test "an attempt whose start was not yet committed has its log" {
	kill_driver
	change "UPDATE attempts SET phase = 0, log = NULL, pid = NULL, start_wall_ms = NULL"
	want 0 orchmake doctor
	is "$(sql "select state || ' ' || phase from v_attempts")" "interrupted ended"
	log=$(sql "select log from v_attempts")
	is "$(cat "$log")" said
}

# Its lock is what says that a warden lives.
@test "a warden that cannot end its steps does not hold up a start, and its run stays open" {
	kill_driver
	exec 7<".orchmake/runs/$run/journal"
	until_true flock -n -x 7
	want 0 timeout 200 orchmake doctor
	says "run $run of 'long' has lost its driver"
	is "$(sql "select state from v_runs")" running
	exec 7<&-
	want 0 orchmake doctor
	is "$(sql "select state from v_runs")" interrupted
}

@test "who sweeps may hold a new run's folder for a moment, and remove it" {
	command -v python3 >/dev/null || skip "python3 is not installed"
	jobfile <<<$'jobfile: 1\njobs: {a: {run: "true"}}'
	want 0 orchmake
	python3 - <<-'P' &
	import fcntl, os, time
	n = 0
	while not os.path.exists("over"):
	    for name in os.listdir(".orchmake/runs"):
	        try:
	            fd = os.open(".orchmake/runs/" + name, os.O_RDONLY)
	        except OSError:
	            continue
	        try:
	            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
	            time.sleep(n % 2 * 0.01)
	            n += 1
	            os.rmdir(".orchmake/runs/" + name)
	            open("held", "a").write(name + "\n")
	        except OSError:
	            pass
	        os.close(fd)
	P
	for ((i = 0; i < 100; i++)); do
		want 0 orchmake
		[ "$(cat held 2>/dev/null | wc -l)" -lt 6 ] || break
	done
	touch over
	wait $!
}

@test "of two that find the same dead run the second discards nothing, however late it is" {
	command -v strace >/dev/null || skip "strace is not installed"
	strace -qq -o /dev/null true 2>/dev/null || skip "nothing can be traced here"
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  a: {outputs: [made], run: "echo half >made; touch up; test -e ok || exec sleep 600; echo whole >made"}
	J
	orchmake -s a </dev/null >out.txt 2>&1 3>&- &
	driver=$!
	until_true test -e up
	until_true is_running
	kill -KILL $driver
	wait $driver || true
	until_true wardens_gone
	run=$(sql "select run from v_runs")
	touch ok
	# It stops before it looks for what its step was making.
	ASAN_OPTIONS=detect_leaks=0 strace -qq -f -o calls -P "$T/.orchmake/runs/$run/makes-1" \
		-e trace=openat -e inject=openat:signal=STOP:when=1 orchmake doctor >first 2>&1 </dev/null 3>&- &
	tracer=$!
	until_true grep -q 'stopped by SIGSTOP' calls
	first=$(awk '/stopped by SIGSTOP/ { print $1 }' calls)
	orchmake -s a >second 2>&1 </dev/null 3>&- &
	second=$!
	until_true eval 'grep -q "is being recorded by another orchmake: this one waits" second || dead $second'
	kill -CONT "$first"
	wait $tracer
	wait $second
	is "$(cat made)" whole
	is "$(sql "select group_concat(state, ' ') from (select state from v_runs order by no)")" "interrupted succeeded"
	want 0 orchmake fsck
}
