/* The attempts that are not over, by serial: in pages, which go when the last of theirs has ended. */
#include <stdlib.h>

#include "base/bug.h"
#include "base/vec.h"
#include "engine/engine_impl.h"

enum { PAGE = 256 };

struct attempt_page {
	uint32_t n_left; /* of those made */
	struct attempt at[PAGE];
};

static void drop_page(struct attempts *l, uint32_t i)
{
	free(l->page[i]);
	l->page[i] = NULL;
}

static struct attempt_page *open_page(struct attempts *l)
{
	if (l->n % PAGE)
		return l->page[l->n_pages - 1];
	if (l->n_pages && !l->page[l->n_pages - 1]->n_left)
		drop_page(l, l->n_pages - 1);
	VEC_PUSH(l->page, l->n_pages, l->room_pages, xcalloc(1, sizeof(struct attempt_page)));
	return l->page[l->n_pages - 1];
}

uint32_t attempt_new(struct attempts *l, uint32_t unit, uint32_t number)
{
	struct attempt_page *p = open_page(l);

	p->at[l->n % PAGE] = (struct attempt){.unit = unit, .number = number};
	p->n_left++;
	return ++l->n;
}

struct attempt *attempt_of(const struct engine *e, uint32_t serial)
{
	struct attempt_page *p = e->attempts.page[(serial - 1) / PAGE];

	return p ? &p->at[(serial - 1) % PAGE] : NULL;
}

static void release(struct attempt *a)
{
	free(a->log);
	free(a->out);
	free(a->err);
	free(a->output);
	a->log = a->out = a->err = a->output = NULL;
}

/* The page that is being filled stays, whatever is left of it. */
void attempt_over(struct attempts *l, uint32_t serial)
{
	uint32_t i = (serial - 1) / PAGE;
	struct attempt_page *p = l->page[i];

	release(&p->at[(serial - 1) % PAGE]);
	if (!--p->n_left && i + 1 < l->n_pages)
		drop_page(l, i);
}

void attempts_release(struct attempts *l)
{
	for (uint32_t i = 0; i < l->n_pages; i++) {
		for (uint32_t k = 0; l->page[i] && k < PAGE; k++)
			release(&l->page[i]->at[k]);
		free(l->page[i]);
	}
	free(l->page);
}
