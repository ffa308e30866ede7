/* The targets of a Makefile as jobs. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/quote.h"
#include "base/vec.h"
#include "import/make.h"
#include "import/names.h"

static void set_text(json_t *map, const char *key, const char *text)
{
	(void)json_object_set_new(map, key, json_string(text));
}

static void set_list(json_t *map, const char *key, json_t *list)
{
	if (json_array_size(list))
		(void)json_object_set(map, key, list);
	json_decref(list);
}

static void add_once(json_t *list, const char *text)
{
	size_t i;
	json_t *one;

	json_array_foreach (list, i, one)
		if (!strcmp(json_string_value(one), text))
			return;
	(void)json_array_append_new(list, json_string(text));
}

/* --- what a target needs ----------------------------------------------------------------------------------- */

struct edges {
	struct mk *m;
	const struct mk_target *t;
	json_t *needs, *inputs; /* jobs; files */
	bool always;		/* one of them is made anew each time, and so is this */
	struct map seen;
	struct mk_words left;
	size_t at;
};

static void say_missing(struct mk *m, const struct mk_word *w)
{
	if (!mk_is_there(m, w->name) && !w->name[strcspn(w->name, "*?[")]) {
		diag_warn(m->d, w->mark, "nothing makes '%s', and it is not there", w->name);
		diag_hint(m->d, "if make has a rule of its own for it, write that rule");
	}
}

/* It is there, and is as new as what it needs: that counts instead. */
static void look_through(struct edges *e, const struct mk_target *of)
{
	for (size_t i = 0; i < of->need.n; i++)
		VEC_PUSH(e->left.at, e->left.n, e->left.room, of->need.at[i]);
}

static void add_edge(struct edges *e, const struct mk_word *w, bool order)
{
	const struct mk_target *of = map_get(&e->m->target, w->name);
	bool is_file = of && of->acts && !of->phony && !of->is_dir;

	if (map_has(&e->seen, w->name))
		return;
	(void)map_intern(&e->seen, w->name);
	if (!of)
		say_missing(e->m, w);
	if (of && of->job && (!is_file || order || !e->inputs))
		add_once(e->needs, of->job);
	else if (e->inputs && !order && !mk_is_folder(e->m, w->name))
		add_once(e->inputs, w->name);
	if (of && !of->job)
		look_through(e, of);
	e->always |= of && !order && mk_is_always(e->m, of);
}

/* word: a target that is no file has no inputs, for then it would be looked whether there is anything to do. */
static void find_edges(struct edges *e, struct mk *m, const struct mk_target *t, bool word)
{
	*e = (struct edges){.m = m, .t = t, .needs = json_array(), .inputs = word ? NULL : json_array()};
	for (size_t i = 0; i < t->need.n; i++)
		add_edge(e, &t->need.at[i], false);
	for (; e->at < e->left.n; e->at++) {
		struct mk_word w = e->left.at[e->at];

		add_edge(e, &w, false);
	}
	for (size_t i = 0; i < t->order.n; i++)
		add_edge(e, &t->order.at[i], true);
	free(e->left.at);
	map_release(&e->seen);
}

/* --- a job -------------------------------------------------------------------------------------------------- */

static json_t *made_together(const struct mk *m, const struct mk_target *leader)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->target.n; i++) {
		const struct mk_target *t = m->target.entry[i].value;

		if (t->leader == leader && (t->acts || t == leader))
			add_once(list, t->name);
	}
	return list;
}

static void set_order(json_t *job, const struct mk *m, const struct mk_target *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->before.n; i++) {
		const struct mk_target *first = map_get(&m->target, t->before.entry[i].key);

		if (first->job)
			add_once(list, first->job);
	}
	set_list(job, "after", list);
}

static void set_files(json_t *job, struct mk *m, const struct mk_target *t, bool always)
{
	struct buf probe = BUF_INIT;

	if (t->is_dir) {
		buf_puts(&probe, "test -d ");
		quote_text(&probe, t->name);
		(void)json_object_set_new(job, "fresh", json_pack("{s:s}", "run", probe.data));
	} else {
		set_list(job, "outputs", made_together(m, t));
		set_text(job, "fresh", always ? "always" : "mtime");
		if (mk_depfile(m, t, &probe))
			set_text(job, "depfile", probe.data);
	}
	buf_release(&probe);
}

static void set_action(json_t *job, struct mk *m, const struct mk_target *t)
{
	struct buf text = BUF_INIT;
	json_t *env = json_object();

	mk_recipe(m, t, &text, env);
	if (json_object_size(env))
		(void)json_object_set(job, "env", env);
	set_text(job, "run", text.data);
	json_decref(env);
	buf_release(&text);
}

static json_t *job_of(struct mk *m, const struct mk_target *t)
{
	bool word = t->phony || !t->acts || t->is_dir;
	json_t *job = json_object();
	struct edges e;

	find_edges(&e, m, t, word);
	set_list(job, "needs", e.needs);
	set_order(job, m, t);
	if (e.inputs)
		set_list(job, "inputs", e.inputs);
	if (t->acts && !t->phony)
		set_files(job, m, t, e.always);
	if (t->acts)
		set_action(job, m, t);
	else
		(void)json_object_set_new(job, "noop", json_true());
	return job;
}

/* --- names ----------------------------------------------------------------------------------------------------- */

static bool is_job(const struct mk *m, const struct mk_target *t)
{
	return t->leader == t && (t->acts || mk_is_always(m, t));
}

static void name_jobs(struct mk *m, struct job_names *names)
{
	for (size_t i = 0; i < m->target.n; i++) {
		struct mk_target *t = m->target.entry[i].value;

		if (!is_job(m, t))
			continue;
		t->job = job_name(names, m->where, t->name, "make");
		if (strcmp(t->job, t->name) && (t->phony || !t->acts))
			diag_warn(m->d, t->mark, "a job may not be called '%s': here it is '%s'", t->name, t->job);
	}
	for (size_t i = 0; i < m->target.n; i++) {
		struct mk_target *t = m->target.entry[i].value;

		if (t->leader != t && t->acts)
			t->job = t->leader->job;
	}
}

/* --- the file --------------------------------------------------------------------------------------------------- */

static json_t *shell_of(struct mk *m)
{
	struct mk_var *v = mk_var(m, "SHELL", strlen("SHELL"), MARK_NONE);
	struct mk_words words = {0};
	json_t *list = json_array();

	mk_words_of(m, &v->value, &words);
	for (size_t i = 0; i < words.n; i++)
		(void)json_array_append_new(list, json_string(words.at[i].name));
	(void)json_array_append_new(list, json_string(m->posix ? "-ec" : "-c"));
	free(words.at);
	return list;
}

static void set_defaults(struct mk *m, json_t *doc)
{
	json_t *defaults = json_object();

	(void)json_object_set_new(defaults, "shell", shell_of(m));
	if (m->alone)
		set_text(defaults, "slots", "all");
	(void)json_object_set_new(doc, "defaults", defaults);
}

static json_t *param_of(const struct mk_var *v, const char *value)
{
	json_t *p = json_object();

	set_text(p, "default", value);
	if (v->from_environment)
		set_text(p, "from_env", v->name);
	return p;
}

static void say_fixed(struct mk *m, const struct mk_var *v)
{
	diag_warn(m->d, v->mark, "'%s' cannot be given on the command line here: it is what a command prints", v->name);
}

/* A parameter's default may use those in front of it only. */
struct declared {
	struct mk *m;
	json_t *params, *vars;
};

static void declare_next(struct declared *d, struct mk_var *v, size_t *i);

static void declare(struct declared *d, struct mk_var *v)
{
	struct buf value = BUF_INIT;

	if (json_object_get(d->params, v->name) || json_object_get(d->vars, v->name))
		return;
	if (v->shell) {
		(void)json_object_set_new(d->vars, v->name, json_pack("{s:s}", "sh", v->shell));
		say_fixed(d->m, v);
		return;
	}
	for (size_t i = 0; i < v->value.n; i++)
		declare_next(d, v, &i);
	mk_value(d->m, v, &value);
	if (mk_is_late(d->m, v))
		set_text(d->vars, v->name, value.data);
	else
		(void)json_object_set_new(d->params, v->name, param_of(v, value.data));
	buf_release(&value);
}

static void declare_next(struct declared *d, struct mk_var *v, size_t *i)
{
	struct mk_var *of = v->value.s[*i] == '$' ? mk_made_of(d->m, v, i) : NULL;

	if (of && !of->written_out)
		declare(d, of);
}

static void set_if_any(json_t *doc, const char *key, json_t *map)
{
	if (json_object_size(map))
		(void)json_object_set(doc, key, map);
	json_decref(map);
}

static void set_variables(struct mk *m, json_t *doc)
{
	struct declared d = {m, json_object(), json_object()};

	for (size_t i = 0; i < m->var.n; i++)
		if (((struct mk_var *)m->var.entry[i].value)->used)
			declare(&d, m->var.entry[i].value);
	set_if_any(doc, "params", d.params);
	set_if_any(doc, "vars", d.vars);
}

static void set_exports(struct mk *m, json_t *doc)
{
	json_t *env = json_object();

	for (size_t i = 0; i < m->var.n; i++) {
		struct mk_var *v = m->var.entry[i].value;
		struct buf value = BUF_INIT;

		if (!v->exported)
			continue;
		if (mk_stays(m, v))
			mk_value_of(m, v, &value);
		else
			mk_expand(m, &v->value, MK_LATE, &value);
		set_text(env, v->name, value.data);
		buf_release(&value);
	}
	set_if_any(doc, "env", env);
}

static json_t *jobs_of(struct mk *m)
{
	json_t *jobs = json_object();

	for (size_t i = 0; i < m->target.n; i++) {
		const struct mk_target *t = m->target.entry[i].value;

		if (is_job(m, t))
			(void)json_object_set_new(jobs, t->job, job_of(m, t));
	}
	return jobs;
}

static void set_default(struct mk *m, json_t *doc)
{
	const struct mk_target *t = m->first ? map_get(&m->target, m->first) : NULL;

	if (t && t->job)
		set_text(doc, "default", t->job);
}

json_t *mk_write(struct mk *m)
{
	struct job_names names = {0};
	json_t *doc = json_object(), *jobs;

	(void)json_object_set_new(doc, "jobfile", json_integer(1));
	name_jobs(m, &names);
	set_default(m, doc);
	jobs = jobs_of(m);
	mk_check_depfiles(m);
	set_exports(m, doc);
	set_variables(m, doc);
	set_defaults(m, doc);
	(void)json_object_set_new(doc, "jobs", jobs);
	job_names_release(&names);
	return doc;
}
