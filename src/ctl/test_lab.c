/* Flat labs made in code. */
#include "ctl/test_lab.h"

#include "base/check.h"

#include <string.h>

#define PARTS_MAX 8

struct lab *test_lab_new(const char *name)
{
	struct arena *arena = arena_new(NULL);
	struct lab *lab = arena_alloc(arena, sizeof(*lab));

	lab->arena = arena;
	lab->name = arena_str(arena, name);
	lab->version = 1;
	lab->flat = true;
	lab->pools = arena_alloc(arena, TEST_LAB_MAX * sizeof(*lab->pools));
	lab->networks = arena_alloc(arena, TEST_LAB_MAX * sizeof(*lab->networks));
	lab->routers = arena_alloc(arena, TEST_LAB_MAX * sizeof(*lab->routers));
	lab->links = arena_alloc(arena, TEST_LAB_MAX * sizeof(*lab->links));
	lab->vms = arena_alloc(arena, TEST_LAB_MAX * sizeof(*lab->vms));
	lab->ports = arena_alloc(arena, TEST_LAB_MAX * sizeof(*lab->ports));
	lab->schedule.max_starting = 2;
	return lab;
}

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix = {0};

	if (text != NULL && strcmp(text, "pool") != 0)
		CHECK(prefix_parse(text, &prefix));
	return prefix;
}

int test_network(struct lab *lab, const char *name, const char *ipv4, bool dhcp)
{
	CHECK(lab->network_count < TEST_LAB_MAX);
	lab->networks[lab->network_count] = (struct lab_network){
		.name = arena_str(lab->arena, name),
		.ipv4 = prefix_of(ipv4),
		.pool = ipv4 != NULL && strcmp(ipv4, "pool") == 0 ? 0 : -1,
		.dhcp = dhcp,
		.mtu = 1500,
		.quarantine_s = 300,
		.shorten_quarantine = true,
		.lease_s = 3600,
	};
	return (int)lab->network_count++;
}

int test_router(struct lab *lab, const char *name)
{
	CHECK(lab->router_count < TEST_LAB_MAX);
	lab->routers[lab->router_count] = (struct lab_router){
		.name = arena_str(lab->arena, name),
		.interfaces = arena_alloc(lab->arena, PARTS_MAX * sizeof(struct lab_interface)),
	};
	return (int)lab->router_count++;
}

struct lab_interface *test_interface(struct lab *lab, int router, const char *name, int network, const char *ipv4)
{
	struct lab_router *r = &lab->routers[router];

	CHECK(r->interface_count < PARTS_MAX);
	r->interfaces[r->interface_count] = (struct lab_interface){
		.name = arena_str(lab->arena, name),
		.network = network,
		.link = -1,
		.ipv4 = prefix_of(ipv4),
	};
	return &r->interfaces[r->interface_count++];
}

int test_link(struct lab *lab, const char *name, const char *from, const char *to, int router_a, int router_b)
{
	int index = (int)lab->link_count++;

	lab->links[index] = (struct lab_link){
		.name = arena_str(lab->arena, name),
		.from = arena_str(lab->arena, from),
		.to = arena_str(lab->arena, to),
		.pool = lab->pool_count > 0 ? 0 : -1,
		.mtu = 1500,
	};
	test_interface(lab, router_a, strchr(from, ':') + 1, -1, NULL)->link = index;
	test_interface(lab, router_b, strchr(to, ':') + 1, -1, NULL)->link = index;
	return index;
}

int test_vm(struct lab *lab, const char *name)
{
	CHECK(lab->vm_count < TEST_LAB_MAX);
	lab->vms[lab->vm_count] = (struct lab_vm){
		.name = arena_str(lab->arena, name),
		.image_name = LAB_IMAGE_TINY,
		.image = -1,
		.cpus = 1,
		.memory_mib = 96,
		.start = true,
		.nics = arena_alloc(lab->arena, PARTS_MAX * sizeof(struct lab_nic)),
	};
	return (int)lab->vm_count++;
}

struct lab_nic *test_nic(struct lab *lab, int vm, int network, const char *ipv4)
{
	struct lab_vm *v = &lab->vms[vm];

	CHECK(v->nic_count < PARTS_MAX);
	v->nics[v->nic_count] = (struct lab_nic){
		.name = arena_printf(lab->arena, "eth%zu", v->nic_count),
		.network = network,
		.link = -1,
		.mac_pool = -1,
		.ipv4 = prefix_of(ipv4),
	};
	return &v->nics[v->nic_count++];
}

int test_pool(struct lab *lab, const char *name, const char *range, uint8_t unit_length)
{
	lab->pools[lab->pool_count] = (struct lab_pool){
		.name = arena_str(lab->arena, name),
		.kind = POOL_IPV4,
		.range = prefix_of(range),
		.unit_length = unit_length,
		.quarantine_s = 300,
		.shorten_quarantine = true,
	};
	return (int)lab->pool_count++;
}

struct lab *test_lab_demo(void)
{
	struct lab *lab = test_lab_new("demo");
	int left, right, r1, r2;

	(void)test_pool(lab, "p2p", "10.255.0.0/24", 31);
	left = test_network(lab, "left", "10.1.0.0/24", true);
	right = test_network(lab, "right", "10.2.0.0/24", true);
	r1 = test_router(lab, "r1");
	r2 = test_router(lab, "r2");
	(void)test_interface(lab, r1, "left", left, NULL);
	(void)test_interface(lab, r2, "right", right, NULL);
	(void)test_link(lab, "r1:r2", "r1:eth0", "r2:eth0", r1, r2);
	for (int i = 0; i < 4; i++)
		(void)test_nic(lab, test_vm(lab, arena_printf(lab->arena, "h%d", i + 1)), i < 2 ? left : right, NULL);
	for (int r = 0; r < 2; r++) {
		lab->routers[r].rip = true;
		lab->routers[r].rip_update_s = 30;
		lab->routers[r].rip_timeout_s = 180;
		lab->routers[r].rip_garbage_s = 120;
		for (size_t i = 0; i < lab->routers[r].interface_count; i++) {
			lab->routers[r].interfaces[i].rip = true;
			lab->routers[r].interfaces[i].rip_passive = lab->routers[r].interfaces[i].network >= 0;
		}
	}
	return lab;
}
