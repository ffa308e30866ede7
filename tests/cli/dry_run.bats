load lib

prepare() {
	jobfile <<-'J'
	jobfile: 1
	vars: {day: "${{ today() }}"}
	jobs:
	  all: {stages: [one, {name: rest, jobs: [two, three]}]}
	  one: {run: touch one}
	  two: {needs: [help], run: touch two}
	  three: {when: "env.NOPE == 'x'", run: touch three}
	  help: {run: touch help}
	J
}

@test "phases are listed in order" {
	want 0 orchmake -n all
	says "all: 4 steps would run"
	grep -q '^+ help .*needed by two' <<<"$out"
	grep -q '^1 one' <<<"$out"
	grep -q 'stage one' <<<"$out"
	grep -q 'three.*if `env.NOPE' <<<"$out"
}

@test "nothing is run and nothing is made" {
	before=$(find . | sort)
	want 0 orchmake -n all
	want 0 orchmake -n --format=json all
	want 1 orchmake -q all
	is "$(find . | sort)" "$before"
}

@test "it works in a read-only folder, with and without a ledger" {
	want 0 orchmake all
	chmod -R a-w .
	before=$(find . | sort | xargs ls -ld --time-style=full-iso)
	want 0 orchmake -n all
	is "$(find . | sort | xargs ls -ld --time-style=full-iso)" "$before"
	chmod -R u+w .
}

@test "no file is opened for writing and no process is started" {
	command -v strace >/dev/null || skip "strace is not installed"
	want 0 orchmake all
	rm one
	[ -s .orchmake/ledger.db-wal ] # the hard case: what is to be read lies in the WAL
	strace -f -o trace -e trace=process,openat,open,creat,mkdir,mkdirat,unlink,unlinkat,rename,renameat,renameat2 \
		orchmake -n all >/dev/null 2>strace.err || skip "strace cannot be used here"
	grep -v '\.gcda"' trace >calls # the counters of `make coverage`
	run grep -E 'O_WRONLY|O_RDWR|O_CREAT|mkdir|unlink|rename|creat\(' calls
	is "$output" ""
	run grep -E '(clone3?|v?fork)\(' trace
	is "$output" ""
	is "$(grep -c 'execve(' trace)" 1
}

@test "as a document it is the result with what would run" {
	want 0 orchmake -n --format=json all
	is "$(jq -c '[.job_id, .dry_run, .success, .total, .steps]' <<<"$out")" '["all",true,null,3,4]'
	is "$(jq -r '[.members[].stage] | join(" ")' <<<"$out")" "one rest rest"
}

@test "--only, --skip, --from and --until leave out the rest" {
	want 0 orchmake --skip two all
	[ -e one ]
	[ ! -e two ]
	rm -f one help
	want 0 orchmake --only one all
	[ -e one ]
	[ ! -e help ]
	want 2 orchmake --only nothing all
	complains "no step of this run is called 'nothing'"
}
