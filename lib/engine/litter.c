/* Work folders of runs that have ended: whoever was to remove them died on the way, or the disk would not let him. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fdio.h"
#include "engine/engine_impl.h"
#include "engine/recover.h"
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

static struct fate fate_of(struct ledger *l, const char *run)
{
	struct buf why = BUF_INIT;
	struct fate fate = {0};
	int64_t no;

	if (ledger_run_find(l, run, NULL, &no, &why) == LEDGER_FOUND)
		(void)ledger_run_get(l, no, look, &fate);
	buf_release(&why);
	return fate;
}

static void sweep_one(struct ledger *l, const char *work, const char *logs, const char *run)
{
	int fd = work_hold(work, LOCK_EX | LOCK_NB);
	struct fate fate;

	if (fd < 0)
		return; /* its driver lives */
	fate = fate_of(l, run);
	if (fate.known ? fate.ended : never_began(work)) {
		if (!fate.known)
			(void)rmdir(logs); /* nothing has been written into it */
		work_remove(work);
	}
	close(fd);
}

void recover_litter(struct ledger *l, const char *state_dir)
{
	char *runs = path_join(state_dir, "runs"), *all_logs = path_join(state_dir, "logs");
	DIR *dir = opendir(runs);
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		char *work, *logs;

		if (!ulid_valid(d->d_name))
			continue;
		work = path_join(runs, d->d_name);
		logs = path_join(all_logs, d->d_name);
		sweep_one(l, work, logs, d->d_name);
		free(work);
		free(logs);
	}
	if (dir)
		closedir(dir);
	free(runs);
	free(all_logs);
}
