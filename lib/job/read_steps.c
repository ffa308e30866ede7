/* Jobs, their steps and their stages. */
#include "job/read.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"

/* --- steps ------------------------------------------------------------------------------------ */

struct step_reading {
	struct step *st;
	const char *where;
	bool has_name; /* written as a map: its key is its id */
	bool keep_nodes;
};

static void use_step_key(struct loader *l, void *ctx, enum key key, const struct node *name,
			 const struct node *value)
{
	struct step_reading *r = ctx;

	if (read_trait(l, &r->st->t, r->where, key, name, value, r->keep_nodes))
		return;
	BUG_UNLESS(key == KEY_id);
	if (r->has_name) {
		diag_error(l->d, name->mark, "%s has its name before the colon already", r->where);
		diag_hint(l->d, "'id' is for steps in a list");
	}
}

/* The id of step number no of a list: what it says, or its number. */
static const char *id_of_item(struct loader *l, const struct node *n, size_t no, bool finally)
{
	const struct node *id = n->kind == NODE_MAP ? node_get(n, "id") : NULL;
	const char *text;

	if (id && read_text(l, "id", id, &text) && check_name(l, "a step", id))
		return text;
	return arena_printf(l->a, "%s%zu", finally ? "finally" : "step", no + 1);
}

static void read_step(struct loader *l, struct step *st, const struct node *n, bool has_name,
		      bool keep_nodes)
{
	struct step_reading r = {st, NULL, has_name, keep_nodes || node_get(n, "extends")};
	size_t before = diags_errors(l->d);

	r.where = arena_printf(l->scratch, "step '%s'", st->id);
	read_map(l, n, IN_STEP, r.where, use_step_key, &r);
	if (diags_errors(l->d) > before)
		first_blame(l, step_mark(st)); /* what it lacks may be what could not be read */
}

static void add_step(struct loader *l, struct job *j, const char *id, const struct node *at,
		     const struct node *n, bool finally, bool keep_nodes)
{
	struct step *st = &j->step[j->n_steps];

	*st = (struct step){
		.id = id, .spot = spot_of(at->mark), .job = j, .no = (uint32_t)j->n_steps, .finally = finally};
	traits_init(&st->t);
	j->n_steps++;
	if (n->kind == NODE_MAP) {
		read_step(l, st, n, at != n, keep_nodes);
		traits_seal(l, &st->t);
		return;
	}
	bad_value(l, id, "a map such as {run: \"...\"}", n);
	first_blame(l, step_mark(st));
}

/* Number no of steps of the kind; key is NULL in a list. */
static void add_item(struct loader *l, struct job *j, const struct node *key, const struct node *item, size_t no,
		     bool finally, bool keep_nodes)
{
	if (!key) {
		add_step(l, j, id_of_item(l, item, no, finally), item, item, finally, keep_nodes);
		return;
	}
	check_name(l, "a step", key);
	add_step(l, j, arena_strdup(l->a, key->text), key, item, finally, keep_nodes);
}

static void add_steps(struct loader *l, struct job *j, const struct node *n, bool finally, bool keep_nodes)
{
	for (size_t i = 0; i < n->n; i++)
		add_item(l, j, n->kind == NODE_MAP ? n->key[i] : NULL, n->item[i], i, finally, keep_nodes);
}

static void index_steps(struct loader *l, struct job *j)
{
	enum { MANY = 8 }; /* fewer are found by looking at each */
	bool indexed = j->n_steps > MANY;

	for (size_t i = 0; i < j->n_steps; i++) {
		const struct step *st = &j->step[i], *first = NULL;

		if (indexed)
			first = step_index_add(&j->by_id, j->step, (uint32_t)i);
		for (size_t k = 0; !indexed && !first && k < i; k++)
			first = strcmp(j->step[k].id, st->id) ? NULL : &j->step[k];
		if (first) {
			diag_error(l->d, step_mark(st), "job '%s' has two steps '%s'", j->name, st->id);
			diag_note(l->d, step_mark(first), "the first is here");
		}
	}
}

/* --- stages ----------------------------------------------------------------------------------- */

static void use_loop_key(struct loader *l, void *ctx, enum key key, const struct node *name, const struct node *n)
{
	struct stage_loop *loop = ctx;
	int64_t most;

	if (key == KEY_loop_over)
		read_value(l, name->text, n, &loop->over);
	else if (key == KEY_loop_payload)
		loop->payload = value_from_node(l->a, n, l->d);
	else if (read_int(l, name->text, n, 1, 1000000, &most))
		loop->max_parallel = (uint32_t)most;
}

static void read_loop(struct loader *l, struct stage *s, const struct node *n)
{
	struct stage_loop *loop = ARENA_NEW(l->a, struct stage_loop);
	size_t before = diags_errors(l->d);

	read_map(l, n, IN_LOOP, "'loop'", use_loop_key, loop);
	if (!loop->over && diags_errors(l->d) == before) {
		diag_error(l->d, n->mark, "the loop has no 'over'");
		diag_hint(l->d, "write over: \"${{ results.JOB.items }}\"");
	}
	s->loop = loop;
}

static void use_stage_key(struct loader *l, void *ctx, enum key key, const struct node *name,
			  const struct node *n)
{
	struct stage *s = ctx;
	size_t word;

	switch (key) {
	case KEY_stage_name:
		read_text(l, "name", n, &s->name);
		break;
	case KEY_stage_jobs:
		read_names(l, "jobs", n, false, &s->select, &s->n_selects);
		break;
	case KEY_stage_opens:
		if (read_word(l, "opens", n, opens_words, ARRAY_LEN(opens_words), &word))
			s->opens = (enum opens)word;
		break;
	case KEY_stage_loop:
		read_loop(l, s, n);
		break;
	default:
		BUG("key '%s' is not one of a stage", name->text);
	}
}

static void read_stage(struct loader *l, struct stage *s, const struct node *n)
{
	*s = (struct stage){.mark = n->mark};
	if (n->kind == NODE_MAP) {
		read_map(l, n, IN_STAGE, "a stage", use_stage_key, s);
		if (!s->n_selects)
			diag_error(l->d, n->mark, "the stage has no 'jobs'");
	} else {
		read_names(l, "stages", n, true, &s->select, &s->n_selects);
	}
	if (!s->name)
		s->name = s->n_selects ? s->select[0].name : "";
}

static void read_stages(struct loader *l, struct job *j, const struct node *n)
{
	if (n->kind != NODE_LIST || !n->n) {
		bad_value(l, "stages", "a list of jobs, or of {name, jobs}", n);
		return;
	}
	j->stage = arena_array(l->a, n->n, sizeof(*j->stage));
	j->n_stages = n->n;
	for (size_t i = 0; i < n->n; i++)
		read_stage(l, &j->stage[i], n->item[i]);
}

/* --- jobs ------------------------------------------------------------------------------------- */

struct job_reading {
	struct job *j;
	const char *where;
	bool keep_nodes;
	bool calls_job; /* its action is `job`: its `params` are what it passes on */
	const struct node *steps, *stages, *finally;
	bool pulled; /* the steps have been read one by one; `steps` says how they were written and how many */
	size_t room_steps; /* of those */
};

static bool is_verb(const struct jobfile_where *w, const char *name)
{
	for (size_t i = 0; i < w->n_verbs; i++)
		if (!strcmp(w->verb[i], name))
			return true;
	return false;
}

static void refuse_verb(struct loader *l, const char *full, const struct node *name)
{
	if (!is_verb(l->where, full))
		return;
	diag_error(l->d, name->mark, "'%s' is a verb of the command line, so no job can bear its name", name->text);
	diag_hint(l->d, "a dotted name such as 'my.%s' is always free", name->text);
}

static bool take_alias(struct loader *l, const struct job *j, const char *full, const struct node *name)
{
	const struct taken *first = map_get(&l->names[NAME_JOB], full);

	if (!first)
		return take_name(l, NAME_JOB, full, name->mark);
	diag_error(l->d, name->mark, "'%s' cannot be an alias of job '%s': something is called so already", name->text,
		   j->name);
	diag_note(l->d, first->mark, "here");
	return false;
}

static void read_aliases(struct loader *l, struct job *j, const struct node *n)
{
	const struct node *const one[] = {n};
	const struct node *const *item = n->kind == NODE_LIST ? (const struct node *const *)n->item : one;
	size_t count = n->kind == NODE_LIST ? n->n : 1;

	j->alias = arena_array(l->a, count, sizeof(*j->alias));
	for (size_t i = 0; i < count; i++) {
		const char *text, *full;

		if (!read_text(l, "aliases", item[i], &text) || !check_name(l, "an alias", item[i]))
			continue;
		full = full_name(l, text);
		refuse_verb(l, full, item[i]);
		if (take_alias(l, j, full, item[i]))
			j->alias[j->n_aliases++] = (struct name_decl){full, item[i]->mark};
	}
}

static void use_job_key(struct loader *l, void *ctx, enum key key, const struct node *name,
			const struct node *value)
{
	struct job_reading *r = ctx;

	if (read_trait(l, &r->j->t, r->where, key, name, value, r->keep_nodes))
		return;
	switch (key) {
	case KEY_params:
		if (r->calls_job)
			read_trait(l, &r->j->t, r->where, KEY_job_params, name, value, r->keep_nodes);
		else
			read_params(l, value, false, &r->j->params);
		break;
	case KEY_aliases:
		read_aliases(l, r->j, value);
		break;
	case KEY_namespace:
		if (read_text(l, "namespace", value, &r->j->ns))
			r->j->ns = full_name(l, r->j->ns);
		break;
	case KEY_steps:
		r->steps = value;
		break;
	case KEY_stages:
		r->stages = value;
		break;
	case KEY_finally:
		r->finally = value;
		break;
	default:
		BUG("key '%s' is not one of a job", name->text);
	}
}

/* A job is one action, or steps, or stages. */
static void check_one_kind(struct loader *l, const struct job_reading *r)
{
	const char *act = r->j->t.act->kind != ACT_NONE ? act_word(r->j->t.act->kind) : NULL;
	const char *first = act ? act : r->steps ? "steps" : NULL;
	const char *second = r->stages ? "stages" : act && r->steps ? "steps" : NULL;

	if (first && second) {
		diag_error(l->d, r->j->mark, "job '%s' has both '%s' and '%s'", r->j->name, first,
			   second);
		diag_hint(l->d, "a job is one action, or 'steps', or 'stages' of other jobs");
	}
	if (r->stages && r->finally) {
		diag_error(l->d, r->finally->mark,
			   "job '%s' has 'stages', so it cannot have 'finally'", r->j->name);
		diag_hint(l->d, "make a job of it and name that job in a last stage");
	}
}

static bool is_steps(struct loader *l, const char *key, const struct node *n, bool list_only)
{
	if (n && n->n && (n->kind == NODE_LIST || (n->kind == NODE_MAP && !list_only)))
		return true;
	if (n)
		bad_value(l, key,
			  list_only ? "a list of steps" : "a list of steps, or a map of names and steps", n);
	return false;
}

/* Steps that were pulled are in an array that grew; the others get one that fits. */
static void reserve_steps(struct loader *l, struct job_reading *r, size_t more)
{
	struct job *j = r->j;

	if (!r->pulled) {
		j->step = arena_array(l->a, more, sizeof(*j->step));
		return;
	}
	j->step = xreallocarray(j->step, j->n_steps + more, sizeof(*j->step));
	arena_on_free(l->a, free, j->step);
}

static void read_members(struct loader *l, struct job_reading *r)
{
	struct job *j = r->j;
	bool steps = is_steps(l, "steps", r->steps, false);
	bool finally = is_steps(l, "finally", r->finally, true);
	bool one_action = finally && !r->steps && !r->stages;

	reserve_steps(l, r, (steps && !r->pulled ? r->steps->n : 0) + (finally ? r->finally->n : 0) + 1);
	if (steps) {
		j->in_order = r->steps->kind == NODE_LIST;
		if (!r->pulled)
			add_steps(l, j, r->steps, false, r->keep_nodes);
	} else if (one_action) {
		j->in_order = true;
		j->step[j->n_steps++] = (struct step){.id = "main", .spot = spot_of(j->mark), .job = j};
		traits_init(&j->step[0].t);
	}
	if (finally)
		add_steps(l, j, r->finally, true, r->keep_nodes);
	index_steps(l, j);
	if (r->stages)
		read_stages(l, j, r->stages);
	j->kind = r->stages ? JOB_COMPOSITE : j->n_steps || r->steps ? JOB_STEPS : JOB_ACTION;
}

void read_hook_steps(struct loader *l, struct job *j, const struct node *n)
{
	struct node *one = (struct node *)n;
	const struct node list = {.kind = NODE_LIST, .mark = n->mark, .n = 1, .item = &one};
	const struct node *all = n->kind == NODE_LIST ? n : &list;

	j->step = arena_array(l->a, all->n + 1, sizeof(*j->step));
	add_steps(l, j, all, false, true);
	index_steps(l, j);
}

void add_job(struct loader *l, struct job *j)
{
	struct jobfile *jf = l->jf;

	j->no = (uint32_t)jf->n_jobs;
	VEC_PUSH(jf->job, jf->n_jobs, l->room_jobs, j);
	map_put(&jf->job_by_name, j->name, j);
	for (size_t i = 0; i < j->n_aliases; i++)
		map_put(&jf->job_by_name, j->alias[i].name, j);
}

bool take_job_name(struct loader *l, const struct node *name)
{
	const char *full = full_name(l, name->text);

	if (!check_name(l, "a job", name))
		return false;
	refuse_verb(l, full, name);
	return take_name(l, NAME_JOB, full, name->mark); /* else whoever needs it would be wrong as well */
}

static bool begin_job(struct loader *l, struct job_reading *r, const struct node *name)
{
	*r = (struct job_reading){.j = ARENA_NEW(l->a, struct job),
				  .where = arena_printf(l->scratch, "job '%s'", name->text)};
	*r->j = (struct job){.name = full_name(l, name->text), .ns = l->file->ns, .mark = name->mark, .file = l->file};
	traits_init(&r->j->t);
	return take_job_name(l, name);
}

static void read_no_map(struct loader *l, struct job_reading *r, const struct node *name, const struct node *value)
{
	read_map(l, value, IN_JOB, r->where, use_job_key, r);
	if (value->kind == NODE_SCALAR && !is_null(value) && value->n < 60 && !strpbrk(value->text, "\"\n"))
		diag_hint(l->d, "write %s: {run: \"%s\"}", name->text, value->text);
	else if (value->kind == NODE_LIST)
		diag_hint(l->d, "a list of actions is `steps`: %s: {steps: [{run: ...}]}", name->text);
}

static void finish_job(struct loader *l, struct job_reading *r, const struct node *value, size_t before, bool good)
{
	r->keep_nodes = node_get(value, "extends") != NULL;
	r->calls_job = node_get(value, "job") != NULL;
	read_map(l, value, IN_JOB, r->where, use_job_key, r);
	check_one_kind(l, r);
	read_members(l, r);
	if (diags_errors(l->d) > before)
		first_blame(l, r->j->mark);
	if (good)
		add_job(l, r->j);
	else
		step_index_release(&r->j->by_id);
}

void read_job(struct loader *l, const struct node *name, const struct node *value)
{
	struct job_reading r;
	size_t before = diags_errors(l->d);
	bool good = begin_job(l, &r, name);

	if (value->kind == NODE_MAP)
		finish_job(l, &r, value, before, good);
	else
		read_no_map(l, &r, name, value);
}

/* --- one step at a time ------------------------------------------------------------------------ */

/* The tree of a job but for its steps: those are read as they come, and dropped. */

struct pairs {
	struct node **key, **item;
	size_t n, room_keys, room_items;
};

static void add_pair(struct pairs *p, struct node *key, struct node *item)
{
	VEC_RESERVE(p->key, p->n, p->room_keys, 1);
	VEC_RESERVE(p->item, p->n, p->room_items, 1);
	p->key[p->n] = key;
	p->item[p->n++] = item;
}

/* False once the document is bad. */
static bool pull_step(struct loader *l, struct cursor *c, struct job_reading *r, bool is_map)
{
	const struct node *key = is_map ? cursor_tree(c, l->scratch) : NULL;
	const struct node *item = key || !is_map ? cursor_tree(c, l->scratch) : NULL;

	if (!item)
		return false;
	VEC_RESERVE(r->j->step, r->j->n_steps, r->room_steps, 1);
	add_item(l, r->j, key, item, r->j->n_steps, false, true);
	scratch_tidy(l);
	return true;
}

/* What remains is how they were written.  NULL once the document is bad. */
static struct node *pull_steps(struct loader *l, struct cursor *c, struct job_reading *r)
{
	struct node *n = ARENA_NEW(l->scratch, struct node);
	struct arena *outer = l->scratch;

	*n = (struct node){.kind = cursor_peek(c) == DOC_MAP ? NODE_MAP : NODE_LIST, .mark = cursor_mark(c)};
	cursor_next(c, NULL);
	l->scratch = arena_new();
	while (cursor_peek(c) != DOC_END && pull_step(l, c, r, n->kind == NODE_MAP))
		;
	arena_free(l->scratch);
	l->scratch = outer;
	n->n = r->j->n_steps;
	r->pulled = true;
	return cursor_next(c, NULL) == DOC_END ? n : NULL;
}

static bool pull_pair(struct loader *l, struct cursor *c, struct job_reading *r, struct pairs *p)
{
	struct node *key = cursor_tree(c, l->scratch), *item = NULL;
	enum doc_event kind = key ? cursor_peek(c) : DOC_BAD;

	if (key && !strcmp(key->text, "steps") && (kind == DOC_MAP || kind == DOC_LIST))
		item = pull_steps(l, c, r);
	else if (key)
		item = cursor_tree(c, l->scratch);
	if (item)
		add_pair(p, key, item);
	return item;
}

static bool pull_map(struct loader *l, struct cursor *c, struct job_reading *r, struct node *ret)
{
	struct pairs p = {0};
	struct mark m = cursor_mark(c);
	bool good = true;

	cursor_next(c, NULL);
	while (good && cursor_peek(c) != DOC_END)
		good = pull_pair(l, c, r, &p);
	good = good && cursor_next(c, NULL) == DOC_END;
	*ret = (struct node){.kind = NODE_MAP, .mark = m, .n = p.n, .key = p.key, .item = p.item};
	return good;
}

bool pull_job(struct loader *l, struct cursor *c, const struct node *name)
{
	struct job_reading r;
	size_t before = diags_errors(l->d);
	bool taken, good;
	struct node map, *value;

	if (cursor_peek(c) != DOC_MAP) {
		value = cursor_tree(c, l->scratch);
		if (value)
			read_job(l, name, value);
		return value;
	}
	taken = begin_job(l, &r, name);
	good = pull_map(l, c, &r, &map);
	if (good)
		finish_job(l, &r, &map, before, taken);
	else
		free(r.j->step);
	free(map.key);
	free(map.item);
	return good;
}
