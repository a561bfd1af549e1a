"""A registry as a client sees it: addresses, raw requests, and the few steps that tests repeat."""

import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from yarl import URL

from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.media_types import ManifestType


@dataclass(frozen=True)
class Answer:
    """What came back, body read."""

    status: int
    headers: Mapping[str, str]
    all_headers: Mapping[str, list[str]]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of the first error in the body."""
        return str(self.document["errors"][0]["code"])

    @property
    def next_page(self) -> str | None:
        """The target of the `next` link."""
        link = self.headers.get("Link")
        return link.partition("<")[2].partition(">")[0] if link else None


@dataclass(frozen=True)
class WireRegistry:
    """A registry under test: two images that the caller may do everything with, and the headers that say who it is."""

    session: aiohttp.ClientSession
    url: str
    name: str
    other: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def at(self, path: str, name: str | None = None) -> str:
        """The path of something in the first image, or in the named one."""
        return f"/v2/{name or self.name}/{path}"

    async def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, data: Any = None
    ) -> Answer:
        """One request. `path` is sent as it is."""
        async with self.asked(method, path, headers=headers, data=data) as response:
            every = {name: response.headers.getall(name) for name in response.headers}
            return Answer(response.status, response.headers.copy(), every, await response.read())

    @asynccontextmanager
    async def asked(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, data: Any = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request whose body the caller reads."""
        async with self.session.request(
            method,
            URL(self.url + path, encoded=True),
            headers={**self.headers, **(headers or {})},
            data=io.BytesIO(data) if isinstance(data, bytes) and len(data) >= 2**20 else data,
            allow_redirects=False,
            skip_auto_headers=("Content-Type",),
        ) as response:
            yield response

    async def start(self, query: str = "", name: str | None = None) -> str:
        """Opens an upload session; its location."""
        answer = await self.ask("POST", self.at(f"blobs/uploads/{query}", name))
        assert answer.status == 202
        return answer.headers["Location"]

    async def push_blob(
        self, content: bytes, algorithm: DigestAlgorithm = DigestAlgorithm.SHA256, name: str | None = None
    ) -> Digest:
        """Stores a blob with POST and PUT."""
        digest = Digest.of(content, algorithm)
        location = await self.start(name=name)
        assert (await self.ask("PUT", f"{location}?digest={digest}", data=content)).status == 201
        return digest

    async def push_manifest(
        self, document: Mapping[str, Any], reference: str | None = None, name: str | None = None
    ) -> tuple[Digest, bytes]:
        """Stores a manifest under a tag, or under its digest; the digest and the bytes."""
        body = json.dumps(document).encode()
        path = self.at(f"manifests/{reference or Digest.of(body)}", name)
        answer = await self.ask("PUT", path, headers={"Content-Type": document["mediaType"]}, data=body)
        assert answer.status == 201, answer.body
        return Digest.of(body), body

    async def image_manifest(self, text: str = "a", **members: Any) -> dict[str, Any]:
        """An image manifest whose blobs are pushed already; the text makes it different from others."""
        config, layer = f'{{"text":"{text}"}}'.encode(), f"layer {text}".encode()
        await self.push_blob(config)
        await self.push_blob(layer)
        return {
            "schemaVersion": 2,
            "mediaType": ManifestType.OCI_IMAGE.value,
            "config": descriptor(config, "application/vnd.oci.image.config.v1+json"),
            "layers": [descriptor(layer, "application/vnd.oci.image.layer.v1.tar")],
            **members,
        }


def descriptor(content: bytes, media_type: str, **members: Any) -> dict[str, Any]:
    """The descriptor of some content."""
    return {"mediaType": media_type, "digest": str(Digest.of(content)), "size": len(content), **members}


def absent(algorithm: DigestAlgorithm = DigestAlgorithm.SHA256) -> Digest:
    """A digest of nothing that is pushed anywhere."""
    return Digest.of(b"never pushed", algorithm)
