/* From files to a checked model: which documents there are, and what becomes of them. */
#include "job/read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/digest.h"
#include "base/fdio.h"
#include "base/file_glob.h"
#include "base/sights.h"
#include "doc/compiled.h"

void sources_rest(struct sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		source_rest(s->at[i]);
}

void sources_release(struct sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		source_free(s->at[i]);
	free(s->at);
	*s = (struct sources){0};
}

static void drop_source(void *s)
{
	source_free(s);
}

struct include {
	const char *name, *sha256; /* NULL: whatever its content is */
	const char *ns; /* in full; NULL: that of the document which includes */
	struct value_map params;
	struct mark mark;
	bool optional;
};

/* --- a document ------------------------------------------------------------------------------- */

static void note_namespace(struct loader *l, const struct source *s, const char *ns)
{
	char key[32];

	snprintf(key, sizeof(key), "%p", (const void *)s);
	map_put(&l->ns_of, key, (void *)ns);
	l->has_scopes = true;
}

const char *ns_at(struct loader *l, struct mark m)
{
	char key[32];

	if (!l->ns_of.n)
		return NULL;
	snprintf(key, sizeof(key), "%p", (const void *)m.source);
	return map_get(&l->ns_of, key);
}

static struct file *add_file(struct loader *l, struct source *s, const struct pending *p)
{
	struct file *f = ARENA_NEW(l->a, struct file);

	*f = (struct file){
		.source = s,
		.path = arena_strdup(l->a, p->path),
		.include_mark = p->mark,
		.included_by = p->included_by,
		.ns = p->ns,
		.identity = p->identity,
		.format = "native",
	};
	if (p->ns)
		note_namespace(l, s, p->ns);
	traits_init(&f->defaults);
	VEC_PUSH(l->sources.at, l->sources.n, l->sources.room, s);
	VEC_PUSH(l->jf->file, l->jf->n_files, l->room_files, f);
	return f;
}

static void drop_compiled(void *k)
{
	compiled_free(k);
}

static void find_compiled(struct loader *l, struct file *f)
{
	char *dir = path_join(l->jf->root, COMPILED_DIR);

	f->compiled = compiled_open(dir, f->source, l->where->compiles);
	if (f->compiled)
		arena_on_free(l->a, drop_compiled, f->compiled);
	free(dir);
}

static void read_source(struct loader *l, struct source *s, const struct pending *p)
{
	l->file = add_file(l, s, p);
	if (l->where->compiled && strcmp(p->path, "-"))
		find_compiled(l, l->file);
	read_document(l, s);
	if (l->file->compiled)
		compiled_rest(l->file->compiled);
	l->file = NULL;
}

/* Whether f is that file, or is included by it. */
static bool is_above(const struct file *f, const char *identity)
{
	for (; f; f = f->included_by)
		if (f->identity && !strcmp(f->identity, identity))
			return true;
	return false;
}

static void say_circle(struct loader *l, const struct pending *p)
{
	diag_error(l->d, p->mark, "'%s' includes itself", p->path);
	for (const struct file *f = p->included_by; f->included_by; f = f->included_by)
		diag_note(l->d, f->include_mark, "'%s' is included here", f->path);
}

/* Two that each include the next under two names would be there a million times after twenty. */
static bool are_too_many(struct loader *l, const struct pending *p)
{
	enum { NAMESPACED_MAX = 10000 };

	if (!p->ns || l->ns_of.n < NAMESPACED_MAX)
		return false;
	if (!l->cut_short)
		diag_error(l->d, p->mark, "more than %d documents are included with 'as'", (int)NAMESPACED_MAX);
	return l->cut_short = true;
}

/* False if the file has been read for its namespace, or must not be; p learns its identity. */
static bool note_file(struct loader *l, struct pending *p)
{
	struct stat st;
	char *key;
	bool again;

	if (!strcmp(p->path, "-"))
		return true;
	if (stat(p->path, &st) < 0)
		return true; /* opening it will say why */
	p->identity = arena_printf(l->a, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	if (is_above(p->included_by, p->identity)) {
		say_circle(l, p);
		return false;
	}
	key = xasprintf("%s %s", p->identity, p->ns ? p->ns : "");
	again = map_has(&l->seen, key);
	map_put(&l->seen, key, l);
	free(key);
	return !again && !are_too_many(l, p);
}

/* Not a byte of a document that is not the one meant is looked at. */
static bool is_as_said(struct loader *l, const struct pending *p, const struct source *s)
{
	const char *is = p->sha256 ? source_digest(s)->hex : NULL;

	if (!is || !strcmp(is, p->sha256))
		return true;
	diag_error(l->d, p->mark, "'%s' is not the file that was meant: its SHA-256 is %s", p->path, is);
	diag_hint(l->d, "read what has changed; if it is right, write sha256: %s", is);
	return false;
}

static void unreadable(struct loader *l, const struct pending *p, int error)
{
	diag_error(l->d, p->mark, "cannot read '%s': %s", p->path, strerror(error));
	if (error == EACCES)
		diag_hint(l->d, "`ls -l %s` shows who may; -f FILE names another", p->path);
}

static void read_pending(struct loader *l, struct pending *p)
{
	bool is_stdin = !strcmp(p->path, "-");
	struct source *s;

	if (!note_file(l, p))
		return;
	if (is_stdin)
		sights_spoil(l->where->sights, "a document came from standard input");
	else
		sights_look(l->where->sights, ".", p->path);
	s = is_stdin ? source_open_fd(STDIN_FILENO, "standard input") : source_open(p->path, p->path);
	if (!s && errno == ENOENT)
		diag_error(l->d, p->mark, "'%s' not found", p->path);
	else if (!s)
		unreadable(l, p, errno);
	l->cut_short |= !s;
	if (s && !is_as_said(l, p, s)) {
		l->cut_short = true;
		VEC_PUSH(l->sources.at, l->sources.n, l->sources.room, s);
	} else if (s)
		read_source(l, s, p);
}

void loader_add_document(struct loader *l, const char *path, struct file *included_by, struct mark m)
{
	struct pending p = {.path = xstrdup(path), .included_by = included_by, .mark = m};

	VEC_PUSH(l->pending, l->n_pending, l->room_pending, p);
}

static void add_included(struct loader *l, const char *path, const struct include *in)
{
	loader_add_document(l, path, l->file, in->mark);
	l->pending[l->n_pending - 1].sha256 = in->sha256;
	l->pending[l->n_pending - 1].ns = in->ns;
}

static void read_all_pending(struct loader *l)
{
	for (size_t i = 0; i < l->n_pending; i++) {
		struct pending p = l->pending[i];

		read_pending(l, &p);
	}
}

/* --- include ---------------------------------------------------------------------------------- */

/* Add what name means in dir; how many files. */
static size_t include_from(struct loader *l, const struct include *in, const char *dir)
{
	char *path = path_join(dir, in->name);
	bool is_glob = in->name[strcspn(in->name, "*?[")];
	struct file_matches found = {0};
	size_t n = 0;

	if (is_glob)
		sights_match(l->where->sights, ".", path);
	else
		sights_look(l->where->sights, ".", path);
	if (!is_glob && file_exists(path)) {
		add_included(l, path, in);
		n = 1;
	} else if (is_glob) {
		(void)file_glob(dir, in->name, &found); /* what cannot be looked into has none */
		for (; n < found.n; n++) {
			char *one = path_join(dir, found.at[n]);

			add_included(l, one, in);
			free(one);
		}
	}
	file_matches_release(&found);
	free(path);
	return n;
}

static void include(struct loader *l, const struct include *in)
{
	char *dir = strcmp(l->file->path, "-") ? path_dir(l->file->path) : xstrdup(".");
	size_t n = include_from(l, in, dir);

	for (size_t i = 0; !n && i < l->where->n_include_dirs; i++)
		n = include_from(l, in, l->where->include_dir[i]);
	if (!n && !in->optional) {
		l->cut_short = true;
		diag_error(l->d, in->mark, "no file '%s' to include", in->name);
		diag_hint(l->d, "write {file: \"%s\", optional: true} if it may be absent", in->name);
	}
	if (n && in->params.n)
		VEC_PUSH(l->given, l->n_given, l->room_given, ((struct given_params){in->ns, in->params}));
	free(dir);
}

static void read_sha256(struct loader *l, const struct node *n, const char **ret)
{
	const char *text;

	if (!read_text(l, "sha256", n, &text))
		return;
	if (strlen(text) == DIGEST_HEX && !text[strspn(text, "0123456789abcdef")])
		*ret = text;
	else
		bad_value(l, "sha256", "64 digits of 0-9 and a-f, as sha256sum prints them", n);
}

static void use_include_key(struct loader *l, void *ctx, enum key key, const struct node *name,
			    const struct node *n)
{
	struct include *in = ctx;

	switch (key) {
	case KEY_include_optional:
		read_bool(l, name->text, n, &in->optional);
		break;
	case KEY_include_sha256:
		read_sha256(l, n, &in->sha256);
		break;
	case KEY_include_as:
		if (read_text(l, name->text, n, &in->ns) && check_name(l, "a namespace", n))
			in->ns = full_name(l, in->ns);
		break;
	case KEY_include_params:
		read_value_map(l, name->text, n, false, &in->params);
		break;
	default:
		if (read_text(l, name->text, n, &in->name))
			in->mark = n->mark;
	}
}

static void read_include(struct loader *l, const struct node *n, struct include *in)
{
	read_map(l, n, IN_INCLUDE, "'include'", use_include_key, in);
	if (!node_get(n, "file"))
		diag_error(l->d, n->mark, "'include' has no 'file'");
	if (node_get(n, "params") && !node_get(n, "as")) {
		diag_error(l->d, node_get(n, "params")->mark, "'params' of an include are for the parameters of a namespace");
		diag_hint(l->d, "write as: NAME beside it; without, the parameters are this document's as well");
	}
}

void read_includes(struct loader *l, const struct node *n)
{
	if (n->kind != NODE_LIST) {
		bad_value(l, "include", "a list of files", n);
		return;
	}
	for (size_t i = 0; i < n->n; i++) {
		const struct node *item = n->item[i];
		size_t before = diags_errors(l->d);
		struct include in = {.ns = l->file->ns, .mark = item->mark};

		if (item->kind != NODE_MAP)
			read_text(l, "include", item, &in.name);
		else
			read_include(l, item, &in);
		if (diags_errors(l->d) > before)
			l->cut_short = true; /* what it has is missing */
		else
			include(l, &in);
	}
}

/* --- the whole -------------------------------------------------------------------------------- */

static struct loader *loader_new(const struct jobfile_where *w, struct diags *d)
{
	struct loader *l = xcalloc(1, sizeof(*l));
	struct arena *a = arena_new();

	l->where = w;
	l->d = w->sources ? d : diags_new();
	l->errors_before = diags_errors(l->d);
	l->a = a;
	l->scratch = arena_new();
	l->jf = ARENA_NEW(a, struct jobfile);
	l->jf->arena = a;
	return l;
}

/* A copy in the arena of an array that grew on the heap. */
static void *settle(struct arena *a, void *array, size_t n, size_t size)
{
	void *copy = arena_array(a, n, size);

	if (n)
		memcpy(copy, array, n * size);
	free(array);
	return copy;
}

static void settle_arrays(struct loader *l)
{
	struct jobfile *jf = l->jf;

	jf->file = settle(l->a, jf->file, jf->n_files, sizeof(*jf->file));
	jf->job = settle(l->a, jf->job, jf->n_jobs, sizeof(*jf->job));
	jf->params.at = settle(l->a, jf->params.at, jf->params.n, sizeof(*jf->params.at));
	jf->var = settle(l->a, jf->var, jf->n_vars, sizeof(*jf->var));
	jf->secret = settle(l->a, jf->secret, jf->n_secrets, sizeof(*jf->secret));
	jf->callable = settle(l->a, jf->callable, jf->n_callables, sizeof(*jf->callable));
	jf->store = settle(l->a, jf->store, jf->n_stores, sizeof(*jf->store));
	jf->pool = settle(l->a, jf->pool, jf->n_pools, sizeof(*jf->pool));
	jf->lock = settle(l->a, jf->lock, jf->n_locks, sizeof(*jf->lock));
}

static void loader_free(struct loader *l)
{
	arena_free(l->scratch);
	for (int k = 0; k < NAME_KINDS; k++)
		map_release(&l->names[k]);
	map_release(&l->seen);
	map_release(&l->blamed);
	map_release(&l->configs);
	map_release(&l->instances);
	free(l->unmarked);
	map_release(&l->once);
	map_release(&l->ns_of);
	free(l->given);
	policy_table_release(&l->policies);
	for (size_t i = 0; i < l->n_pending; i++)
		free(l->pending[i].path);
	free(l->pending);
	free(l->template);
	free(l->sources.at);
	free(l);
}

static void tell(struct diags *d, enum diag_kind kind, struct mark m, const char *text)
{
	switch (kind) {
	case DIAG_ERROR:
		diag_error(d, m, "%s", text);
		break;
	case DIAG_WARNING:
		diag_warn(d, m, "%s", text);
		break;
	case DIAG_NOTE:
		diag_note(d, m, "%s", text);
		break;
	case DIAG_HINT:
		diag_hint(d, "%s", text);
		break;
	}
}

/* Tell d what was said in own; places in words if the texts they point into are about to go. */
static void retell(const struct diags *own, struct diags *d, bool texts_stay)
{
	for (size_t i = 0; i < diags_count(own); i++) {
		const struct diag *one = diags_at(own, i);
		struct mark m = one->mark;
		struct buf text = BUF_INIT;

		if (!texts_stay && m.source && m.line)
			buf_addf(&text, "%s:%u:%u: ", source_name(m.source), (unsigned)m.line,
				 (unsigned)m.col);
		buf_puts(&text, one->text);
		tell(d, one->kind, texts_stay ? m : MARK_NONE, text.data);
		buf_release(&text);
	}
}

/* Hand the texts to who keeps them. */
static void give_sources(struct loader *l, struct sources *keep)
{
	for (size_t i = 0; i < l->sources.n; i++) {
		if (keep)
			VEC_PUSH(keep->at, keep->n, keep->room, l->sources.at[i]);
		else
			arena_on_free(l->a, drop_source, l->sources.at[i]);
	}
}

static void check_default(struct loader *l, const struct file *f)
{
	const char *name = f->default_target, *near;

	if (!name || job_seen(l->jf, f->ns, name) || name[strcspn(name, "/[")])
		return;
	near = job_suggest(l->jf, f->ns, name);
	diag_error(l->d, f->default_mark, "no job '%s' to be the default", name);
	diag_suggest(l->d, near);
}

static const char *given_text(struct loader *l)
{
	const struct jobfile_where *w = l->where;
	struct buf text = BUF_INIT;
	const char *kept;

	buf_addf(&text, "%d %d", w->open_vars, w->thorough);
	for (size_t i = 0; i < w->n_vars; i++)
		buf_addf(&text, " %zu:%s %d %zu:%s", strlen(w->var[i].name), w->var[i].name, w->var[i].declared,
			 w->var[i].value ? strlen(w->var[i].value) : 0, w->var[i].value ? w->var[i].value : "-");
	kept = arena_strdup(l->a, text.data);
	buf_release(&text);
	return kept;
}

static void note_origin(struct loader *l)
{
	struct jobfile *jf = l->jf;

	jf->given = given_text(l);
	jf->n_texts = l->sources.n;
	jf->text = arena_array(l->a, jf->n_texts, sizeof(*jf->text));
	for (size_t i = 0; i < jf->n_texts; i++)
		jf->text[i] = l->sources.at[i];
}

static void finish_model(struct loader *l)
{
	refuse_unmarked(l);
	/* Half a document would give errors about the half that is missing. */
	if (!l->cut_short)
		apply_settings(l);
	settle_arrays(l);
	if (l->cut_short)
		return;
	settle_includes(l);
	for (size_t i = 0; i < l->jf->n_files; i++)
		check_default(l, l->jf->file[i]);
	settle_names(l);
	check_declared(l);
	inherit_all(l);
	settle_needs(l);
	check_model(l);
	check_artifacts(l);
	check_files(l);
	check_cycles(l);
	check_references(l);
}

/* Frees l; its messages go to d if they are not there already. */
static struct jobfile *loader_finish(struct loader *l, struct diags *d)
{
	struct jobfile *jf = l->jf;
	bool ok;

	finish_model(l);
	note_origin(l);
	ok = diags_errors(l->d) == l->errors_before;
	if (l->d != d) {
		retell(l->d, d, ok);
		diags_free(l->d);
	}
	give_sources(l, l->where->sources);
	loader_free(l);
	if (!ok) {
		jobfile_free(jf);
		return NULL;
	}
	return jf;
}

struct jobfile *jobfile_load(const struct jobfile_where *w, struct diags *d, bool *ret_none)
{
	struct loader *l = loader_new(w, d);

	if (ret_none)
		*ret_none = false;
	if (find_documents(l, ret_none))
		read_all_pending(l);
	return loader_finish(l, d);
}

static bool is_due(const struct file *f)
{
	return f->compiled && compiled_is_due(f->compiled);
}

bool jobfile_compiled_due(const struct jobfile *jf)
{
	for (size_t i = 0; i < jf->n_files; i++)
		if (is_due(jf->file[i]))
			return true;
	return false;
}

void jobfile_save_compiled(const struct jobfile *jf)
{
	for (size_t i = 0; i < jf->n_files; i++)
		if (is_due(jf->file[i]))
			compiled_save(jf->file[i]->compiled);
}

struct jobfile *jobfile_load_text_with(const struct jobfile_where *w, const char *name,
				       const char *text, size_t len, const char *root,
				       struct diags *d)
{
	struct loader *l = loader_new(w, d);

	l->jf->root = arena_strdup(l->a, root);
	if (len > SOURCE_MAX) {
		diag_error(l->d, MARK_NONE, "'%s' is too large", name);
		l->cut_short = true;
	} else {
		read_source(l, source_from(name, text, len), &(struct pending){.path = (char *)name});
		read_all_pending(l);
	}
	return loader_finish(l, d);
}

struct jobfile *jobfile_load_text(const char *name, const char *text, size_t len, const char *root,
				  struct diags *d)
{
	return jobfile_load_text_with(&(struct jobfile_where){0}, name, text, len, root, d);
}
