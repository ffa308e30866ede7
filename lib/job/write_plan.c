#include "job/write_plan.h"

#include <string.h>

#include "base/bug.h"
#include "doc/json.h"
#include "job/plan_keys.h"
#include "job/read.h"
#include "job/write_impl.h"

enum {
	GRACE_MS = 2000,		       /* what a plan has unless it says otherwise */
	NO_TIMEOUT_SEC = 365 * 24 * 60 * 60, /* a plan always has a timeout; this one stands for none */
	WIDTH_MAX = UINT16_MAX,
};

struct writing {
	const struct job *j;
	const struct step *st; /* that is being written */
	json_t *out;	       /* its map */
	struct diags *d;
};

static const char *name_of(const struct writing *w)
{
	return w->st->id[0] ? w->st->id : w->j->name;
}

static void cannot(const struct writing *w, const char *what)
{
	diag_error(w->d, w->st ? step_mark(w->st) : w->j->mark, "%s '%s': a plan has no word for %s",
		   w->st ? "step" : "job", w->st ? name_of(w) : w->j->name, what);
}

static json_t *seconds_json(int64_t ms)
{
	return ms % 1000 ? json_real((double)ms / 1000) : json_integer(ms / 1000);
}

/* --- values ----------------------------------------------------------------------------------- */

/* The length of `${{ params.NAME }}` at p, which is appended as a plan's variable; 0 if it is something else. */
static size_t say_param(const char *p, struct buf *out)
{
	static const char head[] = "${{ params.", tail[] = " }}";
	const char *name = p + sizeof(head) - 1;
	size_t n;

	if (strncmp(p, head, sizeof(head) - 1))
		return 0;
	n = strcspn(name, " .[?}");
	if (!n || strncmp(name + n, tail, sizeof(tail) - 1))
		return 0;
	buf_addf(out, "${%.*s}", (int)n, name);
	return sizeof(head) - 1 + n + sizeof(tail) - 1;
}

/* A text as it is written, its params as variables; false if there is any other expression in it. */
static bool say_open_text(const char *p, struct buf *out)
{
	while (*p) {
		size_t n = say_param(p, out);

		if (!n && !strncmp(p, "$${{", 4)) {
			buf_puts(out, "${{");
			n = 4;
		} else if (!n && !strncmp(p, "${{", 3)) {
			return false;
		} else if (!n) {
			buf_putc(out, *p);
			n = 1;
		}
		p += n;
	}
	return true;
}

/* The text of a value, appended; complains about what only a run knows, params left out. */
static void put_value(const struct writing *w, const struct value *v, const char *where, struct buf *out)
{
	const json_t *constant = value_const(v);
	json_t *written = constant ? NULL : value_source(v);

	if (constant)
		json_as_text(out, constant);
	else if (!json_is_string(written) || !say_open_text(json_string_value(written), out))
		diag_error(w->d, value_mark(v), "%s '%s': a plan has no word for an expression in '%s'",
			   w->st ? "step" : "job", w->st ? name_of(w) : w->j->name, where);
	json_decref(written);
}

static json_t *text_of(const struct writing *w, const struct value *v, const char *where)
{
	struct buf text = BUF_INIT;
	json_t *s;

	put_value(w, v, where, &text);
	s = json_string(text.data);
	buf_release(&text);
	return s;
}

/* Whether base, whose entries are shared, has that one just so. */
static bool has_entry(const struct value_map *base, const struct value_map *m, size_t i)
{
	for (size_t k = 0; k < base->n; k++)
		if (base->value[k] == m->value[i] && !strcmp(base->name[k], m->name[i]))
			return true;
	return false;
}

/* What m has beyond base, which may be NULL. */
static json_t *env_json(const struct writing *w, const struct value_map *m, const struct value_map *base)
{
	json_t *map = json_object();

	for (size_t i = 0; i < m->n; i++) {
		if (base && has_entry(base, m, i))
			continue;
		if (m->value[i])
			put(map, m->name[i], text_of(w, m->value[i], "env"));
		else
			cannot(w, "a variable that is taken out of the environment");
	}
	return map;
}

/* --- the action ------------------------------------------------------------------------------- */

/* The first of words is the command, the others its arguments.  Takes words over. */
static void put_command(const struct writing *w, json_t *words)
{
	put(w->out, "command", json_incref(json_array_get(words, 0)));
	json_array_remove(words, 0);
	if (json_array_size(words))
		put(w->out, "args", json_incref(words));
	json_decref(words);
}

static void put_argv(const struct writing *w)
{
	const struct value_list *argv = &w->st->t.act->argv;
	json_t *words = json_array(), *one;
	size_t k;

	for (size_t i = 0; i < argv->n; i++) {
		const json_t *constant = value_const(argv->value[i]);

		if (!json_is_array(constant)) {
			json_array_append_new(words, text_of(w, argv->value[i], "argv"));
			continue;
		}
		json_array_foreach ((json_t *)constant, k, one) {
			struct buf text = BUF_INIT;

			json_as_text(&text, one);
			json_array_append_new(words, json_string(text.data));
			buf_release(&text);
		}
	}
	put_command(w, words);
}

/* Text for a shell is the shell's last argument. */
static void put_run(const struct writing *w)
{
	size_t n;
	const char *const *shell = policy_shell(w->st->t.policy, &n);
	json_t *words = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(words, json_string(shell[i]));
	if (!strncmp(w->st->t.act->run, "#!", 2))
		cannot(w, "a script with a first line of its own");
	json_array_append_new(words, json_string(w->st->t.act->run));
	put_command(w, words);
}

static void put_action(const struct writing *w)
{
	switch (w->st->t.act->kind) {
	case ACT_ARGV:
		put_argv(w);
		break;
	case ACT_RUN:
		put_run(w);
		break;
	case ACT_NOOP:
		put(w->out, "command", json_string("true"));
		break;
	case ACT_NONE:
	case ACT_CALL:
	case ACT_JOB:
	case ACT_APPROVE:
	case ACT_UNTIL:
		cannot(w, act_word(w->st->t.act->kind));
		break;
	}
}

/* --- conditions ------------------------------------------------------------------------------- */

/* What stands for something of a plan in an expression that was made of its condition. */
static const struct {
	const char *head, *tail, *plan_head, *plan_tail;
} phrases[] = {
	{"outcome(steps", ".state)", "prev", ".status"},
	{"(steps", ".exit ?? -1)", "prev", ".exit_code"},
	{"(env", " ?? '')", "env", ""},
	{"(params", " ?? '')", "var", ""},
};

/* The length of a phrase at p, which is appended in the words of a plan; 0: there is none. */
static size_t say_phrase(const char *p, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(phrases); i++) {
		size_t head = strlen(phrases[i].head);
		const char *tail = strncmp(p, phrases[i].head, head) ? NULL : strstr(p + head, phrases[i].tail);

		if (!tail || memchr(p + head, ' ', (size_t)(tail - p) - head))
			continue;
		buf_puts(out, phrases[i].plan_head);
		buf_add(out, p + head, (size_t)(tail - p) - head);
		buf_puts(out, phrases[i].plan_tail);
		return (size_t)(tail - p) + strlen(phrases[i].tail);
	}
	return 0;
}

/* The length of a text in quotes at p, 0 if there is none. */
static size_t quoted_length(const char *p)
{
	const char *end = *p == '\'' || *p == '"' ? strchr(p + 1, *p) : NULL;

	return end ? (size_t)(end - p) + 1 : 0;
}

/* Whether it is in a plan's grammar is seen when the plan is read again. */
static void say_condition(const struct expr *e, struct buf *out)
{
	for (const char *p = expr_text(e); *p;) {
		size_t n = quoted_length(p), phrase = n ? 0 : say_phrase(p, out);

		if (phrase) {
			p += phrase;
			continue;
		}
		n = n ? n : 1;
		buf_add(out, p, n);
		p += n;
	}
}

static void put_conditions(const struct writing *w, const struct buf *more)
{
	const struct traits *t = &w->st->t;
	json_t *skip = json_array();
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < t->policy->when.n; i++) {
		buf_puts(&text, i ? " && " : "");
		buf_puts(&text, t->policy->when.n > 1 || more->len ? "(" : "");
		say_condition(t->policy->when.at[i].expr, &text);
		buf_puts(&text, t->policy->when.n > 1 || more->len ? ")" : "");
	}
	if (more->len)
		buf_addf(&text, "%s%s", text.len ? " && " : "", more->data);
	if (text.len)
		put(w->out, "condition", json_string(text.data));
	for (size_t i = 0; i < t->policy->skip_if.n; i++) {
		buf_reset(&text);
		say_condition(t->policy->skip_if.at[i].expr, &text);
		json_array_append_new(skip, json_string(text.data));
	}
	if (json_array_size(skip))
		put(w->out, "skip_if", json_incref(skip));
	json_decref(skip);
	buf_release(&text);
}

/* --- needs ------------------------------------------------------------------------------------ */

static void mention_step(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m)
{
	struct map *asked = ctx;
	struct buf id = BUF_INIT;

	(void)m;
	for (size_t i = 0; root == ROOT_STEPS && i < n; i++) {
		buf_addf(&id, "%s%s", i ? "." : "", path[i]);
		map_put(asked, id.data, asked);
	}
	buf_release(&id);
}

/* The steps that the conditions speak of: a need of such a one only waits. */
static void steps_asked(const struct traits *t, struct map *asked)
{
	for (size_t i = 0; i < t->policy->when.n; i++)
		expr_names(t->policy->when.at[i].expr, mention_step, asked);
	for (size_t i = 0; i < t->policy->skip_if.n; i++)
		expr_names(t->policy->skip_if.at[i].expr, mention_step, asked);
}

/* A need with its condition; `more` gets what only a condition can say. */
static void add_need(const struct writing *w, const char *on, enum cond cond, const struct map *asked, json_t *list,
		     struct buf *more)
{
	bool waits = cond == COND_DONE || cond == COND_ANY;

	if (!waits && (cond != COND_OK || map_has(asked, on))) {
		cannot(w, "this condition on a need together with its other keys");
		return;
	}
	json_array_append_new(list, json_string(on));
	if (waits && !map_has(asked, on)) /* what has ended is not pending: always true, and it waits */
		buf_addf(more, "%sprev['%s'].status != 'pending'", more->len ? " && " : "", on);
}

static void put_needs(const struct writing *w)
{
	const struct traits *t = &w->st->t;
	const struct step *before = w->j->kind == JOB_STEPS ? step_before(w->st) : NULL;
	struct map asked = MAP_INIT;
	struct buf more = BUF_INIT;
	json_t *list = json_array();

	steps_asked(t, &asked);
	if (before)
		add_need(w, before->id, COND_OK, &asked, list, &more);
	for (size_t i = 0; i < t->n_needs; i++) {
		if (w->j->kind == JOB_STEPS && step_find(w->j, t->need[i].name))
			add_need(w, t->need[i].name, t->need[i].cond, &asked, list, &more);
		else
			cannot(w, "a need of another job");
	}
	if (json_array_size(list))
		put(w->out, "depends_on", json_incref(list));
	json_decref(list);
	put_conditions(w, &more);
	map_release(&asked);
	buf_release(&more);
}

/* --- how it goes ------------------------------------------------------------------------------ */

static void put_retry(const struct writing *w)
{
	const struct retry_spec *r = w->st->t.policy->retry;
	json_t *exits = json_array();

	put(w->out, "retries", json_integer(r->pace.max));
	if (r->pace.delay_ms)
		put(w->out, "retry_delay_sec", seconds_json(r->pace.delay_ms));
	if (r->pace.backoff == 2)
		put(w->out, "retry_backoff", json_string("exponential"));
	else if (r->pace.backoff != 1)
		cannot(w, "a backoff that is neither 1 nor 2");
	if (r->pace.max_delay_ms)
		put(w->out, "retry_max_delay_sec", seconds_json(r->pace.max_delay_ms));
	if (r->pace.jitter > 0)
		put(w->out, "retry_jitter", json_real(r->pace.jitter));
	for (size_t i = 0; i < r->n_when; i++) {
		if (r->when[i].on == RETRY_EXIT)
			json_array_append_new(exits, json_integer(r->when[i].exit));
		else
			cannot(w, "retries on anything but exit codes");
	}
	if (r->n_not_when)
		cannot(w, "not_when");
	if (json_array_size(exits))
		put(w->out, "retry_on_exit", json_incref(exits));
	json_decref(exits);
}

static void put_policy(const struct writing *w)
{
	const struct traits *t = &w->st->t;

	if (t->policy->on_failure != ON_FAILURE_ABORT)
		put(w->out, "on_failure", json_string(plan_policy_words[t->policy->on_failure]));
	if (t->policy->on_failure == ON_FAILURE_FALLBACK)
		put(w->out, "fallback_step", json_string(t->policy->fallback));
	if (!t->policy->critical)
		put(w->out, "critical", json_false());
	if (!t->policy->critical && t->policy->on_failure == ON_FAILURE_ABORT)
		diag_warn(w->d, step_mark(w->st), "step '%s' is not critical: in a plan its failure aborts nothing", name_of(w));
}

static void put_provides(const struct writing *w, json_t *list)
{
	const struct traits *t = &w->st->t;

	if (json_array_size(list))
		return; /* the plan it came from has said it */
	for (size_t i = 0; i < t->flow->n_provides; i++) {
		if (t->flow->provide[i].from == PROVIDE_PATH)
			json_array_append_new(list, json_sprintf("%s=%s", t->flow->provide[i].name, t->flow->provide[i].path));
		else
			cannot(w, "values that steps provide");
	}
}

/* What the reader of plans has put aside. */
static void put_metadata(const struct writing *w)
{
	json_t *m = w->st->t.metadata ? traits_metadata(&w->st->t) : json_object();
	static const char *const keys[] = {"name", "ui_hints", "provides", "consumes", "metadata"};
	json_t *provides = json_object_get(m, "provides");

	provides = provides ? json_incref(provides) : json_array();
	put_provides(w, provides);
	if (json_array_size(provides))
		json_object_set(m, "provides", provides);
	json_decref(provides);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (json_object_get(m, keys[i]))
			json_object_set(w->out, keys[i], json_object_get(m, keys[i]));
	if (w->st->t.policy->group && !json_object_get(m, "ui_hints"))
		put(w->out, "ui_hints", json_pack("{s:s}", "group", w->st->t.policy->group));
	json_decref(m);
}

static void put_rights(const struct writing *w)
{
	const struct traits *t = &w->st->t;

	if (t->policy->stall_ms)
		put(w->out, "stall_timeout_sec", seconds_json(t->policy->stall_ms));
	if (t->policy->n_locks == 1 && t->policy->lock[0].wait_ms < 0)
		put(w->out, "lock", json_string(t->policy->lock[0].name));
	else if (t->policy->n_locks)
		cannot(w, "several locks, or one with a longest wait");
	if (t->policy->breaker.failures && t->policy->breaker.window_ms < BREAKER_NO_WINDOW_MS)
		cannot(w, "a breaker with a window");
	else if (t->policy->breaker.failures)
		put(w->out, "breaker", json_pack("{s:I, s:o}", "threshold", (json_int_t)t->policy->breaker.failures, "recovery_sec",
						 seconds_json(t->policy->breaker.cooldown_ms)));
}

/* Whether what a step says with this key gets into the plan, or may be left out of it. */
static bool is_said(enum key k)
{
	static const enum key said[] = {
		KEY_description, KEY_group, KEY_labels, KEY_metadata, KEY_private, KEY_extends, KEY_run, KEY_argv, KEY_noop,
		KEY_shell, KEY_needs, KEY_provides, KEY_when, KEY_skip_if, KEY_retry, KEY_timeout, KEY_grace, KEY_stall,
		KEY_on_failure, KEY_critical, KEY_fallback_only, KEY_breaker, KEY_error, KEY_pool, KEY_lock_uses, KEY_cwd, KEY_env,
	};

	for (size_t i = 0; i < ARRAY_LEN(said); i++)
		if (said[i] == k)
			return true;
	return false;
}

/* What the plan would be silent of. */
static void refuse_rest(const struct writing *w)
{
	for (enum key k = 0; k < KEY_COUNT; k++)
		if (traits_has(&w->st->t, k) && !is_said(k))
			cannot(w, key_word(k));
	if (traits_has(&w->st->t, KEY_error))
		diag_warn(w->d, step_mark(w->st), "step '%s': 'error' is left out: a plan finds its own text for a failure",
			  name_of(w));
	if (w->st->t.policy->pool.name && (!w->j->t.policy->pool.name || strcmp(w->st->t.policy->pool.name, w->j->t.policy->pool.name)))
		cannot(w, "a pool of some steps");
	if (w->st->finally)
		cannot(w, "finally");
}

/* --- a step, the plan --------------------------------------------------------------------------- */

/* The traits that `globals` already say: those of a job for its steps. */
static const struct traits *common(const struct job *j)
{
	return j->kind == JOB_STEPS ? &j->t : NULL;
}

static void put_env(const struct writing *w)
{
	const struct traits *base = common(w->j);
	json_t *env = env_json(w, &w->st->t.policy->env, base ? &base->policy->env : NULL);

	if (json_object_size(env))
		json_object_set(w->out, "env", env);
	json_decref(env);
}

static void put_timeout(const struct writing *w)
{
	const struct traits *base = common(w->j);

	if (w->st->t.policy->timeout_ms && (!base || base->policy->timeout_ms != w->st->t.policy->timeout_ms))
		put(w->out, "timeout_sec", seconds_json(w->st->t.policy->timeout_ms));
}

static json_t *step_json(struct writing *w, const struct step *st)
{
	const struct traits *t = &st->t;

	w->st = st;
	w->out = json_object();
	put(w->out, "id", json_string(name_of(w)));
	if (t->description && st->id[0])
		put(w->out, "description", json_string(t->description));
	put_metadata(w);
	if (t->policy->labels.n)
		put(w->out, "tags", text_list_json(&t->policy->labels));
	put_action(w);
	if (t->policy->cwd)
		put(w->out, "cwd", text_of(w, t->policy->cwd, "cwd"));
	put_env(w);
	put_needs(w);
	put_timeout(w);
	if (t->policy->grace_ms != GRACE_MS)
		put(w->out, "critical_grace_period_sec", seconds_json(t->policy->grace_ms));
	if (t->policy->retry)
		put_retry(w);
	put_policy(w);
	put_rights(w);
	refuse_rest(w);
	w->st = NULL;
	return w->out;
}

static void put_plan_metadata(const struct job *j, json_t *plan)
{
	json_t *m = j->t.metadata ? traits_metadata(&j->t) : json_object();
	const char *version = json_str(m, "plan_version"), *doc_id = json_str(m, "doc_id");

	put(plan, "version", json_string(version ? version : "1.0"));
	if (j->t.description)
		put(plan, "description", json_string(j->t.description));
	if (doc_id)
		put(plan, "doc_id", json_string(doc_id));
	json_object_del(m, "plan_version");
	json_object_del(m, "doc_id");
	if (json_object_size(m))
		json_object_set(plan, "metadata", m);
	json_decref(m);
}

/* Native steps run as wide as -j says, so the plan is to be no limit. */
static json_t *globals_json(const struct writing *w)
{
	const struct traits *base = common(w->j);
	json_t *globals = json_pack("{s:i}", "max_concurrency", w->j->width ? (int)w->j->width : (int)WIDTH_MAX);
	json_t *env = base ? env_json(w, &base->policy->env, NULL) : json_object();

	put(globals, "default_timeout_sec",
	    base && base->policy->timeout_ms ? seconds_json(base->policy->timeout_ms) : json_integer(NO_TIMEOUT_SEC));
	if (json_object_size(env))
		json_object_set(globals, "env", env);
	json_decref(env);
	return globals;
}

/* A variable without a value stays as it is written; a param may have another default. */
static void tell_defaults(struct writing *w)
{
	for (size_t i = 0; i < w->j->params.n; i++) {
		const struct param *p = &w->j->params.at[i];
		const json_t *dflt = p->dflt ? value_const(p->dflt) : NULL;
		struct buf itself = BUF_INIT;

		buf_addf(&itself, "${%s}", p->name);
		if (p->dflt && !(json_is_string(dflt) && !strcmp(json_string_value(dflt), itself.data)))
			diag_warn(w->d, p->mark, "variables of a plan have no defaults: give it with --var %s=VALUE", p->name);
		buf_release(&itself);
	}
}

/* What only a job can have. */
static void refuse_of_job(struct writing *w)
{
	const struct traits *t = &w->j->t;

	if (w->j->kind == JOB_COMPOSITE)
		cannot(w, "stages");
	if (w->j->kind == JOB_STEPS && (t->n_needs || t->policy->when.n || t->policy->skip_if.n || t->policy->require.n || t->policy->matrix || t->policy->foreach))
		cannot(w, "needs, conditions and loops of a whole job");
}

json_t *job_to_plan(const struct job *j, struct diags *d)
{
	struct writing w = {.j = j, .d = d};
	json_t *plan = json_pack("{s:s}", "plan_id", j->name), *steps = json_array();
	bool is_empty = j->kind == JOB_ACTION && j->t.act->kind == ACT_NOOP;

	refuse_of_job(&w);
	tell_defaults(&w);
	put_plan_metadata(j, plan);
	put(plan, "globals", globals_json(&w));
	for (size_t i = 0; !is_empty && i < j->n_steps; i++)
		json_array_append_new(steps, step_json(&w, &j->step[i]));
	put(plan, "steps", steps);
	return plan;
}
