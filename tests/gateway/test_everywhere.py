"""A change is answered when it counts at every gateway, or after a while; who slept reads first (R47, R78)."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import cast
from uuid import uuid4

from aiohttp.test_utils import TestClient, TestServer

from faults.waiting import until_true
from gateway.test_follower import following
from gateway.three_gateways import logins, three_gateways
from gateway.village_order import Order, beginning
from moorage.access.consistency import ORIGIN, ConsistencyToken
from moorage.access.sync_wire import AwaitFleetRequest, FleetProgress, FleetReport
from moorage.gateway.app import Gateway
from moorage.gateway.everywhere import Everywhere
from moorage.gateway.ports import Authority
from moorage.permissions.adapters.pepper import FilePepper
from moorage.permissions.app import Permissions
from moorage.permissions.fleet_members import SILENCE_SECONDS
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.clock import FixedClock
from permissions.sample_facts import small_workspace

A_LONG_TIME = 30.0


async def test_a_new_image_is_known_at_every_gateway_when_it_is_answered(tmp_path: Path) -> None:
    """One of three takes in nothing: the answer waits for it, and comes when it has moved on."""
    async with three_gateways(tmp_path) as (permissions, gateways, freezing, secret), AsyncExitStack() as stack:
        client = await stack.enter_async_context(TestClient(TestServer(gateways[0].public_app())))
        login = (await logins(permissions, secret))["bob"]
        freezing.flowing.clear()
        body = {"name": "acme/hello/api", "repository": "hello"}
        made = asyncio.create_task(client.post("/api/v1/images", json=body, headers=login))
        await until_true(lambda: position(gateways[0]) > position(gateways[2]))
        assert not made.done()
        freezing.flowing.set()
        assert (await made).status == 201
        assert position(gateways[2]) == position(gateways[0])


async def test_who_slept_waits_for_what_has_arrived() -> None:
    """Until a frame of now has come in; and only once if none comes."""
    clock = FixedClock(beginning())
    village = Order(clock)
    async with following(village, clock) as follower:
        await follower.awake(A_LONG_TIME)
        clock.advance(timedelta(seconds=10))
        waiting = asyncio.create_task(follower.awake(A_LONG_TIME))
        await asyncio.sleep(0)
        assert not waiting.done()
        village.beat()
        await waiting
        clock.advance(timedelta(seconds=10))
        await follower.awake(0)
        await follower.awake(A_LONG_TIME)


class Telling:
    """An authority of which it is seen what it says of the fleet."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self.told: list[FleetProgress] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._authority, name)

    async def await_fleet(self, request: AwaitFleetRequest) -> FleetProgress:
        """See Authority."""
        self.told.append(await self._authority.await_fleet(request))
        return self.told[-1]


async def test_a_change_waits_for_gateways_that_are_heard_and_for_no_others(tmp_path: Path) -> None:
    """Who has missed several reports may be gone: `?wait=all` counts it still, a plain change does not (§3.6)."""
    clock, configured = FixedClock(beginning()), {"database_url": "postgresql://", "secrets_dir": "."}
    settings = PermissionsSettings.model_validate(configured)
    permissions = Permissions(MemoryLedger(), FilePepper(b"k" * 32), clock, settings)
    await permissions.operator(tmp_path / "operator.json")
    await permissions.ingest(small_workspace())
    authority, up_to_date, behind = permissions.authority, uuid4(), uuid4()
    telling = Telling(authority)
    async with following(authority, clock) as follower:
        assert follower.replica is not None
        head = follower.replica.position
        everywhere = Everywhere(cast(Authority, telling), follower, 0)
        for gateway, at in ((up_to_date, head), (behind, ORIGIN)):
            await authority.report(FleetReport(gateway=gateway, applied=str(at), serves_for=900))
        await everywhere.reached(head)
        clock.advance(timedelta(seconds=SILENCE_SECONDS + 1))
        await authority.report(FleetReport(gateway=up_to_date, applied=str(head), serves_for=900))
        await everywhere.reached(head)
    assert [(each.reached, each.waiting) for each in telling.told] == [(False, [behind]), (True, [])]
    strict = await authority.await_fleet(AwaitFleetRequest(token=str(head), seconds=0))
    assert (strict.reached, strict.waiting) == (False, [behind])


def position(gateway: Gateway) -> ConsistencyToken:
    """How far it has come."""
    assert gateway.follower.replica is not None
    return gateway.follower.replica.position
