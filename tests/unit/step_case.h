/* A step out of a few words of a Jobfile, and files that it left, in a folder that goes with the case. */
#ifndef TESTS_UNIT_STEP_CASE_H
#define TESTS_UNIT_STEP_CASE_H

#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/fdio.h"
#include "check.h"
#include "doc/diag.h"
#include "job/jobfile.h"

struct step_case {
	char dir[32];
	struct diags *d;
	struct jobfile *jf;
	const struct step *step;
};

/* keys: as in braces behind a job's name, without `run`, which is there unless they have another action. */
static inline struct step_case step_case_new(const char *keys)
{
	struct step_case c = {.dir = "/tmp/step-case-XXXXXX", .d = diags_new()};
	struct buf text = BUF_INIT, said = BUF_INIT;

	CHECK(mkdtemp(c.dir) != NULL);
	buf_addf(&text, "jobfile: 1\ncallables: {ask: {argv: [ask]}}\njobs: {j: {%s%s}}\n",
		 strstr(keys, "call:") || strstr(keys, "until:") ? "" : "run: x, ", keys);
	c.jf = jobfile_load_text("J", text.data, text.len, c.dir, c.d);
	diags_format(c.d, &said, false);
	if (!c.jf)
		fail_msg("%s", said.data);
	c.step = &c.jf->job[0]->step[0];
	buf_release(&text);
	buf_release(&said);
	return c;
}

static inline void step_case_release(struct step_case *c)
{
	static const char *const names[] = {"log", "out", "output", "file", ".env"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *path = path_join(c->dir, names[i]);

		(void)unlink(path);
		free(path);
	}
	CHECK(!rmdir(c->dir));
	jobfile_free(c->jf);
	diags_free(c->d);
}

/* The path of a file with that content; NULL text: no such file.  The caller frees. */
static inline char *step_case_file(const struct step_case *c, const char *name, const char *text, size_t len)
{
	char *path = path_join(c->dir, name);

	if (text)
		CHECK(!file_write_atomic(path, text, len, 0600));
	return path;
}

#endif
