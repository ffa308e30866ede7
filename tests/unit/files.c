/* Names of files: which output an input means; and the table of contents that are known. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/stamp.h"
#include "check.h"
#include "engine/fresh.h"
#include "job/files.h"

/* --- names ------------------------------------------------------------------------------------------- */

static void is_clean(const char *path, const char *want)
{
	struct buf got = BUF_INIT;

	path_clean(&got, "/home/me", path);
	CHECK_STR(got.data, want);
	buf_release(&got);
}

static void one_file_has_one_clean_name(void **state)
{
	(void)state;
	is_clean("a/b", "a/b");
	is_clean("./a//b/", "a/b");
	is_clean("a/./c/../b", "a/b");
	is_clean("/home/me/a", "a");
	is_clean("/home/me", ".");
	is_clean("/home/me/", ".");
	is_clean("/home/meme", "/home/meme");
	is_clean("/home/me/../x", "../x");
	is_clean("../a", "../a");
	is_clean("../../a/..", "../..");
	is_clean("/../a", "/a");
	is_clean("/a/../..", "/");
	is_clean("a/..", ".");
	is_clean("", ".");
	is_clean(".", ".");
}

static void an_input_means(const char *input, const char *output, bool want)
{
	if (file_means(input, output) != want)
		fail_msg("'%s' %s '%s'", input, want ? "does not mean" : "means", output);
}

static void an_input_means_outputs_by_name_folder_and_glob(void **state)
{
	(void)state;
	an_input_means("a", "a", true);
	an_input_means("a", "b", false);
	an_input_means("out", "out/x/y", true); /* a folder with it */
	an_input_means("ou", "out/x", false);
	an_input_means("out/x/y", "out", true); /* in a folder that is made */
	an_input_means("out/*.o", "out/a.o", true);
	an_input_means("out/*.o", "out/x/a.o", false);
	an_input_means("*.o", "a.o", true);
	an_input_means("*/a.o", "x/a.o", true);
	an_input_means("out/*.o", "out", true);
	an_input_means("out/a.o", "out/*.o", true);
	an_input_means("out/a.c", "out/*.o", false);
	an_input_means("out/*.o", "out/*.o", true);
	an_input_means("*", ".hidden", false);
}

static void count_found(void *ctx, uint32_t number)
{
	*(uint32_t *)ctx += number;
}

static void an_index_finds_everything_that_is_meant(void **state)
{
	struct file_index x = {0};
	uint32_t sum = 0;

	(void)state;
	CHECK(file_index_add(&x, "out/a.o", 1) == FILE_NONE);
	CHECK(file_index_add(&x, "out/b.o", 2) == FILE_NONE);
	CHECK(file_index_add(&x, "out/deep/c.o", 4) == FILE_NONE);
	CHECK(file_index_add(&x, "gen/*.h", 8) == FILE_NONE);
	CHECK_INT(file_index_add(&x, "out/a.o", 16), 1);
	file_index_find(&x, "out/*.o", count_found, &sum);
	CHECK_INT(sum, 3);
	sum = 0;
	file_index_find(&x, "out", count_found, &sum);
	CHECK_INT(sum, 7);
	sum = 0;
	file_index_find(&x, "gen/x.h", count_found, &sum);
	CHECK_INT(sum, 8);
	file_index_release(&x);
}

/* --- identity and content ---------------------------------------------------------------------------- */

struct folder {
	char *path;
	struct file_table t;
};

static void folder_init(struct folder *f)
{
	f->path = xstrdup("/tmp/orchmake-files.XXXXXX");
	CHECK(mkdtemp(f->path));
	file_table_init(&f->t, f->path);
}

static void folder_release(struct folder *f)
{
	char *command = xasprintf("rm -rf '%s'", f->path);

	file_table_release(&f->t);
	CHECK_INT(system(command), 0);
	free(command);
	free(f->path);
}

static void put(const struct folder *f, const char *name, const char *text)
{
	char *path = path_join(f->path, name);

	CHECK_INT(file_write_atomic(path, text, strlen(text), 0600), 0);
	free(path);
}

static struct file_list look(struct folder *f, const char *name)
{
	struct map names = MAP_INIT;
	struct file_list l = {0};

	(void)map_intern(&names, name);
	file_list_look(&f->t, &l, &names, NULL);
	map_release(&names);
	return l;
}

static uint64_t hash_list(struct folder *f, struct file_list *l)
{
	struct file_cursor c = {0};

	while (!file_cursor_go(&c, &f->t, l, 0, INT64_MAX))
		;
	CHECK_INT(c.error, 0);
	return c.hash;
}

static uint64_t hash_name(struct folder *f, const char *name)
{
	struct file_list l = look(f, name);
	uint64_t hash = hash_list(f, &l);

	file_list_release(&l);
	return hash;
}

/* Until a file that was just written is settled. */
static void ripen(struct folder *f, const char *name)
{
	struct file_list l;
	bool settled;

	do {
		l = look(f, name);
		settled = l.at[0].settled;
		file_list_release(&l);
	} while (!settled);
}

static void contents_make_the_hash_and_not_times(void **state)
{
	struct folder f;
	uint64_t one, two;

	(void)state;
	folder_init(&f);
	put(&f, "a", "one");
	one = hash_name(&f, "a");
	put(&f, "a", "two");
	two = hash_name(&f, "a");
	CHECK(one != two);
	put(&f, "a", "one");
	CHECK(hash_name(&f, "a") == one);
	folder_release(&f);
}

static void a_settled_content_is_not_read_again(void **state)
{
	struct known_file *k;
	struct folder f;
	uint64_t real;

	(void)state;
	folder_init(&f);
	put(&f, "a", "one");
	ripen(&f, "a");
	real = hash_name(&f, "a");
	k = file_table_get(&f.t, "a");
	CHECK(k->settled);
	k->hash ^= 1; /* who reads it again will not come to this */
	CHECK(hash_name(&f, "a") != real);
	k->settled = false;
	CHECK(hash_name(&f, "a") == real);
	folder_release(&f);
}

static struct timespec coarse_now(void)
{
	struct timespec now;

	CHECK_INT(clock_gettime(CLOCK_REALTIME_COARSE, &now), 0);
	return now;
}

/* Of a file that changed as many ns after the beginning of the second that it is. */
static bool settled(int64_t after_ns)
{
	struct timespec now;
	bool is;

	do {
		struct file_id id = {0};

		now = coarse_now();
		id.ctime_ns = (int64_t)now.tv_sec * 1000000000 + after_ns;
		is = file_id_settled(&id);
	} while (coarse_now().tv_sec != now.tv_sec);
	return is;
}

static void a_file_of_this_instant_or_of_tomorrow_is_not_settled(void **state)
{
	(void)state;
	CHECK(!settled(86400 * (int64_t)1000000000 + 1));
	CHECK(!settled(1000000000 + 1));
	CHECK(settled(-1000000000 + 1));
	CHECK(!settled(0)); /* whole seconds: a file system that has no finer ones */
	CHECK(settled(-10 * (int64_t)1000000000));
}

static void since_when_a_content_is_there_is_known(void **state)
{
	struct file_cursor c = {0};
	struct file_list l;
	struct folder f;

	(void)state;
	folder_init(&f);
	put(&f, "a", "one");
	l = look(&f, "a");
	CHECK(file_cursor_go(&c, &f.t, &l, stamp_wall_ms() + 1000, INT64_MAX));
	CHECK(!c.changed);
	file_list_release(&l);
	l = look(&f, "a");
	c = (struct file_cursor){0};
	CHECK(file_cursor_go(&c, &f.t, &l, stamp_wall_ms() - 100000, INT64_MAX));
	CHECK_STR(c.changed, "a");
	file_list_release(&l);
	folder_release(&f);
}

static void a_file_that_moved_is_named(void **state)
{
	struct file_list l;
	struct folder f;
	char *path;

	(void)state;
	folder_init(&f);
	put(&f, "a", "one");
	l = look(&f, "a");
	CHECK(!file_list_moved(&f.t, &l));
	put(&f, "a", "one"); /* another file, of the same content */
	CHECK_STR(file_list_moved(&f.t, &l), "a");
	path = path_join(f.path, "a");
	CHECK_INT(unlink(path), 0);
	CHECK_STR(file_list_moved(&f.t, &l), "a");
	free(path);
	file_list_release(&l);
	folder_release(&f);
}

static void reading_goes_in_pieces(void **state)
{
	enum { BIG = 3 * 256 * 1024 };
	struct file_cursor c = {0};
	struct file_list l;
	struct folder f;
	char *path;
	int pieces = 1;

	(void)state;
	folder_init(&f);
	put(&f, "big", "");
	path = path_join(f.path, "big");
	CHECK_INT(truncate(path, BIG), 0);
	l = look(&f, "big");
	while (!file_cursor_go(&c, &f.t, &l, 0, 0)) /* the time is always up */
		pieces++;
	CHECK_INT(pieces, 4); /* the end is a piece too */
	free(path);
	file_list_release(&l);
	folder_release(&f);
}

static void a_content_that_cannot_be_read_is_an_error(void **state)
{
	struct file_cursor c = {0};
	struct file_list l;
	struct folder f;
	char *path;

	(void)state;
	folder_init(&f);
	put(&f, "a", "one");
	l = look(&f, "a");
	path = path_join(f.path, "a");
	CHECK_INT(unlink(path), 0);
	CHECK(file_cursor_go(&c, &f.t, &l, 0, INT64_MAX));
	CHECK_INT(c.error, ENOENT);
	CHECK_STR(c.failed, "a");
	free(path);
	file_list_release(&l);
	folder_release(&f);
}

static void folders_are_gone_through_in_order_without_what_is_left_out(void **state)
{
	struct map names = MAP_INIT, without = MAP_INIT;
	struct buf got = BUF_INIT;
	struct file_list l = {0};
	struct folder f;
	char *dir;

	(void)state;
	folder_init(&f);
	dir = path_join(f.path, "d/.orchmake");
	CHECK_INT(dirs_make(dir, 0700), 0);
	free(dir);
	dir = path_join(f.path, ".orchmake");
	CHECK_INT(dirs_make(dir, 0700), 0);
	free(dir);
	put(&f, ".orchmake/ledger.db", "");
	put(&f, "b", "");
	put(&f, "a", "");
	put(&f, "d/x", "");
	put(&f, "d/own", "");
	(void)map_intern(&names, ".");
	(void)map_intern(&without, "d/own");
	file_list_look(&f.t, &l, &names, &without);
	for (size_t i = 0; i < l.n; i++)
		buf_addf(&got, "%s ", l.at[i].file->path);
	CHECK_STR(got.data, "a b d/x ");
	CHECK(!l.missing);
	buf_release(&got);
	file_list_release(&l);
	map_release(&names);
	map_release(&without);
	folder_release(&f);
}

static void a_name_that_stands_for_nothing_is_told_a_glob_is_not(void **state)
{
	struct file_list l;
	struct folder f;

	(void)state;
	folder_init(&f);
	l = look(&f, "nothing");
	CHECK_STR(l.missing, "nothing");
	CHECK_INT(l.error, 0);
	file_list_release(&l);
	l = look(&f, "*.nothing");
	CHECK(!l.missing);
	CHECK_INT(l.n, 0);
	file_list_release(&l);
	folder_release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_file_has_one_clean_name),
		cmocka_unit_test(an_input_means_outputs_by_name_folder_and_glob),
		cmocka_unit_test(an_index_finds_everything_that_is_meant),
		cmocka_unit_test(contents_make_the_hash_and_not_times),
		cmocka_unit_test(a_settled_content_is_not_read_again),
		cmocka_unit_test(a_file_of_this_instant_or_of_tomorrow_is_not_settled),
		cmocka_unit_test(since_when_a_content_is_there_is_known),
		cmocka_unit_test(a_file_that_moved_is_named),
		cmocka_unit_test(reading_goes_in_pieces),
		cmocka_unit_test(a_content_that_cannot_be_read_is_an_error),
		cmocka_unit_test(folders_are_gone_through_in_order_without_what_is_left_out),
		cmocka_unit_test(a_name_that_stands_for_nothing_is_told_a_glob_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
