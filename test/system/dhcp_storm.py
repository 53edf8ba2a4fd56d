#!/usr/bin/env python3
"""DHCP clients by the hundred, all at once: one behind each TAP of this network namespace, asking with the MAC that its name says.

Usage: dhcp_storm.py COUNT LIMIT_S: interfaces s0, s1, ...; prints `MAC ADDRESS` for each lease, then how many there were and how long it
took. Nothing is ever sent a second time, so a lost packet is a client without a lease, and the exit status is 1.
"""
import select
import socket
import struct
import sys
import time

DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5
COOKIE = b"\x63\x82\x53\x63"


def client_mac(index):
    return bytes([0x52, 0x54, 0x00, 0x05, index >> 8, index & 0xFF])


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def message(index, options):
    mac = client_mac(index)
    dhcp = struct.pack("!BBBBIHH16s16s192s", 1, 1, 6, 0, 0xBEEF0000 + index, 0, 0x8000, bytes(16), mac, bytes(192)) + COOKIE + options + b"\xff"
    dhcp = dhcp.ljust(300, b"\0")
    udp = struct.pack("!HHHH", 68, 67, 8 + len(dhcp), 0) + dhcp
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), index, 0, 64, 17, 0, bytes(4), b"\xff" * 4)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return b"\xff" * 6 + mac + b"\x08\x00" + head + udp


def answer(frame, index):
    """The server's message to this client: its type, address and server's name for itself; None for anything else."""
    if len(frame) < 282 or frame[23] != 17 or frame[34:38] != b"\x00\x43\x00\x44":
        return None
    dhcp = frame[42:]
    if dhcp[0] != 2 or struct.unpack("!I", dhcp[4:8])[0] != 0xBEEF0000 + index or dhcp[28:34] != client_mac(index):
        return None
    options, at = {}, 240
    while at < len(dhcp) and dhcp[at] != 255:
        if dhcp[at]:
            options[dhcp[at]] = dhcp[at + 2:at + 2 + dhcp[at + 1]]
            at += dhcp[at + 1]
            at += 1
        at += 1
    return options[53][0], dhcp[16:20], options[54]


def main():
    count, limit_s = int(sys.argv[1]), float(sys.argv[2])
    poll = select.epoll()
    lines, leases = {}, {}
    for index in range(count):
        line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        line.bind((f"s{index}", 0x0800))
        line.setblocking(False)
        lines[line.fileno()] = (line, index)
        poll.register(line.fileno(), select.EPOLLIN)
    discovers = [message(index, bytes([53, 1, DISCOVER])) for index in range(count)]
    start = time.monotonic()
    for line, index in lines.values():
        line.send(discovers[index])
    while len(leases) < count and time.monotonic() - start < limit_s:
        for number, _ in poll.poll(0.05):
            line, index = lines[number]
            said = answer(line.recv(2048), index)
            if said is None:
                continue
            kind, address, server = said
            if kind == OFFER:
                line.send(message(index, bytes([53, 1, REQUEST, 50, 4]) + address + bytes([54, 4]) + server))
            elif kind == ACK:
                leases[index] = address
    took = time.monotonic() - start
    for index, address in sorted(leases.items()):
        print(client_mac(index).hex(":"), socket.inet_ntoa(address))
    print(f"{len(leases)} of {count} clients have a lease after {took:.3f} s", file=sys.stderr)
    return 0 if len(leases) == count == len(set(leases.values())) else 1


if __name__ == "__main__":
    sys.exit(main())
