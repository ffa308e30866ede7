/*
 * What driver and warden say to each other over their socket (SOCK_SEQPACKET): one struct wire_ask to a datagram,
 * a start request's block behind it or as its first descriptor; up to WIRE_EVENTS struct wire_event to a
 * datagram the other way.  Both come from one build (the version is checked), so they are plain structs.
 */
#ifndef WARDEN_WIRE_H
#define WARDEN_WIRE_H

#include <stdint.h>

#include "warden/journal.h"

enum {
	WIRE_VERSION = 2,
	WIRE_EVENTS = 32,
	/* The warden's descriptors when it starts; locks that it only has to hold follow. */
	WIRE_FD_SOCKET = 3,
	WIRE_FD_JOURNAL = 4,
	WIRE_FD_HELD = 5,
};

enum wire_kind {
	WIRE_START,	/* the block follows */
	WIRE_START_BIG, /* the block is the first descriptor, a sealed memfd */
	WIRE_STOP,	/* serial, or 0 for all */
	WIRE_QUIT,	/* kill all, tell it, and go: serial 0, kill_now */
};

struct wire_ask {
	uint32_t kind;
	uint32_t place; /* of the attempt with the driver; comes back in its events */
	uint32_t serial;
	uint32_t kill_now; /* STOP: without TERM and grace */
};

/* PROCESS, FAILED or END, as it stands in the journal, and what is too fine for that. */
struct wire_event {
	struct journal_record record;
	uint32_t place;
	uint32_t unrecorded; /* errno, if the journal did not take it */
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
