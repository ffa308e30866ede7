/* query: a statement that has a name; without one, the list of them. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "named_query.h"
#include "reader.h"
#include "report/table.h"

static void params_text(const struct named_query *q, struct buf *out)
{
	for (size_t i = 0; i < q->n_params; i++)
		buf_addf(out, "%s%s%s%s", i ? " " : "", q->param[i].name, q->param[i].value ? "=" : "=...",
			 q->param[i].value ? q->param[i].value : "");
}

static json_t *params_json(const struct named_query *q)
{
	json_t *list = json_array();

	for (size_t i = 0; i < q->n_params; i++)
		json_array_append_new(list, json_pack("{s:s, s:s*, s:s}", "name", q->param[i].name, "default",
						      q->param[i].value, "description", q->param[i].sentence));
	return list;
}

static void print_json_list(const struct named_queries *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s*, s:s*, s:o, s:s}", "name", l->at[i].name,
						      "description", l->at[i].description, "store", l->at[i].store,
						      "params", params_json(&l->at[i]), "file", l->at[i].path));
	cli_print_json(list);
	json_decref(list);
}

static void print_list(const struct named_queries *l)
{
	struct table t;

	table_init(&t, (const char *const[]){"query", "parameters", "of", "description"}, 4);
	for (size_t i = 0; i < l->n; i++) {
		const struct named_query *q = &l->at[i];
		struct buf params = BUF_INIT;

		params_text(q, &params);
		table_cell(&t, q->name);
		table_cell(&t, params.data);
		table_cell(&t, q->store ? q->store : "ledger");
		table_cell(&t, q->description ? q->description : "");
		buf_release(&params);
	}
	table_print(&t, stdout);
	table_release(&t);
}

static int unknown(const struct named_queries *l, const char *name)
{
	struct spell sp;

	cli_error("no query is called '%s'", name);
	spell_init(&sp, name);
	for (size_t i = 0; i < l->n; i++)
		spell_try(&sp, l->at[i].name);
	if (sp.best)
		cli_hint("did you mean '%s'?", sp.best);
	cli_hint("`orchmake query` lists them; one of your own is a file queries/%s.sql beside the Jobfile", name);
	return EXIT_USAGE_ERROR;
}

static int run_query(struct cli *c, const struct named_query *q)
{
	struct ledger *l = reader_open(c, c->store ? c->store : q->store, false);
	struct ledger_arg *arg;
	struct ledger_query query = {.sql = q->text, .limit_rows = (uint64_t)c->limit};
	int code = EXIT_USAGE_ERROR;

	query.n_named = named_query_args(q, c, &arg);
	query.named = arg;
	if (l)
		code = reader_print(c, l, &query, q->path);
	free(arg);
	ledger_close(l);
	return code;
}

int cmd_query(struct cli *c)
{
	struct named_queries l;
	const struct named_query *q;
	int code = EXIT_USAGE_ERROR;

	if (named_queries_find(&l, c)) {
		q = c->words.n ? named_query_get(&l, c->words.at[0]) : NULL;
		if (q)
			code = run_query(c, q);
		else if (c->words.n)
			code = unknown(&l, c->words.at[0]);
		else if (c->format == FORMAT_JSON)
			print_json_list(&l), code = EXIT_DONE;
		else
			print_list(&l), code = EXIT_DONE;
	}
	named_queries_release(&l);
	return code;
}
