#include "engine/review.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "doc/json.h"
#include "engine/definition.h"
#include "engine/engine_impl.h"
#include "engine/fresh.h"
#include "engine/origin.h"
#include "report/listing.h"

/* --- the text and its seal --------------------------------------------------------------------------------- */

static void digest_without_hash(const json_t *doc, struct digest *ret)
{
	json_t *bare = json_copy((json_t *)doc);

	json_object_del(bare, "hash");
	json_digest(ret, bare);
	json_decref(bare);
}

void review_text(const struct review *r, struct buf *out)
{
	json_t *sealed = json_copy(r->doc);

	json_object_set_new(sealed, "hash", json_string(r->hash.hex));
	json_canonical(out, sealed, JSON_TIGHT);
	buf_putc(out, '\n');
	json_decref(sealed);
}

static bool check_format(const json_t *doc, struct buf *err)
{
	const json_t *format = json_object_get(doc, "plan");

	if (!json_is_integer(format) || !json_object_get(doc, "hash"))
		buf_puts(err, "1:1: this is no document that `orchmake plan` wrote");
	else if (json_integer_value(format) != REVIEW_FORMAT)
		buf_addf(err, "1:1: its form has the number %lld, and this program knows %d: plan again",
			 (long long)json_integer_value(format), REVIEW_FORMAT);
	return !err->len;
}

static bool is_hash(const char *text)
{
	return text && strlen(text) == DIGEST_HEX && strspn(text, "0123456789abcdef") == DIGEST_HEX;
}

static bool check_hash(const json_t *doc, struct buf *err)
{
	const char *said = json_str(doc, "hash");
	struct digest d;

	digest_without_hash(doc, &d);
	if (said && !strcmp(said, d.hex))
		return true;
	buf_addf(err, "1:1: it was edited or damaged since it was written: its `hash` is %s%.64s, and what stands in it has %s",
		 is_hash(said) ? "" : "no hash", is_hash(said) ? said : "", d.hex);
	return false;
}

json_t *review_read(const char *text, size_t len, struct buf *err)
{
	json_t *doc = json_parse(text, len, err);

	if (doc && (!check_format(doc, err) || !check_hash(doc, err))) {
		json_decref(doc);
		doc = NULL;
	}
	return doc;
}

/* --- the clock ------------------------------------------------------------------------------------------------ */

static bool calls(const char *text, const char *function)
{
	for (const char *at = strstr(text, function); at; at = strstr(at + 1, function))
		if (at == text || !(isalnum((unsigned char)at[-1]) || at[-1] == '_' || at[-1] == '.'))
			return true;
	return false;
}

/*
 * What today() and now() are stays as it was looked at.  It stands in the document as finely as it is asked for, so
 * that else it is the same at every hour.
 */
static json_t *clock_json(const struct engine *e, const json_t *definition)
{
	struct buf text = BUF_INIT;
	char stamp[STAMP_TEXT];
	json_t *clock = NULL;

	json_canonical(&text, definition, JSON_TIGHT);
	stamp_format(e->now_wall_ms, stamp);
	if (calls(text.data, "now("))
		clock = json_string(stamp);
	else if (calls(text.data, "today("))
		clock = json_stringn(stamp, strcspn(stamp, "T"));
	buf_release(&text);
	return clock ? clock : json_null();
}

int64_t review_clock_ms(const json_t *doc)
{
	const char *clock = json_str(doc, "clock");
	int64_t ms = 0;

	return clock && stamp_parse(clock, &ms) ? ms : 0;
}

/* --- values ----------------------------------------------------------------------------------------------------- */

struct telling {
	const struct engine *e;
	json_t *values;
};

/* `default, Jobfile:12` without the line, which moves with every comment, and without our folder. */
static json_t *from_json(const struct engine *e, const char *from)
{
	char *text = xstrdup(from), *colon = strrchr(text, ':'), *root;
	json_t *v;

	if (colon && colon[1] && !colon[1 + strspn(colon + 1, "0123456789")])
		*colon = 0;
	root = strstr(text, e->root);
	if (root && root[strlen(e->root)] == '/')
		memmove(root, root + strlen(e->root) + 1, strlen(root + strlen(e->root) + 1) + 1);
	v = review_string(text);
	free(text);
	return v;
}

/* What the environment comes to stands with each step; what a dotenv file says may be a secret to somebody. */
static void tell(void *ctx, const struct origin *o)
{
	const struct telling *t = ctx;
	json_t *kind = json_object_get(t->values, o->kind), *one;

	if (!strcmp(o->kind, "env"))
		return;
	if (!kind) {
		kind = json_object();
		json_object_set_new(t->values, o->kind, kind);
	}
	one = json_pack("{s:o}", "from", from_json(t->e, o->from));
	if (o->value)
		json_object_set(one, "value", (json_t *)o->value);
	review_put(kind, o->name, one);
}

static json_t *values_json(struct engine *e)
{
	struct telling t = {e, json_object()};

	engine_origins(e, tell, &t);
	return values_hide_json(e->values, t.values);
}

/* Of the other jobs. */
static json_t *params_json(struct engine *e)
{
	const struct unit *u = &e->x->graph->unit[e->x->target_unit[0]];
	const struct job *first = u->kind == UNIT_STEP ? e->x->place[e->x->target_unit[0]].step->job
						       : e->x->bundle[u->group].job;
	json_t *all = json_object();
	struct buf name = BUF_INIT;

	for (uint32_t s = 0; s < e->x->n_scopes; s++) {
		if (!json_object_size(e->params[s]) || e->x->scope[s].job == first)
			continue;
		buf_reset(&name);
		expansion_scope_name(e->x, s, &name);
		review_put(all, name.data, json_incref(e->params[s]));
	}
	buf_release(&name);
	return all;
}

/* --- files of the documents ---------------------------------------------------------------------------------------- */

static void put_dotenvs(struct review *r, struct engine *e, json_t *map, const struct text_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		char *name = xstrdup(l->text[i]);
		size_t n = strlen(name);

		if (n && name[n - 1] == '?')
			name[n - 1] = 0;
		review_put(map, name, review_content(r, e, name));
		free(name);
	}
}

static json_t *dotenv_json(struct review *r, struct engine *e)
{
	const struct graph *g = e->x->graph;
	json_t *map = json_object();

	for (size_t i = 0; i < e->jf->n_files; i++)
		put_dotenvs(r, e, map, &e->jf->file[i]->dotenv);
	for (uint32_t u = 0; u < g->n_units; u++)
		if (g->unit[u].kind == UNIT_STEP)
			put_dotenvs(r, e, map, &e->x->place[u].step->t.policy->dotenv);
	return map;
}

/* Where the definition is from.  `apply` goes by the definition: a comment may change. */
static json_t *sources_json(const struct engine *e)
{
	json_t *map = json_object();

	for (size_t i = 0; i < e->jf->n_files; i++) {
		const struct source *s = e->jf->file[i]->source;
		struct buf name = BUF_INIT;

		path_clean(&name, e->root, source_name(s));
		review_put(map, name.data, json_string(source_digest(s)->hex));
		buf_release(&name);
	}
	return map;
}

/* --- steps ------------------------------------------------------------------------------------------------------------ */

static void put_steps(struct review *r, struct engine *e)
{
	const struct graph *g = e->x->graph;
	const struct outlook *outlook = engine_outlook(e);
	uint32_t *order = xcalloc(g->n_units, sizeof(*order));
	json_t *names = json_array(), *steps = json_object();
	struct file_index coming = {0};
	struct buf name = BUF_INIT;

	review_coming(e, outlook, &coming);
	graph_order(g, order);
	for (uint32_t i = 0; i < g->n_units; i++) {
		if (g->unit[order[i]].kind != UNIT_STEP)
			continue;
		buf_reset(&name);
		expansion_unit_name(e->x, order[i], &name);
		json_array_append_new(names, review_string(name.data));
		review_put(steps, name.data, review_step(r, e, order[i], outlook, &coming));
	}
	json_object_set_new(r->doc, "order", names);
	json_object_set_new(r->doc, "steps", steps);
	file_index_release(&coming);
	buf_release(&name);
	free(order);
}

static bool is_loop(const struct bundle *b)
{
	return b->kind == BUNDLE_LOOP || (b->kind == BUNDLE_STEPS && step_is_late(b->step));
}

/* What they go over is known when they begin. */
static json_t *loops_json(const struct engine *e)
{
	json_t *map = json_object();
	struct buf name = BUF_INIT;

	for (uint32_t g = 0; g < e->x->graph->n_groups; g++) {
		const struct bundle *b = &e->x->bundle[g];

		if (!is_loop(b))
			continue;
		buf_reset(&name);
		expansion_group_name(e->x, g, &name);
		review_put(map, name.data, value_source(b->stage ? b->stage->loop->over : b->step->t.policy->foreach->over));
	}
	buf_release(&name);
	return map;
}

bool review_has_work(struct engine *e)
{
	for (uint32_t g = 0; g < e->x->graph->n_groups; g++)
		if (is_loop(&e->x->bundle[g]))
			return true;
	return listing_count(e->x, e->s, engine_outlook(e)) > 0;
}

/* --- the whole ---------------------------------------------------------------------------------------------------------- */

static json_t *target_json(const struct engine *e)
{
	char *target = engine_target_text(e);
	json_t *v = review_string(target);

	free(target);
	return v;
}

/* What does not depend on what was run before. */
static void put_definition(struct review *r, struct engine *e)
{
	json_t *definition = definition_jobfile(e);

	review_put(r->doc, "target", target_json(e));
	review_put(r->doc, "clock", clock_json(e, definition));
	review_put(r->doc, "definition", definition);
	review_put(r->doc, "values", values_json(e));
	review_put(r->doc, "params", params_json(e));
	review_put(r->doc, "dotenv", dotenv_json(r, e));
	review_put(r->doc, "loops", loops_json(e));
}

bool review_is_same(struct engine *e, const json_t *doc)
{
	struct review now = {.doc = json_object(), .pin = MAP_INIT};
	const char *key;
	bool same = true;
	json_t *v;

	put_definition(&now, e);
	json_object_foreach (now.doc, key, v)
		same &= json_equal(v, json_object_get(doc, key));
	review_release(&now);
	return same;
}

bool review_make(struct review *r, struct engine *e, json_t *given, struct buf *err)
{
	*r = (struct review){.doc = json_pack("{s:i}", "plan", REVIEW_FORMAT), .pin = MAP_INIT};
	review_put(r->doc, "given", json_incref(given));
	review_put(r->doc, "ledger", review_ledger(r, e)); /* first: what begins while we look is newer */
	put_definition(r, e);
	put_steps(r, e);
	review_put(r->doc, "difference", review_difference(e, json_object_get(r->doc, "definition")));
	review_put(r->doc, "sources", sources_json(e));
	digest_without_hash(r->doc, &r->hash);
	if (e->o->past && ledger_error(e->o->past)->fault != LEDGER_FINE)
		buf_puts(err, ledger_error(e->o->past)->text.data);
	return !err->len;
}

void review_release(struct review *r)
{
	for (size_t i = 0; i < r->pin.n; i++)
		free(r->pin.entry[i].value);
	map_release(&r->pin);
	json_decref(r->doc);
	*r = (struct review){0};
}
