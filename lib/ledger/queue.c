/* Operations that wait for a transaction. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "ledger/ledger_impl.h"
#include "ledger/queue_format.h"

enum { QUEUE_BYTES_KEPT = 4 * 1024 * 1024 };

void queue_op(struct ledger *l, enum stmt id)
{
	BUG_UNLESS(l->o.mode == LEDGER_WRITE);
	if (!l->n_queued)
		l->queued_since_ns = stamp_mono_ns();
	else
		buf_putc(&l->queue, OP_END); /* the one before ends here; the last one with the queue */
	l->op_at = l->queue.len;
	buf_putc(&l->queue, (char)id);
	l->n_queued++;
}

void queue_int(struct ledger *l, int64_t v)
{
	char *at = buf_reserve(&l->queue, 1 + sizeof(v));

	at[0] = OP_INT;
	memcpy(at + 1, &v, sizeof(v));
	l->queue.len += 1 + sizeof(v);
}

void queue_null(struct ledger *l)
{
	buf_putc(&l->queue, OP_NULL);
}

void queue_int_or(struct ledger *l, int64_t v, int64_t none)
{
	if (v == none)
		queue_null(l);
	else
		queue_int(l, v);
}

void queue_text(struct ledger *l, const char *s)
{
	size_t len = s ? strlen(s) : 0;
	char *at;

	if (!s) {
		queue_null(l);
		return;
	}
	at = buf_reserve(&l->queue, 1 + sizeof(len) + len);
	at[0] = OP_TEXT;
	memcpy(at + 1, &len, sizeof(len));
	memcpy(at + 1 + sizeof(len), s, len);
	l->queue.len += 1 + sizeof(len) + len;
}

void queue_text_lent(struct ledger *l, const char *s)
{
	char *at;

	if (!s) {
		queue_null(l);
		return;
	}
	at = buf_reserve(&l->queue, 1 + sizeof(s));
	at[0] = OP_LENT;
	memcpy(at + 1, &s, sizeof(s));
	l->queue.len += 1 + sizeof(s);
}

void queue_text_taken(struct ledger *l, char *s)
{
	queue_text_lent(l, s);
	if (s)
		VEC_PUSH(l->taken, l->n_taken, l->room_taken, s);
}

void queue_instance(struct ledger *l)
{
	buf_putc(&l->queue, OP_INSTANCE);
	buf_putc(&l->queue, OP_OWN_NAME);
}

void queue_state(struct ledger *l, enum state s)
{
	BUG_UNLESS(s < STATE_COUNT);
	queue_int(l, l->words.state[s]);
}

void queue_reason(struct ledger *l, enum reason r)
{
	BUG_UNLESS(r < REASON_COUNT);
	queue_int(l, l->words.reason[r]);
}

static struct queued_start *place_of_start(struct ledger *l, int64_t id)
{
	return &l->start[id % STARTS_KNOWN];
}

void queue_start_known(struct ledger *l, int64_t id)
{
	*place_of_start(l, id) = (struct queued_start){id, l->op_at, l->queue.len - l->op_at - 1};
}

void queue_start_forget(struct ledger *l, int64_t id)
{
	struct queued_start *s = place_of_start(l, id);

	if (s->id == id)
		s->id = 0;
}

static void take_away(struct ledger *l, const struct queued_start *s)
{
	char *op = l->queue.data + s->at;
	size_t rest = s->len - sizeof(rest);

	op[0] = (char)OP_GONE;
	memcpy(op + 1, &rest, sizeof(rest));
	l->n_queued--;
}

bool queue_start_join(struct ledger *l, int64_t id, enum stmt join)
{
	const struct queued_start s = *place_of_start(l, id);

	if (s.id != id)
		return false;
	queue_op(l, join);
	(void)buf_reserve(&l->queue, s.len);
	buf_add(&l->queue, l->queue.data + s.at + 1, s.len);
	take_away(l, &s);
	queue_start_forget(l, id);
	return true;
}

size_t ledger_pending(const struct ledger *l)
{
	return l->n_queued;
}

int64_t ledger_pending_since(const struct ledger *l)
{
	return l->n_queued ? l->queued_since_ns : 0;
}

struct queue_mark queue_mark(const struct ledger *l)
{
	return (struct queue_mark){l->queue.len, l->n_queued};
}

void queue_cut(struct ledger *l, struct queue_mark m)
{
	buf_cut(&l->queue, m.len);
	l->n_queued = m.n;
	memset(l->start, 0, sizeof(l->start));
}

void ledger_drop(struct ledger *l)
{
	queue_cut(l, (struct queue_mark){0, 0});
	while (l->n_taken)
		free(l->taken[--l->n_taken]);
	/* A million steps at the beginning must not be paid for during the whole run. */
	if (l->queue.room > QUEUE_BYTES_KEPT)
		buf_release(&l->queue);
}
