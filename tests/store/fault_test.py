# SPDX-License-Identifier: Apache-2.0
"""Every system call of a pull that changes something fails once, or is the last one before SIGKILL.
Afterwards the same pull works, the store is clean, and the image is exactly what it is without
faults. Places are sampled; HAKO_TEST_FULL=1 takes all.

  fault_test.py LAYER-TOOL PULL-TOOL MODULE [unittest options]
"""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

LAYER = sys.argv.pop(1)
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "registry"))
from case import Case  # noqa: E402
from fake import Image, tar_of  # noqa: E402

# Calls of one thread are counted by strace, so one number may hit several of them.
FAULTS = {"openat": "EMFILE", "openat2": "EMFILE", "mkdirat": "ENOSPC", "write": "ENOSPC",
          "pwrite64": "ENOSPC", "renameat": "EIO", "unlinkat": "EIO", "fchownat": "EIO",
          "fchmod": "EIO", "utimensat": "EIO", "syncfs": "EIO", "fsync": "EIO", "flock": "ENOLCK",
          "read": "EIO", "pread64": "EIO", "fstat": "EIO", "newfstatat": "EIO",
          "mknodat": "ENOSPC", "linkat": "EIO", "symlinkat": "ENOSPC", "clone3": "EAGAIN",
          "getdents64": "EIO", "fsetxattr": "ENOSPC"}
FULL = os.environ.get("HAKO_TEST_FULL")
PLACES = 1000 if FULL else 5


def can_trace():
    try:
        return subprocess.run(["strace", "-f", "-o", "/dev/null", "true"],
                              capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@unittest.skipUnless(can_trace(), "strace cannot trace here")
class Fault(Case):
    def setUp(self):
        super().setUp()
        upper = tar_of({"etc/a": b"a" * 3000, "etc/.wh.b": b"", "usr/": None,
                        "usr/big": b"b" * 600000})
        twice = tar_of({"x/y": b"lost", "z": b"z"})[:-10240]
        image = Image(tar_of({"etc/b": b"b", "bin/tool": b"t" * 70000}), upper,
                      twice + tar_of({"x": b"a file in the directory's place"}))
        self.layout = os.path.join(self.dir, "layout")
        blobs = os.path.join(self.layout, "blobs/sha256")
        os.makedirs(blobs)
        manifest = image.seal()
        digest = "sha256:" + hashlib.sha256(manifest).hexdigest()
        image.blobs[digest] = manifest
        for name, data in image.blobs.items():
            with open(os.path.join(blobs, name[7:]), "wb") as f:
                f.write(data)
        index = {"schemaVersion": 2, "manifests": [
            {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest,
             "size": len(manifest),
             "annotations": {"org.opencontainers.image.ref.name": "latest"}}]}
        for name, doc in (("index.json", index), ("oci-layout", {"imageLayoutVersion": "1.0.0"})):
            with open(os.path.join(self.layout, name), "w") as f:
                json.dump(doc, f)
        self.words = ["--layout", self.layout, "pull", "app:latest"]
        self.good = self.run_tool(*self.words)
        self.assertEqual(self.good.returncode, 0, self.good.stderr)
        self.want = self.content()

    def content(self):
        """All that the store holds, but for times."""
        found = {}
        root = os.path.join(self.data, "store")
        for top, dirs, files in os.walk(root):
            for name in dirs + files:
                path = os.path.join(top, name)
                rel = os.path.relpath(path, root)
                if name == "blobs":
                    continue  # a hint that may be missing
                data = b""
                if os.path.isfile(path) and name != "meta.json":
                    with open(path, "rb") as f:
                        data = f.read()
                    if name == "record":
                        data = b""  # holds inode numbers
                rel = re.sub(r"lost/\d+", "lost/*", rel)
                found[rel] = (os.lstat(path).st_mode, hashlib.sha256(data).hexdigest())
        return found

    def check(self):
        done = subprocess.run([LAYER, self.data, "check"], capture_output=True, text=True,
                              env=self.env, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()[:-1]

    def renew(self):
        shutil.rmtree(self.data)
        os.mkdir(self.data)

    def trace(self, inject):
        self.renew()
        argv = ["strace", "-f", "-qq", "-o", os.path.join(self.dir, "trace"), "-e",
                "trace=" + inject.split(":")[0], "-e", "inject=" + inject, *self.argv(*self.words)]
        env = dict(self.env)
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"  # not under strace
        done = subprocess.run(argv, capture_output=True, text=True, env=env, timeout=60)
        with open(os.path.join(self.dir, "trace")) as f:
            return done, f.read()

    def aftermath(self):
        found = [f for f in self.check() if not f.startswith("unused ")]
        # a killed pull may leave a name before it leaves its image's digest, never half an image
        self.assertEqual(found, [])
        again = self.run_tool(*self.words)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(again.stdout.split()[:2], self.good.stdout.split()[:2])
        self.assertEqual(self.content(), self.want)
        self.assertEqual(self.check(), [])

    def sweep(self, call, fault):
        done, text = self.trace(f"{call}:{fault}:when=60000")
        self.assertEqual(done.returncode, 0, done.stderr)
        per = {}
        for line in text.splitlines():
            if f" {call}(" in line:
                pid = line.split()[0]
                per[pid] = per.get(pid, 0) + 1
        most = max(per.values(), default=0)
        step = max(1, most // PLACES)
        for n in range(1, most + 1, step):
            with self.subTest(call=call, fault=fault, n=n):
                done, text = self.trace(f"{call}:{fault}:when={n}")
                loading = re.search("loading shared|^module: ", done.stderr)
                if "signal" not in fault and done.returncode != 0 and not loading:
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertRegex(done.stderr, r"^[a-z-]+: .+")
                self.aftermath()

    def test_killed(self):
        for call in FAULTS:
            self.sweep(call, "signal=KILL")

    def test_failing(self):
        for call, error in FAULTS.items():
            if call == "write":
                continue  # also the word to the eventfd that ends the helper; bad_space has full disks
            self.sweep(call, f"error={error}")


if __name__ == "__main__":
    unittest.main()
