"""What podman and buildah have in common: an image store of their own, and the commands that fill and empty it."""

from collections.abc import Sequence
from pathlib import Path

from servers.client_process import Outcome
from servers.clients.registry_client import RegistryClient
from servers.images import TAG

PLATFORMS = ("linux/amd64", "linux/arm64")


class Engine(RegistryClient):
    """A client that pushes from its store and pulls into it; running containers is not asked of it."""

    keeps_bytes = False
    renewal_margin = 0

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}

    async def login(self, username: str, token: str) -> Outcome:
        options = ("--tls-verify=false", "--username", username, "--password-stdin")
        return await self.run("login", *options, self.registry, typed=token)

    async def load(self, layout: Path) -> Outcome:
        """This machine's platform of the layout into the store; what it writes is the image id."""
        return await self.run("pull", "--quiet", f"oci:{self._shown(layout)}")

    async def push_stored(self, stored: str, image: str) -> Outcome:
        """What the store has by id or name to the registry."""
        return await self.run("push", "--tls-verify=false", stored, f"docker://{self.at(image)}")

    async def push(self, layout: Path, image: str) -> Outcome:
        """This machine's platform of the layout."""
        loaded = await self.load(layout)
        return await self.push_stored(loaded.stdout.strip(), image) if loaded.succeeded else loaded

    async def push_platforms(self, layout: Path, image: str) -> Outcome:
        """By way of a manifest list of its own."""
        made = await self.run("manifest", "create", "all:1")
        assert made.succeeded, made
        added = await self.run("manifest", "add", "--all", "all:1", f"oci:{self._shown(layout)}")
        assert added.succeeded, added
        return await self.run("manifest", "push", "--all", "--tls-verify=false", "all:1", f"docker://{self.at(image)}")

    async def pull(self, image: str, folder: Path | None = None, platform: str = PLATFORMS[0]) -> Outcome:
        """One platform of the image into the store."""
        return await self.run("pull", "--quiet", "--tls-verify=false", f"--platform={platform}", self.at(image))

    async def copy(self, source: str, destination: str) -> Outcome:
        """By way of the store: pull, then push; the outcome of the step that ended it."""
        pulled = await self.pull(source)
        return await self.push_stored(self.at(source), destination) if pulled.succeeded else pulled

    async def resolve(self, image: str) -> Outcome:
        return await self.pull(image)

    async def layers(self, image: str, folder: Path, platform: str = PLATFORMS[0]) -> Sequence[str]:
        raise NotImplementedError

    def _shown(self, layout: Path) -> str:
        """The layout as a plain name in the home: a name is made of its path, and most paths are refused."""
        shown = self._home / "loaded"
        shown.unlink(missing_ok=True)
        shown.symlink_to(layout)
        return f"{shown.name}:{TAG}"
