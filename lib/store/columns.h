/* The columns that some rows need, in the order they come, each with the type of its values. */
#ifndef STORE_COLUMNS_H
#define STORE_COLUMNS_H

#include "base/map.h"
#include "store/table.h"

struct columns {
	struct map at; /* name -> its type: a constant text, "" for unknown and MIXED for several */
};

#define COLUMNS_INIT {MAP_INIT}

void columns_release(struct columns *c);
/* Every key of every row; false with a complaint about a row or a name. */
bool columns_of_rows(struct columns *c, const json_t *rows, struct fault *f);
/* The same for rows that are lists, whose columns are named. */
bool columns_of_lists(struct columns *c, const json_t *names, const json_t *rows, struct fault *f);

/* Make the table, with keys (or NULL) as its primary key. */
bool columns_make_table(const struct columns *c, struct session *s, struct store_table *t, const json_t *keys,
			struct fault *f);
/* Add to the table what it lacks. */
bool columns_extend_table(const struct columns *c, struct session *s, struct store_table *t, struct fault *f);

#endif
