/* DHCPv4 messages on the wire (RFC 2131 2, RFC 2132): reading a client's, writing a server's. */
#ifndef NET_DHCP_PACKET_H
#define NET_DHCP_PACKET_H

#include "net/addr.h"

/* The fixed part with the magic cookie; the shortest and longest message we write. */
#define DHCP_FIXED_BYTES 240
#define DHCP_BYTES_MIN 300
#define DHCP_BYTES_MAX 1024
#define DHCP_HOSTNAME_BYTES 64
#define DHCP_CLIENT_ID_BYTES 64

enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER = 2,
	DHCP_REQUEST = 3,
	DHCP_DECLINE = 4,
	DHCP_ACK = 5,
	DHCP_NAK = 6,
	DHCP_RELEASE = 7,
	DHCP_INFORM = 8
};

/* What a client says. Addresses that it doesn't name are IP_NONE (options) or 0.0.0.0 (fixed fields). */
struct dhcp_request {
	enum dhcp_type type;
	uint32_t xid;
	bool broadcast; /* it can't receive unicast yet */
	struct ip ciaddr;
	struct ip giaddr;
	struct mac chaddr;
	struct ip requested; /* option 50 */
	struct ip server_id; /* option 54 */
	uint16_t max_bytes;  /* option 57: longest message, IP and UDP headers in it; 0: none named, so 576 */
	uint8_t client_id[DHCP_CLIENT_ID_BYTES];
	uint8_t client_id_bytes;	    /* 0: none, or too long to be echoed */
	char hostname[DHCP_HOSTNAME_BYTES]; /* option 12, "" when it names none or one with odd characters */
};

/* A route that a client is told of. */
struct dhcp_route {
	struct prefix to;
	struct ip via;
};

/* What a server says. IP_NONE, 0 and "" leave an option out. */
struct dhcp_reply {
	enum dhcp_type type;
	struct ip yiaddr;
	struct ip server_id;
	struct prefix subnet; /* mask and broadcast address */
	struct ip router;
	const struct ip *dns, *ntp; /* arrays; `dns_count`, `ntp_count` */
	unsigned dns_count, ntp_count;
	const struct dhcp_route
		*routes; /* option 121 (RFC 3442); `route_count`. A client that takes them ignores `router`, so it is added. */
	unsigned route_count;
	struct ip next_server; /* siaddr, and option 66 as text */
	const char *bootfile;  /* in `file`, and option 67 */
	const char *domain;
	const char *hostname;
	uint32_t lease_s; /* T1 and T2 are half and seven eighths of it (RFC 2131 4.4.5) */
	uint16_t mtu;
};

/* Reads a client's message from the UDP payload; false when it is malformed or no client's message. */
bool dhcp_request_read(const uint8_t *bytes, size_t size, struct dhcp_request *out);

/* Writes the answer to `request` into `out`; returns its length, DHCP_BYTES_MIN at least. */
size_t dhcp_reply_write(const struct dhcp_request *request, const struct dhcp_reply *reply, uint8_t out[DHCP_BYTES_MAX]);

#endif
