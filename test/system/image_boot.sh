#!/bin/bash
# An appliance as another tool packs it (streamOptimized VMDK in an OVA with a manifest) comes in and boots from its own disk.
set -u
# shellcheck source=test/system/lib.sh
. "$(dirname "$0")/lib.sh"
for tool in syslinux mcopy mkfs.vfat qemu-img; do
	command -v "$tool" >/dev/null || PATH=$PATH:/sbin:/usr/sbin command -v "$tool" >/dev/null || { echo "$tool is missing: make deps"; exit 77; }
done
PATH=$PATH:/sbin:/usr/sbin
disk=$WEFT_ROOT/disk.raw
lab=$WEFT_ROOT/boot.weft.yaml

lab() { # MACHINES
	printf 'version: 1\nname: boot\nnetworks: { lan: { ipv4: 10.9.0.0/24, dhcp: true } }\nimages: { appliance: { imported: appliance } }\nvms:\n' >"$lab"
	printf '  %s\n' "$@" >>"$lab"
}

# What it boots is what builtin:tiny boots: kernel and initramfs as QEMU was told them, here on a FAT file system behind a boot loader.
printf 'version: 1\nname: boot\nnetworks: { lan: { ipv4: 10.9.0.0/24, dhcp: true } }\nvms: { m: { image: "builtin:tiny", nics: [lan] } }\n' >"$lab"
must "a first machine is up" timeout 200 "$weft" up "$lab" -q
option() { tr '\0' '\n' <"/proc/$(hypervisor m)/cmdline" | grep -A1 -x -- "$1" | tail -1; }
make_disk() {
	truncate -s 48M "$disk" && mkfs.vfat -F 16 --offset 2048 -n BOOT "$disk" 48128 &&
		printf 'SERIAL 0\nDEFAULT weft\nLABEL weft\n KERNEL /vmlinuz\n INITRD /initrd\n APPEND %s\n' \
			"$(option -append | sed 's/weft.hostname=.*/weft.hostname=appliance/')" >"$WEFT_ROOT/syslinux.cfg" &&
		mcopy -i "$disk@@1M" "$(option -kernel)" ::vmlinuz && mcopy -i "$disk@@1M" "$(option -initrd)" ::initrd &&
		mcopy -i "$disk@@1M" "$WEFT_ROOT/syslinux.cfg" :: && syslinux --offset 1048576 --install "$disk" &&
		dd if=/usr/lib/syslinux/mbr/mbr.bin of="$disk" conv=notrunc status=none &&
		python3 -c '
import struct, sys
with open(sys.argv[1], "r+b") as disk:
    disk.seek(446)
    disk.write(struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", 0x0e, b"\xfe\xff\xff", 2048, 48 * 2048 - 2048).ljust(64, b"\0") + b"\x55\xaa")' "$disk" &&
		qemu-img convert -f raw -O vmdk -o subformat=streamOptimized "$disk" "$WEFT_ROOT/disk.vmdk" &&
		python3 "$top/test/system/make_images.py" --appliance "$WEFT_ROOT/disk.vmdk" "$WEFT_ROOT/appliance.ova"
}
must "an appliance is made" make_disk
must "it is imported" timeout 60 "$weft" image import "$WEFT_ROOT/appliance.ova"

lab 'm: { image: "builtin:tiny", nics: [lan] }' 'a: { image: appliance, nics: [lan] }' 'kept: { image: appliance, keep-disk: true, start: false }'
must "a machine starts from it" timeout 200 "$weft" up "$lab" -q
guest_timeout=120
check "it boots from its disk" test "$(in_guest a hostname)" = appliance
check "it has the processors that its descriptor asks for" test "$(in_guest a nproc)" = 2
memory_kib=$(in_guest a "grep MemTotal /proc/meminfo" | tr -dc 0-9)
check "and its memory" test "$memory_kib" -gt 120000 -a "$memory_kib" -lt 196608
check "it is in the lab's network" within 30 reaches m "$(address a)"
check "the image is in use" status 1 "$weft" image rm appliance
check "and what was imported" timeout 60 "$weft" image verify appliance
check "the lab goes" timeout 120 "$weft" down boot -y -q
check "its disks go, too, but for one that is kept" test "$(find "$WEFT_ROOT/state" -name '*.qcow2' -printf '%P ')" = \
	"images/appliance/disk.qcow2 disks/boot+kept.qcow2 "
inode() { stat -c %i "$WEFT_ROOT/state/disks/boot+kept.qcow2"; }
before=$(inode)
lab 'kept: { image: appliance, keep-disk: true, start: false }'
check "the lab comes back" timeout 60 "$weft" up "$lab" -q
check "and goes" timeout 60 "$weft" down boot -y -q
check "the kept disk is still the same" test "$(inode)" = "$before"
check "an image with a kept disk over it stays" status 1 "$weft" image rm appliance
rm -r "$WEFT_ROOT/state/disks"
check "one that nobody uses goes" "$weft" image rm appliance
rmdir "$WEFT_ROOT/state/images"
rm -f "$WEFT_ROOT"/*.vmdk "$WEFT_ROOT"/*.ova "$WEFT_ROOT"/*.raw "$WEFT_ROOT"/*.yaml "$WEFT_ROOT/syslinux.cfg"
check "nothing is left behind" within 10 nothing_left
finish
