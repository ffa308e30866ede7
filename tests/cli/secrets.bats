# Secrets: given to whom they are meant for, and seen nowhere else.

load lib

prepare() {
	export PROD_KEY=s3cr3t-of-the-env
	printf 's3cr3t line one\ns3cr3t "line" two\n' >key.txt
	mkdir bin
	# Told by the file, so that the Jobfile itself does not hold it.
	printf 's3cr3t-of-a-command' >told.txt
	jobfile <<-'J'
	jobfile: 1
	secrets:
	  KEY: {env: PROD_KEY}
	  FILE: {file: key.txt}
	  CMD: {argv: [cat, told.txt]}
	  MISSING: {env: NO_SUCH_VARIABLE}
	  BROKEN: {argv: [sh, -c, 'cat told.txt >&2; exit 3']}
	callables:
	  echo: {argv: [sh, -c, 'cat >seen-by-callable; printf "{\"items\": [\"%s\"]}" "$(cat told.txt)"']}
	jobs:
	  use:
	    env: {K: "${{ secrets.KEY }}", F: "${{ secrets.FILE }}", C: "Bearer ${{ secrets.CMD }}"}
	    run: |
	      printf '%s\n%s\n%s\n' "$K" "$F" "$C" >seen-by-step
	      echo "out $K"; echo "err $F" >&2; printf "split ${C%%-*}"; printf '%s\n' "-${C#*-}"
	      echo "token=$C" >>"$ORCHMAKE_OUTPUT"
	      echo "$K" >provided.txt
	    provides: {token: {}, file: {file: provided.txt}}
	  printed:
	    env: {K: "${{ secrets.KEY }}"}
	    run: 'printf "{\"k\": \"%s\"}" "$K"'
	    provides: {k: {json: .k}}
	  call: {call: echo, with: {key: "${{ secrets.CMD }}"}}
	  fails: {env: {K: "${{ secrets.KEY }}"}, run: 'echo "ERROR: $K is wrong" >&2; exit 3', error: "/^ERROR: (.+)$/m"}
	  missing: {env: {K: "${{ secrets.MISSING }}"}, run: 'true'}
	  broken: {env: {K: "${{ secrets.BROKEN }}"}, run: 'true'}
	  argv: {env: {K: "${{ secrets.KEY }}"}, argv: [echo, "${{ env.K }}"]}
	  other: {run: 'env >env-of-other'}
	J
}

# Nothing below .orchmake and nothing that was said holds a secret; what the steps wrote themselves does.
nothing_shown() {
	case $out$err in *s3cr3t*) printf 'said:\n%s\n%s\n' "$out" "$err"; return 1 ;; esac
	want 1 grep -rl s3cr3t .orchmake
}

# The process below PID $1 that runs the program $2.
descendant() {
	local p
	for p in $(pgrep -P "$1"); do
		case $(tr '\0' ' ' <"/proc/$p/cmdline") in *"$2"*) echo "$p"; return ;; esac
		descendant "$p" "$2"
	done
}

@test "a step gets them in its environment, a callable in its input" {
	want 0 orchmake -j4 use call
	is "$(cat seen-by-step)" "s3cr3t-of-the-env
s3cr3t line one
s3cr3t \"line\" two
Bearer s3cr3t-of-a-command"
	is "$(cat seen-by-callable)" '{"key":"s3cr3t-of-a-command"}'
	want 0 orchmake logs use
	says 'out ***'
	says 'err ***'
	says 'split Bearer ***'
	nothing_shown
}

@test "they are in no file, no message and no answer of any verb" {
	want 1 orchmake -k -j4 -v --result=result.json --events=events.json use printed call fails
	complains "fails: *** is wrong"
	nothing_shown
	want 1 grep s3cr3t result.json events.json
	for verb in history "show last" "show last/use" "why fails" events result "logs last/use" "logs last/fails" list vars \
		"report last page.html" "graph use" -n -p; do
		want 0 orchmake $verb
		case $out$err in *s3cr3t*) echo "$verb: $out$err"; false ;; esac
	done
	want 0 orchmake sql "select * from v_attempts"
	says "***"
	case $out in *s3cr3t*) false ;; esac
	want 1 grep s3cr3t page.html
	is "$(sql "select json_extract(result, '$.k') from v_steps where step = 'printed'")" '***'
}

@test "while it runs they are in no argument vector and no file of the run" {
	jobfile <<-'J'
	jobfile: 1
	secrets: {KEY: {env: PROD_KEY}}
	callables: {wait: {argv: [sh, -c, 'cat >/dev/null; : >up2; read x <go2; echo "{\"items\": []}"']}}
	jobs:
	  a: {env: {K: "${{ secrets.KEY }}"}, run: 'echo "$K"; : >up1; read x <go1'}
	  b: {call: wait, with: {k: "${{ secrets.KEY }}"}}
	J
	mkfifo go1 go2
	orchmake -s -j2 a b &
	until_true test -e up1 -a -e up2
	seen=0
	for c in /proc/[0-9]*/cmdline; do
		tr '\0' ' ' <"$c" 2>/dev/null | grep s3cr3t && seen=1
	done
	is "$seen" 0
	want 1 grep -rl s3cr3t .orchmake
	echo >go1
	echo >go2
	wait $!
}

# dumped PID TEXT: whether TEXT is in memory of it that a core file would have.
dumped() {
	python3 - "$@" <<-'P'
	import re, sys
	pid, text, found = sys.argv[1], sys.argv[2].encode(), 0
	with open(f"/proc/{pid}/smaps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
	    for m in re.finditer(r"^(\w+)-(\w+) rw.*\n(?:\S+:.*\n)*?VmFlags:(.*)$", maps.read(), re.M):
	        if " dd" not in m[3]:
	            mem.seek(int(m[1], 16))
	            found += text in mem.read(int(m[2], 16) - int(m[1], 16))
	sys.exit(not found)
	P
}

@test "they are in no core file: of the driver, its warden, and what stands between the step and its log" {
	command -v python3 >/dev/null || skip "python3 is not installed"
	[ "$(cat /proc/sys/kernel/core_pattern)" = core ] || skip "core files go elsewhere"
	ulimit -c unlimited 2>/dev/null || skip "there can be no core files"
	jobfile <<-'J'
	jobfile: 1
	secrets: {KEY: {env: PROD_KEY}}
	jobs:
	  a: {env: {K: "${{ secrets.KEY }}", L: in-the-clear}, run: 'echo "$K"; : >up; exec sleep 1000'}
	J
	for victim in '' -mask; do
		rm -f up core
		orchmake -s a </dev/null >/dev/null 2>&1 3>&- &
		driver=$!
		until_true test -e up
		warden=$(descendant $driver orchmake-warden)
		dying=$driver
		[ -z "$victim" ] || dying=$(descendant "$warden" "orchmake$victim")
		if head -c 1 "/proc/$dying/smaps" >/dev/null 2>&1; then # not everybody may look into what is not to be dumped
			no dumped "$warden" s3cr3t
			dumped "$dying" in-the-clear
		fi
		kill -SEGV "$dying"
		wait $driver || true
		no test -e core
	done
}

@test "the variable a secret comes from is not inherited" {
	want 0 orchmake other
	want 1 grep PROD_KEY env-of-other
	echo 'PROD_KEY=s3cr3t-of-dotenv' >.env
	sed -i '1a dotenv: [.env]' Jobfile
	unset PROD_KEY
	want 0 orchmake other use
	want 1 grep s3cr3t env-of-other
	is "$(head -1 seen-by-step)" s3cr3t-of-dotenv
	nothing_shown
}

@test "one that cannot be had fails the steps that want it, and says why without showing anything" {
	want 1 orchmake -k missing broken other
	complains "secret 'MISSING': there is no environment variable NO_SUCH_VARIABLE"
	complains "secret 'BROKEN': its command ended with exit 3"
	[ -e env-of-other ]
	: >told.txt
	want 1 orchmake call
	complains "secret 'CMD': it is empty"
	printf 'a\0b' >told.txt
	want 1 orchmake call
	complains "secret 'CMD': it holds a NUL character"
	rm key.txt
	want 1 orchmake use
	complains "secret 'FILE': cannot read '$PWD/key.txt': No such file or directory"
}

@test "it cannot go the long way round into an argument vector" {
	want 1 orchmake argv
	complains "env.K holds a secret, which can be used in \`env\` and in the \`with\` of a call only"
	nothing_shown
}

@test "fetched once a run, and never for -n or for steps that want none" {
	printf '#!/bin/sh\necho x >>fetched\ncat told.txt\n' >bin/fetch
	chmod +x bin/fetch
	jobfile <<-'J'
	jobfile: 1
	secrets: {C: {argv: [bin/fetch]}}
	jobs:
	  all: {stages: [{name: x, jobs: [a, b, c]}]}
	  a: {env: {C: "${{ secrets.C }}"}, run: 'true'}
	  b: {env: {C: "${{ secrets.C }}"}, run: 'true'}
	  c: {run: 'true'}
	J
	want 0 orchmake -n all
	want 0 orchmake c
	[ ! -e fetched ]
	[ -z "$(find . -newer Jobfile -name 'fetched')" ]
	want 0 orchmake -j3 all
	is "$(wc -l <fetched)" 1
}

@test "a condition that keeps a step from running keeps its secrets from being fetched" {
	jobfile <<-'J'
	jobfile: 1
	secrets: {C: {argv: [sh, -c, ': >fetched; cat told.txt']}}
	vars: {v: {sh: ': >made; echo x'}}
	env: {MODE: dry, C: "${{ secrets.C }}", V: "${{ vars.v }}"}
	jobs:
	  a: {when: env.MODE == 'real', run: 'true'}
	  b: {when: env.V == 'x', run: ': >ran-b'}
	  c: {when: env.C != '', run: 'true'}
	J
	want 0 orchmake a
	[ ! -e fetched ]
	[ ! -e made ]
	want 0 orchmake b
	[ -e ran-b ]
	want 1 orchmake c
	complains "env.C holds a secret"
	nothing_shown
}

@test "a step with secrets ends as it would without: exit, signal, timeout, what it leaves behind" {
	export MARK=secrets-$$
	jobfile <<-'J'
	jobfile: 1
	secrets: {KEY: {env: PROD_KEY}}
	env: {K: "${{ secrets.KEY }}"}
	jobs:
	  exits: {run: 'exit 7'}
	  dies: {run: 'kill -USR1 $$'}
	  asked: {timeout: 100ms, run: 'trap "echo got $K; exit 5" TERM; : >armed; while :; do sleep 0.01; done'}
	  stubborn: {timeout: 100ms, grace: 100ms, run: 'trap "" TERM; while :; do sleep 0.01; done'}
	  leaves: {run: 'sleep 1000 & echo "now $K"'}
	  absent: {argv: [no-such-program]}
	  order: {run: 'for i in 1 2 3; do echo "o$i"; echo "e$i" >&2; done'}
	J
	for ms in 100 1000 10000; do # the first that leaves it the time to set its trap
		sed -i "s/asked: {timeout: [0-9]*ms/asked: {timeout: ${ms}ms/" Jobfile
		rm -rf .orchmake
		want 1 orchmake -k -j8 exits dies asked stubborn leaves absent order
		[ ! -e armed ] || break
	done
	is "$(sql "select group_concat(step || ' ' || state || ' ' || ifnull(exit_code, '') || ' ' || ifnull(signal, ''), ',')
		from (select * from v_steps order by step)")" \
		"absent failed  ,asked timed_out 5 ,dies failed  10,exits failed 7 ,leaves succeeded 0 ,order succeeded 0 ,stubborn timed_out  9"
	complains "cannot start 'no-such-program': no folder of PATH has it"
	want 0 orchmake logs last/asked
	says 'got ***'
	want 0 orchmake logs last/order
	is "$out" "o1
e1
o2
e2
o3
e3"
	nobody_left "$MARK"
	nothing_shown
}

@test "output of any size passes, also what is no text" {
	export PROD_KEY=needle
	jobfile <<-'J'
	jobfile: 1
	secrets: {KEY: {env: PROD_KEY}}
	jobs:
	  a:
	    env: {K: "${{ secrets.KEY }}"}
	    run: |
	      head -c 300000 /dev/zero | tr '\0' 'n'; printf '\0\377need'; printf "le%s!" "$K"
	    provides: {all: {file: none.txt}}
	J
	sed -i '/provides/d' Jobfile
	want 0 orchmake a
	log=$(echo .orchmake/logs/*/*.log)
	is "$(head -c 300000 "$log" | tr -d n | wc -c)" 0
	is "$(tail -c +300001 "$log" | od -An -c | tr -d ' ')" '\0377******!'
}

@test "a secret counts in a fingerprint by a hash that the ledger alone cannot make" {
	export PROD_KEY=s3cr3t-one
	printf s3cr3t-file >key.txt
	printf s3cr3t-told >told.txt
	jobfile <<-'J'
	jobfile: 1
	secrets: {KEY: {env: PROD_KEY}, FILE: {file: key.txt}, CMD: {argv: [cat, told.txt]}}
	jobs:
	  env: {env: {K: "${{ secrets.KEY }}"}, outputs: [e], run: 'echo >e'}
	  file: {env: {K: "${{ secrets.FILE }}"}, outputs: [f], run: 'echo >f'}
	  argv: {env: {K: "${{ secrets.CMD }}"}, outputs: [c], run: 'echo >c'}
	  all: {needs: [env, file, argv], noop: true}
	J
	want 0 orchmake all
	is "$(stat -c '%a %s' .orchmake/ledger.db-key)" "600 32"
	want 0 orchmake all
	is "$(sql "select group_concat(state, ' ') from v_steps where run = (select run from v_runs order by no desc limit 1) and step != 'all'")" "cached cached cached"
	want 0 orchmake -n env file
	says "nothing to do"
	export PROD_KEY=s3cr3t-two
	want 0 orchmake -n env file
	says "env  "
	want 0 orchmake all
	is "$(sql "select group_concat(step || ' ' || state) from v_steps where run = (select run from v_runs order by no desc limit 1) and step != 'all'")" \
		"env succeeded,file cached,argv cached"
	printf s3cr3t-told-anew >told.txt
	want 0 orchmake all
	is "$(sql "select group_concat(step || ' ' || state) from v_steps where run = (select run from v_runs order by no desc limit 1) and step != 'all'")" \
		"env cached,file cached,argv succeeded"
	rm .orchmake/ledger.db-key # what was hashed with it can be compared with nothing
	want 0 orchmake file
	is "$(sql "select state from v_steps where run = (select run from v_runs order by no desc limit 1)")" succeeded
	nothing_shown
}

@test "a resumed run does again what had another secret" {
	export PROD_KEY=s3cr3t-one
	jobfile <<-'J'
	jobfile: 1
	secrets: {KEY: {env: PROD_KEY}}
	jobs:
	  with: {env: {K: "${{ secrets.KEY }}"}, run: 'echo ran >>ran'}
	  bad: {needs: [with], run: 'test -e ok'}
	J
	want 1 orchmake bad
	want 1 orchmake resume
	is "$(cat ran)" ran
	export PROD_KEY=s3cr3t-two
	: >ok
	want 0 orchmake resume
	is "$(wc -l <ran)" 2
	nothing_shown
}
