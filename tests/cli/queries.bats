load lib

# query, sql, stats: what can be asked of the ledger and of stores, and that asking changes nothing.

prepare() {
	jobfile <<-'J'
	jobfile: 1
	params: {var: {type: path, default: var}}
	stores: {raw: "${{ params.var }}/raw.db", canonical: var/canonical.db}
	jobs:
	  good: {description: goes well, run: echo fine}
	  bad: {run: exit 7}
	  flaky: {retry: 1, run: "test $ORCHMAKE_ATTEMPT = 2"}
	  flow:
	    steps:
	      - {id: a, run: echo a}
	      - {id: b, run: echo b}
	J
}

# Everything in the folder, with sizes and bytes.
traces() { find . -type f | LC_ALL=C sort | xargs sha256sum; }

store() { # FILE: a store with rows of two sources
	mkdir -p "$(dirname "$1")"
	sqlite3 "$1" <<-'S'
	CREATE TABLE raw_objects (source_system TEXT, connection_name TEXT, object_type TEXT, payload TEXT, last_seen TEXT);
	INSERT INTO raw_objects VALUES ('gmail', 'acct1', 'message', 'x', '2020-01-01T00:00:00Z'),
		('gmail', 'acct1', 'message', 'y', strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
		('stripe', 'it''s "me"', 'invoice', 'z', NULL);
	CREATE TABLE other (x);
	CREATE TABLE "odd ""table'" (source_system TEXT, connection_name TEXT);
	INSERT INTO "odd ""table'" VALUES ('s', 'c');
	S
}

@test "query lists what there is, with parameters and a description" {
	want 0 orchmake query
	grep -q '^recent-jobs  *runs=100  *ledger  *The latest jobs' <<<"$out"
	grep -q '^failures  *days=7  *ledger' <<<"$out"
	want 0 orchmake query --format=json
	is "$(jq -r '.[] | select(.name == "failures") | .params[0].name + .params[0].default' <<<"$out")" days7
}

@test "every shipped query has a description and runs" {
	want 0 orchmake flow
	want 0 orchmake query --format=json
	names=$(jq -r '.[] | select(.file | startswith(env.top_builddir) or startswith(env.top_srcdir)) | .name' <<<"$out")
	is "$(jq -r '[.[] | select(.description == null)] | length' <<<"$out")" 0
	[ "$(wc -w <<<"$names")" -ge 8 ]
	for name in $names; do
		want 0 orchmake query "$name"
		says "row"
		want 0 orchmake query "$name" --format=json
		jq -e 'type == "array"' <<<"$out" >/dev/null
	done
}

@test "query recent-jobs lists jobs, newest first, and takes a limit" {
	want 0 orchmake good
	want 0 orchmake flow
	want 1 orchmake bad
	want 0 orchmake query recent-jobs --format=json
	is "$(jq -r '[.[].job] | join(" ")' <<<"$out")" "bad flow good"
	is "$(jq -r '.[1].steps' <<<"$out")" 2/2
	want 0 orchmake query recent-jobs --limit 1
	says "(1 row)"
	says bad
}

@test "a query of the project's own hides a shipped one, has parameters and defaults" {
	want 0 orchmake good
	mkdir queries
	printf '%s\n' '-- Runs of a target' '-- target = go*: which' '-- least: at least so many steps' \
		'SELECT target, :least + 1 AS more FROM v_runs WHERE target GLOB :target AND total >= :least;' >queries/mine.sql
	printf '%s\n' '-- Mine' 'SELECT 42 AS answer' >queries/recent-jobs.sql
	want 0 orchmake query
	grep -q '^mine  *target=go\* least=\.\.\.  *ledger  *Runs of a target' <<<"$out"
	want 0 orchmake query mine least=1 --format=json
	is "$(jq -c . <<<"$out")" '[{"target":"good","more":2}]'
	want 0 orchmake query mine least=1 target=x
	says "(0 rows)"
	want 2 orchmake query mine
	complains "the parameter 'least' has no value: give it as least=VALUE"
	want 2 orchmake query mine leest=1
	complains "did you mean 'least'?"
	want 0 orchmake query recent-jobs --format=csv
	is "$out" $'answer\n42'
	printf '%s\n' '-- Wrong' 'SELECT nope' >queries/wrong.sql
	want 2 orchmake query wrong
	complains "queries/wrong.sql: no such column: nope (at character 17)"
	mkdir deeper
	cd deeper
	want 0 orchmake query recent-jobs --format=csv
	is "$out" $'answer\n42'
}

@test "a query may be of a store" {
	store var/raw.db
	store elsewhere/raw.db
	sqlite3 elsewhere/raw.db "DELETE FROM raw_objects"
	mkdir queries
	printf '%s\n' '-- Objects of a source' '-- store: raw' '-- source = gmail: which' \
		'SELECT count(*) AS n FROM raw_objects WHERE source_system = :source' >queries/objects.sql
	want 0 orchmake query objects --format=csv
	is "$out" $'n\n2'
	want 0 orchmake query objects source=stripe --format=csv
	is "$out" $'n\n1'
	want 0 orchmake sql --store raw 'SELECT count(*) AS n FROM raw_objects' --format=csv
	is "$out" $'n\n3'
	want 2 orchmake sql --store raw 'DELETE FROM raw_objects'
	complains "only what reads is allowed here"
	want 2 orchmake sql --store row 'SELECT 1'
	complains "did you mean 'raw'?"
	want 2 orchmake sql --store canonical 'SELECT 1'
	complains "there is none yet"
	[ ! -e var/canonical.db ]
}

@test "an unknown query is refused with a suggestion" {
	want 2 orchmake query recent-job
	complains "no query is called 'recent-job'"
	complains "did you mean 'recent-jobs'?"
	want 2 orchmake query ../queries/x
	complains "no query is called"
}

@test "without a ledger it is said what makes one" {
	for verb in "query recent-jobs" "stats" "sql SELECT\ 1" "ps" "events" "logs" "history"; do
		eval "want 2 orchmake $verb"
		complains "nothing has been run in this folder yet"
	done
	[ ! -e .orchmake ]
}

@test "a damaged ledger is exit 5" {
	want 0 orchmake good
	rm -f .orchmake/ledger.db-*
	head -c 4096 /dev/zero | tr '\0' x >.orchmake/ledger.db
	want 5 orchmake sql 'SELECT 1'
	complains "is not a ledger"
}

@test "sql prints a table, JSON or CSV" {
	want 0 orchmake good
	want 0 orchmake sql "SELECT 1 AS one, NULL AS none, 2.5 AS real, x'00ff' AS bytes, 'a' || char(10) || 'b' AS text"
	is "$(head -n 1 <<<"$out")" "one  none  real  bytes  text"
	is "$(sed -n 2p <<<"$out")" "1    NULL  2.5   00ff   a b"
	says "(1 row)"
	want 0 orchmake sql --format=json "SELECT 1 AS a, NULL AS b, 2.5 AS a, x'00ff' AS c"
	is "$(jq -c . <<<"$out")" '[{"a":1,"b":null,"a_2":2.5,"c":"00ff"}]'
	want 0 orchmake sql --format=csv "SELECT 'a,b' AS \"x\"\"y\", '' AS empty, NULL AS none, 'q\"' AS q"
	is "$out" $'"x""y",empty,none,q\n"a,b","",,"q"""'
	want 0 orchmake sql --format=json "SELECT 1 WHERE 0"
	is "$out" '[]'
	want 0 orchmake sql --limit 1 "SELECT 1 UNION ALL SELECT 2"
	says "(1 row)"
}

@test "sql takes the statement from standard input, and parameters by name" {
	want 0 orchmake good
	out=$(echo "SELECT :n + 1 AS more, ':n' AS text;" | orchmake sql n=41 --format=csv)
	is "$out" $'more,text\n42,:n'
	want 2 orchmake sql </dev/null
	complains "there is no statement"
	want 2 orchmake sql '  '
	complains "there is no statement"
	want 2 orchmake sql --timeout 50ms "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
	complains "it took longer than it may"
	want 2 orchmake sql 'SELECT nope'
	complains "no such column: nope"
	want 2 orchmake sql 'SELECT 1 FROM nowhere'
	complains "lists what there is"
}

@test "sql reads, by SQLite's judgement and not by the text's words" {
	want 0 orchmake good
	before=$(traces)
	jq -r '.vectors[] | select(.verdict == "keep" or .verdict == "bug") |
		[if .verdict == "bug" or .ok then 0 else 2 end, .sql] | @json' "$TEST_CASES/sql-readonly.json" >vectors
	[ "$(wc -l <vectors)" -ge 12 ]
	while read -r vector; do
		sql=$(jq -r '.[1]' <<<"$vector") code=$(jq -r '.[0]' <<<"$vector")
		# Where the words alone were looked at, a table was not asked for.
		sql=$(sed -e 's/ FROM t\b/ FROM (SELECT 1 AS x, 2 AS "update", 3 AS created_at, 4 AS updated_at)/' <<<"$sql")
		[ "$sql" = selection ] && code=2
		want "$code" orchmake sql -- "$sql"
	done <vectors
	want 0 orchmake sql "EXPLAIN SELECT 1"
	want 0 orchmake sql "PRAGMA table_info(runs)"
	for write in "DELETE FROM runs" "UPDATE runs SET state = 1" "DROP TABLE runs" "CREATE TABLE x (y)" "VACUUM" \
		"VACUUM INTO 'copy.db'" "PRAGMA journal_mode = DELETE" "ATTACH 'x.db' AS x" "BEGIN" "REINDEX"; do
		want 2 orchmake sql "$write"
		complains "only what reads is allowed here"
	done
	rm vectors
	is "$(traces)" "$before"
}

@test "what only reads leaves no file behind and changes none" {
	want 0 orchmake flow
	want 1 orchmake flaky bad
	store var/raw.db
	before=$(traces)
	for verb in "list" "jobs list" "jobs show good" "show last" "history" "logs last" "why flow/a @-2" "events" "result" "ps" \
		"query" "query recent-jobs" "sql 'SELECT * FROM v_runs'" "stats" "stats flow" "stats raw" \
		"completion jobs" "completion runs" "completion steps" "completion bash" "-n" "graph"; do
		eval "want 0 orchmake $verb"
	done
	is "$(traces)" "$before"
}

@test "stats tells whether a target grows slower; what was only gone on with, or waits, is no measure" {
	for i in 1 2 3 4 5; do want 0 orchmake flow; done
	sqlite3 .orchmake/ledger.db "UPDATE runs SET duration_ms = 1000 * no;
		UPDATE runs SET state = (SELECT no FROM states WHERE word = 'waiting') WHERE no = 5"
	want 0 orchmake stats --format=json
	is "$(jq -c '.jobs[] | [.runs, .success_percent, .p50_ms, .p95_ms, .trend_percent]' <<<"$out")" '[4,100,2000,4000,133]'
	want 0 orchmake stats
	grep -Eq '^target +runs +succeeded +success +p50 +p95 +trend +last_start$' <<<"$out"
	sqlite3 .orchmake/ledger.db "UPDATE runs SET resumes = 'x' WHERE no = 4"
	want 0 orchmake stats --format=json
	is "$(jq -c '.jobs[] | [.runs, .p50_ms, .p95_ms, .trend_percent]' <<<"$out")" '[4,2000,3000,null]'
}

@test "stats tells how targets and steps did" {
	want 0 orchmake flow
	want 0 orchmake flow
	want 1 orchmake bad
	want 0 orchmake flaky
	want 0 orchmake stats --format=json
	is "$(jq -c '.jobs[] | select(.target == "flow") | [.runs, .succeeded, .success_percent]' <<<"$out")" '[2,2,100]'
	is "$(jq -c '.jobs[] | select(.target == "bad") | [.runs, .succeeded, .success_percent]' <<<"$out")" '[1,0,0]'
	is "$(jq -c '[.flakiest[] | [.step, .attempts, .failed, .failure_percent]]' <<<"$out")" '[["flaky",2,1,50]]'
	is "$(jq -c '[.slowest[].step] | sort' <<<"$out")" '["flaky","flow/a","flow/b"]'
	want 0 orchmake stats jobs --days 3
	says "targets of the last 3 days"
	says "flakiest steps of the last 3 days"
	grep -Eq '^flaky +2 +1 +50 % ' <<<"$out"
	is "$(grep -Ec 'NULL|_ms|rows?[)]' <<<"$out" || true)" 0
	want 0 orchmake stats flow --format=json
	is "$(jq -c '[.steps[].step] | sort' <<<"$out")" '["flow/a","flow/b"]'
	want 2 orchmake stats --days x
	complains "--days: 'x' is not"
	want 0 orchmake stats 'fl*' --format=json
	is "$(jq -c '[.steps[].step] | sort' <<<"$out")" '["flaky","flow/a","flow/b"]'
}

@test "stats of a target has its idle slots, and what the end of its last good run waited for" {
	jobfile <<-'J'
	jobfile: 1
	default: all
	jobs:
	  quick: {run: "true"}
	  slow: {run: "true"}
	  after: {needs: [slow], run: "true"}
	  all: {needs: [quick, after], run: "true"}
	J
	want 0 orchmake -s -j2
	took quick 0 100
	took slow 0 600
	took after 600 200
	took all 800 100
	sqlite3 .orchmake/ledger.db "UPDATE runs SET duration_ms = 1000"
	want 0 orchmake stats all --format=json
	is "$(jq -r '[.critical_path[].step] | join(" ")' <<<"$out")" "slow after all"
	is "$(jq -c '.slots[0] | [.slots, .busy_ms, .idle_percent]' <<<"$out")" '[2,1000,50]'
	want 0 orchmake stats all
	says "critical path of the last run that ended well"
	want 0 orchmake stats 'al*' --format=json
	is "$(jq 'has("critical_path")' <<<"$out")" false
}

@test "stats leaves out what is older than it should look" {
	want 0 orchmake good
	sqlite3 .orchmake/ledger.db "UPDATE runs SET start_wall_ms = start_wall_ms - 864000000"
	want 0 orchmake stats --days 9 --format=json
	is "$(jq -c .jobs <<<"$out")" '[]'
	want 0 orchmake stats --days 9
	says "nothing has run in the last 9 days"
	says "no step has failed once and ended well another time in the last 9 days"
	want 0 orchmake stats --days 11 --format=json
	is "$(jq -c '[.jobs[].runs]' <<<"$out")" '[1]'
}

@test "percentiles are those of the runs" {
	for i in 1 2 3 4; do want 0 orchmake good; done
	sqlite3 .orchmake/ledger.db "UPDATE runs SET duration_ms = no * 100"
	want 0 orchmake stats --format=json
	is "$(jq -c '.jobs[0] | [.p50_ms, .p95_ms]' <<<"$out")" '[200,400]'
}

@test "stats raw and canonical count rows of each source" {
	store var/raw.db
	want 0 orchmake stats raw --format=csv
	is "$(sed -n 2p <<<"$out")" "\"odd \"\"table'\",s,c,\"odd \"\"table'\",1,,"
	is "$(sed -n 3p <<<"$out" | cut -d, -f1-6)" "raw_objects,gmail,acct1,message,2,1"
	is "$(sed -n 4p <<<"$out")" "raw_objects,stripe,\"it's \"\"me\"\"\",invoice,1,0,"
	want 0 orchmake stats raw --days 100000 --format=json
	is "$(jq -c '[.[] | select(.table == "raw_objects") | .recent]' <<<"$out")" '[2,0]'
	want 2 orchmake stats canonical
	complains "there is none yet"
	mkdir -p elsewhere
	sqlite3 elsewhere/raw.db "CREATE TABLE t (x)"
	want 1 orchmake stats raw var=elsewhere
	complains "no table of the store 'raw' says where its rows came from"
}
