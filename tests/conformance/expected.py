# SPDX-License-Identifier: Apache-2.0
"""What a suite is known to give: one line per test, "pass<tab>TEST" or "no<tab>TEST<tab>REASON".

A test with "no" fails or is skipped by the suite itself; the reason says what is missing. "race" is
put there by hand: the test itself wins or loses by chance.
"""


def load(path):
    want = {}
    if not path.exists():
        return want
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            word, test, *reason = line.split("\t")
            want[test] = (word, reason[0] if reason else "")
    return want


def save(path, found, before):
    lines = ["# written by run --record; docs/conformance.md has the peers beside it\n"]
    for test in sorted(found):
        status, text = found[test]
        if before.get(test, ("", ""))[0] == "race":
            lines.append(f"race\t{test}\t{before[test][1]}\n")
        elif status == "pass":
            lines.append(f"pass\t{test}\n")
        else:
            reason = before.get(test, ("", ""))[1]
            if not reason and status == "skip" and text.strip():
                reason = text.strip().splitlines()[0]
            lines.append(f"no\t{test}\t{reason}\n")
    path.write_text("".join(lines))


def as_known(want, test, status):
    return want.get(test, ("", ""))[0] in ("race", "pass" if status == "pass" else "no")


def compare(want, found):
    """(test, "ok" or "not ok", text) of every test, found or wanted; an ok with a text is a skip."""
    for test in sorted(found.keys() | want.keys()):
        status, text = found.get(test, ("missing", ""))
        word, reason = want.get(test, ("nothing", ""))
        if test in found and as_known(want, test, status):
            yield test, "ok", "" if status == "pass" else reason or "no reason given"
        elif status == "pass":
            yield test, "not ok", f"passes, and \"{word}\" is recorded: record the pass"
        else:
            yield test, "not ok", f"{status}, and \"{word}\" is recorded\n{text}"
