/* Plans: variables, size, and the lists that plans stand on. */
#include <sys/resource.h>

#include "base/bug.h"
#include "check.h"
#include "job/jobfile.h"
#include "job/outcome.h"
#include "job/plan_keys.h"
#include "run/schedule.h"

/* --- loading ------------------------------------------------------------------------------------ */

struct loaded {
	struct jobfile *jf;
	struct diags *d;
	struct buf said;
};

static struct loaded load(const char *text, const struct jobfile_var *var, size_t n_vars, bool thorough)
{
	struct loaded l = {.d = diags_new(), .said = BUF_INIT};
	const struct jobfile_where w = {.var = var, .n_vars = n_vars, .thorough = thorough};

	l.jf = jobfile_load_text_with(&w, "plan.json", text, strlen(text), ".", l.d);
	diags_format(l.d, &l.said, false);
	return l;
}

static void loaded_release(struct loaded *l)
{
	jobfile_free(l->jf);
	diags_free(l->d);
	buf_release(&l->said);
}

/* A plan of one step, whose keys are given with ' for ". */
static char *one_step(const char *keys)
{
	char *text = xasprintf("{'plan_id': 'p', 'version': '1', 'globals': {}, 'steps': [{'id': 'a', %s}]}", keys);

	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	return text;
}

static const char *word(const struct jobfile *jf, size_t i)
{
	return json_string_value(value_const(jf->job[0]->step[0].t.act->argv.value[i]));
}

/* What becomes of one argument. */
static void check_filled(const char *argument, const struct jobfile_var *var, size_t n_vars, const char *wanted)
{
	char *keys = xasprintf("'command': 'x', 'args': ['%s']", argument), *text = one_step(keys);
	struct loaded l = load(text, var, n_vars, false);

	if (!l.jf)
		fail_msg("refused: %s", l.said.data);
	CHECK_STR(word(l.jf, 1), wanted);
	loaded_release(&l);
	free(text);
	free(keys);
}

/* --- variables ---------------------------------------------------------------------------------- */

static void variables_are_replaced_once_one_is_given(void **state)
{
	static const struct jobfile_var vars[] = {
		{"WHO", "world", false}, {"Q", "a\"}],$WHO ${WHO} $$\\", false}, {"E", "one", false}, {"E", "", false},
	};
	static const struct {
		const char *argument, *with, *without;
	} cases[] = {
		{"${WHO}", "world", "${WHO}"},
		{"$WHO!", "world!", "$WHO!"},
		{"a${WHO}b$WHO", "aworldbworld", "a${WHO}b$WHO"},
		{"$$", "$", "$$"},
		{"$$$$WHO", "$$WHO", "$$$$WHO"},
		{"$$WHO", "$WHO", "$$WHO"},
		{"$who ${who} $WHOM", "$who ${who} $WHOM", "$who ${who} $WHOM"},
		{"$1 ${} ${9x} $ ${WHO", "$1 ${} ${9x} $ ${WHO", "$1 ${} ${9x} $ ${WHO"},
		{"${WHO-x} ${ WHO }", "${WHO-x} ${ WHO }", "${WHO-x} ${ WHO }"},
		{"[${E}]", "[]", "[${E}]"},
		{"${Q}", "a\"}],$WHO ${WHO} $$\\", "${Q}"}, /* data is data */
		{"${{ WHO }}", "${{ WHO }}", "${{ WHO }}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		check_filled(cases[i].argument, vars, ARRAY_LEN(vars), cases[i].with);
		check_filled(cases[i].argument, NULL, 0, cases[i].without);
	}
}

static void a_variable_may_stand_for_a_number(void **state)
{
	static const struct jobfile_var vars[] = {{"T", "2.5", false}, {"N", "3", false}, {"B", "false", false}};
	char *text = one_step("'command': 'x', 'timeout_sec': '${T}', 'retries': '${N}', 'critical': '$B'");
	struct loaded l = load(text, vars, ARRAY_LEN(vars), false);
	const struct traits *t;

	(void)state;
	CHECK_STR(l.said.data, "");
	t = &l.jf->job[0]->step[0].t;
	CHECK_INT(t->policy->timeout_ms, 2500);
	CHECK_INT(t->policy->retry->pace.max, 3);
	CHECK(!t->policy->critical);
	loaded_release(&l);
	free(text);
}

static void a_text_does_not_stand_for_a_number(void **state)
{
	static const struct jobfile_var vars[] = {{"T", "soon", false}};
	char *text = one_step("'command': 'x', 'timeout_sec': '${T}', 'retries': '2'");
	struct loaded l = load(text, vars, ARRAY_LEN(vars), false);

	(void)state;
	CHECK(!l.jf);
	CHECK(strstr(l.said.data, "'timeout_sec' must be a number of seconds from 0, not 'soon'"));
	CHECK(strstr(l.said.data, "'retries' must be a whole number from 0 to 1000000, not '2'"));
	loaded_release(&l);
	free(text);
}

/* A value cannot become part of the condition's grammar. */
static void a_variable_in_a_condition_is_data(void **state)
{
	static const struct jobfile_var vars[] = {{"X", "' == '' || 'y' == 'y", false}};
	char *text = xstrdup("{\"plan_id\": \"p\", \"version\": \"1\", \"globals\": {}, \"steps\": ["
			     "{\"id\": \"a\", \"command\": \"x\", \"condition\": \"env.A == '${X}' && var.X != 'z'\"}]}");
	struct loaded l = load(text, vars, ARRAY_LEN(vars), false);

	(void)state;
	CHECK_STR(l.said.data, "");
	CHECK_STR(expr_text(l.jf->job[0]->step[0].t.policy->when.at[0].expr),
		  "(env.A ?? '') == \"' == '' || 'y' == 'y\" && (params.X ?? '') != 'z'");
	loaded_release(&l);
	free(text);
}

static void variables_without_a_value_are_told_to_who_looks_closely(void **state)
{
	static const struct jobfile_var vars[] = {{"GIVEN", "x", true}, {"UNUSED", "y", true}, {"OTHER", "z", false}};
	char *text = one_step("'command': 'x', 'args': ['${NOPE} $HOME ${GIVEN}']");
	struct loaded quiet = load(text, vars, 1, false), close = load(text, vars, ARRAY_LEN(vars), true);

	(void)state;
	CHECK_STR(quiet.said.data, "");
	CHECK(strstr(close.said.data, "warning: variable 'NOPE' has no value"));
	CHECK(strstr(close.said.data, "warning: the plan has no variable 'UNUSED'"));
	CHECK(!strstr(close.said.data, "variable 'HOME'"));
	CHECK(!strstr(close.said.data, "'OTHER'"));
	CHECK(param_find(&close.jf->job[0]->params, "NOPE") != NULL);
	CHECK(param_find(&close.jf->job[0]->params, "GIVEN") != NULL);
	loaded_release(&quiet);
	loaded_release(&close);
	free(text);
}

/* --- width -------------------------------------------------------------------------------------- */

static void a_plan_says_how_many_slots_it_takes(void **state)
{
	struct loaded l = load("{\"plan_id\": \"p\", \"version\": \"1\", \"globals\": {\"max_concurrency\": 7}, \"steps\": []}",
			       NULL, 0, false);
	const char *const targets[] = {"p/a", "q"};

	(void)state;
	CHECK_INT(jobfile_width(l.jf, NULL, 0), 7);
	CHECK_INT(jobfile_width(l.jf, targets, 2), 7);
	CHECK_INT(jobfile_width(l.jf, targets + 1, 1), 0);
	CHECK_INT(l.jf->pool[0].slots, 7);
	loaded_release(&l);
}

/* --- size --------------------------------------------------------------------------------------- */

enum {
	MANY = 50000,
#ifdef __SANITIZE_ADDRESS__
	ROOM_KIB_EACH = 20, /* with what the sanitizer puts around everything */
#else
	ROOM_KIB_EACH = 6,
#endif
};

/* Steps in a few long chains, each with every kind of reference. */
static void add_step(struct buf *out, int i)
{
	buf_addf(out, "%s{\"id\": \"s%d\", \"command\": \"true\", \"args\": [\"%d\", \"${V}\"], \"provides\": [\"p%d\"], "
		 "\"tags\": [\"t\"], \"ui_hints\": {\"group\": \"g\", \"weight\": %d}", i ? ",\n" : "", i, i, i, i);
	if (i >= 4)
		buf_addf(out, ", \"depends_on\": [\"s%d\", \"s%d\"], \"consumes\": [\"p%d\"], "
			 "\"condition\": \"prev.s%d.status == 'success'\"", i - 4, i - 3, i - 2, i - 4);
	buf_puts(out, "}");
}

static char *many_steps(int n)
{
	struct buf out = BUF_INIT;

	buf_puts(&out, "{\"plan_id\": \"p\", \"steps\": [");
	for (int i = 0; i < n; i++)
		add_step(&out, i);
	buf_puts(&out, "], \"globals\": {\"default_retries\": 2, \"max_concurrency\": 4}, \"version\": \"1\"}");
	return buf_detach(&out);
}

static long peak_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Anything quadratic would take minutes here. */
static void a_large_plan_costs_by_its_steps(void **state)
{
	static const struct jobfile_var vars[] = {{"V", "v", false}};
	char *text = many_steps(MANY);
	long before = peak_kib();
	double start = seconds();
	struct loaded l = load(text, vars, 1, true);

	(void)state;
	CHECK_STR(l.said.data, "");
	CHECK_INT(l.jf->job[0]->n_steps, MANY);
	CHECK_INT(l.jf->job[0]->step[MANY - 1].t.n_needs, 3);
	CHECK_INT(l.jf->job[0]->step[0].t.policy->retry->pace.max, 2);
	CHECK_STR(step_find(l.jf->job[0], "s49999")->id, "s49999");
	CHECK(peak_kib() - before < (long)MANY * ROOM_KIB_EACH);
	CHECK(seconds() - start < 60);
	loaded_release(&l);
	free(text);
}

/* --- lists of truth ------------------------------------------------------------------------------- */

static void every_state_has_an_outcome(void **state)
{
	static const char *const outcomes[] = {"pending", "running", "succeeded", "failed", "skipped", "canceled"};

	(void)state;
	for (enum state s = 0; s < STATE_COUNT; s++) {
		const char *outcome = outcome_of(state_word(s));
		bool known = false;

		for (size_t i = 0; outcome && i < ARRAY_LEN(outcomes); i++)
			known |= !strcmp(outcome, outcomes[i]);
		if (!known)
			fail_msg("state '%s' has the outcome '%s'", state_word(s), outcome ? outcome : "(none)");
		CHECK(!state_is_failure(s) || !strcmp(outcome, "failed"));
	}
	CHECK(!outcome_of("succeded"));
}

static void the_schema_has_every_key_where_it_belongs(void **state)
{
	json_t *schema = plan_schema_json(), *defs = json_object_get(schema, "$defs");
	json_t *of_scope[] = {schema, json_object_get(defs, "globals"), json_object_get(defs, "step"),
			      json_object_get(defs, "ui_hints"), json_object_get(defs, "step_def"),
			      json_object_get(defs, "breaker")};

	(void)state;
	for (enum plan_key k = 0; k < PLAN_KEY_COUNT; k++) {
		const struct plan_key_info *info = plan_key_info(k);
		json_t *properties = json_object_get(of_scope[info->scope], "properties");
		enum plan_key found;

		CHECK(json_object_get(json_object_get(properties, info->word), "description") != NULL);
		CHECK(plan_key_find(info->scope, info->word, &found));
		CHECK_INT(found, k);
	}
	json_decref(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_are_replaced_once_one_is_given),
		cmocka_unit_test(a_variable_may_stand_for_a_number),
		cmocka_unit_test(a_text_does_not_stand_for_a_number),
		cmocka_unit_test(a_variable_in_a_condition_is_data),
		cmocka_unit_test(variables_without_a_value_are_told_to_who_looks_closely),
		cmocka_unit_test(a_plan_says_how_many_slots_it_takes),
		cmocka_unit_test(a_large_plan_costs_by_its_steps),
		cmocka_unit_test(every_state_has_an_outcome),
		cmocka_unit_test(the_schema_has_every_key_where_it_belongs),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
