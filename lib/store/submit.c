/*
 * storacle.submit: plans carried out, all or nothing.
 *
 * Order: check everything; lock the stores; each operation in turn, so that an
 * assertion sees what came before it (files are written to nameless ones); commit
 * all stores as one; give the files their names.  A failure before the commit
 * leaves nothing.  A kill between the commit and the last name leaves the stores
 * with the plan and some files as they were: submitting the plan again, as a
 * resumed run does, changes no row twice and writes those files.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"
#include "store/base_files.h"
#include "store/execute.h"
#include "store/ops.h"
#include "store/params.h"
#include "store/plan.h"
#include "store/plan_hash.h"
#include "store/rows.h"
#include "store/submitted.h"
#include "store/wal.h"

struct submission {
	struct op_world *world;
	struct fault *fault;
	struct plans plans;
	struct session session;
	struct staged_files files;
	struct wal_context wal;
	struct digest hash; /* of what the plans say */
	struct rows_written total;
	int64_t affected; /* by bq.execute */
	json_t *responses, *items;
};

static const char *text_of(const struct plan_op *op, const char *key)
{
	return json_str(op->params, key);
}

static json_t *rows_result(struct submission *s, const struct rows_written *w)
{
	s->total.inserted += w->inserted;
	s->total.updated += w->updated;
	s->total.unchanged += w->unchanged;
	return json_pack("{sIsIsIsI}", "rows_written", (json_int_t)(w->inserted + w->updated), "rows_inserted",
			 (json_int_t)w->inserted, "rows_updated", (json_int_t)w->updated, "rows_unchanged",
			 (json_int_t)w->unchanged);
}

static json_t *do_upsert(struct submission *s, const struct plan_op *op)
{
	struct rows_written written;
	const struct upsert u = {
		.store = op->store->name,
		.table = text_of(op, "table"),
		.keys = json_object_get(op->params, "key_columns"),
		.skips = json_object_get(op->params, "skip_update_columns"),
		.rows = json_object_get(op->params, "rows"),
	};

	return rows_upsert(&s->session, &u, &written, s->fault) ? rows_result(s, &written) : NULL;
}

static json_t *do_sync(struct submission *s, const struct plan_op *op)
{
	json_t *columns = json_object_get(op->params, "columns");
	struct rows_written written;
	const struct replace r = {
		.store = op->store->name,
		.table = text_of(op, "table"),
		.columns = json_array_size(columns) ? columns : NULL,
		.rows = json_object_get(op->params, "rows"),
	};

	return rows_replace(&s->session, &r, &written, s->fault) ? rows_result(s, &written) : NULL;
}

static json_t *do_execute(struct submission *s, const struct plan_op *op)
{
	const json_t *params = json_object_get(op->params, "params");
	int64_t rows = 0;
	const struct execute e = {
		.sql = text_of(op, "sql"),
		.params = json_is_null(params) ? NULL : params,
		.store = op->store ? op->store->name : NULL,
	};

	if (!execute_sql(&s->session, &e, &rows, s->fault))
		return NULL;
	s->affected += rows;
	return json_pack("{sI}", "rows_affected", (json_int_t)rows);
}

/* The log of this operation's store, with the correlation of its plan. */
static void aim_wal(struct submission *s, const struct plan_op *op)
{
	s->wal.session = &s->session;
	s->wal.store = op->store->name;
	s->wal.now = s->world->now;
	s->wal.correlation = json_str(json_object_get(s->plans.plan[op->plan], "meta"), "correlation_id");
}

static json_t *do_append(struct submission *s, const struct plan_op *op)
{
	json_t *result = NULL;

	aim_wal(s, op);
	if (!wal_append(&s->wal, op->params, &result, s->fault))
		return NULL;
	if (!strcmp(json_str(result, "status"), "created"))
		s->total.inserted++;
	else
		s->total.unchanged++;
	return result;
}

/*
 * Whether the plan's own event that makes the aggregate is in the log already: then the
 * plan has been carried out before, and what it asserted to be new is what it made.
 */
static bool is_own_doing(struct submission *s, const struct plan_op *assertion, bool *ret_own)
{
	const char *type = text_of(assertion, "aggregate_type"), *id = text_of(assertion, "aggregate_id");
	const struct plan_op *end = s->plans.op + s->plans.n;

	*ret_own = false;
	for (const struct plan_op *op = assertion + 1; op < end && op->plan == assertion->plan; op++) {
		const char *of = text_of(op, "aggregate_type"), *made = text_of(op, "aggregate_id");

		if (op->method == METHOD_APPEND && op->store == assertion->store && of && made && !strcmp(of, type) &&
		    !strcmp(made, id))
			return wal_knows(&s->wal, op->params, ret_own, s->fault);
	}
	return true;
}

static json_t *do_assert(struct submission *s, const struct plan_op *op)
{
	const char *type = text_of(op, "aggregate_type"), *id = text_of(op, "aggregate_id");
	bool wanted = op->method == METHOD_EXISTS, has, own = false;

	aim_wal(s, op);
	if (!wal_has(&s->wal, type, id, &has, s->fault) || (has && !wanted && !is_own_doing(s, op, &own)))
		return NULL;
	if (has == wanted || own)
		return json_pack("{sb}", "holds", 1);
	fault_detail(s->fault, "class", json_string("PlanBuildError"));
	fault_set(s->fault, CODE_ASSERTION,
		  wanted ? "PlanBuildError: Referenced %s '%s' does not exist (assertion failed)"
			 : "PlanBuildError: %s '%s' exists already (assertion failed)",
		  type, id);
	return NULL;
}

static json_t *do_write_file(struct submission *s, const struct plan_op *op)
{
	const json_t *content = json_object_get(op->params, "content");
	const struct staged_file *file;

	if (!staged_add(&s->files, text_of(op, "path"), json_string_value(content), json_string_length(content),
			s->fault))
		return NULL;
	file = &s->files.file[s->files.n - 1];
	return json_pack("{sIssss}", "bytes_written", (json_int_t)(file->unchanged ? 0 : file->size), "status",
			 file->unchanged ? "unchanged" : "written", "path", file->path);
}

/* The result of one operation, or NULL. */
static json_t *perform(struct submission *s, const struct plan_op *op)
{
	switch (op->method) {
	case METHOD_UPSERT:
		return do_upsert(s, op);
	case METHOD_EXECUTE:
		return do_execute(s, op);
	case METHOD_APPEND:
		return do_append(s, op);
	case METHOD_SYNC:
		return do_sync(s, op);
	case METHOD_WRITE_FILE:
		return do_write_file(s, op);
	case METHOD_EXISTS:
	case METHOD_NOT_EXISTS:
		return do_assert(s, op);
	case METHOD_SHEET:
	case METHOD_NONE:
		break;
	}
	BUG("an operation that is refused got here");
}

/* A log that could not be written: whether a later try may do is in its kind. */
static void blame_log(struct fault *f)
{
	fault_detail(f, "class", json_string("StoracleError"));
	fault_within(f, "StoracleError: Failed to write to WAL");
	if (f->kind == FAULT_TRANSIENT)
		buf_puts(&f->text, " (transient)");
}

/* Say which operation it was, for people and for programs. */
static void blame(struct submission *s, const struct plan_op *op)
{
	char *place = plan_op_place(&s->plans, op);

	if (op->method == METHOD_APPEND && s->fault->code == CODE_STORAGE)
		blame_log(s->fault);
	else if (s->fault->code != CODE_ASSERTION) /* which says what is missing, and whose it is */
		fault_within(s->fault, "%s", place);
	free(place);
	fault_detail(s->fault, "plan", json_integer((json_int_t)op->plan));
	fault_detail(s->fault, "op", json_integer((json_int_t)op->index));
	fault_detail(s->fault, "method", json_string(method_words(op->method)->name));
	if (op->raw_id)
		fault_detail(s->fault, "op_id", json_incref((json_t *)op->raw_id));
}

static bool perform_all(struct submission *s)
{
	for (size_t i = 0; i < s->plans.n; i++) {
		const struct plan_op *op = &s->plans.op[i];
		json_t *result = perform(s, op);

		if (!result) {
			blame(s, op);
			return false;
		}
		json_array_append_new(s->responses,
				      json_pack("{sssOso}", "jsonrpc", "2.0", "id", op->raw_id ? op->raw_id : json_null(),
						"result", result));
	}
	return true;
}

/* Whether the plans do nothing but append, so that any trouble with the stores is one with the log. */
static bool is_log_only(const struct plans *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->op[i].method != METHOD_APPEND && p->op[i].method != METHOD_EXISTS &&
		    p->op[i].method != METHOD_NOT_EXISTS)
			return false;
	return p->n > 0;
}

static bool begin(struct submission *s)
{
	if (!staged_open(&s->files, s->world->base, s->fault))
		return false;
	if (!s->plans.set.n)
		return true; /* files only */
	if (session_begin(&s->session, &s->plans.set, SESSION_WRITE, s->world->busy_ms, s->fault))
		return true;
	if (is_log_only(&s->plans))
		blame_log(s->fault);
	return false;
}

/* What was looked at is what is carried out, or nothing is. */
static bool is_expected(struct submission *s, const json_t *with)
{
	const struct params p = {with, "", s->fault};
	const char *expected = param_text(&p, "expected_hash");

	plan_hash(&s->hash, json_object_get(with, "plan"));
	if (!expected || !strcmp(s->hash.hex, expected))
		return s->fault->kind == FAULT_NONE;
	fault_detail(s->fault, "plan_hash", json_string(s->hash.hex));
	return fault_set(s->fault, CODE_ASSERTION,
			 "PlanBuildError: the plan's hash is %s, not %s as expected: it is not the plan that was looked"
			 " at, and nothing was written",
			 s->hash.hex, expected);
}

static bool finish(struct submission *s)
{
	bool in_stores = s->session.db != NULL;

	if (in_stores && !session_commit(&s->session, s->fault)) {
		if (is_log_only(&s->plans))
			blame_log(s->fault);
		return false;
	}
	if (staged_publish(&s->files, s->fault))
		return true;
	if (in_stores)
		fault_within(s->fault, "the stores have the plan, but not all files are in place (submit it again)");
	return false;
}

/* One item per plan. */
static void sum_up(struct submission *s)
{
	for (size_t i = 0; i < s->plans.n_plans; i++) {
		json_t *id = json_object_get(s->plans.plan[i], "plan_id");
		size_t ops = json_array_size(json_object_get(s->plans.plan[i], "ops"));

		json_array_append_new(s->items, json_pack("{sOsI}", "plan_id", id ? id : json_null(), "ops", (json_int_t)ops));
	}
}

static json_t *answer_of(struct submission *s)
{
	int64_t written = s->total.inserted + s->total.updated;
	json_t *stats = json_pack("{sIsIsIsIsIsI}", "plans", (json_int_t)s->plans.n_plans, "ops", (json_int_t)s->plans.n,
				  "rows_inserted", (json_int_t)s->total.inserted, "rows_updated",
				  (json_int_t)s->total.updated, "rows_unchanged", (json_int_t)s->total.unchanged,
				  "rows_affected", (json_int_t)s->affected);
	json_t *answer;

	sum_up(s);
	answer = op_answer(json_incref(s->items), stats);
	json_object_set(answer, "responses", s->responses);
	json_object_set_new(answer, "rows_written", json_integer(written + s->affected));
	json_object_set_new(answer, "plan_hash", json_string(s->hash.hex));
	return answer;
}

/* Only the files, which a submission that was killed after its commit may not have put in place. */
static bool write_files_again(struct submission *s)
{
	for (size_t i = 0; i < s->plans.n; i++)
		if (s->plans.op[i].method == METHOD_WRITE_FILE)
			json_decref(do_write_file(s, &s->plans.op[i]));
	return s->fault->kind == FAULT_NONE && staged_publish(&s->files, s->fault);
}

/* What was answered then, and that nothing was written now. */
static json_t *answer_again(json_t *before)
{
	static const char *const counts[] = {"rows_inserted", "rows_updated", "rows_unchanged", "rows_affected"};
	json_t *stats = json_object_get(before, "stats");

	for (size_t i = 0; stats && i < ARRAY_LEN(counts); i++)
		json_object_set_new(stats, counts[i], json_integer(0));
	json_object_set_new(before, "rows_written", json_integer(0));
	json_object_set_new(before, "status", json_string("duplicate"));
	return before;
}

/* Under a key, once: the key is noted in the transaction of the writes. */
static json_t *submit_once(struct submission *s, const char *key)
{
	struct submitted known;
	json_t *answer = NULL;

	submitted_init(&known, key, &s->plans);
	if (!submitted_look(&known, &s->session, &answer, s->fault))
		return NULL;
	if (answer && write_files_again(s))
		return answer_again(answer);
	json_decref(answer);
	if (s->fault->kind != FAULT_NONE || !perform_all(s))
		return NULL;
	answer = answer_of(s);
	json_object_set_new(answer, "status", json_string("applied"));
	if (submitted_note(&known, &s->session, s->world, answer, s->fault) && finish(s))
		return answer;
	json_decref(answer);
	return NULL;
}

/* Files alone need no key: writing them again changes nothing, and there is no store to keep it in. */
static json_t *submit(struct submission *s, const json_t *with)
{
	const char *key = s->world->key ? s->world->key : json_str(with, "idempotency_key");

	if (!plans_read(&s->plans, s->world, json_object_get(with, "plan"), s->fault) ||
	    !is_expected(s, with) || !begin(s))
		return NULL;
	if (key && *key && s->session.db)
		return submit_once(s, key);
	return perform_all(s) && finish(s) ? answer_of(s) : NULL;
}

json_t *op_submit(struct op_world *w, const json_t *with, struct fault *f)
{
	struct submission s = {.world = w, .fault = f, .files = {.base = -1}};
	json_t *answer;

	s.responses = json_array();
	s.items = json_array();
	answer = submit(&s, with);
	session_end(&s.session);
	staged_release(&s.files);
	plans_release(&s.plans);
	json_decref(s.responses);
	json_decref(s.items);
	return answer;
}
