/* A Makefile as a Jobfile: read, resolved, written. */
#include "import/make.h"

#include <stdlib.h>

static void release(struct mk *m)
{
	for (size_t i = 0; i < m->target.n; i++) {
		struct mk_target *t = m->target.entry[i].value;

		free(t->need.at);
		free(t->order.at);
		map_release(&t->before);
	}
	free(m->rule);
	map_release(&m->var);
	map_release(&m->target);
	map_release(&m->told);
	arena_free(m->a);
}

json_t *import_make(const struct source *s, const struct import_where *w, struct diags *d)
{
	struct mk m = {.source = s, .where = w, .a = arena_new(), .d = d};
	size_t errors = diags_errors(d);
	json_t *doc = NULL;

	mk_read(&m);
	if (diags_errors(d) == errors)
		mk_resolve(&m);
	if (diags_errors(d) == errors) {
		mk_order(&m);
		mk_look_at_recipes(&m);
	}
	if (diags_errors(d) == errors && m.first)
		doc = mk_write(&m);
	else if (diags_errors(d) == errors)
		diag_error(d, mark_of(s, 0, 0, 0), "there is no target in it");
	if (doc && diags_errors(d) > errors) {
		json_decref(doc);
		doc = NULL;
	}
	release(&m);
	return doc;
}
