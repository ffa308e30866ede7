/* Whether there is an image of what is asked, and whether everything still looks as it does in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "engine/engine_impl.h"
#include "engine/image_impl.h"
#include "engine/image_read.h"
#include "sys/makeflags.h"

/* --- the file -------------------------------------------------------------------------------------------------- */

static bool has_head(const struct image *im)
{
	const struct image_head *h = im->head;
	const uint32_t text[] = {h->root, h->asked, h->target, h->names_of_env};

	for (size_t i = 0; i < ARRAY_LEN(text); i++)
		if (text[i] >= im->len_names)
			return false;
	return !h->run.text[ULID_LEN] && !h->request[DIGEST_HEX] && !h->env[DIGEST_HEX];
}

static bool has_sights(const struct image *im)
{
	for (size_t i = 0; i < im->head->n_documents + im->head->n_files; i++)
		if (im->sight[i].name >= im->len_names || im->sight[i].kind >= SIGHT_KINDS)
			return false;
	return true;
}

/* Variables' names end with an empty one, before the names do. */
static bool has_env_names(const struct image *im)
{
	const char *at = im->names + im->head->names_of_env, *end = im->names + im->len_names;

	while (at < end && *at)
		at += strlen(at) + 1;
	return at < end;
}

/* n things of that size are taken off what is left; false: there are not so many. */
static bool take(const char **at, size_t *left, uint64_t n, size_t size)
{
	if (n > *left / size)
		return false;
	*at += n * size;
	*left -= n * size;
	return true;
}

/* False: it is not what it says. */
static bool take_apart(struct image *im)
{
	const char *at = im->file.data + sizeof(struct image_header);
	size_t left = im->file.len - sizeof(struct image_header);

	im->head = (const struct image_head *)at;
	if (!take(&at, &left, 1, sizeof(*im->head)))
		return false;
	im->sight = (const struct sight *)at;
	if (!take(&at, &left, im->head->n_documents, sizeof(struct sight)) ||
	    !take(&at, &left, im->head->n_files, sizeof(struct sight)))
		return false;
	im->told = (const struct image_told *)at;
	if (!take(&at, &left, im->head->n_told, sizeof(struct image_told)))
		return false;
	im->names = at;
	im->len_names = left;
	return left && !at[left - 1] && has_head(im) && has_env_names(im) && has_sights(im);
}

static struct image *image_read(const char *path, struct buf *why)
{
	enum { IMAGE_MAX = 1 << 30 };
	struct image *im = xcalloc(1, sizeof(*im));

	buf_init(&im->file);
	if (file_read_own(path, &im->file, IMAGE_MAX) == 0 && image_is_sealed(&im->file) && take_apart(im))
		return im;
	buf_addf(why, "%s is damaged, of another version, or somebody else's", path);
	image_free(im);
	return NULL;
}

void image_free(struct image *im)
{
	if (!im)
		return;
	buf_release(&im->file);
	free(im->ledger);
	free(im);
}

/* --- where it is --------------------------------------------------------------------------------------------------- */

static char *image_in(const char *dir, const char *name)
{
	char *path = image_path(strcmp(dir, "/") ? dir : "", name);

	if (file_exists(path))
		return path;
	free(path);
	return NULL;
}

/* Of the documents that -f names: of a folder of them, or beside one. */
static char *image_beside(const char *file, const char *name)
{
	char *path = image_in(file, name), *dir = path_dir(file);

	if (!path)
		path = image_in(dir, name);
	free(dir);
	return path;
}

/* Where a search for documents would come by; the caller frees; NULL: nowhere. */
static char *find_file(const struct run_options *o)
{
	char *dir, *path = NULL;

	if (o->files.n)
		return image_beside(o->files.at[0], o->image->name);
	dir = realpath(".", NULL);
	while (dir && !(path = image_in(dir, o->image->name)) && strcmp(dir, "/")) {
		char *up = path_dir(dir);

		free(dir);
		dir = up;
	}
	free(dir);
	return path;
}

/* --- whether it holds ---------------------------------------------------------------------------------------------- */

static bool same_digest(const struct image *im, const json_t *what, const char *then)
{
	struct digest now;

	image_digest(im->ledger, true, what, &now);
	return !strcmp(now.hex, then);
}

static bool is_asked(const struct image *im, const struct run_options *o, struct buf *why)
{
	json_t *env = image_environ(o->environ, im->names + im->head->names_of_env);
	bool same_env = same_digest(im, env, im->head->env);

	json_decref(env);
	if (!same_digest(im, o->image->what, im->head->request))
		buf_puts(why, "something else is asked than then");
	else if (!same_env)
		buf_puts(why, "a variable of the environment is another than then");
	return !why->len;
}

/* Documents first: they are few, and what changes most often. */
static bool looks_same(const struct image *im, struct buf *why)
{
	const struct image_head *h = im->head;
	const char *other = sights_differ(im->sight, h->n_documents, im->names, AT_FDCWD);
	int root = -1;

	if (!other) {
		root = open(im->names + h->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
		other = root < 0 ? im->names + h->root
				 : sights_differ(im->sight + h->n_documents, h->n_files, im->names, root);
	}
	if (root >= 0)
		close(root);
	if (other)
		buf_addf(why, "'%s' is not what it was then", other);
	return !other;
}

static bool has_slots_above(const struct run_options *o)
{
	return o->above && o->above->auth != AUTH_NONE;
}

struct image *image_find(const struct run_options *o, struct buf *why)
{
	int64_t wall_ms = stamp_wall_ms(), mono_ns = stamp_mono_ns();
	char *path = has_slots_above(o) ? NULL : find_file(o);
	struct image *im = path ? image_read(path, why) : NULL;

	if (!path)
		buf_puts(why, has_slots_above(o) ? "its slots are those of a make above" : "there is none of what is asked");
	free(path);
	if (!im)
		return NULL;
	im->start_wall_ms = wall_ms;
	im->start_mono_ns = mono_ns;
	im->ledger = o->ledger ? xstrdup(o->ledger) : xasprintf("%s/.orchmake/ledger.db", im->names + im->head->root);
	if (is_asked(im, o, why) && looks_same(im, why))
		return im;
	image_free(im);
	return NULL;
}

/* --- what it says ---------------------------------------------------------------------------------------------------- */

const char *image_root(const struct image *im)
{
	return im->names + im->head->root;
}

bool image_all_cached(const struct image *im, const char **ret_target, uint32_t *ret_n)
{
	uint32_t n = im->head->by_state[STATE_CACHED], all = 0;

	for (int s = 0; s < STATE_COUNT; s++)
		all += im->head->by_state[s];
	*ret_target = im->names + im->head->target;
	*ret_n = n;
	return n == all && im->head->native;
}
