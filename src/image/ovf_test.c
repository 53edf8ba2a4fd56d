/* Tests of OVF descriptors: what is taken from one, units, and what is refused. */
#include "image/ovf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct ovf ovf;
static struct err err;

/* A descriptor with these references, disks, items. */
static int try(const char *references, const char *disks, const char *items)
{
	char text[4096];
	int size = snprintf(text, sizeof(text),
		"<?xml version='1.0'?><Envelope "
		"xmlns:ovf='http://schemas.dmtf.org/ovf/envelope/1'><References>%s</References><DiskSection>%s"
		"</DiskSection><VirtualSystem ovf:id='vm'><OperatingSystemSection><Description>BSD</Description></OperatingSystemSection>"
		"<VirtualHardwareSection>%s</VirtualHardwareSection></VirtualSystem></Envelope>",
		references, disks, items);

	err = (struct err){0};
	return ovf_read(text, (size_t)size, &ovf, &err);
}

#define FILE_ONE "<File ovf:id='f' ovf:href='a.vmdk' ovf:size='77'/>"
#define DISK_ONE "<Disk ovf:fileRef='f' ovf:capacity='3' ovf:capacityAllocationUnits='byte * 2^30'/>"
#define MEMORY(quantity, unit)                                                                                                             \
	"<Item><ResourceType>4</ResourceType><VirtualQuantity>" quantity "</VirtualQuantity><AllocationUnits>" unit                        \
	"</AllocationUnits></Item>"

static void a_machine_is_read(void **state)
{
	assert_int_equal(
		try(FILE_ONE, DISK_ONE,
			MEMORY("512", "MegaBytes") "<Item><ResourceType>3</ResourceType><VirtualQuantity>4</VirtualQuantity></Item>"
						   "<Item><ResourceType>10</ResourceType><Connection>NAT</Connection></Item>"),
		0);
	assert_string_equal(ovf.name, "vm");
	assert_string_equal(ovf.system, "BSD");
	assert_int_equal(ovf.cpus, 4);
	assert_int_equal(ovf.memory_mib, 512);
	assert_int_equal(ovf.nic_count, 1);
	assert_string_equal(ovf.nics[0].network, "NAT");
	assert_int_equal(ovf.disk_count, 1);
	assert_string_equal(ovf.disks[0].file, "a.vmdk");
	assert_int_equal(ovf.disks[0].file_bytes, 77);
	assert_int_equal(ovf.disks[0].virtual_bytes, 3LL << 30);
}

/* Texts are cut, but not within a character: what is no UTF-8 can't be told in JSON. */
static void long_texts_are_cut_between_characters(void **state)
{
	char item[256] = "<Item><ResourceType>10</ResourceType><Connection>", *at;

	for (unsigned blanks = 0; blanks < 2; blanks++) {
		at = item + strlen("<Item><ResourceType>10</ResourceType><Connection>");
		*at = 'x';
		at += blanks;
		for (unsigned i = 0; i < OVF_TEXT_BYTES / 2; i++, at += 2)
			memcpy(at, "\xc3\xa4", 2);
		memcpy(at, "</Connection></Item>", sizeof("</Connection></Item>"));
		assert_int_equal(try("", "", item), 0);
		at = ovf.nics[0].network;
		assert_int_equal(strlen(at), OVF_TEXT_BYTES - (blanks ? 1 : 2));
		assert_int_equal((unsigned char)at[strlen(at) - 1], 0xa4);
	}
}

static void units_are_told_apart(void **state)
{
	assert_int_equal(try("", "", MEMORY("1073741824", "byte")), 0);
	assert_int_equal(ovf.memory_mib, 1024);
	assert_int_equal(try("", "", MEMORY("2", "GigaBytes")), 0);
	assert_int_equal(ovf.memory_mib, 2048);
	assert_int_equal(try("", "", MEMORY("2097152", "byte * 2^10")), 0);
	assert_int_equal(ovf.memory_mib, 2048);
	assert_int_equal(try("", "", MEMORY("300", "")), 0);
	assert_int_equal(ovf.memory_mib, 300);
	assert_int_equal(try("", "", MEMORY("2", "furlongs")), -ERANGE);
	assert_int_equal(try("", "", MEMORY("18446744073709551615", "byte * 2^20")), -ERANGE);
	assert_int_equal(try("", "", MEMORY("-1", "byte")), -ERANGE);
}

static void nonsense_is_refused(void **state)
{
	static const char dtd[] = "<!DOCTYPE Envelope [<!ENTITY a 'b'>]><Envelope><VirtualSystem/></Envelope>";

	assert_int_equal(try("<File ovf:id='f' ovf:href='../a.vmdk'/>", "", ""), -EPERM);
	assert_int_equal(try("<File ovf:id='f' ovf:href='http:%2F%2Fexample.org/a'/>", "", ""), -EPERM);
	assert_int_equal(try("<File ovf:id='f' ovf:href='a' ovf:compression='gzip'/>", "", ""), -EINVAL);
	assert_int_equal(try("", DISK_ONE, ""), -EINVAL);
	assert_int_equal(try(FILE_ONE, "<Disk ovf:fileRef='f' ovf:parentRef='g'/>", ""), -EINVAL);
	assert_int_equal(try("", "", "</VirtualHardwareSection></VirtualSystem><VirtualSystem><VirtualHardwareSection>"), -EINVAL);
	assert_int_equal(try("", "", "<Item><ResourceType>x</ResourceType></Item>"), -EINVAL);
	assert_int_equal(ovf_read(dtd, sizeof(dtd) - 1, &ovf, &err), -EPERM);
	assert_int_equal(ovf_read("<Envelope/>", 11, &ovf, &err), -EINVAL);
	assert_int_equal(ovf_read("<a", 2, &ovf, &err), -EINVAL);
	assert_int_equal(ovf_read("", 0, &ovf, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_machine_is_read), cmocka_unit_test(long_texts_are_cut_between_characters),
		cmocka_unit_test(units_are_told_apart), cmocka_unit_test(nonsense_is_refused)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
