#include "store/mail.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bug.h"
#include "base/span.h"
#include "base/stamp.h"
#include "doc/utf8.h"

enum {
	LINE_WISHED = 76, /* bytes of a line, without its end */
	WORD_BYTES = 39,  /* in one encoded word: 52 letters of base64, 12 around them, and `Subject: ` before */
	WORD_LONG = 900,  /* an unbroken word of this length would come near to the limit of 998 */
	ADDRESS_MAX = 254,
};

/* ---- words of headers ---- */

static bool is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

static bool is_clean(const char *text, const char *what, struct fault *f)
{
	for (const char *p = text; *p; p++)
		if (is_control((unsigned char)*p))
			return fault_usage(f, "%s has a %s in it, which could make a header of its own", what,
					   *p == '\n' || *p == '\r' ? "line break" : "control character");
	return true;
}

static bool is_ascii(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] >= 0x80)
			return false;
	return true;
}

static void add_base64(struct buf *out, const unsigned char *p, size_t n)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; n; p += n < 3 ? n : 3, n -= n < 3 ? n : 3) {
		unsigned b = (unsigned)p[0] << 16 | (n > 1 ? (unsigned)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);

		buf_putc(out, letters[b >> 18]);
		buf_putc(out, letters[b >> 12 & 63]);
		buf_putc(out, n > 1 ? letters[b >> 6 & 63] : '=');
		buf_putc(out, n > 2 ? letters[b & 63] : '=');
	}
}

/* How much of text makes one encoded word: whole characters only. */
static size_t word_bytes(struct span text)
{
	size_t n = 0, used;

	while (n < text.len) {
		(void)utf8_decode(text.at + n, text.len - n, &used);
		if (n + used > WORD_BYTES)
			break;
		n += used;
	}
	return n;
}

static void add_encoded(struct buf *out, struct span text)
{
	while (text.len) {
		size_t n = word_bytes(text);

		buf_puts(out, "=?UTF-8?B?");
		add_base64(out, (const unsigned char *)text.at, n);
		buf_puts(out, "?=");
		text = (struct span){text.at + n, text.len - n};
		if (text.len)
			buf_puts(out, "\r\n ");
	}
}

static size_t longest_word(struct span text)
{
	size_t longest = 0, n = 0;

	for (size_t i = 0; i < text.len; i++) {
		n = text.at[i] == ' ' ? 0 : n + 1;
		longest = n > longest ? n : longest;
	}
	return longest;
}

/* ASCII, with a new line before a word that would make the line long. */
static void add_folded(struct buf *out, struct span text, size_t column)
{
	size_t i = 0;

	while (i < text.len) {
		size_t n = strspn(text.at + i, " "), word;

		n = n > text.len - i ? text.len - i : n;
		word = strcspn(text.at + i + n, " ");
		word = word > text.len - i - n ? text.len - i - n : word;
		if (i && n && word && column + n + word > LINE_WISHED) {
			buf_puts(out, "\r\n");
			column = 0;
		}
		buf_add(out, text.at + i, n + word);
		column += n + word;
		i += n + word;
	}
}

/* Any text as the value of a header whose name takes column bytes. */
static void add_unstructured(struct buf *out, const char *text, size_t column)
{
	struct span s = span_trim(span_of(text));

	if (is_ascii(s) && !strstr(text, "=?") && longest_word(s) < WORD_LONG)
		add_folded(out, s, column);
	else
		add_encoded(out, s);
}

/* ---- addresses ---- */

/* What stands between commas that are neither in quotes nor in < >. */
static struct span next_address(const char **at)
{
	const char *start = *at, *p = start;
	bool quoted = false, angle = false;

	for (; *p && (quoted || angle || *p != ','); p++) {
		if (quoted && *p == '\\' && p[1])
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && (*p == '<' || *p == '>'))
			angle = *p == '<';
	}
	*at = *p ? p + 1 : NULL;
	return span_trim((struct span){start, (size_t)(p - start)});
}

static bool is_address(struct span s)
{
	static const char signs[] = "!#$%&'*+-/=?^_`{|}~.@";
	const char *sign = memchr(s.at, '@', s.len);

	if (!sign || sign == s.at || sign + 1 == s.at + s.len || s.len > ADDRESS_MAX || s.at[0] == '-')
		return false; /* a leading - would be an option of a program */
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.at[i];

		if (c >= 0x80 || !(isalnum(c) || strchr(signs, c)))
			return false;
	}
	return !memchr(sign + 1, '@', (size_t)(s.at + s.len - sign - 1));
}

/* `Name <a@b>` or `a@b` into its two parts. */
static bool split_address(struct span one, struct span *ret_name, struct span *ret_address)
{
	const char *open = one.len ? memrchr(one.at, '<', one.len) : NULL;

	*ret_name = (struct span){one.at, 0};
	*ret_address = one;
	if (open && one.at[one.len - 1] == '>') {
		*ret_name = span_trim((struct span){one.at, (size_t)(open - one.at)});
		*ret_address = (struct span){open + 1, one.len - (size_t)(open - one.at) - 2};
	}
	return is_address(*ret_address);
}

/* Without its quotes; always written as an encoded word or in quotes. */
static void add_name(struct buf *out, struct span name)
{
	struct buf plain = BUF_INIT;

	if (name.len >= 2 && name.at[0] == '"' && name.at[name.len - 1] == '"')
		name = (struct span){name.at + 1, name.len - 2};
	for (size_t i = 0; i < name.len; i++)
		if (name.at[i] != '\\' || i + 1 == name.len)
			buf_putc(&plain, name.at[i]);
		else
			buf_putc(&plain, name.at[++i]);
	if (!is_ascii((struct span){plain.data, plain.len}) || plain.len > LINE_WISHED) {
		add_encoded(out, (struct span){plain.data, plain.len});
	} else {
		buf_putc(out, '"');
		for (size_t i = 0; i < plain.len; i++) {
			if (strchr("\"\\", plain.data[i]))
				buf_putc(out, '\\');
			buf_putc(out, plain.data[i]);
		}
		buf_putc(out, '"');
	}
	buf_release(&plain);
}

static bool address_good(const char *list, struct span one, struct span *name, struct span *address, const char *what,
			 struct fault *f)
{
	if (split_address(one, name, address))
		return true;
	return fault_usage(f, "%s: '%.*s' is no mail address%s", what, (int)(one.len < 80 ? one.len : 80), one.at,
			   *list && !is_ascii(*address) ? " (only ASCII ones are known)" : "");
}

size_t mail_addresses(struct buf *out, const char *list, const char *what, struct fault *f)
{
	struct span name, address;
	size_t n = 0;

	if (!is_clean(list, what, f))
		return 0;
	for (const char *at = list; at; n++) {
		struct span one = next_address(&at);

		if (!address_good(list, one, &name, &address, what, f))
			return 0;
		buf_add(out, address.at, address.len);
		buf_putc(out, 0);
	}
	return n;
}

static bool add_address_header(struct buf *out, const char *header, const char *list, const char *what, struct fault *f)
{
	struct span name, address;
	bool first = true;

	if (!is_clean(list, what, f))
		return false;
	for (const char *at = list; at; first = false) {
		struct span one = next_address(&at);
		size_t line = out->len;

		if (!address_good(list, one, &name, &address, what, f))
			return false;
		buf_addf(out, "%s%s", first ? header : ",\r\n", first ? ": " : " ");
		if (name.len) {
			add_name(out, name);
			buf_addf(out, "%s <%.*s>", out->len - line + address.len < LINE_WISHED ? "" : "\r\n",
				 (int)address.len, address.at);
		} else {
			buf_add(out, address.at, address.len);
		}
	}
	buf_puts(out, "\r\n");
	return true;
}

/* ---- the body ---- */

/* Line by line, whatever ends a line; NULL behind the last. */
static const char *next_line(const char *p, struct span *ret)
{
	size_t n = strcspn(p, "\r\n");

	*ret = (struct span){p, n};
	if (!p[n])
		return NULL;
	p += n + (p[n] == '\r' && p[n + 1] == '\n' ? 2 : 1);
	return *p ? p : NULL;
}

/* What mail programs would change on the way: `From ` becomes `>From `, a dot alone ends a message. */
static bool is_touchy(struct span line)
{
	return line.len && (line.at[0] == '.' || (line.len > 4 && !memcmp(line.at, "From ", 5)));
}

static bool travels_as_it_is(const char *body)
{
	struct span line;

	for (const char *p = body; p;) {
		p = next_line(p, &line);
		if (line.len > LINE_WISHED || is_touchy(line) || (line.len && strchr(" \t", line.at[line.len - 1])))
			return false;
		for (size_t i = 0; i < line.len; i++)
			if ((unsigned char)line.at[i] >= 0x80 || (is_control((unsigned char)line.at[i]) && line.at[i] != '\t'))
				return false;
	}
	return true;
}

static void add_quoted_line(struct buf *out, struct span line)
{
	size_t column = 0;

	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.at[i];
		bool blank = c == ' ' || c == '\t';
		bool plain = (c > 0x20 && c < 0x7f && c != '=') || (blank && i + 1 < line.len);

		if (!i && is_touchy(line))
			plain = false;
		if (column + (plain ? 1 : 3) > LINE_WISHED - 1) {
			buf_puts(out, "=\r\n");
			column = 0;
		}
		if (plain)
			buf_putc(out, (char)c);
		else
			buf_addf(out, "=%02X", c);
		column += plain ? 1 : 3;
	}
	buf_puts(out, "\r\n");
}

static void add_body(struct buf *out, const char *body, bool quoted)
{
	struct span line;

	for (const char *p = body; p;) {
		p = next_line(p, &line);
		if (quoted) {
			add_quoted_line(out, line);
		} else {
			buf_add(out, line.at, line.len);
			buf_puts(out, "\r\n");
		}
	}
}

/* ---- the whole ---- */

static void add_date(struct buf *out, const char *date)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct tm tm = {0};
	int64_t ms = 0;
	time_t s;

	(void)stamp_parse(date, &ms);
	s = (time_t)(ms / MS_PER_S);
	(void)gmtime_r(&s, &tm);
	buf_addf(out, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
		 tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* With the domain of the sender, which the id is unique in. */
static void add_id(struct buf *out, const struct mail *m)
{
	struct fault none = FAULT_INIT;
	struct buf from = BUF_INIT;

	if (mail_addresses(&from, m->from, "", &none))
		buf_addf(out, "Message-ID: <%s%s>\r\n", m->id, strchr(from.data, '@'));
	buf_release(&from);
	fault_release(&none);
}

bool mail_write(struct buf *out, const struct mail *m, struct fault *f)
{
	bool quoted = !travels_as_it_is(m->body), good;

	add_date(out, m->date);
	good = add_address_header(out, "From", m->from, "the sender", f);
	good = add_address_header(out, "To", m->to, "'to'", f) && good;
	if (!is_clean(m->subject, "'subject'", f) || !good)
		return false;
	buf_puts(out, "Subject: ");
	add_unstructured(out, m->subject, strlen("Subject: "));
	buf_puts(out, "\r\n");
	add_id(out, m);
	buf_addf(out, "MIME-Version: 1.0\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n",
		 m->is_html ? "html" : "plain", quoted ? "quoted-printable" : "7bit");
	add_body(out, m->body, quoted);
	return true;
}
