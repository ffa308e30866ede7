/*
 * A step that writes its own history: crashstep FILE MS[,MS...] EXIT[,EXIT...] ESCAPE.  Appends "S RUN:SERIAL" to FILE, leaves a
 * double-forked process in a session of its own behind if ESCAPE is 1, works for MS milliseconds and appends
 * "E RUN:SERIAL EXIT".  The crash tests (history.py) compare this with what the ledger says.
 * Of several numbers the first attempt has the first, and so on; the last is for all that follow.
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

static int of_attempt(const char *numbers)
{
	const char *attempt = getenv("ORCHMAKE_ATTEMPT"), *next;

	for (long n = attempt ? atol(attempt) : 1; n > 1 && (next = strchr(numbers, ',')); n--)
		numbers = next + 1;
	return atoi(numbers);
}

int main(int argc, char **argv)
{
	const char *run = getenv("ORCHMAKE_RUN"), *tag = getenv("ORCHMAKE_TAG");
	const char *serial = tag ? strrchr(tag, ':') : NULL;
	struct timespec t;
	char line[128];
	long ms;

	if (argc != 5 || !run || !serial)
		return 98;
	snprintf(line, sizeof(line), "S %s%s\n", run, serial);
	note(argv[1], line);
	if (atoi(argv[4]))
		escape();
	ms = of_attempt(argv[2]);
	t = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	nanosleep(&t, NULL);
	snprintf(line, sizeof(line), "E %s%s %d\n", run, serial, of_attempt(argv[3]));
	note(argv[1], line);
	return of_attempt(argv[3]);
}
