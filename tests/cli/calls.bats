load lib

# What a step costs, counted: the system calls of the driver, of the warden, and of the child on its way to its program,
# are those that doc/design/engine.md has in its table, and no more.  Of two runs the difference, so that what a run
# costs is not in it.

few=20
many=120

trace() { # STEPS
	local i
	rm -rf .orchmake
	{ printf 'jobfile: 1\njobs:\n  all:\n    steps:\n'
	  for i in $(seq "$1"); do echo "      s$i: {argv: [/bin/true]}"; done; } >Jobfile
	strace -f -y -o "trace.$1" orchmake -s -j1 all 2>strace.err || skip "strace cannot be used here"
}

# "WHO CALL" for each call of trace.$1.  Waiting and commits, which many steps share, are not a step's.
calls() {
	awk '
	$2 ~ /^(<\.\.\.|\+\+\+|---)/ { next }
	!first { first = $1; who[first] = "driver" }
	{ call = $2; sub(/\(.*/, "", call) }
	{ # as they are called on this machine
		sub(/^(new)?[fl]?stat(at)?(64)?$/, "stat", call); sub(/^faccessat2?$/, "access", call)
		sub(/^renameat2?$/, "rename", call); sub(/^dup3$/, "dup2", call); sub(/^fcntl64$/, "fcntl", call)
	}
	call == "execve" && /orchmake-warden"/ { who[$1] = "warden"; next }
	gone[$1] { if (call == "exit_group") delete gone[$1]; next }
	/ledger\.db/ || call ~ /^(epoll_p?wait|ppoll(_time64)?|exit_group)$/ { next }
	{ print ($1 in who ? who[$1] : "child"), call }
	call == "execve" && $1 != first { gone[$1] = 1 }' "trace.$1"
}

# "WHO CALL NUMBER" of the table in the document.
documented() {
	sed -n 's/^| \(driver\|warden\|child\) | \([^|]*\) |.*/\1 \2/p' "$top_srcdir/doc/design/engine.md" |
		awk '{ for (i = 2; i < NF; i += 2) n[$1 " " $i] += $(i + 1) } END { for (key in n) print key, n[key] }'
}

@test "a step makes no system calls but those that the document has" {
	command -v strace >/dev/null || skip "strace is not installed"
	if grep -q asan "$(command -v orchmake-warden)"; then skip "a sanitizer makes calls of its own"; fi
	trace $few
	trace $many
	documented >allowed
	[ "$(wc -l <allowed)" -ge 28 ]
	{ sed 's/^/allowed /' allowed; calls $few | sed 's/^/few /'; calls $many | sed 's/^/many /'; } |
		awk -v steps=$((many - few)) '
		{ key = $2 " " $3 }
		$1 == "allowed" { allowed[key] = $4 }
		$1 == "few" { n[key]-- }
		$1 == "many" { n[key]++ }
		END { for (key in n) if (n[key] > (allowed[key] + 0.3) * steps)
			printf "%s: %.2f a step, not %d\n", key, n[key] / steps, allowed[key] }' >beyond
	is "$(cat beyond)" ""
}
