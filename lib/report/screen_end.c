/* What is said at the end of a run: each failure with the end of its log, the counts. */
#include "report/screen_impl.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/stamp.h"

enum { TAIL_BYTES = 16 * 1024 };

/* Line by line, each made harmless and behind indent. */
static void add_lines(struct buf *out, struct span text, const char *indent)
{
	const char *end = text.at + text.len;

	for (const char *from = text.at; from < end;) {
		const char *stop = memchr(from, '\n', (size_t)(end - from));
		size_t len = stop ? (size_t)(stop - from) : (size_t)(end - from);

		buf_puts(out, indent);
		tty_clean_line(out, (struct span){from, len});
		buf_putc(out, '\n');
		from += len + 1;
	}
}

void screen_tail(struct buf *out, const char *path, size_t n, const char *indent)
{
	struct buf text = BUF_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	const char *from;
	struct span whole;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		if (st.st_size > TAIL_BYTES)
			(void)lseek(fd, st.st_size - TAIL_BYTES, SEEK_SET);
		(void)fd_read_all(fd, &text, TAIL_BYTES);
	}
	close(fd);
	whole = span_trim((struct span){text.data, text.len});
	from = whole.at + whole.len;
	for (size_t lines = 0; from > whole.at; from--)
		if (from[-1] == '\n' && ++lines == n)
			break;
	add_lines(out, (struct span){from, (size_t)(whole.at + whole.len - from)}, indent);
	buf_release(&text);
}

static void summarise_failure(struct screen *s, const struct run_summary *sum, const struct run_failure *f)
{
	buf_putc(&s->line, '\n');
	screen_add_tone(s, TONE_BAD, state_word(f->state));
	buf_putc(&s->line, ' ');
	screen_add(s, f->name);
	if (f->error) {
		buf_puts(&s->line, ": ");
		screen_add(s, f->error);
	}
	buf_putc(&s->line, '\n');
	if (!f->log)
		return;
	if (s->o.output == OUTPUT_TAIL || s->o.output == OUTPUT_JSON) /* else it has been shown */
		screen_tail(&s->line, f->log, SCREEN_TAIL_LINES, "    ");
	buf_puts(&s->line, "    log: ");
	screen_add_path(s, f->log);
	if (sum->has_ledger) {
		buf_puts(&s->line, "\n    more: orchmake logs ");
		screen_add_name(s, f->name);
	}
	buf_putc(&s->line, '\n');
}

static void summarise_counts(struct screen *s, const struct run_summary *sum)
{
	const char *comma = "";

	for (int st = 0; st < STATE_COUNT; st++) {
		char word[48];

		if (!sum->by_state[st])
			continue;
		snprintf(word, sizeof(word), "%" PRIu32 " %s", sum->by_state[st], state_word((enum state)st));
		buf_puts(&s->line, comma);
		screen_add_tone(s, state_tone((enum state)st), word);
		comma = ", ";
	}
}

void screen_summarise(struct screen *s, const struct run_summary *sum)
{
	enum { SHOWN = 20 };

	for (uint32_t i = 0; i < sum->n_failures && i < SHOWN; i++)
		summarise_failure(s, sum, &sum->failure[i]);
	if (sum->n_failures > SHOWN)
		buf_addf(&s->line, "\nand %" PRIu32 " more failures\n", sum->n_failures - SHOWN);
	if (!s->o.silent || sum->state != STATE_SUCCEEDED) {
		if (sum->n_failures)
			buf_putc(&s->line, '\n');
		screen_add_tone(s, state_tone(sum->state), state_word(sum->state));
		if (sum->degraded && sum->state == STATE_SUCCEEDED)
			screen_add_tone(s, TONE_WARN, " (degraded)");
		buf_puts(&s->line, ": ");
		screen_add(s, sum->target);
		buf_puts(&s->line, " in ");
		duration_human(&s->line, sum->duration_ms);
		buf_puts(&s->line, ": ");
		summarise_counts(s, sum);
		if (sum->has_ledger)
			buf_addf(&s->line, "\n`orchmake show %.10s` tells more", sum->run);
	}
	if (s->line.len)
		screen_say(s);
}
