/* Tests of the compiler of labs: the demo lab as messages, line by line. */
#include "base/check.h"
#include "ctl/assign.h"
#include "ctl/compile.h"
#include "ctl/ids.h"
#include "ctl/test_lab.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct world {
	struct ids *ids;
	const char *cut;
	const char *stopped;
};

static uint32_t id_of(void *context, const char *kind, const char *name)
{
	return ids_get(((struct world *)context)->ids, "demo", kind, name);
}

static bool link_up(void *context, const char *name, bool wanted)
{
	const char *cut = ((struct world *)context)->cut;

	return cut && strcmp(cut, name) == 0 ? false : wanted;
}

static bool vm_run(void *context, const char *name, bool wanted)
{
	const char *stopped = ((struct world *)context)->stopped;

	return stopped && strcmp(stopped, name) == 0 ? false : wanted;
}

static const char *image_file(void *context, const char *image) { return strcmp(image, "debian") == 0 ? "/images/debian.qcow2" : NULL; }

static struct store *store;
static struct world world;
static const struct compile_inputs inputs = {id_of, link_up, vm_run, image_file, &world, NULL, "secret"};

static struct lab *assigned(void)
{
	struct lab *lab = test_lab_demo();
	struct holdings *holdings = holdings_new();
	struct diags diags = {.arena = lab->arena};
	struct assignment out;

	assert_int_equal(assign_lab(lab, holdings, 1, &out, &diags), 0);
	holdings_free(holdings);
	return lab;
}

/* The demo lab as messages, with the secret "secret". */
/* clang-format off */
static const char *const golden[] = {
	"10 demo/queue SCHEDULE_SET {id=10 policy=fcfs easy=false release=false max_starting=2 quantum_s=0 aging_s=0 cpus=0 memory_mib=0 overcommit_cpus=0 overcommit_memory=0 calm=0 path=\"demo/queue\"}",
	"1 demo/left NETWORK_SET {id=1 kind=segment up=true dhcp=true mtu=1500 subnets=[10.1.0.0/24] dhcp_server=10.1.0.1 gateway=10.1.0.1 lease_s=3600 impair=[] storm_limit=0 dns=false name_servers=[] ntp_servers=[] routes=[] next_server=- bootfile=\"\" domain=\"demo\" path=\"demo/left\"}",
	"2 demo/right NETWORK_SET {id=2 kind=segment up=true dhcp=true mtu=1500 subnets=[10.2.0.0/24] dhcp_server=10.2.0.1 gateway=10.2.0.1 lease_s=3600 impair=[] storm_limit=0 dns=false name_servers=[] ntp_servers=[] routes=[] next_server=- bootfile=\"\" domain=\"demo\" path=\"demo/right\"}",
	"3 demo/r1:r2 NETWORK_SET {id=3 kind=link up=true dhcp=false mtu=1500 subnets=[10.255.0.0/31] dhcp_server=- gateway=- lease_s=3600 impair=[] storm_limit=0 dns=false name_servers=[] ntp_servers=[] routes=[] next_server=- bootfile=\"\" domain=\"demo\" path=\"demo/r1:r2\"}",
	"4 demo/r1 ROUTER_SET {id=4 router_id=10.1.0.1 routes_max=0 path=\"demo/r1\"}",
	"7 demo/r2 ROUTER_SET {id=7 router_id=10.2.0.1 routes_max=0 path=\"demo/r2\"}",
	"5 demo/r1:left RIF_SET {id=5 router=4 network=1 up=true mtu=1500 mac=52:54:00:73:49:0d addresses=[10.1.0.1/24] name=\"left\" path=\"demo/r1:left\"}",
	"6 demo/r1:eth0 RIF_SET {id=6 router=4 network=3 up=true mtu=1500 mac=52:54:00:e9:de:2d addresses=[10.255.0.0/31] name=\"eth0\" path=\"demo/r1:eth0\"}",
	"8 demo/r2:right RIF_SET {id=8 router=7 network=2 up=true mtu=1500 mac=52:54:00:fd:f0:97 addresses=[10.2.0.1/24] name=\"right\" path=\"demo/r2:right\"}",
	"9 demo/r2:eth0 RIF_SET {id=9 router=7 network=3 up=true mtu=1500 mac=52:54:00:7b:08:8a addresses=[10.255.0.1/31] name=\"eth0\" path=\"demo/r2:eth0\"}",
	"12 demo/h1:eth0 PORT_SET {id=12 kind=vhost up=true mtu=1500 network=1 mac=52:54:00:53:77:57 ipv4=10.1.0.11 ipv6=- hostname=\"h1\" tap_name=\"\" netns=\"\" socket=\"\" listen=false path=\"demo/h1:eth0\" groups=[] pairs=[]}",
	"14 demo/h2:eth0 PORT_SET {id=14 kind=vhost up=true mtu=1500 network=1 mac=52:54:00:19:be:10 ipv4=10.1.0.12 ipv6=- hostname=\"h2\" tap_name=\"\" netns=\"\" socket=\"\" listen=false path=\"demo/h2:eth0\" groups=[] pairs=[]}",
	"16 demo/h3:eth0 PORT_SET {id=16 kind=vhost up=true mtu=1500 network=2 mac=52:54:00:13:a7:2d ipv4=10.2.0.11 ipv6=- hostname=\"h3\" tap_name=\"\" netns=\"\" socket=\"\" listen=false path=\"demo/h3:eth0\" groups=[] pairs=[]}",
	"18 demo/h4:eth0 PORT_SET {id=18 kind=vhost up=true mtu=1500 network=2 mac=52:54:00:67:67:5e ipv4=10.2.0.12 ipv6=- hostname=\"h4\" tap_name=\"\" netns=\"\" socket=\"\" listen=false path=\"demo/h4:eth0\" groups=[] pairs=[]}",
	"4 demo/r1 RIP_SET {id=4 update_s=30 timeout_s=180 garbage_s=120 redistributions=[] default_originate=false}",
	"7 demo/r2 RIP_SET {id=7 update_s=30 timeout_s=180 garbage_s=120 redistributions=[] default_originate=false}",
	"5 demo/r1:left RIP_INTERFACE_SET {id=5 router=4 passive=true cost=1 auth=none key_id=0 key=***}",
	"6 demo/r1:eth0 RIP_INTERFACE_SET {id=6 router=4 passive=false cost=1 auth=none key_id=0 key=***}",
	"8 demo/r2:right RIP_INTERFACE_SET {id=8 router=7 passive=true cost=1 auth=none key_id=0 key=***}",
	"9 demo/r2:eth0 RIP_INTERFACE_SET {id=9 router=7 passive=false cost=1 auth=none key_id=0 key=***}",
	"11 demo/h1 VM_SET {id=11 schedule=10 run=true keep_disk=false cpus=1 memory_mib=96 priority=0 estimate_s=0 walltime_s=0 restart=never uuid=\"23d2c25b-3831-8292-a213-2b304241577f\" hostname=\"h1\" image=\"builtin:tiny\" uri=\"\" path=\"demo/h1\" after=[] nics=[port=12 mtu=1500 up=true mac=52:54:00:53:77:57]}",
	"13 demo/h2 VM_SET {id=13 schedule=10 run=true keep_disk=false cpus=1 memory_mib=96 priority=0 estimate_s=0 walltime_s=0 restart=never uuid=\"23d2c15b-3831-80df-9950-e5fcac6fad18\" hostname=\"h2\" image=\"builtin:tiny\" uri=\"\" path=\"demo/h2\" after=[] nics=[port=14 mtu=1500 up=true mac=52:54:00:19:be:10]}",
	"15 demo/h3 VM_SET {id=15 schedule=10 run=true keep_disk=false cpus=1 memory_mib=96 priority=0 estimate_s=0 walltime_s=0 restart=never uuid=\"23d2c05b-3831-8f2c-864d-655076fe5bb6\" hostname=\"h3\" image=\"builtin:tiny\" uri=\"\" path=\"demo/h3\" after=[] nics=[port=16 mtu=1500 up=true mac=52:54:00:13:a7:2d]}",
	"17 demo/h4 VM_SET {id=17 schedule=10 run=true keep_disk=false cpus=1 memory_mib=96 priority=0 estimate_s=0 walltime_s=0 restart=never uuid=\"23d2bf5b-3831-8d79-a5eb-708cedb9345d\" hostname=\"h4\" image=\"builtin:tiny\" uri=\"\" path=\"demo/h4\" after=[] nics=[port=18 mtu=1500 up=true mac=52:54:00:67:67:5e]}",
};
/* clang-format on */

static void compile(struct lab *lab, struct object_list *list)
{
	struct err err;

	if (compile_lab(lab->arena, lab, &inputs, list, &err) < 0)
		fail_msg("%s", err.text);
}

static void golden_test(void **state)
{
	struct lab *lab = assigned();
	struct object_list list;
	char line[4096];

	compile(lab, &list);
	assert_int_equal(list.count, COUNT_OF(golden));
	for (size_t i = 0; i < list.count; i++) {
		size_t used = (size_t)snprintf(line, sizeof(line), "%u %s ", list.items[i].id, list.items[i].path);

		message_print(message_row(object_type(list.items[i].kind)->set), list.items[i].body, line + used, sizeof(line) - used);
		assert_string_equal(line, golden[i]);
	}
	arena_free(lab->arena);
}

/* Every body passes the check that its receiver makes; ids are unique but for those of RIP; a second compilation is the same. */
static void sound_test(void **state)
{
	struct lab *lab = assigned();
	struct object_list list, again;
	struct err err;

	(void)test_vm(lab, "loose");
	compile(lab, &list);
	compile(lab, &again);
	assert_int_equal(list.count, again.count);
	for (size_t i = 0; i < list.count; i++) {
		const struct message_row *row = message_row(object_type(list.items[i].kind)->set);

		assert_int_equal(row->size, object_type(list.items[i].kind)->size);
		assert_int_equal(message_check(row, list.items[i].body, message_size(row, list.items[i].body), &err), 0);
		assert_true(object_equal(&list.items[i], &again.items[i]));
		assert_ptr_equal(object_list_find(&list, list.items[i].kind, list.items[i].id), &list.items[i]);
		for (size_t j = 0; j < i; j++) {
			bool rip = list.items[i].kind == OBJECT_RIP || list.items[i].kind == OBJECT_RIP_INTERFACE;

			assert_true(rip || list.items[j].id != list.items[i].id);
		}
	}
	assert_null(object_list_find(&list, OBJECT_VM, 4711));
	arena_free(lab->arena);
}

static const void *body_of(const struct object_list *list, enum object_kind kind, const char *path)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].kind == kind && strcmp(list->items[i].path, path) == 0)
			return list->items[i].body;
	fail_msg("no %s", path);
	return NULL;
}

/* What was switched by command, images, links to machines, names that make no host name. */
static void inputs_test(void **state)
{
	struct lab *lab = assigned();
	struct object_list list;
	struct lab_nic *nic;
	const struct msg_network *network;
	const struct msg_vm *vm;
	struct err err;
	int link;

	world.cut = "r1:r2";
	world.stopped = "h3";
	lab->vms[1].image = 0;
	lab->vms[1].image_name = "debian";
	lab->vms[1].name = "red/h_2";
	link = test_link(lab, "r1:h4", "r1:eth1", "h4:eth1", 0, 1);
	lab->routers[1].interface_count--; /* the link's other end is the machine */
	assert_true(prefix_parse("10.9.0.0/31", &lab->links[link].ipv4));
	assert_true(prefix_parse("10.9.0.0/31", &lab->routers[0].interfaces[2].ipv4));
	nic = test_nic(lab, 3, -1, "10.9.0.1/31");
	nic->link = link;
	compile(lab, &list);
	network = body_of(&list, OBJECT_NETWORK, "demo/r1:r2");
	assert_false(network->up);
	assert_false(((const struct msg_vm *)body_of(&list, OBJECT_VM, "demo/h3"))->run);
	vm = body_of(&list, OBJECT_VM, "demo/red/h_2");
	assert_string_equal(vm->image, "/images/debian.qcow2");
	assert_string_equal(vm->hostname, "red-h-2");
	network = body_of(&list, OBJECT_NETWORK, "demo/r1:h4");
	assert_true(network->dhcp);
	assert_true(ip_equal(network->gateway, lab->routers[0].interfaces[2].ipv4.ip));
	world.cut = "r1:h4";
	compile(lab, &list);
	vm = body_of(&list, OBJECT_VM, "demo/h4");
	assert_true(vm->nics[0].up);
	assert_false(vm->nics[1].up);
	world.cut = world.stopped = NULL;

	lab->vms[1].image_name = "missing";
	assert_int_equal(compile_lab(lab->arena, lab, &inputs, &list, &err), -ENOENT);
	lab->vms[1].image_name = "debian";
	lab->vms[1].name = "a-name-that-is-much-longer-than-any-host-name-may-be-in-a-message-to-anyone";
	assert_int_equal(compile_lab(lab->arena, lab, &inputs, &list, &err), -ENAMETOOLONG);
	arena_free(lab->arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(golden_test), cmocka_unit_test(sound_test), cmocka_unit_test(inputs_test)};
	int failed;

	if (store_open("memory", "", &store, NULL) < 0 || ids_load(store, &world.ids, NULL) < 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	ids_free(world.ids);
	store_close(store);
	return failed;
}
