/*
 * A way of opening files that can only look: SQLite opens the WAL of a read-only database for writing, and would
 * make it, whatever it is asked; here it gets neither.
 */
#ifndef LEDGER_LOOK_H
#define LEDGER_LOOK_H

/* The name to give to sqlite3_open_v2(); NULL if it cannot be had.  The same for the whole process. */
const char *look_vfs(void);

#endif
