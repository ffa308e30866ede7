/*
 * orchmake-data [--reproducible] NAME: one callable, parameters on standard input, the answer on
 * standard output.
 *
 * With --reproducible the clock is what ORCHMAKE_TEST_CLOCK says and ids are counted from
 * ORCHMAKE_TEST_SEQ: for tests.  Without it these variables mean nothing.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/buf.h"
#include "base/fdio.h"
#include "callables/callable.h"
#include "doc/json.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const struct {
	const char *name;
	callable_fn *call;
} callables[] = {
	{"injest", injest},	  {"canonizer", canonizer}, {"finalform", finalform},
	{"projectionist", projectionist}, {"sweeper", sweeper}, {"validator", validator}, {"verdict", verdict},
	{"workman", workman},	  {"compile_intent", compile_intent},
};

static callable_fn *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(callables); i++)
		if (!strcmp(callables[i].name, name))
			return callables[i].call;
	return NULL;
}

static int usage(void)
{
	fputs("usage: orchmake-data [--reproducible] NAME <parameters.json; NAME is one of:", stderr);
	for (size_t i = 0; i < ARRAY_LEN(callables); i++)
		fprintf(stderr, " %s", callables[i].name);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

/* The one line that becomes the failure's text. */
static void complain(struct buf *err)
{
	for (size_t i = 0; i < err->len; i++)
		if (err->data[i] == '\n' || err->data[i] == '\r')
			err->data[i] = ' ';
	fprintf(stderr, "error: %s\n", err->data);
}

static json_t *read_params(struct buf *err)
{
	struct buf text = BUF_INIT;
	json_t *in = NULL;

	if (fd_read_all(STDIN_FILENO, &text, SIZE_MAX) < 0)
		buf_addf(err, "cannot read the parameters: %s", strerror(errno));
	else if (!(in = json_parse(text.data, text.len, err)))
		;
	else if (!json_is_object(in))
		buf_puts(err, "the parameters are not a map");
	if (in && !json_is_object(in)) {
		json_decref(in);
		in = NULL;
	}
	buf_release(&text);
	return in;
}

static bool print_json(const json_t *v, struct buf *err)
{
	struct buf out = BUF_INIT;
	bool good;

	json_text(&out, v, JSON_TIGHT);
	buf_putc(&out, '\n');
	good = fd_write_all(STDOUT_FILENO, out.data, out.len) == 0;
	if (!good)
		buf_addf(err, "cannot write the answer: %s", strerror(errno));
	buf_release(&out);
	return good;
}

static bool answer(json_t *ret, struct buf *err)
{
	json_object_set_new(ret, "schema_version", json_string("1.0"));
	return print_json(ret, err);
}

/* What to do about it stands in the log, above the line that becomes the failure's text. */
static void print_hints(const json_t *error)
{
	json_t *one;
	size_t i;

	json_array_foreach(json_object_get(error, "errors"), i, one) {
		const char *hint = json_str(one, "hint");

		if (hint)
			fprintf(stderr, "hint: %s\n", hint);
	}
}

/* What went wrong, for programs; the lines on standard error are for people. */
static void answer_error(const json_t *ret)
{
	const json_t *error = json_object_get(ret, "error");
	struct buf ignored = BUF_INIT;
	json_t *whole;

	if (!error)
		return;
	print_hints(error);
	whole = json_pack("{sO}", "error", error);
	(void)print_json(whole, &ignored);
	json_decref(whole);
	buf_release(&ignored);
}

static int perform(callable_fn *call)
{
	struct buf err = BUF_INIT;
	json_t *in = read_params(&err), *ret = json_object();
	bool good = in && call(in, ret, &err);

	if (!good)
		answer_error(ret);
	good = good && answer(ret, &err);
	if (!good)
		complain(&err);
	json_decref(ret);
	json_decref(in);
	buf_release(&err);
	return good ? 0 : EXIT_FAILED;
}

int main(int argc, char **argv)
{
	bool reproducible = argc > 1 && !strcmp(argv[1], "--reproducible");
	callable_fn *call = argc == 2 + reproducible ? find(argv[1 + reproducible]) : NULL;

	json_set_alloc_funcs(xmalloc, free); /* what cannot be kept is not left out, but ends the program */
	if (!reproducible) {
		(void)unsetenv("ORCHMAKE_TEST_CLOCK");
		(void)unsetenv("ORCHMAKE_TEST_SEQ");
	}
	return call ? perform(call) : usage();
}
