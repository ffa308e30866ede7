/* Which target has which rule: those that name it, then patterns, then what make knows by itself. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "import/make.h"

static struct mk_target *target(struct mk *m, const char *name, struct mark mark)
{
	struct mk_target *t = map_get(&m->target, name);

	if (t)
		return t;
	t = ARENA_NEW(m->a, struct mk_target);
	*t = (struct mk_target){.name = name, .mark = mark, .leader = t};
	(void)map_put(&m->target, name, t);
	return t;
}

static void add_need(struct mk_words *list, const char *name, struct mark mark)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->at[i].name, name))
			return;
	mk_words_add(list, name, mark);
}

static const char *filled(struct mk *m, const char *dir, size_t dir_len, const char *pattern, struct span stem)
{
	struct buf name = BUF_INIT;
	const char *ret;

	if (strchr(pattern, '%'))
		buf_add(&name, dir, dir_len);
	mk_fill(&name, pattern, stem);
	ret = arena_strdup(m->a, name.data);
	buf_release(&name);
	return ret;
}

/* --- rules that name their targets ---------------------------------------------------------------------------- */

static void set_recipe(struct mk *m, struct mk_target *t, struct mk_rule *rule)
{
	if (!rule->has_recipe)
		return;
	if (t->recipe) {
		diag_error(m->d, rule->mark, "'%s' has two recipes", t->name);
		diag_note(m->d, t->recipe->mark, "the first is here");
		diag_hint(m->d, "make runs only one of them; keep that one");
	}
	t->recipe = rule;
}

/* `./x` and `x` are one file, here as with make. */
static const char *plain_name(const char *name)
{
	while (name[0] == '.' && name[1] == '/' && name[2])
		name += 2 + strspn(name + 2, "/");
	return name;
}

static void add_needs(struct mk *m, struct mk_target *t, struct mk_rule *rule, struct span stem)
{
	for (size_t i = 0; i < rule->need.n; i++)
		add_need(&t->need, plain_name(rule->of ? filled(m, "", 0, rule->need.at[i].name, stem) : rule->need.at[i].name),
			 rule->need.at[i].mark);
	for (size_t i = 0; i < rule->order.n; i++)
		add_need(&t->order, plain_name(rule->of ? filled(m, "", 0, rule->order.at[i].name, stem) : rule->order.at[i].name),
			 rule->order.at[i].mark);
}

static void apply_to(struct mk *m, struct mk_rule *rule, const struct mk_word *w, const struct mk_target *leader)
{
	struct mk_target *t = target(m, plain_name(w->name), w->mark);
	struct span stem = {"", 0};

	if (rule->of && !mk_match(rule->of, w->name, &stem)) {
		diag_error(m->d, w->mark, "'%s' does not look like '%s'", w->name, rule->of);
		diag_hint(m->d, "each target of this rule has to, so that its %% is known");
		return;
	}
	if (rule->of)
		t->stem = arena_strndup(m->a, stem.at, stem.len);
	if (leader)
		t->leader = leader;
	add_needs(m, t, rule, stem);
	set_recipe(m, t, rule);
}

static void apply(struct mk *m, struct mk_rule *rule)
{
	const struct mk_target *leader = rule->grouped && rule->target.n ? target(m, plain_name(rule->target.at[0].name), rule->mark) : NULL;

	for (size_t i = 0; i < rule->target.n; i++)
		apply_to(m, rule, &rule->target.at[i], leader);
}

/* --- patterns ------------------------------------------------------------------------------------------------- */

struct fit {
	struct mk_rule *rule;
	size_t dir; /* length of the part of the name in front of what the pattern is about */
	struct span stem;
};

static bool fits(const char *pattern, const char *name, struct fit *f)
{
	const char *slash = strchr(pattern, '/') ? NULL : strrchr(name, '/');

	f->dir = slash ? (size_t)(slash + 1 - name) : 0;
	return mk_match(pattern, name + f->dir, &f->stem) && f->stem.len;
}

static bool can_be_had(struct mk *m, const struct fit *f, const char *name)
{
	for (size_t i = 0; i < f->rule->need.n; i++) {
		const char *need = plain_name(filled(m, name, f->dir, f->rule->need.at[i].name, f->stem));

		if (!map_has(&m->target, need) && !mk_is_there(m, need))
			return false;
	}
	return f->rule->has_recipe;
}

/* The shortest stem is the nearest; the document's own rules go before those that make knows. */
static bool is_better(const struct fit *f, const struct fit *than)
{
	if (!than->rule || f->rule->is_builtin != than->rule->is_builtin)
		return !than->rule || than->rule->is_builtin;
	return f->stem.len < than->stem.len;
}

static struct fit best_fit(struct mk *m, const char *name)
{
	struct fit best = {0};

	for (size_t i = 0; i < m->n_rules; i++)
		for (size_t k = 0; m->rule[i]->is_pattern && k < m->rule[i]->target.n; k++) {
			struct fit f = {.rule = m->rule[i]};

			if (f.rule->is_builtin && m->no_builtins)
				continue;
			if (fits(f.rule->target.at[k].name, name, &f) && is_better(&f, &best) && can_be_had(m, &f, name))
				best = f;
		}
	return best;
}

static void fill_from(struct mk *m, struct mk_target *t, const struct fit *f)
{
	struct mk_words own = t->need;

	t->recipe = f->rule;
	t->stem = arena_printf(m->a, "%.*s%.*s", (int)f->dir, t->name, (int)f->stem.len, f->stem.at);
	t->need = (struct mk_words){0};
	for (size_t i = 0; i < f->rule->need.n; i++)
		add_need(&t->need, plain_name(filled(m, t->name, f->dir, f->rule->need.at[i].name, f->stem)),
			 f->rule->is_builtin ? t->mark : f->rule->need.at[i].mark);
	for (size_t i = 0; i < own.n; i++)
		add_need(&t->need, own.at[i].name, own.at[i].mark);
	for (size_t i = 0; i < f->rule->order.n; i++)
		add_need(&t->order, plain_name(filled(m, t->name, f->dir, f->rule->order.at[i].name, f->stem)),
			 f->rule->order.at[i].mark);
	free(own.at);
}

/* One run of a pattern's recipe makes all that its targets stand for. */
static void join_others(struct mk *m, struct mk_target *t, const struct fit *f)
{
	for (size_t k = 0; k < f->rule->target.n; k++) {
		struct mk_target *other = target(m, filled(m, t->name, f->dir, f->rule->target.at[k].name, f->stem), t->mark);

		if (other == t || other->recipe)
			continue;
		other->recipe = f->rule;
		other->leader = t;
		other->done = true;
	}
}

static void look_for_rule(struct mk *m, struct mk_target *t)
{
	struct fit f;

	if (t->done || t->phony || t->recipe)
		return;
	t->done = true;
	f = best_fit(m, t->name);
	if (!f.rule)
		return;
	fill_from(m, t, &f);
	join_others(m, t, &f);
}

/* What is needed and is no target may become one. */
static void look_at_needs(struct mk *m, const struct mk_words *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!map_has(&m->target, list->at[i].name) && best_fit(m, list->at[i].name).rule)
			(void)target(m, list->at[i].name, list->at[i].mark);
}

static bool has_line(struct mk_rule *rule)
{
	for (size_t i = 0; i < rule->n_lines; i++)
		if (rule->line[i].s[strspn(rule->line[i].s, "@+- \t\n")])
			return true;
	return false;
}

/* Whether a command writes a file of that name, as far as it can be seen: `-o NAME`, `>NAME`, or NAME at its end. */
static bool line_makes(const struct mk_text *line, const char *name)
{
	size_t n = strlen(name), end = line->n;

	if (strstr(line->s, "$@") || strstr(line->s, "$(@") || strstr(line->s, "${@"))
		return true;
	while (end && strchr(" \t\n", line->s[end - 1]))
		end--;
	for (const char *p = strstr(line->s, name); p; p = strstr(p + 1, name)) {
		size_t at = (size_t)(p - line->s), from = at;

		if ((at && !strchr(" \t>", p[-1])) || (p[n] && !strchr(" \t\n;&|)", p[n])))
			continue;
		while (from && strchr(" \t", line->s[from - 1]))
			from--;
		if ((from && line->s[from - 1] == '>') || (from > 1 && !strncmp(&line->s[from - 2], "-o", 2)) ||
		    (at + n == end && strncmp(line->s + strspn(line->s, "@+- \t"), "echo", 4)))
			return true;
	}
	return false;
}

/* `all:` is seldom a file, also where nobody has said .PHONY. */
static bool is_word(const struct mk *m, const struct mk_target *t)
{
	if (t->phony || !t->acts || t->recipe->is_builtin || strpbrk(t->name, "./") || mk_is_there(m, t->name))
		return false;
	for (size_t i = 0; i < t->recipe->n_lines; i++)
		if (line_makes(&t->recipe->line[i], t->name))
			return false;
	return true;
}

static void settle(struct mk *m, struct mk_target *t)
{
	t->acts = t->recipe && has_line(t->recipe);
	t->is_dir = t->acts && mk_makes_folder(m, t);
	if (is_word(m, t)) {
		t->phony = true;
		diag_warn(m->d, t->mark, "'%s' is taken for a word and no file, for its recipe makes none of that name", t->name);
		diag_hint(m->d, "write .PHONY: %s, or `outputs` at the job", t->name);
	}
}

void mk_resolve(struct mk *m)
{
	for (size_t i = 0; i < m->n_rules; i++)
		if (!m->rule[i]->is_pattern)
			apply(m, m->rule[i]);
	for (size_t i = 0; i < m->target.n; i++) { /* it grows */
		struct mk_target *t = m->target.entry[i].value;

		look_for_rule(m, t);
		look_at_needs(m, &t->need);
		look_at_needs(m, &t->order);
	}
	for (size_t i = 0; i < m->target.n; i++)
		settle(m, m->target.entry[i].value);
}

bool mk_is_always(const struct mk *m, const struct mk_target *t)
{
	return t->phony || (!t->acts && !mk_is_there(m, t->name));
}
