"""Upload sessions: who may go on with one, where a chunk may lie, when one ends. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from moorage.access.reason import Reason
from moorage.distribution.content import Actor, Chunk
from moorage.oci.digest import DigestAlgorithm
from moorage.oci.errors import BlobTooLarge, ChunkOutOfOrder, SizeInvalid, UploadBusy, UploadInvalid, UploadUnknown


@dataclass(frozen=True, slots=True)
class Session:
    """An upload session as it is recorded. Its id is also the key of its bytes, before and after they are a blob."""

    id: UUID
    image: UUID
    principal: str
    link_gen: int
    algorithm: DigestAlgorithm
    started_at: datetime
    touched_at: datetime


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session may be left alone, and how long it may live in all."""

    idle: timedelta = timedelta(hours=24)
    absolute: timedelta = timedelta(days=7)

    def has_ended(self, session: Session, now: datetime) -> bool:
        """Whether the session is past either bound (R143)."""
        return session.touched_at <= now - self.idle or session.started_at <= now - self.absolute


def admit(session: Session | None, image: UUID, actor: Actor) -> Session:
    """The session, if the actor may go on with it. Raises UploadUnknown (also to others), UploadInvalid (R68)."""
    if session is None or session.image != image or session.principal != actor.principal:
        raise unknown()
    if session.link_gen != actor.link_gen:
        raise UploadInvalid(
            "the image was linked to another repository while this upload was open: start it again",
            detail={"reason": Reason.LINK_CHANGED.value},
        )
    return session


def unknown() -> UploadUnknown:
    """The one answer for every session that is not there for who asks."""
    return UploadUnknown("no such upload is open: it was finished, cancelled or left for too long")


def busy() -> UploadBusy:
    """The answer to a second writer (R89)."""
    return UploadBusy("another request is writing to this upload: ask for its offset and go on from there")


def sealed() -> UploadInvalid:
    """The answer to bytes for an upload that was closed already, but not yet known to be."""
    return UploadInvalid("all bytes of this upload are stored: close it without sending more, or start again")


@dataclass(frozen=True, slots=True)
class Expectation:
    """How many bytes a chunk was announced to have (None: not said), and how many may be taken of it."""

    announced: int | None
    most: int
    room: int

    def check(self, received: int) -> None:
        """Raises SizeInvalid or BlobTooLarge if a chunk that ended has another length."""
        if self.announced is not None and received != self.announced:
            raise SizeInvalid(f"{self.announced} bytes were announced, {_amount(received, self.most)} arrived")
        if received > self.room:
            raise _too_large(self.room)


def expect(chunk: Chunk, offset: int, max_blob_bytes: int) -> Expectation:
    """What a chunk for a session of `offset` bytes may bring.

    Raises ChunkOutOfOrder (R14), SizeInvalid if the client's two statements differ, BlobTooLarge.
    """
    if chunk.span is not None and chunk.span.start != offset:
        raise ChunkOutOfOrder(
            f"the upload has {offset} bytes, the chunk starts at {chunk.span.start}",
            headers={"Range": stored_range(offset)},
        )
    spanned = chunk.span.length if chunk.span else None
    said = {length for length in (chunk.length, spanned) if length is not None}
    if len(said) > 1:
        raise SizeInvalid("the length of the chunk differs from that of its Content-Range")
    announced = said.pop() if said else None
    room = max(0, max_blob_bytes - offset)
    if announced is not None and announced > room:
        raise _too_large(room)
    return Expectation(announced, room if announced is None else announced, room)


def stored_range(offset: int) -> str:
    """The Range header of an upload of `offset` bytes; `0-0` also when it is empty (R15)."""
    return f"0-{max(0, offset - 1)}"


def _amount(received: int, most: int) -> str:
    return "more" if received > most else str(received)


def _too_large(room: int) -> BlobTooLarge:
    return BlobTooLarge(f"the blob would be larger than this registry takes: room is left for {room} bytes")
