#!/bin/sh
# A folder of lib/ includes only from those that lib/LAYERS allows, every header compiles alone, the warden is small, and
# the lines of bats tests count: a command behind `!` or before `&&` may fail, and the test goes on.
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

bad=$(grep -nE '^	+(! |\[.*\] && \[.*\]$)' tests/cli/*.bats | cut -d: -f1,2)
[ -z "$bad" ] && say ok "no line of a test is one that cannot end it" ||
	{ echo "# $bad"; say "not ok" "no line of a test is one that cannot end it: 'no COMMAND', a line for each"; }
# What is counted: lines of lib/warden/*.c with anything but blanks and comments on them (preprocessor lines and lone
# braces count), of those files that are linked into orchmake-warden: whose first global function is in the program.
# Not counted: headers, which hold no code but two accessors, and what it shares with others in lib/base and lib/sys.
code_lines() {
	awk '{
		code = ""
		for (line = $0; line != "";) {
			at = index(line, inside ? "*/" : "/*")
			if (!inside) code = code (at ? substr(line, 1, at - 1) : line)
			if (!at) break
			line = substr(line, at + 2)
			inside = !inside
		}
		if (code ~ /[^ \t]/) n++
	} END { print n + 0 }' "$@"
}

most=600 linked=
build=${top_builddir:-.}
for f in lib/warden/*.c; do
	first=$(nm -g --defined-only "$build/${f%.c}.o" 2>/dev/null | awk '$2 == "T" { print $3; exit }')
	[ -n "$first" ] && nm "$build/orchmake-warden" | grep -q " T $first\$" && linked="$linked $f"
done
lines=$(code_lines ${linked:-/dev/null})
echo "# the warden's own code:$linked: $lines lines"
[ -n "$linked" ] && [ "$lines" -gt 100 ] && [ "$lines" -lt "$most" ] && say ok "the warden has fewer than $most lines of code" ||
	say "not ok" "the warden has fewer than $most lines of code"
echo "1..$n"
