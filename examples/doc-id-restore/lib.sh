# What the steps of this folder share.  A step begins with
#
#	set -eu
#	. "${0%/*}/lib.sh"
#	begin
#
# and has then its folder ($here), the top of the repository as current folder, and $state, a folder of this work
# tree's below the common git folder.
# shellcheck shell=sh disable=SC2034

# A hook that starts this has its own repository in mind.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_COMMON_DIR GIT_OBJECT_DIRECTORY GIT_NAMESPACE GIT_PREFIX
LC_ALL=C
GIT_LITERAL_PATHSPECS=1
export LC_ALL GIT_LITERAL_PATHSPECS

here=$(cd "${0%/*}" && pwd)
step=${0##*/}
saved=${DOC_IDS_SAVED:-doc-ids.jsonl}

say() { printf '%s: %s\n' "$step" "$1"; }

fail() { # WHY WHAT-TO-DO [EXIT]
	printf '%s: %s; %s\n' "$step" "$1" "$2" >&2
	exit "${3-1}"
}

# The repository is $DOC_IDS_REPO, else the one of the current folder.
begin() {
	cd "${DOC_IDS_REPO:-.}" || exit 2
	top=$(git rev-parse --show-toplevel 2>/dev/null) ||
		fail "'$(pwd)' is in no work tree of git" "set DOC_IDS_REPO to one"
	common=$(git rev-parse --path-format=absolute --git-common-dir)
	git_dir=$(git rev-parse --absolute-git-dir)
	state=$common/orchmake/doc-ids${git_dir#"$common"}
	cd "$top" || exit 2
	DOC_IDS_REPO=$top
	export DOC_IDS_REPO
	[ -d "$state" ] || mkdir -p "$state"
}

now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

# Inventories name paths as JSON strings; lists between steps are "WORD ID PATH" with tabs between, PATH for printf %b.
ids() { awk -f "$here/ids.awk" "$@"; }

tab=$(printf '\t')
each_line() { # FUNCTION LIST: call it with WORD ID PATH for each line
	while IFS=$tab read -r word id path; do
		path=$(printf '%bx' "$path")
		"$1" "$word" "$id" "${path%x}" </dev/null
	done <"$2"
}

count() { grep -c "^$1$tab" "$2" || :; } # WORD LIST

list_files() { git ls-files -z --cached --others --exclude-standard; }

# The inventory of the files below DIR whose names come, each closed by a NUL, as far as they may have an id.
inventory() { # DIR
	# shellcheck disable=SC2016 # the other shell expands it
	(cd "$1" && xargs -0 -r sh -c '
		here=$1 now=$2
		shift 2
		for f; do
			shift
			case $f in
			*.py | *.md | *.yaml | *.yml | *.json | *.ps1 | *.sh | *.txt)
				[ ! -f "$f" ] || [ -L "$f" ] || set -- "$@" "./$f" ;;
			esac
		done
		[ $# -gt 0 ] || exit 0
		times=$(stat -c %Y -- "$@" | tr "\n" " ")
		exec awk -v now="$now" -v times="$times" -f "$here/ids.awk" -f "$here/scan.awk" "$@"
	' inventory "$here" "$(now)")
}
