# What the steps of this folder share.  A step begins with
#
#	set -eu
#	. "${0%/*}/lib.sh"
#	begin REASON "$@"
#
# and has then: its folder ($here), the top of the repository as current folder, $remote, $branch, $target, $head
# (the branch that is checked out) and $state, a folder of this branch's below the common git folder.
# shellcheck shell=sh disable=SC2034

# What git says is read here, and a name that looks like a pattern is a name.  Commands of the user's see none of it.
: "${SAFE_MERGE_LOCALE=${LC_ALL-}}"
LC_ALL=C
GIT_TERMINAL_PROMPT=0
GIT_EDITOR=true
GIT_LITERAL_PATHSPECS=1
export SAFE_MERGE_LOCALE LC_ALL GIT_TERMINAL_PROMPT GIT_EDITOR GIT_LITERAL_PATHSPECS

as_user() { # COMMAND NAME ARGS...
	(
		unset GIT_EDITOR GIT_LITERAL_PATHSPECS LC_ALL
		[ -z "$SAFE_MERGE_LOCALE" ] || export LC_ALL="$SAFE_MERGE_LOCALE"
		unset SAFE_MERGE_LOCALE
		exec sh -c "$@" </dev/null
	)
}

# A hook that starts this has its own repository in mind.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_COMMON_DIR GIT_OBJECT_DIRECTORY GIT_NAMESPACE GIT_PREFIX

here=$(cd "${0%/*}" && pwd)
step=${0##*/}
newline='
'
remote=${SAFE_MERGE_REMOTE:-origin}
state=

say() { printf '%s: %s\n' "$step" "$1"; }

# The reason and the words are what the event tells.  Exit 75: another try may do better.
fail() { # WHY WHAT-TO-DO [EXIT]
	printf '%s: %s; %s\n' "$step" "$1" "$2" >&2
	[ -z "$state" ] || keep failure "$reason $step $1"
	exit "${3-1}"
}

# --- what one step leaves for the next ---------------------------------------------------------------

keep() { printf '%s\n' "$2" >"$state/$1"; }          # NAME TEXT
recall() { [ ! -s "$state/$1" ] || cat "$state/$1"; } # NAME

# --- where we are --------------------------------------------------------------------------------------

# A branch may have slashes in its name; a file may not.
as_file_name() {
	case $1 in
	*[/%]*) printf '%s\n' "$1" | sed 's/%/%25/g; s|/|%2F|g' ;;
	*) printf '%s\n' "$1" ;;
	esac
}

find_repository() {
	cd "${SAFE_MERGE_REPO:-.}" || exit 2
	common=$(git rev-parse --path-format=absolute --git-common-dir --show-toplevel 2>/dev/null) || {
		[ -n "$common" ] || fail "'$(pwd)' is in no git repository: $(words "$(git rev-parse 2>&1)")" \
			"set SAFE_MERGE_REPO to one"
		fail "'$(pwd)' has no work tree" "set SAFE_MERGE_REPO to a clone that has one"
	}
	top=${common#*"$newline"}
	common=${common%%"$newline"*}
	cd "$top" || exit 2
	SAFE_MERGE_REPO=$top
	export SAFE_MERGE_REPO
}

find_branches() {
	branch=${BRANCH-}
	# shellcheck disable=SC2016 # that is how a plan leaves what was not given
	if [ -z "$branch" ] || [ "$branch" = '${BRANCH}' ]; then
		fail "no branch is given" "say which one of the remote is meant: --var BRANCH=NAME" 2
	fi
	target=${SAFE_MERGE_TARGET:-$branch}
	tracking=refs/remotes/$remote/$branch
	head=$(git symbolic-ref -q --short HEAD) || head=HEAD
}

# From the beginning to the good end of a step a failure is on record, so that one that is killed leaves it too.
watch() {
	keep failure "$reason $step did not end"
	trap '[ $? -ne 0 ] || : >"$state/failure"' EXIT
}

# The repository is $SAFE_MERGE_REPO, else the one of the current folder.
begin() { # REASON [--OPTION]
	reason=$1
	find_repository
	find_branches
	state=$common/orchmake/safe-merge/$(as_file_name "$head")
	[ -d "$state" ] || mkdir -p "$state"
	case ${2-} in --*) ;; *) watch ;; esac
}

short() { git rev-parse --short "$1"; }

# --- the tree --------------------------------------------------------------------------------------------

# What is not committed, a line each as in git status.  Nested repositories (their names end in a slash here) are the
# business of nested_repos_detect; .orchmake/ is where orchmake itself writes while this runs.
uncommitted() {
	git status --porcelain=v1 -z --untracked-files=all >"$state/status"
	tr '\n\000' '?\n' <"$state/status" |
		sed -e '/^?? .*\/$/d' -e '/^?? \(.*\/\)\{0,1\}\.orchmake\//d'
}

# The operation that is in progress, or nothing.  In a linked worktree .git is a file: git is asked where things are.
in_progress() {
	git rev-parse --git-path MERGE_HEAD --git-path rebase-merge --git-path rebase-apply --git-path CHERRY_PICK_HEAD \
		--git-path REVERT_HEAD --git-path BISECT_LOG |
		while read -r file; do
			[ -e "$file" ] || continue
			case $file in
			*MERGE_HEAD) echo "a merge" ;;
			*rebase*) echo "a rebase" ;;
			*CHERRY*) echo "a cherry-pick" ;;
			*REVERT*) echo "a revert" ;;
			*) echo "a bisection" ;;
			esac
			break
		done
}

# "3 (a, b, c)" of the lines on standard input, five of them at most.
brief() {
	awk 'NR <= 5 { t = t (NR > 1 ? ", " : "") $0 } END { print NR (NR ? " (" t (NR > 5 ? ", ..." : "") ")" : "") }'
}

lines() { printf '%s' "$1" | grep -c '' || :; }

# --- paths: any byte but NUL may be in them -------------------------------------------------------------

# Run this step again as "STEP --each WORD PATH..." with the paths that come, each closed by a NUL.
each_path() { xargs -0 -r "$here/$step" --each "$1" || return 1; }

unmerged() { git diff --name-only -z --diff-filter=U; }
count_unmerged() { unmerged | tr -dc '\000' | wc -c | tr -d ' '; }

# As text of one line.
printable() { printf '%s' "$1" | tr '\000-\037\177' '?'; }

# --- merging ---------------------------------------------------------------------------------------------

# Merge COMMIT; $outcome is up_to_date, clean, conflict or failed, and $said what git had to say.
merge() { # COMMIT MESSAGE
	if git merge-base --is-ancestor "$1" HEAD; then
		outcome=up_to_date said=''
		return
	fi
	if said=$(git merge --no-ff --no-edit -m "$2" "$1" 2>&1); then
		outcome=clean
	elif git rev-parse -q --verify MERGE_HEAD >/dev/null && [ "$(count_unmerged)" -gt 0 ]; then
		outcome=conflict
	else
		outcome=failed
	fi
}

# Fetch BRANCH of the remote to its tracking branch; 2 if the remote answers and has none.
fetch() { # BRANCH
	said=$(git fetch --no-tags "$remote" "+refs/heads/$1:refs/remotes/$remote/$1" 2>&1) && return
	git ls-remote --exit-code "$remote" "refs/heads/$1" >/dev/null 2>&1 || [ $? -ne 2 ] || return 2
	return 1
}

# The line that matters of what git said.
words() { printf '%s\n' "$1" | awk '/^(fatal|error): / && !t { t = $0 } NF { l = $0 } END { print t ? t : l }'; }

# A merge moves what is recorded of submodules, not what is checked out of those that are.
update_submodules() {
	[ ! -f .gitmodules ] || said=$(git submodule update --recursive 2>&1) ||
		fail "submodules cannot be brought to what $(short HEAD) says: $(words "$said")" "try: git submodule update"
}

# The command that says whether a merge is good.  Only what it was run on is ever pushed.
validate() {
	update_submodules
	as_user "$SAFE_MERGE_VALIDATE" validate || return
	keep validated "$(git rev-parse HEAD)"
}
