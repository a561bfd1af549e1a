"""Bob leaves a group, and then the group gets a right: there is no moment in which Bob has it (§2.1, R115)."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from faults.fleet import Door, Fleet, open_fleet, rounds
from faults.permissions_process import PermissionsProcess
from faults.revocations import Stage, ground
from permissions.sample_facts import group_member, user

pytestmark = pytest.mark.timeout(600)

ROUNDS = 10
LOAD = 200
OWNER = "carol"


@pytest.fixture
async def fleet(fresh_dsn: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    """Three gateways."""
    process = PermissionsProcess(tmp_path / "permissions", fresh_dsn)
    await process.start()
    async with open_fleet(process, tmp_path) as fleet:
        yield fleet
    await process.kill()


async def test_a_group_that_bob_has_left_gives_bob_nothing(fleet: Fleet) -> None:
    """All gateways are asked without a pause while both facts, among many others, arrive."""
    await fleet.tell([*ground("acme", OWNER), user("bob")])
    for number in range(rounds(ROUNDS)):
        stage = Stage(f"race-{number}", "acme")
        await fleet.tell([*stage.base(), stage.there(), group_member(stage.group, "bob"), stage.joined()])
        await fleet.image(OWNER, "acme", stage.image, stage.repository)
        name = f"acme/{stage.image}"
        bob, friend = await fleet.bearer("bob", name), await fleet.bearer(stage.user, name)
        await fleet.caught_up(await fleet.tell([user(f"before-{number}")]))
        over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            seen = [tasks.create_task(_watch(door, name, bob, over)) for door in fleet.doors]
            await fleet.tell([*_load(number), group_member(stage.group, "bob", present=False), *_load(number + 1)])
            granted = stage.through(f"repository:{stage.repository}", "read")
            await fleet.caught_up(await fleet.tell([*_load(number + 2), granted]))
            over.set()
        assert {status for task in seen for status in task.result()} == {404}
        for door in fleet.doors:
            assert (await door.ask("GET", f"/v2/{name}/tags/list?n=0", friend)).status == 200
            assert (await door.ask("GET", f"/v2/{name}/tags/list?n=0", bob)).status == 404


async def _watch(door: Door, name: str, auth: str, over: asyncio.Event) -> set[int]:
    """Every status seen until it is over, and one after that."""
    seen = set[int]()
    for _ in itertools.count():
        last = over.is_set()
        seen.add((await door.ask("GET", f"/v2/{name}/tags/list?n=0", auth)).status)
        if last:
            break
    return seen


def _load(number: int) -> list[bytes]:
    """Changes that have nothing to do with it."""
    return [group_member(f"crowd-{number}", f"guest-{each}") for each in range(LOAD)]
