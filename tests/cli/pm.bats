load data

# Project work: plan, look, apply.  Exact texts and all shapes of intents are in tests/cases/pm.

prepare() { project; }

# intent ID OP...: a file intent.json with an envelope of these operations
intent() {
	local id=$1
	shift
	printf '%s\n' "$@" | jq -s --arg id "$id" '{intent: {intent_id: $id, source: "cli", issued_at: "2026-01-02T03:04:05Z",
		actor: {actor_type: "human", actor_id: "ben"}, ops: .}}' >intent.json
}

# op NAME PAYLOAD
op() { printf '{"op": "%s", "payload": %s}' "$1" "$2"; }

# How many events there are; a store that was opened and not written to has no table yet.
events() {
	if [ -s var/wal.db ]; then data wal 'SELECT count(*) FROM wal_domain_events'; else echo 0; fi
}

# The error of the only failure, as the result has it.
why_not() { orchmake result last | jq -r '.outcomes[] | select(.status == "failed") | .error'; }

# A project that is there, proj_1.
a_project() {
	intent seed "$(op pm.project.create '{"project_id": "proj_1", "name": "Old", "owner": "ann"}')"
	want 0 orchmake pm.exec --payload @intent.json
}

@test "every vector gives what it says, or the deviation that is listed with its reason" {
	needs_python
	out=$(python3 "$SOURCE/tests/pm_vectors.py" "$SOURCE/tests/cases/pm" "$top_builddir/orchmake-data") || {
		echo "$out"
		return 1
	}
	says '193 vectors: 139 exact, 54 deviates as listed, 0 wrong'
	echo "# $out" >&3
}

@test "a plan writes nothing, and shows what would change and its hash" {
	a_project
	local before
	before=$(sha256sum var/wal.db)
	intent i1 "$(op pm.work_item.create '{"title": "T", "project_id": "proj_1"}')"
	want 0 orchmake pm.plan --payload @intent.json
	says "CREATE work_item wi_"
	says "(title='T', project_id='proj_1')"
	says "plan_hash $(orchmake result last | jq -r .plan_hash)"
	is "$(sha256sum var/wal.db)" "$before"
	want 0 orchmake -s pm.plan --payload @intent.json
	is "$out" ""
}

@test "on a machine without any store a plan makes none" {
	intent i1 "$(op pm.project.create '{"name": "A"}')"
	want 0 orchmake pm.plan --payload @intent.json
	[ ! -e var ]
}

@test "plan, look, apply: the result of the plan is what is applied, once" {
	intent i1 "$(op pm.project.create '{"name": "A"}')" "$(op pm.work_item.create '{"title": "T", "project_id": "@ref:0"}')"
	want 0 orchmake pm.plan --payload @intent.json --result plan.json
	is "$(events)" 0
	want 0 orchmake pm.apply --payload @plan.json
	is "$(events)" 2
	is "$(data wal 'SELECT w.title, p.name, w.state FROM pm_work_items w JOIN pm_projects p USING (project_id)')" "T|A|NEW"
	want 0 orchmake pm.apply --payload @plan.json
	is "$(events)" 2
	is "$(orchmake result last | jq -c '[.responses[].result.status // empty]')" '["duplicate","duplicate"]'
}

@test "a plan that is not the one looked at is refused" {
	intent i1 "$(op pm.project.create '{"name": "A"}')"
	want 0 orchmake pm.plan --payload @intent.json --result plan.json
	jq '.items[0].ops[0].params.payload.name = "B"' plan.json >changed.json
	want 1 orchmake pm.apply --payload @changed.json
	complains "PlanBuildError: the plan's hash is "
	complains "not $(jq -r .plan_hash plan.json) as expected: it is not the plan that was looked at, and nothing was written"
	is "$(events)" 0
	jq '{plans: .items, expected_hash: .plan_hash}' plan.json >payload.json
	want 0 orchmake pm.apply --payload @payload.json
	is "$(events)" 1
	jq '{plans: .items}' changed.json >payload.json # the seeds' pm.apply asks for no hash; the log knows the key
	want 1 orchmake pm.apply --payload @payload.json
	complains "is in wal.wal_domain_events already, with another event"
	is "$(orchmake result last | jq .success)" false
}

@test "nothing to apply is said with the way out" {
	want 1 orchmake pm.apply --payload '{}'
	complains "there is no plan to apply: give {plans: [...]}, or the result of pm.plan (--payload @plan.json)"
	want 1 orchmake pm.plan --payload '{}'
	complains "CompileError: there is no intent: give {intent: {intent_id, ops, source, actor, issued_at}}, or {ops, source, actor}"
}

@test "exec writes, and the same intent again is the same events" {
	intent i1 "$(op pm.project.create '{"name": "A"}')" "$(op pm.project.update '{"project_id": "@ref:0", "name": "B"}')" \
		"$(op pm.project.update '{"project_id": "@ref:0", "name": "C"}')"
	want 0 orchmake pm.exec --payload @intent.json
	is "$(events)" 3
	is "$(data wal 'SELECT name FROM pm_projects')" C
	want 0 orchmake pm.exec --payload @intent.json
	is "$(events)" 3
	is "$(orchmake result last | jq .rows_written)" 0
	jq '.intent.ops[0].payload.name = "Z"' intent.json >other.json
	want 1 orchmake pm.exec --payload @other.json
	complains "is in wal.wal_domain_events already, with another event"
	is "$(events)" 3
}

@test "a caller's own id twice: the same intent is fine, another one is not" {
	a_project
	want 0 orchmake pm.exec --payload @intent.json
	is "$(events)" 1
	intent i2 "$(op pm.project.create '{"project_id": "proj_1", "name": "New"}')"
	want 1 orchmake pm.exec --payload @intent.json
	is "$(why_not)" "PlanBuildError: project 'proj_1' exists already (assertion failed)"
	is "$(events)" 1
}

@test "operations without an envelope are planned and applied as well" {
	cat >ops.json <<-'J'
	{"source": "cli", "actor": {"actor_type": "ai", "actor_id": "x"}, "ops": [
	  {"op": "pm.opsstream.create", "payload": {"opsstream_id": "ops_1", "name": "Care"}},
	  {"op": "pm.project.create", "payload": {"project_id": "proj_1", "name": "P", "opsstream_id": "@ref:0"}},
	  {"op": "pm.work_item.create", "payload": {"title": "T", "project_id": "@ref:1"}}]}
	J
	want 0 orchmake pm.plan --payload @ops.json --result plan.json
	is "$(jq -r '.items[0].plan_hash == .plan_hash, .items[0].intent.source' plan.json)" "$(printf 'true\ncli')"
	local hash
	hash=$(jq -r .plan_hash plan.json)
	want 0 orchmake pm.plan --payload @ops.json --result again.json
	is "$(jq -r .plan_hash again.json)" "$hash"
	[ "$(jq -r .items[0].intent.intent_id again.json)" != "$(jq -r .items[0].intent.intent_id plan.json)" ]
	jq '{intent: {intent_id: "i1", issued_at: "2026-05-05T00:00:00Z", source, actor, ops}}' ops.json >intent.json
	want 0 orchmake pm.plan --payload @intent.json --result envelope.json
	is "$(jq -r .plan_hash envelope.json)" "$hash"
	want 0 orchmake pm.apply --payload @plan.json
	is "$(data wal 'SELECT opsstream_id FROM pm_work_items')" ops_1
}

@test "a tree of ten operations is one plan, and all of it or nothing" {
	jq '.input | {ops, source, actor}' "$SOURCE/tests/cases/pm/raw-ops/ops-hierarchy-10.json" >ops.json
	want 0 orchmake pm.exec --payload @ops.json
	is "$(events)" 10
	is "$(data wal 'SELECT (SELECT count(*) FROM pm_opsstreams) || (SELECT count(*) FROM pm_projects) ||
		(SELECT count(*) FROM pm_deliverables) || (SELECT count(*) FROM pm_work_items) ||
		(SELECT count(*) FROM pm_artifacts) || (SELECT count(*) FROM pm_links)')" 112311
	is "$(data wal "SELECT state FROM pm_work_items WHERE title = 'Review'")" DONE
	jq '.ops += [{op: "pm.project.close", payload: {project_id: "proj_nobody"}}]' ops.json >bad.json
	want 1 orchmake pm.exec --payload @bad.json
	is "$(why_not)" "PlanBuildError: Referenced project 'proj_nobody' does not exist (assertion failed)"
	is "$(events)" 10
}

@test "what nobody has made cannot be referred to" {
	intent i1 "$(op pm.work_item.create '{"title": "T", "project_id": "proj_01XYZ"}')"
	want 0 orchmake pm.plan --payload @intent.json
	want 1 orchmake pm.exec --payload @intent.json
	is "$(why_not)" "PlanBuildError: Referenced project 'proj_01XYZ' does not exist (assertion failed)"
	is "$(events)" 0
}

@test "the texts of the seed, and all errors at once with operation and field" {
	intent i1 "$(op pm.task.create '{"title": "T"}')"
	want 1 orchmake pm.plan --payload @intent.json
	is "$(why_not)" "CompileError: Invalid operation 'pm.task.create' in intent - did you mean 'pm.work_item.create'?"
	intent i1 "$(op pm.work_item.create '{"title": "T", "priority": "EXTREME"}')"
	want 1 orchmake pm.plan --payload @intent.json
	is "$(why_not)" "ValidationError: Field 'priority' in pm.work_item.create: expected enum value, got 'EXTREME'"
	complains "hint: priority is one of LOW MEDIUM HIGH CRITICAL"
	intent i1 "$(op pm.project.create '{"name": "A"}')" "$(op pm.work_item.create '{"title": "@ref:5"}')" \
		"$(op pm.project.create '{"name": "A"}')"
	want 1 orchmake pm.plan --payload @intent.json
	is "$(why_not)" "CompileError: Invalid @ref:5 in op 1 - only 3 ops available"

	intent i1 "$(op pm.work_item.create '{"titel": "T", "labels": ["a", 5]}')" "$(op pm.opsstream.create '{"name": "O", "meta": {"deep": ["@ref:1", "@ref:x"]}}')" \
		"$(op pm.todo.done '{}')"
	want 1 orchmake pm.plan --payload @intent.json
	is "$(why_not)" "CompileError: 6 errors: Field 'titel' in pm.work_item.create: no such field - did you mean 'title'? (op 0); Field 'labels[1]' in pm.work_item.create: expected text, got 5 (op 0); Field 'title' in pm.work_item.create: required, but missing (op 0); Forward reference @ref:1 not allowed in op 1; Invalid @ref:x in op 1 - expected @ref:N with the index of an earlier op; Invalid operation 'pm.todo.done' in intent - did you mean 'pm.work_item.complete'? (op 2)"
	jq '.intent + {}' intent.json | jq '{intent: .}' | orchmake-data compile_intent >answer.json 2>/dev/null || true
	is "$(jq -c '[.error.errors[] | [.class, .op, .field]]' answer.json)" '[["ValidationError",0,"titel"],["ValidationError",0,"labels[1]"],["ValidationError",0,"title"],["CompileError",1,"meta"],["CompileError",1,"meta"],["CompileError",2,null]]'
}

@test "what people call things, and slips of the hand, are understood" {
	local said meant
	while read -r said meant; do
		intent i1 "$(op "$said" '{}')"
		orchmake-data workman <<<"$(jq '. + {op: "pm.compile_intent"}' intent.json)" >answer.json 2>/dev/null || true
		is "$said: $(jq -r '.error.message' answer.json)" \
			"$said: CompileError: Invalid operation '$said' in intent - did you mean '$meant'?"
	done <<-'E'
	pm.task.create pm.work_item.create
	pm.issue.finish pm.work_item.complete
	pm.stream.close pm.opsstream.close
	pm.doc.create pm.artifact.create
	pm.work_item.delete pm.work_item.cancel
	pm.project.delete pm.project.close
	pm.work_item.creat pm.work_item.create
	pm.workitem.create pm.work_item.create
	pm.artifact.finalise pm.artifact.finalize
	project.create pm.project.create
	pm.link.create link.create
	E
	intent i1 "$(op pm.project.frobnicate '{}')"
	want 1 orchmake pm.plan --payload @intent.json
	is "$(why_not)" "CompileError: Unknown operation: pm.project.frobnicate - it can be pm.project.create, pm.project.update, pm.project.close"
}

@test "a diff shows what was before, from the log" {
	a_project
	intent i2 "$(op pm.project.update '{"project_id": "proj_1", "name": "New", "owner": "ann", "description": "d"}')" \
		"$(op pm.project.close '{"project_id": "proj_1", "reason": "done"}')"
	want 0 orchmake pm.plan --payload @intent.json
	says "UPDATE project proj_1 (name='Old' -> 'New', owner='ann' as before, description='d')"
	says "CLOSE project proj_1 (status='ACTIVE' -> 'COMPLETED', reason='done')"
}

@test "values in a diff are written as the vectors have them" {
	intent i1 "$(op pm.opsstream.create '{"name": "it'"'"'s", "owner": "say \"hi\"", "description": "both '"'"' and \" \\ \n\t\u0001\u007f\u00a0\u00e9\u200b", "meta": {"n": null, "t": true, "f": 1.5, "l": ["a", 1]}}')" \
		"$(op pm.work_item.update '{"work_item_id": "w", "title": "1", "description": "2", "due_at": "3", "time_spent": 4, "kind": "TASK", "state": "NEW", "priority": "LOW"}')"
	orchmake-data workman <<<"$(jq '. + {op: "pm.compile_intent"}' intent.json)" >answer.json
	is "$(jq -r '.diff[0] | sub("ops_[^ ]*"; "ID")' answer.json)" \
		"CREATE opsstream ID (name=\"it's\", owner='say \"hi\"', description='both \\' and \" \\\\ \\n\\t\\x01\\x7f\\xa0é\\u200b', meta={'n': None, 't': True, 'f': 1.5, 'l': ['a', 1]})"
	is "$(jq -r '.diff[1]' answer.json)" "UPDATE work_item w (title='1', description='2', due_at='3', time_spent=4, kind='TASK', state='NEW')"
}

@test "what the log says is inherited, and may not be contradicted" {
	intent seed "$(op pm.opsstream.create '{"opsstream_id": "ops_1", "name": "O"}')" \
		"$(op pm.project.create '{"project_id": "proj_1", "name": "P", "opsstream_id": "ops_1"}')" \
		"$(op pm.project.create '{"project_id": "proj_2", "name": "Q"}')" \
		"$(op pm.deliverable.create '{"deliverable_id": "del_1", "name": "D", "project_id": "proj_1"}')" \
		"$(op pm.deliverable.create '{"deliverable_id": "del_0", "name": "E"}')" \
		"$(op pm.work_item.create '{"work_item_id": "wi_1", "title": "T", "deliverable_id": "del_1"}')"
	want 0 orchmake pm.exec --payload @intent.json
	is "$(data wal 'SELECT project_id, opsstream_id FROM pm_work_items')" "proj_1|ops_1"

	intent i2 "$(op pm.work_item.create '{"work_item_id": "wi_2", "title": "U", "deliverable_id": "del_1", "project_id": "proj_2"}')"
	want 0 orchmake pm.exec --payload @intent.json
	is "$(data wal "SELECT project_id, opsstream_id FROM pm_work_items WHERE title = 'U'")" "proj_1|ops_1"

	# A project that gets another stream takes its items along, where they are looked up by what holds them.
	intent move "$(op pm.opsstream.create '{"opsstream_id": "ops_2", "name": "N"}')" \
		"$(op pm.project.update '{"project_id": "proj_1", "opsstream_id": "ops_2"}')"
	want 0 orchmake pm.exec --payload @intent.json
	is "$(data wal 'SELECT DISTINCT deliverable_id, project_id, opsstream_id FROM pm_places')" "del_1|proj_1|ops_2"

	intent i3 "$(op pm.work_item.move '{"work_item_id": "wi_1", "project_id": "proj_2"}')"
	want 1 orchmake pm.exec --payload @intent.json
	is "$(why_not)" "CompileError: Cannot reassign project: work_item wi_1 is anchored to deliverable del_1. Change deliverable instead, or detach first."

	# Detached, it may; and what it had of the other project goes.
	intent i4 "$(op pm.work_item.move '{"work_item_id": "wi_1", "deliverable_id": null, "project_id": "proj_2"}')"
	want 0 orchmake pm.exec --payload @intent.json
	is "$(data wal "SELECT deliverable_id IS NULL, project_id, opsstream_id IS NULL FROM pm_work_items WHERE title = 'T'")" "1|proj_2|1"
	want 0 orchmake pm.exec --payload @intent.json
	intent i5 "$(op pm.work_item.move '{"work_item_id": "wi_1", "opsstream_id": "ops_1"}')"
	want 1 orchmake pm.exec --payload @intent.json
	is "$(why_not)" "CompileError: Cannot reassign opsstream: work_item wi_1 is anchored to project proj_2. Change project instead, or detach first."
	intent i6 "$(op pm.work_item.move '{"work_item_id": "wi_1", "deliverable_id": "del_0"}')"
	want 0 orchmake pm.exec --payload @intent.json
	is "$(data wal "SELECT deliverable_id, project_id IS NULL FROM pm_work_items WHERE title = 'T'")" "del_0|1"
}

@test "nobody changes the log, with sqlite3 neither" {
	a_project
	local statement
	for statement in "UPDATE wal_domain_events SET payload = '{}'" "DELETE FROM wal_domain_events" \
		"INSERT OR REPLACE INTO wal_domain_events SELECT * FROM wal_domain_events"; do
		want 19 sqlite3 -bail var/wal.db "$statement"
		complains "wal_domain_events is append-only"
	done
	is "$(data wal 'SELECT name FROM pm_projects')" Old
}

@test "a single operation is an event for plan.build" {
	cat >pm-one.yml <<-'J'
	jobfile: 1
	stores: {wal: wal.db}
	jobs:
	  one:
	    steps:
	      - {id: event, call: workman, with: {op: pm.project.create, payload: {name: A}, ctx: {correlation_id: c1, producer: t}}}
	      - {id: plan, call: plan.build, with: {items: "${{ steps.event.items }}", field_defaults: {occurred_at: 2026-01-01T00:00:00Z}}}
	      - {id: submit, call: storacle.submit, with: {plan: "${{ steps.plan.plan }}"}}
	J
	want 0 orchmake -f pm-one.yml one
	is "$(sqlite3 wal.db 'SELECT name, status FROM pm_projects')" "A|ACTIVE"
}

@test "without any store the log is var/wal.db beside the Jobfile; with several it has to be said which" {
	mkdir alone
	cat >alone/Jobfile <<-'J'
	jobfile: 1
	jobs:
	  exec:
	    steps:
	      - {id: plan.compile, call: compile_intent, with: {intent: "${{ payload.intent }}"}}
	      - {id: plans.submit, call: storacle.submit, with: {plan: "${{ steps['plan.compile'].items }}"}}
	J
	intent i1 "$(op pm.project.create '{"project_id": "p", "name": "A"}')"
	want 0 orchmake -f alone/Jobfile exec --payload @intent.json
	intent i2 "$(op pm.project.update '{"project_id": "p", "name": "B"}')"
	want 0 orchmake -f alone/Jobfile exec --payload @intent.json
	is "$(sqlite3 alone/var/wal.db 'SELECT name FROM pm_projects')" B
	echo 'stores: {a: a.db, b: b.db}' >>alone/Jobfile
	want 1 orchmake -f alone/Jobfile exec --payload @intent.json
	complains "no store is called 'wal', and there are several: name one with 'dataset'"
}

@test "a Jobfile may have a workman of its own" {
	jobfile <<-'J'
	jobfile: 1
	callables: {workman: {argv: [sh, -c, 'echo "{\"items\": [7]}"']}}
	jobs:
	  one: {steps: [{id: a, call: workman}, {id: b, run: echo "$N", env: {N: "${{ steps.a.items[0] }}"}}]}
	J
	want 0 orchmake -f Jobfile one
	want 0 orchmake -f Jobfile logs last/one/b
	is "$out" 7
}

@test "the variables of tests mean nothing without --reproducible" {
	intent i1 "$(op pm.project.create '{"name": "A"}')"
	jq '. + {op: "pm.compile_intent"}' intent.json >in.json
	ORCHMAKE_TEST_SEQ=0 orchmake-data workman <in.json >a.json
	orchmake-data workman <in.json >b.json
	diff a.json b.json
	ORCHMAKE_TEST_SEQ=0 orchmake-data --reproducible workman <in.json >c.json
	is "$(jq -r '.items[0].plan_id' c.json)" ulid:01J00000000000000000000002
	is "$(jq -r .plan_hash c.json)" "$(jq -r .plan_hash a.json)"
}

@test "README's plan and apply do what README shows" {
	awk '/^```json$/ { on = 1; next } /^```$/ { on = 0 } on' "$SOURCE/README.md" >intent.json
	sed -n '/^    \$ orchmake pm.plan/,/^    \$ orchmake pm.apply/s/^    \([^$]\)/\1/p' "$SOURCE/README.md" >shown
	want 0 orchmake pm.plan --payload @intent.json --result plan.json
	is "$out" "$(cat shown)"
	want 0 orchmake pm.apply --payload @plan.json
	is "$(data wal 'SELECT title, priority, state FROM pm_work_items')" "Draft|HIGH|NEW"
}

@test "what is wrong with an intent itself is said" {
	local given said
	while IFS='|' read -r given said; do
		orchmake-data workman <<<"$given" >answer.json 2>err && return 1
		is "$given: $(jq -r .error.message answer.json)" "$given: $said"
		is "$(cat err)" "error: $said"
	done <<-'E'
	{"op": "pm.compile_intent", "intent": 5}|CompileError: intent must be a map: {intent_id, ops, source, actor, issued_at}
	{"op": "pm.compile_intent", "intent": {"intent_id": "", "source": 1, "issued_at": "x", "actor": {"actor_type": "human", "actor_id": "u"}, "ops": [], "opps": 1}}|CompileError: 4 errors: PMIntent.intent_id must be a non-empty text; PMIntent.source must be a non-empty text; PMIntent has an unknown field: opps; PMIntent.ops must be a non-empty list
	{"op": "pm.compile_intent", "intent": {}}|CompileError: 5 errors: PMIntent missing required field: intent_id; PMIntent missing required field: ops; PMIntent missing required field: source; PMIntent missing required field: actor; PMIntent missing required field: issued_at
	{"op": "pm.compile_intent", "ops": [], "source": ""}|CompileError: 3 errors: source must be a non-empty string; actor must be a dict; ops must be a non-empty list
	{"op": "pm.compile_intent", "intent": {}, "ops": [1]}|CompileError: Pass either intent or ops, not both
	{"op": "pm.compile_intent", "intent": {}, "ctx": 4}|CompileError: 6 errors: ctx must be a map; PMIntent missing required field: intent_id; PMIntent missing required field: ops; PMIntent missing required field: source; PMIntent missing required field: actor; PMIntent missing required field: issued_at
	{"op": "pm.compile_intent", "source": "s", "actor": {"actor_type": "ai", "actor_id": "x"}, "ops": [5, {"op": 5}, {"op": "pm.project.create", "payload": {"name": "A"}, "pay": 1}, {"op": "pm.project.create", "payload": []}]}|CompileError: 4 errors: ops[0] has to be a map with op and payload; ops[1] op has to be text; ops[2] has an unknown field 'pay': it takes op and payload; ops[3] payload has to be a map
	{"op": "pm.compile_intent", "source": "s", "actor": {"actor_type": "ai", "actor_id": "x"}, "op_name": 5, "payload": {}}|CompileError: op_name must be a non-empty string
	{"op": "pm.compile_intent", "source": "s", "actor": {"actor_type": "ai", "actor_id": "x"}, "op_name": "pm.project.create"}|CompileError: payload must be a dict
	{"op": "pm.project.update", "payload": {"name": null}}|ValidationError: Field 'project_id' in pm.project.update: required, but missing
	{"op": "pm.project.create", "payload": {"name": null}}|ValidationError: Field 'name' in pm.project.create: expected text, got None
	{"payload": {}}|CompileError: parameter 'op' has to be pm.compile_intent or an operation such as pm.project.create
	E
	orchmake-data workman <<<'{"op": "pm.compile_intent", "intents": 1}' 2>err && return 1
	is "$(cat err)" "error: unknown parameter 'intents'"
	jq -n '{op: "pm.compile_intent", source: "s", actor: {actor_type: "ai", actor_id: "x"}, ops: [range(101) | {op: "pm.project.create", payload: {name: "A"}}]}' >many.json
	orchmake-data workman <many.json >answer.json 2>err && return 1
	is "$(cat err)" "error: CompileError: ops has 101 operations, and at most 100 are allowed"
	jq '.ops |= .[1:]' many.json | orchmake-data workman | jq '.items[0].plan.ops | length' >n
	is "$(cat n)" 100
}

@test "a log that cannot be read is said, and is no empty log" {
	mkdir var
	echo 'this is no database, and long enough to be seen as none' >var/wal.db
	intent i1 "$(op pm.project.update '{"project_id": "p", "name": "A"}')"
	want 1 orchmake pm.plan --payload @intent.json
	complains "StoracleError: Failed to read the WAL: "
	complains "file is not a database"
	rm var/wal.db
	sqlite3 var/wal.db 'CREATE TABLE wal_domain_events (a)'
	want 1 orchmake pm.plan --payload @intent.json
	complains "StoracleError: Failed to read the WAL: table wal.wal_domain_events is not one that orchmake made"
}
