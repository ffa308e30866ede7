#include "sys/calls.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static int real_openat(int dir, const char *path, int flags, mode_t mode)
{
	return openat(dir, path, flags, mode);
}

static int real_clone(int (*fn)(void *), void *stack_end, int flags, void *arg)
{
	return clone(fn, stack_end, flags, arg);
}

static int real_prctl(int option, unsigned long value)
{
	return prctl(option, value, 0, 0, 0);
}

const struct calls calls_real = {
	.openat = real_openat,
	.read = read,
	.write = write,
	.fallocate = fallocate,
	.memfd_create = memfd_create,
	.mmap = mmap,
	.sendmsg = sendmsg,
	.recvmsg = recvmsg,
	.ppoll = ppoll,
	.clone = real_clone,
	.wait4 = wait4,
	.pidfd_open = pidfd_open,
	.prctl = real_prctl,
	.getppid = getppid,
	.signalfd = signalfd,
};
