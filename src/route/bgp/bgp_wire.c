/* BGP messages on the wire. */
#include "route/bgp/bgp_wire.h"

#include "base/check.h"

#include <string.h>

#define SAFI_UNICAST 1

/* Optional parameters (RFC 4271 4.2, RFC 9072) and capability codes (RFC 5492). */
enum { PARAMETER_CAPABILITY = 2, PARAMETER_EXTENDED = 255 };
enum {
	CAPABILITY_MULTIPROTOCOL = 1,
	CAPABILITY_REFRESH = 2,
	CAPABILITY_EXTENDED_MESSAGE = 6,
	CAPABILITY_ROLE = 9,
	CAPABILITY_GRACEFUL = 64,
	CAPABILITY_AS4 = 65,
	CAPABILITY_ENHANCED_REFRESH = 70,
};

uint16_t bgp_afi(enum bgp_family family) { return family == BGP_IPV4 ? 1 : 2; }

enum ip_family bgp_ip_family(enum bgp_family family) { return family == BGP_IPV4 ? IP_V4 : IP_V6; }

enum bgp_family bgp_family_of(uint16_t afi, uint8_t safi)
{
	if (safi != SAFI_UNICAST)
		return BGP_FAMILY_COUNT;
	return afi == 1 ? BGP_IPV4 : afi == 2 ? BGP_IPV6 : BGP_FAMILY_COUNT;
}

size_t bgp_message_begin(struct writer *w, enum bgp_message_type type)
{
	size_t start = writer_used(w);
	uint8_t *marker = writer_space(w, 16);

	if (marker != NULL)
		memset(marker, 0xff, 16);
	writer_u16(w, 0);
	writer_u8(w, (uint8_t)type);
	return start;
}

void bgp_message_end(struct writer *w, size_t start) { writer_patch_u16(w, start + 16, (uint16_t)(writer_used(w) - start)); }

void bgp_keepalive_write(struct writer *w) { bgp_message_end(w, bgp_message_begin(w, BGP_KEEPALIVE)); }

void bgp_notification_write(struct writer *w, uint8_t code, uint8_t subcode, const void *data, size_t bytes)
{
	size_t start = bgp_message_begin(w, BGP_NOTIFICATION);

	writer_u8(w, code);
	writer_u8(w, subcode);
	writer_bytes(w, data, bytes);
	bgp_message_end(w, start);
}

void bgp_refresh_write(struct writer *w, enum bgp_family family, uint8_t subtype)
{
	size_t start = bgp_message_begin(w, BGP_ROUTE_REFRESH);

	writer_u16(w, bgp_afi(family));
	writer_u8(w, subtype);
	writer_u8(w, SAFI_UNICAST);
	bgp_message_end(w, start);
}

static void capability_head(struct writer *w, uint8_t code, uint8_t bytes)
{
	writer_u8(w, code);
	writer_u8(w, bytes);
}

static void graceful_write(struct writer *w, const struct bgp_open *open)
{
	uint8_t families = 0;

	for (int f = 0; f < BGP_FAMILY_COUNT; f++)
		families += open->graceful_families[f];
	capability_head(w, CAPABILITY_GRACEFUL, (uint8_t)(2 + families * 4));
	writer_u16(w, (uint16_t)((open->restarted ? 0x8000 : 0) | (open->restart_s & 0xfff)));
	for (enum bgp_family f = 0; f < BGP_FAMILY_COUNT; f++) {
		if (!open->graceful_families[f])
			continue;
		writer_u16(w, bgp_afi(f));
		writer_u8(w, SAFI_UNICAST);
		writer_u8(w, open->forwarding_kept[f] ? 0x80 : 0);
	}
}

static void capabilities_write(struct writer *w, const struct bgp_open *open)
{
	for (enum bgp_family f = 0; f < BGP_FAMILY_COUNT; f++) {
		if (!open->families[f])
			continue;
		capability_head(w, CAPABILITY_MULTIPROTOCOL, 4);
		writer_u16(w, bgp_afi(f));
		writer_u8(w, 0);
		writer_u8(w, SAFI_UNICAST);
	}
	if (open->refresh)
		capability_head(w, CAPABILITY_REFRESH, 0);
	if (open->extended_message)
		capability_head(w, CAPABILITY_EXTENDED_MESSAGE, 0);
	if (open->role_given) {
		capability_head(w, CAPABILITY_ROLE, 1);
		writer_u8(w, open->role);
	}
	if (open->graceful)
		graceful_write(w, open);
	if (open->as4) {
		capability_head(w, CAPABILITY_AS4, 4);
		writer_u32(w, open->as);
	}
	if (open->enhanced_refresh)
		capability_head(w, CAPABILITY_ENHANCED_REFRESH, 0);
}

void bgp_open_write(struct writer *w, const struct bgp_open *open)
{
	uint8_t buffer[253];
	struct writer capabilities = writer_over(buffer, sizeof(buffer));
	size_t start = bgp_message_begin(w, BGP_OPEN);

	capabilities_write(&capabilities, open);
	CHECK(writer_ok(&capabilities));
	writer_u8(w, 4);
	writer_u16(w, open->as > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)open->as);
	writer_u16(w, open->hold_s);
	writer_u32(w, open->router_id);
	writer_u8(w, (uint8_t)(2 + writer_used(&capabilities)));
	capability_head(w, PARAMETER_CAPABILITY, (uint8_t)writer_used(&capabilities));
	writer_bytes(w, buffer, writer_used(&capabilities));
	bgp_message_end(w, start);
}

static void graceful_read(struct bgp_open *open, struct reader value)
{
	uint16_t word = reader_u16(&value);

	if (!reader_ok(&value))
		return;
	open->graceful = true;
	open->restarted = (word & 0x8000) != 0;
	open->restart_s = word & 0xfff;
	while (reader_left(&value) >= 4) {
		uint16_t afi = reader_u16(&value);
		enum bgp_family family = bgp_family_of(afi, reader_u8(&value));
		uint8_t flags = reader_u8(&value);

		if (family == BGP_FAMILY_COUNT)
			continue;
		open->graceful_families[family] = true;
		open->forwarding_kept[family] = (flags & 0x80) != 0;
	}
}

/* One capability; an unknown one, or one of a wrong length, is passed over (RFC 5492 3). 0 or the subcode of the error. */
static uint8_t capability_read(struct bgp_open *open, uint8_t code, struct reader value)
{
	enum bgp_family family;
	uint16_t afi;

	switch (code) {
	case CAPABILITY_MULTIPROTOCOL:
		open->families_given = true;
		afi = reader_u16(&value);
		reader_skip(&value, 1);
		family = bgp_family_of(afi, reader_u8(&value));
		if (reader_ok(&value) && family != BGP_FAMILY_COUNT)
			open->families[family] = true;
		break;
	case CAPABILITY_REFRESH:
		open->refresh = true;
		break;
	case CAPABILITY_EXTENDED_MESSAGE:
		open->extended_message = true;
		break;
	case CAPABILITY_ROLE:
		open->role = reader_u8(&value);
		open->role_given = reader_ok(&value);
		break;
	case CAPABILITY_GRACEFUL:
		graceful_read(open, value);
		break;
	case CAPABILITY_AS4:
		if (reader_left(&value) != 4)
			break;
		open->as = reader_u32(&value);
		open->as4 = true;
		if (open->as == 0)
			return BGP_OPEN_PEER_AS;
		break;
	case CAPABILITY_ENHANCED_REFRESH:
		open->enhanced_refresh = true;
		break;
	default:
		break;
	}
	return 0;
}

static uint8_t parameters_read(struct bgp_open *open, struct reader parameters, bool extended)
{
	while (reader_left(&parameters) > 0) {
		uint8_t type = reader_u8(&parameters);
		struct reader value = reader_sub(&parameters, extended ? reader_u16(&parameters) : reader_u8(&parameters));

		if (!reader_ok(&parameters))
			return BGP_OPEN_PARAMETER;
		if (type != PARAMETER_CAPABILITY)
			return BGP_OPEN_PARAMETER;
		while (reader_left(&value) > 0) {
			uint8_t code = reader_u8(&value);
			struct reader capability = reader_sub(&value, reader_u8(&value));
			uint8_t error;

			if (!reader_ok(&value))
				return BGP_OPEN_PARAMETER;
			error = capability_read(open, code, capability);
			if (error != 0)
				return error;
		}
	}
	return 0;
}

uint8_t bgp_open_read(struct bgp_open *open, struct reader body)
{
	struct reader parameters;
	uint8_t version, length, error;
	bool extended = false;

	memset(open, 0, sizeof(*open));
	version = reader_u8(&body);
	open->as = reader_u16(&body);
	open->hold_s = reader_u16(&body);
	open->router_id = reader_u32(&body);
	length = reader_u8(&body);
	if (!reader_ok(&body))
		return BGP_OPEN_PARAMETER;
	if (version != 4)
		return BGP_OPEN_VERSION;
	/* RFC 9072: 255 and a first parameter of type 255 mean that lengths have two bytes. */
	if (length == PARAMETER_EXTENDED && reader_left(&body) >= 3 && body.at[0] == PARAMETER_EXTENDED) {
		reader_skip(&body, 1);
		extended = true;
		parameters = reader_sub(&body, reader_u16(&body));
	} else {
		parameters = reader_sub(&body, length);
	}
	if (!reader_done(&body))
		return BGP_OPEN_PARAMETER;
	error = parameters_read(open, parameters, extended);
	if (error != 0)
		return error;
	if (open->as == 0)
		return BGP_OPEN_PEER_AS;
	/* RFC 4271 6.2: 0, or at least 3 s. */
	if (open->hold_s == 1 || open->hold_s == 2)
		return BGP_OPEN_HOLD_TIME;
	/* RFC 6286: any id but 0. */
	if (open->router_id == 0)
		return BGP_OPEN_BGP_ID;
	if (!open->families_given)
		open->families[BGP_IPV4] = true;
	return 0;
}

bool bgp_prefix_read(struct reader *nlri, enum ip_family family, struct prefix *prefix)
{
	const uint8_t *bytes;
	size_t count;

	if (reader_left(nlri) == 0)
		return false;
	*prefix = (struct prefix){.ip = {.family = (uint8_t)family}, .length = reader_u8(nlri)};
	if (prefix->length > ip_bits(family)) {
		nlri->failed = true;
		return false;
	}
	count = (prefix->length + 7u) / 8;
	bytes = reader_bytes(nlri, count);
	if (bytes == NULL)
		return false;
	memcpy(prefix->ip.bytes, bytes, count);
	if (prefix->length % 8 != 0)
		prefix->ip.bytes[count - 1] &= (uint8_t)(0xff00 >> (prefix->length % 8));
	return true;
}

void bgp_prefix_write(struct writer *w, const struct prefix *prefix)
{
	writer_u8(w, prefix->length);
	writer_bytes(w, prefix->ip.bytes, (size_t)(prefix->length + 7) / 8);
}

/* Texts by code and subcode; row 0 of a code is the code's own. */
static const char *const error_texts[][12] = {
	[BGP_ERROR_HEADER] = {"Message Header Error", "Connection Not Synchronized", "Bad Message Length", "Bad Message Type"},
	[BGP_ERROR_OPEN] = {"OPEN Message Error", "Unsupported Version Number", "Bad Peer AS", "Bad BGP Identifier",
		"Unsupported Optional Parameter", "Authentication Failure", "Unacceptable Hold Time", "Unsupported Capability", NULL, NULL,
		NULL, "Role Mismatch"},
	[BGP_ERROR_UPDATE] = {"UPDATE Message Error", "Malformed Attribute List", "Unrecognized Well-known Attribute",
		"Missing Well-known Attribute", "Attribute Flags Error", "Attribute Length Error", "Invalid ORIGIN Attribute",
		"AS Routing Loop", "Invalid NEXT_HOP Attribute", "Optional Attribute Error", "Invalid Network Field", "Malformed AS_PATH"},
	[BGP_ERROR_HOLD_TIMER] = {"Hold Timer Expired"},
	[BGP_ERROR_FSM] = {"Finite State Machine Error", "Unexpected Message in OpenSent", "Unexpected Message in OpenConfirm",
		"Unexpected Message in Established"},
	[BGP_ERROR_CEASE] = {"Cease", "Maximum Number of Prefixes Reached", "Administrative Shutdown", "Peer De-configured",
		"Administrative Reset", "Connection Rejected", "Other Configuration Change", "Connection Collision Resolution",
		"Out of Resources", "Hard Reset", "BFD Down"},
	[BGP_ERROR_REFRESH] = {"ROUTE-REFRESH Message Error", "Invalid Message Length"},
};

const char *bgp_error_text(uint8_t code, uint8_t subcode)
{
	if (code == 0 || code >= COUNT_OF(error_texts))
		return "Unknown Error";
	if (subcode < COUNT_OF(error_texts[0]) && error_texts[code][subcode] != NULL)
		return error_texts[code][subcode];
	return error_texts[code][0];
}
