"""The audit trail in PostgreSQL: appended in batches, read by time, forgotten by age."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from moorage.access.audit import AuditRecord
from moorage.permissions.audit_trail import AuditQuery
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A record as it is stored."""

    id: UUID
    at: datetime
    allow: bool
    deed: str
    reason: str
    principal_kind: str
    principal: UUID | None
    credential: UUID | None
    run: Any
    name: str
    workspace: UUID | None
    image: UUID | None
    role: int
    readable: bool
    epoch: int
    seq: int
    staleness_ms: int | None
    mode: str
    via: Any
    change: Any

    def value(self) -> AuditRecord:
        """As the use cases know it."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        known = {"decision": fields.pop("id"), "principal_id": fields.pop("principal")}
        return AuditRecord.model_validate({**fields, **known, "principal": fields.pop("principal_kind")})


_COLUMNS: Final = (
    "id, at, allow, deed, reason, principal_kind, principal, credential, run, name, workspace, image, role, readable, "
    "epoch, seq, staleness_ms, mode, via, change"
)
KEEP: Final = Statement(
    type(None),
    f"""
    INSERT INTO audit ({_COLUMNS})
    SELECT decision, at, allow, deed, reason, principal, principal_id, credential, run, name, workspace, image, role,
           readable, epoch, seq, staleness_ms, mode, via, change
    FROM jsonb_to_recordset($1::jsonb) AS told (
        decision uuid, at timestamptz, allow boolean, deed text, reason text, principal text, principal_id uuid,
        credential uuid, run jsonb, name text, workspace uuid, image uuid, role smallint, readable boolean,
        epoch integer, seq bigint, staleness_ms bigint, mode text, via jsonb, change jsonb)
    ON CONFLICT (id) DO NOTHING
    """,  # noqa: S608 - a constant
)
BY_ID: Final = Statement(AuditRow, f"SELECT {_COLUMNS} FROM audit WHERE id = $1")  # noqa: S608 - a constant
# Filters that are not used are null. The first one differs between the statements, so that each has its index.
_REST: Final = """
    ($2::uuid IS NULL OR principal = $2) AND ($3::boolean IS NULL OR allow = $3)
    AND at >= coalesce($4::timestamptz, '-infinity') AND at < coalesce($5::timestamptz, 'infinity')
    AND ($6::timestamptz IS NULL OR (at, id) < ($6, $7::uuid))
    ORDER BY at DESC, id DESC LIMIT $8
    """
OF_IMAGE: Final = Statement(
    AuditRow,
    f"SELECT {_COLUMNS} FROM audit WHERE image = $1 AND ($9::uuid IS NULL OR workspace = $9) AND {_REST}",  # noqa: S608 - constants
)
OF_WORKSPACE: Final = Statement(
    AuditRow,
    f"SELECT {_COLUMNS} FROM audit WHERE workspace = $1 AND {_REST}",  # noqa: S608 - constants
)
OF_PRINCIPAL: Final = Statement(
    AuditRow,
    f"SELECT {_COLUMNS} FROM audit WHERE principal = $1 AND {_REST}",  # noqa: S608 - constants
)
OF_ALL: Final = Statement(
    AuditRow,
    f"SELECT {_COLUMNS} FROM audit WHERE $1::uuid IS NULL AND {_REST}",  # noqa: S608 - constants
)
FORGET: Final = Statement(
    type(None),
    """
    DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 ORDER BY at, id LIMIT $2)
    """,
)


class PostgresAudit:
    """The trail as one connection sees it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def keep(self, records: Sequence[AuditRecord]) -> int:
        """Appends the records that are not kept yet; how many those are."""
        if not records:
            return 0
        return await execute(self._connection, KEEP, [record.model_dump(mode="json") for record in records])

    async def page(self, query: AuditQuery) -> Sequence[AuditRecord]:
        """The records that are asked for, newest first."""
        statement, first = _by(query)
        before = query.before
        rest = (
            None if statement is OF_PRINCIPAL else query.principal,
            query.allow,
            query.since,
            query.until,
            before.at if before else None,
            before.decision if before else None,
            query.limit,
        )
        more = (query.workspace,) if statement is OF_IMAGE else ()
        return [row.value() for row in await fetch_all(self._connection, statement, first, *rest, *more)]

    async def by_id(self, decision: UUID) -> AuditRecord | None:
        """The record of this decision."""
        row = await fetch_one(self._connection, BY_ID, decision)
        return row.value() if row else None

    async def forget(self, before: datetime, most: int) -> int:
        """Drops the oldest records of before that time, `most` at most; how many."""
        return await execute(self._connection, FORGET, before, most)


def _by(query: AuditQuery) -> tuple[Statement[AuditRow], UUID | None]:
    """The statement whose index fits best, and what it looks for."""
    if query.image is not None:
        return OF_IMAGE, query.image
    if query.workspace is not None:
        return OF_WORKSPACE, query.workspace
    return (OF_PRINCIPAL, query.principal) if query.principal is not None else (OF_ALL, None)
