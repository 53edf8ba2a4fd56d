/* The core's orders: one row each, saying who may give it. */
#include "net/ethernet.h"
#include "net/wire.h"
#include "switch/core_state.h"
#include "switch/fib.h"
#include "switch/group.h"
#include "switch/local.h"
#include "switch/nat.h"

#include <errno.h>
#include <string.h>

/* A packet of a router's protocols, out of an interface. It needs an Ethernet header in front. */
static int order_inject(struct core *core, const void *body, struct err *err)
{
	const struct msg_packet *inject = body;
	struct origin origin = {.stage = STAGE_EGRESS, .rif = rif_find(core, inject->rif), .nexthop = inject->nexthop};
	struct ethernet_header *eth;
	struct packet *packet;

	if (origin.rif == NULL || origin.rif->config.router != inject->router)
		return err_set(err, -ENOENT, "router %u has no interface %u", inject->router, inject->rif);
	if (inject->size == 0 || inject->size > PACKET_BYTES_MAX || inject->nexthop.family == IP_NONE)
		return err_set(err, -EINVAL, "a packet to send has 1-%d bytes and a next hop", PACKET_BYTES_MAX);
	packet = packet_new(core->pool, ETHERNET_HEADER_BYTES + (size_t)inject->size);
	if (packet == NULL) {
		member_drop(&origin.rif->member, DROP_NO_BUFFER, true, 1);
		return 0;
	}
	packet->size = ETHERNET_HEADER_BYTES + (uint32_t)inject->size;
	memset(packet->data, 0, ETHERNET_HEADER_BYTES);
	eth = (struct ethernet_header *)packet->data;
	wire_put_u16(eth->type, inject->nexthop.family == IP_V4 ? ETHERNET_IPV4 : ETHERNET_IPV6);
	memcpy(eth + 1, inject->bytes, inject->size);
	origin.router = origin.rif->router;
	origin.packet = packet;
	core_originate(core, &origin);
	return 0;
}

static int order_sync_begin(struct core *core, const void *body, struct err *err)
{
	topology_sync_begin(core);
	return 0;
}

static int order_sync_end(struct core *core, const void *body, struct err *err) { return topology_sync_end(core, err); }
static int order_network_set(struct core *core, const void *body, struct err *err) { return network_set(core, body, err); }
static int order_port_set(struct core *core, const void *body, struct err *err) { return port_set(core, body, err); }
static int order_router_set(struct core *core, const void *body, struct err *err) { return router_set(core, body, err); }
static int order_rif_set(struct core *core, const void *body, struct err *err) { return rif_set(core, body, err); }
static int order_punt_rule(struct core *core, const void *body, struct err *err) { return punt_rule_set(core, body, err); }
static int order_fib_batch(struct core *core, const void *body, struct err *err) { return fib_batch(core, body, err); }
static int order_fib_sync(struct core *core, const void *body, struct err *err) { return fib_sync(core, body, err); }

static int order_group_set(struct core *core, const void *body, struct err *err) { return group_set(core, body, err); }
static int order_group_rules_set(struct core *core, const void *body, struct err *err) { return group_rules_set(core, body, err); }

static int order_nat_set(struct core *core, const void *body, struct err *err) { return nat_set(core, body, err); }

static int order_nat_del(struct core *core, const void *body, struct err *err)
{
	nat_del(core, ((const struct msg_id *)body)->id);
	return 0;
}

static int order_group_del(struct core *core, const void *body, struct err *err)
{
	group_del(core, ((const struct msg_id *)body)->id);
	return 0;
}

static int order_group_rules_del(struct core *core, const void *body, struct err *err)
{
	group_rules_del(core, ((const struct msg_id *)body)->id);
	return 0;
}

static int order_network_del(struct core *core, const void *body, struct err *err)
{
	network_del(core, ((const struct msg_id *)body)->id);
	return 0;
}

static int order_port_del(struct core *core, const void *body, struct err *err)
{
	port_del(core, ((const struct msg_id *)body)->id);
	return 0;
}

static int order_router_del(struct core *core, const void *body, struct err *err)
{
	router_del(core, ((const struct msg_id *)body)->id);
	return 0;
}

static int order_rif_del(struct core *core, const void *body, struct err *err)
{
	rif_del(core, ((const struct msg_id *)body)->id);
	return 0;
}

static const struct order {
	enum message_type type;
	enum process_id from;
	int (*run)(struct core *core, const void *body, struct err *err);
} orders[] = {
	{MSG_SYNC_BEGIN, PROCESS_CTL, order_sync_begin},
	{MSG_SYNC_END, PROCESS_CTL, order_sync_end},
	{MSG_NETWORK_SET, PROCESS_CTL, order_network_set},
	{MSG_NETWORK_DEL, PROCESS_CTL, order_network_del},
	{MSG_GROUP_SET, PROCESS_CTL, order_group_set},
	{MSG_GROUP_DEL, PROCESS_CTL, order_group_del},
	{MSG_GROUP_RULES_SET, PROCESS_CTL, order_group_rules_set},
	{MSG_GROUP_RULES_DEL, PROCESS_CTL, order_group_rules_del},
	{MSG_PORT_SET, PROCESS_CTL, order_port_set},
	{MSG_PORT_DEL, PROCESS_CTL, order_port_del},
	{MSG_ROUTER_SET, PROCESS_CTL, order_router_set},
	{MSG_ROUTER_DEL, PROCESS_CTL, order_router_del},
	{MSG_RIF_SET, PROCESS_CTL, order_rif_set},
	{MSG_RIF_DEL, PROCESS_CTL, order_rif_del},
	{MSG_NAT_SET, PROCESS_CTL, order_nat_set},
	{MSG_NAT_DEL, PROCESS_CTL, order_nat_del},
	{MSG_PUNT_RULE, PROCESS_ROUTE, order_punt_rule},
	{MSG_INJECT, PROCESS_ROUTE, order_inject},
	{MSG_FIB_BATCH, PROCESS_ROUTE, order_fib_batch},
	{MSG_FIB_SYNC, PROCESS_ROUTE, order_fib_sync},
};

int core_apply(
	struct core *core, enum process_id from, const struct message_row *row, const void *body, struct instant now, struct err *err)
{
	core->now = now;
	for (size_t i = 0; i < COUNT_OF(orders); i++) {
		int rc;

		if (orders[i].type != row->type)
			continue;
		if (orders[i].from != from)
			return err_set(err, -EPERM, "only %s may order that", process_name(orders[i].from));
		rc = orders[i].run(core, body, err);
		core_walk_origins(core);
		return rc;
	}
	return err_set(err, -EOPNOTSUPP, "message %u is no order for the switch", row->type);
}
