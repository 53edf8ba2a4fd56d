#!/usr/bin/env python3
"""The API with nothing but the standard library: lists machines, and prints the load of each router (R = G x C).

Usage: api.py [SOCKET], which is /run/weft/api.sock unless said otherwise.
"""
import http.client
import json
import socket
import sys


class Weft(http.client.HTTPConnection):
    """HTTP over the daemon's unix socket."""

    def __init__(self, path):
        super().__init__("weft")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)

    def ask(self, path):
        """GETs a path and returns what its JSON says."""
        self.request("GET", path)
        answer = self.getresponse()
        body = json.loads(answer.read())
        if answer.status != 200:
            sys.exit(f"{path}: {body.get('detail')}")
        return body


def main():
    weft = Weft(sys.argv[1] if len(sys.argv) > 1 else "/run/weft/api.sock")
    for vm in weft.ask("/v1/vms"):
        print(vm["lab"], vm["name"], vm["state"], *(nic["ipv4"] for nic in vm["nics"]))
    routers = {}
    for row in weft.ask("/v1/show/interfaces"):
        if row["is_router"]:
            total = routers.setdefault(row["name"].split(":")[0], [0, 0])
            total[0] += row["bandwidth_bps"]
            total[1] += row["throughput_bps"]
    for name, (bandwidth, throughput) in routers.items():
        print(f"{name}: {throughput} bit/s = {bandwidth} bit/s x {throughput / bandwidth:.6f}")


if __name__ == "__main__":
    main()
