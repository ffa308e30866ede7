/* "did you mean": the nearest of some words. */
#ifndef BASE_SPELL_H
#define BASE_SPELL_H

#include <stddef.h>

/* Damerau-Levenshtein (adjacent swaps count one), of at most 64 bytes each; more is "far". */
size_t spell_distance(const char *a, const char *b);

/* The best of many, fed one at a time. */
struct spell {
	const char *word;
	const char *best; /* NULL while nothing is near enough */
	size_t distance;
};

void spell_init(struct spell *s, const char *word);
void spell_try(struct spell *s, const char *candidate); /* candidate is kept by pointer */

#endif
