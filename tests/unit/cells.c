/* The instances of a matrix or a loop: how many, which values, what they are called. */
#include "base/buf.h"
#include "check.h"
#include "doc/json.h"
#include "job/cells.h"

struct matrix_case {
	struct arena *a;
	struct diags *d;
	struct matrix *m;
	json_t *doc;
	const struct cells *c;
};

/* axes: [["name", values], ...] */
static struct matrix_case of_matrix(const char *axes, const char *include, const char *exclude)
{
	struct matrix_case t = {.a = arena_new(), .d = diags_new()};
	struct buf text = BUF_INIT, err = BUF_INIT;
	json_t *axis;
	size_t i;

	buf_addf(&text, "[%s, %s, %s]", axes, include ? include : "null", exclude ? exclude : "null");
	t.doc = json_parse(text.data, text.len, &err);
	CHECK_STR(err.data, "");
	t.m = ARENA_NEW(t.a, struct matrix);
	t.m->n_axes = json_array_size(json_array_get(t.doc, 0));
	t.m->axis = arena_array(t.a, t.m->n_axes, sizeof(*t.m->axis));
	json_array_foreach (json_array_get(t.doc, 0), i, axis) {
		t.m->axis[i].name = json_string_value(json_array_get(axis, 0));
		t.m->axis[i].values = json_array_get(axis, 1);
	}
	t.m->include = include ? json_array_get(t.doc, 1) : NULL;
	t.m->exclude = exclude ? json_array_get(t.doc, 2) : NULL;
	t.c = cells_of_matrix(t.a, t.m, MARK_NONE, t.d);
	buf_release(&text);
	return t;
}

static struct matrix_case of_list(const char *text)
{
	struct matrix_case t = {.a = arena_new(), .d = diags_new()};
	struct buf err = BUF_INIT;

	t.c = cells_of_list(t.a, "v", json_parse(text, strlen(text), &err));
	CHECK_STR(err.data, "");
	return t;
}

static void release(struct matrix_case *t)
{
	arena_free(t->a);
	diags_free(t->d);
	json_decref(t->doc);
}

/* Labels and values, one cell behind the other. */
static void cells_are(struct matrix_case t, const char *labels, const char *values)
{
	struct buf got = BUF_INIT, all = BUF_INIT;

	for (uint32_t i = 0; i < cells_count(t.c); i++) {
		json_t *v = cells_at(t.c, i);

		buf_puts(&got, i ? " | " : "");
		cells_label(t.c, i, &got);
		json_text(&all, v, JSON_TIGHT);
		json_decref(v);
	}
	CHECK_STR(got.data, labels);
	if (values)
		CHECK_STR(all.data, values);
	buf_release(&got);
	buf_release(&all);
	release(&t);
}

static void the_last_axis_turns_fastest(void **state)
{
	(void)state;
	cells_are(of_matrix("[[\"a\", [1, 2]], [\"b\", [\"x\", \"y\"]]]", NULL, NULL), "1,x | 1,y | 2,x | 2,y",
		  "{\"a\":1,\"b\":\"x\"}{\"a\":1,\"b\":\"y\"}{\"a\":2,\"b\":\"x\"}{\"a\":2,\"b\":\"y\"}");
}

static void exclude_leaves_out_what_agrees_in_all_it_names(void **state)
{
	const char *axes = "[[\"a\", [1, 2]], [\"b\", [\"x\", \"y\"]]]";

	(void)state;
	cells_are(of_matrix(axes, NULL, "[{\"a\": 1, \"b\": \"y\"}]"), "1,x | 2,x | 2,y", NULL);
	cells_are(of_matrix(axes, NULL, "[{\"b\": \"x\"}]"), "1,y | 2,y", NULL);
	cells_are(of_matrix(axes, NULL, "[{\"b\": \"z\"}]"), "1,x | 1,y | 2,x | 2,y", NULL);
	cells_are(of_matrix(axes, NULL, "[{\"b\": \"x\"}, {\"b\": \"y\"}]"), "", NULL);
}

static void include_adds_cells_whose_label_is_in_the_order_of_the_axes(void **state)
{
	(void)state;
	cells_are(of_matrix("[[\"a\", [1]], [\"b\", [2]]]", "[{\"b\": 4, \"a\": 3}]", "[{\"a\": 1}]"), "3,4",
		  "{\"a\":3,\"b\":4}");
	cells_are(of_matrix("[]", "[{\"b\": 4, \"a\": 3}, {\"c\": [1, 2]}]", NULL), "4,3 | [1,2]",
		  "{\"b\":4,\"a\":3}{\"c\":[1,2]}");
}

static void a_loop_has_one_cell_for_each_value(void **state)
{
	(void)state;
	cells_are(of_list("[\"p\", 7, null, {\"k\": true}]"), "p | 7 |  | {\"k\":true}",
		  "{\"v\":\"p\"}{\"v\":7}{\"v\":null}{\"v\":{\"k\":true}}");
	cells_are(of_list("[]"), "", "");
}

static void a_cell_is_found_by_its_label(void **state)
{
	struct matrix_case t = of_matrix("[[\"a\", [1, 2]], [\"b\", [\"x\"]]]", "[{\"a\": 1, \"b\": \"z\"}]", NULL);

	(void)state;
	CHECK_INT(cells_find(t.c, "2,x"), 1);
	CHECK_INT(cells_find(t.c, "1,z"), 2);
	CHECK_INT(cells_find(t.c, "2"), CELL_NONE);
	CHECK_INT(cells_find(t.c, ""), CELL_NONE);
	release(&t);
	t = of_list("[]");
	CHECK_INT(cells_find(t.c, "x"), CELL_NONE);
	release(&t);
}

static void a_label_that_comes_again_is_noticed(void **state)
{
	struct matrix_case t = of_list("[\"a\", 1, \"1\"]");

	(void)state;
	CHECK_INT(cells_repeated(t.c), 2);
	CHECK_INT(cells_find(t.c, "1"), 1);
	CHECK_INT(cells_repeated(t.c), 2);
	release(&t);
	t = of_list("[\"a\", \"b\"]");
	CHECK_INT(cells_repeated(t.c), CELL_NONE);
	CHECK_INT(cells_repeated(t.c), CELL_NONE);
	release(&t);
}

static void a_matrix_of_too_many_instances_is_refused(void **state)
{
	struct buf axis = BUF_INIT, axes = BUF_INIT;
	struct matrix_case t;

	(void)state;
	for (int i = 0; i < 2100; i++)
		buf_addf(&axis, "%s%d", i ? "," : "", i);
	buf_addf(&axes, "[[\"a\", [%s]], [\"b\", [%s]]]", axis.data, axis.data);
	t = of_matrix(axes.data, NULL, NULL);
	CHECK(t.c == NULL);
	CHECK_STR(diags_at(t.d, 0)->text, "the matrix has more than 4000000 instances");
	buf_release(&axis);
	buf_release(&axes);
	release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_axis_turns_fastest),
		cmocka_unit_test(exclude_leaves_out_what_agrees_in_all_it_names),
		cmocka_unit_test(include_adds_cells_whose_label_is_in_the_order_of_the_axes),
		cmocka_unit_test(a_loop_has_one_cell_for_each_value),
		cmocka_unit_test(a_cell_is_found_by_its_label),
		cmocka_unit_test(a_label_that_comes_again_is_noticed),
		cmocka_unit_test(a_matrix_of_too_many_instances_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
