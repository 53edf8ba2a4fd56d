/* The codec of RIP version 2: every byte through the bounded reader, every refusal with its name. */
#include "route/rip/rip_packet.h"

#include "base/check.h"

#include <stdio.h>

const char *rip_drop_name(enum rip_drop drop)
{
	static const char *const names[RIP_DROP_COUNT] = {
		[RIP_DROP_NONE] = "none",
		[RIP_DROP_NO_INTERFACE] = "rip_no_interface",
		[RIP_DROP_BAD_SOURCE] = "rip_bad_source",
		[RIP_DROP_BAD_PORT] = "rip_bad_port",
		[RIP_DROP_TRUNCATED] = "rip_truncated",
		[RIP_DROP_BAD_VERSION] = "rip_bad_version",
		[RIP_DROP_BAD_COMMAND] = "rip_bad_command",
		[RIP_DROP_NEIGHBOR_LIMIT] = "rip_neighbor_limit",
		[RIP_DROP_REQUEST_RATE] = "rip_request_rate",
		[RIP_DROP_AUTH_MISSING] = "rip_auth_missing",
		[RIP_DROP_AUTH_UNEXPECTED] = "rip_auth_unexpected",
		[RIP_DROP_AUTH_TYPE] = "rip_auth_type",
		[RIP_DROP_AUTH_KEY_ID] = "rip_auth_key_id",
		[RIP_DROP_AUTH_LENGTH] = "rip_auth_length",
		[RIP_DROP_AUTH_SEQUENCE] = "rip_auth_sequence",
		[RIP_DROP_BAD_AUTH] = "rip_bad_auth",
		[RIP_DROP_BAD_FAMILY] = "rip_bad_family",
		[RIP_DROP_BAD_PREFIX] = "rip_bad_prefix",
		[RIP_DROP_BAD_METRIC] = "rip_bad_metric",
		[RIP_DROP_BAD_NEXTHOP] = "rip_bad_nexthop",
		[RIP_DROP_ROUTE_LIMIT] = "rip_route_limit",
		[RIP_DROP_PATH_LIMIT] = "rip_path_limit",
	};

	CHECK(drop < RIP_DROP_COUNT);
	return names[drop];
}

/* RFC 4822 2.1 and 2.2: the rest of the first entry, and the trailer behind the last one. */
static enum rip_drop rip_open_crypto(struct rip_packet *packet, struct reader *auth)
{
	struct reader trailer;

	packet->signed_bytes = reader_u16(auth);
	packet->key_id = reader_u8(auth);
	packet->auth_length = reader_u8(auth);
	packet->sequence = reader_u32(auth);
	if (packet->signed_bytes < RIP_HEADER_BYTES + RIP_ENTRY_BYTES || packet->signed_bytes > packet->size)
		return RIP_DROP_AUTH_LENGTH;
	trailer = reader_over(packet->bytes + packet->signed_bytes, packet->size - packet->signed_bytes);
	if (reader_u16(&trailer) != RIP_FAMILY_AUTH || reader_u16(&trailer) != RIP_AUTH_TYPE_TRAILER)
		return RIP_DROP_AUTH_LENGTH;
	packet->digest_bytes = reader_left(&trailer);
	packet->digest = reader_bytes(&trailer, packet->digest_bytes);
	packet->entries = reader_over(
		packet->bytes + RIP_HEADER_BYTES + RIP_ENTRY_BYTES, (size_t)packet->signed_bytes - RIP_HEADER_BYTES - RIP_ENTRY_BYTES);
	return RIP_DROP_NONE;
}

static enum rip_drop rip_open_auth(struct rip_packet *packet)
{
	struct reader peek = packet->entries;
	struct reader auth = reader_sub(&peek, RIP_ENTRY_BYTES);

	if (reader_u16(&auth) != RIP_FAMILY_AUTH)
		return RIP_DROP_NONE;
	packet->entries = peek;
	packet->auth_type = reader_u16(&auth);
	if (packet->auth_type == RIP_AUTH_TYPE_PASSWORD) {
		packet->password = reader_bytes(&auth, RIP_PASSWORD_BYTES);
		return RIP_DROP_NONE;
	}
	return packet->auth_type == RIP_AUTH_TYPE_CRYPTO ? rip_open_crypto(packet, &auth) : RIP_DROP_AUTH_TYPE;
}

enum rip_drop rip_packet_open(struct rip_packet *packet, const void *bytes, size_t size)
{
	struct reader r = reader_over(bytes, size);
	enum rip_drop drop;
	uint8_t version;

	*packet = (struct rip_packet){.bytes = bytes, .size = size};
	packet->command = reader_u8(&r);
	version = reader_u8(&r);
	reader_skip(&r, 2);
	if (!reader_ok(&r))
		return RIP_DROP_TRUNCATED;
	if (version != RIP_VERSION)
		return RIP_DROP_BAD_VERSION;
	if (packet->command != RIP_REQUEST && packet->command != RIP_RESPONSE)
		return RIP_DROP_BAD_COMMAND;
	packet->entries = r;
	if (reader_left(&r) >= RIP_ENTRY_BYTES) {
		drop = rip_open_auth(packet);
		if (drop != RIP_DROP_NONE)
			return drop;
	}
	return reader_left(&packet->entries) % RIP_ENTRY_BYTES == 0 ? RIP_DROP_NONE : RIP_DROP_TRUNCATED;
}

/* Bits of a mask, or 33 when its ones are not all in front. */
static uint8_t mask_length(uint32_t mask)
{
	uint8_t length = 0;

	while (length < 32 && (mask & 0x80000000u >> length))
		length++;
	return length == 32 || mask << length == 0 ? length : 33;
}

/* RFC 2453 3.9.2: "is the destination address valid (e.g., unicast; not net 0 or 127)"; the default route is net 0 with length 0. */
static bool destination_valid(struct prefix prefix)
{
	uint8_t first = prefix.ip.bytes[0];

	if (prefix.length > 32 || !prefix_equal(prefix, prefix_masked(prefix)))
		return false;
	return prefix.length == 0 || (first != 0 && first != 127 && first < 224);
}

bool rip_packet_next(struct rip_packet *packet, struct rip_entry *entry, enum rip_drop *drop)
{
	struct reader r;
	uint32_t nexthop;

	if (reader_left(&packet->entries) < RIP_ENTRY_BYTES)
		return false;
	r = reader_sub(&packet->entries, RIP_ENTRY_BYTES);
	*entry = (struct rip_entry){0};
	entry->family = reader_u16(&r);
	entry->tag = reader_u16(&r);
	entry->prefix.ip = ip_from_u32(reader_u32(&r));
	entry->prefix.length = mask_length(reader_u32(&r));
	nexthop = reader_u32(&r);
	if (nexthop != 0)
		entry->nexthop = ip_from_u32(nexthop);
	entry->metric = reader_u32(&r);
	if (entry->family != RIP_FAMILY_INET)
		*drop = RIP_DROP_BAD_FAMILY;
	else if (!destination_valid(entry->prefix))
		*drop = RIP_DROP_BAD_PREFIX;
	else if (entry->metric < 1 || entry->metric > RIP_INFINITY)
		*drop = RIP_DROP_BAD_METRIC;
	else
		*drop = RIP_DROP_NONE;
	return true;
}

void rip_write_header(struct writer *w, enum rip_command command)
{
	writer_u8(w, (uint8_t)command);
	writer_u8(w, RIP_VERSION);
	writer_u16(w, 0);
}

void rip_write_entry(struct writer *w, const struct rip_entry *entry)
{
	writer_u16(w, entry->family);
	writer_u16(w, entry->tag);
	writer_u32(w, ip_to_u32(entry->prefix.ip));
	writer_u32(w, entry->prefix.length == 0 ? 0 : 0xffffffffu << (32 - entry->prefix.length));
	writer_u32(w, entry->nexthop.family == IP_V4 ? ip_to_u32(entry->nexthop) : 0);
	writer_u32(w, entry->metric);
}
