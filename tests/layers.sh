#!/bin/sh
# A folder of lib/ includes only from those that lib/LAYERS allows, and every header compiles alone.
cd "${top_srcdir:-.}" || exit 99
: "${CC:=cc}"
n=0
say() { n=$((n + 1)); echo "$1 $n - $2"; }

bad=
while IFS=: read -r folder allowed; do
	case $folder in src*) dir=$folder ;; *) dir=lib/$folder ;; esac
	for f in "$dir"/*.c "$dir"/*.h; do
		[ -f "$f" ] || continue
		case $f in src/*_main.c) continue ;; esac
		for inc in $(sed -n 's/^#[[:space:]]*include "\([a-z]*\)\/.*/\1/p' "$f" | sort -u); do
			case " $folder $allowed " in
			*" $inc "*) ;;
			*) bad="$bad $f->$inc" ;;
			esac
		done
	done
done <lib/LAYERS
[ -z "$bad" ] && say ok "folders include only what lib/LAYERS allows" ||
	{ echo "#$bad"; say "not ok" "folders include only what lib/LAYERS allows"; }

bad=
for h in $(ls lib/*/*.h); do
	echo "#include \"${h#lib/}\"" |
		$CC -std=gnu17 -D_GNU_SOURCE -Wall -Werror -Ilib -x c -fsyntax-only - >/dev/null 2>&1 || bad="$bad $h"
done
[ -z "$bad" ] && say ok "every header compiles alone" || { echo "#$bad"; say "not ok" "every header compiles alone"; }

bad=$(grep -ln 'sqlite3\.h' -r lib src | grep -v -E '^lib/(ledger|store)/')
bad="$bad$(grep -ln 'pcre2\.h' -r lib src | grep -v '^lib/job/pattern.c')"
bad="$bad$(grep -ln 'yaml\.h' -r lib src | grep -v '^lib/doc/')"
bad="$bad$(grep -ln 'readline/' -r lib src | grep -v '^src/prompt_main.c')"
[ -z "$bad" ] && say ok "each foreign library has one place" ||
	{ echo "# $bad"; say "not ok" "each foreign library has one place"; }
echo "1..$n"
