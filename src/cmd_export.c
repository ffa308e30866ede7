/* export: a job in another format, on standard output. */
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "export.h"

static const struct export_format {
	const char *name, *sentence;
	export_fn *write;
} formats[] = {
#define EXPORT(name, sentence) {#name, sentence, export_##name},
#include "exports.def"
#undef EXPORT
};

static const struct export_format *find(const char *name)
{
	struct spell s;

	spell_init(&s, name ? name : "");
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (name && !strcmp(formats[i].name, name))
			return &formats[i];
		spell_try(&s, formats[i].name);
	}
	if (name)
		cli_error("export: there is no format '%s'", name);
	else
		cli_error("export: in which format?");
	if (name && s.best)
		cli_hint("did you mean '%s'?", s.best);
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		cli_hint("%s: %s", formats[i].name, formats[i].sentence);
	return NULL;
}

/* The job that is asked for, or the default one. */
static const struct job *target(const struct jobfile *jf, const char *name)
{
	const struct job *j = job_find(jf, name ? name : jf->default_target ? jf->default_target : jf->job[0]->name);
	const char *near;

	if (j)
		return j;
	near = job_suggest(jf, NULL, name ? name : jf->default_target);
	cli_error("export: no job '%s'", name ? name : jf->default_target);
	if (near)
		cli_hint("did you mean '%s'?", near);
	return NULL;
}

static int write_out(const struct cli *c, const struct export_format *f, const struct jobfile *jf,
		     const struct job *j)
{
	struct diags *d = diags_new();
	struct buf out = BUF_INIT;
	bool good = f->write(jf, j, &out, d);

	cli_diags(c, d);
	if (good)
		fwrite(out.data, 1, out.len, stdout);
	diags_free(d);
	buf_release(&out);
	return good ? EXIT_DONE : EXIT_RUN_FAILED;
}

int cmd_export(struct cli *c)
{
	const struct export_format *f = find(c->words.n ? c->words.at[0] : NULL);
	struct jobfile *jf = f ? cli_load(c) : NULL;
	const struct job *j = jf ? target(jf, c->words.n > 1 ? c->words.at[1] : NULL) : NULL;
	int code = j ? write_out(c, f, jf, j) : EXIT_USAGE_ERROR;

	jobfile_free(jf);
	return code;
}
