# More and fewer slots while a run goes on.

load lib

# N steps of which each ends when all of them have begun.
together() {
	cat > Jobfile <<J
jobfile: 1
jobs:
  all: { foreach: { i: [$(seq -s, "$1")] }, run: 'touch b.\$I; n=0; until [ \$(ls b.* | wc -l) = $1 ]; do sleep 0.02; n=\$((n + 1)); [ \$n -lt 1500 ]; done', env: { I: "\${{ foreach.i }}" } }
J
}

# N that wait to be told to go on, and M behind them of which one at a time may run.
apart() {
	cat > Jobfile <<J
jobfile: 1
jobs:
  hold: { priority: 9, foreach: { i: [$(seq -s, "$1")] }, run: 'touch b.\$I; until [ -e go.\$I ]; do sleep 0.01; done', env: { I: "\${{ foreach.i }}" } }
  lone: { foreach: { i: [$(seq -s, "$2")] }, run: 'mkdir busy; sleep 0.02; rmdir busy; echo done >> log' }
  all: { needs: [hold, lone], noop: true }
J
}

begin() {
	orchmake "$@" > said 2>&1 &
	driver=$!
}

begun() { [ "$(ls b.* 2>/dev/null | wc -l)" = "$1" ]; }

@test "ps --set-slots lets more run at once, and says so everywhere" {
	together 5
	begin -j1
	until_true begun 1
	want 0 orchmake ps --set-slots 5
	[[ "$out" == "run "*" has 5 slots now" ]]
	wait "$driver"
	grep -qx 'slots  1 to 5' said
	want 0 orchmake events
	says '"event":"slots_changed","state":"running","cause":"1 to 5"'
	is "$(sql 'SELECT slots FROM v_runs')" 5
	want 0 orchmake stats all
	want 0 orchmake fsck
}

@test "SIGUSR1 is one more, and SIGUSR2 one fewer, but one stays" {
	together 2
	begin -j1
	until_true begun 1
	kill -USR2 "$driver"
	until_true grep -q 'one slot is the fewest there can be' said
	kill -USR1 "$driver"
	wait "$driver"
	grep -qx 'slots  1 to 2' said
}

@test "fewer slots stop nothing: what runs ends first, and then there are never more" {
	apart 3 4
	begin -j3 all
	until_true begun 3
	want 0 orchmake ps --set-slots 1 last
	says "has 1 slot now"
	want 0 orchmake ps --format=json
	says '"slots": 1'
	touch go.1
	until_true grep -q 'succeeded  hold\[1\]' said
	[ ! -e log ]
	touch go.2
	until_true grep -q 'succeeded  hold\[2\]' said
	[ ! -e log ]
	touch go.3
	wait "$driver"
	is "$(wc -l < log)" 4
}

@test "a make that waits for a slot gets one that is new" {
	jobfile <<-'J'
	jobfile: 1
	jobs: { one: { run: make -s -f mk } }
	J
	printf 'all: a b\na:\n\t@touch b.1; until [ -e b.2 ]; do sleep 0.01; done\nb:\n\t@touch b.2; until [ -e b.1 ]; do sleep 0.01; done\n' > mk
	begin -j1 one
	until_true begun 1
	want 0 orchmake ps --set-slots 2
	wait "$driver"
}

@test "of what a make below gives back the slots that there are no more are taken out" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  one: { run: make -s -f mk1 }
	  two: { needs: [one], run: make -s -f mk2 }
	J
	{
		printf 'all: 1 2 3 4\n'
		for i in 1 2 3 4; do printf '%s:\n\t@touch b.%s; until [ -e go ]; do sleep 0.01; done\n' $i $i; done
	} > mk1
	{
		printf 'all:'; printf ' %s' $(seq 12); printf '\n'
		for i in $(seq 12); do printf '%s:\n\t@echo + >> log; sleep 0.03; echo - >> log\n' "$i"; done
	} > mk2
	begin -v -j4 two
	until_true begun 4
	want 0 orchmake ps --set-slots 2
	touch go
	wait "$driver"
	is "$(grep -c + log)" 12
	is "$(awk '/^\+/ { n++; if (n > most) most = n } /^-/ { n-- } END { print most }' log)" 2
	[ "$(grep -c 'did not give back' said)" = 0 ]
}

@test "a step that weighs more than there are takes them all, also when they have become fewer" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  hold: { priority: 9, foreach: { i: [1, 2, 3] }, run: 'touch b.$I; until [ -e go ]; do sleep 0.01; done', env: { I: "${{ foreach.i }}" } }
  heavy: { slots: 3, run: 'mkdir busy; sleep 0.02; rmdir busy' }
  light: { foreach: { i: [1, 2, 3] }, run: 'mkdir busy; sleep 0.02; rmdir busy' }
  all: { needs: [hold, heavy, light], noop: true }
J
	begin -j3 all
	until_true begun 3
	want 0 orchmake ps --set-slots 1
	touch go
	wait "$driver"
}

@test "below a make the slots are the make's" {
	jobfile <<-'J'
	jobfile: 1
	jobs: { one: { run: 'touch b.1; until [ -e go ]; do sleep 0.01; done' } }
	J
	printf 'all:\n\t+@orchmake one > said 2>&1 & echo $$! > pid; wait $$!\n' > mk
	make -s -j3 -f mk &
	until_true begun 1
	want 1 orchmake ps --set-slots 2
	complains "has its slots from the job server of the make above, which says how many there are"
	until_true [ -s pid ]
	kill -USR1 "$(cat pid)"
	until_true grep -q 'the slots are those of the job server above, which says how many there are: they stay 3' said
	touch go
	wait $!
}

@test "who is told is one driver that lives" {
	together 2
	for n in 0 x -1; do
		want 2 orchmake ps --set-slots=$n
		complains "--set-slots: '$n' is not a whole number above 0"
	done
	want 2 orchmake ps --set-slots 2
	begin -j1
	until_true begun 1
	want 1 orchmake ps --set-slots 60001
	complains "--set-slots: there can be no more than 60000"
	want 2 orchmake ps --set-slots 2 nosuch
	begin -j1
	until_true eval '[ "$(sql "SELECT count(*) FROM v_active_runs")" = 2 ]'
	want 1 orchmake ps --set-slots 2
	complains "several runs are under way; say which of those that \`orchmake ps\` shows"
	want 0 orchmake ps --set-slots 2 @-2
	wait
	want 1 orchmake ps --set-slots 2
	complains "no run is under way"
	want 1 orchmake ps --set-slots 2 last
	complains "that run is not under way"
	# Another process under the number of one that has died.
	sqlite3 .orchmake/ledger.db "UPDATE runs SET end_wall_ms = NULL, exit_code = NULL, state = (SELECT no FROM states WHERE word = 'running') WHERE no = 2;
		UPDATE run_texts SET pid = $$ WHERE run = 2"
	want 1 orchmake ps --set-slots 2 last
	complains "that run is not under way"
}
