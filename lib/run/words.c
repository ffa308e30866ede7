/* The words of states and reasons, from their lists. */
#include <string.h>

#include "base/bug.h"
#include "run/schedule.h"

static const struct {
	const char *word;
	bool final, ok, failure;
} states[] = {
#define STATE(id, word, final, ok, failure, sentence) {word, final, ok, failure},
#include "run/state.def"
#undef STATE
};

const char *state_word(enum state s)
{
	BUG_UNLESS(s < STATE_COUNT);
	return states[s].word;
}

bool state_is_final(enum state s)
{
	return s < STATE_COUNT && states[s].final;
}

bool state_is_ok(enum state s)
{
	return s < STATE_COUNT && states[s].ok;
}

bool state_is_failure(enum state s)
{
	return s < STATE_COUNT && states[s].failure;
}

static const struct {
	const char *word, *sentence;
} reasons[] = {
#define REASON(id, word, sentence) {word, sentence},
#include "run/reason.def"
#undef REASON
};

const char *reason_word(enum reason r)
{
	BUG_UNLESS(r < REASON_COUNT);
	return reasons[r].word;
}

const char *reason_sentence(enum reason r)
{
	BUG_UNLESS(r < REASON_COUNT);
	return reasons[r].sentence;
}

void reason_say(struct buf *out, enum reason r, const char *cause)
{
	const char *sentence = reason_sentence(r), *hole = strstr(sentence, "%s");

	buf_add(out, sentence, hole ? (size_t)(hole - sentence) : strlen(sentence));
	if (hole)
		buf_addf(out, "%s%s", cause ? cause : "?", hole + 2);
}
