#include "job/cells.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/map.h"
#include "doc/json.h"

/* Cells by what they are called, which is made anew to look: a million labels take more than all else of an instance. */
struct labels {
	uint32_t *slot; /* cell + 1; 0: free */
	size_t n_slots; /* a power of two; 0: nobody has looked */
};

struct cells {
	const struct matrix *matrix; /* NULL: foreach */
	const char *name;	     /* foreach */
	json_t *list;		     /* foreach: its values */
	uint32_t *kept;		     /* which numbers of the product are not excluded; NULL: all */
	size_t n_product;	     /* cells that come from the product */
	size_t n;
	struct labels *labels;
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

static void drop_labels(void *labels)
{
	free(((struct labels *)labels)->slot);
}

static struct cells *cells_new(struct arena *a)
{
	struct cells *c = ARENA_NEW(a, struct cells);

	c->labels = ARENA_NEW(a, struct labels);
	*c->labels = (struct labels){0};
	arena_on_free(a, drop_labels, c->labels);
	return c;
}

struct cells *cells_of_matrix(struct arena *a, const struct matrix *m, struct mark at, struct diags *d)
{
	struct cells *c = cells_new(a);
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
	struct cells *c = cells_new(a);

	c->name = name;
	c->list = list;
	c->n = json_array_size(list);
	arena_on_free(a, drop_list, list);
	return c;
}

/* The map of `include` that cell comes from, or NULL. */
static const json_t *included(const struct cells *c, uint32_t cell)
{
	return cell < c->n_product ? NULL : json_array_get(c->matrix->include, cell - c->n_product);
}

/* The value of cell on axis i. */
static json_t *value_at(const struct cells *c, uint32_t cell, size_t i)
{
	const json_t *map = included(c, cell);

	return map ? json_object_get(map, c->matrix->axis[i].name)
		   : (json_t *)axis_value(c->matrix, c->kept ? c->kept[cell] : cell, i);
}

json_t *cells_at(const struct cells *c, uint32_t cell)
{
	json_t *map;

	BUG_UNLESS(cell < c->n);
	if (c->matrix && !c->matrix->n_axes)
		return json_deep_copy(included(c, cell));
	map = json_object();
	if (!c->matrix)
		json_object_set(map, c->name, json_array_get(c->list, cell));
	for (size_t i = 0; c->matrix && i < c->matrix->n_axes; i++)
		json_object_set(map, c->matrix->axis[i].name, value_at(c, cell, i));
	return map;
}

/* Of a matrix that has nothing but `include`: the values in the order written. */
static void label_of_map(const json_t *map, struct buf *out)
{
	const char *name, *comma = "";
	json_t *value;

	json_object_foreach ((json_t *)map, name, value) {
		buf_puts(out, comma);
		json_as_text(out, value);
		comma = ",";
	}
}

void cells_label(const struct cells *c, uint32_t cell, struct buf *out)
{
	BUG_UNLESS(cell < c->n);
	if (!c->matrix)
		json_as_text(out, json_array_get(c->list, cell));
	else if (!c->matrix->n_axes)
		label_of_map(included(c, cell), out);
	for (size_t i = 0; c->matrix && i < c->matrix->n_axes; i++) {
		const json_t *v = value_at(c, cell, i);

		buf_puts(out, i ? "," : "");
		if (v) /* an include may lack one, which has been complained about */
			json_as_text(out, v);
	}
}

/* Where the cell with that label is, or would be. */
static uint32_t *slot_of(const struct cells *c, struct span label, struct buf *other)
{
	const struct labels *l = c->labels;

	for (size_t i = map_hash(label.at, label.len) & (l->n_slots - 1);; i = (i + 1) & (l->n_slots - 1)) {
		if (!l->slot[i])
			return &l->slot[i];
		buf_reset(other);
		cells_label(c, l->slot[i] - 1, other);
		if (other->len == label.len && !memcmp(other->data, label.at, label.len))
			return &l->slot[i];
	}
}

/* Put every label into the index; the first cell that has one for the second time, or CELL_NONE. */
static uint32_t index_labels(const struct cells *c)
{
	struct buf label = BUF_INIT, other = BUF_INIT;
	struct labels *l = c->labels;
	uint32_t again = CELL_NONE;

	free(l->slot);
	for (l->n_slots = 8; l->n_slots < 2 * c->n; l->n_slots *= 2)
		;
	l->slot = xcalloc(l->n_slots, sizeof(*l->slot));
	for (uint32_t i = 0; i < c->n; i++) {
		uint32_t *slot;

		buf_reset(&label);
		cells_label(c, i, &label);
		slot = slot_of(c, (struct span){label.data, label.len}, &other);
		if (!*slot)
			*slot = i + 1;
		else if (again == CELL_NONE)
			again = i;
	}
	buf_release(&label);
	buf_release(&other);
	return again;
}

uint32_t cells_repeated(const struct cells *c)
{
	return index_labels(c);
}

uint32_t cells_find(const struct cells *c, const char *text)
{
	struct buf other = BUF_INIT;
	uint32_t found;

	if (!c->labels->n_slots)
		(void)index_labels(c);
	found = *slot_of(c, (struct span){text, strlen(text)}, &other);
	buf_release(&other);
	return found ? found - 1 : CELL_NONE;
}
