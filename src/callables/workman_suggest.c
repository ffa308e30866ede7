/*
 * Did you mean: first by what people call things (task, done), then by distance, segment by
 * segment, so that pm.work_item.creat is not taken for the shortest name there is.
 */
#include "callables/workman.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "store/params.h"

enum { SEGMENTS = 3, FAR = 1000 };

static const struct {
	const char *word, *meant;
} aliases[] = {
#define PM_ALIAS(word, meant) {word, meant},
#include "store/pm.def"
};

/* The prefix (may be empty), the aggregate, the verb. */
struct name {
	char *of[SEGMENTS];
};

/* False if it has not two or three segments. */
static bool split(struct name *n, const char *text)
{
	const char *last = strrchr(text, '.'), *first = strchr(text, '.');
	const char *aggregate = first && first != last ? first + 1 : text;

	*n = (struct name){0};
	if (!last || memchr(aggregate, '.', (size_t)(last - aggregate)))
		return false;
	n->of[0] = xstrndup(text, first != last ? (size_t)(first - text) : 0);
	n->of[1] = xstrndup(aggregate, (size_t)(last - aggregate));
	n->of[2] = xstrdup(last + 1);
	return true;
}

static void release(struct name *n)
{
	for (size_t i = 0; i < SEGMENTS; i++)
		free(n->of[i]);
}

static bool is_alias(const char *given, const char *wanted)
{
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
		if (!strcmp(aliases[i].word, given) && word_in(aliases[i].meant, wanted))
			return true;
	return false;
}

/* How far a segment is from what is wanted; FAR if it is something else. */
static size_t segment_distance(const char *given, const char *wanted)
{
	size_t most = strlen(wanted) / 3 + 1, d;

	if (is_alias(given, wanted))
		return 0;
	d = spell_distance(given, wanted);
	return d <= most ? d : FAR;
}

static size_t name_distance(const struct name *given, const char *wanted)
{
	struct name w;
	size_t d = 0;

	BUG_UNLESS(split(&w, wanted));
	for (size_t i = 1; i < SEGMENTS; i++)
		d += segment_distance(given->of[i], w.of[i]);
	if (strcmp(given->of[0], w.of[0]) != 0) /* a prefix is soon forgotten, so it costs little */
		d += *given->of[0] && *w.of[0] ? spell_distance(given->of[0], w.of[0]) : 1;
	release(&w);
	return d;
}

const char *wm_suggest_op(const char *name)
{
	size_t n, best_distance = FAR;
	const struct pm_op *op = pm_ops(&n);
	const char *best = NULL;
	struct name given;

	if (!split(&given, name))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t d = name_distance(&given, op[i].name);

		if (d < best_distance) {
			best_distance = d;
			best = op[i].name;
		}
	}
	release(&given);
	return best;
}

bool wm_list_verbs(struct buf *out, const char *name)
{
	const char *dot = strrchr(name, '.');
	size_t n, before = out->len;
	const struct pm_op *op = pm_ops(&n);
	bool names_one = dot && (size_t)(dot - name) != strlen("pm");

	for (size_t i = 0; names_one && i < n; i++)
		if (!strncmp(op[i].name, name, (size_t)(dot - name) + 1))
			buf_addf(out, "%s%s", out->len > before ? ", " : "", op[i].name);
	return out->len > before;
}

char *wm_suggest_field(const struct pm_op *op, const char *name)
{
	const char *fields = op->fields;
	struct pm_field field;
	struct spell near;
	char *best = NULL;

	spell_init(&near, name);
	while (pm_field_next(&fields, &field)) {
		char *candidate = xstrndup(field.name.at, field.name.len);

		spell_try(&near, candidate);
		if (near.best == candidate) {
			free(best);
			best = candidate;
		} else {
			free(candidate);
		}
	}
	return best;
}
