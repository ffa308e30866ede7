#include "import/names.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"

static bool is_verb(const struct import_where *w, const char *name)
{
	for (size_t i = 0; i < w->n_verbs; i++)
		if (!strcmp(w->verb[i], name))
			return true;
	return false;
}

/* A colon is a dot here, and whatever else a name may not have a hyphen. */
static void put_allowed(struct buf *out, const char *name)
{
	for (; *name; name++) {
		bool good = isalnum((unsigned char)*name) || *name == '_' || (out->len && strchr(".-", *name));

		if (good)
			buf_putc(out, *name);
		else if (out->len)
			buf_putc(out, *name == ':' ? '.' : '-');
	}
	while (out->len && strchr(".-", out->data[out->len - 1]))
		buf_cut(out, out->len - 1);
}

const char *job_name(struct job_names *n, const struct import_where *w, const char *name, const char *prefix)
{
	struct buf base = BUF_INIT, one = BUF_INIT;
	const char *ret;

	put_allowed(&base, name);
	if (!base.len)
		buf_puts(&base, "job");
	if (is_verb(w, base.data)) {
		buf_addf(&one, "%s.%s", prefix, base.data);
		buf_reset(&base);
		buf_puts(&base, one.data);
	}
	buf_reset(&one);
	buf_puts(&one, base.data);
	for (unsigned i = 2; map_has(&n->taken, one.data); i++) {
		buf_reset(&one);
		buf_addf(&one, "%s-%u", base.data, i);
	}
	ret = map_intern(&n->taken, one.data);
	buf_release(&base);
	buf_release(&one);
	return ret;
}

void job_names_release(struct job_names *n)
{
	map_release(&n->taken);
}
