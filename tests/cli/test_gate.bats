load lib
load git

# examples/test-gate: what the gate decides, and what is committed then.

prepare() {
	steps=$top_srcdir/examples/test-gate
	git_world
	export GATE_MESSAGE='It is "good" $(enough) \n' GATE_TESTS=true
	git init -q repo
	commit repo 00 a.txt a
	decision=repo/.git/orchmake/test-gate/decision.json
}

# The plan without orchmake: lint and tests may fail, the gate decides.
pipeline() {
	local id
	step repo freeze || return
	step repo lint &
	step repo tests || :
	wait $! || :
	step repo gate && step repo commit
}

decide() { # EXIT: with tests that say what comes on standard input
	cat >said
	GATE_TESTS="cat ../said" step repo tests >/dev/null
	want "$1" step repo gate
}

@test "what is good is committed whole, with the message as it is" {
	echo b >repo/a.txt
	printf 'new\n' >repo/$'n\new'
	mkdir repo/.orchmake
	touch repo/.orchmake/ledger.db
	GATE_LINT='test -f a.txt' want 0 pipeline
	says "lint: 'test -f a.txt' is content"
	says "gate: passed: 0 failures, coverage unknown"
	is "$(git -C repo log -1 --format=%B)" "$GATE_MESSAGE"
	is "$(git -C repo status --porcelain)" "?? .orchmake/"
	is "$(jq -c . $decision)" '{"passed":true,"reason":"every criterion holds","criteria_met":{"lint":true}}'
	want 0 pipeline
	says "commit: there is nothing to commit"
}

@test "lint or tests that fail stop the commit; lint may be only told" {
	echo b >repo/a.txt
	GATE_TESTS='echo oops; exit 3' want 1 pipeline
	says oops
	complains "gate: error: the tests ended with 3"
	GATE_LINT=false want 1 pipeline
	complains "gate: lint complains"
	is "$(jq -c .criteria_met $decision)" '{"lint":false}'
	is "$(git -C repo log --oneline | wc -l)" 1
	GATE_LINT=false GATE_LINT_BLOCKING=0 want 0 pipeline
	is "$(git -C repo log --oneline | wc -l)" 2
}

@test "tests that never ended are no success" {
	step repo freeze >/dev/null
	step repo lint >/dev/null
	want 1 step repo gate
	complains "error: the tests did not end"
	is "$(jq .passed $decision)" false
}

@test "failures are counted as TAP, automake and others tell them" {
	step repo lint >/dev/null
	export GATE_MAX_FAILURES=1
	decide 0 <<<$'ok 1 - a\nnot ok 2 - b\nnot ok 3 - c # TODO later'
	decide 1 <<<$'not ok 1 - a\nnot ok 2 - b'
	complains "2 failures are more than 1"
	decide 1 <<<$'# TOTAL: 5\n# FAIL:  1\n# ERROR: 1'
	decide 1 <<<"== 2 failed, 3 passed in 0.1s =="
	decide 1 <<<"Tests: 1 failed, 1 errors"
	decide 0 <<<"== 12 passed in 0.1s =="
	GATE_REQUIRED_TESTS=all decide 1 <<<"== 1 failed =="
	complains "1 tests failed"
	is "$(jq -c .criteria_met $decision)" '{"lint":true,"max_failures":true,"required_tests":false}'
}

@test "coverage has to be told, and to be enough" {
	step repo lint >/dev/null
	export GATE_MIN_COVERAGE=85
	decide 1 <<<"fine"
	complains "coverage is unknown, not 85"
	decide 1 <<<"TOTAL  120  30  75%"
	complains "coverage is 75, not 85"
	decide 0 <<<"  lines......: 85.0% (17 of 20 lines)"
	is "$(jq -c .criteria_met $decision)" '{"lint":true,"min_coverage":true}'
}

@test "time and rules of one's own are criteria as well" {
	step repo lint >/dev/null
	GATE_TIMEOUT_SECONDS=60 decide 0 <<<"fine"
	echo 61 >repo/.git/orchmake/test-gate/tests.seconds
	GATE_TIMEOUT_SECONDS=60 want 1 step repo gate
	complains "took longer than 60 s"
	GATE_CUSTOM_RULES=$'test "$FAILURES" -eq 0\n\ntest "$COVERAGE" = 80' decide 0 <<<"TOTAL 80%"
	GATE_CUSTOM_RULES=$'true\nfalse\ntrue' decide 1 <<<"fine"
	complains "a rule of one's own does not hold"
}

@test "what changed while it was checked is not committed" {
	echo b >repo/a.txt
	GATE_TESTS='touch made' want 1 pipeline
	complains "the work tree changed while it was checked: made"
	is "$(git -C repo log --oneline | wc -l)" 1
	is "$(git -C repo diff --cached --name-only)" ""
}

@test "a first commit, a hook that refuses, and what has to be given" {
	git init -q new
	echo a >new/a.txt
	(cd new && for s in freeze lint tests gate commit; do "$steps/$s"; done) >/dev/null
	is "$(git -C new ls-files)" a.txt
	printf '#!/bin/sh\nexit 1\n' >repo/.git/hooks/pre-commit
	chmod +x repo/.git/hooks/pre-commit
	echo b >repo/a.txt
	want 1 pipeline
	complains "git did not commit"
	GATE_MESSAGE='' want 1 step repo freeze
	complains "set GATE_MESSAGE"
	GATE_TESTS='' want 1 step repo freeze
	complains "set GATE_TESTS"
	want 1 step . freeze
	complains "set GATE_REPO to one"
	GATE_REPO=repo want 0 step . freeze
}
