-- Version 4: contents that have been seen; the hash may be reused as long as the rest stands.
-- hash: XXH3, 64 bits; since_wall_ms: when this content was first seen under this name
CREATE TABLE files (
	path TEXT PRIMARY KEY,
	device INTEGER NOT NULL,
	inode INTEGER NOT NULL,
	size_bytes INTEGER NOT NULL,
	mtime_ns INTEGER NOT NULL,
	ctime_ns INTEGER NOT NULL,
	hash INTEGER NOT NULL,
	since_wall_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- v_files: files that steps read or made, as they were last seen
-- v_files.path: relative to the folder of the Jobfile
-- v_files.size_bytes: its size
-- v_files.hash: of its content (XXH3, 64 bits)
-- v_files.since: when this content was first seen, UTC
CREATE VIEW v_files AS
SELECT path, size_bytes, printf('%016x', hash) AS hash,
	strftime('%Y-%m-%dT%H:%M:%fZ', since_wall_ms / 1000.0, 'unixepoch') AS since
FROM files;
