/* How a run looks to a person: lines in a log, a moving part on a terminal. */
#include <unistd.h>

#include "base/stamp.h"
#include "doc/json.h"
#include "expand_case.h"
#include "report/screen.h"

static const char jobs[] = "  a: {run: x}\n"
			   "  j: {steps: [{id: s, run: x}, {id: t, run: x}]}\n"
			   "  p: {stages: [a, j]}\n";

enum { START_NS = 5 };

struct look {
	struct expand_case c;
	struct sink *sink;
	FILE *out;
	struct buf text;
	size_t seen;
	unsigned writes;	/* since the last time */
	unsigned columns, rows; /* of the terminal */
};

/* As standard error is: every write reaches the terminal by itself. */
static ssize_t take_write(void *ctx, const char *data, size_t len)
{
	struct look *l = ctx;

	buf_add(&l->text, data, len);
	l->writes++;
	return (ssize_t)len;
}

static void size_of(void *ctx, unsigned *ret_columns, unsigned *ret_rows)
{
	const struct look *l = ctx;

	*ret_columns = l->columns;
	*ret_rows = l->rows;
}

static void look_open(struct look *l, struct screen_options o)
{
	const struct run_info info = {
		.run = "01ARZ3NDEKTSV4RRFFQ69G5FAV", .target = "p", .root = "/proj", .slots = 2,
		.start_mono_ns = START_NS,
	};
	struct run_info i = info;

	*l = (struct look){.c = case_expand(jobs, "p", NULL), .text = BUF_INIT, .columns = 80, .rows = 24};
	case_must_expand(&l->c);
	l->out = fopencookie(l, "w", (cookie_io_functions_t){.write = take_write});
	CHECK(l->out != NULL);
	setvbuf(l->out, NULL, _IONBF, 0);
	o.out = l->out;
	o.size = size_of;
	o.size_ctx = l;
	l->sink = sink_screen(&o);
	i.expansion = l->c.x;
	l->sink->ops->begin(l->sink, &i);
}

static void look_close(struct look *l)
{
	l->sink->ops->free(l->sink);
	fclose(l->out);
	buf_release(&l->text);
	case_release(&l->c);
}

/* What has been written since the last time. */
static const char *fresh(struct look *l)
{
	const char *at = l->text.data + l->seen;

	l->seen = l->text.len;
	l->writes = 0;
	return at;
}

static uint32_t unit_called(const struct look *l, const char *name)
{
	uint32_t *unit, first;
	size_t n = expansion_match(l->c.x, name, &unit);

	CHECK(n > 0);
	first = unit[0];
	free(unit);
	return first;
}

/* An event about step name, at so many ms of the run. */
static void tell(struct look *l, int64_t at_ms, struct run_event e, const char *name)
{
	e.unit = unit_called(l, name);
	e.step = name;
	e.n_total = 3;
	e.mono_ns = START_NS + at_ms * NS_PER_MS;
	l->sink->ops->event(l->sink, &e);
}

#define OK .kind = EVENT_STEP_SUCCEEDED, .state = STATE_SUCCEEDED, .reason = REASON_NONE
#define FAILED .kind = EVENT_STEP_FAILED, .state = STATE_FAILED, .reason = REASON_EXIT, .duration_ms = 100

/* --- lines --------------------------------------------------------------------------------------------- */

static void each_step_has_its_line(void **state)
{
	struct look l;

	(void)state;
	look_open(&l, (struct screen_options){.style = SCREEN_PLAIN});
	CHECK_STR(fresh(&l), "run 01ARZ3NDEKTSV4RRFFQ69G5FAV  p\n");
	tell(&l, 0, (struct run_event){.kind = EVENT_STEP_STARTED, .state = STATE_RUNNING}, "a");
	CHECK_STR(fresh(&l), "");
	tell(&l, 1, (struct run_event){OK, .duration_ms = 340}, "a");
	CHECK_STR(fresh(&l), "[1/3] succeeded  a  0.34s\n");
	tell(&l, 2, (struct run_event){FAILED, .error = "exit 1: \033[31mno\nhost"}, "j/s");
	CHECK_STR(fresh(&l), "[2/3] failed     j/s  0.10s\n    exit 1: no host\n");
	tell(&l, 3, (struct run_event){.kind = EVENT_STEP_BLOCKED, .state = STATE_BLOCKED,
				       .reason = REASON_NEED_FAILED, .cause = "j/s", .duration_ms = -1}, "j/t");
	CHECK_STR(fresh(&l), "[3/3] blocked    j/t  (its need 'j/s' did not hold)\n");
	look_close(&l);
}

static void a_retry_says_what_failed_and_when_it_goes_on(void **state)
{
	struct look l;

	(void)state;
	look_open(&l, (struct screen_options){.style = SCREEN_PLAIN});
	(void)fresh(&l);
	tell(&l, 1, (struct run_event){.kind = EVENT_STEP_RETRY, .state = STATE_WAITING, .attempt = 1,
				       .error = "exit 75", .due_ms = 5000}, "a");
	CHECK_STR(fresh(&l), "retry  a  attempt 1 failed: exit 75; again in 5.00s\n");
	look_close(&l);
}

static void verbose_tells_of_starts_and_silent_of_failures_only(void **state)
{
	struct look l;

	(void)state;
	look_open(&l, (struct screen_options){.style = SCREEN_PLAIN, .verbose = true});
	(void)fresh(&l);
	tell(&l, 1, (struct run_event){.kind = EVENT_STEP_STARTED, .state = STATE_RUNNING}, "a");
	CHECK_STR(fresh(&l), "start  a\n");
	tell(&l, 1, (struct run_event){.kind = EVENT_STEP_STARTED, .state = STATE_RUNNING,
				       .command = "sh -eu -c 'true\n  false \033[2Jx'"}, "a");
	CHECK_STR(fresh(&l), "start  a\n$ sh -eu -c 'true\n  false x'\n");
	look_close(&l);
	look_open(&l, (struct screen_options){.style = SCREEN_PLAIN, .silent = true});
	tell(&l, 1, (struct run_event){OK, .duration_ms = 1}, "a");
	tell(&l, 1, (struct run_event){.kind = EVENT_STEP_RETRY, .state = STATE_WAITING, .attempt = 1}, "j/s");
	CHECK_STR(fresh(&l), "");
	tell(&l, 1, (struct run_event){FAILED}, "j/s");
	CHECK_STR(fresh(&l), "[2/3] failed     j/s  0.10s\n");
	l.sink->ops->end(l.sink, &(struct run_summary){.run = "R", .target = "p", .state = STATE_SUCCEEDED});
	CHECK_STR(fresh(&l), "");
	look_close(&l);
}

static void tick(struct look *l, int64_t at_ms, uint32_t n_running, const struct running *r)
{
	l->sink->ops->tick(l->sink, &(struct run_status){.mono_ns = START_NS + at_ms * NS_PER_MS, .n_total = 30,
							 .n_settled = 12, .n_running = n_running, .running = r,
							 .eta_ms = -1});
}

static void a_heartbeat_comes_when_nothing_else_has_been_said(void **state)
{
	static const struct running r[] = {
		{.name = "j/s", .start_mono_ns = START_NS}, {.name = "\033[2Jb", .start_mono_ns = START_NS},
		{.name = "c", .start_mono_ns = START_NS}, {.name = "d", .start_mono_ns = START_NS},
		{.name = "e", .start_mono_ns = START_NS}, {.name = "f", .start_mono_ns = START_NS},
	};
	struct look l;

	(void)state;
	look_open(&l, (struct screen_options){.style = SCREEN_PLAIN, .heartbeat_ms = 60000});
	(void)fresh(&l);
	tick(&l, 59999, 1, r);
	CHECK_STR(fresh(&l), "");
	tick(&l, 60000, 6, r);
	CHECK_STR(fresh(&l), "[12/30] still running: j/s (1m00s), b (1m00s), c (1m00s), d (1m00s), 2 more\n");
	tell(&l, 100000, (struct run_event){OK, .duration_ms = 1}, "a");
	(void)fresh(&l);
	tick(&l, 120000, 1, r);
	CHECK_STR(fresh(&l), "");
	tick(&l, 160000, 0, NULL);
	CHECK_STR(fresh(&l), "");
	tick(&l, 160000, 1, r);
	CHECK_STR(fresh(&l), "[12/30] still running: j/s (2m40s)\n");
	look_close(&l);
	look_open(&l, (struct screen_options){.style = SCREEN_PLAIN});
	(void)fresh(&l);
	tick(&l, 600000, 1, r);
	CHECK_STR(fresh(&l), "");
	look_close(&l);
}

/* An event about the run. */
static void tell_run(struct look *l, enum event_kind kind, const char *cause)
{
	l->sink->ops->event(l->sink, &(struct run_event){.kind = kind, .unit = UNIT_NONE, .cause = cause,
							 .state = STATE_RUNNING, .mono_ns = START_NS});
}

static void tell_slots_and_load(struct look *l)
{
	(void)fresh(l);
	tell_run(l, EVENT_SLOTS_CHANGED, "2 to 4");
	tell_run(l, EVENT_LOAD_HIGH, "9 runnable tasks, and -l says 4");
	tell_run(l, EVENT_LOAD_FINE, "3 runnable tasks, and -l says 4");
}

static void what_becomes_of_the_slots_is_said(void **state)
{
	static const char all[] = "slots  2 to 4\nheld  9 runnable tasks, and -l says 4\n"
				  "goes on  3 runnable tasks, and -l says 4\n";
	struct look l;

	(void)state;
	look_open(&l, (struct screen_options){.style = SCREEN_PLAIN});
	tell_slots_and_load(&l);
	CHECK_STR(fresh(&l), all);
	look_close(&l);
	look_open(&l, (struct screen_options){.style = SCREEN_PLAIN, .silent = true});
	tell_slots_and_load(&l);
	CHECK_STR(fresh(&l), "");
	look_close(&l);
	look_open(&l, (struct screen_options){.style = SCREEN_LIVE}); /* the moving part says what holds */
	tell_slots_and_load(&l);
	CHECK_STR(fresh(&l), "slots  2 to 4\n");
	look_close(&l);
	look_open(&l, (struct screen_options){.style = SCREEN_LIVE, .verbose = true});
	tell_slots_and_load(&l);
	CHECK_STR(fresh(&l), all);
	look_close(&l);
}

static void what_holds_the_run_back_stands_beside_what_runs(void **state)
{
	static const struct running r = {.name = "a", .start_mono_ns = START_NS, .attempt = 1};
	const struct run_status st = {.mono_ns = START_NS + INT64_C(60000) * NS_PER_MS, .n_total = 30, .n_settled = 12,
				      .n_running = 1, .running = &r, .eta_ms = -1, .held = "9 runnable tasks"};
	struct look l;

	(void)state;
	look_open(&l, (struct screen_options){.style = SCREEN_PLAIN, .heartbeat_ms = 60000});
	(void)fresh(&l);
	l.sink->ops->tick(l.sink, &st);
	CHECK_STR(fresh(&l), "[12/30] still running: a (1m00s); nothing more starts: 9 runnable tasks\n");
	look_close(&l);
	look_open(&l, (struct screen_options){.style = SCREEN_LINE});
	(void)fresh(&l);
	l.sink->ops->tick(l.sink, &st);
	CHECK(strstr(fresh(&l), " 12/30  1 running  1m00s  held: 9 runnable tasks") != NULL);
	look_close(&l);
}

/* --- the end ------------------------------------------------------------------------------------------- */

static void the_end_shows_failures_with_the_last_lines_of_their_logs(void **state)
{
	char path[] = "/tmp/screen-log-XXXXXX";
	int fd = mkstemp(path);
	struct buf want = BUF_INIT;
	struct run_failure failure[] = {
		{.name = "j/s", .error = "exit 1: bad", .log = path, .state = STATE_FAILED},
		{.name = "j/t", .state = STATE_LOST},
	};
	struct run_summary sum = {
		.run = "01ARZ3NDEKTSV4RRFFQ69G5FAV", .target = "p", .state = STATE_FAILED, .duration_ms = 2500,
		.failure = failure, .n_failures = 2, .has_ledger = true,
		.by_state = {[STATE_SUCCEEDED] = 4, [STATE_FAILED] = 1, [STATE_LOST] = 1},
	};
	struct look l;

	(void)state;
	CHECK(fd >= 0);
	for (int i = 0; i < 14; i++)
		dprintf(fd, "line %d\033[0m\n", i);
	close(fd);
	look_open(&l, (struct screen_options){.style = SCREEN_PLAIN, .output = OUTPUT_TAIL});
	(void)fresh(&l);
	l.sink->ops->end(l.sink, &sum);
	buf_puts(&want, "\nfailed j/s: exit 1: bad\n");
	for (int i = 4; i < 14; i++)
		buf_addf(&want, "    line %d\n", i);
	buf_addf(&want, "    log: %s\n    more: orchmake logs 01ARZ3NDEK/j/s\n", path);
	buf_puts(&want, "\nlost j/t\n"
			"\nfailed: p in 2.50s: 4 succeeded, 1 failed, 1 lost\n"
			"`orchmake show 01ARZ3NDEK` tells more\n");
	CHECK_STR(fresh(&l), want.data);
	look_close(&l);
	CHECK(!unlink(path));
	buf_release(&want);
}

static void a_run_without_a_ledger_points_to_none(void **state)
{
	struct run_failure failure = {.name = "a", .error = "e", .log = "/proj/.orchmake/logs/1.log",
				      .state = STATE_TIMED_OUT};
	struct look l;

	(void)state;
	look_open(&l, (struct screen_options){.style = SCREEN_PLAIN});
	(void)fresh(&l);
	l.sink->ops->end(l.sink, &(struct run_summary){
		.run = "R", .target = "p", .state = STATE_SUCCEEDED, .degraded = true, .duration_ms = 10,
		.failure = &failure, .n_failures = 1, .by_state = {[STATE_TIMED_OUT] = 1}});
	CHECK_STR(fresh(&l), "\ntimed_out a: e\n    log: .orchmake/logs/1.log\n\n"
			     "succeeded (degraded): p in 0.01s: 1 timed_out\n");
	look_close(&l);
}

static void of_many_failures_some_are_shown(void **state)
{
	enum { MANY = 25, SHOWN = 20 };
	struct run_failure failure[MANY];
	struct look l;
	const char *text;
	int n = 0;

	(void)state;
	for (int i = 0; i < MANY; i++)
		failure[i] = (struct run_failure){.name = "x", .state = STATE_FAILED};
	look_open(&l, (struct screen_options){.style = SCREEN_PLAIN});
	(void)fresh(&l);
	l.sink->ops->end(l.sink, &(struct run_summary){.run = "R", .target = "p", .state = STATE_FAILED,
						       .failure = failure, .n_failures = MANY});
	text = fresh(&l);
	for (const char *p = text; (p = strstr(p, "failed x")); p++)
		n++;
	CHECK_INT(n, SHOWN);
	CHECK(strstr(text, "and 5 more failures\n") != NULL);
	look_close(&l);
}

static void a_tail_is_of_whole_lines_that_are_harmless(void **state)
{
	char path[] = "/tmp/screen-log-XXXXXX";
	int fd = mkstemp(path);
	struct buf got = BUF_INIT;

	(void)state;
	CHECK(fd >= 0);
	screen_tail(&got, path, 3, "> ");
	CHECK_STR(got.data, "");
	dprintf(fd, "one\r\n\n\xff two\nthree");
	screen_tail(&got, path, 2, "> ");
	CHECK_STR(got.data, "> \xef\xbf\xbd two\n> three\n");
	buf_reset(&got);
	screen_tail(&got, path, 9, "");
	CHECK_STR(got.data, "one\n\n\xef\xbf\xbd two\nthree\n");
	for (int i = 0; i < 10000; i++)
		dprintf(fd, "\nline %d", i);
	buf_reset(&got);
	screen_tail(&got, path, 2, "");
	CHECK_STR(got.data, "line 9998\nline 9999\n");
	buf_reset(&got);
	screen_tail(&got, "/nonexistent", 2, "");
	CHECK_STR(got.data, "");
	close(fd);
	CHECK(!unlink(path));
	buf_release(&got);
}

/* --- a terminal ---------------------------------------------------------------------------------------- */

enum { LINES = 60, CELLS = 200, CELL = 16 };

/*
 * A terminal that knows what we send: text, \r, \n, ESC[nA, ESC[J, ESC[K and colours.  It keeps what it shows when it
 * becomes narrower: lines take several rows then.
 */
struct glass {
	char cell[LINES][CELLS][CELL]; /* a wide character is in the first of its two */
	unsigned columns;
	unsigned at, sub, column; /* the cursor: line, row of the line, column */
};

static unsigned width_of(const struct glass *g, unsigned line)
{
	unsigned n = CELLS;

	while (n && !g->cell[line][n - 1][0])
		n--;
	return n;
}

static unsigned height_of(const struct glass *g, unsigned line)
{
	unsigned width = width_of(g, line);

	return width > g->columns ? (width + g->columns - 1) / g->columns : 1;
}

static void cursor_up(struct glass *g, unsigned n)
{
	for (; n; n--) {
		if (!g->sub) {
			CHECK(g->at > 0);
			g->at--;
			g->sub = height_of(g, g->at);
		}
		g->sub--;
	}
}

static void erase(struct glass *g, unsigned line, unsigned column)
{
	for (; column < CELLS; column++)
		g->cell[line][column][0] = 0;
}

static void show_escape(struct glass *g, const char **p)
{
	size_t n = 2 + strspn(*p + 2, "0123456789;");
	char what = (*p)[n];

	CHECK((*p)[1] == '[');
	if (what == 'A') {
		cursor_up(g, n > 2 ? (unsigned)atoi(*p + 2) : 1);
	} else if (what == 'J') {
		CHECK_INT(g->sub, 0); /* at the beginning of what was drawn, and not within it */
		erase(g, g->at, g->column);
		for (unsigned i = g->at + 1; i < LINES; i++)
			erase(g, i, 0);
	} else if (what == 'K') {
		erase(g, g->at, g->column);
	} else {
		CHECK(what == 'm');
	}
	*p += n + 1;
}

static void show_character(struct glass *g, const char **p)
{
	char text[CELL] = "";
	size_t n = 1;

	while (((*p)[n] & 0xc0) == 0x80)
		n++;
	memcpy(text, *p, n);
	*p += n;
	CHECK_INT(g->sub, 0);
	if (!tty_width(text)) {
		CHECK(g->column > 0);
		strcat(g->cell[g->at][g->column - 1], text);
		return;
	}
	strcpy(g->cell[g->at][g->column++], text);
	if (tty_width(text) == 2)
		strcpy(g->cell[g->at][g->column++], "\1");
	CHECK(g->column < g->columns); /* a row is never broken */
}

static void show(struct glass *g, const char *text)
{
	for (const char *p = text; *p;) {
		if (*p == '\033') {
			show_escape(g, &p);
		} else if (*p == '\r') {
			g->column = 0;
			p++;
		} else if (*p == '\n') {
			CHECK(++g->at < LINES);
			g->column = g->sub = 0;
			p++;
		} else {
			show_character(g, &p);
		}
	}
}

static void line_of(const struct glass *g, unsigned line, struct buf *out)
{
	for (unsigned i = 0; i < width_of(g, line); i++)
		if (g->cell[line][i][0] != '\1')
			buf_puts(out, g->cell[line][i]);
}

/* The lines from the top, each with a | behind. */
static void glass_is(const struct glass *g, const char *want)
{
	struct buf got = BUF_INIT;
	unsigned last = LINES - 1;

	while (last > 0 && !width_of(g, last))
		last--;
	for (unsigned i = 0; i <= last; i++) {
		line_of(g, i, &got);
		buf_putc(&got, '|');
	}
	CHECK_STR(got.data, want);
	buf_release(&got);
}

static struct glass *glass_new(const struct look *l)
{
	struct glass *g = xcalloc(1, sizeof(*g));

	g->columns = l->columns;
	return g;
}

#define HEAD "run 01ARZ3NDEKTSV4RRFFQ69G5FAV  p|"
#define SOME_BAR "█████████░░░░░░░░░░░░░░░"

static void the_moving_part_is_drawn_over_and_lines_stay_above_it(void **state)
{
	static const struct running r[] = {
		{.name = "a", .start_mono_ns = START_NS, .expected_ms = 2000, .attempt = 1},
		{.name = "j/s", .start_mono_ns = START_NS + 500 * NS_PER_MS, .attempt = 2},
	};
	struct glass *g;
	struct look l;

	(void)state;
	look_open(&l, (struct screen_options){.style = SCREEN_LIVE, .colour = true});
	g = glass_new(&l);
	tick(&l, 1000, 2, r);
	show(g, fresh(&l));
	glass_is(g, HEAD "  a  1s of about 2s|  j/s  0s  attempt 2|" SOME_BAR " 12/30  2 running  1s|");
	tick(&l, 2000, 1, r);
	show(g, fresh(&l));
	glass_is(g, HEAD "  a  2s of about 2s|" SOME_BAR " 12/30  1 running  2s|");
	tell(&l, 2100, (struct run_event){OK, .duration_ms = 2100}, "a");
	show(g, fresh(&l));
	glass_is(g, HEAD "[1/3] succeeded  a  2.10s|  a  2s of about 2s|" SOME_BAR " 12/30  1 running  2s|");
	tick(&l, 3000, 0, NULL);
	show(g, fresh(&l));
	l.sink->ops->end(l.sink, &(struct run_summary){.run = "R", .target = "p", .state = STATE_SUCCEEDED,
						       .duration_ms = 3000});
	show(g, fresh(&l));
	glass_is(g, HEAD "[1/3] succeeded  a  2.10s|succeeded: p in 3.00s: |");
	look_close(&l);
	free(g);
}

/* What flickers is what is written again, or taken away first, or seen half done. */
static void only_what_has_changed_is_drawn_again_in_one_write(void **state)
{
	static const struct running r[] = {
		{.name = "first", .start_mono_ns = START_NS}, {.name = "second", .start_mono_ns = START_NS + 900 * NS_PER_MS},
		{.name = "third", .start_mono_ns = START_NS},
	};
	struct glass *g;
	struct look l;
	const char *text;

	(void)state;
	look_open(&l, (struct screen_options){.style = SCREEN_LIVE});
	g = glass_new(&l);
	show(g, fresh(&l));
	tick(&l, 1000, 3, r);
	CHECK_INT(l.writes, 1);
	show(g, fresh(&l));
	tick(&l, 1100, 3, r);
	CHECK_INT(l.writes, 0);
	tick(&l, 1950, 3, r);
	CHECK_INT(l.writes, 1);
	text = fresh(&l);
	CHECK_STR(text, "\r\033[2A  second  1s\033[K\r\n\r\n\r");
	show(g, text);
	glass_is(g, HEAD "  first  1s|  second  1s|  third  1s|" SOME_BAR " 12/30  3 running  1s|");
	tick(&l, 2000, 3, r);
	CHECK_INT(l.writes, 1);
	text = fresh(&l);
	CHECK(!strstr(text, "\033[J") && !strstr(text, "second"));
	show(g, text);
	glass_is(g, HEAD "  first  2s|  second  1s|  third  2s|" SOME_BAR " 12/30  3 running  2s|");
	tell(&l, 2100, (struct run_event){FAILED, .error = "no"}, "a");
	CHECK_INT(l.writes, 1);
	show(g, fresh(&l));
	tick(&l, 2200, 2, r);
	CHECK_INT(l.writes, 1);
	show(g, fresh(&l));
	glass_is(g, HEAD "[1/3] failed     a  0.10s|    no|  first  2s|  second  1s|" SOME_BAR " 12/30  2 running  2s|");
	look_close(&l);
	free(g);
}

static void what_does_not_fit_is_cut_or_counted(void **state)
{
	enum { MANY = 40 };
	struct running r[MANY];
	char name[200];
	struct glass *g;
	struct look l;
	struct buf row = BUF_INIT;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	name[0] = '\n';
	for (int i = 0; i < MANY; i++)
		r[i] = (struct running){.name = name, .start_mono_ns = START_NS};
	look_open(&l, (struct screen_options){.style = SCREEN_LIVE});
	g = glass_new(&l);
	for (int i = 1; i < 4; i++) {
		tick(&l, i * 1000, MANY, r);
		show(g, fresh(&l));
	}
	CHECK_INT(g->at, 10);
	line_of(g, 9, &row);
	CHECK_STR(row.data, "  and 32 more");
	CHECK_INT(width_of(g, 1), 79);
	buf_reset(&row);
	line_of(g, 1, &row);
	CHECK_STR(row.data + row.len - 4, "  3s");
	l.rows = 50;
	tick(&l, 4000, MANY, r);
	show(g, fresh(&l));
	buf_reset(&row);
	line_of(g, 17, &row);
	CHECK_STR(row.data, "  and 24 more");
	l.rows = 5;
	tick(&l, 5000, MANY, r);
	show(g, fresh(&l));
	CHECK_INT(g->at, 1);
	look_close(&l);
	free(g);
	buf_release(&row);
}

static void wide_and_combining_characters_are_counted_and_never_broken(void **state)
{
	static const struct running r[] = {
		{.name = "取込/全部の顧客", .start_mono_ns = START_NS}, {.name = "u\u0308ber/gro\u0308\u00dfe", .start_mono_ns = START_NS},
		{.name = "🚀 launch", .start_mono_ns = START_NS},
	};
	struct glass *g;
	struct look l;

	(void)state;
	look_open(&l, (struct screen_options){.style = SCREEN_LIVE});
	g = glass_new(&l);
	show(g, fresh(&l));
	tick(&l, 1000, 3, r);
	show(g, fresh(&l));
	glass_is(g, HEAD "  取込/全部の顧客  1s|  u\u0308ber/gro\u0308\u00dfe  1s|  🚀 launch  1s|" SOME_BAR " 12/30  3 running  1s|");
	for (unsigned columns = 79; columns; columns--) {
		l.columns = g->columns = columns;
		if (columns > 1)
			tick(&l, 1000, 3, r);
		show(g, fresh(&l));
		if (columns == 14)
			glass_is(g, HEAD "  取込/…  1s|  u\u0308ber/g…  1s|  🚀 lau…  1s|█████████░░░…|");
		if (columns == 13)
			glass_is(g, HEAD "  取込/…  1s|  u\u0308ber/…  1s|  🚀 la…  1s|█████████░░…|");
	}
	look_close(&l);
	free(g);
}

/* Whatever the terminal was, nothing above is lost and nothing is left of what was drawn. */
static void a_terminal_that_changes_its_size_is_drawn_anew(void **state)
{
	static const struct running r[] = {
		{.name = "a-name-that-is-rather-long/and-has-a-step-that-is-too", .start_mono_ns = START_NS},
		{.name = "b", .start_mono_ns = START_NS},
	};
	static const unsigned sizes[] = {80, 30, 20, 120, 25, 24, 199, 12, 80};
	struct glass *g;
	struct look l;

	(void)state;
	look_open(&l, (struct screen_options){.style = SCREEN_LIVE});
	g = glass_new(&l);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		l.columns = g->columns = sizes[i];
		tick(&l, 1000, 2, r);
		show(g, fresh(&l));
		CHECK_INT(g->at, 3);
	}
	glass_is(g, HEAD "  a-name-that-is-rather-long/and-has-a-step-that-is-too  1s|  b  1s|" SOME_BAR
			 " 12/30  2 running  1s|");
	look_close(&l);
	free(g);
}

static void a_line_that_comes_after_a_change_of_size_stands_where_the_rows_stood(void **state)
{
	static const struct running r = {.name = "a-name-that-is-rather-long/step", .start_mono_ns = START_NS};
	struct glass *g;
	struct look l;
	const char *said;

	(void)state;
	look_open(&l, (struct screen_options){.style = SCREEN_LIVE});
	g = glass_new(&l);
	tick(&l, 1000, 1, &r);
	show(g, fresh(&l));
	l.columns = g->columns = 31; /* the row takes two now */
	tell(&l, 1100, (struct run_event){OK, .duration_ms = 1}, "a");
	CHECK_INT(l.writes, 1);
	said = fresh(&l);
	CHECK(!strncmp(said, "\r\033[2A\033[J[1/3] ", strlen("\r\033[2A\033[J[1/3] "))); /* up both */
	look_close(&l);
	free(g);
}

static void one_moving_line_stays_one_line(void **state)
{
	struct running r = {.name = "a\033[2J\tname that is as long as names can be and then goes on a little",
			    .start_mono_ns = START_NS};
	struct glass *g;
	struct look l;

	(void)state;
	look_open(&l, (struct screen_options){.style = SCREEN_LINE});
	g = glass_new(&l);
	tick(&l, 1000, 1, &r);
	tick(&l, 1100, 1, &r);
	show(g, fresh(&l));
	glass_is(g, HEAD SOME_BAR " 12/30  1 running  1s  a name that is as long as names…|");
	tell(&l, 1200, (struct run_event){FAILED, .error = "exit 1"}, "a");
	show(g, fresh(&l));
	glass_is(g, HEAD "[1/3] failed     a  0.10s|    exit 1|" SOME_BAR
			 " 12/30  1 running  1s  a name that is as long as names…|");
	look_close(&l);
	free(g);
}

static void on_a_terminal_only_jobs_have_lines_and_steps_that_fail(void **state)
{
	struct look l;
	struct run_event job = {.kind = EVENT_JOB_FINISHED, .state = STATE_SUCCEEDED, .duration_ms = 5, .step = "j"};

	(void)state;
	look_open(&l, (struct screen_options){.style = SCREEN_LIVE});
	(void)fresh(&l);
	tell(&l, 1, (struct run_event){OK, .duration_ms = 1}, "j/s");
	CHECK_STR(fresh(&l), "");
	tell(&l, 1, (struct run_event){FAILED}, "j/t");
	CHECK_STR(fresh(&l), "[2/3] failed     j/t  0.10s\n");
	for (uint32_t g = 0; g < l.c.x->graph->n_groups; g++)
		if (l.c.x->bundle[g].kind == BUNDLE_JOB)
			job.unit = l.c.x->graph->group[g].end;
	job.n_total = 3;
	l.sink->ops->event(l.sink, &job);
	CHECK_STR(fresh(&l), "[2/3] succeeded  j  0.01s\n");
	look_close(&l);
}

/* --- events -------------------------------------------------------------------------------------------- */

static void every_event_is_a_line_of_json(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct sinks sinks = {0};
	struct buf err = BUF_INIT;
	json_t *v;

	(void)state;
	sinks_add(&sinks, sink_events(out, true));
	sinks_add(&sinks, NULL);
	CHECK_INT(sinks.n, 1);
	CHECK_INT(sinks_interval_ms(&sinks), 0);
	sinks_begin(&sinks, &(struct run_info){.run = "R"});
	sinks_event(&sinks, &(struct run_event){.seq = 1, .kind = EVENT_STEP_FAILED, .run = "R", .step = "a\nb",
						.unit = 3, .state = STATE_FAILED, .error = "e"});
	sinks_tick(&sinks, &(struct run_status){0});
	sinks_end(&sinks, &(struct run_summary){0});
	sinks_release(&sinks);
	CHECK(len && text[len - 1] == '\n' && strchr(text, '\n') == text + len - 1);
	v = json_parse(text, len, &err);
	CHECK_STR(json_str(v, "event"), "step_failed");
	CHECK_STR(json_str(v, "step"), "a\nb");
	json_decref(v);
	free(text);
	buf_release(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_step_has_its_line),
		cmocka_unit_test(a_retry_says_what_failed_and_when_it_goes_on),
		cmocka_unit_test(verbose_tells_of_starts_and_silent_of_failures_only),
		cmocka_unit_test(a_heartbeat_comes_when_nothing_else_has_been_said),
		cmocka_unit_test(what_becomes_of_the_slots_is_said),
		cmocka_unit_test(what_holds_the_run_back_stands_beside_what_runs),
		cmocka_unit_test(the_end_shows_failures_with_the_last_lines_of_their_logs),
		cmocka_unit_test(a_run_without_a_ledger_points_to_none),
		cmocka_unit_test(of_many_failures_some_are_shown),
		cmocka_unit_test(a_tail_is_of_whole_lines_that_are_harmless),
		cmocka_unit_test(the_moving_part_is_drawn_over_and_lines_stay_above_it),
		cmocka_unit_test(only_what_has_changed_is_drawn_again_in_one_write),
		cmocka_unit_test(what_does_not_fit_is_cut_or_counted),
		cmocka_unit_test(wide_and_combining_characters_are_counted_and_never_broken),
		cmocka_unit_test(a_terminal_that_changes_its_size_is_drawn_anew),
		cmocka_unit_test(a_line_that_comes_after_a_change_of_size_stands_where_the_rows_stood),
		cmocka_unit_test(one_moving_line_stays_one_line),
		cmocka_unit_test(on_a_terminal_only_jobs_have_lines_and_steps_that_fail),
		cmocka_unit_test(every_event_is_a_line_of_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
