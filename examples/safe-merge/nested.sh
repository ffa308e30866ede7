# Nested repositories: every .git, folder or file, below the top, and every gitlink of the index.
# shellcheck shell=sh disable=SC2034,SC2154
tab=$(printf '\t')

# Whether one that holds DIR was found already: what is in it is its own business.
is_inside_another() { # DIR
	up=$1
	while case $up in */*) true ;; *) false ;; esac; do
		up=${up%/*}
		[ ! -e "$up/.git" ] || return 0
	done
	return 1
}

# An entry of the index at the very path of a folder is a gitlink.
is_gitlink() { git rev-parse -q --verify ":0:$1" >/dev/null; }

is_registered() {
	[ -f .gitmodules ] &&
		git config -f .gitmodules --fixed-value --get-regexp '^submodule\..*\.path$' "$1" >/dev/null
}

# A .git that git does not take for one leaves DIR to the repository around it: that is no worktree.
is_linked_worktree() {
	[ "$(git -C "$1" rev-parse --show-toplevel 2>/dev/null)" = "$top/$1" ] &&
		[ "$(git -C "$1" rev-parse --path-format=absolute --git-common-dir)" = "$common" ]
}

# check-ignore takes no literal names, but with ./ none has a meaning of its own.
#
# submodule, broken (a gitlink that .gitmodules does not know), worktree, ignored or stray.
kind_of() { # DIR
	if is_gitlink "$1"; then
		if is_registered "$1"; then echo submodule; else echo broken; fi
	elif is_linked_worktree "$1"; then
		echo worktree
	elif GIT_LITERAL_PATHSPECS=0 git check-ignore -q -- "./$1"; then
		echo ignored
	else
		echo stray
	fi
}

# Call "$each DIR" for all of them.  The step runs itself again with --each WORD: see each_path.
each_nested() {
	find . -path ./.git -prune -o -name .git -print0 | LC_ALL=C sort -z | each_path found
	git ls-files -s -z | each_path indexed
}

nested() { # WORD PATH-OR-ENTRY...
	word=$1
	shift
	for path; do
		if [ "$word" = indexed ]; then
			case $path in 160000*) ;; *) continue ;; esac
			path=${path#*"$tab"}
			[ ! -e "$path/.git" ] || continue
		else
			path=${path#./}
			path=${path%/.git}
			! is_inside_another "$path" || continue
		fi
		"$each" "$path"
	done
}
