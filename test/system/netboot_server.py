#!/usr/bin/env python3
"""Serves a folder to machines that boot from the network: by TFTP (RFC 1350, reading only) and by HTTP, on the usual ports of one address.

Usage: netboot_server.py ADDRESS FOLDER: logs `tftp NAME` and `http PATH` for each file that was fetched.
"""
import functools
import http.server
import os
import socket
import struct
import sys
import threading

READ, DATA, ACK, ERROR = 1, 3, 4, 5
BLOCK = 512


def say(*words):
    print(*words, flush=True)


def tftp_send(address, peer, content):
    """One file in lockstep blocks, each sent up to five times."""
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.bind((address, 0))
    line.settimeout(2)
    for block in range(len(content) // BLOCK + 1):
        number = (block + 1) & 0xFFFF
        for _ in range(5):
            line.sendto(struct.pack("!HH", DATA, number) + content[block * BLOCK:(block + 1) * BLOCK], peer)
            try:
                if line.recv(64)[:4] == struct.pack("!HH", ACK, number):
                    break
            except TimeoutError:
                continue
        else:
            return


def tftp(address, folder):
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.bind((address, 69))
    while True:
        request, peer = line.recvfrom(1024)
        if struct.unpack("!H", request[:2])[0] != READ:
            continue
        name = request[2:].split(b"\0")[0].decode()
        path = os.path.join(folder, os.path.basename(name))
        if not os.path.isfile(path):
            line.sendto(struct.pack("!HH", ERROR, 1) + b"no such file\0", peer)
            continue
        say("tftp", name)
        with open(path, "rb") as file:
            threading.Thread(target=tftp_send, args=(address, peer, file.read()), daemon=True).start()


class Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        say("http", self.path)


def main():
    address, folder = sys.argv[1:3]
    threading.Thread(target=tftp, args=(address, folder), daemon=True).start()
    server = http.server.ThreadingHTTPServer((address, 80), functools.partial(Files, directory=folder))
    server.serve_forever()


if __name__ == "__main__":
    main()
