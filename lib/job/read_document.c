/*
 * A document is of the format that one of its keys tells.  Every format has a reader
 * that makes the same model of it.
 */
#include "job/read.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"

/* --- which format --------------------------------------------------------------------------------- */

struct format {
	const char *key; /* that tells it */
	const char *what;
	/* Read the pairs of the document's map, which c has entered. */
	void (*read)(struct loader *l, struct cursor *c);
};

static const struct format formats[] = {
	{"jobfile", "a Jobfile", read_native},
	{"job_id", "a lorchestra job", read_lorchestra},
	{"pipeline_id", "a lorchestra pipeline", read_pipeline},
	{"plan_id", "a plan", read_plan},
};

struct doc_look {
	const struct format *format; /* NULL if nothing tells */
	bool has_jobs;		     /* a native document whose mark was forgotten */
	bool has_steps;		     /* a plan, likewise */
};

/*
 * Look for the key that tells the format; it is among the first as a rule, so little is read twice.
 * What is wrong with the text is for the reader to say.
 */
static struct doc_look look_at(const struct source *s)
{
	struct doc_look look = {0};
	struct diags *quiet = diags_new();
	struct cursor *c = cursor_open(s, doc_format_of(s), quiet);
	const struct node *key;

	if (cursor_next(c, NULL) != DOC_MAP)
		goto out;
	while (!look.format && cursor_next(c, &key) == DOC_SCALAR) {
		for (size_t i = 0; i < ARRAY_LEN(formats); i++)
			if (!strcmp(key->text, formats[i].key))
				look.format = &formats[i];
		look.has_jobs |= !strcmp(key->text, "jobs");
		look.has_steps |= !strcmp(key->text, "steps");
		if (!cursor_skip(c))
			break;
	}
out:
	cursor_free(c);
	diags_free(quiet);
	return look;
}

const char *document_kind(const char *path)
{
	struct source *s = source_open(path, path);
	const struct format *f = s ? look_at(s).format : NULL;

	source_free(s);
	return f ? f->what : NULL;
}

/* --- reading it ------------------------------------------------------------------------------------- */

static void read_with(struct loader *l, const struct source *s, void (*use)(struct loader *, struct cursor *))
{
	struct cursor *c = cursor_open_compiled(s, doc_format_of(s), l->d, l->file->compiled);

	if (cursor_next(c, NULL) == DOC_MAP) {
		use(l, c);
		if (cursor_next(c, NULL) == DOC_END)
			cursor_next(c, NULL); /* says if something follows */
	}
	l->cut_short |= cursor_peek(c) != DOC_FINISHED;
	cursor_free(c);
}

/* Complain about what the text itself has wrong with it; false if there is something. */
static bool is_readable(struct loader *l, const struct source *s)
{
	size_t before = diags_errors(l->d);
	struct cursor *c = cursor_open(s, doc_format_of(s), l->d);

	if (cursor_peek(c) != DOC_FINISHED && cursor_skip(c))
		cursor_next(c, NULL);
	cursor_free(c);
	return diags_errors(l->d) == before;
}

static void no_format(struct loader *l, const struct source *s, bool has_jobs)
{
	diag_error(l->d, source_mark(s, 0, 0), "this is no Jobfile: it does not say `jobfile: 1`");
	diag_hint(l->d, has_jobs ? "put `jobfile: 1` on a line of its own at the top"
				 : "put `jobfile: 1` at the top if it is one; else move it out of here");
}

static void refuse_nameless_plan(struct loader *l, const struct source *s)
{
	diag_error(l->d, source_mark(s, 0, 0), "this is no plan: it has steps, but no 'plan_id'");
	diag_hint(l->d, "put a `plan_id` at the top; a Jobfile has its steps below `jobs`");
}

void read_document(struct loader *l, const struct source *s)
{
	struct doc_look look = look_at(s);

	if (look.format) {
		read_with(l, s, look.format->read);
	} else if (look.has_jobs) {
		l->cut_short = true;
		no_format(l, s, true);
		read_with(l, s, read_native);
	} else if (is_readable(l, s)) {
		VEC_PUSH(l->unmarked, l->n_unmarked, l->room_unmarked,
			 ((struct unmarked){s, l->file->path, look.has_steps}));
	} else {
		l->cut_short = true;
	}
}

/* --- documents that nothing tells --------------------------------------------------------------------- */

static bool is_config(const struct loader *l, const char *path)
{
	char *real = realpath(path, NULL);
	bool yes = real && map_has(&l->configs, real);

	free(real);
	return yes;
}

void refuse_unmarked(struct loader *l)
{
	for (size_t i = 0; i < l->n_unmarked; i++) {
		const struct unmarked *u = &l->unmarked[i];

		if (is_config(l, u->path))
			continue;
		l->cut_short = true;
		if (u->has_steps)
			refuse_nameless_plan(l, u->source);
		else
			no_format(l, u->source, false);
	}
}
