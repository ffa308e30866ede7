SRC := $(wildcard *.nothing)
OBJ = $(SRC:.c=.o)
TOOL ?= tool
list: $(OBJ) missing.txt $(EXTRAS)
	+$(TOOL) list.txt
	$(MAKE) -C sub
.PHONY: list clean
clean: ; rm -f x
again: clean list
first: list clean
