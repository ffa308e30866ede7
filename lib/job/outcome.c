#include "job/outcome.h"

#include <string.h>

#include "base/bug.h"

const char *outcome_of(const char *state)
{
	static const char *const pairs[][2] = {
#define OUTCOME(state, outcome) {state, outcome},
#include "job/outcome.def"
#undef OUTCOME
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		if (!strcmp(pairs[i][0], state))
			return pairs[i][1];
	return NULL;
}
