/*
 * Time.  Wall time is milliseconds since 1970 UTC; monotonic time is
 * nanoseconds since some fixed instant of this boot.  Durations are written
 * `500ms 30s 10m 1h30m 2d`.
 */
#ifndef BASE_STAMP_H
#define BASE_STAMP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>

#include "base/buf.h"

enum {
	MS_PER_S = 1000,
	NS_PER_MS = 1000000,
	NS_PER_S = 1000000000,
	STAMP_TEXT = 80, /* room for stamp_format with its NUL, whatever the year */
};

int64_t stamp_wall_ms(void);
int64_t stamp_mono_ns(void);
int64_t stamp_us(struct timeval t);

/* `2026-01-02T03:04:05.678Z` into text[STAMP_TEXT]; returns text. */
char *stamp_format(int64_t wall_ms, char *text);

/* The reverse (milliseconds and zone optional, UTC without one). */
bool stamp_parse(const char *text, int64_t *ret_wall_ms);

/* A duration's text to milliseconds; false if it is none.  A bare number is refused. */
bool duration_parse(const char *text, int64_t *ret_ms);

/* As short as it can be said exactly: `1h30m`, `2.5s`, `340ms`. */
void duration_format(struct buf *b, int64_t ms);

/* For people: `0.34s`, `12.5s`, `3m05s`, `1h02m`. */
void duration_human(struct buf *b, int64_t ms);

/* `10k 512M 1.5G` (binary) or a bare number of bytes. */
bool size_parse(const char *text, int64_t *ret_bytes);

#endif
