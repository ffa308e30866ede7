/*
 * A Taskfile while it is translated: its variables and tasks, and the Jobfile so far.  A variable that holds no shell
 * syntax stays one; any other is written out where it is used, as go-task would paste it.
 */
#ifndef IMPORT_TASK_H
#define IMPORT_TASK_H

#include "base/arena.h"
#include "base/map.h"
#include "doc/cursor.h"
#include "import/import.h"
#include "import/names.h"
#include "import/shell.h"

struct tf_var {
	const char *name;
	const struct node *node; /* its value, or its command; NULL: the environment has it, or nobody */
	const struct tf_task *task; /* NULL: of the file */
	bool is_command;
	bool busy; /* it is being looked at: made of itself */
	const char *var; /* a command: what it is called among the Jobfile's vars */
};

struct tf_task {
	const char *name, *job;
	const struct node *key, *node; /* node: a map, a list or a text */
	struct map var;	   /* its own: name -> struct tf_var */
	json_t *params;	   /* of its job: name -> parameter */
	unsigned needed_by;
	bool once;
};

struct tf {
	const struct source *source;
	const struct import_where *where;
	struct diags *d;
	struct arena *a;
	struct map var, task; /* of the file */
	struct job_names names;
	const struct node *method; /* of the file; NULL */
	json_t *doc, *params, *vars, *env, *jobs;
	const struct tf_task *now;		/* the task that is translated */
	const char *item_name, *item;		/* the value of the loop that is unrolled; NULL: none */
	struct map told;
};

/* task_text.c: texts with {{ }} in them. */
/* A command: variables become those of the shell, with their values in env. */
void tf_command(struct tf *t, const struct node *n, struct buf *out, json_t *env);
/* A value of the Jobfile, with ${{ }}; the caller frees. */
char *tf_value(struct tf *t, const struct node *n);
/* What it comes to, as far as that is known now. */
void tf_literal(struct tf *t, const struct node *n, struct buf *out);
/* NAME in `{{.NAME | default "x"}}`, if n is that and nothing else: its default, else NULL. */
const char *tf_default_of(struct tf *t, const struct node *n, const char *name);
/* Declare a variable of the file in the Jobfile, once. */
void tf_declare(struct tf *t, struct tf_var *v);

/* task_write.c */
void tf_write_task(struct tf *t, struct tf_task *task);
void tf_refuse(struct tf *t, struct mark mark, const char *what, const char *instead);
bool tf_is_true(const struct node *n);

#endif
