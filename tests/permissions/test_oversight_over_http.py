"""What waits for the operator and for sources, through the internal listener."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from moorage.permissions.memory.ledger import MemoryLedger
from permissions.conftest import service_over
from permissions.sample_facts import project, uuid_of, workspace
from permissions.sample_snapshots import heartbeat, started, tagged
from permissions.test_internal_listener import Listener, listening

REQUESTS, LETTERS, SWEEPS = "/internal/v1/requests", "/internal/v1/dead_letters", "/internal/v1/sweeps"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Listener]:
    """A listener over memory."""
    async with listening(MemoryLedger(), tmp_path) as found:
        yield found


async def test_a_dead_letter_is_listed_shown_and_released(served: Listener) -> None:
    """By the operator only, with a reason."""
    bridge = await served.declare(name="bridge")
    poison = project(version=2).replace(b'"active"', b'"asleep"')
    assert (await served.facts(workspace(version=1), poison, headers=bridge)).status == 200
    listed = await (await served.client.get(LETTERS, headers=served.operator)).json()
    (letter,) = listed["letters"]
    assert (letter["reason"], letter["source"], letter["holds"], listed["after"]) == ("schema", "bridge", True, None)
    place = f"{LETTERS}/{letter['id']}"
    assert (await (await served.client.get(place, headers=served.operator)).json())["body"]
    for body, headers, status in (
        ({"reason": "looked into"}, bridge, 403),
        ({}, served.operator, 422),
        ({"reason": "looked into"}, served.operator, 200),
    ):
        assert (await served.client.post(f"{place}/release", json=body, headers=headers)).status == status
    assert (await (await served.client.get(LETTERS, headers=served.operator)).json())["letters"] == []
    everything = await served.client.get(LETTERS, params={"holding": "false"}, headers=served.operator)
    assert [each["holds"] for each in (await everything.json())["letters"]] == [False]


async def test_a_source_fetches_what_it_is_asked(served: Listener) -> None:
    """With its own credential; a source over Kafka gets one for that, and for nothing else."""
    bridge, stream = await served.declare(name="bridge"), await served.declare(name="stream", transport="kafka")
    await served.facts(workspace(version=1), project(version=2).replace(b'"active"', b'"asleep"'), headers=bridge)
    waiting = await (await served.client.get(REQUESTS, params={"wait": "5"}, headers=bridge)).json()
    (asked,) = waiting["requests"]
    assert (asked["kind"], asked["workspace"]) == ("snapshot", str(uuid_of("workspace", "acme")))
    assert (await (await served.client.get(REQUESTS, headers=stream)).json())["requests"] == []
    assert (await served.client.post(f"{REQUESTS}/{asked['id']}/done", headers=stream)).status == 404
    assert (await served.client.post(f"{REQUESTS}/{asked['id']}/done", headers=bridge)).status == 200
    assert (await (await served.client.get(REQUESTS, headers=bridge)).json())["requests"] == []
    assert (await served.facts(workspace(version=2), headers=stream)).status == 403


async def test_who_told_of_an_unheard_of_workspace_is_asked(served: Listener) -> None:
    """Its first record can't be applied, so it has no authority yet; whoever may have one is asked all the same."""
    bridge, other = await served.declare(name="bridge"), await served.declare(name="other")
    await served.facts(project(version=2).replace(b'"active"', b'"asleep"'), headers=bridge)
    (asked,) = (await (await served.client.get(REQUESTS, headers=bridge)).json())["requests"]
    assert (asked["kind"], asked["workspace"]) == ("snapshot", str(uuid_of("workspace", "acme")))
    assert (await (await served.client.get(REQUESTS, headers=other)).json())["requests"] == []


async def test_a_sweep_is_listed_and_only_a_held_one_is_decided(served: Listener) -> None:
    """What is still staged waits for its source, not for the operator."""
    bridge = await served.declare(name="bridge")
    await served.facts(started("s1", 5), tagged(workspace(version=1), "s1"), headers=bridge)
    (sweep,) = (await (await served.client.get(SWEEPS, headers=served.operator)).json())["sweeps"]
    assert (sweep["state"], sweep["facts"], sweep["snapshot"]) == ("staging", 1, "s1")
    body = {"decision": "confirm", "reason": "the team has left"}
    for id, headers, status in (
        (sweep["id"], bridge, 403),
        (sweep["id"], served.operator, 422),
        (99, served.operator, 404),
    ):
        assert (await served.client.post(f"{SWEEPS}/{id}", json=body, headers=headers)).status == status


@pytest.mark.parametrize("path", [f"{SWEEPS}/x", f"{LETTERS}/-1/release", f"{REQUESTS}/{'9' * 30}/done"])
async def test_an_id_is_a_number(served: Listener, path: str) -> None:
    """Anything else names nothing."""
    body = {"decision": "discard", "reason": "none"} if "sweeps" in path else {"reason": "none"}
    assert (await served.client.post(path, json=body, headers=served.operator)).status == 404


async def test_what_comes_over_http_is_counted_by_source(tmp_path: Path) -> None:
    """What became of facts and lines, refused batches as well, and how old what a source told is (R120)."""
    permissions = service_over(MemoryLedger())
    secret = await permissions.operator(tmp_path / "operator.json")
    async with TestClient(TestServer(permissions.internal_app())) as client:
        served = Listener(client, secret)
        bridge = await served.declare(name="bridge")
        poison = project(version=2).replace(b'"active"', b'"asleep"')
        as_of = (datetime.now(UTC) - timedelta(seconds=60)).isoformat()
        lines = (workspace(version=1), workspace(version=1), poison, heartbeat("bridge", as_of))
        assert (await served.facts(*lines, headers=bridge)).status == 200
        assert (await served.facts(poison)).status == 422
        await permissions.upkeep.look_around()
        told = permissions.registry.get_sample_value
        facts, refused = "moorage_permissions_http_ingest_facts_total", "moorage_permissions_http_ingest_refused_total"
        assert told(facts, {"source": "bridge", "outcome": "applied"}) == 2
        assert told(facts, {"source": "bridge", "outcome": "unchanged"}) == 1
        assert told(refused, {"source": "bridge", "reason": "schema"}) == 1
        assert told(refused, {"source": "local", "reason": "schema"}) == 1
        assert told("moorage_permissions_http_ingest_batch_seconds_count", {"source": "local"}) == 1
        (lane,) = permissions.numbers.lanes
        age = told("moorage_permissions_lane_staleness_seconds", {"lane": lane})
        assert age is not None
        assert 60 <= age < 3600
