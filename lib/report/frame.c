#include "report/frame.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "report/tty.h"

void frame_init(struct frame *f, FILE *out)
{
	*f = (struct frame){.out = out, .text = BUF_INIT, .rows = BUF_INIT};
}

void frame_release(struct frame *f)
{
	buf_release(&f->text);
	buf_release(&f->rows);
}

void frame_size(const struct frame *f, unsigned *ret_columns, unsigned *ret_rows)
{
	if (f->size)
		f->size(f->size_ctx, ret_columns, ret_rows);
	else
		tty_size(fileno(f->out), ret_columns, ret_rows);
}

static void send(struct frame *f)
{
	fwrite(f->text.data, 1, f->text.len, f->out);
	fflush(f->out);
	buf_reset(&f->text);
}

/* --- rows ------------------------------------------------------------------------------------------------- */

/* The first row of text, which is shortened by it and its end. */
static struct span take_row(struct span *text)
{
	const char *end = memchr(text->at, '\n', text->len);
	struct span row = {text->at, end ? (size_t)(end - text->at) : text->len};
	size_t n = row.len + (end != NULL);

	*text = (struct span){text->at + n, text->len - n};
	return row;
}

static struct span rows_of(const struct frame *f)
{
	return (struct span){f->rows.data, f->rows.len};
}

static unsigned count(struct span rows)
{
	unsigned n = 1;

	for (size_t i = 0; i < rows.len; i++)
		n += rows.at[i] == '\n';
	return n;
}

/* How many lines of the terminal the row takes, were it so wide. */
static unsigned height(struct span row, unsigned columns)
{
	char *text = xstrndup(row.at, row.len);
	size_t width = tty_width(text);

	free(text);
	return width > columns ? (unsigned)((width + columns - 1) / columns) : 1;
}

/* From the beginning of the last row up to that of the first. */
static unsigned way_up(const struct frame *f, unsigned columns)
{
	struct span rest = rows_of(f);
	unsigned up = 0;

	for (unsigned left = count(rest) - 1; left; left--)
		up += height(take_row(&rest), columns);
	return up;
}

static void go_up(struct frame *f, unsigned n)
{
	buf_putc(&f->text, '\r');
	if (n)
		buf_addf(&f->text, "\033[%uA", n);
}

/* --- drawing ------------------------------------------------------------------------------------------------ */

/* Take the moving part away, if it is there; what follows is written where it stood. */
static void wipe(struct frame *f)
{
	unsigned columns, rows;

	if (!f->shown)
		return;
	frame_size(f, &columns, &rows);
	go_up(f, way_up(f, columns));
	buf_puts(&f->text, "\033[J");
	f->shown = false;
}

static void put_rows(struct frame *f, struct span rows)
{
	unsigned ignored;

	buf_add(&f->text, rows.at, rows.len);
	buf_putc(&f->text, '\r');
	f->shown = true;
	frame_size(f, &f->columns, &ignored);
}

/* As many rows as there are, each of which stands where it stood. */
static void put_changes(struct frame *f, struct span rows)
{
	struct span old = rows_of(f);
	unsigned left = count(rows);
	bool begun = false;

	for (; left; left--) {
		struct span was = take_row(&old), is = take_row(&rows);
		bool same = was.len == is.len && !memcmp(was.at, is.at, is.len);

		if (!same && !begun)
			go_up(f, left - 1);
		begun |= !same;
		if (!same) {
			buf_add(&f->text, is.at, is.len);
			buf_puts(&f->text, "\033[K");
		}
		if (begun)
			buf_puts(&f->text, left > 1 ? "\r\n" : "\r");
	}
}

void frame_draw(struct frame *f, struct span rows)
{
	unsigned columns, ignored;

	frame_size(f, &columns, &ignored);
	if (f->shown && columns == f->columns && count(rows) == count(rows_of(f))) {
		put_changes(f, rows);
	} else {
		wipe(f);
		put_rows(f, rows);
	}
	buf_reset(&f->rows);
	buf_add(&f->rows, rows.at, rows.len);
	if (f->text.len)
		send(f);
}

void frame_clear(struct frame *f)
{
	wipe(f);
	buf_reset(&f->rows);
	if (f->text.len)
		send(f);
}

/* --- what stays --------------------------------------------------------------------------------------------- */

void frame_say(struct frame *f, struct span lines)
{
	bool moves = f->shown;

	if (f->midline)
		buf_putc(&f->text, '\n');
	f->midline = false;
	wipe(f);
	buf_add(&f->text, lines.at, lines.len);
	if (moves)
		put_rows(f, rows_of(f));
	send(f);
}

void frame_stream(struct frame *f, struct span text)
{
	BUG_UNLESS(!f->shown);
	if (!text.len)
		return;
	f->midline = text.at[text.len - 1] != '\n';
	buf_add(&f->text, text.at, text.len);
	send(f);
}
