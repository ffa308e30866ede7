load data

prepare() {
	needs_python
	project
}

@test "the shipped exports become what the independent calculation says" {
	cp -r "$SOURCE/data/exports" data
	want 0 orchmake -j4 pipeline.daily_all
	as_calculated data/exports
}

@test "so do exports that nobody has seen, and what has changed in them a day later" {
	local seed
	for seed in ${TEST_SEED:-$RANDOM $RANDOM}; do
		echo "TEST_SEED=$seed"
		rm -rf var .orchmake monday tuesday
		exports monday --seed "$seed" --scale 0.4
		exports tuesday --seed "$seed" --scale 0.4 --day 2
		want 0 orchmake -j4 exports=monday pipeline.daily_all
		as_calculated monday
		want 0 orchmake -j4 exports=tuesday pipeline.daily_all
		as_calculated monday tuesday
	done
}

@test "a second run writes nothing at all" {
	small_exports
	want 0 orchmake -j4 pipeline.daily_all
	state_of_data >before
	want 0 orchmake -j4 pipeline.daily_all
	state_of_data | diff before -
}

@test "only what has changed is written a day later" {
	small_exports
	want 0 orchmake -j4 pipeline.daily_all
	exports data/exports --seed 5 --scale 0.1 --day 2
	want 0 orchmake -j4 pipeline.daily_all
	local old new
	old=$(data raw "SELECT count(*) FROM raw_objects WHERE last_seen < (SELECT max(last_seen) FROM raw_objects WHERE first_seen = last_seen)")
	new=$(data raw "SELECT count(*) FROM raw_objects")
	[ "$old" -gt $((new / 2)) ]
	is "$(data raw "SELECT count(*) FROM raw_objects WHERE last_seen < first_seen")" 0
}

@test "an export in another encoding is the same export" {
	small_exports
	want 0 orchmake -j4 pipeline.daily_all
	state_of_data | grep -v raw.db >before
	local f
	for f in data/exports/dataverse/sessions/*.json data/exports/stripe/*/*.json; do
		{ printf '\377\376'; iconv -f UTF-8 -t UTF-16LE "$f"; } >utf16
		mv utf16 "$f"
	done
	want 0 orchmake -j4 pipeline.daily_all
	state_of_data | grep -v raw.db | diff before -
	as_calculated data/exports
}

@test "an older version that comes later does not replace a newer one" {
	small_exports
	exports newer --seed 5 --scale 0.1 --day 3
	want 0 orchmake -j4 exports=newer pipeline.daily_all
	want 0 orchmake -j4 pipeline.daily_all
	as_calculated newer data/exports
}

@test "what is withdrawn leaves the vault, and what is not ours stays" {
	small_exports
	want 0 orchmake -j4 pipeline.daily_all
	local id
	id=$(data canonical "SELECT session_id FROM session_transcripts ORDER BY 1 LIMIT 1")
	[ -e "var/vault/transcripts/$id.md" ]
	echo "my own" >var/vault/transcripts/own.md
	printf '{"value":[{"cre92_clientsessionid":"%s","cre92_transcript":null,"modifiedon":"2030-01-01T00:00:00Z"}]}' "$id" \
		>data/exports/dataverse/sessions/zz.json
	want 0 orchmake -j4 pipeline.daily_all
	[ ! -e "var/vault/transcripts/$id.md" ]
	is "$(cat var/vault/transcripts/own.md)" "my own"
	rm var/vault/transcripts/own.md
	as_calculated data/exports
}

@test "an export without records is fine" {
	small_exports
	rm data/exports/stripe/refunds/* data/exports/google_forms/followup/* data/exports/gmail/acct3/*
	echo '{"object":"list","data":[],"has_more":false}' >data/exports/stripe/refunds/refunds.json
	echo '{}' >data/exports/google_forms/followup/responses.json
	echo '{"resultSizeEstimate":0}' >data/exports/gmail/acct3/messages.json
	want 0 orchmake -j4 pipeline.daily_all
	as_calculated data/exports
}

@test "the views hold the same rows as the projections" {
	small_exports
	want 0 orchmake -j4 first_run
	local t
	for t in clients sessions transcripts clinical_documents form_responses contact_events; do
		is "$t $(data canonical "SELECT count(*) FROM proj_$t")" "$t $(data local "SELECT count(*) FROM $t")"
	done
}

@test "every job reads rows and leaves some" {
	small_exports
	want 0 orchmake -j4 pipeline.daily_all
	local table
	for table in raw.raw_objects raw.rejects raw.validations raw.wal_domain_events canonical.email_messages \
		canonical.contacts canonical.clinical_sessions canonical.session_transcripts canonical.session_notes \
		canonical.session_summaries canonical.reports canonical.customers canonical.invoices canonical.payments \
		canonical.refunds canonical.form_responses derived.measurement_events derived.observations; do
		[ "$(data "${table%.*}" "SELECT count(*) FROM ${table#*.}")" -gt 0 ] || { echo "$table is empty"; return 1; }
	done
	is "$(data raw "SELECT count(DISTINCT job) FROM validations")" 10
	is "$(data raw "SELECT count(*) FROM wal_domain_events WHERE event_type = 'export.ingested'")" 17
}
