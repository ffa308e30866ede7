#include "job/builtin.h"

#include <string.h>

#include "base/bug.h"

static const struct builtin {
	const char *name, *required, *optional;
	bool is_callable;
} builtins[] = {
#define OP(name, required, optional, sentence) {name, required, optional, false},
#define CALLABLE(name, required, optional, sentence) {name, required, optional, true},
#include "job/ops.def"
#undef OP
};

static const struct builtin *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(builtins); i++)
		if (!strcmp(builtins[i].name, name))
			return &builtins[i];
	return NULL;
}

const char *builtin_program(const char *name)
{
	const struct builtin *b = find(name);

	return !b ? NULL : b->is_callable ? "orchmake-data" : "orchmake-op";
}

bool builtin_params(const char *name, const char **ret_required, const char **ret_optional)
{
	const struct builtin *b = find(name);

	if (!b)
		return false;
	*ret_required = b->required;
	*ret_optional = b->optional;
	return true;
}

bool builtin_find(const char *name)
{
	return find(name) != NULL;
}

bool builtin_yields(const char *name)
{
	const struct builtin *b = find(name);

	return b && b->is_callable;
}

const char *builtin_name(size_t i)
{
	return i < ARRAY_LEN(builtins) ? builtins[i].name : NULL;
}
