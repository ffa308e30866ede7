#include "doc/json.h"

#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/span.h"
#include "doc/cursor_impl.h"
#include "doc/utf8.h"

enum {
	INDENT = 2,
	DIGITS_MAX = 17,     /* of a double, that surely read back */
	FIXED_FROM = -4,     /* exponents of ten that are written without e, as Python does */
	FIXED_BELOW = 16,
};

/* ---- numbers ---- */

bool json_real_parse(const char *text, double *ret)
{
	/* Another locale may want a comma.  The C locale is a constant of libc: this makes nothing. */
	locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	double value;
	char *end;

	if (!c_locale)
		BUG("no C locale");
	value = strtod_l(text, &end, c_locale);
	freelocale(c_locale);
	if (end == text || *end || !isfinite(value))
		return false;
	*ret = value;
	return true;
}

/* A number as 0.DIGITS times ten to the point. */
struct decimal {
	char digits[DIGITS_MAX + 1];
	int n, point;
};

/* value, which is positive, rounded to n digits. */
static struct decimal decimal_of(double value, int n)
{
	char text[64];
	struct decimal d = {0};
	const char *p;

	snprintf(text, sizeof(text), "%.*e", n - 1, value);
	for (p = text; *p != 'e'; p++) { /* whatever the locale puts between the digits */
		if (*p >= '0' && *p <= '9')
			d.digits[d.n++] = *p;
	}
	d.point = atoi(p + 1) + 1;
	return d;
}

static bool reads_back(const struct decimal *d, double value)
{
	char text[DIGITS_MAX + 32];
	double back;

	snprintf(text, sizeof(text), "0.%se%d", d->digits, d->point);
	return json_real_parse(text, &back) && back == value;
}

/* The next greater number of as many digits; false if it has more of them. */
static bool count_up(struct decimal *d)
{
	int i = d->n - 1;

	while (i >= 0 && d->digits[i] == '9')
		d->digits[i--] = '0';
	if (i < 0)
		return false;
	d->digits[i]++;
	return true;
}

/*
 * The fewest digits that read back.  Just above a power of two numbers lie twice as far apart as
 * below it, so there the rounded number may miss where the next one up does not.
 */
static struct decimal shortest(double value)
{
	int first = 1;

	/* Decimals of up to 15 digits are told apart by every normal number, so if 15 read back, they are the
	 * shortest but for their zeros at the end; and if not, no fewer do. */
	if (value >= DBL_MIN) {
		struct decimal d = decimal_of(value, DBL_DIG);

		if (reads_back(&d, value)) {
			while (d.n > 1 && d.digits[d.n - 1] == '0')
				d.digits[--d.n] = 0;
			return d;
		}
		first = DBL_DIG + 1;
	}
	for (int n = first; n < DIGITS_MAX; n++) {
		struct decimal d = decimal_of(value, n);

		if (reads_back(&d, value) || (count_up(&d) && reads_back(&d, value)))
			return d;
	}
	return decimal_of(value, DIGITS_MAX);
}

static void add_fixed(struct buf *out, const struct decimal *d)
{
	if (d->point <= 0) {
		buf_puts(out, "0.");
		buf_pad(out, '0', (size_t)-d->point);
		buf_puts(out, d->digits);
	} else if (d->point >= d->n) {
		buf_puts(out, d->digits);
		buf_pad(out, '0', (size_t)(d->point - d->n));
		buf_puts(out, ".0");
	} else {
		buf_addf(out, "%.*s.%s", d->point, d->digits, d->digits + d->point);
	}
}

void json_real_text(struct buf *out, double value)
{
	struct decimal d;
	int exponent;

	BUG_UNLESS(isfinite(value));
	if (signbit(value))
		buf_putc(out, '-');
	if (value == 0) {
		buf_puts(out, "0.0");
		return;
	}
	d = shortest(fabs(value));
	exponent = d.point - 1;
	if (exponent >= FIXED_FROM && exponent < FIXED_BELOW)
		add_fixed(out, &d);
	else
		buf_addf(out, "%c%s%se%c%02d", d.digits[0], d.n > 1 ? "." : "", d.digits + 1,
			 exponent < 0 ? '-' : '+', abs(exponent));
}

/* ---- strings ---- */

static void add_escape(struct buf *out, uint32_t code)
{
	enum { PLANE = 0x10000, HIGH = 0xd800, LOW = 0xdc00 };

	if (code >= PLANE) {
		code -= PLANE;
		buf_addf(out, "\\u%04x\\u%04x", (unsigned)(HIGH + (code >> 10)),
			 (unsigned)(LOW + (code & 0x3ff)));
	} else {
		buf_addf(out, "\\u%04x", (unsigned)code);
	}
}

/* What is not written as it is: a quote, a backslash, controls; with ascii all that is not. */
static void add_special(struct buf *out, int32_t code, const char *bytes, size_t n, bool ascii)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *found = code > 0 && code < 0x80 ? strchr(from, code) : NULL;

	if (found) {
		buf_putc(out, '\\');
		buf_putc(out, to[found - from]);
	} else if (code == UTF8_BAD) {
		buf_puts(out, ascii ? "\\ufffd" : "\xef\xbf\xbd");
	} else if (ascii || utf8_is_control((uint32_t)code)) {
		add_escape(out, (uint32_t)code);
	} else {
		buf_add(out, bytes, n);
	}
}

static void add_string(struct buf *out, const char *s, size_t len, bool ascii)
{
	size_t i = 0, run = 0;

	buf_putc(out, '"');
	while (i < len) {
		unsigned char ch = (unsigned char)s[i];
		size_t n;
		int32_t code;

		if (ch >= 0x20 && ch < 0x7f && ch != '"' && ch != '\\') {
			i++;
			continue;
		}
		buf_add(out, s + run, i - run);
		code = utf8_decode(s + i, len - i, &n);
		add_special(out, code, s + i, n, ascii);
		run = i += n;
	}
	buf_add(out, s + run, i - run);
	buf_putc(out, '"');
}

void json_quote(struct buf *out, const char *text, size_t len)
{
	add_string(out, text, len, false);
}

/* ---- values ---- */

struct writer {
	struct buf *out;
	enum json_spacing spacing;
	bool canonical;
	size_t depth;
	const struct json_late *late;
};

static void write_value(struct writer *w, const json_t *v);

static void new_line(struct writer *w)
{
	if (w->spacing != JSON_INDENTED)
		return;
	buf_putc(w->out, '\n');
	buf_pad(w->out, ' ', w->depth * INDENT);
}

/* Before element i of a list or map. */
static void separate(struct writer *w, size_t i)
{
	if (i)
		buf_puts(w->out, w->spacing == JSON_SPACED ? ", " : ",");
	new_line(w);
}

static void write_key(struct writer *w, const char *key, size_t len)
{
	add_string(w->out, key, len, w->canonical);
	buf_puts(w->out, w->spacing == JSON_TIGHT ? ":" : ": ");
}

/* The elements of the list or map that is late; whether there are any. */
static bool write_elements(struct writer *w, const struct json_late *l)
{
	size_t n = 0;

	for (uint32_t i = 0; i < l->n; i++) {
		struct json_late inner = {0};
		const char *key = NULL;
		json_t *v = l->make(l, i, &key, &inner);

		if (!v)
			continue;
		separate(w, n++);
		if (json_is_object(l->in))
			write_key(w, key, strlen(key));
		w->late = &inner;
		write_value(w, v);
		json_decref(v);
	}
	w->late = l;
	return n > 0;
}

static void write_late(struct writer *w, const struct json_late *l)
{
	bool is_map = json_is_object(l->in), any;

	buf_putc(w->out, is_map ? '{' : '[');
	w->depth++;
	any = write_elements(w, l);
	w->depth--;
	if (any)
		new_line(w);
	buf_putc(w->out, is_map ? '}' : ']');
}

static void write_list(struct writer *w, const json_t *v)
{
	size_t n = json_array_size(v);

	buf_putc(w->out, '[');
	w->depth++;
	for (size_t i = 0; i < n; i++) {
		separate(w, i);
		write_value(w, json_array_get(v, i));
	}
	w->depth--;
	if (n)
		new_line(w);
	buf_putc(w->out, ']');
}

struct pair {
	struct span key;
	const json_t *value;
};

/* By bytes, which for UTF-8 is by code point. */
static int by_key(const void *va, const void *vb)
{
	const struct pair *a = va, *b = vb;
	size_t n = a->key.len < b->key.len ? a->key.len : b->key.len;
	int order = memcmp(a->key.at, b->key.at, n);

	if (order)
		return order;
	return (a->key.len > b->key.len) - (a->key.len < b->key.len);
}

enum { FEW_PAIRS = 16 };

/* In few if they fit; else the caller frees. */
static struct pair *pairs_of(const json_t *map, struct pair few[FEW_PAIRS])
{
	json_t *m = (json_t *)map; /* an iteration changes nothing, but jansson wants it so */
	size_t n = json_object_size(map), i = 0;
	struct pair *pair = n <= FEW_PAIRS ? few : xcalloc(n, sizeof(*pair));

	for (void *it = json_object_iter(m); it; it = json_object_iter_next(m, it)) {
		pair[i].key = (struct span){json_object_iter_key(it), json_object_iter_key_len(it)};
		pair[i++].value = json_object_iter_value(it);
	}
	return pair;
}

static void write_map(struct writer *w, const json_t *v)
{
	size_t n = json_object_size(v);
	struct pair few[FEW_PAIRS], *pair = pairs_of(v, few);

	if (w->canonical && n)
		qsort(pair, n, sizeof(*pair), by_key);
	buf_putc(w->out, '{');
	w->depth++;
	for (size_t i = 0; i < n; i++) {
		separate(w, i);
		write_key(w, pair[i].key.at, pair[i].key.len);
		write_value(w, pair[i].value);
	}
	w->depth--;
	if (n)
		new_line(w);
	buf_putc(w->out, '}');
	if (pair != few)
		free(pair);
}

static void write_value(struct writer *w, const json_t *v)
{
	if (w->late && w->late->in == v) {
		write_late(w, w->late);
		return;
	}
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		write_map(w, v);
		break;
	case JSON_ARRAY:
		write_list(w, v);
		break;
	case JSON_STRING:
		add_string(w->out, json_string_value(v), json_string_length(v), w->canonical);
		break;
	case JSON_INTEGER:
		buf_addf(w->out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		break;
	case JSON_REAL:
		json_real_text(w->out, json_real_value(v));
		break;
	case JSON_TRUE:
		buf_puts(w->out, "true");
		break;
	case JSON_FALSE:
		buf_puts(w->out, "false");
		break;
	case JSON_NULL:
		buf_puts(w->out, "null");
		break;
	}
}

void json_canonical_late(struct buf *out, const json_t *v, enum json_spacing spacing, const struct json_late *late)
{
	struct writer w = {.out = out, .spacing = spacing, .canonical = true, .late = late};

	write_value(&w, v);
}

void json_canonical(struct buf *out, const json_t *v, enum json_spacing spacing)
{
	json_canonical_late(out, v, spacing, NULL);
}

void json_text_late(struct buf *out, const json_t *v, enum json_spacing spacing, const struct json_late *late)
{
	struct writer w = {.out = out, .spacing = spacing, .late = late};

	write_value(&w, v);
}

void json_text(struct buf *out, const json_t *v, enum json_spacing spacing)
{
	json_text_late(out, v, spacing, NULL);
}

void json_complete(const struct json_late *l)
{
	for (uint32_t i = 0; l->in && i < l->n; i++) {
		struct json_late inner = {0};
		const char *key = NULL;
		json_t *v = l->make(l, i, &key, &inner);

		if (!v)
			continue;
		if (json_is_object(l->in))
			json_object_set_new((json_t *)l->in, key, v);
		else
			json_array_append_new((json_t *)l->in, v);
		json_complete(&inner); /* only now, as it may make the key invalid */
	}
}

void json_digest(struct digest *d, const json_t *v)
{
	struct buf b = BUF_INIT;

	json_canonical(&b, v, JSON_TIGHT);
	digest_of(d, b.data, b.len);
	buf_release(&b);
}

void json_as_text(struct buf *out, const json_t *v)
{
	if (json_is_string(v))
		buf_add(out, json_string_value(v), json_string_length(v));
	else if (!json_is_null(v))
		json_text(out, v, JSON_TIGHT);
}

const char *json_str(const json_t *map, const char *key)
{
	return json_string_value(json_object_get(map, key));
}

/* ---- reading ---- */

/* A value that is being read: the open lists and maps. */
struct reading {
	struct cursor *c;
	struct diags *diags;
	json_t *open[DEPTH_MAX];
	size_t depth;
	struct buf key; /* of the innermost map, once it was read */
	bool has_key;
};

static json_t *read_int(struct reading *r, const char *text, struct mark m)
{
	long long value;

	errno = 0;
	value = strtoll(text, NULL, 10);
	if (errno == ERANGE) {
		diag_error(r->diags, m, "the integer %s is beyond 64 bits", text);
		diag_hint(r->diags, "quote it");
		return NULL;
	}
	return json_integer(value);
}

static json_t *read_number(struct reading *r, const struct node *n)
{
	double value;

	if (!strpbrk(n->text, ".eE"))
		return read_int(r, n->text, n->mark);
	if (!json_real_parse(n->text, &value)) {
		diag_error(r->diags, n->mark, "the number %s is too large", n->text);
		return NULL;
	}
	return json_real(value);
}

static json_t *read_scalar(struct reading *r, const struct node *n)
{
	if (n->style == STYLE_QUOTED)
		return json_stringn_nocheck(n->text, n->n);
	switch (n->text[0]) {
	case 't':
		return json_true();
	case 'f':
		return json_false();
	case 'n':
		return json_null();
	}
	return read_number(r, n);
}

/* Takes over v. */
static void put(struct reading *r, json_t *v)
{
	json_t *around = r->open[r->depth - 1];

	if (json_is_array(around)) {
		json_array_append_new(around, v);
		return;
	}
	json_object_setn_new_nocheck(around, r->key.data, r->key.len, v);
	r->has_key = false;
}

static bool wants_key(const struct reading *r)
{
	return r->depth && !r->has_key && json_is_object(r->open[r->depth - 1]);
}

/* False once the value is whole (*ret) or bad (NULL). */
static bool read_step(struct reading *r, json_t **ret)
{
	const struct node *n = NULL;
	enum doc_event kind = cursor_next(r->c, &n);
	json_t *v = NULL;

	*ret = NULL;
	switch (kind) {
	case DOC_SCALAR:
		if (wants_key(r)) {
			buf_reset(&r->key);
			buf_add(&r->key, n->text, n->n);
			return r->has_key = true;
		}
		v = read_scalar(r, n);
		if (!v)
			return false;
		break;
	case DOC_LIST:
	case DOC_MAP:
		v = kind == DOC_LIST ? json_array() : json_object();
		if (r->depth)
			put(r, json_incref(v)); /* now, while its key is known */
		r->open[r->depth++] = v;
		return true;
	case DOC_END:
		v = r->open[--r->depth];
		if (r->depth) {
			json_decref(v); /* the one around has it */
			return true;
		}
		break;
	case DOC_FINISHED:
	case DOC_BAD:
		return false;
	}
	if (r->depth) {
		put(r, v);
		return true;
	}
	*ret = v;
	return false;
}

static json_t *read_whole(struct reading *r)
{
	json_t *v;

	while (read_step(r, &v))
		;
	while (r->depth)
		json_decref(r->open[--r->depth]);
	if (v && (cursor_next(r->c, NULL) != DOC_FINISHED || diags_errors(r->diags))) {
		json_decref(v);
		v = NULL;
	}
	return v;
}

/* The first error with what belongs to it, on one line. */
static void add_message(struct buf *err, const struct diags *d)
{
	const struct diag *g = diags_at(d, 0);

	buf_addf(err, "%u:%u: %s", (unsigned)g->mark.line, (unsigned)g->mark.col, g->text);
	for (size_t i = 1; i < diags_count(d); i++) {
		g = diags_at(d, i);
		if (g->kind == DIAG_NOTE)
			buf_addf(err, " (%s, at %u:%u)", g->text, (unsigned)g->mark.line,
				 (unsigned)g->mark.col);
		else if (g->kind == DIAG_HINT)
			buf_addf(err, " (%s)", g->text);
		else
			break;
	}
}

json_t *json_parse(const char *text, size_t len, struct buf *err)
{
	struct reading r = {.diags = diags_new(), .key = BUF_INIT};
	struct source *s;
	json_t *v;

	if (len > SOURCE_MAX) {
		buf_puts(err, "1:1: the text is longer than 2 GB");
		diags_free(r.diags);
		return NULL;
	}
	s = source_from("json", text, len);
	r.c = cursor_open(s, DOC_JSON, r.diags);
	v = read_whole(&r);
	if (!v)
		add_message(err, r.diags);
	cursor_free(r.c);
	source_free(s);
	diags_free(r.diags);
	buf_release(&r.key);
	return v;
}

/* `1:7: text` of a line's own reading, as of the whole text. */
static void add_in_line(struct buf *err, size_t line, const char *message)
{
	const char *column = strchr(message, ':');

	buf_addf(err, "%zu%s", line, column ? column : message);
}

json_t *json_parse_lines(const char *text, size_t len, struct buf *err)
{
	json_t *list = json_array();
	size_t number = 1;

	for (const char *p = text, *end = text + len; p < end; number++) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((stop ? stop : end) - p);
		struct buf wrong = BUF_INIT;
		json_t *v = NULL;

		if (span_trim((struct span){p, n}).len)
			v = json_parse(p, n, &wrong);
		if (v)
			json_array_append_new(list, v);
		else if (wrong.len)
			add_in_line(err, number, wrong.data);
		buf_release(&wrong);
		if (err->len) {
			json_decref(list);
			return NULL;
		}
		p += n + 1;
	}
	return list;
}
