/*
 * A new ledger as the bytes of its file, made when the program is built: to write them
 * takes a fraction of the time in which SQLite reads the schema.  Programs that do not have it
 * (tests, and the one that makes it) build theirs from the schema; both are the same.
 */
#ifndef LEDGER_IMAGE_H
#define LEDGER_IMAGE_H

#include <stddef.h>

#include "ledger/ledger.h"

struct ledger_image {
	const unsigned char *bytes;
	size_t n;
};

/* Made by src/image_main.c; not there at all in programs that do not have it. */
extern const struct ledger_image ledger_image __attribute__((weak));

/* From the schema, at path, where nothing is. */
bool ledger_image_make(const char *path, struct ledger_error *ret_error);

#endif
