/* A plan, read with a cursor: one step's tree at a time. */
#include "job/read_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"

enum {
	TIMEOUT_MS = 1800 * 1000,
	GRACE_MS = 2000,
	WIDTH_MAX = UINT16_MAX,
	RETRIES_MAX = 1000000,
	FROM_GLOBALS = UINT32_MAX, /* retries of a step that does not say how many */
};

/* --- globals ---------------------------------------------------------------------------------- */

static void use_global_key(struct plan *p, void *ctx, const struct node *n)
{
	int64_t number;

	(void)ctx;
	switch (p->key) {
	case PLAN_max_concurrency:
		if (plan_int(p, n, 1, WIDTH_MAX, &number))
			p->width = (uint32_t)number;
		break;
	case PLAN_default_timeout_sec:
		if (plan_seconds(p, n, &number) && number)
			p->timeout_ms = number;
		break;
	case PLAN_default_retries:
		if (plan_int(p, n, 0, RETRIES_MAX, &number))
			p->retries = (uint32_t)number;
		break;
	case PLAN_globals_env:
		if (plan_env(p, n, &traits_policy(p->l, &p->j->t)->env) && p->j->t.policy->env.n)
			traits_note(p->l, &p->j->t, KEY_env);
		break;
	case PLAN_max_step_duration_sec:
		plan_seconds(p, n, &p->max_ms);
		break;
	default:
		BUG("key '%s' is not one of 'globals'", plan_key_word(p->key));
	}
}

/* --- the plan --------------------------------------------------------------------------------- */

static void keep(struct plan *p, const char *key, json_t *v)
{
	if (v)
		json_object_set_new(p->metadata, key, v);
}

static void read_metadata(struct plan *p, const struct node *n)
{
	json_t *v;

	if (n->kind != NODE_MAP) {
		plan_bad(p, n);
		return;
	}
	v = node_to_json(n, p->l->d);
	if (v)
		json_object_update(p->metadata, v);
	json_decref(v);
}

static void read_plan_id(struct plan *p, const struct node *n)
{
	const char *id;

	if (!plan_text(p, n, &id))
		return;
	p->j->mark = n->mark;
	if (take_job_name(p->l, n))
		p->j->name = full_name(p->l, id);
}

static void use_plan_key(struct plan *p, const struct node *n)
{
	struct traits *t = &p->j->t;
	const char *text;

	switch (p->key) {
	case PLAN_plan_id:
		read_plan_id(p, n);
		break;
	case PLAN_version:
		if (plan_text(p, n, &text))
			keep(p, "plan_version", json_string(text));
		break;
	case PLAN_description:
		if (!is_null(n) && plan_text(p, n, &t->description))
			traits_note(p->l, t, KEY_description);
		break;
	case PLAN_metadata:
		read_metadata(p, n);
		break;
	case PLAN_doc_id:
		if (!is_null(n) && plan_text(p, n, &text))
			keep(p, "doc_id", json_string(text));
		break;
	case PLAN_globals:
		p->where = n->kind == NODE_MAP ? "'globals'" : "the plan";
		plan_map(p, n, IN_GLOBALS_MAP, use_global_key, NULL);
		p->where = "the plan";
		break;
	case PLAN_steps:
		plan_bad(p, n); /* a list has been read */
		break;
	default:
		BUG("key '%s' is not one of the plan", plan_key_word(p->key));
	}
}

/* One step at a time, whatever their number. */
static bool read_steps(struct plan *p, struct cursor *c)
{
	cursor_next(c, NULL);
	while (cursor_peek(c) != DOC_END) {
		struct node *n = cursor_tree(c, p->l->scratch);

		if (!n)
			return false;
		plan_read_step(p, n);
		p->where = "the plan";
		scratch_tidy(p->l);
	}
	cursor_next(c, NULL);
	return true;
}

/* One pair of the outermost map; false at its end. */
static bool read_pair(struct plan *p, struct cursor *c)
{
	const struct node *name;
	struct node *value;

	if (cursor_peek(c) != DOC_SCALAR)
		return false;
	name = cursor_tree(c, p->l->scratch);
	if (!name)
		return false;
	if (!plan_key_find(IN_PLAN_MAP, name->text, &p->key)) {
		plan_unknown_key(p, name, IN_PLAN_MAP);
		return cursor_skip(c);
	}
	p->seen[p->key] = name->mark;
	if (p->key == PLAN_steps && cursor_peek(c) == DOC_LIST)
		return read_steps(p, c);
	value = cursor_tree(c, p->l->scratch);
	if (!value)
		return false;
	plan_fill(p, value);
	use_plan_key(p, value);
	return true;
}

/* --- when all of it has been read --------------------------------------------------------------- */

static void say_missing(struct plan *p)
{
	for (enum plan_key k = 0; k < PLAN_KEY_COUNT; k++) {
		const struct plan_key_info *info = plan_key_info(k);

		if (info->scope == IN_PLAN_MAP && info->required && !p->seen[k].line)
			diag_error(p->l->d, p->j->mark, "the plan has no '%s'", info->word);
	}
}

static int64_t capped(const struct plan *p, int64_t ms)
{
	return p->max_ms && ms > p->max_ms ? p->max_ms : ms;
}

static void finish_step(const struct plan *p, struct step *st)
{
	struct traits *t = &st->t;

	if (traits_has(t, KEY_timeout))
		traits_policy(p->l, t)->timeout_ms = capped(p, t->policy->timeout_ms);
	if (t->policy->retry && t->policy->retry->pace.max == FROM_GLOBALS)
		t->policy->retry->pace.max = p->retries;
	traits_seal(p->l, t);
}

/* What holds for every step is said by the job. */
static void finish_job(struct plan *p)
{
	struct traits *t = &p->j->t;

	traits_policy(p->l, t)->timeout_ms = capped(p, p->timeout_ms);
	traits_note(p->l, t, KEY_timeout);
	traits_policy(p->l, t)->grace_ms = GRACE_MS;
	traits_note(p->l, t, KEY_grace);
	if (p->retries) {
		traits_policy(p->l, t)->retry = ARENA_NEW(p->l->a, struct retry_spec);
		t->policy->retry->pace = (struct retry_pace){.max = p->retries, .backoff = 1};
		traits_note(p->l, t, KEY_retry);
	}
	t->metadata = keep_json_text(p->l, p->metadata);
	traits_note(p->l, t, KEY_metadata);
}

/* However many slots there are, no more of its steps run at once. */
static void add_pool(struct plan *p)
{
	struct loader *l = p->l;
	struct pool_spec pool = {.name = p->j->name, .mark = p->seen[PLAN_globals], .slots = p->width};

	if (!take_name(l, NAME_POOL, pool.name, pool.mark))
		return;
	VEC_PUSH(l->jf->pool, l->jf->n_pools, l->room_pools, pool);
	traits_policy(p->l, &p->j->t)->pool = (struct pool_use){pool.name, pool.mark, 1};
	traits_note(p->l, &p->j->t, KEY_pool);
	p->j->width = p->width;
}

/* A plan without steps is a job with nothing to do. */
static void set_kind(struct plan *p)
{
	struct job *j = p->j;

	if (p->n_steps) {
		j->kind = JOB_STEPS;
		j->step = p->step;
		j->n_steps = p->n_steps;
		j->by_id = p->by_id;
		p->by_id = (struct step_index){0};
		return;
	}
	j->kind = JOB_ACTION;
	j->step = ARENA_NEW(p->l->a, struct step);
	traits_act(p->l, &j->t)->kind = ACT_NOOP;
	traits_act(p->l, &j->t)->mark = j->mark;
	traits_note(p->l, &j->t, KEY_noop);
}

/* Where a plan is named, its folders are seen from where orchmake is started. */
static void set_root(struct loader *l)
{
	const struct jobfile_where *w = l->where;

	if (w->n_paths && !strcmp(w->path[0], l->file->path))
		l->jf->root = ".";
}

static void finish(struct plan *p)
{
	say_missing(p);
	plan_link_steps(p);
	finish_job(p);
	for (size_t i = 0; i < p->n_steps; i++)
		finish_step(p, &p->step[i]);
	plan_finish_variables(p);
	if (!p->j->name)
		return;
	set_kind(p);
	add_pool(p);
	add_job(p->l, p->j);
	set_root(p->l);
}

void read_plan(struct loader *l, struct cursor *c)
{
	struct plan p = {.l = l, .j = ARENA_NEW(l->a, struct job), .where = "the plan", .width = 1,
			 .timeout_ms = TIMEOUT_MS, .metadata = json_object()};

	l->file->format = "plan";
	*p.j = (struct job){.mark = cursor_mark(c), .file = l->file, .ns = l->file->ns};
	traits_init(&p.j->t);
	while (read_pair(&p, c))
		scratch_tidy(l);
	arena_on_free(l->a, free, p.step);
	if (cursor_peek(c) == DOC_END)
		finish(&p);
	else
		json_decref(p.metadata);
	step_index_release(&p.by_id);
	map_release(&p.variables);
	free(p.link);
}
