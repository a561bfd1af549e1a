"""The permissions service on PostgreSQL, and a replica fed by it, answer every row and random questions (§6).

`MOORAGE_TEST_SQL_QUESTIONS` sets how many questions the SQL is asked (by default a twentieth of
`MOORAGE_TEST_QUESTIONS`); each world is told once, and asked its share of them on several connections.
"""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest
import pytest_asyncio

from access_rules.engines import disagreement
from access_rules.fed_replica_engine import FedReplicaEngine
from access_rules.notation import tell
from access_rules.oracle import Oracle
from access_rules.permissions_engine import PermissionsEngine, WorldClock
from access_rules.random_worlds import WorldMaker
from access_rules.tables import Row, rows
from access_rules.world import Question, World
from moorage.permissions.app import SCHEMA, migrate_permissions
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.runtime.postgres import Database
from servers.postgres import PostgresForTests

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALL_QUESTIONS: Final = int(os.environ.get("MOORAGE_TEST_QUESTIONS", "20000"))
QUESTIONS: Final = int(os.environ.get("MOORAGE_TEST_SQL_QUESTIONS", ALL_QUESTIONS // 20))
SEED: Final = int(os.environ.get("MOORAGE_TEST_SEED", "20261124"))
CONNECTIONS: Final = 4
PER_WORLD: Final = max(50, QUESTIONS // 100)
"""A world is dear to tell, a question cheap to ask: of many questions, each of a hundred worlds is asked a share."""


@dataclass(slots=True)
class Service:
    """Permissions over a database of its own, and a replica fed by it. `told` is the history that it holds."""

    permissions: PermissionsEngine
    replica: FedReplicaEngine
    told: tuple[str, ...] = field(default=())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(postgres: PostgresForTests) -> AsyncIterator[Service]:
    """One database for all rows and worlds; it is emptied between them."""
    dsn = await postgres.fresh_database()
    role = await migrate_permissions(dsn)
    clock = WorldClock()
    async with await Database.open(dsn, SCHEMA, role=role, size=CONNECTIONS + 1) as database:
        ledger = PostgresLedger(database, clock)
        permissions = PermissionsEngine(ledger, clock, lambda: forget(database))
        yield Service(permissions, FedReplicaEngine(ledger, clock, permissions))
    await postgres.drop(dsn)


async def forget(database: Database) -> None:
    """Empties what facts and records fill, and says so: whoever remembers anything of it is in another epoch now."""
    async with database.transaction() as connection:
        found = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", SCHEMA)
        tables = {row["tablename"] for row in found if "migration" not in row["tablename"]} - {"meta", "source", "lane"}
        await connection.execute(f"TRUNCATE {', '.join(sorted(tables))} CASCADE")
        await connection.execute("UPDATE meta SET epoch = epoch + 1")


@pytest.mark.parametrize("row", rows(), ids=str)
async def test_permissions_answers_a_row(service: Service, row: Row) -> None:
    """Living through the row's history, with its own effects on images, the service says what the row says."""
    story = tell(row.given)
    if service.told != row.given:
        await service.permissions.play(story.steps)
        service.told = row.given
    question = story.ask(row.asked)
    answer, finding = await service.permissions.judge(question), Oracle(story.world()).judge(question)
    assert disagreement(answer, finding) is None
    assert answer.reason == row.reason or finding.masks


@pytest.mark.timeout(3600)
async def test_permissions_decides_like_the_oracle(service: Service) -> None:
    """Whatever the order in which facts arrive, the SQL finds what the naive reading finds."""
    service.told = ()
    for seed, world, questions in worlds():
        await service.permissions.load(world)
        oracle = Oracle(world)
        answers = await service.permissions.judge_all(questions, CONNECTIONS)
        for question, answer in zip(questions, answers, strict=True):
            wrong = disagreement(answer, oracle.judge(question))
            assert wrong is None, f"seed {seed}: {question}: {wrong}"


@pytest.mark.timeout(3600)
async def test_a_replica_fed_by_permissions_decides_like_the_oracle(service: Service) -> None:
    """What permissions sends is what the replica needs, by snapshot and by frames."""
    service.told = ()
    for seed, world, questions in worlds():
        await service.replica.load(world)
        oracle = Oracle(world)
        for question in questions:
            wrong = disagreement(await service.replica.judge(question), oracle.judge(question))
            assert wrong is None, f"seed {seed}: {question}: {wrong}"


def worlds() -> Iterator[tuple[int, World, list[Question]]]:
    """Random worlds, each with its seed and questions about it."""
    for seed in range(SEED, SEED + max(1, QUESTIONS // PER_WORLD)):
        maker = WorldMaker(seed)
        world = maker.world()
        yield seed, world, list(maker.questions(PER_WORLD))
