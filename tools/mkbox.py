#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make the image `box` (an OCI image layout) from a static busybox.

The same busybox gives the same bytes: fixed times, fixed order, no names of this machine.
"""
import argparse
import gzip
import hashlib
import io
import json
import os
import pathlib
import platform
import shutil
import subprocess
import tarfile
import time

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>A box is running</title>
<h1>Hello from inside a box</h1>
<p>This page is served by busybox httpd in a hako container.</p>
</html>
"""

PASSWD = """root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
"""

GROUP = """root:x:0:
daemon:x:1:
tty:x:5:
www-data:x:33:
users:x:100:
nogroup:x:65534:
"""

DIRS = [("bin", 0o755), ("dev", 0o755), ("etc", 0o755), ("home", 0o755), ("proc", 0o755),
        ("root", 0o700), ("run", 0o755), ("sbin", 0o755), ("sys", 0o755), ("tmp", 0o1777),
        ("usr", 0o755), ("usr/bin", 0o755), ("usr/sbin", 0o755), ("var", 0o755),
        ("var/run", 0o755), ("var/tmp", 0o1777), ("var/www", 0o755)]

FILES = {"etc/passwd": PASSWD, "etc/group": GROUP, "etc/hosts": "127.0.0.1 localhost\n",
         "var/www/index.html": PAGE}

ARCH = {"x86_64": "amd64", "aarch64": "arm64", "i686": "386", "armv7l": "arm",
        "riscv64": "riscv64", "ppc64le": "ppc64le", "s390x": "s390x"}


def applets(busybox):
    """Paths such as usr/bin/env, as busybox itself would install them."""
    out = subprocess.run([busybox, "--list-full"], check=True, capture_output=True, text=True)
    return sorted(p for p in out.stdout.split() if p != "bin/busybox")


def rootfs_tar(busybox, when):
    buf = io.BytesIO()
    with tarfile.open(fileobj=buf, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        def add(name, mode, kind=tarfile.REGTYPE, data=b"", link=""):
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.mtime, info.linkname = kind, mode, when, link
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))

        for name, mode in DIRS:
            add(name, mode, tarfile.DIRTYPE)
        add("bin/busybox", 0o755, data=pathlib.Path(busybox).read_bytes())
        known = {name for name, _ in DIRS}
        for path in applets(busybox):
            # An applet outside the usual directories ("linuxrc") belongs to an initramfs.
            if os.path.dirname(path) in known:
                add(path, 0o777, tarfile.SYMTYPE, link="/bin/busybox")
        for name, text in sorted(FILES.items()):
            add(name, 0o644, data=text.encode())
    return buf.getvalue()


class Layout:
    def __init__(self, out):
        self.out = pathlib.Path(out)
        self.blobs = self.out / "blobs" / "sha256"
        self.blobs.mkdir(parents=True)

    def blob(self, data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        (self.blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}

    def json_blob(self, value, media_type):
        return self.blob(json.dumps(value, sort_keys=True, indent=1).encode(), media_type)


def make(busybox, out, when):
    layout = Layout(out)
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))
    arch = ARCH.get(platform.machine(), platform.machine())
    tar = rootfs_tar(busybox, when)
    layer = layout.blob(gzip.compress(tar, 9, mtime=0),
                        "application/vnd.oci.image.layer.v1.tar+gzip")
    config = layout.json_blob({
        "created": created, "architecture": arch, "os": "linux",
        "config": {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "Cmd": ["sh"],
            "Labels": {"org.opencontainers.image.title": "box",
                       "org.opencontainers.image.description":
                           "hako's own image: a static busybox",
                       "org.opencontainers.image.licenses": "GPL-2.0-only"}},
        "rootfs": {"type": "layers",
                   "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest()]},
        "history": [{"created": created, "created_by": "mkbox: busybox-static"}]},
        "application/vnd.oci.image.config.v1+json")
    manifest = layout.json_blob({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config, "layers": [layer]},
        "application/vnd.oci.image.manifest.v1+json")
    manifest["platform"] = {"architecture": arch, "os": "linux"}
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "box"}
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
             "manifests": [manifest]}
    (layout.out / "index.json").write_text(json.dumps(index, sort_keys=True, indent=1))
    (layout.out / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--busybox", default="/bin/busybox")
    ap.add_argument("--out", required=True)
    ap.add_argument("--stamp", help="file to touch when done")
    args = ap.parse_args()
    tmp = args.out + ".new"
    shutil.rmtree(tmp, ignore_errors=True)
    make(args.busybox, tmp, int(os.environ.get("SOURCE_DATE_EPOCH", "0")))
    shutil.rmtree(args.out, ignore_errors=True)
    os.rename(tmp, args.out)
    if args.stamp:
        pathlib.Path(args.stamp).touch()


if __name__ == "__main__":
    main()
