#include "store/pm.h"

#include <string.h>

#include "base/bug.h"

static const struct pm_aggregate aggregates[] = {
#define PM_AGGREGATE(word, prefix, plural, status) {word, prefix, plural, status},
#include "store/pm.def"
};

static const struct pm_op ops[] = {
#define PM_OP(name, aggregate, event, becomes, fields, refs) {name, aggregate, event, becomes, fields, refs},
#include "store/pm.def"
};

static const struct {
	const char *name, *words;
} enums[] = {
#define PM_ENUM(name, words) {name, words},
#include "store/pm.def"
};

const struct pm_aggregate *pm_aggregates(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(aggregates);
	return aggregates;
}

const struct pm_op *pm_ops(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(ops);
	return ops;
}

const struct pm_aggregate *pm_aggregate_find(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(aggregates); i++)
		if (!strcmp(aggregates[i].word, word))
			return &aggregates[i];
	return NULL;
}

const struct pm_op *pm_op_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		if (!strcmp(ops[i].name, name))
			return &ops[i];
	return NULL;
}

const char *pm_enum_find(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(enums); i++)
		if (span_is(name, enums[i].name))
			return enums[i].words;
	return NULL;
}

/* The next word of *words, which is moved behind it; empty at the end. */
static struct span next_word(const char **words)
{
	struct span w = {*words + strspn(*words, " "), 0};

	w.len = strcspn(w.at, " ");
	*words = w.at + w.len;
	return w;
}

/* What is before and behind the first c. */
static struct span split(struct span whole, char c, struct span *ret_behind)
{
	const char *at = whole.len ? memchr(whole.at, c, whole.len) : NULL;
	size_t len = at ? (size_t)(at - whole.at) : whole.len;

	*ret_behind = at ? (struct span){at + 1, whole.len - len - 1} : (struct span){"", 0};
	return (struct span){whole.at, len};
}

bool pm_field_next(const char **fields, struct pm_field *ret)
{
	struct span word = next_word(fields);

	ret->name = split(word, ':', &ret->type);
	ret->required = ret->name.len && ret->name.at[ret->name.len - 1] == '!';
	ret->name.len -= ret->required;
	return word.len > 0;
}

bool pm_field_find(const char *fields, const char *name, struct pm_field *ret)
{
	while (pm_field_next(&fields, ret))
		if (span_is(ret->name, name))
			return true;
	return false;
}

bool pm_ref_next(const char **refs, struct pm_ref *ret)
{
	struct span word = next_word(refs), of;

	*ret = (struct pm_ref){.field = split(word, '=', &of)};
	if (of.len && *of.at == '@')
		ret->by_field = (struct span){of.at + 1, of.len - 1};
	else if (of.len)
		ret->aggregate = of;
	else if (word.len)
		ret->aggregate = (struct span){word.at, word.len - strlen("_id")};
	return word.len > 0;
}
