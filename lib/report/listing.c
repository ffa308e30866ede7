#include "report/listing.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "report/tty.h"

/* --- order ------------------------------------------------------------------------------------------- */

struct listing {
	const struct expansion *x;
	const struct schedule *s;
	uint32_t *rank; /* by unit: place in the order of the graph */
	const struct listing_options *o;
};

static void listing_init(struct listing *l, const struct expansion *x, const struct schedule *s,
			 const struct listing_options *o)
{
	uint32_t n = x->graph->n_units, *order = xcalloc(n, sizeof(*order));

	*l = (struct listing){.x = x, .s = s, .o = o, .rank = xcalloc(n, sizeof(*l->rank))};
	graph_order(x->graph, order);
	for (uint32_t i = 0; i < n; i++)
		l->rank[order[i]] = i;
	free(order);
}

static int by_rank(const void *a, const void *b, void *rank)
{
	const uint32_t *r = rank, x = r[*(const uint32_t *)a], y = r[*(const uint32_t *)b];

	return (x > y) - (x < y);
}

/* The members of a group in the order in which they come up; the caller frees. */
static uint32_t *members(const struct listing *l, uint32_t group, size_t *ret_n)
{
	const struct graph *g = l->x->graph;
	size_t n = g->member_at[group + 1] - g->member_at[group];
	uint32_t *list = xcalloc(n, sizeof(*list));

	memcpy(list, g->member + g->member_at[group], n * sizeof(*list));
	qsort_r(list, n, sizeof(*list), by_rank, l->rank);
	*ret_n = n;
	return list;
}

static bool is_left_out(const struct listing *l, uint32_t unit)
{
	return schedule_reason(l->s, unit, NULL) == REASON_RESTRICTED;
}

/* A loop over nothing. */
static bool is_empty(const struct listing *l, uint32_t unit)
{
	const struct unit *u = &l->x->graph->unit[unit];

	return u->kind == UNIT_END && expansion_is_empty(l->x, u->group);
}

/* Nothing to do, and so no line. */
static bool is_done(const struct listing *l, uint32_t unit)
{
	return l->o->outlook && l->o->outlook[unit].kind == OUTLOOK_DONE;
}

struct tallies {
	size_t by_kind[OUTLOOK_OUT + 1];
};

static struct tallies tally(const struct expansion *x, const struct schedule *s, const struct outlook *outlook)
{
	struct tallies t = {0};

	for (uint32_t u = 0; u < x->graph->n_units; u++) {
		if (x->graph->unit[u].kind != UNIT_STEP || x->graph->unit[u].flags & UNIT_STAND_IN)
			continue;
		if (schedule_reason(s, u, NULL) == REASON_RESTRICTED)
			t.by_kind[OUTLOOK_OUT]++;
		else
			t.by_kind[outlook ? outlook[u].kind : OUTLOOK_RUN]++;
	}
	return t;
}

size_t listing_count(const struct expansion *x, const struct schedule *s, const struct outlook *outlook)
{
	struct tallies t = tally(x, s, outlook);

	return t.by_kind[OUTLOOK_RUN] + t.by_kind[OUTLOOK_MAYBE];
}

/* --- words about one unit ------------------------------------------------------------------------------ */

static const struct traits *traits_of(const struct listing *l, uint32_t unit)
{
	const struct unit *u = &l->x->graph->unit[unit];
	const struct bundle *b;

	if (u->kind == UNIT_STEP)
		return &l->x->place[unit].step->t;
	b = &l->x->bundle[u->group];
	return b->step ? &b->step->t : b->job ? &b->job->t : NULL;
}

static const struct job *job_of(const struct listing *l, uint32_t unit)
{
	const struct unit *u = &l->x->graph->unit[unit];

	if (u->kind == UNIT_STEP)
		return l->x->place[unit].step->job;
	return l->x->bundle[u->group].job;
}

/* The stage of composite that wants unit's job; NULL: none. */
static const struct stage *stage_of(const struct job *composite, const struct job *j)
{
	for (size_t i = 0; composite && i < composite->n_stages; i++)
		for (size_t k = 0; k < composite->stage[i].n_jobs; k++)
			if (composite->stage[i].job[k] == j)
				return &composite->stage[i];
	return NULL;
}

static void add_conditions(struct buf *out, const char *head, const struct condition_list *c)
{
	for (size_t i = 0; i < c->n; i++)
		buf_addf(out, "%s%s `%s`", out->len ? ", " : "", head, expr_text(c->at[i].expr));
}

static void add_reason(struct buf *out, const struct listing *l, uint32_t group, uint32_t unit)
{
	struct buf name = BUF_INIT;

	switch (l->x->bundle[group].kind) {
	case BUNDLE_ROOT:
		buf_puts(out, "asked for");
		break;
	case BUNDLE_SUPPORT:
		buf_puts(out, "needed");
		for (uint32_t i = l->x->graph->user_at[unit]; i < l->x->graph->user_at[unit + 1]; i++) {
			uint32_t user = l->x->graph->user[i];

			if (!traits_of(l, user) || user == l->x->graph->group[group].end)
				continue;
			expansion_unit_name(l->x, user, &name);
			buf_addf(out, " by %s", name.data);
			break;
		}
		break;
	case BUNDLE_JOB:
	case BUNDLE_COMPOSITE:
	case BUNDLE_FAMILY:
	case BUNDLE_STEPS:
	case BUNDLE_CALL:
	case BUNDLE_LOOP:
		expansion_group_name(l->x, group, &name);
		buf_addf(out, "part of %s", name.data);
		break;
	}
	buf_release(&name);
}

/* What a loop will run is known when it begins. */
static void add_loop(struct buf *out, const struct listing *l, uint32_t unit)
{
	const struct unit *u = &l->x->graph->unit[unit];
	const struct bundle *b = u->kind == UNIT_STEP ? NULL : &l->x->bundle[u->group];
	const struct stage *stage = b ? b->stage : NULL;
	bool late = b && b->kind == BUNDLE_STEPS && step_is_late(b->step);
	json_t *over;

	if (!stage && !late)
		return;
	over = value_source(late ? b->step->t.policy->foreach->over : stage->loop->over);
	buf_addf(out, "%s for each element of %s", stage ? ";" : ",", json_string_value(over));
	for (size_t i = 0; stage && i < stage->n_jobs; i++)
		buf_addf(out, "%s%s", i ? ", " : ": ", stage->job[i]->name);
	json_decref(over);
}

/* `, its input 'a' changed`; `, would run if 'a' changes` */
static void add_outlook(struct buf *out, const struct outlook *o)
{
	if (o->kind == OUTLOOK_MAYBE && o->cause) {
		buf_addf(out, o->why == REASON_VALUE_CHANGED ? ", would run if a value of '%s' changes"
							     : ", would run if '%s' changes", o->cause);
		return;
	}
	if (o->why == REASON_NONE)
		return;
	buf_puts(out, o->why == REASON_INPUT_MISSING ? ", would fail: " : ", ");
	reason_say(out, o->why, o->cause);
}

static void add_emptiness(struct buf *out, const struct listing *l, uint32_t group)
{
	struct buf what = BUF_INIT;

	expansion_emptiness(l->x, group, &what);
	buf_puts(out, "; skipped, ");
	reason_say(out, REASON_NO_INSTANCES, what.data);
	buf_release(&what);
}

/* `part of pipeline.ingest, stage 'pull', needs a, if `x == 1`` */
static void reason_text(struct buf *out, const struct listing *l, uint32_t group, uint32_t unit)
{
	const struct traits *t = traits_of(l, unit);
	const struct stage *stage = stage_of(l->x->bundle[group].job, job_of(l, unit));
	const char *comma = ", needs ";

	if (is_left_out(l, unit)) {
		buf_puts(out, "left out by the command line");
		return;
	}
	add_reason(out, l, group, unit);
	add_loop(out, l, unit);
	if (stage)
		buf_addf(out, ", stage %s", stage->name);
	for (size_t i = 0; t && i < t->n_needs; i++, comma = ", ")
		buf_addf(out, "%s%s", comma, t->need[i].name);
	if (is_empty(l, unit))
		add_emptiness(out, l, l->x->graph->unit[unit].group);
	if (!t)
		return;
	add_conditions(out, "if", &t->policy->when);
	add_conditions(out, "unless", &t->policy->skip_if);
	if (t->policy->fallback_only)
		buf_puts(out, ", only if what it stands in for fails");
	if (l->o->outlook)
		add_outlook(out, &l->o->outlook[unit]);
}

/* --- as text --------------------------------------------------------------------------------------------- */

/* A group whose members are being listed. */
struct level {
	uint32_t group;
	uint32_t *unit;
	size_t n, at, number;
	unsigned depth;
	size_t lines, width, digits; /* that there will be; of their names and numbers */
	bool before; /* what the target needs: listed before its members, without numbers */
};

struct levels {
	struct level *at;
	size_t n, room;
};

/* Groups that only gather: their members are listed in their place. */
static bool is_transparent(const struct listing *l, uint32_t unit)
{
	const struct unit *u = &l->x->graph->unit[unit];

	return u->kind == UNIT_END && l->x->bundle[u->group].kind == BUNDLE_SUPPORT;
}

/* A label may hold anything that a parameter does. */
static void shown_name(const struct listing *l, uint32_t unit, struct buf *out)
{
	struct buf name = BUF_INIT;

	expansion_unit_name(l->x, unit, &name);
	tty_clean(out, (struct span){name.data, name.len});
	buf_release(&name);
}

static size_t digits_of(size_t n)
{
	size_t digits = 1;

	for (; n >= 10; n /= 10)
		digits++;
	return digits;
}

static void measure(const struct listing *l, struct level *v)
{
	struct buf name = BUF_INIT;

	for (size_t i = 0; i < v->n; i++) {
		if (is_transparent(l, v->unit[i]) || is_done(l, v->unit[i]) || v->lines++ >= 1000)
			continue;
		buf_reset(&name);
		shown_name(l, v->unit[i], &name);
		if (tty_width(name.data) > v->width)
			v->width = tty_width(name.data);
	}
	v->width = v->width < 48 ? v->width : 48;
	v->digits = digits_of(v->number + v->lines);
	buf_release(&name);
}

static void open_level(struct levels *stack, const struct listing *l, uint32_t group, unsigned depth,
		       size_t number)
{
	struct level v = {.group = group, .depth = depth, .number = number};

	v.unit = members(l, group, &v.n);
	measure(l, &v);
	VEC_PUSH(stack->at, stack->n, stack->room, v);
}

/* Whether the members of a group get lines of their own. */
static bool is_opened(const struct listing *l, uint32_t group, unsigned depth)
{
	switch (l->x->bundle[group].kind) {
	case BUNDLE_ROOT:
	case BUNDLE_SUPPORT:
	case BUNDLE_COMPOSITE:
	case BUNDLE_FAMILY:
		return true;
	case BUNDLE_JOB:
	case BUNDLE_STEPS:
	case BUNDLE_CALL:
	case BUNDLE_LOOP:
		break;
	}
	return depth == 0 || l->o->steps;
}

static void unit_line(struct buf *out, const struct listing *l, const struct level *v, uint32_t unit)
{
	struct buf name = BUF_INIT, why = BUF_INIT;

	size_t width;

	shown_name(l, unit, &name);
	reason_text(&why, l, v->group, unit);
	width = tty_width(name.data);
	buf_pad(out, ' ', 2 * v->depth);
	if (v->before)
		buf_addf(out, "+ %s", name.data);
	else
		buf_addf(out, "%*zu %s", (int)v->digits, v->number, name.data);
	buf_pad(out, ' ', (width < v->width ? v->width - width : 0) + 2);
	tty_clean(out, (struct span){why.data, why.len});
	buf_putc(out, '\n');
	buf_release(&name);
	buf_release(&why);
}

enum { PASS_ON_BYTES = 64 * 1024 };

/* The list goes on behind what it needs: in the same columns. */
static void go_on_after(struct level *v, size_t number, size_t width)
{
	v->number = number;
	v->width = width > v->width ? width : v->width;
	v->digits = digits_of(number + v->lines);
}

static void list_levels(struct buf *out, const struct listing *l, struct levels *stack)
{
	while (stack->n) {
		struct level *v = &stack->at[stack->n - 1];
		const struct unit *u;
		uint32_t unit;
		unsigned depth = v->depth;

		if (v->at == v->n) {
			size_t number = v->number, width = v->width;
			bool carries = l->x->bundle[v->group].kind == BUNDLE_SUPPORT && !v->before;

			free(v->unit);
			stack->n--;
			if (carries && stack->n)
				go_on_after(&stack->at[stack->n - 1], number, width);
			continue;
		}
		unit = v->unit[v->at++];
		u = &l->x->graph->unit[unit];
		if (is_transparent(l, unit)) {
			int shared = v->digits;

			open_level(stack, l, u->group, depth, v->number);
			stack->at[stack->n - 1].digits = shared;
			continue;
		}
		if (is_done(l, unit))
			continue;
		v->number++;
		unit_line(out, l, v, unit);
		if (l->o->pass_on && out->len > PASS_ON_BYTES)
			l->o->pass_on(l->o->ctx, out);
		if (u->kind == UNIT_END && is_opened(l, u->group, depth + 1))
			open_level(stack, l, u->group, depth + 1, 0);
	}
	free(stack->at);
}

static void headline(struct buf *out, const char *target, const struct tallies *t)
{
	size_t n = t->by_kind[OUTLOOK_RUN], more = t->by_kind[OUTLOOK_MAYBE], done = t->by_kind[OUTLOOK_DONE];

	buf_addf(out, "%s: %zu step%s would run", target, n, n == 1 ? "" : "s");
	if (more)
		buf_addf(out, ", %zu more if what %s changes", more, more == 1 ? "it reads" : "they read");
	if (done)
		buf_addf(out, ", %zu %s nothing to do", done, done == 1 ? "has" : "have");
	buf_putc(out, '\n');
}

size_t listing_text(struct buf *out, const struct expansion *x, const struct schedule *s,
		    const struct listing_options *o)
{
	const struct unit *only = &x->graph->unit[x->target_unit[0]];
	struct tallies t = tally(x, s, o->outlook);
	struct levels stack = {0};
	struct listing l;

	listing_init(&l, x, s, o);
	headline(out, o->target, &t);
	/* One target that has members: they are the list, behind what they need. */
	if (x->n_targets == 1 && only->kind == UNIT_END && !expansion_is_empty(x, only->group)) {
		open_level(&stack, &l, only->group, 0, 0);
		for (uint32_t g = x->graph->n_groups; g-- > 0;)
			if (x->bundle[g].kind == BUNDLE_SUPPORT) {
				open_level(&stack, &l, g, 0, 0);
				stack.at[stack.n - 1].before = true;
			}
	} else {
		open_level(&stack, &l, x->graph->root, 0, 0);
	}
	list_levels(out, &l, &stack);
	free(l.rank);
	return listing_count(x, s, o->outlook);
}

/* --- as a document ------------------------------------------------------------------------------------------ */

static json_t *unit_json(const struct listing *l, uint32_t group, uint32_t unit, json_t *const *doc)
{
	const struct stage *stage = stage_of(l->x->bundle[group].job, job_of(l, unit));
	const struct unit *u = &l->x->graph->unit[unit];
	const struct traits *t = traits_of(l, unit);
	struct buf text = BUF_INIT;
	json_t *o = json_object(), *needs = json_array(), *members_doc;

	expansion_unit_name(l->x, unit, &text);
	json_object_set_new(o, u->kind == UNIT_STEP && l->x->bundle[group].kind == BUNDLE_JOB ? "step_id" : "job_id",
			    json_string(text.data));
	if (stage)
		json_object_set_new(o, "stage", json_string(stage->name));
	for (size_t i = 0; t && i < t->n_needs; i++)
		json_array_append_new(needs, json_string(t->need[i].name));
	json_object_set_new(o, "needs", needs);
	json_object_set_new(o, "would_run", json_boolean(!is_left_out(l, unit) && !is_done(l, unit) && !is_empty(l, unit)));
	if (l->o->outlook && l->o->outlook[unit].kind == OUTLOOK_MAYBE)
		json_object_set_new(o, "maybe", json_true());
	buf_reset(&text);
	reason_text(&text, l, group, unit);
	json_object_set_new(o, "reason", json_string(text.data));
	buf_release(&text);
	members_doc = u->kind == UNIT_END && doc[u->group] ? json_object_get(doc[u->group], "members") : NULL;
	if (members_doc)
		json_object_set(o, "members", members_doc);
	return o;
}

static bool is_composite_member(const struct listing *l, uint32_t unit)
{
	const struct unit *u = &l->x->graph->unit[unit];

	return u->kind == UNIT_END && l->x->bundle[u->group].kind == BUNDLE_COMPOSITE;
}

static json_t *group_json(const struct listing *l, uint32_t group, json_t *const *doc)
{
	size_t n;
	uint32_t *unit = members(l, group, &n);
	json_t *o = json_object(), *list = json_array(), *phases = json_object();
	struct buf name = BUF_INIT;

	expansion_group_name(l->x, group, &name);
	json_object_set_new(o, "job_id", json_string(name.data));
	json_object_set_new(o, "dry_run", json_true());
	json_object_set_new(o, "success", json_null());
	json_object_set_new(o, "total", json_integer((json_int_t)n));
	json_object_set_new(o, "succeeded", json_integer(0));
	json_object_set_new(o, "failed", json_integer(0));
	json_object_set_new(o, "failures", json_array());
	json_object_set_new(o, "duration_ms", json_integer(0));
	for (size_t i = 0; i < n; i++) {
		json_array_append_new(list, unit_json(l, group, unit[i], doc));
		if (is_composite_member(l, unit[i])) {
			buf_reset(&name);
			expansion_unit_name(l->x, unit[i], &name);
			json_object_set(phases, name.data, doc[l->x->graph->unit[unit[i]].group]);
		}
	}
	json_object_set_new(o, "members", list);
	if (json_object_size(phases)) {
		json_object_set_new(o, "phases_completed", json_array());
		json_object_set_new(o, "failed_phase", json_null());
		json_object_set(o, "phase_results", phases);
	}
	json_decref(phases);
	buf_release(&name);
	free(unit);
	return o;
}

/* Groups in the order of the graph: what a group holds has its document before it. */
json_t *listing_json(const struct expansion *x, const struct schedule *s, const struct listing_options *o)
{
	const struct graph *g = x->graph;
	json_t **doc = xcalloc(g->n_groups, sizeof(json_t *)), *whole;
	uint32_t *order = xcalloc(g->n_units, sizeof(*order));
	const struct unit *only = &g->unit[x->target_unit[0]];
	struct listing l;

	listing_init(&l, x, s, o);
	graph_order(g, order);
	for (uint32_t i = 0; i < g->n_units; i++)
		if (g->unit[order[i]].kind == UNIT_END)
			doc[g->unit[order[i]].group] = group_json(&l, g->unit[order[i]].group, doc);
	if (x->n_targets == 1 && only->kind == UNIT_END)
		whole = json_incref(doc[only->group]);
	else
		whole = json_incref(doc[g->root]);
	for (uint32_t i = 0; i < g->n_groups; i++)
		if (x->bundle[i].kind == BUNDLE_SUPPORT && only->kind == UNIT_END)
			json_object_set(whole, "needed", json_object_get(doc[i], "members"));
	json_object_set_new(whole, "steps", json_integer((json_int_t)listing_count(x, s, o->outlook)));
	for (uint32_t i = 0; i < g->n_groups; i++)
		json_decref(doc[i]);
	free(doc);
	free(order);
	free(l.rank);
	return whole;
}
