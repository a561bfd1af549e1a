"""What waits for the operator, through the `moorage` command: dead letters and sweeps."""

import json

import aiohttp
import pytest

from permissions.sample_facts import project, workspace
from permissions.sample_snapshots import whole
from servers.registry import StandaloneRegistry

pytestmark = pytest.mark.timeout(180)


async def send(registry: StandaloneRegistry, *lines: bytes) -> None:
    """A batch by the operator, as a bridge of its own."""
    typed = b"\n".join(lines).decode()
    outcome = await registry.command("facts", "apply", "-", "--source", "bridge", typed=typed)
    assert outcome.succeeded, outcome


async def send_unread(registry: StandaloneRegistry, line: bytes) -> None:
    """What a bridge sends itself: the command would not let a broken line out."""
    internal = json.loads((registry.data / "internal.json").read_bytes())["url"]
    secret = json.loads((registry.data / "operator.json").read_bytes())["secret"]
    url, headers = f"{internal}/internal/v1/facts?source=bridge", {"Authorization": f"Bearer {secret}"}
    async with aiohttp.ClientSession(headers=headers) as client, client.post(url, data=line) as answer:
        assert answer.status == 200, await answer.text()


async def test_a_dead_letter_is_seen_and_released(registry: StandaloneRegistry) -> None:
    """Listed, shown as it came, released with a reason."""
    permissions = ("permissions", "dead-letters")
    assert (await registry.command("permissions", "sources", "declare", "bridge")).succeeded
    await send(registry, workspace("oversight", of="oversight", version=1))
    await send_unread(registry, project(version=2, of="oversight").replace(b'"active"', b'"asleep"'))
    listed = await registry.command(*permissions, "list", "--json")
    (letter,) = json.loads(listed.stdout)
    assert (letter["reason"], letter["source"]) == ("schema", "bridge")
    shown = await registry.command(*permissions, "show", str(letter["id"]))
    assert "asleep" in shown.stdout
    assert not (await registry.command(*permissions, "release", str(letter["id"]))).succeeded
    released = await registry.command(*permissions, "release", str(letter["id"]), "--reason", "a test")
    assert "holds nothing" in released.stdout
    assert json.loads((await registry.command(*permissions, "list", "--json")).stdout) == []
    assert "schema" in (await registry.command(*permissions, "list", "--all")).stdout


async def test_a_snapshot_of_a_source_leaves_no_sweep(registry: StandaloneRegistry) -> None:
    """What is whole is applied; there is nothing to decide."""
    assert (await registry.command("permissions", "sources", "declare", "bridge")).succeeded
    await send(registry, *whole("s1", 50, [workspace("oversight", of="oversight", version=9)], of="oversight"))
    assert json.loads((await registry.command("permissions", "sweeps", "list", "--json")).stdout) == []
    outcome = await registry.command("permissions", "sweeps", "confirm", "99", "--reason", "none")
    assert "no such sweep" in outcome.stderr
