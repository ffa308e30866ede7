#include "ledger/look.h"

#include <string.h>

#include <sqlite3.h>

#include "base/bug.h"

static const char name[] = "orchmake-look";

static int look_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *ret_flags)
{
	const int kept = flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_DELETEONCLOSE);
	sqlite3_vfs *real = sqlite3_vfs_find("unix");

	(void)vfs;
	return real->xOpen(real, path, file, kept | SQLITE_OPEN_READONLY, ret_flags);
}

static int look_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
	(void)vfs;
	(void)path;
	(void)sync_folder;
	return SQLITE_READONLY;
}

const char *look_vfs(void)
{
	sqlite3_vfs *real = sqlite3_vfs_find("unix"), *vfs;

	/* Without a real one the name stands for nothing, and opening with it says so. */
	if (!real || sqlite3_vfs_find(name))
		return name;
	/* SQLite keeps it for as long as the process lives. */
	vfs = xcalloc(1, sizeof(*vfs));
	*vfs = *real;
	vfs->pNext = NULL;
	vfs->zName = name;
	vfs->xOpen = look_open;
	vfs->xDelete = look_delete;
	(void)sqlite3_vfs_register(vfs, 0);
	return name;
}
