#include "engine/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "doc/json.h"

enum {
	FAILURE_MAX = 1 << 20, /* an output that is larger is no error message */
	REF_SHOWN = 120,       /* bytes of a wrong reference in a message */
};

/* --- items elsewhere ---------------------------------------------------------------------------------------- */

enum items_format { FORMAT_NONE, FORMAT_JSON, FORMAT_LINES };

static enum items_format format_of_word(const char *word)
{
	static const struct {
		const char *word;
		enum items_format format;
	} words[] = {
		{"json", FORMAT_JSON},	 {"application/json", FORMAT_JSON},
		{"jsonl", FORMAT_LINES}, {"application/jsonl", FORMAT_LINES},
		{"ndjson", FORMAT_LINES}, {"application/x-ndjson", FORMAT_LINES},
	};
	size_t n = strcspn(word, "; "); /* `application/json; charset=utf-8` */

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i].word) == n && !strncasecmp(word, words[i].word, n))
			return words[i].format;
	return FORMAT_NONE;
}

/* What the answer says of the file's form, or else what its name says. */
static enum items_format format_of(const json_t *answer, const char *ref)
{
	static const char *const fields[] = {"items_format", "content_type"};
	const char *dot = strrchr(path_base(ref), '.');

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (json_str(answer, fields[i]))
			return format_of_word(json_str(answer, fields[i]));
	return dot ? format_of_word(dot + 1) : FORMAT_NONE;
}

/* The file, and its size; -1 and why. */
static int open_items(const char *root, const char *ref, off_t *ret_size, struct buf *why)
{
	int fd = file_open_beneath(root, ref);
	struct stat st;

	if (fd < 0) {
		buf_addf(why, "its items_ref '%.*s' cannot be read: %s", REF_SHOWN, ref,
			 errno == EXDEV || errno == ELOOP
				 ? "it leaves the base folder, or a symbolic link is on the way" : strerror(errno));
		return -1;
	}
	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		*ret_size = st.st_size;
		return fd;
	}
	buf_addf(why, "its items_ref '%.*s' is no plain file", REF_SHOWN, ref);
	close(fd);
	return -1;
}

static json_t *load_items(int fd, enum items_format format, const char *ref, struct buf *why)
{
	struct buf text = BUF_INIT, err = BUF_INIT;
	json_t *items = NULL;

	if (fd_read_all(fd, &text, ITEMS_REF_MAX) < 0)
		buf_addf(&err, " %s", strerror(errno));
	else if (format == FORMAT_LINES)
		items = json_parse_lines(text.data, text.len, &err);
	else
		items = json_parse(text.data, text.len, &err);
	if (!items) {
		buf_addf(why, "its items_ref: %s:%s", ref, err.data);
	} else if (!json_is_array(items)) {
		buf_addf(why, "its items_ref: %s: holds no JSON list (one item a line is the form jsonl)", ref);
		json_decref(items);
		items = NULL;
	}
	buf_release(&text);
	buf_release(&err);
	return items;
}

/* Items that are few become part of the answer; of others it is only known that they are there. */
static bool resolve_items(json_t *answer, const char *root, struct buf *why)
{
	const char *ref = json_str(answer, "items_ref");
	enum items_format format;
	json_t *items = NULL;
	off_t size = 0;
	int fd;

	if (!ref || !*ref || strlen(ref) != json_string_length(json_object_get(answer, "items_ref"))) {
		buf_puts(why, "its items_ref has to be the name of a file");
		return false;
	}
	format = format_of(answer, ref);
	if (format == FORMAT_NONE) {
		buf_addf(why, "it is not known how the items lie in its items_ref '%.*s': let it end in .json or .jsonl, "
			 "or say items_format: json or jsonl", REF_SHOWN, ref);
		return false;
	}
	fd = open_items(root, ref, &size, why);
	if (fd < 0)
		return false;
	if (size <= ITEMS_REF_MAX)
		items = load_items(fd, format, ref, why);
	close(fd);
	if (items)
		json_object_set_new(answer, "items", items);
	return items || size > ITEMS_REF_MAX;
}

/* --- the answer --------------------------------------------------------------------------------------------- */

static bool is_given(const json_t *map, const char *key)
{
	const json_t *v = json_object_get(map, key);

	return v && !json_is_null(v);
}

static bool check_version(const json_t *answer, struct buf *why)
{
	const char *version = json_str(answer, "schema_version");

	if (!is_given(answer, "schema_version") || (version && !strncmp(version, "1.", 2)))
		return true;
	buf_puts(why, "its schema_version is ");
	json_text(why, json_object_get(answer, "schema_version"), JSON_TIGHT);
	buf_puts(why, ", and only \"1.0\" is known");
	return false;
}

static bool check(const json_t *answer, struct buf *why)
{
	bool items = is_given(answer, "items"), ref = is_given(answer, "items_ref");

	if (items && ref)
		buf_puts(why, "it answered with both items and items_ref");
	else if (!items && !ref)
		buf_puts(why, "its answer has neither items nor items_ref (an empty list is `\"items\": []`)");
	else if (items && !json_is_array(json_object_get(answer, "items")))
		buf_puts(why, "its items have to be a list");
	else if (is_given(answer, "stats") && !json_is_object(json_object_get(answer, "stats")))
		buf_puts(why, "its stats have to be a map");
	else
		return check_version(answer, why);
	return false;
}

static void complete(json_t *answer)
{
	if (!is_given(answer, "items"))
		json_object_del(answer, "items");
	if (!is_given(answer, "items_ref"))
		json_object_del(answer, "items_ref");
	if (!is_given(answer, "stats"))
		json_object_set_new(answer, "stats", json_object());
	if (!is_given(answer, "schema_version"))
		json_object_set_new(answer, "schema_version", json_string("1.0"));
}

json_t *answer_read_map(const char *text, size_t len, const char *callable, struct buf *why)
{
	struct buf err = BUF_INIT;
	json_t *v = json_parse(text, len, &err);

	if (!json_is_object(v)) {
		buf_addf(why, "callable '%s' did not answer with a JSON map%s%s", callable, err.len ? ": " : "", err.data);
		json_decref(v);
		v = NULL;
	}
	buf_release(&err);
	return v;
}

json_t *answer_read(const char *text, size_t len, const char *callable, const char *root, struct buf *why)
{
	json_t *answer = answer_read_map(text, len, callable, why);
	struct buf wrong = BUF_INIT;

	if (!answer)
		return NULL;
	if (check(answer, &wrong)) {
		complete(answer);
		if (json_object_get(answer, "items_ref"))
			(void)resolve_items(answer, root, &wrong);
	}
	if (wrong.len) {
		buf_addf(why, "callable '%s': %s", callable, wrong.data);
		json_decref(answer);
		answer = NULL;
	}
	buf_release(&wrong);
	return answer;
}

/* --- failures ----------------------------------------------------------------------------------------------- */

const char *failure_class_word(enum failure_class class)
{
	switch (class) {
	case CLASS_TRANSIENT:
		return "transient";
	case CLASS_PERMANENT:
		return "permanent";
	case CLASS_UNKNOWN:
		break;
	}
	return NULL;
}

/* Both ways to say it: `"transient": true` and `"type": "transient"` (or a class's name, TransientError). */
static enum failure_class class_of(const json_t *error)
{
	const json_t *transient = json_object_get(error, "transient");
	const char *type = json_str(error, "type");

	if (json_is_boolean(transient))
		return json_is_true(transient) ? CLASS_TRANSIENT : CLASS_PERMANENT;
	if (type && !strncasecmp(type, "transient", strlen("transient")))
		return CLASS_TRANSIENT;
	if (type && (!strncasecmp(type, "permanent", strlen("permanent")) || !strcmp(type, "usage")))
		return CLASS_PERMANENT;
	return CLASS_UNKNOWN;
}

enum failure_class answer_failure(const char *path, struct buf *text)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
	struct buf out = BUF_INIT, err = BUF_INIT;
	enum failure_class class = CLASS_UNKNOWN;
	const json_t *error;
	json_t *v = NULL;

	if (fd >= 0 && !fd_read_all(fd, &out, FAILURE_MAX))
		v = json_parse(out.data, out.len, &err);
	error = json_object_get(v, "error");
	if (json_is_object(error))
		class = class_of(error);
	if (json_str(error, "message"))
		buf_puts(text, json_str(error, "message"));
	if (fd >= 0)
		close(fd);
	json_decref(v);
	buf_release(&out);
	buf_release(&err);
	return class;
}
