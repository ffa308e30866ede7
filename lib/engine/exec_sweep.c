/* What is left when driver and warden have both died, and how it is known. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/stamp.h"
#include "engine/exec_impl.h"
#include "sys/proctree.h"
#include "warden/journal.h"

enum {
	LOOK_AGAIN_MS = 50,
	CLEAN_MAX = 8, /* so often nobody may be found, and somebody have gone, before that is believed */
};

void exec_run_tag(char tag[EXEC_TAG_ROOM], uint64_t nonce)
{
	snprintf(tag, EXEC_TAG_ROOM, "ORCHMAKE_TAG=%016llx:", (unsigned long long)nonce);
}

void exec_tag(char tag[EXEC_TAG_ROOM], uint64_t nonce, uint32_t serial)
{
	snprintf(tag, EXEC_TAG_ROOM, "ORCHMAKE_TAG=%016llx:%u", (unsigned long long)nonce, serial);
}

void exec_wait_for_exit(const struct calls *c, pid_t pid)
{
	struct timespec t = {.tv_nsec = (long)LOOK_AGAIN_MS * NS_PER_MS};
	struct pollfd p = {.fd = pid ? c->pidfd_open(pid, 0) : -1, .events = POLLIN};

	if (p.fd < 0)
		t.tv_nsec = NS_PER_MS;
	(void)c->ppoll(&p, 1, &t, NULL);
	if (p.fd >= 0)
		close(p.fd);
}

struct sweep {
	const struct calls *calls;
	const struct journal *j;
	struct proc_room room;
	char tag[EXEC_TAG_ROOM];
	size_t killed;
	pid_t last; /* one that was alive */
	bool gone;  /* somebody was on the list and could not be looked at any more: he may have left a child */
};

static bool is_recorded_leader(const struct journal *j, pid_t pid, uint64_t ticks)
{
	for (size_t i = 0; i < j->n_attempts; i++) {
		const struct journal_attempt *a = &j->attempt[i];

		if (a->last == JOURNAL_PROCESS && a->pid == pid && ticks >= a->start_ticks &&
		    ticks <= a->start_ticks + a->start_span)
			return true;
	}
	return false;
}

static bool is_dead(struct sweep *s, pid_t pid, struct proc_stat *st)
{
	bool looked = !proc_stat(s->calls, pid, st);

	if (looked && st->state != 'Z')
		return false;
	s->gone |= !looked || st->start_ticks >= s->j->begun_ticks;
	return true;
}

static bool sweep_one(void *arg, pid_t pid)
{
	struct sweep *s = arg;
	struct proc_stat st;

	/* The cheap question first: nearly all were there before the run, or began long after it. */
	if (pid == getpid() || is_dead(s, pid, &st) || st.start_ticks < s->j->begun_ticks)
		return true;
	if (!proc_environ_has(s->calls, pid, s->tag) && !is_recorded_leader(s->j, pid, st.start_ticks))
		return true;
	s->killed += proc_tree_signal(s->calls, &s->room, pid, st.parent, SIGKILL);
	s->last = pid;
	return true;
}

/*
 * A list of processes is old when it is read: one that forks and ends meanwhile is not there any more, and its child
 * is not there yet.  So the last look is one during which nobody went, or one of many.
 */
static int sweep(struct sweep *s, int64_t until)
{
	for (int clean = 0; clean < CLEAN_MAX;) {
		s->last = 0;
		s->gone = false;
		if (proc_each(s->calls, sweep_one, s) < 0)
			return -1;
		if (!s->last && !s->gone)
			return 0;
		clean = s->last ? 0 : clean + 1;
		if (s->last && stamp_mono_ns() >= until) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (s->last)
			exec_wait_for_exit(s->calls, s->last);
	}
	return 0;
}

int exec_local_sweep(const struct calls *c, const struct journal *j, int64_t wait_ms, size_t *ret_killed)
{
	struct sweep s = {.calls = c, .j = j};
	int rc, saved;

	*ret_killed = 0;
	if (!j->same_boot)
		return 0;
	if (proc_room_init(&s.room, c) < 0)
		return -1;
	exec_run_tag(s.tag, j->nonce);
	rc = sweep(&s, stamp_mono_ns() + wait_ms * NS_PER_MS);
	saved = errno;
	proc_room_release(&s.room);
	*ret_killed = s.killed;
	errno = saved;
	return rc;
}
