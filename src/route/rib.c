/* The RIB: offers sorted by preference under each prefix, and the list of what the switch doesn't know yet. */
#include "route/rib.h"

#include "base/arena.h"
#include "base/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void rib_init(struct rib *rib, const struct rib_ops *ops, void *context, uint32_t routes_max, struct rib_budget *budget)
{
	*rib = (struct rib){.ops = ops, .context = context, .routes_max = routes_max, .budget = budget};
	list_init(&rib->entries);
	list_init(&rib->dirty);
	list_init(&rib->held);
}

static void entry_free(struct rib *rib, struct rib_entry *entry)
{
	CHECK(entry->routes == NULL);
	list_remove(&entry->in_rib);
	list_remove(&entry->in_dirty);
	prefix_table_remove(&rib->table, &entry->node);
	free(entry);
}

static void rib_count(struct rib *rib, int change)
{
	rib->route_count += (uint32_t)change;
	if (rib->budget != NULL)
		rib->budget->used += (uint64_t)(int64_t)change;
}

void rib_free(struct rib *rib)
{
	struct rib_entry *entry;

	rib_count(rib, -(int)rib->route_count);
	list_each (entry, &rib->entries, struct rib_entry, in_rib) {
		while (entry->routes != NULL) {
			struct rib_route *route = entry->routes;

			entry->routes = route->next;
			free(route);
		}
		entry_free(rib, entry);
	}
	prefix_table_free(&rib->table);
}

/* Order of preference; 0 only for the same protocol and source. */
static int route_compare(const struct rib_route *a, const struct rib_route *b)
{
	if (a->distance != b->distance)
		return a->distance < b->distance ? -1 : 1;
	if (a->metric != b->metric)
		return a->metric < b->metric ? -1 : 1;
	if (a->protocol != b->protocol)
		return a->protocol < b->protocol ? -1 : 1;
	return (a->source > b->source) - (a->source < b->source);
}

/* True when a route is used along with the best one: static routes of the same weight share the traffic. */
static bool route_joins(const struct rib_route *best, const struct rib_route *route)
{
	return route == best ||
	       (best->protocol == ROUTE_STATIC && route->protocol == ROUTE_STATIC && best->action == ROUTE_FORWARD &&
		       route->action == ROUTE_FORWARD && best->distance == route->distance && best->metric == route->metric);
}

static int nexthop_compare(const void *a, const void *b)
{
	const struct nexthop *x = a, *y = b;
	int order = ip_compare(x->ip, y->ip);

	return order != 0 ? order : (x->rif > y->rif) - (x->rif < y->rif);
}

static struct rib_route *route_new(const struct rib_offer *offer, struct instant now)
{
	size_t nexthop_bytes = offer->nexthop_count * sizeof(struct nexthop);
	struct rib_route *route = xalloc(sizeof(*route) + nexthop_bytes);

	CHECK(offer->nexthop_count <= NEXTHOPS_MAX);
	route->protocol = offer->protocol;
	route->action = offer->action;
	route->source = offer->source;
	route->metric = offer->metric;
	route->distance = offer->distance;
	route->since = now;
	route->nexthop_count = offer->nexthop_count;
	if (nexthop_bytes > 0) {
		memcpy(route->nexthops, offer->nexthops, nexthop_bytes);
		qsort(route->nexthops, route->nexthop_count, sizeof(struct nexthop), nexthop_compare);
	}
	return route;
}

static bool route_equal(const struct rib_route *a, const struct rib_route *b)
{
	if (route_compare(a, b) != 0 || a->action != b->action || a->nexthop_count != b->nexthop_count)
		return false;
	for (unsigned i = 0; i < a->nexthop_count; i++)
		if (nexthop_compare(&a->nexthops[i], &b->nexthops[i]) != 0)
			return false;
	return true;
}

/* Whose place in the list a route of this protocol and source has; points to NULL when there is none. */
static struct rib_route **route_place(struct rib_entry *entry, enum route_protocol protocol, uint32_t source)
{
	struct rib_route **at = &entry->routes;

	while (*at != NULL && ((*at)->protocol != protocol || (*at)->source != source))
		at = &(*at)->next;
	return at;
}

static void route_insert(struct rib_entry *entry, struct rib_route *route)
{
	struct rib_route **at = &entry->routes;

	while (*at != NULL && route_compare(*at, route) < 0)
		at = &(*at)->next;
	route->next = *at;
	*at = route;
}

static struct rib_entry *entry_get(struct rib *rib, const struct prefix *prefix, bool make)
{
	struct prefix_node *node = prefix_table_get(&rib->table, prefix);
	struct rib_entry *entry;

	if (node != NULL)
		return CONTAINER_OF(node, struct rib_entry, node);
	if (!make)
		return NULL;
	entry = xalloc(sizeof(*entry));
	entry->node.prefix = *prefix;
	prefix_table_add(&rib->table, &entry->node);
	list_append(&rib->entries, &entry->in_rib);
	return entry;
}

/* The used routes of a prefix have changed: the owner and, when its turn comes, the switch have to know. */
static void entry_changed(struct rib *rib, struct rib_entry *entry, struct instant now)
{
	list_remove(&entry->in_dirty);
	list_append(&rib->dirty, &entry->in_dirty);
	rib->ops->best_changed(rib->context, &entry->node.prefix, entry->routes, now);
}

/* Whether there is room for one route more. */
static int rib_room(const struct rib *rib)
{
	if (rib->route_count >= rib->routes_max)
		return -ENOSPC;
	return rib->budget != NULL && rib->budget->used >= rib->budget->max ? -ENOMEM : 0;
}

int rib_set(struct rib *rib, const struct rib_offer *offer, struct instant now)
{
	int room = rib_room(rib);
	struct rib_entry *entry = entry_get(rib, &offer->prefix, room == 0);
	struct rib_route *route, **old;
	bool used;

	if (entry == NULL)
		return room;
	old = route_place(entry, offer->protocol, offer->source);
	if (*old == NULL && room != 0)
		return room;
	route = route_new(offer, now);
	if (*old != NULL && route_equal(*old, route)) {
		free(route);
		return 0;
	}
	used = *old != NULL && route_joins(entry->routes, *old);
	if (*old != NULL) {
		struct rib_route *gone = *old;

		*old = gone->next;
		free(gone);
		rib_count(rib, -1);
	}
	route_insert(entry, route);
	rib_count(rib, 1);
	if (used || route_joins(entry->routes, route))
		entry_changed(rib, entry, now);
	return 0;
}

void rib_del(struct rib *rib, const struct prefix *prefix, enum route_protocol protocol, uint32_t source, struct instant now)
{
	struct rib_entry *entry = entry_get(rib, prefix, false);
	struct rib_route **at = entry ? route_place(entry, protocol, source) : NULL;
	struct rib_route *gone;
	bool used;

	if (at == NULL || *at == NULL)
		return;
	gone = *at;
	used = route_joins(entry->routes, gone);
	*at = gone->next;
	free(gone);
	rib_count(rib, -1);
	if (used)
		entry_changed(rib, entry, now);
}

const struct rib_route *rib_best(const struct rib *rib, const struct prefix *prefix)
{
	struct prefix_node *node = prefix_table_get(&rib->table, prefix);

	return node ? CONTAINER_OF(node, struct rib_entry, node)->routes : NULL;
}

const struct rib_route *rib_lookup(const struct rib *rib, struct ip ip, enum route_protocol except)
{
	for (int length = (int)ip_bits(ip.family); length >= 0; length--) {
		const struct prefix prefix = prefix_masked((struct prefix){ip, (uint8_t)length});
		const struct rib_route *route = rib_best(rib, &prefix);

		while (route != NULL && route->protocol == except)
			route = route->next;
		if (route != NULL)
			return route;
	}
	return NULL;
}

/* Adds a next hop, unless it is there already (two static routes may name the same). */
static void fib_add_nexthop(struct fib_entry *out, const struct nexthop *nexthop)
{
	for (unsigned i = 0; i < out->nexthop_count; i++)
		if (nexthop_compare(&out->nexthops[i], nexthop) == 0)
			return;
	if (out->nexthop_count < NEXTHOPS_MAX)
		out->nexthops[out->nexthop_count++] = *nexthop;
}

static void entry_to_fib(const struct rib_entry *entry, struct fib_entry *out)
{
	const struct rib_route *best = entry->routes;

	memset(out, 0, sizeof(*out));
	out->prefix = entry->node.prefix;
	if (best == NULL)
		return;
	out->add = true;
	out->action = (uint8_t)best->action;
	out->protocol = (uint8_t)best->protocol;
	out->distance = best->distance;
	out->metric = best->metric;
	for (const struct rib_route *route = best; route != NULL && route_joins(best, route); route = route->next)
		for (unsigned i = 0; i < route->nexthop_count; i++)
			fib_add_nexthop(out, &route->nexthops[i]);
}

unsigned rib_take(struct rib *rib, struct fib_entry *entries, unsigned room, bool hold)
{
	struct rib_entry *entry;
	unsigned count = 0;

	while (count < room && (entry = list_first(&rib->dirty, struct rib_entry, in_dirty)) != NULL) {
		list_remove(&entry->in_dirty);
		if (hold && !entry->sent && entry->routes != NULL && entry->routes->protocol > ROUTE_STATIC) {
			list_append(&rib->held, &entry->in_dirty);
			continue;
		}
		if (entry->routes != NULL || entry->sent)
			entry_to_fib(entry, &entries[count++]);
		entry->sent = entry->routes != NULL;
		if (!entry->sent)
			entry_free(rib, entry);
	}
	return count;
}

void rib_release(struct rib *rib)
{
	struct rib_entry *entry;

	list_each (entry, &rib->held, struct rib_entry, in_dirty) {
		list_remove(&entry->in_dirty);
		list_append(&rib->dirty, &entry->in_dirty);
	}
}

void rib_retell(struct rib *rib)
{
	struct rib_entry *entry;

	list_each (entry, &rib->entries, struct rib_entry, in_rib) {
		entry->sent = false;
		list_remove(&entry->in_dirty);
		if (entry->routes == NULL)
			entry_free(rib, entry);
		else
			list_append(&rib->dirty, &entry->in_dirty);
	}
}

void rib_show(const struct rib *rib, uint32_t router, struct instant now, void (*row)(void *, const struct row_route *), void *context)
{
	const struct rib_entry *entry;

	list_each (entry, &rib->entries, struct rib_entry, in_rib)
		for (const struct rib_route *route = entry->routes; route != NULL; route = route->next) {
			struct row_route out = {
				.router = router,
				.prefix = entry->node.prefix,
				.protocol = (uint8_t)route->protocol,
				.action = (uint8_t)route->action,
				.selected = route_joins(entry->routes, route),
				.distance = route->distance,
				.metric = route->metric,
				.age_s = (uint32_t)(instant_diff(now, route->since).ns / 1000000000),
				.nexthop_count = route->nexthop_count,
			};

			memcpy(out.nexthops, route->nexthops, route->nexthop_count * sizeof(struct nexthop));
			row(context, &out);
		}
}
