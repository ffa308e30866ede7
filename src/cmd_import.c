/* import: documents of any format as one native Jobfile, on standard output. */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/vec.h"
#include "base/fdio.h"
#include "cmd.h"
#include "doc/yaml_write.h"
#include "import/import.h"

static void comment(struct buf *out, const char *text)
{
	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		buf_addf(out, "# %.*s\n", (int)(end - text), text);
	}
}

/* What a Jobfile has no word for, said to who reads it. */
static void add_remarks(const struct diags *d, bool with_lines, struct buf *out)
{
	struct buf said = BUF_INIT;

	for (size_t i = 0; i < diags_count(d); i++) {
		const struct diag *one = diags_at(d, i);

		buf_reset(&said);
		if (with_lines && one->mark.line)
			buf_addf(&said, "line %u: ", (unsigned)one->mark.line);
		buf_addf(&said, "%s%s", one->kind == DIAG_HINT || one->kind == DIAG_NOTE ? "  " : "", one->text);
		comment(out, said.data);
	}
	buf_release(&said);
}

static void add_widths(const struct jobfile *jf, struct buf *out)
{
	for (size_t i = 0; i < jf->n_jobs; i++)
		if (jf->job[i]->width > 1)
			buf_addf(out, "# '%s' ran up to %" PRIu32 " steps at once by itself; here that takes -j%" PRIu32 ".\n",
				 jf->job[i]->name, jf->job[i]->width, jf->job[i]->width);
}

static void add_origin(const struct cli *c, struct buf *out)
{
	buf_puts(out, "# Imported from");
	for (size_t i = 0; i < c->files.n; i++)
		buf_addf(out, "%s %s", i ? "," : "", c->files.at[i]);
	buf_puts(out, ".\n");
}

/* --- documents that run as they are --------------------------------------------------------------------------- */

static bool import_own(struct cli *c, struct buf *out, struct diags *d)
{
	struct jobfile *jf;
	json_t *doc;

	c->thorough = true;
	c->open_vars = true;
	jf = cli_load_into(c, d);
	if (!jf)
		return false;
	doc = jobfile_to_json(jf, NULL, 0);
	add_origin(c, out);
	add_widths(jf, out);
	add_remarks(d, false, out);
	yaml_text(out, doc);
	json_decref(doc);
	jobfile_free(jf);
	return true;
}

/* --- documents of other programs ------------------------------------------------------------------------------- */

/* Whether the Jobfile is one, before anybody gets it; what it says is told, of a text that nobody else will see. */
static bool reads_back(const struct buf *text, const char *dir, struct diags *d)
{
	struct diags *own = diags_new();
	struct jobfile *jf = cli_load_text("imported Jobfile", text, dir, own);
	bool good = jf != NULL;

	for (size_t i = 0; !good && i < diags_count(own); i++)
		if (diags_at(own, i)->kind == DIAG_ERROR)
			diag_error(d, MARK_NONE, "a Jobfile cannot say this: %s", diags_at(own, i)->text);
	jobfile_free(jf);
	diags_free(own);
	return good;
}

static bool import_foreign(struct cli *c, const struct import_format *f, const struct source *s, struct buf *out, struct diags *d)
{
	char *dir = strcmp(c->files.at[0], "-") ? path_dir(c->files.at[0]) : xstrdup(".");
	const char **names = verb_names();
	struct import_where w = {.dir = dir, .verb = names, .n_verbs = n_verbs};
	json_t *doc = f->read(s, &w, d);
	bool good = doc != NULL;

	if (good) {
		add_origin(c, out);
		add_remarks(d, true, out);
		yaml_text(out, doc);
		good = reads_back(out, dir, d);
	}
	json_decref(doc);
	free(names);
	free(dir);
	return good;
}

static struct source *open_source(struct cli *c, const char *path)
{
	struct source *s = strcmp(path, "-") ? source_open(path, path) : source_open_fd(STDIN_FILENO, "standard input");

	if (s)
		VEC_PUSH(c->sources.at, c->sources.n, c->sources.room, s);
	return s;
}

static void list_formats(void)
{
	for (size_t i = 0; i < n_import_formats; i++)
		cli_hint("--from %s: %s", import_formats[i].name, import_formats[i].sentence);
	cli_hint("without --from: a plan, a lorchestra job or pipeline, a Jobfile, or one of these by its name");
}

/*
 * What the first file is, if it is of another program: *ret_source.  False: it has been said what is wrong.
 * A file that cannot be opened is left to who loads it.
 */
static bool recognise(struct cli *c, const struct import_format **ret, struct source **ret_source)
{
	const char *word = c->from.n ? c->from.at[c->from.n - 1] : NULL;
	bool only = c->files.n == 1;

	*ret = word ? import_find(word) : NULL;
	if (word && !*ret) {
		cli_error("import: there is no format '%s'", word);
		list_formats();
		return false;
	}
	if (!word && !strcmp(c->files.at[0], "-"))
		return true; /* it can be read once only */
	*ret_source = open_source(c, c->files.at[0]);
	if (*ret_source && !word)
		*ret = import_recognise(*ret_source, c->files.at[0]);
	if (*ret && !only) {
		cli_error("import: one %s at a time", (*ret)->name);
		cli_hint("import each by itself, and `include` the Jobfiles in one");
		return false;
	}
	if (*ret && !*ret_source)
		cli_error("cannot read '%s': %s", c->files.at[0], strerror(errno));
	return !*ret || *ret_source;
}

/* Else it may have been taken for what it is not. */
static bool is_named_as_ours(const char *path)
{
	static const char *const names[] = {"*.yml", "*.yaml", "*.json", "*Jobfile*", "*Makefile*", "*makefile*", "*.mk", "-"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!fnmatch(names[i], path_base(path), 0))
			return true;
	return access(path, F_OK) < 0;
}

static bool import(struct cli *c, struct buf *out, struct diags *d)
{
	const struct import_format *f = NULL;
	struct source *s = NULL;

	if (!recognise(c, &f, &s))
		return false;
	return f ? import_foreign(c, f, s, out, d) : import_own(c, out, d);
}

int cmd_import(struct cli *c)
{
	struct diags *d = diags_new();
	struct buf out = BUF_INIT;
	bool good;

	for (size_t i = 0; i < c->words.n; i++)
		VEC_PUSH(c->files.at, c->files.n, c->files.room, c->words.at[i]);
	if (!c->files.n) {
		cli_error("import: which document?");
		cli_hint("orchmake import FILE... >Jobfile");
		list_formats();
		diags_free(d);
		return EXIT_USAGE_ERROR;
	}
	good = import(c, &out, d);
	cli_diags(c, d);
	if (!good && !is_named_as_ours(c->files.at[0]))
		list_formats();
	if (good)
		fwrite(out.data, 1, out.len, stdout);
	diags_free(d);
	buf_release(&out);
	return good ? EXIT_DONE : EXIT_USAGE_ERROR;
}
