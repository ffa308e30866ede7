#include "run/fresh.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/stamp.h"

/* --- marks as text ------------------------------------------------------------------------------------ */

static const char MARK[] = "1 ", MOVED[] = "1 moved ";
const char fresh_begun[] = "1 begun";

void fresh_mark_format(struct buf *out, const struct fresh_mark *m)
{
	buf_addf(out, "%s%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64, MARK, m->command, m->values,
		 m->inputs, m->outputs);
}

void fresh_moved_format(struct buf *out, const char *path)
{
	buf_addf(out, "%s%s", MOVED, path);
}

/* -1: none. */
static int digit_of(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

bool fresh_take_hash(const char **at, char behind, uint64_t *ret)
{
	uint64_t v = 0;

	for (int i = 0; i < 16; i++) {
		int digit = digit_of(*(*at)++);

		if (digit < 0)
			return false;
		v = v << 4 | (unsigned)digit;
	}
	*ret = v;
	return *(*at)++ == behind;
}

void fresh_record_parse(struct fresh_record *ret, const char *text, int64_t wall_ms)
{
	struct fresh_mark *m = &ret->mark;

	*ret = (struct fresh_record){.wall_ms = wall_ms};
	ret->begun = !strcmp(text, fresh_begun);
	if (!strncmp(text, MOVED, strlen(MOVED))) {
		ret->moved = text + strlen(MOVED);
		ret->known = true;
		return;
	}
	if (strncmp(text, MARK, strlen(MARK)))
		return;
	text += strlen(MARK);
	ret->known = fresh_take_hash(&text, ' ', &m->command) && fresh_take_hash(&text, ' ', &m->values) &&
		     fresh_take_hash(&text, ' ', &m->inputs) && fresh_take_hash(&text, 0, &m->outputs);
}

/* --- the decision ------------------------------------------------------------------------------------- */

static struct fresh_verdict run(enum reason why, const char *cause)
{
	return (struct fresh_verdict){FRESH_SAYS_RUN, why, cause};
}

static struct fresh_verdict done(enum reason why)
{
	return (struct fresh_verdict){FRESH_SAYS_DONE, why, NULL};
}

/* What makes a step run by whatever rule, but `never`. */
static bool runs_anyhow(const struct fresh_facts *f, struct fresh_verdict *ret)
{
	if (f->missing)
		*ret = run(REASON_OUTPUT_MISSING, f->missing);
	else if (f->then.begun)
		*ret = run(REASON_NO_SUCCESS, NULL);
	else if (f->then.moved)
		*ret = run(REASON_INPUT_MOVED, f->then.moved);
	else if (f->then.known && f->then.mark.command != f->now.command)
		*ret = run(REASON_COMMAND_CHANGED, NULL);
	else if (f->then.known && f->then.mark.values != f->now.values)
		*ret = run(REASON_VALUE_CHANGED, NULL);
	else
		return false;
	return true;
}

static struct fresh_verdict by_content(const struct fresh_facts *f)
{
	if (!f->then.known)
		return run(REASON_NO_RECORD, NULL);
	if (!f->looked)
		return (struct fresh_verdict){FRESH_SAYS_LOOK, REASON_NONE, NULL};
	if (f->then.mark.inputs != f->now.inputs)
		return run(f->changed_input ? REASON_INPUT_CHANGED : REASON_INPUT_LIST, f->changed_input);
	if (f->then.mark.outputs != f->now.outputs)
		return run(f->changed_output ? REASON_OUTPUT_CHANGED : REASON_OUTPUT_LIST, f->changed_output);
	return done(REASON_FRESH);
}

/* As make does: what is as old as its inputs is fresh, with or without a record. */
static struct fresh_verdict by_time(const struct fresh_facts *f)
{
	int64_t than = f->oldest_output.name ? f->oldest_output.mtime_ns : f->then.wall_ms * NS_PER_MS;

	if (!f->oldest_output.name && !f->then.known)
		return run(REASON_NO_RECORD, NULL);
	if (f->newest_input.name && f->newest_input.mtime_ns > than)
		return run(REASON_INPUT_NEWER, f->newest_input.name);
	return done(REASON_FRESH);
}

/* A success from the future says nothing: a clock was set back. */
static struct fresh_verdict by_age(const struct fresh_facts *f)
{
	int64_t age_ms = f->now_wall_ms - f->then.wall_ms;

	if (!f->then.known)
		return run(REASON_NO_RECORD, NULL);
	if (age_ms < 0 || age_ms >= f->rule.ttl_ms)
		return run(REASON_TTL_OVER, NULL);
	return done(REASON_FRESH);
}

/* It alone knows: neither an earlier failure nor another command makes a difference. */
static struct fresh_verdict by_probe(const struct fresh_facts *f)
{
	if (f->missing)
		return run(REASON_OUTPUT_MISSING, f->missing);
	if (f->probe == PROBE_SILENT)
		return (struct fresh_verdict){FRESH_SAYS_LOOK, REASON_NONE, NULL};
	return f->probe == PROBE_DONE ? done(REASON_PROBE_DONE) : run(REASON_PROBE_TODO, f->probe_end);
}

struct fresh_verdict fresh_judge(const struct fresh_facts *f)
{
	struct fresh_verdict v;

	if (f->always)
		return run(REASON_ALWAYS_MAKE, NULL);
	if (f->what_if)
		return run(REASON_WHAT_IF, f->what_if);
	if (f->rule.kind == FRESH_NEVER)
		return done(REASON_NEVER_RUNS);
	if (f->rule.kind == FRESH_ALWAYS)
		return run(REASON_NONE, NULL);
	if (f->rule.kind == FRESH_PROBE)
		return by_probe(f);
	if (runs_anyhow(f, &v))
		return v;
	switch (f->rule.kind) {
	case FRESH_HASH:
		return by_content(f);
	case FRESH_MTIME:
		return by_time(f);
	case FRESH_TTL:
		return by_age(f);
	case FRESH_ONCE:
		return f->then.known ? done(REASON_FRESH) : run(REASON_NO_RECORD, NULL);
	case FRESH_DEFAULT:
	case FRESH_PROBE:
	case FRESH_ALWAYS:
	case FRESH_NEVER:
		break;
	}
	BUG("a rule of freshness that is none: %d", (int)f->rule.kind);
}
