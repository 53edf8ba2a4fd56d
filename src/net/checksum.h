/* The Internet checksum (RFC 1071), its pseudo headers and its incremental update (RFC 1624). */
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

#include "net/addr.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Adds `size` bytes to a partial sum (start with 0). All pieces but the last have an even size. Sums are of 16-bit words in network order,
 * so a sum may be carried over any number of pieces up to 64 KiB each.
 */
uint32_t checksum_add(uint32_t sum, const void *bytes, size_t size);

/* The checksum of a partial sum: folded and complemented, to be stored in network order. 0xffff for data that sums to nothing. */
uint16_t checksum_fold(uint32_t sum);

/* The partial sum of a pseudo header: IPv4's (RFC 793, 768) or IPv6's (RFC 8200 8.1) by the family of `source`; `bytes` is the length of
 * the upper layer's header and data. */
uint32_t checksum_pseudo(struct ip source, struct ip destination, uint8_t protocol, uint32_t bytes);

/* What a checksum becomes when a 16-bit word under it changes (RFC 1624 equation 3). */
static inline uint16_t checksum_update(uint16_t checksum, uint16_t old_word, uint16_t new_word)
{
	uint32_t sum = (uint16_t)~checksum + (uint32_t)(uint16_t)~old_word + new_word;

	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

#endif
