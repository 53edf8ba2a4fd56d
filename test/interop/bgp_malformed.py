"""A BGP speaker that sends malformed UPDATEs and checks after each that the session lives and the route is there or not, as RFC 7606 says.

usage: bgp_malformed.py LOCAL-ADDRESS LOCAL-AS REMOTE-ADDRESS ASK [CASES.jsonl]
ASK is a command that prints the prefixes which the other side uses, one a line. Further cases come from a file with a JSON object a line:
attr, flags, value (hex), prefix, ebgp (discard: the route is used without the attribute; withdraw: it isn't used).
"""
import ipaddress
import json
import socket
import struct
import subprocess
import sys
import time

local, local_as, remote, ask = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
MARKER = b"\xff" * 16
OPTIONAL, TRANSITIVE = 0x80, 0x40

# attribute type, flags, value, outcome
CASES = [
    (1, TRANSITIVE, "", "withdraw"),  # ORIGIN without a value (7.1)
    (1, TRANSITIVE, "03", "withdraw"),  # an undefined one
    (1, TRANSITIVE | OPTIONAL, "00", "withdraw"),  # wrong flags (3 c)
    (2, TRANSITIVE, "0201", "withdraw"),  # AS_PATH that is cut off (7.2)
    (2, TRANSITIVE, "0200", "withdraw"),  # an empty segment
    (2, TRANSITIVE, "090100010000", "withdraw"),  # an unknown segment
    (3, TRANSITIVE, "0a4d00", "withdraw"),  # NEXT_HOP of 3 bytes (7.3)
    (4, OPTIONAL, "000001", "withdraw"),  # MED of 3 bytes (7.4)
    (5, TRANSITIVE, "0001", "discard"),  # LOCAL_PREF from an external peer (7.5)
    (6, TRANSITIVE, "00", "discard"),  # ATOMIC_AGGREGATE with a value (7.6)
    (7, TRANSITIVE | OPTIONAL, "0001", "discard"),  # AGGREGATOR of 2 bytes (7.7)
    (8, TRANSITIVE | OPTIONAL, "000102", "withdraw"),  # COMMUNITIES of 3 bytes (7.8)
    (9, OPTIONAL, "0a000001", "discard"),  # ORIGINATOR_ID from an external peer (7.9)
    (10, OPTIONAL, "0a0001", "discard"),  # CLUSTER_LIST from an external peer (7.10)
    (16, TRANSITIVE | OPTIONAL, "0002fde8", "withdraw"),  # extended communities of 4 bytes (7.14)
    (32, TRANSITIVE | OPTIONAL, "0000fde80000", "withdraw"),  # large communities of 6 bytes (RFC 8092 5)
]


def message(kind, body=b""):
    return MARKER + struct.pack(">HB", 19 + len(body), kind) + body


def attribute(kind, flags, value):
    return struct.pack(">BBB", flags & 0xEF, kind, len(value)) + value


def update(prefix, replaced):
    attributes = {
        1: attribute(1, TRANSITIVE, b"\x00"),
        2: attribute(2, TRANSITIVE, struct.pack(">BBI", 2, 1, local_as)),
        3: attribute(3, TRANSITIVE, ipaddress.ip_address(local).packed),
    }
    attributes.update(replaced)
    data = b"".join(attributes[key] for key in sorted(attributes))
    network = ipaddress.ip_network(prefix)
    nlri = bytes([network.prefixlen]) + network.network_address.packed[: (network.prefixlen + 7) // 8]
    return message(2, struct.pack(">HH", 0, len(data)) + data + nlri)


class Session:
    def __init__(self):
        for _ in range(50):
            try:
                self.socket = socket.create_connection((remote, 179), 10, (local, 0))
                break
            except OSError:
                time.sleep(0.2)
        four_octets = struct.pack(">BBI", 65, 4, local_as)
        self.send(1, struct.pack(">BHH", 4, local_as if local_as < 65536 else 23456, 90) + ipaddress.ip_address(local).packed
                  + bytes([len(four_octets) + 2, 2, len(four_octets)]) + four_octets)
        self.send(4)
        time.sleep(1)

    def send(self, kind, body=b""):
        self.socket.sendall(message(kind, body))

    def alive(self):
        """Reads what has come; False when that is a NOTIFICATION or the end."""
        self.send(4)
        time.sleep(0.05)
        self.socket.setblocking(False)
        try:
            while True:
                data = self.socket.recv(65536)
                if not data:
                    return False
                while len(data) >= 19:
                    length = struct.unpack(">H", data[16:18])[0]
                    if data[18] == 3:
                        print("NOTIFICATION", list(data[19:21]))
                        return False
                    data = data[length:]
        except BlockingIOError:
            return True
        finally:
            self.socket.setblocking(True)


def main():
    cases = [{"attr": a, "flags": f, "value": v, "ebgp": o, "prefix": f"203.0.{i}.0/24"} for i, (a, f, v, o) in enumerate(CASES)]
    if len(sys.argv) > 5:
        with open(sys.argv[5], encoding="utf-8") as lines:
            cases += [case for case in map(json.loads, lines) if case["ebgp"] in ("discard", "withdraw")]
    session = Session()
    bad = 0
    session.socket.sendall(update("198.51.100.0/24", {}))
    for case in cases:
        # The route is there before: to be withdrawn is to be gone.
        session.socket.sendall(update(case["prefix"], {}))
        if case["attr"] is None:
            replaced = {3: attribute(3, TRANSITIVE, ipaddress.ip_address(case["nexthop"]).packed)}
        else:
            replaced = {case["attr"]: attribute(case["attr"], case["flags"], bytes.fromhex(case["value"]))}
        session.socket.sendall(update(case["prefix"], replaced))
        if not session.alive():
            print("the session ended after", case)
            return 1
    time.sleep(1)
    used = subprocess.run(ask, shell=True, check=True, capture_output=True, text=True).stdout.split()
    for case in cases:
        there = case["prefix"] in used
        if there != (case["ebgp"] == "discard"):
            print("used:" if there else "not used:", case)
            bad += 1
    if "198.51.100.0/24" not in used or not session.alive():
        print("the session or its good route is gone")
        bad += 1
    print(f"{len(cases)} malformed UPDATEs, {bad} not treated as RFC 7606 says")
    return 1 if bad else 0


sys.exit(main())
