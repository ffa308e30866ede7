/* What steps print, out of their logs: as it comes, line by line, or kept together. */
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "expand_case.h"
#include "report/output.h"

static const char jobs[] = "  a: {run: x}\n"
			   "  j: {steps: [{id: s, run: x}, {id: t, run: x}]}\n"
			   "  k: {run: x}\n"
			   "  p: {stages: [j, k]}\n";

struct look {
	struct expand_case c;
	struct output *o;
	struct buf text; /* shown since the last time */
	unsigned writes;
	char dir[32];
};

static void take(void *ctx, struct span text)
{
	struct look *l = ctx;

	buf_add(&l->text, text.at, text.len);
	l->writes++;
}

static void look_open(struct look *l, enum output_mode mode, bool colour)
{
	*l = (struct look){.c = case_expand(jobs, "a p", NULL), .text = BUF_INIT, .dir = "/tmp/output-XXXXXX"};
	case_must_expand(&l->c);
	CHECK(mkdtemp(l->dir) != NULL);
	l->o = output_new(&(struct output_options){.mode = mode, .colour = colour, .write = take, .ctx = l});
	output_begin(l->o, l->c.x, l->dir);
}

static void look_close(struct look *l)
{
	struct buf command = BUF_INIT;

	output_free(l->o);
	case_release(&l->c);
	buf_release(&l->text);
	buf_addf(&command, "rm -r %s", l->dir);
	CHECK_INT(system(command.data), 0);
	buf_release(&command);
}

#define SHOWS(l, want)                                                                             \
	do {                                                                                       \
		CHECK_STR((l)->text.data, want);                                                   \
		buf_reset(&(l)->text);                                                             \
	} while (0)

static uint32_t unit_called(const struct look *l, const char *name)
{
	uint32_t *unit, first;
	size_t n = expansion_match(l->c.x, name, &unit);

	CHECK(n > 0);
	first = unit[0];
	free(unit);
	return first;
}

static char *log_path(const struct look *l, const char *name)
{
	char *file = xstrdup(name), *path;

	for (char *p = file; *p; p++)
		*p = *p == '/' ? '_' : *p;
	path = path_join(l->dir, file);
	free(file);
	return path;
}

static void tell(struct look *l, struct run_event e, const char *name)
{
	char *log = log_path(l, name);

	e.unit = unit_called(l, name);
	e.step = name;
	e.log = e.kind == EVENT_STEP_STARTED ? log : NULL; /* as the engine has it */
	output_before(l->o, &e);
	output_after(l->o, &e);
	free(log);
}

static void started(struct look *l, const char *name)
{
	tell(l, (struct run_event){.kind = EVENT_STEP_STARTED, .state = STATE_RUNNING, .attempt = 1}, name);
}

static void succeeded(struct look *l, const char *name)
{
	tell(l, (struct run_event){.kind = EVENT_STEP_SUCCEEDED, .state = STATE_SUCCEEDED}, name);
}

static void writes_bytes(struct look *l, const char *name, const char *text, size_t len)
{
	char *path = log_path(l, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK_INT(fd_write_all(fd, text, len), 0);
	close(fd);
	free(path);
}

static void writes(struct look *l, const char *name, const char *text)
{
	writes_bytes(l, name, text, strlen(text));
}

static void job_finished(struct look *l, const char *name)
{
	const struct expansion *x = l->c.x;
	struct buf text = BUF_INIT;

	for (uint32_t g = 0; g < x->graph->n_groups; g++) {
		buf_reset(&text);
		if (x->bundle[g].kind == BUNDLE_JOB || x->bundle[g].kind == BUNDLE_COMPOSITE)
			expansion_group_name(x, g, &text);
		if (!strcmp(text.data, name))
			output_after(l->o, &(struct run_event){.kind = EVENT_JOB_FINISHED, .step = name,
							       .unit = x->graph->group[g].end});
	}
	buf_release(&text);
}

/* --- as it comes ------------------------------------------------------------------------------------------ */

static void lines_are_shown_when_they_have_ended_and_never_mixed(void **state)
{
	struct look l;

	(void)state;
	look_open(&l, OUTPUT_LINE, false);
	started(&l, "a");
	started(&l, "j/s");
	writes(&l, "a", "one\ntw");
	writes(&l, "j/s", "begun ");
	CHECK(!output_follow(l.o));
	SHOWS(&l, "a | one\n");
	writes(&l, "j/s", "and ended\n\n");
	writes(&l, "a", "o\n\tthree");
	CHECK(!output_follow(l.o));
	SHOWS(&l, "a | two\nj/s | begun and ended\nj/s |\n");
	CHECK(!output_follow(l.o));
	SHOWS(&l, "");
	succeeded(&l, "a");
	SHOWS(&l, "a |         three\n");
	writes(&l, "j/s", "last\n");
	succeeded(&l, "j/s");
	SHOWS(&l, "j/s | last\n");
	succeeded(&l, "j/t"); /* of it nothing ran */
	output_end(l.o);
	SHOWS(&l, "");
	look_close(&l);
}

static void each_job_has_a_colour_of_its_own_and_control_sequences_none(void **state)
{
	struct look l;

	(void)state;
	look_open(&l, OUTPUT_LINE, true);
	started(&l, "a");
	started(&l, "j/s");
	started(&l, "j/t");
	writes(&l, "a", "\033[31mred\033[2J\n");
	writes(&l, "j/s", "10%\r100%\n");
	writes(&l, "j/t", "\n");
	(void)output_follow(l.o);
	SHOWS(&l, "\033[36ma |\033[0m red\n\033[35mj/s |\033[0m 100%\n\033[35mj/t |\033[0m\n");
	look_close(&l);
}

static void a_line_without_an_end_is_shown_in_pieces_of_whole_characters(void **state)
{
	enum { LONG = 100000 };
	struct buf text = BUF_INIT;
	struct look l;
	size_t n = 0;

	(void)state;
	look_open(&l, OUTPUT_LINE, false);
	started(&l, "a");
	for (int i = 0; i < LONG; i++)
		buf_puts(&text, "日");
	writes(&l, "a", text.data);
	(void)output_follow(l.o);
	succeeded(&l, "a");
	for (const char *p = l.text.data; (p = strstr(p, "日")); p++)
		n++;
	CHECK_INT(n, LONG);
	CHECK(!strstr(l.text.data, "\xef\xbf\xbd"));
	CHECK(strchr(l.text.data, '\n') < l.text.data + l.text.len - 1); /* pieces, so that nothing grows without end */
	look_close(&l);
	buf_release(&text);
}

static bool is_readable(int fd)
{
	return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) == 1;
}

static void nothing_wakes_who_follows_but_what_is_written(void **state)
{
	struct look l;

	(void)state;
	look_open(&l, OUTPUT_LINE, false);
	CHECK(output_follows(l.o));
	if (output_fd(l.o) < 0) { /* as many watches as one may have are taken */
		look_close(&l);
		SKIP_HERE();
	}
	started(&l, "a");
	writes(&l, "a", "x\n");
	CHECK(is_readable(output_fd(l.o)));
	CHECK(!output_follow(l.o));
	CHECK(!is_readable(output_fd(l.o)));
	SHOWS(&l, "a | x\n");
	look_close(&l);
	look_open(&l, OUTPUT_TARGET, false);
	CHECK(!output_follows(l.o));
	CHECK_INT(output_fd(l.o), -1);
	look_close(&l);
}

static void without_a_folder_to_watch_it_is_looked_at_all_the_same(void **state)
{
	struct look l;

	(void)state;
	look_open(&l, OUTPUT_LINE, false);
	output_free(l.o);
	l.o = output_new(&(struct output_options){.mode = OUTPUT_LINE, .write = take, .ctx = &l});
	output_begin(l.o, l.c.x, "/nonexistent");
	CHECK_INT(output_fd(l.o), -1);
	CHECK(output_follows(l.o));
	started(&l, "a");
	writes(&l, "a", "x\n");
	CHECK(!output_follow(l.o));
	SHOWS(&l, "a | x\n");
	look_close(&l);
}

static void a_log_that_grows_faster_than_it_is_shown_holds_up_nobody(void **state)
{
	enum { MANY = 3 << 20 };
	char *text = xmalloc(MANY);
	struct look l;
	int looks = 1;

	(void)state;
	memset(text, '\n', MANY);
	look_open(&l, OUTPUT_NONE, false);
	started(&l, "a");
	writes_bytes(&l, "a", text, MANY);
	for (; output_follow(l.o); looks++)
		CHECK(l.text.len < MANY);
	CHECK_INT(looks, 3);
	CHECK_INT(l.text.len, MANY);
	look_close(&l);
	free(text);
}

static void as_it_comes_means_within_a_line_too_but_not_within_a_character(void **state)
{
	static const char euro[] = "\xe2\x82\xac";
	struct look l;

	(void)state;
	look_open(&l, OUTPUT_NONE, false);
	started(&l, "a");
	started(&l, "k");
	writes(&l, "a", "name? ");
	(void)output_follow(l.o);
	SHOWS(&l, "name? ");
	writes(&l, "k", "k\n");
	writes_bytes(&l, "a", euro, 2);
	(void)output_follow(l.o);
	SHOWS(&l, "k\n");
	writes(&l, "a", euro + 2);
	(void)output_follow(l.o);
	SHOWS(&l, euro);
	writes(&l, "a", "1%\r\t2%\033[");
	(void)output_follow(l.o);
	SHOWS(&l, "1%\r\t2%");
	writes(&l, "a", "31mred\033");
	(void)output_follow(l.o);
	SHOWS(&l, "red");
	writes(&l, "a", "]0;title");
	(void)output_follow(l.o);
	SHOWS(&l, "");
	writes(&l, "a", "\007shown\033[");
	(void)output_follow(l.o);
	SHOWS(&l, "shown");
	succeeded(&l, "a"); /* what never ended */
	SHOWS(&l, "");
	writes(&l, "k", "\xff\x80\n");
	succeeded(&l, "k");
	SHOWS(&l, "\xef\xbf\xbd\xef\xbf\xbd\n");
	look_close(&l);
}

/* --- kept together ------------------------------------------------------------------------------------------ */

static void a_step_is_shown_when_it_has_ended_each_attempt_by_itself(void **state)
{
	struct look l;

	(void)state;
	look_open(&l, OUTPUT_TARGET, false);
	started(&l, "a");
	writes(&l, "a", "one\n\ttwo\r\nthree");
	CHECK(output_has(l.o, unit_called(&l, "a")));
	CHECK(!output_has(l.o, unit_called(&l, "k")));
	SHOWS(&l, "");
	tell(&l, (struct run_event){.kind = EVENT_STEP_SLOW, .state = STATE_RUNNING}, "a");
	SHOWS(&l, "");
	tell(&l, (struct run_event){.kind = EVENT_STEP_RETRY, .state = STATE_WAITING}, "a");
	SHOWS(&l, "    one\n            two\n    three\n");
	CHECK(!output_has(l.o, unit_called(&l, "a")));
	succeeded(&l, "a");
	started(&l, "a");
	writes(&l, "a", "left in the log\n");
	output_forget(l.o, unit_called(&l, "a"));
	succeeded(&l, "a");
	output_forget(l.o, unit_called(&l, "a"));
	SHOWS(&l, "");
	started(&l, "k");
	writes(&l, "k", "");
	CHECK(!output_has(l.o, unit_called(&l, "k")));
	succeeded(&l, "k");
	SHOWS(&l, "");
	started(&l, "j/s");
	writes(&l, "j/s", "cut off");
	output_end(l.o);
	SHOWS(&l, "    cut off\n");
	look_close(&l);
}

static void what_a_failure_says_is_not_said_twice(void **state)
{
	struct look l;
	uint32_t a;

	(void)state;
	look_open(&l, OUTPUT_TARGET, false);
	a = unit_called(&l, "a");
	CHECK_INT(output_news(l.o, a, "exit 1: no route"), 16);
	started(&l, "a");
	CHECK_INT(output_news(l.o, a, "exit 1: no route"), 16);
	writes(&l, "a", "trying\nno route\n\n");
	CHECK_INT(output_news(l.o, a, "exit 1: no route"), 6);
	CHECK_INT(output_news(l.o, a, "exit 1"), 6);
	CHECK_INT(output_news(l.o, a, "exit 1: trying"), 14);
	CHECK_INT(output_news(l.o, a, "no route"), 8);
	CHECK_INT(output_news(l.o, a, ": no route"), 10);
	CHECK_INT(output_news(l.o, a, "exit 1:no route"), 15);
	succeeded(&l, "a");
	look_close(&l);
	look_open(&l, OUTPUT_TAIL, false);
	started(&l, "a");
	writes(&l, "a", "no route\n");
	CHECK_INT(output_news(l.o, a, "exit 1: no route"), 16);
	look_close(&l);
}

static void of_a_long_log_the_end_is_shown_and_where_the_rest_is(void **state)
{
	enum { ROWS = 300000 };
	struct buf text = BUF_INIT;
	struct look l;
	char *path;

	(void)state;
	look_open(&l, OUTPUT_TARGET, false);
	started(&l, "a");
	for (int i = 0; i < ROWS; i++)
		buf_addf(&text, "row %d\n", i);
	writes(&l, "a", text.data);
	succeeded(&l, "a");
	path = log_path(&l, "a");
	buf_reset(&text);
	buf_addf(&text, "    ... 3 MiB before this, see %s\n", path);
	CHECK(!strncmp(l.text.data, text.data, text.len));
	CHECK(!strcmp(l.text.data + l.text.len - strlen("    row 299999\n"), "    row 299999\n"));
	CHECK(l.text.len < 3 << 20);
	look_close(&l);
	buf_release(&text);
	free(path);
}

static void what_is_no_file_is_not_read(void **state)
{
	struct look l;
	char *a, *k;

	(void)state;
	look_open(&l, OUTPUT_LINE, false);
	a = log_path(&l, "a");
	k = log_path(&l, "k");
	CHECK_INT(mkfifo(a, 0600), 0);
	CHECK_INT(symlink("/etc/passwd", k), 0);
	started(&l, "a");
	started(&l, "k");
	started(&l, "j/s"); /* has the terminal to itself: there is no log */
	CHECK(!output_follow(l.o));
	succeeded(&l, "a");
	succeeded(&l, "k");
	succeeded(&l, "j/s");
	SHOWS(&l, "");
	look_close(&l);
	free(a);
	free(k);
}

static void a_job_is_shown_when_the_outermost_has_ended(void **state)
{
	struct look l;

	(void)state;
	look_open(&l, OUTPUT_JOB, false);
	started(&l, "a");
	writes(&l, "a", "of no other job\n");
	succeeded(&l, "a");
	SHOWS(&l, "    of no other job\n");
	started(&l, "j/s");
	writes(&l, "j/s", "first\n");
	tell(&l, (struct run_event){.kind = EVENT_STEP_RETRY, .state = STATE_WAITING}, "j/s");
	started(&l, "k");
	writes(&l, "k", "beside\n");
	tell(&l, (struct run_event){.kind = EVENT_STEP_FAILED, .state = STATE_FAILED}, "k");
	started(&l, "j/t");
	succeeded(&l, "j/t");
	job_finished(&l, "j");
	SHOWS(&l, "");
	job_finished(&l, "p");
	SHOWS(&l, "p:\n  j/s: failed, and is tried again\n    first\n  k: failed\n    beside\n");
	started(&l, "j/t");
	writes(&l, "j/t", "late\n");
	output_end(l.o);
	SHOWS(&l, "p:\n  j/t: it has not ended\n    late\n");
	look_close(&l);
}

static void where_output_is_not_asked_for_no_log_is_read(void **state)
{
	static const enum output_mode quiet[] = {OUTPUT_TAIL, OUTPUT_JSON};
	struct look l;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(quiet); i++) {
		look_open(&l, quiet[i], false);
		started(&l, "a");
		writes(&l, "a", "x\n");
		succeeded(&l, "a");
		output_end(l.o);
		SHOWS(&l, "");
		CHECK_INT(l.writes, 0);
		look_close(&l);
	}
	output_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_shown_when_they_have_ended_and_never_mixed),
		cmocka_unit_test(each_job_has_a_colour_of_its_own_and_control_sequences_none),
		cmocka_unit_test(a_line_without_an_end_is_shown_in_pieces_of_whole_characters),
		cmocka_unit_test(nothing_wakes_who_follows_but_what_is_written),
		cmocka_unit_test(without_a_folder_to_watch_it_is_looked_at_all_the_same),
		cmocka_unit_test(a_log_that_grows_faster_than_it_is_shown_holds_up_nobody),
		cmocka_unit_test(as_it_comes_means_within_a_line_too_but_not_within_a_character),
		cmocka_unit_test(a_step_is_shown_when_it_has_ended_each_attempt_by_itself),
		cmocka_unit_test(what_a_failure_says_is_not_said_twice),
		cmocka_unit_test(of_a_long_log_the_end_is_shown_and_where_the_rest_is),
		cmocka_unit_test(what_is_no_file_is_not_read),
		cmocka_unit_test(a_job_is_shown_when_the_outermost_has_ended),
		cmocka_unit_test(where_output_is_not_asked_for_no_log_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
