# gc and fsck: what is forgotten, and what never is.

load lib

runs() { sql "SELECT count(*) FROM runs"; }
logs() { find .orchmake/logs -mindepth 1 -maxdepth 1 -type d | wc -l; }

prepare() {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  a: { run: 'head -c 10000 /dev/zero | tr "\0" x' }
	  b: { run: echo b }
	J
	for i in 1 2 3; do
		orchmake -s a
		orchmake -s b
	done
}

@test "the newest runs of each target stay" {
	want 0 orchmake gc --keep 1 -n
	says "would forget 4 runs"
	is "$(runs) $(logs)" "6 6"
	want 0 orchmake gc --keep 1
	says "forgot 4 runs"
	is "$(runs) $(logs)" "2 2"
	want 0 orchmake history
	says " a"
	says " b"
	want 0 orchmake fsck
	says "0 problems"
	want 0 orchmake gc --keep 1
	says "forgot 0 runs"
}

@test "by age: what is younger stays" {
	want 0 orchmake gc --older 1h
	says "forgot 0 runs"
	sqlite3 .orchmake/ledger.db "UPDATE runs SET start_wall_ms = start_wall_ms - 7200000 WHERE no <= 2"
	want 0 orchmake gc --older 1h
	says "forgot 2 runs"
	is "$(runs) $(logs)" "4 4"
}

@test "by size: the newest runs stay whose logs are together no more" {
	want 0 orchmake gc --max-size 15K
	says "forgot 3 runs"
	is "$(runs) $(logs)" "3 3"
	want 0 orchmake gc --max-size 1
	is "$(runs) $(logs)" "0 0"
}

@test "SQLite learns how the tables have grown" {
	want 0 orchmake gc --keep 1
	[ "$(sql "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'runs'")" -gt 0 ]
	want 0 orchmake -s a
	want 0 orchmake fsck
	want 0 orchmake history
	says " a"
}

@test "a run that is under way is never forgotten" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  a: { run: "touch started; while [ ! -e go ]; do sleep 0.01; done" }
	J
	orchmake -s a &
	driver=$!
	until_true [ -e started ]
	want 0 orchmake gc --max-size 1
	says "forgot 6 runs"
	is "$(runs) $(logs)" "1 1"
	touch go
	wait $driver
	want 0 orchmake fsck
}

@test "a run that has ended is not forgotten before its last hook has, not by a hook of its own either" {
	jobfile <<-'J'
	jobfile: 1
	hooks: {always: [{run: orchmake gc --max-size 1}, {run: "touch hook; while [ ! -e go ]; do sleep 0.01; done; echo said"}]}
	jobs:
	  a: {run: echo a}
	J
	orchmake -s a >out.txt 2>&1 </dev/null 3>&- &
	driver=$!
	until_true [ -e hook ]
	is "$(runs) $(logs)" "1 1"
	want 0 orchmake gc --max-size 1
	says "forgot 0 runs"
	touch go
	wait $driver
	is "$(cat out.txt)" ""
	want 0 orchmake logs last
	says "==> hooks.always/step2 <==
said"
	want 0 orchmake fsck
	want 0 orchmake gc --max-size 1
	is "$(runs) $(logs)" "0 0"
}

@test "what a resumption takes over stands although gc forgets where it comes from" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  p:
	    steps:
	      - {id: a, run: 'echo said; echo a >>did; echo v=7 >>"$ORCHMAKE_OUTPUT"', provides: [v]}
	      - {id: b, run: "echo b >>did; test -e ok; touch started; until test -e go; do sleep 0.01; done"}
	      - {id: c, argv: [sh, -c, 'echo "c $1" >>did', sh, "${{ consumes.v }}"], consumes: [v]}
	J
	want 1 orchmake -s p
	touch ok
	orchmake -s resume </dev/null 3>&- &
	driver=$!
	until_true [ -e started ]
	want 0 orchmake gc --max-size 1
	is "$(runs) $(logs)" "1 1"
	touch go
	wait $driver
	is "$(tr '\n' ' ' <did)" "a b b c 7 "
	want 0 orchmake show last
	want 0 orchmake why p/a
	want 0 orchmake resume
	says "nothing to do"
	want 0 orchmake retry last p/c
	is "$(tail -1 did)" "c 7"
	want 0 orchmake fsck
}

@test "a ledger that names a folder of somebody else does not make us remove it" {
	mkdir precious
	touch precious/file
	sqlite3 .orchmake/ledger.db "UPDATE run_texts SET log_dir = '$PWD/precious'"
	want 0 orchmake gc --max-size 1
	[ -e precious/file ]
}

@test "gc says what it needs, and a size that is none is refused" {
	want 2 orchmake gc
	complains "--keep N"
	want 2 orchmake gc --max-size 5X
	complains "500M"
	want 2 orchmake gc --max-size 99999999999T
	rm -rf .orchmake
	want 0 orchmake gc --keep 3
	says "nothing to forget"
	[ ! -e .orchmake ]
}

@test "fsck finds what cannot be" {
	want 0 orchmake fsck
	sqlite3 .orchmake/ledger.db "PRAGMA foreign_keys = OFF; DELETE FROM steps WHERE id = (SELECT min(id) FROM steps)"
	want 1 orchmake fsck
	says "has no step"
	head -c 3000 /dev/urandom > noise
	dd if=noise of=.orchmake/ledger.db bs=1 seek=5000 conv=notrunc status=none
	run orchmake fsck
	[ "$status" -ne 0 ]
	[ -n "$output" ]
}

@test "without an option the Jobfile says what stays" {
	want 2 orchmake gc
	complains "nothing says what may go"
	sed -i '1a ledger: {keep_runs: 1}' Jobfile
	want 0 orchmake gc
	says "forgot 4 runs"
	sed -i 's/ledger:.*/ledger: {keep_runs: 1, keep_days: 3}/' Jobfile
	orchmake -s a
	want 0 orchmake gc
	says "forgot 0 runs"
}
