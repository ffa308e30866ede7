/*
 * The numbers that the ledger has for what steps are.  They were given in the order in which the steps were met
 * first, so what comes next here mostly comes next there, and is read with the many behind it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "engine/engine_impl.h"
#include "ledger/ledger_read.h"

enum {
	AT_ONCE = 1024, /* read together */
	IN_VAIN = 1000, /* after so many that are not there it is not asked for more: they are all new */
};

static bool keep(void *ctx, const struct ledger_instance_row *r)
{
	struct instances *x = ctx;

	if (r->no != x->first + x->n || x->text.len > UINT32_MAX / 2)
		return false;
	x->at[x->n++] = (uint32_t)x->text.len;
	buf_add(&x->text, r->key, strlen(r->key) + 1);
	buf_add(&x->text, r->name, strlen(r->name) + 1);
	return true;
}

static void read_from(struct engine *e, int64_t first)
{
	struct instances *x = &e->rows.instances;

	if (!x->at)
		x->at = xcalloc(AT_ONCE, sizeof(*x->at));
	buf_reset(&x->text);
	x->first = first;
	x->n = 0;
	(void)ledger_instances(e->ledger, first, AT_ONCE, keep, x);
}

static bool is_called(const struct instances *x, int64_t no, const char *key, const char *name)
{
	const char *has;

	if (no < x->first || no >= x->first + x->n)
		return false;
	has = x->text.data + x->at[no - x->first];
	return !strcmp(has, key) && !strcmp(has + strlen(has) + 1, name);
}

static int64_t look_up(struct engine *e, const char *key, const char *name)
{
	struct instances *x = &e->rows.instances;
	int64_t no;

	if (x->n_missed >= IN_VAIN || !ledger_instance_find(e->ledger, key, name, &no) || !no) {
		x->n_missed++;
		return 0;
	}
	if (no == x->last + 1)
		read_from(e, no);
	return no;
}

int64_t instances_find(struct engine *e, const char *key, const char *name)
{
	struct instances *x = &e->rows.instances;
	int64_t no = is_called(x, x->last + 1, key, name) ? x->last + 1 : look_up(e, key, name);

	if (!no)
		return 0;
	x->n_missed = 0;
	return x->last = no;
}

void instances_release(struct instances *x)
{
	buf_release(&x->text);
	free(x->at);
}
