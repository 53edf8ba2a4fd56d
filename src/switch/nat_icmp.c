/* ICMP errors about translated packets. */
#include "switch/nat_icmp.h"

#include "net/icmp.h"
#include "net/ipv4.h"
#include "switch/conn_key.h"
#include "switch/nat_rewrite.h"

#include <string.h>

/* Puts bytes in place of others; `sum` is what a checksum over them grows by. */
static void put(uint16_t *sum, uint8_t *at, const uint8_t *bytes, unsigned count)
{
	*sum = nat_sum_change(*sum, at, bytes, count);
	memcpy(at, bytes, count);
}

static void put_u16(uint16_t *sum, uint8_t *at, uint16_t value)
{
	uint8_t bytes[2];

	wire_put_u16(bytes, value);
	put(sum, at, bytes, sizeof(bytes));
}

/* Addresses of an IPv4 header with its checksum. */
static void put_addresses(uint16_t *sum, struct ipv4_header *v4, const uint8_t *src, const uint8_t *dst)
{
	uint16_t change = nat_sum_change(nat_sum_change(0, v4->source, src, 4), v4->destination, dst, 4);

	put(sum, v4->source, src, 4);
	put(sum, v4->destination, dst, 4);
	put_u16(sum, v4->checksum, nat_checksum_grow(wire_get_u16(v4->checksum), change));
}

/* The checksum of a quoted transport header, where it is there: the first 8 bytes always are, TCP's checksum may not. */
static void put_checksum(uint16_t *sum, uint8_t *l4, uint32_t left, uint8_t protocol, uint32_t change)
{
	unsigned at = protocol == IP_PROTOCOL_TCP ? 16 : protocol == IP_PROTOCOL_UDP ? 6 : 2;
	uint16_t checksum;

	if (left < at + 2)
		return;
	checksum = wire_get_u16(l4 + at);
	if (protocol == IP_PROTOCOL_UDP && checksum == 0)
		return;
	checksum = nat_checksum_grow(checksum, change);
	put_u16(sum, l4 + at, protocol == IP_PROTOCOL_UDP && checksum == 0 ? 0xffff : checksum);
}

uint16_t nat_quote_rewrite(uint8_t *bytes, uint32_t size, const struct conn_tuple *to)
{
	struct ipv4_header *v4 = (struct ipv4_header *)bytes;
	uint8_t *l4 = bytes + ipv4_header_bytes(v4);
	uint32_t left = size - ipv4_header_bytes(v4);
	uint16_t sum = 0, addresses = nat_sum_change(nat_sum_change(0, v4->source, to->src, 4), v4->destination, to->dst, 4), ports = 0;

	put_addresses(&sum, v4, to->src, to->dst);
	if (to->protocol == IP_PROTOCOL_TCP || to->protocol == IP_PROTOCOL_UDP) {
		put_u16(&ports, l4, to->src_port);
		put_u16(&ports, l4 + 2, to->dst_port);
		put_checksum(&sum, l4, left, to->protocol, (uint32_t)addresses + ports);
	} else if (to->query != 0) {
		put_u16(&ports, l4 + 4, to->query == 1 ? to->src_port : to->dst_port);
		put_checksum(&sum, l4, left, to->protocol, ports);
	}
	return (uint16_t)~nat_checksum_grow((uint16_t)~sum, ports);
}

/* How the packet that reads `now` on one side of the router reads on the other one, from where it came. */
static const struct conn_tuple *other_side(const struct core *core, const struct conn_tuple *now)
{
	struct conn_tuple answer = conn_tuple_reverse(now);
	enum conn_direction direction;
	struct conn *conn = conn_find(core, &answer, &direction);

	return conn == NULL ? NULL : &conn->nodes[direction == CONN_REPLY ? CONN_ORIGINAL : CONN_REPLY].tuple;
}

bool nat_error_translate(struct walk *walk, const struct conn_tuple *quoted)
{
	const struct conn_tuple *other = other_side(walk->core, quoted);
	struct ipv4_header *outer;
	uint8_t *icmp, *quote;
	uint16_t sum = 0;

	if (other == NULL)
		return false;
	walk_take(walk);
	packet_finish(walk->packet);
	outer = (struct ipv4_header *)(walk->packet->data + walk->view.l3_offset);
	icmp = walk->packet->data + walk->view.l4_offset;
	quote = icmp + ICMP_HEADER_BYTES;
	sum = nat_quote_rewrite(quote, (uint32_t)((uint8_t *)outer + walk->view.ip_bytes - quote), other);
	wire_put_u16(icmp + 2, nat_checksum_grow(wire_get_u16(icmp + 2), sum));
	/* Whoever reports it behind a translated destination speaks for that (RFC 5508 REQ-5). */
	sum = 0;
	put_addresses(&sum, outer, memcmp(other->dst, quoted->dst, sizeof(other->dst)) != 0 ? other->dst : outer->source, other->src);
	walk_reread(walk);
	return true;
}

bool nat_error_before(const struct core *core, const struct router *router, const uint8_t *bytes, uint32_t size, struct conn_tuple *before)
{
	const struct conn_tuple *other;
	struct conn_tuple now;

	if (router->nat == NULL || !conn_key_quoted(bytes, size, &router->zone, IP_V4, &now))
		return false;
	other = other_side(core, &now);
	if (other == NULL || memcmp(other, &now, sizeof(now)) == 0)
		return false;
	*before = *other;
	return true;
}
