"""Upload sessions from their start to a blob that the image holds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID, uuid4

import structlog

from moorage.distribution.content import Actor, Blob, Chunk, UploadSession
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.oci.errors import DigestInvalid, Unavailable, UploadBusy
from moorage.runtime.clock import Clock
from moorage.storage import upload_session
from moorage.storage.opened_here import OpenedHere
from moorage.storage.ports import (
    BlobDriver,
    BlobStore,
    Completion,
    ObjectMissing,
    SessionStore,
    StoredObject,
)
from moorage.storage.receiving import HashedUpload, receive
from moorage.storage.running_hash import RunningHashes
from moorage.storage.upload_session import Session

_TOUCH_SECONDS: Final = 60
_STORED_UNASKED: Final = 1024 * 1024
"""Bytes up to which an upload is made durable before anybody asks whether the registry has them already."""
_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """How large a blob may grow, and how many sessions a principal may have open."""

    max_blob_bytes: int = 50 * 2**30
    max_open_uploads: int = 100


class Uploads:
    """The upload half of `Content`; its methods are described there."""

    def __init__(
        self, driver: BlobDriver, blobs: BlobStore, sessions: SessionStore, clock: Clock, limits: UploadLimits
    ) -> None:
        self._driver = driver
        self._blobs = blobs
        self._sessions = sessions
        self._clock = clock
        self._limits = limits
        self._hashes = RunningHashes()
        self._opened = OpenedHere()

    async def start(self, image: UUID, actor: Actor, algorithm: DigestAlgorithm) -> UploadSession:
        """Opens a session: first the bytes' place, then the row, so that a row without a place means loss."""
        now = self._clock.now()
        session = Session(uuid4(), image, actor.principal, actor.link_gen, algorithm, now, now)
        await self._driver.create(session.id)
        try:
            await self._sessions.open(session, self._limits.max_open_uploads)
        except BaseException:
            await self._driver.delete(session.id)
            raise
        self._opened.keep(session)
        return UploadSession(session.id, 0, algorithm)

    async def status(self, image: UUID, session: UUID, actor: Actor) -> UploadSession:
        """The offset is what the driver has, whatever process wrote it."""
        found = await self._recorded(image, session, actor)
        received = await self._driver.received(session)
        if received is None:
            raise upload_session.unknown()
        return UploadSession(found.id, received, found.algorithm)

    async def append(self, image: UUID, session: UUID, actor: Actor, chunk: Chunk) -> UploadSession:
        """Streams a chunk to the end of the stored bytes."""
        found = await self._admitted(image, session, actor)
        async with self._held(found) as upload:
            await receive(upload, chunk, self._limits.max_blob_bytes)
            return UploadSession(found.id, upload.file.size, found.algorithm)

    async def finish(self, image: UUID, session: UUID, actor: Actor, digest: Digest, last: Chunk | None = None) -> Blob:
        """Verifies, makes durable, and hands the bytes over to a blob; or uses what is stored already (R70, R91)."""
        found = await self._admitted(image, session, actor)
        async with self._held(found) as upload:
            if last is not None:
                await receive(upload, last, self._limits.max_blob_bytes)
            await self._verify(upload, found, digest)
            await self._complete(upload, found, digest)
            upload.has_ended = True
            return Blob(digest, upload.file.size)

    async def cancel(self, image: UUID, session: UUID, actor: Actor) -> None:
        """Ends the session; who writes to it just now notices at the end."""
        await self._recorded(image, session, actor)
        if not await self._end(session):
            raise upload_session.unknown()

    async def cancel_all(self, image: UUID) -> None:
        """Ends all sessions of the image."""
        await self._drop(await self._sessions.end_all(image))

    async def any_of(self, image: UUID) -> bool:
        """Whether a session of the image is open."""
        return await self._sessions.any_of(image)

    async def _admitted(self, image: UUID, session: UUID, actor: Actor) -> Session:
        """The session for who brings bytes. One that was opened here is not looked up: if it has ended meanwhile, its
        bytes are gone or about to go, and it can't be completed.
        """
        known = self._opened.find(session)
        if known is None or (self._clock.now() - known.touched_at).total_seconds() >= _TOUCH_SECONDS:
            return await self._recorded(image, session, actor)
        return upload_session.admit(known, image, actor)

    async def _recorded(self, image: UUID, session: UUID, actor: Actor) -> Session:
        found = upload_session.admit(await self._sessions.find(session), image, actor)
        now = self._clock.now()
        if (now - found.touched_at).total_seconds() >= _TOUCH_SECONDS:
            await self._sessions.touch(session, now)
            found = replace(found, touched_at=now)
        self._opened.keep(found)
        return found

    @asynccontextmanager
    async def _held(self, session: Session) -> AsyncIterator[HashedUpload]:
        try:
            async with self._driver.hold(session.id) as file:
                if file.is_sealed and await self._sessions.find(session.id) is None:
                    # It was closed, and perhaps only the answer was lost: what is held here is a blob's object now.
                    raise ObjectMissing
                upload = HashedUpload(file, self._hashes.take(session.id, session.algorithm, file.size))
                try:
                    yield upload
                finally:
                    if not upload.has_ended:
                        await self._put_aside(session.id, upload)
        except ObjectMissing:
            self._forget(session.id)
            raise upload_session.unknown() from None

    async def _put_aside(self, session: UUID, upload: HashedUpload) -> None:
        # In this order: a hash of bytes that did not stay would be believed by the next request.
        await upload.file.flush()
        if upload.running is not None:
            self._hashes.keep(session, upload.running)

    async def _verify(self, upload: HashedUpload, session: Session, digest: Digest) -> None:
        computed = await upload.digest(digest.algorithm)
        if computed != digest:
            upload.has_ended = True
            await self._end(session.id)
            raise DigestInvalid(f"the {upload.file.size} bytes that arrived have the digest {computed}, not {digest}")

    async def _complete(self, upload: HashedUpload, session: Session, digest: Digest) -> None:
        if upload.file.size > _STORED_UNASKED or not await self._is_new(upload, session, digest):
            await self._complete_beside(upload, session, digest)
        self._forget(session.id)

    async def _is_new(self, upload: HashedUpload, session: Session, digest: Digest) -> bool:
        await self._commit(upload, session)
        return await self._sessions.complete_new(session.id, digest, upload.file.size)

    async def _complete_beside(self, upload: HashedUpload, session: Session, digest: Digest) -> None:
        """What may be stored already is used if it is intact, and replaced if it is not."""
        stored = await self._blobs.find_anywhere(digest)
        is_intact = stored is not None and await self._is_intact(stored)
        if stored is not None and is_intact and await self._sessions.complete_with(session.id, digest, stored):
            await self._drop([session.id])
            return
        await self._commit(upload, session)
        replaces = stored.key if stored is not None and not is_intact else None
        discarded = await self._sessions.complete(Completion(session.id, digest, upload.file.size, replaces))
        if discarded is None:
            raise upload_session.unknown()
        await self._drop(discarded)

    async def _is_intact(self, stored: StoredObject) -> bool:
        size = await self._driver.size(stored.key)
        is_intact = size == stored.size and not stored.is_damaged
        if not is_intact:
            _log.warning("A damaged object is replaced by what was pushed", key=str(stored.key), found=size)
        return is_intact

    async def _commit(self, upload: HashedUpload, session: Session) -> None:
        try:
            await upload.file.commit()
        except (ObjectMissing, UploadBusy):
            raise
        except Exception:
            if not upload.file.can_commit_again:
                # Whatever failed: what fsync lost once it may report as kept the next time (R86).
                upload.has_ended = True
                await self._give_up(session.id)
            raise

    async def _give_up(self, session: UUID) -> None:
        # Either alone keeps the upload from being closed again; the failure that led here is the one to tell.
        with suppress(Unavailable):
            await self._free(session)
        with suppress(Unavailable):
            await self._sessions.end(session)

    async def _end(self, session: UUID) -> bool:
        if not await self._sessions.end(session):
            return False
        await self._drop([session])
        return True

    def _forget(self, session: UUID) -> None:
        self._hashes.forget(session)
        self._opened.forget(session)

    async def _free(self, session: UUID) -> None:
        self._forget(session)
        await self._driver.delete(session)

    async def _drop(self, keys: list[UUID]) -> None:
        if not keys:
            return
        try:
            for key in keys:
                await self._free(key)
            await self._sessions.forget_discarded(keys)
        except Unavailable:
            # What was asked for is done; expiry finds the keys again.
            _log.warning("Discarded bytes could not be deleted yet", keys=[str(key) for key in keys])
