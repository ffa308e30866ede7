/*
 * Appending to a plain array kept as pointer, count and room:
 *	struct thing *thing; size_t n_things, room_things;
 *	VEC_PUSH(t->thing, t->n_things, t->room_things, value);
 * The array is freed with free().
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stddef.h>

#include "base/bug.h"

/* Twice as much as before, and enough; max: what the count's type holds. */
static inline size_t vec_room(size_t room, size_t enough, size_t max)
{
	size_t twice = !room ? 8 : room > max / 2 ? max : room * 2;

	return twice < enough ? enough : twice;
}

#define VEC_RESERVE(array, n, room, more)                                                          \
	do {                                                                                       \
		if ((n) + (more) > (room)) {                                                       \
			(room) = (typeof(room))vec_room((room), (n) + (more), (typeof(room))-1);   \
			(array) = xreallocarray((array), (room), sizeof(*(array)));                \
		}                                                                                  \
	} while (0)

#define VEC_PUSH(array, n, room, value)                                                            \
	do {                                                                                       \
		VEC_RESERVE(array, n, room, 1);                                                    \
		(array)[(n)++] = (value);                                                          \
	} while (0)

#endif
