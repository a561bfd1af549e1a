"""What every BlobDriver does."""

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from contracts.samples import read_all
from moorage.distribution.content import Piece
from moorage.oci.byte_range import ByteRange
from moorage.oci.errors import UploadBusy, UploadInvalid
from moorage.storage.ports import BlobDriver, ObjectMissing

LARGE = bytes(range(256)) * 4096  # 1 MiB
SPANS = [(0, 1), (0, 10), (5, 10), (9, 10), (0, 1_000_000), (300_000, 1_000_000), (1_048_575, 1_048_576)]


def ignore(_: Piece) -> None:
    """A tap that does nothing."""


async def append(driver: BlobDriver, key: UUID, *pieces: bytes) -> None:
    """Appends pieces as one block that stays."""
    async with driver.hold(key) as held:
        await held.append(pieces, ignore)
        await held.flush()


async def store(driver: BlobDriver, content: bytes) -> UUID:
    """A new object."""
    key = uuid4()
    await driver.create(key)
    async with driver.hold(key) as held:
        await held.append([content], ignore)
        await held.commit()
    return key


class BlobDriverContract:
    """Give it a `driver` that holds nothing."""

    @pytest.fixture
    def driver(self) -> BlobDriver:
        """The driver under test."""
        raise NotImplementedError

    async def test_an_unknown_key_has_nothing(self, driver: BlobDriver) -> None:
        """Nothing is said of it, nothing can be done with it, and freeing it is fine."""
        key = uuid4()
        assert await driver.received(key) is None
        assert await driver.size(key) is None
        with pytest.raises(ObjectMissing):
            async with driver.hold(key):
                pass
        with pytest.raises(ObjectMissing):
            await anext(driver.read(key))
        await driver.delete(key)

    async def test_begun_bytes_are_empty_and_no_object(self, driver: BlobDriver) -> None:
        """Provisional bytes are counted, not served."""
        key = uuid4()
        await driver.create(key)
        assert await driver.received(key) == 0
        assert await driver.size(key) is None
        with pytest.raises(ObjectMissing):
            await anext(driver.read(key))

    async def test_blocks_follow_one_another_and_the_tap_sees_them_in_order(self, driver: BlobDriver) -> None:
        """Small blocks and large ones; the offset is always what was appended."""
        key, seen = uuid4(), bytearray()
        await driver.create(key)
        async with driver.hold(key) as held:
            for block in ([b"a", b"", b"bc"], [LARGE], [b"d"]):
                before = held.size
                await held.append(block, seen.extend)
                assert held.size == before + sum(map(len, block))
            await held.flush()
        assert await driver.received(key) == len(LARGE) + 4
        assert bytes(seen) == b"abc" + LARGE + b"d"

    async def test_what_was_appended_is_read_after_the_commit(self, driver: BlobDriver) -> None:
        """Across holds, in order, and nowhere provisional any more."""
        key = uuid4()
        await driver.create(key)
        await append(driver, key, b"one ", b"two ")
        async with driver.hold(key) as held:
            await held.append([b"three"], ignore)
            await held.commit()
        assert await read_all(driver.read(key)) == b"one two three"
        assert await driver.size(key) == await driver.received(key) == 13

    async def test_an_object_may_be_empty(self, driver: BlobDriver) -> None:
        """Zero bytes are an object like others (R22)."""
        key = await store(driver, b"")
        assert await driver.size(key) == 0
        assert await read_all(driver.read(key)) == b""

    async def test_only_one_holds_an_upload(self, driver: BlobDriver) -> None:
        """The second is refused at once, others are not concerned, and afterwards it is free again (R89)."""
        key, other = uuid4(), uuid4()
        await driver.create(key)
        await driver.create(other)
        async with driver.hold(key), driver.hold(other):
            with pytest.raises(UploadBusy):
                async with driver.hold(key):
                    pass
        await append(driver, key, b"free again")

    async def test_an_upload_is_free_again_after_an_error(self, driver: BlobDriver) -> None:
        """Whatever ends the hold."""
        key = uuid4()
        await driver.create(key)
        with pytest.raises(ZeroDivisionError):
            async with driver.hold(key):
                raise ZeroDivisionError
        await append(driver, key, b"free again")

    async def test_the_end_can_be_taken_back(self, driver: BlobDriver) -> None:
        """And written anew."""
        key = uuid4()
        await driver.create(key)
        await append(driver, key, b"keep")
        async with driver.hold(key) as held:
            await held.append([b"drop"], ignore)
            await held.truncate(4)
            assert held.size == 4
            await held.append([b"!"], ignore)
            await held.commit()
        assert await read_all(driver.read(key)) == b"keep!"

    @pytest.mark.parametrize("content", [b"", b"small", LARGE * 3])
    async def test_provisional_bytes_can_be_shown_again(self, driver: BlobDriver, content: bytes) -> None:
        """All of them, also to another holder: a hash can always be computed anew (R90)."""
        key, hashed = uuid4(), hashlib.sha256()
        await driver.create(key)
        await append(driver, key, content)
        async with driver.hold(key) as held:
            await held.replay(hashed.update)
        assert hashed.digest() == hashlib.sha256(content).digest()

    async def test_committed_bytes_are_sealed(self, driver: BlobDriver) -> None:
        """They can be shown and committed again, not changed: a closing request may be repeated after a crash."""
        key = await store(driver, b"sealed")
        shown = bytearray()
        async with driver.hold(key) as held:
            assert held.is_sealed
            assert held.size == 6
            with pytest.raises(UploadInvalid):
                await held.append([b"!"], ignore)
            await held.replay(shown.extend)
            await held.commit()
        assert bytes(shown) == await read_all(driver.read(key)) == b"sealed"

    @pytest.mark.parametrize("content", [b"sealed", LARGE * 3], ids=["small", "large"])
    async def test_sealed_bytes_are_not_taken_back(self, driver: BlobDriver, content: bytes) -> None:
        """Neither by who sealed them nor by the next holder: an object stays as it was committed."""
        key = uuid4()
        await driver.create(key)
        async with driver.hold(key) as held:
            await held.append([content], ignore)
            await held.commit()
            await held.truncate(0)
            assert held.size == len(content)
        async with driver.hold(key) as held:
            await held.truncate(1)
            assert held.size == len(content)
            await held.commit()
        assert await read_all(driver.read(key)) == content

    async def test_bytes_deleted_under_a_holder_are_not_committed(self, driver: BlobDriver) -> None:
        """A cancelled upload never comes back."""
        key = uuid4()
        await driver.create(key)
        async with driver.hold(key) as held:
            await held.append([b"cancelled"], ignore)
            await driver.delete(key)
            with pytest.raises(ObjectMissing):
                await held.commit()
        assert await driver.received(key) is None
        assert await driver.size(key) is None

    async def test_deleting_frees_either_stage(self, driver: BlobDriver) -> None:
        """And may be repeated."""
        provisional, committed = uuid4(), await store(driver, b"gone")
        await driver.create(provisional)
        for key in (provisional, committed, provisional, committed):
            await driver.delete(key)
        assert await driver.received(provisional) is None
        assert await driver.size(committed) is None

    @pytest.mark.parametrize(("start", "stop"), SPANS)
    async def test_a_span_is_read_exactly(self, driver: BlobDriver, start: int, stop: int) -> None:
        """Small and large ones, at the start and at the end."""
        key = await store(driver, LARGE)
        assert await read_all(driver.read(key, ByteRange(start, stop))) == LARGE[start:stop]

    async def test_a_span_behind_the_end_is_shorter(self, driver: BlobDriver) -> None:
        """The caller counts: a truncated object must be noticed, not padded."""
        key = await store(driver, b"short")
        assert await read_all(driver.read(key, ByteRange(3, 300))) == b"rt"

    async def test_the_tap_sees_each_block_before_it_is_handed_out(self, driver: BlobDriver) -> None:
        """So that a reader can verify and hold back."""
        key, seen, read = await store(driver, LARGE * 2), bytearray(), 0
        async for block in driver.read(key, tap=seen.extend):
            read += len(block)
            assert len(seen) == read
        assert bytes(seen) == LARGE * 2

    async def test_a_reader_may_stop_early(self, driver: BlobDriver) -> None:
        """Nothing stays open; the object is whole."""
        key = await store(driver, LARGE * 2)
        reader = driver.read(key)
        first = await anext(reader)
        await reader.aclose()
        assert LARGE.startswith(first[: len(LARGE)])
        assert await read_all(driver.read(key)) == LARGE * 2

    async def test_leftovers_are_old_provisional_bytes_only(self, driver: BlobDriver) -> None:
        """Objects are never among them, and nothing is that is younger."""
        provisional = uuid4()
        await store(driver, b"object")
        await driver.create(provisional)
        await append(driver, provisional, b"left")
        future, past = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(hours=1)
        assert [key async for key in driver.leftovers(future)] == [provisional]
        assert [key async for key in driver.leftovers(past)] == []

    async def test_objects_are_listed_and_nothing_else(self, driver: BlobDriver) -> None:
        """Not what is provisional, and not what was deleted."""
        kept, deleted, provisional = await store(driver, b"kept"), await store(driver, b"deleted"), uuid4()
        await driver.create(provisional)
        await driver.delete(deleted)
        assert [key async for key in driver.objects()] == [kept]
