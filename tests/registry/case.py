# SPDX-License-Identifier: Apache-2.0
"""What the registry tests share. The program takes PULL-TOOL MODULE [unittest options]."""
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

from fake import Fake

TOOL, MODULE = sys.argv[1:3]
del sys.argv[1:3]
NOISE = random.Random(1).randbytes(3 << 20)


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="hako-registry-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.data = os.path.join(self.dir, "data")
        os.mkdir(self.data)
        self.env = {**os.environ, "HOME": self.dir}
        for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
            self.env.pop(name, None)

    def fake(self, **options):
        fake = Fake(**options)
        self.addCleanup(fake.close)
        return fake

    def argv(self, *args, data=None):
        return [TOOL, MODULE, data or self.data, *args]

    def run_tool(self, *args, **options):
        return subprocess.run(self.argv(*args), capture_output=True, text=True, env=self.env,
                              timeout=60, **options)

    def pull(self, *args):
        """Pull that works: (manifest, id, fresh)."""
        done = self.run_tool(*args[:-1], "pull", args[-1])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_clean()
        manifest, image, fresh = done.stdout.split()
        return manifest, image, fresh == "fresh"

    def refuse(self, kind, pattern, *args):
        """Pull that fails with this kind of error and leaves nothing; its message."""
        done = self.run_tool(*args[:-1], "pull", args[-1])
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertTrue(done.stderr.startswith(kind + ": "), done.stderr)
        self.assertRegex(done.stderr, pattern)
        self.assertEqual(done.stderr.count("\n"), 1, "one line")
        self.assert_clean()
        self.assertEqual(os.listdir(os.path.join(self.data, "store/images")), [])
        return done.stderr

    def assert_clean(self):
        self.assertEqual(os.listdir(os.path.join(self.data, "store/tmp")), [])

    def layers(self, name):
        return self.run_tool("layers", name).stdout.split()

    def read(self, name, path):
        """From the topmost layer that has it."""
        for layer in self.layers(name):
            full = os.path.join(layer, path)
            if os.path.lexists(full):
                with open(full, "rb") as f:
                    return f.read()
        return None

    def fault(self, fake, part, answer, times=None):
        """answer(handler) for requests whose path holds `part`, at most `times` times."""
        left = [times]

        def hook(h):
            if part not in h.path or left[0] == 0:
                return False
            if left[0] is not None:
                left[0] -= 1
            return answer(h) is not False
        fake.hooks.append(hook)
