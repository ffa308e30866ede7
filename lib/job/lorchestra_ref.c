/*
 * References: `@payload.a.b[0]`, a whole value, becomes an expression; what it finds is data and is never
 * looked at again.
 *
 *	@ROOT.PART.PART[0] ? ?? DEFAULT
 *
 * The original took as much of a text as looked like a reference and dropped the rest.  Here what begins like one
 * must be one to its end.  What only resembles one (`@foo.bar`, `@payload`) is text, as it was, with a warning.
 */
#include "job/lorchestra.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "doc/json.h"

static const char LETTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
static const char PART[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789-";

enum { PARTS_MAX = 60 }; /* of a reference */

static const char *const roots[] = {"payload", "ctx", "run", "self", "item"};
enum ref_root { REF_PAYLOAD, REF_CTX, REF_RUN, REF_SELF, REF_ITEM, REF_NONE };

/* A part: a key, an index, or a reference whose value is the key. */
struct ref_part {
	struct span key; /* at NULL: none */
	struct span index;
	bool dynamic;
};

struct ref {
	struct lorch *x;
	const struct node *from;
	const char *text; /* begins with the @ */
	size_t len;	  /* up to the last part */
	enum ref_root root;
	struct ref_part part[PARTS_MAX];
	size_t n;
	struct buf inner; /* the expression of the dynamic part, which is the last */
	bool maybe;
};

static enum ref_root root_of(const char *text, size_t *ret_len)
{
	size_t len = *text == '@' ? strspn(text + 1, LETTERS) : 0;

	*ret_len = len + 1;
	for (enum ref_root r = 0; r < REF_NONE; r++)
		if (strlen(roots[r]) == len && !memcmp(roots[r], text + 1, len))
			return r;
	return REF_NONE;
}

static void warn_of_text(struct lorch *x, const struct node *from, enum ref_root root)
{
	diag_warn(x->l->d, from->mark, "'%s' is text, not a reference", from->text);
	if (root == REF_ITEM && x->place != LORCH_LOOP)
		diag_hint(x->l->d, "'@item' has a meaning in the loop of a stage only");
	else
		diag_hint(x->l->d, "references begin with @payload., @ctx., @run.%s",
			  x->place == LORCH_LOOP ? " or @item" : " or @self.");
}

bool lorch_is_reference(struct lorch *x, const struct node *from, const char *text)
{
	size_t len;
	enum ref_root root = root_of(text, &len);
	bool known = root != REF_NONE && (root == REF_ITEM) <= (x->place == LORCH_LOOP);
	char next = text[len];

	if (known && (next == '.' || next == '[') && (strspn(text + len + 1, LETTERS) || text[len + 1] == '@' ||
						      (root == REF_ITEM && text[len + 1])))
		return true;
	if (known && root == REF_ITEM && (!next || next == '?' || next == ' '))
		return true;
	if (from && len > 1 && (root != REF_NONE || next == '.'))
		warn_of_text(x, from, root);
	return false;
}

/* --- taking it apart -------------------------------------------------------------------------------------- */

static bool fail(struct ref *r, const char *what, struct span culprit)
{
	diag_error(r->x->l->d, r->from->mark, "%.*s: %s '%.*s'", (int)shown_length(r->text), r->text, what,
		   (int)culprit.len, culprit.at);
	return false;
}

static bool take_index(struct ref *r, const char **p)
{
	size_t n = strspn(*p + 1, "0123456789");
	struct span whole = {*p, strcspn(*p, "]")};

	if (whole.at[whole.len])
		whole.len++;
	if (!n || (*p)[n + 1] != ']' || n > 9) {
		fail(r, "an index is a number from 0 on, not", whole);
		diag_hint(r->x->l->d, "write [0] for the first element");
		return false;
	}
	r->part[r->n++] = (struct ref_part){.index = {*p + 1, n}};
	*p += n + 2;
	return true;
}

/* `.@payload.x`: the key is what that reference finds; it takes the rest. */
static bool take_dynamic(struct ref *r, const char **p)
{
	const char *at = *p + 1;

	if (!lorch_is_reference(r->x, NULL, at))
		return fail(r, "no reference begins with", (struct span){at, strcspn(at, " ")});
	r->part[r->n++] = (struct ref_part){.dynamic = true};
	if (!lorch_reference(r->x, r->from, &at, &r->inner))
		return false;
	*p = at;
	return true;
}

static bool take_key(struct ref *r, const char **p)
{
	size_t n = strspn(*p + 1, PART);

	if ((*p)[1] == '@')
		return take_dynamic(r, p);
	if (!n) {
		fail(r, "there is no name behind", (struct span){r->text, (size_t)(*p - r->text) + 1});
		return false;
	}
	r->part[r->n++] = (struct ref_part){.key = {*p + 1, n}};
	*p += n + 1;
	return true;
}

static bool take_parts(struct ref *r, const char **p)
{
	bool dynamic = false;

	while (!dynamic && (**p == '.' || **p == '[')) {
		if (r->n == PARTS_MAX)
			return fail(r, "too many parts behind", (struct span){r->text, 20});
		if (!(**p == '[' ? take_index(r, p) : take_key(r, p)))
			return false;
		dynamic = r->part[r->n - 1].dynamic;
	}
	r->len = (size_t)(*p - r->text);
	r->maybe = **p == '?' && (*p)[1] != '?';
	*p += r->maybe;
	return true;
}

/* --- as an expression ---------------------------------------------------------------------------------------- */

void lorch_quote(struct buf *out, struct span text)
{
	json_quote(out, text.at, text.len);
}

static void add_part(struct ref *r, const struct ref_part *part, struct buf *out)
{
	if (part->dynamic)
		buf_addf(out, "[%s]", r->inner.data);
	else if (part->index.at)
		buf_addf(out, "[%.*s]", (int)part->index.len, part->index.at);
	else if (strspn(part->key.at, LETTERS) && !memchr(part->key.at, '-', part->key.len))
		buf_addf(out, ".%.*s", (int)part->key.len, part->key.at);
	else
		buf_addf(out, "['%.*s']", (int)part->key.len, part->key.at);
}

static void add_parts(struct ref *r, size_t from, struct buf *out)
{
	for (size_t i = from; i < r->n; i++)
		add_part(r, &r->part[i], out);
}

static json_t *scalar_json(struct loader *l, const struct node *n)
{
	const char *why;
	json_t *v = lorch_scalar(n, &why);

	if (!v)
		diag_error(l->d, n->mark, "'%s' %s", n->text, why);
	return v ? v : json_null();
}

/* What has been looked up is data: references in it do not count. */
static json_t *json_of(struct loader *l, const struct node *n)
{
	json_t *all;

	if (n->kind == NODE_SCALAR)
		return scalar_json(l, n);
	all = n->kind == NODE_LIST ? json_array() : json_object();
	for (size_t i = 0; i < n->n; i++) {
		if (n->kind == NODE_LIST)
			json_array_append_new(all, json_of(l, n->item[i]));
		else
			json_object_set_new_nocheck(all, n->key[i]->text, json_of(l, n->item[i]));
	}
	return all;
}

static void add_json(struct ref *r, const struct node *n, struct buf *out)
{
	json_t *v = json_of(r->x->l, n);

	json_text(out, v, JSON_TIGHT);
	json_decref(v);
}

/* What `defaults` has under the first key stands behind what the payload has. */
static bool add_payload(struct ref *r, struct buf *out)
{
	const struct ref_part *first = &r->part[0];
	const struct node *dflt = NULL;

	if (r->x->defaults && first->key.at)
		dflt = node_get(r->x->defaults, arena_strndup(r->x->l->scratch, first->key.at, first->key.len));
	if (!dflt) {
		buf_puts(out, "payload");
		add_parts(r, 0, out);
		return true;
	}
	buf_puts(out, "(defined(payload");
	add_part(r, first, out);
	buf_puts(out, ") ? payload");
	add_part(r, first, out);
	buf_puts(out, " : ");
	add_json(r, dflt, out);
	buf_putc(out, ')');
	add_parts(r, 1, out);
	return true;
}

/* --- @run --------------------------------------------------------------------------------------------------- */

static bool is_key(const struct ref_part *part, const char *word)
{
	return part->key.at && part->key.len == strlen(word) && !memcmp(part->key.at, word, part->key.len);
}

/* The step with the longest id that the keys make; n_steps: none. */
static size_t find_step(const struct ref *r)
{
	size_t found = r->x->n_steps;
	struct buf id = BUF_INIT;

	for (size_t i = 0; i < r->n && r->part[i].key.at; i++) {
		buf_addf(&id, "%s%.*s", i ? "." : "", (int)r->part[i].key.len, r->part[i].key.at);
		for (size_t k = 0; k < r->x->n_steps; k++)
			if (!strcmp(r->x->step[k], id.data))
				found = k;
	}
	buf_release(&id);
	return found;
}

static const char *thing(const struct ref *r)
{
	return r->x->place == LORCH_LOOP ? "job" : "step";
}

static void unknown_step(struct ref *r)
{
	const struct ref_part *first = &r->part[0];
	struct buf name = BUF_INIT;
	struct spell s;

	buf_add(&name, first->key.at ? first->key.at : "", first->key.len);
	spell_init(&s, name.data);
	for (size_t i = 0; i < r->x->n_steps; i++)
		spell_try(&s, r->x->step[i]);
	diag_error(r->x->l->d, r->from->mark, "%.*s: there is no %s '%s'", (int)r->len, r->text,
		   r->x->place == LORCH_LOOP ? "job of an earlier stage" : "step", name.data);
	diag_suggest(r->x->l->d, s.best);
	buf_release(&name);
}

/* @run.envelope: what the run was asked for. */
static bool add_envelope(struct ref *r, struct buf *out)
{
	static const struct {
		const char *word, *expression;
		size_t takes;
	} fields[] = {{"payload", "payload", 2}, {"ctx", "ctx", 2}, {"job_id", "job.name", 2}, {"run_id", "run.id", 2}};

	for (size_t i = 0; r->n > 1 && i < ARRAY_LEN(fields); i++)
		if (is_key(&r->part[1], fields[i].word)) {
			buf_puts(out, fields[i].expression);
			add_parts(r, fields[i].takes, out);
			return true;
		}
	diag_error(r->x->l->d, r->from->mark, "%.*s: the envelope has payload, ctx, job_id and run_id", (int)r->len,
		   r->text);
	return false;
}

static bool is_run_field(const struct ref_part *part)
{
	for (size_t i = 0; i < ARRAY_LEN(run_fields); i++)
		if (is_key(part, run_fields[i]))
			return true;
	return false;
}

static bool add_run(struct ref *r, struct buf *out)
{
	size_t step = find_step(r);
	struct diags *d = r->x->l->d;

	if (step < r->x->at) {
		buf_puts(out, "results");
		add_parts(r, 0, out);
		return true;
	}
	if (step == r->x->n_steps && is_key(&r->part[0], "envelope"))
		return add_envelope(r, out);
	if (step == r->x->n_steps && r->n == 1 && is_run_field(&r->part[0])) {
		buf_puts(out, "run");
		add_parts(r, 0, out);
		return true;
	}
	if (step == r->x->n_steps) {
		unknown_step(r);
	} else if (step == r->x->at && r->x->place != LORCH_LOOP) {
		diag_error(d, r->from->mark, "%.*s: step '%s' refers to itself", (int)r->len, r->text,
			   r->x->step[step]);
	} else {
		diag_error(d, r->from->mark, "%.*s: %s '%s' comes later", (int)r->len, r->text, thing(r),
			   r->x->step[step]);
		diag_hint(d, "only what comes earlier has a result: move it up");
	}
	return false;
}

/* --- @self --------------------------------------------------------------------------------------------------- */

static bool no_self(struct ref *r, const struct node *at, const struct ref_part *part)
{
	struct buf name = BUF_INIT;
	struct span s = part->key.at ? part->key : part->index;
	struct spell sp;

	buf_add(&name, s.at, s.len);
	spell_init(&sp, name.data);
	for (size_t i = 0; at && at->kind == NODE_MAP && i < at->n; i++)
		spell_try(&sp, at->key[i]->text);
	diag_error(r->x->l->d, r->from->mark, "%.*s: there is no '%s'%s", (int)r->len, r->text, name.data,
		   at			      ? ""
		   : r->x->place == LORCH_LOOP ? ", for a pipeline has nothing that '@self' could mean"
					       : ", for nothing stands beside job_id, version and steps");
	diag_suggest(r->x->l->d, sp.best);
	buf_release(&name);
	return false;
}

/* The node under one more part; NULL: none. */
static const struct node *under(struct ref *r, const struct node *at, const struct ref_part *part)
{
	if (part->key.at && at && at->kind == NODE_MAP)
		return node_get(at, arena_strndup(r->x->l->scratch, part->key.at, part->key.len));
	if (part->index.at && at && at->kind == NODE_LIST && strtoul(part->index.at, NULL, 10) < at->n)
		return at->item[strtoul(part->index.at, NULL, 10)];
	return NULL;
}

/* It is all known when the document is read, but for a dynamic part. */
static bool add_self(struct ref *r, struct buf *out)
{
	const struct node *at = r->x->self, *next;

	for (size_t i = 0; i < r->n; i++) {
		if (r->part[i].dynamic) {
			add_json(r, at, out);
			add_parts(r, i, out);
			return true;
		}
		next = under(r, at, &r->part[i]);
		if (!next && r->maybe) {
			buf_puts(out, "null");
			return true;
		}
		if (!next)
			return no_self(r, at, &r->part[i]);
		at = next;
	}
	add_json(r, at, out);
	return true;
}

/* --- the whole --------------------------------------------------------------------------------------------- */

static bool add_reference(struct ref *r, struct buf *out)
{
	switch (r->root) {
	case REF_PAYLOAD:
		return add_payload(r, out);
	case REF_CTX:
		buf_puts(out, "ctx");
		add_parts(r, 0, out);
		return true;
	case REF_RUN:
		if (r->x->place != LORCH_IF)
			return add_run(r, out);
		diag_error(r->x->l->d, r->from->mark, "%.*s: an 'if' is decided before anything runs, so it cannot "
			   "look at a step", (int)r->len, r->text);
		return false;
	case REF_SELF:
		return add_self(r, out);
	case REF_ITEM:
		buf_puts(out, "foreach.item");
		add_parts(r, 0, out);
		return true;
	case REF_NONE:
		break;
	}
	BUG("a reference without a root");
}

bool lorch_reference(struct lorch *x, const struct node *from, const char **p, struct buf *out)
{
	struct ref r = {.x = x, .from = from, .text = *p, .inner = BUF_INIT};
	const char *at = *p;
	size_t len;
	bool good;

	r.root = root_of(at, &len);
	at += len;
	good = take_parts(&r, &at) && add_reference(&r, out);
	if (good && (r.maybe || (x->absent_is_null && r.n)) && r.root != REF_SELF)
		buf_putc(out, '?');
	buf_release(&r.inner);
	*p = at;
	return good;
}

/* Behind a reference that is a value of its own: nothing, or `?? default`. */
static bool finish(struct lorch *x, const struct node *n, const char *p, struct buf *out)
{
	const char *dflt = p + strspn(p, " ");

	if (!*p)
		return true;
	if (!strncmp(dflt, "??", 2)) {
		struct span word = span_trim(span_of(dflt + 2));
		const char *at = word.at;

		buf_puts(out, " ?? ");
		if (word.len && lorch_is_reference(x, NULL, at))
			return lorch_reference(x, n, &at, out) && finish(x, n, at, out);
		if (word.len) {
			lorch_literal(out, word);
			return true;
		}
	}
	diag_error(x->l->d, n->mark, "'%.*s' stands behind the reference '%.*s'", (int)shown_length(p), p,
		   (int)(p - n->text), n->text);
	diag_hint(x->l->d, "a reference is a whole value; what may be absent is written %.*s? or %.*s ?? 'default'",
		  (int)(p - n->text), n->text, (int)(p - n->text), n->text);
	return false;
}

static struct node *reference_value(struct lorch *x, const struct node *n)
{
	const char *p = n->text;
	struct buf out = BUF_INIT;
	struct node *v = NULL;

	if (lorch_reference(x, n, &p, &out) && finish(x, n, p, &out))
		v = lorch_expr(x->l, n, out.data);
	buf_release(&out);
	return v ? v : lorch_plain(x->l, n->mark, "null");
}

/* --- values ------------------------------------------------------------------------------------------------- */

static struct node *scalar_value(struct loader *l, const struct node *n)
{
	json_t *v = scalar_json(l, n);
	struct buf text = BUF_INIT;
	struct node *made;

	if (json_is_string(v)) {
		made = lorch_text(l, n->mark, n->text, n->n);
	} else {
		json_text(&text, v, JSON_TIGHT);
		made = lorch_plain(l, n->mark, text.data);
	}
	buf_release(&text);
	json_decref(v);
	return made;
}

/* Recursion goes as deep as cursors let documents be. */
struct node *lorch_value(struct lorch *x, const struct node *n)
{
	struct node *parts;

	if (n->kind == NODE_SCALAR) {
		if (n->text[0] == '@' && lorch_is_reference(x, n, n->text))
			return reference_value(x, n);
		return scalar_value(x->l, n);
	}
	parts = lorch_parts(x->l, n->kind, n->mark, n->n);
	for (size_t i = 0; i < n->n; i++)
		lorch_add(parts, n->kind == NODE_MAP ? lorch_text(x->l, n->key[i]->mark, n->key[i]->text,
								  n->key[i]->n) : NULL,
			  lorch_value(x, n->item[i]));
	return parts;
}
