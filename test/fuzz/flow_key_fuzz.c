/* Any frame through the flow key: nothing read past its end, offsets inside of it, masks that mask. */
#include "base/check.h"
#include "net/ethernet.h"
#include "switch/flow_key.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct packet packet = {.in_port = 1};
	struct flow_key key, masked, again;
	struct flow_view view;

	if (size < ETHERNET_HEADER_BYTES || size > PACKET_FRAME_BYTES_MAX)
		return 0;
	/* A buffer of just this size, so that the sanitizer sees every byte too far. */
	packet.data = malloc(size);
	CHECK(packet.data != NULL);
	memcpy(packet.data, bytes, size);
	packet.size = (uint32_t)size;
	flow_key_read(&packet, &key, &view);
	CHECK(view.l3_offset <= size && view.l4_offset <= size);
	CHECK(key.l3 != 0 || key.eth_type != ETHERNET_IPV4 || view.l3_offset + view.ip_bytes <= size);
	CHECK(view.l3_bytes <= view.ip_bytes);
	for (uint32_t fields = 0; fields < 1u << FLOW_FIELD_COUNT; fields += 37) {
		flow_key_mask(&key, fields, &masked);
		flow_key_mask(&masked, fields, &again);
		CHECK(flow_key_equal(&masked, &again));
	}
	flow_key_mask(&key, (1u << FLOW_FIELD_COUNT) - 1, &masked);
	CHECK(flow_key_equal(&masked, &key));
	(void)flow_key_path_hash(&key);
	free(packet.data);
	return 0;
}
