#include "graph_draw.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "doc/json.h"
#include "report/screen.h"
#include "report/tty.h"

/* --- what is drawn --------------------------------------------------------------------------------------- */

static bool is_shown(const struct expansion *x, uint32_t unit)
{
	const struct unit *u = &x->graph->unit[unit];

	return u->kind == UNIT_STEP || (u->kind == UNIT_END && x->bundle[u->group].kind != BUNDLE_ROOT &&
					x->bundle[u->group].kind != BUNDLE_SUPPORT);
}

struct walk {
	uint32_t *stack;
	size_t n, room;
	uint32_t *seen; /* by unit: whose walk was here last, and one more */
};

static void add_edge(struct drawing *g, uint32_t from, uint32_t to, bool order_only)
{
	VEC_PUSH(g->edge, g->n_edges, g->room_edges, ((struct drawn_edge){from, to, order_only, false}));
}

/* The needs of one gate or unit: edges to what is shown, and gates to walk on through. */
static void look_behind(struct drawing *g, struct walk *w, uint32_t at, uint32_t to)
{
	const struct graph *graph = g->x->graph;

	for (uint32_t i = graph->need_at[at]; i < graph->need_at[at + 1]; i++) {
		uint32_t on = graph->need[i].unit;

		if (w->seen[on] == to + 1)
			continue;
		w->seen[on] = to + 1;
		if (g->name[on])
			add_edge(g, on, to, graph->need[i].order_only);
		else
			VEC_PUSH(w->stack, w->n, w->room, on);
	}
}

static void find_edges(struct drawing *g, struct walk *w, uint32_t unit)
{
	VEC_PUSH(w->stack, w->n, w->room, unit);
	while (w->n) {
		uint32_t at = w->stack[--w->n];

		look_behind(g, w, at, unit);
	}
}

/* Take the edges away from what one of the others behind `to` waits for itself; first: of each unit, and the end. */
static void thin_out(struct drawing *g, const size_t *first, uint32_t to, uint32_t *seen)
{
	for (size_t i = first[to]; i < first[to + 1]; i++)
		seen[g->edge[i].from] = to + 1;
	for (size_t i = first[to]; i < first[to + 1]; i++) {
		uint32_t by = g->edge[i].from;

		for (size_t k = first[by]; k < first[by + 1]; k++)
			if (seen[g->edge[k].from] == to + 1)
				seen[g->edge[k].from] = 0;
	}
	for (size_t i = first[to]; i < first[to + 1]; i++)
		g->edge[i].said = seen[g->edge[i].from] != to + 1;
}

static void drop_said(struct drawing *g)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n_edges; i++)
		if (!g->edge[i].said)
			g->edge[n++] = g->edge[i];
	g->n_edges = n;
}

static void connect(struct drawing *g)
{
	uint32_t n = g->x->graph->n_units;
	struct walk w = {.seen = xcalloc(n, sizeof(*w.seen))};
	size_t *first = xcalloc(n + 1, sizeof(*first));

	for (uint32_t u = 0; u < n; u++) {
		first[u] = g->n_edges;
		if (g->name[u])
			find_edges(g, &w, u);
	}
	first[n] = g->n_edges;
	memset(w.seen, 0, n * sizeof(*w.seen));
	for (uint32_t u = 0; u < n; u++)
		thin_out(g, first, u, w.seen);
	drop_said(g);
	free(first);
	free(w.stack);
	free(w.seen);
}

void drawing_init(struct drawing *g, const struct expansion *x)
{
	uint32_t n = x->graph->n_units;
	struct buf name = BUF_INIT;

	*g = (struct drawing){.x = x, .name = xcalloc(n, sizeof(*g->name)), .state = xcalloc(n, sizeof(*g->state))};
	for (uint32_t u = 0; u < n; u++) {
		g->state[u] = STATE_COUNT;
		if (!is_shown(x, u))
			continue;
		buf_reset(&name);
		expansion_unit_name(x, u, &name);
		g->name[u] = xstrdup(name.data);
		map_put(&g->by_name, g->name[u], &g->state[u]);
	}
	buf_release(&name);
	connect(g);
}

void drawing_release(struct drawing *g)
{
	for (uint32_t u = 0; g->x && u < g->x->graph->n_units; u++)
		free(g->name[u]);
	map_release(&g->by_name);
	free(g->name);
	free(g->state);
	free(g->edge);
	*g = (struct drawing){0};
}

void drawing_tell(struct drawing *g, const char *name, enum state state)
{
	enum state *known = map_get(&g->by_name, name);

	if (known)
		*known = state;
}

/* --- colours: of a tone, as a screen has them --------------------------------------------------------------- */

static const struct {
	const char *fill, *line;
} paints[] = {
	[TONE_PLAIN] = {"#ffffff", "#57606a"}, [TONE_GOOD] = {"#d8f5dd", "#1a7f37"},
	[TONE_BAD] = {"#ffdcd9", "#cf222e"},   [TONE_WARN] = {"#fff3c4", "#9a6700"},
	[TONE_DIM] = {"#eaeef2", "#8c959f"},   [TONE_BOLD] = {"#ffffff", "#57606a"},
};

/* --- a tree -------------------------------------------------------------------------------------------------- */

struct branch {
	uint32_t group;
	uint32_t at;
};

static void leaf(const struct drawing *g, uint32_t unit, bool colour, struct buf *out)
{
	enum state s = g->state[unit];
	struct buf name = BUF_INIT;

	expansion_unit_name(g->x, unit, &name);
	tty_clean(out, (struct span){name.data, name.len});
	buf_release(&name);
	if (s != STATE_COUNT) {
		buf_puts(out, "  ");
		tty_tone(out, colour, state_tone(s), state_word(s));
	}
	buf_putc(out, '\n');
}

/* `├── name` for each member, deeper for the members of members, each once; a worklist, no recursion. */
void draw_tree(const struct drawing *d, struct buf *out, bool colour)
{
	const struct graph *g = d->x->graph;
	struct branch *stack = NULL;
	size_t n = 0, room = 0;

	VEC_PUSH(stack, n, room, ((struct branch){g->root, g->member_at[g->root]}));
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
		leaf(d, unit, colour, out);
		if (g->unit[unit].kind == UNIT_END)
			VEC_PUSH(stack, n, room,
				 ((struct branch){g->unit[unit].group, g->member_at[g->unit[unit].group]}));
	}
	free(stack);
}

/* --- for Graphviz ----------------------------------------------------------------------------------------------- */

static void quoted(struct buf *out, const char *text)
{
	json_t *v = json_string(text);

	json_text(out, v, JSON_TIGHT);
	json_decref(v);
}

static void dot_node(const struct drawing *g, uint32_t unit, struct buf *out)
{
	bool is_step = g->x->graph->unit[unit].kind == UNIT_STEP;
	enum state s = g->state[unit];

	buf_putc(out, '\t');
	quoted(out, g->name[unit]);
	if (s != STATE_COUNT)
		buf_addf(out, " [%sstyle=filled, fillcolor=\"%s\", color=\"%s\", tooltip=\"%s\"]",
			 is_step ? "" : "shape=folder, ", paints[state_tone(s)].fill, paints[state_tone(s)].line, state_word(s));
	else if (!is_step)
		buf_puts(out, " [shape=folder]");
	buf_puts(out, ";\n");
}

void draw_dot(const struct drawing *g, struct buf *out)
{
	buf_puts(out, "digraph orchmake {\n\trankdir=LR;\n\tnode [shape=box, fontname=\"sans-serif\"];\n");
	for (uint32_t u = 0; u < g->x->graph->n_units; u++)
		if (g->name[u])
			dot_node(g, u, out);
	for (size_t i = 0; i < g->n_edges; i++) {
		buf_putc(out, '\t');
		quoted(out, g->name[g->edge[i].from]);
		buf_puts(out, " -> ");
		quoted(out, g->name[g->edge[i].to]);
		buf_puts(out, g->edge[i].order_only ? " [style=dashed];\n" : ";\n");
	}
	buf_puts(out, "}\n");
}

/* --- for Markdown ------------------------------------------------------------------------------------------------- */

/* In quotes; what means something there as a number. */
static void mermaid_label(struct buf *out, const char *text)
{
	for (; *text; text++)
		if (strchr("\"#<>&`\\", *text))
			buf_addf(out, "#%d;", *text);
		else
			buf_putc(out, *text);
}

static void mermaid_node(const struct drawing *g, uint32_t unit, struct buf *out)
{
	bool is_step = g->x->graph->unit[unit].kind == UNIT_STEP;
	enum state s = g->state[unit];

	buf_addf(out, "\tu%" PRIu32 "%s\"", unit, is_step ? "[" : "[[");
	mermaid_label(out, g->name[unit]);
	buf_puts(out, is_step ? "\"]" : "\"]]");
	if (s != STATE_COUNT)
		buf_addf(out, ":::%s", state_word(s));
	buf_putc(out, '\n');
}

/* A class for each state that there is. */
static void mermaid_classes(const struct drawing *g, struct buf *out)
{
	bool there[STATE_COUNT + 1] = {false};

	for (uint32_t u = 0; u < g->x->graph->n_units; u++)
		there[g->state[u]] = true;
	for (int s = 0; s < STATE_COUNT; s++)
		if (there[s])
			buf_addf(out, "\tclassDef %s fill:%s,stroke:%s,color:#1f2328\n", state_word((enum state)s),
				 paints[state_tone((enum state)s)].fill, paints[state_tone((enum state)s)].line);
}

void draw_mermaid(const struct drawing *g, struct buf *out)
{
	buf_puts(out, "flowchart LR\n");
	for (uint32_t u = 0; u < g->x->graph->n_units; u++)
		if (g->name[u])
			mermaid_node(g, u, out);
	for (size_t i = 0; i < g->n_edges; i++)
		buf_addf(out, "\tu%" PRIu32 " %s u%" PRIu32 "\n", g->edge[i].from, g->edge[i].order_only ? "-.->" : "-->",
			 g->edge[i].to);
	mermaid_classes(g, out);
}

/* --- for programs --------------------------------------------------------------------------------------------------- */

static json_t *node_json(const struct drawing *g, uint32_t unit)
{
	json_t *o = json_pack("{s:s, s:s}", "name", g->name[unit], "kind",
			      g->x->graph->unit[unit].kind == UNIT_STEP ? "step" : "job");

	if (g->state[unit] != STATE_COUNT)
		json_object_set_new(o, "state", json_string(state_word(g->state[unit])));
	return o;
}

json_t *draw_json(const struct drawing *g)
{
	json_t *nodes = json_array(), *edges = json_array();

	for (uint32_t u = 0; u < g->x->graph->n_units; u++)
		if (g->name[u])
			json_array_append_new(nodes, node_json(g, u));
	for (size_t i = 0; i < g->n_edges; i++)
		json_array_append_new(edges, json_pack("{s:s, s:s, s:b}", "from", g->name[g->edge[i].from], "to",
						       g->name[g->edge[i].to], "order_only", g->edge[i].order_only));
	return json_pack("{s:o, s:o}", "nodes", nodes, "edges", edges);
}
