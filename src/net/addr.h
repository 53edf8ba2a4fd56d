/* The addresses of the field: MAC, IPv4 and IPv6 in one type, and prefixes; text in and out. */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the longest text of each kind, with its NUL. */
#define MAC_TEXT_BYTES 18
#define IP_TEXT_BYTES 46
#define PREFIX_TEXT_BYTES 50

/* A MAC address in transmission order. */
struct mac {
	uint8_t bytes[6];
};

/* Address families as one byte; none means "no address". */
enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

/* An IPv4 address (first 4 bytes, network order, the rest zero) or an IPv6 address. Two equal addresses are equal byte by byte. */
struct ip {
	uint8_t family; /* enum ip_family */
	uint8_t bytes[16];
};

/* An address with a prefix length. As a network the host bits are zero (prefix_masked); as an interface address they are not. */
struct prefix {
	struct ip ip;
	uint8_t length; /* bits, 0-32 or 0-128 */
};

/* IPv4 to and from a number in host order. */
static inline struct ip ip_from_u32(uint32_t v)
{
	return (struct ip){IP_V4, {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v}};
}
static inline uint32_t ip_to_u32(struct ip ip)
{
	return (uint32_t)ip.bytes[0] << 24 | (uint32_t)ip.bytes[1] << 16 | (uint32_t)ip.bytes[2] << 8 | ip.bytes[3];
}

/* 4 or 16 bytes from a packet become an address. */
struct ip ip_from_bytes(enum ip_family family, const uint8_t *bytes);

/* 32, 128, or 0 for no address. */
unsigned ip_bits(enum ip_family family);

bool ip_equal(struct ip a, struct ip b);

/* memcmp order; IPv4 before IPv6. */
int ip_compare(struct ip a, struct ip b);
bool ip_is_multicast(struct ip ip);
bool ip_is_link_local(struct ip ip);
bool ip_is_loopback(struct ip ip);
bool ip_is_unspecified(struct ip ip);

bool mac_equal(struct mac a, struct mac b);
static inline bool mac_is_multicast(struct mac mac) { return mac.bytes[0] & 1; }
bool mac_is_zero(struct mac mac);

/* The MAC of a multicast group (RFC 1112 6.4, RFC 2464 7). */
struct mac mac_of_multicast(struct ip group);

/* fe80::/64 with the modified EUI-64 of a MAC (RFC 4291 appendix A). */
struct ip ip_link_local_of_mac(struct mac mac);

/* Zeroes the host bits. */
struct prefix prefix_masked(struct prefix prefix);
bool prefix_equal(struct prefix a, struct prefix b);
int prefix_compare(struct prefix a, struct prefix b);
bool prefix_contains(struct prefix net, struct ip ip);
bool prefix_overlaps(struct prefix a, struct prefix b);

/* IPv4 only: all ones in the host part; the network itself for /31 and /32. */
struct ip prefix_broadcast(struct prefix net);

/* The address `offset` above the network address; IP_NONE when it is outside of the prefix. */
struct ip prefix_nth(struct prefix net, uint64_t offset);

/*
 * Text to value. The whole text must be the value; returns false and leaves `out` untouched otherwise. MACs are aa:bb:cc:dd:ee:ff with two
 * digits each; IPv4 is dotted decimal without leading zeros. A prefix without "/n" is refused.
 */
bool mac_parse(const char *text, struct mac *out);
bool ip_parse(const char *text, struct ip *out);
bool prefix_parse(const char *text, struct prefix *out);

/* Value to text; `out` has the room named above; returns `out`. IPv6 by RFC 5952. No address gives "-". */
const char *mac_text(struct mac mac, char out[MAC_TEXT_BYTES]);
const char *ip_text(struct ip ip, char out[IP_TEXT_BYTES]);
const char *prefix_text(struct prefix prefix, char out[PREFIX_TEXT_BYTES]);

#endif
