/*
 * What makes two calls the same one: the key that a call is given in $ORCHMAKE_IDEMPOTENCY_KEY.
 *
 *	run		RUN:STEP: every attempt of a step in a run, whatever it is given
 *	semantic	semantic:VALUE, a value among what it is given
 *	explicit	explicit:VALUE of its `idempotency_key`
 *
 * With payload_hash `:` and 16 digits of the hash of what it is given follow.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"
#include "engine/engine_impl.h"

enum { HASH_DIGITS = 16 };

/* Within the one job that was asked for a step's id will do; elsewhere another job may have a step of that name. */
static bool is_of_target(const struct engine *e, const struct place *p)
{
	const struct scope *sc = &e->x->scope[p->scope];

	return e->x->n_targets == 1 && p->cell == CELL_NONE && sc->group != GROUP_NONE &&
	       e->x->graph->group[sc->group].end == e->x->target_unit[0];
}

static void run_key(struct engine *e, uint32_t unit, struct buf *out)
{
	const struct place *p = &e->x->place[unit];

	buf_addf(out, "%s:", e->id.text);
	if (is_of_target(e, p))
		buf_puts(out, p->step->id);
	else
		expansion_unit_name(e->x, unit, out);
}

/* The value at a path such as client.id; a first part with an @ says where it once came from and is left out. */
static const json_t *at_path(const json_t *v, const char *path)
{
	if (*path == '@')
		path += strcspn(path, "."), path += *path == '.';
	while (v && *path) {
		size_t n = strcspn(path, ".");
		char *part = xstrndup(path, n);

		v = json_object_get(v, part);
		free(part);
		path += n + (path[n] == '.');
	}
	return v;
}

static bool add_value(struct buf *out, const char *scope, const json_t *v)
{
	buf_addf(out, "%s:", scope);
	json_as_text(out, v);
	return true;
}

static bool scope_key(struct engine *e, uint32_t unit, const struct idempotency *i, const json_t *with,
		      struct buf *out, struct buf *err)
{
	const json_t *v;

	if (!i || i->scope == IDEMPOTENT_RUN) {
		run_key(e, unit, out);
		return true;
	}
	if (i->scope == IDEMPOTENT_SEMANTIC) {
		v = at_path(with, i->key);
		if (v && !json_is_null(v))
			return add_value(out, "semantic", v);
		buf_addf(err, "the idempotency key is to be '%s', which is not among what the call is given", i->key);
		return false;
	}
	v = json_object_get(with, "idempotency_key");
	if (v && !json_is_null(v))
		return add_value(out, "explicit", v);
	buf_puts(err, "the idempotency key is to be 'idempotency_key', which the call is not given");
	return false;
}

bool engine_idempotency_key(struct engine *e, uint32_t unit, const json_t *with, struct buf *out, struct buf *err)
{
	const struct idempotency *i = e->x->place[unit].step->t.act->idempotency;
	struct digest d;

	if (!scope_key(e, unit, i, with, out, err))
		return false;
	if (i && i->payload_hash) {
		json_digest(&d, with);
		buf_addf(out, ":%.*s", HASH_DIGITS, d.hex);
	}
	return true;
}
