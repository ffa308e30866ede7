/* Which jobs a name, a glob or a /regular expression/ stands for. */
#include <string.h>

#include "base/vec.h"
#include "job/jobfile.h"
#include "job/namespace.h"

struct chosen {
	const struct job **at;
	size_t n, room;
};

static void choose(struct chosen *c, const struct job *j)
{
	VEC_PUSH(c->at, c->n, c->room, j);
}

/* regex: NULL for a glob.  The names that the pattern is about are those of the n bytes long namespace. */
static void choose_in(struct chosen *c, const struct jobfile *jf, const char *ns, size_t n, const char *glob,
		      const struct pattern *regex)
{
	for (size_t i = 0; i < jf->n_jobs; i++) {
		const char *name = jf->job[i]->name;

		if (n && (strncmp(name, ns, n) != 0 || name[n] != '.'))
			continue;
		name += n ? n + 1 : 0;
		if (regex ? pattern_match(regex, span_of(name)) == PATTERN_YES : glob_match(glob, name))
			choose(c, jf->job[i]);
	}
}

/* Outward until something is chosen. */
static void choose_by_pattern(struct chosen *c, const struct jobfile *jf, const char *ns, const char *text)
{
	struct buf err = BUF_INIT;
	struct pattern *regex = text[0] == '/' ? pattern_new(text, &err) : NULL;
	size_t n = ns ? strlen(ns) : 0;
	bool good = regex || text[0] != '/';

	if (good)
		choose_in(c, jf, ns, n, text, regex);
	while (good && n && !c->n) {
		n = namespace_outward(ns, n);
		choose_in(c, jf, ns, n, text, regex);
	}
	pattern_free(regex);
	buf_release(&err);
}

size_t job_select(const struct jobfile *jf, const char *ns, const char *pattern, const struct job ***ret)
{
	const struct job *j = job_seen(jf, ns, pattern);
	struct chosen c = {0};

	if (j)
		choose(&c, j);
	else if (pattern[0] == '/' || strpbrk(pattern, "*?["))
		choose_by_pattern(&c, jf, ns, pattern);
	*ret = c.at;
	return c.n;
}
