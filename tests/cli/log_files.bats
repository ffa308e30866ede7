load lib

# Which file an attempt writes its log into: one of its own, or an empty one that another has left.

prepare() {
	command -v sqlite3 >/dev/null || skip "sqlite3 is not installed"
	mkfifo gate
	exec 8<>gate # so that whoever opens it does not wait for somebody else
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all:
	    steps:
	      quiet: {argv: ["true"]}
	      loud: {needs: [quiet], run: echo loud}
	      again: {needs: [loud], argv: ["true"]}
	  gated:
	    steps:
	      quiet: {run: "touch up; read x <gate"}
	      loud: {needs: [quiet], run: echo loud}
	J
}

files() { (cd .orchmake/logs/* && echo *); }
log_of() { echo .orchmake/logs/*/00000"$1"-*; }

# faulty CALL AT COMMAND...: from that call on, on a log, all of them fail; 0: they are counted.
faulty() {
	local call=$1 at=$2
	shift 2
	env LD_PRELOAD="$top_builddir/tests/progs/faulty.so" ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0 \
		FAULT_PROGRAM=orchmake FAULT_CALL="$call" FAULT_PATH=.log FAULT_AT="$at" FAULT_STICKY=1 "$@"
}

begin_gated() {
	orchmake -s gated >/dev/null 2>&1 </dev/null 3>&- 7>&- 8>&- &
	driver=$!
	until_true test -e up
}

end_gated() {
	echo go >&8
	wait $driver
}

@test "a step that printed nothing leaves no file, and its log is empty" {
	want 0 orchmake all
	is "$(files)" 000002-all_loud.log
	is "$(sql "select group_concat(log_bytes) from v_attempts")" 0,5,0
	want 0 orchmake logs last/all/quiet
	is "$out" ""
	want 0 orchmake logs last/all/loud
	is "$out" loud
	want 0 orchmake logs last
	is "$out" $'==> all/quiet, attempt 1 <==\n==> all/loud, attempt 1 <==\nloud\n==> all/again, attempt 1 <=='
	want 0 orchmake show last/all/quiet
	says "log      empty"
	want 0 orchmake show last/all/loud
	says "000002-all_loud.log"
}

@test "steps that print nothing share one file" {
	jobfile <<-'J'
	jobfile: 1
	# slow: with a limit of its own none is held ahead, which takes a file for each that is
	jobs: {all: {matrix: {i: [1, 2, 3, 4, 5, 6, 7, 8, 9]}, argv: ["true"], slow: 1h}}
	J
	want 0 faulty rename 0 env FAULT_COUNT=count orchmake
	is "$(cat count)" 8
}

@test "a failure keeps its log, and so does what fail_if looks into" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all: {needs: [looked, bad], noop: true}
	  looked: {argv: ["true"], fail_if: {stderr: "/no/"}}
	  bad: {needs: [looked], argv: ["false"]}
	J
	want 1 orchmake all
	is "$(files)" "000001-looked.log 000002-bad.log"
	is "$(sql "select group_concat(log_bytes) from v_attempts")" 0,0
}

@test "a log that somebody else still writes into is nobody else's" {
	begin_gated
	exec 7>>"$(log_of 1)"
	end_gated
	echo late >&7
	exec 7>&-
	is "$(files)" "000001-gated_quiet.log 000002-gated_loud.log"
	is "$(cat "$(log_of 1)")" late
	is "$(cat "$(log_of 2)")" loud
}

@test "who reads a log as it grows sees nobody else's" {
	begin_gated
	exec 7<"$(log_of 1)"
	end_gated
	is "$(cat <&7)" ""
	exec 7<&-
	is "$(cat "$(log_of 2)")" loud
}

@test "what cuts its log cuts nobody else's" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all:
	    steps:
	      one: {run: echo one}
	      two: {needs: [one], run: echo two >/dev/stderr}
	J
	want 0 orchmake all
	want 0 orchmake logs last/all/one
	is "$out" one
	want 0 orchmake logs last/all/two
	is "$out" two
}

@test "where nobody can tell who has a file open, or it has to stay, each step has its own" {
	local call
	for call in lease:22 lease:11 rename:13; do
		rm -rf .orchmake
		want 0 faulty "${call%:*}" 1 env FAULT_ERRNO="${call#*:}" orchmake all
		is "$(cat "$(log_of 2)")" loud
		want 0 orchmake logs last/all/quiet
		is "$out" ""
	done
}

@test "a step whose empty log was handed on before the driver died has succeeded, and printed nothing" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all:
	    steps:
	      quiet: {argv: ["true"]}
	      held: {needs: [quiet], run: "echo held; touch up; exec sleep 600"}
	J
	orchmake -s all >/dev/null 2>&1 </dev/null 3>&- 8>&- &
	driver=$!
	until_true test -e up
	until_true eval '[ "$(sql "select phase from v_attempts where serial = 2")" = running ]'
	kill -KILL $driver
	wait $driver || true
	until_true wardens_gone
	# As if it had not come to the commit.
	sqlite3 .orchmake/ledger.db "UPDATE attempts SET phase = 0, state = NULL, reason = NULL, log = NULL, log_bytes = NULL,
			pid = NULL, start_wall_ms = NULL WHERE id = (SELECT min(id) FROM attempts);
		UPDATE steps SET state = (SELECT no FROM states WHERE word = 'running'), end_wall_ms = NULL
			WHERE id = (SELECT min(step) FROM attempts)"
	want 0 orchmake doctor
	is "$(sql "select state || ' ' || log_bytes from v_attempts where serial = 1")" "succeeded 0"
	want 0 orchmake logs last/all/quiet
	is "$out" ""
	want 0 orchmake logs last/all/held
	is "$out" held
}
