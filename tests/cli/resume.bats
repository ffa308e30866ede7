load lib

# What of a run that did not end well stands, and what runs again.

prepare() {
	command -v sqlite3 >/dev/null || skip "sqlite3 is not installed"
}

# Each line of the file did is one attempt that did its work.
chain() {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  p:
	    steps:
	      - {id: a, run: 'echo a >>did; echo v=7 >>"$ORCHMAKE_OUTPUT"', provides: [v]}
	      - {id: b, run: "echo b >>did; test -e ok", needs: [a]}
	      - id: c
	        argv: [sh, -c, 'echo "c $1" >>did; echo w=$1 >>"$ORCHMAKE_OUTPUT"', sh, "${{ consumes.v }}"]
	        consumes: [v]
	        provides: [w]
	        needs: [b]
	J
}

did() { tr '\n' ' ' <did; }
# The state and the reason of a step in the last run.
stands() { sql "select state || ' ' || reason from v_steps where run = (select max(run) from v_runs) and step = '$1'"; }

# Nothing of what ran sees what the test does next.
kill_driver() {
	kill -KILL $driver
	wait $driver || true
	until_true wardens_gone
}

# In an order in which neither sees the other die.
kill_both() {
	local steps
	steps=$(pgrep -P $warden)
	kill -STOP $driver
	kill -KILL $warden $driver
	wait $driver || true
	until_true dead $steps
}

@test "a success is not run again, its value is there, and the rest runs" {
	chain
	want 1 orchmake -s p
	touch ok
	want 0 orchmake resume --format=json
	is "$(did)" "a b b c 7 "
	says '"status": "cached"'
	says '"w": "7"'
	is "$(stands p/a)" "cached resumed"
	is "$(stands p/b)" "succeeded unfinished"
	is "$(stands p/c)" "succeeded unfinished"
	is "$(sql "select count(*) from v_runs where resumes = (select min(run) from v_runs)")" 1
	is "$(sql "select count(*) from v_events where event = 'run_resumed'")" 1
	want 0 orchmake fsck
}

@test "a run that a program before this one recorded is gone on with, and told by the same marks" {
	chain
	want 1 orchmake -s p
	older 8
	is "$(sqlite3 .orchmake/ledger.db "select count(*) from v_steps where fingerprint like 'start%'")" 2
	sed -i 's/echo b >>did/echo B >>did/' Jobfile
	touch ok
	want 0 orchmake -s resume
	is "$(did)" "a b B c 7 "
	is "$(stands p/a)" "cached resumed"
	is "$(sqlite3 .orchmake/ledger.db 'PRAGMA user_version')" "$(sqlite3 newer.db 'PRAGMA user_version')"
	want 0 orchmake fsck
}

@test "with nothing to do it says so" {
	chain
	touch ok
	want 0 orchmake -s p
	want 0 orchmake resume
	says "nothing to do: the last run of each target ended well"
	want 0 orchmake resume last
	says "nothing to do: run"
	is "$(did)" "a b c 7 "
}

@test "a run that has been resumed is gone on with where that ended" {
	chain
	want 1 orchmake -s p
	first=$(sql "select run from v_runs")
	want 1 orchmake -s resume
	touch ok
	want 0 orchmake -s resume "$first"
	is "$(did)" "a b b b c 7 "
	want 0 orchmake resume "$first"
	says "nothing to do: run"
}

@test "-n tells what would run and why, and touches nothing" {
	chain
	want 1 orchmake -s p
	before=$(ls -lAR --time-style=full-iso .orchmake)
	want 0 orchmake -n resume
	says "p: 2 steps would run, 1 has nothing to do"
	says "p/b  part of p, needs a, it failed in run"
	says "p/c  part of p, needs b, it was not reached in run"
	is "$(ls -lAR --time-style=full-iso .orchmake)" "$before"
	want 1 orchmake -q resume
}

@test "a changed command runs again, and with it what comes after" {
	chain
	want 1 orchmake -s p
	sed -i 's/echo a >>did/echo A >>did/' Jobfile
	touch ok
	want 0 orchmake -n resume
	says "p/a  part of p, its command, its parameters or its environment changed"
	want 0 orchmake -s resume
	is "$(did)" "a b A b c 7 "
	is "$(stands p/a)" "succeeded command-changed"
}

@test "what comes after a step that runs again says that it does, and not that it has changed itself" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  p: {stages: [a, b, c], stop_on_failure: true}
	  a: {run: echo a >>did}
	  b: {run: echo b >>did}
	  c: {run: test -e ok}
	J
	want 1 orchmake -s p
	sed -i 's/echo a/echo A/' Jobfile
	want 0 orchmake -n resume
	says "2 b  part of p, stage b, 'a', which it comes after, was carried out since"
	touch ok
	want 0 orchmake -s resume
	is "$(did)" "a b A b "
	is "$(stands b)" "succeeded need-ran"
	want 0 orchmake why b
	says "because 'a', which it comes after, was carried out since"
}

@test "what came before a step that ran since is not trusted, in a later resumption either" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  p:
	    on_failure: continue
	    steps:
	      a: {run: "echo a >>did"}
	      b: {run: "echo b >>did; test -e fast || sleep 60", needs: [a]}
	      z: {run: "echo z >>did; test -e ok"}
	J
	touch fast
	want 1 orchmake -s p
	rm fast did
	sed -i 's/echo a >>did/echo A >>did/' Jobfile
	orchmake -s resume </dev/null >out.txt 2>&1 3>&- &
	driver=$!
	until_true grep -q b did
	kill_driver
	touch fast ok
	: >did
	want 0 orchmake -s resume
	is "$(sort did | tr '\n' ' ')" "b z "
	is "$(stands p/a)" "cached resumed"
}

@test "a step that is new, or gone, is said to be" {
	chain
	want 1 orchmake -s p
	touch ok
	sed -i 's/id: b, run: "echo b/id: n, run: "echo n/; s/needs: \[b\]/needs: [n]/' Jobfile
	want 0 orchmake -n resume
	says "p/n  part of p, needs a, the run that is resumed did not have it"
	want 0 orchmake -s resume
	is "$(did)" "a b n c 7 "
}

@test "with a Jobfile that does not load the stored definition is gone on with" {
	chain
	want 1 orchmake -s p
	touch ok
	echo "jobs: [" >Jobfile
	want 0 orchmake resume
	complains "the Jobfile cannot be used as it is now, so the definition that the run had is gone on with"
	is "$(did)" "a b b c 7 "
}

@test "parameters, payload and the time are as they were" {
	jobfile <<-'J'
	jobfile: 1
	params: {who: {type: string, required: true}, at: {type: string, default: "${{ now() }}"}}
	jobs:
	  p:
	    steps:
	      - {id: a, argv: [sh, -c, 'echo "$1 $2 $3" >>did', sh, "${{ params.who }}", "${{ payload.x }}", "${{ params.at }}"]}
	      - {id: b, argv: [sh, -c, 'echo "$1 $2 $3" >>did; test -e ok', sh, "${{ params.who }}", "${{ payload.x }}", "${{ params.at }}"]}
	J
	want 1 orchmake -s p who=me --payload '{"x": 3}'
	touch ok
	want 2 orchmake resume who=you
	complains "params, payload and context stay"
	want 0 orchmake -s resume
	is "$(wc -l <did)" 3
	is "$(sort -u did | wc -l)" 1
}

@test "-r finishes the last run of these targets, with their restrictions" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  p: {steps: [{id: a, run: "echo a >>did"}, {id: b, run: "echo b >>did; test -e ok"}, {id: c, run: "echo c >>did"}]}
	  q: {run: "false"}
	J
	want 1 orchmake -s --skip p/c p
	want 1 orchmake -s q
	touch ok
	want 0 orchmake -s -r p
	is "$(did)" "a b b "
	want 1 orchmake -s -r
}

@test "a loop goes over what it went over, and only what is missing of it runs" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  p:
	    steps:
	      - {id: l, run: 'echo "v=[1,2,3]" >>"$ORCHMAKE_OUTPUT"; echo l >>did', provides: {v: {type: json}}}
	      - id: each
	        foreach: {n: "${{ consumes.v }}"}
	        consumes: [v]
	        argv: [sh, -c, 'echo "$1" >>did; test "$1" != 2 || test -e ok', sh, "${{ foreach.n }}"]
	J
	want 1 orchmake -s -k p
	touch ok
	want 0 orchmake -s resume
	is "$(did)" "l 1 2 3 2 "
	is "$(sql "select count(*) from fragments")" 2
}

@test "what a loop went over stands although it would be something else now" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  p:
	    steps:
	      - {id: l, run: 'echo v=1 >>"$ORCHMAKE_OUTPUT"', provides: [v]}
	      - id: each
	        foreach: {f: "${{ consumes.v == '1' ? glob('in/*') : [] }}"}
	        consumes: [v]
	        argv: [sh, -c, 'echo "$1" >>did; test "$1" != in/2 || test -e ok', sh, "${{ foreach.f }}"]
	J
	mkdir in
	touch in/1 in/2
	want 1 orchmake -s p
	touch ok in/3
	want 0 orchmake -s resume
	is "$(did)" "in/1 in/2 in/2 "
}

# --- retry ------------------------------------------------------------------------------------------------------

@test "retry runs what is named, or what failed, and nothing else" {
	chain
	want 1 orchmake -s p
	touch ok
	want 0 orchmake -s retry last
	is "$(did)" "a b b "
	want 0 orchmake -s retry last p/a
	is "$(did)" "a b b a "
	is "$(stands p/a)" "succeeded retried"
	is "$(stands p/b)" "cached resumed"
	want 0 orchmake -s retry last p/a --downstream
	is "$(did)" "a b b a a b c 7 "
	want 2 orchmake retry last p/nothing
	complains "has no step 'p/nothing'"
}

# A loop over what an earlier step says, in a job of its own and in one that is called for each element.
loops() {
	jobfile <<-'J'
	jobfile: 1
	callables: {list: {argv: [cat]}}
	jobs:
	  p:
	    steps:
	      - {id: l, call: list, with: {items: [x, y]}}
	      - {id: each, foreach: {n: "${{ results.l.items }}"}, run: 'echo "each $N" >>did', env: {N: "${{ foreach.n }}"}}
	      - {id: more, foreach: {n: "${{ results.l.items }}"}, job: inner, params: {n: "${{ foreach.n }}"}}
	      - {id: z, run: echo z >>did}
	  inner:
	    params: {n: {type: string}}
	    steps:
	      - {id: a, run: 'echo "a $N" >>did', env: {N: "${{ params.n }}"}}
	      - {id: b, run: 'echo "b $N" >>did', env: {N: "${{ params.n }}"}}
	  c:
	    stages:
	      - {name: one, jobs: [lst]}
	      - {name: two, jobs: [item], loop: {over: "${{ results.lst.items }}"}}
	      - {name: three, jobs: [end]}
	  lst: {steps: [{id: a, call: list, with: {items: [x, y]}}]}
	  item: {steps: [{id: s, run: echo s >>did}, {id: t, run: echo t >>did}]}
	  end: {run: echo end >>did}
	J
}

again() { # WORDS of retry
	: >did
	want 0 orchmake -s retry last "$@"
}

@test "retry of a member of a loop runs it, and with --downstream what comes after the loop" {
	loops
	want 0 orchmake -s p
	again 'p/each[y]'
	is "$(did)" "each y "
	again 'p/each[y]' --downstream
	is "$(sort did | tr '\n' ' ')" "a x a y b x b y each y z "
	again 'p/more[x]/b' --downstream
	is "$(did)" "b x z "
	is "$(stands 'p/each[y]')" "cached resumed"
	want 0 orchmake -n retry last 'p/more[x]/a' --downstream
	says "p/z     part of p, \`retry\` asked for it"
	want 2 orchmake retry last 'p/each[q]'
	complains "has no step 'p/each[q]'"
	want 0 orchmake fsck
}

@test "retry of a loop, or of a job that it calls, runs all of it" {
	loops
	want 0 orchmake -s p
	again p/each
	is "$(did)" "each x each y "
	again 'p/more[y]'
	is "$(did)" "a y b y "
	want 0 orchmake -s c
	again 'item[1]' --downstream
	is "$(did)" "s t end "
	again item
	is "$(did)" "s s t t "
}

# --- a Jobfile that has changed --------------------------------------------------------------------------------------

# A loop over the elements $1 of the Jobfile; the last of a, b, c fails until there is a file ok.
changing() {
	jobfile <<-J
	jobfile: 1
	jobs:
	  p:
	    steps:
	      first: {run: "echo first >>did"}
	      each: {foreach: {n: [$1]}, argv: [sh, -c, 'echo "\$1" >>did; test "\$1" != c || test -e ok', sh, "\${{ foreach.n }}"], needs: [first]}
	      last: {run: "echo last >>did", needs: [each]}
	J
}

@test "a loop of the Jobfile that grew: the new members run, and are said to be new" {
	changing "a, b, c"
	want 1 orchmake -s -k p
	changing "a, b, c, d"
	touch ok
	: >did
	want 0 orchmake -n resume
	says "p/each  part of p, needs first"
	want 0 orchmake -s resume
	is "$(sort did | tr '\n' ' ')" "c d last "
	is "$(stands 'p/each[d]')" "succeeded new-step"
	want 0 orchmake why 'p/each[d]'
	says "the run that is resumed did not have it"
	is "$(stands 'p/each[a]')" "cached resumed"
	want 0 orchmake fsck
}

@test "a loop of the Jobfile that shrank: what is gone does not run, and what is left stands" {
	changing "a, b, c"
	want 1 orchmake -s -k p
	changing "a, b"
	: >did
	want 0 orchmake -s resume
	is "$(did)" "last "
	is "$(sql "select group_concat(step, ' ') from (select step from v_steps where run = (select max(run) from v_runs) order by step)")" \
		"p/each[a] p/each[b] p/first p/last"
	# The run that is gone on with is the last one, and that has never had the member.
	want 2 orchmake retry "$(sql "select max(run) from v_runs")" 'p/each[q]'
	complains "has no step 'p/each[q]'"
	want 0 orchmake fsck
}

@test "a step that was renamed is a new one, and what needs it runs again" {
	changing "a, b, c"
	want 1 orchmake -s -k p
	sed -i 's/first/begin/g' Jobfile
	touch ok
	: >did
	want 0 orchmake -n resume
	says "p/begin  part of p, the run that is resumed did not have it"
	says "p: 5 steps would run"
	want 0 orchmake -s resume
	is "$(sort did | tr '\n' ' ')" "a b begin c last "
	is "$(stands p/begin)" "succeeded new-step"
	want 0 orchmake why p/begin
	says "the run that is resumed did not have it"
}

@test "a step that is gone is not missed, and a need that is gone is none" {
	changing "a, b, c"
	want 1 orchmake -s -k p
	sed -i '/first:/d; s/, needs: \[first\]//' Jobfile
	touch ok
	: >did
	want 0 orchmake -s resume
	is "$(sort did | tr '\n' ' ')" "c last "
	want 0 orchmake fsck
}

@test "a late loop over less or more than before: its members are those of what it goes over now" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  p:
	    steps:
	      - {id: l, run: 'cat list >>"$ORCHMAKE_OUTPUT"; echo l >>did', provides: {v: {type: json}}}
	      - id: each
	        foreach: {n: "${{ consumes.v }}"}
	        consumes: [v]
	        argv: [sh, -c, 'echo "$1" >>did; test "$1" != 3 || test -e ok', sh, "${{ foreach.n }}"]
	J
	echo 'v=[1,2,3]' >list
	want 1 orchmake -s -k p
	touch ok
	echo 'v=[2,3,4]' >list
	: >did
	sed -i 's/echo l >>did/echo L >>did/' Jobfile # its command changed: it runs again and says something else
	want 0 orchmake -s resume
	is "$(did)" "L 2 3 4 "
	is "$(stands 'p/each[4]')" "succeeded new-step"
	is "$(sql "select count(*) from v_steps where run = (select max(run) from v_runs) and step = 'p/each[1]'")" 0
	want 0 orchmake fsck
}

@test "--from-run runs an old definition as it was" {
	chain
	touch ok
	want 0 orchmake -s p
	printf 'jobfile: 1\njobs: {other: {run: "true"}}\n' >Jobfile
	want 0 orchmake -s run --from-run last
	is "$(did)" "a b c 7 a b c 7 "
	want 2 orchmake run --from-run last p
	complains "--from-run: targets, params, payload and context are those of that run"
}

# --- deaths -----------------------------------------------------------------------------------------------------

# Two that end, two that wait for the file go.
four() { # KEYS of the job
	jobfile <<-J
	jobfile: 1
	jobs:
	  p:
	    $1
	    steps:
	      a: {run: "echo a >>did"}
	      b: {run: "echo b >>did; exit 3", on_failure: continue, critical: false}
	      c: {run: "touch c.up; until test -e go; do sleep 0.01; done; echo c >>did", needs: [a]}
	      d: {run: "touch d.up; until test -e go; do sleep 0.01; done; echo d >>did; exit 5", needs: {b: done}, on_failure: skip_dependents}
	      e: {run: "echo e >>did", needs: {c: ok, d: done}}
	J
}

# Up to where c and d are under way; $driver, $warden.
go_until_both_run() {
	orchmake -s -j4 p </dev/null >out.txt 2>&1 3>&- &
	driver=$!
	until_true test -e c.up
	until_true test -e d.up
	warden=$(pgrep -P $driver | head -1)
	[ -n "$warden" ]
}

@test "orchmake killed: what was under way runs once more, what had ended does not" {
	four "timeout: 1m"
	go_until_both_run
	kill_driver
	touch go
	want 1 orchmake -s resume
	is "$(sort did | tr '\n' ' ')" "a b b c d e "
	is "$(sql "select group_concat(exit_code) from v_steps where run = (select max(run) from v_runs) and state = 'failed'")" "3,5"
	is "$(stands p/c)" "succeeded unfinished"
	want 0 orchmake fsck
}

@test "both killed: what nobody saw end fails, unless on_lost says otherwise" {
	four "timeout: 1m"
	go_until_both_run
	kill_both
	touch go
	want 1 orchmake resume
	complains "nobody saw how it ended in run"
	is "$(stands p/c)" "failed lost-before"
	is "$(grep -c c did)" 0
	want 0 orchmake -s retry last p/c
	is "$(grep -c c did)" 1
}

@test "on_lost: retry runs it again" {
	four "on_lost: retry"
	go_until_both_run
	kill_both
	touch go
	want 1 orchmake -s resume
	is "$(sort did | tr '\n' ' ')" "a b b c d e "
}

@test "on_lost: ask runs nothing until somebody says so" {
	four "on_lost: ask"
	go_until_both_run
	kill_both
	touch go
	want 4 orchmake resume
	complains "p/c: nobody saw how it ended in run"
	complains "its on_lost is 'ask'; \`orchmake approve "
	is "$(sql "select count(*) from v_runs")" 1
	want 0 orchmake approve last/p/c "it had done nothing"
	says "approved p/c"
	says "\`orchmake resume $(sql "select substr(max(run), 1, 10) from v_runs")\` finishes the run"
	want 4 orchmake resume
	complains "p/d: nobody saw how it ended"
	want 0 orchmake reject last/p/d
	want 1 orchmake reject last/p/d
	complains "'p/d' has been rejected already, by $(id -un)"
	want 1 orchmake resume
	complains "running it again was rejected; \`orchmake retry "
	is "$(sort did | tr '\n' ' ')" "a b b c e "
	is "$(stands p/c)" "succeeded unfinished"
	is "$(stands p/d)" "failed lost-before"
	want 0 orchmake fsck
}

@test "what a person says of a lost step goes before its on_lost" {
	four "on_lost: fail"
	go_until_both_run
	kill_both
	touch go
	want 0 orchmake doctor
	want 2 orchmake approve last/p/a
	complains "'p/a' does not wait for an approval"
	want 0 orchmake approve last/p/c
	want 1 orchmake -s resume
	is "$(sort did | tr '\n' ' ')" "a b b c e "
	is "$(stands p/c)" "succeeded unfinished"
	is "$(stands p/d)" "failed lost-before"
}

@test "what was lost stays lost, however often it is resumed, in a late loop too" {
	jobfile <<-'J'
	jobfile: 1
	defaults: {on_lost: ask}
	jobs:
	  p:
	    steps:
	      - {id: l, run: 'echo "v=[1]" >>"$ORCHMAKE_OUTPUT"', provides: {v: {type: json}}}
	      - id: each
	        foreach: {n: "${{ consumes.v }}"}
	        consumes: [v]
	        run: "touch c.up d.up; until test -e go; do sleep 0.01; done; echo each >>did"
	J
	go_until_both_run
	kill_both
	touch go
	want 0 orchmake doctor
	first=$(sql "select run from v_runs")
	for i in 1 2; do
		want 1 orchmake resume
		complains "nobody saw how it ended in run $first, and its on_lost is 'ask'; \`orchmake approve $first/p/each[1]\`"
		is "$(stands 'p/each[1]')" "failed lost-before"
	done
	[ ! -e did ]
	want 0 orchmake approve "$first/p/each[1]"
	want 0 orchmake -s resume
	is "$(did)" "each "
	is "$(stands 'p/each[1]')" "succeeded unfinished"
	want 0 orchmake fsck
}

@test "on_driver_death: finish lets what runs end, and resume knows every exit code" {
	four "on_driver_death: finish"
	go_until_both_run
	kill -KILL $driver
	wait $driver || true
	orchmake resume </dev/null >resumed.txt 2>&1 3>&- &
	resumer=$!
	until_true grep -q "waiting for those that still run" resumed.txt
	touch go
	code=0
	wait $resumer || code=$?
	is "$code" 1
	is "$(sort did | tr '\n' ' ')" "a b b c d d e "
	is "$(stands p/c)" "cached resumed"
	first="(select min(run) from v_runs)"
	is "$(sql "select state || ' ' || exit_code from v_steps where run = $first and step = 'p/d'")" "failed 5"
	is "$(sql "select state || ' ' || exit_code from v_steps where run = $first and step = 'p/c'")" "succeeded 0"
	want 0 orchmake fsck
}

@test "a run that is under way cannot be gone on with" {
	four "timeout: 1m"
	go_until_both_run
	want 75 orchmake resume
	complains "is still under way"
	touch go
	wait $driver || true
}

# Two that have both looked, and found that the run can be gone on with, before either begins.
@test "of two resumptions at once the second is refused, and nothing is run twice" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  p:
	    overlap: queue
	    steps:
	      - {id: a, run: "echo a >>did; test -e ok"}
	J
	want 1 orchmake -s p
	first=$(sql "select run from v_runs")
	touch ok
	mkfifo gate
	lock=$(echo .orchmake/locks/p-*)
	flock "$lock" sh -c 'exec 3<&-; echo held >held; cat gate' 3>&- &
	until_true test -s held
	for n in 1 2; do
		(code=0; orchmake resume "$first" >out$n 2>&1 </dev/null || code=$?; echo $code >code$n) 3>&- &
	done
	until_true grep -q "this one waits" out1
	until_true grep -q "this one waits" out2
	echo >gate
	wait
	is "$(sort code1 code2 | tr '\n' ' ')" "0 75 "
	is "$(did)" "a a "
	is "$(sql "select count(*) from v_runs where resumes = '$first'")" 1
	is "$(cat out1 out2 | grep -c "run $first is gone on with already, by run $(sql "select max(run) from v_runs"): this one has not begun")" 1
	want 0 orchmake fsck
}

@test "resume of what is under way is refused, or with --wait waits for its end" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  p:
	    steps:
	      - {id: a, run: "echo a >>did; until [ -e go ]; do sleep 0.02; done; test -e ok"}
	J
	orchmake -s p >/dev/null 2>&1 3>&- &
	until_true test -e did
	want 75 orchmake resume last
	complains "of 'p' is still under way"
	complains "--wait=TIME waits for it"
	want 75 orchmake resume last --wait=10ms
	complains "is under way: this one waits"
	complains "of 'p' is still under way"
	(code=0; orchmake resume last --wait=10m >out 2>&1 </dev/null || code=$?; echo $code >code) 3>&- &
	until_true grep -q "this one waits" out
	is "$(did)" "a "
	touch ok go
	wait
	is "$(cat code)" 0
	grep -q "nothing to do: run" out
	is "$(did)" "a "
}
