/*
 * egret.submit: the messages of a plan, sent once for each key, whatever dies on the way.
 *
 * What is known of a key lies in the table `messages` of the spool's outbox.db, or of a store called `outbox`:
 * state `sending` is committed before anything leaves, `sent` after it.  A run that finds `sending` knows that
 * somebody died in between, because a lock on the spool keeps two from sending at once.
 *
 * Into the spool (laid out as a Maildir: tmp, new, cur) nothing is ever in doubt: the whole message lies in tmp
 * before `sending` is committed, and leaves it by a rename.  If it is still there, it was not sent; if not, it was.
 *
 * A program that was handed a message may have sent it though it, or we, died before saying so.  Only the user
 * can know: `unsure` says what then to do; by default the step fails rather than send a message twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/vec.h"
#include "doc/json.h"
#include "store/base_files.h"
#include "store/mail.h"
#include "store/ops.h"
#include "store/params.h"
#include "store/program.h"

enum { NAME_HEX = 32, SENDMAIL_WORDS = 32 };

static const char TABLE[] =
	"CREATE TABLE IF NOT EXISTS %s (key TEXT PRIMARY KEY, content TEXT NOT NULL, way TEXT NOT NULL,"
	" state TEXT NOT NULL CHECK (state IN ('sending', 'sent')), recipient TEXT, subject TEXT, name TEXT,"
	" begun TEXT, sent TEXT, run TEXT)";

struct letter {
	const json_t *op_id; /* or NULL */
	const char *key, *to, *subject, *from;
	struct digest content; /* of what it says, for telling a repetition from a mistake */
	char name[NAME_HEX + 5]; /* of its file */
	struct buf text;       /* the whole message */
	const char *state;     /* sent, duplicate */
};

struct outbox {
	struct op_world *world;
	struct params p;
	struct fault *fault;
	char *spool; /* the folder */
	const char *sendmail[SENDMAIL_WORDS + 1]; /* a program and its first arguments; empty: the spool */
	char *sendmail_words; /* what they point into, if they come from the environment */
	enum { UNSURE_FAIL, UNSURE_SEND, UNSURE_SKIP } unsure;
	struct letter *letter;
	size_t n, room;
	const struct store *store;
	int lock;
};

/* ---- the messages ---- */

static const char *sender_of(const struct outbox *o, const json_t *message)
{
	const char *account = json_str(message, "account"), *from = param_text(&o->p, "from");

	if (json_str(message, "from"))
		return json_str(message, "from");
	if (from)
		return from;
	if (account && strchr(account, '@'))
		return account;
	return o->world->mail_from;
}

static void take_content(struct letter *l, const json_t *message)
{
	json_t *said = json_object();
	static const char *const fields[] = {"to", "subject", "body", "is_html"};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (json_object_get(message, fields[i]))
			json_object_set(said, fields[i], json_object_get(message, fields[i]));
	json_object_set_new(said, "from", json_string(l->from));
	json_digest(&l->content, said);
	json_decref(said);
}

/* The message as it will travel; false after a complaint. */
static bool compose(struct outbox *o, struct letter *l, const json_t *message)
{
	struct digest d;
	struct buf from = BUF_INIT;
	char id[NAME_HEX + 1];
	bool good;

	digest_of(&d, l->key, strlen(l->key));
	snprintf(id, sizeof(id), "%.*s", NAME_HEX, d.hex);
	snprintf(l->name, sizeof(l->name), "%s.eml", id);
	good = mail_write(&l->text, &(struct mail){.from = l->from, .to = l->to, .subject = l->subject,
			.body = json_str(message, "body"), .is_html = json_is_true(json_object_get(message, "is_html")),
			.id = id, .date = o->world->now}, o->fault);
	if (good && mail_addresses(&from, l->from, "the sender", o->fault) > 1)
		good = fault_usage(o->fault, "the sender is one address, not several");
	buf_release(&from);
	return good;
}

static bool check_message(struct outbox *o, const struct params *p)
{
	const char *channel;

	if (!params_check(p, "to subject body idempotency_key", "is_html channel provider account from"))
		return false;
	channel = param_text(p, "channel");
	if (channel && strcmp(channel, "email") != 0)
		fault_usage(o->fault, "parameter '%schannel' is '%s', and only email can be sent", p->path, channel);
	(void)param_text(p, "to");
	(void)param_text(p, "idempotency_key");
	(void)param_text(p, "account");
	(void)param_text(p, "from");
	(void)param_flag(p, "is_html");
	if (!json_is_string(param(p, "subject")) || !json_is_string(param(p, "body")))
		fault_usage(o->fault, "parameters '%ssubject' and '%sbody' have to be text", p->path, p->path);
	return o->fault->kind == FAULT_NONE;
}

static bool is_repeated(struct outbox *o, const char *key)
{
	for (size_t i = 0; i < o->n; i++)
		if (!strcmp(o->letter[i].key, key))
			return true;
	return false;
}

static void read_message(struct outbox *o, const json_t *op_id, const json_t *message, const char *path)
{
	struct params p = {message, path, o->fault};
	struct letter l = {.op_id = op_id, .text = BUF_INIT};

	if (!check_message(o, &p))
		return;
	l.key = json_str(message, "idempotency_key");
	l.to = json_str(message, "to");
	l.subject = json_str(message, "subject");
	l.from = sender_of(o, message);
	if (!l.from) {
		fault_usage(o->fault, "nobody is named as the sender: give 'from', or set ORCHMAKE_MAIL_FROM");
		return;
	}
	if (is_repeated(o, l.key)) {
		fault_usage(o->fault, "'%sidempotency_key': two messages have the key '%s'", path, l.key);
		return;
	}
	take_content(&l, message);
	if (!compose(o, &l, message))
		fault_within(o->fault, "%.*s", (int)strlen(path) - 1, path);
	VEC_PUSH(o->letter, o->n, o->room, l);
}

static void read_op(struct outbox *o, const json_t *op, const char *path)
{
	char *inside = xasprintf("%s.", path), *deeper = xasprintf("%s.params.", path);
	struct params p = {op, inside, o->fault};
	const char *method;

	if (!json_is_object(op)) {
		fault_usage(o->fault, "'%s' has to be a map, not %s", path, json_kind(op));
	} else if (params_check(&p, "method params", "jsonrpc id")) {
		method = param_text(&p, "method");
		if (method && strcmp(method, "msg.send") != 0)
			fault_usage(o->fault, "'%smethod' is '%s', and egret.submit knows only msg.send", inside, method);
		else if (param_map(&p, "params"))
			read_message(o, json_object_get(op, "id"), json_object_get(op, "params"), deeper);
	}
	free(inside);
	free(deeper);
}

static void read_plan(struct outbox *o, const json_t *plan, const char *path)
{
	char *inside = xasprintf("%s.", path);
	struct params p = {plan, inside, o->fault};
	const json_t *op;
	size_t i;

	if (!json_is_object(plan))
		fault_usage(o->fault, "'%s' has to be a plan (a map with 'ops') or a list of plans, not %s", path,
			    json_kind(plan));
	else if (params_check(&p, "ops", "plan_version plan_id jsonrpc meta"))
		(void)param_list(&p, "ops");
	json_array_foreach(json_object_get(plan, "ops"), i, op) {
		char *where = xasprintf("%s.ops[%zu]", path, i);

		read_op(o, op, where);
		free(where);
	}
	free(inside);
}

/* ---- parameters ---- */

static void read_unsure(struct outbox *o)
{
	const char *word = param_text(&o->p, "unsure");

	if (!word || !strcmp(word, "fail"))
		o->unsure = UNSURE_FAIL;
	else if (!strcmp(word, "send"))
		o->unsure = UNSURE_SEND;
	else if (!strcmp(word, "skip"))
		o->unsure = UNSURE_SKIP;
	else
		fault_usage(o->fault, "parameter 'unsure' is fail, send or skip, not '%s'", word);
}

/* From a list, or from a text with blanks between the words. */
static void read_sendmail(struct outbox *o)
{
	const json_t *given = param(&o->p, "sendmail"), *words = NULL, *v;
	size_t n = 0, i;
	char *save = NULL;

	if (given)
		words = param_texts(&o->p, "sendmail");
	else if (o->world->sendmail && !param(&o->p, "spool"))
		o->sendmail_words = xstrdup(o->world->sendmail);
	if (given && param(&o->p, "spool"))
		fault_usage(o->fault, "'sendmail' and 'spool' exclude each other");
	if (json_array_size(words) > SENDMAIL_WORDS)
		fault_usage(o->fault, "parameter 'sendmail' has more than %d words", SENDMAIL_WORDS);
	else
		json_array_foreach(words, i, v)
			o->sendmail[n++] = json_string_value(v);
	if (o->sendmail_words)
		for (char *w = strtok_r(o->sendmail_words, " \t", &save); w && n < SENDMAIL_WORDS;
		     w = strtok_r(NULL, " \t", &save))
			o->sendmail[n++] = w;
	if (given && !n)
		fault_usage(o->fault, "parameter 'sendmail' names no program");
}

/* A folder that a step names stays below the base folder; the one of the environment is its owner's choice. */
static void read_spool(struct outbox *o)
{
	const char *given = param_text(&o->p, "spool"), *elsewhere = o->world->spool;
	struct fault way = FAULT_INIT;
	char *inside;

	if (!given && elsewhere) {
		o->spool = path_join(o->world->base, elsewhere);
		return;
	}
	inside = xasprintf("%s/outbox.db", given ? given : "outbox");
	free(base_sqlite_path(o->world->base, inside, &way)); /* only to look at the way */
	if (way.kind != FAULT_NONE)
		fault_usage(o->fault, "parameter 'spool': %s", way.text.data);
	fault_release(&way);
	o->spool = path_join(o->world->base, given ? given : "outbox");
	free(inside);
}

static bool read_all(struct outbox *o)
{
	const json_t *plan = param(&o->p, "plan"), *one;
	size_t i;

	read_unsure(o);
	read_sendmail(o);
	read_spool(o);
	if (!json_is_array(plan))
		read_plan(o, plan, "plan");
	json_array_foreach(plan, i, one) {
		char *path = xasprintf("plan[%zu]", i);

		read_plan(o, one, path);
		free(path);
	}
	return o->fault->kind == FAULT_NONE;
}

/* ---- the spool ---- */

static char *spool_path(const struct outbox *o, const char *folder, const char *name)
{
	return xasprintf("%s/%s%s%s", o->spool, folder, *name ? "/" : "", name);
}

static bool open_spool(struct outbox *o)
{
	static const char *const folders[] = {"tmp", "new", "cur"};
	bool good = true;
	char *path;

	for (size_t i = 0; good && i < ARRAY_LEN(folders); i++) {
		path = spool_path(o, folders[i], "");
		good = dirs_make(path, 0700) == 0 || fault_errno(o->fault, "cannot make the folder '%s'", path);
		free(path);
	}
	path = spool_path(o, "lock", "");
	if (good) {
		o->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		good = o->lock >= 0 && flock(o->lock, LOCK_EX) == 0;
		if (!good)
			fault_errno(o->fault, "cannot lock '%s'", path);
	}
	free(path);
	return good;
}

/* Names are durable once their folder is. */
static bool sync_folder(struct outbox *o, const char *folder)
{
	char *path = spool_path(o, folder, "");
	bool good = folder_sync(path) == 0;

	if (!good)
		fault_errno(o->fault, "cannot make '%s' durable", path);
	free(path);
	return good;
}

static bool put_aside(struct outbox *o, const struct letter *l)
{
	char *path = spool_path(o, "tmp", l->name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good = fd >= 0 && !fd_write_all(fd, l->text.data, l->text.len) && !fsync(fd);

	if (!good)
		fault_errno(o->fault, "cannot write '%s'", path);
	if (fd >= 0)
		close(fd);
	free(path);
	return good && sync_folder(o, "tmp");
}

/* From tmp to new; that it is not in tmp any more is as good. */
static bool let_go(struct outbox *o, const struct letter *l)
{
	char *from = spool_path(o, "tmp", l->name), *to = spool_path(o, "new", l->name);
	bool good = rename(from, to) == 0 || errno == ENOENT || fault_errno(o->fault, "cannot put '%s' in its place", to);

	free(from);
	free(to);
	return good && sync_folder(o, "new");
}

/* ---- what is known of a key ---- */

static void find_store(struct outbox *o)
{
	char *path;

	o->store = stores_find(&o->world->stores, "outbox");
	if (o->store)
		return;
	path = spool_path(o, "outbox.db", "");
	o->store = stores_add(&o->world->stores, "outbox", path);
	free(path);
}

/* One statement in a transaction of its own; sql has %s for the table, and letter's values as ?1 to ?8. */
static bool note(struct outbox *o, const struct letter *l, const char *fmt)
{
	struct store_set set = {0};
	struct session s = {0};
	sqlite3_stmt *st = NULL;
	char *sql = xasprintf(fmt, "\"outbox\".\"messages\""), *table = xasprintf(TABLE, "\"outbox\".\"messages\"");
	const char *values[] = {l->key, l->content.hex, *o->sendmail ? "sendmail" : "spool", l->to, l->subject, l->name,
				o->world->now, o->world->run};
	bool good = store_set_add(&set, o->store, o->fault) &&
		    session_begin(&s, &set, SESSION_WRITE, o->world->busy_ms, o->fault) &&
		    session_run(&s, table, o->fault);

	if (good)
		st = session_prepare(&s, sql, o->fault);
	good = st != NULL;
	for (int i = 0; good && i < sqlite3_bind_parameter_count(st); i++)
		good = sqlite3_bind_text(st, i + 1, values[i], -1, SQLITE_STATIC) == SQLITE_OK;
	if (good && sqlite3_step(st) != SQLITE_DONE)
		good = fault_sqlite(o->fault, s.db, "cannot note the message '%s'", l->key);
	sqlite3_finalize(st);
	good = good && session_commit(&s, o->fault);
	session_end(&s);
	free(sql);
	free(table);
	return good;
}

static bool note_sending(struct outbox *o, const struct letter *l)
{
	return note(o, l, "INSERT INTO %s (key, content, way, state, recipient, subject, name, begun, run)"
			  " VALUES (?1, ?2, ?3, 'sending', ?4, ?5, ?6, ?7, ?8)"
			  " ON CONFLICT (key) DO UPDATE SET way = excluded.way, begun = excluded.begun, run = excluded.run");
}

static bool note_sent(struct outbox *o, const struct letter *l)
{
	return note(o, l, "UPDATE %s SET state = 'sent', sent = ?7 WHERE key = ?1");
}

static bool note_failed(struct outbox *o, const struct letter *l)
{
	return note(o, l, "DELETE FROM %s WHERE key = ?1 AND state = 'sending'");
}

enum known { KNOWN_NOT, KNOWN_SENT, KNOWN_SENDING_SPOOL, KNOWN_SENDING_PROGRAM };

static enum known known_of(struct outbox *o, const struct letter *l, sqlite3_stmt *st)
{
	const char *content, *way, *state;

	if (sqlite3_step(st) != SQLITE_ROW)
		return KNOWN_NOT;
	content = (const char *)sqlite3_column_text(st, 0);
	way = (const char *)sqlite3_column_text(st, 1);
	state = (const char *)sqlite3_column_text(st, 2);
	if (content && strcmp(content, l->content.hex) != 0) {
		fault_set(o->fault, CODE_PARAMS,
			  "the key '%s' belongs to another message already (%s): a message that says something else needs another key",
			  l->key, state ? state : "?");
		return KNOWN_NOT;
	}
	if (state && !strcmp(state, "sent"))
		return KNOWN_SENT;
	return way && !strcmp(way, "spool") ? KNOWN_SENDING_SPOOL : KNOWN_SENDING_PROGRAM;
}

static enum known look_up(struct outbox *o, const struct letter *l)
{
	static const char sql[] = "SELECT content, way, state FROM \"outbox\".\"messages\" WHERE key = ?1";
	struct store_set set = {0};
	struct session s = {0};
	sqlite3_stmt *st = NULL;
	enum known known = KNOWN_NOT;
	char *table = xasprintf(TABLE, "\"outbox\".\"messages\"");

	if (store_set_add(&set, o->store, o->fault) &&
	    session_begin(&s, &set, SESSION_WRITE, o->world->busy_ms, o->fault) && session_run(&s, table, o->fault))
		st = session_prepare(&s, sql, o->fault);
	if (st && sqlite3_bind_text(st, 1, l->key, -1, SQLITE_STATIC) == SQLITE_OK)
		known = known_of(o, l, st);
	sqlite3_finalize(st);
	session_end(&s);
	free(table);
	return known;
}

/* ---- sending ---- */

/* Local programs take lines that end as this system's do. */
static void without_returns(const struct buf *text, struct buf *out)
{
	for (size_t i = 0; i < text->len; i++)
		if (text->data[i] != '\r' || i + 1 == text->len || text->data[i + 1] != '\n')
			buf_putc(out, text->data[i]);
}

/* PROGRAM... -i -f SENDER -- RECIPIENT..., as every sendmail knows it. */
static bool run_sendmail(struct outbox *o, const struct letter *l, int *ret_status)
{
	struct buf from = BUF_INIT, to = BUF_INIT, text = BUF_INIT;
	size_t n = 0, room = 0, n_to = mail_addresses(&to, l->to, "'to'", o->fault);
	const char **argv = NULL;
	bool good = mail_addresses(&from, l->from, "the sender", o->fault) == 1 && n_to;

	for (size_t i = 0; o->sendmail[i]; i++)
		VEC_PUSH(argv, n, room, o->sendmail[i]);
	VEC_PUSH(argv, n, room, "-i");
	VEC_PUSH(argv, n, room, "-f");
	VEC_PUSH(argv, n, room, from.data);
	VEC_PUSH(argv, n, room, "--");
	for (const char *p = to.data; n_to; n_to--, p += strlen(p) + 1)
		VEC_PUSH(argv, n, room, p);
	VEC_PUSH(argv, n, room, NULL);
	without_returns(&l->text, &text);
	good = good && program_run(argv, &text, NULL, ret_status, o->fault);
	free(argv);
	buf_release(&from);
	buf_release(&to);
	buf_release(&text);
	return good;
}

/* What the program's end says: sent, not sent, or nobody knows. */
static bool judge_sendmail(struct outbox *o, const struct letter *l, int status)
{
	bool for_now = WIFEXITED(status) && WEXITSTATUS(status) == EX_TEMPFAIL;

	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return note_sent(o, l);
	if (!WIFEXITED(status))
		return fault_set(o->fault, CODE_STORAGE, "'%s' was killed: whether the message '%s' was sent is not known",
				 o->sendmail[0], l->key);
	if (!note_failed(o, l))
		return false;
	fault_set(o->fault, CODE_STORAGE, "'%s' did not take the message '%s': exit %d", o->sendmail[0], l->key,
		  WEXITSTATUS(status));
	if (for_now)
		o->fault->kind = FAULT_TRANSIENT;
	return false;
}

static bool send_by_program(struct outbox *o, const struct letter *l)
{
	int status = 0;

	if (!note_sending(o, l))
		return false;
	if (run_sendmail(o, l, &status))
		return judge_sendmail(o, l, status);
	(void)note_failed(o, l); /* it was not started; what stands is why */
	return false;
}

static bool send_to_spool(struct outbox *o, const struct letter *l)
{
	return put_aside(o, l) && note_sending(o, l) && let_go(o, l) && note_sent(o, l);
}

static bool send_new(struct outbox *o, struct letter *l)
{
	l->state = "sent";
	return *o->sendmail ? send_by_program(o, l) : send_to_spool(o, l);
}

static bool decide_unsure(struct outbox *o, struct letter *l)
{
	switch (o->unsure) {
	case UNSURE_SEND:
		return send_new(o, l);
	case UNSURE_SKIP:
		l->state = "skipped";
		return note_sent(o, l);
	case UNSURE_FAIL:
		break;
	}
	return fault_set(o->fault, CODE_STORAGE,
			 "an earlier attempt died while it sent the message '%s' to %s: look whether it arrived, then say"
			 " `unsure: skip` if it did or `unsure: send` if not", l->key, l->to);
}

static bool send_letter(struct outbox *o, struct letter *l)
{
	enum known known = look_up(o, l);

	if (o->fault->kind != FAULT_NONE)
		return false;
	switch (known) {
	case KNOWN_NOT:
		return send_new(o, l);
	case KNOWN_SENT:
		l->state = "duplicate";
		return true;
	case KNOWN_SENDING_SPOOL:
		l->state = "sent";
		return let_go(o, l) && note_sent(o, l);
	case KNOWN_SENDING_PROGRAM:
		return decide_unsure(o, l);
	}
	BUG("unknown state of a message");
}

/* ---- the answer ---- */

static json_t *answer_of(const struct outbox *o)
{
	json_t *items = json_array(), *responses = json_array(), *answer;
	size_t sent = 0;

	for (size_t i = 0; i < o->n; i++) {
		const struct letter *l = &o->letter[i];
		json_t *item = json_pack("{ss ss ss}", "status", l->state, "key", l->key, "to", l->to);

		sent += !strcmp(l->state, "sent");
		json_array_append_new(responses, json_pack("{ss sO? sO}", "jsonrpc", "2.0", "id", l->op_id, "result", item));
		json_array_append_new(items, item);
	}
	answer = op_answer(items, json_pack("{sI sI}", "messages", (json_int_t)o->n, "sent", (json_int_t)sent));
	json_object_set_new(answer, "responses", responses);
	return answer;
}

static void release(struct outbox *o)
{
	for (size_t i = 0; i < o->n; i++)
		buf_release(&o->letter[i].text);
	free(o->letter);
	free(o->spool);
	free(o->sendmail_words);
	if (o->lock >= 0)
		close(o->lock);
}

/* Everything is checked before the first message leaves. */
json_t *op_send_messages(struct op_world *w, const json_t *with, struct fault *f)
{
	struct outbox o = {.world = w, .p = {with, "", f}, .fault = f, .lock = -1};
	bool good = read_all(&o) && open_spool(&o);
	json_t *answer = NULL;

	if (good)
		find_store(&o);
	for (size_t i = 0; good && i < o.n; i++) {
		good = send_letter(&o, &o.letter[i]);
		if (!good)
			fault_within(f, "message %zu of %zu", i + 1, o.n);
	}
	if (good)
		answer = answer_of(&o);
	release(&o);
	return answer;
}
