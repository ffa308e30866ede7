/*
 * What stands for a secret in a fingerprint: a hash of its value under a key that lies beside the ledger, in a
 * file of its own.  So a secret that was changed is noticed, and the ledger alone lets nobody try guesses.
 */
#ifndef ENGINE_VEIL_H
#define ENGINE_VEIL_H

#include <jansson.h>
#include <stdbool.h>

#include "base/digest.h"

enum { VEIL_KEY_SIZE = 32 };

struct veil {
	bool ready;
	char key[VEIL_KEY_SIZE];
};

/*
 * Of value, with the key of that ledger; it is made if there is none, unless nothing may be touched.  A key that can
 * be neither read nor made is one of this run alone: what has a secret is then never taken for done.
 */
void veil_put(struct veil *v, const char *ledger, bool touch_nothing, const json_t *value, struct digest *ret);

#endif
