"""ORAS."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from servers.client_process import Outcome
from servers.clients.registry_client import RegistryClient, Words
from servers.images import TAG


class Oras(RegistryClient):
    """The client of artifacts of any type; it asks for referrers, and falls back to their tag where there is no API."""

    program = "oras"
    cannot: ClassVar[Mapping[str, str]] = {
        "build": "it builds nothing",
    }
    words = Words(
        wrong_password="the credential is not known",
        hidden="not found",
        nobody="unauthorized",
        revoked="the credential is not known",
    )

    async def version(self) -> str:
        return (await self.run("version")).stdout.split()[1]

    async def login(self, username: str, token: str) -> Outcome:
        options = ("--plain-http", "--username", username, "--password-stdin")
        return await self.run("login", *options, self.registry, typed=token)

    async def push(self, layout: Path, image: str) -> Outcome:
        """The layout's image with all its platforms.

        One blob at a time: it can't send one again whose token ended while it waited for another.
        """
        source = ("--from-oci-layout", f"{layout}:{TAG}")
        return await self.run("copy", "--concurrency", "1", *source, "--to-plain-http", self.at(image))

    async def pull(self, image: str, folder: Path, platform: str = "linux/amd64") -> Outcome:
        """All platforms of the image into a layout."""
        return await self.run("copy", "--from-plain-http", self.at(image), "--to-oci-layout", f"{folder}:{TAG}")

    async def copy(self, source: str, destination: str) -> Outcome:
        """From one image of the registry to another, all platforms."""
        return await self.run("copy", "--from-plain-http", self.at(source), "--to-plain-http", self.at(destination))

    async def resolve(self, image: str) -> Outcome:
        return await self.run("manifest", "fetch", "--plain-http", self.at(image))

    async def list_tags(self, image: str) -> Outcome:
        return await self.run("repo", "tags", "--plain-http", self.at(image))

    async def delete(self, image: str) -> Outcome:
        return await self.run("manifest", "delete", "--plain-http", "--force", self.at(image))

    async def push_artifact(self, image: str, artifact_type: str, media_type: str, file: Path) -> Outcome:
        """One file as an artifact of this type."""
        what = ("--artifact-type", artifact_type, self.at(image), f"{file.name}:{media_type}")
        return await self.run("push", "--plain-http", *what, folder=file.parent)

    async def pull_artifact(self, image: str, file: Path) -> Outcome:
        """The artifact's file, which has its name in the artifact."""
        return await self.run("pull", "--plain-http", "-o", str(file.parent), self.at(image))

    async def attach(self, image: str, artifact_type: str, media_type: str, file: Path) -> Outcome:
        """One file as a referrer of the image."""
        what = ("--artifact-type", artifact_type, self.at(image), f"{file.name}:{media_type}")
        return await self.run("attach", "--plain-http", *what, folder=file.parent)

    async def referrers(self, image: str) -> Outcome:
        """What refers to the image, digests among it."""
        return await self.run("discover", "--plain-http", "--format", "json", self.at(image))
