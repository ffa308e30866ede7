/*
 * compute.llm: a question to a model, through the callable that the Jobfile declares.  The program gets the
 * parameters as they are and gives the answer of any callable; what is added is what makes an answer traceable:
 *
 *	prompt_hash, config_hash, output_hash	SHA-256 of the canonical JSON of the prompt, of all other
 *						parameters, of the items
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "base/bug.h"
#include "doc/json.h"
#include "store/ops.h"
#include "store/params.h"
#include "store/program.h"

static void add_hash(json_t *answer, const char *name, const json_t *v)
{
	struct digest d;
	char *text;

	json_digest(&d, v);
	text = xasprintf("sha256:%s", d.hex);
	json_object_set_new(answer, name, json_string(text));
	free(text);
}

/* The program's own error map, or its exit. */
static void refuse(const char *program, int status, const json_t *answer, struct fault *f)
{
	const json_t *error = json_object_get(answer, "error");
	const char *message = json_str(error, "message"), *type = json_str(error, "type");
	bool for_now = (WIFEXITED(status) && WEXITSTATUS(status) == EX_TEMPFAIL) || (type && !strncasecmp(type, "transient", 9));

	if (json_is_boolean(json_object_get(error, "transient")))
		for_now = json_is_true(json_object_get(error, "transient"));
	if (message)
		fault_set(f, CODE_STORAGE, "%s", message);
	else if (WIFEXITED(status))
		fault_set(f, CODE_STORAGE, "'%s' failed: exit %d", program, WEXITSTATUS(status));
	else
		fault_set(f, CODE_STORAGE, "'%s' was killed by signal %d", program, WTERMSIG(status));
	if (for_now)
		f->kind = FAULT_TRANSIENT;
}

/* A new reference, or NULL and f. */
static json_t *ask(const char *const *command, const json_t *with, struct fault *f)
{
	struct buf in = BUF_INIT, out = BUF_INIT, err = BUF_INIT;
	json_t *answer = NULL;
	int status = 0;

	json_text(&in, with, JSON_TIGHT);
	if (program_run(command, &in, &out, &status, f)) {
		answer = json_parse(out.data, out.len, &err);
		if (status)
			refuse(command[0], status, answer, f);
		else if (!json_is_object(answer))
			fault_set(f, CODE_STORAGE, "'%s' did not answer with a JSON map%s%s", command[0], err.len ? ": " : "",
				  err.data);
		else if (!json_is_array(json_object_get(answer, "items")))
			fault_set(f, CODE_STORAGE, "the answer of '%s' has no list 'items'", command[0]);
	}
	buf_release(&in);
	buf_release(&out);
	buf_release(&err);
	if (f->kind == FAULT_NONE)
		return answer;
	json_decref(answer);
	return NULL;
}

json_t *op_ask_model(struct op_world *w, const json_t *with, struct fault *f)
{
	json_t *answer, *config;

	if (!w->command || !w->command[0]) {
		fault_usage(f, "compute.llm needs a callable that asks the model: declare `inferometer` under 'callables'");
		return NULL;
	}
	answer = ask(w->command, with, f);
	if (!answer)
		return NULL;
	config = json_copy((json_t *)with);
	json_object_del(config, "prompt");
	add_hash(answer, "prompt_hash", json_object_get(with, "prompt"));
	add_hash(answer, "config_hash", config);
	add_hash(answer, "output_hash", json_object_get(answer, "items"));
	json_decref(config);
	return answer;
}
