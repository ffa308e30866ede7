/*
 * Every file of every corpus once more: `replay` as a test (TAP), `replay TARGET FILE...` for some of them, as
 * AFL++ and a debugger want it.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "fuzz.h"

enum { INPUT_MAX = 1 << 24 };

static int try_file(const struct fuzz_target *t, const char *path)
{
	struct buf text = BUF_INIT;
	int rc = file_read(path, &text, INPUT_MAX);
	uint8_t *exact = xmalloc(text.len); /* so that a sanitizer sees a step beyond its end */

	if (rc < 0) {
		perror(path);
	} else {
		memcpy(exact, text.data, text.len);
		t->try(exact, text.len);
	}
	free(exact);
	buf_release(&text);
	return rc;
}

/* How many; -1 if one of them could not be read. */
static int try_folder(const struct fuzz_target *t, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *d;
	int n = 0;

	while (dir && n >= 0 && (d = readdir(dir))) {
		char *file = path_join(path, d->d_name);

		if (d->d_name[0] != '.')
			n = try_file(t, file) < 0 ? -1 : n + 1;
		free(file);
	}
	if (dir)
		closedir(dir);
	return n;
}

static int try_all(void)
{
	const char *src = getenv("top_srcdir");
	int bad = 0;

	printf("1..%zu\n", fuzz_n_targets);
	for (size_t i = 0; i < fuzz_n_targets; i++) {
		const struct fuzz_target *t = &fuzz_targets[i];
		char *folder = xasprintf("%s/tests/fuzz/corpus/%s", src ? src : ".", t->name);
		int n = try_folder(t, folder);

		printf("%s %zu - %s: %d inputs\n", n > 0 ? "ok" : "not ok", i + 1, t->name, n);
		fflush(stdout);
		bad |= n <= 0;
		free(folder);
	}
	return bad;
}

int main(int argc, char **argv)
{
	int bad = 0;

	if (argc < 2)
		return try_all();
	for (size_t i = 0; i < fuzz_n_targets; i++)
		for (int a = 2; a < argc && !strcmp(argv[1], fuzz_targets[i].name); a++)
			bad |= try_file(&fuzz_targets[i], argv[a]) < 0;
	return bad;
}
