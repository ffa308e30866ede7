/* What yaml_text writes reads back as the same value, and looks as a person would write it. */
#include "doc/yaml_write.h"

#include "base/bug.h"
#include "check.h"
#include "doc/cursor.h"
#include "doc/json.h"

static json_t *read_back(const struct buf *text)
{
	struct source *s = source_from("written.yml", text->data, text->len);
	struct diags *d = diags_new();
	struct arena *a = arena_new();
	struct node *n = doc_read(s, DOC_YAML, a, d);
	json_t *v = n ? node_to_json(n, d) : NULL;

	if (!v || diags_errors(d)) {
		struct buf said = BUF_INIT;

		diags_format(d, &said, false);
		fail_msg("it cannot be read back: %s\n%s", said.data, text->data);
	}
	arena_free(a);
	diags_free(d);
	source_free(s);
	return v;
}

static void check_same(const json_t *v)
{
	struct buf text = BUF_INIT, wanted = BUF_INIT, got = BUF_INIT;
	json_t *back;

	yaml_text(&text, v);
	back = read_back(&text);
	json_text(&wanted, v, JSON_TIGHT);
	json_text(&got, back, JSON_TIGHT);
	CHECK_STR(got.data, wanted.data);
	json_decref(back);
	buf_release(&text);
	buf_release(&wanted);
	buf_release(&got);
}

static void texts_that_look_like_something_else_stay_text(void **state)
{
	static const char *const texts[] = {
		"",	  "null",  "~",	    "true",	"no",	  "017",     "0x1f",  "1e3",	 "1.5",	  "-",	 "- a",
		"a: b",	  "a #b",  "#a",    "@x",	"*.c",	  "&a",	     "!x",    "%a",	 "`a`",	  "'",	 "\"",
		"a\nb",	  "a\nb\n", "\na",  " a\nb",	"a \nb",  "a\n\n\n", "\n",    " ",	 "a ",	  " a",	 "a\tb\nc",
		"${{ x }}", "$${{ x }}", "[a", "{a", "a, b", "?", "? a", ":", ":a", "a:", "---", "...", "<<", "=",
		"1:30",	  "2026-01-01", "ä – 日本 😀", "\\n", "a\r\nb", "\x7f", "\xc2\x85", "\xe2\x80\xa8", "\xef\xbb\xbfx",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		json_t *v = json_pack("{s:s, s:[s, s], s:[s, {s:s}]}", "text", texts[i], "flow", texts[i], "b", "block",
				      texts[i], texts[i], texts[i]);

		check_same(v);
		json_decref(v);
	}
}

static json_t *random_value(unsigned *seed, int depth)
{
	static const char bits[] = "ab :#-'\"\n{}[],&*!|>%@`~?$ \t.0";
	char text[12] = "";
	size_t n = (size_t)rand_r(seed) % 10;
	json_t *v;

	for (size_t i = 0; i < n; i++)
		text[i] = bits[(size_t)rand_r(seed) % (sizeof(bits) - 1)];
	switch (rand_r(seed) % (depth ? 7 : 5)) {
	case 0:
		return json_integer(rand_r(seed) - 1000);
	case 1:
		return json_boolean(rand_r(seed) % 2);
	case 2:
		return json_null();
	case 5:
		v = json_array();
		for (size_t i = 0; i < n % 5; i++)
			json_array_append_new(v, random_value(seed, depth - 1));
		return v;
	case 6:
		v = json_object();
		for (size_t i = 0; i < n % 5; i++) {
			char key[16];

			snprintf(key, sizeof(key), "%zu%s", i, text);
			json_object_set_new(v, key, random_value(seed, depth - 1));
		}
		return v;
	default:
		return json_string(text);
	}
}

static void any_value_reads_back_as_itself(void **state)
{
	unsigned seed = check_seed();

	(void)state;
	for (int i = 0; i < 3000; i++) {
		json_t *v = json_pack("{s:o}", "v", random_value(&seed, 4));

		check_same(v);
		json_decref(v);
	}
}

static void a_document_looks_as_a_person_would_write_it(void **state)
{
	struct buf text = BUF_INIT;
	json_t *v = json_pack("{s:i, s:{s:{s:[s, s, s], s:s, s:b, s:{}, s:s}}}", "jobfile", 1, "jobs", "build", "argv",
			      "cc", "-o", "a.out", "run", "set -e\nmake\n", "critical", 0, "env", "cwd", "${{ vars.dir }}");

	(void)state;
	yaml_text(&text, v);
	CHECK_STR(text.data, "jobfile: 1\n"
			     "jobs:\n"
			     "  build:\n"
			     "    argv: [cc, -o, a.out]\n"
			     "    run: |\n"
			     "      set -e\n"
			     "      make\n"
			     "    critical: false\n"
			     "    env: {}\n"
			     "    cwd: \"${{ vars.dir }}\"\n");
	json_decref(v);
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_that_look_like_something_else_stay_text),
		cmocka_unit_test(any_value_reads_back_as_itself),
		cmocka_unit_test(a_document_looks_as_a_person_would_write_it),
	};

	return cmocka_run_group_tests_name("yaml_write", tests, NULL, NULL);
}
