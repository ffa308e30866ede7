/*
 * render and egret: messages from templates, and a plan of messages to send.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "base/span.h"
#include "doc/json.h"
#include "store/ops.h"
#include "store/params.h"
#include "store/template.h"

enum { KEY_HEX = 16 };

/* ---- render ---- */

/* In any case of letters. */
static bool has_word(const char *text, const char *word)
{
	return strcasestr(text, word) != NULL;
}

/* The first line is the subject if it says so; the rest without the blanks around it is the body. */
static json_t *message_of(const struct buf *text)
{
	struct span body = {text->data, text->len}, subject = {text->data, 0};
	size_t line = strcspn(text->data, "\n"), label = strlen("Subject:");
	json_t *message = json_object();
	char *copy;

	if (!strncmp(text->data, "Subject:", label)) {
		subject = span_trim((struct span){text->data + label, line - label});
		body = (struct span){text->data + line, text->len - line};
	}
	body = span_trim(body);
	copy = xstrndup(body.at, body.len);
	json_object_set_new(message, "subject", json_stringn(subject.at, subject.len));
	json_object_set_new(message, "body", json_stringn(body.at, body.len));
	json_object_set_new(message, "is_html", json_boolean(has_word(copy, "<html") || has_word(copy, "<body")));
	free(copy);
	return message;
}

static json_t *render_one(const char *template, const json_t *vars, struct fault *f)
{
	struct buf text = BUF_INIT;
	json_t *message = NULL;

	if (template_fill(&text, template, vars, f))
		message = message_of(&text);
	else
		fault_within(f, "template");
	buf_release(&text);
	return message;
}

/* One of `items`; NULL after a complaint. */
static json_t *render_item(const char *template, const json_t *item, struct fault *f)
{
	struct params p = {item, "", f};
	const char *to, *key;
	json_t *message, *whole;

	if (!json_is_object(item)) {
		fault_usage(f, "it has to be a map, not %s", json_kind(item));
		return NULL;
	}
	if (!params_check(&p, "to", "template_vars idempotency_key"))
		return NULL;
	to = param_text(&p, "to");
	key = param(&p, "idempotency_key") ? param_text(&p, "idempotency_key") : "";
	message = param_map(&p, "template_vars") || f->kind == FAULT_NONE
			  ? render_one(template, param(&p, "template_vars"), f) : NULL;
	if (!message || f->kind != FAULT_NONE) {
		json_decref(message);
		return NULL;
	}
	whole = json_pack("{ss}", "to", to);
	json_object_update(whole, message);
	json_object_set_new(whole, "idempotency_key", json_string(key));
	json_decref(message);
	return whole;
}

static json_t *render_items(const char *template, const json_t *items, struct fault *f)
{
	json_t *messages = json_array(), *item;
	size_t i;

	json_array_foreach(items, i, item) {
		json_t *message = render_item(template, item, f);

		if (!message) {
			fault_within(f, "items[%zu]", i);
			json_decref(messages);
			return NULL;
		}
		json_array_append_new(messages, message);
	}
	return messages;
}

json_t *op_render_messages(struct op_world *w, const json_t *with, struct fault *f)
{
	struct params p = {with, "", f};
	const char *template = param_text(&p, "template");
	const json_t *items = param_list(&p, "items"), *vars = param_map(&p, "template_vars");
	json_t *messages = NULL, *one;

	(void)w;
	if (param(&p, "items") && param(&p, "template_vars"))
		fault_usage(f, "'items' and 'template_vars' exclude each other: each item has its own template_vars");
	if (f->kind != FAULT_NONE)
		return NULL;
	if (items) {
		messages = render_items(template, items, f);
	} else {
		one = render_one(template, vars, f);
		if (one)
			messages = json_pack("[o]", one);
	}
	if (!messages)
		return NULL;
	return op_answer(messages, json_pack("{sI}", "output", (json_int_t)json_array_size(messages)));
}

/* ---- egret ---- */

static const char MESSAGE_WORDS[] = "is_html channel provider account idempotency_key";

/* `email.send:` and a hash of all that the message says, for a message without a key. */
static void set_key(json_t *message)
{
	const char *key = json_str(message, "idempotency_key");
	struct buf text = BUF_INIT;
	struct digest d;
	char *made;

	if (key && *key)
		return;
	json_object_del(message, "idempotency_key");
	json_canonical(&text, message, JSON_SPACED);
	digest_of(&d, text.data, text.len);
	made = xasprintf("email.send:%.*s", KEY_HEX, d.hex);
	json_object_set_new(message, "idempotency_key", json_string(made));
	free(made);
	buf_release(&text);
}

/* The message that p has, with what holds for all of them where it says nothing; NULL after a complaint. */
static json_t *planned_message(const struct params *p, const struct params *common)
{
	static const char *const texts[] = {"to", "subject", "body"}, *const optional[] = {"channel", "provider", "account"};
	const json_t *html = param(p, "is_html");
	json_t *message = json_object();

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const json_t *v = json_object_get(p->map, texts[i]);

		if (json_is_string(v) && (i > 0 || json_string_length(v)))
			json_object_set(message, texts[i], (json_t *)v);
		else
			fault_usage(p->fault, "parameter '%s%s' %s", p->path, texts[i], v ? "has to be text that is not empty" : "is missing");
	}
	(void)param_flag(p, "is_html");
	json_object_set_new(message, "is_html", json_boolean(json_is_true(html ? html : param(common, "is_html"))));
	for (size_t i = 0; i < ARRAY_LEN(optional); i++) {
		const char *given = param_text(p, optional[i]), *other = param_text(common, optional[i]);

		given = given ? given : other ? other : i == 0 ? "email" : NULL;
		json_object_set_new(message, optional[i], given ? json_string(given) : json_null());
	}
	if (param(p, "idempotency_key"))
		json_object_set(message, "idempotency_key", (json_t *)param(p, "idempotency_key"));
	if (json_object_get(message, "idempotency_key") && !json_is_string(json_object_get(message, "idempotency_key")))
		fault_usage(p->fault, "parameter '%sidempotency_key' has to be text", p->path);
	set_key(message);
	if (p->fault->kind == FAULT_NONE)
		return message;
	json_decref(message);
	return NULL;
}

/* Takes over message. */
static void add_send(json_t *ops, json_t *message)
{
	char *id = xasprintf("send-%zu", json_array_size(ops));

	json_array_append_new(ops, json_pack("{ss ss ss so}", "jsonrpc", "2.0", "id", id, "method", "msg.send", "params", message));
	free(id);
}

static void add_items(json_t *ops, const json_t *items, const struct params *common)
{
	json_t *item, *message;
	size_t i;

	json_array_foreach(items, i, item) {
		char *path = xasprintf("items[%zu].", i);
		struct params p = {item, path, common->fault};

		if (!json_is_object(item))
			fault_usage(p.fault, "parameter 'items[%zu]' has to be a map, not %s", i, json_kind(item));
		else if (params_check(&p, "to subject body", MESSAGE_WORDS) && (message = planned_message(&p, common)))
			add_send(ops, message);
		free(path);
	}
}

json_t *op_plan_messages(struct op_world *w, const json_t *with, struct fault *f)
{
	static const char *const single[] = {"to", "subject", "body", "idempotency_key"};
	struct params p = {with, "", f};
	const json_t *items = param_list(&p, "items");
	json_t *ops = json_array(), *message;
	size_t n;

	(void)w;
	for (size_t i = 0; items && i < ARRAY_LEN(single); i++)
		if (param(&p, single[i]))
			fault_usage(f, "parameter '%s' belongs to one message: give it in each of 'items'", single[i]);
	if (items)
		add_items(ops, items, &p);
	else if ((message = planned_message(&p, &p)))
		add_send(ops, message);
	if (f->kind != FAULT_NONE) {
		json_decref(ops);
		return NULL;
	}
	n = json_array_size(ops);
	return op_answer(json_pack("[{s{ss ss so}}]", "plan", "plan_version", "egret.plan/1.0.0", "jsonrpc", "2.0", "ops", ops),
			 json_pack("{sI}", "messages", (json_int_t)n));
}
