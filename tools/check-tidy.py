#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over src/, two at a time, asking again only about what changed.

A file's verdict is kept under build/lint-cache with a key made of everything it depends on: the
tool's version, .clang-tidy, the compile command, the file, and every project header it reaches.
Only clean verdicts are kept.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / os.environ.get("HAKO_BUILD", "build")
CACHE = BUILD / "lint-cache" / "tidy"
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def reach(path, seen):
    """All project headers reachable from path."""
    if path in seen or not path.exists():
        return
    seen.add(path)
    for name in INCLUDE.findall(path.read_text(errors="replace")):
        for base in (ROOT / "src", ROOT / "include", path.parent, BUILD / "src"):
            if (base / name).exists():
                reach((base / name).resolve(), seen)
                break


def commands():
    """One ordinary compile command per source of src/ (the musl twins are left out)."""
    found = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        path = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if "-specs=" in entry["command"] or ROOT / "src" not in path.parents:
            continue
        found.setdefault(path, entry)
    return found


def key_of(path, entry, salt):
    seen = set()
    reach(path, seen)
    h = hashlib.sha256(salt)
    h.update(entry["command"].encode())
    for p in sorted(seen):
        h.update(str(p).encode() + b"\0" + p.read_bytes())
    return h.hexdigest()


def brief(text):
    """The complaints with their lines, without the analyzer's walk to them."""
    keep, out = False, []
    for line in text.splitlines():
        if re.match(r"^\S+:\d+:\d+: ", line):
            keep = ": note: " not in line
        if keep:
            out.append(line)
    return "\n".join(out)


def check(path, entry, salt):
    mark = CACHE / key_of(path, entry, salt)
    if mark.exists():
        return path, True, ""
    drop = {"-c", "-o", "-MD", "-MQ", "-MF"}
    args, skip = [], False
    for a in shlex.split(entry["command"])[1:]:
        if skip:
            skip = False
        elif a in drop:
            skip = a != "-c" and a != "-MD"
        elif not a.endswith(".c"):
            args.append(a)
    if path != ROOT / "src" / "base" / "err.c":
        args += ["-include", str(ROOT / "tools" / "tidy.h")]
    r = subprocess.run(["clang-tidy", "--quiet", str(path), "--", *args,
                        "-Wno-unknown-warning-option"],
                       cwd=entry["directory"], capture_output=True, text=True)
    if r.returncode == 0:
        mark.touch()
        return path, True, ""
    return path, False, brief(r.stdout) or r.stderr.strip()


def main():
    CACHE.mkdir(parents=True, exist_ok=True)
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    salt = version + (ROOT / ".clang-tidy").read_bytes() + (ROOT / "tools" / "tidy.h").read_bytes()
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(check, p, e, salt) for p, e in sorted(commands().items())]
        for job in concurrent.futures.as_completed(jobs):
            _, ok, text = job.result()
            if not ok:
                bad += 1
                print(text.replace(f"{ROOT}/", ""))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
