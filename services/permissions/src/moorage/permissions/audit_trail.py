"""The audit trail as the use cases need it: appended to, read newest first, and forgotten by age; never changed.

See tests/contracts/audit_trail.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from moorage.access.audit import AuditRecord


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a page ended: the time and id of its last record. As text, an opaque cursor."""

    at: datetime
    decision: UUID

    @classmethod
    def of(cls, record: AuditRecord) -> "Mark":
        """The mark at a record."""
        return cls(record.at, record.decision)

    @classmethod
    def parse(cls, text: str) -> "Mark":
        """The mark that a cursor spells. Raises ValueError."""
        moment, _, decision = text.partition("_")
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None:
            raise ValueError("a moment needs its offset")
        return cls(at, UUID(decision))

    def __str__(self) -> str:
        return f"{self.at.isoformat()}_{self.decision}"


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which records; None matches all. `since` is in the range and `until` is not."""

    workspace: UUID | None = None
    image: UUID | None = None
    principal: UUID | None = None
    allow: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: Mark | None = None
    limit: int = 100

    def matches(self, record: AuditRecord) -> bool:
        """Whether the record is one of those."""
        return (
            self.workspace in (None, record.workspace)
            and self.image in (None, record.image)
            and self.principal in (None, record.principal_id)
            and self.allow in (None, record.allow)
            and (self.since is None or record.at >= self.since)
            and (self.until is None or record.at < self.until)
            and (self.before is None or (record.at, record.decision) < (self.before.at, self.before.decision))
        )


class AuditWriter(Protocol):
    """The trail, to be appended to. In a change, the records are there exactly if the change is."""

    async def keep(self, records: Sequence[AuditRecord]) -> int:
        """Appends the records that are not kept yet, by decision; how many those are."""
        ...


class AuditTrail(AuditWriter, Protocol):
    """The whole trail, beside the order of changes: appending takes no turn."""

    async def page(self, query: AuditQuery) -> Sequence[AuditRecord]:
        """The records that are asked for, newest first."""
        ...

    async def by_id(self, decision: UUID) -> AuditRecord | None:
        """The record of this decision."""
        ...

    async def forget(self, before: datetime, most: int) -> int:
        """Drops the oldest records of before that time, `most` at most; how many."""
        ...
