/*
 * The API of planning with pools: what N machines with M NICs each would draw on, and what runs out first.
 *
 * Theory of operation. N_interface = N_VM x N_NIC. Each interface takes a MAC and a port of the switch, and an address of its network: the
 * NICs of a machine are spread over the lab's networks in their order. Each row says how many machines fit; the smallest decides.
 */
#include "base/check.h"
#include "ctl/api.h"
#include "ctl/pool_catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

/* Memory of a machine when nothing else is said, MiB; the most that may be asked about. */
#define MEMORY_MIB 512
#define PLAN_VMS_MAX 1000000
#define PLAN_MEMORY_MAX (1 << 20)

struct plan {
	struct api_call *call;
	const struct lab *flat; /* NULL: no lab is meant */
	uint64_t vms, nics, memory_mib, available_mib;
	json_t *rows;
	uint64_t fits;	   /* machines, by the rows so far */
	const char *first; /* what runs out first */
};

/* A number of the query, or what is meant without it. False after a problem was sent. */
static bool query_number(struct api_call *call, const char *name, uint64_t fallback, uint64_t most, uint64_t *out)
{
	const char *text = api_query(call, name);
	char *end;

	*out = fallback;
	if (text == NULL)
		return true;
	errno = 0;
	*out = strtoull(text, &end, 10);
	if (errno == 0 && end != text && *end == 0 && text[0] != '-' && *out > 0 && *out <= most)
		return true;
	api_problem(call, 400, "%s: a number from 1 to %llu is expected", name, (unsigned long long)most);
	return false;
}

/* A row: of `size`, `used` are in use, and each machine takes `each`. */
static void plan_row(struct plan *plan, const char *what, const char *unit, uint64_t size, uint64_t used, uint64_t each)
{
	uint64_t left = size > used ? size - used : 0, needed = each * plan->vms, fits;

	if (each == 0)
		return;
	fits = left / each;
	(void)json_array_append_new(
		plan->rows, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b}", "resource", what, "unit", unit, "size", (json_int_t)size,
				    "used", (json_int_t)used, "needed", (json_int_t)needed, "left", (json_int_t)left, "machines",
				    (json_int_t)fits, "enough", fits >= plan->vms));
	if (plan->first == NULL || fits < plan->fits) {
		plan->first = what;
		plan->fits = fits;
	}
}

/* Addresses of a network that machines can have: less those for infrastructure, network and broadcast. */
static uint64_t network_size(const struct lab_network *network)
{
	uint64_t size = UINT64_C(1) << (32 - network->ipv4.length), apart = network->ipv4.length <= 30 ? 2 : 0;

	if (network->ipv4.length <= ASSIGN_ROOM_LENGTH)
		apart += ASSIGN_INFRASTRUCTURE_UNITS;
	return size - apart;
}

/* Held addresses of a network that machines could have had. */
static uint64_t network_used(const struct plan *plan, const struct pool_entry *entry, const struct lab_network *network)
{
	uint64_t first = network->ipv4.length <= ASSIGN_ROOM_LENGTH ? ASSIGN_INFRASTRUCTURE_UNITS + 1 : 0, used = 0;
	const struct holding *holding;
	size_t cursor = 0;

	while ((holding = holdings_next(plan->call->ctl->holdings, entry->key, &cursor)) != NULL)
		used += holding->released_wall_ns == 0 && holding->value >= entry->base + first;
	return used;
}

/* NICs of each machine that network number `index` of `count` gets. */
static uint64_t share(const struct plan *plan, size_t index, size_t count) { return plan->nics / count + (index < plan->nics % count); }

static void plan_networks(struct plan *plan, const struct pool_catalog *pools)
{
	const struct lab *flat = plan->flat;
	size_t count = 0, index = 0;

	for (size_t i = 0; flat != NULL && i < flat->network_count; i++)
		count += flat->networks[i].ipv4.ip.family == IP_V4;
	for (size_t i = 0; count > 0 && i < flat->network_count; i++) {
		const struct lab_network *network = &flat->networks[i];

		if (network->ipv4.ip.family != IP_V4)
			continue;
		for (size_t p = 0; p < pools->count; p++)
			if (pools->entries[p].gives == GIVES_ADDRESSES && strcmp(pools->entries[p].lab, flat->name) == 0 &&
				strcmp(pools->entries[p].name, network->name) == 0)
				plan_row(plan, arena_printf(plan->call->arena, "addresses of %s", network->name), "addresses",
					network_size(network), network_used(plan, &pools->entries[p], network), share(plan, index, count));
		index++;
	}
}

static void plan_macs(struct plan *plan, const struct pool_catalog *pools)
{
	char base[MAC_TEXT_BYTES];
	const char *key = arena_printf(plan->call->arena, "mac/%s/%u", mac_text((struct mac){{0x52, 0x54}}, base), ASSIGN_MAC_BITS);

	for (size_t i = 0; i < pools->count; i++)
		if (strcmp(pools->entries[i].key, key) == 0)
			plan_row(plan, "MACs", "MACs", pools->entries[i].size, pool_tally(plan->call->ctl, &pools->entries[i]).held,
				plan->nics);
}

/* Ports of the switch, machines of a lab, memory of the host. */
static void plan_host(struct plan *plan)
{
	const struct ctl *ctl = plan->call->ctl;
	uint64_t ports = 0, used_mib, size_mib;
	const struct ctl_lab *lab;
	struct sysinfo host;
	size_t cursor = 0;

	while ((lab = map_next(&ctl->labs, &cursor, NULL, NULL)) != NULL) {
		for (size_t i = 0; lab->value != NULL && i < lab->value->flat->vm_count; i++)
			ports += lab->value->flat->vms[i].nic_count;
		ports += lab->value != NULL ? lab->value->flat->port_count : 0;
	}
	plan_row(plan, "switch ports", "ports", SWITCH_PORTS_MAX, ports, plan->nics);
	plan_row(plan, "machines of a lab", "machines", LAB_OBJECTS_MAX, plan->flat ? plan->flat->vm_count : 0, 1);
	if (sysinfo(&host) < 0)
		return;
	size_mib = host.totalram * host.mem_unit >> 20;
	if (plan->available_mib == 0)
		plan->available_mib = ((uint64_t)host.freeram + host.bufferram) * host.mem_unit >> 20;
	if (plan->available_mib > size_mib)
		plan->available_mib = size_mib;
	used_mib = size_mib - plan->available_mib;
	plan_row(plan, "memory", "MiB", size_mib, used_mib, plan->memory_mib);
}

/* The lab that is meant: the one that is named, else the only one. False after a problem was sent. */
static bool plan_lab(struct plan *plan)
{
	struct api_call *call = plan->call;
	const char *name = api_query(call, "lab");
	const struct ctl_lab *lab = name != NULL ? api_lab(call, name) : NULL;
	size_t cursor = 0;

	if (name != NULL && lab == NULL)
		return false;
	if (name == NULL && call->ctl->labs.used == 1)
		lab = map_next(&call->ctl->labs, &cursor, NULL, NULL);
	plan->flat = lab != NULL && lab->value != NULL ? lab->value->flat : NULL;
	return true;
}

void api_pool_plan(struct api_call *call)
{
	struct plan plan = {.call = call};
	struct pool_catalog pools;
	uint64_t interfaces;

	if (!query_number(call, "vms", 1, PLAN_VMS_MAX, &plan.vms) || !query_number(call, "nics", 1, LAB_NICS_MAX, &plan.nics) ||
		!query_number(call, "memory", MEMORY_MIB, PLAN_MEMORY_MAX, &plan.memory_mib) ||
		!query_number(call, "available", 0, UINT32_MAX, &plan.available_mib) || !plan_lab(&plan))
		return;
	interfaces = plan.vms * plan.nics;
	plan.rows = json_array();
	pools = pool_catalog_make(call->ctl, call->arena);
	plan_macs(&plan, &pools);
	plan_networks(&plan, &pools);
	plan_host(&plan);
	api_reply(call, 200,
		json_pack("{s:s?, s:I, s:I, s:I, s:o, s:s, s:I, s:b}", "lab", plan.flat ? plan.flat->name : NULL, "vms",
			(json_int_t)plan.vms, "nics", (json_int_t)plan.nics, "interfaces", (json_int_t)interfaces, "resources", plan.rows,
			"first", plan.first ? plan.first : "", "machines", (json_int_t)plan.fits, "enough", plan.fits >= plan.vms));
}
