/*
 * The file an attempt writes its log into.  Making one costs more than all else that is done for a short step, so an
 * attempt that went well and printed nothing hands its file on: renamed, so that a path never leads to what another
 * printed.  Nothing is appended behind an attempt's own text: whoever opens /dev/stderr to write cuts the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/vec.h"
#include "engine/engine_impl.h"

char *engine_log_path(struct engine *e, uint32_t unit, uint32_t serial)
{
	struct buf name = BUF_INIT, path = BUF_INIT;

	expansion_unit_name(e->x, unit, &name);
	buf_addf(&path, "%s/%06" PRIu32 "-", e->paths.logs, serial);
	path_safe(&path, name.data);
	buf_puts(&path, ".log");
	buf_release(&name);
	return buf_detach(&path);
}

/*
 * Nobody but us has it open, to read or to write: only then the kernel gives a lease.  Who opens it while we have that
 * is made to wait, and the signal that tells us of it has to be one that does nothing.
 */
static bool is_ours_alone(struct engine *e, int fd)
{
	bool alone = !fcntl(fd, F_SETSIG, SIGURG) && !fcntl(fd, F_SETLEASE, F_WRLCK);

	e->no_leases |= !alone && errno != EAGAIN; /* nor will it be so with the next one, on a network's file system */
	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
	return alone;
}

static bool is_unused(struct engine *e, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	bool unused = fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && !st.st_size && is_ours_alone(e, fd);

	if (fd >= 0)
		close(fd);
	return unused;
}

/* Whoever has opened it under its old name is found once nobody can any more; then it goes back. */
static void hand_on(struct engine *e, const char *path)
{
	char *spare = e->spare_log[--e->n_spare_logs];

	if (!rename(spare, path) && !is_unused(e, path))
		(void)rename(path, spare);
	free(spare);
}

char *log_begin(struct engine *e, uint32_t unit, uint32_t serial)
{
	char *path = engine_log_path(e, unit, serial);

	if (e->n_spare_logs)
		hand_on(e, path);
	return path;
}

int64_t log_bytes(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 || !S_ISREG(st.st_mode) ? -1 : st.st_size;
}

void log_end(struct engine *e, struct attempt *a, int64_t bytes, enum state state)
{
	const struct policy *p = e->x->place[a->unit].step->t.policy;

	/* Recovery looks into it if fail_if says so, and whoever reads of a failure does. */
	if (bytes || state != STATE_SUCCEEDED || p->fail_if.out || p->fail_if.err || e->no_leases)
		return;
	VEC_PUSH(e->spare_log, e->n_spare_logs, e->room_spare_logs, a->log);
	a->log = NULL;
}

void log_close(struct engine *e)
{
	while (e->n_spare_logs) {
		char *path = e->spare_log[--e->n_spare_logs];

		if (is_unused(e, path))
			(void)unlink(path);
		free(path);
	}
	free(e->spare_log);
	e->spare_log = NULL;
}
