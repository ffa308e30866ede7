/* What may become an image of this run, while it goes; and the image, if it found everything up to date. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/vec.h"
#include "engine/debug.h"
#include "engine/engine_impl.h"
#include "engine/fresh.h"
#include "engine/image_impl.h"

struct draft {
	struct sights files; /* from the root on */
	struct map env;	     /* names of variables that made a difference */
	int64_t freshness;   /* of the ledger, before anything of it was gone by */
	struct image_told *told;
	size_t n_told, room_told;
	uint32_t n_settled;
};

/* --- while the run goes ------------------------------------------------------------------------------------- */

void draft_begin(struct engine *e)
{
	if (!e->o->image || e->o->no_ledger)
		return;
	e->draft = xcalloc(1, sizeof(*e->draft));
	e->draft->files = (struct sights)SIGHTS_INIT;
}

void draft_free(struct engine *e)
{
	if (!e->draft)
		return;
	sights_release(&e->draft->files);
	map_release(&e->draft->env);
	free(e->draft->told);
	free(e->draft);
}

struct sights *draft_files(const struct engine *e)
{
	return e->draft ? &e->draft->files : NULL;
}

void draft_env(const struct engine *e, const char *name)
{
	if (e->draft)
		(void)map_intern(&e->draft->env, name);
}

void draft_open(struct engine *e)
{
	if (!e->draft)
		return;
	e->draft->freshness = ledger_freshness(e->ledger);
	if (e->draft->freshness < 0)
		sights_spoil(&e->draft->files, "the ledger does not say how fresh it is");
}

void draft_tell(const struct engine *e, const struct run_event *event)
{
	struct draft *d = e->draft;

	if (!d || d->files.spoilt)
		return;
	d->n_settled += event->kind != EVENT_JOB_FINISHED && event->unit != UNIT_NONE;
	if (event_is_of_job(e->x, event))
		VEC_PUSH(d->told, d->n_told, d->room_told, ((struct image_told){(uint32_t)event->seq, d->n_settled}));
}

/* --- whether another run would find the same ------------------------------------------------------------------ */

/* Of what was asked, what a request does not tell apart. */
static const char *unfit_options(const struct run_options *o)
{
	if (o->resumes || o->hold || o->past)
		return "it goes on with another run, or applies a plan";
	if (o->timeout_ms || o->deadline_ms)
		return "the time of the run is limited";
	return o->shuffle ? "the order is random" : NULL;
}

static const char *unfit_run(const struct engine *e)
{
	const struct graph *g = e->x->graph;

	if (e->run_state != STATE_SUCCEEDED || schedule_is_degraded(e->s, g->group[g->root].end) || e->broken)
		return "the run did not end well";
	if (e->attempts.n || e->signals || e->questions)
		return "something ran";
	if (e->above)
		return "its slots are those of a make above";
	if (e->hooks)
		return "there are hooks";
	return overlap_is_allowed(e) ? NULL : "a target does not let others run beside it";
}

/* A decision that goes by what is put down here, and by what the documents say. */
static const char *unfit_step(const struct engine *e, uint32_t unit)
{
	const struct traits *t = &e->x->place[unit].step->t;
	enum reason why = schedule_reason(e->s, unit, NULL);

	if (t->flow->n_provides || t->flow->n_consumes || t->act->kind == ACT_CALL)
		return "a step gives or takes values";
	switch (schedule_state(e->s, unit)) {
	case STATE_CACHED:
		if (why != REASON_FRESH && why != REASON_NEVER_RUNS)
			return "a step is cached for another reason than its files";
		return fresh_kind_of(t) == FRESH_TTL ? "a success is good for a time only" : NULL;
	case STATE_SKIPPED:
		return why == REASON_RESTRICTED || why == REASON_WHEN_FALSE || why == REASON_SKIP_IF_TRUE ||
				       why == REASON_STAND_IN_IDLE ? NULL : "a step was skipped";
	case STATE_SUCCEEDED:
		return e->x->graph->unit[unit].flags & UNIT_INSTANT ? NULL : "something ran";
	default:
		return "a step did not end well";
	}
}

static const char *unfit_steps(const struct engine *e)
{
	const struct graph *g = e->x->graph;
	const char *why = NULL;

	for (uint32_t u = 0; !why && u < g->n_units; u++)
		if (g->unit[u].kind == UNIT_STEP)
			why = unfit_step(e, u);
	for (uint32_t i = 0; !why && i < g->n_groups; i++)
		if (e->x->bundle[i].kind == BUNDLE_LOOP)
			why = "there is a loop over what steps give";
	return why;
}

/* NULL: it would. */
static const char *unfit(const struct engine *e)
{
	const char *why = unfit_options(e->o);

	why = why ? why : unfit_run(e);
	why = why ? why : unfit_steps(e);
	why = why ? why : e->o->image->documents->spoilt;
	return why ? why : e->draft->files.spoilt;
}

/* --- the file -------------------------------------------------------------------------------------------------- */

static uint32_t put_text(struct buf *names, const char *text)
{
	uint32_t at = (uint32_t)names->len;

	buf_add(names, text, strlen(text) + 1);
	return at;
}

static uint32_t put_env(struct buf *names, const struct map *env)
{
	uint32_t at = (uint32_t)names->len;

	for (size_t i = 0; i < env->n; i++)
		if (env->entry[i].key[0])
			(void)put_text(names, env->entry[i].key);
	buf_putc(names, 0);
	return at;
}

/* Their names move behind those that are there. */
static void put_sights(struct buf *body, struct sights *l, size_t names)
{
	sights_sort(l);
	for (size_t i = 0; i < l->n; i++) {
		struct sight s = l->at[i];

		s.name += (uint32_t)names;
		buf_add(body, &s, sizeof(s));
	}
}

static void put_target(const struct engine *e, struct buf *out)
{
	for (size_t i = 0; i < e->x->n_targets; i++) {
		if (i)
			buf_putc(out, ' ');
		expansion_unit_name(e->x, e->x->target_unit[i], out);
	}
}

static void put_digests(const struct engine *e, const char *env_names, struct image_head *h)
{
	json_t *env = image_environ(e->o->environ, env_names);
	struct digest request, environ;

	image_digest(e->paths.ledger, false, e->o->image->what, &request);
	image_digest(e->paths.ledger, false, env, &environ);
	memcpy(h->request, request.hex, sizeof(h->request));
	memcpy(h->env, environ.hex, sizeof(h->env));
	json_decref(env);
}

static bool is_native(const struct jobfile *jf)
{
	for (size_t i = 0; i < jf->n_files; i++)
		if (strcmp(jf->file[i]->format, "native"))
			return false;
	return true;
}

/* Those of the head, and the names that it refers to. */
static void put_head(const struct engine *e, struct image_head *h, struct buf *names)
{
	struct schedule_counts c;
	struct buf target = BUF_INIT;

	memset(h, 0, sizeof(*h)); /* what lies between the fields is written as well */
	h->run = e->id;
	h->run_no = e->run_no;
	h->freshness = e->draft->freshness;
	h->synced = e->jf->ledger.synced;
	h->native = is_native(e->jf);
	schedule_counts(e->s, &c);
	memcpy(h->by_state, c.by_state, sizeof(h->by_state));
	put_target(e, &target);
	h->root = put_text(names, e->root);
	h->asked = put_text(names, e->target_text);
	h->target = put_text(names, target.data);
	h->names_of_env = put_env(names, &e->draft->env);
	put_digests(e, names->data + h->names_of_env, h);
	buf_release(&target);
}

static void put_body(const struct engine *e, struct buf *body)
{
	struct sights *documents = e->o->image->documents, *files = &e->draft->files;
	struct buf names = BUF_INIT;
	struct image_head h;
	size_t at;

	put_head(e, &h, &names);
	at = names.len;
	buf_add(&names, documents->names.data, documents->names.len);
	buf_add(body, &h, sizeof(h));
	put_sights(body, documents, at);
	h.n_documents = documents->n;
	put_sights(body, files, names.len);
	buf_add(&names, files->names.data, files->names.len);
	h.n_files = files->n;
	buf_add(body, e->draft->told, e->draft->n_told * sizeof(*e->draft->told));
	h.n_told = e->draft->n_told;
	memcpy(body->data, &h, sizeof(h));
	buf_add(body, names.data, names.len);
	buf_release(&names);
}

static void write_file(const struct engine *e)
{
	struct buf body = BUF_INIT, file = BUF_INIT, ignored = BUF_INIT;
	char *path = image_path(e->root, e->o->image->name), *dir = path_dir(path);

	put_body(e, &body);
	image_seal(&body, &file);
	/* Without it the next run takes longer. */
	if (private_dir_make(dir, &ignored) && file_write_atomic(path, file.data, file.len, 0600) == 0)
		debug(e, DEBUG_IMAGE, "an image of this run is kept as %s", path);
	buf_release(&body);
	buf_release(&file);
	buf_release(&ignored);
	free(path);
	free(dir);
}

void draft_keep(struct engine *e)
{
	const char *why = e->draft ? unfit(e) : NULL;

	if (!e->draft || e->unjudged)
		return;
	if (why)
		debug(e, DEBUG_IMAGE, "there is no image of this run: %s", why);
	else
		write_file(e);
}
