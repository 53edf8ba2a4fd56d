/*
 * Route policies that ctl ordered, compiled, and what protocols announce of each other by them.
 *
 * A policy that changes takes effect at once: every protocol of every router is told (policy_changed) and looks at its routes again. One
 * that is named but not there (yet) lets nothing pass.
 */
#ifndef ROUTE_POLICIES_H
#define ROUTE_POLICIES_H

#include "net/route_policy.h"
#include "route/router.h"

/* Orders: ROUTE_POLICY_SET, ROUTE_POLICY_DEL, and what SYNC_BEGIN and SYNC_END mean for policies. */
int policies_set(struct routing *routing, const void *body, struct instant now, struct err *err);
int policies_del(struct routing *routing, const void *body, struct instant now, struct err *err);
void policies_sync(struct routing *routing, bool begin, struct instant now);
void policies_free(struct routing *routing);

/* The policy of that id: NULL when the id is 0; one that rejects everything when there is none. Valid until policy_changed. */
const struct route_policy *policies_get(struct routing *routing, uint32_t id);

/* What becomes of a best route that another protocol announces. */
struct redistributed {
	bool has_metric;
	uint32_t metric;
	struct policy_changes changes;
};

/* Whether a protocol announces a best route, of these sources; fills in `out` then. */
bool redistribute_wants(struct routing *routing, const struct redistribution *list, unsigned count, const struct prefix *prefix,
	const struct rib_route *best, struct redistributed *out);

/* Whether a source is among them. */
bool redistribute_has(const struct redistribution *list, unsigned count, enum route_protocol from);

/* Whether one of them rests on that policy. */
bool redistribute_uses(const struct redistribution *list, unsigned count, uint32_t policy);

#endif
