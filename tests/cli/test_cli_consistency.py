"""Waiting for the fleet, how current a workspace is, and epochs, through the `moorage` command (§3.1, §3.6)."""

import asyncio
import json
from typing import Any

import pytest

from moorage.access.consistency import ConsistencyToken
from servers.client_process import Outcome
from servers.registry import StandaloneRegistry

pytestmark = pytest.mark.timeout(180)


def told(outcome: Outcome) -> Any:
    """What a command with --json printed."""
    assert outcome.succeeded, outcome
    return json.loads(outcome.stdout)


async def status(registry: StandaloneRegistry, user: str = "alice") -> Any:
    """How current acme is, as this user sees it."""
    return told(await registry.command("sync", "status", "acme", "--json", user=user))


async def test_a_change_is_waited_for(registry: StandaloneRegistry) -> None:
    """When the command returns, every gateway has passed it; there is one."""
    name = "acme/hello/waited"
    created = told(
        await registry.command("image", "create", name, "--repository", "hello", "--wait", "--json", user="alice")
    )
    changed = told(
        await registry.command("image", "set", name, "--visibility", "workspace", "--wait", "--json", user="alice")
    )
    found = await status(registry)
    assert created["id"] == changed["id"]
    assert found["gateways"] == 1
    assert ConsistencyToken.parse(found["fleet_minimum"]) >= ConsistencyToken.parse(changed["token"])


async def test_members_see_how_current_their_workspace_is(registry: StandaloneRegistry) -> None:
    """Facts by hand do not age; who is no member learns nothing."""
    shown = await registry.command("sync", "status", "acme", user="dave")
    assert shown.succeeded
    assert "facts don't age here" in shown.stdout
    found = await status(registry, "dave")
    assert (found["workspace"], found["lag"], found["dead_letters"], found["sweep_held"]) == ("acme", 0, 0, False)
    refused = await registry.command("sync", "status", "acme", user="mallory")
    assert (refused.code, refused.stdout) == (1, "")


async def test_nobody_is_asked_again_where_facts_are_written_by_hand(registry: StandaloneRegistry) -> None:
    """And the command says so; for others only an owner may ask."""
    asked = ("sync", "refresh", "acme", "--repository", "hello", "--user")
    outcome = await registry.command(*asked, "bob", user="bob")
    assert outcome.succeeded
    assert "by hand" in outcome.stdout
    assert told(await registry.command(*asked, "bob", "--json", user="bob")) == {"asked": False}
    assert (await registry.command(*asked, "carol", user="bob")).code == 1


async def test_an_epoch_begins_and_facts_by_hand_are_confirmed(registry: StandaloneRegistry) -> None:
    """Until then nobody is served by them; old tokens count as satisfied afterwards."""
    name = "acme/hello/epochs"
    assert (await registry.command("image", "create", name, "--repository", "hello", user="alice")).succeeded
    before = ConsistencyToken.parse((await status(registry))["head"])
    assert (await registry.command("permissions", "epoch", "bump")).code == 2
    bumped = told(await registry.command("permissions", "epoch", "bump", "--reason", "a test", "--json"))
    assert (bumped["epoch"], bumped["unconfirmed"]) == (before.epoch + 1, 1)
    doubted = await registry.command("check", name, "push", user="bob")
    assert doubted.code not in (0, 4)
    confirmed = await registry.command("permissions", "epoch", "confirm")
    assert "count as current" in confirmed.stdout
    async with asyncio.timeout(30):
        while (await registry.command("check", name, "push", user="bob")).code != 0:
            pass
    after = ConsistencyToken.parse((await status(registry))["head"])
    assert after.epoch == before.epoch + 1


async def test_facts_that_are_known_to_be_current_need_no_confirmation(registry: StandaloneRegistry) -> None:
    """The operator may say so at once."""
    asked = ("permissions", "epoch", "bump", "--reason", "a test", "--facts-are-current")
    outcome = await registry.command(*asked)
    assert "0 workspaces wait" in outcome.stdout
    async with asyncio.timeout(30):
        while not (await registry.command("image", "list", "acme", user="carol")).succeeded:
            pass
