# -l: by how many tasks of the machine are runnable.

load lib

# Each of two steps ends only when the other one has begun as well.
both() {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  a: { run: 'touch a; for i in $(seq 3000); do [ ! -e b ] || exit 0; sleep 0.01; done; exit 1' }
  b: { run: 'touch b; for i in $(seq 3000); do [ ! -e a ] || exit 0; sleep 0.01; done; exit 1' }
  all: { needs: [a, b], noop: true }
J
}

# COMMAND in a mount namespace where the kernel says of its load what the file `load` says.
under_load() {
	unshare -rm sh -c 'mount --bind load /proc/loadavg && exec "$@"' - "$@"
}

runnable() { # so many, and who looks; the same file stays: it is mounted
	echo "0.00 0.00 0.00 $(($1 + 1))/100 1" > load
}

@test "over the limit one step runs at a time, and never none" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  one: { foreach: { i: [1, 2, 3, 4] }, run: 'mkdir busy; sleep 0.02; rmdir busy' }
J
	want 0 orchmake -j4 -l0 -dsched one
	complains "4 succeeded"
	complains "what is ready waits: "
}

@test "below the limit -j says how many, and a later -l takes an earlier one away" {
	both
	want 0 orchmake -j2 -l1000000 all
	rm a b
	want 0 orchmake -j2 -l0 -l all
	rm a b
	want 0 orchmake -j2 --load-average=0 --load-average all
}

@test "a limit is a number of tasks" {
	both
	for n in x 1x -1 nan inf ''; do
		want 2 orchmake "--load-average=$n" all
		complains "--load-average: '$n' is not a number of tasks such as 4 or 2.5"
	done
	[ ! -e a ]
}

@test "makes below hear of the limit, and below a make its limit is ours" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  flags: { run: 'echo "$MAKEFLAGS" > flags' }
	  one: { foreach: { i: [1, 2, 3, 4] }, run: 'mkdir busy; sleep 0.02; rmdir busy' }
	J
	want 0 orchmake -j3 -l2.5 flags
	is "$(cat flags)" " -j3 --jobserver-auth=3,4 -l2.5"
	printf 'all:\n\t+@orchmake one\n' > mk
	want 0 make -s -j4 -l0 -f mk
	complains "4 succeeded"
	both
	printf 'all:\n\t+@orchmake -l all\n' > mk
	want 0 make -s -j4 -l0 -f mk
}

@test "what is held back starts when the load has gone, and meanwhile that is said" {
	runnable 9
	under_load true 2>/dev/null || skip "no mount namespace to be had"
	both
	under_load orchmake -v --progress=plain -j2 -l4.5 all 2> said &
	until_true [ -e a ]
	until_true grep -q '^held  9 runnable tasks, and -l says 4.5' said
	[ ! -e b ]
	want 0 orchmake why b
	is "$out" "b waits: its needs have ended; it waits for a slot, a pool or a lock
  nothing more starts for now: 9 runnable tasks, and -l says 4.5"
	want 0 orchmake why a
	says "a is running: attempt 1, for "
	want 0 orchmake ps
	says " held "
	want 0 orchmake ps --format=json
	says '"held": "9 runnable tasks, and -l says 4.5"'
	runnable 4
	wait $!
	[ -e b ]
	grep -q '^goes on  ' said
	want 0 orchmake events
	says '"event":"load_high","state":"running","reason":"load"'
	says '"event":"load_fine"'
	want 0 orchmake fsck
}

@test "where the kernel says nothing of its load, that is said, and nothing is held back" {
	: > load
	under_load true 2>/dev/null || skip "no mount namespace to be had"
	both
	want 0 under_load orchmake -j2 -l0 all
	complains "-l holds nothing back, as /proc/loadavg cannot be read"
}
