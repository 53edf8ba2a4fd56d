/* Labs as a whole: random ones expand to flat labs that hold together, stay the same when printed, and differ by what was changed. */
#include "base/check.h"
#include "base/map.h"
#include "base/rand.h"
#include "model/lab_io.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define ROUNDS 200

static uint64_t seed;

/* A sound lab as YAML: up to 5 networks, 6 routers in a random tree and some more links, counted and single machines. */
static void random_lab(struct rand *rand, struct text *out)
{
	unsigned networks = 1 + (unsigned)rand_below(rand, 5), routers = 1 + (unsigned)rand_below(rand, 6),
		 vms = (unsigned)rand_below(rand, 5);

	text_add(out, "version: 1\nname: random\npools:\n  p2p: { ipv4: 10.255.0.0/24, prefix: 31 }\n  lans: { ipv4: 10.100.0.0/16, "
		      "prefix: 24 }\nnetworks:\n");
	for (unsigned i = 0; i < networks; i++)
		text_add(out, rand_below(rand, 3) ? "  n%u: { ipv4: 10.%u.0.0/24, dhcp: true }\n" : "  n%u: { pool: lans, mtu: 14%02u }\n",
			i, i + 1);
	text_add(out, "routers:\n");
	for (unsigned i = 0; i < routers; i++)
		text_add(out, "  r%u: { interfaces: { a: n%" PRIu64 " }%s }\n", i, rand_below(rand, networks),
			rand_below(rand, 2) ? ", rip: true" : "");
	text_add(out, routers > 1 ? "links:\n" : "");
	for (unsigned i = 1; i < routers + 3 && routers > 1; i++) {
		unsigned a = i < routers ? i : 1 + (unsigned)rand_below(rand, routers - 1);

		text_add(out, "  - { from: r%u, to: r%" PRIu64 ", pool: p2p%s }\n", a, rand_below(rand, a),
			rand_below(rand, 4) ? "" : ", rip: { cost: 3 }");
	}
	text_add(out, vms > 0 ? "vms:\n" : "");
	for (unsigned i = 0; i < vms; i++)
		text_add(out, "  v%c: { %simage: builtin:tiny, priority: %" PRIu64 ", nics: [n%" PRIu64 "] }\n", 'a' + i,
			rand_below(rand, 2) ? "count: 3, " : "", rand_below(rand, 3), rand_below(rand, networks));
	text_add(out, vms > 0 ? "tests:\n  - ping-all: \"v*\"\n" : "");
}

static void fail_with(struct diags *diags, const char *source)
{
	print_error("seed %" PRIu64 "\n%s\n%s", seed, source, diags_text(diags, "lab", source, strlen(source)));
	fail();
}

/* The flat lab of a source in YAML or JSON. */
static struct lab *flat_of(const char *source, bool json)
{
	struct arena *arena = arena_new(NULL);
	struct diags diags = {.arena = arena};
	struct lab *lab = json ? lab_parse_json(source, strlen(source), &diags) : lab_parse_yaml(source, strlen(source), &diags);
	struct lab *flat = lab ? lab_expand(lab, &diags) : NULL;

	if (lab == NULL || flat == NULL)
		fail_with(&diags, source);
	CHECK(lab != NULL);
	arena_free(lab->arena);
	arena_free(arena);
	return flat;
}

static size_t ends_of(const struct lab *flat, int link)
{
	size_t count = 0;

	for (size_t i = 0; i < flat->router_count; i++)
		for (size_t k = 0; k < flat->routers[i].interface_count; k++)
			count += flat->routers[i].interfaces[k].link == link;
	for (size_t i = 0; i < flat->vm_count; i++)
		for (size_t k = 0; k < flat->vms[i].nic_count; k++)
			count += flat->vms[i].nics[k].link == link;
	return count;
}

static void check_flat(const struct lab *flat)
{
	assert_true(flat->flat);
	for (size_t i = 0; i < flat->link_count; i++) {
		assert_int_equal(ends_of(flat, (int)i), 2);
		assert_non_null(strchr(flat->links[i].from, ':'));
		assert_in_range(flat->links[i].pool, 0, flat->pool_count - 1);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(flat->links[i].name, flat->links[k].name);
	}
	for (size_t i = 0; i < flat->router_count; i++)
		for (size_t k = 0; k < flat->routers[i].interface_count; k++) {
			const struct lab_interface *at = &flat->routers[i].interfaces[k];

			assert_true((at->network >= 0) != (at->link >= 0));
			assert_true(at->rip_set);
			assert_true(!at->rip || flat->routers[i].rip);
			for (size_t j = 0; j < k; j++)
				assert_string_not_equal(at->name, flat->routers[i].interfaces[j].name);
		}
	for (size_t i = 0; i < flat->vm_count; i++) {
		assert_int_equal(flat->vms[i].count, 0);
		assert_int_equal(flat->vms[i].image, -1);
		assert_int_equal(flat->vms[i].memory_mib, 96);
		assert_in_range(flat->vms[i].nics[0].network, 0, flat->network_count - 1);
	}
}

/* Nothing differs from itself; all comes and all goes. */
static void check_diff(const struct lab *flat)
{
	struct arena *arena = arena_new(NULL);
	size_t objects = flat->pool_count + flat->network_count + flat->router_count + flat->link_count + flat->vm_count;
	struct changes *same = lab_diff(arena, flat, flat), *all = lab_diff(arena, NULL, flat), *none = lab_diff(arena, flat, NULL);

	assert_int_equal(same->count, 0);
	assert_int_equal(all->count, objects);
	assert_int_equal(all->adds, objects);
	assert_int_equal(none->removes, objects);
	/* Machines come last and go first. */
	if (flat->vm_count > 0) {
		assert_string_equal(all->list[objects - 1].kind, "vm");
		assert_string_equal(none->list[0].kind, "vm");
	}
	assert_string_equal(none->list[objects - 1].kind, "pool");
	arena_free(arena);
}

static void random_labs_hold_together(void **state)
{
	struct rand rand = rand_seeded(seed);

	for (int round = 0; round < ROUNDS; round++) {
		struct text source = {0}, json = {0}, again = {0};
		struct lab *flat, *flat_again;

		random_lab(&rand, &source);
		flat = flat_of(source.bytes, false);
		check_flat(flat);
		check_diff(flat);
		lab_to_json(flat, &json);
		flat_again = flat_of(json.bytes, true);
		check_flat(flat_again);
		lab_to_json(flat_again, &again);
		assert_string_equal(json.bytes, again.bytes);
		text_free(&source);
		text_free(&json);
		text_free(&again);
		arena_free(flat->arena);
		arena_free(flat_again->arena);
	}
}

/* What allocation fills in survives printing, so that a flat lab can be stored and read back. */
static void addresses_survive(void **state)
{
	struct lab *flat = flat_of("{\"version\":1,\"name\":\"x\",\"networks\":{\"n\":{\"ipv4\":\"10.1.0.0/"
				   "24\"}},\"pools\":{\"p\":{\"ipv4\":\"10.9.0.0/24\",\"prefix\":31}},"
				   "\"routers\":{\"r\":{\"count\":2}},\"links\":[{\"from\":\"r1\",\"to\":\"r2\",\"pool\":\"p\"},{\"from\":"
				   "\"r1\",\"to\":\"v\",\"pool\":\"p\"}],"
				   "\"vms\":{\"v\":{\"image\":\"builtin:tiny\",\"nics\":[{\"network\":\"n\"}]}}}",
		true);
	struct lab *again;
	struct text json = {0};

	(void)prefix_parse("10.9.0.4/31", &flat->links[0].ipv4);
	(void)prefix_parse("10.9.0.6/31", &flat->links[1].ipv4);
	(void)prefix_parse("10.9.0.4/31", &flat->routers[0].interfaces[0].ipv4);
	(void)prefix_parse("10.1.0.77/24", &flat->vms[0].nics[0].ipv4);
	(void)prefix_parse("10.9.0.7/31", &flat->vms[0].nics[1].ipv4);
	flat->vms[0].nics[1].mac = (struct mac){{0x52, 0x54, 0, 1, 2, 3}};
	flat->routers[1].router_id = ip_from_u32(0x0a000001);
	lab_to_json(flat, &json);
	again = flat_of(json.bytes, true);
	assert_true(prefix_equal(again->links[1].ipv4, flat->links[1].ipv4));
	assert_true(prefix_equal(again->routers[0].interfaces[0].ipv4, flat->routers[0].interfaces[0].ipv4));
	assert_int_equal(again->vms[0].nic_count, 2);
	assert_int_equal(again->vms[0].nics[1].link, 1);
	assert_true(prefix_equal(again->vms[0].nics[1].ipv4, flat->vms[0].nics[1].ipv4));
	assert_true(mac_equal(again->vms[0].nics[1].mac, flat->vms[0].nics[1].mac));
	assert_true(ip_equal(again->routers[1].router_id, flat->routers[1].router_id));
	text_free(&json);
	arena_free(flat->arena);
	arena_free(again->arena);
}

static void selections(void **state)
{
	static const struct {
		const char *selection;
		size_t count;
		const char *first;
	} rows[] = {{"web2", 1, "web2"}, {"web[1-3]", 3, "web1"}, {"web[2-2]", 1, "web2"}, {"web[3]", 1, "web3"}, {"web*", 13, "web1"},
		{"*", 14, "web1"}, {"*b", 1, "db"}, {"w*3", 2, "web3"}, {"web[9-12]", 4, "web9"}, {"web[12-9]", 0, NULL},
		{"web[01]", 1, "web1"}, {"web[1-", 0, NULL}, {"web[1-99999999999999999999]", 0, NULL}, {"web[-1-3]", 0, NULL},
		{"[1-2]", 0, NULL}, {"", 0, NULL}, {"web", 0, NULL}, {"web0*", 0, NULL}};
	struct lab *flat = flat_of("{\"version\":1,\"name\":\"x\",\"vms\":{\"web\":{\"count\":13,\"image\":\"builtin:tiny\"},\"db\":{"
				   "\"image\":\"builtin:tiny\"}}}",
		true);
	struct arena *arena = arena_new(NULL);
	struct diags diags = {.arena = arena};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char **names = NULL;
		size_t count = lab_select_vms(flat, rows[i].selection, &names, &diags);

		if (count != rows[i].count)
			print_error("%s\n", rows[i].selection);
		assert_int_equal(count, rows[i].count);
		if (count > 0)
			assert_string_equal(names[0], rows[i].first);
	}
	arena_free(arena);
	arena_free(flat->arena);
}

/* Findings are sorted by place, shown with their line, and counted when there are too many. */
static void findings_as_text(void **state)
{
	static const char source[] = "first\n\tsecond \xc3\xa9 here\n";
	struct arena *arena = arena_new(NULL);
	struct diags diags = {.arena = arena};

	diag_error(&diags, (struct place){2, 11}, "b", "wrong \x1b[31m %d", 7);
	diag_warning(&diags, (struct place){1, 1}, "a", "odd");
	diag_error(&diags, (struct place){0, 0}, "", "no place");
	diag_error(&diags, (struct place){99, 1}, "c", "no such line");
	assert_string_equal(diags_text(&diags, "f", source, sizeof(source) - 1), "f: error: no place\n"
										 "f:1:1: warning: a: odd\n"
										 "    first\n"
										 "    ^\n"
										 "f:2:11: error: b: wrong ?[31m 7\n"
										 "    \tsecond \xc3\xa9 here\n"
										 "    \t         ^\n"
										 "f:99:1: error: c: no such line\n");
	assert_int_equal(diags.errors, 3);
	for (int i = 0; i < 2 * DIAG_MAX; i++)
		diag_error(&diags, (struct place){0, 0}, "", "more");
	assert_int_equal(diags.count, DIAG_MAX);
	assert_int_equal(diags.errors, 3 + 2 * DIAG_MAX);
	assert_non_null(strstr(diags_text(&diags, "f", NULL, 0), "and 104 more"));
	arena_free(arena);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_labs_hold_together),
		cmocka_unit_test(addresses_survive),
		cmocka_unit_test(selections),
		cmocka_unit_test(findings_as_text),
	};

	seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL);
	printf("seed %" PRIu64 "\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
