# SPDX-License-Identifier: Apache-2.0
"""Damage of every kind done to a store; check finds it, --repair and the next pull mend it.

  check_test.py LAYER-TOOL PULL-TOOL MODULE [unittest options]
"""
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import unittest

LAYER = sys.argv.pop(1)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "registry"))
from case import Case  # noqa: E402
from fake import Image, tar_of  # noqa: E402


class Check(Case):
    def setUp(self):
        super().setUp()
        self.server = self.fake()
        shared = tar_of({"etc/shared": b"s" * 3000, "bin/tool": b"t" * 70000})
        self.image = Image(shared, tar_of({"etc/own": b"o" * 10}))
        self.other = Image(shared, tar_of({"etc/other": b"x"}))
        self.server.add(self.image, "app")
        self.server.add(self.other, "other")
        self.name = f"{self.server.host}/app:latest"
        for name in ("app", "other"):
            self.pull("--insecure", self.server.host, f"{self.server.host}/{name}:latest")
        self.assertEqual(self.check(), [])

    def check(self, *options):
        done = subprocess.run([LAYER, self.data, "check", *options], capture_output=True,
                              text=True, env=self.env, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_clean()
        return done.stdout.splitlines()[:-1]

    def layer_dirs(self):
        return [os.path.dirname(fs) for fs in self.layers(self.name)]

    def damaged(self, kind, why):
        """One finding of this kind; repaired by removal and a pull."""
        found = self.check()
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(kind + " "), found)
        self.assertRegex(found[0], why)
        found = self.check("--repair")
        self.assertIn(" repaired", found[0])
        pull = found[0].split()[2]
        self.assertIn("@sha256:", pull)
        self.pull("--insecure", self.server.host, pull)
        self.assertEqual(self.check(), [])

    def bottom(self, path):
        return os.path.join(self.layer_dirs()[-1], "fs", path)

    def test_content(self):
        with open(self.bottom("bin/tool"), "r+b") as f:
            f.seek(5)
            f.write(b"?")
        self.damaged("damaged", "content is")

    def test_missing_file(self):
        os.unlink(self.bottom("etc/shared"))
        self.damaged("damaged", "lost its file /etc/shared")

    def test_mode(self):
        os.chmod(self.bottom("bin/tool"), 0o4777)
        self.damaged("changed", "/bin/tool: its kind or mode")

    def test_time(self):
        os.utime(self.bottom("bin/tool"), (1, 1))
        self.damaged("changed", "/bin/tool: its time")

    def test_attribute(self):
        os.setxattr(self.bottom("bin/tool"), "user.new", b"1")
        self.damaged("changed", "/bin/tool: its extended attributes")

    def test_link(self):
        os.link(self.bottom("bin/tool"), os.path.join(self.data, "second"))
        self.damaged("changed", "number of its hard links")

    @unittest.skipUnless(os.geteuid() == 0, "owners need root")
    def test_owner(self):
        os.chown(self.bottom("etc"), 5, 5)
        self.damaged("changed", "/etc: its owner")

    def test_extra(self):
        with open(self.bottom("etc/extra"), "w"):
            pass
        self.damaged("changed", "/etc/extra: nobody put it there")

    def test_directory_gone(self):
        shutil.rmtree(self.bottom("bin"))
        self.damaged("damaged", "lost its file /bin/tool")

    def test_layer_gone(self):
        shutil.rmtree(self.layer_dirs()[0])
        self.damaged("missing", "not there")

    def test_record_damaged(self):
        path = os.path.join(self.layer_dirs()[0], "record")
        with open(path, "r+b") as f:
            f.truncate(30)
        self.damaged("damaged", "record is damaged")

    def test_record_missing(self):
        os.unlink(os.path.join(self.layer_dirs()[0], "record"))
        self.damaged("unrecorded", "pull it again")

    def test_unused_layer(self):
        unused = os.path.join(self.data, "store/layers", "ab" * 32)
        shutil.copytree(self.layer_dirs()[0], unused)
        found = self.check("--repair")
        self.assertEqual([f.split()[0] for f in found], ["unused"])
        self.assertFalse(os.path.exists(unused))
        self.assertEqual(self.check(), [])

    def test_broken_image(self):
        images = os.path.join(self.data, "store/images")
        image = self.run_tool("find", self.name).stdout.strip()[7:]
        with open(os.path.join(images, image, "config"), "ab") as f:
            f.write(b" ")
        found = self.check("--repair")
        self.assertEqual(found[0].split()[0], "broken")
        self.assertIn("configuration is", found[0])
        self.pull("--insecure", self.server.host, self.name)
        self.assertEqual(self.check(), [])

    def test_dangling_name(self):
        image = self.run_tool("find", self.name).stdout.strip()[7:]
        shutil.rmtree(os.path.join(self.data, "store/images", image))
        kinds = sorted(f.split()[0] for f in self.check("--repair"))
        self.assertEqual(kinds, ["dangling", "dangling", "unused"])
        self.assertEqual(self.check(), [])

    # --- additional stores ----------------------------------------------------------------------

    def adopt(self, where):
        return subprocess.run([LAYER, self.data, "adopt", where], capture_output=True, text=True,
                              env=self.env, timeout=60)

    def test_additional_store(self):
        other = os.path.join(self.dir, "other")
        os.rename(self.data, other)
        os.mkdir(self.data)
        before = self.snapshot(other)
        self.assertEqual(self.adopt(other).returncode, 0)
        self.assertEqual(self.read(self.name, "etc/own"), b"o" * 10)
        self.assertEqual(self.check(), [])
        self.assertFalse(self.pull("--insecure", self.server.host, self.name)[2], "known already")
        self.run_tool("rmi", self.name)
        self.assertEqual(self.adopt(other).returncode, 0)
        self.assertNotEqual(self.run_tool("find", self.name).returncode, 0, "removed here")
        self.assertEqual(self.snapshot(other), before, "never written")

    def test_additional_store_that_goes(self):
        other = os.path.join(self.dir, "other")
        os.rename(self.data, other)
        os.mkdir(self.data)
        self.assertEqual(self.adopt("/nowhere:" + other).returncode, 1)
        self.assertEqual(self.adopt(":" + other + ":").returncode, 0)
        shutil.rmtree(other)
        self.assertEqual({f.split()[0] for f in self.check()}, {"missing"})
        self.pull("--insecure", self.server.host, self.name)
        self.assertEqual(self.read(self.name, "etc/own"), b"o" * 10)

    @unittest.skipUnless(os.geteuid() == 0, "another user's store needs root")
    def test_additional_store_of_another(self):
        other = os.path.join(self.dir, "other")
        shutil.copytree(self.data, other)
        os.chown(os.path.join(other, "store"), 1234, 1234)
        done = self.adopt(other)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "^denied: .*belongs to user 1234")

    @staticmethod
    def snapshot(root):
        return sorted((os.path.join(t, n), os.lstat(os.path.join(t, n)).st_mtime_ns)
                      for t, d, f in os.walk(root) for n in d + f)


if __name__ == "__main__":
    unittest.main()
