"""Storage processes over one bucket: killed and stopped in the middle of their work, and others go on (R87 to R89)."""

import asyncio
import hashlib
import itertools
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from contracts.samples import chunk, read_all
from moorage.distribution.content import Actor, Chunk
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.storage.app import Storage, open_storage
from moorage.storage.settings import StorageSettings
from servers.process import tied_to_us
from servers.seaweed import SeaweedStore

PROGRAM = Path(__file__).parent / "pushing_process.py"
IMAGE = uuid4()
ACTOR = Actor(f"user:{uuid4()}", 1)


@pytest.fixture
def environment(seaweed: SeaweedStore, storage_dsn: str) -> dict[str, str]:
    """What a storage process over the bucket is told."""
    return {**seaweed.environment(), "MOORAGE_STORAGE_DATABASE_URL": storage_dsn}


@pytest.fixture
async def storage(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Storage]:
    """Storage as `app` wires it for these settings."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    async with open_storage(StorageSettings()) as storage:
        yield storage


@asynccontextmanager
async def pushing(
    what: str, environment: Mapping[str, str], session: UUID
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A pushing process; it is killed at the end."""
    dsn = environment["MOORAGE_STORAGE_DATABASE_URL"]
    process = await asyncio.create_subprocess_exec(
        *tied_to_us([sys.executable, str(PROGRAM), what, dsn, "", str(IMAGE), ACTOR.principal, str(session)]),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        limit=2**20,
        env={**os.environ, **environment},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def told(process: Process, count: int) -> list[str]:
    """The next lines."""
    assert process.stdout
    return [(await process.stdout.readline()).decode().strip() for _ in range(count)]


async def time_passes(dsn: str) -> None:
    """All leases end."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("UPDATE storage.part_list SET held_until = '-infinity'")
    await connection.close()


def sent(size: int) -> bytes:
    """The first bytes that a process which appends sends."""
    data = bytearray()
    for number in itertools.count():
        data += bytes([number % 256]) * 50_000 * (1 + number % 40)
        if len(data) >= size:
            return bytes(data[:size])
    raise AssertionError


@pytest.mark.parametrize("chunks", [1, 22])
async def test_an_upload_goes_on_where_a_killed_process_left_it(
    storage: Storage, environment: dict[str, str], chunks: int
) -> None:
    """At the offset that is reported, which is not below the last acknowledged one."""
    session = (await storage.content.start_upload(IMAGE, ACTOR, DigestAlgorithm.SHA256)).id
    async with pushing("append", environment, session) as process:
        acknowledged = await told(process, chunks)
        process.kill()
        assert process.stdout
        acknowledged += (await process.stdout.read()).decode().split()
    await time_passes(environment["MOORAGE_STORAGE_DATABASE_URL"])
    offset = (await storage.content.upload(IMAGE, session, ACTOR)).offset
    assert offset >= int(acknowledged[-1])
    data = sent(offset) + b"and the rest"
    await storage.content.append(IMAGE, session, ACTOR, chunk(b"and the rest"))
    await storage.content.finish_upload(IMAGE, session, ACTOR, Digest.of(data))
    assert await read_all(storage.content.read_blob(IMAGE, Digest.of(data))) == data


async def test_a_stopped_process_never_writes_between(storage: Storage, environment: dict[str, str]) -> None:
    """It is continued while another has the upload, is refused, and no byte of it is among those of the other (R89)."""
    session = (await storage.content.start_upload(IMAGE, ACTOR, DigestAlgorithm.SHA256)).id
    async with pushing("append", environment, session) as process:
        await told(process, 9)
        process.send_signal(signal.SIGSTOP)
        await time_passes(environment["MOORAGE_STORAGE_DATABASE_URL"])
        offset = (await storage.content.upload(IMAGE, session, ACTOR)).offset
        digest = Digest(DigestAlgorithm.SHA256, hashlib.sha256(sent(offset) + b"ours" * 5_000_000).hexdigest())

        async def body() -> AsyncIterator[bytes]:
            for number in range(50):
                if number == 25:
                    process.send_signal(signal.SIGCONT)
                    await process.wait()
                yield b"ours" * 100_000

        opened = await storage.content.append(IMAGE, session, ACTOR, chunk())
        assert opened.offset == offset
        await storage.content.finish_upload(IMAGE, session, ACTOR, digest, Chunk(body()))
        assert process.returncode != 0
    assert Digest.of(await read_all(storage.content.read_blob(IMAGE, digest))) == digest


async def test_each_blob_of_a_killed_process_is_whole_or_absent(storage: Storage, environment: dict[str, str]) -> None:
    """Acknowledged ones are whole."""
    async with pushing("push", environment, uuid4()) as process:
        acknowledged = await told(process, 12)
        process.kill()
        assert process.stdout
        acknowledged += (await process.stdout.read()).decode().split()
    for text in acknowledged:
        digest = Digest.parse(text)
        assert Digest.of(await read_all(storage.content.read_blob(IMAGE, digest))) == digest


async def test_a_large_blob_passes_in_constant_memory(environment: dict[str, str]) -> None:
    """Two parts of 8 MiB are held at once, however many pass; the allocator may keep a few more."""
    program = str(PROGRAM.with_name("large_upload.py"))
    process = await asyncio.create_subprocess_exec(
        *tied_to_us([sys.executable, program, "160"]), stdout=subprocess.PIPE, env={**os.environ, **environment}
    )
    grown = int((await process.communicate())[0])
    assert process.returncode == 0
    assert grown <= 32 * 2**20
