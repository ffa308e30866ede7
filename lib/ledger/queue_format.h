/*
 * Operations waiting for a transaction, one behind the other in one buffer:
 *
 *	stmt u8 | parameters: tag u8 | value ... | OP_END u8
 *
 * or, where one was taken away again:
 *
 *	OP_GONE u8 | so many bytes follow: 8 | ...
 *
 * INTEGER is 8 bytes; TEXT is a length of 8 and the bytes, which are bound where they lie; LENT is the address of a text
 * that is too long to be copied.  INSTANCE and OWN_NAME have no value: they are what the INSTANCE_ADD before has come to.
 */
#ifndef LEDGER_QUEUE_FORMAT_H
#define LEDGER_QUEUE_FORMAT_H

#include <stdint.h>

#include "ledger/ledger_impl.h"

_Static_assert(STMT_COUNT < UINT8_MAX, "a statement's number is a byte");

enum { OP_END = 0, OP_GONE = UINT8_MAX };
enum tag { OP_NULL = 1, OP_INT, OP_TEXT, OP_LENT, OP_INSTANCE, OP_OWN_NAME };

#endif
