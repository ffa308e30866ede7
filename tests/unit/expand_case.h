/*
 * Expansions that a person can read.  A Jobfile's jobs and what is asked for go in, lines come
 * out, in the order of the graph:
 *
 *	b: a ~c		step b needs a (ok), and comes after c if that is there
 *	c: a:done	another condition than ok
 *	<p: s		the BEGIN of job p, if it waits for something but that of the run
 *	x: <p		a member of p waits for that BEGIN; of a later stage for p|1
 *	p|1: x:done	the gate before the second stage of p
 *	p> x y		p has members x and y
 *	x {soft}	what is not as usual: see flags_of
 *
 * The instances of a job or step have a group whose name ends with [*], a step that calls a
 * job is a group `call NAME`, the run is `run`, what others need is `needed`.
 */
#ifndef TESTS_UNIT_EXPAND_CASE_H
#define TESTS_UNIT_EXPAND_CASE_H

#include "base/bug.h"
#include "base/buf.h"
#include "check.h"
#include "doc/diag.h"
#include "job/expand.h"

struct expand_case {
	struct diags *d;
	struct jobfile *jf;
	struct expansion *x;
	struct buf dump;
};

/* --- the world of loops: params and files ---------------------------------------------------------- */

static inline const json_t *case_get(void *ctx, enum expr_root root, const char *key)
{
	return root != ROOT_PARAMS ? NULL : key[0] ? json_object_get(ctx, key) : ctx;
}

static inline json_t *case_glob(void *ctx, const char *pattern)
{
	(void)ctx;
	return json_pack("[s, s]", "one", pattern);
}

/* --- dumping --------------------------------------------------------------------------------------- */

/* The run, and what others need: nothing is waited for at their BEGIN. */
static inline bool case_is_frame(const struct expansion *x, uint32_t group)
{
	return x->bundle[group].kind == BUNDLE_ROOT || x->bundle[group].kind == BUNDLE_SUPPORT;
}

static inline void case_group_name(const struct expansion *x, uint32_t group, struct buf *out)
{
	const struct bundle *b = &x->bundle[group];

	if (case_is_frame(x, group)) {
		buf_puts(out, b->kind == BUNDLE_ROOT ? "run" : "needed");
		return;
	}
	buf_puts(out, b->kind == BUNDLE_CALL ? "call " : "");
	expansion_group_name(x, group, out);
	buf_puts(out, b->kind == BUNDLE_FAMILY || b->kind == BUNDLE_STEPS ? "[*]" : "");
}

static inline void case_unit_name(const struct expansion *x, uint32_t unit, struct buf *out)
{
	const struct unit *u = &x->graph->unit[unit];
	unsigned stage = 0;

	switch ((enum unit_kind)u->kind) {
	case UNIT_STEP:
		expansion_unit_name(x, unit, out);
		return;
	case UNIT_BEGIN:
		buf_putc(out, '<');
		case_group_name(x, u->group, out);
		return;
	case UNIT_STAGE:
		for (uint32_t i = 0; i <= unit; i++)
			stage += x->graph->unit[i].kind == UNIT_STAGE && x->graph->unit[i].group == u->group;
		case_group_name(x, u->group, out);
		buf_addf(out, "|%u", stage);
		return;
	case UNIT_END:
		case_group_name(x, u->group, out);
		return;
	}
}

static inline void case_word(struct buf *out, bool yes, const char *word)
{
	if (yes)
		buf_addf(out, "%s%s", out->len ? " " : "", word);
}

static inline void case_flags(const struct expansion *x, uint32_t unit, struct buf *out)
{
	const struct graph *g = x->graph;
	const struct unit *u = &g->unit[unit];
	const struct group *gr = u->kind == UNIT_END ? &g->group[u->group] : NULL;
	bool gate = u->kind == UNIT_BEGIN || u->kind == UNIT_STAGE || unit == g->group[g->root].end;
	struct buf f = BUF_INIT;

	case_word(&f, u->flags & UNIT_ASKS, "asks");
	case_word(&f, u->flags & UNIT_ASKS_STATUS, "status");
	case_word(&f, u->flags & UNIT_ALWAYS, "always");
	case_word(&f, u->flags & UNIT_STAND_IN, "stand-in");
	case_word(&f, u->flags & UNIT_INSTANT, "instant");
	case_word(&f, !gate && !(u->flags & UNIT_CRITICAL), "soft");
	if (u->rule) {
		case_word(&f, true, "rule=");
		buf_addf(&f, "%u", u->rule);
	}
	case_word(&f, u->on_failure == ON_FAILURE_CONTINUE, "continue");
	case_word(&f, u->on_failure == ON_FAILURE_SKIP_DEPENDENTS, "skip-dependents");
	case_word(&f, gr && gr->stop_on_failure, "stops");
	case_word(&f, gr && gr->stop_at_once && !case_is_frame(x, u->group), "stops-at-once");
	case_word(&f, gr && gr->asks_end, "asks-end");
	if (u->pool != POOL_NONE) {
		case_word(&f, true, "pool=");
		buf_addf(&f, "%s:%u", g->pool[u->pool].name, g->pool[u->pool].slots);
	}
	if (u->stand_in != UNIT_NONE) {
		case_word(&f, true, "else=");
		case_unit_name(x, u->stand_in, &f);
	}
	if (f.len)
		buf_addf(out, " {%s}", f.data);
	buf_release(&f);
}

static inline void case_needs(const struct expansion *x, uint32_t unit, struct buf *out)
{
	static const char *const word[] = {"", ":done", ":failed", ":skipped", ":any", ""};
	const struct graph *g = x->graph;
	const char *before = ": ";

	for (uint32_t i = g->need_at[unit]; i < g->need_at[unit + 1]; i++) {
		const struct need *n = &g->need[i];

		if (g->unit[n->unit].kind == UNIT_BEGIN && case_is_frame(x, g->unit[n->unit].group))
			continue;
		buf_addf(out, "%s%s", before, n->order_only ? "~" : "");
		case_unit_name(x, n->unit, out);
		buf_puts(out, word[n->cond]);
		before = " ";
	}
}

static inline void case_members(const struct expansion *x, uint32_t group, struct buf *out)
{
	const struct graph *g = x->graph;

	buf_putc(out, '>');
	for (uint32_t i = g->member_at[group]; i < g->member_at[group + 1]; i++) {
		buf_putc(out, ' ');
		case_unit_name(x, g->member[i], out);
	}
}

static inline void case_dump(const struct expansion *x, struct buf *out)
{
	const struct graph *g = x->graph;
	uint32_t *order = xcalloc(g->n_units, sizeof(*order));

	graph_order(g, order);
	for (uint32_t i = 0; i < g->n_units; i++) {
		uint32_t u = order[i];
		size_t start = out->len, named;

		case_unit_name(x, u, out);
		named = out->len;
		if (g->unit[u].kind == UNIT_END)
			case_members(x, g->unit[u].group, out);
		else
			case_needs(x, u, out);
		case_flags(x, u, out);
		if (g->unit[u].kind == UNIT_BEGIN && out->len == named)
			buf_cut(out, start);
		else
			buf_putc(out, '\n');
	}
	free(order);
}

/* --- cases ----------------------------------------------------------------------------------------- */

enum { CASE_TARGETS = 16 };

/* Jobs as below `jobs:`, or a whole document if it begins with `jobfile`; targets with blanks between. */
static inline struct expand_case case_expand(const char *jobs, const char *targets, json_t *params)
{
	struct expand_case c = {.d = diags_new(), .dump = BUF_INIT};
	struct expr_world world = {.ctx = params, .get = case_get, .glob = case_glob};
	const char *target[CASE_TARGETS];
	char *words = xstrdup(targets), *rest = words;
	struct buf text = BUF_INIT;
	struct expand_options o = {.target = target, .world = &world};

	for (char *t; (t = strsep(&rest, " "));)
		if (*t)
			target[o.n_targets++] = t;
	buf_addf(&text, "%s%s", strncmp(jobs, "jobfile", 7) ? "jobfile: 1\njobs:\n" : "", jobs);
	c.jf = jobfile_load_text("J", text.data, text.len, "/", c.d);
	if (c.jf)
		c.x = expansion_build(c.jf, &o, c.d);
	if (c.x)
		case_dump(c.x, &c.dump);
	buf_release(&text);
	free(words);
	return c;
}

static inline void case_release(struct expand_case *c)
{
	expansion_free(c->x);
	jobfile_free(c->jf);
	diags_free(c->d);
	buf_release(&c->dump);
}

/* "error; hint; ..." */
static inline void case_said(const struct expand_case *c, struct buf *out)
{
	for (size_t i = 0; i < diags_count(c->d); i++)
		buf_addf(out, "%s%s", i ? "; " : "", diags_at(c->d, i)->text);
}

static inline void case_must_expand(const struct expand_case *c)
{
	struct buf said = BUF_INIT;

	case_said(c, &said);
	if (!c->x)
		fail_msg("no expansion: %s", said.data);
	buf_release(&said);
}

static inline void expands_to(const char *jobs, const char *targets, const char *want)
{
	struct expand_case c = case_expand(jobs, targets, NULL);

	case_must_expand(&c);
	CHECK_STR(c.dump.data, want);
	case_release(&c);
}

static inline void is_refused(const char *jobs, const char *targets, const char *want)
{
	struct expand_case c = case_expand(jobs, targets, NULL);
	struct buf said = BUF_INIT;

	CHECK(c.jf != NULL);
	CHECK(c.x == NULL);
	case_said(&c, &said);
	CHECK_STR(said.data, want);
	buf_release(&said);
	case_release(&c);
}

#endif
