#include "store/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/vec.h"
#include "store/base_files.h"
#include "store/execute.h"
#include "store/params.h"
#include "store/wal.h"

static const char PLAN_WORDS[] = "plan_version plan_id jsonrpc meta";

char *plan_op_place(const struct plans *p, const struct plan_op *op)
{
	const char *name = method_words(op->method)->name;
	char *plan = p->n_plans > 1 ? xasprintf("plan %zu, ", op->plan + 1) : xstrdup("");
	char *place = *op->id ? xasprintf("%soperation %zu (%s '%.60s')", plan, op->index + 1, name, op->id)
			      : xasprintf("%soperation %zu (%s)", plan, op->index + 1, name);

	free(plan);
	return place;
}

void plans_release(struct plans *p)
{
	free(p->plan);
	free(p->op);
	*p = (struct plans){0};
}

/* ---- stores ---- */

static const struct store *log_store(struct op_world *w, const struct params *p)
{
	const struct store *wal = wal_store(&w->stores, w->base);

	if (!wal)
		fault_usage(p->fault, "'%.*s': no store is called 'wal', and there are several: name one with 'dataset'",
			    (int)strlen(p->path) - 1, p->path);
	return wal;
}

static const struct store *dataset_store(const struct op_world *w, const struct params *p)
{
	const char *name = param_text(p, "dataset");
	char *where;
	const struct store *found;

	if (!name)
		return NULL;
	where = xasprintf("'%sdataset'", p->path);
	found = stores_need(&w->stores, name, where, p->fault);
	free(where);
	return found;
}

/* ~ is the home folder; a file that is a store's is that store. */
static const struct store *path_store(struct op_world *w, const struct params *p)
{
	const char *given = param_text(p, "sqlite_path");
	struct fault out = FAULT_INIT;
	const struct store *found = NULL;
	char *path, *whole;

	if (!given)
		return NULL;
	path = given[0] == '~' && given[1] == '/' && w->home ? path_join(w->home, given + 2) : xstrdup(given);
	for (size_t i = 0; !found && i < w->stores.n; i++)
		if (!strcmp(w->stores.store[i]->path, path))
			found = w->stores.store[i];
	if (!found) {
		whole = base_sqlite_path(w->base, path, &out);
		if (whole)
			found = stores_add(&w->stores, path, whole);
		else
			fault_usage(p->fault, "'%ssqlite_path' is neither a store's file nor one below the base folder: %s",
				    p->path, out.text.data);
		free(whole);
		fault_release(&out);
	}
	free(path);
	return found;
}

/* Every store that the statement names; *ret_named is whether there was one. */
static bool add_named_stores(struct plans *ps, const struct op_world *w, const char *sql, bool *ret_named,
			     struct fault *f)
{
	*ret_named = false;
	for (size_t i = 0; i < w->stores.n; i++) {
		if (!sql_names_store(sql, w->stores.store[i]->name))
			continue;
		*ret_named = true;
		if (!store_set_add(&ps->set, w->stores.store[i], f))
			return false;
	}
	return true;
}

static bool find_execute_stores(struct plans *ps, const struct op_world *w, const struct params *p,
				struct plan_op *op)
{
	const char *sql = param_text(p, "sql");
	bool named;

	if (!sql || !add_named_stores(ps, w, sql, &named, p->fault))
		return false;
	if (named || param(p, "dataset"))
		return true;
	if (w->stores.n != 1)
		return fault_usage(p->fault, "'%ssql' names no store: write STORE.TABLE, or give 'dataset'", p->path);
	op->store = w->stores.store[0];
	return true;
}

static bool find_store(struct plans *ps, struct op_world *w, const struct params *p, struct plan_op *op)
{
	op->store = dataset_store(w, p);
	switch (op->method) {
	case METHOD_APPEND:
	case METHOD_EXISTS:
	case METHOD_NOT_EXISTS:
		if (!param(p, "dataset"))
			op->store = log_store(w, p);
		break;
	case METHOD_SYNC:
		if (!param(p, "dataset") == !param(p, "sqlite_path"))
			return fault_usage(p->fault, "'%.*s' needs either 'dataset' or 'sqlite_path'",
					   (int)strlen(p->path) - 1, p->path);
		if (param(p, "sqlite_path"))
			op->store = path_store(w, p);
		break;
	case METHOD_EXECUTE:
		if (!find_execute_stores(ps, w, p, op))
			return false;
		break;
	case METHOD_UPSERT:
	case METHOD_WRITE_FILE:
	case METHOD_SHEET:
	case METHOD_NONE:
		break;
	}
	return !op->store || store_set_add(&ps->set, op->store, p->fault);
}

/* ---- parameters of an operation ---- */

static void check_kinds(const struct params *p, enum method m)
{
	switch (m) {
	case METHOD_UPSERT:
		(void)param_text(p, "table");
		(void)param_list(p, "rows");
		(void)param_texts(p, "skip_update_columns");
		if (param_texts(p, "key_columns") && !json_array_size(param(p, "key_columns")))
			fault_usage(p->fault, "'%skey_columns' is empty: rows could not be told apart", p->path);
		break;
	case METHOD_SYNC:
		(void)param_text(p, "table");
		(void)param_list(p, "rows");
		(void)param_texts(p, "columns");
		break;
	case METHOD_EXISTS:
	case METHOD_NOT_EXISTS:
		(void)param_text(p, "aggregate_type");
		(void)param_text(p, "aggregate_id");
		break;
	case METHOD_WRITE_FILE:
		(void)param_text(p, "path");
		if (!json_is_string(param(p, "content")))
			fault_usage(p->fault, "parameter '%scontent' has to be text, not %s", p->path,
				    json_kind(param(p, "content")));
		break;
	case METHOD_APPEND:
		(void)param_text(p, "idempotency_key");
		break;
	case METHOD_EXECUTE:
	case METHOD_SHEET:
	case METHOD_NONE:
		break;
	}
}

static bool check_params(const struct params *p, enum method m)
{
	const struct method_words *words = method_words(m);

	if (words->later)
		return fault_usage(p->fault, "'%.*s' belongs to %s, which is refused: %s", (int)strlen(p->path) - 1, p->path, words->name,
				   words->later);
	if (!json_is_object(p->map))
		return fault_usage(p->fault, "'%.*s' has to be a map, not %s", (int)strlen(p->path) - 1, p->path,
				   json_kind(p->map));
	if (m == METHOD_APPEND && wal_is_bare(p->map)) /* its keys are its own */
		return param(p, "idempotency_key") ||
		       fault_usage(p->fault, "parameter '%sidempotency_key' is missing", p->path);
	return params_check(p, words->required, words->optional);
}

static enum method op_method(const struct params *p)
{
	const char *name;
	char *where;
	enum method m = METHOD_NONE;

	if (!params_check(p, "method params", "jsonrpc id"))
		return METHOD_NONE;
	name = param_text(p, "method");
	where = xasprintf("'%smethod'", p->path);
	if (name)
		m = method_find(name, where, p->fault);
	free(where);
	return m;
}

static void read_op(struct plans *ps, struct op_world *w, const json_t *raw, const char *path, struct fault *f)
{
	char *inside = xasprintf("%s.", path), *deeper = xasprintf("%s.params.", path);
	struct params of_op = {raw, inside, f}, p = {json_object_get(raw, "params"), deeper, f};
	struct plan_op op = {.id = "", .method = METHOD_NONE, .params = p.map, .plan = ps->n_plans - 1};

	if (json_is_object(raw))
		op.method = op_method(&of_op);
	else
		fault_usage(f, "'%s' has to be a map, not %s", path, json_kind(raw));
	op.raw_id = json_object_get(raw, "id");
	if (json_is_string(op.raw_id))
		op.id = json_string_value(op.raw_id);
	if (op.method != METHOD_NONE && check_params(&p, op.method)) {
		check_kinds(&p, op.method);
		(void)find_store(ps, w, &p, &op);
	}
	VEC_PUSH(ps->op, ps->n, ps->room, op);
	free(inside);
	free(deeper);
}

/* ---- plans ---- */

static bool is_version_known(const struct params *p)
{
	const char *version = param_text(p, "plan_version");

	if (!version || !strncmp(version, "storacle.plan/1.", strlen("storacle.plan/1.")))
		return true;
	return fault_usage(p->fault, "'%splan_version' is '%s', and only storacle.plan/1 is known", p->path, version);
}

static void read_plan(struct plans *ps, struct op_world *w, const json_t *raw, const char *path, struct fault *f)
{
	char *inside = xasprintf("%s.", path);
	struct params p = {raw, inside, f};
	const json_t *ops = NULL;
	json_t *op;
	size_t i;

	VEC_PUSH(ps->plan, ps->n_plans, ps->room_plans, raw);
	if (!json_is_object(raw))
		fault_usage(f, "'%s' has to be a plan (a map with 'ops') or a list of plans, not %s", path, json_kind(raw));
	else if (params_check(&p, "ops", PLAN_WORDS) && is_version_known(&p))
		ops = param_list(&p, "ops");
	(void)(json_is_object(raw) && param_map(&p, "meta"));
	json_array_foreach(ops, i, op) {
		char *where = xasprintf("%s.ops[%zu]", path, i);

		read_op(ps, w, op, where, f);
		ps->op[ps->n - 1].index = i;
		free(where);
	}
	free(inside);
}

const json_t *plan_inside(const json_t *given)
{
	const json_t *inside = json_object_get(given, "plan");

	return json_is_object(inside) && !json_object_get(given, "ops") ? inside : given;
}

bool plans_read(struct plans *ps, struct op_world *w, const json_t *given, struct fault *f)
{
	json_t *one;
	size_t i;

	if (!json_is_array(given))
		read_plan(ps, w, plan_inside(given), "plan", f);
	json_array_foreach(given, i, one) {
		char *path = xasprintf("plan[%zu]", i);

		read_plan(ps, w, plan_inside(one), path, f);
		free(path);
	}
	return f->kind == FAULT_NONE;
}
