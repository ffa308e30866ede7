/* From a unit to a start request: argument vector, environment, files. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/quote.h"
#include "base/vec.h"
#include "doc/json.h"
#include "engine/engine_impl.h"
#include "job/builtin.h"

enum {
	DEFAULT_GRACE_MS = 10000,
	HIDDEN_FD = 9, /* what to hide; closed again before the step's own program starts */
};

static void add_arg(struct composed *c, char *text)
{
	VEC_PUSH(c->argv, c->n_argv, c->room_argv, text);
}

static bool has_nul(const struct buf *b)
{
	return strlen(b->data) != b->len;
}

static bool add_text_arg(struct composed *c, const json_t *v, struct buf *err)
{
	struct buf text = BUF_INIT;

	json_as_text(&text, v);
	if (has_nul(&text)) {
		buf_addf(err, "argument %zu holds a NUL character", c->n_argv);
		buf_release(&text);
		return false;
	}
	add_arg(c, buf_detach(&text));
	return true;
}

/* A list as a whole element spreads; everything else is one argument. */
static bool add_value_args(struct composed *c, const struct value *v, const struct expr_world *w,
			   struct buf *err)
{
	json_t *got = value_eval(v, w, err), *item;
	size_t i;
	bool good = got != NULL;

	if (good && json_is_array(got)) {
		json_array_foreach (got, i, item)
			good = good && add_text_arg(c, item, err);
	} else if (good) {
		good = add_text_arg(c, got, err);
	}
	json_decref(got);
	return good;
}

/* Whether what is evaluated next may hold a secret. */
static void hide_in(const struct expr_world *w, bool may)
{
	((struct unit_world *)w->ctx)->hides = may;
}

/* --- the four kinds of action ------------------------------------------------------------------------ */

static bool write_work_file(struct engine *e, const char *name, const struct buf *text, mode_t mode,
			    char **ret_path, struct buf *err)
{
	char *path = path_join(e->paths.work, name);

	if (file_write_atomic(path, text->data, text->len, mode) < 0) {
		buf_addf(err, "cannot write '%s': %s", path, strerror(errno));
		free(path);
		return false;
	}
	*ret_path = path;
	return true;
}

static bool compose_text(struct engine *e, const struct step *st, const char *run, uint32_t serial, struct composed *c,
			 struct buf *err)
{
	size_t n_shell;
	const char *const *shell = policy_shell(st->t.policy, &n_shell);
	struct buf text = BUF_INIT;
	char *name, *path;
	bool good;

	if (strncmp(run, "#!", 2)) {
		for (size_t i = 0; i < n_shell; i++)
			add_arg(c, xstrdup(shell[i]));
		add_arg(c, xstrdup(run));
		return true;
	}
	buf_puts(&text, run);
	name = xasprintf("script-%" PRIu32, serial);
	good = write_work_file(e, name, &text, 0700, &path, err);
	if (good)
		add_arg(c, path);
	buf_release(&text);
	free(name);
	return good;
}

static bool compose_run(struct engine *e, const struct step *st, uint32_t serial, struct composed *c, struct buf *err)
{
	return compose_text(e, st, st->t.act->run, serial, c, err);
}

static bool compose_argv(const struct step *st, const struct expr_world *w, struct composed *c, struct buf *err)
{
	for (size_t i = 0; i < st->t.act->argv.n; i++)
		if (!add_value_args(c, st->t.act->argv.value[i], w, err))
			return false;
	if (!c->n_argv || !c->argv[0][0]) {
		buf_puts(err, "the argument vector is empty");
		return false;
	}
	return true;
}

static bool store_paths(struct engine *e, struct composed *c, const struct expr_world *w, struct buf *err)
{
	json_t *stores = json_object();
	struct buf path = BUF_INIT;
	bool good = true;

	for (size_t i = 0; good && i < e->jf->n_stores; i++) {
		buf_reset(&path);
		good = value_text(e->jf->store[i].path, w, &path, err);
		if (good) {
			char *whole = path_join(e->root, path.data);

			json_object_set_new(stores, e->jf->store[i].name, json_string(whole));
			free(whole);
		}
	}
	buf_reset(&path);
	json_text(&path, stores, JSON_TIGHT);
	env_set(&c->env, "ORCHMAKE_STORES", path.data);
	env_set(&c->env, "ORCHMAKE_BASE", e->root);
	json_decref(stores);
	buf_release(&path);
	return good;
}

static bool declared_command(const struct callable *declared, const struct expr_world *w, struct composed *c,
			     struct buf *err)
{
	struct buf text = BUF_INIT;
	bool good = true;

	c->callable_timeout_ms = declared->timeout_ms;
	for (size_t i = 0; good && i < declared->argv.n; i++)
		good = add_value_args(c, declared->argv.value[i], w, err);
	for (size_t i = 0; good && i < declared->env.n; i++) {
		buf_reset(&text);
		hide_in(w, true);
		good = value_text(declared->env.value[i], w, &text, err);
		hide_in(w, false);
		if (good)
			env_set(&c->env, declared->env.name[i], text.data);
	}
	buf_release(&text);
	return good;
}

/* Some built-in operations have a declared callable behind them; auto_since goes before a declared one. */
static bool callable_command(struct engine *e, const struct step *st, const json_t *with, const struct expr_world *w,
			     struct composed *c, struct buf *err)
{
	const struct callable *declared = callable_behind(e->jf, st->job->ns, st->t.act->call);
	const char *call = st->t.act->call;
	bool builtin = builtin_find(call) && !(declared && builtin_yields(call));
	bool since = json_object_get(with, "auto_since") != NULL;

	BUG_UNLESS(builtin || declared);
	if (builtin || since) {
		add_arg(c, path_join(e->o->libexec, builtin ? builtin_program(call) : "orchmake-op"));
		add_arg(c, xstrdup(builtin ? call : "--auto-since"));
	}
	return !declared || declared_command(declared, w, c, err);
}

static bool call_key(struct engine *e, uint32_t unit, const json_t *with, struct composed *c, struct buf *err)
{
	const struct idempotency *i = e->x->place[unit].step->t.act->idempotency;
	struct buf key = BUF_INIT;
	bool good = engine_idempotency_key(e, unit, with, &key, err);

	if (good)
		env_set(&c->env, "ORCHMAKE_IDEMPOTENCY_KEY", key.data);
	if (good && i) /* asked for: what writes keeps it, and does not write twice under it */
		env_set(&c->env, "ORCHMAKE_IDEMPOTENCY_SCOPE", idempotency_words[i->scope]);
	buf_release(&key);
	return good;
}

/* What is secret is on no disk. */
static bool memory_holds(int *ret_fd, const struct buf *text, struct buf *err)
{
	int fd = memfd_create("hidden", MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, text->data, text->len) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		buf_addf(err, "cannot keep a secret in memory: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	*ret_fd = fd;
	return true;
}

/* The callable's input lies in a file, so that megabytes are no pipe's business. */
static bool compose_call(struct engine *e, uint32_t unit, uint32_t serial, const struct expr_world *w,
			 struct composed *c, struct buf *err)
{
	const struct step *st = e->x->place[unit].step;
	struct buf text = BUF_INIT;
	json_t *with;
	char *name;
	bool good;

	hide_in(w, true);
	with = st->t.act->with ? value_eval(st->t.act->with, w, err) : json_object();
	hide_in(w, false);
	if (!with)
		return false;
	json_text(&text, with, JSON_TIGHT);
	name = xasprintf("in-%" PRIu32 ".json", serial);
	good = values_used_secret(e->values) ? memory_holds(&c->input_fd, &text, err)
					     : write_work_file(e, name, &text, 0600, &c->stdin_path, err);
	good = good && callable_command(e, st, with, w, c, err) && store_paths(e, c, w, err) &&
	       call_key(e, unit, with, c, err);
	json_decref(with);
	free(name);
	buf_release(&text);
	name = xasprintf("out-%" PRIu32 ".json", serial);
	c->stdout_path = path_join(e->paths.work, name);
	free(name);
	return good;
}

static bool compose_action(struct engine *e, uint32_t unit, uint32_t serial, const struct expr_world *w,
			   struct composed *c, struct buf *err)
{
	const struct step *st = e->x->place[unit].step;

	switch (st->t.act->kind) {
	case ACT_UNTIL:
		return st->t.act->run ? compose_run(e, st, serial, c, err) : compose_argv(st, w, c, err);
	case ACT_RUN:
		return compose_run(e, st, serial, c, err);
	case ACT_ARGV:
		return compose_argv(st, w, c, err);
	case ACT_CALL:
		return compose_call(e, unit, serial, w, c, err);
	case ACT_NOOP:
		add_arg(c, xstrdup("true"));
		return true;
	case ACT_NONE:
	case ACT_JOB:
	case ACT_APPROVE:
		break;
	}
	BUG("step '%s' has no action that starts a process", st->id);
}

/* --- files, folder, environment ----------------------------------------------------------------------- */

/* Steps that provide something from stdout need it in a file of its own. */
static bool wants_stdout(const struct step *st)
{
	for (size_t i = 0; i < st->t.flow->n_provides; i++) {
		enum provide_from from = st->t.flow->provide[i].from;

		if (from == PROVIDE_STDOUT || from == PROVIDE_JSON || from == PROVIDE_REGEX || from == PROVIDE_LINE)
			return true;
	}
	return st->t.policy->fail_if.out || st->t.policy->fail_if.err; /* then the log has the errors alone */
}

static bool value_path(struct engine *e, const struct value *v, const struct expr_world *w, char **ret,
		       struct buf *err)
{
	struct buf text = BUF_INIT;
	bool good;

	if (!v)
		return true;
	good = value_text(v, w, &text, err);
	if (good)
		*ret = path_join(e->root, text.data);
	buf_release(&text);
	return good;
}

static bool compose_files(struct engine *e, const struct step *st, uint32_t serial, const struct expr_world *w,
			  struct composed *c, struct buf *err)
{
	if (!value_path(e, st->t.policy->cwd, w, &c->cwd, err) || !value_path(e, st->t.policy->stdin_from, w, &c->stdin_path, err) ||
	    !value_path(e, st->t.policy->stdout_to, w, &c->stdout_path, err) ||
	    !value_path(e, st->t.policy->stderr_to, w, &c->stderr_path, err))
		return false;
	if (!c->cwd)
		c->cwd = xstrdup(e->root);
	if (!c->stdout_path && wants_stdout(st)) {
		char *name = xasprintf("out-%" PRIu32, serial);

		c->stdout_path = path_join(e->paths.work, name);
		free(name);
	}
	return true;
}

static bool params_file(struct engine *e, uint32_t scope, struct composed *c, struct buf *err)
{
	struct buf text = BUF_INIT;
	char *name, *path = NULL;
	bool good = true;
	json_t *seen;

	if (!json_object_size(e->params[scope]))
		return true;
	name = xasprintf("params-%" PRIu32 ".json", scope);
	path = path_join(e->paths.work, name);
	if (!file_exists(path)) {
		free(path);
		path = NULL;
		seen = engine_params_seen(e, scope);
		json_text(&text, seen, JSON_INDENTED);
		json_decref(seen);
		good = write_work_file(e, name, &text, 0600, &path, err);
	}
	if (good)
		env_set(&c->env, "ORCHMAKE_PARAMS", path);
	free(name);
	free(path);
	buf_release(&text);
	return good;
}

static void own_variables(struct engine *e, uint32_t unit, uint32_t serial, uint32_t number, struct composed *c)
{
	const struct place *p = &e->x->place[unit];
	struct buf text = BUF_INIT;

	expansion_scope_name(e->x, p->scope, &text);
	env_set(&c->env, "ORCHMAKE_JOB", text.data);
	env_set(&c->env, "ORCHMAKE_STEP", p->step->id);
	env_set(&c->env, "ORCHMAKE_RUN", e->id.text);
	env_set(&c->env, "ORCHMAKE_RUN_DIR", e->paths.work);
	env_set(&c->env, "ORCHMAKE_TMP", e->paths.tmp);
	buf_reset(&text);
	buf_addf(&text, "%" PRIu32, number);
	env_set(&c->env, "ORCHMAKE_ATTEMPT", text.data);
	buf_reset(&text);
	buf_addf(&text, "%s/output-%" PRIu32, e->paths.work, serial);
	env_set(&c->env, "ORCHMAKE_OUTPUT", text.data);
	buf_release(&text);
}

/* One line that a person can read and, for run and argv, paste. */
static char *command_line(const struct composed *c)
{
	struct buf line = BUF_INIT;

	quote_command(&line, (const char *const *)c->argv, c->n_argv);
	return buf_detach(&line);
}

/* Of two limits, where 0 is none. */
static int64_t shorter(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

static int64_t or_none(int64_t limit, int64_t unsaid)
{
	return limit == unsaid ? 0 : limit;
}

static struct limits limits_of(const struct limit_spec *l)
{
	return (struct limits){
		.most = {[LIMIT_MEM] = or_none(l->mem, -1), [LIMIT_CPU] = or_none(l->cpu_s, -1),
			 [LIMIT_NOFILE] = or_none(l->nofile, -1), [LIMIT_FSIZE] = or_none(l->fsize, -1)},
		.nicer = or_none(l->nice, NICE_UNSAID),
	};
}

/* Which of standard output and error go where we keep them; what the step writes to a file of the user's is his. */
static const char *hidden_streams(const struct engine *e, const struct composed *c)
{
	bool out = !c->stdout_path || !strncmp(c->stdout_path, e->paths.work, strlen(e->paths.work));

	return out && !c->stderr_path ? "12" : out ? "1" : c->stderr_path ? "" : "2";
}

/* Between the step and its log stands what hides the secrets it has. */
static bool hide_output(struct engine *e, struct composed *c, struct buf *err)
{
	char *const own[] = {path_join(e->o->libexec, "orchmake-mask"), xasprintf("%d", HIDDEN_FD),
			     xstrdup(hidden_streams(e, c))};
	const size_t n = ARRAY_LEN(own);

	c->n_own = n;
	for (size_t i = 0; i < n; i++)
		add_arg(c, NULL);
	memmove(c->argv + n, c->argv, (c->n_argv - n) * sizeof(*c->argv));
	memcpy(c->argv, own, sizeof(own));
	return memory_holds(&c->hidden_fd, &values_mask(e->values)->text, err);
}

static size_t add_fd(struct composed *c, size_t n, int fd, int number)
{
	if (fd >= 0)
		c->fds[n++] = (struct start_fd){.fd = fd, .number = number};
	return n;
}

static void seal(struct engine *e, struct composed *c, const struct step *st, uint32_t serial)
{
	size_t n_fds = slots_offer(e, st, &c->env, c->fds, &c->offered);

	n_fds = add_fd(c, n_fds, c->hidden_fd, HIDDEN_FD);
	n_fds = add_fd(c, n_fds, c->input_fd, STDIN_FILENO);
	add_arg(c, NULL);
	c->envp = xcalloc(c->env.n + (c->env.base ? c->env.base->n : 0) + 1, sizeof(*c->envp));
	(void)env_texts(&c->env, c->envp);
	c->r = (struct start_request){
		.serial = serial,
		.argv = (const char *const *)c->argv,
		.envp = c->envp,
		.cwd = c->cwd,
		.stdin_path = c->stdin_path,
		.stdout_path = c->stdout_path,
		.stderr_path = c->stderr_path,
		.timeout_ms = shorter(st->t.policy->timeout_ms, c->callable_timeout_ms),
		.grace_ms = st->t.policy->grace_ms ? st->t.policy->grace_ms : DEFAULT_GRACE_MS,
		.umask = st->t.policy->umask,
		.limits = limits_of(&st->t.policy->limits),
		.tty = st->t.policy->tty,
		.fds = c->fds,
		.n_fds = n_fds,
	};
}

static bool compose_probe(struct engine *e, const struct step *st, uint32_t serial, const struct expr_world *w,
			  struct composed *c, struct buf *err)
{
	if (!compose_text(e, st, st->t.policy->fresh.probe, serial, c, err) || !value_path(e, st->t.policy->cwd, w, &c->cwd, err))
		return false;
	if (!c->cwd)
		c->cwd = xstrdup(e->root);
	return true;
}

bool engine_compose(struct engine *e, uint32_t unit, uint32_t serial, uint32_t number, struct composed *c,
		    struct buf *err)
{
	const struct place *p = &e->x->place[unit];
	struct unit_world w;
	struct expr_world xw;
	bool probe = !number, good;

	*c = (struct composed){.hidden_fd = -1, .input_fd = -1};
	values_begin(e->values);
	unit_world_init(&w, e, unit);
	good = engine_step_env(e, &w, &c->env, ENV_ALL, err);
	xw = unit_world_expr(&w);
	if (good)
		own_variables(e, unit, serial, number, c);
	good = good && params_file(e, p->scope, c, err) &&
	       (probe ? compose_probe(e, p->step, serial, &xw, c, err)
		      : compose_action(e, unit, serial, &xw, c, err) &&
				compose_files(e, p->step, serial, &xw, c, err));
	c->looks = w.looks;
	unit_world_release(&w);
	if (!good || values_missing(e->values))
		return false;
	c->command = command_line(c);
	if (values_used_secret(e->values) && !hide_output(e, c, err))
		return false;
	seal(e, c, p->step, serial);
	c->r.tty &= !probe;
	return true;
}

/* What a hook is told, and no step of the graph. */
static void hook_variables(struct engine *e, const struct hook_call *h, struct composed *c)
{
	env_set(&c->env, "ORCHMAKE_RUN", e->id.text);
	env_set(&c->env, "ORCHMAKE_TARGET", e->target_text);
	env_set(&c->env, "ORCHMAKE_RUN_DIR", e->paths.work);
	env_set(&c->env, "ORCHMAKE_TMP", e->paths.tmp);
	env_set(&c->env, "ORCHMAKE_HOOK", hook_words[h->hook]);
	env_set(&c->env, "ORCHMAKE_STATE", h->state);
	env_set(&c->env, "ORCHMAKE_STEP", h->step_name);
	env_set(&c->env, "ORCHMAKE_ERROR", h->error);
	env_set(&c->env, "ORCHMAKE_RESULT", h->result);
}

bool engine_compose_hook(struct engine *e, const struct hook_call *h, uint32_t serial, struct composed *c,
			 struct buf *err)
{
	struct unit_world w;
	struct expr_world xw;
	bool good;

	*c = (struct composed){.hidden_fd = -1, .input_fd = -1};
	values_begin(e->values);
	scope_world_init(&w, e, SCOPE_NONE);
	w.step = h->step;
	good = engine_step_env(e, &w, &c->env, ENV_ALL, err);
	xw = unit_world_expr(&w);
	if (good)
		hook_variables(e, h, c);
	good = good && (h->step->t.act->kind == ACT_RUN ? compose_run(e, h->step, serial, c, err)
						       : compose_argv(h->step, &xw, c, err)) &&
	       value_path(e, h->step->t.policy->cwd, &xw, &c->cwd, err);
	unit_world_release(&w);
	if (!good || values_missing(e->values))
		return false;
	if (!c->cwd)
		c->cwd = xstrdup(e->root);
	c->command = command_line(c);
	if (values_used_secret(e->values) && !hide_output(e, c, err))
		return false;
	seal(e, c, h->step, serial);
	return true;
}

void composed_release(struct composed *c)
{
	for (size_t i = 0; i < c->n_argv; i++)
		free(c->argv[i]);
	free(c->argv);
	free(c->envp);
	env_release(&c->env);
	free(c->cwd);
	free(c->stdin_path);
	free(c->stdout_path);
	free(c->stderr_path);
	free(c->command);
	if (c->hidden_fd >= 0)
		close(c->hidden_fd);
	if (c->input_fd >= 0)
		close(c->input_fd);
}
