/* Finishes checksums and cuts long TCP segments in software. */
#include "switch/offload.h"

#include "base/check.h"

#include <string.h>

enum { ETHERNET_BYTES = 14, VLAN_BYTES = 4, IPV4_BYTES = 20, IPV6_BYTES = 40, TCP_BYTES = 20, TCP_CHECKSUM_AT = 16 };
enum { TCP_FIN = 0x01, TCP_PSH = 0x08, TCP_CWR = 0x80 };
enum { PROTOCOL_TCP = 6 };

static uint16_t load16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }

static void store16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t load32(const uint8_t *at) { return (uint32_t)load16(at) << 16 | load16(at + 2); }

static void store32(uint8_t *at, uint32_t value)
{
	store16(at, value >> 16);
	store16(at + 2, value & 0xffff);
}

/*
 * The one's complement sum (RFC 1071) works in either byte order as long as all of it stays in the same one: words are added as they lie in
 * memory, and the folded sum is stored so.
 */
static uint64_t sum_bytes(uint64_t sum, const uint8_t *at, size_t size)
{
	uint32_t word;
	uint16_t half = 0;

	for (; size >= sizeof(word); at += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sum += word;
	}
	if (size >= sizeof(half)) {
		memcpy(&half, at, sizeof(half));
		sum += half;
		at += sizeof(half);
		size -= sizeof(half);
	}
	if (size > 0) {
		half = 0;
		memcpy(&half, at, 1);
		sum += half;
	}
	return sum;
}

static uint16_t sum_fold(uint64_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Writes the complement of the sum; zero means "no checksum" to UDP, and its other form says the same to everyone (RFC 768). */
static void store_checksum(uint8_t *at, uint64_t sum)
{
	uint16_t checksum = (uint16_t)~sum_fold(sum);

	if (checksum == 0)
		checksum = 0xffff;
	memcpy(at, &checksum, sizeof(checksum));
}

/* Finds the IP header behind at most two VLAN tags; 0 when there is none. */
static uint32_t network_start(const struct packet *packet, uint16_t *ethertype)
{
	uint32_t at = ETHERNET_BYTES;

	if (packet->size < at)
		return 0;
	*ethertype = load16(packet->data + at - 2);
	for (int tags = 0; tags < 2 && (*ethertype == 0x8100 || *ethertype == 0x88a8); tags++) {
		at += VLAN_BYTES;
		if (packet->size < at)
			return 0;
		*ethertype = load16(packet->data + at - 2);
	}
	return at;
}

/* True when the IP header leads to the TCP header at csum_start. IPv6 extension headers are the sender's: only their end is known here. */
static bool ip_fits(const struct packet *packet, uint8_t gso_type)
{
	uint16_t ethertype = 0;
	uint32_t start = network_start(packet, &ethertype);
	uint32_t transport = packet->offload.csum_start;
	const uint8_t *ip = packet->data + start;

	if (start == 0)
		return false;
	if (gso_type == VIRTIO_NET_HDR_GSO_TCPV4)
		return ethertype == 0x0800 && transport >= start + IPV4_BYTES && ip[0] >> 4 == 4 &&
		       (ip[0] & 15U) * 4 == transport - start && ip[9] == PROTOCOL_TCP && (load16(ip + 6) & 0x3fff) == 0;
	return ethertype == 0x86dd && transport >= start + IPV6_BYTES && ip[0] >> 4 == 6 &&
	       (transport > start + IPV6_BYTES || ip[6] == PROTOCOL_TCP);
}

/* A long segment: csum_start and csum_offset are checked already. */
static bool segment_check(struct packet *packet)
{
	struct packet_offload *offload = &packet->offload;
	uint8_t type = offload->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
	uint32_t transport = offload->csum_start;
	uint32_t header_bytes;

	if (type != VIRTIO_NET_HDR_GSO_TCPV4 && type != VIRTIO_NET_HDR_GSO_TCPV6)
		return false;
	if (offload->csum_offset != TCP_CHECKSUM_AT || transport + TCP_BYTES > packet->size || offload->gso_size < OFFLOAD_GSO_BYTES_MIN)
		return false;
	if (!ip_fits(packet, type))
		return false;
	header_bytes = transport + (packet->data[transport + 12] >> 4) * 4U;
	if (header_bytes < transport + TCP_BYTES || header_bytes > packet->size)
		return false;
	if (packet->size - header_bytes <= offload->gso_size) {
		offload->gso_type = VIRTIO_NET_HDR_GSO_NONE;
		offload->gso_size = offload->hdr_len = 0;
		return true;
	}
	offload->hdr_len = (uint16_t)header_bytes;
	return true;
}

bool offload_check(struct packet *packet)
{
	struct packet_offload *offload = &packet->offload;

	offload->flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID;
	if (!(offload->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) {
		if (offload->gso_type != VIRTIO_NET_HDR_GSO_NONE)
			return false;
		*offload = (struct packet_offload){.flags = offload->flags};
		return true;
	}
	if (offload->csum_start < ETHERNET_BYTES || (uint32_t)offload->csum_start + offload->csum_offset + 2 > packet->size)
		return false;
	if (offload->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return segment_check(packet);
	offload->gso_size = offload->hdr_len = 0;
	return true;
}

uint32_t offload_frame_bytes(const struct packet *packet)
{
	if (packet->offload.gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return packet->size;
	return (uint32_t)packet->offload.hdr_len + packet->offload.gso_size;
}

void offload_finish(struct packet *packet)
{
	struct packet_offload *offload = &packet->offload;

	CHECK(offload->gso_type == VIRTIO_NET_HDR_GSO_NONE);
	if (offload->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		packet_whole(packet);
	/* The field holds the sum of the pseudo header, so it is summed along with the rest. */
	if (offload->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		store_checksum(packet->data + offload->csum_start + offload->csum_offset,
			sum_bytes(0, packet->data + offload->csum_start, packet->size - offload->csum_start));
	*offload = (struct packet_offload){0};
}

void offload_cut_start(struct offload_cut *cut, const struct packet *whole)
{
	uint16_t ethertype = 0;

	CHECK(whole->offload.gso_type != VIRTIO_NET_HDR_GSO_NONE && whole->tail_bytes == 0);
	*cut = (struct offload_cut){
		.whole = whole,
		.network_start = network_start(whole, &ethertype),
		.payload_at = whole->offload.hdr_len,
		.ipv6 = (whole->offload.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == VIRTIO_NET_HDR_GSO_TCPV6,
	};
}

/* Lengths, identification and header checksum of one frame's IP header. */
static void cut_ip(const struct offload_cut *cut, struct packet *frame)
{
	uint8_t *ip = frame->data + cut->network_start;
	uint32_t bytes = frame->size - cut->network_start;

	if (cut->ipv6) {
		store16(ip + 4, bytes - IPV6_BYTES);
		return;
	}
	store16(ip + 2, bytes);
	store16(ip + 4, (uint32_t)load16(ip + 4) + cut->index);
	store16(ip + 10, 0);
	store_checksum(ip + 10, sum_bytes(0, ip, (ip[0] & 15U) * 4));
}

/* Sequence number, flags and checksum of one frame's TCP header. */
static void cut_tcp(const struct offload_cut *cut, struct packet *frame, bool last)
{
	uint32_t transport = cut->whole->offload.csum_start;
	uint8_t *tcp = frame->data + transport;
	const uint8_t *ip = frame->data + cut->network_start;
	uint32_t bytes = frame->size - transport;
	const uint8_t pseudo[4] = {0, PROTOCOL_TCP, (uint8_t)(bytes >> 8), (uint8_t)bytes};
	uint64_t sum;

	store32(tcp + 4, load32(tcp + 4) + (uint32_t)cut->index * cut->whole->offload.gso_size);
	if (!last)
		tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (cut->index > 0)
		tcp[13] &= (uint8_t)~TCP_CWR; /* RFC 3168 6.1.2: once only */
	store16(tcp + TCP_CHECKSUM_AT, 0);
	sum = cut->ipv6 ? sum_bytes(0, ip + 8, 32) : sum_bytes(0, ip + 12, 8);
	sum = sum_bytes(sum, pseudo, sizeof(pseudo));
	store_checksum(tcp + TCP_CHECKSUM_AT, sum_bytes(sum, tcp, bytes));
}

bool offload_cut_next(struct offload_cut *cut, struct packet *into)
{
	const struct packet *whole = cut->whole;
	uint32_t header_bytes = whole->offload.hdr_len;
	uint32_t payload_bytes = whole->size - cut->payload_at;

	if (payload_bytes == 0)
		return false;
	if (payload_bytes > whole->offload.gso_size)
		payload_bytes = whole->offload.gso_size;
	memcpy(into->data, whole->data, header_bytes);
	memcpy(into->data + header_bytes, whole->data + cut->payload_at, payload_bytes);
	into->size = header_bytes + payload_bytes;
	into->in_port = whole->in_port;
	into->offload = (struct packet_offload){0};
	cut->payload_at += payload_bytes;
	cut_ip(cut, into);
	cut_tcp(cut, into, cut->payload_at == whole->size);
	cut->index++;
	return true;
}
