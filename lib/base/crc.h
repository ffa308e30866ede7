/* CRC-32C (Castagnoli): for records of a few bytes, so without a great table. */
#ifndef BASE_CRC_H
#define BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Begin with ~0u, add piece by piece; the checksum is the complement of the last answer. */
uint32_t crc_add(uint32_t crc, const void *data, size_t len);

#endif
