/* UDP in IPv4 (RFC 791, 768), no options on the way out, whole packets only on the way in. */
#include "route/udp_packet.h"

#include "base/reader.h"
#include "base/writer.h"
#include "net/checksum.h"
#include "net/ipv4.h"
#include "net/udp.h"

/* "Internetwork control", as routing protocols send (RFC 791 3.1). */
#define TOS_INTERNETWORK_CONTROL 0xc0

static const char *parse_udp(struct udp_packet *packet, struct reader *r)
{
	const uint8_t *start = r->at;
	size_t left = reader_left(r);
	uint16_t bytes, checksum;

	packet->source_port = reader_u16(r);
	packet->destination_port = reader_u16(r);
	bytes = reader_u16(r);
	checksum = reader_u16(r);
	if (!reader_ok(r) || bytes < UDP_HEADER_BYTES || bytes > left)
		return "udp_truncated";
	if (checksum != 0 && checksum_fold(checksum_add(
				     checksum_pseudo(packet->source, packet->destination, IP_PROTOCOL_UDP, bytes), start, bytes)) != 0)
		return "udp_bad_checksum";
	packet->size = bytes - UDP_HEADER_BYTES;
	packet->bytes = reader_bytes(r, packet->size);
	return NULL;
}

const char *udp_packet_parse(struct udp_packet *packet, const void *bytes, size_t size)
{
	struct reader r = reader_over(bytes, size);
	struct reader whole;
	unsigned header_bytes;
	uint16_t total, fragment;
	uint8_t first = reader_u8(&r), protocol;

	header_bytes = (first & 15u) * 4;
	reader_skip(&r, 1);
	total = reader_u16(&r);
	reader_skip(&r, 2);
	fragment = reader_u16(&r);
	packet->ttl = reader_u8(&r);
	protocol = reader_u8(&r);
	reader_skip(&r, 2);
	packet->source = ip_from_u32(reader_u32(&r));
	packet->destination = ip_from_u32(reader_u32(&r));
	if (!reader_ok(&r) || first >> 4 != 4 || header_bytes < IPV4_HEADER_BYTES || total < header_bytes || total > size)
		return "ip_truncated";
	if (checksum_fold(checksum_add(0, bytes, header_bytes)) != 0)
		return "ip_bad_checksum";
	if (fragment & (IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_MASK))
		return "ip_fragment";
	if (protocol != IP_PROTOCOL_UDP)
		return "ip_protocol";
	whole = reader_over(bytes, total);
	reader_skip(&whole, header_bytes);
	return parse_udp(packet, &whole);
}

size_t udp_packet_build(const struct udp_packet *packet, void *out, size_t room)
{
	struct writer w = writer_over(out, room);
	size_t total = IPV4_HEADER_BYTES + UDP_HEADER_BYTES + packet->size;
	uint16_t udp_bytes = (uint16_t)(UDP_HEADER_BYTES + packet->size);
	uint8_t *start = out;
	uint16_t checksum;

	if (total > UINT16_MAX)
		return 0;
	writer_u8(&w, 0x45);
	writer_u8(&w, TOS_INTERNETWORK_CONTROL);
	writer_u16(&w, (uint16_t)total);
	writer_u16(&w, 0);
	writer_u16(&w, IPV4_DONT_FRAGMENT);
	writer_u8(&w, packet->ttl);
	writer_u8(&w, IP_PROTOCOL_UDP);
	writer_u16(&w, 0);
	writer_u32(&w, ip_to_u32(packet->source));
	writer_u32(&w, ip_to_u32(packet->destination));
	writer_u16(&w, packet->source_port);
	writer_u16(&w, packet->destination_port);
	writer_u16(&w, udp_bytes);
	writer_u16(&w, 0);
	writer_bytes(&w, packet->bytes, packet->size);
	if (!writer_ok(&w))
		return 0;
	writer_patch_u16(&w, 10, checksum_fold(checksum_add(0, start, IPV4_HEADER_BYTES)));
	checksum = checksum_fold(checksum_add(
		checksum_pseudo(packet->source, packet->destination, IP_PROTOCOL_UDP, udp_bytes), start + IPV4_HEADER_BYTES, udp_bytes));
	writer_patch_u16(&w, IPV4_HEADER_BYTES + 6, checksum ? checksum : 0xffff); /* 0 means "no checksum" */
	return total;
}
