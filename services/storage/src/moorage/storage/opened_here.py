"""Upload sessions that this process has opened or looked up. Pure.

What a session was opened as never changes, so whoever goes on with it is judged by what is remembered here as by its
row. That it has ended is not known here: that is for the bytes and the row to say.
"""

from collections import OrderedDict
from typing import Final
from uuid import UUID

from moorage.storage.upload_session import Session

_KEPT: Final = 4096


class OpenedHere:
    """The sessions used last; the others are looked up again."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._sessions: OrderedDict[UUID, Session] = OrderedDict()

    def find(self, session: UUID) -> Session | None:
        """The session, if it is remembered."""
        return self._sessions.get(session)

    def keep(self, session: Session) -> None:
        """Remembers it, with the time of its last use."""
        self._sessions[session.id] = session
        self._sessions.move_to_end(session.id)
        if len(self._sessions) > self._kept:
            self._sessions.popitem(last=False)

    def forget(self, session: UUID) -> None:
        """It has ended."""
        self._sessions.pop(session, None)
