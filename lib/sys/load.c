#include "sys/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/calls.h"

/* `0.20 0.18 0.12 3/1025 11206`: 3 */
static int parse(const char *text, uint32_t *ret)
{
	unsigned long n;
	char *end;

	for (int word = 0; word < 3; word++) {
		text = strchr(text, ' ');
		if (!text) {
			errno = EINVAL;
			return -1;
		}
		text++;
	}
	n = strtoul(text, &end, 10);
	if (end == text || *end != '/' || n > UINT32_MAX) {
		errno = EINVAL;
		return -1;
	}
	*ret = n ? (uint32_t)n - 1 : 0;
	return 0;
}

int load_runnable(const struct calls *c, uint32_t *ret)
{
	char text[128];
	int fd = c->openat(AT_FDCWD, "/proc/loadavg", O_RDONLY | O_CLOEXEC, 0);
	ssize_t n;
	int saved;

	if (fd < 0)
		return -1;
	n = c->read(fd, text, sizeof(text) - 1);
	saved = errno;
	close(fd);
	errno = saved;
	if (n < 0)
		return -1;
	text[n] = 0;
	return parse(text, ret);
}

bool load_lets(struct load_limit *l, uint32_t coming)
{
	uint32_t seen;

	if (l->most < 0 || load_runnable(l->calls, &seen) < 0)
		return true;
	l->runnable = seen + coming;
	return l->runnable < l->most;
}
