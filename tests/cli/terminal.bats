load lib

# Steps that have the terminal to themselves.

type_into() { # COMMAND...: what is typed comes from standard input
	command -v python3 >/dev/null || skip "python3 is not installed"
	timeout 100 "$top_srcdir/tests/cli/typist" "$@" >shown 2>&1 || {
		local code=$?
		cat shown
		return $code
	}
}

@test "tty: what is typed reaches the step, which is in the foreground; then orchmake has the terminal again" {
	jobfile <<'Y'
jobfile: 1
jobs:
  asks:
    steps:
      - id: one
        tty: true
        run: |
          [ -t 0 ] && [ -t 1 ] && [ -t 2 ]
          set -- $(sed 's/.*) //' /proc/$$/stat)
          [ "$3" = "$6" ] && echo in the foreground
          printf 'name? '; read name; echo "$name" >name.txt
      - {id: two, run: "echo two"}
      - {id: three, tty: true, run: "printf 'again? '; read again; echo \"$again\" >again.txt"}
Y
	type_into orchmake -j4 asks <<-'S'
	expect in the foreground
	expect name\?
	send Ada\r
	expect again\?
	send yes\r
	expect succeeded: asks
	end
	S
	is "$(cat name.txt again.txt)" "Ada
yes"
}

@test "tty: Ctrl-C is for the step alone" {
	jobfile <<'Y'
jobfile: 1
jobs:
  all:
    steps:
      - {id: edits, tty: true, on_failure: continue, critical: false, run: "trap 'echo caught >caught; exit 3' INT; echo ready; while :; do sleep 1; done"}
      - {id: next, run: "touch next"}
Y
	type_into orchmake all <<-'S'
	expect ready
	send \x03
	expect succeeded \(degraded\): all
	end
	S
	[ -e caught ]
	[ -e next ]
}

@test "tty: nothing else runs meanwhile, and where there is no terminal it runs all the same" {
	jobfile <<'Y'
jobfile: 1
jobs:
  all:
    steps:
      a: {tty: true, run: "mkdir alone; [ ! -t 0 ]; rmdir alone"}
      b: {tty: true, run: "mkdir alone; rmdir alone"}
      c: {run: "[ ! -e alone ]"}
Y
	want 0 orchmake -j3
}
