/* Files by a pattern: what it says of a name, and what it finds. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "base/file_glob.h"
#include "check.h"

static void a_name_matches_part_by_part(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool hit;
	} cases[] = {
		{"*.c", "a.c", true},		  {"*.c", "d/a.c", false},
		{"*.c", ".a.c", false},		  {"d/*", "d/a", true},
		{"**/*.c", "a.c", true},	  {"**/*.c", "d/a.c", true},
		{"**/*.c", "d/e/f/a.c", true},	  {"**/*.c", "d/a.h", false},
		{"**/*.c", ".d/a.c", false},	  {"**/*.c", "d/.e/a.c", false},
		{"**/*.c", "d/.a.c", false},	  {"src/**/*.c", "src/a.c", true},
		{"src/**/*.c", "src/x/y/a.c", true}, {"src/**/*.c", "lib/a.c", false},
		{"src/**/x/**/*.c", "src/x/a.c", true}, {"src/**/x/**/*.c", "src/p/x/q/x/a.c", true},
		{"src/**/x/**/*.c", "src/p/q/a.c", false}, {"**", "a", true},
		{"**", "d/e/a", true},		  {"**", ".a", false},
		{"**", "d/.e/a", false},	  {"d/**", "d", false},
		{"d/**", "d/e/a", true},	  {"**/d/.e/*", "x/d/.e/a", true},
		{"a**b/c", "axxb/c", true},	  {"a**b/c", "ax/xb/c", false},
		{"**/a/b", "a/a/a/b", true},	  {"**/a/b", "a/b/a", false},
		{"**/[ab].?", "q/a.c", true},	  {"**/**/a", "a", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (file_glob_match(cases[i].pattern, cases[i].name) != cases[i].hit)
			print_message("# %s against %s\n", cases[i].name, cases[i].pattern);
		CHECK_INT(file_glob_match(cases[i].pattern, cases[i].name), cases[i].hit);
	}
}

static void a_part_of_two_stars_makes_it_deep(void **state)
{
	(void)state;
	CHECK(file_glob_is_deep("**"));
	CHECK(file_glob_is_deep("a/**/b"));
	CHECK(!file_glob_is_deep("a/**b/c"));
	CHECK(!file_glob_is_deep("*/*"));
}

struct place {
	char *dir;
};

static void put(const struct place *p, const char *name)
{
	char *path = path_join(p->dir, name), *dir = path_dir(path);

	CHECK_INT(dirs_make(dir, 0700), 0);
	CHECK_INT(file_write_atomic(path, "", 0, 0600), 0);
	free(path);
	free(dir);
}

static void link_to(const struct place *p, const char *to, const char *name)
{
	char *path = path_join(p->dir, name);

	CHECK_INT(symlink(to, path), 0);
	free(path);
}

static void finds(const struct place *p, const char *pattern, const char *want)
{
	struct file_matches m = {0};
	struct buf got = BUF_INIT;

	CHECK_INT(file_glob(p->dir, pattern, &m), 0);
	for (size_t i = 0; i < m.n; i++)
		buf_addf(&got, "%s%s", i ? " " : "", m.at[i]);
	CHECK_STR(got.data, want);
	file_matches_release(&m);
	buf_release(&got);
}

static struct place make_place(void)
{
	const char *tmp = getenv("TMPDIR");
	struct place p = {xasprintf("%s/orchmake glob [x] XXXXXX", tmp && *tmp ? tmp : "/tmp")};

	CHECK(mkdtemp(p.dir) != NULL);
	return p;
}

static void drop_place(struct place *p)
{
	char *command = xasprintf("chmod -R u+rwx '%s' && rm -rf '%s'", p->dir, p->dir);

	CHECK_INT(system(command), 0);
	free(command);
	free(p->dir);
}

static void files_are_found_in_any_folder_but_hidden_ones(void **state)
{
	struct place p = make_place();

	(void)state;
	put(&p, "b.c");
	put(&p, "src/a.c");
	put(&p, "src/x/y/z.c");
	put(&p, "src/x/folder.c/in.h");
	put(&p, "src/.hidden/h.c");
	put(&p, "src/x/.dot.c");
	put(&p, ".git/g.c");
	finds(&p, "**/*.c", "b.c src/a.c src/x/y/z.c");
	finds(&p, "src/**/*.c", "src/a.c src/x/y/z.c");
	finds(&p, "src/**", "src/a.c src/x/folder.c/in.h src/x/y/z.c");
	finds(&p, "*/**/*.c", "src/a.c src/x/y/z.c");
	finds(&p, "src/**/.hidden/*", "src/.hidden/h.c");
	finds(&p, ".git/**", ".git/g.c");
	finds(&p, "nowhere/**/*.c", "");
	finds(&p, "src/*", "src/a.c src/x");
	drop_place(&p);
}

static void a_link_to_a_folder_is_not_gone_through_and_one_to_a_file_counts(void **state)
{
	struct place p = make_place();

	(void)state;
	put(&p, "d/e/a.c");
	link_to(&p, "..", "d/e/up");
	link_to(&p, ".", "d/self");
	link_to(&p, "e/a.c", "d/b.c");
	link_to(&p, "nowhere", "d/gone.c");
	link_to(&p, "d", "start");
	finds(&p, "**/*.c", "d/b.c d/e/a.c d/gone.c");
	finds(&p, "d/**", "d/b.c d/e/a.c d/gone.c");
	finds(&p, "start/**/a.c", "start/e/a.c");
	drop_place(&p);
}

static void whole_names_are_found_and_a_folder_that_cannot_be_read_is_told(void **state)
{
	struct place p = make_place();
	char *pattern = xasprintf("%s/closed", p.dir), *whole;
	struct file_matches m = {0};

	(void)state;
	put(&p, "closed/in/a.c");
	whole = xasprintf("/proc/self/task/**/stat");
	CHECK_INT(file_glob(p.dir, whole, &m), 0);
	CHECK(m.n >= 1);
	CHECK(m.n && m.at[0][0] == '/');
	file_matches_release(&m);
	CHECK_INT(chmod(pattern, 0), 0);
	if (getuid()) {
		CHECK_INT(file_glob(p.dir, "**/*.c", &m), EACCES);
		CHECK_INT(file_glob(p.dir, "closed/*", &m), EACCES);
	}
	file_matches_release(&m);
	free(whole);
	free(pattern);
	drop_place(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_matches_part_by_part),
		cmocka_unit_test(a_part_of_two_stars_makes_it_deep),
		cmocka_unit_test(files_are_found_in_any_folder_but_hidden_ones),
		cmocka_unit_test(a_link_to_a_folder_is_not_gone_through_and_one_to_a_file_counts),
		cmocka_unit_test(whole_names_are_found_and_a_folder_that_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
