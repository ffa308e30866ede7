#include "warden/request.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"

/* Longer than any run, and still far from overflowing once it is nanoseconds since some start. */
#define MS_MAX (INT64_MAX / NS_PER_MS / 4)

enum {
	MAGIC = 0x51524d4f,
	SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
};

/* Offsets from the beginning; 0 is no string.  Tables end with a 0. */
struct head {
	uint32_t magic, size;
	uint32_t serial, flags;
	int64_t timeout_ms, grace_ms;
	int32_t umask;
	uint32_t n_argv, n_envp, n_numbers;
	uint32_t cwd, stdin_path, stdout_path, stderr_path, log_path;
	uint32_t strings; /* where the tables end */
};

/* A table entry: an offset first, a pointer afterwards. */
union entry {
	uint64_t offset;
	const char *text;
};

_Static_assert(sizeof(struct head) % sizeof(union entry) == 0, "the tables are aligned");
_Static_assert(sizeof(union entry) == sizeof(uint64_t), "a pointer fits");

const char *stage_word(uint32_t stage)
{
	static const char *const word[] = {
#define STAGE(id, text) [STAGE_##id] = text,
#include "warden/stage.def"
#undef STAGE
	};

	return word[stage < STAGE_COUNT ? stage : STAGE_NONE];
}

/* --- the driver's side --------------------------------------------------------------------------- */

static uint32_t add_string(struct buf *b, size_t start, const char *s)
{
	size_t at = b->len - start;

	if (!s)
		return 0;
	buf_add(b, s, strlen(s) + 1);
	return (uint32_t)at;
}

static bool same_name(const char *variable, const char *extra)
{
	size_t len = extra ? (size_t)(strchrnul(extra, '=') - extra) + 1 : 0;

	return extra && !strncmp(variable, extra, len);
}

static size_t size_of(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

/* What the block will take, so that it is refused before it is built. */
static size_t total_size(const struct request *r, const char *extra, uint32_t *ret_argv, uint32_t *ret_envp)
{
	size_t n_argv = 0, n_envp = extra != NULL, size;

	size = sizeof(struct head) + size_of(r->cwd) + size_of(r->stdin_path) + size_of(r->stdout_path) +
	       size_of(r->stderr_path) + size_of(r->log_path) + size_of(extra) +
	       (r->n_numbers + 1) * sizeof(*r->number);
	while (r->argv[n_argv])
		size += size_of(r->argv[n_argv++]);
	for (const char *const *e = r->envp; *e; e++) {
		if (same_name(*e, extra))
			continue;
		size += size_of(*e);
		n_envp++;
	}
	*ret_argv = (uint32_t)n_argv;
	*ret_envp = (uint32_t)n_envp;
	return size + (n_argv + n_envp + 2) * sizeof(union entry);
}

static void fill_tables(struct buf *b, size_t start, const struct request *r, const char *extra, uint32_t argv,
			uint32_t envp)
{
	uint64_t zero = 0;
	size_t at = start + argv;

	for (const char *const *a = r->argv; *a; a++, at += sizeof(zero)) {
		uint64_t offset = add_string(b, start, *a);

		memcpy(b->data + at, &offset, sizeof(offset));
	}
	memcpy(b->data + at, &zero, sizeof(zero));
	at = start + envp;
	for (const char *const *e = r->envp; *e; e++) {
		uint64_t offset;

		if (same_name(*e, extra))
			continue;
		offset = add_string(b, start, *e);
		memcpy(b->data + at, &offset, sizeof(offset));
		at += sizeof(offset);
	}
	if (extra) {
		uint64_t offset = add_string(b, start, extra);

		memcpy(b->data + at, &offset, sizeof(offset));
		at += sizeof(offset);
	}
	memcpy(b->data + at, &zero, sizeof(zero));
}

int request_build(struct buf *b, const struct request *r, const char *extra)
{
	struct head h = {.magic = MAGIC, .serial = r->serial, .flags = r->flags};
	size_t start = b->len, size = total_size(r, extra, &h.n_argv, &h.n_envp);
	uint32_t argv = sizeof(h), envp, numbers;

	if (size > REQUEST_MAX) {
		errno = E2BIG;
		return -1;
	}
	if (!h.n_argv || r->n_numbers > REQUEST_FDS || r->timeout_ms < 0 || r->grace_ms < 0) {
		errno = EINVAL;
		return -1;
	}
	envp = argv + (h.n_argv + 1) * (uint32_t)sizeof(union entry);
	numbers = envp + (h.n_envp + 1) * (uint32_t)sizeof(union entry);
	h.n_numbers = r->n_numbers;
	h.strings = numbers + (r->n_numbers + 1) * (uint32_t)sizeof(*r->number);
	h.timeout_ms = r->timeout_ms < MS_MAX ? r->timeout_ms : MS_MAX;
	h.grace_ms = r->grace_ms < MS_MAX ? r->grace_ms : MS_MAX;
	h.umask = r->umask;
	buf_reserve(b, size);
	buf_pad(b, 0, h.strings);
	if (r->n_numbers)
		memcpy(b->data + start + numbers, r->number, r->n_numbers * sizeof(*r->number));
	fill_tables(b, start, r, extra, argv, envp);
	h.cwd = add_string(b, start, r->cwd);
	h.stdin_path = add_string(b, start, r->stdin_path);
	h.stdout_path = add_string(b, start, r->stdout_path);
	h.stderr_path = add_string(b, start, r->stderr_path);
	h.log_path = add_string(b, start, r->log_path);
	h.size = (uint32_t)(b->len - start);
	BUG_UNLESS(h.size == size);
	memcpy(b->data + start, &h, sizeof(h));
	return 0;
}

int request_seal(const struct calls *c, const struct buf *b)
{
	int fd = c->memfd_create("orchmake-start", MFD_CLOEXEC | MFD_ALLOW_SEALING), saved;

	if (fd < 0)
		return -1;
	if (!fd_write_all(fd, b->data, b->len) && !fcntl(fd, F_ADD_SEALS, SEALS))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* --- the warden's side --------------------------------------------------------------------------- */

void *request_map(const struct calls *c, int fd, size_t *ret_size)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);
	void *p;

	/* Without the seals it could shrink under the mapping, and a look at it would be a SIGBUS. */
	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) < 0 || st.st_size <= 0 ||
	    st.st_size > REQUEST_MAX) {
		errno = EINVAL;
		return NULL;
	}
	p = c->mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return NULL;
	*ret_size = (size_t)st.st_size;
	return p;
}

struct block {
	char *base;
	struct head h; /* a copy: what has been checked stays as it was */
};

/* A string begins behind the tables and ends at the latest with the block, whose last byte is NUL. */
static bool string_at(const struct block *b, uint64_t offset, const char **ret)
{
	if (offset < b->h.strings || offset >= b->h.size)
		return false;
	*ret = b->base + offset;
	return true;
}

static bool maybe_string_at(const struct block *b, uint32_t offset, const char **ret)
{
	*ret = NULL;
	return !offset || string_at(b, offset, ret);
}

/* n offsets at *at and a 0 behind them become pointers; *at moves on. */
static bool relocate(const struct block *b, uint64_t *at, uint32_t n, const char *const **ret)
{
	union entry *e = (void *)(b->base + *at);

	if ((uint64_t)n + 1 > (b->h.strings - *at) / sizeof(*e))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!string_at(b, e[i].offset, &e[i].text))
			return false;
	if (e[n].offset)
		return false;
	e[n].text = NULL;
	*ret = &e->text;
	*at += ((uint64_t)n + 1) * sizeof(*e);
	return true;
}

static bool head_holds(const struct head *h, size_t size)
{
	return h->magic == MAGIC && h->size == size && h->serial && h->n_argv && h->strings >= sizeof(*h) &&
	       h->strings < size && h->timeout_ms >= 0 && h->timeout_ms <= MS_MAX && h->grace_ms >= 0 &&
	       h->grace_ms <= MS_MAX && h->n_numbers <= REQUEST_FDS &&
	       h->umask >= -1 && h->umask <= 0777;
}

bool request_open(struct request *r, void *base, size_t size)
{
	struct block b = {.base = base};
	uint64_t at = sizeof(b.h);
	struct request q;

	if (size <= sizeof(b.h) || size > REQUEST_MAX || b.base[size - 1])
		return false;
	memcpy(&b.h, base, sizeof(b.h));
	if (!head_holds(&b.h, size))
		return false;
	q = (struct request){
		.serial = b.h.serial,
		.flags = b.h.flags,
		.timeout_ms = b.h.timeout_ms,
		.grace_ms = b.h.grace_ms,
		.umask = b.h.umask,
		.n_numbers = b.h.n_numbers,
	};
	if (!relocate(&b, &at, b.h.n_argv, &q.argv) || !relocate(&b, &at, b.h.n_envp, &q.envp) ||
	    (b.h.strings - at) / sizeof(*q.number) <= q.n_numbers)
		return false;
	q.number = (const void *)(b.base + at);
	if (!maybe_string_at(&b, b.h.cwd, &q.cwd) || !maybe_string_at(&b, b.h.stdin_path, &q.stdin_path) ||
	    !maybe_string_at(&b, b.h.stdout_path, &q.stdout_path) ||
	    !maybe_string_at(&b, b.h.stderr_path, &q.stderr_path) ||
	    !maybe_string_at(&b, b.h.log_path, &q.log_path))
		return false;
	*r = q;
	return true;
}
