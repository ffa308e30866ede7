#include "engine/fresh.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/stamp.h"

void file_table_init(struct file_table *t, const char *root)
{
	*t = (struct file_table){.root = root, .root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC),
				 .arena = arena_new()};
}

void file_table_release(struct file_table *t)
{
	if (!t->arena)
		return;
	if (t->root_fd >= 0)
		close(t->root_fd);
	map_release(&t->file);
	arena_free(t->arena);
	t->arena = NULL;
}

static struct known_file *entry(struct file_table *t, const char *path)
{
	struct known_file *k = map_get(&t->file, path);

	if (k)
		return k;
	k = ARENA_NEW(t->arena, struct known_file);
	(void)map_put(&t->file, path, k);
	k->path = t->file.entry[t->file.n - 1].key;
	return k;
}

/* What is known from this run is newer. */
static bool remember(void *ctx, const struct ledger_file *f)
{
	struct file_table *t = ctx;
	struct known_file *k = entry(t, f->path);

	if (k->known)
		return true;
	k->id = f->id;
	k->hash = f->hash;
	k->since_wall_ms = f->since_wall_ms;
	k->known = k->settled = true;
	return true;
}

void file_table_read_all(struct file_table *t)
{
	if (t->ledger && !t->has_all)
		(void)ledger_files(t->ledger, NULL, remember, t);
	t->has_all = true;
}

struct known_file *file_table_get(struct file_table *t, const char *path)
{
	struct known_file *k = entry(t, path);

	if (!k->asked && !t->has_all && t->ledger)
		(void)ledger_files(t->ledger, path, remember, t);
	k->asked = true;
	return k;
}

void file_table_learn(struct file_table *t, struct known_file *k, const struct file_id *id, uint64_t hash,
		      bool settled)
{
	if (!k->known || k->hash != hash)
		k->since_wall_ms = stamp_wall_ms();
	k->id = *id;
	k->hash = hash;
	k->settled = settled;
	k->known = true;
	if (!t->ledger || !t->may_write)
		return;
	/* What may yet change unseen is remembered for its content, but never reused: no file has that id. */
	ledger_file(t->ledger, &(struct ledger_file){
		.path = k->path, .id = settled ? *id : (struct file_id){.size_bytes = id->size_bytes}, .hash = hash,
		.since_wall_ms = k->since_wall_ms});
}
