/* graph: what waits for what. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "cmd.h"
#include "doc/json.h"
#include "report/tty.h"

/* Jobs and steps of a target as a tree: each once, in the order in which they come up. */
static void quoted(struct buf *out, const char *text)
{
	json_t *v = json_string(text);

	json_text(out, v, JSON_TIGHT);
	json_decref(v);
}

static bool is_shown(const struct expansion *x, uint32_t unit)
{
	const struct unit *u = &x->graph->unit[unit];

	return u->kind == UNIT_STEP || (u->kind == UNIT_END && x->bundle[u->group].kind != BUNDLE_ROOT &&
					x->bundle[u->group].kind != BUNDLE_SUPPORT);
}

/* Edges between gates are walked through, so that what is drawn is what a person thinks of. */
static void edges_of(const struct expansion *x, uint32_t unit, struct buf *out, const char *name)
{
	const struct graph *g = x->graph;
	uint32_t from = g->unit[unit].kind == UNIT_END ? g->group[g->unit[unit].group].begin : unit;
	uint32_t *stack = NULL;
	size_t n = 0, room = 0;
	struct buf other = BUF_INIT;

	VEC_PUSH(stack, n, room, from);
	while (n) {
		uint32_t at = stack[--n];

		for (uint32_t i = g->need_at[at]; i < g->need_at[at + 1]; i++) {
			uint32_t on = g->need[i].unit;

			if (is_shown(x, on)) {
				buf_reset(&other);
				expansion_unit_name(x, on, &other);
				buf_puts(out, "\t");
				quoted(out, other.data);
				buf_puts(out, " -> ");
				quoted(out, name);
				buf_puts(out, g->need[i].order_only ? " [style=dashed];\n" : ";\n");
			} else if (g->unit[on].kind == UNIT_STAGE) {
				VEC_PUSH(stack, n, room, on);
			}
		}
	}
	buf_release(&other);
	free(stack);
}

static void draw_dot(const struct expansion *x, struct buf *out)
{
	struct buf name = BUF_INIT;

	buf_puts(out, "digraph orchmake {\n\trankdir=LR;\n\tnode [shape=box, fontname=\"sans-serif\"];\n");
	for (uint32_t u = 0; u < x->graph->n_units; u++) {
		if (!is_shown(x, u))
			continue;
		buf_reset(&name);
		expansion_unit_name(x, u, &name);
		buf_putc(out, '\t');
		quoted(out, name.data);
		buf_puts(out, x->graph->unit[u].kind == UNIT_END ? " [shape=folder];\n" : ";\n");
		edges_of(x, u, out, name.data);
	}
	buf_puts(out, "}\n");
	buf_release(&name);
}

static void put_name(const struct expansion *x, uint32_t unit, struct buf *out)
{
	struct buf name = BUF_INIT;

	expansion_unit_name(x, unit, &name);
	tty_clean(out, (struct span){name.data, name.len});
	buf_release(&name);
}

struct branch {
	uint32_t group;
	uint32_t at;
};

/* `├── name` for each member, deeper for the members of members; a worklist, no recursion. */
static void draw_tree(const struct expansion *x, uint32_t top, struct buf *out)
{
	const struct graph *g = x->graph;
	struct branch *stack = NULL;
	size_t n = 0, room = 0;

	VEC_PUSH(stack, n, room, ((struct branch){top, g->member_at[top]}));
	while (n) {
		struct branch *b = &stack[n - 1];
		uint32_t unit, end = g->member_at[b->group + 1];

		if (b->at == end) {
			n--;
			continue;
		}
		unit = g->member[b->at++];
		for (size_t i = 0; i + 1 < n; i++)
			buf_puts(out, stack[i].at < g->member_at[stack[i].group + 1] ? "│   " : "    ");
		buf_puts(out, b->at < end ? "├── " : "└── ");
		put_name(x, unit, out);
		buf_putc(out, '\n');
		if (g->unit[unit].kind == UNIT_END)
			VEC_PUSH(stack, n, room,
				 ((struct branch){g->unit[unit].group, g->member_at[g->unit[unit].group]}));
	}
	free(stack);
}

static int draw(struct cli *c, const struct jobfile *jf)
{
	struct diags *d = diags_new();
	struct run_options o = cli_run_options(c, jf);
	struct engine *e = engine_new(jf, &o, d);
	struct buf out = BUF_INIT;

	cli_diags(c, d);
	if (e && c->format == FORMAT_DOT)
		draw_dot(engine_expansion(e), &out);
	else if (e)
		draw_tree(engine_expansion(e), engine_expansion(e)->graph->root, &out);
	fwrite(out.data, 1, out.len, stdout);
	buf_release(&out);
	diags_free(d);
	engine_free(e);
	return e ? EXIT_DONE : EXIT_USAGE_ERROR;
}

int cmd_graph(struct cli *c)
{
	struct jobfile *jf = cli_load(c);
	int code = jf ? draw(c, jf) : EXIT_USAGE_ERROR;

	jobfile_free(jf);
	return code;
}
