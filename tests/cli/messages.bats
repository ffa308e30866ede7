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
	want 0 orchmake --version
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
