#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "engine/exec_impl.h"
#include "sys/message.h"
#include "warden/request.h"

enum {
	RETRY_FIRST_MS = 10,  /* a start that failed for want of something is tried again after this, */
	RETRY_LAST_MS = 1000, /* then twice as long each time, up to this */
};

enum sent exec_send_ask(struct exec_local *x, const struct wire_ask *ask, const struct buf *block, const int *fd,
			size_t n_fds)
{
	const struct iovec part[] = {{(void *)(uintptr_t)ask, sizeof(*ask)},
				     {block ? block->data : NULL, block ? block->len : 0}};

	while (message_send(x->calls, x->socket, part, ARRAY_LEN(part), fd, n_fds) < 0)
		switch (errno) {
		case EINTR:
			continue;
		case EAGAIN:
			return SENT_FULL;
		case EPIPE:
		case ECONNRESET:
		case ENOTCONN:
			return SENT_BROKEN;
		default:
			return message_later(errno) ? SENT_LATER : SENT_NEVER;
		}
	return SENT_YES;
}

/* A great block goes as a memfd before the descriptors. */
static enum sent send_big(struct exec_local *x, struct wire_ask *ask, const struct attempt *a)
{
	int fd[REQUEST_FDS + 1];
	enum sent rc;

	fd[0] = request_seal(x->calls, &a->block);
	if (fd[0] < 0)
		return errno == EINVAL ? SENT_NEVER : SENT_LATER;
	if (a->n_fds)
		memcpy(fd + 1, a->fd, a->n_fds * sizeof(int));
	ask->kind = WIRE_START_BIG;
	rc = exec_send_ask(x, ask, NULL, fd, a->n_fds + 1);
	close(fd[0]);
	return rc;
}

static enum sent send_start(struct exec_local *x, uint32_t place)
{
	const struct attempt *a = &x->attempt[place];
	struct wire_ask ask = {.kind = WIRE_START, .place = place, .serial = a->serial, .flags = a->flags, .age = a->age};

	if (a->block.len > REQUEST_INLINE)
		return send_big(x, &ask, a);
	return exec_send_ask(x, &ask, &a->block, a->fd, a->n_fds);
}

static void want_out(struct exec_local *x, bool out)
{
	struct epoll_event e = {.events = out ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.fd = x->socket};

	if (x->wants_out != out && !epoll_ctl(x->epoll, EPOLL_CTL_MOD, x->socket, &e))
		x->wants_out = out;
}

static void pause_starts(struct exec_local *x)
{
	int64_t now = stamp_mono_ns(), due;
	struct itimerspec at = {0};

	if (x->paused_until_ns > now)
		return;
	x->pause_ms = x->pause_ms ? x->pause_ms * 2 : RETRY_FIRST_MS;
	if (x->pause_ms > RETRY_LAST_MS)
		x->pause_ms = RETRY_LAST_MS;
	due = x->paused_until_ns = now + x->pause_ms * NS_PER_MS;
	at.it_value = (struct timespec){due / NS_PER_S, due % NS_PER_S};
	(void)timerfd_settime(x->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

/* Another try later, if it has not been tried for too long. */
static bool may_retry(const struct exec_local *x, struct attempt *a)
{
	int64_t now = stamp_mono_ns();

	if (!a->retry_since_ns)
		a->retry_since_ns = now;
	return now - a->retry_since_ns < x->retry_ns;
}

/* False if the socket takes no more now. */
static bool flush_asks(struct exec_local *x)
{
	size_t n = 0;
	enum sent rc = SENT_YES;

	for (; n < x->n_asks; n++) {
		rc = exec_send_ask(x, &x->ask[n], NULL, NULL, 0);
		if (rc == SENT_FULL || rc == SENT_LATER)
			break;
	}
	memmove(x->ask, x->ask + n, (x->n_asks - n) * sizeof(*x->ask));
	x->n_asks -= n;
	if (rc == SENT_LATER)
		pause_starts(x);
	return !x->n_asks;
}

void exec_retry_or_fail(struct exec_local *x, uint32_t place, uint32_t stage, int error)
{
	if (!may_retry(x, &x->attempt[place])) {
		exec_not_started(x, place, stage, error);
		return;
	}
	x->attempt[place].state = ATTEMPT_QUEUED;
	exec_list_add_first(x, &x->queue, place);
	pause_starts(x);
}

static void sent(struct exec_local *x, uint32_t place)
{
	bool held = x->attempt[place].flags & WIRE_HOLD;

	x->attempt[place].state = held ? ATTEMPT_HELD : ATTEMPT_SENT;
	x->n_sent++;
	if (held)
		exec_list_add(x, &x->held, place);
}

void exec_flush(struct exec_local *x)
{
	if (x->broken)
		return;
	if (x->paused_until_ns && stamp_mono_ns() >= x->paused_until_ns)
		x->paused_until_ns = 0;
	if (x->n_asks && !flush_asks(x)) {
		want_out(x, !x->paused_until_ns);
		return;
	}
	while (!x->paused_until_ns && x->n_sent < x->slots && x->queue.first != NONE) {
		uint32_t place = x->queue.first;
		enum sent rc = send_start(x, place);
		int error = errno;

		if (rc == SENT_FULL) {
			want_out(x, true);
			return;
		}
		if (rc == SENT_BROKEN)
			return; /* pump() will find out what that means */
		(void)exec_list_take(x, &x->queue);
		if (rc == SENT_YES) {
			sent(x, place);
		} else if (x->attempt[place].flags & WIRE_HOLD) {
			exec_back(x, place, error);
		} else if (rc == SENT_LATER) {
			exec_retry_or_fail(x, place, STAGE_QUEUE, error);
		} else {
			exec_not_started(x, place, STAGE_QUEUE, error);
		}
	}
	want_out(x, false);
}
