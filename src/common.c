/* What several verbs do: loading, messages, the ledger. */
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "cmd.h"
#include "last.h"
#include "doc/json.h"
#include "report/tty.h"

static void message(const char *head, const char *fmt, va_list ap)
{
	fputs(head, stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void cli_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message("orchmake: ", fmt, ap);
	va_end(ap);
}

void cli_hint(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message("  = ", fmt, ap);
	va_end(ap);
}

char *cli_user(void)
{
	const struct passwd *p = getpwuid(geteuid());

	return p ? xstrdup(p->pw_name) : xasprintf("uid %u", (unsigned)geteuid());
}

bool cli_colour(const struct cli *c, FILE *out)
{
	const char *term = getenv("TERM"), *force = getenv("CLICOLOR_FORCE"), *no = getenv("NO_COLOR");

	switch (c->colour) {
	case COLOUR_ALWAYS:
		return true;
	case COLOUR_NEVER:
		return false;
	case COLOUR_AUTO:
		break;
	}
	if (no && *no)
		return false;
	if (force && *force && strcmp(force, "0"))
		return true;
	return isatty(fileno(out)) && term && *term && strcmp(term, "dumb");
}

void cli_diags(const struct cli *c, const struct diags *d)
{
	struct buf text = BUF_INIT;

	diags_format(d, &text, cli_colour(c, stderr));
	fputs(text.data, stderr);
	buf_release(&text);
}

/* Whether --var said it, not NAME=VALUE. */
static bool is_declared(const struct cli *c, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < c->vars.n; i++)
		if (!strncmp(c->vars.at[i], name, n) && c->vars.at[i][n] == '=')
			return true;
	return false;
}

/* What plans may have variables from: the payload, then the command line, which wins. */
struct given_vars {
	struct jobfile_var *at;
	size_t n;
	char **text; /* of the payload's numbers and the like; owned */
	size_t n_texts;
};

static void given_vars_init(struct given_vars *v, const struct cli *c)
{
	size_t room = json_object_size(c->payload);
	const char *key;
	json_t *one;

	*v = (struct given_vars){.at = xcalloc(room + c->n_params + 1, sizeof(*v->at)),
				 .text = xcalloc(room + 1, sizeof(*v->text))};
	json_object_foreach (c->payload, key, one) {
		struct buf text = BUF_INIT;

		if (json_is_object(one) || json_is_array(one) || json_is_null(one))
			continue;
		json_as_text(&text, one);
		v->text[v->n_texts] = buf_detach(&text);
		v->at[v->n++] = (struct jobfile_var){.name = key, .value = v->text[v->n_texts++]};
	}
	for (size_t i = 0; i < c->n_params; i++)
		v->at[v->n++] = (struct jobfile_var){c->param[i].name, c->param[i].text,
						     is_declared(c, c->param[i].name)};
}

static void given_vars_release(struct given_vars *v)
{
	for (size_t i = 0; i < v->n_texts; i++)
		free(v->text[i]);
	free(v->text);
	free(v->at);
}

const char **verb_names(void)
{
	const char **names = xcalloc(n_verbs, sizeof(*names));

	for (size_t i = 0; i < n_verbs; i++)
		names[i] = verbs[i].name;
	return names;
}

struct jobfile *cli_load_text(const char *name, const struct buf *text, const char *root, struct diags *d)
{
	const char **names = verb_names();
	struct jobfile_where w = {.verb = names, .n_verbs = n_verbs};
	struct jobfile *jf = jobfile_load_text_with(&w, name, text->data, text->len, root, d);

	free(names);
	return jf;
}

struct jobfile *cli_load_into(struct cli *c, struct diags *d)
{
	const char **names = verb_names();
	struct given_vars vars;
	struct jobfile_where w = {
		.path = c->files.at, .n_paths = c->files.n, .include_dir = c->include_dirs.at,
		.n_include_dirs = c->include_dirs.n, .set = c->sets.at, .n_sets = c->sets.n,
		.verb = names, .n_verbs = n_verbs, .sources = &c->sources,
		.thorough = c->dry_run || c->thorough, .open_vars = c->open_vars, .compiled = true,
		.sights = c->image.what ? &c->sights : NULL,
		.compiles = !c->dry_run,
	};
	struct jobfile *jf;

	given_vars_init(&vars, c);
	w.var = vars.at;
	w.n_vars = vars.n;
	jf = jobfile_load(&w, d, NULL);
	given_vars_release(&vars);
	free(names);
	return jf;
}

struct jobfile *cli_load(struct cli *c)
{
	struct diags *d = diags_new();
	struct jobfile *jf = cli_load_into(c, d);

	cli_diags(c, d);
	if (diags_count(d))
		sights_spoil(&c->sights, "there is something to say of the documents");
	diags_free(d);
	sources_rest(&c->sources);
	return jf;
}

/* --- names of jobs --------------------------------------------------------------------------------------------- */

/* An alias is a way to say it: what is run, recorded and looked for is the job. */
static void without_aliases(struct words *w, const struct jobfile *jf)
{
	for (size_t i = 0; i < w->n; i++) {
		const char *word = w->at[i];
		size_t n = strcspn(word, "/[");
		const struct job *j = map_get_n(&jf->job_by_name, word, n);

		if (j && (strlen(j->name) != n || strncmp(j->name, word, n) != 0))
			w->at[i] = arena_printf(jf->arena, "%s%s", j->name, word + n);
	}
}

void cli_name_jobs(struct cli *c, const struct jobfile *jf)
{
	struct words *const all[] = {&c->words, &c->what_if, &c->old, &c->only, &c->from, &c->until, &c->skip};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		without_aliases(all[i], jf);
}

bool cli_may_ask(const struct cli *c, const struct jobfile *jf)
{
	bool good = true;

	for (size_t i = 0; i < c->words.n; i++) {
		const struct job *j = map_get_n(&jf->job_by_name, c->words.at[i], strcspn(c->words.at[i], "/["));

		if (!j || !j->t.policy->private)
			continue;
		cli_error("job '%s' is private, so only other jobs can ask for it", j->name);
		cli_hint("ask for one that needs it, or take `private: true` from it");
		good = false;
	}
	return good;
}

/* The words as a list that engine and reader take. */
static struct text_span span(const struct words *w)
{
	return (struct text_span){w->at, w->n};
}

static void say(void *ctx, const char *text)
{
	(void)ctx;
	cli_error("%s", text);
}

static void debug_line(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "%s\n", text);
}

extern char **environ;

/* -j; without it what the targets ask for.  Where both say something, a plan's own limit holds as well. */
static uint32_t slots_of(const struct cli *c, const struct jobfile *jf)
{
	return c->slots || !jf ? (uint32_t)c->slots : jobfile_width(jf, c->words.at, c->words.n);
}

struct run_options cli_run_options(struct cli *c, const struct jobfile *jf)
{
	return (struct run_options){
		.targets = span(&c->words), .param = c->param, .n_params = c->n_params, .payload = c->payload,
		.ctx = c->ctx, .slots = slots_of(c, jf), .load_limited = c->load_limited, .load = c->load,
		.jobserver = c->jobserver, .above = c->above, .debt = last_debt(),
		.keep_going = c->keep_going, .fail_fast = c->fail_fast,
		.fail_limit = c->fail_limit, .ignore_failures = c->ignore_failures, .always = c->always, .touch = c->touch,
		.what_if = span(&c->what_if), .old = span(&c->old),
		.shuffle = c->shuffle, .seed = c->seed, .only = span(&c->only), .from = span(&c->from),
		.until = span(&c->until), .skip = span(&c->skip), .timeout_ms = c->timeout_ms, .deadline_ms = c->deadline_ms,
		.wait_ms = c->wait_ms, .no_wait = c->no_wait, .yes = c->yes,
		.overlap_given = c->overlap_given, .overlap = c->overlap,
		.ledger = c->ledger, .no_ledger = c->no_ledger, .log_dir = c->log_dir,
		.image = c->image.what ? &c->image : NULL,
		.env_wins = c->env_wins, .files = span(&c->files), .libexec = cli_libexec(), .version = ORCHMAKE_VERSION, .say = say,
		.debug = c->debug, .debug_line = debug_line,
		.environ = (const char *const *)environ, .echo_from = c->verbose ? c->here : NULL,
	};
}

/* --- programs of ours ----------------------------------------------------------------------------------------- */

/* The folder of this program, wherever it was moved to; empty if the kernel does not say. */
static const char *own_folder(void)
{
	static char dir[4096];
	ssize_t n;

	if (dir[0])
		return dir;
	n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	dir[n > 0 ? n : 0] = 0;
	if (n > 0)
		*strrchr(dir, '/') = 0;
	return dir;
}

/*
 * Beside this program when it runs from where it was built; where it was installed to, also if that was moved; and else
 * where it was to be installed.  The caller frees.
 */
static char *find_ours(const char *built, const char *moved, const char *installed, const char *name)
{
	const char *const tries[] = {built, moved};

	for (size_t i = 0; own_folder()[0] && i < ARRAY_LEN(tries); i++) {
		char *path = xasprintf("%s%s/%s", own_folder(), tries[i], name);

		if (file_exists(path))
			return path;
		free(path);
	}
	return path_join(installed, name);
}

const char *cli_libexec(void)
{
	static char *dir;

	if (!dir) {
		char *warden = find_ours("", "/../libexec/orchmake", ORCHMAKE_LIBEXEC, "orchmake-warden");

		dir = path_dir(warden);
		free(warden);
	}
	return dir;
}

char *cli_shipped(const char *name)
{
	return find_ours("/share", "/../share/orchmake", ORCHMAKE_DATADIR, name);
}

/* --- the ledger --------------------------------------------------------------------------------------------------- */

/* The ledger of that folder, if there is one. */
static char *ledger_in(const char *dir)
{
	char *path = xasprintf("%s/.orchmake/ledger.db", strcmp(dir, "/") ? dir : "");

	if (file_exists(path))
		return path;
	free(path);
	return NULL;
}

/* The one beside what -f names: a folder of documents, or a document in it. */
static char *ledger_beside(const char *file)
{
	char *path = ledger_in(file), *dir;

	if (path)
		return path;
	dir = path_dir(file);
	path = ledger_in(dir);
	free(dir);
	return path;
}

/* The one beside the Jobfile: the nearest folder upwards that has one. */
char *cli_ledger_path(struct cli *c)
{
	char *dir, *up, *path = NULL;

	if (c->ledger)
		return xstrdup(c->ledger);
	if (c->files.n)
		path = ledger_beside(c->files.at[0]);
	dir = path ? NULL : realpath(".", NULL);
	while (dir && !(path = ledger_in(dir))) {
		up = path_dir(dir);
		if (!strcmp(up, dir)) {
			free(up);
			break;
		}
		free(dir);
		dir = up;
	}
	free(dir);
	return path;
}

static struct ledger *open_ledger(struct cli *c, bool live)
{
	const struct ledger_options o = {.mode = live ? LEDGER_READ : LEDGER_LOOK};
	struct ledger_error err = LEDGER_ERROR_INIT;
	char *path = cli_ledger_path(c);
	struct ledger *l;

	if (!path) {
		cli_error("there is no ledger here: nothing has been run in this folder yet");
		cli_hint("--ledger FILE names one elsewhere");
		return NULL;
	}
	l = ledger_open(path, &o, &err);
	if (!l) {
		cli_error("%s", err.text.data);
		c->ledger_unusable = err.fault != LEDGER_MISSING;
	}
	ledger_error_release(&err);
	free(path);
	return l;
}

struct ledger *cli_ledger(struct cli *c)
{
	return open_ledger(c, false);
}

struct ledger *cli_ledger_write(struct cli *c)
{
	const struct ledger_options o = {.mode = LEDGER_WRITE};
	struct ledger_error err = LEDGER_ERROR_INIT;
	struct ledger *l = cli_ledger(c); /* says what is wrong, and makes none */
	char *path;

	if (!l)
		return NULL;
	ledger_close(l);
	path = cli_ledger_path(c);
	l = ledger_open(path, &o, &err);
	if (!l)
		cli_error("%s", err.text.data);
	ledger_error_release(&err);
	free(path);
	return l;
}

struct ledger *cli_ledger_live(struct cli *c)
{
	return open_ledger(c, true);
}

int64_t cli_run(struct ledger *l, const char *text)
{
	struct buf err = BUF_INIT;
	int64_t run = -1;

	if (ledger_run_find(l, text ? text : "last", NULL, &run, &err) != LEDGER_FOUND) {
		cli_error("%s", err.data);
		run = -1;
	}
	buf_release(&err);
	return run;
}

void cli_print_clean(const char *text)
{
	struct buf clean = BUF_INIT;

	for (const char *end; *text; text = end + (*end != 0)) {
		end = strchrnul(text, '\n');
		buf_reset(&clean);
		tty_clean(&clean, (struct span){text, (size_t)(end - text)});
		puts(clean.data);
	}
	buf_release(&clean);
}

void cli_print_json(const json_t *v)
{
	struct buf text = BUF_INIT;

	json_text(&text, v, JSON_INDENTED);
	puts(text.data);
	buf_release(&text);
}
