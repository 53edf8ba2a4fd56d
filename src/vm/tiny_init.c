/*
 * What the guest builtin:tiny runs: the text of its scripts.
 *
 * Theory of operation. /init is busybox's init: it runs /etc/rc once, then keeps a login shell on the serial line, with job control.
 * /etc/rc mounts what a Linux needs, loads the virtio drivers, sets the name given on the kernel's command line (weft.hostname=), brings
 * every NIC up with a DHCP client of its own in the background (IPv6 addresses are the kernel's business), and starts the guest agent,
 * through which commands are run and clean shutdown is asked for. Everything is in memory: nothing survives a shutdown.
 */
#include "vm/tiny_init.h"

#include "base/check.h"

const char *const tiny_modules[] = {"virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "failover",
	"net_failover", "virtio_net", "virtio_console"};
const size_t tiny_module_count = COUNT_OF(tiny_modules);

static const char inittab[] = "::sysinit:/etc/rc\n"
			      "ttyS0::respawn:-/bin/sh\n"
			      "::ctrlaltdel:/sbin/reboot -f\n"
			      "::shutdown:/bin/sync\n";

static const char rc[] =
	"#!/bin/sh\n"
	"# Brings the guest up; run once by init.\n"
	"export PATH=/bin:/sbin:/usr/bin:/usr/sbin\n"
	"/bin/busybox mount -t proc proc /proc\n"
	"/bin/busybox mount -t sysfs sys /sys\n"
	"/bin/busybox mount -t devtmpfs dev /dev\n"
	"/bin/busybox --install -s /bin\n"
	"mkdir -p /dev/pts /dev/shm /tmp\n"
	"chmod 1777 /tmp\n"
	"mount -t devpts pts /dev/pts\n"
	"for module in $(cat /lib/modules/order); do\n"
	"\tinsmod /lib/modules/$module.ko || echo \"module $module: not loaded\" >/dev/kmsg\n"
	"done\n"
	"name=tiny\n"
	"for word in $(cat /proc/cmdline); do\n"
	"\tcase $word in weft.hostname=*) name=${word#*=} ;; esac\n"
	"done\n"
	"hostname \"$name\"\n"
	"printf '127.0.0.1 localhost\\n::1 localhost\\n127.0.1.1 %s\\n' \"$name\" >/etc/hosts\n"
	"ip link set lo up\n"
	"for path in /sys/class/net/*; do\n"
	"\tnic=${path##*/}\n"
	"\t[ \"$nic\" = lo ] && continue\n"
	"\tip link set \"$nic\" up\n"
	"\tudhcpc -f -S -i \"$nic\" -s /etc/dhcp -x \"hostname:$name\" -O staticroutes -O mtu -t 4 -T 1 -A 3 </dev/null >/dev/null 2>&1 &\n"
	"done\n"
	"if [ -x /usr/sbin/qemu-ga ]; then\n"
	"\tfor port in /dev/vport*; do\n"
	"\t\t[ -e \"$port\" ] && qemu-ga -d -m virtio-serial -p \"$port\" -t /run -f /run/qemu-ga.pid -l /dev/null\n"
	"\t\tbreak\n"
	"\tdone\n"
	"fi\n"
	"printf '\\n%s: Linux %s, busybox. Everything here is in memory.\\n' \"$name\" \"$(uname -r)\" >/dev/console\n";

static const char dhcp[] =
	"#!/bin/sh\n"
	"# Puts what the DHCP server said into force; called by udhcpc with the event and the values in the environment.\n"
	"case $1 in\n"
	"deconfig)\n"
	"\tip -4 addr flush dev \"$interface\"\n"
	"\tip link set \"$interface\" up\n"
	"\t;;\n"
	"bound | renew)\n"
	"\t[ -n \"$mtu\" ] && ip link set \"$interface\" mtu \"$mtu\"\n"
	"\tip addr replace \"$ip/$mask\" ${broadcast:+broadcast $broadcast} dev \"$interface\"\n"
	"\tip -4 addr show dev \"$interface\" | while read -r kind address rest; do\n"
	"\t\t[ \"$kind\" = inet ] && [ \"$address\" != \"$ip/$mask\" ] && ip addr del \"$address\" dev \"$interface\"\n"
	"\tdone\n"
	"\tif [ -n \"$staticroutes\" ]; then\n"
	"\t\tset -- $staticroutes\n"
	"\t\twhile [ $# -ge 2 ]; do\n"
	"\t\t\t[ \"$2\" = 0.0.0.0 ] && ip route replace \"$1\" dev \"$interface\" || ip route replace \"$1\" via \"$2\" dev "
	"\"$interface\"\n"
	"\t\t\tshift 2\n"
	"\t\tdone\n"
	"\telse\n"
	"\t\tfor gateway in $router; do\n"
	"\t\t\tip route replace default via \"$gateway\" dev \"$interface\" metric $((100 + $(cat /sys/class/net/$interface/ifindex)))\n"
	"\t\t\tbreak\n"
	"\t\tdone\n"
	"\tfi\n"
	"\tif [ -n \"$dns\" ]; then\n"
	"\t\t{\n"
	"\t\t\t[ -n \"$domain\" ] && echo \"search $domain\"\n"
	"\t\t\tfor server in $dns; do echo \"nameserver $server\"; done\n"
	"\t\t} >/etc/resolv.conf\n"
	"\tfi\n"
	"\t;;\n"
	"esac\n"
	"exit 0\n";

static const char profile[] = "export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root TERM=linux\n"
			      "export PS1='\\h:\\w\\$ '\n"
			      "cd /root\n";

/* The guest agent ends the guest by this. Nothing is on a disk, so there is nothing to wait for. */
static const char shutdown_text[] = "#!/bin/sh\n"
				    "[ \"$1\" = -r ] && exec /bin/busybox reboot -f\n"
				    "exec /bin/busybox poweroff -f\n";

const struct tiny_text tiny_texts[] = {
	{"etc/inittab", 0644, inittab},
	{"etc/rc", 0755, rc},
	{"etc/dhcp", 0755, dhcp},
	{"etc/profile", 0644, profile},
	{"etc/passwd", 0644, "root::0:0:root:/root:/bin/sh\n"},
	{"etc/group", 0644, "root:x:0:\n"},
	{"sbin/shutdown", 0755, shutdown_text},
};
const size_t tiny_text_count = COUNT_OF(tiny_texts);
