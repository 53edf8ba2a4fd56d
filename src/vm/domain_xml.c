/*
 * A machine as libvirt's domain XML.
 *
 * Theory of operation. One template for all machines: q35, memory that the switch can map (memfd, shared), a serial line and a guest agent
 * on unix sockets, NICs as vhost-user sockets where QEMU listens (so that a guest survives the switch). Devices sit directly on the root
 * bus, in fixed slots: no bridges to probe at boot, and eth0, eth1, ... come in the order of the file. USB and the balloon, which a lab
 * doesn't use, are left out: they cost boot time and memory.
 */
#include "vm/domain_xml.h"

#include <stdio.h>

/* Slots on the root bus. 0x1b-0x1f belong to the chip set. */
enum { SLOT_SERIAL = 2, SLOT_DISK = 3, SLOT_RNG = 4, SLOT_NIC = 6 };

/* What a NIC has when nobody says anything. */
enum { ETHERNET_MTU = 1500 };

/* MiB of translated code that QEMU keeps when it emulates: enough for a booted kernel; the default of 1 GiB would grow guest by guest. */
enum { TRANSLATION_CACHE_MIB = 32 };

/* Appends text as the content of an attribute in single quotes, or of an element. Control bytes, which XML can't hold, become '?'. */
static void add_escaped(struct text *out, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '&':
			text_add(out, "&amp;");
			break;
		case '<':
			text_add(out, "&lt;");
			break;
		case '>':
			text_add(out, "&gt;");
			break;
		case '\'':
			text_add(out, "&apos;");
			break;
		case '"':
			text_add(out, "&quot;");
			break;
		default:
			text_add_bytes(out, (unsigned char)*text < 0x20 || *text == 0x7f ? "?" : text, 1);
		}
	}
}

/* Appends BEFORE text AFTER, the text escaped. */
static void add_quoted(struct text *out, const char *before, const char *text, const char *after)
{
	text_add(out, "%s", before);
	add_escaped(out, text);
	text_add(out, "%s\n", after);
}

static void add_address(struct text *out, unsigned slot)
{
	text_add(out, "      <address type='pci' domain='0x0000' bus='0x00' slot='0x%02x' function='0x0'/>\n", slot);
}

static void add_head(const struct machine_spec *spec, enum domain_kind kind, struct text *out)
{
	static const char *const types[] = {[DOMAIN_EMULATED] = "qemu", [DOMAIN_KVM] = "kvm", [DOMAIN_TEST] = "test"};

	text_add(out, "<domain type='%s' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n", types[kind]);
	add_quoted(out, "  <name>", spec->name, "</name>");
	if (spec->uuid[0] != '\0')
		add_quoted(out, "  <uuid>", spec->uuid, "</uuid>");
	add_quoted(out, "  <title>", spec->title, "</title>");
	text_add(out, "  <memory unit='MiB'>%u</memory>\n", spec->memory_mib);
	text_add(out, "  <memoryBacking>\n    <source type='memfd'/>\n    <access mode='shared'/>\n  </memoryBacking>\n");
	text_add(out, "  <vcpu placement='static'>%u</vcpu>\n", spec->cpus);
}

static void add_boot(const struct machine_spec *spec, enum domain_kind kind, struct text *out)
{
	text_add(out, "  <os>\n    <type arch='x86_64' machine='%s'>hvm</type>\n", kind == DOMAIN_TEST ? "pc" : "q35");
	if (spec->kernel[0] != '\0') {
		add_quoted(out, "    <kernel>", spec->kernel, "</kernel>");
		add_quoted(out, "    <initrd>", spec->initrd, "</initrd>");
		add_quoted(out, "    <cmdline>", spec->command_line, "</cmdline>");
	} else if (spec->disk[0] != '\0') {
		text_add(out, "    <boot dev='hd'/>\n");
	} else {
		/* What the firmware and iPXE say is seen on the console. */
		text_add(out, "    <boot dev='network'/>\n    <bios useserial='yes'/>\n");
	}
	text_add(out, "  </os>\n");
}

static void add_processor(enum domain_kind kind, struct text *out)
{
	text_add(out, "  <features>\n    <acpi/>\n    <apic/>\n");
	if (kind == DOMAIN_EMULATED)
		text_add(out, "    <tcg>\n      <tb-cache unit='MiB'>%d</tb-cache>\n    </tcg>\n", TRANSLATION_CACHE_MIB);
	text_add(out, "    <vmport state='off'/>\n    <smm state='off'/>\n  </features>\n");
	if (kind == DOMAIN_KVM)
		text_add(out, "  <cpu mode='host-passthrough' migratable='off'/>\n");
	text_add(out, "  <clock offset='utc'>\n    <timer name='hpet' present='no'/>\n  </clock>\n");
	text_add(out, "  <on_poweroff>destroy</on_poweroff>\n  <on_reboot>restart</on_reboot>\n  <on_crash>destroy</on_crash>\n");
}

static void add_disk(const struct machine_spec *spec, struct text *out)
{
	if (spec->disk[0] == '\0')
		return;
	text_add(out, "    <disk type='file' device='disk'>\n      <driver name='qemu' type='qcow2' discard='unmap'/>\n");
	add_quoted(out, "      <source file='", spec->disk, "'/>");
	add_quoted(out, "      <backingStore type='file'>\n        <format type='", spec->disk_base_format, "'/>");
	add_quoted(out, "        <source file='", spec->disk_base, "'/>\n        <backingStore/>\n      </backingStore>");
	text_add(out, "      <target dev='vda' bus='virtio'/>\n");
	add_address(out, SLOT_DISK);
	text_add(out, "    </disk>\n    <rng model='virtio'>\n      <backend model='random'>/dev/urandom</backend>\n");
	add_address(out, SLOT_RNG);
	text_add(out, "    </rng>\n");
}

void domain_nic_alias(unsigned nic, char *out, size_t size) { (void)snprintf(out, size, "ua-nic%u", nic); }

static void add_nic(const struct machine_spec *spec, unsigned nic, struct text *out)
{
	const struct machine_nic *n = &spec->nics[nic];
	const uint8_t *m = n->mac.bytes;
	char alias[16];

	text_add(out, "    <interface type='vhostuser'>\n      <mac address='%02x:%02x:%02x:%02x:%02x:%02x'/>\n", m[0], m[1], m[2], m[3],
		m[4], m[5]);
	add_quoted(out, "      <source type='unix' path='", n->socket, "' mode='server'/>");
	text_add(out, "      <model type='virtio'/>\n");
	text_add(out, "      <link state='%s'/>\n", n->up ? "up" : "down");
	domain_nic_alias(nic, alias, sizeof(alias));
	text_add(out, "      <alias name='%s'/>\n", alias);
	/* The ROM is iPXE, which costs time at boot: only who boots from the network has it. */
	if (spec->kernel[0] != '\0' || spec->disk[0] != '\0')
		text_add(out, "      <rom enabled='no'/>\n");
	add_address(out, SLOT_NIC + nic);
	text_add(out, "    </interface>\n");
}

static void add_lines(const struct machine_spec *spec, struct text *out)
{
	add_quoted(out, "    <serial type='unix'>\n      <source mode='bind' path='", spec->console, "'/>");
	text_add(out, "      <target type='isa-serial' port='0'>\n        <model name='isa-serial'/>\n      </target>\n    </serial>\n");
	text_add(out, "    <controller type='virtio-serial' index='0'>\n");
	add_address(out, SLOT_SERIAL);
	add_quoted(out, "    </controller>\n    <channel type='unix'>\n      <source mode='bind' path='", spec->agent, "'/>");
	text_add(out, "      <target type='virtio' name='org.qemu.guest_agent.0'/>\n    </channel>\n");
}

/* libvirt's own <mtu> wants a device of the host behind the NIC and refuses vhost-user sockets; QEMU can do it. */
static void add_mtus(const struct machine_spec *spec, struct text *out)
{
	bool any = false;
	char alias[16];

	for (unsigned nic = 0; nic < spec->nic_count; nic++) {
		if (spec->nics[nic].mtu == 0 || spec->nics[nic].mtu == ETHERNET_MTU)
			continue;
		text_add(out, "%s", any ? "" : "  <qemu:override>\n");
		any = true;
		domain_nic_alias(nic, alias, sizeof(alias));
		text_add(out, "    <qemu:device alias='%s'>\n      <qemu:frontend>\n", alias);
		text_add(out, "        <qemu:property name='host_mtu' type='unsigned' value='%u'/>\n", spec->nics[nic].mtu);
		text_add(out, "      </qemu:frontend>\n    </qemu:device>\n");
	}
	text_add(out, "%s", any ? "  </qemu:override>\n" : "");
}

void domain_xml(const struct machine_spec *spec, enum domain_kind kind, struct text *out)
{
	add_head(spec, kind, out);
	add_boot(spec, kind, out);
	add_processor(kind, out);
	text_add(out, "  <devices>\n    <controller type='usb' model='none'/>\n");
	if (kind != DOMAIN_TEST)
		text_add(out, "    <controller type='pci' index='0' model='pcie-root'/>\n");
	add_disk(spec, out);
	for (unsigned nic = 0; nic < spec->nic_count; nic++)
		add_nic(spec, nic, out);
	add_lines(spec, out);
	text_add(out, "    <memballoon model='none'/>\n  </devices>\n");
	/*
	 * QEMU 7.2 without KVM crashes when a guest starts a vhost-user NIC with MSI-X (it reads an interrupt route that only KVM makes),
	 * so the NICs get plain interrupts there. As a global setting it holds for NICs that are plugged in later, too.
	 */
	if (kind == DOMAIN_EMULATED)
		text_add(out, "  <qemu:commandline>\n    <qemu:arg value='-global'/>\n    <qemu:arg value='virtio-net-pci.vectors=0'/>\n"
			      "  </qemu:commandline>\n");
	add_mtus(spec, out);
	text_add(out, "</domain>\n");
}
