/* The lines of a Makefile: variables, rules, and what is refused by its name. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "import/make.h"

struct reader {
	struct mk *m;
	const char *text;
	size_t len, at;
	struct mk_rule *rule; /* lines that begin with a tab belong to it; NULL: there is none */
	struct branch *branch;
	size_t n_branches, room_branches;
};

/* A conditional that has been begun, and not ended. */
struct branch {
	struct mark mark;
	bool was_taken; /* one of its parts; the others are left out */
	bool in_else;
};

/* --- pieces of text ------------------------------------------------------------------------------------------ */

struct piece {
	char *s;
	uint32_t *at;
	size_t n, room, room_at;
};

static void piece_add(struct piece *p, char c, size_t at)
{
	size_t n = p->n;

	VEC_PUSH(p->at, n, p->room_at, (uint32_t)at);
	VEC_PUSH(p->s, p->n, p->room, c);
}

static struct mk_text piece_end(struct mk *m, struct piece *p, size_t at)
{
	struct mk_text t = {.n = p->n};
	uint32_t *places = arena_array(m->a, p->n + 1, sizeof(*places));

	if (p->n)
		memcpy(places, p->at, p->n * sizeof(*places));
	places[p->n] = (uint32_t)at;
	t.at = places;
	t.s = arena_strndup(m->a, p->s ? p->s : "", p->n);
	free(p->s);
	free(p->at);
	return t;
}

struct mark mk_mark(const struct mk *m, const struct mk_text *t, size_t i, size_t len)
{
	return m->reads_builtins ? MARK_NONE : source_mark(m->source, t->at[i < t->n ? i : t->n], len);
}

struct mk_text mk_part(const struct mk_text *t, size_t from, size_t to)
{
	while (from < to && isspace((unsigned char)t->s[from]))
		from++;
	while (to > from && isspace((unsigned char)t->s[to - 1]))
		to--;
	return (struct mk_text){t->s + from, t->at + from, to - from};
}

bool mk_is(const struct mk_text *t, const char *word)
{
	return span_is((struct span){t->s, t->n}, word);
}

/* --- lines ------------------------------------------------------------------------------------------------------ */

/* Where the line that begins at `from` ends. */
static size_t line_end(const struct reader *r, size_t from)
{
	const char *nl = memchr(r->text + from, '\n', r->len - from);

	return nl ? (size_t)(nl - r->text) : r->len;
}

/* Where its text stops: at the \\ that continues it, and at what ends it on other systems. */
static size_t line_stop(const struct reader *r, size_t from, size_t end, bool *ret_more)
{
	size_t n = 0;

	while (end > from && r->text[end - 1] == '\r')
		end--;
	while (end - n > from && r->text[end - 1 - n] == '\\')
		n++;
	*ret_more = n % 2;
	return end - n % 2;
}

/* A command: what continues it stays, but for the tab that begins a line. */
static struct mk_text recipe_line(struct reader *r)
{
	struct piece p = {0};
	bool more = true;

	while (more && r->at < r->len) {
		size_t from = r->at + (r->text[r->at] == '\t'), end = line_end(r, r->at);
		size_t stop = line_stop(r, from, end, &more);

		for (size_t i = from; i < stop; i++)
			piece_add(&p, r->text[i], i);
		if (more) {
			piece_add(&p, '\\', stop);
			piece_add(&p, '\n', end);
		}
		r->at = end + 1;
	}
	return piece_end(r->m, &p, r->at);
}

/* Any other: one blank for what continues it, and without its comment. */
static struct mk_text plain_line(struct reader *r)
{
	struct piece p = {0};
	bool more = true, comment = false;

	while (more && r->at < r->len) {
		size_t from = r->at, end = line_end(r, from), stop = line_stop(r, from, end, &more);

		while (p.n && from < stop && isspace((unsigned char)r->text[from]))
			from++;
		for (size_t i = from; i < stop; i++) {
			if (r->text[i] == '\\' && i + 1 < stop && r->text[i + 1] == '#')
				i++;
			else
				comment |= r->text[i] == '#';
			if (!comment)
				piece_add(&p, r->text[i], i);
		}
		while (more && p.n && isspace((unsigned char)p.s[p.n - 1]))
			p.n--;
		if (more && !comment)
			piece_add(&p, ' ', end);
		r->at = end + 1;
	}
	return piece_end(r->m, &p, r->at < r->len ? r->at : r->len);
}

/* --- variables ---------------------------------------------------------------------------------------------------- */

/* Behind the $( or ${ or $x at i. */
static size_t skip_reference(const struct mk_text *t, size_t i)
{
	char open = i + 1 < t->n ? t->s[i + 1] : 0, close = open == '(' ? ')' : '}';
	size_t deep = 0;

	if (open != '(' && open != '{')
		return i + 2;
	for (i++; i < t->n; i++) {
		deep += t->s[i] == open;
		if (t->s[i] == close && !--deep)
			return i + 1;
	}
	return t->n;
}

/* Where the first of these characters is, outside references; t->n: nowhere. */
static size_t find(const struct mk_text *t, size_t from, const char *any)
{
	while (from < t->n && !strchr(any, t->s[from]))
		from = t->s[from] == '$' ? skip_reference(t, from) : from + 1;
	return from < t->n ? from : t->n;
}

/* The first = that makes t an assignment and no rule; t->n: none does. */
static size_t assignment(const struct mk_text *t)
{
	size_t is = find(t, 0, "=:");

	while (is < t->n && t->s[is] == ':' && is + 1 < t->n && (t->s[is + 1] == ':' || t->s[is + 1] == '=')) {
		size_t more = is + strspn(t->s + is, ":");

		if (t->s[more] == '=')
			return more;
		return t->n; /* a rule with :: */
	}
	return is < t->n && t->s[is] == '=' ? is : t->n;
}

static void refuse_again(struct mk *m, struct mk_var *v, struct mark mark)
{
	diag_error(m->d, mark, "'%s' is set a second time", v->name);
	if (v->mark.line)
		diag_note(m->d, v->mark, "the first time is here");
	diag_hint(m->d, "make uses now the one and now the other value; give them two names, or write what is meant once");
}

static void refuse_late(struct mk *m, struct mk_var *v, struct mark mark)
{
	diag_error(m->d, mark, "'%s' is set behind the place where its value is used", v->name);
	diag_note(m->d, v->early, "it is used here");
	diag_hint(m->d, "move this line up, in front of that one");
}

static void append(struct mk *m, struct mk_var *v, const struct mk_text *more)
{
	struct piece p = {0};

	for (size_t i = 0; i < v->value.n; i++)
		piece_add(&p, v->value.s[i], v->value.at[i]);
	if (p.n)
		piece_add(&p, ' ', more->at[0]);
	for (size_t i = 0; i < more->n; i++)
		piece_add(&p, more->s[i], more->at[i]);
	v->value = piece_end(m, &p, more->at[more->n]);
}

/* All that `:=` is made of keeps its value. */
static void read_early(struct mk *m, const struct mk_text *value)
{
	struct buf gone = BUF_INIT;

	mk_expand(m, value, MK_EARLY, &gone);
	buf_release(&gone);
}

/* X = $(shell COMMAND): what a Jobfile calls {sh: COMMAND}. */
static void find_command(struct mk *m, struct mk_var *v)
{
	static const char word[] = "shell";
	struct mk_text inside;
	size_t next = 0;
	struct buf out = BUF_INIT;

	if (!v->value.n || v->value.s[0] != '$' || !mk_reference(m, &v->value, 0, &inside, &next) || next != v->value.n ||
	    inside.n < sizeof(word) || strncmp(inside.s, word, sizeof(word) - 1) || !isspace((unsigned char)inside.s[sizeof(word) - 1]))
		return;
	inside = mk_part(&inside, sizeof(word) - 1, inside.n);
	mk_expand(m, &inside, MK_NAMES, &out);
	v->shell = arena_strdup(m->a, out.data);
	buf_release(&out);
}

static void set(struct mk *m, struct mk_var *v, char how, bool simple, const struct mk_text *value, struct mark mark)
{
	if (v->read_early && !v->is_builtin) {
		refuse_late(m, v, mark);
	} else if (how == '+' && v->set && !v->is_builtin) {
		append(m, v, value);
	} else if (v->set && !v->is_builtin && how != '?') {
		refuse_again(m, v, mark);
	} else if (!(v->set && how == '?')) {
		v->mark = mark;
		v->value = *value;
		v->from_environment = how == '?';
		v->is_builtin = m->reads_builtins;
		v->set = true;
		find_command(m, v);
	}
	if (simple && !v->shell)
		read_early(m, value);
}

/* Variables that change how make itself works. */
static bool sets_make_itself(struct mk *m, const struct mk_text *name, const struct mk_text *value, struct mark mark)
{
	static const char *const names[] = {"VPATH", "MAKEFLAGS", ".SHELLFLAGS", ".RECIPEPREFIX", "MAKEOVERRIDES", "GNUMAKEFLAGS"};
	struct mk_words goal = {0};

	if (mk_is(name, ".DEFAULT_GOAL")) {
		mk_words_of(m, value, &goal);
		m->first = goal.n ? goal.at[0].name : NULL;
		free(goal.at);
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (mk_is(name, names[i])) {
			diag_error(m->d, mark, "'%s' changes how make works, which cannot be carried over", names[i]);
			diag_hint(m->d, "leave it out, and write what it did where it was needed");
			return true;
		}
	return false;
}

static void assign(struct reader *r, const struct mk_text *t, size_t is)
{
	struct mk *m = r->m;
	char how = is ? t->s[is - 1] : 0;
	size_t end = is;
	struct mk_text name, value = mk_part(t, is + 1, t->n);
	struct mark mark;

	value.n = t->n - (size_t)(value.s - t->s); /* blanks at its end belong to it, as many know to their cost */
	while (end && strchr(":+?!", t->s[end - 1]))
		end--;
	name = mk_part(t, 0, end);
	mark = mk_mark(m, &name, 0, name.n);
	r->rule = NULL;
	if (sets_make_itself(m, &name, &value, mark))
		return;
	if (how == '!' || memchr(name.s, '$', name.n) || memchr(name.s, ' ', name.n) || !name.n) {
		diag_error(m->d, mark, "'%.*s' is not a name with a value that can be carried over", (int)name.n, name.s);
		diag_hint(m->d, "write NAME = VALUE%s", how == '!' ? "; for the output of a command NAME = $(shell COMMAND)" : "");
		return;
	}
	set(m, mk_var(m, name.s, name.n, mark), how, how == ':', &value, mark);
}

/* --- words that are refused ------------------------------------------------------------------------------------- */

static const struct refusal {
	const char *word, *why, *instead;
	const char *until; /* what follows up to this word belongs to it */
} refusals[] = {
	{"include", "brings in another file", "import that file as well, and `include` what comes out of it", NULL},
	{"-include", "brings in another file", "import that file as well, and `include` what comes out of it", NULL},
	{"sinclude", "brings in another file", "import that file as well, and `include` what comes out of it", NULL},
	{"define", "is a text of several lines", "put the commands where they are used, or into a script", "endef"},
	{"unexport", "takes variables from the environment", "write env: {NAME: null} in the Jobfile", NULL},
	{"undefine", "takes a variable back", "leave both lines out", NULL},
	{"vpath", "looks for files in other folders", "write the folders into the names", NULL},
	{"override", "goes before the command line", "leave the word out", NULL},
	{"private", "holds for one target", "give the target a variable of its own", NULL},
	{"load", "loads a program into make", "leave it out", NULL},
};

static bool begins_with(const struct mk_text *t, const char *word)
{
	size_t n = strlen(word);

	return t->n >= n && !memcmp(t->s, word, n) && (t->n == n || isspace((unsigned char)t->s[n]) || t->s[n] == '(');
}

static void skip_until(struct reader *r, const struct refusal *f)
{
	for (size_t deep = 1; deep && r->at < r->len;) {
		struct mk_text line = plain_line(r), t = mk_part(&line, 0, line.n);

		if (begins_with(&t, f->until))
			deep--;
		for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
			deep += refusals[i].until && !strcmp(refusals[i].until, f->until) && begins_with(&t, refusals[i].word);
	}
}

static bool includes_depfiles(struct mk *m, const struct mk_text *t, const char *word)
{
	struct mk_text names = mk_part(t, strlen(word), t->n);

	return strstr(word, "include") && mk_take_depfiles(m, &names);
}

static bool is_refused(struct reader *r, const struct mk_text *t)
{
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const struct refusal *f = &refusals[i];

		if (!begins_with(t, f->word))
			continue;
		r->rule = NULL;
		if (includes_depfiles(r->m, t, f->word))
			return true;
		diag_error(r->m->d, mk_mark(r->m, t, 0, strlen(f->word)), "'%s' %s, which cannot be carried over", f->word,
			   f->why);
		diag_hint(r->m->d, "%s", f->instead);
		if (f->until)
			skip_until(r, f);
		return true;
	}
	return false;
}

/* --- conditionals: decided here, as by a make that is given no variables ------------------------------------------ */

static const char *const condition_words[] = {"ifeq", "ifneq", "ifdef", "ifndef"};

/* The word that t begins a conditional with; NULL: none. */
static const char *condition_word(const struct mk_text *t)
{
	for (size_t i = 0; i < ARRAY_LEN(condition_words); i++)
		if (begins_with(t, condition_words[i]))
			return condition_words[i];
	return NULL;
}

/* (A,B) or "A" "B" with either quotes. */
static bool split_condition(const struct mk_text *t, struct mk_text *a, struct mk_text *b)
{
	size_t end, from;

	if (t->n >= 2 && t->s[0] == '(' && t->s[t->n - 1] == ')') {
		struct mk_text inside = {t->s + 1, t->at + 1, t->n - 2};

		end = find(&inside, 0, ",");
		*a = mk_part(&inside, 0, end);
		*b = mk_part(&inside, end + 1 < inside.n ? end + 1 : inside.n, inside.n);
		return end < inside.n;
	}
	if (t->n < 5 || !strchr("'\"", t->s[0]) || !strchr("'\"", t->s[t->n - 1]))
		return false;
	end = find(t, 1, (char[]){t->s[0], 0});
	for (from = end + 1; from < t->n && isspace((unsigned char)t->s[from]);)
		from++;
	if (from + 1 >= t->n || t->s[from] != t->s[t->n - 1])
		return false;
	*a = (struct mk_text){t->s + 1, t->at + 1, end - 1};
	*b = (struct mk_text){t->s + from + 1, t->at + from + 1, t->n - from - 2};
	return true;
}

static bool are_equal(struct mk *m, const struct mk_text *a, const struct mk_text *b)
{
	struct buf one = BUF_INIT, other = BUF_INIT;
	bool equal;

	mk_expand(m, a, MK_NAMES, &one);
	mk_expand(m, b, MK_NAMES, &other);
	equal = !strcmp(one.data, other.data);
	buf_release(&one);
	buf_release(&other);
	return equal;
}

static bool has_value(struct mk *m, const struct mk_text *t)
{
	struct buf name = BUF_INIT;
	struct mk_var *v;

	mk_expand(m, t, MK_NAMES, &name);
	v = mk_var(m, name.data, name.len, mk_mark(m, t, 0, t->n));
	v->written_out = true;
	if (!v->read_early) {
		v->read_early = true;
		v->early = mk_mark(m, t, 0, t->n);
	}
	buf_release(&name);
	return v->set && v->value.n;
}

/* Whether it holds; what cannot be read is refused, and does not. */
static bool decide(struct mk *m, const struct mk_text *t, const char *word)
{
	struct mk_text rest = mk_part(t, strlen(word), t->n), a, b;
	bool of_texts = strstr(word, "eq"), holds = false;
	size_t errors = diags_errors(m->d);

	if (!of_texts && rest.n)
		holds = has_value(m, &rest);
	else if (of_texts && split_condition(&rest, &a, &b))
		holds = are_equal(m, &a, &b);
	else {
		diag_error(m->d, mk_mark(m, t, 0, t->n), "'%s' compares nothing here", word);
		diag_hint(m->d, "write %s", of_texts ? "ifeq (A,B)" : "ifdef NAME");
	}
	if (diags_errors(m->d) > errors)
		return false;
	holds ^= word[2] == 'n';
	diag_warn(m->d, mk_mark(m, t, 0, t->n), "decided here, as by a make that is given no variables: this %s", holds ? "holds" : "does not hold");
	diag_hint(m->d, "what is left out is not in the Jobfile; there `when` decides for a job");
	return holds;
}

static struct branch *innermost(struct reader *r)
{
	return r->n_branches ? &r->branch[r->n_branches - 1] : NULL;
}

/* Go on behind the part that is not taken: with its else or its endif. */
static void skip_part(struct reader *r)
{
	for (size_t deep = 0; r->at < r->len;) {
		size_t begin = r->at;
		struct mk_text line = plain_line(r), t = mk_part(&line, 0, line.n);

		if (r->text[begin] == '\t')
			continue;
		if (!deep && (begins_with(&t, "else") || begins_with(&t, "endif"))) {
			r->at = begin;
			return;
		}
		deep += condition_word(&t) != NULL;
		deep -= begins_with(&t, "endif");
	}
}

static void take_part(struct reader *r, bool holds)
{
	struct branch *b = innermost(r);

	if (holds)
		b->was_taken = true;
	else
		skip_part(r);
}

static void read_else(struct reader *r, const struct mk_text *t)
{
	struct branch *b = innermost(r);
	struct mk_text rest = mk_part(t, strlen("else"), t->n);
	const char *word = condition_word(&rest);

	b->in_else = !word;
	take_part(r, !b->was_taken && (!word || decide(r->m, &rest, word)));
}

/* True: it was one of their lines.  They may stand between the lines of a recipe. */
static bool is_conditional(struct reader *r, const struct mk_text *t)
{
	const char *word = condition_word(t);
	struct mark mark = mk_mark(r->m, t, 0, t->n);

	if (word) {
		VEC_PUSH(r->branch, r->n_branches, r->room_branches, ((struct branch){.mark = mark}));
		take_part(r, decide(r->m, t, word));
	} else if (!begins_with(t, "else") && !begins_with(t, "endif")) {
		return false;
	} else if (!r->n_branches || (t->s[1] == 'l' && innermost(r)->in_else)) {
		diag_error(r->m->d, mark, "'%.*s' without a conditional in front of it", (int)t->n, t->s);
	} else if (t->s[1] == 'l') {
		read_else(r, t);
	} else {
		r->n_branches--;
	}
	return true;
}

static void read_export(struct reader *r, const struct mk_text *t)
{
	struct mk_text rest = mk_part(t, strlen("export"), t->n);
	size_t is = assignment(&rest), end = is;
	struct mk_words names = {0};

	r->rule = NULL;
	if (!rest.n) {
		diag_error(r->m->d, mk_mark(r->m, t, 0, t->n), "'export' alone gives every variable to every command");
		diag_hint(r->m->d, "name those that a command needs: export NAME");
		return;
	}
	if (is < rest.n) {
		assign(r, &rest, is);
		while (end && strchr(":+?! \t", rest.s[end - 1]))
			end--;
	}
	rest = mk_part(&rest, 0, is < rest.n ? end : rest.n);
	mk_words_of(r->m, &rest, &names);
	for (size_t i = 0; i < names.n; i++)
		mk_var(r->m, names.at[i].name, strlen(names.at[i].name), names.at[i].mark)->exported = true;
	free(names.at);
}

/* --- rules --------------------------------------------------------------------------------------------------------- */

static void add_line(struct mk_rule *rule, const struct mk_text *line)
{
	rule->has_recipe = true;
	if (line->n)
		VEC_PUSH(rule->line, rule->n_lines, rule->room_lines, *line);
}

static void split_words(struct mk *m, const struct mk_text *t, size_t from, size_t to, struct mk_words *ret)
{
	struct mk_text part = mk_part(t, from, to);

	mk_words_of(m, &part, ret);
}

/* Prerequisites, those for the order alone behind a |, and perhaps a command behind a ;. */
static void read_needs(struct mk *m, struct mk_rule *rule, const struct mk_text *t, size_t from)
{
	size_t command = find(t, from, ";"), bar = find(t, from, "|;");
	struct mk_text line;

	if (bar < command && t->s[bar] == '|')
		split_words(m, t, bar + 1, command, &rule->order);
	else
		bar = command;
	split_words(m, t, from, bar, &rule->need);
	if (command == t->n)
		return;
	line = mk_part(t, command + 1, t->n);
	add_line(rule, &line);
	rule->has_recipe = true;
}

static const char *const passed_over[] = {".PRECIOUS", ".SECONDARY", ".INTERMEDIATE", ".DELETE_ON_ERROR", ".SILENT",
					  ".NOTINTERMEDIATE", ".LOW_RESOLUTION_TIME"};
static const struct {
	const char *name, *why;
} special[] = {
	{".DEFAULT", "a recipe for any target cannot be carried over; name the targets"},
	{".SECONDEXPANSION", "a second look at prerequisites cannot be carried over; write what $$@ and the like come to"},
	{".IGNORE", "failures that do not count are said with a - in front of the command"},
	{".ONESHELL", "put the recipe into one command, with && between its lines"},
	{".EXPORT_ALL_VARIABLES", "name the variables that a command needs: export NAME"},
	{".WAIT", "write the order as prerequisites"},
};

static void set_phony(struct mk *m, const struct mk_words *names)
{
	for (size_t i = 0; i < names->n; i++) {
		struct mk_target *t = map_get(&m->target, names->at[i].name);

		if (!t) {
			t = ARENA_NEW(m->a, struct mk_target);
			*t = (struct mk_target){.name = names->at[i].name, .mark = names->at[i].mark, .leader = t};
			(void)map_put(&m->target, t->name, t);
		}
		t->phony = true;
	}
}

/* A target that means something to make itself. */
static bool is_special(struct mk *m, const struct mk_word *w, const struct mk_rule *rule)
{
	if (!strcmp(w->name, ".PHONY"))
		set_phony(m, &rule->need);
	else if (!strcmp(w->name, ".SUFFIXES"))
		m->no_builtins |= !rule->need.n;
	else if (!strcmp(w->name, ".NOTPARALLEL"))
		m->alone = true;
	else if (!strcmp(w->name, ".POSIX"))
		m->posix = true;
	else {
		for (size_t i = 0; i < ARRAY_LEN(passed_over); i++)
			if (!strcmp(passed_over[i], w->name))
				return true;
		for (size_t i = 0; i < ARRAY_LEN(special); i++)
			if (!strcmp(special[i].name, w->name)) {
				diag_error(m->d, w->mark, "'%s' cannot be carried over", w->name);
				diag_hint(m->d, "%s", special[i].why);
				return true;
			}
		return false;
	}
	return true;
}

static void refuse_rule(struct mk *m, struct mark mark, const char *what, const char *hint)
{
	diag_error(m->d, mark, "%s cannot be carried over", what);
	diag_hint(m->d, "%s", hint);
}

/* TARGETS: PATTERN: NEEDS.  False: it is not that. */
static bool read_static(struct mk *m, struct mk_rule *rule, const struct mk_text *t, size_t colon)
{
	size_t second = find(t, colon + 1, ":;");
	struct mk_words of = {0};

	if (second == t->n || t->s[second] == ';')
		return false;
	split_words(m, t, colon + 1, second, &of);
	if (of.n == 1 && strchr(of.at[0].name, '%'))
		rule->of = of.at[0].name;
	else
		refuse_rule(m, mk_mark(m, t, second, 1), "a rule with a second ':'", "write TARGETS: PATTERN: NEEDS, the pattern with one %");
	free(of.at);
	read_needs(m, rule, t, second + 1);
	return true;
}

static bool is_pattern_rule(struct mk *m, const struct mk_rule *rule)
{
	size_t n = 0;

	for (size_t i = 0; i < rule->target.n; i++)
		n += strchr(rule->target.at[i].name, '%') != NULL;
	if (n && n < rule->target.n)
		refuse_rule(m, rule->mark, "a rule with a pattern beside a name", "write two rules");
	return n;
}

/* `.c.o:` is how pattern rules used to be written. */
static bool is_suffix_rule(const struct mk_rule *rule)
{
	const char *name = rule->target.n == 1 ? rule->target.at[0].name : "";
	const char *dot = name[0] == '.' ? strchr(name + 1, '.') : NULL;

	return dot && dot[1] && !rule->need.n && !strchr(name, '/') && strlen(name) < 10;
}

static void keep_rule(struct reader *r, struct mk_rule *rule)
{
	struct mk *m = r->m;
	bool all_special = rule->target.n;

	for (size_t i = 0; i < rule->target.n; i++)
		all_special &= is_special(m, &rule->target.at[i], rule);
	if (all_special)
		return;
	rule->is_pattern = is_pattern_rule(m, rule);
	rule->grouped |= rule->is_pattern && rule->target.n > 1;
	if (is_suffix_rule(rule))
		refuse_rule(m, rule->mark, "a rule for suffixes", "write the pattern: %.o: %.c");
	if (!m->first && !rule->is_pattern && rule->target.at[0].name[0] != '.')
		m->first = rule->target.at[0].name;
	VEC_PUSH(m->rule, m->n_rules, m->room_rules, rule);
}

/* A variable that is set for a target, behind its colon. */
static bool sets_for_target(struct mk *m, const struct mk_text *t, size_t colon)
{
	struct mk_text rest = mk_part(t, colon + 1, find(t, colon + 1, ";"));

	if (assignment(&rest) >= rest.n)
		return false;
	refuse_rule(m, mk_mark(m, &rest, 0, rest.n), "a variable for one target",
		    "give it another name and use that in the recipe, or write `env` at the job");
	return true;
}

static void release_rule(void *thing)
{
	struct mk_rule *rule = thing;

	free(rule->target.at);
	free(rule->need.at);
	free(rule->order.at);
	free(rule->line);
}

static void read_rule(struct reader *r, const struct mk_text *t)
{
	struct mk *m = r->m;
	size_t colon = find(t, 0, ":"), end = colon;
	struct mk_rule *rule = ARENA_NEW(m->a, struct mk_rule);

	arena_on_free(m->a, release_rule, rule);
	rule->mark = mk_mark(m, t, 0, colon);
	rule->is_builtin = m->reads_builtins;
	r->rule = rule;
	if (colon == t->n) {
		diag_error(m->d, mk_mark(m, t, 0, t->n), "this is neither a rule nor a variable");
		diag_hint(m->d, "a rule has a ':', and its commands begin with a tab; functions that stand alone cannot be carried over");
		return;
	}
	if (colon && t->s[colon - 1] == '&') {
		rule->grouped = true;
		end--;
	}
	split_words(m, t, 0, end, &rule->target);
	if (colon + 1 < t->n && t->s[colon + 1] == ':')
		refuse_rule(m, rule->mark, "a rule with '::'", "put its recipes together in one rule with ':'");
	else if (!sets_for_target(m, t, colon)) {
		if (!read_static(m, rule, t, colon))
			read_needs(m, rule, t, colon + 1);
		if (rule->target.n)
			keep_rule(r, rule);
	}
}

/* --- the whole ------------------------------------------------------------------------------------------------------ */

static void read_plain(struct reader *r)
{
	struct mk_text line = plain_line(r), t = mk_part(&line, 0, line.n);
	size_t is;

	if (!t.n || is_conditional(r, &t) || is_refused(r, &t))
		return;
	if (begins_with(&t, "export")) {
		read_export(r, &t);
		return;
	}
	is = assignment(&t);
	if (is < t.n) {
		t.n = line.n - (size_t)(t.s - line.s);
		assign(r, &t, is);
	} else {
		read_rule(r, &t);
	}
}

static void read_text(struct mk *m, const char *text, size_t len)
{
	struct reader r = {.m = m, .text = text, .len = len};

	while (r.at < r.len) {
		if (text[r.at] == '\t' && r.rule) {
			struct mk_text line = recipe_line(&r);

			add_line(r.rule, &line);
		} else {
			read_plain(&r);
		}
	}
	if (r.n_branches)
		diag_error(m->d, innermost(&r)->mark, "this conditional has no endif");
	free(r.branch);
}

/* What make knows without being told, as far as it is carried over. */
static const char builtins[] =
	"MAKE = make\nSHELL = /bin/sh\nCC ?= cc\nCXX ?= g++\nAR ?= ar\nAS ?= as\nLD ?= ld\nARFLAGS ?= rv\nRM ?= rm -f\nYACC ?= yacc\nLEX ?= lex\n"
	"%.o: %.c\n\t$(CC) $(CFLAGS) $(CPPFLAGS) -c -o $@ $<\n"
	"%.o: %.cc\n\t$(CXX) $(CXXFLAGS) $(CPPFLAGS) -c -o $@ $<\n"
	"%.o: %.cpp\n\t$(CXX) $(CXXFLAGS) $(CPPFLAGS) -c -o $@ $<\n"
	"%: %.o\n\t$(CC) $(LDFLAGS) $^ $(LDLIBS) -o $@\n"
	"%: %.c\n\t$(CC) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@\n"
	"%: %.sh\n\tcat $< >$@\n\tchmod a+x $@\n";

void mk_read(struct mk *m)
{
	struct span text = source_text(m->source);

	m->reads_builtins = true;
	read_text(m, builtins, sizeof(builtins) - 1);
	m->reads_builtins = false;
	read_text(m, text.at, text.len);
}
