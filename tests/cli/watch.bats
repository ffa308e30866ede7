load lib

# ps, events -f, logs -f: what somebody who watches a run is told, while it runs.

prepare() {
	mkfifo gate
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all: {needs: [quick, gated], noop: true}
	  quick: {run: "true"}
	  gated: {needs: [quick], timeout: 1h, run: "echo before; read x <gate; echo after"}
	  flaky: {retry: 2, run: "echo try $ORCHMAKE_ATTEMPT; read x <gate; test $ORCHMAKE_ATTEMPT = 2"}
	J
	exec 8<>gate # so that whoever opens it does not wait for somebody else
}

begin() { # TARGET: run it in the background, until its step NAME runs
	orchmake -s "$1" >/dev/null 2>&1 8>&- &
	pid=$!
	until_true running "$2"
}

running() { [ -n "$(orchmake ps --format=json | jq --arg s "$1" '.[].running[] | select(.step == $s)')" ]; }
open_gate() { echo go >&8; }
printed() { grep -q "$2" "$1"; }

@test "ps says how far a run is, what runs, and how long it still takes" {
	open_gate
	want 0 orchmake -s all
	sqlite3 .orchmake/ledger.db "UPDATE durations SET d1 = 600000000 WHERE instance = (SELECT no FROM instances WHERE name = 'gated');
		UPDATE durations SET d1 = 200000000 WHERE instance = (SELECT no FROM instances WHERE name = 'quick')"
	begin all gated # quick was 200 s and is next to nothing now, so 100 s of 700
	want 0 orchmake ps
	grep -q '^run  *state  *steps  *slots  *for  *left  *target$' <<<"$out"
	[[ $(sed -n 2p <<<"$out") =~ ^01[0-9A-Z]+\ +running\ +1/3\ 14%.*(9m..s|10m00s)\ +all$ ]] || { echo "$out"; false; }
	grep -q '^01[0-9A-Z]*  gated  .*10m00s  *1h00m .*read x <gate' <<<"$out"
	want 0 orchmake ps --format=json
	is "$(jq -c '.[0] | [.target, .state, .alive, .percent, .weighted_percent, .unknown]' <<<"$out")" '["all","running",true,33,14,0]'
	is "$(jq -c '.[0].running[0] | [.step, .attempt, .timeout_ms, .expected_ms, .elapsed_ms < 60000]' <<<"$out")" \
		'["gated",1,3600000,600000,true]'
	jq -e '.[0].eta_ms > 500000 and .[0].eta_ms <= 600000 and (.[0].eta_time > .[0].start)' <<<"$out"
	open_gate
	wait $pid
	want 0 orchmake ps
	is "$out" ""
	want 0 orchmake ps --format=json
	is "$out" "[]"
}

@test "show, status and graph say of what runs that it does" {
	begin all gated
	want 0 orchmake show last
	grep -Eq '^gated +running$' <<<"$out"
	grep -Eq '^all +pending' <<<"$out"
	want 0 orchmake status --format=json
	is "$(jq -c '.steps.gated, .steps.quick' <<<"$out" | tr '\n' ' ')" '"running" "succeeded" '
	want 0 orchmake graph --run last
	says "running"
	open_gate
	wait $pid
	want 0 orchmake show last
	grep -Eq '^gated +succeeded ' <<<"$out"
}

@test "ps does not foretell what nobody knows" {
	begin all gated
	want 0 orchmake ps --format=json
	is "$(jq -c '.[0] | [.eta_ms, .eta_time, .unknown, .percent]' <<<"$out")" '[null,null,2,33]'
	open_gate
	wait $pid
}

@test "ps tells of a dead run" {
	begin all gated
	kill -9 $pid
	wait $pid || true
	until_true wardens_gone
	want 0 orchmake ps
	complains "was found dead"
	grep -q '  dead  *1/3' <<<"$out"
}

@test "events -f follows the newest run and ends with it" {
	begin all gated
	orchmake events -f >seen 8>&- &
	local reader=$!
	until_true printed seen '"step":"gated"'
	run grep run_completed seen
	[ "$status" = 1 ]
	open_gate
	wait $pid
	wait $reader
	is "$(tail -n 1 seen | jq -r .event)" run_completed
	is "$(jq -s 'map(.seq) == [range(1; length + 1)]' seen)" true
	want 0 orchmake events last
	is "$out" "$(cat seen)"
	want 0 orchmake events --follow last
	is "$out" "$(cat seen)"
}

@test "following a run whose driver died ends, and says so" {
	begin all gated
	orchmake events -f last >seen 2>said 8>&- &
	local reader=$! got=0
	until_true printed seen '"step":"gated"'
	kill -9 $pid
	wait $pid || true
	until_true wardens_gone
	wait $reader || got=$?
	is "$got" 1
	grep -q "was cut short" said
	want 1 orchmake logs -f last/gated
	complains "was cut short"
	says before
}

@test "logs -f shows a step as it prints, and its later attempts" {
	begin flaky flaky
	orchmake logs -f last/flaky >seen 8>&- &
	local reader=$!
	until_true printed seen 'try 1'
	open_gate
	until_true printed seen 'try 2'
	open_gate
	wait $pid
	wait $reader
	is "$(cat seen)" $'try 1\n==> flaky, attempt 2 <==\ntry 2'
}

@test "logs -f waits for a step that has not begun" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all: {needs: [later], noop: true}
	  gated: {run: "read x <gate"}
	  later: {needs: [gated], run: echo late}
	J
	begin all gated
	orchmake logs last/later -f >seen 8>&- &
	local reader=$!
	open_gate
	wait $pid
	wait $reader
	is "$(cat seen)" late
}

@test "-f is a file everywhere but behind logs and events" {
	printf '%s\n' 'jobfile: 1' 'jobs: {other: {noop: true}}' >other.yml
	want 0 orchmake -f other.yml list
	says other
	want 0 orchmake list -f other.yml
	says other
	want 0 orchmake -f other.yml
	want 0 orchmake -f other.yml events -f
	says '"event":"run_completed"'
	want 2 orchmake list --attempt 2
	complains "list takes no --attempt"
	complains "it belongs to: logs"
}
