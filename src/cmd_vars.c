/* vars: each name that a target's values have, what it stands for, and who said so. */
#include <stdlib.h>

#include "base/bug.h"
#include "cmd.h"
#include "doc/json.h"
#include "engine/origin.h"
#include "report/table.h"

static void add_row(void *ctx, const struct origin *o)
{
	struct table *t = ctx;
	struct buf text = BUF_INIT;

	if (o->value)
		json_as_text(&text, o->value);
	else
		buf_puts(&text, o->instead);
	table_cell(t, o->kind);
	table_cell(t, o->name);
	table_cell(t, o->from);
	table_cell(t, text.data);
	buf_release(&text);
}

static void add_object(void *ctx, const struct origin *o)
{
	json_t *one = json_pack("{s:s, s:s, s:s}", "kind", o->kind, "name", o->name, "from", o->from);

	/* What is not known, or not to be shown, has no value. */
	if (o->value)
		json_object_set(one, "value", (json_t *)o->value);
	else if (o->instead[0])
		json_object_set_new(one, "instead", json_string(o->instead));
	json_array_append_new(ctx, one);
}

static void show(const struct cli *c, struct engine *e)
{
	static const char *const head[] = {"kind", "name", "from", "value"};
	struct table t;
	json_t *list;

	if (c->format == FORMAT_JSON) {
		list = json_array();
		engine_origins(e, add_object, list);
		cli_print_json(list);
		json_decref(list);
		return;
	}
	table_init(&t, head, ARRAY_LEN(head));
	engine_origins(e, add_row, &t);
	table_print(&t, stdout);
	table_release(&t);
}

int cmd_vars(struct cli *c)
{
	struct jobfile *jf = cli_load(c);
	struct run_options o;
	struct diags *d;
	struct engine *e;

	if (!jf)
		return EXIT_USAGE_ERROR;
	d = diags_new();
	o = cli_run_options(c, jf);
	e = engine_new(jf, &o, d);
	cli_diags(c, d);
	if (e)
		show(c, e);
	engine_free(e);
	diags_free(d);
	jobfile_free(jf);
	return e ? EXIT_DONE : EXIT_USAGE_ERROR;
}
