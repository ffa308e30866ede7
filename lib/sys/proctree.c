#include "sys/proctree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/stamp.h"

enum {
	PATH_ROOM = 64,
	CHUNK = 4096, /* what /proc hands out at a time */
};

/* snprintf takes locks and a locale; this takes neither. */
static char *put(char *to, const char *text)
{
	return stpcpy(to, text);
}

static char *put_pid(char *to, pid_t pid)
{
	char digit[16];
	size_t n = 0;

	do
		digit[n++] = (char)('0' + pid % 10);
	while (pid /= 10);
	while (n)
		*to++ = digit[--n];
	*to = 0;
	return to;
}

static ssize_t read_some(const struct calls *c, int fd, void *data, size_t len)
{
	ssize_t n;

	do
		n = c->read(fd, data, len);
	while (n < 0 && errno == EINTR);
	return n;
}

/* The beginning of a small file of /proc as text; its length, or -1. */
static ssize_t read_start(const struct calls *c, const char *path, char *text, size_t room)
{
	int fd = c->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	ssize_t n;
	int saved;

	if (fd < 0)
		return -1;
	n = read_some(c, fd, text, room - 1);
	saved = errno;
	close(fd);
	errno = saved;
	if (n >= 0)
		text[n] = 0;
	return n;
}

/* `PID (name) S PPID PGRP SESSION ...`, where the name may hold anything: what counts is behind the last `)`. */
static int parse_stat(const char *text, struct proc_stat *ret)
{
	enum { AT_STATE, AT_PARENT, AT_SESSION = 3, AT_START = 19 };
	struct proc_stat s = {0};
	const char *p = strrchr(text, ')');

	if (!p || p[1] != ' ' || !p[2])
		goto bad;
	p += 2;
	for (int i = AT_STATE; i <= AT_START; i++) {
		if (i == AT_STATE)
			s.state = *p;
		else if (i == AT_PARENT)
			s.parent = (pid_t)strtol(p, NULL, 10);
		else if (i == AT_SESSION)
			s.session = (pid_t)strtol(p, NULL, 10);
		else if (i == AT_START)
			s.start_ticks = strtoull(p, NULL, 10);
		p = strchr(p, ' ');
		if (!p)
			goto bad;
		p++;
	}
	*ret = s;
	return 0;
bad:
	errno = EPROTO;
	return -1;
}

int proc_stat(const struct calls *c, pid_t pid, struct proc_stat *ret)
{
	char path[PATH_ROOM], text[1024];

	put(put_pid(put(path, "/proc/"), pid), "/stat");
	if (read_start(c, path, text, sizeof(text)) < 0)
		return -1;
	return parse_stat(text, ret);
}

uint64_t proc_ticks_now(void)
{
	struct timespec t;
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * hz + (uint64_t)t.tv_nsec / (NS_PER_S / hz);
}

static int hex_value(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	if (ch >= 'a' && ch <= 'f')
		return ch - 'a' + 10;
	return -1;
}

int proc_boot_id(const struct calls *c, uint8_t id[BOOT_ID_BYTES])
{
	char text[64];
	size_t n = 0;

	if (read_start(c, "/proc/sys/kernel/random/boot_id", text, sizeof(text)) < 0)
		return -1;
	for (const char *p = text; *p && n < 2 * BOOT_ID_BYTES; p++) {
		int v = hex_value(*p);

		if (v < 0)
			continue;
		if (n % 2)
			id[n / 2] = (uint8_t)(id[n / 2] | v);
		else
			id[n / 2] = (uint8_t)(v << 4);
		n++;
	}
	if (n == 2 * BOOT_ID_BYTES)
		return 0;
	errno = EPROTO;
	return -1;
}

/* Numbers and blanks up to the end of the file: one read gives a page at most, and may cut a number in two. */
static ssize_t read_pids(const struct calls *c, int fd, pid_t *pid, size_t max)
{
	char text[CHUNK];
	size_t found = 0;
	pid_t value = 0;

	for (;;) {
		ssize_t n = read_some(c, fd, text, sizeof(text));

		if (n < 0)
			return -1;
		for (ssize_t i = 0; i < n; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				value = value * 10 + (text[i] - '0');
				continue;
			}
			if (value && found < max)
				pid[found++] = value;
			value = 0;
		}
		if (!n)
			break;
	}
	if (value && found < max)
		pid[found++] = value;
	return (ssize_t)found;
}

/* It can be megabytes: a piece at a time, comparing as it goes by. */
bool proc_environ_has(const struct calls *c, pid_t pid, const char *text)
{
	char path[PATH_ROOM], piece[CHUNK];
	size_t want = strlen(text), same = 0; /* same: characters of this variable that agree; want + 1: none will */
	ssize_t n = 0;
	int fd;

	put(put_pid(put(path, "/proc/"), pid), "/environ");
	fd = c->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return false;
	while (same != want && (n = read_some(c, fd, piece, sizeof(piece))) > 0)
		for (ssize_t i = 0; i < n && same != want; i++) {
			if (!piece[i])
				same = 0;
			else if (same < want)
				same = piece[i] == text[same] ? same + 1 : want + 1;
		}
	close(fd);
	return same == want;
}

static pid_t pid_of_name(const char *name)
{
	pid_t pid = 0;

	for (; *name; name++) {
		if (*name < '0' || *name > '9')
			return 0;
		pid = pid * 10 + (*name - '0');
	}
	return pid;
}

/* The entries of a folder whose names are numbers.  opendir would allocate. */
static int each_number(const struct calls *c, const char *path, bool (*fn)(void *, pid_t), void *arg)
{
	union {
		struct dirent64 d;
		char bytes[CHUNK];
	} u;
	int fd = c->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	ssize_t n = -1;
	bool more = true;
	int saved;

	if (fd < 0)
		return -1;
	while (more && (n = getdents64(fd, &u, sizeof(u))) > 0)
		for (ssize_t at = 0; more && at < n;) {
			const struct dirent64 *d = (const void *)(u.bytes + at);
			pid_t pid = pid_of_name(d->d_name);

			if (pid)
				more = fn(arg, pid);
			at += d->d_reclen;
		}
	saved = errno;
	close(fd);
	errno = saved;
	return more && n < 0 ? -1 : 0;
}

int proc_each(const struct calls *c, bool (*fn)(void *arg, pid_t pid), void *arg)
{
	return each_number(c, "/proc", fn, arg);
}

struct gather {
	const struct calls *c;
	pid_t pid;
	pid_t *child;
	size_t n, max;
	int error;
};

/* One thread's children; a thread that has ended meanwhile has none. */
static bool gather_thread(void *arg, pid_t tid)
{
	struct gather *g = arg;
	char path[PATH_ROOM];
	ssize_t n;
	int fd;

	put(put_pid(put(put_pid(put(path, "/proc/"), g->pid), "/task/"), tid), "/children");
	fd = g->c->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0) {
		g->error = errno;
		return true;
	}
	n = read_pids(g->c, fd, g->child + g->n, g->max - g->n);
	if (n > 0)
		g->n += (size_t)n;
	close(fd);
	return true;
}

static bool gather_if_child(void *arg, pid_t pid)
{
	struct gather *g = arg;
	struct proc_stat s;

	if (!proc_stat(g->c, pid, &s) && s.parent == g->pid && g->n < g->max)
		g->child[g->n++] = pid;
	return true;
}

/* For a kernel without CONFIG_PROC_CHILDREN: whoever in /proc says that pid is his parent. */
static ssize_t children_by_scan(const struct calls *c, pid_t pid, pid_t *child, size_t max)
{
	struct gather g = {.c = c, .pid = pid, .child = child, .max = max};

	if (proc_each(c, gather_if_child, &g) < 0)
		return -1;
	return (ssize_t)g.n;
}

ssize_t proc_children(const struct calls *c, pid_t pid, pid_t *child, size_t max)
{
	struct gather g = {.c = c, .pid = pid, .child = child, .max = max};
	char path[PATH_ROOM];

	put(put_pid(put(path, "/proc/"), pid), "/task");
	if (each_number(c, path, gather_thread, &g) < 0)
		return -1;
	if (!g.n && g.error)
		return children_by_scan(c, pid, child, max);
	return (ssize_t)g.n;
}

int proc_children_open(const struct calls *c)
{
	char path[PATH_ROOM];

	put(put_pid(put(path, "/proc/self/task/"), getpid()), "/children");
	return c->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
}

ssize_t proc_children_again(const struct calls *c, int fd, pid_t *child, size_t max)
{
	if (fd < 0)
		return children_by_scan(c, getpid(), child, max);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	return read_pids(c, fd, child, max);
}

/* Through pidfd; a bare pid only where there is none to be had, as that is better than a survivor. */
static bool send_to(int pidfd, pid_t pid, int sig)
{
	return (pidfd < 0 ? kill(pid, sig) : pidfd_send_signal(pidfd, sig, NULL, 0)) == 0;
}

/* As sigqueue() does it. */
static bool send_number(int pidfd, pid_t pid, int sig, int number)
{
	siginfo_t info = {.si_signo = sig, .si_code = SI_QUEUE};

	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_int = number;
	return (pidfd < 0 ? sigqueue(pid, sig, info.si_value) : pidfd_send_signal(pidfd, sig, &info, 0)) == 0;
}

/* Open pid, ask whether it is who we think, then signal: a pid that is held open cannot change hands. */
static bool signal_if(const struct calls *c, pid_t pid, bool (*is)(const void *arg, const struct proc_stat *s),
		      const void *arg, int sig)
{
	struct proc_stat s;
	int fd = c->pidfd_open(pid, 0);
	bool sent = false;

	if (fd < 0 && errno == ESRCH)
		return false;
	if (!proc_stat(c, pid, &s) && s.state != 'Z' && is(arg, &s)) {
		sent = send_to(fd, pid, sig);
		if (sent && sig == SIGTERM)
			(void)send_to(fd, pid, SIGCONT);
	}
	if (fd >= 0)
		close(fd);
	return sent;
}

static bool started_at(const void *arg, const struct proc_stat *s)
{
	const uint64_t *ticks = arg;

	return !*ticks || s->start_ticks == *ticks;
}

bool proc_signal(const struct calls *c, pid_t pid, uint64_t start_ticks, int sig)
{
	return signal_if(c, pid, started_at, &start_ticks, sig);
}

bool proc_signal_number(const struct calls *c, pid_t pid, uint64_t start_ticks, int sig, int number)
{
	struct proc_stat s;
	int fd = c->pidfd_open(pid, 0);
	bool sent = !(fd < 0 && errno == ESRCH) && !proc_stat(c, pid, &s) && s.state != 'Z' &&
		    started_at(&start_ticks, &s) && send_number(fd, pid, sig, number);

	if (fd >= 0)
		close(fd);
	return sent;
}

struct family {
	pid_t parent, root, self;
};

/* A member whose parent has just died belongs to the tree's root, if that is a subreaper, or to us. */
static bool in_family(const void *arg, const struct proc_stat *s)
{
	const struct family *f = arg;

	return s->parent == f->parent || s->parent == f->root || s->parent == f->self;
}

int proc_room_init(struct proc_room *r, const struct calls *c)
{
	enum { PROT = PROT_READ | PROT_WRITE, FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE };
	size_t at_bytes = PROC_WALK * sizeof(*r->at), child_bytes = PROC_WALK * sizeof(*r->child);
	void *p = c->mmap(NULL, at_bytes + child_bytes, PROT, FLAGS, -1, 0);

	if (p == MAP_FAILED)
		return -1;
	*r = (struct proc_room){
		.at = p,
		.max = PROC_WALK,
		.child = (pid_t *)(void *)((char *)p + at_bytes),
		.max_child = PROC_WALK,
	};
	return 0;
}

void proc_room_release(struct proc_room *r)
{
	if (r->at)
		munmap(r->at, r->max * sizeof(*r->at) + r->max_child * sizeof(*r->child));
	*r = (struct proc_room){0};
}

size_t proc_tree_signal(const struct calls *c, struct proc_room *r, pid_t root, pid_t parent, int sig)
{
	size_t n = 0, signalled = 0;
	struct family f = {.root = root, .self = getpid()};

	r->at[n++] = (struct proc_at){root, parent};
	for (size_t i = 0; i < n; i++) {
		struct proc_at here = r->at[i];
		/* Looked up before the signal: a dead parent's children are somebody else's. */
		ssize_t found = proc_children(c, here.pid, r->child, r->max_child);

		f.parent = here.parent;
		signalled += signal_if(c, here.pid, in_family, &f, sig);
		for (ssize_t k = 0; k < found && n < r->max; k++)
			r->at[n++] = (struct proc_at){r->child[k], here.pid};
	}
	return signalled;
}

size_t proc_children_end(const struct calls *c, struct proc_room *r, bool (*mine)(void *arg, pid_t pid),
			 void *arg, pid_t *ret_alive)
{
	enum { AT_ONCE = 256 };
	pid_t own[AT_ONCE];
	size_t n = 0, later = 0;
	ssize_t found = proc_children(c, getpid(), r->child, r->max_child);

	*ret_alive = 0;
	if (found < 0)
		return 1; /* nobody knows, so it is not over */
	/* The walk below uses r->child too: a part of them at a time. */
	for (ssize_t i = 0; i < found; i++) {
		if (!mine(arg, r->child[i]))
			continue;
		if (n < AT_ONCE)
			own[n++] = r->child[i];
		else
			later++;
	}
	for (size_t i = 0; i < n; i++) {
		if (c->wait4(own[i], NULL, WNOHANG | __WALL, NULL) != 0)
			continue;
		*ret_alive = own[i];
		(void)proc_tree_signal(c, r, own[i], getpid(), SIGKILL);
	}
	return n + later;
}
