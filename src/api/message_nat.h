/* The messages of address translation, as structs; their rows are in messages.c with all others. */
#ifndef API_MESSAGE_NAT_H
#define API_MESSAGE_NAT_H

#include "api/message_types.h"

/* Rules of one router; addresses of one pool. */
#define NAT_RULES_MAX 256
#define NAT_POOL_MAX 256

/*
 * SOURCE: packets from `match` that leave by the interface get a port of the addresses `to` to `to_last`. DESTINATION: packets to the
 * address `match` and to ports `port_first` to `port_last` of `protocol` go to the address `to`, to ports from `to_port` on. STATIC: the
 * outside address `match` stands for the inside address `to`. PREFIX: addresses of the inside prefix `match` read outside as those of `to`
 * (RFC 6296).
 */
enum nat_kind { NAT_SOURCE, NAT_DESTINATION, NAT_STATIC, NAT_PREFIX, NAT_KIND_COUNT };

/* `rif` is the interface to the outside. */
struct nat_rule {
	uint8_t kind; /* enum nat_kind */
	uint8_t protocol;
	uint16_t port_first, port_last;
	uint16_t to_port;
	uint32_t rif;
	struct prefix match;
	struct prefix to;
	struct ip to_last;
};

/* The translation of a router, whose id it has. */
struct msg_nat {
	uint32_t id;
	uint16_t rule_count;
	struct nat_rule rules[NAT_RULES_MAX];
};

/* A rule in use: connections begun since it is there, those that are, ports and addresses in use. */
struct row_nat_rule {
	uint32_t router;
	uint8_t kind; /* enum nat_kind */
	uint8_t protocol;
	uint16_t port_first, port_last;
	uint16_t to_port;
	uint32_t rif;
	struct prefix match;
	struct ip to;
	struct ip to_last;
	uint8_t to_length; /* PREFIX */
	uint64_t begun;
	uint32_t connections; /* of the router */
	uint32_t hosts;
	uint32_t ports_used;
	uint32_t ports_taken; /* in blocks of hosts */
	uint32_t ports_all;
};

/* A translated connection: as its first packet came to the router, and as it left it. Ports of ICMP are its identifier. */
struct row_nat {
	uint32_t router;
	uint8_t protocol;
	uint8_t state; /* enum track_state */
	struct ip source, destination;
	uint16_t source_port, destination_port;
	struct ip new_source, new_destination;
	uint16_t new_source_port, new_destination_port;
	uint32_t remaining_s;
	uint64_t packets, reply_packets;
};

#endif
