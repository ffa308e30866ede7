/*
 * make without -j takes prerequisites one after the other, and Makefiles count on it where one of them is a word and not
 * a file: `rebuild: clean all`.  A file says what it needs; a word does not, so what comes behind it waits for it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "import/make.h"

struct set {
	struct mk_target **at;
	size_t n, room;
};

static void add(struct mk *m, struct set *s, struct map *in, const char *name)
{
	struct mk_target *t = map_get(&m->target, name);

	if (!t || map_has(in, name))
		return;
	(void)map_intern(in, name);
	VEC_PUSH(s->at, s->n, s->room, t);
}

/* t and all that it needs; kept: and what goes before those by what has been found here so far. */
static struct set before(struct mk *m, struct mk_target *t, bool kept, struct map *in)
{
	struct set s = {0};

	add(m, &s, in, t->name);
	for (size_t i = 0; i < s.n; i++) {
		const struct mk_target *one = s.at[i];

		add(m, &s, in, one->leader->name);
		for (size_t k = 0; k < one->need.n; k++)
			add(m, &s, in, one->need.at[k].name);
		for (size_t k = 0; k < one->order.n; k++)
			add(m, &s, in, one->order.at[k].name);
		for (size_t k = 0; kept && k < one->before.n; k++)
			add(m, &s, in, one->before.entry[k].key);
	}
	return s;
}

/* Whether it is, or needs, something that is done and is no file. */
static bool is_word(struct mk *m, struct mk_target *t)
{
	struct map in = MAP_INIT;
	struct set s;

	if (t->word)
		return t->word > 0;
	s = before(m, t, false, &in);
	t->word = -1;
	for (size_t i = 0; i < s.n; i++)
		if (s.at[i]->phony && s.at[i]->acts)
			t->word = 1;
	free(s.at);
	map_release(&in);
	return t->word > 0;
}

static void put_before(struct mk *m, struct mk_target *first, struct mk_target *then, struct mark mark)
{
	struct map in = MAP_INIT;
	struct set s;

	if (map_has(&then->before, first->name))
		return;
	s = before(m, first, true, &in);
	if (map_has(&in, then->name)) {
		diag_warn(m->d, mark, "'%s' comes behind '%s' here, and before it elsewhere: no order is kept between them",
			  then->name, first->name);
	} else {
		(void)map_intern(&then->before, first->name);
	}
	free(s.at);
	map_release(&in);
}

/* All that only second needs waits for first, if one of the two has something to do that is no file. */
static void keep(struct mk *m, struct mk_target *first, struct mk_target *second, struct mark mark)
{
	struct map of_first = MAP_INIT, of_second = MAP_INIT;
	struct set one = before(m, first, false, &of_first), two = before(m, second, false, &of_second);
	bool all = is_word(m, first);

	for (size_t i = 0; i < two.n; i++) {
		struct mk_target *t = two.at[i];

		if (t->acts && t->leader == t && (all || t->phony) && !map_has(&of_first, t->name))
			put_before(m, first, t, mark);
	}
	free(one.at);
	free(two.at);
	map_release(&of_first);
	map_release(&of_second);
}

void mk_order(struct mk *m)
{
	for (size_t i = 0; i < m->target.n; i++) {
		const struct mk_target *t = m->target.entry[i].value;

		for (size_t k = 1; k < t->need.n; k++)
			for (size_t h = 0; h < k; h++) {
				struct mk_target *first = map_get(&m->target, t->need.at[h].name),
						 *second = map_get(&m->target, t->need.at[k].name);

				if (first && second && first != second && (is_word(m, first) || is_word(m, second)))
					keep(m, first, second, t->need.at[k].mark);
			}
	}
}
