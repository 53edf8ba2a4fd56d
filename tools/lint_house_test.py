#!/usr/bin/env python3
"""Self-test of lint_house.py: plants one finding of each rule in a small tree and looks whether just that one is found."""
import os
import subprocess
import sys
import tempfile

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lint_house.py")
CLEAN = {
    "src/FLOORS": "base\nmodel\nproc\nctl ui\n",
    "src/weft.c": '/* The roof of the little house. */\n#include "ui/ui.h"\n',
    "src/base/ground.h": "/* The ground of the little house. */\n#ifndef BASE_GROUND_H\n#define BASE_GROUND_H\n#endif\n",
    "src/model/shape.c": '/* The shape of the little house. */\n#include "base/ground.h"\n\nint shape(void)\n{\n\treturn 1;\n}\n',
    "src/ui/ui.h": "/* The face of the little house. */\n#ifndef UI_UI_H\n#define UI_UI_H\n#endif\n",
    "src/ctl/ctl.h": "/* The mind of the little house. */\n#ifndef CTL_CTL_H\n#define CTL_CTL_H\n#endif\n",
}


def header(room, name, body):
    guard = f"{room}_{name}_H".upper()
    return f"/* A header of the little house. */\n#ifndef {guard}\n#define {guard}\n{body}#endif\n"


def function(lines, comment=""):
    return "/* A source of the little house. */\n" + comment + "int f(void)\n{\n" + "\tcall();\n" * lines + "}\n"


# What is planted, in which file, and the rule that must speak; None: nothing may be found.
PLANTED = [
    ("clean", "src/base/more.c", function(3), None),
    ("upward", "src/base/up.c", '/* Looks up where it may not. */\n#include "model/shape.h"\n', "floors"),
    ("sideways", "src/ui/side.c", '/* Looks aside where it may not. */\n#include "ctl/ctl.h"\n', "floors"),
    ("roof-inside", "src/roof.c", '/* The roof looks into a room. */\n#include "ctl/inner.h"\n', "floors"),
    ("no-room", "src/ui/flat.c", '/* Names no room in its include. */\n#include "ui.h"\n', "floors"),
    ("circle", "src/base/ring.h", header("base", "ring", '#include "base/ring.h"\n'), "circle"),
    ("library", "src/base/lib.c", "/* Uses a library of another room. */\n#include <sqlite3.h>\n", "library"),
    ("impure", "src/model/read.c", "/* Does input where none may be done. */\n#include <fcntl.h>\n", "pure"),
    ("long-function", "src/base/long.c", function(71), "function"),
    ("allowed-function", "src/base/loop.c", function(90, "/* Long because it is the worker's inner loop. */\n"), None),
    ("too-long-anyway", "src/base/huge.c", function(130, "/* Long because it is the worker's inner loop. */\n"), "function"),
    ("long-file", "src/base/file.c", "/* A file that never ends. */\n" + "extern int a;\n" * 600, "length"),
    ("reasoned-file", "src/base/table.c", "/* A table.\n * Long because it is one table. */\n" + "extern int a;\n" * 600, None),
    ("same-name", "src/ctl/shape.c", "/* Has the name of another file. */\n", "name"),
    ("no-first-line", "src/base/bare.c", "int a;\n", "first-line"),
    ("no-guard", "src/base/open.h", "/* A header without its guard. */\nint a;\n", "guard"),
    ("banned", "src/base/call.c", '/* Calls what is banned. */\nvoid f(char *a)\n{\n\tstrcpy(a, "b");\n}\n', "banned"),
    ("in-a-comment", "src/base/said.c", '/* Says strcpy() and system(), calls neither. */\nconst char *a = "system(1)";\n', None),
    ("path", "src/base/path.c", '/* Knows one machine. */\nconst char *a = "/wor' 'k/main";\n', "path"),
    ("host", "tools/get.sh", "#!/bin/sh\n# Fetches from who knows where.\ncurl http:" "//10.1.2.3/x\n", "path"),
]


def run(extra):
    with tempfile.TemporaryDirectory() as root:
        for name, text in {**CLEAN, **extra}.items():
            os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
            with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                file.write(text)
        return subprocess.run([sys.executable, TOOL, root], capture_output=True, text=True, check=False)


def main():
    failed = 0
    for name, path, text, rule in PLANTED:
        result = run({path: text})
        rules = {line.split(": ")[1] for line in result.stdout.splitlines()}
        if result.returncode not in (0, 1) or rules != ({rule} if rule else set()):
            print(f"{name}: expected {rule}, got {rules}\n{result.stdout}{result.stderr}")
            failed += 1
    print(f"lint_house_test: {len(PLANTED) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
