"""Serves applications, and stops so that no request is lost (R160)."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from aiohttp import web

from moorage.runtime.connection import HEADER_SECONDS, IDLE_SECONDS, Runner
from moorage.runtime.health import Health
from moorage.runtime.http import STDLIB_LOGGER, AccessLog, instrument
from moorage.runtime.metrics import HttpMetrics
from moorage.runtime.turns import TurnsSite

_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Listener:
    """An application and where it is served. A given socket is bound already; `shared`: others accept on it as well.

    `header_time`: how long the head of a request may take. `idle_time`: how long nothing of an answer may be taken.
    """

    name: str
    app: web.Application
    host: str = "127.0.0.1"
    port: int = 0
    sock: socket.socket | None = None
    shared: bool = False
    header_time: timedelta = timedelta(seconds=HEADER_SECONDS)
    idle_time: timedelta = timedelta(seconds=IDLE_SECONDS)


@dataclass(frozen=True, slots=True)
class Drain:
    """How long each step of stopping takes; all of them together at most 30 s (R160).

    `notice`: not ready, but serving, until balancers have seen it. `settle`: the listener is closed, what was accepted
    is still read. `finish`: requests in flight may end.
    """

    notice: timedelta = timedelta()
    settle: timedelta = timedelta(seconds=0.5)
    finish: timedelta = timedelta(seconds=25)


DEFAULT_DRAIN: Final = Drain()
_READ_BUFFER_BYTES: Final = 256 * 1024
_BACKLOG: Final = 1024
_KEEPALIVE_SECONDS: Final = 75.0  # longer than the clients inside and the usual proxies keep a connection
_LINGER_SECONDS: Final = 2.0


@asynccontextmanager
async def serve(
    listeners: Sequence[Listener], health: Health, metrics: HttpMetrics, drain: Drain = DEFAULT_DRAIN
) -> AsyncIterator[dict[str, tuple[str, int]]]:
    """Serves the listeners while the context is open; yields where each is bound, by its name.

    On leaving: not ready, wait for the balancer, close the listeners, serve on for a moment, then clean up.
    """
    runners = [_runner(listener, metrics, drain) for listener in listeners]
    async with AsyncExitStack() as stack:
        for runner in runners:
            stack.push_async_callback(runner.cleanup)
        sockets = [stack.enter_context(_bound(listener)) for listener in listeners]
        places = {
            listener.name: await _start(listener, runner, bound)
            for listener, runner, bound in zip(listeners, runners, sockets, strict=True)
        }
        health.started()
        try:
            yield places
        finally:
            await _stop(runners, sockets, health, drain)


def _runner(listener: Listener, metrics: HttpMetrics, drain: Drain) -> Runner:
    instrument(listener.app, listener.name, metrics)
    return Runner(
        listener.app,
        connection={
            "listener": listener.name,
            "metrics": metrics,
            "header_seconds": listener.header_time.total_seconds(),
            "idle_seconds": listener.idle_time.total_seconds(),
        },
        access_log_class=AccessLog,
        access_log=STDLIB_LOGGER,
        auto_decompress=False,
        read_bufsize=_READ_BUFFER_BYTES,
        keepalive_timeout=_KEEPALIVE_SECONDS,
        lingering_time=_LINGER_SECONDS,
        shutdown_timeout=drain.finish.total_seconds(),
    )


async def _start(listener: Listener, runner: Runner, bound: socket.socket) -> tuple[str, int]:
    await runner.setup()
    await (TurnsSite if listener.shared else web.SockSite)(runner, bound, backlog=_BACKLOG).start()
    host, port = bound.getsockname()[:2]
    _log.info("Serving", listener=listener.name, host=host, port=port)
    return host, port


def _bound(listener: Listener) -> socket.socket:
    if listener.sock is not None:
        return listener.sock
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    return socket.create_server((listener.host, listener.port), family=family, backlog=_BACKLOG)


async def _stop(runners: Sequence[Runner], sockets: Sequence[socket.socket], health: Health, drain: Drain) -> None:
    health.drain()
    _log.info("No longer ready; stopping")
    await asyncio.sleep(drain.notice.total_seconds())
    for each in sockets:
        asyncio.get_running_loop().remove_reader(each)
    for _ in range(2):  # asyncio drops a connection that it accepted in the very turn that closes its listener
        await asyncio.sleep(0)
    for runner in runners:
        for site in runner.sites:
            await site.stop()
    await asyncio.sleep(drain.settle.total_seconds())
