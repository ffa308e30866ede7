#include "engine/outputs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "doc/json.h"
#include "engine/answer.h"
#include "job/builtin.h"

enum {
	OUT_MAX = 512 << 20, /* a callable's answer, a stdout that is wanted as a value */
	OUTPUT_MAX = 16 << 20,
	SHOWN_MAX = 80, /* bytes of a wrong value in a message */
};

static const char *const type_words[] = {
	[AS_TEXT] = "text", [AS_INT] = "a whole number", [AS_FLOAT] = "a number", [AS_BOOL] = "true or false",
	[AS_JSON] = "JSON",
};

/* --- paths into JSON ------------------------------------------------------------------------------------ */

static const json_t *by_index(const json_t *v, const char *p, char **end)
{
	long i = strtol(p, end, 10);
	size_t n = json_array_size(v);

	if (*end == p || **end != ']')
		return NULL;
	(*end)++;
	if (i < 0)
		i += (long)n;
	return i < 0 ? NULL : json_array_get(v, (size_t)i);
}

/* The value at path (`.a.b[0]`, `.` = all) in v, borrowed; NULL and why. */
static const json_t *json_at_path(const json_t *v, const char *path, struct buf *why)
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
			if (*p == '[')
				continue; /* `.[0]` is `[0]` */
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

	if (file_read_regular(path, &text, OUTPUT_MAX) < 0) {
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
	/* Where nothing is known of its output (a recovery), that it was empty is not known either. */
	if (!w->out_path || file_read_regular(w->out_path, &w->out, OUT_MAX) < 0) {
		buf_addf(why, "cannot read its output: %s", strerror(w->out_path ? errno : ENOENT));
		return false;
	}
	w->has_out = true;
	return true;
}

/* Without the ends of lines at its end, as a shell's $( ) has it. */
static struct span cut_lines(struct span text)
{
	while (text.len && (text.at[text.len - 1] == '\n' || text.at[text.len - 1] == '\r'))
		text.len--;
	return text;
}

/* Line `number`, from 1, or from -1 for the last; false if there are not so many. */
static bool pick_line(struct span text, int number, struct span *ret)
{
	long n = 1, want, at = 0;

	text = cut_lines(text);
	for (size_t i = 0; i < text.len; i++)
		n += text.at[i] == '\n';
	want = number < 0 ? n + number : number - 1;
	if (!text.len || want < 0 || want >= n)
		return false;
	for (size_t i = 0; at < want; i++)
		if (text.at[i] == '\n' && ++at == want)
			text = (struct span){text.at + i + 1, text.len - i - 1};
	if (memchr(text.at, '\n', text.len))
		text.len = (size_t)((const char *)memchr(text.at, '\n', text.len) - text.at);
	*ret = cut_lines(text);
	return true;
}

/* A copy as a C string. */
static char *text_from(const struct provide_decl *p, struct span text, struct buf *why)
{
	if (!memchr(text.at, 0, text.len))
		return xstrndup(text.at, text.len);
	buf_addf(why, "'%s' holds a NUL character", p->name);
	return NULL;
}

static char *from_output(struct written *w, const struct provide_decl *p, struct buf *why)
{
	const char *text;

	if (!w->has_output && w->output_path && !read_output(&w->output, w->output_path, why))
		return NULL;
	w->has_output = true;
	text = map_get(&w->output, p->name);
	if (text)
		return xstrdup(text);
	buf_addf(why, "it promises '%s' but wrote no line %s=... to $ORCHMAKE_OUTPUT", p->name, p->name);
	return NULL;
}

static char *from_file(struct written *w, const struct provide_decl *p, struct buf *why)
{
	char *path = path_join(w->root, p->path), *text = NULL;
	struct buf file = BUF_INIT;

	if (file_read_regular(path, &file, OUT_MAX) < 0)
		buf_addf(why, "it promises '%s' from the file '%s': %s", p->name, p->path, strerror(errno));
	else
		text = text_from(p, cut_lines((struct span){file.data, file.len}), why);
	free(path);
	buf_release(&file);
	return text;
}

static char *from_path(struct written *w, const struct provide_decl *p, struct buf *why)
{
	char *path = path_join(w->root, p->path);
	bool there = file_exists(path);

	free(path);
	if (there)
		return xstrdup(p->path);
	buf_addf(why, "it promises '%s', but the file '%s' is not there", p->name, p->path);
	return NULL;
}

static char *from_pattern(struct written *w, const struct provide_decl *p, struct buf *why)
{
	struct span got;

	switch (pattern_last(p->pattern, (struct span){w->out.data, w->out.len}, &got)) {
	case PATTERN_YES:
		return text_from(p, got, why);
	case PATTERN_NO:
		buf_addf(why, "it promises '%s' but its output does not match %s", p->name, pattern_text(p->pattern));
		return NULL;
	case PATTERN_LIMIT:
		break;
	}
	buf_addf(why, "it promises '%s' but the pattern %s is too costly on its output", p->name,
		 pattern_text(p->pattern));
	return NULL;
}

static char *text_of(struct written *w, const struct provide_decl *p, struct buf *why)
{
	struct span out = {w->out.data, w->out.len};

	switch (p->from) {
	case PROVIDE_OUTPUT:
		return from_output(w, p, why);
	case PROVIDE_STDOUT:
		return text_from(p, cut_lines(out), why);
	case PROVIDE_LINE:
		if (pick_line(out, p->line, &out))
			return text_from(p, out, why);
		buf_addf(why, "it promises '%s' but its output has no line %d", p->name, p->line);
		return NULL;
	case PROVIDE_REGEX:
		return from_pattern(w, p, why);
	case PROVIDE_FILE:
		return from_file(w, p, why);
	case PROVIDE_PATH:
		return from_path(w, p, why);
	case PROVIDE_JSON:
		break;
	}
	BUG("'%s' is not provided as text", p->name);
}

static json_t *parse(const struct provide_decl *p, const char *text, size_t len, struct buf *why)
{
	struct buf err = BUF_INIT;
	json_t *v = json_parse(text, len, &err);

	if (!v)
		buf_addf(why, "it promises '%s' but what it wrote is not JSON: %s", p->name, err.data);
	buf_release(&err);
	return v;
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
		if (json_real_parse(text, &f))
			return json_real(f);
		break;
	case AS_BOOL:
		if (!strcmp(text, "true") || !strcmp(text, "false"))
			return json_boolean(text[0] == 't');
		break;
	case AS_JSON:
		return parse(p, text, strlen(text), why);
	}
	buf_addf(why, "'%s' is to be %s: ", p->name, type_words[p->type]);
	json_quote(why, text, strnlen(text, SHOWN_MAX));
	return NULL;
}

static json_t *from_json(struct written *w, const struct provide_decl *p, struct buf *why)
{
	struct buf text = BUF_INIT;
	const json_t *v;
	json_t *got;

	if (!w->json)
		w->json = parse(p, w->out.data, w->out.len, why);
	v = w->json ? json_at_path(w->json, p->path, why) : NULL;
	if (!v || p->type == AS_JSON)
		return json_incref((json_t *)v);
	json_as_text(&text, v);
	got = strlen(text.data) == text.len ? typed(p, text.data, why) : NULL;
	if (strlen(text.data) != text.len)
		buf_addf(why, "'%s' holds a NUL character", p->name);
	buf_release(&text);
	return got;
}

static bool provide_one(struct written *w, const struct provide_decl *p, json_t *into, struct buf *why)
{
	json_t *v = NULL;
	char *text;

	if (p->from != PROVIDE_OUTPUT && p->from != PROVIDE_FILE && p->from != PROVIDE_PATH && !need_out(w, why))
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

/* --- the whole --------------------------------------------------------------------------------------------------- */

static bool answer(struct written *w, const char *callable, json_t **ret, struct buf *why)
{
	if (!need_out(w, why))
		return false;
	*ret = builtin_find(callable) ? answer_read_map(w->out.data, w->out.len, callable, why)
				      : answer_read(w->out.data, w->out.len, callable, w->root, why);
	return *ret != NULL;
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

	if (st->t.act->kind == ACT_CALL)
		good = answer(&w, st->t.act->call, &got, why);
	if (good && st->t.flow->n_provides && !got)
		got = json_object();
	for (size_t i = 0; good && i < st->t.flow->n_provides; i++)
		good = provide_one(&w, &st->t.flow->provide[i], got, why);
	release(&w);
	if (!good) {
		json_decref(got);
		got = NULL;
	}
	*ret = got;
	return good;
}
