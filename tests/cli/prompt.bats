load lib

# sql and shell where somebody types, and on a pipe.

prepare() {
	export HOME=$T/home
	unset XDG_STATE_HOME
	mkdir home
	jobfile <<-'J'
	jobfile: 1
	params: {day: today}
	jobs:
	  good: {description: goes well, run: echo fine}
	  long: {run: "echo $$ >pid; sleep 100 && echo never"}
	  bad: {run: exit 3}
	J
	want 0 orchmake -s good
}

type_into() { # COMMAND...: what is typed comes from standard input
	command -v python3 >/dev/null || skip "python3 is not installed"
	timeout 100 "$top_srcdir/tests/cli/typist" "$@" >shown 2>&1 || {
		local code=$?
		cat shown
		return $code
	}
}

@test "sql asks, completes, goes over several lines, and remembers" {
	type_into orchmake sql <<-'S'
	expect sql>
	send SELECT state, count(*) AS n FROM v_ru\t
	expect v_runs
	send \r
	expect \.\.\.>
	send GROUP BY 1;\r
	expect state  +n
	expect succeeded  +1
	expect \(1 row\)
	expect sql>
	send SELECT weighted_p\t
	expect weighted_percent
	send FROM v_progress;\r
	expect \(1 row\)
	send .tab\t\r
	expect v_runs
	send .schema v_failures\r
	expect CREATE VIEW v_failures
	send .help\r
	expect \.tables
	send .nothing\r
	expect there is no '\.nothing'
	send SELEC 1;\r
	expect syntax error
	send DELETE FROM runs;\r
	expect only what reads is allowed here
	send .quit\r
	end
	S
	history=home/.local/state/orchmake/sql_history
	grep -q '^GROUP BY 1;$' "$history"
	is "$(stat -c %a "$history")" 600
	type_into orchmake sql <<-'S'
	expect sql>
	send \x10\x10\r
	expect only what reads
	expect sql>
	send \x04
	end
	S
}

@test "Ctrl-C gives up a line, or stops a statement, and the prompt stays" {
	type_into orchmake sql <<-'S'
	expect sql>
	send SELECT wrong
	expect wrong
	send \x03
	expect \^C
	expect sql>
	send SELECT 1\r
	expect \.\.\.>
	send \x03
	expect sql>
	send WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n;\r
	expect FROM n;\s
	send \x03
	expect interrupted
	expect sql>
	send SELECT 40 + 2 AS answer;\r
	expect answer\s+42
	expect sql>
	send \x04
	end
	S
}

@test "a prompt without its program still takes lines" {
	mkdir bin
	cp "$top_builddir/orchmake" bin/
	ln -s "$top_builddir/orchmake-warden" bin/
	type_into bin/orchmake sql <<-'S'
	expect cannot start
	expect sql>
	send SELECT 40 + 2 AS answer;\r
	expect answer\s+42
	expect sql>
	send \x04
	end
	S
}

@test "shell runs jobs, completes their names, and ends as its last line did" {
	type_into orchmake shell <<-'S'
	expect orchmake>
	send go\t
	expect good
	send \r
	expect succeeded: good
	expect orchmake>
	send hist\t--lim\t
	expect history --limit=
	send 1\r
	expect good
	expect orchmake>
	send show last-\t
	expect last-failed
	send \x03
	expect orchmake>
	send show last/go\t\r
	expect attempt 1
	expect orchmake>
	send good da\t
	expect day=
	send monday\r
	expect succeeded: good
	send .help\r
	expect \.read FILE
	send sql\r
	expect sql>
	send SELECT 40 + 2 AS answer;\r
	expect answer\s+42
	expect sql>
	send \x04
	expect orchmake>
	send bad\r
	expect failed: bad
	expect orchmake>
	send .quit\r
	expect \n
	end
	S
}

@test "in the shell Ctrl-C stops the run and not the shell" {
	type_into orchmake shell <<-'S'
	expect orchmake>
	send long\r
	expect run 01
	send \x03
	expect canceled: long
	expect orchmake>
	send good\r
	expect succeeded: good
	expect orchmake>
	send \x04
	end
	S
	is "$(sql "select state from v_runs where target = 'long'")" canceled
}

@test "the shell reads a pipe, and files" {
	printf '%s\n' '# a comment' '' 'good -s' '.read more' 'history --limit 1 --format=json' >lines
	printf '%s\n' "sql \"SELECT 'it''s' AS a\"" 'query recent-jobs --limit 1' >more
	orchmake shell <lines >out 2>err
	grep -q "^it's$" out
	grep -q '"target": "good"' out
	is "$(cat err)" ""
	printf '%s\n' good bad >lines
	run orchmake shell -s <lines
	[ "$status" = 1 ]
	printf '%s\n' bad .quit good >lines
	orchmake shell <lines
	[ "$(sql "select count(*) from v_runs where target = 'good'")" = 3 ]
	printf '%s\n' 'good "open' >lines
	run orchmake shell <lines
	[ "$status" = 2 ]
	[[ $output == *"a quote is not closed"* ]]
	echo '.read self' >self
	run orchmake shell <self
	[ "$status" = 2 ]
	[[ $output == *"it reads itself"* ]]
	run orchmake shell <<<'.read nothing'
	[ "$status" = 2 ]
	[[ $output == *"cannot read 'nothing'"* ]]
}

@test "the shell hands on which Jobfile and which ledger" {
	printf '%s\n' 'jobfile: 1' 'jobs: {other: {run: "true"}}' >other.yml
	orchmake -f other.yml --ledger other.db shell <<<'other -s'
	is "$(sqlite3 -readonly other.db 'select target from v_runs')" other
}

@test "what the shell was told holds for each of its lines, but -C is done once" {
	mkdir sub
	printf '%s\n' 'jobfile: 1' 'params: {p: none}' 'jobs: {p: {env: {P: "${{ params.p }}"}, run: "echo got $P; pwd"}}' >sub/Jobfile
	orchmake -s -C sub p=one -j2 shell <<<$'p\nlogs last' >out 2>err
	is "$(cat out)" "got one
$T/sub"
	is "$(cat err)" ""
}
