/* Fuzzes the readers of OSPF packets and LSAs: any bytes are either refused or read to their end, and what is good is written alike. */
#include "base/check.h"
#include "route/ospf/ospf_lsa.h"
#include "route/ospf/ospf_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void read_lsas(struct reader r)
{
	struct ospf_lsa lsa;
	enum ospf_lsa_fault fault;

	while (reader_left(&r) > 0) {
		const uint8_t *start = r.at;

		fault = ospf_lsa_read(&r, &lsa);
		if (fault == OSPF_LSA_SHORT)
			return;
		CHECK(r.at == start + lsa.header.bytes);
		CHECK(ospf_lsa_compare(&lsa.header, &lsa.header) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct ospf_auth kinds[] = {
		{.kind = OSPF_AUTH_NONE},
		{.kind = OSPF_AUTH_SIMPLE, .key_bytes = 3, .key = "key"},
		{.kind = OSPF_AUTH_CRYPTO, .digest = DIGEST_MD5, .key_id = 1, .key_bytes = 3, .key = "key"},
		{.kind = OSPF_AUTH_CRYPTO, .digest = DIGEST_SHA256, .key_id = 1, .key_bytes = 3, .key = "key"},
	};

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct ospf_header header;
		struct ospf_database database;
		struct ospf_hello hello;
		struct reader body;

		if (ospf_packet_read(reader_over(bytes, size), &kinds[i], &header, &body) != OSPF_WIRE_GOOD)
			continue;
		if (header.type == OSPF_HELLO && ospf_hello_read(body, &hello))
			CHECK(reader_left(&hello.neighbors) % 4 == 0);
		if (header.type == OSPF_DATABASE && ospf_database_read(body, &database))
			CHECK(reader_left(&database.headers) % OSPF_LSA_HEADER_BYTES == 0);
		if (header.type == OSPF_UPDATE) {
			reader_skip(&body, 4);
			read_lsas(body);
		}
	}
	read_lsas(reader_over(bytes, size));
	return 0;
}
