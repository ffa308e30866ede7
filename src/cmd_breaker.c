/* breaker: what is left alone because it kept failing. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/stamp.h"
#include "cmd.h"
#include "report/table.h"

struct rows {
	struct table table;
	json_t *list;
	const char *name; /* the one looked for */
	bool found;
};

/* Open until it has cooled down; then the next who asks may try. */
static const char *stand_of(const struct ledger_breaker_row *r)
{
	if (!r->open)
		return "closed";
	return r->open_until_ms > stamp_wall_ms() ? "open" : "half-open";
}

static bool one_row(void *ctx, const struct ledger_breaker_row *r)
{
	struct rows *rows = ctx;
	char until[STAMP_TEXT] = "", failures[24];

	if (r->open)
		stamp_format(r->open_until_ms, until);
	snprintf(failures, sizeof(failures), "%" PRIu32, r->failures);
	table_cell(&rows->table, r->name);
	table_cell(&rows->table, stand_of(r));
	table_cell(&rows->table, failures);
	table_cell(&rows->table, until);
	json_array_append_new(rows->list, json_pack("{s:s, s:s, s:I, s:s*}", "name", r->name, "state", stand_of(r),
						    "failures", (json_int_t)r->failures, "open_until",
						    r->open ? until : NULL));
	return true;
}

static int show(struct cli *c, struct ledger *l)
{
	struct rows rows = {.list = json_array()};
	int code = EXIT_DONE;

	table_init(&rows.table, (const char *const[]){"breaker", "state", "failures", "open until (UTC)"}, 4);
	if (!ledger_breakers(l, one_row, &rows)) {
		cli_error("%s", ledger_error(l)->text.data);
		code = EXIT_LEDGER;
	} else if (c->format == FORMAT_JSON) {
		cli_print_json(rows.list);
	} else {
		table_print(&rows.table, stdout);
	}
	table_release(&rows.table);
	json_decref(rows.list);
	return code;
}

static bool look_for(void *ctx, const struct ledger_breaker_row *r)
{
	struct rows *rows = ctx;

	rows->found |= !strcmp(r->name, rows->name);
	return !rows->found;
}

static int reset(struct ledger *l, const char *name)
{
	struct rows rows = {.name = name};

	if (!ledger_breakers(l, look_for, &rows)) {
		cli_error("%s", ledger_error(l)->text.data);
		return EXIT_LEDGER;
	}
	if (!rows.found) {
		cli_error("no breaker is called '%s'", name);
		cli_hint("`orchmake breaker` lists them; one is known once it has counted a failure");
		return EXIT_USAGE_ERROR;
	}
	ledger_breaker_reset(l, name);
	if (ledger_commit(l))
		return EXIT_DONE;
	cli_error("%s", ledger_error(l)->text.data);
	return EXIT_LEDGER;
}

static struct ledger *open_to_write(struct cli *c)
{
	const struct ledger_options o = {.mode = LEDGER_WRITE};
	struct ledger_error err = LEDGER_ERROR_INIT;
	char *path = cli_ledger_path(c);
	struct ledger *l = path ? ledger_open(path, &o, &err) : NULL;

	if (!l)
		cli_error("%s", path ? err.text.data : "there is no ledger here: nothing has been run in this folder yet");
	ledger_error_release(&err);
	free(path);
	return l;
}

int cmd_breaker(struct cli *c)
{
	bool resets = c->words.n == 2 && !strcmp(c->words.at[0], "reset");
	struct ledger *l;
	int code;

	if (c->words.n && !resets) {
		cli_error("breaker: '%s' is no way to use it", c->words.at[0]);
		cli_hint("usage: orchmake breaker [reset NAME]");
		return EXIT_USAGE_ERROR;
	}
	l = resets ? open_to_write(c) : cli_ledger(c);
	if (!l)
		return EXIT_USAGE_ERROR;
	code = resets ? reset(l, c->words.at[1]) : show(c, l);
	ledger_close(l);
	return code;
}
