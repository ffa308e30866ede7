/* The driver's side of the journal: making it, asking after its warden, reading it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "warden/journal.h"

enum {
	RECORD = sizeof(struct journal_record),
	VERSION = 1, /* in `why` of the head */
	READ_BYTES = 64 * 1024,
};

/* --- making --------------------------------------------------------------------------------------- */

static int write_head(const struct calls *c, int fd, uint64_t nonce)
{
	struct journal_record head = {.type = JOURNAL_HEAD, .why = VERSION, .serial = (uint32_t)nonce};
	struct journal_record begun = {.type = JOURNAL_BEGUN};
	struct journal_writer w;

	head.head.nonce_high = (uint32_t)(nonce >> 32);
	if (proc_boot_id(c, head.head.boot_id) < 0 || journal_writer_init(&w, c, fd, nonce) < 0)
		return -1;
	journal_put64(begun.begun.wall_ms, (uint64_t)stamp_wall_ms());
	journal_put64(begun.begun.ticks, proc_ticks_now());
	if (journal_append(&w, &head) < 0)
		return -1;
	return journal_append(&w, &begun);
}

int journal_create(const struct calls *c, const char *path, uint64_t nonce)
{
	enum { FLAGS = O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC };
	char *tmp = xasprintf("%s.new.%d", path, (int)getpid());
	int fd, saved;

	(void)unlink(tmp);
	fd = c->openat(AT_FDCWD, tmp, FLAGS, 0600);
	if (fd < 0)
		goto free_name;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || write_head(c, fd, nonce) < 0 || link(tmp, path) < 0)
		goto remove;
	(void)unlink(tmp);
	free(tmp);
	return fd;

remove:
	saved = errno;
	(void)unlink(tmp);
	close(fd);
	errno = saved;
free_name:
	saved = errno;
	free(tmp);
	errno = saved;
	return -1;
}

/* --- reading ------------------------------------------------------------------------------------- */

/* O_NONBLOCK: a FIFO in its place must not stop us. */
static int open_journal(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	errno = EPROTO;
	return -1;
}

int journal_state(const char *path, enum journal_state *ret)
{
	int fd = open_journal(path), error = 0;

	if (fd < 0) {
		if (errno != ENOENT)
			return -1;
		*ret = JOURNAL_NONE;
		return 0;
	}
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		error = errno;
	close(fd); /* and the lock with it */
	if (error && error != EWOULDBLOCK) {
		errno = error;
		return -1;
	}
	*ret = error ? JOURNAL_ALIVE : JOURNAL_DEAD;
	return 0;
}

struct all {
	struct journal_record *r;
	size_t n, room;
};

/* Whole records; what is left over at the end is returned in *ret_rest. */
static int read_records(int fd, struct all *all, size_t *ret_rest)
{
	size_t have = 0;

	for (;;) {
		ssize_t n;
		char *to;

		VEC_RESERVE(all->r, all->n, all->room, READ_BYTES / RECORD);
		to = (char *)(all->r + all->n);
		n = read(fd, to + have, READ_BYTES - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (!n)
			break;
		have += (size_t)n;
		all->n += have / RECORD;
		have %= RECORD; /* the piece is already where the next record goes */
	}
	*ret_rest = have;
	return 0;
}

static int read_head(struct journal *j, const struct all *all, uint64_t nonce)
{
	const struct journal_record *head = all->r, *begun = all->r + 1;
	uint8_t now[BOOT_ID_BYTES];

	if (all->n < 2)
		goto bad;
	j->nonce = (uint64_t)head->head.nonce_high << 32 | head->serial;
	if (head->type != JOURNAL_HEAD || head->why != VERSION || head->crc != journal_checksum(head, j->nonce) ||
	    begun->type != JOURNAL_BEGUN || begun->crc != journal_checksum(begun, j->nonce) ||
	    (nonce && nonce != j->nonce))
		goto bad;
	memcpy(j->boot_id, head->head.boot_id, BOOT_ID_BYTES);
	j->same_boot = !proc_boot_id(&calls_real, now) && !memcmp(now, j->boot_id, BOOT_ID_BYTES);
	j->begun_wall_ms = (int64_t)journal_get64(begun->begun.wall_ms);
	j->begun_ticks = journal_get64(begun->begun.ticks);
	return 0;
bad:
	errno = EPROTO;
	return -1;
}

static bool is_sound(const struct journal_record *r, uint64_t nonce)
{
	switch (r->type) {
	case JOURNAL_START:
	case JOURNAL_PROCESS:
	case JOURNAL_FAILED:
	case JOURNAL_END:
		return r->why <= WHY_DRIVER_GONE && r->crc == journal_checksum(r, nonce);
	}
	return false;
}

void journal_take(struct journal_attempt *a, const struct journal_record *r)
{
	a->serial = r->serial;
	a->last = (enum journal_type)r->type;
	switch (a->last) {
	case JOURNAL_START: /* perhaps again, after a failed fork */
		*a = (struct journal_attempt){.serial = r->serial, .last = JOURNAL_START};
		a->start_wall_ms = (int64_t)journal_get64(r->begun.wall_ms);
		break;
	case JOURNAL_PROCESS:
		a->pid = (pid_t)r->process.pid;
		a->start_ticks = journal_get64(r->process.ticks);
		a->start_span = r->process.span;
		break;
	case JOURNAL_FAILED:
		a->error = (int)r->failed.error;
		a->stage = r->failed.stage;
		break;
	case JOURNAL_END:
		a->why = (enum journal_why)r->why;
		a->leftovers = r->leftovers;
		a->status = (int)r->end.status;
		a->user_ms = r->end.user_ms;
		a->system_ms = r->end.system_ms;
		a->max_rss_kib = r->end.max_rss_kib;
		a->elapsed_ms = r->end.elapsed_ms;
		break;
	case JOURNAL_HEAD:
	case JOURNAL_BEGUN:
		break;
	}
}

/* Records know their order by their address: sorting pointers by serial and address keeps it. */
static int by_serial(const void *a, const void *b)
{
	const struct journal_record *const *x = a, *const *y = b;

	if ((*x)->serial != (*y)->serial)
		return (*x)->serial < (*y)->serial ? -1 : 1;
	return (*x > *y) - (*x < *y);
}

static void fold(struct journal *j, const struct journal_record *r, size_t n)
{
	const struct journal_record **order = xcalloc(n, sizeof(*order));
	size_t room = 0;

	for (size_t i = 0; i < n; i++)
		order[i] = r + i;
	qsort(order, n, sizeof(*order), by_serial);
	for (size_t i = 0; i < n; i++) {
		if (!i || order[i]->serial != order[i - 1]->serial)
			VEC_PUSH(j->attempt, j->n_attempts, room, (struct journal_attempt){0});
		journal_take(&j->attempt[j->n_attempts - 1], order[i]);
	}
	free(order);
}

int journal_read(struct journal *ret, const char *path, uint64_t nonce)
{
	struct journal j = {0};
	struct all all = {0};
	size_t rest, good = 2;
	int fd = open_journal(path), rc = -1, saved;

	if (fd < 0)
		return -1;
	if (read_records(fd, &all, &rest) < 0 || read_head(&j, &all, nonce) < 0)
		goto done;
	while (good < all.n && is_sound(&all.r[good], j.nonce))
		good++;
	j.bad_bytes = (all.n - good) * RECORD + rest;
	fold(&j, all.r + 2, good - 2);
	*ret = j;
	rc = 0;
done:
	saved = errno;
	free(all.r);
	close(fd);
	errno = saved;
	return rc;
}

void journal_release(struct journal *j)
{
	free(j->attempt);
	*j = (struct journal){0};
}

const struct journal_attempt *journal_find(const struct journal *j, uint32_t serial)
{
	size_t low = 0, high = j->n_attempts;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (j->attempt[mid].serial == serial)
			return &j->attempt[mid];
		if (j->attempt[mid].serial < serial)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}
