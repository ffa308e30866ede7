/*
 * A library for LD_PRELOAD that lets the world fail for one program, as its environment says:
 *
 *	FAULT_PROGRAM=orchmake		only for the program of that name; its children are left alone
 *	FAULT_CALL=write,pwrite64	which calls: malloc open write pwrite64 fsync fdatasync ftruncate fallocate
 *					unlink rename mkdir mmap fork lease
 *	FAULT_PATH=ledger.db		only on files whose path has this in it
 *	FAULT_ERRNO=28			with this errno
 *	FAULT_AT=3			the third such call ...
 *	FAULT_STICKY=1			... and all that follow
 *	FAULT_COUNT=/file		how many such calls there were, written at the end
 *	FAULT_CLOCK=-3600		the wall clock jumps by so many seconds ...
 *	FAULT_CLOCK_AT=20		... at the twentieth look at it
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static bool ready, active, sticky;
static const char *calls, *path_part, *count_file;
static int error;
static long at, seen, clock_jump, clock_at, clock_seen;

static long number(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text ? strtol(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void begin(void)
{
	const char *program = getenv("FAULT_PROGRAM");

	calls = getenv("FAULT_CALL");
	path_part = getenv("FAULT_PATH");
	count_file = getenv("FAULT_COUNT");
	error = (int)number("FAULT_ERRNO", EIO);
	at = number("FAULT_AT", 0);
	sticky = getenv("FAULT_STICKY") != NULL;
	clock_jump = number("FAULT_CLOCK", 0);
	clock_at = number("FAULT_CLOCK_AT", 1);
	active = program && !strcmp(program, program_invocation_short_name);
	ready = true;
}

static bool names(const char *call)
{
	size_t n = strlen(call);

	for (const char *p = calls; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == n && !strncmp(p, call, n))
			return true;
	return false;
}

/* Whether this call is the one. */
static bool fails(const char *call, const char *path)
{
	if (!ready || !active || !names(call) || (path_part && (!path || !strstr(path, path_part))))
		return false;
	seen++;
	if (!at || (sticky ? seen < at : seen != at))
		return false;
	errno = error;
	return true;
}

static bool fd_fails(const char *call, int fd)
{
	char link[64], path[4096];
	ssize_t n;

	if (!active || !names(call))
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = 0;
	return fails(call, path);
}

__attribute__((destructor)) static void end(void)
{
	FILE *f = active && count_file ? fopen(count_file, "we") : NULL;

	if (!f)
		return;
	active = false;
	fprintf(f, "%ld\n", seen);
	fclose(f);
}

/* The function that would have been called. */
#define NEXT(name)                                                                                 \
	static __typeof__(&name) next;                                                             \
	if (!next)                                                                                 \
		next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* --- memory: __libc_* instead of dlsym, which allocates itself ---------------------------------- */

#ifndef __SANITIZE_ADDRESS__
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);

void *malloc(size_t size)
{
	return fails("malloc", NULL) ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return fails("malloc", NULL) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return size && fails("malloc", NULL) ? NULL : __libc_realloc(p, size);
}
#endif

/* glibc's name service takes it for granted that there is memory; that is not what is tested. */
struct passwd *getpwuid(uid_t uid)
{
	bool was = active;
	struct passwd *pw;

	NEXT(getpwuid);
	active = false;
	pw = next(uid);
	active = was;
	return pw;
}

/* --- files ----------------------------------------------------------------------------------------- */

#define MODE_OF(flags, mode)                                                                       \
	if ((flags) & (O_CREAT | O_TMPFILE)) {                                                     \
		va_list ap;                                                                        \
		va_start(ap, flags);                                                               \
		mode = va_arg(ap, mode_t);                                                         \
		va_end(ap);                                                                        \
	}

#define OPEN(name)                                                                                 \
	int name(const char *path, int flags, ...)                                                 \
	{                                                                                          \
		mode_t mode = 0;                                                                   \
		NEXT(name);                                                                        \
		MODE_OF(flags, mode)                                                               \
		return fails("open", path) ? -1 : next(path, flags, mode);                         \
	}
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                               \
	int name(int dir, const char *path, int flags, ...)                                        \
	{                                                                                          \
		mode_t mode = 0;                                                                   \
		NEXT(name);                                                                        \
		MODE_OF(flags, mode)                                                               \
		return fails("open", path) ? -1 : next(dir, path, flags, mode);                    \
	}
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void *data, size_t len)
{
	NEXT(write);
	return fd_fails("write", fd) ? -1 : next(fd, data, len);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t where)
{
	NEXT(pwrite64);
	return fd_fails("pwrite64", fd) ? -1 : next(fd, data, len, where);
}

#define ONE(name) int name(int fd) { NEXT(name); return fd_fails(#name, fd) ? -1 : next(fd); }
ONE(fsync)
ONE(fdatasync)

int ftruncate64(int fd, off64_t len)
{
	NEXT(ftruncate64);
	return fd_fails("ftruncate", fd) ? -1 : next(fd, len);
}

int fallocate64(int fd, int mode, off64_t where, off64_t len)
{
	NEXT(fallocate64);
	return fd_fails("fallocate", fd) ? -1 : next(fd, mode, where, len);
}

int unlink(const char *path)
{
	NEXT(unlink);
	return fails("unlink", path) ? -1 : next(path);
}

int rename(const char *from, const char *to)
{
	NEXT(rename);
	return fails("rename", to) ? -1 : next(from, to);
}

int mkdir(const char *path, mode_t mode)
{
	NEXT(mkdir);
	return fails("mkdir", path) ? -1 : next(path, mode);
}

#define FCNTL(name)                                                                                \
	int name(int fd, int command, ...)                                                         \
	{                                                                                          \
		va_list ap;                                                                        \
		void *arg;                                                                         \
		NEXT(name);                                                                        \
		va_start(ap, command);                                                             \
		arg = va_arg(ap, void *);                                                          \
		va_end(ap);                                                                        \
		return command == F_SETLEASE && fd_fails("lease", fd) ? -1 : next(fd, command, arg); \
	}
FCNTL(fcntl)
FCNTL(fcntl64)

void *mmap64(void *where, size_t len, int prot, int flags, int fd, off64_t offset)
{
	NEXT(mmap64);
	return fd >= 0 && fd_fails("mmap", fd) ? MAP_FAILED : next(where, len, prot, flags, fd, offset);
}

pid_t fork(void)
{
	NEXT(fork);
	return fails("fork", NULL) ? -1 : next();
}

/* --- time ------------------------------------------------------------------------------------------- */

int clock_gettime(clockid_t clock, struct timespec *t)
{
	NEXT(clock_gettime);
	int rc = next(clock, t);

	if (active && clock_jump && clock == CLOCK_REALTIME && ++clock_seen >= clock_at)
		t->tv_sec += clock_jump;
	return rc;
}
