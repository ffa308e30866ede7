/* sql: one statement that only reads; on a terminal, a prompt for many of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/span.h"
#include "prompt.h"
#include "reader.h"

enum { STATEMENT_MAX = 16 << 20 };

static const char tables_sql[] = "SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view')"
				 " AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY type DESC, name";

static int print_statement(struct cli *c, struct ledger *l, const char *text, const struct ledger_arg *arg, size_t n)
{
	const struct ledger_query q = {.sql = text, .named = arg, .n_named = n, .limit_rows = (uint64_t)c->limit,
				       .stop = prompt_interrupted()};

	return reader_print(c, l, &q, NULL);
}

/* With the NAME=VALUE of the command line. */
static int run_statement(struct cli *c, struct ledger *l, const char *text)
{
	struct ledger_arg *arg = xcalloc(c->n_params + 1, sizeof(*arg));
	int code;

	for (size_t i = 0; i < c->n_params; i++)
		arg[i] = (struct ledger_arg){c->param[i].name, c->param[i].text};
	code = print_statement(c, l, text, arg, c->n_params);
	free(arg);
	return code;
}

/* --- completion ------------------------------------------------------------------------------------------------- */

static const char *const keywords[] = {
	"SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "HAVING", "JOIN", "LEFT JOIN", "ON", "AND", "OR",
	"NOT", "NULL", "IS", "IN", "LIKE", "GLOB", "BETWEEN", "AS", "DESC", "DISTINCT", "WITH", "UNION ALL", "CASE",
	"WHEN", "THEN", "ELSE", "END", "count(*)", "sum(", "avg(", "min(", "max(",
	".tables", ".schema", ".help", ".quit",
};

struct completing {
	struct ledger *l;
	struct buf names; /* of tables and columns, one a line */
};

static bool keep_name(void *ctx, size_t n, const struct ledger_value *v)
{
	(void)n;
	if (v[0].type == LEDGER_TEXT)
		buf_addf(ctx, "%s\n", v[0].text);
	return true;
}

/* Read once, when they are first wanted. */
static void read_names(struct completing *c)
{
	const struct ledger_query q = {
		.sql = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') UNION"
		       " SELECT c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c"
		       " WHERE t.type IN ('table', 'view') ORDER BY 1"};

	if (!c->names.len)
		(void)ledger_sql(c->l, &q, NULL, keep_name, &c->names);
}

static void complete(void *ctx, const char *line, size_t word, struct buf *out)
{
	struct completing *c = ctx;
	const char *begun = line + word;
	size_t n = strlen(begun);

	read_names(c);
	for (const char *p = c->names.data, *end; *p; p = end + 1) {
		end = strchr(p, '\n');
		if (!strncasecmp(p, begun, n))
			buf_add(out, p, (size_t)(end - p) + 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
		if (!strncasecmp(keywords[i], begun, n) && (keywords[i][0] != '.' || !word))
			buf_addf(out, "%s\n", keywords[i]);
}

/* --- the prompt -------------------------------------------------------------------------------------------------- */

static void print_help(void)
{
	fputs("A statement ends with a semicolon; it can only read.\n"
	      "  .tables          tables and views; orchmake-ledger(5) describes the views v_...\n"
	      "  .schema [NAME]   how they were made\n"
	      "  .help            this\n"
	      "  .quit            end; so does Ctrl-D.  Ctrl-C stops a statement that takes too long\n", stdout);
}

/* False: it was `.quit`. */
static bool do_command(struct cli *c, struct ledger *l, const char *line)
{
	size_t n = strcspn(line, " \t");
	const char *rest = line + n + strspn(line + n, " \t");
	const struct ledger_arg name = {"name", *rest ? rest : "*"};

	if (!strncmp(line, ".quit", n) || !strncmp(line, ".exit", n))
		return false;
	if (n > 1 && !strncmp(line, ".tables", n))
		(void)print_statement(c, l, tables_sql, NULL, 0);
	else if (n > 1 && !strncmp(line, ".schema", n))
		(void)print_statement(c, l, "SELECT sql FROM sqlite_schema WHERE name GLOB :name AND sql IS NOT NULL", &name, 1);
	else if (n > 1 && !strncmp(line, ".help", n))
		print_help();
	else
		cli_error("there is no '%.*s'; `.help` lists what there is", (int)n, line);
	return true;
}

/* Takes a line to what has been typed so far; carries it out when it is whole.  False: end. */
static bool take_line(struct cli *c, struct ledger *l, struct buf *typed, const char *line)
{
	if (!typed->len && line[0] == '.')
		return do_command(c, l, line);
	if (!typed->len && !line[strspn(line, " \t")])
		return true;
	buf_puts(typed, line);
	buf_putc(typed, '\n');
	if (!ledger_sql_complete(typed->data))
		return true;
	(void)run_statement(c, l, typed->data);
	buf_reset(typed);
	return true;
}

static int converse(struct cli *c, struct ledger *l)
{
	struct completing completing = {.l = l, .names = BUF_INIT};
	struct prompt *p = prompt_open(&(struct prompt_options){
		.libexec = cli_libexec(), .history = "sql", .breaks = " \t\n,()<>=;*+", .complete = complete,
		.ctx = &completing});
	struct buf typed = BUF_INIT;
	bool broken, on = true;
	char *line;

	while (on && (line = prompt_line(p, typed.len ? "  ...> " : "sql> ", &broken))) {
		if (broken)
			buf_reset(&typed);
		else
			on = take_line(c, l, &typed, line);
		free(line);
	}
	prompt_close(p);
	buf_release(&typed);
	buf_release(&completing.names);
	return EXIT_DONE;
}

/* --- without one -------------------------------------------------------------------------------------------------- */

static bool read_statement(struct cli *c, struct buf *out)
{
	for (size_t i = 0; i < c->words.n; i++)
		buf_addf(out, "%s%s", i ? " " : "", c->words.at[i]);
	if (!c->words.n && fd_read_all(STDIN_FILENO, out, STATEMENT_MAX) < 0) {
		cli_error("cannot read the statement: %s", strerror(errno));
		return false;
	}
	if (span_trim((struct span){out->data, out->len}).len)
		return true;
	cli_error("sql: there is no statement");
	cli_hint("usage: orchmake sql 'SELECT * FROM v_runs LIMIT 5'");
	return false;
}

int cmd_sql(struct cli *c)
{
	bool talks = !c->words.n && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	struct buf text = BUF_INIT;
	struct ledger *l = NULL;
	int code = EXIT_USAGE_ERROR;

	if (talks || read_statement(c, &text))
		l = reader_open(c, c->store, talks);
	if (l)
		code = talks ? converse(c, l) : run_statement(c, l, text.data);
	ledger_close(l);
	buf_release(&text);
	return code;
}
