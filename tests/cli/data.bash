# For tests of the shipped pipelines: a project folder of one's own, with exports that are made for it.
load lib

SOURCE=${top_srcdir:-$BATS_TEST_DIRNAME/../..}

# A copy of what is shipped, without its exports.
project() {
	cp -r "$SOURCE/jobfiles" "$SOURCE/libexec" .
	mkdir data
	cp -r "$SOURCE"/data/schema "$SOURCE"/data/forms "$SOURCE"/data/instruments "$SOURCE"/data/views data
}

needs_python() { command -v python3 >/dev/null || skip "python3 is not installed"; }

# exports FOLDER OPTION...: invented exports, see data/make-exports
exports() {
	local to=$1
	shift
	python3 "$SOURCE/data/make-exports" "$@" "$to"
}

# Small ones, where numbers do not matter.
small_exports() {
	needs_python
	exports data/exports --seed 5 --scale 0.1
}

# as_calculated EXPORTS...: stores and vault hold what the independent calculation says
as_calculated() {
	DATA_ROOT=. python3 "$SOURCE/tests/data/expected" "$@" >expected.json
	python3 "$SOURCE/tests/data/actual" var var/vault >actual.json
	diff expected.json actual.json
}

# Everything that a run may have written: bytes of the stores, names, times and inodes of the files.
state_of_data() {
	sha256sum var/*.db
	find var/vault -type f -printf '%p %T@ %i\n' | sort
}

# data STORE SQL
data() { sqlite3 -readonly "var/$1.db" "$2"; }

# The jobs of a phase's result that failed, in one line.
failed_jobs() { jq -r '[.failures[].job_id] | sort | join(" ")' <<<"$out"; }

# What the failed job said.
error_of() { jq -r --arg job "$1" '.failures[] | select(.job_id == $job) | .error' <<<"$out"; }
