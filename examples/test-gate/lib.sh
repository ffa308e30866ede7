# What the steps of this folder share.  A step begins with
#
#	set -eu
#	. "${0%/*}/lib.sh"
#	begin
#
# and has then the top of the repository as current folder, and $state, a folder of this work tree's below the common
# git folder.
# shellcheck shell=sh disable=SC2034

# A hook that starts this has its own repository in mind.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_COMMON_DIR GIT_OBJECT_DIRECTORY GIT_NAMESPACE GIT_PREFIX
unset GIT_LITERAL_PATHSPECS
step=${0##*/}

say() { printf '%s: %s\n' "$step" "$1"; }

fail() { # WHY WHAT-TO-DO [EXIT]
	printf '%s: %s; %s\n' "$step" "$1" "$2" >&2
	exit "${3-1}"
}

# The repository is $GATE_REPO, else the one of the current folder.
begin() {
	cd "${GATE_REPO:-.}" || exit 2
	top=$(git rev-parse --show-toplevel 2>/dev/null) || fail "'$(pwd)' is in no work tree of git" "set GATE_REPO to one"
	common=$(git rev-parse --path-format=absolute --git-common-dir)
	git_dir=$(git rev-parse --absolute-git-dir)
	state=$common/orchmake/test-gate${git_dir#"$common"}
	cd "$top" || exit 2
	[ -d "$state" ] || mkdir -p "$state"
}

# The tree that a commit of everything would have.  The index stays as it is; .orchmake/ is orchmake's own.
whole_tree() {
	(
		GIT_INDEX_FILE=$state/index.$$
		export GIT_INDEX_FILE
		trap 'rm -f "$GIT_INDEX_FILE"' EXIT
		if git rev-parse -q --verify HEAD >/dev/null; then git read-tree HEAD; fi
		git add -A -- . ':(exclude,glob)**/.orchmake/**'
		git write-tree
	)
}

# Run a command for the shell; its output and its exit are kept for the gate, and how long it took.
judge() { # NAME COMMAND
	rm -f "$state/$1.exit"
	began=$(date +%s)
	{
		code=0
		sh -c "$2" "$1" </dev/null 2>&1 || code=$?
		echo "$(($(date +%s) - began))" >"$state/$1.seconds"
		echo "$code" >"$state/$1.exit"
	} | tee "$state/$1.log"
	code=$(cat "$state/$1.exit")
	[ "$code" -eq 0 ] || fail "'$2' ended with $code" "the gate decides what that means"
	say "'$2' is content"
}
