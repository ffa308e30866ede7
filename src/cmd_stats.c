/*
 * stats: what past runs add up to (targets, slowest and flakiest steps, idle slots), from queries that are shipped, with the
 * critical path of a target; and what the stores hold of each source.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "critical_path.h"
#include "doc/json.h"
#include "named_query.h"
#include "reader.h"
#include "rows.h"

enum { DEFAULT_DAYS = 7 };

static void days_text(const struct cli *c, char text[24])
{
	snprintf(text, 24, "%" PRId64, c->days ? c->days : DEFAULT_DAYS);
}

/* --- runs ---------------------------------------------------------------------------------------------------- */

struct section {
	const char *query, *key, *title, *none;
};

static const struct section overall[] = {
	{"stats-jobs", "jobs", "targets", "nothing has run"},
	{"stats-slowest", "slowest", "slowest steps", "no step has ended well"},
	{"stats-flakiest", "flakiest", "flakiest steps", "no step has failed once and ended well another time"},
};
static const struct section of_target[] = {
	{"stats-steps", "steps", "steps", "no step has run"},
	{"stats-slots", "slots", "slots", "no run has ended"},
};

/* What the end of a column's name says about its values, for people. */
enum measure { MEASURE_NONE, MEASURE_MS, MEASURE_PERCENT, MEASURE_TIME };

static enum measure measure_of(const char *column, size_t *stem)
{
	static const struct {
		const char *suffix;
		enum measure measure;
	} known[] = {{"_ms", MEASURE_MS}, {"_percent", MEASURE_PERCENT}, {"_start", MEASURE_TIME}};
	size_t n = strlen(column);

	*stem = n;
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		size_t m = strlen(known[i].suffix);

		if (n <= m || strcmp(column + n - m, known[i].suffix) != 0)
			continue;
		if (known[i].measure != MEASURE_TIME)
			*stem = n - m;
		return known[i].measure;
	}
	return MEASURE_NONE;
}

/* A time of the views as `history` writes it: to the second, without the letters. */
static void time_text(struct buf *text, const char *iso)
{
	size_t day = strcspn(iso, "T");

	buf_add(text, iso, day);
	if (iso[day])
		buf_addf(text, " %.8s", iso + day + 1);
}

static void cell_text(struct buf *text, enum measure measure, const json_t *v)
{
	buf_reset(text);
	if (json_is_string(v) && measure == MEASURE_TIME)
		time_text(text, json_string_value(v));
	else if (json_is_string(v))
		buf_puts(text, json_string_value(v));
	else if (json_is_number(v) && measure == MEASURE_MS)
		duration_human(text, (int64_t)json_number_value(v));
	else if (json_is_number(v))
		buf_addf(text, "%g%s", json_number_value(v), measure == MEASURE_PERCENT ? " %" : "");
}

/* Rows that are all alike, with units instead of suffixes. */
static void print_rows(const struct rows_json *j)
{
	char **head = xcalloc(j->n_columns, sizeof(*head));
	struct buf text = BUF_INIT;
	struct table t;
	json_t *row;
	size_t at, stem;

	for (size_t i = 0; i < j->n_columns; i++) {
		(void)measure_of(j->name[i], &stem);
		head[i] = xstrndup(j->name[i], stem);
	}
	table_init(&t, (const char *const *)head, j->n_columns);
	json_array_foreach (j->list, at, row) {
		for (size_t i = 0; i < j->n_columns; i++) {
			cell_text(&text, measure_of(j->name[i], &stem), json_object_get(row, j->name[i]));
			table_cell(&t, text.data);
		}
	}
	table_print(&t, stdout);
	table_release(&t);
	for (size_t i = 0; i < j->n_columns; i++)
		free(head[i]);
	free(head);
	buf_release(&text);
}

static void print_section(const struct section *s, const struct rows_json *j, const char *days)
{
	if (s != overall && s != of_target)
		putchar('\n');
	if (!json_array_size(j->list)) {
		printf("%s in the last %s days\n", s->none, days);
		return;
	}
	printf("%s of the last %s days\n", s->title, days);
	print_rows(j);
}

static int run_section(struct cli *c, struct ledger *l, const struct section *s, const struct named_query *q,
		       const char *target, json_t *doc)
{
	char days[24];
	const struct ledger_arg arg[] = {{"days", days}, {"target", target}};
	const struct ledger_query query = {.sql = q->text, .named = arg, .n_named = target ? 2 : 1};
	struct rows_json j;
	bool good;

	days_text(c, days);
	if (c->format != FORMAT_JSON && c->format != FORMAT_TEXT)
		return reader_print(c, l, &query, q->path);
	rows_json_begin(&j);
	good = ledger_sql(l, &query, rows_json_head, rows_json_row, &j);
	if (good && c->format == FORMAT_TEXT)
		print_section(s, &j, days);
	json_object_set_new(doc, s->key, rows_json_end(&j));
	return good ? EXIT_DONE : reader_failed(l, q->path);
}

static void print_path(const json_t *path)
{
	struct table t;
	struct buf text = BUF_INIT;
	const char *const columns[] = {"start_ms", "took_ms"};
	json_t *list = (json_t *)path, *step; /* jansson's iteration changes nothing */
	size_t i;

	table_init(&t, (const char *const[]){"start", "took", "step"}, 3);
	json_array_foreach (list, i, step) {
		for (size_t k = 0; k < ARRAY_LEN(columns); k++) {
			buf_reset(&text);
			duration_human(&text, json_integer_value(json_object_get(step, columns[k])));
			table_cell(&t, text.data);
		}
		table_cell(&t, json_str(step, "step"));
	}
	puts("\ncritical path of the last run that ended well: what its end waited for");
	table_print(&t, stdout);
	table_release(&t);
	buf_release(&text);
}

/* Of a glob there is no last run. */
static int path_section(struct cli *c, struct ledger *l, const char *target, json_t *doc)
{
	int64_t run = -1;
	json_t *path;

	if (!ledger_last_success(l, target, &run) || run <= 0 || c->format == FORMAT_CSV)
		return EXIT_DONE;
	path = critical_path(l, run);
	if (!path)
		return reader_failed(l, target);
	if (c->format == FORMAT_TEXT && json_array_size(path))
		print_path(path);
	json_object_set_new(doc, "critical_path", path);
	return EXIT_DONE;
}

/* All runs, or those of a target. */
static int stats_runs(struct cli *c, const char *target)
{
	const struct section *sections = target ? of_target : overall;
	size_t n = target ? ARRAY_LEN(of_target) : ARRAY_LEN(overall);
	struct ledger *l = cli_ledger(c);
	struct named_queries queries = {0};
	json_t *doc = json_object();
	int code = l && named_queries_find(&queries, c) ? EXIT_DONE : EXIT_USAGE_ERROR;

	for (size_t i = 0; code == EXIT_DONE && i < n; i++) {
		const struct named_query *q = named_query_get(&queries, sections[i].query);

		if (q) {
			code = run_section(c, l, &sections[i], q, target, doc);
			continue;
		}
		cli_error("the query '%s' that comes with orchmake is not installed", sections[i].query);
		code = EXIT_RUN_FAILED;
	}
	if (code == EXIT_DONE && target)
		code = path_section(c, l, target, doc);
	if (code == EXIT_DONE && c->format == FORMAT_JSON)
		cli_print_json(doc);
	json_decref(doc);
	named_queries_release(&queries);
	ledger_close(l);
	return code;
}

/* --- stores -------------------------------------------------------------------------------------------------- */

/* A table that says of each row where it came from. */
struct sourced {
	char *name, *type, *time; /* columns: kind of object, when it was seen; NULL: it has none */
};

struct sourced_tables {
	struct sourced *at;
	size_t n, room;
};

/* table, its column for the kind of object, its column for the time. */
static const char sourced_sql[] =
	"SELECT t.name,"
	" (SELECT c.name FROM pragma_table_info(t.name) AS c WHERE c.name IN ('object_type', 'target_object_type') LIMIT 1),"
	" (SELECT c.name FROM pragma_table_info(t.name) AS c WHERE c.name IN"
	"  ('last_seen', 'canonicalized_at', 'ingested_at', 'updated_at', 'first_seen', 'created_at')"
	"  ORDER BY CASE c.name WHEN 'last_seen' THEN 1 WHEN 'canonicalized_at' THEN 2 WHEN 'ingested_at' THEN 3"
	"   WHEN 'updated_at' THEN 4 WHEN 'first_seen' THEN 5 ELSE 6 END LIMIT 1)"
	" FROM sqlite_schema AS t WHERE t.type = 'table'"
	" AND (SELECT count(*) FROM pragma_table_info(t.name) AS c WHERE c.name IN ('source_system', 'connection_name')) = 2"
	" ORDER BY t.name";

static char *keep_text(const struct ledger_value *v)
{
	return v->type == LEDGER_TEXT ? xstrdup(v->text) : NULL;
}

static bool keep_table(void *ctx, size_t n, const struct ledger_value *v)
{
	struct sourced_tables *t = ctx;
	struct sourced one = {keep_text(&v[0]), keep_text(&v[1]), keep_text(&v[2])};

	(void)n;
	VEC_PUSH(t->at, t->n, t->room, one);
	return true;
}

static void free_tables(struct sourced_tables *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->at[i].name);
		free(t->at[i].type);
		free(t->at[i].time);
	}
	free(t->at);
}

/* A name or a literal, quoted so that nothing in it ends it. */
static void quote(struct buf *out, const char *text, char mark)
{
	buf_putc(out, mark);
	for (; *text; text++) {
		if (*text == mark)
			buf_putc(out, mark);
		buf_putc(out, *text);
	}
	buf_putc(out, mark);
}

static void count_sql(struct buf *sql, const struct sourced *t)
{
	buf_puts(sql, sql->len ? " UNION ALL SELECT " : "SELECT ");
	quote(sql, t->name, '\'');
	buf_puts(sql, " AS \"table\", source_system, connection_name, ");
	if (t->type)
		quote(sql, t->type, '"');
	else
		quote(sql, t->name, '\'');
	buf_puts(sql, " AS object_type, count(*) AS rows, ");
	if (t->time) {
		buf_puts(sql, "coalesce(sum(julianday(");
		quote(sql, t->time, '"');
		buf_puts(sql, ") >= julianday('now') - :days), 0) AS recent, max(");
		quote(sql, t->time, '"');
		buf_puts(sql, ") AS newest");
	} else {
		buf_puts(sql, "CASE WHEN :days THEN NULL END AS recent, NULL AS newest");
	}
	buf_puts(sql, " FROM ");
	quote(sql, t->name, '"');
	buf_puts(sql, " GROUP BY 2, 3, 4");
}

static int count_tables(struct cli *c, struct ledger *l, const char *store, const struct sourced_tables *t)
{
	char days[24];
	const struct ledger_arg arg = {"days", days};
	struct ledger_query q = {.named = &arg, .n_named = 1};
	struct buf sql = BUF_INIT;
	int code;

	if (!t->n) {
		cli_error("no table of the store '%s' says where its rows came from", store);
		cli_hint("it would have the columns source_system and connection_name");
		return EXIT_RUN_FAILED;
	}
	days_text(c, days);
	for (size_t i = 0; i < t->n; i++)
		count_sql(&sql, &t->at[i]);
	buf_puts(&sql, " ORDER BY 1, 2, 3, 4");
	q.sql = sql.data;
	code = reader_print(c, l, &q, store);
	buf_release(&sql);
	return code;
}

static int stats_store(struct cli *c, const char *store)
{
	struct ledger *l = reader_open(c, store, false);
	struct sourced_tables t = {0};
	int code = EXIT_USAGE_ERROR;

	if (l)
		code = ledger_sql(l, &(struct ledger_query){.sql = sourced_sql}, NULL, keep_table, &t)
			       ? count_tables(c, l, store, &t)
			       : reader_failed(l, store);
	free_tables(&t);
	ledger_close(l);
	return code;
}

static bool is_store(struct cli *c, const char *word)
{
	struct buf stores = BUF_INIT;
	char *line = xasprintf("%s\n", word), *at;
	bool found;

	reader_stores(c, &stores);
	at = strstr(stores.data, line);
	found = at && (at == stores.data || at[-1] == '\n');
	free(line);
	buf_release(&stores);
	/* Where there is no such store these two say so: nobody means a target by them. */
	return found || !strcmp(word, "raw") || !strcmp(word, "canonical");
}

int cmd_stats(struct cli *c)
{
	const char *what = c->words.n ? c->words.at[0] : "jobs";

	if (!strcmp(what, "jobs"))
		return stats_runs(c, NULL);
	return is_store(c, what) ? stats_store(c, what) : stats_runs(c, what);
}
