/* One step of a plan. */
#include "job/read_plan.h"

#include <string.h>

#include "base/bug.h"
#include "base/vec.h"

enum { RETRIES_MAX = 1000000, RETRIES_DEFAULT = -1 };

/* --- keys ------------------------------------------------------------------------------------- */

static void use_hint_key(struct plan *p, void *ctx, const struct node *n)
{
	struct plan_step *r = ctx;
	double weight;

	if (p->key == PLAN_ui_weight)
		plan_number(p, n, -1e9, 1e9, &weight);
	else if (!is_null(n) && plan_text(p, n, &traits_policy(p->l, &r->st->t)->group))
		plan_mark(p, r, KEY_group);
}

static void keep(struct plan *p, struct plan_step *r, const char *key, const struct node *n)
{
	json_t *v = node_to_json(n, p->l->d);

	if (!r->metadata)
		r->metadata = json_object();
	if (v)
		json_object_set_new(r->metadata, key, v);
}

static void read_ui_hints(struct plan *p, struct plan_step *r, const struct node *n)
{
	plan_map(p, n, IN_UI_HINTS_MAP, use_hint_key, r);
	if (n->kind == NODE_MAP && n->n)
		keep(p, r, "ui_hints", n);
}

static void read_dependencies(struct plan *p, struct plan_step *r, const struct node *n)
{
	struct traits *t = &r->st->t;
	struct text_list list;

	if (!plan_texts(p, n, &list))
		return;
	t->need = arena_array(p->l->a, list.n, sizeof(*t->need));
	for (size_t i = 0; i < list.n; i++)
		t->need[i] = (struct need_decl){list.text[i], n->item[i]->mark, COND_OK, false};
	t->n_needs = (uint32_t)list.n;
}

static void add_condition(struct plan *p, struct condition_list *l, const struct node *n)
{
	struct expr *e = plan_condition(p, n);

	if (e)
		l->at[l->n++].expr = e;
}

static void read_skip_if(struct plan *p, struct plan_step *r, const struct node *n)
{
	struct condition_list *l = &traits_policy(p->l, &r->st->t)->skip_if;

	if (n->kind != NODE_LIST) {
		plan_bad(p, n);
		return;
	}
	l->at = arena_array(p->l->a, n->n, sizeof(*l->at));
	for (size_t i = 0; i < n->n; i++)
		add_condition(p, l, n->item[i]);
	if (l->n)
		plan_mark(p, r, KEY_skip_if);
}

static void read_condition(struct plan *p, struct plan_step *r, const struct node *n)
{
	struct condition_list *l = &traits_policy(p->l, &r->st->t)->when;

	if (is_null(n))
		return;
	l->at = ARENA_NEW(p->l->a, struct condition);
	add_condition(p, l, n);
	if (l->n)
		plan_mark(p, r, KEY_when);
}

static void read_policy(struct plan *p, struct plan_step *r, const struct node *n)
{
	size_t word;

	if (!plan_word(p, n, plan_policy_words, ARRAY_LEN(plan_policy_words), &word))
		return;
	traits_policy(p->l, &r->st->t)->on_failure = (enum on_failure)word;
	plan_mark(p, r, KEY_on_failure);
}

/* --- rights and limits ------------------------------------------------------------------------ */

/* Declares it, unless another step or a Jobfile of the same folder has. */
static void declare_lock(struct loader *l, const char *name, struct mark m)
{
	struct lock_spec k = {.name = name, .mark = m, .host = true};

	for (size_t i = 0; i < l->jf->n_locks; i++)
		if (!strcmp(l->jf->lock[i].name, name))
			return;
	take_name(l, NAME_LOCK, name, m);
	VEC_PUSH(l->jf->lock, l->jf->n_locks, l->room_locks, k);
}

static void read_lock(struct plan *p, struct plan_step *r, const struct node *n)
{
	struct lock_use *use;
	const char *name;

	if (is_null(n) || !plan_text(p, n, &name) || !check_name(p->l, "a lock", n))
		return;
	declare_lock(p->l, name, n->mark);
	use = ARENA_NEW(p->l->a, struct lock_use);
	*use = (struct lock_use){.name = name, .mark = n->mark, .wait_ms = -1};
	traits_policy(p->l, &r->st->t)->lock = use;
	traits_policy(p->l, &r->st->t)->n_locks = 1;
	plan_mark(p, r, KEY_lock_uses);
}

static void use_breaker_key(struct plan *p, void *ctx, const struct node *n)
{
	struct breaker_rule *b = ctx;
	int64_t failures;

	if (p->key == PLAN_breaker_recovery_sec)
		plan_seconds(p, n, &b->cooldown_ms);
	else if (plan_int(p, n, 1, UINT16_MAX, &failures))
		b->failures = (uint32_t)failures;
}

/* Failures in a row count, however far apart. */
static void read_breaker_key(struct plan *p, struct plan_step *r, const struct node *n)
{
	enum { COOLDOWN_MS = 60 * 1000 };
	struct breaker_rule *b = &traits_policy(p->l, &r->st->t)->breaker;

	if (is_null(n))
		return;
	*b = (struct breaker_rule){.window_ms = BREAKER_NO_WINDOW_MS, .cooldown_ms = COOLDOWN_MS};
	plan_map(p, n, IN_BREAKER_MAP, use_breaker_key, b);
	plan_mark(p, r, KEY_breaker);
}

/* --- attempts --------------------------------------------------------------------------------- */

static void read_retry_exits(struct plan *p, struct plan_step *r, const struct node *n)
{
	int64_t code;

	if (n->kind != NODE_LIST || !n->n) {
		plan_bad(p, n);
		return;
	}
	r->retry.when = arena_array(p->l->a, n->n, sizeof(*r->retry.when));
	for (size_t i = 0; i < n->n; i++)
		if (plan_int(p, n->item[i], 1, 255, &code))
			r->retry.when[r->retry.n_when++] = (struct retry_rule){
				.on = RETRY_EXIT, .exit = (int)code,
				.text = arena_printf(p->l->a, "exit:%d", (int)code),
			};
}

static void read_jitter(struct plan *p, struct plan_step *r, const struct node *n)
{
	json_t *v = NULL;

	/* As those who wrote the format have it, by half of the pause. */
	if (n->kind == NODE_SCALAR && scalar_resolve(n, &v, NULL) == SCALAR_BOOL)
		r->retry.pace.jitter = json_is_true(v) ? 0.5 : 0;
	else
		plan_number(p, n, 0, 1, &r->retry.pace.jitter);
	json_decref(v);
}

static void read_backoff(struct plan *p, struct plan_step *r, const struct node *n)
{
	static const char *const words[] = {"fixed", "exponential"};
	size_t word;

	if (plan_word(p, n, words, ARRAY_LEN(words), &word))
		r->retry.pace.backoff = word ? 2 : 1;
}

static void read_retries(struct plan *p, struct plan_step *r, const struct node *n)
{
	plan_int(p, n, 0, RETRIES_MAX, &r->retries);
}

static void read_delay(struct plan *p, struct plan_step *r, const struct node *n)
{
	plan_seconds(p, n, &r->retry.pace.delay_ms);
}

static void read_max_delay(struct plan *p, struct plan_step *r, const struct node *n)
{
	plan_seconds(p, n, &r->retry.pace.max_delay_ms);
}

static void read_timeout(struct plan *p, struct plan_step *r, const struct node *n)
{
	struct traits *t = &r->st->t;

	if (plan_seconds(p, n, &traits_policy(p->l, t)->timeout_ms) && t->policy->timeout_ms)
		plan_mark(p, r, KEY_timeout);
}

static void read_grace(struct plan *p, struct plan_step *r, const struct node *n)
{
	if (!is_null(n) && plan_seconds(p, n, &traits_policy(p->l, &r->st->t)->grace_ms))
		plan_mark(p, r, KEY_grace);
}

static void read_stall(struct plan *p, struct plan_step *r, const struct node *n)
{
	struct traits *t = &r->st->t;

	if (plan_seconds(p, n, &traits_policy(p->l, t)->stall_ms) && t->policy->stall_ms)
		plan_mark(p, r, KEY_stall);
}

static void read_critical(struct plan *p, struct plan_step *r, const struct node *n)
{
	struct traits *t = &r->st->t;

	if (plan_bool(p, n, &traits_policy(p->l, t)->critical) && !t->policy->critical)
		plan_mark(p, r, KEY_critical);
}

static void read_fallback(struct plan *p, struct plan_step *r, const struct node *n)
{
	struct traits *t = &r->st->t;

	if (!is_null(n) && plan_text(p, n, &traits_policy(p->l, t)->fallback))
		traits_policy(p->l, t)->fallback_mark = n->mark;
}

/* --- what is done, and with what -------------------------------------------------------------- */

static void read_command(struct plan *p, struct plan_step *r, const struct node *n)
{
	plan_text(p, n, &r->command);
}

static void read_args(struct plan *p, struct plan_step *r, const struct node *n)
{
	plan_texts(p, n, &r->args);
}

static void read_shell(struct plan *p, struct plan_step *r, const struct node *n)
{
	plan_bool(p, n, &r->shell);
}

static void read_step_def(struct plan *p, struct plan_step *r, const struct node *n)
{
	(void)p;
	r->step_def = is_null(n) ? NULL : n;
}

static void read_cwd(struct plan *p, struct plan_step *r, const struct node *n)
{
	const char *cwd;

	if (is_null(n) || !plan_text(p, n, &cwd) || !strcmp(cwd, "."))
		return;
	traits_policy(p->l, &r->st->t)->cwd = plan_value(p, cwd);
	plan_mark(p, r, KEY_cwd);
}

static void read_env(struct plan *p, struct plan_step *r, const struct node *n)
{
	struct traits *t = &r->st->t;

	if (plan_env(p, n, &traits_policy(p->l, t)->env) && t->policy->env.n)
		plan_mark(p, r, KEY_env);
}

static void add_artifacts(struct plan *p, enum plan_link_kind kind, const struct text_list *l,
			  const struct node *n)
{
	for (size_t i = 0; i < l->n; i++)
		plan_add_link(p, kind, l->text[i], n->item[i]->mark);
}

static void read_provided(struct plan *p, struct plan_step *r, const struct node *n)
{
	if (plan_texts(p, n, &r->provides))
		add_artifacts(p, LINK_PROVIDES, &r->provides, n);
}

static void read_consumed(struct plan *p, struct plan_step *r, const struct node *n)
{
	if (plan_texts(p, n, &r->consumes))
		add_artifacts(p, LINK_CONSUMES, &r->consumes, n);
}

/* --- what is said of it ----------------------------------------------------------------------- */

static void read_name(struct plan *p, struct plan_step *r, const struct node *n)
{
	if (!is_null(n))
		plan_text(p, n, &r->name);
}

static void read_description(struct plan *p, struct plan_step *r, const struct node *n)
{
	if (!is_null(n))
		plan_text(p, n, &r->description);
}

static void read_tags(struct plan *p, struct plan_step *r, const struct node *n)
{
	if (plan_texts(p, n, &traits_policy(p->l, &r->st->t)->labels))
		plan_mark(p, r, KEY_labels);
}

static void read_metadata(struct plan *p, struct plan_step *r, const struct node *n)
{
	if (n->kind == NODE_MAP)
		keep(p, r, "metadata", n);
	else
		plan_bad(p, n);
}

/* --- any key ---------------------------------------------------------------------------------- */

static bool is_about_retries(enum plan_key key)
{
	return key == PLAN_retries || key == PLAN_retry_delay_sec || key == PLAN_retry_backoff ||
	       key == PLAN_retry_max_delay_sec || key == PLAN_retry_jitter || key == PLAN_retry_on_exit;
}

static void use_step_key(struct plan *p, void *ctx, const struct node *n)
{
	static void (*const readers[PLAN_KEY_COUNT])(struct plan *, struct plan_step *, const struct node *) = {
		[PLAN_args] = read_args,
		[PLAN_breaker] = read_breaker_key,
		[PLAN_command] = read_command,
		[PLAN_condition] = read_condition,
		[PLAN_consumes] = read_consumed,
		[PLAN_critical] = read_critical,
		[PLAN_critical_grace_period_sec] = read_grace,
		[PLAN_cwd] = read_cwd,
		[PLAN_depends_on] = read_dependencies,
		[PLAN_env] = read_env,
		[PLAN_fallback_step] = read_fallback,
		[PLAN_lock] = read_lock,
		[PLAN_name] = read_name,
		[PLAN_on_failure] = read_policy,
		[PLAN_provides] = read_provided,
		[PLAN_retries] = read_retries,
		[PLAN_retry_backoff] = read_backoff,
		[PLAN_retry_delay_sec] = read_delay,
		[PLAN_retry_jitter] = read_jitter,
		[PLAN_retry_max_delay_sec] = read_max_delay,
		[PLAN_retry_on_exit] = read_retry_exits,
		[PLAN_shell] = read_shell,
		[PLAN_skip_if] = read_skip_if,
		[PLAN_stall_timeout_sec] = read_stall,
		[PLAN_step_def] = read_step_def,
		[PLAN_step_description] = read_description,
		[PLAN_step_metadata] = read_metadata,
		[PLAN_tags] = read_tags,
		[PLAN_timeout_sec] = read_timeout,
		[PLAN_ui_hints] = read_ui_hints,
	};
	struct plan_step *r = ctx;

	r->retries_said |= is_about_retries(p->key);
	if (p->key == PLAN_id)
		return; /* has been read */
	BUG_UNLESS(readers[p->key]);
	readers[p->key](p, r, n);
}

/* --- what follows from several keys -------------------------------------------------------------- */

static void keep_metadata(struct plan *p, struct plan_step *r)
{
	bool named = r->name && r->description && strcmp(r->name, r->st->id);

	if (!r->metadata && !named && !r->provides.n && !r->consumes.n)
		return;
	if (!r->metadata)
		r->metadata = json_object();
	if (named)
		json_object_set_new(r->metadata, "name", json_string(r->name));
	if (r->provides.n)
		json_object_set_new(r->metadata, "provides", text_list_json(&r->provides));
	if (r->consumes.n)
		json_object_set_new(r->metadata, "consumes", text_list_json(&r->consumes));
	r->st->t.metadata = keep_json_text(p->l, r->metadata);
	plan_mark(p, r, KEY_metadata);
}

static void describe(struct plan *p, struct plan_step *r)
{
	const char *text = r->description && *r->description ? r->description : r->name;

	if (!text || !*text || !strcmp(text, r->st->id))
		return;
	r->st->t.description = text;
	plan_mark(p, r, KEY_description);
}

/* What is not said comes from `globals`, which may stand below; see plan_finish_step. */
static void set_retry(struct plan *p, struct plan_step *r)
{
	struct retry_spec *retry;

	if (!r->retries_said)
		return;
	retry = ARENA_NEW(p->l->a, struct retry_spec);
	*retry = r->retry;
	retry->pace.max = r->retries < 0 ? UINT32_MAX : (uint32_t)r->retries;
	traits_policy(p->l, &r->st->t)->retry = retry;
	plan_mark(p, r, KEY_retry);
}

/* A step that is not critical aborts nothing. */
static void settle_policy(struct plan *p, struct plan_step *r)
{
	struct traits *t = &r->st->t;

	if (t->policy->on_failure == ON_FAILURE_FALLBACK) {
		p->has_fallbacks = true;
		if (t->policy->fallback)
			return;
		diag_error(p->l->d, r->node->mark,
			   "%s: 'on_failure' is fallback_step, but there is no 'fallback_step'", p->where);
		traits_policy(p->l, t)->on_failure = ON_FAILURE_ABORT;
		return;
	}
	if (t->policy->fallback) {
		diag_warn(p->l->d, t->policy->fallback_mark, "%s: 'fallback_step' means nothing here", p->where);
		diag_hint(p->l->d, "it goes with on_failure: fallback_step");
		traits_policy(p->l, t)->fallback = NULL;
	}
	if (t->policy->critical || t->policy->on_failure != ON_FAILURE_ABORT)
		return;
	if (traits_has(t, KEY_on_failure)) {
		diag_warn(p->l->d, r->node->mark,
			  "%s is not critical, so its failure skips its dependents and aborts nothing", p->where);
		diag_hint(p->l->d, "write on_failure: skip_dependents");
	}
	traits_policy(p->l, t)->on_failure = ON_FAILURE_SKIP_DEPENDENTS;
	plan_mark(p, r, KEY_on_failure);
}

/* The id, which all messages begin with; complains. */
static const char *read_id(struct plan *p, const struct node *n)
{
	const struct node *id = node_get(n, "id");
	const char *text;

	p->where = arena_printf(p->l->scratch, "step %zu", p->n_steps + 1);
	p->key = PLAN_id;
	if (!id || !plan_text(p, id, &text) || !check_name(p->l, "a step", id))
		return arena_printf(p->l->a, "step%zu", p->n_steps + 1);
	p->where = arena_printf(p->l->scratch, "step '%s'", text);
	return text;
}

static void take_id(struct plan *p, const struct step *st)
{
	const struct step *first = step_index_add(&p->by_id, p->step, st->no);

	if (!first)
		return;
	diag_error(p->l->d, step_mark(st), "duplicate id: the plan has two steps '%s'", st->id);
	diag_note(p->l->d, step_mark(first), "the first is here");
}

static struct step *new_step(struct plan *p, const struct node *n)
{
	const struct node *id = n->kind == NODE_MAP ? node_get(n, "id") : NULL;
	struct step *st;

	VEC_RESERVE(p->step, p->n_steps, p->room_steps, 1);
	st = &p->step[p->n_steps];
	*st = (struct step){.spot = spot_of(id ? id->mark : n->mark), .job = p->j, .no = (uint32_t)p->n_steps};
	traits_init(&st->t);
	return st;
}

void plan_read_step(struct plan *p, struct node *n)
{
	size_t before = diags_errors(p->l->d);
	struct plan_step r = {.st = new_step(p, n), .node = n, .retries = RETRIES_DEFAULT,
				 .retry.pace.backoff = 1};

	if (n->kind != NODE_MAP) {
		p->where = "the plan";
		p->key = PLAN_steps;
		plan_bad(p, n);
		return;
	}
	plan_fill(p, n);
	r.st->id = read_id(p, n);
	take_id(p, r.st);
	plan_map(p, n, IN_STEP_MAP, use_step_key, &r);
	plan_action(p, &r);
	describe(p, &r);
	set_retry(p, &r);
	settle_policy(p, &r);
	keep_metadata(p, &r);
	traits_seal(p->l, &r.st->t);
	if (diags_errors(p->l->d) > before)
		first_blame(p->l, step_mark(r.st)); /* what it lacks may be what could not be read */
	p->n_steps++;
}
