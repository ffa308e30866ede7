#include "shortcut.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "doc/json.h"
#include "engine/debug.h"
#include "running.h"

/* --- what is asked ---------------------------------------------------------------------------------------------- */

/* Options that make no difference to what is done, only to what is said of it; all others do. */
static bool only_tells(const char *given)
{
	static const char *const names[] = {
		"silent", "verbose", "trace", "debug", "dry-run", "question", "exit-code", "print-directory", "output-sync",
		"progress", "heartbeat", "color", "format", "result", "events",
	};
	size_t n = strcspn(given + 2, "=");

	if (strncmp(given, "--", 2))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strlen(names[i]) == n && !strncmp(given + 2, names[i], n))
			return true;
	return false;
}

static json_t *texts(const struct words *w, bool all)
{
	json_t *list = json_array();

	for (size_t i = 0; i < w->n; i++)
		if (all || !only_tells(w->at[i]))
			json_array_append_new(list, json_stringn_nocheck(w->at[i], strlen(w->at[i])));
	return list;
}

static json_t *text_or_null(const char *text)
{
	return text ? json_stringn_nocheck(text, strlen(text)) : json_null();
}

/* What -f says, and the targets: for each there is one image. */
static void put_name(struct cli *c, const json_t *what)
{
	json_t *name = json_array();
	struct digest d;

	json_array_append(name, json_object_get(what, "folder"));
	json_array_append(name, json_object_get(what, "targets"));
	json_array_append_new(name, texts(&c->files, true));
	json_digest(&d, name);
	json_decref(name);
	c->image_name = xstrndup(d.hex, DIGEST_HEX / 2);
}

void shortcut_ask(struct cli *c)
{
	char *here = realpath(".", NULL);
	json_t *what = json_object();

	json_object_set_new(what, "folder", text_or_null(here));
	json_object_set_new(what, "targets", texts(&c->words, true));
	json_object_set_new(what, "options", texts(&c->given, false));
	json_object_set_new(what, "payload", c->payload ? json_incref(c->payload) : json_null());
	json_object_set_new(what, "ctx", c->ctx ? json_incref(c->ctx) : json_null());
	json_object_set_new(what, "ledger", text_or_null(c->ledger));
	json_object_set_new(what, "libexec", text_or_null(cli_libexec()));
	put_name(c, what);
	c->sights = (struct sights)SIGHTS_INIT;
	c->image = (struct image_request){.name = c->image_name, .what = what, .documents = &c->sights};
	free(here);
}

void shortcut_release(struct cli *c)
{
	json_decref((json_t *)c->image.what);
	free(c->image_name);
	if (c->image.what)
		sights_release(&c->sights);
}

/* --- taking it ------------------------------------------------------------------------------------------------------ */

/* Whoever wants to see what goes on inside sees the usual way. */
static bool may_take(const struct cli *c)
{
	bool looks = c->dry_run || c->question;

	return c->image.what && !c->no_ledger && !(c->debug & ~(1u << DEBUG_IMAGE)) && (!looks || c->format == FORMAT_TEXT);
}

/* Nothing would run. */
static bool look(const struct cli *c, const struct image *im, struct buf *why)
{
	const char *target;
	uint32_t n;

	if (!image_all_cached(im, &target, &n)) {
		buf_puts(why, "there are steps that no file decides about");
		return false;
	}
	if (!image_stands(im, why))
		return false;
	if (!c->question) {
		running_say_folder(c, image_root(im), "Entering");
		printf("%s: 0 steps would run, %u %s nothing to do\n", target, n, n == 1 ? "has" : "have");
		running_say_folder(c, image_root(im), "Leaving");
	}
	return true;
}

static int tell(struct cli *c, const struct image *im, const struct image_run *run, const struct sinks *sinks)
{
	bool wants = running_wants_result(c);
	json_t *result = wants ? image_result(run) : NULL;
	struct buf text = BUF_INIT;
	int code;

	running_say_folder(c, image_root(im), "Entering");
	image_tell(run, sinks);
	if (result)
		json_text(&text, result, JSON_INDENTED);
	code = !wants || (result && running_pass_on(c, &text)) ? EXIT_DONE : EXIT_RUN_FAILED;
	running_say_folder(c, image_root(im), "Leaving");
	json_decref(result);
	buf_release(&text);
	return code;
}

static bool run(struct cli *c, const struct image *im, struct run_options *o, struct buf *why, int *ret_code)
{
	struct sinks sinks = {0};
	char *line = running_command_line(c);
	struct image_run *run = NULL;
	bool taken = !running_add_sinks(c, &sinks);

	if (taken) {
		*ret_code = EXIT_USAGE_ERROR; /* which has been said */
	} else {
		o->command = line;
		run = image_record(im, o, why);
		taken = run;
	}
	if (run)
		*ret_code = tell(c, im, run, &sinks);
	image_run_free(run);
	sinks_release(&sinks);
	free(line);
	return taken;
}

bool shortcut_take(struct cli *c, int *ret_code)
{
	struct buf why = BUF_INIT;
	struct run_options o;
	struct image *im;
	bool taken = false;

	if (!may_take(c))
		return false;
	o = cli_run_options(c, NULL);
	im = image_find(&o, &why);
	*ret_code = EXIT_DONE;
	if (im)
		taken = c->dry_run || c->question ? look(c, im, &why) : run(c, im, &o, &why, ret_code);
	if (c->debug & 1u << DEBUG_IMAGE)
		fprintf(stderr, "%-9s %s%s\n", debug_word(DEBUG_IMAGE), taken ? "the run is what its image says" : "no image is used: ",
			taken ? "" : why.data);
	image_free(im);
	buf_release(&why);
	return taken;
}
