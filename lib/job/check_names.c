/* Which names there are in expressions, and where each of them has a value. */
#include "job/check_refs.h"

#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "job/namespace.h"

void ref_unknown(const struct refs *r, struct mark m, const char *what, const char *name, const char *near)
{
	diag_error(r->l->d, m, "no %s '%s'", what, name);
	diag_suggest(r->l->d, near);
}

static bool is_namespace(const struct refs *r, const char *name, struct mark m)
{
	for (size_t i = 0; i < r->l->jf->n_files; i++) {
		const char *ns = r->l->jf->file[i]->ns;

		if (ns && namespace_means(ns_at(r->l, m), name, ns))
			return true;
	}
	return false;
}

const char *ref_meant(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	const char *name = path[0];

	for (size_t i = 1; i < n && is_namespace(r, name, m); i++)
		name = arena_printf(r->l->scratch, "%s.%s", name, path[i]);
	return name;
}

static void check_param_ref(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	const char *name = ref_meant(r, path, n, m);
	const struct param_list *file = &r->l->jf->params;
	struct spell s;

	if ((r->j && param_find(&r->j->params, name)) ||
	    (r->place != AT_DEFAULT && param_find(file, name)))
		return;
	if (r->place == AT_DEFAULT && (param_find(r->params, name) || param_find(file, name)))
		return;
	if (!first_blame(r->l, m))
		return;
	spell_init(&s, name);
	for (size_t i = 0; r->j && i < r->j->params.n; i++)
		spell_try(&s, r->j->params.at[i].name);
	for (size_t i = 0; i < file->n; i++)
		spell_try(&s, namespace_short(ns_at(r->l, m), file->at[i].name));
	ref_unknown(r, m, "parameter", name, s.best);
	if (!s.best)
		diag_hint(r->l->d, "declare it: params: {%s: {type: string}}", name);
}

/* Which instances there are, and their params, has to be known before anything has run. */
static void refuse_late_var(const struct refs *r, const char *name, struct mark m)
{
	if (!first_blame(r->l, m))
		return;
	diag_error(r->l->d, m, "variable '%s' is known only once a step that runs wants it, too late for %s", name,
		   r->names_files ? "the name of a file" : r->place == AT_DEFAULT ? "the default of a parameter" : "a loop");
	diag_hint(r->l->d, "use vars.%s in the step itself, or give the value with NAME=VALUE", name);
}

static void check_var_ref(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	const char *name = ref_meant(r, path, n, m);
	const struct var *v = var_find(r->l->jf, name);
	struct spell s;

	if (v && v->late && (r->names_files || r->place == AT_LOOP || r->place == AT_STAGE_LOOP || r->place == AT_DEFAULT)) {
		refuse_late_var(r, name, m);
		return;
	}
	if (v || !first_blame(r->l, m))
		return;
	spell_init(&s, name);
	for (size_t i = 0; i < r->l->jf->n_vars; i++)
		spell_try(&s, namespace_short(ns_at(r->l, m), r->l->jf->var[i].name));
	ref_unknown(r, m, "variable", name, s.best);
}

/* Anywhere else it would stand in a process list, the ledger or a message. */
static void check_secret_ref(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	const struct jobfile *jf = r->l->jf;
	const char *name = n ? ref_meant(r, path, n, m) : "";
	struct spell s;

	if (r->hides && n == 1 && secret_find(jf, name))
		return;
	if (!first_blame(r->l, m))
		return;
	if (!n) {
		diag_error(r->l->d, m, "'secrets' wants the name of one behind it");
		return;
	}
	if (secret_find(jf, name) && r->hides) {
		diag_error(r->l->d, m, "secret '%s' is text, which has no keys or elements", name);
		return;
	}
	if (secret_find(jf, name)) {
		diag_error(r->l->d, m, "a secret can be used in 'env' and in the 'with' of a call only");
		diag_hint(r->l->d, "write env: {NAME: \"${{ secrets.%s }}\"} and let the program read $NAME", name);
		return;
	}
	spell_init(&s, name);
	for (size_t i = 0; i < jf->n_secrets; i++)
		spell_try(&s, namespace_short(ns_at(r->l, m), jf->secret[i].name));
	ref_unknown(r, m, "secret", name, s.best);
	if (!s.best)
		diag_hint(r->l->d, "declare it in the file: secrets: {%s: {env: %s}}", name, name);
}

static bool try_axes(const struct traits *t, const char *name, struct spell *s)
{
	for (size_t i = 0; t && t->policy->matrix && i < t->policy->matrix->n_axes; i++) {
		if (!strcmp(t->policy->matrix->axis[i].name, name))
			return true;
		spell_try(s, t->policy->matrix->axis[i].name);
	}
	return false;
}

/* Names that only some of the combinations of `include` have. */
static bool in_include(const struct traits *t, const char *name)
{
	size_t i;
	json_t *cell;

	if (!t || !t->policy->matrix || !t->policy->matrix->include)
		return false;
	json_array_foreach (t->policy->matrix->include, i, cell)
		if (json_object_get(cell, name))
			return true;
	return false;
}

static void check_matrix_ref(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	const char *name = path[0];
	const struct traits *own = r->st ? &r->st->t : NULL, *job = r->j ? &r->j->t : NULL;
	struct spell s;

	(void)n;
	spell_init(&s, name);
	if (try_axes(own, name, &s) || try_axes(job, name, &s) || in_include(own, name) ||
	    in_include(job, name))
		return;
	if (!first_blame(r->l, m))
		return;
	ref_unknown(r, m, "axis", name, s.best);
	if (!s.best && !(own && own->policy->matrix) && !(job && job->policy->matrix))
		diag_hint(r->l->d, "there is no 'matrix' here");
}

static bool is_loop_name(const struct traits *t, const char *name)
{
	return t && t->policy->foreach && t->policy->foreach->name && !strcmp(t->policy->foreach->name, name);
}

static void check_item_ref(const struct refs *r, const char *name, struct mark m)
{
	if (!strcmp(name, "item") || !first_blame(r->l, m))
		return;
	ref_unknown(r, m, "value of a loop", name, NULL);
	diag_hint(r->l->d, "the element of a stage's loop is 'foreach.item'");
}

static void check_foreach_ref(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	const struct traits *own = r->st ? &r->st->t : NULL, *job = r->j ? &r->j->t : NULL;
	const struct foreach_decl *f = own && own->policy->foreach ? own->policy->foreach : job ? job->policy->foreach : NULL;

	(void)n;
	if (r->place == AT_STAGE_LOOP) {
		check_item_ref(r, path[0], m);
		return;
	}
	if (is_loop_name(own, path[0]) || is_loop_name(job, path[0]) || !first_blame(r->l, m))
		return;
	ref_unknown(r, m, "value of a loop", path[0], NULL);
	if (f && f->name)
		diag_hint(r->l->d, "the loop's value is 'foreach.%s'", f->name);
	else
		diag_hint(r->l->d, "there is no 'foreach' here");
}

static void check_result_ref(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	if (r->place == AT_STAGE_LOOP)
		check_job_ref(r, path, n, m);
	else
		check_step_ref(r, path, n, m);
}

static void check_field(const struct refs *r, const char *root, const char *name, struct mark m,
			const char *const *fields, size_t n)
{
	struct spell s;

	spell_init(&s, name);
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(fields[i], name))
			return;
		spell_try(&s, fields[i]);
	}
	if (!first_blame(r->l, m))
		return;
	diag_error(r->l->d, m, "'%s' has no '%s'", root, name);
	diag_suggest(r->l->d, s.best);
}

static void check_run_field(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	(void)n;
	check_field(r, "run", path[0], m, run_fields, ARRAY_LEN(run_fields));
}

static void check_job_field(const struct refs *r, const char *const *path, size_t n, struct mark m)
{
	static const char *const fields[] = {"name", "description"};

	(void)n;
	check_field(r, "job", path[0], m, fields, ARRAY_LEN(fields));
}

/* Roots that have no value at a place, and why. */
static const char *why_not(const struct refs *r, enum expr_root root)
{
	bool in_job = r->place == AT_JOB || r->place == AT_STEP || r->place == AT_LOOP;

	switch (root) {
	case ROOT_RESULTS:
		return in_job || r->place == AT_STAGE_LOOP ? NULL : "has a meaning in jobs and steps only";
	case ROOT_STEPS:
	case ROOT_NEEDS:
	case ROOT_CONSUMES:
		return in_job ? NULL : "has a meaning in jobs and steps only";
	case ROOT_MATRIX:
	case ROOT_FOREACH:
		if (root == ROOT_FOREACH && r->place == AT_STAGE_LOOP)
			return NULL;
		return r->place == AT_LOOP ? "has no value before the loop"
		       : in_job		   ? NULL
					   : "has a meaning in jobs and steps only";
	case ROOT_JOB:
		return in_job || r->place == AT_SUCCESS || r->place == AT_STAGE_LOOP ? NULL : "has a meaning in jobs and steps only";
	case ROOT_TALLY:
	case ROOT_SUCCEEDED:
	case ROOT_FAILED:
	case ROOT_SKIPPED:
		return r->place == AT_SUCCESS ? NULL : "has a meaning in 'success' only";
	default:
		return NULL;
	}
}

void check_name_ref(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m)
{
	static void (*const checks[ROOT_COUNT])(const struct refs *, const char *const *, size_t, struct mark) = {
		[ROOT_PARAMS] = check_param_ref,   [ROOT_VARS] = check_var_ref,	     [ROOT_SECRETS] = check_secret_ref,
		[ROOT_MATRIX] = check_matrix_ref,  [ROOT_FOREACH] = check_foreach_ref, [ROOT_STEPS] = check_step_ref,
		[ROOT_RESULTS] = check_result_ref, [ROOT_NEEDS] = check_need_ref,    [ROOT_CONSUMES] = check_consume_ref,
		[ROOT_RUN] = check_run_field,	   [ROOT_JOB] = check_job_field,
	};
	const struct refs *r = ctx;
	const char *why = why_not(r, root);

	if (why && first_blame(r->l, m))
		diag_error(r->l->d, m, "'%s' %s", expr_root_word(root), why);
	if (!why && checks[root] && (n || root == ROOT_SECRETS)) /* all secrets at once are nobody's business */
		checks[root](r, path, n, m);
}
