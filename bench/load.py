"""One target under load: its clients, what was put there, and how a stretch of work is measured."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bench.client import Client
from bench.content import Content
from bench.engine.engine import Engine, Outcome
from bench.engine.message import LoadFailed, Request, Response, Script
from bench.names import PRINCIPALS
from bench.processes import Usage, forget_peaks, highest_peak, usage
from bench.sample import Sample
from bench.serving import Target
from bench.sizes import Sizes

_SOURCES: Final = tuple(f"127.0.0.{number}" for number in range(1, PRINCIPALS + 1))


@dataclass(frozen=True, slots=True)
class _Spent:
    server: Usage
    database: Usage
    client: float


class Load:
    """Loads one target. `rate` is what paced workloads keep to, in requests per second over all connections."""

    def __init__(self, target: Target, content: Content, sizes: Sizes) -> None:
        self.target, self.content, self.sizes = target, content, sizes
        self.rate = 0.0
        self.clients: Sequence[Client] = ()
        self._engine = Engine(target.port, _SOURCES)
        self._done = set[str]()

    def renew(self) -> None:
        """Fresh bearer tokens: they live for minutes, a run does not end so soon."""
        self.clients = [Client(self.target.port, value) for value in self.target.authorizations()]

    def client(self, number: int = 0) -> Client:
        """The principal of a connection: connections take turns."""
        return self.clients[number % len(self.clients)]

    def first(self, what: str) -> bool:
        """True once for each name: what is put there stays there."""
        known = what in self._done
        self._done.add(what)
        return not known

    def run(self, scripts: Iterable[Script]) -> Outcome:
        """Runs scripts, each on a connection of its own. Raises LoadFailed, OSError."""
        return self._engine.run(scripts)

    def ask(self, build: Callable[[Client], Request]) -> Response:
        """One request outside of any measurement."""
        answers: list[Response] = []

        def script() -> Script:
            answers.append((yield build(self.client())))

        self.run([script()])
        return answers[0]

    def measure(self, scripts: Iterable[Script], laps: Sequence[int] | None = None, size: int = 0) -> Sample:
        """Runs scripts and says what that cost.

        `laps` are the latencies that the scripts note themselves (nanoseconds), where one operation is several
        requests; `size` is the bytes that one moves.
        """
        forget_peaks(self.target.servers())
        before = self._spent()
        outcome = self.run(scripts)
        after = self._spent()
        taken = [lap for each in outcome.latencies.values() for lap in each] if laps is None else laps
        if not taken:
            raise LoadFailed("no operation came to an end in time")
        return Sample.of(
            taken,
            outcome.seconds,
            after.server - before.server,
            after.database - before.database,
            after.client - before.client,
            highest_peak(self.target.servers()),
            size,
        )

    def _spent(self) -> _Spent:
        return _Spent(usage(self.target.servers()), usage(self.target.databases()), time.process_time())
