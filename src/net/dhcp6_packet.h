/* DHCPv6 messages on the wire (RFC 8415): reading a client's, writing a server's. */
#ifndef NET_DHCP6_PACKET_H
#define NET_DHCP6_PACKET_H

#include "net/addr.h"

#define DHCP6_BYTES_MAX 1024
#define DHCP6_DUID_BYTES 130 /* RFC 8415 11.1 */
#define DHCP6_IAS_MAX 4

enum dhcp6_type {
	DHCP6_SOLICIT = 1,
	DHCP6_ADVERTISE = 2,
	DHCP6_REQUEST = 3,
	DHCP6_CONFIRM = 4,
	DHCP6_RENEW = 5,
	DHCP6_REBIND = 6,
	DHCP6_REPLY = 7,
	DHCP6_RELEASE = 8,
	DHCP6_DECLINE = 9,
	DHCP6_INFORMATION_REQUEST = 11
};

enum dhcp6_status { DHCP6_SUCCESS = 0, DHCP6_NO_ADDRESS = 2, DHCP6_NO_BINDING = 3, DHCP6_NOT_ON_LINK = 4 };

/* An identity association of a client, and the first address that it names (none: IP_NONE). */
struct dhcp6_ia {
	uint32_t id;
	struct ip address;
};

/* What a client says. */
struct dhcp6_request {
	enum dhcp6_type type;
	uint8_t xid[3];
	uint8_t client_id[DHCP6_DUID_BYTES], server_id[DHCP6_DUID_BYTES];
	uint16_t client_id_bytes, server_id_bytes; /* 0: none */
	bool rapid_commit;
	unsigned ia_count;
	struct dhcp6_ia ias[DHCP6_IAS_MAX];
};

/* What a server says. Each association gets `address`, or `status` when that isn't DHCP6_SUCCESS. */
struct dhcp6_reply {
	enum dhcp6_type type;
	struct mac server; /* its DUID is made from this (DUID-LL) */
	struct ip address; /* IP_NONE: associations get none */
	enum dhcp6_status status;
	bool status_alone; /* the status is of the whole message, and no association is answered */
	bool rapid_commit;
	uint32_t preferred_s, valid_s;
	const struct ip *dns;
	unsigned dns_count;
	const char *domain;
};

/* Bytes of a server's DUID, and the DUID itself. */
#define DHCP6_SERVER_DUID_BYTES 10
void dhcp6_server_duid(struct mac server, uint8_t out[DHCP6_SERVER_DUID_BYTES]);

/* Reads a client's message from the UDP payload; false when it is malformed or no client's message. */
bool dhcp6_request_read(const uint8_t *bytes, size_t size, struct dhcp6_request *out);

/* Writes the answer to `request` into `out`; returns its length. */
size_t dhcp6_reply_write(const struct dhcp6_request *request, const struct dhcp6_reply *reply, uint8_t out[DHCP6_BYTES_MAX]);

#endif
