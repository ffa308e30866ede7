/* The catalogue of project work, the hash of plans, and a log that cannot be written. */
#include "store_world.h"

#include "store/params.h"
#include "store/plan_hash.h"
#include "store/pm.h"

static bool is_type(struct span type)
{
	return !type.len || span_is(type, "list") || span_is(type, "map") || span_is(type, "number") || pm_enum_find(type);
}

static void every_operation_has_an_aggregate_types_and_references_that_there_are(void **state)
{
	size_t n;
	const struct pm_op *op = pm_ops(&n);

	(void)state;
	CHECK_INT(n, 24);
	for (size_t i = 0; i < n; i++) {
		const char *fields = op[i].fields, *refs = op[i].refs;
		struct pm_field field;
		struct pm_ref ref;

		CHECK(pm_aggregate_find(op[i].aggregate) != NULL);
		CHECK(pm_op_find(op[i].name) == &op[i]);
		while (pm_field_next(&fields, &field))
			CHECK(field.name.len && is_type(field.type));
		while (pm_ref_next(&refs, &ref)) {
			char *name = xstrndup(ref.field.at, ref.field.len);
			char *of = xstrndup(ref.aggregate.at ? ref.aggregate.at : "", ref.aggregate.len);

			CHECK(pm_field_find(op[i].fields, name, &field));
			CHECK(ref.by_field.len || pm_aggregate_find(of));
			free(name);
			free(of);
		}
	}
}

static void what_an_operation_leaves_is_a_status_of_its_aggregate(void **state)
{
	size_t n;
	const struct pm_op *op = pm_ops(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const struct pm_aggregate *a = pm_aggregate_find(op[i].aggregate);
		char *name = xasprintf("%s_%s", a->word, a->status);
		const char *words = pm_enum_find(span_of(name));

		if (*op[i].becomes && strcmp(a->word, "link") != 0)
			CHECK(words && word_in(words, op[i].becomes));
		free(name);
	}
}

/* ---- the hash ---- */

static char *hash_of(const char *plans)
{
	json_t *v = json_of(plans);
	struct digest d;

	plan_hash(&d, v);
	json_decref(v);
	return xstrdup(d.hex);
}

static void check_hashes(const char *a, const char *b, bool alike)
{
	char *of_a = hash_of(a), *of_b = hash_of(b);

	if (!strcmp(of_a, of_b) != alike)
		fail_msg("%s\n%s\nhave %s", a, b, alike ? "different hashes" : "the same hash");
	free(of_a);
	free(of_b);
}

#define MADE(id, event)                                                                            \
	"{'id': 'w1', 'method': 'wal.append', 'params': {'idempotency_key': 'u:pm.x:project:" id ":c1',"   \
	" 'correlation_id': 'c1', 'occurred_at': '2026-01-01T00:00:00Z', 'event_type': 'project." event "',"   \
	" 'aggregate_type': 'project', 'aggregate_id': '" id "', 'payload': {'name': 'A', 'deep': [{'id': '" id "'}]}}}"
#define ONE "proj_01J00000000000000000000001"
#define TWO "proj_01J00000000000000000000002"

static void a_generated_id_a_clock_and_a_run_do_not_count(void **state)
{
	(void)state;
	check_hashes("{'plan_id': 'x', 'ops': [" MADE(ONE, "created") "]}", "{'plan_id': 'y', 'ops': [" MADE(TWO, "created") "]}",
		     true);
	check_hashes("{'ops': [{'method': 'wal.append', 'params': {'idempotency_key': 'k:c1', 'correlation_id': 'c1',"
		     " 'occurred_at': 'then', 'payload': 1}}]}",
		     "{'ops': [{'method': 'wal.append', 'params': {'idempotency_key': 'k:c2', 'correlation_id': 'c2',"
		     " 'occurred_at': 'now', 'payload': 1}}]}",
		     true);
	check_hashes("{'ops': [{'method': 'wal.append', 'params': {'idempotency_key': 'a:b:a:b:2', 'correlation_id': 'a:b'}}]}",
		     "{'ops': [{'method': 'wal.append', 'params': {'idempotency_key': 'c::a:b:2', 'correlation_id': 'c:'}}]}",
		     true);
	check_hashes("{'ops': [{'method': 'wal.append', 'params': {'idempotency_key': 'ab:x', 'correlation_id': 'a'}}]}",
		     "{'ops': [{'method': 'wal.append', 'params': {'idempotency_key': 'bb:x', 'correlation_id': 'b'}}]}", false);
}

static void ids_that_somebody_chose_count(void **state)
{
	(void)state;
	check_hashes("{'ops': [" MADE(ONE, "updated") "]}", "{'ops': [" MADE(TWO, "updated") "]}", false);
	check_hashes("{'ops': [" MADE("proj_mine", "created") "]}", "{'ops': [" MADE("proj_yours", "created") "]}", false);
	check_hashes("{'ops': [{'method': 'assert.not_exists', 'params': {'aggregate_id': '" ONE "'}}, " MADE(ONE, "created") "]}",
		     "{'ops': [{'method': 'assert.not_exists', 'params': {'aggregate_id': '" TWO "'}}, " MADE(TWO, "created") "]}",
		     false);
}

static void one_plan_or_several_is_the_same(void **state)
{
	(void)state;
	check_hashes("[{'ops': [" MADE(ONE, "created") "]}, {'ops': [" MADE(TWO, "created") "]}]",
		     "{'ops': [" MADE(ONE, "created") ", " MADE(TWO, "created") "]}", true);
	check_hashes("[{'diff': [], 'plan': {'ops': [" MADE(ONE, "created") "]}}]", "{'ops': [" MADE(ONE, "created") "]}", true);
}

static void content_keys_methods_and_order_count(void **state)
{
	(void)state;
	check_hashes("{'ops': [" MADE(ONE, "created") ", " MADE("p", "updated") "]}",
		     "{'ops': [" MADE("p", "updated") ", " MADE(ONE, "created") "]}", false);
	check_hashes("{'ops': [{'method': 'file.write', 'params': {'path': 'a', 'content': 'x'}}]}",
		     "{'ops': [{'method': 'file.write', 'params': {'path': 'a', 'content': 'y'}}]}", false);
	check_hashes("{'ops': [{'method': 'assert.exists', 'params': {'a': 1}}]}",
		     "{'ops': [{'method': 'assert.not_exists', 'params': {'a': 1}}]}", false);
	check_hashes("{'ops': [{'method': 'wal.append', 'params': {'idempotency_key': 'a'}}]}",
		     "{'ops': [{'method': 'wal.append', 'params': {'idempotency_key': 'b'}}]}", false);
}

static void what_is_no_plan_has_a_hash_too(void **state)
{
	(void)state;
	check_hashes("[7, {'ops': 1}, {'ops': [null, {'params': 5}]}]", "[{'ops': [1, {}]}]", true);
	check_hashes("[]", "{'ops': [{}]}", false);
}

/* ---- a log that cannot be written ---- */

static const char APPEND[] =
	"{'plan': {'ops': [{'method': 'wal.append', 'params': {'idempotency_key': 'k', 'event_type': 'project.created',"
	" 'aggregate_type': 'project', 'aggregate_id': 'p', 'payload': {}}}]}}";

static sqlite3 *open_store(struct world *w, const char *sql)
{
	char *path = world_path(w, "wal.db");
	sqlite3 *db = NULL;

	CHECK_INT(sqlite3_open(path, &db), SQLITE_OK);
	CHECK_INT(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	free(path);
	return db;
}

static void a_log_that_others_hold_is_a_transient_failure_to_write_to_it(void **state)
{
	struct fault f = FAULT_INIT;
	json_t *with = json_of(APPEND);
	struct world w;
	sqlite3 *other;

	(void)state;
	world_open(&w, "wal");
	w.op.busy_ms = 1;
	other = open_store(&w, "CREATE TABLE t (a); BEGIN EXCLUSIVE");
	CHECK(world_try(&w, "storacle.submit", with, &f) == NULL);
	CHECK_INT(f.kind, FAULT_TRANSIENT);
	CHECK(!strncmp(f.text.data, "StoracleError: Failed to write to WAL: ", 39));
	CHECK_STR(f.text.data + f.text.len - 12, " (transient)");
	sqlite3_close(other);
	json_decref(with);
	fault_release(&f);
	world_close(&w);
}

static void a_table_of_somebody_else_is_a_failure_to_write_to_the_log(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, "wal");
	sqlite3_close(open_store(&w, "CREATE TABLE wal_domain_events (a)"));
	world_fails(&w, "storacle.submit", APPEND,
		    "StoracleError: Failed to write to WAL: table wal.wal_domain_events is not one that orchmake made");
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_has_an_aggregate_types_and_references_that_there_are),
		cmocka_unit_test(what_an_operation_leaves_is_a_status_of_its_aggregate),
		cmocka_unit_test(a_generated_id_a_clock_and_a_run_do_not_count),
		cmocka_unit_test(ids_that_somebody_chose_count),
		cmocka_unit_test(one_plan_or_several_is_the_same),
		cmocka_unit_test(content_keys_methods_and_order_count),
		cmocka_unit_test(what_is_no_plan_has_a_hash_too),
		cmocka_unit_test(a_log_that_others_hold_is_a_transient_failure_to_write_to_it),
		cmocka_unit_test(a_table_of_somebody_else_is_a_failure_to_write_to_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
