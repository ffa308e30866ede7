/*
 * A step that tries to get away.  Its arguments are done in order:
 *
 *	env=NAME=VALUE	put that into its environment
 *	scrub		children that are made from here on have an empty environment
 *	ignore		ignore TERM, INT and HUP from here on
 *	clear		no parent-death signal from here on
 *	bg		a child in the background
 *	setsid		one in a session of its own
 *	daemon		one whose parents are gone, in a session of its own
 *	stopped		one that has stopped itself
 *	sibling		one that clone(CLONE_PARENT) made a brother
 *	lone		such a brother in a session of its own, found when another one of them exits
 *	hop		a chain that forks and exits, for ever
 *	many=N		N of them, every third in a session of its own
 *	close		close standard output and error
 *	ready		write an R to descriptor 9 (everybody keeps that open: its end of file is theirs)
 *	self-stop	stop
 *	tstp		what Ctrl-Z does
 *	foreground	exit with 1 unless it has the terminal on its standard input and is in its session
 *	hold		wait for ever
 *	ms=N		wait that long
 *	exit=N		exit
 *
 * Each child is there when the next argument is done.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ESCAPEE_FD = 9 };

static bool escapee_scrubs;

static void escapee_hold(void)
{
	for (;;)
		pause();
}

/* In the child: with an empty environment it has to be a new program, which holds likewise. */
static void escapee_settle(int told)
{
	char *const argv[] = {(char *)"escapee", (char *)"told", (char *)"hold", NULL}, *const envp[] = {NULL};

	if (escapee_scrubs) {
		dup2(told, STDIN_FILENO);
		execve("/proc/self/exe", argv, envp);
		_exit(126);
	}
	close(told);
	escapee_hold();
}

static void escapee_daemon(int told)
{
	setsid();
	if (fork())
		_exit(0);
	escapee_settle(told);
}

/* Start one of a kind and wait until it is what it shall be: then it closes its end of the pipe. */
static void escapee_make(const char *kind)
{
	int p[2];
	char byte;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		_exit(125);
	if (!strcmp(kind, "sibling") || !strcmp(kind, "lone"))
		pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	else
		pid = fork();
	if (pid < 0)
		_exit(125);
	if (!pid) {
		close(p[0]);
		if (!strcmp(kind, "setsid") || !strcmp(kind, "lone"))
			setsid();
		if (!strcmp(kind, "daemon"))
			escapee_daemon(p[1]);
		escapee_settle(p[1]);
	}
	close(p[1]);
	while (read(p[0], &byte, 1) > 0)
		;
	close(p[0]);
	if (!strcmp(kind, "daemon"))
		waitpid(pid, NULL, 0);
	if (!strcmp(kind, "lone") && !syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0))
		_exit(0);
}

static void escapee_stopped(void)
{
	pid_t pid = fork();

	if (!pid) {
		raise(SIGSTOP);
		escapee_hold();
	}
	waitpid(pid, NULL, WUNTRACED);
}

static void escapee_hop(void)
{
	struct timespec t = {.tv_nsec = 1000000};

	if (fork())
		return;
	setsid();
	for (;;) {
		if (fork())
			_exit(0);
		nanosleep(&t, NULL);
	}
}

static void escapee_do(const char *what)
{
	static const int ignored[] = {SIGTERM, SIGINT, SIGHUP};

	if (!strncmp(what, "env=", 4)) {
		putenv((char *)(size_t)(what + 4));
	} else if (!strcmp(what, "scrub")) {
		escapee_scrubs = true;
	} else if (!strcmp(what, "ignore")) {
		for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
			signal(ignored[i], SIG_IGN);
	} else if (!strcmp(what, "clear")) {
		prctl(PR_SET_PDEATHSIG, 0);
	} else if (!strcmp(what, "stopped")) {
		escapee_stopped();
	} else if (!strcmp(what, "hop")) {
		escapee_hop();
	} else if (!strncmp(what, "many=", 5)) {
		for (int i = atoi(what + 5); i > 0; i--)
			escapee_make(i % 3 ? "bg" : "setsid");
	} else if (!strcmp(what, "close")) {
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
	} else if (!strcmp(what, "told")) {
		close(STDIN_FILENO);
	} else if (!strcmp(what, "ready")) {
		(void)!write(ESCAPEE_FD, "R", 1);
	} else if (!strcmp(what, "self-stop")) {
		raise(SIGSTOP);
	} else if (!strcmp(what, "tstp")) {
		raise(SIGTSTP);
	} else if (!strcmp(what, "foreground")) {
		if (tcgetpgrp(STDIN_FILENO) != getpgrp() || getpgrp() != getpid() || getsid(0) == getpid())
			_exit(1);
	} else if (!strcmp(what, "hold")) {
		escapee_hold();
	} else if (!strncmp(what, "ms=", 3)) {
		struct timespec t = {atoi(what + 3) / 1000, atoi(what + 3) % 1000 * 1000000L};

		nanosleep(&t, NULL);
	} else if (!strncmp(what, "exit=", 5)) {
		_exit(atoi(what + 5));
	} else {
		escapee_make(what); /* bg, setsid, daemon, sibling, lone */
	}
}

static int escapee_main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		escapee_do(argv[i]);
	return 0;
}

#ifndef ESCAPEE_NO_MAIN
int main(int argc, char **argv)
{
	return escapee_main(argc, argv);
}
#endif
