#include "job/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/utf8.h"

enum {
	/*
	 * PCRE2's own match limit counts anew at every place where a match could start, and says
	 * nothing of how far each step looks.  Hence steps are counted here: one for every item of the
	 * pattern that is tried, one for every STEP_BYTES passed over.
	 */
	STEPS_BASE = 200000,
	STEPS_PER_BYTE = 8,
	STEP_BYTES = 64,
	DEPTH_LIMIT = 200000,
	HEAP_LIMIT_KB = 16 * 1024,
	STAND_IN = 0x1a, /* for a byte that is no UTF-8; as long, so that offsets stay */
};

struct pattern {
	pcre2_code *code;
	uint32_t n_groups;
	char *text;
};

/* --- the text of a pattern ------------------------------------------------------------------------ */

static size_t class_end(struct span t, size_t i)
{
	i++;
	if (i < t.len && t.at[i] == '^')
		i++;
	if (i < t.len && t.at[i] == ']')
		i++; /* the first one is a member */
	for (; i < t.len && t.at[i] != ']'; i++) {
		if (t.at[i] == '\\') {
			i++;
		} else if (t.at[i] == '[' && i + 1 < t.len && t.at[i + 1] == ':') {
			const char *end = memmem(t.at + i + 2, t.len - i - 2, ":]", 2);

			if (end)
				i = (size_t)(end - t.at) + 1;
		}
	}
	return i;
}

size_t pattern_close(struct span text)
{
	for (size_t i = 1; i < text.len; i++) {
		if (text.at[i] == '\\')
			i++;
		else if (text.at[i] == '[')
			i = class_end(text, i);
		else if (text.at[i] == '/')
			return i;
	}
	return 0;
}

static bool flag_option(char flag, uint32_t *options)
{
	switch (flag) {
	case 'i':
		*options |= PCRE2_CASELESS;
		return true;
	case 'm':
		*options |= PCRE2_MULTILINE;
		return true;
	case 's':
		*options |= PCRE2_DOTALL;
		return true;
	case 'x':
		*options |= PCRE2_EXTENDED;
		return true;
	}
	return false;
}

/* Take the slashes and the flags off. */
static bool unwrap(struct span *body, uint32_t *options, struct buf *err)
{
	struct span t = *body;
	size_t close;

	if (!t.len || t.at[0] != '/')
		return true;
	close = pattern_close(t);
	if (!close) {
		buf_puts(err, "it begins with '/' and has no closing one (to search for a slash write \\/)");
		return false;
	}
	for (size_t i = close + 1; i < t.len; i++) {
		if (flag_option(t.at[i], options))
			continue;
		buf_addf(err, "after the closing '/' at offset %zu only the flags i, m, s, x may follow "
			 "(a slash inside is written \\/)", close);
		return false;
	}
	*body = (struct span){t.at + 1, close - 1};
	return true;
}

static pcre2_code *compile(struct span body, size_t shift, uint32_t options, struct buf *err)
{
	PCRE2_UCHAR why[256];
	PCRE2_SIZE at;
	int code;
	pcre2_code *c = pcre2_compile((PCRE2_SPTR)body.at, body.len,
				      options | PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT,
				      &code, &at, NULL);

	if (c)
		return c;
	if (code == PCRE2_ERROR_HEAP_FAILED)
		bug_no_memory(0);
	pcre2_get_error_message(code, why, sizeof(why));
	buf_addf(err, "%s at offset %zu", (const char *)why, (size_t)at + shift);
	return NULL;
}

void pattern_library(struct buf *out)
{
	char text[64] = ""; /* 24 are enough, as the library says */

	(void)pcre2_config(PCRE2_CONFIG_VERSION, text);
	buf_add(out, text, strcspn(text, " "));
}

struct pattern *pattern_new(const char *text, struct buf *err)
{
	struct span body = span_of(text);
	uint32_t options = 0;
	struct pattern *p;
	pcre2_code *code;

	if (body.len > PATTERN_TEXT_MAX) {
		buf_addf(err, "it is longer than %d bytes", (int)PATTERN_TEXT_MAX);
		return NULL;
	}
	if (!unwrap(&body, &options, err))
		return NULL;
	if (!body.len) {
		buf_puts(err, "it is empty");
		return NULL;
	}
	code = compile(body, (size_t)(body.at - text), options, err);
	if (!code)
		return NULL;
	p = xcalloc(1, sizeof(*p));
	p->code = code;
	p->text = xstrdup(text);
	(void)pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &p->n_groups);
	return p;
}

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	pcre2_code_free(p->code);
	free(p->text);
	free(p);
}

const char *pattern_text(const struct pattern *p)
{
	return p->text;
}

size_t pattern_spans(const struct pattern *p)
{
	return (size_t)p->n_groups + 1;
}

/* --- searching -------------------------------------------------------------------------------------- */

/* A walk over the matches in a subject. */
struct search {
	const struct pattern *p;
	struct span subject; /* as the caller has it */
	char *mended;	     /* a copy without bad bytes, or NULL */
	pcre2_match_context *context;
	pcre2_match_data *data;
	size_t *at;	     /* start and end of the match and of each group, PCRE2_UNSET */
	size_t from;	     /* where to go on */
	uint32_t options;    /* for the next match */
	uint64_t steps_left;
	size_t position;     /* where the last step was */
};

static int count_step(pcre2_callout_block *b, void *context)
{
	struct search *s = context;
	size_t moved = b->current_position > s->position ? b->current_position - s->position
							 : s->position - b->current_position;
	uint64_t cost = 1 + moved / STEP_BYTES;

	s->position = b->current_position;
	if (cost > s->steps_left)
		return PCRE2_ERROR_CALLOUT;
	s->steps_left -= cost;
	return 0;
}

/* A copy where every byte that is no UTF-8 is another one of the same length; NULL if there is none. */
static char *mend(struct span t)
{
	size_t good = utf8_check(t.at, t.len);
	char *copy;

	if (good == t.len)
		return NULL;
	copy = xmalloc(t.len);
	memcpy(copy, t.at, t.len);
	for (size_t i = good; i < t.len; i += 1 + utf8_check(t.at + i + 1, t.len - i - 1))
		copy[i] = STAND_IN;
	return copy;
}

static bool search_init(struct search *s, const struct pattern *p, struct span subject)
{
	uint64_t steps = STEPS_BASE + (uint64_t)STEPS_PER_BYTE * subject.len;

	if (subject.len > PATTERN_SUBJECT_MAX)
		return false;
	if (!subject.at)
		subject.at = "";
	*s = (struct search){.p = p, .subject = subject, .mended = mend(subject), .steps_left = steps,
			     .options = PCRE2_NO_UTF_CHECK};
	s->context = pcre2_match_context_create(NULL);
	s->data = pcre2_match_data_create_from_pattern(p->code, NULL);
	if (!s->context || !s->data)
		bug_no_memory(0);
	s->at = pcre2_get_ovector_pointer(s->data);
	pcre2_set_match_limit(s->context, (uint32_t)steps);
	pcre2_set_depth_limit(s->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(s->context, HEAP_LIMIT_KB);
	pcre2_set_callout(s->context, count_step, s);
	return true;
}

static void search_release(struct search *s)
{
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
	free(s->mended);
}

/* The next match; after an empty one, the next that is not empty at the same place. */
static enum pattern_result search_next(struct search *s)
{
	const char *text = s->mended ? s->mended : s->subject.at;
	int rc = pcre2_match(s->p->code, (PCRE2_SPTR)text, s->subject.len, s->from, s->options,
			     s->data, s->context);

	if (rc == PCRE2_ERROR_NOMATCH)
		return PATTERN_NO;
	if (rc == PCRE2_ERROR_NOMEMORY)
		bug_no_memory(0);
	/* Every other error says that the search was given up: some limit, or a recursion without end. */
	if (rc < 0 || s->at[0] > s->at[1] || s->at[1] < s->from)
		return PATTERN_LIMIT;
	s->from = s->at[1];
	s->options = PCRE2_NO_UTF_CHECK | (s->at[0] == s->at[1] ? PCRE2_NOTEMPTY_ATSTART : 0);
	return PATTERN_YES;
}

static struct span group(const struct search *s, size_t n)
{
	size_t from = s->at[2 * n], to = s->at[2 * n + 1];

	if (from == PCRE2_UNSET || from > to)
		return (struct span){NULL, 0};
	return (struct span){s->subject.at + from, to - from};
}

enum pattern_result pattern_match(const struct pattern *p, struct span subject)
{
	struct search s;
	enum pattern_result r;

	if (!search_init(&s, p, subject))
		return PATTERN_LIMIT;
	r = search_next(&s);
	search_release(&s);
	return r;
}

enum pattern_result pattern_first(const struct pattern *p, struct span subject, struct span *ret)
{
	struct search s;
	enum pattern_result r;

	if (!search_init(&s, p, subject))
		return PATTERN_LIMIT;
	r = search_next(&s);
	for (size_t i = 0; r == PATTERN_YES && i < pattern_spans(p); i++)
		ret[i] = group(&s, i);
	search_release(&s);
	return r;
}

enum pattern_result pattern_last(const struct pattern *p, struct span subject, struct span *ret)
{
	struct search s;
	enum pattern_result r;
	struct span last = {NULL, 0};

	if (!search_init(&s, p, subject))
		return PATTERN_LIMIT;
	while ((r = search_next(&s)) == PATTERN_YES) {
		last = group(&s, p->n_groups ? 1 : 0);
		if (!last.at)
			last = group(&s, 0);
	}
	search_release(&s);
	if (r == PATTERN_LIMIT || !last.at)
		return r;
	*ret = last;
	return PATTERN_YES;
}

/* --- replacing -------------------------------------------------------------------------------------- */

/* The group's number, or -1; name is digits or a name. */
static int group_number(const struct pattern *p, struct span name)
{
	char word[64];
	uint64_t n = 0;
	size_t i;
	int named;

	if (!name.len || name.len >= sizeof(word))
		return -1;
	for (i = 0; i < name.len && name.at[i] >= '0' && name.at[i] <= '9' && n <= p->n_groups; i++)
		n = n * 10 + (uint64_t)(name.at[i] - '0');
	if (i == name.len)
		return n <= p->n_groups ? (int)n : -1;
	memcpy(word, name.at, name.len);
	word[name.len] = 0;
	named = pcre2_substring_number_from_name(p->code, (PCRE2_SPTR)word);
	return named > 0 ? named : -1;
}

/*
 * The next piece of a replacement: text as it is (*ret_name is empty) or the name of a group.  Moves *with
 * behind it; false at the end.
 */
static bool next_piece(const char **with, struct span *ret_text, struct span *ret_name)
{
	const char *p = *with;

	*ret_text = *ret_name = (struct span){p, 0};
	if (!*p)
		return false;
	if (*p != '$') {
		ret_text->len = strcspn(p, "$");
		*with = p + ret_text->len;
	} else if (p[1] >= '0' && p[1] <= '9') {
		*ret_name = (struct span){p + 1, strspn(p + 1, "0123456789")};
		*with = p + 1 + ret_name->len;
	} else if (p[1] == '{' && strchr(p, '}')) {
		*ret_name = (struct span){p + 2, strcspn(p + 2, "}")};
		*with = p + 3 + ret_name->len;
		if (!ret_name->len)
			*ret_name = (struct span){"{}", 2}; /* which no group is called */
	} else {
		ret_text->len = 1;
		*with = p + 1 + (p[1] == '$');
	}
	return true;
}

bool pattern_check_with(const struct pattern *p, const char *with, struct buf *err)
{
	struct span text, name;

	while (next_piece(&with, &text, &name)) {
		if (!name.len || group_number(p, name) >= 0)
			continue;
		buf_addf(err, "the pattern %s has no group '%.*s' (a dollar is written $$)", p->text,
			 (int)name.len, name.at);
		return false;
	}
	return true;
}

static void add_replacement(const struct search *s, const char *with, struct buf *out)
{
	struct span text, name;

	while (next_piece(&with, &text, &name)) {
		int n = name.len ? group_number(s->p, name) : -1;

		if (n >= 0)
			text = group(s, (size_t)n);
		if (text.len)
			buf_add(out, text.at, text.len);
	}
}

enum pattern_result pattern_replace(const struct pattern *p, struct span subject, const char *with,
				    size_t max, struct buf *out)
{
	enum pattern_result r;
	struct search s;
	size_t done = 0, before = out->len;
	bool any = false;

	if (!search_init(&s, p, subject))
		return PATTERN_LIMIT;
	while ((r = search_next(&s)) == PATTERN_YES && out->len - before <= max) {
		any = true;
		buf_add(out, subject.at + done, s.at[0] - done);
		add_replacement(&s, with, out);
		done = s.at[1];
	}
	search_release(&s);
	if (r == PATTERN_LIMIT) {
		buf_cut(out, before);
		return r;
	}
	buf_add(out, subject.at + done, subject.len - done);
	if (out->len - before > max)
		return PATTERN_LIMIT;
	return any ? PATTERN_YES : PATTERN_NO;
}

/* --- globs ------------------------------------------------------------------------------------------- */

/* One character of a glob, without its backslash; moves *g behind it. */
static int32_t glob_character(const char **g)
{
	size_t len;
	int32_t code;

	if (**g == '\\' && (*g)[1])
		(*g)++;
	code = utf8_decode(*g, strnlen(*g, UTF8_MAX), &len);
	*g += len;
	return code;
}

/* The `]` of the set at g, or NULL: then the bracket is only a bracket. */
static const char *set_close(const char *g)
{
	g++;
	if (*g == '!' || *g == '^')
		g++;
	if (*g == ']')
		g++;
	while (*g && *g != ']')
		g += 1 + (*g == '\\' && g[1]);
	return *g ? g : NULL;
}

static bool set_has(const char *g, const char *close, int32_t code)
{
	bool not = g[1] == '!' || g[1] == '^', found = false;

	g += 1 + not;
	while (g < close) {
		int32_t from = glob_character(&g), to = from;

		if (*g == '-' && g + 1 < close) {
			g++;
			to = glob_character(&g);
		}
		found |= from <= code && code <= to;
	}
	return found != not;
}

/* Whether one character of text fits the one that the glob has at *g, which is no star. */
static bool fits(const char **g, const char **text)
{
	size_t len;
	int32_t code = utf8_decode(*text, strnlen(*text, UTF8_MAX), &len);
	const char *close;
	bool yes;

	*text += len;
	if (**g == '?') {
		(*g)++;
		return true;
	}
	close = **g == '[' ? set_close(*g) : NULL;
	if (!close)
		return glob_character(g) == code;
	yes = set_has(*g, close, code);
	*g = close + 1;
	return yes;
}

bool glob_match(const char *glob, const char *text)
{
	const char *star = NULL, *again = NULL; /* behind the last star, and what it is tried on next */
	size_t len;

	for (;;) {
		if (*glob == '*') {
			star = ++glob;
			again = text;
			continue;
		}
		if (!*glob && !*text)
			return true;
		if (*text && *glob && fits(&glob, &text))
			continue;
		/* Only the last star need give way: an earlier one could not do better. */
		if (!star || !*again)
			return false;
		glob = star;
		(void)utf8_decode(again, strnlen(again, UTF8_MAX), &len);
		text = again += len;
	}
}
