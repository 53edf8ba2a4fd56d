/*
 * The ports of translated addresses: which host behind a router has which.
 *
 * Theory of operation. A host gets ports in blocks of 64 of one address (RFC 6888 REQ-2, RFC 4787 REQ-2: always the same address), so
 * that who had a port at some time is known without a record of each connection, and so that no host can take more than its part. A mapping
 * is a host's own port and the port that stands for it: it is the same for all whom the host speaks to (RFC 4787 REQ-1, RFC 5382 REQ-1), it
 * lives as long as connections use it, and within a block it is picked by chance (RFC 6056), for UDP with the same parity (RFC 4787 REQ-4).
 * A protocol without ports has a mapping without one, which only holds the host to its address. Ports that are forwarded to a machine
 * aren't given out. TCP, UDP and the identifiers of ICMP have ports of their own.
 */
#ifndef SWITCH_NAT_PORTS_H
#define SWITCH_NAT_PORTS_H

#include "base/map.h"

#include <stdbool.h>

struct core;
struct nat;

#define NAT_PORT_FIRST 1024
#define NAT_BLOCK_PORTS 64
#define NAT_BLOCKS ((65536 - NAT_PORT_FIRST) / NAT_BLOCK_PORTS)

/* Kinds of ports; NAT_NO_PORT comes without. */
enum nat_class { NAT_CLASS_TCP, NAT_CLASS_UDP, NAT_CLASS_ICMP, NAT_CLASSES, NAT_NO_PORT = NAT_CLASSES };

/* A block in use. */
struct nat_block {
	struct nat_host *host;
	struct nat_block *next; /* of the host */
	uint16_t first;		/* port */
	uint64_t used[NAT_CLASSES], reserved[NAT_CLASSES];
};

struct nat_address {
	uint32_t ip;
	uint32_t block_count, host_count, port_count; /* in use */
	bool wanted;				      /* by a rule; else it is about to go */
	struct nat_block *blocks[NAT_BLOCKS];
};

struct nat_host {
	struct nat *nat;
	struct nat_address *address;
	struct nat_block *blocks;
	uint64_t key; /* in nat->hosts: its address, and the first one of the pool */
	uint32_t serial;
	uint32_t block_count, conns;
};

struct nat_mapping {
	struct nat_host *host;
	struct nat_block *block; /* NULL: NAT_NO_PORT */
	uint32_t conns;
	uint16_t inside_port, port;
	uint8_t kind; /* enum nat_class */
};

/* What is asked for: a port in the addresses `first` to `last` for a host's own port (NAT_NO_PORT: its protocol). */
struct nat_want {
	uint32_t first, last;
	uint32_t host;
	uint16_t port;
	enum nat_class kind;
};

/* The mapping that there is, or NULL. */
struct nat_mapping *nat_mapping_find(const struct nat *nat, const struct nat_want *want);

/* The mapping that there is, or a new one; NULL when the host has as many ports as it may, or the addresses have no more (told). */
struct nat_mapping *nat_mapping_get(struct core *core, struct nat *nat, const struct nat_want *want);

/* The address a host has in a pool, or would get; 0: none is free. Changes nothing. */
uint32_t nat_host_address(const struct nat *nat, const struct nat_want *want);

/* The port that nat_mapping_get would give, 0 for a protocol without; -1: none. Changes nothing. */
int nat_port_would_be(const struct core *core, const struct nat *nat, const struct nat_want *want);

/* The rules have changed: reserves what they forward in the blocks that are in use. Who has such a port keeps it. */
void nat_ports_reserve(struct nat *nat);

/* The host behind the router, or NULL. */
const struct nat_host *nat_host_find(const struct nat *nat, const struct nat_want *want);

/* A connection uses a mapping, or not any more; a mapping that nobody uses goes (that of a connection that failed is given back so). */
void nat_hold(struct nat_mapping *mapping);
void nat_release(struct nat_mapping *mapping);

#endif
