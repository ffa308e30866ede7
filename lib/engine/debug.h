/* What goes on inside, line by line, for whoever asks with -d. */
#ifndef ENGINE_DEBUG_H
#define ENGINE_DEBUG_H

#include <stdbool.h>

#include "run/schedule.h"

struct engine;

enum debug_topic {
#define DEBUG_TOPIC(id, word, sentence) DEBUG_##id,
#include "engine/debug.def"
#undef DEBUG_TOPIC
	DEBUG_TOPIC_COUNT,
};

const char *debug_word(enum debug_topic topic);
const char *debug_sentence(enum debug_topic topic);

/* `sched,io` as bits 1 << topic, all of them for NULL; false: *ret_bad, of ret_n characters, is no topic. */
bool debug_parse(const char *list, unsigned *ret, const char **ret_bad, int *ret_n);

void debug_say(const struct engine *e, enum debug_topic topic, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Costs nothing where nobody asks: what it prints is evaluated only then. */
#define debug(e, topic, ...)                                                                       \
	do {                                                                                       \
		if ((e)->o->debug & 1u << (topic))                                                 \
			debug_say(e, topic, __VA_ARGS__);                                          \
	} while (0)

/* What the schedule has decided. */
void debug_action(struct engine *e, const struct action *act);
/* The graph, once there is one. */
void debug_graph(struct engine *e);
/* The name of a unit, until the next call. */
const char *debug_unit(struct engine *e, uint32_t unit);

#endif
