/* BGP messages on the wire (RFC 4271 4): header, OPEN with its capabilities, NOTIFICATION, ROUTE-REFRESH, prefixes. */
#ifndef ROUTE_BGP_WIRE_H
#define ROUTE_BGP_WIRE_H

#include "base/reader.h"
#include "base/writer.h"
#include "net/addr.h"

#define BGP_PORT 179
#define BGP_HEADER_BYTES 19
#define BGP_MESSAGE_BYTES_MAX 4096
#define BGP_EXTENDED_BYTES_MAX 65535 /* RFC 8654 */
#define BGP_AS_TRANS 23456

enum bgp_message_type { BGP_OPEN = 1, BGP_UPDATE, BGP_NOTIFICATION, BGP_KEEPALIVE, BGP_ROUTE_REFRESH };

/* NOTIFICATION codes and the subcodes that we send (RFC 4271 6, RFC 4486, RFC 6608, RFC 7313, RFC 9234). */
enum bgp_error {
	BGP_ERROR_HEADER = 1,
	BGP_ERROR_OPEN,
	BGP_ERROR_UPDATE,
	BGP_ERROR_HOLD_TIMER,
	BGP_ERROR_FSM,
	BGP_ERROR_CEASE,
	BGP_ERROR_REFRESH
};
enum { BGP_HEADER_MARKER = 1, BGP_HEADER_LENGTH, BGP_HEADER_TYPE };
enum {
	BGP_OPEN_VERSION = 1,
	BGP_OPEN_PEER_AS,
	BGP_OPEN_BGP_ID,
	BGP_OPEN_PARAMETER,
	BGP_OPEN_HOLD_TIME = 6,
	BGP_OPEN_CAPABILITY,
	BGP_OPEN_ROLE = 11
};
enum { BGP_UPDATE_ATTRIBUTES = 1, BGP_UPDATE_NETWORK = 10 };
enum {
	BGP_CEASE_MAX_PREFIXES = 1,
	BGP_CEASE_SHUTDOWN,
	BGP_CEASE_DECONFIGURED,
	BGP_CEASE_RESET,
	BGP_CEASE_REJECTED,
	BGP_CEASE_CHANGED,
	BGP_CEASE_COLLISION,
	BGP_CEASE_RESOURCES
};

/* Address families that we speak: index, AFI and SAFI of each. */
enum bgp_family { BGP_IPV4, BGP_IPV6, BGP_FAMILY_COUNT };

uint16_t bgp_afi(enum bgp_family family);
enum ip_family bgp_ip_family(enum bgp_family family);

/* The family of an AFI and SAFI (unicast); BGP_FAMILY_COUNT when we don't speak it. */
enum bgp_family bgp_family_of(uint16_t afi, uint8_t safi);

/* What a speaker says of itself in its OPEN. */
struct bgp_open {
	uint32_t as;
	uint16_t hold_s;
	uint32_t router_id;
	bool families[BGP_FAMILY_COUNT];
	bool families_given; /* false: no multiprotocol capability, so IPv4 alone (RFC 4760 8) */
	bool as4;
	bool refresh;	       /* RFC 2918 */
	bool enhanced_refresh; /* RFC 7313 */
	bool extended_message; /* RFC 8654 */
	bool graceful;	       /* RFC 4724 */
	bool restarted;
	uint16_t restart_s;
	bool graceful_families[BGP_FAMILY_COUNT];
	bool forwarding_kept[BGP_FAMILY_COUNT];
	bool role_given; /* RFC 9234 */
	uint8_t role;
};

/* Writes a header whose length is patched by bgp_message_end; `start` is where it began. */
size_t bgp_message_begin(struct writer *w, enum bgp_message_type type);
void bgp_message_end(struct writer *w, size_t start);

void bgp_open_write(struct writer *w, const struct bgp_open *open);
void bgp_keepalive_write(struct writer *w);
void bgp_notification_write(struct writer *w, uint8_t code, uint8_t subcode, const void *data, size_t bytes);
void bgp_refresh_write(struct writer *w, enum bgp_family family, uint8_t subtype);

/* Reads an OPEN's body. 0, or the subcode of the OPEN error. */
uint8_t bgp_open_read(struct bgp_open *open, struct reader body);

/* Takes the next prefix of an NLRI field; false at its end or (with the reader failed) when it is malformed. Host bits are cleared. */
bool bgp_prefix_read(struct reader *nlri, enum ip_family family, struct prefix *prefix);
void bgp_prefix_write(struct writer *w, const struct prefix *prefix);

/* Bytes that a prefix takes. */
static inline size_t bgp_prefix_bytes(const struct prefix *prefix) { return 1 + (size_t)(prefix->length + 7) / 8; }

/* What a NOTIFICATION says, for people: "Cease: Administrative Shutdown". */
const char *bgp_error_text(uint8_t code, uint8_t subcode);

#endif
