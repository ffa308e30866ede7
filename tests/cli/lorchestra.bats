load lib

# Files of the older YAML format as people have them: what is read, what is refused, and in which words.

prepare() {
	mkdir jobs
	cat >jobs/callables.yml <<-'END'
	jobfile: 1
	callables:
	  echo: {argv: [sh, -c, "printf '{\"items\": [%s]}' \"$(cat)\""]}
	  fail: {argv: [sh, -c, "echo 'error: no such mailbox' >&2; exit 1"]}
	  sleep: {argv: [sleep, "60"]}
	END
}

# job ID: the steps of a v2.0 job on the standard input.
job() {
	{
		printf "job_id: %s\nversion: '2.0'\nsteps:\n" "$1"
		cat
	} >"jobs/$1.yaml"
}

refused() { # PLACE TEXT: the job is refused there, and nothing is run
	want 2 orchmake -f jobs j
	complains "jobs/j.yaml:$1: error: "
	complains "$2"
	[ ! -e .orchmake ]
	[ ! -e jobs/.orchmake ]
}

@test "every vector of tests/cases/lorchestra comes out as it should" {
	command -v python3 >/dev/null || skip "python3 is not installed"
	run timeout 120 python3 "$top_srcdir/tests/lorchestra.py"
	echo "$output" | grep -A8 '^not ok' || true
	echo "$output" | tail -1 | sed 's/^/# /' >&3
	[ "$status" -eq 0 ]
}

@test "a reference to a step that failed, was skipped, comes later, does not exist: four different errors" {
	job j <<-'END'
	- {step_id: a, op: call, params: {callable: fail}, continue_on_error: true}
	- {step_id: b, op: call, params: {callable: echo, v: '@run.a.items'}}
	END
	want 1 orchmake -f jobs j
	complains "step 'a' failed, so it has no result: no such mailbox"
	job j <<-'END'
	- {step_id: a, op: call, params: {callable: echo}, if: '@ctx.on'}
	- {step_id: b, op: call, params: {callable: echo, v: '@run.a.items'}}
	END
	want 1 orchmake -f jobs j --ctx '{"on": false}'
	complains "step 'a' was skipped, so it has no result"
	rm -rf jobs/.orchmake
	job j <<-'END'
	- {step_id: a, op: call, params: {callable: echo, v: '@run.b.items'}}
	- {step_id: b, op: call, params: {callable: echo}}
	END
	refused 4:54 "@run.b.items: step 'b' comes later"
	job j <<-'END'
	- {step_id: load, op: call, params: {callable: echo}}
	- {step_id: b, op: call, params: {callable: echo, v: '@run.laod.items'}}
	END
	refused 5:54 "there is no step 'laod'"
	complains "did you mean 'load'?"
}

@test "a reference is optional with ?, and has a default with ??" {
	job j <<-'END'
	- step_id: a
	  op: call
	  params: {callable: echo, x: '@payload.x?', y: "@payload.y ?? 'none'", z: '@payload.z ?? @ctx.z', d: '@payload.deep.k ?? 3'}
	END
	want 0 orchmake -f jobs run j --payload '{"y": "here"}' --ctx '{"z": [1]}' --format=json
	is "$(jq -c '.items[0]' <<<"$out")" '{"x":null,"y":"here","z":[1],"d":3}'
}

@test "defaults stand below the payload, and a segment may be a reference" {
	cat >jobs/j.yaml <<-'END'
	job_id: j
	version: '2.0'
	defaults: {size: {w: 1}, who: nobody}
	tables: {raw: t1, derived: t2}
	steps:
	- {step_id: a, op: call, params: {callable: echo, w: '@payload.size.w', who: '@payload.who', t: '@self.tables.@payload.set'}}
	END
	want 0 orchmake -f jobs run j --payload '{"who": null, "set": "derived"}' --format=json
	is "$(jq -c '.items[0]' <<<"$out")" '{"w":1,"who":null,"t":"t2"}'
}

@test "a missing payload key is an error before anything runs, also for a step that would be skipped" {
	job j <<-'END'
	- {step_id: a, op: call, params: {callable: echo}}
	- {step_id: b, op: call, params: {callable: echo, deep: {v: '@payload.client.id'}}, if: false}
	END
	want 2 orchmake -f jobs j --payload '{"client": {"name": "Ann"}}'
	complains "jobs/j.yaml:5:61: error: the reference cannot be resolved: payload.client has no 'id'; it has 'name'"
	want 2 orchmake -f jobs -n j
	complains "payload has no 'client'"
	[ ! -e jobs/.orchmake ]
	want 0 orchmake -f jobs j --payload '{"client": {"id": 1}}'
}

@test "unknown keys, params and operations are refused with what was meant" {
	job j <<<"- {step_id: a, op: call, params: {callable: echo}, contiue_on_error: true}"
	refused 4:52 "did you mean 'continue_on_error'?"
	job j <<<"- {step_id: a, op: storacle.query, params: {dataset: raw, table: t, fitlers: {a: 1}}}"
	refused 4:69 "did you mean 'filters'?"
	job j <<<"- {step_id: a, op: plan.build, params: {method: wal.append}}"
	refused 4:20 "needs the param 'items'"
	job j <<<"- {step_id: a, op: storacle.sumbit, params: {plan: {}}}"
	refused 4:20 "did you mean 'storacle.submit'?"
	job j <<<"- {step_id: a, op: call, params: {callable: ehco}}"
	refused 4:45 "did you mean 'echo'?"
	job j <<<"- {step_id: a, op: compute.llm, params: {prompt: hi}}"
	refused 4:20 "'compute.llm' needs a callable that asks the model"
}

@test "the name must be the file's, the version 2.0" {
	printf "job_id: k\nversion: '2.0'\n" >jobs/j.yaml
	refused 1:9 "job_id is 'k' but the file is called 'j'"
	printf "job_id: j\nversion: '3.0'\n" >jobs/j.yaml
	refused 2:10 "'version' must be '2.0', not '3.0'"
	printf "job_id: j\nsteps: []\n" >jobs/j.yaml
	refused 1:1 "the job has no 'version'"
}

@test "what a payload holds is data: no reference, no expression, no second look" {
	job j <<-'END'
	- {step_id: a, op: call, params: {callable: echo, v: '@payload.v', t: 'a ${{ b }}'}}
	- {step_id: b, op: call, params: {callable: echo, v: '@run.a.items[0]'}}
	END
	want 0 orchmake -f jobs run j --payload '{"v": ["@run.a.items", "${{ payload }}", "$(id)"]}' --format=json
	is "$(jq -c '.items[0].v' <<<"$out")" '{"v":["@run.a.items","${{ payload }}","$(id)"],"t":"a ${{ b }}"}'
}

@test "timeout_s is kept" {
	job j <<<"- {step_id: a, op: call, params: {callable: sleep}, timeout_s: 0.1}"
	want 1 orchmake -f jobs j
	complains "timed out"
}

@test "continue_on_error: the next step runs, the job ends well and degraded" {
	job j <<-'END'
	- {step_id: a, op: call, params: {callable: fail}, continue_on_error: yes}
	- {step_id: b, op: call, params: {callable: echo}}
	END
	want 0 orchmake -f jobs run j --format=json
	is "$(jq -c '[.success, .degraded, (.outcomes | map(.status))]' <<<"$out")" '[true,true,["failed","succeeded"]]'
}

@test "job.run runs the job, with its payload, and fails with it" {
	job child <<<"- {step_id: c, op: call, params: {callable: echo, v: '@payload.v'}}"
	job j <<-'END'
	- {step_id: a, op: call, params: {callable: echo, n: 5}}
	- {step_id: r, op: job.run, params: {job_id: child, payload: {v: '@run.a.items[0].n'}}}
	- {step_id: b, op: call, params: {callable: echo, got: '@run.r.items[0].v'}}
	END
	want 0 orchmake -f jobs run j --payload '{"v": "outer"}' --format=json
	is "$(jq -c '.items[0]' <<<"$out")" '{"got":5}'
	job child <<<"- {step_id: c, op: call, params: {callable: fail}}"
	want 1 orchmake -f jobs j
	complains "no such mailbox"
}

@test "the key of a step is given to it and kept in the ledger" {
	cat >jobs/callables.yml <<-'END'
	jobfile: 1
	callables: {show: {argv: [sh, -c, "printf '{\"items\": [], \"key\": \"%s\"}' \"$ORCHMAKE_IDEMPOTENCY_KEY\""]}}
	END
	job j <<-'END'
	- step_id: a
	  op: call
	  params: {callable: show, client: {id: 7}}
	  idempotency: {scope: semantic, semantic_key_ref: '@payload.client.id'}
	END
	want 0 orchmake -f jobs run j --format=json
	is "$(jq -r .key <<<"$out")" semantic:7
	is "$(sqlite3 jobs/.orchmake/ledger.db "select idempotency_key from v_attempts")" semantic:7
}

@test "a config is read from below the root, and is no document of its own" {
	mkdir jobs/cfg
	echo 'sheet: S1' >jobs/cfg/x.yaml
	cat >jobs/j.yaml <<-'END'
	job_id: j
	version: '2.0'
	config: cfg/x.yaml
	steps:
	- {step_id: a, op: call, params: {callable: echo, v: '@self.config.sheet'}}
	END
	want 0 orchmake -f jobs run j --format=json
	is "$(jq -r '.items[0].v' <<<"$out")" S1
	echo 'x: 1' >jobs/cfg/other.yaml
	want 2 orchmake -f jobs j
	complains "jobs/cfg/other.yaml:1:1: error: this is no Jobfile"
	rm -r jobs/cfg jobs/.orchmake
	refused 3:9 "cannot read the config 'jobs/cfg/x.yaml'"
}

@test "a pipeline runs all children of a stage, and stops between stages" {
	job good <<<"- {step_id: s, op: call, params: {callable: echo}}"
	job bad <<<"- {step_id: s, op: call, params: {callable: fail}}"
	cat >jobs/p.yaml <<-'END'
	pipeline_id: p
	stages:
	- {name: one, jobs: [bad, good]}
	- {name: two, jobs: [last]}
	stop_on_failure: true
	END
	printf "job_id: last\nversion: '2.0'\n" >jobs/last.yaml
	want 1 orchmake -f jobs run p --format=json
	is "$(jq -c '[.total, .succeeded, .failed, .skipped, .failures[0].job_id]' <<<"$out")" '[3,1,1,1,"bad"]'
	want 0 orchmake -f jobs -n p
	says "stage two"
	sed -i 's/\[last\]/[lsat]/' jobs/p.yaml
	want 2 orchmake -f jobs p
	complains "jobs/p.yaml:4:22: error: "
	complains "'lsat'"
}

loop() {
	job peek <<<"- {step_id: s, op: call, params: {callable: echo, sid: 1}}"
	job each <<<"- {step_id: s, op: call, params: {callable: echo, sid: '@payload.sid', who: '@payload.who'}}"
	cat >jobs/p.yaml <<-END
	pipeline_id: p
	stages:
	- {name: q, jobs: [peek]}
	- {name: x, loop: {over: '$1', payload: {sid: '@item.sid', who: '@payload.who'}, jobs: [each]}}
	- {name: after, jobs: [last]}
	END
	printf "job_id: last\nversion: '2.0'\n" >jobs/last.yaml
}

@test "a loop runs its jobs for each element, and the ledger has them" {
	loop '@run.peek.items'
	want 0 orchmake -f jobs run p --payload '{"who": "me"}' --format=json
	is "$(jq -c '[.total, .succeeded]' <<<"$out")" '[3,3]'
	want 0 orchmake -f jobs -n p
	says 'for each element of ${{ results.peek.items }}: each'
	cd jobs
	is "$(sql "select step || ' ' || state from v_steps where step like 'each%'")" 'each[0]/s succeeded'
	is "$(sql "select json_extract(result, '\$.items[0].who') from v_steps where step = 'each[0]/s'")" me
	is "$(sql "select count(*) from fragments")" 1
	want 0 orchmake -f . show "$(sql "select run from v_runs order by no desc limit 1")"
	says 'each[0]/s'
}

@test "a loop over nothing succeeds; over what is not there, or is no list, it fails and says why" {
	loop '@ctx.list'
	want 0 orchmake -f jobs run p --ctx '{"list": []}' --format=json
	is "$(jq -c '[.success, .total]' <<<"$out")" '[true,2]'
	want 1 orchmake -f jobs p --ctx '{"list": "abc"}'
	complains 'the loop needs a list, not "abc"'
	loop '@run.peek.rows'
	want 1 orchmake -f jobs run p --format=json
	is "$(jq -c '[.total, .failed, .failures[0].job_id]' <<<"$out")" '[3,1,"p/x"]'
	complains "results.peek has no 'rows'"
	loop '@run.last.items'
	rm -rf jobs/.orchmake
	want 2 orchmake -f jobs p
	complains "job 'last' comes later"
}
