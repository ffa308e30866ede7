/* Where a run keeps its files: below .orchmake/, private to the user. */
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "engine/engine_impl.h"

enum { PRIVATE_DIR = 0700, SAFE_MAX = 100 };

void path_safe(struct buf *out, const char *text)
{
	size_t n = 0;

	for (; *text && n < SAFE_MAX; text++, n++) {
		bool fine = strchr("._-", *text) || (*text >= '0' && *text <= '9') ||
			    (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');

		buf_putc(out, fine && (n || *text != '.') ? *text : '_');
	}
}

char *engine_ledger_path(const struct jobfile *jf, const struct run_options *o)
{
	return o->ledger ? xstrdup(o->ledger) : xasprintf("%s/.orchmake/ledger.db", jf->root);
}

bool private_folder(const char *path, struct buf *err)
{
	struct stat st;

	if (dirs_make(path, PRIVATE_DIR) < 0 || lstat(path, &st) < 0) {
		buf_addf(err, "cannot make the folder '%s': %s%s", path, strerror(errno),
			 errno == EACCES || errno == EROFS ? " (run it as who owns the folder of the Jobfile, or on a copy)"
			 : errno == ENOSPC		    ? " (make room on the disk)"
							    : "");
		return false;
	}
	if (!S_ISDIR(st.st_mode) || (st.st_mode & S_IWOTH)) {
		buf_addf(err, "'%s' is %s; orchmake keeps its ledger and logs only in a folder of its own", path,
			 S_ISDIR(st.st_mode) ? "writable by everybody" : "not a folder");
		return false;
	}
	return true;
}

bool run_paths_make(struct engine *e, struct buf *err)
{
	struct run_paths *p = &e->paths;
	char *runs, *logs;
	bool good;

	p->state_dir = path_join(e->root, ".orchmake");
	p->ledger = engine_ledger_path(e->jf, e->o);
	runs = path_join(p->state_dir, "runs");
	logs = e->o->log_dir ? xstrdup(e->o->log_dir) : path_join(p->state_dir, "logs");
	p->logs = path_join(logs, e->id.text);
	p->work = path_join(runs, e->id.text);
	p->tmp = path_join(p->work, "tmp");
	p->journal = path_join(p->work, "journal");
	good = private_folder(p->state_dir, err) && private_folder(runs, err) && private_folder(p->logs, err) &&
	       private_folder(p->work, err) && private_folder(p->tmp, err);
	free(runs);
	free(logs);
	return good;
}

/* Depth first, following no link; what cannot be removed stays. */
static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	(void)remove(path);
	return 0;
}

void work_remove(const char *path)
{
	enum { OPEN_DIRS = 16 };

	(void)nftw(path, remove_one, OPEN_DIRS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void run_paths_release(struct run_paths *p)
{
	free(p->state_dir);
	free(p->ledger);
	free(p->logs);
	free(p->work);
	free(p->tmp);
	free(p->journal);
	*p = (struct run_paths){0};
}
