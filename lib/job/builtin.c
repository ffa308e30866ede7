#include "job/builtin.h"

#include <string.h>

#include "base/bug.h"

static const char *const names[] = {
#define OP(name, required, optional, sentence) name,
#include "job/ops.def"
#undef OP
};

bool builtin_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

const char *builtin_name(size_t i)
{
	return i < ARRAY_LEN(names) ? names[i] : NULL;
}
