# Repositories for tests of what works on them: nothing of the user's configuration, and times that are said.

git_world() {
	export HOME=$T GIT_CONFIG_GLOBAL=$T/gitconfig GIT_CONFIG_NOSYSTEM=1 GIT_CEILING_DIRECTORIES=$T
	unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE CI BRANCH
	cat >gitconfig <<-'C'
	[user]
		name = Tester
		email = tester@localhost
	[init]
		defaultBranch = main
	[gc]
		auto = 0
	[advice]
		detachedHead = false
	C
}

# commit REPO MINUTE PATH TEXT [PATH TEXT]...: one commit of these files, so many minutes after midnight.
commit() {
	local repo=$1 at
	at="2024-01-01T00:$2:00Z"
	shift 2
	while [ $# -gt 0 ]; do
		mkdir -p "$(dirname "$repo/$1")"
		printf '%s\n' "$2" >"$repo/$1"
		shift 2
	done
	git -C "$repo" add -A
	GIT_AUTHOR_DATE=$at GIT_COMMITTER_DATE=$at git -C "$repo" commit -q -m "at $at"
}

# step REPO PATH ARGS...: a step's script in its place, by the shell of $STEP_SHELL where one is asked for.
step() {
	local repo=$1
	shift
	(cd "$repo" && exec ${STEP_SHELL-} "$steps/$1" "${@:2}")
}
