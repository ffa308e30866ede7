/* A pointer and a length, owning nothing; not NUL-terminated. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
	const char *at;
	size_t len;
};

static inline struct span span_of(const char *s)
{
	return (struct span){s, strlen(s)};
}

static inline bool span_is(struct span s, const char *word)
{
	return strlen(word) == s.len && !memcmp(s.at, word, s.len);
}

/* The string at *p, which moves on behind its NUL; the last byte before end is one.  False: there is no more. */
static inline bool next_string(const char **p, const char *end, const char **ret)
{
	if (*p >= end)
		return false;
	*ret = *p;
	*p += strlen(*p) + 1;
	return true;
}

static inline struct span span_trim(struct span s)
{
	while (s.len && (s.at[0] == ' ' || s.at[0] == '\t' || s.at[0] == '\n' || s.at[0] == '\r'))
		s.at++, s.len--;
	while (s.len && strchr(" \t\n\r", s.at[s.len - 1]))
		s.len--;
	return s;
}

#endif
