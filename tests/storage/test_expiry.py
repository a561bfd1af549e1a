"""Upload sessions end when they are left, and their bytes with them (R143)."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from contracts.metadata import session_of
from contracts.samples import chunk, push_blob, read_all, some_actor
from contracts.storage_parts import MemoryStorage
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import StorageFull, Unavailable, UploadUnknown
from moorage.storage.drivers.memory import MemoryDriver
from moorage.storage.expiry import Expired, Expiry
from moorage.storage.ports import HeldUpload
from moorage.storage.upload_session import Lifetime

IMAGE, ACTOR = uuid4(), some_actor()
HOUR = timedelta(hours=1)


@pytest.fixture
def storage() -> MemoryStorage:
    """An empty one."""
    return MemoryStorage()


async def started(storage: MemoryStorage, data: bytes = b"begun") -> UUID:
    """An upload with some bytes."""
    session = await storage.content.start_upload(IMAGE, ACTOR, DigestAlgorithm.SHA256)
    await storage.content.append(IMAGE, session.id, ACTOR, chunk(data))
    return session.id


async def later(storage: MemoryStorage, by: timedelta) -> None:
    """Time passes, and expiry runs."""
    storage.clock.advance(by)
    await storage.expiry.run()


async def test_an_idle_upload_ends(storage: MemoryStorage) -> None:
    """After a day, not before."""
    session = await started(storage)
    await later(storage, 23 * HOUR)
    assert await storage.driver.received(session) == 5
    await later(storage, HOUR)
    assert await storage.driver.received(session) is None
    with pytest.raises(UploadUnknown):
        await storage.content.upload(IMAGE, session, ACTOR)


async def test_an_upload_in_use_goes_on(storage: MemoryStorage) -> None:
    """Each request counts, up to a week in all."""
    session = await started(storage)
    for _ in range(8):
        await later(storage, 20 * HOUR)
        await storage.content.append(IMAGE, session, ACTOR, chunk(b"."))
    await later(storage, 7 * HOUR)
    assert await storage.driver.received(session) == 13
    await later(storage, HOUR)
    assert await storage.driver.received(session) is None


async def test_an_upload_that_is_being_written_is_left(storage: MemoryStorage) -> None:
    """However long a chunk takes."""
    session = await started(storage)
    async with storage.driver.hold(session):
        await later(storage, 30 * HOUR)
    assert await storage.driver.received(session) == 5
    await later(storage, HOUR)
    assert await storage.driver.received(session) is None


async def test_blobs_do_not_expire(storage: MemoryStorage) -> None:
    """Only what was never finished does."""
    digest = await push_blob(storage.content, IMAGE, b"finished", ACTOR)
    await later(storage, 24 * 365 * HOUR)
    assert await read_all(storage.content.read_blob(IMAGE, digest)) == b"finished"
    assert digest == Digest.of(b"finished")


async def test_bytes_that_nobody_owns_are_freed(storage: MemoryStorage) -> None:
    """A process died before it recorded the session; the young are left, it may just be recording them."""
    orphan = uuid4()
    await storage.driver.create(orphan)
    await later(storage, timedelta(minutes=59))
    assert await storage.driver.received(orphan) == 0
    session = await started(storage)
    await later(storage, timedelta(minutes=2))
    assert await storage.driver.received(orphan) is None
    assert await storage.driver.received(session) == 5


class SlowList(MemoryDriver):
    """What it lists as left has become an object when it is looked at."""

    async def leftovers(self, before: datetime) -> AsyncGenerator[UUID, None]:
        """See BlobDriver."""
        async for key in super().leftovers(before):
            async with self.hold(key) as held:
                await held.commit()
            yield key


async def test_an_upload_that_is_closed_while_expiry_looks_is_no_leftover(storage: MemoryStorage) -> None:
    """Its session has ended, and its bytes are a blob's."""
    driver, key = SlowList(storage.clock), uuid4()
    await driver.create(key)
    storage.clock.advance(2 * HOUR)
    await Expiry(driver, storage.stores.sessions, storage.clock, Lifetime()).run()
    assert await driver.size(key) == 0


class BadKeys(MemoryDriver):
    """A place that fails for some keys, and for no others."""

    bad: frozenset[UUID] = frozenset()
    failure: type[Exception] = Unavailable

    @asynccontextmanager
    async def hold(self, key: UUID) -> AsyncIterator[HeldUpload]:
        """See BlobDriver."""
        self._meets(key)
        async with super().hold(key) as held:
            yield held

    async def delete(self, key: UUID) -> None:
        """See BlobDriver."""
        self._meets(key)
        await super().delete(key)

    def _meets(self, key: UUID) -> None:
        if key in self.bad:
            raise self.failure("a bad sector")


@pytest.fixture
def driver(storage: MemoryStorage) -> BadKeys:
    """One whose keys are all good so far."""
    return BadKeys(storage.clock)


@pytest.fixture
def expiry(storage: MemoryStorage, driver: BadKeys) -> Expiry:
    """Over that driver."""
    return Expiry(driver, storage.stores.sessions, storage.clock, Lifetime())


async def opened(storage: MemoryStorage, driver: BadKeys, count: int) -> list[UUID]:
    """So many sessions, each with a place."""
    sessions = [session_of(IMAGE, f"user:{number}", storage.clock.now()) for number in range(count)]
    for session in sessions:
        await driver.create(session.id)
        await storage.stores.sessions.open(session, 1)
    return [session.id for session in sessions]


@pytest.mark.parametrize("failure", [Unavailable, StorageFull])
async def test_one_bad_key_keeps_nothing_else(
    storage: MemoryStorage, driver: BadKeys, expiry: Expiry, failure: type[Exception]
) -> None:
    """Its session ends with the others; what lies under it, or under a leftover like it, goes when it can."""
    sessions, leftovers = await opened(storage, driver, 3), [uuid4() for _ in range(3)]
    for key in leftovers:
        await driver.create(key)
    driver.bad, driver.failure = frozenset({sessions[0], leftovers[0]}), failure
    storage.clock.advance(25 * HOUR)
    assert await expiry.run() == Expired(sessions=3, objects=4)
    assert await storage.stores.sessions.discarded(10) == [sessions[0]]
    assert await expiry.run() == Expired()
    driver.bad = frozenset()
    assert await expiry.run() == Expired(objects=2)
    assert [key async for key in driver.leftovers(storage.clock.now())] == []


async def test_what_lies_behind_a_bad_key_is_freed_in_the_same_run(
    storage: MemoryStorage, driver: BadKeys, expiry: Expiry
) -> None:
    """However many batches there are of it."""
    keys = await opened(storage, driver, 1100)
    await storage.stores.sessions.end_all(IMAGE)
    driver.bad = frozenset(keys[:1])
    assert (await expiry.run()).objects == 1099
    assert await storage.stores.sessions.discarded(10) == keys[:1]
