/*
 * injest: the records of an export, each object once, as far as the store does not have them.
 *
 *	files		folder, file or glob, or a list of them
 *	records		key of a page that holds its records (`messages`, `value`, `data`, ...)
 *	id		key of a record's id
 *	version		key of what grows when a record changes, or null: the later one counts then
 *	version_as	number or time
 *	source_system, connection_name, object_type
 *	known		rows {idem_key, payload} of the store: what is there already
 *
 * Answers items (new and changed records as they came), rejected (rows for the table of
 * rejects), event (one row for the log) and stats.
 */
#include "callables/callable.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/bug.h"
#include "base/digest.h"
#include "base/fdio.h"
#include "base/map.h"
#include "base/vec.h"
#include "callables/convert.h"
#include "callables/decode.h"
#include "doc/json.h"

enum { DEPTH_MAX = 64 }; /* of a record; what passes it on stops at 100 */

#define NO_VERSION INT64_MIN

struct winner { /* what stands for an id in this export */
	json_t *payload; /* owned */
	int64_t version;
};

struct intake {
	const char *records, *id, *version, *system, *connection, *type;
	bool version_is_time;
	struct map known;	/* idem_key -> payload, borrowed from the parameters */
	struct map index;	/* idem_key -> number + 1 in winner */
	struct winner *winner;
	size_t n_winners, room_winners;
	json_t *rejected;	/* rows */
	struct map twins;	/* digest of a rejected record -> how many were alike */
	json_t *reasons;	/* reason -> count */
	json_t *files;		/* for the event */
	const char *file;	/* that is being read */
	size_t position;	/* of the record in it, from 1 */
	size_t n_records, n_duplicates, n_superseded, n_bytes;
	struct buf *err;
};

/* --- records ------------------------------------------------------------------------------------------ */

static bool too_deep(const json_t *v, int room)
{
	const char *key;
	json_t *value;
	size_t i;

	if (!room)
		return true;
	json_array_foreach((json_t *)v, i, value)
		if (too_deep(value, room - 1))
			return true;
	json_object_foreach((json_t *)v, key, value)
		if (too_deep(value, room - 1))
			return true;
	return false;
}

static void count_reason(struct intake *in, const char *reason)
{
	json_int_t n = json_integer_value(json_object_get(in->reasons, reason));

	json_object_set_new(in->reasons, reason, json_integer(n + 1));
}

/* The same bad record twice makes two rows, and the same rows in every run. */
static json_t *reject_key(struct intake *in, const char *reason, const struct buf *payload)
{
	struct buf text = BUF_INIT;
	struct digest d;
	uintptr_t n;
	json_t *key;

	buf_addf(&text, "%s:%s:%s:%s:%s", in->system, in->connection, in->type, reason, payload->data);
	digest_of(&d, text.data, text.len);
	n = (uintptr_t)map_get(&in->twins, d.hex) + 1;
	map_put(&in->twins, d.hex, (void *)n);
	key = json_sprintf("%s:%s:%s:%.32s#%zu", in->system, in->connection, in->type, d.hex, (size_t)n);
	buf_release(&text);
	return key;
}

static void reject(struct intake *in, const json_t *record, const char *reason)
{
	struct buf payload = BUF_INIT;
	json_t *row = json_object();

	if (!strcmp(reason, "too_deep"))
		buf_puts(&payload, "null");
	else
		json_canonical(&payload, record, JSON_TIGHT);
	json_object_set_new(row, "reject_key", reject_key(in, reason, &payload));
	json_object_set_new(row, "source_system", json_string(in->system));
	json_object_set_new(row, "connection_name", json_string(in->connection));
	json_object_set_new(row, "object_type", json_string(in->type));
	json_object_set_new(row, "reason", json_string(reason));
	json_object_set_new(row, "file", json_string(in->file));
	json_object_set_new(row, "position", json_integer((json_int_t)in->position));
	json_object_set_new(row, "payload", string_of(&payload));
	json_array_append_new(in->rejected, row);
	count_reason(in, reason);
	buf_release(&payload);
}

static int64_t version_of(const struct intake *in, const json_t *record)
{
	struct buf text = BUF_INIT;
	int64_t version = NO_VERSION;
	const json_t *v = in->version ? value_at(record, in->version) : NULL;
	char *end;

	if (v && scalar_text(&text, v) && text.len) {
		if (in->version_is_time) {
			if (!time_parse(text.data, &version))
				version = NO_VERSION;
		} else {
			errno = 0;
			version = strtoll(text.data, &end, 10);
			if (*end || errno)
				version = NO_VERSION;
		}
	}
	buf_release(&text);
	return version;
}

static void take(struct intake *in, json_t *record, const char *key)
{
	struct winner new = {json_incref(record), version_of(in, record)}, *old;
	uintptr_t at = (uintptr_t)map_get(&in->index, key);

	if (!at) {
		VEC_PUSH(in->winner, in->n_winners, in->room_winners, new);
		map_put(&in->index, key, (void *)(uintptr_t)in->n_winners);
		return;
	}
	old = &in->winner[at - 1];
	if (json_equal(old->payload, record))
		in->n_duplicates++;
	else
		in->n_superseded++;
	if (new.version >= old->version) {
		json_decref(old->payload);
		*old = new;
	} else {
		json_decref(new.payload);
	}
}

static bool is_blank(const char *s)
{
	return !s[strspn(s, " \t\r\n")];
}

static void take_record(struct intake *in, json_t *record)
{
	const json_t *id = json_object_get(record, in->id);
	struct buf key = BUF_INIT;

	in->n_records++;
	in->position++;
	buf_addf(&key, "%s:%s:%s:", in->system, in->connection, in->type);
	if (too_deep(record, DEPTH_MAX))
		reject(in, record, "too_deep");
	else if (!json_is_object(record))
		reject(in, record, "not_an_object");
	else if (!id || json_is_null(id) || (json_is_string(id) && is_blank(json_string_value(id))))
		reject(in, record, "missing_id");
	else if (!json_is_string(id) && !json_is_integer(id))
		reject(in, record, "bad_id");
	else if (json_object_get(record, "@removed"))
		reject(in, record, "tombstone");
	else if (scalar_text(&key, id))
		take(in, record, key.data);
	buf_release(&key);
}

/* --- pages -------------------------------------------------------------------------------------------- */

/* What a page has besides its records; a page without any is nothing but these. */
static bool is_page_word(const char *key)
{
	static const char *const words[] = {"nextPageToken", "resultSizeEstimate", "nextSyncToken", "has_more",
					    "url", "object"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strcmp(words[i], key))
			return true;
	return !strncmp(key, "@odata.", 7);
}

static bool is_empty_page(const json_t *v)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)v, key, value)
		if (!is_page_word(key))
			return false;
	return true;
}

static json_t *page_records(const struct intake *in, const json_t *v)
{
	json_t *list = json_object_get(v, in->records);

	return json_is_array(list) && !json_object_get(v, in->id) ? list : NULL;
}

static void take_list(struct intake *in, const json_t *list)
{
	json_t *v, *record;
	size_t i, k;

	json_array_foreach(list, i, v) {
		json_t *page = page_records(in, v);

		if (!page)
			take_record(in, v);
		else
			json_array_foreach(page, k, record)
				take_record(in, record);
	}
}

/* An answer that says no, saved as if it were an export. */
static bool is_refusal(struct intake *in, const json_t *v)
{
	const json_t *error = json_object_get(v, "error");
	const json_t *message = json_object_get(error, "message");

	if (!error || json_object_get(v, in->id))
		return false;
	buf_addf(in->err, "%s: holds an error answer instead of records", in->file);
	if (json_is_string(message))
		buf_addf(in->err, ": %.200s", json_string_value(message));
	return true;
}

/* One of the values of a file; `only` if there is no other. */
static bool take_value(struct intake *in, json_t *v, bool only)
{
	json_t *page = page_records(in, v);

	if (json_is_array(v))
		take_list(in, v);
	else if (page)
		take_list(in, page);
	else if (is_refusal(in, v))
		return false;
	else if (json_is_object(v) && !json_object_get(v, in->id) && is_empty_page(v))
		;
	else if (only && !json_object_get(v, in->id)) {
		buf_addf(in->err, "%s: is neither a list of records nor a map with '%s' or '%s'", in->file, in->records,
			 in->id);
		return false;
	} else {
		take_record(in, v);
	}
	return true;
}

/* --- files -------------------------------------------------------------------------------------------- */

struct text_at {
	const char *p, *end;
	size_t line; /* of p */
};

static void skip_to(struct text_at *t, const char *p)
{
	for (; t->p < p; t->p++)
		t->line += *t->p == '\n';
}

static bool more_text(struct text_at *t)
{
	const char *p = t->p;

	while (p < t->end && strchr(" \t\r\n", *p) && *p)
		p++;
	skip_to(t, p);
	return p < t->end;
}

/* The next value, a new reference; NULL and err. */
static json_t *next_value(struct intake *in, struct text_at *t)
{
	json_error_t e;
	json_t *v = json_loadb(t->p, (size_t)(t->end - t->p), JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &e);

	if (!v) {
		buf_addf(in->err, "%s:%zu: is not JSON, or cut off: %s", in->file, t->line + (size_t)e.line - 1,
			 e.text);
		return NULL;
	}
	skip_to(t, t->p + e.position);
	return v;
}

static bool take_values(struct intake *in, const struct buf *text)
{
	struct text_at t = {text->data, text->data + text->len, 1};
	bool first = true, good = true;

	if (!more_text(&t)) {
		buf_addf(in->err, "%s: is empty", in->file);
		return false;
	}
	while (good && more_text(&t)) {
		json_t *v = next_value(in, &t);

		good = v && take_value(in, v, first && !more_text(&t));
		json_decref(v);
		first = false;
	}
	return good;
}

static void note_file(struct intake *in, const struct buf *bytes, const char *encoding, size_t n)
{
	struct digest d;

	digest_of(&d, bytes->data, bytes->len);
	in->n_bytes += bytes->len;
	json_array_append_new(in->files, json_pack("{s:s, s:s, s:s, s:I, s:I}", "file", path_base(in->file), "sha256",
						   d.hex, "encoding", encoding, "bytes", (json_int_t)bytes->len,
						   "records", (json_int_t)n));
}

static bool take_text(struct intake *in, const struct buf *bytes)
{
	struct buf text = BUF_INIT, soft = BUF_INIT, why = BUF_INIT;
	const char *encoding = text_decode(&text, bytes->data, bytes->len, &why);
	size_t before = in->n_records;
	bool good = false;

	if (!encoding) {
		buf_addf(in->err, "%s: %s", in->file, why.data);
	} else {
		json_soften(&soft, text.data, text.len);
		buf_release(&text);
		good = take_values(in, &soft);
	}
	if (good)
		note_file(in, bytes, encoding, in->n_records - before);
	buf_release(&text);
	buf_release(&soft);
	buf_release(&why);
	return good;
}

static bool take_file(struct intake *in, const char *path)
{
	struct buf bytes = BUF_INIT;
	bool good = false;

	in->file = path;
	in->position = 0;
	if (file_read(path, &bytes, SIZE_MAX) < 0)
		buf_addf(in->err, "cannot read '%s': %s", path, strerror(errno));
	else
		good = take_text(in, &bytes);
	buf_release(&bytes);
	return good;
}

static bool is_export(const char *name)
{
	static const char *const ends[] = {".json", ".jsonl", ".ndjson"};
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (len > strlen(ends[i]) && !strcasecmp(name + len - strlen(ends[i]), ends[i]))
			return true;
	return false;
}

/* By bytes, whatever the locale: the order decides which of two versions is the later one. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int wanted(const struct dirent *d)
{
	return d->d_name[0] != '.' && is_export(d->d_name);
}

static bool take_folder(struct intake *in, const char *dir)
{
	struct dirent **name;
	int n = scandir(dir, &name, wanted, by_bytes);
	bool good = n > 0;

	if (n < 0)
		buf_addf(in->err, "cannot read the folder '%s': %s", dir, strerror(errno));
	else if (!n)
		buf_addf(in->err, "no export (*.json, *.jsonl, *.ndjson) in '%s'", dir);
	for (int i = 0; i < n; i++) {
		char *path = path_join(dir, name[i]->d_name);

		if (good)
			good = take_file(in, path);
		in->file = NULL;
		free(path);
		free(name[i]);
	}
	if (n >= 0)
		free(name);
	return good;
}

static bool take_glob(struct intake *in, const char *pattern)
{
	glob_t found;
	bool good = glob(pattern, GLOB_ERR, NULL, &found) == 0;

	if (!good) {
		buf_addf(in->err, "there is no export '%s'", pattern);
		return false;
	}
	for (size_t i = 0; good && i < found.gl_pathc; i++)
		good = take_file(in, found.gl_pathv[i]);
	globfree(&found);
	return good;
}

static bool take_path(struct intake *in, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return take_glob(in, path);
	return S_ISDIR(st.st_mode) ? take_folder(in, path) : take_file(in, path);
}

static bool take_files(struct intake *in, const json_t *files)
{
	const json_t *path;
	size_t i;

	if (json_is_string(files))
		return take_path(in, json_string_value(files));
	if (!json_is_array(files) || !json_array_size(files)) {
		buf_puts(in->err, "parameter 'files' is neither a path nor a list of paths");
		return false;
	}
	json_array_foreach(files, i, path) {
		if (!json_is_string(path)) {
			buf_addf(in->err, "parameter 'files[%zu]' is not a path", i);
			return false;
		}
		if (!take_path(in, json_string_value(path)))
			return false;
	}
	return true;
}

/* --- what the store has ------------------------------------------------------------------------------- */

static bool learn(struct intake *in, const json_t *rows)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		const char *key = json_str(row, "idem_key");
		json_t *payload = json_object_get(row, "payload");

		if (!key || !json_is_object(payload)) {
			buf_addf(in->err, "parameter 'known[%zu]' is not {idem_key, payload}", i);
			return false;
		}
		map_put(&in->known, key, payload);
	}
	return true;
}

struct tally {
	json_int_t n_new, n_updated, n_unchanged, n_stale;
};

/* The records that the store has not, or has in an older version. */
static json_t *news(const struct intake *in, struct tally *t)
{
	json_t *items = json_array();

	for (size_t i = 0; i < in->n_winners; i++) {
		const struct winner *w = &in->winner[i];
		const json_t *stored = map_get(&in->known, in->index.entry[i].key);

		if (!stored)
			t->n_new++;
		else if (json_equal((json_t *)stored, w->payload))
			t->n_unchanged++;
		else if (w->version < version_of(in, stored))
			t->n_stale++;
		else
			t->n_updated++;
		if (!stored || (!json_equal((json_t *)stored, w->payload) && w->version >= version_of(in, stored)))
			json_array_append(items, w->payload);
	}
	return items;
}

/* --- the answer --------------------------------------------------------------------------------------- */

static json_t *counts(const struct intake *in)
{
	return json_pack("{s:O, s:I, s:I, s:I, s:I, s:O}", "files", in->files, "records", (json_int_t)in->n_records,
			 "objects", (json_int_t)in->n_winners, "duplicates", (json_int_t)in->n_duplicates, "superseded",
			 (json_int_t)in->n_superseded, "rejected", in->reasons);
}

/* Nothing in it depends on the run, so that the log knows an export that it has seen. */
static json_t *event_of(const struct intake *in)
{
	return json_pack("[{s:s, s:s, s:o, s:o}]", "event_type", "export.ingested", "aggregate_type", "export",
			 "aggregate_id", json_sprintf("%s:%s:%s", in->system, in->connection, in->type), "payload",
			 counts(in));
}

static void answer(struct intake *in, json_t *ret)
{
	struct tally t = {0};
	json_t *items = news(in, &t), *stats = counts(in);

	json_object_set_new(stats, "new", json_integer(t.n_new));
	json_object_set_new(stats, "updated", json_integer(t.n_updated));
	json_object_set_new(stats, "unchanged", json_integer(t.n_unchanged));
	json_object_set_new(stats, "stale", json_integer(t.n_stale));
	json_object_set_new(stats, "bytes", json_integer((json_int_t)in->n_bytes));
	stats_rows(stats, in->n_records, json_array_size(items));
	json_object_set_new(ret, "items", items);
	json_object_set(ret, "rejected", in->rejected);
	json_object_set_new(ret, "event", event_of(in));
	json_object_set_new(ret, "stats", stats);
}

static bool read_version(struct intake *in, const json_t *params)
{
	const char *as = json_str(params, "version_as");

	in->version = json_str(params, "version");
	in->version_is_time = as && !strcmp(as, "time");
	if (as && strcmp(as, "time") && strcmp(as, "number")) {
		buf_addf(in->err, "parameter 'version_as' is '%s', not number or time", as);
		return false;
	}
	return true;
}

static bool read_params(struct intake *in, const json_t *params)
{
	static const char *const words[] = {"files", "records", "id", "version", "version_as", "source_system",
					    "connection_name", "object_type", "known", NULL};
	const json_t *known = json_object_get(params, "known");

	if (!inputs_known(params, words, in->err))
		return false;
	if (!(in->records = input_text(params, "records", in->err)) || !(in->id = input_text(params, "id", in->err)) ||
	    !(in->system = input_text(params, "source_system", in->err)) ||
	    !(in->connection = input_text(params, "connection_name", in->err)) ||
	    !(in->type = input_text(params, "object_type", in->err)))
		return false;
	return read_version(in, params) && (!known || learn(in, known));
}

bool injest(const json_t *params, json_t *ret, struct buf *err)
{
	struct intake in = {.err = err, .rejected = json_array(), .reasons = json_object(), .files = json_array()};
	bool good = read_params(&in, params) && take_files(&in, json_object_get(params, "files"));

	if (good)
		answer(&in, ret);
	for (size_t i = 0; i < in.n_winners; i++)
		json_decref(in.winner[i].payload);
	free(in.winner);
	map_release(&in.known);
	map_release(&in.index);
	map_release(&in.twins);
	json_decref(in.rejected);
	json_decref(in.reasons);
	json_decref(in.files);
	return good;
}
