/*
 * Inside of expressions: the tree, and what lexer, parser, checks and evaluation
 * share.
 *
 *	text -> expr_lex.c -> expr_parse.c -> struct term
 *	         tokens         | expr_check.c: can its operands be right?  constants become one
 *	                        v
 *	        expr_eval.c, with expr_path.c (names), expr_ops.c (operators), expr_func.c (functions)
 *
 * A chain of operators of one level is one term, so the tree is never deeper
 * than a few times EXPR_DEPTH_MAX, and recursion over it is bounded.
 */
#ifndef JOB_EXPR_IMPL_H
#define JOB_EXPR_IMPL_H

#include <stdint.h>

#include "base/span.h"
#include "job/expr.h"
#include "job/pattern.h"

/* --- words of the language ----------------------------------------------------------------------- */

/* What a value can be, as a set. */
enum kind {
	KIND_NULL = 1,
	KIND_BOOL = 2,
	KIND_NUMBER = 4,
	KIND_TEXT = 8,
	KIND_LIST = 16,
	KIND_MAP = 32,
	KIND_ANY = 63,
	KIND_PATTERN = 64, /* of an argument: text that is a pattern */
	KIND_NAME = 128,   /* of an argument: a name that may be absent */
};

enum level { LEVEL_ELSE, LEVEL_OR, LEVEL_AND, LEVEL_COMPARE, LEVEL_ADD, LEVEL_MULTIPLY, LEVEL_NONE };

enum operator {
#define OPERATOR(id, text, level, sentence) OP_##id,
#include "job/operators.def"
#undef OPERATOR
	OP_COUNT,
};

enum nature { NATURE_PURE, NATURE_WORLD, NATURE_STATUS };

enum function {
#define FUNCTION(word, signature, least, most, first, second, third, result, nature, sentence) FN_##word,
#include "job/functions.def"
#undef FUNCTION
	FN_COUNT,
};

enum {
	ARGS_TYPED = 3,
	ARGS_MANY = 255,
	JSON_DEPTH_MAX = 200, /* of values that are compared or written */
};

struct function_info {
	const char *word, *signature, *sentence;
	uint8_t least, most;
	uint8_t arg[ARGS_TYPED]; /* sets of enum kind; 0: like the one before */
	uint8_t result;
	uint8_t nature; /* enum nature */
};

extern const struct function_info expr_functions[FN_COUNT];

/* FN_COUNT if there is none. */
enum function expr_function_find(struct span word);
uint8_t expr_function_arg(enum function fn, size_t i);

/* ROOT_COUNT if there is none. */
enum expr_root expr_root_find(struct span word);
/* Whether ids under it may have dots: steps, needs, consumes. */
bool expr_root_is_dotted(enum expr_root root);

const char *operator_text(enum operator op);
enum level operator_level(enum operator op);

/* --- tokens ---------------------------------------------------------------------------------------- */

enum token_kind {
	TOK_END,
	TOK_NAME,
	TOK_NUMBER,
	TOK_STRING,  /* with its quotes */
	TOK_PATTERN, /* with its slashes and flags */
	TOK_OPERATOR,
	TOK_MARK,    /* one of ( ) [ ] { } , : . ? */
	TOK_BAD,     /* why says what is wrong with it */
};

struct token {
	enum token_kind kind;
	enum operator op; /* of TOK_OPERATOR; ! and - are OP_NOT and OP_SUB */
	size_t at, len;
	const char *why, *hint; /* hint may be NULL */
};

/* Where a value has just ended a `/` divides; elsewhere it begins a pattern. */
struct lexer {
	struct span text;
	size_t at;
	bool after_value, after_dot;
};

struct token lexer_next(struct lexer *l);

/* --- the tree -------------------------------------------------------------------------------------- */

enum term_kind {
	TERM_CONST,
	TERM_PATH,    /* root or kid[0], then access[] */
	TERM_UNARY,   /* op kid[0] */
	TERM_CHAIN,   /* + - or * / %: kid[0] ops[0] kid[1] ... */
	TERM_LOGIC,   /* op between any number of kids: ?? || && */
	TERM_COMPARE, /* kid[0] op kid[1] */
	TERM_IF,      /* kid[0] ? kid[1] : kid[2] */
	TERM_CALL,
	TERM_LIST,
	TERM_MAP,
};

struct access {
	const char *key;    /* a constant key, or NULL */
	struct term *index; /* else: a constant or computed key or index */
	bool maybe;	    /* followed by `?` */
	uint32_t end;	    /* offset in the text of what follows it */
};

struct term {
	uint8_t kind;	 /* enum term_kind */
	uint8_t op;	 /* UNARY, LOGIC, COMPARE: enum operator */
	uint8_t kinds;	 /* what it can give, as far as the text tells: a set of enum kind */
	uint8_t root;	 /* PATH: enum expr_root, ROOT_COUNT if it starts at kid[0] */
	uint8_t fn;	 /* CALL: enum function */
	bool maybe;	 /* PATH: the root or kid[0] is followed by `?` */
	bool secret;	 /* something of `secrets` is in it: messages must not show it */
	uint32_t at, len; /* where it stands in the text */
	uint32_t n;	 /* kids */
	uint32_t n_access;
	struct term **kid;
	union {
		struct access *access; /* PATH */
		uint8_t *ops;	       /* CHAIN: enum operator, n - 1 of them */
		const char **key;      /* MAP: n of them */
	};
	/* What must be freed with the arena; next_owned leads to the next such term. */
	json_t *constant;	 /* CONST */
	struct pattern *pattern; /* COMPARE, CALL: the constant pattern, ready */
	struct term *next_owned;
};

struct expr {
	const char *text;
	uint32_t len;
	bool asks_status;
	bool filled;	    /* expr_fill has been here */
	const char *source; /* the text with its names in full; NULL: as it was written */
	struct mark mark;
	struct term *top;
	struct term *owned;
};

/* --- parsing --------------------------------------------------------------------------------------- */

struct parser {
	struct arena *a;
	struct diags *d;
	struct expr *e;
	struct lexer lex;
	struct token now;
	unsigned depth;
	uint64_t spent;	 /* on folding constants; as in struct evaluation */
	bool bad;	 /* an error was given, and parsing went on */
};

/*
 * The offset up to which text stands in m's source just as it is, so that a place in it is m.col plus
 * an offset: not behind an escape, nor in a block or on a second line.
 */
size_t expr_places(struct mark m, struct span text);

/* The mark of a part of a text that starts at m; m itself for a part that is not within places. */
struct mark expr_place(struct mark m, size_t places, size_t at, size_t len);

/* --- words (expr_parse.c) --- */

void parser_advance(struct parser *p);
struct span parser_word(const struct parser *p); /* the present one */
bool parser_at(const struct parser *p, char ch); /* whether it is that mark */
bool parser_take(struct parser *p, char ch);	 /* take it if it is */
/* Take it, or parser_refuse. */
bool parser_expect(struct parser *p, char ch, const char *wanted);
/* The error that the present word cannot stand here.  Always false. */
bool parser_refuse(struct parser *p, const char *wanted);
/* The offset where the word before the present one ends. */
size_t parser_end_before(const struct parser *p);
/* How many bytes of s to show in a message. */
int parser_shown(struct span s);
/* What we write for a word of other languages, or NULL. */
const char *parser_other_word(struct span word);

/* For a `-` right in front of a name. */
#define PARSER_DASH_HINT "'-' subtracts; a key with a dash is written ['like-this']"

/* --- parts (NULL after an error that parsing cannot go on from) --- */

struct term *parser_value(struct parser *p);   /* anything */
struct term *parser_operand(struct parser *p); /* what stands between operators (expr_atom.c) */
struct term *parser_number(struct parser *p, size_t at, bool negative);

struct term *term_new(struct parser *p, enum term_kind kind, size_t at);
struct term *term_const(struct parser *p, json_t *v, size_t at, size_t len); /* takes over v */
void term_add(struct parser *p, struct term *t, struct term *kid);
/* Room for element n of an array whose room is always the next power of two. */
void *parser_grown(struct parser *p, void *array, size_t n, size_t size);

/* --- places and checks (expr_check.c) --- */

struct mark parser_mark(const struct parser *p, size_t at, size_t len);

/* An error at t's place; parsing goes on. */
void term_error(struct parser *p, const struct term *t, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Have what t owns freed with the arena. */
void term_own(struct parser *p, struct term *t);

/*
 * A finished term: says what is wrong with its operands (p->bad), notes what it can give, and becomes
 * a constant if they all are.  A chain or LOGIC is finished anew with every operand.  Returns t.
 */
struct term *term_check(struct parser *p, struct term *t);

/* --- evaluation ------------------------------------------------------------------------------------ */

struct evaluation {
	const struct expr *e;
	const struct expr_world *w; /* NULL: constants only */
	struct buf *err;
	uint64_t spent; /* so far, in parts of an operation: OP_COST */
};

/* What a message needs to know of a value. */
struct seen {
	const json_t *v;
	bool secret;
};

/* New reference, or NULL and err.  Something absent is an error. */
json_t *term_eval(struct evaluation *ev, const struct term *t);

enum found { FOUND, ABSENT, FAULTY };

/* The same for a term that may be a name: ABSENT puts into err why, and *ret is NULL. */
enum found term_eval_maybe(struct evaluation *ev, const struct term *t, json_t **ret);
enum found path_eval(struct evaluation *ev, const struct term *t, json_t **ret);


/* NULL after adding the message to err. */
json_t *eval_error(struct evaluation *ev, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What counts as one operation: itself, or so many bytes of text that are gone through. */
enum { OP_COST = 4096, ELEMENT_COST = 16, PATTERN_COST = 50 * OP_COST };

/* Spend some of EXPR_OPS_MAX operations; false and err if there are none left. */
bool eval_spend(struct evaluation *ev, uint64_t cost);
bool eval_spend_elements(struct evaluation *ev, size_t n);

/* A new string of what b holds, if it is not too long. */
json_t *eval_string(struct evaluation *ev, const struct buf *b);

/* Add the text of v (JSON if as_json, else json_as_text) to out, within what a text may be. */
bool eval_add_text(struct evaluation *ev, struct buf *out, const json_t *v, bool as_json);

/* Whether op can be right for values of these kinds (sets); what to say if not, without the values. */
bool op_fits(enum operator op, unsigned left, unsigned right);
void op_mismatch(struct buf *b, enum operator op, unsigned left, unsigned right);

/* The same for values: false and err. */
bool op_agree(struct evaluation *ev, enum operator op, struct seen a, struct seen b);

json_t *op_arithmetic(struct evaluation *ev, enum operator op, struct seen a, struct seen b);
json_t *op_negate(struct evaluation *ev, struct seen a);
/* 1 or 0; -1 and err.  Not for patterns. */
int op_compare(struct evaluation *ev, enum operator op, struct seen a, struct seen b);
/* The same, of equality alone: what is of another type is unequal. */
int op_same(struct evaluation *ev, const json_t *a, const json_t *b);
/* Of two numbers or two texts: less than, equal to or greater than 0. */
int op_order(const json_t *a, const json_t *b);

/* Its arguments are of the kinds it takes; one that is a KIND_NAME is NULL if absent. */
json_t *function_call(struct evaluation *ev, const struct term *t, json_t **arg);
/* date_add (expr_date.c). */
json_t *date_later(struct evaluation *ev, struct seen date, struct seen amount);

/* The term's pattern, or the one that v says, to be freed (*ret_made); NULL and err. */
const struct pattern *eval_pattern(struct evaluation *ev, const struct term *t, struct seen v,
				   struct pattern **ret_made);

/* --- messages ---------------------------------------------------------------------------------------- */

enum kind kind_of(const json_t *v);
void kinds_words(struct buf *b, unsigned kinds); /* "text, a list or a map" */

/* A value for a message: short, whatever it is. */
void show_value(struct buf *b, struct seen v);

/* Add v's JSON text to out; false (and nothing added) if it is longer than max or deeper than JSON_DEPTH_MAX. */
bool json_text_within(struct buf *out, const json_t *v, size_t max);
/* The same for what json_as_text gives. */
bool json_as_text_within(struct buf *out, const json_t *v, size_t max);

/* --- for values ------------------------------------------------------------------------------------ */

/*
 * Where the expression in text, from offset at on, ends: the offset of its `}}`.  False if there is
 * none; *ret_end is then where a quote or bracket is that is not closed, or the length of the text.
 */
bool expr_scan(struct span text, size_t at, size_t *ret_end);

/* What the expression always is, borrowed; NULL if that depends on names. */
const json_t *expr_const(const struct expr *e);

#endif
