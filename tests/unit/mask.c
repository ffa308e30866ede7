#include "base/mask.h"

#include <stdlib.h>

#include "check.h"

struct fixture {
	struct mask m;
	struct buf out;
};

static struct fixture hiding(const char *const *text, size_t n)
{
	struct fixture f = {.m = MASK_INIT, .out = BUF_INIT};

	for (size_t i = 0; i < n; i++)
		mask_add(&f.m, text[i]);
	return f;
}

static void release(struct fixture *f)
{
	mask_release(&f->m);
	buf_release(&f->out);
}

#define HIDING(...) hiding((const char *const[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

static void every_occurrence_is_replaced(void **state)
{
	struct fixture f = HIDING("secret");

	(void)state;
	CHECK_INT(mask_filter(&f.m, span_of("a secret, secretsecret, secre"), true, &f.out), 29);
	CHECK_STR(f.out.data, "a ***, ******, secre");
	release(&f);
}

static void the_longest_of_several_counts(void **state)
{
	struct fixture f = HIDING("pass", "password", "word");

	(void)state;
	mask_filter(&f.m, span_of("password pass words"), true, &f.out);
	CHECK_STR(f.out.data, "*** *** ***s");
	release(&f);
}

static void nothing_hidden_changes_nothing(void **state)
{
	struct fixture f = HIDING("");

	(void)state;
	CHECK(!mask_finds(&f.m, span_of("text")));
	CHECK_INT(mask_filter(&f.m, span_of("text"), false, &f.out), 4);
	CHECK_STR(f.out.data, "text");
	release(&f);
}

static void what_may_be_a_beginning_waits_for_the_rest(void **state)
{
	struct fixture f = HIDING("secret", "secretive");

	(void)state;
	CHECK_INT(mask_filter(&f.m, span_of("my secr"), false, &f.out), 3);
	CHECK_STR(f.out.data, "my ");
	/* The shorter one is there, the longer may still come. */
	CHECK_INT(mask_filter(&f.m, span_of("secret"), false, &f.out), 0);
	CHECK_INT(mask_filter(&f.m, span_of("secret!"), false, &f.out), 7);
	CHECK_STR(f.out.data, "my ***!");
	release(&f);
}

static void finds_what_it_hides(void **state)
{
	struct fixture f = HIDING("k1", "k2");

	(void)state;
	CHECK(mask_finds(&f.m, span_of("has k2 in it")));
	CHECK(!mask_finds(&f.m, span_of("has k3 and k")));
	release(&f);
}

/* What goes by in pieces, however it is cut, comes out as the whole would. */
static void cuts_make_no_difference(void **state)
{
	static const char text[] = "abcabcabdabcab aababcabcabd ab";
	struct fixture whole = HIDING("abcabd", "ab", "aababc");

	(void)state;
	mask_filter(&whole.m, span_of(text), true, &whole.out);
	for (size_t step = 1; step < sizeof(text); step++) {
		struct fixture f = HIDING("abcabd", "ab", "aababc");
		size_t from = 0, to = 0;

		while (to < sizeof(text) - 1) {
			to = to + step < sizeof(text) - 1 ? to + step : sizeof(text) - 1;
			from += mask_filter(&f.m, (struct span){text + from, to - from}, to == sizeof(text) - 1,
					    &f.out);
		}
		CHECK_STR(f.out.data, whole.out.data);
		release(&f);
	}
	release(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_occurrence_is_replaced),
		cmocka_unit_test(the_longest_of_several_counts),
		cmocka_unit_test(nothing_hidden_changes_nothing),
		cmocka_unit_test(what_may_be_a_beginning_waits_for_the_rest),
		cmocka_unit_test(finds_what_it_hides),
		cmocka_unit_test(cuts_make_no_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
