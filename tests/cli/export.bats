#!/usr/bin/env bats
# export make and export dot; the timers are in time.bats, plans in plan.bats.
load lib

# orchmake in one copy of the folder, make with the exported Makefile in another: the same ran, and made the same.
begin() { # TARGET
	rm -rf ours made
	mkdir ours
	cp -r src Jobfile ours/
	cp -r ours made
	(cd made && orchmake export make "$@" >Makefile 2>../said) || { cat said; return 1; }
	rm made/Jobfile
}

outcome() {
	(cd "$1" && find . -name .orchmake -prune -o -type f ! -name Makefile ! -name Jobfile -print | LC_ALL=C sort |
		while read -r f; do printf '== %s\n' "$f"; cat "$f"; done)
}

both() { (cd ours && "$@") && (cd made && "$@"); }

same() { # GOAL...
	(cd ours && orchmake -s "$@")
	(cd made && make -s "$@" >/dev/null)
	is "$(outcome made)" "$(outcome ours)"
}

prepare() {
	mkdir src
	echo one >src/a.txt
	echo two >src/b.txt
}

@test "a Jobfile and its Makefile run the same commands in the same order and make the same files" {
	jobfile <<-'J'
	jobfile: 1
	params: {who: {default: "the $world", from_env: who}, twice: "${{ params.who }}!"}
	env: {LOG: log, WHO: "${{ params.who }}"}
	jobs:
	  all: {stages: [build, {name: after, jobs: [check, tell]}], stop_on_failure: true}
	  build: {noop: true, needs: [sum]}
	  sum:
	    inputs: ["src/*.txt", out/a.up]
	    outputs: [sum.txt]
	    env: {A: "b # c"}
	    run: |
	      echo "sum $A" >>"$LOG"   # in one shell
	      n=$(cat src/*.txt out/a.up | wc -l)
	      for i in 1 2; do
	        echo "$i of $((n + 0))"
	      done >sum.txt
	  up: {inputs: [src/a.txt], outputs: [out/a.up], run: 'echo up >>log; tr a-z A-Z <src/a.txt >out/a.up'}
	  check:
	    cwd: src
	    steps:
	      - {id: one, run: 'echo "one $WHO ${A:-none}" >>../log'}
	      - {id: two, argv: [sh, -c, 'echo "two $1" >>../log', x, "it's ${{ params.who }}"]}
	  tell: {needs: [check], shell: [bash, -c], umask: 077, stdout: told, run: 'echo tell >>log; [[ x == x ]] && echo "$0" >/dev/null; echo hi'}
	J
	begin all
	is "$(cat said)" ''
	same all
	same all
	both sh -c 'touch -d "2 minutes ago" src/*; touch -d "1 minute ago" out/a.up sum.txt; echo three >src/a.txt'
	same all
	both rm sum.txt
	same sum.txt
	rm -f ours/log made/log
	(cd ours && orchmake -s check who=moon)
	(cd made && make -s check who=moon)
	is "$(tail -2 made/log)" "$(tail -2 ours/log)"
	is "$(stat -c %a made/told)" "$(stat -c %a ours/told)"
}

@test "a job that is called as the file it makes is that file" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all: {needs: [out.txt], run: "true"}
	  out.txt: {inputs: [src/a.txt], outputs: [out.txt], fresh: mtime, run: "echo made >>log; sort src/a.txt >out.txt"}
	J
	begin all
	same all
	[ ! -s said ]
	(cd made && make -s all) 2>&1 | tee again
	is "$(cat again)" ""
	is "$(wc -l <made/log)" 1
}

@test "what a glob finds is made first, also by a job that takes orchmake" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all: {inputs: ["out/*.up", "low/*"], outputs: [all.txt], run: 'cat out/*.up low/* >all.txt'}
	  up_a: {inputs: [src/a.txt], outputs: [out/a.up], run: 'tr a-z A-Z <src/a.txt >out/a.up'}
	  up_b: {inputs: [src/b.txt], outputs: [out/b.up], run: 'tr a-z A-Z <src/b.txt >out/b.up'}
	  low:
	    foreach: {f: "src/*.txt"}
	    inputs: ["${{ foreach.f }}"]
	    outputs: ["low/${{ basename(foreach.f) }}"]
	    env: {F: "${{ foreach.f }}"}
	    run: cat "$F" >"low/$(basename "$F")"
	J
	begin all
	cp Jobfile made/
	is "$(grep -c 'takes orchmake' said)" 1
	same all
	both sh -c 'echo four >src/b.txt'
	same all
	is "$(grep -c . made/all.txt)" 4
}

@test "a depfile is included" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  a: {inputs: [src/a.txt], outputs: [a.o], depfile: a.d, run: 'echo ran >>log; echo "a.o: src/b.txt" >a.d; cat src/*.txt >a.o'}
	J
	begin a
	same a
	both sh -c 'touch -d "1 minute ago" src/* a.o a.d; echo four >src/b.txt'
	same a
	is "$(wc -l <made/log)" 2
}

@test "a failing command ends the run, as with orchmake" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  bad: {steps: [{id: a, run: 'echo a >>log; exit 3; echo never >>log'}, {id: b, run: echo b >>log}]}
	J
	begin bad
	(cd made && ! make -s bad 2>/dev/null)
	(cd ours && ! orchmake -s bad 2>/dev/null)
	is "$(cat made/log)" a
	is "$(cat ours/log)" a
}

@test "what make cannot do is told, and left to orchmake where it matters" {
	jobfile <<-'J'
	jobfile: 1
	params: {x: yes}
	jobs:
	  all: {needs: [patient, choosy, fresh], run: 'echo all >>log'}
	  patient: {retry: 3, timeout: 1h, run: 'echo patient >>log'}
	  choosy: {when: "params.x == 'yes'", needs: [patient], run: 'echo choosy >>log'}
	  fresh: {fresh: {run: test -e done.txt}, run: 'echo fresh >>log; touch done.txt'}
	J
	begin all
	grep -q "warning: make has no word for .retry., .timeout. of 'patient'" said
	grep -q "warning: 'choosy' takes orchmake: make has nothing like its .when." said
	grep -qx '# patient: without `retry`, `timeout`.' made/Makefile
	cp Jobfile made/
	(cd made && make -s all >/dev/null 2>&1)
	is "$(sort made/log | tr '\n' ' ')" "all choosy fresh patient "
	is "$(tail -1 made/log)" all
	rm made/log
	(cd made && make -s all x=no >/dev/null 2>&1)
	is "$(sort made/log | tr '\n' ' ')" "all patient "
	want 2 orchmake -f Jobfile export make nothing
	complains "no job 'nothing'"
}

@test "values that make cannot work out, and names with blanks, are left to orchmake; a required parameter is asked for" {
	jobfile <<-'J'
	jobfile: 1
	params: {must: {required: true}, day: {type: date, default: "${{ today() }}"}}
	vars: {now: {sh: date}}
	jobs:
	  all: {needs: [dated, blank, marked, given], noop: true}
	  dated: {env: {DAY: "${{ params.day }}"}, run: 'true'}
	  blank: {outputs: ["a b"], run: 'touch "a b"'}
	  marked: {run: "true\n-x"}
	  given: {argv: [echo, "${{ params.must }}"], stdout: out}
	J
	want 0 orchmake export make
	for job in dated blank marked; do says "orchmake --only $job run $job"; done
	printf '%s\n' "$out" >Makefile
	run make -s given
	[ "$status" = 2 ]
	case $output in *'give must=...'*) ;; *) echo "$output"; return 1 ;; esac
	make -s given must="it is"
	is "$(cat out)" 'it is'
	printf 'jobfile: 1\nvars: {n: {sh: date}}\nenv: {N: "${{ vars.n }}"}\njobs: {a: {run: x}}\n' >Jobfile
	want 1 orchmake export make
	complains "make cannot say the value of 'N'"
}

@test "export dot draws what graph draws" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {a: {needs: [b], run: x}, b: {run: x}, c: {run: x}}
	J
	want 0 orchmake export dot a
	dot=$out
	want 0 orchmake graph a --format=dot
	is "$dot" "$out"
	want 2 orchmake export dto a
	complains "did you mean 'dot'?"
}
