"""The port behind the distribution API: what an image holds, keyed by the image's UUID.

Storage implements it; its client speaks it over HTTP; the gateway and storage serve it. Promises hold for every
implementation (tests/contracts/content.py). Authorization is not its business: who calls has decided already.
Any method may raise Unavailable.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from moorage.access.consistency import ORIGIN
from moorage.oci.byte_range import ByteRange
from moorage.oci.descriptor import Descriptor
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.reference import Reference, Tag


@dataclass(frozen=True, slots=True)
class Actor:
    """On whose behalf content changes: the principal as text, the link generation that was authorized, the position.

    `token` is the consistency token of the authorization, stored with manifests and tags (authorization.md §3.5). It is
    local if the authority was away and local facts decided: what is pushed is protected only as far as they were fresh.
    """

    principal: str
    link_gen: int
    token: str = str(ORIGIN)
    token_is_local: bool = False


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob that an image holds. `digest` is in the algorithm that was asked for."""

    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class UploadSession:
    """An open upload: its id, how many bytes are stored, and what algorithm hashes them."""

    id: UUID
    offset: int
    algorithm: DigestAlgorithm = DigestAlgorithm.SHA256


Piece = bytes | memoryview
"""A piece of a stream. A memoryview shows a buffer that is filled again: it is valid until the next is asked for."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes to append: the stream, where the client says they lie, and how many it announced. None: it did not say."""

    body: AsyncIterator[Piece]
    span: ByteRange | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest exactly as pushed. `digest` is in the algorithm that was asked for.

    `token` is the highest consistency token of the manifest and, if read by tag, of the tag; it is local if either is.
    """

    digest: Digest
    media_type: str
    body: bytes
    token: str
    token_is_local: bool = False


@dataclass(frozen=True, slots=True)
class ManifestPush:
    """A manifest to store: its bytes as received, its type, the digest or tag in the path, and further tags."""

    reference: Reference
    content_type: str
    body: bytes
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True)
class PushedManifest:
    """What was stored: the digest, the subject's digest if there is one (`OCI-Subject`), the tags that moved."""

    digest: Digest
    subject: Digest | None
    tags: tuple[Tag, ...]


@dataclass(frozen=True, slots=True)
class TagPage:
    """Tags by code point; `more` says whether others follow the last one.

    `token` is the highest consistency token of what the page tells, the tag that follows included.
    """

    tags: tuple[Tag, ...]
    more: bool
    token: str = str(ORIGIN)


@dataclass(frozen=True, slots=True)
class Referrers:
    """The descriptors of manifests that point at a subject, oldest first, and their highest consistency token."""

    descriptors: Sequence[Descriptor] = field(default_factory=tuple)
    token: str = str(ORIGIN)


class Held(StrEnum):
    """The furthest that pushing to an image has come: to blobs, to an upload that is open now, or to manifests."""

    NOTHING = "nothing"
    BLOBS = "blobs"
    UPLOADS = "uploads"
    MANIFESTS = "manifests"


@dataclass(frozen=True, slots=True)
class DeletedTag:
    """A tag that was deleted and can be restored: what it named, who deleted it, and until when it comes back."""

    tag: Tag
    digest: Digest
    deleted_at: datetime
    deleted_by: str
    restorable_until: datetime


@dataclass(frozen=True, slots=True)
class DeletedTagPage:
    """Deleted tags by code point; `more` says whether others follow the last one."""

    tags: tuple[DeletedTag, ...]
    more: bool


class BlobFile(Protocol):
    """An open file of exactly a blob's bytes, verified and not changed since; whoever gets it closes it."""

    @property
    def descriptor(self) -> int:
        """To read from at any offset; reading moves nothing."""
        ...

    def has_changed(self) -> bool:
        """Whether somebody has written to it since it was opened: then its bytes count for nothing. Raises OSError."""
        ...

    def close(self) -> None:
        """Once."""
        ...


class Content(Protocol):
    """What images hold. A digest known from elsewhere grants nothing: everything is asked of one image (R67)."""

    async def stat_blob(self, image: UUID, digest: Digest) -> Blob:
        """The blob, if this image holds it and its bytes are there in full size. Raises BlobUnknown."""
        ...

    def read_blob(self, image: UUID, digest: Digest, span: ByteRange | None = None) -> AsyncIterator[bytes]:
        """The bytes, in order. Raises BlobUnknown before the first one.

        A whole read is verified: damage raises DamagedContent before the last byte is handed out (R92).
        """
        ...

    async def blob_file(self, image: UUID, digest: Digest) -> BlobFile | None:
        """The blob as a file that may be sent without reading it again (R92). Raises BlobUnknown.

        None where blobs are no files, or this one's bytes were not verified yet, or not lately: then `read_blob` it.
        """
        ...

    async def delete_blob(self, image: UUID, digest: Digest) -> None:
        """Unlinks the blob from this image only (R43). Raises BlobUnknown."""
        ...

    async def mount_blob(self, source: UUID, target: UUID, digest: Digest, actor: Actor) -> bool:
        """Links a blob that `source` holds into `target`; False if it doesn't."""
        ...

    async def start_upload(self, image: UUID, actor: Actor, algorithm: DigestAlgorithm) -> UploadSession:
        """Opens a session bound to image, principal and link generation."""
        ...

    async def upload(self, image: UUID, session: UUID, actor: Actor) -> UploadSession:
        """The session as it stands. Raises UploadUnknown (also to others, R68), UploadInvalid (relinked since)."""
        ...

    async def append(self, image: UUID, session: UUID, actor: Actor, chunk: Chunk) -> UploadSession:
        """Streams a chunk to the end of the stored bytes.

        Raises UploadUnknown, UploadInvalid, ChunkOutOfOrder (nothing changed), UploadBusy, SizeInvalid, BlobTooLarge.
        If the stream breaks off, what arrived is kept and counted (R89) and the stream's exception goes on.
        """
        ...

    async def finish_upload(
        self, image: UUID, session: UUID, actor: Actor, digest: Digest, last: Chunk | None = None
    ) -> Blob:
        """Appends the last chunk, verifies the digest, makes the bytes durable, links the blob, closes the session.

        Returns only when all of it is durable (R84). Raises what `append` raises, and DigestInvalid: then nothing is
        readable under either digest and the session is closed.
        """
        ...

    async def cancel_upload(self, image: UUID, session: UUID, actor: Actor) -> None:
        """Ends the session and frees its bytes (R17). Raises UploadUnknown."""
        ...

    async def put_manifest(self, image: UUID, push: ManifestPush, actor: Actor) -> PushedManifest:
        """Verifies and stores a manifest, its references and tags in one durable transaction.

        Raises ManifestInvalid, ManifestBlobUnknown, MediaTypeUnsupported, DigestInvalid (wrong digest in the path).
        """
        ...

    async def manifest(self, image: UUID, reference: Reference) -> StoredManifest:
        """The manifest under a tag or digest. Raises ManifestUnknown."""
        ...

    async def delete_manifest(self, image: UUID, digest: Digest, actor: Actor) -> None:
        """Removes the manifest and every tag on it (R41); for a while they can be restored. Raises ManifestUnknown."""
        ...

    async def delete_tag(self, image: UUID, tag: Tag, actor: Actor) -> None:
        """Removes the tag only; for a while it can be restored. Raises ManifestUnknown."""
        ...

    async def tags(self, image: UUID, limit: int, after: str = "") -> TagPage:
        """At most `limit` tags whose text is greater than `after`, by code point."""
        ...

    async def deleted_tags(self, image: UUID, limit: int, after: str = "") -> DeletedTagPage:
        """At most `limit` tags that can be restored and are greater than `after`, by code point."""
        ...

    async def restore_tag(self, image: UUID, tag: Tag, actor: Actor) -> Digest:
        """Undoes the deletion of a tag, and of the manifest that it named, which is answered.

        Raises ManifestUnknown (nothing to restore, or too late), TagTaken (pushed since), ManifestBlobUnknown (the
        image does not hold all of it any more).
        """
        ...

    async def restore_manifest(self, image: UUID, digest: Digest, actor: Actor) -> None:
        """Undoes the deletion of a manifest and of those that it names; its tags stay deleted.

        Raises ManifestUnknown (nothing to restore, or too late), ManifestBlobUnknown. One that is there stays.
        """
        ...

    async def referrers(self, image: UUID, subject: Digest) -> Referrers:
        """Manifests of this image whose subject is `subject`; empty if there is none."""
        ...

    async def held(self, image: UUID) -> Held:
        """How far pushing to the image has come."""
        ...

    async def delete_image(self, image: UUID) -> None:
        """Removes all manifests, tags, links and sessions of the image for good; done twice is done once."""
        ...


class DamagedContent(Exception):
    """Stored bytes are not what was stored: logged and counted, the connection is cut, nothing is served as whole."""
