/* Names of instances as people see them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "job/expand_impl.h"

static void add_label(const struct cells *cells, uint32_t cell, struct buf *out)
{
	if (!cells || cell == CELL_NONE)
		return;
	buf_putc(out, '[');
	cells_label(cells, cell, out);
	buf_putc(out, ']');
}

static void add_step(const struct expansion *x, uint32_t scope, const struct step *st, uint32_t cell, struct buf *out)
{
	if (st->id[0]) {
		buf_putc(out, '/');
		buf_puts(out, st->id);
	}
	if (cell != CELL_NONE)
		add_label(expansion_step_cells(x, scope, st), cell, out);
}

static void add_scope(const struct expansion *x, uint32_t scope, bool outermost, struct buf *out)
{
	const struct scope *s = &x->scope[scope];

	if (outermost)
		buf_puts(out, s->job->name);
	else
		add_step(x, s->caller, s->call, s->call_cell, out);
	if (s->loop)
		buf_addf(out, "[%" PRIu32 "]", s->element);
	add_label(x->job_cells[s->job->no], s->cell, out);
}

static uint32_t scope_above(const struct scope *s)
{
	return s->loop ? SCOPE_NONE : s->caller;
}

/*
 * A called job's instance is named after the step that calls it, outermost first; that of a loop after the element.
 * Calls nest as deep as the documents' jobs call each other (no cycles).
 */
void expansion_scope_name(const struct expansion *x, uint32_t scope, struct buf *out)
{
	uint32_t few[8], *chain = few;
	size_t n = 0, depth = 0;

	for (uint32_t s = scope; s != SCOPE_NONE; s = scope_above(&x->scope[s]))
		depth++;
	if (depth > ARRAY_LEN(few))
		chain = xreallocarray(NULL, depth, sizeof(*chain));
	for (uint32_t s = scope; s != SCOPE_NONE; s = scope_above(&x->scope[s]))
		chain[n++] = s;
	while (n-- > 0)
		add_scope(x, chain[n], n == depth - 1, out);
	if (chain != few)
		free(chain);
}

void place_name(const struct expansion *x, const struct place *p, struct buf *out)
{
	expansion_scope_name(x, p->scope, out);
	add_step(x, p->scope, p->step, p->cell, out);
}

void expansion_unit_name(const struct expansion *x, uint32_t unit, struct buf *out)
{
	const struct unit *u = &x->graph->unit[unit];

	if (u->kind != UNIT_STEP)
		expansion_group_name(x, u->group, out);
	else
		place_name(x, &x->place[unit], out);
}

void expansion_group_name(const struct expansion *x, uint32_t group, struct buf *out)
{
	const struct bundle *b = &x->bundle[group];

	switch (b->kind) {
	case BUNDLE_ROOT:
		buf_puts(out, "(run)");
		break;
	case BUNDLE_SUPPORT:
		buf_puts(out, "(needed)");
		break;
	case BUNDLE_FAMILY:
		buf_puts(out, b->job->name);
		break;
	case BUNDLE_JOB:
	case BUNDLE_COMPOSITE:
		expansion_scope_name(x, b->scope, out);
		break;
	case BUNDLE_LOOP:
		expansion_scope_name(x, b->scope, out);
		buf_addf(out, "/%s", b->stage->name);
		break;
	case BUNDLE_STEPS:
	case BUNDLE_CALL:
		expansion_scope_name(x, b->scope, out);
		add_step(x, b->scope, b->step, b->cell, out);
		break;
	}
}

bool expansion_is_empty(const struct expansion *x, uint32_t group)
{
	const struct bundle *b = &x->bundle[group];

	return (b->kind == BUNDLE_FAMILY || (b->kind == BUNDLE_STEPS && !step_is_late(b->step))) &&
	       x->graph->member_at[group] == x->graph->member_at[group + 1];
}

static const struct value *gone_over(const struct bundle *b, const struct policy *p)
{
	return b->stage ? b->stage->loop->over : p->foreach->over;
}

void expansion_emptiness(const struct expansion *x, uint32_t group, struct buf *out)
{
	const struct bundle *b = &x->bundle[group];
	const struct policy *p = b->step ? b->step->t.policy : b->job->t.policy;
	json_t *over;

	if (!b->stage && !p->foreach) {
		buf_puts(out, "its matrix excludes every combination");
		return;
	}
	if (!b->stage && p->foreach->glob) {
		buf_addf(out, "no file is called %s", p->foreach->glob);
		return;
	}
	over = value_source(gone_over(b, p));
	if (json_is_string(over))
		buf_addf(out, "%s is empty", json_string_value(over));
	else
		buf_puts(out, "its list is empty");
	json_decref(over);
}

uint32_t expansion_find_step(const struct expansion *x, uint32_t scope, const char *id)
{
	const struct step *st = step_find(x->scope[scope].job, id);

	if (!st)
		return UNIT_NONE;
	return x->step_unit[scope] ? x->step_unit[scope][st->no] : x->scope[scope].unit;
}

/* The instance that a job's unit stands for; of several the first. */
static uint32_t scope_of_job(const struct expansion *x, uint32_t unit)
{
	const struct graph *g = x->graph;
	uint32_t group = g->unit[unit].group;

	if (x->place[unit].scope != SCOPE_NONE || g->unit[unit].kind != UNIT_END)
		return x->place[unit].scope;
	return g->member_at[group] < g->member_at[group + 1] ? x->place[g->member[g->member_at[group]]].scope
							      : SCOPE_NONE;
}

/* What j, which provides it, calls an artifact that is known as name outside. */
static const char *name_inside(const struct job *j, const char *name)
{
	while (!inside_provider(j, name))
		name = strchr(name, '.') + 1;
	return name;
}

uint32_t expansion_find_artifact(const struct expansion *x, uint32_t scope, const char *name, const char **ret_field)
{
	const struct step *st = inside_provider(x->scope[scope].job, name);
	const struct job *j;
	uint32_t from;

	*ret_field = name;
	if (st)
		return expansion_find_step(x, scope, st->id);
	j = artifact_provider(x->jf, x->scope[scope].job->ns, name);
	if (!j || x->job_unit[j->no] == UNIT_NONE)
		return UNIT_NONE;
	*ret_field = name_inside(j, name);
	from = scope_of_job(x, x->job_unit[j->no]);
	return from == SCOPE_NONE ? UNIT_NONE : expansion_find_step(x, from, inside_provider(j, *ret_field)->id);
}

/* `name` itself, everything below `name/` and every instance `name[…]`. */
static bool is_of(const char *full, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(full, name, n) && (!full[n] || full[n] == '/' || full[n] == '[');
}

size_t expansion_match(const struct expansion *x, const char *name, uint32_t **ret)
{
	struct buf full = BUF_INIT;
	size_t n = 0, room = 0;

	*ret = NULL;
	for (uint32_t u = 0; u < x->graph->n_units; u++) {
		if (x->graph->unit[u].kind != UNIT_STEP)
			continue;
		buf_reset(&full);
		expansion_unit_name(x, u, &full);
		if (is_of(full.data, name) || glob_match(name, full.data))
			VEC_PUSH(*ret, n, room, u);
	}
	buf_release(&full);
	return n;
}
