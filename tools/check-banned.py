#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Refuse calls that the house does not use, with what to use instead."""
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(os.environ.get("HAKO_LINT_ROOT",
                                   pathlib.Path(__file__).resolve().parent.parent))

EVERYWHERE = {
    "strcpy": "str_copy", "stpcpy": "str_copy", "strcat": "str_add", "strncat": "str_addn",
    "strncpy": "str_copy", "sprintf": "snprintf or str_addf", "vsprintf": "vsnprintf",
    "gets": "io_read_fd", "atoi": "str_to_i64", "atol": "str_to_i64", "atoll": "str_to_i64",
    "atof": "strtod with an end pointer", "strtok": "strcspn", "strtok_r": "strcspn",
    "sscanf": "str_to_u64 on the pieces", "scanf": "io_read_fd", "fscanf": "io_read_fd",
    "system": "posix_spawn", "popen": "posix_spawn", "tmpnam": "O_TMPFILE or mkdtemp",
    "tempnam": "O_TMPFILE or mkdtemp", "mktemp": "mkstemp", "alloca": "an arena",
    "asctime": "str_rfc3339", "ctime": "str_rfc3339", "localtime": "localtime_r",
    "gmtime": "gmtime_r", "rand": "io_random", "srand": "io_random", "random": "io_random",
    "signal": "sigaction", "readdir_r": "readdir", "vfork": "posix_spawn",
    "longjmp": "a return value", "setjmp": "a return value",
}
# Below the command line: a library does not print, leave, sleep or keep threads of its own.
LIBRARY = {
    "printf": "return an err", "puts": "return an err", "putchar": "return an err",
    "fprintf": "return an err", "perror": "return an err", "exit": "return an err",
    "abort": "return an err", "sleep": "wait on a descriptor", "usleep": "wait on a descriptor",
    "nanosleep": "wait on a descriptor", "daemon": "monitor_spawn", "assert": "return an err",
}
LIBRARY_ROOMS = {"base", "sys", "spec", "http", "store", "net", "machine", "registry", "monitor",
                 "engine", "build", "compose", "box"}
# <file or folder>: names it may use, with the reason next to it.
ALLOWED = {
    "src/monitor/main.c": {"exit", "fprintf"},  # a program's main, not the library
}

NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
CALL = re.compile(r'(?<![\w.>])([a-z_][a-z0-9_]*)\s*\(')
# On the line of the call, with a reason: banned-ok: …
SUPPRESS = "banned-ok: "


def blank(m):
    return re.sub(r"[^\n]", " ", m.group(0))


def complaints(path):
    rel = path.relative_to(ROOT).as_posix()
    raw = path.read_text()
    raw_lines = raw.splitlines()
    parts = rel.split("/")
    banned = dict(EVERYWHERE)
    if parts[0] == "src" and parts[1] in LIBRARY_ROOMS:
        banned.update(LIBRARY)
    allowed = ALLOWED.get(rel, set())
    for number, line in enumerate(NOISE.sub(blank, raw).splitlines(), 1):
        for m in CALL.finditer(line):
            name = m.group(1)
            if name in banned and name not in allowed and SUPPRESS not in raw_lines[number - 1]:
                yield f"{rel}:{number}: {name}() is banned here: use {banned[name]}"


def main():
    bad = 0
    for d in ("src", "include", "fuzz", "tests", "bench", "examples"):
        for path in sorted((ROOT / d).rglob("*.[ch]")):
            for c in complaints(path):
                print(c)
                bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
