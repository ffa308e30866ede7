/*
 * Something happens to orchmake at one of its system calls:
 *
 *	atcall WHO AT WHAT REPORT PROGRAM ARGUMENT...
 *
 * WHO is driver (PROGRAM itself) or warden (the orchmake-warden that it starts).  At the entry of WHO's call number AT,
 * before it has any effect, WHAT happens: kill (WHO dies of SIGKILL), both (driver and warden do, and neither sees the
 * other die), fail (the call fails with an error that can really happen to it; those that cannot fail are not counted).
 * REPORT is a file that gets "CALLS NUMBER": how many there were, and which system call it was, -1 if AT was not reached.
 * Exits as PROGRAM does.  Nobody else is traced; 77: this machine cannot.
 */
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CANNOT = 77,
	TRACED_MAX = 32,
	SYSCALL_STOP = SIGTRAP | 0x80,
	OPTIONS = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD,
	FOLLOW = OPTIONS | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC,
};

enum role { ROLE_NONE, ROLE_DRIVER, ROLE_CHILD, ROLE_WARDEN };

struct traced {
	pid_t pid;
	enum role role;
	bool failing;
};

static struct traced traced[TRACED_MAX];
static pid_t driver, warden;
static enum role who;
static bool kills, both, fails;
static long at, seen, hit = -1;
static int driver_status;

/* --- the calls of a machine ------------------------------------------------------------------------------------ */

static const struct {
	long number;
	int error;
} likely[] = {
	{SYS_clone, EAGAIN}, {SYS_write, ENOSPC}, {SYS_pwrite64, ENOSPC}, {SYS_fallocate, ENOSPC}, {SYS_sendmsg, ENOBUFS},
	{SYS_recvmsg, ENOMEM}, {SYS_ppoll, ENOMEM}, {SYS_openat, EMFILE}, {SYS_mmap, ENOMEM}, {SYS_pidfd_open, EMFILE},
	{SYS_signalfd4, EMFILE}, {SYS_memfd_create, EMFILE}, {SYS_socketpair, EMFILE}, {SYS_prctl, EPERM}, {SYS_kill, EPERM},
	{SYS_wait4, EINTR}, {SYS_fcntl, EMFILE}, {SYS_clone3, EAGAIN},
	/* Those cannot fail, or it is the end of a process that has hardly begun (the dynamic linker's): 0. */
	{SYS_exit, 0}, {SYS_exit_group, 0}, {SYS_execve, 0}, {SYS_rt_sigreturn, 0}, {SYS_munmap, 0}, {SYS_brk, 0},
	{SYS_mprotect, 0}, {SYS_set_tid_address, 0}, {SYS_set_robust_list, 0}, {SYS_rseq, 0}, {SYS_getpid, 0},
	{SYS_getppid, 0}, {SYS_getsid, 0}, {SYS_close, 0}, {SYS_rt_sigaction, 0}, {SYS_rt_sigprocmask, 0},
	{SYS_madvise, 0}, {SYS_prlimit64, 0}, {SYS_getrandom, 0}, {SYS_gettid, 0}, {SYS_restart_syscall, 0},
#ifdef SYS_arch_prctl
	{SYS_arch_prctl, 0},
#endif
};

static int likely_error(long number)
{
	for (size_t i = 0; i < sizeof(likely) / sizeof(likely[0]); i++)
		if (likely[i].number == number)
			return likely[i].error;
	return EIO;
}

/* False at its end. */
static bool begins_call(pid_t pid, long *ret_number)
{
	struct __ptrace_syscall_info info = {0};

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return false;
	*ret_number = (long)info.entry.nr;
	return true;
}

#if defined(__x86_64__)
enum { ORIG_RAX = 15 * 8, RAX = 10 * 8 }; /* in struct user_regs_struct */

static bool forget_call(pid_t pid)
{
	return ptrace(PTRACE_POKEUSER, pid, (void *)ORIG_RAX, (void *)-1L) == 0;
}

static bool set_answer(pid_t pid, long value)
{
	return ptrace(PTRACE_POKEUSER, pid, (void *)RAX, (void *)value) == 0;
}
#elif defined(__aarch64__)
static bool forget_call(pid_t pid)
{
	int none = -1;
	struct iovec io = {&none, sizeof(none)};

	return ptrace(PTRACE_SETREGSET, pid, (void *)(long)NT_ARM_SYSTEM_CALL, &io) == 0;
}

static bool set_answer(pid_t pid, long value)
{
	uint64_t reg[34]; /* x0 ... x30, sp, pc, pstate */
	struct iovec io = {reg, sizeof(reg)};

	if (ptrace(PTRACE_GETREGSET, pid, (void *)(long)NT_PRSTATUS, &io) < 0)
		return false;
	reg[0] = (uint64_t)value;
	return ptrace(PTRACE_SETREGSET, pid, (void *)(long)NT_PRSTATUS, &io) == 0;
}
#else
static bool forget_call(pid_t pid)
{
	(void)pid;
	_exit(CANNOT);
}

static bool set_answer(pid_t pid, long value)
{
	(void)pid;
	(void)value;
	_exit(CANNOT);
}
#endif

/* --- who is traced --------------------------------------------------------------------------------------------- */

static struct traced *find(pid_t pid)
{
	for (size_t i = 0; i < TRACED_MAX; i++)
		if (traced[i].role && traced[i].pid == pid)
			return &traced[i];
	return NULL;
}

static struct traced *add(pid_t pid, enum role role)
{
	for (size_t i = 0; i < TRACED_MAX; i++)
		if (!traced[i].role) {
			traced[i] = (struct traced){.pid = pid, .role = role};
			return &traced[i];
		}
	fprintf(stderr, "atcall: too many processes\n");
	exit(CANNOT);
}

static void let_go(struct traced *t)
{
	(void)ptrace(PTRACE_DETACH, t->pid, NULL, NULL);
	t->role = ROLE_NONE;
}

static bool is_warden(pid_t pid)
{
	static const char name[] = "/orchmake-warden";
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	n = readlink(link, path, sizeof(path));
	return n >= (ssize_t)strlen(name) && !memcmp(path + n - strlen(name), name, strlen(name));
}

/* To its next system call if it is the one that is looked at, else to what is of interest by itself. */
static void go_on(const struct traced *t, int sig)
{
	(void)ptrace(t->role == who ? PTRACE_SYSCALL : PTRACE_CONT, t->pid, NULL, (void *)(long)sig);
}

/* --- what happens ---------------------------------------------------------------------------------------------- */

static void kill_them(const struct traced *t)
{
	/* Who is stopped at its call sees nothing of this. */
	if (both && warden && warden != t->pid)
		(void)kill(warden, SIGKILL);
	if (both && driver != t->pid)
		(void)kill(driver, SIGKILL);
	(void)kill(t->pid, SIGKILL);
}

static void begin_call(struct traced *t, long number)
{
	if ((fails && !likely_error(number)) || ++seen != at)
		return;
	hit = number;
	if (kills)
		kill_them(t);
	if (fails)
		t->failing = forget_call(t->pid);
}

static void call_stop(struct traced *t)
{
	long number;

	if (begins_call(t->pid, &number)) {
		begin_call(t, number);
	} else if (t->failing) {
		(void)set_answer(t->pid, -likely_error(hit));
		t->failing = false;
	}
	go_on(t, 0);
}

/* A new program: the warden, or somebody who is not looked at. */
static void exec_stop(struct traced *t)
{
	if (t->role != ROLE_CHILD) {
		go_on(t, 0);
		return;
	}
	if (!is_warden(t->pid)) {
		let_go(t);
		return;
	}
	warden = t->pid;
	if (who != ROLE_WARDEN) {
		let_go(t);
		return;
	}
	t->role = ROLE_WARDEN;
	(void)ptrace(PTRACE_SETOPTIONS, t->pid, NULL, (void *)(long)OPTIONS);
	go_on(t, 0);
}

static void stopped(pid_t pid, int status)
{
	struct traced *t = find(pid);
	int sig = WSTOPSIG(status), event = status >> 16;

	if (!t) { /* it was just made: its first stop */
		go_on(add(pid, ROLE_CHILD), 0);
		return;
	}
	if (sig == SYSCALL_STOP)
		call_stop(t);
	else if (event == PTRACE_EVENT_EXEC)
		exec_stop(t);
	else
		go_on(t, event ? 0 : sig);
}

static void ended(pid_t pid, int status)
{
	struct traced *t = find(pid);

	if (pid == driver)
		driver_status = status;
	if (t)
		t->role = ROLE_NONE;
}

static void begin(char **argv)
{
	int status;

	driver = fork();
	if (!driver) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(CANNOT);
		execv(argv[0], argv);
		_exit(CANNOT);
	}
	if (driver < 0 || waitpid(driver, &status, 0) < 0 || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, driver, NULL, (void *)(long)FOLLOW) < 0) {
		fprintf(stderr, "atcall: cannot trace here\n");
		exit(CANNOT);
	}
	go_on(add(driver, ROLE_DRIVER), 0);
}

static void report(const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f || fprintf(f, "%ld %ld\n", seen, hit) < 0 || fclose(f))
		exit(CANNOT);
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc < 6)
		return CANNOT;
	who = strcmp(argv[1], "warden") ? ROLE_DRIVER : ROLE_WARDEN;
	at = atol(argv[2]);
	both = !strcmp(argv[3], "both");
	kills = both || !strcmp(argv[3], "kill");
	fails = !strcmp(argv[3], "fail");
	begin(argv + 5);
	while ((pid = waitpid(-1, &status, __WALL)) > 0)
		if (WIFSTOPPED(status))
			stopped(pid, status);
		else
			ended(pid, status);
	report(argv[4]);
	return WIFSIGNALED(driver_status) ? 128 + WTERMSIG(driver_status) : WEXITSTATUS(driver_status);
}
