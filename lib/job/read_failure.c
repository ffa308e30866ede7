/* What is a failure, and what follows from it: exit codes, fail_if, retry, on_failure, breaker. */
#include "job/read.h"

#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

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
