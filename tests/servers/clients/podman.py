"""Podman."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from servers.client_process import Outcome
from servers.clients.engine import PLATFORMS, Engine
from servers.clients.registry_client import OUR_REFUSAL, Words


class Podman(Engine):
    """The container engine without a daemon."""

    program = "podman"
    cannot: ClassVar[Mapping[str, str]] = {
        "delete": "an engine deletes from its own store only",
        "artifact": "an engine stores images only",
        "referrers": "it does not know of referrers",
        "helm-chart": "an engine stores images only",
        "cosign-signature": "an engine stores images only",
        "cache-manifest": "an engine stores images only",
        "cache-index": "an engine stores images only",
        "build": "it builds with buildah, which has a column of its own",
    }
    words = Words(
        wrong_password="invalid username/password",
        hidden=OUR_REFUSAL,
        nobody="log in first",
        revoked="log in again",
    )

    def _global_options(self) -> Sequence[str]:
        stores = {"--root": "store", "--runroot": "run/store", "--tmpdir": "tmp/podman"}
        return [*(f"{option}={self._home / folder}" for option, folder in stores.items()), "--storage-driver=vfs"]

    async def layers(self, image: str, folder: Path, platform: str = PLATFORMS[0]) -> Sequence[str]:
        shown = await self.run("image", "inspect", self.at(image))
        return list(json.loads(shown.stdout)[0]["RootFS"]["Layers"])

    async def list_tags(self, image: str) -> Outcome:
        return await self.run("search", "--list-tags", "--tls-verify=false", self.at(image))
