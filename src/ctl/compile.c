/* The compiler of labs: walks the flat lab once per kind of object and fills in message bodies. Long because it is one walk over one lab.
 */
#include "ctl/compile.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/text.h"
#include "ctl/assign.h"
#include "ctl/compile_bgp.h"
#include "ctl/compile_group.h"
#include "ctl/compile_nat.h"
#include "ctl/compile_ospf.h"
#include "ctl/compile_policy.h"
#include "ctl/link_impair.h"
#include "model/lab_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct compiler {
	struct arena *arena;
	const struct lab *lab;
	const struct compile_inputs *in;
	struct object_list *out;
	size_t capacity;
	const char *lab_name;
	struct err *err;
	int rc; /* the first error */
};

static uint32_t id_of(struct compiler *c, const char *kind, const char *name) { return c->in->id(c->in->context, kind, name); }

/* Adds an object with a zeroed body, which the caller fills. `name` is the path without the lab. */
static void *add(struct compiler *c, enum object_kind kind, uint32_t id, const char *name)
{
	void *body = arena_alloc(c->arena, object_type(kind)->size);

	if (c->out->count == c->capacity) {
		struct object *larger;

		c->capacity = c->capacity ? c->capacity * 2 : 64;
		larger = arena_alloc(c->arena, c->capacity * sizeof(*larger));
		if (c->out->count > 0)
			memcpy(larger, c->out->items, c->out->count * sizeof(*larger));
		c->out->items = larger;
	}
	c->out->items[c->out->count++] = (struct object){kind, id, c->lab_name, arena_printf(c->arena, "%s/%s", c->lab_name, name), body};
	return body;
}

/* Copies a text into a message; what doesn't fit makes the whole lab fail. */
static void put_text(struct compiler *c, char *to, size_t size, const char *from, const char *what)
{
	if (text_copy(to, size, from) || c->rc < 0)
		return;
	c->rc = err_set(c->err, -ENAMETOOLONG, "the %s \"%.60s...\" is longer than %zu bytes", what, from, size - 1);
}

static void put_path(struct compiler *c, char to[PATH_BYTES], const char *name)
{
	put_text(c, to, PATH_BYTES, arena_printf(c->arena, "%s/%s", c->lab_name, name), "path");
}

static const char *device_end(struct compiler *c, const char *device, const char *interface)
{
	return arena_printf(c->arena, "%s:%s", device, interface);
}

/* --- networks and links --- */

static void add_subnet(struct msg_network *body, struct prefix prefix)
{
	if (prefix.ip.family != IP_NONE)
		body->subnets[body->subnet_count++] = prefix_masked(prefix);
}

static void add_server(struct address *list, uint16_t *count, const char *text)
{
	struct ip ip;

	if (*count < SERVERS_MAX && ip_parse(text, &ip))
		list[(*count)++].ip = ip;
}

/* What the network's DHCP tells machines besides their addresses. */
static void tell_guests(struct compiler *c, const struct lab_network *network, struct msg_network *body)
{
	for (size_t i = 0; i < network->name_server_count; i++)
		add_server(body->name_servers, &body->name_server_count, network->name_servers[i]);
	for (size_t i = 0; i < network->ntp_server_count; i++)
		add_server(body->ntp_servers, &body->ntp_server_count, network->ntp_servers[i]);
	for (size_t i = 0; i < network->dhcp_route_count && i < DHCP_ROUTES_MAX; i++) {
		struct guest_route *route = &body->routes[body->route_count];

		if (lab_dhcp_route_parse(network->dhcp_routes[i], &route->to, &route->via))
			body->route_count++;
	}
	body->next_server = network->next_server;
	put_text(c, body->bootfile, sizeof(body->bootfile), network->bootfile ? network->bootfile : "", "boot file");
}

static void compile_networks(struct compiler *c)
{
	for (size_t i = 0; i < c->lab->network_count; i++) {
		const struct lab_network *network = &c->lab->networks[i];
		uint32_t id = id_of(c, "network", network->name);
		struct msg_network *body = add(c, OBJECT_NETWORK, id, network->name);

		body->id = id;
		body->kind = NETWORK_SEGMENT;
		body->up = true;
		body->mtu = network->mtu;
		body->lease_s = network->lease_s;
		body->storm_limit = network->storm_limit;
		body->gateway = network->gateway;
		add_subnet(body, network->ipv4);
		add_subnet(body, network->ipv6);
		if (network->dhcp || network->dns)
			body->dhcp_server = assign_dhcp_server(c->lab, i);
		body->dhcp = network->dhcp && body->dhcp_server.family != IP_NONE;
		body->dns = network->dns && body->dhcp_server.family != IP_NONE;
		tell_guests(c, network, body);
		put_text(c, body->domain, sizeof(body->domain), c->lab_name, "lab's name");
		put_path(c, body->path, network->name);
	}
}

/* The address of the router at the other end of a machine's link, which is its gateway and DHCP server. None between two routers. */
static struct ip link_gateway(const struct lab *lab, int link)
{
	struct ip router = {0};
	bool machine = false;

	for (size_t r = 0; r < lab->router_count; r++)
		for (size_t i = 0; i < lab->routers[r].interface_count; i++)
			if (lab->routers[r].interfaces[i].link == link)
				router = lab->routers[r].interfaces[i].ipv4.ip;
	for (size_t v = 0; v < lab->vm_count; v++)
		for (size_t i = 0; i < lab->vms[v].nic_count; i++)
			machine |= lab->vms[v].nics[i].link == link;
	return machine ? router : (struct ip){0};
}

static bool link_up(struct compiler *c, size_t link)
{
	const struct lab_link *row = &c->lab->links[link];

	return c->in->link_up(c->in->context, row->name, !row->down);
}

/* The id of a link's end: a router's interface or a machine's NIC. */
static uint32_t end_id(struct compiler *c, const struct lab_link *link, const char *end)
{
	size_t device = strcspn(end, ":");

	for (size_t i = 0; i < c->lab->router_count; i++)
		if (strlen(c->lab->routers[i].name) == device && strncmp(c->lab->routers[i].name, end, device) == 0)
			return id_of(c, "interface", end);
	return id_of(c, "port", arena_printf(c->arena, "%s@%s", end, link->name));
}

static void compile_impairments(struct compiler *c, const struct lab_link *link, struct msg_network *body)
{
	const char *const ends[] = {link->from, link->to};

	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		const char *set = c->in->impair != NULL ? c->in->impair(c->in->context, link->name, ends[i]) : NULL;
		struct msg_impair impair = {0};

		if (set != NULL)
			impair_read(&impair, set);
		else
			impair = impair_of_link(link);
		if (impair_is_none(&impair))
			continue;
		impair.from = end_id(c, link, ends[i]);
		body->impair[body->impair_count++] = impair;
	}
}

static void compile_links(struct compiler *c)
{
	for (size_t i = 0; i < c->lab->link_count; i++) {
		const struct lab_link *link = &c->lab->links[i];
		uint32_t id = id_of(c, "link", link->name);
		struct msg_network *body = add(c, OBJECT_NETWORK, id, link->name);

		body->id = id;
		body->kind = NETWORK_LINK;
		body->up = link_up(c, i);
		body->mtu = link->mtu;
		body->lease_s = 3600;
		body->gateway = body->dhcp_server = link_gateway(c->lab, (int)i);
		body->dhcp = body->dhcp_server.family == IP_V4;
		add_subnet(body, link->ipv4);
		compile_impairments(c, link, body);
		put_text(c, body->domain, sizeof(body->domain), c->lab_name, "lab's name");
		put_path(c, body->path, link->name);
	}
}

/* Id and MTU of the network or link that an interface is plugged into; 0 when it is into none. */
static uint32_t plugged_id(struct compiler *c, int network, int link)
{
	if (network >= 0)
		return id_of(c, "network", c->lab->networks[network].name);
	return link >= 0 ? id_of(c, "link", c->lab->links[link].name) : 0;
}

static uint16_t plugged_mtu(struct compiler *c, int network, int link)
{
	if (network >= 0)
		return c->lab->networks[network].mtu;
	return link >= 0 ? c->lab->links[link].mtu : 1500;
}

/* --- security groups --- */

/* The rules in pages of one version, which follows from what they say: the switch goes over to it when it has all of them. */
static void compile_group_pages(
	struct compiler *c, const struct lab_group *group, struct msg_group *body, const struct group_rule *rules, size_t count)
{
	body->version = hash_stable(rules, count * sizeof(*rules));
	body->page_count = (uint32_t)((count + GROUP_RULES_MAX - 1) / GROUP_RULES_MAX);
	for (uint32_t i = 0; i < body->page_count; i++) {
		size_t first = (size_t)i * GROUP_RULES_MAX, more = count - first < GROUP_RULES_MAX ? count - first : GROUP_RULES_MAX;
		const char *name = arena_printf(c->arena, "%s rules %u", group->name, i);
		uint32_t id = id_of(c, "group-rules", name);
		struct msg_group_rules *page = add(c, OBJECT_GROUP_RULES, id, name);

		page->id = id;
		page->group = body->id;
		page->version = body->version;
		page->page = i;
		page->rule_count = (uint16_t)more;
		memcpy(page->rules, &rules[first], more * sizeof(*rules));
	}
}

static void compile_groups(struct compiler *c)
{
	for (size_t i = 0; i < c->lab->group_count; i++) {
		const struct lab_group *group = &c->lab->groups[i];
		uint32_t id = id_of(c, "group", group->name);
		struct msg_group *body = add(c, OBJECT_GROUP, id, group->name);
		const struct group_rule *rules;
		size_t count = compile_group_rules(c->arena, group, c->in, &rules);

		body->id = id;
		put_path(c, body->path, group->name);
		compile_group_pages(c, group, body, rules, count);
	}
}

/* --- routers --- */

_Static_assert((int)LAB_RIP_AUTH_SHA512 == (int)RIP_AUTH_SHA512, "the kinds of authentication are in the same order");

static void compile_rip_interface(struct compiler *c, const struct lab_interface *interface, const struct msg_rif *rif, const char *name)
{
	struct msg_rip_interface *body = add(c, OBJECT_RIP_INTERFACE, rif->id, name);
	const struct lab_rip_auth_key *auth = &interface->rip_auth;

	body->id = rif->id;
	body->router = rif->router;
	body->passive = interface->rip_passive;
	body->cost = interface->rip_cost ? interface->rip_cost : 1;
	body->auth = (uint8_t)auth->type;
	body->key_id = auth->key_id;
	put_text(c, body->key, sizeof(body->key), auth->key ? auth->key : "", "RIP key");
}

static void put_ospf_interface(struct compiler *c, const struct lab_interface *interface, const struct msg_rif *rif, const char *name)
{
	struct msg_ospf_interface *body = add(c, OBJECT_OSPF_INTERFACE, rif->id, name);
	const char *key = interface->ospf.auth.key;

	body->id = rif->id;
	body->router = rif->router;
	compile_ospf_interface(&interface->ospf, body);
	put_text(c, body->key, sizeof(body->key), key ? key : "", "OSPF key");
}

static void add_address(struct msg_rif *body, struct prefix prefix)
{
	if (prefix.ip.family != IP_NONE)
		body->addresses[body->address_count++] = prefix;
}

static void compile_interface(
	struct compiler *c, const struct lab_router *router, const struct lab_interface *interface, uint32_t router_number)
{
	const char *name = device_end(c, router->name, interface->name);
	uint32_t id = id_of(c, "interface", name);
	struct msg_rif *body = add(c, OBJECT_RIF, id, name);

	body->id = id;
	body->router = router_number;
	body->network = plugged_id(c, interface->network, interface->link);
	body->up = true;
	body->mtu = plugged_mtu(c, interface->network, interface->link);
	body->mac = interface->mac;
	add_address(body, interface->ipv4);
	add_address(body, interface->ipv6);
	put_text(c, body->name, sizeof(body->name), interface->name, "interface's name");
	put_path(c, body->path, name);
	if (interface->rip)
		compile_rip_interface(c, interface, body, name);
	if (interface->ospf.on)
		put_ospf_interface(c, interface, body, name);
}

static void compile_route(struct compiler *c, const struct lab_router *router, const struct lab_route *route, uint32_t router_number)
{
	char to[PREFIX_TEXT_BYTES], via[IP_TEXT_BYTES];
	const char *name = arena_printf(c->arena, "%s:%s via %s", router->name, prefix_text(route->to, to),
		route->blackhole ? "blackhole" : ip_text(route->via, via));
	uint32_t id = id_of(c, "route", name);
	struct msg_static_route *body = add(c, OBJECT_STATIC_ROUTE, id, name);

	body->id = id;
	body->router = router_number;
	body->prefix = prefix_masked(route->to);
	body->nexthop = route->via;
	body->distance = route->distance ? route->distance : 1;
	body->blackhole = route->blackhole;
}

static void compile_neighbor(
	struct compiler *c, const struct lab_router *router, const struct lab_bgp_neighbor *neighbor, uint32_t router_number)
{
	char text[IP_TEXT_BYTES];
	const char *other = neighbor->router >= 0 ? c->lab->routers[neighbor->router].name : ip_text(neighbor->address, text);
	const char *name = device_end(c, router->name, other);
	uint32_t id = id_of(c, "bgp", name);
	struct msg_bgp_neighbor *body = add(c, OBJECT_BGP_NEIGHBOR, id, name);

	body->id = id;
	body->router = router_number;
	compile_bgp_neighbor(c->lab, router, neighbor, c->in, body);
	put_text(c, body->key, sizeof(body->key), neighbor->key ? neighbor->key : "", "md5 key");
	if (c->rc == 0 && (body->address.family == IP_NONE || body->local.family != body->address.family))
		c->rc = err_set(c->err, -EADDRNOTAVAIL, "BGP neighbor %s: there is no address for the session", name);
}

static void compile_bgp(struct compiler *c, const struct lab_router *router, uint32_t id)
{
	struct msg_bgp *body = add(c, OBJECT_BGP, id, router->name);

	body->id = id;
	body->as = router->bgp_as;
	body->router_id = router->bgp_router_id.family != IP_NONE ? router->bgp_router_id : router->router_id;
	body->multipath = router->bgp_multipath ? router->bgp_multipath : 1;
	body->redistribution_count =
		compile_redistributions(router->bgp_advertise, router->bgp_advertise_count, c->in, body->redistributions);
	for (size_t i = 0; i < router->bgp_neighbor_count; i++)
		compile_neighbor(c, router, &router->bgp_neighbors[i], id);
}

static void compile_nat(struct compiler *c, const struct lab_router *router, uint32_t id)
{
	struct msg_nat *body = add(c, OBJECT_NAT, id, router->name);

	body->id = id;
	for (size_t i = 0; i < router->nat_count; i++) {
		struct nat_rule *rule = &body->rules[body->rule_count];
		int rc = compile_nat_rule(c->lab, router, &router->nat[i], rule, c->rc == 0 ? c->err : NULL);

		if (rc != 0) {
			c->rc = c->rc != 0 ? c->rc : rc;
			continue;
		}
		rule->rif = id_of(c, "interface", device_end(c, router->name, router->nat[i].interface_name));
		body->rule_count++;
	}
}

static void compile_policies(struct compiler *c)
{
	for (size_t i = 0; i < c->lab->route_policy_count && c->rc == 0; i++) {
		const struct lab_route_policy *policy = &c->lab->route_policies[i];
		uint32_t id = id_of(c, "route-policy", policy->name);
		struct msg_route_policy *body = add(c, OBJECT_ROUTE_POLICY, id, policy->name);

		body->id = id;
		put_path(c, body->path, policy->name);
		c->rc = compile_route_policy(c->lab, policy, body, c->err);
	}
}

static void compile_routers(struct compiler *c)
{
	for (size_t i = 0; i < c->lab->router_count; i++) {
		const struct lab_router *router = &c->lab->routers[i];
		uint32_t id = id_of(c, "router", router->name);
		struct msg_router *body = add(c, OBJECT_ROUTER, id, router->name);

		body->id = id;
		body->router_id = router->router_id;
		body->routes_max = router->routes_max;
		put_path(c, body->path, router->name);
		for (size_t n = 0; n < router->interface_count; n++)
			compile_interface(c, router, &router->interfaces[n], id);
		for (size_t n = 0; n < router->route_count; n++)
			compile_route(c, router, &router->routes[n], id);
		if (router->rip) {
			struct msg_rip *rip = add(c, OBJECT_RIP, id, router->name);

			rip->id = id;
			rip->update_s = router->rip_update_s;
			rip->timeout_s = router->rip_timeout_s;
			rip->garbage_s = router->rip_garbage_s;
			rip->redistribution_count = compile_redistributions(
				router->rip_redistribute, router->rip_redistribute_count, c->in, rip->redistributions);
			rip->default_originate = router->rip_default_originate;
		}
		if (router->ospf.on) {
			struct msg_ospf *ospf = add(c, OBJECT_OSPF, id, router->name);

			ospf->id = id;
			compile_ospf_router(&router->ospf, ospf);
			ospf->redistribution_count = compile_redistributions(
				router->ospf.redistribute, router->ospf.redistribute_count, c->in, ospf->redistributions);
		}
		if (router->nat_count > 0)
			compile_nat(c, router, id);
		if (router->bgp)
			compile_bgp(c, router, id);
	}
}

/* --- machines and ports --- */

/* A UUID that is the same for the same machine of the same daemon (RFC 9562 5.8, version 8). */
static void uuid_of(struct compiler *c, const char *path, char out[37])
{
	const char *seed = arena_printf(c->arena, "%s %s", c->in->secret, path);
	uint64_t high = hash_stable(seed, strlen(seed)), low;

	seed = arena_printf(c->arena, "%016llx %s", (unsigned long long)high, seed);
	low = hash_stable(seed, strlen(seed));
	high = (high & ~UINT64_C(0xf000)) | 0x8000;
	low = (low & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
	(void)snprintf(out, 37, "%08llx-%04llx-%04llx-%04llx-%012llx", (unsigned long long)(high >> 32),
		(unsigned long long)(high >> 16 & 0xffff), (unsigned long long)(high & 0xffff), (unsigned long long)(low >> 48),
		(unsigned long long)(low & UINT64_C(0xffffffffffff)));
}

/* A name as a host has it: what isn't a letter, digit or dash becomes a dash. */
static void put_hostname(struct compiler *c, char to[NAME_BYTES], const char *name)
{
	put_text(c, to, NAME_BYTES, name, "name");
	for (char *at = to; *at; at++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", *at) == NULL)
			*at = '-';
}

static void compile_nic(struct compiler *c, const struct lab_vm *vm, const struct lab_nic *nic, struct vm_nic *out)
{
	const char *name = device_end(c, vm->name, nic->name);
	const char *where = nic->network >= 0 ? c->lab->networks[nic->network].name : nic->link >= 0 ? c->lab->links[nic->link].name : "";
	/* A NIC that moves to another network is plugged into another port there, and its machine starts anew. */
	uint32_t id = id_of(c, "port", arena_printf(c->arena, "%s@%s", name, where));
	struct msg_port *body = add(c, OBJECT_PORT, id, name);

	body->id = id;
	body->kind = PORT_VHOST;
	body->up = true;
	body->mtu = plugged_mtu(c, nic->network, nic->link);
	body->network = plugged_id(c, nic->network, nic->link);
	body->mac = nic->mac;
	body->ipv4 = nic->ipv4.ip;
	body->ipv6 = nic->ipv6.ip;
	put_hostname(c, body->hostname, vm->name);
	put_path(c, body->path, name);
	compile_nic_groups(nic, c->in, body);
	out->port = id;
	out->mtu = body->mtu;
	out->mac = nic->mac;
	out->up = nic->link < 0 || link_up(c, (size_t)nic->link);
}

static void put_image(struct compiler *c, char to[FILE_BYTES], const struct lab_vm *vm)
{
	const char *file = vm->image < 0 ? vm->image_name : c->in->image_file(c->in->context, vm->image_name);

	if (file == NULL && c->rc == 0)
		c->rc = err_set(c->err, -ENOENT, "image \"%s\": its file is not known; give its absolute path", vm->image_name);
	if (file != NULL)
		put_text(c, to, FILE_BYTES, file, "image file");
}

static void compile_vm(struct compiler *c, const struct lab_vm *vm, uint32_t schedule)
{
	static const enum vm_restart restarts[] = {[LAB_RESTART_NEVER] = VM_RESTART_NEVER,
		[LAB_RESTART_ON_FAILURE] = VM_RESTART_ON_FAILURE,
		[LAB_RESTART_ALWAYS] = VM_RESTART_ALWAYS};
	uint32_t id = id_of(c, "vm", vm->name);
	struct msg_vm *body = add(c, OBJECT_VM, id, vm->name);

	body->id = id;
	body->schedule = schedule;
	body->run = c->in->vm_run(c->in->context, vm->name, vm->start);
	body->keep_disk = vm->keep_disk;
	body->cpus = vm->cpus;
	body->memory_mib = vm->memory_mib;
	body->priority = vm->priority;
	body->estimate_s = vm->estimate_s > 0 ? vm->estimate_s : vm->walltime_s;
	body->walltime_s = vm->walltime_s;
	body->restart = (uint8_t)restarts[vm->restart];
	CHECK(vm->after_count <= AFTER_MAX);
	for (size_t i = 0; i < vm->after_count; i++)
		body->after[body->after_count++] = id_of(c, "vm", vm->after[i]);
	put_hostname(c, body->hostname, vm->name);
	put_image(c, body->image, vm);
	put_text(c, body->uri, sizeof(body->uri), vm->uri ? vm->uri : "", "uri");
	put_path(c, body->path, vm->name);
	uuid_of(c, body->path, body->uuid);
	CHECK(vm->nic_count <= NICS_MAX); /* the model's own limit */
	for (size_t i = 0; i < vm->nic_count; i++)
		compile_nic(c, vm, &vm->nics[i], &body->nics[body->nic_count++]);
}

static uint32_t compile_schedule(struct compiler *c)
{
	static const enum schedule_policy policies[] = {[LAB_POLICY_FCFS] = SCHEDULE_FCFS,
		[LAB_POLICY_RR] = SCHEDULE_RR,
		[LAB_POLICY_PRIORITY] = SCHEDULE_PRIORITY,
		[LAB_POLICY_PREEMPTIVE] = SCHEDULE_PREEMPTIVE};
	const struct lab_schedule *schedule = &c->lab->schedule;
	uint32_t id = id_of(c, "schedule", "queue");
	struct msg_schedule *body = add(c, OBJECT_SCHEDULE, id, "queue");

	body->id = id;
	body->policy = (uint8_t)policies[schedule->policy];
	body->easy = schedule->backfill == LAB_BACKFILL_EASY ||
		     (schedule->backfill == LAB_BACKFILL_AUTO && schedule->policy == LAB_POLICY_PRIORITY);
	body->release = schedule->mode == LAB_PAUSE_RELEASE;
	body->max_starting = schedule->max_starting;
	body->quantum_s = schedule->quantum_s;
	body->aging_s = schedule->aging_s;
	body->cpus = schedule->cpus;
	body->memory_mib = schedule->memory_mib;
	body->overcommit_cpus = schedule->overcommit.cpus;
	body->overcommit_memory = schedule->overcommit.memory;
	body->calm = schedule->calm;
	put_path(c, body->path, "queue");
	return id;
}

static void compile_vms(struct compiler *c)
{
	uint32_t schedule = compile_schedule(c);

	for (size_t i = 0; i < c->lab->vm_count; i++)
		compile_vm(c, &c->lab->vms[i], schedule);
}

static void compile_outer_ports(struct compiler *c)
{
	for (size_t i = 0; i < c->lab->port_count; i++) {
		const struct lab_port *port = &c->lab->ports[i];
		uint32_t id = id_of(c, "port", port->name);
		struct msg_port *body = add(c, OBJECT_PORT, id, port->name);

		body->id = id;
		body->kind = port->socket ? PORT_VHOST : PORT_TAP;
		body->up = true;
		body->mtu = plugged_mtu(c, port->network, -1);
		body->network = plugged_id(c, port->network, -1);
		body->mac = port->mac;
		body->ipv4 = port->ipv4.ip;
		body->ipv6 = port->ipv6.ip;
		if (!mac_is_zero(port->mac))
			put_hostname(c, body->hostname, port->name);
		put_text(c, body->tap_name, sizeof(body->tap_name), port->tap ? port->tap : "", "tap");
		put_text(c, body->socket, sizeof(body->socket), port->socket ? port->socket : "", "vhost-user");
		body->listen = port->socket && port->mode == LAB_SOCKET_SERVER;
		put_text(c, body->netns, sizeof(body->netns), port->netns ? port->netns : "", "netns");
		put_path(c, body->path, port->name);
	}
}

static int by_order(const void *a, const void *b) { return object_compare(a, b); }

int compile_lab(struct arena *arena, const struct lab *flat, const struct compile_inputs *inputs, struct object_list *out, struct err *err)
{
	struct compiler c = {.arena = arena, .lab = flat, .in = inputs, .out = out, .err = err};

	CHECK(flat->flat);
	*out = (struct object_list){0};
	c.lab_name = arena_str(arena, flat->name);
	compile_networks(&c);
	compile_links(&c);
	compile_groups(&c);
	compile_policies(&c);
	compile_routers(&c);
	compile_vms(&c);
	compile_outer_ports(&c);
	qsort(out->items, out->count, sizeof(*out->items), by_order);
	return c.rc;
}
