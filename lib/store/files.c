/* log.dump and file.read. */
#include <string.h>

#include "base/fdio.h"
#include "doc/json.h"
#include "doc/utf8.h"
#include "store/base_files.h"
#include "store/ops.h"
#include "store/params.h"

enum { FILE_MAX = 256 * 1024 * 1024 };

static bool dump_to_file(struct op_world *w, const char *path, const struct buf *text, struct fault *f)
{
	struct staged_files files;
	bool good;

	if (!staged_open(&files, w->base, f))
		return false;
	good = staged_add(&files, path, text->data, text->len, f) && staged_publish(&files, f);
	staged_release(&files);
	return good;
}

json_t *op_dump(struct op_world *w, const json_t *with, struct fault *f)
{
	struct params p = {with, "", f};
	const json_t *items = param(&p, "items");
	const char *path = param_text(&p, "file");
	struct buf text = BUF_INIT;
	bool good = f->kind == FAULT_NONE;

	json_text(&text, items, JSON_INDENTED);
	buf_putc(&text, '\n');
	if (good && path)
		good = dump_to_file(w, path, &text, f);
	else if (good && fd_write_all(w->log_fd, text.data, text.len) < 0)
		good = fault_errno(f, "cannot write to the log");
	buf_release(&text);
	if (!good)
		return NULL;
	return json_pack("{sI}", "items_count", (json_int_t)(json_is_array(items) ? json_array_size(items) : 1));
}

/* The content as the answer has it; NULL after a complaint. */
static json_t *content_of(const char *path, const struct buf *content, bool as_json, struct fault *f)
{
	struct buf err = BUF_INIT;
	json_t *v = NULL;

	if (as_json) {
		v = json_parse(content->data, content->len, &err);
		if (!v)
			fault_set(f, CODE_STORAGE, "%s:%s", path, err.data);
	} else if (utf8_check(content->data, content->len) != content->len) {
		fault_set(f, CODE_STORAGE, "'%s' is not UTF-8 text", path);
	} else if (memchr(content->data, 0, content->len)) {
		fault_set(f, CODE_STORAGE, "'%s' is not text: it has a NUL character", path);
	} else {
		v = json_stringn_nocheck(content->data, content->len);
	}
	buf_release(&err);
	return v;
}

json_t *op_read_file(struct op_world *w, const json_t *with, struct fault *f)
{
	struct params p = {with, "", f};
	const char *path = param_text(&p, "path"), *as = param_text(&p, "as");
	struct buf content = BUF_INIT;
	json_t *v = NULL;

	if (as && strcmp(as, "text") != 0 && strcmp(as, "json") != 0)
		fault_usage(f, "parameter 'as' is text or json, not '%s'", as);
	if (f->kind == FAULT_NONE && base_read(w->base, path, &content, FILE_MAX, f))
		v = content_of(path, &content, as && !strcmp(as, "json"), f);
	buf_release(&content);
	return v ? json_pack("{ssso}", "path", path, "content", v) : NULL;
}
