#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fault injection by system call, with strace: every call of a command, of its monitor and of the
box's first process fails once, or is the last one before SIGKILL. What must hold each time:

  - the command ends by itself, with one of its documented exit codes and a message that says why;
  - one `hako ps -a` later nothing is left but what `ps -a` shows: no process, mount, cgroup, link,
    packet filter element, lease, name, half directory;
  - what it shows can be removed, and then the host is as it was found;
  - the next ordinary run works.

  run.py                a sample of all places, the same every time; TAP, one line per group
  run.py --full         all places
  run.py --only REGEX   groups by name (SCENARIO/WHO/SYSCALL/ACTION); --at N: this place only
  run.py --scenarios run,exec   only these
  run.py --keep         leave the state directory of a failure alone and stop

Each worker has its own network, mount and process namespaces and its own state directories.
"""
import argparse
import collections
import concurrent.futures
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
BUILD = pathlib.Path(os.environ.get("HAKO_BUILD", "build"))
BUILD = BUILD if BUILD.is_absolute() else TOP / BUILD
LIMIT = 20  # seconds; a command that takes longer hangs
NAME = "faulty"
CLONE_NEWNET = 0x40000000
RUN_HINTS = ["monitor", ".tmp-monitor"]  # one link that every start rewrites

# What each call may fail with. Calls that cannot fail, or whose failure is an ordinary answer that
# the program asks for (access, readlink, prctl…), are left out.
ERRORS = {
    "open": ["EMFILE"], "openat": ["EMFILE"], "openat2": ["EMFILE"], "memfd_create": ["EMFILE"],
    "mkdir": ["ENOSPC"], "mkdirat": ["ENOSPC"], "mknodat": ["ENOSPC"], "symlinkat": ["ENOSPC"],
    "rename": ["EIO"], "renameat": ["EIO"], "renameat2": ["EIO"], "link": ["EIO"],
    "linkat": ["EIO"], "unlink": ["EIO"], "unlinkat": ["EIO"], "rmdir": ["EBUSY"],
    "read": ["EIO"], "pread64": ["EIO"], "write": ["ENOSPC"], "pwrite64": ["ENOSPC"],
    "writev": ["EIO"], "copy_file_range": ["EIO"], "sendfile": ["EIO"], "lseek": ["EIO"],
    "ftruncate": ["EIO"], "fallocate": ["ENOSPC"], "fsync": ["EIO"], "fdatasync": ["EIO"],
    "syncfs": ["EIO"], "flock": ["ENOLCK"], "fcntl": ["EMFILE"], "fstat": ["EIO"],
    "newfstatat": ["EIO"], "fstatfs": ["EIO"], "getdents64": ["EIO"], "fchmod": ["EIO"],
    "fchmodat": ["EIO"], "fchown": ["EIO"], "fchownat": ["EIO"], "utimensat": ["EIO"],
    "fsetxattr": ["ENOSPC"], "mmap": ["ENOMEM"], "socket": ["EMFILE"], "socketpair": ["EMFILE"],
    "bind": ["EADDRINUSE"], "listen": ["EADDRINUSE"], "accept4": ["EMFILE"],
    "connect": ["ECONNREFUSED"], "setsockopt": ["ENOMEM"], "getsockname": ["ENOBUFS"],
    "sendto": ["ENOBUFS"], "sendmsg": ["ENOBUFS"], "recvfrom": ["ENOMEM"],
    "recvmsg": ["ENOMEM"], "shutdown": ["ENOTCONN"], "poll": ["ENOMEM"], "ppoll": ["ENOMEM"],
    "epoll_create1": ["EMFILE"], "epoll_ctl": ["ENOSPC"], "signalfd4": ["EMFILE"], "eventfd2": ["EMFILE"],
    "timerfd_create": ["EMFILE"], "timerfd_settime": ["EINVAL"], "pipe2": ["EMFILE"],
    "dup2": ["EBUSY"], "dup3": ["EBUSY"], "clone": ["EAGAIN"], "clone3": ["EAGAIN"],
    "vfork": ["EAGAIN"], "execve": ["ENOMEM"], "execveat": ["ENOMEM"], "setsid": ["EPERM"], "chdir": ["EIO"], "fchdir": ["EIO"],
    "unshare": ["ENOSPC"], "setns": ["EPERM"], "fsopen": ["ENOMEM"], "fsconfig": ["ENOMEM"],
    "fsmount": ["ENOMEM"], "move_mount": ["ENOMEM"], "open_tree": ["ENOMEM"],
    "mount_setattr": ["ENOMEM"], "mount": ["ENOMEM"], "umount2": ["EBUSY"],
    "pivot_root": ["EBUSY"], "sethostname": ["EPERM"], "setgroups": ["EPERM"],
    "setresuid": ["EAGAIN"], "setresgid": ["EPERM"], "capset": ["EPERM"], "seccomp": ["ENOMEM"],
    "prlimit64": ["EPERM"], "keyctl": ["EDQUOT"], "bpf": ["ENOMEM"], "getrandom": ["EIO"],
    "pidfd_open": ["EMFILE"], "pidfd_send_signal": ["EPERM"], "kill": ["EPERM"],
    "close_range": ["ENOMEM"], "ioctl": ["EIO"],
}
# Every change of the world is a place to die before; so is every wait.
DEADLY = ["openat", "mkdir", "mkdirat", "symlinkat", "rename", "renameat", "renameat2", "unlink",
          "unlinkat", "rmdir", "write", "pwrite64", "fsync", "fdatasync", "syncfs", "ftruncate",
          "flock", "fcntl", "memfd_create", "socket", "bind", "sendto", "sendmsg", "recvmsg",
          "recvfrom", "epoll_ctl", "epoll_pwait", "clone", "clone3", "execve", "execveat", "wait4",
          "waitid", "unshare", "setns", "fsmount", "move_mount", "pivot_root", "umount2", "accept4",
          "exit_group", "close", "chdir", "linkat", "fchmod", "poll", "seccomp", "setresuid"]


class Scenario:
    """argv of one command and what comes before it. whos: C command, M monitor, I first process.
    fresh: state directories (and network) that nothing has used. codes: how it may fail."""

    def __init__(self, argv, whos, setup=(), fresh=False, codes=(125, 126, 127), live=False,
                 follow=False, sample=3, ends=False):
        self.argv, self.whos, self.setup, self.fresh = argv, whos, setup, fresh
        self.codes, self.live, self.follow, self.sample = codes, live, follow, sample
        self.ends = ends  # no box is to run afterwards


OPTS = ["--name", NAME, "-p", "18080:80", "--memory", "64m", "-v", "/anon"]
RUNNING = [["run", "-d", *OPTS, "box", "sleep", "1000"]]
SCENARIOS = {
    "run": Scenario(["run", "--rm", *OPTS, "box", "true"], "CMI", ends=True),
    "detach": Scenario(["run", "-d", *OPTS, "box", "sleep", "1000"], "CM", sample=2),
    "first": Scenario(["run", "--rm", *OPTS, "box", "true"], "C", fresh=True, sample=2, ends=True),
    "pull": Scenario(["pull", "box"], "C", fresh=True, codes=(1, 125), follow=True),
    "start": Scenario(["start", NAME], "C", [["create", *OPTS, "box", "sleep", "1000"]],
                      codes=(1, 125, 126, 127), sample=1),
    "exec": Scenario(["exec", NAME, "true"], "CMI", RUNNING, codes=(1, 125, 126, 127), live=True,
                     sample=1),
    "stop": Scenario(["stop", "-t", "1", NAME], "CM", RUNNING, codes=(1, 125), live=True, sample=1,
                     ends=True),
    "rm": Scenario(["rm", "-f", "-v", NAME], "CM", RUNNING, codes=(1, 125), live=True, sample=2, ends=True),
}
Case = collections.namedtuple("Case", "scenario who call action n")


class Fault(Exception):
    pass


def group_of(case):
    return f"{case.scenario}/{case.who}/{case.call}/{case.action}"


# --- the worker: pid 1 of its own small world ---------------------------------------------------

class World:
    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.root, self.run_dir = self.dir / "root", self.dir / "run"
        self.log = self.dir / "strace"
        self.args = self.dir / "stub.args"
        self.libexec = self.dir / "libexec"
        self.ids = set()
        self.env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.dir),
                    "HAKO_ROOT": str(self.root), "HAKO_RUN": str(self.run_dir),
                    "HAKO_CONFIG": str(self.dir / "config.json"), "HAKO_UNDER_TEST": "1"}
        (self.dir / "config.json").write_text("{}")
        self.make_stub()
        self.mounts = self.list_mounts()
        self.network()
        self.prepare()

    def make_stub(self):
        self.libexec.mkdir()
        for name in ("modules", "box", "registry.so"):
            if (BUILD / name).exists():
                (self.libexec / name).symlink_to(BUILD / name)
        subprocess.run([os.environ.get("CC", "cc"), "-O1", f'-DFAULT_ARGS="{self.args}"', "-o",
                        str(self.libexec / "hako-monitor"), str(HERE / "stub.c")], check=True)

    def network(self):
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)

    def prepare(self):
        """The state that cases start from: image and network are there."""
        self.ok("pull", "box")
        self.ok("run", "--rm", *OPTS, "box", "true")
        self.ok("ps", "-a")
        self.base = self.wait_facts(lambda f: not [x for x in f if x.startswith(("process", "link hk"))])

    # --- commands

    def spawn(self, argv, env=None, limit=LIMIT):
        """(code, stdout + stderr); Fault when it hangs."""
        with open(self.dir / "out", "w+b") as out:
            p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                 env=env or self.env, cwd="/")
            try:
                code = p.wait(limit)
            except subprocess.TimeoutExpired:
                stacks = self.processes(True)
                self.kill_all()
                p.wait()
                raise Fault(f"hangs: {' '.join(map(str, argv))}\n{stacks}") from None
            finally:
                self.reap()
            out.seek(0)
            return code, out.read().decode(errors="replace")

    def hako(self, *words):
        return self.spawn([str(BUILD / "hako"), *words])

    def ok(self, *words):
        code, out = self.hako(*words)
        if code != 0:
            raise Fault(f"hako {' '.join(words)}: exit {code}: {out.strip()}")
        return out

    def reap(self):
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass

    def kill_all(self):
        try:
            os.kill(-1, signal.SIGKILL)  # all of our own process namespace
        except ProcessLookupError:
            pass

    # --- what the world looks like

    def list_mounts(self):
        return pathlib.Path("/proc/self/mountinfo").read_text().splitlines()

    def processes(self, full=False):
        self.reap()
        found = []
        for pid in os.listdir("/proc"):
            if not pid.isdigit() or pid == "1":
                continue
            try:
                args = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
                args = args.decode(errors="replace").strip()
                comm = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
                text = f"process {comm}: {args}"
                if full:
                    wchan = pathlib.Path(f"/proc/{pid}/wchan").read_text()
                    text += f" [{pid}, in {wchan}]"
                found.append(text)
            except OSError:
                pass
        return "\n".join(found) if full else found

    def cgroups(self):
        return [f"cgroup {d}" for d in cgroup_dirs() if d.rpartition("hako-")[2] in self.ids]

    def files(self):
        found = []
        for top in ("containers", "names", "tmp", "net", "volumes", "store"):
            for path, dirs, files in os.walk(self.root / top):
                rel = os.path.relpath(path, self.root)
                if top in ("store", "volumes", "containers"):
                    depth = rel.count("/") + 1
                    if depth >= (4 if top == "store" else 2):
                        dirs[:] = []
                        files = []
                found += [f"file {rel}/{n}" for n in dirs + files]
        for path, _, files in os.walk(self.run_dir):
            found += [f"run {os.path.relpath(path, self.run_dir)}/{n}" for n in files
                      if n not in RUN_HINTS]
        return found

    def facts(self):
        nft = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True)
        links = [f"link {n}" for _, n in socket.if_nameindex()]
        mounts = [f"mount {m}" for m in self.list_mounts() if m not in self.mounts]
        filters = []
        for m in re.finditer(r"(map|set) (\w+) {[^}]*?elements = {([^}]*)}", nft.stdout):
            filters += [f"nft {m[2]} {' '.join(m[3].split())}"]
        return set(self.processes() + self.cgroups() + links + mounts + filters + self.files())

    def wait_facts(self, good):
        """The kernel takes down a namespace some time after its last user has gone."""
        for i in range(60):
            facts = self.facts()
            if good(facts):
                return facts
            time.sleep(0.01 if i < 20 else 0.1)
        return facts

    def settle(self, ignore=()):
        """Ends when nothing is there that was not at first, or raises."""
        def extra(facts):
            return sorted(f for f in facts - self.base if not any(i in f for i in ignore))
        left = extra(self.wait_facts(lambda f: not extra(f)))
        if left:
            raise Fault("left behind: " + "; ".join(left))

    def missing(self):
        gone = sorted(self.base - self.facts())
        if gone:
            raise Fault("gone: " + "; ".join(gone))

    def scrap(self):
        """Start again from nothing."""
        self.kill_all()
        time.sleep(0.05)
        self.reap()
        for d in cgroup_dirs():
            if d.rpartition("hako-")[2] in self.ids:
                for path, _, _ in os.walk(d, topdown=False):
                    try:
                        os.rmdir(path)
                    except OSError:
                        pass
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.rmtree(self.run_dir, ignore_errors=True)
        self.network()

    def renew(self):
        self.scrap()
        self.prepare()

    # --- tracing

    def strace(self, case, follow):
        argv = ["strace", "-q", "-o", str(self.log), "-s", "100"]
        if follow:
            argv += ["-f"]
        if case.call is None:
            return argv
        action = "signal=KILL" if case.action == "kill" else f"error={case.action}"
        return argv + ["-e", f"trace={case.call},mkdirat", "-e",
                       f"inject={case.call}:{action}:when={case.n}"]

    def monitor_pid(self):
        for lock in self.root.glob("containers/*/lock"):
            m = re.match(r"monitor=0*(\d+)", lock.read_text())
            if m:
                return int(m[1])
        raise Fault("no monitor")

    def attach(self, pid, argv):
        tracer = subprocess.Popen([*argv, "-p", str(pid)], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  env=self.env)
        for _ in range(2000):
            try:
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
            except FileNotFoundError:
                status = ""
            # Gone already: its wait was interrupted by us, and begun again for the last time.
            if re.search(r"TracerPid:\s+[1-9]|State:\s+Z", status) or not status:
                return tracer
            time.sleep(0.002)
        raise Fault("strace does not attach to the monitor")

    def traced(self, case):
        """Run the scenario's command with the fault of this case: (code, output)."""
        s = SCENARIOS[case.scenario]
        self.log.unlink(missing_ok=True)
        hako = [str(BUILD / "hako"), *s.argv]
        if case.who == "C":
            return self.spawn([*self.strace(case, s.follow), "--", *hako])
        strace = self.strace(case, case.who == "I")
        if not s.live:
            self.args.write_text("\n".join([str(BUILD / "hako-monitor"), *strace]) + "\n")
            return self.spawn(hako, {**self.env, "HAKO_LIBEXEC": str(self.libexec)})
        tracer = self.attach(self.monitor_pid(), strace)
        try:
            return self.spawn(hako)
        finally:
            tracer.terminate()  # detaches
            try:
                tracer.wait(5)
            except subprocess.TimeoutExpired:
                tracer.kill()

    def note_ids(self):
        for path in self.root.glob("containers/*"):
            self.ids.add(path.name)
        if self.log.exists():
            self.ids |= set(re.findall(r"(?:new-|hako-)([0-9a-f]{64})",
                                       self.log.read_text(errors="replace")))

    # --- one case

    def before(self, case):
        s = SCENARIOS[case.scenario]
        if s.fresh:
            self.scrap()
        for words in s.setup:
            self.ok(*words)
        self.note_ids()

    def run(self, case):
        """None: the place was not reached; else what the command answered."""
        self.ids = set()
        self.before(case)
        code, out = self.traced(case)
        self.note_ids()
        log = self.log.read_text(errors="replace") if self.log.exists() else ""
        hit = "INJECTED" in log or (case.action == "kill" and "killed by SIGKILL" in log)
        if hit:
            self.judge(case, code, out)
        self.after(case)
        return (code, out) if hit else None

    def judge(self, case, code, out):
        s = SCENARIOS[case.scenario]
        allowed = {0, *s.codes}
        if case.action == "kill":
            allowed |= {"C": {-9}, "M": {137}, "I": {137}}[case.who]
        elif case.who == "M":
            allowed |= {137}  # it gave up, and the box with it
        if "cannot write the output" in out:
            allowed |= {1}
        if code not in allowed:
            raise Fault(f"exit {code}: {out.strip()[-300:]}")
        text = [li for li in out.splitlines() if len(li.split()) > 2]
        if code not in (0, -9, 137) and not text:
            raise Fault(f"exit {code} without a word: {out.strip()!r}")

    def after(self, case):
        s = SCENARIOS[case.scenario]
        if s.ends:  # a monitor that has told the end may be at its last work
            for _ in range(50):
                if not self.processes():
                    break
                time.sleep(0.01)
        self.ok("ps", "-a")
        shown = [json.loads(li) for li in self.ok("ps", "-a", "--format", "json").splitlines()]
        if not any(c["State"] in ("running", "paused") for c in shown) and not s.fresh:
            # All that may be left of a box that does not run are its files and its address.
            self.settle(ignore=["file containers/", "file names/", "file net/", "file volumes/"])
        if shown:
            self.ok("rm", "-f", "-v", *[c["Names"] for c in shown])
        if s.fresh:
            self.ok("ps", "-a")
        else:
            self.settle()
        if self.ok("run", "--rm", *OPTS, "box", "echo", "fine").splitlines()[-1] != "fine":
            raise Fault("the next run does not work")
        self.settle()
        self.missing()


def cgroup_dirs():
    found, todo = [], [("/sys/fs/cgroup", 0)]
    while todo:
        path, depth = todo.pop()
        try:
            with os.scandir(path) as entries:
                for d in entries:
                    if not d.is_dir(follow_symlinks=False):
                        continue
                    if d.name.startswith("hako-"):
                        found.append(d.path)
                    elif depth < 4:
                        todo.append((d.path, depth + 1))
        except OSError:
            pass
    return found


# --- what there is to do --------------------------------------------------------------------------

def count_calls(world, name, who):
    """{call: count} of a clean run. Of the first process: those beyond the monitor's own."""
    s = SCENARIOS[name]
    case = Case(name, who, None, None, 0)
    world.ids = set()
    world.before(case)
    world.traced(case)
    time.sleep(0.1)
    world.note_ids()
    by_pid, first, ours = {}, None, who != "C"
    before = collections.Counter()  # the dynamic loader's work, which ends with its first munmap
    for line in world.log.read_text(errors="replace").splitlines():
        m = re.match(r"(?:(\d+) +)?(\w+)\(", line)
        if not m:
            continue
        first = first or m[1]
        if not ours:
            before[m[2]] += 1
            ours = m[2] == "munmap"
        by_pid.setdefault(m[1], collections.Counter())[m[2]] += 1
    world.after(case)
    total = collections.Counter()
    for pid, calls in by_pid.items():
        if who == "I" and pid == first:
            continue
        for call, n in calls.items():
            total[call] = max(total[call], n)
    low = by_pid.get(first, {}) if who == "I" else before
    return {c: (low.get(c, 0) + 1, n) for c, n in total.items() if n > low.get(c, 0)}


def places(low, high, want):
    """At most `want` numbers of low..high, evenly spread, both ends included."""
    count = high - low + 1
    if want is None or count <= want:
        return list(range(low, high + 1))
    if want == 1:
        return [(low + high) // 2]
    return sorted({low + round(i * (count - 1) / (want - 1)) for i in range(want)})


def cases_of(world, name, who, options):
    s = SCENARIOS[name]
    counts = count_calls(world, name, who)
    want = None if options["full"] else s.sample
    out = []
    for call, (low, high) in sorted(counts.items()):
        actions = list(ERRORS.get(call, [])) + (["kill"] if call in DEADLY else [])
        if s.follow and call == "write":
            actions = ["kill"]  # counted by thread, and the first is an eventfd's: never ENOSPC
        for action in actions:
            for n in places(low, high, want) if high >= low else []:
                out.append(Case(name, who, call, action, n))
    return out


def attempt(world, case, said, options):
    """A shared machine can stall any step: what fails must fail twice. The first word is kept."""
    try:
        return world.run(case)
    except Fault as fault:
        if options["keep"]:
            raise
        said["shaky"] = str(fault)
        world.renew()
    return world.run(case)


def worker(job):
    """In its own namespaces: every n-th case of the units; prints one JSON line for each."""
    options = job["options"]
    only = re.compile(options["only"] or "")
    world = World(job["dir"])
    turn = 0
    for name, who in job["units"]:
        for case in cases_of(world, name, who, options):
            turn += 1
            if turn % job["workers"] != job["worker"]:
                continue
            if not only.search(group_of(case)) or options["at"] not in (None, case.n):
                continue
            if time.time() > options["until"]:
                print(json.dumps({"group": group_of(case), "n": case.n, "late": True}), flush=True)
                continue
            said = {"group": group_of(case), "n": case.n}
            try:
                answer = attempt(world, case, said, options)
                said["hit"] = answer is not None
                if answer and options["verbose"]:
                    said["answer"] = [answer[0], answer[1].strip()[-300:]]
            except Fault as fault:
                said["hit"] = True
                said["fault"] = str(fault)
                said["log"] = world.log.read_text(errors="replace")[-1500:] if world.log.exists() else ""
                if options["keep"]:
                    print(json.dumps(said), flush=True)
                    return
                world.renew()
            print(json.dumps(said), flush=True)
    world.scrap()


# --- the front ---------------------------------------------------------------------------------------

def inside(job, sink):
    """One worker in new namespaces."""
    p = subprocess.Popen(["unshare", "-n", "-m", "-p", "-f", "--mount-proc", "--kill-child",
                          sys.executable, __file__, "--worker", json.dumps(job)],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    for line in p.stdout:
        sink(json.loads(line))
    return p.wait()


def can_trace():
    for program in ("strace", "unshare", "nft", "ip", os.environ.get("CC", "cc")):
        if not shutil.which(program):
            return f"needs the program {program}"
    if os.geteuid() != 0:
        return "needs root"
    p = subprocess.run(["strace", "-q", "-o", "/dev/null", "-e", "inject=chdir:error=EIO", "true"],
                       capture_output=True, text=True)
    return None if p.returncode == 0 else "strace may not trace here"


def report(results):
    groups = {}
    for said in results:
        groups.setdefault(said["group"], []).append(said)
    print(f"1..{len(groups)}")
    for i, (group, list_) in enumerate(sorted(groups.items()), 1):
        bad = [s for s in list_ if "fault" in s]
        hit = sum(bool(s.get("hit")) for s in list_)
        late = sum("late" in s for s in list_)
        print(f"{'not ' if bad else ''}ok {i} - {group}: {hit} of {len(list_)} places"
              + (f", {late} for want of time" if late else ""))
        for s in list_:
            if "shaky" in s and "fault" not in s:
                print(f"  # at {s['n']}, the first time: {s['shaky']}")
        for s in bad:
            print(f"  at {s['n']}: {s['fault']}")
            for line in s["log"].splitlines()[-8:]:
                print("    | " + line)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--only")
    parser.add_argument("--scenarios", help="comma-separated")
    parser.add_argument("--at", type=int)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--worker")
    args = parser.parse_args()
    if args.worker:
        return worker(json.loads(args.worker))
    why = can_trace()
    if why:
        print(f"skipped: {why}")
        return 77
    options = {"full": args.full or args.at is not None, "only": args.only, "at": args.at,
               "keep": args.keep, "verbose": args.verbose,
               "until": time.time() + (args.seconds or 1e6)}
    names = args.scenarios.split(",") if args.scenarios else list(SCENARIOS)
    units = [(n, w) for n in names for w in SCENARIOS[n].whos
             if not args.only or re.match(rf"\W*({n})\b", args.only) or "/" not in args.only]
    results = []

    def sink(said):
        results.append(said)
        if "fault" in said or args.verbose:
            print("#", said["group"], said["n"], said.get("fault") or said.get("answer")
                  or ("hit" if said.get("hit") else "not reached"), file=sys.stderr, flush=True)

    start = time.monotonic()
    top = tempfile.mkdtemp(prefix="hako-fault.")
    with concurrent.futures.ThreadPoolExecutor(args.workers) as pool:
        jobs = []
        for i in range(args.workers):
            directory = os.path.join(top, str(i))
            os.mkdir(directory)
            jobs.append(pool.submit(inside, {"dir": directory, "options": options, "units": units,
                                             "worker": i, "workers": args.workers}, sink))
        for i, job in enumerate(jobs):
            if job.result() != 0:
                results.append({"group": f"worker {i}", "n": 0, "log": "",
                                "fault": "the worker itself failed"})
    report(results)
    bad = sum("fault" in s for s in results)
    print(f"# {sum(bool(s.get('hit')) for s in results)} faults injected, "
          f"{sum(not s.get('hit') for s in results)} places not reached, {bad} failures, "
          f"{time.monotonic() - start:.0f} s", flush=True)
    if not args.keep:
        shutil.rmtree(top, ignore_errors=True)
    else:
        print(f"# {top}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
