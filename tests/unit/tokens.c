#include "sys/tokens.h"

#include "check.h"

static void there_are_as_many_tokens_as_were_said(void **state)
{
	struct tokens *t = tokens_local(3);

	(void)state;
	for (int i = 0; i < 3; i++)
		CHECK_INT(tokens_take(t), 1);
	CHECK_INT(tokens_take(t), 0);
	CHECK_INT(t->held, 3);
	CHECK_INT(tokens_give(t), 0);
	CHECK_INT(tokens_take(t), 1);
	CHECK_INT(tokens_take(t), 0);
	CHECK_INT(tokens_watch_fd(t), -1); /* nobody else gives any back */
	tokens_free(t);
}

static void all_are_given_back_at_once(void **state)
{
	struct tokens *t = tokens_local(2);

	(void)state;
	CHECK_INT(tokens_give_all(t), 0);
	CHECK_INT(tokens_take(t), 1);
	CHECK_INT(tokens_take(t), 1);
	CHECK_INT(tokens_give_all(t), 0);
	CHECK_INT(t->held, 0);
	CHECK_INT(tokens_take(t), 1);
	tokens_free(t);
	tokens_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_are_as_many_tokens_as_were_said),
		cmocka_unit_test(all_are_given_back_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
