# What every test of the program starts from: a folder of its own, and a few words to say what is expected.

setup() {
	T=$(mktemp -d "${TMPDIR:-/tmp}/orchmake-test.XXXXXX")
	cd "$T" || exit 99
	unset ORCHMAKE_LEDGER MAKEFLAGS MAKELEVEL
	not_ours=$(jobs -p)
	export NO_COLOR=1
	if declare -F prepare >/dev/null; then prepare; fi
}

teardown() {
	cd /
	rm -rf "$T"
}

jobfile() { cat >Jobfile; }

# Without an argument for all that the test has started, however they end; but not for bats's own timer, which is a child too.
wait() {
	local pid
	[ $# = 0 ] || { builtin wait "$@"; return; }
	for pid in $(jobs -p); do
		case " ${not_ours//$'\n'/ } " in *" $pid "*) ;; *) builtin wait "$pid" || true ;; esac
	done
}

# want CODE COMMAND...: run it; out and err hold what it said.
want() {
	local code=$1 got=0
	shift
	"$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" </dev/null || got=$?
	out=$(cat "$BATS_TEST_TMPDIR/out")
	err=$(cat "$BATS_TEST_TMPDIR/err")
	if [ "$got" != "$code" ]; then
		printf '%s: exit %s, not %s\nstdout:\n%s\nstderr:\n%s\n' "$*" "$got" "$code" "$out" "$err"
		return 1
	fi
}

# no COMMAND...: it fails.  `! COMMAND` in the middle of a test would not end it, whatever comes of it.
no() {
	"$@" || return 0
	printf 'it should have failed: %s\n' "$*"
	return 1
}

says() { # TEXT is in stdout
	case $out in *"$1"*) return 0 ;; esac
	printf 'stdout does not say: %s\nit says:\n%s\n' "$1" "$out"
	return 1
}

complains() { # TEXT is in stderr
	case $err in *"$1"*) return 0 ;; esac
	printf 'stderr does not say: %s\nit says:\n%s\n' "$1" "$err"
	return 1
}

is() { # GOT WANTED
	[ "$1" = "$2" ] && return 0
	printf 'got:\n%s\nwanted:\n%s\n' "$1" "$2"
	return 1
}

# sql STATEMENT: one answer of the ledger.  A start may just be recovering the write-ahead log, which is waited for.
sql() { sqlite3 -readonly -cmd ".timeout 10000" .orchmake/ledger.db "$1"; }

# older VERSION: the ledger, of a run in which every step has run, as the program of that version would have made it.
older() {
	local db=.orchmake/ledger.db f table columns
	sqlite3 $db 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	mv $db newer.db
	[ "$1" -ge 9 ] || # then it stood with the step
		sqlite3 newer.db "UPDATE steps SET fingerprint = coalesce(fingerprint, (SELECT mark FROM attempts AS a
			WHERE a.step = steps.id AND mark IS NOT NULL ORDER BY a.id DESC LIMIT 1))"
	for f in "$top_srcdir"/lib/ledger/schema/*.sql; do
		f=${f##*/}
		[ "$((10#${f%%_*}))" -gt "$1" ] || cat "$top_srcdir/lib/ledger/schema/$f"
	done | sqlite3 $db
	sqlite3 $db "PRAGMA application_id = $(sqlite3 newer.db 'PRAGMA application_id'); PRAGMA user_version = $1"
	for table in $(sqlite3 $db "SELECT name FROM sqlite_schema WHERE type = 'table'"); do
		columns=$(sqlite3 $db "SELECT group_concat(name) FROM pragma_table_info('$table')")
		sqlite3 $db "ATTACH 'newer.db' AS newer; INSERT INTO $table ($columns) SELECT $columns FROM newer.$table"
	done
	sqlite3 $db 'PRAGMA journal_mode = WAL' >/dev/null
}

# Wait until COMMAND succeeds, for as long as a machine may be busy with other things.
until_true() {
	local end=$((SECONDS + 100))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { echo "it never came true: $*"; return 1; }
		sleep 0.01
	done
}

# No warden is left of runs whose drivers were killed, nor what it had started: its lock on the journal goes with it.
wardens_gone() {
	local journal
	for journal in .orchmake/runs/*/journal; do
		flock -n -s "$journal" true || return 1
	done
}

# None of the processes runs any more, whoever has to reap them.
dead() { # PID...
	local pid
	for pid; do
		case $(sed -n 's/^State:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null) in '' | [ZX]*) ;; *) return 1 ;; esac
	done
}

# Nobody is left whose environment holds MARK=$1.
nobody_left() {
	local e
	for e in /proc/[0-9]*/environ; do
		if tr '\0' '\n' <"$e" 2>/dev/null | grep -qx "MARK=$1"; then
			[ -n "$(tr -d '\0' <"${e%environ}cmdline" 2>/dev/null)" ] && return 1
		fi
	done
	return 0
}

# took NAME FROM FOR: in the ledger, step NAME of the run began FROM milliseconds after it and took FOR.
took() {
	sqlite3 .orchmake/ledger.db "UPDATE attempts SET duration_us = $3 * 1000,
		start_mono_ns = (SELECT start_mono_ns FROM runs) + $2 * 1000000
		WHERE step IN (SELECT id FROM steps WHERE instance = (SELECT no FROM instances WHERE name = '$1'))"
}
