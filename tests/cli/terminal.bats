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

@test "Ctrl-Z stops orchmake, its step goes on, and fg has orchmake go on" {
	jobfile <<-'Y'
	jobfile: 1
	jobs: {j: {run: "echo begun; until test -e go; do sleep 0.02; done; : >done"}}
	Y
	type_into bash --norc --noprofile -i <<-'S'
	send PS1=; orchmake -Onone j\r
	expect \nbegun
	send \x1a
	expect Stopped
	send : >go; until test -e done; do sleep 0.02; done; fg\r
	expect succeeded: j
	send exit $?\r
	end
	S
	is "$(sql "select state from v_runs")" succeeded
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

# --- what moves

# see CxR COMMAND...: on a terminal of that size; all that was ever on it is in the file shown.
see() {
	command -v python3 >/dev/null || skip "python3 is not installed"
	TERM=${SEE_TERM-xterm} timeout 200 "$top_srcdir/tests/cli/glass" "$@" >shown 2>&1 || {
		local code=$?
		cat shown
		return $code
	}
}

@test "forty at once: as many rows as the terminal is tall, whatever becomes of its size, and nothing is left of them" {
	jobfile <<'Y'
jobfile: 1
jobs:
  many: {matrix: {n: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40]}, argv: [flock, go, "true"]}
Y
	see 80x24 orchmake -j40 many <<-'S'
	hold go
	shows (?s)(  many\[\d+\]  \d+s\n){8}  and 32 more\n.* 0/40  40 running
	size 200x50
	shows (?s)(  many\[\d+\]  \d+s\n){16}  and 24 more\n.* 0/40  40 running
	size 30x24
	shows (?s)(  many\[\d+\]  \d+s\n){8}  and 32 more\n[^\n]{0,28}…\n
	size 16x24
	shows (?s)(  many\[\d+\]  \d+s\n){8}  and 32 more\n[^\n]{0,14}…\n
	size 80x24
	shows (?s)(  many\[\d+\]  \d+s\n){8}  and 32 more\n.* 0/40  40 running
	release go
	end
	S
	is "$(grep -c running shown || true)" 0
	is "$(grep -c '] succeeded  many\[' shown)" 40
	is "$(sed '/^\[/d' shown | sed -n '1s/ .*//p; $=')" "run
4"
	grep -q '^succeeded: many in .*: 40 succeeded$' shown
}

@test "wide characters are two columns, and what steps print cannot do anything to the terminal" {
	jobfile <<'Y'
jobfile: 1
jobs:
  取込:
    steps:
      - id: 顧客の一覧
        argv: [flock, go, printf, '\033[2J\033[1;1H\033]0;taken\007\033[31m赤い\033[0m\t列\n10%%\r100%%\r\n\b\x9b1mend']
      - {id: 次, run: ":"}
Y
	see 30x24 orchmake 取込 <<-'S'
	hold go
	shows \n  取込/顧客の一覧  \d+s\n
	size 20x24
	shows \n  取込/顧客の…  \d+s\n
	release go
	end
	S
	is "$(sed -n '/^\[1/,/^\[/p' shown | sed 's/  [0-9.]*s *$//')" "[1/2] succeeded  取込/顧客の一覧
    赤い    列
    100%
    ��1mend
[2/2] succeeded  取込"
}

@test "one line moves with --progress=line; nothing does with plain and none, on a dumb terminal, in a pipe, or with -Onone" {
	jobfile <<'Y'
jobfile: 1
jobs:
  flow: {steps: [{id: one, argv: [flock, go, echo, said]}, {id: two, run: ":"}]}
Y
	see 80x24 orchmake --progress=line flow <<-'S'
	hold go
	shows \n[█░]+ 0/2  1 running  \d+s  flow/one\n
	release go
	end
	S
	for how in --progress=plain --progress=none -Onone -Ojson -s; do
		see 80x24 orchmake $how --heartbeat=50ms flow <<-'S'
		never [█░]
		end
		S
		is "$(grep -c '█\|░' shown || true)" 0
	done
	for term in dumb ''; do
		SEE_TERM=$term see 80x24 env -u NO_COLOR orchmake flow <<<end
		grep -q '2/2] succeeded' shown
	done
	unset NO_COLOR
	for progress in auto plain line none; do
		want 0 orchmake --progress=$progress flow
		is "$(grep -c $'\033\|█' <<<"$err" || true)" 0
	done
	CLICOLOR_FORCE=1 want 0 orchmake flow
	grep -q $'\033\[32msucceeded' <<<"$err"
	is "$(grep -c $'\033\[[AJK]' <<<"$err" || true)" 0
	CLICOLOR_FORCE=0 want 0 orchmake flow
	is "$(grep -c $'\033' <<<"$err" || true)" 0
	NO_COLOR=1 CLICOLOR_FORCE=1 want 0 orchmake flow
	is "$(grep -c $'\033' <<<"$err" || true)" 0
	TERM=dumb CLICOLOR_FORCE=1 want 0 orchmake --progress=line flow
	grep -q $'\033\[32msucceeded' <<<"$err"
}

@test "how long it takes is told once there is a past" {
	jobfile <<'Y'
jobfile: 1
jobs:
  flow: {steps: [{id: one, argv: [flock, go, "true"]}, {id: two, argv: [flock, come, "true"]}]}
Y
	see 80x24 orchmake flow <<-'S'
	never about
	end
	S
	sqlite3 .orchmake/ledger.db "update durations set d1 = 3600000000"
	see 80x24 orchmake flow <<-'S'
	hold go
	shows flow/one  \d+s of about 1h00m\n.* 0/2  1 running  \d+s  about 1h59m left|flow/one  \d+s of about 1h00m\n.* 0/2  1 running  \d+s  about 2h00m left
	release go
	end
	S
}
