"""What every implementation of storage's metadata stores does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from contracts.samples import CONFIG, described, image_json, index_json
from moorage.distribution.content import Actor, ManifestPush
from moorage.oci.descriptor import Descriptor
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import ManifestBlobUnknown, TooManyRequests
from moorage.oci.media_types import ManifestType
from moorage.oci.reference import Reference, Tag
from moorage.storage.collection_store import CollectionStore
from moorage.storage.manifest_record import ManifestRecord
from moorage.storage.ports import BlobStore, Completion, ManifestStore, SessionStore, StoredObject
from moorage.storage.tag_store import TagMove, TagStore
from moorage.storage.upload_session import Session
from moorage.storage.verification_store import VerificationStore

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DIGEST = Digest.of(b"some bytes")


@dataclass(frozen=True)
class Stores:
    """The stores over one place."""

    blobs: BlobStore
    sessions: SessionStore
    manifests: ManifestStore
    tags: TagStore
    verification: VerificationStore
    collection: CollectionStore


def session_of(image: UUID, principal: str = "user:somebody", started_at: datetime = NOW) -> Session:
    """A new session."""
    return Session(uuid4(), image, principal, 1, DigestAlgorithm.SHA512, started_at, started_at)


async def opened(stores: Stores, image: UUID, started_at: datetime = NOW) -> UUID:
    """The id of a new session that is open."""
    session = session_of(image, f"user:{uuid4()}", started_at)
    await stores.sessions.open(session, 100)
    return session.id


async def stored(stores: Stores, image: UUID, digest: Digest = DIGEST, size: int = 10) -> StoredObject:
    """A new blob of the image."""
    session = await opened(stores, image)
    assert await stores.sessions.complete(Completion(session, digest, size)) == []
    return StoredObject(session, size)


def record_of(
    note: str,
    *tags: str,
    at: str = "zt1.1.1",
    local: bool = False,
    subject: Digest | None = None,
    children: Sequence[ManifestRecord] = (),
    layers: Sequence[Descriptor] = (),
) -> ManifestRecord:
    """A manifest with the config `{}` and these layers, or, with children, an index."""
    members: dict[str, object] = {"annotations": {"note": note}}
    if subject:
        members["subject"] = {"mediaType": str(ManifestType.OCI_IMAGE), "digest": str(subject), "size": 1}
    named = [Descriptor(each.manifest.media_type, each.digest, len(each.body)) for each in children]
    kind = ManifestType.OCI_INDEX if named else ManifestType.OCI_IMAGE
    body = index_json(*named, **members) if named else image_json(described(b"{}", CONFIG), *layers, **members)
    push = ManifestPush(Digest.of(body), kind, body, tuple(map(Tag, tags)))
    return ManifestRecord.of(push, Actor("user:pusher", 1, at, local))


class MetadataContract:
    """Give it `stores` that hold nothing."""

    @pytest.fixture
    def stores(self) -> Stores:
        """The stores under test."""
        raise NotImplementedError

    @pytest.fixture
    def image(self) -> UUID:
        """An image that holds nothing."""
        return uuid4()

    async def test_a_session_is_found_as_it_was_opened(self, stores: Stores, image: UUID) -> None:
        """With everything it is bound to, and the time it was last used."""
        session = session_of(image)
        await stores.sessions.open(session, 1)
        assert await stores.sessions.find(session.id) == session
        await stores.sessions.touch(session.id, NOW + timedelta(minutes=5))
        found = await stores.sessions.find(session.id)
        assert found is not None
        assert (found.started_at, found.touched_at) == (NOW, NOW + timedelta(minutes=5))

    async def test_a_principal_has_so_many_sessions(self, stores: Stores, image: UUID) -> None:
        """Others are not concerned, and an ended one makes room (R141)."""
        sessions = [session_of(image, "user:busy") for _ in range(3)]
        for session in sessions[:2]:
            await stores.sessions.open(session, 2)
        with pytest.raises(TooManyRequests):
            await stores.sessions.open(sessions[2], 2)
        await stores.sessions.open(session_of(image, "user:idle"), 2)
        await stores.sessions.end(sessions[0].id)
        await stores.sessions.open(sessions[2], 2)

    async def test_an_ended_session_leaves_its_key_discarded(self, stores: Stores, image: UUID) -> None:
        """Once, until its bytes are known to be deleted."""
        session = await opened(stores, image)
        assert await stores.sessions.end(session)
        assert not await stores.sessions.end(session)
        assert await stores.sessions.find(session) is None
        assert await stores.sessions.discarded(10) == [session]
        await stores.sessions.forget_discarded([session])
        assert await stores.sessions.discarded(10) == []

    async def test_the_sessions_of_an_image_end_together(self, stores: Stores, image: UUID) -> None:
        """Not those of another."""
        mine, other = {await opened(stores, image), await opened(stores, image)}, await opened(stores, uuid4())
        assert set(await stores.sessions.end_all(image)) == mine
        assert await stores.sessions.still_open([*mine, other]) == {other}
        assert set(await stores.sessions.discarded(10)) == mine

    async def test_sessions_are_due_by_use_and_by_age(self, stores: Stores, image: UUID) -> None:
        """Either is enough (R143)."""
        idle, old, young = [await opened(stores, image, NOW - timedelta(days=days)) for days in (2, 8, 1)]
        await stores.sessions.touch(old, NOW)
        day, week = NOW - timedelta(days=1, hours=1), NOW - timedelta(days=7)
        assert set(await stores.sessions.ended_by(day, week, 10)) == {idle, old}
        assert len(await stores.sessions.ended_by(day, week, 1)) == 1
        assert await stores.sessions.still_open([idle, old, young]) == {idle, old, young}

    async def test_a_completed_session_is_a_blob_of_its_image(self, stores: Stores, image: UUID) -> None:
        """Its key is the object's; nobody else holds it."""
        held = await stored(stores, image)
        assert await stores.blobs.find(image, DIGEST) == held
        assert await stores.blobs.find_anywhere(DIGEST) == held
        assert await stores.blobs.find(uuid4(), DIGEST) is None
        assert await stores.sessions.find(held.key) is None
        assert await stores.sessions.discarded(10) == []

    async def test_an_ended_session_is_not_completed(self, stores: Stores, image: UUID) -> None:
        """Neither with its own bytes nor with others, and it links nothing."""
        held = await stored(stores, uuid4())
        session = await opened(stores, image)
        await stores.sessions.end(session)
        assert await stores.sessions.complete(Completion(session, DIGEST, 10)) is None
        assert not await stores.sessions.complete_with(session, DIGEST, held)
        assert await stores.blobs.find(image, DIGEST) is None

    async def test_the_second_object_of_a_digest_is_discarded(self, stores: Stores, image: UUID) -> None:
        """One copy is kept, both images hold it (R91)."""
        other = uuid4()
        first = await stored(stores, image)
        second = await opened(stores, other)
        assert await stores.sessions.complete(Completion(second, DIGEST, 10)) == [second]
        assert await stores.blobs.find(other, DIGEST) == await stores.blobs.find(image, DIGEST) == first
        assert await stores.sessions.discarded(10) == [second]

    async def test_what_is_stored_already_is_not_new(self, stores: Stores, image: UUID) -> None:
        """Then nothing is done, also where the session has ended: whoever asks looks closer (R70, R93)."""
        first, second, late = [await opened(stores, image) for _ in range(3)]
        assert await stores.sessions.complete_new(first, DIGEST, 10)
        assert await stores.blobs.find(image, DIGEST) == StoredObject(first, 10)
        assert not await stores.sessions.complete_new(second, DIGEST, 10)
        assert await stores.sessions.find(second) is not None
        await stores.sessions.end(late)
        assert not await stores.sessions.complete_new(late, Digest.of(b"others"), 10)
        assert await stores.blobs.find_anywhere(Digest.of(b"others")) is None

    async def test_a_damaged_object_is_replaced_once(self, stores: Stores, image: UUID) -> None:
        """Whoever comes second finds the new one (R93)."""
        damaged = await stored(stores, image)
        repair, late = await opened(stores, image), await opened(stores, image)
        assert await stores.sessions.complete(Completion(repair, DIGEST, 10, damaged.key)) == [damaged.key]
        assert await stores.sessions.complete(Completion(late, DIGEST, 10, damaged.key)) == [late]
        assert await stores.blobs.find(image, DIGEST) == StoredObject(repair, 10)

    async def test_a_session_may_end_on_what_is_stored(self, stores: Stores, image: UUID) -> None:
        """Its own bytes are discarded; not if the object is another by now."""
        held = await stored(stores, uuid4())
        session = await opened(stores, image)
        assert not await stores.sessions.complete_with(session, DIGEST, StoredObject(uuid4(), 10))
        assert await stores.sessions.still_open([session]) == {session}
        assert await stores.sessions.complete_with(session, DIGEST, held)
        assert await stores.blobs.find(image, DIGEST) == held
        assert await stores.sessions.discarded(10) == [session]

    async def test_a_blob_is_mounted_and_unlinked(self, stores: Stores, image: UUID) -> None:
        """From an image that holds it, in one that then does."""
        source = uuid4()
        held = await stored(stores, source)
        assert await stores.blobs.mount(uuid4(), image, DIGEST) is None
        assert await stores.blobs.mount(source, image, DIGEST) == held
        assert await stores.blobs.mount(image, image, DIGEST) == held
        assert await stores.blobs.unlink(source, DIGEST)
        assert not await stores.blobs.unlink(source, DIGEST)
        assert await stores.blobs.find(image, DIGEST) == held
        await stores.blobs.unlink_all(image)
        assert await stores.blobs.find(image, DIGEST) is None
        assert await stores.blobs.find_anywhere(DIGEST) == held

    async def test_the_moves_of_a_tag_are_told(self, stores: Stores, image: UUID) -> None:
        """Old and new digest and who did it, newest first; pushing the same again is no move (R153)."""
        config = Digest.of(b"{}")
        await stored(stores, image, config, 2)
        one, two = (record_of(f"{i}", "v1", "v2") for i in (1, 2))
        for record in (one, one, two):
            await stores.manifests.put(image, record)
        await stores.tags.delete(image, Tag("v1"), "user:deleter")
        await stores.manifests.delete(image, two.digest, "user:other")
        assert await stores.tags.history(image, Tag("v1"), 10) == [
            TagMove(Tag("v1"), two.digest, None, "user:deleter"),
            TagMove(Tag("v1"), one.digest, two.digest, "user:pusher"),
            TagMove(Tag("v1"), None, one.digest, "user:pusher"),
        ]
        newest = TagMove(Tag("v2"), two.digest, None, "user:other")
        assert await stores.tags.history(image, Tag("v2"), 1) == [newest]

    async def test_a_refused_manifest_writes_nothing(self, stores: Stores, image: UUID) -> None:
        """Neither itself nor its tags, referrers, history."""
        with pytest.raises(ManifestBlobUnknown):
            await stores.manifests.put(image, record_of("refused", "v1"))
        assert await stores.manifests.find(image, Tag("v1")) is None
        assert await stores.tags.page(image, 10, "") == []
        assert await stores.tags.history(image, Tag("v1"), 10) == []

    async def test_held_manifests_are_told_from_others(self, stores: Stores, image: UUID) -> None:
        """Per image."""
        await stored(stores, image, Digest.of(b"{}"), 2)
        record = record_of("held", "v1")
        await stores.manifests.put(image, record)
        assert await stores.manifests.held(image, [record.digest, DIGEST]) == {record.digest: record.token}
        assert await stores.manifests.held(uuid4(), [record.digest]) == {}

    async def test_what_is_listed_has_the_position_of_its_push(self, stores: Stores, image: UUID) -> None:
        """Tags their own, which never goes back; referrers that of the manifest (§3.5)."""
        await stored(stores, image, Digest.of(b"{}"), 2)
        subject = Digest.of(b"a subject")
        first, second = (record_of(f"{i}", f"t{i}", at=f"zt1.1.{i}", subject=subject) for i in (1, 2))
        for record in (first, second, record_of("3", "t2", at="zt1.1.1")):
            await stores.manifests.put(image, record)
        listed = {each.entry.text: str(each.token) for each in await stores.tags.page(image, 10, "")}
        assert listed == {"t1": "zt1.1.1", "t2": "zt1.1.2"}
        referrers = await stores.manifests.referrers(image, subject)
        assert {each.entry.digest: each.token for each in referrers} == {
            first.digest: first.token,
            second.digest: second.token,
        }

    async def test_a_local_token_marks_what_is_new(self, stores: Stores, image: UUID) -> None:
        """A manifest until it is pushed again at head, a tag until it moves; nothing that was there before (§3.5)."""
        await stored(stores, image, Digest.of(b"{}"), 2)

        async def push(note: str, tag: str, *, local: bool) -> Digest:
            record = record_of(note, tag, local=local)
            await stores.manifests.put(image, record)
            return record.digest

        async def marked(reference: Reference) -> bool:
            found = await stores.manifests.find(image, reference)
            assert found is not None
            return found.token_is_local

        early, late = await push("early", "kept", local=False), await push("late", "new", local=True)
        assert (await marked(early), await marked(Tag("kept"))) == (False, False)
        assert (await marked(late), await marked(Tag("new"))) == (True, True)
        await push("early", "kept", local=True)
        assert (await marked(early), await marked(Tag("kept"))) == (False, False)
        await push("early", "new", local=True)
        assert (await marked(early), await marked(Tag("new"))) == (False, True)
        await push("late", "new", local=False)
        assert (await marked(late), await marked(Tag("new"))) == (False, False)
