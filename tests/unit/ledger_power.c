/*
 * The power fails.  A layer below SQLite remembers what was synced and what was only written; at random
 * operations the disk is photographed as it may be found after the cut: what was synced, and of the rest any
 * sectors, in any order.  Every picture opens and is sound, and with `durability: full` it has every commit
 * that somebody was told of.
 */
#include "base/vec.h"
#include "ledger_kit.h"

enum { STEPS = 120, SECTOR = 512, PICTURES = 160, ONE_IN = 4, FILES = 2 };

struct change {
	size_t at, len;
	uint8_t *data; /* NULL: cut to `at` bytes */
};

struct platter {
	uint8_t *data; /* what is safe */
	size_t len;
	struct change *pending; /* what is only written */
	size_t n, room;
};

struct picture {
	uint8_t *data[FILES];
	size_t len[FILES];
	uint64_t told; /* events that were known to be committed */
};

/* One for SQLite's callbacks, which have no other way to it. */
static struct disk {
	char *path; /* of the ledger; beside it the WAL */
	struct platter platter[FILES];
	struct picture picture[PICTURES];
	size_t n_pictures;
	uint64_t told;
	bool off;
} disk;

/* --- the disk ----------------------------------------------------------------------------------- */

static void carry_out(uint8_t **data, size_t *len, const struct change *c, size_t from, size_t n)
{
	size_t end = c->data ? c->at + from + n : c->at;

	if (end > *len || !c->data) {
		*data = xreallocarray(*data, end + 1, 1);
		if (end > *len)
			memset(*data + *len, 0, end - *len);
		*len = end;
	}
	if (c->data)
		memcpy(*data + c->at + from, c->data + from, n);
}

/* What of a change has reached the disk: any of its sectors. */
static void carry_out_torn(uint8_t **data, size_t *len, const struct change *c)
{
	if (!c->data) {
		if (rand() % 2)
			carry_out(data, len, c, 0, 0);
		return;
	}
	for (size_t from = 0; from < c->len; from += SECTOR)
		if (rand() % 2)
			carry_out(data, len, c, from, c->len - from < SECTOR ? c->len - from : SECTOR);
}

static void photograph(void)
{
	struct picture *p = &disk.picture[disk.n_pictures];

	if (disk.off || disk.n_pictures == PICTURES || rand() % ONE_IN)
		return;
	disk.n_pictures++;
	p->told = disk.told;
	for (int i = 0; i < FILES; i++) {
		const struct platter *f = &disk.platter[i];

		p->len[i] = f->len;
		p->data[i] = xmalloc(f->len + 1);
		memcpy(p->data[i], f->data, f->len);
		for (size_t c = 0; c < f->n; c++)
			carry_out_torn(&p->data[i], &p->len[i], &f->pending[c]);
	}
}

static void changed(struct platter *f, const void *data, size_t at, size_t len)
{
	struct change c = {.at = at, .len = len};

	if (data) {
		c.data = xmalloc(len);
		memcpy(c.data, data, len);
	}
	VEC_PUSH(f->pending, f->n, f->room, c);
	photograph();
}

static void synced(struct platter *f)
{
	photograph();
	for (size_t i = 0; i < f->n; i++) {
		carry_out(&f->data, &f->len, &f->pending[i], 0, f->pending[i].len);
		free(f->pending[i].data);
	}
	f->n = 0;
}

/* --- below SQLite -------------------------------------------------------------------------------- */

struct layer {
	sqlite3_file base;
	struct platter *platter; /* NULL: of no interest */
	sqlite3_file real[];
};

#define REAL(f) (((struct layer *)(f))->real)
#define PASS(name, args, ...)                                                                      \
	static int layer_##name args                                                               \
	{                                                                                          \
		return REAL(f)->pMethods->name(__VA_ARGS__);                                       \
	}

PASS(xClose, (sqlite3_file *f), REAL(f))
PASS(xRead, (sqlite3_file *f, void *to, int n, sqlite3_int64 at), REAL(f), to, n, at)
PASS(xFileSize, (sqlite3_file *f, sqlite3_int64 *n), REAL(f), n)
PASS(xLock, (sqlite3_file *f, int how), REAL(f), how)
PASS(xUnlock, (sqlite3_file *f, int how), REAL(f), how)
PASS(xCheckReservedLock, (sqlite3_file *f, int *ret), REAL(f), ret)
PASS(xFileControl, (sqlite3_file *f, int op, void *arg), REAL(f), op, arg)
PASS(xSectorSize, (sqlite3_file *f), REAL(f))
PASS(xShmMap, (sqlite3_file *f, int page, int size, int make, void volatile **ret), REAL(f), page, size, make, ret)
PASS(xShmLock, (sqlite3_file *f, int at, int n, int flags), REAL(f), at, n, flags)
PASS(xShmUnmap, (sqlite3_file *f, int drop), REAL(f), drop)

static int layer_xWrite(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
	struct platter *p = ((struct layer *)f)->platter;

	if (p)
		changed(p, data, (size_t)at, (size_t)n);
	return REAL(f)->pMethods->xWrite(REAL(f), data, n, at);
}

static int layer_xTruncate(sqlite3_file *f, sqlite3_int64 at)
{
	struct platter *p = ((struct layer *)f)->platter;

	if (p)
		changed(p, NULL, (size_t)at, 0);
	return REAL(f)->pMethods->xTruncate(REAL(f), at);
}

static int layer_xSync(sqlite3_file *f, int flags)
{
	struct platter *p = ((struct layer *)f)->platter;

	if (p)
		synced(p);
	return REAL(f)->pMethods->xSync(REAL(f), flags);
}

static void layer_xShmBarrier(sqlite3_file *f)
{
	REAL(f)->pMethods->xShmBarrier(REAL(f));
}

/* A disk that promises nothing. */
static int layer_xDeviceCharacteristics(sqlite3_file *f)
{
	(void)f;
	return 0;
}

static const sqlite3_io_methods layer_methods = {
	.iVersion = 2,
	.xClose = layer_xClose, .xRead = layer_xRead, .xWrite = layer_xWrite, .xTruncate = layer_xTruncate,
	.xSync = layer_xSync, .xFileSize = layer_xFileSize, .xLock = layer_xLock, .xUnlock = layer_xUnlock,
	.xCheckReservedLock = layer_xCheckReservedLock, .xFileControl = layer_xFileControl,
	.xSectorSize = layer_xSectorSize, .xDeviceCharacteristics = layer_xDeviceCharacteristics,
	.xShmMap = layer_xShmMap, .xShmLock = layer_xShmLock, .xShmBarrier = layer_xShmBarrier, .xShmUnmap = layer_xShmUnmap,
};

static struct platter *platter_of(const char *name)
{
	size_t n = strlen(disk.path);

	if (disk.off || !name || strncmp(name, disk.path, n))
		return NULL;
	return !name[n] ? &disk.platter[0] : !strcmp(name + n, "-wal") ? &disk.platter[1] : NULL;
}

static int layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	sqlite3_vfs *real = sqlite3_vfs_find("unix");
	struct layer *l = (struct layer *)f;
	int rc = real->xOpen(real, name, l->real, flags, ret_flags);

	(void)vfs;
	l->base.pMethods = l->real->pMethods ? &layer_methods : NULL;
	l->platter = platter_of(name);
	return rc;
}

static void put_layer(void)
{
	static sqlite3_vfs vfs;
	sqlite3_vfs *real = sqlite3_vfs_find("unix");

	vfs = *real;
	vfs.pNext = NULL;
	vfs.zName = "power";
	vfs.szOsFile = (int)sizeof(struct layer) + real->szOsFile;
	vfs.xOpen = layer_open;
	assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

/* --- a run, and the pictures of it ------------------------------------------------------------------ */

/* The file that a ledger begins with is whole and synced before anybody opens it. */
static void begin_disk(struct kit *k)
{
	struct buf b = BUF_INIT;

	kit_open(k, LEDGER_WRITE);
	kit_shut(k);
	kit_exec(k, "PRAGMA wal_checkpoint(TRUNCATE)");
	assert_int_equal(file_read(k->path, &b, 1 << 24), 0);
	disk = (struct disk){.path = xstrdup(k->path)};
	disk.platter[0] = (struct platter){.data = (uint8_t *)b.data, .len = b.len};
	disk.platter[1].data = xmalloc(1);
}

static void told(struct kit *k)
{
	CHECK(ledger_commit(k->l));
	disk.told = k->seq;
}

static void run_on(struct kit *k, enum ledger_durability how)
{
	const struct ledger_options o = {.mode = LEDGER_WRITE, .durability = how};
	int64_t run;

	k->l = ledger_open(k->path, &o, &k->err);
	CHECK(k->l);
	sqlite3_exec(k->l->db, "PRAGMA wal_autocheckpoint = 20", NULL, NULL, NULL); /* so that it is cut in those as well */
	run = kit_run(k, 1, "all");
	kit_steps(k, run, STEPS);
	for (uint32_t i = 0; i < STEPS; i++) {
		kit_start(k, run, i, i + 1, 1);
		if (i % 3 == 0)
			told(k);
		ledger_attempt_ended(k->l, run, i + 1, &(struct ledger_attempt_end){.state = STATE_SUCCEEDED, .wall_ms = KIT_TIME, .duration_us = 5});
		kit_settle(k, run, i, 1, STATE_SUCCEEDED);
		if (i % 2 == 0)
			told(k);
	}
	told(k);
	disk.off = true;
	kit_shut(k);
}

static bool count_event(void *ctx, const struct run_event *e)
{
	uint64_t *n = ctx;

	CHECK_INT(e->seq, *n + 1);
	++*n;
	return true;
}

static void develop(const struct kit *k, const struct picture *p)
{
	char *wal = xasprintf("%s-wal", k->path), *shm = xasprintf("%s-shm", k->path);

	(void)unlink(shm);
	CHECK_INT(file_write_atomic(k->path, p->data[0], p->len[0], 0600), 0);
	CHECK_INT(file_write_atomic(wal, p->data[1], p->len[1], 0600), 0);
	free(wal);
	free(shm);
}

static void check_pictures(struct kit *k, bool all)
{
	size_t behind = 0;

	for (size_t i = 0; i < disk.n_pictures; i++) {
		const struct picture *p = &disk.picture[i];
		uint64_t events = 0;

		develop(k, p);
		kit_open(k, LEDGER_WRITE);
		kit_sound(k);
		CHECK(ledger_events(k->l, 1, 1, 0, count_event, &events));
		if (all && events < p->told)
			fail_msg("picture %zu: %llu events were told, %llu are there", i, (unsigned long long)p->told,
				 (unsigned long long)events);
		behind += events < p->told;
		kit_shut(k);
		free(p->data[0]);
		free(p->data[1]);
	}
	print_message("%zu pictures, %zu behind what was told\n", disk.n_pictures, behind);
	CHECK_INT(disk.n_pictures, PICTURES);
	CHECK(all || behind); /* else nothing was ever dropped, and the test shows nothing */
}

static void end_disk(void)
{
	for (int i = 0; i < FILES; i++) {
		for (size_t c = 0; c < disk.platter[i].n; c++)
			free(disk.platter[i].pending[c].data);
		free(disk.platter[i].pending);
		free(disk.platter[i].data);
	}
	free(disk.path);
	CHECK_INT(sqlite3_vfs_unregister(sqlite3_vfs_find("power")), SQLITE_OK);
}

static void cut(struct kit *k, enum ledger_durability how)
{
	srand(check_seed());
	begin_disk(k);
	put_layer();
	run_on(k, how);
	check_pictures(k, how == LEDGER_SYNCED);
	end_disk();
}

static void with_full_durability_what_was_told_is_there_after_the_cut(void **state)
{
	cut(*state, LEDGER_SYNCED);
}

static void with_normal_durability_it_is_sound_if_not_complete(void **state)
{
	cut(*state, LEDGER_NORMAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIT_TEST(with_full_durability_what_was_told_is_there_after_the_cut),
		KIT_TEST(with_normal_durability_it_is_sound_if_not_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
