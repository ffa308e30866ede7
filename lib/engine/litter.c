/* Work folders of runs that have ended: whoever was to remove them died on the way, or the disk would not let him. */
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "engine/engine_impl.h"
#include "ledger/ledger_read.h"

struct fate {
	bool known, ended;
};

static bool look(void *ctx, const struct ledger_run_row *r)
{
	struct fate *f = ctx;

	f->known = true;
	f->ended = state_is_final(r->state);
	return false;
}

/* Neither in the ledger nor a journal: its driver died before it had begun.  (What has a journal is another ledger's.) */
static bool never_began(const char *work)
{
	char *journal = path_join(work, "journal");
	bool none = !file_exists(journal);

	free(journal);
	return none;
}

static void sweep_one(struct ledger *l, const char *work, const char *run)
{
	struct buf why = BUF_INIT;
	struct fate fate = {0};
	int fd = work_hold(work);
	int64_t no;

	if (fd < 0)
		return; /* its driver lives */
	if (ledger_run_find(l, run, NULL, &no, &why) == LEDGER_FOUND)
		(void)ledger_run_get(l, no, look, &fate);
	buf_release(&why);
	if (fate.known ? fate.ended : never_began(work))
		work_remove(work);
	close(fd);
}

void litter_sweep(struct ledger *l, const char *runs)
{
	DIR *dir = opendir(runs);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		char *work = ulid_valid(d->d_name) ? path_join(runs, d->d_name) : NULL;

		if (work)
			sweep_one(l, work, d->d_name);
		free(work);
	}
	if (dir)
		closedir(dir);
}
