#!/usr/bin/env python3
"""Kills the process ctl at random instants while numbers are given and given back, and looks whether any is held twice, by nobody, or lost.

Usage: pool_crash.py WEFT ROUNDS SEED ROOT...

Each ROOT is the WEFT_ROOT of a running daemon with a lab "crash" that has a network "wide", and holds 0.weft.yaml and 1.weft.yaml between
which the lab changes. In each round, on one daemon after the other, CALLERS callers reserve and release numbers through the API and, in
every CHANGE_EVERY-th, `weft up` changes the lab, until ctl is killed within KILL_WITHIN_S; then `weft pool check` must find nothing, and
each number must be as it was acknowledged last. With several daemons none is killed so often that its supervisor waits.
"""
import http.client
import json
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time

CALLERS = 8
NUMBERS = 2000
CHANGE_EVERY = 4
KILL_WITHIN_S = 0.4
BACK_WITHIN_S = 60
POOL = "crash/network/wide"


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("weft", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(self.path)

    def ask(self, method, path, body=None):
        self.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        answer = self.getresponse()
        return answer.status, json.loads(answer.read())

    def listener(self):
        """The number of the process that listens: ctl."""
        self.connect()
        return struct.unpack("iii", self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]


class Daemon:
    def __init__(self, root):
        self.root = root
        self.api = root + "/run/api.sock"
        self.known = {}  # number -> "reserved" or "free" as acknowledged, "?" while a request is under way
        self.rounds = 0

    def answers(self):
        until = time.monotonic() + BACK_WITHIN_S
        while time.monotonic() < until:
            try:
                return Connection(self.api).listener()
            except OSError:
                time.sleep(0.02)
        sys.exit(f"{self.root}: ctl did not come back")

    def settled(self):
        """What `weft pool check` says once no change is under way."""
        until = time.monotonic() + BACK_WITHIN_S
        while time.monotonic() < until:
            try:
                status, labs = Connection(self.api).ask("GET", "/v1/labs")
                if status == 200 and all(lab.get("state") not in ("changing", "up-pending") and not lab.get("operation") for lab in labs):
                    status, check = Connection(self.api).ask("GET", "/v1/pools/check")
                    if status == 200 and not check["problems"]:
                        return []
                    if status == 200 and time.monotonic() > until - BACK_WITHIN_S / 2:
                        return check["problems"]
            except (OSError, http.client.HTTPException, ValueError):
                pass
            time.sleep(0.05)
        return ["no answer to weft pool check"]

    def verify(self):
        _, rows = Connection(self.api).ask("GET", "/v1/holdings?pool=" + POOL)
        reserved = [row["value"] for row in rows if row["state"] == "reserved"]
        wrong = ["a number is reserved twice"] if len(set(reserved)) != len(reserved) else []
        for number, state in self.known.items():
            if state not in ("?", "reserved" if number in reserved else "free"):
                wrong.append(f"{number} was acknowledged as {state} and isn't")
            self.known[number] = "reserved" if number in reserved else "free"
        return wrong + [f"{number} is reserved and nobody asked" for number in reserved if number not in self.known]


def caller(daemon, numbers, until, rng, acknowledged):
    try:
        connection = Connection(daemon.api)
        while time.monotonic() < until:
            number = rng.choice(numbers)
            taken = daemon.known.get(number) == "reserved"
            daemon.known[number] = "?"
            status, answer = connection.ask("POST", "/v1/pools/" + ("release" if taken else "reserve"), {"pool": POOL, "value": number})
            daemon.known[number] = answer["state"] if status == 200 else f"refused ({answer.get('detail')})"
            acknowledged.append(number)
    except (OSError, http.client.HTTPException, ValueError):
        pass


def one_round(weft, daemon, rng, acknowledged):
    numbers = [f"10.200.{1 + n // 250}.{n % 250}" for n in range(NUMBERS)]
    pid = daemon.answers()
    delay = rng.random() * KILL_WITHIN_S
    until = time.monotonic() + delay + 5
    change = None
    if daemon.rounds % CHANGE_EVERY == 0:
        lab = f"{daemon.root}/{daemon.rounds // CHANGE_EVERY % 2}.weft.yaml"
        change = subprocess.Popen([weft, "up", lab], env=dict(os.environ, WEFT_ROOT=daemon.root), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
    daemon.rounds += 1
    callers = [
        threading.Thread(target=caller, args=(daemon, numbers[i::CALLERS], until, random.Random(rng.random()), acknowledged))
        for i in range(CALLERS)
    ]
    for thread in callers:
        thread.start()
    time.sleep(delay)
    os.kill(pid, 9)
    for thread in callers:
        thread.join()
    if change:
        change.wait()
    daemon.answers()
    return daemon.settled() + daemon.verify()


def main(weft, rounds, seed, *roots):
    rng = random.Random(seed)
    daemons = [Daemon(root) for root in roots]
    acknowledged, failed = [], 0
    started = time.monotonic()
    for number in range(int(rounds)):
        wrong = one_round(weft, daemons[number % len(daemons)], rng, acknowledged)
        failed += bool(wrong)
        for text in wrong[:5]:
            print(f"round {number}: {text}", flush=True)
        if number % 100 == 99:
            print(f"{number + 1} rounds, {len(acknowledged)} acknowledged, {failed} failed, {time.monotonic() - started:.0f} s", flush=True)
    print(f"ctl was killed {rounds} times, {len(acknowledged)} reservations and releases acknowledged, {failed} rounds failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
