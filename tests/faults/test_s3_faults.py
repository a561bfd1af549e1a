"""A store that answers badly, and one that dies: nothing acknowledged is lost, nothing wrong is served."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from contracts.metadata import Stores
from contracts.samples import chunk, push_blob, read_all, some_actor
from contracts.storage_parts import memory_stores, wired
from faults.s3_proxy import Fault, faulty_s3
from moorage.distribution.content import Chunk, Content, DamagedContent
from moorage.oci.byte_range import ByteRange
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import ChunkOutOfOrder, Unavailable, UploadBusy, UploadInvalid, UploadUnknown
from moorage.runtime.clock import FixedClock, SystemClock
from moorage.storage.drivers.s3.client import Place
from moorage.storage.drivers.s3.opening import opened
from moorage.storage.drivers.s3.part_sizes import SMALLEST
from moorage.storage.memory.part_list import MemoryPartList
from servers.seaweed import SeaweedStore

IMAGE, ACTOR = uuid4(), some_actor()
PASSING = (Unavailable, DamagedContent, UploadBusy, ChunkOutOfOrder)
ENDED = (UploadUnknown, UploadInvalid)
FAULTS = 200
LANES = 24


@asynccontextmanager
async def content_on(place: Place, stores: Stores, silence_seconds: float = 5) -> AsyncIterator[Content]:
    """Content as storage wires it, over a bucket and stores that do not fail."""
    async with opened(place, MemoryPartList(SystemClock()), 2**40, silence_seconds=silence_seconds) as driver:
        yield wired(driver, stores, FixedClock())


async def push(content: Content, data: bytes, cut: int) -> Digest:
    """Uploads in two chunks and a close, asking for the offset after each failure. Raises ENDED."""
    digest = Digest.of(data)
    opened = await content.start_upload(IMAGE, ACTOR, DigestAlgorithm.SHA256)
    acknowledged = 0
    while True:
        try:
            offset = (await content.upload(IMAGE, opened.id, ACTOR)).offset
            assert offset >= acknowledged
            if offset < cut:
                told = Chunk(one(data[offset:cut]), ByteRange(offset, cut))
                acknowledged = (await content.append(IMAGE, opened.id, ACTOR, told)).offset
                assert acknowledged == cut
                offset = cut
            last = chunk(data[offset:]) if offset < len(data) else None
            await content.finish_upload(IMAGE, opened.id, ACTOR, digest, last)
            return digest
        except PASSING:
            continue


async def one(piece: bytes) -> AsyncIterator[bytes]:
    """A body."""
    yield piece


async def test_two_hundred_bad_answers_lose_nothing_and_serve_nothing_wrong(seaweed: SeaweedStore) -> None:
    """Every kind of them, on small blobs and on such of several parts; what is read is right, or its end is missed."""
    dice, stored = random.Random(7), dict[Digest, bytes]()
    async with faulty_s3(seaweed.port, seed=7) as proxy:
        place = seaweed.place(proxy.port)
        async with content_on(place, memory_stores(), silence_seconds=1) as content:
            proxy.rate = 0.25

            async def lane(number: int) -> None:
                while sum(proxy.faults.values()) < FAULTS:
                    size = SMALLEST + dice.randrange(2**20) if number == 0 else dice.randrange(50_000)
                    data = dice.randbytes(size)
                    try:
                        digest = await push(content, data, size // 2)
                    except ENDED:
                        continue
                    stored[digest] = data
                    await read_or_miss(content, digest, data)

            async with asyncio.TaskGroup() as lanes:
                for number in range(LANES):
                    lanes.create_task(lane(number))
            proxy.rate = 0
            assert set(proxy.faults) >= set(Fault) - {Fault.DONE_ERROR_IN_200, Fault.ERROR_IN_200}
            assert stored
            for digest, data in stored.items():
                assert await read_all(content.read_blob(IMAGE, digest)) == data


async def read_or_miss(content: Content, digest: Digest, data: bytes) -> None:
    """Reads what was acknowledged: all of it, or a part and an error, never anything else."""
    seen = bytearray()
    try:
        async for block in content.read_blob(IMAGE, digest):
            seen += block
        assert bytes(seen) == data
    except PASSING:
        assert data.startswith(seen)


@pytest.mark.parametrize("fault", [Fault.ERROR_IN_200, Fault.DONE_ERROR_IN_200])
async def test_a_completion_that_fails_inside_a_200_is_no_success(fault: Fault, seaweed: SeaweedStore) -> None:
    """Tried again where it was not done, found where it was."""
    data = random.Random(3).randbytes(SMALLEST + 1)
    async with (
        faulty_s3(seaweed.port, seed=1) as proxy,
        content_on(seaweed.place(proxy.port), memory_stores()) as content,
    ):
        proxy.next_completions = [fault]
        digest = await push_blob(content, IMAGE, data, ACTOR)
        assert proxy.faults == {fault: 1}
        assert await read_all(content.read_blob(IMAGE, digest)) == data


async def test_what_a_killed_store_acknowledged_is_there_when_it_is_started_again(tmp_path: Path) -> None:
    """Small blobs, and the parts of an upload that goes on."""
    store = SeaweedStore(tmp_path)
    await store.start()
    try:
        await store.make_bucket()
        async with content_on(store.place(), memory_stores()) as content:
            data = [number.to_bytes(2) * 5000 for number in range(20)]
            digests = [await push_blob(content, IMAGE, each, ACTOR) for each in data]
            large = random.Random(5).randbytes(SMALLEST + 100_000)
            upload = await content.start_upload(IMAGE, ACTOR, DigestAlgorithm.SHA256)
            await content.append(IMAGE, upload.id, ACTOR, chunk(large[:-5]))
            await store.kill()
            await store.start()
            assert (await content.upload(IMAGE, upload.id, ACTOR)).offset == len(large) - 5
            await content.finish_upload(IMAGE, upload.id, ACTOR, Digest.of(large), chunk(large[-5:]))
            for digest, each in zip([*digests, Digest.of(large)], [*data, large], strict=True):
                assert await read_all(content.read_blob(IMAGE, digest)) == each
    finally:
        await store.kill()
