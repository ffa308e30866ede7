load lib

prepare() {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all:
	    stages: [p1, p2, p3]
	    stop_on_failure: true
	  p1:
	    stages:
	      - {name: pull, jobs: ["a?"]}
	      - {name: check, jobs: [c1]}
	  p2: {stages: [{name: only, jobs: [b1, b2]}]}
	  p3: {stages: [z1]}
	  a1: {run: echo a1 >>ran}
	  a2: {run: echo a2 >>ran; test ! -e break-a2}
	  c1: {run: echo c1 >>ran}
	  b1: {run: "echo b1 >>ran; test ! -e break-b1 || { echo no power >&2; exit 1; }"}
	  b2: {run: echo b2 >>ran}
	  z1: {run: echo z1 >>ran}
	J
}

@test "a phase runs all its children even if one fails, and its stages are barriers" {
	touch break-a2
	want 1 orchmake -j4 --format=json p1
	is "$(jq -c '[.success, .total, .succeeded, .failed, .skipped]' <<<"$out")" "[false,3,2,1,0]"
	is "$(tail -1 ran)" c1
	is "$(jq -r '.failures[0].job_id' <<<"$out")" a2
}

@test "the daily run stops at the first failed phase and has seed 004's result" {
	touch break-b1
	want 1 orchmake -j4 --format=json --result=res.json all
	is "$(jq -c '[.job_id, .success, .total, .succeeded, .failed, .skipped]' <<<"$out")" '["all",false,3,1,1,1]'
	is "$(jq -c .phases_completed <<<"$out")" '["p1","p2"]'
	is "$(jq -r .failed_phase <<<"$out")" p2
	is "$(jq -r '.failures[0].error' <<<"$out")" "Phase failed with 1 job errors"
	is "$(jq -r '.phase_results.p2.failures[0] | .job_id + ": " + .error' <<<"$out")" "b1: exit 1: no power"
	is "$(cat res.json)" "$out"
	want 0 orchmake result
	is "$(jq -cS . <<<"$out")" "$(jq -cS . res.json)"
	run grep -c z1 ran
	is "$output" 0
}

@test "a good run has every phase in its result" {
	want 0 orchmake -j4 --format=json all
	is "$(jq -c '[.success, .total, .succeeded, .failed, .failed_phase, (.phase_results | keys)]' <<<"$out")" \
		'[true,3,3,0,null,["p1","p2","p3"]]'
}

@test "every job of the run has a row, also those that never ran" {
	touch break-b1
	want 1 orchmake all
	is "$(sql "select state from v_steps where step='z1'")" aborted
	want 0 orchmake why z1
	says "p2"
}

@test "success can be what the composite says it is" {
	cat >>Jobfile <<-'J'
	  most: {stages: [{name: s, jobs: [a1, a2]}], success: "succeeded >= 1"}
	J
	touch break-a2
	want 0 orchmake most
}

@test "a job of two composites that follow each other runs once, with the first" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  x: { run: 'echo x >> out' }
  y: { run: 'echo y >> out' }
  a: { stages: [ { name: s, jobs: [x] } ] }
  b: { stages: [ { name: s, jobs: [x, y] } ], needs: [a] }
  two: { stages: [ { name: s, jobs: [a] }, { name: t, jobs: [b] } ] }
J
	for target in b two; do
		rm -f out
		run orchmake --format=json "$target"
		[ "$status" -eq 0 ]
		[ "$(cat out)" = "x
y" ]
	done
	run jq -c '[.phase_results.a.total, .phase_results.b.total]' <(orchmake --format=json two)
	[ "$output" = "[1,2]" ]
}

@test "two composites whose stages want the same jobs in opposite order are refused" {
	cat > Jobfile <<'J'
jobfile: 1
jobs:
  x: { run: "true" }
  y: { run: "true" }
  a: { stages: [ { name: s, jobs: [x] }, { name: t, jobs: [y] } ] }
  b: { stages: [ { name: s, jobs: [y] }, { name: t, jobs: [x] } ] }
J
	run orchmake a b
	[ "$status" -eq 2 ]
	[[ "$output" == *"wait for each other"* ]]
}
