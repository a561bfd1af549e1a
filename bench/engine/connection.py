"""One connection that works through one script."""

import select
import socket
import time
from typing import Protocol

from bench.engine.message import LoadFailed, Pause, Request, Response, Script
from bench.engine.reading import Reading, ServerClosed
from bench.engine.sending import Sending, sending

_CONNECT_SECONDS = 10.0


class Loop(Protocol):
    """What a connection needs of the engine."""

    def watch(self, connection: "Connection", events: int) -> None:
        """Tells the connection when its socket is ready."""
        ...

    def forget(self, connection: "Connection") -> None:
        """Tells it nothing any more."""
        ...

    def wake(self, connection: "Connection", at: float) -> None:
        """Calls `resume` at that time (`time.perf_counter`)."""
        ...

    def took(self, operation: str, nanoseconds: int) -> None:
        """Keeps a latency."""
        ...


class Connection:
    """Sends the requests of its script one after the other, over one socket as long as the server keeps it."""

    __slots__ = (
        "_answered",
        "_events",
        "_loop",
        "_reading",
        "_request",
        "_rest",
        "_script",
        "_sending",
        "_since",
        "_way",
        "socket",
    )

    def __init__(self, loop: Loop, script: Script, server: tuple[str, int], source: str) -> None:
        self._loop, self._script, self._way = loop, script, (server, source)
        self._request = Request("", b"")
        self._open()

    def _open(self) -> None:
        server, source = self._way
        self.socket = socket.create_connection(server, timeout=_CONNECT_SECONDS, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self._answered = False
        self._events = 0
        self._await(select.EPOLLIN)

    def close(self) -> None:
        """Ends it; harmless in the middle of an answer."""
        self._loop.forget(self)
        self.socket.close()

    def _reopen(self) -> None:
        self.close()
        self._open()

    def _await(self, events: int) -> None:
        if events != self._events:
            self._events = events
            self._loop.watch(self, events)

    def resume(self) -> None:
        """Goes on with the script, at its beginning and after a pause."""
        self._next(None)

    def _next(self, answer: Response | None) -> None:
        try:
            step = next(self._script) if answer is None else self._script.send(answer)
        except StopIteration:
            self.close()
            return
        if isinstance(step, Pause):
            self._loop.wake(self, step.until)
        else:
            self._request = step
            self._begin()

    def _begin(self) -> None:
        request = self._request
        self._rest = memoryview(request.head)
        self._sending: Sending | None = sending(request.body) if request.body else None
        self._reading = Reading(request)
        self._since = time.perf_counter_ns()
        self._send()

    def on_event(self, events: int) -> None:
        """The socket is ready."""
        if events & select.EPOLLOUT:
            self._send()
        if events & ~select.EPOLLOUT:
            self._read()

    def _send(self) -> None:
        try:
            while self._rest:
                self._rest = self._rest[self.socket.send(self._rest) :]
            if self._sending:
                self._sending.send(self.socket)
        except BlockingIOError:
            self._await(select.EPOLLIN | select.EPOLLOUT)
            return
        except (BrokenPipeError, ConnectionResetError):
            pass  # the answer, an error most likely, may still be readable
        self._await(select.EPOLLIN)

    def _read(self) -> None:
        try:
            response = self._reading.read(self.socket)
        except BlockingIOError:
            return
        except ServerClosed:
            self._start_over()
        else:
            self._finish(response)

    def _start_over(self) -> None:
        """A server may close an idle connection just when a request is under way: that one is sent once more."""
        if not self._answered:
            raise LoadFailed(f"{self._request.operation}: the server closed the connection")
        self._reopen()
        self._begin()

    def _finish(self, response: Response) -> None:
        self._loop.took(self._request.operation, time.perf_counter_ns() - self._since)
        check(self._request, response)
        self._answered = True
        if b"\r\nconnection: close" in response.head.lower():
            self._reopen()
        self._next(response)


def check(request: Request, response: Response) -> None:
    """Raises LoadFailed for another answer than the request is due."""
    right = (
        response.status in request.accept
        and request.digest in response.head
        and request.length in (None, response.length)
    )
    if not right:
        raise LoadFailed(
            f"{request.operation}: {request.head[:120]!r} was answered {response.head[:300]!r} {response.body[:300]!r}"
        )
