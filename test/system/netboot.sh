#!/bin/bash
# Needs root. A machine without a disk boots from the network: iPXE gets its address and what to load by DHCP, a script by TFTP, a Linux kernel by
# HTTP, all through its vhost-user NIC, from a server behind a TAP; Linux then gets the same address again and reports back.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo "this needs root"; exit 77; }
guest=${WEFT_GUEST:-$build/guest}
[ -e "$guest/vmlinuz" ] || { echo "there is no $guest/vmlinuz: run tools/fetch-guest-kernel"; exit 77; }
[ -e /usr/lib/ipxe/qemu/pxe-virtio.rom ] || { echo "there is no iPXE for QEMU"; exit 77; }

space=weft-netboot-$$
clean_up_more() {
	local pid
	for pid in $(ip netns pids "$space" 2>/dev/null); do kill "$pid" 2>/dev/null; done
	ip netns del "$space" 2>/dev/null
}
ip netns add "$space"
ip -n "$space" link set lo up
namespaces_before=$(ip netns list 2>/dev/null | sort)

cat >"$WEFT_ROOT/netboot.weft.yaml" <<EOT
version: 1
name: netboot
networks:
  lan: { ipv4: 10.7.0.0/24, dhcp: true, next-server: 10.7.0.3, bootfile: boot.ipxe }
routers:
  gw: { interfaces: { lan: { network: lan, ipv4: 10.7.0.1 } } }
ports:
  server: { network: lan, tap: tap0, netns: $space, mac: "52:54:00:00:07:03", ipv4: 10.7.0.3 }
vms:
  bare: { image: "builtin:network", memory: 256M, nics: [lan] }
EOT

# What the server gives: a script for iPXE, a kernel, and a system that gets its address by DHCP and fetches a file by which it is known.
files=$WEFT_ROOT/files
mkdir -p "$files" "$WEFT_ROOT/tree/bin" "$WEFT_ROOT/tree/proc" "$WEFT_ROOT/tree/modules"
cat >"$files/boot.ipxe" <<'EOT'
#!ipxe
kernel http://${next-server}/vmlinuz console=ttyS0 quiet tsc=unstable random.trust_cpu=on address=${net0/ip}
initrd http://${next-server}/initrd
boot
EOT
cp "$guest/vmlinuz" "$files/"
cp "$guest/busybox" "$WEFT_ROOT/tree/bin/"
cp "$guest"/modules/*.ko "$WEFT_ROOT/tree/modules/"
cat >"$WEFT_ROOT/tree/init" <<'EOT'
#!/bin/busybox sh
/bin/busybox mount -t proc none /proc
for name in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci failover net_failover virtio_net; do
	/bin/busybox insmod /modules/$name.ko
done
/bin/busybox ip link set eth0 up
/bin/busybox udhcpc -i eth0 -q -n -t 10 -T 1 -s /set-address
/bin/busybox sleep 1000000
EOT
cat >"$WEFT_ROOT/tree/set-address" <<'EOT'
#!/bin/busybox sh
[ "$1" = bound ] || exit 0
/bin/busybox ip addr add "$ip/$mask" dev eth0
told=$(/bin/busybox sed -n 's/.*address=//p' /proc/cmdline)
/bin/busybox wget -q -O /dev/null "http://$siaddr/boot.ipxe?linux=$ip&ipxe=$told"
EOT
chmod +x "$WEFT_ROOT/tree/init" "$WEFT_ROOT/tree/set-address"
(cd "$WEFT_ROOT/tree" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >"$files/initrd")

must "the lab comes up" "$weft" up "$WEFT_ROOT/netboot.weft.yaml"
must "the TAP is there" within 10 ip -n "$space" link show tap0
ip -n "$space" link set tap0 address 52:54:00:00:07:03
ip -n "$space" link set tap0 up
ip -n "$space" addr add 10.7.0.3/24 dev tap0
ip netns exec "$space" "$top/test/system/netboot_server.py" 10.7.0.3 "$files" >"$WEFT_ROOT/fetched" 2>"$WEFT_ROOT/server.log" &

fetched() { grep -F "$1" "$WEFT_ROOT/fetched" || { cat "$WEFT_ROOT/fetched" "$WEFT_ROOT/server.log"; return 1; }; }
address=$(address bare)
must "iPXE is told where the server is, and gets its script by TFTP" within 90 fetched "tftp boot.ipxe"
check "weft show dhcp has the machine's address" says " $address " "$weft" show dhcp
must "it loads the kernel by HTTP" within 60 fetched "http /vmlinuz"
must "and a first file system" within 60 fetched "http /initrd"
check "Linux boots and has the same address as iPXE, the pool's" within 90 fetched "http /boot.ipxe?linux=$address&ipxe=$address"

check "the lab goes" "$weft" down netboot -y
clean_up_more
rm -rf "$WEFT_ROOT"/{netboot.weft.yaml,files,tree,fetched,server.log}
namespaces_before=$(echo "$namespaces_before" | grep -v "^$space")
check "nothing is left" within 30 nothing_left
finish
