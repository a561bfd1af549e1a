"""A backlog is read a little at a time, and gathered into steps that leave nothing out (§2.3)."""

import asyncio
from contextlib import aclosing

from faults.fact_topics import fact_topics
from faults.histories import Told
from moorage.events.topics import AUTHORITY
from moorage.permissions.adapters.kafka import KafkaStreams
from moorage.permissions.consumer import Fetched, StoredPositions
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.pace import Pace
from moorage.permissions.topic_guard import TopicGuard
from permissions.sample_facts import group_member
from servers.kafka import KafkaBroker

LIMIT, RECORDS = 1500, 2700
PARTS = (3, 4)


def told(part: int, at: int) -> bytes:
    """A record that is like no other."""
    return group_member(f"group{part}", "ada", version=at + 1)


async def test_steps_are_as_long_as_the_pace_allows_and_follow_each_other(kafka: KafkaBroker) -> None:
    """Every record of both partitions, once and in order; a step is longer than what is unpacked at once."""
    ledger = MemoryLedger()
    async with fact_topics(kafka) as topics:
        name = topics.names[AUTHORITY.name]
        for part in PARTS:
            await topics.tell([Told(AUTHORITY.name, part, told(part, at)) for at in range(RECORDS)])
        guard = TopicGuard(ledger, {name: AUTHORITY.partitions})
        streams = KafkaStreams(kafka.bootstrap, "reading", [name], StoredPositions(ledger), guard)
        found: dict[int, list[Fetched]] = {part: [] for part in PARTS}
        async with streams.open() as stream, aclosing(stream.batches(Pace(LIMIT))) as batches:  # type: ignore[type-var] # an async generator it is
            async for together in batches:
                for each in together:
                    found[each.part].append(each)
                if all(steps and steps[-1].new == RECORDS for steps in found.values()):
                    break
    for part, steps in found.items():
        assert [each.old for each in steps] == [0, *(each.new for each in steps[:-1])]
        records = [each for step in steps for each in step.records]
        assert [each.body for each in records] == [told(part, at) for at in range(RECORDS)]
        assert [each.pos for each in records] == list(range(RECORDS))
        assert max(len(each.records) for each in steps) <= LIMIT
    assert any(len(each.records) > 1000 for steps in found.values() for each in steps)


async def test_what_little_there_is_of_others_goes_with_a_backlog(kafka: KafkaBroker) -> None:
    """A heartbeat must not cost a change of its own while there is much to apply: all but the last are full."""
    ledger = MemoryLedger()
    async with fact_topics(kafka) as topics:
        name = topics.names[AUTHORITY.name]
        for part in range(AUTHORITY.partitions):
            count = 4 * LIMIT if part in PARTS else 1
            await topics.tell([Told(AUTHORITY.name, part, told(part, at)) for at in range(count)])
        written = AUTHORITY.partitions - len(PARTS) + 4 * LIMIT * len(PARTS)
        guard = TopicGuard(ledger, {name: AUTHORITY.partitions})
        streams = KafkaStreams(kafka.bootstrap, "together", [name], StoredPositions(ledger), guard)
        sizes = list[int]()
        async with streams.open() as stream, aclosing(stream.batches(Pace(LIMIT))) as batches:  # type: ignore[type-var] # as above
            async for together in batches:
                sizes.append(sum(len(each.records) for each in together))
                if sum(sizes) == written:
                    break
                if len(sizes) == 1:
                    await asyncio.sleep(1)  # the library fetches the rest meanwhile
    assert set(sizes[1:-1]) == {LIMIT}
