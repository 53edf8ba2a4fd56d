#!/usr/bin/env python3
"""Runs clang-tidy over the sources of a build directory, skipping those that were clean in just this form before.

Usage: lint_tidy.py BUILD [FILE...]. What counts is the text of a source, of every header of ours that it includes, of .clang-tidy and the
compiler's options; the cache holds one empty file for each such form (XDG_CACHE_HOME/weft/tidy, shared by all checkouts of one user).
"""
import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
import time

TIDY = "clang-tidy-14"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def headers_of(path, known):
    """All headers of the tree that `path` includes, directly or not."""
    found, todo = set(), [path]
    while todo:
        for name in re.findall(rb'^\s*#\s*include\s*"([^"]+)"', known(todo.pop()), re.M):
            header = "src/" + name.decode()
            if header not in found and os.path.exists(header):
                found.add(header)
                todo.append(header)
    return sorted(found)


def digest(path, options, known):
    sha = hashlib.sha256()
    for text in [known(".clang-tidy"), options.encode(), path.encode(), known(path)] + [known(h) for h in headers_of(path, known)]:
        sha.update(hashlib.sha256(text).digest())
    return sha.hexdigest()


def tidy(build, path):
    begin = time.monotonic()
    run = subprocess.run([TIDY, "--quiet", "-p", build, path], capture_output=True, text=True, check=False)
    return path, run.returncode, run.stdout, time.monotonic() - begin


def sources(build, only):
    root = os.getcwd()
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        for command in json.load(file):
            path = os.path.relpath(os.path.realpath(os.path.join(command["directory"], command["file"])), root)
            generated = path.startswith(os.path.normpath(build) + os.sep)
            if path.endswith(".c") and not path.startswith("..") and not generated and (not only or path in only):
                yield path, re.sub(r"\S*" + re.escape(os.path.basename(root)) + r"\S*", "", command["command"])


def main():
    build, only = sys.argv[1], set(sys.argv[2:])
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "weft", "tidy")
    os.makedirs(cache, exist_ok=True)
    texts = {}

    def known(path):
        if path not in texts:
            texts[path] = read(path)
        return texts[path]

    todo = {}
    total = set()
    for path, options in sources(build, only):
        total.add(path)
        key = os.path.join(cache, digest(path, options, known))
        if not os.path.exists(key):
            todo[path] = key
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        for path, status, text, seconds in pool.map(lambda p: tidy(build, p), sorted(todo)):
            if status == 0:
                with open(todo[path], "w", encoding="utf-8"):
                    pass
            else:
                failed += 1
                print(re.sub(re.escape(os.getcwd()) + "/", "", text), end="")
            if seconds > 30:
                print(f"{path}: clang-tidy took {seconds:.0f} s", file=sys.stderr)
    print(f"clang-tidy: {len(total)} files, {len(todo)} looked at, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
