/*
 * libyaml says "did not find expected alphabetic or numeric character"; a person
 * wants to hear that *.c needs quotes.  What was meant is read off the line itself.
 */
#include <string.h>

#include <yaml.h>

#include "base/bug.h"
#include "doc/cursor_impl.h"
#include "doc/utf8.h"

enum {
	QUOTE_MAX = 60, /* bytes of a text that a hint shows quoted */
	KEY_MAX = 1024, /* characters of a key, in libyaml and in YAML */
};

/* What libyaml refused. */
struct refusal {
	struct cursor *c;
	const char *problem;
	/* Byte offsets of the problem, of what was being read, of the innermost open list or map. */
	size_t at, context, open;
	bool in_flow;	    /* inside of [ ] or { } */
};

static bool blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n' || !ch;
}

static size_t line_start(struct span t, size_t at)
{
	const char *nl = memrchr(t.at, '\n', at);

	return nl ? (size_t)(nl - t.at) + 1 : 0;
}

static size_t line_end(struct span t, size_t at)
{
	const char *nl = memchr(t.at + at, '\n', t.len - at);
	size_t end = nl ? (size_t)(nl - t.at) : t.len;

	return end > at && t.at[end - 1] == '\r' ? end - 1 : end;
}

static size_t skip_blank(struct span t, size_t i, size_t end)
{
	while (i < end && (t.at[i] == ' ' || t.at[i] == '\t'))
		i++;
	return i;
}

/* Past the quoted text that begins at i; end if it does not close before. */
static size_t skip_quoted(struct span t, size_t i, size_t end)
{
	char quote = t.at[i++];

	for (; i < end && t.at[i] != quote; i++)
		i += quote == '"' && t.at[i] == '\\';
	return i < end ? i + 1 : end;
}

/* Where a value is on its line. */
struct where {
	size_t start;
	bool flow;    /* inside of brackets */
	bool had_key; /* its key stands before it */
	bool first;   /* nothing stands before it */
};

/*
 * Where the value around `at` begins: after `- `, after the first `key: `, inside of [ ] and { }
 * after the last comma.  in_flow: its line is inside of brackets that began before.
 */
static struct where value_start(struct span t, size_t at, bool in_flow)
{
	size_t end = at, i = skip_blank(t, line_start(t, at), end), start = i, indent = i;
	int depth = in_flow;
	bool had_key = false;

	while (i < end) {
		char ch = t.at[i];
		bool spaced = blank(t.at[i + 1]);

		if ((ch == '"' || ch == '\'') && i == start) {
			i = skip_quoted(t, i, end);
			continue;
		}
		i++;
		if ((ch == '[' || ch == '{') && (depth || i - 1 == start))
			depth++;
		else if ((ch == ']' || ch == '}') && depth)
			depth--;
		else if (!(ch == ',' && depth) && !(ch == ':' && spaced && (depth || !had_key)) &&
			 !((ch == '-' || ch == '?') && spaced && i - 1 == start))
			continue;
		had_key |= ch == ':';
		start = i = skip_blank(t, i, end);
	}
	return (struct where){start, depth > 0, had_key, start == indent};
}

/*
 * Where the value ends: with the line or a comment; in brackets at a comma too; and if it may be a
 * key itself, at its colon.
 */
static size_t value_end(struct span t, struct where w)
{
	size_t start = w.start, end = line_end(t, start), i = start;
	int depth = 0;

	for (; i < end; i++) {
		char ch = t.at[i];

		if (ch == '#' && i > start && blank(t.at[i - 1]))
			break;
		if (ch == ':' && !w.had_key && i > start && blank(t.at[i + 1]))
			break;
		if (!w.flow)
			continue;
		if (ch == '[' || ch == '{')
			depth++;
		else if ((ch == ']' || ch == '}') && !depth--)
			break;
		else if (ch == ',' && depth <= 0)
			break;
	}
	while (i > start && blank(t.at[i - 1]))
		i--;
	return i;
}

static struct span value_at(const struct cursor *c, size_t at, bool in_flow)
{
	struct where w = value_start(c->text, at, in_flow);

	return (struct span){c->text.at + w.start, value_end(c->text, w) - w.start};
}

/* In double quotes, which most know; single ones where those would need escapes, and for globs. */
static void add_quoted(struct buf *out, struct span s)
{
	bool single = s.len && (s.at[0] == '*' || memchr(s.at, '"', s.len) ||
				memchr(s.at, '\\', s.len));
	char quote = single ? '\'' : '"';

	buf_putc(out, quote);
	for (size_t i = 0; i < s.len; i++) {
		buf_putc(out, s.at[i]);
		if (single && s.at[i] == '\'')
			buf_putc(out, '\'');
	}
	buf_putc(out, quote);
}

static void hint_quoted(struct cursor *c, const char *before, struct span value)
{
	struct buf b = BUF_INIT;

	if (!value.len || value.len > QUOTE_MAX) {
		diag_hint(c->diags, "put the whole text in quotes");
		return;
	}
	add_quoted(&b, value);
	diag_hint(c->diags, "%s: %s", before, b.data);
	buf_release(&b);
}

void yaml_hint_quote(struct cursor *c, size_t at, bool in_flow)
{
	hint_quoted(c, "quote it", value_at(c, at, in_flow));
}

static struct mark mark_of_span(const struct cursor *c, struct span s)
{
	return source_mark(c->source, (size_t)(s.at - c->text.at), s.len);
}

static struct mark mark_char(const struct cursor *c, size_t at)
{
	size_t n = 0;

	if (at < c->text.len)
		(void)utf8_decode(c->text.at + at, c->text.len - at, &n);
	return source_mark(c->source, at, n);
}

static char char_at(const struct refusal *r, size_t at)
{
	return at < r->c->text.len ? r->c->text.at[at] : 0;
}

static void error_at(const struct refusal *r, size_t at, const char *text)
{
	diag_error(r->c->diags, mark_char(r->c, at), "%s", text);
}

static void hint(const struct refusal *r, const char *text)
{
	diag_hint(r->c->diags, "%s", text);
}

static void note_context(const struct refusal *r, const char *text)
{
	diag_note(r->c->diags, mark_char(r->c, r->context), "%s", text);
}

/* ---- a text that begins with a character that YAML keeps for itself ---- */

static struct span first_word(struct span s)
{
	size_t n = 0;

	while (n < s.len && !blank(s.at[n]))
		n++;
	return (struct span){s.at, n};
}

/* `*x y`: that *x is unknown has been said, that y does not belong there follows from it. */
static bool told_already(const struct diags *d, struct mark m)
{
	for (size_t i = diags_count(d); i--;) {
		const struct diag *g = diags_at(d, i);

		if (g->kind == DIAG_ERROR)
			return g->mark.source == m.source && g->mark.line == m.line &&
			       g->mark.col == m.col;
	}
	return false;
}

static void cannot_start(const struct refusal *r, struct span value)
{
	struct span word = first_word(value);
	struct mark m = mark_of_span(r->c, word);

	if (told_already(r->c->diags, m))
		return;
	switch (value.at[0]) {
	case '*':
		diag_error(r->c->diags, m, "unknown alias '%.*s'", (int)word.len, word.at);
		break;
	case '!':
		diag_error(r->c->diags, m, "unknown tag '%.*s'", (int)word.len, word.at);
		break;
	default:
		diag_error(r->c->diags, m, "a text cannot start with '%c'", value.at[0]);
	}
	hint_quoted(r->c, value.at[0] == '@' ? "references must be quoted" : "quote it", value);
}

/* Whether it is the first character of the value that libyaml stumbled over, sooner or later. */
static bool explain_start(const struct refusal *r)
{
	struct span value = value_at(r->c, r->at, r->in_flow);

	if (!value.len || !strchr("@`%*&!", value.at[0]))
		return false;
	if (value.len > 1 && value.at[0] == '!' && value.at[1] == '!')
		return false;
	cannot_start(r, value);
	return true;
}

static bool explain_token(const struct refusal *r)
{
	if (char_at(r, r->at) == '\t') {
		error_at(r, r->at, "a tab cannot indent");
		hint(r, "use spaces");
		return true;
	}
	return explain_start(r);
}

static bool explain_tab(const struct refusal *r)
{
	error_at(r, r->at, "a tab cannot indent");
	hint(r, "use spaces");
	return true;
}

/* ---- lists and maps ---- */

/* `key: value: more`, also in { }. */
static bool explain_colon_in_text(const struct refusal *r)
{
	struct where w = value_start(r->c->text, r->at, r->in_flow);

	if (char_at(r, r->at) != ':' || w.first)
		return false;
	error_at(r, r->at, "a ': ' in a text without quotes");
	w.had_key = true;
	hint_quoted(r->c, "quote it",
		    (struct span){r->c->text.at + w.start, value_end(r->c->text, w) - w.start});
	return true;
}

/* `[a, ${{ x }}]`: a plain text ends at the brace. */
static bool explain_expression(const struct refusal *r)
{
	if (!r->at || char_at(r, r->at) != '{' || char_at(r, r->at - 1) != '$')
		return false;
	diag_error(r->c->diags, mark_of_span(r->c, value_at(r->c, r->at, true)),
		   "a ${{ }} inside of [ ] or { } needs quotes");
	yaml_hint_quote(r->c, r->at, true);
	return true;
}

/* The text ends inside of the [ or { at open. */
static bool explain_never_closed(const struct refusal *r, size_t open)
{
	diag_error(r->c->diags, mark_char(r->c, open), "this '%c' is never closed",
		   char_at(r, open));
	return true;
}

static bool explain_flow(const struct refusal *r)
{
	char open = char_at(r, r->context), close = open == '[' ? ']' : '}';

	if (explain_expression(r) || explain_start(r) || explain_colon_in_text(r))
		return true;
	if (open != '[' && open != '{')
		return false;
	if (r->at >= r->c->text.len)
		return explain_never_closed(r, r->context);
	diag_error(r->c->diags, mark_char(r->c, r->at), "expected ',' or '%c'", close);
	diag_note(r->c->diags, mark_char(r->c, r->context), "the '%c' is here", open);
	return true;
}

static bool explain_node(const struct refusal *r)
{
	if (explain_expression(r))
		return true;
	if (r->at >= r->c->text.len && (char_at(r, r->open) == '[' || char_at(r, r->open) == '{'))
		return explain_never_closed(r, r->open);
	if (r->at >= r->c->text.len) {
		error_at(r, r->at, "a value is missing: the text ends here");
		return true;
	}
	diag_error(r->c->diags, mark_char(r->c, r->at), "expected a value, found '%c'",
		   char_at(r, r->at));
	return true;
}

/* Whether something but blanks, `-` and `?` stands before it on its line. */
static bool after_something(const struct refusal *r)
{
	struct span t = r->c->text;
	size_t i = line_start(t, r->at);

	while (i < r->at && (blank(t.at[i]) || ((t.at[i] == '-' || t.at[i] == '?') && blank(t.at[i + 1]))))
		i++;
	return i < r->at;
}

/* `key: "a" b`, or a line that is indented like none of those above. */
static bool explain_key(const struct refusal *r)
{
	if (explain_start(r))
		return true;
	if (char_at(r, r->at) == ']' || char_at(r, r->at) == '}') {
		diag_error(r->c->diags, mark_char(r->c, r->at), "this '%c' closes nothing",
			   char_at(r, r->at));
		return true;
	}
	if (after_something(r)) {
		error_at(r, r->at, "text after the end of the value");
		yaml_hint_quote(r->c, r->at, r->in_flow);
		return true;
	}
	error_at(r, r->at, "a line that does not fit the map around it");
	note_context(r, "the map begins here");
	hint(r, "indent its keys alike");
	return true;
}

static bool explain_item(const struct refusal *r)
{
	if (explain_start(r))
		return true;
	if (after_something(r)) {
		error_at(r, r->at, "text after the end of the value");
		yaml_hint_quote(r->c, r->at, r->in_flow);
		return true;
	}
	error_at(r, r->at, "a line that does not fit the list around it");
	note_context(r, "the list begins here");
	hint(r, "begin its elements with '- ', indented alike");
	return true;
}

/* `a:1` on the line before: without a space that is no key but a text, which this line goes on with. */
static bool note_tight_colon(const struct refusal *r)
{
	struct span t = r->c->text;
	size_t here = line_start(t, r->at), start, end;
	const char *colon;

	if (!here)
		return false;
	start = line_start(t, here - 1);
	end = line_end(t, start);
	colon = memchr(t.at + start, ':', end - start);
	if (!colon || blank(colon[1]))
		return false;
	diag_note(r->c->diags, mark_char(r->c, (size_t)(colon - t.at)),
		  "is a space missing after this ':'?");
	return true;
}

/* `key: value: more`, or a line that is deeper than the value above it. */
static bool explain_colon(const struct refusal *r)
{
	if (explain_start(r) || explain_colon_in_text(r))
		return true;
	if (r->at - line_start(r->c->text, r->at) > KEY_MAX) {
		error_at(r, r->at, "a key of more than 1024 characters");
		return true;
	}
	error_at(r, r->at, "no key can stand here");
	if (!note_tight_colon(r))
		hint(r, "the value above already has a text: is this line indented too far?");
	return true;
}

static bool explain_simple_key(const struct refusal *r)
{
	struct span t = r->c->text;
	size_t end = line_end(t, r->context);

	struct where w = {.start = r->context, .flow = r->in_flow, .had_key = true};

	diag_error(r->c->diags,
		   source_mark(r->c->source, r->context, value_end(t, w) - r->context),
		   "expected 'key: value'");
	if (memchr(t.at + r->context, ':', end - r->context))
		hint(r, "a key takes a space after its ':' and at most 1024 characters before it");
	return true;
}

static bool explain_dash(const struct refusal *r)
{
	error_at(r, r->at, "a list cannot begin on the line of its key");
	hint(r, "begin it on the next line, or write it as [ ]");
	return true;
}

static bool explain_question(const struct refusal *r)
{
	error_at(r, r->at, "a text cannot start with '? '");
	yaml_hint_quote(r->c, r->at, r->in_flow);
	return true;
}

static bool explain_document(const struct refusal *r)
{
	if (explain_start(r))
		return true;
	if (char_at(r, r->at) == ']' || char_at(r, r->at) == '}')
		return explain_key(r);
	error_at(r, r->at, "text after the end of the document");
	return true;
}

/* ---- scalars ---- */

static bool explain_unclosed(const struct refusal *r)
{
	error_at(r, r->context, "this quote is never closed");
	return true;
}

/* "\d": double quotes give the backslash a meaning. */
static bool explain_escape(const struct refusal *r)
{
	size_t n = 1;
	const char *p = r->c->text.at + r->at;

	if (r->at + 1 < r->c->text.len)
		(void)utf8_decode(p + 1, r->c->text.len - r->at - 1, &n);
	diag_error(r->c->diags, source_mark(r->c->source, r->at, n + 1),
		   "unknown escape '%.*s' in double quotes", (int)n + 1, p);
	hint(r, "use single quotes, in which a backslash is one, or write \\\\");
	return true;
}

static bool explain_hex(const struct refusal *r)
{
	error_at(r, r->at, "a hexadecimal digit is missing");
	hint(r, "escapes are \\xXX, \\uXXXX and \\UXXXXXXXX; a backslash itself is written \\\\");
	return true;
}

static bool explain_code(const struct refusal *r)
{
	error_at(r, r->at, "an escape that is no character");
	return true;
}

static bool explain_block(const struct refusal *r)
{
	struct span value = value_at(r->c, r->at, false);

	error_at(r, r->at, "text on the line of '|' or '>'");
	if (value.len && (value.at[0] == '|' || value.at[0] == '>'))
		hint(r, "begin the text on the next line, or quote the value if it is meant so");
	return true;
}

static bool explain_zero_indent(const struct refusal *r)
{
	error_at(r, r->at, "an indentation of 0");
	hint(r, "give the number of spaces, 1 to 9, or none");
	return true;
}

static bool explain_control(const struct refusal *r)
{
	size_t n;
	int32_t code;

	if (r->at >= r->c->text.len)
		return false;
	code = utf8_decode(r->c->text.at + r->at, r->c->text.len - r->at, &n);
	diag_error(r->c->diags, source_mark(r->c->source, r->at, n),
		   "character U+%04X is not allowed", (unsigned)code);
	diag_hint(r->c->diags, code < 0x10000 ? "in double quotes it can be written \\u%04x" :
						 "in double quotes it can be written \\U%08x",
		  (unsigned)code);
	return true;
}

/* What libyaml's problems begin with, and who explains them; false: it does not know better. */
static const struct {
	const char *problem;
	bool (*explain)(const struct refusal *);
} known[] = {
	{"found character that cannot start any token", explain_token},
	{"found a tab character", explain_tab},
	{"did not find expected alphabetic or numeric character", explain_start},
	{"did not find expected whitespace or line break", explain_start},
	{"did not find expected tag URI", explain_start},
	{"did not find expected '!'", explain_start},
	{"did not find the expected '>'", explain_start},
	{"did not find URI escaped octet", explain_start},
	{"found undefined tag handle", explain_start},
	{"found unknown directive name", explain_start},
	{"could not find expected directive name", explain_start},
	{"found unexpected non-alphabetical character", explain_start},
	{"did not find expected ',' or ", explain_flow},
	{"did not find expected node content", explain_node},
	{"did not find expected key", explain_key},
	{"did not find expected '-' indicator", explain_item},
	{"mapping values are not allowed in this context", explain_colon},
	{"mapping keys are not allowed in this context", explain_question},
	{"block sequence entries are not allowed in this context", explain_dash},
	{"could not find expected ':'", explain_simple_key},
	{"did not find expected <document start>", explain_document},
	{"found unexpected end of stream", explain_unclosed},
	{"found unexpected document indicator", explain_unclosed},
	{"found unknown escape character", explain_escape},
	{"did not find expected hexdecimal number", explain_hex},
	{"found invalid Unicode character escape code", explain_code},
	{"did not find expected comment or line break", explain_block},
	{"found an indentation indicator equal to 0", explain_zero_indent},
	{"control characters are not allowed", explain_control},
};

static bool explain(const struct refusal *r)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (!strncmp(r->problem, known[i].problem, strlen(known[i].problem)))
			return known[i].explain(r);
	}
	return false;
}

void yaml_explain(struct cursor *c, const yaml_parser_t *p, size_t at, size_t context, size_t open)
{
	struct refusal r = {
		.c = c,
		.problem = p->problem ? p->problem : "unreadable",
		.at = at < c->text.len ? at : c->text.len,
		.context = context < c->text.len ? context : c->text.len,
		.open = open < c->text.len ? open : c->text.len,
		.in_flow = p->flow_level > 0,
	};

	if (!explain(&r)) {
		const char *while_doing = p->context ? p->context : "";

		diag_error(c->diags, mark_char(c, r.at), "not YAML: %s%s%s", r.problem,
			   *while_doing ? " " : "", while_doing);
	}
	cursor_bad(c, mark_char(c, r.at));
}
