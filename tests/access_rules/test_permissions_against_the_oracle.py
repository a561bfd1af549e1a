"""The permissions service on PostgreSQL, and a replica fed by it, answer every row and random questions (§6)."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import pytest
import pytest_asyncio

from access_rules.engines import Engine, disagreement
from access_rules.fed_replica_engine import FedReplicaEngine
from access_rules.notation import tell
from access_rules.oracle import Oracle
from access_rules.permissions_engine import PermissionsEngine, WorldClock
from access_rules.random_worlds import WorldMaker
from access_rules.tables import Row, rows
from moorage.permissions.app import SCHEMA, migrate_permissions
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.runtime.postgres import Database
from servers.postgres import PostgresForTests

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUESTIONS: Final = int(os.environ.get("MOORAGE_TEST_QUESTIONS", "20000")) // 20
SEED: Final = int(os.environ.get("MOORAGE_TEST_SEED", "20261124"))
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
    async with await Database.open(dsn, SCHEMA, role=role, size=3) as database:
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
    await compare(service.permissions)


@pytest.mark.timeout(3600)
async def test_a_replica_fed_by_permissions_decides_like_the_oracle(service: Service) -> None:
    """What permissions sends is what the replica needs, by snapshot and by frames."""
    service.told = ()
    await compare(service.replica)


async def compare(engine: Engine) -> None:
    """Asks random questions about random worlds."""
    for seed in range(SEED, SEED + max(1, QUESTIONS // PER_WORLD)):
        maker = WorldMaker(seed)
        world = maker.world()
        await engine.load(world)
        oracle = Oracle(world)
        for question in maker.questions(PER_WORLD):
            wrong = disagreement(await engine.judge(question), oracle.judge(question))
            assert wrong is None, f"seed {seed}: {question}: {wrong}"
