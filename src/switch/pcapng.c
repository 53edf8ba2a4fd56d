/* pcapng: blocks written. */
#include "switch/pcapng.h"

enum { BLOCK_INTERFACE = 1, BLOCK_STATISTICS = 5, BLOCK_PACKET = 6 };

#define BLOCK_SECTION 0x0a0d0d0a
#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define LINKTYPE_ETHERNET 1

enum { OPTION_END = 0, SHB_USERAPPL = 4, IF_NAME = 2, IF_TSRESOL = 9, EPB_FLAGS = 2, ISB_IFRECV = 4, ISB_IFDROP = 5 };

static size_t padding(size_t bytes) { return (4 - bytes % 4) % 4; }

static void option(struct writer *w, uint16_t code, const void *value, size_t bytes)
{
	writer_u16(w, code);
	writer_u16(w, (uint16_t)bytes);
	writer_bytes(w, value, bytes);
	writer_zero(w, padding(bytes));
}

/* Begins a block; its length follows when it is known. */
static size_t block_begin(struct writer *w, uint32_t type)
{
	size_t at = writer_used(w);

	writer_u32(w, type);
	writer_u32(w, 0);
	return at;
}

static void block_end(struct writer *w, size_t at)
{
	uint32_t bytes = (uint32_t)(writer_used(w) - at + 4);

	writer_patch_u16(w, at + 4, (uint16_t)(bytes >> 16));
	writer_patch_u16(w, at + 6, (uint16_t)bytes);
	writer_u32(w, bytes);
}

void pcapng_head(struct writer *w, const char *name, uint32_t snaplen)
{
	static const char program[] = "weft " WEFT_VERSION;
	static const uint8_t nanoseconds = 9;
	size_t at = block_begin(w, BLOCK_SECTION);

	writer_u32(w, BYTE_ORDER_MAGIC);
	writer_u16(w, 1);
	writer_u16(w, 0);
	writer_u64(w, UINT64_MAX); /* how long the section is isn't known */
	option(w, SHB_USERAPPL, program, sizeof(program) - 1);
	option(w, OPTION_END, NULL, 0);
	block_end(w, at);
	at = block_begin(w, BLOCK_INTERFACE);
	writer_u16(w, LINKTYPE_ETHERNET);
	writer_u16(w, 0);
	writer_u32(w, snaplen);
	option(w, IF_NAME, name, strlen(name));
	option(w, IF_TSRESOL, &nanoseconds, 1);
	option(w, OPTION_END, NULL, 0);
	block_end(w, at);
}

void pcapng_packet(struct writer *w, const struct pcapng_packet *packet)
{
	size_t at = block_begin(w, BLOCK_PACKET);

	writer_u32(w, 0); /* the interface */
	writer_u64(w, packet->time_ns);
	writer_u32(w, packet->captured);
	writer_u32(w, packet->length);
	writer_bytes(w, packet->bytes, packet->captured);
	writer_zero(w, padding(packet->captured));
	writer_u16(w, EPB_FLAGS);
	writer_u16(w, 4);
	writer_u32(w, packet->direction);
	block_end(w, at);
}

static void option_u64(struct writer *w, uint16_t code, uint64_t value)
{
	writer_u16(w, code);
	writer_u16(w, 8);
	writer_u64(w, value);
}

void pcapng_statistics(struct writer *w, uint64_t time_ns, uint64_t seen, uint64_t dropped)
{
	size_t at = block_begin(w, BLOCK_STATISTICS);

	writer_u32(w, 0);
	writer_u64(w, time_ns);
	option_u64(w, ISB_IFRECV, seen);
	option_u64(w, ISB_IFDROP, dropped);
	option(w, OPTION_END, NULL, 0);
	block_end(w, at);
}
