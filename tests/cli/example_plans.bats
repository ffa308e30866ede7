load data
load git

# The plans of examples/ that work on repositories, each run by orchmake in a copy; and the shims.  What their steps do
# one by one is in safe_merge.bats, doc_ids.bats and test_gate.bats.

plans="safe-merge doc-id-restore test-gate"

example() { cp -R "$top_srcdir/examples/$1/." .; }

# The state of a step in the last run.
state() { sql "select state from v_steps where step = '$1' and run = (select run from v_runs order by no desc limit 1)"; }

@test "each has a README of one screen, and its plan is right also by --strict" {
	local e
	for e in $plans shims; do
		[ "$(wc -l <"$top_srcdir/examples/$e/README.md")" -le 50 ]
		is "$(head -c 2 "$top_srcdir/examples/$e/README.md")" "# "
	done
	want 0 orchmake -f "$top_srcdir/examples/safe-merge/plan.json" --var BRANCH=main validate --strict
	want 0 orchmake -f "$top_srcdir/examples/doc-id-restore/plan.json" validate --strict
	want 0 orchmake -f "$top_srcdir/examples/test-gate/plan.json" validate --strict
}

@test "each step of a plan is a script of its folder, and every script is one for a plain shell" {
	local e f
	for e in $plans; do
		for f in $(jq -r '.steps[].command' "$top_srcdir/examples/$e/plan.json"); do
			[ -x "$top_srcdir/examples/$e/$f" ]
			is "$(sed -n '1p; 3q' "$top_srcdir/examples/$e/$f")" "#!/bin/sh"
		done
		for f in $(grep -l -e '^#!/bin/sh' -e 'shell=sh' "$top_srcdir/examples/$e"/*); do sh -n "$f"; done
	done
}

# A hub and a clone of it that is ahead, with the example beside them.
merge_world() {
	example safe-merge
	git_world
	git init -q --bare hub.git
	git clone -q hub.git one 2>/dev/null
	commit one 00 a.txt a
	git -C one push -q origin HEAD
	git clone -q hub.git two
	commit one 01 b.txt b
	git -C one push -q origin HEAD
	commit two 02 c.txt c
	export SAFE_MERGE_REPO=$T/two SAFE_MERGE_VALIDATE=true
}

@test "safe-merge: merged, validated and pushed; the whole chain is in the ledger" {
	merge_world
	want 0 orchmake -n -f plan.json --var BRANCH=main
	[ ! -e two/.git/orchmake ]
	want 0 orchmake -f plan.json --var BRANCH=main
	is "$(git -C hub.git rev-parse main)" "$(git -C two rev-parse HEAD)"
	is "$(sql "select state || ' ' || count(*) from v_steps where job = 'safe-merge' group by state order by 1")" \
		"skipped 2
succeeded 13"
	is "$(jq -r .status two/.git/orchmake/events.jsonl)" success
}

@test "safe-merge: what stops it is told, nothing is pushed, the clone is as before" {
	merge_world
	commit two 03 b.txt other
	local before
	before=$(git -C two rev-parse HEAD)
	want 1 orchmake -f plan.json --var BRANCH=main
	complains "conflicts are left in 1 (b.txt (human_text))"
	is "$(git -C two rev-parse HEAD)" "$before"
	is "$(git -C hub.git rev-parse main)" "$(git -C one rev-parse HEAD)"
	is "$(state safe-merge/conflict_gate) $(state safe-merge/rollback) $(state safe-merge/emit_failure_event)" \
		"failed succeeded succeeded"
	is "$(jq -r .reason_code two/.git/orchmake/events.jsonl)" conflicts_unresolved
	want 1 orchmake -f plan.json
	complains "no branch is given"
}

@test "safe-merge: a missing branch is not tried again" {
	merge_world
	SAFE_MERGE_ON=main want 1 orchmake -f plan.json --var BRANCH=nowhere
	complains "has no branch 'nowhere'"
	is "$(sql "select count(*) from v_attempts where step = 'safe-merge/git_fetch'")" 1
}

@test "doc-id-restore: lost ids come back, and what cannot be restored is undone" {
	example doc-id-restore
	git_world
	git init -q repo
	export DOC_IDS_REPO=$T/repo
	printf 'doc_id: DOC-CFG-ONE-001\nk: 1\n' >one.yml
	printf '{"doc_id": "DOC-CFG-TWO-002"}\n' >two.json
	mv one.yml two.json repo
	./scan --save >/dev/null
	commit repo 00
	commit repo 01 one.yml 'k: 1'
	want 0 orchmake -f plan.json
	is "$(head -n 1 repo/one.yml)" "doc_id: DOC-CFG-ONE-001"
	is "$(state doc-id-restore/undo) $(state doc-id-restore/report)" "skipped succeeded"
	commit repo 02 one.yml 'k: 1' two.json '[]'
	want 1 orchmake -f plan.json
	complains "two.json: a file like this can have no id"
	is "$(git -C repo status --porcelain)" ""
	is "$(state doc-id-restore/undo) $(state doc-id-restore/report)" "succeeded succeeded"
}

@test "test-gate: lint and tests at the same time, then the gate, then the commit" {
	example test-gate
	git_world
	git init -q repo
	echo a >repo/a.txt
	export GATE_REPO=$T/repo GATE_MESSAGE='${NOT} "pasted"'
	# Each waits for the other.
	mkfifo met
	export GATE_LINT="echo x >$T/met" GATE_TESTS="cat <$T/met"
	want 0 timeout 20 orchmake -j2 -f plan.json
	is "$(git -C repo log --format=%B)" "$GATE_MESSAGE"
	echo b >repo/a.txt
	GATE_LINT=true GATE_TESTS='echo "not ok 1 - x"' want 1 orchmake -f plan.json
	complains "1 failures are more than 0"
	is "$(state test-gate/commit)" aborted
	GATE_LINT=true GATE_TESTS='exit 1' want 1 orchmake -f plan.json
	complains "error: the tests ended with 1"
	is "$(git -C repo rev-list --count HEAD)" 1
}

@test "shims: each old script says what to use instead, and does it with all its arguments" {
	example shims
	project
	local script composite
	while read -r script composite; do
		want 0 ./"$script" -n
		is "$err" "$script is deprecated: use \`orchmake run $composite\`"
		is "$out" "$(orchmake run "$composite" -n)"
		want 2 ./"$script" nonsense=1 -n
		complains "nonsense"
	done <<-'L'
	daily_ingest.sh pipeline.ingest
	daily_canonize.sh pipeline.canonize
	daily_formation.sh pipeline.formation
	daily_local_projection.sh pipeline.project
	create_views.sh pipeline.views
	L
	is "$(ls ./*.sh | wc -l)" 5
	[ ! -e .orchmake ]
}
