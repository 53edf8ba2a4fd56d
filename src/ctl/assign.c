/* Assignment of subnets, addresses, MACs and router ids to a flat lab, one kind of number after the other. */
#include "ctl/assign_parts.h"

#include "base/check.h"
#include "model/lab_io.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void *grow(struct assigner *a, void *array, size_t count, size_t *capacity, size_t size)
{
	void *larger;

	if (count < *capacity)
		return array;
	*capacity = *capacity ? *capacity * 2 : 64;
	larger = arena_alloc(a->lab->arena, *capacity * size);
	if (count > 0)
		memcpy(larger, array, count * size);
	return larger;
}

void assign_give(struct assigner *a, const char *pool, const char *owner, uint64_t value, enum holding_why why)
{
	struct assignment *out = a->out;

	out->holdings = grow(a, out->holdings, out->holding_count, &a->holding_capacity, sizeof(*out->holdings));
	out->holdings[out->holding_count++] = (struct holding){pool, owner, value, 0, a->now_wall_ns, why};
}

void assign_note_use(struct assigner *a, const char *name, const struct number_pool *pool)
{
	struct assignment *out = a->out;

	out->uses = grow(a, out->uses, out->use_count, &a->use_capacity, sizeof(*out->uses));
	out->uses[out->use_count++] = (struct pool_use){name, number_size(pool), number_used(pool), number_held(pool)};
}

struct number_pool *assign_pool_open(struct assigner *a, const struct number_pool_config *config)
{
	return number_pool_new(config, a->holdings, a->lab->name, a->now_wall_ns);
}

void assign_pool_close(struct assigner *a, struct number_pool *pool)
{
	struct assignment *out = a->out;
	uint64_t value;

	if (pool != NULL && number_cursor(pool, &value)) {
		out->cursors = grow(a, out->cursors, out->cursor_count, &a->cursor_capacity, sizeof(*out->cursors));
		out->cursors[out->cursor_count++] = (struct pool_cursor){number_pool_key(pool), value};
	}
	number_pool_free(pool);
}

enum pool_strategy assign_strategy(enum strategy strategy)
{
	switch (strategy) {
	case STRATEGY_RANDOM:
		return POOL_RANDOM;
	case STRATEGY_HASH:
		return POOL_HASH;
	case STRATEGY_SEQUENTIAL:
	case STRATEGY_COUNT:
		break;
	}
	return POOL_SEQUENTIAL;
}

void assign_refuse(struct assigner *a, const struct asker *asker, const char *what, const struct err *err)
{
	diag_error(a->diags, asker->place, asker->path, "%s %s", what, err->text);
}

bool assign_keep(struct assigner *a, struct number_pool *pool, const struct asker *asker, uint64_t *value)
{
	if (!number_keep(pool, asker->owner, value))
		return false;
	assign_give(a, number_pool_key(pool), asker->owner, *value, HOLDING_CHOSEN);
	return true;
}

bool assign_new(struct assigner *a, struct number_pool *pool, const struct asker *asker, uint64_t *value)
{
	struct err err;

	if (number_allocate(pool, asker->owner, value, &err) < 0) {
		diag_error(a->diags, asker->place, asker->path, "%s", err.text);
		return false;
	}
	assign_give(a, number_pool_key(pool), asker->owner, *value, HOLDING_CHOSEN);
	return true;
}

/* --- subnets of networks and links --- */

static uint64_t first_of(struct prefix prefix) { return ip_to_u32(prefix_masked(prefix).ip); }
static uint64_t last_of(struct prefix prefix) { return first_of(prefix) + (UINT64_C(1) << (32 - prefix.length)) - 1; }

static bool has_ipv4(struct prefix prefix) { return prefix.ip.family == IP_V4; }

static struct asker asker_of_network(struct assigner *a, size_t i)
{
	struct arena *arena = a->lab->arena;
	const struct lab_network *network = &a->lab->networks[i];

	return (struct asker){arena_printf(arena, "%s/%s", a->lab->name, network->name), arena_printf(arena, "networks.%s", network->name),
		network->place};
}

static struct asker asker_of_link(struct assigner *a, size_t i)
{
	struct arena *arena = a->lab->arena;
	const struct lab_link *link = &a->lab->links[i];

	return (struct asker){
		arena_printf(arena, "%s/%s", a->lab->name, link->name), arena_printf(arena, "links.%s", link->name), link->place};
}

/* One pass over the networks and links that want a subnet of pool `index`: those that held one, or all that are left. */
static void subnets_pass(struct assigner *a, struct number_pool *pool, int index, bool kept_only)
{
	uint8_t length = a->lab->pools[index].unit_length;
	uint64_t value;

	for (size_t i = 0; i < a->lab->network_count + a->lab->link_count; i++) {
		bool is_link = i >= a->lab->network_count;
		size_t n = is_link ? i - a->lab->network_count : i;
		struct prefix *ipv4 = is_link ? &a->lab->links[n].ipv4 : &a->lab->networks[n].ipv4;
		struct asker asker;

		if ((is_link ? a->lab->links[n].pool : a->lab->networks[n].pool) != index || has_ipv4(*ipv4))
			continue;
		asker = is_link ? asker_of_link(a, n) : asker_of_network(a, n);
		if (kept_only ? assign_keep(a, pool, &asker, &value) : assign_new(a, pool, &asker, &value))
			*ipv4 = (struct prefix){ip_from_u32((uint32_t)value), length};
	}
}

static void assign_subnets(struct assigner *a)
{
	struct lab *lab = a->lab;

	for (size_t p = 0; p < lab->pool_count; p++) {
		const struct lab_pool *row = &lab->pools[p];
		struct number_pool *pool;

		if (row->kind != POOL_IPV4)
			continue;
		pool = assign_pool_open(a, &(struct number_pool_config){
						   .key = arena_printf(lab->arena, "%s/pool/%s", lab->name, row->name),
						   .name = row->name,
						   .base = first_of(row->range),
						   .shift = 32u - row->unit_length,
						   .units = UINT64_C(1) << (row->unit_length - row->range.length),
						   .strategy = assign_strategy(row->strategy),
						   .seed = row->seed,
						   .quarantine_s = row->quarantine_s,
						   .block = row->block,
						   .quota = row->quota,
						   .shorten_quarantine = row->shorten_quarantine,
					   });
		assign_exclude(pool, row->exclude, row->exclude_count);
		for (size_t i = 0; i < lab->network_count; i++)
			if (has_ipv4(lab->networks[i].ipv4))
				number_exclude(pool, first_of(lab->networks[i].ipv4), last_of(lab->networks[i].ipv4));
		for (size_t i = 0; i < lab->link_count; i++)
			if (has_ipv4(lab->links[i].ipv4))
				number_exclude(pool, first_of(lab->links[i].ipv4), last_of(lab->links[i].ipv4));
		subnets_pass(a, pool, (int)p, true);
		number_settle(pool);
		subnets_pass(a, pool, (int)p, false);
		assign_note_use(a, row->name, pool);
		assign_pool_close(a, pool);
	}
}

/* --- addresses on links: the end that is written first gets the lower one --- */

static bool is_first_end(const struct lab *lab, int link, const char *device, const char *interface)
{
	const char *from = lab->links[link].from;
	size_t length = strlen(device);

	return strncmp(from, device, length) == 0 &&
	       (from[length] == 0 || (from[length] == ':' && strcmp(from + length + 1, interface) == 0));
}

static struct prefix link_address(const struct lab *lab, int link, const char *device, const char *interface)
{
	struct prefix subnet = prefix_masked(lab->links[link].ipv4);
	uint64_t offset = (subnet.length == 31 ? 0 : 1) + (is_first_end(lab, link, device, interface) ? 0 : 1);

	if (!has_ipv4(subnet))
		return (struct prefix){0};
	return (struct prefix){prefix_nth(subnet, offset), subnet.length};
}

static void assign_link_addresses(struct assigner *a)
{
	struct lab *lab = a->lab;

	for (size_t r = 0; r < lab->router_count; r++) {
		for (size_t i = 0; i < lab->routers[r].interface_count; i++) {
			struct lab_interface *interface = &lab->routers[r].interfaces[i];

			if (interface->link >= 0 && !has_ipv4(interface->ipv4))
				interface->ipv4 = link_address(lab, interface->link, lab->routers[r].name, interface->name);
		}
	}
	for (size_t v = 0; v < lab->vm_count; v++) {
		for (size_t i = 0; i < lab->vms[v].nic_count; i++) {
			struct lab_nic *nic = &lab->vms[v].nics[i];

			if (nic->link >= 0 && !has_ipv4(nic->ipv4))
				nic->ipv4 = link_address(lab, nic->link, lab->vms[v].name, nic->name);
		}
	}
}

/* --- addresses in networks --- */

struct asker asker_of_interface(struct assigner *a, const struct lab_router *router, const struct lab_interface *interface)
{
	struct arena *arena = a->lab->arena;

	return (struct asker){arena_printf(arena, "%s/%s:%s", a->lab->name, router->name, interface->name),
		arena_printf(arena, "routers.%s.interfaces.%s", router->name, interface->name), interface->place};
}

struct asker asker_of_nic(struct assigner *a, const struct lab_vm *vm, size_t nic)
{
	struct arena *arena = a->lab->arena;

	return (struct asker){arena_printf(arena, "%s/%s:%s", a->lab->name, vm->name, vm->nics[nic].name),
		arena_printf(arena, "vms.%s.nics[%zu]", vm->name, nic), vm->nics[nic].place};
}

struct asker asker_of_port(struct assigner *a, size_t port)
{
	const struct lab_port *row = &a->lab->ports[port];

	return (struct asker){arena_printf(a->lab->arena, "%s/%s", a->lab->name, row->name),
		arena_printf(a->lab->arena, "ports.%s", row->name), row->place};
}

void assign_exclude(struct number_pool *pool, const char *const *exclude, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct ip first, last;

		if (lab_range_parse(exclude[i], &first, &last))
			number_exclude(pool, ip_to_u32(first), ip_to_u32(last));
	}
}

/* An address of a network that somebody has or wants. */
struct seat {
	struct prefix *ipv4;
	struct asker asker;
	bool router;
};

/* The seats of a network: its routers' interfaces in the file's order, then its machines' NICs. */
static struct seat *network_seats(struct assigner *a, int network, size_t *count)
{
	struct lab *lab = a->lab;
	struct seat *seats = NULL;
	size_t capacity = 0, n = 0;

	for (size_t r = 0; r < lab->router_count; r++) {
		for (size_t i = 0; i < lab->routers[r].interface_count; i++) {
			struct lab_interface *interface = &lab->routers[r].interfaces[i];

			if (interface->network != network)
				continue;
			seats = grow(a, seats, n, &capacity, sizeof(*seats));
			seats[n++] = (struct seat){&interface->ipv4, asker_of_interface(a, &lab->routers[r], interface), true};
		}
	}
	for (size_t v = 0; v < lab->vm_count; v++) {
		for (size_t i = 0; i < lab->vms[v].nic_count; i++) {
			if (lab->vms[v].nics[i].network != network)
				continue;
			seats = grow(a, seats, n, &capacity, sizeof(*seats));
			seats[n++] = (struct seat){&lab->vms[v].nics[i].ipv4, asker_of_nic(a, &lab->vms[v], i), false};
		}
	}
	for (size_t p = 0; p < lab->port_count; p++) {
		if (lab->ports[p].network != network || mac_is_zero(lab->ports[p].mac))
			continue;
		seats = grow(a, seats, n, &capacity, sizeof(*seats));
		seats[n++] = (struct seat){&lab->ports[p].ipv4, asker_of_port(a, p), false};
	}
	*count = n;
	return seats;
}

/* Reserves what is written. A written gateway that no router has is the first router's that has no address of its own, else a stranger's
 * (behind a TAP), whom nobody else may be. */
static void reserve_written(struct assigner *a, struct number_pool *pool, struct lab_network *network, struct seat *seats, size_t count)
{
	bool gateway_open = network->gateway.family == IP_V4;
	struct err err;

	for (size_t i = 0; i < count; i++)
		if (has_ipv4(*seats[i].ipv4) && ip_equal(seats[i].ipv4->ip, network->gateway))
			gateway_open = false;
	for (size_t i = 0; i < count && gateway_open; i++) {
		if (seats[i].router && !has_ipv4(*seats[i].ipv4)) {
			*seats[i].ipv4 = (struct prefix){network->gateway, network->ipv4.length};
			gateway_open = false;
		}
	}
	for (size_t i = 0; i < count; i++) {
		char address[IP_TEXT_BYTES];

		if (!has_ipv4(*seats[i].ipv4))
			continue;
		if (number_reserve(pool, seats[i].asker.owner, ip_to_u32(seats[i].ipv4->ip), &err) < 0)
			assign_refuse(a, &seats[i].asker, ip_text(seats[i].ipv4->ip, address), &err);
		else
			assign_give(a, number_pool_key(pool), seats[i].asker.owner, ip_to_u32(seats[i].ipv4->ip), HOLDING_WRITTEN);
	}
	if (gateway_open)
		number_exclude(pool, ip_to_u32(network->gateway), ip_to_u32(network->gateway));
}

static void seat_set(const struct lab_network *network, struct seat *seat, uint64_t value)
{
	*seat->ipv4 = (struct prefix){ip_from_u32((uint32_t)value), network->ipv4.length};
}

/* The open seats of routers get the lowest addresses. */
static void fill_routers(struct assigner *a, struct number_pool *pool, struct lab_network *network, struct seat *seats, size_t count)
{
	uint64_t first = network->ipv4.length <= 30 ? 1 : 0, value;
	struct err err;

	for (size_t i = 0; i < count; i++) {
		if (!seats[i].router || has_ipv4(*seats[i].ipv4))
			continue;
		if (number_lowest(pool, seats[i].asker.owner, first, &value, &err) < 0) {
			diag_error(a->diags, seats[i].asker.place, seats[i].asker.path, "%s", err.text);
			continue;
		}
		assign_give(a, number_pool_key(pool), seats[i].asker.owner, value, HOLDING_CHOSEN);
		seat_set(network, &seats[i], value);
	}
}

/* Gives the open seats of a network their addresses: kept ones first, so that no newcomer takes them. */
static void fill_seats(struct assigner *a, struct number_pool *pool, struct lab_network *network, struct seat *seats, size_t count)
{
	uint64_t start = first_of(network->ipv4), value;
	bool routed = false;

	for (size_t i = 0; i < count; i++) {
		routed |= seats[i].router;
		if (!has_ipv4(*seats[i].ipv4) && assign_keep(a, pool, &seats[i].asker, &value))
			seat_set(network, &seats[i], value);
	}
	fill_routers(a, pool, network, seats, count);
	number_settle(pool);
	assign_exclude(pool, network->exclude, network->exclude_count);
	if (network->ipv4.length <= ASSIGN_ROOM_LENGTH)
		number_exclude(pool, start, start + ASSIGN_INFRASTRUCTURE_UNITS);
	else if ((network->dhcp || network->dns) && !routed)
		number_exclude(pool, start, start + (network->ipv4.length <= 30 ? 1 : 0)); /* for the DHCP server */
	for (size_t i = 0; i < count; i++)
		if (!seats[i].router && !has_ipv4(*seats[i].ipv4) && assign_new(a, pool, &seats[i].asker, &value))
			seat_set(network, &seats[i], value);
}

static void assign_network_addresses(struct assigner *a, size_t index)
{
	struct lab *lab = a->lab;
	struct lab_network *network = &lab->networks[index];
	struct prefix subnet = prefix_masked(network->ipv4);
	struct number_pool *pool;
	struct seat *seats;
	size_t count;

	if (!has_ipv4(subnet))
		return;
	seats = network_seats(a, (int)index, &count);
	pool = assign_pool_open(a, &(struct number_pool_config){
					   .key = arena_printf(lab->arena, "%s/network/%s", lab->name, network->name),
					   .name = network->name,
					   .base = first_of(subnet),
					   .units = UINT64_C(1) << (32 - subnet.length),
					   .strategy = POOL_SEQUENTIAL,
					   .quarantine_s = network->quarantine_s,
					   .shorten_quarantine = network->shorten_quarantine,
				   });
	if (subnet.length <= 30) {
		number_exclude(pool, first_of(subnet), first_of(subnet));
		number_exclude(pool, last_of(subnet), last_of(subnet));
	}
	reserve_written(a, pool, network, seats, count);
	fill_seats(a, pool, network, seats, count);
	assign_note_use(a, network->name, pool);
	assign_pool_close(a, pool);
	for (size_t i = 0; i < count && network->gateway.family == IP_NONE && !network->no_gateway; i++)
		if (seats[i].router)
			network->gateway = seats[i].ipv4->ip;
}

/* --- router ids: the one held before, else an address of the router, else one made from its name; unique within the lab --- */

static bool router_id_taken(const struct lab *lab, struct ip id)
{
	for (size_t i = 0; i < lab->router_count; i++)
		if (ip_equal(lab->routers[i].router_id, id))
			return true;
	return false;
}

static struct ip router_id_choose(const struct lab *lab, size_t index)
{
	const struct lab_router *router = &lab->routers[index];

	for (size_t i = 0; i < router->interface_count; i++)
		if (has_ipv4(router->interfaces[i].ipv4) && !router_id_taken(lab, router->interfaces[i].ipv4.ip))
			return router->interfaces[i].ipv4.ip;
	for (uint32_t id = (uint32_t)index + 1;; id++)
		if (!router_id_taken(lab, ip_from_u32(id)))
			return ip_from_u32(id);
}

static void assign_router_ids(struct assigner *a)
{
	struct lab *lab = a->lab;
	const char *key = arena_printf(lab->arena, "%s/router-id", lab->name);

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < lab->router_count; i++) {
			struct lab_router *router = &lab->routers[i];
			const char *owner = arena_printf(lab->arena, "%s/%s", lab->name, router->name);
			const struct holding *held = holdings_find(a->holdings, key, owner);

			if (router->router_id.family != IP_NONE)
				continue;
			if (pass == 0 && (held == NULL || router_id_taken(lab, ip_from_u32((uint32_t)held->value))))
				continue;
			router->router_id = pass == 0 ? ip_from_u32((uint32_t)held->value) : router_id_choose(lab, i);
			assign_give(a, key, owner, ip_to_u32(router->router_id), HOLDING_CHOSEN);
		}
	}
}

int assign_lab(struct lab *flat, const struct holdings *holdings, int64_t now_wall_ns, struct assignment *out, struct diags *diags)
{
	struct assigner a = {.lab = flat, .holdings = holdings, .now_wall_ns = now_wall_ns, .out = out, .diags = diags};
	size_t errors = diags->errors;

	CHECK(flat->flat);
	*out = (struct assignment){0};
	assign_subnets(&a);
	assign_link_addresses(&a);
	for (size_t i = 0; i < flat->network_count; i++)
		assign_network_addresses(&a, i);
	assign_macs(&a);
	assign_ipv6(flat);
	assign_router_ids(&a);
	return diags->errors > errors ? -EINVAL : 0;
}
