#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Image layouts and a real registry; what is unpacked is compared with what GNU tar makes.

  layout_test.py PULL-TOOL MODULE [unittest options]
"""
import hashlib
import os
import pathlib
import random
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

TOOL, MODULE = sys.argv[1:3]
FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"


def mkimage(*args):
    subprocess.run([sys.executable, FIXTURES / "mkimage.py", *map(str, args)], check=True)


def describe(root, times=True):
    """Everything that tar keeps, by path."""
    found, links = {}, {}
    for top, dirs, files in os.walk(root):
        for name in dirs + files:
            path = os.path.join(top, name)
            rel = os.path.relpath(path, root)
            st = os.lstat(path)
            entry = [stat.filemode(st.st_mode), st.st_uid, st.st_gid]
            if times:
                entry.append(st.st_mtime_ns)
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as f:
                    entry.append(hashlib.sha256(f.read()).hexdigest())
                entry.append(sorted((n, os.getxattr(path, n)) for n in os.listxattr(path)))
                first = links.setdefault((st.st_dev, st.st_ino), rel)
                entry.append(first if st.st_nlink > 1 else None)
            elif stat.S_ISLNK(st.st_mode):
                entry.append(os.readlink(path))
            elif stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
                entry.append(st.st_rdev)
            found[rel] = entry
    return found


def grow_tree(root, rng, root_user):
    """A tree of everything: links, sparse files, odd names, modes, owners, times."""
    dirs = [root]
    for i in range(60):
        d = os.path.join(rng.choice(dirs), f"d{i}" + rng.choice(["", " ", "é", "\udcff", "x" * 120]))
        os.mkdir(d)
        dirs.append(d)
    files = []
    for i in range(400):
        path = os.path.join(rng.choice(dirs), f"f{i}" + "n" * rng.choice([0, 0, 0, 90, 200]))
        with open(path, "wb") as f:
            if i % 50 == 0:
                f.truncate(rng.randrange(1 << 20, 4 << 20))  # sparse, with islands
                for _ in range(3):
                    f.seek(rng.randrange(1 << 20))
                    f.write(rng.randbytes(700))
            else:
                f.write(rng.randbytes(rng.randrange(20000)))
        files.append(path)
    for i in range(40):
        os.link(rng.choice(files), os.path.join(rng.choice(dirs), f"hard{i}"))
        os.symlink(rng.choice(["/etc/passwd", "../x", "nowhere", "t" * 150]),
                   os.path.join(rng.choice(dirs), f"soft{i}"))
        os.mkfifo(os.path.join(rng.choice(dirs), f"pipe{i}"))
    for i, path in enumerate(files + dirs[1:]):
        if root_user:
            os.chown(path, rng.randrange(70000), rng.randrange(70000))
        os.chmod(path, rng.choice([0o644, 0o755, 0o4755, 0o2750, 0o1777, 0o600, 0o700]))
        if i % 7 == 0:
            os.setxattr(path, "user.note", rng.randbytes(30))
    for path in files + dirs[::-1]:
        os.utime(path, ns=(0, rng.randrange(10 ** 18, 17 * 10 ** 17)))


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="hako-layout-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.data = os.path.join(self.dir, "data")
        self.layout = os.path.join(self.dir, "layout")
        os.mkdir(self.data)

    def run_tool(self, *args):
        return subprocess.run([TOOL, MODULE, self.data, *map(str, args)], capture_output=True,
                              text=True, timeout=60)

    def pull(self, *args):
        done = self.run_tool(*args)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(os.listdir(os.path.join(self.data, "store/tmp")), [])
        return done.stdout.split()

    def refuse(self, kind, pattern, *args):
        done = self.run_tool(*args)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertTrue(done.stderr.startswith(kind + ": "), done.stderr)
        self.assertRegex(done.stderr, pattern)
        self.assertEqual(os.listdir(os.path.join(self.data, "store/tmp")), [])
        self.assertEqual(os.listdir(os.path.join(self.data, "store/images")), [])


class AgainstTar(Case):
    def compare(self, seed, tar_format, compress):
        if os.geteuid() != 0:
            self.skipTest("owners need root")
        tree, tar, other = (os.path.join(self.dir, n) for n in ("tree", "tree.tar", "other"))
        os.mkdir(tree)
        os.mkdir(other)
        grow_tree(tree, random.Random(seed), True)
        xattrs = ["--xattrs", "--xattrs-include=*"] if tar_format == "posix" else []
        subprocess.run(["tar", "-C", tree, "--sparse", *xattrs, f"--format={tar_format}", "-cf",
                        tar, "."], check=True)
        subprocess.run(["tar", "-C", other, "--xattrs", "--xattrs-include=*", "--numeric-owner",
                        "-xpf", tar], check=True)
        mkimage("--out", self.layout, "--ref", "t", "--layer", tar, "--compress", compress)
        self.pull("--layout", self.layout, "pull", "tree:t")
        layer = self.run_tool("layers", "tree:t").stdout.strip()
        mine, its = describe(layer), describe(other)
        self.assertEqual(len(mine), len(its))
        for path, entry in its.items():
            self.assertEqual(mine.get(path), entry, path)
        sparse = sum(os.lstat(os.path.join(layer, p)).st_blocks for p in mine)
        full = sum(os.lstat(os.path.join(layer, p)).st_size for p in mine) // 512
        self.assertLess(sparse, full)

    def test_pax_gzip(self):
        self.compare(1, "posix", "gzip")

    def test_gnu_zstd(self):
        self.compare(2, "gnu", "zstd")

    def test_pax_plain(self):
        self.compare(3, "posix", "none")


class Layouts(Case):
    def simple(self, *extra):
        mkimage("--out", self.layout, "--ref", "one", "--layer", "-", "--add", "d etc 0755",
                "--add", "f etc/a 0644 text", *extra)

    def test_names(self):
        self.simple()
        mkimage("--out", self.layout, "--ref", "two", "--layer", "-", "--add", "f b 0644 other")
        one = self.pull("--layout", self.layout, "pull", "img:one")
        two = self.pull("--layout", self.layout, "pull", "img:two")
        self.assertNotEqual(one[1], two[1])

    def test_index(self):
        arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, "amd64")
        for a in ("amd64", "arm64", "s390x"):
            mkimage("--out", self.layout, "--ref", a, "--platform", f"linux/{a}", "--layer", "-",
                    "--add", f"f {a} 0644 x")
        mkimage("--out", self.layout, "--index", "all")
        self.pull("--layout", self.layout, "pull", "img:all")
        layer = self.run_tool("layers", "img:all").stdout.strip()
        self.assertEqual(os.listdir(layer), [arch])

    def test_broken(self):
        for how, kind, pattern in (
                ("digest", "corrupt", "expected digest"),
                ("truncate", "corrupt", "truncated: expected .* got"),
                ("diffid", "corrupt", "diff id"),
                ("manifest", "corrupt", "manifest"),
                ("config", "corrupt", "configuration"),
                ("bigsize", "corrupt", "truncated"),
                ("layertype", "corrupt", "media type"),
                ("traversal", "corrupt", r"leads out of the layer"),
                ("nolayer", "not-found", "has no blob")):
            with self.subTest(how):
                shutil.rmtree(self.layout, ignore_errors=True)
                self.simple("--break", how)
                self.refuse(kind, pattern, "--layout", self.layout, "pull", "img:one")
                self.assertFalse(os.path.exists("/tmp/hako-escaped"))

    def test_no_layout(self):
        self.refuse("internal", "cannot open .*none", "--layout", self.dir + "/none", "pull",
                    "img")
        os.mkdir(self.layout)
        self.refuse("internal", "index.json", "--layout", self.layout, "pull", "img")

    def test_symlinked_blob(self):
        """A layout is foreign, too: its blobs are not followed out of it."""
        self.simple()
        blobs = os.path.join(self.layout, "blobs/sha256")
        for name in os.listdir(blobs):
            os.rename(os.path.join(blobs, name), os.path.join(self.dir, name))
            os.symlink(os.path.join(self.dir, name), os.path.join(blobs, name))
        self.refuse("internal", "cannot open", "--layout", self.layout, "pull", "img:one")


class RealRegistry(Case):
    def setUp(self):
        super().setUp()
        for program in ("docker-registry", "skopeo"):
            if not shutil.which(program):
                self.skipTest(f"{program} is not installed")

    def start(self, *options):
        out = subprocess.run(["bash", FIXTURES / "registry.sh", "start", "--empty", *options],
                             check=True, capture_output=True, text=True).stdout
        port, pid, where = out.split()
        self.addCleanup(subprocess.run, ["bash", FIXTURES / "registry.sh", "stop", pid, where])
        mkimage("--out", self.layout, "--ref", "one", "--layer", "-", "--add", "d etc 0755",
                "--add", "f etc/a 0644 text", "--add", "f etc/gone 0644 x", "--layer", "-",
                "--add", "w etc/gone")
        mkimage("--out", self.layout + "-z", "--ref", "one", "--compress", "zstd", "--layer", "-",
                "--add", "d etc 0755", "--add", "f etc/a 0644 text")
        return port

    def push(self, layout, name, *options):
        subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false",
                        *options, f"oci:{layout}:one", f"docker://{name}"], check=True)

    def test_formats(self):
        name = f"127.0.0.1:{self.start()}/app"
        self.push(self.layout, name + ":oci")
        self.push(self.layout, name + ":v2s2", "--format", "v2s2")
        self.push(self.layout + "-z", name + ":zstd")
        for tag in ("oci", "v2s2", "zstd"):
            self.pull("pull", f"{name}:{tag}")
            layers = self.run_tool("layers", f"{name}:{tag}").stdout.split()
            with open(os.path.join(layers[-1], "etc/a"), encoding="utf-8") as f:
                self.assertEqual(f.read(), "text")
        top = os.path.join(self.run_tool("layers", name + ":oci").stdout.split()[0], "etc/gone")
        self.assertTrue(stat.S_ISCHR(os.lstat(top).st_mode))
        done = self.run_tool("pull", name + ":none")
        self.assertEqual(done.stderr, f"not-found: manifest for {name}:none not found: "
                                      "manifest unknown\n")

    def test_login_and_tls(self):
        port = self.start("--auth", "ann:secret", "--tls")
        name = f"localhost:{port}/app"
        self.push(self.layout, name, "--dest-creds", "ann:secret")
        self.refuse("denied", "pull access denied for localhost", "pull", name)
        auth = os.path.join(self.dir, "auth.json")
        subprocess.run(["skopeo", "login", "--tls-verify=false", "--authfile", auth, "-u",
                        "ann", "-p", "secret", f"localhost:{port}"], check=True,
                       stdout=subprocess.DEVNULL)
        self.pull("--auth", auth, "pull", name)


if __name__ == "__main__":
    del sys.argv[1:3]
    unittest.main(verbosity=1)
