/*
 * From words to a tree: what stands between the operators.  Literals, names,
 * calls, and what may follow them.
 */
#include "job/expr_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/map.h"
#include "base/spell.h"
#include "doc/json.h"

/* --- literals -------------------------------------------------------------------------------------- */

struct term *parser_number(struct parser *p, size_t at, bool negative)
{
	char *text = arena_printf(p->a, "%s%.*s", negative ? "-" : "", (int)p->now.len,
				  p->e->text + p->now.at);
	size_t len = p->now.at + p->now.len - at;
	struct term *t;
	double real;
	long long n;

	errno = 0;
	if (!strpbrk(text, ".eE")) {
		n = strtoll(text, NULL, 10);
		t = errno ? NULL : term_const(p, json_integer(n), at, len);
	} else {
		t = json_real_parse(text, &real) ? term_const(p, json_real(real), at, len) : NULL;
	}
	if (!t) {
		diag_error(p->d, parser_mark(p, at, len), "the number %s is too large", text);
		return NULL;
	}
	parser_advance(p);
	return t;
}

/* 'single quotes': only '' means something. */
static json_t *plain_string(struct span inner)
{
	struct buf b = BUF_INIT;
	json_t *v;

	for (size_t i = 0; i < inner.len; i++) {
		buf_putc(&b, inner.at[i]);
		i += inner.at[i] == '\'';
	}
	v = json_stringn_nocheck(b.data, b.len);
	buf_release(&b);
	return v;
}

static bool is_simple(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] == '\\' || (unsigned char)s.at[i] < ' ')
			return false;
	return true;
}

/* The string that text[at, at + len) is, with its quotes; NULL and a message. */
static json_t *read_string(struct span quoted, struct buf *err)
{
	struct span inner = {quoted.at + 1, quoted.len - 2};

	if (quoted.at[0] == '\'')
		return plain_string(inner);
	if (is_simple(inner))
		return json_stringn_nocheck(inner.at, inner.len);
	return json_parse(quoted.at, quoted.len, err);
}

/* A message of json_parse without its line and column, which are those of the string alone. */
static const char *without_place(const char *message)
{
	const char *text = strstr(message, ": ");

	return text ? text + 2 : message;
}

static struct term *parse_string(struct parser *p)
{
	struct buf err = BUF_INIT;
	json_t *v = read_string(parser_word(p), &err);
	struct term *t = NULL;

	if (v)
		t = term_const(p, v, p->now.at, p->now.len);
	else
		diag_error(p->d, parser_mark(p, p->now.at, p->now.len), "%s", without_place(err.data));
	buf_release(&err);
	if (t)
		parser_advance(p);
	return t;
}

/* Values with commas up to close, which is taken. */
static bool parse_items(struct parser *p, struct term *t, char close)
{
	char wanted[] = "',' or 'x'";
	struct term *kid;

	wanted[sizeof(wanted) - 3] = close;
	if (!parser_at(p, close)) {
		do {
			kid = parser_value(p);
			if (!kid)
				return false;
			term_add(p, t, kid);
		} while (parser_take(p, ','));
	}
	t->len = (uint32_t)(p->now.at + 1 - t->at);
	return parser_expect(p, close, wanted);
}

static struct term *parse_list(struct parser *p)
{
	struct term *t = term_new(p, TERM_LIST, p->now.at);

	parser_advance(p);
	return parse_items(p, t, ']') ? term_check(p, t) : NULL;
}

/* A key and its colon; keys are those before it. */
static bool parse_key(struct parser *p, struct term *t, struct map *keys)
{
	struct span word = parser_word(p);
	struct term *key;

	if (p->now.kind != TOK_STRING) {
		parser_refuse(p, "a key in quotes");
		if (p->now.kind == TOK_NAME)
			diag_hint(p->d, "write '%.*s'", parser_shown(word), word.at);
		return false;
	}
	key = parse_string(p);
	if (!key)
		return false;
	t->key = parser_grown(p, t->key, t->n, sizeof(char *));
	t->key[t->n] = json_string_value(key->constant);
	if (map_put(keys, t->key[t->n], key))
		term_error(p, key, "the key %.*s stands twice in a map", parser_shown(word), word.at);
	return parser_expect(p, ':', "':'");
}

static bool parse_pairs(struct parser *p, struct term *t)
{
	struct map keys = MAP_INIT;
	struct term *value = NULL;
	bool good;

	do {
		good = parse_key(p, t, &keys);
		value = good ? parser_value(p) : NULL;
		if (value)
			term_add(p, t, value);
	} while (value && parser_take(p, ','));
	map_release(&keys);
	return value != NULL;
}

static struct term *parse_map(struct parser *p)
{
	struct term *t = term_new(p, TERM_MAP, p->now.at);

	parser_advance(p);
	if (!parser_at(p, '}') && !parse_pairs(p, t))
		return NULL;
	t->len = (uint32_t)(p->now.at + 1 - t->at);
	return parser_expect(p, '}', "',' or '}'") ? term_check(p, t) : NULL;
}

/* --- names and functions --------------------------------------------------------------------------- */

/* What people write for our words. */
const char *parser_other_word(struct span word)
{
	static const struct {
		const char *word, *ours;
	} others[] = {
		{"and", "&&"},   {"or", "||"},	     {"not", "!"},     {"True", "true"},
		{"TRUE", "true"}, {"False", "false"}, {"FALSE", "false"}, {"None", "null"},
		{"nil", "null"}, {"mod", "%"},	     {"div", "/"},     {"eq", "=="},
		{"ne", "!="},	 {"is", "=="},	     {"matches", "=~"},
	};

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (span_is(word, others[i].word))
			return others[i].ours;
	return NULL;
}

/* What stands for a name that was wrong, so that the rest can be looked at. */
static struct term *stand_in(struct parser *p, size_t at, size_t len)
{
	p->bad = true;
	return term_const(p, json_null(), at, len);
}

static void hint_name(struct parser *p, struct span word, size_t at)
{
	const char *ours = parser_other_word(word);
	char *name = arena_strndup(p->a, word.at, word.len);
	struct spell s;

	if (ours) {
		diag_hint(p->d, "'%s' is written %s", name, ours);
		return;
	}
	if (expr_function_find(word) != FN_COUNT) {
		diag_hint(p->d, "a function is called with parentheses: %s",
			  expr_functions[expr_function_find(word)].signature);
		return;
	}
	if (at > 1 && p->e->text[at - 1] == '-' && !strchr(" \t\r\n", p->e->text[at - 2])) {
		diag_hint(p->d, PARSER_DASH_HINT);
		return;
	}
	spell_init(&s, name);
	for (enum expr_root r = 0; r < ROOT_COUNT; r++)
		spell_try(&s, expr_root_word(r));
	if (!diag_suggest(p->d, s.best))
		diag_hint(p->d, "text is quoted: '%s'", name);
}

static struct term *unknown_name(struct parser *p, struct span word, size_t at)
{
	diag_error(p->d, parser_mark(p, at, word.len), "unknown name '%.*s'", parser_shown(word), word.at);
	hint_name(p, word, at);
	return stand_in(p, at, word.len);
}

static struct term *unknown_function(struct parser *p, const struct term *t, struct span word)
{
	struct spell s;

	diag_error(p->d, parser_mark(p, t->at, word.len), "unknown function '%.*s'", parser_shown(word), word.at);
	spell_init(&s, arena_strndup(p->a, word.at, word.len));
	for (enum function fn = 0; fn < FN_COUNT; fn++)
		spell_try(&s, expr_functions[fn].word);
	diag_suggest(p->d, s.best);
	return stand_in(p, t->at, t->len);
}

static void check_count(struct parser *p, const struct term *t)
{
	const struct function_info *f = &expr_functions[t->fn];
	const char *s = f->most == 1 ? "" : "s";

	if (t->n >= f->least && (f->most == ARGS_MANY || t->n <= f->most))
		return;
	if (!f->most)
		term_error(p, t, "%s() takes no argument", f->word);
	else if (f->most == ARGS_MANY)
		term_error(p, t, "%s() takes at least one argument", f->word);
	else if (f->least == f->most)
		term_error(p, t, "%s() takes %d argument%s, not %u", f->word, f->most, s, (unsigned)t->n);
	else
		term_error(p, t, "%s() takes %d or %d arguments, not %u", f->word, f->least, f->most,
			   (unsigned)t->n);
	diag_hint(p->d, "%s: %s", f->signature, f->sentence);
}

static struct term *parse_call(struct parser *p, struct span word, size_t at)
{
	struct term *t = term_new(p, TERM_CALL, at);
	enum function fn = expr_function_find(word);

	parser_advance(p);
	if (!parse_items(p, t, ')'))
		return NULL;
	if (fn == FN_COUNT)
		return unknown_function(p, t, word);
	t->fn = (uint8_t)fn;
	p->e->asks_status |= expr_functions[fn].nature == NATURE_STATUS;
	check_count(p, t);
	return term_check(p, t);
}

static struct term *parse_name(struct parser *p)
{
	struct span word = parser_word(p);
	size_t at = p->now.at;
	enum expr_root root = expr_root_find(word);
	struct term *t;

	parser_advance(p);
	if (parser_at(p, '('))
		return parse_call(p, word, at);
	if (span_is(word, "null"))
		return term_const(p, json_null(), at, word.len);
	if (span_is(word, "true") || span_is(word, "false"))
		return term_const(p, json_boolean(word.at[0] == 't'), at, word.len);
	if (root == ROOT_COUNT)
		return unknown_name(p, word, at);
	t = term_new(p, TERM_PATH, at);
	t->root = (uint8_t)root;
	t->secret = root == ROOT_SECRETS;
	t->len = (uint32_t)word.len;
	return t;
}

static struct term *parse_group(struct parser *p)
{
	size_t at = p->now.at, end;
	struct term *t;

	parser_advance(p);
	t = parser_value(p);
	end = p->now.at + 1;
	if (!t || !parser_expect(p, ')', "')'"))
		return NULL;
	/* Its place takes the parentheses in, for what is built around it. */
	t->at = (uint32_t)at;
	t->len = (uint32_t)(end - at);
	return t;
}

static struct term *parse_primary(struct parser *p)
{
	struct term *t;

	switch (p->now.kind) {
	case TOK_NAME:
		return parse_name(p);
	case TOK_NUMBER:
		return parser_number(p, p->now.at, false);
	case TOK_STRING:
		return parse_string(p);
	case TOK_PATTERN:
		t = term_const(p, json_stringn_nocheck(p->e->text + p->now.at, p->now.len), p->now.at,
			       p->now.len);
		parser_advance(p);
		return t;
	case TOK_MARK:
		if (parser_at(p, '('))
			return parse_group(p);
		if (parser_at(p, '['))
			return parse_list(p);
		if (parser_at(p, '{'))
			return parse_map(p);
		break;
	case TOK_OPERATOR:
	case TOK_END:
	case TOK_BAD:
		break;
	}
	parser_refuse(p, "a value");
	return NULL;
}

/* --- what follows a value -------------------------------------------------------------------------- */

/* Whether a value can begin at t; not so for the word `in`, nor for != and !~. */
static bool begins_value(struct span t)
{
	char ch = t.len ? t.at[0] : 0, next = t.len > 1 ? t.at[1] : 0;

	if (ch == '!')
		return next != '=' && next != '~';
	if (t.len > 2 && !memcmp(t.at, "in", 2) && strchr(" \t\r\n([{'\"", t.at[2]))
		return false;
	return ch && !strchr("?:.,)]}=<>&|*%+", ch);
}

/*
 * Whether the present `?` says that what is before it may be absent; else it is that of `a ? b : c`,
 * and a value follows.  `a?[0]` is told from `a ? [0] : b` by its blanks.
 */
static bool says_maybe(const struct parser *p)
{
	size_t at = p->now.at, i = at + 1;

	if (p->e->text[i] == '[')
		return parser_end_before(p) == at;
	while (p->e->text[i] && strchr(" \t\r\n", p->e->text[i]))
		i++;
	return !begins_value((struct span){p->e->text + i, p->e->len - i});
}

static struct access *add_access(struct parser *p, struct term *t)
{
	t->access = parser_grown(p, t->access, t->n_access, sizeof(*t->access));
	return &t->access[t->n_access++];
}

static bool parse_field(struct parser *p, struct term *t)
{
	struct span word;

	parser_advance(p);
	word = parser_word(p);
	if (p->now.kind != TOK_NAME)
		return parser_refuse(p, "a name");
	*add_access(p, t) = (struct access){
		.key = arena_strndup(p->a, word.at, word.len),
		.end = (uint32_t)(p->now.at + p->now.len),
	};
	parser_advance(p);
	return true;
}

static bool parse_index(struct parser *p, struct term *t)
{
	struct access x = {0};

	parser_advance(p);
	x.index = parser_value(p);
	x.end = (uint32_t)p->now.at + 1;
	if (!x.index || !parser_expect(p, ']', "']'"))
		return false;
	if (x.index->kind == TERM_CONST && json_is_string(x.index->constant))
		x.key = json_string_value(x.index->constant);
	t->secret |= x.index->secret;
	*add_access(p, t) = x;
	return true;
}

static void parse_maybe(struct parser *p, struct term *t)
{
	if (t->n_access) {
		t->access[t->n_access - 1].maybe = true;
		t->access[t->n_access - 1].end = (uint32_t)p->now.at + 1;
	} else {
		t->maybe = true;
	}
	p->lex.after_value = true;
	parser_advance(p);
}

static struct term *path_from(struct parser *p, struct term *base)
{
	struct term *t = term_new(p, TERM_PATH, base->at);

	t->root = ROOT_COUNT;
	term_add(p, t, base);
	return t;
}

struct term *parser_operand(struct parser *p)
{
	bool grouped = parser_at(p, '('), good = true;
	struct term *t = parse_primary(p);
	bool is_path;

	if (!t)
		return NULL;
	is_path = t->kind == TERM_PATH && !grouped;
	while (parser_at(p, '.') || parser_at(p, '[') || (parser_at(p, '?') && says_maybe(p))) {
		if (!is_path)
			t = path_from(p, t);
		is_path = true;
		if (parser_at(p, '.'))
			good = parse_field(p, t);
		else if (parser_at(p, '['))
			good = parse_index(p, t);
		else
			parse_maybe(p, t);
		if (!good)
			return NULL;
		t->len = (uint32_t)(parser_end_before(p) - t->at);
	}
	return is_path ? term_check(p, t) : t;
}

