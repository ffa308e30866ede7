#include "doc/source.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bug.h"
#include "check.h"

static void line_is(const struct source *s, uint32_t line, const char *want)
{
	struct span l = source_line(s, line);
	char *got = xstrndup(l.at, l.len);

	CHECK_STR(got, want);
	free(got);
}

static void mark_is(const struct source *s, size_t offset, size_t len, unsigned line, unsigned col,
		    unsigned want_len)
{
	struct mark m = source_mark(s, offset, len);

	CHECK_INT(m.line, line);
	CHECK_INT(m.col, col);
	CHECK_INT(m.len, want_len);
	CHECK_INT(source_offset(s, m), offset);
}

static void lines_are_found_without_their_ends(void **state)
{
	static const char text[] = "one\ntwo\r\n\nfour";
	struct source *s = source_from("x", text, strlen(text));

	(void)state;
	line_is(s, 1, "one");
	line_is(s, 2, "two");
	line_is(s, 3, "");
	line_is(s, 4, "four");
	line_is(s, 5, "");
	line_is(s, 0, "");
	CHECK_STR(source_name(s), "x");
	source_free(s);
}

static void an_offset_has_a_mark_that_stays_on_its_line(void **state)
{
	static const char text[] = "one\ntwo\r\n\nfour";
	struct source *s = source_from("x", text, strlen(text));

	(void)state;
	mark_is(s, 0, 3, 1, 1, 3);
	mark_is(s, 2, 99, 1, 3, 1);
	mark_is(s, 3, 5, 1, 4, 0);
	mark_is(s, 4, 99, 2, 1, 3);
	mark_is(s, 9, 1, 3, 1, 0);
	mark_is(s, 10, 4, 4, 1, 4);
	mark_is(s, 14, 1, 4, 5, 0);
	CHECK_INT(source_mark(s, 1000, 1).col, 5);
	source_free(s);
}

static void an_empty_text_has_one_empty_line(void **state)
{
	struct source *s = source_from("x", NULL, 0);

	(void)state;
	line_is(s, 1, "");
	mark_is(s, 0, 1, 1, 1, 0);
	source_free(s);
}

static void a_byte_order_mark_is_dropped(void **state)
{
	static const char text[] = "\xef\xbb\xbf" "a: 1";
	struct source *s = source_from("x", text, strlen(text));

	(void)state;
	CHECK_INT(source_text(s).len, 4);
	line_is(s, 1, "a: 1");
	source_free(s);
}

/* Random lines, short and long, over many blocks of the line index: compared with plain counting. */
static void places_of_a_long_text_are_those_of_counting(void **state)
{
	struct buf b = BUF_INIT;
	struct source *s;
	unsigned line = 1, seed = check_seed();
	size_t start = 0;

	(void)state;
	srand(seed);
	for (int i = 0; i < 4000; i++) {
		buf_pad(&b, 'x', (size_t)(rand() % (i % 100 ? 40 : 20000)));
		buf_putc(&b, '\n');
	}
	s = source_from("x", b.data, b.len);
	for (size_t i = 0; i < b.len; i++) {
		if (rand() % 500 == 0 || b.data[i] == '\n')
			mark_is(s, i, 0, line, (unsigned)(i - start + 1), 0);
		if (b.data[i] == '\n') {
			CHECK_INT(source_line(s, line).len, i - start);
			CHECK(source_line(s, line).at == source_text(s).at + start);
			line++;
			start = i + 1;
		}
	}
	source_free(s);
	buf_release(&b);
}

static void a_column_far_to_the_right_is_kept(void **state)
{
	struct buf b = BUF_INIT;
	struct source *s;

	(void)state;
	buf_pad(&b, 'x', 200000);
	s = source_from("x", b.data, b.len);
	mark_is(s, 150000, 5000, 1, 150001, MARK_LEN_MAX);
	CHECK_INT(mark_of(s, SIZE_MAX, SIZE_MAX, SIZE_MAX).line, MARK_LINE_MAX);
	CHECK_INT(mark_of(s, SIZE_MAX, SIZE_MAX, SIZE_MAX).col, MARK_COL_MAX);
	source_free(s);
	buf_release(&b);
}

static void a_mark_takes_sixteen_bytes(void **state)
{
	(void)state;
	CHECK_INT(sizeof(struct mark), 8 + sizeof(void *));
}

static void a_file_is_read_whole(void **state)
{
	char path[] = "/tmp/source-XXXXXX";
	int fd = mkstemp(path);
	struct source *s;

	(void)state;
	CHECK(fd >= 0);
	CHECK_INT(write(fd, "a: 1\nb: 2\n", 10), 10);
	s = source_open(path, "Jobfile");
	CHECK(s != NULL);
	CHECK_STR(source_name(s), "Jobfile");
	line_is(s, 2, "b: 2");
	source_free(s);
	CHECK_INT(lseek(fd, 5, SEEK_SET), 5);
	s = source_open_fd(fd, "-");
	line_is(s, 1, "b: 2");
	source_free(s);
	close(fd);
	unlink(path);
}

enum { LONG_LINES = 200000 };

static void write_long(int fd, char ch)
{
	struct buf b = BUF_INIT;

	for (int i = 1; i <= LONG_LINES; i++)
		buf_addf(&b, "line %d %c\n", i, ch);
	CHECK_INT(pwrite(fd, b.data, b.len, 0), b.len);
	buf_release(&b);
}

static void a_long_text_that_rests_is_read_again_when_it_is_asked_for(void **state)
{
	char path[] = "/tmp/source-XXXXXX";
	int fd = mkstemp(path);
	struct source *s;
	struct digest before;

	(void)state;
	write_long(fd, 'x');
	s = source_open(path, "Jobfile");
	before = *source_digest(s);
	source_rest(s);
	line_is(s, 150000, "line 150000 x");
	source_rest(s);
	CHECK_STR(source_digest(s)->hex, before.hex);
	CHECK_INT(source_offset(s, (struct mark){.source = s, .line = 2, .col = 3}), 11);
	source_free(s);
	close(fd);
	unlink(path);
}

static void no_line_is_quoted_from_a_file_that_is_another_by_now(void **state)
{
	char path[] = "/tmp/source-XXXXXX";
	int fd = mkstemp(path);
	struct source *s, *gone;
	struct digest before;

	(void)state;
	write_long(fd, 'x');
	s = source_open(path, "Jobfile");
	gone = source_open(path, "Jobfile");
	before = *source_digest(s);
	source_rest(s);
	source_rest(gone);
	write_long(fd, 'y');
	line_is(s, 150000, "");
	CHECK_STR(source_digest(s)->hex, before.hex);
	close(fd);
	unlink(path);
	line_is(gone, 1, "");
	source_free(s);
	source_free(gone);
}

static void a_file_that_cannot_be_read_says_why(void **state)
{
	(void)state;
	errno = 0;
	CHECK(!source_open("/nonexistent/x", "x"));
	CHECK_INT(errno, ENOENT);
	CHECK(!source_open("/tmp", "x"));
	CHECK_INT(errno, EISDIR);
	CHECK(!source_open_fd(-1, "x"));
	CHECK_INT(errno, EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_found_without_their_ends),
		cmocka_unit_test(an_offset_has_a_mark_that_stays_on_its_line),
		cmocka_unit_test(an_empty_text_has_one_empty_line),
		cmocka_unit_test(a_byte_order_mark_is_dropped),
		cmocka_unit_test(places_of_a_long_text_are_those_of_counting),
		cmocka_unit_test(a_column_far_to_the_right_is_kept),
		cmocka_unit_test(a_mark_takes_sixteen_bytes),
		cmocka_unit_test(a_file_is_read_whole),
		cmocka_unit_test(a_long_text_that_rests_is_read_again_when_it_is_asked_for),
		cmocka_unit_test(no_line_is_quoted_from_a_file_that_is_another_by_now),
		cmocka_unit_test(a_file_that_cannot_be_read_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
