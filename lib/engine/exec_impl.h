/* The parts of the local executor among themselves.  What holds for each attempt is in its state. */
#ifndef ENGINE_EXEC_IMPL_H
#define ENGINE_EXEC_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "engine/exec_local.h"
#include "engine/executor.h"
#include "sys/calls.h"
#include "warden/wire.h"

enum { EXEC_TAG_ROOM = 64 };

#define NONE UINT32_MAX

enum attempt_state {
	ATTEMPT_FREE,
	ATTEMPT_QUEUED,	 /* not with the warden */
	ATTEMPT_HELD,	 /* with the warden: it may run as soon as another ends */
	ATTEMPT_SENT,	 /* with the warden: it may run */
	ATTEMPT_STARTED,
	ATTEMPT_DONE,	 /* to be collected */
};

struct attempt {
	enum attempt_state state;
	uint32_t serial;
	uint32_t next;		/* in the list it is in: free, queued or done */
	uint32_t flags;		/* enum wire_flag of its start */
	uint32_t age;		/* of its start, if it is to be held */
	bool foreground;	/* it has the terminal from us */
	bool start_untold;	/* for collect_started */
	pid_t pid;
	struct buf block;	/* kept until it has started, as it may have to be sent again */
	int *fd;		/* copies of what the request lent, then what lasts anyway */
	size_t n_fds, n_own;	/* all; the copies */
	int64_t retry_since_ns; /* first failed fork; 0: none */
	struct attempt_ended ended;
};

struct list {
	uint32_t first, last;
};

struct start_note {
	uint32_t place, serial;
};

struct exec_local {
	struct executor base;
	const struct calls *calls;
	uint64_t nonce;
	uint32_t slots, n_sent; /* n_sent: with the warden */
	char *journal_path;
	int journal, socket, warden_fd, epoll, timer, ready;
	pid_t warden;
	bool was_subreaper, became_subreaper;

	struct attempt *attempt;
	size_t n_attempts, room_attempts;
	struct list free, queue, done;
	struct list held; /* the warden has them, in this order */
	uint32_t heard, age; /* of the last end that has been heard; that has been collected, with all before it */
	struct start_note *note; /* started, not told; those below at_note have been */
	size_t n_notes, room_notes, at_note;
	struct wire_ask *ask; /* what is to be sent before the next start */
	size_t n_asks, room_asks;

	int64_t paused_until_ns, pause_ms, retry_ns; /* after a failed fork; 0: not paused */
	bool wants_out;				     /* the socket was full */
	bool is_ready;				     /* `ready` has been raised */
	bool has_looked;			     /* for what there is, since collect() has last answered 0 */
	bool broken, break_told;
	bool dismissed;				     /* the warden knows that it is to go */
};

/* --- exec_places.c: attempts, and the lists they are in -------------------------------------------- */

void exec_list_add(struct exec_local *x, struct list *l, uint32_t place);
void exec_list_add_first(struct exec_local *x, struct list *l, uint32_t place);
uint32_t exec_list_take(struct exec_local *x, struct list *l); /* the first, or NONE */

uint32_t exec_new_place(struct exec_local *x);
void exec_forget_request(struct attempt *a); /* it will not have to be sent again */

/* To be collected: e with the attempt's serial. */
void exec_done(struct exec_local *x, uint32_t place, const struct attempt_ended *e);
void exec_not_started(struct exec_local *x, uint32_t place, uint32_t stage, int error);
/* It was held and has not been started; error: why it cannot be held. */
void exec_back(struct exec_local *x, uint32_t place, int error);

void exec_close_fds(int *fd, size_t n); /* and frees fd */

/* --- exec_send.c: what the driver says ------------------------------------------------------------- */

enum sent { SENT_YES, SENT_FULL, SENT_LATER, SENT_NEVER, SENT_BROKEN };

/* block (or NULL) and descriptors are borrowed; errno unless SENT_YES. */
enum sent exec_send_ask(struct exec_local *x, const struct wire_ask *ask, const struct buf *block, const int *fd,
			size_t n_fds);

/* Send what may be sent; what is left is sent when the socket, the pause or a slot lets it. */
void exec_flush(struct exec_local *x);

/* A start that failed for want of something that may come back: again later, or it has failed for too long. */
void exec_retry_or_fail(struct exec_local *x, uint32_t place, uint32_t stage, int error);

/* --- exec_hear.c: what the warden says ------------------------------------------------------------- */

/* One message.  1, 0 there is none, -1 there will be none any more. */
int exec_receive(struct exec_local *x);

/* --- exec_warden.c: its birth and its death -------------------------------------------------------- */

/* socket and journal are the warden's ends, borrowed.  0, or -1 and errno. */
int exec_start_warden(struct exec_local *x, const struct exec_local_options *o, int socket, int journal);

/* Within wait_ms, or by force.  Its last descriptor goes with it, and so does every leader. */
void exec_reap_warden(struct exec_local *x, int64_t wait_ms);

/* Kill what a dead warden left to us; five seconds at most. */
void exec_end_survivors(struct exec_local *x);

/* It is gone: every attempt is done, by what the journal knows. */
void exec_break_down(struct exec_local *x);

/* --- exec_sweep.c ---------------------------------------------------------------------------------- */

/* ORCHMAKE_TAG as its steps have it; the run's is how each of them begins. */
void exec_run_tag(char tag[EXEC_TAG_ROOM], uint64_t nonce);
void exec_tag(char tag[EXEC_TAG_ROOM], uint64_t nonce, uint32_t serial);

/* A moment, or until pid (0: nobody) has ended. */
void exec_wait_for_exit(const struct calls *c, pid_t pid);

#endif
