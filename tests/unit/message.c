#include "sys/message.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

static void a_message_brings_its_parts_and_descriptors(void **state)
{
	const int yes = 1, lent[] = {STDERR_FILENO, STDERR_FILENO};
	char head[4], body[8];
	const struct iovec out[] = {{(void *)(uintptr_t)"head", 4}, {(void *)(uintptr_t)"body", 4}};
	const struct iovec in[] = {{head, sizeof(head)}, {body, sizeof(body)}};
	int pair[2], fd[MESSAGE_FDS];
	size_t n;

	(void)state;
	CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	CHECK_INT(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)), 0); /* more than was asked for */
	CHECK_INT(message_receive(&calls_real, pair[1], in, 2, fd, &n), -1);
	CHECK_INT(errno, EAGAIN);
	CHECK_INT(n, 0);
	CHECK_INT(message_send(&calls_real, pair[0], out, 2, lent, 2), 8);
	CHECK_INT(message_send(&calls_real, pair[0], out, 1, NULL, 0), 4);
	CHECK_INT(message_receive(&calls_real, pair[1], in, 2, fd, &n), 8);
	CHECK_INT(memcmp(head, "head", 4), 0);
	CHECK_INT(memcmp(body, "body", 4), 0);
	CHECK_INT(n, 2);
	CHECK_INT(fcntl(fd[0], F_GETFD), FD_CLOEXEC);
	close(fd[0]);
	close(fd[1]);
	CHECK_INT(message_receive(&calls_real, pair[1], in, 2, fd, &n), 4);
	CHECK_INT(n, 0);
	CHECK_INT(message_send(&calls_real, pair[0], out, 2, NULL, 0), 8);
	CHECK_INT(message_receive(&calls_real, pair[1], in, 1, fd, &n), -1); /* longer than there is room for */
	CHECK_INT(errno, EMSGSIZE);
	close(pair[0]);
	CHECK_INT(message_receive(&calls_real, pair[1], in, 2, fd, &n), 0);
	CHECK_INT(message_send(&calls_real, pair[1], out, 1, NULL, 0), -1); /* and no SIGPIPE */
	CHECK_INT(errno, EPIPE);
	close(pair[1]);
}

static void what_may_succeed_later_is_told_from_what_will_not(void **state)
{
	static const int later[] = {EAGAIN, EINTR, ENOMEM, ENOBUFS, ETOOMANYREFS}, never[] = {EPIPE, EMSGSIZE, EBADF};

	(void)state;
	for (size_t i = 0; i < sizeof(later) / sizeof(*later); i++)
		CHECK(message_later(later[i]));
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		CHECK(!message_later(never[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_brings_its_parts_and_descriptors),
		cmocka_unit_test(what_may_succeed_later_is_told_from_what_will_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
