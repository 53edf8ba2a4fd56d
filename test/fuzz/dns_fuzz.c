/* Any DNS message through the reader; what is read is answered, and the answer is no question. */
#include "base/check.h"
#include "net/dns_packet.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct dns_answer answers[3] = {{.ip = ip_from_u32(0x0a000001)}, {.ip = {IP_V6, {0x20, 1}}}, {.name = "vm1.demo"}};
	struct dns_question question;
	uint8_t out[DNS_BYTES_MAX];
	struct prefix zone;
	struct ip ip;
	size_t used;

	if (!dns_question_read(bytes, size, &question))
		return 0;
	CHECK(strlen(question.name) < DNS_NAME_BYTES);
	if (dns_reverse_parse(question.name, &ip))
		CHECK(ip.family == IP_V4 || ip.family == IP_V6);
	if (dns_reverse_zone(question.name, &zone))
		CHECK(zone.length > 0 && zone.length <= (zone.ip.family == IP_V4 ? 32 : 128));
	used = dns_answer_write(bytes, &question, DNS_OK, answers, 3, out);
	CHECK(used >= 12 && used <= DNS_BYTES_MAX);
	CHECK(!dns_question_read(out, used, &question));
	return 0;
}
