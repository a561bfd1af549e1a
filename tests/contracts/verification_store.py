"""What every VerificationStore does."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from contracts.metadata import NOW, Stores, opened, stored
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.storage.damage import Damage, Extent, KnownDamage, ListedBlob, Progress
from moorage.storage.ports import Completion

LATER = NOW + timedelta(hours=1)


def digests(count: int) -> list[Digest]:
    """Digests of both algorithms, in the order of their texts."""
    texts = [str(number).encode() for number in range(count)]
    return sorted((Digest.of(text, algorithm) for text in texts for algorithm in DigestAlgorithm), key=str)


async def listed(stores: Stores, image: UUID, digest: Digest) -> ListedBlob:
    """A new blob of the image, of ten bytes."""
    return ListedBlob(digest, (await stored(stores, image, digest)).key, 10)


class VerificationStoreContract:
    """Give it `stores` that hold nothing."""

    @pytest.fixture
    def stores(self) -> Stores:
        """The stores under test."""
        raise NotImplementedError

    @pytest.fixture
    def image(self) -> UUID:
        """An image that holds nothing."""
        return uuid4()

    async def test_a_pass_goes_on_where_it_stood(self, stores: Stores, image: UUID) -> None:
        """Until it is ended; passes of other names are not concerned."""
        store, blob = stores.verification, await listed(stores, image, digests(1)[0])
        begun = await store.begin("one", NOW)
        assert begun == Progress(NOW)
        await store.advance("one", begun.past(blob))
        assert await store.begin("one", LATER) == Progress(NOW, str(blob.digest), 1, 10)
        assert await store.begin("other", LATER) == Progress(LATER)
        await store.end("one")
        assert await store.begin("one", LATER) == Progress(LATER)

    async def test_runs_of_one_pass_do_not_disturb_each_other(self, stores: Stores) -> None:
        """Who is behind takes nothing back, and who is of a pass that is over changes nothing."""
        store, (first, second) = stores.verification, (ListedBlob(digest, uuid4(), 1) for digest in digests(1))
        begun = await store.begin("pass", NOW)
        ahead = begun.past(first).past(second)
        await store.advance("pass", ahead)
        await store.advance("pass", begun.past(first))
        assert await store.begin("pass", NOW) == ahead
        await store.end("pass")
        anew = await store.begin("pass", LATER)
        await store.advance("pass", ahead)
        await store.end("pass", NOW)
        assert await store.begin("pass", LATER + timedelta(hours=1)) == anew == Progress(LATER)

    async def test_blobs_are_paged_by_the_text_of_their_digest(self, stores: Stores, image: UUID) -> None:
        """Each once, whoever holds it, and counted."""
        found: list[ListedBlob] = []
        blobs = [await listed(stores, image, digest) for digest in digests(3)]
        await stores.blobs.unlink_all(image)
        while page := await stores.verification.page(str(found[-1].digest) if found else "", 2):
            found += page
        assert found == blobs
        assert await stores.verification.extent() == Extent(6, 60)
        assert await stores.verification.find(blobs[0].digest) == blobs[0]
        assert await stores.verification.find(Digest.of(b"unheard of")) is None

    @pytest.mark.parametrize("damage", list(Damage))
    async def test_a_mark_tells_what_is_wrong(self, stores: Stores, image: UUID, damage: Damage) -> None:
        """What shows in the size is seen by each request; the rest hides the blob, until the mark is taken away."""
        blob, store, other = await listed(stores, image, digests(1)[0]), stores.verification, uuid4()
        hidden = damage in (Damage.ALTERED, Damage.UNREADABLE)
        assert await store.judge(blob, damage, NOW)
        assert await store.damaged("", 5) == [KnownDamage(blob.digest, 10, damage, NOW, (image,))]
        assert await store.damaged(str(blob.digest), 5) == []
        looks = (
            await stores.blobs.find(image, blob.digest),
            await stores.blobs.find_anywhere(blob.digest),
            await stores.blobs.mount(image, other, blob.digest),
        )
        assert [look and look.is_damaged for look in looks] == [hidden] * 3
        (told,) = await store.damaged("", 5)
        assert set(told.images) == {image, other}
        assert await store.judge(blob, None, LATER)
        assert await store.damaged("", 5) == []
        again = await stores.blobs.find(image, blob.digest)
        assert again is not None
        assert not again.is_damaged

    async def test_a_new_object_has_no_mark(self, stores: Stores, image: UUID) -> None:
        """And what was found about the one before says nothing about it (R93)."""
        blob, store = await listed(stores, image, digests(1)[0]), stores.verification
        await store.judge(blob, Damage.ALTERED, NOW)
        repair = await opened(stores, image)
        assert await stores.sessions.complete(Completion(repair, blob.digest, 10, blob.key)) == [blob.key]
        assert await store.damaged("", 5) == []
        assert not await store.judge(blob, Damage.ALTERED, LATER)
        found = await stores.blobs.find(image, blob.digest)
        assert found is not None
        assert (found.key, found.is_damaged) == (repair, False)

    async def test_a_damaged_object_is_no_end_of_a_session(self, stores: Stores, image: UUID) -> None:
        """A push that replaces nothing leaves the mark where it is."""
        blob = await listed(stores, image, digests(1)[0])
        await stores.verification.judge(blob, Damage.ALTERED, NOW)
        late = await opened(stores, image)
        assert await stores.sessions.complete(Completion(late, blob.digest, 10)) == [late]
        (told,) = await stores.verification.damaged("", 5)
        assert told.digest == blob.digest

    async def test_an_object_has_an_owner_or_not(self, stores: Stores, image: UUID) -> None:
        """A blob, an open session, or the list of what is to be deleted."""
        blob, session, ended = await stored(stores, image), await opened(stores, image), await opened(stores, image)
        await stores.sessions.end(ended)
        nobodys = uuid4()
        assert await stores.verification.unowned([blob.key, session, ended, nobodys]) == {nobodys}
        await stores.sessions.forget_discarded([ended])
        assert await stores.verification.unowned([ended]) == {ended}
