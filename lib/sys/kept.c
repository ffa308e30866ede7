#include "sys/kept.h"

#include <string.h>

#include "base/bug.h"

bool kept_add(struct kept *k, const struct iovec *part, size_t n_parts, const int *fd, size_t n_fds)
{
	struct kept_message *m = &k->at[(k->oldest + k->n) % KEPT_MOST];
	size_t size = 0;

	for (size_t i = 0; i < n_parts; i++)
		size += part[i].iov_len;
	if (k->n == KEPT_MOST || n_fds > KEPT_FDS || size > KEPT_BYTES)
		return false;
	m->size = 0;
	for (size_t i = 0; i < n_parts; i++) {
		memcpy(m->data + m->size, part[i].iov_base, part[i].iov_len);
		m->size += part[i].iov_len;
	}
	m->n_fds = n_fds;
	for (size_t i = 0; i < n_fds; i++)
		m->fd[i] = fd[i];
	k->n++;
	return true;
}

const struct kept_message *kept_oldest(const struct kept *k)
{
	BUG_UNLESS(k->n);
	return &k->at[k->oldest];
}

const struct kept_message *kept_take(struct kept *k)
{
	const struct kept_message *m = kept_oldest(k);

	k->oldest = (k->oldest + 1) % KEPT_MOST;
	k->n--;
	return m;
}
