include common.mk
-include local.mk
ifeq ($(OS),Linux)
X = 1
else
X = 2
endif
define BLOCK
a
endef
VPATH = src
A = $(foreach x,a b,$(x).o)
B := $(A)
C = 1
C = 2
D != date
export
prog: CFLAGS = -g
prog: a.o $(eval x) ; cc -o $@ $?
other:: x
	touch $@
.c.o:
	cc -c $<
.ONESHELL:
this is nothing
late: $(NAMES)
NAMES = x
