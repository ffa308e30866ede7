/* What sealing a graph makes of it. */
#include "base/bug.h"
#include "check.h"
#include "job/graph.h"

static const struct unit plain = {
	.kind = UNIT_STEP, .pool = POOL_NONE, .group = GROUP_NONE, .stand_in = UNIT_NONE,
};

static struct graph_builder *with_root(void)
{
	struct graph_builder *b = graph_builder_new();

	graph_set_root(b, graph_add_group(b, &(struct group){0})); /* units 0 and 1 are its gates */
	return b;
}

static uint32_t add_step(struct graph_builder *b, uint32_t group)
{
	uint32_t unit = graph_add_unit(b, &plain);

	graph_add_member(b, group, unit);
	return unit;
}

static struct graph *sealed(struct graph_builder *b)
{
	uint32_t *cycle;
	size_t n;
	struct graph *g = graph_seal(b, &cycle, &n);

	CHECK(g != NULL);
	return g;
}

/* "on:condition on:condition ...", ~ for order only. */
static void needs_are(const struct graph *g, uint32_t unit, const char *want)
{
	static const char *const word[] = {"ok", "done", "failed", "skipped", "any", "open"};
	char got[400] = "";

	for (uint32_t i = g->need_at[unit]; i < g->need_at[unit + 1]; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%u:%s%s", *got ? " " : "",
			 g->need[i].unit, word[g->need[i].cond], g->need[i].order_only ? "~" : "");
	CHECK_STR(got, want);
}

static void order_is(const struct graph *g, const char *want)
{
	uint32_t order[64];
	char got[400] = "";

	CHECK(g->n_units <= ARRAY_LEN(order));
	graph_order(g, order);
	for (uint32_t i = 0; i < g->n_units; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%u", *got ? " " : "", order[i]);
	CHECK_STR(got, want);
}

/* Seals, which must fail by this cycle. */
static void cycle_is(struct graph_builder *b, const char *want)
{
	char got[400] = "";
	uint32_t *cycle;
	size_t n;

	CHECK(graph_seal(b, &cycle, &n) == NULL);
	for (size_t i = 0; i < n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%u", i ? " " : "", cycle[i]);
	free(cycle);
	CHECK_STR(got, want);
}

static void a_group_waits_for_its_members_and_they_for_its_begin(void **state)
{
	struct graph_builder *b = with_root();
	uint32_t a = add_step(b, 0), j = graph_add_group(b, &(struct group){.heeds_abort = true}), c = add_step(b, j);
	struct graph *g;

	(void)state;
	graph_add_member(b, 0, graph_group(b, j)->end);
	g = sealed(b);
	CHECK_INT(g->group[j].begin, 3);
	CHECK_INT(g->group[j].end, 4);
	CHECK(g->group[j].heeds_abort);
	needs_are(g, a, "0:open");
	needs_are(g, 3, "0:open"); /* the group's BEGIN waits for the outer one */
	needs_are(g, c, "3:open");
	needs_are(g, 4, "3:any 5:any");
	needs_are(g, 1, "0:any 2:any 4:any");
	CHECK_INT(graph_opening(g, 4), 3);
	CHECK_INT(graph_subject(g, 3), 4);
	CHECK_INT(graph_subject(g, a), a);
	graph_free(g);
}

static void a_member_that_waits_for_a_gate_of_the_group_gets_no_other(void **state)
{
	struct graph_builder *b = with_root();
	struct unit gate = plain;
	uint32_t a = add_step(b, 0), stage, c;
	struct graph *g;

	(void)state;
	gate.kind = UNIT_STAGE;
	gate.group = 0;
	stage = graph_add_unit(b, &gate);
	graph_add_need(b, stage, a, COND_DONE, false);
	c = add_step(b, 0);
	graph_add_need(b, c, stage, COND_OPEN, false);
	g = sealed(b);
	needs_are(g, c, "3:open");
	order_is(g, "0 2 3 4 1");
	graph_free(g);
}

static void users_are_the_needs_seen_from_the_other_end(void **state)
{
	struct graph_builder *b = with_root();
	uint32_t a = add_step(b, 0), c = add_step(b, 0);
	struct graph *g;

	(void)state;
	graph_add_need(b, c, a, COND_OK, false);
	g = sealed(b);
	for (uint32_t u = 0; u < g->n_units; u++) {
		for (uint32_t i = g->user_at[u]; i < g->user_at[u + 1]; i++) {
			uint32_t n = g->user_need[i], user = g->user[i];

			CHECK_INT(g->need[n].unit, u);
			CHECK(n >= g->need_at[user] && n < g->need_at[user + 1]);
		}
	}
	CHECK_INT(g->user_at[g->n_units], g->n_needs);
	CHECK_INT(g->want[g->want_at[a]], 0);
	graph_free(g);
}

static void the_same_need_or_member_twice_is_one(void **state)
{
	struct graph_builder *b = with_root();
	uint32_t a = add_step(b, 0), c = add_step(b, 0);
	struct graph *g;

	(void)state;
	for (int i = 0; i < 3; i++) {
		graph_add_member(b, 0, a);
		graph_add_need(b, c, a, COND_OK, false);
	}
	graph_add_need(b, c, a, COND_DONE, false);
	graph_add_need(b, c, a, COND_DONE, true);
	g = sealed(b);
	CHECK_INT(g->n_members, 2);
	needs_are(g, c, "2:ok 2:done 2:done~ 0:open");
	needs_are(g, 1, "0:any 2:any 3:any");
	graph_free(g);
}

static void the_same_retry_pace_twice_is_one(void **state)
{
	struct graph_builder *b = with_root();
	struct retry_pace p = {.max = 2, .delay_ms = 5, .backoff = 2};
	uint16_t first = graph_add_retry(b, &p);

	(void)state;
	CHECK_INT(first, 1);
	CHECK_INT(graph_add_retry(b, &p), 1);
	p.jitter = 0.5;
	CHECK_INT(graph_add_retry(b, &p), 2);
	p.backoff = 3;
	CHECK_INT(graph_add_retry(b, &p), 3);
	p.delay_ms = 6;
	CHECK_INT(graph_add_retry(b, &p), 4);
	p.max_delay_ms = 9;
	CHECK_INT(graph_add_retry(b, &p), 5);
	p.max = 3;
	CHECK_INT(graph_add_retry(b, &p), 6);
	CHECK_INT(graph_add_retry(b, &(struct retry_pace){.delay_ms = 7}), 0);
	CHECK_INT(graph_add_pool(b, "net", 0), 0);
	graph_free(sealed(b));
}

static void a_stand_in_waits_for_its_primary_and_others_for_the_stand_in(void **state)
{
	struct graph_builder *b = with_root();
	uint32_t p = add_step(b, 0), s = add_step(b, 0), ok = add_step(b, 0), done = add_step(b, 0);
	uint32_t f = add_step(b, 0);
	struct graph *g;

	(void)state;
	graph_unit(b, p)->on_failure = ON_FAILURE_FALLBACK;
	graph_unit(b, p)->stand_in = s;
	graph_unit(b, f)->flags = UNIT_ALWAYS;
	graph_add_need(b, ok, p, COND_OK, false);
	graph_add_need(b, done, p, COND_DONE, false);
	g = sealed(b);
	CHECK(g->unit[s].flags & UNIT_STAND_IN);
	needs_are(g, s, "0:open 2:done~");
	needs_are(g, ok, "2:ok 0:open 3:ok~");
	needs_are(g, done, "2:done 0:open");
	needs_are(g, f, "0:open 3:any~");
	needs_are(g, 1, "0:any 2:any 3:any 4:any 5:any 6:any 3:any~");
	graph_free(g);
}

static void the_begin_of_a_group_that_stands_in_waits(void **state)
{
	struct graph_builder *b = with_root();
	uint32_t p = add_step(b, 0), j = graph_add_group(b, &(struct group){0});
	struct graph *g;

	(void)state;
	add_step(b, j);
	graph_add_member(b, 0, graph_group(b, j)->end);
	graph_unit(b, p)->stand_in = graph_group(b, j)->end;
	g = sealed(b);
	CHECK(g->unit[g->group[j].begin].flags & UNIT_STAND_IN);
	needs_are(g, g->group[j].begin, "0:open 2:done~");
	graph_free(g);
}

static void the_order_is_that_of_the_file_among_equals(void **state)
{
	struct graph_builder *b = with_root();
	uint32_t first = add_step(b, 0), u[12];
	struct graph *g;

	(void)state;
	for (int i = 0; i < 12; i++)
		u[i] = add_step(b, 0);
	graph_add_need(b, first, u[11], COND_OK, false);
	graph_add_need(b, u[3], u[7], COND_ANY, true);
	g = sealed(b);
	order_is(g, "0 3 4 5 7 8 9 10 6 11 12 13 14 2 1");
	graph_free(g);
}

static void finally_comes_last_in_the_order(void **state)
{
	struct graph_builder *b = with_root();
	uint32_t f = add_step(b, 0), a = add_step(b, 0), c = add_step(b, 0);
	struct graph *g;

	(void)state;
	graph_unit(b, f)->flags = UNIT_ALWAYS;
	graph_add_need(b, a, c, COND_OK, false);
	g = sealed(b);
	order_is(g, "0 4 3 2 1");
	graph_free(g);
}

static void a_cycle_is_named_from_its_lowest_unit_on(void **state)
{
	struct graph_builder *b = with_root();
	uint32_t tail = add_step(b, 0), u[3] = {add_step(b, 0), add_step(b, 0), add_step(b, 0)};

	(void)state;
	graph_add_need(b, tail, u[1], COND_OK, false);
	graph_add_need(b, u[1], u[0], COND_OK, false);
	graph_add_need(b, u[0], u[2], COND_ANY, true);
	graph_add_need(b, u[2], u[1], COND_OK, false);
	cycle_is(b, "3 5 4");
	cycle_is(b, "3 5 4"); /* the builder is as it was */
	CHECK_INT(graph_unit(b, tail)->kind, UNIT_STEP);
	graph_builder_free(b);
}

static void a_step_that_needs_itself_is_a_cycle(void **state)
{
	struct graph_builder *b = with_root();
	uint32_t a = add_step(b, 0);

	(void)state;
	graph_add_need(b, a, a, COND_OK, false);
	cycle_is(b, "2");
	graph_builder_free(b);
}

static void a_need_on_the_group_around_is_a_cycle(void **state)
{
	struct graph_builder *b = with_root();
	uint32_t j = graph_add_group(b, &(struct group){0}), a = add_step(b, j);

	(void)state;
	graph_add_member(b, 0, graph_group(b, j)->end);
	graph_add_need(b, a, graph_group(b, j)->end, COND_OK, false);
	cycle_is(b, "3 4");
	graph_builder_free(b);
}

static void a_step_that_waits_for_what_cleans_up_after_it_is_a_cycle(void **state)
{
	struct graph_builder *b = with_root();
	uint32_t a = add_step(b, 0), f = add_step(b, 0);

	(void)state;
	graph_unit(b, f)->flags = UNIT_ALWAYS;
	graph_add_need(b, a, f, COND_ANY, false);
	cycle_is(b, "2 3");
	graph_builder_free(b);
}

static void stand_ins_for_each_other_are_a_cycle(void **state)
{
	struct graph_builder *b = with_root();
	uint32_t u[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		u[i] = add_step(b, 0);
	graph_unit(b, u[0])->stand_in = u[2];
	graph_unit(b, u[2])->stand_in = u[3];
	graph_unit(b, u[3])->stand_in = u[1];
	graph_unit(b, u[1])->stand_in = u[2];
	cycle_is(b, "3 4 5");
	graph_builder_free(b);
}

static void a_user_that_the_stand_in_needs_is_a_cycle(void **state)
{
	struct graph_builder *b = with_root();
	uint32_t p = add_step(b, 0), s = add_step(b, 0), user = add_step(b, 0);

	(void)state;
	graph_unit(b, p)->stand_in = s;
	graph_add_need(b, user, p, COND_OK, false);
	graph_add_need(b, s, user, COND_OK, false);
	cycle_is(b, "3 4");
	graph_builder_free(b);
}

static void a_finally_cannot_stand_in_for_what_it_comes_after(void **state)
{
	struct graph_builder *b = with_root();
	uint32_t p = add_step(b, 0), f = add_step(b, 0);

	(void)state;
	graph_unit(b, p)->stand_in = f;
	graph_unit(b, f)->flags = UNIT_ALWAYS;
	cycle_is(b, "3");
	graph_builder_free(b);
}

static void an_extended_graph_keeps_every_number(void **state)
{
	struct graph_builder *b = with_root();
	uint32_t a = add_step(b, 0), j = graph_add_group(b, &(struct group){0}), c, pool, k;
	struct graph *g, *same;

	(void)state;
	graph_add_member(b, 0, graph_group(b, j)->end);
	g = sealed(b);
	b = graph_extend(g);
	c = add_step(b, j);
	pool = graph_add_pool(b, "new", 3);
	k = graph_add_group(b, &(struct group){0});
	graph_add_member(b, k, a);
	graph_add_member(b, 0, graph_group(b, k)->end);
	graph_add_need(b, c, a, COND_OK, false);
	same = sealed(b);
	CHECK(same == g);
	CHECK_INT(c, 5);
	CHECK_INT(g->n_units, 8);
	CHECK_INT(g->n_pools, 1);
	CHECK_INT(g->pool[pool].slots, 3);
	needs_are(g, a, "0:open"); /* and not the new group's BEGIN: it may have started */
	needs_are(g, c, "2:ok 3:open");
	needs_are(g, 4, "3:any 5:any");
	needs_are(g, g->group[k].end, "6:any 2:any");
	needs_are(g, 1, "0:any 2:any 4:any 7:any");
	graph_free(g);
}

static void an_extension_that_fails_leaves_the_graph_alone(void **state)
{
	struct graph_builder *b = with_root();
	uint32_t a = add_step(b, 0), c;
	struct graph *g = sealed(b);

	(void)state;
	b = graph_extend(g);
	c = add_step(b, 0);
	graph_add_need(b, c, c, COND_OK, false);
	cycle_is(b, "3");
	graph_builder_free(b);
	CHECK_INT(g->n_units, 3);
	needs_are(g, a, "0:open");
	graph_free(g);
}

static void old_units_get_no_new_stand_ins_or_waits(void **state)
{
	struct graph_builder *b = with_root();
	uint32_t p = add_step(b, 0), s = add_step(b, 0), f = add_step(b, 0), n, last;
	struct graph *g;

	(void)state;
	graph_unit(b, p)->stand_in = s;
	graph_unit(b, f)->flags = UNIT_ALWAYS;
	g = sealed(b);
	b = graph_extend(g);
	n = add_step(b, 0);
	last = add_step(b, 0);
	graph_unit(b, n)->stand_in = last;
	g = sealed(b);
	needs_are(g, s, "0:open 2:done~");
	needs_are(g, f, "0:open 3:any~");
	needs_are(g, last, "0:open 5:done~");
	graph_free(g);
}

static void freeing_nothing_is_fine(void **state)
{
	(void)state;
	graph_builder_free(NULL);
	graph_free(NULL);
	graph_builder_free(graph_builder_new());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_waits_for_its_members_and_they_for_its_begin),
		cmocka_unit_test(a_member_that_waits_for_a_gate_of_the_group_gets_no_other),
		cmocka_unit_test(users_are_the_needs_seen_from_the_other_end),
		cmocka_unit_test(the_same_need_or_member_twice_is_one),
		cmocka_unit_test(the_same_retry_pace_twice_is_one),
		cmocka_unit_test(a_stand_in_waits_for_its_primary_and_others_for_the_stand_in),
		cmocka_unit_test(the_begin_of_a_group_that_stands_in_waits),
		cmocka_unit_test(the_order_is_that_of_the_file_among_equals),
		cmocka_unit_test(finally_comes_last_in_the_order),
		cmocka_unit_test(a_cycle_is_named_from_its_lowest_unit_on),
		cmocka_unit_test(a_step_that_needs_itself_is_a_cycle),
		cmocka_unit_test(a_need_on_the_group_around_is_a_cycle),
		cmocka_unit_test(a_step_that_waits_for_what_cleans_up_after_it_is_a_cycle),
		cmocka_unit_test(stand_ins_for_each_other_are_a_cycle),
		cmocka_unit_test(a_user_that_the_stand_in_needs_is_a_cycle),
		cmocka_unit_test(a_finally_cannot_stand_in_for_what_it_comes_after),
		cmocka_unit_test(an_extended_graph_keeps_every_number),
		cmocka_unit_test(an_extension_that_fails_leaves_the_graph_alone),
		cmocka_unit_test(old_units_get_no_new_stand_ins_or_waits),
		cmocka_unit_test(freeing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
