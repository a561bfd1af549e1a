"""Regctl."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from servers.client_process import Outcome
from servers.clients.registry_client import OUR_REFUSAL, RegistryClient, Words
from servers.images import TAG

CHUNK_BYTES: Final = 128 * 1024
"""Layers are larger, so they go up in several requests."""


class Regctl(RegistryClient):
    """Regclient's command: it uploads in chunks here, and takes every part of the specification literally."""

    program = "regctl"
    cannot: ClassVar[Mapping[str, str]] = {
        "build": "it builds nothing",
    }
    renewal_margin = 5
    words = Words(
        wrong_password="unauthorized",
        hidden=OUR_REFUSAL,
        nobody="unauthorized",
        revoked="unauthorized",
    )

    def __init__(self, registry: str, home: Path) -> None:
        super().__init__(registry, home)
        settings = home / ".regctl" / "config.json"
        settings.parent.mkdir(exist_ok=True)
        host = {"tls": "disabled", "blobChunk": CHUNK_BYTES, "blobMax": CHUNK_BYTES}
        settings.write_text(json.dumps({"hosts": {registry: host}}), encoding="utf-8")

    async def version(self) -> str:
        return (await self.run("version", "--format", "{{.VCSTag}}")).stdout.strip()

    async def login(self, username: str, token: str) -> Outcome:
        return await self.run("registry", "login", self.registry, "--user", username, "--pass-stdin", typed=token)

    async def push(self, layout: Path, image: str) -> Outcome:
        """The layout's image with all its platforms."""
        return await self.run("image", "copy", f"ocidir://{layout}:{TAG}", self.at(image))

    async def pull(self, image: str, folder: Path, platform: str = "linux/amd64") -> Outcome:
        """All platforms of the image into a layout."""
        return await self.run("image", "copy", self.at(image), f"ocidir://{folder}:{TAG}")

    async def copy(self, source: str, destination: str) -> Outcome:
        """From one image of the registry to another, all platforms."""
        return await self.run("image", "copy", self.at(source), self.at(destination))

    async def resolve(self, image: str) -> Outcome:
        return await self.run("manifest", "get", "--format", "raw-body", self.at(image))

    async def list_tags(self, image: str) -> Outcome:
        return await self.run("tag", "ls", self.at(image))

    async def delete(self, image: str) -> Outcome:
        return await self.run("tag", "delete", self.at(image))

    async def push_artifact(self, image: str, artifact_type: str, media_type: str, file: Path) -> Outcome:
        """One file as an artifact of this type."""
        what = ("--artifact-type", artifact_type, "--file-media-type", media_type, "--file", str(file))
        return await self.run("artifact", "put", *what, self.at(image))

    async def pull_artifact(self, image: str, file: Path) -> Outcome:
        """The artifact's only file."""
        pulled = await self.run("artifact", "get", self.at(image))
        await asyncio.to_thread(file.write_text, pulled.stdout, encoding="utf-8")
        return pulled

    async def attach(self, image: str, artifact_type: str, media_type: str, file: Path) -> Outcome:
        """One file as a referrer of the image."""
        what = ("--artifact-type", artifact_type, "--file-media-type", media_type, "--file", str(file))
        return await self.run("artifact", "put", *what, "--subject", self.at(image))

    async def referrers(self, image: str) -> Outcome:
        """What refers to the image, digests among it."""
        return await self.run("artifact", "list", self.at(image), "--format", "{{json .}}")
