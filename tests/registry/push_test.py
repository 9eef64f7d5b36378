#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pushes to registries: honest, faulty and lying; archives: good and hostile."""
import io
import json
import os
import tarfile
import unittest

from case import Case, NOISE
from fake import Image, digest, tar_of


class Push(Case):
    def origin(self, *layers):
        """An image in the store; its registry."""
        fake = self.fake()
        self.image = fake.add(Image(*(layers or ({"a": b"1"}, {"noise": NOISE}))))
        self.pull(fake.host + "/app")
        return fake

    def push(self, source, target, *options, name="app"):
        done = self.run_tool("--image", source.host + "/app", *options, "push",
                             f"{target.host}/{name}:pushed")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_clean()
        return done.stdout.strip()

    def push_fails(self, source, target, kind, pattern):
        done = self.run_tool("--image", source.host + "/app", "push", target.host + "/app:pushed")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertTrue(done.stderr.startswith(kind + ": "), done.stderr)
        self.assertRegex(done.stderr, pattern)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertNotIn(("app", "pushed"), target.manifests)

    def sent(self, fake):
        return [p for p, _ in fake.log if p.startswith(("PUT ", "PATCH ", "POST "))]

    def whole(self, fake, name="app"):
        """Everything that the pushed manifest names is there; the manifest."""
        manifest = json.loads(fake.manifests[(name, "pushed")][1])
        for d in [manifest["config"], *manifest["layers"]]:
            self.assertEqual(len(fake.blobs[d["digest"]]), d["size"])
        return manifest

    def test_elsewhere(self):
        source, target = self.origin(), self.fake()
        at = self.push(source, target)
        self.assertEqual(at, digest(target.manifests[("app", "pushed")][1]))
        self.assertEqual(self.whole(target)["config"]["digest"], self.image.config["digest"])
        # what was pushed can be pulled, by a store that has nothing
        other = os.path.join(self.dir, "other")
        os.mkdir(other)
        self.data = other
        self.assertEqual(self.pull(target.host + "/app:pushed")[1], self.image.config["digest"])
        self.assertEqual(self.read(target.host + "/app:pushed", "noise"), NOISE)

    def test_same_repository_sends_only_the_manifest(self):
        source = self.origin()
        at = self.push(source, source)
        self.assertEqual(at, digest(self.image.manifest))
        self.assertEqual(len(self.sent(source)), 1)

    def test_second_time_sends_only_the_manifest(self):
        source, target = self.origin(), self.fake()
        first = self.push(source, target)
        target.log.clear()
        self.assertEqual(self.push(source, target), first)
        self.assertEqual(len(self.sent(target)), 1)

    def test_mount(self):
        source = self.origin()
        # another repository: this fake keeps blobs for all, so HEAD there must say no
        self.fault(source, "/v2/other/blobs/sha256",
                   lambda h: h.error(404, "BLOB_UNKNOWN") if h.command == "HEAD" else False)
        self.assertEqual(self.push(source, source, name="other"), digest(self.image.manifest))
        self.assertEqual(len([p for p in self.sent(source) if "mount=" in p and "from=app" in p]), 2)

    def test_mount_refused(self):
        source = self.origin()
        source.mounts = False
        self.fault(source, "/v2/other/blobs/sha256",
                   lambda h: h.error(404, "BLOB_UNKNOWN") if h.command == "HEAD" else False)
        self.push(source, source, name="other")
        self.whole(source, "other")

    def test_zstd(self):
        source, target = self.origin(), self.fake()
        self.push(source, target, "--zstd", "--force")
        layers = self.whole(target)["layers"]
        self.assertEqual({x["mediaType"] for x in layers},
                         {"application/vnd.oci.image.layer.v1.tar+zstd"})

    def test_same_layer_twice(self):
        files = {"a": NOISE}
        source, target = self.origin(files, {"b": b"2"}, files), self.fake()
        self.push(source, target)
        layers = self.whole(target)["layers"]
        self.assertEqual(layers[0], layers[2])
        self.assertEqual(len([p for p in self.sent(target) if p.startswith("PATCH")]), 1)

    def test_cut_upload_goes_on(self):
        source, target = self.origin(), self.fake()
        target.cut_at = 1 << 20
        self.push(source, target)
        self.whole(target)
        ranges = [h["Content-Range"] for p, h in target.log if p.startswith("PATCH")]
        self.assertEqual(len(ranges), 2)
        self.assertGreaterEqual(int(ranges[1].split("-")[0]), 1 << 20)

    def test_forgotten_upload_begins_anew(self):
        source, target = self.origin(), self.fake()
        target.cut_at = 1 << 20
        self.fault(target, "/blobs/uploads/upload", lambda h: h.error(404, "BLOB_UPLOAD_UNKNOWN")
                   if h.command == "GET" else False)
        self.push(source, target)
        self.whole(target)

    def test_stumbles(self):
        for status in (500, 502, 503, 504):
            source, target = self.origin(), self.fake()
            self.fault(target, "/blobs/uploads/", lambda h, s=status: h.error(s, "UNKNOWN"), 1)
            self.fault(target, "/manifests/", lambda h, s=status: h.error(s, "UNKNOWN"), 1)
            self.push(source, target)
            self.whole(target)

    def test_broken_for_good(self):
        source, target = self.origin(), self.fake()
        self.fault(target, "/blobs/uploads/", lambda h: h.error(500, "UNKNOWN", "disk on fire"))
        self.push_fails(source, target, "unavailable", "status 500.*disk on fire")

    def test_too_many(self):
        source, target = self.origin(), self.fake()
        self.fault(target, "/blobs/uploads/",
                   lambda h: h.error(429, "TOOMANYREQUESTS", "slow", {"Retry-After": "1"}), 1)
        self.push(source, target)
        self.fault(target, "/manifests/",
                   lambda h: h.error(429, "TOOMANYREQUESTS", "slow", {"Retry-After": "3000"}))
        target.manifests.clear()
        self.push_fails(source, target, "unavailable", "toomanyrequests.*limits")

    def test_denied(self):
        source, target = self.origin(), self.fake()
        self.fault(target, "/blobs/uploads/", lambda h: h.error(403, "DENIED", "not yours"))
        self.push_fails(source, target, "denied", "push access denied for .*not yours")

    def test_lies_about_the_manifest(self):
        source, target = self.origin(), self.fake()
        self.fault(target, "/manifests/", lambda h: h.answer(
            201, headers={"Docker-Content-Digest": "sha256:" + "0" * 64}))
        self.push_fails(source, target, "corrupt", "has stored another manifest")

    def test_nowhere_to_upload(self):
        source, target = self.origin(), self.fake()
        self.fault(target, "/blobs/uploads/", lambda h: h.answer(202))
        self.push_fails(source, target, "corrupt", "does not say where")

    def test_redirect_loop(self):
        source, target = self.origin(), self.fake()
        self.fault(target, "/blobs/uploads/", lambda h: h.answer(
            307, headers={"Location": f"http://{target.host}{h.path}"}))
        self.push_fails(source, target, "unavailable", "redirects without end")

    def test_upload_elsewhere_gets_no_credentials(self):
        source, target, store = self.origin(), self.fake(), self.fake(address="127.0.0.2")
        store.uploads["x"] = bytearray()
        auth = os.path.join(self.dir, "auth.json")
        with open(auth, "w") as f:
            json.dump({"auths": {target.host: {"username": "u", "password": "p"}}}, f)

        def guard(h):
            if not h.headers.get("Authorization"):
                h.error(401, "UNAUTHORIZED", headers={"WWW-Authenticate": "Basic realm=\"r\""})
                return True
            if h.command == "POST" and "/blobs/uploads/" in h.path:
                store.uploads["x"] = bytearray()
                h.answer(202, headers={"Location": f"http://{store.host}/v2/app/blobs/uploads/x"})
                return True
            return False
        target.hooks.append(guard)
        self.run_tool("--image", source.host + "/app", "--auth", auth, "push",
                      target.host + "/app:pushed")
        self.assertTrue(store.log)
        for _, headers in store.log:
            self.assertNotIn("Authorization", headers)


class Load(Case):
    def archive(self, files, links=()):
        """A tar of these files; symlinks as (name, target); its path."""
        path = os.path.join(self.dir, "image.tar")
        with tarfile.open(path, "w") as tar:
            for name, target in links:
                info = tarfile.TarInfo(name)
                info.type, info.linkname = tarfile.SYMTYPE, target
                tar.addfile(info)
            for name, data in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return path

    def docker(self, layers, names=("old:1",), files=None, links=(), paths=None):
        tars = [tar_of(x) if isinstance(x, dict) else x for x in layers]
        config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {
            "type": "layers", "diff_ids": [digest(x) for x in tars]}}).encode()
        paths = paths or [f"{i}/layer.tar" for i in range(len(tars))]
        content = dict(zip(paths, tars))
        content["config.json"] = config
        content["manifest.json"] = json.dumps(
            [{"Config": "config.json", "RepoTags": list(names), "Layers": paths}]).encode()
        content.update(files or {})
        return self.archive(content, links), digest(config)

    def load(self, path):
        done = self.run_tool("load", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_clean()
        return [json.loads(x) for x in done.stdout.splitlines()]

    def load_fails(self, path, kind, pattern):
        done = self.run_tool("load", path)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertTrue(done.stderr.startswith(kind + ": "), done.stderr)
        self.assertRegex(done.stderr, pattern)
        self.assertEqual(os.listdir(os.path.join(self.data, "store/images")), [])
        self.assert_clean()

    def test_old_docker(self):
        path, ident = self.docker([{"a": b"1"}, {"b": b"2"}], ["old:1", "other/name:2"])
        self.assertEqual(self.load(path), [{"id": ident, "names": [
            "docker.io/library/old:1", "docker.io/other/name:2"]}])
        self.assertEqual(self.read("old:1", "b"), b"2")

    def test_links_between_layers(self):
        """docker before 25 writes a layer that occurs twice as a symlink."""
        tar = tar_of({"a": b"1"})
        path, ident = self.docker([tar], paths=["one/layer.tar"],
                                  links=[("two/layer.tar", "../one/layer.tar")])
        self.assertEqual(self.load(path)[0]["id"], ident)

    def test_links_that_lead_out(self):
        tar = tar_of({"a": b"1"})
        secret = os.path.join(self.dir, "secret.tar")
        with open(secret, "wb") as f:
            f.write(tar)
        config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {
            "type": "layers", "diff_ids": [digest(tar)]}}).encode()
        for target in (secret, "../" * 20 + secret, "loop"):
            path = self.archive({"config.json": config, "manifest.json": json.dumps(
                [{"Config": "config.json", "RepoTags": None, "Layers": ["loop"]}]).encode()},
                [("loop", target)])
            self.load_fails(path, "corrupt", "has no file loop")

    def test_names_that_lead_out(self):
        for name in ("../../../etc/passwd", "/etc/passwd", "..", ""):
            path = self.archive({"manifest.json": json.dumps(
                [{"Config": name, "RepoTags": None, "Layers": []}]).encode()})
            self.load_fails(path, "corrupt", "has no file|does not name")

    def test_wrong_layer(self):
        path, _ = self.docker([{"a": b"1"}], files={"0/layer.tar": tar_of({"a": b"2"})})
        self.load_fails(path, "corrupt", "digest|diff")

    def test_layers_missing(self):
        config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {
            "type": "layers", "diff_ids": [digest(b"x")]}}).encode()
        path = self.archive({"config.json": config, "manifest.json": json.dumps(
            [{"Config": "config.json", "Layers": []}]).encode()})
        self.load_fails(path, "corrupt", "names 0 layers")

    def test_cut_archive(self):
        path, _ = self.docker([{"a": NOISE}])
        with open(path, "r+b") as f:
            f.truncate(1 << 20)
        self.load_fails(path, "corrupt", "longer than the archive")

    def test_nonsense(self):
        for text in (b"{}", b"[]", b"[1]", b"[{}]", b"\xff", b"[" * 100000):
            self.load_fails(self.archive({"manifest.json": text}), "corrupt", ".")

    def test_too_old(self):
        self.load_fails(self.archive({"repositories": b"{}"}), "corrupt", "before 1.10")

    def test_compressed_outer(self):
        import bz2
        import gzip
        import lzma
        path, ident = self.docker([{"a": b"1"}])
        with open(path, "rb") as f:
            plain = f.read()
        for squeeze in (gzip.compress, lzma.compress, bz2.compress):
            with open(path, "wb") as f:
                f.write(squeeze(plain))
            self.assertEqual(self.load(path)[0]["id"], ident)

    def test_layout_with_wrong_blob(self):
        image = Image({"a": b"1"})
        files = {f"blobs/sha256/{d[7:]}": data for d, data in image.blobs.items()}
        at = digest(image.manifest)
        files[f"blobs/sha256/{at[7:]}"] = image.manifest
        files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
        files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [
            {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": at,
             "size": len(image.manifest),
             "annotations": {"org.opencontainers.image.ref.name": "latest"}}]}).encode()
        self.assertEqual(self.load(self.archive(files))[0]["names"],
                         ["localhost/latest:latest"])
        self.run_tool("rmi", "localhost/latest:latest")
        files[f"blobs/sha256/{at[7:]}"] = image.manifest + b" "
        self.load_fails(self.archive(files), "corrupt", "expected digest")


if __name__ == "__main__":
    unittest.main()
