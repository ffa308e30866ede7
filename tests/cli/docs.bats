load lib

# What the documents say is true: README's examples run, the manual is complete and well formed.

# The Nth ```yaml block of FILE that is a Jobfile; nothing if there are fewer.
yaml_block() { # FILE N
	awk -v want="$2" '
		/^```yaml$/ { inside = 1; text = ""; next }
		inside && /^```$/ { inside = 0; if (text ~ /^jobfile: 1\n/ && ++n == want) printf "%s", text; next }
		inside { text = text $0 "\n" }' "$1"
}

# The blocks of the manual's page FILE that are whole Jobfiles, as they are printed.
manual_block() { # FILE N
	awk -v want="$2" '
		/^\.Bd -literal/ { inside = 1; text = ""; next }
		inside && /^\.Ed$/ { inside = 0; if (text ~ /^jobfile: 1\n/ && ++n == want) printf "%s", text; next }
		inside { gsub(/\\e/, "\\"); text = text $0 "\n" }' "$1"
}

pages() { # sets MAN1 and MAN5, made by the build
	MAN1=$top_builddir/doc/orchmake.1
	MAN5=$top_builddir/doc/jobfile.5
	LEDGER5=$top_builddir/doc/orchmake-ledger.5
	[ -e "$MAN1" ] && [ -e "$MAN5" ] && [ -e "$LEDGER5" ] && return 0
	echo "the manual has not been made: make all"
	return 1
}

# Every Jobfile that READ FILE N finds is right and runs.
run_blocks() { # READ FILE
	local n=1 block
	while block=$("$1" "$2" $n) && [ -n "$block" ]; do
		printf 'block %s of %s\n' "$n" "$2"
		mkdir "block$n"
		cd "block$n" || return 1
		printf '%s\n' "$block" >Jobfile
		want 0 orchmake validate --strict
		want 0 orchmake -n
		want 0 orchmake -j4
		cd ..
		n=$((n + 1))
	done
	[ "$n" -gt 1 ]
}

@test "the Debian package and bootstrap have every library that configure wants" {
	wanted=$(sed -n 's/^ORCHMAKE_NEEDS(.*\[\([a-z0-9-]*-dev\)\])$/\1/p' "$top_srcdir/configure.ac")
	[ "$(wc -l <<<"$wanted")" -ge 7 ]
	for package in $wanted; do
		grep -q "^	$package " "$top_srcdir/debian/control" || { echo "not in debian/control: $package"; false; }
		grep -q "^build_packages=.*[ \"]$package[ \"]" "$top_srcdir/bootstrap" || { echo "not in bootstrap: $package"; false; }
	done
}

@test "the Jobfiles in README are right and run" {
	run_blocks yaml_block "$top_srcdir/README.md"
}

@test "the Jobfiles in the manual are right and run" {
	pages
	run_blocks manual_block "$MAN1"
	rm -rf block*
	run_blocks manual_block "$MAN5"
}

# Ids, folders and times are not the same twice.
as_ever() {
	sed -E 's/[0-9A-HJKMNP-TV-Z]{26}/RUN/g; s/01[0-9A-HJKMNP-TV-Z]{8}/RUN/g; s/[0-9]+\.[0-9]+s/TIME/g;
		s/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}/DATE/g; s/ +$//'
}

@test "the picture in README is what the program shows" {
	sed -n '/^What it looks like/,/^## /{/^    /s/^    //p;/^$/p}' "$top_srcdir/README.md" >picture
	sed -n '/^\$ cat Jobfile$/,/^$/{/^\$/d;/./p}' picture >Jobfile
	sed -n 's/^\$ \(orchmake.*\)/\1/p' picture >commands
	is "$(wc -l <commands)" 3
	while read -r line; do
		printf '$ %s\n' "$line"
		LC_ALL=C bash -c "$line" 2>&1 || true
		echo
	done <commands >shown
	sed -n '/^\$ orchmake/,$p' picture | as_ever | cat -s >wanted
	as_ever <shown | cat -s >got
	diff <(sed '${/^$/d}' wanted) <(sed '${/^$/d}' got)
}

# What a command line ends with: a plan that would run something with 1.
code_of() {
	case $1 in
	"orchmake plan "*) echo 1 ;;
	*) echo 0 ;;
	esac
}

@test "the commands that README lists work on its Jobfile" {
	yaml_block "$top_srcdir/README.md" 1 >Jobfile
	sed -n 's/^    \(orchmake.*\)/\1/p' "$top_srcdir/README.md" | sed 's/  .*//' >commands
	[ "$(wc -l <commands)" -gt 5 ]
	while read -r line; do
		want "$(code_of "$line")" bash -c "$line"
	done <commands
}

@test "the commands in the manual's examples work" {
	command -v sqlite3 >/dev/null || skip "sqlite3 is not installed"
	pages
	jobfile <<-'J'
	jobfile: 1
	params: {date: {type: date, default: 2026-01-01}}
	jobs:
	  nightly: {needs: [pull_orders, pull_customers], env: {D: "${{ params.date }}"}, run: echo "$D"}
	  pull_orders: {noop: true}
	  pull_customers: {noop: true}
	  load: {steps: [{id: check, run: test ! -e bad}, {id: count, run: echo 1; test ! -e bad}]}
	J
	touch bad
	want 1 orchmake -k load/count
	want 1 orchmake --only load/count load
	rm bad
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh D/{s/^\.Dl \$ //p}' "$MAN1" >commands
	sed -n '/^\$ sqlite3/,/^\.Ed/{/^\.Ed/d;s/^\$ //p;/^ /p}' "$MAN1" >query
	[ "$(wc -l <commands)" -gt 5 ]
	command -v dot >/dev/null || sed -i 's/ | dot .*//' commands
	while read -r line; do
		want "$(code_of "$line")" bash -c "$line"
	done <commands
	is "$(jq .success result.json)" true
	want 0 bash query
	says load/count
}

@test "the manual is well formed" {
	command -v mandoc >/dev/null || skip "mandoc is not installed"
	pages
	want 0 mandoc -Tlint -Wwarning "$MAN1"
	is "$out" ""
	want 0 mandoc -Tlint -Wwarning "$MAN5"
	is "$out" ""
	want 0 mandoc -Tlint -Wwarning "$LEDGER5"
	is "$out" ""
}

@test "no mark of a table is left in the manual, and no table is empty" {
	pages
	want 1 grep -n '^@\|@VERSION@' "$MAN1" "$MAN5" "$LEDGER5"
	want 0 grep -n -A1 '^\.Bl' "$MAN1" "$MAN5" "$LEDGER5"
	is "$(grep '\.El' <<<"$out")" ""
}

@test "the manual has every column of every view, in order, and no others" {
	pages
	jobfile <<<$'jobfile: 1\njobs: {a: {noop: true}}'
	want 0 orchmake -s
	sql "SELECT v.name || '.' || c.name FROM sqlite_schema AS v, pragma_table_info(v.name) AS c
		WHERE v.type = 'view' ORDER BY v.name, c.cid" >wanted
	awk '/^\.Ss v_/ { view = $2 } /^\.Sh QUERIES/ { exit } /^\.It Va / { print view "." $3 }' "$LEDGER5" |
		LC_ALL=C sort -s -t. -k1,1 >got
	[ "$(wc -l <got)" -gt 100 ]
	diff wanted got
}

@test "the statements in the manual's examples run" {
	pages
	jobfile <<<$'jobfile: 1\njobs: {a: {noop: true}}'
	want 0 orchmake -s
	sed -n '/^\.Sh EXAMPLES/,$p' "$LEDGER5" | sed '/^\./d' | awk -v RS=';\n' '/SELECT/ { print > ("example" NR ".sql") }'
	for n in 1 2 3; do
		sed -i -n '/^SELECT/,$p' example$n.sql
		want 0 orchmake sql -- "$(cat example$n.sql)"
	done
	sed -n '/^\$ orchmake/s/^\$ //p' "$LEDGER5" >commands
	[ "$(wc -l <commands)" -ge 3 ]
	while read -r line; do
		want 0 bash -c "$line"
	done <commands
}

@test "every option and every verb of --help is in the manual" {
	pages
	want 0 orchmake --help
	options=$(grep -o -- '--[a-z][a-z-]*' <<<"$out" | sort -u)
	[ "$(wc -l <<<"$options")" -gt 30 ]
	for o in $options; do
		grep -q "^\.It.* Fl \\\\-${o#--}\( \|\$\)" "$MAN1" || {
			echo "the manual has no $o"
			return 1
		}
	done
	verbs=$(sed -n '/^verbs$/,/^$/s/^  \([a-z]*\) .*/\1/p' <<<"$out")
	[ "$(wc -l <<<"$verbs")" -gt 10 ]
	for v in $verbs; do
		grep -q "^\.It Cm $v\( \|\$\)" "$MAN1" || {
			echo "the manual has no verb $v"
			return 1
		}
	done
}

@test "the files that HACKING names exist" {
	cd "$top_srcdir"
	names=$(grep -o '`[^`]*`' HACKING.md | tr -d '`' |
		grep -E '^(lib|src|tests|scripts|doc|bench|examples|jobfiles|libexec|data)/')
	[ "$(wc -l <<<"$names")" -gt 15 ]
	for name in $names; do
		case $name in *NNN*) name=${name/NNN/[0-9]*} ;; esac
		compgen -G "$name" >/dev/null || {
			echo "HACKING.md names '$name', which does not exist"
			return 1
		}
	done
}

@test "the files that the design pages name exist" {
	cd "$top_srcdir"
	for page in doc/design/*.md; do
		for name in $(grep -oE '`(lib|src|tests|scripts)/[^` ]*`' "$page" | tr -d '`'); do
			compgen -G "$name" >/dev/null || {
				echo "$page names '$name', which does not exist"
				return 1
			}
		done
	done
}
