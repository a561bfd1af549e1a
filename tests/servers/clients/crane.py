"""Crane."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from servers.client_process import Outcome
from servers.clients.registry_client import OUR_REFUSAL, RegistryClient, Words


class Crane(RegistryClient):
    """Google's client: it asks for narrower scopes, mounts across images and follows the token protocol its own way."""

    program = "crane"
    cannot: ClassVar[Mapping[str, str]] = {
        "artifact": "it copies artifacts and makes none",
        "referrers": "it does not know of referrers",
        "build": "it builds nothing",
    }
    login_asks = False
    words = Words(
        wrong_password="the credential is not known",
        hidden=OUR_REFUSAL,
        nobody="log in first",
        revoked="the credential is not known",
    )

    async def version(self) -> str:
        return (await self.run("version")).stdout.strip()

    async def login(self, username: str, token: str) -> Outcome:
        options = ("--username", username, "--password-stdin")
        return await self.run("auth", "login", *options, self.registry, typed=token)

    async def push(self, layout: Path, image: str) -> Outcome:
        """The layout's image with all its platforms."""
        return await self.run("push", "--insecure", str(layout), self.at(image))

    async def pull(self, image: str, folder: Path, platform: str = "linux/amd64") -> Outcome:
        """All platforms of the image into a layout."""
        return await self.run("pull", "--insecure", "--format=oci", self.at(image), str(folder))

    async def copy(self, source: str, destination: str) -> Outcome:
        """From one image of the registry to another, all platforms."""
        return await self.run("copy", "--insecure", self.at(source), self.at(destination))

    async def resolve(self, image: str) -> Outcome:
        return await self.run("manifest", "--insecure", self.at(image))

    async def list_tags(self, image: str) -> Outcome:
        return await self.run("ls", "--insecure", self.at(image))

    async def delete(self, image: str) -> Outcome:
        return await self.run("delete", "--insecure", self.at(image))
