"""What an upload keeps when its stream, its disk or its process fails."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.samples import chunk, read_all, some_actor, stream
from contracts.storage_faults import files_below, files_of_at_most
from contracts.storage_parts import MemoryStorage, memory_stores, wired
from moorage.distribution.content import Chunk, UploadSession
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import BlobTooLarge, BlobUnknown, StorageFull, UploadBusy, UploadUnknown
from moorage.runtime.clock import FixedClock
from moorage.storage.content import StoredContent
from moorage.storage.drivers.filesystem import FilesystemDriver
from moorage.storage.uploads import UploadLimits

SHA256 = DigestAlgorithm.SHA256
IMAGE = uuid4()
ACTOR = some_actor()
DATA = random.Random(1).randbytes(3_500_000)


class HungUp(Exception):
    """The client is gone."""


async def breaking_off(*pieces: bytes) -> AsyncIterator[bytes]:
    """A body that ends in the middle."""
    for piece in pieces:
        yield piece
    raise HungUp


async def never_ending(arrived: asyncio.Event, *pieces: bytes) -> AsyncIterator[bytes]:
    """A body that brings these pieces and then nothing."""
    for piece in pieces:
        yield piece
    arrived.set()
    await asyncio.Event().wait()


def in_pieces(data: bytes, size: int) -> list[bytes]:
    """The data in pieces of `size` bytes."""
    return [data[i : i + size] for i in range(0, len(data), size)]


@pytest.fixture
def driver(tmp_path: Path) -> FilesystemDriver:
    """Bytes on a real file system."""
    return FilesystemDriver.open(tmp_path / "blobs")


@pytest.fixture
def content(driver: FilesystemDriver) -> StoredContent:
    """Storage of one process."""
    return wired(driver, memory_stores(), FixedClock())


async def started(content: StoredContent) -> UUID:
    """The id of a new upload."""
    return (await content.start_upload(IMAGE, ACTOR, SHA256)).id


async def state(content: StoredContent, session: UUID) -> UploadSession:
    """The upload as it stands."""
    return await content.upload(IMAGE, session, ACTOR)


@given(st.data())
async def test_an_upload_split_in_any_way_is_the_same_blob(data: st.DataObject) -> None:
    """Any chunks, any pieces, any processes in turn; the last part in the closing request or before."""
    storage = MemoryStorage()
    processes = [storage.content, wired(storage.driver, storage.stores, storage.clock)]
    pieces = data.draw(st.lists(st.lists(st.binary(max_size=40), max_size=4), max_size=5))
    whole = b"".join(b"".join(piece) for piece in pieces)
    session = await started(storage.content)
    for piece in pieces[:-1]:
        await data.draw(st.sampled_from(processes)).append(IMAGE, session, ACTOR, chunk(*piece))
    last = chunk(*pieces[-1]) if pieces else None
    closing = data.draw(st.sampled_from(processes))
    await closing.finish_upload(IMAGE, session, ACTOR, Digest.of(whole), last)
    assert await read_all(storage.content.read_blob(IMAGE, Digest.of(whole))) == whole


@pytest.mark.parametrize("size", [1000, 65_536, 300_000, 2_000_000])
async def test_what_arrived_before_a_stream_broke_off_is_kept(content: StoredContent, size: int) -> None:
    """And counted; the upload goes on from there and its exception goes to who reads the stream (R89)."""
    session = await started(content)
    with pytest.raises(HungUp):
        await content.append(IMAGE, session, ACTOR, Chunk(breaking_off(*in_pieces(DATA, size)[:-1])))
    offset = (await state(content, session)).offset
    assert offset == sum(map(len, in_pieces(DATA, size)[:-1]))
    await content.finish_upload(IMAGE, session, ACTOR, Digest.of(DATA), chunk(DATA[offset:]))
    assert await read_all(content.read_blob(IMAGE, Digest.of(DATA))) == DATA


@pytest.mark.parametrize("size", [1000, 65_536, 1_200_000])
async def test_what_arrived_before_a_cancellation_is_kept(content: StoredContent, size: int) -> None:
    """Nothing is written later, the lock is free, and the hash fits the bytes."""
    session, arrived, pieces = await started(content), asyncio.Event(), in_pieces(DATA, size)
    body = never_ending(arrived, *pieces[:2])
    writing = asyncio.create_task(content.append(IMAGE, session, ACTOR, Chunk(body)))
    await arrived.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    offset = (await state(content, session)).offset
    assert offset == sum(map(len, pieces[:2]))
    await content.finish_upload(IMAGE, session, ACTOR, Digest.of(DATA), chunk(DATA[offset:]))


async def test_a_second_writer_is_refused(content: StoredContent) -> None:
    """One wins, the other is told at once; nothing interleaves (R89)."""
    session, arrived = await started(content), asyncio.Event()
    writing = asyncio.create_task(content.append(IMAGE, session, ACTOR, Chunk(never_ending(arrived, b"first"))))
    await arrived.wait()
    with pytest.raises(UploadBusy):
        await content.append(IMAGE, session, ACTOR, chunk(b"second"))
    with pytest.raises(UploadBusy):
        await content.finish_upload(IMAGE, session, ACTOR, Digest.of(b"first"))
    writing.cancel()
    await asyncio.wait([writing])
    await content.finish_upload(IMAGE, session, ACTOR, Digest.of(b"first"))


async def test_an_upload_cancelled_under_its_writer_never_becomes_a_blob(
    content: StoredContent, tmp_path: Path
) -> None:
    """The writer learns it at the close, and no byte is left."""
    session, arrived, go_on = await started(content), asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"some"
        arrived.set()
        await go_on.wait()
        yield b"thing"

    closing = asyncio.create_task(content.finish_upload(IMAGE, session, ACTOR, Digest.of(b"something"), Chunk(body())))
    await arrived.wait()
    await content.cancel_upload(IMAGE, session, ACTOR)
    go_on.set()
    with pytest.raises(UploadUnknown):
        await closing
    with pytest.raises(BlobUnknown):
        await content.stat_blob(IMAGE, Digest.of(b"something"))
    assert files_below(tmp_path) == []


@pytest.mark.parametrize("size", [1000, 65_536, 2_000_000])
async def test_a_full_disk_gives_a_chunk_back(content: StoredContent, driver: FilesystemDriver, size: int) -> None:
    """The upload stands where it stood, its space is returned, and it can go on later (R86)."""
    session = await started(content)
    await content.append(IMAGE, session, ACTOR, chunk(DATA[:5000]))
    with files_of_at_most(2_500_000), pytest.raises(StorageFull):
        await content.append(IMAGE, session, ACTOR, chunk(*in_pieces(DATA[5000:], size)))
    assert (await state(content, session)).offset == await driver.received(session) == 5000
    await content.finish_upload(IMAGE, session, ACTOR, Digest.of(DATA), chunk(DATA[5000:]))
    assert await read_all(content.read_blob(IMAGE, Digest.of(DATA))) == DATA


async def test_a_blob_grows_no_further_than_the_limit() -> None:
    """Announced or not; the chunk is given back, the session stays."""
    content = MemoryStorage(limits=UploadLimits(max_blob_bytes=10)).content
    session = await started(content)
    await content.append(IMAGE, session, ACTOR, chunk(b"12345678"))
    for body in (chunk(b"90", b"1"), Chunk(stream(b""), length=3)):
        with pytest.raises(BlobTooLarge):
            await content.append(IMAGE, session, ACTOR, body)
    assert (await state(content, session)).offset == 8
    await content.finish_upload(IMAGE, session, ACTOR, Digest.of(b"1234567890"), chunk(b"90"))


async def test_another_process_goes_on_with_an_upload(driver: FilesystemDriver) -> None:
    """It has no running hash, so it reads the bytes again at the close (R88, R90)."""
    stores, clock = memory_stores(), FixedClock()
    first, second = wired(driver, stores, clock), wired(driver, stores, clock)
    session = await started(first)
    await first.append(IMAGE, session, ACTOR, chunk(DATA[:1_000_000]))
    await second.append(IMAGE, session, ACTOR, chunk(DATA[1_000_000:2_000_000]))
    await first.append(IMAGE, session, ACTOR, chunk(DATA[2_000_000:]))
    await second.finish_upload(IMAGE, session, ACTOR, Digest.of(DATA))
    assert await read_all(first.read_blob(IMAGE, Digest.of(DATA))) == DATA
