#include "job/namespace.h"

#include <string.h>

const char *namespace_full(struct arena *a, const char *ns, const char *name)
{
	return ns ? arena_printf(a, "%s.%s", ns, name) : arena_strdup(a, name);
}

size_t namespace_outward(const char *ns, size_t n)
{
	while (n && ns[n - 1] != '.')
		n--;
	return n ? n - 1 : 0;
}

void *namespace_get(const struct map *map, const char *ns, const char *name, size_t n, struct buf *full)
{
	for (size_t len = ns ? strlen(ns) : 0;; len = namespace_outward(ns, len)) {
		void *found;

		buf_reset(full);
		if (len)
			buf_addf(full, "%.*s.", (int)len, ns);
		buf_add(full, name, n);
		found = map_get(map, full->data);
		if (found || !len)
			return found;
	}
}

bool namespace_means(const char *ns, const char *name, const char *full)
{
	size_t n = strlen(full), tail = strlen(name), len;

	if (tail > n || strcmp(full + n - tail, name) != 0)
		return false;
	if (tail == n)
		return true;
	len = n - tail - 1;
	return ns && full[len] == '.' && !strncmp(ns, full, len) && (!ns[len] || ns[len] == '.');
}

bool namespace_sees(const char *ns, const char *outer)
{
	size_t n = outer ? strlen(outer) : 0;

	return !n || (ns && !strncmp(ns, outer, n) && (!ns[n] || ns[n] == '.'));
}

const char *namespace_short(const char *ns, const char *full)
{
	size_t n = ns ? strlen(ns) : 0;

	return n && !strncmp(full, ns, n) && full[n] == '.' ? full + n + 1 : full;
}
