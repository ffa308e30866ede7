/* Variables and the functions of texts, as make works them out. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "import/make.h"

enum { DEEPEST = 100, LONGEST = 1 << 20, MOST_STEPS = 1 << 22, STEPS_PER_BYTE = 1000 };

struct mk_var *mk_var(struct mk *m, const char *name, size_t len, struct mark mark)
{
	struct mk_var *v = map_get_n(&m->var, name, len);
	static const uint32_t nowhere[1];

	if (v)
		return v;
	v = ARENA_NEW(m->a, struct mk_var);
	*v = (struct mk_var){.name = arena_strndup(m->a, name, len), .mark = mark, .value = {"", nowhere, 0},
			     .from_environment = true};
	(void)map_put(&m->var, v->name, v);
	return v;
}

bool mk_reference(struct mk *m, const struct mk_text *t, size_t i, struct mk_text *ret, size_t *ret_next)
{
	char open = i + 1 < t->n ? t->s[i + 1] : 0, close = open == '(' ? ')' : '}';
	size_t deep = 1, end = i + 2;

	if (open != '(' && open != '{') {
		*ret = (struct mk_text){t->s + i + 1, t->at + i + 1, open ? 1 : 0};
		*ret_next = i + 1 + ret->n;
		return true;
	}
	for (; end < t->n; end++) {
		deep += t->s[end] == open;
		if (t->s[end] == close && !--deep)
			break;
	}
	if (end == t->n) {
		diag_error(m->d, mk_mark(m, t, i, 2), "this '%.2s' has no end", t->s + i);
		return false;
	}
	*ret = (struct mk_text){t->s + i + 2, t->at + i + 2, end - i - 2};
	*ret_next = end + 1;
	return true;
}

/* --- variables that make gives values to ------------------------------------------------------------------------ */

static const struct {
	const char *name, *instead;
} own[] = {
	{"CURDIR", "write . or $$PWD"},
	{"MAKEFLAGS", "leave it out: a make that a job starts gets its flags and its slots by itself"},
	{"MFLAGS", "leave it out: a make that a job starts gets its flags and its slots by itself"},
	{"MAKECMDGOALS", "ask for it with a parameter"},
	{"MAKEFILE_LIST", "write the name"},
	{"MAKELEVEL", "leave it out"},
	{"MAKE_VERSION", "write it out"},
	{".VARIABLES", "name them"},
	{".FEATURES", "leave it out"},
	{"VPATH", "write the folders into the names"},
};

static bool is_own(const struct mk_text *name)
{
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (mk_is(name, own[i].name))
			return true;
	return false;
}

static bool is_refused(struct mk *m, const struct mk_text *name, struct mark mark)
{
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (mk_is(name, own[i].name)) {
			diag_error(m->d, mark, "'$(%s)' is known to make alone and cannot be carried over", own[i].name);
			diag_hint(m->d, "%s", own[i].instead);
			return true;
		}
	if (mk_is_automatic(name)) {
		diag_error(m->d, mark, "'$%.*s' has a value in recipes only", (int)name->n, name->s);
		diag_hint(m->d, "write the name that is meant");
		return true;
	}
	return false;
}

/* --- values ------------------------------------------------------------------------------------------------------- */

bool mk_too_much(struct mk *m, struct mark mark, const struct buf *out)
{
	size_t most = MOST_STEPS + STEPS_PER_BYTE * source_text(m->source).len;

	if (m->deep < DEEPEST && out->len < LONGEST && m->steps < most)
		return false;
	if (!map_has(&m->told, ""))
		diag_error(m->d, mark, "the value has no end: it is made of itself, or of too much");
	(void)map_intern(&m->told, "");
	return true;
}

/* A command's output is known only when it runs. */
static void refuse_output(struct mk *m, const struct mk_var *v, struct mark mark)
{
	diag_error(m->d, mark, "'%s' is what a command prints, which is not known here", v->name);
	diag_hint(m->d, "write the value out, or use the variable in a recipe, outside single quotes");
}

static void put_var(struct mk *m, struct mk_var *v, enum mk_how how, struct mark mark, struct buf *out)
{
	if (how != MK_LATE && !v->read_early) {
		v->read_early = true;
		v->early = mark;
	}
	if (how == MK_NAMES && !v->set && !map_has(&m->told, v->name)) {
		(void)map_intern(&m->told, v->name);
		diag_warn(m->d, mark, "'%s' is not set here, so nothing stands in its place; make takes it from the environment",
			  v->name);
	}
	v->written_out |= how != MK_EARLY;
	if (v->shell && how != MK_EARLY)
		refuse_output(m, v, mark);
	if (v->shell || mk_too_much(m, mark, out))
		return;
	m->deep++;
	mk_expand(m, &v->value, how, out);
	m->deep--;
}

/* NAME:FROM=TO: each word of the value with another end, or as patterns say. */
static void put_replaced(struct mk *m, const struct mk_text *inside, size_t colon, size_t is, enum mk_how how, struct buf *out)
{
	struct buf call = BUF_INIT;
	struct mk_text name = {inside->s, inside->at, colon}, from = {inside->s + colon + 1, inside->at + colon + 1, is - colon - 1},
		       to = {inside->s + is + 1, inside->at + is + 1, inside->n - is - 1};
	const char *percent = memchr(from.s, '%', from.n) ? "" : "%";
	struct mk_text text;
	uint32_t *at;

	buf_addf(&call, "patsubst %s%.*s,%s%.*s,$(%.*s)", percent, (int)from.n, from.s, percent, (int)to.n, to.s, (int)name.n,
		 name.s);
	at = arena_array(m->a, call.len + 1, sizeof(*at));
	for (size_t i = 0; i <= call.len; i++)
		at[i] = inside->at[0];
	text = (struct mk_text){arena_strdup(m->a, call.data), at, call.len};
	buf_release(&call);
	m->deep++;
	(void)mk_call(m, &text, how, out);
	m->deep--;
}

static size_t find_plain(const struct mk_text *t, size_t from, char c)
{
	while (from < t->n && t->s[from] != c)
		from++;
	return from;
}

static void put_reference(struct mk *m, const struct mk_text *inside, enum mk_how how, struct mark mark, struct buf *out)
{
	size_t colon = find_plain(inside, 0, ':'), is = find_plain(inside, colon, '=');
	struct buf name = BUF_INIT;
	struct mk_text computed = *inside;

	if (mk_call(m, inside, how, out))
		return;
	if (how == MK_LATE && m->automatic.put && mk_is_automatic(inside)) {
		(void)m->automatic.put(m->automatic.ctx, inside->s[0], inside->n == 2 ? inside->s[1] : 0, mark, out);
		return;
	}
	if (is < inside->n && !mk_too_much(m, mark, out)) {
		put_replaced(m, inside, colon, is, how, out);
		return;
	}
	if (memchr(inside->s, '$', inside->n) && !mk_too_much(m, mark, out)) {
		m->deep++;
		mk_expand(m, inside, how == MK_LATE ? MK_LATE : MK_NAMES, &name);
		m->deep--;
		computed = (struct mk_text){name.data, inside->at, name.len};
		m->steps += name.len;
	}
	if (!is_refused(m, &computed, mark))
		put_var(m, mk_var(m, computed.s, computed.n, mark), how, mark, out);
	buf_release(&name);
}

void mk_expand(struct mk *m, const struct mk_text *t, enum mk_how how, struct buf *out)
{
	struct mk_text inside;

	m->steps += 1 + t->n;
	for (size_t i = 0, next; i < t->n; i = next) {
		next = i + 1;
		if (t->s[i] != '$') {
			buf_putc(out, t->s[i]);
		} else if (next < t->n && t->s[next] == '$') {
			buf_putc(out, '$');
			next++;
		} else if (mk_reference(m, t, i, &inside, &next)) {
			put_reference(m, &inside, how, mk_mark(m, t, i, next - i), out);
		} else {
			return;
		}
		if (mk_too_much(m, mk_mark(m, t, i, 1), out))
			return;
	}
}

/* Its value stands in the Jobfile, and so does that of each that it is made of. */
static void write_out(struct mk *m, struct mk_var *v)
{
	struct buf gone = BUF_INIT;

	if (!v->written_out)
		put_var(m, v, MK_LATE, v->mark, &gone);
	buf_release(&gone);
}

/* --- in the Jobfile --------------------------------------------------------------------------------------------------- */

/* The variable that inside names, and nothing else. */
struct mk_var *mk_plain_reference(struct mk *m, const struct mk_text *inside)
{
	if (!sh_is_name(inside->s, inside->n) || is_own(inside))
		return NULL;
	return mk_var(m, inside->s, inside->n, mk_mark(m, inside, 0, inside->n));
}

struct mk_var *mk_made_of(struct mk *m, const struct mk_var *v, size_t *i)
{
	struct mk_text inside;
	size_t next;

	if (!mk_reference(m, &v->value, *i, &inside, &next))
		return NULL;
	*i = next - 1;
	return mk_plain_reference(m, &inside);
}

static bool value_stays(struct mk *m, struct mk_var *v, struct buf *plain)
{
	struct mk_text inside;
	bool good = m->deep < DEEPEST;

	m->deep++;
	for (size_t i = 0, next; good && i < v->value.n; i = next) {
		struct mk_var *of;

		next = i + 1;
		if (v->value.s[i] != '$') {
			buf_putc(plain, v->value.s[i]);
			continue;
		}
		good = mk_reference(m, &v->value, i, &inside, &next) && (of = mk_plain_reference(m, &inside));
		good = good && (of->written_out ? true : mk_stays(m, of));
		if (good)
			buf_putc(plain, 'x');
	}
	m->deep--;
	return good;
}

bool mk_stays(struct mk *m, struct mk_var *v)
{
	struct buf plain = BUF_INIT;
	bool good = v->stays != MK_LOOKED_AT && !v->written_out && sh_is_name(v->name, strlen(v->name)) && (v->from_environment || !v->is_builtin);

	if (v->stays == MK_STAYS && !v->written_out)
		return true;
	v->stays = MK_LOOKED_AT;
	if (good && !v->shell)
		good = value_stays(m, v, &plain) && sh_value_is_plain(plain.data);
	buf_release(&plain);
	if (good)
		v->stays = MK_STAYS;
	else
		write_out(m, v);
	return good;
}

/* Only of one that stays, so that there is no circle. */
bool mk_is_late(struct mk *m, struct mk_var *v)
{
	struct mk_text inside;
	bool late = v->shell != NULL;

	if (v->late)
		return v->late > 0;
	for (size_t i = 0, next; !late && i < v->value.n; i = next) {
		next = i + 1;
		if (v->value.s[i] == '$' && mk_reference(m, &v->value, i, &inside, &next)) {
			struct mk_var *of = mk_plain_reference(m, &inside);

			late = of && !of->written_out && mk_is_late(m, of);
		}
	}
	v->late = late ? 1 : -1;
	return late;
}

void mk_value(struct mk *m, const struct mk_var *v, struct buf *out)
{
	struct mk_text inside;

	for (size_t i = 0, next; i < v->value.n; i = next) {
		struct mk_var *of;

		next = i + 1;
		if (v->value.s[i] != '$' || !mk_reference(m, &v->value, i, &inside, &next)) {
			buf_putc(out, v->value.s[i]);
			continue;
		}
		of = mk_plain_reference(m, &inside);
		if (of && !of->written_out)
			mk_value_of(m, of, out);
		else if (of)
			mk_expand(m, &of->value, MK_LATE, out);
	}
}

void mk_value_of(struct mk *m, struct mk_var *v, struct buf *out)
{
	v->used = true;
	buf_addf(out, "${{ %s.%s }}", mk_is_late(m, v) ? "vars" : "params", v->name);
}

/* --- words ------------------------------------------------------------------------------------------------------------ */

static void add_words(struct mk *m, const char *text, struct mark mark, struct mk_words *ret)
{
	for (size_t n; *text; text += n) {
		text += strspn(text, " \t\n");
		n = strcspn(text, " \t\n");
		if (n)
			mk_words_add(ret, arena_strndup(m->a, text, n), mark);
	}
}

void mk_words_of(struct mk *m, const struct mk_text *t, struct mk_words *ret)
{
	struct mk_text gone;

	for (size_t i = 0, from; i < t->n;) {
		struct buf text = BUF_INIT;
		struct mk_text word;

		if (isspace((unsigned char)t->s[i])) {
			i++;
			continue;
		}
		for (from = i; i < t->n && !isspace((unsigned char)t->s[i]);)
			if (t->s[i] != '$')
				i++;
			else if (!mk_reference(m, t, i, &gone, &i))
				return;
		word = mk_part(t, from, i);
		mk_expand(m, &word, MK_NAMES, &text);
		add_words(m, text.data, mk_mark(m, t, from, i - from), ret);
		buf_release(&text);
	}
}
