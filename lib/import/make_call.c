/* make's functions of texts: what they come to when the document is read. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "import/make.h"

enum { MOST_ARGS = 3 };

struct call {
	struct mk *m;
	struct mark mark;
	const char *arg[MOST_ARGS];
	struct buf *out;
	size_t start; /* of what is ours in out */
};

typedef void word_fn(struct buf *out, const char *word, const void *with);

/* --- word by word ------------------------------------------------------------------------------------------- */

static void put_notdir(struct buf *out, const char *word, const void *with)
{
	const char *slash = strrchr(word, '/');

	(void)with;
	buf_puts(out, slash ? slash + 1 : word);
}

static void put_dir(struct buf *out, const char *word, const void *with)
{
	const char *slash = strrchr(word, '/');

	(void)with;
	if (slash)
		buf_add(out, word, (size_t)(slash + 1 - word));
	else
		buf_puts(out, "./");
}

static const char *dot_of(const char *word)
{
	const char *dot = strrchr(word, '.');

	return dot && !strchr(dot, '/') ? dot : NULL;
}

static void put_basename(struct buf *out, const char *word, const void *with)
{
	const char *dot = dot_of(word);

	(void)with;
	buf_add(out, word, dot ? (size_t)(dot - word) : strlen(word));
}

static void put_suffix(struct buf *out, const char *word, const void *with)
{
	(void)with;
	buf_puts(out, dot_of(word) ? dot_of(word) : "");
}

static void put_before(struct buf *out, const char *word, const void *with)
{
	buf_puts(out, with);
	buf_puts(out, word);
}

static void put_behind(struct buf *out, const char *word, const void *with)
{
	buf_puts(out, word);
	buf_puts(out, with);
}

static void put_itself(struct buf *out, const char *word, const void *with)
{
	(void)with;
	buf_puts(out, word);
}

/* Each word of text, as fn writes it; words that come to nothing leave no blank. */
static void each_word(struct call *c, const char *text, word_fn *fn, const void *with)
{
	for (size_t n; *text; text += n) {
		struct buf one = BUF_INIT;
		char *word;

		text += strspn(text, " \t\n");
		n = strcspn(text, " \t\n");
		if (!n)
			continue;
		if (mk_too_much(c->m, c->mark, c->out))
			return;
		word = xstrndup(text, n);
		fn(&one, word, with);
		if (one.len && c->out->len > c->start)
			buf_putc(c->out, ' ');
		buf_puts(c->out, one.data);
		free(word);
		buf_release(&one);
	}
}

static void call_notdir(struct call *c) { each_word(c, c->arg[0], put_notdir, NULL); }
static void call_dir(struct call *c) { each_word(c, c->arg[0], put_dir, NULL); }
static void call_basename(struct call *c) { each_word(c, c->arg[0], put_basename, NULL); }
static void call_suffix(struct call *c) { each_word(c, c->arg[0], put_suffix, NULL); }
static void call_addprefix(struct call *c) { each_word(c, c->arg[1], put_before, c->arg[0]); }
static void call_addsuffix(struct call *c) { each_word(c, c->arg[1], put_behind, c->arg[0]); }
static void call_strip(struct call *c) { each_word(c, c->arg[0], put_itself, NULL); }

/* --- patterns ----------------------------------------------------------------------------------------------- */

struct replacement {
	const char *from, *to;
};

static void put_patsubst(struct buf *out, const char *word, const void *with)
{
	const struct replacement *r = with;
	struct span stem;

	if (!mk_match(r->from, word, &stem))
		buf_puts(out, word);
	else
		mk_fill(out, r->to, stem);
}

static char *trimmed(const char *text)
{
	struct span s = span_trim(span_of(text));

	return xstrndup(s.at, s.len);
}

static void call_patsubst(struct call *c)
{
	char *from = trimmed(c->arg[0]), *to = trimmed(c->arg[1]);
	struct replacement r = {from, to};

	each_word(c, c->arg[2], put_patsubst, &r);
	free(from);
	free(to);
}

static void call_subst(struct call *c)
{
	size_t n = strlen(c->arg[0]);

	for (const char *p = c->arg[2]; *p && !mk_too_much(c->m, c->mark, c->out);)
		if (n && !strncmp(p, c->arg[0], n)) {
			buf_puts(c->out, c->arg[1]);
			p += n;
		} else {
			buf_putc(c->out, *p++);
		}
}

static struct mk_words split(struct call *c, const char *text)
{
	struct mk_words w = {0};

	for (size_t n; *text; text += n) {
		text += strspn(text, " \t\n");
		n = strcspn(text, " \t\n");
		if (n)
			mk_words_add(&w, arena_strndup(c->m->a, text, n), c->mark);
	}
	return w;
}

struct choice {
	struct mk *m;
	struct mk_words patterns;
	bool matching; /* else those that match none */
};

static void put_chosen(struct buf *out, const char *word, const void *with)
{
	const struct choice *c = with;
	bool hit = false;
	struct span stem;

	c->m->steps += c->patterns.n;
	for (size_t i = 0; i < c->patterns.n && !hit; i++)
		hit = mk_match(c->patterns.at[i].name, word, &stem);
	if (hit == c->matching)
		buf_puts(out, word);
}

static void choose(struct call *c, bool matching)
{
	struct choice choice = {.m = c->m, .patterns = split(c, c->arg[0]), .matching = matching};

	each_word(c, c->arg[1], put_chosen, &choice);
	free(choice.patterns.at);
}

static void call_filter(struct call *c) { choose(c, true); }
static void call_filter_out(struct call *c) { choose(c, false); }

/* --- lists ---------------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct mk_word *)a)->name, ((const struct mk_word *)b)->name);
}

static void call_sort(struct call *c)
{
	struct mk_words w = split(c, c->arg[0]);

	if (w.n)
		qsort(w.at, w.n, sizeof(*w.at), by_text);
	for (size_t i = 0; i < w.n; i++)
		if (!i || strcmp(w.at[i].name, w.at[i - 1].name))
			buf_addf(c->out, "%s%s", i ? " " : "", w.at[i].name);
	free(w.at);
}

static void call_firstword(struct call *c)
{
	struct mk_words w = split(c, c->arg[0]);

	buf_puts(c->out, w.n ? w.at[0].name : "");
	free(w.at);
}

static void call_lastword(struct call *c)
{
	struct mk_words w = split(c, c->arg[0]);

	buf_puts(c->out, w.n ? w.at[w.n - 1].name : "");
	free(w.at);
}

static void say_fixed(struct call *c, const char *pattern, size_t n)
{
	if (map_has(&c->m->told, pattern))
		return;
	(void)map_intern(&c->m->told, pattern);
	diag_warn(c->m->d, c->mark, "'%s' stands here for the %zu file%s there are now; those that come later are not in it", pattern,
		  n, n == 1 ? "" : "s");
	diag_hint(c->m->d, "`inputs: [\"%s\"]` or `foreach: {file: \"%s\"}` finds them whenever it runs", pattern, pattern);
}

static void call_wildcard(struct call *c)
{
	struct mk_words patterns = split(c, c->arg[0]), files = {0};

	for (size_t i = 0; i < patterns.n; i++) {
		size_t before = files.n;

		mk_glob(c->m, patterns.at[i].name, &files, c->mark);
		if (patterns.at[i].name[strcspn(patterns.at[i].name, "*?[")])
			say_fixed(c, patterns.at[i].name, files.n - before);
	}
	for (size_t i = 0; i < files.n; i++)
		buf_addf(c->out, "%s%s", i ? " " : "", files.at[i].name);
	free(patterns.at);
	free(files.at);
}

/* --- by name --------------------------------------------------------------------------------------------------- */

static const struct function {
	const char *name;
	size_t n_args;
	void (*call)(struct call *c);
	const char *instead; /* it cannot be carried over */
} functions[] = {
	{"subst", 3, call_subst, NULL},
	{"patsubst", 3, call_patsubst, NULL},
	{"strip", 1, call_strip, NULL},
	{"notdir", 1, call_notdir, NULL},
	{"dir", 1, call_dir, NULL},
	{"basename", 1, call_basename, NULL},
	{"suffix", 1, call_suffix, NULL},
	{"addprefix", 2, call_addprefix, NULL},
	{"addsuffix", 2, call_addsuffix, NULL},
	{"filter", 2, call_filter, NULL},
	{"filter-out", 2, call_filter_out, NULL},
	{"sort", 1, call_sort, NULL},
	{"firstword", 1, call_firstword, NULL},
	{"lastword", 1, call_lastword, NULL},
	{"wildcard", 1, call_wildcard, NULL},
	{"shell", 0, NULL, "let a variable be the whole of it, X = $(shell COMMAND), and use that in recipes: it becomes vars: {X: {sh: COMMAND}}"},
	{"foreach", 0, NULL, "write the list out; `foreach` makes one job of many values"},
	{"call", 0, NULL, "write it out where it is used"},
	{"eval", 0, NULL, "write the rules out"},
	{"if", 0, NULL, "decide in the recipe, with the shell's if"},
	{"or", 0, NULL, "decide in the recipe, with the shell's if"},
	{"and", 0, NULL, "decide in the recipe, with the shell's if"},
	{"origin", 0, NULL, "leave it out"},
	{"flavor", 0, NULL, "leave it out"},
	{"value", 0, NULL, "write the value out"},
	{"info", 0, NULL, "say it in a recipe, with echo"},
	{"warning", 0, NULL, "say it in a recipe, with echo"},
	{"error", 0, NULL, "`require` in the Jobfile stops a job with a message"},
	{"file", 0, NULL, "write the file in a recipe"},
	{"guile", 0, NULL, "leave it out"},
	{"realpath", 0, NULL, "call realpath in the recipe"},
	{"abspath", 0, NULL, "call realpath in the recipe"},
	{"join", 0, NULL, "write the list out"},
	{"word", 0, NULL, "write the word out"},
	{"words", 0, NULL, "write the number out"},
	{"wordlist", 0, NULL, "write the list out"},
	{"findstring", 0, NULL, "decide in the recipe, with the shell's case"},
	{"let", 0, NULL, "write the value out"},
	{"intcmp", 0, NULL, "decide in the recipe, with the shell's if"},
};

static const struct function *find_function(const struct mk_text *inside, size_t *ret_behind)
{
	size_t n = 0;

	while (n < inside->n && !isspace((unsigned char)inside->s[n]) && inside->s[n] != '$')
		n++;
	if (n == inside->n || !isspace((unsigned char)inside->s[n]))
		return NULL;
	*ret_behind = n + 1;
	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		if (span_is((struct span){inside->s, n}, functions[i].name))
			return &functions[i];
	return NULL;
}

/* Up to the comma that ends an argument; the last takes the rest. */
static size_t argument_end(const struct mk_text *t, size_t from, bool last)
{
	size_t deep = 0;

	for (; from < t->n; from++) {
		deep += t->s[from] == '(' || t->s[from] == '{';
		deep -= deep && (t->s[from] == ')' || t->s[from] == '}');
		if (t->s[from] == ',' && !deep && !last)
			break;
	}
	return from;
}

static bool take_arguments(struct call *c, const struct function *f, const struct mk_text *inside, size_t from, enum mk_how how)
{
	for (size_t i = 0; i < f->n_args; i++) {
		size_t end = argument_end(inside, from, i + 1 == f->n_args);
		struct mk_text arg = {inside->s + from, inside->at + from, end - from};
		struct buf text = BUF_INIT;

		if (i + 1 < f->n_args && end == inside->n) {
			diag_error(c->m->d, c->mark, "'%s' takes %zu arguments with commas between", f->name, f->n_args);
			return false;
		}
		if (!i)
			arg = mk_part(&arg, 0, arg.n);
		mk_expand(c->m, &arg, how, &text);
		c->m->steps += text.len;
		c->arg[i] = arena_strdup(c->m->a, text.data);
		buf_release(&text);
		from = end + 1;
	}
	return true;
}

bool mk_call(struct mk *m, const struct mk_text *inside, enum mk_how how, struct buf *out)
{
	size_t from = 0;
	const struct function *f = find_function(inside, &from);
	struct call c = {.m = m, .mark = mk_mark(m, inside, 0, inside->n), .out = out, .start = out->len};

	if (!f)
		return false;
	if (!f->call) {
		diag_error(m->d, c.mark, "'$(%s ...)' cannot be carried over", f->name);
		diag_hint(m->d, "%s", f->instead);
		return true;
	}
	if (take_arguments(&c, f, inside, from, how) && !mk_too_much(m, c.mark, out))
		f->call(&c);
	m->steps += out->len - c.start;
	return true;
}
