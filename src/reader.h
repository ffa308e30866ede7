/* What the user's own statements read: the ledger, or a store of the Jobfile. */
#ifndef SRC_READER_H
#define SRC_READER_H

#include "cmd.h"

/* Open the ledger (store NULL; live: cmd.h) or that store; NULL after a message.  The caller closes. */
struct ledger *reader_open(struct cli *c, const char *store, bool live);
/* The stores there are, one a line; quietly nothing where there is no Jobfile. */
void reader_stores(struct cli *c, struct buf *out);

/* Run one statement and print its rows.  where: the file it is from, or NULL.  An exit code, after a message. */
int reader_print(struct cli *c, struct ledger *l, const struct ledger_query *q, const char *where);
/* The exit code of what ledger_sql() refused, after the message. */
int reader_failed(struct ledger *l, const char *where);

/* The folder with the project's own files: of the Jobfile, or else of the ledger, or else this one.  The caller frees. */
char *reader_root(struct cli *c);

#endif
