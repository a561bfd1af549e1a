"""Several processes over one database and one store: whoever is asked next tells what was acknowledged (R47, R88)."""

import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random, SystemRandom

import pytest

from faults.fleet import rounds
from faults.read_your_writes import Scenario
from journeys.main_job import grant
from moorage.standalone.demo import USERS, demo_facts
from servers.doors import Door, WorkerDoors, WorkerLog
from servers.kafka import KafkaBroker
from servers.registry import StandaloneRegistry
from servers.services_apart import ServicesApart

pytestmark = pytest.mark.timeout(600)

STEPS = 40
WORKERS = 3


@pytest.fixture
def seed() -> int:
    """MOORAGE_TEST_SEED, or any."""
    chosen = int(os.environ.get("MOORAGE_TEST_SEED", "0")) or SystemRandom().randrange(1, 2**31)
    print(f"MOORAGE_TEST_SEED={chosen}")  # noqa: T201 - so that a failure can be played again
    return chosen


class WorkersBehindOnePort:
    """Workers can be killed, for they are started again, and stopped for a while."""

    def __init__(self, registry: StandaloneRegistry) -> None:
        self._log = WorkerLog(registry.log)
        self._ways = WorkerDoors(registry.url, self._log, registry.workers)

    async def doors(self) -> Sequence[Door]:
        """See Site."""
        await self._ways.look()
        return list(self._ways.open.values())

    async def all_doors(self) -> Sequence[Door]:
        """See Site."""
        await self._ways.cover()
        return await self.doors()

    async def kill_one(self, random: Random) -> None:
        """See Site. One is left in any case."""
        if len(self._ways.open) > 1:
            number = random.choice(sorted(self._ways.open))
            os.kill(self._log.pids[number], signal.SIGKILL)
            await self._ways.forget(number)

    def pause_one(self, random: Random) -> tuple[Door, Callable[[], None]]:
        """See Site."""
        number = random.choice(sorted(self._ways.open))
        pid = self._log.pids[number]
        os.kill(pid, signal.SIGSTOP)
        return self._ways.open[number], lambda: os.kill(pid, signal.SIGCONT)

    async def close(self) -> None:
        """Nothing is held any more."""
        await self._ways.close()


@pytest.fixture
async def workers(tmp_path: Path) -> AsyncIterator[StandaloneRegistry]:
    """Three of them."""
    registry = StandaloneRegistry(tmp_path / "registry", "--log-level", "info", workers=WORKERS)
    async with registry:
        await registry.tell([grant("ledger", "alice", "admin")])
        yield registry


async def test_any_worker_tells_what_another_has_acknowledged(workers: StandaloneRegistry, seed: int) -> None:
    """Pushes, mounts, tags, referrers, deletions, new images, links and visibility; with kills and pauses."""
    site = WorkersBehindOnePort(workers)
    await site.all_doors()
    try:
        await Scenario(site, workers.logins, seed).play(rounds(STEPS))
    finally:
        await site.close()


class PairsApart:
    """Gateways, each with a storage process of its own. Storage is killed, for an operator would start it again too."""

    def __init__(self, services: ServicesApart) -> None:
        self._services = services
        self._doors = [Door(f"http://{address}") for address in services.addresses]

    async def doors(self) -> Sequence[Door]:
        """See Site."""
        return self._doors

    async def all_doors(self) -> Sequence[Door]:
        """See Site."""
        return self._doors

    async def kill_one(self, random: Random) -> None:
        """See Site."""
        pair = random.randrange(len(self._doors))
        await self._services.storages[pair].kill()
        await self._services.start_storage(pair)

    def pause_one(self, random: Random) -> tuple[Door, Callable[[], None]]:
        """See Site. The gateway sleeps, or it does not hear of its storage."""
        pair = random.randrange(len(self._doors))
        process = random.choice([self._services.gateways[pair], self._services.storages[pair]])
        os.kill(process.pid, signal.SIGSTOP)
        return self._doors[pair], partial(os.kill, process.pid, signal.SIGCONT)

    async def close(self) -> None:
        """Nothing is held any more."""
        for door in self._doors:
            await door.close()


@pytest.fixture
async def pairs(tmp_path: Path, fresh_dsn: str, kafka: KafkaBroker) -> AsyncIterator[ServicesApart]:
    """Two gateways and two storage processes, and the demo's facts over Kafka."""
    async with ServicesApart(tmp_path / "services", fresh_dsn, kafka, pairs=2) as services:
        facts = [json.loads(line) for line in demo_facts("/tests", "2026-11-24T10:00:00Z").splitlines()]
        await services.tell([*facts, grant("ledger", "alice", "admin")])
        await services.applied()
        await services.mint(USERS)
        yield services


async def test_any_pair_tells_what_another_has_acknowledged(pairs: ServicesApart, seed: int) -> None:
    """The same with services apart, each gateway in front of another storage process."""
    site = PairsApart(pairs)
    try:
        await Scenario(site, pairs.logins, seed).play(rounds(STEPS) // 2)
    finally:
        await site.close()
