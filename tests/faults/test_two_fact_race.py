"""Bob leaves a group, and then the group gets a right: there is no moment in which Bob has it (§2.1, R115)."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contracts.storage_parts import MemoryStorage
from faults.fact_topics import fact_topics
from faults.fleet import Fleet, door, open_fleet, rounds
from faults.permissions_process import PermissionsProcess
from faults.races import OWNER, Race, crowd
from faults.revocations import Stage, ground
from faults.wrong_order import WrongOrder
from permissions.sample_facts import user
from servers.fact_source import KafkaSource, applied
from servers.kafka import KafkaBroker

pytestmark = pytest.mark.timeout(600)

ROUNDS = 10
ROUNDS_OVER_KAFKA = 4
FEW = 50
"""Records that are told one by one."""


async def test_a_group_that_bob_has_left_gives_bob_nothing(fleet: Fleet) -> None:
    """All gateways are asked without a pause while both facts, among many others, arrive."""
    await fleet.tell([*ground("acme", OWNER), user("bob")])
    for number in range(rounds(ROUNDS)):
        race = await _begun(fleet, number)
        async with race.watched(fleet.doors):
            await fleet.tell([*crowd(number), race.left, *crowd(number + 1)])
            await fleet.caught_up(await fleet.tell([*crowd(number + 2), race.granted]))
        await _ends_well(race)


async def _begun(fleet: Fleet, number: int) -> Race:
    race = Race(Stage(f"race-{number}", "acme"), fleet)
    await fleet.tell(race.before)
    await race.prepare()
    await fleet.caught_up(await fleet.tell([user(f"before-{number}")]))
    return race


async def _ends_well(race: Race) -> None:
    assert race.seen == {404}
    for each in race.fleet.doors:
        assert await race.pull(each, race.friend) == 200
        assert await race.pull(each, race.bob) == 404


async def test_the_same_over_kafka(kafka: KafkaBroker, fresh_dsn: str, tmp_path: Path) -> None:
    """The facts of a workspace share a partition; by turns both come at once, and with many others in between."""
    async with _over_kafka(kafka, fresh_dsn, tmp_path) as (fleet, source):
        await source.tell(_documents([*ground("acme", OWNER), user("bob")]))
        for number in range(rounds(ROUNDS_OVER_KAFKA)):
            race = Race(Stage(f"race-{number}", "acme"), fleet)
            await source.tell(_documents(race.before))
            await applied(fresh_dsn, source)
            await race.prepare()
            await fleet.caught_up(await applied(fresh_dsn, source))
            async with race.watched(fleet.doors):
                between = crowd(number + 1, FEW) if number % 2 else []
                facts = [*crowd(number, FEW), race.left, *between, race.granted, *crowd(number + 2, FEW)]
                await source.tell(_documents(facts))
                await fleet.caught_up(await applied(fresh_dsn, source))
            await _ends_well(race)


@asynccontextmanager
async def _over_kafka(kafka: KafkaBroker, dsn: str, folder: Path) -> AsyncIterator[tuple[Fleet, KafkaSource]]:
    async with fact_topics(kafka) as topics, KafkaSource(kafka.bootstrap, topics.names) as source:
        process = PermissionsProcess(folder / "permissions", dsn, kafka.bootstrap, topics.names)
        await process.start()
        try:
            async with open_fleet(process, folder) as fleet:
                yield fleet, source
        finally:
            await process.kill()


def _documents(bodies: Sequence[bytes]) -> list[dict[str, object]]:
    return [json.loads(body) for body in bodies]


async def test_a_gateway_that_is_told_in_the_wrong_order_is_found_out(fleet: Fleet, tmp_path: Path) -> None:
    """What the races of above rest on: one moment in which Bob has the right is seen."""
    await fleet.tell([*ground("acme", OWNER), user("bob")])
    async with door(fleet.authority, WrongOrder(fleet.authority), tmp_path, MemoryStorage().content) as wrong:
        seen: set[int] = set()
        for number in range(50):  # a moment is short, and whoever watches may blink
            race = await _begun(fleet, number)
            async with race.watched([wrong]):
                await fleet.tell([race.left])
                await wrong.reached(await fleet.tell([race.granted]))
            if (seen := seen | race.seen) >= {200}:
                break
    assert seen == {404, 200}
