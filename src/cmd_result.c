/* result: the result document of a run, as it was. */
#include "cmd.h"
#include "doc/json.h"

int cmd_result(struct cli *c)
{
	struct ledger *l = cli_ledger(c);
	int64_t run = l ? cli_run(l, c->words.n ? c->words.at[0] : NULL) : -1;
	struct buf text = BUF_INIT, err = BUF_INIT;
	json_t *v = NULL;
	int code = EXIT_USAGE_ERROR;

	if (run >= 0) {
		code = EXIT_LEDGER;
		if (!ledger_run_result(l, run, &text))
			cli_error("%s", ledger_error(l)->text.data);
		else if (!text.len)
			cli_error("that run has not ended, so it has no result yet");
		else
			v = json_parse(text.data, text.len, &err);
	}
	if (v) {
		cli_print_json(v);
		code = EXIT_DONE;
	}
	json_decref(v);
	buf_release(&text);
	buf_release(&err);
	ledger_close(l);
	return code;
}
