/* The logs that runs left behind. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fdio.h"
#include "engine/control.h"
#include "engine/engine_impl.h"

/* A folder that bears a run's id holds nothing else, whatever a damaged ledger says. */
static bool is_of_run(const char *dir, const char *run)
{
	return dir && dir[0] == '/' && !strcmp(path_base(dir), run);
}

int64_t control_logs_bytes(const char *dir, const char *run)
{
	DIR *d = is_of_run(dir, run) ? opendir(dir) : NULL;
	int64_t sum = 0;
	struct stat st;

	if (!d)
		return 0;
	for (struct dirent *f; (f = readdir(d));)
		if (!fstatat(dirfd(d), f->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode))
			sum += st.st_size;
	closedir(d);
	return sum;
}

void control_logs_remove(const char *dir, const char *run)
{
	if (is_of_run(dir, run))
		work_remove(dir);
}
