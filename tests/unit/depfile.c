/* Depfiles: what compilers write, and what they do not. */
#include "base/buf.h"
#include "check.h"
#include "engine/depfile.h"

/* The names that text has, each in brackets; or the line that is wrong. */
static void names(const char *text, const char *want)
{
	struct buf got = BUF_INIT;
	struct map found = MAP_INIT;
	size_t line;

	if (!depfile_parse(text, strlen(text), &found, &line))
		buf_addf(&got, "line %zu", line);
	else
		for (size_t i = 0; i < found.n; i++)
			buf_addf(&got, "[%s]", found.entry[i].key);
	CHECK_STR(got.data ? got.data : "", want);
	map_release(&found);
	buf_release(&got);
}

static void what_is_behind_the_colon_has_been_read(void **state)
{
	(void)state;
	names("a.o: a.c a.h", "[a.c][a.h]");
	names("a.o: a.c \\\n a.h \\\n  b.h\n", "[a.c][a.h][b.h]");
	names("a.o b.o : a.c\n", "[a.c]");
	names("a.o:\\\n a.c\n", "[a.c]");
	names("a.o: a.c \\\r\n a.h\r\n", "[a.c][a.h]");
	names("a.o: a.c a.c\n", "[a.c]");
	names("a.o:\n", "");
	names("", "");
	names("\n\n  \n", "");
	names("a.o:\ta.c\ta.h", "[a.c][a.h]");
	names("a.o: a.c \\", "[a.c][\\]");
	names("a.o: a.c\\\n\n", "[a.c]");
}

static void several_rules_are_one_list(void **state)
{
	(void)state;
	names("a.o: a.c a.h\n\na.h:\n\nb.h:\n", "[a.c][a.h]");
	names("a.o: a.c\nb.o: b.c a.c\n", "[a.c][b.c]");
	names("# env-dep:X=1\na: b # c d\n# e: f\n", "[b]");
}

static void a_name_may_hold_anything(void **state)
{
	(void)state;
	names("a: b\\ c d", "[b c][d]");
	names("a: b\\\\\\ c", "[b\\ c]");
	names("a: b\\\\ c", "[b\\\\][c]");
	names("a: b\\#c b#d", "[b#c][b#d]");
	names("a: $$b c$d", "[$b][c$d]");
	names("a: b\\:c b:d", "[b:c][b:d]");
	names("c\\:a: b", "[b]");
	names("a: c:\\dir\\b.h", "[c:\\dir\\b.h]");
	names("a: b[1]*?.h", "[b[1]*?.h]");
	names("a: \xc3\xbc.h", "[\xc3\xbc.h]");
}

static void what_is_no_rule_is_said_with_its_line(void **state)
{
	struct map found = MAP_INIT;
	size_t line;

	(void)state;
	names("a.c a.h\n", "line 1");
	names("a: b\nc d\n", "line 2");
	names("a: \\\n b\n\nc", "line 4");
	names(": b", "line 1");
	names("a: b: c", "line 1");
	CHECK(!depfile_parse("a: b\0c", 6, &found, &line));
	map_release(&found);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_behind_the_colon_has_been_read),
		cmocka_unit_test(several_rules_are_one_list),
		cmocka_unit_test(a_name_may_hold_anything),
		cmocka_unit_test(what_is_no_rule_is_said_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
