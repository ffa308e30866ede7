/* What runs left behind. */
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "engine/control.h"
#include "engine/engine_impl.h"

/* A folder that bears a run's id holds nothing else, whatever a damaged ledger says. */
static bool is_of_run(const char *dir, const char *run)
{
	return dir && dir[0] == '/' && !strcmp(path_base(dir), run);
}

bool control_is_at_work(const char *journal, const char *run)
{
	char *work = path_dir(journal ? journal : "");
	int fd = -1;
	bool held;

	errno = 0;
	if (is_of_run(work, run))
		fd = work_hold(work, LOCK_EX | LOCK_NB);
	held = fd < 0 && errno == EWOULDBLOCK;
	if (fd >= 0)
		close(fd);
	free(work);
	return held;
}

int64_t control_logs_bytes(const char *dir, const char *run)
{
	char *path = xstrdup(dir ? dir : ""), *paths[] = {path, NULL};
	FTS *walk = is_of_run(dir, run) ? fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
	int64_t sum = 0;

	for (FTSENT *at; walk && (at = fts_read(walk));)
		if (at->fts_info == FTS_F)
			sum += at->fts_statp->st_size;
	if (walk)
		fts_close(walk);
	free(path);
	return sum;
}

void control_logs_remove(const char *dir, const char *run)
{
	if (is_of_run(dir, run))
		work_remove(dir);
}

/* Only in the folder that is ours by its name, wherever the ledger may be. */
void control_kept_remove(const char *ledger)
{
	static const char *const kept[] = {"compiled", "images"};
	char *dir = path_dir(ledger);

	for (size_t i = 0; i < ARRAY_LEN(kept) && !strcmp(path_base(dir), ".orchmake"); i++) {
		char *path = path_join(dir, kept[i]);

		work_remove(path);
		free(path);
	}
	free(dir);
}
