"""Both ledgers hold on to what was revoked here, and so does the service on top of them."""

from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest

from contracts.revocations import RevocationsContract
from moorage.access import wire
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.ports import Ledger
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.runtime.clock import SystemClock
from moorage.runtime.migration_files import read_migrations
from moorage.runtime.postgres import Database
from permissions.conftest import site_over
from permissions.sample_facts import credential, user, uuid_of

BACKFILL: Final = next(
    "UPDATE credential" + each.sql.partition("UPDATE credential")[2]
    for each in read_migrations(files("moorage.permissions.postgres") / "migrations")
    if each.name == "revocations_made_here"
)


class TestMemoryLedger(RevocationsContract):
    """In memory."""

    @pytest.fixture
    async def ledger(self) -> Ledger:
        """See the contract."""
        return MemoryLedger()


class TestPostgresLedger(RevocationsContract):
    """In PostgreSQL."""

    @pytest.fixture
    async def ledger(self, postgres_ledger: PostgresLedger) -> Ledger:
        """See the contract."""
        return postgres_ledger


async def test_the_upgrade_ends_what_renewals_had_brought_back(permissions_dsn: str, tmp_path: Path) -> None:
    """The audit tells which credentials were revoked here; what only its source had ended is left to its source."""
    async with await Database.open(permissions_dsn, "permissions") as database:
        site = await site_over(PostgresLedger(database, SystemClock()), tmp_path)
        await site.ingest([user("bob"), credential("laptop", "bob"), credential("phone", "bob", "revoked")])
        revoked = wire.RevokeTokenRequest(identity=await site.operator(), token=uuid_of("credential", "laptop"))
        await site.authority.revoke_token(revoked)
        async with database.transaction() as connection:
            await connection.execute("UPDATE credential SET active = true, revoked_here = false WHERE digest IS NULL")
            await connection.execute(BACKFILL)
            found = await connection.fetch("SELECT ext, active, revoked_here FROM credential WHERE digest IS NULL")
    told = {row["ext"]: (row["active"], row["revoked_here"]) for row in found}
    assert told == {uuid_of("credential", "laptop"): (False, True), uuid_of("credential", "phone"): (True, False)}
