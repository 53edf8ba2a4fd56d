/* Any DHCP message through the reader; what is read is answered, and the answer is well formed. */
#include "base/check.h"
#include "net/dhcp_packet.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct dhcp_request request;
	struct dhcp_reply reply = {.type = DHCP_ACK, .lease_s = 3600, .mtu = 1500, .domain = "lab", .hostname = "vm1"};
	uint8_t out[DHCP_BYTES_MAX];
	size_t used;

	if (!dhcp_request_read(bytes, size, &request))
		return 0;
	CHECK(strlen(request.hostname) < DHCP_HOSTNAME_BYTES && request.client_id_bytes <= DHCP_CLIENT_ID_BYTES);
	reply.server_id = reply.router = reply.yiaddr = ip_from_u32(0x0a000001);
	reply.subnet = (struct prefix){reply.router, 24};
	used = dhcp_reply_write(&request, &reply, out);
	CHECK(used >= DHCP_BYTES_MIN && used <= DHCP_BYTES_MAX);
	/* A server's message isn't a client's. */
	CHECK(!dhcp_request_read(out, used, &request));
	return 0;
}
