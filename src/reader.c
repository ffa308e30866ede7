#include "reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/spell.h"
#include "rows.h"

static const struct store_decl *find_store(const struct jobfile *jf, const char *name)
{
	struct spell sp;

	spell_init(&sp, name);
	for (size_t i = 0; i < jf->n_stores; i++) {
		if (!strcmp(jf->store[i].name, name))
			return &jf->store[i];
		spell_try(&sp, jf->store[i].name);
	}
	cli_error("no store is called '%s'", name);
	if (sp.best)
		cli_hint("did you mean '%s'?", sp.best);
	else if (!jf->n_stores)
		cli_hint("the Jobfile declares none: `stores:` is where it would");
	return NULL;
}

static char *store_path(struct cli *c, const char *name)
{
	struct jobfile *jf = cli_load(c);
	const struct store_decl *store = jf ? find_store(jf, name) : NULL;
	struct run_options o = cli_run_options(c, jf);
	struct diags *d = diags_new();
	char *path = NULL;

	if (store) {
		path = engine_store_path(jf, &o, store, d);
		cli_diags(c, d);
	}
	diags_free(d);
	jobfile_free(jf);
	return path;
}

struct ledger *reader_open(struct cli *c, const char *store, bool live)
{
	const struct ledger_options o = {.mode = live ? LEDGER_READ : LEDGER_LOOK};
	struct ledger_error err = LEDGER_ERROR_INIT;
	struct ledger *l = NULL;
	char *path;

	if (!store)
		return live ? cli_ledger_live(c) : cli_ledger(c);
	path = store_path(c, store);
	if (path) {
		l = ledger_open_store(path, &o, &err);
		if (!l)
			cli_error("%s", err.text.data);
	}
	ledger_error_release(&err);
	free(path);
	return l;
}

/* A Jobfile that does not load is nobody's concern here. */
static struct jobfile *load_quietly(struct cli *c)
{
	struct diags *d = diags_new();
	struct jobfile *jf = cli_load_into(c, d);

	diags_free(d);
	return jf;
}

void reader_stores(struct cli *c, struct buf *out)
{
	struct jobfile *jf = load_quietly(c);

	for (size_t i = 0; jf && i < jf->n_stores; i++)
		buf_addf(out, "%s\n", jf->store[i].name);
	jobfile_free(jf);
}

char *reader_root(struct cli *c)
{
	struct jobfile *jf = load_quietly(c);
	char *root = jf ? xstrdup(jf->root) : NULL, *path, *dir;

	jobfile_free(jf);
	if (root)
		return root;
	path = cli_ledger_path(c);
	if (!path)
		return xstrdup(".");
	dir = path_dir(path);
	free(path);
	root = path_dir(dir);
	free(dir);
	return root;
}

int reader_failed(struct ledger *l, const char *where)
{
	const struct ledger_error *e = ledger_error(l);

	cli_error("%s%s%s", where ? where : "", where ? ": " : "", e->text.data);
	if (e->fault != LEDGER_BAD_SQL)
		return EXIT_LEDGER;
	if (!strncmp(e->text.data, "no such table", strlen("no such table")))
		cli_hint("`orchmake sql \"SELECT name FROM sqlite_schema WHERE type = 'view'\"` lists what there is");
	return EXIT_USAGE_ERROR;
}

int reader_print(struct cli *c, struct ledger *l, const struct ledger_query *q, const char *where)
{
	struct ledger_query limited = *q;
	struct rows r;
	bool good;

	limited.limit_ms = c->timeout_ms;
	rows_begin(&r, stdout, c->format);
	good = ledger_sql(l, &limited, rows_head, rows_row, &r);
	rows_end(&r);
	return good ? EXIT_DONE : reader_failed(l, where);
}
