/*
 * The JSON side of the cursor: RFC 8259 and nothing more, in one pass over the
 * text.  The text ends with NULs that are not part of it and holds none itself,
 * so that a NUL is the end and no loop needs to compare pointers.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/cursor_impl.h"
#include "doc/utf8.h"

enum expect {
	EXPECT_VALUE,	   /* at the start, after ':' */
	EXPECT_ELEMENT,	   /* after ',' in a list */
	EXPECT_FIRST,	   /* after '[': an element or ']' */
	EXPECT_KEY,	   /* after ',' in a map */
	EXPECT_FIRST_KEY,  /* after '{': a key or '}' */
	EXPECT_MORE,	   /* after a value in a list or map: ',' or the end */
	EXPECT_NOTHING,	   /* after the document's value */
};

struct json {
	const char *start, *p, *end;
	const char *line_start;
	uint32_t line;
	enum expect expect;
	const char *comma; /* the last one, for the message about a trailing one */
	size_t depth;
	const char *open[DEPTH_MAX]; /* where each open list and map begins */
	struct buf text;	     /* a string with escapes, decoded */
};

static void *json_open(struct cursor *c)
{
	struct json *j = xcalloc(1, sizeof(*j));

	j->start = j->p = j->line_start = c->text.at;
	j->end = c->text.at + c->text.len;
	j->line = 1;
	buf_init(&j->text);
	return j;
}

static void json_free(void *state)
{
	struct json *j = state;

	buf_release(&j->text);
	free(j);
}

/* p is on the line that is being read. */
static inline struct mark mark_at(const struct cursor *c, const struct json *j, const char *p,
				  size_t len)
{
	return mark_of(c->source, j->line, (size_t)(p - j->line_start) + 1, len);
}

static inline void skip_space(struct json *j)
{
	static const char blanks[8] = "        ";
	const char *p = j->p;

	for (;; p++) {
		if (*p == '\n') {
			j->line++;
			j->line_start = p + 1;
			while (!memcmp(p + 1, blanks, sizeof(blanks)))
				p += sizeof(blanks);
		} else if (*p != ' ' && *p != '\r' && *p != '\t') {
			break;
		}
	}
	j->p = p;
}

static void fail(struct cursor *c, const char *at, size_t len, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* The error at `at`; DOC_BAD. */
static void fail(struct cursor *c, const char *at, size_t len, const char *fmt, ...)
{
	struct mark m = source_mark(c->source, (size_t)(at - c->text.at), len);
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	diag_error(c->diags, m, "%s", text.data);
	buf_release(&text);
	cursor_bad(c, m);
}

static void hint(struct cursor *c, const char *text)
{
	diag_hint(c->diags, "%s", text);
}

/* In a text of several lines the comma may stand well before what shows that it is too many. */
static void hint_comma(struct cursor *c, const struct json *j)
{
	unsigned line = (unsigned)source_mark(c->source, (size_t)(j->comma - j->start), 1).line;

	if (line > 1)
		diag_hint(c->diags, "remove it from line %u", line);
	else
		hint(c, "remove it");
}

/* Length of the character at p, for a caret. */
static size_t char_len(const struct json *j, const char *p)
{
	size_t n;

	(void)utf8_decode(p, (size_t)(j->end - p), &n);
	return n;
}

static bool is_word(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
	       ch == '_' || ch == '$' || (unsigned char)ch >= 0x80;
}

static size_t word_len(const char *p)
{
	size_t n = 0;

	while (is_word(p[n]) || (n && p[n] == '-'))
		n++;
	return n;
}

static bool word_is(const char *p, size_t n, const char *word)
{
	return strlen(word) == n && !memcmp(p, word, n);
}

/* The list or map that the text ends in. */
static void fail_unclosed(struct cursor *c, const struct json *j)
{
	const char *open = j->open[j->depth - 1];

	fail(c, open, 1, "this '%c' is never closed", *open);
}

static void fail_word(struct cursor *c, const char *p)
{
	static const struct {
		const char *word, *hint;
	} known[] = {
		{"True", "write true"},
		{"False", "write false"},
		{"None", "write null"},
		{"nil", "write null"},
		{"undefined", "write null"},
		{"NaN", "JSON has no such number: write null"},
		{"Infinity", "JSON has no such number: write null"},
	};
	size_t n = word_len(p);

	fail(c, p, n, "unknown word '%.*s'", (int)n, p);
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (word_is(p, n, known[i].word)) {
			hint(c, known[i].hint);
			return;
		}
	}
	hint(c, "text needs double quotes");
}

/* What stands at j->p cannot begin a value or a key (what: which of them). */
static void fail_start(struct cursor *c, struct json *j, const char *what)
{
	const char *p = j->p;

	if (p == j->end && j->depth) {
		fail_unclosed(c, j);
	} else if (p == j->end) {
		fail(c, p, 0, "%s is missing: the text ends here", what);
	} else if (*p == '/' || *p == '#') {
		fail(c, p, 1, "a comment, which JSON does not have");
		hint(c, "remove it, or write the document as YAML");
	} else if (*p == '\'') {
		fail(c, p, 1, "a quote that JSON does not have");
		hint(c, "strings take double quotes");
	} else if ((*p == ']' || *p == '}') && j->comma &&
		   (j->expect == EXPECT_ELEMENT || j->expect == EXPECT_KEY)) {
		fail(c, j->comma, 1, "a trailing comma, which JSON does not have");
		hint_comma(c, j);
	} else if (*p == '+' || *p == '.') {
		fail(c, p, 1, "a number cannot start with '%c'", *p);
	} else if (is_word(*p) && (unsigned char)*p < 0x80) {
		fail_word(c, p);
	} else {
		size_t n = char_len(j, p);

		fail(c, p, n, "expected %s, found '%.*s'", what, (int)n, p);
	}
}

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static const char *digits(const char *p)
{
	while (is_digit(*p))
		p++;
	return p;
}

static void set_scalar(struct cursor *c, struct mark m, enum node_style style, struct span text)
{
	c->event = (struct event){.kind = DOC_SCALAR, .style = style, .mark = m, .text = text};
}

static void fail_number(struct cursor *c, const char *start, const char *p)
{
	const char *first = start + (*start == '-');

	if (p == first && word_is(p, word_len(p), "Infinity")) {
		fail(c, start, 9, "unknown word '-Infinity'");
		hint(c, "JSON has no such number: write null");
	} else if (*first == '0' && p == first + 1 && is_digit(*p)) {
		fail(c, start, (size_t)(digits(p) - start), "a number cannot start with a zero");
		hint(c, "remove the zero, or quote it if it is text");
	} else if (!is_digit(p[-1])) {
		fail(c, p, 1, "a digit is missing after '%c'", p[-1]);
	} else {
		size_t n = (size_t)(p - start);

		while (is_word(start[n]) || start[n] == '.')
			n++;
		fail(c, start, n, "'%.*s' is no number", (int)n, start);
		hint(c, "text needs double quotes");
	}
}

/* -? (0 | [1-9] [0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static void read_number(struct cursor *c, struct json *j)
{
	const char *start = j->p, *p = start + (*start == '-'), *from = p;

	p = *p == '0' ? p + 1 : digits(p);
	if (p == from)
		goto bad;
	if (*p == '.') {
		from = ++p;
		p = digits(p);
		if (p == from)
			goto bad;
	}
	if (*p == 'e' || *p == 'E') {
		p++;
		p += *p == '+' || *p == '-';
		from = p;
		p = digits(p);
		if (p == from)
			goto bad;
	}
	if (is_word(*p) || *p == '.')
		goto bad;
	set_scalar(c, mark_at(c, j, start, (size_t)(p - start)), STYLE_PLAIN,
		   (struct span){start, (size_t)(p - start)});
	j->p = p;
	return;

bad:
	fail_number(c, start, p);
}

static void read_word(struct cursor *c, struct json *j)
{
	size_t n = word_len(j->p);

	if (!word_is(j->p, n, "true") && !word_is(j->p, n, "false") && !word_is(j->p, n, "null")) {
		fail_start(c, j, "a value");
		return;
	}
	set_scalar(c, mark_at(c, j, j->p, n), STYLE_PLAIN, (struct span){j->p, n});
	j->p += n;
}

/* The first byte from p on that is a quote, a backslash or a control character. */
static inline const char *string_run(const char *p)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;

	for (;; p += sizeof(uint64_t)) {
		uint64_t w, quote, slash, hit;

		memcpy(&w, p, sizeof(w));
		quote = w ^ ones * '"';
		slash = w ^ ones * '\\';
		hit = ((quote - ones) & ~quote) | ((slash - ones) & ~slash) |
		      ((w - ones * 0x20) & ~w);
		/* A borrow can only make bytes after the first hit look like hits. */
		if (hit & high)
			break;
	}
	while ((unsigned char)*p >= 0x20 && *p != '"' && *p != '\\')
		p++;
	return p;
}

static void fail_control(struct cursor *c, struct json *j, const char *start, const char *p)
{
	if (p == j->end) {
		fail(c, start, 1, "this string is never closed");
	} else if (*p == '\n' || *p == '\r') {
		fail(c, start, (size_t)(p - start), "a string ends with its line");
		hint(c, "close it with '\"'; a line break in a string is written \\n");
	} else if (*p == '\t') {
		fail(c, p, 1, "a tab in a string");
		hint(c, "write it \\t");
	} else {
		fail(c, p, 1, "control character U+%04X in a string", (unsigned char)*p);
		diag_hint(c->diags, "write it \\u%04x", (unsigned char)*p);
	}
}

/* Four hex digits, or -1. */
static int32_t hex4(const char *p)
{
	int32_t n = 0;

	for (int i = 0; i < 4; i++) {
		char ch = p[i];

		if (is_digit(ch))
			n = n << 4 | (ch - '0');
		else if ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'f')
			n = n << 4 | ((ch | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return n;
}

enum {
	ESCAPE_U = 6, /* bytes of \uXXXX */
	HIGH_FIRST = 0xd800,
	LOW_FIRST = 0xdc00,
	LOW_LAST = 0xdfff,
};

/* " in 'KEY'": the value that is being read; nothing outside of a map. */
static void add_key(const struct cursor *c, const struct json *j, struct buf *out)
{
	const struct keyset *k = &c->keys;
	const struct key_entry *e;

	if (!k->depth || k->n == k->level[k->depth - 1].base || j->expect == EXPECT_KEY)
		return;
	e = &k->entry[k->n - 1];
	buf_addf(out, " in '%.*s'", (int)e->len, e->stable ? e->stable : k->copies.data + e->copy);
}

static void fail_nul(struct cursor *c, struct json *j, const char *p)
{
	struct buf where = BUF_INIT;

	add_key(c, j, &where);
	fail(c, p, ESCAPE_U, "a text cannot hold NUL%s", where.data);
	buf_release(&where);
}

/* p is at \u.  The end of the escape, or NULL after the error. */
static const char *read_unicode(struct cursor *c, struct json *j, const char *p)
{
	int32_t code = hex4(p + 2), low;
	const char *next = p + ESCAPE_U;
	char utf8[UTF8_MAX];

	if (code < 0) {
		fail(c, p, 2, "'\\u' takes four hex digits");
		return NULL;
	}
	if (!code) {
		fail_nul(c, j, p);
		return NULL;
	}
	if (code >= HIGH_FIRST && code <= LOW_LAST) {
		low = next[0] == '\\' && next[1] == 'u' ? hex4(next + 2) : -1;
		if (code >= LOW_FIRST || low < LOW_FIRST || low > LOW_LAST) {
			fail(c, p, ESCAPE_U, "'%.6s' is half of a surrogate pair", p);
			return NULL;
		}
		code = 0x10000 + ((code - HIGH_FIRST) << 10) + (low - LOW_FIRST);
		next += ESCAPE_U;
	}
	buf_add(&j->text, utf8, utf8_put(utf8, (uint32_t)code));
	return next;
}

/* p is at a backslash, in the string from start on.  The end of the escape, or NULL after the error. */
static const char *read_escape(struct cursor *c, struct json *j, const char *start, const char *p)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;
	size_t n;

	if (p[1] == 'u')
		return read_unicode(c, j, p);
	found = p[1] ? strchr(from, p[1]) : NULL;
	if (found) {
		buf_putc(&j->text, to[found - from]);
		return p + 2;
	}
	if (p + 1 >= j->end || (unsigned char)p[1] < 0x20) {
		fail_control(c, j, start, p + 1);
		return NULL;
	}
	n = char_len(j, p + 1) + 1;
	fail(c, p, n, "unknown escape '%.*s' in a string", (int)n, p);
	hint(c, "a backslash itself is written \\\\");
	return NULL;
}

/* A string that has an escape at p; its end (at the quote), or NULL after the error. */
static const char *read_escaped(struct cursor *c, struct json *j, const char *start, const char *p)
{
	buf_reset(&j->text);
	buf_add(&j->text, start + 1, (size_t)(p - start - 1));
	while (*p == '\\') {
		const char *from = read_escape(c, j, start, p);

		if (!from)
			return NULL;
		p = string_run(from);
		buf_add(&j->text, from, (size_t)(p - from));
	}
	if (*p == '"')
		return p;
	fail_control(c, j, start, p);
	return NULL;
}

static inline void read_string(struct cursor *c, struct json *j)
{
	const char *start = j->p, *p = string_run(start + 1);
	struct span text = {start + 1, (size_t)(p - start - 1)};

	if (*p == '\\') {
		p = read_escaped(c, j, start, p);
		if (!p)
			return;
		text = (struct span){j->text.data, j->text.len};
	} else if (*p != '"') {
		fail_control(c, j, start, p);
		return;
	}
	j->p = p + 1;
	set_scalar(c, mark_at(c, j, start, (size_t)(j->p - start)), STYLE_QUOTED, text);
}

static void after_value(struct json *j)
{
	j->expect = j->depth ? EXPECT_MORE : EXPECT_NOTHING;
}

static void begin(struct cursor *c, struct json *j, bool is_map)
{
	struct mark m = mark_at(c, j, j->p, 1);

	if (j->depth == DEPTH_MAX) {
		cursor_too_deep(c, m);
		return;
	}
	j->open[j->depth++] = j->p++;
	j->expect = is_map ? EXPECT_FIRST_KEY : EXPECT_FIRST;
	if (is_map)
		keyset_open(&c->keys);
	c->event = (struct event){.kind = is_map ? DOC_MAP : DOC_LIST, .mark = m};
}

static void finish(struct cursor *c, struct json *j)
{
	if (*j->p == '}')
		keyset_close(&c->keys);
	c->event = (struct event){.kind = DOC_END, .mark = mark_at(c, j, j->p, 1)};
	j->p++;
	j->depth--;
	after_value(j);
}

static void read_value(struct cursor *c, struct json *j)
{
	switch (*j->p) {
	case '{':
	case '[':
		begin(c, j, *j->p == '{');
		return;
	case '"':
		read_string(c, j);
		break;
	case '-': case '0': case '1': case '2': case '3': case '4':
	case '5': case '6': case '7': case '8': case '9':
		read_number(c, j);
		break;
	case 't':
	case 'f':
	case 'n':
		read_word(c, j);
		break;
	default:
		fail_start(c, j, "a value");
		return;
	}
	after_value(j);
}

static void json_read(struct cursor *c);

/* Read the value of a key that is there already, checked as any other, and drop it. */
static void drop_value(struct cursor *c)
{
	size_t depth = 0;

	do {
		json_read(c);
		depth += c->event.kind == DOC_LIST || c->event.kind == DOC_MAP;
		depth -= c->event.kind == DOC_END;
	} while (depth && c->event.kind != DOC_BAD);
}

/* A key and its colon.  False: it was there already, and its value has been dropped. */
static bool read_key(struct cursor *c, struct json *j)
{
	const char *start = j->p;
	struct event key;
	size_t first;

	if (*start != '"') {
		fail_start(c, j, "a key in double quotes");
		return true;
	}
	read_string(c, j);
	if (c->event.kind == DOC_BAD)
		return true;
	key = c->event;
	skip_space(j);
	if (*j->p != ':') {
		fail(c, j->p == j->end ? start : j->p, j->p == j->end ? key.mark.len : char_len(j, j->p),
		     "expected ':' after the key '%.*s'", (int)key.text.len, key.text.at);
		return true;
	}
	j->p++;
	j->expect = EXPECT_VALUE;
	if (keyset_add(&c->keys, key.text, key.text.at == start + 1, (size_t)(start - j->start),
		       &first))
		return true;
	if (!cursor_duplicate(c, key.text, key.mark, first))
		return true;
	drop_value(c);
	return c->event.kind == DOC_BAD;
}

static void fail_more(struct cursor *c, struct json *j)
{
	const char *open = j->open[j->depth - 1];
	char close = *open == '[' ? ']' : '}';
	size_t n;

	if (j->p == j->end) {
		fail_unclosed(c, j);
		return;
	}
	if (*j->p == '/' || *j->p == '#') {
		fail_start(c, j, "a value");
		return;
	}
	n = char_len(j, j->p);
	fail(c, j->p, n, "expected ',' or '%c', found '%.*s'", close, (int)n, j->p);
	diag_note(c->diags, source_mark(c->source, (size_t)(open - j->start), 1), "the '%c' is here",
		  *open);
}

/* After a value in a list or map.  True: it was a comma, what follows is still to be read. */
static bool read_more(struct cursor *c, struct json *j)
{
	bool in_map = *j->open[j->depth - 1] == '{';

	if (*j->p == ',') {
		j->comma = j->p++;
		j->expect = in_map ? EXPECT_KEY : EXPECT_ELEMENT;
		return true;
	}
	if (*j->p == (in_map ? '}' : ']'))
		finish(c, j);
	else
		fail_more(c, j);
	return false;
}

static void read_end(struct cursor *c, struct json *j)
{
	if (j->p == j->end)
		c->event = (struct event){.kind = DOC_FINISHED, .mark = mark_at(c, j, j->p, 0)};
	else if (*j->p == '/' || *j->p == '#')
		fail_start(c, j, "nothing");
	else
		fail(c, j->p, char_len(j, j->p), "text after the end of the document");
}

/* One step: an event, or (false) something between events. */
static bool step(struct cursor *c, struct json *j)
{
	skip_space(j);
	switch (j->expect) {
	case EXPECT_FIRST:
		if (*j->p == ']') {
			finish(c, j);
			return true;
		}
		/* fall through */
	case EXPECT_VALUE:
	case EXPECT_ELEMENT:
		read_value(c, j);
		return true;
	case EXPECT_FIRST_KEY:
		if (*j->p == '}') {
			finish(c, j);
			return true;
		}
		/* fall through */
	case EXPECT_KEY:
		return read_key(c, j);
	case EXPECT_MORE:
		return !read_more(c, j);
	case EXPECT_NOTHING:
		read_end(c, j);
		return true;
	}
	BUG("json state %d", j->expect);
}

static void json_read(struct cursor *c)
{
	struct json *j = c->state;

	while (!step(c, j))
		;
}

const struct reader json_reader = {.open = json_open, .read = json_read, .free = json_free};
