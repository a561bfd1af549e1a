"""Real registry clients against a registry on loopback, each with a home, a configuration and credentials of its own.

Images are named as on the wire (`team/app:1`, `team/app@sha256:…`); a client puts its registry's address before them.
"""

from collections.abc import Sequence
from pathlib import Path

from servers.client_process import Client, Outcome
from servers.images import TAG

__all__ = ["Crane", "Outcome", "Podman", "Skopeo"]


class Skopeo(Client):
    """Copies between registries and layouts without storing anything itself."""

    program = "skopeo"

    async def login(self, username: str, token: str) -> Outcome:
        options = ("--tls-verify=false", "--username", username, "--password-stdin")
        return await self.run("login", *options, self.registry, typed=token)

    async def push(self, layout: Path, image: str) -> Outcome:
        """The layout's image with all its platforms."""
        return await self.run("copy", "--all", "--dest-tls-verify=false", f"oci:{layout}", f"docker://{self.at(image)}")

    async def pull(self, image: str, layout: Path) -> Outcome:
        """All platforms of the image into a layout."""
        return await self.run("copy", "--all", "--src-tls-verify=false", f"docker://{self.at(image)}", f"oci:{layout}")

    async def copy(self, source: str, destination: str) -> Outcome:
        """From one image of the registry to another, all platforms."""
        plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
        return await self.run(
            "copy", "--all", *plain, f"docker://{self.at(source)}", f"docker://{self.at(destination)}"
        )

    async def inspect(self, image: str) -> Outcome:
        """The manifest or index in the very bytes the registry serves."""
        return await self.run("inspect", "--raw", "--tls-verify=false", f"docker://{self.at(image)}")

    async def list_tags(self, image: str) -> Outcome:
        return await self.run("list-tags", "--tls-verify=false", f"docker://{self.at(image)}")

    async def delete(self, image: str) -> Outcome:
        return await self.run("delete", "--tls-verify=false", f"docker://{self.at(image)}")


class Crane(Client):
    """Google's client: it asks for narrower scopes, mounts across images and follows the token protocol its own way."""

    program = "crane"

    async def login(self, username: str, token: str) -> Outcome:
        options = ("--username", username, "--password-stdin")
        return await self.run("auth", "login", *options, self.registry, typed=token)

    async def push(self, layout: Path, image: str) -> Outcome:
        """The layout's image with all its platforms."""
        return await self.run("push", "--insecure", str(layout), self.at(image))

    async def pull(self, image: str, layout: Path) -> Outcome:
        """All platforms of the image into a layout."""
        return await self.run("pull", "--insecure", "--format=oci", self.at(image), str(layout))

    async def copy(self, source: str, destination: str) -> Outcome:
        """From one image of the registry to another, all platforms."""
        return await self.run("copy", "--insecure", self.at(source), self.at(destination))

    async def digest(self, image: str) -> Outcome:
        return await self.run("digest", "--insecure", self.at(image))

    async def list_tags(self, image: str) -> Outcome:
        return await self.run("ls", "--insecure", self.at(image))

    async def delete(self, image: str) -> Outcome:
        return await self.run("delete", "--insecure", self.at(image))


class Podman(Client):
    """The container engine, with an image store of its own under the home; running containers is not asked of it."""

    program = "podman"

    def _global_options(self) -> Sequence[str]:
        stores = {"--root": "store", "--runroot": "run/store", "--tmpdir": "tmp/podman"}
        return [*(f"{option}={self._home / folder}" for option, folder in stores.items()), "--storage-driver=vfs"]

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "STORAGE_DRIVER": "vfs"}

    async def login(self, username: str, token: str) -> Outcome:
        options = ("--tls-verify=false", "--username", username, "--password-stdin")
        return await self.run("login", *options, self.registry, typed=token)

    async def load(self, layout: Path) -> Outcome:
        """This machine's platform of the layout into the store; what it writes is the image id.

        Podman makes a name of the layout's path and refuses most paths, so it is shown a plain one in its home.
        """
        shown = self._home / "loaded"
        shown.unlink(missing_ok=True)
        shown.symlink_to(layout)
        return await self.run("pull", "--quiet", f"oci:{shown.name}:{TAG}")

    async def push(self, stored: str, image: str) -> Outcome:
        """What the store has by id or name to the registry."""
        return await self.run("push", "--tls-verify=false", stored, f"docker://{self.at(image)}")

    async def pull(self, image: str, platform: str = "linux/amd64") -> Outcome:
        """One platform of the image into the store."""
        return await self.run("pull", "--quiet", "--tls-verify=false", f"--platform={platform}", self.at(image))

    async def copy(self, source: str, destination: str) -> Outcome:
        """By way of the store: pull, then push; the outcome of the step that ended it."""
        pulled = await self.pull(source)
        return await self.push(self.at(source), destination) if pulled.succeeded else pulled
