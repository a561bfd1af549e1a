"""Both ledgers keep the contract of the audit trail; PostgreSQL lets nobody change a record."""

import asyncio

import asyncpg
import pytest

from contracts.audit_trail import NOON, AuditTrailContract, decided
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.ports import Ledger
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.runtime.postgres import Database


class TestMemoryAuditTrail(AuditTrailContract):
    """In memory."""

    @pytest.fixture
    async def ledger(self) -> Ledger:
        """See the contract."""
        return MemoryLedger()


class TestPostgresAuditTrail(AuditTrailContract):
    """In PostgreSQL."""

    @pytest.fixture
    async def ledger(self, postgres_ledger: PostgresLedger) -> Ledger:
        """See the contract."""
        return postgres_ledger


async def test_nobody_changes_a_record(permissions_dsn: str) -> None:
    """The table is append only, whoever asks."""
    async with await Database.open(permissions_dsn, "permissions") as database, database.connection() as connection:
        with pytest.raises(asyncpg.RaiseError, match="never changed"):
            await connection.execute("UPDATE audit SET allow = true")


async def test_a_batch_waits_for_no_change(postgres_ledger: PostgresLedger) -> None:
    """The trail lies beside the order: an open change holds no record up."""
    async with postgres_ledger.changing(), asyncio.timeout(5), postgres_ledger.auditing() as trail:
        assert await trail.keep([decided(1)]) == 1


async def test_a_page_of_a_workspace_is_read_from_its_index(permissions_dsn: str) -> None:
    """However many records others have."""
    async with await Database.open(permissions_dsn, "permissions") as database, database.connection() as connection:
        await connection.execute(
            "INSERT INTO audit SELECT gen_random_uuid(), $1::timestamptz + n * interval '1 second', false, 'push', "
            "'no_write', 'user', gen_random_uuid(), NULL, NULL, 'acme/x', gen_random_uuid(), NULL, 0, false, 1, n, 0, "
            "'local', NULL, '{}' FROM generate_series(1, 20000) AS n",
            NOON,
        )
        await connection.execute("ANALYZE audit")
        plan = await connection.fetch(
            "EXPLAIN SELECT id FROM audit WHERE workspace = '00000000-0000-0000-0000-00000000000a' "
            "ORDER BY at DESC, id DESC LIMIT 100"
        )
    assert "audit_of_workspace" in str(plan)
