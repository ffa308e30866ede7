/* Start: look at what was inherited, read the command line, run the verb. */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "cmd.h"
#include "engine/startup.h"
#include "last.h"

#define VERB(name, args, summary, detail) {#name, args, summary, detail, cmd_##name},
const struct verb verbs[] = {
#include "verbs.def"
};
#undef VERB
const size_t n_verbs = sizeof(verbs) / sizeof(verbs[0]);

const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < n_verbs; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/* Of a write that failed long ago errno says nothing any more; a pipe does. */
static bool reader_is_gone(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO};

	return poll(&p, 1, 0) == 1 && p.revents & POLLERR;
}

/* Results that nobody could write are no results: a full disk or a closed pipe is a failure. */
static int flushed(int code)
{
	int error = fflush(stdout) ? errno : 0;

	if (!error && !ferror(stdout))
		return code;
	if (error != EPIPE && !reader_is_gone())
		cli_error("cannot write to standard output%s%s", error ? ": " : "", error ? strerror(error) : "");
	return code ? code : EXIT_RUN_FAILED;
}

enum { LARGE_BYTES = 1024 * 1024 };

/*
 * A large array lies by itself, so that growing it moves no bytes and freeing it gives them back; glibc would put the
 * later ones onto its heap, whose holes then add up to a tenth of what a million steps take.
 */
static void keep_large_apart(void)
{
#ifdef M_MMAP_THRESHOLD
	(void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
#endif
}

int main(int argc, char **argv)
{
	struct makeflags above;
	struct cli c = {0};
	int code = EXIT_USAGE_ERROR;

	keep_large_apart();
	json_set_alloc_funcs(xmalloc, free); /* what cannot be kept is not left out, but ends the program */
	if (!startup_check(&above)) {
		cli_error("cannot start: there is no standard input, output or error, or it is set-user-id");
		return EXIT_USAGE_ERROR;
	}
	if (above.auth == AUTH_PAIR || above.auth == AUTH_FIFO)
		last_prepare();
	c.above = &above;
	c.load_limited = above.load_limited;
	c.load = above.load;
	if (!cli_parse(&c, argc, argv))
		goto done;
	if (c.verbose)
		c.here = realpath(".", NULL);
	if (c.dir && chdir(c.dir) < 0) {
		cli_error("cannot change to the folder '%s': %s", c.dir, strerror(errno));
		goto done;
	}
	if (c.wants_help || c.wants_version) {
		if (c.wants_help)
			cli_help(&c, stdout);
		else
			cli_version(stdout);
		code = EXIT_DONE;
	} else {
		c.dry_run |= above.dry_run;
		code = c.verb->run(&c);
		if (c.ledger_unusable)
			code = EXIT_LEDGER;
	}
done:
	code = flushed(code);
	cli_release(&c);
	makeflags_release(&above);
	return code;
}
