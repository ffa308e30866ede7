/*
 * A step that writes its own history: crashstep FILE MS EXIT ESCAPE.  Appends "S ATTEMPT" to FILE, leaves a
 * double-forked process in a session of its own behind if ESCAPE is 1, works for MS milliseconds and appends
 * "E ATTEMPT EXIT".  The crash test compares this with what the ledger says.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void note(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(99);
	close(fd);
}

static void escape(void)
{
	if (fork())
		return;
	setsid();
	if (fork())
		_exit(0);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	const char *attempt = getenv("ORCHMAKE_TAG");
	struct timespec t;
	char line[128];
	long ms;

	if (argc != 5 || !attempt)
		return 98;
	snprintf(line, sizeof(line), "S %s\n", attempt);
	note(argv[1], line);
	if (atoi(argv[4]))
		escape();
	ms = atol(argv[2]);
	t = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	nanosleep(&t, NULL);
	snprintf(line, sizeof(line), "E %s %s\n", attempt, argv[3]);
	note(argv[1], line);
	return atoi(argv[3]);
}
