#!/usr/bin/env bats
# import of what other programs read: a Makefile, a Taskfile.  What is refused has its text in tests/cases/import.
load lib

# outcome FOLDER: the files that are there, with what is in them; not ours.
outcome() {
	(cd "$1" && find . -name .orchmake -prune -o -type f ! -name Makefile ! -name Jobfile -print | LC_ALL=C sort |
		while read -r f; do
			printf '== %s\n' "$f"
			if [ "$f" = ./log ]; then sort log; else cat "$f"; fi # what needs nothing of each other has no order
		done)
}

# make in a copy of the folder, `made`, and orchmake in another, `ours`: the same steps ran and made the same.
begin() {
	rm -rf made ours
	mkdir made
	cp -r src made/ 2>/dev/null || :
	cp Makefile made/
	cp -r made ours
	(cd ours && orchmake import Makefile >Jobfile 2>../said) || { cat said; return 1; }
}

same() { # GOAL...
	(cd made && make -s "$@") >/dev/null
	(cd ours && orchmake -s "${@/#run/make.run}")
	is "$(outcome ours)" "$(outcome made)"
}

both() { (cd made && "$@") && (cd ours && "$@"); }

@test "what is refused is told with its place and the way out" {
	cd "$TEST_CASES/import"
	for f in *.mk *.yml; do
		want 2 orchmake import "$f"
		is "$out" ""
		diff -u "${f%.*}.expect" <(printf '%s\n' "$err")
	done
}

@test "what comes out differently is told above the Jobfile, with its line" {
	cd "$TEST_CASES/import"
	want 0 orchmake import says.make
	diff -u says.expect <(printf '%s\n' "$err")
	says '# line 1: '"'*.nothing' stands here for the 0 files there are now"
	says '# line 7: a job may not be called'
}

@test "depfiles that are included become those of the jobs" {
	command -v gcc >/dev/null || skip "no gcc"
	mkdir src
	printf '#include "a.h"\nint main(void) { return A - 1; }\n' >src/main.c
	printf '#include "b.h"\nint b = B;\n' >src/b.c
	echo '#define A 1' >src/a.h
	echo '#define B 1' >src/b.h
	for how in '$(OBJ:.o=.d)' '$(wildcard obj/*.d)' '$(patsubst src/%.c,obj/%.d,$(SRC))'; do
		cat >Makefile <<END
SRC = \$(wildcard src/*.c)
OBJ = \$(SRC:src/%.c=obj/%.o)
DEP = -MMD -MP
CFLAGS = \$(DEP) -O0
prog: \$(OBJ)
	gcc -o \$@ \$^
	echo link >>log
obj/%.o: src/%.c | obj
	gcc \$(CFLAGS) -c -o \$@ \$<
	echo \$@ >>log
obj:
	mkdir -p \$@
-include $how
END
		begin
		is "$(grep -c depfile: ours/Jobfile)" 2
		same prog
		both touch -d '1 hour ago' src/b.c src/a.h src/b.h src/main.c
		both touch -d '1 minute' src/b.h
		same prog
		is "$(grep -c obj/b.o ours/log)" 2
		is "$(grep -c obj/main.o ours/log)" 1
	done
	sed -i 's/-MMD//; s/^OBJ.*/& # no more/' Makefile
	want 2 orchmake import Makefile
	complains "is no depfile of a target here, so what it says would be lost"
}

@test "a Makefile and its Jobfile run the same steps and make the same files" {
	mkdir src
	echo one >src/a.txt
	echo two >src/b.txt
	cat >Makefile <<'END'
# what a small project has
SRC := $(wildcard src/*.txt)
OUT = $(patsubst src/%.txt,out/%.up,$(SRC))
UP ?= tr a-z A-Z
WORDS = small \
	and large   # a comment
LOG = >>log
QUOTED = it's "quoted" & more

.PHONY: all clean check again
all: sum.txt

sum.txt: $(OUT) | tmp
	@echo sum $(LOG)
	cat $^ >$@
out/%.up: src/%.txt | out
	echo up $* from $(<F) in $(@D) $(LOG)
	$(UP) <$< >$@
out tmp:
	mkdir $@
	echo made $@ $(LOG)
check: all
	cd out && pwd >/dev/null; X=1
	@echo "[$$X] $(WORDS)" '$(WORDS)' $(LOG)
	-false
	for f in $(OUT); do \
		echo "has $$f" $(LOG); \
	done
	test -n '$(WORDS)' # $(WORDS)
clean:
	echo clean $(LOG)
	rm -rf out tmp sum.txt
again: clean all
END
	begin
	same
	same
	same check
	both touch -d '+1 minute' src/b.txt
	same
	both rm sum.txt
	same all
	both sh -c 'echo three >src/a.txt; touch -d "+2 minutes" src/a.txt'
	same check
	both rm log
	same again
	is "$(sed -n 1p ours/log)" clean
	same clean
}

@test "a Makefile with rules of make's own, a grouped rule, a static pattern and a marker runs alike" {
	mkdir -p src
	printf 'int f(void); int main(void) { return f(); }\n' >src/main.c
	printf 'int f(void) { return 0; }\n' >src/f.c
	cat >Makefile <<'END'
CFLAGS = -O0 -Isrc
OBJ = src/main.o src/f.o
ran: prog FORCE
	./prog && echo ran >>log
	touch $@
prog: $(OBJ)
	$(CC) $(CFLAGS) -o $@ $^
	echo linked >>log
src/main.o: src/f.h
src/f.h: src/f.c
	cp $< $@; echo header >>log
one.x two.x &: src/f.c
	echo both >>log; touch one.x two.x
$(OBJ:.o=.lst): %.lst: %.c one.x
	echo listed $* $(notdir $<) >$@
lists: $(OBJ:.o=.lst)
FORCE:
END
	begin
	(cd made && make -s ran lists) >/dev/null
	(cd ours && orchmake -s ran lists)
	is "$(sort ours/log)" "$(sort made/log)"
	is "$(cat ours/src/f.lst)" "$(cat made/src/f.lst)"
	rm -f made/log ours/log
	(cd made && make -s ran lists) >/dev/null
	(cd ours && orchmake -s ran lists)
	is "$(cat ours/log)" ran
	is "$(cat made/log)" ran
	both touch -d '+1 minute' src/f.h
	rm -f made/log ours/log
	(cd made && make -s ran) >/dev/null
	(cd ours && orchmake -s ran)
	is "$(cat ours/log)" "$(cat made/log)"
}

@test "variables of a Makefile can be given on the command line and by the environment, as with make" {
	cat >Makefile <<'END'
NAME = world
HELLO = hello $(NAME)
FROM ?= here
STAMP := $(shell echo 12)
OWN-NAME = x y
all:
	echo "$(HELLO)" $(FROM) '$(NAME)' $(STAMP)a $(OWN-NAME) $(UNSET) $${HOME:+home} >out
END
	begin
	for given in '' NAME=moon FROM=there UNSET=set; do
		(cd made && make -s $given)
		(cd ours && orchmake -s $given)
		is "$(cat ours/out)" "$(cat made/out)"
	done
	export FROM=env NAME=env
	same
}

@test "a failing command ends the job as it ends make's recipe, and -k goes on" {
	cat >Makefile <<'END'
.PHONY: all bad good
all: bad good
bad:
	echo one >>log
	exit 3
	echo never >>log
good: ; echo good >>log
END
	begin
	(cd made && ! make -s -k 2>/dev/null)
	(cd ours && want 1 orchmake -s -k)
	is "$(cat made/log)" "$(printf 'one\ngood')"
}

@test "a Makefile from a pipe needs --from; an unknown format is told" {
	want 2 orchmake import --from mkae Makefile
	complains "there is no format 'mkae'"
	complains '--from make: a simple Makefile'
	printf 'a:\n\techo a\n' >Makefile
	orchmake import --from make - <Makefile >Jobfile
	want 0 orchmake -n
	says '1 a'
	want 2 orchmake import Makefile Jobfile
	complains 'one make at a time'
	want 2 orchmake import
	complains '--from taskfile: a Taskfile'
	want 2 orchmake import --from make nowhere
	complains "cannot read 'nowhere'"
}

@test "a Taskfile runs as go-task would: what ran, and in which order" {
	mkdir src
	echo a >src/a.txt
	cat >Taskfile.yml <<-'END'
	version: '3'
	vars:
	  WHO: world
	  VERSION: {sh: echo 1.2}
	  FULL: v{{.VERSION}}
	  FLAGS: -x "a b"
	tasks:
	  default:
	    deps: [build]
	    cmds:
	      - task: greet
	        vars: {NAME: '{{.WHO}}s'}
	      - echo last {{.FULL}} {{.TASK}} >>log
	  build:
	    sources: ['src/*.txt']
	    generates: [out.txt]
	    cmds:
	      - cd src && cat *.txt >../out.txt
	      - echo build {{.FLAGS}} >>log
	  greet:
	    vars: {NAME: '{{.NAME | default "you"}}'}
	    cmds:
	      - defer: echo deferred >>log
	      - for: [x, y]
	        cmd: echo "hello {{.NAME}}" {{.ITEM}} >>log
	      - cmd: 'false'
	        ignore_error: true
	      - echo '{{.NAME}}' >>log
	  setup:
	    status: [test -d venv]
	    cmd: mkdir venv; echo setup >>log
	  strict:
	    preconditions: [{sh: test -d nowhere, msg: no nowhere}]
	    cmd: echo strict >>log
	  docs:build: {desc: The pages, aliases: [pages], cmd: 'echo docs {{.CLI_ARGS}} >>log'}
	  ask: {requires: {vars: [IT]}, cmd: 'echo {{.IT}} >>log'}
	  dir: {dir: src, env: {A: b}, cmd: 'cat a.txt >>../log; echo $A >>../log'}
	END
	want 0 orchmake import Taskfile.yml
	printf '%s\n' "$out" >Jobfile
	orchmake -s
	is "$(cat log)" "$(printf 'build -x a b\nhello worlds x\nhello worlds y\nworlds\ndeferred\nlast v1.2 default')"
	rm log
	orchmake -s default WHO=moon
	is "$(grep -m1 hello log)" 'hello moons x'
	rm log
	orchmake -s setup
	orchmake -s setup
	is "$(cat log)" setup
	want 1 orchmake -s strict
	complains 'no nowhere'
	rm log
	orchmake -s pages CLI_ARGS='-q x'
	orchmake -s ask IT=that
	orchmake -s dir
	orchmake -s greet
	is "$(cat log)" "$(printf 'docs -q x\nthat\na\nb\nhello you x\nhello you y\nyou\ndeferred')"
	want 2 orchmake -s ask
	complains "param 'IT' is required"
	want 0 orchmake list
	says 'The pages'
}

@test "conditionals are decided, also within a recipe, and it is said how" {
	mkdir src
	cat >Makefile <<'END'
DEBUG ?= 0
V =
NAMES = a b
ifeq ($(DEBUG),1)
FLAGS = -g
ifdef V
FLAGS += -v
else
endif
else ifneq "$(NAMES)" 'a b'
FLAGS = -O9
else
FLAGS = -O2
endif
ifndef V
all: first
else
all: second
endif
all:
	echo all $(FLAGS) >>log
ifdef NAMES
	echo names >>log
else
	echo none >>log
endif
	echo end >>log
first:
	echo first >>log
ifeq (,$(strip $(V) ))
.PHONY: all first
endif
END
	begin
	grep -q 'line 4: decided here, as by a make that is given no variables: this does not hold' ours/Jobfile
	is "$(grep -c 'decided here' said)" 5
	same all
	is "$(grep -c . ours/log)" 4
	(cd ours && want 2 orchmake DEBUG=1)
	printf 'ifeq (a,b)\nall: ; echo 1\n' >Makefile
	want 2 orchmake import Makefile
	complains "this conditional has no endif"
	printf 'all: ; echo 1\nendif\nifdef X\nelse\nelse\nendif\nifeq a b\nendif\nifneq ($(shell date),)\nendif\n' >Makefile
	want 2 orchmake import Makefile
	complains "Makefile:2:1: error: 'endif' without a conditional in front of it"
	complains "Makefile:5:1: error: 'else' without a conditional in front of it"
	complains "Makefile:7:1: error: 'ifeq' compares nothing here"
	complains "Makefile:9:10: error: '\$(shell ...)' cannot be carried over"
}

@test "a document that nothing is known of is read as one of ours, and what else there is is said" {
	printf 'a: b\n\techo 1\n' >what
	want 2 orchmake import what
	complains "a tab cannot indent"
	complains "--from make: a simple Makefile"
	orchmake import --from make what >Jobfile 2>/dev/null || :
	want 2 orchmake import nowhere
	case $err in *--from*) false ;; esac
}
