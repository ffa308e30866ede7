# Which class a path has: the first class with a matching pattern, in the order of $classes, whatever the order of lines.
# shellcheck shell=sh disable=SC2034,SC2154
classes='do_not_merge generated binary config_sensitive human_text'

policy_file() {
	if [ -n "${SAFE_MERGE_POLICY-}" ]; then
		echo "$SAFE_MERGE_POLICY"
	elif [ -f merge-policy ]; then
		echo merge-policy
	else
		echo "$here/merge-policy"
	fi
}

# Set $on and $glob, a pattern of the shell: "name" is matched with a path's last part, "path" with a slash and all of it.
make_glob() { # PATTERN
	glob=${1%/} on=path
	case $glob in
	'**/'*) glob="*/${glob#??/}" ;;
	/*) ;;
	*/*) glob="/$glob" ;;
	*) [ "$glob" = "$1" ] && on=name || glob="*/$glob" ;;
	esac
	[ "${1%/}" = "$1" ] || glob="$glob/*"
}

# "RANK CLASS ON GLOB" of each line, in no order.
read_policy() { # FILE
	n=0
	while read -r class pattern || [ -n "$class" ]; do
		n=$((n + 1))
		case $class in '' | '#'*) continue ;; esac
		case " $classes absorb submodule " in
		*" $class "*) ;;
		*) fail "$1:$n: no class is called '$class'" "use one of: $classes, absorb, submodule" ;;
		esac
		[ -n "$pattern" ] || fail "$1:$n: '$class' has no pattern" "write: $class PATTERN"
		make_glob "$pattern"
		rank=${classes%%"$class"*}
		echo "${#rank} $class $on $glob"
	done <"$1"
}

prepare_policy() {
	file=$(policy_file)
	if [ ! -r "$file" ]; then
		reason=merge_policy_missing
		fail "the policy '$file' cannot be read" \
			"write one (example: $here/merge-policy), or set SAFE_MERGE_POLICY to one"
	fi
	policy=$(read_policy "$file")
	printf '%s\n' "$policy" | sort -n >"$state/policy"
}

# What file_classification made of it, if it ran.
use_policy() { [ -f "$state/policy" ] || prepare_policy; }

first_match() { # PATH DEFAULT WORDS
	while read -r _ class on glob; do
		case " $3 " in *" $class "*) ;; *) continue ;; esac
		case $on in name) subject=${1##*/} ;; *) subject=/$1 ;; esac
		# shellcheck disable=SC2254 # it is a pattern
		case $subject in $glob) echo "$class" && return ;; esac
	done <"$state/policy"
	echo "$2"
}

class_of() { first_match "$1" unknown "$classes"; } # PATH
