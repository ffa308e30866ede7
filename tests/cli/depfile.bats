# Files that a step has read by its depfile's account.

load lib

states() {
	sql "SELECT group_concat(step || ' ' || state, ', ') FROM (SELECT step, state FROM v_steps
		WHERE run = (SELECT run FROM v_runs ORDER BY no DESC LIMIT 1) ORDER BY number)"
}

why() {
	sql "SELECT why FROM v_steps WHERE step = '$1' AND run = (SELECT run FROM v_runs ORDER BY no DESC LIMIT 1)"
}

old() { touch -d '1 minute ago' "$@"; }

# `inc FILE`, a compiler: what FILE says to include, and who was read.
compiler() {
	cat >inc <<-'S'
	#!/bin/sh -eu
	in=$1 out=$2
	{ echo "$out: $in \\"; sed -n 's/^include //p' "$in" | sed 's/[ #]/\\&/g; s/$/ \\/'; echo; } >"$out.d"
	sed -n 's/^include //p' "$in" | while read -r h; do cat "$h"; done >"$out"
	echo ran >>log
	S
	chmod +x inc
	printf 'include one.h\ninclude two three.h\n' >main.c
	echo 1 >one.h
	echo 23 >'two three.h'
	: >log
}

project() {
	compiler
	jobfile <<-J
	jobfile: 1
	jobs:
	  main: {inputs: [main.c], outputs: [obj/main.o], depfile: obj/main.o.d, ${1-}argv: [./inc, main.c, obj/main.o]}
	J
}

ran() { is "$(wc -l <log)" "$1"; }

@test "what a depfile names has been read" {
	project
	want 0 orchmake
	is "$(cat obj/main.o)" $'1\n23'
	want 0 orchmake
	is "$(states)" "main cached"
	echo 11 >one.h
	want 1 orchmake -q
	want 0 orchmake -n
	says "its input 'one.h' changed"
	want 0 orchmake
	is "$(why main)" "its input 'one.h' changed"
	is "$(cat obj/main.o)" $'11\n23'
	echo 4 >'two three.h'
	want 0 orchmake
	is "$(why main)" "its input 'two three.h' changed"
	want 0 orchmake -q
	ran 3
}

@test "what is read no more counts no more, and may go" {
	project
	want 0 orchmake
	echo 'include one.h' >main.c
	want 0 orchmake
	echo 4 >'two three.h'
	want 0 orchmake -q
	rm 'two three.h'
	want 0 orchmake
	is "$(states)" "main cached"
	ran 2
}

@test "a file that is gone lets the step run, and is no failure by itself" {
	project
	want 0 orchmake
	rm one.h
	want 1 orchmake
	is "$(why main)" "exit 1: cat: one.h: No such file or directory"
	echo 'include two three.h' >main.c
	want 0 orchmake
	want 0 orchmake -q
}

@test "a depfile is an output: it has one maker, has to be made, and goes when its step fails" {
	project
	want 0 orchmake
	rm obj/main.o.d
	want 0 orchmake
	is "$(why main)" "its output 'obj/main.o.d' is missing"
	sed -i 's/depfile: obj.main.o.d/depfile: obj\/other.d/' Jobfile
	want 1 orchmake
	complains "it ended well and did not make its output 'obj/other.d'"
	project
	sed -i 's/argv.*}/run: "echo half >obj\/main.o.d; exit 1"}/' Jobfile
	want 1 orchmake
	[ ! -e obj/main.o.d ]
	echo '  more: {depfile: obj/main.o.d, run: "true"}' >>Jobfile
	want 2 orchmake
	complains "'obj/main.o.d' is made by 'main' and by 'more'; a file has one maker"
	jobfile <<<'{jobfile: 1, jobs: {a: {depfile: "*.d", run: "true"}, b: {depfile: "${{ env.X }}", run: "true"}, c: {depfile: "c.d", job: a}}}'
	want 2 orchmake
	complains "'depfile' must be the name of one file, not a glob"
	complains "'depfile' cannot use 'env': the name of a file must be known before the run"
	complains "step '' runs a job, so 'depfile' belongs to that job's steps" || complains "runs a job, so 'depfile' belongs to that job's steps"
}

@test "what is no rule of make is a failure of the step that wrote it" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  a: {outputs: [a], depfile: a.d, run: 'echo 1 >a; printf "a: b\nno rule\n" >a.d'}
	J
	want 1 orchmake
	complains "it ended well, and its depfile is no rule of make: line 2"
	[ ! -e a ]
	mkdir -p a.d
	sed -i 's/ printf.*>a.d/ true/' Jobfile
	want 1 orchmake
	complains "its depfile cannot be read: Is a directory"
}

@test "a file that changes while it is read is not taken for seen" {
	project
	sed -i 's/echo ran >>log/& ; [ -e done ] || { echo later >one.h; touch done; }/' inc
	want 0 orchmake
	want 0 orchmake
	is "$(why main)" "its input 'one.h' changed while it ran the last time"
	is "$(head -1 obj/main.o)" later
	want 0 orchmake -q
}

@test "a file that was made just before is no such change" {
	compiler
	rm one.h
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  main: {needs: [header], inputs: [main.c], outputs: [obj/main.o], depfile: obj/main.o.d, argv: [./inc, main.c, obj/main.o]}
	  header: {inputs: [number], outputs: [one.h], run: 'cut -c1 number >one.h'}
	J
	echo 12 >number
	want 0 orchmake
	want 0 orchmake -q
	echo 13 >number
	want 0 orchmake -n
	says "would run if 'one.h' changes"
	want 0 orchmake
	is "$(states)" "header succeeded, main cached"
	echo 23 >number
	want 0 orchmake
	is "$(states)" "header succeeded, main succeeded"
	rm one.h
	want 0 orchmake
	is "$(states)" "header succeeded, main cached"
}

@test "the shortcut of a run with nothing to do sees it, too" {
	project
	old inc main.c one.h 'two three.h' Jobfile
	want 0 orchmake
	old obj obj/* .
	want 0 orchmake
	want 0 orchmake -dimage
	complains "the run is what its image says"
	echo 5 >one.h
	want 1 orchmake -q
	want 0 orchmake
	ran 2
}

@test "-W, -o and the rule mtime know the files of a depfile" {
	project
	want 0 orchmake
	want 0 orchmake -n -W one.h
	says "-W treats 'one.h' as changed"
	project "fresh: mtime, "
	want 0 orchmake
	old one.h
	want 0 orchmake
	: >log
	touch -d '1 minute' one.h
	want 0 orchmake
	is "$(why main)" "its input 'one.h' is newer"
	ran 1
}

@test "names in a depfile are from the folder on where the step runs" {
	mkdir sub
	cd sub
	compiler
	cd ..
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  main: {cwd: sub, inputs: [sub/main.c], outputs: [sub/main.o], depfile: sub/main.o.d, argv: [./inc, main.c, main.o]}
	J
	want 0 orchmake
	echo 11 >sub/one.h
	want 0 orchmake
	is "$(why main)" "its input 'sub/one.h' changed"
	want 0 orchmake -q
}

@test "apply refuses when a file of a depfile has moved" {
	project
	want 0 orchmake
	echo 11 >one.h
	want 1 orchmake plan --out p.json
	is "$(jq -r '.steps.main.inputs | keys | join(" ")' p.json)" "main.c one.h two three.h"
	echo 12 >one.h
	want 3 orchmake apply p.json
	complains "one.h"
}

@test "a compiler's own depfiles are understood" {
	command -v gcc >/dev/null || skip "no gcc"
	mkdir 'in c'
	printf '#include "a.h"\n#include "b b.h"\nint main(void) { return A + B; }\n' >main.c
	echo '#define A 1' >'in c/a.h'
	echo '#define B 1' >'in c/b b.h'
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  main:
	    inputs: [main.c]
	    outputs: [o/main.o]
	    depfile: o/main.d
	    argv: [gcc, "-Iin c", -MMD, -MP, -MF, o/main.d, -c, -o, o/main.o, main.c]
	J
	want 0 orchmake
	want 0 orchmake -q
	echo '#define B 2' >'in c/b b.h'
	want 0 orchmake
	is "$(why main)" "its input 'in c/b b.h' changed"
	want 0 orchmake -q
}
