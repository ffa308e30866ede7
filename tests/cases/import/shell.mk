V := $(shell date)
OUT = $(V).txt
all: $(OUT)
two: a
	echo
two: b
	echo
%.x y: z
ends: $(X
