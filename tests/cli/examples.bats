load lib

# Each folder of examples/ is run in a copy, and does what its first lines and comments say.

examples() { ls "$top_srcdir/examples"; }

example() { cp -R "$top_srcdir/examples/$1/." .; }

# The state of a step in the last run.
state() { sql "select state from v_steps where step = '$1' and run = (select run from v_runs order by no desc limit 1)"; }

@test "every example is run by a test of this file" {
	for e in $(examples); do
		[ -f "$top_srcdir/examples/$e/Jobfile" ] || continue # a plan is checked below, and has tests of its own
		grep -q "^	example $e\$" "$BATS_TEST_FILENAME" || {
			echo "no test has the line: example $e"
			return 1
		}
	done
}

@test "every example begins with what it shows and what to try, and is right also by --strict" {
	for e in $(examples); do
		if [ -f "$top_srcdir/examples/$e/plan.json" ]; then
			want 0 jq -e '.description | length > 0' "$top_srcdir/examples/$e/plan.json"
			want 0 orchmake validate "$top_srcdir/examples/$e/plan.json"
			continue
		fi
		[ -f "$top_srcdir/examples/$e/Jobfile" ] || continue
		is "$(sed -n '1,2s/^\(# \).*[^ ]$/\1/p; 3p' "$top_srcdir/examples/$e/Jobfile")" "# 
# 
jobfile: 1"
		sed -n 2p "$top_srcdir/examples/$e/Jobfile" | grep -q '^# Try: orchmake'
		want 0 orchmake -f "$top_srcdir/examples/$e/Jobfile" validate --strict
	done
}

@test "order: a list runs in order, whatever -j says" {
	example order
	want 0 orchmake -j8
	want 0 orchmake logs publish/tell
	is "$out" "apples
pears"
	is "$(sql "select group_concat(step, ' ') from (select step from v_attempts order by serial)")" \
		"publish/write publish/sort publish/tell"
}

@test "parallel: steps of a map meet under -j2, and those of a pool of one slot do not" {
	example parallel
	want 0 orchmake -j5
	is "$(cat joined.txt)" both
}

@test "matrix: one instance for each combination, less what is excluded, and one more" {
	example matrix
	want 0 orchmake -j4
	is "$(cat album.txt)" "jpg-small.out
png-large.out
png-small.out
svg-any.out"
	rm -f ./*.out
	want 0 orchmake 'convert[png,small]'
	is "$(ls ./*.out)" ./png-small.out
}

@test "foreach: one instance for each value, also of a list from the command line" {
	example foreach
	want 0 orchmake -j2
	is "$(cat Rome.txt Paris.txt)" "good morning, Rome
good morning, Paris"
	want 0 orchmake cities=Oslo,Lima
	is "$(ls ./*.txt | tr '\n' ' ')" "./Lima.txt ./Oslo.txt ./Paris.txt ./Rome.txt "
	rm -f ./*.txt
	want 0 orchmake 'greet[Rome]'
	is "$(ls ./*.txt)" ./Rome.txt
}

@test "retry: again after the exit that says so, and after no other" {
	example retry
	want 0 orchmake
	is "$(wc -l <fetch.txt)" 3
	is "$(sql "select count(*) from v_attempts")" 3
	want 1 orchmake broken
	is "$(cat broken.txt)" "attempt 1"
}

@test "fallback: the stand-in runs only after the failure, and makes it good" {
	example fallback
	want 0 orchmake
	is "$(cat prices.txt)" "of yesterday"
	is "$(state prices/download) $(state prices/cached)" "failed succeeded"
	want 0 orchmake site=up
	is "$(cat prices.txt)" "from the site"
	is "$(state prices/cached)" skipped
}

@test "finally: it runs after the failure, which stands" {
	example finally
	want 1 orchmake
	complains "failed fill/load: exit 3: no such table"
	[ ! -e busy ]
	[ ! -e never.txt ]
	is "$(cat report.txt)" "load failed with 3"
	is "$(state fill/never)" aborted
}

@test "values: from the output, from JSON, from \$ORCHMAKE_OUTPUT, from a file" {
	example values
	want 0 orchmake -j4
	want 0 orchmake logs order/tell
	is "$out" "Ada: 4 rows, 25.0, a-2
handle
with care
red 8"
}

@test "composite: a stage is a barrier, and what counts as success can be said" {
	example composite
	want 0 orchmake -n
	says "stage pull"
	want 1 orchmake -j4
	[ ! -e loaded.out ]
	is "$(state load)" aborted
	want 0 orchmake -j4 tolerant
	is "$(cat loaded.out)" "5
7"
}

@test "params: each type has its value, and a wrong one stops before anything runs" {
	example params
	want 0 orchmake
	is "$(jq -c '[.name, .count, .ratio, .loud, .day, .wait, .room, .level, .tags, .filter, .user, .also]' <params.json)" \
		'["Ada",3,0.5,false,"2026-01-31",90000,2048,"low",["x"],{"state":"open"},"nobody",[]]'
	want 0 orchmake logs last/greet
	is "$out" "due 2026-02-28"
	EXAMPLE_USER=eve want 0 orchmake count=12 ratio=2 loud=true wait=2s room=1M level=high tags=a,b \
		'filter={"id": [1]}' also=4 also=5 out=given.json
	is "$(jq -c '[.count, .ratio, .loud, .wait, .room, .level, .tags, .filter, .user, .also]' <given.json)" \
		'[12,2,true,2000,1048576,"high",["a","b"],{"id":[1]},"eve",[4,5]]'
	rm -rf .orchmake
	for wrong in count=many count=0 ratio=x loud=yes day=2026-02-30 day=2025-12-31 wait=long room=big level=mid \
		'filter={' also=x name=ada color=red; do
		want 2 orchmake "$wrong"
		complains "${wrong%%=*}"
	done
	[ ! -e .orchmake ]
}

@test "reuse: a job called twice has two instances with parameters of their own" {
	example reuse
	want 0 orchmake -j2
	is "$(cat both.txt)" "north 10
south 42"
	want 0 orchmake fetch source=here
	is "$(cat here.txt)" "here 10"
	want 2 orchmake fetch
	complains "'source' is required"
}

@test "callable: JSON in, JSON out, and its fields go on" {
	command -v jq >/dev/null || skip "jq is not installed"
	example callable
	want 0 orchmake
	want 0 orchmake logs exam/tell
	is "$out" "1 passed, first Ada"
	want 0 orchmake limit=60 --format=json
	is "$(jq -c '[.success, (.outcomes | length)]' <<<"$out")" '[true,2]'
	want 0 orchmake logs exam/tell
	is "$out" "2 passed, first Ada"
	want 0 orchmake limit=95
	is "$(state exam/tell)" skipped
}

@test "conditions: skipped holds nobody up, a requirement that is not met is a failure" {
	example conditions
	want 0 orchmake
	[ ! -e uploaded ]
	[ ! -e announced ]
	is "$(cat done.txt)" "upload skipped"
	want 0 orchmake why release/upload
	says "params.mode == 'real'"
	want 0 orchmake mode=real
	[ -e uploaded ]
	[ -e announced ]
	want 1 orchmake mode=real to=nobody
	complains "nobody would get it"
}

@test "timeout: what hangs is stopped with all it started, what is quick is not" {
	example timeout
	export MARK=timeout-example-$$
	want 1 orchmake -j4
	is "$(state polite) $(state stubborn) $(state quick)" "timed_out timed_out succeeded"
	is "$(cat tidied.txt quick.txt)" "tidied
in time"
	nobody_left "$MARK"
}

@test "until: a file that somebody brings is waited for without a slot" {
	example until
	want 0 orchmake -j1 brought
	is "$(tr -d ' ' <count.txt)" 2
	is "$(state orders/arrived)" succeeded
}

@test "locks: two runs never meet, also from two terminals; at most so many at a time" {
	example locks
	sed -i "s/example_ledger_of_accounts/example-$$-$RANDOM/" Jobfile
	orchmake book >first.out 2>&1 </dev/null 3>&- &
	first=$!
	orchmake book >second.out 2>&1 </dev/null 3>&- &
	second=$!
	wait $first
	wait $second
	is "$(cat book.txt)" "begin
end
begin
end"
	want 0 orchmake -j8 fetch
	[ "$(sort -n most.txt | tail -n 1)" -le 2 ]
	is "$(wc -l <most.txt)" 6
	rm -f {/run/lock,/tmp}/orchmake-"$(id -u)"/lock-example-$$-*
}

@test "gate: nothing is published before somebody agrees" {
	example gate
	want 4 orchmake
	[ ! -e published.txt ]
	complains "Publish 2 lines?"
	want 0 orchmake approve last/release/agree "fine with me"
	want 0 orchmake -y
	is "$(cat published.txt)" "one
two"
}

@test "mail: each letter is sent once, whatever runs again" {
	example mail
	want 0 orchmake
	is "$(cat outbox/new/* | grep -c '^Message-ID: <')" 2
	is "$(cat outbox/new/* | grep -vc $'\r$')" 0
	cat outbox/new/* | grep -q $'^To: =?UTF-8?B?SsO8cmdlbiBHcm/Dnw==?= <juergen@example.org>\r$'
	rm outbox/new/*
	want 0 orchmake --format=json
	is "$(jq -r '[.items[].status] | join(" ")' <<<"$out")" "duplicate duplicate"
	is "$(ls outbox/new)" ""
}

@test "lorchestra: files of the older format run as they are, a loop over what a job returned among them" {
	command -v jq >/dev/null || skip "jq is not installed"
	example lorchestra
	want 0 orchmake -n
	says "for each element of"
	[ ! -e report.txt ]
	want 0 orchmake -j4
	is "$(cat report.txt)" "mail-ann.json
mail-bob.json"
	is "$(jq -r '.[0].account' <mail-bob.json)" bob
	want 0 orchmake run mailbox --payload '{"account": "eve", "dry": true}' --format=json
	is "$(jq -c '[.success, .items[0].account, .outcomes[1].status]' <<<"$out")" '[true,"eve","skipped"]'
	[ ! -e mail.json ]
}

@test "files: a program from its sources, as far as something has changed" {
	command -v cc >/dev/null || skip "there is no compiler"
	example files
	want 0 orchmake -j2
	is "$(state program)" succeeded
	want 0 orchmake
	is "$(state program) $(state check)" "cached cached"
	want 0 orchmake -n -W src/greet.h
	says "4 steps would run"
	echo '/* said */' >>src/greet.c
	want 0 orchmake out/greet.o
	is "$(state 'object[greet]')" succeeded
	want 0 orchmake -n
	says "0 steps would run"
}

@test "secrets: the program has them, the log does not" {
	example secrets
	API_KEY=abc123 want 0 orchmake
	is "$(tr -d ' ' <sent.txt)" 19
	want 0 orchmake logs last/call
	is "$out" "sending Bearer *** with ***"
	want 1 grep -r 'abc123\|t0ken' .orchmake
	want 1 orchmake
	complains "there is no environment variable API_KEY"
}

@test "backfill: one run for each date, for each number" {
	example backfill
	want 0 orchmake -s --each date=2026-02-27..2026-03-01
	is "$(cat day-*.txt)" "rows of 2026-02-27
rows of 2026-02-28
rows of 2026-03-01"
	want 0 orchmake -s --each month=1..12 monthly
	is "$(ls month-*.txt | wc -l)" 12
	want 2 orchmake --each month=12..13 monthly
	complains "month"
}

@test "exclusive: two at once never, and a timer from the same lines" {
	example exclusive
	orchmake -s --on-overlap=queue &
	want 0 orchmake -s --on-overlap=queue
	wait $!
	is "$(uniq order.txt | wc -l)" 2
	want 0 orchmake export systemd nightly
	says "OnCalendar=Mon..Fri *-*-* 03:15:00 UTC"
	says "Persistent=true"
	want 0 orchmake export cron
	says "15 3 * * mon-fri cd "
}

@test "hooks: they are told, and change nothing" {
	example hooks
	want 0 orchmake
	[ ! -e mail.txt ]
	complains "hooks.always/step1: exit 9"
	want 1 orchmake well=false
	is "$(cat mail.txt)" "again: load, exit 1
load: failed"
	is "$(jq .success last.json)" false
}

@test "late: the command is asked once, and only by who wants its answer" {
	example late
	want 0 orchmake -n
	[ ! -e asked.txt ]
	want 0 orchmake -j2
	is "$(cat asked.txt build.txt news.txt)" "asked
building tool-r42
tool-r42 is out"
	want 0 orchmake vars
	says "<of a command>"
}

@test "resume: what failed and what comes after it runs, with the values of what succeeded" {
	example resume
	want 1 orchmake
	touch door-is-open
	want 0 orchmake -n resume
	says "nightly: 2 steps would run, 1 has nothing to do"
	want 0 orchmake resume
	is "$(cat work.txt)" "pulled
loaded 42 rows
told"
}

@test "namespaces: one service under two names, each with its own parameters" {
	example namespaces
	want 0 orchmake -j2 version=3
	is "$(orchmake logs api.deploy; orchmake logs web.deploy; orchmake logs release)" "version 1 at http://localhost:8080/
version 3-web at http://localhost:80/
released, see http://localhost:80/"
	want 0 orchmake -n api
	says "api.deploy  asked for"
	want 0 orchmake list 'web.*'
	is "$(grep -c build <<<"$out")" 0
	want 0 orchmake ship web.version=7
	is "$(orchmake logs web.deploy)" "version 7 at http://localhost:80/"
	want 0 orchmake -f service.yml port=1
	is "$(orchmake logs deploy)" "version 1 at http://localhost:1/"
}
