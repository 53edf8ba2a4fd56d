/* IPv4 (RFC 791): headers of packets and of their pieces; no options on the way out. */
#include "route/ip_packet.h"

#include "base/reader.h"
#include "base/writer.h"
#include "net/checksum.h"
#include "net/ipv4.h"

/* "Internetwork control", as routing protocols send (RFC 791 3.1). */
#define TOS_INTERNETWORK_CONTROL 0xc0

const char *ip_piece_parse(struct ip_piece *piece, const void *bytes, size_t size)
{
	struct ip_packet *packet = &piece->packet;
	struct reader r = reader_over(bytes, size);
	struct reader whole;
	unsigned header_bytes;
	uint16_t total, fragment;
	uint8_t first = reader_u8(&r);

	header_bytes = (first & 15u) * 4;
	reader_skip(&r, 1);
	total = reader_u16(&r);
	piece->id = reader_u16(&r);
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
	piece->more = fragment & IPV4_MORE_FRAGMENTS;
	piece->offset = (fragment & IPV4_FRAGMENT_MASK) * 8u;
	whole = reader_over(bytes, total);
	reader_skip(&whole, header_bytes);
	packet->size = reader_left(&whole);
	packet->bytes = reader_bytes(&whole, packet->size);
	return NULL;
}

const char *ip_packet_parse(struct ip_packet *packet, const void *bytes, size_t size)
{
	struct ip_piece piece;
	const char *why = ip_piece_parse(&piece, bytes, size);

	if (why == NULL && !ip_piece_is_whole(&piece))
		return "ip_fragment";
	*packet = piece.packet;
	return why;
}

size_t ip_packet_build(const struct ip_packet *packet, void *out, size_t room)
{
	const struct ip_piece piece = {.packet = *packet};

	return ip_piece_build(&piece, out, room);
}

size_t ip_piece_build(const struct ip_piece *piece, void *out, size_t room)
{
	const struct ip_packet *packet = &piece->packet;
	uint16_t fragment =
		ip_piece_is_whole(piece) ? IPV4_DONT_FRAGMENT : (uint16_t)((piece->more ? IPV4_MORE_FRAGMENTS : 0) | piece->offset / 8);
	struct writer w = writer_over(out, room);
	size_t total = IPV4_HEADER_BYTES + packet->size;
	uint8_t *payload;

	if (total > UINT16_MAX)
		return 0;
	writer_u8(&w, 0x45);
	writer_u8(&w, TOS_INTERNETWORK_CONTROL);
	writer_u16(&w, (uint16_t)total);
	writer_u16(&w, piece->id);
	writer_u16(&w, fragment);
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
