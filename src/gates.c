#include "gates.h"

#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/quote.h"

enum { SHORT_ID = 10 };

struct gates {
	struct ledger *l;
	int64_t run;
	struct buf *out;
	char id[SHORT_ID + 1];
	bool has_ended;	 /* the run: somebody has to go on with it */
	bool is_over;	 /* another run has */
	bool any;
};

static bool look_at_run(void *ctx, const struct ledger_run_row *r)
{
	struct gates *g = ctx;
	int64_t later = 0;

	snprintf(g->id, sizeof(g->id), "%s", r->id);
	g->has_ended = r->end_wall_ms >= 0;
	g->is_over = g->has_ended && (r->state != STATE_WAITING || !ledger_run_resumer(g->l, r->id, &later) || later);
	return true;
}

struct answer_of {
	uint32_t unit;
	struct buf text;
};

static bool keep_answer(void *ctx, const struct ledger_approval_row *r)
{
	struct answer_of *a = ctx;

	if (r->unit == a->unit)
		buf_addf(&a->text, "%s by %s%s%s", r->approved ? "approved" : "rejected", r->by ? r->by : "somebody",
			 r->note ? ": " : "", r->note ? r->note : "");
	return true;
}

/* Whoever may write the ledger may answer; it is for its owner only, unless somebody has changed that. */
static void add_who(const struct gates *g, struct buf *out)
{
	const char *path = ledger_path(g->l);
	struct stat st;
	const struct passwd *p;

	if (stat(path, &st) < 0 || st.st_mode & (S_IWGRP | S_IWOTH)) {
		buf_addf(out, "whoever may write %s", path);
		return;
	}
	p = getpwuid(st.st_uid);
	if (p)
		buf_addf(out, "%s", p->pw_name);
	else
		buf_addf(out, "uid %u", (unsigned)st.st_uid);
	buf_puts(out, st.st_uid == geteuid() ? " (you), who owns the ledger" : ", who owns the ledger");
}

/* The question; of several lines the further ones stand below. */
static void add_question(struct buf *out, const char *text)
{
	for (; *text; text++) {
		buf_putc(out, *text);
		if (*text == '\n')
			buf_puts(out, "    ");
	}
}

static void add_command(struct buf *out, const char *verb, const struct ledger_step_row *r)
{
	char *name = xasprintf("%.*s/%s", SHORT_ID, r->run_id, r->name);

	buf_addf(out, "  orchmake %s ", verb);
	quote_word(out, name);
	buf_puts(out, " [NOTE]\n");
	free(name);
}

static void tell_open(struct gates *g, const struct ledger_step_row *r)
{
	buf_addf(g->out, "%s waits for an answer: ", r->name);
	add_question(g->out, r->cause ? r->cause : "?");
	buf_putc(g->out, '\n');
	add_command(g->out, "approve", r);
	add_command(g->out, "reject", r);
	buf_puts(g->out, "  can be answered by ");
	add_who(g, g->out);
	buf_putc(g->out, '\n');
}

static bool tell_gate(void *ctx, const struct ledger_step_row *r)
{
	struct gates *g = ctx;
	struct answer_of a = {.unit = r->unit, .text = BUF_INIT};

	if (r->state != STATE_WAITING || r->reason != REASON_APPROVAL || !ledger_approvals(g->l, g->run, keep_answer, &a))
		return true;
	if (a.text.len)
		buf_addf(g->out, "%s was %s\n", r->name, a.text.data);
	else
		tell_open(g, r);
	g->any = true;
	buf_release(&a.text);
	return true;
}

bool gates_text(struct ledger *l, int64_t run, const char *step, struct buf *out)
{
	struct gates g = {.l = l, .run = run, .out = out};

	if (!ledger_run_get(l, run, look_at_run, &g))
		return false;
	if (g.is_over)
		return true;
	if (!ledger_steps(l, run, step, tell_gate, &g))
		return false;
	if (g.any && g.has_ended)
		buf_addf(out, "  the run has ended to wait for this: `orchmake resume %s` finishes it\n", g.id);
	return true;
}
