/* OSPF of a flat lab as messages. */
#include "ctl/compile_ospf.h"

#include <stdlib.h>

_Static_assert((int)LAB_RIP_AUTH_SHA512 == (int)RIP_AUTH_SHA512, "the kinds of authentication are in the same order");

#define RETRANSMIT_S 1

/* The numbers were checked when the lab was. */
static uint32_t area_number(const struct lab_ospf_area *area) { return (uint32_t)strtoul(area->name, NULL, 10); }

void compile_ospf_router(const struct lab_ospf *ospf, struct msg_ospf *body)
{
	body->default_originate = ospf->default_originate;
	body->metric = ospf->metric ? ospf->metric : 20;
	for (size_t i = 0; i < ospf->area_count && i < OSPF_AREAS_MAX; i++) {
		const struct lab_ospf_area *area = &ospf->areas[i];
		struct ospf_area_entry *entry = &body->areas[body->area_count++];

		entry->id = area_number(area);
		entry->stub = area->stub;
		entry->no_summary = area->no_summary;
		entry->default_cost = area->default_cost;
		for (size_t r = 0; r < area->range_count && body->range_count < OSPF_RANGES_ALL_MAX; r++) {
			struct ospf_range_entry *range = &body->ranges[body->range_count++];

			range->area = entry->id;
			range->prefix = area->ranges[r].prefix;
			range->hide = area->ranges[r].hide;
		}
	}
}

void compile_ospf_interface(const struct lab_ospf *ospf, struct msg_ospf_interface *body)
{
	body->area = ospf->area;
	body->type = ospf->type == LAB_OSPF_POINT_TO_POINT ? OSPF_TYPE_POINT_TO_POINT : OSPF_TYPE_BROADCAST;
	body->passive = ospf->passive;
	body->mtu_ignore = ospf->mtu_ignore;
	body->priority = ospf->priority;
	body->cost = ospf->cost ? ospf->cost : 10;
	body->hello_s = ospf->hello_s ? ospf->hello_s : 10;
	body->dead_s = ospf->dead_s ? ospf->dead_s : 4u * body->hello_s;
	body->retransmit_s = RETRANSMIT_S;
	body->auth = (uint8_t)ospf->auth.type;
	body->key_id = ospf->auth.key_id;
}
