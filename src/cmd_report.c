/* report: a run as one HTML file that opens from disk, or as a trace for Perfetto. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/span.h"
#include "base/stamp.h"
#include "base/vec.h"
#include "cmd.h"
#include "doc/json.h"
#include "report/tty.h"
#include "report_graph.h"
#include "run_name.h"

extern const char report_page[]; /* of report.html */

enum {
	TAIL_BYTES = 4096,	   /* of a failed attempt's log */
	SHORT_TAIL_BYTES = 512,	   /* of another one's */
	TAILS_BYTES = 8 << 20,	   /* of all of them */
	PAST_RUNS = 15,
	US_PER_MS = 1000,
	SHORT_ID = 10,
	TRACE_ROWS = 256,
};

struct view {
	struct ledger *l;
	json_t *run, *steps, *counts;
	json_t **by_unit; /* borrowed; the steps */
	size_t n_units;
	int64_t start_mono_ns, tails;
	char *id;
};

/* --- rows ----------------------------------------------------------------------------------------------- */

static void put(json_t *o, const char *name, json_t *v)
{
	json_object_set_new(o, name, v);
}

static void put_text(json_t *o, const char *name, const char *text)
{
	if (text && *text)
		put(o, name, json_string(text));
}

static bool take_run(void *ctx, const struct ledger_run_row *r)
{
	struct view *v = ctx;

	v->run = run_row_json(r);
	v->start_mono_ns = r->start_mono_ns;
	v->id = xstrdup(r->id);
	put(v->run, "id", json_string(r->id));
	put(v->run, "slots", json_integer(r->slots));
	put_text(v->run, "command", r->command);
	put_text(v->run, "host", r->host);
	put_text(v->run, "user", r->user);
	return true;
}

static json_t *step_at(const struct view *v, uint32_t unit)
{
	return unit < v->n_units ? v->by_unit[unit] : NULL;
}

static void index_step(struct view *v, uint32_t unit, json_t *o)
{
	if (unit >= v->n_units) {
		size_t n = unit + 1 > 2 * v->n_units ? unit + 1 : 2 * v->n_units;

		v->by_unit = xreallocarray(v->by_unit, n, sizeof(*v->by_unit));
		memset(v->by_unit + v->n_units, 0, (n - v->n_units) * sizeof(*v->by_unit));
		v->n_units = n;
	}
	v->by_unit[unit] = o;
}

static void count(json_t *counts, const char *word)
{
	put(counts, word, json_integer(json_integer_value(json_object_get(counts, word)) + 1));
}

static bool take_step(void *ctx, const struct ledger_step_row *r)
{
	struct view *v = ctx;
	json_t *o = json_object();
	struct buf why = BUF_INIT;

	put(o, "name", json_string(r->name));
	put(o, "state", json_string(state_word(r->state)));
	put(o, "critical", json_boolean(r->critical));
	put(o, "duration_ms", r->duration_ms < 0 ? json_null() : json_integer(r->duration_ms));
	put(o, "tries", json_array());
	put_text(o, "error", r->error);
	put_text(o, "key", r->key);
	if (r->reason != REASON_NONE) {
		reason_say(&why, r->reason, r->cause ? r->cause : r->error);
		put_text(o, "why", why.data);
	}
	count(v->counts, state_word(r->state));
	json_array_append_new(v->steps, o);
	index_step(v, r->unit, o);
	buf_release(&why);
	return true;
}

/* --- logs -------------------------------------------------------------------------------------------------- */

/* JSON takes UTF-8 only, and a log holds what it holds. */
static void clean(struct buf *out, struct span text)
{
	while (text.len) {
		const char *end = memchr(text.at, '\n', text.len);
		size_t n = end ? (size_t)(end - text.at) : text.len;

		tty_clean(out, (struct span){text.at, n});
		if (end)
			buf_putc(out, '\n');
		n += end != NULL;
		text = (struct span){text.at + n, text.len - n};
	}
}

static json_t *tail_of(struct view *v, const char *path, size_t most)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	struct buf text = BUF_INIT, shown = BUF_INIT;
	struct span s;
	json_t *tail = NULL;

	if (end > 0 && v->tails < TAILS_BYTES) {
		bool cut = end > (off_t)most;

		(void)lseek(fd, cut ? end - (off_t)most : 0, SEEK_SET);
		(void)fd_read_all(fd, &text, most + 1);
		s = (struct span){text.data, text.len};
		if (cut && memchr(s.at, '\n', s.len)) {
			size_t skip = (size_t)((char *)memchr(s.at, '\n', s.len) - s.at) + 1;

			s = (struct span){s.at + skip, s.len - skip};
			buf_puts(&shown, "\xe2\x80\xa6\n");
		}
		clean(&shown, s);
		v->tails += (int64_t)shown.len;
		tail = json_stringn(shown.data, shown.len);
	}
	if (fd >= 0)
		close(fd);
	buf_release(&text);
	buf_release(&shown);
	return tail;
}

/* --- attempts ----------------------------------------------------------------------------------------------- */

static json_t *attempt_json(struct view *v, const struct ledger_attempt_row *r)
{
	json_t *t = json_object();
	int64_t start = r->start_mono_ns > 0 ? (r->start_mono_ns - v->start_mono_ns) / NS_PER_MS : 0;

	put(t, "n", json_integer(r->number));
	put(t, "state", json_string(state_word(r->state)));
	put(t, "start", json_integer(start > 0 ? start : 0));
	if (r->duration_us >= 0)
		put(t, "duration", json_integer(r->duration_us / US_PER_MS));
	if (r->exit_code >= 0)
		put(t, "exit", json_integer(r->exit_code));
	if (r->signal)
		put(t, "signal", json_integer(r->signal));
	if (r->leftovers)
		put(t, "leftovers", json_integer(r->leftovers));
	put_text(t, "command", r->command);
	put_text(t, "log", r->log_bytes ? r->log : NULL);
	if (r->log && r->log_bytes)
		put(t, "tail", tail_of(v, r->log, state_is_failure(r->state) ? TAIL_BYTES : SHORT_TAIL_BYTES));
	return t;
}

static void add_to(json_t *o, const char *name, int64_t more)
{
	put(o, name, json_integer(json_integer_value(json_object_get(o, name)) + more));
}

static bool take_attempt(void *ctx, const struct ledger_attempt_row *r)
{
	struct view *v = ctx;
	json_t *step = step_at(v, r->unit);

	if (!step || r->phase == ATTEMPT_INTENT || r->phase == ATTEMPT_UNUSED)
		return true;
	json_array_append_new(json_object_get(step, "tries"), attempt_json(v, r));
	if (r->user_us >= 0 && r->system_us >= 0)
		add_to(step, "cpu_ms", (r->user_us + r->system_us) / US_PER_MS);
	if (r->max_rss_kib > json_integer_value(json_object_get(step, "rss_kib")))
		put(step, "rss_kib", json_integer(r->max_rss_kib));
	return true;
}

/* --- earlier runs -------------------------------------------------------------------------------------------- */

struct past {
	const char *run;
	int64_t ms[PAST_RUNS];
	size_t n;
};

static bool take_past(void *ctx, const struct ledger_step_row *r)
{
	struct past *p = ctx;

	if (r->state == STATE_SUCCEEDED && r->duration_ms >= 0 && strcmp(r->run_id, p->run))
		p->ms[p->n++] = r->duration_ms;
	return p->n < PAST_RUNS;
}

static int by_length(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool add_past(struct view *v)
{
	json_t *step;
	size_t i;

	json_array_foreach (v->steps, i, step) {
		struct past p = {.run = v->id};

		if (!json_array_size(json_object_get(step, "tries")) || !json_str(step, "key"))
			continue;
		if (!ledger_step_past(v->l, json_str(step, "key"), 2 * PAST_RUNS, take_past, &p))
			return false;
		if (!p.n)
			continue;
		qsort(p.ms, p.n, sizeof(p.ms[0]), by_length);
		put(step, "usual_ms", json_integer(p.ms[p.n / 2]));
	}
	return true;
}

/* --- the whole -------------------------------------------------------------------------------------------------- */

static json_t *document(struct view *v, int64_t run)
{
	json_t *doc = json_pack("{s:O, s:O, s:O}", "run", v->run, "steps", v->steps, "counts", v->counts);
	struct buf definition = BUF_INIT;

	if (ledger_run_definition(v->l, run, &definition) && definition.len)
		report_graph(doc, (struct span){definition.data, definition.len}, v->by_unit, v->n_units);
	buf_release(&definition);
	return doc;
}

/* Inside of a script element nothing may look like its end. */
static void embed(struct buf *out, const json_t *doc)
{
	struct buf text = BUF_INIT;

	json_text(&text, doc, JSON_TIGHT);
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '<')
			buf_puts(out, "\\u003c");
		else
			buf_putc(out, text.data[i]);
	buf_release(&text);
}

static void page(struct buf *out, const json_t *doc)
{
	static const char mark[] = "@DATA@";
	const char *hole = strstr(report_page, mark);

	buf_add(out, report_page, (size_t)(hole - report_page));
	embed(out, doc);
	buf_puts(out, hole + strlen(mark));
}

/* What Perfetto and chrome://tracing open: a row for each slot that was in use. */
static void trace(struct buf *out, const struct view *v)
{
	json_t *events = json_array(), *doc, *step, *t;
	int64_t free_at[TRACE_ROWS] = {0};
	size_t i, k;

	json_array_foreach (v->steps, i, step) {
		json_array_foreach (json_object_get(step, "tries"), k, t) {
			int64_t start = json_integer_value(json_object_get(t, "start"));
			int64_t took = json_integer_value(json_object_get(t, "duration"));
			size_t row = 0;

			while (row + 1 < TRACE_ROWS && free_at[row] > start)
				row++;
			free_at[row] = start + took;
			json_array_append_new(events, json_pack(
				"{s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:{s:s, s:O}}", "name", json_str(step, "name"),
				"cat", json_str(t, "state"), "ph", "X", "pid", 1, "tid", (int)row + 1, "ts",
				(json_int_t)start * US_PER_MS, "dur", (json_int_t)took * US_PER_MS, "args", "state",
				json_str(t, "state"), "attempt", json_object_get(t, "n")));
		}
	}
	doc = json_pack("{s:o, s:s}", "traceEvents", events, "displayTimeUnit", "ms");
	json_text(out, doc, JSON_TIGHT);
	buf_putc(out, '\n');
	json_decref(doc);
}

/* --- where it goes ------------------------------------------------------------------------------------------------ */

static int write_out(const struct buf *text, const char *path)
{
	if (!path) {
		fwrite(text->data, 1, text->len, stdout);
		return EXIT_DONE;
	}
	if (file_write_to(path, text->data, text->len, 0644) < 0) {
		cli_error("cannot write '%s': %s", path, strerror(errno));
		return EXIT_RUN_FAILED;
	}
	printf("%s\n", path);
	return EXIT_DONE;
}

/* On a terminal nobody wants the page itself. */
static char *where(const struct cli *c, const struct view *v)
{
	if (c->words.n > 1)
		return strcmp(c->words.at[1], "-") ? xstrdup(c->words.at[1]) : NULL;
	return isatty(STDOUT_FILENO) ? xasprintf("orchmake-%.*s.%s", SHORT_ID, v->id, c->trace ? "json" : "html") : NULL;
}

static int report(struct cli *c, struct view *v, int64_t run)
{
	struct buf out = BUF_INIT;
	char *path;
	int code;

	if (!ledger_run_get(v->l, run, take_run, v) || !ledger_steps(v->l, run, NULL, take_step, v) ||
	    !ledger_attempts(v->l, run, LEDGER_ANY, take_attempt, v) || !add_past(v)) {
		cli_error("%s", ledger_error(v->l)->text.data);
		return EXIT_LEDGER;
	}
	if (c->trace) {
		trace(&out, v);
	} else {
		json_t *doc = document(v, run);

		page(&out, doc);
		json_decref(doc);
	}
	path = where(c, v);
	code = write_out(&out, path);
	free(path);
	buf_release(&out);
	return code;
}

int cmd_report(struct cli *c)
{
	struct view v = {.l = cli_ledger(c), .steps = json_array(), .counts = json_object()};
	int64_t run = v.l ? cli_run(v.l, c->words.n ? c->words.at[0] : NULL) : -1;
	int code = run < 0 ? EXIT_USAGE_ERROR : report(c, &v, run);

	json_decref(v.run);
	json_decref(v.steps);
	json_decref(v.counts);
	free(v.by_unit);
	free(v.id);
	ledger_close(v.l);
	return code;
}
