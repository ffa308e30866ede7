load lib

# Three tasks of people who had the manual and nothing else: what they typed, in order, and what they saw.

five_scripts() {
	mkdir bin
	for name in pull-orders pull-customers load send-report tidy; do
		printf '#!/bin/sh\n[ ! -e broken-%s ] || { echo "%s: no route to host" >&2; exit 7; }\necho %s >>done\n' \
			$name $name $name >bin/$name
		chmod +x bin/$name
	done
}

# As cron starts things: hardly any environment, no terminal.
cron() { env -i HOME="$HOME" PATH="$PATH" SHELL=/bin/sh sh -c "$1" </dev/null >mail 2>&1; }

@test "task 1: a crontab of five scripts becomes a Jobfile" {
	five_scripts
	cat >crontab <<-'C'
	MAILTO=ops@example.org
	0  1 * * *  bin/pull-orders
	5  1 * * *  bin/pull-customers
	30 1 * * *  bin/load && bin/send-report
	0  3 * * *  bin/tidy
	C
	want 2 orchmake
	complains "\`orchmake init\` writes one"
	jobfile <<-'J'
	jobfile: 1
	default: nightly
	jobs:
	  nightly:
	    description: What the crontab did between one and three
	    needs: [send-report]
	    run: "true"
	  pull-orders: {run: bin/pull-orders, timeout: 30m}
	  pull-customers: {run: bin/pull-customers, timeout: 30m}
	  load: {needs: [pull-orders, pull-customers], run: bin/load}
	  send-report: {needs: [load], run: bin/send-report}
	  tidy: {after: [send-report], run: bin/tidy}
	J
	want 0 orchmake validate --strict
	want 0 orchmake -n
	is "$(sed -n 's/^[0-9] \([a-z-]*\) .*/\1/p' <<<"$out" | paste -sd' ')" "pull-orders pull-customers load send-report nightly"
	# tidy is not in it: nothing needs it, and `after` does not call it.  The manual: a need that is `any`.
	want 0 orchmake why tidy now
	says "asked for"
	sed -i '/^  nightly:/,/run:/{s/needs: .*/needs: {send-report: ok, tidy: ok}/}; s/^  tidy: .*/  tidy: {needs: {send-report: any}, run: bin\/tidy}/' Jobfile
	want 0 orchmake -n
	says " tidy "
	want 0 orchmake -j2
	is "$(tail -3 done | paste -sd' ')" "load send-report tidy"
	# The line that stays in the crontab: nothing is mailed unless something failed.
	line=$(sed -n 's/^\.Dl 0 1 \* \* \* //p' "$top_builddir/doc/orchmake.1")
	[ -n "$line" ]
	# Without -k nothing new starts after a failure; the lines of a crontab knew nothing of each other.
	is "$(grep -c -- -k <<<"$line")" 1
	line=${line//\/srv\/nightly/$PWD}
	cron "${line//\\-/-}"
	is "$(cat mail)" ""
	touch broken-load
	want 1 cron "${line//\\-/-}"
	grep -q "exit 7: load: no route to host" mail
	grep -q "more: orchmake logs" mail
	is "$(tail -1 done)" tidy
}

@test "task 2: why last night's run failed, and finishing it" {
	five_scripts
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  nightly: {stages: [{name: pull, jobs: ["pull-*"]}, {name: load, jobs: [load]}, {name: send, jobs: [send-report], opens: ok}]}
	  pull-orders: {run: bin/pull-orders}
	  pull-customers: {run: bin/pull-customers}
	  load: {run: bin/load}
	  send-report: {run: bin/send-report}
	J
	touch broken-load
	want 1 cron "orchmake -s"
	# The morning after.
	want 0 orchmake history
	says "failed"
	want 0 orchmake show last-failed
	grep -qE '^load +failed .*exit 7: load: no route to host' <<<"$out"
	grep -qE "^send-report +blocked .*its need 'load' did not hold" <<<"$out"
	says "logs     "
	want 0 orchmake why send-report
	says "load is failed"
	want 0 orchmake logs last-failed/load
	is "$out" "load: no route to host"
	rm broken-load
	want 0 orchmake --help
	if grep -q '^  resume ' <<<"$out"; then
		want 0 orchmake resume
	else
		want 0 orchmake --from load nightly
	fi
	is "$(grep -c pull done)" 2
	is "$(tail -2 done | paste -sd' ')" "load send-report"
	want 0 orchmake history --limit 1
	says "succeeded"
}

@test "task 3: a retry and a timeout for one step, and a proof that they work" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  sync:
	    steps:
	      - {id: fetch, run: ./fetch}
	      - {id: store, run: touch stored}
	J
	printf '#!/bin/sh\necho x >>tries\n[ $(wc -l <tries) -ge 3 ] || { echo "busy" >&2; exit 75; }\n' >fetch
	chmod +x fetch
	want 1 orchmake
	# From "Trying again" and "Time" of jobfile(5).
	sed -i 's|{id: fetch, run: ./fetch}|{id: fetch, run: ./fetch, retry: {max: 3, delay: 10ms, when: [timeout, "exit:75"]}, timeout: 10s}|' Jobfile
	want 0 orchmake validate --strict
	rm tries
	want 0 orchmake
	complains "retry  sync/fetch  attempt 1 failed: exit 75; again in"
	complains "    busy"
	want 0 orchmake show last/sync/fetch
	says "attempt 3  succeeded"
	is "$(sed -n "s/^  timeout  //p" <<<"$out" | sort -u)" "10.0s, then TERM, and KILL 10.0s later"
	# The timeout: the same step, now one that hangs, with less patience.
	printf '#!/bin/sh\necho x >>tries\n[ $(wc -l <tries) -ge 2 ] || exec sleep 1000\n' >fetch
	for ms in 200 2000 20000; do # the first in which this machine starts a program
		sed -i "s/timeout: [0-9]*m*s}/timeout: ${ms}ms}/" Jobfile
		rm -f tries stored
		orchmake >out 2>err && [ "$(wc -l <tries)" = 2 ] && break
	done
	err=$(cat err)
	complains "attempt 1 failed: timed out"
	[ -e stored ]
	want 0 orchmake why sync/fetch
	says "attempt 1: timed_out"
	says "attempt 2: succeeded"
}
