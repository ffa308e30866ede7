/* logs: what a step printed, byte for byte on a pipe and made harmless on a terminal. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/vec.h"
#include "cmd.h"
#include "follow.h"
#include "report/tty.h"
#include "run_name.h"

/* An attempt whose log is to be shown. */
struct shown_log {
	char *path, *name; /* path NULL: there is none */
	uint32_t number, unit, serial;
	bool running;
	bool silent; /* it printed nothing: there may be no file any more */
};

struct logs {
	struct shown_log *at;
	size_t n, room;
	int64_t attempt; /* 0: the last of each step */
	uint32_t after;	 /* only attempts begun after that one */
};

static bool keep_attempt(void *ctx, const struct ledger_attempt_row *r)
{
	struct logs *l = ctx;
	struct shown_log one;

	if (r->phase == ATTEMPT_INTENT || r->phase == ATTEMPT_UNUSED || (!r->log && r->log_bytes) ||
	    r->serial <= l->after || (l->attempt && r->number != (uint32_t)l->attempt))
		return true;
	one = (struct shown_log){.path = r->log ? xstrdup(r->log) : NULL, .name = xstrdup(r->name),
				 .number = r->number, .unit = r->unit, .serial = r->serial,
				 .running = r->phase == ATTEMPT_RUNNING, .silent = !r->log_bytes};
	for (size_t i = 0; i < l->n; i++) {
		if (l->at[i].unit != r->unit)
			continue;
		free(l->at[i].path);
		free(l->at[i].name);
		l->at[i] = one;
		return true;
	}
	VEC_PUSH(l->at, l->n, l->room, one);
	return true;
}

struct wanted {
	struct ledger *l;
	struct logs *logs;
};

static bool of_step(void *ctx, const struct ledger_step_row *r)
{
	struct wanted *w = ctx;

	return ledger_attempts(w->l, r->run, r->unit, keep_attempt, w->logs);
}

static int unreadable(struct ledger *l)
{
	cli_error("%s", ledger_error(l)->text.data);
	return EXIT_LEDGER;
}

static void print_bytes(const char *data, size_t len, bool clean)
{
	struct buf line = BUF_INIT;

	if (!clean) {
		fwrite(data, 1, len, stdout);
		return;
	}
	while (len) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) : len;

		buf_reset(&line);
		tty_clean(&line, (struct span){data, n});
		fputs(line.data, stdout);
		if (end)
			putchar('\n');
		data += n + (end != NULL);
		len -= n + (end != NULL);
	}
	buf_release(&line);
}

/* -1 and errno; ENOENT of one that runs: it has not begun to, or has just ended. */
static int open_log(const struct shown_log *one)
{
	errno = ENOENT;
	return one->path ? open(one->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
}

/* False if it cannot be read. */
static bool print_rest(int fd, bool clean)
{
	char chunk[64 * 1024];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		print_bytes(chunk, (size_t)n, clean);
	return n == 0;
}

static bool still_runs(void *ctx, const struct ledger_attempt_row *r)
{
	struct shown_log *one = ctx;

	if (r->serial == one->serial)
		one->running = r->phase == ATTEMPT_RUNNING;
	return r->serial != one->serial;
}

static void print_now(int fd, bool clean)
{
	(void)print_rest(fd, clean);
	fflush(stdout);
}

/*
 * Until the attempt has ended: woken when the file grows, and twice a second to ask whether it has.  fd: of the log,
 * or -1 as long as there is none; the same is returned.
 */
static int follow(struct ledger *l, int64_t run, struct shown_log *one, int fd, bool clean)
{
	int note = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), watch = -1;
	struct pollfd p = {.fd = note, .events = POLLIN};
	char events[4096];

	while (one->running && follow_look(l, run) == FOLLOW_GOES_ON) {
		if (watch < 0)
			watch = inotify_add_watch(note, one->path, IN_MODIFY);
		fd = fd < 0 ? open_log(one) : fd;
		print_now(fd, clean);
		(void)poll(&p, 1, 500);
		(void)!read(note, events, sizeof(events));
		(void)ledger_attempts(l, run, one->unit, still_runs, one);
	}
	fd = fd < 0 ? open_log(one) : fd;
	print_now(fd, clean); /* what came with its end */
	close(note);
	return fd;
}

static bool print_log(struct cli *c, struct ledger *l, int64_t run, struct shown_log *one, bool head)
{
	bool clean = isatty(STDOUT_FILENO);
	int fd = open_log(one);

	if (fd < 0 && !(errno == ENOENT && (one->silent || one->running))) {
		cli_error("cannot read the log '%s': %s", one->path, strerror(errno));
		return false;
	}
	if (head) {
		printf("==> ");
		print_bytes(one->name, strlen(one->name), true);
		printf(", attempt %" PRIu32 " <==\n", one->number);
	}
	if (fd >= 0)
		(void)print_rest(fd, clean);
	if (c->follow)
		fd = follow(l, run, one, fd, clean);
	if (fd >= 0)
		close(fd);
	return true;
}

static void logs_release(struct logs *logs)
{
	for (size_t i = 0; i < logs->n; i++) {
		free(logs->at[i].path);
		free(logs->at[i].name);
	}
	free(logs->at);
	logs->at = NULL;
	logs->n = logs->room = 0;
}

/* Those collected, one after the other; the next ones are those begun after them. */
static bool print_logs(struct cli *c, struct ledger *l, int64_t run, struct logs *logs, bool head)
{
	bool good = true;

	for (size_t i = 0; i < logs->n; i++) {
		good = print_log(c, l, run, &logs->at[i], head) && good;
		if (logs->at[i].serial > logs->after)
			logs->after = logs->at[i].serial;
	}
	logs_release(logs);
	return good;
}

static bool note_unsettled(void *ctx, const struct ledger_step_row *r)
{
	if (!state_is_final(r->state))
		*(bool *)ctx = true;
	return !*(bool *)ctx;
}

/* Whether more may come of these steps. */
static enum follow look(struct ledger *l, const struct run_name *n)
{
	enum follow is = follow_look(l, n->run);
	bool unsettled = false;

	if (is == FOLLOW_GOES_ON && (!ledger_steps(l, n->run, n->step, note_unsettled, &unsettled) || !unsettled))
		return FOLLOW_ENDED;
	return is;
}

/* Later attempts, and steps that have not begun yet, until there can be none any more. */
static int follow_on(struct cli *c, struct ledger *l, const struct run_name *n, struct logs *logs)
{
	struct wanted w = {l, logs};
	int code = EXIT_DONE;

	for (;;) {
		int64_t seen = ledger_data_version(l);
		enum follow is = look(l, n);

		if (!ledger_steps(l, n->run, n->step, of_step, &w))
			return unreadable(l);
		if (!logs->n && is != FOLLOW_GOES_ON)
			return is == FOLLOW_DEAD ? follow_dead() : code;
		if (!logs->n)
			follow_wait(l, seen);
		else if (!print_logs(c, l, n->run, logs, logs->after || !n->step))
			code = EXIT_RUN_FAILED;
	}
}

/* --- of hooks, which are no steps: what the run's folder has of them ------------------------------------------------ */

static bool keep_folder(void *ctx, const struct ledger_run_row *r)
{
	*(char **)ctx = r->log_dir ? xstrdup(r->log_dir) : NULL;
	return true;
}

static int is_of_hook(const struct dirent *d)
{
	return !fnmatch("[0-9]*-hook-*-*.log", d->d_name, 0);
}

/* file: NNNNNN-hook-EVENT-ID.log */
static bool print_hook(const char *folder, const char *file)
{
	const char *event = strstr(file, "-hook-") + strlen("-hook-"), *id = strchr(event, '-') + 1;
	char *path = path_join(folder, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool good = fd >= 0;

	if (good) {
		printf("==> hooks.%.*s/%.*s <==\n", (int)(id - 1 - event), event, (int)(strlen(id) - strlen(".log")), id);
		good = print_rest(fd, isatty(STDOUT_FILENO));
		close(fd);
	} else {
		cli_error("cannot read the log '%s': %s", path, strerror(errno));
	}
	free(path);
	return good;
}

static bool print_hooks(struct ledger *l, int64_t run)
{
	struct dirent **at = NULL;
	char *folder = NULL;
	bool good = ledger_run_get(l, run, keep_folder, &folder);
	int n = folder ? scandir(folder, &at, is_of_hook, alphasort) : 0;

	for (int i = 0; i < n; i++) {
		good = print_hook(folder, at[i]->d_name) && good;
		free(at[i]);
	}
	free(at);
	free(folder);
	return good;
}

/* --- all -------------------------------------------------------------------------------------------------------- */

static int show_logs(struct cli *c, struct ledger *l, const struct run_name *n, struct logs *logs)
{
	struct wanted w = {l, logs};
	enum follow is = c->follow && !c->attempt ? look(l, n) : FOLLOW_ENDED;
	int code;

	if (!ledger_steps(l, n->run, n->step, of_step, &w))
		return unreadable(l);
	if (!logs->n && is == FOLLOW_ENDED) {
		cli_error("nothing was started there, so there is no log");
		return EXIT_RUN_FAILED;
	}
	code = print_logs(c, l, n->run, logs, logs->n > 1 || (is != FOLLOW_ENDED && !n->step)) ? EXIT_DONE : EXIT_RUN_FAILED;
	if (is != FOLLOW_ENDED)
		code = follow_on(c, l, n, logs);
	return n->step || print_hooks(l, n->run) ? code : EXIT_RUN_FAILED;
}

int cmd_logs(struct cli *c)
{
	struct ledger *l = c->follow ? cli_ledger_live(c) : cli_ledger(c);
	struct run_name n = {.run = -1};
	struct logs logs = {.attempt = c->attempt};
	int code = EXIT_USAGE_ERROR;

	if (l && run_name_find(&n, l, c->words.n ? c->words.at[0] : "last"))
		code = show_logs(c, l, &n, &logs);
	logs_release(&logs);
	run_name_release(&n);
	ledger_close(l);
	return code;
}
