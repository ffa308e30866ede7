/* The driver's side of a start request. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "warden/request.h"
#include "warden/request_impl.h"

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

const char *stage_word(uint32_t stage)
{
	static const char *const word[] = {
#define STAGE(id, text) [STAGE_##id] = text,
#include "warden/stage.def"
#undef STAGE
	};

	return word[stage < STAGE_COUNT ? stage : STAGE_NONE];
}

static void add_string(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s) + 1);
}

/* Up to where the block is too large anyway.  replaced: a variable whose name none of them may have, or NULL. */
static uint32_t add_strings(struct buf *b, const char *const *list, const char *replaced)
{
	size_t name = replaced ? (size_t)(strchrnul(replaced, '=') - replaced) + 1 : 0;
	uint32_t n = 0;

	for (; *list && b->len <= REQUEST_MAX; list++)
		if (!name || strncmp(*list, replaced, name)) {
			add_string(b, *list);
			n++;
		}
	return n;
}

static void add_all(struct buf *b, const struct request *r, const char *extra, struct request_head *h)
{
	buf_add(b, h, sizeof(*h)); /* once more at the end, when it is complete */
	for (uint32_t i = 0; i < r->n_numbers; i++)
		buf_add(b, &r->number[i], sizeof(r->number[i]));
	for (uint32_t i = 0; i < REQUEST_TEXTS; i++)
		if (r->text[i]) {
			add_string(b, r->text[i]);
			h->texts |= 1u << i;
		}
	h->n_argv = add_strings(b, r->argv, NULL);
	h->n_envp = add_strings(b, r->envp, extra);
	if (extra) {
		add_string(b, extra);
		h->n_envp++;
	}
	memcpy(b->data, h, sizeof(*h));
}

static int64_t at_most(int64_t ms)
{
	return ms < REQUEST_MS_MAX ? ms : REQUEST_MS_MAX;
}

int request_build(struct buf *b, const struct request *r, const char *extra)
{
	struct request_head h = {
		.magic = REQUEST_MAGIC, .serial = r->serial, .flags = r->flags, .umask = r->umask, .limits = r->limits,
		.timeout_ms = at_most(r->timeout_ms), .grace_ms = at_most(r->grace_ms), .n_numbers = r->n_numbers,
	};

	BUG_UNLESS(!b->len);
	if (!r->argv[0] || r->n_numbers > REQUEST_FDS || r->timeout_ms < 0 || r->grace_ms < 0) {
		errno = EINVAL;
		return -1;
	}
	add_all(b, r, extra, &h);
	if (b->len <= REQUEST_MAX && h.n_argv + h.n_envp <= REQUEST_STRINGS)
		return 0;
	buf_reset(b);
	errno = E2BIG;
	return -1;
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
