/* completion: for bash, zsh and fish, from the tables of verbs and options; and the words that change, for them. */
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "words.h"

/* --- what all of them say --------------------------------------------------------------------------------------- */

/* `-f|--file|`: of options that take their value as a word of its own. */
static void put_valued(bool files)
{
	struct option_info o;
	const char *bar = "";

	for (size_t i = 0; option_get(i, &o); i++) {
		if (!o.arg || o.arg[0] == '[' || (files && !o.is_file))
			continue;
		if (o.letter && !o.verbs)
			printf("%s-%c", bar, o.letter), bar = "|";
		if (o.name)
			printf("%s--%s", bar, o.name), bar = "|";
	}
}

/* The kind of words an option's value has, NULL if it has none; `*ret_words` if it is one of a few. */
static const char *value_kind(const struct option_info *o, bool *ret_words)
{
	*ret_words = o->arg && strchr(o->arg, '|');
	if (!o->arg || *ret_words)
		return NULL;
	if (o->is_file)
		return !strcmp(o->arg, "DIR") ? "folders" : "files";
	if (o->name && !strcmp(o->name, "store"))
		return "stores";
	return !strcmp(o->arg, "NAME") ? "jobs" : NULL;
}

static void put_words(const char *bars)
{
	for (; *bars; bars++) /* without the brackets of what may be left out */
		if (*bars != '[' && *bars != ']')
			putchar(*bars == '|' ? ' ' : *bars);
}

struct line {
	bool words; /* the ones that stand for themselves, or the kinds */
	const char *before;
};

static void put_arg(void *ctx, const char *word, const char *kind)
{
	struct line *l = ctx;

	if (l->words == (kind != NULL))
		return;
	printf("%s%s", l->before, kind ? kind : word);
	l->before = " ";
}

static void put_args(const char *args, bool words)
{
	struct line l = {words, ""};

	words_of_args(args, put_arg, &l);
}

/* --- bash ------------------------------------------------------------------------------------------------------- */

static void bash_values(void)
{
	struct option_info o;

	for (size_t i = 0; option_get(i, &o); i++) {
		bool words;
		const char *kind = value_kind(&o, &words);

		if (!words && !kind)
			continue;
		if (o.letter && !o.verbs && o.arg[0] != '[') /* else what follows is a word of its own */
			printf("\t-%c|--%s) ", o.letter, o.name);
		else
			printf("\t--%s) ", o.name);
		if (words) {
			fputs("words='", stdout);
			put_words(o.arg);
			puts("' kinds= ;;");
		} else {
			printf("words= kinds=%s ;;\n", kind);
		}
	}
}

static void bash_verbs(void)
{
	for (size_t i = 0; i < n_verbs; i++) {
		printf("\t%s) words='", verbs[i].name);
		put_args(verbs[i].args, true);
		fputs("' kinds='", stdout);
		put_args(verbs[i].args, false);
		puts("' ;;");
	}
}

static void bash_options(void)
{
	struct option_info o;

	for (size_t i = 0; option_get(i, &o); i++) {
		if (o.verbs)
			continue;
		if (o.letter)
			printf("-%c ", o.letter);
		if (o.name)
			printf("--%s%s ", o.name, o.arg && o.arg[0] != '[' ? "=" : "");
	}
}

static void bash_own_options(void)
{
	for (size_t v = 0; v < n_verbs; v++) {
		struct option_info o;
		bool any = false;

		for (size_t i = 0; option_get(i, &o); i++) {
			if (!o.verbs || !option_is_of(&o, verbs[v].name))
				continue;
			if (!any)
				printf("\t%s) options+='", verbs[v].name);
			any = true;
			if (o.letter)
				printf(" -%c", o.letter);
			printf(" --%s%s", o.name, o.arg ? "=" : "");
		}
		if (any)
			puts("' ;;");
	}
}

static void bash(void)
{
	fputs("# bash completion of orchmake; made by `orchmake completion bash`\n"
	      "_orchmake()\n{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= words= kinds= i\n"
	      "\tlocal options where=()\n"
	      "\t# --name=value comes as three words\n"
	      "\tif [[ $cur == = ]]; then\n\t\tcur=\n"
	      "\telif [[ $prev == = && $COMP_CWORD -gt 1 ]]; then\n\t\tprev=${COMP_WORDS[COMP_CWORD-2]}\n\tfi\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n\t\tcase ${COMP_WORDS[i]} in\n\t\t", stdout);
	put_valued(true);
	fputs(")\n\t\t\twhere+=(\"${COMP_WORDS[i]}\")\n"
	      "\t\t\t[[ ${COMP_WORDS[i+1]} == = ]] && ((i++))\n"
	      "\t\t\twhere+=(\"${COMP_WORDS[++i]}\") ;;\n\t\t", stdout);
	put_valued(false);
	fputs(")\n\t\t\t[[ ${COMP_WORDS[i+1]} == = ]] && ((i++))\n\t\t\t((i++)) ;;\n"
	      "\t\t-*|=) ;;\n\t\t*) verb=${verb:-${COMP_WORDS[i]}} ;;\n\t\tesac\n\tdone\n"
	      "\t((${#where[@]} % 2)) && where=()\n\tCOMPREPLY=()\n\tcase $prev in\n", stdout);
	bash_values();
	fputs("\t*)\n\tif [[ $cur == -* ]]; then\n\t\toptions='", stdout);
	bash_options();
	fputs("'\n\t\tcase $verb in\n", stdout);
	bash_own_options();
	fputs("\t\tesac\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
	      "\t\t[[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n\t\treturn\n\tfi\n"
	      "\tcase $verb in\n\t'') words='", stdout);
	for (size_t i = 0; i < n_verbs; i++)
		printf("%s%s", i ? " " : "", verbs[i].name);
	fputs("' kinds='jobs params' ;;\n", stdout);
	bash_verbs();
	fputs("\t*) words= kinds='jobs params' ;;\n\tesac ;;\n\tesac\n"
	      "\tfor i in $kinds; do\n\t\tcase $i in\n"
	      "\t\tfiles) COMPREPLY+=($(compgen -f -- \"$cur\")); compopt -o filenames ;;\n"
	      "\t\tfolders) COMPREPLY+=($(compgen -d -- \"$cur\")); compopt -o filenames ;;\n"
	      "\t\t*) words+=\" $(\"${COMP_WORDS[0]}\" \"${where[@]}\" completion \"$i\" 2>/dev/null)\" ;;\n"
	      "\t\tesac\n\tdone\n"
	      "\tCOMPREPLY+=($(compgen -W \"$words\" -- \"$cur\"))\n"
	      "\t[[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
	      "\treturn 0\n}\ncomplete -F _orchmake orchmake\n", stdout);
}

/* --- zsh --------------------------------------------------------------------------------------------------------- */

/* Within an option's description these would end it. */
static void put_zsh(const char *text)
{
	for (; *text; text++) {
		if (strchr("[]:\\", *text))
			putchar('\\');
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
	}
}

static void zsh_value(const struct option_info *o)
{
	bool words;
	const char *kind = value_kind(o, &words);

	if (!o->arg)
		return;
	printf(":%s%s:", o->arg[0] == '[' ? ":" : "", o->name ? o->name : "value");
	if (words) {
		putchar('(');
		put_words(o->arg);
		putchar(')');
	} else if (kind && !strcmp(kind, "files")) {
		fputs("_files", stdout);
	} else if (kind && !strcmp(kind, "folders")) {
		fputs("_files -/", stdout);
	} else if (kind) {
		printf("_orchmake_words %s", kind);
	}
}

static void zsh_options(void)
{
	struct option_info o;

	for (size_t i = 0; option_get(i, &o); i++) {
		bool maybe = o.arg && o.arg[0] == '[';

		for (int form = 0; form < 2; form++) {
			if (form ? !o.name : !o.letter || o.verbs)
				continue;
			fputs("\t\t'*", stdout);
			if (form)
				printf("--%s%s", o.name, maybe ? "=-" : o.arg ? "=" : "");
			else
				printf("-%c%s", o.letter, maybe ? "-" : o.arg ? "+" : "");
			putchar('[');
			put_zsh(o.sentence);
			putchar(']');
			zsh_value(&o);
			puts("' \\");
		}
	}
}

static void zsh(void)
{
	fputs("#compdef orchmake\n# zsh completion of orchmake; made by `orchmake completion zsh`\n"
	      "_orchmake_words() {\n\tlocal -a found\n"
	      "\tfound=(${(f)\"$(orchmake completion $1 2>/dev/null)\"})\n\tcompadd -- $found\n}\n"
	      "_orchmake_first() {\n\tlocal -a verbs\n\tverbs=(\n", stdout);
	for (size_t i = 0; i < n_verbs; i++) {
		printf("\t\t'%s:", verbs[i].name);
		put_zsh(verbs[i].summary);
		puts("'");
	}
	fputs("\t)\n\t_describe verb verbs\n\t_orchmake_words jobs\n}\n"
	      "_orchmake_rest() {\n\tlocal kind\n\tcase $line[1] in\n", stdout);
	for (size_t i = 0; i < n_verbs; i++) {
		printf("\t%s) compadd -- ", verbs[i].name);
		put_args(verbs[i].args, true);
		fputs("\n\t\tfor kind in ", stdout);
		put_args(verbs[i].args, false);
		puts("; do\n\t\t\tcase $kind in files) _files ;; *) _orchmake_words $kind ;; esac\n\t\tdone ;;");
	}
	fputs("\t*) _orchmake_words jobs; _orchmake_words params ;;\n\tesac\n}\n"
	      "_orchmake() {\n\tlocal -a line\n\t_arguments -S \\\n", stdout);
	zsh_options();
	fputs("\t\t'1:target or verb:_orchmake_first' \\\n\t\t'*:argument:_orchmake_rest'\n}\n"
	      "_orchmake \"$@\"\n", stdout);
}

/* --- fish -------------------------------------------------------------------------------------------------------- */

static void fish_quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('\'');
}

static void fish_value(const struct option_info *o)
{
	bool words;
	const char *kind = value_kind(o, &words);

	if (!o->arg || o->arg[0] == '[')
		return;
	fputs(kind && o->is_file ? " -r -F" : " -x", stdout);
	if (words) {
		fputs(" -a '", stdout);
		put_words(o->arg);
		putchar('\'');
	} else if (kind && !o->is_file) {
		printf(" -a '(orchmake completion %s 2>/dev/null)'", kind);
	}
}

static void fish_options(void)
{
	struct option_info o;

	for (size_t i = 0; option_get(i, &o); i++) {
		fputs("complete -c orchmake", stdout);
		if (o.verbs)
			printf(" -n '__fish_seen_subcommand_from %s'", o.verbs);
		if (o.letter)
			printf(" -s %c", o.letter);
		if (o.name)
			printf(" -l %s", o.name);
		fish_value(&o);
		fputs(" -d ", stdout);
		fish_quoted(o.sentence);
		putchar('\n');
	}
}

static void fish_arg(void *ctx, const char *word, const char *kind)
{
	const struct verb *v = ctx;

	printf("complete -c orchmake -n '__fish_seen_subcommand_from %s' ", v->name);
	if (kind && !strcmp(kind, "files"))
		puts("-F");
	else if (kind)
		printf("-a '(orchmake completion %s 2>/dev/null)'\n", kind);
	else
		printf("-a %s\n", word);
}

static void fish(void)
{
	fputs("# fish completion of orchmake; made by `orchmake completion fish`\ncomplete -c orchmake -f\n"
	      "complete -c orchmake -n __fish_use_subcommand -a '(orchmake completion jobs 2>/dev/null)' -d job\n", stdout);
	for (size_t i = 0; i < n_verbs; i++) {
		printf("complete -c orchmake -n __fish_use_subcommand -a %s -d ", verbs[i].name);
		fish_quoted(verbs[i].summary);
		putchar('\n');
		words_of_args(verbs[i].args, fish_arg, (void *)&verbs[i]);
	}
	fish_options();
}

/* ------------------------------------------------------------------------------------------------------------------ */

static const struct shell {
	const char *name;
	void (*print)(void);
} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

static int unknown(const char *name)
{
	struct spell sp;

	spell_init(&sp, name);
	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		spell_try(&sp, shells[i].name);
	cli_error("completion: '%s' is no shell that is known", name);
	if (sp.best)
		cli_hint("did you mean '%s'?", sp.best);
	else
		cli_hint("usage: orchmake completion bash|zsh|fish");
	return EXIT_USAGE_ERROR;
}

int cmd_completion(struct cli *c)
{
	const char *what = c->words.n ? c->words.at[0] : NULL;
	struct buf words = BUF_INIT;
	bool found = false;

	if (!what) {
		cli_error("completion: for which shell?");
		cli_hint("usage: orchmake completion bash|zsh|fish");
		return EXIT_USAGE_ERROR;
	}
	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		if (strcmp(shells[i].name, what))
			continue;
		shells[i].print();
		return EXIT_DONE;
	}
	found = words_of(c, what, &words);
	fwrite(words.data, 1, words.len, stdout);
	buf_release(&words);
	return found ? EXIT_DONE : unknown(what);
}
