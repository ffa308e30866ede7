/* Addresses of mails as JMAP has them: [{name, email}]. */
#include "callables/convert_impl.h"

#include <string.h>

#include "callables/callable.h"

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

json_t *to_addresses(const json_t *v, const json_t *column)
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

json_t *to_address(const json_t *v, const json_t *column)
{
	(void)column;
	return first_of(v, "email");
}

json_t *to_name(const json_t *v, const json_t *column)
{
	(void)column;
	return first_of(v, "name");
}
