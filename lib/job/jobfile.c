#include "job/jobfile.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "job/namespace.h"

const char *const offer_words[] = {"pipe", "fifo", "off", NULL};
const char *const hook_words[] = {"on_start",   "on_retry",   "on_skip",   "on_slow",
				  "on_success", "on_failure", "on_cancel", "always", NULL};
const char *const overlap_words[] = {"allow", "skip", "queue", "cancel", NULL};
const char *const cond_words[] = {
#define COND(id, word, sentence) word,
	CONDS(COND)
#undef COND
};
const char *const on_lost_words[] = {"fail", "retry", "ask"};
const char *const on_failure_words[] = {"abort", "skip_dependents", "continue", "fallback"};
const char *const opens_words[] = {"done", "ok"};
const char *const idempotency_words[] = {"run", "semantic", "explicit"};
const char *const value_type_words[] = {"text", "int", "float", "bool", "json"};

json_t *text_list_json(const struct text_list *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, json_string(l->text[i]));
	return list;
}

json_t *traits_metadata(const struct traits *t)
{
	struct buf err = BUF_INIT;
	json_t *map = t->metadata ? json_parse(t->metadata, strlen(t->metadata), &err) : NULL;

	BUG_UNLESS(!err.len);
	return map;
}

const char *const *policy_shell(const struct policy *p, size_t *ret_n)
{
	static const char *const usual[] = {"sh", "-eu", "-c"};
	bool is_said = p && p->shell.n;

	*ret_n = is_said ? p->shell.n : ARRAY_LEN(usual);
	return is_said ? p->shell.text : usual;
}

struct mark step_mark(const struct step *st)
{
	return spot_mark(st->job->file->source, st->spot);
}

void jobfile_free(struct jobfile *jf)
{
	if (!jf)
		return;
	for (size_t i = 0; i < jf->n_jobs; i++)
		step_index_release(&jf->job[i]->by_id);
	for (int i = 0; i < HOOK_COUNT; i++)
		if (jf->hook[i])
			step_index_release(&jf->hook[i]->by_id);
	map_release(&jf->job_by_name);
	map_release(&jf->job_by_artifact);
	arena_free(jf->arena); /* jf itself lives there */
}

const struct job *job_find(const struct jobfile *jf, const char *name)
{
	return map_get(&jf->job_by_name, name);
}

const struct job *job_seen(const struct jobfile *jf, const char *ns, const char *name)
{
	struct buf full = BUF_INIT;
	const struct job *j = namespace_get(&jf->job_by_name, ns, name, strlen(name), &full);

	buf_release(&full);
	return j;
}

/* --- steps by their ids ------------------------------------------------------------------------ */

static uint32_t *slot_of(const struct step_index *x, const struct step *step, const char *id)
{
	for (size_t i = map_hash(id, strlen(id));; i++) {
		uint32_t *slot = &x->slot[i & (x->n_slots - 1)];

		if (!*slot || !strcmp(step[*slot - 1].id, id))
			return slot;
	}
}

static void grow(struct step_index *x, const struct step *step)
{
	enum { FIRST = 16 };
	struct step_index old = *x;

	x->n_slots = old.n_slots ? 2 * old.n_slots : FIRST;
	x->slot = xcalloc(x->n_slots, sizeof(*x->slot));
	for (size_t i = 0; i < old.n_slots; i++)
		if (old.slot[i])
			*slot_of(x, step, step[old.slot[i] - 1].id) = old.slot[i];
	free(old.slot);
}

const struct step *step_index_add(struct step_index *x, const struct step *step, uint32_t no)
{
	uint32_t *slot;

	if (4 * (x->n + 1) > 3 * x->n_slots)
		grow(x, step);
	slot = slot_of(x, step, step[no].id);
	if (*slot)
		return &step[*slot - 1];
	*slot = no + 1;
	x->n++;
	return NULL;
}

const struct step *step_index_find(const struct step_index *x, const struct step *step, const char *id)
{
	uint32_t slot = x->n ? *slot_of(x, step, id) : 0;

	return slot ? &step[slot - 1] : NULL;
}

void step_index_release(struct step_index *x)
{
	free(x->slot);
	*x = (struct step_index){0};
}

const struct step *step_find(const struct job *j, const char *id)
{
	if (j->by_id.n)
		return step_index_find(&j->by_id, j->step, id);
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

const struct pool_spec *pool_find(const struct jobfile *jf, const char *name)
{
	for (size_t i = 0; i < jf->n_pools; i++)
		if (!strcmp(jf->pool[i].name, name))
			return &jf->pool[i];
	return NULL;
}

const struct lock_spec *lock_find(const struct jobfile *jf, const char *name)
{
	for (size_t i = 0; i < jf->n_locks; i++)
		if (!strcmp(jf->lock[i].name, name))
			return &jf->lock[i];
	return NULL;
}

const struct store_decl *store_find(const struct jobfile *jf, const char *name)
{
	for (size_t i = 0; i < jf->n_stores; i++)
		if (!strcmp(jf->store[i].name, name))
			return &jf->store[i];
	return NULL;
}

/* The one that is nearest to ns. */
static const struct callable *callable_seen(const struct jobfile *jf, const char *ns, const char *name)
{
	const struct callable *best = NULL;

	for (size_t i = 0; i < jf->n_callables; i++)
		if (namespace_means(ns, name, jf->callable[i].name) &&
		    (!best || strlen(best->name) < strlen(jf->callable[i].name)))
			best = &jf->callable[i];
	return best;
}

const struct callable *callable_behind(const struct jobfile *jf, const char *ns, const char *name)
{
	static const char *const models[] = {"inferometer", "llm"};
	const struct callable *found = NULL;

	if (strcmp(name, "compute.llm") != 0)
		return callable_find(jf, name);
	for (size_t i = 0; !found && i < ARRAY_LEN(models); i++)
		found = callable_seen(jf, ns, models[i]);
	return found;
}

const struct job *artifact_provider(const struct jobfile *jf, const char *ns, const char *name)
{
	struct buf full = BUF_INIT;
	const struct job *j = namespace_get(&jf->job_by_artifact, ns, name, strlen(name), &full);

	buf_release(&full);
	return j;
}

/* Somebody who leaves the namespace out means the job all the same. */
static bool is_name_within(const struct job *j, const char *name)
{
	return j->ns && !strcmp(j->name + strlen(j->ns) + 1, name);
}

static const char *suggest(const struct jobfile *jf, const char *ns, const char *name, bool targets_only)
{
	const char *in_another = NULL;
	struct spell s;

	spell_init(&s, name);
	for (size_t i = 0; i < jf->n_jobs; i++) {
		const struct job *j = jf->job[i];

		if (targets_only && j->t.policy->private)
			continue;
		spell_try(&s, namespace_short(ns, j->name));
		for (size_t k = 0; k < j->n_aliases; k++)
			spell_try(&s, namespace_short(ns, j->alias[k].name));
		if (!in_another && is_name_within(j, name))
			in_another = j->name;
	}
	return s.best ? s.best : in_another;
}

const char *job_suggest(const struct jobfile *jf, const char *ns, const char *name)
{
	return suggest(jf, ns, name, false);
}

const char *target_suggest(const struct jobfile *jf, const char *name)
{
	return suggest(jf, NULL, name, true);
}

const struct step *step_before(const struct step *st)
{
	const struct job *j = st->job;

	if (!st->finally && (!j->in_order || st->t.policy->fallback_only || traits_has(&st->t, KEY_needs)))
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
