/*
 * lorchestra v2.0 jobs: `job_id`, `version` and steps that run in order, each an operation with
 * params.  What the original ignored in silence (unknown keys and params, duplicates, text behind a
 * reference, a timeout) counts here; doc/jobfile.5 says it all.
 */
#include "job/lorchestra.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/sights.h"
#include "base/spell.h"
#include "job/builtin.h"

enum { CONFIG_MAX = 8 * 1024 * 1024, STEP_KEYS = 12 };

/* --- what stands beside the steps: @self -------------------------------------------------------------------- */

/* The whole of path as one tree; NULL after a diagnostic. */
static const struct node *read_config_file(struct loader *l, const char *path, const char *real, struct mark m)
{
	struct source *s;

	sights_look(l->where->sights, ".", path);
	s = source_open(path, path);
	if (!s) {
		diag_error(l->d, m, "cannot read the config '%s': %s", path, strerror(errno));
		return NULL;
	}
	VEC_PUSH(l->sources.at, l->sources.n, l->sources.room, s);
	map_put(&l->configs, real, NULL);
	return doc_read(s, doc_format_of(s), l->scratch, l->d);
}

/* Whether path lies below root, links followed; *ret_real: where it is (free it). */
static bool is_below(const char *path, const char *root, char **ret_real)
{
	char *base = realpath(root, NULL);
	size_t n = base ? strlen(base) : 0;
	bool below;

	*ret_real = realpath(path, NULL);
	below = base && *ret_real && !strncmp(*ret_real, base, n) && (*ret_real)[n] == '/';
	free(base);
	return below;
}

/* A name that ends like a document's is one to be read, below the root of all jobs. */
static const struct node *include_config(struct loader *l, const struct node *n)
{
	char *path = path_join(l->jf->root, n->text), *real;
	const struct node *config = NULL;
	bool below = is_below(path, l->jf->root, &real);

	if (real && !below) {
		diag_error(l->d, n->mark, "the config '%s' lies outside of '%s'", n->text, l->jf->root);
		diag_hint(l->d, "only files below the folder of the jobs are read");
	} else if (!real) {
		diag_error(l->d, n->mark, "cannot read the config '%s': %s", path, strerror(errno));
		diag_hint(l->d, "its name is relative to '%s'", l->jf->root);
	} else {
		config = read_config_file(l, path, real, n->mark);
	}
	free(path);
	free(real);
	return config;
}

static bool names_a_file(const struct node *n)
{
	return n->kind == NODE_SCALAR && n->n > 4 &&
	       (!strcmp(n->text + n->n - 4, ".yml") || (n->n > 5 && !strcmp(n->text + n->n - 5, ".yaml")));
}

/* Everything but job_id, version and steps; NULL: there is nothing. */
static const struct node *extras(struct loader *l, const struct node *doc)
{
	struct node *self = lorch_parts(l, NODE_MAP, doc->mark, doc->n);

	for (size_t i = 0; i < doc->n; i++) {
		enum lorch_key k = lorch_key_find(LORCH_IN_JOB, doc->key[i]->text);
		const struct node *value = doc->item[i];

		if (k == LORCH_KEY_JOB_ID || k == LORCH_KEY_VERSION || k == LORCH_KEY_STEPS)
			continue;
		if (k == LORCH_KEY_CONFIG && names_a_file(value))
			value = include_config(l, value);
		if (value)
			lorch_add(self, doc->key[i], (struct node *)value);
	}
	return self->n ? self : NULL;
}

/* --- operations --------------------------------------------------------------------------------------------- */

/* What an operation becomes, and what stands in the way of that. */
struct operation {
	struct lorch *x;
	const struct node *op, *params; /* params: NULL if there are none */
	const char *where;
	struct node *step; /* native; the action goes in */
};

static const struct node *param(const struct operation *o, const char *name)
{
	return o->params ? node_get(o->params, name) : NULL;
}

/* The text under a param that is needed before anything runs; NULL after a diagnostic. */
static const struct node *constant(struct operation *o, const char *name)
{
	const struct node *n = param(o, name);
	struct loader *l = o->x->l;

	if (!n) {
		diag_error(l->d, o->op->mark, "%s: '%s' needs the param '%s'", o->where, o->op->text, name);
	} else if (n->kind != NODE_SCALAR || is_null(n)) {
		bad_value(l, name, "text", n);
	} else if (n->text[0] == '@' && lorch_is_reference(o->x, NULL, n->text)) {
		diag_error(l->d, n->mark, "'%s' is a reference, but '%s' must be known before anything runs",
			   n->text, name);
	} else {
		return n;
	}
	return NULL;
}

/* The params, without those among words. */
static struct node *params_without(struct operation *o, const char *words)
{
	struct loader *l = o->x->l;
	struct node *map = lorch_parts(l, NODE_MAP, o->op->mark, o->params ? o->params->n : 0);

	for (size_t i = 0; o->params && i < o->params->n; i++) {
		const struct node *key = o->params->key[i];

		if (!lorch_among(words, key->text))
			lorch_add(map, lorch_text(l, key->mark, key->text, key->n),
				  lorch_value(o->x, o->params->item[i]));
	}
	return map;
}

static void put_call(struct operation *o, const struct node *at, const char *callable, struct node *with)
{
	struct loader *l = o->x->l;

	lorch_put(l, o->step, at->mark, "call", lorch_text(l, at->mark, callable, strlen(callable)));
	lorch_put(l, o->step, at->mark, "with", with);
}

static void op_call(struct operation *o)
{
	static const char *const alias[][2] = {{"compile_intent", "workman"}, {"egret_builder", "egret"}};
	const struct node *name = constant(o, "callable"), *since = param(o, "auto_since");
	const char *callable = name ? name->text : "";

	for (size_t i = 0; i < ARRAY_LEN(alias); i++)
		if (!strcmp(callable, alias[i][0]) && !callable_find(o->x->l->jf, callable))
			callable = alias[i][1];
	if (name)
		put_call(o, name, callable, params_without(o, since && is_null(since) ? "callable auto_since" : "callable"));
}

static void check_params(struct operation *o, const char *required, const char *optional)
{
	struct loader *l = o->x->l;
	struct buf all = BUF_INIT;

	buf_addf(&all, "%s%s%s", required, *required && *optional ? " " : "", optional);
	for (size_t i = 0; o->params && i < o->params->n; i++) {
		const struct node *key = o->params->key[i];
		const char *near = lorch_among(all.data, key->text) ? NULL : lorch_near(l, all.data, key->text);

		if (lorch_among(all.data, key->text))
			continue;
		diag_error(l->d, key->mark, "'%s' has no param '%s'", o->op->text, key->text);
		if (!diag_suggest(l->d, near))
			diag_hint(l->d, "it has %s", all.data);
	}
	for (const char *p = required; *p; p += strcspn(p, " "), p += *p == ' ')
		if (!param(o, arena_strndup(l->scratch, p, strcspn(p, " "))))
			diag_error(l->d, o->op->mark, "%s: '%s' needs the param '%.*s'", o->where, o->op->text,
				   (int)strcspn(p, " "), p);
	buf_release(&all);
}

static void op_builtin(struct operation *o)
{
	const char *required, *optional;

	if (builtin_params(o->op->text, &required, &optional))
		check_params(o, required, optional);
	put_call(o, o->op, o->op->text, params_without(o, ""));
}

/* job.run, and lorchestra.run as its users call it. */
static void op_job(struct operation *o)
{
	const char *key = param(o, "pipeline_id") ? "pipeline_id" : "job_id";
	const struct node *name = constant(o, key), *payload = param(o, "payload"), *version = param(o, "version");
	struct loader *l = o->x->l;

	check_params(o, "", strcmp(key, "job_id") ? "pipeline_id payload version" : "job_id payload version");
	if (version && (version->kind != NODE_SCALAR || strcmp(version->text, "2.0")))
		bad_value(l, "version", "2.0, the only one there is", version);
	if (name)
		lorch_put(l, o->step, name->mark, "job", lorch_text(l, name->mark, name->text, name->n));
	if (payload)
		lorch_put(l, o->step, payload->mark, "payload", lorch_value(o->x, payload));
}

static void unknown_operation(struct operation *o)
{
	struct loader *l = o->x->l;
	const char *name = o->op->text;
	struct spell s;

	spell_init(&s, name);
	for (size_t i = 0; builtin_name(i); i++)
		spell_try(&s, builtin_name(i));
	spell_try(&s, "call");
	spell_try(&s, "job.run");
	spell_try(&s, "compute.llm");
	diag_error(l->d, o->op->mark, "unknown operation '%s'", name);
	diag_suggest(l->d, s.best);
}

static void translate_operation(struct operation *o)
{
	const char *op = o->op->text;

	if (!strcmp(op, "call"))
		op_call(o);
	else if (!strcmp(op, "job.run") || !strcmp(op, "lorchestra.run"))
		op_job(o);
	else if (!strncmp(op, "compute.", 8)) /* whatever its callable takes */
		put_call(o, o->op, op, params_without(o, ""));
	else if (strchr(op, '.') && builtin_find(op))
		op_builtin(o);
	else
		unknown_operation(o);
}

/* --- idempotency --------------------------------------------------------------------------------------------- */

static void translate_key(struct lorch *x, const struct node *n, const struct node *params, struct node *step)
{
	static const char *const scopes = "run semantic explicit";
	struct loader *l = x->l;
	const struct node *value[LORCH_KEYS], *scope;
	struct node *native = lorch_parts(l, NODE_MAP, n->mark, 3);
	bool hash = false;

	if (!lorch_keys(l, n, LORCH_IN_IDEMPOTENCY, "'idempotency'", false, value))
		return;
	scope = value[LORCH_KEY_SCOPE];
	if (scope && (scope->kind != NODE_SCALAR || !lorch_among(scopes, scope->text))) {
		bad_value(l, "scope", "run, semantic or explicit", scope);
		return;
	}
	if (value[LORCH_KEY_REF] && (value[LORCH_KEY_REF]->kind != NODE_SCALAR || is_null(value[LORCH_KEY_REF]))) {
		bad_value(l, "semantic_key_ref", "the name of a param", value[LORCH_KEY_REF]);
		return;
	}
	if (value[LORCH_KEY_REF] && (!scope || strcmp(scope->text, "semantic")))
		diag_error(l->d, value[LORCH_KEY_REF]->mark, "'semantic_key_ref' belongs to the scope 'semantic'");
	if (scope && !strcmp(scope->text, "semantic") && !value[LORCH_KEY_REF])
		diag_error(l->d, n->mark, "the scope 'semantic' needs 'semantic_key_ref': the param whose value is the key");
	if (scope && !strcmp(scope->text, "explicit") && !(params && node_get(params, "idempotency_key")))
		diag_error(l->d, n->mark, "the scope 'explicit' needs the param 'idempotency_key'");
	if (value[LORCH_KEY_HASH] && !lorch_bool(l, "include_payload_hash", value[LORCH_KEY_HASH], &hash))
		return;
	lorch_put(l, native, n->mark, "scope", lorch_text(l, n->mark, scope ? scope->text : "run",
							  strlen(scope ? scope->text : "run")));
	if (value[LORCH_KEY_REF])
		lorch_put(l, native, n->mark, "key", lorch_text(l, value[LORCH_KEY_REF]->mark,
							       value[LORCH_KEY_REF]->text, value[LORCH_KEY_REF]->n));
	if (hash)
		lorch_put(l, native, n->mark, "payload_hash", lorch_plain(l, n->mark, "true"));
	lorch_put(l, step, n->mark, "idempotency", native);
}

/* --- steps --------------------------------------------------------------------------------------------------- */

static void put_timeout(struct lorch *x, const struct node *n, struct mark m, struct node *step)
{
	const char *why;
	json_t *v = n && n->kind == NODE_SCALAR ? lorch_scalar(n, &why) : NULL;
	double s = n ? json_number_value(v) : 300;
	char text[32];

	if (s > 0 && s < 1e9) {
		snprintf(text, sizeof(text), "%lldms", (long long)(s * 1000 + 0.5));
		lorch_put(x->l, step, m, "timeout", lorch_plain(x->l, m, text));
	} else {
		bad_value(x->l, "timeout_s", "a number of seconds above 0", n);
	}
	json_decref(v);
}

/* The failure is shown and does not stop the job, which ends degraded. */
static void put_continue(struct lorch *x, const struct node *n, struct node *step)
{
	bool yes = false;

	if (!lorch_bool(x->l, "continue_on_error", n, &yes) || !yes)
		return;
	lorch_put(x->l, step, n->mark, "on_failure", lorch_plain(x->l, n->mark, "continue"));
	lorch_put(x->l, step, n->mark, "critical", lorch_plain(x->l, n->mark, "false"));
}

static void put_label(struct lorch *x, const struct node *n, struct node *step)
{
	struct node *list = lorch_parts(x->l, NODE_LIST, n->mark, 1);

	if (n->kind != NODE_SCALAR || is_null(n)) {
		bad_value(x->l, "phase_id", "text", n);
		return;
	}
	lorch_add(list, NULL, lorch_text(x->l, n->mark, n->text, n->n));
	lorch_put(x->l, step, n->mark, "labels", list);
}

static void put_condition(struct lorch *x, const struct node *n, struct node *step)
{
	struct node *when;

	x->place = LORCH_IF;
	when = lorch_condition(x, n);
	x->place = LORCH_PARAMS;
	if (when)
		lorch_put(x->l, step, n->mark, "when", when);
}

static void put_action(struct lorch *x, const struct node *const *value, const char *where, struct node *step)
{
	struct operation o = {x, value[LORCH_KEY_OP], value[LORCH_KEY_PARAMS], where, step};

	if (!o.op || o.op->kind != NODE_SCALAR || is_null(o.op)) {
		diag_error(x->l->d, step->mark, "%s has no 'op'", where);
		diag_hint(x->l->d, "an operation such as call, storacle.query, plan.build, storacle.submit");
		return;
	}
	if (o.params && o.params->kind != NODE_MAP) {
		if (!is_null(o.params))
			bad_value(x->l, "params", "a map", o.params);
		o.params = NULL;
	}
	translate_operation(&o);
	if (value[LORCH_KEY_KEY])
		translate_key(x, value[LORCH_KEY_KEY], o.params, step);
}

static struct node *translate_step(struct lorch *x, const struct node *n)
{
	struct loader *l = x->l;
	const struct node *value[LORCH_KEYS], *id;
	char *where = arena_printf(l->scratch, "step '%s'", x->step[x->at]);
	struct node *step = lorch_parts(l, NODE_MAP, n->mark, STEP_KEYS);

	if (!lorch_keys(l, n, LORCH_IN_STEP, where, false, value))
		return NULL;
	id = value[LORCH_KEY_STEP_ID];
	lorch_put(l, step, id ? id->mark : n->mark, "id", lorch_text(l, id ? id->mark : n->mark, x->step[x->at],
								    strlen(x->step[x->at])));
	put_action(x, value, where, step);
	if (value[LORCH_KEY_IF])
		put_condition(x, value[LORCH_KEY_IF], step);
	if (value[LORCH_KEY_CONTINUE])
		put_continue(x, value[LORCH_KEY_CONTINUE], step);
	if (value[LORCH_KEY_PHASE])
		put_label(x, value[LORCH_KEY_PHASE], step);
	put_timeout(x, value[LORCH_KEY_TIMEOUT], n->mark, step);
	return step;
}

/* Every step's id, for references; one without has an error and a number. */
static void name_steps(struct lorch *x, const struct node *steps)
{
	x->step = arena_array(x->l->scratch, steps->n, sizeof(*x->step));
	for (size_t i = 0; i < steps->n; i++) {
		const struct node *id = steps->item[i]->kind == NODE_MAP ? node_get(steps->item[i], "step_id") : NULL;

		bool named = id && id->kind == NODE_SCALAR && !is_null(id);

		x->step[x->n_steps++] = named ? id->text : arena_printf(x->l->scratch, "%zu", i + 1);
		if (!named)
			diag_error(x->l->d, steps->item[i]->mark, "step %zu has no 'step_id'", i + 1);
	}
}

static struct node *translate_steps(struct lorch *x, const struct node *steps)
{
	struct node *list = lorch_parts(x->l, NODE_LIST, steps->mark, steps->n);

	for (x->at = 0; x->at < steps->n; x->at++) {
		struct node *step = translate_step(x, steps->item[x->at]);

		if (step)
			lorch_add(list, NULL, step);
	}
	return list;
}

/* --- the document -------------------------------------------------------------------------------------------- */

/* Written as text or as a number: 2.0, nothing else. */
static void check_version(struct loader *l, const struct node *doc, const struct node *n)
{
	if (!n) {
		diag_error(l->d, doc->mark, "the job has no 'version'");
		diag_hint(l->d, "write version: '2.0'");
	} else if (n->kind != NODE_SCALAR || strcmp(n->text, "2.0")) {
		bad_value(l, "version", "'2.0'", n);
	}
}

static void put_steps(struct lorch *x, const struct node *steps, struct node *job)
{
	if (steps && steps->kind != NODE_LIST) {
		bad_value(x->l, "steps", "a list", steps);
	} else if (!steps || !steps->n) {
		lorch_put(x->l, job, job->mark, "noop", lorch_plain(x->l, job->mark, "true"));
	} else {
		name_steps(x, steps);
		lorch_put(x->l, job, steps->mark, "steps", translate_steps(x, steps));
	}
}

void read_lorchestra(struct loader *l, struct cursor *c)
{
	const struct node *doc = lorch_document(l, c), *value[LORCH_KEYS], *name;
	struct lorch x = {.l = l, .place = LORCH_PARAMS};
	struct node *job = lorch_parts(l, NODE_MAP, doc->mark, 3);
	size_t before = diags_errors(l->d);

	l->file->format = "lorchestra";
	lorch_keys(l, doc, LORCH_IN_JOB, "the job", true, value);
	check_version(l, doc, value[LORCH_KEY_VERSION]);
	name = lorch_name(l, value[LORCH_KEY_JOB_ID], "job_id");
	x.id = name ? name->text : "";
	x.self = extras(l, doc);
	x.defaults = value[LORCH_KEY_DEFAULTS];
	if (x.defaults && x.defaults->kind != NODE_MAP) {
		bad_value(l, "defaults", "a map", x.defaults);
		x.defaults = NULL;
	}
	if (value[LORCH_KEY_DESCRIPTION] && value[LORCH_KEY_DESCRIPTION]->kind == NODE_SCALAR)
		lorch_put(l, job, value[LORCH_KEY_DESCRIPTION]->mark, "description",
			  lorch_text(l, value[LORCH_KEY_DESCRIPTION]->mark, value[LORCH_KEY_DESCRIPTION]->text,
				     value[LORCH_KEY_DESCRIPTION]->n));
	put_steps(&x, value[LORCH_KEY_STEPS], job);
	/* What was wrong has been said in the words of this format. */
	if (!name || diags_errors(l->d) > before)
		l->cut_short = true;
	else
		read_job(l, name, job);
}
