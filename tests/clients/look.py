"""Looks at a registry without any client: everything in it is read over plain HTTP, and each digest is checked."""

import json
from pathlib import Path
from typing import Any, Final

from hostile.attacker import Answer, Attacker, digest
from servers.images import INDEX, MANIFEST, blob_path, top_of

DOCKER_IMAGE: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
_MANIFESTS: Final = frozenset({INDEX, MANIFEST, DOCKER_IMAGE, DOCKER_LIST})

Document = dict[str, Any]


class Look:
    """One person's view of a registry. Images are named with their tags (`acme/hello/tool:1`)."""

    def __init__(self, attacker: Attacker, user: str) -> None:
        self._attacker = attacker
        self._user = user

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        """One request."""
        return await self._attacker.ask(method, path, auth=self._attacker.basic(self._user), **more)

    async def tags(self, name: str) -> list[str]:
        """All tags of an image."""
        return list((await self.ask("GET", f"/v2/{name}/tags/list")).json["tags"])

    async def digest(self, image: str) -> str | None:
        """What a tag stands for, if there is such a tag."""
        name, tag = image.rsplit(":", 1)
        answer = await self.ask("HEAD", f"/v2/{name}/manifests/{tag}")
        assert answer.status in (200, 404), answer
        return answer.header("Docker-Content-Digest") or None

    async def manifest(self, image: str) -> Document:
        """The manifest that a tag stands for."""
        name, tag = image.rsplit(":", 1)
        document: Document = json.loads(await self._read(name, "manifests", tag))
        return document

    async def referrers(self, image: str) -> list[Document]:
        """The descriptors of what refers to the image."""
        path = f"/v2/{image.rsplit(':', 1)[0]}/referrers/{await self.digest(image)}"
        return list((await self.ask("GET", path)).json["manifests"])

    async def layers(self, image: str) -> dict[str, list[str]]:
        """The digests of the uncompressed layers of each platform, once all that the image names has been read.

        The platform of an image without an index is what its configuration says.
        """
        name, manifest = image.rsplit(":", 1)[0], await self.manifest(image)
        await self._read_below(name, manifest)
        if "manifests" not in manifest:
            config = await self._config(name, manifest)
            return {_platform(config): config["rootfs"]["diff_ids"]}
        found = {}
        for child in manifest["manifests"]:
            config = await self._config(name, json.loads(await self._read(name, "manifests", child["digest"])))
            found[_platform(child["platform"])] = config["rootfs"]["diff_ids"]
        return found

    async def holds(self, layout: Path, image: str) -> bool:
        """Whether the image is the layout's, byte for byte, with all below it."""
        name, tag = image.rsplit(":", 1)
        content = await self._read(name, "manifests", tag)
        await self._read_below(name, json.loads(content))
        return digest(content) == str(top_of(layout)["digest"])

    async def seed(self, layout: Path, image: str) -> None:
        """Pushes all of a layout."""
        name, tag = image.rsplit(":", 1)
        await self._put_manifest(layout, name, tag, top_of(layout))

    async def _config(self, name: str, manifest: Document) -> Document:
        document: Document = json.loads(await self._read(name, "blobs", manifest["config"]["digest"]))
        return document

    async def _read_below(self, name: str, manifest: Document) -> None:
        for descriptor in _named_by(manifest):
            if descriptor["mediaType"] in _MANIFESTS:
                await self._read_below(name, json.loads(await self._read(name, "manifests", descriptor["digest"])))
            else:
                await self._read(name, "blobs", descriptor["digest"])

    async def _read(self, name: str, kind: str, reference: str) -> bytes:
        answer = await self.ask("GET", f"/v2/{name}/{kind}/{reference}")
        assert answer.status == 200, answer
        assert digest(answer.body) == answer.header("Docker-Content-Digest")
        assert ":" not in reference or digest(answer.body) == reference
        return answer.body

    async def _put_manifest(self, layout: Path, name: str, reference: str, top: Document) -> None:
        content = blob_path(layout, top["digest"]).read_bytes()
        for descriptor in _named_by(json.loads(content)):
            if descriptor["mediaType"] in _MANIFESTS:
                await self._put_manifest(layout, name, descriptor["digest"], descriptor)
            else:
                await self._put_blob(name, blob_path(layout, descriptor["digest"]).read_bytes())
        kind = [("Content-Type", top["mediaType"])]
        put = await self.ask("PUT", f"/v2/{name}/manifests/{reference}", headers=kind, body=content)
        assert put.status == 201, put

    async def _put_blob(self, name: str, blob: bytes) -> None:
        put = await self.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest(blob)}", body=blob)
        assert put.status == 201, put


def _platform(document: Document) -> str:
    return f"{document['os']}/{document['architecture']}"


def _named_by(manifest: Document) -> list[Document]:
    """What a manifest or an index names; its subject need not be there."""
    config = [manifest["config"]] if "config" in manifest else []
    return [*config, *manifest.get("layers", []), *manifest.get("manifests", [])]
