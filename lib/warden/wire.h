/*
 * What driver and warden say to each other over their socket (SOCK_SEQPACKET): one struct wire_ask to a datagram,
 * a start request's block behind it or as its first descriptor; up to WIRE_EVENTS struct wire_event to a
 * datagram the other way.  Both come from one build (the version is checked), so they are plain structs.
 *
 * Held ahead (as many and with as much as kept.h has room for).  A request may be sent to be held: when a step that was sent as plain exits with 0, the oldest that is
 * held is started in its place, and the END says so (`next`).  At any other end, and when a start fails, all
 * that are held are dropped, and a new age begins; one that was sent before the driver had heard of that is dropped as
 * well.  Each held one is started or dropped, and either is told.
 */
#ifndef WARDEN_WIRE_H
#define WARDEN_WIRE_H

#include <stdint.h>

#include "warden/journal.h"

enum {
	WIRE_VERSION = 3,
	WIRE_EVENTS = 32,
	WIRE_DROPPED = 'D',  /* in the place of a record's type: it was held, and was not started */
	/* The warden's descriptors when it starts; locks that it only has to hold follow. */
	WIRE_FD_SOCKET = 3,
	WIRE_FD_JOURNAL = 4,
	WIRE_FD_HELD = 5,
};

enum wire_kind {
	WIRE_START,	/* the block follows */
	WIRE_START_BIG, /* the block is the first descriptor, a sealed memfd */
	WIRE_STOP,	/* serial, or 0 for all */
	WIRE_RECALL,	/* drop all that are held; so does a stop of all */
	WIRE_QUIT,	/* kill all, tell it, and go: serial 0, KILL_NOW */
};

enum wire_flag {
	WIRE_KILL_NOW = 1, /* STOP: without TERM and grace */
	WIRE_PLAIN = 2,	   /* START: if it exits with 0, one that is held may be started in its place */
	WIRE_HOLD = 4,	   /* START, not BIG: hold it */
};

struct wire_ask {
	uint32_t kind;
	uint32_t place; /* of the attempt with the driver; comes back in its events */
	uint32_t serial;
	uint32_t flags;
	uint32_t age; /* with HOLD: of the last end that its sender has heard of */
	uint32_t unused;
};

/* PROCESS, FAILED or END, as it stands in the journal, and what is too fine for that. */
struct wire_event {
	struct journal_record record;
	uint32_t place;
	uint32_t unrecorded; /* errno, if the journal did not take it */
	uint32_t age;
	uint32_t next; /* END: serial of the oldest that was held, which is started in its place; 0: none */
	uint32_t unused;
	int64_t start_ns, end_ns; /* monotonic; 0: not so far */
	int64_t user_us, system_us;
};

/* The first datagram, there before the warden is. */
struct wire_hello {
	uint32_t version;
	uint32_t slots;
	uint32_t finish;
	uint32_t unused;
	uint64_t nonce;
};

#endif
