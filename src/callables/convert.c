#include "callables/convert.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "callables/callable.h"
#include "callables/decode.h"
#include "doc/json.h"
#include "doc/utf8.h"

enum { US_PER_S = 1000000, US_PER_MS = 1000 };

/* --- scalars ------------------------------------------------------------------------------------------ */

static json_t *to_text(const json_t *v, const json_t *column)
{
	struct buf text = BUF_INIT;
	json_t *s = json_null();

	(void)column;
	if (v && scalar_text(&text, v))
		s = string_of(&text);
	buf_release(&text);
	return s;
}

static bool is_blank(const char *s)
{
	return !s[strspn(s, " \t\r\n")];
}

/* Text that says something. */
static json_t *to_words(const json_t *v, const json_t *column)
{
	json_t *s = to_text(v, column);

	if (json_is_string(s) && is_blank(json_string_value(s))) {
		json_decref(s);
		s = json_null();
	}
	return s;
}

static json_t *to_lower(const json_t *v, const json_t *column)
{
	json_t *s = to_words(v, column), *lower;
	char *copy;

	if (!json_is_string(s))
		return s;
	copy = xstrdup(json_string_value(s));
	for (char *p = copy; *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 'a' - 'A' : *p);
	lower = json_string(copy);
	free(copy);
	json_decref(s);
	return lower;
}

static json_t *to_int(const json_t *v, const json_t *column)
{
	struct buf text = BUF_INIT;
	json_t *n = json_null();
	char *end;
	long long value;

	(void)column;
	if (json_is_boolean(v)) {
		n = json_integer(json_is_true(v));
	} else if (v && scalar_text(&text, v) && text.len) {
		value = strtoll(text.data, &end, 10);
		if (!*end || !strcmp(end, ".0"))
			n = json_integer(value);
	}
	buf_release(&text);
	return n;
}

static json_t *to_real(const json_t *v, const json_t *column)
{
	struct buf text = BUF_INIT;
	json_t *n = json_null();
	double value;

	(void)column;
	if (v && !json_is_boolean(v) && scalar_text(&text, v) && json_real_parse(text.data, &value))
		n = json_real(value);
	buf_release(&text);
	return n;
}

static json_t *to_flag(const json_t *v, const json_t *column)
{
	(void)column;
	return json_is_boolean(v) ? json_integer(json_is_true(v)) : json_null();
}

static json_t *to_json(const json_t *v, const json_t *column)
{
	(void)column;
	return json_text_of(v);
}

/* Whether a list has, or lacks, the text `of`. */
static bool list_has(const json_t *list, const json_t *text)
{
	json_t *v;
	size_t i;

	json_array_foreach((json_t *)list, i, v)
		if (json_equal(v, (json_t *)text))
			return true;
	return false;
}

static json_t *to_has(const json_t *v, const json_t *column)
{
	return json_is_array(v) ? json_integer(list_has(v, json_object_get(column, "of"))) : json_null();
}

static json_t *to_lacks(const json_t *v, const json_t *column)
{
	return json_is_array(v) ? json_integer(!list_has(v, json_object_get(column, "of"))) : json_null();
}

/* --- times -------------------------------------------------------------------------------------------- */

static json_t *time_json(int64_t us)
{
	struct buf text = BUF_INIT;
	json_t *s;

	time_text(&text, us);
	s = text.len ? string_of(&text) : json_null();
	buf_release(&text);
	return s;
}

static json_t *to_time(const json_t *v, const json_t *column)
{
	int64_t us;

	(void)column;
	return json_is_string(v) && time_parse(json_string_value(v), &us) ? time_json(us) : json_null();
}

/* The day that the text itself names, whatever its zone. */
static json_t *to_day(const json_t *v, const json_t *column)
{
	enum { DAY_LEN = 10 };
	int64_t us;

	(void)column;
	if (!json_is_string(v) || !time_parse(json_string_value(v), &us) ||
	    !isdigit((unsigned char)json_string_value(v)[0]))
		return json_null();
	return json_stringn(json_string_value(v), DAY_LEN);
}

static json_t *to_time_of(const json_t *v, int64_t unit)
{
	static const int64_t most_s = 253402300799; /* the last second of 9999 */
	json_t *n = to_int(v, NULL), *s = json_null();
	int64_t value = json_integer_value(n);

	if (json_is_integer(n) && value > -most_s * (US_PER_S / unit) && value < most_s * (US_PER_S / unit)) {
		json_decref(s);
		s = time_json(value * unit);
	}
	json_decref(n);
	return s;
}

static json_t *to_time_s(const json_t *v, const json_t *column)
{
	(void)column;
	return to_time_of(v, US_PER_S);
}

static json_t *to_time_ms(const json_t *v, const json_t *column)
{
	(void)column;
	return to_time_of(v, US_PER_MS);
}

/* --- addresses: JMAP's [{name, email}] ---------------------------------------------------------------- */

static json_t *trimmed(const char *s, size_t len)
{
	while (len && strchr(" \t\r\n\"", s[0]))
		s++, len--;
	while (len && strchr(" \t\r\n\"", s[len - 1]))
		len--;
	return json_stringn(s, len);
}

static json_t *lower_trimmed(const char *s, size_t len)
{
	json_t *raw = trimmed(s, len), *lower = to_lower(raw, NULL);

	json_decref(raw);
	return lower;
}

/* `Name <mail>` or `mail`. */
static json_t *mailbox(const char *s, size_t len)
{
	const char *open = memrchr(s, '<', len), *close = open ? memchr(open, '>', len - (size_t)(open - s)) : NULL;
	json_t *name, *email;

	if (open && close) {
		name = trimmed(s, (size_t)(open - s));
		email = lower_trimmed(open + 1, (size_t)(close - open - 1));
	} else {
		name = json_string("");
		email = lower_trimmed(s, len);
	}
	if (!json_string_length(name)) {
		json_decref(name);
		name = json_null();
	}
	return json_pack("{s:o, s:o}", "name", name, "email", email);
}

/* Commas part mailboxes, but not within quotes or < >. */
static size_t mailbox_len(const char *s)
{
	bool quoted = false, inside = false;
	size_t n = 0;

	for (; s[n] && (quoted || inside || s[n] != ','); n++) {
		if (s[n] == '\\' && s[n + 1])
			n++;
		else if (s[n] == '"')
			quoted = !quoted;
		else if (!quoted && (s[n] == '<' || s[n] == '>'))
			inside = s[n] == '<';
	}
	return n;
}

static json_t *mailboxes(const json_t *v)
{
	const char *s = json_string_value(v);
	json_t *list = json_array();

	while (s && *s) {
		size_t len = mailbox_len(s);
		json_t *one = mailbox(s, len);

		if (json_is_string(json_object_get(one, "email")))
			json_array_append(list, one);
		json_decref(one);
		s += len + (s[len] == ',');
	}
	return list;
}

/* Graph: {emailAddress: {name, address}}, alone or in a list. */
static void add_recipient(json_t *list, const json_t *v)
{
	const char *address = json_string_value(value_at(v, "emailAddress.address"));
	const json_t *name = value_at(v, "emailAddress.name");

	if (address && !is_blank(address))
		json_array_append_new(list, json_pack("{s:o, s:o}", "name", to_words(name, NULL), "email",
						      lower_trimmed(address, strlen(address))));
}

static json_t *recipients(const json_t *v)
{
	json_t *list = json_array(), *one;
	size_t i;

	if (json_is_object(v))
		add_recipient(list, v);
	json_array_foreach((json_t *)v, i, one)
		add_recipient(list, one);
	return list;
}

static json_t *addresses_of(const json_t *v)
{
	return json_is_string(v) ? mailboxes(v) : recipients(v);
}

static json_t *to_addresses(const json_t *v, const json_t *column)
{
	json_t *list = addresses_of(v), *text = json_text_of(list);

	(void)column;
	json_decref(list);
	return text;
}

/* The first one's mail address, or its name. */
static json_t *first_of(const json_t *v, const char *key)
{
	json_t *list = addresses_of(v);
	json_t *found = json_object_get(json_array_get(list, 0), key);

	found = found ? json_incref(found) : json_null();
	json_decref(list);
	return found;
}

static json_t *to_address(const json_t *v, const json_t *column)
{
	(void)column;
	return first_of(v, "email");
}

static json_t *to_name(const json_t *v, const json_t *column)
{
	(void)column;
	return first_of(v, "name");
}

/* --- bodies ------------------------------------------------------------------------------------------- */

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

enum { PARTS_DEPTH = 32 };

static json_t *to_gmail_body(const json_t *v, const json_t *column)
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

static json_t *to_gmail_attached(const json_t *v, const json_t *column)
{
	(void)column;
	return json_is_object(v) ? json_integer(has_file(v, PARTS_DEPTH)) : json_null();
}

static json_t *to_header(const json_t *v, const json_t *column)
{
	const char *name = json_str(column, "of");
	const json_t *value = name ? gmail_header(v, name) : NULL;
	const char *then = json_str(column, "then");
	convert_fn *next = convert_find(then ? then : "words");

	return value && next ? next(value, column) : json_null();
}

/* Graph's {contentType, content}. */
static json_t *to_graph_body(const json_t *v, const json_t *column)
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

/* --- forms -------------------------------------------------------------------------------------------- */

/* The values of one answer: a text, or a list if several were chosen. */
static json_t *answer_values(const json_t *answer)
{
	json_t *list = json_array(), *one, *v;
	size_t i;

	json_array_foreach((json_t *)value_at(answer, "textAnswers.answers"), i, v)
		if (json_is_string(json_object_get(v, "value")))
			json_array_append(list, json_object_get(v, "value"));
	json_array_foreach((json_t *)value_at(answer, "fileUploadAnswers.answers"), i, v)
		if (json_is_string(json_object_get(v, "fileName")))
			json_array_append(list, json_object_get(v, "fileName"));
	if (json_array_size(list) > 1)
		return list;
	one = json_array_size(list) ? json_incref(json_array_get(list, 0)) : json_null();
	json_decref(list);
	return one;
}

/* {question: {textAnswers}} as JSON text of {question: value}. */
static json_t *to_form_answers(const json_t *v, const json_t *column)
{
	json_t *map = json_object(), *answer, *text;
	const char *question;

	(void)column;
	json_object_foreach((json_t *)v, question, answer)
		json_object_set_new(map, question, answer_values(answer));
	text = json_text_of(map);
	json_decref(map);
	return text;
}

/* --- by name ------------------------------------------------------------------------------------------ */

convert_fn *convert_find(const char *name)
{
	static const struct {
		const char *name;
		convert_fn *fn;
	} all[] = {
		{"text", to_text},	   {"words", to_words},		{"lower", to_lower},
		{"int", to_int},	   {"real", to_real},		{"flag", to_flag},
		{"json", to_json},	   {"has", to_has},		{"lacks", to_lacks},
		{"time", to_time},	   {"day", to_day},		{"time_s", to_time_s},
		{"time_ms", to_time_ms},   {"address", to_address},	{"name", to_name},
		{"addresses", to_addresses}, {"header", to_header},	{"gmail_body", to_gmail_body},
		{"gmail_attached", to_gmail_attached}, {"graph_body", to_graph_body},
		{"form_answers", to_form_answers},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (!strcmp(all[i].name, name))
			return all[i].fn;
	return NULL;
}
