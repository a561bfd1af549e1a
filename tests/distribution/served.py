"""Serves an application on loopback as the services do, without the waits of a drain."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
from aiohttp import web
from prometheus_client import CollectorRegistry

from distribution.open_gate import OpenGate
from moorage.distribution.content import Content
from moorage.distribution.gate import Gate
from moorage.distribution.server.limits import Limits
from moorage.distribution.server.routes import DEFAULT_LIMITS, add_distribution
from moorage.runtime.health import Health
from moorage.runtime.metrics import HttpMetrics
from moorage.runtime.serving import Drain, Listener, serve

AT_ONCE = Drain(notice=timedelta(), settle=timedelta(), finish=timedelta(seconds=1))


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """The URL of the running application."""
    listener = Listener("test", app)
    async with serve([listener], Health(), HttpMetrics(CollectorRegistry()), AT_ONCE) as places:
        host, port = places["test"]
        yield f"http://{host}:{port}"


def registry_on(content: Content, gate: Gate | None = None, limits: Limits = DEFAULT_LIMITS) -> web.Application:
    """The distribution API as the public sees it; the gate is an open one unless another is given."""
    app = web.Application()
    add_distribution(app, gate or OpenGate(), content, limits)
    return app


@asynccontextmanager
async def client_session() -> AsyncIterator[aiohttp.ClientSession]:
    """A session that keeps connections, like those of the services."""
    async with aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session
