"""Pages that are complete at one position: a cursor holds on to the position, and to what was shown last (R80)."""

from dataclasses import dataclass

from moorage.access.problems import InputInvalid
from moorage.permissions.explaining.asking import position
from moorage.permissions.history import Looking, Position


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins; `after` is empty for the first one."""

    at: Position
    after: str

    @classmethod
    def of(cls, at: str | None, cursor: str | None) -> "Place":
        """The place. Raises InputInvalid for what no answer ever gave."""
        if cursor is None:
            return cls(position(at), "")
        where, slash, after = cursor.partition("/")
        if not slash or not after:
            raise InputInvalid("this cursor was not given by an earlier page", errors=[])
        return cls(position(where), after)


def cursor_after(view: Looking, last: object) -> str:
    """The cursor of the page after this one."""
    return f"{view.token}@{view.moment.isoformat()}/{last}"
