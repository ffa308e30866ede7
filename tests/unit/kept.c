#include "sys/kept.h"

#include <string.h>

#include "check.h"

static struct kept kept;

static bool add(const char *text, size_t n_fds)
{
	const struct iovec part[] = {{(void *)(uintptr_t)text, 1}, {(void *)(uintptr_t)(text + 1), strlen(text + 1)}};
	const int fd[KEPT_FDS + 1] = {7, 8, 9};

	return kept_add(&kept, part, 2, fd, n_fds);
}

static void they_come_out_as_they_came(void **state)
{
	(void)state;
	memset(&kept, 0, sizeof(kept));
	for (int turn = 0; turn < 3 * KEPT_MOST; turn++) {
		const struct kept_message *m;

		CHECK(add("first", 0));
		CHECK(add("second", KEPT_FDS));
		CHECK_INT(kept.n, 2);
		m = kept_oldest(&kept);
		CHECK(m->size == 5 && !memcmp(m->data, "first", 5) && !m->n_fds);
		CHECK(kept_take(&kept) == m);
		m = kept_take(&kept);
		CHECK(m->size == 6 && !memcmp(m->data, "second", 6));
		CHECK_INT(m->n_fds, KEPT_FDS);
		CHECK_INT(m->fd[1], 8);
		CHECK_INT(kept.n, 0);
	}
}

static void what_has_no_room_changes_nothing(void **state)
{
	static char large[KEPT_BYTES + 2];

	(void)state;
	memset(&kept, 0, sizeof(kept));
	memset(large, 'x', KEPT_BYTES + 1);
	CHECK(!add(large, 0));
	CHECK(!add("a", KEPT_FDS + 1));
	CHECK_INT(kept.n, 0);
	large[KEPT_BYTES] = 0;
	CHECK(add(large, 0));
	for (int i = 1; i < KEPT_MOST; i++)
		CHECK(add("a", 0));
	CHECK(!add("a", 0));
	CHECK_INT(kept_take(&kept)->size, KEPT_BYTES);
	CHECK(add("b", 0));
	CHECK_INT(kept.n, KEPT_MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_come_out_as_they_came),
		cmocka_unit_test(what_has_no_room_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
