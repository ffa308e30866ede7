/*
 * orchmake-op: carries out one built-in operation as a step.  Started by orchmake,
 * or by hand:
 *
 *	orchmake-op NAME <with.json >answer.json
 *	orchmake-op compute.llm PROGRAM [ARGUMENT...] <with.json >answer.json
 *	orchmake-op --auto-since PROGRAM [ARGUMENT...] <with.json	becomes PROGRAM, with config.since filled in
 *
 *	ORCHMAKE_STORES		JSON map name -> SQLite file
 *	ORCHMAKE_BASE		the folder that files may not leave; default the current one
 *	ORCHMAKE_RUN, _JOB, _STEP	for correlation ids
 *	ORCHMAKE_IDEMPOTENCY_KEY	under which storacle.submit writes once, where the step asks for it:
 *	ORCHMAKE_IDEMPOTENCY_SCOPE	is then set
 *	ORCHMAKE_SPOOL, _SENDMAIL, _MAIL_FROM	of egret.submit, where its parameters are silent
 *	ORCHMAKE_NOW		the time, instead of the clock
 *	ORCHMAKE_TEST_SEQ	ids of operations as the test vectors have them
 *
 * Exit: 0; 1 it failed; 2 wrong parameters; 75 somebody held a store too long.  A failure is
 * one line on stderr and {"error": ...} on stdout.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "doc/json.h"
#include "doc/source.h"
#include "store/op.h"
#include "store/program.h"

enum { BUSY_MS = 30 * 1000 };

static const struct op_words words[] = {
#define OP(name, required, optional, sentence) {name, required, optional},
#include "job/ops.def"
#undef OP
};

/* One line, whatever a name in it holds. */
static void print_error(const struct fault *f)
{
	fputs("error: ", stderr);
	for (size_t i = 0; i < f->text.len; i++) {
		unsigned char c = (unsigned char)f->text.data[i];

		putc(c < 0x20 || c == 0x7f ? ' ' : c, stderr);
	}
	putc('\n', stderr);
}

static bool print_json(const json_t *v)
{
	struct buf text = BUF_INIT;
	bool good;

	json_text(&text, v, JSON_TIGHT);
	buf_putc(&text, '\n');
	good = fd_write_all(STDOUT_FILENO, text.data, text.len) == 0;
	buf_release(&text);
	return good;
}

static int exit_code(enum fault_kind kind)
{
	switch (kind) {
	case FAULT_NONE:
		return EXIT_SUCCESS;
	case FAULT_PERMANENT:
		return EXIT_FAILURE;
	case FAULT_TRANSIENT:
		return EX_TEMPFAIL;
	case FAULT_USAGE:
		return 2;
	}
	return EXIT_FAILURE;
}

static int fail(const struct fault *f)
{
	json_t *v = fault_json(f);

	(void)print_json(v); /* the exit code and stderr say it too */
	json_decref(v);
	print_error(f);
	return exit_code(f->kind);
}

static json_t *read_with(struct fault *f)
{
	struct buf text = BUF_INIT, err = BUF_INIT;
	json_t *with = NULL;

	if (fd_read_all(STDIN_FILENO, &text, SOURCE_MAX) < 0) {
		fault_errno(f, "cannot read the parameters from stdin");
	} else {
		with = json_parse(text.data, text.len, &err);
		if (!with)
			fault_usage(f, "stdin:%s", err.data);
	}
	buf_release(&text);
	buf_release(&err);
	return with;
}

/* A folder of rendered files has one descriptor open for each until they are published. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* An empty variable is as good as none. */
static const char *given(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

static bool read_world(struct op_world *w, char *now, struct fault *f)
{
	const char *fixed = getenv("ORCHMAKE_NOW"), *base = getenv("ORCHMAKE_BASE");
	int64_t ms;

	*w = (struct op_world){
		.base = base && *base ? base : ".",
		.home = getenv("HOME"),
		.run = getenv("ORCHMAKE_RUN"),
		.job = getenv("ORCHMAKE_JOB"),
		.step = getenv("ORCHMAKE_STEP"),
		.now = fixed ? fixed : stamp_format(stamp_wall_ms(), now),
		.test_ids = getenv("ORCHMAKE_TEST_SEQ") != NULL,
		.busy_ms = BUSY_MS,
		.log_fd = STDERR_FILENO,
		.key = given("ORCHMAKE_IDEMPOTENCY_SCOPE") ? given("ORCHMAKE_IDEMPOTENCY_KEY") : NULL,
		.spool = given("ORCHMAKE_SPOOL"),
		.sendmail = given("ORCHMAKE_SENDMAIL"),
		.mail_from = given("ORCHMAKE_MAIL_FROM"),
	};
	if (fixed && !stamp_parse(fixed, &ms))
		fault_usage(f, "ORCHMAKE_NOW is no time: '%s'", fixed);
	return stores_read(&w->stores, getenv("ORCHMAKE_STORES"), f) && f->kind == FAULT_NONE;
}

/* From here on this process is the program; returns only if that fails. */
static void become(const char *const *command, const json_t *with, struct fault *f)
{
	struct buf text = BUF_INIT;
	int in;

	json_text(&text, with, JSON_TIGHT);
	in = program_input(&text);
	(void)signal(SIGPIPE, SIG_DFL);
	if (in >= 0 && dup2(in, STDIN_FILENO) >= 0)
		execvp(command[0], (char *const *)command);
	fault_errno(f, "cannot start '%s'", command[0]);
	buf_release(&text);
}

static json_t *perform(struct op_world *w, const char *name, const json_t *with, struct fault *f)
{
	json_t *more;

	if (strcmp(name, "--auto-since") != 0)
		return op_perform(w, words, sizeof(words) / sizeof(words[0]), name, with, f);
	more = op_since(w, with, f);
	if (more)
		become(w->command, more, f);
	json_decref(more);
	return NULL;
}

static int run(const char *name, const char *const *command)
{
	struct fault f = FAULT_INIT;
	struct op_world world;
	json_t *with = NULL, *answer = NULL;
	char now[STAMP_TEXT];
	int rc = EXIT_SUCCESS;

	if (read_world(&world, now, &f))
		with = read_with(&f);
	world.command = command;
	if (with)
		answer = perform(&world, name, with, &f);
	if (!answer) {
		rc = fail(&f);
	} else if (!print_json(answer)) {
		fprintf(stderr, "error: cannot write the answer: %s\n", strerror(errno));
		rc = EXIT_FAILURE;
	}
	json_decref(answer);
	json_decref(with);
	stores_release(&world.stores);
	fault_release(&f);
	return rc;
}

int main(int argc, char **argv)
{
	bool with_program = argc > 1 && (!strcmp(argv[1], "compute.llm") || !strcmp(argv[1], "--auto-since"));

	json_set_alloc_funcs(xmalloc, free); /* what cannot be kept is not left out, but ends the program */
	if (argc < 2 || (with_program ? argc < 3 : argc != 2)) {
		fprintf(stderr, "error: usage: orchmake-op NAME %s<with.json >answer.json\n", with_program ? "PROGRAM " : "");
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN); /* a reader that left is a failed write */
	raise_file_limit();
	return run(argv[1], with_program ? (const char *const *)argv + 2 : NULL);
}
