/* Neighbors of the RIP engine: a bounded table in which strangers who never sent a good packet make room first. */
#include "route/rip/rip_engine.h"

#include "base/arena.h"

#include <stdlib.h>

static uint64_t neighbor_key(const struct rip_interface *interface, struct ip ip) { return (uint64_t)interface->rif << 32 | ip_to_u32(ip); }

void rip_neighbor_free(struct rip *rip, struct rip_neighbor *neighbor)
{
	CHECK(list_empty(&neighbor->paths));
	list_remove(&neighbor->in_interface);
	list_remove(&neighbor->in_heard);
	(void)map_remove(&rip->neighbor_of, neighbor_key(neighbor->interface, neighbor->ip));
	rip->neighbor_count--;
	free(neighbor);
}

static bool neighbor_make_room(struct rip *rip)
{
	struct rip_neighbor *stranger;

	if (rip->neighbor_count < rip->settings.neighbors_max)
		return true;
	rip->ops->limit_reached(rip->context, "rip_neighbors", rip->settings.neighbors_max);
	stranger = list_first(&rip->unproven, struct rip_neighbor, in_heard);
	if (stranger == NULL)
		return false;
	rip_neighbor_free(rip, stranger);
	return true;
}

struct rip_neighbor *rip_neighbor_get(struct rip *rip, struct rip_interface *interface, struct ip ip, struct instant now)
{
	struct rip_neighbor *neighbor = map_get(&rip->neighbor_of, neighbor_key(interface, ip));

	if (neighbor != NULL || !neighbor_make_room(rip))
		return neighbor;
	neighbor = xalloc(sizeof(*neighbor));
	neighbor->interface = interface;
	neighbor->ip = ip;
	neighbor->heard = now;
	neighbor->answered = (struct instant){INT64_MIN / 2};
	list_init(&neighbor->paths);
	list_append(&interface->neighbors, &neighbor->in_interface);
	list_append(&rip->unproven, &neighbor->in_heard);
	(void)map_set(&rip->neighbor_of, neighbor_key(interface, ip), neighbor);
	rip->neighbor_count++;
	return neighbor;
}

/* Bad packets keep a stranger in sight, so that its counters can be read, but never a neighbor that was good once. */
void rip_neighbor_heard(struct rip *rip, struct rip_neighbor *neighbor, bool good, struct instant now)
{
	if (!good && neighbor->proven)
		return;
	neighbor->proven = good;
	neighbor->heard = now;
	list_remove(&neighbor->in_heard);
	list_append(good ? &rip->heard : &rip->unproven, &neighbor->in_heard);
}

static void neighbors_age(struct rip *rip, struct list *list, struct instant now)
{
	struct rip_neighbor *neighbor;

	while ((neighbor = list_first(list, struct rip_neighbor, in_heard)) != NULL &&
		instant_reached(instant_add(neighbor->heard, rip->settings.timeout), now)) {
		rip_neighbor_lost(rip, neighbor, now);
		rip_neighbor_free(rip, neighbor);
	}
}

void rip_neighbors_age(struct rip *rip, struct instant now)
{
	neighbors_age(rip, &rip->heard, now);
	neighbors_age(rip, &rip->unproven, now);
}
