/* What is in a mail, as Gmail and Microsoft Graph tell it: bodies as text, headers, whether files are attached. */
#include "callables/convert_impl.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "callables/callable.h"
#include "callables/decode.h"
#include "doc/json.h"
#include "doc/utf8.h"

enum { PARTS_DEPTH = 32 };

static bool element_is(const char *p, const char *name)
{
	size_t len = strlen(name);

	return !strncasecmp(p, name, len) && !isalnum((unsigned char)p[len]);
}

/* Behind what begins at the <: an element's whole content if that is no text. */
static const char *skip_element(const char *p)
{
	static const char *const unseen[] = {"style", "script", "head", "title"};
	const char *close;

	if (!strncmp(p, "<!--", 4)) {
		close = strstr(p, "-->");
		return close ? close + 3 : p + strlen(p);
	}
	for (size_t i = 0; i < ARRAY_LEN(unseen); i++) {
		char *end;

		if (!element_is(p + 1, unseen[i]))
			continue;
		end = xasprintf("</%s", unseen[i]);
		close = strcasestr(p, end);
		free(end);
		if (close)
			p = close;
		break;
	}
	close = strchr(p, '>');
	return close ? close + 1 : p + strlen(p);
}

static bool breaks_line(const char *p)
{
	static const char *const words[] = {"br", "p", "/p", "div", "/div", "tr", "/tr", "li", "h1", "h2", "h3", "/h1",
					    "/h2", "/h3"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (element_is(p + 1, words[i]))
			return true;
	return false;
}

/* `&#233;` or `&#xe9;`: returns what is behind it, NULL if it is none. */
static const char *add_numbered(struct buf *out, const char *p)
{
	bool hex = p[2] == 'x' || p[2] == 'X';
	const char *digits = p + 2 + hex;
	char bytes[UTF8_MAX], *end;
	unsigned long code;

	if (p[1] != '#' || !isxdigit((unsigned char)*digits))
		return NULL;
	code = strtoul(digits, &end, hex ? 16 : 10);
	if (*end != ';' || !code || code > CODE_MAX || (code >= 0xd800 && code < 0xe000))
		return NULL;
	buf_add(out, bytes, utf8_put(bytes, (uint32_t)code));
	return end + 1;
}

static const char *add_entity(struct buf *out, const char *p)
{
	static const struct {
		const char *entity, *text;
	} known[] = {{"&amp;", "&"},   {"&lt;", "<"},	 {"&gt;", ">"},	   {"&quot;", "\""},
		     {"&apos;", "'"}, {"&nbsp;", " "}, {"&ndash;", "–"}, {"&mdash;", "—"}};
	const char *behind = add_numbered(out, p);

	if (behind)
		return behind;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (!strncasecmp(p, known[i].entity, strlen(known[i].entity))) {
			buf_puts(out, known[i].text);
			return p + strlen(known[i].entity);
		}
	buf_putc(out, '&');
	return p + 1;
}

static void html_text(struct buf *out, const char *p)
{
	while (*p) {
		if (*p == '&') {
			p = add_entity(out, p);
		} else if (*p == '<' && (isalpha((unsigned char)p[1]) || p[1] == '/' || p[1] == '!')) {
			if (breaks_line(p) && out->len && out->data[out->len - 1] != '\n')
				buf_putc(out, '\n');
			p = skip_element(p);
		} else {
			buf_putc(out, *p++);
		}
	}
}

static json_t *trimmed_of(const struct buf *b)
{
	size_t len = b->len, from = 0;

	while (len && strchr(" \t\r\n", b->data[len - 1]))
		len--;
	while (from < len && strchr(" \t\r\n", b->data[from]))
		from++;
	return len > from ? json_stringn(b->data + from, len - from) : json_null();
}

/* The value of a mail's header in Gmail's {headers: [{name, value}]}, borrowed, or NULL. */
static const json_t *gmail_header(const json_t *part, const char *name)
{
	json_t *h;
	size_t i;

	json_array_foreach(json_object_get(part, "headers"), i, h) {
		const char *key = json_str(h, "name");

		if (key && !strcasecmp(key, name))
			return json_object_get(h, "value");
	}
	return NULL;
}

/* `charset=` of the part's type; the caller frees, NULL if it has none. */
static char *charset_of(const json_t *part)
{
	const char *type = json_string_value(gmail_header(part, "Content-Type"));
	const char *at = type ? strcasestr(type, "charset=") : NULL;

	if (!at)
		return NULL;
	at += strlen("charset=");
	at += *at == '"';
	return xstrndup(at, strcspn(at, "\"; \t\r\n"));
}

static bool part_text(struct buf *out, const json_t *part, bool html)
{
	const json_t *data = value_at(part, "body.data");
	struct buf bytes = BUF_INIT, text = BUF_INIT;
	char *charset = charset_of(part);
	bool good = json_is_string(data) &&
		    base64_decode(&bytes, json_string_value(data), json_string_length(data));

	if (good)
		charset_decode(&text, bytes.data, bytes.len, charset);
	if (good && html)
		html_text(out, text.data);
	else if (good)
		buf_add(out, text.data, strlen(text.data)); /* up to a NUL, which no mail's text has */
	free(charset);
	buf_release(&bytes);
	buf_release(&text);
	return good;
}

/* The first part of that type, itself included, that is no attachment. */
static const json_t *find_part(const json_t *part, const char *type, int room)
{
	const char *mine = json_str(part, "mimeType"), *file = json_str(part, "filename");
	json_t *child;
	size_t i;

	if (mine && !strcasecmp(mine, type) && (!file || !*file) && value_at(part, "body.data"))
		return part;
	json_array_foreach(json_object_get(part, "parts"), i, child) {
		const json_t *found = room ? find_part(child, type, room - 1) : NULL;

		if (found)
			return found;
	}
	return NULL;
}

json_t *to_gmail_body(const json_t *v, const json_t *column)
{
	const json_t *plain = find_part(v, "text/plain", PARTS_DEPTH);
	const json_t *html = plain ? NULL : find_part(v, "text/html", PARTS_DEPTH);
	struct buf text = BUF_INIT;
	json_t *s = json_null();

	(void)column;
	if ((plain && part_text(&text, plain, false)) || (html && part_text(&text, html, true))) {
		json_decref(s);
		s = trimmed_of(&text);
	}
	buf_release(&text);
	return s;
}

static bool has_file(const json_t *part, int room)
{
	const char *file = json_str(part, "filename");
	json_t *child;
	size_t i;

	if (file && *file)
		return true;
	json_array_foreach(json_object_get(part, "parts"), i, child)
		if (room && has_file(child, room - 1))
			return true;
	return false;
}

json_t *to_gmail_attached(const json_t *v, const json_t *column)
{
	(void)column;
	return json_is_object(v) ? json_integer(has_file(v, PARTS_DEPTH)) : json_null();
}

json_t *to_header(const json_t *v, const json_t *column)
{
	const char *name = json_str(column, "of");
	const json_t *value = name ? gmail_header(v, name) : NULL;
	const char *then = json_str(column, "then");
	convert_fn *next = convert_find(then ? then : "words");

	return value && next ? next(value, column) : json_null();
}

/* Graph's {contentType, content}. */
json_t *to_graph_body(const json_t *v, const json_t *column)
{
	const char *type = json_str(v, "contentType"), *content = json_str(v, "content");
	struct buf text = BUF_INIT;
	json_t *s;

	(void)column;
	if (content && type && !strcasecmp(type, "html"))
		html_text(&text, content);
	else if (content)
		buf_puts(&text, content);
	s = trimmed_of(&text);
	buf_release(&text);
	return s;
}
