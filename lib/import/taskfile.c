/* A Taskfile as a Jobfile: what the file says; task_write.c has its tasks. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "import/task.h"

void tf_refuse(struct tf *t, struct mark mark, const char *what, const char *instead)
{
	diag_error(t->d, mark, "%s cannot be carried over", what);
	diag_hint(t->d, "%s", instead);
}

bool tf_is_true(const struct node *n)
{
	return n && n->kind == NODE_SCALAR && !strcmp(n->text, "true");
}

/* --- variables ---------------------------------------------------------------------------------------------- */

static void add_command(struct tf *t, struct tf_var *v, const struct node *sh, const char *prefix)
{
	v->is_command = true;
	v->node = sh;
	v->var = prefix ? arena_printf(t->a, "%s_%s", prefix, v->name) : v->name;
	for (char *p = (char *)v->var; *p; p++) /* ours: a task's name may have more in it than a variable's */
		if (strchr(".-", *p))
			*p = '_';
	if (sh->kind != NODE_SCALAR || strstr(sh->text, "{{"))
		tf_refuse(t, sh->mark, "a command with {{ }} that gives a variable its value",
			  "work it out in the commands that need it");
}

/* prefix: what the Jobfile's name of a command begins with; NULL: nothing. */
static struct tf_var *read_var(struct tf *t, const struct node *key, const struct node *n, const struct tf_task *task,
			       const char *prefix)
{
	struct tf_var *v = ARENA_NEW(t->a, struct tf_var);
	const struct node *sh = n->kind == NODE_MAP && n->n == 1 ? node_get(n, "sh") : NULL;

	*v = (struct tf_var){.name = arena_strdup(t->a, key->text), .node = n, .task = task};
	if (!sh_is_name(v->name, strlen(v->name)))
		tf_refuse(t, key->mark, "a variable of that name", "give it one of letters, digits and _");
	if (sh)
		add_command(t, v, sh, prefix);
	else if (n->kind != NODE_SCALAR)
		tf_refuse(t, n->mark, "a variable that is a list or a map", "write a text, with blanks between its words");
	return v;
}

static void read_vars(struct tf *t, const struct node *n, const struct tf_task *task, struct map *ret)
{
	for (size_t i = 0; n && n->kind == NODE_MAP && i < n->n; i++) {
		struct tf_var *v = read_var(t, n->key[i], n->item[i], task, task ? task->job : NULL);

		(void)map_put(ret, v->name, v);
	}
}

/* --- what the file says ---------------------------------------------------------------------------------------- */

static void read_env(struct tf *t, const struct node *n)
{
	if (n->kind == NODE_MAP && n->n) {
		diag_warn(t->d, n->mark, "go-task lets a variable that is set already go before `env`; here `env` goes before it");
		diag_hint(t->d, "NAME: \"${{ params.NAME }}\" with params: {NAME: {default: ..., from_env: NAME}} does it as go-task does");
	}
	for (size_t i = 0; n->kind == NODE_MAP && i < n->n; i++) {
		struct tf_var *v = read_var(t, n->key[i], n->item[i], NULL, "env");
		char *value;

		if (v->is_command) {
			tf_declare(t, v);
			value = xasprintf("${{ vars.%s }}", v->var);
		} else {
			value = tf_value(t, n->item[i]);
		}
		(void)json_object_set_new(t->env, v->name, json_string(value));
		free(value);
	}
}

static void read_dotenv(struct tf *t, const struct node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; n->kind == NODE_LIST && i < n->n; i++) {
		char *name = tf_value(t, n->item[i]), *may = xasprintf("%s?", name); /* one that is not there is no error */

		(void)json_array_append_new(list, json_string(may));
		free(name);
		free(may);
	}
	(void)json_object_set_new(t->doc, "dotenv", list);
}

static void add_options(json_t *shell, const struct node *n, const char *option)
{
	for (size_t i = 0; n && n->kind == NODE_LIST && i < n->n; i++) {
		(void)json_array_append_new(shell, json_string(option));
		(void)json_array_append_new(shell, json_string(n->item[i]->text ? n->item[i]->text : ""));
	}
}

static void set_shell(struct tf *t, const struct node *file)
{
	json_t *shell = json_pack("[s]", "bash"), *defaults = json_object();
	const struct node *set = node_get(file, "set");

	for (size_t i = 0; set && set->kind == NODE_LIST && i < set->n; i++) {
		const char *word = set->item[i]->text ? set->item[i]->text : "";

		(void)json_array_append_new(shell, json_string(strlen(word) == 1 ? "-" : "-o"));
		if (strlen(word) == 1)
			(void)json_array_set_new(shell, json_array_size(shell) - 1, json_pack("s+", "-", word));
		else
			(void)json_array_append_new(shell, json_string(word));
	}
	add_options(shell, node_get(file, "shopt"), "-O");
	(void)json_array_append_new(shell, json_string("-c"));
	(void)json_object_set_new(defaults, "shell", shell);
	(void)json_object_set_new(t->doc, "defaults", defaults);
}

static const struct {
	const char *key, *instead; /* NULL: nothing is lost without it */
} file_keys[] = {
	{"version", NULL}, {"vars", NULL}, {"env", NULL}, {"dotenv", NULL}, {"tasks", NULL}, {"silent", NULL}, {"output", NULL},
	{"method", NULL}, {"run", NULL}, {"set", NULL}, {"shopt", NULL}, {"interval", NULL},
	{"includes", "import that Taskfile as well, and `include` what comes out of it"},
};

static void check_keys(struct tf *t, const struct node *file)
{
	for (size_t i = 0; i < file->n; i++) {
		struct spell s;
		size_t k = 0;

		spell_init(&s, file->key[i]->text);
		for (; k < ARRAY_LEN(file_keys) && strcmp(file_keys[k].key, file->key[i]->text); k++)
			spell_try(&s, file_keys[k].key);
		if (k < ARRAY_LEN(file_keys) && file_keys[k].instead) {
			tf_refuse(t, file->key[i]->mark, "'includes'", file_keys[k].instead);
		} else if (k == ARRAY_LEN(file_keys)) {
			diag_error(t->d, file->key[i]->mark, "unknown key '%s' in a Taskfile", file->key[i]->text);
			diag_suggest(t->d, s.best);
		}
	}
}

static void check_version(struct tf *t, const struct node *file)
{
	const struct node *v = node_get(file, "version");

	if (v && v->kind == NODE_SCALAR && v->text[0] == '3')
		return;
	diag_error(t->d, v ? v->mark : file->mark, "this is no Taskfile of version 3");
	diag_hint(t->d, "it begins with version: '3'");
}

/* --- tasks -------------------------------------------------------------------------------------------------------- */

static struct tf_task *read_task(struct tf *t, const struct node *key, const struct node *n, const char *run)
{
	struct tf_task *task = ARENA_NEW(t->a, struct tf_task);
	const struct node *own = n->kind == NODE_MAP ? node_get(n, "run") : NULL;
	const char *when = own && own->text ? own->text : run;

	*task = (struct tf_task){.name = key->text, .key = key, .node = n, .params = json_object()};
	task->once = when && strcmp(when, "always");
	task->job = job_name(&t->names, t->where, key->text, "task");
	if (strchr(key->text, '*'))
		tf_refuse(t, key->mark, "a task whose name is a pattern", "write one task for each name");
	else if (strcmp(task->job, key->text))
		diag_warn(t->d, key->mark, "a job may not be called '%s': here it is '%s'", key->text, task->job);
	if (n->kind == NODE_MAP)
		read_vars(t, node_get(n, "vars"), task, &task->var);
	return task;
}

/* NAME: '{{.NAME | default "x"}}' is how a task says what a caller may give it. */
static void find_params(struct tf *t, struct tf_task *task)
{
	for (size_t i = 0; i < task->var.n; i++) {
		struct tf_var *v = task->var.entry[i].value;
		const char *dflt = v->is_command ? NULL : tf_default_of(t, v->node, v->name);

		if (dflt)
			(void)json_object_set_new(task->params, v->name, json_pack("{s:s}", "default", dflt));
	}
}

static void require_one(struct tf_task *task, const struct node *n)
{
	const struct node *name = n->kind == NODE_MAP ? node_get(n, "name") : n, *of = n->kind == NODE_MAP ? node_get(n, "enum") : NULL;
	json_t *p = json_pack("{s:b}", "required", true), *values = json_array();

	for (size_t i = 0; of && of->kind == NODE_LIST && i < of->n; i++)
		(void)json_array_append_new(values, json_string(of->item[i]->text ? of->item[i]->text : ""));
	if (json_array_size(values)) {
		(void)json_object_set_new(p, "type", json_string("enum"));
		(void)json_object_set(p, "of", values);
	}
	json_decref(values);
	if (name && name->kind == NODE_SCALAR)
		(void)json_object_set(task->params, name->text, p);
	json_decref(p);
}

static void find_required(const struct tf *t, struct tf_task *task)
{
	const struct node *requires = task->node->kind == NODE_MAP ? node_get(task->node, "requires") : NULL;
	const struct node *list = requires && requires->kind == NODE_MAP ? node_get(requires, "vars") : NULL;

	(void)t;
	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++)
		require_one(task, list->item[i]);
}

/* What a call gives to a task is a parameter of its job; without a call it is what it is for everybody. */
static void find_given(struct tf *t, const struct node *call)
{
	const struct node *name = node_get(call, "task"), *vars = node_get(call, "vars");
	struct tf_task *task = name && name->kind == NODE_SCALAR ? map_get(&t->task, name->text) : NULL;

	for (size_t i = 0; task && vars && vars->kind == NODE_MAP && i < vars->n; i++) {
		const char *key = vars->key[i]->text;
		const struct tf_var *of_file = map_get(&t->var, key);

		if (json_object_get(task->params, key))
			continue;
		if (map_has(&task->var, key))
			diag_warn(t->d, vars->key[i]->mark, "'%s' sets '%s' itself, so what is given here does not count", task->name, key);
		else
			(void)json_object_set_new(task->params, key,
						  json_pack("{s:s}", "default", of_file && of_file->node && !of_file->is_command &&
											     !strstr(of_file->node->text, "{{")
										     ? of_file->node->text
										     : ""));
	}
}

static void find_calls(struct tf *t, const struct node *list)
{
	for (size_t i = 0; list && list->kind == NODE_LIST && i < list->n; i++) {
		const struct node *n = list->item[i], *defer = n->kind == NODE_MAP ? node_get(n, "defer") : NULL;

		if (n->kind == NODE_MAP)
			find_given(t, n);
		if (defer && defer->kind == NODE_MAP)
			find_given(t, defer);
	}
}

static void find_needed(struct tf *t, const struct node *deps)
{
	for (size_t i = 0; deps && deps->kind == NODE_LIST && i < deps->n; i++) {
		bool given = deps->item[i]->kind == NODE_MAP && node_get(deps->item[i], "vars");
		const struct node *n = deps->item[i]->kind == NODE_MAP ? node_get(deps->item[i], "task") : deps->item[i];
		struct tf_task *task = n && n->kind == NODE_SCALAR ? map_get(&t->task, n->text) : NULL;

		if (task && !given && task->needed_by++ == 1 && !task->once) {
			diag_warn(t->d, n->mark, "go-task runs '%s' once for each task that needs it; in one run a job runs once", n->text);
			diag_hint(t->d, "if it has to run each time, call it from cmds: {task: %s}", n->text);
		}
	}
}

static void read_tasks(struct tf *t, const struct node *tasks, const struct node *run)
{
	for (size_t i = 0; i < tasks->n; i++)
		(void)map_put(&t->task, tasks->key[i]->text,
			      read_task(t, tasks->key[i], tasks->item[i], run && run->text ? run->text : NULL));
	for (size_t i = 0; i < t->task.n; i++) {
		find_params(t, t->task.entry[i].value);
		find_required(t, t->task.entry[i].value);
	}
	for (size_t i = 0; i < tasks->n; i++) {
		const struct node *n = tasks->item[i];

		find_calls(t, n->kind == NODE_MAP ? node_get(n, "cmds") : n);
		find_calls(t, n->kind == NODE_MAP ? node_get(n, "deps") : NULL);
		find_needed(t, n->kind == NODE_MAP ? node_get(n, "deps") : NULL);
	}
}

static void read_file(struct tf *t, const struct node *file)
{
	const struct node *tasks = node_get(file, "tasks"), *env = node_get(file, "env"), *dotenv = node_get(file, "dotenv");

	check_version(t, file);
	check_keys(t, file);
	if (!tasks || tasks->kind != NODE_MAP || !tasks->n) {
		diag_error(t->d, file->mark, "there is no task in it");
		return;
	}
	t->method = node_get(file, "method");
	read_vars(t, node_get(file, "vars"), NULL, &t->var);
	read_tasks(t, tasks, node_get(file, "run"));
	if (map_has(&t->task, "default"))
		(void)json_object_set_new(t->doc, "default", json_string(((struct tf_task *)map_get(&t->task, "default"))->job));
	if (env)
		read_env(t, env);
	if (dotenv)
		read_dotenv(t, dotenv);
	set_shell(t, file);
	for (size_t i = 0; i < t->task.n; i++)
		tf_write_task(t, t->task.entry[i].value);
}

/* --- the whole ------------------------------------------------------------------------------------------------------ */

static void set_if_any(json_t *doc, const char *key, json_t *map)
{
	if (json_object_size(map))
		(void)json_object_set(doc, key, map);
}

/* In the order in which people read it. */
static json_t *put_together(const struct tf *t)
{
	json_t *doc = json_pack("{s:i}", "jobfile", 1);

	if (json_object_get(t->doc, "default"))
		(void)json_object_set(doc, "default", json_object_get(t->doc, "default"));
	set_if_any(doc, "params", t->params);
	set_if_any(doc, "vars", t->vars);
	set_if_any(doc, "env", t->env);
	if (json_object_get(t->doc, "dotenv"))
		(void)json_object_set(doc, "dotenv", json_object_get(t->doc, "dotenv"));
	(void)json_object_set(doc, "defaults", json_object_get(t->doc, "defaults"));
	(void)json_object_set(doc, "jobs", t->jobs);
	return doc;
}

static void release(struct tf *t)
{
	for (size_t i = 0; i < t->task.n; i++) {
		struct tf_task *task = t->task.entry[i].value;

		map_release(&task->var);
		json_decref(task->params);
	}
	map_release(&t->var);
	map_release(&t->task);
	map_release(&t->told);
	job_names_release(&t->names);
	json_decref(t->doc);
	json_decref(t->params);
	json_decref(t->vars);
	json_decref(t->env);
	json_decref(t->jobs);
	arena_free(t->a);
}

json_t *import_taskfile(const struct source *s, const struct import_where *w, struct diags *d)
{
	struct tf t = {.source = s, .where = w, .d = d, .a = arena_new(), .doc = json_object(), .params = json_object(),
		       .vars = json_object(), .env = json_object(), .jobs = json_object()};
	size_t errors = diags_errors(d);
	const struct node *file = doc_read(s, DOC_YAML, t.a, d);
	json_t *doc = NULL;

	if (file && file->kind == NODE_MAP)
		read_file(&t, file);
	else if (file)
		diag_error(d, file->mark, "this is no Taskfile: it is no map");
	if (diags_errors(d) == errors)
		doc = put_together(&t);
	release(&t);
	return doc;
}
