#include "engine/depfile.h"

#include <string.h>

#include "base/buf.h"

enum token { WORD, COLON, LINE, END };

struct scan {
	const char *at, *end;
	size_t line;
	struct buf word;
};

static bool is_end_of_line(const struct scan *s, const char *p)
{
	return p == s->end || *p == '\n' || (*p == '\r' && p + 1 < s->end && p[1] == '\n');
}

static bool is_blank(const struct scan *s, const char *p)
{
	return is_end_of_line(s, p) || *p == ' ' || *p == '\t';
}

static bool is_hidden_end(const struct scan *s, const char *p)
{
	return p < s->end && *p == '\\' && p + 1 < s->end && is_end_of_line(s, p + 1);
}

/* Not so inside of C:\dir or a:b. */
static bool is_colon(const struct scan *s, const char *p)
{
	return *p == ':' && (is_blank(s, p + 1) || is_hidden_end(s, p + 1));
}

/* Blanks, comments, and ends of lines that a backslash takes away. */
static void skip_blanks(struct scan *s)
{
	while (s->at < s->end) {
		if (is_hidden_end(s, s->at)) {
			s->at = memchr(s->at, '\n', (size_t)(s->end - s->at));
			s->at++;
			s->line++;
		} else if (*s->at == '#') {
			while (!is_end_of_line(s, s->at))
				s->at++;
		} else if (*s->at == ' ' || *s->at == '\t' || *s->at == '\r') {
			s->at++;
		} else {
			return;
		}
	}
}

static void add_many(struct scan *s, char c, size_t n)
{
	while (n--)
		buf_putc(&s->word, c);
}

/* Backslashes and what follows them; false: the word ends here. */
static bool take_backslashes(struct scan *s)
{
	size_t n = 0;
	const char *next;

	while (s->at + n < s->end && s->at[n] == '\\')
		n++;
	next = s->at + n;
	if (next == s->end) {
		add_many(s, '\\', n);
		s->at = next;
		return false;
	}
	if (is_end_of_line(s, next)) {
		add_many(s, '\\', n - n % 2);
		s->at = next - n % 2;
		return false;
	}
	if (*next == ' ' || *next == '\t') {
		add_many(s, '\\', n % 2 ? n / 2 : n);
		s->at = next;
		if (n % 2)
			buf_putc(&s->word, *s->at++);
		return n % 2;
	}
	if (*next == '#' || (*next == ':' && !is_blank(s, next + 1))) {
		add_many(s, '\\', n - 1);
		buf_putc(&s->word, *next);
		s->at = next + 1;
	} else {
		add_many(s, '\\', n);
		s->at = next;
	}
	return true;
}

static void take_word(struct scan *s)
{
	buf_reset(&s->word);
	while (!is_blank(s, s->at) && !is_colon(s, s->at)) {
		if (*s->at == '\\') {
			if (!take_backslashes(s))
				return;
			continue;
		}
		if (*s->at == '$' && s->at + 1 < s->end && s->at[1] == '$')
			s->at++;
		buf_putc(&s->word, *s->at++);
	}
}

static enum token next_token(struct scan *s)
{
	skip_blanks(s);
	if (s->at == s->end)
		return END;
	if (*s->at == '\n') {
		s->at++;
		return LINE;
	}
	if (is_colon(s, s->at)) {
		s->at++;
		return COLON;
	}
	take_word(s);
	return WORD;
}

bool depfile_parse(const char *text, size_t len, struct map *ret, size_t *ret_line)
{
	struct scan s = {text, text + len, 1, BUF_INIT};
	bool has_target = false, behind = false, good = !memchr(text, 0, len);
	enum token t = LINE;

	for (*ret_line = 1; good && t != END; *ret_line = s.line) {
		t = next_token(&s);
		if (t == WORD && behind)
			(void)map_intern(ret, s.word.data);
		else if (t == WORD)
			has_target = true;
		else if (t == COLON) {
			good = has_target && !behind;
			behind = true;
		} else {
			good = behind == has_target;
			behind = has_target = false;
		}
		if (good && t == LINE)
			s.line++;
	}
	buf_release(&s.word);
	return good;
}
