#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The registry module against registries: honest, faulty and hostile."""
import base64
import json
import os
import re
import shutil
import subprocess
import time
import unittest
import urllib.parse

from case import Case, NOISE
from fake import Fake, Image, INDEX, MANIFEST, digest


class Honest(Case):
    def test_pull(self):
        fake = self.fake()
        image = fake.add(Image({"etc/": None, "etc/a": b"one"}, {"etc/b": b"two"}))
        manifest, ident, fresh = self.pull(fake.host + "/app")
        self.assertEqual(manifest, digest(image.manifest))
        self.assertEqual(ident, image.config["digest"])
        self.assertTrue(fresh)
        self.assertEqual(self.read(fake.host + "/app", "etc/a"), b"one")
        self.assertEqual(self.read(fake.host + "/app", "etc/b"), b"two")
        self.assertIn(" 6 ", self.run_tool("list").stdout)  # bytes, unpacked

    def test_again_is_known(self):
        fake = self.fake()
        image = fake.add(Image({"a": b"1"}))
        self.pull(fake.host + "/app")
        self.assertFalse(self.pull(fake.host + "/app")[2])
        self.assertEqual(len(fake.asked(image.layers[0]["digest"])), 1)
        fake.add(image, tag="other")
        self.assertTrue(self.pull(fake.host + "/app:other")[2])

    def test_tag_moves(self):
        fake = self.fake()
        fake.add(Image({"a": b"1"}))
        self.pull(fake.host + "/app")
        image = fake.add(Image({"a": b"2"}))
        self.assertTrue(self.pull(fake.host + "/app")[2])
        self.assertEqual(self.run_tool("find", fake.host + "/app").stdout.strip(),
                         image.config["digest"])

    def test_by_digest(self):
        fake = self.fake()
        image = fake.add(Image({"a": b"1"}))
        name = f"{fake.host}/app@{digest(image.manifest)}"
        self.pull(name)
        self.assertEqual(self.run_tool("find", name).returncode, 0)
        self.assertEqual(self.run_tool("find", fake.host + "/app").returncode, 1)

    def test_platforms(self):
        fake = self.fake()
        arm, amd = Image({"arm": b"a"}, arch="arm64"), Image({"amd": b"b"})
        body = fake.add_index({"arm64": arm, "amd64": amd})
        manifest, ident, _ = self.pull("--platform", "linux/amd64", fake.host + "/app")
        self.assertEqual((manifest, ident), (digest(body), amd.config["digest"]))
        self.assertEqual(self.pull("--platform", "linux/arm64", fake.host + "/app")[1],
                         arm.config["digest"])

    def test_same_layer_twice(self):
        fake = self.fake()
        files = {"a": b"1"}
        image = fake.add(Image(files, {"b": b"2"}, files))
        self.pull(fake.host + "/app")
        self.assertEqual(len(fake.asked(image.layers[0]["digest"])), 1)
        self.assertEqual(len(self.layers(fake.host + "/app")), 2)

    def test_many_layers(self):
        fake = self.fake()
        fake.add(Image(*[{f"f{i}": bytes([i]) * 1000} for i in range(40)]))
        self.pull(fake.host + "/app")
        self.assertEqual(len(self.layers(fake.host + "/app")), 40)

    def test_progress(self):
        fake = self.fake()
        image = fake.add(Image({"a": NOISE}))
        short = image.layers[0]["digest"][7:19]
        for words in (("waiting", "downloading", "extracting", "done"), ("waiting", "exists")):
            err = self.run_tool("--progress", "pull", fake.host + "/app").stderr
            seen = [l.split()[1] for l in err.splitlines() if l.startswith(short)]
            self.assertEqual(tuple(dict.fromkeys(seen)), words)

    def test_memory(self):
        """A layer of 256 MB goes through 40 MB."""
        fake = self.fake()
        fake.add(Image({"zeros": bytes(256 << 20)}))
        p = subprocess.Popen(self.argv("pull", fake.host + "/app"), env=self.env,
                             stdout=subprocess.DEVNULL)
        peak = 0
        while p.poll() is None:
            peak = max(peak, self.peak_of_child(p.pid))
            time.sleep(0.01)
        self.assertEqual(p.returncode, 0)
        self.assertGreater(peak, 1 << 10)
        self.assertLess(peak, 40 << 10)

    def peak_of_child(self, pid):
        """KiB of the helper's largest resident set so far."""
        try:
            with open(f"/proc/{pid}/task/{pid}/children") as f:
                child = f.read().split()[0]
            with open(f"/proc/{child}/status") as f:
                return int(re.search(r"VmHWM:\s+(\d+)", f.read())[1])
        except (OSError, IndexError, TypeError):
            return 0


class Lines(Case):
    """Connections that break."""

    def image(self, fake):
        return fake.add(Image({"noise": NOISE}, {"small": b"x"}))

    def test_resume(self):
        fake = self.fake()
        image = self.image(fake)
        blob = image.blob(0)
        self.fault(fake, image.layers[0]["digest"], lambda h: h.cut(blob, 1500000), times=1)
        self.pull(fake.host + "/app")
        starts = [h.get("Range") for h in fake.asked(image.layers[0]["digest"])]
        self.assertEqual(len(starts), 2)
        self.assertIsNone(starts[0])
        at = int(re.fullmatch(r"bytes=(\d+)-", starts[1])[1])
        self.assertGreater(at, 1000000)
        self.assertLessEqual(at, 1500000)
        self.assertEqual(self.read(fake.host + "/app", "noise"), NOISE)

    def test_resume_without_ranges(self):
        fake = self.fake()
        fake.ranges = False
        image = self.image(fake)
        blob = image.blob(0)
        self.fault(fake, image.layers[0]["digest"], lambda h: h.cut(blob, 1500000), times=2)
        self.pull(fake.host + "/app")
        self.assertEqual(self.read(fake.host + "/app", "noise"), NOISE)

    def test_cut_again_and_again(self):
        fake = self.fake()
        image = self.image(fake)
        blob = image.blob(0)

        def cut(h):
            m = re.fullmatch(r"bytes=(\d+)-", h.headers.get("Range", ""))
            at = int(m[1]) if m else 0
            h.cut(blob[at:], min(200000, len(blob) - at), 206 if m else 200)
        self.fault(fake, image.layers[0]["digest"], cut)
        self.pull(fake.host + "/app")  # every try gets further
        self.assertEqual(self.read(fake.host + "/app", "noise"), NOISE)

    def test_cut_for_ever(self):
        fake = self.fake()
        image = self.image(fake)

        def cut(h):
            h.connection.close()
            h.close_connection = True
        self.fault(fake, image.layers[0]["digest"], cut)
        self.refuse("unavailable", "the connection to .* broke", fake.host + "/app")

    def test_manifest_cut_once(self):
        fake = self.fake()
        image = self.image(fake)
        self.fault(fake, "/manifests/", lambda h: h.cut(image.manifest, 40), times=1)
        self.pull(fake.host + "/app")

    def test_server_errors_pass(self):
        fake = self.fake()
        image = self.image(fake)
        self.fault(fake, "/manifests/", lambda h: h.error(503, "UNAVAILABLE"), times=1)
        self.fault(fake, image.layers[0]["digest"], lambda h: h.answer(500, b"oops"), times=2)
        self.pull(fake.host + "/app")

    def test_server_errors_stay(self):
        fake = self.fake()
        self.image(fake)
        self.fault(fake, "/manifests/", lambda h: h.error(502, "UNKNOWN", "bad\x1b[31m gate"))
        message = self.refuse("unavailable", "status 502: bad", fake.host + "/app")
        self.assertNotIn("\x1b", message)

    def test_rate_limit_passes(self):
        fake = self.fake()
        self.image(fake)
        self.fault(fake, "/manifests/",
                   lambda h: h.error(429, "TOOMANYREQUESTS", "", {"Retry-After": "1"}), times=1)
        start = time.monotonic()
        self.pull(fake.host + "/app")
        self.assertGreater(time.monotonic() - start, 0.9)

    def test_rate_limit_stays(self):
        fake = self.fake()
        self.image(fake)
        self.fault(fake, "/manifests/", lambda h: h.error(
            429, "TOOMANYREQUESTS", "You have reached your pull rate limit", {"Retry-After": "3600"}))
        start = time.monotonic()
        self.refuse("unavailable", "toomanyrequests.*pull rate limit", fake.host + "/app")
        self.assertLess(time.monotonic() - start, 5)

    def test_nobody_there(self):
        fake = Fake()
        fake.close()
        message = self.refuse("unavailable", "cannot connect to .*Connection refused", fake.host + "/app")
        self.assertIn(fake.host, message)

    def test_unknown_host(self):
        self.refuse("unavailable", "address of https://no-such-host.invalid",
                    "no-such-host.invalid/app")


class Lies(Case):
    """Content that is not what it is said to be."""

    def image(self, fake):
        return fake.add(Image({"noise": NOISE[:200000]}))

    def test_wrong_blob(self):
        fake = self.fake()
        image = self.image(fake)
        blob = bytearray(image.blob(0))
        blob[len(blob) // 2] ^= 1
        fake.blobs[image.layers[0]["digest"]] = bytes(blob)
        message = self.refuse("corrupt", "expected digest", fake.host + "/app")
        self.assertIn(image.layers[0]["digest"], message)
        self.assertIn(digest(bytes(blob)), message)

    def test_truncated(self):
        fake = self.fake()
        image = self.image(fake)
        fake.blobs[image.layers[0]["digest"]] = image.blob(0)[:-1000]
        self.refuse("corrupt", r"truncated: expected \d+ bytes, got \d+", fake.host + "/app")

    def test_oversized(self):
        fake = self.fake()
        image = self.image(fake)
        fake.blobs[image.layers[0]["digest"]] = image.blob(0) + bytes(1000)
        self.refuse("corrupt", "larger than its manifest says", fake.host + "/app")

    def test_endless(self):
        fake = self.fake()
        image = self.image(fake)

        def pour(h):
            h.send_response(200)
            h.send_header("Connection", "close")
            h.end_headers()
            h.wfile.write(image.blob(0))
            for _ in range(1000):
                h.wfile.write(bytes(1 << 20))
        self.fault(fake, "/blobs/" + image.layers[0]["digest"], pour)
        self.refuse("corrupt", "larger than its manifest says", fake.host + "/app")

    def test_wrong_size(self):
        fake = self.fake()
        image = self.image(fake)
        image.layers[0]["size"] += 7
        image.seal()
        fake.add(image)
        self.refuse("corrupt", "truncated", fake.host + "/app")

    def test_wrong_diff_id(self):
        fake = self.fake()
        image = self.image(fake)
        config = json.loads(image.blobs[image.config["digest"]])
        config["rootfs"]["diff_ids"][0] = "sha256:" + "0" * 64
        image.config = image.add(json.dumps(config).encode(), image.config["mediaType"])
        image.seal()
        fake.add(image)
        self.refuse("corrupt", "expected diff id sha256:0{64}", fake.host + "/app")

    def test_layer_count(self):
        fake = self.fake()
        image = self.image(fake)
        image.layers.append(image.layers[0])
        image.seal()
        fake.add(image)
        self.refuse("corrupt", "names 1 layers, but the manifest has 2", fake.host + "/app")

    def test_manifest_header(self):
        fake = self.fake()
        image = self.image(fake)
        self.fault(fake, "/manifests/", lambda h: h.answer(
            200, image.manifest, {"Content-Type": MANIFEST,
                                  "Docker-Content-Digest": "sha256:" + "1" * 64}))
        self.refuse("corrupt", "expected digest sha256:1{64}", fake.host + "/app")

    def test_pinned(self):
        fake = self.fake()
        image = self.image(fake)
        wrong = "sha256:" + "2" * 64
        fake.manifests[("app", wrong)] = (MANIFEST, image.manifest)
        self.fault(fake, "/manifests/", lambda h: h.answer(200, image.manifest,
                                                           {"Content-Type": MANIFEST}))
        self.refuse("corrupt", f"expected digest {wrong}", f"{fake.host}/app@{wrong}")

    def test_index_entry(self):
        fake = self.fake()
        image = Image({"a": b"1"})
        fake.add_index({"amd64": image})
        other = Image({"a": b"2"})
        fake.manifests[("app", digest(image.manifest))] = (MANIFEST, other.manifest)
        self.fault(fake, "/manifests/sha256", lambda h: h.answer(200, other.manifest,
                                                                 {"Content-Type": MANIFEST}))
        self.refuse("corrupt", "expected digest", "--platform", "linux/amd64", fake.host + "/app")

    def nested(self, fake, depth):
        """An image below `depth` indexes as app:deep; the image's bytes."""
        image = Image({"a": b"1"})
        body = fake.add_index({"amd64": image})
        for _ in range(depth - 1):
            fake.manifests[("app", digest(body))] = (INDEX, body)
            body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
                {"mediaType": INDEX, "digest": digest(body), "size": len(body)}]}).encode()
        fake.manifests[("app", "deep")] = (INDEX, body)
        return image

    def test_index_in_index(self):
        fake = self.fake()
        image = self.nested(fake, 3)
        self.assertEqual(self.pull("--platform", "linux/amd64", fake.host + "/app:deep")[1],
                         image.config["digest"])

    def test_indexes_too_deep(self):
        fake = self.fake()
        self.nested(fake, 6)
        self.refuse("corrupt", "indexes lead to indexes more than", "--platform", "linux/amd64",
                    fake.host + "/app:deep")

    def test_no_json(self):
        fake = self.fake()
        self.image(fake)
        fake.manifests[("app", "latest")] = (MANIFEST, b"<html>login</html>")
        self.refuse("corrupt", "manifest of .*app", fake.host + "/app")

    def test_manifest_too_large(self):
        fake = self.fake()
        fake.manifests[("app", "latest")] = (MANIFEST, b" " * (5 << 20))
        self.refuse("corrupt", "larger than 4 MiB", fake.host + "/app")

    def test_config_too_large(self):
        fake = self.fake()
        image = self.image(fake)
        image.config["size"] = 1 << 40
        image.seal()
        fake.add(image)
        self.refuse("corrupt", "configuration of .* more than the 8 MiB", fake.host + "/app")

    def test_config_longer(self):
        fake = self.fake()
        image = self.image(fake)
        fake.blobs[image.config["digest"]] += b" " * 100
        self.refuse("corrupt", "larger than its manifest says", fake.host + "/app")

    def test_unknown_layer_type(self):
        fake = self.fake()
        image = self.image(fake)
        image.layers[0]["mediaType"] = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
        image.seal()
        fake.add(image)
        self.refuse("corrupt", "helm.*not a file system layer", fake.host + "/app")

    def test_foreign_platform(self):
        fake = self.fake()
        fake.add(Image({"a": b"1"}, arch="s390x"))
        self.refuse("not-found", "wanted linux/amd64, actual: linux/s390x",
                    "--platform", "linux/amd64", fake.host + "/app")
        fake.add_index({"s390x": Image({"a": b"1"}, arch="s390x")}, tag="multi")
        self.refuse("not-found", "no matching manifest for linux/amd64",
                    "--platform", "linux/amd64", fake.host + "/app:multi")

    def test_blob_gone(self):
        fake = self.fake()
        image = self.image(fake)
        del fake.blobs[image.layers[0]["digest"]]
        self.refuse("not-found", "has lost blob", fake.host + "/app")

    def test_bomb(self):
        fake = self.fake()
        fake.add(Image({"zeros": bytes(8 << 20)}))
        self.refuse("no-space", "unpacks to more than 1000000 bytes", "--max-bytes", "1000000",
                    fake.host + "/app")

    def test_unknown(self):
        fake = self.fake()
        self.image(fake)
        self.refuse("not-found", "manifest for .*app:nope not found: manifest unknown",
                    fake.host + "/app:nope")


class Access(Case):
    def guard(self, fake, realm=None, login=None):
        """Bearer tokens, given to everybody or for a login only."""
        realm = realm or f"http://{fake.host}/token"

        def hook(h):
            url = urllib.parse.urlparse(h.path)
            if url.path == "/token":
                self.query = urllib.parse.parse_qs(url.query)
                want = login and "Basic " + base64.b64encode(login.encode()).decode()
                if want and h.headers.get("Authorization") != want:
                    h.error(401, "UNAUTHORIZED", "incorrect username or password")
                else:
                    h.answer(200, b'{"token": "s3cret", "expires_in": 60}')
                return True
            if h.headers.get("Authorization") == "Bearer s3cret":
                return False
            h.error(401, "UNAUTHORIZED", "authentication required", {
                "WWW-Authenticate": f'Bearer realm="{realm}",service="reg.test",'
                                    'scope="repository:app:pull"'})
            return True
        fake.hooks.append(hook)

    def auth_file(self, auths):
        path = os.path.join(self.dir, "auth.json")
        with open(path, "w") as f:
            json.dump({"auths": auths}, f)
        return path

    def basic(self, text):
        return {"auth": base64.b64encode(text.encode()).decode()}

    def test_anonymous_token(self):
        fake = self.fake()
        fake.add(Image({"a": b"1"}, {"b": b"2"}))
        self.guard(fake)
        self.pull(fake.host + "/app")
        self.assertEqual(self.query, {"service": ["reg.test"], "scope": ["repository:app:pull"]})
        self.assertEqual(len(fake.asked("/token")), 1)  # one token serves all

    def test_login(self):
        fake = self.fake()
        fake.add(Image({"a": b"1"}))
        self.guard(fake, login="ann:pass:word")
        self.refuse("denied", r"pull access denied for [^ ]*/app, repository does not exist or may "
                    "require 'hako login'", fake.host + "/app")
        auth = self.auth_file({fake.host: self.basic("ann:pass:word")})
        self.pull("--auth", auth, fake.host + "/app")

    def test_wrong_login(self):
        fake = self.fake()
        fake.add(Image({"a": b"1"}))
        self.guard(fake, login="ann:right")
        auth = self.auth_file({fake.host: self.basic("ann:wrong")})
        self.refuse("denied", "refuses the stored credentials", "--auth", auth, fake.host + "/app")

    def test_default_places(self):
        fake = self.fake()
        fake.add(Image({"a": b"1"}))
        self.guard(fake, login="ann:pw")
        os.mkdir(os.path.join(self.dir, ".docker"))
        shutil.move(self.auth_file({fake.host: self.basic("ann:pw")}),
                    os.path.join(self.dir, ".docker/config.json"))
        self.pull(fake.host + "/app")

    def test_identity_token(self):
        fake = self.fake()
        fake.add(Image({"a": b"1"}))
        self.guard(fake)
        posted = []

        def hook(h):
            if h.path != "/token" or h.command != "POST":
                return False
            posted.append(urllib.parse.parse_qs(h.body.decode()))
            h.answer(200, b'{"access_token": "s3cret"}')
            return True
        fake.hooks.insert(0, hook)
        auth = self.auth_file({fake.host: {"identitytoken": "re/fresh+me"}})
        self.pull("--auth", auth, fake.host + "/app")
        self.assertEqual(posted[0]["refresh_token"], ["re/fresh+me"])
        self.assertEqual(posted[0]["grant_type"], ["refresh_token"])

    def test_basic(self):
        fake = self.fake()
        fake.add(Image({"a": b"1"}))
        want = "Basic " + base64.b64encode(b"ann:pw").decode()

        def hook(h):
            if h.headers.get("Authorization") == want:
                return False
            h.error(401, "UNAUTHORIZED", "", {"WWW-Authenticate": 'Basic realm="x"'})
            return True
        fake.hooks.append(hook)
        self.refuse("denied", "pull access denied", fake.host + "/app")
        self.pull("--auth", self.auth_file({fake.host: self.basic("ann:pw")}), fake.host + "/app")

    def test_expired_token(self):
        fake = self.fake()
        image = fake.add(Image({"a": b"1"}))
        self.guard(fake)
        self.fault(fake, image.layers[0]["digest"], lambda h: h.error(
            401, "UNAUTHORIZED", "token expired",
            {"WWW-Authenticate": f'Bearer realm="http://{fake.host}/token"'}), times=1)
        fake.hooks.reverse()
        self.pull(fake.host + "/app")
        self.assertEqual(len(fake.asked("/token")), 2)

    def test_forbidden(self):
        fake = self.fake()
        self.fault(fake, "/manifests/", lambda h: h.error(403, "DENIED", "no"))
        self.refuse("denied", "pull access denied", fake.host + "/app")

    def test_bad_auth_file(self):
        fake = self.fake()
        fake.add(Image({"a": b"1"}))
        auth = self.auth_file({fake.host: {"auth": "%%%"}})
        self.refuse("corrupt", "auth.json.*log in again", "--auth", auth, fake.host + "/app")

    def test_redirect_keeps_secrets(self):
        """Another host gets the request, but neither token nor password."""
        fake, cdn = self.fake(), self.fake()
        image = fake.add(Image({"a": b"1"}))
        self.guard(fake)
        cdn.add(image)
        self.fault(fake, "/blobs/", lambda h: h.headers.get("Authorization") is not None and h.answer(
            307, b"", {"Location": f"http://{cdn.host}{h.path}"}))
        fake.hooks.reverse()
        self.pull(fake.host + "/app")
        self.assertTrue(cdn.log)
        for _, headers in cdn.log:
            self.assertNotIn("Authorization", headers)

    def test_redirected_challenge(self):
        """A redirect's target asks for credentials: it gets none."""
        fake, evil = self.fake(), self.fake()
        image = fake.add(Image({"a": b"1"}))
        self.guard(evil, realm=f"http://{evil.host}/token")
        self.fault(fake, image.layers[0]["digest"], lambda h: h.answer(
            307, b"", {"Location": f"http://{evil.host}{h.path}"}))
        auth = self.auth_file({fake.host: self.basic("ann:pw")})
        self.refuse("denied", "denied", "--auth", auth, fake.host + "/app")
        self.assertEqual(evil.asked("/token"), [])

    def test_redirect_loop(self):
        fake = self.fake()
        fake.add(Image({"a": b"1"}))
        self.fault(fake, "/manifests/", lambda h: h.answer(302, b"", {"Location": h.path}))
        self.refuse("unavailable", "redirects without end", fake.host + "/app")


class Places(Case):
    """Mirrors, TLS, configuration."""

    def cert(self):
        files = [os.path.join(self.dir, n) for n in ("cert.pem", "key.pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=test", "-keyout", files[1], "-out", files[0]], check=True,
                       capture_output=True)
        return files

    def test_mirror(self):
        fake, mirror = self.fake(), self.fake()
        mirror.add(Image({"a": b"1"}), name="cache/docker/library/debian")
        self.pull("--mirror", f"docker.io={mirror.host}/cache/docker", "debian")
        self.assertEqual(self.run_tool("find", "debian").returncode, 0)
        self.assertEqual(fake.log, [])

    def test_mirror_down(self):
        fake, dead = self.fake(), Fake()
        dead.close()
        fake.add(Image({"a": b"1"}))
        self.pull("--mirror", f"{fake.host}={dead.host}", fake.host + "/app")

    def test_mirror_without_image(self):
        fake, mirror = self.fake(), self.fake()
        fake.add(Image({"a": b"1"}))
        self.pull("--mirror", f"{fake.host}=http://{mirror.host}", fake.host + "/app")
        self.assertEqual(len(mirror.asked("/manifests/")), 1)

    def test_mirror_with_bad_bytes(self):
        fake, mirror = self.fake(), self.fake()
        image = fake.add(Image({"a": NOISE[:50000]}, {"b": b"2"}))
        mirror.add(image)
        first, second = (layer["digest"] for layer in image.layers)
        mirror.blobs[first] = b"x" * len(image.blob(0))
        del mirror.blobs[second]
        self.pull("--mirror", f"{fake.host}={mirror.host}", fake.host + "/app")
        self.assertEqual(self.read(fake.host + "/app", "a"), NOISE[:50000])

    def test_mirror_breaks_off(self):
        """A blob begun at the mirror is finished at the origin."""
        fake, mirror = self.fake(), self.fake()
        image = fake.add(Image({"noise": NOISE}))
        mirror.add(image)
        blob, once = image.blob(0), []

        def cut(h):
            if once:
                h.connection.close()
                h.close_connection = True
            else:
                once.append(1)
                h.cut(blob, 500000)
        self.fault(mirror, "/blobs/" + image.layers[0]["digest"], cut)
        self.pull("--mirror", f"{fake.host}={mirror.host}", fake.host + "/app")
        self.assertRegex(fake.asked(image.layers[0]["digest"])[0].get("Range", ""), r"bytes=\d+-")

    def test_blocked(self):
        fake = self.fake()
        self.refuse("denied", "blocked by the configuration", "--block", fake.host,
                    fake.host + "/app")
        self.assertEqual(fake.log, [])

    def test_tls_on_loopback(self):
        fake = self.fake(tls=self.cert())
        fake.add(Image({"a": b"1"}))
        self.pull(fake.host + "/app")

    def test_untrusted_certificate(self):
        fake = self.fake(address="0.0.0.0", tls=self.cert())  # reachable, but not called loopback
        fake.add(Image({"a": b"1"}))
        self.refuse("denied", "certificate of .* is not trusted", fake.host + "/app")
        self.pull("--insecure", fake.host, fake.host + "/app")

    def test_plain_http_elsewhere(self):
        fake = self.fake(address="0.0.0.0")
        fake.add(Image({"a": b"1"}))
        self.refuse("unavailable", "does not speak TLS.*insecure", fake.host + "/app")
        self.assertEqual(fake.log, [])
        self.pull("--insecure", fake.host, fake.host + "/app")

    def test_no_downgrade(self):
        """A trusted https registry may not send us to plain http: seen from the rules of curl."""
        fake = self.fake()
        fake.add(Image({"a": b"1"}))
        self.fault(fake, "/manifests/", lambda h: h.answer(
            302, b"", {"Location": "file:///etc/passwd"}))
        self.refuse("denied", "unencrypted or unknown address", fake.host + "/app")

if __name__ == "__main__":
    unittest.main(verbosity=1)
