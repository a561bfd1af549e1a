"""The audit trail in memory."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from moorage.access.audit import AuditRecord
from moorage.permissions.audit_trail import AuditQuery


class MemoryAudit:
    """See AuditTrail."""

    def __init__(self) -> None:
        self._records: dict[UUID, AuditRecord] = {}

    async def keep(self, records: Sequence[AuditRecord]) -> int:
        """Appends the records that are not kept yet; how many those are."""
        before = len(self._records)
        for record in records:
            self._records.setdefault(record.decision, record)
        return len(self._records) - before

    async def page(self, query: AuditQuery) -> Sequence[AuditRecord]:
        """The records that are asked for, newest first."""
        found = [record for record in self._records.values() if query.matches(record)]
        found.sort(key=lambda record: (record.at, record.decision), reverse=True)
        return found[: query.limit]

    async def by_id(self, decision: UUID) -> AuditRecord | None:
        """The record of this decision."""
        return self._records.get(decision)

    async def forget(self, before: datetime, most: int) -> int:
        """Drops the oldest records of before that time, `most` at most; how many."""
        old = sorted((record.at, id) for id, record in self._records.items() if record.at < before)[:most]
        for _, id in old:
            del self._records[id]
        return len(old)


class MemoryAuditDraft:
    """See AuditWriter: what one change appends, once it commits."""

    def __init__(self) -> None:
        self.records: list[AuditRecord] = []

    async def keep(self, records: Sequence[AuditRecord]) -> int:
        """Appends the records."""
        self.records += records
        return len(records)
