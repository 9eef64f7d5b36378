#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pulls among kills, full disks, other pulls, and users without privileges."""
import io
import os
import pwd
import shutil
import signal
import subprocess
import tarfile
import tempfile
import threading
import time
import unittest

from case import Case, MODULE, NOISE, TOOL
from fake import Image


class Trouble(Case):
    """Kills, full disks, two at once."""

    def slow(self, fake, image, started, go_on):
        blob = image.blob(0)

        def drip(h):
            h.send_response(200)
            h.send_header("Content-Length", str(len(blob)))
            h.end_headers()
            h.wfile.write(blob[:2 << 20])
            h.wfile.flush()
            started.set()
            go_on.wait(20)
            h.wfile.write(blob[2 << 20:])
        self.fault(fake, image.layers[0]["digest"], drip, times=1)

    def start(self, *args):
        p = subprocess.Popen(self.argv(*args), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             text=True, env=self.env)
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.stderr.close)
        return p

    def helper_of(self, pid):
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return int(f.read().split()[0])

    def wait_gone(self, pid):
        for _ in range(200):
            try:
                with open(f"/proc/{pid}/stat") as f:
                    if f.read().rsplit(")", 1)[1].split()[0] == "Z":
                        return
            except OSError:
                return
            time.sleep(0.05)
        self.fail(f"process {pid} lives on")

    def interrupted(self):
        fake = self.fake()
        image = fake.add(Image({"noise": NOISE}))
        started, go_on = threading.Event(), threading.Event()
        self.addCleanup(go_on.set)
        self.slow(fake, image, started, go_on)
        p = self.start("pull", fake.host + "/app")
        self.assertTrue(started.wait(20))
        time.sleep(0.1)
        self.assertTrue(os.listdir(os.path.join(self.data, "store/tmp")))
        return fake, p, self.helper_of(p.pid), go_on

    def test_caller_killed(self):
        fake, p, helper, go_on = self.interrupted()
        p.kill()
        p.wait()
        self.wait_gone(helper)
        self.assert_clean()  # the helper has cleaned up
        go_on.set()
        self.pull(fake.host + "/app")

    def test_all_killed(self):
        fake, p, helper, go_on = self.interrupted()
        os.kill(helper, signal.SIGKILL)
        p.wait()
        self.assertIn("killed by signal 9", p.stderr.read())
        self.assertTrue(os.listdir(os.path.join(self.data, "store/tmp")))
        self.run_tool("list")
        self.assert_clean()  # the next command has swept
        go_on.set()
        self.pull(fake.host + "/app")

    def test_interrupt(self):
        fake, p, helper, go_on = self.interrupted()
        os.kill(helper, signal.SIGINT)  # as the terminal does to the whole group
        p.wait()
        self.assertIn("the pull was interrupted", p.stderr.read())
        self.assert_clean()
        go_on.set()
        self.pull(fake.host + "/app")

    def test_two_at_once(self):
        fake = self.fake()
        image = fake.add(Image({"noise": NOISE}, {"b": b"2"}))
        started, go_on = threading.Event(), threading.Event()
        self.slow(fake, image, started, go_on)
        one = self.start("pull", fake.host + "/app")
        self.assertTrue(started.wait(20))
        two = self.start("--progress", "pull", fake.host + "/app")
        time.sleep(0.5)
        self.assertIsNone(two.poll())  # it waits for the other's layer
        go_on.set()
        self.assertEqual(one.wait(20), 0)
        self.assertEqual(two.wait(20), 0)
        self.assertEqual(len(fake.asked(image.layers[0]["digest"])), 1)
        self.assertIn("exists", two.stderr.read())
        self.assert_clean()

    def test_failure_while_waiting(self):
        """A pull that fails does not wait for the lock of another."""
        fake = self.fake()
        image = fake.add(Image({"noise": NOISE}, {"b": b"2"}))
        bad = Image({"noise": NOISE}, {"c": b"3"})
        del bad.blobs[bad.layers[1]["digest"]]
        fake.add(bad, tag="bad")
        started, go_on = threading.Event(), threading.Event()
        self.addCleanup(go_on.set)
        self.slow(fake, image, started, go_on)
        one = self.start("pull", fake.host + "/app")
        self.assertTrue(started.wait(20))
        begin = time.monotonic()
        two = self.start("pull", fake.host + "/app:bad")
        self.assertEqual(two.wait(15), 1)
        self.assertLess(time.monotonic() - begin, 10)
        self.assertIn("has lost blob", two.stderr.read())
        go_on.set()
        self.assertEqual(one.wait(20), 0)

    def test_rmi_during_pull(self):
        """Removing another image while a pull runs does not take its layers away."""
        fake = self.fake()
        base = {"base": b"shared"}
        fake.add(Image(base), tag="old")
        self.pull(fake.host + "/app:old")
        image = fake.add(Image({"noise": NOISE}, base))
        started, go_on = threading.Event(), threading.Event()
        self.slow(fake, image, started, go_on)
        p = self.start("pull", fake.host + "/app")
        self.assertTrue(started.wait(20))
        time.sleep(0.3)
        self.assertEqual(self.run_tool("rmi", fake.host + "/app:old").returncode, 0)
        go_on.set()
        self.assertEqual(p.wait(20), 0, p.stderr.read())
        self.assertEqual(self.read(fake.host + "/app", "base"), b"shared")

    def test_disk_full(self):
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", self.data],
                              capture_output=True)
        if done.returncode:
            self.skipTest("cannot mount a tmpfs here")
        self.addCleanup(subprocess.run, ["umount", self.data])
        fake = self.fake()
        fake.add(Image({"noise": NOISE}))
        self.refuse("no-space", "no space left.*noise.*hako rmi", fake.host + "/app")

    def test_disk_full_anywhere(self):
        """However early or late the room ends: one message, nothing left, and no image."""
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        fake = self.fake()
        fake.add(Image({"etc/": None, "etc/a": b"1" * 9000, "b": b"2"}, {"c": b"3", "d/": None}))
        failed = 0
        for limit in [f"nr_inodes={n}" for n in range(8, 36, 2)] + ["size=12k", "size=24k"]:
            done = subprocess.run(["mount", "-t", "tmpfs", "-o", limit, "tmpfs", self.data],
                                  capture_output=True)
            if done.returncode:
                self.skipTest("cannot mount a tmpfs here")
            try:
                done = self.run_tool("pull", fake.host + "/app")
                if done.returncode:
                    failed += 1
                    self.assertRegex(done.stderr, r"\Ano-space: [^\n]*\n\Z", limit)
                    self.assertEqual(self.run_tool("list").stdout, "", limit)
                tmp = os.path.join(self.data, "store/tmp")
                self.assertEqual(os.path.exists(tmp) and os.listdir(tmp), [] if os.path.exists(tmp)
                                 else False, limit)
            finally:
                subprocess.run(["umount", self.data], check=True)
        self.assertGreater(failed, 5)
        self.pull(fake.host + "/app")

    def test_remove_when_full(self):
        """What frees space works without any."""
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        fake = self.fake()
        fake.add(Image({"noise": NOISE[:100000]}))
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=100", "tmpfs",
                               self.data], capture_output=True)
        if done.returncode:
            self.skipTest("cannot mount a tmpfs here")
        self.addCleanup(subprocess.run, ["umount", self.data])
        self.pull(fake.host + "/app")
        with self.assertRaises(OSError):
            for i in range(100):
                with open(os.path.join(self.data, f"fill{i}"), "wb"):
                    pass
        done = self.run_tool("rmi", fake.host + "/app")
        self.assertEqual(done.returncode, 0, done.stderr)
        for what in ("layers", "images", "refs", "tmp"):
            self.assertEqual(os.listdir(os.path.join(self.data, "store", what)), [])


class Rootless(Case):
    def subordinate_user(self):
        """(name, uid, gid) of somebody with subordinate ids, or None."""
        try:
            with open("/etc/subuid", encoding="utf-8") as f:
                rows = [line.strip().split(":") for line in f]
        except OSError:
            return None
        for row in rows:
            if len(row) == 3 and int(row[2]) >= 65536 and shutil.which("newuidmap"):
                try:
                    who = pwd.getpwnam(row[0])
                except KeyError:
                    continue
                if who.pw_uid:
                    return who
        return None

    def test_subordinate_ids(self):
        """Owners are subordinate ids, and what he cannot remove himself goes nevertheless."""
        who = self.subordinate_user()
        if os.geteuid() != 0 or not who:
            self.skipTest("needs root and a user with subordinate ids")
        fake = self.fake()
        buf = io.BytesIO()
        with tarfile.open(fileobj=buf, mode="w") as tar:
            for name, kind, owner, mode in (("srv", tarfile.DIRTYPE, 33, 0o700),
                                            ("srv/deep", tarfile.DIRTYPE, 101, 0o500),
                                            ("srv/deep/x", tarfile.REGTYPE, 65533, 0o600)):
                info = tarfile.TarInfo(name)
                info.type, info.uid, info.gid, info.mode = kind, owner, owner, mode
                tar.addfile(info)
        far = io.BytesIO()
        with tarfile.open(fileobj=far, mode="w") as tar:
            info = tarfile.TarInfo("far")
            info.uid = 4000000000
            tar.addfile(info)
        fake.add(Image(buf.getvalue()))
        fake.add(Image(far.getvalue()), tag="far")
        home, run = self.as_user(who.pw_uid, who.pw_gid)
        self.assertEqual(run("pull", fake.host + "/app").returncode, 0)
        layer = run("layers", fake.host + "/app").stdout.strip()
        self.assertEqual(os.stat(layer).st_uid, who.pw_uid)
        self.assertGreaterEqual(os.stat(layer + "/srv/deep/x").st_uid, 65533)
        done = run("pull", fake.host + "/app:far")
        self.assertRegex(done.stderr, r"\Adenied: .*far belongs to 4000000000:0.*/etc/subuid")
        done = run("rmi", fake.host + "/app")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(os.listdir(home + "/data/store/layers"), [])
        self.assertEqual(os.listdir(home + "/data/store/tmp"), [])

    def as_user(self, uid, gid):
        """A home with tool, module and data, and how to run the tool there."""
        home = tempfile.mkdtemp(prefix="hako-registry-")
        self.addCleanup(shutil.rmtree, home)
        data = os.path.join(home, "data")
        tool, module = shutil.copy(TOOL, home), shutil.copy(MODULE, home)
        os.mkdir(data)
        for path in (home, data):
            os.chown(path, uid, gid)

        def run(*args):
            return subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups",
                                   "--inh-caps=-all", tool, module, data, *args], cwd="/",
                                  capture_output=True, text=True, env={**self.env, "HOME": home})
        return home, run

    def test_one_id(self):
        """A user without subordinate ids: everything in the box is his."""
        if os.geteuid() != 0:
            self.skipTest("taking another user's id needs root")
        done = subprocess.run(["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups",
                               "--inh-caps=-all", "unshare", "-U", "true"], capture_output=True)
        if done.returncode:
            self.skipTest("no user namespaces for ordinary users here")
        fake = self.fake()
        fake.add(Image({"etc/": None, "etc/.wh.x": b"", "etc/a": b"1"}))
        home, run = self.as_user(54321, 54321)
        done = run("pull", fake.host + "/app")
        self.assertEqual(done.returncode, 0, done.stderr)
        layer = run("layers", fake.host + "/app").stdout.strip()
        self.assertEqual(os.stat(os.path.join(layer, "etc/a")).st_uid, 54321)
        self.assertEqual(os.stat(os.path.join(layer, "etc/x")).st_rdev, 0)
        done = run("rmi", fake.host + "/app")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(os.listdir(os.path.join(home, "data/store/layers")), [])

if __name__ == "__main__":
    unittest.main(verbosity=1)
