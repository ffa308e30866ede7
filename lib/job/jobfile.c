#include "job/jobfile.h"

#include <string.h>

#include "base/bug.h"
#include "base/spell.h"

const char *const offer_words[] = {"pipe", "fifo", "off", NULL};

const char *const hook_words[] = {"on_start",   "on_retry",   "on_skip",   "on_slow",
				  "on_success", "on_failure", "on_cancel", "always", NULL};
const char *const overlap_words[] = {"allow", "skip", "queue", "cancel", NULL};

void jobfile_free(struct jobfile *jf)
{
	if (!jf)
		return;
	for (size_t i = 0; i < jf->n_jobs; i++)
		map_release(&jf->job[i]->step_by_id);
	for (int i = 0; i < HOOK_COUNT; i++)
		if (jf->hook[i])
			map_release(&jf->hook[i]->step_by_id);
	map_release(&jf->job_by_name);
	map_release(&jf->job_by_artifact);
	arena_free(jf->arena); /* jf itself lives there */
}

const struct job *job_find(const struct jobfile *jf, const char *name)
{
	return map_get(&jf->job_by_name, name);
}

const struct step *step_find(const struct job *j, const char *id)
{
	if (j->step_by_id.n)
		return map_get(&j->step_by_id, id);
	for (size_t i = 0; i < j->n_steps; i++)
		if (!strcmp(j->step[i].id, id))
			return &j->step[i];
	return NULL;
}

const struct var *var_find(const struct jobfile *jf, const char *name)
{
	for (size_t i = 0; i < jf->n_vars; i++)
		if (!strcmp(jf->var[i].name, name))
			return &jf->var[i];
	return NULL;
}

const struct secret *secret_find(const struct jobfile *jf, const char *name)
{
	for (size_t i = 0; i < jf->n_secrets; i++)
		if (!strcmp(jf->secret[i].name, name))
			return &jf->secret[i];
	return NULL;
}

const struct callable *callable_find(const struct jobfile *jf, const char *name)
{
	for (size_t i = 0; i < jf->n_callables; i++)
		if (!strcmp(jf->callable[i].name, name))
			return &jf->callable[i];
	return NULL;
}

const struct callable *callable_behind(const struct jobfile *jf, const char *name)
{
	static const char *const models[] = {"inferometer", "llm"};
	const struct callable *found = NULL;

	if (strcmp(name, "compute.llm") != 0)
		return callable_find(jf, name);
	for (size_t i = 0; !found && i < ARRAY_LEN(models); i++)
		found = callable_find(jf, models[i]);
	return found;
}

const struct job *artifact_provider(const struct jobfile *jf, const char *name)
{
	return map_get(&jf->job_by_artifact, name);
}

const char *job_suggest(const struct jobfile *jf, const char *name)
{
	struct spell s;

	spell_init(&s, name);
	for (size_t i = 0; i < jf->n_jobs; i++)
		spell_try(&s, jf->job[i]->name);
	return s.best;
}


const struct step *step_before(const struct step *st)
{
	const struct job *j = st->job;

	if (!st->finally && (!j->in_order || st->t.policy->fallback_only || key_set_has(&st->t.set, KEY_needs)))
		return NULL;
	for (uint32_t i = st->no; i-- > 0;)
		if (j->step[i].finally == st->finally && !j->step[i].t.policy->fallback_only)
			return &j->step[i];
	return NULL;
}

static uint32_t width_of(const struct job *j)
{
	return j ? j->width : 0;
}

uint32_t jobfile_width(const struct jobfile *jf, const char *const *target, size_t n)
{
	uint32_t widest = 0;

	if (!n && jf->default_target)
		return width_of(job_find(jf, jf->default_target));
	if (!n)
		return jf->n_jobs ? width_of(jf->job[0]) : 0;
	for (size_t i = 0; i < n; i++) {
		const struct job *j = map_get_n(&jf->job_by_name, target[i], strcspn(target[i], "/["));

		if (width_of(j) > widest)
			widest = width_of(j);
	}
	return widest;
}
