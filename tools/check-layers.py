#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Knowledge points downwards only: refuse every include that says otherwise.

A room includes itself and rooms of a lower level (docs/architecture.md has the table). A side door
names its rooms one by one, a front end reaches containers through hako.h only. No two modules
include each other, directly or in a ring; a module is x.c, x.h and its private headers x_*.h.
json-c stays behind base/json.c, and system libraries stay in the rooms that own them.
"""
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(os.environ.get("HAKO_LINT_ROOT",
                                   pathlib.Path(__file__).resolve().parent.parent))
SRC = ROOT / "src"

LEVEL = {"base": 0, "sys": 1, "spec": 1, "http": 1, "store": 2, "net": 2, "machine": 2,
         "registry": 3, "monitor": 3, "engine": 4, "build": 5, "compose": 5, "box": 5,
         "cli": 6, "api": 6, "cri": 6}
# Rooms outside the ladder: what they may include, by name.
SIDE_DOOR = {"oci": {"base", "sys", "spec", "machine"},
             "guest": {"base", "sys", "spec", "machine"}}
# Front ends: hako.h, and the rooms that know nothing of containers.
FRONT = {"cli": {"base", "sys", "spec", "build", "compose", "box"},
         "api": {"base", "sys", "spec", "http", "build"}, "cri": {"base", "sys", "spec", "http"}}
# <header prefix>: files or rooms that may include it.
OWNED = {"json-c/": {"base/json.c"}, "json.h": {"base/json.c"},
         "seccomp.h": {"sys"}, "sys/capability.h": set(), "libmnl/": set(),
         "curl/": {"http", "registry"}, "openssl/": {"http", "store", "registry", "spec"},
         "archive": {"store"}, "isa-l": {"store"}, "zstd": {"store"},
         "pthread.h": {"http", "store", "registry"}, "threads.h": set()}

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def room_of(path):
    return path.split("/", 1)[0]


def may_include(room, target):
    if room == target:
        return True
    if room in SIDE_DOOR or room in FRONT:
        return target in (SIDE_DOOR.get(room) or FRONT[room])
    if target in SIDE_DOOR or target not in LEVEL:
        return False
    return LEVEL[target] < LEVEL[room]


def owner_complaint(rel, header):
    for prefix, owners in OWNED.items():
        exact = prefix.endswith(".h")
        if header == prefix if exact else header.startswith(prefix):
            if rel not in owners and room_of(rel) not in owners:
                who = ", ".join(sorted(owners)) or "nobody"
                return f"<{header}> belongs to {who}"
    return None


def module_of(rel):
    """A header without a .c belongs to the module whose name it extends (field_types.h: field)."""
    name = rel.rsplit(".", 1)[0]
    while not (SRC / f"{name}.c").exists() and "_" in name.rsplit("/", 1)[-1]:
        name = name.rsplit("_", 1)[0]
    return name if (SRC / f"{name}.c").exists() else rel.rsplit(".", 1)[0]


def scan():
    """Returns the edges, module → {module: "file:line"}, and the complaints about single lines."""
    edges = {}
    complaints = []
    for path in sorted([*SRC.rglob("*.c"), *SRC.rglob("*.h")]):
        rel = path.relative_to(SRC).as_posix()
        room = room_of(rel)
        if room not in LEVEL and room not in SIDE_DOOR:
            complaints.append(f"src/{rel}:1: room {room}/ has no level: name it in tools/check-layers.py and docs/architecture.md")
            continue
        module = module_of(rel)
        for number, line in enumerate(path.read_text().splitlines(), 1):
            m = INCLUDE.match(line)
            if not m:
                continue
            header = m.group(2)
            where = f"src/{rel}:{number}"
            complaint = owner_complaint(rel, header)
            if complaint:
                complaints.append(f"{where}: {complaint}")
            if m.group(1) == "<":
                continue
            if not (SRC / header).exists():
                if "/" in header and room_of(header) in LEVEL:
                    complaints.append(f"{where}: no such header: {header}")
                continue
            if not may_include(room, room_of(header)):
                complaints.append(f"{where}: {room}/ must not include {room_of(header)}/ "
                                  f"({header}): knowledge points downwards only")
            target = module_of(header)
            if target != module:
                edges.setdefault(module, {}).setdefault(target, where)
    return edges, complaints


def rings(edges):
    """Tarjan's strongly connected components of more than one module, iteratively."""
    index, low, on_stack, stack, found = {}, {}, set(), [], []
    for start in sorted(edges):
        if start in index:
            continue
        work = [(start, iter(sorted(edges.get(start, ()))))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on_stack.add(start)
        while work:
            node, it = work[-1]
            nxt = next(it, None)
            if nxt is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    ring = []
                    while True:
                        n = stack.pop()
                        on_stack.discard(n)
                        ring.append(n)
                        if n == node:
                            break
                    if len(ring) > 1:
                        found.append(sorted(ring))
            elif nxt not in index:
                index[nxt] = low[nxt] = len(index)
                stack.append(nxt)
                on_stack.add(nxt)
                work.append((nxt, iter(sorted(edges.get(nxt, ())))))
            elif nxt in on_stack:
                low[node] = min(low[node], index[nxt])
    return found


def main():
    edges, complaints = scan()
    for ring in rings(edges):
        first = ring[0]
        where = next(w for t, w in sorted(edges[first].items()) if t in ring)
        complaints.append(f"{where}: ring of includes: {' ↔ '.join(ring)}")
    for c in complaints:
        print(c)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
