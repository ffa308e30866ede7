/*
 * The views that fold the log of events into what there is: pm_projects,
 * pm_work_items, pm_deliverables, pm_opsstreams, pm_artifacts, pm_links.  They
 * come from the catalogue: a column for every field, the status that the last
 * event left, and when the first and the last one happened.
 *
 *	pm_fields	what each field was last set to; null clears it
 *	pm_status	where each aggregate stands; a verb such as close says it
 *	pm_places	deliverable, project and stream of each work item, by what holds it now
 */
#ifndef STORE_PM_VIEWS_H
#define STORE_PM_VIEWS_H

#include "store/stores.h"

/* Make those that the store does not have. */
bool pm_views_make(struct session *s, const char *store, struct fault *f);

#endif
