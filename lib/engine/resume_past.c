/* What the chain of runs that is resumed has of each step. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "doc/diag.h"
#include "doc/json.h"
#include "engine/resume.h"

/* --- the chain ---------------------------------------------------------------------------------------------- */

struct link {
	int64_t no;
	char *id, *resumes;
};

struct links {
	struct link *at;
	size_t n, room;
};

static bool keep_link(void *ctx, const struct ledger_run_row *r)
{
	struct links *l = ctx;

	VEC_PUSH(l->at, l->n, l->room,
		 ((struct link){r->no, xstrdup(r->id), r->resumes ? xstrdup(r->resumes) : NULL}));
	return true;
}

static void links_release(struct links *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->at[i].id);
		free(l->at[i].resumes);
	}
	free(l->at);
}

/* Newest first.  An earlier one that has been forgotten ends it; so does one that is not older (a ledger may come
 * from anywhere). */
static bool read_links(struct ledger *l, const char *id, struct links *ret)
{
	struct buf ignored = BUF_INIT;
	int64_t no, last = INT64_MAX;
	bool good = true;

	while (id && good) {
		size_t n = ret->n;

		if (ledger_run_find(l, id, NULL, &no, &ignored) != LEDGER_FOUND || no >= last)
			break;
		good = ledger_run_get(l, no, keep_link, ret) && ret->n > n;
		last = no;
		id = good ? ret->at[n].resumes : NULL;
	}
	buf_release(&ignored);
	return good && ret->n;
}

/* --- its steps ---------------------------------------------------------------------------------------------- */

struct reading {
	struct past *p;
	uint32_t run; /* in the chain */
	int64_t no;
};

static const char *copy(struct past *p, const char *text)
{
	return text ? arena_strdup(p->arena, text) : NULL;
}

static void fill(struct reading *r, struct past_step *s, const struct ledger_step_row *row)
{
	*s = (struct past_step){
		.row = {r->run, row->state, row->reason, row->attempts}, .run_no = r->no, .unit = row->unit,
		.mark = copy(r->p, row->fingerprint), .result = copy(r->p, row->result),
		.exit_code = row->exit_code, .approved = -1,
	};
}

/* The newest that says something of itself counts; one that refers to an older one is as old as that. */
static void take_row(struct reading *r, struct map *map, const char *name, const struct ledger_step_row *row)
{
	struct past_step *s = map_get(map, name);

	if (!s) {
		s = arena_alloc(r->p->arena, sizeof(*s));
		(void)map_put(map, name, s);
		fill(r, s, row);
	} else if (resume_row_refers(&s->row) && state_is_ok(row->state)) {
		s->row.run = r->run;
		if (row->state == STATE_SUCCEEDED)
			s->row.state = row->state;
	} else if (!resume_row_decides(&s->row) && !resume_row_refers(&s->row) && s->approved < 0) {
		fill(r, s, row);
	}
}

static bool keep_step(void *ctx, const struct ledger_step_row *row)
{
	struct reading *r = ctx;

	take_row(r, &r->p->by_key, row->key, row);
	take_row(r, &r->p->by_name, row->name, row);
	return true;
}

static bool keep_fragment(void *ctx, uint32_t no, const char *text)
{
	struct reading *r = ctx;
	struct buf ignored = BUF_INIT;
	json_t *doc = json_parse(text, strlen(text), &ignored);
	const char *loop = json_str(doc, "loop");

	(void)no;
	if (loop && !map_has(&r->p->fragment, loop)) {
		struct past_fragment *f = arena_alloc(r->p->arena, sizeof(*f));

		*f = (struct past_fragment){r->run, copy(r->p, text)};
		(void)map_put(&r->p->fragment, loop, f);
	}
	json_decref(doc);
	buf_release(&ignored);
	return true;
}

static bool keep_answer(void *ctx, const struct ledger_approval_row *a)
{
	struct reading *r = ctx;

	for (size_t i = 0; i < r->p->by_key.n; i++) {
		struct past_step *s = r->p->by_key.entry[i].value;

		if (s->run_no != r->no || s->unit != a->unit)
			continue;
		s->approved = a->approved;
		s->by = copy(r->p, a->by);
		s->note = copy(r->p, a->note);
		s->answered_ms = a->wall_ms;
	}
	return true;
}

static bool read_run(struct past *p, struct ledger *l, const struct link *link, uint32_t run)
{
	struct reading r = {p, run, link->no};

	p->run_id[run - 1] = arena_strdup(p->arena, link->id);
	return ledger_steps(l, link->no, NULL, keep_step, &r) && ledger_fragments(l, link->no, keep_fragment, &r) &&
	       ledger_approvals(l, link->no, keep_answer, &r);
}

bool past_read(struct past *p, struct ledger *l, const char *id, struct diags *d)
{
	struct links links = {0};
	bool good = read_links(l, id, &links);

	*p = (struct past){.arena = arena_new(), .n_runs = (uint32_t)links.n};
	p->run_id = xcalloc(links.n + 1, sizeof(*p->run_id));
	for (size_t i = 0; good && i < links.n; i++)
		good = read_run(p, l, &links.at[i], (uint32_t)(links.n - i));
	if (!good)
		diag_error(d, MARK_NONE, "run %s cannot be read from the ledger: %s", id,
			   ledger_error(l)->text.len ? ledger_error(l)->text.data : "it is not there");
	links_release(&links);
	return good;
}

void past_release(struct past *p)
{
	map_release(&p->by_key);
	map_release(&p->by_name);
	map_release(&p->fragment);
	arena_free(p->arena);
	free(p->run_id);
}
