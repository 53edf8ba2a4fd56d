/*
 * Authentication of RIP version 2: the plain password (RFC 2453 4.1), Keyed MD5 (RFC 2082) and HMAC-SHA (RFC 4822).
 *
 * What the documents leave open, and what we do:
 * - Auth Data Len of Keyed MD5: RFC 2082 says 16, most implementations count the trailer's head, too, and say 20. We send 20 and accept
 *   both. HMAC-SHA: we send the digest's length and accept both.
 * - A key longer than the digest, but not than the hash's block: RFC 4822 2.5 hashes it, RFC 2104 (HMAC itself) and BIRD don't. We follow
 *   RFC 2104. Keys up to the digest's length (20, 32, 48, 64 bytes) are the same in both readings.
 * - A Keyed MD5 key longer than 16 bytes is cut.
 */
#ifndef ROUTE_RIP_AUTH_H
#define ROUTE_RIP_AUTH_H

#include "api/message_types.h"
#include "route/rip/rip_packet.h"

/* Most bytes of a key. */
#define RIP_KEY_BYTES 64

/* How an interface authenticates. The bytes behind `size` are zero. */
struct rip_key {
	enum rip_auth kind;
	uint8_t id;
	uint8_t size;
	uint8_t bytes[RIP_KEY_BYTES];
};

/* Bytes that authentication takes of a packet: the first entry and the trailer. */
size_t rip_auth_overhead(const struct rip_key *key);

/* Checks a packet against the key; NONE when it is authentic. The sequence number is the caller's to check. */
enum rip_drop rip_auth_check(const struct rip_packet *packet, const struct rip_key *key);

/* Writes the first entry, behind the header. Nothing without authentication. */
void rip_auth_begin(struct writer *w, const struct rip_key *key, uint32_t sequence);

/* Fills in the length and appends the trailer, behind the last entry. `w` started at the header. */
void rip_auth_end(struct writer *w, const struct rip_key *key);

#endif
