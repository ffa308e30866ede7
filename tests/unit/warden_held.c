/* What the warden does with requests that it is to hold: who begins, who is dropped, and what it says of both. */
#include "warden/warden.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "sys/kept.h"
#include "warden_case.h"

/* Steps wait at a FIFO of their number until they are let go with an exit code. */
struct stage_set {
	struct post p;
	struct wire_event e[WIRE_EVENTS];
	size_t n, at;
};

static void open_stage(struct stage_set *s)
{
	*s = (struct stage_set){.n = 0};
	post_open_with(&s->p, 8, &calls_real);
}

static void fifo_of(const struct stage_set *s, uint32_t serial, char path[128])
{
	snprintf(path, 128, "%s/%u", s->p.dir, serial);
}

static void send_start(struct stage_set *s, uint32_t serial, const char *script, uint32_t flags, uint32_t age)
{
	const char *const argv[] = {"/bin/sh", "-c", script, NULL}, *const env[] = {"PATH=/usr/bin:/bin", NULL};
	const struct request r = {.serial = serial, .argv = argv, .envp = env, .umask = -1, .cwd = s->p.dir};
	const struct wire_ask ask = {.kind = WIRE_START, .place = 100 + serial, .serial = serial, .flags = flags, .age = age};
	struct buf b = BUF_INIT;

	CHECK_INT(request_build(&b, &r, NULL), 0);
	CHECK(post_send(&s->p, &ask, b.data, b.len, NULL, 0));
	buf_release(&b);
}

static void send_waiting(struct stage_set *s, uint32_t serial, uint32_t flags)
{
	char path[128], script[64];

	fifo_of(s, serial, path);
	CHECK_INT(mkfifo(path, 0600), 0);
	snprintf(script, sizeof(script), "read code <%u; exit $code", serial);
	send_start(s, serial, script, flags, 0);
}

/* Until it has read all that was sent to it: so much comes before what follows. */
static void await_taken(const struct stage_set *s)
{
	int left = 1;

	while (left) {
		CHECK_INT(ioctl(s->p.socket, SIOCOUTQ, &left), 0);
		poll(NULL, 0, left ? 1 : 0);
	}
}

static void let_go(struct stage_set *s, uint32_t serial, const char *code)
{
	char path[128];
	int fd;

	await_taken(s);
	fifo_of(s, serial, path);
	fd = open(path, O_WRONLY);
	CHECK(fd >= 0);
	CHECK_INT(write(fd, code, strlen(code)), strlen(code));
	close(fd);
}

static void close_stage(struct stage_set *s, uint32_t n_fifos)
{
	char path[128];

	for (uint32_t i = 1; i <= n_fifos; i++) {
		fifo_of(s, i, path);
		CHECK_INT(unlink(path), 0);
	}
	post_close(&s->p);
}

static struct wire_event hear(struct stage_set *s)
{
	struct pollfd f = {.fd = s->p.socket, .events = POLLIN};
	ssize_t n;

	if (s->at == s->n) {
		CHECK_INT(poll(&f, 1, POST_PATIENCE_MS), 1);
		n = recv(s->p.socket, s->e, sizeof(s->e), 0);
		CHECK(n > 0);
		s->n = (size_t)n / sizeof(*s->e);
		s->at = 0;
	}
	return s->e[s->at++];
}

static struct wire_event expect(struct stage_set *s, int type, uint32_t serial)
{
	struct wire_event e = hear(s);

	CHECK_INT(e.record.type, type);
	CHECK_INT(e.record.serial, serial);
	CHECK_INT(e.place, 100 + serial);
	return e;
}

static size_t attempts_in(const struct stage_set *s)
{
	struct journal j;
	size_t n;

	CHECK_INT(journal_read(&j, s->p.journal, POST_NONCE), 0);
	n = j.n_attempts;
	journal_release(&j);
	return n;
}

static void say(struct stage_set *s, uint32_t kind, uint32_t serial, uint32_t flags)
{
	CHECK(post_send(&s->p, &(struct wire_ask){.kind = kind, .serial = serial, .flags = flags}, NULL, 0, NULL, 0));
}

static void the_oldest_begins_where_a_plain_one_ends_well(void **state)
{
	struct stage_set s;
	struct wire_event e;

	(void)state;
	open_stage(&s);
	send_waiting(&s, 1, WIRE_PLAIN);
	expect(&s, JOURNAL_PROCESS, 1);
	send_waiting(&s, 2, WIRE_PLAIN | WIRE_HOLD);
	send_waiting(&s, 3, WIRE_HOLD); /* whose own end lets nobody begin */
	send_waiting(&s, 4, WIRE_HOLD);
	let_go(&s, 1, "0\n");
	e = expect(&s, JOURNAL_END, 1);
	CHECK_INT(e.next, 2);
	CHECK_INT(e.age, 0);
	expect(&s, JOURNAL_PROCESS, 2);
	CHECK_INT(attempts_in(&s), 2);
	let_go(&s, 2, "0\n");
	CHECK_INT(expect(&s, JOURNAL_END, 2).next, 3);
	expect(&s, JOURNAL_PROCESS, 3);
	let_go(&s, 3, "0\n");
	expect(&s, WIRE_DROPPED, 4);
	e = expect(&s, JOURNAL_END, 3);
	CHECK_INT(e.next, 0);
	CHECK_INT(e.age, 1);
	CHECK_INT(attempts_in(&s), 3);
	close_stage(&s, 4);
}

/* While many are held the end of one has time to wait for company, and comes by itself if there is none. */
static void with_many_held_an_end_is_told_all_the_same(void **state)
{
	struct stage_set s;

	(void)state;
	open_stage(&s);
	send_waiting(&s, 1, WIRE_PLAIN);
	expect(&s, JOURNAL_PROCESS, 1);
	for (uint32_t i = 2; i <= 12; i++)
		send_waiting(&s, i, WIRE_PLAIN | WIRE_HOLD);
	for (uint32_t i = 1; i < 12; i++) {
		let_go(&s, i, "0\n");
		CHECK_INT(expect(&s, JOURNAL_END, i).next, i + 1);
		expect(&s, JOURNAL_PROCESS, i + 1);
	}
	CHECK_INT(attempts_in(&s), 12);
	let_go(&s, 12, "0\n");
	CHECK_INT(expect(&s, JOURNAL_END, 12).next, 0);
	close_stage(&s, 12);
}

static void with_none_held_a_clean_end_is_only_an_end(void **state)
{
	struct stage_set s;
	struct wire_event e;

	(void)state;
	open_stage(&s);
	send_waiting(&s, 1, WIRE_PLAIN);
	let_go(&s, 1, "0\n");
	expect(&s, JOURNAL_PROCESS, 1);
	e = expect(&s, JOURNAL_END, 1);
	CHECK_INT(e.next, 0);
	CHECK_INT(e.age, 0);
	close_stage(&s, 1);
}

enum bad_end { BAD_EXIT, BAD_SIGNAL, BAD_STOP, BAD_TIMEOUT, BAD_NOT_PLAIN, BAD_ENDS };

static void end_badly(struct stage_set *s, enum bad_end how, pid_t pid)
{
	await_taken(s);
	if (how == BAD_EXIT)
		let_go(s, 1, "1\n");
	else if (how == BAD_NOT_PLAIN)
		let_go(s, 1, "0\n");
	else if (how == BAD_SIGNAL)
		CHECK_INT(kill(pid, SIGKILL), 0);
	else if (how == BAD_STOP)
		say(s, WIRE_STOP, 1, WIRE_KILL_NOW);
}

static void send_with_timeout(struct stage_set *s)
{
	const char *const argv[] = {"/bin/sleep", "60", NULL}, *const env[] = {NULL};
	const struct request r = {.serial = 1, .argv = argv, .envp = env, .umask = -1, .timeout_ms = 300};
	const struct wire_ask ask = {.kind = WIRE_START, .place = 101, .serial = 1, .flags = WIRE_PLAIN};
	struct buf b = BUF_INIT;

	CHECK_INT(request_build(&b, &r, NULL), 0);
	CHECK(post_send(&s->p, &ask, b.data, b.len, NULL, 0));
	buf_release(&b);
}

static void at_any_other_end_all_are_dropped(void **state)
{
	(void)state;
	for (int how = 0; how < BAD_ENDS; how++) {
		struct stage_set s;
		struct wire_event e;
		pid_t pid;

		open_stage(&s);
		if (how == BAD_TIMEOUT)
			send_with_timeout(&s);
		else
			send_waiting(&s, 1, how == BAD_NOT_PLAIN ? 0 : WIRE_PLAIN);
		send_start(&s, 2, "exit 0", WIRE_PLAIN | WIRE_HOLD, 0);
		send_start(&s, 3, "exit 0", WIRE_PLAIN | WIRE_HOLD, 0);
		pid = (pid_t)expect(&s, JOURNAL_PROCESS, 1).record.process.pid;
		end_badly(&s, (enum bad_end)how, pid);
		expect(&s, WIRE_DROPPED, 2);
		expect(&s, WIRE_DROPPED, 3);
		e = expect(&s, JOURNAL_END, 1);
		CHECK_INT(e.next, 0);
		CHECK_INT(e.age, 1);
		CHECK_INT(attempts_in(&s), 1);
		close_stage(&s, how == BAD_TIMEOUT ? 0 : 1);
	}
}

/* It was sent before its sender had heard of the end after which nobody is to begin. */
static void one_of_an_age_that_is_over_is_dropped(void **state)
{
	struct stage_set s;

	(void)state;
	open_stage(&s);
	send_waiting(&s, 1, WIRE_PLAIN);
	send_waiting(&s, 2, WIRE_PLAIN);
	expect(&s, JOURNAL_PROCESS, 1);
	expect(&s, JOURNAL_PROCESS, 2);
	let_go(&s, 1, "1\n");
	CHECK_INT(expect(&s, JOURNAL_END, 1).age, 1);
	send_start(&s, 3, "exit 0", WIRE_PLAIN | WIRE_HOLD, 0);
	expect(&s, WIRE_DROPPED, 3);
	send_start(&s, 4, "exit 0", WIRE_PLAIN | WIRE_HOLD, 1);
	let_go(&s, 2, "0\n");
	CHECK_INT(expect(&s, JOURNAL_END, 2).next, 4);
	expect(&s, JOURNAL_PROCESS, 4);
	expect(&s, JOURNAL_END, 4);
	CHECK_INT(attempts_in(&s), 3);
	close_stage(&s, 2);
}

static void a_start_that_fails_drops_them(void **state)
{
	(void)state;
	for (int held = 0; held < 2; held++) { /* is it one that was held itself? */
		const char *const argv[] = {"/no/such/program", NULL}, *const env[] = {NULL};
		const struct request r = {.serial = 9, .argv = argv, .envp = env, .umask = -1};
		const struct wire_ask ask = {.kind = WIRE_START, .place = 109, .serial = 9, .flags = held ? WIRE_HOLD : 0};
		struct buf b = BUF_INIT;
		struct stage_set s;

		open_stage(&s);
		send_waiting(&s, 1, WIRE_PLAIN);
		expect(&s, JOURNAL_PROCESS, 1);
		CHECK_INT(request_build(&b, &r, NULL), 0);
		if (held)
			CHECK(post_send(&s.p, &ask, b.data, b.len, NULL, 0));
		send_start(&s, 2, "exit 0", WIRE_HOLD, 0);
		if (held)
			let_go(&s, 1, "0\n");
		else
			CHECK(post_send(&s.p, &ask, b.data, b.len, NULL, 0));
		if (held)
			CHECK_INT(expect(&s, JOURNAL_END, 1).next, 9);
		CHECK_INT(expect(&s, JOURNAL_FAILED, 9).age, 1);
		expect(&s, WIRE_DROPPED, 2);
		if (!held)
			let_go(&s, 1, "0\n");
		if (!held)
			expect(&s, JOURNAL_END, 1);
		buf_release(&b);
		close_stage(&s, 1);
	}
}

static void they_are_called_back_and_may_come_again(void **state)
{
	struct stage_set s;

	(void)state;
	open_stage(&s);
	send_waiting(&s, 1, WIRE_PLAIN);
	expect(&s, JOURNAL_PROCESS, 1);
	for (int i = 0; i < 3; i++) {
		send_start(&s, 2, "exit 0", WIRE_PLAIN | WIRE_HOLD, 0);
		send_start(&s, 3, "exit 0", WIRE_PLAIN | WIRE_HOLD, 0);
		say(&s, WIRE_RECALL, 0, 0);
		expect(&s, WIRE_DROPPED, 2);
		expect(&s, WIRE_DROPPED, 3);
	}
	say(&s, WIRE_RECALL, 0, 0); /* of none */
	send_start(&s, 2, "exit 0", WIRE_PLAIN | WIRE_HOLD, 0);
	let_go(&s, 1, "0\n");
	CHECK_INT(expect(&s, JOURNAL_END, 1).next, 2);
	expect(&s, JOURNAL_PROCESS, 2);
	expect(&s, JOURNAL_END, 2);
	close_stage(&s, 1);
}

static void who_stops_all_drops_them_first(void **state)
{
	(void)state;
	for (int quit = 0; quit < 2; quit++) {
		struct stage_set s;

		open_stage(&s);
		send_waiting(&s, 1, WIRE_PLAIN);
		expect(&s, JOURNAL_PROCESS, 1);
		send_start(&s, 2, "exit 0", WIRE_PLAIN | WIRE_HOLD, 0);
		say(&s, quit ? WIRE_QUIT : WIRE_STOP, 0, WIRE_KILL_NOW);
		expect(&s, WIRE_DROPPED, 2);
		expect(&s, JOURNAL_END, 1);
		CHECK_INT(attempts_in(&s), 1);
		close_stage(&s, 1);
	}
}

static void a_dead_driver_s_are_not_started(void **state)
{
	struct stage_set s;
	struct journal j;
	int status;

	(void)state;
	open_stage(&s);
	send_waiting(&s, 1, WIRE_PLAIN);
	expect(&s, JOURNAL_PROCESS, 1);
	send_start(&s, 2, "exit 0", WIRE_PLAIN | WIRE_HOLD, 0);
	close(s.p.socket);
	CHECK_INT(waitpid(s.p.warden, &status, 0), s.p.warden);
	CHECK_INT(status, 0);
	CHECK_INT(journal_read(&j, s.p.journal, POST_NONCE), 0);
	CHECK_INT(j.n_attempts, 1);
	CHECK_INT(j.attempt[0].why, WHY_DRIVER_GONE);
	journal_release(&j);
	CHECK_INT(unlink(s.p.journal), 0);
	{
		char path[128];

		fifo_of(&s, 1, path);
		CHECK_INT(unlink(path), 0);
	}
	CHECK_INT(rmdir(s.p.dir), 0);
}

/* True if it hangs up, which kills what runs. */
static bool hangs_up(struct stage_set *s)
{
	struct wire_event e[WIRE_EVENTS];
	struct pollfd f = {.fd = s->p.socket, .events = POLLIN};

	for (;;) {
		CHECK_INT(poll(&f, 1, POST_PATIENCE_MS), 1);
		if (recv(s->p.socket, e, sizeof(e), 0) <= 0)
			return true;
	}
}

static void more_than_can_be_held_come_from_no_driver(void **state)
{
	struct stage_set s;

	(void)state;
	open_stage(&s);
	send_waiting(&s, 1, WIRE_PLAIN);
	expect(&s, JOURNAL_PROCESS, 1);
	for (uint32_t i = 0; i <= KEPT_MOST; i++)
		send_start(&s, 2 + i, "exit 0", WIRE_HOLD, 0);
	CHECK(hangs_up(&s));
	close_stage(&s, 1);
}

static void nor_do_more_descriptors_with_one(void **state)
{
	const struct wire_ask ask = {.kind = WIRE_START, .serial = 2, .flags = WIRE_HOLD};
	const int fd[] = {0, 1, 2};
	struct stage_set s;

	(void)state;
	open_stage(&s);
	CHECK(post_send(&s.p, &ask, "", 1, fd, KEPT_FDS + 1));
	CHECK(hangs_up(&s));
	close_stage(&s, 0);
}

/* Its descriptors wait with it, and go whether it begins or not. */
static void what_a_held_one_was_sent_it_has(void **state)
{
	const char *const argv[] = {"/bin/sh", "-c", "echo here >&5", NULL}, *const env[] = {NULL};
	const uint32_t number[] = {5};
	const struct request r = {.serial = 2, .argv = argv, .envp = env, .umask = -1, .number = number, .n_numbers = 1};
	const struct wire_ask ask = {.kind = WIRE_START, .place = 102, .serial = 2, .flags = WIRE_HOLD};
	struct buf b = BUF_INIT;
	struct stage_set s;
	char text[8] = "";
	int pipes[2];

	(void)state;
	open_stage(&s);
	CHECK_INT(pipe2(pipes, O_CLOEXEC), 0);
	CHECK_INT(request_build(&b, &r, NULL), 0);
	send_waiting(&s, 1, WIRE_PLAIN);
	expect(&s, JOURNAL_PROCESS, 1);
	CHECK(post_send(&s.p, &ask, b.data, b.len, &pipes[1], 1));
	say(&s, WIRE_RECALL, 0, 0);
	expect(&s, WIRE_DROPPED, 2);
	CHECK(post_send(&s.p, &ask, b.data, b.len, &pipes[1], 1));
	close(pipes[1]);
	let_go(&s, 1, "0\n");
	expect(&s, JOURNAL_END, 1);
	expect(&s, JOURNAL_PROCESS, 2);
	CHECK_INT(read(pipes[0], text, sizeof(text)), 5);
	CHECK(!memcmp(text, "here\n", 5));
	expect(&s, JOURNAL_END, 2);
	CHECK_INT(read(pipes[0], text, sizeof(text)), 0); /* nobody has it any more */
	close(pipes[0]);
	buf_release(&b);
	close_stage(&s, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_begins_where_a_plain_one_ends_well),
		cmocka_unit_test(with_many_held_an_end_is_told_all_the_same),
		cmocka_unit_test(with_none_held_a_clean_end_is_only_an_end),
		cmocka_unit_test(at_any_other_end_all_are_dropped),
		cmocka_unit_test(one_of_an_age_that_is_over_is_dropped),
		cmocka_unit_test(a_start_that_fails_drops_them),
		cmocka_unit_test(they_are_called_back_and_may_come_again),
		cmocka_unit_test(who_stops_all_drops_them_first),
		cmocka_unit_test(a_dead_driver_s_are_not_started),
		cmocka_unit_test(more_than_can_be_held_come_from_no_driver),
		cmocka_unit_test(nor_do_more_descriptors_with_one),
		cmocka_unit_test(what_a_held_one_was_sent_it_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
