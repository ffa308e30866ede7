#include "callables/workman.h"

#include <string.h>

#include "base/bug.h"
#include "doc/json.h"

static const char *const class_words[] = {[WM_COMPILE] = "CompileError", [WM_VALIDATION] = "ValidationError"};

void wm_errors_init(struct wm_errors *e)
{
	*e = (struct wm_errors){.list = json_array()};
}

void wm_errors_release(struct wm_errors *e)
{
	json_decref(e->list);
}

size_t wm_errors_n(const struct wm_errors *e)
{
	return json_array_size(e->list);
}

bool wm_error(struct wm_errors *e, enum wm_class class, int op, const char *field, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	json_t *one = json_object();
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	json_object_set_new(one, "class", json_string(class_words[class]));
	json_object_set_new(one, "message", json_stringn(text.data, text.len));
	if (op != WM_NO_OP)
		json_object_set_new(one, "op", json_integer(op));
	if (field)
		json_object_set_new(one, "field", json_string(field));
	json_array_append_new(e->list, one);
	e->compile = e->compile || class == WM_COMPILE;
	buf_release(&text);
	return false;
}

void wm_hint(struct wm_errors *e, const char *hint)
{
	json_object_set_new(json_array_get(e->list, wm_errors_n(e) - 1), "hint", json_string(hint));
}

/* Some messages say the operation themselves, or the item that it is about. */
static bool says_op(const char *message, json_int_t op)
{
	char *said = xasprintf("op %" JSON_INTEGER_FORMAT, op), *listed = xasprintf("ops[%" JSON_INTEGER_FORMAT "]", op);
	bool says = strstr(message, said) || strstr(message, listed) || strstr(message, " is anchored to ");

	free(said);
	free(listed);
	return says;
}

void wm_errors_text(struct buf *out, const struct wm_errors *e, size_t n_ops)
{
	size_t n = wm_errors_n(e), i;
	json_t *one;

	buf_addf(out, "%s: ", class_words[e->compile ? WM_COMPILE : WM_VALIDATION]);
	if (n > 1)
		buf_addf(out, "%zu errors: ", n);
	json_array_foreach(e->list, i, one) {
		const char *message = json_str(one, "message");
		const json_t *op = json_object_get(one, "op");

		buf_addf(out, "%s%s", i ? "; " : "", message);
		if (op && n_ops > 1 && !says_op(message, json_integer_value(op)))
			buf_addf(out, " (op %" JSON_INTEGER_FORMAT ")", json_integer_value(op));
	}
}
