"""A change is answered when it counts at every gateway, or after a while; who slept reads first (R47, R78)."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from faults.waiting import until_true
from gateway.test_follower import following
from gateway.three_gateways import logins, three_gateways
from gateway.village_order import Order, beginning
from moorage.access.consistency import ConsistencyToken
from moorage.gateway.app import Gateway
from moorage.runtime.clock import FixedClock

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


def position(gateway: Gateway) -> ConsistencyToken:
    """How far it has come."""
    assert gateway.follower.replica is not None
    return gateway.follower.replica.position
