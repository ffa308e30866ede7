#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/bug.h"
#include "base/fdio.h"
#include "doc/compiled.h"
#include "doc/cursor.h"
#include "doc/json.h"
#include "doc/yaml_write.h"
#include "engine/answer.h"
#include "engine/definition.h"
#include "engine/depfile.h"
#include "engine/engine_impl.h"
#include "engine/evidence.h"
#include "engine/review.h"
#include "import/import.h"
#include "job/jobfile.h"
#include "job/pattern.h"
#include "ledger/ledger_read.h"
#include "ledger/ledger_repair.h"
#include "report/moved.h"
#include "report/tty.h"
#include "store/op.h"
#include "store/plan.h"
#include "store/plan_hash.h"
#include "store/template.h"
#include "sys/makeflags.h"
#include "warden/journal.h"

enum { INPUT_MAX = 256 * 1024 };

/* --- helpers ---------------------------------------------------------------------------------------- */

/* The bytes as a text, without what cannot be in one. */
static char *text_of(const uint8_t *data, size_t len)
{
	const uint8_t *nul = memchr(data, 0, len);

	return xstrndup((const char *)data, nul ? (size_t)(nul - data) : len);
}

/* A file that holds data, and its path; the caller frees, and removes it. */
static char *file_of(const uint8_t *data, size_t len)
{
	const char *tmp = getenv("TMPDIR");
	char *path = xasprintf("%s/orchmake-fuzz-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	int fd = mkstemp(path);

	if (fd < 0 || fd_write_all(fd, data, len) < 0)
		BUG("cannot write %s", path);
	close(fd);
	return path;
}

static void file_drop(char *path)
{
	(void)unlink(path);
	free(path);
}

static void say_all(const struct diags *d)
{
	struct buf out = BUF_INIT;

	diags_format(d, &out, true);
	buf_reset(&out);
	diags_format_json(d, &out);
	buf_release(&out);
}

/* --- documents -------------------------------------------------------------------------------------- */

static void read_document(const uint8_t *data, size_t len, const char *name, enum doc_format format)
{
	struct source *s = source_from(name, (const char *)data, len);
	struct diags *d = diags_new();
	struct arena *a = arena_new();
	struct node *n = doc_read(s, format, a, d);

	BUG_UNLESS((n != NULL) == (diags_errors(d) == 0));
	say_all(d);
	arena_free(a);
	diags_free(d);
	source_free(s);
}

static void try_yaml(const uint8_t *data, size_t len)
{
	read_document(data, len, "x.yml", DOC_YAML);
}

/* Whatever the events are: none of them, or a whole document. */
static void try_compiled(const uint8_t *data, size_t len)
{
	struct source *s = source_from("x.yml", "x: y\n", strlen("x: y\n"));
	struct diags *d = diags_new();
	struct arena *a = arena_new();
	struct buf file = BUF_INIT;
	struct compiled *k;
	struct cursor *c;

	compiled_seal(s, data, len, &file);
	k = compiled_from(s, file.data, file.len);
	c = cursor_open_compiled(s, DOC_YAML, d, k);
	BUG_UNLESS(cursor_tree(c, a) && cursor_next(c, NULL) == DOC_FINISHED && !diags_count(d));
	cursor_free(c);
	compiled_free(k);
	buf_release(&file);
	arena_free(a);
	diags_free(d);
	source_free(s);
}

/* What was read is written, read again and is the same. */
static void try_json(const uint8_t *data, size_t len)
{
	struct buf err = BUF_INIT, out = BUF_INIT;
	json_t *v = json_parse((const char *)data, len, &err), *again;

	read_document(data, len, "x.json", DOC_JSON);
	BUG_UNLESS((v != NULL) == (err.len == 0));
	if (v) {
		json_text(&out, v, JSON_TIGHT);
		again = json_parse(out.data, out.len, &err);
		BUG_UNLESS(again && json_equal(v, again));
		json_decref(again);
		buf_reset(&out);
		json_canonical(&out, v, JSON_INDENTED);
	}
	json_decref(v);
	json_decref(json_parse_lines((const char *)data, len, &err));
	buf_release(&err);
	buf_release(&out);
}

static char *model_of(const struct jobfile *jf)
{
	json_t *doc = jobfile_to_json(jf, NULL, 0);
	struct buf out = BUF_INIT;

	json_text(&out, doc, JSON_TIGHT);
	json_decref(doc);
	return buf_detach(&out);
}

/* What can be read can be written, and says the same when it is read again. */
static void try_jobfile(const uint8_t *data, size_t len)
{
	struct diags *d = diags_new(), *d2 = diags_new();
	struct sources s = {0}, s2 = {0};
	const struct jobfile_where w = {.sources = &s, .thorough = true}, w2 = {.sources = &s2};
	struct jobfile *jf = jobfile_load_text_with(&w, "Jobfile", (const char *)data, len, "/nonexistent", d), *again;
	char *model = jf ? model_of(jf) : NULL, *second;

	BUG_UNLESS((jf != NULL) == (diags_errors(d) == 0));
	say_all(d);
	if (jf) {
		again = jobfile_load_text_with(&w2, "model.json", model, strlen(model), "/nonexistent", d2);
		if (!again) {
			struct buf out = BUF_INIT;

			diags_format(d2, &out, false);
			BUG("the model is no Jobfile: %s\n%s", out.data, model);
		}
		second = model_of(again);
		if (strcmp(model, second))
			BUG("the model read again is another:\n%s\n%s", model, second);
		free(second);
		jobfile_free(again);
	}
	free(model);
	jobfile_free(jf);
	diags_free(d);
	diags_free(d2);
	sources_release(&s);
	sources_release(&s2);
}

/* What it comes to is a document that can be written, and read as what it is. */
static void import_it(import_fn *import, const uint8_t *data, size_t len)
{
	struct source *s = source_from("document", (const char *)data, len);
	const struct import_where w = {.dir = "/nonexistent"};
	struct diags *d = diags_new();
	struct buf text = BUF_INIT;
	json_t *doc = import(s, &w, d);

	if (doc)
		yaml_text(&text, doc);
	if (doc)
		read_document((const uint8_t *)text.data, text.len, "Jobfile", DOC_YAML);
	say_all(d);
	json_decref(doc);
	buf_release(&text);
	diags_free(d);
	source_free(s);
}

static void try_makefile(const uint8_t *data, size_t len)
{
	import_it(import_make, data, len);
}

static void try_taskfile(const uint8_t *data, size_t len)
{
	import_it(import_taskfile, data, len);
}

static void try_definition(const uint8_t *data, size_t len)
{
	struct diags *d = diags_new();

	jobfile_free(definition_load((const char *)data, len, d));
	say_all(d);
	diags_free(d);
}

static void swallow_moved(void *ctx, const char *what, const char *text)
{
	*(size_t *)ctx += strlen(what) + strlen(text);
}

static void drop_explained(json_t *doc)
{
	static const char *const keys[] = {"hash", "sources", "difference", "order"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		json_object_del(doc, keys[i]);
}

/* What `plan` wrote, in the first line; what it would write now, in the second.  Whatever is different is told. */
static void try_reviewed(const uint8_t *data, size_t len)
{
	const uint8_t *line = memchr(data, '\n', len);
	size_t first = line ? (size_t)(line - data) : len, told = 0;
	struct buf err = BUF_INIT;
	json_t *was = json_parse((const char *)data, first, &err);
	json_t *is = line ? json_parse((const char *)line + 1, len - first - 1, &err) : NULL;

	json_decref(review_read((const char *)data, first, &err));
	(void)review_clock_ms(was);
	if (moved_list(was, is, swallow_moved, &told) != (told > 0))
		abort();
	drop_explained(was);
	drop_explained(is);
	if (json_is_object(was) && json_is_object(is) && json_equal(was, is) != !told)
		abort();
	json_decref(was);
	json_decref(is);
	buf_release(&err);
}

/* --- the language ------------------------------------------------------------------------------------ */

static const char world_text[] =
	"{\"params\": {\"date\": \"2026-01-31\", \"n\": 3, \"f\": 2.5, \"flag\": true, \"none\": null, \"list\": [1, 2, 3],"
	" \"words\": [\"a\", \"b\"], \"map\": {\"a\": 1, \"b\": {\"c\": 2}}, \"text\": \"it's h\\u00e4\\u00df\"},"
	" \"steps\": {\"plan.compile\": {\"items\": [{\"plan\": 7}], \"exit\": 0}}, \"payload\": [10, {\"x\": 20}]}";

static const char *const root_words[] = {
#define ROOT(id, word, sentence) [ROOT_##id] = word,
	EXPR_ROOTS(ROOT)
#undef ROOT
};

static const json_t *world_get(void *ctx, enum expr_root root, const char *key)
{
	const json_t *all = json_object_get(ctx, root_words[root]);

	return key[0] ? json_object_get(all, key) : all;
}

static void ignore_name(void *ctx, enum expr_root root, const char *const *path, size_t n, struct mark m)
{
	(void)ctx, (void)root, (void)path, (void)n, (void)m;
}

static void try_expr(const uint8_t *data, size_t len)
{
	char *text = text_of(data, len);
	struct buf err = BUF_INIT;
	json_t *world = json_parse(world_text, strlen(world_text), &err);
	const struct expr_world w = {.ctx = world, .get = world_get};
	struct diags *d = diags_new();
	struct arena *a = arena_new();
	struct expr *e = expr_parse(a, text, MARK_NONE, d);
	json_t *v = e ? expr_eval(e, &w, &err) : NULL;

	BUG_UNLESS((e != NULL) == (diags_errors(d) == 0));
	BUG_UNLESS(!e || (v != NULL) == (err.len == 0));
	if (e)
		expr_names(e, ignore_name, NULL);
	say_all(d);
	json_decref(v);
	json_decref(world);
	arena_free(a);
	diags_free(d);
	buf_release(&err);
	free(text);
}

static void try_pattern(const uint8_t *data, size_t len)
{
	char *all = text_of(data, len), *line = strchr(all, '\n');
	struct buf err = BUF_INIT, out = BUF_INIT;
	const char *subject = line ? line + 1 : "";
	struct span found;
	struct pattern *p;

	if (line)
		*line = 0;
	p = pattern_new(all, &err);
	if (p) {
		(void)pattern_match(p, span_of(subject));
		(void)pattern_last(p, span_of(subject), &found);
		(void)pattern_replace(p, span_of(subject), "<$0>", 1 << 16, &out);
	}
	pattern_free(p);
	(void)glob_match(all, subject);
	buf_release(&err);
	buf_release(&out);
	free(all);
}

static void try_template(const uint8_t *data, size_t len)
{
	char *text = text_of(data, len);
	struct buf out = BUF_INIT, err = BUF_INIT;
	json_t *vars = json_parse(world_text, strlen(world_text), &err);
	struct fault f = FAULT_INIT;
	bool good = template_fill(&out, text, json_object_get(vars, "params"), &f);

	BUG_UNLESS(good == (f.kind == FAULT_NONE));
	json_decref(vars);
	fault_release(&f);
	buf_release(&out);
	buf_release(&err);
	free(text);
}

static void try_param(const uint8_t *data, size_t len)
{
	static const enum param_type types[] = {
#define TYPE(id, ...) PARAM_##id,
		PARAM_TYPES(TYPE)
#undef TYPE
	};
	struct param p = {.name = "x", .of = NULL};
	struct buf err = BUF_INIT;
	json_t *allowed, *v;
	char *text;

	if (!len)
		return;
	p.type = types[data[0] % ARRAY_LEN(types)];
	p.multiple = data[0] & 128;
	allowed = json_pack("[s, s]", "a", "b");
	p.of = allowed;
	text = text_of(data + 1, len - 1);
	v = param_from_text(&p, text, &err);
	BUG_UNLESS((v != NULL) == (err.len == 0));
	json_decref(v);
	json_decref(allowed);
	buf_release(&err);
	free(text);
}

/* --- what programs say --------------------------------------------------------------------------------- */

static void try_answer(const uint8_t *data, size_t len)
{
	struct buf why = BUF_INIT;
	json_t *v = answer_read((const char *)data, len, "x.y", "/nonexistent", &why);
	char *path;

	BUG_UNLESS((v != NULL) == (why.len == 0));
	json_decref(v);
	json_decref(answer_read_map((const char *)data, len, "x.y", &why));
	buf_reset(&why);
	path = file_of(data, len);
	(void)answer_failure(path, &why);
	file_drop(path);
	buf_release(&why);
}

static void try_submit(const uint8_t *data, size_t len)
{
	static const struct op_words words[] = {
#define OP(name, required, optional, sentence) {name, required, optional},
#include "job/ops.def"
#undef OP
	};
	struct op_world w = {.base = "/nonexistent", .run = "RUN", .job = "job", .step = "step",
			     .now = "2026-01-02T03:04:05.000Z", .busy_ms = 1, .log_fd = -1};
	struct buf err = BUF_INIT;
	json_t *given = json_parse((const char *)data, len, &err);
	struct fault f = FAULT_INIT;
	struct plans p = {0};
	struct digest hash;

	if (given) {
		stores_add(&w.stores, "a", "/nonexistent/a.db");
		if (plans_read(&p, &w, given, &f))
			for (size_t i = 0; i < p.n; i++)
				free(plan_op_place(&p, &p.op[i]));
		plans_release(&p);
		plan_hash(&hash, given);
		fault_release(&f);
		f = (struct fault)FAULT_INIT;
		json_decref(op_given(&w, words, given, &f));
		fault_release(&f);
		stores_release(&w.stores);
	}
	json_decref(given);
	buf_release(&err);
}

static void try_makeflags(const uint8_t *data, size_t len)
{
	char *text = text_of(data, len);
	struct makeflags m;

	makeflags_parse(&m, text);
	BUG_UNLESS(m.auth != AUTH_FIFO || m.path);
	makeflags_release(&m);
	free(text);
}

static void try_dotenv(const uint8_t *data, size_t len)
{
	char *path = file_of(data, len);
	struct env_list env = {0};
	struct buf err = BUF_INIT;
	const char **all;
	size_t n;

	BUG_UNLESS(env_read_dotenv(&env, path, false, &err) == (err.len == 0));
	all = xcalloc(env.n + 1, sizeof(*all));
	n = env_texts(&env, all);
	for (size_t i = 0; i < n; i++)
		BUG_UNLESS(strchr(all[i], '='));
	free(all);
	env_release(&env);
	buf_release(&err);
	file_drop(path);
}

/* Its names are in the text, and the line that is told is one of it. */
static void try_depfile(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	struct map names = MAP_INIT;
	size_t line, lines = 1, bytes = 0;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	(void)depfile_parse(text, len, &names, &line);
	BUG_UNLESS(line >= 1 && line <= lines);
	for (size_t i = 0; i < names.n; i++)
		bytes += strlen(names.entry[i].key);
	BUG_UNLESS(names.n <= len && bytes <= len);
	map_release(&names);
}

static void try_tty(const uint8_t *data, size_t len)
{
	struct buf out = BUF_INIT, again = BUF_INIT, cut = BUF_INIT;

	tty_clean(&out, (struct span){(const char *)data, len});
	for (size_t i = 0; i < out.len; i++)
		BUG_UNLESS((unsigned char)out.data[i] >= 32 || out.data[i] == '\n' || out.data[i] == '\t');
	BUG_UNLESS(!memchr(out.data, 127, out.len));
	tty_clean(&again, (struct span){out.data, out.len});
	BUG_UNLESS(again.len == out.len && !memcmp(again.data, out.data, out.len));
	tty_cut(&cut, out.data, 20);
	BUG_UNLESS(tty_width(cut.data) <= 20);
	buf_release(&out);
	buf_release(&again);
	buf_release(&cut);
}

/* --- what orchmake wrote, or somebody in its name -------------------------------------------------------- */

/* With an odd first byte the records get right checksums, so that what is behind them is reached. */
static void try_journal(const uint8_t *data, size_t len)
{
	const size_t size = sizeof(struct journal_record);
	struct journal j;
	uint8_t *bytes;
	char *path;

	if (!len)
		return;
	bytes = xmalloc(len);
	memcpy(bytes, data + 1, len - 1);
	for (size_t at = 0; data[0] & 1 && at + size <= len - 1; at += size) {
		struct journal_record r;

		memcpy(&r, bytes + at, size);
		r.crc = journal_checksum(&r, 7);
		if (!at) {
			r.type = JOURNAL_HEAD;
			r.serial = 7;
			r.head.nonce_high = 0;
			r.crc = journal_checksum(&r, 7);
		}
		memcpy(bytes + at, &r, size);
	}
	path = file_of(bytes, len - 1);
	if (!journal_read(&j, path, 0)) {
		for (size_t i = 0; i < j.n_attempts; i++)
			(void)evidence_end(&j.attempt[i]);
		(void)journal_find(&j, 1);
		journal_release(&j);
	}
	file_drop(path);
	free(bytes);
}

static bool swallow_run(void *ctx, const struct ledger_run_row *r)
{
	size_t *sum = ctx;

	*sum += strlen(r->id) + strlen(r->target);
	return true;
}

static bool swallow_step(void *ctx, const struct ledger_step_row *r)
{
	size_t *sum = ctx;

	*sum += strlen(r->name) + strlen(r->key);
	return true;
}

static bool swallow_attempt(void *ctx, const struct ledger_attempt_row *r)
{
	size_t *sum = ctx;

	*sum += strlen(r->name);
	return true;
}

static bool swallow_event(void *ctx, const struct run_event *e)
{
	(void)ctx;
	json_decref(event_to_json(e));
	return true;
}

static bool swallow_fingerprint(void *ctx, const struct ledger_fingerprint_row *r)
{
	size_t *sum = ctx;

	*sum += strlen(r->key) + strlen(r->fingerprint);
	return true;
}

static bool swallow_file(void *ctx, const struct ledger_file *f)
{
	size_t *sum = ctx;

	*sum += strlen(f->path);
	return true;
}

static void swallow_fault(void *ctx, const char *text)
{
	size_t *sum = ctx;

	*sum += strlen(text);
}

static void read_ledger(struct ledger *l)
{
	struct ledger_durations d;
	struct buf b = BUF_INIT;
	size_t sum = 0, faults;
	int64_t run;

	(void)ledger_runs(l, &(struct ledger_run_filter){.limit = 20}, swallow_run, &sum);
	for (run = 1; run < 3; run++) {
		(void)ledger_steps(l, run, NULL, swallow_step, &sum);
		(void)ledger_attempts(l, run, LEDGER_ANY, swallow_attempt, &sum);
		(void)ledger_events(l, run, 1, 0, swallow_event, &sum);
		(void)ledger_run_definition(l, run, &b);
		(void)ledger_run_result(l, run, &b);
	}
	(void)ledger_durations(l, LEDGER_BY_NAME, &d);
	ledger_durations_release(&d);
	(void)ledger_fingerprints(l, NULL, swallow_fingerprint, &sum);
	(void)ledger_files(l, NULL, swallow_file, &sum);
	(void)ledger_run_find(l, "last", NULL, &run, &b);
	(void)ledger_fsck(l, swallow_fault, &sum, &faults);
	buf_release(&b);
}

static void drop_beside(const char *path, const char *ending)
{
	char *name = xasprintf("%s%s", path, ending);

	(void)unlink(name);
	free(name);
}

/* Read, by the bytes' own number, or written to. */
static void try_ledger(const uint8_t *data, size_t len)
{
	const struct ledger_options o = {.mode = len & 1 ? LEDGER_WRITE : LEDGER_LOOK, .busy_ms = 1};
	struct ledger_error err = LEDGER_ERROR_INIT;
	char *path = file_of(data, len);
	struct ledger *l = ledger_open(path, &o, &err);

	BUG_UNLESS((l != NULL) == (err.fault == LEDGER_FINE));
	if (l)
		read_ledger(l);
	ledger_close(l);
	ledger_error_release(&err);
	drop_beside(path, "-wal");
	drop_beside(path, "-shm");
	drop_beside(path, "-reserve");
	file_drop(path);
}

/* --- all of them ------------------------------------------------------------------------------------------- */

#define TARGET(name, sentence)                                                                     \
	static void target_##name(const uint8_t *data, size_t len)                                 \
	{                                                                                          \
		if (len <= INPUT_MAX)                                                              \
			try_##name(data, len);                                                     \
	}
#include "targets.def"
#undef TARGET

const struct fuzz_target fuzz_targets[] = {
#define TARGET(name, sentence) {#name, target_##name},
#include "targets.def"
#undef TARGET
};
const size_t fuzz_n_targets = ARRAY_LEN(fuzz_targets);
