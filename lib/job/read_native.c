/* A native document, read with a cursor: one step's tree at a time, and one of what else there is. */
#include "job/read.h"

#include <string.h>

#include "base/bug.h"

enum { SCRATCH_MAX = 1024 * 1024 };

void scratch_tidy(struct loader *l)
{
	if (arena_used(l->scratch) < SCRATCH_MAX)
		return;
	arena_free(l->scratch);
	l->scratch = arena_new();
}

/* --- keys of the file ------------------------------------------------------------------------- */

static bool pull_template(struct loader *l, struct cursor *c, const struct node *name)
{
	const struct node *value = cursor_tree(c, l->scratch);

	if (value)
		read_template(l, name, value);
	return value;
}

/* A map whose values are read one at a time; pull says false once the document is bad. */
static void read_entries(struct loader *l, struct cursor *c, const char *key,
			 bool (*pull)(struct loader *, struct cursor *, const struct node *))
{
	if (cursor_peek(c) != DOC_MAP) {
		struct node *n = cursor_tree(c, l->scratch);

		if (n)
			bad_value(l, key, "a map", n);
		return;
	}
	cursor_next(c, NULL);
	while (cursor_peek(c) == DOC_SCALAR) {
		const struct node *name = cursor_tree(c, l->scratch);

		if (!name || !pull(l, c, name))
			return;
		scratch_tidy(l);
	}
	cursor_next(c, NULL);
}

static void read_version(struct loader *l, const struct node *n)
{
	if (n->kind == NODE_SCALAR && !strcmp(n->text, "1"))
		return;
	bad_value(l, "jobfile", "1", n);
	if (n->kind == NODE_SCALAR && n->text[0] >= '1' && n->text[0] <= '9')
		diag_hint(l->d, "1 is the only version of the language that this orchmake knows");
}

static void read_default_target(struct loader *l, const struct node *n)
{
	struct file *f = l->file;

	if (!say_once(l, "default", n->mark) || !read_text(l, "default", n, &f->default_target))
		return;
	f->default_mark = n->mark;
	if (!f->ns)
		l->jf->default_target = f->default_target;
}

static void read_description(struct loader *l, const struct node *n)
{
	const char *description;

	if (read_text(l, "description", n, &description) && !l->jf->description)
		l->jf->description = description;
}

static void read_file_params(struct loader *l, const struct node *n)
{
	read_params(l, n, true, &l->jf->params);
}

static void read_file_env(struct loader *l, const struct node *n)
{
	read_value_map(l, "env", n, true, &l->file->env);
}

static void read_file_dotenv(struct loader *l, const struct node *n)
{
	read_texts(l, "dotenv", n, &l->file->dotenv);
}

static void read_defaults(struct loader *l, const struct node *n)
{
	read_traits(l, &l->file->defaults, n, IN_DEFAULTS, "'defaults'");
}

static void use_file_key(struct loader *l, enum key key, const struct node *n)
{
	static void (*const readers[KEY_COUNT])(struct loader *, const struct node *) = {
		[KEY_callables] = read_callables,
		[KEY_default] = read_default_target,
		[KEY_defaults] = read_defaults,
		[KEY_description] = read_description,
		[KEY_dotenv] = read_file_dotenv,
		[KEY_env] = read_file_env,
		[KEY_env_policy] = read_env_policy,
		[KEY_hooks] = read_hooks,
		[KEY_include] = read_includes,
		[KEY_jobfile] = read_version,
		[KEY_ledger] = read_ledger,
		[KEY_locks] = read_locks,
		[KEY_params] = read_file_params,
		[KEY_pools] = read_pools,
		[KEY_secrets] = read_secrets,
		[KEY_stores] = read_stores,
		[KEY_vars] = read_vars,
	};

	BUG_UNLESS(readers[key]);
	readers[key](l, n);
}

/* One pair of the outermost map; false at its end. */
static bool read_pair(struct loader *l, struct cursor *c)
{
	const struct node *name, *value;
	enum key key;

	if (cursor_peek(c) != DOC_SCALAR)
		return false;
	name = cursor_tree(c, l->scratch);
	if (!name)
		return false;
	if (!read_key(l, name, IN_FILE, "the file", &key))
		return cursor_skip(c);
	if (key == KEY_jobs) {
		read_entries(l, c, "jobs", pull_job);
	} else if (key == KEY_templates) {
		read_entries(l, c, "templates", pull_template);
	} else {
		value = cursor_tree(c, l->scratch);
		if (!value)
			return false;
		use_file_key(l, key, value);
	}
	scratch_tidy(l);
	return true;
}

void read_native(struct loader *l, struct cursor *c)
{
	while (read_pair(l, c))
		;
}
