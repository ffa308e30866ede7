/* What an operation of a plan may be: one list, method.def. */
#ifndef STORE_METHOD_H
#define STORE_METHOD_H

#include "store/fault.h"

enum method {
#define METHOD(id, name, required, optional, later) METHOD_##id,
#include "store/method.def"
#undef METHOD
	METHOD_NONE,
};

struct method_words {
	const char *name, *required, *optional;
	const char *later; /* why it is refused, or NULL */
};

const struct method_words *method_words(enum method m);

/* METHOD_NONE with a complaint that begins with where. */
enum method method_find(const char *name, const char *where, struct fault *f);

#endif
