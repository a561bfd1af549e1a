"""Both ledgers keep the contract of reconciliation."""

import pytest

from contracts.reconcile import ReconcileContract
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.ports import Ledger
from moorage.permissions.postgres.ledger import PostgresLedger


class TestMemoryReconciles(ReconcileContract):
    """In memory."""

    @pytest.fixture
    async def ledger(self) -> Ledger:
        """See the contract."""
        return MemoryLedger()


class TestPostgresReconciles(ReconcileContract):
    """In PostgreSQL."""

    @pytest.fixture
    async def ledger(self, postgres_ledger: PostgresLedger) -> Ledger:
        """See the contract."""
        return postgres_ledger
