/* Labs of others: the lab that the neutral picture becomes. Long because all of its parts are made of the same few helpers, one below the
 * other. */
#include "ui/import.h"

#include "base/check.h"
#include "model/lab_io.h"

#include <inttypes.h>
#include <string.h>

/* Bytes of a name: less than names may have, since others are made of it ("NAME-disk"); and of an interface's. */
#define NAME_BYTES 28
#define INTERFACE_NAME_BYTES 15

/* A text as a name: letters, digits and '-' inside, at most so many bytes. */
static const char *name_of(struct import *import, const char *text, int most)
{
	char *name = arena_printf(import->arena, "%.*s", most, text[0] ? text : "node");
	size_t last = strlen(name) - 1;

	for (char *c = name; *c != '\0'; c++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", *c) == NULL)
			*c = '-';
	if (name[0] == '-')
		name[0] = 'x';
	if (name[last] == '-')
		name[last] = 'x';
	return name;
}

static bool is_taken(const struct import *import, const char *name)
{
	for (size_t i = 0; i < import->node_count; i++)
		if (import->nodes[i]->our_name != NULL && strcmp(import->nodes[i]->our_name, name) == 0)
			return true;
	return false;
}

/* A name of ours that no other node has; `number` is the node's own. */
static const char *our_name(struct import *import, const struct import_node *node, size_t number)
{
	const char *plain = name_of(import, node->name, NAME_BYTES), *name = plain;

	for (; is_taken(import, name); number++)
		name = arena_printf(import->arena, "%s-%zu", plain, number);
	if (name != plain)
		import_skip(import, node->place, node->name, "another one is %s here: it is called %s", plain, name);
	else if (strcmp(name, node->name) != 0)
		import_skip(import, node->place, node->name, "names have letters, digits and '-' here: it is called %s", name);
	return name;
}

static bool interface_is_taken(const struct import_node *node, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(node->interfaces[i].our_name, name) == 0)
			return true;
	return false;
}

/* Names of a router's interfaces: unique within the router. */
static void name_interfaces(struct import *import, struct import_node *node)
{
	for (size_t i = 0; i < node->interface_count; i++) {
		struct import_interface *interface = &node->interfaces[i];

		interface->our_name = name_of(import, interface->name, INTERFACE_NAME_BYTES);
		for (size_t number = i; interface_is_taken(node, i, interface->our_name); number++)
			interface->our_name = arena_printf(import->arena, "if%zu", number);
		if (interface->cable != NULL && strcmp(interface->our_name, interface->name) != 0)
			import_skip(import, node->place, node->name, "%s is %s here", interface->name, interface->our_name);
	}
}

/* Who has a good name keeps it, whatever the others become. */
static void name_nodes(struct import *import)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < import->node_count; i++) {
			struct import_node *node = import->nodes[i];
			bool good = strcmp(name_of(import, node->name, NAME_BYTES), node->name) == 0;

			if (good == (pass == 0))
				node->our_name = our_name(import, node, i + 1);
			if (pass == 0 && node->role == IMPORT_ROUTER)
				name_interfaces(import, node);
		}
}

static struct node *map(struct import *import, struct node *parent, const char *key)
{
	return node_new(import->arena, parent, key, NODE_MAP, NULL);
}

static struct node *list(struct import *import, struct node *parent, const char *key)
{
	return node_new(import->arena, parent, key, NODE_LIST, NULL);
}

static void word(struct import *import, struct node *parent, const char *key, const char *text)
{
	(void)node_new(import->arena, parent, key, NODE_SCALAR, text);
}

static void plain(struct import *import, struct node *parent, const char *key, const char *text)
{
	node_new(import->arena, parent, key, NODE_SCALAR, text)->style = STYLE_NUMBER;
}

static void number(struct import *import, struct node *parent, const char *key, uint32_t value)
{
	plain(import, parent, key, arena_printf(import->arena, "%" PRIu32, value));
}

static void address(struct import *import, struct node *parent, const char *key, const struct prefix *prefix)
{
	char text[IP_TEXT_BYTES];

	if (prefix->ip.family != IP_NONE)
		word(import, parent, key, arena_printf(import->arena, "%s/%u", ip_text(prefix->ip, text), prefix->length));
}

static void subnet(struct import *import, struct node *parent, const char *key, struct prefix prefix)
{
	if (prefix.ip.family != IP_NONE)
		prefix = prefix_masked(prefix);
	address(import, parent, key, &prefix);
}

static bool is_link(const struct import_cable *cable)
{
	return cable->nodes[1] != NULL && cable->nodes[0]->role == IMPORT_ROUTER && cable->nodes[1]->role == IMPORT_ROUTER;
}

/* The name of the network that a cable is in: of the segment at one end, else of its own. */
static const char *network_of(struct import *import, const struct import_cable *cable)
{
	const char *name = "lan";

	for (size_t end = 0; end < 2; end++)
		if (cable->nodes[end] != NULL && cable->nodes[end]->role == IMPORT_SEGMENT)
			return cable->nodes[end]->our_name;
	for (size_t i = 0; i < import->cable_count; i++)
		if (import->cables[i] == cable)
			name = arena_printf(import->arena, "lan%zu", i + 1);
	while (is_taken(import, name))
		name = arena_printf(import->arena, "%s-cable", name);
	return name;
}

/* The subnet of what is plugged into a network: of its cables, else of the interfaces at their ends. */
static struct prefix subnet_of(const struct import_cable *const *cables, size_t count, const struct import_node *segment, bool v6)
{
	struct prefix none = {0};

	for (size_t i = 0; i < count; i++) {
		const struct import_cable *cable = cables[i];

		if (segment != NULL && cable->nodes[0] != segment && cable->nodes[1] != segment)
			continue;
		if (!v6 && cable->ipv4.ip.family != IP_NONE)
			return cable->ipv4;
		for (size_t end = 0; end < 2; end++) {
			const struct import_interface *interface = cable->ends[end];
			struct prefix prefix = interface == NULL ? none : v6 ? interface->ipv6 : interface->ipv4;

			if (prefix.ip.family != IP_NONE)
				return prefix;
		}
	}
	return none;
}

/* The next hop of the default route of a machine on these cables; none. */
static struct ip gateway_of(struct import *import, const struct import_cable *only, const struct import_node *segment, struct prefix net)
{
	for (size_t i = 0; i < import->cable_count; i++) {
		const struct import_cable *cable = import->cables[i];

		if (segment != NULL ? cable->nodes[0] != segment && cable->nodes[1] != segment : cable != only)
			continue;
		for (size_t end = 0; end < 2; end++) {
			const struct import_node *node = cable->nodes[end];

			for (size_t r = 0; node != NULL && node->role == IMPORT_MACHINE && r < node->route_count; r++)
				if (node->routes[r].to.length == 0 && net.ip.family != IP_NONE && prefix_contains(net, node->routes[r].via))
					return node->routes[r].via;
		}
	}
	return (struct ip){0};
}

/* Tells the machines of a network the routes that one of them has there, by DHCP. */
static struct node *tell_routes(
	struct import *import, struct node *network, struct node *told, struct import_node *node, struct prefix net, struct ip gateway)
{
	char to[PREFIX_TEXT_BYTES], via[IP_TEXT_BYTES];

	for (size_t i = 0; i < node->route_count; i++) {
		struct import_route *route = &node->routes[i];
		const char *text =
			arena_printf(import->arena, "%s via %s", prefix_text(prefix_masked(route->to), to), ip_text(route->via, via));
		bool known = false;

		if (route->kept || route->to.ip.family != IP_V4 || route->via.family != IP_V4 || !prefix_contains(net, route->via))
			continue;
		if (route->to.length == 0) {
			route->kept = ip_equal(route->via, gateway);
			continue;
		}
		for (const struct node *n = told ? told->first : NULL; n != NULL; n = n->next)
			known = known || strcmp(n->text, text) == 0;
		if (!known && told != NULL && told->count == LAB_DHCP_ROUTES_MAX)
			continue;
		told = told ? told : list(import, network, "dhcp-routes");
		if (!known)
			word(import, told, NULL, text);
		route->kept = true;
	}
	return told;
}

static void put_routes(struct import *import, struct node *network, const struct import_cable *only, const struct import_node *segment,
	struct prefix net, struct ip gateway)
{
	struct node *told = NULL;
	size_t machines = 0;

	for (size_t i = 0; i < import->cable_count; i++) {
		const struct import_cable *cable = import->cables[i];

		if (segment != NULL ? cable->nodes[0] != segment && cable->nodes[1] != segment : cable != only)
			continue;
		for (size_t end = 0; end < 2; end++)
			if (cable->nodes[end] != NULL && cable->nodes[end]->role == IMPORT_MACHINE) {
				told = tell_routes(import, network, told, cable->nodes[end], net, gateway);
				machines++;
			}
	}
	if (told != NULL && machines > 1)
		import_skip(import, segment ? segment->place : only->place, network->key,
			"routes of some of its machines are told to all of them, by DHCP");
}

static void put_network(
	struct import *import, struct node *networks, const char *name, const struct import_cable *only, const struct import_node *segment)
{
	const struct import_cable *const *cables = segment ? (const struct import_cable *const *)import->cables : &only;
	size_t count = segment ? import->cable_count : 1;
	struct prefix v4 = subnet_of(cables, count, segment, false), v6 = subnet_of(cables, count, segment, true);
	struct node *network = map(import, networks, name);
	struct ip gateway = gateway_of(import, only, segment, v4);
	char text[IP_TEXT_BYTES];
	uint32_t mtu = 0;

	if (v4.ip.family != IP_NONE)
		subnet(import, network, "ipv4", v4);
	else
		word(import, network, "pool", "imported");
	subnet(import, network, "ipv6", v6);
	if (v4.ip.family == IP_NONE || v4.length <= 30)
		plain(import, network, "dhcp", "true");
	if (gateway.family != IP_NONE)
		word(import, network, "gateway", ip_text(gateway, text));
	if (v4.ip.family != IP_NONE && v4.length <= 30)
		put_routes(import, network, only, segment, v4, gateway);
	for (size_t i = 0; i < count; i++)
		if (cables[i]->mtu > mtu && (segment == NULL || cables[i]->nodes[0] == segment || cables[i]->nodes[1] == segment))
			mtu = cables[i]->mtu;
	if (mtu > 0)
		number(import, network, "mtu", mtu);
}

/* What a cable that becomes a network can't do. */
static void report_impairments(struct import *import, const struct import_cable *cable)
{
	if (cable->delay != NULL || cable->loss != NULL || cable->rate != NULL || cable->jitter != NULL || cable->corrupt != NULL)
		import_skip(import, cable->place, "links", "delay, loss and rate are kept on cables between routers only");
}

static void put_networks(struct import *import, struct node *root)
{
	struct node *networks = map(import, root, "networks");

	for (size_t i = 0; i < import->node_count; i++)
		if (import->nodes[i]->role == IMPORT_SEGMENT)
			put_network(import, networks, import->nodes[i]->our_name, NULL, import->nodes[i]);
	for (size_t i = 0; i < import->cable_count; i++) {
		const struct import_cable *cable = import->cables[i];
		bool segments[2] = {
			cable->nodes[0]->role == IMPORT_SEGMENT, cable->nodes[1] != NULL && cable->nodes[1]->role == IMPORT_SEGMENT};

		if (is_link(cable))
			continue;
		report_impairments(import, cable);
		if (segments[0] && segments[1])
			import_skip(import, cable->place, "links",
				"a cable between two switches: put what is plugged into them into one network");
		else if (!segments[0] && !segments[1])
			put_network(import, networks, network_of(import, cable), cable, NULL);
	}
}

/* The router whose interface has the address; NULL. */
static const struct import_node *owner_of(const struct import *import, struct ip ip)
{
	for (size_t i = 0; i < import->node_count; i++)
		for (size_t j = 0; import->nodes[i]->role == IMPORT_ROUTER && j < import->nodes[i]->interface_count; j++)
			if (ip_equal(import->nodes[i]->interfaces[j].ipv4.ip, ip) || ip_equal(import->nodes[i]->interfaces[j].ipv6.ip, ip))
				return import->nodes[i];
	return NULL;
}

/* A policy that lets the prefixes of `network` lines pass. */
static const char *put_policy(struct import *import, const struct import_node *node)
{
	const char *name = arena_printf(import->arena, "%s-nets", node->our_name);
	struct node *rule = map(import, list(import, import->policies, name), NULL);
	struct node *prefixes = list(import, map(import, rule, "match"), "prefix");

	for (size_t i = 0; i < node->bgp_network_count; i++)
		address(import, prefixes, NULL, &node->bgp_networks[i]);
	return name;
}

/* What is redistributed, and of all else the prefixes of `network` lines. */
static void put_advertise(struct import *import, struct node *bgp, const struct import_node *node)
{
	const struct {
		const char *from;
		bool all, some;
	} rows[] = {{"connected", node->bgp_connected, true}, {"static", node->bgp_static, node->route_count > 0},
		{"rip", false, node->rip}, {"ospf", false, node->ospf}};
	const char *policy = node->bgp_network_count > 0 ? put_policy(import, node) : NULL;
	struct node *advertise = NULL, *source;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (!rows[i].all && (policy == NULL || !rows[i].some))
			continue;
		advertise = advertise ? advertise : list(import, bgp, "advertise");
		if (rows[i].all) {
			word(import, advertise, NULL, rows[i].from);
			continue;
		}
		source = map(import, advertise, NULL);
		word(import, source, "from", rows[i].from);
		word(import, source, "policy", policy);
	}
}

static void put_bgp(struct import *import, struct node *router, const struct import_node *node)
{
	struct node *bgp = map(import, router, "bgp"), *neighbors = NULL;
	char text[IP_TEXT_BYTES];

	number(import, bgp, "as", node->bgp_as);
	if (node->router_id.family == IP_V4)
		word(import, bgp, "router-id", ip_text(node->router_id, text));
	put_advertise(import, bgp, node);
	for (size_t i = 0; i < node->neighbor_count; i++) {
		const struct import_neighbor *from = &node->neighbors[i];
		const struct import_node *owner = owner_of(import, from->address);
		struct node *neighbor;

		if (owner != NULL && !owner->bgp) {
			import_skip(import, node->place, node->name, "its BGP neighbor %s speaks no BGP that was readable", owner->name);
			continue;
		}
		if (owner == NULL && from->as == 0) {
			import_skip(import, node->place, node->name, "its BGP neighbor %s is left out: its AS is not known",
				ip_text(from->address, text));
			continue;
		}
		neighbors = neighbors ? neighbors : list(import, bgp, "neighbors");
		neighbor = map(import, neighbors, NULL);
		if (owner != NULL) {
			word(import, neighbor, "router", owner->our_name);
		} else {
			word(import, neighbor, "address", ip_text(from->address, text));
			number(import, neighbor, "as", from->as);
		}
		word(import, neighbor, "import", "all");
		word(import, neighbor, "export", "all");
		if (from->next_hop_self)
			plain(import, neighbor, "next-hop-self", "true");
		if (from->reflector_client)
			plain(import, neighbor, "reflector-client", "true");
	}
}

static void put_redistribute(struct import *import, struct node *protocol, bool connected, bool from_static)
{
	struct node *redistribute;

	if (!connected && !from_static)
		return;
	redistribute = list(import, protocol, "redistribute");
	if (connected)
		word(import, redistribute, NULL, "connected");
	if (from_static)
		word(import, redistribute, NULL, "static");
}

static void put_ospf(struct import *import, struct node *router, const struct import_node *node)
{
	struct node *ospf = map(import, router, "ospf");

	for (size_t i = 0; i < node->interface_count; i++)
		if (node->interfaces[i].ospf) {
			number(import, ospf, "area", node->interfaces[i].ospf_area);
			break;
		}
	put_redistribute(import, ospf, node->redistribute_connected, node->redistribute_static);
}

/* An interface of a router; not those without a cable. */
static void put_interface(struct import *import, struct node *interfaces, const struct import_node *node, size_t i)
{
	const struct import_interface *from = &node->interfaces[i];
	struct node *interface = map(import, interfaces, from->our_name), *ospf;

	if (!is_link(from->cable))
		word(import, interface, "network", network_of(import, from->cable));
	address(import, interface, "ipv4", &from->ipv4);
	address(import, interface, "ipv6", &from->ipv6);
	if (!node->ospf)
		return;
	ospf = map(import, interface, "ospf");
	number(import, ospf, "area", from->ospf_area);
	if (from->ospf_cost > 0)
		number(import, ospf, "cost", from->ospf_cost);
	if (from->ospf_passive || !from->ospf)
		plain(import, ospf, "passive", "true");
	if (!from->ospf)
		import_skip(import, node->place, node->name, "OSPF doesn't run on %s there; here it is passive", from->name);
}

static void put_router(struct import *import, struct node *routers, const struct import_node *node)
{
	struct node *router = map(import, routers, node->our_name), *interfaces = map(import, router, "interfaces"), *routes = NULL;
	char text[IP_TEXT_BYTES];

	for (size_t i = 0; i < node->interface_count; i++) {
		const struct import_interface *interface = &node->interfaces[i];

		if (interface->cable != NULL)
			put_interface(import, interfaces, node, i);
		else if (strcmp(interface->name, "lo") != 0 && strcmp(interface->name, "eth0") != 0)
			import_skip(import, node->place, node->name, "%s has no cable; it is left out", interface->name);
		else if (interface->ipv4.ip.family != IP_NONE || interface->ipv6.ip.family != IP_NONE)
			import_skip(import, node->place, node->name, "addresses of %s are left out: routers have none without a cable",
				interface->name);
	}
	if (node->ospf && node->router_id.family == IP_V4)
		word(import, router, "router-id", ip_text(node->router_id, text));
	for (size_t i = 0; i < node->route_count; i++) {
		struct node *route;

		routes = routes ? routes : list(import, router, "routes");
		route = map(import, routes, NULL);
		subnet(import, route, "to", node->routes[i].to);
		if (node->routes[i].via.family != IP_NONE)
			word(import, route, "via", ip_text(node->routes[i].via, text));
		else
			plain(import, route, "blackhole", "true");
	}
	if (node->rip)
		put_redistribute(import, map(import, router, "rip"), node->rip_connected, node->rip_static);
	if (node->ospf)
		put_ospf(import, router, node);
	if (node->bgp)
		put_bgp(import, router, node);
	if (!node->configured)
		import_skip(import, node->place, node->name, "no configuration of it was readable: it only forwards");
}

static void put_link(struct import *import, struct node *links, const struct import_cable *cable)
{
	struct node *link = map(import, links, NULL);
	struct prefix v4 = subnet_of(&cable, 1, NULL, false);
	static const char *const keys[] = {"delay", "jitter", "loss", "rate", "corrupt"};
	const char *const values[] = {cable->delay, cable->jitter, cable->loss, cable->rate, cable->corrupt};

	word(import, link, "from", arena_printf(import->arena, "%s:%s", cable->nodes[0]->our_name, cable->ends[0]->our_name));
	word(import, link, "to", arena_printf(import->arena, "%s:%s", cable->nodes[1]->our_name, cable->ends[1]->our_name));
	if (v4.ip.family != IP_NONE)
		subnet(import, link, "ipv4", v4);
	else
		word(import, link, "pool", "cables");
	if (cable->mtu > 0)
		number(import, link, "mtu", cable->mtu);
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (values[i] != NULL)
			word(import, link, keys[i], values[i]);
}

/* Routes of a machine that no network of its tells it. */
static void report_routes(struct import *import, const struct import_node *node)
{
	char to[PREFIX_TEXT_BYTES], via[IP_TEXT_BYTES];

	for (size_t i = 0; i < node->route_count; i++)
		if (!node->routes[i].kept)
			import_skip(import, node->routes[i].place, node->name,
				"its route to %s via %s is left out: machines have those that DHCP tells in a network, one gateway and %d "
				"others, of IPv4",
				prefix_text(node->routes[i].to, to), ip_text(node->routes[i].via, via), LAB_DHCP_ROUTES_MAX);
}

static void put_machine(struct import *import, struct node *vms, const struct import_node *node, struct node *images)
{
	struct node *vm = map(import, vms, node->our_name), *nics;
	size_t count = 0;

	if (node->image != NULL) {
		const char *name = arena_printf(import->arena, "%s-disk", node->our_name);

		word(import, map(import, images, name), "file", node->image);
		word(import, vm, "image", name);
	} else {
		word(import, vm, "image", "builtin:tiny");
	}
	if (node->cpus > 1)
		number(import, vm, "cpus", node->cpus);
	if (node->memory_mib > 0)
		word(import, vm, "memory", arena_printf(import->arena, "%" PRIu32 "M", node->memory_mib));
	report_routes(import, node);
	nics = list(import, vm, "nics");
	for (size_t i = 0; i < node->interface_count; i++) {
		const struct import_interface *interface = &node->interfaces[i];
		const char *ours = arena_printf(import->arena, "eth%zu", count);
		char text[IP_TEXT_BYTES];
		struct node *nic;

		if (interface->cable == NULL)
			continue;
		if (strcmp(ours, interface->name) != 0)
			import_skip(import, node->place, node->name, "%s is %s here", interface->name, ours);
		count++;
		nic = map(import, nics, NULL);
		word(import, nic, "network", network_of(import, interface->cable));
		if (interface->ipv4.ip.family != IP_NONE)
			word(import, nic, "ipv4", ip_text(interface->ipv4.ip, text));
		if (interface->ipv6.ip.family != IP_NONE)
			word(import, nic, "ipv6", ip_text(interface->ipv6.ip, text));
		if (interface->mac != NULL)
			word(import, nic, "mac", interface->mac);
	}
}

static void put_port(struct import *import, struct node *ports, const struct import_node *node)
{
	for (size_t i = 0; i < node->interface_count; i++) {
		struct node *port;

		if (node->interfaces[i].cable == NULL)
			continue;
		port = map(import, ports, arena_printf(import->arena, "%s-%zu", node->our_name, i + 1));
		word(import, port, "network", network_of(import, node->interfaces[i].cable));
		word(import, port, "tap", arena_printf(import->arena, "%.15s", node->interfaces[i].name));
	}
}

/* Cables with a loose end go; of which is said so. */
static void drop_loose(struct import *import)
{
	size_t kept = 0;

	for (size_t i = 0; i < import->cable_count; i++) {
		struct import_cable *cable = import->cables[i];

		if (cable->nodes[0] == NULL)
			continue;
		import->cables[kept++] = cable;
	}
	import->cable_count = kept;
}

/* Sections in which there is nothing are left out. */
static void drop_empty(struct node *root)
{
	struct node *next = root->first;

	root->first = root->last = NULL;
	root->count = 0;
	while (next != NULL) {
		struct node *node = next;

		next = node->next;
		node->next = NULL;
		if (node->kind != NODE_SCALAR && node->first == NULL)
			continue;
		if (root->last != NULL)
			root->last->next = node;
		else
			root->first = node;
		root->last = node;
		root->count++;
	}
}

struct node *import_lab(struct import *import)
{
	struct node *root = map(import, NULL, NULL), *pools, *images, *section;
	struct import_node lab = {.name = import->name ? import->name : "imported"};

	drop_loose(import);
	plain(import, root, "version", "1");
	word(import, root, "name", our_name(import, &lab, 0));
	name_nodes(import);
	pools = map(import, root, "pools");
	section = map(import, pools, "imported");
	word(import, section, "ipv4", "10.128.0.0/16");
	number(import, section, "prefix", 24);
	section = map(import, pools, "cables");
	word(import, section, "ipv4", "10.129.0.0/16");
	number(import, section, "prefix", 31);
	images = map(import, root, "images");
	import->policies = map(import, root, "route-policies");
	put_networks(import, root);
	for (enum import_role role = 0; role <= IMPORT_PORT; role++) {
		static const char *const sections[] = {"vms", "routers", NULL, "ports"};

		if (sections[role] == NULL)
			continue;
		section = map(import, root, sections[role]);
		for (size_t i = 0; i < import->node_count; i++) {
			if (import->nodes[i]->role != role)
				continue;
			if (role == IMPORT_MACHINE)
				put_machine(import, section, import->nodes[i], images);
			else if (role == IMPORT_ROUTER)
				put_router(import, section, import->nodes[i]);
			else
				put_port(import, section, import->nodes[i]);
		}
	}
	section = list(import, root, "links");
	for (size_t i = 0; i < import->cable_count; i++)
		if (is_link(import->cables[i]))
			put_link(import, section, import->cables[i]);
	drop_empty(root);
	return root;
}
