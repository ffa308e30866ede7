#include "callables/workman.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/bug.h"
#include "base/digest.h"
#include "base/stamp.h"

enum { US_PER_S = 1000000, ENTROPY = 10 };

void wm_time_text(struct buf *out, int64_t us)
{
	time_t s = (time_t)(us / US_PER_S);
	struct tm tm = {0};

	BUG_UNLESS(us >= 0 && gmtime_r(&s, &tm));
	buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%06d+00:00", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		 tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(us % US_PER_S));
}

/* The number's id: bytes of a hash, so that it looks like any other. */
static void derive(struct ulid *u, const struct wm_ids *ids)
{
	char *seed = xasprintf("%s\n%" PRIu64, ids->of, ids->n);
	uint8_t entropy[ENTROPY];
	struct digest d;

	digest_of(&d, seed, strlen(seed));
	for (size_t i = 0; i < ENTROPY; i++)
		BUG_UNLESS(sscanf(d.hex + 2 * i, "%2hhx", &entropy[i]) == 1);
	ulid_make(u, ids->wall_ms, entropy);
	free(seed);
}

/* Append the next id. */
static void add_id(struct wm_ids *ids, struct buf *out)
{
	struct ulid u;

	ids->n++;
	if (ids->counted) {
		buf_addf(out, "01J%023" PRIu64, ids->n);
		return;
	}
	if (ids->of)
		derive(&u, ids);
	else if (ulid_new(&u, ids->wall_ms) < 0)
		BUG("the kernel gives no random bytes: %s", strerror(errno));
	buf_puts(out, u.text);
}

json_t *wm_id_json(struct wm_ids *ids, const char *prefix)
{
	struct buf text = BUF_INIT;
	json_t *v;

	buf_puts(&text, prefix);
	add_id(ids, &text);
	v = json_stringn(text.data, text.len);
	buf_release(&text);
	return v;
}
