/* The messages of security groups and connections, as structs; their rows are in messages.c with all others. */
#ifndef API_MESSAGE_GROUP_H
#define API_MESSAGE_GROUP_H

#include "api/message_types.h"

/* Rules of one message. */
#define GROUP_RULES_MAX 512

/*
 * A security group: rules that all of its ports share. Its rules come in pages of `version`; once all `page_count` of them are there they
 * take effect at once, until then those before them stay.
 */
struct msg_group {
	uint32_t id;
	uint32_t page_count;
	uint64_t version;
	char path[PATH_BYTES];
};

/*
 * A rule allows. `protocol` 0: any; `port_first` to `port_last` are ports, of ICMP type << 8 | code, and 0-65535 for all others. The other
 * side is `remote`, or the members of `group`, or anyone of `family` (none: of both).
 */
struct group_rule {
	bool ingress;
	uint8_t protocol;
	uint8_t family; /* enum ip_family */
	uint16_t port_first;
	uint16_t port_last;
	struct prefix remote;
	uint32_t group;
};

/* Page `page` (from 0) of the rules of a group in a version. */
struct msg_group_rules {
	uint32_t id;
	uint32_t group;
	uint64_t version;
	uint32_t page;
	uint16_t rule_count;
	struct group_rule rules[GROUP_RULES_MAX];
};

enum track_state {
	TRACK_NEW,
	TRACK_ANSWERED,
	TRACK_PICKED_UP,
	TRACK_ESTABLISHED,
	TRACK_CLOSING,
	TRACK_CLOSED,
	TRACK_REVOKED,
	TRACK_STATE_COUNT
};

/* A connection as its first packet read; `inbound`: to the port's machine. Ports are 0 where there are none; of ICMP the identifier. */
struct row_connection {
	uint32_t port;
	uint8_t protocol;
	bool inbound;
	uint8_t state; /* enum track_state */
	struct ip source;
	struct ip destination;
	uint16_t source_port;
	uint16_t destination_port;
	uint32_t remaining_s;
	uint64_t packets;
	uint64_t reply_packets;
};

/* A security group: `complete` when the rules that are wanted are those in effect. */
struct row_group {
	uint32_t group;
	uint32_t ports;
	uint32_t ingress_rules;
	uint32_t egress_rules;
	bool complete;
	uint32_t connections;
	uint64_t denied_in;
	uint64_t denied_out;
};

#endif
