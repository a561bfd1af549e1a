"""Credentials; of secrets only digests are here."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.access.principal import Bound, PrincipalKind, Scope
from moorage.access.role import Role
from moorage.permissions.postgres.change_log import PostgresChangeLog
from moorage.permissions.records import Credential
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """A credential as it is stored, with its user."""

    id: int
    ext: UUID
    kind: str
    user_ext: UUID | None
    name: str
    active: bool
    scopes: list[str]
    bound_kind: str | None
    bound_ids: list[UUID]
    granted_role: int | None
    operator: bool
    expires: datetime | None
    created_at: datetime
    account: str | None
    user_active: bool | None
    issued_here: bool

    def value(self) -> Credential:
        """As the use cases know it."""
        return Credential(
            alias=self.id,
            id=self.ext,
            kind=PrincipalKind(self.kind),
            user=self.user_ext,
            name=self.name,
            scopes=frozenset(Scope(each) for each in self.scopes),
            bound=Bound(self.bound_kind, frozenset(self.bound_ids)) if self.bound_kind else None,
            granted_role=None if self.granted_role is None else Role(self.granted_role),
            operator=self.operator,
            active=self.active,
            expires=self.expires,
            created_at=self.created_at,
            account=self.account,
            user_active=self.user_active is not False,
        )


IN_PLACE: Final = """
    SELECT c.id, c.ext, c.kind, u.ext AS user_ext, c.name, c.active, c.scopes, c.bound_kind, c.bound_ids,
           c.granted_role, c.operator, c.expires, c.created_at, p.account, p.active AS user_active,
           c.digest IS NOT NULL AS issued_here
    FROM credential AS c
    LEFT JOIN alias AS u ON u.id = c.usr
    LEFT JOIN principal AS p ON p.id = c.usr
"""
BY_DIGEST: Final = Statement(CredentialRow, f"{IN_PLACE} WHERE c.digest = $1")
BY_ID: Final = Statement(CredentialRow, f"{IN_PLACE} WHERE c.ext = $1")
OPERATOR: Final = Statement(CredentialRow, f"{IN_PLACE} WHERE c.operator AND c.active LIMIT 1")
OF_USER: Final = Statement(
    CredentialRow,
    f"{IN_PLACE} WHERE u.ext = $1 AND c.digest IS NOT NULL ORDER BY c.created_at DESC, c.id DESC",
)
ROBOTS: Final = Statement(
    CredentialRow,
    f"""
    {IN_PLACE} WHERE c.kind = 'robot' AND c.active AND c.bound_ids && $1::uuid[] AND ($2::uuid IS NULL OR c.ext > $2)
    ORDER BY c.ext LIMIT $3
    """,
)
ADD: Final = Statement(
    type(None),
    """
    INSERT INTO credential (id, ext, kind, usr, name, active, scopes, bound_kind, bound_ids, granted_role, operator,
                            expires, created_at, digest, seq, by_whom)
    VALUES ($1, $2, $3, (SELECT id FROM alias WHERE ext = $4 AND kind = 'user' AND ws = 0), $5, $6, $7, $8, $9, $10,
            $11, $12, $13, $14, $15, $16)
    """,
)
REVOKE: Final = Statement(
    type(None),
    """
    UPDATE credential SET active = false, revoked_here = true, seq = $2, by_whom = $3
    WHERE ext = $1 AND NOT revoked_here
    """,
)


class PostgresCredentials:
    """Credentials as one connection sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def by_digest(self, digest: bytes) -> Credential | None:
        """The credential whose secret has this digest."""
        row = await fetch_one(self._connection, BY_DIGEST, digest)
        return row.value() if row else None

    async def by_id(self, id: UUID) -> Credential | None:
        """The credential with this id."""
        row = await fetch_one(self._connection, BY_ID, id)
        return row.value() if row else None

    async def of_user(self, user: UUID) -> Sequence[Credential]:
        """The user's tokens that Moorage issued, newest first."""
        return [row.value() for row in await fetch_all(self._connection, OF_USER, user)]

    async def robots(self, inside: Collection[UUID], after: UUID | None, limit: int) -> Sequence[Credential]:
        """Robots that may count there."""
        return [row.value() for row in await fetch_all(self._connection, ROBOTS, list(inside), after, limit)]

    async def operator(self) -> Credential | None:
        """The operator's credential."""
        row = await fetch_one(self._connection, OPERATOR)
        return row.value() if row else None


class PostgresCredentialRecords(PostgresCredentials):
    """Credentials as one change writes them."""

    def __init__(self, connection: Connection, log: PostgresChangeLog) -> None:
        super().__init__(connection)
        self._log = log

    async def add(self, credential: Credential, digest: bytes) -> None:
        """Keeps a new credential."""
        bound = credential.bound
        await execute(
            self._connection,
            ADD,
            credential.alias,
            credential.id,
            credential.kind.value,
            credential.user,
            credential.name,
            credential.active,
            sorted(credential.scopes),
            bound.kind if bound else None,
            sorted(bound.ids) if bound else [],
            credential.granted_role,
            credential.operator,
            credential.expires,
            credential.created_at,
            digest,
            self._log.frame,
            self._log.by,
        )

    async def revoke(self, id: UUID) -> bool:
        """Ends a credential for good."""
        return await execute(self._connection, REVOKE, id, self._log.frame, self._log.by) > 0
