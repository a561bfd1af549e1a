"""One copy of everything, never served damaged, repaired by pushing again."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from contracts.samples import push_blob, read_all, some_actor
from contracts.storage_faults import damage, files_below
from contracts.storage_parts import memory_stores, wired
from moorage.distribution.content import DamagedContent
from moorage.oci.byte_range import ByteRange
from moorage.oci.digest import Digest
from moorage.oci.errors import BlobUnknown
from moorage.runtime.clock import FixedClock
from moorage.storage.content import StoredContent
from moorage.storage.drivers.filesystem import FilesystemDriver

ACTOR = some_actor()
DATA = b"0123456789abcdef" * 150_000


@pytest.fixture
def content(tmp_path: Path) -> StoredContent:
    """Storage over a folder that the test can meddle with."""
    return wired(FilesystemDriver.open(tmp_path), memory_stores(), FixedClock())


@pytest.fixture
def image() -> UUID:
    """An image that holds nothing."""
    return uuid4()


def the_object(root: Path) -> Path:
    """The one file that there is."""
    (path,) = files_below(root)
    return path


async def served(body: AsyncIterator[bytes], into: bytearray) -> None:
    """Reads as a client would."""
    async for block in body:
        into += block


async def test_parallel_pushes_leave_one_copy(content: StoredContent, tmp_path: Path) -> None:
    """Of any number into any images, and nothing provisional (R91)."""
    await asyncio.gather(*(push_blob(content, uuid4(), DATA, ACTOR) for _ in range(8)))
    assert the_object(tmp_path).stat().st_size == len(DATA)


async def test_a_later_push_is_linked_to_the_copy_there_is(content: StoredContent, tmp_path: Path, image: UUID) -> None:
    """After all of it was uploaded (R70)."""
    await push_blob(content, uuid4(), DATA, ACTOR)
    before = the_object(tmp_path)
    digest = await push_blob(content, image, DATA, ACTOR)
    assert the_object(tmp_path) == before
    assert await read_all(content.read_blob(image, digest)) == DATA


@pytest.mark.parametrize("offset", [0, 1_000_000, len(DATA) - 1])
async def test_damaged_bytes_are_never_served_as_whole(
    content: StoredContent, tmp_path: Path, image: UUID, offset: int
) -> None:
    """The last block is withheld until all are found to be right (R92)."""
    digest = await push_blob(content, image, DATA, ACTOR)
    damage(the_object(tmp_path), offset)
    got = bytearray()
    with pytest.raises(DamagedContent):
        await served(content.read_blob(image, digest), got)
    assert len(got) < len(DATA)


async def test_a_small_damaged_blob_serves_nothing(content: StoredContent, tmp_path: Path, image: UUID) -> None:
    """One block is the last block."""
    digest = await push_blob(content, image, b"small", ACTOR)
    damage(the_object(tmp_path), 2)
    got = bytearray()
    with pytest.raises(DamagedContent):
        await served(content.read_blob(image, digest), got)
    assert not got


@pytest.mark.parametrize("size", [None, 0, 100])
async def test_missing_bytes_are_no_blob_and_a_push_repairs_them(
    content: StoredContent, tmp_path: Path, image: UUID, size: int | None
) -> None:
    """The backend is asked, not only a row; mounting sends the client to upload (R92, R93)."""
    digest, other = await push_blob(content, image, DATA, ACTOR), uuid4()
    path = the_object(tmp_path)
    path.unlink() if size is None else path.write_bytes(DATA[:size])
    with pytest.raises(BlobUnknown):
        await content.stat_blob(image, digest)
    with pytest.raises(BlobUnknown):
        await read_all(content.read_blob(image, digest))
    assert not await content.mount_blob(image, other, digest, ACTOR)
    await push_blob(content, other, DATA, ACTOR)
    for each in (image, other):
        assert await read_all(content.read_blob(each, digest)) == DATA
    assert the_object(tmp_path).stat().st_size == len(DATA)


async def test_an_object_that_shrinks_under_a_range_is_noticed(
    content: StoredContent, tmp_path: Path, image: UUID
) -> None:
    """A range never ends as if whole."""
    digest = await push_blob(content, image, DATA, ACTOR)
    async with aclosing(content.read_blob(image, digest, ByteRange(10, len(DATA)))) as body:
        await anext(body)
        os.truncate(the_object(tmp_path), 1_000_000)
        with pytest.raises(DamagedContent):
            await served(body, bytearray())


async def test_a_reader_outlives_the_unlinking(content: StoredContent, image: UUID) -> None:
    """What began to be served is served to its end."""
    digest = await push_blob(content, image, DATA, ACTOR)
    async with aclosing(content.read_blob(image, digest)) as body:
        got = bytearray(await anext(body))
        await content.delete_blob(image, digest)
        await served(body, got)
    assert Digest.of(bytes(got)) == digest
