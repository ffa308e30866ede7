#include "engine/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "engine/engine_impl.h"
#include "engine/watch.h"

enum { NOBODY = UINT32_MAX, POLL_FIRST_MS = 10, POLL_LAST_MS = 200 };

enum gate_kind { GATE_LOCK, GATE_POOL, GATE_RATE };

struct gate {
	enum gate_kind kind;
	const char *name;
	int fd;			/* what the machine shares; -1: the run alone */
	uint32_t holder;	/* LOCK: a unit */
	const struct pool_spec *pool;
	uint32_t *owner;	/* POOL: by slot, a unit that has it here */
	int64_t next_ns;	/* RATE of the run: when the next start is due, if there were no burst */
	int64_t due_ns;		/* RATE: when somebody may pass, as far as is known */
	uint32_t *line;		/* units, in the order they came; those before `head` have passed */
	size_t head, n, room;
};

/* How far a unit has come. */
struct pass {
	int64_t since_ns;
	uint32_t passed; /* gates */
	bool waits, has_all;
};

struct rights {
	struct gate *gate; /* locks in name order, then pools, then rates */
	size_t n_gates;
	uint32_t *pool_gate, *rate_gate; /* by number of the pool in the Jobfile; NOBODY: none */
	struct map lock_gate;		 /* name -> number + 1 */
	int *fd;
	size_t n_fds, room_fds;
	int64_t poll_ns, pause_ms;	 /* when to ask the machine again; 0: nobody waits for it */
};

/* --- files that the machine shares -------------------------------------------------------------------- */

/* One place for a user whatever session, cron job or service he is in: so no XDG_RUNTIME_DIR. */
static char *shared_folder(struct buf *err)
{
	const char *above = access("/run/lock", W_OK) ? "/tmp" : "/run/lock";
	char *path = xasprintf("%s/orchmake-%u", above, (unsigned)geteuid());
	struct stat st;

	if ((mkdir(path, 0700) == 0 || errno == EEXIST) && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return path;
	buf_addf(err, "'%s', for locks that the machine shares, is no folder of this user's alone", path);
	free(path);
	return NULL;
}

static int open_shared(struct engine *e, const char *kind, const char *name, struct buf *err)
{
	struct rights *r = e->rights;
	char *folder = shared_folder(err), *path;
	int fd;

	if (!folder)
		return -1;
	path = xasprintf("%s/%s-%s", folder, kind, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
	if (fd < 0)
		buf_addf(err, "cannot open '%s': %s", path, strerror(errno));
	else
		VEC_PUSH(r->fd, r->n_fds, r->room_fds, fd);
	free(path);
	free(folder);
	return fd;
}

/* One byte of the file is one slot of the pool: locked by an open file, not by a process. */
static bool lock_byte(int fd, uint32_t at, short type)
{
	struct flock want = {.l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

	return fcntl(fd, F_OFD_SETLK, &want) == 0;
}

/* --- gates ---------------------------------------------------------------------------------------------- */

static uint32_t weight_of(const struct engine *e, uint32_t unit, const struct pool_spec *p)
{
	uint32_t weight = e->x->graph->unit[unit].pool_weight;

	return !weight ? 1 : weight < p->slots ? weight : p->slots;
}

static bool take_lock(struct gate *g, uint32_t unit)
{
	if (g->holder != NOBODY || (g->fd >= 0 && flock(g->fd, LOCK_EX | LOCK_NB) < 0))
		return false;
	g->holder = unit;
	return true;
}

static void give_slots(struct gate *g, uint32_t unit)
{
	for (uint32_t i = 0; i < g->pool->slots; i++)
		if (g->owner[i] == unit) {
			(void)lock_byte(g->fd, i, F_UNLCK);
			g->owner[i] = NOBODY;
		}
}

/* All it needs or nothing: two runs that each had some of it would wait for each other. */
static bool take_slots(const struct engine *e, struct gate *g, uint32_t unit)
{
	uint32_t left = weight_of(e, unit, g->pool);

	for (uint32_t i = 0; left && i < g->pool->slots; i++)
		if (g->owner[i] == NOBODY && lock_byte(g->fd, i, F_WRLCK)) {
			g->owner[i] = unit;
			left--;
		}
	if (left)
		give_slots(g, unit);
	return !left;
}

/* The instant at which the next start is due; in the file it is shared, as long as the machine is up. */
static int64_t rate_read(const struct gate *g, int64_t every)
{
	int64_t at = 0;

	if (g->fd < 0)
		return g->next_ns;
	if (pread(g->fd, &at, sizeof(at), 0) != sizeof(at))
		return 0;
	/* Of a boot before: that clock has begun anew. */
	return at > stamp_mono_ns() + every * (g->pool->rate.burst + 1) ? 0 : at;
}

static void rate_write(struct gate *g, int64_t at)
{
	g->next_ns = at;
	if (g->fd >= 0)
		(void)!pwrite(g->fd, &at, sizeof(at), 0);
}

/* Starts are evenly spaced, but up to `burst` of them may come before their time. */
static bool take_turn(struct gate *g)
{
	const struct rate_spec *rate = &g->pool->rate;
	int64_t every = rate->per_ms * NS_PER_MS / rate->count, now = stamp_mono_ns(), at;
	bool mine;

	if (g->fd >= 0 && flock(g->fd, LOCK_EX | LOCK_NB) < 0)
		return false; /* somebody looks at it just now */
	at = rate_read(g, every);
	g->due_ns = at - (rate->burst - 1) * every;
	mine = now >= g->due_ns;
	if (mine)
		rate_write(g, (at > now ? at : now) + every);
	if (g->fd >= 0)
		(void)flock(g->fd, LOCK_UN);
	return mine;
}

static bool gate_take(const struct engine *e, struct gate *g, uint32_t unit)
{
	switch (g->kind) {
	case GATE_LOCK:
		return take_lock(g, unit);
	case GATE_POOL:
		return take_slots(e, g, unit);
	case GATE_RATE:
		return take_turn(g);
	}
	BUG("gate '%s' is of no kind", g->name);
}

static void gate_give(struct gate *g, uint32_t unit)
{
	if (g->kind == GATE_POOL) {
		give_slots(g, unit);
	} else if (g->kind == GATE_LOCK && g->holder == unit) {
		g->holder = NOBODY;
		if (g->fd >= 0)
			(void)flock(g->fd, LOCK_UN);
	}
}

/* --- units on their way ----------------------------------------------------------------------------------- */

static const struct pool_spec *pool_of(const struct engine *e, uint32_t unit, size_t *ret_no)
{
	const char *name = e->x->place[unit].step->t.policy->pool.name;

	for (size_t i = 0; name && i < e->jf->n_pools; i++)
		if (!strcmp(e->jf->pool[i].name, name)) {
			*ret_no = i;
			return &e->jf->pool[i];
		}
	return NULL;
}

/* The unit's gate number n, or NULL behind the last. */
static struct gate *gate_of(struct engine *e, uint32_t unit, uint32_t n)
{
	struct rights *r = e->rights;
	const struct traits *t = &e->x->place[unit].step->t;
	size_t no = 0;

	if (n < t->policy->n_locks)
		return &r->gate[(uintptr_t)map_get(&r->lock_gate, t->policy->lock[n].name) - 1];
	if (!pool_of(e, unit, &no))
		return NULL;
	n -= (uint32_t)t->policy->n_locks;
	if (r->pool_gate[no] != NOBODY && n-- == 0)
		return &r->gate[r->pool_gate[no]];
	return r->rate_gate[no] != NOBODY && n == 0 ? &r->gate[r->rate_gate[no]] : NULL;
}

static void line_up(struct gate *g, uint32_t unit)
{
	if (g->head == g->n)
		g->head = g->n = 0;
	VEC_PUSH(g->line, g->n, g->room, unit);
}

/* Through as many gates as are open; true behind the last. */
static bool advance(struct engine *e, uint32_t unit, struct pass *p)
{
	struct gate *g;

	while ((g = gate_of(e, unit, p->passed))) {
		if (g->head < g->n || !gate_take(e, g, unit)) {
			line_up(g, unit);
			p->waits = true;
			return false;
		}
		p->passed++;
	}
	p->waits = false;
	p->has_all = true;
	return true;
}

/* Let in whoever may pass now. */
static void gate_open(struct engine *e, struct gate *g)
{
	while (g->head < g->n) {
		uint32_t unit = g->line[g->head];
		struct pass *p = e->note[unit].pass;

		if (p && p->waits) {
			if (!gate_take(e, g, unit))
				return;
			p->passed++;
		}
		g->head++;
		if (p && p->waits && advance(e, unit, p))
			schedule_wake(e->s, unit);
	}
}

static bool has_gates(struct engine *e, uint32_t unit)
{
	return e->rights && gate_of(e, unit, 0);
}

/* What the step says; else what the command line says; -1: as long as it takes. */
static int64_t wait_of(const struct engine *e, const struct lock_use *use)
{
	if (use->wait_ms >= 0)
		return use->wait_ms;
	return e->o->no_wait ? 0 : e->o->wait_ms ? e->o->wait_ms : -1;
}

static void watch_waits(struct engine *e, uint32_t unit)
{
	const struct traits *t = &e->x->place[unit].step->t;

	for (size_t i = 0; i < t->policy->n_locks; i++)
		if (wait_of(e, &t->policy->lock[i]) >= 0)
			watch_lock(e, unit, wait_of(e, &t->policy->lock[i]));
}

bool rights_take(struct engine *e, uint32_t unit)
{
	struct pass *p;

	if (!has_gates(e, unit))
		return true;
	p = e->note[unit].pass;
	if (p && p->has_all)
		return true;
	BUG_UNLESS(!p);
	p = e->note[unit].pass = xcalloc(1, sizeof(*p));
	p->since_ns = stamp_mono_ns();
	if (advance(e, unit, p))
		return true;
	schedule_not_now(e->s, unit, gate_of(e, unit, p->passed)->kind == GATE_LOCK ? REASON_LOCKED : REASON_NO_TURN);
	watch_waits(e, unit);
	return false;
}

void rights_release(struct engine *e, uint32_t unit)
{
	struct pass *p = e->note[unit].pass;
	uint32_t passed;

	if (!p)
		return;
	passed = p->passed;
	e->note[unit].pass = NULL;
	free(p);
	for (uint32_t i = 0; i < passed; i++)
		gate_give(gate_of(e, unit, i), unit);
	for (uint32_t i = 0; i < passed; i++)
		gate_open(e, gate_of(e, unit, i));
}

void rights_give_up(struct engine *e, uint32_t unit)
{
	struct pass *p = e->note[unit].pass;
	struct gate *g = p && p->waits ? gate_of(e, unit, p->passed) : NULL;
	int64_t wait_ms;

	if (!g || g->kind != GATE_LOCK)
		return;
	wait_ms = wait_of(e, &e->x->place[unit].step->t.policy->lock[p->passed]);
	if (wait_ms < 0 || stamp_mono_ns() - p->since_ns < wait_ms * NS_PER_MS)
		return; /* that was an earlier wait, or one for another */
	free(e->note[unit].error);
	e->note[unit].error = xasprintf("lock '%s' is held%s", g->name,
					g->holder != NOBODY ? "" : " by another run");
	e->n_busy++;
	schedule_expire(e->s, unit, REASON_LOCKED);
}

/* --- time --------------------------------------------------------------------------------------------------- */

/* Whether somebody waits for what the machine shares, or for a turn. */
static bool asks_machine(const struct gate *g)
{
	return g->head < g->n && (g->kind != GATE_LOCK || (g->fd >= 0 && g->holder == NOBODY));
}

static int64_t turn_ns(const struct rights *r)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < r->n_gates; i++) {
		const struct gate *g = &r->gate[i];
		int64_t due = g->kind == GATE_RATE && g->fd < 0 ? g->due_ns : r->poll_ns;

		if (asks_machine(g) && due < next)
			next = due;
	}
	return next;
}

/* Kernel locks tell nobody when they are free: ask, soon at first and then not so often. */
static void poll_later(struct rights *r, bool got)
{
	r->pause_ms = got || !r->pause_ms ? POLL_FIRST_MS : r->pause_ms * 2 < POLL_LAST_MS ? r->pause_ms * 2 : POLL_LAST_MS;
	r->poll_ns = stamp_mono_ns() + r->pause_ms * NS_PER_MS;
}

void rights_turn(struct engine *e)
{
	struct rights *r = e->rights;
	bool got = false;

	if (!r || turn_ns(r) > stamp_mono_ns())
		return;
	for (size_t i = 0; i < r->n_gates; i++) {
		size_t before = r->gate[i].head;

		if (!asks_machine(&r->gate[i]))
			continue;
		gate_open(e, &r->gate[i]);
		got |= r->gate[i].head != before;
	}
	poll_later(r, got);
}

int64_t rights_due_ms(const struct engine *e)
{
	int64_t next = e->rights ? turn_ns(e->rights) : INT64_MAX, left;

	if (next == INT64_MAX)
		return -1;
	left = next - stamp_mono_ns();
	return left > 0 ? (left + NS_PER_MS - 1) / NS_PER_MS : 0;
}

/* --- opening and closing -------------------------------------------------------------------------------------- */

static uint32_t add_gate(struct rights *r, struct gate g)
{
	g.holder = NOBODY;
	r->gate[r->n_gates] = g;
	return (uint32_t)r->n_gates++;
}

static bool open_lock(struct engine *e, const struct lock_spec *k, struct buf *err)
{
	struct gate g = {.kind = GATE_LOCK, .name = k->name, .fd = -1};

	if (k->host && (g.fd = open_shared(e, "lock", k->name, err)) < 0)
		return false;
	map_put(&e->rights->lock_gate, k->name, (void *)((uintptr_t)add_gate(e->rights, g) + 1));
	return true;
}

static bool open_pool(struct engine *e, size_t no, struct buf *err)
{
	const struct pool_spec *p = &e->jf->pool[no];
	struct rights *r = e->rights;
	struct gate slots = {.kind = GATE_POOL, .name = p->name, .fd = -1, .pool = p};
	struct gate rate = {.kind = GATE_RATE, .name = p->name, .fd = -1, .pool = p};

	r->pool_gate[no] = r->rate_gate[no] = NOBODY;
	if (p->host && ((slots.fd = open_shared(e, "pool", p->name, err)) < 0 ||
			(p->rate.count && (rate.fd = open_shared(e, "rate", p->name, err)) < 0)))
		return false;
	if (p->host) {
		slots.owner = xreallocarray(NULL, p->slots, sizeof(*slots.owner));
		memset(slots.owner, 0xff, p->slots * sizeof(*slots.owner));
		r->pool_gate[no] = add_gate(r, slots);
	}
	if (p->rate.count)
		r->rate_gate[no] = add_gate(r, rate);
	return true;
}

static bool needs_any(const struct jobfile *jf)
{
	bool any = jf->n_locks;

	for (size_t i = 0; i < jf->n_pools; i++)
		any |= jf->pool[i].host || jf->pool[i].rate.count;
	return any;
}

bool rights_open(struct engine *e, struct buf *err)
{
	const struct jobfile *jf = e->jf;
	struct rights *r;
	bool good = true;

	if (!needs_any(jf))
		return true;
	r = e->rights = xcalloc(1, sizeof(*r));
	r->gate = xcalloc(jf->n_locks + 2 * jf->n_pools, sizeof(*r->gate));
	r->pool_gate = xcalloc(jf->n_pools + 1, sizeof(*r->pool_gate));
	r->rate_gate = xcalloc(jf->n_pools + 1, sizeof(*r->rate_gate));
	for (size_t i = 0; good && i < jf->n_locks; i++)
		good = open_lock(e, &jf->lock[i], err);
	for (size_t i = 0; good && i < jf->n_pools; i++)
		good = open_pool(e, i, err);
	return good;
}

const int *rights_fds(const struct engine *e, size_t *ret_n)
{
	*ret_n = e->rights ? e->rights->n_fds : 0;
	return e->rights ? e->rights->fd : NULL;
}

void rights_close(struct engine *e)
{
	struct rights *r = e->rights;

	if (!r)
		return;
	for (size_t i = 0; i < r->n_fds; i++)
		close(r->fd[i]);
	for (size_t i = 0; i < r->n_gates; i++) {
		free(r->gate[i].owner);
		free(r->gate[i].line);
	}
	for (uint32_t u = 0; u < e->x->graph->n_units; u++) {
		free(e->note[u].pass);
		e->note[u].pass = NULL;
	}
	map_release(&r->lock_gate);
	free(r->gate);
	free(r->pool_gate);
	free(r->rate_gate);
	free(r->fd);
	free(r);
	e->rights = NULL;
}
