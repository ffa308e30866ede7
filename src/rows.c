#include "rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "doc/json.h"

static void hex(struct buf *out, const struct ledger_value *v)
{
	for (size_t i = 0; i < v->len; i++)
		buf_addf(out, "%02x", (unsigned char)v->text[i]);
}

static void cell_text(struct buf *out, const struct ledger_value *v)
{
	switch (v->type) {
	case LEDGER_NULL:
		break;
	case LEDGER_INTEGER:
		buf_addf(out, "%" PRId64, v->integer);
		break;
	case LEDGER_REAL:
		buf_addf(out, "%.15g", v->real);
		break;
	case LEDGER_TEXT:
		buf_add(out, v->text, v->len);
		break;
	case LEDGER_BLOB:
		hex(out, v);
		break;
	}
}

/* A file may hold bytes that no JSON text can: those are told apart, as hexadecimal digits. */
static json_t *cell_json(const struct ledger_value *v)
{
	struct buf text = BUF_INIT;
	json_t *o;

	switch (v->type) {
	case LEDGER_NULL:
		return json_null();
	case LEDGER_INTEGER:
		return json_integer(v->integer);
	case LEDGER_REAL:
		o = json_real(v->real);
		return o ? o : json_null(); /* infinite */
	case LEDGER_TEXT:
		o = json_stringn(v->text, v->len);
		if (o)
			return o;
		break;
	case LEDGER_BLOB:
		break;
	}
	hex(&text, v);
	o = json_string(text.data);
	buf_release(&text);
	return o;
}

/* Two columns may have one name; in a map the second one then gets a number. */
static char **column_names(size_t n, const char *const *name)
{
	char **names = xcalloc(n ? n : 1, sizeof(*names));

	for (size_t i = 0; i < n; i++) {
		size_t same = 1;

		for (size_t k = 0; k < i; k++)
			same += !strcmp(name[k], name[i]);
		names[i] = same > 1 ? xasprintf("%s_%zu", name[i], same) : xstrdup(name[i]);
	}
	return names;
}

static void free_names(char **name, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(name[i]);
	free(name);
}

static json_t *row_json(char *const *name, size_t n, const struct ledger_value *value)
{
	json_t *o = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(o, name[i], cell_json(&value[i]));
	return o;
}

/* --- as they come ---------------------------------------------------------------------------------------- */

static void print_csv(FILE *out, const char *text, size_t len)
{
	if (len && !strpbrk(text, "\",\r\n") && strlen(text) == len) {
		fwrite(text, 1, len, out);
		return;
	}
	if (!len)
		return;
	putc('"', out);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			putc('"', out);
		putc(text[i], out);
	}
	putc('"', out);
}

static void csv_row(const struct rows *r, const struct ledger_value *value)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < r->n_columns; i++) {
		buf_reset(&text);
		cell_text(&text, &value[i]);
		if (i)
			putc(',', r->out);
		/* An empty text is not NULL. */
		if (!text.len && value[i].type == LEDGER_TEXT)
			fputs("\"\"", r->out);
		print_csv(r->out, text.data, text.len);
	}
	putc('\n', r->out);
	buf_release(&text);
}

static void json_row(const struct rows *r, const struct ledger_value *value)
{
	struct buf text = BUF_INIT;
	json_t *o = row_json(r->name, r->n_columns, value);

	json_text(&text, o, JSON_TIGHT);
	fprintf(r->out, "%s\n  %s", r->n ? "," : "", text.data);
	json_decref(o);
	buf_release(&text);
}

static void text_row(struct rows *r, const struct ledger_value *value)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < r->n_columns; i++) {
		buf_reset(&text);
		cell_text(&text, &value[i]);
		table_cell(&r->table, value[i].type == LEDGER_NULL ? "NULL" : text.data);
	}
	buf_release(&text);
}

void rows_begin(struct rows *r, FILE *out, enum format format)
{
	*r = (struct rows){.out = out, .format = format};
}

bool rows_head(void *rows, size_t n, const char *const *name)
{
	struct rows *r = rows;

	r->n_columns = n;
	r->name = column_names(n, name);
	switch (r->format) {
	case FORMAT_JSON:
		putc('[', r->out);
		break;
	case FORMAT_CSV:
		for (size_t i = 0; i < n; i++) {
			if (i)
				putc(',', r->out);
			print_csv(r->out, name[i], strlen(name[i]));
		}
		putc('\n', r->out);
		break;
	default:
		table_init(&r->table, name, n);
	}
	return !ferror(r->out);
}

bool rows_row(void *rows, size_t n, const struct ledger_value *value)
{
	struct rows *r = rows;

	(void)n;
	if (r->format == FORMAT_JSON)
		json_row(r, value);
	else if (r->format == FORMAT_CSV)
		csv_row(r, value);
	else
		text_row(r, value);
	r->n++;
	return !ferror(r->out);
}

void rows_end(struct rows *r)
{
	if (!r->name)
		return;
	if (r->format == FORMAT_JSON) {
		fputs(r->n ? "\n]\n" : "]\n", r->out);
	} else if (r->format != FORMAT_CSV) {
		table_print(&r->table, r->out);
		fprintf(r->out, "(%zu row%s)\n", r->n, r->n == 1 ? "" : "s");
		table_release(&r->table);
	}
	free_names(r->name, r->n_columns);
	r->name = NULL;
}

/* --- as one value ------------------------------------------------------------------------------------------ */

void rows_json_begin(struct rows_json *r)
{
	*r = (struct rows_json){.list = json_array()};
}

bool rows_json_head(void *rows_json, size_t n, const char *const *name)
{
	struct rows_json *r = rows_json;

	r->n_columns = n;
	r->name = column_names(n, name);
	return true;
}

bool rows_json_row(void *rows_json, size_t n, const struct ledger_value *value)
{
	struct rows_json *r = rows_json;

	json_array_append_new(r->list, row_json(r->name, n, value));
	return true;
}

json_t *rows_json_end(struct rows_json *r)
{
	free_names(r->name, r->n_columns);
	return r->list;
}
