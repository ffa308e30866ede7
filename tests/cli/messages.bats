load lib

@test "an empty folder: what is missing and what to do" {
	want 2 orchmake
	complains "Jobfile"
}

@test "an unknown target: the nearest one" {
	jobfile <<-'J'
	jobfile: 1
	jobs: {pipeline.ingest: {noop: true}}
	J
	want 2 orchmake pipeline.ingst
	complains "there is no job 'pipeline.ingst'"
	complains "did you mean 'pipeline.ingest'?"
}

@test "an unknown option: the nearest one" {
	want 2 orchmake --dry-rnu
	complains "did you mean '--dry-run'?"
}

@test "all errors of a Jobfile come in one go, each with its place" {
	jobfile <<-'J'
	jobfile: 1
	jobs:
	  a: {rnu: x, needs: [b]}
	  b: {run: ":", tmeout: 5s}
	J
	want 2 orchmake
	complains "Jobfile:3:7: error: unknown key 'rnu'"
	complains "Jobfile:4:17: error: unknown key 'tmeout'"
	complains "did you mean 'timeout'?"
	[ ! -e .orchmake ]
}

@test "help comes from the tables" {
	want 0 orchmake --help
	says "--dry-run"
	says "history"
	want 0 orchmake history --help
	says "usage: orchmake history"
}

@test "--version says what the program is made of" {
	want 0 orchmake --version
	is "$(head -1 <<<"$out")" "orchmake $(sed -n 's/^AC_INIT(\[orchmake\], \[\([^]]*\).*/\1/p' "$top_srcdir/configure.ac")"
	for library in SQLite PCRE2 libyaml jansson nettle; do
		grep -q "^libraries .*$library [1-9][0-9]*\.\|^libraries .*$library 0\.[1-9]" <<<"$out"
	done
	is "$(sed -n 's/^formats .*ledger \([0-9]*\),.*/\1/p' <<<"$out")" \
		"$(ls "$top_srcdir"/lib/ledger/schema/*.sql | wc -l)"
	[ -x "$(sed -n 's/^programs  *//p' <<<"$out")/orchmake-warden" ]
}

@test "no two verbs have one name" {
	want 0 orchmake --help
	verbs=$(sed -n '/^verbs$/,/^$/s/^  \([a-z]\+\) .*/\1/p' <<<"$out" | sort)
	is "$(uniq -d <<<"$verbs")" ""
}

@test "sentences of --help stand in one column, below arguments that are too long for theirs" {
	want 0 orchmake --help
	grep -qxF "  jobs       list [GLOB] | show JOB" <<<"$out"
	grep -qx " \{35\}the jobs there are, or one of them.*" <<<"$out"
	grep -qxF "      --jobserver-style=pipe|fifo|off" <<<"$out"
	grep -qx " \{32\}how makes, cargos.*" <<<"$out"
}

@test "a full disk on standard output is not success" {
	[ -e /dev/full ] || skip "there is no /dev/full"
	jobfile <<-'J'
	jobfile: 1
	jobs: {a: {noop: true}}
	J
	run bash -c 'orchmake list >/dev/full'
	[ "$status" != 0 ]
}
