#!/usr/bin/env python3
"""One DHCPv4 client asks again and again: dhcp_ask.py INTERFACE MAC COUNT PER_SECOND. Prints how long offers and acknowledgements took."""
import random
import socket
import struct
import sys
import time


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def message(mac, xid, kind, options=b""):
    bootp = struct.pack("!BBBBIHHIIII", 1, 1, 6, 0, xid, 0, 0x8000, 0, 0, 0, 0) + mac + bytes(10 + 64 + 128)
    bootp += b"\x63\x82\x53\x63" + bytes([53, 1, kind]) + options + b"\xff"
    bootp += bytes(max(0, 300 - len(bootp)))
    udp = struct.pack("!HHHH", 68, 67, 8 + len(bootp), 0) + bootp
    head = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, 0, 0xFFFFFFFF)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return b"\xff" * 6 + mac + b"\x08\x00" + head + udp


def option(bootp, code):
    at = 240
    while at + 1 < len(bootp) and bootp[at] != 255:
        if bootp[at] == code:
            return bootp[at + 2 : at + 2 + bootp[at + 1]]
        at += 2 + bootp[at + 1] if bootp[at] else 1
    return b""


def answer(sock, xid, kind, until):
    """The BOOTP message that answers, or nothing."""
    while time.perf_counter() < until:
        try:
            frame = sock.recv(2048)
        except TimeoutError:
            continue
        bootp = frame[14 + (frame[14] & 15) * 4 + 8 :] if len(frame) > 282 and frame[12:14] == b"\x08\x00" else b""
        if len(bootp) >= 240 and bootp[0] == 2 and struct.unpack("!I", bootp[4:8])[0] == xid and option(bootp, 53) == bytes([kind]):
            return bootp
    return None


def main(interface, mac, count, per_second):
    mac = bytes.fromhex(mac.replace(":", ""))
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    sock.bind((interface, 0))
    sock.settimeout(0.5)
    times, lost = ([], []), 0
    for _ in range(int(count)):
        next_at = time.perf_counter() + 1 / float(per_second)
        xid, options = random.getrandbits(32), b""
        for part, kind in enumerate((1, 3)):
            start = time.perf_counter()
            sock.send(message(mac, xid, kind, options))
            bootp = answer(sock, xid, 2 if kind == 1 else 5, start + 1)
            if bootp is None:
                lost += 1
                break
            times[part].append((time.perf_counter() - start) * 1e3)
            options = bytes([50, 4]) + bootp[16:20] + bytes([54, 4]) + option(bootp, 54)
        time.sleep(max(0, next_at - time.perf_counter()))
    for name, some in zip(("offers", "acknowledgements"), times):
        some.sort()
        if some:
            print(f"{len(some)} {name}, median {some[len(some) // 2]:.3f} ms, 90 % within {some[len(some) * 9 // 10]:.3f} ms", end="; ")
    print(f"{lost} lost")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
