"""One registry for a run of the matrix, a door before it for each test."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from clients.bench import ADMIN, Bench
from clients.door import Door, open_door
from clients.matrix import Cell
from hostile.attacker import Attacker
from journeys.life import become_owner
from servers.ports import free_port
from servers.registry import StandaloneRegistry


@dataclass(frozen=True)
class Site:
    """A registry that tells its clients to come to the port of a door."""

    registry: StandaloneRegistry
    port: int

    @property
    def address(self) -> str:
        """What clients are told."""
        return f"127.0.0.1:{self.port}"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Its workspace allows public images; it outlives the event loop of every single test."""
    port = free_port()
    registry = StandaloneRegistry(tmp_path_factory.mktemp("clients"), "--public-url", f"http://127.0.0.1:{port}")
    asyncio.run(registry.start())
    try:
        asyncio.run(_allow_public(Attacker(registry)))
        yield Site(registry, port)
    finally:
        asyncio.run(registry.stop())


async def _allow_public(attacker: Attacker) -> None:
    await become_owner(attacker, ADMIN)
    path = "/api/v1/workspaces/acme/allow-public"
    allowed = await attacker.manage("PUT", path, {"allow_public": True}, auth=attacker.basic(ADMIN))
    assert allowed.status == 200, allowed


@pytest.fixture
async def door(site: Site) -> AsyncIterator[Door]:
    """Nothing has passed it yet."""
    async with open_door(site.registry.url, site.registry.data / "secrets", site.port) as door:
        yield door


@pytest.fixture
def bench(
    cell: Cell, site: Site, door: Door, tmp_path: Path, record_property: Callable[[str, object], None]
) -> Iterator[Bench]:
    """For the client that a module is about."""
    with tempfile.TemporaryDirectory(prefix="mc-") as homes:
        yield Bench(
            site.registry,
            site.address,
            Attacker(site.registry),
            door,
            lambda home: cell.client(site.address, home),
            tmp_path,
            Path(homes),
            record_property,
        )
