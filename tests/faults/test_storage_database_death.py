"""PostgreSQL is killed between bytes and row of a closing request: nothing is claimed, nothing is lost (R84, R87)."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from contracts.storage_faults import files_below
from contracts.wire_client import WireRegistry
from faults.storage_process import StorageProcess
from faults.strace import delaying, traced
from faults.waiting import until, until_true
from moorage.oci.digest import Digest
from servers.postgres import PostgresForTests

pytestmark = pytest.mark.timeout(300)

LONGER_THAN_IT_TAKES = 60.0
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'moorage storage'"


@pytest.fixture
async def process(durable_postgres: PostgresForTests, tmp_path: Path) -> AsyncIterator[StorageProcess]:
    """A storage service on a database that keeps what it has acknowledged."""
    process = StorageProcess(tmp_path / "storage", await durable_postgres.fresh_database())
    await process.start()
    yield process
    await process.kill()


async def kill_database(postgres: PostgresForTests, who: str) -> None:
    """SIGKILL to the postmaster or to one that serves storage, after which it ends all the others; until it is so."""
    connection = await asyncpg.connect(postgres.server.dsn)
    pids = [row["pid"] for row in await connection.fetch(BACKENDS)]
    os.kill(postgres.server.pid if who == "postmaster" else pids[0], signal.SIGKILL)
    await until_true(connection.is_closed)
    await until_true(lambda: not any(_is_alive(pid) for pid in pids))


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_database_that_dies_between_bytes_and_row(
    process: StorageProcess, durable_postgres: PostgresForTests, tmp_path: Path
) -> None:
    """The close is refused, the upload stands with all its bytes, and can be closed as soon as there is a database."""
    watching = asyncio.create_task(durable_postgres.server.watch())
    try:
        async with process.gateway() as registry:
            for number, who in enumerate(("postmaster", "backend")):
                data = random.Random(number).randbytes(900_000)
                location = await registry.start()
                # Sessions commit without waiting for the disk; a blob's commit takes this one along to it.
                await registry.push_blob(b"small")
                assert (await registry.ask("PATCH", location, data=data[:400_000])).status == 202
                delay = delaying("rename", LONGER_THAN_IT_TAKES)
                async with traced(process.pid, tmp_path / "trace", ["rename"], *delay):
                    close = f"{location}?digest={Digest.of(data)}"
                    closing = asyncio.create_task(registry.ask("PUT", close, data=data[400_000:]))
                    await until_true(_committed(process, location).exists)
                    await kill_database(durable_postgres, who)
                answer = await closing
                assert (answer.status, answer.code) == (503, "UNAVAILABLE"), answer.body
                assert int(answer.headers["Retry-After"]) > 0
                await goes_on(registry, location, data)
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    assert len(files_below(process.data)) == 3
    assert "nobody foresaw" not in process.log


def _committed(process: StorageProcess, location: str) -> Path:
    key = UUID(location.rpartition("/")[2]).hex
    return process.data / "objects" / key[:2] / key


async def goes_on(registry: WireRegistry, location: str, data: bytes) -> None:
    """All bytes are there, and are a blob when the client says again that they are all."""
    await until(lambda: _answers(registry, location))
    blob = registry.at(f"blobs/{Digest.of(data)}")
    assert (await registry.ask("HEAD", blob)).status == 404
    assert (await registry.ask("GET", location)).headers["Range"] == f"0-{len(data) - 1}"
    assert (await registry.ask("PUT", f"{location}?digest={Digest.of(data)}")).status == 201
    assert (await registry.ask("GET", blob)).body == data


async def _answers(registry: WireRegistry, location: str) -> bool:
    answer = await registry.ask("GET", location)
    assert answer.status in (204, 503), answer
    return answer.status == 204
