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

/* Of access(2): 0, or the errno if what was asked for certainly cannot be had. */
static int certain(int got)
{
	return got < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES) ? errno : 0;
}

static int look_at(const char *cwd, const char *name)
{
	char *path = path_join(cwd, name);
	int error = certain(access(path, X_OK));

	free(path);
	return error;
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

static int look_for(const char *name, const char *path, const char *cwd)
{
	struct buf full = BUF_INIT;
	bool denied = false;
	int error = ENOENT;

	if (strchr(name, '/'))
		return look_at(cwd, name);
	while (path && error && name[0]) {
		next_name(&path, name, &full);
		error = look_at(cwd, full.data);
		denied |= error == EACCES;
	}
	buf_release(&full);
	return !error ? 0 : denied ? EACCES : ENOENT;
}

int program_missing(const char *const *argv, const char *const *envp, const char *cwd, const char **ret_stage)
{
	const char *dir = cwd ? cwd : ".";
	int error = certain(access(dir, X_OK));

	*ret_stage = error ? "chdir" : "exec";
	return error ? error : look_for(argv[0], search_path(envp), dir);
}
