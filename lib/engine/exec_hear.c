#include <errno.h>
#include <sys/socket.h>

#include "base/vec.h"
#include "engine/evidence.h"
#include "engine/exec_impl.h"
#include "warden/request.h"

static void take_started(struct exec_local *x, uint32_t place, const struct wire_event *e)
{
	struct attempt *a = &x->attempt[place];

	a->state = ATTEMPT_STARTED;
	a->pid = (pid_t)e->record.process.pid;
	a->start_untold = true;
	a->ended.start_mono_ns = e->start_ns;
	exec_forget_request(a);
	x->pause_ms = 0;
	VEC_PUSH(x->note, x->n_notes, x->room_notes, ((struct start_note){place, a->serial}));
}

static void take_failed(struct exec_local *x, uint32_t place, const struct wire_event *e)
{
	const struct journal_record *r = &e->record;
	int error = (int)r->failed.error;

	x->heard = e->age;

	if (r->failed.stage == STAGE_FORK && (error == EAGAIN || error == ENOMEM)) {
		x->n_sent--;
		exec_retry_or_fail(x, place, r->failed.stage, error);
	} else {
		exec_not_started(x, place, r->failed.stage, error);
	}
}

/* As recovery would read it, but for what is finer than the journal keeps it. */
static void take_ended(struct exec_local *x, uint32_t place, const struct wire_event *e)
{
	struct journal_attempt known = {0};
	struct attempt_ended end;

	journal_take(&known, &e->record);
	end = evidence_end(&known);
	end.pid = x->attempt[place].pid;
	end.start_mono_ns = e->start_ns;
	end.end_mono_ns = e->end_ns;
	end.user_us = e->user_us;
	end.system_us = e->system_us;
	end.journal_error = (int)e->unrecorded;
	end.next = e->next;
	x->heard = e->age;
	exec_done(x, place, &end);
}

/* What is held begins and is dropped in the order in which it was sent. */
static bool take_held(struct exec_local *x, uint32_t serial)
{
	uint32_t place = exec_list_take(x, &x->held);

	return place != NONE && x->attempt[place].serial == serial;
}

/* It has the place of what has ended: the events that follow are those of one that was sent. */
static bool take_next(struct exec_local *x, uint32_t serial)
{
	uint32_t place = x->held.first;

	if (!serial)
		return true;
	if (!take_held(x, serial))
		return false;
	x->attempt[place].state = ATTEMPT_SENT;
	x->attempt[place].flags &= ~(uint32_t)WIRE_HOLD; /* it is to start, however often that is tried */
	return true;
}

/* False if it makes no sense: then it is no warden of ours. */
static bool take_event(struct exec_local *x, const struct wire_event *e)
{
	const struct attempt *a = e->place < x->n_attempts ? &x->attempt[e->place] : NULL;

	if (!a || a->serial != e->record.serial || a->state < ATTEMPT_HELD || a->state > ATTEMPT_STARTED ||
	    !take_next(x, e->next))
		return false;
	if (e->record.type == WIRE_DROPPED && a->state == ATTEMPT_HELD && take_held(x, a->serial))
		exec_back(x, e->place, 0);
	else if (e->record.type == JOURNAL_PROCESS && a->state == ATTEMPT_SENT)
		take_started(x, e->place, e);
	else if (e->record.type == JOURNAL_FAILED && a->state == ATTEMPT_SENT)
		take_failed(x, e->place, e);
	else if (e->record.type == JOURNAL_END && a->state == ATTEMPT_STARTED)
		take_ended(x, e->place, e);
	else
		return false;
	return true;
}

int exec_receive(struct exec_local *x)
{
	struct wire_event e[WIRE_EVENTS];
	struct iovec v = {e, sizeof(e)};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	ssize_t n;

	do
		n = x->calls->recvmsg(x->socket, &m, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == ENOMEM || errno == ENOBUFS ? 0 : -1;
	if (!n || n % (ssize_t)sizeof(*e))
		return -1;
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(*e); i++)
		if (!take_event(x, &e[i]))
			return -1;
	return 1;
}
