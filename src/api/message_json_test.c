/* Tests of messages as JSON: nested arrays, addresses, bytes that are no text, and every row of the table filled at random. */
#include "api/message_json.h"
#include "api/message_types.h"
#include "base/arena.h"
#include "base/rand.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_json(enum message_type type, const void *body, const char *wanted)
{
	json_t *json = message_to_json(message_row((uint16_t)type), body);
	char *text = json_dumps(json, JSON_COMPACT);

	assert_string_equal(text, wanted);
	free(text);
	json_decref(json);
}

static void shapes_test(void **state)
{
	struct row_route route = {.router = 4, .protocol = ROUTE_RIP, .selected = true, .distance = 120, .metric = 2, .nexthop_count = 2};
	struct msg_network *network = xalloc(sizeof(*network));
	struct msg_fib *fib = xalloc(sizeof(*fib));
	struct msg_rip_interface rip = {.id = 1, .key = "secret"};

	assert_true(prefix_parse("10.2.0.0/24", &route.prefix));
	assert_true(ip_parse("10.255.0.1", &route.nexthops[0].ip));
	route.nexthops[0].rif = 9;
	assert_json(MSG_ROW_ROUTE, &route,
		"{\"router\":4,\"prefix\":\"10.2.0.0/24\",\"protocol\":\"rip\",\"action\":\"forward\",\"selected\":true,\"distance\":120,"
		"\"metric\":2,\"age_s\":0,\"nexthops\":[{\"ip\":\"10.255.0.1\",\"rif\":9},{\"ip\":null,\"rif\":0}]}");
	network->subnet_count = 2;
	network->subnets[0] = route.prefix;
	assert_true(prefix_parse("2001:db8::/64", &network->subnets[1]));
	assert_json(MSG_NETWORK_SET, network,
		"{\"id\":0,\"kind\":\"segment\",\"up\":false,\"dhcp\":false,\"mtu\":0,\"subnets\":[\"10.2.0.0/24\",\"2001:db8::/64\"],"
		"\"dhcp_server\":null,\"gateway\":null,\"lease_s\":0,\"impair\":[],\"storm_limit\":0,\"dns\":false,\"name_servers\":[],"
		"\"ntp_servers\":[],\"routes\":[],"
		"\"next_server\":null,\"bootfile\":\"\",\"domain\":\"\",\"path\":\"\"}");
	fib->count = 2;
	fib->entries[1].nexthop_count = 1;
	assert_json(MSG_FIB_BATCH, fib,
		"{\"router\":0,\"entries\":[{\"prefix\":null,\"add\":false,\"action\":\"forward\",\"protocol\":\"connected\",\"distance\":"
		"0,\"metric\":0,\"nexthops\":["
		"]},"
		"{\"prefix\":null,\"add\":false,\"action\":\"forward\",\"protocol\":\"connected\",\"distance\":0,\"metric\":0,\"nexthops\":"
		"[{\"ip\":null,\"rif\":0}]}]"
		"}");
	assert_json(MSG_RIP_INTERFACE_SET, &rip, "{\"id\":1,\"router\":0,\"passive\":false,\"cost\":0,\"auth\":\"none\",\"key_id\":0}");
	assert_json(MSG_SYNC_BEGIN, &(struct msg_sync){0}, "{}");
	free(network);
	free(fib);
}

static void bytes_test(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *wanted;
	} rows[] = {
		{"plain\n", 6, "plain\n"},
		{"gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f"},
		{"\xff\xfe", 2, "\xef\xbf\xbd\xef\xbf\xbd"},
		{"a\0b", 3,
			"a\xef\xbf\xbd"
			"b"},
		{"\xc3", 1, "\xef\xbf\xbd"},				     /* cut */
		{"\xc0\x80", 2, "\xef\xbf\xbd\xef\xbf\xbd"},		     /* overlong */
		{"\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
		{"\xf0\x9f\x90\x99", 4, "\xf0\x9f\x90\x99"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *json = bytes_to_json(rows[i].bytes, rows[i].size);

		assert_string_equal(json_string_value(json), rows[i].wanted);
		json_decref(json);
	}
}

/* Every message of fixed size that passes the check becomes JSON that prints and parses again. */
static void every_row_test(void **state)
{
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);
	union message_body *body = xalloc(sizeof(*body));
	unsigned checked = 0;

	print_message("seed %" PRIu64 "\n", seed);
	for (unsigned round = 0; round < 20000; round++) {
		const struct message_row *row = message_row((uint16_t)rand_below(&rand, MSG_TYPE_COUNT));
		json_t *json, *again;
		char *text;

		if (row == NULL || row->tail) /* a count that is too large is the sender's error */
			continue;
		memset(body, 0, row->size);
		for (uint64_t n = rand_below(&rand, 30); n > 0; n--)
			body->bytes[rand_below(&rand, row->size)] = (uint8_t)rand_below(&rand, n < 4 ? 256 : 3);
		if (message_check(row, body, row->size, NULL) < 0)
			continue;
		checked++;
		json = message_to_json(row, body);
		text = json_dumps(json, JSON_COMPACT);
		assert_non_null(text);
		again = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
		assert_true(json_equal(json, again));
		free(text);
		json_decref(json);
		json_decref(again);
	}
	assert_true(checked > 1000);
	free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(shapes_test), cmocka_unit_test(bytes_test), cmocka_unit_test(every_row_test)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
