"""Docker: Debian's engine, and the client that came with it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from servers.client_process import Outcome
from servers.clients.registry_client import OUR_REFUSAL, RegistryClient, Words
from servers.docker_engine import debian_docker
from servers.images import blob_path, digests_of, first_layer


class Docker(RegistryClient):
    """Talks to an engine whose socket lies beside its home; the engine stores, pulls and pushes."""

    program = "docker"
    keeps_bytes = False
    cannot: ClassVar[Mapping[str, str]] = {
        "list": "it lists its own store only",
        "delete": "an engine deletes from its own store only",
        "artifact": "an engine stores images only",
        "referrers": "it does not know of referrers",
        "helm-chart": "an engine stores images only",
        "cosign-signature": "an engine stores images only",
        "cache-manifest": "an engine stores images only",
        "cache-index": "an engine stores images only",
    }
    renewal_margin = 0
    cached = "CACHED"
    words = Words(
        wrong_password="the credential is not known",
        hidden=OUR_REFUSAL,
        nobody="unauthorized",
        revoked="authentication required",
    )

    def __init__(self, registry: str, home: Path, socket: Path) -> None:
        super().__init__(registry, home)
        self._program = debian_docker("docker")
        self._socket = socket

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "DOCKER_HOST": f"unix://{self._socket}", "DOCKER_BUILDKIT": "1"}

    async def version(self) -> str:
        """The engine's, for that is what speaks to the registry."""
        return (await self.run("version", "--format", "{{.Server.Version}}")).stdout.strip()

    async def login(self, username: str, token: str) -> Outcome:
        return await self.run("login", "--username", username, "--password-stdin", self.registry, typed=token)

    async def push(self, layout: Path, image: str) -> Outcome:
        """The layer of this machine's platform, for the engine reads no layouts."""
        loaded = await self.load(layout, image)
        return await self.run("push", self.at(image)) if loaded.succeeded else loaded

    async def load(self, layout: Path, image: str, platform: str = "linux/amd64") -> Outcome:
        """The platform's layer into the store, under the image's name."""
        layer = blob_path(layout, first_layer(layout, platform))
        return await self.run("import", str(layer), self.at(image))

    async def push_platforms(self, layout: Path, image: str) -> Outcome:
        """By way of one tag for each platform, and a manifest list over them."""
        tags = {platform: f"{image}-{platform.rpartition('/')[2]}" for platform in digests_of(layout).manifests}
        for platform, tag in tags.items():
            loaded = await self.load(layout, tag, platform)
            assert loaded.succeeded, loaded
            pushed = await self.run("push", self.at(tag))
            assert pushed.succeeded, pushed
        made = await self.run("manifest", "create", "--insecure", self.at(image), *map(self.at, tags.values()))
        assert made.succeeded, made
        for platform, tag in tags.items():
            # An import has the architecture of the machine, whatever it is told.
            named = ("--os", *platform.split("/")[:1], "--arch", platform.split("/")[1])
            await self.run("manifest", "annotate", self.at(image), self.at(tag), *named)
        return await self.run("manifest", "push", "--insecure", self.at(image))

    async def pull(self, image: str, folder: Path | None = None, platform: str = "linux/amd64") -> Outcome:
        """One platform of the image into the store."""
        return await self.run("pull", f"--platform={platform}", self.at(image))

    async def copy(self, source: str, destination: str) -> Outcome:
        """By way of the store: pull, name, push; the outcome of the step that ended it."""
        pulled = await self.pull(source)
        if not pulled.succeeded:
            return pulled
        await self.run("tag", self.at(source), self.at(destination))
        return await self.run("push", self.at(destination))

    async def resolve(self, image: str) -> Outcome:
        return await self.pull(image)

    async def layers(self, image: str, folder: Path, platform: str = "linux/amd64") -> Sequence[str]:
        shown = await self.run("image", "inspect", self.at(image))
        return list(json.loads(shown.stdout)[0]["RootFS"]["Layers"])

    async def build(self, folder: Path, base: str, cache: str) -> Outcome:
        """BuildKit builds what stands in the folder's Dockerfile on `base` and pushes it, its cache within."""
        cached = ("--build-arg=BUILDKIT_INLINE_CACHE=1", f"--cache-from={self.at(cache)}")
        what = (f"--build-arg=BASE={self.at(base)}", f"--tag={self.at(cache)}", str(folder))
        await self._forget(base, cache)
        built = await self.run("build", "--progress=plain", *cached, *what)
        pushed = await self.run("push", self.at(cache))
        return built if pushed.succeeded else pushed

    async def _forget(self, *images: str) -> None:
        """Makes the engine know no more of the images and of any build than on another machine."""
        await self.run("image", "rm", "--force", *map(self.at, images))
        await self.run("builder", "prune", "--all", "--force")
