"""What the memory stores share, as the PostgreSQL ones share a schema."""

import itertools
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.oci.digest import Digest
from moorage.oci.reference import Tag
from moorage.runtime.clock import Clock, SystemClock
from moorage.storage import references
from moorage.storage.collection import NOBODY, Kind, Reviewable
from moorage.storage.damage import KnownDamage, Progress
from moorage.storage.manifest_record import ManifestRecord
from moorage.storage.ports import StoredObject
from moorage.storage.tag_store import TagMove
from moorage.storage.upload_session import Session

Link = tuple[UUID, Digest]
_LONG, _BEFORE = timedelta(hours=1), timedelta(days=1)
"""An upload that took longer, and what was pushed that long before it began, may belong to one push."""


@dataclass(slots=True)
class ManifestEntry:
    """A manifest of an image; `token` is the highest it was pushed at, `order` that of first pushes.

    `told_at`: when clients were last noted to be told of it by its digest, or it came.
    """

    record: ManifestRecord
    token: ConsistencyToken
    token_is_local: bool
    order: int
    told_at: datetime

    @property
    def blobs(self) -> list[Digest]:
        """The blobs it names."""
        return references.digests(self.record.references.blobs)

    @property
    def children(self) -> list[Digest]:
        """The manifests it names."""
        return references.digests(self.record.references.manifests)


@dataclass(slots=True)
class TagEntry:
    """A tag of an image."""

    digest: Digest
    token: ConsistencyToken
    token_is_local: bool


@dataclass(frozen=True, slots=True)
class DeletedManifest:
    """A manifest that was deleted by hand."""

    entry: ManifestEntry
    deleted_at: datetime


@dataclass(frozen=True, slots=True)
class DeletedTagEntry:
    """A tag that was deleted by hand."""

    entry: TagEntry
    deleted_at: datetime
    deleted_by: str


@dataclass(slots=True)
class Review:
    """One review that waits."""

    id: int
    of: Reviewable
    since: datetime


@dataclass(slots=True)
class MemoryTables:
    """All that is known. Every step on it is taken without an `await`, and so is a transaction.

    The methods do what triggers do in the schema: whatever loses a name is written down for review.
    """

    clock: Clock = field(default_factory=SystemClock)
    sessions: dict[UUID, Session] = field(default_factory=dict)
    discarded: list[UUID] = field(default_factory=list)
    blobs: dict[Digest, StoredObject] = field(default_factory=dict)
    links: dict[Link, datetime] = field(default_factory=dict)
    manifests: dict[Link, ManifestEntry] = field(default_factory=dict)
    tags: dict[tuple[UUID, Tag], TagEntry] = field(default_factory=dict)
    damage: dict[Digest, KnownDamage] = field(default_factory=dict)
    passes: dict[str, Progress] = field(default_factory=dict)
    history: list[tuple[UUID, TagMove]] = field(default_factory=list)
    deleted_manifests: dict[Link, DeletedManifest] = field(default_factory=dict)
    deleted_tags: dict[tuple[UUID, Tag], DeletedTagEntry] = field(default_factory=dict)
    reviews: dict[int, Review] = field(default_factory=dict)
    moved: list[UUID] = field(default_factory=list)
    """Images of which something moved or went that readers may remember, in order; see MemoryHoldFeed."""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def review(self, kind: Kind, image: UUID, digests: Iterable[Digest]) -> None:
        """Writes them down, as of now."""
        for digest in digests:
            id = next(self.numbers)
            self.reviews[id] = Review(id, Reviewable(kind, image, digest), self.clock.now())

    def link(self, image: UUID, digest: Digest) -> None:
        """The image holds the blob, and clients are told so now."""
        if (image, digest) not in self.links:
            self.review(Kind.LINK, image, [digest])
        self.links[image, digest] = self.clock.now()

    def change_blob(self, digest: Digest, stored: StoredObject) -> None:
        """The blob has another object, or is damaged, or is whole again."""
        if self.blobs.get(digest) != stored:
            self.moved += [image for image, linked in self.links if linked == digest]
        self.blobs[digest] = stored

    def unlink(self, image: UUID, digest: Digest) -> bool:
        """Whether there was a link."""
        if self.links.pop((image, digest), None) is None:
            return False
        self.moved.append(image)
        self.review(Kind.BLOB, NOBODY, [digest])
        return True

    def drop_manifest(self, image: UUID, digest: Digest) -> ManifestEntry | None:
        """The manifest that was there; its tags go too."""
        entry = self.manifests.pop((image, digest), None)
        if entry is None:
            return None
        self.moved.append(image)
        for tag in self.tags_on(image, digest):
            self.drop_tag(image, tag)
        self.review(Kind.LINK, image, entry.blobs)
        self.review(Kind.MANIFEST, image, entry.children)
        self.review(Kind.MANIFEST, image, self.referrers(image, digest))
        self.review(Kind.MANIFEST, image, [entry.record.subject] if entry.record.subject else [])
        return entry

    def drop_tag(self, image: UUID, tag: Tag) -> TagEntry | None:
        """The tag that was there."""
        entry = self.tags.pop((image, tag), None)
        if entry is not None:
            self.moved.append(image)
            self.review(Kind.MANIFEST, image, [entry.digest])
        return entry

    def end_session(self, session: UUID) -> Session | None:
        """The session that was open; what was linked while a long one went on counts as told of now."""
        ended = self.sessions.pop(session, None)
        if ended is not None:
            self._keep_what_was_pushed_meanwhile(ended)
        return ended

    def tags_on(self, image: UUID, digest: Digest) -> list[Tag]:
        """The tags of a manifest, by name."""
        return sorted(tag for (holder, tag), e in self.tags.items() if holder == image and e.digest == digest)

    def referrers(self, image: UUID, subject: Digest) -> list[Digest]:
        """The manifests that refer to it."""
        found = self.manifests.items()
        return [digest for (holder, digest), e in found if holder == image and e.record.subject == subject]

    def parents(self, image: UUID, child: Digest) -> list[Digest]:
        """The manifests that name it."""
        return [digest for (holder, digest), e in self.manifests.items() if holder == image and child in e.children]

    def depth(self, image: UUID, children: Collection[Digest]) -> int:
        """How many manifests lie one below the other there, counted to one more than an index may have."""
        level, depth = set(children), 0
        while level and depth <= references.MAX_INDEX_DEPTH:
            depth += 1
            there = [self.manifests[image, digest] for digest in level if (image, digest) in self.manifests]
            level = {child for entry in there for child in entry.children}
        return depth

    def _keep_what_was_pushed_meanwhile(self, ended: Session) -> None:
        now = self.clock.now()
        if ended.started_at >= now - _LONG:
            return
        for (image, digest), told_at in self.links.items():
            if image == ended.image and ended.started_at - _BEFORE <= told_at < now - _LONG:
                self.links[image, digest] = now
