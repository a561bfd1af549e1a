"""What storage needs from outside: a place for bytes, and stores of what is known about them.

Every method may raise Unavailable; those that write bytes StorageFull too. What an upload session's id names lives
under that id all its life: first as *provisional* bytes, then, committed, as an *object*. The session's row owns them.
The transaction that ends the session hands them to a blob's row or writes the key down as discarded, so an object is
never owned by two, nor by none.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.distribution.content import Piece, StoredManifest
from moorage.oci.byte_range import ByteRange
from moorage.oci.descriptor import Descriptor
from moorage.oci.digest import Digest
from moorage.oci.errors import Unavailable
from moorage.oci.reference import Reference
from moorage.storage.manifest_record import ManifestRecord
from moorage.storage.object_file import ObjectFile
from moorage.storage.upload_session import Session

T = TypeVar("T")
Tap = Callable[[Piece], object]
"""Is given bytes as they pass, in order, perhaps in another thread, never in two at once: a running hash."""


class ObjectMissing(Exception):
    """The driver holds nothing under this key."""


class ObjectUnreadable(Unavailable):
    """The medium fails where the object's bytes lie: that says something of the object, as other failures do not."""


class HeldUpload(Protocol):
    """Provisional bytes that nobody else, in any process, can write to meanwhile."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    @property
    def is_sealed(self) -> bool:
        """Whether they were committed already: they can be read and committed again, not changed."""
        ...

    @property
    def can_commit_again(self) -> bool:
        """Whether a failed commit may be repeated: not where a second fsync claims success for what the first lost."""
        ...

    async def append(self, block: Sequence[Piece], tap: Tap) -> None:
        """Takes the block's pieces to the end and shows them to `tap`; it keeps none of them.

        Raises UploadInvalid if the bytes are sealed. Cancelled, it first finishes. After any other failure what was
        appended since the last `flush` is taken back with `truncate`, or lost with the hold.
        """
        ...

    async def truncate(self, size: int) -> None:
        """Takes back what lies behind the first `size` bytes: what there was when the hold began, or at `flush`.

        Sealed bytes stay as they are.
        """
        ...

    async def flush(self) -> None:
        """Returns when what was appended survives the death of this process; power loss only after `commit`."""
        ...

    async def replay(self, tap: Tap) -> None:
        """Shows all bytes to `tap`."""
        ...

    async def commit(self) -> None:
        """Makes the bytes the object of this key, durable when it returns (R84).

        Raises ObjectMissing if they were deleted meanwhile, UploadBusy if another process holds them by now. After any
        other failure the bytes must be given up unless `can_commit_again`.
        """
        ...


class BlobDriver(Protocol):
    """Keeps bytes under a key: provisional, then immutable. See tests/contracts/blob_driver.py."""

    async def create(self, key: UUID) -> None:
        """Begins provisional bytes, none yet."""
        ...

    def hold(self, key: UUID) -> AbstractAsyncContextManager[HeldUpload]:
        """The provisional bytes, to write. Raises ObjectMissing, UploadBusy.

        A hold ends with its process, at the latest some seconds afterwards. What was appended and not flushed may be
        lost with it.
        """
        ...

    async def received(self, key: UUID) -> int | None:
        """How many bytes there are, provisional or committed; None if neither."""
        ...

    async def size(self, key: UUID) -> int | None:
        """The size of the object, as the backend sees it now; None if it is missing."""
        ...

    def read(self, key: UUID, span: ByteRange | None = None, tap: Tap | None = None) -> AsyncGenerator[bytes, None]:
        """The object's bytes in order, each block shown to `tap` first; fewer than asked if it is shorter.

        Raises ObjectMissing before the first block.
        """
        ...

    async def file(self, key: UUID) -> ObjectFile | None:
        """The object as an open file, the caller's to close; None where it is no file. Raises ObjectMissing."""
        ...

    async def delete(self, key: UUID) -> None:
        """Frees what lies under the key, provisional or committed; nothing there is fine."""
        ...

    def leftovers(self, before: datetime) -> AsyncGenerator[UUID, None]:
        """Keys of provisional bytes last written to before that time."""
        ...

    def objects(self) -> AsyncGenerator[UUID, None]:
        """Keys of all objects, in no order; one that comes or goes meanwhile may be among them or not."""
        ...


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Where a blob's bytes are, how many they must be, and whether they are known to be others (R92)."""

    key: UUID
    size: int
    is_damaged: bool = False


@dataclass(frozen=True, slots=True)
class Vouched(Generic[T]):
    """What clients may be told of, and for how long from the call on without asking again (R96)."""

    what: T
    lasts: timedelta


class BlobStore(Protocol):
    """Which digests are stored, and which images hold them. See tests/contracts/metadata_blobs.py."""

    async def find(self, image: UUID, digest: Digest) -> StoredObject | None:
        """The object behind a blob that this image holds."""
        ...

    async def vouch(self, image: UUID, digest: Digest, told_again_after: timedelta) -> Vouched[StoredObject] | None:
        """As `find`, and whoever hears of it may rely on it (R96): the link notes that clients were told of the blob.

        Noted only if that was not done within `told_again_after`; else it costs what `find` does.
        """
        ...

    async def find_anywhere(self, digest: Digest) -> StoredObject | None:
        """The object behind a digest, whoever holds it. Its existence must never be told."""
        ...

    async def mount(self, source: UUID, target: UUID, digest: Digest) -> StoredObject | None:
        """Links into `target` what `source` holds; None if it does not."""
        ...

    async def unlink(self, image: UUID, digest: Digest) -> bool:
        """Whether there was a link to end."""
        ...

    async def unlink_all(self, image: UUID) -> None:
        """Ends all links of the image."""
        ...

    async def any_of(self, image: UUID) -> bool:
        """Whether the image holds a blob."""
        ...


@dataclass(frozen=True, slots=True)
class Completion:
    """The end of a session whose committed bytes have the digest. `replaces` is an object found damaged (R93)."""

    session: UUID
    digest: Digest
    size: int
    replaces: UUID | None = None


class SessionStore(Protocol):
    """Upload sessions, and the one step from a session to a blob. See tests/contracts/metadata_sessions.py."""

    async def open(self, session: Session, max_open: int) -> None:
        """Records a new session. Raises TooManyRequests if its principal has `max_open` already."""
        ...

    async def find(self, session: UUID) -> Session | None:
        """The session, if it is open."""
        ...

    async def touch(self, session: UUID, now: datetime) -> None:
        """Notes that it is in use."""
        ...

    async def end(self, session: UUID) -> bool:
        """Whether it was open. If so, its key is discarded now, and the caller's to delete."""
        ...

    async def end_all(self, image: UUID) -> list[UUID]:
        """Ends the image's sessions and says which, as `end` does."""
        ...

    async def any_of(self, image: UUID) -> bool:
        """Whether a session of the image is open."""
        ...

    async def complete(self, completion: Completion) -> list[UUID] | None:
        """In one durable step: ends the session, records blob and link. None if the session had ended.

        Of several that complete the same digest one object is kept. The answer is what became discarded, if anything.
        """
        ...

    async def complete_new(self, session: UUID, digest: Digest, size: int) -> bool:
        """As `complete`, if the digest is not stored. False, and nothing done, if it is or the session had ended."""
        ...

    async def complete_with(self, session: UUID, digest: Digest, stored: StoredObject) -> bool:
        """Links what is stored already instead of the session's own bytes, which are discarded.

        False, and nothing done, if the session had ended or the digest has another object by now.
        """
        ...

    async def ended_by(self, idle_since: datetime, started_before: datetime, limit: int) -> list[UUID]:
        """Sessions not in use since, or started before."""
        ...

    async def still_open(self, sessions: Sequence[UUID]) -> set[UUID]:
        """Those of them that are open."""
        ...

    async def discarded(self, limit: int) -> list[UUID]:
        """Keys whose bytes nothing refers to any more and that are not yet known to be deleted."""
        ...

    async def forget_discarded(self, keys: Sequence[UUID]) -> None:
        """Their bytes are deleted."""
        ...


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """What a list shows, and the consistency token that it was pushed at."""

    entry: T
    token: ConsistencyToken


@dataclass(frozen=True, slots=True)
class Restorer:
    """Who restores, and the position at which they were let: it counts as the position of a push."""

    principal: str
    token: ConsistencyToken


class ManifestStore(Protocol):
    """Manifests, what they name, and who refers to whom. See tests/contracts/metadata_manifests.py."""

    async def put(self, image: UUID, record: ManifestRecord) -> None:
        """Verifies the references and writes all of the record in one durable transaction.

        What the manifest names can't be unlinked in between. Raises what `References.verify` raises.
        Tokens never go back. A local one marks what is new; what was there already stays as protected as it was.
        """
        ...

    async def find(self, image: UUID, reference: Reference) -> StoredManifest | None:
        """The manifest under a tag or digest."""
        ...

    async def vouch(self, image: UUID, digest: Digest, told_again_after: timedelta) -> Vouched[StoredManifest] | None:
        """As `find`, and whoever hears of it may rely on it (R96): it notes that clients were told of it.

        Noted only if that was not done within `told_again_after`, the push included; else it costs what `find` does.
        """
        ...

    async def held(self, image: UUID, digests: Sequence[Digest]) -> dict[Digest, ConsistencyToken]:
        """Those of the digests that are manifests of the image, and the tokens of these."""
        ...

    async def delete(self, image: UUID, digest: Digest, principal: str) -> bool:
        """Whether there was one to delete; its tags go with it. Nobody sees them any more; see `restore`."""
        ...

    async def restore(self, image: UUID, digest: Digest, restorer: Restorer, window: timedelta) -> bool:
        """Whether a manifest that was deleted within `window` is back, with the deleted ones it names; no tags.

        Raises ManifestBlobUnknown if the image does not hold all that they name any more.
        """
        ...

    async def any_of(self, image: UUID) -> bool:
        """Whether the image has a manifest."""
        ...

    async def delete_all(self, image: UUID) -> None:
        """Deletes the image's manifests and tags."""
        ...

    async def referrers(self, image: UUID, subject: Digest) -> list[Listed[Descriptor]]:
        """The image's manifests with that subject, oldest first."""
        ...
