/* Answers to questions: rows of MACs, neighbors, interfaces, drops, leases. */
#include "base/text.h"
#include "switch/core_state.h"
#include "switch/fdb.h"
#include "switch/flow_cache.h"
#include "switch/group.h"
#include "switch/nat.h"
#include "switch/neighbor.h"
#include "switch/throughput.h"

#include <errno.h>

/* Connections of one answer. */
#define SHOW_CONNECTIONS_MAX 10000

/* Where rows go. */
struct answer {
	struct core *core;
	enum process_id to;
	uint32_t seq;
	struct instant now;
};

static void answer_row(const struct answer *answer, enum message_type type, const void *row)
{
	answer->core->ops->message(answer->core->context, answer->to, type, answer->seq, row);
}

static uint32_t age_s(const struct answer *answer, struct instant since)
{
	int64_t ns = instant_diff(answer->now, since).ns;

	return ns > 0 ? (uint32_t)(ns / 1000000000) : 0;
}

static void show_macs(const struct answer *answer, const struct network *network)
{
	struct fdb_entry *entry;
	size_t cursor = 0;

	while ((entry = map_next(&network->fdb, &cursor, NULL, NULL)) != NULL) {
		struct row_mac row = {.network = network->config.id,
			.mac = entry->mac,
			.port = entry->member->id,
			.is_static = entry->is_static,
			.age_s = entry->is_static ? 0 : age_s(answer, entry->seen)};

		answer_row(answer, MSG_ROW_MAC, &row);
	}
}

static enum arp_state shown_state(enum neighbor_state state)
{
	switch (state) {
	case NEIGHBOR_INCOMPLETE:
		return ARP_INCOMPLETE;
	case NEIGHBOR_REACHABLE:
		return ARP_REACHABLE;
	case NEIGHBOR_STALE:
	case NEIGHBOR_DELAY:
	case NEIGHBOR_PROBE:
		return ARP_STALE;
	case NEIGHBOR_FAILED:
	case NEIGHBOR_STATES:
		break;
	}
	return ARP_FAILED;
}

/* The addresses of a member that the model knows, as neighbors of an interface in the same network. */
static void show_known(const struct answer *answer, const struct rif *rif, struct member *member)
{
	struct row_arp row = {.router = rif->config.router, .rif = rif->config.id, .state = ARP_REACHABLE};

	if (member->is_rif) {
		const struct rif *other = member_rif(member);

		row.mac = other->config.mac;
		for (unsigned i = 0; other->carrier && i < other->config.address_count; i++) {
			row.ip = other->config.addresses[i].ip;
			answer_row(answer, MSG_ROW_ARP, &row);
		}
		return;
	}
	row.mac = member_port(member)->config.mac;
	if (!member_port(member)->guarded || !port_is_up(member_port(member)))
		return;
	row.ip = member_port(member)->config.ipv4;
	if (row.ip.family != IP_NONE)
		answer_row(answer, MSG_ROW_ARP, &row);
	row.ip = member_port(member)->config.ipv6;
	if (row.ip.family != IP_NONE)
		answer_row(answer, MSG_ROW_ARP, &row);
}

static void show_neighbors(const struct answer *answer, const struct rif *rif)
{
	struct neighbor *neighbor;
	struct member *member;
	size_t cursor = 0;

	while ((neighbor = map_next(&rif->neighbors, &cursor, NULL, NULL)) != NULL) {
		struct row_arp row = {.router = rif->config.router,
			.rif = rif->config.id,
			.ip = neighbor->ip,
			.mac = neighbor->mac,
			.state = (uint8_t)shown_state(neighbor->state),
			.age_s = age_s(answer, neighbor->confirmed)};

		answer_row(answer, MSG_ROW_ARP, &row);
	}
	if (!rif->carrier)
		return;
	list_each (member, &rif->member.network->members, struct member, in_network) {
		if (member != &rif->member)
			show_known(answer, rif, member);
	}
}

static void show_interface(const struct answer *answer, struct member *member)
{
	const struct counters *c = &member->counters;
	struct row_interface row = {.id = member->id,
		.is_router = member->is_rif,
		.network = member->network_id,
		.rx_packets = c->rx_packets,
		.rx_bytes = c->rx_bytes,
		.rx_dropped = c->rx_dropped,
		.tx_packets = c->tx_packets,
		.tx_bytes = c->tx_bytes,
		.tx_dropped = c->tx_dropped};

	if (member->is_rif) {
		row.up = member_rif(member)->carrier;
		row.mtu = member_rif(member)->config.mtu;
		row.mac = member_rif(member)->config.mac;
	} else {
		row.up = port_is_up(member_port(member));
		row.mtu = member_port(member)->config.mtu;
		row.mac = member_port(member)->config.mac;
	}
	throughput_row(member, &row);
	answer_row(answer, MSG_ROW_INTERFACE, &row);
}

static void show_drops(const struct answer *answer, const struct member *member)
{
	for (unsigned i = 1; i < DROP_COUNT; i++) {
		struct row_drop row = {.id = member->id, .packets = member->counters.drops[i]};

		if (row.packets == 0)
			continue;
		(void)text_copy(row.reason, sizeof(row.reason), drop_name((enum drop_reason)i));
		(void)text_copy(row.text, sizeof(row.text), drop_text((enum drop_reason)i));
		answer_row(answer, MSG_ROW_DROP, &row);
	}
}

static void show_lease(const struct answer *answer, const struct port *port, const struct dhcp_lease *lease)
{
	int64_t left_ns = instant_diff(lease->until, answer->now).ns;
	struct row_dhcp row = {.network = port->config.network, .port = port->config.id, .mac = port->config.mac, .ip = lease->ip};

	if (!lease->active || left_ns <= 0)
		return;
	row.remaining_s = (uint32_t)(left_ns / 1000000000);
	(void)text_copy(row.hostname, sizeof(row.hostname), lease->hostname);
	answer_row(answer, MSG_ROW_DHCP, &row);
}

/* A connection as its first packet read; one of ICMP by its identifier alone. */
static void show_connection(const struct answer *answer, const struct conn *conn)
{
	const struct conn_tuple *tuple = &conn->nodes[CONN_ORIGINAL].tuple;
	struct row_connection row = {.port = conn->zone->id,
		.protocol = tuple->protocol,
		.inbound = conn->inbound,
		.state = conn->state,
		.source = ip_from_bytes((enum ip_family)tuple->family, tuple->src),
		.destination = ip_from_bytes((enum ip_family)tuple->family, tuple->dst),
		.source_port = tuple->src_port,
		.destination_port = tuple->query ? 0 : tuple->dst_port,
		.remaining_s = conn_remaining_s(answer->core, conn),
		.packets = conn->packets[CONN_ORIGINAL],
		.reply_packets = conn->packets[CONN_REPLY]};

	answer_row(answer, MSG_ROW_CONNECTION, &row);
}

static void show_connections(const struct answer *answer, uint32_t port)
{
	const struct conn *conn;
	size_t cursor = 0;

	/* More than anyone reads would keep packets waiting. */
	for (unsigned rows = 0; rows < SHOW_CONNECTIONS_MAX && (conn = conn_next(answer->core, &cursor)) != NULL;) {
		if (conn->zone->kind != CONN_OF_PORT || (port != 0 && conn->zone->id != port))
			continue;
		show_connection(answer, conn);
		rows++;
	}
}

static struct ip tuple_ip(const struct conn_tuple *tuple, const uint8_t *bytes)
{
	return ip_from_bytes((enum ip_family)tuple->family, bytes);
}

/* A translated connection, before and after. */
static void show_translation(const struct answer *answer, const struct conn *conn)
{
	const struct conn_tuple *tuple = &conn->nodes[CONN_ORIGINAL].tuple;
	struct conn_tuple onward = nat_onward(conn, CONN_ORIGINAL);
	struct row_nat row = {.router = conn->zone->id,
		.protocol = tuple->protocol,
		.state = conn->state,
		.source = tuple_ip(tuple, tuple->src),
		.source_port = tuple->src_port,
		.destination = tuple_ip(tuple, tuple->dst),
		.destination_port = tuple->query ? 0 : tuple->dst_port,
		.new_source = tuple_ip(&onward, onward.src),
		.new_source_port = onward.src_port,
		.new_destination = tuple_ip(&onward, onward.dst),
		.new_destination_port = onward.query ? 0 : onward.dst_port,
		.remaining_s = conn_remaining_s(answer->core, conn),
		.packets = conn->packets[CONN_ORIGINAL],
		.reply_packets = conn->packets[CONN_REPLY]};

	answer_row(answer, MSG_ROW_NAT, &row);
}

static void show_translations(const struct answer *answer, uint32_t router)
{
	const struct conn *conn;
	size_t cursor = 0;

	for (unsigned rows = 0; rows < SHOW_CONNECTIONS_MAX && (conn = conn_next(answer->core, &cursor)) != NULL;) {
		if (conn->zone->kind != CONN_OF_ROUTER || (router != 0 && conn->zone->id != router))
			continue;
		show_translation(answer, conn);
		rows++;
	}
}

/* The rules of a router, each with what its addresses have given out. */
static void show_nat_rules(const struct answer *answer, const struct nat *nat)
{
	for (unsigned i = 0; i < nat->rule_count; i++) {
		const struct nat_rule *rule = &nat->rules[i].config;
		struct row_nat_rule row = {.router = nat->router->config.id,
			.kind = rule->kind,
			.protocol = rule->protocol,
			.port_first = rule->port_first,
			.port_last = rule->port_last,
			.to_port = rule->to_port,
			.rif = rule->rif,
			.match = rule->match,
			.to = rule->to.ip,
			.to_last = rule->to_last,
			.to_length = rule->kind == NAT_PREFIX ? rule->to.length : 0,
			.begun = nat->rules[i].begun,
			.connections = nat->router->zone.used};
		uint32_t addresses = rule->kind == NAT_SOURCE ? ip_to_u32(rule->to_last) - ip_to_u32(rule->to.ip) + 1 : 0;

		for (uint32_t k = 0; k < addresses; k++) {
			const struct nat_address *address = map_get(&nat->addresses, ip_to_u32(rule->to.ip) + k);

			row.hosts += address->host_count;
			row.ports_used += address->port_count;
			row.ports_taken += address->block_count * NAT_BLOCK_PORTS;
			row.ports_all += NAT_BLOCKS * NAT_BLOCK_PORTS;
		}
		answer_row(answer, MSG_ROW_NAT_RULE, &row);
	}
}

static void show_all_nat_rules(const struct answer *answer, uint32_t router)
{
	const struct router *at;
	size_t cursor = 0;

	while ((at = map_next(&answer->core->routers, &cursor, NULL, NULL)) != NULL)
		if (at->nat != NULL && (router == 0 || at->config.id == router))
			show_nat_rules(answer, at->nat);
}

static void show_group(const struct answer *answer, const struct group *group)
{
	struct row_group row = {.group = group->config.id, .complete = group->active && group->version == group->config.version};
	struct port *port;
	size_t cursor = 0;

	for (size_t i = 0; i < group->rule_count; i++) {
		if (group->rules[i].ingress)
			row.ingress_rules++;
		else
			row.egress_rules++;
	}
	while ((port = map_next(&answer->core->ports, &cursor, NULL, NULL)) != NULL) {
		const uint64_t *drops = port->member.counters.drops;

		if (!group_has(group, port))
			continue;
		row.ports++;
		row.connections += port->zone.used;
		row.denied_in += drops[DROP_GROUP_DENIED_IN];
		row.denied_out += drops[DROP_GROUP_DENIED_OUT];
	}
	answer_row(answer, MSG_ROW_GROUP, &row);
}

/* Ports and interfaces, of one network (0: all), of one router where `router` (not 0) says so. */
static void show_members(const struct answer *answer, uint32_t object, void (*show)(const struct answer *, struct member *))
{
	struct port *port;
	struct rif *rif;
	size_t cursor = 0;

	while ((port = map_next(&answer->core->ports, &cursor, NULL, NULL)) != NULL)
		if (object == 0 || port->config.network == object)
			show(answer, &port->member);
	for (cursor = 0; (rif = map_next(&answer->core->rifs, &cursor, NULL, NULL)) != NULL;)
		if (object == 0 || rif->config.network == object || rif->config.router == object)
			show(answer, &rif->member);
}

static void show_member_drops(const struct answer *answer, struct member *member) { show_drops(answer, member); }

int core_show(struct core *core, enum process_id to, uint32_t seq, const struct msg_show *show, struct instant now, struct err *err)
{
	struct answer answer = {core, to, seq, now};
	struct network *network;
	struct group *group;
	struct port *port;
	struct rif *rif;
	size_t cursor = 0;

	core->now = now;
	switch (show->what) {
	case SHOW_MAC:
		while ((network = map_next(&core->networks, &cursor, NULL, NULL)) != NULL)
			if (show->object == 0 || network->config.id == show->object)
				show_macs(&answer, network);
		return 0;
	case SHOW_ARP:
		while ((rif = map_next(&core->rifs, &cursor, NULL, NULL)) != NULL)
			if (show->object == 0 || rif->config.router == show->object)
				show_neighbors(&answer, rif);
		return 0;
	case SHOW_INTERFACES:
		flow_cache_settle(core);
		throughput_measure(core);
		show_members(&answer, show->object, show_interface);
		return 0;
	case SHOW_DROPS:
		show_members(&answer, show->object, show_member_drops);
		return 0;
	case SHOW_DHCP:
		while ((port = map_next(&core->ports, &cursor, NULL, NULL)) != NULL)
			if (show->object == 0 || port->config.network == show->object) {
				show_lease(&answer, port, &port->lease);
				show_lease(&answer, port, &port->lease6);
			}
		return 0;
	case SHOW_CONNECTIONS:
		show_connections(&answer, show->object);
		return 0;
	case SHOW_NAT:
		show_translations(&answer, show->object);
		return 0;
	case SHOW_NAT_RULES:
		show_all_nat_rules(&answer, show->object);
		return 0;
	case SHOW_GROUPS:
		while ((group = map_next(&core->groups, &cursor, NULL, NULL)) != NULL)
			show_group(&answer, group);
		return 0;
	default:
		return err_set(err, -EOPNOTSUPP, "the switch has no answer to question %u", show->what);
	}
}
