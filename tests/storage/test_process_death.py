"""A storage process is killed in the middle of its work; another one goes on (R87, R88)."""

import asyncio
import hashlib
import itertools
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from contracts.samples import read_all
from contracts.storage_faults import files_below
from moorage.distribution.content import Actor
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.storage.app import Storage
from moorage.storage.settings import StorageSettings

PROGRAM = Path(__file__).parent / "pushing_process.py"
IMAGE = uuid4()
ACTOR = Actor(f"user:{uuid4()}", 1)


@asynccontextmanager
async def pushing(what: str, settings: StorageSettings, session: UUID) -> AsyncIterator[asyncio.StreamReader]:
    """The lines of a pushing process; it is killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        PROGRAM,
        what,
        settings.database_url.get_secret_value(),
        settings.data_folder,
        str(IMAGE),
        ACTOR.principal,
        str(session),
        stdout=subprocess.PIPE,
        limit=2**20,
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.kill()
        await process.wait()


async def told(lines: asyncio.StreamReader, count: int) -> list[str]:
    """The next lines."""
    return [(await lines.readline()).decode().strip() for _ in range(count)]


@pytest.mark.parametrize("chunks", [1, 7, 60])
async def test_no_acknowledged_chunk_is_lost(storage: Storage, storage_settings: StorageSettings, chunks: int) -> None:
    """What lies beyond the last acknowledged offset is the start of what was being sent, and the upload goes on."""
    session = (await storage.content.start_upload(IMAGE, ACTOR, DigestAlgorithm.SHA256)).id
    async with pushing("append", storage_settings, session) as lines:
        acknowledged = await told(lines, chunks)
    acknowledged += (await lines.read()).decode().split()
    state = await storage.content.upload(IMAGE, session, ACTOR)
    assert state.offset >= int(acknowledged[-1])
    sent = hashlib.sha256()
    left = state.offset
    for number in itertools.count():
        piece = (bytes([number % 256]) * 50_000 * (1 + number % 40))[:left]
        sent.update(piece)
        left -= len(piece)
        if not left:
            break
    digest = Digest(DigestAlgorithm.SHA256, sent.hexdigest())
    await storage.content.finish_upload(IMAGE, session, ACTOR, digest)
    assert (await storage.content.stat_blob(IMAGE, digest)).size == state.offset


@pytest.mark.parametrize("blobs", [1, 10, 100])
async def test_each_blob_is_whole_or_absent(storage: Storage, storage_settings: StorageSettings, blobs: int) -> None:
    """Acknowledged ones are whole; whatever else there is as a file belongs to a session that expiry ends."""
    async with pushing("push", storage_settings, uuid4()) as lines:
        acknowledged = await told(lines, blobs)
    acknowledged += (await lines.read()).decode().split()
    for text in acknowledged:
        digest = Digest.parse(text)
        assert Digest.of(await read_all(storage.content.read_blob(IMAGE, digest))) == digest
    # Each of the four lanes may have died in the middle of one blob.
    assert len(acknowledged) <= len(files_below(storage_settings.data_folder)) <= len(acknowledged) + 8
