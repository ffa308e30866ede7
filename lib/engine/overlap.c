/*
 * Who may run the same target at once: a lock for each target, which the kernel forgets with its holders.  A run
 * that allows others holds it with them; any other holds it alone, and its warden with it, so that it is free
 * only when nothing of the run is left.  What the file says is for messages and for `cancel`; the lock is the lock.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/digest.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "engine/control.h"
#include "engine/engine_impl.h"
#include "sys/calls.h"
#include "sys/lock.h"
#include "sys/proctree.h"

enum { SHORT_HASH = 12, NOTE_MAX = 256, CANCEL_LOOK_MS = 20 };

struct wanted {
	char *path, *target;
	enum overlap overlap;
};

/* Of the job that the target is, or is an instance or a step of. */
static enum overlap overlap_of(const struct engine *e, uint32_t unit)
{
	const struct unit *u = &e->x->graph->unit[unit];
	const struct job *j = u->kind == UNIT_STEP ? e->x->place[unit].step->job : e->x->bundle[u->group].job;

	if (e->o->overlap_given)
		return e->o->overlap;
	return j ? j->t.policy->overlap : OVERLAP_ALLOW;
}

bool overlap_is_allowed(const struct engine *e)
{
	for (size_t i = 0; i < e->x->n_targets; i++)
		if (overlap_of(e, e->x->target_unit[i]) != OVERLAP_ALLOW)
			return false;
	return true;
}

static struct wanted wanted_for(struct engine *e, uint32_t unit)
{
	struct buf name = BUF_INIT, path = BUF_INIT;
	struct digest d;
	struct wanted w;

	expansion_unit_name(e->x, unit, &name);
	digest_of(&d, name.data, name.len);
	buf_addf(&path, "%s/.orchmake/locks/", e->root);
	path_safe(&path, name.data);
	buf_addf(&path, "-%.*s", SHORT_HASH, d.hex); /* the name itself may not be one of a file */
	w = (struct wanted){.path = buf_detach(&path), .target = buf_detach(&name), .overlap = overlap_of(e, unit)};
	return w;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct wanted *)a)->path, ((const struct wanted *)b)->path);
}

/* --- the note in the file ---------------------------------------------------------------------------------- */

/* Written over what is there: where a file is emptied first, ext4 brings it to the disk when it is closed. */
static void leave_note(const struct engine *e, int fd)
{
	struct proc_stat self = {0};
	struct stat st;
	char note[NOTE_MAX];
	int n;

	(void)proc_stat(&calls_real, getpid(), &self);
	n = snprintf(note, sizeof(note), "%s %d %" PRIu64 "\n", e->id.text, (int)getpid(), (uint64_t)self.start_ticks);
	if (pwrite(fd, note, (size_t)n, 0) == n && !fstat(fd, &st) && st.st_size > n)
		(void)!ftruncate(fd, n);
}

struct note_of {
	char run[64];
	int pid;
	uint64_t start;
};

/* It may be gone, or not have written it yet. */
static bool read_note(const char *path, struct note_of *ret)
{
	struct buf text = BUF_INIT;
	bool good = !file_read_regular(path, &text, NOTE_MAX) &&
		    sscanf(text.data, "%63s %d %" SCNu64, ret->run, &ret->pid, &ret->start) == 3;

	buf_release(&text);
	return good;
}

static void say(const struct engine *e, const struct wanted *w, const struct note_of *other, const char *what)
{
	char *text = other->run[0] ? xasprintf("'%s' runs already (%.10s, pid %d): %s", w->target, other->run,
					       other->pid, what)
				   : xasprintf("'%s' runs already: %s", w->target, what);

	if (e->o->say)
		e->o->say(e->o->say_ctx, text);
	free(text);
}

/* --- taking it ----------------------------------------------------------------------------------------------- */

/* Whoever holds it and began before this one is asked to end; it may be another by the time that the first has. */
static int take_from_older(const struct engine *e, const struct wanted *w)
{
	const struct timespec pause = {.tv_nsec = CANCEL_LOOK_MS * NS_PER_MS};
	struct note_of last = {0}, now;
	int fd;

	while ((fd = lock_take(w->path, LOCK_ALONE)) < 0 && errno == EWOULDBLOCK) {
		if (read_note(w->path, &now) && strcmp(now.run, last.run) != 0 && strcmp(now.run, e->id.text) < 0) {
			(void)control_stop_run(now.pid, now.start);
			last = now;
		}
		(void)nanosleep(&pause, NULL);
	}
	return fd;
}

/* Somebody holds it.  The descriptor, or -1: EWOULDBLOCK if it is not to be waited for. */
static int take_held(struct engine *e, const struct wanted *w)
{
	struct note_of other = {0};

	(void)read_note(w->path, &other);
	switch (w->overlap) {
	case OVERLAP_SKIP:
		say(e, w, &other, "skipped");
		errno = EWOULDBLOCK;
		return -1;
	case OVERLAP_CANCEL:
		say(e, w, &other, "it is stopped first");
		return take_from_older(e, w);
	case OVERLAP_QUEUE:
		say(e, w, &other, "this one waits");
		break;
	case OVERLAP_ALLOW:
	case OVERLAP_COUNT:
		break;
	}
	return lock_wait(w->path, LOCK_ALONE);
}

static int take(struct engine *e, const struct wanted *w)
{
	int fd = lock_take(w->path, w->overlap == OVERLAP_ALLOW ? LOCK_SHARED : LOCK_ALONE);

	if (fd < 0 && errno == EWOULDBLOCK && w->overlap != OVERLAP_ALLOW)
		fd = take_held(e, w);
	if (fd >= 0)
		leave_note(e, fd);
	return fd;
}

static bool take_all(struct engine *e, const struct wanted *w, size_t n, struct buf *err)
{
	for (size_t i = 0; i < n; i++) {
		int fd = take(e, &w[i]);

		if (fd >= 0)
			VEC_PUSH(e->held, e->n_held, e->room_held, fd);
		else if (w[i].overlap != OVERLAP_ALLOW && errno == EWOULDBLOCK)
			return false;
		else if (w[i].overlap != OVERLAP_ALLOW) {
			buf_addf(err, "cannot take the lock '%s': %s", w[i].path, strerror(errno));
			return false;
		}
	}
	return true;
}

/* In the order of their names, so that two runs never wait for each other. */
bool overlap_enter(struct engine *e, struct buf *err)
{
	struct wanted *w = xcalloc(e->x->n_targets + 1, sizeof(*w));
	char *ours = path_join(e->root, ".orchmake"), *folder = path_join(ours, "locks");
	bool good = private_dir_make(ours, err) && private_dir_make(folder, err);

	for (size_t i = 0; i < e->x->n_targets; i++)
		w[i] = wanted_for(e, e->x->target_unit[i]);
	qsort(w, e->x->n_targets, sizeof(*w), by_path);
	good = good && take_all(e, w, e->x->n_targets, err);
	for (size_t i = 0; i < e->x->n_targets; i++) {
		free(w[i].path);
		free(w[i].target);
	}
	free(w);
	free(ours);
	free(folder);
	return good;
}

void overlap_leave(struct engine *e)
{
	for (size_t i = 0; i < e->n_held; i++)
		close(e->held[i]);
	free(e->held);
	e->held = NULL;
	e->n_held = e->room_held = 0;
}
