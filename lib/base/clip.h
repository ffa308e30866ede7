/* Numbers that go where there is less room for them. */
#ifndef BASE_CLIP_H
#define BASE_CLIP_H

#include <stdint.h>

static inline uint32_t clip(int64_t value, uint32_t most)
{
	return value > most ? most : (uint32_t)value;
}

#endif
