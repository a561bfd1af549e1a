"""Both ledgers keep one contract; PostgreSQL also between processes."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts.authority import Site
from contracts.cases import CasesContract
from contracts.edges import EdgesContract
from contracts.fact_store import LedgerContract
from contracts.reachable import ReachableContract
from moorage.access import wire
from moorage.access.action import Action
from moorage.access.consistency import ConsistencyToken
from moorage.access.reason import Reason
from moorage.permissions import rows
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.ports import Ledger
from moorage.permissions.postgres.asking import STATEMENTS
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.runtime.clock import SystemClock
from moorage.runtime.postgres import Database
from permissions.sample_facts import small_workspace


class TestMemoryLedger(LedgerContract, CasesContract, EdgesContract, ReachableContract):
    """In memory."""

    @pytest.fixture
    async def ledger(self) -> Ledger:
        """See the contract."""
        return MemoryLedger()


class TestPostgresLedger(LedgerContract, EdgesContract, ReachableContract):
    """In PostgreSQL."""

    @pytest.fixture
    async def ledger(self, postgres_ledger: PostgresLedger) -> Ledger:
        """See the contract."""
        return postgres_ledger


class TestPostgresCases(CasesContract):
    """In PostgreSQL, as `app` wires it: questions have connections that plan once, views have not."""

    @pytest.fixture
    async def ledger(self, permissions_dsn: str) -> AsyncIterator[Ledger]:
        """See the contract."""
        async with (
            await Database.open(permissions_dsn, "permissions") as database,
            await Database.open(permissions_dsn, "permissions", size=STATEMENTS, plan_once=True) as questions,
        ):
            yield PostgresLedger(database, SystemClock(), questions)


async def test_two_processes_share_one_order(permissions_dsn: str) -> None:
    """Each has its own pool; neither leaves a hole or repeats a number."""
    async with (
        await Database.open(permissions_dsn, "permissions", size=4) as one,
        await Database.open(permissions_dsn, "permissions", size=4) as other,
    ):
        ledgers = [PostgresLedger(one, SystemClock()), PostgresLedger(other, SystemClock())]

        async def append(ledger: PostgresLedger) -> int:
            async with ledger.changing() as change:
                return change.log.append(rows.pin_row(1, None))

        seqs = await asyncio.gather(*(append(ledgers[number % 2]) for number in range(60)))
        assert sorted(seqs) == list(range(1, 61))
        async with ledgers[0].viewing() as view:
            (delta,) = await view.log.deltas(ConsistencyToken(1, 0), 1000)
        assert delta.last == 60


async def test_of_racing_first_pushes_one_creates(postgres_site: Site) -> None:
    """The losers go on as ordinary pushes to the same image (§1.7)."""
    await postgres_site.ingest(small_workspace())
    bob, carol = await postgres_site.login("bob"), await postgres_site.login("carol")
    answers = await asyncio.gather(*(postgres_site.push(bob) for _ in range(8)))
    assert {answer.reason for answer in answers} == {Reason.OK}
    assert len({answer.image.id for answer in answers if answer.image}) == 1
    assert (await postgres_site.check(carol, Action.PUSH)).reason is Reason.OK
    listed = await postgres_site.authority.list_images(wire.ListImagesRequest(identity=bob, workspace="acme"))
    assert len(listed.images) == 1
