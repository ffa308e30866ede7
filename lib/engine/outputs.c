#include "engine/outputs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "doc/json.h"

enum {
	OUT_MAX = 512 << 20, /* a callable's answer, a stdout that is wanted as a value */
	OUTPUT_MAX = 16 << 20,
};

/* --- paths into JSON ------------------------------------------------------------------------------------ */

static const json_t *by_index(const json_t *v, const char *p, char **end)
{
	long i = strtol(p, end, 10);
	size_t n = json_array_size(v);

	if (**end != ']')
		return NULL;
	(*end)++;
	if (i < 0)
		i += (long)n;
	return i < 0 ? NULL : json_array_get(v, (size_t)i);
}

const json_t *json_at_path(const json_t *v, const char *path, struct buf *why)
{
	const char *p = path;

	if (!strcmp(p, "."))
		return v;
	while (v && *p) {
		if (*p == '[') {
			char *end;

			v = by_index(v, p + 1, &end);
			p = end;
		} else {
			size_t n;
			char *key;

			p += *p == '.';
			n = strcspn(p, ".[");
			key = xstrndup(p, n);
			v = json_object_get(v, key);
			free(key);
			p += n;
		}
	}
	if (!v)
		buf_addf(why, "there is nothing at %s in its output", path);
	return v;
}

/* --- $ORCHMAKE_OUTPUT -------------------------------------------------------------------------------------- */

static void cut_end(char *text)
{
	size_t n = strlen(text);

	while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		text[--n] = 0;
}

/* `name<<EOF`, then lines up to EOF; *next moves behind it. */
static bool read_heredoc(struct map *into, char *line, char *mark, char **next, struct buf *why)
{
	struct buf text = BUF_INIT;

	*mark = 0;
	mark += 2;
	for (char *at = *next; at; at = *next) {
		*next = strchr(at, '\n');
		if (*next)
			*(*next)++ = 0;
		cut_end(at);
		if (!strcmp(at, mark)) {
			if (text.len)
				buf_cut(&text, text.len - 1);
			free(map_put(into, line, buf_detach(&text)));
			return true;
		}
		buf_puts(&text, at);
		buf_putc(&text, '\n');
	}
	buf_release(&text);
	buf_addf(why, "$ORCHMAKE_OUTPUT: '%s<<%s' is not closed", line, mark);
	return false;
}

static bool read_output_line(struct map *into, char *line, char **next, struct buf *why)
{
	char *eq = strchr(line, '='), *mark = strstr(line, "<<");

	cut_end(line);
	if (!*line)
		return true;
	if (mark && (!eq || mark < eq))
		return read_heredoc(into, line, mark, next, why);
	if (!eq) {
		buf_addf(why, "$ORCHMAKE_OUTPUT: '%.80s' is not name=value", line);
		return false;
	}
	*eq = 0;
	free(map_put(into, line, xstrdup(eq + 1)));
	return true;
}

static bool read_output(struct map *into, const char *path, struct buf *why)
{
	struct buf text = BUF_INIT;
	bool good = true;

	if (file_read(path, &text, OUTPUT_MAX) < 0) {
		good = errno == ENOENT;
		if (!good)
			buf_addf(why, "cannot read $ORCHMAKE_OUTPUT: %s", strerror(errno));
	} else if (strlen(text.data) != text.len) {
		buf_puts(why, "$ORCHMAKE_OUTPUT holds a NUL character");
		good = false;
	}
	for (char *line = text.data, *next; good && line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		good = read_output_line(into, line, &next, why);
		if (!next)
			break;
	}
	buf_release(&text);
	return good;
}

/* --- provides ------------------------------------------------------------------------------------------------ */

/* Everything that was written, read at most once. */
struct written {
	const char *out_path, *output_path, *root;
	struct buf out;
	bool has_out;
	json_t *json;
	struct map output;
	bool has_output;
};

static bool need_out(struct written *w, struct buf *why)
{
	if (w->has_out)
		return true;
	if (w->out_path && file_read(w->out_path, &w->out, OUT_MAX) < 0 && errno != ENOENT) {
		buf_addf(why, "cannot read its output: %s", strerror(errno));
		return false;
	}
	w->has_out = true;
	return true;
}

static struct span pick_line(struct span text, int number)
{
	int n = 0, want;
	struct span line = {text.at, 0};

	text = span_trim(text);
	for (size_t i = 0; i < text.len; i++)
		n += text.at[i] == '\n';
	n += text.len > 0;
	want = number < 0 ? n + number : number - 1;
	for (size_t i = 0, start = 0, at = 0; i <= text.len; i++) {
		if (i < text.len && text.at[i] != '\n')
			continue;
		if ((int)at++ == want)
			return (struct span){text.at + start, i - start};
		start = i + 1;
	}
	return line;
}

static char *text_of(struct written *w, const struct provide_decl *p, struct buf *why)
{
	struct buf file = BUF_INIT;
	struct span got;
	char *path;

	switch (p->from) {
	case PROVIDE_OUTPUT:
		if (!w->has_output && (!w->output_path || !read_output(&w->output, w->output_path, why)))
			return NULL;
		w->has_output = true;
		if (!map_get(&w->output, p->name)) {
			buf_addf(why, "it promises '%s' but wrote no line %s=... to $ORCHMAKE_OUTPUT", p->name, p->name);
			return NULL;
		}
		return xstrdup(map_get(&w->output, p->name));
	case PROVIDE_STDOUT:
		cut_end(w->out.data);
		return xstrdup(w->out.data);
	case PROVIDE_LINE:
		got = pick_line((struct span){w->out.data, w->out.len}, p->line);
		return xstrndup(got.at, got.len);
	case PROVIDE_REGEX:
		if (pattern_last(p->pattern, (struct span){w->out.data, w->out.len}, &got) == PATTERN_YES)
			return xstrndup(got.at, got.len);
		buf_addf(why, "it promises '%s' but its output does not match %s", p->name, pattern_text(p->pattern));
		return NULL;
	case PROVIDE_FILE:
		path = path_join(w->root, p->path);
		if (file_read(path, &file, OUT_MAX) < 0) {
			buf_addf(why, "it promises '%s' from the file '%s': %s", p->name, p->path, strerror(errno));
			free(path);
			return NULL;
		}
		free(path);
		cut_end(file.data);
		return buf_detach(&file);
	case PROVIDE_JSON:
		break;
	}
	BUG("'%s' is not provided as text", p->name);
}

static json_t *typed(const struct provide_decl *p, const char *text, struct buf *why)
{
	json_t *v;
	char *end;
	long long i;
	double f;

	switch (p->type) {
	case AS_TEXT:
		v = json_string(text); /* NULL: not UTF-8 */
		if (v)
			return v;
		buf_addf(why, "'%s' is not valid UTF-8", p->name);
		return NULL;
	case AS_INT:
		errno = 0;
		i = strtoll(text, &end, 10);
		if (end != text && !*end && !errno)
			return json_integer(i);
		break;
	case AS_FLOAT:
		f = strtod(text, &end);
		if (end != text && !*end)
			return json_real(f);
		break;
	case AS_BOOL:
		if (!strcmp(text, "true") || !strcmp(text, "false"))
			return json_boolean(text[0] == 't');
		break;
	case AS_JSON:
		return json_parse(text, strlen(text), why);
	}
	buf_addf(why, "'%s' is not what its type says: %.80s", p->name, text);
	return NULL;
}

static json_t *from_json(struct written *w, const struct provide_decl *p, struct buf *why)
{
	const json_t *v;

	if (!w->json)
		w->json = json_parse(w->out.data, w->out.len, why);
	v = w->json ? json_at_path(w->json, p->path, why) : NULL;
	return json_incref((json_t *)v);
}

static bool provide_one(struct written *w, const struct provide_decl *p, json_t *into, struct buf *why)
{
	json_t *v = NULL;
	char *text;

	if (p->from != PROVIDE_OUTPUT && p->from != PROVIDE_FILE && !need_out(w, why))
		return false;
	if (p->from == PROVIDE_JSON) {
		v = from_json(w, p, why);
	} else {
		text = text_of(w, p, why);
		if (text)
			v = typed(p, text, why);
		free(text);
	}
	if (!v)
		return false;
	json_object_set_new(into, p->name, v);
	return true;
}

/* --- a callable's answer --------------------------------------------------------------------------------------- */

static bool is_given(const json_t *map, const char *key)
{
	const json_t *v = json_object_get(map, key);

	return v && !json_is_null(v);
}

static bool answer(struct written *w, const char *callable, json_t **ret, struct buf *why)
{
	struct buf err = BUF_INIT;
	json_t *v;

	if (!need_out(w, why))
		return false;
	v = json_parse(w->out.data, w->out.len, &err);
	if (!json_is_object(v)) {
		buf_addf(why, "callable '%s' did not answer with a JSON map%s%s", callable, err.len ? ": " : "",
			 err.data);
		json_decref(v);
		v = NULL;
	} else if (is_given(v, "items") && is_given(v, "items_ref")) {
		buf_addf(why, "callable '%s' answered with both items and items_ref", callable);
		json_decref(v);
		v = NULL;
	}
	buf_release(&err);
	*ret = v;
	return v != NULL;
}

static void release(struct written *w)
{
	buf_release(&w->out);
	json_decref(w->json);
	for (size_t i = 0; i < w->output.n; i++)
		free(w->output.entry[i].value);
	map_release(&w->output);
}

bool outputs_collect(const struct step *st, const char *out, const char *output, const char *root,
		     json_t **ret, struct buf *why)
{
	struct written w = {.out_path = out, .output_path = output, .root = root, .out = BUF_INIT};
	json_t *got = NULL;
	bool good = true;

	if (st->t.act.kind == ACT_CALL)
		good = answer(&w, st->t.act.call, &got, why);
	if (good && st->t.n_provides && !got)
		got = json_object();
	for (size_t i = 0; good && i < st->t.n_provides; i++)
		good = provide_one(&w, &st->t.provide[i], got, why);
	release(&w);
	if (!good) {
		json_decref(got);
		got = NULL;
	}
	*ret = got;
	return good;
}
