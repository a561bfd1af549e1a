"""What every PartList does."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from moorage.oci.errors import UploadBusy
from moorage.storage.part_list import Hold, Part, PartList, Progress, Tail
from moorage.storage.ports import ObjectMissing

LONG, OVER = timedelta(minutes=1), timedelta(seconds=-1)
FIRST, SECOND = Part(1, '"one"', 100), Part(3, '"three"', 50)


async def held(part_list: PartList, key: UUID, lease: timedelta = LONG) -> Hold:
    """A hold of bytes that are provisional."""
    acquired = await part_list.acquire(key, lease)
    assert acquired
    return acquired[0]


async def found(part_list: PartList, key: UUID) -> Progress:
    """The progress of bytes that are provisional."""
    progress = await part_list.find(key)
    assert progress
    return progress


class PartListContract:
    """Give it a `part_list` that knows nothing."""

    @pytest.fixture
    def part_list(self) -> PartList:
        """The list under test."""
        raise NotImplementedError

    @pytest.fixture
    async def key(self, part_list: PartList) -> UUID:
        """The key of bytes that were begun."""
        key = uuid4()
        await part_list.begin(key)
        return key

    async def test_nothing_is_known_of_an_unknown_key(self, part_list: PartList) -> None:
        """It can neither be held nor seized."""
        key = uuid4()
        assert await part_list.find(key) is None
        assert await part_list.acquire(key, LONG) is None
        assert await part_list.seize(key) is None
        await part_list.forget(key)

    async def test_progress_is_what_was_noted(self, part_list: PartList, key: UUID) -> None:
        """A part takes the tail's place; the next holder learns of everything."""
        assert await part_list.find(key) == Progress()
        hold = await held(part_list, key)
        await part_list.begin_multipart(hold, "upload-1")
        await part_list.set_tail(hold, Tail(await part_list.number_tail(hold), 7))
        assert (await found(part_list, key)).size == 7
        await part_list.add_part(hold, FIRST)
        await part_list.add_part(hold, SECOND)
        await part_list.set_tail(hold, Tail(await part_list.number_tail(hold), 5))
        await part_list.release(hold)
        expected = Progress("upload-1", (FIRST, SECOND), Tail(2, 5), 2)
        assert await part_list.find(key) == expected
        acquired = await part_list.acquire(key, LONG)
        assert acquired
        assert acquired[1] == expected
        assert expected.size == 155

    async def test_numbers_are_given_out_once(self, part_list: PartList, key: UUID) -> None:
        """Whoever holds the bytes."""
        first = await held(part_list, key)
        numbers = [await part_list.number_part(first) for _ in range(3)]
        await part_list.release(first)
        second = await held(part_list, key)
        assert [*numbers, await part_list.number_part(second)] == [1, 2, 3, 4]
        assert [await part_list.number_tail(second) for _ in range(2)] == [1, 2]

    async def test_parts_can_be_taken_back(self, part_list: PartList, key: UUID) -> None:
        """And the tail is what it was."""
        hold = await held(part_list, key)
        await part_list.add_part(hold, FIRST)
        await part_list.set_tail(hold, Tail(await part_list.number_tail(hold), 5))
        before = await found(part_list, key)
        await part_list.add_part(hold, SECOND)
        await part_list.take_back(hold, before)
        assert await part_list.find(key) == before

    async def test_one_holds_at_a_time(self, part_list: PartList, key: UUID) -> None:
        """Until the lease ends, is ended, or is renewed no more."""
        hold = await held(part_list, key)
        with pytest.raises(UploadBusy):
            await part_list.acquire(key, LONG)
        await part_list.release(hold)
        hold = await held(part_list, key, OVER)
        await part_list.renew(hold, LONG)
        with pytest.raises(UploadBusy):
            await part_list.acquire(key, LONG)

    async def test_who_lost_the_bytes_changes_nothing(self, part_list: PartList, key: UUID) -> None:
        """Whatever it tries, and the holder of now is not disturbed."""
        stale = await held(part_list, key, OVER)
        await part_list.add_part(stale, FIRST)
        hold = await held(part_list, key)
        before = await part_list.find(key)
        for refused in (
            part_list.renew(stale, LONG),
            part_list.begin_multipart(stale, "another"),
            part_list.number_part(stale),
            part_list.add_part(stale, SECOND),
            part_list.number_tail(stale),
            part_list.set_tail(stale, Tail(9, 9)),
            part_list.take_back(stale, Progress()),
            part_list.close(stale, None),
            part_list.close(stale, SECOND),
            part_list.reopen(stale),
            part_list.finish(stale),
        ):
            with pytest.raises(UploadBusy):
                await refused
        await part_list.release(stale)
        assert await part_list.find(key) == before
        with pytest.raises(UploadBusy):
            await part_list.acquire(key, LONG)
        await part_list.add_part(hold, SECOND)

    async def test_closing_bytes_take_no_more(self, part_list: PartList, key: UUID) -> None:
        """With the last part they are to become an object, whoever does it."""
        hold = await held(part_list, key)
        await part_list.set_tail(hold, Tail(await part_list.number_tail(hold), 5))
        await part_list.close(hold, FIRST)
        assert await part_list.find(key) == Progress(None, (FIRST,), None, 1, is_closing=True)
        for refused in (
            part_list.number_part(hold),
            part_list.add_part(hold, SECOND),
            part_list.number_tail(hold),
            part_list.set_tail(hold, Tail(9, 9)),
            part_list.take_back(hold, Progress()),
            part_list.reopen(hold),
        ):
            with pytest.raises(UploadBusy):
                await refused
        await part_list.finish(hold)
        assert await part_list.find(key) is None

    async def test_bytes_without_parts_are_taken_again_if_they_did_not_become_an_object(
        self, part_list: PartList, key: UUID
    ) -> None:
        """With what was there before."""
        hold = await held(part_list, key)
        await part_list.close(hold, None)
        await part_list.reopen(hold)
        await part_list.add_part(hold, FIRST)
        assert await part_list.find(key) == Progress(None, (FIRST,))

    async def test_seized_bytes_are_nobodys(self, part_list: PartList, key: UUID) -> None:
        """Neither their holder's nor another one's; what has to be deleted is told, also a second time."""
        hold = await held(part_list, key)
        await part_list.begin_multipart(hold, "upload-2")
        for _ in range(2):
            seized = await part_list.seize(key)
            assert seized
            assert seized.upload == "upload-2"
        assert await part_list.find(key) is None
        with pytest.raises(ObjectMissing):
            await part_list.acquire(key, LONG)
        with pytest.raises(ObjectMissing):
            await part_list.close(hold, None)
        await part_list.forget(key)
        assert await part_list.acquire(key, LONG) is None
        with pytest.raises(ObjectMissing):
            await part_list.finish(hold)

    @pytest.mark.parametrize(("lease", "stays"), [(LONG, True), (OVER, False)], ids=["at-it", "gone"])
    async def test_what_a_holder_was_closing_is_looked_at_again(
        self, part_list: PartList, key: UUID, lease: timedelta, stays: bool
    ) -> None:
        """It may make the object after it was deleted, as long as it lives."""
        hold = await held(part_list, key, lease)
        await part_list.close(hold, None)
        await part_list.seize(key)
        await part_list.forget(key)
        assert (await part_list.seize(key) is not None) is stays

    async def test_old_bytes_are_found(self, part_list: PartList, key: UUID) -> None:
        """By when they were last changed."""
        future, past = datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(hours=1)
        assert await part_list.written_before(future) == [key]
        assert await part_list.written_before(past) == []

    async def test_the_unknown_is_told_from_the_known(self, part_list: PartList, key: UUID) -> None:
        """Of keys and of multipart uploads."""
        await part_list.begin_multipart(await held(part_list, key), "known")
        stranger = uuid4()
        assert await part_list.unknown_keys([key, stranger]) == {stranger}
        assert await part_list.unknown_uploads(["known", "stray"]) == {"stray"}
        assert await part_list.unknown_uploads([]) == set()
