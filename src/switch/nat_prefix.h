/*
 * IPv6 prefix translation (RFC 6296): an inside prefix reads outside as another one, address by address, without state.
 *
 * Theory of operation. The prefix is replaced, and one further 16-bit word is changed so that the sum of the whole address stays the same:
 * bits 48 to 63 for prefixes of up to 48 bits, else the first word of the interface identifier that can be. So no checksum changes, and
 * fragments and unknown protocols pass like everything else. A word of 0xffff can't be translated there and back: such addresses don't
 * pass.
 */
#ifndef SWITCH_NAT_PREFIX_H
#define SWITCH_NAT_PREFIX_H

#include "switch/nat.h"
#include "switch/walk.h"

/* The address of prefix `from` as one of prefix `to` (both of the same length); false when it can't be translated. */
bool nat_prefix_address(struct prefix from, struct prefix to, struct ip *ip);

/* Translates an IPv6 packet that came to a router with rules of PREFIX; DROP_NONE: it goes on. */
enum drop_reason nat_prefix_translate(struct walk *walk);

/* Undoes it in a quoted packet that had been translated when it met with an error; `in` is where it had come in. */
void nat_prefix_undo(const struct nat *nat, const struct rif *in, uint8_t *bytes, uint32_t size);

/* The source of a translated packet as it came. */
struct ip nat_prefix_source(const struct nat *nat, const struct rif *in, struct ip source);

#endif
