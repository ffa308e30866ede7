/*
 * What a transform can make of a value: text, numbers, times, addresses, mail bodies.
 * Conversions are total: what cannot be converted is null, for whether data is right is
 * the business of the validation before.
 */
#ifndef CALLABLES_CONVERT_H
#define CALLABLES_CONVERT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * A time in ISO 8601 (date alone, seconds and fraction optional, Z or an offset; UTC without one)
 * or as in mails (`Tue, 2 Jan 2024 10:11:12 +0200`): microseconds since 1970.
 */
bool time_parse(const char *text, int64_t *ret_us);
/* `2024-01-02T03:04:05Z`, with milliseconds if there are any. */
void time_text(struct buf *out, int64_t us);

typedef json_t *convert_fn(const json_t *value, const json_t *column);

/* The conversion of that name (`as` of a column), NULL if there is none. */
convert_fn *convert_find(const char *name);


#endif
