all:
	echo café
