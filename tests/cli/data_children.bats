load data

@test "each composite has the children that are pinned, in their order" {
	project
	local composite
	for composite in $(cut -d' ' -f1 "$SOURCE/tests/data/children.txt" | uniq); do
		want 0 orchmake -n --format=json "$composite"
		is "$(jq -r --arg c "$composite" '.members[] | $c + " " + .job_id' <<<"$out")" \
			"$(grep "^$composite " "$SOURCE/tests/data/children.txt")"
	done
}

@test "their numbers are those of the seed" {
	is "$(cut -d' ' -f1 "$SOURCE/tests/data/children.txt" | uniq -c | awk '{printf "%s=%s ", $2, $1}')" \
		"pipeline.ingest=27 pipeline.canonize=13 pipeline.formation=6 pipeline.project=13 pipeline.views=6 pipeline.daily_all=4 "
}

@test "the shipped Jobfiles have nothing to complain of" {
	project
	want 0 orchmake validate --strict
}

@test "a dry run of everything makes nothing" {
	project
	want 0 orchmake -n pipeline.daily_all
	is "$(ls -A)" "$(printf 'data\njobfiles\nlibexec')"
}
