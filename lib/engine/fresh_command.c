/* What a step would do, as text that is hashed: everything that decides what comes out but its files. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "doc/json.h"
#include "engine/engine_impl.h"
#include "engine/fresh.h"

static void part(struct buf *out, const char *name, const char *text)
{
	size_t len = strlen(text);
	char digits[24], *at = digits + sizeof(digits);

	*--at = 0;
	for (size_t n = len; n || !*at; n /= 10)
		*--at = (char)('0' + n % 10);
	buf_puts(out, name);
	buf_putc(out, ' ');
	buf_puts(out, at);
	buf_putc(out, ' ');
	buf_add(out, text, len);
	buf_putc(out, '\n');
}

static bool value_part(struct buf *out, const char *name, const struct value *v, const struct expr_world *w,
		       struct buf *err)
{
	struct buf text = BUF_INIT;
	json_t *got = v ? value_eval(v, w, err) : NULL;

	if (got) {
		json_canonical(&text, got, JSON_TIGHT);
		part(out, name, text.data);
	}
	buf_release(&text);
	json_decref(got);
	return got || !v;
}

static bool list_part(struct buf *out, const char *name, const struct value_list *l, const struct expr_world *w,
		      struct buf *err)
{
	for (size_t i = 0; i < l->n; i++)
		if (!value_part(out, name, l->value[i], w, err))
			return false;
	return true;
}

static bool map_part(struct buf *out, const struct value_map *m, const struct expr_world *w, struct buf *err)
{
	for (size_t i = 0; i < m->n; i++)
		if (!value_part(out, m->name[i], m->value[i], w, err))
			return false;
	return true;
}

/* What a person is shown. */
static bool question_part(const struct approve_spec *a, const struct expr_world *w, struct buf *out, struct buf *err)
{
	return !a || (value_part(out, "prompt", a->prompt, w, err) && value_part(out, "show", a->show, w, err));
}

static bool action_part(struct engine *e, const struct step *st, const struct expr_world *w, struct buf *out,
			struct buf *err)
{
	const struct traits *t = &st->t;
	const struct callable *c = t->act->kind == ACT_CALL ? callable_find(e->jf, t->act->call) : NULL;

	part(out, "rule", fresh_word(fresh_kind_of(t)));
	if (t->act->run)
		part(out, "run", t->act->run);
	for (size_t i = 0; i < t->policy->shell.n; i++)
		part(out, "shell", t->policy->shell.text[i]);
	if (t->act->call)
		part(out, "call", t->act->call);
	return list_part(out, "argv", &t->act->argv, w, err) && value_part(out, "with", t->act->with, w, err) &&
	       (!c || (list_part(out, "callable", &c->argv, w, err) && map_part(out, &c->env, w, err))) &&
	       question_part(t->act->approve, w, out, err) && value_part(out, "cwd", t->policy->cwd, w, err) && value_part(out, "stdout", t->policy->stdout_to, w, err) &&
	       value_part(out, "stderr", t->policy->stderr_to, w, err);
}

/* Of the environment what the documents declare: not what the process happens to have. */
static bool env_part(struct engine *e, struct unit_world *w, struct buf *out, struct buf *err)
{
	struct env_list env = {0};
	bool good = engine_step_env(e, w, &env, ENV_ALL, err);

	for (size_t i = 0; good && i < env.n; i++)
		part(out, "env", env.text[i] ? env.text[i] : "");
	w->env = NULL;
	env_release(&env);
	return good;
}

static void values_part(const struct step *st, const struct expr_world *w, struct buf *out)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < st->t.flow->n_consumes; i++) {
		const json_t *v = w->get(w->ctx, ROOT_CONSUMES, st->t.flow->consume[i].name);

		buf_reset(&text);
		if (v)
			json_canonical(&text, v, JSON_TIGHT);
		part(out, st->t.flow->consume[i].name, text.data);
	}
	buf_release(&text);
}

bool fresh_command(struct engine *e, uint32_t unit, struct fresh_mark *ret, struct buf *err)
{
	struct buf text = BUF_INIT;
	struct unit_world w;
	struct expr_world xw;
	bool good;

	unit_world_init(&w, e, unit);
	w.veils = true;
	xw = unit_world_expr(&w);
	good = env_part(e, &w, &text, err) && action_part(e, w.step, &xw, &text, err);
	ret->command = hash_of(text.data, text.len);
	buf_reset(&text);
	if (good)
		values_part(w.step, &xw, &text);
	ret->values = hash_of(text.data, text.len);
	unit_world_release(&w);
	buf_release(&text);
	return good;
}

static bool add_name(struct engine *e, const json_t *v, struct map *ret, struct buf *err)
{
	struct buf text = BUF_INIT, path = BUF_INIT;
	bool good;

	json_as_text(&text, v);
	good = text.len && strlen(text.data) == text.len;
	if (good) {
		path_clean(&path, e->root, text.data);
		(void)map_intern(ret, path.data);
	} else {
		buf_puts(err, text.len ? "the name of a file holds a NUL character" : "the name of a file is empty");
	}
	buf_release(&text);
	buf_release(&path);
	return good;
}

static bool add_names(struct engine *e, const json_t *v, struct map *ret, struct buf *err)
{
	const json_t *item;
	size_t i;

	if (!json_is_array(v))
		return add_name(e, v, ret, err);
	json_array_foreach (v, i, item)
		if (!add_name(e, item, ret, err))
			return false;
	return true;
}

static bool add_value(struct engine *e, const struct value *name, const struct expr_world *w, struct map *ret, struct buf *err)
{
	json_t *v = value_eval(name, w, err);
	bool good = v && add_names(e, v, ret, err);

	json_decref(v);
	return good;
}

bool fresh_names(struct engine *e, uint32_t unit, bool inputs, struct map *ret, struct buf *err)
{
	const struct flow *f = e->x->place[unit].step->t.flow;
	const struct value_list *list = inputs ? &f->input : &f->output;
	struct buf ignored = BUF_INIT;
	struct unit_world w;
	struct expr_world xw;
	bool good = true;

	if (!list->n && !f->depfile)
		return true;
	unit_world_init(&w, e, unit);
	xw = unit_world_expr(&w);
	for (size_t i = 0; good && i < list->n; i++)
		good = add_value(e, list->value[i], &xw, ret, err);
	if (good && f->depfile && !inputs)
		good = add_value(e, f->depfile, &xw, ret, err);
	unit_world_release(&w);
	if (good && f->depfile && inputs)
		(void)fresh_found(e, unit, ret, &ignored); /* one that is no rule is not what the step left */
	buf_release(&ignored);
	return good;
}
