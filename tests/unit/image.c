/* The file of an image: what it has to be to be believed. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "check.h"
#include "doc/json.h"
#include "engine/image_impl.h"

static const char NAME[] = "name", DOCUMENT[] = "Jobfile", FILE_READ[] = "in.txt";
static const char *const environment[] = {"A=1", "B=2", NULL};

struct world {
	char dir[64], *ledger, *path;
	struct sights documents, files;
	struct image_head head;
	struct buf names;
	json_t *what;
	struct image_request request;
	struct run_options o;
	struct buf why;
};

static void see(const struct world *w, struct sights *l, const char *name)
{
	do {
		sights_release(l);
		CHECK_INT(file_write_atomic(name, name, strlen(name), 0600), 0);
		usleep(1000);
		sights_look(l, w->dir, name);
	} while (l->spoilt);
}

static void digest(const struct world *w, const json_t *what, char *ret)
{
	struct digest d;

	image_digest(w->ledger, false, what, &d);
	memcpy(ret, d.hex, sizeof(d.hex));
}

/* Names: root, asked, target, A, (end), then those of sights. */
static void fill_head(struct world *w)
{
	json_t *env = image_environ(environment, "A\0");

	w->head = (struct image_head){.run_no = 1, .freshness = 2, .n_documents = w->documents.n, .n_files = w->files.n, .n_told = 1};
	strcpy(w->head.run.text, "01ARZ3NDEKTSV4RRFFQ69G5FAV");
	w->head.by_state[STATE_CACHED] = 3;
	w->head.native = 1;
	buf_add(&w->names, w->dir, strlen(w->dir) + 1);
	w->head.asked = w->head.target = (uint32_t)w->names.len;
	buf_add(&w->names, "all", sizeof("all"));
	w->head.names_of_env = (uint32_t)w->names.len;
	buf_add(&w->names, "A\0", sizeof("A\0"));
	digest(w, w->what, w->head.request);
	digest(w, env, w->head.env);
	json_decref(env);
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/orchmake-image-XXXXXX");
	if (!mkdtemp(w->dir) || chdir(w->dir) < 0 || mkdir(".orchmake", 0700) < 0 || mkdir(".orchmake/images", 0700) < 0)
		return -1;
	w->ledger = path_join(w->dir, ".orchmake/ledger.db");
	w->path = image_path(w->dir, NAME);
	w->documents = w->files = (struct sights)SIGHTS_INIT;
	buf_init(&w->names);
	buf_init(&w->why);
	see(w, &w->documents, DOCUMENT);
	see(w, &w->files, FILE_READ);
	w->what = json_pack("{s:s}", "asked", "this");
	w->request = (struct image_request){.name = NAME, .what = w->what};
	w->o = (struct run_options){.image = &w->request, .environ = environment};
	fill_head(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char *command = xasprintf("rm -rf %s", w->dir);
	int rc = system(command);

	free(command);
	free(w->ledger);
	free(w->path);
	sights_release(&w->documents);
	sights_release(&w->files);
	buf_release(&w->names);
	buf_release(&w->why);
	json_decref(w->what);
	free(w);
	return rc;
}

static void put_sight(struct buf *body, struct buf *names, const struct sights *l)
{
	struct sight s = l->at[0];

	s.name = (uint32_t)names->len;
	buf_add(body, &s, sizeof(s));
	buf_add(names, l->names.data, l->names.len);
}

/* As the head says. */
static void body_of(const struct world *w, struct buf *body)
{
	static const struct image_told told = {5, 3};
	struct buf names = BUF_INIT;

	buf_add(&names, w->names.data, w->names.len);
	buf_add(body, &w->head, sizeof(w->head));
	put_sight(body, &names, &w->documents);
	put_sight(body, &names, &w->files);
	buf_add(body, &told, sizeof(told));
	buf_add(body, names.data, names.len);
	buf_release(&names);
}

static bool found(struct world *w, const void *file, size_t len)
{
	struct image *im;

	CHECK_INT(file_write_atomic(w->path, file, len, 0600), 0);
	buf_reset(&w->why);
	im = image_find(&w->o, &w->why);
	CHECK((im != NULL) != (w->why.len > 0));
	image_free(im);
	return im != NULL;
}

static bool body_found(struct world *w, const struct buf *body)
{
	struct buf file = BUF_INIT;
	bool yes;

	image_seal(body, &file);
	yes = found(w, file.data, file.len);
	buf_release(&file);
	return yes;
}

static bool as_it_is(struct world *w)
{
	struct buf body = BUF_INIT;
	bool yes;

	body_of(w, &body);
	yes = body_found(w, &body);
	buf_release(&body);
	return yes;
}

static void what_it_says_is_read(void **state)
{
	struct world *w = *state;
	struct image *im;
	const char *target;
	uint32_t n;

	CHECK(as_it_is(w));
	im = image_find(&w->o, &w->why);
	CHECK_STR(image_root(im), w->dir);
	CHECK(image_all_cached(im, &target, &n));
	CHECK_STR(target, "all");
	CHECK_INT(n, 3);
	image_free(im);
	w->head.by_state[STATE_SKIPPED] = 1;
	CHECK(as_it_is(w));
	im = image_find(&w->o, &w->why);
	CHECK(!image_all_cached(im, &target, &n));
	image_free(im);
}

static void no_bit_of_it_may_be_another(void **state)
{
	struct world *w = *state;
	struct buf body = BUF_INIT, file = BUF_INIT;

	body_of(w, &body);
	image_seal(&body, &file);
	for (size_t i = 0; i < file.len; i++) {
		file.data[i] ^= (char)(1 << i % 8);
		if (found(w, file.data, file.len))
			fail_msg("byte %zu is another, and it is believed", i);
		file.data[i] ^= (char)(1 << i % 8);
	}
	for (size_t n = 0; n < file.len; n++)
		if (found(w, file.data, n))
			fail_msg("only %zu bytes are there, and it is believed", n);
	buf_putc(&file, 0);
	CHECK(!found(w, file.data, file.len));
	buf_cut(&file, file.len - 1);
	CHECK(found(w, file.data, file.len));
	buf_release(&body);
	buf_release(&file);
}

/* Whole by its sum, and still not what it has to be. */
static void what_does_not_fit_together_is_refused(void **state)
{
	struct world *w = *state;
	const struct image_head good = w->head;
	struct {
		const char *what;
		void *field;
		size_t size;
	} const fields[] = {
		{"root", &w->head.root, sizeof(uint32_t)}, {"asked", &w->head.asked, sizeof(uint32_t)},
		{"target", &w->head.target, sizeof(uint32_t)}, {"names_of_env", &w->head.names_of_env, sizeof(uint32_t)},
		{"documents", &w->head.n_documents, sizeof(uint64_t)}, {"files", &w->head.n_files, sizeof(uint64_t)},
		{"told", &w->head.n_told, sizeof(uint64_t)}, {"run", &w->head.run.text[ULID_LEN], 1},
		{"request", &w->head.request[DIGEST_HEX], 1}, {"env", &w->head.env[DIGEST_HEX], 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		memset(fields[i].field, 0x7f, fields[i].size);
		if (as_it_is(w))
			fail_msg("%s is out of bounds, and it is believed", fields[i].what);
		w->head = good;
	}
	w->documents.at[0].kind = SIGHT_KINDS;
	CHECK(!as_it_is(w));
	w->documents.at[0].kind = SIGHT_FILE;
	CHECK(as_it_is(w));
}

static void names_that_do_not_end_are_refused(void **state)
{
	struct world *w = *state;
	struct buf body = BUF_INIT;

	body_of(w, &body);
	buf_putc(&body, 'x');
	CHECK(!body_found(w, &body));
	buf_reset(&body);
	buf_add(&body, &w->head, sizeof(w->head));
	CHECK(!body_found(w, &body));
	buf_cut(&body, sizeof(w->head) - 1);
	CHECK(!body_found(w, &body));
	buf_release(&body);
}

static void another_request_or_environment_is_refused(void **state)
{
	static const char *const other[] = {"A=2", NULL}, *const less[] = {"B=2", NULL}, *const more[] = {"C=3", "A=1", NULL};
	struct world *w = *state;

	CHECK(as_it_is(w));
	w->o.environ = other;
	CHECK(!as_it_is(w));
	w->o.environ = less;
	CHECK(!as_it_is(w));
	w->o.environ = more;
	CHECK(as_it_is(w));
	json_object_set_new(w->what, "asked", json_string("that"));
	CHECK(!as_it_is(w));
}

static void without_its_key_nothing_is_believed(void **state)
{
	struct world *w = *state;

	CHECK(as_it_is(w));
	CHECK_INT(unlink(".orchmake/ledger.db-key"), 0);
	CHECK(!as_it_is(w));
	CHECK(!file_exists(".orchmake/ledger.db-key"));
}

static void somebody_elses_or_a_links_is_refused(void **state)
{
	struct world *w = *state;
	char *real = xasprintf("%s.real", w->path);

	CHECK(as_it_is(w));
	CHECK_INT(chmod(w->path, 0602), 0);
	CHECK(image_find(&w->o, &w->why) == NULL);
	CHECK_INT(chmod(w->path, 0600), 0);
	CHECK_INT(rename(w->path, real), 0);
	CHECK_INT(symlink(real, w->path), 0);
	CHECK(image_find(&w->o, &w->why) == NULL);
	CHECK_INT(unlink(w->path), 0);
	CHECK(image_find(&w->o, &w->why) == NULL);
	free(real);
}

static void a_file_that_has_changed_is_named(void **state)
{
	struct world *w = *state;

	CHECK_INT(file_write_atomic(FILE_READ, "", 0, 0600), 0);
	CHECK(!as_it_is(w));
	CHECK_STR(w->why.data, "'in.txt' is not what it was then");
	CHECK_INT(unlink(DOCUMENT), 0);
	CHECK(!as_it_is(w));
	CHECK_STR(w->why.data, "'Jobfile' is not what it was then");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_it_says_is_read),
		TEST(no_bit_of_it_may_be_another),
		TEST(what_does_not_fit_together_is_refused),
		TEST(names_that_do_not_end_are_refused),
		TEST(another_request_or_environment_is_refused),
		TEST(without_its_key_nothing_is_believed),
		TEST(somebody_elses_or_a_links_is_refused),
		TEST(a_file_that_has_changed_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
