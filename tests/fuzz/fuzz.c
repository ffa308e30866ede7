/* libFuzzer's side: FUZZ_TARGET says which. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct fuzz_target *target;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("FUZZ_TARGET");

	(void)argc;
	(void)argv;
	for (size_t i = 0; name && i < fuzz_n_targets; i++)
		if (!strcmp(fuzz_targets[i].name, name))
			target = &fuzz_targets[i];
	if (target)
		return 0;
	fprintf(stderr, "FUZZ_TARGET must be one of:");
	for (size_t i = 0; i < fuzz_n_targets; i++)
		fprintf(stderr, " %s", fuzz_targets[i].name);
	fputc('\n', stderr);
	exit(2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	target->try(data, len);
	return 0;
}
