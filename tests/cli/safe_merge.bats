load lib
load git

# examples/safe-merge with real repositories: hub.git, and the clones one and two of it.

# One world for all tests: each has a copy, in which only relative paths lead from clone to hub.
setup_file() {
	cd "$BATS_FILE_TMPDIR" || exit 99
	T=$PWD git_world
	git init -q --bare hub.git
	git clone -q hub.git one 2>/dev/null
	git -C one remote set-url origin ../hub.git
	commit one 00 start.txt start gen/x.lock old src.c old
	git -C one push -q -u origin HEAD
	cp -R one two
}

prepare() {
	steps=$top_srcdir/examples/safe-merge
	cp -R "$BATS_FILE_TMPDIR"/{hub.git,one,two} .
	git_world
	export SAFE_MERGE_VALIDATE=true SAFE_MERGE_LOCK_WAIT=200 SAFE_MERGE_LOCK_POLL=0.05 BRANCH=main
	without="sync_health_check nested_repos_detect nested_repos_normalize"
}

hub() { git -C hub.git rev-parse "${1:-main}"; }
head_of() { git -C "$1" rev-parse HEAD; }
state() { echo "$1/.git/orchmake/safe-merge/${2:-main}"; }
event() { tail -n 1 "$1/.git/orchmake/events.jsonl" | jq -r "$2"; }

# Two changes that part: one's is pushed, two has its own.
part() { # MINUTE-ONE "PATH TEXT..." MINUTE-TWO "PATH TEXT..."
	# shellcheck disable=SC2086
	commit one "$1" $2
	git -C one push -q origin HEAD:main
	# shellcheck disable=SC2086
	commit two "$3" $4
}

chain() { # less those of $without, which have tests of their own
	jq -r --arg without "$without" '.steps[] | select(.condition == null) | .id
		| select(. as $id | $without | split(" ") | index([$id]) | not)' "$steps/plan.json"
}

# The plan without orchmake: the chain up to the step that fails, then what runs after it.
pipeline() { # CLONE
	local id failed=
	for id in $(chain); do
		step "$1" "$id" || { failed=$id; break; }
	done
	if [ -n "$failed" ]; then
		step "$1" rollback
		step "$1" emit_event failure
		echo "stopped at $failed"
		return 1
	fi
	step "$1" emit_event success
}

upto() { # CLONE STEP: the chain up to and with STEP, all of which succeed
	local id
	for id in $(chain); do
		step "$1" "$id" >/dev/null
		[ "$id" != "$2" ] || return 0
	done
}

# --- merging ------------------------------------------------------------------------------------------------

@test "disjoint files: merged and pushed, and one line of each step says so" {
	part 01 "a.txt a" 02 "b.txt b"
	without=
	want 0 pipeline two
	is "$(hub)" "$(head_of two)"
	is "$(git -C two rev-list --merges --count HEAD)" 1
	is "$(git -C two ls-files | tr '\n' ' ')" "a.txt b.txt gen/x.lock src.c start.txt "
	is "$err" ""
	is "$(cut -d: -f1 <<<"$out" | tr '\n' ' ')" "$(chain | tr '\n' ' ')emit_event "
	is "$(event two '[.status, .reason_code, .phase_name, .branch, .details.outcome] | join(" ")')" \
		"success  push main clean"
	is "$(event two .details.to)" "$(hub)"
	is "$(git -C hub.git for-each-ref refs/locks)" ""
	is "$(git -C two for-each-ref refs/orchmake)" ""
}

@test "two clones at once: both are merged and pushed" {
	commit one 01 a.txt a
	commit two 02 b.txt b
	pipeline one >one.out 2>&1 &
	local first=$!
	want 0 pipeline two
	wait "$first" || { cat one.out; false; }
	git clone -q hub.git three
	is "$(ls three | tr '\n' ' ')" "a.txt b.txt gen src.c start.txt "
	is "$(git -C hub.git for-each-ref refs/locks)" ""
}

@test "the remote moves between merge and push: fetched, merged, validated and pushed again" {
	commit two 02 b.txt b
	upto two validation
	commit one 03 a.txt a
	git -C one push -q origin HEAD:main
	SAFE_MERGE_VALIDATE='echo validated >>../validated; test -f a.txt' want 0 step two guarded_push
	says "in 2 of 3 tries"
	is "$(cat validated)" validated
	is "$(hub)" "$(head_of two)"
	is "$(git -C two rev-list --merges --count HEAD)" 1
}

@test "the remote moves, and what is new conflicts or is not valid: the merge is undone, nothing is pushed" {
	commit two 02 src.c two
	upto two validation
	local before
	before=$(head_of two)
	commit one 03 src.c one
	git -C one push -q origin HEAD:main
	want 1 step two guarded_push
	complains "conflicts: 1 (src.c); start again"
	is "$(head_of two)" "$before"
	[ ! -e two/.git/MERGE_HEAD ]
	is "$(hub)" "$(head_of one)"
	is "$(git -C hub.git for-each-ref refs/locks)" ""
	git -C two reset -q --hard origin/main
	commit two 04 b.txt b
	upto two validation
	commit one 05 a.txt a
	git -C one push -q origin HEAD:main
	SAFE_MERGE_VALIDATE='test ! -f a.txt' want 1 step two guarded_push
	complains "complains of what is new"
	is "$(hub)" "$(head_of one)"
}

@test "up to date: nothing is merged; what is only here is pushed" {
	want 0 pipeline two
	says "git_merge: 'main' has all of origin/main already"
	says "is $(git -C two rev-parse --short HEAD) already"
	is "$(git -C two rev-list --merges --count HEAD)" 0
	commit two 01 b.txt b
	want 0 pipeline two
	is "$(hub)" "$(head_of two)"
	is "$(event two .details.outcome)" up_to_date
}

@test "only the remote is ahead: a merge commit all the same" {
	commit one 01 a.txt a
	git -C one push -q origin HEAD:main
	want 0 pipeline two
	is "$(git -C two rev-list --merges --count HEAD)" 1
	is "$(hub)" "$(head_of two)"
}

@test "the same generated file: the newer commit wins, whichever side has it" {
	part 05 "gen/x.lock theirs" 02 "gen/x.lock ours"
	commit one 05 y.lock theirs
	git -C one push -q
	commit two 06 y.lock ours
	want 0 pipeline two
	says "timestamp_resolver: the newer side was taken 2 (theirs gen/x.lock, ours y.lock); 0 conflicts are left"
	is "$(git -C hub.git show main:gen/x.lock main:y.lock)" "theirs
ours"
}

@test "generated files of the same second, or that one side deleted: left to people" {
	git -C one rm -q gen/x.lock
	part 05 "tie.lock theirs" 05 "tie.lock ours gen/x.lock ours"
	want 1 pipeline two
	complains "conflicts are left in 2 (gen/x.lock (generated), tie.lock (generated))"
	is "$(hub)" "$(head_of one)"
}

@test "the same source file: it stops, nothing is pushed, and the clone is as before" {
	part 05 "src.c theirs" 06 "src.c ours"
	local before
	before=$(head_of two)
	want 1 pipeline two
	complains "conflict_gate: conflicts are left in 1 (src.c (unknown))"
	says "stopped at conflict_gate"
	is "$(hub)" "$(head_of one)"
	is "$(head_of two)" "$before"
	is "$(git -C two status --porcelain)" ""
	is "$(event two '[.status, .reason_code, .phase_name, .details.step] | join(" ")')" \
		"blocked conflicts_unresolved merge conflict_gate"
}

@test "SAFE_MERGE_KEEP leaves the merge to be finished by hand" {
	part 05 "src.c theirs" 06 "src.c ours"
	SAFE_MERGE_KEEP=1 want 1 pipeline two
	says "rollback: left as it is"
	[ -e two/.git/MERGE_HEAD ]
	echo both >two/src.c
	git -C two commit -q -a -m both
	want 0 pipeline two
	is "$(git -C hub.git show main:src.c)" both
}

@test "a resolver may mend what is left; it has to leave no marker" {
	part 05 "src.c theirs" 06 "src.c ours"
	upto two timestamp_resolver
	SAFE_MERGE_RESOLVER='exit 0' want 1 step two conflict_gate
	complains "conflicts are left in 1 (src.c (unknown))"
	SAFE_MERGE_RESOLVER='echo x >"$1"; false' want 1 step two conflict_gate
	SAFE_MERGE_RESOLVER='echo "$MERGE_CLASS $LC_ALL both" >"$1"' LC_ALL=C.UTF-8 want 0 step two conflict_gate
	says "no conflict is left of 1"
	is "$(git -C two show HEAD:src.c)" "unknown C.UTF-8 both"
	is "$(git -C two log -1 --format=%B | grep -c '#')" 0
}

@test "more conflicts than one wants are not even tried" {
	part 05 "src.c theirs b b" 06 "src.c ours b c"
	SAFE_MERGE_MAX_CONFLICTS=1 SAFE_MERGE_RESOLVER='touch ../tried' want 1 pipeline two
	complains "2 conflicts are more than 1"
	[ ! -e tried ]
}

@test "names with blanks, quotes, newlines and stars are merged like others" {
	local odd=$'gen/ a "b"\n*\\é.lock' other=$'gen/ a "b"\nx*\\é.lock'
	commit one 01 "$odd" one "$other" one
	git -C one push -q origin HEAD:main
	commit two 02 "$odd" two "$other" two
	want 0 pipeline two
	is "$(git -C two show "HEAD:$odd")" two
	is "$(git -C two show "HEAD:$other")" two
	is "$(hub)" "$(head_of two)"
}

@test "what git cannot merge at all is a failure and no conflict: files in the way, a hook, unrelated histories" {
	part 01 "a.txt a" 02 "b.txt b"
	upto two file_classification
	echo mine >two/a.txt
	want 1 step two git_merge
	complains "would be overwritten"
	rm two/a.txt
	printf '#!/bin/sh\nexit 1\n' >two/.git/hooks/pre-merge-commit
	chmod +x two/.git/hooks/pre-merge-commit
	want 1 pipeline two
	says "stopped at git_merge"
	[ ! -e two/.git/MERGE_HEAD ]
	is "$(git -C two status --porcelain)" ""
	rm two/.git/hooks/pre-merge-commit
	git -C two checkout -q --orphan other
	git -C two rm -rqf .
	commit two 03 z z
	git -C two branch -q -M other main
	want 1 pipeline two
	complains "unrelated histories"
	is "$(event two .reason_code)" merge_failed
	[ ! -e two/.git/MERGE_HEAD ]
}

@test "the preview says what would come of it and touches nothing" {
	part 05 "src.c theirs" 06 "src.c ours"
	git -C two fetch -q
	local before
	before=$(git -C two status; git -C two for-each-ref; ls two/.git)
	want 0 step two git_merge --preview
	says "would be conflicts: 1 (src.c)"
	git -C two reset -q --hard HEAD~1
	want 0 step two git_merge --preview
	says "would be clean"
	git -C two reset -q --hard 'HEAD@{1}'
	is "$(git -C two status; git -C two for-each-ref; ls two/.git | grep -v -e ORIG_HEAD -e orchmake)" \
		"$(grep -v -e ORIG_HEAD -e orchmake <<<"$before")"
}

# --- what stops it before ------------------------------------------------------------------------------------

@test "a dirty tree stops it: changed, staged, untracked; what is ignored does not" {
	local how
	for how in 'echo x >>src.c' 'echo x >new; git add new' 'echo x >"$(printf "a\nb")"'; do
		(cd two && eval "$how")
		want 1 step two env_scan
		complains "not committed: 1 ("
		git -C two reset -q --hard
		git -C two clean -qfd
	done
	mkdir two/.orchmake
	touch two/.orchmake/ledger.db two/ignored
	echo ignored >two/.git/info/exclude
	want 0 step two env_scan
}

@test "each thing that is not ready is said, all of them at once" {
	git -C two checkout -q --detach
	git -C two remote rename origin elsewhere 2>/dev/null
	git config --global --unset user.email
	git config --global user.useConfigOnly true
	echo x >two/new
	touch two/.git/index.lock two/.git/MERGE_HEAD
	SAFE_MERGE_VALIDATE='' want 1 pipeline two
	local what
	for what in "no branch is checked out" "there is no remote 'origin'" "not committed" "the index is locked" \
		"a merge is in progress" "does not know who you are" "nothing says what makes a merge good"; do
		complains "$what"
	done
	is "$(jq -r '[.status, .reason_code, .phase_id] | join(" ")' two/.git/orchmake/events.jsonl)" "blocked env_scan_failed 0"
}

@test "every operation that may be in progress is seen, in a linked worktree as well" {
	local file
	git -C two worktree add -q ../tree -b side
	for file in MERGE_HEAD rebase-merge rebase-apply CHERRY_PICK_HEAD REVERT_HEAD BISECT_LOG; do
		touch "$(git -C tree rev-parse --git-path "$file")"
		BRANCH=side want 1 step tree env_scan
		complains "is in progress"
		rm "$(git -C tree rev-parse --git-path "$file")"
	done
	BRANCH=side want 0 step tree env_scan
}

@test "another branch than the expected, a shallow clone, a repository without a tree or without a commit" {
	git -C two switch -q -c side
	want 1 step two env_scan
	complains "the branch 'side' is checked out, not 'main'"
	SAFE_MERGE_ON=side want 0 step two env_scan
	git clone -q --depth 1 "file://$T/hub.git" shallow
	want 1 step shallow env_scan
	complains "the clone is shallow"
	want 1 step hub.git env_scan
	complains "has no work tree"
	git init -q empty
	want 1 step empty env_scan
	complains "there is no commit yet"
	want 1 step . env_scan
	complains "is in no git repository: fatal: not a git repository"
}

@test "a branch has to be given, and to be one" {
	BRANCH= want 2 step two env_scan
	complains "--var BRANCH=NAME"
	BRANCH='${BRANCH}' want 2 step two env_scan
	complains "no branch is given"
	BRANCH='a..b' want 2 step two env_scan
	complains "'a..b' is no name of a branch"
}

@test "a remote branch that is missing is final; a remote that does not answer is worth another try" {
	want 0 step two env_scan
	BRANCH=nowhere SAFE_MERGE_ON=main want 1 step two git_fetch
	complains "has no branch 'nowhere'"
	mv hub.git gone.git
	want 75 step two git_fetch
	complains "cannot be fetched"
	is "$(jq -c '[.steps[] | select(.retry_on_exit) | .id + " " + (.retries | tostring)]' "$steps/plan.json")" \
		'["git_fetch 2","guarded_push 1"]'
}

# Lines of a log, so many minutes ago and so many seconds later each.
log_lines() { # MINUTES SECONDS TEXT...
	local at i=0 text
	at=$(($(date +%s) - $1 * 60))
	for text in "${@:3}"; do
		echo "$(date -d "@$((at + i * $2))" '+%Y-%m-%d %H:%M:%S') $text"
		i=$((i + 1))
	done
}

@test "sync health: no log is healthy; six errors or five pushes in a minute of the last half hour are not" {
	export SAFE_MERGE_SYNC_LOG=$T/sync.log
	want 0 step two sync_health_check
	says "there is no log"
	local e='[INFO] pull failed' p='[INFO] Pushed main'
	log_lines 10 1 "$e" "$e" "$e" "$e" "$e" "$p" "$p" "$p" "$p" "[ERROR] push refused" >sync.log
	sed -i '$d' sync.log
	echo "no line of a log: error error error" >>sync.log
	want 0 step two sync_health_check
	says "5 errors, no storm"
	log_lines 10 1 "[INFO] ok" "[ERROR] push refused" >>sync.log
	want 1 step two sync_health_check
	complains "tells of 6 errors and 0 storms"
	log_lines 10 15 "$p" "$p" "$p" "$p" "$p" >sync.log
	want 1 step two sync_health_check
	complains "0 errors and 1 storms"
	log_lines 10 16 "$p" "$p" "$p" "$p" "$p" >sync.log
	want 0 step two sync_health_check
	log_lines 31 1 "$e" "$e" "$e" "$e" "$e" "$e" "$p" "$p" "$p" "$p" "$p" >sync.log
	want 0 step two sync_health_check
	says "0 errors"
}

# --- nested repositories ----------------------------------------------------------------------------------------

nested_repo() { # PATH
	git init -q "$1"
	commit "$1" 01 inner.txt inner
	git -C "$1" remote add origin https://example.org/inner.git
}

@test "nested repositories: submodules, worktrees and ignored ones are fine, strays and broken ones are not" {
	nested_repo other
	git -C two -c protocol.file.allow=always submodule --quiet add "$T/other" sub
	commit two 01
	git -C two worktree add -q wt -b side
	echo 'ign*' >two/.git/info/exclude
	nested_repo two/ign
	want 0 step two env_scan
	want 0 step two nested_repos_detect
	says "1 submodules, 1 worktrees, 1 ignored, 0 strays, 0 broken"
	nested_repo $'two/a b/st\nray'
	nested_repo $'two/a b/st\nray/deeper'
	mkdir two/hollow
	mkdir two/hollow/.git
	want 0 step two env_scan
	want 1 step two nested_repos_detect
	complains "2 (stray a b/st?ray, stray hollow)"
	is "$(step two emit_event failure >/dev/null; event two .reason_code)" nested_repo_block
	SAFE_MERGE_NESTED_MAX=2 want 0 step two nested_repos_detect
	rm -r "two/a b" two/hollow
	nested_repo two/link
	git -C two -c advice.addEmbeddedRepo=false add link
	git -C two commit -q -m link
	want 1 step two nested_repos_detect
	complains "1 (broken link)"
	rm -r two/link
	mkdir two/link
	want 1 step two nested_repos_detect
	complains "1 (broken link)"
	want 1 step two nested_repos_normalize
	complains "to do: 1 (link)"
}

@test "absorb: the files become ours in one commit, the repository is put aside whole" {
	nested_repo $'two/a\nb'
	nested_repo two/link
	git -C two -c advice.addEmbeddedRepo=false add link
	git -C two commit -q -m link
	SAFE_MERGE_NESTED=absorb want 0 step two nested_repos_detect
	SAFE_MERGE_NESTED=absorb want 0 step two nested_repos_normalize
	says "2 ("
	is "$(git -C two ls-files -s link a?b | cut -d' ' -f1 | sort -u)" 100644
	is "$(git -C two status --porcelain)" ""
	is "$(git -C two rev-list --count HEAD)" 3
	local aside
	for aside in two/.git/orchmake/nested/*; do git -C "$aside/.git" cat-file -e HEAD:inner.txt; done
	is "$(ls two/.git/orchmake/nested | wc -l)" 2
	want 0 step two nested_repos_normalize
	says "nothing to do"
}

@test "submodule: what is nested is registered with its own remote; the policy says it for one path" {
	nested_repo two/vendor/lib
	nested_repo two/stray
	printf 'submodule vendor/lib\n' >policy
	SAFE_MERGE_POLICY=$T/policy SAFE_MERGE_NESTED=absorb want 0 step two nested_repos_normalize
	is "$(git -C two ls-files -s vendor/lib stray | cut -d' ' -f1 | tr '\n' ' ')" "100644 160000 "
	is "$(git -C two config -f .gitmodules submodule.vendor/lib.url)" https://example.org/inner.git
	want 0 step two nested_repos_detect
	says "1 submodules, 0 worktrees, 0 ignored, 0 strays"
	nested_repo two/homeless
	git -C two/homeless remote remove origin
	nested_repo two/another
	SAFE_MERGE_NESTED=submodule want 1 step two nested_repos_normalize
	complains "has no remote"
	is "$(git -C two status --porcelain)" "?? another/
?? homeless/"
	SAFE_MERGE_NESTED=sideways want 1 step two nested_repos_normalize
	complains "set it to report, absorb or submodule"
}

# --- classes ----------------------------------------------------------------------------------------------------

@test "classes: at the top and below, the first class wins whatever the order of lines, only what both sides changed" {
	cat >policy <<-'P'
	human_text *.txt
	binary **/img/*.dat
	config_sensitive /conf/
	generated out/
	generated a b.txt
	do_not_merge secret.txt
	P
	export SAFE_MERGE_POLICY=$T/policy
	part 01 "x.txt 1 out/x.txt 1 sub/out/y 1 img/a.dat 1 d/img/b.dat 1 conf/z 1 d/conf/z 1 only1.txt 1" \
		02 "x.txt 2 out/x.txt 2 sub/out/y 2 img/a.dat 2 d/img/b.dat 2 conf/z 2 d/conf/z 2 only2.txt 2"
	commit one 03 "a b.txt" 1 "d/a b.txt" 1
	git -C one push -q
	commit two 03 "a b.txt" 2 "d/a b.txt" 2
	upto two file_classification
	is "$(sort "$(state two)/classes")" "binary d/img/b.dat
binary img/a.dat
config_sensitive conf/z
generated a b.txt
generated d/a b.txt
generated out/x.txt
generated sub/out/y
human_text x.txt
unknown d/conf/z"
	part 04 "d/secret.txt 1" 05 "d/secret.txt 1"
	want 1 pipeline two
	complains "not to be merged: 1 (d/secret.txt)"
	is "$(event two '[.status, .reason_code] | join(" ")')" "blocked file_classification_failed"
}

@test "a policy that is missing or wrong is said with its line; one in the repository is used" {
	upto two git_fetch
	SAFE_MERGE_POLICY=$T/none want 1 step two file_classification
	complains "the policy '$T/none' cannot be read"
	step two emit_event failure >/dev/null
	is "$(event two .reason_code)" merge_policy_missing
	printf '# c\n\ngenrated *.x\n' >policy
	SAFE_MERGE_POLICY=$T/policy want 1 step two file_classification
	complains "policy:3: no class is called 'genrated'"
	printf 'generated\n' >policy
	SAFE_MERGE_POLICY=$T/policy want 1 step two file_classification
	complains "policy:1: 'generated' has no pattern"
	echo 'generated src.c' >two/merge-policy
	commit two 02 src.c ours
	commit one 03 src.c theirs
	git -C one push -q
	upto two timestamp_resolver
	is "$(cat two/src.c)" theirs
}

# --- snapshot, validation, rollback -------------------------------------------------------------------------------

@test "a failed validation: nothing is pushed, and the clone is back at its snapshot" {
	part 01 "a.txt a" 02 "b.txt b"
	local before
	before=$(head_of two)
	SAFE_MERGE_VALIDATE='test ! -f a.txt' want 1 pipeline two
	complains "'test ! -f a.txt' ended with 1"
	says "rollback: 'main' is back at $(git -C two rev-parse --short "$before")"
	is "$(head_of two)" "$before"
	is "$(hub)" "$(head_of one)"
	is "$(event two '[.status, .reason_code, .details.outcome] | join(" ")')" "failed validation_failed clean"
}

@test "rollback takes nothing away: not another's commit, not changed files, not another's merge" {
	part 01 "a.txt a" 02 "b.txt b"
	want 0 step two rollback
	says "nothing to roll back: no snapshot"
	upto two git_merge
	local merged
	merged=$(head_of two)
	echo changed >two/a.txt
	want 1 step two rollback
	complains "changed files are in the way"
	git -C two checkout -q a.txt
	commit two 03 c.txt c
	want 1 step two rollback
	complains "has 1 commits of its own since the snapshot"
	git -C two reset -q --hard "$merged"
	git -C two rev-parse HEAD~1 >two/.git/MERGE_HEAD
	want 1 step two rollback
	complains "another merge is in progress"
	rm two/.git/MERGE_HEAD
	want 0 step two rollback
	is "$(head_of two)" "$(git -C two rev-parse "$(cat "$(state two)/snapshot")")"
}

@test "submodules are what the merge says when it is validated, and again what they were after a rollback" {
	git config --global protocol.file.allow always
	nested_repo other
	git -C one submodule --quiet add "$T/other" sub
	commit one 01
	git -C one push -q
	git -C two pull -q
	git -C two submodule --quiet update --init
	commit other 02 inner.txt newer
	git -C one/sub pull -q
	commit one 03
	git -C one push -q
	commit two 04 b.txt b
	SAFE_MERGE_VALIDATE='grep -q newer sub/inner.txt && false' want 1 pipeline two
	complains "ended with 1"
	is "$(cat two/sub/inner.txt)" inner
	is "$(git -C two status --porcelain)" ""
	SAFE_MERGE_VALIDATE='grep -q newer sub/inner.txt' want 0 pipeline two
	is "$(hub)" "$(head_of two)"
}

@test "snapshots: a branch and an annotated tag, old ones go by their count, neither is pushed" {
	export SAFE_MERGE_SNAPSHOTS=2
	git -C two config push.followTags true
	local i
	for i in 1 2 3 4; do step two snapshot >/dev/null; done
	is "$(git -C two for-each-ref refs/heads/rollback | wc -l)" 2
	is "$(git -C two for-each-ref --format='%(objecttype)' refs/tags | tr '\n' ' ')" "tag tag "
	git -C two branch rollback/pre-merge-main-mine
	for i in 1 2 3; do git -C two branch rollback/pre-merge-main-x-2026112${i}T000000Z; done
	want 0 pipeline two
	is "$(git -C two for-each-ref refs/heads/rollback | wc -l)" 6
	is "$(git -C hub.git for-each-ref --format='%(refname)')" refs/heads/main
}

@test "what was not validated is not pushed, nor is a dirty tree" {
	want 1 step two guarded_push
	complains "was not validated"
	SAFE_MERGE_VALIDATE='touch built' want 1 pipeline two
	complains "guarded_push: not committed: 1 (?? built)"
}

@test "a remote that refuses, and one that is gone" {
	printf '#!/bin/sh\n! grep -q refs/heads/ || { echo "not today" >&2; exit 1; }\n' >hub.git/hooks/pre-receive
	chmod +x hub.git/hooks/pre-receive
	commit two 01 b.txt b
	want 1 pipeline two
	complains "'origin' refuses: (pre-receive hook declined)"
	is "$(event two .reason_code)" guarded_push_failed
	upto two validation
	mv hub.git gone.git
	want 75 step two guarded_push
	complains "cannot be seen on 'origin'"
	is "$(grep -c . <<<"$err")" 1
	is "$(git -C two for-each-ref refs/orchmake)" ""
}

@test "a branch with a slash, and its neighbour in a linked worktree, are merged each for itself" {
	git -C one push -q origin HEAD:feature/x HEAD:feature/y
	git -C two fetch -q
	git -C two switch -q feature/x
	git -C two worktree add -q ../tree feature/y
	commit two 01 x.txt x
	commit tree 02 y.txt y
	BRANCH=feature/x want 0 pipeline two
	BRANCH=feature/y want 0 pipeline tree
	is "$(hub feature/x) $(hub feature/y)" "$(head_of two) $(head_of tree)"
	is "$(ls two/.git/orchmake/safe-merge | tr '\n' ' ')" "feature%2Fx feature%2Fy "
	is "$(jq -r .branch two/.git/orchmake/events.jsonl | tr '\n' ' ')" "feature/x feature/y "
	is "$(git -C two for-each-ref refs/heads/rollback | wc -l)" 2
}

@test "another branch than the one merged can be pushed to: it is what was merged that goes there" {
	part 01 "a.txt a" 02 "b.txt b"
	git -C two switch -q -c work
	SAFE_MERGE_ON=work SAFE_MERGE_TARGET=work want 0 pipeline two
	is "$(hub work)" "$(head_of two)"
	is "$(hub main)" "$(head_of one)"
	SAFE_MERGE_ON=work want 0 pipeline two
	is "$(hub main)" "$(head_of two)"
}

# --- locks and events ------------------------------------------------------------------------------------------------

# mark REPO SED-SCRIPT: the mark of an owner that lives (this test), changed as said; prints the commit.
mark() {
	(
		cd "$1" && here=. remote=origin edit=$2
		# shellcheck source=/dev/null
		. "$steps/lock.sh"
		eval "true_$(declare -f owner)"
		owner() { true_owner | sed -e "1s/.*/held by somebody/" -e "$edit"; }
		make_mark
	)
}

ready_to_push() {
	commit two 01 b.txt b
	upto two validation
	export SAFE_MERGE_LOCK_WAIT=0
}

@test "a lock of this repository: alive it holds, dead or of another boot it is taken over, elsewhere nobody knows" {
	ready_to_push
	git -C two update-ref refs/orchmake/lock/main "$(mark two '')"
	want 75 step two guarded_push
	complains "the lock refs/orchmake/lock/main is held by somebody"
	complains "git update-ref -d refs/orchmake/lock/main $(git -C two rev-parse refs/orchmake/lock/main)"
	is "$(hub)" "$(head_of one)"
	git -C two update-ref refs/orchmake/lock/main "$(mark two 's/^host: .*/host: elsewhere/;s/^pid: .*/pid: 4194305/')"
	want 75 step two guarded_push
	local dead
	for dead in 's/^pid: .*/pid: 4194305/' 's/^began: .*/began: 1/'; do
		git -C two update-ref refs/orchmake/lock/main "$(mark two "$dead")"
		want 0 step two guarded_push
		is "$(git -C two for-each-ref refs/orchmake)" ""
	done
	is "$(hub)" "$(head_of two)"
}

@test "a lock of the remote holds across clones, and is taken over from the dead of this host only" {
	ready_to_push
	git -C one push -q origin "$(mark one '')":refs/locks/main
	want 75 step two guarded_push
	complains "the lock refs/locks/main is held by somebody"
	complains "git push --force-with-lease=refs/locks/main:$(hub refs/locks/main) origin :refs/locks/main"
	is "$(hub)" "$(head_of one)"
	is "$(git -C two for-each-ref refs/orchmake)" ""
	git -C one push -q -f origin "$(mark one 's/^host: .*/host: elsewhere/;s/^pid: .*/pid: 4194305/')":refs/locks/main
	want 75 step two guarded_push
	git -C one push -q -f origin "$(mark one 's/^pid: .*/pid: 4194305/')":refs/locks/main
	printf '#!/bin/sh\ntest "$3" != 0000000000000000000000000000000000000000\n' >hub.git/hooks/update
	chmod +x hub.git/hooks/update
	want 75 step two guarded_push
	rm hub.git/hooks/update
	git -C hub.git config receive.denyNonFastForwards true
	want 0 step two guarded_push
	is "$(hub)" "$(head_of two)"
	is "$(git -C hub.git for-each-ref refs/locks)" ""
}

@test "who waits for a lock goes on when it is free" {
	ready_to_push
	git -C one push -q origin "$(mark one '')":refs/locks/main
	SAFE_MERGE_LOCK_WAIT=200 step two guarded_push >push.out 2>&1 &
	local pushing=$!
	until_true git -C two rev-parse -q --verify refs/orchmake/lock/main
	git -C one push -q origin :refs/locks/main
	wait "$pushing" || { cat push.out; false; }
	is "$(hub)" "$(head_of two)"
}

@test "a push that is stopped gives its locks back, one that is killed leaves what the next one takes over" {
	ready_to_push
	export SAFE_MERGE_LOCK_WAIT=200
	git -C one push -q origin "$(mark one '')":refs/locks/main
	local sig pushing
	for sig in TERM KILL; do
		(cd two && exec "$steps/guarded_push") >/dev/null 2>&1 &
		pushing=$!
		until_true git -C two rev-parse -q --verify refs/orchmake/lock/main
		kill -"$sig" "$pushing"
		wait "$pushing" && false
		[ $sig = KILL ] || is "$(git -C two for-each-ref refs/orchmake)" ""
	done
	step two emit_event failure >/dev/null
	is "$(event two '[.reason_code, .details.message] | join(" ")')" "guarded_push_failed did not end"
	git -C one push -q origin :refs/locks/main
	want 0 step two guarded_push
	is "$(hub)" "$(head_of two)"
}

@test "eight writers of events at once: eight whole lines, of long ones too" {
	local long i pids=
	long=$(printf '%05000d' 0)
	upto two snapshot
	echo "some_reason guarded_push a \"quoted\" \\ and	tabbed $long" >"$(state two)/failure"
	export SAFE_MERGE_INVOKER=ai
	for i in 1 2 3 4 5 6 7 8; do
		step two emit_event failure >/dev/null &
		pids="$pids $!"
	done
	for i in $pids; do wait "$i"; done
	is "$(wc -l <two/.git/orchmake/events.jsonl)" 8
	is "$(jq -r '.invoker + " " + .details.message[:25]' two/.git/orchmake/events.jsonl | sort | uniq -c | sed 's/^ *//')" \
		'8 ai a "quoted" \ and tabbed 0'
	is "$(jq -r 'keys_unsorted | join(" ")' two/.git/orchmake/events.jsonl | sort -u)" \
		"timestamp branch phase_id phase_name status reason_code details invoker host"
}
