/* Text for a terminal: harmless, and as wide as it is said to be. */
#include "check.h"
#include "doc/utf8.h"
#include "report/tty.h"

static void cleans_len(const char *text, size_t len, const char *want)
{
	struct buf got = BUF_INIT;

	tty_clean(&got, (struct span){text, len});
	CHECK_STR(got.data, want);
	buf_release(&got);
}

static void cleans(const char *text, const char *want)
{
	cleans_len(text, strlen(text), want);
}

#define BAD "\xef\xbf\xbd"

static void colours_and_other_escape_sequences_go(void **state)
{
	(void)state;
	cleans("\033[31mred\033[0m", "red");
	cleans("\033[1;38;5;196mx\033[K", "x");
	cleans("a\033(B\033[mb", "ab"); /* tput sgr0 */
	cleans("\033]0;title\007x", "x");
	cleans("\033]8;;http://x\033\\link\033]8;;\033\\", "link");
	cleans("\033P...\033\\x\0337y\033cz", "xyz");
	cleans("\033", "");
	cleans("x\033[", "x");
	cleans("x\033[12", "x");
	cleans("x\033]0;never ends", "x");
	cleans("\033[\xc3\xa9", "\xc3\xa9");
	cleans("\033\xc3\xa9", "\xc3\xa9");
	cleans("\033\033[2J", "");
	cleans_len("\033\0ab", 4, BAD "ab");
}

static void controls_are_shown_and_ends_of_lines_become_blanks(void **state)
{
	(void)state;
	cleans("a\tb\nc\rd", "a b c d");
	cleans("a\bb\007\x7f", "a" BAD "b" BAD BAD);
	cleans_len("a\0b", 3, "a" BAD "b");
	cleans("\xc2\x9b" "31m", BAD "31m");	/* CSI as one character */
	cleans("a\xe2\x80\xae" "b", "a" BAD "b"); /* right to left */
	cleans("\xff\xc3", BAD BAD);
	cleans("\xed\xa0\x80", BAD BAD BAD); /* a surrogate */
	cleans("gr\xc3\xbc\xc3\x9f \xe6\x97\xa5", "gr\xc3\xbc\xc3\x9f \xe6\x97\xa5");
}

static void cleans_line(const char *text, const char *want)
{
	struct buf got = BUF_INIT;

	buf_puts(&got, "| ");
	tty_clean_line(&got, span_of(text));
	CHECK_STR(got.data + 2, want);
	buf_release(&got);
}

static void a_line_keeps_its_columns_and_the_last_of_what_was_written_over(void **state)
{
	(void)state;
	cleans_line("", "");
	cleans_line("\r", "");
	cleans_line("text\r", "text");
	cleans_line("10%\r50%\r100%\r", "100%");
	cleans_line("\033[2K\rlast", "last");
	cleans_line("a\tb\t\tc", "a       b               c");
	cleans_line("12345678\tx", "12345678        x");
	cleans_line("\t", "        ");
	cleans_line("\xe6\x97\xa5\033[1m\tx", "\xe6\x97\xa5      x");
	cleans_line("u\xcc\x88\tx\033]0;t\t\007y", "u\xcc\x88       xy");
}

static void no_bytes_whatever_make_it_unsafe(void **state)
{
	enum { ROUNDS = 20000, LENGTH = 64 };
	static const char spice[] = "\033\033[]P;?(m0\007\\\x9b\xc2\xe2\x80\xae";
	struct buf got = BUF_INIT;

	(void)state;
	srandom(check_seed());
	for (int r = 0; r < ROUNDS; r++) {
		char text[LENGTH];
		size_t len = (size_t)random() % LENGTH, n;

		for (size_t i = 0; i < len; i++)
			text[i] = random() % 3 ? (char)random() : spice[(size_t)random() % (sizeof(spice) - 1)];
		buf_reset(&got);
		tty_clean(&got, (struct span){text, len});
		CHECK_INT(utf8_check(got.data, got.len), got.len);
		for (size_t i = 0; i < got.len; i += n)
			CHECK(!utf8_is_control((uint32_t)utf8_decode(got.data + i, got.len - i, &n)));
	}
	buf_release(&got);
}

static void wide_characters_take_two_columns_and_combining_ones_none(void **state)
{
	(void)state;
	CHECK_INT(tty_width(""), 0);
	CHECK_INT(tty_width("abc"), 3);
	CHECK_INT(tty_width("gr\xc3\xbc\xc3\x9f"), 4);
	CHECK_INT(tty_width("u\xcc\x88"), 1);
	CHECK_INT(tty_width("\xe6\x97\xa5\xe6\x9c\xac"), 4);
	CHECK_INT(tty_width("\xe2\x9c\x85"), 2);    /* a check mark */
	CHECK_INT(tty_width("\xf0\x9f\x9a\x80"), 2); /* a rocket */
	CHECK_INT(tty_width("\xff"), 1);
	CHECK_INT(tty_width("⚡⛔♿"), 6);
	CHECK_INT(tty_width("🌶"), 1);
	CHECK_INT(tty_width("한글"), 4);
	CHECK_INT(tty_width("\u1112\u1161\u11ab"), 2); /* the same syllable in parts */
	CHECK_INT(tty_width("हिन्दी"), 5); /* what joins two letters takes none, vowels that space take one */
	CHECK_INT(tty_width("שָׁלוֹם"), 4);
	CHECK_INT(tty_width("ｱ＝ｶﾞ"), 5);
	CHECK_INT(tty_width("…█─"), 3);
	CHECK_INT(tty_width("𠮷🫠🪿"), 6);
	CHECK_INT(tty_width("é"), 1);
}

static void cuts(const char *text, size_t columns, const char *want)
{
	struct buf got = BUF_INIT;

	tty_cut(&got, text, columns);
	CHECK_STR(got.data, want);
	CHECK(tty_width(got.data) <= columns);
	buf_release(&got);
}

static void text_is_cut_between_characters(void **state)
{
	(void)state;
	cuts("abc", 3, "abc");
	cuts("abcd", 3, "ab…");
	cuts("abcd", 1, "…");
	cuts("abcd", 0, "");
	cuts("", 0, "");
	cuts("\xe6\x97\xa5\xe6\x9c\xac", 4, "\xe6\x97\xa5\xe6\x9c\xac");
	cuts("\xe6\x97\xa5\xe6\x9c\xac", 3, "\xe6\x97\xa5…");
	cuts("\xe6\x97\xa5\xe6\x9c\xac", 2, "…");
	cuts("u\xcc\x88u\xcc\x88u\xcc\x88", 2, "u\xcc\x88…");
}

static void a_tone_is_there_only_if_colour_is_wanted(void **state)
{
	struct buf got = BUF_INIT;

	(void)state;
	tty_tone(&got, false, TONE_BAD, "a");
	tty_tone(&got, true, TONE_PLAIN, "b");
	tty_tone(&got, true, TONE_BAD, "c");
	CHECK_STR(got.data, "ab\033[31mc\033[0m");
	buf_release(&got);
}

static void what_is_no_terminal_has_80_columns(void **state)
{
	unsigned columns, rows;

	(void)state;
	tty_size(-1, &columns, &rows);
	CHECK_INT(columns, 80);
	CHECK_INT(rows, 24);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(colours_and_other_escape_sequences_go),
		cmocka_unit_test(controls_are_shown_and_ends_of_lines_become_blanks),
		cmocka_unit_test(a_line_keeps_its_columns_and_the_last_of_what_was_written_over),
		cmocka_unit_test(no_bytes_whatever_make_it_unsafe),
		cmocka_unit_test(wide_characters_take_two_columns_and_combining_ones_none),
		cmocka_unit_test(text_is_cut_between_characters),
		cmocka_unit_test(a_tone_is_there_only_if_colour_is_wanted),
		cmocka_unit_test(what_is_no_terminal_has_80_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
