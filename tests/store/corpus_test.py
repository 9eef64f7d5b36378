# SPDX-License-Identifier: Apache-2.0
"""Odd, old and hostile tars through the store. Each is made here byte by byte or by tar itself, and

  - what comes out is compared entry by entry with GNU tar's own extraction, where both agree, or
    with what docker's documented rules say, where they do not;
  - packing the layer again gives the same bytes (the same diff id), for all of them.

The program takes LAYER-TOOL [unittest options].
"""
import gzip
import hashlib
import io
import os
import random
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import unittest

TOOL = sys.argv[1]
del sys.argv[1]
ROOT = os.geteuid() == 0
NOISE = random.Random(7).randbytes(300000)
ME, MINE = os.geteuid(), os.getegid()


def field(n, width):
    if 0 <= n < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, n)
    return (n % (1 << 8 * width) | 1 << 8 * width - 1).to_bytes(width, "big")  # base-256


def head(name, kind=b"0", size=0, mode=0o644, uid=None, gid=None, mtime=1000000000, link=b"",
         magic=b"ustar\00000", prefix=b"", dev=(0, 0), tail=None):
    uid, gid = ME if uid is None else uid, MINE if gid is None else gid
    block = bytearray(512)
    for at, value in ((0, name), (100, field(mode, 8)), (108, field(uid, 8)),
                      (116, field(gid, 8)), (124, field(size, 12)), (136, field(mtime, 12)),
                      (148, b" " * 8), (156, kind), (157, link), (257, magic),
                      (329, field(dev[0], 8)), (337, field(dev[1], 8)), (345, prefix)):
        block[at:at + len(value)] = value
    for at, value in (tail or {}).items():
        block[at:at + len(value)] = value
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def body(data):
    return data + b"\0" * (-len(data) % 512)


def entry(name, data=b"", kind=b"0", **kw):
    size = kw.pop("size", len(data))
    return head(name, kind, size, **kw) + body(data)


def pax(**records):
    return pax_list(list(records.items()))


def pax_list(records):
    text = b""
    for key, value in records:
        value = value if isinstance(value, bytes) else str(value).encode()
        rest = b" " + key.encode() + b"=" + value + b"\n"
        n = len(rest) + 1
        while len(str(n)) + len(rest) != n:
            n = len(str(n)) + len(rest)
        text += b"%d" % n + rest
    return entry(b"PaxHeaders.0/x", text, b"x")


def gnu_long(kind, text):
    return entry(b"././@LongLink", text + b"\0", kind, magic=b"ustar  \0")


def directory(name, **kw):
    return entry(name, kind=b"5", **{"mode": 0o755, **kw})


END = b"\0" * 1024


class Corpus(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="hako-corpus-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.data = os.path.join(self.dir, "data")
        os.mkdir(self.data)

    def tool(self, *args, **kw):
        return subprocess.run([TOOL, self.data, *args], capture_output=True, timeout=120, **kw)

    def add(self, tar):
        """Unpack; the path of the layer's files. Packing it again must give `tar`."""
        path = os.path.join(self.dir, "in.tar")
        with open(path, "wb") as f:
            f.write(tar)
        done = self.tool("add", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        digest = hashlib.sha256(tar).hexdigest()
        self.assertEqual(done.stdout.split()[0].decode(), "sha256:" + digest)
        packed = self.tool("pack", "sha256:" + digest)
        self.assertEqual(packed.returncode, 0, packed.stderr)
        self.assertEqual(hashlib.sha256(packed.stdout).hexdigest(), digest, "packed differently")
        self.assertEqual(os.listdir(os.path.join(self.data, "store/tmp")), [])
        self.layer = os.path.join(self.data, "store/layers", digest)
        return os.path.join(self.layer, "fs")

    def refuse(self, tar, pattern):
        path = os.path.join(self.dir, "in.tar")
        with open(path, "wb") as f:
            f.write(tar)
        done = self.tool("add", path)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stderr.decode(), pattern)
        self.assertEqual(os.listdir(os.path.join(self.data, "store/tmp")), [])
        self.assertFalse(os.path.lexists("/tmp/hako-corpus-escaped"))
        return done.stderr

    def gnu(self, tar, *options):
        """GNU tar's idea of the same archive."""
        out = os.path.join(self.dir, "gnu")
        shutil.rmtree(out, ignore_errors=True)
        os.mkdir(out)
        subprocess.run(["tar", "-x", "-p", "--same-owner" if ROOT else "--no-same-owner",
                        "--xattrs", "--xattrs-include=user.*",
                        "--xattrs-include=security.capability", "-C", out, *options],
                       input=tar, check=True, stderr=subprocess.DEVNULL, timeout=120)
        return out

    @staticmethod
    def describe(root, times=True):
        """{path: everything that matters}."""
        seen, links = {}, {}
        for at, dirs, files in os.walk(root):
            for name in dirs + files:
                full = os.path.join(at, name)
                st = os.lstat(full)
                path = os.path.relpath(full, root)
                what = [stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid]
                if times:
                    what.append(st.st_mtime_ns)
                if stat.S_ISLNK(st.st_mode):
                    what.append(os.readlink(full))
                elif stat.S_ISREG(st.st_mode):
                    with open(full, "rb") as f:
                        what.append(hashlib.sha256(f.read()).hexdigest())
                    links.setdefault(st.st_ino, []).append(path)
                elif stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
                    what.append(st.st_rdev)
                if not stat.S_ISLNK(st.st_mode):
                    what.insert(0, sorted((k, os.getxattr(full, k)) for k in os.listxattr(full)
                                       if not k.startswith("system.")))
                seen[path] = what
        for paths in links.values():
            for path in paths:
                seen[path].append(sorted(paths))
        return seen

    def same_as_gnu(self, tar, *options, times=True):
        mine = self.describe(self.add(tar), times)
        theirs = self.describe(self.gnu(tar, *options), times)
        self.assertEqual(mine, theirs)
        return mine

    def make(self, fill, *options):
        """A tree, filled by fill(path), as GNU tar writes it."""
        tree = os.path.join(self.dir, "tree")
        shutil.rmtree(tree, ignore_errors=True)
        os.mkdir(tree)
        fill(tree)
        return subprocess.run(["tar", "-c", "-C", tree, *options, "."], check=True,
                              stdout=subprocess.PIPE).stdout

    @staticmethod
    def fill(tree):
        os.makedirs(tree + "/a/b")
        for name, data in (("a/empty", b""), ("a/one", b"1"), ("a/full", b"x" * 512),
                           ("a/b/noise", NOISE)):
            with open(os.path.join(tree, name), "wb") as f:
                f.write(data)
        os.link(tree + "/a/one", tree + "/a/b/two")
        os.symlink("../one", tree + "/a/b/soft")
        os.mkfifo(tree + "/a/pipe")
        os.chmod(tree + "/a/one", 0o4755)
        os.chmod(tree + "/a/b", 0o1777)
        os.mkdir(tree + "/" + "n" * 200)
        with open(tree + "/" + "n" * 200 + "/" + "m" * 255, "w") as f:
            f.write("long")
        os.symlink("t" * 300, tree + "/longlink")
        with open(tree + "/sparse", "wb") as f:
            for at in range(0, 50 << 20, 5 << 20):
                f.seek(at)
                f.write(NOISE[:70000])
            f.truncate(60 << 20)
        for name, t in (("a/one", 1234567890123456789), ("a/full", -5_500_000_000),
                        ("a/b", 4102444800_000000001)):
            os.utime(os.path.join(tree, name), ns=(t, t))

    # --- what tar itself writes ---------------------------------------------------------------

    def test_gnu_formats(self):
        for form in ("gnu", "pax"):
            for more in ([], ["-S"], ["-S", "--hole-detection=raw", "-b", "1"]):
                with self.subTest(form=form, more=more):
                    tar = self.make(self.fill, "--format=" + form, *more)
                    self.same_as_gnu(tar)

    def test_sparse_versions(self):
        def fill(tree):
            with open(tree + "/s", "wb") as f:
                for at in range(0, 64 << 20, 1 << 20):  # more pieces than a header holds
                    f.seek(at)
                    f.write(NOISE[at >> 20:][:5000])
                f.truncate(70 << 20)
            with open(tree + "/hole", "wb") as f:
                f.truncate(10 << 20)
            with open(tree + "/after", "w") as f:
                f.write("still in step")
        for version in ("0.0", "0.1", "1.0"):
            with self.subTest(version=version):
                tar = self.make(fill, "--format=pax", "-S", "--sparse-version=" + version)
                seen = self.same_as_gnu(tar)
                self.assertEqual(len(seen), 3)
                fs = os.path.join(self.layer, "fs")
                self.assertLess(os.stat(fs + "/hole").st_blocks, 64)
                self.assertLess(os.stat(fs + "/s").st_blocks * 512, 8 << 20)
        self.same_as_gnu(self.make(fill, "--format=gnu", "-S"))

    def test_old_formats(self):
        def fill(tree):
            os.mkdir(tree + "/d")
            for name in ("d/f", "g"):
                with open(tree + "/" + name, "w") as f:
                    f.write(name)
                os.utime(tree + "/" + name, (1, 1))
        for form in ("v7", "oldgnu", "ustar"):
            with self.subTest(form=form):
                self.same_as_gnu(self.make(fill, "--format=" + form), times=False)

    @unittest.skipUnless(ROOT, "owners, devices and capabilities need root")
    def test_privileged(self):
        def fill(tree):
            for name, uid, gid in (("a", 0, 42), ("b", 3000000, 4000000), ("c", 65534, 65534)):
                with open(tree + "/" + name, "w") as f:
                    f.write(name)
                os.chown(tree + "/" + name, uid, gid)
            os.mknod(tree + "/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
            os.mknod(tree + "/disk", stat.S_IFBLK | 0o660, os.makedev(259, 70000))
            os.setxattr(tree + "/a", "user.note", b"b\0n\nry")
            os.setxattr(tree + "/a", "security.capability",
                        struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0))
            os.lchown(tree + "/c", 7, 8)
        for form in ("pax", "gnu"):
            with self.subTest(form=form):
                options = ["--format=" + form]
                if form == "pax":
                    options += ["--xattrs", "--xattrs-include=*"]
                self.same_as_gnu(self.make(fill, *options))

    def test_python_tarfile(self):
        for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
            with self.subTest(form=form):
                out = io.BytesIO()
                with tarfile.open(fileobj=out, mode="w", format=form) as t:
                    for i in range(300):
                        info = tarfile.TarInfo(f"dir{i % 7}/sub{i % 3}/" + "é" * 20 + str(i))
                        info.size, info.uid, info.gid = i * 37, ME, MINE
                        info.mtime = 1600000000 + i
                        t.addfile(info, io.BytesIO(NOISE[i:i + i * 37]))
                self.same_as_gnu(out.getvalue(), times=False)

    def test_debian_image(self):
        path = os.environ.get("HAKO_TEST_DEBIAN", "")
        if not os.path.exists(path):
            self.skipTest("HAKO_TEST_DEBIAN names no tar of a Debian root")
        with open(path, "rb") as f:
            self.same_as_gnu(f.read())

    # --- odd, and docker and GNU tar agree ------------------------------------------------------

    def test_odd_orders(self):
        self.same_as_gnu(entry(b"d/e/file", b"before its directory") + directory(b"d/", mode=0o700)
                         + directory(b"d/e", mode=0o711, mtime=5) + END)

    def test_duplicates(self):
        tar = (entry(b"f", b"first") + entry(b"f", b"second, longer") + entry(b"g", NOISE)
               + entry(b"h", kind=b"1", link=b"g") + entry(b"g", b"other") + END)
        seen = self.same_as_gnu(tar)
        self.assertEqual(set(seen), {"f", "g", "h"})

    def test_file_becomes_directory_and_back(self):
        tar = (entry(b"x", b"a file") + directory(b"x/") + entry(b"x/in", b"inner")
               + directory(b"y") + entry(b"y/deep/er/f", NOISE[:5000]) + entry(b"y/deep/g", b"g")
               + entry(b"y", b"now a file") + END)
        fs = self.add(tar)
        self.assertTrue(os.path.isdir(fs + "/x"))
        with open(fs + "/x/in") as f:
            self.assertEqual(f.read(), "inner")
        with open(fs + "/y") as f:
            self.assertEqual(f.read(), "now a file")
        self.assertEqual(sorted(os.listdir(self.layer)), ["fs", "lost", "record", "size"])
        self.assertFalse([n for n in os.listdir(self.layer + "/lost") if n.startswith("d")])

    def test_through_symlink_that_goes(self):
        tar = (directory(b"real") + entry(b"ln", kind=b"2", link=b"real")
               + entry(b"ln/f", b"through the link") + directory(b"ln/")
               + entry(b"ln/f", b"beside it") + END)
        fs = self.add(tar)
        with open(fs + "/real/f") as f:
            self.assertEqual(f.read(), "through the link")
        with open(fs + "/ln/f") as f:
            self.assertEqual(f.read(), "beside it")

    def test_lost_hard_links(self):
        tar = (entry(b"d/a", NOISE[:9000]) + entry(b"b", kind=b"1", link=b"d/a")
               + entry(b"b", b"new b") + entry(b"d", b"no directory") + END)
        fs = self.add(tar)
        with open(fs + "/d") as f:
            self.assertEqual(f.read(), "no directory")

    def test_deep_lost_tree(self):
        tar = b"".join(entry(b"d/" * n + b"f%d" % n, b"%d" % n) for n in range(1, 40))
        self.add(tar + entry(b"d", b"flat") + END)

    def test_sizes_of_things_without_content(self):
        tar = (entry(b"f", b"x") + head(b"l", b"1", 700, link=b"f") + head(b"s", b"2", 9, link=b"f")
               + directory(b"d", size=512) + entry(b"after", b"in step") + END)
        fs = self.add(tar)
        self.assertEqual(sorted(os.listdir(fs)), ["after", "d", "f", "l", "s"])

    def test_times(self):
        tar = b"".join(pax(mtime=t) + entry(b"f%d" % i, b"x") for i, t in
                       enumerate(("0.000000001", "-0.5", "-1", "1700000000.123456789123",
                                  "9999999999.5", "-62135596800")))
        fs = self.add(tar + pax(mtime="123.25") + directory(b"d") + entry(b"neg", b"", mtime=-77)
                      + END)
        want = {"f0": 1, "f1": -500000000, "f2": -1000000000, "f3": 1700000000123456789,
                "d": 123250000000, "neg": -77000000000}
        for name, t in want.items():
            self.assertEqual(os.lstat(fs + "/" + name).st_mtime_ns, t, name)

    @unittest.skipUnless(ROOT, "owners need root")
    def test_huge_ids(self):
        fs = self.add(entry(b"a", b"", uid=4294967293, gid=2097152) + pax(uid=4000000000, gid=7)
                      + entry(b"b", b"") + END)
        self.assertEqual((os.lstat(fs + "/a").st_uid, os.lstat(fs + "/a").st_gid),
                         (4294967293, 2097152))
        self.assertEqual(os.lstat(fs + "/b").st_uid, 4000000000)

    def test_long_names(self):
        name = b"/".join(b"%0200d" % i for i in range(15))
        tar = (gnu_long(b"L", name) + entry(name[:100], b"gnu", magic=b"ustar  \0")
               + gnu_long(b"K", b"k" * 500) + entry(b"kl", kind=b"2", link=b"k" * 100)
               + pax(path="p" * 250, linkpath="q" * 400) + entry(b"p", kind=b"2", link=b"q")
               + entry(b"n" * 100, b"exactly 100") + entry(b"f", b"pre", prefix=b"d" * 155) + END)
        self.same_as_gnu(tar, times=False)

    def test_names_that_are_no_utf8(self):
        self.same_as_gnu(entry(b"\xff\xfe bad \x80", b"x") + pax(path=b"pax-\xe9\xff")
                         + entry(b"p", b"y") + END)

    def test_ends(self):
        whole = entry(b"f", b"content")
        for end in (b"", b"\0" * 512, END, END * 20, END + NOISE[:3000],
                    END + entry(b"g", b"after the end")):
            with self.subTest(end=len(end)):
                fs = self.add(whole + end)
                self.assertEqual(os.listdir(fs), ["f"])

    def test_compressed(self):
        tar = entry(b"f", NOISE) + END
        path = os.path.join(self.dir, "in.tgz")
        with open(path, "wb") as f:
            f.write(gzip.compress(tar[:1000]) + gzip.compress(tar[1000:]))
        done = self.tool("add", path)
        self.assertEqual(done.stdout.split()[0].decode(),
                         "sha256:" + hashlib.sha256(tar).hexdigest(), done.stderr)

    def test_unknown_kinds(self):
        fs = self.add(entry(b"label", b"", b"V") + entry(b"g", b"52 comment=x\n", b"g")
                      + entry(b"what", b"its data", b"Z") + entry(b"cont", b"contiguous", b"7")
                      + entry(b"f", b"f") + END)
        self.assertEqual(sorted(os.listdir(fs)), ["cont", "f"])

    # --- whiteouts: image-spec ------------------------------------------------------------------

    @unittest.skipUnless(ROOT, "trusted attributes need root")
    def test_whiteouts(self):
        tar = (entry(b"a/.wh.gone") + entry(b"a/.wh.again") + entry(b"a/again", b"new")
               + entry(b"a/before", b"kept") + entry(b"a/.wh.before")
               + directory(b"o") + entry(b"o/.wh..wh..opq") + entry(b"o/new", b"n")
               + entry(b"o2/new", b"n") + entry(b"o2/.wh..wh..opq")
               + entry(b".wh.d") + directory(b"d") + entry(b"a/.wh.data", NOISE[:700]) + END)
        fs = self.add(tar)
        for name in ("a/gone", "a/data"):
            st = os.lstat(fs + "/" + name)
            self.assertTrue(stat.S_ISCHR(st.st_mode) and st.st_rdev == 0, name)
        for name in ("a/again", "a/before"):
            self.assertTrue(stat.S_ISREG(os.lstat(fs + "/" + name).st_mode), name)
        for name in ("o", "o2", "d"):
            self.assertEqual(os.getxattr(fs + "/" + name, "trusted.overlay.opaque"), b"y", name)

    # --- hostile --------------------------------------------------------------------------------

    def test_ways_out(self):
        for name in (b"../escaped", b"a/../../escaped", b"..", b"a/.."):
            with self.subTest(name=name):
                self.refuse(entry(name, b"x") + END, "leads out of the layer")
        self.refuse(entry(b"h", kind=b"1", link=b"/etc/passwd") + END, "hard link")
        self.refuse(entry(b"h", kind=b"1", link=b"../../../../etc/passwd") + END, "leads out")

    def test_symlinks_stay_inside(self):
        tar = (entry(b"out", kind=b"2", link=b"/tmp") + entry(b"out/hako-corpus-escaped", b"x")
               + entry(b"up", kind=b"2", link=b"../" * 40 + b"tmp")
               + entry(b"up/hako-corpus-escaped", b"y")
               + entry(b"p", kind=b"2", link=b"/proc/self/root/tmp")
               + entry(b"p/hako-corpus-escaped", b"z")
               + entry(b"/abs/olute", b"w") + END)
        fs = self.add(tar)
        self.assertFalse(os.path.lexists("/tmp/hako-corpus-escaped"))
        self.assertEqual(os.lstat(fs + "/tmp/hako-corpus-escaped").st_size, 1)
        self.assertEqual(os.lstat(fs + "/abs/olute").st_size, 1)

    def test_damage(self):
        good = entry(b"f", b"x" * 600)
        for why, tar in (
                ("check sum", good[:10] + b"X" + good[11:]),
                ("too early", good[:1000]),
                ("middle of a header", good + b"u" * 100),
                ("lone block", good + b"\0" * 512 + good + END),
                ("pax", entry(b"x", b"9 a=b\n", b"x") + good + END),
                ("pax", entry(b"x", b"99999 a=b\n", b"x") + good + END),
                ("pax", entry(b"x", b"no number\n", b"x") + good + END),
                ("NUL", pax(path=b"a\0b") + good + END),
                ("time", pax(mtime="soon") + good + END),
                ("owner", pax(uid="-1") + good + END),
                ("owner", pax(uid="4294967295") + good + END),
                ("size", pax(size="-5") + good + END),
                ("extended header", head(b"x", b"x", 1 << 34) + END)):
            with self.subTest(why=why):
                self.refuse(tar, why)

    def test_sparse_damage(self):
        def one(data=b"abc", **records):
            records = {"GNU.sparse." + k: v for k, v in records.items()}
            return pax(**records) + entry(b"s", data) + END
        for tar in (one(size=10, numblocks=1, map="8,3"), one(size=10, numblocks=1, map="0,4"),
                    one(size=10, numblocks=1, map="0,2"), one(size=10, numblocks=2, map="5,1,0,2"),
                    one(size=10, numblocks=1, map="0"), one(size=10, map="-1,3"),
                    one(numblocks=1, map="0,3"), one(major=1, minor=0, realsize=10),
                    one(data=b"1\n0\n", major=1, minor=0, realsize=10),
                    one(data=b"9999999999\n" + b"0\n" * 250, major=1, minor=0, realsize=10)):
            self.refuse(tar, "sparse|too early|impossible")

    def test_bombs(self):
        # the tool's bound is 4 GiB for one layer; holes fill no disk
        path = os.path.join(self.dir, "bomb.tgz")
        with gzip.open(path, "wb", 1) as f:
            f.write(head(b"zeros", b"0", 6 << 30))
            block = b"\0" * (16 << 20)
            for _ in range(6 << 6):
                f.write(block)
        done = self.tool("add", path)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr.decode(), "unpacks to more than 4294967296 bytes")

    def test_deep_nesting(self):
        self.refuse(entry(b"f") + gnu_long(b"L", b"d/" * 3000 + b"f") + entry(b"d", b"x") + END,
                    "name too long")
        self.add(gnu_long(b"L", b"d/" * 900 + b"f") + entry(b"d", b"x") + END)

    # --- and out again --------------------------------------------------------------------------

    def test_damaged_layers_are_not_packed(self):
        fs = self.add(entry(b"f", NOISE) + entry(b"g", b"y") + END)
        digest = "sha256:" + os.path.basename(self.layer)
        with open(fs + "/f", "r+b") as f:
            f.write(b"?")
        self.assertRegex(self.tool("pack", digest).stderr.decode(), "is damaged")
        with open(fs + "/f", "r+b") as f:
            f.truncate(5)
        self.assertRegex(self.tool("pack", digest).stderr.decode(), "shorter")
        os.unlink(fs + "/f")
        self.assertRegex(self.tool("pack", digest).stderr.decode(), "lost its file /f")
        os.symlink("/etc/passwd", fs + "/f")
        self.assertRegex(self.tool("pack", digest).stderr.decode(), "lost its file /f")
        with open(self.layer + "/record", "r+b") as f:
            f.seek(20)
            f.write(b"\xff" * 20)
        self.assertRegex(self.tool("pack", digest).stderr.decode(), "record is damaged")
        os.unlink(self.layer + "/record")
        self.assertRegex(self.tool("pack", digest).stderr.decode(), "pull it again")

    @unittest.skipUnless(ROOT, "devices and attributes need root")
    def test_diff_of_an_upper_directory(self):
        upper = os.path.join(self.dir, "upper")
        os.mkdir(upper)
        self.fill(upper)
        os.mknod(upper + "/gone", stat.S_IFCHR, 0)
        os.mkdir(upper + "/opaque")
        os.setxattr(upper + "/opaque", "trusted.overlay.opaque", b"y")
        os.setxattr(upper + "/a", "trusted.overlay.origin", b"?")
        os.setxattr(upper + "/a/full", "user.note", b"n")
        os.chown(upper + "/a/full", 3000000, 5)
        done = self.tool("diff", upper)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, self.tool("diff", upper).stdout, "deterministic")
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as t:
            names = t.getnames()
        self.assertEqual(names, sorted(names, key=lambda n: n.replace(".wh.", "").replace("/", "\0")))
        self.assertIn(".wh.gone", names)
        self.assertIn("opaque/.wh..wh..opq", names)
        fs = self.add(done.stdout)
        os.removexattr(upper + "/a", "trusted.overlay.origin")
        mine, theirs = self.describe(fs), self.describe(upper)
        theirs["gone"][2:6] = mine["gone"][2:6]  # mode, owner and time of a whiteout say nothing
        self.assertEqual(mine, theirs)

    @unittest.skipUnless(ROOT, "devices and attributes need root")
    def test_changes(self):
        upper, top, bottom = (os.path.join(self.dir, n) for n in ("upper", "top", "bottom"))
        for path in (bottom + "/d/old", bottom + "/was", bottom + "/o/in", top + "/t"):
            os.makedirs(path)
        for path in ("/gone", "/d/f", "/d/twice", "/hidden"):
            with open(bottom + path, "w"):
                pass
        os.mknod(top + "/hidden", stat.S_IFCHR, 0)
        os.makedirs(upper + "/d/new/deep")
        os.makedirs(upper + "/o/in")
        os.setxattr(upper + "/o", "trusted.overlay.opaque", b"y")
        for path in ("/d/f", "/d/g", "/hidden", "/t", "/was"):
            with open(upper + path, "w"):
                pass
        for path in ("/gone", "/d/twice", "/never"):
            os.mknod(upper + path, stat.S_IFCHR, 0)
        done = self.tool("changes", upper, top, bottom)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.decode().split("\n")[:-1], [
            "C /d", "C /d/f", "A /d/g", "A /d/new", "A /d/new/deep", "D /d/twice", "D /gone",
            "A /hidden", "C /o", "A /o/in", "C /t", "C /was"])

    @unittest.skipUnless(ROOT, "overlayfs needs root")
    def test_export_is_what_overlayfs_shows(self):
        layers = [os.path.join(self.dir, n) for n in ("top", "middle", "bottom")]
        for path in layers:
            os.mkdir(path)
        self.fill(layers[2])
        os.makedirs(layers[1] + "/a/b")
        os.mknod(layers[1] + "/a/one", stat.S_IFCHR, 0)
        os.mkdir(layers[1] + "/new")
        with open(layers[1] + "/a/full", "w") as f:
            f.write("middle")
        os.makedirs(layers[0] + "/a/b")
        os.setxattr(layers[0] + "/a/b", "trusted.overlay.opaque", b"y")
        with open(layers[0] + "/a/b/only", "w") as f:
            f.write("top")
        with open(layers[0] + "/new", "w") as f:
            f.write("a file hides a directory")
        merged = os.path.join(self.dir, "merged")
        os.mkdir(merged)
        mounted = subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                                  "lowerdir=" + ":".join(layers), merged], capture_output=True)
        if mounted.returncode:
            self.skipTest("no overlay mount here: " + mounted.stderr.decode())
        try:
            shown = self.describe(merged)
        finally:
            subprocess.run(["umount", merged], check=True)
        done = self.tool("export", *layers)
        self.assertEqual(done.returncode, 0, done.stderr)
        out = self.describe(self.gnu(done.stdout))
        self.assertEqual(out, shown)


if __name__ == "__main__":
    unittest.main()
