/* The table of the kinds of objects, and how objects compare. */
#include "ctl/object.h"

#include "api/message_group.h"
#include "api/message_nat.h"
#include "api/message_ospf.h"
#include "base/check.h"

#include <string.h>

#define TO_SWITCH (1u << PROCESS_SWITCH)
#define TO_ROUTE (1u << PROCESS_ROUTE)
#define TO_VM (1u << PROCESS_VM)

static const struct object_type types[OBJECT_KIND_COUNT] = {
	[OBJECT_SCHEDULE] = {"schedule", MSG_SCHEDULE_SET, MSG_SCHEDULE_DEL, TO_VM, sizeof(struct msg_schedule), true},
	[OBJECT_NETWORK] = {"network", MSG_NETWORK_SET, MSG_NETWORK_DEL, TO_SWITCH, sizeof(struct msg_network), true},
	[OBJECT_GROUP] = {"security group", MSG_GROUP_SET, MSG_GROUP_DEL, TO_SWITCH, sizeof(struct msg_group), true},
	[OBJECT_GROUP_RULES] = {"security group rules", MSG_GROUP_RULES_SET, MSG_GROUP_RULES_DEL, TO_SWITCH, sizeof(struct msg_group_rules),
		true},
	[OBJECT_ROUTE_POLICY] = {"route policy", MSG_ROUTE_POLICY_SET, MSG_ROUTE_POLICY_DEL, TO_ROUTE, sizeof(struct msg_route_policy),
		true},
	[OBJECT_ROUTER] = {"router", MSG_ROUTER_SET, MSG_ROUTER_DEL, TO_SWITCH | TO_ROUTE, sizeof(struct msg_router), true},
	[OBJECT_RIF] = {"interface", MSG_RIF_SET, MSG_RIF_DEL, TO_SWITCH | TO_ROUTE, sizeof(struct msg_rif), false},
	[OBJECT_PORT] = {"port", MSG_PORT_SET, MSG_PORT_DEL, TO_SWITCH, sizeof(struct msg_port), false},
	[OBJECT_NAT] = {"address translation", MSG_NAT_SET, MSG_NAT_DEL, TO_SWITCH, sizeof(struct msg_nat), false},
	[OBJECT_STATIC_ROUTE] = {"static route", MSG_STATIC_ROUTE_SET, MSG_STATIC_ROUTE_DEL, TO_ROUTE, sizeof(struct msg_static_route),
		false},
	[OBJECT_RIP] = {"rip", MSG_RIP_SET, MSG_RIP_DEL, TO_ROUTE, sizeof(struct msg_rip), false},
	[OBJECT_RIP_INTERFACE] = {"rip interface", MSG_RIP_INTERFACE_SET, MSG_RIP_INTERFACE_DEL, TO_ROUTE, sizeof(struct msg_rip_interface),
		false},
	[OBJECT_OSPF] = {"ospf", MSG_OSPF_SET, MSG_OSPF_DEL, TO_ROUTE, sizeof(struct msg_ospf), false},
	[OBJECT_OSPF_INTERFACE] = {"ospf interface", MSG_OSPF_INTERFACE_SET, MSG_OSPF_INTERFACE_DEL, TO_ROUTE,
		sizeof(struct msg_ospf_interface), false},
	[OBJECT_BGP] = {"bgp", MSG_BGP_SET, MSG_BGP_DEL, TO_ROUTE, sizeof(struct msg_bgp), true},
	[OBJECT_BGP_NEIGHBOR] = {"bgp neighbor", MSG_BGP_NEIGHBOR_SET, MSG_BGP_NEIGHBOR_DEL, TO_ROUTE, sizeof(struct msg_bgp_neighbor),
		false},
	[OBJECT_VM] = {"vm", MSG_VM_SET, MSG_VM_DEL, TO_VM, sizeof(struct msg_vm), false},
};

const struct object_type *object_type(enum object_kind kind)
{
	CHECK(kind < OBJECT_KIND_COUNT);
	return &types[kind];
}

bool object_shares_id(enum object_kind kind)
{
	return kind == OBJECT_NAT || kind == OBJECT_RIP || kind == OBJECT_RIP_INTERFACE || kind == OBJECT_OSPF ||
	       kind == OBJECT_OSPF_INTERFACE || kind == OBJECT_BGP;
}

int object_compare(const struct object *a, const struct object *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

bool object_equal(const struct object *a, const struct object *b)
{
	return object_compare(a, b) == 0 && memcmp(a->body, b->body, types[a->kind].size) == 0;
}

const struct object *object_list_find(const struct object_list *list, enum object_kind kind, uint32_t id)
{
	const struct object key = {.kind = kind, .id = id};
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = object_compare(&list->items[middle], &key);

		if (order == 0)
			return &list->items[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
