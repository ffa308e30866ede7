# A lock is a ref whose commit tells the owner: refs/orchmake/lock/BRANCH here, for the worktrees of one repository,
# and refs/locks/BRANCH on the remote, for all clones.  A ref is made only where there is none, and removed only as what
# it is known to be (update-ref with the old value, push with a lease), so that of two at once one loses.
# shellcheck shell=sh disable=SC2034

host=$(uname -n)
tab=$(printf '\t')

first_line() { head -n 1 "$1" 2>/dev/null || :; }

# When the process began, in what the system counts; nothing if there is none.  A number alone is soon another's.
began() { # PID
	if [ -r "/proc/self/stat" ]; then
		sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
	else
		ps -o lstart= -p "$1" 2>/dev/null || :
	fi
}

owner() {
	cat <<-O
	held by $host, process $$, since $(date -u '+%Y-%m-%dT%H:%M:%SZ')

	host: $host
	machine: $(first_line /etc/machine-id)
	boot: $(first_line /proc/sys/kernel/random/boot_id)
	space: $(readlink /proc/self/ns/pid 2>/dev/null || :)
	pid: $$
	began: $(began $$)
	O
}

# Our mark: a commit of no files, so that a remote takes it like any other.
make_mark() {
	owner | git -c user.name=orchmake -c user.email="orchmake@$host" -c commit.gpgSign=false \
		commit-tree "$(git hash-object -t tree -w --stdin </dev/null)"
}

mark_says() { git log -1 --format=%B "$1" | sed -n "s/^$2: //p"; } # MARK KEY

# Whether the owner is known to be gone: of another host nobody knows.
is_dead() { # MARK
	[ "$(mark_says "$1" host)" = "$host" ] || return 1
	if [ "$(mark_says "$1" boot)" != "$(first_line /proc/sys/kernel/random/boot_id)" ]; then
		machine=$(mark_says "$1" machine)
		[ -n "$machine" ] && [ "$machine" = "$(first_line /etc/machine-id)" ]
		return
	fi
	[ "$(mark_says "$1" space)" = "$(readlink /proc/self/ns/pid 2>/dev/null || :)" ] || return 1
	pid=$(mark_says "$1" pid)
	[ -n "$pid" ] && [ "$(began "$pid")" != "$(mark_says "$1" began)" ]
}

push_lock() { # REF EXPECTED REFSPEC
	git push -q --no-verify --no-follow-tags --force-with-lease="$1:$2" "$remote" "$3"
}

take() { # KIND REF
	case $1 in
	local) git update-ref "$2" "$mark" "" ;;
	remote) push_lock "$2" "" "$mark:$2" ;;
	esac 2>/dev/null
}

drop() { # KIND REF MARK
	case $1 in
	local) git update-ref -d "$2" "$3" ;;
	remote) push_lock "$2" "$3" ":$2" ;;
	esac
}

# Where it is pushed to is not always where it is fetched from.
holder() { # KIND REF: its mark, or nothing
	case $1 in
	local) git rev-parse -q --verify "$2" || : ;;
	remote)
		url=$(git remote get-url --push "$remote")
		there=$(git ls-remote "$url" "$2" 2>/dev/null) || return 1
		[ -n "$there" ] || return 0
		git fetch -q --no-tags --no-write-fetch-head "$url" "$2" 2>/dev/null || :
		echo "${there%%"$tab"*}"
		;;
	esac
}

how_to_remove() { # KIND REF MARK
	case $1 in
	local) echo "git update-ref -d $2 $3" ;;
	remote) echo "git push --force-with-lease=$2:$3 $remote :$2" ;;
	esac
}

# Whether the lock was of a dead owner and is gone now.
drop_dead() { # KIND REF MARK
	git cat-file -e "$3" 2>/dev/null && is_dead "$3" && drop "$1" "$2" "$3" 2>/dev/null
}

# Wait until REF is ours.  A lock whose owner is dead is removed, and then whoever is first has it.  What cannot be had
# though nobody holds it is no question of waiting.
lock() { # KIND REF
	locks="$1 $2
$locks"	# before it is ours: who is stopped between the two would leave it
	until=$(($(date +%s) + ${SAFE_MERGE_LOCK_WAIT:-900}))
	refused=0
	until take "$1" "$2"; do
		held=$(holder "$1" "$2") || fail "the lock $2 cannot be seen on '$remote'" "see whether it can be reached" 75
		if [ -z "$held" ]; then
			refused=$((refused + 1))
			[ "$refused" -lt 5 ] || fail "nobody has the lock $2, and it is not given" \
				"see whether refs may be made: git push $remote $mark:$2"
		elif drop_dead "$1" "$2" "$held"; then
			continue
		elif [ "$(date +%s)" -ge "$until" ]; then
			fail "the lock $2 is $(git log -1 --format=%s "$held" 2>/dev/null || echo "held")" \
				"try later, or if its owner is gone: $(how_to_remove "$1" "$2" "$held")" 75
		fi
		sleep "${SAFE_MERGE_LOCK_POLL:-2}"
	done
	taken="$taken $2 "
}

# The last one first.  What is not ours is not removed: it has another mark.
unlock() {
	printf '%s' "$locks" | while read -r kind ref; do
		! drop "$kind" "$ref" "$mark" 2>/dev/null || continue
		case $taken in
		*" $ref "*)
			printf '%s: the lock %s was not given back; %s\n' "$step" "$ref" \
				"$(how_to_remove "$kind" "$ref" "$mark")" >&2
			;;
		esac
	done
	locks=
}
