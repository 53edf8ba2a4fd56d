/* Golden tests of the domain XML: each machine below must give the file of its name in test/golden/domain, byte by byte. */
#include "vm/domain_xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct machine_spec tiny(void)
{
	return (struct machine_spec){
		.name = "weft-7",
		.uuid = "6f2d5c1e-0000-4000-8000-000000000007",
		.title = "demo/vm1",
		.cpus = 1,
		.memory_mib = 96,
		.kernel = "/usr/share/weft/guest/vmlinuz",
		.initrd = "/var/cache/weft/tiny-0123456789abcdef.cpio",
		.command_line = "console=ttyS0 quiet weft.hostname=vm1",
		.console = "/run/weft/vm/7.tty",
		.agent = "/run/weft/vm/7.agent",
		.nic_count = 2,
		.nics =
			{
				{"/run/weft/vhost/21.sock", {{0x52, 0x54, 0, 0, 0, 1}}, 1500, true},
				{"/run/weft/vhost/22.sock", {{0x52, 0x54, 0, 0, 0, 2}}, 9000, false},
			},
	};
}

static struct machine_spec with_disk(void)
{
	struct machine_spec spec = tiny();

	spec.kernel[0] = spec.initrd[0] = spec.command_line[0] = '\0';
	spec.cpus = 2;
	spec.memory_mib = 1024;
	spec.nic_count = 1;
	(void)text_copy(spec.title, sizeof(spec.title), "o'neill & <sons>/\"db\"\n\x01");
	(void)text_copy(spec.disk, sizeof(spec.disk), "/var/lib/weft/vm/7/disk.qcow2");
	(void)text_copy(spec.disk_base, sizeof(spec.disk_base), "/srv/images/debian & co.qcow2");
	(void)text_copy(spec.disk_base_format, sizeof(spec.disk_base_format), "qcow2");
	return spec;
}

static struct machine_spec without_disk(void)
{
	struct machine_spec spec = tiny();

	spec.kernel[0] = spec.initrd[0] = spec.command_line[0] = '\0';
	spec.memory_mib = 512;
	spec.nic_count = 1;
	return spec;
}

/* Compares with the golden file, or writes it when WEFT_GOLDEN_WRITE is set. */
static void assert_golden(const char *name, const struct text *actual)
{
	char path[512], expected[16384] = "";
	const char *folder = getenv("WEFT_GOLDEN");
	bool writes = getenv("WEFT_GOLDEN_WRITE") != NULL;
	FILE *file;

	assert_non_null(folder);
	(void)snprintf(path, sizeof(path), "%s/domain/%s.xml", folder, name);
	file = fopen(path, writes ? "w" : "r");
	assert_non_null(file);
	if (writes)
		assert_int_equal(fwrite(actual->bytes, 1, actual->used, file), actual->used);
	else
		assert_true(fread(expected, 1, sizeof(expected) - 1, file) > 0);
	(void)fclose(file);
	if (!writes)
		assert_string_equal(text_get(actual), expected);
}

static void check(const struct machine_spec *spec, enum domain_kind kind, const char *name)
{
	struct text xml = {0};

	domain_xml(spec, kind, &xml);
	assert_golden(name, &xml);
	text_free(&xml);
}

static void a_tiny_guest_under_emulation(void **state)
{
	struct machine_spec spec = tiny();

	check(&spec, DOMAIN_EMULATED, "tiny");
}

static void a_disk_with_kvm_and_awkward_names(void **state)
{
	struct machine_spec spec = with_disk();

	check(&spec, DOMAIN_KVM, "disk_kvm");
}

static void nothing_but_a_network(void **state)
{
	struct machine_spec spec = without_disk();

	check(&spec, DOMAIN_EMULATED, "network");
}

static void the_most_nics_have_slots_of_their_own(void **state)
{
	struct machine_spec spec = tiny();
	struct text xml = {0};

	spec.nic_count = NICS_MAX;
	domain_xml(&spec, DOMAIN_EMULATED, &xml);
	assert_null(strstr(text_get(&xml), "slot='0x1b'"));
	assert_non_null(strstr(text_get(&xml), "slot='0x15'"));
	assert_non_null(strstr(text_get(&xml), "ua-nic15"));
	text_free(&xml);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tiny_guest_under_emulation),
		cmocka_unit_test(a_disk_with_kvm_and_awkward_names),
		cmocka_unit_test(nothing_but_a_network),
		cmocka_unit_test(the_most_nics_have_slots_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
