#include "prompt.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"

extern char **environ;

enum { PROMPT_FD = 3, WORDS_MAX = 64 * 1024, MESSAGE_MAX = 128 * 1024 };

struct prompt {
	struct prompt_options o;
	bool terminal;
	pid_t pid; /* 0: no program asks */
	int fd;
	struct sigaction interrupt, stop;
};

/* --- Ctrl-C --------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

const volatile sig_atomic_t *prompt_interrupted(void)
{
	return &interrupted;
}

/* A statement or a run may be cut short; what asks for lines goes on. */
static void catch_signals(struct prompt *p)
{
	const struct sigaction mine = {.sa_handler = on_interrupt}, ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGINT, &mine, &p->interrupt);
	sigaction(SIGTSTP, &ignore, &p->stop);
}

static void release_signals(const struct prompt *p)
{
	sigaction(SIGINT, &p->interrupt, NULL);
	sigaction(SIGTSTP, &p->stop, NULL);
}

/* --- the program that asks ------------------------------------------------------------------------------------- */

/* Below $XDG_STATE_HOME, for its owner only; empty: there is no home. */
static char *history_path(const char *name)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *dir, *path;

	if (state && *state == '/')
		dir = xasprintf("%s/orchmake", state);
	else if (home && *home == '/')
		dir = xasprintf("%s/.local/state/orchmake", home);
	else
		return xstrdup("");
	(void)dirs_make(dir, 0700);
	path = xasprintf("%s/%s_history", dir, name);
	free(dir);
	return path;
}

static int spawn_asking(struct prompt *p, int theirs)
{
	char *program = path_join(p->o.libexec, "orchmake-prompt"), *history = history_path(p->o.history);
	char *argv[] = {program, history, (char *)p->o.breaks, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t normal;
	int error;

	sigemptyset(&normal);
	sigaddset(&normal, SIGINT);
	sigaddset(&normal, SIGTSTP);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, theirs, PROMPT_FD);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &normal);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	error = posix_spawn(&p->pid, program, &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	if (error) {
		cli_error("cannot start '%s': %s; lines can be typed, but not edited", program, strerror(error));
		p->pid = 0;
	}
	free(program);
	free(history);
	return error ? -1 : 0;
}

static void start_asking(struct prompt *p)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		cli_error("cannot make a socket: %s", strerror(errno));
		return;
	}
	p->fd = pair[0];
	if (spawn_asking(p, pair[1]) < 0) {
		close(pair[0]);
		p->fd = -1;
	}
	close(pair[1]);
}

struct prompt *prompt_open(const struct prompt_options *o)
{
	struct prompt *p = xcalloc(1, sizeof(*p));

	p->o = *o;
	p->fd = -1;
	p->terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	if (p->terminal) {
		catch_signals(p);
		start_asking(p);
	}
	return p;
}

void prompt_close(struct prompt *p)
{
	if (!p)
		return;
	if (p->pid) {
		close(p->fd); /* tells it to end */
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (p->terminal)
		release_signals(p);
	free(p);
}

bool prompt_is_terminal(const struct prompt *p)
{
	return p->terminal;
}

/* --- lines ------------------------------------------------------------------------------------------------------ */

/* One message: its kind and its text, NUL-terminated. */
static ssize_t receive(struct prompt *p, char *message)
{
	ssize_t n;

	do
		n = recv(p->fd, message, MESSAGE_MAX - 1, 0);
	while (n < 0 && errno == EINTR);
	message[n > 0 ? n : 0] = 0;
	return n;
}

static void tell(struct prompt *p, char kind, const char *text, size_t len)
{
	struct buf message = BUF_INIT;

	buf_putc(&message, kind);
	buf_add(&message, text, len);
	(void)send(p->fd, message.data, message.len, MSG_NOSIGNAL); /* if it is gone, the next receive says so */
	buf_release(&message);
}

/* `NUMBER LINE`: where the last word begins, and the line up to the cursor. */
static void answer_words(struct prompt *p, const char *asked)
{
	char *line;
	size_t word = strtoul(asked, &line, 10);
	struct buf out = BUF_INIT;

	if (*line == ' ' && word <= strlen(line + 1))
		p->o.complete(p->o.ctx, line + 1, word, &out);
	while (out.len > WORDS_MAX)
		buf_cut(&out, (size_t)((char *)memrchr(out.data, '\n', out.len - 1) - out.data) + 1);
	tell(p, 'W', out.data, out.len);
	buf_release(&out);
}

static char *ask(struct prompt *p, const char *text, bool *ret_broken)
{
	char *message = xmalloc(MESSAGE_MAX), *line = NULL;
	ssize_t n;

	tell(p, 'P', text, strlen(text));
	while ((n = receive(p, message)) > 0 && message[0] == 'C')
		answer_words(p, message + 1);
	*ret_broken = n > 0 && message[0] == 'I';
	if (n > 0 && (message[0] == 'L' || message[0] == 'I'))
		line = xstrdup(message + 1);
	free(message);
	return line;
}

static char *read_plain(const struct prompt *p, const char *text, bool *ret_broken)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (p->terminal) {
		fputs(text, stdout);
		fflush(stdout);
	}
	n = getline(&line, &room, stdin);
	if (n < 0 && ferror(stdin) && errno == EINTR) {
		clearerr(stdin);
		*ret_broken = true;
		free(line);
		return xstrdup("");
	}
	if (n < 0) {
		free(line);
		return NULL;
	}
	while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		line[--n] = 0;
	return line;
}

char *prompt_line(struct prompt *p, const char *text, bool *ret_broken)
{
	char *line;

	*ret_broken = false;
	fflush(stdout);
	interrupted = 0; /* not afterwards: what comes right behind the line is meant for what the line does */
	line = p->pid ? ask(p, text, ret_broken) : read_plain(p, text, ret_broken);
	return line;
}
