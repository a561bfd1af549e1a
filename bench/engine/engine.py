"""The event loop: any number of scripts at once, each on a connection of its own."""

import heapq
import itertools
import select
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.engine.connection import Connection
from bench.engine.message import LoadFailed, Script

_STUCK_SECONDS: Final = 120.0


@dataclass(slots=True)
class Outcome:
    """What a run took: wall time in seconds, and the latencies by operation in nanoseconds."""

    seconds: float = 0.0
    latencies: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))


class Engine:
    """Loads one server on loopback; the connections' source addresses are taken in turns."""

    def __init__(self, port: int, sources: Sequence[str]) -> None:
        self._server, self._sources = ("127.0.0.1", port), sources
        self._connections: dict[int, Connection] = {}
        self._sleepers: list[tuple[float, int, Connection]] = []
        self._order = itertools.count()
        self._outcome = Outcome()

    def run(self, scripts: Iterable[Script]) -> Outcome:
        """Runs every script to its end. Raises LoadFailed, OSError: then every connection is closed."""
        self._outcome = Outcome()
        self._poll = select.epoll()
        try:
            opened = [self._open(script, number) for number, script in enumerate(scripts)]
            began = time.perf_counter()
            for connection in opened:
                connection.resume()
            while self._connections:
                self._turn()
            self._outcome.seconds = time.perf_counter() - began
        finally:
            for connection in list(self._connections.values()):
                connection.close()
            self._sleepers.clear()
            self._poll.close()
        return self._outcome

    def _open(self, script: Script, number: int) -> Connection:
        return Connection(self, script, self._server, self._sources[number % len(self._sources)])

    def _turn(self) -> None:
        events = self._poll.poll(self._patience())
        if not events and not self._sleepers:
            raise LoadFailed(f"no progress for {_STUCK_SECONDS:.0f} s")
        for file, event in events:
            if connection := self._connections.get(file):
                connection.on_event(event)
        while self._sleepers and self._sleepers[0][0] <= time.perf_counter():
            heapq.heappop(self._sleepers)[2].resume()

    def _patience(self) -> float:
        return max(0.0, self._sleepers[0][0] - time.perf_counter()) if self._sleepers else _STUCK_SECONDS

    def watch(self, connection: Connection, events: int) -> None:
        """Registers a socket, or changes what is awaited of it."""
        file = connection.socket.fileno()
        if file in self._connections:
            self._poll.modify(file, events)
        else:
            self._connections[file] = connection
            self._poll.register(file, events)

    def forget(self, connection: Connection) -> None:
        """Before its socket is closed."""
        file = connection.socket.fileno()
        self._poll.unregister(file)
        del self._connections[file]

    def wake(self, connection: Connection, at: float) -> None:
        """Resumes a connection then."""
        heapq.heappush(self._sleepers, (at, next(self._order), connection))

    def took(self, operation: str, nanoseconds: int) -> None:
        """Keeps a latency."""
        self._outcome.latencies[operation].append(nanoseconds)
