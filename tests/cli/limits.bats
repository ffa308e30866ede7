load lib

# What a step reads, may use and leaves: stdin, umask, limits, artifacts; and which goes first: priority.

@test "stdin: the file is the standard input, without one there is nothing to read" {
	echo "from the file" >in.txt
	jobfile <<'Y'
jobfile: 1
params: {name: in}
jobs:
  reads: {stdin: "${{ params.name }}.txt", run: "cat >out.txt"}
  empty: {run: "cat >empty.txt"}
Y
	want 0 orchmake reads empty
	is "$(cat out.txt)" "from the file"
	[ ! -s empty.txt ]
	want 1 orchmake reads name=absent
	complains "cannot start: open stdin: No such file or directory"
}

@test "stdin belongs to no call, which reads its input there" {
	jobfile <<'Y'
jobfile: 1
callables: {mine: {argv: [cat]}}
jobs:
  a: {call: mine, stdin: x}
Y
	want 2 orchmake
	complains "Jobfile:4:3: error: 'stdin' cannot be had with 'call', whose standard input is 'with'"
}

@test "umask: of the step alone, nearest wins, octal with and without zero" {
	umask 022
	jobfile <<'Y'
jobfile: 1
defaults: {umask: 77}
jobs:
  a: {run: "touch a; umask >mask-a"}
  b: {umask: 027, run: "touch b"}
  c: {umask: "0", run: "touch c"}
Y
	want 0 orchmake a b c
	is "$(stat -c %a a b c | tr '\n' ' ')" "600 640 666 "
	is "$(cat mask-a)" 0077
}

@test "limits: each holds for the step and not for the next; maps of all levels merge" {
	jobfile <<'Y'
jobfile: 1
defaults: {limits: {nofile: 64, nice: 3}}
jobs:
  all:
    limits: {cpu: 30s, fsize: 4M, mem: 512M, nice: 5}
    run: "ulimit -n; ulimit -t; ulimit -f; ulimit -v; nice"
    provides: {said: {stdout: true}}
    shell: [bash, -euc]
  free: {run: "ulimit -n; nice", limits: {nofile: 65, nice: 0}}
Y
	base=$(nice) more=$((base + 5))
	want 0 orchmake all free
	want 0 orchmake logs free
	is "$out" "65
$base"
	is "$(sql "select result from v_steps where step = 'all'" | jq -r .said)" "64
30
4096
524288
$((more < 19 ? more : 19))"
}

@test "limits: what runs into one fails and says so" {
	jobfile <<'Y'
jobfile: 1
jobs:
  big: {limits: {fsize: 64K}, run: "exec head -c 1000000 /dev/zero >big.bin"}
  busy: {limits: {cpu: 1s}, argv: [sh, -c, "while :; do :; done"]}
  many: {limits: {nofile: 2147483647}, run: ":"}
Y
	want 1 orchmake -k -j3 big busy many
	complains "failed big: killed by SIGXFSZ"
	complains "failed busy: killed by SIGXCPU"
	complains "failed many: cannot start: set the limits: Operation not permitted"
	is "$(stat -c %s big.bin)" 65536
}

@test "limits: wrong ones are refused with what would be right" {
	jobfile <<'Y'
jobfile: 1
jobs:
  a: {run: ":", limits: {mem: lots, cpu: 1500ms, nofile: 0, fsize: -1, nice: 20, stack: 1M}, umask: 8, priority: high}
  b: {run: ":", umask: 1777}
Y
	want 2 orchmake
	complains "'mem' must be a size above 0, such as 512M or 2G, not 'lots'"
	complains "'cpu' must be a duration of whole seconds, such as 30s or 10m, not '1500ms'"
	complains "'nofile' must be a whole number from 1 to 2147483647, not '0'"
	complains "'fsize' must be a size above 0, such as 512M or 2G, not '-1'"
	complains "'nice' must be a whole number from -20 to 19, not '20'"
	complains "unknown key 'stack' in 'limits'"
	complains "'umask' must be an octal number such as 027, not '8'"
	complains "'priority' must be a whole number from -32768 to 32767, not 'high'"
	complains "'umask' must be an octal number up to 777, not '1777'"
}

@test "priority: higher ones start first, whatever stands first in the file" {
	jobfile <<'Y'
jobfile: 1
jobs:
  all:
    steps:
      low: {priority: -5, run: echo low >>order}
      plain: {run: echo plain >>order}
      high: {priority: 9, run: echo high >>order}
Y
	want 0 orchmake -j1
	is "$(tr '\n' ' ' <order)" "high plain low "
}

artifact() { sql "select path from artifacts where name = '$1' order by step desc limit 1"; }

@test "a step has the turns on a processor that it would have without us" {
	jobfile <<'Y'
jobfile: 1
jobs: {a: {run: "grep -E '^(policy|prio|se.slice) ' /proc/self/sched || :"}}
Y
	want 0 orchmake
	is "$(cat .orchmake/logs/*/*)" "$(grep -E '^(policy|prio|se.slice) ' /proc/self/sched)"
}

@test "artifacts: kept under their names, and as they were when the step ended" {
	jobfile <<'Y'
jobfile: 1
params: {kind: txt}
jobs:
  all:
    steps:
      - id: make
        artifacts: ["out/*.${{ params.kind }}", deep, none.*]
        run: |
          mkdir -p out deep/er
          echo one >out/a.txt; echo two >out/b.txt; echo no >out/c.bin
          echo three >deep/er/d; ln -s /etc/passwd deep/link; mkfifo deep/pipe
      - {id: spoil, run: "echo spoiled >out/a.txt; rm out/b.txt"}
Y
	want 0 orchmake
	is "$(sql "select group_concat(name || ' ' || size_bytes, ' ') from (select * from artifacts order by name)")" \
		"deep/er/d 6 out/a.txt 4 out/b.txt 4"
	is "$(cat "$(artifact out/a.txt)" "$(artifact out/b.txt)" "$(artifact deep/er/d)")" "one
two
three"
	case $(artifact out/a.txt) in "$PWD"/.orchmake/logs/*/artifacts/*all_make/out/a.txt) ;; *) false ;; esac
	want 0 orchmake show last/all/make
	says "artifact out/a.txt  $PWD/.orchmake/logs/"
	rm -r out deep
	kept=$(artifact deep/er/d)
	want 1 orchmake --only all/spoil
	want 0 orchmake gc --keep 1
	[ ! -e "$kept" ]
}

@test "artifacts: of a failure too, of the last attempt, and never of a step that did not run" {
	jobfile <<'Y'
jobfile: 1
defaults: {artifacts: ["report-*"]}
jobs:
  fails: {retry: 1, run: "echo $ORCHMAKE_ATTEMPT >report-f; exit 1"}
  skipped: {when: "false", run: ":"}
Y
	want 1 orchmake -k fails skipped
	is "$(sql "select count(*) from artifacts")" 1
	is "$(cat "$(artifact report-f)")" 2
}

@test "artifacts: a success that cannot be kept is none, and says why" {
	jobfile <<'Y'
jobfile: 1
jobs:
  out: {artifacts: [../x], run: ":"}
  lost: {artifacts: [a], run: "echo a >a; rm -rf \"$LOGS\"; echo >\"$LOGS\""}
Y
	want 1 orchmake out
	complains "failed out: artifacts: '../x' holds '..'"
	mkdir logs
	cat >spoil <<'S'
#!/bin/sh
echo a >a
for d in logs/*; do rm -rf "$d"; echo in the way >"$d"; done
S
	chmod +x spoil
	sed -i 's/^  lost.*/  lost: {artifacts: [a], argv: [.\/spoil]}/' Jobfile
	want 1 orchmake --log-dir logs lost
	complains "failed lost: artifact 'a' cannot be kept: Not a directory"
}
