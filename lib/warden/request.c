#include "warden/request.h"

#include <string.h>

#include "base/span.h"
#include "warden/request_impl.h"

static bool head_holds(const struct request_head *h, size_t size)
{
	return h->magic == REQUEST_MAGIC && h->serial && h->n_argv && h->n_argv <= REQUEST_STRINGS &&
	       h->n_envp <= REQUEST_STRINGS - h->n_argv && h->n_numbers <= REQUEST_FDS &&
	       sizeof(*h) + h->n_numbers * sizeof(uint32_t) < size && h->timeout_ms >= 0 &&
	       h->timeout_ms <= REQUEST_MS_MAX && h->grace_ms >= 0 && h->grace_ms <= REQUEST_MS_MAX &&
	       h->umask >= -1 && h->umask <= 0777;
}

bool request_open(struct request *r, const void *block, size_t size, const char **table)
{
	const char *p = block, *end = p + size;
	struct request_head h;

	if (size <= sizeof(h) || end[-1])
		return false;
	memcpy(&h, p, sizeof(h));
	if (!head_holds(&h, size))
		return false;
	*r = (struct request){
		.serial = h.serial, .flags = h.flags, .umask = h.umask, .limits = h.limits, .timeout_ms = h.timeout_ms,
		.grace_ms = h.grace_ms, .argv = table, .envp = table + h.n_argv + 1, .n_numbers = h.n_numbers,
		.number = (const void *)(p + sizeof(h)),
	};
	p += sizeof(h) + h.n_numbers * sizeof(uint32_t);
	for (uint32_t i = 0; i < REQUEST_TEXTS; i++)
		if (h.texts >> i & 1 && !next_string(&p, end, &r->text[i]))
			return false;
	for (uint32_t i = 0; i < h.n_argv + h.n_envp; i++)
		if (!next_string(&p, end, &table[i + (i >= h.n_argv)]))
			return false;
	table[h.n_argv] = table[h.n_argv + 1 + h.n_envp] = NULL;
	return p == end;
}
