#include "doc/compiled.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/file_state.h"
#include "base/spool.h"
#include "doc/compiled_impl.h"

struct header {
	char magic[8];
	uint64_t by;	/* who wrote it: this program, with this libyaml */
	char text[DIGEST_HEX]; /* SHA-256 of the document */
	uint64_t len, hash; /* of what follows */
};

static const char MAGIC[8] = "orchdoc1";

struct compiled {
	const struct source *source;
	char *path;
	struct buf file; /* as it was read: header and events; empty if it is of no use */
	struct spool put; /* events of a cursor that reads the text */
	bool may_make;	 /* what is not known is put there */
	bool complete;	 /* it came to the end */
	uint64_t line;	 /* of the event that was put last */
};

/* Events that are being read. */
struct replay {
	const char *at, *end;
	uint64_t line; /* of the last one */
};

/* --- numbers ------------------------------------------------------------------------------------------ */

static void put_number(struct buf *out, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		buf_putc(out, (char)(v | 0x80));
	buf_putc(out, (char)v);
}

/* False at the end, or if it has more than 64 bits. */
static inline bool take_number(struct replay *r, uint64_t *ret)
{
	uint64_t v = 0;

	if (r->at < r->end && !(*r->at & 0x80)) { /* as nearly all are */
		*ret = (unsigned char)*r->at++;
		return true;
	}
	for (unsigned shift = 0; r->at < r->end && shift < 64; shift += 7) {
		unsigned char ch = (unsigned char)*r->at++;

		v |= (uint64_t)(ch & 0x7f) << shift;
		if (ch <= 0x7f) {
			*ret = v;
			return true;
		}
	}
	return false;
}

/* Aliases jump back: a sign in the lowest bit. */
static uint64_t fold(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static int64_t unfold(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* --- events -------------------------------------------------------------------------------------------- */

enum { KIND_BITS = 3, KIND_MASK = (1 << KIND_BITS) - 1 };

void compiled_put(struct compiled *k, const struct event *e)
{
	struct buf *put = &k->put.tail;

	if (!k->may_make)
		return;
	buf_putc(put, (char)(e->kind | (unsigned)e->style << KIND_BITS));
	put_number(put, fold((int64_t)e->mark.line - (int64_t)k->line));
	put_number(put, e->mark.col);
	put_number(put, e->mark.len);
	k->line = e->mark.line;
	if (e->kind == DOC_SCALAR) {
		put_number(put, e->text.len);
		buf_add(put, e->text.at, e->text.len);
	}
	spool_pass(&k->put);
	k->complete = e->kind == DOC_FINISHED;
}

static bool take_mark(struct replay *r, const struct source *s, struct mark *ret)
{
	uint64_t line, col, len;

	if (!take_number(r, &line) || !take_number(r, &col) || !take_number(r, &len))
		return false;
	r->line += (uint64_t)unfold(line);
	*ret = mark_of(s, r->line, col, len);
	return true;
}

static bool take_text(struct replay *r, struct span *ret)
{
	uint64_t len;

	if (!take_number(r, &len) || len > (uint64_t)(r->end - r->at))
		return false;
	*ret = (struct span){r->at, len};
	r->at += len;
	return true;
}

/* False: it is over, or what comes is no event. */
static bool replay_next(struct replay *r, const struct source *s, struct event *ret)
{
	unsigned char head;

	if (r->at == r->end)
		return false;
	head = (unsigned char)*r->at++;
	*ret = (struct event){.kind = head & KIND_MASK, .style = head >> KIND_BITS};
	if (ret->kind >= DOC_BAD || ret->style > STYLE_BLOCK || !take_mark(r, s, &ret->mark))
		return false;
	return ret->kind != DOC_SCALAR || take_text(r, &ret->text);
}

static struct replay replay_of(const struct compiled *k)
{
	return (struct replay){k->file.data + sizeof(struct header), k->file.data + k->file.len, 0};
}

/* --- whether it is a document ---------------------------------------------------------------------------- */

/* What a cursor's readers may rely on: one value, then the end; maps of keys, which are scalars, and values. */
struct shape {
	struct {
		bool is_map, want_value;
	} level[DEPTH_MAX];
	size_t depth;
	bool root_done, finished;
};

static void value_done(struct shape *w)
{
	if (w->depth)
		w->level[w->depth - 1].want_value = false;
	else
		w->root_done = true;
}

static bool on_scalar(struct shape *w)
{
	if (w->depth && w->level[w->depth - 1].is_map && !w->level[w->depth - 1].want_value)
		w->level[w->depth - 1].want_value = true;
	else
		value_done(w);
	return true;
}

static bool on_open(struct shape *w, bool is_map)
{
	if (w->depth == DEPTH_MAX || (w->depth && w->level[w->depth - 1].is_map && !w->level[w->depth - 1].want_value))
		return false;
	w->level[w->depth].is_map = is_map;
	w->level[w->depth++].want_value = false;
	return true;
}

static bool on_end(struct shape *w)
{
	if (!w->depth || w->level[w->depth - 1].want_value)
		return false;
	w->depth--;
	value_done(w);
	return true;
}

static bool fits(struct shape *w, const struct event *e)
{
	if (w->finished || (w->root_done && e->kind != DOC_FINISHED))
		return false;
	switch (e->kind) {
	case DOC_SCALAR:
		return on_scalar(w);
	case DOC_LIST:
	case DOC_MAP:
		return on_open(w, e->kind == DOC_MAP);
	case DOC_END:
		return on_end(w);
	case DOC_FINISHED:
		return w->finished = w->root_done;
	case DOC_BAD:
		break;
	}
	return false;
}

static bool is_document(const struct compiled *k)
{
	struct replay r = replay_of(k);
	struct shape w = {0};
	struct event e;

	while (r.at < r.end)
		if (!replay_next(&r, k->source, &e) || !fits(&w, &e))
			return false;
	return w.finished;
}

/* --- the file ---------------------------------------------------------------------------------------------- */

/* Of events that are so many bytes and have that hash. */
static struct header header_for(const struct source *s, uint64_t len, uint64_t hash)
{
	struct header h = {.len = len, .hash = hash};

	memcpy(h.magic, MAGIC, sizeof(h.magic));
	h.by = hash_text(hash_text(0, ORCHMAKE_VERSION), cursor_yaml_library());
	memcpy(h.text, source_digest(s)->hex, sizeof(h.text));
	return h;
}

static struct header header_of(const struct source *s, const void *events, size_t len)
{
	return header_for(s, len, hash_of(events, len));
}

void compiled_seal(const struct source *s, const void *events, size_t len, struct buf *out)
{
	struct header h = header_of(s, events, len);

	buf_add(out, (const char *)&h, sizeof(h));
	buf_add(out, events, len);
}

static bool holds(const struct compiled *k)
{
	struct header is, should;

	if (k->file.len < sizeof(is))
		return false;
	memcpy(&is, k->file.data, sizeof(is));
	should = header_of(k->source, k->file.data + sizeof(is), k->file.len - sizeof(is));
	return !memcmp(&is, &should, sizeof(is)) && is_document(k);
}

static char *path_in(const char *dir, const char *name)
{
	char *whole = realpath(name, NULL), *path;
	const char *of = whole ? whole : name;
	struct digest d;

	digest_of(&d, of, strlen(of));
	path = xasprintf("%s/%.32s", dir, d.hex);
	free(whole);
	return path;
}

static struct compiled *compiled_new(const struct source *s)
{
	struct compiled *k = xcalloc(1, sizeof(*k));
	char *dir;

	k->source = s;
	buf_init(&k->file);
	dir = path_dir(source_name(s));
	spool_init(&k->put, dir);
	free(dir);
	return k;
}

struct compiled *compiled_open(const char *dir, const struct source *s, bool may_make)
{
	struct compiled *k;

	if (source_text(s).len < COMPILED_MIN)
		return NULL;
	k = compiled_new(s);
	k->path = path_in(dir, source_name(s));
	k->may_make = may_make;
	if (file_read_own(k->path, &k->file, SOURCE_MAX) < 0 || !holds(k))
		buf_release(&k->file);
	return k;
}

struct compiled *compiled_from(const struct source *s, const void *file, size_t len)
{
	struct compiled *k = compiled_new(s);

	buf_add(&k->file, file, len);
	if (!holds(k))
		buf_release(&k->file);
	return k;
}

void compiled_free(struct compiled *k)
{
	if (!k)
		return;
	buf_release(&k->file);
	spool_release(&k->put);
	free(k->path);
	free(k);
}

bool compiled_is_known(const struct compiled *k)
{
	return k->file.len > 0;
}

bool compiled_is_due(const struct compiled *k)
{
	return k->complete && !k->put.lost;
}

static bool hash_piece(void *hasher, const void *data, size_t len)
{
	hasher_add(hasher, data, len);
	return true;
}

static bool write_piece(void *fd, const void *data, size_t len)
{
	return fd_write_all(*(int *)fd, data, len) == 0;
}

static int put_file(void *ctx, int fd)
{
	const struct compiled *k = ctx;
	struct hasher *hasher = hasher_new();
	bool good = spool_each(&k->put, hash_piece, hasher);
	struct header h = header_for(k->source, spool_len(&k->put), hasher_end(hasher));

	return good && !fd_write_all(fd, &h, sizeof(h)) && spool_each(&k->put, write_piece, &fd) ? 0 : -1;
}

void compiled_save(struct compiled *k)
{
	(void)file_make_atomic(k->path, 0600, put_file, k); /* without it the text is read again */
	spool_release(&k->put);
	k->complete = false;
}

void compiled_rest(struct compiled *k)
{
	buf_release(&k->file);
}

/* --- as a cursor's reader ------------------------------------------------------------------------------------ */

static void *reader_open(struct cursor *c)
{
	struct replay *r = xcalloc(1, sizeof(*r));

	*r = replay_of(c->compiled);
	return r;
}

static void reader_read(struct cursor *c)
{
	BUG_UNLESS(replay_next(c->state, c->source, &c->event)); /* it was looked through when it was opened */
}

const struct reader compiled_reader = {.open = reader_open, .read = reader_read, .free = free};
