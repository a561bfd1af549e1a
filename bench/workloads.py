"""What is measured: one operation each, over the distribution API alone, so that any registry can be asked."""

import hashlib
import http.client
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bench.peer import Target

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_LAYER_BYTES: Final = 100 * 1024
_LAYERS: Final = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What a workload needs of an answer: where to go on, and the body."""

    location: str
    body: bytes


class Connection:
    """One kept-alive connection to a target that checks each answer's status."""

    def __init__(self, target: Target) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", target.port, timeout=60)
        self._headers = {"Authorization": target.authorization}
        self.image = target.image

    def ask(
        self,
        method: str,
        path: str,
        expect: int,
        body: bytes | None = None,
        media_type: str = "application/octet-stream",
    ) -> "Answer":
        """Sends a request, reads the whole answer. Raises RuntimeError for another status than expected."""
        headers = {**self._headers, "Accept": MANIFEST}
        if body is not None:
            headers["Content-Type"] = media_type
        self._http.request(method, path, body=body, headers=headers)
        answer = self._http.getresponse()
        content = answer.read()
        if answer.status != expect:
            raise RuntimeError(f"{method} {path}: {answer.status} instead of {expect}: {content[:300]!r}")
        return Answer(answer.headers.get("Location", ""), content)

    def close(self) -> None:
        """Closes the connection."""
        self._http.close()


Operation = Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class Workload:
    """An operation that is repeated, how many requests it makes, and what must be there before."""

    name: str
    requests: int
    run: Operation


def push_image(connection: Connection, tag: str | None = None) -> None:
    """A new image: four blob HEADs, four times POST, PATCH, PUT, and the manifest under a new tag: 17 requests."""
    contents = [os.urandom(512), *(os.urandom(_LAYER_BYTES) for _ in range(_LAYERS))]
    digests = [f"sha256:{hashlib.sha256(content).hexdigest()}" for content in contents]
    base = f"/v2/{connection.image}"
    for digest in digests:
        connection.ask("HEAD", f"{base}/blobs/{digest}", 404)
    for digest, content in zip(digests, contents, strict=True):
        _push_blob(connection, base, digest, content)
    body = _manifest(digests, contents)
    connection.ask("PUT", f"{base}/manifests/{tag or os.urandom(8).hex()}", 201, body, MANIFEST)


def _push_blob(connection: Connection, base: str, digest: str, content: bytes) -> None:
    session = _path(connection.ask("POST", f"{base}/blobs/uploads/", 202, b""))
    session = _path(connection.ask("PATCH", session, 202, content))
    separator = "&" if "?" in session else "?"
    connection.ask("PUT", f"{session}{separator}digest={digest}", 201, b"")


def _path(answer: Answer) -> str:
    return "/" + answer.location.split("/", 3)[3] if "://" in answer.location else answer.location


def _manifest(digests: list[str], contents: list[bytes]) -> bytes:
    described = [
        {"mediaType": _LAYER if i else _CONFIG, "digest": digest, "size": len(content)}
        for i, (digest, content) in enumerate(zip(digests, contents, strict=True))
    ]
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described[0], "layers": described[1:]}
    return json.dumps(document).encode()


def pull_image(connection: Connection) -> None:
    """The image `seed`: manifest by tag, config, three layers: 5 requests."""
    base = f"/v2/{connection.image}"
    document = json.loads(connection.ask("GET", f"{base}/manifests/seed", 200).body)
    for descriptor in [document["config"], *document["layers"]]:
        connection.ask("GET", f"{base}/blobs/{descriptor['digest']}", 200)


def head_manifest(connection: Connection) -> None:
    """HEAD of the manifest under the tag `seed`."""
    connection.ask("HEAD", f"/v2/{connection.image}/manifests/seed", 200)


WORKLOADS: Final = (
    Workload("manifest HEAD", 1, head_manifest),
    Workload("pull image", 5, pull_image),
    Workload("push image", 17, push_image),
)
