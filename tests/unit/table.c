/* Rows of text in columns. */
#include "base/bug.h"
#include "check.h"
#include "report/table.h"

static void prints(const char *const *head, size_t columns, const char *const *cell, size_t n, const char *want)
{
	struct table t;
	char *got = NULL;
	size_t len;
	FILE *out = open_memstream(&got, &len);

	table_init(&t, head, columns);
	for (size_t i = 0; i < n; i++)
		table_cell(&t, cell[i]);
	table_print(&t, out);
	table_release(&t);
	fclose(out);
	CHECK_STR(got, want);
	free(got);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
	static const char *const head[] = {"ID", "STATE", "ERROR"};
	static const char *const cell[] = {"one", "succeeded", "", "twenty", "failed", "exit 1: no"};

	(void)state;
	prints(head, 3, cell, ARRAY_LEN(cell),
	       "ID      STATE      ERROR\n"
	       "one     succeeded\n"
	       "twenty  failed     exit 1: no\n");
	prints(head, 3, NULL, 0, "ID  STATE  ERROR\n");
	prints(head, 1, cell, 1, "ID\none\n");
}

static void width_is_counted_in_columns_of_a_terminal(void **state)
{
	static const char *const head[] = {"A", "B"};
	static const char *const cell[] = {"\xe6\x97\xa5\xe6\x9c\xac", "x", "u\xcc\x88", "y"};

	(void)state;
	prints(head, 2, cell, ARRAY_LEN(cell),
	       "A     B\n"
	       "\xe6\x97\xa5\xe6\x9c\xac  x\n"
	       "u\xcc\x88     y\n");
}

static void cells_cannot_break_out_of_their_row(void **state)
{
	static const char *const head[] = {"A", "B"};
	static const char *const cell[] = {"one\ntwo", "\033[2Jx\007"};

	(void)state;
	prints(head, 2, cell, ARRAY_LEN(cell),
	       "A        B\n"
	       "one two  x\xef\xbf\xbd\n");
}

static void a_last_row_may_be_short(void **state)
{
	static const char *const head[] = {"A", "B"};
	static const char *const cell[] = {"1", "2", "3"};

	(void)state;
	prints(head, 2, cell, ARRAY_LEN(cell), "A  B\n1  2\n3\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
		cmocka_unit_test(width_is_counted_in_columns_of_a_terminal),
		cmocka_unit_test(cells_cannot_break_out_of_their_row),
		cmocka_unit_test(a_last_row_may_be_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
