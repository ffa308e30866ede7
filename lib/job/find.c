/* Which documents there are: -f, or the search from the current folder up. */
#include "job/read.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/sights.h"

struct names {
	char **at;
	size_t n, room;
};

static void names_release(struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->at[i]);
	free(l->at);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static bool is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

static bool is_document_name(const char *name)
{
	static const char *const ends[] = {".yml", ".yaml", ".json"};
	size_t n = strlen(name);

	if (!strcmp(name, "Jobfile"))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (n > strlen(ends[i]) && !strcmp(name + n - strlen(ends[i]), ends[i]))
			return true;
	return false;
}

/* Put the entries of dir into documents and folders; false and errno if it cannot be read. */
static bool look_into(const char *dir, struct names *documents, struct names *folders, struct sights *sights)
{
	struct dirent *e;
	DIR *d;

	sights_list(sights, ".", dir);
	d = opendir(dir);
	if (!d)
		return false;
	while ((e = readdir(d))) {
		char *path;

		if (e->d_name[0] == '.')
			continue;
		path = path_join(dir, e->d_name);
		if (e->d_type == DT_LNK) /* what it leads to may become something else */
			sights_look(sights, ".", path);
		/* A link to a folder is not followed: it may lead back up. */
		if (e->d_type == DT_LNK ? false : is_folder(path))
			VEC_PUSH(folders->at, folders->n, folders->room, path);
		else if (is_document_name(e->d_name) && !is_folder(path))
			VEC_PUSH(documents->at, documents->n, documents->room, path);
		else
			free(path);
	}
	closedir(d);
	return true;
}

/* Every document below dir, by name. */
static bool add_folder(struct loader *l, const char *dir)
{
	struct names documents = {0}, folders = {0};
	bool ok = true;

	VEC_PUSH(folders.at, folders.n, folders.room, xstrdup(dir));
	for (size_t i = 0; ok && i < folders.n; i++) {
		ok = look_into(folders.at[i], &documents, &folders, l->where->sights);
		if (!ok)
			diag_error(l->d, MARK_NONE, "cannot read the folder '%s': %s", folders.at[i],
				   strerror(errno));
	}
	if (documents.n)
		qsort(documents.at, documents.n, sizeof(*documents.at), by_name);
	for (size_t i = 0; ok && i < documents.n; i++)
		loader_add_document(l, documents.at[i], NULL, MARK_NONE);
	names_release(&documents);
	names_release(&folders);
	return ok;
}

/* --- as asked --------------------------------------------------------------------------------- */

static bool add_asked(struct loader *l, const char *path)
{
	size_t before = l->n_pending;

	sights_look(l->where->sights, ".", path);
	if (!is_folder(path)) {
		loader_add_document(l, path, NULL, MARK_NONE);
		return true;
	}
	if (!add_folder(l, path))
		return false;
	if (l->n_pending > before)
		return true;
	diag_error(l->d, MARK_NONE, "'%s' is a folder, with no document below it", path);
	diag_hint(l->d, "documents are files named Jobfile, *.yml, *.yaml or *.json");
	return false;
}

/* The folder that everything is relative to: of the first one. */
static void set_root(struct loader *l, const char *path)
{
	char *dir = !strcmp(path,
			    "-") ? xstrdup(".") : is_folder(path) ? xstrdup(path) : path_dir(path);

	l->jf->root = arena_strdup(l->a, dir);
	free(dir);
}

/* --- as found --------------------------------------------------------------------------------- */

const char *const jobfile_names[] = {"Jobfile", "Jobfile.yml", "Jobfile.yaml"};

/* Add what stands in dir; false if it is nothing, or if that is an error. */
static bool add_found(struct loader *l, const char *dir)
{
	char *jobfiles = path_join(dir, "jobfiles");
	size_t before = l->n_pending;

	for (size_t i = 0; i < ARRAY_LEN(jobfile_names) && l->n_pending == before; i++) {
		char *path = path_join(dir, jobfile_names[i]);

		sights_look(l->where->sights, ".", path);
		if (file_exists(path) && !is_folder(path))
			loader_add_document(l, path, NULL, MARK_NONE);
		free(path);
	}
	sights_look(l->where->sights, ".", jobfiles);
	if (is_folder(jobfiles))
		add_folder(l, jobfiles);
	free(jobfiles);
	return l->n_pending > before;
}

static bool same_folder(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Whether the search ends in dir: a repository's top, the home folder, or the root of all. */
static bool is_top(const struct loader *l, const char *dir, const char *home)
{
	char *git = path_join(dir, ".git"), *up = path_join(dir, "..");
	bool top;

	sights_look(l->where->sights, ".", git);
	top = file_exists(git) || (home && same_folder(dir, home)) || same_folder(dir, up);

	free(git);
	free(up);
	return top;
}

/* Who the user is, is asked only where there is nothing in the first folder: that takes 20 system calls. */
static bool search(struct loader *l)
{
	char *dir = xstrdup(".");
	bool found = add_found(l, dir);
	const struct passwd *pw = found ? NULL : getpwuid(getuid());

	while (!found && diags_errors(l->d) == l->errors_before && !is_top(l, dir, pw ? pw->pw_dir : NULL)) {
		char *up = !strcmp(dir, ".") ? xstrdup("..") : path_join(dir, "..");

		free(dir);
		dir = up;
		found = add_found(l, dir);
	}
	if (found)
		set_root(l, dir);
	free(dir);
	return found;
}

/* What somebody may have taken for a Jobfile. */
static void hint_at_others(struct loader *l)
{
	static const char *const names[] = {"Makefile", "makefile", "GNUmakefile", "justfile", "Taskfile.yml"};

	if (is_folder("Jobfile"))
		diag_hint(l->d, "'Jobfile' is a folder: -f Jobfile reads the documents below it; below jobfiles/ they are found");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!file_exists(names[i]))
			continue;
		diag_hint(l->d, "'%s' is for another program; a job may run that: `run: %s`", names[i],
			  strchr(names[i], 'T') ? "task" : strchr(names[i], 'j') ? "just" : "make");
		if (!strchr(names[i], 'j'))
			diag_hint(l->d, "or take it over: `orchmake import %s >Jobfile`", names[i]);
		break;
	}
}

/* Documents of this folder that orchmake would read if it were told to. */
static void hint_at_documents(struct loader *l)
{
	enum { LOOKED_AT = 20, NAMED = 3 };
	struct names documents = {0}, folders = {0};
	size_t named = 0;

	(void)look_into(".", &documents, &folders, NULL);
	if (documents.n)
		qsort(documents.at, documents.n, sizeof(*documents.at), by_name);
	for (size_t i = 0; i < documents.n && i < LOOKED_AT && named < NAMED; i++) {
		const char *kind = is_file(documents.at[i]) ? document_kind(documents.at[i]) : NULL;

		if (!kind)
			continue;
		diag_hint(l->d, "'%s' is %s: `orchmake -f %s` runs it", documents.at[i], kind, documents.at[i]);
		named++;
	}
	names_release(&documents);
	names_release(&folders);
}

bool find_documents(struct loader *l, bool *ret_none)
{
	const struct jobfile_where *w = l->where;
	bool ok = true;

	for (size_t i = 0; i < w->n_paths; i++)
		ok = add_asked(l, w->path[i]) && ok;
	if (w->n_paths) {
		set_root(l, w->path[0]);
		return ok;
	}
	if (search(l))
		return true;
	if (diags_errors(l->d) > l->errors_before)
		return false;
	if (ret_none)
		*ret_none = true;
	diag_error(l->d, MARK_NONE, "no Jobfile here or in a folder above");
	hint_at_documents(l);
	hint_at_others(l);
	diag_hint(l->d, "`orchmake init` writes one; -f FILE names another");
	return false;
}
