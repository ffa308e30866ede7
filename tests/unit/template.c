/* Templates for messages: what they put in, and where they say what is wrong. */
#include <ctype.h>

#include "base/bug.h"
#include "check.h"
#include "doc/json.h"
#include "store/template.h"

static const char VARS[] = "{\"name\": \"Ada\", \"n\": 3, \"f\": 1.0, \"yes\": true, \"no\": false, \"nil\": null, \"empty\": \"\","
			   " \"evil\": \"{{ name }} {% if %}\", \"list\": [\"a\", \"b\", \"c\"], \"none_left\": [],"
			   " \"rows\": [{\"k\": 1, \"sub\": [1, 2]}, {\"k\": 2, \"sub\": []}], \"map\": {\"x\": {\"y\": \"deep\"}}}";

/* The text, or the complaint. */
static void gives(const char *template, const char *want)
{
	struct buf out = BUF_INIT, err = BUF_INIT;
	struct fault f = FAULT_INIT;
	json_t *vars = json_parse(VARS, strlen(VARS), &err);
	bool good = template_fill(&out, template, vars, &f);

	CHECK(vars != NULL);
	CHECK_INT(good, f.kind == FAULT_NONE);
	CHECK_STR(good ? out.data : f.text.data, want);
	json_decref(vars);
	fault_release(&f);
	buf_release(&out);
	buf_release(&err);
}

static void text_without_tags_stays_as_it_is(void **state)
{
	(void)state;
	gives("", "");
	gives("Dear { all },\n{ {\n", "Dear { all },\n{ {");
	gives("two\n\n", "two\n");
	gives("{", "{");
}

static void a_variable_gives_its_text(void **state)
{
	(void)state;
	gives("{{ name }}, {{n}} {{ f }} [{{ nil }}] {{ yes }} {{ no }}", "Ada, 3 1.0 [] True False");
	gives("{{ map.x.y }} {{ rows.1.k }} {{ list.0 }}", "deep 2 a");
	gives("{{ 'a\\'b' }} {{ \"x\\ny\" }} {{ 7 }}", "a'b x\ny 7");
	gives("{{ map.x }}", "{\"y\":\"deep\"}");
}

static void what_is_put_in_is_data(void **state)
{
	(void)state;
	gives("{{ evil }}", "{{ name }} {% if %}");
	gives("{{ evil | upper }}", "{{ NAME }} {% IF %}");
}

static void a_variable_that_does_not_exist_is_an_error(void **state)
{
	(void)state;
	gives("a\n  {{ nam }}", "2:6: there is no variable 'nam' (give it in template_vars, or write {{ nam | default(\"\") }})");
	gives("{{ map.z.y }}", "1:4: there is no variable 'map.z.y' (give it in template_vars, or write {{ map.z.y | default(\"\") }})");
	gives("{{ list.7 }}", "1:4: there is no variable 'list.7' (give it in template_vars, or write {{ list.7 | default(\"\") }})");
	gives("{{ nam | upper }}", "1:4: there is no variable 'nam' (give it in template_vars, or write {{ nam | default(\"\") }})");
	gives("{{ nam | default('x') }}{{ nam | default }}{{ empty | default('x') }}", "x");
	gives("{% for x in nam %}{% endfor %}",
	      "1:13: there is no variable 'nam' (give it in template_vars, or write {{ nam | default(\"\") }})");
}

static void filters_change_a_value(void **state)
{
	(void)state;
	gives("{{ name | upper }} {{ name|lower }} {{ 'an old MAN' | title }} [{{ ' x ' | trim }}]", "ADA ada An Old Man [x]");
	gives("{{ list | join(', ') }} {{ list | join }} {{ list | length }} {{ 'äö' | length }} {{ map | length }}",
	      "a, b, c abc 3 2 1");
	gives("{{ nam | default(name) | upper }}", "ADA");
	gives("{{ name | uper }}", "1:11: there is no filter 'uper' (did you mean 'upper'?); known are default, upper, lower,"
				   " title, trim, join, length");
	gives("{{ name | join(',') }}", "1:11: 'join' wants a list, not text");
	gives("{{ name | }}", "1:11: a filter's name is missing here");
	gives("{{ name | default('x' }}", "1:23: ')' is missing here");
}

static void a_loop_repeats_its_body(void **state)
{
	(void)state;
	gives("{% for x in list %}{{ loop.index }}{{ x }}{% if not loop.last %}, {% endif %}{% endfor %}.", "1a, 2b, 3c.");
	gives("[{% for x in none_left %}{{ x.y }}{% endfor %}]", "[]");
	gives("{% for r in rows %}{{ r.k }}:{% for s in r.sub %}{{ s }}/{{ loop.length }} {% endfor %};{% endfor %}", "1:1/2 2/2 ;2:;");
	gives("{% for name in list %}{{ name }}{% endfor %}{{ name }}", "abcAda");
	gives("{% for x in name %}{% endfor %}", "1:1: a loop wants a list, not text");
	gives("{% for x on list %}{% endfor %}", "1:10: 'in' is missing here");
}

static void a_condition_chooses(void **state)
{
	static const char *const truths[][2] = {
		{"yes", "1"}, {"no", "0"}, {"nil", "0"}, {"empty", "0"}, {"none_left", "0"}, {"nobody", "0"}, {"n", "1"}, {"0", "0"},
		{"name == 'Ada'", "1"}, {"name != 'Ada'", "0"}, {"n == 3.0", "1"}, {"n == '3'", "0"}, {"nobody == 'x'", "0"},
		{"not no", "1"}, {"not not no", "0"}, {"yes and no", "0"}, {"yes and not no", "1"}, {"no or yes", "1"},
		{"no and no or yes", "1"}, {"no and (no or yes)", "0"}, {"list | length == 3", "1"}, {"none == nil", "1"},
		{"true", "1"}, {"(name)", "1"},
	};
	char template[100];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(truths); i++) {
		snprintf(template, sizeof(template), "{%% if %s %%}1{%% else %%}0{%% endif %%}", truths[i][0]);
		gives(template, truths[i][1]);
	}
	gives("{% if no %}a{% elif yes %}b{% elif yes %}c{% else %}d{% endif %}", "b");
	gives("{% if no %}a{% elif no %}b{% else %}c{% endif %}{% if yes %}{% else %}x{% endif %}", "c");
	gives("{% if no %}{% if yes %}a{% endif %}{{ nobody }}{% for x in nobody %}{% endfor %}{% endif %}b", "b");
}

static void comments_and_blanks_can_go(void **state)
{
	(void)state;
	gives("a{# {{ nobody }} #}b", "ab");
	gives("a \n {{- name -}} \n b", "aAdab");
	gives("{% for x in list -%}\n  {{ x }}\n{%- endfor %}", "abc");
	gives("a {#- x -#} b", "ab");
}

static void what_is_not_closed_is_told_with_its_place(void **state)
{
	(void)state;
	gives("x\n{% if yes %}", "2:1: the block that begins here is not closed with {% endif %}");
	gives("{% for x in list %}{% endif %}", "1:23: 'endif' has no place here: {% endfor %} is due");
	gives("{% endif %}", "1:4: 'endif' closes nothing");
	gives("{% fi %}", "1:1: 'fi' is no tag; known are if, elif, else, endif, for, endfor");
	gives("{{ name ", "1:9: '}}' is missing here");
	gives("{{ name }", "1:9: '}}' is missing here");
	gives("{{ }}", "1:4: a variable is missing here");
	gives("{{ name. }}", "1:9: a name is missing behind the dot");
	gives("{{ 'x }}", "1:4: the text that begins here is not closed");
	gives("{# x", "1:1: the comment that begins here is not closed with '#}'");
	gives("{{ 1.2.3 }}", "1:4: '1.2.3' is no number");
	gives("{% %}", "1:4: a tag's name is missing here");
	gives("{% if no %}{{ name | nope }}{% endif %}",
	      "1:22: there is no filter 'nope'; known are default, upper, lower, title, trim, join, length");
}

static void nothing_is_nested_without_end(void **state)
{
	struct buf t = BUF_INIT;

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_puts(&t, "{% if yes %}");
	gives(t.data, "1:385: blocks are nested more than 32 deep");
	buf_reset(&t);
	buf_puts(&t, "{% if ");
	buf_pad(&t, '(', 100000);
	gives(t.data, "1:39: brackets are nested too deeply");
	buf_release(&t);
}

/* Whatever stands there: a text or a complaint with a place, and no crash. */
static void any_mixture_of_parts_is_filled_or_refused(void **state)
{
	static const char *const parts[] = {"{{", "}}", "{%", "%}", "{#", "#}", "-", " if ", " for ", "x", " in ", "list", "endif", "endfor",
					    "else", "elif ", "name", ".", "|", "upper", "join", "(", ")", "'", "==", " not ", " and ", "1", "\n",
					    "{% if yes %}", "{% endif %}", "{% for x in list %}", "{% endfor %}", "{{ x }}", "loop.index"};
	enum { ROUNDS = 20000, LONGEST = 14 };
	struct buf err = BUF_INIT;
	json_t *vars = json_parse(VARS, strlen(VARS), &err);

	(void)state;
	srand(check_seed());
	for (int i = 0; i < ROUNDS; i++) {
		struct buf template = BUF_INIT, out = BUF_INIT;
		struct fault f = FAULT_INIT;

		for (int n = rand() % LONGEST; n >= 0; n--)
			buf_puts(&template, parts[(size_t)rand() % ARRAY_LEN(parts)]);
		if (!template_fill(&out, template.data, vars, &f) && (f.kind != FAULT_USAGE || !isdigit(f.text.data[0])))
			fail_msg("'%s': %s", template.data, f.text.data);
		fault_release(&f);
		buf_release(&template);
		buf_release(&out);
	}
	json_decref(vars);
	buf_release(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_without_tags_stays_as_it_is),
		cmocka_unit_test(a_variable_gives_its_text),
		cmocka_unit_test(what_is_put_in_is_data),
		cmocka_unit_test(a_variable_that_does_not_exist_is_an_error),
		cmocka_unit_test(filters_change_a_value),
		cmocka_unit_test(a_loop_repeats_its_body),
		cmocka_unit_test(a_condition_chooses),
		cmocka_unit_test(comments_and_blanks_can_go),
		cmocka_unit_test(what_is_not_closed_is_told_with_its_place),
		cmocka_unit_test(nothing_is_nested_without_end),
		cmocka_unit_test(any_mixture_of_parts_is_filled_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
