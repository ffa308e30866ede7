#include "sys/tokens.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bug.h"

int tokens_give_all(struct tokens *t)
{
	int error = 0;

	while (t->held)
		if (tokens_give(t) < 0 && !error)
			error = errno;
	if (!error)
		return 0;
	errno = error;
	return -1;
}

int tokens_resize(struct tokens *t, uint32_t n)
{
	BUG_UNLESS(n > 0);
	return t->ops->resize(t, n);
}

void tokens_free(struct tokens *t)
{
	if (t)
		t->ops->free(t);
}

struct tokens_counter {
	struct tokens base;
	uint32_t n;
};

static int counter_take(struct tokens *t)
{
	struct tokens_counter *c = (struct tokens_counter *)t;

	if (t->held >= c->n)
		return 0;
	t->held++;
	return 1;
}

static int counter_give(struct tokens *t)
{
	BUG_UNLESS(t->held);
	t->held--;
	return 0;
}

static int counter_watch_fd(const struct tokens *t)
{
	(void)t;
	return -1;
}

static void counter_free(struct tokens *t)
{
	free(t);
}

static int counter_resize(struct tokens *t, uint32_t n)
{
	((struct tokens_counter *)t)->n = n;
	return 0;
}

struct tokens *tokens_local(uint32_t n)
{
	static const struct tokens_ops ops = {counter_take, counter_give, counter_watch_fd, counter_free,
					      counter_resize};
	struct tokens_counter *c = xcalloc(1, sizeof(*c));

	BUG_UNLESS(n > 0);
	c->base.ops = &ops;
	c->n = n;
	return &c->base;
}
