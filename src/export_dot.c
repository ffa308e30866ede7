/* export dot: what `graph --format=dot` draws, of one job. */
#include <unistd.h>

#include "export.h"
#include "graph_draw.h"

bool export_dot(const struct jobfile *jf, const struct job *j, struct buf *out, struct diags *d)
{
	const struct run_options o = {
		.targets = {&j->name, 1}, .no_ledger = true, .environ = (const char *const *)environ,
	};
	struct engine *e = engine_new(jf, &o, d);
	struct drawing g;

	if (!e)
		return false;
	drawing_init(&g, engine_expansion(e));
	draw_dot(&g, out);
	drawing_release(&g);
	engine_free(e);
	return true;
}
