"""Whoever decides from a ledger that was rebuilt in bulk decides as from one that lived through it all (§2.6)."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from access_rules.engines import Answer, disagreement
from access_rules.fed_replica_engine import replica_of
from access_rules.oracle import Oracle
from access_rules.permissions_engine import PermissionsEngine, WorldClock
from access_rules.random_worlds import WorldMaker
from access_rules.replica_engine import decide
from access_rules.world import Event, Question, World
from faults.fact_topics import fact_topics
from faults.histories import Told
from moorage.events.topics import AUTHORITY, IDENTITY
from moorage.permissions.app import SCHEMA
from moorage.permissions.feed import Feed
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.runtime.postgres import Database
from permissions.bulk_rebuilds import ALWAYS, NEVER, rebuilt, settings_for
from servers.kafka import KafkaBroker

QUESTIONS = 2000
CONNECTIONS = 2


@pytest.mark.parametrize("seed", [11, 12, 13])
async def test_decisions_are_the_same_after_both_ways(
    kafka: KafkaBroker, two_dsns: tuple[str, str], tmp_path: Path, seed: int
) -> None:
    """The SQL and a replica loaded from it, of both ledgers, answer like the oracle, which was told the history."""
    maker = WorldMaker(seed)
    world = maker.world()
    questions = list(maker.questions(QUESTIONS))
    async with fact_topics(kafka) as topics:
        await topics.tell(_told(world, seed))
        await topics.beat()
        for dsn, least in zip(two_dsns, (NEVER, ALWAYS), strict=True):
            async with rebuilt(settings_for(dsn, kafka, topics, tmp_path, least), topics):
                pass
    ordinary, bulk = [await _answers(dsn, world, questions) for dsn in two_dsns]
    oracle = Oracle(world)
    for question, *answers in zip(questions, *ordinary, *bulk, strict=True):
        assert {each.reason == "ok" for each in answers} == {oracle.judge(question).allowed}, question
        for each in answers:
            assert disagreement(each, oracle.judge(question)) is None, question
        assert answers[:2] == answers[2:], question
    assert {each.reason == "ok" for each in bulk[0]} == {True, False}


def _told(world: World, seed: int) -> list[Told]:
    """Its facts in any order, some of them twice: versions say what counts."""
    chance = Random(seed)
    events = [*world.events, *chance.sample(world.events, len(world.events) // 5)]
    chance.shuffle(events)
    return [_record(each) for each in events]


def _record(event: Event) -> Told:
    body = json.dumps(event, separators=(",", ":")).encode()
    if event["type"].startswith("dev.moorage.identity."):
        return Told(IDENTITY.name, IDENTITY.partition_of(UUID(event["data"]["id"])), body)
    return Told(AUTHORITY.name, AUTHORITY.partition_of(UUID(event["data"]["workspace"])), body)


async def _answers(dsn: str, world: World, questions: Sequence[Question]) -> tuple[list[Answer], list[Answer]]:
    """What the authority and a gateway say, once the world's images are there."""
    clock = WorldClock()
    async with await Database.open(dsn, SCHEMA, size=CONNECTIONS + 1) as database:
        ledger = PostgresLedger(database, clock)
        engine = PermissionsEngine(ledger, clock)
        await engine.settle(world)
        replica = await replica_of(Feed(ledger, clock), world)
        sql = await engine.judge_all(questions, CONNECTIONS)
    return sql, [decide(replica, each, world.now) for each in questions]
