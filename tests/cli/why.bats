load lib

# why: of a run, of what was behind, and of what would be now.

@test "a condition is told with what its names were, and of the environment only what was set" {
	jobfile <<-'J'
	jobfile: 1
	params: {mode: test, n: {type: int, default: 3}}
	jobs:
	  all: {needs: [send, clean], noop: true}
	  send: {when: "params.mode == 'real' && params.n > 2 && params.mode != 'x'", run: "true"}
	  clean: {skip_if: "env.TOKEN? != null && env.NOPE? == null", run: "true"}
	  must: {require: "params.n > 4", run: "true"}
	J
	TOKEN=hush want 0 orchmake all
	want 0 orchmake why send
	says "because its condition is false: \`params.mode == 'real' && params.n > 2 && params.mode != 'x'\`, where params.mode is 'test', params.n is 3"
	says "  it runs where that is true"
	want 0 orchmake why clean
	says "where env.TOKEN is set, env.NOPE is not set"
	says "  it runs where that is false"
	want 1 grep -r hush .orchmake
	want 1 orchmake must
	complains "it requires \`params.n > 4\`, where params.n is 3"
	want 0 orchmake why must
	says "params.n is 3"
}

@test "what was blocked is followed to what failed, each once" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  send: {needs: [load], run: "true"}
	  load: {steps: [{id: read, run: "echo no route; exit 7"}, {id: write, run: "true"}]}
	J
	want 1 orchmake -k
	want 0 orchmake why send
	is "$(sed -n 1p <<<"$out")" "send is blocked: a need did not hold"
	says "load is failed"
	says "load/read is failed: it ended badly, and no attempt is left"
	says "because exit 7: no route"
	says "its on_failure is abort"
	command=$(sed -n 's/^  what it printed: //p' <<<"$out")
	is "$(wc -l <<<"$command")" 1
	want 0 $command
	is "$out" "no route"
	want 1 orchmake
	want 0 orchmake why load/write last
	says "with -k, or with on_failure: skip_dependents at what failed, it would have run"
	want 0 orchmake why last
	is "$(grep -c '^load/read is failed' <<<"$out")" 1
}

@test "of what runs each time it is said that nothing tells when it need not" {
	jobfile <<<$'jobfile: 1\njobs: {a: {run: "true"}}'
	want 0 orchmake
	want 0 orchmake why a
	says "with no inputs, outputs or fresh"
}

@test "each attempt that failed is told" {
	jobfile <<<$'jobfile: 1\njobs: {a: {run: exit 3, retry: 1}}'
	want 1 orchmake
	want 0 orchmake why a
	says "attempt 1: failed: exit 3"
	says "attempt 2: failed: exit 3"
}

@test "now: why it would run, also what nothing by default needs, and a step" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  all: {needs: [load], noop: true}
	  load: {steps: [{id: read, run: "true"}]}
	  other: {when: "1 == 2", run: "true"}
	J
	want 0 orchmake why load now
	says "load would run now: needed by all"
	want 0 orchmake why load/read now
	says "load/read would run now: part of load"
	want 0 orchmake why other now
	says "other would run now: asked for"
	[ ! -e .orchmake ]
	want 2 orchmake why laod now
	complains "did you mean 'load'?"
	is "$out" ""
}

@test "why says what is missing" {
	jobfile <<<$'jobfile: 1\njobs: {a: {noop: true}}'
	want 2 orchmake why
	complains "nothing has been run in this folder yet"
	want 2 orchmake why a
	complains "nothing has been run in this folder yet"
}

@test "of a whole run each step that failed is told, of a composite what was behind it" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  nightly: {stages: [pull, load, tell], stop_on_failure: true}
	  pull: {run: "true"}
	  load: {steps: [{id: read, run: exit 7}, {id: write, run: "true"}]}
	  tell: {noop: true}
	  fine: {run: "true"}
	J
	want 1 orchmake
	id=$(sql "select substr(run, 1, 10) from v_runs")
	want 0 orchmake why
	is "$(sed 's/begun [^,]*,/begun T,/' <<<"$out")" "run $id of 'nightly', begun T, is failed
load/read is failed: it ended badly, and no attempt is left
  because exit 7
  its on_failure is abort
  what it printed: orchmake logs $id/load/read
2 steps did not run because of that"
	want 0 orchmake why nightly
	is "$(grep ' is ' <<<"$out" | grep -v '^  ')" "nightly is failed: it ended badly, and no attempt is left
load is failed: it ended badly, and no attempt is left
load/read is failed: it ended badly, and no attempt is left"
	want 0 orchmake fine
	want 0 orchmake why
	says "of 'fine'"
	says "is succeeded"
	want 2 orchmake why nightly
	complains "the last run has no step 'nightly'"
	complains "the last run that has it is $id: $id/nightly"
	want 0 orchmake why "$id/nightly"
	want 2 orchmake logs load/read
	complains "the last run that has it is $id: $id/load/read"
}

@test "a loop over nothing is told by -n, the run, show and why" {
	jobfile <<-'J'
	jobfile: 1
	params: {who: {type: list, default: []}}
	jobs:
	  all: {stages: [check, each, cells, late], stop_on_failure: true}
	  check: {foreach: {file: "in/*.csv"}, run: "true"}
	  each: {foreach: {who: "${{ params.who }}"}, run: "true"}
	  cells: {matrix: {a: [1], exclude: [{a: 1}]}, run: "true"}
	  late: {steps: [{id: list, run: 'echo "[]"', provides: {rows: {json: ., type: json}}},
	    {id: row, foreach: {row: "${{ steps.list.rows }}"}, run: "true"}]}
	J
	nothing="there is nothing to do it for:"
	want 0 orchmake -n
	says "1 check  part of all, stage check; skipped, $nothing no file is called in/*.csv"
	says "2 each   part of all, stage each; skipped, $nothing \${{ params.who }} is empty"
	says "3 cells  part of all, stage cells; skipped, $nothing its matrix excludes every combination"
	want 0 orchmake -n check
	says "check  asked for; skipped, $nothing no file is called in/*.csv"
	want 0 orchmake why check now
	says "check would not run now: part of all, stage check; skipped"
	want 0 orchmake
	complains "skipped    check"
	complains "($nothing no file is called in/*.csv)"
	complains "skipped    late/row"
	complains "($nothing \${{ steps.list.rows }} is empty)"
	want 0 orchmake show last
	is "$(grep -c "skipped .*$nothing" <<<"$out")" 4
	want 0 orchmake show last --format=json
	is "$(jq -c '.empty_loops | map([.name, .state]) | sort' <<<"$out")" \
		'[["cells","skipped"],["check","skipped"],["each","skipped"],["late/row","skipped"]]'
	want 0 orchmake why check
	says "because $nothing no file is called in/*.csv"
	says "its matrix or foreach has to have an element"
	want 0 orchmake fsck
}

@test "what a job with steps or stages is skipped for is told of all that is in it" {
	jobfile <<-'J'
	jobfile: 1
	params: {mode: {type: string, default: test}}
	jobs:
	  all: {stages: [c, s]}
	  c: {when: "params.mode == 'real'", stages: [d]}
	  s: {skip_if: "params.mode == 'test'", steps: [{id: a, run: "true"}]}
	  d: {run: "true"}
	J
	want 0 orchmake
	complains "skipped    d  (its condition is false: \`params.mode == 'real'\`"
	complains "skipped    s/a  (its condition is true: \`params.mode == 'test'\`"
	want 0 orchmake why d
	says "because its condition is false: \`params.mode == 'real'\`"
	want 0 orchmake why c
	says "because its condition is false: \`params.mode == 'real'\`"
}

@test "-n: numbers of two digits push no name out of its column" {
	{ echo 'jobfile: 1'; echo 'jobs:'; echo '  all: {needs: [j1, j2, j3, j4, j5, j6, j7, j8, j9, j10], noop: true}'
	  for i in 1 2 3 4 5 6 7 8 9 10; do echo "  j$i: {run: 'true'}"; done; } >Jobfile
	want 0 orchmake -n j1 j2 j3 j4 j5 j6 j7 j8 j9 j10
	says " 9 j9   asked for"
	says "10 j10  asked for"
}

@test "of what runs only if something it reads comes out different, now says no more than that" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  gen: {inputs: [src], outputs: [mid], run: sort src > mid}
	  page: {inputs: [mid], outputs: [end], run: cp mid end}
	J
	printf 'b\na\n' > src
	want 0 orchmake page
	want 0 orchmake why page now
	is "$out" "page would not run now: asked for, nothing it depends on has changed"
	printf 'a\nb\n' > src
	want 0 orchmake why gen now
	[[ "$out" == "gen would run now: "* ]]
	want 0 orchmake why page now
	is "$out" "page may run now: asked for, would run if 'mid' changes"
}

@test "an instance is named by its label also where that is the name of a file" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  one:
	    foreach: {f: ["src/a.c", "app/[id].c"]}
	    argv: [echo, "it is ${{ foreach.f }}"]
	  two:
	    steps:
	      - {id: s, foreach: {f: ["x/y"]}, run: echo s}
	J
	want 0 orchmake -s one two
	for name in 'one[src/a.c]' 'one[app/[id].c]' 'two/s[x/y]'; do
		want 0 orchmake why "$name"
		says "$name is succeeded"
		want 0 orchmake logs "last/$name"
		want 0 orchmake show "last/$name"
		want 0 orchmake -n --only "$name" one two
		says "1 step would run"
	done
	want 0 orchmake 'one[app/[id].c]'
	complains "succeeded: one[app/[id].c]"
	want 2 orchmake why 'one[src/a.c]'
	complains "the last run has no step 'one[src/a.c]', and 'one[src/a.c]' is no run"
	complains "the last run that has it is "
	want 0 orchmake why '@-2/one[src/a.c]'
	want 2 orchmake show last-failed
	no complains "and"
}
