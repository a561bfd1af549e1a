"""The distribution API as bytes: requests that are built once and sent many times, and scripts of several."""

import urllib.parse
from collections.abc import Mapping
from typing import Final

from bench.content import INDEX, MANIFEST, Blob, Image
from bench.engine.message import FileBody, Request, Script

_ACCEPT: Final = {
    "Accept": ", ".join(
        [
            MANIFEST,
            INDEX,
            "application/vnd.docker.distribution.manifest.v2+json",
            "application/vnd.docker.distribution.manifest.list.v2+json",
        ]
    )
}
_BYTES: Final = {"Content-Type": "application/octet-stream"}


class Client:
    """One principal's requests to one registry."""

    def __init__(self, port: int, authorization: str) -> None:
        lines = (f"Host: 127.0.0.1:{port}", "User-Agent: moorage-bench/1", f"Authorization: {authorization}")
        self._common = "\r\n".join(lines)

    def _head(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> bytes:
        given = dict(headers or {})
        if method in ("POST", "PUT", "PATCH") and "Transfer-Encoding" not in given:
            given.setdefault("Content-Length", str(len(body)))
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        return f"{method} {path} HTTP/1.1\r\n{self._common}\r\n{lines}\r\n".encode() + body

    def ping(self) -> Request:
        """GET /v2/."""
        return Request("ping", self._head("GET", "/v2/"))

    def manifest(self, method: str, name: str, reference: str, image: Image) -> Request:
        """HEAD or GET of a manifest; answered with its digest and length."""
        head = self._head(method, f"/v2/{name}/manifests/{reference}", _ACCEPT)
        return Request(
            f"manifest {method}",
            head,
            bodiless=method == "HEAD",
            digest=image.digest.encode(),
            length=len(image.manifest),
        )

    def blob(self, method: str, name: str, digest: str, length: int) -> Request:
        """HEAD or GET of a blob; answered with its length, and HEAD with its digest."""
        head = self._head(method, f"/v2/{name}/blobs/{digest}")
        bodiless = method == "HEAD"
        named = digest.encode() if bodiless else b""
        return Request(f"blob {method}", head, bodiless=bodiless, digest=named, length=length)

    def probe(self, kind: str, name: str, reference: str) -> Request:
        """HEAD of what may be there or not; `kind` is `manifests` or `blobs`."""
        head = self._head("HEAD", f"/v2/{name}/{kind}/{reference}", _ACCEPT)
        return Request(f"{kind} HEAD", head, accept=(200, 404), bodiless=True)

    def start(self, name: str) -> Request:
        """POST: a new upload session."""
        return Request("upload POST", self._head("POST", f"/v2/{name}/blobs/uploads/"), accept=(202,))

    def patch(self, location: str, data: bytes) -> Request:
        """PATCH of a small body."""
        return Request("upload PATCH", self._head("PATCH", path_of(location), _BYTES, data), accept=(202,))

    def patch_file(self, location: str, body: FileBody) -> Request:
        """PATCH of a large body."""
        head = self._head("PATCH", path_of(location), _BYTES | _framing(body))
        return Request("upload PATCH", head, accept=(202,), body=body)

    def finish(self, location: str, digest: str, body: FileBody | None = None) -> Request:
        """The closing PUT, with a body of its own or without."""
        path = path_of(location)
        path += f"{'&' if '?' in path else '?'}digest={digest}"
        head = self._head("PUT", path, _BYTES | _framing(body) if body else None)
        return Request("upload PUT", head, accept=(201,), body=body, digest=digest.encode())

    def put_manifest(self, name: str, tag: str, image: Image) -> Request:
        """PUT of an image's manifest under a tag."""
        head = self._head("PUT", f"/v2/{name}/manifests/{tag}", {"Content-Type": MANIFEST}, image.manifest)
        return Request("manifest PUT", head, accept=(201,), digest=image.digest.encode())

    def mount(self, name: str, source: str, digest: str) -> Request:
        """POST that mounts a blob of another image."""
        head = self._head("POST", f"/v2/{name}/blobs/uploads/?mount={digest}&from={source}")
        return Request("mount", head, accept=(201,), digest=digest.encode())

    def tags(self, name: str, after: str, count: int) -> Request:
        """A page of tags."""
        return Request("tags", self._head("GET", f"/v2/{name}/tags/list?n={count}&last={after}"))

    def push_blob(self, name: str, blob: Blob) -> Script:
        """POST, PATCH, PUT: as docker and containers/image push."""
        started = yield self.start(name)
        written = yield self.patch(started.header("location"), blob.data)
        yield self.finish(written.header("location"), blob.digest)

    def push_image(self, name: str, image: Image) -> Script:
        """Each blob if it is not there, then the manifest: 17 requests for an image of which nothing is there."""
        for blob in image.blobs:
            if (yield self.probe("blobs", name, blob.digest)).status == 404:
                yield from self.push_blob(name, blob)
        yield self.put_manifest(name, image.tag, image)


def path_of(location: str) -> str:
    """Path and query of a Location, which may be absolute."""
    parts = urllib.parse.urlsplit(location)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _framing(body: FileBody) -> dict[str, str]:
    return {"Transfer-Encoding": "chunked"} if body.chunk else {"Content-Length": str(body.total)}
