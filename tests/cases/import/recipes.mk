.PHONY: two ring end
V := $(shell date)
two: a
	echo $? $(V) # $(V)
	echo $(CURDIR) $(word 1,a b) $% $*
ring: ; echo $(R)
R = $(S)
S = $(R)
end: ; echo $(R
