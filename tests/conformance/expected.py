# SPDX-License-Identifier: Apache-2.0
"""What a suite is known to give: one line per test, "STATUS<tab>TEST[<tab>REASON]".

STATUS is pass, fail or skip; what does not pass has a reason.
"""


def load(path):
    want = {}
    if not path.exists():
        return want
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            status, test, *reason = line.split("\t")
            want[test] = (status, reason[0] if reason else "")
    return want


def save(path, found, before):
    head = "# status, test, reason: see docs/conformance.md; written by run --record\n"
    lines = []
    for test in sorted(found):
        status, text = found[test]
        reason = ""
        if status != "pass":
            reason = before.get(test, ("", ""))[1]
            if not reason and status == "skip" and text.strip():
                reason = text.strip().splitlines()[0]
        lines.append("\t".join([status, test] + ([reason] if reason else [])) + "\n")
    path.write_text(head + "".join(lines))


def compare(want, found):
    """(test, "ok" or "not ok", text) for every test, found or wanted; an ok with a text is a skip."""
    for test in sorted(found.keys() | want.keys()):
        status, text = found.get(test, ("missing", ""))
        wanted, reason = want.get(test, ("nothing", ""))
        if status == wanted:
            yield test, "ok", "" if status == "pass" else reason or "no reason given"
        elif status == "pass":
            yield test, "not ok", f"passes, and {wanted} is recorded: record the pass"
        else:
            yield test, "not ok", f"{status}, and {wanted} is recorded\n{text}"
