#!/usr/bin/env python3
"""House rules of the sources that no compiler checks: floors, circles, confined libraries, lengths, names, first lines, banned calls, paths.

Usage: lint_house.py [ROOT]. Prints `file:line: rule: text` for each finding, exit status 1 when there are any. lint_house_test.py plants one
finding of each rule and looks whether it is found.
"""
import os
import re
import subprocess
import sys

FILE_LINES_AIM = 500
FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
FUNCTION_LINES_EXCEPTION = 120
EXCEPTION = "Long because"

# Library header (prefix) -> rooms that may use it, each in at most so many files. Tests beside the files are not counted.
CONFINED = [
    ("libfyaml.h", {"model": 2}),
    ("jansson.h", {"model": 2, "api": 2, "ctl": 2, "ui": 2, "store": 1, "vm": 1, "image": 1}),
    ("archive.h", {"image": 1, "vm": 1}),
    ("curl/", {"ui": 1, "ctl": 1}),  # ctl: its test is a client
    ("microhttpd.h", {"ctl": 2, "ui": 1}),
    ("sqlite3.h", {"store": 2}),
    ("uv.h", {"proc": 2}),
    ("libvirt/", {"vm": 2}),
    ("seccomp.h", {"proc": 1}),
    ("cap-ng.h", {"proc": 1}),
    ("nettle/", {"base": 1, "net": 1, "model": 1, "route": 2, "vm": 1}),
    ("urcu", {"switch": 4}),
    ("ncurses.h", {"ui": 1}),
    ("histedit.h", {"ui": 1}),
    ("libxml/", {"image": 1, "ui": 1}),
    ("libslirp.h", {"switch": 1}),
    ("linux/if_tun.h", {"proc": 2, "switch": 2}),
]

# Rooms whose code is pure: what would let them do I/O or ask the clock.
PURE = {"model", "alloc"}
IMPURE_HEADERS = re.compile(r"^(unistd\.h|fcntl\.h|poll\.h|time\.h|pthread\.h|signal\.h|netdb\.h|sys/(socket|stat|mman|ioctl|epoll|wait|time)\.h)$")

BANNED = {
    "strcpy": "text_copy", "stpcpy": "text_copy", "strncpy": "text_copy", "strcat": "text_add", "strncat": "text_add",
    "sprintf": "snprintf or text_add", "vsprintf": "vsnprintf", "gets": "a bounded reader", "strtok": "strcspn and strspn",
    "strtok_r": "strcspn and strspn", "atoi": "strtol with checks", "atol": "strtol with checks", "atoll": "strtoll with checks",
    "atof": "strtod with checks", "alloca": "an arena", "system": "fork and execv", "popen": "fork and execv", "tmpnam": "mkstemp",
    "mktemp": "mkstemp", "rand": "base/rand.h", "srand": "base/rand.h", "random": "base/rand.h", "signal": "sigaction",
    "assert": "CHECK", "gethostbyname": "getaddrinfo", "usleep": "a timer of the loop", "vfork": "fork", "inet_addr": "ip_parse",
    "inet_aton": "ip_parse", "inet_ntoa": "ip_text",
}
BANNED_CALL = re.compile(r"(?<![\w.>])(" + "|".join(sorted(BANNED)) + r")\s*\(")

URL_HOSTS = re.compile(r"^(localhost|127\.0\.0\.1|unix|weft|www\.w3\.org|json-schema\.org|deb\.debian\.org|security\.debian\.org|registry\.npmjs\.org"
                       r"|([\w-]+\.)*(rfc-editor|ietf|debian|libvirt|qemu|kernel|graphviz|containerlab|apache|openapis|dmtf|weft)\.(org|dev|net|com)"
                       r"|github\.com|example\.(org|com|net))$")
# Written in two parts so that this file does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w.])/(" + "wor" + r"k/|tmp/wor" + r"k|home/\w|roo" + r"t/\w)")


class House:
    """The tree and the findings."""

    def __init__(self, root):
        self.root = root
        self.findings = []
        self.files = self.list_files()
        self.texts = {}
        with open(os.path.join(root, "src/FLOORS"), encoding="utf-8") as floors:
            self.floors = [line.split() for line in floors if line.strip()]
        self.floor_of = {room: i for i, rooms in enumerate(self.floors) for room in rooms}

    def list_files(self):
        """Files git knows or would add; all files where there is no git."""
        git = subprocess.run(["git", "-C", self.root, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=False)
        if git.returncode == 0 and git.stdout:
            names = git.stdout.splitlines()
        else:
            names = [os.path.relpath(os.path.join(d, f), self.root) for d, _, fs in os.walk(self.root) for f in fs]
        return sorted(n for n in set(names) if os.path.isfile(os.path.join(self.root, n)))

    def text(self, name):
        if name not in self.texts:
            with open(os.path.join(self.root, name), encoding="utf-8", errors="replace") as file:
                self.texts[name] = file.read()
        return self.texts[name]

    def add(self, name, line, rule, text):
        self.findings.append(f"{name}:{line}: {rule}: {text}")

    def c_files(self, *tops):
        return [n for n in self.files if n.endswith((".c", ".h")) and n.split("/")[0] in tops]


def strip_code(text):
    """The text with comments and the insides of strings replaced by blanks, lines kept."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def includes(text):
    """(line, kind, name) of each include; kind is '"' or '<'."""
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if match:
            yield number, match.group(1), match.group(2)


def room_of(name):
    """The room of a file below src/, None for the roof."""
    parts = name.split("/")
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def check_floors(house):
    top = set(house.floors[-1])
    for name in house.c_files("src"):
        room = room_of(name)
        if room is not None and room not in house.floor_of:
            house.add(name, 1, "floors", f"room {room} is not in src/FLOORS")
            continue
        for line, kind, target in includes(house.text(name)):
            if kind != '"':
                continue
            other = target.split("/")[0]
            if name.endswith("_test.c") and re.match(r"(\.\./)*test/", target):
                continue
            if "/" not in target or other not in house.floor_of:
                house.add(name, line, "floors", f'write the room: #include "ROOM/{os.path.basename(target)}"')
            elif room is None:
                if other in top and target != f"{other}/{other}.h":
                    house.add(name, line, "floors", f"the roof sees only {other}/{other}.h of room {other}")
            elif other != room and house.floor_of[other] >= house.floor_of[room]:
                way = "upward" if house.floor_of[other] > house.floor_of[room] else "sideways"
                house.add(name, line, "floors", f"{way} include: {room} may not know {other}")


def check_circles(house):
    graph = {n[4:]: [t for _, k, t in includes(house.text(n)) if k == '"'] for n in house.c_files("src") if n.endswith(".h")}
    done = set()
    for start in sorted(graph):
        path, stack = [], [(start, 0)]
        while stack:
            node, step = stack.pop()
            if step == 0:
                if node in done or node not in graph:
                    continue
                path.append(node)
            if step < len(graph[node]):
                stack.append((node, step + 1))
                target = graph[node][step]
                if target in path:
                    house.add("src/" + node, 1, "circle", " -> ".join(path[path.index(target):] + [target]))
                else:
                    stack.append((target, 0))
            else:
                done.add(path.pop())


def check_libraries(house):
    users = {}
    for name in house.c_files("src"):
        room = room_of(name) or "roof"
        if name.endswith("_test.c"):
            continue
        for line, kind, target in includes(house.text(name)):
            if kind == "<" and room in PURE and IMPURE_HEADERS.match(target):
                house.add(name, line, "pure", f"{room} does no I/O and asks no clock: no <{target}>")
            for prefix, rooms in CONFINED:
                if kind == "<" and target.startswith(prefix):
                    users.setdefault((prefix, room), {}).setdefault(name, line)
                    if room not in rooms:
                        house.add(name, line, "library", f"<{target}> belongs to {', '.join(rooms)} only")
    limits = dict(CONFINED)
    for (prefix, room), names in sorted(users.items()):
        limit = limits[prefix].get(room)
        if limit is not None and len(names) > limit:
            for name, line in names.items():
                house.add(name, line, "library", f"{prefix} is confined to {limit} file(s) of {room}, {len(names)} use it")


def check_lengths(house):
    for name in house.c_files("src", "test", "bench"):
        text = house.text(name)
        lines = text.splitlines()
        reason = EXCEPTION in "\n".join(lines[:40]) or name.endswith("_test.c")
        if len(lines) > FILE_LINES_MAX or (len(lines) > FILE_LINES_AIM and not reason):
            house.add(name, len(lines), "length", f"{len(lines)} lines; {FILE_LINES_AIM} are the aim; up to {FILE_LINES_MAX} with `{EXCEPTION} ...` in the opening comment")
        check_functions(house, name, strip_code(text).splitlines(), lines)


def check_functions(house, name, code, lines):
    start = None
    for number, line in enumerate(code):
        if line.rstrip() == "{" and start is None:
            start = number
        elif start is not None and line.startswith("}"):
            length = number - start - 1
            head = start
            while head > 0 and not code[head].rstrip().endswith(("}", ";")) and start - head < 30:
                head -= 1
            limit = FUNCTION_LINES_EXCEPTION if EXCEPTION in "\n".join(lines[head:start + 3]) else FUNCTION_LINES_MAX
            if length > limit:
                house.add(name, start + 1, "function", f"{length} lines; {FUNCTION_LINES_MAX} are the stop (a worker's inner loop may say `{EXCEPTION} ...`)")
            start = None


def check_names(house):
    seen = {}
    for name in house.c_files("src", "test", "bench"):
        folder, base = os.path.split(name)
        stem = base.rsplit(".", 1)[0]
        if seen.setdefault(stem, folder) != folder:
            house.add(name, 1, "name", f"{base}: the name is taken by {seen[stem]}/{stem}; put the room's word in front")
        if not re.match(r"^[a-z][a-z0-9_]*\.[ch]$", base):
            house.add(name, 1, "name", "names of sources are lower case with underscores")


def check_first_lines(house):
    for name in house.files:
        text = house.text(name) if name.endswith((".c", ".h", ".sh", ".py", ".weft.yaml")) or name.startswith("tools/") else None
        if text is None or name.startswith(("test/golden/", "test/fuzz/corpus/")) or name.endswith((".txt", ".md", ".json", ".yaml")) and not name.startswith("examples/"):
            continue
        lines = text.splitlines() or [""]
        first = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
        if not re.match(r'^(/\*|//|#|""")', first) or len(first) < 12 and not lines[1:2]:
            house.add(name, 1, "first-line", "open with a comment that says in one sentence what this file is")
        elif first.strip() == "/*" and not re.search(r"\w{2}", lines[1] if len(lines) > 1 else ""):
            house.add(name, 1, "first-line", "the opening comment is empty")


def check_guards(house):
    for name in house.c_files("src"):
        if not name.endswith(".h"):
            continue
        room, base = name.split("/")[1].upper(), re.sub(r"\W", "_", os.path.basename(name)).upper()
        if not re.search(rf"^#ifndef ({room}_(\w+_)?{base})\n#define \1\n", house.text(name), re.M):
            house.add(name, 1, "guard", f"include guard {room}_{base} is missing")


def check_calls(house):
    for name in house.c_files("src", "bench"):
        for number, line in enumerate(strip_code(house.text(name)).splitlines(), 1):
            for match in BANNED_CALL.finditer(line):
                if name.endswith("_test.c") and match.group(1) in ("usleep", "system", "popen"):
                    continue
                house.add(name, number, "banned", f"{match.group(1)}: use {BANNED[match.group(1)]}")


def check_paths(house):
    for name in house.files:
        if name.startswith(("test/golden/", "test/fuzz/corpus/")) or name.endswith((".png", ".svg", ".pcap")) or name == "LICENSE":
            continue
        for number, line in enumerate(house.text(name).splitlines(), 1):
            if MACHINE_PATH.search(line):
                house.add(name, number, "path", "a path of one machine")
            for match in re.finditer(r"https?://([\w.-]+)", line):
                if not URL_HOSTS.match(match.group(1)):
                    house.add(name, number, "path", f"a host nobody knows: {match.group(1)}")


CHECKS = [check_floors, check_circles, check_libraries, check_lengths, check_names, check_first_lines, check_guards, check_calls, check_paths]


def main():
    house = House(sys.argv[1] if len(sys.argv) > 1 else ".")
    for check in CHECKS:
        check(house)
    for finding in house.findings:
        print(finding)
    return 1 if house.findings else 0


if __name__ == "__main__":
    sys.exit(main())
