/* The compiled form of a document: the same as the text, or nothing. */
#include "doc/compiled.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "check.h"
#include "doc/cursor.h"
#include "doc/json.h"

struct world {
	char dir[64];
	struct source *source;
	struct buf text;
};

/* What a text can have: aliases, `<<`, styles, letters of several bytes, nothing; and length enough. */
static void write_document(struct buf *b)
{
	buf_puts(b, "base: &base {a: 1, b: [x, y]}\n"
		    "copy: *base\n"
		    "more: {<<: *base, a: 2, c: 'its'}\n"
		    "text: |\n  one\n  two\n"
		    "folded: >-\n  drei\n  vier \xc3\xa4\n"
		    "quoted: \"a\\tb\\u00e4\"\n"
		    "empty:\n"
		    "tagged: !!str 5\n"
		    "list: [[], {}, '']\n"
		    "rows:\n");
	for (int i = 0; b->len < COMPILED_MIN + 1000; i++)
		buf_addf(b, "  row%d: {inputs: [in/%d], value: %d}\n", i, i, i);
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/orchmake-compiled-XXXXXX");
	buf_init(&w->text);
	write_document(&w->text);
	w->source = source_from("doc.yml", w->text.data, w->text.len);
	*state = w;
	return mkdtemp(w->dir) ? 0 : -1;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char *command = xasprintf("rm -rf %s", w->dir);
	int rc = system(command);

	free(command);
	source_free(w->source);
	buf_release(&w->text);
	free(w);
	return rc;
}

/* A node as text: what it is and where. */
static void show(const struct node *n, struct buf *out)
{
	buf_addf(out, "%d.%d@%u:%u+%u", (int)n->kind, (int)n->style, (unsigned)n->mark.line, (unsigned)n->mark.col,
		 (unsigned)n->mark.len);
	if (n->kind == NODE_SCALAR)
		buf_addf(out, "%zu %s", n->n, n->text);
	for (size_t i = 0; n->kind != NODE_SCALAR && i < n->n; i++) {
		buf_puts(out, n->kind == NODE_MAP ? "\n " : "\n- ");
		if (n->kind == NODE_MAP)
			show(n->key[i], out);
		show(n->item[i], out);
	}
}

static void read_with(const struct source *s, struct compiled *k, struct buf *out)
{
	struct diags *d = diags_new();
	struct arena *a = arena_new();
	struct cursor *c = cursor_open_compiled(s, DOC_YAML, d, k);
	struct node *n = cursor_tree(c, a);

	if (n && cursor_next(c, NULL) == DOC_FINISHED)
		show(n, out);
	cursor_free(c);
	arena_free(a);
	diags_free(d);
}

/* The file that is made of the document, and its bytes. */
static char *make(struct world *w, struct buf *bytes)
{
	struct compiled *k = compiled_open(w->dir, w->source, true);
	struct buf ignored = BUF_INIT, name = BUF_INIT;
	struct digest d;
	char *real = realpath("doc.yml", NULL);

	CHECK(!compiled_is_known(k));
	CHECK(!compiled_is_due(k));
	read_with(w->source, k, &ignored);
	CHECK(compiled_is_due(k));
	compiled_save(k);
	compiled_free(k);
	buf_release(&ignored);
	digest_of(&d, real ? real : "doc.yml", strlen(real ? real : "doc.yml"));
	free(real);
	buf_addf(&name, "%s/%.32s", w->dir, d.hex);
	assert_int_equal(file_read(name.data, bytes, SOURCE_MAX), 0);
	return buf_detach(&name);
}

static bool holds_from(const struct world *w, const char *bytes, size_t len)
{
	struct compiled *k = compiled_from(w->source, bytes, len);
	bool known = compiled_is_known(k);

	compiled_free(k);
	return known;
}

static void it_says_what_the_text_says(void **state)
{
	struct world *w = *state;
	struct buf bytes = BUF_INIT, from_text = BUF_INIT, again = BUF_INIT;
	char *path = make(w, &bytes);
	struct compiled *k = compiled_open(w->dir, w->source, true);
	struct stat st;

	CHECK(compiled_is_known(k));
	read_with(w->source, NULL, &from_text);
	read_with(w->source, k, &again);
	CHECK(from_text.len > w->text.len);
	CHECK_STR(again.data, from_text.data);
	CHECK(!compiled_is_due(k)); /* nothing is made of what was not read */
	assert_int_equal(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	compiled_free(k);
	free(path);
	buf_release(&bytes);
	buf_release(&from_text);
	buf_release(&again);
}

static void another_text_has_none(void **state)
{
	struct world *w = *state;
	struct buf bytes = BUF_INIT, said = BUF_INIT;
	char *path = make(w, &bytes), *changed = xstrndup(w->text.data, w->text.len);
	struct source *s;
	struct compiled *k;

	changed[w->text.len - 4] ^= 1; /* one digit of the last value */
	s = source_from("doc.yml", changed, w->text.len);
	k = compiled_open(w->dir, s, true);
	CHECK(!compiled_is_known(k));
	read_with(s, k, &said);
	CHECK(compiled_is_due(k));
	compiled_save(k); /* takes the place of the old one */
	CHECK(!holds_from(w, "", 0));
	buf_reset(&bytes);
	assert_int_equal(file_read(path, &bytes, SOURCE_MAX), 0);
	CHECK(!holds_from(w, bytes.data, bytes.len));
	compiled_free(k);
	source_free(s);
	free(changed);
	free(path);
	buf_release(&bytes);
	buf_release(&said);
}

static void no_byte_of_it_may_be_another(void **state)
{
	enum { HEAD = 200, STRIDE = 997 };
	struct world *w = *state;
	struct buf bytes = BUF_INIT;
	char *path = make(w, &bytes);

	CHECK(holds_from(w, bytes.data, bytes.len));
	for (size_t i = 0; i < bytes.len; i += i < HEAD ? 1 : STRIDE) {
		bytes.data[i] ^= 0x10;
		if (holds_from(w, bytes.data, bytes.len))
			fail_msg("byte %zu of %zu was changed, and it is believed", i, bytes.len);
		bytes.data[i] ^= 0x10;
		if (holds_from(w, bytes.data, i))
			fail_msg("cut at %zu of %zu, it is believed", i, bytes.len);
	}
	buf_putc(&bytes, 0);
	CHECK(!holds_from(w, bytes.data, bytes.len));
	free(path);
	buf_release(&bytes);
}

static void somebody_else_s_is_none(void **state)
{
	struct world *w = *state;
	struct buf bytes = BUF_INIT;
	char *path = make(w, &bytes), *other = path_join(w->dir, "other");
	struct compiled *k;

	assert_int_equal(chmod(path, 0620), 0);
	k = compiled_open(w->dir, w->source, true);
	CHECK(!compiled_is_known(k));
	compiled_free(k);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	k = compiled_open(w->dir, w->source, true);
	CHECK(!compiled_is_known(k));
	compiled_free(k);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0); /* and is not waited for */
	k = compiled_open(w->dir, w->source, true);
	CHECK(!compiled_is_known(k));
	compiled_free(k);
	free(path);
	free(other);
	buf_release(&bytes);
}

static void what_is_short_or_wrong_is_not_kept(void **state)
{
	struct world *w = *state;
	struct source *s = source_from("doc.yml", "a: b\n", 5);
	struct buf ignored = BUF_INIT;
	struct compiled *k;

	assert_null(compiled_open(w->dir, s, true));
	source_free(s);
	buf_puts(&w->text, "base: twice\n");
	s = source_from("doc.yml", w->text.data, w->text.len);
	k = compiled_open(w->dir, s, true);
	read_with(s, k, &ignored);
	CHECK(!compiled_is_due(k));
	compiled_free(k);
	source_free(s);
	buf_release(&ignored);
}

/* kind and style, line, column, length; of a scalar its text. */
#define SCALAR "\x00\x00\x01\x01\x01x"
#define LIST "\x01\x00\x01\x01"
#define MAP "\x02\x00\x01\x01"
#define END "\x03\x00\x01\x01"
#define FINISHED "\x04\x00\x01\x01"

static bool is_believed(const struct world *w, const char *events, size_t len)
{
	struct buf file = BUF_INIT;
	bool believed;

	compiled_seal(w->source, events, len, &file);
	believed = holds_from(w, file.data, file.len);
	buf_release(&file);
	return believed;
}

static void only_a_whole_document_is_believed(void **state)
{
#define EVENTS(text) {text, sizeof(text) - 1}
	static const struct {
		const char *events;
		size_t len;
	} good[] = {
		EVENTS(SCALAR FINISHED),
		EVENTS(LIST SCALAR MAP SCALAR LIST END END END FINISHED),
	}, bad[] = {
		EVENTS(""),
		EVENTS(FINISHED),
		EVENTS(SCALAR),
		EVENTS(SCALAR SCALAR FINISHED),
		EVENTS(SCALAR FINISHED FINISHED),
		EVENTS(END FINISHED),
		EVENTS(LIST FINISHED),
		EVENTS(LIST END END FINISHED),
		EVENTS(MAP SCALAR END FINISHED),	/* a key without a value */
		EVENTS(MAP LIST END SCALAR END FINISHED), /* a key that is a list */
		EVENTS("\x05\x00\x01\x01"),		/* DOC_BAD */
		EVENTS("\x07\x00\x01\x01"),
		EVENTS("\x18\x00\x01\x01\x01x" FINISHED), /* a style that is none */
		EVENTS("\x00\x00\x01\x01\x7fx"),	/* a text beyond the end */
		EVENTS("\x00\x00\x01"),
		EVENTS(SCALAR "\x04\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x01\x01"), /* a number without end */
	};
#undef EVENTS
	const struct world *w = *state;
	struct buf deep = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!is_believed(w, good[i].events, good[i].len))
			fail_msg("good document %zu is not believed", i);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (is_believed(w, bad[i].events, bad[i].len))
			fail_msg("bad document %zu is believed", i);
	for (int i = 0; i < 101; i++)
		buf_add(&deep, LIST, 4);
	for (int i = 0; i < 101; i++)
		buf_add(&deep, END, 4);
	buf_add(&deep, FINISHED, 4);
	CHECK(!is_believed(w, deep.data, deep.len));
	buf_release(&deep);
}

static void none_is_made_of_what_is_not_saved(void **state)
{
	struct world *w = *state;
	struct compiled *k = compiled_open(w->dir, w->source, false);
	struct buf b = BUF_INIT;

	read_with(w->source, k, &b);
	CHECK(b.len > w->text.len);
	CHECK(!compiled_is_due(k));
	compiled_free(k);
	buf_release(&b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(none_is_made_of_what_is_not_saved),
		TEST(it_says_what_the_text_says),
		TEST(another_text_has_none),
		TEST(no_byte_of_it_may_be_another),
		TEST(somebody_else_s_is_none),
		TEST(what_is_short_or_wrong_is_not_kept),
		TEST(only_a_whole_document_is_believed),
	};

	return cmocka_run_group_tests_name("compiled", tests, NULL, NULL);
}
