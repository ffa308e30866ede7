/*
 * orchmake-op: carries out one built-in operation as a step.  Started by orchmake,
 * or by hand:
 *
 *	orchmake-op NAME <with.json >answer.json
 *
 *	ORCHMAKE_STORES		JSON map name -> SQLite file
 *	ORCHMAKE_BASE		the folder that files may not leave; default the current one
 *	ORCHMAKE_RUN, _JOB, _STEP	for correlation ids
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

#include "base/fdio.h"
#include "base/stamp.h"
#include "doc/json.h"
#include "doc/source.h"
#include "store/op.h"

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
	};
	if (fixed && !stamp_parse(fixed, &ms))
		fault_usage(f, "ORCHMAKE_NOW is no time: '%s'", fixed);
	return stores_read(&w->stores, getenv("ORCHMAKE_STORES"), f) && f->kind == FAULT_NONE;
}

static int perform(const char *name)
{
	struct fault f = FAULT_INIT;
	struct op_world world;
	json_t *with = NULL, *answer = NULL;
	char now[STAMP_TEXT];
	int rc = EXIT_SUCCESS;

	if (read_world(&world, now, &f))
		with = read_with(&f);
	if (with)
		answer = op_perform(&world, words, sizeof(words) / sizeof(words[0]), name, with, &f);
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
	if (argc != 2) {
		fputs("error: usage: orchmake-op NAME <with.json >answer.json\n", stderr);
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN); /* a reader that left is a failed write */
	raise_file_limit();
	return perform(argv[1]);
}
