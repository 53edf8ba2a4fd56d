/*
 * ICMP errors about translated packets (RFC 5508 4, 7.2): who gets one must read its own packet in it.
 *
 * Theory of operation. An error quotes a packet as that was on its way, translated or not yet; what is quoted names the connection, and the
 * connection says how the packet read on the other side. Errors that pass the router are changed in place: the quoted addresses and ports,
 * the checksums in the quote as far as they are there, then the error's own addresses, by which it also finds its way. Errors of the router
 * itself about packets that it had already translated quote them as they came.
 */
#ifndef SWITCH_NAT_ICMP_H
#define SWITCH_NAT_ICMP_H

#include "switch/nat.h"
#include "switch/walk.h"

/* Changes an error whose quote reads `quoted`; false when that belongs to no connection. */
bool nat_error_translate(struct walk *walk, const struct conn_tuple *quoted);

/* How a packet (from its IP header on) read when it came to the router; false when no connection has it, or it read the same. */
bool nat_error_before(const struct core *core, const struct router *router, const uint8_t *bytes, uint32_t size, struct conn_tuple *before);

/* Makes a quoted packet read `to`; returns what a checksum over it grows by. */
uint16_t nat_quote_rewrite(uint8_t *bytes, uint32_t size, const struct conn_tuple *to);

#endif
