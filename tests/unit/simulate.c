/* Runs without processes. */
#include "check.h"
#include "job/graph.h"
#include "run/simulate.h"

struct plan {
	struct graph_builder *b;
	struct graph *g;
};

static void plan_init(struct plan *p)
{
	p->b = graph_builder_new();
	graph_set_root(p->b, graph_add_group(p->b, &(struct group){.stop_at_once = true}));
}

static uint32_t add_step(struct plan *p, float cost_ms)
{
	uint32_t u = graph_add_unit(p->b, &(struct unit){
		.kind = UNIT_STEP, .flags = UNIT_CRITICAL, .pool = POOL_NONE, .group = GROUP_NONE,
		.stand_in = UNIT_NONE, .cost_ms = cost_ms});

	graph_add_member(p->b, 0, u);
	return u;
}

static struct simulated simulated(struct plan *p, const struct simulation *how)
{
	struct simulated ret;
	uint32_t *cycle;
	size_t n;

	p->g = graph_seal(p->b, &cycle, &n);
	CHECK(p->g != NULL);
	simulate(p->g, how, &ret);
	graph_free(p->g);
	return ret;
}

static void the_longest_path_goes_first(void **state)
{
	struct plan p;
	struct simulated got;
	uint32_t last;

	(void)state;
	plan_init(&p);
	for (int i = 0; i < 4; i++)
		add_step(&p, 10);
	last = add_step(&p, 20);
	graph_add_need(p.b, add_step(&p, 20), last, COND_OK, false);
	got = simulated(&p, &(struct simulation){.schedule = {.slots = 2}});
	CHECK_INT(got.makespan_ms, 40); /* 60 in the order of the file */
	CHECK_INT(got.busy_ms, 80);
	CHECK_INT(got.max_running, 2);
	CHECK_INT(got.state, STATE_SUCCEEDED);
	CHECK_INT(got.tally.succeeded, 6);
}

static int64_t half(void *ctx, uint32_t unit, uint32_t attempt)
{
	(void)ctx;
	(void)attempt;
	return unit == 2 ? 5 : -1; /* less than nothing is nothing */
}

static enum state second_time(void *ctx, uint32_t unit, uint32_t attempt)
{
	(void)ctx;
	return unit == 2 && attempt == 1 ? STATE_FAILED : STATE_SUCCEEDED;
}

static void count(void *ctx, const struct schedule *s)
{
	++*(int *)ctx;
	schedule_check(s);
}

static void what_fails_may_be_tried_again(void **state)
{
	struct plan p;
	struct simulated got;
	uint32_t a;
	int looks = 0;

	(void)state;
	plan_init(&p);
	a = add_step(&p, 0);
	graph_unit(p.b, a)->retry = graph_add_retry(p.b, &(struct retry_pace){.max = 1, .delay_ms = 100});
	graph_unit(p.b, add_step(&p, 0))->flags |= UNIT_ASKS;
	got = simulated(&p, &(struct simulation){.schedule = {.slots = 1}, .duration_ms = half,
						 .outcome = second_time, .watch = count, .ctx = &looks});
	CHECK_INT(got.n_starts, 3);
	CHECK_INT(got.makespan_ms, 110);
	CHECK_INT(got.by_state[STATE_SUCCEEDED], 2);
	CHECK(looks > 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_path_goes_first),
		cmocka_unit_test(what_fails_may_be_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
