"""What may be collected, and when (R95, R96). Pure.

Whatever loses a name, or has none yet, is written down for review together with the moment. A review that is due looks
at it as it is then: it goes, or the review is dropped because a name is back or another review follows, or it waits.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from moorage.oci.digest import Digest

GRACE: Final = timedelta(hours=24)
NOBODY: Final = UUID(int=0)
"""In the place of an image where a blob is meant, whoever holds it."""
MOST_KIN: Final = 10_000
"""Manifests that one walk looks at; where there are more, all of them are kept (R139)."""
_RETRY: Final = timedelta(minutes=5)


class Kind(StrEnum):
    """What is reviewed: a blob that an image let go of, a link of a blob to an image, a manifest."""

    BLOB = "blob"
    LINK = "link"
    MANIFEST = "manifest"


class Reviewable(NamedTuple):
    """Something that may be collected."""

    kind: Kind
    image: UUID
    digest: Digest


@dataclass(frozen=True, slots=True)
class Policy:
    """How long what nothing names is kept.

    `untagged_after`: manifests that nothing names are collected after that long, None keeps them. `with_subject`: the
    tags by which older clients attach signatures and lists of referrers go when their subject is gone for good (R156).
    """

    grace: timedelta = GRACE
    untagged_after: timedelta | None = None
    with_subject: bool = False

    def age(self, kind: Kind) -> timedelta | None:
        """How long after it was written down a review is due; None: never."""
        if kind is not Kind.MANIFEST or self.untagged_after is None:
            return None if kind is Kind.MANIFEST else self.grace
        return max(self.grace, self.untagged_after)

    @property
    def told_again_after(self) -> timedelta:
        """It is noted at most so often that clients were told of a blob, or of a manifest by its digest."""
        return self.grace / 4

    @property
    def kept_after_told(self) -> timedelta:
        """How long that keeps after the last note: a whole grace after each answer, noted or not (R96)."""
        return self.grace + self.told_again_after

    @property
    def retry(self) -> timedelta:
        """When what somebody else works on is looked at again."""
        return min(self.grace, _RETRY)


class Verdict(Enum):
    """What becomes of a review that needs no further one."""

    COLLECT = "collect"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Wait:
    """The review is put back, as if it had been written down then."""

    since: datetime


@dataclass(frozen=True, slots=True)
class Cutoff:
    """The moment of a run, by the clock of the store, and what its policy says of it."""

    now: datetime
    policy: Policy

    def due(self, kind: Kind) -> datetime | None:
        """Reviews since then or earlier are due."""
        age = self.policy.age(kind)
        return None if age is None else self.now - age

    @property
    def undo(self) -> datetime:
        """What was deleted then or earlier does not come back."""
        return self.now - self.policy.grace

    @property
    def told(self) -> datetime:
        """What clients were last noted to be told of then or earlier is not kept for that any more."""
        return self.now - self.policy.kept_after_told

    def later(self, kind: Kind) -> Wait:
        """It is looked at again in a while."""
        return Wait(self.now + self.policy.retry - (self.policy.age(kind) or self.policy.grace))


@dataclass(frozen=True, slots=True)
class BlobState:
    """A blob as a review finds it. `latest` is the youngest review of it that is written down."""

    digest: Digest
    size: int
    is_linked: bool
    latest: datetime


@dataclass(frozen=True, slots=True)
class LinkState:
    """A blob's link to an image. `told_at`: when clients were last noted to be told of it.

    `pushing_since` is the start of the oldest upload session that is open in the image.
    """

    image: UUID
    digest: Digest
    told_at: datetime
    is_named: bool
    pushing_since: datetime | None
    latest: datetime


@dataclass(frozen=True, slots=True)
class ManifestState:
    """A manifest as a walk finds it; it may be missing, as a subject may.

    `is_held`: a tag names it, or a deletion that can still be undone. `told_at`: when clients were last noted to be
    told of it by its digest; None if it is missing.
    """

    digest: Digest
    is_there: bool
    is_held: bool
    told_at: datetime | None
    latest: datetime | None


def judge_blob(blob: BlobState, cutoff: Cutoff) -> Verdict:
    """Discarded if no image has held it for the grace."""
    is_over = not blob.is_linked and _is_due(blob.latest, cutoff, Kind.BLOB)
    return Verdict.COLLECT if is_over else Verdict.DROP


def judge_link(link: LinkState, cutoff: Cutoff) -> Verdict | Wait:
    """Ended if nothing in the image names the blob, and nobody can be about to because of what they were told."""
    if link.is_named or not _is_due(link.latest, cutoff, Kind.LINK):
        return Verdict.DROP
    policy = cutoff.policy
    if link.told_at > cutoff.told:
        return Wait(link.told_at + policy.told_again_after)
    # Its manifest may wait for that upload to end. One that began later is another push: it would have asked again.
    if link.pushing_since is not None and link.pushing_since <= link.told_at + policy.kept_after_told:
        return cutoff.later(Kind.LINK)
    return Verdict.COLLECT


def judge_manifest(manifest: ManifestState, cutoff: Cutoff) -> Verdict | Wait:
    """Whether it would go, as far as it alone is concerned. It stays as long as anything that could keep it does."""
    if manifest.is_held:
        return Verdict.DROP
    since = [each for each in (manifest.latest, _as_if_written_down(manifest.told_at, cutoff)) if each is not None]
    is_young = manifest.is_there and any(not _is_due(each, cutoff, Kind.MANIFEST) for each in since)
    return Wait(max(since)) if is_young else Verdict.COLLECT


@dataclass(frozen=True, slots=True)
class Collected:
    """What went, or would go: deleted tags that could be restored, manifests, links, blobs and the bytes of these."""

    tags: int = 0
    manifests: int = 0
    links: int = 0
    blobs: int = 0
    bytes: int = 0

    @classmethod
    def of(cls, gone: Mapping["Reviewable", int]) -> "Collected":
        """What it is to collect these, with the sizes of blobs."""
        count = Counter(each.kind for each in gone)
        return cls(0, count[Kind.MANIFEST], count[Kind.LINK], count[Kind.BLOB], sum(gone.values()))

    def __add__(self, other: "Collected") -> "Collected":
        return Collected(
            self.tags + other.tags,
            self.manifests + other.manifests,
            self.links + other.links,
            self.blobs + other.blobs,
            self.bytes + other.bytes,
        )


NOTHING: Final = Collected()


def _as_if_written_down(told_at: datetime | None, cutoff: Cutoff) -> datetime | None:
    """When a review would have been written down that is due as soon as the manifest may go that was told of (R96)."""
    age = cutoff.policy.age(Kind.MANIFEST)
    return None if told_at is None or age is None else told_at + cutoff.policy.kept_after_told - age


def _is_due(latest: datetime, cutoff: Cutoff, kind: Kind) -> bool:
    due = cutoff.due(kind)
    return due is not None and latest <= due
