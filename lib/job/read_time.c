/* How long something may take, and what is waited for: slow, until, approve. */
#include "job/read.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"

/* p95 or p95*FACTOR; false if it is something else. */
static bool parse_share(const char *text, double *ret)
{
	enum { FACTOR_MAX = 1000 };
	char *end;

	if (strncmp(text, "p95", 3))
		return false;
	*ret = 1;
	if (!text[3])
		return true;
	if (text[3] != '*' || text[4 + strspn(text + 4, "0123456789.")])
		return false;
	*ret = strtod(text + 4, &end);
	return end != text + 4 && !*end && *ret > 0 && *ret <= FACTOR_MAX;
}

void read_slow(struct loader *l, struct traits *t, const struct node *n)
{
	struct slow_spec s = {0};

	if (n->kind == NODE_SCALAR && (parse_share(n->text, &s.share) || (duration_parse(n->text, &s.ms) && s.ms > 0)))
		traits_policy(l, t)->slow = s;
	else if (is_null(n))
		traits_policy(l, t)->slow = s; /* never, whatever template or defaults say */
	else
		bad_value(l, "slow", "a duration such as 10m, or p95*2 for twice what it took in the past", n);
}

/* A duration that is some time. */
static void read_span(struct loader *l, const char *key, const struct node *n, int64_t *ret_ms)
{
	int64_t ms;

	if (!read_duration(l, key, n, &ms))
		return;
	if (ms > 0)
		*ret_ms = ms;
	else
		bad_value(l, key, "a duration above 0", n);
}

static void use_until(struct loader *l, void *ctx, enum key key, const struct node *name,
		      const struct node *n)
{
	struct traits *t = ctx;
	struct until_spec *u = t->act->until;

	switch (key) {
	case KEY_until_run:
		read_action_run(l, t, n);
		break;
	case KEY_until_argv:
		read_action_argv(l, t, n);
		break;
	case KEY_until_every:
		read_span(l, "every", n, &u->every_ms);
		break;
	case KEY_until_timeout:
		read_span(l, "timeout", n, &u->timeout_ms);
		break;
	default:
		BUG("key '%s' is not one of 'until'", name->text);
	}
}

void read_until(struct loader *l, struct traits *t, const struct node *n)
{
	enum { EVERY_MS = 1000 };

	traits_act(l, t)->until = ARENA_NEW(l->a, struct until_spec);
	t->act->until->every_ms = EVERY_MS;
	if (!read_map(l, n, IN_UNTIL, "'until'", use_until, t))
		return;
	if (!node_get(n, "run") == !node_get(n, "argv")) {
		diag_error(l->d, n->mark, node_get(n, "run") ? "'until' has both 'run' and 'argv'"
							     : "'until' does not say what to ask");
		diag_hint(l->d, "write until: {run: \"test -e out/ready\", every: 5s, timeout: 10m}");
	}
}

static void use_approve(struct loader *l, void *ctx, enum key key, const struct node *name,
			const struct node *n)
{
	struct approve_spec *a = ctx;

	switch (key) {
	case KEY_approve_prompt:
		read_value(l, "prompt", n, &a->prompt);
		break;
	case KEY_approve_show:
		a->show = value_from_node(l->a, n, l->d);
		break;
	case KEY_approve_auto:
		read_bool(l, "auto", n, &a->automatic);
		break;
	default:
		BUG("key '%s' is not one of 'approve'", name->text);
	}
}

void read_approve(struct loader *l, struct traits *t, const struct node *n)
{
	traits_act(l, t)->approve = ARENA_NEW(l->a, struct approve_spec);
	if (n->kind != NODE_MAP) {
		read_value(l, "approve", n, &traits_act(l, t)->approve->prompt);
		return;
	}
	if (read_map(l, n, IN_APPROVE, "'approve'", use_approve, t->act->approve) && !node_get(n, "prompt")) {
		diag_error(l->d, n->mark, "'approve' has no 'prompt'");
		diag_hint(l->d, "write approve: {prompt: \"Go on?\"}");
	}
}
