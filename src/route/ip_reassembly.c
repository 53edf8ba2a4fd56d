/* IPv4 packets from their pieces: a bounded number of them, none living long, nothing overwritten. */
#include "route/ip_reassembly.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

/*
 * Theory of operation. An unfinished packet is known by interface, addresses, protocol and identification (RFC 791). Pieces lie on
 * units of eight bytes; a bit for each unit says whether it is there. A piece must either fill units that are all empty, or repeat what is
 * there byte by byte; anything else is an attack or a reused identification, and the packet is given up. The last piece tells the length.
 * Packets stand in the order of their first pieces, so the oldest is at hand when time or a limit is over; no timer is needed, since an
 * unfinished packet costs nothing but the memory that the limits allow.
 */
#define UNIT_BYTES 8
#define UNITS_MAX (65536 / UNIT_BYTES)
#define PACKETS_DEFAULT 8
#define PACKETS_WHOLE_DEFAULT 256
#define LIFE_DEFAULT_S 15

struct unfinished {
	struct list in_reassembly;
	uint32_t rif;
	struct ip source, destination;
	uint8_t protocol, ttl;
	uint16_t id;
	struct instant born;
	size_t total;	 /* bytes, once the last piece is here; 0 before */
	size_t units;	 /* that are there */
	size_t end;	 /* of the farthest piece */
	size_t capacity; /* of `bytes` */
	uint8_t *bytes;
	uint64_t have[UNITS_MAX / 64];
};

void ip_reassembly_init(struct ip_reassembly *reassembly, const struct ip_reassembly_limits *limits)
{
	*reassembly = (struct ip_reassembly){.limits = limits ? *limits : (struct ip_reassembly_limits){0}};
	if (reassembly->limits.packets == 0)
		reassembly->limits.packets = PACKETS_DEFAULT;
	if (reassembly->limits.packets_whole == 0)
		reassembly->limits.packets_whole = PACKETS_WHOLE_DEFAULT;
	if (reassembly->limits.life.ns == 0)
		reassembly->limits.life = span_s(LIFE_DEFAULT_S);
	list_init(&reassembly->packets);
}

static void unfinished_free(struct ip_reassembly *reassembly, struct unfinished *packet)
{
	list_remove(&packet->in_reassembly);
	reassembly->count--;
	free(packet->bytes);
	free(packet);
}

static void unfinished_lose(struct ip_reassembly *reassembly, struct unfinished *packet)
{
	reassembly->lost++;
	unfinished_free(reassembly, packet);
}

void ip_reassembly_free(struct ip_reassembly *reassembly)
{
	struct unfinished *packet;

	list_each (packet, &reassembly->packets, struct unfinished, in_reassembly)
		unfinished_free(reassembly, packet);
	free(reassembly->whole);
	reassembly->whole = NULL;
}

/* Gives up the oldest of the interface, or of all, where a further one would be too many. */
static void make_room(struct ip_reassembly *reassembly, uint32_t rif)
{
	struct unfinished *packet, *of_all = NULL, *of_rif = NULL;
	uint32_t count = 0;

	/* NOLINTBEGIN(clang-analyzer-unix.Malloc): as in list_empty. */
	list_each (packet, &reassembly->packets, struct unfinished, in_reassembly) {
		of_all = of_all ? of_all : packet;
		if (packet->rif == rif) {
			of_rif = of_rif ? of_rif : packet;
			count++;
		}
	}
	/* NOLINTEND(clang-analyzer-unix.Malloc) */
	if (of_rif != NULL && count >= reassembly->limits.packets)
		unfinished_lose(reassembly, of_rif);
	else if (of_all != NULL && reassembly->count >= reassembly->limits.packets_whole)
		unfinished_lose(reassembly, of_all);
}

static bool is_of(const struct unfinished *packet, uint32_t rif, const struct ip_piece *piece)
{
	return packet->rif == rif && packet->id == piece->id && packet->protocol == piece->packet.protocol &&
	       ip_equal(packet->source, piece->packet.source) && ip_equal(packet->destination, piece->packet.destination);
}

static struct unfinished *unfinished_get(struct ip_reassembly *reassembly, uint32_t rif, const struct ip_piece *piece, struct instant now)
{
	struct unfinished *packet;

	list_each (packet, &reassembly->packets, struct unfinished, in_reassembly) {
		if (instant_reached(instant_add(packet->born, reassembly->limits.life), now))
			unfinished_lose(reassembly, packet);
		else if (is_of(packet, rif, piece))
			return packet;
	}
	make_room(reassembly, rif);
	packet = xalloc(sizeof(*packet));
	packet->rif = rif;
	packet->source = piece->packet.source;
	packet->destination = piece->packet.destination;
	packet->protocol = piece->packet.protocol;
	packet->ttl = piece->packet.ttl;
	packet->id = piece->id;
	packet->born = now;
	list_append(&reassembly->packets, &packet->in_reassembly);
	reassembly->count++;
	return packet;
}

static bool unit_there(const struct unfinished *packet, size_t unit) { return packet->have[unit / 64] >> unit % 64 & 1; }

/* Whether the piece may be there beside the others; `known` when it is there already. */
static bool piece_fits(const struct unfinished *packet, const struct ip_piece *piece, bool *known)
{
	size_t end = piece->offset + piece->packet.size, first = piece->offset / UNIT_BYTES;
	size_t count = (piece->packet.size + UNIT_BYTES - 1) / UNIT_BYTES, there = 0;

	if (packet->total != 0 ? end > packet->total || (!piece->more && end != packet->total) : !piece->more && end < packet->end)
		return false;
	for (size_t i = 0; i < count; i++)
		there += unit_there(packet, first + i);
	*known = there == count;
	return there == 0 ||
	       (*known && end <= packet->end && memcmp(packet->bytes + piece->offset, piece->packet.bytes, piece->packet.size) == 0);
}

static void piece_store(struct unfinished *packet, const struct ip_piece *piece)
{
	size_t end = piece->offset + piece->packet.size, first = piece->offset / UNIT_BYTES;
	size_t count = (piece->packet.size + UNIT_BYTES - 1) / UNIT_BYTES;

	if (end > packet->capacity) {
		packet->capacity = end > 2 * packet->capacity ? end : 2 * packet->capacity;
		packet->bytes = xrealloc(packet->bytes, packet->capacity);
	}
	memcpy(packet->bytes + piece->offset, piece->packet.bytes, piece->packet.size);
	for (size_t i = first; i < first + count; i++)
		packet->have[i / 64] |= UINT64_C(1) << i % 64;
	packet->units += count;
	if (end > packet->end)
		packet->end = end;
	if (!piece->more)
		packet->total = end;
}

static void give_out(struct ip_reassembly *reassembly, struct unfinished *packet, struct ip_packet *whole)
{
	free(reassembly->whole);
	reassembly->whole = packet->bytes;
	packet->bytes = NULL;
	*whole = (struct ip_packet){.source = packet->source,
		.destination = packet->destination,
		.ttl = packet->ttl,
		.protocol = packet->protocol,
		.bytes = reassembly->whole,
		.size = packet->total};
	unfinished_free(reassembly, packet);
}

enum ip_reassembly_result ip_reassembly_add(
	struct ip_reassembly *reassembly, uint32_t rif, const struct ip_piece *piece, struct instant now, struct ip_packet *whole)
{
	struct unfinished *packet;
	bool known = false;

	if (piece->packet.size == 0 || (piece->more && piece->packet.size % UNIT_BYTES != 0) ||
		piece->offset + piece->packet.size > IP_PAYLOAD_BYTES_MAX)
		return IP_PIECE_BAD;
	packet = unfinished_get(reassembly, rif, piece, now);
	if (!piece_fits(packet, piece, &known)) {
		unfinished_lose(reassembly, packet);
		return IP_PIECE_BAD;
	}
	if (!known)
		piece_store(packet, piece);
	if (packet->total == 0 || packet->units < (packet->total + UNIT_BYTES - 1) / UNIT_BYTES)
		return IP_PIECE_KEPT;
	give_out(reassembly, packet, whole);
	return IP_PIECE_COMPLETE;
}
