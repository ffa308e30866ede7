#include "engine/definition.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"

struct jobs {
	const struct jobfile *jf;
	bool *seen; /* by job->no */
	const struct job **list;
	size_t n;
};

static void see(struct jobs *s, const struct job *j)
{
	if (!j || s->seen[j->no])
		return;
	s->seen[j->no] = true;
	s->list[s->n++] = j;
}

static void see_named(struct jobs *s, const struct job *j, const struct traits *t)
{
	for (size_t i = 0; i < t->n_needs; i++) {
		char *name = xstrndup(t->need[i].name, strcspn(t->need[i].name, "/["));

		see(s, job_find(s->jf, name));
		free(name);
	}
	for (size_t i = 0; i < t->flow->n_consumes; i++)
		see(s, artifact_provider(s->jf, j->ns, t->flow->consume[i].name));
	if (t->act->kind == ACT_JOB)
		see(s, job_find(s->jf, t->act->job));
}

static void see_what_it_names(struct jobs *s, const struct job *j)
{
	see_named(s, j, &j->t);
	for (size_t i = 0; i < j->n_steps; i++)
		see_named(s, j, &j->step[i].t);
	for (size_t i = 0; i < j->n_stages; i++)
		for (size_t k = 0; k < j->stage[i].n_jobs; k++)
			see(s, j->stage[i].job[k]);
}

static int by_number(const void *a, const void *b)
{
	const struct job *x = *(const struct job *const *)a, *y = *(const struct job *const *)b;

	return (x->no > y->no) - (x->no < y->no);
}

/*
 * Those that take part, and what they name and so must be there to be read again, as it is with an `after`
 * for which this run has nothing.  In the order of the documents.
 */
static const struct job **jobs_of(const struct expansion *x, size_t *ret_n)
{
	struct jobs s = {.jf = x->jf, .seen = xcalloc(x->jf->n_jobs, sizeof(bool)),
			 .list = xcalloc(x->jf->n_jobs, sizeof(*s.list))};

	for (uint32_t i = 0; i < x->n_scopes; i++)
		see(&s, x->scope[i].job);
	for (uint32_t g = 0; g < x->graph->n_groups; g++)
		see(&s, x->bundle[g].job);
	for (size_t i = 0; i < s.n; i++)
		see_what_it_names(&s, s.list[i]);
	qsort(s.list, s.n, sizeof(*s.list), by_number);
	free(s.seen);
	*ret_n = s.n;
	return s.list;
}

/* As they were asked for; nobody asked: by its name what ran then, as the default may be another one some day. */
static json_t *targets_of(const struct engine *e)
{
	const struct text_span *asked = &e->o->targets;
	struct buf name = BUF_INIT;
	json_t *list = json_array();

	for (size_t i = 0; i < asked->n; i++)
		json_array_append_new(list, json_string(asked->at[i]));
	if (!asked->n) {
		expansion_unit_name(e->x, e->x->target_unit[0], &name);
		json_array_append_new(list, json_string(name.data));
	}
	buf_release(&name);
	return list;
}

json_t *definition_jobfile(const struct engine *e)
{
	size_t n;
	const struct job **job = jobs_of(e->x, &n);
	json_t *doc = jobfile_to_json(e->jf, job, n);

	free(job);
	return doc;
}

/* All of it but the model. */
static json_t *head_of(struct engine *e)
{
	json_t *doc = json_object();

	json_object_set_new(doc, "definition", json_integer(1));
	json_object_set_new(doc, "root", json_string(e->root));
	json_object_set_new(doc, "targets", targets_of(e));
	json_object_set_new(doc, "params", engine_given_params(e));
	json_object_set(doc, "payload", e->payload);
	json_object_set(doc, "ctx", e->ctx);
	return doc;
}

void definition_text(struct engine *e, struct buf *out)
{
	json_t *doc = head_of(e);
	struct jobfile_doc d;
	size_t n;
	const struct job **job = jobs_of(e->x, &n);

	jobfile_doc_init(&d, e->jf, job, n, true);
	json_object_set(doc, "jobfile", d.doc);
	json_canonical_late(out, doc, JSON_TIGHT, &d.late);
	json_decref(doc);
	jobfile_doc_release(&d);
	free(job);
}

/* Which jobs take part may depend on what loops go over, and so on more than the documents. */
static void put_jobs(struct engine *e, struct buf *out)
{
	size_t n;
	const struct job **job = jobs_of(e->x, &n);

	for (size_t i = 0; i < n; i++)
		buf_addf(out, " %" PRIu32, job[i]->no);
	free(job);
}

void definition_origin(struct engine *e, struct digest *ret)
{
	const struct jobfile *jf = e->jf;
	json_t *head = head_of(e);
	struct buf text = BUF_INIT;

	buf_addf(&text, "%s\n%zu %s\n", e->o->version ? e->o->version : "", strlen(jf->given), jf->given);
	json_canonical(&text, head, JSON_TIGHT);
	put_jobs(e, &text);
	for (size_t i = 0; i < jf->n_texts; i++)
		buf_addf(&text, "\n%s %zu %s", source_digest(jf->text[i])->hex,
			 strlen(source_name(jf->text[i])), source_name(jf->text[i]));
	digest_of(ret, text.data, text.len);
	json_decref(head);
	buf_release(&text);
}

struct jobfile *definition_load(const char *text, size_t len, struct diags *d)
{
	struct buf err = BUF_INIT, native = BUF_INIT;
	json_t *doc = json_parse(text, len, &err);
	const char *root = json_str(doc, "root");
	struct jobfile *jf = NULL;

	if (!json_object_get(doc, "jobfile")) {
		diag_error(d, MARK_NONE, "the stored definition cannot be read%s%s", err.len ? ": " : "", err.data);
	} else {
		json_text(&native, json_object_get(doc, "jobfile"), JSON_TIGHT);
		jf = jobfile_load_text("stored definition", native.data, native.len, root ? root : ".", d);
	}
	json_decref(doc);
	buf_release(&err);
	buf_release(&native);
	return jf;
}
