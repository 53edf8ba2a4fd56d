/*
 * Labs of others: what they say that has a meaning here, as a lab file; what has none, by line.
 *
 * Theory of operation. A reader (one file a format) walks its document and fills one neutral picture: nodes (a router, a machine, or a
 * segment of layer 2), their interfaces, and cables. import_lab then makes a lab of the picture, the same for all formats: a cable between
 * two routers becomes a link; any other becomes a network, as do segments with all that is plugged into them. Every part of the document
 * that a reader does not understand is reported with its line (import_skip); nothing is dropped silently.
 */
#ifndef UI_IMPORT_H
#define UI_IMPORT_H

#include "model/diag.h"
#include "model/tree.h"
#include "ui/call.h"

#define IMPORT_NODES_MAX 2000
#define IMPORT_CABLES_MAX 8000
#define IMPORT_INTERFACES_MAX 64
#define IMPORT_ROUTES_MAX 256
#define IMPORT_NEIGHBORS_MAX 64
#define IMPORT_NETWORKS_MAX 64

enum import_role { IMPORT_MACHINE, IMPORT_ROUTER, IMPORT_SEGMENT, IMPORT_PORT };

struct import_interface {
	const char *name;
	const char *our_name;	  /* by import_lab, of routers */
	struct prefix ipv4, ipv6; /* with host bits; family IP_NONE: not known */
	struct import_cable *cable;
	const char *mac;
	bool ospf, ospf_passive;
	uint32_t ospf_area;
	uint32_t ospf_cost;
};

struct import_route {
	struct prefix to;
	struct ip via; /* IP_NONE: blackhole */
	struct place place;
	bool kept; /* a machine's: the lab says it */
};

struct import_neighbor {
	struct ip address;
	uint32_t as;
	bool reflector_client, next_hop_self;
};

struct import_node {
	const char *name; /* as it is written there; import_lab makes names of ours */
	const char *our_name;
	struct place place;
	enum import_role role;
	const char *image; /* a disk's path; NULL: builtin:tiny */
	uint32_t memory_mib, cpus;
	struct import_interface interfaces[IMPORT_INTERFACES_MAX];
	size_t interface_count;
	struct import_route routes[IMPORT_ROUTES_MAX];
	size_t route_count;
	struct import_neighbor neighbors[IMPORT_NEIGHBORS_MAX];
	size_t neighbor_count;
	struct prefix bgp_networks[IMPORT_NETWORKS_MAX]; /* that BGP announces when the router has a route to them */
	size_t bgp_network_count;
	bool configured; /* something of its configuration was readable */
	bool ospf, rip, bgp;
	bool rip_connected, rip_static, redistribute_connected, redistribute_static, bgp_connected, bgp_static;
	uint32_t bgp_as;
	struct ip router_id;
};

struct import_cable {
	struct place place;
	struct import_node *nodes[2]; /* the second NULL: only one end is plugged in */
	struct import_interface *ends[2];
	struct prefix ipv4; /* of the cable, when it is said there */
	uint32_t mtu;
	const char *delay, *jitter, *loss, *rate, *corrupt;
};

struct import {
	const struct call *call;
	struct arena *arena;
	const char *path;   /* of the document */
	struct diags diags; /* about the document */
	const char *name;
	struct import_node **nodes;
	size_t node_count;
	struct import_cable **cables;
	size_t cable_count;
	struct node *policies; /* of the lab that is made */
	struct text more;      /* findings about other files, ready to be printed */
	size_t more_count;
};

/* Reports a part that has no meaning here. */
void import_skip(struct import *import, struct place place, const char *path, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Adds a node or cable, NULL when there are too many (which is an error of the document). */
struct import_node *import_node_add(struct import *import, const char *name, struct place place, enum import_role role);
struct import_node *import_node_find(const struct import *import, const char *name);
struct import_cable *import_cable_add(struct import *import, struct place place);

/* The interface of that name; made when it is not there. NULL when a node has too many. */
struct import_interface *import_interface(struct import_node *node, const char *name);

/* Plugs an end of a cable into an interface ("" or NULL: the next free one). False, reported, when something is plugged in there already.
 */
bool import_plug(struct import *import, struct import_cable *cable, struct import_node *node, const char *interface);

/* "10.1.0.1/24" with host bits into an interface, one of a family. False when it is no such thing, or there is another already. */
bool import_address(struct import_interface *interface, const char *text);

/* Readers: fill the picture; errors are in import->diags. */
void import_containerlab(struct import *import, const struct node *root);
void import_netlab(struct import *import, const struct node *root);
void import_gns3(struct import *import, const struct node *root);
void import_libvirt(struct import *import, const char *source, size_t bytes);

/* A command inside a node ("ip addr add 10.1.0.1/24 dev eth1"); false when it has no meaning here. */
bool import_command(struct import_node *node, const char *command);

/* FRR's configuration of a node, a file beside the document; findings name its lines. */
void import_frr(struct import *import, struct import_node *node, const char *path);

/* The lab of a picture, as the tree of a lab file. */
struct node *import_lab(struct import *import);

/*
 * A document in a format (NULL: told by its looks) as the text of a lab file. What has no meaning here is printed to call->err by line.
 * Returns STATUS_OK, or STATUS_USAGE after errors were printed.
 */
enum status import_read(const struct call *call, const char *format, const char *path, const char *source, size_t bytes, struct text *lab);

/* True for a document that weft up takes as it stands: YAML with `topology:` at the top. */
bool import_is_containerlab(const char *source, size_t bytes);

#endif
