load lib

# Locks, and pools that the machine shares or that have a rate.

prepare() { HOST=test-$$-$RANDOM; }

finish() { rm -f /run/lock/orchmake-"$(id -u)"/*-"$HOST" /tmp/orchmake-"$(id -u)"/*-"$HOST"; }

state() { sql "select state from v_steps where step = '$1' order by rowid desc limit 1"; }

# A step that has a folder to itself while it runs, or says that it had not.
alone() { echo "mkdir $1.d || { echo met >>met; exit 1; }; i=0; while [ \$i -lt 300 ]; do i=\$((i+1)); done; rmdir $1.d"; }

@test "a lock is had by one step at a time, several in name order by all" {
	jobfile <<Y
jobfile: 1
locks: {a: {}, b: {scope: run}, c: {scope: run}}
jobs:
  all:
    steps:
      one: {matrix: {n: [1, 2, 3, 4]}, locks: [b, a], run: "$(alone a); $(alone b)"}
      two: {matrix: {n: [1, 2, 3, 4]}, locks: [c, b], run: "$(alone b); $(alone c)"}
      three: {matrix: {n: [1, 2, 3, 4]}, locks: [a, c], run: "$(alone c); $(alone a)"}
Y
	want 0 orchmake -j12
	[ ! -e met ]
	is "$(sql "select count(*) from v_attempts where state = 'succeeded'")" 12
}

@test "who waits for a lock holds no slot, and a pause before a retry no lock" {
	jobfile <<'Y'
jobfile: 1
locks: {a: {}}
jobs:
  all:
    steps:
      - {id: go, noop: true}
      - {id: holds, needs: [go], locks: [a], run: "until [ -e free ]; do :; done", priority: 9}
      - {id: waits, needs: [go], locks: [a], run: ":", priority: 8}
      - {id: other, needs: [go], run: touch free}
  again:
    steps:
      fails: {locks: [a], retry: {max: 1, delay: 30ms}, run: "[ -e seen ]", priority: 9}
      meets: {locks: [a], run: touch seen}
Y
	want 0 orchmake -j2 all
	want 0 orchmake -j1 again
}

@test "a host lock keeps two runs apart, and the kernel frees it when its holder is killed" {
	jobfile <<Y
jobfile: 1
locks: {$HOST: {scope: host}}
jobs:
  holds: {locks: [$HOST], run: "touch held; exec sleep 1000"}
  wants: {locks: [$HOST], run: "touch got"}
  given: {locks: [{name: $HOST, wait: 30ms}], run: "touch never"}
Y
	orchmake holds >/dev/null 2>&1 </dev/null 3>&- &
	pid=$!
	until_true [ -e held ]
	want 75 orchmake --no-wait wants
	complains "lock '$HOST' is held by another run"
	want 75 orchmake given
	want 75 orchmake --wait 20ms wants
	[ ! -e got ]
	orchmake wants >out.txt 2>&1 </dev/null 3>&- &
	second=$!
	kill -KILL $pid
	wait $second
	[ -e got ]
	[ ! -e never ]
	wait $pid || true
	finish
}

@test "a lock given up in time is no failure of others: the exit code says what it was" {
	jobfile <<Y
jobfile: 1
locks: {a: {}}
jobs:
  holds: {locks: [a], priority: 9, run: "until [ -e free ]; do :; done"}
  wants: {locks: [{name: a, wait: 10ms}], run: ":", on_failure: continue}
  frees: {needs: {wants: done}, run: "touch free"}
  bad: {run: "exit 3"}
Y
	want 75 orchmake -k -j4 holds wants frees
	is "$(state wants) $(state holds)" "timed_out succeeded"
	want 0 orchmake why wants
	says "lock 'a' is held"
	rm free
	want 1 orchmake -k -j4 holds wants frees bad
}

@test "a host pool is shared by two runs" {
	jobfile <<Y
jobfile: 1
pools: {$HOST: {slots: 2, scope: host}}
jobs:
  both: {pool: {name: $HOST, weight: 2}, run: "touch held; until [ -e free ]; do :; done"}
  small: {matrix: {n: [1, 2, 3]}, pool: $HOST, run: "touch small"}
Y
	orchmake both >/dev/null 2>&1 </dev/null 3>&- &
	first=$!
	until_true [ -e held ]
	orchmake -j3 small --events=events.json >small.out 2>&1 </dev/null 3>&- &
	second=$!
	until_true grep -q run_started events.json
	[ ! -e small ]
	touch free
	wait $first
	wait $second
	is "$(sql "select count(*) from v_attempts where state = 'succeeded'")" 4
	finish
}

# How many milliseconds after the last run began its last step was started.
after_begin() {
	sql "select (max(a.start_mono_ns) - r.start_mono_ns) / 1000000 from attempts a, (select * from runs order by no desc limit 1) r where a.id >> 32 = r.no"
}

@test "a rate spaces the starts evenly, but for a burst" {
	jobfile <<Y
jobfile: 1
pools:
  slow: {rate: 20/s, burst: 3}
  slower: {rate: 1/h, burst: 3}
  $HOST: {slots: 9, rate: 5/100ms, scope: host}
jobs:
  spaced: {matrix: {n: [1, 2, 3, 4, 5]}, pool: slow, run: ":"}
  burst: {matrix: {n: [1, 2, 3, 4]}, pool: slower, run: "touch up.\$\$"}
  shared: {matrix: {n: [1, 2, 3]}, pool: $HOST, run: ":"}
Y
	# From the first start on; a run begins before that, and no step starts before it may.
	want 0 orchmake -j5 spaced
	[ "$(after_begin)" -ge 100 ]
	want 0 orchmake -j3 shared
	[ "$(after_begin)" -ge 40 ]
	orchmake -s -j4 burst >/dev/null 2>&1 </dev/null 3>&- &
	until_true eval '[ "$(ls up.* | wc -l)" = 3 ]'
	until_true eval 'orchmake why "burst[4]" | grep -q "waits"'
	kill -INT $!
	want 130 wait $!
	is "$(ls up.* | wc -l)" 3
	finish
}

@test "locks, rates: wrong ones are refused" {
	jobfile <<'Y'
jobfile: 1
locks: {warehouse: {scope: machine}, -x: {}, w2: {wait: 3s}}
pools: {a: {rate: fast, slots: 1}, b: {slots: 2, burst: 3}, c: {rate: 0/s}, d: {}, e: {rate: 5/10s, scope: host}}
jobs:
  a: {locks: [warehuose], run: x}
  b: {locks: warehouse, run: x}
  c: {locks: [warehouse, {name: warehouse}, {wait: 5}], run: x}
Y
	want 2 orchmake
	complains "'scope' must be run or host, not 'machine'"
	complains "'-x' cannot be the name of a lock"
	complains "unknown key 'wait' in lock 'w2'"
	complains "'rate' must be a number of starts in a time, such as 100/min or 5/10s, not 'fast'"
	complains "pool 'b' has a 'burst', but no 'rate' to exceed with it"
	complains "'rate' must be a number of starts in a time, such as 100/min or 5/10s, not '0/s'"
	complains "pool 'd' has no 'slots'"
	complains "no lock 'warehuose'"
	complains "did you mean 'warehouse'?"
	complains "'locks' must be a list of names, or of {name, wait}, not 'warehouse'"
	complains "lock 'warehouse' stands twice in 'locks'"
	complains "'wait' must be a duration"
}
