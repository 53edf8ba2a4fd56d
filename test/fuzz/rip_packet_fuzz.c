/* Fuzzes the RIP codec and its authentication, and the UDP and IPv4 headers around it: any bytes, every kind of key. */
#include "base/check.h"
#include "route/rip/rip_auth.h"
#include "route/udp_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What was accepted as good must be written back to the same bytes. */
static void check_entry(const struct rip_entry *entry, const uint8_t *was)
{
	uint8_t out[RIP_ENTRY_BYTES];
	struct writer w = writer_over(out, sizeof(out));

	rip_write_entry(&w, entry);
	CHECK(writer_ok(&w) && writer_used(&w) == RIP_ENTRY_BYTES);
	CHECK(memcmp(out, was, RIP_ENTRY_BYTES) == 0);
}

static void fuzz_rip(const uint8_t *bytes, size_t size)
{
	struct rip_packet packet;
	struct rip_entry entry;
	enum rip_drop drop = rip_packet_open(&packet, bytes, size);

	CHECK(rip_drop_name(drop) != NULL);
	if (drop != RIP_DROP_NONE)
		return;
	for (enum rip_auth kind = RIP_AUTH_NONE; kind < RIP_AUTH_COUNT; kind++) {
		const struct rip_key key = {.kind = kind, .id = 1, .size = 6, .bytes = "sesame"};

		CHECK(rip_drop_name(rip_auth_check(&packet, &key)) != NULL);
	}
	while (rip_packet_next(&packet, &entry, &drop)) {
		CHECK(rip_drop_name(drop) != NULL && entry.prefix.length <= 33);
		if (drop == RIP_DROP_NONE)
			check_entry(&entry, packet.entries.at - RIP_ENTRY_BYTES);
	}
	CHECK(packet.entries.at <= bytes + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct udp_packet packet;

	fuzz_rip(bytes, size);
	if (udp_packet_parse(&packet, bytes, size) == NULL) {
		CHECK(packet.bytes >= bytes && packet.bytes + packet.size <= bytes + size);
		fuzz_rip(packet.bytes, packet.size);
	}
	return 0;
}
