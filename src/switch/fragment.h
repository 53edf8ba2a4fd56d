/* Fragmentation of IPv4 packets by routers (RFC 791 3.2, RFC 1812 4.2.2.7). */
#ifndef SWITCH_FRAGMENT_H
#define SWITCH_FRAGMENT_H

#include "switch/walk.h"

/* True when the packet's sender lets routers fragment it, and it is one packet (not a bundle to be segmented). */
bool fragment_allowed(const struct packet *packet);

/*
 * Cuts the walk's packet (taken) into pieces of at most `mtu` bytes, which go on to the walk's next hop. The packet stays the walk's. False
 * when it can't be done: the MTU leaves no room behind the header, or buffers ran out (what was cut by then is on its way).
 */
bool fragment_ipv4(struct walk *walk, uint16_t mtu);

#endif
