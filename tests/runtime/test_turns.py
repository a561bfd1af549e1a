"""Several processes accept on one socket: none takes all, and nothing that waits is lost when one stops."""

import asyncio
import socket
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry

from moorage.runtime.health import Health
from moorage.runtime.metrics import HttpMetrics
from moorage.runtime.serving import Drain, Listener, serve

DRAIN = Drain(timedelta(), timedelta(seconds=0.5), timedelta(seconds=5))
"""What was accepted is still read for so long: who connected need not have spoken yet."""


def serving(sock: socket.socket, name: str) -> AbstractAsyncContextManager[dict[str, tuple[str, int]]]:
    """A server on a copy of the socket, as another process has it."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=name)

    app = web.Application()
    app.router.add_get("/", answer)
    listener = Listener(name, app, sock=sock.dup(), shared=True)
    return serve([listener], Health(), HttpMetrics(CollectorRegistry()), DRAIN)


async def asked(url: str) -> str:
    """Who answers a new connection."""
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.text()


async def test_a_burst_is_shared() -> None:
    """Whoever has just taken a connection leaves the next one to the other."""
    with socket.create_server(("127.0.0.1", 0)) as shared:
        url = "http://{}:{}/".format(*shared.getsockname())
        async with serving(shared, "one"), serving(shared, "two"):
            answers = await asyncio.gather(*(asked(url) for _ in range(20)))
        assert set(answers) == {"one", "two"}


async def test_what_waits_is_answered_by_who_stops_last() -> None:
    """Connections that were made before the stop are not reset; afterwards nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as shared:
        address = shared.getsockname()
        server = serving(shared, "one")
        await server.__aenter__()
        shared.close()
        waiting = [socket.create_connection(address) for _ in range(10)]
        stopped = asyncio.create_task(server.__aexit__(None, None, None))
        answers = await asyncio.gather(*(asyncio.to_thread(said, each) for each in waiting))
        await stopped
        assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)


def said(connection: socket.socket) -> bytes:
    """The answer to a request on a connection that may have waited."""
    with connection:
        connection.settimeout(30)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return connection.recv(4096)
