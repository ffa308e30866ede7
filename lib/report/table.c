#include "report/table.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/vec.h"
#include "report/tty.h"

void table_init(struct table *t, const char *const *head, size_t columns)
{
	*t = (struct table){.columns = columns};
	t->head = head;
	for (size_t i = 0; i < columns; i++)
		VEC_PUSH(t->cell, t->n, t->room, xstrdup(head[i]));
}

void table_cell(struct table *t, const char *text)
{
	struct buf clean = BUF_INIT;

	tty_clean(&clean, span_of(text));
	VEC_PUSH(t->cell, t->n, t->room, buf_detach(&clean));
}

static size_t width_of(const struct table *t, size_t column)
{
	size_t widest = 0;

	for (size_t i = column; i < t->n; i += t->columns) {
		size_t w = tty_width(t->cell[i]);

		widest = w > widest ? w : widest;
	}
	return widest;
}

void table_print(const struct table *t, FILE *out)
{
	size_t *width = xcalloc(t->columns, sizeof(*width));
	unsigned columns = 0, rows;
	struct buf line = BUF_INIT;

	if (isatty(fileno(out)))
		tty_size(fileno(out), &columns, &rows);
	for (size_t i = 0; i < t->columns; i++)
		width[i] = width_of(t, i);
	for (size_t row = 0; row < t->n; row += t->columns) {
		size_t used = 0;

		buf_reset(&line);
		for (size_t i = 0; i < t->columns && row + i < t->n; i++) {
			const char *text = t->cell[row + i];
			size_t w = tty_width(text);

			if (i + 1 == t->columns && columns)
				tty_cut(&line, text, columns > used ? columns - used : 1);
			else
				buf_puts(&line, text);
			if (i + 1 < t->columns)
				buf_pad(&line, ' ', width[i] - w + 2);
			used += width[i] + 2;
		}
		while (line.len && line.data[line.len - 1] == ' ')
			buf_cut(&line, line.len - 1);
		fprintf(out, "%s\n", line.data);
	}
	buf_release(&line);
	free(width);
}

void table_release(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cell[i]);
	free(t->cell);
}
