/* What is for a router itself: own addresses, its groups, neighbor discovery, packets for the routing protocols. */
#ifndef SWITCH_LOCAL_H
#define SWITCH_LOCAL_H

#include "switch/walk.h"

/* An IP packet to a group (or broadcast) that an interface hears; true when it was for the router. Only reads the packet. */
bool local_listen(struct walk *walk, struct rif *rif);

/* An ICMPv6 message of neighbor discovery that came to an interface; true when it was one. Only reads the packet. */
bool nd_hear(struct walk *walk, struct rif *rif);

/* Answers an echo request with the packet itself, taking it over. */
void icmp_echo(struct walk *walk, struct packet *packet);

/* Adds or removes a rule of the route process. */
int punt_rule_set(struct core *core, const struct msg_punt_rule *rule, struct err *err);

/* The rule that wants the packet at `rif`, sent to `group` (none: to the router's own address or a broadcast), or NULL. */
const struct msg_punt_rule *punt_rule_find(struct walk *walk, const struct rif *rif, struct ip group);

/* Sends the packet to the route process, within the interface's rate. The packet stays the caller's. */
void punt_send(struct walk *walk, struct rif *rif);

#endif
