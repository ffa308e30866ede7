#include "report/changes.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

/* --- parts ------------------------------------------------------------------------------------------------ */

static void put_part(json_t *parts, const char *job, const char *step, json_t *v)
{
	char *name = step ? xasprintf("%s/%s", job, step) : xstrdup(job);

	json_object_set(parts, name, v);
	free(name);
}

/* A list of steps has their ids in them, a map before them; hooks and finally are keys of their job. */
static void put_steps(json_t *parts, const char *job, json_t *steps)
{
	const char *id;
	json_t *step;
	size_t i;

	json_object_foreach (steps, id, step)
		put_part(parts, job, id, step);
	json_array_foreach (steps, i, step) {
		id = json_string_value(json_object_get(step, "id"));
		if (id)
			put_part(parts, job, id, step);
	}
}

/* The order of a list of steps is what a step comes after. */
static json_t *order_of(json_t *steps)
{
	json_t *order = json_array(), *step;
	size_t i;

	json_array_foreach (steps, i, step)
		json_array_append(order, json_object_get(step, "id"));
	return order;
}

static void put_job(json_t *parts, const char *name, json_t *job)
{
	json_t *own = json_copy(job), *steps = json_object_get(job, "steps");

	if (steps) {
		json_object_set_new(own, "steps", order_of(steps));
		put_steps(parts, name, steps);
	}
	put_part(parts, name, NULL, own);
	json_decref(own);
}

/* name of a part -> its keys; "": those of the file. */
static json_t *parts_of(const json_t *definition)
{
	json_t *parts = json_object(), *file = json_is_object(definition) ? json_copy((json_t *)definition) : json_object();
	json_t *jobs = json_object_get(definition, "jobs"), *job;
	const char *name;

	json_object_del(file, "jobs");
	json_object_set_new(parts, "", file);
	json_object_foreach (jobs, name, job)
		put_job(parts, name, job);
	return parts;
}

/* --- comparing ---------------------------------------------------------------------------------------------- */

static void compare_keys(const char *part, json_t *was, json_t *is, change_fn *use, void *ctx)
{
	const char *key;
	json_t *v;

	json_object_foreach (was, key, v) {
		json_t *now = json_object_get(is, key);

		if (!now || !json_equal(v, now))
			use(ctx, CHANGE_OTHER, part, key);
	}
	json_object_foreach (is, key, v)
		if (!json_object_get(was, key))
			use(ctx, CHANGE_OTHER, part, key);
}

void changes_of_definition(const json_t *was, const json_t *is, change_fn *use, void *ctx)
{
	json_t *before = parts_of(was), *after = parts_of(is), *v;
	const char *part;

	json_object_foreach (before, part, v) {
		json_t *now = json_object_get(after, part);

		if (now)
			compare_keys(part, v, now, use, ctx);
		else
			use(ctx, CHANGE_GONE, part, NULL);
	}
	json_object_foreach (after, part, v)
		if (!json_object_get(before, part))
			use(ctx, CHANGE_NEW, part, NULL);
	json_decref(before);
	json_decref(after);
}
