/* What the units of an instance are, and what each waits for. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "job/expand_impl.h"

/* --- names in `needs` --------------------------------------------------------------------------- */

void need_name_split(struct need_name *n, const char *text)
{
	const char *slash = strchr(text, '/');
	const char *open = strchr(text, '[');
	const char *close = open ? strchr(open, ']') : NULL;

	*n = (struct need_name){0};
	if (slash && open && slash < open) /* job/step[a]: the label is the step's business */
		open = close = NULL;
	if (open && close) {
		n->job = xstrndup(text, (size_t)(open - text));
		n->label = xstrndup(open + 1, (size_t)(close - open) - 1);
		slash = close[1] == '/' ? close + 1 : NULL;
	} else {
		n->job = slash ? xstrndup(text, (size_t)(slash - text)) : xstrdup(text);
	}
	if (slash)
		n->step = xstrdup(slash + 1);
}

void need_name_release(struct need_name *n)
{
	free(n->job);
	free(n->label);
	free(n->step);
}

static bool provides(const struct traits *t, const char *name)
{
	for (size_t i = 0; i < t->n_provides; i++)
		if (!strcmp(t->provide[i].name, name))
			return true;
	return false;
}

const struct step *inside_provider(const struct job *j, const char *name)
{
	for (size_t i = 0; i < j->n_steps; i++)
		if (provides(&j->step[i].t, name))
			return &j->step[i];
	return NULL;
}

const struct job *outside_provider(const struct jobfile *jf, const struct job *j, const char *name)
{
	if (inside_provider(j, name))
		return NULL;
	for (size_t i = 0; i < jf->n_jobs; i++)
		if (jf->job[i] != j && inside_provider(jf->job[i], name))
			return jf->job[i];
	return NULL;
}

/* The unit that name stands for, seen from a step of scope; UNIT_NONE if it is not part of this run. */
static uint32_t resolve(struct expander *e, const struct job *self, uint32_t scope, const char *name)
{
	const struct step *st = self->kind == JOB_STEPS ? step_find(self, name) : NULL;
	const struct job *j = job_find(e->jf, name);
	uint32_t unit = UNIT_NONE;
	struct need_name n;

	if (st)
		return scope == SCOPE_NONE ? UNIT_NONE : e->step_unit[scope][st->no];
	if (j)
		return e->x->job_unit[j->no];
	need_name_split(&n, name);
	j = job_find(e->jf, n.job);
	if (j && n.label && expander_job_cells(e, j))
		unit = expander_instance(e, j, cells_find(expander_job_cells(e, j), n.label));
	else if (j)
		unit = e->x->job_unit[j->no];
	st = j && n.step ? step_find(j, n.step) : NULL;
	if (st && unit != UNIT_NONE)
		for (uint32_t s = 0; s < e->x->n_scopes; s++)
			if (e->x->scope[s].job == j && e->x->scope[s].caller == SCOPE_NONE && e->step_unit[s])
				unit = e->step_unit[s][st->no];
	need_name_release(&n);
	return unit;
}

/* --- units from traits ----------------------------------------------------------------------------- */

static uint16_t pool_number(struct expander *e, const char *name)
{
	for (size_t i = 0; i < e->jf->n_pools; i++) {
		if (strcmp(e->jf->pool[i].name, name))
			continue;
		if (e->pool[i] == POOL_NONE)
			e->pool[i] = graph_add_pool(e->b, name, e->jf->pool[i].slots);
		return e->pool[i];
	}
	return POOL_NONE;
}

static bool asks_status(const struct condition_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (expr_asks_status(l->at[i].expr))
			return true;
	return false;
}

struct unit expander_unit_of(struct expander *e, const struct traits *t, enum unit_kind kind)
{
	bool asks = t->when.n || t->skip_if.n || t->require.n;
	struct unit u = {
		.kind = (uint8_t)kind,
		.on_failure = (uint8_t)t->on_failure,
		.slots = t->slots,
		.pool = POOL_NONE,
		.pool_weight = 1,
		.rule = t->needs_rule,
		.group = GROUP_NONE,
		.stand_in = UNIT_NONE,
	};

	u.flags = (uint8_t)((asks ? UNIT_ASKS : 0) | (t->critical ? UNIT_CRITICAL : 0) |
			    (asks_status(&t->when) || asks_status(&t->skip_if) ? UNIT_ASKS_STATUS : 0) |
			    (t->fallback_only ? UNIT_STAND_IN : 0) |
			    (t->act.kind == ACT_NOOP && !t->n_provides ? UNIT_INSTANT : 0));
	if (t->pool.name) {
		u.pool = pool_number(e, t->pool.name);
		u.pool_weight = t->pool.weight ? t->pool.weight : 1;
	}
	if (t->retry)
		u.retry = graph_add_retry(e->b, &t->retry->pace);
	return u;
}

void expander_link_traits(struct expander *e, const struct frame *f, const struct traits *t,
			  uint32_t scope, uint32_t unit)
{
	for (size_t i = 0; i < t->n_needs; i++) {
		uint32_t on = resolve(e, f->job, scope, t->need[i].name);

		if (on != UNIT_NONE && on != unit)
			graph_add_need(e->b, unit, on, t->need[i].cond, t->need[i].order_only);
	}
	for (size_t i = 0; i < t->n_consumes; i++) {
		const struct step *st = inside_provider(f->job, t->consume[i].name);
		const struct job *j = outside_provider(e->jf, f->job, t->consume[i].name);
		uint32_t on = UNIT_NONE;

		if (st && scope != SCOPE_NONE && e->step_unit[scope])
			on = e->step_unit[scope][st->no];
		else if (j)
			on = e->x->job_unit[j->no];
		if (on != UNIT_NONE && on != unit)
			graph_add_need(e->b, unit, on, COND_OK, false);
	}
}

/* --- families ---------------------------------------------------------------------------------------- */

/* Gates carry the conditions and the failure's meaning of what they stand for. */
static void dress_gates(struct expander *e, uint32_t group, const struct traits *t, bool asks_begin)
{
	uint32_t begin = graph_group(e->b, group)->begin, end = graph_group(e->b, group)->end;
	struct unit u = expander_unit_of(e, t, UNIT_BEGIN);
	struct unit *gate = graph_unit(e->b, begin);

	gate->flags = (uint8_t)((u.flags & (UNIT_ASKS | UNIT_ASKS_STATUS | UNIT_STAND_IN)) |
				(asks_begin ? UNIT_ASKS : 0));
	gate->rule = u.rule;
	gate = graph_unit(e->b, end);
	gate->on_failure = u.on_failure;
	gate->flags |= u.flags & UNIT_CRITICAL;
}

/* Hold back unit until gate is open, and count it as a member. */
static void add_member(struct expander *e, uint32_t group, uint32_t gate, uint32_t unit)
{
	graph_add_member(e->b, group, unit);
	graph_add_need(e->b, expander_opening(e, unit), gate, COND_OPEN, false);
}

/* At most so many at a time: a pool where the instances are units without one of their own, else each
 * instance waits for the one so many places before it. */
struct limiter {
	uint32_t max;
	uint16_t pool;
	uint32_t *last; /* ring of max */
	uint32_t n;
};

static void limiter_init(struct expander *e, struct limiter *l, const struct traits *t, const char *name,
			 bool units)
{
	*l = (struct limiter){.max = t->foreach ? t->foreach->max_parallel : 0, .pool = POOL_NONE};
	if (!l->max)
		return;
	if (units && !t->pool.name)
		l->pool = graph_add_pool(e->b, name, l->max);
	else
		l->last = xcalloc(l->max, sizeof(*l->last));
}

static void limiter_apply(struct expander *e, struct limiter *l, uint32_t unit)
{
	if (!l->max)
		return;
	if (l->pool != POOL_NONE) {
		graph_unit(e->b, unit)->pool = l->pool;
		return;
	}
	if (l->n >= l->max)
		graph_add_need(e->b, expander_opening(e, unit), l->last[l->n % l->max], COND_ANY, true);
	l->last[l->n++ % l->max] = unit;
}

static uint32_t new_plain_scope(struct expander *e, const struct frame *f, uint32_t cell);

/* One unit per cell of a one-action job. */
static void add_plain_instances(struct expander *e, const struct frame *f, uint32_t group, size_t n)
{
	struct unit u = expander_unit_of(e, &f->job->step[0].t, UNIT_STEP);
	uint32_t begin = graph_group(e->b, group)->begin;
	struct limiter l;

	limiter_init(e, &l, &f->job->t, f->job->name, true);
	for (uint32_t cell = 0; cell < n; cell++) {
		uint32_t unit = f->call ? UNIT_NONE : expander_instance(e, f->job, cell);

		if (unit == UNIT_NONE) {
			uint32_t scope = new_plain_scope(e, f, cell);

			unit = expander_add_unit(e, &u, &(struct place){&f->job->step[0], scope, CELL_NONE});
			e->x->scope[scope].unit = unit;
		}
		add_member(e, group, begin, unit);
		limiter_apply(e, &l, unit);
	}
	free(l.last);
}

uint32_t expander_make_family(struct expander *e, struct frame *f)
{
	const struct cells *cells = expander_job_cells(e, f->job);
	const struct traits *t = &f->job->t;
	uint32_t group = expander_add_group(e,
		&(struct group){.stop_at_once = t->foreach && t->foreach->fail_fast},
		&(struct bundle){.kind = BUNDLE_FAMILY, .scope = SCOPE_NONE, .job = f->job, .cell = CELL_NONE});
	uint32_t begin = graph_group(e->b, group)->begin;
	struct limiter l;

	graph_unit(e->b, begin)->rule = t->needs_rule;
	graph_unit(e->b, graph_group(e->b, group)->end)->on_failure = (uint8_t)t->on_failure;
	if (t->critical)
		graph_unit(e->b, graph_group(e->b, group)->end)->flags |= UNIT_CRITICAL;
	expander_link_traits(e, f, t, SCOPE_NONE, begin);
	if (f->n_children && f->child[f->n_children - 1].member) {
		limiter_init(e, &l, t, f->job->name, false);
		for (size_t i = 0; i < f->n_children; i++) {
			if (!f->child[i].member)
				continue;
			add_member(e, group, begin, f->got[i]);
			limiter_apply(e, &l, f->got[i]);
		}
		free(l.last);
	} else {
		add_plain_instances(e, f, group, cells_count(cells));
	}
	return graph_group(e->b, group)->end;
}

/* --- one instance ------------------------------------------------------------------------------------ */

static uint32_t new_plain_scope(struct expander *e, const struct frame *f, uint32_t cell)
{
	return expander_add_scope(e, &(struct scope){
		.job = f->job, .cell = cell, .group = GROUP_NONE, .caller = f->caller, .call = f->call,
		.call_cell = f->call_cell, .unit = UNIT_NONE});
}

/* The next call's instance among what the children made, in the order in which they were asked for. */
static uint32_t take_call(const struct frame *f, const struct step *st, uint32_t cell)
{
	for (size_t i = 0; i < f->n_children; i++)
		if (f->child[i].call == st && f->child[i].call_cell == cell && !f->child[i].member)
			return f->got[i];
	BUG("no instance was made for the call of step '%s'", st->id);
}

/* A step that runs a job: a group of one, so that needs, conditions and policy have a place. */
static uint32_t make_call(struct expander *e, const struct frame *f, const struct step *st, uint32_t cell)
{
	uint32_t group = expander_add_group(e, &(struct group){0},
		&(struct bundle){.kind = BUNDLE_CALL, .scope = f->scope, .step = st, .cell = cell});

	dress_gates(e, group, &st->t, true); /* its params are evaluated when it is asked */
	if (st->finally)
		graph_unit(e->b, graph_group(e->b, group)->end)->flags |= UNIT_ALWAYS;
	add_member(e, group, graph_group(e->b, group)->begin, take_call(f, st, cell));
	return graph_group(e->b, group)->end;
}

static uint32_t make_step_unit(struct expander *e, const struct frame *f, const struct step *st,
			       uint32_t cell, uint32_t group)
{
	struct unit u;

	if (st->t.act.kind == ACT_JOB)
		return make_call(e, f, st, cell);
	u = expander_unit_of(e, &st->t, UNIT_STEP);
	u.group = group;
	if (st->finally)
		u.flags |= UNIT_ALWAYS;
	return expander_add_unit(e, &u, &(struct place){st, f->scope, cell});
}

/* The instances of a step with a matrix of its own. */
static uint32_t make_step_family(struct expander *e, const struct frame *f, const struct step *st,
				 const struct cells *cells)
{
	uint32_t group = expander_add_group(e,
		&(struct group){.stop_at_once = st->t.foreach && st->t.foreach->fail_fast},
		&(struct bundle){.kind = BUNDLE_STEPS, .scope = f->scope, .step = st, .cell = CELL_NONE});
	uint32_t begin = graph_group(e->b, group)->begin;
	struct limiter l;

	graph_unit(e->b, begin)->rule = st->t.needs_rule;
	graph_unit(e->b, graph_group(e->b, group)->end)->on_failure = (uint8_t)st->t.on_failure;
	if (st->t.critical)
		graph_unit(e->b, graph_group(e->b, group)->end)->flags |= UNIT_CRITICAL;
	if (st->finally)
		graph_unit(e->b, graph_group(e->b, group)->end)->flags |= UNIT_ALWAYS;
	limiter_init(e, &l, &st->t, st->id, st->t.act.kind != ACT_JOB);
	for (uint32_t cell = 0; cell < cells_count(cells); cell++) {
		uint32_t unit = make_step_unit(e, f, st, cell, GROUP_NONE);

		add_member(e, group, begin, unit);
		limiter_apply(e, &l, unit);
	}
	free(l.last);
	return graph_group(e->b, group)->end;
}

/* In a list, a step without `needs` of its own waits for the one before it. */
static const struct step *predecessor(const struct step *st)
{
	const struct job *j = st->job;

	if (!st->finally && (!j->in_order || st->t.fallback_only || key_set_has(&st->t.set, KEY_needs)))
		return NULL;
	for (uint32_t i = st->no; i-- > 0;)
		if (j->step[i].finally == st->finally && !j->step[i].t.fallback_only)
			return &j->step[i];
	return NULL;
}

static void link_step(struct expander *e, const struct frame *f, const struct step *st, uint32_t begin)
{
	uint32_t *unit = e->step_unit[f->scope];
	uint32_t opening = expander_opening(e, unit[st->no]);
	const struct step *before = predecessor(st);

	graph_add_need(e->b, opening, begin, COND_OPEN, false);
	expander_link_traits(e, f, &st->t, f->scope, opening);
	if (before)
		graph_add_need(e->b, opening, unit[before->no], st->finally ? COND_ANY : COND_OK, false);
	if (st->t.on_failure == ON_FAILURE_FALLBACK)
		graph_unit(e->b, unit[st->no])->stand_in = unit[step_find(f->job, st->t.fallback)->no];
}

static void make_steps(struct expander *e, const struct frame *f, uint32_t group)
{
	const struct job *j = f->job;
	uint32_t *unit = arena_array(e->a, j->n_steps, sizeof(*unit));

	e->step_unit[f->scope] = unit;
	for (size_t i = 0; i < j->n_steps; i++) {
		const struct cells *cells = expander_step_cells(e, &j->step[i]);

		unit[i] = cells ? make_step_family(e, f, &j->step[i], cells)
				: make_step_unit(e, f, &j->step[i], CELL_NONE, group);
		graph_add_member(e->b, group, unit[i]);
	}
	for (size_t i = 0; i < j->n_steps; i++)
		link_step(e, f, &j->step[i], graph_group(e->b, group)->begin);
}

/* The unit of a composite's child, from what the frame's children made. */
static uint32_t child_unit(const struct frame *f, const struct job *j)
{
	for (size_t i = 0; i < f->n_children; i++)
		if (f->child[i].member && f->child[i].job == j)
			return f->got[i];
	BUG("no instance was made for '%s'", j->name);
}

static void make_stages(struct expander *e, const struct frame *f, uint32_t group)
{
	uint32_t gate = graph_group(e->b, group)->begin;
	size_t at = 0;

	while (at < f->n_children && !f->child[at].member)
		at++;
	for (size_t i = 0; i < f->job->n_stages; i++) {
		const struct stage *s = &f->job->stage[i];
		uint32_t next = UNIT_NONE;

		if (i + 1 < f->job->n_stages) {
			struct unit u = {.kind = UNIT_STAGE, .group = group, .pool = POOL_NONE,
					 .stand_in = UNIT_NONE};

			next = expander_add_unit(e, &u, &(struct place){NULL, f->scope, CELL_NONE});
			graph_add_need(e->b, next, gate, COND_OPEN, false);
		}
		for (size_t k = 0; k < s->n_jobs; k++, at++) {
			uint32_t unit = f->child[at].job == s->job[k] ? f->got[at] : child_unit(f, s->job[k]);

			add_member(e, group, gate, unit);
			if (next != UNIT_NONE)
				graph_add_need(e->b, next, unit,
					       s[1].opens == OPENS_OK ? COND_OK : COND_DONE, false);
		}
		gate = next;
	}
}

static uint32_t make_action(struct expander *e, struct frame *f)
{
	const struct step *st = &f->job->step[0];
	uint32_t unit = make_step_unit(e, f, st, CELL_NONE, GROUP_NONE);

	e->x->scope[f->scope].unit = unit;
	if (!f->of_family)
		expander_link_traits(e, f, &f->job->t, SCOPE_NONE, expander_opening(e, unit));
	return unit;
}

uint32_t expander_make_instance(struct expander *e, struct frame *f)
{
	const struct job *j = f->job;
	uint32_t group;

	if (j->kind == JOB_ACTION)
		return make_action(e, f);
	group = expander_add_group(e,
		&(struct group){.stop_on_failure = j->kind == JOB_COMPOSITE && j->t.stop_on_failure,
				.is_job = j->kind == JOB_STEPS,
				.asks_end = j->t.success != NULL},
		&(struct bundle){.kind = j->kind == JOB_COMPOSITE ? BUNDLE_COMPOSITE : BUNDLE_JOB,
				 .scope = f->scope, .job = j, .cell = f->cell});
	e->x->scope[f->scope].group = group;
	dress_gates(e, group, &j->t, false);
	if (!f->of_family)
		expander_link_traits(e, f, &j->t, SCOPE_NONE, graph_group(e->b, group)->begin);
	if (j->kind == JOB_COMPOSITE)
		make_stages(e, f, group);
	else
		make_steps(e, f, group);
	return graph_group(e->b, group)->end;
}
