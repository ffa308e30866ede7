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

enum { LOOK_AGAIN_MS = 50 };

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
	const struct journal *j;
	struct proc_room room;
	char tag[EXEC_TAG_ROOM];
	size_t killed;
	pid_t last; /* one that was alive */
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

static bool sweep_one(void *arg, pid_t pid)
{
	struct sweep *s = arg;
	struct proc_stat st;

	/* The cheap question first: nearly all were there before the run, or began long after it. */
	if (pid == getpid() || proc_stat(&calls_real, pid, &st) < 0 || st.state == 'Z' ||
	    st.start_ticks < s->j->begun_ticks)
		return true;
	if (!proc_environ_has(&calls_real, pid, s->tag) && !is_recorded_leader(s->j, pid, st.start_ticks))
		return true;
	s->killed += proc_tree_signal(&calls_real, &s->room, pid, st.parent, SIGKILL);
	s->last = pid;
	return true;
}

int exec_local_sweep(const struct journal *j, int64_t wait_ms, size_t *ret_killed)
{
	int64_t until = stamp_mono_ns() + wait_ms * NS_PER_MS;
	struct sweep s = {.j = j};
	int rc, saved;

	*ret_killed = 0;
	if (!j->same_boot)
		return 0;
	if (proc_room_init(&s.room, &calls_real) < 0)
		return -1;
	exec_run_tag(s.tag, j->nonce);
	for (;;) {
		s.last = 0;
		rc = proc_each(&calls_real, sweep_one, &s);
		if (rc < 0 || !s.last)
			break;
		if (stamp_mono_ns() >= until) {
			errno = ETIMEDOUT;
			rc = -1;
			break;
		}
		exec_wait_for_exit(&calls_real, s.last);
	}
	saved = errno;
	proc_room_release(&s.room);
	*ret_killed = s.killed;
	errno = saved;
	return rc;
}
