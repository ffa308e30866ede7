/* A Makefile as a Jobfile: read, resolved, written. */
#include "import/make.h"

#include <stdlib.h>
#include <string.h>

#include "doc/utf8.h"

static void release(struct mk *m)
{
	for (size_t i = 0; i < m->target.n; i++) {
		struct mk_target *t = m->target.entry[i].value;

		free(t->need.at);
		free(t->order.at);
		map_release(&t->before);
	}
	free(m->rule);
	free(m->depfile.at);
	map_release(&m->var);
	map_release(&m->target);
	map_release(&m->told);
	arena_free(m->a);
}

/* A Jobfile is UTF-8, and so are the names and commands that it takes over. */
static bool is_text(const struct source *s, struct diags *d)
{
	struct span text = source_text(s);
	size_t bad = utf8_check(text.at, text.len);
	const char *nul = memchr(text.at, 0, text.len);

	if (nul && (size_t)(nul - text.at) < bad)
		bad = (size_t)(nul - text.at);
	if (bad == text.len)
		return true;
	diag_error(d, source_mark(s, bad, 1), "this is no text in UTF-8, which a Jobfile is");
	diag_hint(d, "iconv -f latin1 -t utf-8 Makefile >Makefile.utf8");
	return false;
}

json_t *import_make(const struct source *s, const struct import_where *w, struct diags *d)
{
	struct mk m = {.source = s, .where = w, .a = arena_new(), .d = d};
	size_t errors = diags_errors(d);
	json_t *doc = NULL;

	if (is_text(s, d))
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
