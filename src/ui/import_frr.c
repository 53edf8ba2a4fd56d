/*
 * FRR's configuration of a router of others' labs: addresses, static routes, OSPF, RIP and BGP as far as Weft has them.
 *
 * Theory of operation. Lines are read in order; the block that they belong to (interface X, router ospf, router bgp) is kept. What is not
 * understood is reported as FILE:LINE. OSPF's `network` lines are applied to the interfaces at the end, since they may stand before them.
 */
#include "base/check.h"
#include "ui/import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LINE_BYTES 512
#define LINES_MAX 20000
#define WORDS_MAX 12
#define AREAS_MAX 64

enum block { BLOCK_NONE, BLOCK_INTERFACE, BLOCK_OSPF, BLOCK_RIP, BLOCK_BGP };

struct frr {
	struct import *import;
	struct import_node *node;
	const char *path;
	unsigned line;
	enum block block;
	struct import_interface *interface;
	char *words[WORDS_MAX];
	size_t count;
	struct prefix areas[AREAS_MAX];
	uint32_t area_numbers[AREAS_MAX];
	size_t area_count;
	const char *passive[AREAS_MAX];
	size_t passive_count;
};

static bool is(const struct frr *frr, size_t i, const char *word) { return i < frr->count && strcmp(frr->words[i], word) == 0; }
static const char *at(const struct frr *frr, size_t i) { return i < frr->count ? frr->words[i] : ""; }

/* An area as a number or as an address. */
static uint32_t area(const char *text)
{
	struct ip ip;

	return ip_parse(text, &ip) && ip.family == IP_V4 ? ip_to_u32(ip) : (uint32_t)strtoul(text, NULL, 10);
}

static bool take_route(struct frr *frr, size_t i)
{
	struct import_node *node = frr->node;
	struct import_route *route = &node->routes[node->route_count];

	if (node->route_count == IMPORT_ROUTES_MAX || !prefix_parse(at(frr, i), &route->to))
		return false;
	/* Only the interface may follow: a distance would make another route of it. */
	if (frr->count > i + 3 || (frr->count == i + 3 && strspn(frr->words[i + 2], "0123456789") > 0))
		return false;
	route->via = (struct ip){0};
	if (!ip_parse(at(frr, i + 1), &route->via) && !is(frr, i + 1, "Null0") && !is(frr, i + 1, "blackhole"))
		return false;
	node->route_count++;
	return true;
}

static bool take_interface(struct frr *frr)
{
	struct import_interface *interface = frr->interface;

	if ((is(frr, 0, "ip") || is(frr, 0, "ipv6")) && is(frr, 1, "address"))
		return import_address(interface, at(frr, 2));
	if (is(frr, 0, "ip") && is(frr, 1, "ospf") && interface != NULL) {
		if (is(frr, 2, "area")) {
			interface->ospf = frr->node->ospf = true;
			interface->ospf_area = area(at(frr, 3));
		} else if (is(frr, 2, "cost")) {
			interface->ospf_cost = (uint32_t)strtoul(at(frr, 3), NULL, 10);
		} else if (is(frr, 2, "passive")) {
			interface->ospf_passive = true;
		} else {
			/* A cable between two routers is point-to-point without being told. */
			return is(frr, 2, "network");
		}
		return true;
	}
	return is(frr, 0, "description") || (is(frr, 0, "no") && is(frr, 1, "shutdown"));
}

static bool take_ospf(struct frr *frr)
{
	if (is(frr, 0, "network") && is(frr, 2, "area") && frr->area_count < AREAS_MAX &&
		prefix_parse(at(frr, 1), &frr->areas[frr->area_count])) {
		frr->area_numbers[frr->area_count++] = area(at(frr, 3));
		return true;
	}
	if (is(frr, 0, "passive-interface") && frr->passive_count < AREAS_MAX) {
		frr->passive[frr->passive_count++] = arena_str(frr->import->arena, at(frr, 1));
		return true;
	}
	if ((is(frr, 0, "ospf") && is(frr, 1, "router-id")) || is(frr, 0, "router-id"))
		return ip_parse(at(frr, frr->count - 1), &frr->node->router_id);
	if (is(frr, 0, "redistribute") && frr->count == 2) {
		frr->node->redistribute_connected |= is(frr, 1, "connected");
		frr->node->redistribute_static |= is(frr, 1, "static");
		return is(frr, 1, "connected") || is(frr, 1, "static");
	}
	return is(frr, 0, "log-adjacency-changes");
}

static bool take_rip(struct frr *frr)
{
	if (is(frr, 0, "redistribute") && frr->count == 2) {
		frr->node->rip_connected |= is(frr, 1, "connected");
		frr->node->rip_static |= is(frr, 1, "static");
		return is(frr, 1, "connected") || is(frr, 1, "static");
	}
	return is(frr, 0, "network") || (is(frr, 0, "version") && is(frr, 1, "2"));
}

static bool take_neighbor(struct frr *frr)
{
	struct import_node *node = frr->node;
	struct import_neighbor *neighbor = NULL;
	struct ip ip;

	if (!ip_parse(at(frr, 1), &ip))
		return false;
	for (size_t i = 0; i < node->neighbor_count; i++)
		if (ip_equal(node->neighbors[i].address, ip))
			neighbor = &node->neighbors[i];
	if (neighbor == NULL && node->neighbor_count < IMPORT_NEIGHBORS_MAX) {
		neighbor = &node->neighbors[node->neighbor_count++];
		*neighbor = (struct import_neighbor){.address = ip};
	}
	if (neighbor == NULL)
		return false;
	if (is(frr, 2, "remote-as"))
		neighbor->as = is(frr, 3, "internal") ? node->bgp_as : (uint32_t)strtoul(at(frr, 3), NULL, 10);
	neighbor->next_hop_self |= is(frr, 2, "next-hop-self");
	neighbor->reflector_client |= is(frr, 2, "route-reflector-client");
	return is(frr, 2, "remote-as") || is(frr, 2, "next-hop-self") || is(frr, 2, "route-reflector-client") || is(frr, 2, "activate") ||
	       is(frr, 2, "description");
}

/* A prefix that is announced, wherever the router has its route from. */
static bool take_network(struct frr *frr)
{
	struct import_node *node = frr->node;
	struct prefix prefix;

	if (frr->count != 2 || strchr(frr->words[1], '/') == NULL || !prefix_parse(frr->words[1], &prefix))
		return false;
	prefix = prefix_masked(prefix);
	for (size_t i = 0; i < node->bgp_network_count; i++)
		if (prefix_equal(node->bgp_networks[i], prefix))
			return true;
	if (node->bgp_network_count == IMPORT_NETWORKS_MAX)
		return false;
	node->bgp_networks[node->bgp_network_count++] = prefix;
	return true;
}

static bool take_bgp(struct frr *frr)
{
	if (is(frr, 0, "neighbor"))
		return take_neighbor(frr);
	if (is(frr, 0, "bgp") && is(frr, 1, "router-id"))
		return ip_parse(at(frr, 2), &frr->node->router_id);
	if (is(frr, 0, "redistribute") && frr->count == 2) {
		frr->node->bgp_connected |= is(frr, 1, "connected");
		frr->node->bgp_static |= is(frr, 1, "static");
		return is(frr, 1, "connected") || is(frr, 1, "static");
	}
	if (is(frr, 0, "network"))
		return take_network(frr);
	return (is(frr, 0, "no") && is(frr, 1, "bgp")) || is(frr, 0, "address-family") || is(frr, 0, "exit-address-family");
}

/* A line that begins a block or stands alone. */
static bool take_top(struct frr *frr, bool *known)
{
	*known = true;
	if (is(frr, 0, "interface")) {
		frr->block = BLOCK_INTERFACE;
		frr->interface = import_interface(frr->node, arena_str(frr->import->arena, at(frr, 1)));
	} else if (is(frr, 0, "router") && is(frr, 1, "ospf") && !is(frr, 2, "vrf")) {
		frr->block = BLOCK_OSPF;
		frr->node->ospf = true;
	} else if (is(frr, 0, "router") && is(frr, 1, "rip") && !is(frr, 2, "vrf")) {
		frr->block = BLOCK_RIP;
		frr->node->rip = true;
	} else if (is(frr, 0, "router") && is(frr, 1, "bgp") && frr->count == 3) {
		frr->block = BLOCK_BGP;
		frr->node->bgp = true;
		frr->node->bgp_as = (uint32_t)strtoul(at(frr, 2), NULL, 10);
	} else if ((is(frr, 0, "ip") || is(frr, 0, "ipv6")) && is(frr, 1, "route")) {
		*known = take_route(frr, 2);
	} else if (is(frr, 0, "router") || is(frr, 0, "route-map") || is(frr, 0, "vrf")) {
		/* The lines of a block that has no meaning here belong to none. */
		frr->block = BLOCK_NONE;
		*known = false;
	} else {
		static const char *const quiet[] = {
			"frr", "hostname", "log", "line", "service", "password", "end", "exit", "write", "configure"};

		for (size_t i = 0; i < COUNT_OF(quiet); i++)
			if (is(frr, 0, quiet[i]))
				return true;
		return false;
	}
	return true;
}

static bool take_line(struct frr *frr)
{
	bool known = true;

	if (take_top(frr, &known))
		return known;
	switch (frr->block) {
	case BLOCK_INTERFACE:
		return take_interface(frr);
	case BLOCK_OSPF:
		return take_ospf(frr);
	case BLOCK_RIP:
		return take_rip(frr);
	case BLOCK_BGP:
		return take_bgp(frr);
	case BLOCK_NONE:
		break;
	}
	return false;
}

/* Networks and passive interfaces of OSPF, applied to what they name. */
static void apply(struct frr *frr)
{
	for (size_t i = 0; i < frr->node->interface_count; i++) {
		struct import_interface *interface = &frr->node->interfaces[i];

		for (size_t a = 0; a < frr->area_count; a++)
			if (interface->ipv4.ip.family == IP_V4 && prefix_contains(prefix_masked(frr->areas[a]), interface->ipv4.ip)) {
				interface->ospf = true;
				interface->ospf_area = frr->area_numbers[a];
			}
		for (size_t p = 0; p < frr->passive_count; p++)
			if (strcmp(frr->passive[p], interface->name) == 0 || strcmp(frr->passive[p], "default") == 0)
				interface->ospf_passive = true;
	}
}

static void split(struct frr *frr, char *line)
{
	frr->count = 0;
	while (frr->count < WORDS_MAX) {
		line += strspn(line, " \t\r\n");
		if (*line == '\0')
			return;
		frr->words[frr->count++] = line;
		line += strcspn(line, " \t\r\n");
		if (*line != '\0')
			*line++ = '\0';
	}
}

static void read_lines(struct frr *frr, FILE *file)
{
	char line[LINE_BYTES], copy[LINE_BYTES];

	while (frr->line < LINES_MAX && fgets(line, sizeof(line), file) != NULL) {
		frr->line++;
		(void)text_copy(copy, sizeof(copy), line);
		split(frr, line);
		if (frr->count == 0 || frr->words[0][0] == '!' || frr->words[0][0] == '#' || take_line(frr))
			continue;
		copy[strcspn(copy, "\r\n")] = '\0';
		text_add(&frr->import->more, "%s:%u: warning: %s: has no meaning here: %s\n", frr->path, frr->line, frr->node->name,
			copy + strspn(copy, " \t"));
		frr->import->more_count++;
	}
	if (frr->line == LINES_MAX && !feof(file))
		text_add(&frr->import->more, "%s:%u: warning: %s: the lines behind this one are left out\n", frr->path, frr->line,
			frr->node->name);
	frr->node->configured = frr->node->configured || frr->line > 0;
}

void import_frr(struct import *import, struct import_node *node, const char *path)
{
	const char *slash = strrchr(import->path, '/');
	struct frr *frr = arena_alloc(import->arena, sizeof(*frr));
	struct stat st;
	FILE *file;

	*frr = (struct frr){.import = import, .node = node, .path = path};
	if (path[0] != '/' && slash != NULL)
		frr->path = arena_printf(import->arena, "%.*s/%s", (int)(slash - import->path), import->path, path);
	/* A folder is bound whole: its frr.conf is what counts. */
	if (stat(frr->path, &st) == 0 && S_ISDIR(st.st_mode))
		frr->path = arena_printf(import->arena, "%s/frr.conf", frr->path);
	file = fopen(frr->path, "re");
	if (file == NULL) {
		import_skip(import, node->place, node->name, "its configuration %s can't be read: %s", frr->path, strerror(errno));
		return;
	}
	read_lines(frr, file);
	(void)fclose(file);
	apply(frr);
}
