#include "store/pm_views.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/map.h"
#include "store/pm.h"
#include "store/table.h"

/* The order of the log decides, not the clock of whoever wrote: what was appended last holds. */
static const char FIELDS[] =
	"pm_fields AS SELECT e.aggregate_type, e.aggregate_id, j.key, j.value, max(e.seq) AS seq"
	" FROM wal_domain_events e, json_each(e.payload) j"
	" GROUP BY e.aggregate_type, e.aggregate_id, j.key";

static void open_view(struct buf *sql, const char *store)
{
	buf_puts(sql, "CREATE VIEW IF NOT EXISTS ");
	sql_ident(sql, store);
	buf_putc(sql, '.');
}

static bool run(struct session *s, struct buf *sql, struct fault *f)
{
	bool good = session_run(s, sql->data, f);

	buf_release(sql);
	return good;
}

static bool make_fixed(struct session *s, const char *store, const char *view, struct fault *f)
{
	struct buf sql = BUF_INIT;

	open_view(&sql, store);
	buf_puts(&sql, view);
	return run(s, &sql, f);
}

/* WHEN for every event that leaves a status of its own. */
static void add_becomes(struct buf *sql)
{
	size_t n;
	const struct pm_op *op = pm_ops(&n);

	for (size_t i = 0; i < n; i++)
		if (*op[i].becomes)
			buf_addf(sql, " WHEN '%s.%s' THEN '%s'", op[i].aggregate, op[i].event, op[i].becomes);
}

/* The field of each aggregate that says its status. */
static void add_status_fields(struct buf *sql)
{
	size_t n;
	const struct pm_aggregate *a = pm_aggregates(&n);

	for (size_t i = 0; i < n; i++)
		buf_addf(sql, " WHEN '%s' THEN '%s'", a[i].word, a[i].status);
}

/*
 * In one event the status field goes before a resolution, and that before the verb: hence seq * 4 and a rank.
 * json_each only: SQLite 3.38 to 3.40 takes json_extract for unsafe in a view once trusted_schema is off.
 */
static bool make_status(struct session *s, const char *store, struct fault *f)
{
	struct buf sql = BUF_INIT;

	open_view(&sql, store);
	buf_puts(&sql, "pm_status AS SELECT aggregate_type, aggregate_id, status, max(at) / 4 AS seq FROM"
		       " (SELECT e.seq * 4 + 2 AS at, e.aggregate_type, e.aggregate_id, j.value AS status"
		       " FROM wal_domain_events e, json_each(e.payload) j WHERE j.key = CASE e.aggregate_type");
	add_status_fields(&sql);
	buf_puts(&sql, " END UNION ALL SELECT e.seq * 4 + 1, e.aggregate_type, e.aggregate_id, j.value"
		       " FROM wal_domain_events e, json_each(e.payload) j WHERE j.key = 'resolution'"
		       " UNION ALL SELECT seq * 4, aggregate_type, aggregate_id, CASE event_type");
	add_becomes(&sql);
	buf_puts(&sql, " END FROM wal_domain_events) WHERE status IS NOT NULL GROUP BY aggregate_type, aggregate_id");
	return run(s, &sql, f);
}

/* A column for every field of any operation on the aggregate, each once. */
static void add_columns(struct buf *sql, const struct pm_aggregate *a)
{
	struct map seen = MAP_INIT;
	size_t n;
	const struct pm_op *op = pm_ops(&n);

	for (size_t i = 0; i < n; i++) {
		const char *fields = op[i].fields;
		struct pm_field field;

		if (strcmp(op[i].aggregate, a->word))
			continue;
		while (pm_field_next(&fields, &field)) {
			char *name = xstrndup(field.name.at, field.name.len);

			if (!map_has(&seen, name) && strcmp(name, a->status) != 0)
				buf_addf(sql, ", max(CASE f.key WHEN '%s' THEN f.value END) AS %s", name, name);
			map_put(&seen, name, NULL);
			free(name);
		}
	}
	map_release(&seen);
}

static bool make_view(struct session *s, const char *store, const struct pm_aggregate *a, struct fault *f)
{
	struct buf sql = BUF_INIT;

	open_view(&sql, store);
	buf_addf(&sql, "pm_%s AS SELECT f.aggregate_id AS %s_id", a->plural, a->word);
	add_columns(&sql, a);
	buf_addf(&sql,
		 ", s.status AS %s, t.created_at, t.changed_at FROM pm_fields f"
		 " LEFT JOIN pm_status s ON s.aggregate_type = f.aggregate_type AND s.aggregate_id = f.aggregate_id"
		 " LEFT JOIN (SELECT aggregate_id, min(occurred_at) AS created_at, max(occurred_at) AS changed_at"
		 " FROM wal_domain_events WHERE aggregate_type = '%s' GROUP BY aggregate_id) t"
		 " ON t.aggregate_id = f.aggregate_id WHERE f.aggregate_type = '%s'%s GROUP BY f.aggregate_id",
		 a->status, a->word, a->word, strcmp(a->word, "link") ? "" : " AND s.status <> 'REMOVED'");
	return run(s, &sql, f);
}

/* Where a work item belongs now: what holds it may have moved since the item was written. */
static const char PLACES[] =
	"pm_places AS SELECT w.work_item_id, w.deliverable_id, coalesce(d.project_id, w.project_id) AS project_id,"
	" coalesce(p.opsstream_id, w.opsstream_id) AS opsstream_id FROM pm_work_items w"
	" LEFT JOIN pm_deliverables d ON d.deliverable_id = w.deliverable_id"
	" LEFT JOIN pm_projects p ON p.project_id = coalesce(d.project_id, w.project_id)";

bool pm_views_make(struct session *s, const char *store, struct fault *f)
{
	size_t n;
	const struct pm_aggregate *a = pm_aggregates(&n);
	bool good = make_fixed(s, store, FIELDS, f) && make_status(s, store, f);

	for (size_t i = 0; good && i < n; i++)
		good = make_view(s, store, &a[i], f);
	return good && make_fixed(s, store, PLACES, f);
}
