load lib

prepare() {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  good: {description: goes well, run: echo fine}
	  bad: {description: goes wrong, run: "echo broken >&2; exit 7"}
	  flow:
	    steps:
	      - {id: a, run: echo from a}
	      - {id: b, run: echo from b}
	J
}

@test "history lists runs, newest first, and filters them" {
	want 0 orchmake good
	want 1 orchmake bad
	want 0 orchmake history
	is "$(sed -n 2p <<<"$out" | awk '{print $NF}')" bad
	is "$(sed -n 3p <<<"$out" | awk '{print $NF}')" good
	want 0 orchmake history --failed --format=json
	is "$(jq -r '.[].target' <<<"$out")" bad
	want 0 orchmake history good --limit 1 --format=json
	is "$(jq -r '.[0].state' <<<"$out")" succeeded
	want 0 orchmake history 'g*' --since 1h --format=json
	is "$(jq -r '[.[].target] | join(" ")' <<<"$out")" good
	want 0 orchmake history --since 2100-01-01 --format=json
	is "$out" "[]"
	want 2 orchmake history --since someday
}

@test "show tells of a run, a step and a job" {
	want 1 orchmake bad
	want 0 orchmake show last
	says "failed"
	says "exit 7: broken"
	want 0 orchmake show last/bad
	says "exit     7"
	says "attempt 1"
	want 0 orchmake show good
	says "goes well"
}

@test "list shows jobs, their last state and their description" {
	want 0 orchmake good
	want 0 orchmake list
	grep -q '^good  *succeeded .*goes well' <<<"$out"
	want 0 orchmake list --format=json
	is "$(jq -r '[.[].name] | join(" ")' <<<"$out")" "good bad flow"
	want 0 orchmake list 'g*'
	is "$(grep -c . <<<"$out")" 2
	want 2 orchmake list 'nothing*'
}

@test "list: a job with members takes what it took in most of the runs in which it did all its work and ended well" {
	for i in 1 2 3 4; do want 0 orchmake flow; done
	sqlite3 .orchmake/ledger.db "UPDATE jobs SET duration_ms = 1000 *
		(SELECT count(*) FROM jobs AS j WHERE j.name = 'flow' AND j.id <= jobs.id) WHERE name = 'flow'"
	want 0 orchmake list
	grep -q '^flow  *succeeded  3.00s' <<<"$out"
	sqlite3 .orchmake/ledger.db "UPDATE runs SET resumes = 'x' WHERE no >= 2"
	want 0 orchmake list --format=json
	is "$(jq -c '.[] | select(.name == "flow") | .expected_ms' <<<"$out")" 1000
}

@test "history: the runs of one day, or of a time from here to there" {
	for i in 1 2 3 4; do want 0 orchmake good; done
	sqlite3 .orchmake/ledger.db "UPDATE runs SET start_wall_ms = 1000 * CASE no
		WHEN 1 THEN unixepoch('2026-01-02 23:59:59') WHEN 2 THEN unixepoch('2026-01-03 00:00:00')
		WHEN 3 THEN unixepoch('2026-01-03 23:59:59') ELSE unixepoch('2026-01-04 00:00:00') END"
	days() { jq -r '.[].start[8:19]' <<<"$out" | tr '\n' ' '; }
	want 0 orchmake history --format=json --since 2026-01-03..2026-01-03
	is "$(days)" "03T23:59:59 03T00:00:00 "
	want 0 orchmake history --format=json --since 2026-01-03..2026-01-04
	is "$(days)" "04T00:00:00 03T23:59:59 03T00:00:00 "
	want 0 orchmake history --format=json --since 2026-01-02..2026-01-03T12:00:00Z
	is "$(days)" "03T00:00:00 02T23:59:59 "
	want 0 orchmake history --format=json --since 2026-01-03
	is "$(days)" "04T00:00:00 03T23:59:59 03T00:00:00 "
	want 2 orchmake history --since 2026-01-03..soon
	complains "--since: 'soon' is neither a time such as 7d nor a date"
	want 2 orchmake history --since 2026-01-04..2026-01-03
	complains "--since: '2026-01-04..2026-01-03' ends before it begins"
}

@test "history and show say with which parameters a run was" {
	sed -i 's/^jobs:/params: {day: {type: date, default: 2026-01-01}, note: {type: string, default: x}, rows: {type: list, default: []}}\njobs:/' Jobfile
	want 0 orchmake good --each day=2026-01-03..2026-01-04
	want 0 orchmake good
	want 0 orchmake history
	is "$(sed 1d <<<"$out" | grep -o 'good.*')" "good
good day=2026-01-04
good day=2026-01-03"
	want 0 orchmake show last
	is "$(grep -c '^params' <<<"$out")" 0
	want 0 orchmake good note="a b $(printf 'ä%.0s' {1..40})" rows=1,2
	want 0 orchmake history --limit 1
	is "$(grep -o 'good.*' <<<"$out")" "good note='a b $(printf 'ä%.0s' {1..17})... rows=1,2"
	want 0 orchmake show last
	says "params   note='a b $(printf 'ä%.0s' {1..40})' rows=1,2"
	want 0 orchmake history --format=json --limit 1
	is "$(jq -c '.[0].params.rows' <<<"$out")" '"1,2"'
}

@test "logs shows one step, all steps, or says that there is none" {
	want 0 orchmake flow
	want 0 orchmake logs last/flow/a
	is "$out" "from a"
	want 0 orchmake logs last
	says "==> flow/b, attempt 1 <=="
	want 2 orchmake logs last/flow/zzz
	complains "no step 'flow/zzz'"
}

@test "a run is found by a prefix of its id, last, last-failed and @-1" {
	want 0 orchmake good
	want 1 orchmake bad
	id=$(sql "select run from v_runs order by start_time limit 1")
	want 0 orchmake show "${id:0:20}" --format=json
	is "$(jq -r .target <<<"$out")" good
	want 0 orchmake show last-failed --format=json
	is "$(jq -r .target <<<"$out")" bad
	want 2 orchmake show 01ZZZ
	want 2 orchmake result nonsense
}

@test "graph draws a tree and dot" {
	want 0 orchmake graph flow
	says "├── flow/a"
	want 0 orchmake graph --format=dot flow
	says '"flow/a" -> "flow/b"'
}

@test "validate finds what can be known, and --strict counts warnings" {
	want 0 orchmake validate
	says "3 jobs in 1 file"
	printf 'jobfile: 1\njobs:\n  a:\n    run: echo a #b\n' >warn.yml
	want 0 orchmake validate warn.yml
	want 1 orchmake validate --strict warn.yml
	printf 'jobfile: 1\njobs: {a: {rum: x}}\n' >bad.yml
	want 2 orchmake validate bad.yml
	want 2 orchmake validate --format=json bad.yml
	is "$(jq -r '.[0].line' <<<"$out")" 2
}

@test "-p prints the resolved model, which loads and runs again" {
	want 0 orchmake -p
	printf '%s\n' "$out" >again.json
	want 0 orchmake -f again.json good
	want 0 orchmake -f again.json -p
	is "$out" "$(cat again.json)"
}

@test "the definition of a run is kept and has its own digest" {
	want 0 orchmake good
	is "$(sql "select count(*) from v_plans where length(definition) = 64")" 1
}

@test "output is kept byte for byte" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {bin: {run: "head -c 100000 /dev/urandom | tee copy"}}
	J
	want 0 orchmake
	cmp copy .orchmake/logs/*/*.log
}

@test "names of jobs never become paths" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  up: {matrix: {x: ["../../../../tmp/evil", "a b"]}, run: echo hi}
	J
	want 0 orchmake
	is "$(ls .orchmake/logs/*/ | grep -c '^00000[12]-up_.*')" 2
}

@test "files of ours are private" {
	umask 022
	want 0 orchmake good
	is "$(stat -c %a .orchmake)" 700
	is "$(stat -c %a .orchmake/ledger.db)" 600
	is "$(stat -c %a .orchmake/logs/*/*.log)" 600
}

@test "two runs at once use one ledger" {
	orchmake good >/dev/null 2>&1 </dev/null 3>&- &
	one=$!
	orchmake flow >/dev/null 2>&1 </dev/null 3>&- &
	two=$!
	wait $one
	wait $two
	is "$(sql "select count(*) from v_runs where state='succeeded'")" 2
}

@test "events says later, line by line, what --events said while it happened" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  a: { run: 'exit 3', retry: 1 }
  b: { run: "true", needs: [a] }
  c: { steps: [ {id: x, run: "exit 5", skip_exit: [5]}, {id: y, run: "echo hm"} ] }
J
	run orchmake -k -j2 --events live.jsonl b c
	[ "$status" -eq 1 ]
	orchmake events > later.jsonl
	[ "$(wc -l < live.jsonl)" -gt 10 ]
	diff <(jq -S . live.jsonl) <(jq -S . later.jsonl)
}

@test "what is needed and was not asked for counts and fails by its own name" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  a: { run: 'exit 3' }
  b: { run: "true", needs: [a] }
  c: { run: "true" }
J
	run jq -c '[.total, .succeeded, .failed, .skipped, .failures[0].job_id, .failures[0].error]' <(orchmake -k --format=json b c)
	[ "$output" = '[3,1,1,1,"a","exit 3"]' ]
	run jq -c '[.success, .failures[0].job_id]' <(orchmake --format=json b)
	[ "$output" = '[false,"a"]' ]
}

@test "what a called step is in the ledger depends on the params of its call" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  leaf: { params: { n: { type: int, required: true } }, run: "true" }
  two: { params: { n: { type: int, required: true } }, steps: [ {id: x, run: "true"}, {id: y, foreach: {i: [1, 2]}, run: "true"} ] }
  top:
    params: { to: { type: int, default: 1 } }
    steps:
      - { id: a, job: leaf, params: { n: "${{ params.to }}" } }
      - { id: b, job: two, params: { n: "${{ params.to }}" } }
J
	orchmake to=1 top
	orchmake to=2 top
	orchmake to=2 top
	run sqlite3 .orchmake/ledger.db "SELECT step, count(DISTINCT key), count(*) FROM v_steps GROUP BY step ORDER BY step"
	[ "$output" = "top/a|2|3
top/b/x|2|3
top/b/y[1]|2|3
top/b/y[2]|2|3" ]
	run sqlite3 .orchmake/ledger.db "SELECT params FROM v_jobs WHERE kind = 'job' AND job LIKE 'top/b%' ORDER BY run"
	[ "$output" = '{"n":1}
{"n":2}
{"n":2}' ]
}

@test "a new ledger that cannot be written whole is none, and nothing stays behind" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  a: { run: touch ran }
	J
	(ulimit -f 20; trap '' XFSZ; want 5 orchmake a; complains "cannot make it: File too large")
	[ ! -e ran ]
	[ -z "$(find .orchmake -name 'ledger*')" ]
	want 0 orchmake a
}

@test "with -f, what was is looked for beside the documents" {
	mkdir docs
	cd docs
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  a: { run: echo from docs }
	J
	cd ..
	want 0 orchmake -f docs a
	[ -e docs/.orchmake/ledger.db ]
	want 0 orchmake -f docs history
	says succeeded
	want 0 orchmake -f docs/Jobfile logs last/a
	says "from docs"
	want 2 orchmake history
	complains "there is no ledger here"
}
