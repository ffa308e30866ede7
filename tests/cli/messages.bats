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

# exactly TEXT: what stderr says, word by word.
exactly() {
	diff <(printf '%s\n' "$1") <(printf '%s\n' "$err") || return 1
}

as_nobody() {
	[ "$(id -u)" = 0 ] || skip "only root can become somebody else"
	command -v setpriv >/dev/null || skip "setpriv is not installed"
	chmod 755 "$T" "$PWD"
	setpriv --reuid=65534 --clear-groups "$@"
}

@test "no Jobfile: exactly what is said, also beside a Makefile and a folder of that name" {
	want 2 orchmake
	exactly "orchmake: error: no Jobfile here or in a folder above
      = \`orchmake init\` writes one; -f FILE names another"
	touch Makefile
	want 2 orchmake all
	exactly "orchmake: error: no Jobfile here or in a folder above
      = 'Makefile' is for another program; a job may run that: \`run: make\`
      = or take it over: \`orchmake import Makefile >Jobfile\`
      = \`orchmake init\` writes one; -f FILE names another"
	rm Makefile
	mkdir Jobfile
	want 2 orchmake
	exactly "orchmake: error: no Jobfile here or in a folder above
      = 'Jobfile' is a folder: -f Jobfile reads the documents below it; below jobfiles/ they are found
      = \`orchmake init\` writes one; -f FILE names another"
	want 2 orchmake -f Jobfile
	exactly "orchmake: error: 'Jobfile' is a folder, with no document below it
      = documents are files named Jobfile, *.yml, *.yaml or *.json"
	want 2 orchmake -f nofile
	exactly "orchmake: error: 'nofile' not found"
}

@test "no Jobfile, but documents that say what they are" {
	echo '{"plan_id": "p", "version": "1", "globals": {}, "steps": []}' >nightly.json
	echo 'job_id: ingest' >ingest.yml
	echo 'pipeline_id: p' >pipe.yaml
	echo 'jobfile: 1' >z.yml
	echo '{"name": "no orchmake"}' >package.json
	echo '[' >bad.json
	mkfifo fifo.json
	want 2 orchmake
	exactly "orchmake: error: no Jobfile here or in a folder above
      = 'ingest.yml' is a lorchestra job: \`orchmake -f ingest.yml\` runs it
      = 'nightly.json' is a plan: \`orchmake -f nightly.json\` runs it
      = 'pipe.yaml' is a lorchestra pipeline: \`orchmake -f pipe.yaml\` runs it
      = \`orchmake init\` writes one; -f FILE names another"
}

@test "an unknown target: exactly what is said" {
	jobfile <<<$'jobfile: 1\njobs: {build: {noop: true}}'
	want 2 orchmake biuld
	complains "orchmake: error: there is no job 'biuld'"
	complains "      = did you mean 'build'?"
	want 2 orchmake frobnicate
	complains "\`orchmake list\` shows what there is"
	no complains "the verb"
	want 2 orchmake histroy
	complains "or is the verb \`history\` meant?"
	want 2 orchmake build param=1
	no complains "the verb"
	[ ! -e .orchmake ]
}

@test "no right to read the Jobfile, or to write beside it: what to do" {
	jobfile <<<$'jobfile: 1\njobs: {build: {noop: true}}'
	mkdir locked
	cp Jobfile locked/
	chmod 600 locked/Jobfile
	chmod 755 locked
	cd locked
	want 2 as_nobody orchmake
	exactly "orchmake: error: cannot read 'Jobfile': Permission denied
      = \`ls -l Jobfile\` shows who may; -f FILE names another"
	chmod 644 Jobfile
	want 5 as_nobody orchmake
	exactly "orchmake: cannot make the folder '$PWD/.orchmake': Permission denied (run it as who owns the folder of the Jobfile, or on a copy)"
	want 0 as_nobody orchmake -n
	chmod 700 .
	want 2 setpriv --reuid=65534 --clear-groups orchmake -C "$PWD"
	exactly "orchmake: cannot change to the folder '$PWD': Permission denied"
}

@test "a ledger that cannot be read: exit 5, and -n goes on without it and says so" {
	jobfile <<<$'jobfile: 1\njobs: {build: {noop: true}}'
	mkdir -m 700 .orchmake
	echo junk >.orchmake/ledger.db
	for verb in "" history "why build" "logs build" "graph --run last" stats report status; do
		want 5 orchmake $verb
		complains "is not a ledger: no SQLite file (name another file with --ledger)"
	done
	want 0 orchmake -n
	complains "nothing is known of earlier runs: ledger"
	says "1 build"
	is "$(cat .orchmake/ledger.db)" junk
}

@test "a full disk: the run stops, exit 5, and says what to do" {
	[ "$(id -u)" = 0 ] || skip "only root can mount"
	mkdir tiny
	mount -t tmpfs -o size=200k none tiny 2>/dev/null || skip "nothing can be mounted here"
	cd tiny
	jobfile <<<$'jobfile: 1\njobs: {build: {run: echo hi}}'
	dd if=/dev/zero of=filling bs=1k 2>/dev/null || true
	run orchmake
	cd ..
	umount tiny
	printf '%s\n' "$output"
	is "$status" 5
	[[ $output == *"No space left on device"*"make room on the disk"* ]]
}
