load lib

# plan and apply: what was reviewed is what runs, or nothing does.

prepare() {
	command -v sqlite3 >/dev/null || skip "sqlite3 is not installed"
	export WHO=me
}

# Each line of the file did is one attempt that did its work.
two() {
	jobfile <<-'J'
	jobfile: 1
	params: {n: 3}
	env: {GREETING: "hello ${{ env.WHO }}"}
	jobs:
	  all:
	    steps:
	      - {id: make, run: "echo make >>did; cat in.txt >out.txt", inputs: [in.txt], outputs: [out.txt]}
	      - {id: send, argv: [sh, -c, 'echo "send $1" >>did', sh, "${{ params.n }}"]}
	J
	echo one >in.txt
}

planned() { want 1 orchmake plan "$@" --out plan.json; }

did() { [ ! -e did ] || tr '\n' ' ' <did; }

# The plan is refused, says TEXT, and nothing has been run or recorded.
refused() {
	local before
	before=$(runs)
	want 3 orchmake apply plan.json
	complains "plan.json does not hold any more; nothing was run:"
	complains "$1"
	is "$(did)" "${2-}"
	is "$(runs)" "$before"
}

runs() { [ ! -e .orchmake/ledger.db ] || sql "select group_concat(run || state) from v_runs"; }

of_plan() { python3 -c 'import json, sys; v = json.load(open("plan.json"))
for k in sys.argv[1:]: v = v[k]
print(v if isinstance(v, str) else json.dumps(v, sort_keys=True))' "$@"; }

hash_of() { of_plan hash; }

# --- the document ---------------------------------------------------------------------------------------------

@test "plan: a document in canonical form, the same for the same world, and nothing is touched" {
	two
	touch -d '2 seconds ago' in.txt
	before=$(ls -lAR --time-style=full-iso)
	want 1 orchmake plan
	first=$out
	want 1 orchmake plan
	is "$out" "$first"
	is "$(ls -lAR --time-style=full-iso)" "$before"
	echo "$first" >plan.json
	is "$(of_plan steps all/make inputs)" "{\"in.txt\": \"$(sha256sum <in.txt | cut -d' ' -f1)\"}"
	is "$(of_plan steps all/make would)" run
	is "$(of_plan steps all/make why)" "its output 'out.txt' is missing"
	is "$(of_plan steps all/send do argv)" '["sh", "-c", "echo \"send $1\" >>did", "sh", 3]'
	is "$(of_plan steps all/send do env GREETING)" "hello me"
	is "$(of_plan values param n)" '{"from": "default, Jobfile", "value": 3}'
	is "$(of_plan difference to)" null
	is "$(of_plan order)" '["all/make", "all/send"]'
	# The hash is of the text without it: anybody can make it.
	is "$(python3 -c 'import json
d = json.load(open("plan.json")); h = d.pop("hash")
print(json.dumps(d, sort_keys=True, separators=(",", ":")), end="")' | sha256sum | cut -d' ' -f1)" "$(hash_of)"
}

@test "plan: told in a few lines where it goes into a file, with its hash; a comment changes none of what runs" {
	two
	planned
	says "all: 2 steps would run"
	says "1 all/make  part of all, its output 'out.txt' is missing"
	says "there is no run yet that succeeded"
	says "plan $(hash_of)"
	echo "# a comment" >>Jobfile
	want 0 orchmake apply -n plan.json
	says "it holds"
	want 0 orchmake -s apply plan.json
	is "$(did)" "make send 3 "
}

@test "plan: 0 and nothing to do; the difference to the last success" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all:
	    steps:
	      make: {run: cat in.txt >out.txt, inputs: [in.txt], outputs: [out.txt]}
	      old: {run: touch old.txt, outputs: [old.txt]}
	J
	echo one >in.txt
	want 0 orchmake -s all
	want 0 orchmake plan all --out plan.json
	says "all: 0 steps would run, 2 have nothing to do"
	says "the Jobfile says what it said in run $(sql "select run from v_runs"), the last that succeeded"
	want 0 orchmake apply plan.json
	says "nothing to do"
	is "$(sql "select count(*) from v_runs")" 1
	is "$(of_plan steps all/make would)" nothing
	is "$(of_plan steps all/make record)" "$(sqlite3 .orchmake/ledger.db "select fingerprint from fingerprints where key = 'all/make'")"
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all:
	    steps:
	      make: {run: cat in.txt in.txt >out.txt, timeout: 5s, inputs: [in.txt], outputs: [out.txt]}
	      new: {run: touch new.txt, outputs: [new.txt]}
	J
	planned all
	says "+ all/new  is new"
	says "- all/old  is gone"
	says "~ all/make  changed: run, timeout"
	is "$(of_plan difference added)" '["all/new"]'
	is "$(of_plan difference removed)" '["all/old"]'
}

@test "plan: what a step gives is known when it runs; so are the members of a loop over it" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all:
	    steps:
	      - {id: list, run: 'echo "names=[\"a\",\"b\"]" >>"$ORCHMAKE_OUTPUT"', provides: {names: {type: json}}}
	      - {id: each, foreach: {name: "${{ steps.list.names }}"}, run: 'echo "$N" >>did', env: {N: "${{ foreach.name }}"}}
	      - {id: tell, argv: [sh, -c, 'echo "$@" >>did', sh, "${{ len(steps.list.names) }}", "${{ run.id }}", x]}
	J
	planned all
	is "$(of_plan steps all/tell do argv)" '["sh", "-c", "echo \"$@\" >>did", "sh", {"later": "${{ len(steps.list.names) }}"}, {"later": "${{ run.id }}"}, "x"]'
	is "$(of_plan loops)" '{"all/each": "${{ steps.list.names }}"}'
	is "$(of_plan order)" '["all/list", "all/tell"]'
	want 0 orchmake -s apply plan.json
	is "$(did)" "a b 2 $(sql "select run from v_runs") x "
	planned all
	is "$(of_plan difference removed)" "[]"
	is "$(of_plan difference added)" "[]"
}

@test "plan: of jobs that are called, loops over the payload, stand-ins: what their call makes is known when it runs" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  lib:
	    params: {x: {type: int, required: true}}
	    steps:
	      - {id: one, argv: [sh, -c, 'echo "lib $1 $2" >>did', sh, "${{ params.x }}", "${{ payload.k }}"]}
	  all:
	    matrix: {m: [a, b]}
	    steps:
	      - {id: p, run: 'echo "v=4" >>"$ORCHMAKE_OUTPUT"', provides: [v]}
	      - {id: call, job: lib, params: {x: "${{ int(consumes.v) }}"}, consumes: [v]}
	      - {id: risky, run: "false", on_failure: {fallback: save}}
	      - {id: save, run: echo saved >>did, fallback_only: true}
	    finally:
	      - {id: tidy, run: echo tidy >>did}
	  comp:
	    stages: [all, {name: t, jobs: [member], loop: {over: "${{ payload.items }}", payload: {k: "${{ foreach.item }}"}}}]
	  member: {argv: [sh, -c, 'echo "member $1" >>did', sh, "${{ payload.k }}"]}
	J
	planned comp --payload '{"items": [1,2], "k": "root"}'
	is "$(of_plan steps 'all[a]/call/one' do argv | jq -c '.[4:]')" '[{"later":"${{ params.x }}"},{"later":"${{ payload.k }}"}]'
	want 0 orchmake -s apply plan.json
	is "$(sort did | tr '\n' ' ')" "lib 4 root lib 4 root member 1 member 2 saved saved tidy tidy "
	planned comp --payload '{"items": [1,2], "k": "root"}'
	is "$(of_plan difference changed)" "{}"
	is "$(of_plan difference removed)" "[]"
}

@test "plan: of a plan with variables, and of a Jobfile that comes through a pipe" {
	echo '{"plan_id": "deploy", "version": "1.0", "globals": {}, "steps": [{"id": "a", "command": "sh", "args": ["-c", "echo ${X} >>did"]}]}' >deploy.json
	planned -f deploy.json --var X=one
	is "$(of_plan steps deploy/a do argv)" '["sh", "-c", "echo one >>did"]'
	want 0 orchmake -s apply plan.json
	is "$(did)" "one "
	echo 'jobfile: 1
jobs: {x: {run: echo piped >>did}}' >piped
	orchmake -f - plan --out plan.json <piped || code=$?
	is "$code" 1
	orchmake -s apply plan.json <piped
	is "$(did)" "one piped "
}

@test "plan: secrets, and what dotenv files say, are not in it; that they changed is" {
	export PLAN_CANARY=canary-one
	printf 'canary-two' >key
	printf 'canary-four' >four
	echo 'DOT=canary-three' >.env
	jobfile <<-'J'
	jobfile: 1
	dotenv: [.env]
	secrets: {A: {env: PLAN_CANARY}, B: {file: key}, C: {argv: [cat, four]}}
	jobs:
	  all:
	    steps:
	      - {id: use, run: 'echo use >>did', env: {A: "${{ secrets.A }}", B: "b ${{ secrets.B }}", C: "${{ secrets.C }}", E: "${{ env.PLAN_CANARY }}"}}
	J
	planned all
	is "$(grep -c canary plan.json)" 0
	is "$(of_plan steps all/use do env)" '{"A": "<secret A>", "B": "b <secret B>", "C": "<secret C>", "E": ""}'
	is "$(of_plan values secret A)" '{"from": "$PLAN_CANARY"}'
	echo 'DOT=other' >.env
	refused "dotenv file '.env' has another content"
	echo 'DOT=canary-three' >.env
	want 0 orchmake -s apply plan.json
	is "$(did)" "use "
}

@test "plan: hostile names and texts stay what they are, in the document and on the screen" {
	name=$'in\n"\033[31m.txt'
	mkdir "d'"
	echo x >"d'/$name"
	printf 'y' >"d'/"$'\377bad'
	jobfile <<-'J'
	jobfile: 1
	params: {p: "x"}
	jobs:
	  all:
	    steps:
	      - {id: read, argv: [sh, -c, "echo read >>did", "${{ params.p }}"], inputs: ["d'/*"], outputs: [out], fresh: always}
	J
	planned all p=$'\033]0;title\a'
	is "$(grep -c . plan.json)" 1
	is "$(grep -c $'\033' plan.json)" 0
	is "$(echo "$out" | grep -c $'\033')" 0
	is "$(of_plan steps all/read inputs | grep -o 'bytes [0-9a-f]*')" "bytes 64272fff626164"
	echo z >"d'/$name"
	want 3 orchmake apply plan.json
	is "$(echo "$err" | grep -c $'\033')" 0
	complains "of 'all/read' has another content"
	echo x >"d'/$name"
	printf 'z' >"d'/"$'\377bad'
	want 3 orchmake apply plan.json
	printf 'y' >"d'/"$'\377bad'
	want 1 orchmake -s apply plan.json # it makes no output
	is "$(did)" "read "
}

@test "plan: today() stays what it was; now() is part of what is looked at" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  day: {argv: [sh, -c, 'echo "$1" >>did', sh, "${{ today() }}"]}
	  now: {argv: [sh, -c, 'echo "$1" >>did', sh, "${{ now() }}"]}
	  plain: {run: echo plain >>did}
	J
	planned plain
	is "$(of_plan clock)" null
	planned day
	is "$(of_plan clock)" "$(of_plan steps day do argv | grep -o '....-..-..')"
	planned now
	is "$(of_plan clock)" "$(of_plan steps now do argv | grep -o '....-..-..T[0-9:.]*Z')"
	at=$(of_plan clock)
	want 0 orchmake -s apply plan.json
	is "$(did)" "$at "
}

# --- what is refused -------------------------------------------------------------------------------------------------

@test "apply: damaged, edited, foreign, of another form, or not there: refused, with the place" {
	two
	planned
	want 2 orchmake apply
	complains "apply: which file?"
	want 2 orchmake apply nothing.json
	complains "apply: cannot read 'nothing.json'"
	for i in 0 1 100; do
		head -c $i plan.json >damaged.json
		want 2 orchmake apply damaged.json
		complains "damaged.json:1:"
	done
	sed 's/hello me/hello ME/' plan.json >damaged.json
	want 2 orchmake apply damaged.json
	complains "damaged.json:1:1: it was edited or damaged since it was written: its \`hash\` is $(hash_of), and what"
	sed "s/$(hash_of)/\\\\u001b[31m/" plan.json >damaged.json
	want 2 orchmake apply damaged.json
	complains "its \`hash\` is no hash"
	printf '{"\033[31m": \033}' >damaged.json
	want 2 orchmake apply damaged.json
	is "$(echo "$err" | grep -c $'\033')" 0
	echo '{"plan": 1}' >damaged.json
	want 2 orchmake apply damaged.json
	complains "this is no document that \`orchmake plan\` wrote"
	sed 's/"plan":1/"plan":2/' plan.json >damaged.json
	want 2 orchmake apply damaged.json
	complains "its form has the number 2, and this program knows 1: plan again"
	sed 's/"plan":1/"plan":1,"plan":1/' plan.json >damaged.json
	want 2 orchmake apply damaged.json
	complains "'plan'"
	is "$(did)" ""
	[ ! -e .orchmake ]
	# Written anew by another program it is the same document.
	python3 -m json.tool plan.json >pretty.json
	want 0 orchmake -s apply pretty.json
	is "$(did)" "make send 3 "
}

@test "apply --hash: that plan and no other; the hash is kept with the run" {
	two
	planned
	hash=$(hash_of)
	planned n=4
	want 3 orchmake apply plan.json --hash "$hash"
	complains "plan.json is not the plan that is meant: its hash is $(hash_of)"
	is "$(did)" ""
	planned
	want 0 orchmake -s apply plan.json --hash "$hash"
	is "$(did)" "make send 3 "
	is "$(sql "select plan from v_applied")" "$hash"
	want 0 orchmake show last
	says "plan     $hash"
	want 0 orchmake show last --format=json
	says "\"plan\": \"$hash\""
	want 0 orchmake -s all
	want 0 orchmake show last
	is "$(echo "$out" | grep -c "^plan ")" 0
	want 0 orchmake fsck
}

@test "apply: what to run is in the plan, how it runs is not" {
	two
	planned -B n=5
	for option in -B -k n=7 --skip=send --payload={} --set=defaults.timeout=1s; do
		want 2 orchmake apply plan.json $option
		complains "says what to run, and that is in the plan"
	done
	want 2 orchmake apply plan.json all
	want 2 orchmake plan --each n=1..3
	complains "plan: one plan is for one run"
	want 0 orchmake -s -j2 --timeout=1m apply plan.json --result=result.json
	is "$(did)" "make send 5 "
	grep -q '"success": true' result.json
	is "$(sql "select reason from v_steps where step = 'all/make'")" "always-make"
}

@test "apply: the Jobfile has moved: it says which step, and what of it" {
	two
	planned
	sed -i 's/echo make/echo  make/' Jobfile
	refused "the Jobfile: 'all/make' has another 'run'"
	two
	sed -i '$a\      - {id: more, run: echo more >>did}' Jobfile
	refused "the Jobfile: 'all/more' is new"
	complains "'all/more' is new"
	two
	sed -i '/id: send/d' Jobfile
	refused "the Jobfile: 'all/send' is gone"
	two
	sed -i '1a pools: {net: 1}' Jobfile
	refused "the Jobfile has another 'pools'"
	two
	sed -i 's/n: 3/n: 4/' Jobfile
	refused "parameter 'n' is 4, and was 3"
	two
	printf 'jobs: {' >>Jobfile
	want 2 orchmake apply plan.json
	two
	want 0 orchmake -s apply plan.json
}

@test "apply: an input has moved: another content, gone, new; its time alone is nothing" {
	two
	sed -i 's/inputs: .in.txt./inputs: ["*.txt", sub]/' Jobfile
	mkdir sub
	echo x >sub/x
	planned
	echo two >in.txt
	refused "input 'in.txt' of 'all/make' has another content"
	echo one >in.txt
	rm sub/x
	refused "input 'sub/x' of 'all/make' is gone"
	echo x >sub/x
	echo y >sub/y
	refused "input 'sub/y' of 'all/make' is new"
	rm sub/y
	touch -d '+1 hour' in.txt
	touch -d '2001-01-01' sub/x
	want 0 orchmake -s apply plan.json
	is "$(did)" "make send 3 "
}

@test "apply: an output has moved: what had nothing to do has something now" {
	two
	want 0 orchmake -s all
	planned
	rm out.txt
	refused "'all/make' would run now, because its output 'out.txt' is missing; in the plan it has nothing to do" "make send 3 "
}

@test "apply: the environment, and a condition on it" {
	two
	sed -i 's/id: send, /id: send, when: "env.GO == '"'1'"'", /' Jobfile
	export GO=1
	planned
	WHO=you refused "environment variable 'GREETING' is \"hello you\", and was \"hello me\" (of 'all/make')"
	GO=2 refused "condition \`env.GO == '1'\` of 'all/send' is false, and was true"
	want 0 orchmake -s apply plan.json
	is "$(did)" "make send 3 "
}

@test "apply: -e is of the plan: what wins over the Jobfile is in it, and has to be the same" {
	two
	export GREETING=mine
	planned -e
	is "$(of_plan steps all/send do env GREETING)" mine
	GREETING=other refused "environment variable 'GREETING' is \"other\", and was \"mine\" (of 'all/make')"
	want 2 orchmake apply plan.json -e
	want 0 orchmake -s apply plan.json
	is "$(did)" "make send 3 "
}

@test "apply: the ledger has moved: applied once, it does not hold a second time" {
	two
	planned
	want 0 orchmake -s apply plan.json
	run=$(sql "select run from v_runs")
	refused "run $run has been made since (succeeded)" "make send 3 "
	complains "'all/send' has been tried since, in run $run (succeeded)"
	want 1 orchmake plan --out plan.json
	says "all: 1 step would run, 1 has nothing to do"
	want 0 orchmake -s apply plan.json
	is "$(did)" "make send 3 send 3 "
	# A run of another target that had the step counts as well.
	planned
	want 0 orchmake -s all/send
	refused "'all/send' has been tried since" "make send 3 send 3 send 3 "
	want 3 orchmake apply plan.json --format=json
	is "$(echo "$out" | python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["holds"], {m["what"] for m in d["moved"]})')" "False {'ledger'}"
}

@test "apply -q and -n only compare; a ledger that cannot be read is no plan" {
	two
	planned
	want 1 orchmake apply -q plan.json
	is "$out" ""
	want 0 orchmake apply -n plan.json
	says "it holds"
	want 0 orchmake apply -n plan.json --format=json
	says '"holds": true'
	is "$(did)" ""
	[ ! -e .orchmake ]
	mkdir .orchmake
	echo "this is no ledger, and it is long enough to be one, were it only written by SQLite itself" >.orchmake/ledger.db
	want 5 orchmake plan
	want 5 orchmake apply plan.json
	is "$(did)" ""
}

# --- between the look and the start ------------------------------------------------------------------------------------

@test "apply: an input that changes before its step starts: that step fails with the reason, exit 3" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all:
	    steps:
	      - {id: first, run: "echo first >>did; cat gate", outputs: [made.txt], on_failure: abort}
	      - {id: second, run: "echo second >>did", inputs: [in.txt, made.txt]}
	J
	sed -i 's/cat gate/cat gate; echo made >made.txt/' Jobfile
	mkfifo gate
	echo one >in.txt
	planned all
	is "$(of_plan steps all/second inputs made.txt)" '{"by": "all/first"}'
	(code=0; orchmake -s apply plan.json >out 2>&1 </dev/null || code=$?; echo $code >code) 3>&- &
	until_true test -s did
	echo two >in.txt
	echo go >gate
	wait
	is "$(cat code)" 3
	is "$(did)" "first "
	grep -q "its input 'in.txt' is not what was reviewed" out
	is "$(sql "select state || ' ' || reason from v_steps where step = 'all/second'")" "failed not-reviewed"
	want 0 orchmake why all/second
	says "its input 'in.txt' is not what was reviewed; if a step of this run writes it, let that step say so under \`outputs\`"
	want 0 orchmake fsck
}

@test "apply: a step that had nothing to do does not run, whatever has become of it" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all:
	    steps:
	      - {id: first, run: "echo first >>did; [ ! -e gate ] || cat gate"}
	      - {id: second, run: "echo second >>did; touch out.txt", outputs: [out.txt]}
	J
	want 0 orchmake -s all
	is "$(did)" "first second "
	rm did
	mkfifo gate
	planned all
	is "$(of_plan steps all/second would)" nothing
	(code=0; orchmake -s apply plan.json >out 2>&1 </dev/null || code=$?; echo $code >code) 3>&- &
	until_true test -s did
	rm out.txt
	echo go >gate
	wait
	is "$(cat code)" 3
	is "$(did)" "first "
	is "$(sql "select error from v_steps where step = 'all/second' order by run desc limit 1")" "by the plan there was nothing to do for it, and now: its output 'out.txt' is missing"
	want 0 orchmake fsck
}

@test "apply: another command is not run" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all:
	    steps:
	      - {id: first, run: "echo first >>did; cat gate"}
	      - {id: third, argv: [sh, -c, 'echo "$@" >>did', sh, "${{ join(glob('*.csv'), '+') }}"]}
	J
	touch a.csv
	mkfifo gate
	planned all
	(code=0; orchmake -s apply plan.json >out 2>&1 </dev/null || code=$?; echo $code >code) 3>&- &
	until_true test -s did
	touch b.csv
	echo go >gate
	wait
	is "$(cat code)" 3
	is "$(did)" "first "
	grep -q "its 'argv' is another than was reviewed" out
}

@test "apply: of two at once one begins; the other sees that the ledger has moved" {
	two
	sed -i 's/^  all:/  all:\n    overlap: queue/' Jobfile
	want 0 orchmake -s all
	planned -B
	mkfifo gate
	lock=$(echo .orchmake/locks/all-*)
	flock "$lock" sh -c 'exec 3<&-; echo held >held; cat gate' 3>&- &
	until_true test -s held
	for n in 1 2; do
		(code=0; orchmake apply plan.json >out$n 2>&1 </dev/null || code=$?; echo $code >code$n) 3>&- &
	done
	until_true grep -q "this one waits" out1
	until_true grep -q "this one waits" out2
	echo >gate
	wait
	is "$(sort code1 code2 | tr '\n' ' ')" "0 3 "
	is "$(did)" "make send 3 make send 3 "
	cat out1 out2 | grep -q "does not hold any more; nothing was run:"
	cat out1 out2 | grep -q "has been made since (succeeded)"
	is "$(sql "select count(*) from v_applied")" 1
	want 0 orchmake fsck
}

@test "apply: what moves between the look and the beginning is refused as well, and nothing is recorded" {
	two
	sed -i 's/^  all:/  all:\n    overlap: queue/; s/^env:/dotenv: [.env]\nenv:/' Jobfile
	echo A=1 >.env
	want 0 orchmake -s all
	before=$(runs)
	planned
	mkfifo gate
	lock=$(echo .orchmake/locks/all-*)
	flock "$lock" sh -c 'exec 3<&-; echo held >held; cat gate' 3>&- &
	until_true test -s held
	(code=0; orchmake apply plan.json >out 2>&1 </dev/null || code=$?; echo $code >code) 3>&- &
	until_true grep -q "this one waits" out
	echo A=2 >.env
	echo >gate
	wait
	is "$(cat code)" 3
	grep -q "dotenv file '.env' has another content" out
	is "$(did)" "make send 3 "
	is "$(runs)" "$before"
}

# A run of another target that begins between the look and the beginning is no reason to refuse: it is looked again.
@test "apply: what has nothing to do with it may begin meanwhile" {
	two
	sed -i 's/^  all:/  other: {run: echo other >>did}\n  all:\n    overlap: queue/' Jobfile
	want 0 orchmake -s all
	planned all
	mkfifo gate
	lock=$(echo .orchmake/locks/all-*)
	flock "$lock" sh -c 'exec 3<&-; echo held >held; cat gate' 3>&- &
	until_true test -s held
	(code=0; orchmake apply plan.json >out 2>&1 </dev/null || code=$?; echo $code >code) 3>&- &
	until_true grep -q "this one waits" out
	want 0 orchmake -s other
	echo >gate
	wait
	is "$(cat code)" 0
	is "$(did)" "make send 3 other send 3 "
	is "$(sql "select count(*) from v_runs where target = 'all'")" 2
}

# --- approvals -----------------------------------------------------------------------------------------------------------

gate() {
	jobfile <<-'J'
	jobfile: 1
	params: {n: 3}
	jobs:
	  pay:
	    steps:
	      - {id: count, run: 'echo count >>did; echo "bills=$(cat bills)" >>"$ORCHMAKE_OUTPUT"', provides: [bills]}
	      - {id: agree, approve: {prompt: "Pay ${{ params.n }} bills?", show: "${{ steps.count.bills }}"}}
	      - {id: send, run: echo sent >>did}
	J
	echo 20+30 >bills
	want 4 orchmake pay
}

@test "plan -r: what was asked, the answer, who and when are part of the plan, and apply goes on with exactly that" {
	gate
	want 0 orchmake approve last/pay/agree "looks right"
	planned -r
	says "pay: 2 steps would run, 1 has nothing to do"
	says "pay/agree was approved by $(id -un) at 2"
	says ": looks right (it asked: Pay 3 bills?)"
	is "$(of_plan steps pay/agree do)" '{"prompt": "Pay 3 bills?", "show": "20+30"}'
	is "$(of_plan steps pay/agree answer by)" "$(id -un)"
	is "$(of_plan steps pay/agree answer note)" "looks right"
	is "$(of_plan ledger resumes)" "$(sql "select run from v_runs")"
	want 0 orchmake -s apply plan.json
	is "$(did)" "count sent "
	is "$(sql "select count(*) from v_runs where resumes is not null")" 1
	want 0 orchmake apply plan.json
	says "nothing to do: run"
	is "$(did)" "count sent "
}

@test "apply: the approval has moved: another answer, another time, another question" {
	gate
	want 0 orchmake approve last/pay/agree "looks right"
	planned -r
	sqlite3 .orchmake/ledger.db "update approvals set by = 'mallory'"
	refused "'answer' of 'pay/agree' is " "count "
	complains '"by":"mallory"'
	sqlite3 .orchmake/ledger.db "update approvals set by = '$(id -un)', wall_ms = wall_ms + 1"
	refused "'answer' of 'pay/agree' is " "count "
	sqlite3 .orchmake/ledger.db "update approvals set wall_ms = wall_ms - 1"
	sed -i 's/Pay \${{/Pay all ${{/' Jobfile
	refused "'prompt' of 'pay/agree' is \"Pay all 3 bills?\", and was \"Pay 3 bills?\"" "count "
	complains "'answer' of 'pay/agree' is not there, and was {\"approved\":true"
	sed -i 's/Pay all/Pay/' Jobfile
	want 0 orchmake -s apply plan.json
	is "$(did)" "count sent "
}

@test "apply of a plan -r: once somebody else has gone on with the run, it does not hold" {
	gate
	planned -r
	want 4 orchmake -s resume
	refused "the run that is gone on with is" "count "
}

@test "a ledger from before plans were applied is read as it is, and upgraded by the first that is" {
	two
	want 0 orchmake -s all
	older 4
	want 0 orchmake show last
	planned
	is "$(sqlite3 .orchmake/ledger.db 'PRAGMA user_version')" 4
	want 0 orchmake -s apply plan.json
	is "$(sql "select plan from v_applied")" "$(hash_of)"
}
