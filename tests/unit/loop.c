#include "sys/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/stamp.h"
#include "check.h"

struct world {
	struct loop *l;
	struct buf said;
	int p[2];
};

static void world_open(struct world *w)
{
	*w = (struct world){.l = loop_new(), .said = BUF_INIT};
	CHECK(w->l);
	CHECK_INT(pipe2(w->p, O_CLOEXEC | O_NONBLOCK), 0);
}

static void world_close(struct world *w)
{
	loop_free(w->l);
	buf_release(&w->said);
	close(w->p[0]);
	close(w->p[1]);
}

static void say_read(void *arg, uint32_t ready)
{
	struct world *w = arg;
	char byte;

	CHECK(ready & EPOLLIN);
	CHECK_INT(read(w->p[0], &byte, 1), 1);
	buf_addf(&w->said, "r%c ", byte);
}

static void a_descriptor_is_called_as_long_as_it_is_ready(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	CHECK_INT(loop_fd(w.l, w.p[0], EPOLLIN, say_read, &w), 0);
	CHECK_INT(loop_turn(w.l, 0), 0);
	CHECK_INT(write(w.p[1], "ab", 2), 2);
	CHECK_INT(loop_turn(w.l, -1), 1);
	CHECK_INT(loop_turn(w.l, -1), 1);
	CHECK_INT(loop_turn(w.l, 0), 0);
	CHECK_STR(w.said.data, "ra rb ");
	world_close(&w);
}

static void what_is_not_a_descriptor_is_an_error(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	CHECK_INT(loop_fd(w.l, -1, EPOLLIN, say_read, &w), -1);
	CHECK_INT(errno, EBADF);
	CHECK_INT(loop_fd(w.l, 987, EPOLLIN, say_read, &w), -1);
	CHECK_INT(errno, EBADF);
	loop_fd_drop(w.l, 987);
	loop_fd_drop(w.l, 100000);
	world_close(&w);
}

struct pair {
	struct world *w;
	int mine[2], other;
};

static void drop_the_other(void *arg, uint32_t ready)
{
	struct pair *p = arg;

	(void)ready;
	buf_puts(&p->w->said, "x ");
	loop_fd_drop(p->w->l, p->other);
	loop_fd_drop(p->w->l, p->mine[0]);
}

static void what_is_dropped_is_not_called_even_if_it_was_ready(void **state)
{
	struct world w;
	struct pair a, b;

	(void)state;
	world_open(&w);
	CHECK_INT(pipe2(a.mine, O_CLOEXEC), 0);
	CHECK_INT(pipe2(b.mine, O_CLOEXEC), 0);
	a.w = b.w = &w;
	a.other = b.mine[0];
	b.other = a.mine[0];
	CHECK_INT(loop_fd(w.l, a.mine[0], EPOLLIN, drop_the_other, &a), 0);
	CHECK_INT(loop_fd(w.l, b.mine[0], EPOLLIN, drop_the_other, &b), 0);
	CHECK_INT(write(a.mine[1], "1", 1), 1);
	CHECK_INT(write(b.mine[1], "1", 1), 1);
	CHECK_INT(loop_turn(w.l, 0), 1);
	CHECK_INT(loop_turn(w.l, 0), 0);
	CHECK_STR(w.said.data, "x ");
	for (int i = 0; i < 2; i++)
		close(a.mine[i]), close(b.mine[i]);
	world_close(&w);
}

struct swap {
	struct world *w;
	int pair[2], old;
};

static void not_for_me(void *arg, uint32_t ready)
{
	struct swap *s = arg;

	(void)ready;
	buf_puts(&s->w->said, "wrong ");
}

/* The number of a descriptor that was ready goes to a new one that is not. */
static void swap_numbers(void *arg, uint32_t ready)
{
	struct swap *s = arg;
	int fresh[2];

	(void)ready;
	if (s->old < 0)
		return;
	buf_puts(&s->w->said, "swap ");
	CHECK_INT(pipe2(fresh, O_CLOEXEC), 0);
	loop_fd_drop(s->w->l, s->old);
	CHECK_INT(dup3(fresh[0], s->old, O_CLOEXEC), s->old);
	CHECK_INT(loop_fd(s->w->l, s->old, EPOLLIN, not_for_me, s), 0);
	close(fresh[0]);
	s->pair[1] = fresh[1];
	loop_fd_drop(s->w->l, s->pair[0]);
	s->old = -1;
}

static void a_late_event_does_not_reach_who_has_the_number_now(void **state)
{
	struct world w;
	struct swap a, b;

	(void)state;
	world_open(&w);
	CHECK_INT(pipe2(a.pair, O_CLOEXEC), 0);
	CHECK_INT(pipe2(b.pair, O_CLOEXEC), 0);
	CHECK_INT(write(a.pair[1], "1", 1), 1);
	CHECK_INT(write(b.pair[1], "1", 1), 1);
	close(a.pair[1]);
	close(b.pair[1]);
	a.w = b.w = &w;
	a.pair[1] = b.pair[1] = -1;
	a.old = b.pair[0];
	b.old = a.pair[0];
	CHECK_INT(loop_fd(w.l, a.pair[0], EPOLLIN, swap_numbers, &a), 0);
	CHECK_INT(loop_fd(w.l, b.pair[0], EPOLLIN, swap_numbers, &b), 0);
	CHECK_INT(loop_turn(w.l, 0), 1);
	CHECK_STR(w.said.data, "swap ");
	close(a.pair[0]);
	close(b.pair[0]);
	close(a.pair[1] >= 0 ? a.pair[1] : b.pair[1]);
	world_close(&w);
}

/* --- timers --------------------------------------------------------------------------------------- */

struct tick {
	struct loop_timer t;
	struct world *w;
	int id;
	int64_t fired_ns;
};

static void say_tick(void *arg)
{
	struct tick *k = arg;

	buf_addf(&k->w->said, "t%d ", k->id);
	k->fired_ns = stamp_mono_ns();
}

static struct tick tick_of(struct world *w, int id)
{
	return (struct tick){.t.fn = say_tick, .w = w, .id = id};
}

static void turn_until(struct world *w, const char *said)
{
	int64_t until = stamp_mono_ns() + 60000 * (int64_t)NS_PER_MS;

	while (strcmp(w->said.data, said) && stamp_mono_ns() < until)
		CHECK(loop_turn(w->l, 1000) >= 0);
	CHECK_STR(w->said.data, said);
}

static void timers_fire_in_the_order_of_their_times_and_never_early(void **state)
{
	static const int order[] = {5, 1, 4, 2, 3};
	struct world w;
	struct tick k[6];
	int64_t now;

	(void)state;
	world_open(&w);
	now = stamp_mono_ns();
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		int id = order[i];

		k[id] = tick_of(&w, id);
		k[id].t.arg = &k[id];
		loop_timer_set(w.l, &k[id].t, now + id * 3 * (int64_t)NS_PER_MS);
	}
	loop_timer_clear(w.l, &k[4].t);
	loop_timer_clear(w.l, &k[4].t);
	turn_until(&w, "t1 t2 t3 t5 ");
	for (int id = 1; id <= 5; id++)
		if (id != 4)
			CHECK(k[id].fired_ns >= now + id * 3 * (int64_t)NS_PER_MS);
	world_close(&w);
}

static void a_timer_that_is_set_again_moves_forward_or_back(void **state)
{
	struct world w;
	struct tick k[2];
	int64_t now;

	(void)state;
	world_open(&w);
	now = stamp_mono_ns();
	for (int i = 0; i < 2; i++) {
		k[i] = tick_of(&w, i);
		k[i].t.arg = &k[i];
	}
	loop_timer_set(w.l, &k[0].t, now + 1000 * 3600 * (int64_t)NS_PER_MS);
	CHECK_INT(loop_turn(w.l, 0), 0);
	loop_timer_set(w.l, &k[1].t, now + 2 * (int64_t)NS_PER_MS);
	loop_timer_set(w.l, &k[0].t, now + (int64_t)NS_PER_MS);
	turn_until(&w, "t0 t1 ");
	loop_timer_set(w.l, &k[0].t, now + (int64_t)NS_PER_MS); /* long past */
	turn_until(&w, "t0 t1 t0 ");
	CHECK_INT(k[0].t.place, 0);
	world_close(&w);
}

static void again(void *arg)
{
	struct tick *k = arg;

	k->id++;
	loop_timer_set(k->w->l, &k->t, 1);
}

static void a_timer_that_sets_itself_to_the_past_leaves_the_others_their_turn(void **state)
{
	struct world w;
	struct tick k;

	(void)state;
	world_open(&w);
	k = (struct tick){.t.fn = again, .w = &w};
	k.t.arg = &k;
	CHECK_INT(loop_fd(w.l, w.p[0], EPOLLIN, say_read, &w), 0);
	CHECK_INT(write(w.p[1], "abc", 3), 3);
	loop_timer_set(w.l, &k.t, 1);
	for (int i = 0; i < 3; i++)
		CHECK_INT(loop_turn(w.l, -1), 2);
	CHECK_INT(k.id, 3);
	CHECK_STR(w.said.data, "ra rb rc ");
	loop_timer_clear(w.l, &k.t);
	world_close(&w);
}

static void count(void *arg)
{
	struct tick *k = arg;

	k->fired_ns = k->t.due_ns;
	(*(int *)k->w)++;
}

static void a_thousand_timers_set_moved_and_cleared_at_random_all_fire_once(void **state)
{
	enum { N = 1000 };
	static struct tick k[N];
	struct loop *l = loop_new();
	int fired = 0, set = 0;
	int64_t now = stamp_mono_ns();

	(void)state;
	srand(check_seed());
	memset(k, 0, sizeof(k));
	for (int i = 0; i < 5 * N; i++) {
		struct tick *one = &k[rand() % N];

		one->t.fn = count;
		one->t.arg = one;
		one->w = (void *)&fired;
		if (rand() % 3)
			loop_timer_set(l, &one->t, now + rand() % 20000000);
		else
			loop_timer_clear(l, &one->t);
	}
	for (int i = 0; i < N; i++)
		set += k[i].t.place != 0;
	for (int i = 0; i < 1000 && fired < set; i++)
		CHECK(loop_turn(l, 1000) >= 0);
	CHECK_INT(fired, set);
	CHECK_INT(loop_turn(l, 0), 0);
	loop_free(l);
}

static void a_loop_that_is_freed_leaves_its_timers_unset(void **state)
{
	struct world w;
	struct tick k;

	(void)state;
	world_open(&w);
	k = tick_of(&w, 1);
	loop_timer_set(w.l, &k.t, stamp_mono_ns() + 1000000000);
	CHECK(k.t.place);
	world_close(&w);
	CHECK_INT(k.t.place, 0);
	loop_free(NULL);
}

/* --- signals -------------------------------------------------------------------------------------- */

static void say_signal(void *arg, const struct signalfd_siginfo *info)
{
	struct world *w = arg;

	buf_addf(&w->said, "s%d ", (int)info->ssi_signo);
	CHECK_INT(info->ssi_pid, getpid());
}

static void signals_arrive_as_events_and_the_mask_comes_back(void **state)
{
	struct world w;
	sigset_t set, now;
	char want[32];

	(void)state;
	world_open(&w);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	CHECK_INT(loop_signals(w.l, &set, say_signal, &w), 0);
	CHECK_INT(kill(getpid(), SIGUSR1), 0);
	CHECK_INT(kill(getpid(), SIGUSR2), 0);
	CHECK_INT(loop_turn(w.l, -1), 2);
	snprintf(want, sizeof(want), "s%d s%d ", SIGUSR1, SIGUSR2);
	CHECK_STR(w.said.data, want);
	CHECK_INT(loop_turn(w.l, 0), 0);
	world_close(&w);
	CHECK_INT(sigprocmask(SIG_BLOCK, NULL, &now), 0);
	CHECK_INT(sigismember(&now, SIGUSR1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_descriptor_is_called_as_long_as_it_is_ready),
		cmocka_unit_test(what_is_not_a_descriptor_is_an_error),
		cmocka_unit_test(what_is_dropped_is_not_called_even_if_it_was_ready),
		cmocka_unit_test(a_late_event_does_not_reach_who_has_the_number_now),
		cmocka_unit_test(timers_fire_in_the_order_of_their_times_and_never_early),
		cmocka_unit_test(a_timer_that_is_set_again_moves_forward_or_back),
		cmocka_unit_test(a_timer_that_sets_itself_to_the_past_leaves_the_others_their_turn),
		cmocka_unit_test(a_thousand_timers_set_moved_and_cleared_at_random_all_fire_once),
		cmocka_unit_test(a_loop_that_is_freed_leaves_its_timers_unset),
		cmocka_unit_test(signals_arrive_as_events_and_the_mask_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
