/* What would run: in order, with stage, needs and reason. */
#include "doc/json.h"
#include "expand_case.h"
#include "report/listing.h"
#include "run/schedule.h"

struct listed {
	struct expand_case c;
	struct schedule *s;
};

/* left_out: names of steps that the command line leaves out, or NULL. */
static struct listed list_case(const char *jobs, const char *targets, const char *left_out)
{
	struct listed l = {.c = case_expand(jobs, targets, NULL)};
	uint32_t *unit;
	size_t n;

	case_must_expand(&l.c);
	l.s = schedule_new(l.c.x->graph, &(struct schedule_options){.slots = 1});
	n = left_out ? expansion_match(l.c.x, left_out, &unit) : 0;
	for (size_t i = 0; i < n; i++)
		schedule_preset(l.s, unit[i], STATE_SKIPPED, REASON_RESTRICTED);
	if (left_out)
		free(unit);
	return l;
}

static void listed_release(struct listed *l)
{
	schedule_free(l->s);
	case_release(&l->c);
}

static void lists(const char *jobs, const char *targets, const char *left_out, bool steps, const char *want)
{
	struct listed l = list_case(jobs, targets, left_out);
	struct buf got = BUF_INIT;

	listing_text(&got, l.c.x, l.s, &(struct listing_options){.target = targets, .steps = steps});
	CHECK_STR(got.data, want);
	buf_release(&got);
	listed_release(&l);
}

static void jobs_come_in_the_order_in_which_they_start(void **state)
{
	(void)state;
	lists("  c: {run: x, needs: [b]}\n  b: {run: x, needs: [a]}\n  a: {run: x}\n", "c", NULL, false,
	      "c: 3 steps would run\n"
	      "1 a  needed by b\n"
	      "2 b  needed by c, needs a\n"
	      "3 c  asked for, needs b\n");
	lists("  a: {run: x}\n", "a", NULL, false, "a: 1 step would run\n1 a  asked for\n");
}

static const char composite[] =
	"  a: {run: x}\n"
	"  long_name: {run: x, when: \"env.X == '1'\"}\n"
	"  s: {steps: [{id: one, run: x}, {id: two, run: x, skip_if: \"env.Y == '1'\"}]}\n"
	"  in: {stages: [s]}\n"
	"  p: {stages: [{name: pull, jobs: [a, long_name]}, in]}\n";

static void a_composite_shows_its_stages(void **state)
{
	(void)state;
	lists(composite, "p", NULL, false,
	      "p: 4 steps would run\n"
	      "1 a          part of p, stage pull\n"
	      "2 long_name  part of p, stage pull, if `env.X == '1'`\n"
	      "3 in         part of p, stage in\n"
	      "  1 s  part of in, stage s\n");
}

static void steps_are_shown_if_they_are_wanted(void **state)
{
	(void)state;
	lists(composite, "in", NULL, true,
	      "in: 2 steps would run\n"
	      "1 s  part of in, stage s\n"
	      "  1 s/one  part of s\n"
	      "  2 s/two  part of s, unless `env.Y == '1'`\n");
	lists(composite, "s", NULL, false,
	      "s: 2 steps would run\n"
	      "1 s/one  part of s\n"
	      "2 s/two  part of s, unless `env.Y == '1'`\n");
}

static void what_is_left_out_says_so_and_does_not_count(void **state)
{
	(void)state;
	lists(composite, "p", "a", false,
	      "p: 3 steps would run\n"
	      "1 a          left out by the command line\n"
	      "2 long_name  part of p, stage pull, if `env.X == '1'`\n"
	      "3 in         part of p, stage in\n"
	      "  1 s  part of in, stage s\n");
}

static void a_stand_in_is_listed_but_not_counted(void **state)
{
	(void)state;
	lists("  j: {steps: {a: {run: x, on_failure: {fallback: r}}, r: {run: x, fallback_only: true}}}\n", "j", NULL,
	      false,
	      "j: 1 step would run\n"
	      "1 j/a  part of j\n"
	      "2 j/r  part of j, only if what it stands in for fails\n");
}

static void labels_cannot_write_on_the_terminal(void **state)
{
	(void)state;
	lists("  j: {run: x, matrix: {v: [\"\\e[2Ja\\tb\", \"\\u65e5\\u672c\"]}}\n", "j", NULL, false,
	      "j: 2 steps would run\n"
	      "1 j[a b]   part of j\n"
	      "2 j[\xe6\x97\xa5\xe6\x9c\xac]  part of j\n");
}

static void what_is_known_of_each_is_said_and_what_is_done_is_not_listed(void **state)
{
	struct listed l = list_case("  a: {run: x}\n  b: {run: x}\n  c: {run: x}\n  d: {run: x, needs: [a, b, c]}\n",
				    "d", NULL);
	struct outlook *at = xcalloc(l.c.x->graph->n_units, sizeof(*at));
	const struct listing_options o = {.target = "d", .outlook = at};
	struct buf got = BUF_INIT;
	const uint32_t *unit = l.c.x->job_unit;
	json_t *doc;

	(void)state;
	for (uint32_t u = 0; u < l.c.x->graph->n_units; u++)
		at[u].kind = OUTLOOK_RUN;
	at[unit[0]] = (struct outlook){.kind = OUTLOOK_DONE, .why = REASON_FRESH, .cause = NULL};
	at[unit[1]] = (struct outlook){.kind = OUTLOOK_RUN, .why = REASON_INPUT_CHANGED, .cause = (char *)"in"};
	at[unit[2]] = (struct outlook){.kind = OUTLOOK_MAYBE, .why = REASON_INPUT_CHANGED, .cause = (char *)"out"};
	at[unit[3]] = (struct outlook){.kind = OUTLOOK_MAYBE, .why = REASON_VALUE_CHANGED, .cause = (char *)"c"};
	CHECK_INT(listing_text(&got, l.c.x, l.s, &o), 3);
	CHECK_STR(got.data, "d: 1 step would run, 2 more if what they read changes, 1 has nothing to do\n"
			    "1 b  needed by d, its input 'in' changed\n"
			    "2 c  needed by d, would run if 'out' changes\n"
			    "3 d  asked for, needs a, b, c, would run if a value of 'c' changes\n");
	doc = listing_json(l.c.x, l.s, &o);
	CHECK_INT(json_integer_value(json_object_get(doc, "steps")), 3);
	CHECK(json_is_true(json_object_get(json_array_get(json_object_get(doc, "members"), 1), "maybe")));
	json_decref(doc);
	free(at);
	buf_release(&got);
	listed_release(&l);
}

static void the_document_says_the_same(void **state)
{
	struct listed l = list_case(composite, "p", "a");
	struct buf got = BUF_INIT;
	json_t *doc = listing_json(l.c.x, l.s, &(struct listing_options){.target = "p"}), *members, *phase;

	(void)state;
	CHECK_STR(json_str(doc, "job_id"), "p");
	CHECK(json_is_true(json_object_get(doc, "dry_run")));
	CHECK_INT(json_integer_value(json_object_get(doc, "total")), 3);
	CHECK_INT(json_integer_value(json_object_get(doc, "steps")), 3);
	members = json_object_get(doc, "members");
	CHECK_INT(json_array_size(members), 3);
	json_text(&got, json_array_get(members, 0), JSON_TIGHT);
	CHECK_STR(got.data, "{\"job_id\":\"a\",\"stage\":\"pull\",\"needs\":[],\"would_run\":false,"
			    "\"reason\":\"left out by the command line\"}");
	phase = json_object_get(json_object_get(doc, "phase_results"), "in");
	CHECK_STR(json_str(json_array_get(json_object_get(phase, "members"), 0), "job_id"), "s");
	buf_release(&got);
	json_decref(doc);
	listed_release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_come_in_the_order_in_which_they_start),
		cmocka_unit_test(a_composite_shows_its_stages),
		cmocka_unit_test(steps_are_shown_if_they_are_wanted),
		cmocka_unit_test(what_is_left_out_says_so_and_does_not_count),
		cmocka_unit_test(a_stand_in_is_listed_but_not_counted),
		cmocka_unit_test(labels_cannot_write_on_the_terminal),
		cmocka_unit_test(what_is_known_of_each_is_said_and_what_is_done_is_not_listed),
		cmocka_unit_test(the_document_says_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
