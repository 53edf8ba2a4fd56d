/* Fragmentation of IPv4 packets: the header before each piece, options that say so copied into all (RFC 791 3.1). */
#include "switch/fragment.h"

#include "net/checksum.h"
#include "net/ipv4.h"

#include <linux/virtio_net.h>
#include <string.h>

enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_COPIED = 0x80 };

bool fragment_allowed(const struct packet *packet)
{
	const struct ipv4_header *h = (const struct ipv4_header *)(packet->data + ETHERNET_HEADER_BYTES);

	return !(wire_get_u16(h->fragment) & IPV4_DONT_FRAGMENT) && packet->offload.gso_type == VIRTIO_NET_HDR_GSO_NONE;
}

/* Writes the header for all fragments but the first: only options that are to be copied. Returns its length. */
static unsigned later_header(const struct ipv4_header *h, uint8_t out[60])
{
	const uint8_t *option = (const uint8_t *)h + IPV4_HEADER_BYTES, *end = (const uint8_t *)h + ipv4_header_bytes(h);
	unsigned used = IPV4_HEADER_BYTES;

	memset(out, 0, 60);
	memcpy(out, h, IPV4_HEADER_BYTES);
	while (option < end && *option != OPTION_END) {
		unsigned bytes = *option == OPTION_NOP || end - option < 2 ? 1 : option[1];

		if (bytes == 0 || bytes > (unsigned)(end - option))
			break;
		if (*option & OPTION_COPIED && bytes > 1) {
			memcpy(out + used, option, bytes);
			used += bytes;
		}
		option += bytes;
	}
	used = (used + 3) & ~3u;
	out[0] = (uint8_t)(0x40 | used / 4);
	return used;
}

/* One fragment: `header` (its length says itself), `bytes` of payload at `offset` of the whole. */
static bool fragment_send(struct walk *walk, const uint8_t *header, const uint8_t *payload, uint32_t offset, uint32_t bytes, bool more)
{
	unsigned header_bytes = (header[0] & 15u) * 4;
	struct packet *packet = packet_new(walk->core->pool, ETHERNET_HEADER_BYTES + header_bytes + bytes);
	struct origin origin = {
		.stage = STAGE_EGRESS, .router = walk->router, .rif = walk->out, .nexthop = walk->nexthop, .forwarded = true};
	uint32_t before = wire_get_u16(((const struct ipv4_header *)header)->fragment);
	uint32_t units = (before & IPV4_FRAGMENT_MASK) + offset / 8;
	struct ipv4_header *h;

	if (packet == NULL || units > IPV4_FRAGMENT_MASK) {
		core_release(walk->core, packet);
		return false;
	}
	packet->size = ETHERNET_HEADER_BYTES + header_bytes + bytes;
	memcpy(packet->data, walk->packet->data, ETHERNET_HEADER_BYTES);
	h = (struct ipv4_header *)(packet->data + ETHERNET_HEADER_BYTES);
	memcpy(h, header, header_bytes);
	memcpy((uint8_t *)h + header_bytes, payload + offset, bytes);
	wire_put_u16(h->total_bytes, (uint16_t)(header_bytes + bytes));
	wire_put_u16(h->fragment, (uint16_t)(units | (before & IPV4_MORE_FRAGMENTS) | (more ? IPV4_MORE_FRAGMENTS : 0)));
	wire_put_u16(h->checksum, 0);
	wire_put_u16(h->checksum, checksum_fold(checksum_add(0, h, header_bytes)));
	origin.packet = packet;
	core_originate(walk->core, &origin);
	return true;
}

bool fragment_ipv4(struct walk *walk, uint16_t mtu)
{
	struct ipv4_header *h = (struct ipv4_header *)(walk->packet->data + ETHERNET_HEADER_BYTES);
	unsigned first_bytes = ipv4_header_bytes(h), later_bytes;
	uint32_t payload_bytes = walk->view.ip_bytes - first_bytes, piece;
	uint8_t later[60];

	packet_finish(walk->packet);
	later_bytes = later_header(h, later);
	if (mtu < first_bytes + 8)
		return false;
	for (uint32_t offset = 0; offset < payload_bytes; offset += piece) {
		const uint8_t *header = offset == 0 ? (const uint8_t *)h : later;
		uint32_t room = (mtu - (offset == 0 ? first_bytes : later_bytes)) & ~7u;

		piece = payload_bytes - offset < room ? payload_bytes - offset : room;
		if (!fragment_send(walk, header, (const uint8_t *)h + first_bytes, offset, piece, offset + piece < payload_bytes))
			return false;
	}
	return true;
}
