/* Parts of the data plane by themselves: keys, identities, the append-only log, symbolic links. */
#include "store/build.h"
#include "store/execute.h"
#include "store_world.h"

static void an_items_key_is_the_hash_of_what_identifies_it(void **state)
{
	static const struct {
		const char *item, *key;
	} cases[] = {
		{"{'id': 1}", "sha256:fad7b095b43274338b648e8a7f298c9a947c1a637f39106bc4e27ba645904191"},
		{"{'idem_key': 'k', 'data': 1}", "sha256:f8068221638ed6a21085f64791028fdb74b5eceaec82b087ed4e91fb4cb63f63"},
		{"{'stream_id': 's', 'event_id': 'e', 'data': 'x'}",
		 "sha256:98a0c6bc6d800429e65b9a0bbb4de43ce5935245c7364184d8bbae3e09e73fda"},
		{"{'data': 'test', 'value': 123}", "sha256:ec84aecafde7a762e06e7d1fd409e1db2b311120fa1e79ae7981c517ee2b8a07"},
		{"{'idempotency_key': 'a', 'idem_key': 'b', 'id': 'c', 'version': 2, 'entity_id': 'e'}",
		 "sha256:1faa49db4f13a39cd492c018633b08beb2395f101d7105415ba474105d0dfa16"},
		{"{'id': null}", "sha256:c3a0ed8d214327dc6a1c177cce63ce166f35559571b56754272b68e11c994a6a"},
		{"{'method': 'other', 'id': 1}", "sha256:fad7b095b43274338b648e8a7f298c9a947c1a637f39106bc4e27ba645904191"},
		{"{'method': 'evil', 'x': 1}", "sha256:e8c46dbafd01d4c8c51f9bdb6828932f6eaec1ce8eec8b76237222d8ab53165b"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *item = json_of(cases[i].item);
		struct buf key = BUF_INIT;

		build_item_key(&key, "wal.append", item);
		CHECK_STR(key.data, cases[i].key);
		buf_release(&key);
		json_decref(item);
	}
}

static void a_wrapped_item_is_spaced_ascii_in_its_own_order(void **state)
{
	json_t *item = json_of("{'b': 'é😀', 'a': [1, 1.0, null, true], 'd': '\x7f'}");
	struct buf text = BUF_INIT;

	(void)state;
	build_wrap_text(&text, item);
	CHECK_STR(text.data, "{\"b\": \"\\u00e9\\ud83d\\ude00\", \"a\": [1, 1.0, null, true], \"d\": \"\\u007f\"}");
	buf_release(&text);
	json_decref(item);
}

static char *plan_id(struct world *w, const char *with)
{
	json_t *answer = world_do(w, "plan.build", with);
	char *id = xstrdup(json_str(json_object_get(answer, "plan"), "plan_id"));

	json_decref(answer);
	return id;
}

static void a_plans_id_says_its_content_and_not_its_time_or_run(void **state)
{
	static const char with[] = "{'items': [{'k': 1}, {'k': 2, 'correlation_id': 'own'}], 'method': 'bq.upsert', 'dataset': 'raw',"
				   " 'table': 't', 'key_columns': ['k'], 'auto_timestamp_columns': ['seen'], 'field_map': {'at': 'seen'}}";
	static const char other[] = "{'items': [{'k': 1}, {'k': 2, 'correlation_id': 'else'}], 'method': 'bq.upsert', 'dataset': 'raw',"
				    " 'table': 't', 'key_columns': ['k'], 'auto_timestamp_columns': ['seen'], 'field_map': {'at': 'seen'}}";
	char *first, *again, *another;
	struct world w;

	(void)state;
	world_open(&w, "raw");
	first = plan_id(&w, with);
	w.op.now = "2027-01-01T00:00:00.000Z";
	w.op.run = "OTHER";
	again = plan_id(&w, with);
	another = plan_id(&w, other);
	CHECK_STR(again, first);
	CHECK(strcmp(another, first) != 0);
	free(first);
	free(again);
	free(another);
	world_close(&w);
}

static void the_test_ids_give_the_plan_ids_of_the_vectors(void **state)
{
	struct world w;
	char *id;

	(void)state;
	world_open(&w, "raw_ds");
	w.op.test_ids = true;
	id = plan_id(&w, "{'items': [], 'method': 'bq.upsert', 'dataset': 'raw_ds', 'table': 't', 'key_columns': ['k']}");
	CHECK_STR(id, "sha256:8a6675a9041d346ef27ac4cab0264ce99c59f10f88064d158315e2299ad7aa4a");
	free(id);
	id = plan_id(&w, "{'items': [{'id': 'x1', 'v': 1}, {'id': 'x2', 'v': 2}]}");
	CHECK_STR(id, "sha256:7746e60600e81286541ab3a8a170d002a5be28d4df079701fed2075c07620606");
	free(id);
	world_close(&w);
}

static void nobody_changes_the_log_not_even_another_program(void **state)
{
	static const char *const tries[] = {
		"UPDATE wal_domain_events SET payload = 'x'",
		"DELETE FROM wal_domain_events",
		"INSERT OR REPLACE INTO wal_domain_events SELECT * FROM wal_domain_events",
		"REPLACE INTO wal_domain_events (event_id, idempotency_key, occurred_at, ingested_at, payload, payload_sha256,"
		" schema_version) VALUES ('new', 'k', '', '', '', '', '')",
	};
	struct world w;

	(void)state;
	world_open(&w, "wal");
	json_decref(world_do(&w, "storacle.submit",
			     "{'plan': {'ops': [{'method': 'wal.append', 'params': {'idempotency_key': 'k', 'v': 1}}]}}"));
	for (size_t i = 0; i < ARRAY_LEN(tries); i++)
		CHECK_SQL(&w, "wal.db", tries[i], "wal_domain_events is append-only");
	CHECK_SQL(&w, "wal.db", "SELECT count(*) || payload FROM wal_domain_events", "1{\"v\":1}");
	world_close(&w);
}

static void no_symbolic_link_leads_out_of_the_base_folder(void **state)
{
	char *link_path, *file_link;
	struct world w;

	(void)state;
	world_open(&w, "raw");
	link_path = world_path(&w, "way");
	file_link = world_path(&w, "file");
	CHECK_INT(symlink("/tmp", link_path), 0);
	CHECK_INT(symlink("/etc/hostname", file_link), 0);
	world_fails(&w, "storacle.submit", "{'plan': {'ops': [{'method': 'file.write', 'params': {'path': 'way/x', 'content': ''}}]}}",
		    "operation 1 (file.write): 'way/x': 'way' is no folder, or a symbolic link, which is refused");
	world_fails(&w, "storacle.submit", "{'plan': {'ops': [{'method': 'file.write', 'params': {'path': 'file', 'content': ''}}]}}",
		    "operation 1 (file.write): 'file' is a symbolic link, which is refused");
	world_fails(&w, "file.read", "{'path': 'file'}", "'file' is a symbolic link, which is refused");
	world_fails(&w, "log.dump", "{'items': [], 'file': 'way/x'}",
		    "'way/x': 'way' is no folder, or a symbolic link, which is refused");
	world_fails(&w, "storacle.submit",
		    "{'plan': {'ops': [{'method': 'sqlite.sync', 'params': {'sqlite_path': 'way/x.db', 'table': 't', 'rows': []}}]}}",
		    "'plan.ops[0].params.sqlite_path' is neither a store's file nor one below the base folder: 'way/x.db': 'way' "
		    "is no folder, or a symbolic link, which is refused");
	free(link_path);
	free(file_link);
	world_close(&w);
}

static void a_failed_submission_leaves_no_folder_behind(void **state)
{
	struct world w;
	char *path;

	(void)state;
	world_open(&w, "raw");
	world_fails(&w, "storacle.submit",
		    "{'plan': {'ops': [{'method': 'file.write', 'params': {'path': 'a/b/c', 'content': 'x'}},"
		    " {'method': 'assert.exists', 'params': {'aggregate_type': 't', 'aggregate_id': 'i'}}]}}",
		    "PlanBuildError: Referenced t 'i' does not exist (assertion failed)");
	path = world_path(&w, "a");
	CHECK(!file_exists(path));
	free(path);
	world_close(&w);
}

static void a_replaced_file_keeps_its_mode(void **state)
{
	static const char one[] = "{'plan': {'ops': [{'method': 'file.write', 'params': {'path': 'f', 'content': '1'}}]}}";
	static const char two[] = "{'plan': {'ops': [{'method': 'file.write', 'params': {'path': 'f', 'content': '2'}}]}}";
	struct stat before, after;
	struct world w;
	char *path;

	(void)state;
	world_open(&w, "");
	path = world_path(&w, "f");
	json_decref(world_do(&w, "storacle.submit", one));
	CHECK_INT(chmod(path, 0640), 0);
	CHECK_INT(stat(path, &before), 0);
	json_decref(world_do(&w, "storacle.submit", one));
	CHECK_INT(stat(path, &after), 0);
	CHECK(before.st_ino == after.st_ino); /* not rewritten */
	json_decref(world_do(&w, "storacle.submit", two));
	CHECK_INT(stat(path, &after), 0);
	CHECK_INT(after.st_mode & 07777, 0640);
	CHECK_INT(after.st_size, 1);
	free(path);
	world_close(&w);
}

static void what_json_cannot_say_is_refused_by_name(void **state)
{
	static const struct {
		const char *value, *says;
	} cases[] = {
		{"x'00'", "raw.t: row 1: column 'v' holds a blob, which JSON cannot say: make a view with hex(v)"},
		{"9e999", "raw.t: row 1: column 'v' holds an infinite number, which JSON cannot say"},
		{"CAST(x'ff' AS TEXT)", "raw.t: row 1: column 'v' holds text that is not UTF-8"},
		{"'a' || char(0)", "raw.t: row 1: column 'v' holds a NUL character"},
	};
	struct world w;

	(void)state;
	world_open(&w, "raw");
	json_decref(world_do(&w, "storacle.submit",
			     "{'plan': {'ops': [{'method': 'bq.execute', 'params': {'sql': 'CREATE TABLE t (v)'}}]}}"));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *sql = xasprintf("INSERT INTO t VALUES (%s)", cases[i].value);

		CHECK_SQL(&w, "raw.db", "DELETE FROM t", "");
		CHECK_SQL(&w, "raw.db", sql, "");
		world_fails(&w, "storacle.query", "{'dataset': 'raw', 'table': 't'}", cases[i].says);
		free(sql);
	}
	world_close(&w);
}

static void a_file_that_is_no_database_is_no_store(void **state)
{
	struct world w;
	char *path, *says;

	(void)state;
	world_open(&w, "raw");
	path = world_path(&w, "raw.db");
	says = xasprintf("cannot open store 'raw' ('%s'): file is not a database", path);
	CHECK_INT(file_write_atomic(path, "this is no database, though it is long enough for a header", 58, 0600), 0);
	world_fails(&w, "storacle.query", "{'dataset': 'raw', 'table': 't'}", says);
	free(says);
	free(path);
	world_close(&w);
}

static void a_store_is_named_where_a_dot_follows(void **state)
{
	(void)state;
	CHECK(sql_names_store("SELECT * FROM raw.t", "raw"));
	CHECK(sql_names_store("SELECT * FROM \"RAW\" . t", "raw"));
	CHECK(!sql_names_store("SELECT raw FROM t", "raw"));
	CHECK(!sql_names_store("SELECT 'raw.t' -- raw.t", "raw"));
	CHECK(!sql_names_store("SELECT a.raw.t, /* raw.t", "raw"));
	CHECK(!sql_names_store("SELECT \"it's\"\"raw.\", [raw", "raw"));
}

static void names_of_stores_are_checked(void **state)
{
	static const struct {
		const char *json, *says;
	} cases[] = {
		{"[1]", "ORCHMAKE_STORES is not a JSON map"},
		{"{", "ORCHMAKE_STORES is not a JSON map: 1:2: the text ends inside a map"},
		{"{\"main\": \"x\"}", "ORCHMAKE_STORES: SQLite keeps the name 'main' for itself"},
		{"{\"\": \"x\"}", "ORCHMAKE_STORES: a store cannot be called ''"},
		{"{\"a\": 1, \"b\": \"\"}", "ORCHMAKE_STORES: the path of store 'a' has to be text, not a number; ORCHMAKE_STORES: the "
					    "path of store 'b' has to be text, not empty"},
		{"{\"a\": \"x\", \"A\": \"y\"}", "ORCHMAKE_STORES: two stores are called 'A' but for the case"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct stores s = STORES_INIT;
		struct fault f = FAULT_INIT;

		CHECK(!stores_read(&s, cases[i].json, &f));
		if (i != 1) /* there the reader of JSON says the rest */
			CHECK_STR(f.text.data, cases[i].says);
		stores_release(&s);
		fault_release(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_items_key_is_the_hash_of_what_identifies_it),
		cmocka_unit_test(a_wrapped_item_is_spaced_ascii_in_its_own_order),
		cmocka_unit_test(a_plans_id_says_its_content_and_not_its_time_or_run),
		cmocka_unit_test(the_test_ids_give_the_plan_ids_of_the_vectors),
		cmocka_unit_test(nobody_changes_the_log_not_even_another_program),
		cmocka_unit_test(no_symbolic_link_leads_out_of_the_base_folder),
		cmocka_unit_test(a_failed_submission_leaves_no_folder_behind),
		cmocka_unit_test(a_replaced_file_keeps_its_mode),
		cmocka_unit_test(what_json_cannot_say_is_refused_by_name),
		cmocka_unit_test(a_file_that_is_no_database_is_no_store),
		cmocka_unit_test(a_store_is_named_where_a_dot_follows),
		cmocka_unit_test(names_of_stores_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
