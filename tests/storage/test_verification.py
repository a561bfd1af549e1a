"""What is stored is read and compared with its digest: damage is found, marked, hidden, and healed by a push."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from contracts.samples import push_blob, read_all, some_actor
from contracts.storage_faults import damage, files_below
from contracts.storage_parts import memory_stores, wired
from moorage.distribution.content import DamagedContent
from moorage.oci.byte_range import ByteRange
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import BlobUnknown, Unavailable
from moorage.runtime.clock import FixedClock
from moorage.storage.damage import Damage, Extent, Progress
from moorage.storage.drivers.filesystem import FilesystemDriver
from moorage.storage.ports import ObjectUnreadable, Tap
from moorage.storage.suspects import Suspects
from moorage.storage.verification import Verification

ACTOR, IMAGE = some_actor(), uuid4()
BLOBS = [f"blob {number} ".encode() * 20_000 for number in range(6)]


class ShakyDriver(FilesystemDriver):
    """A disk that can't read some objects, or altogether, for so many times."""

    failures = 0
    failure: type[Unavailable] = ObjectUnreadable
    is_away = False
    reads = 0

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.before = dict[str, Callable[[], Awaitable[None]]]()
        """What happens once just before such a call."""

    async def size(self, key: UUID) -> int | None:
        """See BlobDriver."""
        if self.is_away:
            raise Unavailable("the disk is away")
        await self._just_before("size")
        return await super().size(key)

    async def read(
        self, key: UUID, span: ByteRange | None = None, tap: Tap | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See BlobDriver."""
        self.reads += 1
        await self._just_before("read")
        if self.failures:
            self.failures -= 1
            raise self.failure("a bad sector")
        async for block in super().read(key, span, tap):
            yield block

    async def _just_before(self, call: str) -> None:
        if call in self.before:
            await self.before.pop(call)()


class Place:
    """Storage over a folder that the test can meddle with, and its verification."""

    def __init__(self, root: Path) -> None:
        self.driver, self.stores, self.root = ShakyDriver.open(root), memory_stores(), root
        self.clock = FixedClock()
        self.verification = Verification(self.driver, self.stores.verification, self.clock, page=2)
        self.suspects = Suspects(self.verification.look_again)
        self.content = wired(self.driver, self.stores, self.clock, suspects=self.suspects)

    async def push(self, data: bytes, image: UUID = IMAGE) -> Digest:
        """A blob of the image."""
        return await push_blob(self.content, image, data, ACTOR)

    async def file(self, digest: Digest) -> Path:
        """Where its object lies."""
        stored = await self.stores.blobs.find_anywhere(digest)
        assert stored
        (path,) = self.root.glob(f"objects/*/{stored.key.hex}")
        return path

    async def found(self) -> dict[Digest, Damage]:
        """What a new pass finds."""
        await self.verification.run("test", unwatched, restart=True)
        return await self.known()

    async def known(self) -> dict[Digest, Damage]:
        """What is marked."""
        return {each.digest: each.damage async for each in self.verification.damaged()}


def unwatched(*_: object) -> None:
    """Nobody looks on."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """It holds nothing."""
    return Place(tmp_path)


async def test_sound_objects_are_counted(place: Place) -> None:
    """Of either algorithm, also an empty one; a run that is through begins anew the next time."""
    for data in (b"", *BLOBS):
        await place.push(data)
    await push_blob(place.content, IMAGE, BLOBS[0], ACTOR, DigestAlgorithm.SHA512)
    for _ in range(2):
        verified = await place.verification.run("test", unwatched)
        assert (verified.objects, verified.resumed) == (8, 0)
        assert verified.bytes == sum(map(len, BLOBS)) + len(BLOBS[0])
    assert await place.known() == {}


async def test_each_kind_of_damage_is_told(place: Place) -> None:
    """With the images that hold the blob; the sound ones are served as ever."""
    altered, missing, resized, sound = [await place.push(data) for data in BLOBS[:4]]
    damage(await place.file(altered), 7)
    (await place.file(missing)).unlink()
    (await place.file(resized)).write_bytes(b"short")
    assert await place.found() == {
        altered: Damage.ALTERED,
        missing: Damage.MISSING,
        resized: Damage.RESIZED,
    }
    assert [each.images async for each in place.verification.damaged()] == [(IMAGE,)] * 3
    for digest in (altered, missing, resized):
        with pytest.raises(BlobUnknown):
            await place.content.stat_blob(IMAGE, digest)
    assert await read_all(place.content.read_blob(IMAGE, sound)) == BLOBS[3]


async def test_altered_bytes_are_hidden_and_healed_by_a_push(place: Place) -> None:
    """For every image that holds them; mounting sends the client to upload (R92, R93)."""
    digest, other = await place.push(BLOBS[0]), uuid4()
    await place.content.mount_blob(IMAGE, other, digest, ACTOR)
    damaged = await place.file(digest)
    damage(damaged, 0)
    assert await place.found() == {digest: Damage.ALTERED}
    for look in (place.content.stat_blob(IMAGE, digest), read_all(place.content.read_blob(other, digest))):
        with pytest.raises(BlobUnknown):
            await look
    assert not await place.content.mount_blob(IMAGE, uuid4(), digest, ACTOR)
    await place.push(BLOBS[0], other)
    assert not damaged.exists()
    for image in (IMAGE, other):
        assert await read_all(place.content.read_blob(image, digest)) == BLOBS[0]
    assert await place.known() == await place.found() == {}


async def test_what_was_restored_is_whole_again(place: Place) -> None:
    """The mark is lifted by the next look; the row's digest is what counts, and never changes."""
    digest = await place.push(BLOBS[0])
    damage(await place.file(digest), 3)
    assert await place.found() == {digest: Damage.ALTERED}
    damage(await place.file(digest), 3)
    assert await place.found() == {}
    assert await read_all(place.content.read_blob(IMAGE, digest)) == BLOBS[0]


async def test_a_read_that_failed_is_looked_into(place: Place) -> None:
    """Off the request path, once however many met it; from then on the blob is one to push again (R93)."""
    digest = await place.push(BLOBS[0])
    damage(await place.file(digest), 100)
    for _ in range(3):
        with pytest.raises(DamagedContent):
            await read_all(place.content.read_blob(IMAGE, digest))
    assert await place.known() == {}
    place.driver.reads = 0
    await place.suspects.run()
    await place.suspects.run()
    assert place.driver.reads == 2
    assert await place.known() == {digest: Damage.ALTERED}
    await place.push(BLOBS[0])
    assert await read_all(place.content.read_blob(IMAGE, digest)) == BLOBS[0]


async def test_a_bad_read_is_no_damage_if_the_next_is_good(place: Place) -> None:
    """It was the cable, not the bytes."""
    digest = await place.push(BLOBS[0])
    place.driver.failures = 2
    with pytest.raises(Unavailable):
        await read_all(place.content.read_blob(IMAGE, digest))
    await place.suspects.run()
    assert await place.known() == {}
    assert (await place.content.stat_blob(IMAGE, digest)).size == len(BLOBS[0])


async def test_what_can_not_be_read_is_damaged_too(place: Place) -> None:
    """Where the disk itself notices; a push heals it."""
    digest = await place.push(BLOBS[0])
    place.driver.failures = 2
    assert await place.found() == {digest: Damage.UNREADABLE}
    with pytest.raises(BlobUnknown):
        await place.content.stat_blob(IMAGE, digest)
    await place.push(BLOBS[0])
    assert await read_all(place.content.read_blob(IMAGE, digest)) == BLOBS[0]


async def test_a_reader_that_can_not_read_judges_nothing(place: Place) -> None:
    """Without descriptors, permission or network it says nothing of the bytes, though it can tell their size."""
    digest = await place.push(BLOBS[0])
    place.driver.failure, place.driver.failures = Unavailable, 100
    with pytest.raises(Unavailable):
        await place.verification.run("test", unwatched)
    assert await place.known() == {}
    place.driver.failures = 0
    assert (await place.content.stat_blob(IMAGE, digest)).size == len(BLOBS[0])


async def test_a_backend_that_is_away_damages_nothing(place: Place) -> None:
    """The run ends with what it had, and the next one goes on."""
    await place.push(BLOBS[0])
    place.driver.is_away = True
    with pytest.raises(Unavailable):
        await place.verification.run("test", unwatched)
    assert await place.known() == {}
    place.driver.is_away = False
    assert (await place.verification.run("test", unwatched)).objects == 1


async def test_an_ended_run_is_resumed(place: Place) -> None:
    """What it found is still told, and what it had read is not read again, unless one begins anew."""
    digests = sorted([await place.push(data) for data in BLOBS], key=str)
    damage(await place.file(digests[0]), 0)

    def killed(done: Progress, read: int, extent: Extent) -> None:
        assert extent == Extent(6, sum(map(len, BLOBS)))
        if done.objects == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await place.verification.run("test", killed)
    place.driver.reads = 0
    verified = await place.verification.run("test", unwatched)
    assert (verified.objects, verified.resumed, place.driver.reads) == (6, 2, 4)
    assert await place.known() == {digests[0]: Damage.ALTERED}
    with pytest.raises(asyncio.CancelledError):
        await place.verification.run("test", killed)
    assert (await place.verification.run("test", unwatched, restart=True)).resumed == 0


async def test_runs_at_once_do_not_disturb_each_other(place: Place) -> None:
    """Nor do pushes meanwhile."""
    for data in BLOBS:
        await place.push(data)
    pushes = asyncio.gather(*(place.push(f"{number}".encode(), uuid4()) for number in range(20)))
    runs = (place.verification.run("test", unwatched, restart=number == 2) for number in range(4))
    assert all(each.objects >= len(BLOBS) for each in await asyncio.gather(*runs))
    await pushes
    assert await place.known() == {}


@pytest.mark.parametrize("call", ["size", "read"])
async def test_who_reads_while_an_object_is_replaced_gets_the_new_one(place: Place, call: str) -> None:
    """Found before the push that heals it, opened after it (R93): there was never a moment without the blob."""
    digest = await place.push(BLOBS[0])

    async def heal() -> None:
        (await place.file(digest)).unlink()
        await place.push(BLOBS[0], uuid4())

    place.driver.before[call] = heal
    assert (await place.content.stat_blob(IMAGE, digest)).size == len(BLOBS[0])
    assert await read_all(place.content.read_blob(IMAGE, digest)) == BLOBS[0]
    assert place.driver.before == {}
    place.driver.before[call] = heal
    assert await place.content.mount_blob(IMAGE, uuid4(), digest, ACTOR)
    assert await read_all(place.content.read_blob(IMAGE, digest, ByteRange(1, 3))) == BLOBS[0][1:3]
    assert place.driver.before == {}


async def test_an_object_that_was_replaced_meanwhile_is_not_marked(place: Place) -> None:
    """The judgement is of the object that was read."""
    digest = await place.push(BLOBS[0])
    (blob,) = await place.stores.verification.page("", 1)
    (await place.file(digest)).unlink()
    await place.push(BLOBS[0])
    assert not await place.stores.verification.judge(blob, Damage.ALTERED, place.clock.now())
    assert await place.found() == {}


async def test_objects_that_nobody_owns_are_told(place: Place, tmp_path: Path) -> None:
    """And left where they are; a committed upload whose session is open has an owner."""
    await place.push(BLOBS[0])
    orphan = uuid4()
    for key in (orphan, (await place.content.start_upload(IMAGE, ACTOR, DigestAlgorithm.SHA256)).id):
        if key == orphan:
            await place.driver.create(key)
        async with place.driver.hold(key) as held:
            await held.commit()
    assert [key async for key in place.verification.unowned()] == [orphan]
    assert len(files_below(tmp_path)) == 3


async def test_so_many_bytes_a_second_are_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each block is paid for with the time it is worth."""
    await place.push(BLOBS[0])
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("moorage.storage.pace.asyncio.sleep", sleep)
    await place.verification.run("test", unwatched, bytes_per_second=1000)
    assert pauses[-1] == pytest.approx(len(BLOBS[0]) / 1000)
