/* The topics of -d as words: for the command line and the manual, which have no engine. */
#include <stddef.h>
#include <string.h>

#include "engine/debug.h"

static const struct {
	const char *word, *sentence;
} topics[] = {
#define DEBUG_TOPIC(id, word, sentence) {word, sentence},
#include "engine/debug.def"
#undef DEBUG_TOPIC
};

const char *debug_word(enum debug_topic topic)
{
	return topics[topic].word;
}

const char *debug_sentence(enum debug_topic topic)
{
	return topics[topic].sentence;
}

static bool add_topic(const char *word, size_t n, unsigned *topics_asked)
{
	for (enum debug_topic t = 0; t < DEBUG_TOPIC_COUNT; t++) {
		if (strlen(topics[t].word) != n || strncmp(topics[t].word, word, n))
			continue;
		*topics_asked |= 1u << t;
		return true;
	}
	return false;
}

bool debug_parse(const char *list, unsigned *ret, const char **ret_bad, int *ret_n)
{
	unsigned asked = list ? 0 : (1u << DEBUG_TOPIC_COUNT) - 1;

	for (const char *at = list; at; at = *at ? at + 1 : NULL) {
		size_t n = strcspn(at, ",");

		if (!add_topic(at, n, &asked)) {
			*ret_bad = at;
			*ret_n = (int)n;
			return false;
		}
		at += n;
	}
	*ret = asked;
	return true;
}
