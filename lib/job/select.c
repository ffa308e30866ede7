/* Which jobs a name, a glob or a /regular expression/ stands for. */
#include <string.h>

#include "base/vec.h"
#include "job/jobfile.h"

struct chosen {
	const struct job **at;
	size_t n, room;
};

static void choose(struct chosen *c, const struct job *j)
{
	VEC_PUSH(c->at, c->n, c->room, j);
}

static void choose_by_pattern(struct chosen *c, const struct jobfile *jf, const char *text)
{
	struct buf err = BUF_INIT;
	struct pattern *p = pattern_new(text, &err);

	for (size_t i = 0; p && i < jf->n_jobs; i++)
		if (pattern_match(p, span_of(jf->job[i]->name)) == PATTERN_YES)
			choose(c, jf->job[i]);
	pattern_free(p);
	buf_release(&err);
}

size_t job_select(const struct jobfile *jf, const char *pattern, const struct job ***ret)
{
	const struct job *j = job_find(jf, pattern);
	struct chosen c = {0};

	if (j) {
		choose(&c, j);
	} else if (pattern[0] == '/') {
		choose_by_pattern(&c, jf, pattern);
	} else if (strpbrk(pattern, "*?[")) {
		for (size_t i = 0; i < jf->n_jobs; i++)
			if (glob_match(pattern, jf->job[i]->name))
				choose(&c, jf->job[i]);
	}
	*ret = c.at;
	return c.n;
}
