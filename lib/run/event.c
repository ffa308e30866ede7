#include "run/event.h"

#include "base/bug.h"
#include "base/stamp.h"

static const char *const words[] = {
#define EVENT(id, word, sentence) word,
#include "run/event.def"
#undef EVENT
};

const char *event_word(enum event_kind k)
{
	BUG_UNLESS(k < EVENT_COUNT);
	return words[k];
}

/* Takes v over. */
static void put(json_t *o, const char *key, json_t *v)
{
	/* Fails only without memory. */
	if (json_object_set_new(o, key, v))
		BUG("cannot set '%s' of an event", key);
}

/* What a process wrote may be no UTF-8, which JSON cannot hold: those bytes become U+FFFD. */
static json_t *text(const char *s)
{
	json_t *v = json_string(s);
	struct buf b = BUF_INIT;

	if (v)
		return v;
	while (*s) {
		size_t n = 1;

		/* As many bytes as make one character, if any do. */
		while (n < 4 && s[n] && ((unsigned char)s[n] & 0xc0) == 0x80)
			n++;
		v = json_stringn(s, n);
		if (v)
			buf_add(&b, s, n);
		else
			buf_puts(&b, "\xef\xbf\xbd");
		json_decref(v);
		s += n;
	}
	v = json_string(b.data);
	buf_release(&b);
	return v;
}

static void put_text(json_t *o, const char *key, const char *s)
{
	if (s)
		put(o, key, text(s));
}

static void put_number(json_t *o, const char *key, int64_t v, int64_t none)
{
	if (v != none)
		put(o, key, json_integer(v));
}

json_t *event_to_json(const struct run_event *e)
{
	json_t *o = json_object();
	char time[STAMP_TEXT];

	put_text(o, "run", e->run);
	put(o, "seq", json_integer((json_int_t)e->seq));
	put_text(o, "time", stamp_format(e->wall_ms, time));
	put_text(o, "event", event_word(e->kind));
	put_text(o, "step", e->step);
	put_number(o, "attempt", e->attempt, 0);
	put_text(o, "state", state_word(e->state));
	if (e->reason != REASON_NONE)
		put_text(o, "reason", reason_word(e->reason));
	put_text(o, "cause", e->cause);
	put_text(o, "error", e->error);
	put_number(o, "exit_code", e->exit_code, -1);
	put_number(o, "signal", e->signal, 0);
	put_number(o, "duration_ms", e->duration_ms, -1);
	put_number(o, "due_ms", e->due_ms, -1);
	if (e->kind == EVENT_STEP_STARTED)
		put_text(o, "log", e->log);
	return o;
}
