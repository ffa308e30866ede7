/* What the units of an instance are, and what each waits for. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "job/expand_impl.h"

/* --- names in `needs` --------------------------------------------------------------------------- */

const char *label_end(const char *open)
{
	size_t deep = 0;

	for (const char *p = open; *p; p++) {
		deep += *p == '[';
		if (*p == ']' && !--deep)
			return p;
	}
	return strchr(open, ']');
}

void need_name_split(struct need_name *n, const char *text)
{
	const char *slash = strchr(text, '/');
	const char *open = strchr(text, '[');
	const char *close = open ? label_end(open) : NULL;

	*n = (struct need_name){0};
	if (slash && open && slash < open) /* job/step[a]: the label is the step's business */
		open = close = NULL;
	if (open && close) {
		n->job = xstrndup(text, (size_t)(open - text));
		n->label = xstrndup(open + 1, (size_t)(close - open) - 1);
		slash = close[1] == '/' ? close + 1 : NULL;
		n->has_more = close[1] && !slash;
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
	for (size_t i = 0; i < t->flow->n_provides; i++)
		if (!strcmp(t->flow->provide[i].name, name))
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

const struct step *expander_provider(struct expander *e, const struct job *j, const char *name)
{
	enum { MANY = 8 }; /* fewer are found by looking at each */

	if (j->n_steps <= MANY)
		return inside_provider(j, name);
	if (e->provided_by != j) {
		map_release(&e->provided);
		e->provided = (struct map)MAP_INIT;
		e->provided_by = j;
		for (size_t i = j->n_steps; i-- > 0;)
			for (size_t k = 0; k < j->step[i].t.flow->n_provides; k++)
				map_put(&e->provided, j->step[i].t.flow->provide[k].name, (void *)&j->step[i]);
	}
	return map_get(&e->provided, name);
}

/* --- what a name stands for ------------------------------------------------------------------------ */

static void add_found(struct expander *e, uint32_t unit)
{
	if (unit != UNIT_NONE)
		VEC_PUSH(e->found, e->n_found, e->room_found, unit);
}

static void find_step_of_instance(struct expander *e, const struct job *j, uint32_t unit, const char *id)
{
	const struct step *st = step_find(j, id);
	uint32_t scope = unit == UNIT_NONE ? SCOPE_NONE : e->place[unit].scope;

	if (st && scope != SCOPE_NONE && e->step_unit[scope])
		add_found(e, e->step_unit[scope][st->no]);
}

void expander_find_step(struct expander *e, const struct job *j, uint32_t unit, const char *id)
{
	const struct cells *cells = expander_job_cells(e, j);

	e->n_found = 0;
	if (unit != UNIT_NONE && cells && e->place[unit].scope == SCOPE_NONE)
		for (uint32_t cell = 0; cell < cells_count(cells); cell++)
			find_step_of_instance(e, j, expander_instance(e, j, cell), id);
	else
		find_step_of_instance(e, j, unit, id);
}

/*
 * Into e->found: the units that name stands for, seen from a step of scope, or from a job (SCOPE_NONE), which
 * does not see its own steps.  None if it is not part of this run.
 */
static void find_named(struct expander *e, const struct job *self, uint32_t scope, const char *name)
{
	const struct step *own = scope != SCOPE_NONE && self->kind == JOB_STEPS ? step_find(self, name) : NULL;
	const struct job *j;
	uint32_t unit, cell = CELL_NONE;
	struct need_name n;

	e->n_found = 0;
	if (own) {
		add_found(e, e->step_unit[scope][own->no]);
		return;
	}
	need_name_split(&n, name);
	j = job_find(e->jf, n.job);
	if (j && n.label && expander_job_cells(e, j))
		cell = cells_find(expander_job_cells(e, j), n.label);
	if (j && (!n.label || cell != CELL_NONE)) {
		unit = expander_instance(e, j, cell);
		if (n.step && j->kind == JOB_STEPS)
			expander_find_step(e, j, unit, n.step);
		else
			add_found(e, unit);
	}
	need_name_release(&n);
}

static void link_found(struct expander *e, uint32_t unit, const struct need_decl *need)
{
	for (size_t i = 0; i < e->n_found; i++)
		if (e->found[i] != unit)
			graph_add_need(e->b, unit, e->found[i], need->cond, need->order_only);
}

void expander_link_late(struct expander *e)
{
	for (size_t i = 0; i < e->n_late; i++) {
		const struct late_need *l = &e->late[i];

		find_named(e, l->self, l->scope, l->need->name);
		link_found(e, l->unit, l->need);
	}
}

/* --- units from traits ----------------------------------------------------------------------------- */

static uint16_t pool_number(struct expander *e, const char *name)
{
	uintptr_t known = (uintptr_t)map_get(&e->x->pool, name);
	const struct pool_spec *p = e->jf->pool;

	if (known)
		return (uint16_t)(known - 1);
	while (strcmp(p->name, name)) /* there is one: the reader has looked */
		p++;
	known = graph_add_pool(e->b, name, p->slots);
	map_put(&e->x->pool, name, (void *)(known + 1));
	return (uint16_t)known;
}

static bool asks_status(const struct condition_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (expr_asks_status(l->at[i].expr))
			return true;
	return false;
}

/* Of its action, its files and its policy nothing but the exit says whether it ended well, and nothing but a slot is to be had. */
static bool is_plain(const struct traits *t)
{
	const struct policy *p = t->policy;
	const struct flow *f = t->flow;
	bool acts = t->act->kind == ACT_RUN || t->act->kind == ACT_ARGV;
	bool judged = p->fail_if.out || p->fail_if.err || !exit_set_has(&p->ok_exit, 0) || exit_set_has(&p->skip_exit, 0);
	bool takes = p->pool.name || p->n_locks || p->slots > 1 || p->tty || p->breaker.failures;
	bool watched = p->stall_ms || p->slow.ms || p->slow.share > 0;
	bool files = asks_fresh(t) || f->n_provides || f->n_consumes || f->input.n || f->output.n || f->depfile || p->artifact.n;

	return acts && !judged && !takes && !watched && !files;
}

static struct unit unit_of(struct expander *e, const struct traits *t, enum unit_kind kind)
{
	bool asks = t->policy->when.n || t->policy->skip_if.n || t->policy->require.n || (kind == UNIT_STEP && (asks_fresh(t) || e->o->ask_steps));
	struct unit u = {
		.kind = (uint8_t)kind,
		.on_failure = (uint8_t)t->policy->on_failure,
		.slots = t->policy->tty ? SLOTS_ALL : t->policy->slots,
		.pool = POOL_NONE,
		.pool_weight = 1,
		.priority = t->policy->priority,
		.rule = t->needs_rule,
		.group = GROUP_NONE,
		.stand_in = UNIT_NONE,
	};

	u.flags = (uint8_t)((asks ? UNIT_ASKS : 0) | (t->policy->critical ? UNIT_CRITICAL : 0) |
			    (asks_status(&t->policy->when) || asks_status(&t->policy->skip_if) ? UNIT_ASKS_STATUS : 0) |
			    (t->policy->fallback_only ? UNIT_STAND_IN : 0) |
			    (t->act->kind == ACT_NOOP && !t->flow->n_provides ? UNIT_INSTANT : 0) |
			    (kind == UNIT_STEP && is_plain(t) ? UNIT_PLAIN : 0));
	if (t->policy->pool.name) {
		u.pool = pool_number(e, t->policy->pool.name);
		u.pool_weight = t->policy->pool.weight ? t->policy->pool.weight : 1;
	}
	if (t->act->kind == ACT_UNTIL)
		u.retry = graph_add_retry(e->b, &(struct retry_pace){
			.max = UINT32_MAX, .delay_ms = t->act->until->every_ms, .backoff = 1});
	else if (t->policy->retry)
		u.retry = graph_add_retry(e->b, &t->policy->retry->pace);
	return u;
}

static void link_traits(struct expander *e, const struct frame *f, const struct traits *t, uint32_t scope,
			uint32_t unit)
{
	for (size_t i = 0; i < t->n_needs; i++) {
		const struct need_decl *need = &t->need[i];

		if (need->order_only) {
			VEC_PUSH(e->late, e->n_late, e->room_late,
				 ((struct late_need){f->job, scope, unit, need}));
			continue;
		}
		find_named(e, f->job, scope, need->name);
		link_found(e, unit, need);
	}
	for (size_t i = 0; i < t->flow->n_consumes; i++) {
		const struct step *st = expander_provider(e, f->job, t->flow->consume[i].name);
		const struct job *j = st ? NULL : artifact_provider(e->jf, f->job->ns, t->flow->consume[i].name);
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

/*
 * Instances wait for the needs of their job or step at the gate of the family.  But if the condition asks how
 * the needs ended, it is each instance that asks, so each has them; the gate, which knows no conditions,
 * would be blocked.
 */
static bool needs_are_of_each(const struct traits *t)
{
	return asks_status(&t->policy->when) || asks_status(&t->policy->skip_if);
}

/* What a unit is that stands for one instance: the family waits for the needs and stands in for others. */
static struct unit instance_of(struct unit u, const struct traits *t)
{
	if (!needs_are_of_each(t))
		u.rule = 0;
	u.flags &= (uint8_t)~UNIT_STAND_IN;
	return u;
}

/* Gates carry the conditions and the failure's meaning of what they stand for. */
static void dress_gates(struct expander *e, uint32_t group, const struct traits *t, bool asks_begin,
			bool is_instance)
{
	uint32_t begin = graph_group(e->b, group)->begin, end = graph_group(e->b, group)->end;
	struct unit u = unit_of(e, t, UNIT_BEGIN);
	struct unit *gate = graph_unit(e->b, begin);

	if (is_instance)
		u = instance_of(u, t);

	gate->flags = (uint8_t)((u.flags & (UNIT_ASKS | UNIT_ASKS_STATUS | UNIT_STAND_IN)) |
				(asks_begin ? UNIT_ASKS : 0));
	gate->rule = u.rule;
	gate = graph_unit(e->b, end);
	gate->on_failure = u.on_failure;
	gate->flags |= u.flags & UNIT_CRITICAL;
}

void expander_add_member(struct expander *e, uint32_t group, uint32_t gate, uint32_t unit)
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

/* n: how many instances there are. */
static void limiter_init(struct expander *e, struct limiter *l, const struct traits *t, const char *name,
			 bool units, size_t n)
{
	enum { LIMITS_MAX = 10000 }; /* a graph has room for 65,535 pools, those of the Jobfile among them */

	*l = (struct limiter){.max = t->policy->foreach ? t->policy->foreach->max_parallel : 0, .pool = POOL_NONE};
	if (l->max >= n)
		l->max = 0;
	if (!l->max)
		return;
	if (units && !t->policy->pool.name && e->n_limits < LIMITS_MAX) {
		l->pool = graph_add_pool(e->b, name, l->max);
		e->n_limits++;
	} else {
		l->last = xcalloc(l->max, sizeof(*l->last));
	}
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
	const struct traits *t = &f->job->t;
	struct unit u = instance_of(unit_of(e, &f->job->step[0].t, UNIT_STEP), t);
	uint32_t begin = graph_group(e->b, group)->begin;
	struct limiter l;

	limiter_init(e, &l, t, f->job->name, true, n);
	for (uint32_t cell = 0; cell < n; cell++) {
		uint32_t unit = frame_is_own(f) ? UNIT_NONE : expander_instance(e, f->job, cell);

		if (unit == UNIT_NONE) {
			uint32_t scope = new_plain_scope(e, f, cell);

			unit = expander_add_unit(e, &u, &(struct place){&f->job->step[0], scope, CELL_NONE});
			e->x->scope[scope].unit = unit;
			if (!frame_is_own(f))
				expander_note_instance(e, f->job, cell, unit);
			if (needs_are_of_each(t))
				link_traits(e, f, t, SCOPE_NONE, unit);
		}
		expander_add_member(e, group, begin, unit);
		limiter_apply(e, &l, unit);
	}
	free(l.last);
}

/* A group of the instances of a job or a step. */
static uint32_t add_family(struct expander *e, const struct traits *t, const struct bundle *b)
{
	uint32_t group = expander_add_group(e,
		&(struct group){.stop_at_once = t->policy->foreach && t->policy->foreach->fail_fast}, b);
	struct unit *end = graph_unit(e->b, graph_group(e->b, group)->end);

	end->on_failure = (uint8_t)t->policy->on_failure;
	end->flags |= t->policy->critical ? UNIT_CRITICAL : 0;
	if (b->step && b->step->finally)
		end->flags |= UNIT_ALWAYS;
	if (!needs_are_of_each(t))
		graph_unit(e->b, graph_group(e->b, group)->begin)->rule = t->needs_rule;
	return group;
}

uint32_t expander_make_family(struct expander *e, struct frame *f)
{
	size_t n = cells_count(expander_job_cells(e, f->job));
	const struct traits *t = &f->job->t;
	uint32_t group = add_family(e, t,
		&(struct bundle){.kind = BUNDLE_FAMILY, .scope = SCOPE_NONE, .job = f->job, .cell = CELL_NONE});
	uint32_t begin = graph_group(e->b, group)->begin;
	struct limiter l;

	if (!needs_are_of_each(t))
		link_traits(e, f, t, SCOPE_NONE, begin);
	if (f->n_children && f->child[f->n_children - 1].member) {
		limiter_init(e, &l, t, f->job->name, false, n);
		for (size_t i = 0; i < f->n_children; i++) {
			if (!f->child[i].member)
				continue;
			expander_add_member(e, group, begin, f->got[i]);
			limiter_apply(e, &l, f->got[i]);
		}
		free(l.last);
	} else if (n) { /* a composite that nothing is looped over has no step that could be one */
		add_plain_instances(e, f, group, n);
	}
	return graph_group(e->b, group)->end;
}

/* --- one instance ------------------------------------------------------------------------------------ */

static uint32_t new_plain_scope(struct expander *e, const struct frame *f, uint32_t cell)
{
	return expander_add_scope(e, &(struct scope){
		.job = f->job, .cell = cell, .group = GROUP_NONE, .caller = f->caller, .call = f->call,
		.call_cell = f->call_cell, .loop = f->loop, .element = f->element, .unit = UNIT_NONE});
}

/* The next call's instance among what the children made: steps are made in the order in which they asked. */
static uint32_t take_call(struct frame *f, const struct step *st, uint32_t cell)
{
	const struct child *c;

	do {
		BUG_UNLESS(f->call_at < f->n_children);
		c = &f->child[f->call_at++];
	} while (!c->call || c->member);
	BUG_UNLESS(c->call == st && c->call_cell == cell);
	return f->got[f->call_at - 1];
}

/* Whether a step's unit is one of several: by the step's matrix, or by that of its one-action job. */
static bool is_instance(const struct frame *f, uint32_t cell)
{
	return cell != CELL_NONE || (f->of_family && f->job->kind == JOB_ACTION);
}

/* A step that runs a job: a group of one, so that needs, conditions and policy have a place. */
static uint32_t make_call(struct expander *e, struct frame *f, const struct step *st, uint32_t cell)
{
	uint32_t group = expander_add_group(e, &(struct group){0},
		&(struct bundle){.kind = BUNDLE_CALL, .scope = f->scope, .step = st, .cell = cell});

	dress_gates(e, group, &st->t, true, is_instance(f, cell)); /* asks: for its params */
	if (st->finally)
		graph_unit(e->b, graph_group(e->b, group)->end)->flags |= UNIT_ALWAYS;
	expander_add_member(e, group, graph_group(e->b, group)->begin, take_call(f, st, cell));
	return graph_group(e->b, group)->end;
}

static uint32_t make_step_unit(struct expander *e, struct frame *f, const struct step *st,
			       uint32_t cell, uint32_t group)
{
	struct unit u;

	if (st->t.act->kind == ACT_JOB)
		return make_call(e, f, st, cell);
	u = unit_of(e, &st->t, UNIT_STEP);
	if (is_instance(f, cell))
		u = instance_of(u, &st->t);
	u.group = group;
	if (st->finally)
		u.flags |= UNIT_ALWAYS;
	return expander_add_unit(e, &u, &(struct place){st, f->scope, cell});
}

/* The instances of a step with a matrix of its own. */
static uint32_t make_step_family(struct expander *e, struct frame *f, const struct step *st,
				 const struct cells *cells)
{
	uint32_t group = add_family(e, &st->t,
		&(struct bundle){.kind = BUNDLE_STEPS, .scope = f->scope, .step = st, .cell = CELL_NONE});
	uint32_t begin = graph_group(e->b, group)->begin;
	size_t n = cells_count(cells);
	struct limiter l;

	limiter_init(e, &l, &st->t, st->id, st->t.act->kind != ACT_JOB, n);
	for (uint32_t cell = 0; cell < n; cell++) {
		uint32_t unit = make_step_unit(e, f, st, cell, GROUP_NONE);

		if (needs_are_of_each(&st->t))
			VEC_PUSH(f->waiter, f->n_waiters, f->room_waiters, ((struct waiter){st, unit}));
		expander_add_member(e, group, begin, unit);
		limiter_apply(e, &l, unit);
	}
	free(l.last);
	return graph_group(e->b, group)->end;
}

/* The needs of a step, written and implied, of the unit that is held back by them. */
static void link_needs(struct expander *e, const struct frame *f, const struct step *st, uint32_t opening)
{
	const struct step *before = step_before(st);

	link_traits(e, f, &st->t, f->scope, opening);
	if (before)
		graph_add_need(e->b, opening, e->step_unit[f->scope][before->no],
			       st->finally ? COND_ANY : COND_OK, false);
}

static void link_step(struct expander *e, const struct frame *f, const struct step *st, uint32_t begin)
{
	uint32_t *unit = e->step_unit[f->scope];
	uint32_t opening = expander_opening(e, unit[st->no]);

	graph_add_need(e->b, opening, begin, COND_OPEN, false);
	if (!expander_step_cells(e, st) || !needs_are_of_each(&st->t))
		link_needs(e, f, st, opening);
	if (st->t.policy->on_failure == ON_FAILURE_FALLBACK)
		graph_unit(e->b, unit[st->no])->stand_in = unit[step_find(f->job, st->t.policy->fallback)->no];
}

uint32_t expander_make_instance_of_step(struct expander *e, struct frame *f, const struct step *st, uint32_t cell)
{
	return make_step_unit(e, f, st, cell, GROUP_NONE);
}

/* A gate that asks: its instances come when it opens. */
static uint32_t make_late_family(struct expander *e, const struct frame *f, const struct step *st)
{
	uint32_t group = add_family(e, &st->t,
		&(struct bundle){.kind = BUNDLE_STEPS, .scope = f->scope, .step = st, .cell = CELL_NONE});
	struct unit *begin = graph_unit(e->b, graph_group(e->b, group)->begin);

	begin->flags |= UNIT_ASKS;
	begin->rule = st->t.needs_rule;
	return graph_group(e->b, group)->end;
}

static void make_steps(struct expander *e, struct frame *f, uint32_t group)
{
	const struct job *j = f->job;
	uint32_t *unit = arena_array(e->a, j->n_steps, sizeof(*unit));

	e->step_unit[f->scope] = unit;
	for (size_t i = 0; i < j->n_steps; i++) {
		const struct cells *cells = expander_step_cells(e, &j->step[i]);

		unit[i] = cells ? make_step_family(e, f, &j->step[i], cells)
			  : step_is_late(&j->step[i])
				? make_late_family(e, f, &j->step[i])
				: make_step_unit(e, f, &j->step[i], CELL_NONE, group);
		graph_add_member(e->b, group, unit[i]);
	}
	for (size_t i = 0; i < j->n_steps; i++)
		link_step(e, f, &j->step[i], graph_group(e->b, group)->begin);
	for (size_t i = 0; i < f->n_waiters; i++)
		link_needs(e, f, f->waiter[i].step, expander_opening(e, f->waiter[i].unit));
	free(f->waiter);
}

/* Its members come when it begins: only then is the list known. */
static uint32_t make_loop(struct expander *e, const struct frame *f, const struct stage *s)
{
	uint32_t group = expander_add_group(e, &(struct group){0},
		&(struct bundle){.kind = BUNDLE_LOOP, .scope = f->scope, .job = f->job, .stage = s, .cell = CELL_NONE});

	graph_unit(e->b, graph_group(e->b, group)->begin)->flags |= UNIT_ASKS;
	graph_unit(e->b, graph_group(e->b, group)->end)->flags |= UNIT_CRITICAL;
	return graph_group(e->b, group)->end;
}

/* unit is of stage s: it waits for gate, and what opens the next stage (UNIT_NONE: there is none) for it. */
static void link_stage(struct expander *e, uint32_t group, uint32_t gate, uint32_t next, uint32_t unit,
		       const struct stage *s)
{
	expander_add_member(e, group, gate, unit);
	if (next != UNIT_NONE)
		graph_add_need(e->b, next, unit, s[1].opens == OPENS_OK ? COND_OK : COND_DONE, false);
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
		if (s->loop)
			link_stage(e, group, gate, next, make_loop(e, f, s), s);
		for (size_t k = 0; k < s->n_jobs && !s->loop; k++, at++) {
			uint32_t unit = f->got[at];

			BUG_UNLESS(f->child[at].job == s->job[k]);
			link_stage(e, group, gate, next, unit, s);
		}
		gate = next;
	}
}

static uint32_t make_action(struct expander *e, struct frame *f)
{
	const struct step *st = &f->job->step[0];
	uint32_t unit = make_step_unit(e, f, st, CELL_NONE, GROUP_NONE);

	e->x->scope[f->scope].unit = unit;
	if (!f->of_family || needs_are_of_each(&f->job->t))
		link_traits(e, f, &f->job->t, SCOPE_NONE, expander_opening(e, unit));
	return unit;
}

uint32_t expander_make_instance(struct expander *e, struct frame *f)
{
	const struct job *j = f->job;
	uint32_t group;

	if (j->kind == JOB_ACTION)
		return make_action(e, f);
	group = expander_add_group(e,
		&(struct group){.stop_on_failure = j->kind == JOB_COMPOSITE && j->t.policy->stop_on_failure,
				.heeds_abort = j->kind == JOB_STEPS,
				.asks_end = j->t.policy->success != NULL},
		&(struct bundle){.kind = j->kind == JOB_COMPOSITE ? BUNDLE_COMPOSITE : BUNDLE_JOB,
				 .scope = f->scope, .job = j, .cell = f->cell});
	e->x->scope[f->scope].group = group;
	dress_gates(e, group, &j->t, false, f->of_family);
	if (!f->of_family || needs_are_of_each(&j->t))
		link_traits(e, f, &j->t, SCOPE_NONE, graph_group(e->b, group)->begin);
	if (j->kind == JOB_COMPOSITE)
		make_stages(e, f, group);
	else
		make_steps(e, f, group);
	return graph_group(e->b, group)->end;
}
