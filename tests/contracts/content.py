"""What everything that is `Content` does: storage over each driver and store, and its client over HTTP."""

import asyncio
from functools import partial
from uuid import UUID, uuid4

import pytest

from contracts.samples import (
    CONFIG,
    LAYER,
    chunk,
    described,
    descriptor_json,
    image_json,
    index_json,
    push_blob,
    push_image,
    push_manifest,
    read_all,
    some_actor,
    stream,
)
from moorage.distribution.content import Actor, Chunk, Content, Held, ManifestPush
from moorage.oci.byte_range import ByteRange
from moorage.oci.descriptor import Descriptor
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import (
    BlobUnknown,
    ChunkOutOfOrder,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    MediaTypeUnsupported,
    SizeInvalid,
    TagTaken,
    UploadInvalid,
    UploadUnknown,
)
from moorage.oci.media_types import ManifestType
from moorage.oci.reference import Tag

SHA256, SHA512 = DigestAlgorithm.SHA256, DigestAlgorithm.SHA512
LARGE = bytes(range(256)) * 12_000  # 3 MB: several blocks, the last one not full


class _ContentFixtures:
    """What the suites share."""

    @pytest.fixture
    def content(self) -> Content:
        """The content under test."""
        raise NotImplementedError

    @pytest.fixture
    def image(self) -> UUID:
        """An image that holds nothing."""
        return uuid4()

    @pytest.fixture
    def actor(self) -> Actor:
        """A publisher without open uploads."""
        return some_actor()


class BlobContract(_ContentFixtures):
    """Blobs that an image holds."""

    @pytest.mark.parametrize("algorithm", [SHA256, SHA512])
    @pytest.mark.parametrize("data", [b"", b"{}", b"x" * 70_000, LARGE])
    async def test_a_pushed_blob_is_read_back(
        self, content: Content, image: UUID, actor: Actor, data: bytes, algorithm: DigestAlgorithm
    ) -> None:
        """Whole, under the digest it was pushed by, of either algorithm (R22, R23)."""
        digest = await push_blob(content, image, data, actor, algorithm)
        blob = await content.stat_blob(image, digest)
        assert (blob.digest, blob.size) == (digest, len(data))
        assert await read_all(content.read_blob(image, digest)) == data

    @pytest.mark.parametrize(("start", "stop"), [(0, 1), (500, 1500), (2_999_999, 3_000_000), (1, 3_072_000)])
    async def test_a_range_is_read_exactly(
        self, content: Content, image: UUID, actor: Actor, start: int, stop: int
    ) -> None:
        """At the start, in the middle, up to the end (R10)."""
        digest = await push_blob(content, image, LARGE, actor)
        assert await read_all(content.read_blob(image, digest, ByteRange(start, stop))) == LARGE[start:stop]

    async def test_a_digest_known_from_elsewhere_grants_nothing(
        self, content: Content, image: UUID, actor: Actor
    ) -> None:
        """A blob of another image is no blob of this one (R67)."""
        digest = await push_blob(content, uuid4(), b"elsewhere", actor)
        with pytest.raises(BlobUnknown):
            await content.stat_blob(image, digest)
        with pytest.raises(BlobUnknown):
            await read_all(content.read_blob(image, digest))
        with pytest.raises(BlobUnknown):
            await content.delete_blob(image, digest)

    async def test_a_blob_is_mounted_from_an_image_that_holds_it(
        self, content: Content, image: UUID, actor: Actor
    ) -> None:
        """Then both hold it, and mounting again changes nothing (R20)."""
        source = uuid4()
        digest = await push_blob(content, source, b"mounted", actor)
        assert await content.mount_blob(source, image, digest, actor)
        assert await content.mount_blob(source, image, digest, actor)
        assert await read_all(content.read_blob(image, digest)) == b"mounted"

    async def test_what_the_source_does_not_hold_is_not_mounted(
        self, content: Content, image: UUID, actor: Actor
    ) -> None:
        """Not even if the registry has it (R70)."""
        digest = await push_blob(content, uuid4(), b"of a third image", actor)
        assert not await content.mount_blob(uuid4(), image, digest, actor)
        with pytest.raises(BlobUnknown):
            await content.stat_blob(image, digest)

    async def test_deletion_unlinks_from_this_image_only(self, content: Content, image: UUID, actor: Actor) -> None:
        """The next look finds nothing, other images keep it, and it can be pushed again (R43)."""
        other = uuid4()
        digest = await push_blob(content, image, b"shared", actor)
        await content.mount_blob(image, other, digest, actor)
        await content.delete_blob(image, digest)
        with pytest.raises(BlobUnknown):
            await content.stat_blob(image, digest)
        assert await read_all(content.read_blob(other, digest)) == b"shared"
        await push_blob(content, image, b"shared", actor)
        assert await read_all(content.read_blob(image, digest)) == b"shared"

    async def test_parallel_pushes_of_one_digest_all_succeed(self, content: Content, image: UUID, actor: Actor) -> None:
        """Into one image and into several (R91)."""
        images = [image, image, image, uuid4(), uuid4()]
        digests = await asyncio.gather(*(push_blob(content, each, LARGE, actor) for each in images))
        for each, digest in zip(images, digests, strict=True):
            assert await read_all(content.read_blob(each, digest)) == LARGE


class UploadContract(_ContentFixtures):
    """Upload sessions."""

    async def test_an_upload_begins_empty(self, content: Content, image: UUID, actor: Actor) -> None:
        """And says so when it is asked."""
        session = await content.start_upload(image, actor, SHA256)
        assert session.offset == 0
        assert (await content.upload(image, session.id, actor)).offset == 0

    async def test_chunks_are_counted_and_closed(self, content: Content, image: UUID, actor: Actor) -> None:
        """With and without their place and length, the last one in the closing request (R14)."""
        session = await content.start_upload(image, actor, SHA256)
        pieces = [LARGE[:1], LARGE[1:2_000_000], LARGE[2_000_000:2_000_100]]
        offset = 0
        for piece in pieces:
            span = ByteRange(offset, offset + len(piece))
            state = await content.append(image, session.id, actor, Chunk(stream(piece), span, len(piece)))
            offset += len(piece)
            assert state.offset == offset
            assert (await content.upload(image, session.id, actor)).offset == offset
        blob = await content.finish_upload(image, session.id, actor, Digest.of(LARGE), chunk(LARGE[offset:]))
        assert (blob.digest, blob.size) == (Digest.of(LARGE), len(LARGE))
        assert await read_all(content.read_blob(image, blob.digest)) == LARGE

    async def test_a_streamed_chunk_may_come_in_many_pieces(self, content: Content, image: UUID, actor: Actor) -> None:
        """However small; nothing is announced."""
        session = await content.start_upload(image, actor, SHA256)
        data = bytes(i % 251 for i in range(5000))
        state = await content.append(image, session.id, actor, chunk(*(data[i : i + 1] for i in range(len(data)))))
        assert state.offset == len(data)
        await content.finish_upload(image, session.id, actor, Digest.of(data))
        assert await read_all(content.read_blob(image, Digest.of(data))) == data

    async def test_nothing_is_readable_before_the_close(self, content: Content, image: UUID, actor: Actor) -> None:
        """Content is visible only after the match (R85)."""
        session = await content.start_upload(image, actor, SHA256)
        await content.append(image, session.id, actor, chunk(b"all of it"))
        with pytest.raises(BlobUnknown):
            await content.stat_blob(image, Digest.of(b"all of it"))

    async def test_a_closed_upload_is_gone(self, content: Content, image: UUID, actor: Actor) -> None:
        """A repeated closing request finds nothing, the blob stays (R18)."""
        session = await content.start_upload(image, actor, SHA256)
        await content.finish_upload(image, session.id, actor, Digest.of(b"once"), chunk(b"once"))
        with pytest.raises(UploadUnknown):
            await content.finish_upload(image, session.id, actor, Digest.of(b"once"), chunk(b"once"))
        with pytest.raises(UploadUnknown):
            await content.upload(image, session.id, actor)
        assert await read_all(content.read_blob(image, Digest.of(b"once"))) == b"once"

    @pytest.mark.parametrize("start", [0, 3, 5, 100])
    async def test_a_chunk_out_of_order_changes_nothing(
        self, content: Content, image: UUID, actor: Actor, start: int
    ) -> None:
        """Neither as a chunk nor in the closing request; the upload goes on (R14-R16)."""
        session = await content.start_upload(image, actor, SHA256)
        await content.append(image, session.id, actor, chunk(b"four"))
        with pytest.raises(ChunkOutOfOrder):
            await content.append(image, session.id, actor, Chunk(stream(b"xx"), ByteRange(start, start + 2), 2))
        late = Chunk(stream(b"xx"), ByteRange(start, start + 2), 2)
        with pytest.raises(ChunkOutOfOrder):
            await content.finish_upload(image, session.id, actor, Digest.of(b"fourxx"), late)
        assert (await content.upload(image, session.id, actor)).offset == 4
        last = Chunk(stream(b"teen"), ByteRange(4, 8), 4)
        await content.finish_upload(image, session.id, actor, Digest.of(b"fourteen"), last)
        assert await read_all(content.read_blob(image, Digest.of(b"fourteen"))) == b"fourteen"

    async def test_two_lengths_that_differ_are_refused(self, content: Content, image: UUID, actor: Actor) -> None:
        """What Content-Range says and what was sent; nothing is kept of the chunk (R14)."""
        session = await content.start_upload(image, actor, SHA256)
        await content.append(image, session.id, actor, chunk(b"kept"))
        with pytest.raises(SizeInvalid):
            await content.append(image, session.id, actor, Chunk(stream(b"five!"), ByteRange(4, 8)))
        with pytest.raises(SizeInvalid):
            await content.append(image, session.id, actor, Chunk(stream(b"five!"), ByteRange(4, 14)))
        assert (await content.upload(image, session.id, actor)).offset == 4
        await content.finish_upload(image, session.id, actor, Digest.of(b"kept"))

    @pytest.mark.parametrize("algorithm", [SHA256, SHA512])
    async def test_another_digest_ends_the_upload(
        self, content: Content, image: UUID, actor: Actor, algorithm: DigestAlgorithm
    ) -> None:
        """Nothing becomes readable under either digest (R16)."""
        session = await content.start_upload(image, actor, algorithm)
        wrong = Digest.of(b"promised", algorithm)
        with pytest.raises(DigestInvalid):
            await content.finish_upload(image, session.id, actor, wrong, chunk(b"sent"))
        for digest in (wrong, Digest.of(b"sent", algorithm)):
            with pytest.raises(BlobUnknown):
                await content.stat_blob(image, digest)
        with pytest.raises(UploadUnknown):
            await content.upload(image, session.id, actor)

    async def test_the_closing_digest_may_be_of_the_other_algorithm(
        self, content: Content, image: UUID, actor: Actor
    ) -> None:
        """The bytes are hashed again; the digest is the client's choice (R23)."""
        session = await content.start_upload(image, actor, SHA256)
        await content.append(image, session.id, actor, chunk(LARGE))
        digest = Digest.of(LARGE, SHA512)
        await content.finish_upload(image, session.id, actor, digest)
        assert (await content.stat_blob(image, digest)).size == len(LARGE)

    async def test_a_cancelled_upload_is_gone(self, content: Content, image: UUID, actor: Actor) -> None:
        """For every further request (R17)."""
        session = await content.start_upload(image, actor, SHA256)
        await content.append(image, session.id, actor, chunk(b"unwanted"))
        await content.cancel_upload(image, session.id, actor)
        with pytest.raises(UploadUnknown):
            await content.upload(image, session.id, actor)
        with pytest.raises(UploadUnknown):
            await content.append(image, session.id, actor, chunk(b"more"))
        with pytest.raises(UploadUnknown):
            await content.cancel_upload(image, session.id, actor)

    async def test_an_upload_belongs_to_its_image_and_principal(
        self, content: Content, image: UUID, actor: Actor
    ) -> None:
        """To everyone else it is not there (R68)."""
        session = await content.start_upload(image, actor, SHA256)
        for where, who in ((uuid4(), actor), (image, some_actor()), (uuid4(), some_actor(link_gen=2))):
            with pytest.raises(UploadUnknown):
                await content.upload(where, session.id, who)
            with pytest.raises(UploadUnknown):
                await content.append(where, session.id, who, chunk(b"x"))
            with pytest.raises(UploadUnknown):
                await content.finish_upload(where, session.id, who, Digest.of(b""))
            with pytest.raises(UploadUnknown):
                await content.cancel_upload(where, session.id, who)
        assert (await content.upload(image, session.id, actor)).offset == 0

    async def test_an_upload_ends_with_the_link_it_was_opened_under(
        self, content: Content, image: UUID, actor: Actor
    ) -> None:
        """A relinked image takes nothing from before (R68)."""
        session = await content.start_upload(image, actor, SHA256)
        relinked = Actor(actor.principal, actor.link_gen + 1, actor.token)
        with pytest.raises(UploadInvalid):
            await content.append(image, session.id, relinked, chunk(b"x"))
        with pytest.raises(UploadInvalid):
            await content.finish_upload(image, session.id, relinked, Digest.of(b""))

    async def test_an_unknown_upload_is_unknown(self, content: Content, image: UUID, actor: Actor) -> None:
        """Nothing else is said."""
        with pytest.raises(UploadUnknown):
            await content.upload(image, uuid4(), actor)


class ManifestContract(_ContentFixtures):
    """Manifests, tags, referrers."""

    async def test_a_manifest_comes_back_as_it_was_pushed(self, content: Content, image: UUID, actor: Actor) -> None:
        """Byte for byte, by tag and by digest, with its type and token (R8)."""
        config, layer = b"{}", b"layer"
        for blob in (config, layer):
            await push_blob(content, image, blob, actor)
        body = b" " + image_json(described(config, CONFIG), described(layer), unknown=[None]) + b"\n"
        push = ManifestPush(Tag("v1"), f"{ManifestType.OCI_IMAGE}; charset=utf-8", body)
        pushed = await content.put_manifest(image, push, Actor(actor.principal, 1, "zt1.3.17"))
        assert (pushed.digest, pushed.subject, pushed.tags) == (Digest.of(body), None, (Tag("v1"),))
        for reference in (Tag("v1"), Digest.of(body)):
            stored = await content.manifest(image, reference)
            assert (stored.digest, stored.body) == (Digest.of(body), body)
            assert (stored.media_type, stored.token) == (ManifestType.OCI_IMAGE, "zt1.3.17")

    async def test_a_manifest_may_be_pushed_by_sha512(self, content: Content, image: UUID, actor: Actor) -> None:
        """And is answered with that digest (R7, R23)."""
        await push_blob(content, image, b"{}", actor)
        body = image_json(described(b"{}", CONFIG))
        digest = Digest.of(body, SHA512)
        assert await push_manifest(content, image, body, actor, digest) == digest
        assert (await content.manifest(image, digest)).digest == digest

    async def test_the_digest_in_the_path_must_be_that_of_the_bytes(
        self, content: Content, image: UUID, actor: Actor
    ) -> None:
        """Nothing is stored otherwise."""
        await push_blob(content, image, b"{}", actor)
        body = image_json(described(b"{}", CONFIG))
        with pytest.raises(DigestInvalid):
            await push_manifest(content, image, body, actor, Digest.of(b"other"))
        with pytest.raises(ManifestUnknown):
            await content.manifest(image, Digest.of(body))

    async def test_a_manifest_of_another_image_is_unknown(self, content: Content, image: UUID, actor: Actor) -> None:
        """By tag and by digest (R67)."""
        pushed = await push_image(content, uuid4(), actor, "v1")
        for reference in (Tag("v1"), pushed.digest):
            with pytest.raises(ManifestUnknown):
                await content.manifest(image, reference)

    async def test_what_a_manifest_names_must_be_held(self, content: Content, image: UUID, actor: Actor) -> None:
        """In this image; the refusal names the digest, and nothing is stored (R26)."""
        await push_blob(content, image, b"{}", actor)
        await push_blob(content, uuid4(), b"elsewhere", actor)
        body = image_json(described(b"{}", CONFIG), described(b"elsewhere"))
        with pytest.raises(ManifestBlobUnknown) as refusal:
            await push_manifest(content, image, body, actor, Tag("v1"))
        assert str(Digest.of(b"elsewhere")) in refusal.value.message
        with pytest.raises(ManifestUnknown):
            await content.manifest(image, Tag("v1"))
        index = index_json(described(b"no manifest", ManifestType.OCI_IMAGE))
        with pytest.raises(ManifestBlobUnknown):
            await push_manifest(content, image, index, actor, media_type=ManifestType.OCI_INDEX)

    async def test_a_stated_size_must_be_true(self, content: Content, image: UUID, actor: Actor) -> None:
        """Of blobs and of manifests (R32)."""
        pushed = await push_image(content, image, actor, "v1")
        lie = Descriptor(LAYER, Digest.of(b"{}"), 3)
        with pytest.raises(ManifestInvalid):
            await push_manifest(content, image, image_json(described(b"{}", CONFIG), lie), actor)
        child = Descriptor(ManifestType.OCI_IMAGE, pushed.digest, pushed.size + 1)
        with pytest.raises(ManifestInvalid):
            await push_manifest(content, image, index_json(child), actor, media_type=ManifestType.OCI_INDEX)

    async def test_foreign_layers_need_not_be_held(self, content: Content, image: UUID, actor: Actor) -> None:
        """Nondistributable ones, and those with urls (R26, R30)."""
        await push_blob(content, image, b"{}", actor)
        foreign = described(b"foreign", "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")
        await push_manifest(content, image, image_json(described(b"{}", CONFIG), foreign), actor, Tag("v1"))
        assert (await content.tags(image, 10)).tags == (Tag("v1"),)

    async def test_indexes_hold_manifests_and_indexes(self, content: Content, image: UUID, actor: Actor) -> None:
        """Nested and empty ones too (R25)."""
        child = await push_image(content, image, actor, "child")
        inner = index_json(child)
        await push_manifest(content, image, inner, actor, media_type=ManifestType.OCI_INDEX)
        outer = index_json(described(inner, ManifestType.OCI_INDEX))
        await push_manifest(content, image, outer, actor, Tag("outer"), ManifestType.OCI_INDEX)
        await push_manifest(content, image, index_json(), actor, Tag("empty"), ManifestType.OCI_INDEX)
        assert (await content.manifest(image, Tag("outer"))).body == outer

    async def test_a_type_that_is_not_stored_is_refused(self, content: Content, image: UUID, actor: Actor) -> None:
        """Schema 1 among them (R29)."""
        for media_type in ("application/vnd.docker.distribution.manifest.v1+json", "text/html"):
            with pytest.raises(MediaTypeUnsupported):
                await push_manifest(content, image, b"{}", actor, Tag("v1"), media_type)

    async def test_further_tags_move_with_the_manifest(self, content: Content, image: UUID, actor: Actor) -> None:
        """All that were named, and only they (R31)."""
        await push_image(content, image, actor, "old")
        await push_blob(content, image, b"{}", actor)
        body, tags = image_json(described(b"{}", CONFIG)), tuple(Tag(f"t{i}") for i in range(12))
        push = ManifestPush(Digest.of(body), ManifestType.OCI_IMAGE, body, tags)
        assert set((await content.put_manifest(image, push, actor)).tags) == set(tags)
        for tag in tags:
            assert (await content.manifest(image, tag)).digest == Digest.of(body)
        assert (await content.manifest(image, Tag("old"))).digest != Digest.of(body)

    async def test_the_higher_token_is_kept(self, content: Content, image: UUID, actor: Actor) -> None:
        """A later push on older knowledge does not lower it; read by tag, the tag's counts too (R73)."""
        tokens = {"zt1.1.100": "zt1.1.100", "zt1.1.9": "zt1.1.100", "zt1.2.1": "zt1.2.1", "zt1.1.101": "zt1.2.1"}
        await push_blob(content, image, b"{}", actor)
        body = image_json(described(b"{}", CONFIG))
        for pushed_at, kept in tokens.items():
            await push_manifest(content, image, body, Actor(actor.principal, 1, pushed_at), Tag("v1"))
            assert (await content.manifest(image, Digest.of(body))).token == kept
        other = image_json(described(b"{}", CONFIG), annotations={"new": "yes"})
        await push_manifest(content, image, other, Actor(actor.principal, 1, "zt1.1.5"), Tag("v1"))
        assert (await content.manifest(image, Digest.of(other))).token == "zt1.1.5"
        assert (await content.manifest(image, Tag("v1"))).token == "zt1.2.1"

    async def test_a_page_of_tags_has_the_highest_token_of_what_it_tells(
        self, content: Content, image: UUID, actor: Actor
    ) -> None:
        """The tag that follows the page is told of too; an empty page tells nothing (§3.5)."""
        await push_blob(content, image, b"{}", actor)
        body = image_json(described(b"{}", CONFIG))
        for tag, pushed_at in (("a", "zt1.1.3"), ("b", "zt1.1.1"), ("c", "zt1.1.2"), ("d", "zt1.1.9")):
            await push_manifest(content, image, body, Actor(actor.principal, 1, pushed_at), Tag(tag))
        pages = [await content.tags(image, limit, after) for limit, after in ((1, "a"), (2, ""), (2, "b"), (9, "z"))]
        assert [page.token for page in pages] == ["zt1.1.2", "zt1.1.3", "zt1.1.9", "zt1.0.0"]
        assert (await content.tags(image, 0)).token == "zt1.0.0"

    async def test_referrers_have_the_highest_token_of_those_listed(
        self, content: Content, image: UUID, actor: Actor
    ) -> None:
        """Also of what only a fallback tag names: its own, and that of the manifest that names it (§3.5)."""
        subject, at = described(b"a subject", ManifestType.OCI_IMAGE), partial(Actor, actor.principal, 1)
        assert (await content.referrers(image, subject.digest)).token == "zt1.0.0"
        await push_blob(content, image, b"{}", actor)
        referring = {"subject": descriptor_json(subject)}
        for number, token in ((1, "zt1.1.5"), (2, "zt1.1.4")):
            body = image_json(described(b"{}", CONFIG), annotations={"n": str(number)}, **referring)
            await push_manifest(content, image, body, at(token))
        assert (await content.referrers(image, subject.digest)).token == "zt1.1.5"
        old = image_json(described(b"{}", CONFIG), annotations={"older": "client"})
        await push_manifest(content, image, old, at("zt1.1.6"))
        index = index_json(described(old, ManifestType.OCI_IMAGE))
        fallback = Tag(str(subject.digest).replace(":", "-"))
        await push_manifest(content, image, index, at("zt1.1.7"), fallback, ManifestType.OCI_INDEX)
        assert (await content.referrers(image, subject.digest)).token == "zt1.1.7"
        await push_manifest(content, image, old, at("zt1.1.8"))
        assert (await content.referrers(image, subject.digest)).token == "zt1.1.8"

    async def test_a_local_token_is_told_from_one_at_head(self, content: Content, image: UUID, actor: Actor) -> None:
        """Until the same is pushed at head (§3.5)."""
        await push_blob(content, image, b"{}", actor)
        body = image_json(described(b"{}", CONFIG))
        for is_local in (True, False):
            await push_manifest(content, image, body, Actor(actor.principal, 1, "zt1.1.3", is_local), Tag("v1"))
            for reference in (Tag("v1"), Digest.of(body)):
                assert (await content.manifest(image, reference)).token_is_local == is_local

    async def test_deleting_a_tag_leaves_the_manifest(self, content: Content, image: UUID, actor: Actor) -> None:
        """Only the tag goes (R41)."""
        pushed = await push_image(content, image, actor, "v1")
        await content.delete_tag(image, Tag("v1"), actor)
        with pytest.raises(ManifestUnknown):
            await content.manifest(image, Tag("v1"))
        with pytest.raises(ManifestUnknown):
            await content.delete_tag(image, Tag("v1"), actor)
        assert (await content.manifest(image, pushed.digest)).digest == pushed.digest

    async def test_deleting_a_manifest_takes_its_tags(self, content: Content, image: UUID, actor: Actor) -> None:
        """All of them, and no others (R41)."""
        await push_image(content, image, actor, "other")
        pushed = await push_image(content, image, actor, "v1")
        body = (await content.manifest(image, pushed.digest)).body
        await push_manifest(content, image, body, actor, Tag("v2"))
        await content.delete_manifest(image, pushed.digest, actor)
        for reference in (Tag("v1"), Tag("v2"), pushed.digest):
            with pytest.raises(ManifestUnknown):
                await content.manifest(image, reference)
        with pytest.raises(ManifestUnknown):
            await content.delete_manifest(image, pushed.digest, actor)
        assert (await content.tags(image, 10)).tags == (Tag("other"),)

    async def test_tags_are_paged_by_code_point(self, content: Content, image: UUID, actor: Actor) -> None:
        """Joined pages are the whole, also when one tag begins another, and `after` need not exist (R37)."""
        names = ["a", "A", "a.1", "a-1", "a_1", "ab", "1", "10", "9", "_", "Z", "z"]
        await push_blob(content, image, b"{}", actor)
        body = image_json(described(b"{}", CONFIG))
        push = ManifestPush(Digest.of(body), ManifestType.OCI_IMAGE, body, tuple(map(Tag, names)))
        await content.put_manifest(image, push, actor)
        for size in (1, 5, 12, 100):
            joined: list[Tag] = []
            page = await content.tags(image, size)
            joined += page.tags
            while page.more:
                assert len(page.tags) == size
                page = await content.tags(image, size, str(page.tags[-1]))
                joined += page.tags
            assert [tag.text for tag in joined] == sorted(names)
        assert [tag.text for tag in (await content.tags(image, 2, "a.0")).tags] == ["a.1", "a_1"]
        assert (await content.tags(image, 0)).tags == ()

    async def test_an_image_without_content_has_empty_lists(self, content: Content, image: UUID) -> None:
        """Not an error (R34, R38)."""
        page = await content.tags(image, 10)
        assert (page.tags, page.more) == ((), False)
        assert list((await content.referrers(image, Digest.of(b"nothing"))).descriptors) == []

    async def test_referrers_are_listed_oldest_first(self, content: Content, image: UUID, actor: Actor) -> None:
        """With type, size, annotations and artifact type, also before their subject is there (R33, R34)."""
        subject = described(b"not here yet", ManifestType.OCI_IMAGE)
        for blob in (b"{}", b"sbom"):
            await push_blob(content, image, blob, actor)
        stated = {"digest": str(subject.digest), "size": subject.size, "mediaType": subject.media_type}
        first = image_json(described(b"{}", "application/x-config"), subject=stated)
        second = image_json(
            described(b"{}", CONFIG), described(b"sbom"), subject=stated, artifactType="application/spdx"
        )
        third = index_json(subject=stated, annotations={"a": "ä\N{SNOWMAN}\0", "": ""})
        for body, media_type in ((first, "OCI_IMAGE"), (second, "OCI_IMAGE"), (third, "OCI_INDEX")):
            push = ManifestPush(Digest.of(body), ManifestType[media_type], body)
            assert (await content.put_manifest(image, push, actor)).subject == subject.digest
        await push_manifest(content, image, first, actor)
        found = list((await content.referrers(image, subject.digest)).descriptors)
        assert [each.digest for each in found] == [Digest.of(body) for body in (first, second, third)]
        assert [each.size for each in found] == [len(first), len(second), len(third)]
        assert [each.artifact_type for each in found] == ["application/x-config", "application/spdx", None]
        assert dict(found[2].annotations) == {"a": "ä\N{SNOWMAN}\0", "": ""}
        assert found[2].media_type == ManifestType.OCI_INDEX

    async def test_deleted_referrers_leave_the_list(self, content: Content, image: UUID, actor: Actor) -> None:
        """At once; deleting the subject does not break it (R36)."""
        subject = await push_image(content, image, actor, "subject")
        stated = {"digest": str(subject.digest), "size": subject.size, "mediaType": subject.media_type}
        one = await push_image(content, image, actor, "one", subject=stated)
        two = await push_image(content, image, actor, "two", subject=stated)
        await content.delete_manifest(image, subject.digest, actor)
        assert len((await content.referrers(image, subject.digest)).descriptors) == 2
        await content.delete_manifest(image, one.digest, actor)
        found = (await content.referrers(image, subject.digest)).descriptors
        assert [each.digest for each in found] == [two.digest]

    async def test_a_fallback_tag_is_folded_into_the_referrers(
        self, content: Content, image: UUID, actor: Actor
    ) -> None:
        """What older clients listed there counts, once, as long as it is held (R35)."""
        subject = await push_image(content, image, actor, "subject")
        stated = {"digest": str(subject.digest), "size": subject.size, "mediaType": subject.media_type}
        new = await push_image(content, image, actor, "new", subject=stated)
        old = await push_image(content, image, actor, "old")
        gone = await push_image(content, image, actor, "gone")
        tag = Tag(f"sha256-{subject.digest.hex}")
        listed = index_json(new, old, gone)
        await push_manifest(content, image, listed, actor, tag, ManifestType.OCI_INDEX)
        await content.delete_manifest(image, gone.digest, actor)
        found = (await content.referrers(image, subject.digest)).descriptors
        assert [each.digest for each in found] == [new.digest, old.digest]


class ImageDeletionContract(_ContentFixtures):
    """The end of an image."""

    async def test_a_deleted_image_holds_nothing(self, content: Content, image: UUID, actor: Actor) -> None:
        """No manifest, tag, blob or upload; other images keep theirs; done twice is done once."""
        other = uuid4()
        pushed = await push_image(content, image, actor, "v1")
        await push_image(content, other, actor, "v1")
        session = await content.start_upload(image, actor, SHA256)
        await content.delete_image(image)
        await content.delete_image(image)
        with pytest.raises(ManifestUnknown):
            await content.manifest(image, pushed.digest)
        with pytest.raises(BlobUnknown):
            await content.stat_blob(image, Digest.of(b"{}"))
        with pytest.raises(UploadUnknown):
            await content.upload(image, session.id, actor)
        assert (await content.tags(image, 10)).tags == ()
        assert (await content.manifest(other, Tag("v1"))).digest == pushed.digest
        assert await read_all(content.read_blob(other, Digest.of(b"{}"))) == b"{}"

    async def test_how_far_a_push_has_come_is_told(self, content: Content, image: UUID, actor: Actor) -> None:
        """Nothing, an upload, blobs, manifests; and after a cancelled upload nothing again."""
        assert await content.held(image) is Held.NOTHING
        session = await content.start_upload(image, actor, SHA256)
        assert await content.held(image) is Held.UPLOADS
        await content.cancel_upload(image, session.id, actor)
        assert await content.held(image) is Held.NOTHING
        other = uuid4()
        await push_image(content, other, actor, "v1")
        assert await content.mount_blob(other, image, Digest.of(b"{}"), actor)
        assert (await content.held(image), await content.held(other)) == (Held.BLOBS, Held.MANIFESTS)
        await content.delete_image(other)
        assert await content.held(other) is Held.NOTHING


class UndoContract(_ContentFixtures):
    """What was deleted by hand comes back for a while."""

    async def test_a_deleted_tag_is_restored(self, content: Content, image: UUID, actor: Actor) -> None:
        """With what it named, if that was deleted too; listed until then, with who did it and until when."""
        pushed = await push_image(content, image, actor, "v1")
        body = (await content.manifest(image, Tag("v1"))).body
        await push_manifest(content, image, body, actor, Tag("v2"))
        await content.delete_manifest(image, pushed.digest, actor)
        assert await content.held(image) is Held.BLOBS
        page = await content.deleted_tags(image, 1)
        assert ([tag.tag for tag in page.tags], page.more) == ([Tag("v1")], True)
        [other] = (await content.deleted_tags(image, 10, "v1")).tags
        assert (other.tag, other.digest, other.deleted_by) == (Tag("v2"), pushed.digest, actor.principal)
        assert other.deleted_at < other.restorable_until
        assert await content.restore_tag(image, Tag("v1"), Actor("user:else", 1, "zt1.1.8")) == pushed.digest
        found = await content.manifest(image, Tag("v1"))
        assert (found.body, found.token) == (body, "zt1.1.8")
        assert await read_all(content.read_blob(image, Digest.of(b"layer of v1"))) == b"layer of v1"
        assert (await content.tags(image, 10)).tags == (Tag("v1"),)
        with pytest.raises(ManifestUnknown):
            await content.restore_tag(image, Tag("v1"), actor)
        assert (await content.deleted_tags(image, 0)).tags == ()

    async def test_what_can_not_be_restored_is_told_why(self, content: Content, image: UUID, actor: Actor) -> None:
        """It was pushed since, it was never there, or the image does not hold all of it any more."""
        await push_image(content, image, actor, "v1")
        second = await push_image(content, image, actor, "v2")
        await content.delete_tag(image, Tag("v1"), actor)
        body = (await content.manifest(image, Tag("v2"))).body
        await push_manifest(content, image, body, actor, Tag("v1"))
        with pytest.raises(TagTaken, match=str(second.digest)):
            await content.restore_tag(image, Tag("v1"), actor)
        with pytest.raises(ManifestUnknown):
            await content.restore_tag(image, Tag("never"), actor)
        with pytest.raises(ManifestUnknown):
            await content.restore_manifest(image, Digest.of(b"never"), actor)
        await content.delete_manifest(image, second.digest, actor)
        await content.delete_blob(image, Digest.of(b"layer of v2"))
        with pytest.raises(ManifestBlobUnknown):
            await content.restore_manifest(image, second.digest, actor)
        with pytest.raises(ManifestBlobUnknown):
            await content.restore_tag(image, Tag("v2"), actor)

    async def test_a_deleted_manifest_is_restored(self, content: Content, image: UUID, actor: Actor) -> None:
        """By its digest, without its tags; one that is there stays as it is."""
        pushed = await push_image(content, image, actor, "v1")
        await content.restore_manifest(image, pushed.digest, actor)
        await content.delete_manifest(image, pushed.digest, actor)
        await content.restore_manifest(image, pushed.digest, actor)
        assert (await content.manifest(image, pushed.digest)).digest == pushed.digest
        assert (await content.tags(image, 10)).tags == ()
        assert await content.restore_tag(image, Tag("v1"), actor) == pushed.digest


class ContentContract(BlobContract, UploadContract, ManifestContract, ImageDeletionContract, UndoContract):
    """All of it. Give it a `content` that holds nothing."""
