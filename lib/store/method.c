#include "store/method.h"

#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "store/params.h"

#define NOW NULL
static const struct method_words methods[] = {
#define METHOD(id, name, required, optional, later) [METHOD_##id] = {name, required, optional, later},
#include "store/method.def"
#undef METHOD
};
#undef NOW

const struct method_words *method_words(enum method m)
{
	BUG_UNLESS(m < METHOD_NONE);
	return &methods[m];
}

enum method method_find(const char *name, const char *where, struct fault *f)
{
	struct buf hint = BUF_INIT;
	struct spell near;

	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (!strcmp(methods[i].name, name))
			return (enum method)i;
	spell_init(&near, name);
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		spell_try(&near, methods[i].name);
	fault_usage(f, "%s: no method is called '%s'%s", where, name, did_you_mean(&near, &hint));
	buf_release(&hint);
	return METHOD_NONE;
}
