#include "report/output.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/vec.h"
#include "doc/utf8.h"
#include "report/tty.h"

enum {
	CHUNK = 64 << 10,
	SLICE = 1 << 20,     /* of one log at one look, so that nobody waits for us long */
	SHOWN_MAX = 1 << 20, /* of one log when it has ended; `logs` has the rest */
	LINE_LONG = 64 << 10, /* a line that is longer is shown in pieces */
	ESCAPE_MAX = 256,    /* nor does a sequence that never ends hold anything up */
};

/* The log of an attempt. */
struct log {
	uint32_t unit, attempt;
	char *name, *path;
	const char *state; /* how it ended; NULL: it has not */
	off_t at;	   /* so much has been read */
	struct buf part;   /* and not shown yet: a line without its end */
};

/* What waits for the end of a job. */
struct pile {
	uint32_t group;
	struct log *log;
	size_t n, room;
};

struct output {
	struct output_options o;
	const struct expansion *x;
	int fd;
	struct log *log; /* of what runs */
	size_t n, room;
	struct pile *pile;
	size_t n_piles, room_piles;
	struct buf text; /* to be shown */
	char *chunk;
};

/* --- the parts ---------------------------------------------------------------------------------------------- */

static void log_release(struct log *l)
{
	free(l->name);
	free(l->path);
	buf_release(&l->part);
}

static bool follows(enum output_mode m)
{
	return m == OUTPUT_LINE || m == OUTPUT_NONE;
}

static bool shows(enum output_mode m)
{
	return follows(m) || m == OUTPUT_TARGET || m == OUTPUT_JOB;
}

struct output *output_new(const struct output_options *o)
{
	struct output *p = xcalloc(1, sizeof(*p));

	p->o = *o;
	p->fd = -1;
	p->chunk = xcalloc(1, CHUNK);
	buf_init(&p->text);
	return p;
}

static void pile_release(struct pile *p)
{
	for (size_t i = 0; i < p->n; i++)
		log_release(&p->log[i]);
	free(p->log);
}

void output_free(struct output *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->n; i++)
		log_release(&o->log[i]);
	for (size_t i = 0; i < o->n_piles; i++)
		pile_release(&o->pile[i]);
	free(o->log);
	free(o->pile);
	free(o->chunk);
	buf_release(&o->text);
	if (o->fd >= 0)
		close(o->fd);
	free(o);
}

/* One watch for all logs: the kernel puts together what comes before it is looked at. */
void output_begin(struct output *o, const struct expansion *x, const char *log_dir)
{
	o->x = x;
	if (!follows(o->o.mode))
		return;
	o->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (o->fd < 0 || (log_dir && inotify_add_watch(o->fd, log_dir, IN_MODIFY) >= 0))
		return;
	close(o->fd); /* there are only so many watches */
	o->fd = -1;
}

int output_fd(const struct output *o)
{
	return o->fd;
}

bool output_follows(const struct output *o)
{
	return follows(o->o.mode);
}

static struct log *log_of(const struct output *o, uint32_t unit)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->log[i].unit == unit)
			return &o->log[i];
	return NULL;
}

/* --- lines ---------------------------------------------------------------------------------------------------- */

static void show(struct output *o)
{
	if (o->text.len)
		o->o.write(o->o.ctx, (struct span){o->text.data, o->text.len});
	buf_reset(&o->text);
}

/* Jobs that stand beside each other differ; red is for failures. */
static void put_prefix(struct output *o, const struct log *l)
{
	static const char *const tones[] = {"36", "35", "33", "34", "32", "96", "95", "93"};
	const struct place *p = &o->x->place[l->unit];
	uint32_t job = p->scope == SCOPE_NONE ? 0 : (uint32_t)o->x->scope[p->scope].job->no;

	if (o->o.colour)
		buf_addf(&o->text, "\033[%sm", tones[job % ARRAY_LEN(tones)]);
	tty_clean(&o->text, span_of(l->name));
	buf_puts(&o->text, o->o.colour ? " |\033[0m " : " | ");
}

static void put_line(struct output *o, const struct log *l, struct span line)
{
	if (o->o.mode == OUTPUT_LINE)
		put_prefix(o, l);
	else
		buf_puts(&o->text, "    ");
	tty_clean_line(&o->text, line);
	while (o->text.len && o->text.data[o->text.len - 1] == ' ')
		buf_cut(&o->text, o->text.len - 1);
	buf_putc(&o->text, '\n');
}

/* So much of text that no character is broken at its end. */
static size_t whole_characters(struct span text)
{
	size_t n = text.len;

	for (size_t back = 1; back < UTF8_MAX && back <= text.len; back++) {
		unsigned char c = (unsigned char)text.at[text.len - back];

		if ((c & 0xc0) == 0x80)
			continue;
		if (c >= 0xc0 && back < (c >= 0xf0 ? 4u : c >= 0xe0 ? 3u : 2u))
			n = text.len - back;
		break;
	}
	return n;
}

static void drop_front(struct buf *b, size_t n)
{
	memmove(b->data, b->data + n, b->len - n);
	buf_cut(b, b->len - n);
}

/* Whole lines of what is held, and a piece of one that does not end. */
static void put_lines(struct output *o, struct log *l, size_t seen)
{
	const char *from = l->part.data, *end = from + l->part.len, *stop;

	for (const char *look = from + seen; (stop = memchr(look, '\n', (size_t)(end - look))); look = from = stop + 1)
		put_line(o, l, (struct span){from, (size_t)(stop - from)});
	if (end - from > LINE_LONG) {
		size_t n = whole_characters((struct span){from, (size_t)(end - from)});

		put_line(o, l, (struct span){from, n});
		from += n;
	}
	if (from > l->part.data)
		drop_front(&l->part, (size_t)(from - l->part.data));
}

/* --- as it comes ------------------------------------------------------------------------------------------------ */

/* Not, if what comes behind it would be swallowed. */
static bool is_whole(struct span sequence)
{
	static const char probe[] = "~~";
	struct buf text = BUF_INIT, clean = BUF_INIT;
	bool whole;

	buf_add(&text, sequence.at, sequence.len);
	buf_puts(&text, probe);
	tty_clean(&clean, (struct span){text.data, text.len});
	whole = clean.len >= strlen(probe) && !strcmp(clean.data + clean.len - strlen(probe), probe);
	buf_release(&text);
	buf_release(&clean);
	return whole;
}

/* So much of text that no sequence of control is broken at its end, as far as that can be told. */
static size_t whole_sequences(struct span text)
{
	size_t tail = text.len < ESCAPE_MAX ? text.len : ESCAPE_MAX;
	const char *end = text.at + text.len, *esc = memrchr(end - tail, '\033', tail);

	if (!esc || is_whole((struct span){esc, (size_t)(end - esc)}))
		return text.len;
	return (size_t)(esc - text.at);
}

static bool is_plain_control(char c)
{
	return c == '\n' || c == '\r' || c == '\t';
}

/* Harmless, and with what any text may have: ends of lines, tabs, going back to the line's beginning. */
static void put_stream(struct output *o, struct span text)
{
	while (text.len) {
		size_t n = 0;

		while (n < text.len && !is_plain_control(text.at[n]))
			n++;
		tty_clean(&o->text, (struct span){text.at, n});
		if (n < text.len)
			buf_putc(&o->text, text.at[n++]);
		text = (struct span){text.at + n, text.len - n};
	}
}

static void put_all(struct output *o, struct log *l)
{
	struct span held = {l->part.data, l->part.len};

	held.len = whole_characters(held);
	held.len = whole_sequences(held);
	put_stream(o, held);
	drop_front(&l->part, held.len);
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

/* Of a regular file alone; *ret_size: how long it is.  -1: it is not there (what has a terminal writes no log). */
static int open_log(const struct log *l, off_t *ret_size)
{
	int fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -1;
	}
	*ret_size = st.st_size;
	return fd;
}

static void take(struct output *o, struct log *l, size_t n)
{
	size_t seen = l->part.len;

	buf_add(&l->part, o->chunk, n);
	l->at += (off_t)n;
	if (o->o.mode == OUTPUT_NONE)
		put_all(o, l);
	else
		put_lines(o, l, seen);
	if (o->text.len >= CHUNK)
		show(o);
}

/* From where we are, at most so many bytes; true: there are more. */
static bool read_on(struct output *o, struct log *l, off_t most)
{
	off_t size = 0;
	int fd = open_log(l, &size);
	off_t end = size - l->at > most ? l->at + most : size;
	ssize_t n = 1;

	while (fd >= 0 && l->at < end && n > 0) {
		n = pread(fd, o->chunk, CHUNK, l->at);
		if (n > 0)
			take(o, l, (size_t)n);
	}
	if (fd >= 0)
		close(fd);
	return fd >= 0 && n > 0 && l->at < size;
}

/* The last line, if it has no end. */
static void finish(struct output *o, struct log *l)
{
	if (l->part.len && o->o.mode == OUTPUT_NONE)
		put_stream(o, (struct span){l->part.data, l->part.len});
	else if (l->part.len)
		put_line(o, l, (struct span){l->part.data, l->part.len});
	buf_reset(&l->part);
}

static void read_rest(struct output *o, struct log *l)
{
	(void)read_on(o, l, INT64_MAX);
	finish(o, l);
	show(o);
}

bool output_follow(struct output *o)
{
	char events[4096];
	bool more = false;

	while (o->fd >= 0 && read(o->fd, events, sizeof(events)) > 0)
		; /* before the logs are looked at: what comes behind it wakes us again */
	for (size_t i = 0; i < o->n; i++)
		more |= read_on(o, &o->log[i], SLICE);
	show(o);
	return more;
}

/* --- kept together --------------------------------------------------------------------------------------------------- */

static off_t log_bytes(const struct log *l)
{
	struct stat st;

	return lstat(l->path, &st) < 0 || !S_ISREG(st.st_mode) ? 0 : st.st_size;
}

/* All of it, or of a long one the end. */
static void print_log(struct output *o, struct log *l)
{
	off_t bytes = log_bytes(l);

	if (bytes > SHOWN_MAX) {
		l->at = bytes - SHOWN_MAX;
		buf_addf(&o->text, "    ... %" PRId64 " MiB before this, see ", (int64_t)(l->at >> 20) + 1);
		tty_clean(&o->text, span_of(l->path));
		buf_putc(&o->text, '\n');
	}
	read_rest(o, l);
}

/* The outermost job that unit belongs to; GROUP_NONE: it is one itself. */
static uint32_t top_group(const struct expansion *x, uint32_t unit)
{
	const struct graph *g = x->graph;
	uint32_t top = GROUP_NONE;

	while (g->want_at[unit] < g->want_at[unit + 1]) {
		uint32_t group = g->want[g->want_at[unit]];
		enum bundle_kind kind = x->bundle[group].kind;

		if (kind == BUNDLE_JOB || kind == BUNDLE_COMPOSITE)
			top = group;
		unit = g->group[group].end;
	}
	return top;
}

static struct pile *pile_of(struct output *o, uint32_t group)
{
	for (size_t i = 0; i < o->n_piles; i++)
		if (o->pile[i].group == group)
			return &o->pile[i];
	VEC_PUSH(o->pile, o->n_piles, o->room_piles, ((struct pile){.group = group}));
	return &o->pile[o->n_piles - 1];
}

/* As a line of its own above what it printed. */
static void put_name(struct output *o, const struct log *l)
{
	buf_puts(&o->text, "  ");
	tty_clean(&o->text, span_of(l->name));
	if (l->attempt > 1)
		buf_addf(&o->text, ", attempt %" PRIu32, l->attempt);
	buf_addf(&o->text, ": %s\n", l->state ? l->state : "it has not ended");
}

static void print_pile(struct output *o, struct pile *p)
{
	struct buf name = BUF_INIT;

	expansion_group_name(o->x, p->group, &name);
	tty_clean(&o->text, span_of(name.data));
	buf_puts(&o->text, ":\n");
	buf_release(&name);
	for (size_t i = 0; i < p->n; i++) {
		put_name(o, &p->log[i]);
		print_log(o, &p->log[i]);
	}
	pile_release(p);
	*p = o->pile[--o->n_piles];
}

static void print_job(struct output *o, uint32_t group)
{
	for (size_t i = 0; i < o->n_piles; i++) {
		if (o->pile[i].group != group)
			continue;
		print_pile(o, &o->pile[i]);
		return;
	}
}

/* --- events ------------------------------------------------------------------------------------------------------------ */

static void begin_log(struct output *o, const struct run_event *e)
{
	struct log l = {.unit = e->unit, .attempt = e->attempt, .part = BUF_INIT};

	l.name = xstrdup(e->step);
	l.path = xstrdup(e->log);
	VEC_PUSH(o->log, o->n, o->room, l);
}

static bool ends_attempt(const struct run_event *e)
{
	return e->kind != EVENT_STEP_STARTED && e->kind != EVENT_STEP_READY && e->kind != EVENT_STEP_SLOW &&
	       e->kind != EVENT_APPROVAL_ASKED && e->kind != EVENT_PLAN_ABORTED && e->unit != UNIT_NONE;
}

void output_before(struct output *o, const struct run_event *e)
{
	struct log *l;

	if (!shows(o->o.mode))
		return;
	if (e->kind == EVENT_STEP_STARTED && e->log)
		begin_log(o, e);
	l = follows(o->o.mode) && ends_attempt(e) ? log_of(o, e->unit) : NULL;
	if (l)
		read_rest(o, l);
}

bool output_has(const struct output *o, uint32_t unit)
{
	struct log *l = o->o.mode == OUTPUT_TARGET ? log_of(o, unit) : NULL;

	return l && log_bytes(l) > 0;
}

/* The last line that is not empty, in tail. */
static struct span last_line(const struct log *l, struct buf *tail)
{
	enum { TAIL = 4096 };
	off_t size = 0;
	int fd = open_log(l, &size);
	struct span text;
	const char *from;
	ssize_t n;

	if (fd < 0)
		return (struct span){"", 0};
	n = pread(fd, buf_reserve(tail, TAIL), TAIL, size > TAIL ? size - TAIL : 0);
	close(fd);
	tail->len = n > 0 ? (size_t)n : 0;
	text = span_trim((struct span){tail->data, tail->len});
	from = memrchr(text.at, '\n', text.len);
	return from ? (struct span){from + 1, text.len - (size_t)(from + 1 - text.at)} : text;
}

size_t output_news(const struct output *o, uint32_t unit, const char *error)
{
	static const char colon[] = ": ";
	size_t len = strlen(error), more = strlen(colon);
	struct buf tail = BUF_INIT;
	struct span line = {"", 0};

	if (output_has(o, unit))
		line = last_line(log_of(o, unit), &tail);
	if (line.len && len > line.len + more && !memcmp(error + len - line.len, line.at, line.len) &&
	    !memcmp(error + len - line.len - more, colon, more))
		len -= line.len + more;
	buf_release(&tail);
	return len;
}

/* Its log is done with: shown now, or with its job. */
static void end_log(struct output *o, struct log *l)
{
	uint32_t group = o->o.mode == OUTPUT_JOB ? top_group(o->x, l->unit) : GROUP_NONE;
	struct log ended = *l;

	*l = o->log[--o->n];
	if (group != GROUP_NONE && log_bytes(&ended)) {
		struct pile *p = pile_of(o, group);

		VEC_PUSH(p->log, p->n, p->room, ended);
		return;
	}
	if (!follows(o->o.mode) && log_bytes(&ended))
		print_log(o, &ended);
	log_release(&ended);
}

void output_forget(struct output *o, uint32_t unit)
{
	struct log *l = log_of(o, unit);

	if (!l)
		return;
	log_release(l);
	*l = o->log[--o->n];
}

void output_after(struct output *o, const struct run_event *e)
{
	struct log *l = shows(o->o.mode) && ends_attempt(e) ? log_of(o, e->unit) : NULL;

	if (l) {
		l->state = e->kind == EVENT_STEP_RETRY ? "failed, and is tried again" : state_word(e->state);
		end_log(o, l);
	}
	if (e->kind == EVENT_JOB_FINISHED && o->n_piles)
		print_job(o, o->x->graph->unit[e->unit].group);
}

void output_end(struct output *o)
{
	while (shows(o->o.mode) && o->n) {
		if (follows(o->o.mode))
			read_rest(o, &o->log[o->n - 1]);
		end_log(o, &o->log[o->n - 1]);
	}
	while (o->n_piles)
		print_pile(o, &o->pile[0]);
	show(o);
}
