# When a job starts, beside whom, and for which values: overlap, --each, export to timers.

load lib

# Start it and wait until its step runs.
begin() {
	orchmake -s "$@" &
	until_true test -e up
}

held() {
	mkfifo go
	jobfile <<-J
	jobfile: 1
	jobs:
	  a: {overlap: $1, run: 'echo x >>runs; if mkdir first 2>/dev/null; then : >up; read x <go; fi'}
	  b: {needs: [a], run: 'true'}
	J
}

@test "overlap skip: the second is left out with exit 75, whatever else runs" {
	held skip
	begin a
	want 75 orchmake a
	complains "'a' runs already ("
	complains "skipped"
	is "$(find .orchmake/runs -mindepth 1 -maxdepth 1 | wc -l)" 1
	want 0 orchmake b
	want 0 orchmake --on-overlap=allow a
	echo >go
	wait $!
	want 0 orchmake a
	is "$(wc -l <runs)" 4
}

@test "overlap queue: the second waits for the first" {
	held queue
	begin a
	first=$!
	orchmake a 2>second.err &
	second=$!
	until_true grep -q 'this one waits' second.err
	is "$(wc -l <runs)" 1
	echo >go
	wait $first
	wait $second
	is "$(wc -l <runs)" 2
}

@test "overlap cancel: the first is stopped, and gone when the second starts" {
	held cancel
	begin a
	first=$!
	want 0 orchmake a
	complains "it is stopped first"
	got=0
	wait $first || got=$?
	is "$got" 143
	is "$(sql "select group_concat(state, ' ') from (select state from v_runs order by no)")" "canceled succeeded"
}

@test "overlap cancel: the newest of three runs to its end, whoever had the lock when it came" {
	jobfile <<-'J'
	jobfile: 1
	params: {n: 1}
	jobs:
	  a: {overlap: cancel, env: {N: "${{ params.n }}"}, run: ': >up; [ $N = 3 ] || exec sleep 1000'}
	J
	begin a
	orchmake -s a n=2 2>said </dev/null 3>&- &
	second=$!
	until_true grep -q 'it is stopped first' said
	want 0 orchmake -s a n=3
	kill -TERM $second || true # if it has come too late for the lock, it has it now
	wait
	is "$(sql "select state from v_runs order by run desc limit 1")" succeeded
	is "$(sql "select count(*) from v_runs where state not in ('succeeded', 'canceled')")" 0
}

@test "a lock dies with its holder" {
	held skip
	begin a
	kill -KILL $!
	wait $! || true
	until_true orchmake -s a
	is "$(wc -l <runs)" 2
}

@test "allow is the default, and --on-overlap goes before it" {
	held allow
	begin a
	want 0 orchmake a
	want 75 orchmake --on-overlap=skip a
	echo >go
	wait $!
	want 2 orchmake --on-overlap=never a
	complains "never"
}

@test "--each: one run for each date or number, both ends included" {
	jobfile <<-'J'
	jobfile: 1
	params: {d: {type: date, default: 2000-01-01}, n: {type: int, default: 0}}
	env: {D: "${{ params.d }}", N: "${{ params.n }}"}
	jobs: {a: {run: 'echo "$D $N" >>ran; [ "$N" != 2 ]'}}
	J
	want 0 orchmake -s --each d=2024-02-28..2024-03-01
	is "$(cat ran)" "2024-02-28 0
2024-02-29 0
2024-03-01 0"
	is "$(sql "select count(*) from v_runs where state = 'succeeded'")" 3
	rm ran
	want 1 orchmake -s --each n=1..4
	is "$(wc -l <ran)" 2
	rm ran
	want 1 orchmake -s -k --each n=-1..4
	is "$(tr '\n' ' ' <ran)" "2000-01-01 -1 2000-01-01 0 2000-01-01 1 2000-01-01 2 2000-01-01 3 2000-01-01 4 "
	rm ran
	want 0 orchmake -n --each n=1..2
	is "$(grep -c 'would run' <<<"$out")" 2
	[ ! -e ran ]
}

@test "--each: what it does not understand stops it before anything runs" {
	jobfile <<<'{jobfile: 1, params: {n: 1}, jobs: {a: {run: "true"}}}'
	for wrong in n n=1 n=1..x n=2026-01-01..5 n=2026-02-30..2026-03-01 =1..2 n=3..1 n=0..999999999; do
		want 2 orchmake --each "$wrong"
		complains "--each: '"
	done
	want 2 orchmake --each m=1..2
	complains "no job of this run declares the param 'm'"
	[ ! -e .orchmake ]
}

@test "export systemd and cron: from the job's schedule" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  daily:
	    description: "100% of it"
	    run: 'true'
	    grace: 25s
	    schedule: "*/20 5,6 * * mon-fri"
	    timezone: UTC
	    catchup: true
	  either: {run: 'true', schedule: "0 0 1-7 * 0"}
	  none: {run: 'true'}
	J
	want 0 orchmake export systemd daily
	is "$(sed "s:$PWD:ROOT:; s:\".*/orchmake\":PROGRAM:" <<<"$out")" '# orchmake-daily.service
[Unit]
Description=100%% of it

[Service]
Type=oneshot
WorkingDirectory=ROOT
ExecStart=PROGRAM run "daily"
SuccessExitStatus=75
KillMode=mixed
TimeoutStopSec=35

# orchmake-daily.timer
[Unit]
Description=100%% of it

[Timer]
OnCalendar=Mon..Fri *-*-* 05,06:00,20,40:00 UTC
Persistent=true

[Install]
WantedBy=timers.target'
	want 0 orchmake export cron daily
	says "CRON_TZ=UTC
*/20 5,6 * * mon-fri cd '$PWD' && '"
	says "' -s run 'daily'"
	complains "cron does not make up for missed starts"
	complains "cronie knows CRON_TZ, but Debian's cron goes by the zone of the machine"
	want 0 orchmake export systemd either
	says "OnCalendar=*-*-01..07 00:00:00
OnCalendar=Sun *-*-* 00:00:00
Persistent=false"
	want 1 orchmake export cron none
	complains "job 'none' has no 'schedule'"
}

@test "what is exported systemd itself understands" {
	command -v systemd-analyze >/dev/null || skip "systemd-analyze is not installed"
	jobfile <<<'{jobfile: 1, jobs: {a: {run: "true", schedule: "*/7 1-5 1,15 */2 sun", timezone: UTC}}}'
	want 0 orchmake export systemd a
	sed -n 's/^OnCalendar=//p' <<<"$out" >times
	[ -s times ]
	while read -r when; do
		systemd-analyze calendar "$when" >/dev/null
	done <times
}
