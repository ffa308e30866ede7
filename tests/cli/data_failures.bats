load data

prepare() {
	project
	small_exports
}

# spoils FOLDER INGEST VALIDATE: whatever is wrong with that export, exactly its jobs fail
spoils() {
	want 1 orchmake -j4 --format=json pipeline.ingest
	is "$(failed_jobs)" "$1 $2"
	case $(error_of "$1") in *"$3"*) ;; *) error_of "$1"; return 1 ;; esac
	case $(error_of "$2") in *"no export of it was ever read"*) ;; *) error_of "$2"; return 1 ;; esac
}

@test "a truncated export fails its own jobs" {
	local f=data/exports/dataverse/contacts/contacts-001.json
	head -c 3000 $f >half && mv half $f
	spoils ingest_dataverse_contacts validate_dataverse_contacts "contacts-001.json:1: is not JSON, or cut off"
}

@test "so does a page of HTML" {
	echo '<html><body>Sign in</body></html>' >data/exports/stripe/refunds/refunds-001.json
	spoils ingest_stripe_refunds validate_stripe_refunds "refunds-001.json:1: is not JSON"
}

@test "so does an empty file" {
	: >data/exports/gmail/acct2/messages.jsonl
	spoils ingest_gmail_acct2 validate_gmail "messages.jsonl: is empty"
}

@test "so does an error of the API that was saved as an export" {
	echo '{"error":{"code":401,"message":"Invalid Credentials"}}' >data/exports/exchange/info_mensio/messages-001.json
	spoils ingest_exchange_info_mensio validate_exchange "holds an error answer instead of records: Invalid Credentials"
}

@test "so does JSON of another shape" {
	echo '{"rows":[1,2]}' >data/exports/stripe/customers/customers-001.json
	spoils ingest_stripe_customers validate_stripe_customers "is neither a list of records nor a map with 'data' or 'id'"
}

@test "so does a folder without an export, or none" {
	rm data/exports/google_forms/ipip120/*
	spoils ingest_google_forms_ipip120 validate_google_forms "no export (*.json, *.jsonl, *.ndjson) in"
	rm -r var data/exports/google_forms/ipip120
	spoils ingest_google_forms_ipip120 validate_google_forms "there is no export 'data/exports/google_forms/ipip120'"
}

@test "the daily run stops there, and what was stored before stays" {
	want 0 orchmake -j4 pipeline.daily_all
	local before
	before=$(data raw "SELECT count(*) FROM raw_objects")
	echo '[{"id":' >data/exports/gmail/acct1/messages-001.json
	want 1 orchmake -j4 --format=json pipeline.daily_all
	is "$(jq -r .failed_phase <<<"$out")" pipeline.ingest
	is "$(jq -r '.phase_results["pipeline.ingest"].failures | map(.job_id) | join(" ")' <<<"$out")" ingest_gmail_acct1
	is "$(data raw "SELECT count(*) FROM raw_objects")" "$before"
}

# check_broken JOB: each of its rules fails on the record that breaks it, and the job says so
check_broken() {
	local job=$1 rule field id n=0 named=0
	error_of "$job" >text
	while IFS=$'\t' read -r rule field id; do
		n=$((n + 1))
		if grep -qF "$rule $field: " text; then named=$((named + 1)); fi
		is "$rule $field: $(data raw "SELECT broken > 0 AND sample LIKE '%:$id%' FROM validations
			WHERE check_key = '$job/$rule/$field'")" "$rule $field: 1"
	done <"broken.$job"
	grep -qF "$n of $(data raw "SELECT count(*) FROM validations WHERE job = '$job'") rules broken: " text
	is "$named" "$((n < 12 ? n : 12))"
	# None is left out but those of the key, without which nothing is stored, and of the log.
	is "$(data raw "SELECT group_concat(rule || ' ' || field, ', ') FROM validations WHERE job = '$job' AND broken = 0
		AND rule <> 'ingested' AND NOT (rule IN ('required', 'type') AND field IN
		('id', 'responseId', 'contactid', 'cre92_clientsessionid', 'cre92_clientreportid'))")" ""
}

@test "each rule of each validation fails on what breaks it" {
	local job
	for job in $(grep -o 'validate_.*' "$SOURCE/tests/data/children.txt"); do
		python3 "$SOURCE/tests/data/break-rules" data/exports "$job" >"broken.$job"
	done
	want 1 orchmake -j4 --format=json pipeline.ingest
	is "$(failed_jobs)" "$(grep -o 'validate_.*' "$SOURCE/tests/data/children.txt" | sort | paste -sd' ')"
	for job in $(failed_jobs); do
		echo "$job"
		check_broken "$job"
	done
}

@test "one broken rule fails its job alone, with the object that breaks it" {
	sed -i 's/"currency": "eur"/"currency": "EURO"/g' data/exports/stripe/refunds/refunds-001.json
	want 1 orchmake -j4 --format=json pipeline.ingest
	is "$(failed_jobs)" validate_stripe_refunds
	error_of validate_stripe_refunds | grep -q '1 of 12 rules broken: match currency: .* (stripe:mensio:refund:re_'
}

@test "a store that has lost objects is found out" {
	want 0 orchmake -j4 pipeline.ingest
	sqlite3 var/raw.db "DELETE FROM raw_objects WHERE idem_key IN (SELECT idem_key FROM raw_objects WHERE object_type = 'refund' LIMIT 1)"
	want 1 orchmake --format=json validate_stripe_refunds
	says "the store has fewer objects than an export of it had"
}
