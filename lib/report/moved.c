#include "report/moved.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/map.h"
#include "doc/json.h"
#include "report/changes.h"

enum { VALUE_SHOWN = 120 };

struct moved {
	moved_fn *use;
	void *ctx;
	size_t n;
	const char *step; /* whose part is compared */
	struct map said;  /* of what many steps have in common: once is enough */
};

static void say(struct moved *m, const char *what, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void say(struct moved *m, const char *what, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	m->use(m->ctx, what, text.data);
	m->n++;
	buf_release(&text);
}

/* A value for people; the caller frees. */
static char *shown(const json_t *v)
{
	struct buf text = BUF_INIT;

	if (!v)
		buf_puts(&text, "not there");
	else if (json_is_object(v) && json_object_size(v) == 1 && json_object_get(v, "later"))
		buf_puts(&text, "known only when it runs");
	else
		json_text(&text, v, JSON_TIGHT);
	if (text.len > VALUE_SHOWN) {
		buf_cut(&text, VALUE_SHOWN);
		buf_puts(&text, "...");
	}
	return buf_detach(&text);
}

/* `HEAD is 4, and was 3` */
static void say_value(struct moved *m, const char *what, const char *head, const json_t *was, const json_t *is)
{
	char *before = shown(was), *now = shown(is);

	say(m, what, "%s is %s, and was %s", head, now, before);
	free(before);
	free(now);
}

static bool is_same(const json_t *a, const json_t *b)
{
	return (!a && !b) || (a && b && json_equal((json_t *)a, (json_t *)b));
}

/* --- two maps ------------------------------------------------------------------------------------------------ */

typedef void entry_fn(struct moved *m, const char *key, const json_t *was, const json_t *is);

/* Every key under which they differ; a value that is not there is NULL. */
static void each_other(struct moved *m, const json_t *was, const json_t *is, entry_fn *use)
{
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)was, key, v)
		if (!is_same(v, json_object_get(is, key)))
			use(m, key, v, json_object_get(is, key));
	json_object_foreach ((json_t *)is, key, v)
		if (!json_object_get(was, key))
			use(m, key, NULL, v);
}

/* --- the Jobfile ------------------------------------------------------------------------------------------------ */

static void say_change(void *ctx, enum change_kind kind, const char *part, const char *what)
{
	struct moved *m = ctx;

	switch (kind) {
	case CHANGE_OTHER:
		if (*part)
			say(m, "jobfile", "the Jobfile: '%s' has another '%s'", part, what);
		else
			say(m, "jobfile", "the Jobfile has another '%s'", what);
		break;
	case CHANGE_NEW:
		say(m, "jobfile", "the Jobfile: '%s' is new", part);
		break;
	case CHANGE_GONE:
		say(m, "jobfile", "the Jobfile: '%s' is gone", part);
		break;
	}
}

/* --- values -------------------------------------------------------------------------------------------------------- */

static void say_named(struct moved *m, const char *what, const char *word, const char *name, const json_t *was,
		      const json_t *is)
{
	char *head = xasprintf("%s '%s'", word, name);

	if (!is_same(json_object_get(was, "value"), json_object_get(is, "value")))
		say_value(m, what, head, json_object_get(was, "value"), json_object_get(is, "value"));
	else
		say(m, what, "%s comes from '%s', and came from '%s'", head, is ? json_str(is, "from") : "nowhere",
		    was ? json_str(was, "from") : "nowhere");
	free(head);
}

static void say_param(struct moved *m, const char *name, const json_t *was, const json_t *is)
{
	say_named(m, "parameter", "parameter", name, was, is);
}

static void say_var(struct moved *m, const char *name, const json_t *was, const json_t *is)
{
	say_named(m, "variable", "variable", name, was, is);
}

static void say_secret(struct moved *m, const char *name, const json_t *was, const json_t *is)
{
	say_named(m, "secret", "secret", name, was, is);
}

static void compare_values(struct moved *m, const json_t *was, const json_t *is)
{
	each_other(m, json_object_get(was, "param"), json_object_get(is, "param"), say_param);
	each_other(m, json_object_get(was, "var"), json_object_get(is, "var"), say_var);
	each_other(m, json_object_get(was, "secret"), json_object_get(is, "secret"), say_secret);
}

static void say_job_param(struct moved *m, const char *name, const json_t *was, const json_t *is)
{
	char *head = xasprintf("parameter '%s' of '%s'", name, m->step);

	say_value(m, "parameter", head, was, is);
	free(head);
}

static void compare_params(struct moved *m, const char *job, const json_t *was, const json_t *is)
{
	m->step = job;
	each_other(m, was, is, say_job_param);
}

static void say_content(struct moved *m, const char *what, const char *head, const json_t *was, const json_t *is)
{
	if (json_is_object(is))
		say(m, what, "%s is made by '%s' first", head, json_str(is, "by") ? json_str(is, "by") : "?");
	else if (!is || json_is_null(is))
		say(m, what, "%s is gone", head);
	else if (!was || json_is_null(was))
		say(m, what, "%s is new", head);
	else
		say(m, what, "%s has another content", head);
}

static void say_dotenv(struct moved *m, const char *name, const json_t *was, const json_t *is)
{
	char *head = xasprintf("dotenv file '%s'", name);

	say_content(m, "dotenv", head, was, is);
	free(head);
}

/* --- a step ----------------------------------------------------------------------------------------------------------- */

static bool is_said(struct moved *m, const char *text)
{
	bool before = map_has(&m->said, text);

	(void)map_intern(&m->said, text);
	return before;
}

static void say_env(struct moved *m, const char *name, const json_t *was, const json_t *is)
{
	char *head = xasprintf("environment variable '%s'", name), *before = shown(was), *now = shown(is);
	char *whole = xasprintf("%s is %s, and was %s", head, now, before);

	if (!is_said(m, whole))
		say(m, "environment", "%s (of '%s')", whole, m->step);
	free(head);
	free(before);
	free(now);
	free(whole);
}

static void say_action(struct moved *m, const char *key, const json_t *was, const json_t *is)
{
	char *head = xasprintf("'%s' of '%s'", key, m->step);

	if (!strcmp(key, "env"))
		each_other(m, was, is, say_env);
	else
		say_value(m, "command", head, was, is);
	free(head);
}

static void say_input(struct moved *m, const char *path, const json_t *was, const json_t *is)
{
	char *head = xasprintf("input '%s' of '%s'", path, m->step);

	if (!is_said(m, path))
		say_content(m, "input", head, was, is);
	free(head);
}

static void say_condition(struct moved *m, const char *text, const json_t *was, const json_t *is)
{
	char *head = xasprintf("condition `%s` of '%s'", text, m->step);

	say_value(m, "condition", head, was, is);
	free(head);
}

static void say_conditions(struct moved *m, const char *key, const json_t *was, const json_t *is)
{
	(void)key;
	each_other(m, was, is, say_condition);
}

static const char *outlook_sentence(const json_t *step)
{
	const char *would = json_str(step, "would");

	if (would && !strcmp(would, "nothing"))
		return "has nothing to do";
	if (would && !strcmp(would, "maybe"))
		return "would run if what it reads changes";
	if (would && !strcmp(would, "left out"))
		return "is left out";
	return "would run";
}

static void say_outlook(struct moved *m, const json_t *was, const json_t *is)
{
	const char *why = json_str(is, "why"), *before = json_str(was, "why");

	if (is_same(json_object_get(was, "would"), json_object_get(is, "would")))
		say(m, "step", "'%s' %s for another reason: '%s', and it was '%s'", m->step, outlook_sentence(is),
		    why ? why : "", before ? before : "");
	else
		say(m, "step", "'%s' %s now%s%s; in the plan it %s", m->step, outlook_sentence(is),
		    why && *why ? ", because " : "", why ? why : "", outlook_sentence(was));
}

static void say_last(struct moved *m, const json_t *is)
{
	if (json_is_object(is))
		say(m, "ledger", "'%s' has been tried since, in run %s (%s)", m->step,
		    json_str(is, "run") ? json_str(is, "run") : "?", json_str(is, "state") ? json_str(is, "state") : "?");
	else
		say(m, "ledger", "the last run of '%s' is no longer in the ledger", m->step);
}

/* What is there of a step that would run, or of one that would not, goes with that. */
static bool goes_with_outlook(const char *key, const json_t *was, const json_t *is)
{
	static const char *const itself[] = {"would", "reason", "why"};
	static const char *const one_sided[] = {"inputs", "outputs", "conditions", "last", "record"};
	bool found = false;

	for (size_t i = 0; i < ARRAY_LEN(itself); i++)
		found |= !strcmp(itself[i], key);
	for (size_t i = 0; (!was || !is) && i < ARRAY_LEN(one_sided); i++)
		found |= !strcmp(one_sided[i], key);
	return found;
}

static void say_step_key(struct moved *m, const char *key, const json_t *was, const json_t *is)
{
	char *head = xasprintf("'%s' of '%s'", key, m->step);

	if (goes_with_outlook(key, was, is))
		;
	else if (!strcmp(key, "do"))
		each_other(m, was, is, say_action);
	else if (!strcmp(key, "inputs") && json_is_object(was) && json_is_object(is))
		each_other(m, was, is, say_input);
	else if (!strcmp(key, "conditions"))
		each_other(m, was, is, say_conditions);
	else if (!strcmp(key, "last"))
		say_last(m, is);
	else if (!strcmp(key, "answer"))
		say_value(m, "approval", head, was, is);
	else if (!strcmp(key, "record"))
		say(m, "ledger", "the last success of '%s' is another one", m->step);
	else if (!strcmp(key, "key"))
		say(m, "parameter", "'%s' has other parameters", m->step);
	else
		say_value(m, "step", head, was, is);
	free(head);
}

static void compare_step(struct moved *m, const char *name, const json_t *was, const json_t *is)
{
	size_t before = m->n;

	m->step = name;
	if (!was || !is) {
		say(m, "step", "'%s' is %s", name, is ? "new" : "gone");
		return;
	}
	if (!is_same(json_object_get(was, "would"), json_object_get(is, "would")) ||
	    !is_same(json_object_get(was, "why"), json_object_get(is, "why")) ||
	    !is_same(json_object_get(was, "reason"), json_object_get(is, "reason")))
		say_outlook(m, was, is);
	each_other(m, was, is, say_step_key);
	if (m->n == before && !m->said.n)
		say(m, "step", "'%s' is another one", name);
}

/* --- the ledger ---------------------------------------------------------------------------------------------------------- */

static void compare_last(struct moved *m, const json_t *was, const json_t *is)
{
	const char *id = json_str(is, "id"), *before = json_str(was, "id"), *state = json_str(is, "state");

	if (!id)
		say(m, "ledger", "run %s is no longer in the ledger", before ? before : "?");
	else if (before && !strcmp(id, before))
		say(m, "ledger", "run %s is %s, and was %s", id, state ? state : "?",
		    json_str(was, "state") ? json_str(was, "state") : "?");
	else
		say(m, "ledger", "run %s has been made since (%s)", id, state ? state : "?");
}

static void say_ledger(struct moved *m, const char *key, const json_t *was, const json_t *is)
{
	if (!strcmp(key, "last"))
		compare_last(m, was, is);
	else if (!strcmp(key, "resumes"))
		say_value(m, "ledger", "the run that is gone on with", was, is);
	else if (!m->n) /* else it is that run, or there is more to say than this */
		say(m, "ledger", "the last run that succeeded is another one");
}

/* --- all of it ------------------------------------------------------------------------------------------------------------- */

static bool only_explains(const char *key)
{
	static const char *const keys[] = {"hash", "sources", "difference", "order"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (!strcmp(keys[i], key))
			return true;
	return false;
}

static void say_part(struct moved *m, const char *key, const json_t *was, const json_t *is)
{
	char *head = xasprintf("'%s' of the plan", key);

	if (only_explains(key))
		;
	else if (!strcmp(key, "definition"))
		changes_of_definition(was, is, say_change, m);
	else if (!strcmp(key, "values"))
		compare_values(m, was, is);
	else if (!strcmp(key, "params"))
		each_other(m, was, is, compare_params);
	else if (!strcmp(key, "dotenv"))
		each_other(m, was, is, say_dotenv);
	else if (!strcmp(key, "steps"))
		each_other(m, was, is, compare_step);
	else if (!strcmp(key, "ledger"))
		each_other(m, was, is, say_ledger);
	else
		say_value(m, "plan", head, was, is);
	free(head);
}

/* Whatever the sentences above do not know must not be passed over. */
static void say_any_part(struct moved *m, const char *key, const json_t *was, const json_t *is)
{
	size_t before = m->n;

	say_part(m, key, was, is);
	if (m->n == before && !only_explains(key))
		say(m, "plan", "'%s' of the plan is another one", key);
}

bool moved_list(const json_t *was, const json_t *is, moved_fn *use, void *ctx)
{
	struct moved m = {.use = use, .ctx = ctx};

	each_other(&m, was, is, say_any_part);
	map_release(&m.said);
	return m.n > 0;
}
