/* The start request, and a warden that is given wrong ones. */
#include "warden/request.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "check.h"
#include "sys/proctree.h"
#include "warden/journal.h"
#include "warden/warden.h"
#include "warden/wire.h"
#include "warden_case.h"

enum { PATIENCE_MS = POST_PATIENCE_MS, NONCE = POST_NONCE };

static const char *const argv_ab[] = {"prog", "a b", "", NULL};
static const char *const env_two[] = {"PATH=/bin", "TAG=old", "TAGS=kept", NULL};
static const uint32_t numbers[] = {9, 3};

/* Where the pointers of what is opened go. */
static const char *table[REQUEST_STRINGS + 2];

static struct request full_request(void)
{
	return (struct request){
		.serial = 7,
		.flags = REQUEST_TTY | REQUEST_STDERR_APPEND,
		.timeout_ms = 1500,
		.grace_ms = 20,
		.umask = 022,
		.limits = {.most = {1, 2, 3, INT64_MAX}, .nicer = -20},
		.argv = argv_ab,
		.envp = env_two,
		.cwd = "/tmp",
		.stdin_path = "in",
		.stdout_path = "out",
		.log_path = "log",
		.number = numbers,
		.n_numbers = 2,
	};
}

/* A copy whose end is the end of what may be read, so that a sanitizer sees one byte too far. */
static void *aligned_copy(const struct buf *b)
{
	void *p = xmalloc(b->len);

	memcpy(p, b->data, b->len);
	return p;
}

static void what_is_built_is_what_is_opened(void **state)
{
	struct request in = full_request(), r;
	struct buf b = BUF_INIT;
	void *block;

	(void)state;
	CHECK_INT(request_build(&b, &in, "TAG=new"), 0);
	block = aligned_copy(&b);
	CHECK(request_open(&r, block, b.len, table));
	CHECK_INT(r.serial, 7);
	CHECK_INT(r.flags, in.flags);
	CHECK_INT(r.timeout_ms, 1500);
	CHECK_INT(r.grace_ms, 20);
	CHECK_INT(r.umask, 022);
	CHECK(!memcmp(&r.limits, &(struct limits){.most = {1, 2, 3, INT64_MAX}, .nicer = -20}, sizeof(r.limits)));
	CHECK_STR(r.argv[0], "prog");
	CHECK_STR(r.argv[1], "a b");
	CHECK_STR(r.argv[2], "");
	CHECK(!r.argv[3]);
	CHECK_STR(r.envp[0], "PATH=/bin");
	CHECK_STR(r.envp[1], "TAGS=kept");
	CHECK_STR(r.envp[2], "TAG=new");
	CHECK(!r.envp[3]);
	CHECK_STR(r.cwd, "/tmp");
	CHECK_STR(r.stdin_path, "in");
	CHECK_STR(r.stdout_path, "out");
	CHECK(!r.stderr_path);
	CHECK_STR(r.log_path, "log");
	CHECK_INT(r.n_numbers, 2);
	CHECK(r.number[0] == 9 && r.number[1] == 3);
	free(block);
	buf_release(&b);
}

static void a_request_without_environment_or_program_is_as_it_should_be(void **state)
{
	static const char *const none[] = {NULL};
	struct request in = {.serial = 1, .argv = argv_ab, .envp = none, .umask = -1}, r;
	struct buf b = BUF_INIT;
	void *block;

	(void)state;
	CHECK_INT(request_build(&b, &in, NULL), 0);
	block = aligned_copy(&b);
	CHECK(request_open(&r, block, b.len, table));
	CHECK(!r.envp[0]);
	CHECK_INT(r.umask, -1);
	free(block);
	buf_release(&b);
	in.argv = none;
	CHECK_INT(request_build(&b, &in, NULL), -1);
	CHECK_INT(errno, EINVAL);
	in.argv = argv_ab;
	in.n_numbers = REQUEST_FDS + 1;
	CHECK_INT(request_build(&b, &in, NULL), -1);
	CHECK_INT(errno, EINVAL);
	in.n_numbers = 0;
	in.timeout_ms = INT64_MAX; /* as good as never, and no overflow */
	CHECK_INT(request_build(&b, &in, NULL), 0);
	block = aligned_copy(&b);
	CHECK(request_open(&r, block, b.len, table));
	CHECK(r.timeout_ms <= INT64_MAX / NS_PER_MS / 2);
	free(block);
	buf_release(&b);
}

static void one_that_is_too_large_is_refused_before_it_is_built(void **state)
{
	enum { MEGABYTES = 70 };
	const char *argv[MEGABYTES + 1] = {NULL};
	struct request in = full_request();
	struct buf b = BUF_INIT;
	char *mega = xmalloc(1 << 20);

	(void)state;
	memset(mega, 'm', (1 << 20) - 1);
	mega[(1 << 20) - 1] = 0;
	for (int i = 0; i < MEGABYTES; i++)
		argv[i] = mega;
	in.argv = argv;
	CHECK_INT(request_build(&b, &in, NULL), -1);
	CHECK_INT(errno, E2BIG);
	CHECK_INT(b.len, 0);
	free(mega);
	buf_release(&b);
}

/* Everything that was opened is looked at, so that a sanitizer sees a pointer that leads outside. */
static size_t touch(const struct request *r)
{
	const char *const paths[] = {r->cwd, r->stdin_path, r->stdout_path, r->stderr_path, r->log_path};
	size_t n = 0;

	for (const char *const *a = r->argv; *a; a++)
		n += strlen(*a);
	for (const char *const *e = r->envp; *e; e++)
		n += strlen(*e);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		n += paths[i] ? strlen(paths[i]) : 0;
	for (uint32_t i = 0; i < r->n_numbers; i++)
		n += r->number[i];
	return n;
}

/* A few bytes, words or offsets become something else. */
static void mutate(char *block, size_t len)
{
	static const uint32_t odd[] = {0,	   1,	       7,	   8,	       0x7fffffff,
				       0x80000000, 0xffffffff, 0xfffffff8, 0x00010000, 0x000000ff};

	for (int n = 1 + rand() % 4; n > 0; n--) {
		size_t at = (size_t)rand() % (rand() % 2 ? len : len < 160 ? len : 160);
		uint32_t word = rand() % 2 ? odd[(size_t)rand() % ARRAY_LEN(odd)] : (uint32_t)rand() % (uint32_t)(2 * len);

		if (rand() % 2 || at + 4 > len)
			block[at] = (char)rand();
		else
			memcpy(block + (at & ~(size_t)3), &word, sizeof(word));
	}
}

static void no_mutation_leads_outside_the_block(void **state)
{
	struct request in = full_request(), r;
	struct buf b = BUF_INIT;
	size_t opened = 0, sum = 0;

	(void)state;
	srand(check_seed());
	CHECK_INT(request_build(&b, &in, "TAG=new"), 0);
	for (int i = 0; i < 200000; i++) {
		size_t len = rand() % 8 ? b.len : 1 + (size_t)rand() % b.len;
		char *block = xmalloc(len);

		memcpy(block, b.data, len);
		mutate(block, len);
		if (request_open(&r, block, len, table)) {
			sum += touch(&r);
			opened++;
		}
		free(block);
	}
	CHECK(opened > 1000 && opened < 199000 && sum); /* both ways were tried */
	buf_release(&b);
}

static void every_length_but_the_right_one_is_refused(void **state)
{
	struct request in = full_request(), r;
	struct buf b = BUF_INIT;

	(void)state;
	CHECK_INT(request_build(&b, &in, NULL), 0);
	for (size_t len = 0; len < b.len; len++) {
		char *block = xmalloc(len);

		memcpy(block, b.data, len);
		CHECK(!request_open(&r, block, len, table));
		free(block);
	}
	buf_release(&b);
}

static int no_memfd(const char *name, unsigned flags)
{
	(void)name, (void)flags;
	errno = EMFILE;
	return -1;
}

/* --- memfds --------------------------------------------------------------------------------------- */

static void a_memfd_holds_the_block_and_does_not_change(void **state)
{
	struct request in = full_request(), r;
	struct buf b = BUF_INIT, copy = BUF_INIT;
	struct calls none = calls_real;
	int fd;

	(void)state;
	CHECK_INT(request_build(&b, &in, NULL), 0);
	fd = request_seal(&calls_real, &b);
	CHECK(fd >= 0);
	CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
	CHECK_INT(fd_read_all(fd, &copy, REQUEST_MAX), 0);
	CHECK_INT(copy.len, b.len);
	CHECK(request_open(&r, copy.data, copy.len, table));
	CHECK_INT(ftruncate(fd, 1), -1);
	CHECK_INT(write(fd, "x", 1), -1);
	close(fd);
	none.memfd_create = no_memfd;
	CHECK_INT(request_seal(&none, &b), -1);
	CHECK_INT(errno, EMFILE);
	buf_release(&b);
	buf_release(&copy);
}

/* --- a warden that is given what no driver of ours sends ------------------------------------------ */

static int no_fork(int (*fn)(void *), void *stack_end, int flags, void *arg)
{
	(void)fn, (void)stack_end, (void)flags, (void)arg;
	errno = EPERM;
	return -1;
}

/* As for a process of another user: no signal of ours reaches it. */
static int nobody_there(pid_t pid, unsigned flags)
{
	(void)pid, (void)flags;
	errno = ESRCH;
	return -1;
}

/* Nothing that it is told to start is started. */
static void post_open(struct post *p, uint32_t slots)
{
	static struct calls c;

	c = calls_real;
	c.clone = no_fork;
	post_open_with(p, slots, &c);
}

/* Nothing that it has started can be signalled. */
static void post_open_powerless(struct post *p)
{
	static struct calls c;

	c = calls_real;
	c.pidfd_open = nobody_there;
	post_open_with(p, 1, &c);
}

static void no_request_however_mutated_harms_the_warden(void **state)
{
	struct request in = full_request();
	struct buf b = BUF_INIT;
	struct wire_event e;
	struct post p;

	(void)state;
	srand(check_seed());
	in.n_numbers = 0;
	CHECK_INT(request_build(&b, &in, NULL), 0);
	post_open(&p, 1);
	for (int i = 0; i < 5000; i++) {
		struct wire_ask ask = {.kind = WIRE_START, .place = (uint32_t)i, .serial = 7};
		struct buf m = BUF_INIT;

		buf_add(&m, b.data, b.len);
		if (i % 16)
			mutate(m.data, m.len);
		if (i % 4) {
			CHECK(post_send(&p, &ask, m.data, m.len, NULL, 0));
		} else {
			int fd = request_seal(&calls_real, &m);

			ask.kind = WIRE_START_BIG;
			CHECK(post_send(&p, &ask, NULL, 0, &fd, 1));
			close(fd);
		}
		CHECK(post_answer(&p, &e));
		CHECK_INT(e.record.type, JOURNAL_FAILED);
		CHECK_INT(e.place, i);
		if (i % 16 == 0)
			CHECK_INT(e.record.failed.stage, STAGE_FORK); /* the whole ones were understood */
		buf_release(&m);
	}
	post_close(&p);
	buf_release(&b);
}

static void descriptors_that_do_not_fit_the_request_are_refused_and_not_kept(void **state)
{
	struct request in = full_request();
	struct wire_ask ask = {.kind = WIRE_START, .serial = 7}, big = {.kind = WIRE_START_BIG, .serial = 7};
	struct buf b = BUF_INIT;
	struct wire_event e;
	struct post p;
	int fd[200], pipe_fd[2];
	char byte;

	(void)state;
	CHECK_INT(request_build(&b, &in, NULL), 0);
	post_open(&p, 1);
	CHECK_INT(pipe2(pipe_fd, O_CLOEXEC), 0); /* after its fork: what it has of this, it was sent */
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		fd[i] = pipe_fd[1];
	for (size_t n = 0; n < ARRAY_LEN(fd); n++) {
		CHECK(post_send(&p, &ask, b.data, b.len, fd, n));
		CHECK(post_answer(&p, &e));
		CHECK_INT(e.record.failed.stage, n == 2 ? STAGE_FORK : STAGE_DESCRIPTORS);
	}
	CHECK(post_send(&p, &big, NULL, 0, NULL, 0)); /* a memfd that has not come */
	CHECK(post_answer(&p, &e));
	CHECK_INT(e.record.failed.stage, STAGE_REQUEST);
	CHECK_INT(e.record.failed.error, EBADF);
	CHECK(post_send(&p, &big, NULL, 0, fd, 1)); /* one that is none */
	CHECK(post_answer(&p, &e));
	CHECK_INT(e.record.failed.stage, STAGE_REQUEST);
	ask.serial = 8; /* not what the block says */
	CHECK(post_send(&p, &ask, b.data, b.len, fd, 2));
	CHECK(post_answer(&p, &e));
	CHECK_INT(e.record.failed.stage, STAGE_REQUEST);
	close(pipe_fd[1]);
	CHECK_INT(fcntl(pipe_fd[0], F_SETFL, O_NONBLOCK), 0);
	CHECK_INT(read(pipe_fd[0], &byte, 1), 0); /* the end of file: the warden has none of them open */
	close(pipe_fd[0]);
	post_close(&p);
	buf_release(&b);
}

static void what_is_no_message_ends_the_warden(void **state)
{
	struct wire_ask ask = {.kind = 4711};
	struct wire_event e;
	char *too_long = xcalloc(1, 64 * 1024);

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct post p;

		post_open(&p, 1);
		if (i == 0)
			CHECK(post_send(&p, &ask, NULL, 0, NULL, 0));
		else if (i == 1)
			CHECK_INT(send(p.socket, &ask, 3, 0), 3);
		else
			CHECK(post_send(&p, &ask, too_long, 64 * 1024, NULL, 0));
		CHECK(!post_answer(&p, &e));
		post_close(&p);
	}
	free(too_long);
}

static void what_is_queued_when_the_driver_dies_is_not_started(void **state)
{
	struct request in = full_request();
	struct wire_ask ask = {.kind = WIRE_START, .serial = 7};
	struct buf b = BUF_INIT;
	struct journal j;
	struct post p;
	int status;

	(void)state;
	in.n_numbers = 0;
	CHECK_INT(request_build(&b, &in, NULL), 0);
	post_open(&p, 4);
	CHECK_INT(kill(p.warden, SIGSTOP), 0);
	CHECK_INT(waitpid(p.warden, &status, WUNTRACED), p.warden);
	for (int i = 0; i < 3; i++)
		CHECK(post_send(&p, &ask, b.data, b.len, NULL, 0));
	close(p.socket);
	CHECK_INT(kill(p.warden, SIGCONT), 0);
	CHECK_INT(waitpid(p.warden, &status, 0), p.warden);
	CHECK_INT(status, 0);
	CHECK_INT(journal_read(&j, p.journal, NONCE), 0);
	CHECK_INT(j.n_attempts, 0);
	journal_release(&j);
	CHECK_INT(unlink(p.journal), 0);
	CHECK_INT(rmdir(p.dir), 0);
	buf_release(&b);
}

static void what_cannot_be_killed_does_not_hold_the_run_for_ever(void **state)
{
	static const char *const argv[] = {"/bin/sh", "-c", "sleep 60 & exit 3", NULL}, *const none[] = {NULL};
	struct request in = {.serial = 7, .argv = argv, .envp = none, .umask = -1};
	struct wire_ask ask = {.kind = WIRE_START, .serial = 7};
	struct buf b = BUF_INIT;
	struct wire_event e[2] = {{.place = 0}, {.place = 0}};
	struct pollfd f = {.events = POLLIN};
	struct post p;
	pid_t survivor;

	(void)state;
	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	CHECK_INT(request_build(&b, &in, NULL), 0);
	post_open_powerless(&p);
	CHECK(post_send(&p, &ask, b.data, b.len, NULL, 0));
	f.fd = p.socket;
	for (int n = 0; e[0].record.type != JOURNAL_END && e[1].record.type != JOURNAL_END; n++) {
		CHECK(n < 3 && poll(&f, 1, PATIENCE_MS) == 1);
		CHECK(recv(p.socket, e, sizeof(e), 0) > 0);
	}
	CHECK_INT(WEXITSTATUS(e[0].record.type == JOURNAL_END ? (int)e[0].record.end.status : (int)e[1].record.end.status), 3);
	post_close(&p); /* nor does it hold the warden */
	CHECK_INT(proc_children(&calls_real, getpid(), &survivor, 1), 1);
	CHECK_INT(kill(survivor, SIGKILL), 0);
	CHECK_INT(waitpid(survivor, NULL, 0), survivor);
	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
	buf_release(&b);
}

static void every_stage_has_a_word(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < STAGE_COUNT; i++)
		CHECK(stage_word(i)[0]);
	CHECK_STR(stage_word(STAGE_EXEC), "exec");
	CHECK_STR(stage_word(4000), "start");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_built_is_what_is_opened),
		cmocka_unit_test(a_request_without_environment_or_program_is_as_it_should_be),
		cmocka_unit_test(one_that_is_too_large_is_refused_before_it_is_built),
		cmocka_unit_test(no_mutation_leads_outside_the_block),
		cmocka_unit_test(every_length_but_the_right_one_is_refused),
		cmocka_unit_test(a_memfd_holds_the_block_and_does_not_change),
		cmocka_unit_test(no_request_however_mutated_harms_the_warden),
		cmocka_unit_test(descriptors_that_do_not_fit_the_request_are_refused_and_not_kept),
		cmocka_unit_test(what_is_no_message_ends_the_warden),
		cmocka_unit_test(what_is_queued_when_the_driver_dies_is_not_started),
		cmocka_unit_test(what_cannot_be_killed_does_not_hold_the_run_for_ever),
		cmocka_unit_test(every_stage_has_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
