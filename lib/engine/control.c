#include "engine/control.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "sys/proctree.h"

bool control_driver_lives(const char *boot_id, pid_t pid, uint64_t pid_start)
{
	uint8_t id[BOOT_ID_BYTES];
	char boot[2 * BOOT_ID_BYTES + 1];
	struct proc_stat st;

	if (proc_boot_id(&calls_real, id) < 0)
		return true; /* cannot be asked: then nothing of it is touched */
	for (size_t i = 0; i < sizeof(id); i++)
		snprintf(boot + 2 * i, 3, "%02x", id[i]);
	return !strcmp(boot, boot_id ? boot_id : "") && !proc_stat(&calls_real, pid, &st) && st.state != 'Z' &&
	       st.start_ticks == pid_start;
}

/* The descriptor is of the process that has the number now: whether that is the driver is asked after it is open. */
bool control_await_driver(const char *boot_id, pid_t pid, uint64_t pid_start, int64_t limit_ms)
{
	struct pollfd p = {.fd = calls_real.pidfd_open(pid, 0), .events = POLLIN};
	int64_t until = stamp_mono_ns() / NS_PER_MS + limit_ms, left = limit_ms;

	while (p.fd >= 0 && control_driver_lives(boot_id, pid, pid_start) && (!limit_ms || left > 0)) {
		(void)poll(&p, 1, !limit_ms ? -1 : left < INT_MAX ? (int)left : INT_MAX);
		left = until - stamp_mono_ns() / NS_PER_MS;
	}
	if (p.fd >= 0)
		close(p.fd);
	return !control_driver_lives(boot_id, pid, pid_start);
}

bool control_stop_run(pid_t pid, uint64_t pid_start)
{
	if (proc_signal(&calls_real, pid, pid_start, SIGTERM))
		return true;
	errno = ESRCH;
	return false;
}

int control_signal(void)
{
	return SIGRTMIN;
}

bool control_set_slots(pid_t pid, uint64_t pid_start, int n)
{
	if (proc_signal_number(&calls_real, pid, pid_start, control_signal(), n))
		return true;
	errno = ESRCH;
	return false;
}

bool control_stop_step(pid_t leader)
{
	struct proc_stat st;

	/* A step leads a session of its own; anything else under that number is not it. */
	if (proc_stat(&calls_real, leader, &st) < 0 || st.session != leader) {
		errno = ESRCH;
		return false;
	}
	return !kill(-leader, SIGTERM) && !kill(-leader, SIGCONT);
}

/* Where it is told what there is, and whether anything is missing. */
struct told {
	FILE *out;
	bool good;
};

static void say(struct told *t, const char *what, bool good, const char *text)
{
	fprintf(t->out, "%-8s %-22s %s\n", good ? "ok" : "PROBLEM", what, text);
	t->good &= good;
}

static void say_program(struct told *t, const char *libexec, const char *name, const char *without)
{
	char *path = path_join(libexec, name);

	if (!access(path, X_OK)) {
		say(t, name, true, path);
	} else {
		char *text = xasprintf("is not in %s: %s", libexec, without);

		say(t, name, false, text);
		free(text);
	}
	free(path);
}

static void say_limits(struct told *t)
{
	enum { FILES_ENOUGH = 256 };
	struct rlimit files = {0}, processes = {0};
	char text[128];

	(void)getrlimit(RLIMIT_NOFILE, &files);
	(void)getrlimit(RLIMIT_NPROC, &processes);
	snprintf(text, sizeof(text), "%lld soft, %lld hard", (long long)files.rlim_cur, (long long)files.rlim_max);
	say(t, "open files", files.rlim_cur >= FILES_ENOUGH, text);
	if (processes.rlim_cur == RLIM_INFINITY)
		snprintf(text, sizeof(text), "no limit");
	else
		snprintf(text, sizeof(text), "%lld", (long long)processes.rlim_cur);
	say(t, "processes", true, text);
}

bool control_describe(FILE *out, const char *libexec)
{
	struct told t = {out, true};
	struct proc_stat st;
	int mem = memfd_create("doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int children = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	say_program(&t, libexec, "orchmake-warden", "no step can be started");
	say_program(&t, libexec, "orchmake-op", "built-in operations cannot be called");
	say_program(&t, libexec, "orchmake-mask", "steps with secrets cannot be started");
	say_program(&t, libexec, "orchmake-data", "the data callables cannot be called");
	say(&t, "/proc", !proc_stat(&calls_real, getpid(), &st), "is read to find the processes of a step");
	say(&t, "sealed memory files", mem >= 0, mem >= 0 ? "carry start requests" : strerror(errno));
	say(&t, "process trees", children >= 0,
	    "every process of a step is found by ancestry (subreaper); a cgroup is not needed");
	say_limits(&t);
	if (mem >= 0)
		close(mem);
	if (children >= 0)
		close(children);
	return t.good;
}
