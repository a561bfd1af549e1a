"""What can be wrong with a stored object, and how far a look at all of them has come. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from moorage.oci.digest import Digest


class Damage(StrEnum):
    """What a verification found instead of a blob's bytes.

    The first two show in the size alone, so each request sees for itself whether they last. The others show only to
    who reads all of the object: their mark makes the blob one that is not there (R92, R93).
    """

    MISSING = "missing"
    RESIZED = "resized"
    ALTERED = "altered"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class ListedBlob:
    """A blob as its row tells it: where its bytes are, how many they must be, what was last found wrong with them."""

    digest: Digest
    key: UUID
    size: int
    damage: Damage | None = None


@dataclass(frozen=True, slots=True)
class KnownDamage:
    """A blob whose object is damaged, since when that is known, and the images that hold it."""

    digest: Digest
    size: int
    damage: Damage
    found_at: datetime
    images: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pass has come: every blob up to the digest `after` was looked at, so many objects and bytes."""

    began_at: datetime
    after: str = ""
    objects: int = 0
    bytes: int = 0

    def past(self, blob: ListedBlob) -> "Progress":
        """The same, one blob further."""
        return replace(self, after=str(blob.digest), objects=self.objects + 1, bytes=self.bytes + blob.size)


@dataclass(frozen=True, slots=True)
class Extent:
    """How many blobs there are, and how many bytes they have."""

    objects: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Verified:
    """A whole pass: how much was looked at, and how many of the objects by earlier runs that did not end."""

    objects: int
    bytes: int
    resumed: int
