/*
 * The journal of a run: what the warden saw, in the order it saw it, in records of 32 bytes that are each one
 * write at the end of the file.  It is evidence for recovery, never an outcome.
 *
 *	H B			which run, which boot, when
 *	S 1  P 1  E 1		started, its process, ended
 *	S 2  X 2		could not be started (X alone: its request was not even read)
 *	S 3  P 3		in flight when the warden died: lost
 *
 * The warden holds a flock on it from before it exists until it ends (the driver takes it and hands it on),
 * so whether a warden lives is a question to the kernel.  Every record's checksum covers the run's nonce: what
 * another run wrote, or a torn end, is no record, and nothing behind it is one.
 */
#ifndef WARDEN_JOURNAL_H
#define WARDEN_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sys/calls.h"
#include "sys/proctree.h"
#include "sys/records.h"

enum journal_type {
	JOURNAL_HEAD = 'H',
	JOURNAL_BEGUN = 'B',
	JOURNAL_START = 'S',
	JOURNAL_PROCESS = 'P',
	JOURNAL_FAILED = 'X',
	JOURNAL_END = 'E',
};

/* Why a process is no more. */
enum journal_why {
	WHY_EXITED,	 /* by itself */
	WHY_TIMED_OUT,
	WHY_STOPPED,
	WHY_DRIVER_GONE, /* killed because the driver died */
};

/* 64-bit values are halves, low first: the payload begins at byte 12. */
struct journal_record {
	uint32_t crc; /* CRC-32C of the nonce and of what follows */
	uint8_t type, why;
	uint16_t leftovers; /* E; 65535 is that many or more */
	uint32_t serial;    /* H: the nonce's low half */
	union {
		struct {
			uint32_t nonce_high;
			uint8_t boot_id[BOOT_ID_BYTES];
		} head;
		struct {
			uint32_t wall_ms[2], ticks[2];
		} begun; /* B, and S without ticks */
		struct {
			uint32_t pid, ticks[2], span; /* it started within [ticks, ticks + span] */
		} process;
		struct {
			uint32_t error, stage;
		} failed;
		struct {
			uint32_t status, user_ms, system_ms, max_rss_kib, elapsed_ms;
		} end; /* status as of wait(2); numbers too great for 32 bits are 4294967295 */
		uint32_t word[5];
	};
};

/* --- writing: no allocation --------------------------------------------------------------------- */

struct journal_writer {
	struct records records;
	uint64_t nonce;
};

/* Of a record of the run with that nonce. */
uint32_t journal_checksum(const struct journal_record *r, uint64_t nonce);

/*
 * Make the journal: locked and with its head before it appears under path.  The descriptor, which holds the
 * lock and is close-on-exec, or -1 and errno (EEXIST).
 */
int journal_create(const struct calls *c, const char *path, uint64_t nonce);

/* Write to fd, which is borrowed, behind what is there.  0, or -1 and errno. */
int journal_writer_init(struct journal_writer *w, const struct calls *c, int fd, uint64_t nonce);

/* Checksum r and append it.  0, or -1 and errno, and then there is no trace of it. */
int journal_append(struct journal_writer *w, struct journal_record *r);

static inline void journal_put64(uint32_t half[2], uint64_t value)
{
	half[0] = (uint32_t)value;
	half[1] = (uint32_t)(value >> 32);
}

static inline uint64_t journal_get64(const uint32_t half[2])
{
	return (uint64_t)half[1] << 32 | half[0];
}

/* --- reading ------------------------------------------------------------------------------------- */

enum journal_state {
	JOURNAL_NONE,  /* there is no such file */
	JOURNAL_ALIVE, /* its warden lives */
	JOURNAL_DEAD,
};

/* 0, or -1 and errno. */
int journal_state(const char *path, enum journal_state *ret);

/* What is known of one attempt: `last` says how far it came; fields of what it did not reach are 0. */
struct journal_attempt {
	uint32_t serial;
	enum journal_type last; /* START, PROCESS, FAILED or END */
	enum journal_why why;
	int64_t start_wall_ms;
	pid_t pid;
	uint64_t start_ticks, start_span;
	int error;
	uint32_t stage; /* enum stage of request.h; any value, it comes from a file */
	int status;
	uint32_t leftovers;
	int64_t user_ms, system_ms, max_rss_kib, elapsed_ms;
};

struct journal {
	uint64_t nonce;
	uint8_t boot_id[BOOT_ID_BYTES];
	bool same_boot; /* as now; if not, no pid in it means anything */
	int64_t begun_wall_ms;
	uint64_t begun_ticks;
	struct journal_attempt *attempt; /* by serial, ascending */
	size_t n_attempts;
	size_t bad_bytes; /* at the end: torn or foreign, ignored */
};

/*
 * Read it, whether its warden lives or not.  0, or -1 and errno: ELOOP a link, EPROTO no journal of this nonce
 * (nonce 0: of any).  journal_release() after success.
 */
int journal_read(struct journal *ret, const char *path, uint64_t nonce);
void journal_release(struct journal *j);

/* Let a know what r says, the next record of its serial.  What begins with a new START forgets what was. */
void journal_take(struct journal_attempt *a, const struct journal_record *r);

/* The attempt, or NULL: it was never started. */
const struct journal_attempt *journal_find(const struct journal *j, uint32_t serial);

#endif
