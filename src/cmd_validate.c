/* validate: everything that can be known before running. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/vec.h"
#include "cmd.h"

int cmd_validate(struct cli *c)
{
	struct diags *d = diags_new();
	struct jobfile *jf;
	bool bad;

	for (size_t i = 0; i < c->words.n; i++)
		VEC_PUSH(c->files.at, c->files.n, c->files.room, c->words.at[i]);
	c->thorough = true;
	jf = cli_load_into(c, d);
	bad = !jf || (c->strict && diags_warnings(d));
	if (c->format == FORMAT_JSON) {
		struct buf text = BUF_INIT;

		diags_format_json(d, &text);
		puts(text.data);
		buf_release(&text);
	} else {
		cli_diags(c, d);
		if (jf && !c->silent)
			printf("%zu job%s in %zu file%s: %zu warning%s\n", jf->n_jobs, jf->n_jobs == 1 ? "" : "s",
			       jf->n_files, jf->n_files == 1 ? "" : "s", diags_warnings(d),
			       diags_warnings(d) == 1 ? "" : "s");
	}
	diags_free(d);
	if (!jf)
		return EXIT_USAGE_ERROR;
	jobfile_free(jf);
	return bad ? EXIT_RUN_FAILED : EXIT_DONE;
}
