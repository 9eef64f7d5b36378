#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Complexity ≤ 20, function ≤ 60 lines, file ≤ 800 lines; the worst may only shrink.

tools/ratchet.json holds the worst value that stands today for each figure (never above the house
limit) and named exceptions. `--update` writes it anew and refuses to let a figure grow.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(os.environ.get("HAKO_LINT_ROOT",
                                   pathlib.Path(__file__).resolve().parent.parent))
STATE = ROOT / "tools" / "ratchet.json"
LIMIT = {"complexity": 20, "function_lines": 60, "file_lines": 800}
DIRS = ("src", "include", "tests", "fuzz", "bench", "tools", "examples")


def sources():
    for d in DIRS:
        for ext in ("*.c", "*.h"):
            yield from sorted((ROOT / d).rglob(ext))


def functions(files):
    """(file, line, name, complexity, lines) of every function, by pmccabe."""
    cs = [str(f.relative_to(ROOT)) for f in files if f.suffix == ".c"]
    if not cs:
        return
    out = subprocess.run(["pmccabe", *cs], cwd=ROOT, check=True, capture_output=True, text=True)
    for line in out.stdout.splitlines():
        cols = line.split("\t")
        if len(cols) < 6:
            continue
        # modified McCabe: a switch counts once, however many cases name the same decision
        complexity, lines = int(cols[0]), int(cols[4])
        where, name = cols[5].rsplit(": ", 1)
        path, start = where.split("(")
        yield path, int(start.rstrip("):")), name, complexity, lines


def measure():
    files = list(sources())
    rows = {"complexity": [], "function_lines": [], "file_lines": []}
    for path, line, name, complexity, lines in functions(files):
        rows["complexity"].append((complexity, f"{path}:{line}", name))
        rows["function_lines"].append((lines, f"{path}:{line}", name))
    for f in files:
        n = f.read_text().count("\n")
        rel = f.relative_to(ROOT)
        rows["file_lines"].append((n, f"{rel}:{n}", str(rel)))
    return rows


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--update", action="store_true", help="tighten tools/ratchet.json")
    args = ap.parse_args()
    allowed = json.loads(STATE.read_text()) if STATE.exists() else dict(LIMIT)
    rows = measure()
    bad = 0
    for figure, limit in LIMIT.items():
        bound = min(limit, allowed.get(figure, limit))
        for value, where, name in sorted(rows[figure], reverse=True):
            if value <= bound:
                break
            print(f"{where}: {name}: {figure.replace('_', ' ')} {value}, allowed {bound}")
            bad += 1
    if args.update and not bad:
        worst = {k: max((v for v, _, _ in r), default=0) for k, r in rows.items()}
        STATE.write_text(json.dumps(worst, indent=4) + "\n")
        print("ratchet:", ", ".join(f"{k} {v}" for k, v in worst.items()))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
