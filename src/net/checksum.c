/* The Internet checksum: 32 bits at a time into 64, folded at the end. */
#include "net/checksum.h"

#include "net/wire.h"

#include <string.h>

static uint32_t fold_u64(uint64_t sum)
{
	sum = (sum >> 32) + (sum & 0xffffffffu);
	sum = (sum >> 32) + (sum & 0xffffffffu);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint32_t)((sum >> 16) + (sum & 0xffff));
}

uint32_t checksum_add(uint32_t sum, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	uint64_t total = 0;

	for (; size >= 4; p += 4, size -= 4) {
		uint32_t word;

		memcpy(&word, p, 4);
		total += word;
	}
	if (size > 0) {
		uint32_t word = 0;

		memcpy(&word, p, size);
		total += word;
	}
	/* The sum of words in host order is the sum in network order with its bytes swapped (RFC 1071 2.B). */
	total = fold_u64(total);
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		total = __builtin_bswap16((uint16_t)total);
	return fold_u64(total + sum);
}

uint16_t checksum_fold(uint32_t sum) { return (uint16_t)~fold_u64(sum); }

uint32_t checksum_pseudo(struct ip source, struct ip destination, uint8_t protocol, uint32_t bytes)
{
	size_t width = ip_bits(source.family) / 8;
	uint8_t tail[8] = {[7] = protocol};
	uint32_t sum;

	wire_put_u32(tail, bytes);
	sum = checksum_add(0, source.bytes, width);
	sum = checksum_add(sum, destination.bytes, width);
	return checksum_add(sum, tail, sizeof(tail));
}
