load lib

# -O: how what steps print is shown.  It goes to standard error, with all talk, and is in the logs as it was.

flow() {
	jobfile <<'Y'
jobfile: 1
jobs:
  all: {stages: [{name: s, jobs: [alpha, beta]}], stop_on_failure: false}
  alpha: {steps: [{id: one, run: "printf 'a1\\na2'"}, {id: two, run: ":"}]}
  beta: {needs: [alpha], run: "echo b1; echo b2 >&2; exit 3", retry: {max: 1, delay: 1ms}}
Y
}

# What was said apart from what differs each time.
said() { sed -E 's/ [0-9.]+s\b/ Ts/g; s/^run .*/run/; s/[0-9A-Z]{26}/RUN/g; s/[0-9A-Z]{10}\b/ID/g' <<<"$err"; }

@test "what a step printed is shown when it has ended, of each attempt by itself, and not again at the end" {
	flow
	for mode in '' -O -Otarget --output-sync=target --output-sync; do
		want 1 orchmake $mode all
		is "$out" ""
		is "$(said)" "run
[1/3] succeeded  alpha/one  Ts
    a1
    a2
[2/3] succeeded  alpha/two  Ts
retry  beta  attempt 1 failed: exit 3; again in Ts
    b1
    b2
[3/3] failed     beta  Ts  (exit 3)
    b1
    b2

failed beta: exit 3: b2
    log: .orchmake/logs/RUN/000004-beta.log
    more: orchmake logs ID/beta

failed: all in Ts: 2 succeeded, 1 failed
\`orchmake show ID\` tells more"
	done
	is "$(cat .orchmake/logs/*/*alpha_one.log | head -2)" "a1
a2a1"
}

@test "of until the first look and the last are shown, with -v all" {
	jobfile <<'Y'
jobfile: 1
jobs: {a: {until: {run: "echo look $ORCHMAKE_ATTEMPT; [ $ORCHMAKE_ATTEMPT = 4 ]", every: 1ms}}}
Y
	want 0 orchmake
	is "$(grep '^    ' <<<"$err")" "    look 1
    look 4"
	want 0 orchmake -v
	is "$(grep -c '^    look' <<<"$err")" 4
}

@test "many steps with nothing to do are counted, with -v told; of few each is told" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all:
	    steps:
	      - {id: old, matrix: {n: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22]},
	         fresh: once, run: "true"}
	      - {id: new, run: "true"}
	J
	want 0 orchmake
	want 0 orchmake
	is "$(grep -c '\] cached ' <<<"$err" || true)" 0
	grep -q '^\[23/23\] succeeded  all/new' <<<"$err"
	complains "1 succeeded, 22 cached"
	want 0 orchmake -v
	is "$(grep -c '\] cached ' <<<"$err")" 22
	sed -i 's/10, 11, 12, .*22/10, 11, 12, 13, 14, 15, 16, 17, 18, 19/' Jobfile
	want 0 orchmake
	is "$(grep -c '\] cached ' <<<"$err")" 19
}

@test "-Oline: each line behind the name of its step, whole, also the last one without an end" {
	flow
	want 1 orchmake -Oline all
	is "$(said | grep '|')" "alpha/one | a1
alpha/one | a2
beta | b1
beta | b2
beta | b1
beta | b2"
	is "$(said | grep -c '^    b')" 0
	CLICOLOR_FORCE=1 NO_COLOR='' want 1 orchmake -Oline all
	is "$(grep -o $'^\033\[[0-9]*m[a-z/]* |\033\[0m' <<<"$err" | LC_ALL=C sort -u)" "$(printf '\033[33mbeta |\033[0m\n\033[35malpha/one |\033[0m')"
}

@test "-Oline shows lines as they come: of what runs side by side each one whole" {
	jobfile <<'Y'
jobfile: 1
jobs:
  one: {run: "printf 'first half, '; : >begun; cat fifo1; echo second half; cat fifo2"}
  two: {run: "until [ -e begun ]; do sleep 0.02; done; echo between; : >said; cat fifo3"}
Y
	mkfifo fifo1 fifo2 fifo3
	orchmake -j2 -Oline one two >out.txt 2>&1 </dev/null 3>&- &
	pid=$!
	until_true grep -qx 'two | between' out.txt
	is "$(grep -c '^one' out.txt || true)" 0
	: >fifo1
	until_true grep -qx 'one | first half, second half' out.txt
	is "$(grep -c succeeded out.txt || true)" 0
	: >fifo2
	: >fifo3
	wait $pid
}

@test "-Onone: as it comes, within a line too" {
	jobfile <<'Y'
jobfile: 1
jobs:
  asks: {run: "printf 'name? '; cat fifo; printf '\\033[31mdone'"}
Y
	mkfifo fifo
	orchmake -Onone asks >out.txt 2>&1 </dev/null 3>&- &
	pid=$!
	until_true grep -q '^name? $' out.txt
	echo Ada >fifo
	wait $pid
	is "$(sed -n '2,4s/ *[0-9.]*s$//p' out.txt)" "[1/1] succeeded  asks"
	is "$(sed -n '2,3p' out.txt)" "name? Ada
done"
	is "$(cat .orchmake/logs/*/*.log)" "$(printf 'name? Ada\n\033[31mdone')"
}

@test "-Ojob: what belongs to a job is shown when the outermost has ended" {
	flow
	want 1 orchmake -Ojob all
	is "$(said | sed -n '/^all:/,/^$/p')" "all:
  alpha/one: succeeded
    a1
    a2
  beta: failed, and is tried again
    b1
    b2
  beta, attempt 2: failed
    b1
    b2"
	is "$(said | sed '/^all:/,$d' | grep -c '^    [ab]')" 0
	want 1 orchmake -Ojob alpha beta
	is "$(said | sed -n '/^alpha:/,+3p')" "alpha:
  alpha/one: succeeded
    a1
    a2"
}

@test "-Otail, and -s: only the last lines of what failed, when all has ended" {
	flow
	sed -i 's/echo b1;/seq 100;/' Jobfile
	for mode in -Otail -s; do
		want 1 orchmake $mode all
		is "$(said | sed -n '/^failed beta/,$p' | sed -n '2,4p;11p')" "    92
    93
    94
    b2"
		is "$(said | sed '/^failed beta/,$d' | grep -c '^    [a0-9]' || true)" 0
	done
	want 1 orchmake -s -Otarget all
	is "$(said | grep -c '^    100$')" 2
}

@test "-Ojson: the events, and nothing else, on standard output" {
	flow
	want 1 orchmake -Ojson --events=ev all
	is "$out" "$(cat ev)"
	is "$(jq -r 'select(.event == "run_completed").state' <<<"$out")" failed
	is "$(jq -s 'map(.seq) == [range(1; length + 1)]' <<<"$out")" true
	want 1 orchmake -Ojson --events=- all
	is "$(jq -s 'map(.seq) == [range(1; length + 1)]' <<<"$out")" true
	for mode in -Ojson --events=-; do
		want 2 orchmake $mode --format=json all
		complains "--format=json and $mode both write to standard output"
		complains "--result=FILE"
	done
	want 1 orchmake -Ojson --result=r.json all
	is "$(jq .success r.json)" false
}

@test "-O: what is no mode is refused with those there are" {
	flow
	want 2 orchmake -Oall all
	complains "--output-sync: 'all' is not none|line|target|job|tail|json"
	[ ! -e .orchmake ]
}

@test "secrets are masked however output is shown" {
	export KEY=s3cr3t
	jobfile <<'Y'
jobfile: 1
secrets: {K: {env: KEY}}
jobs: {a: {env: {K: "${{ secrets.K }}"}, run: 'printf %.3s "$K"; sleep 0.1; printf "%s|%s\n" "${K#???}" "$K"; exit 1'}}
Y
	for mode in none line target job tail json; do
		want 1 orchmake -v -O$mode a
		case $out$err in *s3c*) printf 'said:\n%s\n%s\n' "$out" "$err"; return 1 ;; esac
		[ $mode = json ] || complains '***|***'
	done
}

@test "where a folder cannot be watched, logs are looked at all the same" {
	command -v strace >/dev/null || skip "strace is not installed"
	jobfile <<<$'jobfile: 1\njobs: {a: {run: "echo said; cat fifo"}}'
	mkfifo fifo
	ASAN_OPTIONS=detect_leaks=0 strace -qq -o /dev/null -e trace=inotify_init1 -e inject=inotify_init1:error=EMFILE \
		orchmake -Oline a >out.txt 2>&1 </dev/null 3>&- &
	pid=$!
	until_true grep -qx 'a | said' out.txt
	: >fifo
	wait $pid
}

@test "what is to be typed of a name that means something to a shell is quoted" {
	jobfile <<'Y'
jobfile: 1
jobs: {a: {matrix: {n: [x y, "it's"]}, run: exit 1}}
Y
	want 1 orchmake -k
	line=$(sed -n "s/^    more: \(orchmake logs .*x y.*\)/\1/p" <<<"$err")
	bash -c "$line"
	line=$(sed -n "s/^    more: \(orchmake logs .*it.*\)/\1/p" <<<"$err")
	bash -c "$line"
}

@test "-w says in which folder steps run, before and after, as make does" {
	jobfile <<<$'jobfile: 1\njobs: {a: {run: pwd}}'
	mkdir below
	cd below
	want 0 orchmake -w a
	is "$(sed -n '1p;$p' <<<"$err")" "orchmake: Entering directory '$T'
orchmake: Leaving directory '$T'"
	complains "    $T"
	want 0 orchmake -w -s a
	is "$err" "orchmake: Entering directory '$T'
orchmake: Leaving directory '$T'"
	want 0 orchmake -wn a
	complains "Entering directory '$T'"
	want 0 orchmake a
	is "$(grep -c directory <<<"$err" || true)" 0
}

@test "-v tells commands as one could paste them, with folder, environment and files where they differ" {
	export KEY="it's secret" GONE=1
	jobfile <<'Y'
jobfile: 1
secrets: {K: {env: KEY}}
jobs:
  a:
    steps:
      - {id: plain, argv: [echo, "a b", "it's", "$HOME"]}
      - {id: odd, cwd: sub dir, env: {DAY: "it's 1", GONE: null}, argv: [sh, -c, 'pwd; echo "$DAY ${GONE-none}"; printf %s "$0"', "tab\there\r\e[1m"]}
      - {id: files, stdin: in.txt, stdout: out.txt, run: "if read x; then\n\techo \"got\t$x\"\nfi"}
  b: {env: {K: "${{ secrets.K }}"}, argv: [sh, -c, 'echo "$K"']}
Y
	mkdir 'sub dir'
	echo line >in.txt
	want 0 orchmake -v a
	pasted=$(sed -n '/^\$ /,/^\[/{/^\[/d;s/^\$ //;p}' <<<"$err")
	is "$(head -1 <<<"$pasted")" "env -u KEY echo 'a b' 'it'\\''s' '\$HOME'"
	rm out.txt
	is "$(bash -c "$pasted" | tr '\r' R)" "$(printf 'a b it'\''s $HOME\n%s/sub dir\nit'\''s 1 none\ntab\thereR\033[1m' "$T")"
	is "$(cat out.txt)" "$(printf 'got\tline')"
	rm out.txt
	cd 'sub dir'
	want 0 orchmake -C .. -v a
	complains "\$ (cd $T && env -u KEY echo "
	sed -i '1a env_policy: {keep: [PATH]}' ../Jobfile
	export A1=1 A2=1 A3=1 A4=1 A5=1 A6=1 A7=1 A8=1
	want 0 orchmake -C .. -v a/plain
	complains "\$ (cd $T && env -i PATH=$PATH echo "
	want 0 orchmake -v b
	complains "K='***'"
	case $err in *secret*) return 1 ;; esac
	want 0 orchmake b
	is "$(grep -c '^\$' <<<"$err" || true)" 0
}
