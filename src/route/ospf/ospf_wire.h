/* OSPF version 2 packets on the wire (RFC 2328 A.3) and their authentication (RFC 2328 D, RFC 5709). */
#ifndef ROUTE_OSPF_WIRE_H
#define ROUTE_OSPF_WIRE_H

#include "base/reader.h"
#include "base/writer.h"
#include "net/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OSPF_HEADER_BYTES 24
#define OSPF_PASSWORD_BYTES 8
#define OSPF_KEY_BYTES_MAX 64

enum ospf_packet_type { OSPF_HELLO = 1, OSPF_DATABASE, OSPF_REQUEST, OSPF_UPDATE, OSPF_ACK };

/* The types of authentication as they stand in the header (RFC 2328 D). */
enum ospf_auth_kind { OSPF_AUTH_NONE, OSPF_AUTH_SIMPLE, OSPF_AUTH_CRYPTO };

/* How packets of one interface are authenticated. MD5 is RFC 2328's keyed digest, the SHA kinds are RFC 5709's HMAC. */
struct ospf_auth {
	enum ospf_auth_kind kind;
	enum digest_kind digest; /* OSPF_AUTH_CRYPTO */
	uint8_t key_id;
	uint8_t key_bytes; /* at most OSPF_KEY_BYTES_MAX; what is over 8 (simple) or 16 (MD5) bytes is not used */
	uint8_t key[OSPF_KEY_BYTES_MAX];
};

/* A packet's header; addresses and ids in host order. */
struct ospf_header {
	enum ospf_packet_type type;
	uint32_t router_id;
	uint32_t area_id;
	uint32_t sequence; /* cryptographic; the neighbour's must not go down (RFC 2328 D.5.3), which the caller looks after */
};

/* Why a packet is dropped. */
enum ospf_wire_fault {
	OSPF_WIRE_GOOD,
	OSPF_WIRE_SHORT,
	OSPF_WIRE_VERSION,
	OSPF_WIRE_TYPE,
	OSPF_WIRE_LENGTH,
	OSPF_WIRE_CHECKSUM,
	OSPF_WIRE_AUTH_TYPE,
	OSPF_WIRE_AUTH_KEY,
	OSPF_WIRE_AUTH_DIGEST,
	OSPF_WIRE_FAULT_COUNT
};
extern const char *const ospf_wire_fault_names[OSPF_WIRE_FAULT_COUNT];

/* A Hello; addresses in host order. `neighbors` holds 4 bytes a neighbour. */
struct ospf_hello {
	uint32_t mask;
	uint16_t hello_s;
	uint8_t options;
	uint8_t priority;
	uint32_t dead_s;
	uint32_t designated;
	uint32_t backup;
	struct reader neighbors;
};

enum { OSPF_DATABASE_MASTER = 1, OSPF_DATABASE_MORE = 2, OSPF_DATABASE_INIT = 4 };

/* The head of a Database Description; `headers` holds LSA headers. */
struct ospf_database {
	uint16_t mtu_bytes;
	uint8_t options;
	uint8_t flags;
	uint32_t sequence;
	struct reader headers;
};

/* Writes a header at the start of an empty writer; ospf_packet_end completes it. */
void ospf_packet_begin(struct writer *w, enum ospf_packet_type type, uint32_t router_id, uint32_t area_id);

/* Writes length, checksum and authentication. The writer has failed when there was no room for the digest. */
void ospf_packet_end(struct writer *w, const struct ospf_auth *auth, uint32_t sequence);

/*
 * Checks an IP payload as RFC 2328 8.2 and D.5 say, less what needs the interface (area, router id). On OSPF_WIRE_GOOD the header and
 * the body (borrowed) are set, otherwise nothing is.
 */
enum ospf_wire_fault ospf_packet_read(struct reader packet, const struct ospf_auth *auth, struct ospf_header *header, struct reader *body);

/* Write what comes before the list of neighbours or LSA headers, which the caller writes. */
void ospf_hello_write(struct writer *w, const struct ospf_hello *hello);
void ospf_database_write(struct writer *w, const struct ospf_database *database);

/* Read a whole body; false when it is malformed. */
bool ospf_hello_read(struct reader body, struct ospf_hello *hello);
bool ospf_database_read(struct reader body, struct ospf_database *database);

#endif
