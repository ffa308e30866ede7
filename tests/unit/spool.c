/* What is put down comes back whole and in order, from memory and from the file. */
#include "base/spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

static bool gather(void *out, const void *data, size_t len)
{
	buf_add(out, data, len);
	return true;
}

static bool refuse(void *calls, const void *data, size_t len)
{
	(void)data;
	(void)len;
	++*(int *)calls;
	return false;
}

/* Lines until there are so many bytes; what they are together is appended to all. */
static void put_down(struct spool *s, size_t bytes, struct buf *all)
{
	for (int i = 0; all->len < bytes; i++) {
		size_t from = all->len;

		buf_addf(all, "line number %d\n", i);
		buf_add(&s->tail, all->data + from, all->len - from);
		spool_pass(s);
	}
}

static void comes_back(struct spool *s, const struct buf *all)
{
	struct buf back = BUF_INIT;

	CHECK(spool_len(s) == all->len);
	CHECK(spool_each(s, gather, &back));
	CHECK(back.len == all->len);
	CHECK(!memcmp(back.data, all->data, all->len));
	buf_release(&back);
}

static void what_is_short_stays_in_memory(void **state)
{
	struct buf all = BUF_INIT;
	struct spool s;

	(void)state;
	spool_init(&s, "/tmp");
	comes_back(&s, &all);
	put_down(&s, 100, &all);
	CHECK_INT(s.fd, -1);
	comes_back(&s, &all);
	spool_release(&s);
	buf_release(&all);
}

static void what_is_long_lies_in_a_file(void **state)
{
	struct buf all = BUF_INIT;
	struct spool s;
	int calls = 0;

	(void)state;
	spool_init(&s, "/tmp");
	put_down(&s, 3 * SPOOL_TAIL + 100, &all);
	if (s.no_file)
		SKIP_HERE();
	CHECK(s.filed >= 3 * SPOOL_TAIL);
	CHECK(s.tail.len < SPOOL_TAIL);
	comes_back(&s, &all);
	comes_back(&s, &all); /* reading changes nothing */
	CHECK(!spool_each(&s, refuse, &calls));
	CHECK_INT(calls, 1);
	spool_release(&s);
	buf_release(&all);
}

static void without_a_file_it_stays_in_memory(void **state)
{
	struct buf all = BUF_INIT;
	struct spool s;

	(void)state;
	spool_init(&s, "/nowhere/at/all");
	put_down(&s, 2 * SPOOL_TAIL + 100, &all);
	CHECK_INT(s.fd, -1);
	CHECK(!s.lost);
	comes_back(&s, &all);
	spool_release(&s);
	buf_release(&all);
}

static void what_cannot_be_written_is_lost_and_says_so(void **state)
{
	struct buf all = BUF_INIT;
	struct spool s;

	(void)state;
	spool_init(&s, "/nowhere/at/all");
	s.fd = open("/dev/full", O_RDWR | O_CLOEXEC);
	CHECK(s.fd >= 0);
	put_down(&s, 2 * SPOOL_TAIL + 100, &all);
	CHECK(s.lost);
	CHECK(!spool_each(&s, gather, &all));
	spool_release(&s);
	buf_release(&all);
}

static void a_file_that_has_become_short_is_an_error(void **state)
{
	struct buf all = BUF_INIT, back = BUF_INIT;
	struct spool s;

	(void)state;
	spool_init(&s, "/tmp");
	put_down(&s, 2 * SPOOL_TAIL + 100, &all);
	if (s.no_file)
		SKIP_HERE();
	CHECK_INT(ftruncate(s.fd, SPOOL_TAIL), 0);
	CHECK(!spool_each(&s, gather, &back));
	spool_release(&s);
	buf_release(&all);
	buf_release(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_short_stays_in_memory),
		cmocka_unit_test(what_is_long_lies_in_a_file),
		cmocka_unit_test(without_a_file_it_stays_in_memory),
		cmocka_unit_test(what_cannot_be_written_is_lost_and_says_so),
		cmocka_unit_test(a_file_that_has_become_short_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
