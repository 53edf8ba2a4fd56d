/* DHCPv6 messages: type, transaction, then options as type, length, value; options of an association lie inside of it. */
#include "net/dhcp6_packet.h"

#include "base/reader.h"
#include "base/writer.h"

#include <string.h>

enum dhcp6_option {
	OPTION_CLIENT_ID = 1,
	OPTION_SERVER_ID = 2,
	OPTION_IA_NA = 3,
	OPTION_IA_ADDRESS = 5,
	OPTION_STATUS = 13,
	OPTION_RAPID_COMMIT = 14,
	OPTION_DNS = 23,
	OPTION_DOMAIN = 24
};

#define DUID_LL 3
#define HARDWARE_ETHERNET 1

void dhcp6_server_duid(struct mac server, uint8_t out[DHCP6_SERVER_DUID_BYTES])
{
	const uint8_t head[4] = {0, DUID_LL, 0, HARDWARE_ETHERNET};

	memcpy(out, head, sizeof(head));
	memcpy(out + sizeof(head), server.bytes, 6);
}

/* RFC 8415 11.1: at least a type and one byte more, at most 130. */
static bool read_duid(struct reader *r, uint8_t out[DHCP6_DUID_BYTES], uint16_t *bytes)
{
	size_t left = reader_left(r);

	if (left < 3 || left > DHCP6_DUID_BYTES)
		return false;
	*bytes = (uint16_t)left;
	return reader_copy(r, out, left);
}

/* RFC 8415 21.4, 21.6: the first address in an association. */
static bool read_ia(struct reader *r, struct dhcp6_request *out)
{
	struct dhcp6_ia ia = {.id = reader_u32(r)};

	reader_skip(r, 8);
	if (!reader_ok(r))
		return false;
	while (reader_left(r) > 0) {
		uint16_t code = reader_u16(r);
		struct reader option = reader_sub(r, reader_u16(r));

		if (!reader_ok(r))
			return false;
		if (code != OPTION_IA_ADDRESS || ia.address.family != IP_NONE)
			continue;
		ia.address.family = IP_V6;
		reader_copy(&option, ia.address.bytes, 16);
		reader_skip(&option, 8);
		if (!reader_ok(&option))
			return false;
	}
	if (out->ia_count < DHCP6_IAS_MAX)
		out->ias[out->ia_count++] = ia;
	return true;
}

static bool read_option(uint16_t code, struct reader *r, struct dhcp6_request *out)
{
	switch (code) {
	case OPTION_CLIENT_ID:
		return out->client_id_bytes == 0 && read_duid(r, out->client_id, &out->client_id_bytes);
	case OPTION_SERVER_ID:
		return out->server_id_bytes == 0 && read_duid(r, out->server_id, &out->server_id_bytes);
	case OPTION_IA_NA:
		return read_ia(r, out);
	case OPTION_RAPID_COMMIT:
		out->rapid_commit = true;
		return reader_done(r);
	default:
		return true;
	}
}

static bool is_clients(uint8_t type)
{
	return (type >= DHCP6_SOLICIT && type <= DHCP6_DECLINE && type != DHCP6_ADVERTISE && type != DHCP6_REPLY) ||
	       type == DHCP6_INFORMATION_REQUEST;
}

bool dhcp6_request_read(const uint8_t *bytes, size_t size, struct dhcp6_request *out)
{
	struct reader r = reader_over(bytes, size);
	struct dhcp6_request request = {0};
	uint8_t type = reader_u8(&r);

	reader_copy(&r, request.xid, sizeof(request.xid));
	if (!reader_ok(&r) || !is_clients(type))
		return false;
	request.type = (enum dhcp6_type)type;
	while (reader_left(&r) > 0) {
		uint16_t code = reader_u16(&r);
		struct reader option = reader_sub(&r, reader_u16(&r));

		if (!reader_ok(&r) || !read_option(code, &option, &request))
			return false;
	}
	/* RFC 8415 16: only a question for information may come without a name. */
	if (request.client_id_bytes == 0 && type != DHCP6_INFORMATION_REQUEST)
		return false;
	*out = request;
	return true;
}

static void write_option(struct writer *w, enum dhcp6_option code, const void *bytes, size_t size)
{
	writer_u16(w, (uint16_t)code);
	writer_u16(w, (uint16_t)size);
	if (size > 0)
		writer_bytes(w, bytes, size);
}

static void write_status(struct writer *w, enum dhcp6_status status)
{
	writer_u16(w, OPTION_STATUS);
	writer_u16(w, 2);
	writer_u16(w, (uint16_t)status);
}

/* T1 and T2 are a half and four fifths of the preferred time (RFC 8415 21.4). */
static void write_ia(struct writer *w, const struct dhcp6_ia *ia, const struct dhcp6_reply *reply)
{
	size_t length_at;

	writer_u16(w, OPTION_IA_NA);
	length_at = writer_used(w);
	writer_u16(w, 0);
	writer_u32(w, ia->id);
	writer_u32(w, reply->preferred_s / 2);
	writer_u32(w, reply->preferred_s / 5 * 4);
	if (reply->status == DHCP6_SUCCESS && reply->address.family == IP_V6) {
		writer_u16(w, OPTION_IA_ADDRESS);
		writer_u16(w, 24);
		writer_bytes(w, reply->address.bytes, 16);
		writer_u32(w, reply->preferred_s);
		writer_u32(w, reply->valid_s);
	} else {
		write_status(w, reply->status != DHCP6_SUCCESS ? reply->status : DHCP6_NO_ADDRESS);
	}
	writer_patch_u16(w, length_at, (uint16_t)(writer_used(w) - length_at - 2));
}

static void write_dns(struct writer *w, const struct dhcp6_reply *reply)
{
	size_t length = reply->domain != NULL ? strlen(reply->domain) : 0;
	unsigned count = 0;

	for (unsigned i = 0; i < reply->dns_count; i++)
		count += reply->dns[i].family == IP_V6;
	if (count > 0) {
		writer_u16(w, OPTION_DNS);
		writer_u16(w, (uint16_t)(count * 16));
		for (unsigned i = 0; i < reply->dns_count; i++)
			if (reply->dns[i].family == IP_V6)
				writer_bytes(w, reply->dns[i].bytes, 16);
	}
	/* One label: the domain is a lab's name. */
	if (length > 0 && length < 64 && strchr(reply->domain, '.') == NULL) {
		writer_u16(w, OPTION_DOMAIN);
		writer_u16(w, (uint16_t)(length + 2));
		writer_u8(w, (uint8_t)length);
		writer_bytes(w, reply->domain, length);
		writer_u8(w, 0);
	}
}

size_t dhcp6_reply_write(const struct dhcp6_request *request, const struct dhcp6_reply *reply, uint8_t out[DHCP6_BYTES_MAX])
{
	struct writer w = writer_over(out, DHCP6_BYTES_MAX);
	uint8_t duid[DHCP6_SERVER_DUID_BYTES];

	dhcp6_server_duid(reply->server, duid);
	writer_u8(&w, (uint8_t)reply->type);
	writer_bytes(&w, request->xid, sizeof(request->xid));
	if (request->client_id_bytes > 0)
		write_option(&w, OPTION_CLIENT_ID, request->client_id, request->client_id_bytes);
	write_option(&w, OPTION_SERVER_ID, duid, sizeof(duid));
	if (reply->rapid_commit)
		write_option(&w, OPTION_RAPID_COMMIT, NULL, 0);
	if (reply->status_alone)
		write_status(&w, reply->status);
	for (unsigned i = 0; i < request->ia_count && !reply->status_alone; i++)
		write_ia(&w, &request->ias[i], reply);
	write_dns(&w, reply);
	return writer_used(&w);
}
