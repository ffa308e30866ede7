#include "engine/definition.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"

static const struct job **jobs_of(const struct expansion *x, size_t *ret_n)
{
	const struct job **job = xcalloc(x->jf->n_jobs, sizeof(*job));
	bool *seen = xcalloc(x->jf->n_jobs, sizeof(*seen));
	size_t n = 0;

	for (uint32_t s = 0; s < x->n_scopes; s++)
		seen[x->scope[s].job->no] = true;
	for (uint32_t g = 0; g < x->graph->n_groups; g++)
		if (x->bundle[g].job)
			seen[x->bundle[g].job->no] = true;
	for (size_t i = 0; i < x->jf->n_jobs; i++)
		if (seen[i])
			job[n++] = x->jf->job[i];
	free(seen);
	*ret_n = n;
	return job;
}

static json_t *list_of(const struct text_span *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, json_string(l->at[i]));
	return list;
}

void definition_text(struct engine *e, struct buf *out)
{
	size_t n;
	const struct job **job = jobs_of(e->x, &n);
	json_t *doc = json_object();

	json_object_set_new(doc, "definition", json_integer(1));
	json_object_set_new(doc, "root", json_string(e->root));
	json_object_set_new(doc, "targets", list_of(&e->o->targets));
	json_object_set_new(doc, "params", engine_given_params(e));
	json_object_set(doc, "payload", e->payload);
	json_object_set(doc, "ctx", e->ctx);
	json_object_set_new(doc, "jobfile", jobfile_to_json(e->jf, job, n));
	json_canonical(out, doc, JSON_TIGHT);
	json_decref(doc);
	free(job);
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
