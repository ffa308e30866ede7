#include "store/op.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "store/ops.h"
#include "store/params.h"

static const struct {
	const char *name;
	json_t *(*perform)(struct op_world *, const json_t *, struct fault *);
} ops[] = {
	{"storacle.query", op_query},	 {"plan.build", op_build},	{"storacle.submit", op_submit},
	{"render", op_render_messages},	 {"egret", op_plan_messages},	{"egret_builder", op_plan_messages},
	{"egret.submit", op_send_messages}, {"compute.llm", op_ask_model},
	{"log.dump", op_dump},		 {"file.read", op_read_file},	{"view_creator", op_make_view},
	{"molt_projector", op_make_table}, {"bq_reader", op_read_rows}, {"file_renderer", op_render_files},
};

bool op_exists(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		if (!strcmp(ops[i].name, name))
			return true;
	return false;
}

static json_t *perform(struct op_world *w, const struct op_words *words,
		       json_t *(*carry_out)(struct op_world *, const json_t *, struct fault *), const json_t *with,
		       struct fault *f)
{
	json_t *given = op_given(w, words, with, f), *answer = NULL;
	struct params p = {.map = given, .path = "", .fault = f};

	if (given && params_check(&p, words->required, words->optional))
		answer = carry_out(w, given, f);
	json_decref(given);
	return answer;
}

static json_t *unknown(const struct op_words *words, size_t n, const char *name, struct fault *f)
{
	struct buf hint = BUF_INIT;
	struct spell near;

	spell_init(&near, name);
	for (size_t i = 0; i < n; i++)
		spell_try(&near, words[i].name);
	fault_usage(f, "no built-in operation is called '%s'%s", name, did_you_mean(&near, &hint));
	buf_release(&hint);
	return NULL;
}

json_t *op_perform(struct op_world *w, const struct op_words *words, size_t n, const char *name,
		   const json_t *with, struct fault *f)
{
	size_t i = 0, j = 0;

	while (i < n && strcmp(words[i].name, name))
		i++;
	if (i == n)
		return unknown(words, n, name, f);
	while (j < ARRAY_LEN(ops) && strcmp(ops[j].name, name))
		j++;
	BUG_UNLESS(j < ARRAY_LEN(ops));
	if (json_is_object(with))
		return perform(w, &words[i], ops[j].perform, with, f);
	fault_usage(f, "the parameters of %s have to be a map, not %s", name, json_kind(with));
	return NULL;
}

char *op_correlation(const struct op_world *w)
{
	if (!w->run)
		return NULL;
	if (w->job)
		return xasprintf("%s:%s/%s", w->run, w->job, w->step ? w->step : "");
	return xasprintf("%s:%s", w->run, w->step ? w->step : "");
}

json_t *op_answer(json_t *items, json_t *stats)
{
	json_t *answer = json_object();

	json_object_set_new(answer, "items", items);
	json_object_set_new(answer, "stats", stats);
	json_object_set_new(answer, "schema_version", json_string("1.0"));
	return answer;
}
