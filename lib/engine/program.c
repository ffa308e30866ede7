#include "engine/program.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fdio.h"

static const char *search_path(const char *const *envp)
{
	for (; *envp; envp++)
		if (!strncmp(*envp, "PATH=", 5))
			return *envp + 5;
	return "/bin:/usr/bin";
}

/* 0, or the errno if it certainly cannot be started. */
static int look_at(const char *cwd, const char *name)
{
	char *path = path_join(cwd ? cwd : ".", name);
	int error = access(path, X_OK) < 0 ? errno : 0;

	free(path);
	return error == ENOENT || error == ENOTDIR || error == EACCES ? error : 0;
}

/* The next folder of *path (empty: here) with name behind it, in full. */
static void next_name(const char **path, const char *name, struct buf *full)
{
	const char *end = strchrnul(*path, ':');

	buf_reset(full);
	buf_add(full, *path, (size_t)(end - *path));
	buf_puts(full, end > *path ? "/" : "./");
	buf_puts(full, name);
	*path = *end ? end + 1 : NULL;
}

int program_missing(const char *const *argv, const char *const *envp, const char *cwd)
{
	const char *path = search_path(envp);
	struct buf full = BUF_INIT;
	bool denied = false;
	int error = ENOENT;

	if (strchr(argv[0], '/'))
		return look_at(cwd, argv[0]);
	while (path && error && argv[0][0]) {
		next_name(&path, argv[0], &full);
		error = look_at(cwd, full.data);
		denied |= error == EACCES;
	}
	buf_release(&full);
	return !error ? 0 : denied ? EACCES : ENOENT;
}
