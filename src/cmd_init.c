/* init: a Jobfile that teaches, and the line of .gitignore that keeps records out of the repository. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/span.h"
#include "cmd.h"

enum { TEMPLATE_MAX = 1 << 20 };
static const char ignored[] = ".orchmake/";

/* Made anew, or not at all, unless it may be overwritten. */
static bool put_file(const char *path, const struct buf *text, bool force)
{
	int fd, error;

	if (force) {
		if (!file_write_atomic(path, text->data, text->len, 0666))
			return true;
		error = errno;
	} else {
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		error = errno;
		if (fd >= 0 && !fd_write_all(fd, text->data, text->len) && !close(fd))
			return true;
		if (fd >= 0) {
			error = errno;
			(void)unlink(path);
		}
	}
	cli_error("cannot write '%s': %s", path, strerror(error));
	return false;
}

static bool has_line(const struct buf *text, const char *line)
{
	struct span rest = {text->data, text->len};

	while (rest.len) {
		const char *end = memchr(rest.at, '\n', rest.len);
		struct span one = {rest.at, end ? (size_t)(end - rest.at) : rest.len};
		size_t used = one.len + (end != NULL);

		one = span_trim(one);
		if (span_is(one, line) || (one.len == strlen(line) - 1 && !strncmp(one.at, line, one.len)))
			return true; /* also without its slash */
		rest.at += used;
		rest.len -= used;
	}
	return false;
}

static bool ignore_records(void)
{
	struct buf text = BUF_INIT;
	bool good = true;

	if (file_read(".gitignore", &text, TEMPLATE_MAX) < 0 && errno != ENOENT) {
		cli_error("cannot read '.gitignore': %s", strerror(errno));
		good = false;
	} else if (!has_line(&text, ignored)) {
		if (text.len && text.data[text.len - 1] != '\n')
			buf_putc(&text, '\n');
		buf_addf(&text, "%s\n", ignored);
		good = put_file(".gitignore", &text, true);
	}
	buf_release(&text);
	return good;
}

static const char *jobfile_there(void)
{
	for (size_t i = 0; i < ARRAY_LEN(jobfile_names); i++)
		if (!access(jobfile_names[i], F_OK))
			return jobfile_names[i];
	return NULL;
}

int cmd_init(struct cli *c)
{
	const char *there = jobfile_there();
	char *template;
	struct buf text = BUF_INIT;
	bool good = false;

	if (there && (!c->force || strcmp(there, "Jobfile"))) {
		cli_error("there is a '%s' here already", there);
		cli_hint(strcmp(there, "Jobfile") ? "move it away first" : "--force overwrites it");
		return EXIT_USAGE_ERROR;
	}
	template = cli_shipped("init/Jobfile");
	if (file_read(template, &text, TEMPLATE_MAX) < 0)
		cli_error("cannot read '%s', which comes with orchmake: %s", template, strerror(errno));
	else
		good = put_file("Jobfile", &text, c->force) && ignore_records();
	if (good && !c->silent)
		printf("wrote Jobfile; records go to .orchmake/, which .gitignore names\n"
		       "next: `orchmake list`, `orchmake -n`, `orchmake`\n");
	free(template);
	buf_release(&text);
	return good ? EXIT_DONE : EXIT_RUN_FAILED;
}
