# GNU make's job server, both sides, with real makes.

load lib

# A Makefile of N targets, each of which notes in `log` when it begins and ends.
makefile() {
	{
		printf 'all:'; for i in $(seq "$1"); do printf ' t%s' "$i"; done; printf '\n'
		for i in $(seq "$1"); do printf 't%s:\n\t@note %s\n' "$i" "$2"; done
	} > "$3"
}

prepare() {
	mkdir bin
	cat > bin/note <<'S'
#!/bin/sh
# Begin and end in one file, whose lines are whole because each is one write.  The first so many wait for each other.
echo "+" >> "$1"
until [ "$(grep -c + "$1")" -ge "${2:-1}" ]; do sleep 0.01; done
sleep 0.02
echo "-" >> "$1"
S
	chmod +x bin/note
	PATH=$PWD/bin:$PATH
}

# The most that ran at once, by the log.
peak() {
	awk '/^\+/ { n++; if (n > most) most = n } /^-/ { n-- } END { print most + 0 }' "$1"
}

@test "a make below takes its slots from ours, and together they are never more than -j" {
	makefile 12 "log 3" mk
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  one: { run: make -s -f mk }
  two: { run: make -s -f mk }
  three: { run: note log 3 }
  all: { noop: true, needs: [one, two, three] }
J
	run timeout 200 orchmake -j4 all
	[ "$status" -eq 0 ]
	[ "$(grep -c '^+' log)" -eq 25 ]
	[ "$(peak log)" -le 4 ]
}

@test "under -j1 a make below runs one thing at a time" {
	makefile 4 log mk
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  one: { run: make -s -f mk }
	J
	run orchmake one
	[ "$status" -eq 0 ]
	[ "$(peak log)" -eq 1 ]
}

@test "a step is told of the job server in the way it asks for, or not at all" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  pair: { run: 'echo "$MAKEFLAGS" > pair; [ -p /dev/fd/3 ]; [ -p /dev/fd/4 ]' }
  fifo: { jobserver: fifo, run: 'echo "$MAKEFLAGS" > fifo; [ -p "${MAKEFLAGS##*fifo:}" ]; ! [ -e /dev/fd/3 ]' }
  off: { jobserver: off, run: 'echo "${MAKEFLAGS-none}" > off; ! [ -e /dev/fd/3 ]' }
  own: { env: { MAKEFLAGS: k }, run: 'echo "$MAKEFLAGS" > own' }
J
	run orchmake -j3 pair fifo off own
	[ "$status" -eq 0 ]
	[ "$(cat pair)" = " -j3 --jobserver-auth=3,4" ]
	[[ "$(cat fifo)" == " -j3 --jobserver-auth=fifo:"*"/jobserver" ]]
	[ "$(cat off)" = none ]
	[ "$(cat own)" = k ]
	run orchmake -j3 --jobserver-style=off own off
	[ "$status" -eq 0 ]
	jobfile <<-'J2'
	jobfile: 1
	jobs:
	  plain: { run: 'echo "${MAKEFLAGS-none}" > plain' }
	J2
	want 0 orchmake -j3 --jobserver-style=off plain
	[ "$(cat plain)" = none ]
	want 0 orchmake -j3 --jobserver-style=fifo plain
	[[ "$(cat plain)" == *"=fifo:"* ]]
	run orchmake --jobserver-style=some plain
	[ "$status" -eq 2 ]
	[ -z "$(find .orchmake -type p)" ]
}

@test "slots that a killed make kept are there again for the next step" {
	makefile 3 "log 2" mk
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  thief:
    on_failure: continue
    critical: false
    run: 'head -c 3 <&3 > stolen; kill -9 $$'
  next: { run: make -s -f mk, needs: [thief] }
J
	run timeout 200 orchmake -j4 next
	[ "$status" -eq 0 ]
	[ "$(wc -c < stolen)" -eq 3 ]
	[[ "$output" == *"3 slots that a step did not give back"* ]]
}

@test "slots are put back while a step runs that was offered none" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  other: { priority: 9, jobserver: "off", run: 'until [ -e over ]; do sleep 0.01; done' }
  thief:
    on_failure: continue
    critical: false
    run: 'head -c 1 <&3 > stolen; kill -9 $$'
  next: { needs: [thief], run: 'timeout 30 head -c 1 <&3 > got; cat got >&4; touch over' }
  all: { needs: [other, next], noop: true }
J
	run timeout 60 orchmake -j3 all
	[ "$status" -eq 0 ]
	[ "$(wc -c < got)" -eq 1 ]
	grep -q '1 slot that a step did not give back is there again' <<<"$output"
}

@test "what a hook has in hand is not lost" {
	cat > Jobfile <<'J'
jobfile: 1
hooks:
  on_start: { run: 'head -c 2 <&3 > hook; touch has; until [ -e over ]; do sleep 0.01; done; cat hook >&4' }
jobs:
  thief:
    on_failure: continue
    critical: false
    run: 'until [ -e has ]; do sleep 0.01; done; head -c 1 <&3 > stolen; kill -9 $$'
  next: { needs: [thief], run: 'timeout 0.2 head -c 4 <&3 > got || true; cat got >&4; touch over' }
J
	run timeout 60 orchmake -j5 next
	[ "$status" -eq 0 ]
	[ "$(wc -c < stolen)" -eq 1 ]
	[ "$(wc -c < got)" -le 1 ]
}

@test "below a make we take its slots, and never more than it has" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  each: { foreach: { i: [1, 2, 3, 4, 5, 6] }, run: note log 2 }
J
	printf 'all: a b\na b:\n\t+@orchmake --ledger $@.db --log-dir $@.logs each >/dev/null\n' > mk
	run timeout 200 make -s -j3 -f mk
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c '^+' log)" -eq 12 ]
	[ "$(peak log)" -le 3 ]
}

@test "every slot goes back to the make above, also after Ctrl-C and after a failure" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  fail: { foreach: { i: [1, 2, 3, 4] }, run: exit 1 }
  stop: { foreach: { i: [1, 2, 3, 4] }, run: 'touch "started.$I"; sleep 60', env: { I: "${{ foreach.i }}" } }
J
	mkfifo pool
	exec 8<> pool
	printf '+++' >&8
	run env MAKEFLAGS=" -j4 --jobserver-auth=fifo:$PWD/pool" orchmake -k fail
	[ "$status" -eq 1 ]
	env MAKEFLAGS=" -j4 --jobserver-auth=fifo:$PWD/pool" orchmake stop &
	pid=$!
	for i in 1 2 3 4; do until_true [ -e started.$i ]; done
	kill -INT $pid
	wait $pid || true
	all_back
}

# COMMAND below a job server with four slots, whose other three are all there afterwards.
with_pool() {
	mkfifo pool
	exec 8<> pool
	printf '+++' >&8
	env MAKEFLAGS=" -j4 --jobserver-auth=fifo:$PWD/pool" "$@" 8>&- &
	driver=$!
}

all_back() {
	is "$(timeout 60 head -c 3 <&8)" "+++"
	run timeout 0.1 head -c 1 <&8
	[ "$status" -eq 124 ]
	exec 8>&-
}

four_begun() { [ "$(ls started.* 2>/dev/null | wc -l)" = 4 ]; }

@test "every slot goes back when the driver ends by a signal that nobody can expect" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  stop: { foreach: { i: [1, 2, 3, 4] }, run: 'touch "started.$I"; sleep 60', env: { I: "${{ foreach.i }}" } }
J
	for sig in TERM HUP QUIT ABRT SEGV; do
		with_pool orchmake stop
		until_true four_begun
		kill -$sig $driver
		wait $driver || true
		all_back
		rm started.* pool
	done
}

@test "a reader of what is said who leaves ends nothing" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  four: { foreach: { i: [1, 2, 3, 4] }, run: 'until [ -e left ]; do sleep 0.01; done' }
J
	with_pool bash -c 'timeout 60 orchmake -v four 2>&1 | { head -n 1; exec <&-; touch left; }; exit "${PIPESTATUS[0]}"'
	wait $driver
	all_back
	is "$(sql 'SELECT state FROM v_runs')" succeeded
}

@test "descriptors that are no pipe are not taken for a job server, and nothing is written into them" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  a: { run: 'echo "$MAKEFLAGS" > flags' }
	J
	printf 'precious' > file
	run env MAKEFLAGS=" -j4 --jobserver-auth=8,8" orchmake a 8<> file
	[ "$status" -eq 0 ]
	[[ "$output" == *"put a + before the command"* ]]
	[ "$(cat file)" = precious ]
	[ "$(cat flags)" = " -j1 --jobserver-auth=3,4" ]
	run env MAKEFLAGS=" -j4 --jobserver-auth=fifo:$PWD/file" orchmake a
	[ "$status" -eq 0 ]
	[[ "$output" == *"cannot be used"* ]]
	[ "$(cat file)" = precious ]
}

@test "a make that only shows what it would do makes us do so too" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  a: { run: touch made }
	J
	printf 'all:\n\t+@orchmake a\n' > mk
	run make -n -f mk
	[ "$status" -eq 0 ]
	[ ! -e made ]
	[ ! -e .orchmake ]
	[[ "$output" == *"a"* ]]
}

@test "for a step that weighs several slots we keep of our own what comes back, however many want the rest" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  # It has both tokens when the heavy one becomes ready, and would take each again that it finds.
  client:
    priority: 9
    run: |
      head -c 2 <&3 > held
      until [ -e ready ]; do sleep 0.01; done
      printf + >&4
      n=0
      while timeout 0.05 head -c 1 <&3 | grep -q +; do
        printf + >&4
        n=$((n + 1)); [ $n -lt 200 ] || exit 1
      done
      printf + >&4
  first: { run: 'until [ "$(wc -c < held)" = 2 ]; do sleep 0.01; done; touch ready' }
  heavy: { needs: [first], slots: 3, run: note log }
  all: { needs: [client, heavy], noop: true }
J
	run timeout 60 orchmake -j4 all
	[ "$status" -eq 0 ]
	[ "$(grep -c '^+' log)" -eq 1 ]
}

@test "a step that weighs several slots waits until it has them all" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  heavy: { slots: 3, run: note log; note log }
  light: { foreach: { i: [1, 2, 3] }, run: note log }
J
	mkfifo pool
	exec 8<> pool
	printf '+++' >&8
	run env MAKEFLAGS=" -j4 --jobserver-auth=fifo:$PWD/pool" orchmake heavy light
	[ "$status" -eq 0 ]
	[ "$(grep -c '^+' log)" -eq 5 ]
	[ "$(peak log)" -le 3 ]
	all_back
}

# A program in place of one that a client starts: the first two that begin wait for each other, and all are noted.
write_meet() {
	cat > bin/meet <<'S'
#!/bin/sh
echo + >> "$LOG"
n=0
until [ "$(grep -c + "$LOG")" -ge 2 ]; do
	sleep 0.02
	n=$((n + 1))
	[ $n -lt 1500 ] || exit 1
done
"$@"
code=$?
echo - >> "$LOG"
exit $code
S
	chmod +x bin/meet
	export LOG=$PWD/log
}

@test "a cargo below takes its slots from ours" {
	cargo --version && rustc --version || skip "no cargo here"
	write_meet
	printf '[workspace]\nmembers = ["c*"]\nresolver = "2"\n' > Cargo.toml
	for i in 1 2 3 4; do
		mkdir -p c$i/src
		printf '[package]\nname = "c%s"\nversion = "0.1.0"\nedition = "2018"\n' $i > c$i/Cargo.toml
		echo 'pub fn f() {}' > c$i/src/lib.rs
	done
	cat > bin/wrap <<'S'
#!/bin/sh
case " $* " in *" --crate-name c"[0-9]*) exec meet "$@" ;; esac
exec "$@"
S
	chmod +x bin/wrap
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  build: { run: 'cargo build --offline', env: { RUSTC_WRAPPER: wrap } }
J
	run timeout 120 orchmake -v -j2 build
	[ "$status" -eq 0 ]
	[ "$(grep -c + log)" -eq 4 ]
	[ "$(peak log)" -eq 2 ]
	[[ "$output" != *"did not give back"* ]]
}

@test "a gcc -flto=jobserver below takes its slots from ours" {
	echo 'int main(void) { return 0; }' > try.c
	gcc -flto=jobserver -O1 try.c -o try || skip "no gcc with link-time optimisation here"
	write_meet
	echo 'int f1(int), f2(int), f3(int), f4(int); int main(int n, char **v) { return f1(n) + f2(n) + f3(n) + f4(n) + !v; }' > main.c
	for i in 1 2 3 4; do echo "__attribute__((noinline)) int f$i(int n) { return n ? n * $i : 0; }" > f$i.c; done
	printf '#!/bin/sh\nexec meet /bin/sh "$@"\n' > bin/shell
	printf '#!/bin/sh\nexec make SHELL="%s/bin/shell" "$@"\n' "$PWD" > bin/mymake
	chmod +x bin/shell bin/mymake
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  link:
    env: { MAKE: mymake }
    run: gcc -O1 -flto=jobserver -flto-partition=1to1 main.c f1.c f2.c f3.c f4.c -o all 2>&1
J
	run timeout 120 orchmake -v -j2 link
	[ "$status" -eq 0 ]
	[ "$(grep -c + log)" -ge 4 ]
	[ "$(peak log)" -eq 2 ]
	[[ "$output" != *"did not give back"* ]]
	[ -z "$(grep -l 'jobserver is not available' .orchmake/logs/*/*.log)" ]
}

# Which of them know a job server depends on the version (1.13 a FIFO, before that none): none may break or lose any.
@test "a ninja below runs, and every slot is there afterwards" {
	ninja --version || skip "no ninja here"
	{
		printf 'rule note\n command = note log\n'
		for i in $(seq 6); do printf 'build t%s: note\n' "$i"; done
	} > build.ninja
	for style in pipe fifo; do
		rm -f log
		jobfile <<-J
		jobfile: 1
		jobs:
		  one: { jobserver: $style, run: ninja }
		  two: { needs: [one], run: 'timeout 30 head -c 2 <&3 > got; cat got >&4' }
		J
		run timeout 60 orchmake -v -j3 two
		[ "$status" -eq 0 ]
		[ "$(grep -c + log)" -eq 6 ]
		[ "$(wc -c < got)" -eq 2 ]
		[[ "$output" != *"did not give back"* ]]
	done
}

@test "an orchmake below shares with makes and with another below, in both styles" {
	makefile 6 log mk
	mkdir in
	cat > in/Jobfile <<'J'
jobfile: 1
jobs:
  each: { foreach: { i: [1, 2, 3, 4, 5, 6] }, run: note ../log }
J
	for style in pipe fifo; do
		rm -f log
		cat > Jobfile <<J
jobfile: 1
jobs:
  a: { jobserver: $style, run: orchmake -C in --no-ledger -j9 each }
  b: { jobserver: $style, run: orchmake -C in --no-ledger each }
  c: { run: make -s -f mk }
  all: { noop: true, needs: [a, b, c] }
J
		run timeout 60 orchmake -v -j4 all
		[ "$status" -eq 0 ]
		[ "$(grep -c + log)" -eq 18 ]
		[ "$(peak log)" -le 4 ]
		[[ "$output" != *"did not give back"* ]]
	done
}

@test "a line of a Makefile that speaks of \$(MAKE) hands on the slots as well" {
	write_meet
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  each: { foreach: { i: [1, 2, 3, 4] }, run: meet true }
J
	printf 'all:\n\t@orchmake each # $(MAKE)\n' > mk
	run timeout 60 make -s -j2 -f mk
	[ "$status" -eq 0 ]
	[ "$(peak log)" -eq 2 ]
}

@test "of a make above we are told that it has closed its descriptors, once, and its word goes no further" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  a: { run: 'echo "$MAKEFLAGS" > flags' }
	J
	printf 'all:\n\t@orchmake a\n' > mk
	run make -s -j3 -f mk
	[ "$status" -eq 0 ]
	[ "$(grep -c 'put a + before the command' <<<"$output")" -eq 1 ]
	[ "$(cat flags)" = " -j1 --jobserver-auth=3,4" ]
	run env MAKEFLAGS=" -j4 --jobserver-auth=-2,-2" orchmake a
	[ "$status" -eq 0 ]
	[[ "$output" != *"put a +"* ]]
}
