/* Where a run keeps its files: below .orchmake/, private to the user. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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

bool private_dir_make(const char *path, struct buf *err)
{
	const char *why = NULL;
	struct stat st;

	if (dirs_make(path, PRIVATE_DIR) < 0 || lstat(path, &st) < 0) {
		buf_addf(err, "cannot make the folder '%s': %s%s", path, strerror(errno),
			 errno == EACCES || errno == EROFS ? " (run it as who owns the folder of the Jobfile, or on a copy)"
			 : errno == ENOSPC		    ? " (make room on the disk)"
							    : "");
		return false;
	}
	if (!S_ISDIR(st.st_mode))
		why = "not a folder";
	else if (st.st_mode & S_IWOTH)
		why = "writable by everybody";
	else if (geteuid() && st.st_uid != geteuid()) /* root in a container has folders of users it does not know */
		why = "somebody else's";
	if (why)
		buf_addf(err, "'%s' is %s; orchmake keeps its ledger and logs only in a folder of its own", path, why);
	return !why;
}

int work_hold(const char *path, int how)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat held, there;

	if (fd < 0)
		return -1;
	if (!flock(fd, how) && !fstat(fd, &held) && !lstat(path, &there) && held.st_ino == there.st_ino)
		return fd;
	close(fd);
	return -1;
}

/*
 * Whoever sweeps may find it in the instant before it is held: he lets go of it soon, or has removed it.  What it is
 * is looked at when nobody can any more.
 */
static bool work_make(struct run_paths *p, struct buf *err)
{
	enum { TRIES = 1000 };

	for (int i = 0; i < TRIES && p->work_fd < 0; i++) {
		if (mkdir(p->work, PRIVATE_DIR) < 0 && errno != EEXIST && !private_dir_make(p->work, err))
			return false;
		p->work_fd = work_hold(p->work, LOCK_EX);
	}
	if (p->work_fd >= 0)
		return private_dir_make(p->work, err);
	buf_addf(err, "cannot hold the folder '%s': %s", p->work, strerror(errno));
	return false;
}

void run_paths_name(struct run_paths *p, const char *root, const char *log_dir, const char *id)
{
	char *runs, *logs;

	p->work_fd = -1;
	p->state_dir = path_join(root, ".orchmake");
	runs = path_join(p->state_dir, "runs");
	logs = log_dir ? xstrdup(log_dir) : path_join(p->state_dir, "logs");
	p->logs = path_join(logs, id);
	p->work = path_join(runs, id);
	p->tmp = path_join(p->work, "tmp");
	p->journal = path_join(p->work, "journal");
	free(runs);
	free(logs);
}

bool run_paths_make(struct engine *e, struct buf *err)
{
	struct run_paths *p = &e->paths;
	char *runs;
	bool good;

	run_paths_name(p, e->root, e->o->log_dir, e->id.text);
	p->ledger = engine_ledger_path(e->jf, e->o);
	runs = path_dir(p->work);
	/* The folder of work first: by it whoever sweeps finds the others. */
	good = private_dir_make(p->state_dir, err) && private_dir_make(runs, err) && work_make(p, err) &&
	       private_dir_make(p->logs, err) && private_dir_make(p->tmp, err);
	free(runs);
	return good;
}

/* Down to the journal: who looks for it after a power cut has to find it. */
int run_paths_sync(const struct run_paths *p)
{
	char *root = path_dir(p->state_dir), *runs = path_dir(p->work);
	int rc = folder_sync(root) < 0 || folder_sync(p->state_dir) < 0 || folder_sync(runs) < 0 || folder_sync(p->work) < 0;

	free(root);
	free(runs);
	return -rc;
}

/* The next start is quicker for it, and this one is none the worse if it cannot be. */
void compiled_keep(struct engine *e)
{
	struct buf ignored = BUF_INIT;
	char *dir = path_join(e->root, COMPILED_DIR);

	if (jobfile_compiled_due(e->jf) && private_dir_make(dir, &ignored))
		jobfile_save_compiled(e->jf);
	buf_release(&ignored);
	free(dir);
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

/* Nearly always it holds what every run makes and nothing else. */
void work_done(const struct run_paths *p)
{
	if (rmdir(p->tmp) < 0 || unlink(p->journal) < 0 || rmdir(p->work) < 0)
		work_remove(p->work);
}

void run_paths_release(struct run_paths *p)
{
	if (p->state_dir && p->work_fd >= 0)
		close(p->work_fd);
	free(p->state_dir);
	free(p->ledger);
	free(p->logs);
	free(p->work);
	free(p->tmp);
	free(p->journal);
	*p = (struct run_paths){0};
}
