/* Two definitions, such as -p prints them: what is another in the second. */
#ifndef REPORT_CHANGES_H
#define REPORT_CHANGES_H

#include <jansson.h>

enum change_kind {
	CHANGE_OTHER, /* part has another `what` */
	CHANGE_NEW,   /* a job or step that was not there */
	CHANGE_GONE,
};

/* part: `job`, `job/step`, or "" for what belongs to the file; what: the key (NULL where all of part is meant). */
typedef void change_fn(void *ctx, enum change_kind kind, const char *part, const char *what);

/* In the order of the first, then what the second has more. */
void changes_of_definition(const json_t *was, const json_t *is, change_fn *use, void *ctx);

#endif
