/* A million steps, of four shapes, through a run: what it costs in time and memory. */
#include <malloc.h>

#include "base/stamp.h"
#include "check.h"
#include "job/graph.h"
#include "run/schedule.h"
#include "run/simulate.h"

static const struct unit plain = {
	.kind = UNIT_STEP, .flags = UNIT_CRITICAL, .pool = POOL_NONE, .group = GROUP_NONE,
	.stand_in = UNIT_NONE,
};

static struct graph_builder *with_root(uint32_t *ret_root)
{
	struct graph_builder *b = graph_builder_new();

	*ret_root = graph_add_group(b, &(struct group){.stop_at_once = true});
	graph_set_root(b, *ret_root);
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

static size_t bytes_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static double seconds_since(int64_t ns)
{
	return (double)(stamp_mono_ns() - ns) / 1e9;
}

/* Seal, run, and print; gives what was simulated. */
static struct simulated run_through(const char *what, struct graph_builder *b, uint32_t slots)
{
	struct simulation how = {.schedule = {.slots = slots}};
	size_t with_graph, with_notes;
	int64_t start = stamp_mono_ns();
	double seal, run;
	struct simulated ret;
	struct graph *g;
	struct schedule *s;

	g = sealed(b);
	seal = seconds_since(start);
	with_graph = bytes_in_use();
	s = schedule_new(g, &how.schedule);
	with_notes = bytes_in_use();
	schedule_free(s);
	start = stamp_mono_ns();
	simulate(g, &how, &ret);
	run = seconds_since(start);
	print_message("%-24s %8u units %8u needs: seal %.2f s, run %.2f s, notes %.0f bytes a unit\n", what,
		      g->n_units, g->n_needs, seal, run,
		      (double)(with_notes - with_graph) / (double)g->n_units);
	graph_free(g);
	return ret;
}

static void a_million_independent_steps_run(void **state)
{
	uint32_t root;
	size_t empty = bytes_in_use();
	struct graph_builder *b = with_root(&root);
	struct simulated ret;
	struct graph *g;

	(void)state;
	for (int i = 0; i < 1000000; i++)
		add_step(b, root);
	g = sealed(b);
	print_message("graph: %.0f bytes a step\n", (double)(bytes_in_use() - empty) / 1e6);
	graph_free(g);

	b = with_root(&root);
	for (int i = 0; i < 1000000; i++)
		add_step(b, root);
	ret = run_through("independent", b, 4);
	CHECK_INT(ret.n_starts, 1000000);
	CHECK_INT(ret.makespan_ms, 250000);
}

static void a_chain_of_two_hundred_thousand_runs_in_order(void **state)
{
	uint32_t root;
	struct graph_builder *b = with_root(&root);
	uint32_t last = add_step(b, root);
	struct simulated ret;

	(void)state;
	for (int i = 1; i < 200000; i++) {
		uint32_t unit = add_step(b, root);

		graph_add_need(b, unit, last, COND_OK, false);
		last = unit;
	}
	ret = run_through("chain", b, 4);
	CHECK_INT(ret.makespan_ms, 200000);
	CHECK_INT(ret.max_running, 1);
}

static enum state first_fails(void *ctx, uint32_t unit, uint32_t attempt)
{
	(void)attempt;
	return unit == *(uint32_t *)ctx ? STATE_FAILED : STATE_SUCCEEDED;
}

static void a_chain_of_two_hundred_thousand_is_blocked_without_recursion(void **state)
{
	struct graph_builder *b = graph_builder_new();
	uint32_t root = graph_add_group(b, &(struct group){0});
	uint32_t first = add_step(b, root), last = first;
	struct simulation how = {.schedule = {.slots = 1}, .outcome = first_fails, .ctx = &first};
	struct simulated ret;
	struct graph *g;

	(void)state;
	graph_set_root(b, root);
	for (int i = 1; i < 200000; i++) {
		uint32_t unit = add_step(b, root);

		graph_add_need(b, unit, last, COND_OK, false);
		last = unit;
	}
	g = sealed(b);
	simulate(g, &how, &ret);
	CHECK_INT(ret.by_state[STATE_BLOCKED], 199999);
	CHECK_INT(ret.state, STATE_FAILED);
	graph_free(g);
}

static void one_step_may_need_a_hundred_thousand(void **state)
{
	uint32_t root;
	struct graph_builder *b = with_root(&root);
	uint32_t unit = add_step(b, root);
	struct simulated ret;

	(void)state;
	for (int i = 0; i < 100000; i++)
		graph_add_need(b, unit, add_step(b, root), COND_OK, false);
	ret = run_through("fan-in", b, 100000);
	CHECK_INT(ret.makespan_ms, 2);
	CHECK_INT(ret.max_running, 100000);
}

static void a_thousand_layers_of_a_thousand_cost_what_their_gates_do(void **state)
{
	uint32_t root, all, gate;
	struct graph_builder *b = with_root(&root);
	struct simulated ret;

	(void)state;
	all = graph_add_group(b, &(struct group){.stop_on_failure = true});
	graph_unit(b, graph_group(b, all)->end)->flags |= UNIT_CRITICAL;
	graph_add_member(b, root, graph_group(b, all)->end);
	gate = graph_group(b, all)->begin;
	for (int layer = 0; layer < 1000; layer++) {
		struct unit stage = plain;
		uint32_t next;

		stage.kind = UNIT_STAGE;
		stage.group = all;
		next = graph_add_unit(b, &stage);
		for (int i = 0; i < 1000; i++) {
			uint32_t unit = add_step(b, all);

			graph_add_need(b, unit, gate, COND_OPEN, false);
			graph_add_need(b, next, unit, COND_DONE, false);
		}
		gate = next;
	}
	ret = run_through("layers 1000 x 1000", b, 1000);
	CHECK_INT(ret.n_starts, 1000000);
	CHECK_INT(ret.makespan_ms, 1000);
}

static void sixty_thousand_loops_of_ten_have_a_pool_each(void **state)
{
	uint32_t root;
	struct graph_builder *b = with_root(&root);
	struct simulated ret;

	(void)state;
	for (int loop = 0; loop < 60000; loop++) {
		uint16_t pool = graph_add_pool(b, "loop", 2);

		for (int i = 0; i < 10; i++)
			graph_unit(b, add_step(b, root))->pool = pool;
	}
	ret = run_through("60000 pools x 10", b, 8);
	CHECK_INT(ret.n_starts, 600000);
	CHECK_INT(ret.makespan_ms, 75000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_independent_steps_run),
		cmocka_unit_test(a_chain_of_two_hundred_thousand_runs_in_order),
		cmocka_unit_test(a_chain_of_two_hundred_thousand_is_blocked_without_recursion),
		cmocka_unit_test(one_step_may_need_a_hundred_thousand),
		cmocka_unit_test(a_thousand_layers_of_a_thousand_cost_what_their_gates_do),
		cmocka_unit_test(sixty_thousand_loops_of_ten_have_a_pool_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
