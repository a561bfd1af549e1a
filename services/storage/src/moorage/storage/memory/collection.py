"""What waits for review, and the steps from content to what nobody refers to any more."""

from collections.abc import Sequence
from uuid import UUID

from moorage.oci.digest import Digest
from moorage.storage import fallback_tag
from moorage.storage.collection import (
    BlobState,
    Collected,
    Cutoff,
    Kind,
    LinkState,
    ManifestState,
    Policy,
    Reviewable,
    Verdict,
    Wait,
    judge_blob,
    judge_link,
)
from moorage.storage.collection_store import Batch, Place, Queue, Reviewed
from moorage.storage.kinship import Kinship, Near
from moorage.storage.memory.tables import MemoryTables, Review
from moorage.storage.tag_store import TagMove


class MemoryCollectionStore:
    """See CollectionStore. There is nothing to lock: a review holds what it looks at by not waiting."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def cutoff(self, policy: Policy) -> Cutoff:
        """See CollectionStore."""
        return Cutoff(self._tables.clock.now(), policy)

    async def queue(self, kind: Kind, cutoff: Cutoff) -> Queue:
        """See CollectionStore."""
        due, waiting = cutoff.due(kind), [r.since for r in self._tables.reviews.values() if r.of.kind is kind]
        over = [since for since in waiting if due is not None and since <= due]
        return Queue(len(waiting), len(over), min(over, default=None))

    async def review(self, batch: Batch) -> Reviewed:
        """See CollectionStore."""
        gone = dict[Reviewable, int]()
        reviews = self._due(batch)
        last = _last(reviews)  # before any of them is put back
        for review in reviews:
            verdict, found = await self._judged(review.of, batch.cutoff)
            self._take(found, batch.cutoff)
            gone |= found
            if isinstance(verdict, Wait):
                review.since = verdict.since
            else:
                del self._tables.reviews[review.id]
        return Reviewed(len(reviews), last, gone)

    async def preview(self, batch: Batch) -> Reviewed:
        """See CollectionStore."""
        gone, reviews = dict[Reviewable, int](), self._due(batch)
        for review in reviews:
            gone |= (await self._judged(review.of, batch.cutoff))[1]
        return Reviewed(len(reviews), _last(reviews), gone)

    async def forget_deleted(self, cutoff: Cutoff, limit: int) -> Collected:
        """See CollectionStore."""
        tables = self._tables
        tags = [key for key, each in tables.deleted_tags.items() if each.deleted_at <= cutoff.undo][:limit]
        manifests = [key for key, each in tables.deleted_manifests.items() if each.deleted_at <= cutoff.undo][:limit]
        for tag in tags:
            del tables.deleted_tags[tag]
        for image, digest in manifests:
            del tables.deleted_manifests[image, digest]
            self._end_companions(image, digest, cutoff.policy)
        return Collected(tags=len(tags), manifests=len(manifests))

    async def forgettable(self, cutoff: Cutoff) -> Collected:
        """See CollectionStore."""
        tags = sum(each.deleted_at <= cutoff.undo for each in self._tables.deleted_tags.values())
        manifests = sum(each.deleted_at <= cutoff.undo for each in self._tables.deleted_manifests.values())
        return Collected(tags=tags, manifests=manifests)

    def _due(self, batch: Batch) -> list[Review]:
        due = batch.cutoff.due(batch.kind)
        found = [
            review
            for review in self._tables.reviews.values()
            if review.of.kind is batch.kind
            and due is not None
            and review.since <= due
            and (review.since, review.id) > (batch.after.since, batch.after.id)
        ]
        return sorted(found, key=lambda review: (review.since, review.id))[: batch.limit]

    async def _judged(self, of: Reviewable, cutoff: Cutoff) -> tuple[Verdict | Wait, dict[Reviewable, int]]:
        match of.kind:
            case Kind.BLOB:
                verdict, size = self._blob(of.digest, cutoff)
                return verdict, {of: size} if verdict is Verdict.COLLECT else {}
            case Kind.LINK:
                judged = self._link(of.image, of.digest, cutoff)
                return judged, {of: 0} if judged is Verdict.COLLECT else {}
            case Kind.MANIFEST:
                walks = Kinship(lambda i, d: self._states(i, d, cutoff), self._nears, cutoff)
                family = await walks.family(of.image, of.digest)
                return family.verdict, {Reviewable(Kind.MANIFEST, of.image, each): 0 for each in family.members}

    def _blob(self, digest: Digest, cutoff: Cutoff) -> tuple[Verdict, int]:
        tables = self._tables
        stored = tables.blobs.get(digest)
        if stored is None:
            return Verdict.DROP, 0
        is_linked = any(held == digest for _, held in tables.links)
        latest = max(r.since for r in tables.reviews.values() if r.of.kind is Kind.BLOB and r.of.digest == digest)
        return judge_blob(BlobState(digest, stored.size, is_linked, latest), cutoff), stored.size

    def _link(self, image: UUID, digest: Digest, cutoff: Cutoff) -> Verdict | Wait:
        tables = self._tables
        if (image, digest) not in tables.links:
            return Verdict.DROP
        live = [entry for (holder, _), entry in tables.manifests.items() if holder == image]
        aside = [
            each.entry
            for (holder, _), each in tables.deleted_manifests.items()
            if holder == image and each.deleted_at > cutoff.undo
        ]
        is_named = any(digest in entry.blobs or digest in entry.children for entry in (*live, *aside))
        pushing = min((s.started_at for s in tables.sessions.values() if s.image == image), default=None)
        of = Reviewable(Kind.LINK, image, digest)
        latest = max(review.since for review in tables.reviews.values() if review.of == of)
        return judge_link(LinkState(image, digest, tables.links[image, digest], is_named, pushing, latest), cutoff)

    async def _states(self, image: UUID, digests: Sequence[Digest], cutoff: Cutoff) -> list[ManifestState]:
        return [self._state(image, digest, cutoff) for digest in digests]

    def _state(self, image: UUID, digest: Digest, cutoff: Cutoff) -> ManifestState:
        tables, of = self._tables, Reviewable(Kind.MANIFEST, image, digest)
        latest = max((review.since for review in tables.reviews.values() if review.of == of), default=None)
        aside = {
            named
            for (holder, deleted), each in tables.deleted_manifests.items()
            if holder == image and each.deleted_at > cutoff.undo
            for named in (deleted, each.entry.record.subject, *each.entry.children)
        } | {
            each.entry.digest
            for (holder, _), each in tables.deleted_tags.items()
            if holder == image and each.deleted_at > cutoff.undo
        }
        is_held = digest in aside or bool(tables.tags_on(image, digest))
        entry = tables.manifests.get((image, digest))
        return ManifestState(digest, entry is not None, is_held, entry.told_at if entry else None, latest)

    async def _nears(self, image: UUID, digests: Sequence[Digest]) -> list[Near]:
        found = list[Near]()
        for digest in digests:
            entry = self._tables.manifests.get((image, digest))
            subject = [entry.record.subject] if entry and entry.record.subject else []
            nears = (*self._tables.parents(image, digest), *subject, *self._tables.referrers(image, digest))
            found += [(digest, near) for near in nears]
        return found

    def _take(self, gone: dict[Reviewable, int], cutoff: Cutoff) -> None:
        for kind, image, digest in gone:
            match kind:
                case Kind.BLOB:
                    self._tables.discarded.append(self._tables.blobs.pop(digest).key)
                case Kind.LINK:
                    self._tables.unlink(image, digest)
                case Kind.MANIFEST:
                    before = set(self._tables.reviews)
                    self._tables.drop_manifest(image, digest)
                    self._give_no_new_grace(before, cutoff)
                    self._end_companions(image, digest, cutoff.policy)

    def _give_no_new_grace(self, before: set[int], cutoff: Cutoff) -> None:
        """What was due by itself stays so, whatever order things are deleted in (R100)."""
        reviews, due = self._tables.reviews, cutoff.due(Kind.MANIFEST)
        over = {reviews[id].of for id in before if due is not None and reviews[id].since <= due}
        for id in [id for id, r in reviews.items() if id not in before and r.of.kind is Kind.MANIFEST and r.of in over]:
            del reviews[id]

    def _end_companions(self, image: UUID, subject: Digest, policy: Policy) -> None:
        for tag in fallback_tag.companions(subject) if policy.with_subject else ():
            gone = self._tables.drop_tag(image, tag)
            if gone is not None:
                self._tables.history.append((image, TagMove(tag, gone.digest, None, "collection")))


def _last(reviews: Sequence[Review]) -> Place | None:
    return Place(reviews[-1].since, reviews[-1].id) if reviews else None
