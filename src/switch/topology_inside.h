/* What the two halves of the topology (finding and plugging in topology.c, orders in topology_set.c) share. */
#ifndef SWITCH_TOPOLOGY_INSIDE_H
#define SWITCH_TOPOLOGY_INSIDE_H

#include "switch/topology.h"

struct mac member_mac(struct member *member);

/* True when another member of the network has this MAC by the model. */
bool member_mac_is_taken(const struct network *network, const struct member *member, struct mac mac);

/* Plugs a member into the network of its network_id (if there is one), enters its MAC and addresses; and the reverse. */
void member_attach(struct core *core, struct member *member);
void member_detach(struct core *core, struct member *member);

/* Makes a router's map of own addresses anew. */
void router_index(struct router *router);

/* Works out an interface's carrier anew; tells those who must know when it changed; with `announce` its addresses are announced anyway. */
void rif_update_carrier(struct core *core, struct rif *rif, bool announce);
void network_update_carriers(struct core *core, struct network *network);

#endif
