/* SHA-256 and HMAC by published values; of files. */
#include "base/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdio.h"
#include "base/file_state.h"
#include "check.h"

static void a_digest_is_sha_256(void **state)
{
	struct digest d;

	(void)state;
	digest_of(&d, "", 0); /* FIPS 180-4 */
	CHECK_STR(d.hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_of(&d, "abc", 3);
	CHECK_STR(d.hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void a_keyed_digest_is_hmac(void **state)
{
	char key[131];
	struct digest d;

	(void)state;
	memset(key, 0x0b, 20); /* RFC 4231, cases 1, 2 and 6 */
	digest_keyed(&d, key, 20, "Hi There", 8);
	CHECK_STR(d.hex, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	digest_keyed(&d, "Jefe", 4, "what do ya want for nothing?", 28);
	CHECK_STR(d.hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	digest_keyed(&d, memset(key, 0xaa, sizeof(key)), sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54);
	CHECK_STR(d.hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static char dir[] = "/tmp/digest.XXXXXX";

static void of_a_file_it_is_that_of_its_bytes(void **state)
{
	enum { LARGE = 3 * 256 * 1024 + 1 };
	char *bytes = calloc(1, LARGE);
	struct digest of_file, of_bytes;
	struct file_id id, now;
	struct stat st;

	(void)state;
	CHECK_INT(file_write_atomic("abc", "abc", 3, 0600), 0);
	CHECK_INT(digest_file(&of_file, AT_FDCWD, "abc", &id), 0);
	CHECK_STR(of_file.hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	CHECK_INT(stat("abc", &st), 0);
	file_id_of(&st, &now);
	CHECK(file_id_same(&id, &now));

	CHECK_INT(file_write_atomic("large", bytes, LARGE, 0600), 0);
	CHECK_INT(digest_file(&of_file, AT_FDCWD, "large", &id), 0);
	digest_of(&of_bytes, bytes, LARGE);
	CHECK_STR(of_file.hex, of_bytes.hex);
	free(bytes);
}

/* Above all it does not wait for who would write into a pipe. */
static void what_is_no_file_has_none(void **state)
{
	struct digest d;
	struct file_id id;

	(void)state;
	CHECK_INT(digest_file(&d, AT_FDCWD, "nothing", &id), -1);
	CHECK_INT(errno, ENOENT);
	CHECK_INT(digest_file(&d, AT_FDCWD, ".", &id), -1);
	CHECK_INT(errno, EINVAL);
	CHECK_INT(mkfifo("pipe", 0600), 0);
	CHECK_INT(digest_file(&d, AT_FDCWD, "pipe", &id), -1);
	CHECK_INT(errno, EINVAL);
}

static int enter(void **state)
{
	(void)state;
	return mkdtemp(dir) && !chdir(dir) ? 0 : -1;
}

static int leave(void **state)
{
	(void)state;
	return unlink("abc") | unlink("large") | unlink("pipe") | chdir("/") | rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_digest_is_sha_256),
		cmocka_unit_test(a_keyed_digest_is_hmac),
		cmocka_unit_test(of_a_file_it_is_that_of_its_bytes),
		cmocka_unit_test(what_is_no_file_has_none),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
