"""Upload sessions, and the one step from a session to a blob."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from moorage.oci.digest import Digest
from moorage.oci.errors import TooManyRequests
from moorage.storage.memory.tables import MemoryTables
from moorage.storage.ports import Completion, StoredObject
from moorage.storage.upload_session import Session


class MemorySessionStore:
    """See SessionStore."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def open(self, session: Session, max_open: int) -> None:
        """See SessionStore."""
        if sum(s.principal == session.principal for s in self._tables.sessions.values()) >= max_open:
            raise TooManyRequests(
                f"at most {max_open} uploads may be open at once: finish or cancel some", headers={"Retry-After": "60"}
            )
        self._tables.sessions[session.id] = session

    async def find(self, session: UUID) -> Session | None:
        """See SessionStore."""
        return self._tables.sessions.get(session)

    async def touch(self, session: UUID, now: datetime) -> None:
        """See SessionStore."""
        found = self._tables.sessions.get(session)
        if found is not None:
            self._tables.sessions[session] = dataclasses.replace(found, touched_at=now)

    async def end(self, session: UUID) -> bool:
        """See SessionStore."""
        if self._tables.end_session(session) is None:
            return False
        self._tables.discarded.append(session)
        return True

    async def end_all(self, image: UUID) -> list[UUID]:
        """See SessionStore."""
        ended = [session.id for session in self._tables.sessions.values() if session.image == image]
        for session in ended:
            await self.end(session)
        return ended

    async def any_of(self, image: UUID) -> bool:
        """See SessionStore."""
        return any(session.image == image for session in self._tables.sessions.values())

    async def complete(self, completion: Completion) -> list[UUID] | None:
        """See SessionStore."""
        session = self._tables.end_session(completion.session)
        if session is None:
            return None
        mine = StoredObject(completion.session, completion.size)
        known = self._tables.blobs.get(completion.digest)
        is_replaced = known is not None and known.key == completion.replaces
        kept = mine if known is None or is_replaced else known
        discarded = [stored.key for stored in (known, mine) if stored is not None and stored is not kept]
        self._tables.change_blob(completion.digest, kept)
        if is_replaced:
            self._tables.damage.pop(completion.digest, None)
        self._tables.link(session.image, completion.digest)
        self._tables.discarded += discarded
        return discarded

    async def complete_new(self, session: UUID, digest: Digest, size: int) -> bool:
        """See SessionStore."""
        if digest in self._tables.blobs:
            return False
        return await self.complete(Completion(session, digest, size)) is not None

    async def complete_with(self, session: UUID, digest: Digest, stored: StoredObject) -> bool:
        """See SessionStore."""
        found = self._tables.sessions.get(session)
        if found is None or self._tables.blobs.get(digest) != stored:
            return False
        self._tables.link(found.image, digest)
        return await self.end(session)

    async def ended_by(self, idle_since: datetime, started_before: datetime, limit: int) -> list[UUID]:
        """See SessionStore."""
        due = (
            session.id
            for session in self._tables.sessions.values()
            if session.touched_at <= idle_since or session.started_at <= started_before
        )
        return list(due)[:limit]

    async def still_open(self, sessions: Sequence[UUID]) -> set[UUID]:
        """See SessionStore."""
        return self._tables.sessions.keys() & set(sessions)

    async def discarded(self, limit: int) -> list[UUID]:
        """See SessionStore."""
        return self._tables.discarded[:limit]

    async def forget_discarded(self, keys: Sequence[UUID]) -> None:
        """See SessionStore."""
        self._tables.discarded = [key for key in self._tables.discarded if key not in keys]
