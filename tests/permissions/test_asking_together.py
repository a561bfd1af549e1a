"""Questions that are asked together fail together, and whoever asks next begins anew."""

import asyncio

import pytest

from moorage.access.action import Action
from moorage.access.principal import ANONYMOUS, Identity
from moorage.permissions.app import SCHEMA
from moorage.permissions.cases import Question
from moorage.permissions.ports import LedgerUnavailable
from moorage.permissions.postgres.asking import MOST_TOGETHER, STATEMENTS, Asking
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.runtime.clock import SystemClock
from moorage.runtime.postgres import Database, DatabaseUnavailable

QUESTION = Question(Identity(ANONYMOUS), "acme", "hello/api", Action.PULL)
MANY = 2 * STATEMENTS * MOST_TOGETHER


async def test_a_lost_database_is_told_to_all_who_wait(permissions_dsn: str) -> None:
    """And again to those who ask later: nobody waits for a statement that nobody makes."""
    database = await Database.open(permissions_dsn, SCHEMA, size=STATEMENTS)
    asking = Asking(database)
    assert (await asking.ask(QUESTION)).case.workspace is None
    await database.close()
    for _ in range(2):
        told = await asyncio.gather(*(asking.ask(QUESTION) for _ in range(MANY)), return_exceptions=True)
        assert {type(each) for each in told} == {DatabaseUnavailable}


async def test_a_question_is_answered_as_of_its_asking(permissions_dsn: str) -> None:
    """Whoever asks behind a change sees it, however many asked before."""
    async with await Database.open(permissions_dsn, SCHEMA, size=STATEMENTS + 1) as database:
        ledger = PostgresLedger(database, SystemClock())
        for _ in range(5):
            before = [asyncio.ensure_future(ledger.case(QUESTION)) for _ in range(MANY)]
            await asyncio.sleep(0)
            async with ledger.changing() as change:
                made = change.log.tell_nothing({})
            after = await asyncio.gather(*(ledger.case(QUESTION) for _ in range(MANY)))
            assert {each.token.seq for each in after} == {made}
            assert all(each.token.seq <= made for each in await asyncio.gather(*before))


async def test_a_schema_without_a_position_decides_nothing(permissions_dsn: str) -> None:
    """It says so, as the other ways to read it do."""
    async with await Database.open(permissions_dsn, SCHEMA, size=1) as database:
        async with database.connection() as connection:
            await connection.execute("DELETE FROM meta")
        with pytest.raises(LedgerUnavailable):
            await Asking(database).ask(QUESTION)
