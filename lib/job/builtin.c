#include "job/builtin.h"

#include <string.h>

#include "base/bug.h"

static const struct {
	const char *name;
	bool is_callable;
} builtins[] = {
#define OP(name, required, optional, sentence) {name, false},
#define CALLABLE(name, required, optional, sentence) {name, true},
#include "job/ops.def"
#undef OP
};

const char *builtin_program(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(builtins); i++)
		if (!strcmp(builtins[i].name, name))
			return builtins[i].is_callable ? "orchmake-data" : "orchmake-op";
	return NULL;
}

bool builtin_find(const char *name)
{
	return builtin_program(name) != NULL;
}

bool builtin_yields(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(builtins); i++)
		if (!strcmp(builtins[i].name, name))
			return builtins[i].is_callable;
	return false;
}

const char *builtin_name(size_t i)
{
	return i < ARRAY_LEN(builtins) ? builtins[i].name : NULL;
}
