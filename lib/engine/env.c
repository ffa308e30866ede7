/* Environments: process, dotenv, file, job, step; the nearest wins. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/vec.h"
#include "engine/engine_impl.h"

enum { DOTENV_MAX = 1 << 20 };

static const char BLANKS[] = " \t\r"; /* \r: a file from elsewhere */

/* A run of short steps spends a tenth of its own time here: no format. */
static char *name_and_value(const char *name, const char *value)
{
	size_t n = strlen(name), len = strlen(value);
	char *text = xmalloc(n + 1 + len + 1);

	memcpy(text, name, n);
	text[n] = '=';
	memcpy(text + n + 1, value, len + 1);
	return text;
}

void env_set(struct env_list *l, const char *name, const char *value)
{
	uintptr_t at = (uintptr_t)map_get(&l->index, name);
	char *text = value ? name_and_value(name, value) : NULL;

	if (at) {
		free(l->text[at - 1]);
		l->text[at - 1] = text;
		return;
	}
	VEC_PUSH(l->text, l->n, l->room, text);
	map_put(&l->index, name, (void *)(uintptr_t)l->n);
}

const char *env_get(const struct env_list *l, const char *name)
{
	for (; l; l = l->base) {
		uintptr_t at = (uintptr_t)map_get(&l->index, name);

		if (at)
			return l->text[at - 1] ? l->text[at - 1] + strlen(name) + 1 : NULL;
	}
	return NULL;
}

size_t env_texts(const struct env_list *l, const char **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->text[i])
			ret[n++] = l->text[i];
	for (size_t i = 0; l->base && i < l->base->n; i++)
		if (l->base->text[i] && !map_has_same(&l->index, &l->base->index.entry[i]))
			ret[n++] = l->base->text[i];
	return n;
}

void env_release(struct env_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->text[i]);
	free(l->text);
	map_release(&l->index);
	*l = (struct env_list){0};
}

/* --- dotenv --------------------------------------------------------------------------------------- */

static bool is_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(s[i] == '_' || (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= 'a' && s[i] <= 'z') ||
		      (i && s[i] >= '0' && s[i] <= '9')))
			return false;
	return n > 0;
}

/*
 * The text between quotes, in place.  Between double ones \", \\, \$ and \` mean what they do in a shell, and
 * \n is a new line; nothing is expanded.  What is wrong, or NULL.
 */
static const char *unquote(char *s)
{
	char quote = *s, *to = s;
	char *from = s + 1;

	for (; *from && *from != quote; from++) {
		if (quote == '"' && *from == '\\' && from[1] && strchr("n\"\\$`", from[1])) {
			from++;
			*to++ = *from == 'n' ? '\n' : *from;
		} else {
			*to++ = *from;
		}
	}
	if (!*from)
		return "a quote is not closed";
	from += 1 + strspn(from + 1, BLANKS);
	if (*from && *from != '#')
		return "there is text behind the closing quote";
	*to = 0;
	return NULL;
}

/* Without quotes: up to a # behind a blank, without blanks around it. */
static char *bare_value(char *value)
{
	char *end = value;

	while (*end && !(*end == '#' && end > value && strchr(BLANKS, end[-1])))
		end++;
	while (end > value && strchr(BLANKS, end[-1]))
		end--;
	*end = 0;
	return value + strspn(value, BLANKS);
}

static const char *dotenv_line(struct env_list *l, char *line)
{
	const char *why = NULL;
	char *eq, *value;

	line += strspn(line, BLANKS);
	if (!*line || *line == '#')
		return NULL;
	if (!strncmp(line, "export", 6) && strchr(" \t", line[6]) && line[6])
		line += 6 + strspn(line + 6, " \t");
	eq = strchr(line, '=');
	if (!eq || !is_name(line, (size_t)(eq - line)))
		return "not NAME=VALUE";
	*eq = 0;
	value = eq + 1 + strspn(eq + 1, BLANKS);
	if (*value == '"' || *value == '\'')
		why = unquote(value);
	else
		value = bare_value(eq + 1);
	if (!why)
		env_set(l, line, value);
	return why;
}

bool env_read_dotenv(struct env_list *l, const char *path, bool may_miss, struct buf *err)
{
	struct buf text = BUF_INIT;
	const char *why = NULL;
	int number = 0;

	if (file_read(path, &text, DOTENV_MAX) < 0) {
		bool missing = errno == ENOENT;

		if (!missing || !may_miss)
			buf_addf(err, "cannot read the dotenv file '%s': %s", path, strerror(errno));
		buf_release(&text);
		return missing && may_miss;
	}
	if (strlen(text.data) != text.len) {
		buf_addf(err, "the dotenv file '%s' holds a NUL character", path);
		buf_release(&text);
		return false;
	}
	for (char *line = text.data, *next; line && !why; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		number++;
		why = dotenv_line(l, line);
	}
	if (why)
		buf_addf(err, "%s:%d: %s", path, number, why);
	buf_release(&text);
	return !why;
}

static bool read_dotenvs(const struct engine *e, struct env_list *l, const struct text_list *files, struct buf *err)
{
	for (size_t i = 0; i < files->n; i++) {
		char *name = xstrdup(files->text[i]), *path;
		size_t n = strlen(name);
		bool may_miss = n && name[n - 1] == '?', good;

		if (may_miss)
			name[n - 1] = 0;
		sights_look(draft_files(e), e->root, name);
		path = path_join(e->root, name);
		good = env_read_dotenv(l, path, may_miss, err);
		free(path);
		free(name);
		if (!good)
			return false;
	}
	return true;
}

/* --- layers ----------------------------------------------------------------------------------------- */

struct lateness {
	const struct jobfile *jf;
	bool late;
};

static void look_for_late(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m)
{
	struct lateness *found = ctx;
	const struct var *var = root == ROOT_VARS && n ? var_find(found->jf, path[0]) : NULL;

	(void)m;
	found->late |= root == ROOT_SECRETS || (var && var->late);
}

bool env_is_late(const struct jobfile *jf, const struct value *v)
{
	struct lateness found = {.jf = jf};

	value_names(v, look_for_late, &found);
	return found.late;
}

/* Whether steps inherit it: what a make above us, or an orchmake, meant for itself they do not. */
static bool is_inherited(const struct env_rule *rule, const char *name)
{
	if (!strcmp(name, "MAKEFLAGS") || !strcmp(name, "MFLAGS") || !strcmp(name, "MAKELEVEL") ||
	    !strncmp(name, "ORCHMAKE_", 9))
		return false;
	if (rule->policy == ENV_INHERIT)
		return true;
	for (size_t i = 0; i < rule->keep.n; i++)
		if (!fnmatch(rule->keep.text[i], name, 0))
			return true;
	return false;
}

static bool apply_one(struct env_list *l, const char *name, const struct value *v, const struct expr_world *w,
		      struct buf *err)
{
	struct buf text = BUF_INIT;
	bool good = !v || value_text(v, w, &text, err);

	if (!good) {
		buf_addf(err, " (in env.%s)", name);
	} else if (strlen(text.data) != text.len) {
		buf_addf(err, "env.%s holds a NUL character", name);
		good = false;
	} else {
		env_set(l, name, v ? text.data : NULL);
	}
	buf_release(&text);
	return good;
}

/* The source of a secret is no step's. */
bool env_is_fixed(struct engine *e, const char *name)
{
	if (e->o->env_wins)
		draft_env(e, name);
	return e->o->env_wins && environ_get(e->o->environ, name) && is_inherited(&e->jf->env_rule, name) &&
	       !values_takes(e->values, name);
}

static bool apply_map(struct engine *e, struct env_list *l, const struct value_map *m, const struct expr_world *w,
		      struct buf *err)
{
	for (size_t i = 0; i < m->n; i++)
		if (!env_is_fixed(e, m->name[i]) && !apply_one(l, m->name[i], m->value[i], w, err))
			return false;
	return true;
}

/* What can be known before anything runs; a step has all of its file's env as its own. */
static bool apply_early(struct engine *e, struct env_list *l, const struct value_map *m, const struct expr_world *w,
			struct buf *err)
{
	for (size_t i = 0; i < m->n; i++)
		if (!(m->value[i] && env_is_late(e->jf, m->value[i])) && !env_is_fixed(e, m->name[i]) &&
		    !apply_one(l, m->name[i], m->value[i], w, err))
			return false;
	return true;
}

/* What dotenv files have put into l gives way to the process under -e. */
static void give_way(struct engine *e, struct env_list *l)
{
	for (size_t i = 0; e->o->env_wins && i < l->n; i++) {
		const char *name = l->index.entry[i].key;

		if (env_is_fixed(e, name))
			env_set(l, name, environ_get(e->o->environ, name));
	}
}

/* What the process got. */
static void from_process(struct env_list *l, const struct env_rule *rule, const char *const *env)
{
	for (; env && *env; env++) {
		const char *eq = strchr(*env, '=');
		char *name;

		if (!eq || eq == *env)
			continue;
		name = xstrndup(*env, (size_t)(eq - *env));
		if (is_inherited(rule, name))
			env_set(l, name, eq + 1);
		free(name);
	}
}

static size_t file_number(const struct jobfile *jf, const struct file *f)
{
	for (size_t i = 0; i < jf->n_files; i++)
		if (jf->file[i] == f)
			return i;
	BUG("a file that is not of this Jobfile");
}

/* dotenv and env of f and of the documents that include it, outermost first. */
static bool apply_file(struct engine *e, struct env_list *l, const struct file *f, struct buf *err)
{
	const struct file **chain = NULL;
	size_t n = 0, room = 0;
	struct unit_world w;
	struct expr_world xw;
	bool good = true;

	for (; f; f = f->included_by)
		VEC_PUSH(chain, n, room, f);
	for (size_t i = n; good && i-- > 0;)
		good = read_dotenvs(e, l, &chain[i]->dotenv, err);
	give_way(e, l);
	values_take_env(e->values, l);
	scope_world_init(&w, e, SCOPE_NONE);
	w.env = l;
	xw = unit_world_expr(&w);
	for (size_t i = n; good && i-- > 0;)
		good = apply_early(e, l, &chain[i]->env, &xw, err);
	unit_world_release(&w);
	free(chain);
	return good;
}

static bool path_holds(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	for (const char *at = path; at; at = strchr(at, ':')) {
		at += *at == ':';
		if (!strncmp(at, folder, n) && (at[n] == ':' || !at[n]))
			return true;
	}
	return false;
}

/* Our own small programs are found by name, behind everything of the user's. */
static void add_to_path(const struct engine *e, struct env_list *env)
{
	const char *path = env_get(env, "PATH");
	char *longer;

	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	if (!e->o->libexec || path_holds(path, e->o->libexec))
		return;
	longer = xasprintf("%s:%s", path, e->o->libexec);
	env_set(env, "PATH", longer);
	free(longer);
}

bool engine_file_envs(struct engine *e, struct diags *d)
{
	struct buf err = BUF_INIT;
	bool good = true;

	e->file_env = xcalloc(e->jf->n_files, sizeof(*e->file_env));
	for (size_t i = 0; i < e->jf->n_files; i++) {
		from_process(&e->file_env[i], &e->jf->env_rule, e->o->environ);
		buf_reset(&err);
		if (!apply_file(e, &e->file_env[i], e->jf->file[i], &err) && engine_has_namespace(e, e->jf->file[i]->ns)) {
			diag_error(d, MARK_NONE, "%s", err.data);
			good = false;
		}
		add_to_path(e, &e->file_env[i]);
	}
	buf_release(&err);
	return good;
}

/* A gate has no step: it sees what the job itself says. */
static const struct traits *traits_of(const struct engine *e, const struct unit_world *w, const struct file **ret_file)
{
	const struct job *j = w->step ? w->step->job : e->x->scope[w->scope].job;

	*ret_file = j->file;
	return w->step ? &w->step->t : &j->t;
}

bool engine_step_env(struct engine *e, struct unit_world *w, struct env_list *l, enum env_reach reach, struct buf *err)
{
	const struct file *file;
	const struct traits *t = traits_of(e, w, &file);
	struct expr_world xw;
	bool good;

	l->base = &e->file_env[file_number(e->jf, file)];
	w->env = l; /* a later value may use an earlier one */
	xw = unit_world_expr(w);
	if (!read_dotenvs(e, l, &t->policy->dotenv, err))
		return false;
	give_way(e, l);
	values_take_env(e->values, l);
	w->hides = true;
	good = reach == ENV_ALL ? apply_map(e, l, &t->policy->env, &xw, err) : apply_early(e, l, &t->policy->env, &xw, err);
	w->hides = false;
	if (!good)
		return false;
	if (map_has(&l->index, "PATH") && env_get(l, "PATH"))
		add_to_path(e, l);
	return true;
}

void engine_known_env(struct engine *e, struct unit_world *w, struct env_list *l, bool (*is_later)(void *ctx, size_t i),
		      void *ctx)
{
	const struct file *file;
	const struct traits *t = traits_of(e, w, &file);
	struct buf ignored = BUF_INIT;
	struct expr_world xw;

	l->base = &e->file_env[file_number(e->jf, file)];
	w->env = l;
	xw = unit_world_expr(w);
	(void)read_dotenvs(e, l, &t->policy->dotenv, &ignored);
	give_way(e, l);
	values_take_env(e->values, l);
	for (size_t i = 0; i < t->policy->env.n; i++) {
		if (env_is_fixed(e, t->policy->env.name[i]) || (t->policy->env.value[i] && is_later(ctx, i)))
			continue;
		if (!apply_one(l, t->policy->env.name[i], t->policy->env.value[i], &xw, &ignored))
			env_set(l, t->policy->env.name[i], NULL);
	}
	buf_release(&ignored);
}

bool engine_late_env(struct engine *e, struct unit_world *w, struct env_list *l, const char *name, struct buf *err)
{
	const struct file *file;
	const struct traits *t = traits_of(e, w, &file);
	const struct expr_world xw = unit_world_expr(w);
	bool good = true;

	w->hides = true;
	for (size_t i = 0; !env_is_fixed(e, name) && i < t->policy->env.n; i++)
		if (!strcmp(t->policy->env.name[i], name) && t->policy->env.value[i] && env_is_late(e->jf, t->policy->env.value[i]))
			good = apply_one(l, name, t->policy->env.value[i], &xw, err);
	w->hides = false;
	return good;
}
