#include "doc/node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"

const char *node_kind_word(const struct node *n)
{
	switch (n->kind) {
	case NODE_LIST:
		return "a list";
	case NODE_MAP:
		return "a map";
	case NODE_SCALAR:
		break;
	}
	return scalar_resolve(n, NULL, NULL) == SCALAR_NULL ? "nothing" : "text";
}

struct node *node_get(const struct node *map, const char *key)
{
	size_t len = strlen(key);

	BUG_UNLESS(map->kind == NODE_MAP);
	for (size_t i = 0; i < map->n; i++) {
		if (map->key[i]->n == len && !memcmp(map->key[i]->text, key, len))
			return map->item[i];
	}
	return NULL;
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

static enum scalar_type bad(const char **ret_why, const char *why)
{
	if (ret_why)
		*ret_why = why;
	return SCALAR_BAD;
}

static enum scalar_type is(enum scalar_type type, json_t **ret, json_t *value)
{
	if (ret)
		*ret = value;
	else
		json_decref(value);
	return type;
}

/* text is digits of that base with a sign, and 0x if it is 16. */
static enum scalar_type resolve_int(const char *text, int base, json_t **ret, const char **ret_why)
{
	long long value;

	errno = 0;
	value = strtoll(text, NULL, base);
	if (errno == ERANGE)
		return bad(ret_why, "is an integer beyond 64 bits: quote it if it is text");
	return is(SCALAR_INT, ret, ret ? json_integer(value) : NULL);
}

static enum scalar_type resolve_float(const char *text, json_t **ret, const char **ret_why)
{
	double value;

	if (!json_real_parse(text, &value))
		return bad(ret_why, "is a number too large: quote it if it is text");
	return is(SCALAR_FLOAT, ret, ret ? json_real(value) : NULL);
}

/* 0x1f, and 0o17, which is refused.  SCALAR_TEXT: neither. */
static enum scalar_type resolve_based(const char *text, const char *p, json_t **ret,
				      const char **ret_why)
{
	if (p[1] == 'x' && p[2] && !p[2 + strspn(p + 2, "0123456789abcdefABCDEF")])
		return resolve_int(text, 16, ret, ret_why);
	if (p[1] == 'o' && p[2] && !p[2 + strspn(p + 2, "01234567")])
		return bad(ret_why, "is an octal number: write it in decimal or as 0x..., or quote it if "
				    "it is text");
	return SCALAR_TEXT;
}

/*
 * [-+]? ( . [0-9]+ | [0-9]+ ( . [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?, the floats and decimal integers
 * of YAML 1.2 core, but for the leading zeros.
 */
static enum scalar_type resolve_number(const char *text, json_t **ret, const char **ret_why)
{
	const char *first = text + (*text == '-' || *text == '+'), *p = digits(first);
	size_t whole = (size_t)(p - first), n_digits = whole;
	bool is_float = false;

	if (*first == '0' && (first[1] == 'x' || first[1] == 'o'))
		return resolve_based(text, first, ret, ret_why);
	if (*p == '.') {
		const char *from = ++p;

		p = digits(p);
		n_digits += (size_t)(p - from);
		is_float = true;
	}
	if (!n_digits)
		return SCALAR_TEXT;
	if (*p == 'e' || *p == 'E') {
		const char *from = p + 1 + (p[1] == '-' || p[1] == '+');

		p = digits(from);
		if (p == from)
			return SCALAR_TEXT;
		is_float = true;
	}
	if (*p)
		return SCALAR_TEXT;
	if (*first == '0' && whole > 1)
		return bad(ret_why, "has a leading zero: quote it if it is text");
	return is_float ? resolve_float(text, ret, ret_why) : resolve_int(text, 10, ret, ret_why);
}

bool scalar_is_endless(const char *text)
{
	static const char *const inf[] = {".inf", ".Inf", ".INF"}, *const nan[] = {".nan", ".NaN", ".NAN"};
	const char *unsigned_text = text + (*text == '-' || *text == '+');

	for (size_t i = 0; i < ARRAY_LEN(inf); i++) {
		if (!strcmp(unsigned_text, inf[i]) || !strcmp(text, nan[i]))
			return true;
	}
	return false;
}

/* Most texts begin as nothing else can. */
static enum scalar_type resolve_plain(const char *text, json_t **ret, const char **ret_why)
{
	switch (*text) {
	case 0:
		return is(SCALAR_NULL, ret, json_null());
	case '~':
	case 'n':
		if (!strcmp(text, "~") || !strcmp(text, "null"))
			return is(SCALAR_NULL, ret, json_null());
		return SCALAR_TEXT;
	case 't':
	case 'f':
		if (!strcmp(text, "true") || !strcmp(text, "false"))
			return is(SCALAR_BOOL, ret, json_boolean(*text == 't'));
		return SCALAR_TEXT;
	case '+':
	case '-':
	case '.':
		if (scalar_is_endless(text))
			return bad(ret_why, "is no number that JSON has: quote it if it is text");
		return resolve_number(text, ret, ret_why);
	default:
		return is_digit(*text) ? resolve_number(text, ret, ret_why) : SCALAR_TEXT;
	}
}

enum scalar_type scalar_resolve(const struct node *n, json_t **ret, const char **ret_why)
{
	enum scalar_type type = SCALAR_TEXT;

	BUG_UNLESS(n->kind == NODE_SCALAR);
	if (n->style == STYLE_PLAIN)
		type = resolve_plain(n->text, ret, ret_why);
	if (type == SCALAR_TEXT && ret)
		*ret = json_stringn_nocheck(n->text, n->n);
	return type;
}

static json_t *scalar_to_json(const struct node *n, struct diags *d)
{
	const char *why;
	json_t *value;

	if (scalar_resolve(n, &value, &why) != SCALAR_BAD)
		return value;
	diag_error(d, n->mark, "'%s' %s", n->text, why);
	return NULL;
}

/* All errors are given, not just the first.  No deeper than cursors let documents be. */
json_t *node_to_json(const struct node *n, struct diags *d)
{
	json_t *whole;
	bool good = true;

	if (n->kind == NODE_SCALAR)
		return scalar_to_json(n, d);
	whole = n->kind == NODE_LIST ? json_array() : json_object();
	for (size_t i = 0; i < n->n; i++) {
		json_t *part = node_to_json(n->item[i], d);

		good = good && part;
		if (!part)
			continue;
		if (n->kind == NODE_LIST)
			json_array_append_new(whole, part);
		else
			json_object_setn_new_nocheck(whole, n->key[i]->text, n->key[i]->n, part);
	}
	if (good)
		return whole;
	json_decref(whole);
	return NULL;
}
