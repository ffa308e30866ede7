/* The tasks of a Taskfile as jobs. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/quote.h"
#include "base/spell.h"
#include "base/vec.h"
#include "import/task.h"

/* A job while it is made. */
struct making {
	struct tf *t;
	struct tf_task *task;
	const struct node *n; /* the task's map; NULL: it is its commands alone */
	json_t *job, *env, *needs, *steps, *finally;
	struct sh_command *line; /* its commands, as long as all are texts for a shell */
	struct buf *text;	 /* of the same number */
	size_t n_lines, room_lines, room_texts;
	bool only_lines; /* nothing else is among them */
	bool ignores;	 /* failures do not count */
	bool began;	 /* something stands before a `defer` */
};

static const struct node *key_of(const struct making *k, const char *key)
{
	return k->n ? node_get(k->n, key) : NULL;
}

/* --- what is refused, and what is lost ------------------------------------------------------------------------- */

static const struct {
	const char *key;
	const char *instead; /* NULL: it is read, or changes what is shown alone */
} task_keys[] = {
	{"cmds", NULL}, {"cmd", NULL}, {"deps", NULL}, {"desc", NULL}, {"summary", NULL}, {"aliases", NULL}, {"sources", NULL},
	{"generates", NULL}, {"status", NULL}, {"preconditions", NULL}, {"dir", NULL}, {"vars", NULL}, {"env", NULL},
	{"dotenv", NULL}, {"silent", NULL}, {"interactive", NULL}, {"internal", NULL}, {"method", NULL}, {"prefix", NULL},
	{"ignore_error", NULL}, {"run", NULL}, {"label", NULL}, {"requires", NULL}, {"prompt", NULL}, {"set", NULL},
	{"shopt", NULL}, {"failfast", NULL},
	{"platforms", "write when: to the job, with an expression that says where it may run"},
	{"watch", "let a timer start the job, or a watcher outside call it"},
	{"if", "write when: to the job, or test in the command"},
};

static void check_keys(const struct making *k)
{
	for (size_t i = 0; k->n && i < k->n->n; i++) {
		const struct node *key = k->n->key[i];
		struct spell s;
		size_t at = 0;

		spell_init(&s, key->text);
		for (; at < ARRAY_LEN(task_keys) && strcmp(task_keys[at].key, key->text); at++)
			spell_try(&s, task_keys[at].key);
		if (at < ARRAY_LEN(task_keys) && task_keys[at].instead) {
			diag_error(k->t->d, key->mark, "'%s' cannot be carried over", key->text);
			diag_hint(k->t->d, "%s", task_keys[at].instead);
		} else if (at == ARRAY_LEN(task_keys)) {
			diag_error(k->t->d, key->mark, "unknown key '%s' in task '%s'", key->text, k->task->name);
			diag_suggest(k->t->d, s.best);
		}
	}
}

/* --- steps ------------------------------------------------------------------------------------------------------- */

static void add_line(struct making *k, struct buf *text, bool may_fail)
{
	size_t n = k->n_lines;

	VEC_PUSH(k->text, n, k->room_texts, *text);
	VEC_PUSH(k->line, k->n_lines, k->room_lines, ((struct sh_command){text->data, may_fail}));
}

static json_t *set_may_fail(json_t *step, bool may_fail)
{
	if (may_fail) {
		(void)json_object_set_new(step, "on_failure", json_string("continue"));
		(void)json_object_set_new(step, "critical", json_false());
	}
	return step;
}

static void add_command(struct making *k, const struct node *n, bool may_fail, json_t *to)
{
	struct buf text = BUF_INIT;
	json_t *step;

	tf_command(k->t, n, &text, k->env);
	step = json_pack("{s:s}", "run", text.data);
	(void)json_array_append_new(to, set_may_fail(step, may_fail));
	if (to == k->steps)
		add_line(k, &text, may_fail);
	else
		buf_release(&text);
}

static json_t *given_params(struct making *k, const struct node *vars, const struct tf_task *callee)
{
	json_t *params = json_object();

	for (size_t i = 0; vars && vars->kind == NODE_MAP && i < vars->n; i++) {
		char *value;

		if (!json_object_get(callee->params, vars->key[i]->text))
			continue;
		value = tf_value(k->t, vars->item[i]);
		(void)json_object_set_new(params, vars->key[i]->text, json_string(value));
		free(value);
	}
	return params;
}

static struct tf_task *find_task(struct making *k, const struct node *name)
{
	struct tf_task *task = name->kind == NODE_SCALAR ? map_get(&k->t->task, name->text) : NULL;
	struct spell s;

	if (task)
		return task;
	spell_init(&s, name->text ? name->text : "");
	for (size_t i = 0; i < k->t->task.n; i++)
		spell_try(&s, k->t->task.entry[i].key);
	diag_error(k->t->d, name->mark, "no task '%s'", name->text ? name->text : "?");
	diag_suggest(k->t->d, s.best);
	return NULL;
}

static void add_call(struct making *k, const struct node *n, bool may_fail, json_t *to)
{
	const struct tf_task *callee = find_task(k, node_get(n, "task"));
	json_t *step, *params;

	k->only_lines &= to != k->steps;
	if (!callee)
		return;
	step = json_pack("{s:s}", "job", callee->job);
	params = given_params(k, node_get(n, "vars"), callee);
	if (json_object_size(params))
		(void)json_object_set(step, "params", params);
	json_decref(params);
	(void)json_array_append_new(to, set_may_fail(step, may_fail));
}

/* go-task runs what is deferred last first, once it has come to it; `finally` runs in any case. */
static void add_deferred(struct making *k, const struct node *key, const struct node *n)
{
	json_t *one = json_array();

	if (k->began && !map_has(&k->t->told, "defer")) {
		(void)map_intern(&k->t->told, "defer");
		diag_warn(k->t->d, key->mark, "what is deferred here runs also when a command before it has failed");
	}
	if (n->kind == NODE_MAP && node_get(n, "task"))
		add_call(k, n, false, one);
	else
		add_command(k, n, false, one);
	(void)json_array_insert(k->finally, 0, json_array_get(one, 0));
	json_decref(one);
}

/* --- one entry of cmds --------------------------------------------------------------------------------------------- */

static void add_plain(struct making *k, const struct node *n)
{
	static const char *const refused[] = {"platforms", "if", "set", "shopt"};
	bool is_map = n->kind == NODE_MAP;
	bool may_fail = k->ignores || (is_map && tf_is_true(node_get(n, "ignore_error")));

	for (size_t i = 0; is_map && i < ARRAY_LEN(refused); i++)
		if (node_get(n, refused[i]))
			tf_refuse(k->t, node_get(n, refused[i])->mark, refused[i], "write it in the command, for the shell");
	if (!is_map)
		add_command(k, n, may_fail, k->steps);
	else if (node_get(n, "task"))
		add_call(k, n, may_fail, k->steps);
	else if (node_get(n, "cmd"))
		add_command(k, node_get(n, "cmd"), may_fail, k->steps);
	else if (node_get(n, "defer"))
		add_deferred(k, n->key[0], node_get(n, "defer"));
	else
		tf_refuse(k->t, n->mark, "a command of this form", "write a text, or cmd:, task: or defer:");
	k->began |= !(is_map && node_get(n, "defer"));
}

/* The values of a loop that is known: a list, or the words of a variable. */
static json_t *loop_values(struct making *k, const struct node *over)
{
	json_t *list = json_array();
	const struct node *var = over->kind == NODE_MAP ? node_get(over, "var") : NULL;
	const struct tf_var *v = var && var->kind == NODE_SCALAR ? map_get(&k->task->var, var->text) : NULL;
	struct buf text = BUF_INIT;
	char *save = NULL;

	if (var && var->kind == NODE_SCALAR && !v)
		v = map_get(&k->t->var, var->text);
	for (size_t i = 0; over->kind == NODE_LIST && i < over->n; i++) {
		buf_reset(&text);
		tf_literal(k->t, over->item[i], &text);
		(void)json_array_append_new(list, json_string(text.data));
	}
	if (over->kind == NODE_LIST) {
		buf_release(&text);
		return list;
	}
	buf_reset(&text);
	if (!v || !v->node || v->is_command || node_get(over, "split"))
		tf_refuse(k->t, over->mark, "a loop over this", "name its values: for: [a, b]; in a Jobfile `foreach` goes over globs and results");
	else
		tf_literal(k->t, v->node, &text);
	for (char *word = text.len ? strtok_r(text.data, " \t\n", &save) : NULL; word; word = strtok_r(NULL, " \t\n", &save))
		(void)json_array_append_new(list, json_string(word));
	buf_release(&text);
	return list;
}

static void add_loop(struct making *k, const struct node *n, const struct node *over)
{
	const struct node *as = over->kind == NODE_MAP ? node_get(over, "as") : NULL;
	json_t *values = loop_values(k, over), *one;
	size_t i;

	k->t->item_name = as && as->kind == NODE_SCALAR ? as->text : "ITEM";
	json_array_foreach (values, i, one) {
		k->t->item = json_string_value(one);
		add_plain(k, n);
	}
	k->t->item_name = k->t->item = NULL;
	json_decref(values);
}

static void add_entry(struct making *k, const struct node *n)
{
	const struct node *over = n->kind == NODE_MAP ? node_get(n, "for") : NULL;

	if (over)
		add_loop(k, n, over);
	else
		add_plain(k, n);
}

static void add_commands(struct making *k)
{
	const struct node *list = k->n ? key_of(k, "cmds") : k->task->node, *one = key_of(k, "cmd");

	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
		add_entry(k, list->item[i]);
	if (list && list->kind != NODE_LIST && (list->kind != NODE_SCALAR || list->n))
		add_entry(k, list);
	if (one)
		add_entry(k, one);
}

/* --- what comes before ------------------------------------------------------------------------------------------- */

/* A task that is needed with values of its own is a step; without, it is a need, and runs once. */
static void add_needs(struct making *k)
{
	const struct node *deps = key_of(k, "deps");

	for (size_t i = 0; deps && deps->kind == NODE_LIST && i < deps->n; i++) {
		const struct node *n = deps->item[i];
		const struct tf_task *task;

		if (n->kind == NODE_MAP && (node_get(n, "for") || !node_get(n, "task"))) {
			tf_refuse(k->t, n->mark, "a dependency of this form", "name the tasks one by one");
		} else if (n->kind == NODE_MAP && node_get(n, "vars")) {
			add_call(k, n, false, k->steps);
		} else {
			task = find_task(k, n->kind == NODE_MAP ? node_get(n, "task") : n);
			if (task)
				(void)json_array_append_new(k->needs, json_string(task->job));
		}
	}
}

static void add_questions(struct making *k)
{
	const struct node *prompt = key_of(k, "prompt");
	size_t n = !prompt ? 0 : prompt->kind == NODE_LIST ? prompt->n : 1;

	for (size_t i = 0; i < n; i++) {
		char *text = tf_value(k->t, prompt->kind == NODE_LIST ? prompt->item[i] : prompt);

		(void)json_array_append_new(k->steps, json_pack("{s:{s:s, s:b}}", "approve", "prompt", text, "auto", true));
		k->only_lines = false;
		free(text);
	}
}

static void add_precondition(struct making *k, const struct node *n)
{
	const struct node *sh = n->kind == NODE_MAP ? node_get(n, "sh") : n, *msg = n->kind == NODE_MAP ? node_get(n, "msg") : NULL;
	struct buf text = BUF_INIT, run = BUF_INIT;

	if (!sh || sh->kind != NODE_SCALAR) {
		tf_refuse(k->t, n->mark, "a precondition of this form", "write a command, or {sh: COMMAND, msg: TEXT}");
		return;
	}
	tf_command(k->t, sh, &text, k->env);
	buf_addf(&run, strpbrk(text.data, "#\n") ? "(%s\n) && exit\n" : "(%s) && exit\n", text.data);
	if (msg && msg->kind == NODE_SCALAR) {
		buf_puts(&run, "echo ");
		quote_text(&run, msg->text);
		buf_puts(&run, " >&2\n");
	}
	buf_puts(&run, "exit 1");
	(void)json_array_append_new(k->steps, json_pack("{s:s}", "run", run.data));
	buf_release(&text);
	buf_release(&run);
}

static size_t add_preconditions(struct making *k)
{
	const struct node *list = key_of(k, "preconditions");

	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
		add_precondition(k, list->item[i]);
	return json_array_size(k->steps);
}

/* --- whether there is anything to do ----------------------------------------------------------------------------- */

static void set_names(struct making *k, json_t *to, const char *key, const struct node *list)
{
	char *dir = key_of(k, "dir") ? tf_value(k->t, key_of(k, "dir")) : NULL;
	json_t *names = json_array();

	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		char *name, *path;

		if (list->item[i]->kind != NODE_SCALAR) {
			tf_refuse(k->t, list->item[i]->mark, "a name that is left out again", "name the files that count, without `exclude`");
			continue;
		}
		name = tf_value(k->t, list->item[i]);
		path = dir && *dir && name[0] != '/' ? xasprintf("%s/%s", dir, name) : xstrdup(name);
		(void)json_array_append_new(names, json_string(path));
		free(name);
		free(path);
	}
	if (json_array_size(names))
		(void)json_object_set(to, key, names);
	json_decref(names);
	free(dir);
}

static const char *method_of(struct making *k, const struct node *method)
{
	static const char *const words[][2] = {{"checksum", "hash"}, {"timestamp", "mtime"}, {"none", "always"}};

	for (size_t i = 0; method && i < ARRAY_LEN(words); i++)
		if (method->kind == NODE_SCALAR && !strcmp(method->text, words[i][0]))
			return words[i][1];
	if (method)
		tf_refuse(k->t, method->mark, "this method", "checksum, timestamp and none are known");
	return "hash";
}

static void set_probe(struct making *k, json_t *to, const struct node *list)
{
	struct sh_command *c = xcalloc(list->n + 1, sizeof(*c));
	struct buf *text = xcalloc(list->n + 1, sizeof(*text)), run = BUF_INIT;

	for (size_t i = 0; i < list->n; i++) {
		buf_init(&text[i]);
		tf_command(k->t, list->item[i], &text[i], k->env);
		c[i].text = text[i].data;
	}
	sh_join(&run, "bash", c, list->n);
	(void)json_object_set_new(to, "fresh", json_pack("{s:s}", "run", run.data));
	for (size_t i = 0; i < list->n; i++)
		buf_release(&text[i]);
	buf_release(&run);
	free(text);
	free(c);
}

static void set_fresh(struct making *k, json_t *to)
{
	const struct node *sources = key_of(k, "sources"), *status = key_of(k, "status"), *method = key_of(k, "method");
	const char *rule = method_of(k, method ? method : k->t->method);

	if (sources && status) {
		tf_refuse(k->t, status->mark, "'status' beside 'sources'", "keep one of the two: `fresh` is one rule");
		return;
	}
	set_names(k, to, "inputs", sources);
	set_names(k, to, "outputs", key_of(k, "generates"));
	if (status && status->kind == NODE_LIST && status->n)
		set_probe(k, to, status);
	else if (sources || key_of(k, "generates"))
		(void)json_object_set_new(to, "fresh", json_string(sources ? rule : "always"));
}

static bool asks_fresh(const struct making *k)
{
	return key_of(k, "sources") || key_of(k, "generates") || key_of(k, "status");
}

/* --- the action --------------------------------------------------------------------------------------------------- */

/* Its commands as one: what says whether there is something to do belongs to all of them together. */
static json_t *one_step(struct making *k)
{
	struct buf run = BUF_INIT;
	json_t *step = json_object();

	sh_join(&run, "bash", k->line, k->n_lines);
	(void)json_object_set_new(step, "run", json_string(run.data));
	buf_release(&run);
	return step;
}

static void give_ids(json_t *steps)
{
	size_t i;
	json_t *one;

	json_array_foreach (steps, i, one) {
		char *id = xasprintf("%s-%zu", json_object_get(one, "job") ? "call" : json_object_get(one, "approve") ? "ask" : "cmd", i + 1);
		json_t *named = json_pack("{s:s}", "id", id);

		(void)json_object_update(named, one);
		(void)json_array_set_new(steps, i, named);
		free(id);
	}
}

/* It calls another task and has parameters itself: a job has one `params` for the two. */
static bool hands_on(const struct making *k)
{
	return json_object_size(k->task->params) && json_object_get(json_array_get(k->steps, 0), "job");
}

/* Behind the first `from` steps, which are asked each time, those of the task itself. */
static void set_action(struct making *k, size_t from)
{
	size_t n = json_array_size(k->steps);

	if (asks_fresh(k)) {
		json_t *step = one_step(k);

		if (!k->only_lines || !k->n_lines)
			tf_refuse(k->t, k->task->key->mark, "a task that calls others and asks whether there is something to do",
				  "put its commands into a task of their own");
		while (json_array_size(k->steps) > from)
			(void)json_array_remove(k->steps, json_array_size(k->steps) - 1);
		set_fresh(k, step);
		set_may_fail(step, k->ignores);
		(void)json_array_append_new(k->steps, step);
		n = json_array_size(k->steps);
	}
	if (n == 1 && !json_array_size(k->finally) && !hands_on(k)) {
		(void)json_object_update(k->job, json_array_get(k->steps, 0));
	} else if (n) {
		give_ids(k->steps);
		(void)json_object_set(k->job, "steps", k->steps);
	} else {
		(void)json_object_set_new(k->job, "noop", json_true());
	}
	if (json_array_size(k->finally))
		(void)json_object_set(k->job, "finally", k->finally);
}

/* --- what a job says beside ---------------------------------------------------------------------------------------- */

static const char *text_of(struct making *k, const char *key)
{
	const struct node *n = key_of(k, key);

	if (n && !n->text)
		diag_error(k->t->d, n->mark, "'%s' of a task must be text", key);
	return n ? n->text : NULL;
}

static void set_texts(struct making *k)
{
	const char *desc = text_of(k, "desc"), *summary = text_of(k, "summary");
	const struct node *dir = key_of(k, "dir");
	char *text = NULL;

	if (desc || summary)
		(void)json_object_set_new(k->job, "description", json_string(desc ? desc : summary));
	if (desc && summary)
		(void)json_object_set_new(k->job, "metadata", json_pack("{s:s}", "summary", summary));
	if (tf_is_true(key_of(k, "internal")))
		(void)json_object_set_new(k->job, "private", json_true());
	if (dir)
		(void)json_object_set_new(k->job, "cwd", json_string(text = tf_value(k->t, dir)));
	free(text);
	if (tf_is_true(key_of(k, "interactive")))
		(void)json_object_set_new(k->job, "tty", json_true());
	if (key_of(k, "set") || key_of(k, "shopt"))
		tf_refuse(k->t, k->task->key->mark, "'set' and 'shopt' of one task", "write them in the commands, or at the top of the file");
}

static void set_environment(struct making *k)
{
	const struct node *env = key_of(k, "env"), *dotenv = key_of(k, "dotenv");
	json_t *files = json_array();

	for (size_t i = 0; env && env->kind == NODE_MAP && i < env->n; i++) {
		char *value = NULL;

		if (env->item[i]->kind == NODE_SCALAR)
			(void)json_object_set_new(k->env, env->key[i]->text, json_string(value = tf_value(k->t, env->item[i])));
		else
			tf_refuse(k->t, env->item[i]->mark, "a command that gives `env` of a task its value", "move it to `env` of the file");
		free(value);
	}
	for (size_t i = 0; dotenv && dotenv->kind == NODE_LIST && i < dotenv->n; i++)
		(void)json_array_append_new(files, json_pack("s+", dotenv->item[i]->text ? dotenv->item[i]->text : "", "?"));
	if (json_array_size(files))
		(void)json_object_set(k->job, "dotenv", files);
	json_decref(files);
}

static void add_aliases(struct making *k)
{
	const struct node *list = key_of(k, "aliases");

	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
		if (list->item[i]->kind == NODE_SCALAR)
			(void)json_object_set_new(k->t->jobs, job_name(&k->t->names, k->t->where, list->item[i]->text, "task"),
						  json_pack("{s:[s], s:b}", "needs", k->task->job, "noop", true));
}

/* The keys of a job in the order in which people read them. */
static void finish_job(struct making *k)
{
	static const char *const order[] = {"description", "private", "metadata", "needs", "params", "cwd", "env", "dotenv", "inputs",
					    "outputs", "fresh", "tty", "steps", "run", "job", "approve", "noop", "finally"};
	json_t *job = json_object();

	if (json_array_size(k->needs))
		(void)json_object_set(k->job, "needs", k->needs);
	if (json_object_size(k->env))
		(void)json_object_set(k->job, "env", k->env);
	if (json_object_size(k->task->params) && !json_object_get(k->job, "job"))
		(void)json_object_set(k->job, "params", k->task->params);
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		if (json_object_get(k->job, order[i]))
			(void)json_object_set(job, order[i], json_object_get(k->job, order[i]));
	(void)json_object_update(job, k->job);
	(void)json_object_set_new(k->t->jobs, k->task->job, job);
}

static void release(struct making *k)
{
	for (size_t i = 0; i < k->n_lines; i++)
		buf_release(&k->text[i]);
	free(k->text);
	free(k->line);
	json_decref(k->job);
	json_decref(k->env);
	json_decref(k->needs);
	json_decref(k->steps);
	json_decref(k->finally);
}

void tf_write_task(struct tf *t, struct tf_task *task)
{
	struct making k = {.t = t, .task = task, .n = task->node->kind == NODE_MAP ? task->node : NULL, .job = json_object(),
			   .env = json_object(), .needs = json_array(), .steps = json_array(), .finally = json_array(),
			   .only_lines = true};
	size_t before;

	t->now = task;
	k.ignores = tf_is_true(key_of(&k, "ignore_error"));
	check_keys(&k);
	set_texts(&k);
	set_environment(&k);
	add_needs(&k);
	add_questions(&k);
	before = add_preconditions(&k);
	k.only_lines = true;
	add_commands(&k);
	set_action(&k, before);
	add_aliases(&k);
	finish_job(&k);
	release(&k);
	t->now = NULL;
}
