/* shell: lines that would stand behind `orchmake`, each carried out by a process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/vec.h"
#include "prompt.h"
#include "words.h"

extern char **environ;

enum { READ_DEPTH = 16 };

struct shell {
	struct cli *c;
	struct prompt *p;
	int code;  /* of the last line */
	int depth; /* of .read within .read */
};

/* --- words of a line --------------------------------------------------------------------------------------------- */

struct argv {
	char **at;
	size_t n, room;
};

static void free_argv(struct argv *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->at[i]);
	free(a->at);
}

static void push(struct argv *a, const char *text)
{
	VEC_PUSH(a->at, a->n, a->room, text ? xstrdup(text) : NULL);
}

/* One word: blanks end it; '...', "..." and \ keep what they would otherwise mean.  False: a quote is not closed. */
static bool take_word(const char **at, struct buf *word)
{
	const char *p = *at;
	char quote = 0;

	for (; *p && (quote || !strchr(" \t", *p)); p++) {
		if (*p == '\\' && quote != '\'' && p[1])
			buf_putc(word, *++p);
		else if (quote ? *p == quote : *p == '\'' || *p == '"')
			quote = quote ? 0 : *p;
		else
			buf_putc(word, *p);
	}
	*at = p;
	return !quote;
}

/* False after a message. */
static bool split(const char *line, struct argv *a)
{
	struct buf word = BUF_INIT;
	bool good = true;

	for (line += strspn(line, " \t"); good && *line && *line != '#'; line += strspn(line, " \t")) {
		buf_reset(&word);
		good = take_word(&line, &word);
		push(a, word.data);
	}
	buf_release(&word);
	if (!good)
		cli_error("a quote is not closed");
	return good;
}

/* --- running ------------------------------------------------------------------------------------------------------ */

static int exit_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SIGNAL + WTERMSIG(status);
}

/* Ctrl-C reaches it as it reaches us; here it only ends the waiting of nobody. */
static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_RUN_FAILED;
	return exit_code(status);
}

static int run_argv(struct shell *s, char *const *argv)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t normal;
	pid_t pid;
	int error;

	sigemptyset(&normal);
	sigaddset(&normal, SIGINT);
	sigaddset(&normal, SIGTSTP);
	posix_spawn_file_actions_init(&files);
	if (!prompt_is_terminal(s->p)) /* the rest of the lines is not its input */
		posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &normal);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	fflush(stdout);
	error = posix_spawn(&pid, "/proc/self/exe", &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	if (!error)
		return wait_for(pid);
	cli_error("cannot start orchmake: %s", strerror(error));
	return EXIT_RUN_FAILED;
}

static int run_words(struct shell *s, const struct argv *words)
{
	struct argv a = {0};
	int code;

	push(&a, "orchmake");
	for (size_t i = 0; i < s->c->given.n; i++) /* what the shell was told holds for every line */
		push(&a, s->c->given.at[i]);
	for (size_t i = 0; i < words->n; i++)
		push(&a, words->at[i]);
	push(&a, NULL);
	code = run_argv(s, a.at);
	free_argv(&a);
	return code;
}

/* --- lines -------------------------------------------------------------------------------------------------------- */

static bool take_line(struct shell *s, const char *line);

static void read_file(struct shell *s, const char *path)
{
	FILE *f = s->depth < READ_DEPTH ? fopen(path, "re") : NULL;
	char *line = NULL;
	size_t room = 0;

	if (!f) {
		cli_error(".read: cannot read '%s': %s", path,
			  s->depth < READ_DEPTH ? strerror(errno) : "it reads itself");
		s->code = EXIT_USAGE_ERROR;
		return;
	}
	s->depth++;
	while (getline(&line, &room, f) >= 0 && !*prompt_interrupted()) {
		line[strcspn(line, "\r\n")] = 0;
		if (!take_line(s, line))
			break;
	}
	s->depth--;
	free(line);
	fclose(f);
}

static void print_help(void)
{
	fputs("A line is what would stand behind `orchmake`: targets, or a verb with its arguments.\n", stdout);
	for (size_t i = 0; i < n_verbs; i++)
		printf("  %-11s%s\n", verbs[i].name, verbs[i].summary);
	fputs("  .read FILE take lines from a file\n  .help      this\n"
	      "  .quit      end; so does Ctrl-D.  Ctrl-C stops what runs\n", stdout);
}

/* False: `.quit`. */
static bool do_command(struct shell *s, const struct argv *a)
{
	const char *name = a->at[0];

	s->code = EXIT_DONE;
	if (!strcmp(name, ".quit") || !strcmp(name, ".exit"))
		return false;
	if (!strcmp(name, ".help")) {
		print_help();
	} else if (!strcmp(name, ".read") && a->n == 2) {
		read_file(s, a->at[1]);
	} else {
		if (!strcmp(name, ".read"))
			cli_error(".read: which file?");
		else
			cli_error("there is no '%s'; `.help` lists what there is", name);
		s->code = EXIT_USAGE_ERROR;
	}
	return true;
}

static bool take_line(struct shell *s, const char *line)
{
	struct argv a = {0};
	bool on = true;

	if (!split(line, &a))
		s->code = EXIT_USAGE_ERROR;
	else if (a.n && a.at[0][0] == '.')
		on = do_command(s, &a);
	else if (a.n)
		s->code = run_words(s, &a);
	free_argv(&a);
	return on;
}

/* --- completion --------------------------------------------------------------------------------------------------- */

struct offering {
	struct cli *c;
	const char *begun;
	struct buf *out;
};

static void offer(const struct offering *o, const char *word, size_t n)
{
	if (!strncmp(word, o->begun, strlen(o->begun)) && n >= strlen(o->begun))
		buf_addf(o->out, "%.*s\n", (int)n, word);
}

static void offer_kind(const struct offering *o, const char *kind)
{
	struct buf words = BUF_INIT;

	(void)words_of(o->c, kind, &words);
	for (const char *p = words.data, *end; *p; p = end + 1) {
		end = strchr(p, '\n');
		offer(o, p, (size_t)(end - p));
	}
	buf_release(&words);
}

static void offer_arg(void *ctx, const char *word, const char *kind)
{
	if (kind)
		offer_kind(ctx, kind);
	else
		offer(ctx, word, strlen(word));
}

static void offer_options(const struct offering *o, const struct verb *v)
{
	struct option_info info;

	for (size_t i = 0; option_get(i, &info); i++) {
		char *word;

		if (!info.name || (info.verbs && (!v || !option_is_of(&info, v->name))))
			continue;
		word = xasprintf("--%s%s", info.name, info.arg && info.arg[0] != '[' ? "=" : "");
		offer(o, word, strlen(word));
		free(word);
	}
}

static void offer_first(const struct offering *o)
{
	static const char *const commands[] = {".read", ".help", ".quit"};

	for (size_t i = 0; i < n_verbs; i++)
		offer(o, verbs[i].name, strlen(verbs[i].name));
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		offer(o, commands[i], strlen(commands[i]));
	offer_kind(o, "jobs");
}

static const struct verb *first_verb(const char *line)
{
	size_t n = strcspn(line += strspn(line, " \t"), " \t");
	char *word = xstrndup(line, n);
	const struct verb *v = verb_find(word);

	free(word);
	return v;
}

static void complete(void *ctx, const char *line, size_t word, struct buf *out)
{
	const struct offering o = {ctx, line + word, out};
	const struct verb *v = first_verb(line);

	if (o.begun[0] == '-')
		offer_options(&o, v);
	else if (strspn(line, " \t") == word)
		offer_first(&o);
	else if (v)
		words_of_args(v->args, offer_arg, (void *)&o);
	else
		offer_kind(&o, "jobs");
	if (!v && strspn(line, " \t") != word)
		offer_kind(&o, "params");
}

int cmd_shell(struct cli *c)
{
	struct shell s = {.c = c};
	bool broken, on = true;
	char *line;

	s.p = prompt_open(&(struct prompt_options){.libexec = cli_libexec(), .history = "shell", .breaks = " \t\n",
						   .complete = complete, .ctx = c});
	while (on && (line = prompt_line(s.p, "orchmake> ", &broken))) {
		if (!broken)
			on = take_line(&s, line);
		free(line);
	}
	prompt_close(s.p);
	return s.code;
}
