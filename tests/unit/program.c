/* A program that is not there is known before it is started; one that may be is left to the start. */
#include "engine/program.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "check.h"

static char *dir;

static int make_dir(void **state)
{
	char *bin;

	(void)state;
	dir = xstrdup("/tmp/program-test.XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	bin = path_join(dir, "bin");
	CHECK_INT(mkdir(bin, 0755), 0);
	free(bin);
	for (int i = 0; i < 2; i++) {
		char *path = path_join(dir, i ? "bin/tool" : "bin/text");

		CHECK_INT(file_write_atomic(path, "x", 1, i ? 0755 : 0644), 0);
		CHECK_INT(chmod(path, i ? 0755 : 0644), 0);
		free(path);
	}
	return 0;
}

static int drop_dir(void **state)
{
	static const char *const names[] = {"bin/tool", "bin/text", "bin"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *path = path_join(dir, names[i]);

		(void)remove(path);
		free(path);
	}
	rmdir(dir);
	free(dir);
	return 0;
}

static void a_program_is_looked_for_as_it_would_be_started(void **state)
{
	static const struct {
		const char *name, *path, *cwd; /* path, cwd: below the folder; NULL: it itself */
		int error;
		const char *stage;
	} cases[] = {
		{"tool", "PATH=/nowhere:%s/bin", "", 0, "exec"},
		{"tool", "PATH=bin", "", 0, "exec"},
		{"tool", "PATH=:/nowhere", "bin", 0, "exec"},
		{"tool", "PATH=:/nowhere", "", ENOENT, "exec"},
		{"text", "PATH=/nowhere:%s/bin", "", EACCES, "exec"},
		{"nothing", "PATH=%s/bin", "", ENOENT, "exec"},
		{"", "PATH=%s/bin", "", ENOENT, "exec"},
		{"./tool", "PATH=", "bin", 0, "exec"},
		{"bin/tool", "PATH=", "", 0, "exec"},
		{"./text", "PATH=", "bin", EACCES, "exec"},
		{"bin/tool/x", "PATH=", "", ENOTDIR, "exec"},
		{"/nowhere/tool", "PATH=", "", ENOENT, "exec"},
		{"sh", "NOPATH=1", "", 0, "exec"},
		{"tool", "PATH=%s/bin", "gone", ENOENT, "chdir"},
		{"tool", "PATH=%s/bin", "bin/text/x", ENOTDIR, "chdir"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *part = strstr(cases[i].path, "%s");
		char *env = part ? xasprintf("%.*s%s%s", (int)(part - cases[i].path), cases[i].path, dir, part + 2)
				 : xstrdup(cases[i].path);
		char *cwd = path_join(dir, cases[i].cwd);
		const char *argv[] = {cases[i].name, NULL}, *envp[] = {"A=b", env, NULL}, *stage = NULL;

		print_message("%s in %s\n", cases[i].name, env);
		CHECK_INT(program_missing(argv, envp, cwd, &stage), cases[i].error);
		CHECK_STR(stage, cases[i].stage);
		free(env);
		free(cwd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_is_looked_for_as_it_would_be_started),
	};

	return cmocka_run_group_tests_name("program", tests, make_dir, drop_dir);
}
