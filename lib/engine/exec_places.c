#include <stdlib.h>
#include <unistd.h>

#include "base/vec.h"
#include "engine/exec_impl.h"
#include "warden/request.h"

void exec_list_add(struct exec_local *x, struct list *l, uint32_t place)
{
	x->attempt[place].next = NONE;
	if (l->first == NONE)
		l->first = place;
	else
		x->attempt[l->last].next = place;
	l->last = place;
}

void exec_list_add_first(struct exec_local *x, struct list *l, uint32_t place)
{
	x->attempt[place].next = l->first;
	if (l->first == NONE)
		l->last = place;
	l->first = place;
}

uint32_t exec_list_take(struct exec_local *x, struct list *l)
{
	uint32_t place = l->first;

	if (place != NONE)
		l->first = x->attempt[place].next;
	return place;
}

void exec_close_fds(int *fd, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fd[i]);
	free(fd);
}

void exec_forget_request(struct attempt *a)
{
	buf_reset(&a->block); /* its memory serves the next one in this place */
	exec_close_fds(a->fd, a->n_own);
	a->fd = NULL;
	a->n_fds = a->n_own = 0;
}

uint32_t exec_new_place(struct exec_local *x)
{
	uint32_t place = exec_list_take(x, &x->free);

	if (place != NONE)
		return place;
	VEC_PUSH(x->attempt, x->n_attempts, x->room_attempts, (struct attempt){.block = BUF_INIT});
	return (uint32_t)x->n_attempts - 1;
}

void exec_done(struct exec_local *x, uint32_t place, const struct attempt_ended *e)
{
	struct attempt *a = &x->attempt[place];

	if (a->state == ATTEMPT_HELD || a->state == ATTEMPT_SENT || a->state == ATTEMPT_STARTED)
		x->n_sent--;
	exec_forget_request(a);
	a->ended = *e;
	a->ended.serial = a->serial;
	a->state = ATTEMPT_DONE;
	exec_list_add(x, &x->done, place);
}

void exec_not_started(struct exec_local *x, uint32_t place, uint32_t stage, int error)
{
	struct attempt_ended e = {.end = END_NOT_STARTED, .error = error, .stage = stage_word(stage)};

	exec_done(x, place, &e);
}

void exec_back(struct exec_local *x, uint32_t place, int error)
{
	struct attempt_ended e = {.end = END_BACK, .error = error};

	exec_done(x, place, &e);
}
