/*
 * orchmake-mask: between a step that was given secrets and its log.  Started by orchmake, never by hand:
 *
 *	orchmake-mask FD WHICH PROGRAM ARGUMENTS...
 *
 * FD holds the texts to hide, each with a NUL behind it; it is closed before PROGRAM starts.  WHICH is the
 * descriptors to stand between, `12`, `1` or `2`.  So no secret is in a log for an instant, and none is in
 * anybody's argument vector.
 *
 * PROGRAM's exit, or its signal, is this one's.  As without it, the end of PROGRAM is the end of the step: what it
 * left in the pipe is written, a background child that holds the pipe is not waited for.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/mask.h"

enum {
	HIDDEN_MAX = 64 << 20,
	OUTPUT_MAX = 16 << 20, /* as much of $ORCHMAKE_OUTPUT as is ever read */
	CHUNK = 64 << 10,
	CANNOT_RUN = 126,
	NOT_FOUND = 127,
};

/* One pipe from the step to what it takes for its output. */
struct stream {
	int in, theirs, out; /* in -1: over */
	struct buf held;     /* read, and not written yet: perhaps the beginning of a secret */
};

struct world {
	struct mask mask;
	struct stream stream[2];
	int n_streams;
	int end_of[3]; /* by descriptor: its stream, or -1 */
	int failed[2]; /* a pipe for the errno of a start that failed */
};

static void fail(const char *what)
{
	fprintf(stderr, "orchmake-mask: %s: %s\n", what, strerror(errno));
	exit(CANNOT_RUN);
}

static void read_hidden(struct world *w, int fd)
{
	struct buf all = BUF_INIT;

	if (fd_read_all(fd, &all, HIDDEN_MAX) < 0)
		fail("cannot read what to hide");
	close(fd);
	for (const char *at = all.data; at < all.data + all.len; at += strlen(at) + 1)
		mask_add(&w->mask, at);
	if (all.len)
		explicit_bzero(all.data, all.len);
	buf_release(&all);
}

/* --- the pipes ------------------------------------------------------------------------------------------ */

static int open_stream(struct world *w, int fd)
{
	struct stream *s = &w->stream[w->n_streams];
	int ends[2];

	*s = (struct stream){.held = BUF_INIT};
	s->out = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (s->out < 0 || pipe2(ends, O_CLOEXEC) < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0)
		fail("cannot make a pipe");
	s->in = ends[0];
	s->theirs = ends[1];
	return w->n_streams++;
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* One pipe for both where both are one file, or their order would be lost. */
static void open_streams(struct world *w, const char *which)
{
	bool out = strchr(which, '1'), err = strchr(which, '2');

	for (int fd = 0; fd < 3; fd++)
		w->end_of[fd] = -1;
	if (out)
		w->end_of[STDOUT_FILENO] = open_stream(w, STDOUT_FILENO);
	if (err)
		w->end_of[STDERR_FILENO] = out && same_file(STDOUT_FILENO, STDERR_FILENO)
						   ? w->end_of[STDOUT_FILENO]
						   : open_stream(w, STDERR_FILENO);
}

/* Whoever writes to it learns that nobody listens. */
static void close_stream(struct stream *s)
{
	close(s->in);
	s->in = -1;
}

static void pass_on(const struct world *w, struct stream *s, bool last)
{
	struct buf clear = BUF_INIT;
	size_t n = mask_filter(&w->mask, (struct span){s->held.data, s->held.len}, last, &clear);

	if (clear.len && fd_write_all(s->out, clear.data, clear.len) < 0 && s->in >= 0)
		close_stream(s);
	memmove(s->held.data, s->held.data + n, s->held.len - n);
	buf_cut(&s->held, s->held.len - n);
	buf_release(&clear);
}

/* All that is there now. */
static void pump(const struct world *w, struct stream *s)
{
	ssize_t n = 1;

	while (s->in >= 0 && n > 0) {
		n = read(s->in, buf_reserve(&s->held, CHUNK), CHUNK);
		if (n > 0) {
			s->held.len += (size_t)n;
			s->held.data[s->held.len] = 0;
			pass_on(w, s, false);
		}
	}
	if (s->in >= 0 && (n == 0 || errno != EAGAIN))
		close_stream(s);
}

/* --- the step ------------------------------------------------------------------------------------------- */

static const int stops[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGPIPE};

static void on_stops(void (*handler)(int))
{
	for (size_t i = 0; i < ARRAY_LEN(stops); i++)
		signal(stops[i], handler);
}

/* As the warden looks: every folder of PATH, and what is no program is not given to a shell. */
static void become(char **argv)
{
	const char *path = getenv("PATH");
	bool denied = false;

	if (strchr(argv[0], '/')) {
		execve(argv[0], argv, environ);
		return;
	}
	errno = ENOENT;
	for (path = path ? path : "/bin:/usr/bin"; path; path = *path ? path + 1 : NULL) {
		size_t n = strcspn(path, ":");
		char *full = xasprintf("%.*s%s%s", (int)n, path, n ? "/" : "", argv[0]);

		execve(full, argv, environ);
		free(full);
		denied |= errno == EACCES;
		if (errno != EACCES && errno != ENOENT && errno != ENOTDIR)
			return;
		path += n;
	}
	errno = denied ? EACCES : ENOENT;
}

static void child(struct world *w, char **argv)
{
	on_stops(SIG_DFL);
	for (int fd = 1; fd < 3; fd++)
		if (w->end_of[fd] >= 0 && dup2(w->stream[w->end_of[fd]].theirs, fd) < 0)
			_exit(CANNOT_RUN);
	become(argv);
	(void)!write(w->failed[1], &errno, sizeof(errno));
	_exit(CANNOT_RUN);
}

static pid_t start(struct world *w, char **argv)
{
	pid_t pid;

	if (pipe2(w->failed, O_CLOEXEC) < 0)
		fail("cannot make a pipe");
	on_stops(SIG_IGN); /* they are for the step; we end when it has */
	pid = fork();
	if (pid < 0)
		fail("cannot fork");
	if (!pid)
		child(w, argv);
	close(w->failed[1]);
	for (int i = 0; i < w->n_streams; i++)
		close(w->stream[i].theirs);
	return pid;
}

/* The step was no program: say so as the log's only line. */
static void check_start(struct world *w, const char *program)
{
	int error = 0;

	if (read(w->failed[0], &error, sizeof(error)) != (ssize_t)sizeof(error))
		return;
	fprintf(stderr, "cannot start '%s': %s\n", program, strerror(error));
	exit(error == ENOENT ? NOT_FOUND : CANNOT_RUN);
}

static void watch(struct world *w, int child_fd)
{
	struct pollfd p[3] = {{.fd = child_fd, .events = POLLIN}};

	while (!p[0].revents) {
		for (int i = 0; i < w->n_streams; i++)
			p[1 + i] = (struct pollfd){.fd = w->stream[i].in, .events = POLLIN};
		if (poll(p, (nfds_t)w->n_streams + 1, -1) < 0 && errno != EINTR)
			break;
		for (int i = 0; i < w->n_streams; i++)
			if (p[1 + i].revents)
				pump(w, &w->stream[i]);
	}
	for (int i = 0; i < w->n_streams; i++) {
		pump(w, &w->stream[i]);
		pass_on(w, &w->stream[i], true);
	}
}

/* The values it left in $ORCHMAKE_OUTPUT go to the ledger. */
static void mask_output(const struct world *w)
{
	const char *path = getenv("ORCHMAKE_OUTPUT");
	struct buf text = BUF_INIT, clear = BUF_INIT;
	struct stat st;

	if (path && !lstat(path, &st) && S_ISREG(st.st_mode) && !file_read(path, &text, OUTPUT_MAX) &&
	    mask_finds(&w->mask, (struct span){text.data, text.len})) {
		(void)mask_filter(&w->mask, (struct span){text.data, text.len}, true, &clear);
		if (file_write_atomic(path, clear.data, clear.len, 0600) < 0)
			(void)unlink(path);
	}
	buf_release(&text);
	buf_release(&clear);
}

/* Leave as the step did. */
static int end_like(int status)
{
	const struct rlimit none = {0};

	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	(void)setrlimit(RLIMIT_CORE, &none);
	signal(WTERMSIG(status), SIG_DFL);
	(void)raise(WTERMSIG(status));
	return 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	struct world w = {.mask = MASK_INIT};
	int status = 0, fd;
	pid_t pid;

	if (argc < 4) {
		fputs("usage: orchmake-mask FD WHICH PROGRAM [ARGUMENT...]; orchmake starts it\n", stderr);
		return 2;
	}
	(void)prctl(PR_SET_DUMPABLE, 0);
	read_hidden(&w, atoi(argv[1]));
	open_streams(&w, argv[2]);
	pid = start(&w, argv + 3);
	check_start(&w, argv[3]);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		fail("cannot watch the step");
	watch(&w, fd);
	(void)waitpid(pid, &status, 0);
	mask_output(&w);
	mask_release(&w.mask);
	for (int i = 0; i < w.n_streams; i++)
		buf_release(&w.stream[i].held);
	return end_like(status);
}
