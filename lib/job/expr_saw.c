/* What the names of an expression were, for whoever asks why. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/map.h"
#include "job/expr_impl.h"

struct sight {
	struct evaluation ev;
	struct map told; /* the names, each once */
	struct buf *out;
};

/* The environment is full of what is nobody's business, so of it only what is there is told. */
static void say_seen(struct sight *s, const struct term *t, enum found found, json_t *v)
{
	bool is_env = t->root == ROOT_ENV;

	if (found != FOUND || json_is_null(v)) {
		buf_puts(s->out, is_env ? " is not set" : " is not there");
	} else if (is_env) {
		buf_puts(s->out, " is set");
	} else {
		buf_puts(s->out, " is ");
		show_value(s->out, (struct seen){v, t->secret});
	}
}

static void see_name(struct sight *s, const struct term *t)
{
	char *name = xstrndup(s->ev.e->text + t->at, t->len);
	json_t *v = NULL;
	enum found found;

	name[strlen(name) - (t->len && name[strlen(name) - 1] == '?')] = 0;
	if (!map_has(&s->told, name)) {
		found = path_eval(&s->ev, t, &v);
		buf_puts(s->out, s->told.n ? ", " : "");
		buf_puts(s->out, name);
		say_seen(s, t, found, v);
		map_put(&s->told, name, NULL);
		json_decref(v);
	}
	free(name);
}

/* Recursion goes as deep as the tree, which is bounded. */
static void see(struct sight *s, const struct term *t)
{
	if (t->kind == TERM_PATH && t->root != ROOT_COUNT)
		see_name(s, t);
	for (uint32_t i = 0; i < t->n; i++)
		see(s, t->kid[i]);
}

void expr_saw(const struct expr *e, const struct expr_world *w, struct buf *out)
{
	struct buf ignored = BUF_INIT;
	struct sight s = {.ev = {.e = e, .w = w, .err = &ignored}, .told = MAP_INIT, .out = out};

	see(&s, e->top);
	map_release(&s.told);
	buf_release(&ignored);
}
