"""Uploads of several parts: gone on with by another process, taken back, closed at a bad moment, left behind."""

import asyncio
import hashlib
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.blob_driver import LARGE, append, ignore
from contracts.samples import read_all
from moorage.oci.errors import Unavailable, UploadBusy, UploadInvalid
from moorage.runtime.clock import SystemClock
from moorage.runtime.lifecycle import CannotStart
from moorage.storage.drivers.s3 import client
from moorage.storage.drivers.s3.bucket import Bucket
from moorage.storage.drivers.s3.client import Place
from moorage.storage.drivers.s3.driver import S3Driver
from moorage.storage.drivers.s3.opening import opened
from moorage.storage.drivers.s3.part_sizes import SMALLEST
from moorage.storage.drivers.s3.strays import Strays
from moorage.storage.memory.part_list import MemoryPartList
from moorage.storage.part_list import Hold, Part, Progress
from moorage.storage.ports import ObjectMissing
from servers.ports import free_port
from servers.seaweed import SeaweedStore

LARGEST = 50 * 2**30
DATA = random.Random(1).randbytes(2 * SMALLEST + len(LARGE))


class WeakBucket(Bucket):
    """A bucket whose store answers badly when it is told to."""

    fails_before = fails_after = takes_no_part = False

    def __init__(self, client: Any, bucket: str, prefix: str, *, has_conditions: bool) -> None:
        super().__init__(client, bucket, prefix, has_conditions=has_conditions)
        self.is_asked, self.gives_tails = asyncio.Event(), asyncio.Event()
        self.gives_tails.set()
        self.before_object: Callable[[], Awaitable[None]] | None = None

    async def put(self, name: str, body: bytes, *, only_if_absent: bool = False) -> None:
        """See Bucket."""
        if only_if_absent and self.before_object:
            meanwhile, self.before_object = self.before_object, None
            await meanwhile()
        await super().put(name, body, only_if_absent=only_if_absent)

    async def whole(self, name: str) -> bytes:
        """See Bucket."""
        self.is_asked.set()
        await self.gives_tails.wait()
        return await super().whole(name)

    async def put_part(self, name: str, upload: str, number: int, body: bytes) -> Part:
        """See Bucket."""
        if self.takes_no_part:
            raise Unavailable("the store is away")
        return await super().put_part(name, upload, number, body)

    async def complete(self, name: str, upload: str, parts: Sequence[Part]) -> None:
        """See Bucket."""
        if self.fails_before:
            raise Unavailable("the store is away")
        await super().complete(name, upload, parts)
        if self.fails_after:
            raise Unavailable("the answer is lost")


class WeakList(MemoryPartList):
    """A list whose database is away when something is to be taken back."""

    is_away = False

    async def take_back(self, hold: Hold, progress: Progress) -> None:
        """See PartList."""
        if self.is_away:
            raise Unavailable("the database is away")
        await super().take_back(hold, progress)


class Site:
    """A bucket, a part list, and the drivers of as many processes as one likes."""

    def __init__(self, s3: Any, place: Place) -> None:
        self.bucket = WeakBucket(s3, place.bucket, place.prefix, has_conditions=True)
        self.list = WeakList(SystemClock())
        self._s3, self._place = s3, place

    def process(self, lease: timedelta = timedelta(minutes=1)) -> S3Driver:
        """The driver of another process."""
        return S3Driver(self.bucket, self.list, LARGEST, lease)

    async def names(self) -> list[str]:
        """What lies in the bucket."""
        answer = await self._s3.list_objects_v2(Bucket=self._place.bucket, Prefix=self._place.prefix)
        return [each["Key"].removeprefix(self._place.prefix) for each in answer.get("Contents", [])]

    async def multiparts(self) -> list[tuple[str, str]]:
        """What the store has begun."""
        return [each async for each in self.bucket.multiparts(datetime.now(UTC) + timedelta(hours=1))]


@pytest.fixture
async def site(seaweed: SeaweedStore) -> AsyncIterator[Site]:
    """One that holds nothing."""
    place = seaweed.place()
    async with client.opened(place) as s3:
        yield Site(s3, place)


def object_name(key: UUID) -> str:
    """Where the object of a key lies."""
    return f"objects/{key.hex[:2]}/{key.hex}"


async def test_an_upload_is_gone_on_with_elsewhere_and_leaves_one_object(site: Site) -> None:
    """Parts and tail are found; nothing is copied, and nothing but the object is left."""
    key, seen = uuid4(), hashlib.sha256()
    await site.process().create(key)
    cuts = [0, 100, SMALLEST - 1, SMALLEST + 5, len(DATA)]
    for start, stop in itertools.pairwise(cuts):
        driver = site.process()
        assert await driver.received(key) == start
        await append(driver, key, DATA[start:stop])
    assert await site.process().size(key) is None
    async with site.process().hold(key) as held:
        assert held.size == len(DATA)
        await held.replay(seen.update)
        await held.commit()
    assert seen.digest() == hashlib.sha256(DATA).digest()
    assert await read_all(site.process().read(key)) == DATA
    assert (await site.names(), await site.multiparts()) == ([object_name(key)], [])
    assert await site.list.find(key) is None


async def test_bytes_can_be_taken_back_over_parts(site: Site) -> None:
    """Also what is stored already; numbers of parts are not used again."""
    key = uuid4()
    await site.process().create(key)
    await append(site.process(), key, DATA[:1000])
    async with site.process().hold(key) as held:
        await held.append([DATA[1000:][::-1]], ignore)
        await held.truncate(1000)
        await held.append([DATA[1000:]], ignore)
        await held.commit()
    assert await read_all(site.process().read(key)) == DATA


@pytest.mark.parametrize("is_away", [False, True], ids=["taken-back", "database-away"])
async def test_bytes_behind_a_part_that_failed_are_never_kept(site: Site, is_away: bool) -> None:
    """What failed is taken back; and if that fails too, nothing is told that has a hole."""
    key = uuid4()
    await site.process().create(key)
    await append(site.process(), key, DATA[:1000])
    site.bucket.takes_no_part, site.list.is_away = True, is_away
    async with site.process().hold(key) as held:
        await held.append([DATA[1000 : SMALLEST + 2000]], ignore)
        with pytest.raises(Unavailable):
            await held.flush()
        if is_away:
            with pytest.raises(Unavailable):
                await held.truncate(1000)
            with pytest.raises(Unavailable):
                await held.flush()
        else:
            await held.truncate(1000)
            await held.append([DATA[1000:2000]], ignore)
            await held.flush()
    site.bucket.takes_no_part = site.list.is_away = False
    size = await site.process().received(key)
    assert size == (1000 if is_away else 2000)
    async with site.process().hold(key) as held:
        await held.append([DATA[size:]], ignore)
        await held.commit()
    assert await read_all(site.process().read(key)) == DATA


async def test_what_was_not_flushed_goes_with_the_hold(site: Site) -> None:
    """But for whole parts, and what is counted is there."""
    key = uuid4()
    await site.process().create(key)
    async with site.process().hold(key) as held:
        await held.append([DATA[: SMALLEST + 1000]], ignore)
    size = await site.process().received(key)
    assert size in (0, SMALLEST)
    await append(site.process(), key, DATA[size:])
    async with site.process().hold(key) as held:
        await held.commit()
    assert await read_all(site.process().read(key)) == DATA


@pytest.mark.parametrize("fails", ["fails_before", "fails_after"])
async def test_a_close_that_failed_is_repeated_elsewhere(site: Site, fails: str) -> None:
    """Whether the store had heard of it or not; no byte is sent again, none is taken any more."""
    key = uuid4()
    await site.process().create(key)
    setattr(site.bucket, fails, True)
    async with site.process().hold(key) as held:
        await held.append([DATA], ignore)
        if fails == "fails_after":  # what is there decides
            await held.commit()
        else:
            with pytest.raises(Unavailable):
                await held.commit()
            await held.flush()
    setattr(site.bucket, fails, False)
    assert await site.process().received(key) == len(DATA)
    async with site.process().hold(key) as held:
        assert held.is_sealed
        with pytest.raises(UploadInvalid):
            await held.append([b"more"], ignore)
        await held.commit()
    assert await read_all(site.process().read(key)) == DATA


async def test_a_holder_that_lost_its_lease_changes_nothing(site: Site) -> None:
    """Its part, under way all the time, is none of what the other one made."""
    key, stopped = uuid4(), site.process(timedelta())
    await site.process().create(key)
    async with stopped.hold(key) as stale:
        await stale.append([DATA[: SMALLEST - 1]], ignore)
        async with site.process().hold(key) as held:
            await held.append([DATA[: SMALLEST + 1]], ignore)
            await held.flush()
            await stale.append([b"x" * SMALLEST], ignore)
            with pytest.raises(UploadBusy):
                await stale.flush()
            with pytest.raises(UploadBusy):
                await stale.commit()
            await held.append([DATA[SMALLEST + 1 :]], ignore)
            await held.commit()
        with pytest.raises(UploadBusy):
            await stale.commit()
    assert await read_all(site.process().read(key)) == DATA


async def test_a_small_object_of_a_holder_that_lost_its_lease_is_not_taken_for_another(site: Site) -> None:
    """It wrote the object in the last moment; who closes with other bytes is refused, and the object stays as it is."""
    key = uuid4()
    await site.process().create(key)
    async with site.process().hold(key) as held:
        await held.append([b"mine"], ignore)
        await site.bucket.put(site.bucket.object(key), b"yours")
        with pytest.raises(UploadBusy):
            await held.commit()
        await held.flush()
    await append(site.process(), key, b"")
    await site.bucket.put(site.bucket.object(key), b"mine")
    async with site.process().hold(key) as held:
        await held.commit()
    assert await read_all(site.process().read(key)) == b"mine"


async def test_a_holder_that_lost_its_lease_at_the_last_step_takes_nothing_away(site: Site) -> None:
    """Its object was on its way when another one went on: first of all it notices, and the other's tail stays."""
    key, stopped, shown = uuid4(), site.process(timedelta()), bytearray()

    async def gone_on_with() -> None:
        await append(site.process(), key, b"what the other one was told is kept")

    await site.process().create(key)
    async with stopped.hold(key) as stale:
        await stale.append([b"mine"], ignore)
        site.bucket.before_object = gone_on_with
        with pytest.raises(UploadBusy):
            await stale.commit()
    await site.bucket.delete(site.bucket.object(key))  # what was on its way gets there or not
    async with site.process().hold(key) as held:
        await held.replay(shown.extend)
        await held.commit()
    assert await read_all(site.process().read(key)) == bytes(shown) == b"what the other one was told is kept"


async def test_a_deleted_upload_leaves_nothing(site: Site) -> None:
    """Neither parts nor tail; and a holder that goes on brings none of it back."""
    key = uuid4()
    await site.process().create(key)
    async with site.process().hold(key) as held:
        await held.append([DATA[: SMALLEST + 10]], ignore)
        await held.flush()
        await site.process().delete(key)
        await held.append([b"more"], ignore)
        with pytest.raises(ObjectMissing):
            await held.flush()
    assert (await site.names(), await site.multiparts()) == ([], [])
    assert await site.process().received(key) is None


async def test_what_nobody_knows_is_freed_after_a_day(site: Site) -> None:
    """A multipart upload and a tail of a process that died before it noted them; those of open uploads stay."""
    known, unknown = uuid4(), uuid4()
    await site.process().create(known)
    await append(site.process(), known, DATA[: SMALLEST + 10])
    await site.bucket.begin(site.bucket.object(unknown))
    await site.bucket.put(site.bucket.tail(unknown, 1), b"stray")
    strays = Strays(site.bucket, site.list)
    await strays.free(datetime.now(UTC))
    assert len(await site.multiparts()) == len(await site.names()) == 2
    await strays.free(datetime.now(UTC) + timedelta(days=2))
    assert [name for name, _ in await site.multiparts()] == [site.bucket.object(known)]
    assert await site.names() == [f"uploads/{known.hex}/1"]
    assert await site.process().received(known) == SMALLEST + 10


async def test_a_store_without_conditions_gets_parts_only(site: Site) -> None:
    """For two small objects under one name could overwrite one another there."""
    site.bucket.has_conditions = False  # type: ignore[misc] # what another store would have answered
    for content in (b"", b"small"):
        key = uuid4()
        await site.process().create(key)
        async with site.process().hold(key) as held:
            await held.append([content], ignore)
            await held.commit()
        assert await read_all(site.process().read(key)) == content
    assert await site.multiparts() == []


async def test_a_cancelled_append_is_whole(site: Site) -> None:
    """While a part is under way: the count and the bytes agree, and the upload goes on."""
    key = uuid4()
    await site.process().create(key)
    async with site.process().hold(key) as held:
        await held.append([DATA[:SMALLEST]], ignore)
        writing = asyncio.create_task(held.append([DATA[SMALLEST : 2 * SMALLEST]], ignore))
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        await held.append([DATA[held.size :]], ignore)
        await held.commit()
    assert await read_all(site.process().read(key)) == DATA


async def test_a_cancelled_append_gives_in_when_all_is_taken(site: Site) -> None:
    """However often it is cancelled while it reads the tail: who goes on behind it leaves no hole."""
    key, hashed = uuid4(), hashlib.sha256(DATA[:1000])
    await site.process().create(key)
    await append(site.process(), key, DATA[:1000])
    async with site.process().hold(key) as held:
        site.bucket.gives_tails.clear()
        writing = asyncio.create_task(held.append([DATA[1000:2000]], hashed.update))
        await site.bucket.is_asked.wait()
        for _ in range(3):
            writing.cancel()
            await asyncio.sleep(0)
        assert not writing.done()
        site.bucket.gives_tails.set()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert held.size == 2000
        await held.append([DATA[2000:]], hashed.update)
        assert hashed.digest() == hashlib.sha256(DATA).digest()
        await held.commit()
    assert await read_all(site.process().read(key)) == DATA


async def test_bytes_that_became_an_object_to_be_hashed_are_not_taken_back(site: Site) -> None:
    """Parts can be shown only as an object: from then on nothing is taken back, and nothing added."""
    key = uuid4()
    await site.process().create(key)
    async with site.process().hold(key) as held:
        await held.append([DATA], ignore)
        await held.replay(ignore)
        await held.truncate(0)
        assert (held.is_sealed, held.size) == (True, len(DATA))
        with pytest.raises(UploadInvalid):
            await held.append([b"more"], ignore)
        await held.commit()
    assert await read_all(site.process().read(key)) == DATA


@asynccontextmanager
async def refused(place: Place) -> AsyncIterator[str]:
    """What is said when the driver of this place can't be opened."""
    async with AsyncExitStack() as stack:
        with pytest.raises(CannotStart) as raised:
            await stack.enter_async_context(opened(place, MemoryPartList(SystemClock()), LARGEST))
        yield str(raised.value)


async def test_a_bucket_that_can_not_be_used_is_told_in_words(seaweed: SeaweedStore) -> None:
    """Wrong keys, no bucket, nobody there: before anything is served."""
    place = seaweed.place()
    nobody = f"http://127.0.0.1:{free_port()}"
    for wrong, said in (
        (replace(place, access_key="nobody"), "S3 refuses the keys"),
        (replace(place, endpoint=nobody), f"S3 can't be reached at {nobody}"),
        (replace(place, bucket="nowhere"), "the bucket nowhere does not exist"),
    ):
        async with refused(wrong) as words:
            assert said in words
