/* Needs, artifacts, conditions, loops, retries, exit codes, pools: what has a shape of its own. */
#include "job/read.h"

#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"

/* --- needs ------------------------------------------------------------------------------------ */

static const char *const cond_words[] = {
#define COND(id, word, sentence) word,
	CONDS(COND)
#undef COND
};

static void add_needs(struct loader *l, struct traits *t, const struct need_decl *more, size_t n)
{
	struct need_decl *all = arena_array(l->a, t->n_needs + n, sizeof(*all));

	if (t->n_needs)
		memcpy(all, t->need, t->n_needs * sizeof(*all));
	memcpy(all + t->n_needs, more, n * sizeof(*all));
	t->need = all;
	t->n_needs += (uint32_t)n;
}

static void add_needs_list(struct loader *l, struct traits *t, const struct node *n, const char *key,
			   bool order_only)
{
	struct name_decl *name;
	size_t count;
	struct need_decl *need;

	if (!read_names(l, key, n, false, &name, &count) || !count)
		return;
	need = arena_array(l->scratch, count, sizeof(*need));
	for (size_t i = 0; i < count; i++)
		need[i] = (struct need_decl){
			.name = name[i].name,
			.mark = name[i].mark,
			.cond = order_only ? COND_ANY : COND_OK,
			.order_only = order_only,
		};
	add_needs(l, t, need, count);
}

static void add_needs_map(struct loader *l, struct traits *t, const struct node *n)
{
	struct need_decl *need = arena_array(l->scratch, n->n, sizeof(*need));
	size_t count = 0, cond;

	for (size_t i = 0; i < n->n; i++) {
		const char *name = n->key[i]->text;

		if (!read_word(l, name, n->item[i], cond_words, ARRAY_LEN(cond_words), &cond))
			continue;
		need[count++] = (struct need_decl){
			.name = arena_strdup(l->a, name),
			.mark = n->key[i]->mark,
			.cond = (enum cond)cond,
		};
	}
	if (count)
		add_needs(l, t, need, count);
}

void read_needs(struct loader *l, struct traits *t, const struct node *n)
{
	if (n->kind == NODE_MAP)
		add_needs_map(l, t, n);
	else
		add_needs_list(l, t, n, "needs", false);
}

void read_after(struct loader *l, struct traits *t, const struct node *n)
{
	add_needs_list(l, t, n, "after", true);
}

void read_needs_rule(struct loader *l, struct traits *t, const struct node *n)
{
	int64_t k;

	if (n->kind == NODE_SCALAR && !strcmp(n->text, "all")) {
		t->needs_rule = 0;
	} else if (n->kind == NODE_SCALAR && !strcmp(n->text, "any")) {
		t->needs_rule = 1;
	} else if (n->kind != NODE_SCALAR || !n->n || n->text[strspn(n->text, "0123456789")]) {
		bad_value(l, "needs_rule", "all, any or a number", n);
	} else if (read_int(l, "needs_rule", n, 1, UINT32_MAX, &k)) {
		t->needs_rule = (uint32_t)k;
	}
}

/* --- artifacts -------------------------------------------------------------------------------- */

static void use_provide(struct loader *l, void *ctx, enum key key, const struct node *name,
			const struct node *n)
{
	struct provide_decl *p = ctx;
	int64_t line;
	size_t type;
	bool yes = true;

	switch (key) {
	case KEY_provide_type:
		if (read_word(l, "type", n, value_type_words, ARRAY_LEN(value_type_words), &type))
			p->type = (enum value_type)type;
		return;
	case KEY_provide_stdout:
		if (read_bool(l, "stdout", n, &yes) && !yes)
			bad_value(l, "stdout", "true", n);
		break;
	case KEY_provide_json:
		if (read_text(l, "json", n, &p->path) && p->path[0] != '.' && p->path[0] != '[')
			bad_value(l, "json", "a path such as .rows[0].id", n);
		break;
	case KEY_provide_regex:
		read_pattern(l, "regex", n, &p->pattern);
		break;
	case KEY_provide_file:
	case KEY_provide_path:
		read_text(l, name->text, n, &p->path);
		break;
	case KEY_provide_line:
		if (read_int(l, "line", n, -1000000, 1000000, &line)) {
			p->line = (int)line;
			if (!line)
				bad_value(l, "line", "a number from 1, or from -1 for the last one", n);
		}
		break;
	default:
		BUG("key '%s' is not one of 'provides'", name->text);
	}
	if (p->from != PROVIDE_OUTPUT)
		diag_error(l->d, name->mark, "'%s' is provided from two places", p->name);
	p->from = key == KEY_provide_stdout ? PROVIDE_STDOUT
		: key == KEY_provide_json   ? PROVIDE_JSON
		: key == KEY_provide_regex  ? PROVIDE_REGEX
		: key == KEY_provide_file   ? PROVIDE_FILE
		: key == KEY_provide_path   ? PROVIDE_PATH
					    : PROVIDE_LINE;
}

static void read_provides_map(struct loader *l, struct traits *t, const struct node *n)
{
	traits_flow(l, t)->provide = arena_array(l->a, n->n, sizeof(*t->flow->provide));
	traits_flow(l, t)->n_provides = n->n;
	for (size_t i = 0; i < n->n; i++) {
		struct provide_decl *p = &t->flow->provide[i];

		*p = (struct provide_decl){.mark = n->key[i]->mark};
		p->name = arena_strdup(l->a, n->key[i]->text);
		check_name(l, "an artifact", n->key[i]);
		if (is_null(n->item[i]))
			continue;
		read_map(l, n->item[i], IN_PROVIDE,
			 arena_printf(l->scratch, "artifact '%s'", p->name), use_provide, p);
		/* A value out of JSON has the type it has there, unless the author wants another. */
		if (p->from == PROVIDE_JSON && !node_get(n->item[i], "type"))
			p->type = AS_JSON;
	}
}

void read_provides(struct loader *l, struct traits *t, const struct node *n)
{
	struct name_decl *name;
	size_t count;

	if (n->kind == NODE_MAP) {
		read_provides_map(l, t, n);
		return;
	}
	if (!read_names(l, "provides", n, false, &name, &count))
		return;
	traits_flow(l, t)->provide = arena_array(l->a, count, sizeof(*t->flow->provide));
	traits_flow(l, t)->n_provides = count;
	for (size_t i = 0; i < count; i++) {
		check_name(l, "an artifact", n->item[i]);
		t->flow->provide[i] = (struct provide_decl){.name = name[i].name, .mark = name[i].mark};
	}
}

/* --- conditions ------------------------------------------------------------------------------- */

static void use_require(struct loader *l, void *ctx, enum key key, const struct node *name,
			const struct node *n)
{
	struct condition *c = ctx;

	(void)name;
	if (key == KEY_require_check)
		read_expr(l, "check", n, &c->expr);
	else
		read_text(l, "msg", n, &c->msg);
}

/* {check, msg}; false after an error. */
static bool read_require(struct loader *l, const struct node *n, struct condition *c)
{
	if (!read_map(l, n, IN_REQUIRE, "'require'", use_require, c))
		return false;
	if (!node_get(n, "check")) {
		diag_error(l->d, n->mark, "'require' has no 'check'");
		diag_hint(l->d, "write require: {check: \"...\", msg: \"...\"}");
	}
	return c->expr != NULL;
}

void read_conditions(struct loader *l, const char *key, const struct node *n, bool with_msg,
		     struct condition_list *ret)
{
	const struct node *const one[] = {n};
	bool is_list = n->kind == NODE_LIST;
	size_t count = is_list ? n->n : 1;
	struct condition_list list = {.at = arena_array(l->a, count, sizeof(*list.at))};

	for (size_t i = 0; i < count; i++) {
		const struct node *item = is_list ? n->item[i] : one[i];
		struct condition *c = &list.at[list.n];

		if (item->kind == NODE_MAP && with_msg ? read_require(l, item, c)
						       : read_expr(l, key, item, &c->expr))
			list.n++;
	}
	*ret = list;
}

/* --- loops ------------------------------------------------------------------------------------ */

/* A list of maps whose keys are axes. */
static void read_cells(struct loader *l, const struct matrix *m, const char *key, const struct node *n,
		       bool all_axes, const json_t **ret)
{
	if (!read_json_list(l, key, n, ret))
		return;
	for (size_t i = 0; i < n->n; i++) {
		const struct node *cell = n->item[i];

		if (cell->kind != NODE_MAP) {
			bad_value(l, key, "a list of maps", cell);
			continue;
		}
		for (size_t k = 0; k < cell->n; k++) {
			struct spell s;
			bool known = false;

			spell_init(&s, cell->key[k]->text);
			for (size_t a = 0; a < m->n_axes && !known; a++) {
				known = !strcmp(m->axis[a].name, cell->key[k]->text);
				spell_try(&s, m->axis[a].name);
			}
			if (known || !m->n_axes)
				continue;
			diag_error(l->d, cell->key[k]->mark, "'%s' is no axis of this matrix",
				   cell->key[k]->text);
			diag_suggest(l->d, s.best);
		}
		for (size_t a = 0; all_axes && a < m->n_axes; a++)
			if (!node_get(cell, m->axis[a].name))
				diag_error(l->d, cell->mark, "axis '%s' has no value here",
					   m->axis[a].name);
	}
}

/* Whether some text below n holds ${{. */
static bool holds_expression(const struct node *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->item[i]->kind == NODE_SCALAR && strstr(list->item[i]->text, "${{"))
			return true;
	return false;
}

static void read_axis(struct loader *l, struct matrix *m, const struct node *name, const struct node *n)
{
	struct matrix_axis *axis = &m->axis[m->n_axes];

	if (n->kind == NODE_SCALAR && strstr(n->text, "${{")) {
		bad_value(l, name->text, "a list", n);
		diag_hint(l->d, "an expression goes into foreach: {%s: \"...\"}", name->text);
		return;
	}
	if (!check_name(l, "an axis", name) || !read_json_list(l, name->text, n, &axis->values))
		return;
	if (!n->n) {
		diag_error(l->d, n->mark, "axis '%s' has no values", name->text);
		return;
	}
	if (holds_expression(n)) {
		diag_error(l->d, n->mark, "the values of an axis are constants");
		diag_hint(l->d, "an expression goes into foreach: {%s: \"...\"}", name->text);
		return;
	}
	axis->name = arena_strdup(l->a, name->text);
	axis->mark = name->mark;
	m->n_axes++;
}

void read_matrix(struct loader *l, struct traits *t, const struct node *n)
{
	struct matrix *m = ARENA_NEW(l->a, struct matrix);
	const struct node *include = NULL, *exclude = NULL;
	enum key key;

	if (n->kind != NODE_MAP || !n->n) {
		bad_value(l, "matrix", "a map of axes and their values", n);
		return;
	}
	m->axis = arena_array(l->a, n->n, sizeof(*m->axis));
	for (size_t i = 0; i < n->n; i++) {
		if (!key_find(IN_MATRIX, n->key[i]->text, &key))
			read_axis(l, m, n->key[i], n->item[i]);
		else if (key == KEY_matrix_include)
			include = n->item[i];
		else
			exclude = n->item[i];
	}
	if (include)
		read_cells(l, m, "include", include, true, &m->include);
	if (exclude)
		read_cells(l, m, "exclude", exclude, false, &m->exclude);
	traits_policy(l, t)->matrix = m;
}

static void read_over(struct loader *l, struct foreach_decl *f, const struct node *name,
		      const struct node *n)
{
	if (f->name) {
		diag_error(l->d, name->mark, "foreach has two names: '%s' and '%s'", f->name,
			   name->text);
		diag_hint(l->d, "use matrix for combinations");
		return;
	}
	if (!check_name(l, "a loop's value", name))
		return;
	f->name = arena_strdup(l->a, name->text);
	if (n->kind == NODE_SCALAR && !is_null(n) && !strstr(n->text, "${{"))
		f->glob = arena_strdup(l->a, n->text);
	else if (n->kind == NODE_MAP || is_null(n))
		bad_value(l, name->text, "a list, a glob or an expression", n);
	else
		f->over = value_from_node(l->a, n, l->d);
}

static void note_late(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m)
{
	(void)path;
	(void)n;
	(void)m;
	*(bool *)ctx |= root == ROOT_STEPS || root == ROOT_RESULTS || root == ROOT_CONSUMES || root == ROOT_NEEDS;
}

void read_foreach(struct loader *l, struct traits *t, const struct node *n)
{
	struct foreach_decl *f = ARENA_NEW(l->a, struct foreach_decl);
	int64_t max;
	enum key key;

	if (n->kind != NODE_MAP) {
		bad_value(l, "foreach", "a map such as {file: \"*.csv\"}", n);
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		if (!key_find(IN_FOREACH, n->key[i]->text, &key))
			read_over(l, f, n->key[i], n->item[i]);
		else if (key == KEY_foreach_fail_fast)
			read_bool(l, "fail_fast", n->item[i], &f->fail_fast);
		else if (read_int(l, "max_parallel", n->item[i], 1, UINT32_MAX, &max))
			f->max_parallel = (uint32_t)max;
	}
	if (!f->name)
		diag_error(l->d, n->mark, "foreach does not say over what");
	if (f->over)
		value_names(f->over, note_late, &f->late);
	traits_policy(l, t)->foreach = f;
}

/* --- retry ------------------------------------------------------------------------------------ */

enum { RETRY_MAX = 1000000 };

static int signal_number(const char *name)
{
	char *end;
	long number = strtol(name, &end, 10);

	if (*name && !*end)
		return number > 0 && number < NSIG ? (int)number : -1;
	if (!strncmp(name, "SIG", 3))
		name += 3;
	for (int i = 1; i < NSIG; i++)
		if (sigabbrev_np(i) && !strcmp(sigabbrev_np(i), name))
			return i;
	return -1;
}

/* What stands behind `prefix` in text, or NULL. */
static const char *behind(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) ? NULL : text + n;
}

/* False if it is none, *ret_said if a message has already been given. */
static bool parse_retry_rule(struct loader *l, struct retry_rule *r, const struct node *n,
			     bool *ret_said)
{
	static const struct {
		const char *word;
		enum retry_on on;
	} words[] = {{"timeout", RETRY_TIMEOUT}, {"stall", RETRY_STALL}, {"signal", RETRY_SIGNAL},
		     {"not_started", RETRY_NOT_STARTED}, {"any", RETRY_ANY},
		     {"transient", RETRY_TRANSIENT}, {"permanent", RETRY_PERMANENT}};
	const char *rest;
	char *end;

	r->text = arena_strdup(l->a, n->text);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strcmp(n->text, words[i].word)) {
			r->on = words[i].on;
			return true;
		}
	if ((rest = behind(n->text, "exit:"))) {
		r->on = RETRY_EXIT;
		r->exit = (int)strtol(rest, &end, 10);
		return isdigit((unsigned char)*rest) && !*end && strlen(rest) <= 3 && r->exit < 256;
	}
	if ((rest = behind(n->text, "signal:"))) {
		r->on = RETRY_SIGNAL;
		r->exit = signal_number(rest);
		return r->exit > 0;
	}
	rest = behind(n->text, "stdout:");
	r->on = rest ? RETRY_STDOUT : RETRY_STDERR;
	if (!rest && !(rest = behind(n->text, "stderr:")))
		return false;
	r->pattern = make_pattern(l, rest, n->mark);
	*ret_said = !r->pattern;
	return r->pattern != NULL;
}

static void read_retry_rules(struct loader *l, const char *key, const struct node *n,
			     struct retry_rule **ret, size_t *ret_n)
{
	if (n->kind != NODE_LIST) {
		bad_value(l, key, "a list such as [timeout, \"exit:75\"]", n);
		return;
	}
	*ret = arena_array(l->a, n->n, sizeof(**ret));
	*ret_n = 0;
	for (size_t i = 0; i < n->n; i++) {
		bool said = false;

		if (n->item[i]->kind == NODE_SCALAR && parse_retry_rule(l, *ret + *ret_n,
									n->item[i], &said)) {
			(*ret_n)++;
		} else if (!said) {
			bad_value(l, key, "made of timeout, stall, signal, signal:NAME, exit:N, not_started, "
				  "transient, permanent, stdout:/regex/, stderr:/regex/, any", n->item[i]);
		}
	}
}

static void use_retry(struct loader *l, void *ctx, enum key key, const struct node *name,
		      const struct node *n)
{
	struct retry_spec *r = ctx;
	int64_t max;

	switch (key) {
	case KEY_retry_max:
		if (read_int(l, "max", n, 0, RETRY_MAX, &max))
			r->pace.max = (uint32_t)max;
		break;
	case KEY_retry_delay:
		read_duration(l, "delay", n, &r->pace.delay_ms);
		break;
	case KEY_retry_backoff:
		read_number(l, "backoff", n, 1, 1000, &r->pace.backoff);
		break;
	case KEY_retry_max_delay:
		read_duration(l, "max_delay", n, &r->pace.max_delay_ms);
		break;
	case KEY_retry_jitter:
		read_number(l, "jitter", n, 0, 1, &r->pace.jitter);
		break;
	case KEY_retry_when:
		read_retry_rules(l, "when", n, &r->when, &r->n_when);
		break;
	case KEY_retry_not_when:
		read_retry_rules(l, "not_when", n, &r->not_when, &r->n_not_when);
		break;
	default:
		BUG("key '%s' is not one of 'retry'", name->text);
	}
}

void read_retry(struct loader *l, struct traits *t, const struct node *n)
{
	struct retry_spec *r = ARENA_NEW(l->a, struct retry_spec);
	int64_t max;

	r->pace = (struct retry_pace){.max = 1, .backoff = 1};
	traits_policy(l, t)->retry = r;
	if (n->kind != NODE_MAP) {
		if (read_int(l, "retry", n, 0, RETRY_MAX, &max))
			r->pace.max = (uint32_t)max;
		return;
	}
	if (!node_get(n, "max"))
		diag_error(l->d, n->mark, "'retry' has no 'max'");
	read_map(l, n, IN_RETRY, "'retry'", use_retry, r);
	if (r->pace.max_delay_ms && r->pace.max_delay_ms < r->pace.delay_ms)
		diag_error(l->d, n->mark, "'max_delay' is shorter than 'delay'");
}

/* --- what a failure is, and what follows from it ---------------------------------------------- */

static void use_fallback(struct loader *l, void *ctx, enum key key, const struct node *name,
			 const struct node *n)
{
	struct traits *t = ctx;

	(void)name;
	BUG_UNLESS(key == KEY_failure_fallback);
	if (!read_text(l, "fallback", n, &traits_policy(l, t)->fallback))
		return;
	traits_policy(l, t)->fallback_mark = n->mark;
	traits_policy(l, t)->on_failure = ON_FAILURE_FALLBACK;
}

void read_on_failure(struct loader *l, struct traits *t, const struct node *n)
{
	size_t word;

	if (n->kind != NODE_MAP) {
		if (read_word(l, "on_failure", n, on_failure_words, ON_FAILURE_FALLBACK, &word))
			traits_policy(l, t)->on_failure = (enum on_failure)word;
		return;
	}
	if (!n->n)
		diag_error(l->d, n->mark, "'on_failure' names no 'fallback'");
	read_map(l, n, IN_ON_FAILURE, "'on_failure'", use_fallback, t);
}

void read_exits(struct loader *l, const char *key, const struct node *n, struct exit_set *ret)
{
	const struct node *const one[] = {n};
	bool is_list = n->kind == NODE_LIST;
	struct exit_set set = {0};

	for (size_t i = 0; i < (is_list ? n->n : 1); i++) {
		int64_t code;

		if (!read_int(l, key, is_list ? n->item[i] : one[i], 0, 255, &code))
			return;
		set.bits[code / 64] |= (uint64_t)1 << (code % 64);
	}
	*ret = set;
}

static void use_fail_if(struct loader *l, void *ctx, enum key key, const struct node *name,
			const struct node *n)
{
	struct fail_if *f = ctx;

	read_pattern(l, name->text, n, key == KEY_fail_if_stdout ? &f->out : &f->err);
}

void read_fail_if(struct loader *l, struct traits *t, const struct node *n)
{
	traits_policy(l, t)->fail_if = (struct fail_if){0};
	read_map(l, n, IN_FAIL_IF, "'fail_if'", use_fail_if, &traits_policy(l, t)->fail_if);
}

/* --- slots ------------------------------------------------------------------------------------ */

enum { WEIGHT_MAX = UINT16_MAX - 1 };

static void use_pool(struct loader *l, void *ctx, enum key key, const struct node *name,
		     const struct node *n)
{
	struct pool_use *p = ctx;
	int64_t weight;

	(void)name;
	if (key == KEY_pool_use_name) {
		if (read_text(l, "name", n, &p->name))
			p->mark = n->mark;
	} else if (read_int(l, "weight", n, 1, WEIGHT_MAX, &weight)) {
		p->weight = (uint16_t)weight;
	}
}

void read_pool_use(struct loader *l, struct traits *t, const struct node *n)
{
	traits_policy(l, t)->pool = (struct pool_use){.weight = 1};
	if (is_null(n))
		return; /* none, whatever template or defaults say */
	if (n->kind != NODE_MAP) {
		if (read_text(l, "pool", n, &traits_policy(l, t)->pool.name))
			traits_policy(l, t)->pool.mark = n->mark;
		return;
	}
	read_map(l, n, IN_POOL_USE, "'pool'", use_pool, &traits_policy(l, t)->pool);
	if (!node_get(n, "name"))
		diag_error(l->d, n->mark, "'pool' has no 'name'");
}

void read_slots(struct loader *l, struct traits *t, const struct node *n)
{
	int64_t weight;

	if (n->kind == NODE_SCALAR && !strcmp(n->text, "all"))
		traits_policy(l, t)->slots = SLOTS_ALL;
	else if (read_int(l, "slots", n, 1, WEIGHT_MAX, &weight))
		traits_policy(l, t)->slots = (uint16_t)weight;
}

void read_offer(struct loader *l, struct traits *t, const struct node *n)
{
	size_t word;

	if (read_word(l, "jobserver", n, offer_words, OFFER_COUNT, &word))
		traits_policy(l, t)->jobserver = (enum slot_offer)word;
}

void read_on_lost(struct loader *l, struct traits *t, const struct node *n)
{
	size_t word;

	if (read_word(l, "on_lost", n, on_lost_words, ARRAY_LEN(on_lost_words), &word))
		traits_policy(l, t)->on_lost = (enum on_lost)word;
}

void read_on_death(struct loader *l, struct traits *t, const struct node *n)
{
	static const char *const words[] = {"kill", "finish"};
	size_t word;

	if (read_word(l, "on_driver_death", n, words, ARRAY_LEN(words), &word))
		traits_policy(l, t)->finish = word;
}

/* --- breakers ----------------------------------------------------------------------------------- */

static void use_breaker(struct loader *l, void *ctx, enum key key, const struct node *name, const struct node *n)
{
	struct breaker_rule *b = ctx;
	int64_t failures;

	(void)name;
	if (key == KEY_breaker_failures) {
		if (read_int(l, "failures", n, 1, UINT16_MAX, &failures))
			b->failures = (uint32_t)failures;
	} else {
		(void)read_duration(l, key_word(key), n, key == KEY_breaker_window ? &b->window_ms : &b->cooldown_ms);
	}
}

void read_breaker(struct loader *l, struct breaker_rule *b, const struct node *n)
{
	enum { WINDOW_MS = 10 * 60 * 1000, COOLDOWN_MS = 5 * 60 * 1000 };

	*b = (struct breaker_rule){.window_ms = WINDOW_MS, .cooldown_ms = COOLDOWN_MS};
	if (is_null(n))
		return; /* none, whatever template or defaults say */
	if (n->kind == NODE_MAP && !node_get(n, "failures")) {
		diag_error(l->d, n->mark, "'breaker' has no 'failures'");
		diag_hint(l->d, "write breaker: {failures: 3}");
	}
	read_map(l, n, IN_BREAKER, "'breaker'", use_breaker, b);
}
