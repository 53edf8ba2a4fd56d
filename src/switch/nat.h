/*
 * Address translation of routers (RFC 3022, RFC 4787, RFC 5382, RFC 5508): the rules, and what they make of a packet.
 *
 * Theory of operation. A router with rules has a zone of connections (conn.h). A packet that comes in belongs to one of them by its tuple,
 * or is the beginning of one when a rule speaks of it, or is no business of the translation's. All of it is decided in one place, before
 * the router looks whether the packet is for itself (feature_nat.c): first where it goes, by a rule that forwards to a machine or stands
 * for one; then, by the interface through which the route to there leads, from where it seems to come. A connection keeps both, whatever
 * becomes of the routes. A host inside that speaks to an outside address of the inside is translated both ways (hairpin, RFC 4787 REQ-9).
 *
 * Nothing that a rule speaks of leaves untranslated: what can't be translated (no port is free, a fragment before its first one, an ICMP
 * error about nothing known) is dropped by name. What the router itself sends isn't translated. The ports are nat_ports.h's business, ICMP
 * errors nat_icmp.h's; translation of IPv6 prefixes has no state (nat_prefix.h).
 *
 * When the rules change, connections that they no longer allow end; the others go on.
 */
#ifndef SWITCH_NAT_H
#define SWITCH_NAT_H

#include "api/message_nat.h"
#include "switch/conn.h"
#include "switch/core_state.h"
#include "switch/nat_ports.h"

struct nat_entry {
	struct nat_rule config;
	uint64_t begun; /* connections */
};

struct nat {
	struct router *router;
	uint64_t mark; /* as of objects of the topology */
	struct nat_entry *rules;
	unsigned rule_count;
	bool has_prefixes, has_states; /* there are rules of PREFIX; of the others */
	struct map addresses;	       /* IPv4 as a number -> struct nat_address: what sources are translated to */
	struct map hosts;	       /* host_key -> struct nat_host */
	struct map mappings;	       /* mapping_key -> struct nat_mapping */
	uint32_t serial;	       /* of hosts */
};

/* NAT_SET, NAT_DEL. */
int nat_set(struct core *core, const struct msg_nat *config, struct err *err);
void nat_del(struct core *core, uint32_t router);

/* Ends the translation of a router (which may have none). */
void nat_clear(struct core *core, struct router *router);

/* True when a router's interface speaks for an address that isn't its own: one of a pool, or one that stands for a machine. */
bool nat_owns(const struct rif *rif, struct ip ip);

/* True when an address is one of those that a router's translation uses outside. */
bool nat_is_outside(const struct nat *nat, struct ip ip);

/* The kind of ports that a packet has; `query` as in struct conn_tuple. */
enum nat_class nat_class_of(uint8_t protocol, uint8_t query);

/* What a rule makes of the destination of a tuple, or NULL: no rule speaks of it. */
struct nat_entry *nat_destination(const struct nat *nat, const struct conn_tuple *tuple, struct conn_tuple *to);

/* The rule for the source of a tuple that leaves by an interface; with `hairpin` (the rule of the destination) also that of its interface.
 */
struct nat_entry *nat_source(const struct nat *nat, const struct conn_tuple *tuple, uint32_t rif, const struct nat_entry *hairpin);

/* True when the tuple's source is where some rule forwards to: its packets may be answers of a connection still to come. */
bool nat_is_target(const struct nat *nat, const struct conn_tuple *tuple);

/* What is asked of the ports for a tuple's source by a rule of SOURCE. */
struct nat_want nat_want_of(const struct nat_entry *rule, const struct conn_tuple *tuple);

/* The tuple of a packet that came in as `arrived` of a connection's direction, as it goes on. */
struct conn_tuple nat_onward(const struct conn *conn, enum conn_direction direction);

#endif
