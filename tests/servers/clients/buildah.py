"""Buildah."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from servers.client_process import Outcome
from servers.clients.engine import PLATFORMS, Engine
from servers.clients.registry_client import OUR_REFUSAL, Words


class Buildah(Engine):
    """Builds images, and keeps the cache of builds in a registry when it is told to."""

    program = "buildah"
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
    cached = "Cache pulled from remote"
    words = Words(
        wrong_password="invalid username/password",
        hidden=OUR_REFUSAL,
        nobody="log in first",
        revoked="log in again",
    )

    def _global_options(self) -> Sequence[str]:
        return [f"--root={self._home / 'store'}", f"--runroot={self._home / 'run/store'}", "--storage-driver=vfs"]

    async def version(self) -> str:
        return (await self.run("--version")).stdout.split()[2]

    async def layers(self, image: str, folder: Path, platform: str = PLATFORMS[0]) -> Sequence[str]:
        shown = await self.run("inspect", "--type", "image", self.at(image))
        return list(json.loads(shown.stdout)["OCIv1"]["rootfs"]["diff_ids"])

    async def build(self, folder: Path, base: str, cache: str) -> Outcome:
        """Builds what stands in the folder's Dockerfile on `base`, with its cache in that image of the registry."""
        cached = ("--layers", "--cache-to", self.at(cache), "--cache-from", self.at(cache))
        base_argument = f"--build-arg=BASE={self.at(base)}"
        return await self.run("build", "--tls-verify=false", *cached, base_argument, "--tag=built", str(folder))
