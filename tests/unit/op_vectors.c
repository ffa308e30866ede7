/*
 * The vectors of the older programs (tests/cases/ops), as they were recorded, on the code that does it now.
 * What differs on purpose is in the list of deviations, each with its reason; one that does not differ any more
 * fails.
 */
#include "engine/answer.h"
#include "store/build.h"
#include "store_world.h"

struct deviation {
	const char *file;
	size_t vector; /* from 1 */
	const char *reason;
	bool used;
};

static struct deviation deviations[] = {
	{"query-builder", 6, "null compares as SQL's null; the original sent the text None, which no row ever has", false},
	{"callable-result", 4, "items that are no list are refused; the original passed them on, to fail later", false},
	{"canonical-hash", 4, "integers have 64 bits; a larger one is refused where it is read, with its place", false},
};

struct count {
	int n, deviating;
};

static struct count total;

static bool deviates(const char *file, size_t vector)
{
	total.n++;
	for (size_t i = 0; i < ARRAY_LEN(deviations); i++) {
		struct deviation *d = &deviations[i];

		if (strcmp(d->file, file) != 0 || d->vector != vector)
			continue;
		print_message("# %s %zu deviates: %s\n", file, vector, d->reason);
		d->used = true;
		total.deviating++;
		return true;
	}
	return false;
}

static const char huge[] = "123456789012345678901234567890"; /* more than JSON values here can hold */

/* The file's map; a number that is too large for it becomes null. */
static json_t *vectors_of(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char *path = xasprintf("%s/tests/cases/ops/%s.json", srcdir ? srcdir : ".", name), *at;
	struct buf text = BUF_INIT, err = BUF_INIT;
	json_t *v;

	if (file_read(path, &text, 1 << 20) < 0)
		fail_msg("cannot read %s", path);
	at = strstr(text.data, huge); /* the value itself, before its texts */
	if (at)
		memcpy(at, "null                          ", strlen(huge));
	v = json_parse(text.data, text.len, &err);
	if (!v)
		fail_msg("%s:%s", path, err.data);
	buf_release(&text);
	buf_release(&err);
	free(path);
	return v;
}

#define EACH_VECTOR(name, all, i, v)                                                               \
	json_t *all = vectors_of(name), *v;                                                        \
	size_t i;                                                                                  \
	json_array_foreach(json_object_get(all, "vectors"), i, v)

/* ---- canonical JSON ---- */

static void canonical_is(const json_t *v, enum json_spacing spacing, const char *want)
{
	struct buf text = BUF_INIT;

	json_canonical(&text, v, spacing);
	CHECK_STR(text.data, want);
	buf_release(&text);
}

static void a_larger_integer_is_refused(void)
{
	struct buf err = BUF_INIT;

	CHECK(!json_parse(huge, strlen(huge), &err));
	CHECK(strstr(err.data, "1:1: ") == err.data);
	buf_release(&err);
}

static void canonical_json_and_its_hash(void **state)
{
	(void)state;
	EACH_VECTOR("canonical-hash", all, i, v)
	{
		const json_t *value = json_object_get(v, "value");
		struct digest d;

		if (deviates("canonical-hash", i + 1)) {
			a_larger_integer_is_refused();
			continue;
		}
		canonical_is(value, JSON_TIGHT, json_str(v, "compact_json"));
		canonical_is(value, JSON_SPACED, json_str(v, "spaced_json"));
		json_digest(&d, value);
		CHECK_STR(d.hex, json_str(v, "sha256_compact") + strlen("sha256:"));
	}
	json_decref(all);
}

/* ---- answers ---- */

static void answers_of_callables(void **state)
{
	(void)state;
	EACH_VECTOR("callable-result", all, i, v)
	{
		const json_t *want = json_object_get(v, "ok");
		struct buf text = BUF_INIT, why = BUF_INIT;
		json_t *got;

		json_text(&text, json_object_get(v, "returned"), JSON_TIGHT);
		got = answer_read(text.data, text.len, "c", ".", &why);
		if (deviates("callable-result", i + 1)) {
			CHECK_STR(why.data, "callable 'c': its items have to be a list");
		} else if (want) {
			CHECK(json_equal(got, want));
		} else {
			CHECK(!got);
			CHECK(strstr(why.data, "both items and items_ref") || strstr(why.data, "neither items nor items_ref"));
		}
		json_decref(got);
		buf_release(&text);
		buf_release(&why);
	}
	json_decref(all);
}

/* ---- keys ---- */

static void keys_of_items(void **state)
{
	(void)state;
	EACH_VECTOR("idempotency-item", all, i, v)
	{
		struct buf key = BUF_INIT;

		CHECK(!deviates("idempotency-item", i + 1));
		build_item_key(&key, json_str(v, "method"), json_object_get(v, "item"));
		CHECK_STR(key.data, json_str(v, "ok"));
		buf_release(&key);
	}
	json_decref(all);
}

/* ---- queries: the recorded statement, in SQLite's words, has to give the same rows ---- */

static const char schema[] =
	"ATTACH '%1$s/raw.db' AS raw; ATTACH '%1$s/canonical.db' AS canonical; ATTACH '%1$s/derived.db' AS derived;"
	"CREATE TABLE raw.t (idem_key TEXT, a TEXT, b TEXT, c TEXT);"
	"INSERT INTO raw.t VALUES ('k3', 'x', '5', NULL), ('k1', 'x', '5', 'y'), ('k2', '1', 'q', 'z'), ('k4', '5', 'q', NULL),"
	" ('k9', '9', 'q', 'a'), ('k5', NULL, NULL, NULL), ('k6', '10', 'q', 'b'), ('k7', 'x', '5', 'None'), ('k8', '', 'q', '');"
	"CREATE TABLE raw.raw_objects (idem_key TEXT, payload TEXT, source_system TEXT, last_seen TEXT);"
	"INSERT INTO raw.raw_objects SELECT 'o' || value, '{}', iif(value %% 3, 'gmail', 'other'), '2026-01-' || (10 + value)"
	" FROM generate_series;"
	"CREATE TABLE canonical.canonical_objects (idem_key TEXT, canonicalized_at TEXT);"
	"INSERT INTO canonical.canonical_objects SELECT 'o' || value || '#sfx', '2026-01-' || (20 - value) FROM generate_series"
	" WHERE value < 12;"
	"CREATE TABLE derived.m (x TEXT, k TEXT); CREATE TABLE derived.o (k TEXT);"
	"INSERT INTO derived.m VALUES ('1', 'a'), ('2', 'b'), ('3', 'c'), ('4', 'd'); INSERT INTO derived.o VALUES ('a'), ('c');";

static sqlite3 *open_reference(const struct world *w)
{
	sqlite3 *db;
	char *err = NULL, *sql = xasprintf(schema, w->folder);

	CHECK_INT(sqlite3_open(":memory:", &db), SQLITE_OK);
	CHECK_INT(sqlite3_exec(db, "CREATE TABLE generate_series AS WITH RECURSIVE s(value) AS (SELECT 1 UNION ALL"
				   " SELECT value + 1 FROM s WHERE value < 19) SELECT value FROM s", NULL, NULL, NULL), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &err) != SQLITE_OK)
		fail_msg("%s", err);
	free(sql);
	return db;
}

/* `RAW.t` is raw.t; CONCAT is ||. */
static char *translated(const char *sql)
{
	static const char *const words[][2] = {
		{"`RAW.", "raw."}, {"`CAN.", "canonical."}, {"`DER.", "derived."}, {"`", ""},
		{"CONCAT(s.idem_key, '#', @_join_suffix)", "s.idem_key || '#' || @_join_suffix"},
	};
	struct buf out = BUF_INIT;

	while (*sql) {
		size_t i = 0;

		while (i < ARRAY_LEN(words) && strncmp(sql, words[i][0], strlen(words[i][0])) != 0)
			i++;
		if (i < ARRAY_LEN(words)) {
			buf_puts(&out, words[i][1]);
			sql += strlen(words[i][0]);
		} else {
			buf_putc(&out, *sql++);
		}
	}
	return buf_detach(&out);
}

static json_t *reference_rows(sqlite3 *db, const json_t *ok)
{
	char *sql = translated(json_str(ok, "sql"));
	json_t *rows = json_array(), *p;
	sqlite3_stmt *st = NULL;
	size_t i;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	json_array_foreach(json_object_get(ok, "params"), i, p) {
		char *name = xasprintf("@%s", json_str(p, "name"));

		CHECK_INT(sqlite3_bind_text(st, sqlite3_bind_parameter_index(st, name), json_str(p, "value"), -1, SQLITE_STATIC),
			  SQLITE_OK);
		free(name);
	}
	while (sqlite3_step(st) == SQLITE_ROW) {
		json_t *row = json_object();

		for (int c = 0; c < sqlite3_column_count(st); c++)
			json_object_set_new(row, sqlite3_column_name(st, c),
					    sqlite3_column_type(st, c) == SQLITE_NULL
						    ? json_null() : json_string((const char *)sqlite3_column_text(st, c)));
		json_array_append_new(rows, row);
	}
	sqlite3_finalize(st);
	free(sql);
	return rows;
}

static void check_rows(sqlite3 *db, size_t i, const json_t *ok, const json_t *answer)
{
	json_t *want = reference_rows(db, ok);
	const json_t *got = json_object_get(answer, "items");

	if (deviates("query-builder", i + 1))
		CHECK(!json_equal(got, want));
	else if (!json_equal(got, want))
		fail_msg("%zu: %s instead of %s", i + 1, json_dumps(got, 0), json_dumps(want, 0));
	CHECK(json_array_size(got) > 0); /* a query that finds nothing would show nothing */
	json_decref(want);
}

/* The original's message is a Python class's; ours has to name the same thing. */
static void check_refusal(size_t i, const json_t *v, const struct fault *f)
{
	const char *message = json_str(v, "message"), *quote = strchr(message, '\'');
	char culprit[64] = "anti";

	CHECK(!deviates("query-builder", i + 1));
	if (quote)
		snprintf(culprit, sizeof(culprit), "%.*s", (int)strcspn(quote + 1, "'"), quote + 1);
	CHECK_INT(f->kind, FAULT_USAGE);
	if (!strstr(f->text.data, culprit))
		fail_msg("%zu: '%s' does not name %s", i + 1, f->text.data, culprit);
}

static void queries_give_the_same_rows(void **state)
{
	struct world w;
	sqlite3 *db;

	(void)state;
	world_open(&w, "raw canonical derived");
	db = open_reference(&w);
	EACH_VECTOR("query-builder", all, i, v)
	{
		struct fault f = FAULT_INIT;
		json_t *answer = world_try(&w, "storacle.query", json_object_get(v, "params"), &f);

		if (!json_object_get(v, "ok"))
			check_refusal(i, v, &f);
		else if (!answer)
			fail_msg("%zu: %s", i + 1, f.text.data);
		else
			check_rows(db, i, json_object_get(v, "ok"), answer);
		json_decref(answer);
		fault_release(&f);
	}
	json_decref(all);
	sqlite3_close(db);
	world_close(&w);
}

/* ---- */

static void all_have_been_tried(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(deviations); i++)
		CHECK(deviations[i].used);
	print_message("# %d vectors, %d of them deviate on purpose\n", total.n, total.deviating);
	CHECK_INT(total.n, 7 + 4 + 8 + 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical_json_and_its_hash), cmocka_unit_test(answers_of_callables),
		cmocka_unit_test(keys_of_items),
		cmocka_unit_test(queries_give_the_same_rows),  cmocka_unit_test(all_have_been_tried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
