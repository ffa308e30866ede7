#include "engine/values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/vec.h"
#include "doc/json.h"
#include "engine/engine_impl.h"
#include "engine/veil.h"

enum {
	VALUE_MAX = 16 << 20,
	SAID_MAX = 64 << 10,  /* of what a command that failed has to say */
	LINE_SHOWN = 300,
	LINE_MIN = 4,	      /* a shorter line of a secret is no secret, and hiding it would hide everything */
};

enum late_stage { LATE_UNTOUCHED, LATE_WANTED, LATE_COMES, LATE_THERE, LATE_FAILED };

/* A var or a secret. */
struct late {
	const struct var *var;
	const struct secret *secret;
	enum late_stage stage;
	json_t *value;
	char *why; /* LATE_FAILED */
	uint32_t serial;
	uint32_t round; /* the last evaluation that asked for it */
	int out, err; /* memory that its process writes to: no value is ever on the disk */
};

struct values {
	struct engine *e;
	struct late *late; /* the vars, then the secrets */
	size_t n_late;
	struct map env;	   /* variables that secrets come from: name -> value, ours */
	struct mask mask;
	struct veil veil;
	/* since values_begin */
	uint32_t round;
	bool missing, used_secret;
	const struct late *failed;
	char *refused;

	uint32_t *start; /* units */
	size_t n_start, room_start;
	struct action *question;
	size_t n_question, room_question;
};

struct values *values_new(struct engine *e)
{
	const struct jobfile *jf = e->jf;
	struct values *v = xcalloc(1, sizeof(*v));

	*v = (struct values){.e = e, .mask = MASK_INIT, .n_late = jf->n_vars + jf->n_secrets};
	v->round = 1;
	v->late = xcalloc(v->n_late + 1, sizeof(*v->late));
	for (size_t i = 0; i < v->n_late; i++) {
		v->late[i].out = v->late[i].err = -1;
		if (i < jf->n_vars)
			v->late[i].var = &jf->var[i];
		else
			v->late[i].secret = &jf->secret[i - jf->n_vars];
	}
	return v;
}

static void close_memory(struct late *l)
{
	if (l->out >= 0)
		close(l->out);
	if (l->err >= 0)
		close(l->err);
	l->out = l->err = -1;
}

void values_free(struct values *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->n_late; i++) {
		json_decref(v->late[i].value);
		free(v->late[i].why);
		close_memory(&v->late[i]);
	}
	free(v->late);
	for (size_t i = 0; i < v->env.n; i++)
		free(v->env.entry[i].value);
	map_release(&v->env);
	mask_release(&v->mask);
	free(v->refused);
	free(v->start);
	free(v->question);
	free(v);
}

/* --- asked for by expressions --------------------------------------------------------------------------- */

static void fetch(struct values *v, struct late *l);

static void fail(struct late *l, const char *why)
{
	l->stage = LATE_FAILED;
	l->why = xasprintf("%s '%s': %s", l->var ? "variable" : "secret", l->var ? l->var->name : l->secret->name,
			   why);
}

/* What a var is made of.  NULL while some of that is missing, or after fail(). */
static json_t *own_value(struct values *v, struct late *l)
{
	struct buf err = BUF_INIT;
	const bool missing = v->missing;
	const struct late *failed = v->failed;
	struct unit_world w;
	struct expr_world xw;
	json_t *value;

	v->missing = false;
	v->failed = NULL;
	scope_world_init(&w, v->e, SCOPE_NONE);
	xw = unit_world_expr(&w);
	value = value_eval(l->var->value, &xw, &err);
	unit_world_release(&w);
	if (v->failed || (!value && !v->missing))
		fail(l, v->failed ? v->failed->why : err.data);
	if (v->failed || v->missing) {
		json_decref(value);
		value = NULL;
	}
	v->missing |= missing;
	v->failed = failed;
	buf_release(&err);
	return value;
}

static const json_t *ask(struct values *v, struct late *l)
{
	l->round = v->round;
	if (l->stage == LATE_UNTOUCHED && l->var && l->var->kind == VAR_VALUE) {
		l->value = own_value(v, l);
		l->stage = l->value ? LATE_THERE : l->stage;
	} else if (l->stage == LATE_UNTOUCHED) {
		l->stage = LATE_WANTED;
	}
	if (l->stage == LATE_FAILED && !v->failed)
		v->failed = l;
	v->missing |= l->stage == LATE_WANTED || l->stage == LATE_COMES;
	v->used_secret |= l->secret != NULL;
	return l->value;
}

const json_t *values_var(struct values *v, const char *name)
{
	const struct var *var = var_find(v->e->jf, name);

	return var ? ask(v, &v->late[var - v->e->jf->var]) : NULL;
}

const json_t *values_secret(struct values *v, const char *name)
{
	const struct jobfile *jf = v->e->jf;
	const struct secret *s = secret_find(jf, name);

	return s ? ask(v, &v->late[jf->n_vars + (size_t)(s - jf->secret)]) : NULL;
}

/* What takes no process is had at once, so that -n compares it too. */
bool values_veiled(struct values *v, const char *name, struct digest *ret)
{
	const struct secret *s = secret_find(v->e->jf, name);
	struct late *l = s ? &v->late[v->e->jf->n_vars + (size_t)(s - v->e->jf->secret)] : NULL;
	const bool used = v->used_secret;
	const json_t *value;
	char *path;

	if (l && l->stage == LATE_UNTOUCHED && s->kind != SECRET_ARGV)
		fetch(v, l);
	value = l ? ask(v, l) : NULL;
	v->used_secret = used; /* nothing of it is in what is made of it */
	if (!value)
		return false;
	path = engine_ledger_path(v->e->jf, v->e->o);
	veil_put(&v->veil, path, !v->e->ledger, value, ret);
	free(path);
	return true;
}

bool values_takes(const struct values *v, const char *name)
{
	const struct jobfile *jf = v->e->jf;

	for (size_t i = 0; i < jf->n_secrets; i++)
		if (jf->secret[i].kind == SECRET_ENV && !strcmp(jf->secret[i].from, name))
			return true;
	return false;
}

void values_take_env(struct values *v, struct env_list *env)
{
	const struct jobfile *jf = v->e->jf;

	for (size_t i = 0; i < jf->n_secrets; i++) {
		const char *name = jf->secret[i].from, *value;

		if (jf->secret[i].kind != SECRET_ENV || !(value = env_get(env, name)))
			continue;
		if (!map_has(&v->env, name))
			map_put(&v->env, name, xstrdup(value));
		env_set(env, name, NULL);
	}
}

void values_refuse(struct values *v, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	free(v->refused);
	v->refused = buf_detach(&text);
}

/* --- a value has come ----------------------------------------------------------------------------------- */

static void hide_lines(struct mask *m, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\r\n");
		char *line = xstrndup(text, n);

		if (n >= LINE_MIN)
			mask_add(m, line);
		free(line);
		text += n + strspn(text + n, "\r\n");
	}
}

/* As it is, line by line, and as it stands in JSON. */
static void hide_from_now_on(struct values *v, const char *text)
{
	struct buf quoted = BUF_INIT;

	(void)prctl(PR_SET_DUMPABLE, 0); /* a core file would hold it */
	mask_add(&v->mask, text);
	hide_lines(&v->mask, text);
	json_quote(&quoted, text, strlen(text));
	buf_cut(&quoted, quoted.len - 1);
	mask_add(&v->mask, quoted.data + 1);
	buf_release(&quoted);
}

/* The text without the ends of lines at its end, as a shell's $( ) has it. */
static void arrive(struct values *v, struct late *l, struct buf *text)
{
	while (text->len && strchr("\r\n", text->data[text->len - 1]))
		buf_cut(text, text->len - 1);
	if (strlen(text->data) != text->len)
		fail(l, "it holds a NUL character");
	else if (l->secret && !text->len)
		fail(l, "it is empty");
	else if (!(l->value = json_string(text->data)))
		fail(l, "it is not valid UTF-8");
	else
		l->stage = LATE_THERE;
	if (l->stage == LATE_THERE && l->secret)
		hide_from_now_on(v, text->data);
}

/* The ledger knows it before anything is done with it. */
static void record_var(struct engine *e, const struct late *l)
{
	struct buf text = BUF_INIT;

	if (!e->ledger || !l->var || l->stage != LATE_THERE)
		return;
	json_text(&text, l->value, JSON_TIGHT);
	ledger_var(e->ledger, e->run_no, l->var->name, text.data);
	buf_release(&text);
	(void)record_flush(e);
}

/* --- fetching ------------------------------------------------------------------------------------------- */

static void from_env(struct values *v, struct late *l)
{
	const char *value = map_has(&v->env, l->secret->from) ? map_get(&v->env, l->secret->from)
							       : environ_get(v->e->o->environ, l->secret->from);
	struct buf text = BUF_INIT;
	char *why;

	if (value) {
		buf_puts(&text, value);
		arrive(v, l, &text);
	} else {
		why = xasprintf("there is no environment variable %s", l->secret->from);
		fail(l, why);
		free(why);
	}
	buf_release(&text);
}

static void from_file(struct values *v, struct late *l, const char *name)
{
	char *path = path_join(v->e->root, name), *why;
	struct buf text = BUF_INIT;

	if (file_read_regular(path, &text, VALUE_MAX) == 0) {
		arrive(v, l, &text);
	} else {
		why = xasprintf("cannot read '%s': %s", path, strerror(errno));
		fail(l, why);
		free(why);
	}
	record_var(v->e, l);
	buf_release(&text);
	free(path);
}

struct command {
	char **argv;
	size_t n, room;
};

static void add_arg(struct command *c, const char *text)
{
	VEC_PUSH(c->argv, c->n, c->room, text ? xstrdup(text) : NULL);
}

static void add_var_args(struct command *c, const struct var *var, const json_t *value)
{
	struct buf text = BUF_INIT;
	const json_t *item;
	size_t i, n_shell;
	const char *const *shell = policy_shell(NULL, &n_shell);

	for (i = 0; var->kind == VAR_SH && i < n_shell; i++)
		add_arg(c, shell[i]);
	if (!json_is_array(value)) {
		json_as_text(&text, value);
		add_arg(c, text.data);
	}
	json_array_foreach ((json_t *)value, i, item) {
		buf_reset(&text);
		json_as_text(&text, item);
		add_arg(c, text.data);
	}
	buf_release(&text);
}

static void command_release(struct command *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->argv[i]);
	free(c->argv);
}

static bool begin(struct values *v, struct late *l, const struct command *c)
{
	struct engine *e = v->e;
	const struct traits *t = &e->jf->file[0]->defaults;
	struct env_list env = {.base = &e->file_env[0]};
	const char **envp;
	struct start_fd fds[2];
	struct start_request r;
	bool good;

	env_set(&env, "ORCHMAKE_RUN", e->id.text);
	envp = xcalloc(env.n + env.base->n + 1, sizeof(*envp));
	(void)env_texts(&env, envp);
	l->serial = attempt_new(&e->attempts, UNIT_NONE, 0);
	l->out = memfd_create("value", MFD_CLOEXEC);
	l->err = memfd_create("message", MFD_CLOEXEC);
	fds[0] = (struct start_fd){.fd = l->out, .number = STDOUT_FILENO};
	fds[1] = (struct start_fd){.fd = l->err, .number = STDERR_FILENO};
	r = (struct start_request){.serial = l->serial, .argv = (const char *const *)c->argv, .envp = envp,
				   .cwd = e->root, .timeout_ms = t->policy->timeout_ms, .grace_ms = t->policy->grace_ms,
				   .umask = -1, .fds = fds, .n_fds = 2};
	good = l->out >= 0 && l->err >= 0 && e->exec->ops->start(e->exec, &r) == 0;
	env_release(&env);
	free(envp);
	return good;
}

static void run_command(struct values *v, struct late *l)
{
	json_t *value = l->var ? own_value(v, l) : NULL;
	struct command c = {0};

	if (l->var && !value)
		return; /* once more when what it is made of has come, unless it has failed */
	for (size_t i = 0; l->secret && i < l->secret->argv.n; i++)
		add_arg(&c, l->secret->argv.text[i]);
	if (l->var)
		add_var_args(&c, l->var, value);
	add_arg(&c, NULL);
	l->stage = LATE_COMES;
	if (!begin(v, l, &c))
		fail(l, strerror(errno));
	json_decref(value);
	command_release(&c);
}

/* The name of a file may be made of a late value. */
static void read_var_file(struct values *v, struct late *l)
{
	json_t *name = own_value(v, l);
	struct buf text = BUF_INIT;

	if (name) {
		json_as_text(&text, name);
		from_file(v, l, text.data);
	}
	json_decref(name);
	buf_release(&text);
}

static void fetch(struct values *v, struct late *l)
{
	if (l->secret && l->secret->kind == SECRET_ENV)
		from_env(v, l);
	else if (l->secret && l->secret->kind == SECRET_FILE)
		from_file(v, l, l->secret->from);
	else if (l->var && l->var->kind == VAR_FILE)
		read_var_file(v, l);
	else
		run_command(v, l);
}

/* Some can be had at once; what one of them is made of may be noted on the way, so again until nothing moves. */
static void fetch_wanted(struct values *v)
{
	bool moved = true;

	while (moved) {
		moved = false;
		for (size_t i = 0; i < v->n_late; i++) {
			if (v->late[i].stage != LATE_WANTED)
				continue;
			fetch(v, &v->late[i]);
			moved |= v->late[i].stage != LATE_WANTED;
		}
	}
}

/* --- around an evaluation ------------------------------------------------------------------------------- */

void values_begin(struct values *v)
{
	v->round++;
	v->missing = v->used_secret = false;
	v->failed = NULL;
	free(v->refused);
	v->refused = NULL;
}

bool values_missing(const struct values *v)
{
	return v->missing || v->failed || v->refused;
}

bool values_used_secret(const struct values *v)
{
	return v->used_secret;
}

enum values_found values_found(struct values *v, struct buf *why)
{
	const char *text = v->failed ? v->failed->why : v->refused;

	if (text) {
		buf_reset(why);
		buf_puts(why, text);
		return VALUES_FAILED;
	}
	if (!v->missing)
		return VALUES_THERE;
	fetch_wanted(v);
	return VALUES_AWAITED;
}

bool values_await(const struct values *v)
{
	for (size_t i = 0; i < v->n_late; i++)
		if (v->late[i].stage == LATE_COMES && v->late[i].round == v->round)
			return true;
	return false;
}

/* Whoever waited tries again; what is still missing makes it wait once more. */
static void wake(struct values *v)
{
	struct action *question = v->question;
	size_t n = v->n_question;

	v->question = NULL;
	v->n_question = v->room_question = 0;
	for (size_t i = 0; i < v->n_start; i++)
		schedule_wake(v->e->s, v->start[i]);
	v->n_start = 0;
	hooks_pump(v->e);
	for (size_t i = 0; i < n; i++)
		engine_decide(v->e, &question[i]);
	free(question);
}

void values_hold_start(struct values *v, uint32_t unit)
{
	VEC_PUSH(v->start, v->n_start, v->room_start, unit);
	if (!values_await(v))
		wake(v);
}

void values_hold_question(struct values *v, const struct action *question)
{
	VEC_PUSH(v->question, v->n_question, v->room_question, *question);
	if (!values_await(v))
		wake(v);
}

/* --- the end of a fetch ------------------------------------------------------------------------------------ */

static void read_memory(int fd, struct buf *text, size_t max)
{
	if (lseek(fd, 0, SEEK_SET) < 0 || fd_read_all(fd, text, max) < 0)
		buf_reset(text);
}

/* The last line of what it said on its standard error. */
static void last_line(const struct values *v, struct late *l, struct buf *out)
{
	struct buf text = BUF_INIT;
	const char *line;

	read_memory(l->err, &text, SAID_MAX);
	while (text.len && strchr(" \r\n", text.data[text.len - 1]))
		buf_cut(&text, text.len - 1);
	values_hide(v, &text);
	line = strrchr(text.data, '\n') ? strrchr(text.data, '\n') + 1 : text.data;
	if (*line)
		buf_addf(out, ": %.*s", LINE_SHOWN, line);
	buf_release(&text);
}

static void say_how_it_failed(const struct values *v, struct late *l, const struct attempt_ended *end)
{
	struct buf why = BUF_INIT;

	if (end->end == END_NOT_STARTED)
		buf_addf(&why, "cannot start its command: %s", strerror(end->error));
	else if (end->end == END_TIMED_OUT)
		buf_puts(&why, "its command timed out");
	else if (end->end == END_EXITED && WIFEXITED(end->status))
		buf_addf(&why, "its command ended with exit %d", WEXITSTATUS(end->status));
	else
		buf_puts(&why, "its command was stopped");
	if (end->end != END_NOT_STARTED)
		last_line(v, l, &why);
	fail(l, why.data);
	buf_release(&why);
}

static struct late *by_serial(struct values *v, uint32_t serial)
{
	for (size_t i = 0; i < v->n_late; i++)
		if (v->late[i].stage == LATE_COMES && v->late[i].serial == serial)
			return &v->late[i];
	return NULL;
}

bool values_ended(struct values *v, const struct attempt_ended *end)
{
	struct late *l = attempt_of(v->e, end->serial)->unit == UNIT_NONE ? by_serial(v, end->serial) : NULL;
	struct buf text = BUF_INIT;

	if (!l)
		return false;
	if (end->end == END_EXITED && WIFEXITED(end->status) && !WEXITSTATUS(end->status)) {
		read_memory(l->out, &text, VALUE_MAX);
		arrive(v, l, &text);
		record_var(v->e, l);
	} else {
		say_how_it_failed(v, l, end);
	}
	close_memory(l);
	if (text.room)
		explicit_bzero(text.data, text.room);
	buf_release(&text);
	wake(v);
	return true;
}

/* --- what may be seen ----------------------------------------------------------------------------------- */

const struct mask *values_mask(const struct values *v)
{
	return &v->mask;
}

void values_hide(const struct values *v, struct buf *text)
{
	struct buf clear = BUF_INIT;

	if (!v->mask.longest)
		return;
	(void)mask_filter(&v->mask, (struct span){text->data, text->len}, true, &clear);
	buf_release(text);
	*text = clear;
}

static json_t *hide_string(const struct values *v, json_t *json)
{
	struct buf text = BUF_INIT;

	if (!mask_finds(&v->mask, (struct span){json_string_value(json), json_string_length(json)}))
		return json;
	buf_puts(&text, json_string_value(json));
	json_decref(json);
	values_hide(v, &text);
	json = json_string(text.data);
	buf_release(&text);
	return json;
}

/* As deep as JSON from outside is allowed to be; keys are names and no values. */
json_t *values_hide_json(const struct values *v, json_t *json)
{
	json_t *clear = json, *member;
	const char *key;
	size_t i;

	if (!v->mask.longest || !json)
		return json;
	if (json_is_string(json))
		return hide_string(v, json);
	if (json_is_array(json)) {
		clear = json_array();
		json_array_foreach (json, i, member)
			json_array_append_new(clear, values_hide_json(v, json_incref(member)));
	} else if (json_is_object(json)) {
		clear = json_object();
		json_object_foreach (json, key, member)
			json_object_set_new(clear, key, values_hide_json(v, json_incref(member)));
	} else {
		return json;
	}
	json_decref(json);
	return clear;
}
