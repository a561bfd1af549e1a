"""How far behind a workspace's partition is, and asking its source again, as people and bridges see it (§3.6, R120)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from moorage.access import wire
from moorage.access.principal import Identity, Principal, PrincipalKind
from moorage.access.sync_wire import LaneStatus, SyncStatusRequest
from moorage.events.topics import AUTHORITY, IDENTITY
from moorage.permissions.apply import Apply
from moorage.permissions.authority import LocalAuthority
from moorage.permissions.batches import Record
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.records import SourceKind, SourceSpec, Transport
from moorage.permissions.stores import Advance, Lane
from moorage.runtime.clock import SystemClock
from permissions.conftest import service_over
from permissions.sample_facts import member, small_workspace, user, uuid_of, workspace
from permissions.test_internal_listener import GATEWAY, Listener, listening

PART = AUTHORITY.partition_of(uuid_of("workspace", "acme"))
ADA = wire.IdentityBody.of(Identity(Principal(PrincipalKind.USER, uuid_of("user", "ada"))))
STREAM = SourceSpec("stream", SourceKind.CONTINUOUS, Transport.KAFKA)
REQUESTS = "/internal/v1/requests"


async def followed() -> LocalAuthority:
    """The authority over a ledger whose workspace has come over Kafka, with lanes of both topics."""
    ledger, clock = MemoryLedger(), SystemClock()
    async with ledger.changing() as change:
        source = await change.sources.declare(STREAM, None)
    apply, ada = Apply(ledger, clock), IDENTITY.partition_of(uuid_of("user", "ada"))
    for topic, part, fact in (
        (IDENTITY.name, ada, user("ada", version=1)),
        (AUTHORITY.name, PART, workspace(version=1)),
        (AUTHORITY.name, PART, member("ada", "owner", version=2)),
    ):
        async with ledger.viewing() as view:
            at = await view.positions.of(topic, part)
        await apply.over_kafka([source], [Record(at, fact)], Advance(topic, part, at, at + 1))
    async with ledger.changing() as change:
        lanes = [Lane(source.id, IDENTITY.name, each) for each in range(IDENTITY.partitions)]
        lanes.append(Lane(source.id, AUTHORITY.name, PART))
        await change.sources.heard(dict.fromkeys(lanes, clock.now()))
    return service_over(ledger).authority


async def lanes(authority: LocalAuthority) -> dict[str | None, LaneStatus]:
    """The lanes of the workspace, by topic."""
    status = await authority.sync_status(SyncStatusRequest(identity=ADA, workspace="acme"))
    return {lane.topic: lane for lane in status.lanes}


async def test_records_behind_are_told_where_they_are_known() -> None:
    """Of the workspace's partition, and of all of the identity topic; what another process reads is not known here."""
    authority = await followed()
    found = await lanes(authority)
    assert [lane.records_behind for lane in found.values()] == [None] * len(found)
    identities = {(IDENTITY.name, part): part for part in range(IDENTITY.partitions)}
    authority.sync.behind = lambda: {(AUTHORITY.name, PART): 7, (AUTHORITY.name, PART + 1): 99, **identities}
    found = await lanes(authority)
    assert found[AUTHORITY.name].records_behind == 7
    assert found["identity"].records_behind == sum(range(IDENTITY.partitions))
    authority.sync.behind = lambda: {(IDENTITY.name, 0): 3}
    found = await lanes(authority)
    assert (found[AUTHORITY.name].records_behind, found["identity"].records_behind) == (None, None)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Listener]:
    """A listener over memory."""
    async with listening(MemoryLedger(), tmp_path) as found:
        yield found


async def test_a_refresh_reaches_the_source_that_tells_of_grants(served: Listener) -> None:
    """Asked by a member, fetched by the bridge with its own credential, and gone once it has answered."""
    bridge = await served.declare(name="bridge")
    facts = [
        fact.replace(b'"data":{', b'"data":{"version":%d,' % number, 1)
        for number, fact in enumerate(small_workspace(), 1)
    ]
    assert (await served.facts(*facts, headers=bridge)).status == 200
    body = {"identity": ADA.model_dump(mode="json"), "workspace": "acme", "user": "bob", "repository": "hello"}
    answer = await served.client.post("/internal/v1/refresh", json=body, headers=GATEWAY)
    assert (answer.status, (await answer.json())["asked"]) == (200, True)
    again = await served.client.post("/internal/v1/refresh", json=body, headers=GATEWAY)
    assert again.status == 200
    found = (await (await served.client.get(REQUESTS, params={"wait": "5"}, headers=bridge)).json())["requests"]
    (asked,) = [each for each in found if each["kind"] == "refresh"]
    assert (asked["user"], asked["repository"]) == (str(uuid_of("user", "bob")), str(uuid_of("repository", "hello")))
    assert (await served.client.post(f"{REQUESTS}/{asked['id']}/done", headers=bridge)).status == 200
    left = (await (await served.client.get(REQUESTS, headers=bridge)).json())["requests"]
    assert [each for each in left if each["kind"] == "refresh"] == []


async def test_what_could_not_be_answered_is_counted_by_cause(served: Listener) -> None:
    """Here a position from the future: changes are lost (§3.7)."""
    for _ in range(2):
        assert (await served.client.get("/internal/v1/changes?after=9.0", headers=GATEWAY)).status == 503
    numbers = await (await served.client.get("/metrics")).text()
    assert 'moorage_permissions_unavailable_total{cause="not_ready"} 2.0' in numbers
    assert "moorage_permissions_audit_waiting 0.0" in numbers
