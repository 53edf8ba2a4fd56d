/* Tests of the assignment: the rules by example, stickiness over restarts, and random labs in which no number may be given twice. */
#include "base/check.h"
#include "base/map.h"
#include "base/rand.h"
#include "ctl/assign.h"
#include "ctl/test_lab.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000000)
#define NOW (INT64_C(1700000000) * SECOND)

/* Assigns, keeps the result in `holdings` (and `store`), and expects no error. */
static void assign_at(struct lab *lab, struct holdings *holdings, struct store *store, int64_t now)
{
	struct diags diags = {.arena = lab->arena};
	struct assignment out;
	struct store_batch *batch = store_batch_new();

	if (assign_lab(lab, holdings, now, &out, &diags) < 0)
		fail_msg("%s: %s", diags.list[0].path, diags.list[0].text);
	holdings_replace(holdings, lab->name, out.holdings, out.holding_count, now, batch);
	for (size_t i = 0; i < out.cursor_count; i++)
		holdings_set_cursor(holdings, out.cursors[i].pool, out.cursors[i].value, batch);
	if (store != NULL)
		assert_int_equal(store_write(store, batch, NULL), 0);
	store_batch_free(batch);
}

static void assert_address(struct prefix address, const char *wanted)
{
	char text[PREFIX_TEXT_BYTES];

	assert_string_equal(prefix_text(address, text), wanted);
}

static void assert_ip(struct ip ip, const char *wanted)
{
	char text[IP_TEXT_BYTES];

	assert_string_equal(ip_text(ip, text), wanted);
}

static void demo_test(void **state)
{
	struct lab *lab = test_lab_demo();
	struct holdings *holdings = holdings_new();

	assign_at(lab, holdings, NULL, NOW);
	assert_address(lab->routers[0].interfaces[0].ipv4, "10.1.0.1/24");
	assert_address(lab->routers[1].interfaces[0].ipv4, "10.2.0.1/24");
	assert_address(lab->links[0].ipv4, "10.255.0.0/31");
	assert_address(lab->routers[0].interfaces[1].ipv4, "10.255.0.0/31");
	assert_address(lab->routers[1].interfaces[1].ipv4, "10.255.0.1/31");
	assert_address(lab->vms[0].nics[0].ipv4, "10.1.0.11/24");
	assert_address(lab->vms[1].nics[0].ipv4, "10.1.0.12/24");
	assert_address(lab->vms[2].nics[0].ipv4, "10.2.0.11/24");
	assert_ip(lab->networks[0].gateway, "10.1.0.1");
	assert_ip(assign_dhcp_server(lab, 0), "10.1.0.1");
	assert_ip(lab->routers[0].router_id, "10.1.0.1");
	assert_ip(lab->routers[1].router_id, "10.2.0.1");
	for (int i = 0; i < 4; i++)
		assert_memory_equal(lab->vms[i].nics[0].mac.bytes, "\x52\x54\x00", 3);
	arena_free(lab->arena);
	holdings_free(holdings);
}

/* A network without a router, small networks, a stranger as the gateway. */
static void corners_test(void **state)
{
	struct lab *lab = test_lab_new("corners");
	struct holdings *holdings = holdings_new();
	int alone = test_network(lab, "alone", "10.1.0.0/29", true);
	int pair = test_network(lab, "pair", "10.2.0.0/31", false);
	int foreign = test_network(lab, "foreign", "10.3.0.0/24", true);
	int bare = test_network(lab, "bare", NULL, false);
	int asked = test_network(lab, "asked", "10.4.0.0/24", true);
	int vm = test_vm(lab, "vm");
	int router = test_router(lab, "gw");

	assert_true(ip_parse("10.3.0.11", &lab->networks[foreign].gateway));
	assert_true(ip_parse("10.4.0.254", &lab->networks[asked].gateway));
	(void)test_nic(lab, vm, alone, NULL);
	(void)test_nic(lab, vm, pair, NULL);
	(void)test_nic(lab, vm, pair, NULL);
	(void)test_nic(lab, vm, foreign, NULL);
	(void)test_nic(lab, vm, bare, NULL);
	(void)test_interface(lab, router, "asked", asked, NULL);
	assign_at(lab, holdings, NULL, NOW);
	assert_ip(assign_dhcp_server(lab, (size_t)alone), "10.1.0.1");
	assert_address(lab->vms[0].nics[0].ipv4, "10.1.0.2/29");
	assert_address(lab->vms[0].nics[1].ipv4, "10.2.0.0/31");
	assert_address(lab->vms[0].nics[2].ipv4, "10.2.0.1/31");
	assert_address(lab->vms[0].nics[3].ipv4, "10.3.0.12/24");
	assert_ip(assign_dhcp_server(lab, (size_t)foreign), "10.3.0.1");
	assert_int_equal(lab->vms[0].nics[4].ipv4.ip.family, IP_NONE);
	assert_address(lab->routers[0].interfaces[0].ipv4, "10.4.0.254/24");
	assert_ip(assign_dhcp_server(lab, (size_t)asked), "10.4.0.254");
	arena_free(lab->arena);
	holdings_free(holdings);
}

static void written_test(void **state)
{
	struct lab *lab = test_lab_demo();
	struct holdings *holdings = holdings_new();
	struct diags diags = {.arena = lab->arena};
	struct assignment out;

	/* What was given by itself yields to what is written later. */
	assign_at(lab, holdings, NULL, NOW);
	arena_free(lab->arena);
	lab = test_lab_demo();
	assert_true(prefix_parse("10.1.0.11/24", &lab->vms[1].nics[0].ipv4));
	assign_at(lab, holdings, NULL, NOW);
	assert_address(lab->vms[1].nics[0].ipv4, "10.1.0.11/24");
	assert_address(lab->vms[0].nics[0].ipv4, "10.1.0.13/24"); /* .12 rests */
	arena_free(lab->arena);

	/* The same address twice is an error that names both. */
	lab = test_lab_demo();
	diags.arena = lab->arena;
	assert_true(prefix_parse("10.1.0.11/24", &lab->vms[0].nics[0].ipv4));
	assert_true(prefix_parse("10.1.0.11/24", &lab->vms[1].nics[0].ipv4));
	assert_int_equal(assign_lab(lab, holdings, NOW, &out, &diags), -EINVAL);
	assert_string_equal(diags.list[0].path, "vms.h2.nics[0]");
	assert_string_equal(diags.list[0].text, "10.1.0.11 is taken by demo/h1:eth0");
	arena_free(lab->arena);
	holdings_free(holdings);
}

static void full_test(void **state)
{
	struct lab *lab = test_lab_new("full");
	struct holdings *holdings = holdings_new();
	struct diags diags = {.arena = lab->arena};
	struct assignment out;
	int network = test_network(lab, "tiny", "10.0.0.0/29", false);

	(void)test_interface(lab, test_router(lab, "r1"), "tiny", network, NULL);
	for (int i = 0; i < 7; i++)
		(void)test_nic(lab, test_vm(lab, arena_printf(lab->arena, "vm%d", i)), network, NULL);
	assert_int_equal(assign_lab(lab, holdings, NOW, &out, &diags), -EINVAL);
	assert_int_equal(diags.errors, 2); /* six addresses for eight */
	assert_string_equal(diags.list[0].path, "vms.vm5.nics[0]");
	assert_non_null(strstr(diags.list[0].text, "\"tiny\""));
	assert_non_null(strstr(diags.list[0].text, "held by full/r1:tiny, full/vm0:eth0"));
	arena_free(lab->arena);
	holdings_free(holdings);
}

/* A lab with one network and machine `name` in it, assigned at `now`; gives the machine's address. */
static void assert_next(struct holdings *holdings, struct store *store, const char *name, int64_t now, const char *wanted)
{
	struct lab *lab = test_lab_new("next");
	int network = test_network(lab, "lan", "10.1.0.0/24", false);

	(void)test_nic(lab, test_vm(lab, name), network, NULL);
	lab->networks[network].quarantine_s = 0;
	assign_at(lab, holdings, store, now);
	assert_address(lab->vms[0].nics[0].ipv4, wanted);
	arena_free(lab->arena);
}

/* Next-fit: what was given back is not given again before all others were, also after a restart. */
static void cursor_test(void **state)
{
	struct holdings *holdings = holdings_new();
	struct store *store;
	int64_t now = NOW;

	assert_int_equal(store_open("memory", "", &store, NULL), 0);
	for (int n = 0; n < 300; n++) {
		char name[16], wanted[24];

		(void)snprintf(name, sizeof(name), "vm%d", n);
		(void)snprintf(wanted, sizeof(wanted), "10.1.0.%d/24", 11 + n % 244);
		assert_next(holdings, store, name, now += SECOND, wanted);
		holdings_free(holdings);
		holdings = holdings_new();
		assert_int_equal(holdings_load(holdings, store, NULL), 0);
	}
	holdings_free(holdings);
	store_close(store);
}

/* A lab with a pool of four subnets and `count` networks that want one of it. */
static struct lab *pool_lab(int round, int count, bool shorten, uint32_t quota)
{
	struct lab *lab = test_lab_new("limits");

	test_pool(lab, "lans", "10.0.0.0/22", 24);
	lab->pools[0].shorten_quarantine = shorten;
	lab->pools[0].quota = quota;
	for (int n = 0; n < count; n++)
		lab->networks[test_network(lab, arena_printf(lab->arena, "r%dn%d", round, n), NULL, false)].pool = 0;
	return lab;
}

/* What networks get out of the pool when `first` of them had theirs before and left: NULL, or what is said. */
static void limit_check(int first, int then, bool shorten, uint32_t quota, const char *said)
{
	struct holdings *holdings = holdings_new();
	struct lab *before = pool_lab(0, first, shorten, quota), *after = pool_lab(1, then, shorten, quota);
	struct diags diags = {.arena = after->arena};
	struct assignment out;

	assign_at(before, holdings, NULL, NOW);
	if (said == NULL) {
		assign_at(after, holdings, NULL, NOW + SECOND);
	} else {
		assert_int_equal(assign_lab(after, holdings, NOW + SECOND, &out, &diags), -EINVAL);
		assert_non_null(strstr(diags.list[0].text, said));
	}
	arena_free(before->arena);
	arena_free(after->arena);
	holdings_free(holdings);
}

/* All four subnets rest: with and without leave to shorten that; and beyond a quota. */
static void limits_test(void **state)
{
	limit_check(4, 4, true, 0, NULL);
	limit_check(4, 4, false, 0, "is used up");
	limit_check(3, 4, true, 3, "the lab's quota of 3 is used up");
}

/* Written as text, to compare two assignments of the same lab. */
static char *lab_numbers(const struct lab *lab)
{
	struct text out = {0};
	char a[PREFIX_TEXT_BYTES], b[MAC_TEXT_BYTES];

	for (size_t i = 0; i < lab->network_count; i++)
		text_add(&out, "%s %s\n", lab->networks[i].name, prefix_text(lab->networks[i].ipv4, a));
	for (size_t i = 0; i < lab->link_count; i++)
		text_add(&out, "%s %s\n", lab->links[i].name, prefix_text(lab->links[i].ipv4, a));
	for (size_t r = 0; r < lab->router_count; r++)
		for (size_t i = 0; i < lab->routers[r].interface_count; i++)
			text_add(&out, "%s:%s %s %s\n", lab->routers[r].name, lab->routers[r].interfaces[i].name,
				prefix_text(lab->routers[r].interfaces[i].ipv4, a), mac_text(lab->routers[r].interfaces[i].mac, b));
	for (size_t v = 0; v < lab->vm_count; v++)
		for (size_t i = 0; i < lab->vms[v].nic_count; i++)
			text_add(&out, "%s:%s %s %s\n", lab->vms[v].name, lab->vms[v].nics[i].name,
				prefix_text(lab->vms[v].nics[i].ipv4, a), mac_text(lab->vms[v].nics[i].mac, b));
	return out.bytes;
}

/* A lab of networks from a pool in which the objects whose bit is set in `mask` take part. */
static struct lab *sticky_lab(uint32_t mask)
{
	struct lab *lab = test_lab_new("sticky");

	(void)test_pool(lab, "lans", "10.0.0.0/16", 24);
	for (int n = 0; n < 4; n++) {
		int network;

		if ((mask >> n & 1) == 0)
			continue;
		network = test_network(lab, arena_printf(lab->arena, "net%d", n), "pool", true);
		(void)test_interface(lab, test_router(lab, arena_printf(lab->arena, "r%d", n)), "lan", network, NULL);
		for (int v = 0; v < 5; v++)
			if (mask >> (4 + n * 5 + v) & 1)
				(void)test_nic(lab, test_vm(lab, arena_printf(lab->arena, "vm%d-%d", n, v)), network, NULL);
	}
	return lab;
}

/* Random changes of a lab, with restarts: whoever stays keeps his numbers, and nobody gets what another has. */
static void sticky_test(void **state)
{
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);
	struct store *store;
	struct holdings *holdings = holdings_new();
	struct lab *before = NULL;
	int64_t now = NOW;

	print_message("seed %" PRIu64 "\n", seed);
	assert_int_equal(store_open("memory", "", &store, NULL), 0);
	for (int round = 0; round < 200; round++) {
		struct lab *lab = sticky_lab((uint32_t)rand_u64(&rand));
		struct lab *again = NULL;
		struct map seen = {0};

		now += SECOND * (int64_t)rand_below(&rand, 400);
		assign_at(lab, holdings, store, now);
		for (size_t v = 0; v < lab->vm_count; v++) {
			const struct lab_nic *nic = &lab->vms[v].nics[0];

			assert_true(prefix_contains(lab->networks[nic->network].ipv4, nic->ipv4.ip));
			assert_null(map_set(&seen, ip_to_u32(nic->ipv4.ip), lab));
			for (size_t o = 0; before != NULL && o < before->vm_count; o++) {
				if (strcmp(before->vms[o].name, lab->vms[v].name) != 0)
					continue;
				assert_true(ip_equal(before->vms[o].nics[0].ipv4.ip, nic->ipv4.ip));
				assert_true(mac_equal(before->vms[o].nics[0].mac, nic->mac));
			}
		}
		map_free(&seen);
		if (round % 7 == 0) { /* as after a restart */
			char *first = lab_numbers(lab), *second;
			uint32_t mask = 0;

			holdings_free(holdings);
			holdings = holdings_new();
			assert_int_equal(holdings_load(holdings, store, NULL), 0);
			for (size_t i = 0; i < lab->network_count; i++)
				mask |= 1u << (lab->networks[i].name[3] - '0');
			for (size_t i = 0; i < lab->vm_count; i++)
				mask |= 1u << (4 + (lab->vms[i].name[2] - '0') * 5 + (lab->vms[i].name[4] - '0'));
			again = sticky_lab(mask);
			assign_at(again, holdings, store, now);
			second = lab_numbers(again);
			if (first != NULL)
				assert_string_equal(first, second);
			free(first);
			free(second);
			arena_free(again->arena);
		}
		if (before != NULL)
			arena_free(before->arena);
		before = lab;
	}
	arena_free(before->arena);
	holdings_free(holdings);
	store_close(store);
}

/* Two labs with the same file: addresses overlap, MACs don't. A dropped lab leaves nothing. */
static void two_labs_test(void **state)
{
	struct lab *a = test_lab_demo(), *b = test_lab_demo();
	struct holdings *holdings = holdings_new();
	struct store_batch *batch = store_batch_new();
	size_t cursor = 0;

	b->name = "other";
	assign_at(a, holdings, NULL, NOW);
	assign_at(b, holdings, NULL, NOW);
	assert_address(b->vms[0].nics[0].ipv4, "10.1.0.11/24");
	for (size_t i = 0; i < a->vm_count; i++)
		for (size_t j = 0; j < b->vm_count; j++)
			assert_false(mac_equal(a->vms[i].nics[0].mac, b->vms[j].nics[0].mac));
	/* The same MAC written in both is no conflict. */
	a->vms[0].nics[0].mac = b->vms[0].nics[0].mac;
	assign_at(a, holdings, NULL, NOW);
	holdings_drop(holdings, "demo", batch);
	holdings_drop(holdings, "other", batch);
	assert_null(holdings_next(holdings, "mac/52:54:00:00:00:00/24", &cursor));
	cursor = 0;
	assert_null(holdings_next(holdings, "demo/network/left", &cursor));
	store_batch_free(batch);
	arena_free(a->arena);
	arena_free(b->arena);
	holdings_free(holdings);
}

/* Exclusions, a host behind a port, IPv6 addresses as machines make them, numbers held from before and why. */
static void guests_test(void **state)
{
	static const char *exclude[] = {"10.1.0.11-10.1.0.12", "10.1.0.14"};
	struct lab *lab = test_lab_demo();
	struct holdings *holdings = holdings_new();
	const struct holding *holding;
	struct lab_port port = {.name = "host", .network = 0};

	(void)state;
	lab->ports = &port;
	lab->port_count = 1;
	lab->networks[0].exclude = exclude;
	lab->networks[0].exclude_count = 2;
	assert_true(mac_parse("52:54:00:00:00:0a", &port.mac));
	assert_true(prefix_parse("2001:db8::/64", &lab->networks[0].ipv6));
	assign_at(lab, holdings, NULL, NOW);
	assert_address(lab->vms[0].nics[0].ipv4, "10.1.0.13/24");
	assert_address(lab->vms[1].nics[0].ipv4, "10.1.0.15/24");
	assert_address(port.ipv4, "10.1.0.16/24");
	assert_address(port.ipv6, "2001:db8::5054:ff:fe00:a/64");
	assert_int_equal(lab->vms[2].nics[0].ipv6.ip.family, IP_NONE);
	holding = holdings_find(holdings, "mac/52:54:00:00:00:00/24", "demo/host");
	assert_non_null(holding);
	assert_int_equal(holding->why, HOLDING_WRITTEN);
	assert_int_equal(holding->since_wall_ns, NOW);
	arena_free(lab->arena);
	holdings_free(holdings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(demo_test),
		cmocka_unit_test(corners_test),
		cmocka_unit_test(written_test),
		cmocka_unit_test(full_test),
		cmocka_unit_test(cursor_test),
		cmocka_unit_test(limits_test),
		cmocka_unit_test(sticky_test),
		cmocka_unit_test(two_labs_test),
		cmocka_unit_test(guests_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
