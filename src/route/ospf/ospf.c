/* The OSPF engine's life: settings, areas, interfaces, timers, and where packets come in. */
#include "route/ospf/ospf_engine.h"

#include "base/arena.h"

#include <stdlib.h>

struct ospf_settings ospf_settings_default(uint32_t router_id)
{
	return (struct ospf_settings){
		.router_id = router_id,
		.lsa_first = span_ms(50),
		.lsa_interval = span_s(5),
		.lsa_arrival = span_ms(20),
		.wait = span_ms(500),
		.ack_delay = span_ms(50),
		.flood_pace = span_ms(4),
		.spf_initial = span_ms(10),
		.spf_short = span_ms(50),
		.spf_long = span_s(1),
		.spf_learn = span_ms(500),
		.spf_holddown = span_s(5),
		.lsas_max = 65536,
		.neighbors_max = 256,
		.ecmp_max = NEXTHOPS_MAX,
		.default_metric = 10,
	};
}

struct ospf_interface_settings ospf_interface_settings_default(void)
{
	return (struct ospf_interface_settings){.priority = 1, .cost = 10, .hello_s = 10, .dead_s = 40, .retransmit_s = 1};
}

struct ospf *ospf_new(const struct ospf_settings *settings, const struct ospf_birth *birth, struct instant now)
{
	struct ospf *ospf = xalloc(sizeof(*ospf));

	CHECK(settings->router_id != 0);
	ospf->ops = birth->ops;
	ospf->context = birth->context;
	ospf->store = birth->store;
	ospf->settings = *settings;
	ospf->rand = rand_seeded(birth->seed);
	ospf->started = ospf->now = now;
	ospf->wall_s = birth->wall_s;
	list_init(&ospf->areas);
	list_init(&ospf->interfaces);
	list_init(&ospf->locals);
	list_init(&ospf->dying);
	list_init(&ospf->gone);
	ospf_db_init(&ospf->externals);
	ospf->age_at = ospf->say_at = ospf->spf_at = ospf->spf_learnt_at = ospf->spf_quiet_at = INSTANT_NEVER;
	return ospf;
}

static void interface_free(struct ospf_interface *interface)
{
	struct ospf *ospf = interface->ospf;
	struct ospf_neighbor *neighbor;

	list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface)
		ospf_neighbor_free(neighbor);
	if (interface->links != NULL)
		ospf_db_clear(ospf, interface->links);
	free(interface->links);
	timer_heap_set(&ospf->timers, &interface->timer, INSTANT_NEVER);
	(void)map_remove(&ospf->interface_of, interface->rif);
	list_remove(&interface->in_area);
	list_remove(&interface->in_ospf);
	explicit_bzero(&interface->settings.auth, sizeof(interface->settings.auth));
	free(interface->acks);
	free(interface->floods);
	free(interface);
}

void ospf_free(struct ospf *ospf)
{
	struct ospf_interface *interface;
	struct ospf_area *area;
	struct ospf_local *local;

	if (ospf == NULL)
		return;
	list_each (interface, &ospf->interfaces, struct ospf_interface, in_ospf)
		interface_free(interface);
	list_each (area, &ospf->areas, struct ospf_area, in_ospf) {
		ospf_db_clear(ospf, &area->db);
		ospf_spf_free(&area->spf);
		free(area);
	}
	ospf_db_clear(ospf, &ospf->externals);
	list_each (local, &ospf->locals, struct ospf_local, in_ospf)
		free(local);
	map_free(&ospf->interface_of);
	map_free(&ospf->local_of);
	timer_heap_free(&ospf->timers);
	free(ospf->table.paths);
	free(ospf->asbrs.at);
	free(ospf);
}

enum ospf_drop ospf_count_drop(struct ospf *ospf, struct ospf_interface *interface, enum ospf_drop drop)
{
	uint64_t *drops = interface ? interface->drops : ospf->drops_elsewhere;

	drops[drop]++;
	return drop;
}

struct ospf_area *ospf_area_get(struct ospf *ospf, uint32_t id)
{
	struct ospf_area *area;

	list_each (area, &ospf->areas, struct ospf_area, in_ospf)
		if (area->id == id)
			return area;
	area = xalloc(sizeof(*area));
	area->ospf = ospf;
	area->id = id;
	area->settings.default_cost = 1;
	list_init(&area->interfaces);
	ospf_db_init(&area->db);
	list_append(&ospf->areas, &area->in_ospf);
	return area;
}

/* Timers: each interface and neighbor stands in one heap with its earliest. */

void ospf_interface_timer(struct ospf_interface *interface, struct instant *timer, struct instant when)
{
	*timer = when;
	timer_heap_set(&interface->ospf->timers, &interface->timer,
		instant_earlier(
			instant_earlier(interface->hello_at, interface->wait_at), instant_earlier(interface->ack_at, interface->flood_at)));
}

void ospf_neighbor_timer(struct ospf_neighbor *neighbor, struct instant *timer, struct instant when)
{
	struct instant first;

	*timer = when;
	first = instant_earlier(
		instant_earlier(neighbor->dead_at, neighbor->describe_at), instant_earlier(neighbor->ask_at, neighbor->resend_at));
	timer_heap_set(&neighbor->interface->ospf->timers, &neighbor->timer, first);
}

struct instant ospf_next(const struct ospf *ospf)
{
	struct instant next = instant_earlier(timer_heap_next(&ospf->timers), ospf->age_at);

	return instant_earlier(instant_earlier(next, ospf->say_at), ospf->spf_at);
}

static void fire(struct ospf *ospf, const struct timer_node *node)
{
	struct ospf_interface *interface;
	struct ospf_neighbor *neighbor;

	/* Which of the two it is: interfaces are few, so look. */
	list_each (interface, &ospf->interfaces, struct ospf_interface, in_ospf) {
		if (node == &interface->timer) {
			ospf_interface_fire(interface);
			return;
		}
		list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface)
			if (node == &neighbor->timer) {
				ospf_neighbor_fire(neighbor);
				return;
			}
	}
}

void ospf_tick(struct ospf *ospf, struct instant now)
{
	struct timer_node *node;

	ospf->now = now;
	while ((node = timer_heap_expire(&ospf->timers, now)) != NULL)
		fire(ospf, node);
	ospf_db_age(ospf);
	ospf_calc_tick(ospf);
	ospf_settle(ospf);
}

void ospf_settle(struct ospf *ospf)
{
	struct ospf_interface *interface;
	struct ospf_neighbor *neighbor;

	ospf_say(ospf);
	list_each (interface, &ospf->interfaces, struct ospf_interface, in_ospf)
		ospf_flood_flush(interface);
	ospf_db_reap(ospf);
	list_each (neighbor, &ospf->gone, struct ospf_neighbor, in_interface)
		ospf_neighbor_free(neighbor);
}

/* Settings and interfaces. */

void ospf_configure(struct ospf *ospf, const struct ospf_settings *settings, struct instant now)
{
	uint32_t router_id = ospf->settings.router_id;

	ospf->now = now;
	ospf->settings = *settings;
	ospf->settings.router_id = router_id;
	ospf_say_all_again(ospf);
	ospf_settle(ospf);
}

static bool key_equal(const struct ospf_auth *a, const struct ospf_auth *b)
{
	return a->kind == b->kind && a->digest == b->digest && a->key_id == b->key_id && a->key_bytes == b->key_bytes &&
	       memcmp(a->key, b->key, a->key_bytes) == 0;
}

/* Whether adjacencies can't outlive the change. */
static bool settings_restart(const struct ospf_interface_settings *a, const struct ospf_interface_settings *b)
{
	return a->area != b->area || a->type != b->type || a->passive != b->passive || a->hello_s != b->hello_s || a->dead_s != b->dead_s;
}

static void interface_join(struct ospf_interface *interface, uint32_t area)
{
	list_remove(&interface->in_area);
	interface->area = ospf_area_get(interface->ospf, area);
	list_append(&interface->area->interfaces, &interface->in_area);
}

static struct ospf_interface *interface_new(struct ospf *ospf, uint32_t rif, const struct ospf_interface_settings *settings)
{
	struct ospf_interface *interface = xalloc(sizeof(*interface));

	interface->ospf = ospf;
	interface->rif = rif;
	interface->settings = *settings;
	interface->hello_at = interface->wait_at = interface->ack_at = interface->flood_at = INSTANT_NEVER;
	list_init(&interface->neighbors);
	list_append(&ospf->interfaces, &interface->in_ospf);
	(void)map_set(&ospf->interface_of, rif, interface);
	interface_join(interface, settings->area);
	return interface;
}

/* A new key: numbers seen under the old one mean nothing. */
static void neighbors_forget_sequences(struct ospf_interface *interface)
{
	struct ospf_neighbor *neighbor;

	list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface)
		neighbor->sequence_known = false;
}

void ospf_interface_set(struct ospf *ospf, uint32_t rif, const struct ospf_interface_settings *settings, struct instant now)
{
	struct ospf_interface *interface = map_get(&ospf->interface_of, rif);
	struct ospf_interface_settings before;

	CHECK(settings->cost >= 1 && settings->hello_s >= 1 && settings->dead_s >= 1 && settings->retransmit_s >= 1);
	ospf->now = now;
	if (interface == NULL) {
		(void)interface_new(ospf, rif, settings);
		return;
	}
	before = interface->settings;
	if (settings_restart(&before, settings) && interface->up)
		ospf_interface_event(interface, OSPF_EVENT_DOWN);
	interface->settings = *settings;
	if (!key_equal(&before.auth, &settings->auth))
		neighbors_forget_sequences(interface);
	if (settings_restart(&before, settings)) {
		interface->area->router_dirty = true;
		interface_join(interface, settings->area);
		if (interface->up)
			ospf_interface_event(interface, OSPF_EVENT_UP);
	} else if (before.priority != settings->priority) {
		ospf_interface_event(interface, OSPF_EVENT_NEIGHBOR_CHANGE);
	}
	interface->area->router_dirty = true;
	explicit_bzero(&before.auth, sizeof(before.auth));
	ospf_settle(ospf);
}

void ospf_interface_del(struct ospf *ospf, uint32_t rif, struct instant now)
{
	struct ospf_interface *interface = map_get(&ospf->interface_of, rif);

	if (interface == NULL)
		return;
	ospf->now = now;
	if (interface->up)
		ospf_interface_event(interface, OSPF_EVENT_DOWN);
	interface->up = false;
	ospf_settle(ospf);
	interface->area->router_dirty = true;
	interface_free(interface);
	ospf_settle(ospf);
}

void ospf_interface_state(struct ospf *ospf, uint32_t rif, const struct ospf_link_state *state, struct instant now)
{
	struct ospf_interface *interface = map_get(&ospf->interface_of, rif);
	struct prefix wanted[ADDRESSES_MAX];
	unsigned count = 0;
	bool same, up;

	if (interface == NULL)
		return;
	ospf->now = now;
	for (unsigned i = 0; i < state->address_count && count < ADDRESSES_MAX; i++)
		if (state->addresses[i].ip.family == IP_V4)
			wanted[count++] = state->addresses[i];
	same = count == interface->address_count && state->mtu == interface->mtu;
	for (unsigned i = 0; same && i < count; i++)
		same = prefix_equal(wanted[i], interface->addresses[i]);
	up = state->up && count > 0;
	if (same && up == interface->up)
		return;
	if (interface->up)
		ospf_interface_event(interface, OSPF_EVENT_DOWN);
	interface->mtu = state->mtu;
	interface->address_count = count;
	memcpy(interface->addresses, wanted, count * sizeof(wanted[0]));
	interface->address = count > 0 ? ip_to_u32(wanted[0].ip) : 0;
	interface->mask = count > 0 ? ospf_mask_of(wanted[0].length) : 0;
	interface->up = up;
	if (up)
		ospf_interface_event(interface, OSPF_EVENT_UP);
	ospf_calc_soon(ospf); /* next hops are told by interface and address */
	ospf_settle(ospf);
}

void ospf_area_set(struct ospf *ospf, uint32_t id, const struct ospf_area_settings *settings, struct instant now)
{
	struct ospf_area *area = ospf_area_get(ospf, id);
	struct ospf_interface *interface;
	bool restart = area->settings.stub != settings->stub;

	CHECK(settings->range_count <= OSPF_RANGES_MAX);
	ospf->now = now;
	list_each (interface, &area->interfaces, struct ospf_interface, in_area)
		if (restart && interface->up)
			ospf_interface_event(interface, OSPF_EVENT_DOWN);
	area->settings = *settings;
	list_each (interface, &area->interfaces, struct ospf_interface, in_area)
		if (restart && interface->up)
			ospf_interface_event(interface, OSPF_EVENT_UP);
	ospf_say_all_again(ospf);
	ospf_calc_soon(ospf);
	ospf_settle(ospf);
}

static uint64_t local_key(const struct prefix *prefix) { return (uint64_t)ip_to_u32(prefix->ip) << 8 | prefix->length; }

static bool external_same(const struct ospf_external *a, const struct ospf_external *b)
{
	return a->metric == b->metric && a->type_1 == b->type_1 && a->tag == b->tag && a->forward == b->forward;
}

bool ospf_external_set(struct ospf *ospf, const struct prefix *prefix, const struct ospf_external *external, struct instant now)
{
	struct ospf_local *local = map_get(&ospf->local_of, local_key(prefix));

	ospf->now = now;
	if (local == NULL) {
		if (ospf->local_of.used >= ospf->settings.lsas_max) {
			ospf->ops->limit_reached(ospf->context, "ospf routes", ospf->settings.lsas_max);
			return false;
		}
		local = xalloc(sizeof(*local));
		local->prefix = *prefix;
		list_append(&ospf->locals, &local->in_ospf);
		(void)map_set(&ospf->local_of, local_key(prefix), local);
	} else if (external_same(&local->external, external)) {
		return true;
	}
	local->external = *external;
	ospf->say_at = now; /* many may come at once: all are said by the next tick */
	return true;
}

void ospf_external_del(struct ospf *ospf, const struct prefix *prefix, struct instant now)
{
	struct ospf_local *local = map_remove(&ospf->local_of, local_key(prefix));

	if (local == NULL)
		return;
	ospf->now = now;
	list_remove(&local->in_ospf);
	free(local);
	ospf->say_at = now;
}

void ospf_stop(struct ospf *ospf, struct instant now)
{
	struct ospf_interface *interface;

	ospf->now = now;
	ospf->stopping = true;
	ospf_say_all_again(ospf); /* which is nothing now: all is flushed */
	ospf_settle(ospf);
	list_each (interface, &ospf->interfaces, struct ospf_interface, in_ospf) {
		if (interface->up)
			ospf_interface_event(interface, OSPF_EVENT_DOWN);
		interface->up = false;
	}
	ospf_calc_forget(ospf);
	ospf_settle(ospf);
}
