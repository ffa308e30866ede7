/* What a step may use, and how it stands among the others: limits, umask, priority. */
#include "job/read.h"

#include <stdio.h>
#include <string.h>

#include "base/bug.h"
#include "base/spell.h"
#include "base/stamp.h"

static void read_bytes(struct loader *l, const char *key, const struct node *n, int64_t *ret)
{
	int64_t bytes;

	if (n->kind == NODE_SCALAR && size_parse(n->text, &bytes) && bytes > 0)
		*ret = bytes;
	else
		bad_value(l, key, "a size above 0, such as 512M or 2G", n);
}

/* The kernel counts processor time in seconds. */
static void read_cpu(struct loader *l, const struct node *n, int64_t *ret_s)
{
	int64_t ms;

	if (!read_duration(l, "cpu", n, &ms))
		return;
	if (ms <= 0 || ms % MS_PER_S)
		bad_value(l, "cpu", "a duration of whole seconds, such as 30s or 10m", n);
	else
		*ret_s = ms / MS_PER_S;
}

static void use_limit(struct loader *l, void *ctx, enum key key, const struct node *name,
		      const struct node *n)
{
	enum { NICEST = 19, LEAST_NICE = -20 };
	struct limit_spec *to = ctx;

	switch (key) {
	case KEY_limit_mem:
		read_bytes(l, "mem", n, &to->mem);
		break;
	case KEY_limit_cpu:
		read_cpu(l, n, &to->cpu_s);
		break;
	case KEY_limit_nofile:
		read_int(l, "nofile", n, 1, INT32_MAX, &to->nofile);
		break;
	case KEY_limit_fsize:
		read_bytes(l, "fsize", n, &to->fsize);
		break;
	case KEY_limit_nice:
		read_int(l, "nice", n, LEAST_NICE, NICEST, &to->nice);
		break;
	default:
		BUG("key '%s' is not one of 'limits'", name->text);
	}
}

void read_limit_map(struct loader *l, struct traits *t, const struct node *n)
{
	read_map(l, n, IN_LIMITS, "'limits'", use_limit, &traits_policy(l, t)->limits);
}

/* Octal whether written 27 or 027, as umask(1) takes it. */
void read_umask(struct loader *l, struct traits *t, const struct node *n)
{
	enum { DIGITS_MAX = 4, MASK_MAX = 0777 };
	int mask = 0;

	if (n->kind != NODE_SCALAR || !n->n || n->n > DIGITS_MAX || n->text[strspn(n->text, "01234567")]) {
		bad_value(l, "umask", "an octal number such as 027", n);
		return;
	}
	for (const char *p = n->text; *p; p++)
		mask = mask * 8 + (*p - '0');
	if (mask > MASK_MAX)
		bad_value(l, "umask", "an octal number up to 777", n);
	else
		traits_policy(l, t)->umask = mask;
}

void read_priority(struct loader *l, struct traits *t, const struct node *n)
{
	int64_t priority;

	if (read_int(l, "priority", n, INT16_MIN, INT16_MAX, &priority))
		traits_policy(l, t)->priority = (int16_t)priority;
}

/* --- hints ---------------------------------------------------------------------------------------------------- */

static void check_hint(struct loader *l, const char *key, const struct node *n)
{
	int64_t number;
	double cpus;

	if (!strcmp(key, "cpus") && (n->kind != NODE_SCALAR || sscanf(n->text, "%lf", &cpus) != 1 || cpus <= 0))
		bad_value(l, key, "a number above 0", n);
	else if (!strcmp(key, "mem"))
		read_bytes(l, key, n, &number);
	else if (!strcmp(key, "gpus"))
		read_int(l, key, n, 0, INT16_MAX, &number);
	else if (!strcmp(key, "time"))
		read_duration(l, key, n, &number);
}

static void check_hint_name(struct loader *l, const struct node *name)
{
	static const char *const words[] = {"cpus", "mem", "gpus", "time"};
	struct spell s;

	spell_init(&s, name->text);
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!strcmp(words[i], name->text))
			return;
		spell_try(&s, words[i]);
	}
	diag_error(l->d, name->mark, "unknown key '%s' in 'resources'", name->text);
	if (!diag_suggest(l->d, s.best))
		diag_hint(l->d, "it takes cpus, mem, gpus and time");
}

void read_resources(struct loader *l, struct traits *t, const struct node *n)
{
	if (!read_json_map(l, "resources", n, &traits_policy(l, t)->resources))
		return;
	for (size_t i = 0; i < n->n; i++) {
		check_hint_name(l, n->key[i]);
		check_hint(l, n->key[i]->text, n->item[i]);
	}
}

/* There is one, so nothing of it is kept. */
void read_executor(struct loader *l, struct traits *t, const struct node *n)
{
	(void)t;
	if (n->kind == NODE_SCALAR && !strcmp(n->text, "local"))
		return;
	if (n->kind == NODE_SCALAR && !strcmp(n->text, "slurm")) {
		diag_error(l->d, n->mark, "this orchmake runs steps on this machine only: it has no executor 'slurm'");
		diag_hint(l->d, "leave `executor` out, or let the step itself call srun or sbatch --wait");
	} else {
		bad_value(l, "executor", "local", n);
	}
}
