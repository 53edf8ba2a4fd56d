#!/usr/bin/env python3
"""Sends the same packets through two routers that translate addresses, ours and the kernel's, and compares what becomes of each.

Usage: nat_reference.py OUR_INSIDE OUR_OUTSIDE KERNEL_INSIDE KERNEL_OUTSIDE: names of namespaces, each with an interface `tap0` in it.
A marker packet follows each packet the same way: once it has come through, what was sent before it has come through, too, or never will.
Differences that are meant are in MEANT, with the reason; any other one fails.
"""
import ctypes
import os
import socket
import struct
import sys
import time

INSIDE, OUTSIDE, STATIC = "10.1.0.1", "198.51.100.1", "198.51.100.50"
FIN, SYN, RST, ACK = 1, 2, 4, 16
TCP, UDP, ICMP = 6, 17, 1

# Scenarios whose verdicts differ on purpose: a part of their name -> why.
MEANT = {
    "later fragment first": "the kernel puts packets together before it translates; we follow a first fragment and drop what overtakes it",
    "first fragment alone": "the kernel waits for the rest; we pass it on at once",
    "bad checksum": "the kernel's tracking checks transport checksums; we leave that to the receiver, as routers do",
    "a second one to another port": "our port of a host's own port is the same for all whom it speaks to (RFC 4787 REQ-1), the kernel's is another",
    "protocol 132": "the kernel looks into SCTP and drops what isn't sound; we change the addresses of protocols without looking further",
}


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip(src, dst, protocol, payload, ttl=64, ident=1, fragment=0, options=b""):
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | words, 0, 4 * words + len(payload), ident, fragment, ttl, protocol, 0, socket.inet_aton(src), socket.inet_aton(dst)) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def pseudo(src, dst, protocol, payload):
    return socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!BBH", 0, protocol, len(payload)) + payload


def tcp(src, dst, sport, dport, flags, seq=1000, ack=0, data=b"", bad=False):
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 8192, 0, 0) + data
    total = checksum(pseudo(src, dst, TCP, head)) ^ (0x0101 if bad else 0)
    return head[:16] + struct.pack("!H", total) + head[18:]


def udp(src, dst, sport, dport, data=b"hello", bad=False, none=False):
    head = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    total = 0 if none else checksum(pseudo(src, dst, UDP, head)) ^ (0x0101 if bad else 0)
    return head[:6] + struct.pack("!H", total) + head[8:]


def icmp(kind, code, rest, data=b""):
    body = struct.pack("!BBH", kind, code, 0) + rest + data
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


class Side:
    """One end: a raw socket in a namespace, and what it has seen."""

    def __init__(self, space, router):
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/run/netns/{space}", "rb") as handle:
            if libc.setns(handle.fileno(), 0) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        self.line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        self.line.bind(("tap0", 0x0800))
        self.line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.mac = self.line.getsockname()[4]
        self.router = None
        os.system(f"ping -n -c 1 -W 1 {router} >/dev/null 2>&1")
        text = os.popen(f"ip neigh show {router}").read().split()
        if "lladdr" not in text:
            raise SystemExit(f"{space}: no MAC of {router}: {text}")
        self.router = bytes.fromhex(text[text.index("lladdr") + 1].replace(":", ""))

    def send(self, packet):
        self.line.send(self.router + self.mac + b"\x08\x00" + packet)

    def seen(self):
        """All packets that have come from the router."""
        packets = []
        while True:
            try:
                frame = self.line.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return packets
            if frame[6:12] == self.router and frame[0:6] == self.mac:
                packets.append(frame[14:])


class Router:
    """A router with its two ends."""

    def __init__(self, inside, outside):
        self.ends = {"in": Side(inside, INSIDE), "out": Side(outside, OUTSIDE)}
        self.markers = 0

    def mark(self, side):
        self.markers += 1
        text = b"marker %d " % self.markers
        if side == "in":
            src, dst, sport, dport = "10.1.0.99", "198.51.100.99", 9999, 9999
        else:
            src, dst, sport, dport = "198.51.100.99", OUTSIDE, 9998, 9
        self.ends[side].send(ip(src, dst, UDP, udp(src, dst, sport, dport, text)))
        return text

    def passes(self, side, packet):
        """What becomes of a packet: [(end, packet)]."""
        self.ends[side].send(packet)
        text = self.mark(side)
        other = "out" if side == "in" else "in"
        got, until, marked = [], time.monotonic() + 5, False
        while not marked:
            if time.monotonic() > until:
                raise SystemExit(f"the marker from {side} got lost")
            for end in ("in", "out"):
                for found in self.ends[end].seen():
                    if text in found and end == other:
                        marked = True
                    elif b"marker " not in found:
                        got.append((end, found))
            if not marked:
                time.sleep(0.0003)
        time.sleep(0.002)
        for end in ("in", "out"):
            got += [(end, found) for found in self.ends[end].seen() if b"marker " not in found]
        return got


def endpoint(packet):
    """(protocol, src, sport, dst, dport, flags or type) as far as there."""
    size = (packet[0] & 15) * 4
    protocol, src, dst = packet[9], socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])
    body = packet[size:]
    if struct.unpack("!H", packet[6:8])[0] & 0x1FFF:
        return protocol, src, None, dst, None, "later"
    if protocol in (TCP, UDP) and len(body) >= 4:
        sport, dport = struct.unpack("!HH", body[:4])
        return protocol, src, sport, dst, dport, body[13] if protocol == TCP and len(body) > 13 else 0
    if protocol == ICMP and len(body) >= 8:
        return protocol, src, struct.unpack("!H", body[4:6])[0], dst, None, (body[0], body[1])
    return protocol, src, None, dst, None, 0


def sound(packet):
    """IP and transport checksums are right; fragments aside."""
    size = (packet[0] & 15) * 4
    body, protocol = packet[size : struct.unpack("!H", packet[2:4])[0]], packet[9]
    src, dst = socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])
    if checksum(packet[:size]) != 0:
        return False
    if struct.unpack("!H", packet[6:8])[0] & 0x3FFF:
        return True
    if protocol == ICMP:
        return checksum(body) == 0
    if protocol == TCP or (protocol == UDP and body[6:8] != b"\0\0"):
        return checksum(pseudo(src, dst, protocol, body)) == 0
    return True


def summary(got, ports):
    """What two routers may be compared by: ports that a router chose by itself become names."""

    def named(address, port):
        if port is None or address not in (OUTSIDE,) or port in (22, 53, 9, 2201):
            return port
        return ports.get(port, "new")

    rows = []
    for end, packet in got:
        protocol, src, sport, dst, dport, what = endpoint(packet)
        if protocol == ICMP and what[0] in (3, 11, 12, 4):
            size = (packet[0] & 15) * 4
            inner = endpoint(packet[size + 8 :])
            if what[0] == 3 and what[1] in (2, 3, 10, 13) and src in (INSIDE, OUTSIDE, STATIC):
                rows.append((end, "refused"))
                continue
            rows.append((end, "error", what[0], what[1], src, dst, inner[0], inner[1], named(inner[1], inner[2]), inner[3], named(inner[3], inner[4])))
        elif protocol == TCP and what & RST and src in (INSIDE, OUTSIDE, STATIC) and sport not in (22,) and not ports.get("rst"):
            rows.append((end, "refused"))
        elif protocol == ICMP:
            rows.append((end, protocol, src, dst, what))
        else:
            rows.append((end, protocol, src, named(src, sport), dst, named(dst, dport), what, sound(packet)))
    return sorted(map(str, rows))


class Talk:
    """One scenario on one router: packets one after the other, replies to what was seen."""

    def __init__(self, router, number):
        self.router, self.base, self.rows, self.ports = router, 10000 + 8 * number, [], {}
        self.last = {}

    def go(self, side, packet):
        got = self.router.passes(side, packet)
        for end, found in got:
            self.last[end] = found
            protocol, src, sport, _, _, what = endpoint(found)
            if end == "out" and src == OUTSIDE and protocol in (TCP, UDP) and sport and sport not in (22, 53, 2201):
                self.ports.setdefault(sport, f"port {len(self.ports)}")
        self.rows.append(summary(got, self.ports))
        return got

    def mapped(self):
        """The outside port, or identifier, that stands for the last packet that came out."""
        return endpoint(self.last["out"])[2] if "out" in self.last else 1


def outgoing(host, protocol, steps):
    """A host begins; `steps` go both ways."""

    def play(talk):
        remote, sport = "198.51.100.77", talk.base
        for step in steps:
            side, flags = step[0], step[1]
            port = 80 + (step[2] if len(step) > 2 else 0)
            if side == "in":
                body = tcp(host, remote, sport, port, flags) if protocol == TCP else udp(host, remote, sport, port)
                talk.go("in", ip(host, remote, protocol, body))
            else:
                src = step[3] if len(step) > 3 else remote
                to = STATIC if host == "10.1.0.11" else OUTSIDE
                dport = sport if host == "10.1.0.11" else talk.mapped()
                body = tcp(src, to, port, dport, flags) if protocol == TCP else udp(src, to, port, dport)
                talk.go("out", ip(src, to, protocol, body))

    return play


def incoming(to, dport, host, inside_port, protocol, steps):
    """Someone outside begins, to a port that is forwarded or an address that stands for a machine."""

    def play(talk):
        remote, sport = "198.51.100.78", talk.base
        for side, flags in steps:
            if side == "out":
                body = tcp(remote, to, sport, dport, flags) if protocol == TCP else udp(remote, to, sport, dport)
                talk.go("out", ip(remote, to, protocol, body))
            else:
                body = tcp(host, remote, inside_port, sport, flags) if protocol == TCP else udp(host, remote, inside_port, sport)
                talk.go("in", ip(host, remote, protocol, body))

    return play


def error(direction, protocol, kind, code, quoted, sender):
    """An ICMP error about a packet that went out, or came in by a forwarded port."""

    def play(talk):
        remote = "198.51.100.79"
        if direction == "out":
            body = tcp("10.1.0.9", remote, talk.base, 80, SYN) if protocol == TCP else udp("10.1.0.9", remote, talk.base, 80)
            talk.go("in", ip("10.1.0.9", remote, protocol, body))
            about = talk.last.get("out", b"")
            talk.go("out", ip(sender, OUTSIDE, ICMP, icmp(kind, code, b"\0\0\x05\x14" if code == 4 else bytes(4), about[:quoted])))
        else:
            body = tcp(remote, OUTSIDE, talk.base, 2201, SYN) if protocol == TCP else udp(remote, OUTSIDE, talk.base, 53)
            talk.go("out", ip(remote, OUTSIDE, protocol, body))
            about = talk.last.get("in", b"")
            talk.go("in", ip(sender, remote, ICMP, icmp(kind, code, bytes(4), about[:quoted])))

    return play


def echo(host, steps):
    def play(talk):
        remote = "198.51.100.80"
        for side, kind in steps:
            if side == "in":
                talk.go("in", ip(host, remote, ICMP, icmp(kind, 0, struct.pack("!HH", talk.base, 1), b"ping")))
            else:
                number = talk.mapped() if host != "10.1.0.11" else talk.base
                to = STATIC if host == "10.1.0.11" else OUTSIDE
                talk.go("out", ip(remote, to, ICMP, icmp(kind, 0, struct.pack("!HH", number, 1), b"ping")))

    return play


def pieces(order):
    """A datagram in two pieces, in some order."""

    def play(talk):
        remote = "198.51.100.81"
        whole = udp("10.1.0.9", remote, talk.base, 80, bytes(range(64)))
        parts = {"first": (whole[:40], 0x2000), "later": (whole[40:], 5)}
        for name in order:
            body, fragment = parts[name]
            talk.go("in", ip("10.1.0.9", remote, UDP, body, ident=talk.base, fragment=fragment))

    return play


def one(side, make):
    """A single packet; `make` gets the scenario's port."""

    def play(talk):
        talk.go(side, make(talk.base))

    return play


def scenarios():
    """(name, what is played)"""
    handshake = [("in", SYN), ("out", SYN | ACK), ("in", ACK)]
    after = {
        "nothing": [],
        "data": [("in", ACK), ("out", ACK)],
        "an end from inside": [("in", FIN | ACK), ("out", ACK), ("out", FIN | ACK), ("in", ACK)],
        "an end from outside": [("out", FIN | ACK), ("in", ACK), ("in", FIN | ACK), ("out", ACK)],
        "another remote port": [("out", ACK, 1)],
        "another remote host": [("out", SYN, 0, "198.51.100.90")],
        "a second one to another port": [("in", SYN, 1), ("out", SYN | ACK, 1)],
    }
    for host in ("10.1.0.9", "10.1.0.10", "10.1.0.11", "10.1.0.12"):
        for name, steps in after.items():
            if host == "10.1.0.11" and name.startswith("another remote"):
                continue
            yield f"tcp of {host}: handshake, then {name}", outgoing(host, TCP, handshake + steps)
            if name not in ("nothing", "an end from inside", "an end from outside"):
                yield f"udp of {host}: {name}", outgoing(host, UDP, [("in", 0), ("out", 0)] + steps)
        yield f"tcp of {host}: reset of nothing", outgoing(host, TCP, [("in", RST)])
        yield f"tcp of {host}: syn+ack of nothing", outgoing(host, TCP, [("in", SYN | ACK)])
        yield f"tcp of {host}: syn again", outgoing(host, TCP, [("in", SYN), ("in", SYN), ("out", SYN | ACK)])
        yield f"ping of {host}", echo(host, [("in", 8), ("out", 0), ("in", 8), ("out", 0)])
        yield f"echo reply of {host} that nobody asked for", echo(host, [("in", 0)])
        yield f"timestamp of {host}", echo(host, [("in", 13), ("out", 14)])
        for protocol in (47, 50, 132):
            yield f"protocol {protocol} of {host}", one("in", lambda port, p=protocol, h=host: ip(h, "198.51.100.70", p, struct.pack("!HH", port, 80) + bytes(28)))
    forwarded = [
        ("tcp/2201", OUTSIDE, 2201, "10.1.0.9", 22, TCP),
        ("udp/53", OUTSIDE, 53, "10.1.0.10", 53, UDP),
        ("one-to-one tcp", STATIC, 443, "10.1.0.11", 443, TCP),
        ("one-to-one udp", STATIC, 500, "10.1.0.11", 500, UDP),
    ]
    ways = {
        "begun": [("out", SYN)],
        "answered": [("out", SYN), ("in", SYN | ACK), ("out", ACK)],
        "ended from outside": [("out", SYN), ("in", SYN | ACK), ("out", ACK), ("out", FIN | ACK), ("in", FIN | ACK), ("out", ACK)],
        "refused by the machine": [("out", SYN), ("in", RST | ACK)],
        "begun twice": [("out", SYN), ("out", SYN), ("in", SYN | ACK)],
    }
    for name, to, dport, host, inside, protocol in forwarded:
        for way, steps in ways.items():
            if protocol == UDP and way not in ("begun", "answered"):
                continue
            yield f"{name} {way}", incoming(to, dport, host, inside, protocol, steps)
    for name, to, dport in (("a closed port", OUTSIDE, 2202), ("the next one", OUTSIDE, 2200), ("a high one", OUTSIDE, 60001)):
        yield f"tcp to {name}", one("out", lambda port, t=to, d=dport: ip("198.51.100.82", t, TCP, tcp("198.51.100.82", t, port, d, SYN)))
        yield f"udp to {name}", one("out", lambda port, t=to, d=dport: ip("198.51.100.82", t, UDP, udp("198.51.100.82", t, port, d)))
    for host in ("10.1.0.9", "10.1.0.12"):
        yield f"hairpin of {host} to tcp/2201", one("in", lambda port, h=host: ip(h, OUTSIDE, TCP, tcp(h, OUTSIDE, port, 2201, SYN)))
        yield f"hairpin of {host} to udp/53", one("in", lambda port, h=host: ip(h, OUTSIDE, UDP, udp(h, OUTSIDE, port, 53)))
        yield f"hairpin of {host} to one-to-one", one("in", lambda port, h=host: ip(h, STATIC, TCP, tcp(h, STATIC, port, 443, SYN)))
    for protocol, word in ((TCP, "tcp"), (UDP, "udp")):
        for kind, code in ((3, 0), (3, 1), (3, 3), (3, 4), (11, 0), (12, 0)):
            for quoted in (28, 48):
                for sender in ("198.51.100.79", "198.51.100.200"):
                    yield f"error {kind}/{code} of {sender} about {quoted} bytes of {word} that went out", error("out", protocol, kind, code, quoted, sender)
            host = "10.1.0.9" if protocol == TCP else "10.1.0.10"
            yield f"error {kind}/{code} about {word} that came in", error("in", protocol, kind, code, 48, host)
    yield "error about nothing", one("out", lambda port: ip("198.51.100.83", OUTSIDE, ICMP, icmp(3, 3, bytes(4), ip(OUTSIDE, "198.51.100.83", UDP, udp(OUTSIDE, "198.51.100.83", 40001, 80)))))
    yield "error about nothing from inside", one("in", lambda port: ip("10.1.0.9", "198.51.100.83", ICMP, icmp(3, 3, bytes(4), ip("198.51.100.83", "10.1.0.9", UDP, udp("198.51.100.83", "10.1.0.9", 40001, 80)))))
    yield "a datagram in pieces, later fragment first", pieces(["later", "first"])
    yield "a datagram in pieces, first fragment alone", pieces(["first"])
    yield "a datagram in pieces, only the later fragment", pieces(["later"])
    for ttl in (0, 1, 2):
        for protocol in (TCP, UDP):
            yield f"ttl {ttl} from inside, {protocol}", one("in", lambda port, t=ttl, p=protocol: ip("10.1.0.9", "198.51.100.84", p, tcp("10.1.0.9", "198.51.100.84", port, 80, SYN) if p == TCP else udp("10.1.0.9", "198.51.100.84", port, 80), ttl=t))
            yield f"ttl {ttl} to a forwarded port, {protocol}", one("out", lambda port, t=ttl, p=protocol: ip("198.51.100.84", OUTSIDE, p, tcp("198.51.100.84", OUTSIDE, port, 2201, SYN) if p == TCP else udp("198.51.100.84", OUTSIDE, port, 53), ttl=t))
    for source in ("127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", OUTSIDE):
        yield f"from {source} inside", one("in", lambda port, s=source: ip(s, "198.51.100.85", UDP, udp(s, "198.51.100.85", port, 80)))
    yield "udp without checksum", one("in", lambda port: ip("10.1.0.9", "198.51.100.86", UDP, udp("10.1.0.9", "198.51.100.86", port, 80, none=True)))
    yield "udp with a bad checksum", one("in", lambda port: ip("10.1.0.9", "198.51.100.86", UDP, udp("10.1.0.9", "198.51.100.86", port, 80, bad=True)))
    yield "tcp with a bad checksum", one("in", lambda port: ip("10.1.0.9", "198.51.100.86", TCP, tcp("10.1.0.9", "198.51.100.86", port, 80, SYN, bad=True)))
    yield "options in the header", one("in", lambda port: ip("10.1.0.9", "198.51.100.86", UDP, udp("10.1.0.9", "198.51.100.86", port, 80), options=b"\x01\x01\x01\x01"))
    for size in (0, 4, 7):
        yield f"udp of {size} bytes", one("in", lambda port, s=size: ip("10.1.0.9", "198.51.100.87", UDP, udp("10.1.0.9", "198.51.100.87", port, 80)[:s]))
    for size in (8, 19):
        yield f"tcp of {size} bytes", one("in", lambda port, s=size: ip("10.1.0.9", "198.51.100.87", TCP, tcp("10.1.0.9", "198.51.100.87", port, 80, SYN)[:s]))
    yield "to the inside address, and the answer", incoming("10.1.0.12", 80, "10.1.0.12", 80, TCP, ways["answered"])
    yield "udp to the inside address, and the answer", incoming("10.1.0.12", 80, "10.1.0.12", 80, UDP, ways["answered"])


def main():
    os.sched_setaffinity(0, {0})
    ours, kernel = Router(sys.argv[1], sys.argv[2]), Router(sys.argv[3], sys.argv[4])
    same, meant, wrong = 0, 0, 0
    reasons = {}
    for number, (name, play) in enumerate(scenarios()):
        talks = [Talk(router, number) for router in (ours, kernel)]
        for talk in talks:
            play(talk)
        if talks[0].rows == talks[1].rows:
            same += 1
            continue
        reason = next((why for part, why in MEANT.items() if part in name), None)
        if reason is not None:
            meant += 1
            reasons.setdefault(reason, []).append(name)
            continue
        wrong += 1
        print(f"differs: {name}")
        for mine, theirs in zip(talks[0].rows, talks[1].rows):
            if mine != theirs:
                print(f"   ours   {mine}\n   kernel {theirs}")
    for reason, names in reasons.items():
        print(f"meant: {reason}: {'; '.join(names)}")
    print(f"{same} the same, {meant} meant to differ, {wrong} differ")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
