load lib

@test "a job runs and its output is in the log" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  hello: {run: echo hello there}
	J
	want 0 orchmake
	complains "succeeded: hello"
	want 0 orchmake logs last/hello
	is "$out" "hello there"
}

@test "needs come first, and what does not depend on them goes on" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all: {needs: [a, b], run: echo all >>order}
	  a: {run: echo a >>order}
	  b: {needs: [a], run: echo b >>order}
	J
	want 0 orchmake all
	is "$(cat order)" "a
b
all"
}

@test "a failure ends with 1, names the step, its text, its log and what shows more" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  bad: {run: "echo something broke >&2; exit 3"}
	J
	want 1 orchmake
	complains "failed bad: exit 3: something broke"
	complains "log: .orchmake/logs/"
	complains "more: orchmake logs"
}

@test "what needs a failed job is blocked, and why says so" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all: {needs: [bad], noop: true}
	  bad: {run: exit 1}
	J
	want 1 orchmake -k all
	is "$(sql "select state from v_steps where step='all'")" blocked
	want 0 orchmake why all
	says "its need 'bad' did not hold"
}

@test "without -k nothing new starts after a failure, with -k the rest does" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  bad: {run: exit 1}
	  good: {run: touch good}
	J
	want 1 orchmake bad good
	[ ! -e good ]
	is "$(sql "select state from v_steps where step='good'")" aborted
	want 1 orchmake -k bad good
	[ -e good ]
}

@test "steps in a list run in order, steps in a map by their needs" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  row:
	    steps:
	      - {id: one, run: echo 1 >>order}
	      - {id: two, run: echo 2 >>order}
	  map:
	    steps:
	      late: {needs: [early], run: echo late >>order2}
	      early: {run: echo early >>order2}
	J
	want 0 orchmake -j4 row map
	is "$(cat order)" "1
2"
	is "$(cat order2)" "early
late"
}

@test "a value never becomes shell text" {
	jobfile <<-'J'
	jobfile: 1
	params: {name: {type: string}}
	jobs:
	  say:
	    env: {NAME: "${{ params.name }}"}
	    run: printf '%s\n' "$NAME"
	  argv: {argv: [printf, '%s\n', "${{ params.name }}"]}
	J
	want 0 orchmake -k say argv 'name=x; touch PWN `touch PWN` $(touch PWN)'
	[ ! -e PWN ]
	want 0 orchmake logs last/say
	is "$out" 'x; touch PWN `touch PWN` $(touch PWN)'
	want 0 orchmake logs last/argv
	is "$out" 'x; touch PWN `touch PWN` $(touch PWN)'
}

@test "a matrix makes instances, each a target of its own" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  pull:
	    matrix: {account: [a, b], kind: [x, y]}
	    argv: [touch, "${{ matrix.account }}-${{ matrix.kind }}"]
	J
	want 0 orchmake pull
	is "$(ls | grep -- - | tr '\n' ' ')" "a-x a-y b-x b-y "
	rm -f ./*-*
	want 0 orchmake 'pull[b,x]'
	is "$(ls | grep -- - | tr '\n' ' ')" "b-x "
}

@test "values go from step to step by name" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  flow:
	    steps:
	      make:
	        run: |
	          echo ref=abc123 >>"$ORCHMAKE_OUTPUT"
	        provides: [ref]
	      count: {run: "echo '{\"rows\": 7}'", provides: {rows: {json: .rows, type: int}}}
	      use:
	        consumes: [ref, rows]
	        argv: [sh, -c, 'echo "$1 $2" >got', sh, "${{ consumes.ref }}", "${{ consumes.rows + 1 }}"]
	J
	want 0 orchmake flow
	is "$(cat got)" "abc123 8"
}

@test "a promise that is not kept is a failure" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  flow:
	    steps:
	      make: {run: ":", provides: [ref]}
	J
	want 1 orchmake flow
	complains "promises 'ref'"
}

@test "a retry tries again and the ledger keeps every attempt" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  shaky:
	    retry: {max: 3, delay: 1ms}
	    run: echo x >>tries; test $(wc -l <tries) -ge 3
	J
	want 0 orchmake
	is "$(sql "select count(*) || ' ' || sum(state='failed') from v_attempts")" "3 2"
}

@test "retry when: only the named exits" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  shaky:
	    retry: {max: 3, delay: 1ms, when: ["exit:75"]}
	    run: echo x >>tries; test $(wc -l <tries) -lt 2 && exit 75; exit 4
	J
	want 1 orchmake
	is "$(wc -l <tries)" 2
}

@test "when, skip_if and require decide before the start" {
	jobfile <<-'J'
	jobfile: 1
	params: {mode: {default: test}}
	jobs:
	  all: {needs: [a, b], noop: true}
	  a: {when: "params.mode == 'real'", run: touch a}
	  b: {skip_if: "params.mode == 'test'", run: touch b}
	  c: {require: {check: "params.mode == 'real'", msg: only for real}, run: touch c}
	J
	want 0 orchmake all
	[ ! -e a ]
	[ ! -e b ]
	is "$(sql "select group_concat(state) from v_steps where step in ('a','b')")" "skipped,skipped"
	want 1 orchmake c
	complains "only for real"
}

@test "a fallback stands in for a step that failed" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  merge:
	    steps:
	      try: {run: exit 1, on_failure: {fallback: restore}}
	      restore: {fallback_only: true, run: touch restored}
	      after: {needs: [try], run: touch after}
	J
	want 0 orchmake merge
	[ -e restored ]
	[ -e after ]
}

@test "finally runs after a failure" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  j:
	    steps: [{id: bad, run: exit 1}, {id: never, run: touch never}]
	    finally: [{id: clean, run: touch cleaned}]
	J
	want 1 orchmake
	[ -e cleaned ]
	[ ! -e never ]
}

@test "a step that is not critical leaves the job succeeded and degraded" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  j:
	    steps:
	      lint: {run: exit 1, critical: false, on_failure: continue}
	      build: {needs: [lint], run: touch built}
	J
	want 0 orchmake --format=json
	is "$(jq -c '[.success, .degraded]' <<<"$out")" "[true,true]"
	[ -e built ]
}

@test "a timeout stops the step and says so" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  slow: {timeout: 100ms, grace: 100ms, run: sleep 60}
	J
	want 1 orchmake
	complains "timed out after 100ms"
	is "$(sql "select state from v_steps")" timed_out
}

@test "a program that is not there could not start, which is not the same as failing" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  none: {argv: [no-such-program-anywhere]}
	J
	want 1 orchmake
	complains "cannot start 'no-such-program-anywhere': no folder of PATH has it"
}

@test "params: types are checked before anything runs" {
	jobfile <<-'J'
	jobfile: 1
	params:
	  size: {type: int, min: 1, max: 5, default: 2}
	jobs:
	  j: {argv: [touch, "n${{ params.size }}"]}
	J
	want 2 orchmake size=9
	[ ! -e .orchmake ]
	want 2 orchmake size=many
	want 2 orchmake siez=1
	complains "did you mean"
	want 0 orchmake size=4
	[ -e n4 ]
}

@test "a job can be called twice with different params" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  main:
	    steps:
	      - {id: first, job: mk, params: {name: one}}
	      - {id: second, job: mk, params: {name: two}}
	  mk:
	    params: {name: {required: true}}
	    argv: [touch, "made-${{ params.name }}"]
	J
	want 0 orchmake main
	[ -e made-one ]
	[ -e made-two ]
	is "$(sql "select group_concat(step, ' ') from v_steps")" "main/first main/second"
}

@test "foreach runs once per value, at most so many at a time" {
	jobfile <<-'J'
	jobfile: 1
	params: {names: {type: list, default: [a, b, c]}}
	jobs:
	  each:
	    foreach: {name: "${{ params.names }}", max_parallel: 1}
	    argv: [sh, -c, 'test ! -e lock; touch lock; echo "$1" >>seen; rm lock', sh, "${{ foreach.name }}"]
	J
	want 0 orchmake -j4 each
	is "$(sort seen | tr '\n' ' ')" "a b c "
}

@test "nothing is lost when there is no ledger to write" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {j: {run: touch ran}}
	J
	mkdir -m 700 .orchmake
	echo "this is not a database, it is a poem of more than a hundred bytes, and it goes on and on until it is long enough" >.orchmake/ledger.db
	want 5 orchmake
	[ ! -e ran ]
	complains "ledger"
}

@test "-x exits with the failed step's own code" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {j: {run: exit 42}}
	J
	want 42 orchmake -x
}

@test "events are JSON lines in order, and the ledger has the same" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {j: {run: ":"}}
	J
	want 0 orchmake --events=ev
	is "$(jq -r .event ev | tr '\n' ' ')" "run_created run_started step_ready step_started step_succeeded run_completed "
	want 0 orchmake events
	is "$(jq -r .event <<<"$out" | tr '\n' ' ')" "$(jq -r .event ev | tr '\n' ' ')"
	is "$(jq -s 'map(.seq) == [range(1; length + 1)]' ev)" true
}

@test "where nothing may move, a heartbeat names what still runs" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {slow: {run: "while [ ! -e go ]; do sleep 0.05; done"}}
	J
	orchmake --heartbeat=100ms >/dev/null 2>err.txt </dev/null 3>&- &
	until_true grep -q 'still running: slow (' err.txt
	touch go
	wait $!
}

@test "-v tells what starts and what was aborted, otherwise one line does" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {bad: {run: exit 1}, x: {run: ":"}, y: {run: ":"}}
	J
	want 1 orchmake bad x y
	complains "nothing new starts  ('bad' failed"
	is "$(grep -c '] aborted' <<<"$err" || true)" 0
	want 1 orchmake -v bad x y
	complains "start  bad"
	is "$(grep -c '] aborted' <<<"$err")" 2
}

@test "a target that was blocked is no success, also if what blocked it was not critical" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all: {needs: [lint], noop: true}
	  lint: {run: exit 1, critical: false}
	J
	want 1 orchmake all
	is "$(sql "select state from v_runs")" failed
}

@test "a pool holds back what is over its slots" {
	jobfile <<-'J'
	jobfile: 1
	pools: {net: 2}
	jobs:
	  p:
	    matrix: {i: [1, 2, 3, 4, 5, 6]}
	    pool: net
	    run: mkdir -p up; touch up/$$; ls up | wc -l >>counts; sleep 0.05; rm up/$$
	J
	want 0 orchmake -j6
	[ "$(sort -n counts | tail -1)" -le 2 ]
}

@test "a file that a step's stdout goes to is the user's, wherever it lies" {
	mkdir -p data/runs
	jobfile <<-'J'
	jobfile: 1
	jobs: {j: {stdout: data/runs/x.txt, run: echo kept}}
	J
	want 0 orchmake
	is "$(cat data/runs/x.txt)" kept
}

@test "job/step as a target runs that step, in every instance, and what it needs" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  m:
	    matrix: {k: [a, b]}
	    steps:
	      one: {argv: [touch, "one-${{ matrix.k }}"]}
	      two: {needs: [one], argv: [touch, "two-${{ matrix.k }}"]}
	      other: {argv: [touch, other]}
	J
	want 0 orchmake m/two
	[ -e one-a ]
	[ -e two-b ]
	[ ! -e other ]
}

@test "a loop over nothing is skipped" {
	jobfile <<-'J'
	jobfile: 1
	params: {names: {type: list, default: []}}
	jobs:
	  all: {needs: [each], run: touch all}
	  each: {foreach: {name: "${{ params.names }}"}, run: touch each}
	J
	want 0 orchmake all
	[ -e all ]
	is "$(sql "select state from v_jobs where job='each'")" skipped
}

@test "a callable's own timeout holds where the step has none" {
	jobfile <<-'J'
	jobfile: 1
	callables: {slow: {argv: [sleep, "60"], timeout: 100ms}}
	jobs: {j: {grace: 100ms, call: slow}}
	J
	want 1 orchmake
	complains "timed out after 100ms"
}

@test "the when of a job with steps sees the job's own env" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  j:
	    env: {MODE: real}
	    when: "env.MODE == 'real'"
	    steps: [{id: a, run: touch ran}]
	J
	want 0 orchmake
	[ -e ran ]
}

@test "a job that says continue or skip_dependents does not stop the other targets" {
	for policy in continue skip_dependents; do
		cat > Jobfile <<J
jobfile: 1
jobs:
  a: { run: exit 3, on_failure: $policy }
  b: { run: echo b > b.$policy }
J
		run orchmake a b
		[ "$status" -eq 1 ]
		[ -f "b.$policy" ]
	done
}

@test "a job that says nothing about failure stops the other targets, and under -k it does not" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  a: { run: exit 3 }
  b: { run: echo b > b }
J
	run orchmake a b
	[ "$status" -eq 1 ]
	[ ! -e b ]
	run orchmake -k a b
	[ "$status" -eq 1 ]
	[ -f b ]
}

@test "without -k a need that failed under continue does not stop what else was asked for" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  base: { run: exit 3, on_failure: continue }
  top: { run: echo top > top, needs: [base] }
  other: { run: echo other > other, needs: [top] }
J
	run orchmake other
	[ "$status" -eq 1 ]
	[ -f top ]
	[ -f other ]
}

@test "a glob is looked for in the project whatever the name of its folder" {
	mkdir -p 'odd [a-c] *x\y/in'
	cd 'odd [a-c] *x\y'
	touch in/1.csv in/2.csv
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  each: { foreach: { file: "in/*.csv" }, run: 'echo "$FILE"', env: { FILE: "${{ foreach.file }}" } }
  all: { run: 'test "$ALL" = "in/1.csv in/2.csv"', env: { ALL: "${{ join(glob('in/*.csv'), ' ') }}" } }
J
	run orchmake -n each
	[[ "$output" == *"each[in/2.csv]"* ]]
	run orchmake all
	[ "$status" -eq 0 ]
}

@test "a folder that cannot be read is no empty one" {
	[ "$(id -u)" -ne 0 ] || skip "root reads everything"
	mkdir in
	chmod 0 in
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  each: { foreach: { file: "in/*.csv" }, run: "true" }
J
	run orchmake -n each
	chmod 700 in
	[ "$status" -eq 2 ]
	[[ "$output" == *"Jobfile:3:"*"cannot be read"* ]]
}

@test "every value of a multiple param is kept with the run" {
	cat > Jobfile <<'J'
jobfile: 1
params:
  tag: { type: string, multiple: true, default: [] }
  one: { type: string, default: "" }
jobs:
  a: { run: 'test "$T" = "x y"', env: { T: "${{ join(params.tag, ' ') }}" } }
J
	run orchmake -P tag=x -P tag=y -P one=1 -P one=2 a
	[ "$status" -eq 0 ]
	run sqlite3 .orchmake/ledger.db "SELECT params FROM v_runs"
	[ "$output" = '{"tag":["x","y"],"one":"2"}' ]
}

@test "the loop of a job sees the job's own param, not one of that name elsewhere" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  a: { params: { of: { type: list, default: [a1, a2] } }, foreach: { x: "${{ params.of }}" }, run: "true" }
  b: { params: { of: { type: list, default: [b1] } }, foreach: { x: "${{ params.of }}" }, run: "true" }
J
	run orchmake -n b
	[ "$status" -eq 0 ]
	[[ "$output" == *"b[b1]"* ]]
	[[ "$output" != *"a1"* ]]
}

@test "a param that many jobs lack is said once" {
	cat > Jobfile <<'J'
jobfile: 1
params: { day: { required: true } }
jobs:
  a: { run: 'echo', env: { DAY: "${{ params.day }}" } }
  b: { run: "true" }
  c: { run: "true" }
J
	run orchmake a b c
	[ "$status" -eq 2 ]
	[ "$(grep -c "param 'day' is required" <<< "$output")" -eq 1 ]
}

@test "each call of a job has the params that its step gave it" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  leaf: { params: { n: { type: int, required: true } }, run: 'echo $N >> out', env: { N: "${{ params.n }}" } }
  pair: { params: { n: { type: int, required: true } }, matrix: { m: [1, 2] }, run: 'echo $N.$M >> out', env: { N: "${{ params.n }}", M: "${{ matrix.m }}" } }
  top:
    steps:
      - { id: one, foreach: { i: [1, 2, 3] }, job: leaf, params: { n: "${{ foreach.i }}" } }
      - { id: two, job: pair, params: { n: 7 } }
J
	run orchmake top
	[ "$status" -eq 0 ]
	[ "$(sort out | tr '\n' ' ')" = "1 2 3 7.1 7.2 " ]
}

@test "more steps at once than there may be descriptors: the later ones wait for those of the earlier" {
	{ echo 'jobfile: 1'; echo 'jobs: {all: {steps: {'
	  for i in $(seq 150); do echo "s$i: {argv: [sleep, '0.2']},"; done; echo '}}}'; } >Jobfile
	ulimit -n 64
	want 0 orchmake -j150 all
}

@test "what took longest goes first the next time, and what is new counts as much as what stands beside it" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {all: {steps: {a: {argv: ["true"]}, b: {argv: ["true"]}, c: {argv: ["true"]}}}}
	J
	want 0 orchmake -s -j1 all
	for took in a:1 b:200 c:100; do
		sqlite3 .orchmake/ledger.db "UPDATE durations SET d1 = ${took#*:} * 1000
			WHERE instance = (SELECT no FROM instances WHERE name = 'all/${took%:*}')"
	done
	sed -i 's/a: {/new: {argv: ["true"]}, nothing: {noop: true}, a: {/' Jobfile
	want 0 orchmake -s -j1 all
	want 0 orchmake sql "SELECT group_concat(step, ' ') AS steps FROM (SELECT step FROM v_attempts
		WHERE run = (SELECT id FROM runs ORDER BY no DESC LIMIT 1) AND phase = 'ended' ORDER BY start_time, serial)"
	says "all/b all/new all/c all/a"
}
