load data

# given TEXT [NAME]: a file of the export
given() { mkdir -p in && printf "$1" >"in/${2:-a.json}"; }

# callable NAME [PARAMETERS]: parameters are those in with.json, if none are given
callable() {
	if [ $# = 2 ]; then printf '%s' "$2" >with.json; fi
	orchmake-data "$1" <with.json
}

# intake [PARAMETERS]: what injest makes of the export
intake() {
	jq -nc --argjson more "${1:-{\}}" '{files: "in", records: "value", id: "id", version: "v", version_as: "number",
		source_system: "s", connection_name: "c", object_type: "o"} + $more' >with.json
	callable injest
}

ids() { jq -r '[.items[] | .id | tostring] | join(" ")' <<<"$out"; }

@test "injest takes a list, pages, lists of pages, one record, and lines" {
	local text
	for text in '[{"id":"1"},{"id":"2"}]' '{"value":[{"id":"1"},{"id":"2"}],"@odata.nextLink":"x"}' \
		'[{"value":[{"id":"1"}]},{"value":[{"id":"2"}]}]' '{"id":"1"}\n{"id":"2"}\n' '{"value":[{"id":"1"}]}\n{"value":[{"id":"2"}]}' \
		'\n [{"id":"1"}]\n\n[{"id":"2"}] '; do
		given "$text"
		want 0 intake
		is "$text: $(ids)" "$text: 1 2"
	done
	given '{"id":"7"}'
	want 0 intake
	is "$(ids)" 7
}

@test "injest takes empty lists and pages, but no empty file" {
	local text
	for text in '[]' '{}' '{"value":[]}' '{"resultSizeEstimate":0}' '{"object":"list","has_more":false,"url":"/"}'; do
		given "$text"
		want 0 intake
		is "$text: $(jq -c '[.items, .rejected]' <<<"$out")" "$text: [[],[]]"
	done
	for text in '' ' \n' '\xef\xbb\xbf'; do
		given "$text"
		want 1 intake
		is "$err" "error: in/a.json: is empty"
	done
}

@test "injest reads UTF-8, UTF-16 and Windows-1252 alike" {
	local name
	printf '[{"id":"\303\244 \342\202\254"}]' >plain
	mkdir in
	for name in UTF-8 UTF-16LE UTF-16BE WINDOWS-1252; do
		case $name in
		UTF-8) { printf '\357\273\277'; cat plain; } ;;
		UTF-16LE) { printf '\377\376'; iconv -f UTF-8 -t $name plain; } ;;
		UTF-16BE) iconv -f UTF-8 -t $name plain ;; # without a mark
		*) iconv -f UTF-8 -t $name plain ;;
		esac >in/a.json
		want 0 intake
		is "$name: $(ids)" "$name: ä €"
		is "$(jq -r '.stats.files[0].encoding' <<<"$out" | tr '[:lower:]' '[:upper:]')" "$name"
	done
	printf '\377\376[\0{\0\n' >in/a.json
	want 1 intake
	is "$err" "error: in/a.json: ends within a character of UTF-16"
	printf '\377\376\0\0[\0\0\0' >in/a.json
	want 1 intake
	is "$err" "error: in/a.json: is UTF-32, which is not supported"
}

@test "injest says where a file is no JSON" {
	given '[{"id":"1"},\n{"id":'
	want 1 intake
	complains "error: in/a.json:2: is not JSON, or cut off:"
	given '{"id":"1"}\n{"id":"2"\n' a.json
	want 1 intake
	complains "in/a.json:"
	given '"only a text"'
	want 1 intake
	complains "is neither a list of records nor a map with 'value' or 'id'"
	given '[{"id":"1"}] trailing'
	want 1 intake
	complains "in/a.json:1: is not JSON"
}

@test "injest takes what other programs cannot hold" {
	given '[{"id":"1","a":"x\\u0000y","b":"\\ud83d","c":"\\ud83d\\ude00","d":12345678901234567890,"e":-5}]'
	want 0 intake
	is "$(jq -c '.items[0] | [.a, .b, .c, .d, .e]' <<<"$out")" '["x�y","�","😀","12345678901234567890",-5]'
}

@test "injest rejects and counts records without an id, and records that are none" {
	given '[{"id":"1"},{"x":1},{"x":1},{"id":null},{"id":" "},{"id":true},{"id":1.5},"text",null,[1],{"id":"2","@removed":{}},{"id":5}]'
	want 0 intake
	is "$(ids)" "1 5"
	is "$(jq -cS .stats.rejected <<<"$out")" '{"bad_id":2,"missing_id":4,"not_an_object":3,"tombstone":1}'
	is "$(jq '[.rejected[].reject_key] | unique | length' <<<"$out")" 10
	is "$(jq -c '[.rejected[] | .position] | sort' <<<"$out")" '[2,3,4,5,6,7,8,9,10,11]'
	given "[$(printf '[%.0s' {1..70})$(printf ']%.0s' {1..70}),{\"id\":\"1\"}]"
	want 0 intake
	is "$(jq -cS .stats.rejected <<<"$out")" '{"too_deep":1}'
}

@test "injest keeps the newest version, the later one if that does not tell" {
	given '[{"id":"1","v":"9","a":1},{"id":"1","v":"10","a":2},{"id":"1","v":"2","a":3},{"id":"2","a":1},{"id":"2","a":2},{"id":"2","a":2}]'
	want 0 intake
	is "$(jq -c '[.items[].a]' <<<"$out")" '[2,2]'
	is "$(jq -c '.stats | [.records, .objects, .duplicates, .superseded]' <<<"$out")" '[6,2,1,3]'
	given '[{"id":"1","v":"2025-01-01T10:00:00+02:00","a":1},{"id":"1","v":"2025-01-01T09:00:00.5Z","a":2},{"id":"1","v":"2025-01-01T08:59Z","a":3}]'
	want 0 intake '{"version_as":"time"}'
	is "$(jq -c '[.items[].a]' <<<"$out")" '[2]'
}

@test "injest answers only what the store has not" {
	given '[{"id":"1","v":"1"},{"id":"2","v":"2","n":1.0},{"id":"3","v":"3"},{"id":"4"}]'
	want 0 intake '{"known":[{"idem_key":"s:c:o:1","payload":{"v":"1","id":"1"}},{"idem_key":"s:c:o:2","payload":{"id":"2","v":"1"}},
		{"idem_key":"s:c:o:3","payload":{"id":"3","v":"4"}}]}'
	is "$(ids)" "2 4"
	is "$(jq -c '.stats | [.new, .updated, .unchanged, .stale]' <<<"$out")" '[1,1,1,1]'
}

@test "injest reads the files of a folder by name, and no others" {
	mkdir in
	echo '[{"id":"1","a":1}]' >in/b.json
	echo '[{"id":"1","a":2}]' >in/a.JSON
	echo 'rubbish' >in/readme.txt
	echo 'rubbish' >in/.hidden.json
	want 0 intake '{"version":null}'
	is "$(jq -c '[.items[].a]' <<<"$out")" '[1]'
	want 0 intake '{"files":["in/a.JSON"]}'
	want 0 intake '{"files":"in/*.json"}'
	want 1 intake '{"files":"none/*.json"}'
	is "$err" "error: there is no export 'none/*.json'"
}

@test "injest makes the same event of the same export" {
	given '[{"id":"1"},{"x":1}]'
	want 0 intake
	local first
	first=$(jq -c '[.event, .rejected]' <<<"$out")
	want 0 intake '{"known":[{"idem_key":"s:c:o:1","payload":{"id":"1"}}]}'
	is "$(jq -c '[.event, .rejected]' <<<"$out")" "$first"
}

@test "a callable names the parameter that is wrong" {
	given '[]'
	want 1 intake '{"id":null}'
	is "$err" "error: parameter 'id' is null, not a text"
	want 1 intake '{"fiels":1}'
	is "$err" "error: unknown parameter 'fiels'"
		want 2 orchmake-data nothing
	complains "NAME is one of: injest canonizer"
}

# canon TRANSFORM PAYLOAD: the row that the shipped transform makes of it
canon() {
	jq -nc --arg t "$1" --argjson p "$2" --arg f "$SOURCE/libexec/transforms" '{transform_id: $t, transforms: $f,
		items: [{idem_key: "k", source_system: "s", connection_name: "c", last_seen: "T", payload: $p}]}' >with.json
	callable canonizer
}

@test "canonizer decodes a mail's body by its charset, base64url with or without padding" {
	local data row
	for row in 'utf-8 Z3LDtsOf' 'iso-8859-1 Z3L23w==' 'ISO-8859-1 Z3L23w' 'unknown Z3L23w==' 'utf-8 Z3LDtsOf\n'; do
		data=${row#* }
		want 0 canon email/gmail_to_jmap_lite@1.0.0 "{\"id\":\"1\",\"payload\":{\"mimeType\":\"text/plain\",
			\"headers\":[{\"name\":\"content-type\",\"value\":\"text/plain; charset=\\\"${row%% *}\\\"\"}],\"body\":{\"data\":\"$data\"}}}"
		is "$row: $(jq -r '.items[0].body_text' <<<"$out")" "$row: größ"
	done
	want 0 canon email/gmail_to_jmap_lite@1.0.0 '{"id":"1","payload":{"mimeType":"text/plain","body":{"data":"!!"}}}'
	is "$(jq -r '.items[0].body_text' <<<"$out")" null
}

@test "canonizer reads addresses, dates and flags of mails" {
	want 0 canon email/gmail_to_jmap_lite@1.0.0 '{"id":"1","labelIds":["UNREAD","STARRED"],"internalDate":"1735689599999","payload":{"headers":[
		{"name":"from","value":"\"Doe, Jane\" <Jane@Example.ORG>"},{"name":"To","value":"a@b.c, \"x, y\" <D@e.f>,, <g@h.i>"},
		{"name":"DATE","value":"Wed, 1 Jan 2025 01:00:00 +0200 (EET)"}]}}'
	is "$(jq -c '.items[0] | [.from_email, .from_name, .to_addresses, .sent_at, .received_at, .is_read, .is_flagged, .is_draft]' <<<"$out")" \
		'["jane@example.org","Doe, Jane","[{\"name\":null,\"email\":\"a@b.c\"},{\"name\":\"x, y\",\"email\":\"d@e.f\"},{\"name\":null,\"email\":\"g@h.i\"}]","2024-12-31T23:00:00Z","2024-12-31T23:59:59.999Z",0,1,0]'
}

@test "canonizer makes text of HTML" {
	want 0 canon email/exchange_to_jmap_lite@1.0.0 '{"id":"1","body":{"contentType":"HTML","content":
		"<html><head><title>t</title><style>p{}</style></head><body><!-- c --><p>a &amp; b &#233;&#x2014;</p><p>1 < 2<br>c</p><script>x</script></body></html>"}}'
	is "$(jq -r '.items[0].body_text' <<<"$out")" "$(printf 'a & b é—\n1 < 2\nc')"
}

@test "canonizer makes null of what it cannot convert, and keeps a row for every object" {
	want 0 canon contact/dataverse_to_contact@1.0.0 '{"contactid":"1","emailaddress1":{},"birthdate":"no","statecode":9,"modifiedon":"2025-02-30T00:00:00Z"}'
	is "$(jq -c '.items[0] | [.contact_id, .email, .birth_date, .status, .modified_at, .source_seen]' <<<"$out")" '["1",null,null,null,null,"T"]'
	want 0 canon session/dataverse_to_session_note@1.0.0 '{"cre92_clientsessionid":"1","cre92_sessionnotes":" \n"}'
	is "$(jq -c '.items[0] | [.idem_key, .kind, .content]' <<<"$out")" '["k#note","note",null]'
}

@test "canonizer refuses a transform that is not there, or not itself, or outside" {
	want 1 canon no/such@1.0.0 '{}'
	complains "No such file or directory"
	want 1 canon ../views/x '{}'
	complains "is no name of a transform"
	mkdir -p t
	echo '{"transform":"a","columns":{"x":{"from":"y","as":"txet"}}}' >t/a.json
	want 1 callable canonizer '{"transform_id":"a","transforms":"t","items":[]}'
	is "$err" "error: t/a.json: column 'x': no conversion is called 'txet'"
	mv t/a.json t/b.json
	want 1 callable canonizer '{"transform_id":"b","transforms":"t","items":[]}'
	is "$err" "error: t/b.json: the file says it is 'a'"
}

# scored FORM ANSWERS...: one answer for each scored question
scored() {
	local form=$1
	shift
	jq -nc --arg form "$form" --slurpfile d "$SOURCE/data/forms/$form.json" --arg root "$SOURCE/data" '
		[$d[0].questions[] | select(.item) | .question_id] as $q |
		{mode: "measure", form: $form, forms: ($root + "/forms"), instruments: ($root + "/instruments"),
		items: [{idem_key: "r", response_id: "r", form_id: $form, answers: ([$ARGS.positional | to_entries[] |
			select(.value != "-") | {key: $q[.key], value: .value}] | from_entries)}]}' --args -- "$@" >with.json
	callable finalform
}

@test "finalform scores PHQ-9 and GAD-7 with their severities" {
	local n=0 row
	for row in "0 0 0 0 0 0 0 0 0:0 minimal" "1 1 1 1 0 0 0 0 0:4 minimal" "1 1 1 1 1 0 0 0 0:5 mild" "3 3 3 0 0 0 0 0 0:9 mild" \
		"3 3 3 1 0 0 0 0 0:10 moderate" "3 3 3 3 2 0 0 0 0:14 moderate" "3 3 3 3 3 0 0 0 0:15 moderately severe" \
		"3 3 3 3 3 3 1 0 0:19 moderately severe" "3 3 3 3 3 3 2 0 0:20 severe" "3 3 3 3 3 3 3 3 3:27 severe"; do
		# shellcheck disable=SC2086
		want 0 scored intake_01 ${row%:*}
		is "$(jq -r '.items[0] | "\(.score) \(.severity)"' <<<"$out")" "${row#*:}"
	done
	want 0 scored intake_02 3 3 3 3 2 0 0
	is "$(jq -r '.items[0] | "\(.score) \(.severity)"' <<<"$out")" "14 moderate"
	want 0 scored followup 0 0 0 0 0 0 0 0 "Several days" 3 3 3 3 3 "  nearly EVERY day" "Not at all"
	is "$(jq -c '[.items[] | [.instrument, .score, .severity, .flags]]' <<<"$out")" \
		'[["phq-9",1,"minimal","[\"thoughts of self-harm\"]"],["gad-7",18,"severe","[]"]]'
}

@test "finalform gives no score where an answer is missing or is no choice" {
	want 0 scored intake_02 3 3 - 3 2 0 0
	is "$(jq -c '.items[0] | [.status, .items_answered, .score, .severity]' <<<"$out")" '["incomplete",6,null,null]'
	want 0 scored intake_02 3 3 4 3 2 0 0
	is "$(jq -c '.items[0] | [.status, .score]' <<<"$out")" '["invalid",null]'
	want 0 scored intake_02 3 3 Sometimes - 2 0 0
	is "$(jq -c '.items[0] | [.status, .score]' <<<"$out")" '["invalid",null]'
}

@test "finalform sums the scales of the IPIP-NEO-120 with its reversed items" {
	# shellcheck disable=SC2046
	want 0 scored ipip120 $(printf '1 %.0s' {1..120})
	is "$(jq -c '.items[0] | [.status, .score, (.scales | fromjson | [.N, .E, .O, .A, .C, .N1, .A6] | tostring)]' <<<"$out")" \
		'["complete",null,"[52,48,72,92,76,4,12]"]'
	is "$(jq '.items[0].scales | fromjson | length' <<<"$out")" 35
	# shellcheck disable=SC2046
	want 0 scored ipip120 - $(printf '5 %.0s' {2..120})
	is "$(jq -c '.items[0].scales | fromjson | [.N, .N1, .N2]' <<<"$out")" '[null,null,16]'
}

@test "finalform makes an observation of every item, scale and total" {
	want 0 scored intake_02 3 3 - 3 2 0 0
	jq -c --arg root "$SOURCE/data" '{mode: "observe", form: "intake_02", forms: ($root + "/forms"), instruments: ($root + "/instruments"),
		items: [.items[] | .answers |= fromjson | .scales |= fromjson]}' <<<"$out" >with.json
	want 0 callable finalform
	is "$(jq -c '[.items[] | [.code, .value]]' <<<"$out")" \
		'[["gad-7.1",3],["gad-7.2",3],["gad-7.3",null],["gad-7.4",3],["gad-7.5",2],["gad-7.6",0],["gad-7.7",0],["total",null]]'
}

@test "projectionist joins lists, sorts them, and sees whether anything changed" {
	local parts='"parts":[{"items":[{"k":"b","n":2}],"columns":{"key":"k","what":{"value":"x"}}},{"items":[{"id":"a"}],"columns":{"what":{"value":null},"key":"id"}}],"order_by":["key"]'
	want 0 callable projectionist "{$parts}"
	is "$(jq -c '[.items, .changed]' <<<"$out")" '[[{"what":null,"key":"a"},{"key":"b","what":"x"}],true]'
	want 0 callable projectionist "{$parts,\"have\":[{\"key\":\"a\",\"what\":null},{\"key\":\"b\",\"what\":\"x\"}]}"
	is "$(jq .changed <<<"$out")" false
	want 1 callable projectionist '{"parts":[{"items":[{"k":1}],"columns":{"a":"kk"}}]}'
	is "$err" "error: parts[0]: column 'a': the items have no 'kk'"
}

@test "sweeper removes what the projection made and has no more" {
	mkdir -p v/below
	for f in a b c below/d; do printf -- '---\ntype: note\n---\n' >"v/$f.md"; done
	echo mine >v/own.md
	echo 'kept' >outside && ln -s ../outside v/link.md
	want 0 callable sweeper '{"folder":"v","begins":"---\ntype: note\n","keep":[{"path":"v/a.md"}]}'
	is "$(jq -r '[.items[].path] | sort | join(" ")' <<<"$out")" "v/b.md v/c.md"
	is "$(find v -type f -o -type l | sort | paste -sd' ')" "v/a.md v/below/d.md v/link.md v/own.md"
	want 0 callable sweeper '{"folder":"none","begins":"x","keep":[]}'
}

@test "a megabyte goes through, and many" {
	jq -nc '{value: [range(20000) | {id: "id\(.)", v: "1", text: ("x" * 200)}]}' >big.json
	mkdir in && mv big.json in
	intake >answer.json
	is "$(jq '.items | length' answer.json)" 20000
}
