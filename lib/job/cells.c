#include "job/cells.h"

#include <string.h>

#include "base/bug.h"
#include "doc/json.h"

struct cells {
	const struct matrix *matrix; /* NULL: foreach */
	const char *name;	     /* foreach */
	json_t *list;		     /* foreach: its values */
	uint32_t *kept;		     /* which numbers of the product are not excluded; NULL: all */
	size_t n_product;	     /* cells that come from the product */
	size_t n;
};

size_t cells_count(const struct cells *c)
{
	return c->n;
}

/* Number of the product of all axes -> its value on axis i; the last axis turns fastest. */
static const json_t *axis_value(const struct matrix *m, size_t number, size_t i)
{
	for (size_t k = m->n_axes; --k > i;)
		number /= json_array_size(m->axis[k].values);
	return json_array_get(m->axis[i].values, number % json_array_size(m->axis[i].values));
}

static bool is_excluded(const struct matrix *m, size_t number)
{
	size_t at;
	json_t *rule;

	json_array_foreach (m->exclude, at, rule) {
		bool all = true;

		for (size_t i = 0; all && i < m->n_axes; i++) {
			const json_t *want = json_object_get(rule, m->axis[i].name);

			all = !want || json_equal(want, axis_value(m, number, i));
		}
		if (all)
			return true;
	}
	return false;
}

static void drop_excluded(struct arena *a, struct cells *c, size_t product)
{
	c->kept = arena_array(a, product, sizeof(*c->kept));
	c->n_product = 0;
	for (size_t i = 0; i < product; i++)
		if (!is_excluded(c->matrix, i))
			c->kept[c->n_product++] = (uint32_t)i;
}

struct cells *cells_of_matrix(struct arena *a, const struct matrix *m, struct mark at, struct diags *d)
{
	struct cells *c = ARENA_NEW(a, struct cells);
	size_t product = m->n_axes ? 1 : 0;

	c->matrix = m;
	for (size_t i = 0; i < m->n_axes; i++) {
		product *= json_array_size(m->axis[i].values);
		if (product > CELLS_MAX) {
			diag_error(d, at, "the matrix has more than %d instances", (int)CELLS_MAX);
			return NULL;
		}
	}
	c->n_product = product;
	if (m->exclude && json_array_size(m->exclude))
		drop_excluded(a, c, product);
	c->n = c->n_product + json_array_size(m->include);
	return c;
}

static void drop_list(void *list)
{
	json_decref(list);
}

struct cells *cells_of_list(struct arena *a, const char *name, json_t *list)
{
	struct cells *c = ARENA_NEW(a, struct cells);

	*c = (struct cells){.name = name, .list = list, .n = json_array_size(list)};
	arena_on_free(a, drop_list, list);
	return c;
}

json_t *cells_at(const struct cells *c, uint32_t cell)
{
	json_t *map;
	size_t number;

	BUG_UNLESS(cell < c->n);
	if (!c->matrix) {
		map = json_object();
		json_object_set(map, c->name, json_array_get(c->list, cell));
		return map;
	}
	if (cell >= c->n_product)
		return json_deep_copy(json_array_get(c->matrix->include, cell - c->n_product));
	map = json_object();
	number = c->kept ? c->kept[cell] : cell;
	for (size_t i = 0; i < c->matrix->n_axes; i++)
		json_object_set(map, c->matrix->axis[i].name,
				(json_t *)axis_value(c->matrix, number, i));
	return map;
}

void cells_label(const struct cells *c, uint32_t cell, struct buf *out)
{
	json_t *map = cells_at(c, cell), *value;
	const char *name, *comma = "";

	json_object_foreach (map, name, value) {
		buf_puts(out, comma);
		json_as_text(out, value);
		comma = ",";
	}
	json_decref(map);
}

uint32_t cells_find(const struct cells *c, const char *text)
{
	struct buf label = BUF_INIT;
	uint32_t found = CELL_NONE;

	for (size_t i = 0; i < c->n && found == CELL_NONE; i++) {
		buf_reset(&label);
		cells_label(c, (uint32_t)i, &label);
		if (!strcmp(label.data, text))
			found = (uint32_t)i;
	}
	buf_release(&label);
	return found;
}
