/*
 * What keeps failing is left alone for a while: asked before a start, told of every end.  The state is the ledger's, so
 * it holds for whichever run asks; without a ledger there is none.
 */
#include <stdlib.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "engine/engine_impl.h"

/* The rule that counts for unit, and under which name; that of a callable counts for all who call it. */
static const struct breaker_rule *rule_of(const struct engine *e, uint32_t unit, struct buf *name)
{
	const struct step *st = e->x->place[unit].step;
	const struct callable *c = st->t.act->kind == ACT_CALL ? callable_find(e->jf, st->t.act->call) : NULL;

	if (st->t.policy->breaker.failures) {
		buf_puts(name, st->job->name);
		if (st->id[0])
			buf_addf(name, "/%s", st->id);
		return &st->t.policy->breaker;
	}
	if (!c || !c->breaker.failures)
		return NULL;
	buf_puts(name, c->name);
	return &c->breaker;
}

bool breaker_lets(struct engine *e, uint32_t unit, struct buf *why)
{
	struct buf name = BUF_INIT;
	bool may = true;

	if (e->ledger && rule_of(e, unit, &name) &&
	    !ledger_breaker_ask(e->ledger, name.data, stamp_wall_ms(), &may))
		engine_break(e, EXIT_LEDGER, "the ledger cannot be written: %s", ledger_error(e->ledger)->text.data);
	if (!may) {
		buf_addf(why, "the breaker '%s' is open, because it kept failing; `orchmake breaker reset %s` closes it",
			 name.data, name.data);
		e->quarantined = true;
	}
	buf_release(&name);
	return may;
}

void breaker_ended(struct engine *e, uint32_t unit, enum state state)
{
	struct buf name = BUF_INIT;
	const struct breaker_rule *r = e->ledger ? rule_of(e, unit, &name) : NULL;

	if (r && state == STATE_SUCCEEDED)
		ledger_breaker_succeeded(e->ledger, name.data, stamp_wall_ms());
	else if (r && state_is_failure(state))
		ledger_breaker_failed(e->ledger, name.data,
				      &(struct ledger_breaker_rule){r->failures, r->window_ms, r->cooldown_ms},
				      stamp_wall_ms());
	buf_release(&name);
}
