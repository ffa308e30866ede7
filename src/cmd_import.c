/* import: documents of any format as one native Jobfile, on standard output. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "cmd.h"
#include "doc/yaml_write.h"

static void comment(struct buf *out, const char *text)
{
	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		buf_addf(out, "# %.*s\n", (int)(end - text), text);
	}
}

/* What a Jobfile has no word for, said to who reads it. */
static void add_remarks(const struct jobfile *jf, const struct diags *d, struct buf *out)
{
	struct buf said = BUF_INIT;

	for (size_t i = 0; i < jf->n_jobs; i++)
		if (jf->job[i]->width > 1)
			buf_addf(out, "# '%s' ran up to %" PRIu32 " steps at once by itself; here that takes -j%" PRIu32 ".\n",
				 jf->job[i]->name, jf->job[i]->width, jf->job[i]->width);
	for (size_t i = 0; i < diags_count(d); i++) {
		const struct diag *one = diags_at(d, i);

		buf_reset(&said);
		buf_addf(&said, "%s%s", one->kind == DIAG_HINT || one->kind == DIAG_NOTE ? "  " : "", one->text);
		comment(out, said.data);
	}
	buf_release(&said);
}

static void write_jobfile(const struct cli *c, const struct jobfile *jf, const struct diags *d)
{
	struct buf out = BUF_INIT;
	json_t *doc = jobfile_to_json(jf, NULL, 0);

	buf_puts(&out, "# Imported from");
	for (size_t i = 0; i < c->files.n; i++)
		buf_addf(&out, "%s %s", i ? "," : "", c->files.at[i]);
	buf_puts(&out, ".\n");
	add_remarks(jf, d, &out);
	yaml_text(&out, doc);
	fwrite(out.data, 1, out.len, stdout);
	json_decref(doc);
	buf_release(&out);
}

int cmd_import(struct cli *c)
{
	struct diags *d = diags_new();
	struct jobfile *jf;

	for (size_t i = 0; i < c->words.n; i++)
		VEC_PUSH(c->files.at, c->files.n, c->files.room, c->words.at[i]);
	if (!c->files.n) {
		cli_error("import: which document?");
		cli_hint("orchmake import FILE... >Jobfile");
		diags_free(d);
		return EXIT_USAGE_ERROR;
	}
	c->thorough = true;
	c->open_vars = true;
	jf = cli_load_into(c, d);
	cli_diags(c, d);
	if (jf)
		write_jobfile(c, jf, d);
	diags_free(d);
	if (!jf)
		return EXIT_USAGE_ERROR;
	jobfile_free(jf);
	return EXIT_DONE;
}
