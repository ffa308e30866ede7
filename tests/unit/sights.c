/* What was looked at, and whether it is found so again. */
#include "base/sights.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "check.h"

struct world {
	char dir[64];
	int fd;
	struct sights l;
};

static void old(const struct world *w, const char *name)
{
	struct stat st;
	struct file_id id;

	do { /* until the clock has moved on from its last change */
		CHECK(!fstatat(w->fd, name, &st, AT_SYMLINK_NOFOLLOW));
		file_id_of(&st, &id);
	} while (!file_id_settled(&id));
}

static void put(const struct world *w, const char *name, const char *text)
{
	char *path = path_join(w->dir, name);

	CHECK_INT(file_write_atomic(path, text, strlen(text), 0600), 0);
	free(path);
	old(w, name);
	old(w, ".");
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/orchmake-sights-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	w->fd = open(w->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	w->l = (struct sights)SIGHTS_INIT;
	(void)mkdirat(w->fd, "d", 0700);
	put(w, "f", "one");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char *command = xasprintf("rm -rf %s", w->dir);
	int rc = system(command);

	free(command);
	close(w->fd);
	sights_release(&w->l);
	free(w);
	return rc;
}

static const char *differs(const struct world *w)
{
	const char *name = sights_differ(w->l.at, w->l.n, w->l.names.data, w->fd);

	return name ? name : "";
}

static void a_file_is_the_one_it_was(void **state)
{
	struct world *w = *state;

	sights_look(&w->l, w->dir, "f");
	CHECK_STR(differs(w), "");
	put(w, "f", "two");
	CHECK_STR(differs(w), "f");
	CHECK_INT(unlinkat(w->fd, "f", 0), 0);
	CHECK_STR(differs(w), "f");
	CHECK_INT(mkdirat(w->fd, "f", 0700), 0);
	CHECK_STR(differs(w), "f");
}

static void what_is_not_there_must_not_come(void **state)
{
	struct world *w = *state;

	sights_look(&w->l, w->dir, "absent");
	sights_look(&w->l, w->dir, "f/below a file");
	CHECK_STR(differs(w), "");
	put(w, "absent", "");
	CHECK_STR(differs(w), "absent");
}

static void a_folder_may_change_unless_it_was_listed(void **state)
{
	struct world *w = *state;

	old(w, "d");
	sights_look(&w->l, w->dir, "d");
	put(w, "d/one", "");
	CHECK_STR(differs(w), "");
	old(w, "d");
	sights_list(&w->l, w->dir, "d");
	CHECK_STR(differs(w), "");
	put(w, "d/two", "");
	CHECK_STR(differs(w), "d");
}

static void a_pattern_lists_its_folder(void **state)
{
	struct world *w = *state;

	old(w, "d");
	sights_match(&w->l, w->dir, "d/*.c");
	sights_match(&w->l, w->dir, "nowhere/*.c");
	CHECK_STR(differs(w), "");
	put(w, "d/new.c", "");
	CHECK_STR(differs(w), "d");
	CHECK_INT(unlinkat(w->fd, "d/new.c", 0), 0);
	CHECK_STR(differs(w), "d"); /* it was written to, whatever is in it */
	CHECK_INT(w->l.n, 2);
}

static void a_pattern_of_folders_cannot_be_told_by_a_stat(void **state)
{
	static const char *const patterns[] = {"*/a", "**/a", "d/**", "d[x]/*.c", "d\\*/*.c"};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		sights_release(&w->l);
		sights_look(&w->l, w->dir, "f");
		sights_match(&w->l, w->dir, patterns[i]);
		CHECK(w->l.spoilt != NULL);
		CHECK_INT(w->l.n, 0);
		sights_look(&w->l, w->dir, "f");
		CHECK_INT(w->l.n, 0);
	}
}

static void a_link_is_itself(void **state)
{
	struct world *w = *state;
	struct stat st;

	CHECK_INT(symlinkat("f", w->fd, "link"), 0);
	old(w, "link");
	CHECK_INT(fstatat(w->fd, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
	sights_add(&w->l, SIGHT_LINK, "link", &st);
	put(w, "f", "where it leads to is nobody's business");
	CHECK_STR(differs(w), "");
	CHECK_INT(unlinkat(w->fd, "link", 0), 0);
	CHECK_INT(symlinkat("d", w->fd, "link"), 0);
	CHECK_STR(differs(w), "link");
}

/* The kernel's clock stands still for some milliseconds; what it says of the future is never to be relied on. */
static void what_was_changed_just_now_spoils_all(void **state)
{
	const struct timespec future[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 4000000000}};
	struct world *w = *state;
	struct stat st;

	sights_look(&w->l, w->dir, "f");
	CHECK_INT(utimensat(w->fd, "f", future, 0), 0); /* which is a change now */
	CHECK_INT(fstatat(w->fd, "f", &st, 0), 0);
	st.st_ctim.tv_sec += 3600;
	sights_add(&w->l, SIGHT_FILE, "f", &st);
	CHECK(w->l.spoilt != NULL);
	CHECK_INT(w->l.n, 0);
	CHECK_INT(w->l.names.len, 0);
}

static void the_first_reason_stays(void **state)
{
	struct world *w = *state;

	sights_spoil(&w->l, "one");
	sights_spoil(&w->l, "two");
	CHECK_STR(w->l.spoilt, "one");
	sights_spoil(NULL, "nobody wants to know");
	sights_look(NULL, w->dir, "f");
	sights_list(NULL, w->dir, "d");
	sights_match(NULL, w->dir, "*");
	sights_add(NULL, SIGHT_FILE, "f", NULL);
}

static void each_is_kept_once_and_in_order(void **state)
{
	struct world *w = *state;

	put(w, "a", "");
	for (int i = 0; i < 3; i++) {
		sights_look(&w->l, w->dir, "f");
		sights_look(&w->l, w->dir, "absent");
		sights_look(&w->l, w->dir, "a");
	}
	sights_sort(&w->l);
	CHECK_INT(w->l.n, 3);
	CHECK_STR(w->l.names.data + w->l.at[0].name, "a");
	CHECK_STR(w->l.names.data + w->l.at[1].name, "absent");
	CHECK_STR(w->l.names.data + w->l.at[2].name, "f");
	CHECK_STR(differs(w), "");
	put(w, "f", "two");
	sights_look(&w->l, w->dir, "f"); /* two files of one name: one of them is not there */
	sights_sort(&w->l);
	CHECK_INT(w->l.n, 4);
	CHECK_STR(differs(w), "f");
}

static void a_kind_that_is_none_is_never_found(void **state)
{
	struct world *w = *state;

	sights_look(&w->l, w->dir, "f");
	w->l.at[0].kind = SIGHT_KINDS;
	CHECK_STR(differs(w), "f");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_the_one_it_was),
		TEST(what_is_not_there_must_not_come),
		TEST(a_folder_may_change_unless_it_was_listed),
		TEST(a_pattern_lists_its_folder),
		TEST(a_pattern_of_folders_cannot_be_told_by_a_stat),
		TEST(a_link_is_itself),
		TEST(what_was_changed_just_now_spoils_all),
		TEST(the_first_reason_stays),
		TEST(each_is_kept_once_and_in_order),
		TEST(a_kind_that_is_none_is_never_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
