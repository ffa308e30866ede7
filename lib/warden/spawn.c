#include "warden/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/child.h"
#include "sys/proctree.h"

enum { COULD_NOT = 127 };

int spawn_init(struct spawn *s, const struct calls *c)
{
	*s = (struct spawn){.calls = c, .null_fd = -1, .warden = getpid(), .stack_end = child_stack(c)};
	s->report = c->mmap(NULL, sizeof(*s->report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!s->stack_end || s->report == MAP_FAILED)
		return -1;
	return s->null_fd = c->openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
}

/*
 * From here to the end everything runs in the child: its parent sleeps, their memory is one, and only calls
 * that are safe after vfork are made.  A way station answers less than 0, with errno, if it could not be passed.
 */

/* A session of its own, unless it is to have the terminal; and when the warden dies, it dies. */
static IN_CHILD int own_session(struct spawn *s)
{
	if (child_follow(s->calls, s->warden) < 0)
		return -1;
	child_yield_memory(s->calls); /* a step goes before what keeps its record */
	return s->request->flags & REQUEST_TTY ? setpgid(0, 0) : setsid();
}

static IN_CHILD int open_log(struct spawn *s)
{
	s->log = s->request->log_path ? child_open_log(s->calls, s->request->log_path) : s->null_fd;
	return s->log;
}

static IN_CHILD int enter_folder(struct spawn *s)
{
	return child_enter(s->request->cwd, s->request->umask);
}

/* The file that is named, or what the step has without one (with a terminal it comes along). */
static IN_CHILD int standard_three(struct spawn *s)
{
	const struct request *r = s->request;
	bool tty = r->flags & REQUEST_TTY;
	const int otherwise[] = {tty ? 0 : s->null_fd, tty ? 1 : s->log, tty ? 2 : s->log};
	const int flags[] = {O_RDONLY, O_WRONLY | O_CREAT | (r->flags & REQUEST_STDOUT_APPEND ? O_APPEND : O_TRUNC),
			     O_WRONLY | O_CREAT | (r->flags & REQUEST_STDERR_APPEND ? O_APPEND : O_TRUNC)};
	int at, rc = child_standard(s->calls, &r->text[1], flags, otherwise, &at);

	s->report->stage = STAGE_STDIN + (uint32_t)at;
	return rc;
}

/*
 * Nothing stays open but the standard three and what was declared, under the numbers that were declared.  Blocked signals
 * let the new group take the terminal from the background.
 */
static IN_CHILD int declared(struct spawn *s)
{
	if (child_place(s->fd, s->request->number, s->request->n_numbers) < 0)
		return -1;
	s->report->stage = STAGE_TERMINAL;
	return s->request->flags & REQUEST_FOREGROUND ? tcsetpgrp(STDIN_FILENO, getpid()) : 0;
}

/* The last thing that can fail but exec: limits hold for what comes before them too. */
static IN_CHILD int become(struct spawn *s)
{
	if (limits_set(&s->request->limits) < 0)
		return -1;
	s->report->stage = STAGE_EXEC;
	return child_exec(s->request->argv, s->request->envp);
}

static IN_CHILD int child(void *arg)
{
	static const struct {
		uint32_t stage;
		int (*pass)(struct spawn *s);
	} way[] = {
		{STAGE_SESSION, own_session}, {STAGE_LOG, open_log}, {STAGE_CWD, enter_folder}, {STAGE_STDIN, standard_three},
		{STAGE_DESCRIPTORS, declared}, {STAGE_LIMITS, become},
	};
	struct spawn *s = arg;
	size_t at = 0;

	s->report->ticks = proc_ticks_now();
	do /* the last one comes back only if it failed */
		s->report->stage = way[at].stage;
	while (way[at++].pass(s) >= 0);
	s->report->error = errno;
	_exit(COULD_NOT);
}

pid_t spawn_start(struct spawn *s)
{
	*s->report = (struct spawn_report){.stage = STAGE_SESSION};
	return s->calls->clone(child, s->stack_end, CLONE_VM | CLONE_VFORK | SIGCHLD, s);
}
