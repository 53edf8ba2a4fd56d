/* Tests of weft top: rows from answers of the daemon, sums of routers, links, order, rates as people read them. */
#include "ui/top.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char interfaces_json[] =
	"[{\"lab\":\"d\",\"name\":\"r1:lan\",\"is_router\":true,\"up\":true,\"network\":\"left\",\"rx_bps\":5000,\"tx_bps\":7000,"
	"\"bandwidth_bps\":10000000000,\"throughput_bps\":7000,\"rx_dropped\":1,\"tx_dropped\":2},"
	"{\"lab\":\"d\",\"name\":\"r1:eth0\",\"is_router\":true,\"up\":true,\"rx_bps\":0,\"tx_bps\":5000000,\"bandwidth_bps\":10000000,"
	"\"throughput_bps\":5000000},"
	"{\"lab\":\"d\",\"name\":\"r2:eth0\",\"is_router\":true,\"up\":false,\"rx_bps\":4000000,\"tx_bps\":0,\"bandwidth_bps\":10000000,"
	"\"throughput_bps\":4000000},"
	"{\"lab\":\"d\",\"name\":\"vm10:eth0\",\"is_router\":false,\"up\":true,\"rx_bps\":7,\"tx_bps\":5000,\"bandwidth_bps\":10000000000,"
	"\"throughput_bps\":5000},"
	"{\"lab\":\"d\",\"name\":\"tap9\",\"is_router\":false,\"up\":true}]";
static const char vms_json[] =
	"[{\"lab\":\"d\",\"name\":\"vm10\",\"state\":\"running\",\"nics\":[{\"ipv4\":\"10.1.0.10\"},{\"ipv4\":\"\"}]},"
	"{\"lab\":\"d\",\"name\":\"vm2\",\"state\":\"waiting\",\"nics\":[]}]";
static const char labs_json[] = "[{\"name\":\"d\",\"flat\":{\"links\":[{\"name\":\"r1:r2\",\"from\":\"r1:eth0\",\"to\":\"r2:eth0\"},"
				"{\"name\":\"gone\",\"from\":\"x\",\"to\":\"y\"}]}}]";

static struct value *parse(const char *json)
{
	struct value *value = value_parse(json, strlen(json), NULL);

	assert_non_null(value);
	return value;
}

static struct top top_of(struct arena *arena)
{
	struct value *interfaces = parse(interfaces_json), *vms = parse(vms_json), *labs = parse(labs_json);
	struct top top;

	top_make(&top, interfaces, vms, labs, arena);
	value_free(interfaces);
	value_free(vms);
	value_free(labs);
	return top;
}

static void tables(void **state)
{
	struct arena *arena = arena_new(NULL);
	struct top top = top_of(arena);
	const struct top_row *row;

	top_sort(&top, TOP_BY_NAME, false);
	assert_int_equal(top.counts[TOP_PORTS], 5);
	assert_int_equal(top.counts[TOP_ROUTERS], 2);
	row = &top.rows[TOP_ROUTERS][0];
	assert_string_equal(row->name, "r1");
	assert_string_equal(row->state, "up");
	assert_true(row->bandwidth == 10010000000.0 && row->throughput == 5007000 && row->dropped == 3);
	assert_true(top_load(row) * row->bandwidth == row->throughput);
	assert_string_equal(top.rows[TOP_ROUTERS][1].state, "down");
	/* What the switch sends to a port the machine receives. */
	row = &top.rows[TOP_MACHINES][1];
	assert_string_equal(row->name, "vm10");
	assert_string_equal(row->where, "10.1.0.10");
	assert_true(row->rx == 5000 && row->tx == 7);
	row = &top.rows[TOP_LINKS][1];
	assert_string_equal(row->name, "r1:r2");
	assert_string_equal(row->state, "down");
	assert_true(row->tx == 5000000 && row->bandwidth == 10000000 && row->throughput == 5000000);
	assert_string_equal(top.rows[TOP_LINKS][0].state, "-");
	arena_free(arena);
}

static void order(void **state)
{
	struct arena *arena = arena_new(NULL);
	struct top top = top_of(arena);

	top_sort(&top, TOP_BY_THROUGHPUT, false);
	assert_string_equal(top.rows[TOP_PORTS][0].name, "r1:eth0");
	top_sort(&top, TOP_BY_THROUGHPUT, true);
	assert_string_equal(top.rows[TOP_PORTS][4].name, "r1:eth0");
	/* Numbers in names count as such: vm2 before vm10. */
	top_sort(&top, TOP_BY_NAME, false);
	assert_string_equal(top.rows[TOP_MACHINES][0].name, "vm2");
	arena_free(arena);
}

static void rates(void **state)
{
	static const struct {
		double bps;
		const char *text;
	} rows[] = {{0, "0"}, {999, "999"}, {1000, "1.00k"}, {12345, "12.3k"}, {999999, "1.00M"}, {1e10, "10.0G"}, {2.5e14, "250T"}};
	char text[16];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(top_rate_text(rows[i].bps, text), rows[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(tables), cmocka_unit_test(order), cmocka_unit_test(rates)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
