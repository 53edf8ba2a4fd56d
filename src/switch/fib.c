/* The FIB of a router: routes in an array with a free list, found through two LPM tables. */
#include "switch/fib.h"

#include "base/arena.h"
#include "net/lpm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fib {
	struct lpm *v4, *v6;
	struct fib_route **routes;
	uint32_t used, capacity; /* slots of `routes`; free ones are NULL */
	uint32_t free_slot;	 /* where to look for one first */
	uint64_t generation;
	struct instant stale_until; /* NEVER: no synchronization under way */
};

struct fib *fib_new(void)
{
	struct fib *fib = xalloc(sizeof(*fib));

	fib->v4 = lpm_new(IP_V4);
	fib->v6 = lpm_new(IP_V6);
	fib->stale_until = INSTANT_NEVER;
	return fib;
}

void fib_free(struct fib *fib)
{
	if (fib == NULL)
		return;
	for (uint32_t i = 0; i < fib->used; i++)
		free(fib->routes[i]);
	free(fib->routes);
	lpm_free(fib->v4);
	lpm_free(fib->v6);
	free(fib);
}

static struct lpm *fib_lpm(const struct fib *fib, enum ip_family family) { return family == IP_V4 ? fib->v4 : fib->v6; }

static uint32_t slot_take(struct fib *fib)
{
	for (; fib->free_slot < fib->used; fib->free_slot++)
		if (fib->routes[fib->free_slot] == NULL)
			return fib->free_slot++;
	if (fib->used == fib->capacity) {
		fib->capacity = fib->capacity ? fib->capacity * 2 : 8;
		fib->routes = xrealloc(fib->routes, fib->capacity * sizeof(struct fib_route *));
	}
	fib->free_slot = fib->used + 1;
	return fib->used++;
}

static void slot_free(struct fib *fib, uint32_t slot)
{
	free(fib->routes[slot]);
	fib->routes[slot] = NULL;
	if (slot < fib->free_slot)
		fib->free_slot = slot;
}

static struct fib_route *route_new(const struct fib_entry *entry, struct prefix prefix)
{
	struct fib_route *route = xalloc(sizeof(*route) + entry->nexthop_count * sizeof(route->nexthops[0]));

	route->prefix = prefix;
	route->action = entry->action;
	route->protocol = entry->protocol;
	route->distance = entry->distance;
	route->metric = entry->metric;
	route->nexthop_count = (uint8_t)entry->nexthop_count;
	memcpy(route->nexthops, entry->nexthops, entry->nexthop_count * sizeof(route->nexthops[0]));
	return route;
}

static bool route_is(const struct fib_route *route, const struct fib_entry *entry)
{
	return route->action == entry->action && route->protocol == entry->protocol && route->nexthop_count == entry->nexthop_count &&
	       memcmp(route->nexthops, entry->nexthops, entry->nexthop_count * sizeof(route->nexthops[0])) == 0;
}

static void route_set(struct core *core, struct fib *fib, const struct fib_entry *entry)
{
	struct prefix prefix = prefix_masked(entry->prefix);
	struct lpm *lpm = fib_lpm(fib, prefix.ip.family);
	uint32_t slot = lpm_get(lpm, prefix);

	if (slot != LPM_NONE && route_is(fib->routes[slot], entry)) {
		fib->routes[slot]->stale = false;
		fib->routes[slot]->distance = entry->distance;
		fib->routes[slot]->metric = entry->metric;
		return;
	}
	if (slot != LPM_NONE) {
		free(fib->routes[slot]);
	} else {
		slot = slot_take(fib);
		lpm_set(lpm, prefix, slot);
	}
	fib->routes[slot] = route_new(entry, prefix);
	core_raise(core, &fib->generation);
}

static void route_remove(struct core *core, struct fib *fib, struct prefix prefix)
{
	uint32_t slot = lpm_remove(fib_lpm(fib, prefix.ip.family), prefix);

	if (slot == LPM_NONE)
		return;
	slot_free(fib, slot);
	core_raise(core, &fib->generation);
}

static int entry_check(const struct fib_entry *entry, struct err *err)
{
	char text[PREFIX_TEXT_BYTES];

	if (entry->prefix.ip.family == IP_NONE || entry->prefix.length > ip_bits(entry->prefix.ip.family))
		return err_set(err, -EINVAL, "a route needs a prefix");
	if (entry->nexthop_count > NEXTHOPS_MAX)
		return err_set(err, -EINVAL, "route %s has more than %d next hops", prefix_text(entry->prefix, text), NEXTHOPS_MAX);
	if (entry->add && entry->action == ROUTE_FORWARD && entry->nexthop_count == 0)
		return err_set(err, -EINVAL, "route %s has no next hop", prefix_text(entry->prefix, text));
	for (unsigned i = 0; i < entry->nexthop_count; i++) {
		uint8_t family = entry->nexthops[i].ip.family;

		if (family != IP_NONE && family != entry->prefix.ip.family)
			return err_set(err, -EINVAL, "route %s has a next hop of another family", prefix_text(entry->prefix, text));
	}
	return 0;
}

int fib_batch(struct core *core, const struct msg_fib *batch, struct err *err)
{
	struct router *router = router_find(core, batch->router);

	if (router == NULL)
		return err_set(err, -ENOENT, "there is no router %u", batch->router);
	if (batch->count > FIB_BATCH_MAX)
		return err_set(err, -EINVAL, "a batch has at most %d routes", FIB_BATCH_MAX);
	for (unsigned i = 0; i < batch->count; i++) {
		int rc = entry_check(&batch->entries[i], err);

		if (rc != 0)
			return rc;
	}
	for (unsigned i = 0; i < batch->count; i++) {
		if (batch->entries[i].add)
			route_set(core, router->fib, &batch->entries[i]);
		else
			route_remove(core, router->fib, prefix_masked(batch->entries[i].prefix));
	}
	return 0;
}

static void fib_sweep(struct core *core, struct fib *fib)
{
	fib->stale_until = INSTANT_NEVER;
	for (uint32_t i = 0; i < fib->used; i++)
		if (fib->routes[i] != NULL && fib->routes[i]->stale)
			route_remove(core, fib, fib->routes[i]->prefix);
}

int fib_sync(struct core *core, const struct msg_fib_sync *sync, struct err *err)
{
	struct router *router = router_find(core, sync->router);

	if (router == NULL)
		return err_set(err, -ENOENT, "there is no router %u", sync->router);
	if (!sync->begin) {
		fib_sweep(core, router->fib);
		return 0;
	}
	router->fib->stale_until = instant_add(core->now, span_s(FIB_STALE_S));
	for (uint32_t i = 0; i < router->fib->used; i++)
		if (router->fib->routes[i] != NULL)
			router->fib->routes[i]->stale = true;
	return 0;
}

const struct fib_route *fib_lookup(const struct fib *fib, struct ip ip)
{
	uint32_t slot = lpm_lookup(fib_lpm(fib, ip.family), ip.bytes);

	return slot == LPM_NONE ? NULL : fib->routes[slot];
}

const uint64_t *fib_generation(const struct fib *fib) { return &fib->generation; }

uint32_t fib_count(const struct fib *fib) { return lpm_count(fib->v4) + lpm_count(fib->v6); }

struct instant fib_tick(struct core *core, struct instant now)
{
	struct instant next = INSTANT_NEVER;
	struct router *router;
	size_t cursor = 0;

	while ((router = map_next(&core->routers, &cursor, NULL, NULL)) != NULL) {
		if (instant_reached(router->fib->stale_until, now))
			fib_sweep(core, router->fib);
		next = instant_earlier(next, router->fib->stale_until);
	}
	return next;
}
