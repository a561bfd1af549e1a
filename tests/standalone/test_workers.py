"""`moorage serve --workers N`: processes behind one port, kept running, and ended with the one that started them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from aiohttp import encode_basic_auth
from prometheus_client import CollectorRegistry

from faults.waiting import until, until_true
from moorage.access.sync_wire import FleetAnswer, FleetReport
from moorage.runtime import private_file
from moorage.standalone.errors import WorkersFailed
from moorage.standalone.restarts import Restarts
from moorage.standalone.workers import Workers
from servers.doors import WorkerDoors, WorkerLog
from servers.registry import StandaloneRegistry
from standalone.test_worker_parts import ORDERS

pytestmark = pytest.mark.timeout(300)

WORKERS = 2
PIECE = bytes(4 * 2**20)


@pytest.fixture
def registry(tmp_path: Path) -> StandaloneRegistry:
    """Not started yet."""
    return StandaloneRegistry(tmp_path, "--log-level", "info", workers=WORKERS)


@pytest.fixture
async def doors(registry: StandaloneRegistry) -> AsyncIterator[WorkerDoors]:
    """A way to each worker of the registry, which is started."""
    async with registry:
        ways = WorkerDoors(registry.url, WorkerLog(registry.log), WORKERS)
        await ways.cover()
        yield ways
        await ways.close()


async def told(registry: StandaloneRegistry, path: str) -> tuple[int, str]:
    """What the internal listener says."""
    internal = private_file.read(registry.data / "internal.json")["url"]
    async with aiohttp.ClientSession() as session, session.get(internal + path) as answer:
        return answer.status, await answer.text()


async def ready(registry: StandaloneRegistry) -> bool:
    """Whether the whole is."""
    return (await told(registry, "/readyz"))[0] == 200


def what_others_see(pid: int) -> bytes:
    """A process's arguments and environment."""
    return Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()


def running(pid: int) -> bool:
    """Whether the process has not ended; one that nobody has waited for yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_workers_share_what_one_process_has(registry: StandaloneRegistry, doors: WorkerDoors) -> None:
    """Readiness and numbers of all, no secret where others see it, ten failed logins in all, and a death is healed."""
    log = WorkerLog(registry.log)
    await until(partial(ready, registry))
    numbers = (await told(registry, "/metrics"))[1]
    for number in range(1, WORKERS + 1):
        assert f'process_resident_memory_bytes{{worker="{number}"}}' in numbers
    assert numbers.count("# TYPE moorage_http_request_seconds histogram") == 1
    for pid in [registry.pid, *log.pids.values()]:
        seen = what_others_see(pid)
        assert b"postgresql://" not in seen
        assert b"token" not in seen.lower()

    wrong, each = encode_basic_auth("mallory", "wrong"), list(doors.open.values())
    statuses = [(await each[turn % WORKERS].ask("GET", "/token", wrong)).status for turn in range(12)]
    assert statuses == [401] * 10 + [429] * 2

    killed, pid = 2, log.pids[2]
    os.kill(pid, signal.SIGKILL)
    await doors.forget(killed)
    assert {(await door.ask("GET", "/v2/")).status for door in doors.open.values()} == {401}
    assert await ready(registry)
    created = await registry.command("image", "create", "acme/hello/tool", "--repository", "hello", user="alice")
    assert created.succeeded, created
    await doors.cover()
    assert log.pids[killed] != pid
    assert "moorage_worker_ends_total 1.0" in (await told(registry, "/metrics"))[1]


async def test_what_is_in_flight_is_finished_and_all_end(registry: StandaloneRegistry, doors: WorkerDoors) -> None:
    """SIGTERM to the parent: an upload that began before goes on, nothing new is accepted, nobody is left (R160)."""
    pids = list(WorkerLog(registry.log).pids.values())
    login, may_end = registry.logins["alice"], asyncio.Event()
    auth, door = encode_basic_auth(login.username, login.token), doors.open[1]

    async def body() -> AsyncIterator[bytes]:
        yield PIECE
        await may_end.wait()
        yield PIECE

    opened = await door.ask("POST", "/v2/acme/hello/tool/blobs/uploads/", auth)
    octets = {"Content-Type": "application/octet-stream"}
    upload = asyncio.create_task(door.ask("PATCH", opened.headers["Location"], auth, headers=octets, data=body()))
    await until_true(partial(has_arrived, registry.data / "blobs"))
    os.kill(registry.pid, signal.SIGTERM)
    await until(partial(refused, registry))
    assert not upload.done()
    may_end.set()
    assert (await upload).status == 202
    await until_true(lambda: not any(map(running, [registry.pid, *pids])))
    assert b"Traceback" not in registry.log.read_bytes()


def has_arrived(folder: Path) -> bool:
    """Whether bytes of an upload are on disk."""
    return any(path.is_file() and path.stat().st_size >= len(PIECE) // 2 for path in folder.rglob("*"))


async def refused(registry: StandaloneRegistry) -> bool:
    """Whether nobody listens on the public port."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=1)) as session:
        try:
            async with session.get(f"{registry.url}/v2/"):
                return False
        except aiohttp.ClientConnectorError:
            return True
        except (aiohttp.ClientError, TimeoutError):
            return False


async def test_nobody_outlives_the_parent(registry: StandaloneRegistry, doors: WorkerDoors) -> None:
    """`kill -9` of the parent alone; a new start finds folder and port free, and waits for none of the dead."""
    pids = list(WorkerLog(registry.log).pids.values())
    os.kill(pids[0], signal.SIGSTOP)
    await registry.kill()  # its process group, and workers are in others
    await until_true(lambda: not any(map(running, pids)))
    await registry.start()
    await until(partial(ready, registry))
    created = await registry.command("image", "create", "acme/hello/new", "--repository", "hello", user="alice")
    assert created.succeeded, created


class NoFleet:
    """Nobody was known there."""

    async def report(self, report: FleetReport) -> FleetAnswer:
        """See Fleet."""
        return FleetAnswer(head=report.applied)


async def test_a_worker_that_never_stays_up_ends_the_whole() -> None:
    """With its number and the reason, after so many tries."""
    with os.fdopen(os.open(os.devnull, os.O_RDONLY)) as nothing:
        orders = replace(ORDERS, public=nothing.fileno(), lock=nothing.fileno())
        workers = Workers(1, lambda _: orders, NoFleet(), 1.0, CollectorRegistry(), partial(Restarts, 2))
        async with workers:
            assert await workers.health.missing()
            with pytest.raises(WorkersFailed, match=r"Worker 1 does not stay up.*status 3"):
                await workers.until(workers.all_serve())


async def test_a_registry_that_serves_itself_has_none() -> None:
    """Nobody is waited for, at the start and at the end."""
    async with Workers(0, lambda _: ORDERS, NoFleet(), 1.0, CollectorRegistry()) as workers:
        await workers.until(workers.all_serve())
        assert await workers.answers("/metrics") == {}
