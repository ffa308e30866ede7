/* Prints a new ledger as C: see lib/ledger/image.h.  Run by make. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fdio.h"
#include "ledger/image.h"

enum { IMAGE_MAX = 16 << 20, PER_LINE = 24 };

static void print(const struct buf *b)
{
	printf("#include \"ledger/image.h\"\n\nstatic const unsigned char bytes[%zu] = {", b->len);
	for (size_t i = 0, n = 0; i < b->len; i++) {
		if (!b->data[i])
			continue;
		printf(n++ % PER_LINE ? "" : "\n");
		if (!i || !b->data[i - 1]) /* what is left out is zero */
			printf("[%zu] = ", i);
		printf("%u,", (unsigned char)b->data[i]);
	}
	printf("\n};\nconst struct ledger_image ledger_image = {bytes, sizeof(bytes)};\n");
}

static int fail(const char *what)
{
	fprintf(stderr, "orchmake-image: %s\n", what);
	return EXIT_FAILURE;
}

int main(void)
{
	char dir[] = "/tmp/orchmake-image.XXXXXX", path[sizeof(dir) + 8];
	struct ledger_error err = LEDGER_ERROR_INIT;
	struct buf bytes = BUF_INIT;
	int code = EXIT_SUCCESS;

	if (!mkdtemp(dir))
		return fail("cannot make a folder below /tmp");
	snprintf(path, sizeof(path), "%s/ledger", dir);
	if (!ledger_image_make(path, &err))
		code = fail(err.text.data);
	else if (file_read(path, &bytes, IMAGE_MAX) < 0)
		code = fail("cannot read what was made");
	else
		print(&bytes);
	(void)unlink(path);
	(void)rmdir(dir);
	ledger_error_release(&err);
	buf_release(&bytes);
	return code;
}
