#include "sys/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

struct pool {
	char dir[32], path[48];
	struct tokens *t;
	int in, out; /* what a child would get */
};

static struct pool pool_of(uint32_t n)
{
	struct pool p = {.dir = "/tmp/tokens.XXXXXX"};

	CHECK(mkdtemp(p.dir) != NULL);
	snprintf(p.path, sizeof(p.path), "%s/fifo", p.dir);
	p.t = tokens_serve(p.path, n);
	CHECK(p.t != NULL);
	tokens_pair(p.t, &p.in, &p.out);
	return p;
}

static void pool_end(struct pool *p)
{
	tokens_free(p->t);
	CHECK(access(p->path, F_OK) < 0); /* and nothing stays behind */
	CHECK_INT(rmdir(p->dir), 0);
}

static int bytes_in(const struct pool *p)
{
	int n;

	CHECK_INT(ioctl(p->in, FIONREAD, &n), 0);
	return n;
}

static void a_pool_has_a_byte_for_each_token_but_one(void **state)
{
	struct pool p = pool_of(4);
	struct stat st;

	(void)state;
	CHECK_INT(stat(p.path, &st), 0);
	CHECK_INT(st.st_mode, S_IFIFO | S_IRUSR | S_IWUSR);
	CHECK_INT(bytes_in(&p), 3);
	CHECK_INT(tokens_take(p.t), 1);
	CHECK_INT(bytes_in(&p), 3); /* the first one costs none */
	CHECK_INT(tokens_take(p.t), 1);
	CHECK_INT(tokens_take(p.t), 1);
	CHECK_INT(tokens_take(p.t), 1);
	CHECK_INT(bytes_in(&p), 0);
	CHECK_INT(tokens_take(p.t), 0);
	CHECK_INT(tokens_give(p.t), 0);
	CHECK_INT(bytes_in(&p), 1);
	CHECK_INT(tokens_give_all(p.t), 0);
	CHECK_INT(bytes_in(&p), 3);
	pool_end(&p);
}

static void children_have_blocking_ends_that_one_can_select(void **state)
{
	struct pool p = pool_of(2);

	(void)state;
	CHECK_INT(fcntl(p.in, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_RDONLY);
	CHECK_INT(fcntl(p.out, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_WRONLY);
	CHECK_INT(fcntl(p.in, F_GETFD), FD_CLOEXEC);
	CHECK_INT(fcntl(p.out, F_GETFD), FD_CLOEXEC);
	pool_end(&p);
}

static void servers_and_clients_share(struct pool *p, struct tokens *client)
{
	CHECK(client != NULL);
	CHECK_INT(tokens_take(client), 1); /* its implicit one: it is somebody's step */
	CHECK_INT(tokens_take(client), 1);
	CHECK_INT(bytes_in(p), 1);
	CHECK_INT(tokens_take(p->t), 1);
	CHECK_INT(tokens_take(p->t), 1);
	CHECK_INT(tokens_take(p->t), 0);
	CHECK_INT(tokens_take(client), 0);
	CHECK_INT(tokens_give(client), 0);
	CHECK_INT(tokens_take(p->t), 1);
	tokens_free(client);
	CHECK_INT(tokens_give_all(p->t), 0);
	CHECK_INT(bytes_in(p), 2);
}

static void a_client_by_descriptors_shares(void **state)
{
	struct pool p = pool_of(3);

	(void)state;
	servers_and_clients_share(&p, tokens_from_pair(p.in, p.out, 9));
	CHECK_INT(fcntl(p.in, F_GETFL) & O_NONBLOCK, 0); /* the others' flags are theirs */
	pool_end(&p);
}

static void a_client_by_path_shares(void **state)
{
	struct pool p = pool_of(3);

	(void)state;
	servers_and_clients_share(&p, tokens_from_fifo(p.path, 9));
	pool_end(&p);
}

static void a_client_takes_no_more_than_it_was_told(void **state)
{
	struct pool p = pool_of(5);
	struct tokens *c = tokens_from_fifo(p.path, 2);

	(void)state;
	CHECK_INT(tokens_take(c), 1);
	CHECK_INT(tokens_take(c), 1);
	CHECK_INT(tokens_take(c), 0);
	CHECK_INT(bytes_in(&p), 3);
	tokens_free(c);
	pool_end(&p);
}

static void a_byte_goes_back_as_it_came(void **state)
{
	struct pool p = pool_of(1);
	struct tokens *c = tokens_from_pair(p.in, p.out, 4);
	char got[2];

	(void)state;
	CHECK_INT(write(p.out, "xy", 2), 2);
	for (int i = 0; i < 3; i++)
		CHECK_INT(tokens_take(c), 1);
	CHECK_INT(tokens_give(c), 0);
	CHECK_INT(read(p.in, got, 1), 1);
	CHECK_INT(got[0], 'y');
	CHECK_INT(tokens_give_all(c), 0);
	CHECK_INT(read(p.in, got, 1), 1);
	CHECK_INT(got[0], 'x');
	tokens_free(c);
	pool_end(&p);
}

static void what_is_no_pipe_is_no_pool(void **state)
{
	char path[] = "/tmp/tokens-file.XXXXXX";
	int fd = mkstemp(path), closed = dup(fd);
	struct stat st;

	(void)state;
	CHECK_INT(write(fd, "ledger", 6), 6);
	close(closed);
	CHECK(!tokens_from_pair(fd, fd, 4));
	CHECK_INT(errno, EINVAL);
	CHECK(!tokens_from_pair(closed, closed, 4));
	CHECK_INT(errno, EBADF);
	CHECK(!tokens_from_fifo(path, 4));
	CHECK_INT(errno, EINVAL);
	CHECK_INT(fstat(fd, &st), 0);
	CHECK_INT(st.st_size, 6); /* and nothing was written into it */
	unlink(path);
	CHECK(!tokens_from_fifo(path, 4));
	CHECK_INT(errno, ENOENT);
	CHECK(!tokens_serve("/nonexistent/fifo", 4));
	CHECK_INT(errno, ENOENT);
	close(fd);
}

static void what_killed_children_kept_is_put_back(void **state)
{
	struct pool p = pool_of(5);
	char byte[2];

	(void)state;
	CHECK_INT(tokens_take(p.t), 1);
	CHECK_INT(tokens_take(p.t), 1);
	CHECK_INT(tokens_mend(p.t), 0);
	CHECK_INT(read(p.in, byte, 2), 2);
	CHECK_INT(tokens_mend(p.t), 2);
	CHECK_INT(bytes_in(&p), 3);
	CHECK_INT(write(p.out, "+", 1), 1);
	CHECK_INT(tokens_mend(p.t), -1);
	CHECK_INT(bytes_in(&p), 3);
	pool_end(&p);
}

static void only_a_pool_that_is_ours_is_mended(void **state)
{
	struct pool p = pool_of(3);
	struct tokens *c = tokens_from_pair(p.in, p.out, 4);
	char byte;

	(void)state;
	CHECK_INT(read(p.in, &byte, 1), 1);
	CHECK_INT(tokens_mend(c), 0);
	CHECK_INT(bytes_in(&p), 1);
	tokens_free(c);
	pool_end(&p);
}

static void more_tokens_are_there_at_once(void **state)
{
	struct pool p = pool_of(2);

	(void)state;
	CHECK_INT(tokens_take(p.t), 1);
	CHECK_INT(tokens_take(p.t), 1);
	CHECK_INT(tokens_take(p.t), 0);
	CHECK_INT(tokens_resize(p.t, 4), 0);
	CHECK_INT(tokens_owed(p.t), 0);
	CHECK_INT(tokens_size(p.t), 4);
	CHECK_INT(bytes_in(&p), 2);
	CHECK_INT(tokens_take(p.t), 1);
	CHECK_INT(tokens_take(p.t), 1);
	CHECK_INT(tokens_take(p.t), 0);
	CHECK_INT(tokens_give_all(p.t), 0);
	CHECK_INT(bytes_in(&p), 3);
	pool_end(&p);
}

static void what_nobody_has_goes_at_once(void **state)
{
	struct pool p = pool_of(5);

	(void)state;
	CHECK_INT(tokens_take(p.t), 1);
	CHECK_INT(tokens_take(p.t), 1);
	CHECK_INT(tokens_resize(p.t, 3), 0);
	CHECK_INT(tokens_owed(p.t), 0);
	CHECK_INT(bytes_in(&p), 1);
	CHECK_INT(tokens_give_all(p.t), 0);
	CHECK_INT(bytes_in(&p), 2);
	pool_end(&p);
}

static void what_somebody_has_goes_when_it_comes_back(void **state)
{
	struct pool p = pool_of(5);
	struct tokens *c = tokens_from_fifo(p.path, 9);

	(void)state;
	CHECK_INT(tokens_take(p.t), 1);
	CHECK_INT(tokens_take(p.t), 1);
	for (int i = 0; i < 4; i++) /* one of them its own */
		CHECK_INT(tokens_take(c), 1);
	CHECK_INT(tokens_resize(p.t, 2), 0);
	CHECK_INT(tokens_owed(p.t), 3);
	CHECK_INT(tokens_take(p.t), 0);
	CHECK_INT(tokens_give(p.t), 0); /* ours is not even written back */
	CHECK_INT(bytes_in(&p), 0);
	CHECK_INT(tokens_owed(p.t), 2);
	CHECK_INT(tokens_give(c), 0);
	CHECK_INT(tokens_take(p.t), 0); /* it is there, but not for us */
	CHECK_INT(tokens_owed(p.t), 1);
	CHECK_INT(tokens_give(c), 0);
	CHECK_INT(tokens_owed(p.t), 0);
	CHECK_INT(bytes_in(&p), 0);
	CHECK_INT(tokens_give(c), 0);
	CHECK_INT(tokens_take(p.t), 1);
	CHECK_INT(tokens_take(p.t), 0);
	tokens_free(c);
	pool_end(&p);
}

static void growing_again_forgives_what_is_owed_first(void **state)
{
	struct pool p = pool_of(4);
	char byte[3];

	(void)state;
	CHECK_INT(read(p.in, byte, 3), 3);
	CHECK_INT(tokens_resize(p.t, 1), 0);
	CHECK_INT(tokens_owed(p.t), 3);
	CHECK_INT(tokens_resize(p.t, 3), 0);
	CHECK_INT(tokens_owed(p.t), 1);
	CHECK_INT(bytes_in(&p), 0);
	CHECK_INT(tokens_resize(p.t, 5), 0);
	CHECK_INT(tokens_owed(p.t), 0);
	CHECK_INT(bytes_in(&p), 1);
	CHECK_INT(write(p.out, byte, 3), 3);
	CHECK_INT(bytes_in(&p), 4);
	pool_end(&p);
}

static void what_is_owed_by_the_dead_is_forgotten(void **state)
{
	struct pool p = pool_of(5);
	char byte[3];

	(void)state;
	CHECK_INT(read(p.in, byte, 3), 3);
	CHECK_INT(tokens_resize(p.t, 2), 0); /* one of four is there and goes */
	CHECK_INT(tokens_owed(p.t), 2);
	CHECK_INT(tokens_mend(p.t), 3);
	CHECK_INT(tokens_owed(p.t), 0);
	CHECK_INT(bytes_in(&p), 1);
	pool_end(&p);
}

static void there_are_never_more_than_a_pipe_holds(void **state)
{
	struct pool p = pool_of(2);

	(void)state;
	CHECK_INT(tokens_resize(p.t, 1000000), 0);
	CHECK_INT(tokens_size(p.t), 15 * 4096);
	CHECK_INT(bytes_in(&p), 15 * 4096 - 1);
	for (int i = 0; i < 5000; i++) { /* through a page's end */
		char byte;

		CHECK_INT(read(p.in, &byte, 1), 1);
		CHECK_INT(write(p.out, &byte, 1), 1);
	}
	CHECK_INT(tokens_resize(p.t, 1), 0);
	CHECK_INT(tokens_owed(p.t), 0);
	CHECK_INT(bytes_in(&p), 0);
	CHECK_INT(tokens_take(p.t), 1); /* one there always is */
	CHECK_INT(tokens_take(p.t), 0);
	pool_end(&p);
}

static void somebody_elses_pool_keeps_its_size(void **state)
{
	struct pool p = pool_of(3);
	struct tokens *c = tokens_from_fifo(p.path, 4);

	(void)state;
	CHECK_INT(tokens_resize(c, 9), -1);
	CHECK_INT(errno, EPERM);
	CHECK_INT(tokens_owed(c), 0);
	CHECK_INT(bytes_in(&p), 2);
	tokens_free(c);
	pool_end(&p);
}

static void all_are_given_back_at_once(void **state)
{
	struct pool p = pool_of(2);

	(void)state;
	CHECK_INT(tokens_give_all(p.t), 0);
	CHECK_INT(tokens_take(p.t), 1);
	CHECK_INT(tokens_take(p.t), 1);
	CHECK_INT(tokens_give_all(p.t), 0);
	CHECK_INT(tokens_held(p.t), 0);
	CHECK_INT(bytes_in(&p), 1);
	CHECK_INT(tokens_take(p.t), 1);
	pool_end(&p);
	tokens_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_given_back_at_once),
		cmocka_unit_test(a_pool_has_a_byte_for_each_token_but_one),
		cmocka_unit_test(children_have_blocking_ends_that_one_can_select),
		cmocka_unit_test(a_client_by_descriptors_shares),
		cmocka_unit_test(a_client_by_path_shares),
		cmocka_unit_test(a_client_takes_no_more_than_it_was_told),
		cmocka_unit_test(a_byte_goes_back_as_it_came),
		cmocka_unit_test(what_is_no_pipe_is_no_pool),
		cmocka_unit_test(what_killed_children_kept_is_put_back),
		cmocka_unit_test(only_a_pool_that_is_ours_is_mended),
		cmocka_unit_test(more_tokens_are_there_at_once),
		cmocka_unit_test(what_nobody_has_goes_at_once),
		cmocka_unit_test(what_somebody_has_goes_when_it_comes_back),
		cmocka_unit_test(growing_again_forgives_what_is_owed_first),
		cmocka_unit_test(what_is_owed_by_the_dead_is_forgotten),
		cmocka_unit_test(there_are_never_more_than_a_pipe_holds),
		cmocka_unit_test(somebody_elses_pool_keeps_its_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
