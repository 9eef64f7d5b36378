# SPDX-License-Identifier: Apache-2.0
"""A registry that misbehaves on request, and images made of Python values."""
import gzip
import hashlib
import http.server
import io
import json
import re
import ssl
import tarfile
import threading
import urllib.parse

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def tar_of(files):
    """{"etc/x": b"content", "dir/": None} → tar bytes."""
    buf = io.BytesIO()
    with tarfile.open(fileobj=buf, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name.rstrip("/"))
            info.mtime = 1000000000
            if data is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return buf.getvalue()


class Image:
    """Blobs and a manifest; layers are lists of files."""

    def __init__(self, *layers, arch="amd64", compress=None):
        self.blobs, self.layers, diff_ids = {}, [], []
        for files in layers:
            tar = files if isinstance(files, bytes) else tar_of(files)
            diff_ids.append(digest(tar))
            blob = compress(tar) if compress else gzip.compress(tar, 1, mtime=0)
            self.layers.append(self.add(blob, LAYER))
        config = {"architecture": arch, "os": "linux", "config": {"Cmd": ["sh"]},
                  "rootfs": {"type": "layers", "diff_ids": diff_ids}}
        self.config = self.add(json.dumps(config).encode(), CONFIG)
        self.seal()

    def add(self, data, kind):
        self.blobs[digest(data)] = data
        return {"mediaType": kind, "digest": digest(data), "size": len(data)}

    def seal(self):
        """The manifest as it is now; returns its bytes."""
        self.manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST,
                                    "config": self.config, "layers": self.layers}).encode()
        return self.manifest

    def blob(self, i):
        return self.blobs[self.layers[i]["digest"]]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", headers=None, length=None):
        self.send_response(status)
        for k, v in (headers or {}).items():
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def error(self, status, code, message="", headers=None):
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.answer(status, body, {"Content-Type": "application/json", **(headers or {})})

    def cut(self, body, at, status=200, headers=None):
        """Promise all of body, send `at` bytes, hang up."""
        self.answer(status, body[:at], headers, length=len(body))
        self.close_connection = True
        self.connection.close()

    def handle(self):
        try:
            super().handle()
        except (ConnectionError, ssl.SSLError, ValueError):
            pass  # the client has hung up: that is what some tests are about

    def do_POST(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "/blobs/uploads/" in self.path and self.command == "POST":
            return self.noted() or self.begin_upload()
        self.do_GET()

    def do_HEAD(self):
        self.do_GET()

    def do_PATCH(self):
        """Piece by piece, so that a cut line leaves what had come."""
        if self.noted():
            return
        fake, ident = self.server.fake, self.path.split("/")[-1].split("?")[0]
        if ident not in fake.uploads:
            return self.error(404, "BLOB_UPLOAD_UNKNOWN", "upload unknown")
        left, at = int(self.headers.get("Content-Length", 0)), len(fake.uploads[ident])
        start = self.headers.get("Content-Range", f"{at}-").split("-")[0]
        if int(start) != at:
            self.close_connection = True
            return self.error(416, "BLOB_UPLOAD_INVALID", "out of order")
        while left:
            piece = self.rfile.read(min(left, 65536))
            if not piece:
                return
            left -= len(piece)
            fake.uploads[ident] += piece
            if fake.cut_at and len(fake.uploads[ident]) >= fake.cut_at:
                fake.cut_at = 0
                self.close_connection = True
                return self.connection.close()
        self.upload_state(202, ident)

    def do_PUT(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.noted():
            return
        fake, url = self.server.fake, urllib.parse.urlsplit(self.path)
        m = re.fullmatch(r"/v2/(.+)/manifests/(.+)", url.path)
        if m:
            kind = self.headers.get("Content-Type")
            for ref in (m[2], digest(self.body)):
                fake.manifests[(m[1], ref)] = (kind, self.body)
            return self.answer(201, headers={"Docker-Content-Digest": digest(self.body)})
        ident = url.path.split("/")[-1]
        if ident not in fake.uploads:
            return self.error(404, "BLOB_UPLOAD_UNKNOWN", "upload unknown")
        data = bytes(fake.uploads.pop(ident)) + self.body
        want = urllib.parse.parse_qs(url.query).get("digest", [""])[0]
        if digest(data) != want:
            return self.error(400, "DIGEST_INVALID", "digest does not match")
        fake.blobs[want] = data
        self.answer(201, headers={"Docker-Content-Digest": want})

    def noted(self):
        """True: a hook has answered."""
        fake = self.server.fake
        with fake.lock:
            fake.log.append((self.command + " " + self.path, dict(self.headers.items())))
        return any(hook(self) for hook in fake.hooks)

    def begin_upload(self):
        fake, query = self.server.fake, urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        mount = query.get("mount", [""])[0]
        if mount and fake.mounts and mount in fake.blobs:
            return self.answer(201, headers={"Docker-Content-Digest": mount})
        ident = f"upload-{len(fake.log)}"
        fake.uploads[ident] = bytearray()
        self.upload_state(202, ident)

    def upload_state(self, status, ident):
        have = len(self.server.fake.uploads[ident])
        self.answer(status, headers={"Location": f"/v2/app/blobs/uploads/{ident}?state=x",
                                     "Range": f"0-{max(have - 1, 0)}"})

    def do_GET(self):
        fake = self.server.fake
        with fake.lock:
            fake.log.append((self.path, dict(self.headers.items())))
        for hook in fake.hooks:
            if hook(self):
                return
        m = re.fullmatch(r"/v2/(.+)/manifests/(.+)", self.path)
        if m:
            found = fake.manifests.get((m[1], m[2]))
            if not found:
                return self.error(404, "MANIFEST_UNKNOWN", "manifest unknown")
            kind, body = found
            return self.answer(200, body, {"Content-Type": kind,
                                           "Docker-Content-Digest": digest(body)})
        m = re.fullmatch(r"/v2/(.+)/blobs/uploads/([^?]+).*", self.path)
        if m and m[2] in fake.uploads:
            return self.upload_state(204, m[2])
        m = re.fullmatch(r"/v2/(.+)/blobs/(.+)", self.path)
        if not m or m[2] not in fake.blobs:
            return self.error(404, "BLOB_UNKNOWN", "blob unknown")
        self.serve_blob(fake.blobs[m[2]])

    def serve_blob(self, body):
        start = self.headers.get("Range", "")
        m = re.fullmatch(r"bytes=(\d+)-", start)
        if m and self.server.fake.ranges:
            at = int(m[1])
            return self.answer(206, body[at:],
                               {"Content-Range": f"bytes {at}-{len(body) - 1}/{len(body)}"})
        self.answer(200, body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class Fake:
    def __init__(self, address="127.0.0.1", tls=None):
        self.blobs, self.manifests, self.hooks, self.log = {}, {}, [], []
        self.uploads, self.cut_at, self.mounts = {}, 0, True
        self.ranges = True
        self.lock = threading.Lock()
        self.server = Server((address, 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.server.fake = self
        self.port = self.server.server_address[1]
        self.host = f"{address}:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def add(self, image, name="app", tag="latest"):
        self.blobs.update(image.blobs)
        for ref in (tag, digest(image.manifest)):
            self.manifests[(name, ref)] = (MANIFEST, image.manifest)
        return image

    def add_index(self, images, name="app", tag="latest"):
        entries = []
        for arch, image in images.items():
            self.add(image, name, "image-" + arch)
            entries.append({"mediaType": MANIFEST, "digest": digest(image.manifest),
                            "size": len(image.manifest),
                            "platform": {"os": "linux", "architecture": arch}})
        body = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
        for ref in (tag, digest(body)):
            self.manifests[(name, ref)] = (INDEX, body)
        return body

    def asked(self, part):
        """Headers of the requests whose path holds `part`."""
        with self.lock:
            return [h for p, h in self.log if part in p]
