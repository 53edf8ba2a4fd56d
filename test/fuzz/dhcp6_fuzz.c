/* Any DHCPv6 message through the reader; what is read is answered, and the answer is no client's message. */
#include "base/check.h"
#include "net/dhcp6_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct ip dns = {IP_V6, {0x20, 1}};
	struct dhcp6_reply reply = {
		.type = DHCP6_REPLY, .address = dns, .preferred_s = 1, .valid_s = 2, .dns = &dns, .dns_count = 1, .domain = "demo"};
	struct dhcp6_request request;
	uint8_t out[DHCP6_BYTES_MAX];
	size_t used;

	if (!dhcp6_request_read(bytes, size, &request))
		return 0;
	CHECK(request.client_id_bytes <= DHCP6_DUID_BYTES && request.ia_count <= DHCP6_IAS_MAX);
	used = dhcp6_reply_write(&request, &reply, out);
	CHECK(used >= 18 && used <= DHCP6_BYTES_MAX);
	CHECK(!dhcp6_request_read(out, used, &request));
	return 0;
}
