load lib

# What keeps failing is left alone, whichever run asks.

prepare() {
	command -v sqlite3 >/dev/null || skip "sqlite3 is not installed"
	jobfile <<-'J'
	jobfile: 1
	callables:
	  back: {argv: [sh, -c, "echo called >>calls; exit 1"], breaker: {failures: 1, cooldown: 1h}}
	jobs:
	  flaky:
	    breaker: {failures: 2, window: 1h, cooldown: 1h}
	    run: "echo tried >>tries; test -e ok"
	  one: {call: back}
	  two: {call: back}
	J
}

tries() { wc -l <tries; }
cool_down() { sqlite3 .orchmake/ledger.db "UPDATE breakers SET open_until_ms = 1"; }

@test "so many failures open it, and then nothing is started" {
	want 1 orchmake -s flaky
	want 0 orchmake breaker
	says "flaky    closed  1"
	want 1 orchmake -s flaky
	want 0 orchmake breaker
	says "flaky    open   2"
	want 1 orchmake flaky
	complains "the breaker 'flaky' is open, because it kept failing; \`orchmake breaker reset flaky\` closes it"
	is "$(tries)" 2
	is "$(sql "select state || ' ' || reason from v_steps order by run desc limit 1")" "failed breaker-open"
	is "$(sql "select state from v_runs order by run desc limit 1")" quarantined
	is "$(sql "select count(*) from v_events where event = 'run_quarantined'")" 1
	want 0 orchmake list
	says "flaky  quarantined"
	want 0 orchmake fsck
}

@test "once it has cooled down one attempt is let through; its success closes it" {
	want 1 orchmake -s flaky
	want 1 orchmake -s flaky
	cool_down
	want 0 orchmake breaker
	says "half-open"
	want 1 orchmake -s flaky
	is "$(tries)" 3
	want 1 orchmake -s flaky
	is "$(tries)" 3
	cool_down
	touch ok
	want 0 orchmake -s flaky
	want 0 orchmake breaker --format=json
	says '"state": "closed"'
	want 0 orchmake -s flaky
	is "$(tries)" 5
}

@test "reset closes it, and says when there is none of that name" {
	want 1 orchmake -s flaky
	want 1 orchmake -s flaky
	want 2 orchmake breaker reset flakey
	complains "no breaker is called 'flakey'"
	want 2 orchmake breaker open flaky
	want 0 orchmake breaker reset flaky
	touch ok
	want 0 orchmake -s flaky
}

@test "that of a callable counts for all who call it" {
	want 1 orchmake -s one
	want 1 orchmake two
	complains "the breaker 'back' is open"
	is "$(wc -l <calls)" 1
}

@test "without 'failures' it is refused" {
	printf 'jobfile: 1\njobs: {a: {run: "true", breaker: {window: 1m}}}\n' >Jobfile
	want 2 orchmake a
	complains "'breaker' has no 'failures'"
}
