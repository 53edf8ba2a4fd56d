/* IPv4 (RFC 791): no options on the way out, whole packets only on the way in. */
#include "route/ip_packet.h"

#include "base/reader.h"
#include "base/writer.h"
#include "net/checksum.h"
#include "net/ipv4.h"

/* "Internetwork control", as routing protocols send (RFC 791 3.1). */
#define TOS_INTERNETWORK_CONTROL 0xc0

const char *ip_packet_parse(struct ip_packet *packet, const void *bytes, size_t size)
{
	struct reader r = reader_over(bytes, size);
	struct reader whole;
	unsigned header_bytes;
	uint16_t total, fragment;
	uint8_t first = reader_u8(&r);

	header_bytes = (first & 15u) * 4;
	reader_skip(&r, 1);
	total = reader_u16(&r);
	reader_skip(&r, 2);
	fragment = reader_u16(&r);
	packet->ttl = reader_u8(&r);
	packet->protocol = reader_u8(&r);
	reader_skip(&r, 2);
	packet->source = ip_from_u32(reader_u32(&r));
	packet->destination = ip_from_u32(reader_u32(&r));
	if (!reader_ok(&r) || first >> 4 != 4 || header_bytes < IPV4_HEADER_BYTES || total < header_bytes || total > size)
		return "ip_truncated";
	if (checksum_fold(checksum_add(0, bytes, header_bytes)) != 0)
		return "ip_bad_checksum";
	if (fragment & (IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_MASK))
		return "ip_fragment";
	whole = reader_over(bytes, total);
	reader_skip(&whole, header_bytes);
	packet->size = reader_left(&whole);
	packet->bytes = reader_bytes(&whole, packet->size);
	return NULL;
}

size_t ip_packet_build(const struct ip_packet *packet, void *out, size_t room)
{
	struct writer w = writer_over(out, room);
	size_t total = IPV4_HEADER_BYTES + packet->size;
	uint8_t *payload;

	if (total > UINT16_MAX)
		return 0;
	writer_u8(&w, 0x45);
	writer_u8(&w, TOS_INTERNETWORK_CONTROL);
	writer_u16(&w, (uint16_t)total);
	writer_u16(&w, 0);
	writer_u16(&w, IPV4_DONT_FRAGMENT);
	writer_u8(&w, packet->ttl);
	writer_u8(&w, packet->protocol);
	writer_u16(&w, 0);
	writer_u32(&w, ip_to_u32(packet->source));
	writer_u32(&w, ip_to_u32(packet->destination));
	payload = writer_space(&w, packet->size);
	if (payload == NULL)
		return 0;
	if (payload != packet->bytes)
		memcpy(payload, packet->bytes, packet->size);
	writer_patch_u16(&w, 10, checksum_fold(checksum_add(0, w.start, IPV4_HEADER_BYTES)));
	return total;
}
