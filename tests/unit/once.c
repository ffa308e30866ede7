/* Once for each key, whatever is killed: submissions and messages. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "store_world.h"

enum { KILLS = 60, LONGEST_US = 12000 };

/* What writes once more each time it is done: only its key can hold it back. */
static json_t *insertion(int n)
{
	char *text = xasprintf("{'idempotency_key': 'k%d', 'plan': {'ops': ["
			       "{'method': 'bq.execute', 'params': {'dataset': 'a', 'sql': 'INSERT INTO a.log VALUES (%d)'}},"
			       "{'method': 'bq.execute', 'params': {'dataset': 'b', 'sql': 'INSERT INTO b.log VALUES (%d)'}}]}}",
			       n, n, n);
	json_t *with = json_of(text);

	free(text);
	return with;
}

static json_t *message(int n)
{
	char *text = xasprintf("{'from': 'me@x.org', 'plan': {'ops': [{'method': 'msg.send', 'params': {'to': 'you@x.org',"
			       " 'subject': 'S', 'body': 'message %d', 'idempotency_key': 'm%d'}}]}}", n, n);
	json_t *with = json_of(text);

	free(text);
	return with;
}

/* It has to succeed; whether it had been done before. */
static bool was_done(struct world *w, const char *op, const json_t *with)
{
	struct fault f = FAULT_INIT;
	json_t *answer = world_try(w, op, with, &f);
	bool before;

	if (!answer)
		fail_msg("%s: %s", op, f.text.data);
	before = json_str(answer, "status") && !strcmp(json_str(answer, "status"), "duplicate");
	json_decref(answer);
	fault_release(&f);
	return before;
}

static pid_t begin(struct world *w, const char *op, const json_t *with)
{
	pid_t pid = fork();
	struct fault f = FAULT_INIT;

	CHECK(pid >= 0);
	if (!pid)
		_exit(world_try(w, op, with, &f) ? 0 : 1);
	return pid;
}

/* A process that does it, and is killed after so long. */
static void begin_and_kill(struct world *w, const char *op, const json_t *with, unsigned us)
{
	pid_t pid = begin(w, op, with);
	int status;

	usleep(us);
	(void)kill(pid, SIGKILL);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
}

static void a_submission_that_was_killed_is_done_once(void **state)
{
	unsigned seed = check_seed();
	int known = 0;
	struct world w;

	(void)state;
	srand(seed);
	world_open(&w, "a b");
	json_decref(world_do(&w, "storacle.submit",
			     "{'plan': {'ops': [{'method': 'bq.execute', 'params': {'dataset': 'a', 'sql': 'CREATE TABLE a.log (n)'}},"
			     "{'method': 'bq.execute', 'params': {'dataset': 'b', 'sql': 'CREATE TABLE b.log (n)'}}]}}"));
	for (int i = 0; i < KILLS; i++) {
		json_t *with = insertion(i);

		begin_and_kill(&w, "storacle.submit", with, (unsigned)rand() % LONGEST_US);
		known += was_done(&w, "storacle.submit", with);
		json_decref(with);
	}
	print_message("%d of %d had been committed before the kill\n", known, KILLS);
	CHECK_SQL(&w, "a.db", "SELECT count(*) || ' ' || count(DISTINCT n) FROM log", "60 60");
	CHECK_SQL(&w, "b.db", "SELECT count(*) || ' ' || count(DISTINCT n) FROM log", "60 60");
	world_close(&w);
}

static int files_in(struct world *w, const char *folder)
{
	char *path = world_path(w, folder);
	DIR *dir = opendir(path);
	int n = 0;

	CHECK(dir != NULL);
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	closedir(dir);
	free(path);
	return n;
}

/* As a program does that sends what it finds: the file is gone, and must not come back. */
static int take_all(struct world *w)
{
	char *path = world_path(w, "outbox/new");
	DIR *dir = opendir(path);
	int n = 0;

	CHECK(dir != NULL);
	for (struct dirent *e; (e = readdir(dir));)
		if (e->d_name[0] != '.' && !unlinkat(dirfd(dir), e->d_name, 0))
			n++;
	closedir(dir);
	free(path);
	return n;
}

static void a_message_whose_sender_was_killed_is_spooled_once(void **state)
{
	unsigned seed = check_seed();
	struct world w;
	int taken = 0;

	(void)state;
	srand(seed);
	world_open(&w, "a");
	for (int i = 0; i < KILLS; i++) {
		json_t *with = message(i);

		begin_and_kill(&w, "egret.submit", with, (unsigned)rand() % LONGEST_US);
		if (i) /* somebody takes what is there between the two */
			taken += take_all(&w);
		(void)was_done(&w, "egret.submit", with);
		CHECK_INT(taken + files_in(&w, "outbox/new"), i + 1);
		CHECK_INT(files_in(&w, "outbox/tmp"), 0);
		json_decref(with);
	}
	CHECK_SQL(&w, "outbox/outbox.db", "SELECT count(*) || ' ' || sum(state = 'sent') FROM messages", "60 60");
	world_close(&w);
}

/* The program sends the message, and then kills who started it. */
static void a_message_that_may_have_been_sent_is_not_sent_again(void **state)
{
	struct fault f = FAULT_INIT;
	struct world w;
	json_t *with, *answer;
	char *sent, *program;
	struct stat st;
	int status;

	(void)state;
	world_open(&w, "a");
	sent = world_path(&w, "sent");
	program = xasprintf("cat >>'%s'; kill -9 $PPID", sent);
	with = message(1);
	json_object_set_new(with, "sendmail", json_pack("[sss]", "sh", "-c", program));
	CHECK(waitpid(begin(&w, "egret.submit", with), &status, 0) > 0);
	CHECK(WIFSIGNALED(status));
	CHECK_INT(stat(sent, &st), 0);
	answer = world_try(&w, "egret.submit", with, &f);
	CHECK(!answer);
	CHECK(strstr(f.text.data, "an earlier attempt died while it sent the message 'm1'") != NULL);
	CHECK_SQL(&w, "outbox/outbox.db", "SELECT count(*) || state FROM messages", "1sending");
	fault_release(&f);
	json_decref(with);
	free(program);
	free(sent);
	world_close(&w);
}

static void send_in_child(struct world *w, int n, int to)
{
	struct fault f = FAULT_INIT;
	json_t *with = message(n), *answer = world_try(w, "egret.submit", with, &f);
	const char *status = answer ? json_str(json_array_get(json_object_get(answer, "items"), 0), "status") : "failed";

	CHECK_INT(write(to, status, 1), 1);
	_exit(0);
}

static void two_at_once_send_one(void **state)
{
	enum { SENDERS = 6 };
	char said[SENDERS];
	int ends[2], n_sent = 0;
	struct world w;

	(void)state;
	world_open(&w, "a");
	CHECK_INT(pipe(ends), 0);
	for (int i = 0; i < SENDERS; i++)
		if (!fork())
			send_in_child(&w, 1, ends[1]);
	close(ends[1]);
	for (int i = 0; i < SENDERS; i++)
		CHECK(wait(NULL) > 0);
	CHECK_INT(read(ends[0], said, sizeof(said)), SENDERS);
	close(ends[0]);
	for (int i = 0; i < SENDERS; i++) {
		CHECK(said[i] == 's' || said[i] == 'd');
		n_sent += said[i] == 's';
	}
	CHECK_INT(n_sent, 1);
	CHECK_INT(files_in(&w, "outbox/new"), 1);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_submission_that_was_killed_is_done_once),
		cmocka_unit_test(a_message_whose_sender_was_killed_is_spooled_once),
		cmocka_unit_test(a_message_that_may_have_been_sent_is_not_sent_again),
		cmocka_unit_test(two_at_once_send_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
