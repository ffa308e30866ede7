load lib

# What became of the steps of the last run: "a succeeded, b cached".
states() {
	sql "SELECT group_concat(step || ' ' || state, ', ') FROM (SELECT step, state FROM v_steps
		WHERE run = (SELECT run FROM v_runs ORDER BY no DESC LIMIT 1) ORDER BY number)"
}

# Why a step of the last run stands where it stands.
why() {
	sql "SELECT why FROM v_steps WHERE step = '$1' AND run = (SELECT run FROM v_runs ORDER BY no DESC LIMIT 1)"
}

# A file that is surely older than the clock's tick, so that its hash may be kept.
old() { touch -d '1 minute ago' "$@"; }

chain() {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  upper:
	    inputs: [in.txt]
	    outputs: [out/upper.txt]
	    run: echo upper >>log && tr a-z A-Z <in.txt >out/upper.txt
	  count:
	    inputs: [out/upper.txt]
	    outputs: [out/count.txt]
	    run: echo count >>log && wc -l <out/upper.txt >out/count.txt
	J
	printf 'a\nb\n' >in.txt
}

@test "an output that is another step's input is an edge" {
	chain
	want 0 orchmake count
	is "$(tr '\n' ' ' <log)" "upper count "
	is "$(cat out/count.txt | tr -d ' ')" 2
}

@test "what has not changed does not run" {
	chain
	want 0 orchmake count
	want 0 orchmake count
	is "$(states)" "upper cached, count cached"
	is "$(why count)" "nothing it depends on has changed"
	is "$(wc -l <log)" 2
}

@test "a changed input lets its step run and those behind it" {
	chain
	want 0 orchmake count
	echo c >>in.txt
	want 0 orchmake count
	is "$(states)" "upper succeeded, count succeeded"
	is "$(why upper)" "its input 'in.txt' changed"
	is "$(why count)" "its input 'out/upper.txt' changed"
}

@test "an input that was only touched lets nothing run" {
	chain
	want 0 orchmake count
	touch in.txt
	want 0 orchmake count
	is "$(states)" "upper cached, count cached"
}

@test "an output that comes out the same ends it there" {
	chain
	want 0 orchmake count
	printf 'A\nb\n' >in.txt
	want 0 orchmake count
	is "$(states)" "upper succeeded, count cached"
}

@test "a content that is changed back is as it was" {
	chain
	want 0 orchmake count
	cp in.txt kept
	echo c >>in.txt
	cp kept in.txt
	want 0 orchmake count
	is "$(states)" "upper cached, count cached"
}

@test "a change that keeps size and time is seen" {
	chain
	old in.txt
	want 0 orchmake count
	want 0 orchmake count
	printf 'x\nb\n' >in.txt
	old in.txt
	touch -r out/upper.txt in.txt
	want 0 orchmake count
	is "$(states)" "upper succeeded, count succeeded"
}

@test "a change within the clock's tick is seen" {
	chain
	for i in 1 2 3 4 5; do
		printf '%s\n' "$i" >in.txt
		want 0 orchmake -s count
		is "$(cat out/upper.txt)" "$i"
	done
}

@test "an edited output lets its step run" {
	chain
	want 0 orchmake count
	echo edited >>out/upper.txt
	want 0 orchmake count
	is "$(states)" "upper succeeded, count cached"
	is "$(why upper)" "its output 'out/upper.txt' is not as it left it"
}

@test "a deleted output lets its step run" {
	chain
	want 0 orchmake count
	rm out/upper.txt
	want 0 orchmake count
	is "$(states)" "upper succeeded, count cached"
	is "$(why upper)" "its output 'out/upper.txt' is missing"
}

@test "a changed command lets its step run" {
	chain
	want 0 orchmake count
	sed -i 's/tr a-z A-Z/tr ab AB/' Jobfile
	want 0 orchmake count
	is "$(states)" "upper succeeded, count cached"
	is "$(why upper)" "its command, its parameters or its environment changed"
}

@test "a changed declared environment lets its step run, another variable does not" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  a: {outputs: [a], env: {MODE: "${{ env.FOO ?? 'x' }}"}, run: 'echo "$MODE" >a'}
	J
	want 0 env FOO=1 orchmake a
	want 0 env FOO=1 BAR=1 orchmake a
	is "$(states)" "a cached"
	want 0 env FOO=2 orchmake a
	is "$(states)" "a succeeded"
	is "$(cat a)" 2
}

@test "each parameter has a record of its own" {
	jobfile <<-'J'
	jobfile: 1
	params: {name: {type: string, default: x}}
	jobs:
	  a: {outputs: ["out-${{ params.name }}"], argv: [touch, "out-${{ params.name }}"]}
	J
	want 0 orchmake a
	want 0 orchmake a name=y
	is "$(states)" "a succeeded"
	want 0 orchmake a
	is "$(states)" "a cached"
	want 0 orchmake a name=y
	is "$(states)" "a cached"
	want 0 orchmake name=y out-y
	is "$(states)" "a cached"
}

@test "an instance is made for the file that is asked for" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  object:
	    matrix: {name: [a, b, c]}
	    inputs: ["${{ matrix.name }}.c"]
	    outputs: ["out/${{ matrix.name }}.o"]
	    argv: [cp, "${{ matrix.name }}.c", "out/${{ matrix.name }}.o"]
	  prog: {inputs: ["out/*.o"], outputs: [prog], run: 'cat out/*.o >prog'}
	J
	touch a.c b.c c.c
	want 0 orchmake ./out//b.o
	is "$(states)" "object[b] succeeded"
	want 0 orchmake prog
	is "$(states)" "object[a] succeeded, object[b] cached, object[c] succeeded, prog succeeded"
}

@test "a file of a step in a job is a target" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all:
	    steps:
	      one: {outputs: [one.txt], run: touch one.txt}
	      two: {inputs: [one.txt], outputs: [two.txt], run: cp one.txt two.txt}
	      three: {outputs: [three.txt], run: touch three.txt}
	J
	want 0 orchmake two.txt
	[ -e two.txt ]
	[ ! -e three.txt ]
	want 0 orchmake all
	is "$(states)" "all/one cached, all/two cached, all/three succeeded"
}

@test "a file that nobody makes is no target" {
	chain
	want 2 orchmake out/nothing.txt
	complains "there is no job 'out/nothing.txt'"
	complains "no step makes a file of that name either"
}

@test "an input that is not there and that nobody makes is an error" {
	chain
	rm in.txt
	want 1 orchmake count
	complains "its input 'in.txt' does not exist, and no step has made it"
	is "$(states)" "upper failed, count aborted"
	[ ! -e log ]
}

@test "an input that cannot be read is an error" {
	[ "$(id -u)" != 0 ] || skip "root may read everything"
	chain
	want 0 orchmake count
	echo x >>in.txt
	chmod 000 in.txt
	want 1 orchmake count
	complains "its input 'in.txt' cannot be read"
}

@test "a step that ends well without its output has failed" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {a: {outputs: [a, b], run: touch a}}
	J
	want 1 orchmake a
	complains "it ended well and did not make its output 'b'"
	[ ! -e a ]
}

@test "a failed step leaves nothing half-made, and what it did not write" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {a: {outputs: [a, b, dir, "*.part", link], run: 'echo half >a; mkdir -p dir/new; echo half >dir/new/f; echo half >x.part; echo half >link; exit 3'}}
	J
	echo good >b
	mkdir dir
	echo good >dir/old
	echo good >y.part
	echo precious >target
	ln -s target link
	sleep 0.05 # what was there is older than the attempt
	want 1 orchmake a
	[ ! -e a ]
	[ ! -e x.part ]
	[ ! -e dir/new ]
	[ ! -L link ]
	is "$(cat b dir/old y.part)" "good
good
good"
}

@test "a step that is killed leaves nothing half-made" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  a: {outputs: [a], timeout: 200ms, run: 'echo half >a; sleep 60'}
	J
	want 1 orchmake a
	[ ! -e a ]
	want 1 orchmake a
	is "$(why a | sed 's/ after.*//')" "timed out"
}

@test "each attempt begins without what the last one left half-made" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {a: {outputs: [a], retry: 1, run: 'if [ -e tried ]; then [ ! -e a ] && echo whole >a; else touch tried; echo half >a; exit 1; fi'}}
	J
	want 0 orchmake a
	is "$(cat a)" whole
}

@test "what a driver that died was making is removed by the next run" {
	jobfile <<-'J'
	jobfile: 1
	params: {name: {type: string, default: b}}
	jobs:
	  a: {outputs: [a, "${{ params.name }}", kept], run: 'echo half >a; echo half >b; touch started; exec sleep 60'}
	  other: {run: 'true'}
	J
	echo good >kept
	sleep 0.05
	orchmake -s a 2>/dev/null &
	driver=$!
	until_true test -e started
	kill -9 $driver
	wait $driver || true
	until_true wardens_gone
	want 0 orchmake other
	complains "found dead"
	[ ! -e a ]
	[ ! -e b ]
	is "$(cat kept)" good
}

@test "a step that did not succeed the last time runs" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {check: {inputs: [in], run: '[ ! -e broken ]'}}
	J
	touch in
	want 0 orchmake check
	touch broken
	want 0 orchmake check
	is "$(states)" "check cached"
	want 1 orchmake -B check
	rm broken
	want 0 orchmake check
	is "$(why check)" "it did not succeed the last time"
}

@test "an input that changes while its step runs is not taken for seen" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {a: {inputs: [in], outputs: [out], run: 'cp in out; [ -e twice ] || echo more >>in; touch twice'}}
	J
	echo one >in
	want 0 orchmake a
	want 0 orchmake a
	is "$(states)" "a succeeded"
	is "$(why a)" "its input 'in' changed while it ran the last time"
	is "$(cat out)" "one
more"
	want 0 orchmake a
	is "$(states)" "a cached"
}

@test "an input that a step before has just made and that changes meanwhile is seen too" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  make: {outputs: [mid], fresh: once, run: 'echo one >mid'}
	  use: {inputs: [mid], outputs: [out], run: 'cp mid out; [ -e twice ] || echo two >mid; touch twice'}
	J
	want 0 orchmake use
	want 0 orchmake use
	is "$(states)" "make cached, use succeeded"
	is "$(cat out)" two
}

@test "-B runs everything" {
	chain
	want 0 orchmake count
	want 0 orchmake -B count
	is "$(states)" "upper succeeded, count succeeded"
	is "$(why count)" "-B lets everything run"
}

@test "-W lets a step or a file's readers run, and all behind" {
	chain
	want 0 orchmake count
	want 0 orchmake -W in.txt count
	is "$(states)" "upper succeeded, count succeeded"
	want 0 orchmake -W count count
	is "$(states)" "upper cached, count succeeded"
	is "$(why count)" "-W treats 'count' as changed"
	want 2 orchmake -W nothing count
	complains "no step of this run is called 'nothing'"
}

@test "-o takes a step or a file for done" {
	chain
	want 0 orchmake count
	old in.txt
	want 0 orchmake count
	echo c >>in.txt
	want 0 orchmake -o upper count
	is "$(states)" "upper cached, count cached"
	is "$(why upper)" "-o says that it is done"
	want 0 orchmake -o in.txt count
	is "$(states)" "upper cached, count cached"
	want 0 orchmake count
	is "$(states)" "upper succeeded, count succeeded"
	want 2 orchmake -o nothing count
	complains "-o: no step of this run is called 'nothing'"
}

@test "-t records as done without running" {
	chain
	want 0 orchmake count
	echo c >>in.txt
	want 0 orchmake -t count
	is "$(states)" "upper cached, count cached"
	is "$(why upper)" "-t recorded it as done"
	want 0 orchmake count
	is "$(states)" "upper cached, count cached"
	is "$(why upper)" "nothing it depends on has changed"
	is "$(wc -l <log)" 2
}

@test "-t does not record what is not there" {
	chain
	want 1 orchmake -t count
	complains "its output 'out/upper.txt' does not exist"
}

@test "-q says by its exit code whether something would run" {
	chain
	want 1 orchmake -q count
	is "$out$err" ""
	want 0 orchmake count
	want 0 orchmake -q count
	echo c >>in.txt
	want 1 orchmake -q count
	is "$(wc -l <log)" 2
}

@test "-n says why each would run, and what depends on how that ends" {
	chain
	want 0 orchmake count
	echo c >>in.txt
	want 0 orchmake -n count
	says "count: 1 step would run, 1 more if what it reads changes"
	says "its input 'in.txt' changed"
	says "would run if 'out/upper.txt' changes"
	want 0 orchmake -n --format=json count
	is "$(jq -c '[.. | objects | select(.job_id == "count" and .maybe)] | length > 0' <<<"$out")" true
	want 0 orchmake count
	want 0 orchmake -n count
	says "count: 0 steps would run, 2 have nothing to do"
}

@test "-n leaves no trace, also where it hashes" {
	chain
	want 0 orchmake count
	touch in.txt out/upper.txt
	before=$(find . | sort | xargs ls -ld --time-style=full-iso)
	want 0 orchmake -n count
	says "0 steps would run"
	is "$(find . | sort | xargs ls -ld --time-style=full-iso)" "$before"
}

@test "a value that is not known yet makes it open whether a step runs" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all:
	    steps:
	      ask: {inputs: [in], run: 'echo "v=$(cat in)" >>"$ORCHMAKE_OUTPUT"', provides: [v]}
	      use: {needs: [ask], outputs: [out], argv: [sh, -c, 'echo "$1" >out', x, "${{ steps.ask.v }}"]}
	J
	echo 1 >in
	want 0 orchmake all
	want 0 orchmake all
	is "$(states)" "all/ask cached, all/use cached"
	echo 2 >in
	want 0 orchmake -n -v all
	says "would run if a value of 'all/ask' changes"
	want 0 orchmake all
	is "$(states)" "all/ask succeeded, all/use succeeded"
	is "$(why all/use)" "its command, its parameters or its environment changed"
}

@test "what a fresh step provided is there for others" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all:
	    steps:
	      ask: {inputs: [in], run: 'echo "v=$(cat in)" >>"$ORCHMAKE_OUTPUT"', provides: [v]}
	      use: {needs: [ask], argv: [sh, -c, 'echo "$1" >out', x, "${{ steps.ask.v }}"]}
	J
	echo 7 >in
	want 0 orchmake all
	rm out
	want 0 orchmake all
	is "$(states)" "all/ask cached, all/use succeeded"
	is "$(cat out)" 7
	want 0 orchmake all
	is "$(cat out)" 7
}

@test "a consumed value that changes lets its consumer run" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  ask: {run: 'echo "v=$(cat in)" >>"$ORCHMAKE_OUTPUT"', provides: [v]}
	  use: {consumes: [v], outputs: [out], run: 'echo x >>out'}
	J
	echo 1 >in
	want 0 orchmake use
	want 0 orchmake use
	is "$(states)" "ask succeeded, use cached"
	echo 2 >in
	want 0 orchmake use
	is "$(why use)" "a value that it consumes changed"
}

@test "mtime goes by times alone, as make does" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {a: {fresh: mtime, inputs: [in], outputs: [out], run: 'cp in out; echo ran >>log'}}
	J
	echo 1 >in
	echo other >out
	touch -d '2 minutes ago' in
	touch -d '1 minute ago' out
	want 0 orchmake a # no record, and newer than its input
	is "$(states)" "a cached"
	touch in
	want 0 orchmake a
	is "$(why a)" "its input 'in' is newer"
	want 0 orchmake a
	is "$(states)" "a cached"
	touch -r out in # as old is not newer
	want 0 orchmake a
	is "$(states)" "a cached"
	is "$(wc -l <log)" 1
	touch in
	want 0 orchmake -t a
	want 0 orchmake -q a
}

@test "a success is fresh for its time, unless the clock was set back" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {a: {fresh: "ttl:1h", run: echo ran >>log}}
	J
	want 0 orchmake a
	want 0 orchmake a
	is "$(states)" "a cached"
	sqlite3 .orchmake/ledger.db "UPDATE fingerprints SET wall_ms = wall_ms - 3600000"
	want 0 orchmake a
	is "$(why a)" "its last success is older than 1h"
	sqlite3 .orchmake/ledger.db "UPDATE fingerprints SET wall_ms = wall_ms + 86400000"
	want 0 orchmake a
	is "$(states)" "a succeeded"
}

@test "a file from the future is read each time, and changes are seen" {
	chain
	touch -d '+1 day' in.txt
	want 0 orchmake count
	want 0 orchmake count
	is "$(states)" "upper cached, count cached"
	printf 'x\nb\n' >in.txt
	touch -d '+1 day' in.txt
	want 0 orchmake count
	is "$(states)" "upper succeeded, count succeeded"
}

@test "once is once for each command; never and always are what they say" {
	jobfile <<-'J'
	jobfile: 1
	params: {word: {type: string, default: x}}
	jobs:
	  all: {needs: [once, never, always], noop: true}
	  once: {fresh: once, run: echo once >>log}
	  never: {fresh: never, run: echo never >>log}
	  always: {fresh: always, inputs: [in], run: echo always >>log}
	J
	touch in
	want 0 orchmake all
	want 0 orchmake all
	is "$(tr '\n' ' ' <log)" "once always always "
	is "$(why never)" "it runs only with -B or -W"
	sed -i 's/echo once/echo Once/' Jobfile
	want 0 orchmake once
	is "$(tail -n 1 log)" Once
	want 0 orchmake -B never
	is "$(tail -n 1 log)" never
}

@test "folders are what lies below them" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  site: {inputs: [src], outputs: [out/site], run: 'rm -rf out/site; mkdir -p out; cp -R src out/site'}
	  pack: {inputs: [out/site/index], outputs: [pack], run: 'cp out/site/index pack'}
	J
	mkdir -p src/deep
	echo 1 >src/deep/a
	echo i >src/index
	want 0 orchmake pack
	want 0 orchmake pack
	is "$(states)" "site cached, pack cached"
	echo 2 >src/deep/b
	want 0 orchmake pack
	is "$(states)" "site succeeded, pack cached"
	rm src/deep/a
	want 0 orchmake pack
	is "$(why site)" "the list of its inputs changed"
	rm out/site/deep/b
	want 0 orchmake pack
	is "$(why site)" "the list of its outputs changed"
}

@test "of a link it is the file behind it that counts" {
	chain
	mv in.txt real.txt
	ln -s real.txt in.txt
	want 0 orchmake count
	want 0 orchmake count
	is "$(states)" "upper cached, count cached"
	echo c >>real.txt
	want 0 orchmake count
	is "$(states)" "upper succeeded, count succeeded"
	rm real.txt
	want 1 orchmake count
	complains "its input 'in.txt' does not exist"
}

@test "a pipe among the inputs is not waited for" {
	chain
	jobfile <<-'J'
	jobfile: 1
	jobs: {a: {inputs: [p, in.txt], outputs: [out], run: touch out}}
	J
	mkfifo p
	want 0 timeout 100 orchmake a
	want 0 timeout 100 orchmake a
	is "$(states)" "a cached"
}

@test "a glob's new match lets its step run" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {a: {inputs: ["*.csv"], outputs: [sum], run: 'cat *.csv >sum'}}
	J
	echo 1 >a.csv
	want 0 orchmake a
	want 0 orchmake a
	is "$(states)" "a cached"
	echo 2 >b.csv
	want 0 orchmake a
	is "$(why a)" "its input 'b.csv' changed"
	rm a.csv
	want 0 orchmake a
	is "$(why a)" "the list of its inputs changed"
}

@test "a content that is known is not read again" {
	command -v strace >/dev/null || skip "strace is not installed"
	chain
	old in.txt
	want 0 orchmake count
	want 0 orchmake count
	strace -o trace -e trace=openat orchmake -s count 2>strace.err || skip "strace cannot be used here"
	want 1 grep -E '"(in.txt|out/upper.txt|out/count.txt)"' trace
	touch in.txt
	strace -o trace -e trace=openat orchmake -s count
	want 0 grep -c '"in.txt"' trace
}

@test "a big file does not keep the other steps waiting" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all: {needs: [big, quick], noop: true}
	  big: {inputs: [big.bin], outputs: [b], run: touch b}
	  quick: {run: 'true'}
	J
	truncate -s 300M big.bin
	want 0 orchmake -j2 all
	want 0 orchmake -j2 --events=events.json all
	is "$(states)" "big cached, quick succeeded, all succeeded"
	touch big.bin
	want 0 orchmake -j2 --events=events.json all
	is "$(jq -r 'select(.event == "step_succeeded") | .step' events.json | head -n 1)" quick
}

@test "steps that make each other's inputs are refused" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  a: {inputs: [b.txt], outputs: [a.txt], run: cp b.txt a.txt}
	  b: {inputs: [a.txt], outputs: [b.txt], run: cp a.txt b.txt}
	J
	want 2 orchmake a
	complains "the jobs wait for each other: b -> a -> b"
}

@test "a ledger from before files were known opens, and forgets nothing" {
	chain
	want 0 orchmake count
	older 3
	want 0 orchmake count
	is "$(states)" "upper cached, count cached"
	is "$(sql 'SELECT count(*) FROM v_runs')" 2
}

@test "without a ledger a step runs each time, by mtime as make does" {
	chain
	want 0 orchmake --no-ledger count
	want 0 orchmake --no-ledger count
	is "$(wc -l <log)" 4
	sed -i 's/    inputs:/    fresh: mtime\n    inputs:/' Jobfile
	want 0 orchmake --no-ledger count
	is "$(wc -l <log)" 4
}

@test "a called job's steps are fresh for the parameters they are called with" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all:
	    steps:
	      a: {job: copy, params: {name: one}}
	      b: {job: copy, params: {name: two}}
	      c: {needs: [a], argv: [echo, "${{ steps.a.size }}"]}
	  copy:
	    params: {name: {type: string, required: true}}
	    inputs: ["${{ params.name }}.in"]
	    outputs: ["${{ params.name }}.out"]
	    provides: {size: {stdout: true}}
	    argv: [sh, -c, 'cp "$1.in" "$1.out"; wc -c <"$1.out"', x, "${{ params.name }}"]
	J
	echo 1 >one.in
	echo 22 >two.in
	want 0 orchmake all
	want 0 orchmake all
	is "$(states)" "all/a cached, all/b cached, all/c succeeded"
	echo 333 >two.in
	want 0 orchmake all
	is "$(states)" "all/a cached, all/b succeeded, all/c succeeded"
}

one_recorded() { [ "$(sql "SELECT count(*) FROM v_steps WHERE fingerprint GLOB '1 *'")" = 1 ]; }

@test "a success is on record while another step still runs" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all: {needs: [quick, slow], noop: true}
	  quick: {outputs: [quick], run: touch quick}
	  slow: {run: 'touch slow; exec sleep 60'}
	J
	orchmake -s -j2 all 2>/dev/null &
	driver=$!
	until_true test -e slow
	until_true one_recorded
	kill -9 $driver
	wait $driver || true
	until_true wardens_gone
	want 0 orchmake quick
	is "$(states)" "quick cached"
}

@test "a step whose outputs nobody may make is told apart from one that was left out" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  use: {inputs: [made], run: 'true'}
	  make: {outputs: [made], when: "1 == 2", run: touch made}
	J
	want 1 orchmake use
	complains "its input 'made' does not exist, and no step has made it"
	is "$(states)" "make skipped, use failed"
}

@test "a check is one stat a file, however many steps there are" {
	command -v strace >/dev/null || skip "strace is not installed"
	{
		printf 'jobfile: 1\njobs:\n  all:\n    steps:\n'
		seq 100 | sed 's/.*/      s&: {inputs: [in\/&, in\/all], outputs: [out\/&], argv: [cp, in\/&, out\/&]}/'
	} >Jobfile
	mkdir in out
	touch in/all
	seq 100 | sed 's/^/in\//' | xargs touch
	seq 100 | sed 's/^/out\//' | xargs touch
	want 0 orchmake -t all
	want 0 orchmake all
	strace -o trace orchmake -s all 2>strace.err || skip "strace cannot be used here"
	is "$(grep -cE '"(in|out)/[0-9]+"' trace)" 200
	is "$(grep -E '"(in|out)/' trace | grep -cvE '^(newfstatat|statx)')" 0
}

probed() {
	jobfile <<-'J'
	jobfile: 1
	params: {dir: venv}
	jobs:
	  all: {noop: true, needs: [venv, other]}
	  venv:
	    env: {DIR: "${{ params.dir }}"}
	    cwd: sub
	    fresh: {run: 'echo probe >>../log; test -d "$DIR"'}
	    run: mkdir "$DIR"; echo made >>../log
	  other: {needs: [venv], run: echo other >>log}
	J
	mkdir -p sub
}

@test "a probe decides whether its step runs, with the step's environment and folder" {
	probed
	want 0 orchmake
	is "$(states)" "venv succeeded, other succeeded, all succeeded"
	is "$(why venv)" "its probe ended with exit 1"
	want 0 orchmake
	is "$(why venv)" "its probe says that there is nothing to do"
	is "$(states)" "venv cached, other succeeded, all succeeded"
	rmdir sub/venv
	want 0 orchmake venv
	is "$(tr '\n' ' ' <log)" "probe made other probe other probe made "
	want 0 orchmake why venv
	says 'its probe ended with exit 1'
}

@test "-n and -q ask no probe and say so; -B, -W and -t need none" {
	probed
	want 0 orchmake -n venv
	says 'its probe is asked when its turn comes'
	says '0 steps would run, 1 more'
	want 1 orchmake -q venv
	[ ! -e log ]
	want 0 orchmake -t venv
	is "$(states)" "venv cached"
	[ ! -e log ]
	want 0 orchmake -B venv
	rmdir sub/venv
	want 0 orchmake -W venv venv
	is "$(tr '\n' ' ' <log)" "made made "
}

@test "a probe that gives no answer is a failure, and its step does not run" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  killed: {fresh: {run: 'kill -9 $$'}, run: touch ran}
	  late: {fresh: {run: sleep 60}, timeout: 100ms, run: touch ran}
	  nowhere: {fresh: {run: 'true'}, shell: [/nowhere/sh, -c], run: touch ran}
	  lost: {fresh: {run: 'true'}, cwd: nowhere, run: touch ran}
	J
	want 1 orchmake -k killed late nowhere lost
	is "$(why killed)" "its probe was ended by signal 9"
	is "$(why late)" "its probe timed out"
	case $(why nowhere) in "its probe cannot be started: exec: "*) ;; *) why nowhere; return 1 ;; esac
	case $(why lost) in "its probe cannot be started: chdir: "*) ;; *) why lost; return 1 ;; esac
	[ ! -e ran ]
}

@test "a probe waits for the variable that a command makes, and an output that is missing needs no probe" {
	jobfile <<-'J'
	jobfile: 1
	vars: {word: {sh: echo yes}}
	secrets: {KEY: {env: MY_KEY}}
	jobs:
	  a:
	    env: {WORD: "${{ vars.word }}", KEY: "${{ secrets.KEY }}"}
	    fresh: {run: 'echo "probe $WORD" >>log; test "$KEY" = k123'}
	    run: echo ran >>log
	  b: {outputs: [made], fresh: {run: 'echo never >>log'}, run: touch made}
	J
	export MY_KEY=k123
	want 0 orchmake a
	want 0 orchmake b
	is "$(cat log)" "probe yes"
	MY_KEY=other want 0 orchmake a
	is "$(tail -1 log)" ran
}

@test "no more probes run at once than there are slots" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all: {noop: true, needs: [p]}
	  p:
	    foreach: {n: [1, 2, 3, 4, 5, 6]}
	    fresh: {run: 'mkdir busy && rmdir busy'}
	    run: "false"
	J
	want 0 orchmake all
	is "$(sql "select count(*) from v_steps where state = 'cached'")" 6
}

@test "Ctrl-C does not wait for a probe, and leaves none behind" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  a: {fresh: {run: 'echo up >up; exec sleep 600'}, run: touch ran}
	J
	MARK=probe-$$ orchmake a >out 2>err &
	pid=$!
	until_true test -s up
	kill -INT $pid
	code=0
	wait $pid || code=$?
	is "$code" 130
	[ ! -e ran ]
	until_true nobody_left probe-$$
}

@test "inputs with ** are all files below, also new ones, but for hidden folders and circles of links" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  lines: {inputs: ["src/**/*.c"], outputs: [lines], run: 'find src -name "*.c" | sort >lines'}
	  made: {outputs: [src/gen/made.c], run: 'echo made >src/gen/made.c'}
	  each: {foreach: {f: "src/**/*.h"}, argv: [echo, "${{ foreach.f }}"]}
	  told: {argv: [echo, "${{ join(glob('src/**/*.c'), ' ') }}"]}
	J
	mkdir -p src/x/.git
	ln -s .. src/x/up
	touch src/a.c src/x/b.c src/x/.git/c.c src/x/y.h src/z.h
	old src/a.c src/x/b.c
	want 0 orchmake lines
	is "$(states)" "made succeeded, lines succeeded"
	want 0 orchmake lines
	is "$(why lines)" "nothing it depends on has changed"
	touch src/x/.git/d.c
	want 0 orchmake lines
	is "$(why lines)" "nothing it depends on has changed"
	mkdir -p src/new/deep && echo n >src/new/deep/n.c
	want 0 orchmake lines
	is "$(states)" "made cached, lines succeeded"
	want 0 orchmake each told
	is "$(states)" "each[src/x/y.h] succeeded, each[src/z.h] succeeded, told succeeded"
	want 0 orchmake logs last/told
	says 'src/a.c src/gen/made.c src/new/deep/n.c src/x/b.c'
}

# Two hundred steps with a file each, and one among them that provides a value.
many() {
	{
		printf 'jobfile: 1\njobs:\n  all:\n    steps:\n'
		seq 200 | sed 's/.*/      s&: {inputs: [in.&], outputs: [out.&], argv: [cp, in.&, out.&]}/'
		echo "      value: {inputs: [in.1], provides: [v], run: 'echo v=1 >>\$ORCHMAKE_OUTPUT'}"
	} >Jobfile
	for i in $(seq 200); do echo "$i" >"in.$i"; done
	old in.*
	want 0 orchmake -s all
}

# What v_steps and v_events say of the last run and what was told while it went, which must be the same.
told_as_kept() {
	is "$(sql "SELECT group_concat(seq || coalesce(step, '-') || event || coalesce(state, ''), ' ') FROM v_events
		WHERE run = (SELECT max(run) FROM v_runs)")" \
		"$(jq -r '"\(.seq)\(.step // "-")\(.event)\(.state // "")"' told.json | paste -sd ' ')"
	orchmake events last >kept.json
	diff kept.json told.json
	is "$(sql "SELECT group_concat(number) FROM v_steps WHERE run = (SELECT max(run) FROM v_runs)")" \
		"$(sql "SELECT group_concat(number) FROM (SELECT number FROM v_steps WHERE run = (SELECT max(run) FROM v_runs)
			ORDER BY number)")"
	want 0 orchmake fsck
}

@test "steps that are up to date share a row, and each is told, shown and explained as ever" {
	many
	want 0 orchmake -s --events=told.json all
	is "$(sql 'SELECT max(n) > 1 FROM steps')" 1
	is "$(sql "SELECT group_concat(n) FROM steps WHERE result IS NOT NULL AND id >> 32 = 2")" 1
	told_as_kept
	is "$(sql "SELECT count(*) || ' ' || count(DISTINCT key) FROM v_steps WHERE state = 'cached'")" "201 201"
	want 0 orchmake why all/s150
	says "nothing it depends on has changed"
	want 0 orchmake show last
	says "201"
}

@test "one that has to run among those that are up to date has a row of its own between theirs" {
	many
	echo new >in.100
	want 0 orchmake -s --events=told.json all
	told_as_kept
	is "$(sql "SELECT group_concat(step) FROM v_steps WHERE state = 'succeeded' AND run = (SELECT max(run) FROM v_runs)")" all/s100
	is "$(cat out.100)" new
}

@test "what shares a row with others is gone on with, also when the run that made it is forgotten" {
	many
	sed -i 's/^      value: .*/      last: {needs: [s200], run: "test -e ready"}/' Jobfile
	want 1 orchmake -s all
	want 0 orchmake gc --keep=1
	is "$(sql 'SELECT count(*) FROM v_runs')" 1
	touch ready
	want 0 orchmake -s resume
	is "$(sql "SELECT count(*) FROM v_steps WHERE state = 'cached' AND run = (SELECT max(run) FROM v_runs)")" 200
	want 0 orchmake fsck
	want 0 orchmake -s all
	is "$(sql "SELECT count(*) FROM v_steps WHERE state = 'cached' AND run = (SELECT max(run) FROM v_runs)")" 200
	want 0 orchmake fsck
}

@test "a step that counts as done before its job is called is the step that it is with its parameters" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all:
	    steps:
	      first: {run: 'echo v=1 >>"$ORCHMAKE_OUTPUT"', provides: [v]}
	      call: {needs: [first], job: part, params: {name: "${{ steps.first.v }}"}}
	  part:
	    params: {name: {type: string}}
	    steps:
	      one: {run: "true"}
	      two: {run: "true"}
	J
	want 0 orchmake -s all
	want 0 orchmake -s -o all/call/one -o all/call/two all
	is "$(sql "SELECT count(DISTINCT key) FROM v_steps WHERE step LIKE '%/call/%'")" 2
	want 0 orchmake fsck
}

@test "steps that turn out to be up to date in another order than they are written are told in the order they did" {
	{
		printf 'jobfile: 1\njobs:\n  all:\n    steps:\n'
		for i in $(seq 40); do
			echo "      s$i: {needs: [s$((i + 1))], inputs: [in], outputs: [out.$i], run: cp in out.$i}"
		done
		echo '      s41: {inputs: [in], outputs: [out.41], run: cp in out.41}'
	} >Jobfile
	echo 1 >in
	old in
	want 0 orchmake -s all
	want 0 orchmake -s --events=told.json all
	told_as_kept
	is "$(jq -r 'select(.state == "cached") | .step' told.json | head -n 2 | paste -sd ' ')" "all/s41 all/s40"
	is "$(sql "SELECT count(*) FROM v_steps WHERE state = 'cached'")" 41
}

@test "a name with brackets is the file that is called so" {
	mkdir app
	echo 1 >'app/[id].c'
	echo 2 >app/a.c
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  one:
	    foreach: {f: "app/*.c"}
	    inputs: ["${{ foreach.f }}"]
	    outputs: ["out/${{ basename(foreach.f) }}"]
	    env: {F: "${{ foreach.f }}"}
	    run: cp "$F" "out/$(basename "$F")"
	  all: {inputs: ["out/*.c"], outputs: ["sum/*"], run: 'cat out/*.c >sum/all'}
	J
	want 0 orchmake all
	want 0 orchmake -q all
	echo 3 >'app/[id].c'
	want 0 orchmake all
	is "$(why 'one[app/[id].c]')" "its input 'app/[id].c' changed"
	is "$(cat sum/all)" $'3\n2'
	echo junk >'out/[id].c'
	want 0 orchmake all
	is "$(why 'one[app/[id].c]')" "its output 'out/[id].c' is not as it left it"
	sed -i 's/run: cp/run: echo half >"out\/$(basename "$F")"; false/' Jobfile
	want 1 orchmake one
	[ ! -e 'out/[id].c' ]
}

@test "who reads a folder waits for who makes what matches a glob in it" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  read: {inputs: [out], run: cat out/*}
	  make: {outputs: ["out/*.o"], run: 'echo 1 >out/a.o'}
	J
	want 0 orchmake read
	is "$(states)" "make succeeded, read succeeded"
}
