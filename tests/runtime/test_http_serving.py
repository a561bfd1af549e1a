"""Starting and stopping: health paths, and a drain that loses nothing (R160, R161)."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry

from faults.waiting import until_true
from moorage.runtime.connection import Connection, Runner
from moorage.runtime.health import Health, add_health, health_application
from moorage.runtime.metrics import HttpMetrics, process_registry
from moorage.runtime.serving import Drain, Listener, serve

SMALL = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
AT_ONCE = Drain(timedelta(), timedelta(), timedelta(seconds=5))


async def status_of(session: aiohttp.ClientSession, url: str) -> int:
    """The status of a GET."""
    async with session.get(url) as answer:
        await answer.read()
        return answer.status


async def refused(session: aiohttp.ClientSession, url: str) -> None:
    """Returns once nobody listens there any more."""
    while True:
        try:
            await status_of(session, url)
        except aiohttp.ClientConnectionError:
            return


def test_all_steps_of_a_drain_fit_into_half_a_minute() -> None:
    """R160."""
    drain = Drain()
    assert drain.notice + drain.settle + drain.finish <= timedelta(seconds=30)
    assert drain.settle == timedelta(seconds=0.5)


async def test_a_process_of_several_parts_is_ready_when_all_are() -> None:
    """Each is told by the name of its check, which no other part has."""

    async def away() -> str:
        return "away"

    async def well() -> None:
        return None

    parts = [Health({"replica": away}), Health({"storage": well})]
    whole = Health.joined(*parts)
    assert await whole.missing() == {"start": "still starting"}
    whole.started()
    assert await whole.missing() == {"replica": "away"}
    with pytest.raises(ValueError):
        Health.joined(*parts, Health({"storage": away}))


async def test_readiness_follows_the_checks_liveness_does_not() -> None:
    """A dependency that is away makes the process not ready, not dead; nothing of the failure leaks."""
    missing: list[str] = ["no connection to PostgreSQL"]

    async def database() -> str | None:
        return missing[0] if missing else None

    async def broken() -> str | None:
        if missing:
            raise RuntimeError("postgres://user:secret@host/db")
        return None

    health = Health({"database": database, "broken": broken})
    app = health_application(health, process_registry())
    async with (
        serve([Listener("health", app)], health, HttpMetrics(CollectorRegistry()), AT_ONCE) as places,
        aiohttp.ClientSession() as session,
    ):
        url = "http://{}:{}".format(*places["health"])
        assert await status_of(session, f"{url}/livez") == 200
        assert await status_of(session, f"{url}/startupz") == 200
        async with session.get(f"{url}/readyz") as answer:
            told = {"database": "no connection to PostgreSQL", "broken": "RuntimeError"}
            expected = {"ready": False, "missing": told, "checks": ["broken", "database"]}
            assert (answer.status, await answer.json()) == (503, expected)
        missing.clear()
        assert await status_of(session, f"{url}/readyz") == 200
        async with session.get(f"{url}/metrics") as answer:
            assert "python_info" in await answer.text()


async def test_a_process_is_not_ready_before_it_has_started_nor_while_it_stops() -> None:
    """Whatever the checks say."""
    health = Health()
    assert await health.missing() == {"start": "still starting"}
    health.started()
    assert await health.missing() == {}
    health.drain()
    assert await health.missing() == {"stop": "stopping"}


async def test_a_request_in_flight_is_finished() -> None:
    """It began before the stop and ends after it, while nothing new is accepted and the process is not ready."""
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        begun.set()
        await may_end.wait()
        return web.Response(text="done")

    app, health = web.Application(), Health()
    app.router.add_get("/slow", slow)
    add_health(app, health, CollectorRegistry())
    async with aiohttp.ClientSession() as session:
        serving = serve([Listener("public", app)], health, HttpMetrics(CollectorRegistry()), AT_ONCE)
        places = await serving.__aenter__()
        url = "http://{}:{}".format(*places["public"])
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(status_of(session, f"{url}/slow"))
            await begun.wait()
            stopped = tasks.create_task(serving.__aexit__(None, None, None))
            await refused(session, f"{url}/livez")
            assert await health.missing()
            assert not stopped.done()
            may_end.set()
        assert asked.result() == 200


async def test_a_listener_takes_a_socket_that_is_bound_already() -> None:
    """Prefork workers inherit it; none closes another's backlog."""
    app = web.Application()
    add_health(app, health := Health(), CollectorRegistry())
    with socket.create_server(("127.0.0.1", 0)) as bound:
        listener = Listener("public", app, sock=bound)
        async with (
            serve([listener], health, HttpMetrics(CollectorRegistry()), AT_ONCE) as places,
            aiohttp.ClientSession() as session,
        ):
            assert places["public"] == bound.getsockname()
            assert await status_of(session, "http://{}:{}/livez".format(*places["public"])) == 200


async def test_what_can_not_be_bound_leaves_nothing_open() -> None:
    """The first listener is closed again when the second one's port is taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listeners = [
            Listener("one", web.Application()),
            Listener("two", web.Application(), port=taken.getsockname()[1]),
        ]
        health = Health()
        with pytest.raises(OSError):
            async with serve(listeners, health, HttpMetrics(CollectorRegistry()), AT_ONCE):
                pass
        assert await health.missing()


PATIENCE = 0.1


class Wire:
    """A connection of ours to a client's socket, whose reads a test may hand over itself."""

    def __init__(self, client: socket.socket, connection: asyncio.Protocol) -> None:
        self.client = client
        self.connection = connection

    async def send(self, data: bytes) -> None:
        """From the client."""
        await asyncio.get_running_loop().sock_sendall(self.client, data)

    async def read(self) -> bytes:
        """What comes next; nothing at the end."""
        return await asyncio.get_running_loop().sock_recv(self.client, 1000)


@asynccontextmanager
async def wired(app: web.Application) -> AsyncIterator[Wire]:
    """One that has little patience with heads."""
    loop = asyncio.get_running_loop()
    known = {"listener": "public", "metrics": HttpMetrics(CollectorRegistry()), "header_seconds": PATIENCE}
    runner = Runner(app, connection=known)
    await runner.setup()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    assert runner.server
    transport, connection = await loop.connect_accepted_socket(runner.server, theirs)
    await loop.run_in_executor(None, int)  # a turn, in which it begins to wait for a request
    yield Wire(ours, connection)
    ours.close()
    transport.close()
    await runner.cleanup()


ANSWER = bytes(4 * 2**20)


async def whole(_request: web.Request) -> web.Response:
    """All at once."""
    return web.Response(body=ANSWER)


async def in_pieces(request: web.Request) -> web.StreamResponse:
    """Each piece when there is room for it."""
    response = web.StreamResponse()
    response.content_length = len(ANSWER)
    await response.prepare(request)
    for start in range(0, len(ANSWER), 2**16):
        await response.write(ANSWER[start : start + 2**16])
    return response


@asynccontextmanager
async def running(app: web.Application, idle_seconds: float) -> AsyncIterator[web.Server]:
    """The server of an application, whose clients may take nothing of an answer for so long."""
    known = {"listener": "public", "metrics": HttpMetrics(CollectorRegistry()), "header_seconds": 60.0}
    runner = Runner(app, connection={**known, "idle_seconds": idle_seconds})
    await runner.setup()
    assert runner.server
    yield runner.server
    await runner.cleanup()


@pytest.mark.parametrize("answer", [whole, in_pieces])
async def test_who_takes_nothing_of_an_answer_is_cut(answer: Handler) -> None:
    """Neither the connection nor what lies there for it stays; what was sent is not the whole, and does not look so."""
    app, loop = web.Application(), asyncio.get_running_loop()
    app.router.add_get("/", answer)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    async with running(app, 0.1) as server:
        await loop.connect_accepted_socket(server, theirs)
        await loop.sock_sendall(ours, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        received = await loop.sock_recv(ours, 100)
        await until_true(lambda: not server.connections)
        while more := await loop.sock_recv(ours, 2**20):
            received += more
    assert received.startswith(b"HTTP/1.1 200")
    assert f"Content-Length: {len(ANSWER)}".encode() in received
    assert len(received) < len(ANSWER)
    ours.close()


class SlowlyTaken(asyncio.Transport):
    """A client that has left so many bytes each time one looks."""

    def __init__(self, *left: int) -> None:
        super().__init__()
        self.left = list(left)
        self.is_cut = False

    def get_write_buffer_size(self) -> int:
        """See asyncio.WriteTransport."""
        return self.left.pop(0)

    def abort(self) -> None:
        """See asyncio.WriteTransport."""
        self.is_cut = True


async def test_who_takes_a_little_of_an_answer_is_waited_for() -> None:
    """As long as it goes on; whoever has taken what there was has all the time in the world."""
    async with running(web.Application(), 0.001) as server:
        connection = server()
        assert isinstance(connection, Connection)
        connection.transport = slow = SlowlyTaken(900, 600, 599, 599, 1)
        connection.pause_writing()
        await until_true(lambda: slow.is_cut)
        assert slow.left == [1]
        connection.resume_writing()
        connection.transport = quick = SlowlyTaken(900, 100)
        connection.pause_writing()
        connection.resume_writing()
        for _ in range(3):
            await asyncio.sleep(0.001)
        assert (quick.left, quick.is_cut) == ([100], False)


async def past_the_deadline() -> None:
    """Longer than a head may take."""
    late = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(2 * PATIENCE, late.set_result, None)
    await late


async def length(request: web.Request) -> web.Response:
    """Of the body."""
    return web.Response(text=str(len(await request.read())))


async def test_a_body_that_comes_with_its_head_has_the_time_it_needs() -> None:
    """Some loops hand over several reads in one turn, before anybody has woken: the head's clock is not the body's."""
    app = web.Application()
    app.router.add_put("/", length)
    async with wired(app) as wire:
        wire.connection.data_received(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n")
        wire.connection.data_received(b"abc")
        await past_the_deadline()
        await wire.send(b"def")
        assert (await wire.read()).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("pieces", [(SMALL + b"PUT / HT",), (SMALL, b"PUT / HT"), (SMALL, b"\r", b"\nPUT")])
async def test_a_slow_head_behind_a_request_that_is_answered_ends_the_connection(pieces: tuple[bytes, ...]) -> None:
    """After the answer to what was asked before."""
    may_end, app = asyncio.Event(), web.Application()

    async def slow(_request: web.Request) -> web.Response:
        await may_end.wait()
        return web.Response(text="done")

    app.router.add_get("/", slow)
    async with wired(app) as wire:
        for piece in pieces:
            wire.connection.data_received(piece)
        await past_the_deadline()
        may_end.set()
        assert (await wire.read()).endswith(b"done")
        assert await wire.read() == b""


async def test_what_follows_a_request_in_time_is_answered() -> None:
    """In pieces, also while the first one is; a body of the second has all the time it needs."""
    may_end, app = asyncio.Event(), web.Application()

    async def slow(_request: web.Request) -> web.Response:
        await may_end.wait()
        return web.Response(text="first")

    app.router.add_get("/", slow)
    app.router.add_put("/", length)
    async with wired(app) as wire:
        for piece in (SMALL + b"PU", b"T / HTTP/1.1\r\nHost: x\r\nContent-Le", b"ngth: 6\r\n\r\na", b"bc"):
            wire.connection.data_received(piece)
        await past_the_deadline()
        may_end.set()
        assert (await wire.read()).endswith(b"first")
        await past_the_deadline()
        await wire.send(b"def")
        assert (await wire.read()).endswith(b"6")


async def test_who_asks_nothing_more_is_left_alone() -> None:
    """A request that takes long is no slow head, in however many pieces it came."""
    may_end, app = asyncio.Event(), web.Application()

    async def slow(_request: web.Request) -> web.Response:
        await may_end.wait()
        return web.Response(text="done")

    app.router.add_get("/", slow)
    async with wired(app) as wire:
        for byte in SMALL:
            wire.connection.data_received(bytes([byte]))
        await past_the_deadline()
        may_end.set()
        assert (await wire.read()).endswith(b"done")
        await wire.send(SMALL)
        assert (await wire.read()).endswith(b"done")
