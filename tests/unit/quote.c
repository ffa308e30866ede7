/* Words of a shell: what is shown is what a shell would read. */
#include <sys/wait.h>

#include "base/quote.h"
#include "base/span.h"
#include "check.h"

static void quotes(const char *text, const char *want)
{
	struct buf got = BUF_INIT;

	quote_word(&got, text);
	CHECK_STR(got.data, want);
	buf_release(&got);
}

static void a_word_is_quoted_only_where_a_shell_would_read_more_into_it(void **state)
{
	(void)state;
	quotes("abc", "abc");
	quotes("a/b-c_d.e:f=g+h,i@j%k", "a/b-c_d.e:f=g+h,i@j%k");
	quotes("", "''");
	quotes("a b", "'a b'");
	quotes("$HOME", "'$HOME'");
	quotes("~", "'~'");
	quotes("it's", "'it'\\''s'");
	quotes("two\n\tlines", "'two\n\tlines'");
	quotes("gr\xc3\xbc\xc3\x9f", "'gr\xc3\xbc\xc3\x9f'");
}

static void control_characters_are_written_out(void **state)
{
	(void)state;
	quotes("\033[2J", "$'\\033[2J'");
	quotes("a\r1'\\\x7f", "$'a\\0151\\'\\\\\\177'");
}

static void a_command_is_no_assignment(void **state)
{
	static const char *const argv[] = {"A=b", "C=d", "e f"};
	struct buf got = BUF_INIT;

	(void)state;
	quote_command(&got, argv, 3);
	CHECK_STR(got.data, "'A=b' C=d 'e f'");
	buf_release(&got);
}

/* What bash makes of the words is what they were made of. */
static void a_shell_reads_the_words_back(void **state)
{
	enum { ROUNDS = 40, LENGTH = 24, WORDS = 8 };
	static const char spice[] = "'\\\"$`!#&*()[]{}<>|;~ \n\t\033\r\001\x7f=";
	char text[WORDS][LENGTH];
	struct buf script = BUF_INIT, want = BUF_INIT;

	(void)state;
	if (system("bash -c true >/dev/null 2>&1"))
		SKIP_HERE();
	srandom(check_seed());
	for (int r = 0; r < ROUNDS; r++) {
		FILE *from;
		char got[4 * WORDS * LENGTH];
		size_t len;
		struct buf line = BUF_INIT;

		buf_reset(&script);
		buf_reset(&want);
		buf_puts(&script, "printf '%s|'");
		for (int w = 0; w < WORDS; w++) {
			size_t n = (size_t)random() % (LENGTH - 1);

			for (size_t i = 0; i < n; i++)
				text[w][i] = random() % 2 ? (char)(1 + random() % 126)
							  : spice[(size_t)random() % (sizeof(spice) - 1)];
			text[w][n] = 0;
			buf_putc(&script, ' ');
			quote_word(&script, text[w]);
			buf_addf(&want, "%s|", text[w]);
		}
		buf_puts(&line, "bash -c ");
		quote_word(&line, script.data); /* read by sh, and what it hands on by bash */
		if (strstr(line.data, "$'")) { /* which sh may not know: then by bash alone */
			setenv("SCRIPT", script.data, 1);
			from = popen("bash -c \"$SCRIPT\"", "r");
		} else {
			from = popen(line.data, "r");
		}
		CHECK(from != NULL);
		len = fread(got, 1, sizeof(got) - 1, from);
		got[len] = 0;
		CHECK_INT(pclose(from), 0);
		CHECK_STR(got, want.data);
		buf_release(&line);
	}
	buf_release(&script);
	buf_release(&want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_is_quoted_only_where_a_shell_would_read_more_into_it),
		cmocka_unit_test(control_characters_are_written_out),
		cmocka_unit_test(a_command_is_no_assignment),
		cmocka_unit_test(a_shell_reads_the_words_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
