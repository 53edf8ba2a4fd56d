#!/usr/bin/env python3
"""Forged, malformed and honest frames from tap0 of this network namespace, and an ear for them; each carries a mark in its bytes.

Usage: forgeries.py forge COUNT SEED [KIND]: COUNT frames of each kind of forgery, random in their details; prints how many were sent.
       forgeries.py malformed COUNT SEED: broken DHCP, ND and DNS in the own name; flood COUNT: as many source MACs; honest TARGET_MAC
       forgeries.py listen: until SIGTERM, then prints how many forged and how many honest frames were heard.
The sender is host 1, its victims are hosts 2 and 3 of 10.8.0.0/24 and 2001:db8:8::/64; the router is 10.8.0.1.
"""
import random
import signal
import socket
import struct
import sys
import time

FORGED, HONEST = b"FORGED-FRAME", b"HONEST-FRAME"
BROADCAST, ALL_NODES = b"\xff" * 6, bytes.fromhex("333300000001")
IPV4, ARP, IPV6, VLAN, QINQ = b"\x08\x00", b"\x08\x06", b"\x86\xdd", b"\x81\x00", b"\x88\xa8"
UDP, ICMPV6, OSPF, FRAGMENT = 17, 58, 89, 44


def host_mac(number):
    return bytes([0x52, 0x54, 0, 0, 8, number])


def host_ip(number):
    return bytes([10, 8, 0, 10 + number])


def host_ip6(number):
    return bytes.fromhex("20010db80008000000000000000000") + bytes([16 + number])


OWN, OWN_IP, OWN_IP6 = host_mac(1), host_ip(1), host_ip6(1)
ROUTER_IP, ROUTER_IP6 = bytes([10, 8, 0, 1]), bytes.fromhex("20010db8000800000000000000000001")


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source, target, protocol, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, source, target)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ipv6(source, target, protocol, payload, hops=255):
    return struct.pack("!IHBB16s16s", 0x60000000, len(payload), protocol, hops, source, target) + payload


def udp(source, target, payload):
    return struct.pack("!HHHH", source, target, 8 + len(payload), 0) + payload


def icmpv6(source, target, kind, body):
    message = bytes([kind, 0, 0, 0]) + body
    pseudo = source + target + struct.pack("!II", len(message), ICMPV6)
    return message[:2] + struct.pack("!H", checksum(pseudo + message)) + message[4:]


def nd(kind, target, option, mac, source=OWN_IP6, to=None, mark=FORGED):
    """Neighbor or router talk with a target, an option that names a MAC, and one of no known kind that carries the mark."""
    to = to or host_ip6(2)
    body = b"\x60\0\0\0" + target + bytes([option, 1]) + mac + bytes([253, 2]) + mark.ljust(14, b"\0")
    return ipv6(source, to, ICMPV6, icmpv6(source, to, kind, body))


def arp(operation, sender_mac, sender_ip, target_mac, target_ip):
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, operation, sender_mac, sender_ip, target_mac, target_ip) + FORGED.ljust(18, b"\0")


def dhcp(op, chaddr, options=b"\x35\x01\x02", mark=FORGED):
    return (struct.pack("!BBBBIHH16s16s64s128s", op, 1, 6, 0, 7, 0, 0, bytes(16), chaddr, mark, bytes(128)) + b"\x63\x82\x53\x63" + options +
            b"\xff").ljust(300, b"\0")


class Forger:
    """One method for each kind of forgery; all but one thing of a frame is as it should be."""

    def __init__(self, rand):
        self.rand = rand

    def other_mac(self):
        return self.rand.choice([host_mac(2), host_mac(3), bytes([2, 0]) + self.rand.randbytes(4)])

    def other_ip(self):
        return self.rand.choice([host_ip(2), host_ip(3), ROUTER_IP, bytes([10, 8, 0, self.rand.randrange(30, 250)]), bytes([192, 0, 2, 9])])

    def other_ip6(self):
        return self.rand.choice([host_ip6(2), host_ip6(3), ROUTER_IP6, host_ip6(0)[:12] + self.rand.randbytes(4)])

    def to(self):
        return self.rand.choice([BROADCAST, host_mac(2), host_mac(3)])

    def in_other_name(self, protocol, payload, group=None):
        target = group if group and self.rand.random() < 0.5 else host_ip(2)
        to = bytes([1, 0, 0x5E, target[1] & 0x7F]) + target[2:] if target == group else host_mac(2)
        return to + OWN + IPV4 + ipv4(self.other_ip(), target, protocol, payload)

    def mac(self):
        return self.to() + self.other_mac() + IPV4 + ipv4(OWN_IP, host_ip(2), UDP, udp(1000, 2000, FORGED))

    def ipv4(self):
        return self.in_other_name(UDP, udp(1000, 2000, FORGED))

    def ipv6(self):
        return host_mac(2) + OWN + IPV6 + ipv6(self.other_ip6(), host_ip6(2), UDP, udp(1000, 2000, FORGED))

    def arp_sender(self):
        return self.to() + OWN + ARP + arp(self.rand.choice([1, 2]), OWN, self.other_ip(), host_mac(2), host_ip(2))

    def gratuitous_arp(self):
        other = self.other_ip()
        return BROADCAST + OWN + ARP + arp(self.rand.choice([1, 2]), OWN, other, self.rand.choice([bytes(6), BROADCAST]), other)

    def neighbor_advertisement(self):
        return ALL_NODES + OWN + IPV6 + nd(136, self.other_ip6(), 2, OWN, to=bytes.fromhex("ff020000000000000000000000000001"))

    def neighbor_solicitation(self):
        return host_mac(2) + OWN + IPV6 + nd(135, host_ip6(2), 1, self.other_mac())

    def router_advertisement(self):
        return ALL_NODES + OWN + IPV6 + nd(self.rand.choice([134, 137]), self.other_ip6(), 1, OWN)

    def dhcp_server(self):
        if self.rand.random() < 0.3:
            return host_mac(2) + OWN + IPV6 + ipv6(OWN_IP6, host_ip6(2), UDP, udp(547, 546, FORGED))
        return self.to() + OWN + IPV4 + ipv4(OWN_IP, self.rand.choice([BROADCAST[:4], host_ip(2)]), UDP, udp(67, 68, dhcp(2, host_mac(2))))

    def foreign_chaddr(self):
        return BROADCAST + OWN + IPV4 + ipv4(bytes(4), BROADCAST[:4], UDP, udp(68, 67, dhcp(1, self.other_mac(), b"\x35\x01\x01")))

    def double_vlan(self):
        tag = struct.pack("!H", self.rand.randrange(4096))
        return self.to() + OWN + self.rand.choice([VLAN, QINQ]) + tag + VLAN + tag + IPV4 + ipv4(OWN_IP, host_ip(2), UDP, udp(1, 2, FORGED))

    def fragmented_nd(self):
        kind, option = self.rand.choice([(134, 1), (136, 2)])
        packet = nd(kind, self.other_ip6(), option, OWN)
        fragment = bytes([ICMPV6, 0, 0, 1]) + self.rand.randbytes(4) + packet[40:]
        return host_mac(2) + OWN + IPV6 + ipv6(OWN_IP6, host_ip6(2), FRAGMENT, fragment)

    def bridge_talk(self):
        kind = self.rand.choice([b"\x88\xcc", b"\x00\x26", b"\x88\x09"])
        return bytes([1, 0x80, 0xC2, 0, 0, self.rand.randrange(16)]) + OWN + kind + FORGED.ljust(46, b"\0")

    def vxlan(self):
        return self.in_other_name(UDP, udp(5000, 4789, struct.pack("!II", 0x08000000, 42 << 8) + host_mac(2) + OWN + IPV4 + FORGED))

    def ospf(self):
        return self.in_other_name(OSPF, struct.pack("!BBHII", 2, 1, 44, 9, 0) + FORGED.ljust(32, b"\0"), bytes([224, 0, 0, 5]))

    def bfd(self):
        return self.in_other_name(UDP, udp(49152, 3784, b"\x20\xc0\x03\x18" + FORGED.ljust(20, b"\0")))


KINDS = [name for name in vars(Forger) if name not in ("other_mac", "other_ip", "other_ip6", "to", "in_other_name", "__init__") and name[0] != "_"]


def broken(rand):
    """DHCP, neighbor discovery and DNS in the own name, but not as anybody should send it."""
    kind = rand.randrange(4)
    if kind == 0:
        message = dhcp(1, OWN, rand.choice([b"\x35\x01\x4d", b"\x35\x09\x01", b"\x32\x03\x01\x02\x03", b""]))[:rand.randrange(34, 300)]
        return BROADCAST + OWN + IPV4 + ipv4(bytes(4), BROADCAST[:4], UDP, udp(68, 67, message))
    if kind == 1:
        good = nd(135, host_ip6(2), 1, OWN)
        body = good[44:64] + bytes([1, rand.choice([0, 9, 255])]) + OWN + FORGED
        return host_mac(2) + OWN + IPV6 + ipv6(OWN_IP6, host_ip6(2), ICMPV6, icmpv6(OWN_IP6, host_ip6(2), 135, body))
    if kind == 2:
        question = rand.choice([b"", b"\x12\x34\x01", bytes(12), b"\0\1\1\0\0\1" + bytes(6) + b"\xc0\x0c\0\1\0\1", b"\0\1\1\0\0\1" + bytes(6) + b"\x3fshort"])
        return ROUTER_MAC + OWN + IPV4 + ipv4(OWN_IP, ROUTER_IP, UDP, udp(4711, 53, question))
    message = bytes([1, 1, 2, 3]) + struct.pack("!HH", 1, rand.choice([500, 0xFFFF])) + FORGED
    source = bytes.fromhex("fe80000000000000") + bytes([0x50, 0x54, 0, 0xFF, 0xFE, 0, 8, 1])
    return bytes.fromhex("333300010002") + OWN + IPV6 + ipv6(source, bytes.fromhex("ff020000000000000000000000010002"), UDP, udp(546, 547, message), 1)


ROUTER_MAC = BROADCAST


def send_all(frames):
    """Sends at a pace that the TAP's queue keeps up with, so that all that is sent is seen."""
    line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    line.bind(("tap0", 0))
    sent = 0
    for frame in frames:
        line.send(frame.ljust(60, b"\0"))
        sent += 1
        if sent % 200 == 0:
            time.sleep(0.01)
    print(sent)


def listen():
    line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    line.bind(("tap0", 3))
    heard = {FORGED: 0, HONEST: 0}
    signal.signal(signal.SIGTERM, lambda *_: (print(heard[FORGED], heard[HONEST], flush=True), sys.exit(0)))
    print("listening", file=sys.stderr, flush=True)
    while True:
        frame, address = line.recvfrom(4096)
        for mark in heard:
            heard[mark] += address[2] != socket.PACKET_OUTGOING and mark in frame


def main():
    global ROUTER_MAC
    what = sys.argv[1]
    if what == "listen":
        listen()
    elif what == "forge":
        count, rand = int(sys.argv[2]), random.Random(int(sys.argv[3]))
        forger = Forger(rand)
        send_all(getattr(forger, kind)() for kind in sys.argv[4:] or KINDS for _ in range(count))
    elif what == "malformed":
        rand, ROUTER_MAC = random.Random(int(sys.argv[3])), bytes.fromhex(sys.argv[4].replace(":", ""))
        send_all(broken(rand) for _ in range(int(sys.argv[2])))
    elif what == "flood":
        send_all(BROADCAST + bytes([2, 1]) + struct.pack("!I", i) + IPV4 + ipv4(OWN_IP, host_ip(2), UDP, udp(1, 2, FORGED)) for i in range(int(sys.argv[2])))
    elif what == "honest":
        target = int(sys.argv[2])
        send_all([host_mac(target) + OWN + IPV4 + ipv4(OWN_IP, host_ip(target), UDP, udp(1, 2, HONEST))] * 10)


if __name__ == "__main__":
    main()
