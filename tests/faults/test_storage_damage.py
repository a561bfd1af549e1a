"""A byte of a stored layer is turned over: never served as whole, found, and healed by pushing again (R92, R93)."""

import hashlib
import json
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from contracts.storage_faults import damage, files_below
from servers.client_process import Outcome
from servers.clients import Skopeo
from servers.images import blob_path, digests_of, multi_arch_layout
from servers.places import CACHE
from servers.registry import StandaloneRegistry, moorage

pytestmark = pytest.mark.timeout(300)

IMAGE = "acme/hello/tool"


@dataclass
class Site:
    """A registry that people use, and the database that its operator knows."""

    registry: StandaloneRegistry
    dsn: str

    @property
    def blobs(self) -> Path:
        """Where its bytes are."""
        return self.registry.data / "blobs"

    async def verify(self, *options: str) -> Outcome:
        """`moorage storage verify`."""
        environment = {
            "MOORAGE_STORAGE_DATABASE_URL": self.dsn,
            "MOORAGE_STORAGE_DATA_FOLDER": str(self.blobs),
        }
        return await moorage("storage", "verify", *options, environment=environment)

    async def image_id(self) -> str:
        """The UUID of the image, as its users are told it."""
        listed = await self.registry.command("image", "list", "acme", "--json", user="alice")
        images: list[dict[str, Any]] = json.loads(listed.stdout)
        return next(str(image["id"]) for image in images if IMAGE.endswith(str(image["name"])))

    async def ask(self, method: str, digest: str) -> int:
        """The status of an answer about a blob, or 0 if the connection was cut."""
        alice = self.registry.logins["alice"]
        basic = {"Authorization": aiohttp.encode_basic_auth(alice.username, alice.token)}
        query = {"service": "moorage", "scope": f"repository:{IMAGE}:pull"}
        async with aiohttp.ClientSession() as client:
            async with client.get(f"{self.registry.url}/token", params=query, headers=basic) as answer:
                bearer = {"Authorization": f"Bearer {(await answer.json())['token']}"}
            url = f"{self.registry.url}/v2/{IMAGE}/blobs/{digest}"
            try:
                async with client.request(method, url, headers=bearer) as answer:
                    await answer.read()
                    return answer.status
            except aiohttp.ClientPayloadError:
                return 0


@pytest.fixture
async def site(fresh_dsn: str, tmp_path: Path) -> AsyncIterator[Site]:
    """It holds nothing."""
    async with StandaloneRegistry(tmp_path / "registry", "--database", fresh_dsn) as registry:
        yield Site(registry, fresh_dsn)


def object_of(site: Site, digest: str) -> Path:
    """The file that has the digest."""
    return next(
        file for file in files_below(site.blobs) if f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}" == digest
    )


async def test_damage_is_found_and_healed_by_who_pushes_again(site: Site, tmp_path: Path) -> None:
    """With a real client, that skips what the registry says it has."""
    layout = multi_arch_layout(CACHE)
    layer = max(digests_of(layout).blobs, key=lambda digest: blob_path(layout, digest).stat().st_size)
    with tempfile.TemporaryDirectory() as home:
        skopeo, alice = Skopeo(site.registry.address, Path(home)), site.registry.logins["alice"]
        assert (await skopeo.login(alice.username, alice.token)).succeeded
        assert (await skopeo.push(layout, f"{IMAGE}:1.0")).succeeded
        sound = await site.verify()
        assert (sound.code, sound.stdout.count("0 are damaged")) == (0, 1), sound

        damage(object_of(site, layer), 1000)
        assert await site.ask("GET", layer) == 0
        found = await site.verify("--json")
        assert found.code == 1, found
        told = json.loads(found.stdout)
        (damaged,) = told["damaged"]
        assert (damaged["digest"], damaged["damage"]) == (layer, "altered")
        assert damaged["images"] == [await site.image_id()]
        assert (told["unowned"], told["resumed"]) == ([], 0)
        text = await site.verify("--restart", "--max-rate", "1000")
        assert text.code == 1
        assert all(each in text.stdout for each in (layer, *damaged["images"], "Push the images", "image list")), text

        assert (await site.ask("HEAD", layer), await site.ask("GET", layer)) == (404, 404)
        assert not (await skopeo.pull(f"{IMAGE}:1.0", tmp_path / "damaged")).succeeded
        assert (await skopeo.push(layout, f"{IMAGE}:1.0")).succeeded
        assert (await site.ask("HEAD", layer), await site.ask("GET", layer)) == (200, 200)
        assert (await skopeo.pull(f"{IMAGE}:1.0", tmp_path / "healed")).succeeded
    assert digests_of(tmp_path / "healed") == digests_of(layout)
    assert (await site.verify()).code == 0
    assert object_of(site, layer).exists()
