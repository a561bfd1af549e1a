"""Skopeo."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from servers.client_process import Outcome
from servers.clients.registry_client import OUR_REFUSAL, RegistryClient, Words


class Skopeo(RegistryClient):
    """Copies between registries and layouts without storing anything itself."""

    program = "skopeo"
    cannot: ClassVar[Mapping[str, str]] = {
        "artifact": "it copies artifacts and makes none",
        "referrers": "it does not know of referrers",
        "build": "it builds nothing",
        "cache-index": "it takes every entry of an index for an image",
    }
    renewal_margin = 0
    words = Words(
        wrong_password="invalid username/password",
        hidden=OUR_REFUSAL,
        nobody="log in first",
        revoked="log in again",
    )

    async def login(self, username: str, token: str) -> Outcome:
        options = ("--tls-verify=false", "--username", username, "--password-stdin")
        return await self.run("login", *options, self.registry, typed=token)

    async def push(self, layout: Path, image: str) -> Outcome:
        """The layout's image with all its platforms."""
        return await self.run("copy", "--all", "--dest-tls-verify=false", f"oci:{layout}", f"docker://{self.at(image)}")

    async def pull(self, image: str, folder: Path, platform: str = "linux/amd64") -> Outcome:
        """All platforms of the image into a layout."""
        return await self.run("copy", "--all", "--src-tls-verify=false", f"docker://{self.at(image)}", f"oci:{folder}")

    async def copy(self, source: str, destination: str) -> Outcome:
        """From one image of the registry to another, all platforms."""
        plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
        return await self.run(
            "copy", "--all", *plain, f"docker://{self.at(source)}", f"docker://{self.at(destination)}"
        )

    async def inspect(self, image: str) -> Outcome:
        """The manifest or index in the very bytes the registry serves."""
        return await self.run("inspect", "--raw", "--tls-verify=false", f"docker://{self.at(image)}")

    resolve = inspect

    async def list_tags(self, image: str) -> Outcome:
        return await self.run("list-tags", "--tls-verify=false", f"docker://{self.at(image)}")

    async def delete(self, image: str) -> Outcome:
        return await self.run("delete", "--tls-verify=false", f"docker://{self.at(image)}")
