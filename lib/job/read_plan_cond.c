/*
 * Conditions of a plan, said again as an expression of the native language:
 *
 *	or  := and ('||' and)*		not := '!' not | '(' or ')' | cmp
 *	and := not ('&&' not)*		cmp := operand (('==' | '!=') operand)?
 *	operand := text, integer, env.NAME, var.NAME, prev.ID.status, prev.ID.exit_code, prev['ID']...
 */
#include "job/read_plan.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "doc/json.h"

enum operand { OPERAND_TEXT, OPERAND_NUMBER, OPERAND_STATUS };

struct condition_reading {
	struct plan *p;
	const struct node *n;
	const char *at;
	unsigned depth;
	struct buf out;
	bool bad;
};

/* --- words ------------------------------------------------------------------------------------ */

static void skip_blanks(struct condition_reading *r)
{
	r->at += strspn(r->at, " \t\r\n");
}

static bool take(struct condition_reading *r, const char *word)
{
	size_t n = strlen(word);

	skip_blanks(r);
	if (strncmp(r->at, word, n))
		return false;
	r->at += n;
	return true;
}

static void fail(struct condition_reading *r, const char *what)
{
	struct plan *p = r->p;

	if (r->bad)
		return;
	r->bad = true;
	skip_blanks(r);
	diag_error(p->l->d, r->n->mark, "%s: '%s' is no condition: %s at %s%.*s%s", p->where,
		   plan_key_word(p->key), what, *r->at ? "'" : "its end", (int)shown_length(r->at), r->at,
		   *r->at ? "'" : "");
	diag_hint(p->l->d, "a condition is such as prev.ID.status == 'success' or env.NAME != '1', "
			   "joined with && and ||");
}

/* Letters, digits, _ and what else is given. */
static size_t name_length(const char *p, const char *more)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_' || (unsigned char)p[n] >= 0x80 ||
	       (p[n] && strchr(more, p[n])))
		n++;
	return n;
}

static bool is_plain_name(const char *name)
{
	return !isdigit((unsigned char)name[0]) && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
								       "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")];
}

/* --- operands --------------------------------------------------------------------------------- */

/* A text of the condition; variables in it are filled in. NULL: none stands here. */
static char *quoted(struct condition_reading *r)
{
	char quote = *r->at;
	const char *end = quote == '\'' || quote == '"' ? strchr(r->at + 1, quote) : NULL;
	struct buf text = BUF_INIT;
	char *copy;

	if (!end)
		return NULL;
	plan_fill_text(r->p, (struct span){r->at + 1, (size_t)(end - r->at - 1)}, r->n->mark, &text);
	r->at = end + 1;
	copy = arena_strndup(r->p->l->scratch, text.data, text.len);
	buf_release(&text);
	return copy;
}

static void put_quoted(struct buf *out, const char *text)
{
	if (strpbrk(text, "'\\\n\t") || !*text)
		json_quote(out, text, strlen(text));
	else
		buf_addf(out, "'%s'", text);
}

static void put_member(struct buf *out, const char *root, const char *name)
{
	buf_puts(out, root);
	if (is_plain_name(name)) {
		buf_addf(out, ".%s", name);
	} else {
		buf_putc(out, '[');
		put_quoted(out, name);
		buf_putc(out, ']');
	}
}

/* env.NAME, var.NAME: what is not set counts as the empty text. */
static void read_named(struct condition_reading *r, const char *root)
{
	size_t n = name_length(r->at, "");
	char *name = arena_strndup(r->p->l->scratch, r->at, n);

	if (!n) {
		fail(r, "a name is missing");
		return;
	}
	r->at += n;
	buf_putc(&r->out, '(');
	put_member(&r->out, root, name);
	buf_puts(&r->out, " ?? '')");
	if (!strcmp(root, "params"))
		plan_name_variable(r->p, name, r->n->mark);
}

/* The length of an id before `.status` or `.exit_code`: ids may have dots, so it is the last one that counts. */
static size_t id_length(const char *p)
{
	static const char *const fields[] = {".status", ".exit_code"};
	size_t all = name_length(p, "-.${}");

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		size_t n = strlen(fields[i]);

		if (all > n && !memcmp(p + all - n, fields[i], n))
			return all - n;
	}
	return 0;
}

/* ID in prev.ID.status or prev['ID'].status; NULL after an error. */
static const char *read_id(struct condition_reading *r)
{
	struct buf text = BUF_INIT;
	char *id = NULL;
	size_t n;

	if (take(r, "[")) {
		skip_blanks(r);
		id = quoted(r);
		if (id && !take(r, "]"))
			id = NULL;
	} else if (take(r, ".") && (n = id_length(r->at))) {
		plan_fill_text(r->p, (struct span){r->at, n}, r->n->mark, &text);
		id = arena_strndup(r->p->l->scratch, text.data, text.len);
		r->at += n;
		buf_release(&text);
	}
	if (!id)
		fail(r, "prev wants a step, and then its status or exit_code,");
	return id;
}

static enum operand read_prev(struct condition_reading *r)
{
	const char *id = read_id(r);
	bool status;

	if (!id)
		return OPERAND_STATUS;
	status = take(r, ".status");
	if (!status && !take(r, ".exit_code")) {
		fail(r, "a step has a status and an exit_code, and");
		return OPERAND_STATUS;
	}
	buf_puts(&r->out, status ? "outcome(" : "(");
	put_member(&r->out, "steps", id);
	buf_puts(&r->out, status ? ".state)" : ".exit ?? -1)");
	plan_add_link(r->p, LINK_PREV, arena_strdup(r->p->l->a, id), r->n->mark);
	return status ? OPERAND_STATUS : OPERAND_NUMBER;
}

static enum operand read_integer(struct condition_reading *r)
{
	size_t sign = *r->at == '-', n = sign + strspn(r->at + sign, "0123456789");

	if (n == sign || n > 10 || (r->at[sign] == '0' && n > sign + 1)) {
		fail(r, "a value is missing");
		return OPERAND_NUMBER;
	}
	buf_add(&r->out, r->at, n);
	r->at += n;
	return OPERAND_NUMBER;
}

/* An operand; if it is a text, that too, and it has not been written yet. */
static enum operand read_operand(struct condition_reading *r, const char **ret_text)
{
	*ret_text = NULL;
	skip_blanks(r);
	if (*r->at == '\'' || *r->at == '"') {
		*ret_text = quoted(r);
		if (!*ret_text)
			fail(r, "a quote is not closed");
		return OPERAND_TEXT;
	}
	if (take(r, "env."))
		read_named(r, "env");
	else if (take(r, "var."))
		read_named(r, "params");
	else if (!strncmp(r->at, "prev", 4) && (r->at[4] == '.' || r->at[4] == '['))
		return r->at += 4, read_prev(r);
	else
		return read_integer(r);
	return OPERAND_TEXT;
}

/* A status in the words of the ledger; complains about one that there is not. */
static const char *status_word(struct condition_reading *r, const char *text)
{
	static const char *const words[] = {"pending", "running", "succeeded", "failed", "skipped", "canceled"};
	struct spell s;

	if (!strcmp(text, "success"))
		return "succeeded";
	spell_init(&s, text);
	spell_try(&s, "success");
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!strcmp(text, words[i]))
			return text;
		spell_try(&s, words[i]);
	}
	if (r->bad)
		return text;
	r->bad = true;
	diag_error(r->p->l->d, r->n->mark, "%s: '%s': no status is ever '%s'", r->p->where,
		   plan_key_word(r->p->key), text);
	if (!diag_suggest(r->p->l->d, s.best))
		diag_hint(r->p->l->d, "it is pending, running, success, failed, skipped or canceled");
	return text;
}

/* Move what has been written since start into part. */
static void split_off(struct condition_reading *r, size_t start, struct buf *part)
{
	buf_add(part, r->out.data + start, r->out.len - start);
	buf_cut(&r->out, start);
}

static void read_comparison(struct condition_reading *r)
{
	const char *left, *right = NULL;
	size_t start = r->out.len;
	enum operand a = read_operand(r, &left), b = a;
	struct buf first = BUF_INIT, second = BUF_INIT;
	bool equal = take(r, "=="), compared = equal || take(r, "!=");

	split_off(r, start, &first);
	if (compared)
		b = read_operand(r, &right);
	split_off(r, start, &second);
	if (left)
		put_quoted(&first, b == OPERAND_STATUS ? status_word(r, left) : left);
	if (right)
		put_quoted(&second, a == OPERAND_STATUS ? status_word(r, right) : right);
	buf_puts(&r->out, first.data);
	if (compared)
		buf_addf(&r->out, " %s %s", equal ? "==" : "!=", second.data);
	if ((a == OPERAND_NUMBER) != (b == OPERAND_NUMBER))
		fail(r, "a number is compared with a text, which is never equal,");
	buf_release(&first);
	buf_release(&second);
}

/* --- joining ---------------------------------------------------------------------------------- */

static void read_any_of(struct condition_reading *r);

static void read_one(struct condition_reading *r)
{
	skip_blanks(r);
	if (r->depth >= EXPR_DEPTH_MAX) {
		fail(r, "it is nested too deep");
	} else if (r->at[0] == '!' && r->at[1] != '=') {
		r->at++;
		r->depth++;
		buf_puts(&r->out, "!(");
		read_one(r);
		buf_putc(&r->out, ')');
		r->depth--;
	} else if (take(r, "(")) {
		r->depth++;
		buf_putc(&r->out, '(');
		read_any_of(r);
		buf_putc(&r->out, ')');
		r->depth--;
		if (!take(r, ")"))
			fail(r, "a ')' is missing");
	} else {
		read_comparison(r);
	}
}

static void read_all_of(struct condition_reading *r)
{
	read_one(r);
	while (!r->bad && take(r, "&&")) {
		buf_puts(&r->out, " && ");
		read_one(r);
	}
}

static void read_any_of(struct condition_reading *r)
{
	read_all_of(r);
	while (!r->bad && take(r, "||")) {
		buf_puts(&r->out, " || ");
		read_all_of(r);
	}
}

struct expr *plan_condition(struct plan *p, const struct node *n)
{
	struct condition_reading r = {.p = p, .n = n, .at = n->text, .out = BUF_INIT};
	struct expr *e = NULL;

	if (n->kind != NODE_SCALAR || scalar_resolve(n, NULL, NULL) != SCALAR_TEXT) {
		plan_bad(p, n);
		return NULL;
	}
	read_any_of(&r);
	skip_blanks(&r);
	if (*r.at)
		fail(&r, "something is left over");
	if (!r.bad)
		e = expr_parse(p->l->a, r.out.data, n->mark, p->l->d);
	buf_release(&r.out);
	return e;
}
