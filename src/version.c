/* --version: the program, and what it is made of. */
#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "cmd.h"
#include "doc/cursor.h"
#include "job/pattern.h"

static const char *build_kind(void)
{
#ifdef __SANITIZE_ADDRESS__
	return "for developers, with sanitizers";
#else
	return "plain";
#endif
}

void cli_version(FILE *out)
{
	struct buf pcre2 = BUF_INIT, nettle = BUF_INIT;
	char *programs = realpath(cli_libexec(), NULL);

	pattern_library(&pcre2);
	digest_library(&nettle);
	fprintf(out, "orchmake %s\n", ORCHMAKE_VERSION);
	fprintf(out, "libraries  SQLite %s, PCRE2 %s, libyaml %s, jansson %s, nettle %s\n", ledger_library(), pcre2.data,
		cursor_yaml_library(), jansson_version_str(), nettle.data);
	fprintf(out, "formats    ledger %d, Jobfile 1\n", ledger_format());
	fprintf(out, "build      %s, GCC %s\n", build_kind(), __VERSION__);
	fprintf(out, "programs   %s\n", programs ? programs : cli_libexec());
	free(programs);
	buf_release(&pcre2);
	buf_release(&nettle);
}
