load lib

# What the threat model promises: private files, made in hostile folders without following anything; names and output
# that are only text; includes that stay in the project; an environment that leaks nothing.

prepare() {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  j: {steps: {one: {run: "echo v=1 >>$ORCHMAKE_OUTPUT; echo said", provides: [v]}}}
	J
}

modes() { # what below .orchmake others may read, write or enter
	find .orchmake -perm /077 ! -type l
}

@test "ledger, logs and folders are the owner's alone, whatever the umask" {
	(umask 000 && orchmake j) >/dev/null 2>&1 </dev/null
	is "$(modes)" ""
	is "$(stat -c %a .orchmake .orchmake/ledger.db .orchmake/ledger.db-wal .orchmake/logs | sort -u | paste -sd' ')" "600 700"
}

@test "while it runs, too" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {j: {run: "echo a; touch up; until test -e go; do sleep 0.02; done"}}
	J
	(umask 000 && exec orchmake j) >/dev/null 2>&1 </dev/null 3>&- &
	driver=$!
	until_true test -e up
	is "$(modes)" ""
	touch go
	wait $driver
}

@test "a state folder that is a link or writable by everybody is refused" {
	mkdir elsewhere
	ln -s elsewhere .orchmake
	want 5 orchmake j
	complains "not a folder"
	is "$(ls -A elsewhere)" ""
	rm .orchmake
	mkdir -m 0777 .orchmake
	want 5 orchmake j
	complains "writable by everybody"
	is "$(ls -A .orchmake)" ""
}

@test "no link that was planted is followed: ledger, reserve, logs, work" {
	want 0 orchmake j
	echo precious >precious
	rm .orchmake/ledger.db*
	ln -s ../precious .orchmake/ledger.db
	want 5 orchmake j
	is "$(cat precious)" precious
	rm .orchmake/ledger.db
	ln -s ../precious .orchmake/ledger.db-reserve
	want 0 orchmake j
	is "$(cat precious)" precious
	mkdir elsewhere
	rm -rf .orchmake/runs
	ln -s ../elsewhere .orchmake/runs
	want 5 orchmake j
	complains "not a folder"
	is "$(ls -A elsewhere)" ""
}

@test "a state folder of another user's is refused" {
	[ "$(id -u)" = 0 ] || skip "only root can make one"
	command -v setpriv >/dev/null || skip "setpriv is not installed"
	chmod 0777 "$T"
	mkdir -m 0775 .orchmake
	setpriv --reuid=65534 --clear-groups --regid=65534 test -x "$(command -v orchmake)" -a -r Jobfile ||
		skip "another user cannot read what is tested"
	want 5 setpriv --reuid=65534 --clear-groups --regid=65534 orchmake j
	complains "somebody else's"
	is "$(ls -A .orchmake)" ""
}

@test "names are never paths" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  j:
	    matrix: {x: ["../../../../escaped", "a/b", "-rf", ".", "..", "\u00e4 b", "$(touch pwned)", "x\ny"]}
	    run: echo here
	J
	want 0 orchmake j
	[ ! -e pwned ]
	is "$(find . -newer Jobfile -path './.orchmake' -prune -o -newer Jobfile -type f -print)" ""
	is "$(find .orchmake/logs -mindepth 2 -type f | wc -l)" 8
	is "$(find .orchmake/logs -mindepth 2 ! -name '[0-9]*-j_*.log')" ""
	is "$(find .orchmake/logs -name '*[^A-Za-z0-9._-]*')" ""
}

# Everything that prints what a step or a Jobfile says.
@test "no escape of a step's or a name's reaches the terminal" {
	esc=$(printf '\033')
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  j:
	    description: "d \e]0;title\a \e[2J"
	    matrix: {x: ["\e[31mred", "\u202ereversed"]}
	    run: "printf 'out \\033]52;c;AAAA\\007 \\033[2J \\302\\233 x\\r\\n'; exit 3"
	J
	code=0
	orchmake j >all.txt 2>&1 </dev/null || code=$?
	is "$code" 1
	for v in "list" "show last" "history" "events last" "why last" "show last/j" "graph" "report last" "show j" "ps" "stats" "jobs list" "jobs show j"; do
		orchmake $v >>all.txt 2>&1 </dev/null
	done
	grep -q out all.txt
	run grep -c "$esc" all.txt
	is "$output" 0
	run grep -c "$(printf '\302\233')" all.txt
	is "$output" 0
	run grep -c "$(printf '\342\200\256')" all.txt
	is "$output" 0
}

@test "a wrong Jobfile cannot write to the terminal with its message" {
	printf 'jobfile: 1\njobs:\n  "a\\e[2Jb": {runn: x}\n' >Jobfile
	want 2 orchmake
	case $err in *"$(printf '\033')"*) false ;; esac
}

@test "includes stay inside the project" {
	mkdir -p p
	printf 'jobs: {out: {run: "true"}}\n' >outside.yml
	for path in ../outside.yml "$T/outside.yml" link.yml; do
		(cd p && ln -sf ../outside.yml link.yml)
		printf 'jobfile: 1\ninclude: ["%s"]\njobs: {j: {run: "true"}}\n' "$path" >p/Jobfile
		code=0
		orchmake -C p -n j >out.txt 2>&1 </dev/null || code=$?
		[ "$code" = 2 ] || { echo "$path: exit $code"; cat out.txt; false; }
	done
}

@test "a step sees of orchmake only what the manual names" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {j: {run: "env | sed -n 's/^\\(ORCHMAKE[^=]*\\)=.*/\\1/p' | sort >names; ls -l /proc/self/fd >fds"}}
	J
	want 0 env ORCHMAKE_INTERNAL=1 ORCHMAKE_RUN=stale orchmake
	grep -qx ORCHMAKE_RUN names
	grep -q "0 -> " fds
	while read -r name; do
		grep -q "$name" "$top_srcdir/doc/orchmake.1.in" "$top_srcdir/doc/jobfile.5.in" ||
			{ echo "$name is in no manual"; false; }
	done <names
	run grep -c 'INTERNAL' names
	is "$output" 0
	run grep -cE 'ledger|journal|socket|memfd' fds
	is "$output" 0
}

@test "a secret is in no ledger, log, message, listing or command line" {
	jobfile <<-'J'
	jobfile: 1
	secrets: {key: {env: CANARY}}
	jobs:
	  j:
	    env: {KEY: "${{ secrets.key }}"}
	    run: "test ${#KEY} = 11 && tr '\\0' ' ' </proc/$PPID/cmdline >cmdline; tr '\\0' ' ' </proc/self/cmdline >>cmdline"
	J
	export CANARY=c4n4ry-7719
	want 0 orchmake -n j
	printf '%s\n%s\n' "$out" "$err" >dry.txt
	want 0 orchmake -v j
	for v in "show last" "events last --format=json" "why last" "report last" "-p j" "history --format=json"; do
		orchmake $v >>dry.txt 2>&1 </dev/null
	done
	printf '%s\n%s\n' "$out" "$err" >>dry.txt
	run grep -rlF c4n4ry-7719 .orchmake dry.txt cmdline
	is "$output" ""
}
