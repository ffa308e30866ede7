#include "import/shell.h"

#include <ctype.h>
#include <string.h>

#include "base/bug.h"
#include "base/quote.h"

/* --- where a place is -------------------------------------------------------------------------------------- */

static void begin_level(struct sh_scan *s, bool ticks)
{
	s->deep++;
	if (s->deep < SH_DEEP) {
		s->level[s->deep].at = SH_PLAIN;
		s->level[s->deep].ticks = ticks;
		s->level[s->deep].open = 0;
	}
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static void step_plain(struct sh_scan *s, char c)
{
	unsigned *open = &s->level[s->deep].open;

	if (c == '\'' && !s->dollar)
		s->level[s->deep].at = SH_SINGLE;
	else if (c == '"')
		s->level[s->deep].at = SH_DOUBLE;
	else if (c == '#' && !s->in_word)
		s->level[s->deep].at = SH_COMMENT;
	else if (c == '(' && !s->dollar)
		++*open;
	else if (c == ')' && *open)
		--*open;
	else if (c == ')' && s->deep && !s->level[s->deep].ticks)
		s->deep--;
	s->here |= c == '<' && s->last == '<';
}

static void step(struct sh_scan *s, char c)
{
	enum sh_at *at = &s->level[s->deep].at;
	bool was_dollar = s->dollar && *at != SH_SINGLE && *at != SH_COMMENT;

	s->dollar = c == '$' && !was_dollar;
	if (*at == SH_SINGLE) {
		if (c == '\'')
			*at = SH_PLAIN;
	} else if (*at == SH_COMMENT) {
		if (c == '\n')
			*at = SH_PLAIN;
	} else if (c == '\\') {
		s->escaped = true;
	} else if (c == '(' && was_dollar) {
		begin_level(s, false);
	} else if (c == '`') {
		if (s->deep && s->level[s->deep].ticks)
			s->deep--;
		else
			begin_level(s, true);
	} else if (*at == SH_DOUBLE) {
		if (c == '"')
			*at = SH_PLAIN;
	} else {
		s->dollar = was_dollar; /* $'...' is no quote that ends where one would think */
		step_plain(s, c);
		s->dollar = c == '$' && !was_dollar;
	}
}

void sh_scan(struct sh_scan *s, const char *text, size_t len)
{
	for (size_t i = 0; i < len && s->deep < SH_DEEP; i++) {
		if (s->escaped)
			s->escaped = false;
		else
			step(s, text[i]);
		s->in_word = !is_blank(text[i]) && !strchr(";&|()<>`", text[i]);
		s->last = text[i];
	}
}

enum sh_at sh_where(const struct sh_scan *s)
{
	if (s->deep >= SH_DEEP || s->here || s->escaped)
		return SH_UNKNOWN;
	return s->level[s->deep].at;
}

/* Nothing is open: what follows begins afresh. */
static bool is_closed(const struct sh_scan *s)
{
	return !s->deep && !s->escaped && !s->here && s->level[0].at == SH_PLAIN && !s->level[0].open;
}

/* --- values ------------------------------------------------------------------------------------------------- */

bool sh_is_name(const char *text, size_t len)
{
	if (!len || isdigit((unsigned char)text[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '_')
			return false;
	return true;
}

static bool is_reserved(const char *word, size_t len)
{
	static const char *const words[] = {"if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while",
					    "until", "for", "function", "time", "exec", "export", "local", "readonly"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i]) == len && !memcmp(words[i], word, len))
			return true;
	return false;
}

bool sh_value_is_plain(const char *value)
{
	size_t first;
	const char *is;

	value += strspn(value, " \t");
	first = strcspn(value, " \t");
	is = memchr(value, '=', first);
	for (const char *p = value; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(" \t_./,:=+@%^-*?[]", *p) && (signed char)*p > 0)
			return false;
	return !is_reserved(value, first) && !(is && sh_is_name(value, (size_t)(is - value)));
}

/* --- commands ------------------------------------------------------------------------------------------------- */

/* A program and its arguments: nothing in it outlives it in the shell, and nothing binds looser than ||. */
static bool is_simple(const char *text)
{
	static const char *const lasting[] = {"cd", "set", "exit", "exec", "trap", "umask", "ulimit", "eval", "unset",
					      "shift", "return", "break", "continue", ".", "source", "alias", "wait",
					      "read", "pushd", "popd", "shopt", "declare", "typeset", "!", "{", "command",
					      "builtin", "getopts", "hash", "[["};
	size_t n = strcspn(text, " \t");
	struct sh_scan s = {0};

	sh_scan(&s, text, strlen(text));
	if (!is_closed(&s) || strpbrk(text, ";&|()`#\n\\") || strstr(text, "${") || memchr(text, '=', n) ||
	    is_reserved(text, n) || !n)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(lasting); i++)
		if (strlen(lasting[i]) == n && !memcmp(lasting[i], text, n))
			return false;
	return true;
}

/* What stands between parentheses without a newline before the last one. */
static bool may_stand_inside(const char *text)
{
	struct sh_scan s = {0};

	sh_scan(&s, text, strlen(text));
	return is_closed(&s) && !strstr(text, "esac");
}

static void put_command(struct buf *out, const char *shell, const char *text)
{
	if (is_simple(text)) {
		buf_puts(out, text);
	} else if (may_stand_inside(text)) {
		buf_puts(out, text[0] == '(' ? "( " : "(");
		buf_puts(out, text);
		buf_puts(out, strchr(text, '\n') ? "\n)" : ")");
	} else {
		buf_puts(out, shell);
		buf_puts(out, " -c ");
		quote_text(out, text);
	}
}

void sh_join(struct buf *out, const char *shell, const struct sh_command *c, size_t n)
{
	if (n == 1 && !c->may_fail && strncmp(c->text, "#!", 2)) {
		buf_puts(out, c->text);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		put_command(out, shell, c[i].text);
		if (c[i].may_fail)
			buf_puts(out, " || :");
		else if (i + 1 < n)
			buf_puts(out, " || exit");
		if (i + 1 < n)
			buf_putc(out, '\n');
	}
}
