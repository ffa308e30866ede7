load lib

# Process ids that were used again: whoever has one now is not who had it then.

prepare() {
	command -v sqlite3 >/dev/null || skip "sqlite3 is not installed"
	unshare -Urpf --mount-proc bash -c 'echo 4000 >/proc/sys/kernel/ns_last_pid' 2>/dev/null ||
		skip "no pid namespace in which the next process id can be chosen"
	jobfile <<-'J'
	jobfile: 1
	defaults: {on_lost: retry}
	jobs:
	  p:
	    steps:
	      a: {run: "touch a.up; until test -e go; do sleep 0.01; done; echo a >>did"}
	J
}

# Where bash is process 1, it reaps what nobody else does, so that ids become free.
inside() { # SCRIPT
	cat >inside.sh <<-'S'
	set -eu
	until_true() {
		for i in $(seq 1000); do "$@" >/dev/null 2>&1 && return 0; sleep 0.01; done
		echo "it never came true: $*"
		exit 1
	}
	gone() { [ ! -e "/proc/$1" ]; }
	# A clock tick later nobody can be taken for somebody of before.
	born() { awk '{print $22}' /proc/self/stat; }
	later() { [ "$(born)" -gt "$1" ]; }
	# A process of no concern to orchmake that has the id $1.
	take() {
		until_true gone "$1"
		for i in $(seq 100); do
			echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid
			sleep 1000 &
			[ $! = "$1" ] && return 0
			kill $!
		done
		echo "process id $1 cannot be had"
		exit 1
	}
	lives() { case $(cat "/proc/$1/cmdline" | tr '\0' ' ') in "sleep 1000 ") ;; *) exit 1 ;; esac; }

	orchmake -s p </dev/null >out.txt 2>&1 &
	driver=$!
	until_true test -e a.up
	warden=$(pgrep -P $driver)
	leader=$(pgrep -P $warden)
	S
	cat >>inside.sh
	want 0 timeout 200 unshare -Urpf --mount-proc bash inside.sh
}

@test "a driver's id that is somebody else's is no driver, and who has a step's id now is left alone" {
	inside <<-'S'
	kill -STOP $driver
	kill -KILL $warden $driver
	now=$(born)
	until_true later "$now"
	take $driver
	take $leader
	orchmake kill last || true
	lives $driver
	orchmake doctor
	lives $driver
	lives $leader
	touch go
	orchmake -s resume
	lives $driver
	lives $leader
	S
	says "was found dead and is recorded as interrupted: 1 lost attempt in flight"
	is "$(cat did)" a
	want 0 orchmake fsck
}

@test "a warden's id that is somebody else's: the run of a killed driver is over" {
	inside <<-'S'
	kill -KILL $driver
	until_true gone $warden
	now=$(born)
	until_true later "$now"
	take $warden
	take $leader
	orchmake doctor
	lives $warden
	lives $leader
	S
	says "was found dead and is recorded as interrupted: 1 interrupted attempt in flight"
}
