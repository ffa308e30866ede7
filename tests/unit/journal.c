#include "warden/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/stamp.h"
#include "check.h"

enum { NONCE = 77, RECORD = 32 };

struct paper {
	char dir[64], path[96];
	int fd;
	struct journal_writer w;
};

static void paper_new(struct paper *p)
{
	*p = (struct paper){.dir = "/tmp/orchmake-journal-XXXXXX"};
	CHECK(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/journal", p->dir);
	p->fd = journal_create(&calls_real, p->path, NONCE);
	CHECK(p->fd >= 0);
	CHECK_INT(journal_writer_init(&p->w, &calls_real, p->fd, NONCE), 0);
}

static void paper_throw_away(struct paper *p)
{
	if (p->fd >= 0)
		close(p->fd);
	(void)unlink(p->path);
	CHECK_INT(rmdir(p->dir), 0); /* nothing else was left in it */
}

/* One record by its letter. */
static void put(struct paper *p, char type, uint32_t serial, uint32_t value)
{
	struct journal_record r = {.type = (uint8_t)type, .serial = serial};

	switch (type) {
	case JOURNAL_PROCESS:
		r.process.pid = value;
		journal_put64(r.process.ticks, (uint64_t)value << 33);
		r.process.span = 1;
		break;
	case JOURNAL_FAILED:
		r.failed.error = value;
		r.failed.stage = 3;
		break;
	case JOURNAL_END:
		r.why = WHY_TIMED_OUT;
		r.leftovers = 4;
		r.end.status = value;
		r.end.user_ms = 1;
		r.end.system_ms = 2;
		r.end.max_rss_kib = 3;
		r.end.elapsed_ms = 5;
		break;
	default:
		journal_put64(r.begun.wall_ms, 1234567890123);
	}
	CHECK_INT(journal_append(&p->w, &r), 0);
}

static struct journal read_it(const struct paper *p)
{
	struct journal j;

	CHECK_INT(journal_read(&j, p->path, NONCE), 0);
	return j;
}

static void an_empty_journal_names_its_run_and_boot(void **state)
{
	struct paper p;
	struct journal j;
	struct stat st;

	(void)state;
	paper_new(&p);
	j = read_it(&p);
	CHECK_INT(j.nonce, NONCE);
	CHECK(j.same_boot);
	CHECK_INT(j.n_attempts, 0);
	CHECK_INT(j.bad_bytes, 0);
	CHECK(j.begun_wall_ms <= stamp_wall_ms() && j.begun_wall_ms > stamp_wall_ms() - 60000);
	CHECK(j.begun_ticks <= proc_ticks_now() && j.begun_ticks + 6000 > proc_ticks_now());
	CHECK_INT(stat(p.path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	CHECK_INT(st.st_size, 2 * RECORD);
	journal_release(&j);
	paper_throw_away(&p);
}

static void the_last_record_of_an_attempt_counts_and_earlier_ones_are_kept(void **state)
{
	struct paper p;
	struct journal j;
	const struct journal_attempt *a;

	(void)state;
	paper_new(&p);
	put(&p, 'S', 3, 0);
	put(&p, 'S', 1, 0);
	put(&p, 'P', 1, 10);
	put(&p, 'P', 3, 30);
	put(&p, 'S', 2, 0);
	put(&p, 'X', 2, ENOENT);
	put(&p, 'E', 1, 256);
	put(&p, 'S', 4, 0);
	j = read_it(&p);
	CHECK_INT(j.n_attempts, 4);
	a = journal_find(&j, 1);
	CHECK_INT(a->last, JOURNAL_END);
	CHECK_INT(a->why, WHY_TIMED_OUT);
	CHECK_INT(a->status, 256);
	CHECK_INT(a->pid, 10);
	CHECK_INT(a->start_ticks, (uint64_t)10 << 33);
	CHECK_INT(a->start_wall_ms, 1234567890123);
	CHECK(a->user_ms == 1 && a->system_ms == 2 && a->max_rss_kib == 3 && a->elapsed_ms == 5);
	CHECK_INT(a->leftovers, 4);
	a = journal_find(&j, 2);
	CHECK_INT(a->last, JOURNAL_FAILED);
	CHECK_INT(a->error, ENOENT);
	CHECK_INT(a->stage, 3);
	CHECK_INT(journal_find(&j, 3)->last, JOURNAL_PROCESS);
	CHECK_INT(journal_find(&j, 4)->last, JOURNAL_START);
	CHECK(!journal_find(&j, 5));
	CHECK(!journal_find(&j, 0));
	journal_release(&j);
	paper_throw_away(&p);
}

static void a_start_after_a_failed_one_begins_anew(void **state)
{
	struct paper p;
	struct journal j;

	(void)state;
	paper_new(&p);
	put(&p, 'S', 1, 0);
	put(&p, 'X', 1, EAGAIN);
	put(&p, 'S', 1, 0);
	j = read_it(&p);
	CHECK_INT(j.attempt[0].last, JOURNAL_START);
	CHECK_INT(j.attempt[0].error, 0);
	journal_release(&j);
	paper_throw_away(&p);
}

/* --- a bad end ------------------------------------------------------------------------------------ */

static void at_every_length_of_a_torn_end_what_is_before_it_is_read(void **state)
{
	struct paper p;

	(void)state;
	paper_new(&p);
	put(&p, 'S', 1, 0);
	put(&p, 'E', 1, 0);
	for (off_t size = 4 * RECORD; size >= 2 * RECORD; size--) {
		struct journal j;

		CHECK_INT(ftruncate(p.fd, size), 0);
		j = read_it(&p);
		CHECK_INT(j.bad_bytes, size % RECORD);
		CHECK_INT(j.n_attempts, size >= 3 * RECORD);
		if (j.n_attempts)
			CHECK_INT(j.attempt[0].last, size == 4 * RECORD ? 'E' : 'S');
		journal_release(&j);
	}
	for (off_t size = 2 * RECORD - 1; size >= 0; size--) {
		struct journal j;

		CHECK_INT(ftruncate(p.fd, size), 0);
		CHECK_INT(journal_read(&j, p.path, NONCE), -1);
		CHECK_INT(errno, EPROTO);
	}
	paper_throw_away(&p);
}

static void any_bit_that_differs_ends_the_journal_there(void **state)
{
	struct paper p;
	int rw;

	(void)state;
	paper_new(&p);
	put(&p, 'S', 1, 0);
	put(&p, 'E', 1, 5);
	put(&p, 'S', 2, 0);
	rw = open(p.path, O_RDWR | O_CLOEXEC);
	for (int bit = 0; bit < RECORD * 8; bit++) {
		struct journal j;
		char byte;
		off_t at = 3 * RECORD + bit / 8;

		CHECK_INT(pread(rw, &byte, 1, at), 1);
		byte = (char)(byte ^ 1 << bit % 8);
		CHECK_INT(pwrite(rw, &byte, 1, at), 1);
		j = read_it(&p);
		CHECK_INT(j.n_attempts, 1);
		CHECK_INT(j.attempt[0].last, JOURNAL_START);
		CHECK_INT(j.bad_bytes, 2 * RECORD);
		journal_release(&j);
		byte = (char)(byte ^ 1 << bit % 8);
		CHECK_INT(pwrite(rw, &byte, 1, at), 1);
	}
	close(rw);
	paper_throw_away(&p);
}

static void what_another_run_wrote_is_no_record(void **state)
{
	struct paper p;
	struct journal j;

	(void)state;
	paper_new(&p);
	put(&p, 'S', 1, 0);
	p.w.nonce++;
	put(&p, 'E', 1, 0);
	j = read_it(&p);
	CHECK_INT(j.attempt[0].last, JOURNAL_START);
	CHECK_INT(j.bad_bytes, RECORD);
	journal_release(&j);
	CHECK_INT(journal_read(&j, p.path, NONCE + 1), -1);
	CHECK_INT(errno, EPROTO);
	CHECK_INT(journal_read(&j, p.path, 0), 0);
	journal_release(&j);
	paper_throw_away(&p);
}

static void what_is_no_journal_is_refused(void **state)
{
	struct paper p;
	struct journal j;
	char other[128];

	(void)state;
	paper_new(&p);
	snprintf(other, sizeof(other), "%s/other", p.dir);
	CHECK_INT(symlink(p.path, other), 0);
	CHECK_INT(journal_read(&j, other, NONCE), -1);
	CHECK_INT(errno, ELOOP);
	CHECK_INT(unlink(other), 0);
	CHECK_INT(journal_read(&j, other, NONCE), -1);
	CHECK_INT(errno, ENOENT);
	CHECK_INT(mkfifo(other, 0600), 0);
	CHECK_INT(journal_read(&j, other, NONCE), -1);
	CHECK_INT(errno, EPROTO);
	CHECK_INT(unlink(other), 0);
	CHECK_INT(journal_read(&j, p.dir, NONCE), -1);
	CHECK_INT(errno, EPROTO);
	paper_throw_away(&p);
}

static void a_hundred_thousand_attempts_are_read_in_order(void **state)
{
	enum { N = 100000 };
	struct paper p;
	struct journal j;

	(void)state;
	paper_new(&p);
	for (uint32_t i = N; i; i--) {
		put(&p, 'S', i, 0);
		if (i % 3)
			put(&p, 'E', i, i);
	}
	j = read_it(&p);
	CHECK_INT(j.n_attempts, N);
	for (uint32_t i = 1; i <= N; i++) {
		CHECK_INT(j.attempt[i - 1].serial, i);
		CHECK_INT(j.attempt[i - 1].last, i % 3 ? 'E' : 'S');
	}
	CHECK_INT(journal_find(&j, 50000)->status, 50000);
	journal_release(&j);
	paper_throw_away(&p);
}

/* --- who is alive --------------------------------------------------------------------------------- */

static enum journal_state state_of(const struct paper *p)
{
	enum journal_state is;

	CHECK_INT(journal_state(p->path, &is), 0);
	return is;
}

static void a_warden_is_alive_as_long_as_anybody_holds_what_it_inherited(void **state)
{
	struct paper p;
	int go[2];
	char byte;
	pid_t pid;

	(void)state;
	paper_new(&p);
	CHECK_INT(state_of(&p), JOURNAL_ALIVE);
	CHECK_INT(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid) { /* the warden: it holds the descriptor until it dies */
		close(go[1]);
		(void)!read(go[0], &byte, 1);
		_exit(0);
	}
	close(p.fd);
	p.fd = -1;
	CHECK_INT(state_of(&p), JOURNAL_ALIVE);
	CHECK_INT(state_of(&p), JOURNAL_ALIVE); /* asking changes nothing */
	close(go[0]);
	close(go[1]);
	CHECK_INT(waitpid(pid, NULL, 0), pid);
	CHECK_INT(state_of(&p), JOURNAL_DEAD);
	CHECK_INT(unlink(p.path), 0);
	CHECK_INT(state_of(&p), JOURNAL_NONE);
	paper_throw_away(&p);
}

static void a_journal_is_made_once(void **state)
{
	struct paper p;

	(void)state;
	paper_new(&p);
	put(&p, 'S', 1, 0);
	CHECK_INT(journal_create(&calls_real, p.path, NONCE), -1);
	CHECK_INT(errno, EEXIST);
	CHECK_INT(state_of(&p), JOURNAL_ALIVE);
	paper_throw_away(&p);
}

/* --- a disk that fails ---------------------------------------------------------------------------- */

static ssize_t write_left;
static int interrupts;

static ssize_t limited_write(int fd, const void *data, size_t len)
{
	if (interrupts > 0) {
		interrupts--;
		errno = EINTR;
		return -1;
	}
	if (write_left <= 0) {
		errno = EIO;
		return -1;
	}
	if ((ssize_t)len > write_left)
		len = (size_t)write_left;
	write_left -= (ssize_t)len;
	return write(fd, data, len);
}

static int allocated, allocate_error;

static int counted_fallocate(int fd, int mode, off_t at, off_t len)
{
	allocated++;
	if (allocate_error) {
		errno = allocate_error;
		return -1;
	}
	return fallocate(fd, mode, at, len);
}

static void a_short_write_leaves_no_trace_and_the_next_one_is_whole(void **state)
{
	struct journal_record r = {.type = 'S', .serial = 2};
	struct calls c = calls_real;
	struct paper p;
	struct journal j;

	(void)state;
	paper_new(&p);
	put(&p, 'S', 1, 0);
	c.write = limited_write;
	p.w.records.calls = &c;
	for (write_left = 0; write_left < RECORD;) {
		ssize_t let = write_left;
		struct stat st;

		interrupts = 2;
		CHECK_INT(journal_append(&p.w, &r), -1);
		CHECK_INT(errno, let ? ENOSPC : EIO);
		CHECK_INT(fstat(p.fd, &st), 0);
		CHECK_INT(st.st_size, 3 * RECORD);
		write_left = let + 1;
	}
	p.w.records.calls = &calls_real;
	put(&p, 'E', 1, 0);
	j = read_it(&p);
	CHECK_INT(j.n_attempts, 1);
	CHECK_INT(j.attempt[0].last, JOURNAL_END);
	CHECK_INT(j.bad_bytes, 0);
	journal_release(&j);
	paper_throw_away(&p);
}

static void room_is_promised_ahead_and_seldom(void **state)
{
	static const int no_promise[] = {EOPNOTSUPP, ENOSYS, EINTR};
	struct calls c = calls_real;
	struct paper p;
	struct stat st;

	(void)state;
	paper_new(&p);
	c.fallocate = counted_fallocate;
	p.w.records.calls = &c;
	allocated = allocate_error = 0;
	for (uint32_t i = 1; i <= 1000; i++) {
		CHECK_INT(records_promise(&p.w.records, 3), 0);
		put(&p, 'S', i, 0);
	}
	CHECK_INT(allocated, 1);
	CHECK_INT(fstat(p.fd, &st), 0);
	CHECK_INT(st.st_size, 1002 * RECORD); /* promised, not written */
	p.w.records.room = p.w.records.size;
	allocate_error = ENOSPC;
	CHECK_INT(records_promise(&p.w.records, 1), -1);
	CHECK_INT(errno, ENOSPC);
	for (size_t i = 0; i < ARRAY_LEN(no_promise); i++) {
		p.w.records.room = p.w.records.size;
		allocate_error = no_promise[i];
		CHECK_INT(records_promise(&p.w.records, 1), 0);
	}
	allocate_error = 0;
	paper_throw_away(&p);
}

static void a_journal_that_cannot_be_begun_is_not_there(void **state)
{
	struct calls c = calls_real;
	struct paper p;

	(void)state;
	paper_new(&p);
	CHECK_INT(unlink(p.path), 0);
	c.write = limited_write;
	interrupts = 0;
	for (ssize_t let = 0; let < 2 * RECORD; let++) {
		write_left = let;
		CHECK_INT(journal_create(&c, p.path, NONCE), -1);
		CHECK_INT(state_of(&p), JOURNAL_NONE);
	}
	paper_throw_away(&p); /* its folder is empty */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_journal_names_its_run_and_boot),
		cmocka_unit_test(the_last_record_of_an_attempt_counts_and_earlier_ones_are_kept),
		cmocka_unit_test(a_start_after_a_failed_one_begins_anew),
		cmocka_unit_test(at_every_length_of_a_torn_end_what_is_before_it_is_read),
		cmocka_unit_test(any_bit_that_differs_ends_the_journal_there),
		cmocka_unit_test(what_another_run_wrote_is_no_record),
		cmocka_unit_test(what_is_no_journal_is_refused),
		cmocka_unit_test(a_hundred_thousand_attempts_are_read_in_order),
		cmocka_unit_test(a_warden_is_alive_as_long_as_anybody_holds_what_it_inherited),
		cmocka_unit_test(a_journal_is_made_once),
		cmocka_unit_test(a_short_write_leaves_no_trace_and_the_next_one_is_whole),
		cmocka_unit_test(room_is_promised_ahead_and_seldom),
		cmocka_unit_test(a_journal_that_cannot_be_begun_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
