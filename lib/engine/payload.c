/*
 * What is known before a run is checked before it.  In a lorchestra job every reference to the payload or the
 * context must find something when the run is asked for, also those of steps that will be skipped; in a native
 * job an expression counts when its step begins.
 */
#include <string.h>

#include "base/bug.h"
#include "engine/engine_impl.h"

struct look {
	struct diags *d;
	struct expr_world xw;
};

struct roots {
	bool known, other; /* it names payload or ctx; it names something else */
};

static void note_root(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m)
{
	struct roots *r = ctx;

	(void)path;
	(void)n;
	(void)m;
	if (root == ROOT_PAYLOAD || root == ROOT_CTX)
		r->known = true;
	else
		r->other = true;
}

static void look_at_value(void *ctx, const struct value *v)
{
	struct look *k = ctx;
	struct roots r = {0};
	struct buf err = BUF_INIT;
	json_t *got;

	value_names(v, note_root, &r);
	if (r.known && !r.other) {
		got = value_eval(v, &k->xw, &err);
		if (!got)
			diag_error(k->d, value_mark(v), "the reference cannot be resolved: %s", err.data);
		json_decref(got);
	}
	buf_release(&err);
}

static void look_at_conditions(struct look *k, const struct condition_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct roots r = {0};
		struct buf err = BUF_INIT;

		expr_names(l->at[i].expr, note_root, &r);
		if (r.known && !r.other && expr_test(l->at[i].expr, &k->xw, &err) < 0)
			diag_error(k->d, expr_mark(l->at[i].expr), "the condition cannot be decided: %s", err.data);
		buf_release(&err);
	}
}

static void look_at_step(struct look *k, const struct step *st)
{
	if (st->t.act->with)
		value_leaves(st->t.act->with, look_at_value, k);
	if (st->t.act->payload)
		value_leaves(st->t.act->payload, look_at_value, k);
	look_at_conditions(k, &st->t.policy->when);
}

bool engine_check_payload(struct engine *e, struct diags *d)
{
	struct look k = {.d = d};
	size_t before = diags_errors(d);
	struct unit_world w;

	for (uint32_t s = 0; s < e->x->n_scopes; s++) {
		const struct job *j = e->x->scope[s].job;

		/* That of a call is known when it begins. */
		if (e->x->scope[s].caller != SCOPE_NONE || strcmp(j->file->format, "lorchestra"))
			continue;
		scope_world_init(&w, e, s);
		k.xw = unit_world_expr(&w);
		for (size_t i = 0; i < j->n_steps; i++)
			look_at_step(&k, &j->step[i]);
		unit_world_release(&w);
	}
	return diags_errors(d) == before;
}
