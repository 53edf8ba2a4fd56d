/* UDP in IPv4 (RFC 768): the datagram inside of a packet that was checked already, and one around which a packet is to be built. */
#include "route/udp_packet.h"

#include "base/reader.h"
#include "base/writer.h"
#include "net/checksum.h"
#include "net/ipv4.h"
#include "net/udp.h"
#include "route/ip_packet.h"

const char *udp_packet_of(struct udp_packet *packet, const struct ip_packet *ip)
{
	struct reader r = reader_over(ip->bytes, ip->size);
	uint16_t bytes, checksum;

	packet->source = ip->source;
	packet->destination = ip->destination;
	packet->ttl = ip->ttl;
	packet->source_port = reader_u16(&r);
	packet->destination_port = reader_u16(&r);
	bytes = reader_u16(&r);
	checksum = reader_u16(&r);
	if (ip->protocol != IP_PROTOCOL_UDP)
		return "ip_protocol";
	if (!reader_ok(&r) || bytes < UDP_HEADER_BYTES || bytes > ip->size)
		return "udp_truncated";
	if (checksum != 0 && checksum_fold(checksum_add(
				     checksum_pseudo(packet->source, packet->destination, IP_PROTOCOL_UDP, bytes), ip->bytes, bytes)) != 0)
		return "udp_bad_checksum";
	packet->size = bytes - UDP_HEADER_BYTES;
	packet->bytes = reader_bytes(&r, packet->size);
	return NULL;
}

const char *udp_packet_parse(struct udp_packet *packet, const void *bytes, size_t size)
{
	struct ip_packet ip;
	const char *why = ip_packet_parse(&ip, bytes, size);

	return why ? why : udp_packet_of(packet, &ip);
}

size_t udp_packet_build(const struct udp_packet *packet, void *out, size_t room)
{
	size_t bytes = UDP_HEADER_BYTES + packet->size;
	struct ip_packet ip = {packet->source, packet->destination, packet->ttl, IP_PROTOCOL_UDP, NULL, bytes};
	struct writer w;
	uint16_t checksum;

	if (room < IPV4_HEADER_BYTES + bytes || IPV4_HEADER_BYTES + bytes > UINT16_MAX)
		return 0;
	w = writer_over((uint8_t *)out + IPV4_HEADER_BYTES, bytes);
	writer_u16(&w, packet->source_port);
	writer_u16(&w, packet->destination_port);
	writer_u16(&w, (uint16_t)bytes);
	writer_u16(&w, 0);
	writer_bytes(&w, packet->bytes, packet->size);
	checksum = checksum_fold(
		checksum_add(checksum_pseudo(packet->source, packet->destination, IP_PROTOCOL_UDP, (uint16_t)bytes), w.start, bytes));
	writer_patch_u16(&w, 6, checksum ? checksum : 0xffff); /* 0 means "no checksum" */
	ip.bytes = w.start;
	return ip_packet_build(&ip, out, room);
}
