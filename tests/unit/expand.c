/* From targets to units: what a run consists of, and what waits for what. */
#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stamp.h"
#include "expand_case.h"

/* --- needs ------------------------------------------------------------------------------------------- */

static void needs_bring_their_jobs_which_are_no_targets(void **state)
{
	(void)state;
	expands_to("  a: {run: x}\n  b: {run: x, needs: [a]}\n  c: {run: x, needs: [b]}\n  d: {run: x}\n", "c",
		   "a\n"
		   "b: a\n"
		   "needed> a b {continue}\n"
		   "c: b\n"
		   "run> needed c\n");
}

static void a_need_can_ask_for_another_end(void **state)
{
	(void)state;
	expands_to("  a: {run: x}\n  b: {run: x, needs: {a: failed}}\n  c: {run: x, needs: {a: done}}\n", "a b c",
		   "a\n"
		   "b: a:failed\n"
		   "c: a:done\n"
		   "run> a b c\n");
}

static void without_targets_the_default_or_else_the_first_job_is_taken(void **state)
{
	(void)state;
	expands_to("  a: {run: x}\n  b: {run: x}\n", "", "a\nrun> a\n");
	expands_to("jobfile: 1\ndefault: b\njobs:\n  a: {run: x}\n  b: {run: x}\n", "", "b\nrun> b\n");
}

static void a_job_that_is_needed_and_asked_for_is_there_once(void **state)
{
	(void)state;
	expands_to("  a: {run: x}\n  b: {run: x, needs: [a]}\n", "b a b",
		   "a\n"
		   "needed> a {continue}\n"
		   "b: a\n"
		   "run> needed b a\n");
}

static void needs_rule_counts_the_needs(void **state)
{
	(void)state;
	expands_to("  a: {run: x}\n  b: {run: x}\n  c: {run: x, needs: [a, b], needs_rule: any}\n", "a b c",
		   "a\nb\nc: a b {rule=1}\nrun> a b c\n");
}

static void after_is_an_order_among_what_is_there(void **state)
{
	const char *jobs = "  a: {run: x, after: [b]}\n  b: {run: x}\n";

	(void)state;
	expands_to(jobs, "a", "a\nrun> a\n");
	/* also if the other comes later */
	expands_to(jobs, "a b", "b\na: ~b:any\nrun> a b\n");
	expands_to("  a: {run: x, after: [b]}\n  b: {run: x}\n  p: {stages: [{name: s, jobs: [a, b]}]}\n", "p",
		   "b: <p\na: <p ~b:any\np> a b\nrun> p\n");
}

static void a_job_may_need_one_that_is_called_like_its_own_step(void **state)
{
	(void)state;
	expands_to("  build: {run: x}\n"
		   "  deploy: {needs: [build], steps: {build: {run: x}, push: {run: x, needs: [build]}}}\n", "deploy",
		   "build\n"
		   "needed> build {continue}\n"
		   "<deploy: build\n"
		   "deploy/build: <deploy\n"
		   "deploy/push: <deploy deploy/build\n"
		   "deploy> deploy/build deploy/push\n"
		   "run> needed deploy\n");
}

static void a_step_needs_a_step_of_another_job(void **state)
{
	(void)state;
	expands_to("  a: {steps: {one: {run: x}, two: {run: x}}}\n"
		   "  b: {steps: {s: {run: x, needs: [a/one]}}}\n", "b",
		   "a/one: <a\n"
		   "a/two: <a\n"
		   "a> a/one a/two\n"
		   "needed> a {continue}\n"
		   "b/s: <b a/one\n"
		   "b> b/s\n"
		   "run> needed b\n");
}

static void a_need_names_an_instance_or_a_step_in_it_or_in_all(void **state)
{
	const char *family = "  f: {matrix: {x: [u, v]}, steps: {one: {run: x}}}\n";
	char jobs[400];

	(void)state;
	snprintf(jobs, sizeof(jobs), "%s  b: {run: x, needs: [\"f[u]\"]}\n", family);
	expands_to(jobs, "b",
		   "f[u]/one: <f[u]\nf[u]> f[u]/one\nneeded> f[u] {continue}\nb: f[u]\nrun> needed b\n");
	snprintf(jobs, sizeof(jobs), "%s  b: {run: x, needs: [\"f[u]/one\"]}\n", family);
	expands_to(jobs, "f b",
		   "<f[u]: <f[*]\nf[u]/one: <f[u]\nf[u]> f[u]/one\n<f[v]: <f[*]\nf[v]/one: <f[v]\n"
		   "f[v]> f[v]/one\nf[*]> f[u] f[v]\nb: f[u]/one\nrun> f[*] b\n");
	snprintf(jobs, sizeof(jobs), "%s  b: {run: x, needs: [f/one]}\n", family);
	expands_to(jobs, "f b",
		   "<f[u]: <f[*]\nf[u]/one: <f[u]\nf[u]> f[u]/one\n<f[v]: <f[*]\nf[v]/one: <f[v]\n"
		   "f[v]> f[v]/one\nf[*]> f[u] f[v]\nb: f[u]/one f[v]/one\nrun> f[*] b\n");
}

static void an_instance_that_is_needed_by_name_is_the_one_of_the_family(void **state)
{
	const char *jobs = "  f: {run: x, matrix: {x: [u, v]}}\n  b: {run: x, needs: [\"f[v]\"]}\n";

	(void)state;
	expands_to(jobs, "f b", "f[u]: <f[*]\nf[v]: <f[*]\nf[*]> f[u] f[v]\nb: f[v]\nrun> f[*] b\n");
	expands_to(jobs, "b f", "f[v]: <f[*]\nneeded> f[v] {continue}\nb: f[v]\nf[u]: <f[*]\nf[*]> f[u] f[v]\n"
				"run> needed b f[*]\n");
}

static void an_instance_that_a_loop_does_not_have_cannot_be_needed(void **state)
{
	(void)state;
	is_refused("  f: {run: x, foreach: {x: [u, v]}}\n  b: {run: x, needs: [\"f[w]\"]}\n", "b",
		   "job 'f' has no instance 'w'");
}

/* --- steps ------------------------------------------------------------------------------------------- */

static void a_list_of_steps_runs_in_order_and_a_map_by_needs(void **state)
{
	(void)state;
	expands_to("  j:\n    steps:\n      - {id: a, run: x}\n      - {id: b, run: x}\n      - {id: c, run: x, needs: [a]}\n"
		   "      - {id: d, run: x}\n", "j",
		   "j/a: <j\n"
		   "j/b: <j j/a\n"
		   "j/c: <j j/a\n"
		   "j/d: <j j/c\n"
		   "j> j/a j/b j/c j/d\n"
		   "run> j\n");
	expands_to("  j: {steps: {a: {run: x}, b: {run: x}, c: {run: x, needs: {a: ok, b: done}}}}\n", "j",
		   "j/a: <j\n"
		   "j/b: <j\n"
		   "j/c: <j j/a j/b:done\n"
		   "j> j/a j/b j/c\n"
		   "run> j\n");
}

static void conditions_and_policies_are_where_they_belong(void **state)
{
	(void)state;
	expands_to("jobfile: 1\npools: {net: 3}\njobs:\n"
		   "  j:\n    when: params.x\n    on_failure: continue\n    params: {x: {type: bool}}\n    steps:\n"
		   "      a: {run: x, critical: false, pool: net}\n      b: {run: x, needs: [a], when: \"failed()\"}\n"
		   "      c: {noop: true}\n", "j",
		   "<j {asks}\n"
		   "j/a: <j {soft continue pool=net:3}\n"
		   "j/b: <j j/a {asks status continue}\n"
		   "j/c: <j {instant continue}\n"
		   "j> j/a j/b j/c {continue}\n"
		   "run> j\n");
}

static void finally_comes_after_everything_else_of_its_job(void **state)
{
	(void)state;
	expands_to("  j:\n    steps: {a: {run: x}, b: {run: x}}\n    finally: [{id: f, run: x}, {id: g, run: x}]\n", "j",
		   "j/a: <j\n"
		   "j/b: <j\n"
		   "j/f: <j {always}\n"
		   "j/g: <j j/f:any {always}\n"
		   "j> j/a j/b j/f j/g\n"
		   "run> j\n");
	expands_to("  k: {run: x}\n  j: {run: x, finally: [{id: f, job: k}]}\n", "j",
		   "j/main: <j\n"
		   "<call j/f: <j {asks}\n"
		   "j/f: <call j/f\n"
		   "call j/f> j/f {always}\n"
		   "j> j/main call j/f\n"
		   "run> j\n");
}

static void a_fallback_stands_in_for_its_step(void **state)
{
	(void)state;
	expands_to("  j:\n    steps:\n      a: {run: x, on_failure: {fallback: r}}\n      r: {run: x, fallback_only: true}\n"
		   "      b: {run: x, needs: [a]}\n", "j",
		   "j/a: <j {else=j/r}\n"
		   "j/r: <j ~j/a:done {stand-in}\n"
		   "j/b: <j j/a ~j/r\n"
		   "j> j/a j/r j/b\n"
		   "run> j\n");
}

static void the_instances_of_a_fallback_stand_in_together(void **state)
{
	(void)state;
	expands_to("  j:\n    steps:\n      a: {run: x, on_failure: {fallback: r}}\n"
		   "      r: {run: x, fallback_only: true, matrix: {v: [1, 2]}}\n", "j",
		   "j/a: <j {else=j/r[*]}\n"
		   "<j/r[*]: <j ~j/a:done {stand-in}\n"
		   "j/r[1]: <j/r[*]\n"
		   "j/r[2]: <j/r[*]\n"
		   "j/r[*]> j/r[1] j/r[2]\n"
		   "j> j/a j/r[*]\n"
		   "run> j\n");
}

/* --- composites ---------------------------------------------------------------------------------------- */

static void stages_have_barriers_between_them(void **state)
{
	(void)state;
	expands_to("  a: {run: x}\n  b: {run: x}\n  c: {run: x}\n  d: {run: x}\n"
		   "  p:\n    stop_on_failure: true\n    stages:\n      - {name: one, jobs: [a, b]}\n"
		   "      - {name: two, jobs: [c], opens: ok}\n      - d\n", "p",
		   "a: <p\n"
		   "b: <p\n"
		   "p|1: <p a b\n"
		   "c: p|1\n"
		   "p|2: p|1 c:done\n"
		   "d: p|2\n"
		   "p> a b c d {stops}\n"
		   "run> p\n");
}

static void composites_hold_composites_and_jobs_with_steps(void **state)
{
	(void)state;
	expands_to("  a: {run: x}\n  b: {steps: {s: {run: x}}}\n  in: {stages: [a, b]}\n"
		   "  out: {stages: [in], success: \"failed < 2\"}\n", "out",
		   "<in: <out\n"
		   "a: <in\n"
		   "in|1: <in a:done\n"
		   "<b: in|1\n"
		   "b/s: <b\n"
		   "b> b/s\n"
		   "in> a b\n"
		   "out> in {asks-end}\n"
		   "run> out\n");
}

static void a_job_in_two_composites_waits_for_both(void **state)
{
	(void)state;
	expands_to("  a: {run: x}\n  p: {stages: [a]}\n  q: {stages: [a]}\n", "p q",
		   "a: <p <q\n"
		   "p> a\n"
		   "q> a\n"
		   "run> p q\n");
}

static void a_job_of_two_composites_that_follow_each_other_is_held_by_the_first(void **state)
{
	(void)state;
	expands_to("  x: {run: x}\n  p: {stages: [x]}\n  q: {stages: [x]}\n  all: {stages: [p, q]}\n", "all",
		   "<p: <all\n"
		   "x: <p\n"
		   "p> x\n"
		   "all|1: <all p:done\n"
		   "<q: all|1\n"
		   "q> x\n"
		   "all> p q\n"
		   "run> all\n");
}

static void composites_that_want_two_jobs_in_opposite_order_are_told_so(void **state)
{
	(void)state;
	is_refused("  x: {run: x}\n  y: {run: y}\n  p: {stages: [x, y]}\n  q: {stages: [y, x]}\n", "p q",
		   "the jobs wait for each other: x -> q -> y -> p -> x; "
		   "a job that several composites have starts when all of them let it; "
		   "who reads a file waits for who makes it");
}

static void what_members_need_from_outside_is_support_of_its_own(void **state)
{
	(void)state;
	expands_to("  s: {run: x}\n  t: {run: x}\n  a: {run: x, needs: [s]}\n  p: {stages: [a]}\n"
		   "  b: {run: x, needs: [t]}\n", "p b",
		   "s\n"
		   "needed> s {continue}\n"
		   "a: s <p\n"
		   "p> a\n"
		   "t\n"
		   "needed> t {continue}\n"
		   "b: t\n"
		   "run> needed p needed b\n");
}

/* --- loops --------------------------------------------------------------------------------------------- */

static void a_matrix_is_one_instance_for_each_combination(void **state)
{
	(void)state;
	expands_to("  j: {run: x, needs: [n], matrix: {a: [1, 2], b: [x, y], exclude: [{a: 2, b: x}], "
		   "include: [{b: z, a: 3}]}}\n  n: {run: x}\n", "j",
		   "n\n"
		   "needed> n {continue}\n"
		   "<j[*]: n\n"
		   "j[1,x]: <j[*]\n"
		   "j[1,y]: <j[*]\n"
		   "j[2,y]: <j[*]\n"
		   "j[3,z]: <j[*]\n"
		   "j[*]> j[1,x] j[1,y] j[2,y] j[3,z]\n"
		   "run> needed j[*]\n");
}

static void instances_of_a_job_with_steps_have_steps(void **state)
{
	(void)state;
	expands_to("  j: {matrix: {a: [1, 2]}, when: matrix.a > 1, steps: {s: {run: x}}}\n", "j",
		   "<j[1]: <j[*] {asks}\n"
		   "j[1]/s: <j[1]\n"
		   "j[1]> j[1]/s\n"
		   "<j[2]: <j[*] {asks}\n"
		   "j[2]/s: <j[2]\n"
		   "j[2]> j[2]/s\n"
		   "j[*]> j[1] j[2]\n"
		   "run> j[*]\n");
}

static void a_step_with_a_matrix_is_a_group_in_its_job(void **state)
{
	(void)state;
	expands_to("  j: {steps: {a: {run: x}, b: {run: x, needs: [a], matrix: {v: [1, 2]}}, c: {run: x, needs: [b]}}}\n",
		   "j",
		   "j/a: <j\n"
		   "<j/b[*]: <j j/a\n"
		   "j/b[1]: <j/b[*]\n"
		   "j/b[2]: <j/b[*]\n"
		   "j/b[*]> j/b[1] j/b[2]\n"
		   "j/c: <j j/b[*]\n"
		   "j> j/a j/b[*] j/c\n"
		   "run> j\n");
}

static void a_rule_about_needs_is_that_of_the_family(void **state)
{
	(void)state;
	expands_to("  a: {run: x}\n  b: {run: x}\n"
		   "  j: {run: x, needs: [a, b], needs_rule: any, matrix: {v: [1]}}\n", "a b j",
		   "a\nb\n<j[*]: a b {rule=1}\nj[1]: <j[*]\nj[*]> j[1]\nrun> a b j[*]\n");
}

static void instances_that_ask_how_needs_ended_have_them_themselves(void **state)
{
	(void)state;
	expands_to("  a: {run: x}\n  j: {run: x, needs: [a], when: \"failed()\", matrix: {v: [1, 2]}}\n", "a j",
		   "a\n"
		   "j[1]: a <j[*] {asks status}\n"
		   "j[2]: a <j[*] {asks status}\n"
		   "j[*]> j[1] j[2]\n"
		   "run> a j[*]\n");
	expands_to("  j: {steps: {a: {run: x}, b: {run: x, needs: [a], when: \"failed()\", matrix: {v: [1]}}}}\n", "j",
		   "j/a: <j\n"
		   "<j/b[*]: <j\n"
		   "j/b[1]: <j/b[*] j/a {asks status}\n"
		   "j/b[*]> j/b[1]\n"
		   "j> j/a j/b[*]\n"
		   "run> j\n");
}

static void foreach_goes_over_a_list_a_parameter_or_files(void **state)
{
	json_t *params = json_pack("{s:[s, s]}", "who", "ann", "bob");
	struct expand_case c;

	(void)state;
	expands_to("  j: {run: x, foreach: {v: [p, q]}}\n", "j", "j[p]: <j[*]\nj[q]: <j[*]\nj[*]> j[p] j[q]\nrun> j[*]\n");
	expands_to("  j: {run: x, foreach: {f: \"*.csv\"}}\n", "j",
		   "j[one]: <j[*]\nj[*.csv]: <j[*]\nj[*]> j[one] j[*.csv]\nrun> j[*]\n");
	c = case_expand("  j: {run: x, params: {who: {type: list}}, foreach: {v: \"${{ params.who }}\"}}\n", "j", params);
	case_must_expand(&c);
	CHECK_STR(c.dump.data, "j[ann]: <j[*]\nj[bob]: <j[*]\nj[*]> j[ann] j[bob]\nrun> j[*]\n");
	case_release(&c);
	json_decref(params);
}

static void note_loop(void *ctx, const struct job *j)
{
	buf_addf(ctx, "%s ", j->name);
}

static void whose_loop_it_is_is_told_before_it_is_worked_out(void **state)
{
	static const char text[] = "jobfile: 1\njobs:\n  a: {run: x, foreach: {v: [1]}}\n"
				   "  b: {steps: {s: {run: x, foreach: {v: [1]}}, t: {run: x, matrix: {v: [1]}}}}\n";
	static const char *const targets[] = {"a", "b"};
	struct buf told = BUF_INIT;
	const struct expr_world world = {.ctx = &told};
	const struct expand_options o = {.target = targets, .n_targets = 2, .world = &world, .loops_of = note_loop};
	struct diags *d = diags_new();
	struct jobfile *jf = jobfile_load_text("J", text, sizeof(text) - 1, "/", d);
	struct expansion *x = expansion_build(jf, &o, d);

	(void)state;
	CHECK(x != NULL);
	CHECK_STR(told.data, "a b ");
	expansion_free(x);
	jobfile_free(jf);
	diags_free(d);
	buf_release(&told);
}

static void a_loop_over_nothing_has_no_instances(void **state)
{
	(void)state;
	expands_to("  j: {run: x, foreach: {v: []}}\n", "j", "j[*]>\nrun> j[*]\n");
	expands_to("  j: {stages: [k], foreach: {v: []}}\n  k: {run: x}\n", "j", "j[*]>\nrun> j[*]\n");
}

static void a_loop_over_no_list_is_said_once(void **state)
{
	(void)state;
	is_refused("  j: {run: x, params: {n: {type: int}}, foreach: {v: \"${{ 1 + 2 }}\"}}\n"
		   "  b: {run: x, needs: [j]}\n  c: {run: x, needs: [j]}\n", "b c j", "foreach needs a list");
	is_refused("  a: {run: x, provides: [l]}\n  j: {run: x, needs: [a], foreach: {v: \"${{ needs.a.l }}\"}}\n", "j",
		   "foreach over 'needs', which exists only while the run is under way, is not supported yet");
}

static void a_step_that_loops_over_a_result_is_a_gate_until_it_begins(void **state)
{
	(void)state;
	expands_to("  j: {steps: {a: {run: x, provides: [l]}, b: {run: x, needs: [a], "
		   "foreach: {v: \"${{ steps.a.l }}\"}}}}\n", "j",
		   "j/a: <j\n"
		   "<j/b[*]: <j j/a {asks}\n"
		   "j/b[*]>\n"
		   "j> j/a j/b[*]\n"
		   "run> j\n");
}

static void two_instances_of_one_name_are_refused(void **state)
{
	(void)state;
	is_refused("  j: {run: x, foreach: {v: [a, b, a]}}\n", "j", "two instances are called '[a]'");
	is_refused("  j: {run: x, matrix: {v: [1, 2], include: [{v: 2}]}}\n", "j", "two instances are called '[2]'");
}

static void a_limit_is_a_pool_or_the_instance_so_many_places_before(void **state)
{
	(void)state;
	expands_to("  j: {run: x, foreach: {v: [1, 2, 3], max_parallel: 2, fail_fast: true}}\n", "j",
		   "j[1]: <j[*] {pool=j:2}\n"
		   "j[2]: <j[*] {pool=j:2}\n"
		   "j[3]: <j[*] {pool=j:2}\n"
		   "j[*]> j[1] j[2] j[3] {stops-at-once}\n"
		   "run> j[*]\n");
	expands_to("  j: {steps: [{id: s, run: x}], foreach: {v: [1, 2, 3], max_parallel: 2}}\n", "j",
		   "<j[1]: <j[*]\n"
		   "j[1]/s: <j[1]\n"
		   "j[1]> j[1]/s\n"
		   "<j[2]: <j[*]\n"
		   "j[2]/s: <j[2]\n"
		   "j[2]> j[2]/s\n"
		   "<j[3]: <j[*] ~j[1]:any\n"
		   "j[3]/s: <j[3]\n"
		   "j[3]> j[3]/s\n"
		   "j[*]> j[1] j[2] j[3]\n"
		   "run> j[*]\n");
	/* no limit is one that nobody reaches */
	expands_to("  j: {run: x, foreach: {v: [1], max_parallel: 4000000000}}\n", "j",
		   "j[1]: <j[*]\nj[*]> j[1]\nrun> j[*]\n");
}

/* --- calls --------------------------------------------------------------------------------------------- */

static void each_call_is_an_instance_of_its_own(void **state)
{
	(void)state;
	expands_to("  k: {params: {p: {type: string}}, steps: {s: {run: x}}}\n"
		   "  j: {steps: [{id: a, job: k, params: {p: 1}}, {id: b, job: k}]}\n", "j",
		   "<call j/a: <j {asks}\n"
		   "<j/a: <call j/a\n"
		   "j/a/s: <j/a\n"
		   "j/a> j/a/s\n"
		   "call j/a> j/a\n"
		   "<call j/b: <j call j/a {asks}\n"
		   "<j/b: <call j/b\n"
		   "j/b/s: <j/b\n"
		   "j/b> j/b/s\n"
		   "call j/b> j/b\n"
		   "j> call j/a call j/b\n"
		   "run> j\n");
}

static void calls_nest_and_what_the_called_need_is_shared(void **state)
{
	(void)state;
	expands_to("  n: {run: x}\n  k: {run: x, needs: [n]}\n  m: {steps: {c: {job: k}}}\n"
		   "  j: {steps: {a: {job: m}, b: {job: k}}}\n", "j",
		   "n\n"
		   "needed> n {continue}\n"
		   "<call j/a: <j {asks}\n"
		   "<j/a: <call j/a\n"
		   "<call j/a/c: <j/a {asks}\n"
		   "j/a/c: n <call j/a/c\n"
		   "call j/a/c> j/a/c\n"
		   "j/a> call j/a/c\n"
		   "call j/a> j/a\n"
		   "<call j/b: <j {asks}\n"
		   "j/b: n <call j/b\n"
		   "call j/b> j/b\n"
		   "j> call j/a call j/b\n"
		   "run> needed j\n");
}

static void a_call_in_a_matrix_and_of_a_matrix(void **state)
{
	(void)state;
	expands_to("  k: {run: x, matrix: {w: [8, 9]}}\n  j: {steps: {c: {job: k, matrix: {v: [1, 2]}}}}\n", "j",
		   "<j/c[*]: <j\n"
		   "<call j/c[1]: <j/c[*] {asks}\n"
		   "<k[*]: <call j/c[1]\n"
		   "j/c[1][8]: <k[*]\n"
		   "j/c[1][9]: <k[*]\n"
		   "k[*]> j/c[1][8] j/c[1][9]\n"
		   "call j/c[1]> k[*]\n"
		   "<call j/c[2]: <j/c[*] {asks}\n"
		   "<k[*]: <call j/c[2]\n"
		   "j/c[2][8]: <k[*]\n"
		   "j/c[2][9]: <k[*]\n"
		   "k[*]> j/c[2][8] j/c[2][9]\n"
		   "call j/c[2]> k[*]\n"
		   "j/c[*]> call j/c[1] call j/c[2]\n"
		   "j> j/c[*]\n"
		   "run> j\n");
}

static void a_job_may_be_nothing_but_a_call(void **state)
{
	(void)state;
	expands_to("  k: {run: x}\n  j: {job: k, matrix: {v: [1, 2]}}\n", "j",
		   "<call j[1]: <j[*] {asks}\n"
		   "j[1]: <call j[1]\n"
		   "call j[1]> j[1]\n"
		   "<call j[2]: <j[*] {asks}\n"
		   "j[2]: <call j[2]\n"
		   "call j[2]> j[2]\n"
		   "j[*]> call j[1] call j[2]\n"
		   "run> j[*]\n");
}

static void a_loop_over_what_a_call_gives_is_refused(void **state)
{
	(void)state;
	is_refused("  k: {run: x, params: {l: {type: list, default: [a]}}, foreach: {v: \"${{ params.l }}\"}}\n"
		   "  j: {steps: {c: {job: k, params: {l: [b, c]}}}}\n", "j",
		   "params has no 'l' (write params.l? if it may be absent); "
		   "job 'k' loops over 'l', which a call cannot give yet");
}

/* --- artifacts ----------------------------------------------------------------------------------------- */

static void who_consumes_waits_for_who_provides(void **state)
{
	(void)state;
	expands_to("  j: {steps: {a: {run: x, consumes: [v]}, b: {run: x, provides: [v]}}}\n", "j",
		   "j/b: <j\n"
		   "j/a: <j j/b\n"
		   "j> j/a j/b\n"
		   "run> j\n");
	expands_to("  p: {steps: {b: {run: x, provides: [v]}}}\n  j: {steps: {a: {run: x, consumes: [v]}}}\n"
		   "  k: {run: x, consumes: [v]}\n", "j k",
		   "p/b: <p\n"
		   "p> p/b\n"
		   "needed> p {continue}\n"
		   "j/a: <j p\n"
		   "j> j/a\n"
		   "k: p\n"
		   "run> needed j k\n");
}

static void an_artifact_is_found_in_the_own_job_and_then_elsewhere(void **state)
{
	struct expand_case c = case_expand(
		"  p: {steps: {a: {run: x}, b: {run: x, provides: [v]}}}\n"
		"  q: {run: x, provides: [w]}\n"
		"  j: {steps: {s: {run: x, consumes: [v, w, u]}, t: {run: x, provides: [u]}}}\n", "j", NULL);
	static const struct {
		const char *artifact, *unit;
	} want[] = {{"v", "p/b"}, {"w", "q"}, {"u", "j/t"}};
	uint32_t scope = SCOPE_NONE;
	const char *field;

	(void)state;
	case_must_expand(&c);
	for (uint32_t s = 0; s < c.x->n_scopes; s++)
		if (!strcmp(c.x->scope[s].job->name, "j"))
			scope = s;
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		struct buf name = BUF_INIT;

		expansion_unit_name(c.x, expansion_find_artifact(c.x, scope, want[i].artifact, &field), &name);
		CHECK_STR(name.data, want[i].unit);
		CHECK_STR(field, want[i].artifact);
		buf_release(&name);
	}
	CHECK_INT(expansion_find_artifact(c.x, scope, "nothing", &field), UNIT_NONE);
	case_release(&c);
}

/* --- targets ------------------------------------------------------------------------------------------- */

static void a_target_may_be_an_instance_or_a_pattern(void **state)
{
	const char *jobs = "  in_a: {run: x}\n  in_b: {run: x}\n  f: {run: x, matrix: {v: [1, 2]}}\n";

	(void)state;
	expands_to(jobs, "f[2]", "f[2]\nrun> f[2]\n");
	expands_to(jobs, "in_*", "in_a\nin_b\nrun> in_a in_b\n");
}

static void a_target_that_is_a_step_is_noted_as_asked_for(void **state)
{
	struct expand_case c = case_expand("  k: {steps: {s: {run: x}}}\n  j: {steps: {a: {job: k}, s: {run: x}}}\n"
					   "  f: {matrix: {v: [1, 2]}, steps: {s: {run: x}}}\n",
					   "j k/s f[2]/s f/s", NULL);
	static const char *const want[] = {"k/s", "f[2]/s", "f[1]/s", "f[2]/s"};

	(void)state;
	case_must_expand(&c);
	CHECK_INT(c.x->n_targets, 4);
	CHECK_INT(c.x->n_step_targets, 3);
	CHECK_INT(c.x->n_asked_steps, ARRAY_LEN(want));
	for (size_t i = 0; i < c.x->n_asked_steps; i++) {
		struct buf name = BUF_INIT;

		expansion_unit_name(c.x, c.x->asked_step[i], &name);
		CHECK_STR(name.data, want[i]);
		buf_release(&name);
	}
	case_release(&c);
}

static void a_wrong_target_is_refused_with_what_was_perhaps_meant(void **state)
{
	const char *jobs = "  ingest: {steps: {load: {run: x}}}\n  f: {run: x, matrix: {v: [1, 2]}}\n";

	(void)state;
	is_refused(jobs, "ingst", "there is no job 'ingst'; did you mean 'ingest'?");
	is_refused(jobs, "zzzzzzzz", "there is no job 'zzzzzzzz'; no step makes a file of that name either; `orchmake list` shows what there is");
	is_refused(jobs, "x*", "there is no job 'x*'; no step makes a file of that name either; `orchmake list` shows what there is");
	is_refused(jobs, "ingest/laod", "'ingest/laod': job 'ingest' has no step 'laod'; did you mean 'ingest/load'?");
	is_refused(jobs, "f/s", "'f/s': job 'f' has no step 's'");
	is_refused(jobs, "f[3]", "job 'f' has no instance [3]; `orchmake show f` lists them");
	is_refused(jobs, "ingest[3]", "job 'ingest' has no instance [3]; `orchmake show ingest` lists them");
	is_refused(jobs, "f[1]x", "there is no job 'f[1]x'; no step makes a file of that name either; `orchmake list` shows what there is");
	is_refused(jobs, "f[1", "there is no job 'f[1'; did you mean 'f'?");
}

static void names_of_the_command_line_find_units(void **state)
{
	struct expand_case c = case_expand("  f: {matrix: {v: [1, 2]}, steps: {s: {run: x}}}\n  fo: {run: x}\n", "f fo", NULL);
	static const struct {
		const char *name;
		size_t n;
	} want[] = {{"f", 2}, {"fo", 1}, {"f[1]", 1}, {"f[1]/s", 1}, {"*/s", 2}, {"f*", 3}, {"s", 0}, {"", 0}};

	(void)state;
	case_must_expand(&c);
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		uint32_t *unit;

		CHECK_INT(expansion_match(c.x, want[i].name, &unit), want[i].n);
		free(unit);
	}
	case_release(&c);
}

/* --- size ---------------------------------------------------------------------------------------------- */

enum { STACK_BYTES = 256 * 1024, SECONDS = 120, MANY_UNITS = 50000 };

/* Expand in a child that has little stack and little time; the number of units, or 0. */
static void is_quick_and_flat(const struct buf *text, const char *target, uint32_t least_units)
{
	const struct rlimit stack = {STACK_BYTES, STACK_BYTES}, cpu = {SECONDS, SECONDS};
	pid_t pid;
	int status = -1;

	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		const struct expand_options o = {.target = &target, .n_targets = 1};
		struct diags *d = diags_new();
		struct jobfile *jf = jobfile_load_text("J", text->data, text->len, "/", d);
		struct expansion *x;
		int64_t start = stamp_mono_ns();
		bool good;

		(void)setrlimit(RLIMIT_STACK, &stack);
		(void)setrlimit(RLIMIT_CPU, &cpu);
		x = jf ? expansion_build(jf, &o, d) : NULL;
		if (getenv("TEST_VERBOSE"))
			fprintf(stderr, "# %s: %u units, %lld ms\n", target, x ? x->graph->n_units : 0,
				(long long)((stamp_mono_ns() - start) / NS_PER_MS));
		good = x && x->graph->n_units >= least_units;
		expansion_free(x);
		jobfile_free(jf);
		diags_free(d);
		_exit(good ? 0 : 1);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	CHECK_INT(status, 0);
}

static void a_long_chain_of_needs_costs_no_stack(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	buf_puts(&text, "jobfile: 1\njobs:\n  j0: {noop: true}\n");
	for (int i = 1; i < 4 * MANY_UNITS; i++)
		buf_addf(&text, "  j%d: {noop: true, needs: [j%d]}\n", i, i - 1);
	is_quick_and_flat(&text, "j199999", 4 * MANY_UNITS);
	buf_release(&text);
}

static void a_hundred_thousand_instances_are_quick(void **state)
{
	struct buf text = BUF_INIT;

	(void)state;
	buf_puts(&text, "jobfile: 1\njobs:\n  j:\n    run: x\n    matrix:\n      a: [0");
	for (int i = 1; i < 2 * MANY_UNITS / 100; i++)
		buf_addf(&text, ", %d", i);
	buf_puts(&text, "]\n      b: [0");
	for (int i = 1; i < 100; i++)
		buf_addf(&text, ", %d", i);
	buf_puts(&text, "]\n  k:\n    needs:\n");
	for (int i = 0; i < 2000; i++)
		buf_addf(&text, "      - \"j[%d,7]\"\n", i % 1000);
	buf_puts(&text, "    run: x\n  all: {run: x, needs: [j, k]}\n");
	is_quick_and_flat(&text, "all", 2 * MANY_UNITS);
	buf_release(&text);
}

static void many_calls_and_many_consumers_are_quick(void **state)
{
	enum { CALLS = 10000 };
	struct buf text = BUF_INIT;

	(void)state;
	buf_puts(&text, "jobfile: 1\njobs:\n  k: {noop: true}\n  calls:\n    steps:\n");
	for (int i = 0; i < CALLS; i++)
		buf_addf(&text, "      s%d: {job: k}\n", i);
	for (int i = 0; i < CALLS; i++)
		buf_addf(&text, "  p%d: {run: x, provides: [v%d]}\n  c%d: {run: x, consumes: [v%d]}\n", i, i, i, i);
	buf_puts(&text, "  all:\n    stages:\n      - {name: a, jobs: [\"c[0-9]*\"]}\n      - calls\n");
	is_quick_and_flat(&text, "all", 5 * CALLS);
	buf_release(&text);
}

/* --- files ------------------------------------------------------------------------------------------ */

static void who_reads_a_file_waits_for_who_makes_it(void **state)
{
	(void)state;
	expands_to("  c: {run: x, inputs: [./out//f]}\n  m: {run: x, outputs: [out/f]}\n", "c",
		   "m {asks}\n"
		   "needed> m {continue}\n"
		   "c: m {asks}\n"
		   "run> needed c\n");
	expands_to("  c: {run: x, inputs: [out]}\n  m: {run: x, outputs: [out/f]}\n", "c m",
		   "m {asks}\n"
		   "needed> m {continue}\n"
		   "c: m {asks}\n"
		   "run> needed c m\n");
	expands_to("  j: {steps: {c: {run: x, inputs: [\"*.o\"]}, m: {run: x, outputs: [a.o]}}}\n", "j",
		   "j/m: <j {asks}\n"
		   "j/c: <j j/m {asks}\n"
		   "j> j/c j/m\n"
		   "run> j\n");
}

static void of_many_instances_only_those_are_made_that_are_read(void **state)
{
	static const char jobs[] = "  m: {matrix: {n: [a, b]}, run: x, outputs: [\"${{ matrix.n }}.o\"]}\n"
				   "  c: {run: x, inputs: [b.o]}\n";

	(void)state;
	expands_to(jobs, "c",
		   "m[b] {asks}\n"
		   "needed> m[b] {continue}\n"
		   "c: m[b] {asks}\n"
		   "run> needed c\n");
	expands_to(jobs, "a.o", "m[a] {asks}\nrun> m[a]\n");
}

static void jobs_that_make_files_for_each_other_are_no_circle_if_their_steps_are_none(void **state)
{
	static const char jobs[] = "  a: {steps: {one: {run: x, outputs: [f]}, two: {run: x, inputs: [g]}}}\n"
				   "  b: {run: x, inputs: [f], outputs: [g]}\n";

	(void)state;
	expands_to(jobs, "a",
		   "a/one: <a {asks}\n"
		   "b: a/one {asks}\n"
		   "needed> b {continue}\n"
		   "a/two: <a b {asks}\n"
		   "a> a/one a/two\n"
		   "run> needed a\n");
	is_refused("  a: {run: x, inputs: [g], outputs: [f]}\n  b: {run: x, inputs: [f], outputs: [g]}\n", "a",
		   "the jobs wait for each other: b -> a -> b; "
		   "a job that several composites have starts when all of them let it; "
		   "who reads a file waits for who makes it");
}

static void a_file_has_one_maker_also_where_names_are_worked_out(void **state)
{
	(void)state;
	is_refused("  m: {matrix: {n: [1, 2]}, run: x, outputs: [\"${{ matrix.n > 0 }}\"]}\n", "m",
		   "'true' is made by 'm[1]' and by 'm[2]'; a file has one maker");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(needs_bring_their_jobs_which_are_no_targets),
		cmocka_unit_test(a_need_can_ask_for_another_end),
		cmocka_unit_test(without_targets_the_default_or_else_the_first_job_is_taken),
		cmocka_unit_test(a_job_that_is_needed_and_asked_for_is_there_once),
		cmocka_unit_test(needs_rule_counts_the_needs),
		cmocka_unit_test(after_is_an_order_among_what_is_there),
		cmocka_unit_test(a_job_may_need_one_that_is_called_like_its_own_step),
		cmocka_unit_test(a_step_needs_a_step_of_another_job),
		cmocka_unit_test(a_need_names_an_instance_or_a_step_in_it_or_in_all),
		cmocka_unit_test(an_instance_that_is_needed_by_name_is_the_one_of_the_family),
		cmocka_unit_test(an_instance_that_a_loop_does_not_have_cannot_be_needed),
		cmocka_unit_test(a_list_of_steps_runs_in_order_and_a_map_by_needs),
		cmocka_unit_test(conditions_and_policies_are_where_they_belong),
		cmocka_unit_test(finally_comes_after_everything_else_of_its_job),
		cmocka_unit_test(a_fallback_stands_in_for_its_step),
		cmocka_unit_test(the_instances_of_a_fallback_stand_in_together),
		cmocka_unit_test(stages_have_barriers_between_them),
		cmocka_unit_test(composites_hold_composites_and_jobs_with_steps),
		cmocka_unit_test(a_job_in_two_composites_waits_for_both),
		cmocka_unit_test(a_job_of_two_composites_that_follow_each_other_is_held_by_the_first),
		cmocka_unit_test(composites_that_want_two_jobs_in_opposite_order_are_told_so),
		cmocka_unit_test(what_members_need_from_outside_is_support_of_its_own),
		cmocka_unit_test(a_matrix_is_one_instance_for_each_combination),
		cmocka_unit_test(instances_of_a_job_with_steps_have_steps),
		cmocka_unit_test(a_step_with_a_matrix_is_a_group_in_its_job),
		cmocka_unit_test(a_rule_about_needs_is_that_of_the_family),
		cmocka_unit_test(instances_that_ask_how_needs_ended_have_them_themselves),
		cmocka_unit_test(foreach_goes_over_a_list_a_parameter_or_files),
		cmocka_unit_test(whose_loop_it_is_is_told_before_it_is_worked_out),
		cmocka_unit_test(a_loop_over_nothing_has_no_instances),
		cmocka_unit_test(a_loop_over_no_list_is_said_once),
		cmocka_unit_test(a_step_that_loops_over_a_result_is_a_gate_until_it_begins),
		cmocka_unit_test(two_instances_of_one_name_are_refused),
		cmocka_unit_test(a_limit_is_a_pool_or_the_instance_so_many_places_before),
		cmocka_unit_test(each_call_is_an_instance_of_its_own),
		cmocka_unit_test(calls_nest_and_what_the_called_need_is_shared),
		cmocka_unit_test(a_call_in_a_matrix_and_of_a_matrix),
		cmocka_unit_test(a_job_may_be_nothing_but_a_call),
		cmocka_unit_test(a_loop_over_what_a_call_gives_is_refused),
		cmocka_unit_test(who_consumes_waits_for_who_provides),
		cmocka_unit_test(an_artifact_is_found_in_the_own_job_and_then_elsewhere),
		cmocka_unit_test(a_target_may_be_an_instance_or_a_pattern),
		cmocka_unit_test(a_target_that_is_a_step_is_noted_as_asked_for),
		cmocka_unit_test(a_wrong_target_is_refused_with_what_was_perhaps_meant),
		cmocka_unit_test(names_of_the_command_line_find_units),
		cmocka_unit_test(a_long_chain_of_needs_costs_no_stack),
		cmocka_unit_test(a_hundred_thousand_instances_are_quick),
		cmocka_unit_test(many_calls_and_many_consumers_are_quick),
		cmocka_unit_test(who_reads_a_file_waits_for_who_makes_it),
		cmocka_unit_test(of_many_instances_only_those_are_made_that_are_read),
		cmocka_unit_test(jobs_that_make_files_for_each_other_are_no_circle_if_their_steps_are_none),
		cmocka_unit_test(a_file_has_one_maker_also_where_names_are_worked_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
