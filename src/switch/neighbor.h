/*
 * Neighbors of a router interface: addresses of its network and their MACs, found by ARP (RFC 826) and ND (RFC 4861 7.3).
 *
 * Theory of operation. What the model knows (guarded ports that are up, other routers' interfaces) needs no asking and takes no entry
 * (network_known). For the rest:
 *
 *   (none) --a packet--> INCOMPLETE --answer--> REACHABLE --30 s--> STALE --a packet--> DELAY --5 s--> PROBE --answer--> REACHABLE
 *                            |3 tries               ^answer           |20 min                            |3 tries
 *                            v                                        v                                  v
 *                          FAILED --3 s--> (none)                   (none)                             FAILED
 *
 * Each state lasts the same for all, so each has a list in the order of deadlines. Going STALE and losing or changing a MAC raise the
 * interface's neighbor_generation: flow cache entries end, their next packet walks, and so a STALE neighbor in use is probed without any
 * work for packets in between. Packets wait for an INCOMPLETE neighbor, a few each and in all; unanswered ones get ICMP host unreachable.
 * Scans can't push out what is resolved: at most half of the entries may be unresolved.
 */
#ifndef SWITCH_NEIGHBOR_H
#define SWITCH_NEIGHBOR_H

#include "switch/core_state.h"

enum neighbor_state {
	NEIGHBOR_INCOMPLETE,
	NEIGHBOR_REACHABLE,
	NEIGHBOR_STALE,
	NEIGHBOR_DELAY,
	NEIGHBOR_PROBE,
	NEIGHBOR_FAILED,
	NEIGHBOR_STATES
};
_Static_assert(NEIGHBOR_STATES == NEIGHBOR_LISTS, "a list for each state of a neighbor");

struct neighbor {
	struct list in_state; /* core->neighbors[state] */
	struct rif *rif;
	struct ip ip;
	struct mac mac;
	enum neighbor_state state;
	uint8_t tries;
	struct instant deadline;
	struct instant confirmed; /* when the MAC was last heard of; when it was asked for */
	struct packet *held;	  /* oldest first */
	unsigned held_count;
};

/* What a resolution gives. WAIT: hold the packet; LIMIT: no entry to be had. */
enum neighbor_answer { NEIGHBOR_RESOLVED, NEIGHBOR_WAIT, NEIGHBOR_UNREACHABLE, NEIGHBOR_LIMIT };

/* Finds the MAC of a next hop, asking for it when needed. `neighbor` is set for WAIT. */
enum neighbor_answer neighbor_resolve(struct core *core, struct rif *rif, struct ip ip, struct mac *mac, struct neighbor **neighbor);

/* Lets a packet wait, taking it over; the oldest waiting one is dropped when there are too many. */
void neighbor_hold(struct core *core, struct neighbor *neighbor, struct packet *packet);

/*
 * Someone said that `ip` is at `mac`. `answer`: in reply to a question, so it is reachable; `create`: makes an entry when there is none.
 * What the model knows better is ignored.
 */
void neighbor_heard(struct core *core, struct rif *rif, struct ip ip, struct mac mac, bool answer, bool create);

/* Tells the interface's network its addresses: gratuitous ARP (RFC 5227 3), unsolicited advertisements (RFC 4861 7.2.6). */
void neighbor_announce(struct core *core, struct rif *rif);

/* Forgets all neighbors of an interface, dropping what waits. */
void neighbor_flush(struct core *core, struct rif *rif);

/* Runs timers. */
void neighbor_tick(struct core *core, struct instant now);

/* A port of the network has come up: who is asked for may be behind it, so it is asked for again at once. */
void neighbor_port_up(struct core *core, const struct network *network);

/* The nearest deadline. */
struct instant neighbor_next(const struct core *core);

/* Questions and announcements, built and sent by feature_arp.c and feature_nd.c. `mac` NULL asks everyone. */
void arp_ask(struct core *core, struct rif *rif, struct ip ip, const struct mac *mac);
void arp_announce(struct core *core, struct rif *rif, struct ip own);
void nd_ask(struct core *core, struct rif *rif, struct ip ip, const struct mac *mac);
void nd_announce(struct core *core, struct rif *rif, struct ip own);

#endif
