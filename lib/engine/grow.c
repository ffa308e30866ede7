/*
 * A loop over a result begins: now its list is known, so its members are made, recorded and put into
 * the run's one schedule.  What was there keeps its number.  The elements and their payloads go into the
 * ledger as a fragment of the run, from which the same members can be made again.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"
#include "engine/engine_impl.h"
#include "engine/resume.h"
#include "engine/watch.h"

enum { ELEMENTS_MAX = 100 * 1000 };

struct elements {
	json_t *list;	  /* of `over` */
	json_t *payloads; /* a list as long; NULL: the loop gives none */
};

static void elements_release(struct elements *l)
{
	json_decref(l->list);
	json_decref(l->payloads);
}

/* What is gone over, and what each gets: of a stage's loop, or of a step. */
struct going {
	const struct value *over, *payload;
};

/* What the loop says: its elements stand as long as this does. */
static json_t *how_of(const struct going *loop)
{
	return json_pack("{s:o, s:o*}", "over", value_source(loop->over), "payload",
			 loop->payload ? value_source(loop->payload) : NULL);
}

static bool eval_list(const struct going *loop, const struct expr_world *xw, struct elements *l, struct buf *err)
{
	l->list = value_eval(loop->over, xw, err);
	if (json_is_array(l->list) && json_array_size(l->list) <= ELEMENTS_MAX)
		return true;
	if (json_is_array(l->list))
		buf_addf(err, "the loop has %zu elements, more than %d", json_array_size(l->list), ELEMENTS_MAX);
	else if (l->list) {
		buf_puts(err, "the loop needs a list, not ");
		json_text(err, l->list, JSON_TIGHT);
	}
	return false;
}

static bool eval_payloads(const struct going *loop, struct unit_world *w, struct elements *l, struct buf *err)
{
	struct expr_world xw = unit_world_expr(w);
	json_t *item, *payload;
	size_t i;

	l->payloads = loop->payload ? json_array() : NULL;
	json_array_foreach (l->list, i, item) {
		if (!loop->payload)
			break;
		w->item = item;
		payload = value_eval(loop->payload, &xw, err);
		if (payload && !json_is_object(payload))
			buf_puts(err, "a payload is a map");
		if (payload)
			json_array_append_new(l->payloads, payload);
		if (err->len) {
			buf_addf(err, " (in the payload of element %zu)", i);
			return false;
		}
	}
	return true;
}

/* As the run that is resumed had them, for as long as the loop says the same. */
static bool replay_elements(struct engine *e, uint32_t group, const struct going *loop, struct elements *l)
{
	json_t *doc = resume_fragment(e, group), *how = how_of(loop);
	bool same = doc && json_equal(json_object_get(doc, "how"), how);

	if (same) {
		l->list = json_incref(json_object_get(doc, "over"));
		l->payloads = json_incref(json_object_get(doc, "payloads"));
	}
	json_decref(doc);
	json_decref(how);
	return same && json_is_array(l->list);
}

static bool eval_elements(struct engine *e, uint32_t unit, const struct going *loop, struct elements *l,
			  struct buf *err)
{
	struct unit_world w;
	struct expr_world xw;
	bool good;

	unit_world_init(&w, e, unit);
	xw = unit_world_expr(&w);
	good = eval_list(loop, &xw, l, err) && eval_payloads(loop, &w, l, err);
	unit_world_release(&w);
	return good;
}

/* --- making them ------------------------------------------------------------------------------------------ */

static void loops_of(void *world, const struct job *j)
{
	((struct unit_world *)world)->looping = j;
}

static bool expand_members(struct engine *e, uint32_t group, const struct elements *l, struct buf *err)
{
	struct diags *d = diags_new();
	struct expand_options o = {.keep_going = e->o->keep_going, .loops_of = loops_of,
				   .ask_steps = e->o->resumes != NULL};
	struct unit_world w;
	struct expr_world xw;
	bool good;

	scope_world_init(&w, e, SCOPE_NONE);
	xw = unit_world_expr(&w);
	o.world = &xw;
	good = expansion_grow(e->x, group, l->list, &o, d);
	unit_world_release(&w);
	for (size_t i = 0; !good && i < diags_count(d) && !err->len; i++)
		if (diags_at(d, i)->kind == DIAG_ERROR)
			buf_puts(err, diags_at(d, i)->text);
	diags_free(d);
	return good;
}

/* What is kept by unit and by scope, for those that have come. */
static void grow_notes(struct engine *e, uint32_t units, uint32_t scopes)
{
	uint32_t n = e->x->graph->n_units;

	e->note = xreallocarray(e->note, n, sizeof(*e->note));
	memset(e->note + units, 0, (n - units) * sizeof(*e->note));
	n = e->x->n_scopes;
	e->params = xreallocarray(e->params, n, sizeof(*e->params));
	e->scope_payload = xreallocarray(e->scope_payload, n, sizeof(*e->scope_payload));
	memset(e->params + scopes, 0, (n - scopes) * sizeof(*e->params));
	memset(e->scope_payload + scopes, 0, (n - scopes) * sizeof(*e->scope_payload));
}

/*
 * A param that is missing is a failure of that instance alone: its steps say so, since what they refer to is not
 * there.
 */
static void give_payloads(struct engine *e, uint32_t scopes, const struct stage *stage, const struct elements *l)
{
	struct buf err = BUF_INIT;

	for (uint32_t s = scopes; s < e->x->n_scopes; s++) {
		const struct scope *sc = &e->x->scope[s];

		if (sc->loop && sc->loop == stage)
			e->scope_payload[s] = json_incref(json_array_get(l->payloads, sc->element));
		if (sc->loop || sc->caller == SCOPE_NONE)
			(void)engine_make_params(e, s, e->scope_payload[s], &err);
		buf_reset(&err);
	}
	buf_release(&err);
}

static void record_fragment(struct engine *e, uint32_t group, const struct going *loop, const struct elements *l)
{
	struct buf name = BUF_INIT, text = BUF_INIT;
	json_t *doc;

	if (!e->ledger)
		return;
	expansion_group_name(e->x, group, &name);
	doc = json_pack("{s:s, s:o, s:O, s:O?}", "loop", name.data, "how", how_of(loop), "over", l->list, "payloads",
			l->payloads);
	json_text(&text, doc, JSON_TIGHT);
	ledger_fragment(e->ledger, e->run_no, group, text.data);
	json_decref(doc);
	buf_release(&name);
	buf_release(&text);
}

static bool add_members(struct engine *e, uint32_t group, const struct going *loop, const struct elements *l,
			struct buf *err)
{
	uint32_t units = e->x->graph->n_units, scopes = e->x->n_scopes, groups = e->x->graph->n_groups;

	if (!expand_members(e, group, l, err))
		return false;
	schedule_extend(e->s, e->x->graph);
	expect_grown(e, units);
	grow_notes(e, units, scopes);
	watch_deadlines(e, units, groups);
	give_payloads(e, scopes, e->x->bundle[group].stage, l);
	record_fragment(e, group, loop, l);
	(void)record_growth(e, units, groups);
	return true;
}

enum answer engine_begin_loop(struct engine *e, uint32_t unit, enum reason *ret_why, char **ret_text)
{
	uint32_t group = e->x->graph->unit[unit].group;
	const struct bundle *b = &e->x->bundle[group];
	const struct going loop = {b->stage ? b->stage->loop->over : b->step->t.policy->foreach->over,
				   b->stage ? b->stage->loop->payload : NULL};
	struct elements l = {0};
	struct buf err = BUF_INIT;
	enum answer a = ANSWER_RUN;

	*ret_text = NULL;
	if (!replay_elements(e, group, &loop, &l) && !eval_elements(e, unit, &loop, &l, &err)) {
		a = ANSWER_FAIL;
	} else if (!json_array_size(l.list)) {
		a = ANSWER_SKIP;
		*ret_why = REASON_NO_INSTANCES;
		expansion_emptiness(e->x, group, &err);
		*ret_text = xstrdup(err.data);
	} else if (!add_members(e, group, &loop, &l, &err)) {
		a = ANSWER_FAIL;
	}
	if (a == ANSWER_FAIL) {
		*ret_why = REASON_BAD_EXPR;
		*ret_text = xstrdup(err.data);
	}
	elements_release(&l);
	buf_release(&err);
	return a;
}
