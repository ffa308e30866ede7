/*
 * Appending to a plain array kept as pointer, count and room:
 *	struct thing *thing; size_t n_things, room_things;
 *	VEC_PUSH(t->thing, t->n_things, t->room_things, value);
 * The array is freed with free().
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include "base/bug.h"

#define VEC_RESERVE(array, n, room, more)                                                          \
	do {                                                                                       \
		if ((n) + (more) > (room)) {                                                       \
			(room) = (room) ? (room) * 2 : 8;                                          \
			if ((room) < (n) + (more))                                                 \
				(room) = (n) + (more);                                             \
			(array) = xreallocarray((array), (room), sizeof(*(array)));                \
		}                                                                                  \
	} while (0)

#define VEC_PUSH(array, n, room, value)                                                            \
	do {                                                                                       \
		VEC_RESERVE(array, n, room, 1);                                                    \
		(array)[(n)++] = (value);                                                          \
	} while (0)

#endif
