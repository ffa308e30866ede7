/*
 * A pattern in a file of any size.  It is read in windows that fit the pattern machine,
 * each beginning with a line, and each taking the last part of the one before with it, so
 * that a match of some lines is not cut in two.
 */
#include "engine/search.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

enum { WINDOW = PATTERN_SUBJECT_MAX, OVERLAP = 64 * 1024 };

/* Where the next window begins: with a line, not later than the overlap asks. */
static size_t next_begin(const struct buf *window)
{
	size_t latest = window->len - OVERLAP;
	const char *line = memrchr(window->data, '\n', latest);

	return line && line > window->data ? (size_t)(line + 1 - window->data) : latest;
}

/* Until the window is full or the file ends; false if it cannot be read. */
static bool fill(int fd, struct buf *window)
{
	while (window->len < WINDOW) {
		ssize_t n = read(fd, buf_reserve(window, WINDOW - window->len), WINDOW - window->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return !n;
		window->len += (size_t)n;
	}
	return true;
}

static enum pattern_result search_fd(int fd, const struct pattern *p)
{
	enum pattern_result worst = PATTERN_NO, r;
	struct buf window = BUF_INIT;

	for (;;) {
		size_t begin;

		if (!fill(fd, &window))
			worst = PATTERN_LIMIT;
		r = pattern_match(p, (struct span){window.data, window.len});
		if (r != PATTERN_NO)
			worst = r;
		if (r == PATTERN_YES || window.len < WINDOW)
			break;
		begin = next_begin(&window);
		memmove(window.data, window.data + begin, window.len - begin);
		window.len -= begin;
	}
	buf_release(&window);
	return worst;
}

enum pattern_result file_search(const char *path, const struct pattern *p)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
	enum pattern_result r = PATTERN_NO;
	struct stat st;

	if (fd < 0)
		return PATTERN_NO;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		if (st.st_size > SEARCH_MAX)
			(void)lseek(fd, st.st_size - SEARCH_MAX, SEEK_SET);
		r = search_fd(fd, p);
	}
	close(fd);
	return r;
}
