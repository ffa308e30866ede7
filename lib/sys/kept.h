/* Datagrams that are kept as they came, with their descriptors, the oldest first.  Nothing is allocated. */
#ifndef SYS_KEPT_H
#define SYS_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum {
	KEPT_MOST = 64,
	KEPT_BYTES = 17 * 1024,
	KEPT_FDS = 2, /* with each */
};

struct kept_message {
	size_t size, n_fds;
	int fd[KEPT_FDS];
	_Alignas(8) char data[KEPT_BYTES];
};

/* All zeros: empty. */
struct kept {
	uint32_t oldest, n;
	struct kept_message at[KEPT_MOST];
};

/* The parts one after the other; fd is taken over.  False, and nothing is, if there is no room. */
bool kept_add(struct kept *k, const struct iovec *part, size_t n_parts, const int *fd, size_t n_fds);

/* There is one.  What comes out is valid until the next kept_add; its descriptors go by message_close(). */
const struct kept_message *kept_oldest(const struct kept *k);
const struct kept_message *kept_take(struct kept *k);

#endif
