/* What a person can paste to do what a step does: its command, where and with what environment it runs. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/quote.h"
#include "engine/engine_impl.h"

enum { UNSET_MAX = 8 }; /* of more the whole environment is said instead */

/* What is of the run alone, and gone with it; what a make meant for us. */
static bool is_ours(const char *text)
{
	static const char *const heads[] = {"ORCHMAKE_", "MAKEFLAGS=", "MFLAGS=", "MAKELEVEL="};

	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		if (!strncmp(text, heads[i], strlen(heads[i])))
			return true;
	return false;
}

static bool is_inherited(const struct engine *e, const char *text)
{
	for (const char *const *p = e->o->environ; p && *p; p++)
		if (!strcmp(*p, text))
			return true;
	return false;
}

/* A secret is replaced before quotes could tear it. */
static void put_setting(struct engine *e, const char *text, struct buf *out)
{
	size_t name = strcspn(text, "=") + 1;
	struct buf value = BUF_INIT;

	buf_puts(&value, text + name);
	values_hide(e->values, &value);
	buf_add(out, text, name);
	if (value.len)
		quote_word(out, value.data);
	buf_putc(out, ' ');
	buf_release(&value);
}

/* Names that the step does not get of what we have, `-u NAME ` each; how many. */
static size_t put_unset(const struct engine *e, const struct env_list *env, struct buf *out)
{
	size_t n = 0;

	for (const char *const *p = e->o->environ; p && *p; p++) {
		char *name = xstrndup(*p, strcspn(*p, "="));

		if (!is_ours(*p) && !env_get(env, name)) {
			buf_puts(out, "-u ");
			quote_word(out, name);
			buf_putc(out, ' ');
			n++;
		}
		free(name);
	}
	return n;
}

static void put_env(struct engine *e, const struct composed *c, struct buf *out)
{
	struct buf unset = BUF_INIT;
	bool whole = put_unset(e, &c->env, &unset) > UNSET_MAX;

	if (whole)
		buf_puts(out, "env -i ");
	else if (unset.len)
		buf_addf(out, "env %s", unset.data);
	for (const char *const *p = c->envp; *p; p++)
		if (!is_ours(*p) && (whole || !is_inherited(e, *p)))
			put_setting(e, *p, out);
	buf_release(&unset);
}

/* But for files of ours, which are gone with the run. */
static void put_file(const struct engine *e, const char *sign, const char *path, struct buf *out)
{
	if (!path || !strncmp(path, e->paths.work, strlen(e->paths.work)))
		return;
	buf_puts(out, sign);
	quote_word(out, path);
}

void engine_echo(struct engine *e, const struct composed *c, struct buf *out)
{
	const char *const *argv = (const char *const *)c->argv + c->n_own;
	bool elsewhere = strcmp(c->cwd, e->o->echo_from);
	size_t n = 0;

	while (argv[n])
		n++;
	if (elsewhere) {
		buf_puts(out, "(cd ");
		quote_word(out, c->cwd);
		buf_puts(out, " && ");
	}
	put_env(e, c, out);
	quote_command(out, argv, n);
	put_file(e, " <", c->stdin_path, out);
	put_file(e, " >", c->stdout_path, out);
	put_file(e, " 2>", c->stderr_path, out);
	buf_puts(out, elsewhere ? ")" : "");
}
