# SPDX-License-Identifier: Apache-2.0
"""The suites: what their programs are, how each is told its runtime, how it tells its results."""
import dataclasses
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
IN_CI = ["crun", "runc", "runtime-tools"]


@dataclasses.dataclass
class Job:
    """One test."""
    name: str
    argv: list
    seconds: int


class Crun:
    """Python programs with a table of functions; RUN_TESTS names those to run."""
    name = "crun"  # what hako-oci is called for it

    def __init__(self, source):
        self.tests = source / "tests"

    def env(self, runtime):
        return {"OCI_RUNTIME": runtime, "INIT": str(self.tests / "init"),
                "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(HERE / "shim")}

    def jobs(self):
        for path in sorted(self.tests.glob("test_*.py")):
            table = path.read_text().split("all_tests = {", 1)[1].split("\n}", 1)[0]
            for test in re.findall(r'^\s*"([^"]+)"\s*:', table, re.M):
                # Some say tests/init, whatever INIT is.
                script = 'ln -s "$1" tests && exec "$2" "$3"'
                yield Job(f"{path.stem[5:]}: {test}",
                          ["env", f"RUN_TESTS={test}", "sh", "-c", script, "sh", str(self.tests),
                           sys.executable, str(path)], 30)

    def results(self, job, status, out):
        verdict = re.search(r"(not )?ok 1 - \S+( #SKIP)?", out)
        if status == 137 or not verdict or verdict.group(1):
            return job.name, "fail", f"{out}\nstatus {status}"
        return job.name, "skip" if verdict.group(2) else "pass", ""


class Runc:
    """bats; the runtime is $RUNC. Each test alone: bats' own time limit disturbs tests that wait."""
    name = "runc"
    LINE = re.compile(r"^(not )?ok 1 .*?(?: # skip(.*))?$", re.M)

    def __init__(self, source):
        self.dir = source / "tests" / "integration"

    def env(self, runtime):
        return {"RUNC": runtime}

    def jobs(self):
        for path in sorted(self.dir.glob("*.bats")):
            for test in re.findall(r'^@test "(.*)" \{', path.read_text(), re.M):
                pattern = "^" + re.sub(r"([][\\.^$*+?(){}|])", r"\\\1", test) + "$"
                yield Job(f"{path.stem}: {test}", ["bats", "--tap", "-f", pattern, str(path)], 60)

    def results(self, job, status, out):
        verdict = self.LINE.search(out)
        if status == 137 or not verdict:
            return job.name, "fail", f"{out}\nstatus {status}"
        if verdict.group(1):
            return job.name, "fail", out
        if verdict.group(2) is not None:
            return job.name, "skip", verdict.group(2).strip()
        return job.name, "pass", ""


class RuntimeTools:
    """Programs that speak TAP; the runtime is $RUNTIME. A program counts as a whole."""
    name = None

    def __init__(self, source):
        self.source = source

    def env(self, runtime):
        return {"RUNTIME": runtime}

    def jobs(self):
        for path in sorted(self.source.glob("validation/*/*.t")):
            # The programs look for their root file system where they are started.
            script = 'cp "$1"/rootfs-*.tar.gz "$1"/runtimetest . && exec "$2"'
            yield Job(path.stem, ["sh", "-c", script, "sh", str(self.source), str(path)], 60)

    def results(self, job, status, out):
        lines = [li.strip() for li in out.splitlines()]
        bad = [li for li in lines if li.startswith("not ok") and "# TO" "DO" not in li]
        good = [li for li in lines if re.match(r"ok\b", li) and not re.search("# skip", li, re.I)]
        skipped = [li for li in lines if re.match(r"ok\b.*# skip", li, re.I)]
        if status == 0 and not bad and (good or not skipped):
            return job.name, "pass", out
        if status == 0 and not bad:
            return job.name, "skip", skipped[0].partition("#")[2].strip()[4:].strip()
        return job.name, "fail", f"{out}\nstatus {status}"


KINDS = {"crun": Crun, "runc": Runc, "runtime-tools": RuntimeTools}


def open_suite(name, source):
    if name not in KINDS:
        sys.exit(f"conformance: no suite {name}: there are {', '.join(KINDS)}")
    if not source:
        source = subprocess.run([HERE / "prepare", name], check=True, stdout=subprocess.PIPE,
                                text=True).stdout.strip()
    return KINDS[name](pathlib.Path(os.path.abspath(source)))
