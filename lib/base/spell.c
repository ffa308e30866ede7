#include "base/spell.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { MAX_LEN = 64 };

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

size_t spell_distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	size_t rows[3][MAX_LEN + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	if (la > MAX_LEN || lb > MAX_LEN)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		last[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *spare = before;

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[lb];
}

void spell_init(struct spell *s, const char *word)
{
	*s = (struct spell){.word = word, .distance = strlen(word) / 3 + 2};
}

void spell_try(struct spell *s, const char *candidate)
{
	size_t d = strcasecmp(s->word, candidate) ? spell_distance(s->word, candidate) : 0;

	/* Two words of which no letter agrees are not the same one misspelt. */
	if (d < s->distance && (!d || d < strlen(s->word))) {
		s->distance = d;
		s->best = candidate;
	}
}
