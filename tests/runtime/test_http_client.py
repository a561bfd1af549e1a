"""Calls between our services."""

from datetime import timedelta

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry

from moorage.runtime.health import Health
from moorage.runtime.http import REQUEST_ID
from moorage.runtime.http_client import internal_session
from moorage.runtime.metrics import HttpMetrics
from moorage.runtime.serving import Drain, Listener, serve

AT_ONCE = Drain(timedelta(), timedelta(), timedelta(seconds=1))


async def test_one_id_follows_a_request_through_the_services() -> None:
    """From the client to the first service and on to the second."""
    back, front = web.Application(), web.Application()
    listeners = [Listener("back", back), Listener("front", front)]
    async with internal_session() as inside:
        places: dict[str, tuple[str, int]] = {}

        async def ask_back(_request: web.Request) -> web.Response:
            async with inside.get("http://{}:{}/".format(*places["back"])) as answer:
                return web.Response(text=await answer.text())

        async def say_id(request: web.Request) -> web.Response:
            return web.Response(text=request[REQUEST_ID])

        back.router.add_get("/", say_id)
        front.router.add_get("/", ask_back)
        async with serve(listeners, Health(), HttpMetrics(CollectorRegistry()), AT_ONCE) as bound:
            places |= bound
            headers = {"X-Request-Id": "from-the-client"}
            async with (
                aiohttp.ClientSession() as session,
                session.get("http://{}:{}/".format(*places["front"]), headers=headers) as answer,
            ):
                assert await answer.text() == "from-the-client"
