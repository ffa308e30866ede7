/* Depfiles: compilers write them, and the document includes them with a -. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "import/make.h"

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && !strcmp(name + n - m, end);
}

/* $(wildcard PATTERNS) is about files that are not there before the first run. */
static bool in_wildcard(struct mk *m, const struct mk_text *names, struct mk_text *ret)
{
	static const char word[] = "wildcard ";
	struct mk_text inside;
	size_t next = 0;

	if (!names->n || names->s[0] != '$' || !mk_reference(m, names, 0, &inside, &next) || next != names->n ||
	    strncmp(inside.s, word, sizeof(word) - 1))
		return false;
	*ret = mk_part(&inside, sizeof(word) - 1, inside.n);
	return true;
}

bool mk_take_depfiles(struct mk *m, const struct mk_text *names)
{
	struct mk_text inside = *names;
	struct mk_words words = {0};
	bool good;

	(void)in_wildcard(m, names, &inside);
	mk_words_of(m, &inside, &words);
	good = words.n > 0;
	for (size_t i = 0; i < words.n; i++)
		good &= ends_with(words.at[i].name, ".d");
	for (size_t i = 0; good && i < words.n; i++)
		mk_words_add(&m->depfile, words.at[i].name, words.at[i].mark);
	free(words.at);
	return good;
}

/* --- who writes them ------------------------------------------------------------------------------------------ */

static bool has_flag(const struct mk_text *t)
{
	static const char *const flags[] = {"-MMD", "-MD"};

	for (size_t f = 0; f < 2; f++)
		for (const char *p = t->s; (p = strstr(p, flags[f])); p++)
			if (p < t->s + t->n && (p == t->s || strchr(" \t=", p[-1])))
				return true;
	return false;
}

/* In the text, or in a variable that it uses. */
static bool tells_what_it_reads(struct mk *m, const struct mk_text *t, unsigned deep)
{
	enum { DEEPEST = 20 };
	struct mk_text inside;
	bool tells = has_flag(t);

	for (size_t i = 0, next; !tells && deep < DEEPEST && i < t->n; i = next) {
		const struct mk_var *of;

		next = i + 1;
		if (t->s[i] != '$' || !mk_reference(m, t, i, &inside, &next))
			continue;
		of = map_get_n(&m->var, inside.s, inside.n);
		tells = of && of->set && tells_what_it_reads(m, &of->value, deep + 1);
	}
	return tells;
}

static bool rule_tells(struct mk *m, const struct mk_rule *rule)
{
	for (size_t i = 0; rule && i < rule->n_lines; i++)
		if (tells_what_it_reads(m, &rule->line[i], 0))
			return true;
	return false;
}

/* obj/a for obj/a.o. */
static char *stem_of(const char *name)
{
	const char *base = path_base(name), *dot = strrchr(base, '.');

	return dot && dot > base ? xstrndup(name, (size_t)(dot - name)) : xstrdup(name);
}

/* How far the depfile `is` may be that of a target with this stem: 2 beside it, 1 elsewhere under its name. */
static int is_of(const char *is, const char *stem, struct buf *ret)
{
	char *dir = path_dir(is), *own = path_dir(stem), *name = xasprintf("%s.d", path_base(stem));
	bool fits = !strcmp(path_base(is), name) || (!strcmp(path_base(is), "*.d") && !dir[strcspn(dir, "*?[")]);
	int far = !fits ? 0 : strcmp(dir, own) ? 1 : 2;

	buf_reset(ret);
	if (!strcmp(dir, "."))
		buf_puts(ret, name);
	else
		buf_addf(ret, "%s/%s", dir, name);
	free(dir);
	free(own);
	free(name);
	return far;
}

bool mk_depfile(struct mk *m, const struct mk_target *t, struct buf *out)
{
	char *stem = m->depfile.n && rule_tells(m, t->recipe) ? stem_of(t->name) : NULL;
	struct buf one = BUF_INIT;
	int best = 0;

	for (size_t i = 0; stem && best < 2 && i < m->depfile.n; i++) {
		int far = is_of(m->depfile.at[i].name, stem, &one);

		if (far <= best)
			continue;
		best = far;
		buf_reset(out);
		buf_puts(out, one.data);
	}
	buf_release(&one);
	free(stem);
	m->has_depfile |= best > 0;
	return best > 0;
}

void mk_check_depfiles(struct mk *m)
{
	if (!m->depfile.n || m->has_depfile)
		return;
	diag_error(m->d, m->depfile.at[0].mark, "'%s' is no depfile of a target here, so what it says would be lost", m->depfile.at[0].name);
	diag_hint(m->d, "have the compiler write it: -MMD in the recipe of the .o file, which then has a `depfile`");
}
