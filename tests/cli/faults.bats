load lib

# Things that go wrong around a run.  After each: exit code and message say what happened, the ledger is sound, and the
# next run goes well.  tests/faults.py does the same with every call.

prepare() {
	command -v sqlite3 >/dev/null || skip "sqlite3 is not installed"
	lib=$top_builddir/tests/progs/faulty.so
	export MARK="$$-$BATS_TEST_NUMBER"
	export ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  j:
	    steps:
	      one: {run: "echo one >>done"}
	      two: {needs: [one], run: "echo two >>done"}
	  held:
	    steps:
	      wait: {run: "touch up; until test -e go; do sleep 0.02; done; echo waited >>done"}
	J
}

sound() { # the ledger after a fault, and the run after it
	want 0 orchmake doctor
	want 0 orchmake fsck
	says ": 0 problems"
	until_true nobody_left "$MARK"
	want 0 orchmake j
	want 0 orchmake fsck
}

# The same where the test has a Jobfile of its own.
sound_again() {
	prepare
	sound
}

# faulty CALL PATH ERRNO AT [STICKY] COMMAND...: with that call failing.
faulty() {
	local call=$1 path=$2 errno=$3 at=$4
	shift 4
	env LD_PRELOAD="$lib" FAULT_PROGRAM=orchmake FAULT_CALL="$call" FAULT_PATH="$path" FAULT_ERRNO="$errno" \
		FAULT_AT="$at" FAULT_STICKY=1 "$@"
}

begin_held() {
	orchmake held >out.txt 2>err.txt </dev/null 3>&- &
	driver=$!
	until_true test -e up
}

end_held() { # CODE
	touch go
	code=0
	wait $driver || code=$?
	is "$code" "$1"
}

@test "a disk that is full when the ledger is written is an exit of 5 that says so" {
	want 0 orchmake j
	want 5 faulty pwrite64 ledger.db 28 1 orchmake j
	complains "ledger.db': cannot "
	complains "make room on the disk"
	want 5 faulty pwrite64 ledger.db-wal 28 12 orchmake j
	complains "database or disk is full"
	sound
}

@test "a disk that fails is one too" {
	want 5 faulty pwrite64 ledger.db 5 5 orchmake j
	complains "disk I/O error"
	sound
}

@test "results that cannot be written are a failure" {
	[ -e /dev/full ] || skip "there is no /dev/full"
	want 1 sh -c 'orchmake list >/dev/full'
	complains "No space left on device"
	want 0 orchmake j
	want 1 sh -c 'orchmake history >/dev/full'
	complains "No space left on device"
	want 0 orchmake list
}

@test "a reader that has gone is no news, and no folder either" {
	mkfifo pipe
	exec 8<>pipe 9>pipe 8<&-
	want 1 sh -c 'orchmake -Ojson j >&9'
	exec 9>&-
	is "$(grep -c 'cannot write' <<<"$err")" 0
	is "$(sql "select state from v_runs")" succeeded
}

@test "a log that cannot be made fails its step, with the reason" {
	begin_held
	rm -rf .orchmake/logs
	end_held 0
	rm -f up go
	sed -i '/wait:/a\      more: {needs: [wait], run: "echo never >>done"}' Jobfile
	begin_held
	rm -rf .orchmake/logs
	end_held 1
	grep -q 'cannot start: open log: No such file' out.txt err.txt
	is "$(grep -c never done || true)" 0
	sound
}

@test "a step that failed where its log could not grow says that the disk is full" {
	command -v unshare >/dev/null || skip "unshare is not installed"
	unshare -rm mount -t tmpfs -o size=1m none /mnt 2>/dev/null || skip "no mounting here"
	jobfile <<<$'jobfile: 1\njobs: {chatty: {run: yes | head -c 3000000}, few: {run: exit 3}}'
	mkdir logs
	want 1 unshare -rm sh -c 'mount -t tmpfs -o size=1m none logs && orchmake -s -k --log-dir logs chatty'
	complains "failed chatty: exit 1: y (the disk of its log is full)"
	want 1 orchmake -s few
	no complains "disk"
}

@test "a ledger that may not be written is an exit of 5" {
	command -v unshare >/dev/null || skip "unshare is not installed"
	unshare -rm true 2>/dev/null || skip "no mounting here"
	want 0 orchmake j
	want 5 unshare -rm sh -c 'mount --bind .orchmake .orchmake && mount -o remount,bind,ro .orchmake && orchmake j'
	complains "Read-only file system"
	is "$(wc -l <done)" 2
	sound
}

@test "durability full: every folder down to the journal is brought to the disk, and one that cannot be is an exit of 5" {
	command -v strace >/dev/null || skip "strace is not installed"
	strace -qq -o /dev/null true 2>/dev/null || skip "nothing can be traced here"
	export ASAN_OPTIONS=detect_leaks=0
	sed -i '1a ledger: {durability: full}' Jobfile
	want 0 strace -qq -y -o calls -e trace=fsync orchmake j
	run=$(sql "select run from v_runs")
	for folder in "" /.orchmake /.orchmake/runs "/.orchmake/runs/$run"; do
		grep -q "<$PWD$folder>) *= 0" calls
	done
	want 5 strace -qq -o calls -P "$PWD/.orchmake/runs" -e trace=fsync -e inject=fsync:error=EIO orchmake j
	complains "to the disk: Input/output error"
	sound
}

@test "two drivers share a ledger" {
	begin_held
	want 0 orchmake j
	want 0 orchmake j
	end_held 0
	is "$(sql "select count(*) from v_runs where state = 'succeeded'")" 3
	sound
}

@test "a clock that jumps changes no timeout and no order" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  j:
	    timeout: 60s
	    steps: {one: {run: "true"}, two: {needs: [one], retry: {max: 1, delay: 10ms}, run: "test -e again || { touch again; false; }"}}
	J
	for seconds in -864000 864000; do
		rm -f again
		want 0 env LD_PRELOAD="$lib" FAULT_PROGRAM=orchmake FAULT_CLOCK=$seconds FAULT_CLOCK_AT=8 orchmake --timeout=60s
		want 0 orchmake fsck
		want 0 orchmake history
	done
	is "$(sql "select count(*) from v_attempts where duration_ms < 0 or duration_ms > 60000")" 0
	is "$(sql "select count(*) from v_runs where duration_ms < 0 or duration_ms > 60000")" 0
}

@test "whatever number of descriptors there is: it says what it lacks, or it works" {
	for n in 3 4 5 6 7 8 9 10 12 14 16 18 20 24; do
		code=0
		sh -c "ulimit -n $n; exec orchmake -j2 j" >out.txt 2>&1 </dev/null || code=$?
		case $code in
		0) ;;
		1 | 2 | 5 | 127) [ -s out.txt ] ;;
		*) echo "$n descriptors: exit $code"; cat out.txt; false ;;
		esac
	done
	sound
}

@test "a Jobfile that is edited while it runs changes nothing for that run" {
	begin_held
	echo 'jobfile: [' >Jobfile
	end_held 0
	is "$(sql "select state from v_runs")" succeeded
	is "$(cat done)" waited
}

@test "a ledger that is deleted while a run writes to it is no success" {
	begin_held
	rm -rf .orchmake
	end_held 5
	grep -q 'deleted or replaced' err.txt
	until_true nobody_left "$MARK"
	want 0 orchmake j
	want 0 orchmake fsck
}

@test "the driver stopped and continued goes on where it was" {
	begin_held
	kill -TSTP $driver # which does nothing where no shell could continue it
	kill -STOP $driver
	until_true grep -q '^State:.T' /proc/$driver/status
	touch go
	until_true test -e done
	kill -CONT $driver
	end_held 0
	is "$(sql "select state from v_runs")" succeeded
}

@test "a line of 100 MB, zeros and all, is nobody's memory" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  long: {run: "head -c 100000000 /dev/zero | tr '\\0' x; exit 3"}
	  raw: {run: "head -c 3000000 /dev/urandom; exit 3"}
	J
	limit='ulimit -v 200000;'
	grep -q __asan_init "$(command -v orchmake)" && limit=
	want 1 sh -c "$limit exec orchmake long"
	want 1 sh -c "$limit exec orchmake raw"
	is "$(stat -c %s .orchmake/logs/*/000001-long*.log)" 100000000
	is "$(stat -c %s .orchmake/logs/*/000001-raw*.log)" 3000000
	[ "$(printf %s "$out$err" | wc -c)" -lt 20000000 ]
	want 0 orchmake fsck
}

@test "a log of 10 GB is looked at where it matters" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  j: {run: "truncate -s 10000000000 /proc/self/fd/1; echo the end; exit 3"}
	J
	limit='ulimit -v 200000;'
	grep -q __asan_init "$(command -v orchmake)" && limit=
	want 1 sh -c "$limit exec timeout 60 orchmake -s"
	complains "exit 3"
	complains "the end"
	is "$(stat -c %s .orchmake/logs/*/*.log)" 10000000008
	[ "$(printf %s "$out$err" | wc -c)" -lt 20000000 ]
	want 0 orchmake show last/j
	want 0 orchmake gc --max-size 1G
	is "$(ls .orchmake/logs)" ""
	want 0 orchmake fsck
}

# A group of processes that may have so much memory; nobody but root can make one, and not everywhere.
memory_group() { # BYTES
	group=/sys/fs/cgroup/memory/orchmake-test-$$-$RANDOM limit=memory.limit_in_bytes
	[ -d /sys/fs/cgroup/memory ] || group=/sys/fs/cgroup/${group##*/} limit=memory.max
	mkdir "$group" 2>/dev/null && echo "$1" 2>/dev/null >"$group/$limit" || {
		rmdir "$group" 2>/dev/null || true
		skip "no memory can be limited here"
	}
}

@test "the kernel is short of memory: it takes the step, not what keeps its record" {
	memory_group 100000000
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  j: {run: "exec awk 'BEGIN { while (1) s = s \"0123456789abcdef0123456789abcdef\" s }'"}
	J
	code=0
	(echo "$BASHPID" >"$group/cgroup.procs" && exec timeout 60 orchmake) >out.txt 2>err.txt </dev/null 3>&- || code=$?
	until_true rmdir "$group"
	is "$code" 1
	grep -q "killed by SIGKILL" err.txt
	is "$(sql "select signal from v_attempts")" 9
	sound_again
}

@test "a step that closes its outputs, and one that is killed, have ended as they ended" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  j:
	    steps:
	      closed: {run: "exec >&- 2>&-; exit 3", on_failure: continue}
	      killed: {run: "kill -KILL $$", on_failure: continue}
	      memory: {run: "ulimit -v 20000; exec awk 'BEGIN { while (1) s = s \"0123456789abcdef0123456789abcdef\" s }'", on_failure: continue}
	J
	want 1 orchmake
	complains "killed by SIGKILL"
	is "$(sql "select exit_code from v_attempts where step like '%closed'")" 3
	is "$(sql "select signal from v_attempts where step like '%killed'")" 9
	is "$(sql "select state from v_attempts where step like '%memory'")" failed
	want 0 orchmake fsck
}

@test "what earlier runs left in the work folders is swept" {
	want 0 orchmake j
	run=$(sql "select run from v_runs")
	mkdir -p ".orchmake/runs/$run/tmp" .orchmake/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV .orchmake/runs/mine
	touch ".orchmake/runs/$run/jobserver" .orchmake/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/journal.new
	want 0 orchmake j
	[ ! -e ".orchmake/runs/$run" ]
	[ ! -e .orchmake/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV ]
	[ -d .orchmake/runs/mine ]
}

@test "a run whose ledger cannot be opened leaves no warden and no folder" {
	want 0 orchmake j
	echo text >other.db
	want 5 orchmake --ledger=other.db j
	complains "is not a ledger"
	is "$(ls .orchmake/runs)" ""
	for warden in $(pgrep -x orchmake-warden); do
		[ "$(readlink "/proc/$warden/cwd")" != "$PWD" ]
	done
}

@test "a lock's note is that of the last run, however long the one before was" {
	want 0 orchmake j
	note=$(echo .orchmake/locks/j-*)
	printf '%0200d\n' 7 >"$note"
	want 0 orchmake j
	is "$(wc -l <"$note")" 1
	is "$(cut -d ' ' -f 1 "$note")" "$(sql 'select run from v_runs order by no desc limit 1')"
}

@test "a WAL of a header alone does not keep a reader waiting" {
	want 0 orchmake j
	sqlite3 .orchmake/ledger.db 'pragma wal_checkpoint(truncate)' >/dev/null
	sqlite3 .orchmake/ledger.db 'create table x (y); drop table x' '.system cp .orchmake/ledger.db-wal wal'
	sqlite3 .orchmake/ledger.db 'pragma wal_checkpoint(truncate)' >/dev/null
	head -c 32 wal >.orchmake/ledger.db-wal
	dd if=/dev/zero of=.orchmake/ledger.db-shm bs=32768 count=1 2>/dev/null
	want 0 timeout 100 orchmake history
	says succeeded
}

@test "doctor says what this machine offers and lacks, ends what a dead run left, and says of the ledger what is wrong" {
	begin_held
	warden=$(pgrep -P $driver)
	kill -STOP "$warden"
	kill -KILL $driver "$warden"
	wait $driver || true
	want 0 orchmake doctor
	says "ok       orchmake-warden "
	says "ok       process trees "
	says "ok       open files "
	says "found dead and is recorded as interrupted"
	says "/.orchmake/ledger.db: 0 problems"
	until_true nobody_left "$MARK"
	want 1 sh -c 'ulimit -n 100; exec orchmake doctor'
	says "PROBLEM  open files             100 soft"
	mkdir alone
	cp "$(command -v orchmake)" alone/
	[ -e "$(alone/orchmake doctor | sed -n 's/^ok  *orchmake-warden  *//p')" ] || {
		want 1 alone/orchmake doctor
		says "PROBLEM  orchmake-warden        is not in "
		says ": no step can be started"
	}
	sqlite3 .orchmake/ledger.db "PRAGMA foreign_keys = OFF; DELETE FROM steps"
	want 1 orchmake doctor
	says "PROBLEM  ledger"
}
