"""A large layer is pushed and pulled in constant memory: MOORAGE_TEST_LAYER_MIB says how large (R140, R132)."""

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from moorage.oci.digest import Digest, DigestAlgorithm
from servers.registry import StandaloneRegistry

pytestmark = pytest.mark.timeout(7200)

MIB: Final = 2**20
LAYER_MIB: Final = int(os.environ.get("MOORAGE_TEST_LAYER_MIB", "512"))
MOST_GROWTH_MIB: Final = 64
IMAGE: Final = "acme/hello/large"


def pieces(count: int) -> Iterator[bytes]:
    """A layer of so many MiB, no two of which are alike, made as quickly as it can be sent."""
    piece = bytearray(os.urandom(MIB))
    for number in range(count):
        piece[:8] = number.to_bytes(8, "big")
        yield bytes(piece)


class Layer:
    """A layer that is hashed as it is sent."""

    def __init__(self, count: int) -> None:
        self._hash = hashlib.sha256()
        self._pieces = pieces(count)

    @property
    def digest(self) -> Digest:
        """Of what was sent."""
        return Digest(DigestAlgorithm.SHA256, self._hash.hexdigest())

    async def sent(self) -> AsyncIterator[bytes]:
        """The body of a request."""
        for piece in self._pieces:
            await asyncio.to_thread(self._hash.update, piece)
            yield piece


def memory_mib(pid: int) -> float:
    """What the process and all below it hold now."""
    return sum(_resident_mib(each) for each in (pid, *_below(pid)))


def _below(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            yield child
            yield from _below(child)


def _resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


class Watch:
    """The most memory that a registry held while this is open, beyond what it held before."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._before = self.most = memory_mib(pid)

    def look(self) -> None:
        """Now."""
        self.most = max(self.most, memory_mib(self._pid))

    @property
    def growth_mib(self) -> float:
        """Up to now."""
        return self.most - self._before


async def bearer(client: aiohttp.ClientSession, registry: StandaloneRegistry) -> dict[str, str]:
    """Who may push and pull."""
    alice = registry.logins["alice"]
    basic = {"Authorization": aiohttp.encode_basic_auth(alice.username, alice.token)}
    query = {"service": "moorage", "scope": f"repository:{IMAGE}:pull,push"}
    async with client.get(f"{registry.url}/token", params=query, headers=basic) as answer:
        return {"Authorization": f"Bearer {(await answer.json())['token']}"}


async def push(client: aiohttp.ClientSession, registry: StandaloneRegistry, count: int, watch: Watch | None) -> Digest:
    """In one stream whose length is not announced, then closed."""
    layer, url = Layer(count), f"{registry.url}/v2/{IMAGE}/blobs/uploads/"

    async def watched() -> AsyncIterator[bytes]:
        async for piece in layer.sent():
            if watch:
                watch.look()
            yield piece

    async with client.post(url, headers=await bearer(client, registry)) as opened:
        location = registry.url + opened.headers["Location"]
    async with client.patch(location, data=watched(), headers=await bearer(client, registry)) as answer:
        assert answer.status == 202, await answer.text()
    query = {"digest": str(layer.digest)}
    async with client.put(location, params=query, headers=await bearer(client, registry)) as answer:
        assert answer.status == 201, await answer.text()
    return layer.digest


async def pull(client: aiohttp.ClientSession, registry: StandaloneRegistry, digest: Digest, watch: Watch) -> int:
    """All of it, by a reader who is slower than the disk."""
    hashed, size = hashlib.sha256(), 0
    url = f"{registry.url}/v2/{IMAGE}/blobs/{digest}"
    async with client.get(url, headers=await bearer(client, registry)) as answer:
        async for piece in answer.content.iter_chunked(MIB):
            await asyncio.to_thread(hashed.update, piece)
            watch.look()
            size += len(piece)
    assert hashed.hexdigest() == digest.hex
    return size


async def test_memory_does_not_depend_on_the_size_of_a_layer(fresh_dsn: str, tmp_path: Path) -> None:
    """Neither of what comes nor of what goes; a small one first makes what every process makes once."""
    async with (
        StandaloneRegistry(tmp_path / "registry", "--database", fresh_dsn) as registry,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_read=600)) as client,
    ):
        small = await push(client, registry, 4, None)
        await pull(client, registry, small, Watch(registry.pid))
        pushing = Watch(registry.pid)
        digest = await push(client, registry, LAYER_MIB, pushing)
        pulling = Watch(registry.pid)
        assert await pull(client, registry, digest, pulling) == LAYER_MIB * MIB
        assert max(pushing.growth_mib, pulling.growth_mib) <= MOST_GROWTH_MIB, (pushing.most, pulling.most)
    sys.stdout.write(
        f"a layer of {LAYER_MIB} MiB: push +{pushing.growth_mib:.1f} MiB, pull +{pulling.growth_mib:.1f} MiB, "
        f"at most {max(pushing.most, pulling.most):.1f} MiB\n"
    )
