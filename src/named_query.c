#include "named_query.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/span.h"
#include "base/vec.h"
#include "reader.h"

enum { QUERY_MAX = 1 << 20 };

static char *copy(struct span s)
{
	return xstrndup(s.at, s.len);
}

/* --- the head of a file ------------------------------------------------------------------------------------ */

/* Up to the first of what ends it; the rest behind that. */
static struct span cut_at(struct span *s, char end)
{
	const char *at = memchr(s->at, end, s->len);
	struct span part = {s->at, at ? (size_t)(at - s->at) : s->len};
	size_t used = part.len + (at != NULL);

	s->at += used;
	s->len -= used;
	return span_trim(part);
}

static bool is_word(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", s.at[i]))
			return false;
	return s.len > 0;
}

/* `store: NAME`, `NAME = VALUE: sentence`, `NAME: sentence` where the statement has such a parameter. */
static void read_comment(struct named_query *q, struct span line)
{
	struct span rest = line, left = cut_at(&rest, ':'), name = cut_at(&left, '=');
	bool has_value = left.at > name.at + name.len && memchr(line.at, '=', (size_t)(left.at - line.at));
	struct query_param p;

	if (!q->description) {
		q->description = copy(line);
	} else if (!has_value && span_is(name, "store")) {
		q->store = copy(span_trim(rest));
	} else if (is_word(name)) {
		char *mark = xasprintf(":%.*s", (int)name.len, name.at);

		if (has_value || strstr(q->text, mark)) {
			p = (struct query_param){copy(name), has_value ? copy(span_trim(left)) : NULL,
						 copy(span_trim(rest))};
			VEC_PUSH(q->param, q->n_params, q->room_params, p);
		}
		free(mark);
	}
}

/* The comments before anything else. */
static void read_head(struct named_query *q)
{
	struct span text = span_of(q->text);

	while (text.len) {
		struct span line = cut_at(&text, '\n');

		if (line.len < 2 || strncmp(line.at, "--", 2))
			break;
		line = span_trim((struct span){line.at + 2, line.len - 2});
		if (line.len)
			read_comment(q, line);
	}
}

/* --- folders ------------------------------------------------------------------------------------------------ */

static void free_query(struct named_query *q)
{
	for (size_t i = 0; i < q->n_params; i++) {
		free(q->param[i].name);
		free(q->param[i].value);
		free(q->param[i].sentence);
	}
	free(q->param);
	free(q->name);
	free(q->path);
	free(q->text);
	free(q->description);
	free(q->store);
}

static bool add_file(struct named_queries *l, const char *dir, const char *file)
{
	size_t len = strlen(file) - strlen(".sql");
	struct named_query q = {.name = xstrndup(file, len), .path = path_join(dir, file)};
	struct buf text = BUF_INIT;

	if (named_query_get(l, q.name)) {
		free_query(&q);
		return true;
	}
	if (file_read(q.path, &text, QUERY_MAX) < 0) {
		cli_error("cannot read the query '%s': %s", q.path, strerror(errno));
		buf_release(&text);
		free_query(&q);
		return false;
	}
	q.text = buf_detach(&text);
	read_head(&q);
	VEC_PUSH(l->at, l->n, l->room, q);
	return true;
}

static bool is_query_name(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && n > strlen(".sql") && !strcmp(name + n - strlen(".sql"), ".sql");
}

/* A folder that is not there has none. */
static bool add_folder(struct named_queries *l, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool good = true;

	if (!d && errno != ENOENT && errno != ENOTDIR) {
		cli_error("cannot read the folder '%s': %s", dir, strerror(errno));
		return false;
	}
	while (d && good && (e = readdir(d)))
		if (is_query_name(e->d_name))
			good = add_file(l, dir, e->d_name);
	if (d)
		closedir(d);
	return good;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct named_query *)a)->name, ((const struct named_query *)b)->name);
}

bool named_queries_find(struct named_queries *l, struct cli *c)
{
	char *root = reader_root(c), *own = path_join(root, "queries"), *shipped = cli_shipped("queries");
	bool good;

	*l = (struct named_queries){0};
	good = add_folder(l, own) && add_folder(l, shipped);
	if (l->n)
		qsort(l->at, l->n, sizeof(*l->at), by_name);
	free(root);
	free(own);
	free(shipped);
	return good;
}

const struct named_query *named_query_get(const struct named_queries *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->at[i].name, name))
			return &l->at[i];
	return NULL;
}

void named_queries_release(struct named_queries *l)
{
	for (size_t i = 0; i < l->n; i++)
		free_query(&l->at[i]);
	free(l->at);
}

size_t named_query_args(const struct named_query *q, const struct cli *c, struct ledger_arg **ret)
{
	struct ledger_arg *arg = xcalloc(q->n_params + c->n_params + 1, sizeof(*arg));
	size_t n = 0;

	for (size_t i = 0; i < q->n_params; i++)
		if (q->param[i].value)
			arg[n++] = (struct ledger_arg){q->param[i].name, q->param[i].value};
	for (size_t i = 0; i < c->n_params; i++)
		arg[n++] = (struct ledger_arg){c->param[i].name, c->param[i].text};
	*ret = arg;
	return n;
}
