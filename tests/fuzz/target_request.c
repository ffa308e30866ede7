/* By itself, as the warden's stages and those of composites bear one name. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "fuzz.h"
#include "warden/request.h"

void try_request(const uint8_t *data, size_t len)
{
	const char **table = xcalloc(REQUEST_STRINGS + 2, sizeof(*table));
	struct request r;
	size_t sum = 0;

	if (request_open(&r, data, len, table)) {
		for (size_t i = 0; r.argv[i]; i++)
			sum += strlen(r.argv[i]);
		for (size_t i = 0; r.envp[i]; i++)
			sum += strlen(r.envp[i]);
		for (size_t i = 0; i < REQUEST_TEXTS; i++)
			sum += r.text[i] ? strlen(r.text[i]) : 0;
		for (size_t i = 0; i < r.n_numbers; i++)
			sum += r.number[i] & 1;
		BUG_UNLESS(sum <= 2 * len);
	}
	free(table);
}
