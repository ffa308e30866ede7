/* What MAKEFLAGS says, in the ways that make 4.2 to 4.4, ninja and people write it. */
#include "sys/makeflags.h"

#include "check.h"

/* "[n ]jN [lN ]AUTH" as one text. */
static void reads(const char *text, const char *want)
{
	static const char *const kind[] = {"none", "pair", "fifo", "bad"};
	struct makeflags m;
	struct buf got = BUF_INIT;

	makeflags_parse(&m, text);
	buf_addf(&got, "%sj%u ", m.dry_run ? "n " : "", m.jobs);
	if (m.load_limited)
		buf_addf(&got, "l%g ", m.load);
	buf_puts(&got, kind[m.auth]);
	if (m.auth == AUTH_PAIR)
		buf_addf(&got, " %d,%d", m.read_fd, m.write_fd);
	if (m.auth == AUTH_FIFO)
		buf_addf(&got, " %s", m.path);
	CHECK_STR(got.data, want);
	buf_release(&got);
	makeflags_release(&m);
}

static void letters_come_first_and_without_a_dash(void **state)
{
	(void)state;
	reads(NULL, "j0 none");
	reads("", "j0 none");
	reads("n", "n j0 none");
	reads("kn -j4 --jobserver-auth=3,4", "n j4 pair 3,4");
	reads("ks -j4", "j4 none");
	reads(" -j", "j0 none");
	reads("--no-print-directory -n", "j0 none");
	reads("name=n", "j0 none");
	reads("k -- CFLAGS=-jn --jobserver-auth=7,8", "j0 none");
}

static void the_last_word_about_the_pool_counts(void **state)
{
	(void)state;
	reads(" -j4 --jobserver-auth=3,4", "j4 pair 3,4");
	reads(" --jobserver-fds=5,6 -j", "j0 pair 5,6");
	reads(" -j8 --jobserver-auth=3,4 --jobserver-auth=fifo:/tmp/GMfifo7", "j8 fifo /tmp/GMfifo7");
	reads(" -j8 --jobserver-auth=fifo:/tmp/GMfifo7 --jobserver-auth=3,4", "j8 pair 3,4");
	reads(" -j8 --jobserver-auth=3,4 --jobserver-auth=-2,-2", "j8 none");
	reads(" --jobserver-auth=fifo:/tmp/a\\ b\\\\c -j2", "j2 fifo /tmp/a b\\c");
}

static void a_limit_by_load_is_handed_on(void **state)
{
	(void)state;
	reads(" -j4 -l2.5 --jobserver-auth=3,4", "j4 l2.5 pair 3,4");
	reads(" -l0", "j0 l0 none");
	reads("kl -l4 -l", "j0 none"); /* taken away again */
	reads(" -l4x", "j0 none");
	reads(" -l-4", "j0 none");
}

static void what_cannot_be_read_is_told_apart_from_nothing(void **state)
{
	(void)state;
	reads(" --jobserver-auth=", "j0 bad");
	reads(" --jobserver-auth=3", "j0 bad");
	reads(" --jobserver-auth=3,", "j0 bad");
	reads(" --jobserver-auth=3,4x", "j0 bad");
	reads(" --jobserver-auth=99999999999999999999,4", "j0 bad");
	reads(" --jobserver-auth=fifo:", "j0 bad");
	reads(" -j-4", "j0 none");
	reads(" -j0x", "j0 none");
}

static void what_is_written_reads_the_same(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	makeflags_write(&b, 4, 3, 5, NULL);
	reads(b.data, "j4 pair 3,5");
	buf_reset(&b);
	makeflags_write(&b, 2, -1, -1, "/tmp/with blank/and\\back");
	reads(b.data, "j2 fifo /tmp/with blank/and\\back");
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_come_first_and_without_a_dash),
		cmocka_unit_test(the_last_word_about_the_pool_counts),
		cmocka_unit_test(a_limit_by_load_is_handed_on),
		cmocka_unit_test(what_cannot_be_read_is_told_apart_from_nothing),
		cmocka_unit_test(what_is_written_reads_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
