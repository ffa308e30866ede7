#include <string.h>

#include "base/bug.h"
#include "ledger/ledger_impl.h"

/* The lists themselves: what the words are is state.def's and its sisters' business. */
static const char *const state_words[] = {
#define STATE(id, word, final, ok, failure, sentence) word,
#include "run/state.def"
#undef STATE
};
static const char *const reason_words[] = {
#define REASON(id, word, sentence) word,
#include "run/reason.def"
#undef REASON
};
static const char *const kind_words[] = {
#define EVENT(id, word, sentence) word,
#include "run/event.def"
#undef EVENT
};

struct list {
	const char *const *word;
	int64_t *no;
	size_t n;
};

static void learn(const struct list *list, int64_t no, const char *word)
{
	/* Usually they are numbered as our lists are. */
	if (no > 0 && (uint64_t)no <= list->n && !strcmp(list->word[no - 1], word)) {
		list->no[no - 1] = no;
		return;
	}
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->word[i], word))
			list->no[i] = no;
}

static bool all_known(const struct list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (!list->no[i])
			return false;
	return true;
}

bool words_load(struct ledger *l)
{
	struct list list[] = {
		{state_words, l->words.state, STATE_COUNT},
		{reason_words, l->words.reason, REASON_COUNT},
		{kind_words, l->words.event, EVENT_COUNT},
	};
	sqlite3_stmt *st = stmt_use(l, STMT_WORDS);
	int rc;

	if (!st)
		return false;
	l->words = (struct words){0};
	while ((rc = stmt_row(l, st)) > 0)
		learn(&list[sqlite3_column_int(st, 0)], sqlite3_column_int64(st, 1), col_name(st, 2));
	l->words.complete = all_known(&list[0]) && all_known(&list[1]) && all_known(&list[2]);
	return stmt_done(l, STMT_WORDS, st, rc == 0);
}

/* The index of no, or -1. */
static int find(const int64_t *table, size_t n, int64_t no)
{
	if (!no)
		return -1; /* what this ledger does not know has that */
	if (no > 0 && (uint64_t)no <= n && table[no - 1] == no)
		return (int)no - 1;
	for (size_t i = 0; i < n; i++)
		if (table[i] == no)
			return (int)i;
	return -1;
}

static bool unknown(struct ledger *l, const char *what, int64_t no)
{
	return ledger_fail_text(l, LEDGER_DAMAGED, "%s number %lld is not known to this version",
				what, (long long)no);
}

bool word_state(struct ledger *l, int64_t no, enum state *ret)
{
	int i = find(l->words.state, STATE_COUNT, no);

	if (i < 0)
		return unknown(l, "state", no);
	*ret = (enum state)i;
	return true;
}

bool word_reason(struct ledger *l, int64_t no, enum reason *ret)
{
	int i = find(l->words.reason, REASON_COUNT, no);

	if (i < 0)
		return unknown(l, "reason", no);
	*ret = (enum reason)i;
	return true;
}

bool word_event(struct ledger *l, int64_t no, enum event_kind *ret)
{
	int i = find(l->words.event, EVENT_COUNT, no);

	if (i < 0)
		return unknown(l, "event", no);
	*ret = (enum event_kind)i;
	return true;
}
