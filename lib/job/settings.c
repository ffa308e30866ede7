/* --set KEY=VALUE: a setting of the Jobfile for this run, checked as if it stood in the file. */
#include "job/read.h"

#include <string.h>

#include "base/bug.h"
#include "base/spell.h"

struct setting {
	struct source *source; /* named --set, holds KEY=VALUE */
	const char *section;   /* before the first dot */
	struct node name;      /* behind it */
	struct node *value;
};

/* The value's tree: a text as it is; a list, map or quoted text as YAML. */
static struct node *value_of(struct loader *l, const struct source *s, const char *text, size_t at)
{
	struct node *n;
	struct source *inner;
	char *padded;

	if (!strchr("[{\"'", *text) || !*text) {
		n = ARENA_NEW(l->a, struct node);
		*n = (struct node){.kind = NODE_SCALAR, .style = STYLE_PLAIN, .text = text, .n = strlen(text)};
		n->mark = source_mark(s, at, n->n);
		return n;
	}
	/* Blanks in place of the key keep the columns right. */
	padded = arena_alloc(l->a, at + strlen(text) + 1);
	memset(padded, ' ', at);
	strcpy(padded + at, text);
	inner = source_from("--set", padded, strlen(padded));
	VEC_PUSH(l->sources.at, l->sources.n, l->sources.room, inner);
	return doc_read(inner, DOC_YAML, l->a, l->d);
}

/* False after an error. */
static bool parse_setting(struct loader *l, const char *text, struct setting *ret)
{
	size_t len = strlen(text), key = strcspn(text, "="), dot = strcspn(text, ".");
	struct source *s = source_from("--set", text, len);
	size_t before = diags_errors(l->d);

	VEC_PUSH(l->sources.at, l->sources.n, l->sources.room, s);
	if (key == len || dot >= key || dot + 1 == key) {
		diag_error(l->d, source_mark(s, 0, len), "--set wants SECTION.NAME=VALUE");
		diag_hint(l->d,
			  "such as defaults.timeout=5m, pools.net=1, env.NAME=text, vars.name=text");
		return false;
	}
	*ret = (struct setting){.source = s, .section = arena_strndup(l->a, text, dot)};
	ret->name = (struct node){
		.kind = NODE_SCALAR,
		.style = STYLE_PLAIN,
		.text = arena_strndup(l->a, text + dot + 1, key - dot - 1),
		.n = key - dot - 1,
		.mark = source_mark(s, dot + 1, key - dot - 1),
	};
	ret->value = value_of(l, s, arena_strdup(l->a, text + key + 1), key + 1);
	return ret->value && diags_errors(l->d) == before;
}

static void no_such(struct loader *l, const struct setting *s, const char *what,
		    const struct spell *near)
{
	diag_error(l->d, s->name.mark, "--set: no %s '%s'", what, s->name.text);
	diag_suggest(l->d, near->best);
}

/* --- sections --------------------------------------------------------------------------------- */

static struct node one_pair(struct setting *s, struct node **key, struct node **item)
{
	*key = &s->name;
	*item = s->value;
	return (struct node){.kind = NODE_MAP, .mark = s->name.mark, .n = 1, .key = key, .item = item};
}

/* Nearer than what any file says, farther than what jobs and steps say. */
static void set_default(struct loader *l, struct setting *s)
{
	struct node *key, *item, map = one_pair(s, &key, &item);
	struct traits t;

	traits_init(&t);
	read_traits(l, &t, &map, IN_DEFAULTS, "--set defaults");
	traits_seal(l, &t);
	for (size_t i = 0; i < l->jf->n_files; i++) {
		struct traits over = t;

		traits_inherit(l, &over, &l->jf->file[i]->defaults, 1 << REACH_STEPS);
		l->jf->file[i]->defaults = over;
	}
}

static void set_env(struct loader *l, struct setting *s)
{
	struct node *key, *item, map = one_pair(s, &key, &item);
	struct traits t, file;
	struct value_map env;

	if (!read_value_map(l, "env", &map, true, &env))
		return;
	for (size_t i = 0; i < l->jf->n_files; i++) {
		struct file *f = l->jf->file[i];

		traits_init(&t);
		traits_init(&file);
		traits_policy(l, &t)->env = env;
		traits_policy(l, &file)->env = f->env;
		traits_note(l, &t, KEY_env);
		traits_note(l, &file, KEY_env);
		traits_inherit(l, &t, &file, 1 << REACH_STEPS);
		f->env = t.policy->env;
	}
}

static void set_pool(struct loader *l, struct setting *s)
{
	struct jobfile *jf = l->jf;
	struct spell near;

	spell_init(&near, s->name.text);
	for (size_t i = 0; i < jf->n_pools; i++) {
		spell_try(&near, jf->pool[i].name);
		if (!strcmp(jf->pool[i].name, s->name.text)) {
			(void)read_pool(l, s->value, &jf->pool[i]); /* said */
			return;
		}
	}
	no_such(l, s, "pool", &near);
}

static void set_var(struct loader *l, struct setting *s)
{
	struct jobfile *jf = l->jf;
	struct spell near;

	spell_init(&near, s->name.text);
	for (size_t i = 0; i < jf->n_vars; i++) {
		struct value *v;

		spell_try(&near, jf->var[i].name);
		if (strcmp(jf->var[i].name, s->name.text))
			continue;
		v = value_from_node(l->a, s->value, l->d);
		if (v) {
			jf->var[i].kind = VAR_VALUE;
			jf->var[i].value = v;
		}
		return;
	}
	no_such(l, s, "variable", &near);
}

static void apply_setting(struct loader *l, struct setting *s)
{
	static const struct {
		const char *name;
		void (*apply)(struct loader *, struct setting *);
	} sections[] = {{"defaults", set_default}, {"env", set_env}, {"pools", set_pool}, {"vars", set_var}};
	struct spell near;

	spell_init(&near, s->section);
	for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
		if (!strcmp(sections[i].name, s->section)) {
			sections[i].apply(l, s);
			return;
		}
		spell_try(&near, sections[i].name);
	}
	diag_error(l->d, source_mark(s->source, 0, strlen(s->section)),
		   "--set can change defaults, env, pools and vars, not '%s'", s->section);
	diag_suggest(l->d, near.best);
}

void apply_settings(struct loader *l)
{
	for (size_t i = 0; i < l->where->n_sets; i++) {
		struct setting s;

		if (parse_setting(l, l->where->set[i], &s))
			apply_setting(l, &s);
	}
}
