load lib

# What steps ask of operations and callables: answers, failures with a class, keys under which things happen once.

# callable NAME: its program, from standard input
callable() {
	cat >"$1.sh"
	chmod +x "$1.sh"
}

# attempts STEP: how each went, in all runs
attempts() {
	sql "select group_concat(state || ' ' || coalesce(class, '-'), '; ')
		from (select * from v_attempts where step = '$1' order by run, serial)"
}

@test "an answer keeps its fields, and items_ref becomes items" {
	jobfile <<-'END'
		jobfile: 1
		callables: {ask: {argv: [./ask.sh]}}
		jobs:
		  j:
		    steps:
		      - {id: a, call: ask, with: {n: 1}}
		      - {id: b, env: {FIRST: "${{ steps.a.items[0].id }}", DIFF: "${{ steps.a.diff }}", N: "${{ steps.a.stats.n }}"}, run: echo "$FIRST $DIFF $N"}
		      - {id: c, call: log.dump, with: {items_ref: "${{ steps.a.items_ref }}", file: dumped.json}}
	END
	callable ask <<-'END'
		#!/bin/sh
		printf '{"id": "x"}\n{"id": "y"}\n' >big.jsonl
		printf '{"items_ref": "big.jsonl", "diff": "d", "stats": {"n": 7}}'
	END
	want 0 orchmake
	is "$(orchmake logs last/j/b)" "x d 7"
	is "$(jq -c . dumped.json)" '[{"id":"x"},{"id":"y"}]'
}

@test "an answer that is none fails the step, and says what it should have been" {
	jobfile <<-'END'
		jobfile: 1
		callables: {ask: {argv: [./ask.sh]}}
		jobs: {j: {call: ask}}
	END
	callable ask <<<$'#!/bin/sh\necho "{\\"itmes\\": []}"'
	want 1 orchmake
	complains "callable 'ask': its answer has neither items nor items_ref"
}

@test "transient failures are tried again, permanent ones are not, and the ledger says which is which" {
	jobfile <<-'END'
		jobfile: 1
		callables: {ask: {argv: [./ask.sh]}}
		jobs:
		  soon: {call: ask, with: {type: transient}, retry: {max: 2, when: [transient]}}
		  never: {call: ask, with: {type: permanent}, retry: 2}
	END
	callable ask <<-'END'
		#!/bin/sh
		jq -c '{error: {type, message: "no luck", transient: (.type == "transient")}}'
		exit 1
	END
	want 1 orchmake soon
	complains "no luck"
	is "$(attempts soon)" "failed transient; failed transient; failed transient"
	want 1 orchmake never
	is "$(attempts never)" "failed permanent"
}

@test "a call knows its key, and so does the ledger" {
	jobfile <<-'END'
		jobfile: 1
		callables: {ask: {argv: [sh, -c, "echo \"{\\\"items\\\": [\\\"$ORCHMAKE_IDEMPOTENCY_KEY\\\"]}\""]}}
		jobs:
		  j:
		    steps:
		      - {id: a, call: ask, with: {idempotency_key: day 7}, idempotency: {scope: explicit}}
		      - {id: b, call: ask}
		      - {id: c, call: ask, with: {deep: {id: 7}}, idempotency: {scope: semantic, key: deep.id, payload_hash: true}}
		      - {id: e, env: {A: "${{ steps.a.items[0] }}", B: "${{ steps.b.items[0] }}", C: "${{ steps.c.items[0] }}"}, run: "echo \"$A, $B, $C\""}
	END
	want 0 orchmake
	is "$(orchmake logs last/j/e)" "explicit:day 7, $(sql "select run from v_runs"):b, semantic:7:$(printf '{"deep":{"id":7}}' | sha256sum | cut -c1-16)"
	is "$(sql "select group_concat(idempotency_key, ', ') from (select * from v_attempts order by serial)")" "$(orchmake logs last/j/e)"
	jobfile <<<'{jobfile: 1, jobs: {j: {call: log.dump, with: {items: 1}, idempotency: {scope: semantic, key: order.id}}}}'
	want 1 orchmake
	complains "the idempotency key is to be 'order.id', which is not among what the call is given"
}

# A submission that only its key can hold back from writing again.
submitting() {
	cat >Jobfile <<-END
		jobfile: 1
		stores: {s: s.db}
		jobs:
		  table: {call: storacle.submit, with: {plan: {ops: [{method: bq.execute, params: {sql: "CREATE TABLE IF NOT EXISTS s.t (n)"}}]}}}
		  j:
		    idempotency: {scope: explicit}
		    call: storacle.submit
		    with: {idempotency_key: order 7, plan: {ops: [{method: bq.execute, params: {sql: "INSERT INTO s.t VALUES ($1)"}}]}}
	END
}

@test "the same key never writes twice, in whatever run; with other content it is a conflict" {
	submitting 7
	want 0 orchmake table j
	want 0 orchmake --format=json j
	is "$(jq -r '.status, .rows_written' <<<"$out")" "duplicate
0"
	is "$(sqlite3 s.db 'select count(*) from t')" 1
	submitting 8
	want 1 orchmake j
	complains "the idempotency key 'explicit:order 7' was used for another plan already (store 's'"
	is "$(attempts j)" "succeeded -; succeeded -; failed permanent"
	is "$(sqlite3 s.db 'select group_concat(n) from t')" 7
}

@test "a key that nobody asked for leaves nothing in the store" {
	submitting 7
	sed -i '/idempotency:/d; s/idempotency_key: order 7, //' Jobfile
	want 0 orchmake table j
	want 0 orchmake j
	is "$(sqlite3 s.db 'select count(*) from t; select count(*) from sqlite_schema')" "2
1"
}

@test "a driver that is killed at any moment leaves one writing for each key" {
	local i pid
	has_begun() { [ -n "$(sql "select 1 from v_attempts where idempotency_key = 'explicit:order $1'")" ]; }
	submitting 7
	want 0 orchmake table
	for i in 1 2 3 4 5 6 7 8; do
		sed -i "s/order [0-9a-z]*/order $i/" Jobfile
		setsid orchmake -s j >/dev/null 2>&1 &
		pid=$!
		[ $((i % 2)) = 0 ] || until_true has_begun "$i"
		kill -9 -- "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
		want 0 orchmake j
	done
	is "$(sqlite3 s.db 'select count(*) from t')" 8
}

@test "compute.llm asks the declared program, and says by hashes what was asked and answered" {
	jobfile <<-'END'
		jobfile: 1
		callables: {inferometer: {argv: [./model.sh, --loud], env: {MODEL: m1}, timeout: 10s}}
		jobs: {j: {call: compute.llm, with: {prompt: hi, temperature: 0}}}
	END
	callable model <<-'END'
		#!/bin/sh
		jq -c --arg model "$MODEL$1" '{items: [{text: (.prompt + "!"), model: $model}]}'
	END
	want 0 orchmake --format=json
	is "$(jq -c .items <<<"$out")" '[{"text":"hi!","model":"m1--loud"}]'
	is "$(jq -r .prompt_hash <<<"$out")" "sha256:$(printf '"hi"' | sha256sum | cut -c1-64)"
	is "$(jq -r .config_hash <<<"$out")" "sha256:$(printf '{"temperature":0}' | sha256sum | cut -c1-64)"
	is "$(jq -r .output_hash <<<"$out")" "sha256:$(printf '[{"model":"m1--loud","text":"hi!"}]' | sha256sum | cut -c1-64)"
	callable model <<<$'#!/bin/sh\necho "{\\"error\\": {\\"type\\": \\"TransientError\\", \\"message\\": \\"too many asked\\"}}"; exit 1'
	want 1 orchmake
	complains "too many asked"
	is "$(attempts j)" "succeeded -; failed transient"
	callable model <<<$'#!/bin/sh\necho "{}"'
	want 1 orchmake
	complains "the answer of './model.sh' has no list 'items'"
}

@test "auto_since tells a callable since when, as far as the store knows" {
	jobfile <<-'END'
		jobfile: 1
		stores: {raw: raw.db}
		callables: {injest: {argv: [./injest.sh]}}
		jobs:
		  j: {call: injest, with: {config: {k: 1}, auto_since: {source_system: s, connection_name: c, object_type: o}}}
		  wrong: {call: injest, with: {auto_since: {source_systm: s}}}
	END
	callable injest <<<$'#!/bin/sh\njq -c \'{items: [.]}\''
	want 0 orchmake --format=json j
	is "$(jq -c .items <<<"$out")" '[{"config":{"k":1}}]'
	sqlite3 raw.db "create table raw_objects (source_system, connection_name, object_type, last_seen);
		insert into raw_objects values ('s', 'c', 'o', '2025-01-01T00:00:00'), ('s', 'c', 'o', '2024-01-01T00:00:00'), ('s', 'c', 'x', '2026-01-01T00:00:00')"
	want 0 orchmake --format=json j
	is "$(jq -c .items <<<"$out")" '[{"config":{"k":1,"since":"2025-01-01T00:00:00"}}]'
	want 1 orchmake wrong
	complains "unknown parameter 'auto_since.source_systm' (did you mean 'source_system'?)"
}

@test "a job that a step runs fails the step, and gives its result" {
	jobfile <<-'END'
		jobfile: 1
		jobs:
		  child: {params: {n: {type: int, required: true}}, call: log.dump, with: {items: ["${{ params.n }}"]}}
		  bad: {run: exit 3}
		  good_parent: {steps: [{id: a, job: child, params: {n: 2}}, {id: b, env: {N: "${{ steps.a.items_count }}"}, run: echo "$N"}]}
		  bad_parent: {steps: [{id: a, job: bad}, {id: b, run: ":"}]}
	END
	want 0 orchmake good_parent
	is "$(orchmake logs last/good_parent/b)" 1
	want 1 orchmake bad_parent
	is "$(sql "select state from v_steps where step = 'bad_parent/b'")" aborted
}

@test "an answer of several megabytes and a list of many rows pass through" {
	jobfile <<-'END'
		jobfile: 1
		stores: {s: s.db}
		callables: {many: {argv: [./many.sh]}}
		jobs:
		  j:
		    steps:
		      - {id: many, call: many}
		      - {id: plan, call: plan.build, with: {method: bq.upsert, dataset: s, table: t, key_columns: [n], items: "${{ steps.many.items }}"}}
		      - {id: submit, call: storacle.submit, with: {plan: "${{ steps.plan.plan }}"}}
	END
	callable many <<<$'#!/bin/sh\nseq 20000 | jq -nc \'{items: [inputs | {n: ., text: ("x" * 100)}]}\''
	want 0 orchmake
	is "$(sqlite3 s.db 'select count(*), sum(n) from t')" "20000|200010000"
}
