/* Why packets are dropped: every reason has a name, a sentence, and a counter on each port and router interface. */
#ifndef SWITCH_DROP_H
#define SWITCH_DROP_H

/* Rows of the table in drop.c. NONE is no drop. */
enum drop_reason {
	DROP_NONE,
	/* before the core */
	DROP_DEVICE,
	DROP_DESC_INDEX,
	DROP_DESC_LOOP,
	DROP_DESC_ADDRESS,
	DROP_DESC_DIRECTION,
	DROP_DESC_INDIRECT,
	DROP_DESC_CHAIN,
	DROP_BAD_OFFLOAD,
	DROP_FRAME_TOO_LONG,
	DROP_NO_BUFFER,
	DROP_RING_FULL,
	DROP_NOT_READY,
	DROP_KEEP_LIMIT,
	/* port */
	DROP_RUNT,
	DROP_PORT_DOWN,
	DROP_NETWORK_DOWN,
	DROP_BAD_SOURCE_MAC,
	DROP_MAC_SPOOFED,
	DROP_IP_SPOOFED,
	DROP_ARP_SPOOFED,
	DROP_ND_SPOOFED,
	DROP_TAGGED,
	DROP_ROGUE_DHCP,
	DROP_ROGUE_ROUTER,
	/* network */
	DROP_CABLE_OPEN,
	DROP_RESERVED_GROUP,
	DROP_HAIRPIN,
	DROP_NO_RECEIVER,
	/* router interface */
	DROP_INTERFACE_DOWN,
	DROP_NOT_FOR_ROUTER,
	DROP_UNKNOWN_TYPE,
	DROP_BAD_ARP,
	DROP_BAD_ND,
	DROP_BAD_VERSION,
	DROP_BAD_LENGTH,
	DROP_BAD_CHECKSUM,
	DROP_BAD_EXTENSION,
	DROP_MARTIAN_SOURCE,
	DROP_MARTIAN_DESTINATION,
	DROP_MULTICAST_NOT_ROUTED,
	DROP_LINK_LOCAL,
	DROP_FRAGMENT_FOR_ROUTER,
	DROP_NO_LISTENER,
	DROP_ICMP_IGNORED,
	DROP_PUNT_LIMIT,
	DROP_PUNT_TOO_LONG,
	/* forwarding */
	DROP_TTL_EXCEEDED,
	DROP_NO_ROUTE,
	DROP_BLACKHOLE,
	DROP_TOO_BIG,
	DROP_TOO_MANY_ROUTERS,
	DROP_NEIGHBOR_LIMIT,
	DROP_NEIGHBOR_HELD,
	DROP_NEIGHBOR_FAILED,
	DROP_QUEUE_FULL,
	DROP_TX_REFUSED,
	/* DHCP server */
	DROP_DHCP_MALFORMED,
	DROP_DHCP_NOT_OURS,
	DROP_DHCP_LIMIT,
	DROP_COUNT
};

/* The name people see ("ttl_exceeded") and one sentence that explains it. */
const char *drop_name(enum drop_reason reason);
const char *drop_text(enum drop_reason reason);

/* The reason of a name; DROP_DEVICE for a name that isn't in the table. */
enum drop_reason drop_find(const char *name);

#endif
