/* From packets to tuples of connections. */
#include "switch/conn_key.h"

#include "base/arena.h"
#include "base/hash.h"
#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/ipv6.h"

#include <string.h>

#define FRAGMENTS 256
#define FRAGMENT_LIFE_S 30

/* A packet whose first fragment passed. */
struct fragment {
	uint8_t family, protocol;
	uint32_t id;
	uint8_t src[16], dst[16];
	uint8_t new_src[16], new_dst[16]; /* as it went on */
	struct instant until;
};

/* ICMP's questions and their answers (RFC 792, RFC 950, RFC 4443): 1 for a question, 2 for an answer; `asked` is the question's type. */
static uint8_t icmp_query(uint8_t protocol, uint16_t type, uint16_t *asked)
{
	static const uint8_t pairs[][3] = {{IP_PROTOCOL_ICMP, ICMP_ECHO_REQUEST, ICMP_ECHO_REPLY}, {IP_PROTOCOL_ICMP, 13, 14},
		{IP_PROTOCOL_ICMPV6, ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY}};

	for (unsigned i = 0; i < COUNT_OF(pairs); i++) {
		if (pairs[i][0] != protocol || (pairs[i][1] != type && pairs[i][2] != type))
			continue;
		*asked = pairs[i][1];
		return pairs[i][1] == type ? 1 : 2;
	}
	return 0;
}

/* Identifier and question in place of ports, so that the answer's are the other way round. */
static void tuple_query(struct conn_tuple *tuple, uint16_t asked, uint16_t identifier)
{
	tuple->src_port = tuple->query == 1 ? identifier : asked;
	tuple->dst_port = tuple->query == 1 ? asked : identifier;
}

static bool icmp_reports_error(uint8_t protocol, uint16_t type)
{
	if (protocol == IP_PROTOCOL_ICMPV6)
		return type >= ICMPV6_UNREACHABLE && type <= ICMPV6_PARAMETER_PROBLEM;
	return type != ICMP_REDIRECT && icmp_is_error((uint8_t)type);
}

/* Protocol and place of the transport header of a quoted packet; false when it is no first fragment or something is in between. */
static bool quoted_header(const uint8_t *bytes, uint32_t size, uint8_t family, uint8_t *protocol, uint32_t *at)
{
	if (family == IP_V4) {
		const struct ipv4_header *v4 = (const struct ipv4_header *)bytes;

		if (size < IPV4_HEADER_BYTES || v4->version_ihl >> 4 != 4 || ipv4_header_bytes(v4) < IPV4_HEADER_BYTES ||
			wire_get_u16(v4->fragment) & IPV4_FRAGMENT_MASK)
			return false;
		*protocol = v4->protocol;
		*at = ipv4_header_bytes(v4);
	} else {
		const struct ipv6_header *v6 = (const struct ipv6_header *)bytes;

		if (size < IPV6_HEADER_BYTES || v6->version_class_flow[0] >> 4 != 6)
			return false;
		*protocol = v6->next_header;
		*at = IPV6_HEADER_BYTES;
	}
	return size >= *at + 8;
}

/* The tuple of a packet that an ICMP error quotes; false when it can't be told. */
static bool tuple_quoted(const uint8_t *bytes, uint32_t size, struct conn_tuple *tuple)
{
	bool v4 = tuple->family == IP_V4;
	const uint8_t *l4;
	uint16_t asked = 0;
	uint32_t at = 0;

	if (!quoted_header(bytes, size, tuple->family, &tuple->protocol, &at))
		return false;
	memcpy(tuple->src, bytes + (v4 ? 12 : 8), v4 ? 4 : 16);
	memcpy(tuple->dst, bytes + (v4 ? 16 : 24), v4 ? 4 : 16);
	l4 = bytes + at;
	if (tuple->protocol == IP_PROTOCOL_TCP || tuple->protocol == IP_PROTOCOL_UDP) {
		tuple->src_port = wire_get_u16(l4);
		tuple->dst_port = wire_get_u16(l4 + 2);
	} else if (tuple->protocol == IP_PROTOCOL_ICMP || tuple->protocol == IP_PROTOCOL_ICMPV6) {
		tuple->query = icmp_query(tuple->protocol, l4[0], &asked);
		tuple_query(tuple, asked, wire_get_u16(l4 + 4));
		return tuple->query != 0;
	}
	return true;
}

bool conn_key_quoted(const uint8_t *bytes, uint32_t size, const struct conn_zone *zone, enum ip_family family, struct conn_tuple *tuple)
{
	*tuple = (struct conn_tuple){.zone = zone->id, .kind = zone->kind, .family = (uint8_t)family};
	return tuple_quoted(bytes, size, tuple);
}

/* An error is for the sender of what it quotes. */
static enum conn_sort read_error(struct walk *walk, struct conn_tuple *tuple)
{
	uint32_t at = walk->view.l4_offset + (uint32_t)ICMP_HEADER_BYTES, end = walk->view.l3_offset + walk->view.ip_bytes;

	walk->cacheable = false;
	if (!tuple_quoted(walk->packet->data + at, end - at, tuple) || memcmp(tuple->src, walk->key.ip_dst, sizeof(tuple->src)) != 0)
		return CONN_SORT_UNRELATED;
	return CONN_SORT_ERROR;
}

static enum conn_sort read_icmp(struct walk *walk, struct conn_tuple *tuple)
{
	uint16_t type = walk->key.l4_src, asked = 0;

	/* Neither the identifier nor what is quoted is in the flow key. */
	walk->cacheable = false;
	if (icmp_reports_error(tuple->protocol, type))
		return read_error(walk, tuple);
	tuple->query = icmp_query(tuple->protocol, type, &asked);
	if (tuple->query == 0)
		return CONN_SORT_STATELESS;
	tuple_query(tuple, asked, wire_get_u16(walk->packet->data + walk->view.l4_offset + 4));
	return CONN_SORT_TRACKED;
}

static bool is_to_many(struct walk *walk)
{
	struct ip destination = walk_ip_dst(walk);

	return ip_is_multicast(destination) || (destination.family == IP_V4 && ip_to_u32(destination) == UINT32_MAX) ||
	       mac_is_multicast(walk->key.eth_dst);
}

enum conn_sort conn_key_read(struct walk *walk, const struct conn_zone *zone, struct conn_tuple *tuple)
{
	const struct flow_key *key = &walk->key;

	walk_look(walk, FLOW_ETH_TYPE | FLOW_ETH_DST | FLOW_L3 | FLOW_PROTOCOL | FLOW_FRAGMENT | FLOW_L4_SRC | FLOW_L4_DST | FLOW_IP_SRC |
				FLOW_IP_DST);
	*tuple = (struct conn_tuple){.zone = zone->id, .kind = zone->kind, .family = (uint8_t)walk_family(walk), .protocol = key->protocol};
	if (key->fragment != FRAGMENT_NONE || walk->view.l4_short)
		walk->cacheable = false;
	if (key->fragment == FRAGMENT_LATER)
		return CONN_SORT_LATER;
	if (walk->view.l4_short)
		return CONN_SORT_MALFORMED;
	if (is_to_many(walk)) {
		walk->cacheable = false;
		return CONN_SORT_STATELESS;
	}
	memcpy(tuple->src, key->ip_src, sizeof(tuple->src));
	memcpy(tuple->dst, key->ip_dst, sizeof(tuple->dst));
	if (key->protocol == IP_PROTOCOL_TCP || key->protocol == IP_PROTOCOL_UDP) {
		tuple->src_port = key->l4_src;
		tuple->dst_port = key->l4_dst;
	}
	if (key->protocol == IP_PROTOCOL_ICMP || key->protocol == IP_PROTOCOL_ICMPV6)
		return read_icmp(walk, tuple);
	return CONN_SORT_TRACKED;
}

/* --- fragments --- */

/* The packet's identification and the fragment's offset. */
static void fragment_read(const struct walk *walk, struct fragment *fragment, uint32_t *offset)
{
	const uint8_t *l3 = walk->packet->data + walk->view.l3_offset;

	*fragment = (struct fragment){.protocol = walk->key.protocol};
	memcpy(fragment->src, walk->key.ip_src, sizeof(fragment->src));
	memcpy(fragment->dst, walk->key.ip_dst, sizeof(fragment->dst));
	if (walk->key.eth_type == ETHERNET_IPV4) {
		fragment->family = IP_V4;
		fragment->id = wire_get_u16(l3 + 4);
		*offset = (wire_get_u16(l3 + 6) & IPV4_FRAGMENT_MASK) * 8u;
	} else {
		/* The fragment header: of a later one where the key's reader stopped, of a first one just before its transport header. */
		const uint8_t *header = walk->packet->data + walk->view.l4_offset - (walk->key.fragment == FRAGMENT_LATER ? 0 : 8);

		fragment->family = IP_V6;
		fragment->id = wire_get_u32(header + 4);
		*offset = wire_get_u16(header + 2) & 0xfff8;
	}
}

static unsigned fragment_slot(const struct fragment *fragment)
{
	uint8_t bytes[38];

	bytes[0] = fragment->family;
	bytes[1] = fragment->protocol;
	wire_put_u32(bytes + 2, fragment->id);
	memcpy(bytes + 6, fragment->src, 16);
	memcpy(bytes + 22, fragment->dst, 16);
	return (unsigned)(hash_bytes(bytes, sizeof(bytes)) % FRAGMENTS);
}

void conn_fragment_note(struct walk *walk, struct conn_zone *zone, const struct conn_tuple *to)
{
	struct fragment fragment;
	uint32_t offset;

	fragment_read(walk, &fragment, &offset);
	if (zone->fragments == NULL)
		zone->fragments = xalloc(FRAGMENTS * sizeof(*zone->fragments));
	fragment.until = instant_add(walk->core->now, span_s(FRAGMENT_LIFE_S));
	memcpy(fragment.new_src, to != NULL ? to->src : fragment.src, sizeof(fragment.new_src));
	memcpy(fragment.new_dst, to != NULL ? to->dst : fragment.dst, sizeof(fragment.new_dst));
	zone->fragments[fragment_slot(&fragment)] = fragment;
}

static const struct fragment *fragment_find(const struct walk *walk, const struct conn_zone *zone)
{
	const struct fragment *noted;
	struct fragment fragment;
	uint32_t offset;

	fragment_read(walk, &fragment, &offset);
	if (zone->fragments == NULL || (fragment.protocol == IP_PROTOCOL_TCP && offset < 20))
		return NULL;
	noted = &zone->fragments[fragment_slot(&fragment)];
	if (noted->family != fragment.family || noted->protocol != fragment.protocol || noted->id != fragment.id ||
		memcmp(noted->src, fragment.src, 16) != 0 || memcmp(noted->dst, fragment.dst, 16) != 0)
		return NULL;
	return instant_reached(noted->until, walk->core->now) ? NULL : noted;
}

bool conn_fragment_passes(struct walk *walk, const struct conn_zone *zone) { return fragment_find(walk, zone) != NULL; }

bool conn_fragment_follow(struct walk *walk, const struct conn_zone *zone, struct conn_tuple *to)
{
	const struct fragment *noted = fragment_find(walk, zone);

	if (noted == NULL)
		return false;
	memcpy(to->src, noted->new_src, sizeof(to->src));
	memcpy(to->dst, noted->new_dst, sizeof(to->dst));
	return true;
}
