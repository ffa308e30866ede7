#include "report/sink.h"

#include <stdlib.h>

#include "base/vec.h"

void sinks_add(struct sinks *l, struct sink *s)
{
	if (s)
		VEC_PUSH(l->at, l->n, l->room, s);
}

void sinks_begin(const struct sinks *l, const struct run_info *i)
{
	for (size_t k = 0; k < l->n; k++)
		if (l->at[k]->ops->begin)
			l->at[k]->ops->begin(l->at[k], i);
}

void sinks_event(const struct sinks *l, const struct run_event *e)
{
	for (size_t k = 0; k < l->n; k++)
		if (l->at[k]->ops->event)
			l->at[k]->ops->event(l->at[k], e);
}

void sinks_tick(const struct sinks *l, const struct run_status *st)
{
	for (size_t k = 0; k < l->n; k++)
		if (l->at[k]->ops->tick)
			l->at[k]->ops->tick(l->at[k], st);
}

void sinks_ask(const struct sinks *l, const char *step)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->at[i]->ops->ask)
			l->at[i]->ops->ask(l->at[i], step);
}

void sinks_end(const struct sinks *l, const struct run_summary *sum)
{
	for (size_t k = 0; k < l->n; k++)
		if (l->at[k]->ops->end)
			l->at[k]->ops->end(l->at[k], sum);
}

void sinks_release(struct sinks *l)
{
	for (size_t k = 0; k < l->n; k++)
		l->at[k]->ops->free(l->at[k]);
	free(l->at);
	*l = (struct sinks){0};
}

int64_t sinks_interval_ms(const struct sinks *l)
{
	int64_t shortest = 0;

	for (size_t k = 0; k < l->n; k++) {
		int64_t ms = l->at[k]->ops->interval_ms;

		if (ms && (!shortest || ms < shortest))
			shortest = ms;
	}
	return shortest;
}

enum sink_wants sinks_want(const struct sinks *l)
{
	enum sink_wants most = SINK_WANTS_END;

	for (size_t k = 0; k < l->n; k++)
		if (l->at[k]->ops->wants < most)
			most = l->at[k]->ops->wants;
	return most;
}

bool event_is_of_job(const struct expansion *x, const struct run_event *e)
{
	const struct unit *u = e->unit == UNIT_NONE ? NULL : &x->graph->unit[e->unit];

	if (!u)
		return false;
	if (u->kind == UNIT_STEP)
		return !x->place[e->unit].step->id[0];
	return x->bundle[u->group].kind == BUNDLE_JOB || x->bundle[u->group].kind == BUNDLE_COMPOSITE;
}

struct sink *sinks_watched(const struct sinks *l, int *ret_fd)
{
	for (size_t k = 0; k < l->n; k++) {
		int fd = l->at[k]->ops->fd ? l->at[k]->ops->fd(l->at[k]) : -1;

		if (fd < 0)
			continue;
		*ret_fd = fd;
		return l->at[k];
	}
	return NULL;
}
