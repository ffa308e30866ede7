/* export plan: one job as a plan, which is read again before anybody gets it. */
#include "doc/json.h"
#include "export.h"
#include "job/write_plan.h"

/* Whether the reader of plans takes it; what it says is told, of a text that nobody else will see. */
static bool reads_back(const struct buf *text, struct diags *d)
{
	struct diags *own = diags_new();
	struct jobfile *jf = jobfile_load_text("exported plan", text->data, text->len, ".", own);
	bool good = jf != NULL;

	for (size_t i = 0; !good && i < diags_count(own); i++)
		if (diags_at(own, i)->kind == DIAG_ERROR)
			diag_error(d, MARK_NONE, "a plan cannot say this: %s", diags_at(own, i)->text);
	jobfile_free(jf);
	diags_free(own);
	return good;
}

bool export_plan(const struct jobfile *jf, const struct job *j, struct buf *out, struct diags *d)
{
	size_t before = diags_errors(d);
	json_t *plan = job_to_plan(j, d);
	bool good = diags_errors(d) == before;

	(void)jf;
	if (good) {
		json_text(out, plan, JSON_INDENTED);
		buf_putc(out, '\n');
		good = reads_back(out, d);
	}
	json_decref(plan);
	return good;
}
