/*
 * RIP version 2 on the wire (RFC 2453 section 4, RFC 4822 section 2): a bounded decoder with a named reason for whatever it refuses, and an
 * encoder.
 *
 *   0                   1                   2                   3
 *   | command (1)   | version = 2   |          unused               |      header, 4 bytes
 *   | family = 2                    |          route tag            |      entries, 20 bytes each, at most 25
 *   |                          IPv4 address                         |
 *   |                          subnet mask                          |
 *   |                          next hop                             |
 *   |                          metric                               |
 *
 * An authenticated packet's first entry has family 0xFFFF; its "tag" is the type. Type 2 carries a password of 16 bytes. Type 3 carries
 *   | packet length                 | key id        | auth length   |
 *   |                      sequence number                          |
 *   |                      0        |                 0             |
 * and the digest stands behind the entries, at `packet length`: 0xFFFF, 0x0001, digest.
 */
#ifndef ROUTE_RIP_PACKET_H
#define ROUTE_RIP_PACKET_H

#include "base/reader.h"
#include "base/writer.h"
#include "net/addr.h"

#include <stdbool.h>
#include <stdint.h>

#define RIP_PORT 520
#define RIP_VERSION 2
#define RIP_INFINITY 16
#define RIP_HEADER_BYTES 4
#define RIP_ENTRY_BYTES 20
#define RIP_TRAILER_HEAD_BYTES 4
#define RIP_PASSWORD_BYTES 16

/* Most bytes of a packet that we send, trailer included: some implementations (FRR) refuse longer ones. */
#define RIP_PACKET_BYTES 512

#define RIP_FAMILY_NONE 0
#define RIP_FAMILY_INET 2
#define RIP_FAMILY_AUTH 0xffff

#define RIP_AUTH_TYPE_NONE 0
#define RIP_AUTH_TYPE_TRAILER 1
#define RIP_AUTH_TYPE_PASSWORD 2
#define RIP_AUTH_TYPE_CRYPTO 3

enum rip_command { RIP_REQUEST = 1, RIP_RESPONSE = 2 };

/* Why a packet or an entry was refused; their names are in rip_drop_name. NONE: it was not. */
enum rip_drop {
	RIP_DROP_NONE,
	/* packets */
	RIP_DROP_NO_INTERFACE,
	RIP_DROP_BAD_SOURCE,
	RIP_DROP_BAD_PORT,
	RIP_DROP_TRUNCATED,
	RIP_DROP_BAD_VERSION,
	RIP_DROP_BAD_COMMAND,
	RIP_DROP_NEIGHBOR_LIMIT,
	RIP_DROP_REQUEST_RATE,
	/* authentication */
	RIP_DROP_AUTH_MISSING,
	RIP_DROP_AUTH_UNEXPECTED,
	RIP_DROP_AUTH_TYPE,
	RIP_DROP_AUTH_KEY_ID,
	RIP_DROP_AUTH_LENGTH,
	RIP_DROP_AUTH_SEQUENCE,
	RIP_DROP_BAD_AUTH,
	/* entries */
	RIP_DROP_BAD_FAMILY,
	RIP_DROP_BAD_PREFIX,
	RIP_DROP_BAD_METRIC,
	RIP_DROP_BAD_NEXTHOP,
	RIP_DROP_ROUTE_LIMIT,
	RIP_DROP_PATH_LIMIT,
	RIP_DROP_COUNT
};

/* "rip_bad_auth", ... as counters show it. */
const char *rip_drop_name(enum rip_drop drop);

static inline bool rip_drop_is_auth(enum rip_drop drop) { return drop >= RIP_DROP_AUTH_MISSING && drop <= RIP_DROP_BAD_AUTH; }
static inline bool rip_drop_is_route(enum rip_drop drop) { return drop >= RIP_DROP_BAD_FAMILY; }

/* One route entry. */
struct rip_entry {
	uint16_t family;
	uint16_t tag;
	struct prefix prefix;
	struct ip nexthop; /* none when it was 0.0.0.0: the sender */
	uint32_t metric;
};

/* A packet being read; everything points into its bytes, which the caller keeps. */
struct rip_packet {
	const uint8_t *bytes;
	size_t size;
	uint8_t command;
	uint16_t auth_type;
	const uint8_t *password; /* type 2: RIP_PASSWORD_BYTES */
	/* type 3 */
	uint16_t signed_bytes; /* the packet up to its trailer */
	uint8_t key_id;
	uint8_t auth_length;
	uint32_t sequence;
	const uint8_t *digest;
	size_t digest_bytes;
	struct reader entries;
};

/* Reads the header, the authentication entry and the bounds of the trailer, and leaves the rest to rip_packet_next. */
enum rip_drop rip_packet_open(struct rip_packet *packet, const void *bytes, size_t size);

/* True while there are entries. `entry` is set as far as it could be read, `*drop` says what is wrong with it (NONE: nothing). */
bool rip_packet_next(struct rip_packet *packet, struct rip_entry *entry, enum rip_drop *drop);

/* Writes the header, an entry. */
void rip_write_header(struct writer *w, enum rip_command command);
void rip_write_entry(struct writer *w, const struct rip_entry *entry);

#endif
