"""A database role of its own for each schema, where the server lets us create one.

The role `moorage_<schema>` cannot log in. The connecting role is made its member and acts as it (SET ROLE), so one
service's connections cannot read another's schema. On a server whose owner gave us no right to create roles the
connecting role owns the schemas itself.
"""

from dataclasses import dataclass
from typing import Final

from moorage.runtime.migrations import connected, turn
from moorage.runtime.postgres import checked_identifier
from moorage.runtime.statement import Connection, Statement, fetch_one

SCHEMA_OWNER: Final = Statement(
    str, "SELECT pg_get_userbyid(nspowner)::text AS owner FROM pg_namespace WHERE nspname = $1"
)


@dataclass(frozen=True, slots=True)
class Powers:
    """What the connecting role may do about the role in question."""

    exists: bool
    may_create: bool
    superuser: bool


POWERS: Final = Statement(
    Powers,
    """
    SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS exists,
           rolsuper OR rolcreaterole AS may_create,
           rolsuper AS superuser
    FROM pg_roles WHERE rolname = current_user
    """,
)
IS_MEMBER: Final = Statement(bool, "SELECT pg_has_role(current_user, $1, 'MEMBER')")


async def ensure_schema_role(dsn: str, schema: str) -> str | None:
    """The role that owns the schema and that `migrate` and `Database.open` shall act as, or None for the login's own.

    Decided once, when the schema is created: a schema with another owner keeps it. May be called by many at once.
    Raises what `migrate` raises.
    """
    role = f"moorage_{checked_identifier(schema)}"
    async with connected(dsn, schema) as connection, turn(connection, schema):
        owner = await fetch_one(connection, SCHEMA_OWNER, schema)
        if owner is not None:
            return role if owner == role else None
        if not await _ensure_role(connection, role):
            return None
        await connection.execute(f"CREATE SCHEMA {schema} AUTHORIZATION {role}")
        return role


async def _ensure_role(connection: Connection, role: str) -> bool:
    powers = await fetch_one(connection, POWERS, role)
    if powers is None or not (powers.exists or powers.may_create):
        return False
    if not powers.exists:
        await connection.execute(f"CREATE ROLE {checked_identifier(role)} NOLOGIN")
    if powers.may_create and not powers.superuser:
        # From PostgreSQL 16 on, whoever creates a role administers it, but does not act as it without this.
        await connection.execute(f"GRANT {checked_identifier(role)} TO CURRENT_USER")
    is_member = await fetch_one(connection, IS_MEMBER, role)
    return is_member is True
