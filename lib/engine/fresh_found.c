/* What a step has read besides its inputs, by its depfile's account. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "engine/depfile.h"
#include "engine/engine_impl.h"
#include "engine/fresh.h"

/* NULL: there is none, or its name cannot be known. */
static char *path_of(struct engine *e, const struct value *v, const struct expr_world *w)
{
	struct buf text = BUF_INIT, ignored = BUF_INIT;
	char *path = v && value_text(v, w, &text, &ignored) ? path_join(e->root, text.data) : NULL;

	buf_release(&text);
	buf_release(&ignored);
	return path;
}

/* Programs know names from where they run. */
static void add_names(struct engine *e, const char *cwd, const struct map *named, struct map *ret)
{
	for (size_t i = 0; i < named->n; i++) {
		char *path = path_join(cwd ? cwd : e->root, named->entry[i].key);
		struct buf clean = BUF_INIT;

		path_clean(&clean, e->root, path);
		if (!map_has(ret, clean.data))
			(void)map_put(ret, clean.data, (void *)file_of_depfile);
		buf_release(&clean);
		free(path);
	}
}

static bool read_depfile(const char *path, struct map *ret, struct buf *err)
{
	enum { DEPFILE_MAX = 64 << 20 };
	struct buf text = BUF_INIT;
	size_t line;
	bool good = true;

	if (file_read_regular(path, &text, DEPFILE_MAX) < 0) {
		buf_addf(err, "cannot be read: %s", strerror(errno));
		good = false;
	} else if (!depfile_parse(text.data, text.len, ret, &line)) {
		buf_addf(err, "is no rule of make: line %zu", line);
		good = false;
	}
	buf_release(&text);
	return good;
}

bool fresh_found(struct engine *e, uint32_t unit, struct map *ret, struct buf *err)
{
	const struct traits *t = &e->x->place[unit].step->t;
	struct map named = MAP_INIT;
	struct unit_world w;
	struct expr_world xw;
	char *path, *cwd;
	bool good;

	unit_world_init(&w, e, unit);
	xw = unit_world_expr(&w);
	path = path_of(e, t->flow->depfile, &xw);
	cwd = path_of(e, t->policy->cwd, &xw);
	unit_world_release(&w);
	good = path && read_depfile(path, &named, err);
	add_names(e, cwd, &named, ret);
	map_release(&named);
	free(path);
	free(cwd);
	return good;
}

void fresh_look_found(struct engine *e, struct fresh_unit *f, const struct attempt *a, struct verdict *v)
{
	struct map names = MAP_INIT, gone = MAP_INIT;
	struct buf err = BUF_INIT;

	if (!fresh_found(e, f->unit, &gone, &err)) {
		v->state = STATE_FAILED;
		v->reason = REASON_EXIT;
		buf_reset(&v->error);
		buf_addf(&v->error, "it ended well, and its depfile %s", err.data);
	} else if (fresh_names(e, f->unit, true, &names, &err)) {
		file_list_look(&e->fresh->files, &f->found, &names, &f->out_names);
		f->finds = true;
		f->start_wall_ms = a->start_wall_ms;
	}
	map_release(&names);
	map_release(&gone);
	buf_release(&err);
}

static bool is_among(const struct file_list *l, const struct known_file *file)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->at[i].file == file)
			return true;
	return false;
}

/*
 * A file that nobody knew of before the start: it has been written since, perhaps when it had been read.  The clock of
 * files may lag by a tick; what was changed within it had not been read yet.
 */
static const char *moved_since(const struct fresh_unit *f)
{
	int64_t after_ns = (f->start_wall_ms + 1) * NS_PER_MS;

	for (size_t i = 0; i < f->found.n; i++)
		if (f->found.at[i].id.ctime_ns >= after_ns && !is_among(&f->input, f->found.at[i].file))
			return f->found.at[i].file->path;
	return NULL;
}

void fresh_take_found(struct engine *e, struct fresh_unit *f)
{
	if (!f->finds)
		return;
	if (!f->moved)
		f->moved = file_list_moved(&e->fresh->files, &f->input);
	if (!f->moved)
		f->moved = moved_since(f);
	file_list_release(&f->input);
	f->input = f->found;
	f->found = (struct file_list){0};
	f->finds = false;
}
