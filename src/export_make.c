/*
 * export make: a Makefile that does what a job and all that it needs does, for where there is no orchmake.  What make
 * has no word for and can be done without, such as a retry, is told; a job that would do something else without it
 * has a recipe that calls orchmake for that one job.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/vec.h"
#include "doc/json.h"
#include "export.h"
#include "job/files.h"
#include "job/schema.h"

struct exported {
	const struct job *job;
	const struct job **before; /* jobs of the stage in front of it */
	size_t n_before, room_before;
	const struct job **reads; /* jobs that make what it reads, under names that a rule of make would not find */
	size_t n_reads, room_reads;
	const char *calls; /* the key for which it takes orchmake; NULL: it does not */
};

struct makefile {
	const struct jobfile *jf;
	struct diags *d;
	struct exported *at; /* in the order in which they are found */
	size_t n, room;
	struct map params; /* those that are named */
	struct map waits;  /* "JOB WHOM" by number, as in a run */
	struct buf rules, words, lost;
};

/* --- texts ---------------------------------------------------------------------------------------------------- */

static void put_char(struct buf *out, char c)
{
	if (c == '$')
		buf_putc(out, '$');
	if (c == '#')
		buf_putc(out, '\\');
	buf_putc(out, c);
}

/* The parameter that stands between ${{ and }}, if it is one of the file and nothing else. */
static const struct param *only_param(const struct makefile *m, const char *from, const char *to)
{
	struct span s = span_trim((struct span){from, (size_t)(to - from)});
	const struct param *p;
	char *name;

	if (s.len < 8 || strncmp(s.at, "params.", 7))
		return NULL;
	name = xstrndup(s.at + 7, s.len - 7);
	p = param_find(&m->jf->params, name);
	free(name);
	return p && (p->required || (p->dflt && value_const(p->dflt))) && !p->multiple ? p : NULL;
}

/* False: make cannot say it. */
static bool put_value(struct makefile *m, const struct value *v, struct buf *out)
{
	json_t *source = value_source(v);
	const char *at = json_string_value(source), *open, *close = NULL;
	struct buf text = BUF_INIT;
	size_t start = out->len;
	bool good = true;

	if (!at) {
		json_text(&text, source, JSON_TIGHT);
		good = !json_is_array(source) && !json_is_object(source) && !json_is_null(source);
		at = text.data;
	}
	while (good && (open = strstr(at, "${{"))) {
		const struct param *p = (close = strstr(open, "}}")) ? only_param(m, open + 3, close) : NULL;

		for (; at < open; at++)
			put_char(out, *at);
		good = p && (open == at || open[-1] != '$');
		if (good) {
			(void)map_put(&m->params, p->name, (void *)p);
			buf_addf(out, "$(%s)", p->name);
			at = close + 2;
		}
	}
	for (; good && *at; at++)
		put_char(out, *at);
	json_decref(source);
	buf_release(&text);
	return good && !strchr(out->data + start, '\n');
}

/* For a shell, with what make replaces inside. */
static bool put_quoted(struct makefile *m, const struct value *v, struct buf *out)
{
	struct buf text = BUF_INIT;
	bool good = put_value(m, v, &text);

	buf_putc(out, '\'');
	for (const char *p = text.data; *p; p++) {
		if (*p == '\'')
			buf_puts(out, "'\\''");
		else if (!(*p == '\\' && p[1] == '#')) /* a recipe has no comments of make's */
			buf_putc(out, *p);
	}
	buf_putc(out, '\'');
	buf_release(&text);
	return good;
}

/* A file's name as make has it: it can hold no blanks, and a glob is found when make reads. */
static bool put_file(struct makefile *m, const struct value *v, struct buf *out)
{
	struct buf name = BUF_INIT;
	bool good = put_value(m, v, &name) && name.len && !strpbrk(name.data, " \t:;%\\'\"&|<>~") && !strstr(name.data, "**");

	if (good)
		buf_addf(out, strpbrk(name.data, "*?[") ? " $(wildcard %s)" : " %s", name.data);
	buf_release(&name);
	return good;
}

/* --- what make cannot do ------------------------------------------------------------------------------------------- */

static const enum key deep[] = {KEY_call, KEY_job, KEY_approve, KEY_until, KEY_when, KEY_skip_if, KEY_require, KEY_matrix, KEY_foreach,
				KEY_provides, KEY_consumes, KEY_needs_rule, KEY_fallback_only, KEY_ok_exit, KEY_skip_exit, KEY_fail_if,
				KEY_dotenv, KEY_tty};
static const enum key light[] = {KEY_retry, KEY_timeout, KEY_stall, KEY_slow, KEY_deadline, KEY_priority, KEY_pool, KEY_slots,
				 KEY_lock_uses, KEY_limits, KEY_artifacts, KEY_breaker, KEY_error, KEY_on_lost, KEY_on_driver_death,
				 KEY_overlap, KEY_schedule, KEY_critical, KEY_on_failure, KEY_success, KEY_after};

static const char *takes_orchmake(const struct traits *t)
{
	enum fresh_kind kind = fresh_kind_of(t);

	for (size_t i = 0; i < ARRAY_LEN(deep); i++)
		if (traits_has(t, deep[i]))
			return key_word(deep[i]);
	for (size_t i = 0; i < t->n_needs; i++)
		if (t->need[i].cond != COND_OK || strchr(t->need[i].name, '['))
			return "needs";
	if (t->policy->on_failure == ON_FAILURE_FALLBACK)
		return "on_failure";
	return kind == FRESH_TTL || kind == FRESH_ONCE || kind == FRESH_NEVER ? "fresh" : NULL;
}

static void tell_lost(struct makefile *m, const struct job *j)
{
	struct buf words = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(light); i++) {
		bool said = traits_has(&j->t, light[i]);

		for (size_t k = 0; k < j->n_steps; k++)
			said |= traits_has(&j->step[k].t, light[i]);
		if (said)
			buf_addf(&words, "%s`%s`", words.len ? ", " : "", key_word(light[i]));
	}
	if (words.len) {
		diag_warn(m->d, j->mark, "make has no word for %s of '%s'", words.data, j->name);
		buf_addf(&m->lost, "# %s: without %s.\n", j->name, words.data);
	}
	buf_release(&words);
}

/* --- which jobs --------------------------------------------------------------------------------------------------- */

static struct exported *found(struct makefile *m, const struct job *j)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->at[i].job == j)
			return &m->at[i];
	return NULL;
}

static void add_job(struct makefile *m, const struct job *j)
{
	if (j && !found(m, j))
		VEC_PUSH(m->at, m->n, m->room, ((struct exported){.job = j}));
}

/* A need without the step that it may name. */
static const struct job *job_of_need(const struct makefile *m, const char *name)
{
	const struct job *j = job_find(m->jf, name);
	char *head;

	if (j)
		return j;
	head = xstrndup(name, strcspn(name, "/["));
	j = job_find(m->jf, head);
	free(head);
	return j;
}

static bool makes(const struct step *st, const struct value *input)
{
	json_t *name = value_source(input);
	bool hit = false;

	for (size_t i = 0; !hit && i < st->t.flow->output.n; i++) {
		json_t *out = value_source(st->t.flow->output.value[i]);

		hit = json_equal(out, name) || (json_is_string(out) && json_is_string(name) &&
						(file_means(json_string_value(name), json_string_value(out))));
		json_decref(out);
	}
	json_decref(name);
	return hit;
}

static void add_makers(struct makefile *m, const struct traits *t)
{
	for (size_t i = 0; i < t->flow->input.n; i++)
		for (size_t k = 0; k < m->jf->n_jobs; k++)
			for (size_t h = 0; h < m->jf->job[k]->n_steps; h++)
				if (makes(&m->jf->job[k]->step[h], t->flow->input.value[i]))
					add_job(m, m->jf->job[k]);
}

static char *wait_key(const struct job *j, const struct job *on)
{
	return xasprintf("%u %u", j->no, on->no);
}

/* Names of files may be expressions and globs: who makes what whom reads is known where a run is worked out. */
static void learn_waits(struct makefile *m, const struct job *j)
{
	const struct run_options o = {
		.targets = {&j->name, 1}, .no_ledger = true, .environ = (const char *const *)environ,
	};
	struct diags *quiet = diags_new();
	struct engine *e = engine_new(m->jf, &o, quiet);
	const struct expansion *x = e ? engine_expansion(e) : NULL;
	const struct graph *g = x ? x->graph : NULL;

	for (uint32_t u = 0; g && u < g->n_units; u++)
		for (uint32_t i = g->need_at[u]; g->unit[u].kind == UNIT_STEP && i < g->need_at[u + 1]; i++) {
			uint32_t on = g->need[i].unit;
			char *key;

			if (g->unit[on].kind != UNIT_STEP || x->place[on].step->job == x->place[u].step->job)
				continue;
			key = wait_key(x->place[u].step->job, x->place[on].step->job);
			(void)map_intern(&m->waits, key);
			free(key);
		}
	engine_free(e);
	diags_free(quiet);
}

static bool needs_by_name(const struct makefile *m, const struct traits *t, const struct job *on)
{
	for (size_t i = 0; i < t->n_needs; i++)
		if (job_of_need(m, t->need[i].name) == on)
			return true;
	for (size_t i = 0; i < t->flow->input.n; i++) {
		const json_t *name = value_const(t->flow->input.value[i]);

		for (size_t s = 0; name && json_is_string(name) && !is_file_glob(json_string_value(name)) && s < on->n_steps; s++)
			if (makes(&on->step[s], t->flow->input.value[i]))
				return true;
	}
	return false;
}

static void add_waits(struct makefile *m, size_t at)
{
	const struct job *j = m->at[at].job;

	for (size_t i = 0; i < m->jf->n_jobs; i++) {
		const struct job *on = m->jf->job[i];
		char *key = wait_key(j, on);
		bool waits = map_has(&m->waits, key), named = needs_by_name(m, &j->t, on);

		for (size_t s = 0; s < j->n_steps; s++)
			named |= needs_by_name(m, &j->step[s].t, on);
		if (waits)
			add_job(m, on);
		if (waits && !named)
			VEC_PUSH(m->at[at].reads, m->at[at].n_reads, m->at[at].room_reads, on);
		free(key);
	}
}

static void add_needed(struct makefile *m, const struct traits *t, const struct job *of)
{
	for (size_t i = 0; i < t->n_needs; i++)
		if (!t->need[i].order_only && !step_find(of, t->need[i].name))
			add_job(m, job_of_need(m, t->need[i].name));
	add_makers(m, t);
}

static void add_stages(struct makefile *m, const struct job *j)
{
	for (size_t s = 0; s < j->n_stages; s++)
		for (size_t i = 0; i < j->stage[s].n_jobs; i++) {
			struct exported *x;

			add_job(m, j->stage[s].job[i]);
			x = found(m, j->stage[s].job[i]);
			for (size_t b = 0; s && b < j->stage[s - 1].n_jobs; b++)
				VEC_PUSH(x->before, x->n_before, x->room_before, j->stage[s - 1].job[b]);
		}
}

static const char *why_called(const struct job *j)
{
	const char *why = j->params.n ? "params" : takes_orchmake(&j->t);

	for (size_t i = 0; !why && i < j->n_steps; i++)
		why = j->step[i].finally ? "finally" : takes_orchmake(&j->step[i].t);
	for (size_t i = 0; !why && i < j->n_stages; i++)
		why = j->stage[i].loop ? "loop" : NULL;
	return why;
}

static void find_jobs(struct makefile *m, const struct job *j)
{
	add_job(m, j);
	for (size_t i = 0; i < m->n; i++) { /* it grows */
		const struct job *one = m->at[i].job;

		m->at[i].calls = why_called(one);
		add_needed(m, &one->t, one);
		for (size_t k = 0; k < one->n_steps; k++)
			add_needed(m, &one->step[k].t, one);
		add_waits(m, i);
		add_stages(m, one);
	}
}

/* --- rules ------------------------------------------------------------------------------------------------------------- */

static void put_target(struct buf *out, const struct job *j, const struct step *st)
{
	buf_puts(out, j->name);
	if (st && st->id[0] && j->kind != JOB_ACTION)
		buf_addf(out, ".%s", st->id);
}

static void add_word(struct makefile *m, const char *name)
{
	buf_addf(&m->words, " %s", name);
}

static void put_needs(struct makefile *m, const struct exported *x, const struct traits *t, const struct step *st, struct buf *out)
{
	const struct step *before = st ? step_before(st) : NULL;

	if (before) {
		buf_putc(out, ' ');
		put_target(out, x->job, before);
	}
	for (size_t i = 0; i < t->n_needs; i++) {
		const struct step *of = step_find(x->job, t->need[i].name);
		const struct job *j = of ? NULL : job_of_need(m, t->need[i].name);

		if (t->need[i].order_only || (!of && !j))
			continue;
		buf_putc(out, ' ');
		put_target(out, of ? x->job : j, of);
	}
}

static void put_before(const struct exported *x, struct buf *out)
{
	for (size_t i = 0; i < x->n_before; i++)
		buf_addf(out, " %s", x->before[i]->name);
}

static bool put_files(struct makefile *m, const struct value_list *l, struct buf *out)
{
	for (size_t i = 0; i < l->n; i++)
		if (!put_file(m, l->value[i], out))
			return false;
	return true;
}

/* The files of jobs that only a run finds; of those that orchmake is called for, the job: then all of it is looked at. */
static void put_read(struct makefile *m, const struct exported *x, struct buf *out)
{
	for (size_t i = 0; i < x->n_reads; i++) {
		const struct job *on = x->reads[i];
		struct buf files = BUF_INIT;
		bool good = !found(m, on)->calls;

		for (size_t s = 0; good && s < on->n_steps; s++)
			good = put_files(m, &on->step[s].t.flow->output, &files);
		if (good)
			buf_puts(out, files.data);
		else
			buf_addf(out, " %s", on->name);
		buf_release(&files);
	}
}

/* A line that begins with one of make's marks would lose it. */
static bool text_can_stand(const char *text)
{
	if (!strncmp(text, "#!", 2))
		return false;
	for (; text; text = strchr(text, '\n') ? strchr(text, '\n') + 1 : NULL)
		if (strchr("@+-", text[strspn(text, " \t")]) && text[strspn(text, " \t")])
			return false;
	return true;
}

static void put_text(struct buf *out, const char *text)
{
	size_t n = strlen(text);

	while (n && strchr(" \n", text[n - 1]))
		n--;
	buf_putc(out, '\t');
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '$')
			buf_putc(out, '$');
		buf_putc(out, text[i]);
		if (text[i] == '\n')
			buf_putc(out, '\t');
	}
	buf_putc(out, '\n');
}

static bool put_argv(struct makefile *m, const struct value_list *argv, struct buf *out)
{
	buf_putc(out, '\t');
	for (size_t i = 0; i < argv->n; i++) {
		if (i)
			buf_putc(out, ' ');
		if (!put_quoted(m, argv->value[i], out))
			return false;
	}
	buf_putc(out, '\n');
	return true;
}

static bool put_line(struct makefile *m, const char *before, const struct value *v, struct buf *out)
{
	if (!v)
		return true;
	buf_addf(out, "\t%s", before);
	if (!put_quoted(m, v, out))
		return false;
	buf_putc(out, '\n');
	return true;
}

/* What is set up around the step's own command. */
static bool put_setting(struct makefile *m, const struct traits *t, struct buf *out)
{
	for (size_t i = 0; i < t->policy->env.n; i++)
		if (!t->policy->env.value[i])
			buf_addf(out, "\tunset %s\n", t->policy->env.name[i]);
	if (t->policy->umask != UMASK_UNSAID)
		buf_addf(out, "\tumask %03o\n", (unsigned)t->policy->umask);
	if (!put_line(m, "exec <", t->policy->stdin_from, out) || !put_line(m, "exec >", t->policy->stdout_to, out) ||
	    !put_line(m, "exec 2>", t->policy->stderr_to, out) || !put_line(m, "cd ", t->policy->cwd, out))
		return false;
	if (t->policy->fresh.kind != FRESH_PROBE)
		return true;
	if (strchr(t->policy->fresh.probe, '\n'))
		return false;
	buf_puts(out, "\tif (");
	for (const char *p = t->policy->fresh.probe; *p; p++) {
		if (*p == '$')
			buf_putc(out, '$');
		buf_putc(out, *p);
	}
	buf_puts(out, "); then exit 0; fi\n");
	return !strchr(t->policy->fresh.probe, '#');
}

static bool ends_in_sh(const char *shell)
{
	size_t n = strlen(shell);

	return n >= 2 && !strcmp(shell + n - 2, "sh");
}

/* They are there when a step starts; a glob may lie anywhere. */
static void put_folders(struct makefile *m, const struct traits *t, struct buf *out)
{
	struct map dirs = MAP_INIT;

	for (size_t i = 0; i < t->flow->output.n + (t->flow->depfile != NULL); i++) {
		const struct value *v = i < t->flow->output.n ? t->flow->output.value[i] : t->flow->depfile;
		struct buf name = BUF_INIT;
		char *dir = put_file(m, v, &name) && name.data[1] != '$' ? path_dir(name.data + 1) : NULL;

		if (dir && strcmp(dir, ".") && strcmp(dir, "/"))
			(void)map_intern(&dirs, dir);
		free(dir);
		buf_release(&name);
	}
	for (size_t i = 0; i < dirs.n; i++)
		buf_addf(out, "%s%s", i ? " " : "\tmkdir -p ", dirs.entry[i].key);
	if (dirs.n)
		buf_putc(out, '\n');
	map_release(&dirs);
}

static bool put_recipe(struct makefile *m, const struct traits *t, struct buf *out)
{
	if (t->act->kind == ACT_NOOP)
		return true;
	if (!t->policy->shell.n || ends_in_sh(t->policy->shell.text[0]))
		put_folders(m, t, out);
	if (!put_setting(m, t, out))
		return false;
	if (t->act->kind == ACT_ARGV)
		return put_argv(m, &t->act->argv, out);
	if (!text_can_stand(t->act->run))
		return false;
	put_text(out, t->act->run);
	return true;
}

/* Variables of this target alone: those of make pass to what it needs, if they are not private. */
static bool put_variables(struct makefile *m, const char *target, const struct traits *t, struct buf *out)
{
	for (size_t i = 0; i < t->policy->env.n; i++) {
		if (!t->policy->env.value[i])
			continue;
		buf_addf(out, "%s: private export %s = ", target, t->policy->env.name[i]);
		if (!put_value(m, t->policy->env.value[i], out))
			return false;
		buf_putc(out, '\n');
	}
	if (!t->policy->shell.n)
		return true;
	buf_addf(out, "%s: private SHELL = %s\n%s: private .SHELLFLAGS =", target, t->policy->shell.text[0], target);
	for (size_t i = 1; i < t->policy->shell.n; i++)
		buf_addf(out, " %s", t->policy->shell.text[i]);
	buf_putc(out, '\n');
	return true;
}

/* One step; false: make cannot say one of its values. */
static bool put_step(struct makefile *m, const struct exported *x, const struct step *st)
{
	const struct traits *t = &st->t;
	struct buf name = BUF_INIT, files = BUF_INIT, rule = BUF_INIT, needs = BUF_INIT;
	bool good = put_files(m, &t->flow->output, &files), is_file;
	const char *made;

	put_target(&name, x->job, st);
	made = good && t->flow->output.n ? files.data + 1 : name.data;
	is_file = made != name.data && !strcmp(made, name.data); /* that file is its own word */
	if (made != name.data && !is_file)
		buf_addf(&rule, "%s: %s\n", name.data, made);
	good = good && put_variables(m, made, t, &rule);
	buf_addf(&rule, "%s%s", made, t->flow->output.n > 1 ? " &:" : ":");
	good = good && put_files(m, &t->flow->input, &rule);
	if (t->flow->input.n)
		put_read(m, x, &rule);
	if (t->flow->output.n && fresh_kind_of(t) == FRESH_ALWAYS)
		buf_puts(&rule, " FORCE");
	put_needs(m, x, t, st, &needs);
	if (x->job->kind != JOB_ACTION)
		put_needs(m, x, &x->job->t, NULL, &needs);
	put_before(x, &needs);
	if (needs.len)
		buf_addf(&rule, " |%s", needs.data);
	buf_putc(&rule, '\n');
	good = good && put_recipe(m, t, &rule);
	if (good && t->flow->depfile) {
		buf_puts(&rule, "-include");
		good = put_file(m, t->flow->depfile, &rule);
		buf_putc(&rule, '\n');
	}
	if (good)
		buf_addf(&m->rules, "\n%s", rule.data);
	if (good && !is_file)
		add_word(m, name.data);
	buf_release(&name);
	buf_release(&files);
	buf_release(&rule);
	buf_release(&needs);
	return good;
}

/* The job is its steps; a composite its stages. */
static void put_whole(struct makefile *m, const struct exported *x)
{
	const struct job *j = x->job;

	buf_addf(&m->rules, "\n%s:", j->name);
	for (size_t i = 0; i < j->n_steps; i++) {
		buf_putc(&m->rules, ' ');
		put_target(&m->rules, j, &j->step[i]);
	}
	for (size_t s = 0; s < j->n_stages; s++)
		for (size_t i = 0; i < j->stage[s].n_jobs; i++)
			buf_addf(&m->rules, " %s", j->stage[s].job[i]->name);
	buf_putc(&m->rules, '\n');
	add_word(m, j->name);
}

static void put_call(struct makefile *m, const struct exported *x)
{
	const struct job *j = x->job;
	struct buf needs = BUF_INIT, files = BUF_INIT;

	diag_warn(m->d, j->mark, "'%s' takes orchmake: make has nothing like its `%s`", j->name, x->calls);
	buf_addf(&m->lost, "# %s: calls orchmake, for its `%s`.\n", j->name, x->calls);
	put_needs(m, x, &j->t, NULL, &needs);
	put_before(x, &needs);
	buf_addf(&m->rules, "\n%s:", j->name);
	for (size_t s = 0; s < j->n_stages; s++)
		for (size_t i = 0; i < j->stage[s].n_jobs; i++)
			buf_addf(&m->rules, " %s", j->stage[s].job[i]->name);
	buf_addf(&m->rules, "%s%s\n\torchmake --only %s run %s", needs.len ? " |" : "", needs.data, j->name, j->name);
	for (size_t i = 0; i < m->jf->params.n; i++) {
		const struct param *p = &m->jf->params.at[i];

		if (!p->dflt || !value_const(p->dflt) || p->multiple)
			continue;
		(void)map_put(&m->params, p->name, (void *)p);
		buf_addf(&m->rules, " %s='$(%s)'", p->name, p->name);
	}
	buf_putc(&m->rules, '\n');
	for (size_t i = 0; i < j->n_steps; i++)
		(void)put_files(m, &j->step[i].t.flow->output, &files);
	if (files.len)
		buf_addf(&m->rules, "%s: | %s ;\n", files.data + 1, j->name);
	add_word(m, j->name);
	buf_release(&needs);
	buf_release(&files);
}

/* All of a job, or, where a part of it cannot be said, a call for the whole. */
static void put_job(struct makefile *m, struct exported *x)
{
	size_t rules = m->rules.len, words = m->words.len;

	for (size_t i = 0; !x->calls && i < x->job->n_steps; i++)
		if (!put_step(m, x, &x->job->step[i]))
			x->calls = "values";
	if (x->calls) {
		buf_cut(&m->rules, rules);
		buf_cut(&m->words, words);
		put_call(m, x);
		return;
	}
	tell_lost(m, x->job);
	if (x->job->kind != JOB_ACTION)
		put_whole(m, x);
}

/* --- the file ------------------------------------------------------------------------------------------------------------ */

static void put_params(struct makefile *m, struct buf *out)
{
	for (size_t i = 0; i < m->params.n; i++) {
		const struct param *p = m->params.entry[i].value;
		bool env = p->from_env && !strcmp(p->from_env, p->name);

		buf_addf(out, "%s %s= ", p->name, env ? "?" : "");
		if (!p->dflt)
			buf_addf(out, "$(error give %s=...)", p->name);
		else
			(void)put_value(m, p->dflt, out);
		buf_putc(out, '\n');
	}
}

static bool put_env(struct makefile *m, const struct file *f, struct buf *out)
{
	for (size_t i = 0; i < f->env.n; i++) {
		if (!f->env.value[i]) {
			buf_addf(out, "unexport %s\n", f->env.name[i]);
			continue;
		}
		buf_addf(out, "export %s = ", f->env.name[i]);
		if (!put_value(m, f->env.value[i], out)) {
			diag_error(m->d, f->env.mark[i], "make cannot say the value of '%s'", f->env.name[i]);
			diag_hint(m->d, "give it to the jobs that need it, which then call orchmake");
			return false;
		}
		buf_putc(out, '\n');
	}
	return true;
}

static bool put_envs(struct makefile *m, struct buf *out)
{
	for (size_t i = 0; i < m->jf->n_files; i++)
		if (!put_env(m, m->jf->file[i], out))
			return false;
	return true;
}

static void put_all(struct makefile *m, const struct job *j, const struct buf *env, struct buf *out)
{
	buf_addf(out, "# %s of a Jobfile, for GNU make 4.3 or newer; written by orchmake.\n", j->name);
	buf_puts(out, "# Files are told apart by their times here, not by their contents.\n");
	buf_addf(out, "%s\nSHELL = /bin/sh\n.SHELLFLAGS = -eu -c\n.ONESHELL:\n.DELETE_ON_ERROR:\n.SUFFIXES:\n", m->lost.data);
	put_params(m, out);
	buf_puts(out, env->data);
	buf_addf(out, ".DEFAULT_GOAL = %s\n.PHONY:%s FORCE\n%s", j->name, m->words.data, m->rules.data);
}

bool export_make(const struct jobfile *jf, const struct job *j, struct buf *out, struct diags *d)
{
	struct makefile m = {.jf = jf, .d = d, .rules = BUF_INIT, .words = BUF_INIT, .lost = BUF_INIT};
	struct buf env = BUF_INIT;
	bool good = put_envs(&m, &env);

	learn_waits(&m, j);
	find_jobs(&m, j);
	for (size_t i = 0; good && i < m.n; i++)
		put_job(&m, &m.at[i]);
	if (good)
		put_all(&m, j, &env, out);
	for (size_t i = 0; i < m.n; i++) {
		free(m.at[i].before);
		free(m.at[i].reads);
	}
	free(m.at);
	map_release(&m.waits);
	map_release(&m.params);
	buf_release(&m.rules);
	buf_release(&m.words);
	buf_release(&m.lost);
	buf_release(&env);
	return good;
}
