/* DHCPv4 messages: fixed fields, then options as type, length, value. */
#include "net/dhcp_packet.h"

#include "base/reader.h"
#include "base/writer.h"

#include <ctype.h>
#include <string.h>

#define MAGIC 0x63825363u
#define FLAG_BROADCAST 0x8000

/* What every client takes (RFC 2131 2), the headers in front of the message among it. */
#define DHCP_CLIENT_BYTES 576
#define IP_AND_UDP_BYTES 28

enum { OP_REQUEST = 1, OP_REPLY = 2 };

enum dhcp_option {
	OPTION_PAD = 0,
	OPTION_MASK = 1,
	OPTION_ROUTER = 3,
	OPTION_DNS = 6,
	OPTION_HOSTNAME = 12,
	OPTION_DOMAIN = 15,
	OPTION_MTU = 26,
	OPTION_BROADCAST = 28,
	OPTION_NTP = 42,
	OPTION_REQUESTED = 50,
	OPTION_LEASE = 51,
	OPTION_TYPE = 53,
	OPTION_SERVER_ID = 54,
	OPTION_MAX_BYTES = 57,
	OPTION_T1 = 58,
	OPTION_T2 = 59,
	OPTION_CLIENT_ID = 61,
	OPTION_TFTP_SERVER = 66,
	OPTION_BOOTFILE = 67,
	OPTION_ROUTES = 121,
	OPTION_END = 255
};

static struct ip read_ip(struct reader *r) { return ip_from_u32(reader_u32(r)); }

/* Host names become part of what people see: letters, digits, '-' and '.', or nothing. */
static void read_hostname(struct reader *r, char out[DHCP_HOSTNAME_BYTES])
{
	size_t n = reader_left(r);
	const uint8_t *p = reader_bytes(r, n);

	out[0] = '\0';
	if (p == NULL || n >= DHCP_HOSTNAME_BYTES)
		return;
	for (size_t i = 0; i < n; i++)
		if (!isalnum(p[i]) && p[i] != '-' && p[i] != '.')
			return;
	memcpy(out, p, n);
	out[n] = '\0';
}

static bool read_option(uint8_t code, struct reader *r, struct dhcp_request *out)
{
	switch (code) {
	case OPTION_TYPE:
		out->type = (enum dhcp_type)reader_u8(r);
		return reader_done(r) && out->type >= DHCP_DISCOVER && out->type <= DHCP_INFORM;
	case OPTION_REQUESTED:
		out->requested = read_ip(r);
		return reader_done(r);
	case OPTION_SERVER_ID:
		out->server_id = read_ip(r);
		return reader_done(r);
	case OPTION_MAX_BYTES:
		out->max_bytes = reader_u16(r);
		return reader_done(r);
	case OPTION_CLIENT_ID:
		if (reader_left(r) < 2)
			return false;
		out->client_id_bytes = reader_left(r) <= DHCP_CLIENT_ID_BYTES ? (uint8_t)reader_left(r) : 0;
		return reader_copy(r, out->client_id, out->client_id_bytes);
	case OPTION_HOSTNAME:
		read_hostname(r, out->hostname);
		return true;
	default:
		return true;
	}
}

static bool read_options(struct reader *r, struct dhcp_request *out)
{
	while (reader_left(r) > 0) {
		uint8_t code = reader_u8(r);
		struct reader option;

		if (code == OPTION_PAD)
			continue;
		if (code == OPTION_END)
			return true;
		option = reader_sub(r, reader_u8(r));
		if (!reader_ok(r) || !read_option(code, &option, out))
			return false;
	}
	/* Without an end the options are cut off. */
	return false;
}

bool dhcp_request_read(const uint8_t *bytes, size_t size, struct dhcp_request *out)
{
	struct reader r = reader_over(bytes, size);
	struct dhcp_request request = {0};
	uint8_t op = reader_u8(&r), type = reader_u8(&r), width = reader_u8(&r);

	reader_skip(&r, 1); /* hops */
	request.xid = reader_u32(&r);
	reader_skip(&r, 2); /* secs */
	request.broadcast = reader_u16(&r) & FLAG_BROADCAST;
	request.ciaddr = read_ip(&r);
	reader_skip(&r, 8); /* yiaddr, siaddr */
	request.giaddr = read_ip(&r);
	reader_copy(&r, request.chaddr.bytes, 6);
	reader_skip(&r, 10 + 64 + 128); /* rest of chaddr, sname, file */
	if (reader_u32(&r) != MAGIC || op != OP_REQUEST || type != 1 || width != 6)
		return false;
	if (!read_options(&r, &request) || request.type == 0)
		return false;
	*out = request;
	return true;
}

static void write_option(struct writer *w, enum dhcp_option code, const void *bytes, size_t size)
{
	/* What the client has no room for is left out; the last byte is the end's. */
	if (size == 0 || size > 255 || writer_room(w) < size + 3)
		return;
	writer_u8(w, (uint8_t)code);
	writer_u8(w, (uint8_t)size);
	writer_bytes(w, bytes, size);
}

static void write_ip(struct writer *w, enum dhcp_option code, struct ip ip)
{
	if (ip.family == IP_V4)
		write_option(w, code, ip.bytes, 4);
}

static void write_u32(struct writer *w, enum dhcp_option code, uint32_t v)
{
	writer_u8(w, (uint8_t)code);
	writer_u8(w, 4);
	writer_u32(w, v);
}

static void write_ips(struct writer *w, enum dhcp_option code, const struct ip *ips, unsigned count)
{
	uint8_t bytes[255];
	size_t size = 0;

	for (unsigned i = 0; i < count && size + 4 <= sizeof(bytes); i++) {
		if (ips[i].family != IP_V4)
			continue;
		memcpy(bytes + size, ips[i].bytes, 4);
		size += 4;
	}
	write_option(w, code, bytes, size);
}

/* RFC 3442: the length of the prefix, as many bytes of it as matter, the next hop. The default route among them, since who takes these
 * ignores option 3. */
static void write_routes(struct writer *w, const struct dhcp_reply *reply)
{
	uint8_t bytes[255];
	size_t size = 0;

	for (unsigned i = 0; i <= reply->route_count && reply->route_count > 0 && size + 9 <= sizeof(bytes); i++) {
		bool last = i == reply->route_count;
		struct prefix to = last ? (struct prefix){{IP_V4, {0}}, 0} : reply->routes[i].to;
		struct ip via = last ? reply->router : reply->routes[i].via;

		if (to.ip.family != IP_V4 || via.family != IP_V4)
			continue;
		bytes[size++] = to.length;
		memcpy(bytes + size, to.ip.bytes, (to.length + 7u) / 8);
		size += (to.length + 7u) / 8;
		memcpy(bytes + size, via.bytes, 4);
		size += 4;
	}
	write_option(w, OPTION_ROUTES, bytes, size);
}

static void write_boot(struct writer *w, const struct dhcp_reply *reply)
{
	char server[IP_TEXT_BYTES];

	if (reply->next_server.family == IP_V4) {
		(void)ip_text(reply->next_server, server);
		write_option(w, OPTION_TFTP_SERVER, server, strlen(server));
	}
	if (reply->bootfile != NULL)
		write_option(w, OPTION_BOOTFILE, reply->bootfile, strlen(reply->bootfile));
}

/* The fields from `siaddr` to `file`. */
static void write_fixed_boot(struct writer *w, const struct dhcp_request *request, const struct dhcp_reply *reply)
{
	size_t file_bytes = reply->bootfile != NULL ? strlen(reply->bootfile) : 0;

	writer_u32(w, reply->next_server.family == IP_V4 ? ip_to_u32(reply->next_server) : 0);
	writer_u32(w, ip_to_u32(request->giaddr));
	writer_bytes(w, request->chaddr.bytes, 6);
	writer_zero(w, 10 + 64);
	if (file_bytes > 127)
		file_bytes = 0;
	if (file_bytes > 0)
		writer_bytes(w, reply->bootfile, file_bytes);
	writer_zero(w, 128 - file_bytes);
}

static void write_options(struct writer *w, const struct dhcp_request *request, const struct dhcp_reply *reply)
{
	const uint8_t type = (uint8_t)reply->type;

	writer_u32(w, MAGIC);
	write_option(w, OPTION_TYPE, &type, 1);
	write_ip(w, OPTION_SERVER_ID, reply->server_id);
	if (reply->lease_s > 0) {
		write_u32(w, OPTION_LEASE, reply->lease_s);
		write_u32(w, OPTION_T1, reply->lease_s / 2);
		write_u32(w, OPTION_T2, reply->lease_s - reply->lease_s / 8);
	}
	write_option(w, OPTION_CLIENT_ID, request->client_id, request->client_id_bytes); /* RFC 6842 */
	if (reply->subnet.ip.family == IP_V4) {
		write_u32(w, OPTION_MASK, reply->subnet.length ? UINT32_MAX << (32 - reply->subnet.length) : 0);
		if (reply->subnet.length < 31)
			write_ip(w, OPTION_BROADCAST, prefix_broadcast(reply->subnet));
	}
	write_ip(w, OPTION_ROUTER, reply->router);
	write_ips(w, OPTION_DNS, reply->dns, reply->dns_count);
	if (reply->hostname != NULL)
		write_option(w, OPTION_HOSTNAME, reply->hostname, strlen(reply->hostname));
	if (reply->domain != NULL)
		write_option(w, OPTION_DOMAIN, reply->domain, strlen(reply->domain));
	if (reply->mtu >= 68) {
		const uint8_t mtu[2] = {(uint8_t)(reply->mtu >> 8), (uint8_t)reply->mtu};

		write_option(w, OPTION_MTU, mtu, 2);
	}
	write_routes(w, reply);
	write_ips(w, OPTION_NTP, reply->ntp, reply->ntp_count);
	write_boot(w, reply);
	writer_u8(w, OPTION_END);
}

size_t dhcp_reply_write(const struct dhcp_request *request, const struct dhcp_reply *reply, uint8_t out[DHCP_BYTES_MAX])
{
	size_t room = request->max_bytes >= DHCP_CLIENT_BYTES ? request->max_bytes : DHCP_CLIENT_BYTES;
	struct writer w;

	room -= IP_AND_UDP_BYTES;
	w = writer_over(out, room < DHCP_BYTES_MAX ? room : DHCP_BYTES_MAX);

	writer_u8(&w, OP_REPLY);
	writer_u8(&w, 1);
	writer_u8(&w, 6);
	writer_u8(&w, 0);
	writer_u32(&w, request->xid);
	writer_u16(&w, 0);
	writer_u16(&w, request->broadcast ? FLAG_BROADCAST : 0);
	writer_u32(&w, reply->type == DHCP_NAK ? 0 : ip_to_u32(request->ciaddr));
	writer_u32(&w, ip_to_u32(reply->yiaddr));
	write_fixed_boot(&w, request, reply);
	write_options(&w, request, reply);
	if (writer_used(&w) < DHCP_BYTES_MIN)
		writer_zero(&w, DHCP_BYTES_MIN - writer_used(&w));
	return writer_used(&w);
}
