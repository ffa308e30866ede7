/* A warden in a process of its own, and what a driver could say to it. */
#ifndef UNIT_WARDEN_CASE_H
#define UNIT_WARDEN_CASE_H

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "sys/calls.h"
#include "sys/message.h"
#include "warden/journal.h"
#include "warden/request.h"
#include "warden/warden.h"
#include "warden/wire.h"

enum { POST_PATIENCE_MS = 30000, POST_GIVE_UP_MS = 100, POST_NONCE = 5 };

struct post {
	char dir[64], journal[96];
	pid_t warden;
	int socket;
};

/* In a process of its own, without an exec, with these system calls. */
static void post_open_with(struct post *p, uint32_t slots, const struct calls *c)
{
	int pair[2], journal;

	*p = (struct post){.dir = "/tmp/orchmake-warden-XXXXXX"};
	CHECK(mkdtemp(p->dir));
	snprintf(p->journal, sizeof(p->journal), "%s/journal", p->dir);
	CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	journal = journal_create(&calls_real, p->journal, POST_NONCE);
	CHECK(journal >= 0);
	fflush(NULL);
	p->warden = fork();
	CHECK(p->warden >= 0);
	if (!p->warden) {
		struct warden_options o = {.calls = c, .socket = pair[1], .journal = journal, .nonce = POST_NONCE,
					   .slots = slots, .give_up_ms = POST_GIVE_UP_MS};
		sigset_t all;

		close(pair[0]);
		sigfillset(&all);
		sigprocmask(SIG_SETMASK, &all, NULL);
		prctl(PR_SET_CHILD_SUBREAPER, 1);
		exit(warden_run(&o) < 0 ? 1 : 0); /* and not _exit: what counts coverage writes it then */
	}
	close(pair[1]);
	close(journal);
	p->socket = pair[0];
}

static inline void post_close_as(struct post *p, int exit_code)
{
	int status;

	close(p->socket);
	CHECK_INT(waitpid(p->warden, &status, 0), p->warden);
	CHECK(WIFEXITED(status)); /* it went by itself */
	CHECK_INT(WEXITSTATUS(status), exit_code);
	CHECK_INT(unlink(p->journal), 0);
	CHECK_INT(rmdir(p->dir), 0);
}

static void post_close(struct post *p)
{
	post_close_as(p, 0);
}

static bool post_send(const struct post *p, const struct wire_ask *ask, const void *block, size_t len, const int *fd,
		      size_t n_fds)
{
	const struct iovec part[] = {{(void *)(uintptr_t)ask, sizeof(*ask)}, {(void *)(uintptr_t)block, len}};

	return message_send(&calls_real, p->socket, part, 2, fd, n_fds) >= 0;
}

/* What it answers; false if it has hung up. */
static inline bool post_answer(const struct post *p, struct wire_event *e)
{
	struct pollfd f = {.fd = p->socket, .events = POLLIN};

	CHECK_INT(poll(&f, 1, POST_PATIENCE_MS), 1);
	return recv(p->socket, e, sizeof(*e), 0) == (ssize_t)sizeof(*e);
}

#endif
