/*
 * orchmake-manual WHAT: one table of the manual as mdoc on standard output, from the lists that the
 * program itself is made of.  Only the build runs it (scripts/make-manual); it is not installed.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bug.h"
#include "engine/debug.h"
#include "engine/options.h"
#include "job/expr.h"
#include "job/graph.h"
#include "job/jobfile.h"
#include "job/plan_keys.h"
#include "job/schema.h"
#include "store/pm.h"

/* --- mdoc ------------------------------------------------------------------------------------------------- */

/*
 * Text in a line of its own or within one: nothing of it is taken for a macro or an escape, and what
 * stands between backquotes is quoted.
 */
static void put_text(const char *text)
{
	bool quoted = false, in_word = false;

	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++) {
		switch (*text) {
		case '\\':
			fputs("\\e", stdout);
			break;
		case '\'':
			fputs("\\(aq", stdout);
			break;
		case '-': /* a hyphen only within a word; else what can be pasted */
			fputs(in_word && isalpha((unsigned char)text[1]) ? "-" : "\\-", stdout);
			break;
		case '`':
			quoted = !quoted;
			fputs(quoted ? "\\(oq" : "\\(cq", stdout);
			break;
		default:
			putchar(*text);
		}
		in_word = isalpha((unsigned char)*text) && !quoted;
	}
}

/* A line of its own.  What the lists say begins small and has no full stop, in the manual as in --help. */
static void put_sentence(const char *text)
{
	put_text(text);
	putchar('\n');
}

/* Several with full stops, each on a line of its own, as mdoc wants them. */
static void put_sentences(const char *text)
{
	while (*text) {
		const char *end = strstr(text, ". ");
		size_t n = end ? (size_t)(end - text) + 1 : strlen(text);
		char *one = xstrndup(text, n);

		put_sentence(one);
		free(one);
		text += n + strspn(text + n, " ");
	}
}

/* One argument of a macro, whatever it looks like. */
static void put_arg(const char *text)
{
	fputs(" \"", stdout);
	if (strlen(text) <= 3 || ispunct((unsigned char)*text))
		fputs("\\&", stdout);
	for (; *text; text++) {
		if (*text == '"')
			fputs("\"\"", stdout);
		else if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
	}
	putchar('"');
}

static void begin_list(size_t width)
{
	printf(".Bl -tag -width %zun -compact\n", width);
}

static void put_item(const char *macro, const char *word)
{
	printf(".It %s", macro);
	put_arg(word);
	putchar('\n');
}

static void end_list(void)
{
	puts(".El");
}

/* What most tables are: a word and what it means. */
struct row {
	const char *word, *sentence;
};

static void put_row(const struct row *row)
{
	put_item("Cm", row->word);
	put_sentence(row->sentence);
}

static void put_rows(const struct row *row, size_t n, size_t width)
{
	begin_list(width);
	for (size_t i = 0; i < n; i++)
		put_row(&row[i]);
	end_list();
}

/* --- the command line ------------------------------------------------------------------------------------- */

struct option_row {
	int letter; /* 0: none */
	const char *name, *arg, *sentence;
	const char *verbs; /* that alone take it, or NULL */
	bool heading;
};

static const struct option_row options[] = {
#define HEAD(text) {.sentence = text, .heading = true},
#define OPTION(letter, name, kind, field, arg, sentence) {letter, name, arg, sentence, NULL, false},
#define OF(verbs, letter, name, kind, field, arg, sentence) {letter, name, arg, sentence, verbs, false},
#include "options.def"
#undef HEAD
#undef OPTION
#undef OF
};

/* Whose it is: `(history, query, sql)`. */
static void put_verbs_of(const char *verbs)
{
	putchar('(');
	for (; *verbs; verbs++)
		fputs(*verbs == ' ' ? ", " : (const char[]){*verbs, 0}, stdout);
	puts(")");
}

/* `[N]` is an optional argument: `-j[N]`, `--jobs[=N]`. */
static void put_option(const struct option_row *o)
{
	bool maybe = o->arg && o->arg[0] == '[';
	const char *arg = o->arg ? o->arg + maybe : "";
	size_t len = strlen(arg) - maybe;

	fputs(".It", stdout);
	if (o->letter && maybe)
		printf(" Fl %c Ns Oo Ar %.*s Oc ,", o->letter, (int)len, arg);
	else if (o->letter)
		printf(" Fl %c%s", o->letter, o->name ? " ," : "");
	if (o->name)
		printf(" Fl \\-%s", o->name);
	if (maybe)
		printf(" Ns Oo Ns = Ns Ar %.*s Oc", (int)len, arg);
	else if (len)
		printf(" Ns = Ns Ar %s", arg);
	putchar('\n');
	if (o->verbs)
		put_verbs_of(o->verbs);
	put_sentence(o->sentence);
}

static void put_options(void)
{
	bool open = false;

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (!options[i].heading) {
			put_option(&options[i]);
			continue;
		}
		if (open)
			end_list();
		printf(".Ss %c%s\n", toupper((unsigned char)options[i].sentence[0]), options[i].sentence + 1);
		puts(".Bl -tag -width Ds");
		open = true;
	}
	end_list();
}

static void put_verbs(void)
{
	static const struct {
		const char *name, *args, *sentence, *detail;
	} verbs[] = {
#define VERB(name, args, sentence, detail) {#name, args, sentence, detail},
#include "verbs.def"
#undef VERB
	};

	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		printf(".It Cm %s", verbs[i].name);
		if (*verbs[i].args) {
			fputs(" Ar", stdout);
			put_arg(verbs[i].args);
		}
		putchar('\n');
		put_sentence(verbs[i].sentence);
		if (verbs[i].detail) {
			puts(".Pp");
			put_sentences(verbs[i].detail);
		}
	}
	end_list();
}

static void put_exit_codes(void)
{
	static const struct {
		int code;
		const char *sentence;
	} codes[] = {
		{EXIT_DONE, "done; every step that matters ended well"},
		{EXIT_RUN_FAILED, "the run failed; with `-q`, something would run"},
		{EXIT_USAGE_ERROR, "wrong use, no such name, or a Jobfile with errors: nothing was run and nothing recorded"},
		{EXIT_STALE_PLAN, "`apply`: something has moved since the plan was made; nothing was run"},
		{EXIT_WAITING, "the run waits for an answer: `orchmake show` says who can give it and what to type"},
		{EXIT_LEDGER, "the ledger cannot be used; if something ran, it was stopped"},
		{EXIT_BUSY, "a lock is held, or the same target already runs, and it is not waited for"},
		{EXIT_TIMED_OUT, "the run reached its `--timeout`"},
		{EXIT_SIGNAL, "and N more: signal N ended the run, so 130 after Ctrl-C"},
	};
	char code[16];

	begin_list(5);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		snprintf(code, sizeof(code), "%d", codes[i].code);
		put_item("Li", code);
		put_sentence(codes[i].sentence);
	}
	end_list();
}

static void put_debug_topics(void)
{
	begin_list(9);
	for (enum debug_topic t = 0; t < DEBUG_TOPIC_COUNT; t++) {
		put_item("Li", debug_word(t));
		put_sentence(debug_sentence(t));
	}
	end_list();
}

static void put_outputs(void)
{
	static const struct {
		const char *word, *sentence;
	} modes[] = {
#define OUTPUT(id, word, sentence) {word, sentence},
#include "report/output.def"
#undef OUTPUT
	};

	begin_list(6);
	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		put_item("Cm", modes[i].word);
		put_sentence(modes[i].sentence);
	}
	end_list();
}

/* --- keys of the Jobfile ---------------------------------------------------------------------------------- */

/* Keys that stand in all maps of `in` and in none of `out`. */
static bool is_among(const struct key_info *k, unsigned in, unsigned out)
{
	return (k->scopes & in) == in && !(k->scopes & out);
}

static void put_keys(unsigned in, unsigned out)
{
	begin_list(17);
	for (enum key k = 0; k < KEY_COUNT; k++) {
		const struct key_info *info = key_info(k);

		if (!is_among(info, in, out))
			continue;
		put_item("Cm", info->word);
		printf(".Pq Em %s\n", key_type_word(info->type));
		put_sentence(info->sentence);
	}
	end_list();
}

static void put_file_keys(void)
{
	put_keys(IN_FILE, 0);
}

static void put_common_keys(void)
{
	put_keys(IN_JOB | IN_STEP, 0);
}

static void put_job_keys(void)
{
	put_keys(IN_JOB, IN_STEP);
}

static void put_step_keys(void)
{
	put_keys(IN_STEP, IN_JOB);
}

/* The maps within jobs, steps and declarations, each under its name. */
static void put_inner_keys(void)
{
	for (enum key_scope_no s = SCOPE_CALLABLE; s < SCOPE_COUNT; s++) {
		unsigned in = 1U << s;
		const char *where = key_scope_where(s);
		bool any = false;

		for (enum key k = 0; k < KEY_COUNT; k++)
			any = any || is_among(key_info(k), in, 0);
		if (!any)
			continue;
		fputs(".Ss Keys of ", stdout);
		put_text(where);
		putchar('\n');
		put_keys(in, 0);
	}
}

/* The names alone, for what takes many of the keys described elsewhere. */
static void put_default_names(void)
{
	const char *last = NULL;

	for (enum key k = 0; k < KEY_COUNT; k++) {
		if (!is_among(key_info(k), IN_DEFAULTS, 0))
			continue;
		if (last)
			printf(".Cm %s ,\n", last);
		last = key_word(k);
	}
	printf("and\n.Cm %s .\n", last);
}

/* The maps of a plan, each under its name. */
static void put_plan_keys(void)
{
	static const char *const wheres[] = {
#define SCOPE(id, where) where,
		PLAN_SCOPES(SCOPE)
#undef SCOPE
	};

	for (enum plan_scope s = 0; s < PLAN_SCOPE_COUNT; s++) {
		fputs(".Ss Keys of ", stdout);
		put_text(wheres[s]);
		fputs(s == IN_STEP_MAP ? " of a plan\n" : "\n", stdout);
		begin_list(17);
		for (enum plan_key k = 0; k < PLAN_KEY_COUNT; k++) {
			if (plan_key_info(k)->scope != s)
				continue;
			put_item("Cm", plan_key_word(k));
			if (plan_key_info(k)->required)
				puts(".Pq Em required");
			put_sentence(plan_key_info(k)->sentence);
		}
		end_list();
	}
}

/* --- expressions ------------------------------------------------------------------------------------------- */

static void put_roots(void)
{
	static const struct row rows[] = {
#define ROOT(id, word, sentence) {word, sentence},
		EXPR_ROOTS(ROOT)
#undef ROOT
	};

	begin_list(11);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		put_row(&rows[i]);
	end_list();
}

static void put_operators(void)
{
	static const struct row rows[] = {
#define OPERATOR(id, text, level, sentence) {text, sentence},
#include "job/operators.def"
#undef OPERATOR
	};

	put_rows(rows, ARRAY_LEN(rows), 5);
}

static void put_functions(void)
{
	static const struct row rows[] = {
#define FUNCTION(word, signature, least, most, first, second, third, result, nature, sentence) {signature, sentence},
#include "job/functions.def"
#undef FUNCTION
	};

	put_rows(rows, ARRAY_LEN(rows), 20);
}

/* --- other words ------------------------------------------------------------------------------------------- */

static void put_param_types(void)
{
	static const struct row rows[] = {
#define TYPE(id, word, sentence) {word, sentence},
		PARAM_TYPES(TYPE)
#undef TYPE
	};

	put_rows(rows, ARRAY_LEN(rows), 10);
}

static void put_conditions(void)
{
	static const struct row rows[] = {
#define COND(id, word, sentence) {word, sentence},
		CONDS(COND)
#undef COND
	};

	put_rows(rows, ARRAY_LEN(rows), 9);
}

static void put_states(void)
{
	static const struct row rows[] = {
#define STATE(id, word, is_final, satisfies, is_failure, sentence) {word, sentence},
#include "run/state.def"
#undef STATE
	};

	put_rows(rows, ARRAY_LEN(rows), 13);
}

static void put_lorchestra_keys(void)
{
	static const char *const maps[] = {"JOB", "STEP", "IDEMPOTENCY", "PIPELINE", "STAGE", "LOOP"};
	static const char *const heads[] = {"of a job", "of a step", "of idempotency", "of a pipeline", "of a stage",
					    "of a loop"};
	static const struct {
		const char *map, *word, *sentence;
	} keys[] = {
#define LORCH(map, id, word, sentence) {#map, word, sentence},
#include "job/lorchestra.def"
#undef LORCH
	};

	for (size_t m = 0; m < ARRAY_LEN(maps); m++) {
		printf(".Pp\n%s:\n", heads[m]);
		begin_list(20);
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			if (!strcmp(keys[i].map, maps[m]))
				put_row(&(const struct row){keys[i].word, keys[i].sentence});
		end_list();
	}
}

static void put_operations(void)
{
	static const struct {
		const char *name, *required, *optional, *sentence;
	} ops[] = {
#define OP(name, required, optional, sentence) {name, required, optional, sentence},
#define CALLABLE OP
#include "job/ops.def"
#undef OP
	};

	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		put_item("Cm", ops[i].name);
		put_sentence(ops[i].sentence);
		puts(".br");
		if (*ops[i].required)
			printf("needs\n.Em %s%s\n", ops[i].required, *ops[i].optional ? " ;" : "");
		if (*ops[i].optional)
			printf("takes\n.Em %s\n", ops[i].optional);
	}
	end_list();
}

/* --- project work ------------------------------------------------------------------------------------------- */

static void put_field(const struct pm_field *field)
{
	printf("%.*s", (int)field->name.len, field->name.at);
	if (field->type.len && !pm_enum_find(field->type))
		printf(" (%.*s)", (int)field->type.len, field->type.at);
}

static void put_fields(const struct pm_op *op, bool required)
{
	const char *fields = op->fields, *between = "";
	struct pm_field field;

	while (pm_field_next(&fields, &field)) {
		if (field.required != required)
			continue;
		fputs(*between ? between : required ? "needs " : "takes ", stdout);
		put_field(&field);
		between = ", ";
	}
	if (*between)
		puts(required ? ";" : "");
}

static void put_work(void)
{
	size_t n;
	const struct pm_op *op = pm_ops(&n);

	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < n; i++) {
		put_item("Cm", op[i].name);
		put_fields(&op[i], true);
		put_fields(&op[i], false);
	}
	end_list();
}

static void put_words_of(const char *name)
{
	const char *words = pm_enum_find(span_of(name));

	put_item("Cm", name);
	put_sentence(words);
}

static void put_work_values(void)
{
	static const char *const names[] = {
#define PM_ENUM(name, words) name,
#include "store/pm.def"
	};

	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		put_words_of(names[i]);
	end_list();
}

/* --- freshness --------------------------------------------------------------------------------------------- */

static void put_fresh_kinds(void)
{
	static const struct {
		const char *word, *sentence;
	} kinds[] = {
#define FRESH(id, word, sentence) {word, sentence},
		FRESH_KINDS(FRESH)
#undef FRESH
	};

	begin_list(6);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!*kinds[i].word)
			continue;
		put_item("Li", kinds[i].word);
		put_sentence(kinds[i].sentence);
	}
	end_list();
}

/* --- the program -------------------------------------------------------------------------------------------- */

static const struct table {
	const char *what;
	void (*put)(void);
} tables[] = {
	{"options", put_options},
	{"verbs", put_verbs},
	{"exit-codes", put_exit_codes},
	{"debug-topics", put_debug_topics},
	{"outputs", put_outputs},
	{"file-keys", put_file_keys},
	{"common-keys", put_common_keys},
	{"job-keys", put_job_keys},
	{"step-keys", put_step_keys},
	{"inner-keys", put_inner_keys},
	{"default-names", put_default_names},
	{"plan-keys", put_plan_keys},
	{"roots", put_roots},
	{"operators", put_operators},
	{"functions", put_functions},
	{"param-types", put_param_types},
	{"fresh-kinds", put_fresh_kinds},
	{"conditions", put_conditions},
	{"states", put_states},
	{"operations", put_operations},
	{"work", put_work},
	{"work-values", put_work_values},
	{"lorchestra-keys", put_lorchestra_keys},
};

static int usage(const char *wrong)
{
	if (wrong)
		fprintf(stderr, "orchmake-manual: there is no table '%s'\n", wrong);
	fputs("usage: orchmake-manual WHAT, one of", stderr);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		fprintf(stderr, " %s", tables[i].what);
	fputc('\n', stderr);
	return EXIT_USAGE_ERROR;
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return usage(NULL);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		if (strcmp(tables[i].what, argv[1]))
			continue;
		tables[i].put();
		return fflush(stdout) || ferror(stdout) ? EXIT_RUN_FAILED : EXIT_DONE;
	}
	return usage(argv[1]);
}
