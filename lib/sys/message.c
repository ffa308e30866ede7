#include "sys/message.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum { CONTROL = CMSG_SPACE(MESSAGE_FDS * sizeof(int)) };

ssize_t message_send(const struct calls *c, int socket, const struct iovec *part, size_t n_parts, const int *fd,
		     size_t n_fds)
{
	_Alignas(struct cmsghdr) char control[CONTROL] = {0};
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)part, .msg_iovlen = n_parts};

	if (n_fds) {
		struct cmsghdr *h = (void *)control;

		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		*h = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(n_fds * sizeof(int))};
		memcpy(CMSG_DATA(h), fd, n_fds * sizeof(int));
	}
	return c->sendmsg(socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t message_receive(const struct calls *c, int socket, const struct iovec *part, size_t n_parts, int *fd,
			size_t *ret_n_fds)
{
	_Alignas(struct cmsghdr) char control[CONTROL];
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)part,
			   .msg_iovlen = n_parts,
			   .msg_control = control,
			   .msg_controllen = CONTROL};
	ssize_t n = c->recvmsg(socket, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*ret_n_fds = 0;
	if (n < 0)
		return -1;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
		if (h->cmsg_type != SCM_RIGHTS)
			continue; /* credentials, where they were asked for */
		*ret_n_fds = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fd, CMSG_DATA(h), *ret_n_fds * sizeof(int));
	}
	if (!(m.msg_flags & MSG_TRUNC))
		return n;
	errno = EMSGSIZE;
	return -1;
}

bool message_later(int error)
{
	return error == EAGAIN || error == EINTR || error == ENOMEM || error == ENOBUFS || error == ETOOMANYREFS;
}

void message_close(const int *fd, size_t n_fds)
{
	for (size_t i = 0; i < n_fds; i++)
		(void)close(fd[i]);
}
