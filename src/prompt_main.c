/*
 * orchmake-prompt HISTORY BREAKS: asks for lines on the terminal, for whoever holds the other end of descriptor 3, a
 * socket of packets.  It knows nothing of what the lines mean; it is a program of its own because GNU readline takes
 * milliseconds to load and has another licence than the rest.
 *
 *	P text		from there: ask, with this prompt
 *	L line		to there: it was typed;  E: there is no more;  I: Ctrl-C
 *	C number line	to there: what may stand where the line ends; its last word begins at number
 *	W words		from there: the answer, one a line
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

enum { PEER = 3, MESSAGE_MAX = 128 * 1024, HISTORY_LINES = 2000 };

static char message[MESSAGE_MAX]; /* the last one received */
static bool line_done;
static const char *history_file;

/* --- messages -------------------------------------------------------------------------------------------------- */

static void end(int code)
{
	rl_callback_handler_remove();
	exit(code);
}

static void tell(char kind, const char *text)
{
	size_t n = strlen(text) + 1;
	char *m = malloc(n + 1);

	if (!m)
		end(1);
	m[0] = kind;
	memcpy(m + 1, text, n);
	if (send(PEER, m, n < MESSAGE_MAX ? n : MESSAGE_MAX - 1, MSG_NOSIGNAL) < 0)
		end(1);
	free(m);
}

/* The kind of the next message, its text in message + 1.  Ends with the other side. */
static char receive(void)
{
	ssize_t n;

	do
		n = recv(PEER, message, sizeof(message) - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		end(0);
	message[n] = 0;
	return message[0];
}

/* --- completion ------------------------------------------------------------------------------------------------ */

/* readline asks for one after the other, and frees them. */
static char *next_word(const char *text, int state)
{
	static char *rest;
	char *word;

	(void)text;
	if (!state)
		rest = message + 1;
	word = strsep(&rest, "\n");
	return word && *word ? strdup(word) : NULL;
}

static char **complete(const char *text, int start, int stop)
{
	char *line = NULL;
	char **words;
	size_t n;

	rl_attempted_completion_over = 1;
	if (asprintf(&line, "%d %.*s", start, stop, rl_line_buffer) < 0)
		return NULL;
	tell('C', line);
	free(line);
	if (receive() != 'W')
		return NULL;
	words = rl_completion_matches(text, next_word);
	n = words && words[0] ? strlen(words[0]) : 0;
	rl_completion_suppress_append = n && strchr("/=(.", words[0][n - 1]);
	return words;
}

/* --- history --------------------------------------------------------------------------------------------------- */

static void remember(const char *line)
{
	HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;

	if (!line[strspn(line, " \t")] || (last && !strcmp(last->line, line)))
		return;
	add_history(line);
	if (*history_file)
		(void)append_history(1, history_file);
}

static void read_past(void)
{
	int fd;

	stifle_history(HISTORY_LINES);
	if (!*history_file)
		return;
	fd = open(history_file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600); /* before readline makes it for everybody */
	if (fd >= 0)
		close(fd);
	(void)read_history(history_file);
	(void)history_truncate_file(history_file, HISTORY_LINES);
}

/* --- lines ----------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t broken, resized, ended;

static void on_signal(int signal)
{
	if (signal == SIGINT)
		broken = 1;
	else if (signal == SIGWINCH)
		resized = 1;
	else
		ended = 1;
}

static void on_line(char *line)
{
	rl_callback_handler_remove();
	line_done = true;
	if (line) {
		remember(line);
		tell('L', line);
	} else {
		putchar('\n');
		fflush(stdout);
		tell('E', "");
	}
	free(line);
}

/* Ctrl-C: what was typed is given up, on a new line. */
static void give_up_line(void)
{
	rl_free_line_state();
	rl_callback_sigcleanup();
	rl_callback_handler_remove();
	fputs("^C\n", stdout);
	fflush(stdout);
	line_done = true;
	tell('I', "");
}

static void look_at_signals(void)
{
	if (ended)
		end(0);
	if (broken)
		give_up_line();
	else if (resized)
		rl_resize_terminal();
	broken = resized = 0;
}

/* A Ctrl-C of the time when a statement or a run had the terminal was meant for that. */
static void forget_interrupt(void)
{
	const struct timespec now = {0};
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, SIGINT);
	(void)sigtimedwait(&one, NULL, &now);
	broken = 0;
}

/* Signals come only while it waits. */
static void ask(const char *prompt, const sigset_t *waiting)
{
	struct pollfd from[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = PEER, .events = POLLRDHUP}};

	line_done = false;
	forget_interrupt();
	rl_callback_handler_install(prompt, on_line);
	while (!line_done) {
		if (ppoll(from, 2, NULL, waiting) < 0) {
			look_at_signals();
			continue;
		}
		if (from[1].revents)
			end(0); /* nobody wants the line any more */
		if (from[0].revents)
			rl_callback_read_char();
	}
}

static void set_up(const char *breaks, sigset_t *ret_waiting)
{
	static const int caught[] = {SIGINT, SIGWINCH, SIGTERM, SIGHUP};
	const struct sigaction mine = {.sa_handler = on_signal};
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
		sigaction(caught[i], &mine, NULL);
		sigaddset(&blocked, caught[i]);
	}
	sigprocmask(SIG_BLOCK, &blocked, ret_waiting);
	(void)signal(SIGTSTP, SIG_IGN);
	rl_readline_name = "orchmake";
	rl_catch_signals = 0;
	rl_catch_sigwinch = 0;
	rl_basic_word_break_characters = breaks;
	rl_completer_word_break_characters = (char *)breaks;
	rl_attempted_completion_function = complete;
	(void)rl_variable_bind("completion-ignore-case", "on");
	(void)rl_variable_bind("enable-bracketed-paste", "off");
	rl_initialize();
}

int main(int argc, char **argv)
{
	sigset_t waiting;

	if (argc != 3) {
		fputs("orchmake-prompt: started by `orchmake sql` and `orchmake shell`, not by hand\n", stderr);
		return 2;
	}
	(void)fcntl(PEER, F_SETFD, FD_CLOEXEC);
	history_file = argv[1];
	set_up(argv[2], &waiting);
	read_past();
	while (receive() == 'P') {
		char *prompt = strdup(message + 1);

		if (!prompt)
			return 1;
		ask(prompt, &waiting);
		free(prompt);
	}
	return 0;
}
