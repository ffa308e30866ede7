load lib

# Gates that a person opens.

gate() {
	jobfile <<'Y'
jobfile: 1
params: {n: 3}
jobs:
  pay:
    steps:
      - {id: plan, run: echo planned >plan.txt}
      - {id: agree, approve: {prompt: "Pay ${{ params.n }} bills?", show: "${{ params.n }} of them", auto: true}}
      - {id: send, run: echo sent >sent.txt}
  strict: {approve: Really?}
Y
}

state() { sql "select state from v_steps where step = '$1' order by run desc limit 1"; }

@test "approve: nothing else is left to do: the run ends, says what it asks, and exits with 4" {
	gate
	want 4 orchmake pay
	complains "asks   pay/agree  Pay 3 bills?"
	complains "    3 of them"
	complains "orchmake approve $(sql "select substr(run, 1, 10) from v_runs")/pay/agree"
	complains "waiting: pay in "
	[ ! -e sent.txt ]
	is "$(sql "select state || ' ' || exit_code from v_runs")" "waiting 4"
	is "$(sql "select event || ' ' || step from v_events where event = 'approval_asked'")" "approval_asked pay/agree"
	want 0 orchmake fsck
	want 0 orchmake ps
	is "$out$err" ""
	want 0 orchmake approve last/pay/agree "looks right"
	says "approved pay/agree"
	says "\`orchmake resume $(sql "select substr(run, 1, 10) from v_runs")\` finishes it"
	is "$(sql "select approved || ' ' || by || ' ' || note from approvals")" "1 $(id -un) looks right"
	want 1 orchmake reject last/pay/agree
	complains "'pay/agree' has been approved already, by $(id -un)"
}

@test "approve: answered while the rest of the run goes on, it goes on too, and holds no slot" {
	jobfile <<'Y'
jobfile: 1
jobs:
  all:
    steps:
      agree: {approve: "Go on?"}
      works: {run: "until [ -e enough ]; do sleep 0.02; done"}
      then: {needs: [agree], run: touch then}
Y
	orchmake -j1 all >out.txt 2>&1 </dev/null 3>&- &
	pid=$!
	until_true grep -q "asks   all/agree" out.txt
	want 0 orchmake approve last/all/agree
	touch enough
	wait $pid
	[ -e then ]
	is "$(state all/agree)" succeeded
	want 0 orchmake why all/agree
	says "it was approved by $(id -un)"
}

@test "reject: the step has failed, and says by whom and why" {
	jobfile <<'Y'
jobfile: 1
jobs:
  all:
    steps:
      agree: {approve: "Go on?", on_failure: skip_dependents}
      works: {run: "until [ -e enough ]; do sleep 0.02; done"}
      then: {needs: [agree], run: touch then}
Y
	orchmake -j1 all >out.txt 2>&1 </dev/null 3>&- &
	pid=$!
	until_true grep -q "asks   all/agree" out.txt
	want 0 orchmake reject last/all/agree "not today"
	touch enough
	want 1 wait $pid
	[ ! -e then ]
	is "$(state all/agree) $(state all/then)" "failed blocked"
	grep -q "$(id -un): not today" out.txt
}

@test "-y approves what is declared auto, and nothing else" {
	gate
	want 0 orchmake -y pay
	is "$(cat sent.txt)" sent
	is "$(sql "select approved || ' ' || by from approvals")" "1 -y"
	want 4 orchmake -y strict
}

@test "approve: what does not ask cannot be answered; without a ledger nobody can" {
	gate
	want 4 orchmake pay
	want 2 orchmake approve last/pay/plan
	complains "'pay/plan' does not wait for an approval"
	want 2 orchmake reject last
	complains "reject: name a step of the run, as RUN/STEP"
	want 1 orchmake --no-ledger pay
	complains "nobody can be asked without a ledger"
	is "$(sql "select count(*) from approvals")" 0
}

@test "approve: Ctrl-C while it waits ends the run; wrong ones are refused" {
	jobfile <<'Y'
jobfile: 1
jobs:
  a: {approve: {show: x}}
  b: {approve: {prompt: x, note: y}, run: z}
Y
	want 2 orchmake
	complains "'approve' has no 'prompt'"
	complains "unknown key 'note' in 'approve'"
	complains "job 'b' has both 'approve' and 'run'"
	jobfile <<'Y'
jobfile: 1
jobs:
  all:
    steps:
      agree: {approve: "Go on?"}
      works: {run: "touch works; exec sleep 1000"}
Y
	orchmake -j2 all >out.txt 2>&1 </dev/null 3>&- &
	pid=$!
	until_true [ -e works ]
	until_true grep -q "asks   all/agree" out.txt
	kill -INT $pid
	want 130 wait $pid
	is "$(state all/agree)" canceled
}

# The run of gate, which has ended to wait; ANSWER is given to it.
answered() {
	gate
	want 4 orchmake pay
	want 0 orchmake "$1" last/pay/agree "looks right"
	[ ! -e sent.txt ]
}

# Of the newest run: the answer, who gave it, and when, as the first one was.
last_answer() {
	sql "select approved || ' ' || by || ' ' || note || ' ' || (wall_ms = (select min(wall_ms) from approvals))
	from approvals order by step desc limit 1"
}

@test "approve: what was approved after the run had ended is not asked again by resume, nor by the one after it" {
	answered approve
	want 0 orchmake -n resume
	says "pay/agree"
	says "it waited for an approval in run"
	want 0 orchmake -s resume
	is "$(cat sent.txt)" sent
	is "$(state pay/agree)" succeeded
	is "$(last_answer)" "1 $(id -un) looks right 1"
	want 0 orchmake why pay/agree
	says "it was approved by $(id -un): looks right"
	want 0 orchmake fsck
	sed -i 's/echo sent/exit 3; echo sent/' Jobfile
	want 1 orchmake -s retry last pay/send
	sed -i 's/exit 3; //' Jobfile
	rm sent.txt
	want 0 orchmake -s resume
	is "$(cat sent.txt)" sent
	is "$(state pay/agree)" cached
}

@test "reject: after the run had ended, resume fails by it, and the one after it asks again" {
	answered reject
	want 1 orchmake -s resume
	is "$(state pay/agree)" failed
	is "$(last_answer)" "0 $(id -un) looks right 1"
	[ ! -e sent.txt ]
	want 4 orchmake resume
	complains "asks   pay/agree  Pay 3 bills?"
	want 0 orchmake approve last/pay/agree
	want 0 orchmake -s resume
	is "$(cat sent.txt)" sent
}

@test "approve: an answer is one to what was asked: another question is asked anew" {
	answered approve
	sed -i 's/^params: .*/params: {n: 4}/' Jobfile
	want 4 orchmake resume
	complains "asks   pay/agree  Pay 4 bills?"
	[ ! -e sent.txt ]
	want 0 orchmake approve last/pay/agree "four as well"
	want 0 orchmake -s resume
	is "$(cat sent.txt)" sent
	is "$(sql "select group_concat(note, ', ') from (select note from approvals order by step)")" "looks right, four as well, four as well"
}

@test "approve without a name: what waits, of whichever run, until somebody has gone on with it" {
	gate
	want 4 orchmake pay
	want 4 orchmake pay n=7
	want 4 orchmake strict
	first=$(sql "select substr(run, 1, 10) from v_runs where no = 1")
	want 0 orchmake approve
	is "$(grep -c 'waits for an answer' <<<"$out")" 3
	says "  pay n=7, begun "
	says "run $first  pay, begun "
	says "  orchmake approve $first/pay/agree [NOTE]"
	says "  the run has ended to wait for this: \`orchmake resume $first\` finishes it"
	want 0 orchmake approve "$first/pay/agree"
	says "\`orchmake resume $first\` finishes it"
	want 0 orchmake approve
	says "pay/agree was approved by $(id -un)"
	want 0 orchmake -s resume "$first"
	want 0 orchmake reject
	is "$(grep -c '^run ' <<<"$out")" 2
	no says "$first"
}

@test "show and why of a run that waits: the question, who can answer it, and what to type" {
	gate
	want 4 orchmake pay
	is "$(state pay/agree)" waiting
	id=$(sql "select substr(run, 1, 10) from v_runs")
	told="pay/agree waits for an answer: Pay 3 bills?
    3 of them
  orchmake approve $id/pay/agree [NOTE]
  orchmake reject $id/pay/agree [NOTE]
  can be answered by $(id -un) (you), who owns the ledger
  the run has ended to wait for this: \`orchmake resume $id\` finishes it"
	want 0 orchmake show
	says "pay/agree  waiting"
	says "it waits for an approval: Pay 3 bills? 3 of them"
	says "

$told"
	want 0 orchmake why pay/agree
	is "$out" "$told"
	want 0 orchmake why pay/send
	is "$out" "pay/send is pending: its needs have not ended
$told"
	want 0 orchmake why pay/plan
	case $out in *"waits for an answer"*) false ;; esac
	chmod g+w .orchmake/ledger.db
	want 0 orchmake why pay/agree
	says "  can be answered by whoever may write $PWD/.orchmake/ledger.db"
	chmod g-w .orchmake/ledger.db
	want 4 orchmake -s resume
	for verb in "show $id" "why pay/agree $id"; do
		want 0 orchmake $verb
		case $out in *resume*) false ;; esac
	done
	says "pay/agree is waiting"
	want 0 orchmake approve last/pay/agree "looks right"
	want 0 orchmake why pay/agree
	is "$out" "pay/agree was approved by $(id -un): looks right
  the run has ended to wait for this: \`orchmake resume $(sql "select substr(run, 1, 10) from v_runs order by no desc limit 1")\` finishes it"
	want 0 orchmake fsck
}

@test "show while the rest goes on says it too, and that nothing has to be resumed" {
	jobfile <<'Y'
jobfile: 1
jobs:
  all:
    steps:
      agree: {approve: "Go on?"}
      works: {run: "until [ -e enough ]; do sleep 0.02; done"}
Y
	orchmake all >out.txt 2>&1 </dev/null 3>&- &
	pid=$!
	until_true grep -q "asks   all/agree" out.txt
	want 0 orchmake show
	says "all/agree waits for an answer: Go on?"
	case $out in *resume*) false ;; esac
	want 0 orchmake reject last/all/agree
	touch enough
	got=0
	wait $pid || got=$?
	is $got 1
	want 0 orchmake show
	case $out in *"waits for an answer"*) false ;; esac
}

# What the typist is told on standard input; shown is the terminal.
typing() { timeout 100 "$top_srcdir/tests/cli/typist" "$@" >shown 2>&1 || { local code=$?; cat shown; return $code; }; }

@test "on a terminal the question is asked at once, and the run goes on with the answer" {
	gate
	typing orchmake pay <<-'T'
	expect asks   pay/agree  Pay 3 bills\?
	expect approve pay/agree\? y or n; Enter: later:
	send maybe\r
	expect approve pay/agree\? y or n
	send yes\r
	expect succeeded: pay
	end
	T
	[ -e sent.txt ]
	is "$(sql "select approved || ' ' || by from approvals")" "1 $(id -un)"
	is "$(state pay/agree)" succeeded
	rm sent.txt
	code=0
	typing orchmake pay <<-'T' || code=$?
	expect approve pay/agree\?
	send n\r
	end
	T
	is "$code" 1
	[ ! -e sent.txt ]
	is "$(sql "select why from v_steps where step = 'pay/agree' and state = 'failed'")" "it was rejected by $(id -un)"
}

@test "on a terminal Enter leaves the question for later, Ctrl-C cancels, and -y is not asked" {
	gate
	code=0
	typing orchmake pay <<-'T' || code=$?
	expect approve pay/agree\?
	send \r
	expect waiting: pay
	end
	T
	is "$code" 4
	want 0 orchmake approve last/pay/agree
	code=0
	typing orchmake strict <<-'T' || code=$?
	expect approve strict\?
	send \x03
	end
	T
	is "$code" 130
	is "$(state strict)" canceled
	typing orchmake -y pay <<-'T'
	expect succeeded: pay
	end
	T
}

@test "a question on a terminal may be answered from another one" {
	gate
	mkfifo told
	typing orchmake strict <told &
	pid=$!
	exec 7>told
	echo 'expect approve strict\?' >&7
	until_true orchmake approve last/strict
	echo 'expect succeeded: strict' >&7
	echo end >&7
	exec 7>&-
	wait $pid
}
