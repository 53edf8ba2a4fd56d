#!/usr/bin/env python3
"""Makes disk images for the tests of weft image: good ones, and hostile or broken ones.

usage: make_images.py FOLDER, or make_images.py --appliance DISK OVA to pack a disk as other tools do. Needs qemu-img. Prints one line a bad image: FILE, a tab, a pattern that its refusal must match, and what else
the command line says.
"""
import hashlib
import io
import os
import struct
import subprocess
import sys
import tarfile

OVF = """<?xml version="1.0" encoding="UTF-8"?>
{doctype}<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">
  <References><File ovf:id="file1" ovf:href="{disk}"{size}/></References>
  <DiskSection><Info>disks</Info>
    <Disk ovf:diskId="vmdisk1" ovf:fileRef="{reference}" ovf:capacity="32" ovf:capacityAllocationUnits="byte * 2^20"/></DiskSection>
  <VirtualSystem ovf:id="appliance"><Info>a machine</Info>
    <OperatingSystemSection ovf:id="96"><Info>system</Info><Description>Debian 12</Description></OperatingSystemSection>
    <VirtualHardwareSection><Info>hardware</Info>
      <Item><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>2</rasd:VirtualQuantity></Item>
      <Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:ResourceType>4</rasd:ResourceType>
        <rasd:VirtualQuantity>{memory}</rasd:VirtualQuantity></Item>
      <Item><rasd:Connection>VM Network</rasd:Connection><rasd:ResourceSubType>VmxNet3</rasd:ResourceSubType>
        <rasd:ResourceType>10</rasd:ResourceType></Item>
      <Item><rasd:HostResource>ovf:/disk/vmdisk1</rasd:HostResource><rasd:ResourceType>17</rasd:ResourceType></Item>
    </VirtualHardwareSection>
  </VirtualSystem>
</Envelope>
"""


def ovf(disk="disk.vmdk", memory="192", doctype="", reference="file1", size=""):
    return OVF.format(disk=disk, memory=memory, doctype=doctype, reference=reference, size=size).encode()


def manifest(files):
    return "".join(f"SHA256({name})= {hashlib.sha256(content).hexdigest()}\n" for name, content in files).encode()


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def archive(path, members):
    """members: (name, content) or a TarInfo that has no content."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            tar.addfile(info, io.BytesIO(member[1]))


def appliance(path, descriptor, disk, extra=(), lines=None):
    files = [("appliance.ovf", descriptor), ("disk.vmdk", disk)]
    archive(path, files[:1] + [("appliance.mf", manifest(files) if lines is None else lines)] + files[1:] + list(extra))


def qcow2(version=3, backing=0, incompatible=0, size=1 << 25, bits=16):
    head = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", version, backing, 11 if backing else 0, bits, size, 0, 1, 3 << 16, 1 << 16, 1, 0, 0)
    head += struct.pack(">QQQII", incompatible, 0, 0, 4, 104)
    head = head.ljust(0x200, b"\0") + b"/etc/passwd"
    return head.ljust(1 << 18, b"\0")


def qcow2_bomb():
    """One L2 table for all of the disk, one cluster for all of its entries: 8 GiB out of 320 KiB."""
    cluster, tables = 1 << 16, 16
    head = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, 16, tables * 8192 * cluster, 0, tables, cluster, 4 * cluster, 1, 0, 0)
    l1 = struct.pack(">Q", 2 * cluster) * tables
    l2 = struct.pack(">Q", 3 * cluster) * 8192
    return b"".join(part.ljust(cluster, b"\0") for part in (head, l1, l2, os.urandom(cluster), b""))


def sparse_vmdk(capacity=65536, text=b""):
    """A sparse extent's head with a descriptor in it."""
    head = struct.pack("<4sIIQQQQIQQQBccccH", b"KDMV", 1, 3, capacity, 128, 1, 20, 512, 21, 26, 128, 0, b"\n", b" ", b"\r", b"\n", 0)
    return (head.ljust(512, b"\0") + text.ljust(20 * 512, b"\0")).ljust(1 << 17, b"\0")


def descriptor_vmdk(kind, extent, parent=""):
    return (f'# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType="{kind}"\n{parent}\n# Extent description\n{extent}\n'
            '# The Disk Data Base\nddb.adapterType = "ide"\n').encode()


def link(name, target, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def bad_disks():
    """name, content, pattern, options"""
    vdi = bytearray(1 << 17)
    vdi[0x40:0x44] = b"\x7f\x10\xda\xbe"
    struct.pack_into("<III", vdi, 0x44, 0x10001, 400, 4)
    outside = 'RW 65536 FLAT "/etc/passwd" 0'
    yield "backing.qcow2", qcow2(backing=0x200), "refers to another file .a backing file.", ""
    yield "data-file.qcow2", qcow2(incompatible=4), "external data file", ""
    yield "absurd.qcow2", qcow2(size=1 << 62), "virtual size", ""
    yield "short.qcow2", qcow2()[:60], "ends within its head", ""
    yield "version.qcow2", qcow2(version=9), "version 9", ""
    yield "clusters.qcow2", qcow2(bits=40), "impossible size", ""
    yield "garbage.qcow2", qcow2().replace(b"\0" * 64, b"\xff" * 64), "qemu-img|broken|encrypted|external", ""
    yield "bomb.qcow2", qcow2_bomb(), "unpacks to more than", "--max-unpacked 64M"
    yield "flat.vmdk", descriptor_vmdk("monolithicFlat", outside), "only a descriptor", ""
    yield "extents.vmdk", sparse_vmdk(0, descriptor_vmdk("monolithicFlat", outside)), "its extents", ""
    yield "parent.vmdk", sparse_vmdk(text=descriptor_vmdk("monolithicSparse", "", 'parentFileNameHint="/etc/passwd"')), "parent disk", ""
    yield "absurd.vmdk", sparse_vmdk(1 << 50), "virtual size", ""
    yield "child.vdi", bytes(vdi), "parent disk", ""
    yield "packed.qcow2.gz", b"\x1f\x8b\x08" + bytes(600), "gzip: unpack", ""
    yield "packed.zip", b"PK\x03\x04" + bytes(600), "zip: unpack", ""
    yield "letter.txt", b"Dear Sir or Madam, " * 100, "is no disk image", ""
    yield "empty.raw", b"", "no regular file with something in it", ""
    yield "digest.raw", bytes(510) + b"\x55\xaa", "is not what was expected", "--sha256 " + "0" * 64


def bad_appliances(good):
    """name, archive's members or arguments of appliance(), pattern"""
    doctype = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]>\n'
    wrong = manifest([("appliance.ovf", ovf()), ("disk.vmdk", good + b"?")])
    yield "dots.ova", {"extra": [("../../../tmp/weft-was-here", b"x")]}, "no plain file name"
    yield "absolute.ova", {"extra": [("/etc/weft-was-here", b"x")]}, "no plain file name"
    yield "symlink.ova", {"extra": [link("more.vmdk", "/etc/passwd", tarfile.SYMTYPE)]}, "no regular file"
    yield "hardlink.ova", {"extra": [link("more.vmdk", "/etc/passwd", tarfile.LNKTYPE)]}, "no regular file"
    yield "device.ova", {"extra": [link("more.vmdk", "", tarfile.BLKTYPE)]}, "no regular file"
    yield "twice.ova", {"extra": [("disk.vmdk", b"other")]}, "two members"
    yield "digest.ova", {"lines": wrong}, "its digest differs"
    yield "left-out.ova", {"lines": manifest([("appliance.ovf", ovf())])}, "leaves out disk.vmdk"
    yield "garbled.ova", {"lines": b"SHA256(disk.vmdk)= 12345\n"}, "manifest.s line 1"
    yield "missing.ova", {"lines": manifest([("appliance.ovf", ovf()), ("disk.vmdk", good), ("other.vmdk", b"")])}, "no file other.vmdk"
    yield "entities.ova", {"descriptor": ovf(doctype=doctype)}, "document type"
    yield "outside.ova", {"descriptor": ovf(disk="../../../../etc/passwd")}, "no file of the package"
    yield "memory.ova", {"descriptor": ovf(memory="99999999999")}, "of memory"
    yield "no-xml.ova", {"descriptor": b"<Envelope><unfinished"}, "no XML"
    yield "reference.ova", {"descriptor": ovf(reference="file9")}, "doesn't list"
    yield "size.ova", {"descriptor": ovf(size=' ovf:size="12"')}, "the descriptor says 12"
    yield "backing.ova", {"disk": qcow2(backing=0x200)}, "refers to another file"


def main():
    if sys.argv[1] == "--appliance":
        appliance(sys.argv[3], ovf(), read(sys.argv[2]))
        return
    os.chdir(sys.argv[1])
    write("good.raw", bytes(510) + b"\x55\xaa" + b"some content" * 100000 + bytes((32 << 20) - 512 - 1200000))
    for options in (["-O", "qcow2", "good.qcow2"], ["-O", "vdi", "good.vdi"], ["-O", "vmdk", "good.vmdk"],
                    ["-O", "vmdk", "-o", "subformat=streamOptimized", "stream.vmdk"]):
        subprocess.run(["qemu-img", "convert", "-f", "raw", "good.raw"] + options, check=True)
    good = read("stream.vmdk")
    appliance("good.ova", ovf(size=f' ovf:size="{len(good)}"'), good)
    os.mkdir("folder")
    for name, content in (("appliance.ovf", ovf()), ("disk.vmdk", good), ("appliance.mf", manifest([("appliance.ovf", ovf()), ("disk.vmdk", good)]))):
        write("folder/" + name, content)
    for name, content, pattern, options in bad_disks():
        write(name, content)
        print(name, pattern, options, sep="\t")
    for name, change, pattern in bad_appliances(good):
        appliance(name, change.get("descriptor", ovf()), change.get("disk", good), change.get("extra", ()), change.get("lines"))
        print(name, pattern, "", sep="\t")
    write("cut.ova", read("good.ova")[:40000])
    print("cut.ova", "ends within its member|broken", "", sep="\t")
    archive("no-descriptor.ova", [("disk.vmdk", good)])
    print("no-descriptor.ova", "no descriptor", "", sep="\t")
    os.mkdir("linked")
    write("linked/linked.ovf", ovf())
    os.symlink("/etc/passwd", "linked/disk.vmdk")
    print("linked/linked.ovf", "no regular file beside it", "", sep="\t")
    os.mkfifo("pipe.raw")
    print("pipe.raw", "no regular file", "", sep="\t")


main()
