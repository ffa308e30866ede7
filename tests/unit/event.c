#include "check.h"

#include <jansson.h>

#include "run/event.h"

static void every_kind_has_a_word_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < EVENT_COUNT; i++)
		for (int k = 0; k < i; k++)
			CHECK(strcmp(event_word((enum event_kind)i), event_word((enum event_kind)k)) != 0);
}

static void json_is(const struct run_event *e, const char *want)
{
	json_t *j = event_to_json(e);
	char *text = json_dumps(j, JSON_COMPACT | JSON_ENSURE_ASCII);

	CHECK_STR(text, want);
	free(text);
	json_decref(j);
}

static struct run_event an_event(void)
{
	return (struct run_event){.seq = 7,
				  .wall_ms = 1767323045678,
				  .run = "01KTRXN0000000000000000001",
				  .unit = UNIT_NONE,
				  .exit_code = -1,
				  .duration_ms = -1,
				  .due_ms = -1};
}

static void an_event_of_the_run_says_no_more_than_it_has(void **state)
{
	struct run_event e = an_event();

	(void)state;
	e.kind = EVENT_RUN_STARTED;
	e.state = STATE_RUNNING;
	json_is(&e, "{\"run\":\"01KTRXN0000000000000000001\",\"seq\":7,\"time\":\"2026-01-02T03:04:05.678Z\","
		    "\"event\":\"run_started\",\"state\":\"running\"}");
}

static void an_event_of_a_step_says_all_of_it(void **state)
{
	struct run_event e = an_event();

	(void)state;
	e.kind = EVENT_STEP_RETRY;
	e.state = STATE_WAITING;
	e.unit = 3;
	e.step = "all/s3";
	e.attempt = 2;
	e.reason = REASON_RETRY_PAUSE;
	e.cause = "net";
	e.error = "exit code 3";
	e.exit_code = 3;
	e.signal = 9;
	e.duration_ms = 0;
	e.due_ms = 500;
	e.log = "logs/x";
	e.n_total = 10;
	json_is(&e, "{\"run\":\"01KTRXN0000000000000000001\",\"seq\":7,\"time\":\"2026-01-02T03:04:05.678Z\","
		    "\"event\":\"step_retry\",\"step\":\"all/s3\",\"attempt\":2,\"state\":\"waiting\","
		    "\"reason\":\"retry-pause\",\"cause\":\"net\",\"error\":\"exit code 3\",\"exit_code\":3,"
		    "\"signal\":9,\"duration_ms\":0,\"due_ms\":500}");
}

static void bytes_that_are_no_text_do_not_lose_the_event(void **state)
{
	struct run_event e = an_event();

	(void)state;
	e.kind = EVENT_RUN_STARTED;
	e.state = STATE_RUNNING;
	e.error = "a\xff" "b\xc3\xa4\xe2\x82 c\xf0\x9f\x98\x80\xc3";
	json_is(&e, "{\"run\":\"01KTRXN0000000000000000001\",\"seq\":7,\"time\":\"2026-01-02T03:04:05.678Z\","
		    "\"event\":\"run_started\",\"state\":\"running\","
		    "\"error\":\"a\\uFFFDb\\u00E4\\uFFFD c\\uD83D\\uDE00\\uFFFD\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_has_a_word_of_its_own),
		cmocka_unit_test(an_event_of_the_run_says_no_more_than_it_has),
		cmocka_unit_test(an_event_of_a_step_says_all_of_it),
		cmocka_unit_test(bytes_that_are_no_text_do_not_lose_the_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
