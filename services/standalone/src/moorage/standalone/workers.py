"""Keeps the workers of a registry running: each is a gateway and storage in a process of its own (0011)."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Protocol, Self

import aiohttp
import structlog
from prometheus_client import CollectorRegistry, Counter

from moorage.access.consistency import ORIGIN
from moorage.access.problems import Problem
from moorage.access.sync_wire import FleetAnswer, FleetReport
from moorage.runtime.health import Health
from moorage.standalone.errors import WorkersFailed
from moorage.standalone.messages import Orders, Serving
from moorage.standalone.restarts import Restarts
from moorage.standalone.worker_process import WorkerProcess, started

ANSWER_SECONDS: Final = 1.0
_log: Final = structlog.stdlib.get_logger(__name__)


class Fleet(Protocol):
    """Where gateways are known; permissions has it."""

    async def report(self, report: FleetReport) -> FleetAnswer:
        """Takes what is said of a gateway. Raises ServiceUnavailable."""
        ...


class Workers:
    """As a context manager it starts them; at its end they finish what they do, within `grace` seconds.

    Whoever waits for all gateways need not wait for a worker that has died: we have seen it, and take leave for it.
    """

    def __init__(
        self,
        count: int,
        orders: Callable[[int], Orders],
        fleet: Fleet,
        grace: float,
        registry: CollectorRegistry,
        restarts: Callable[[], Restarts] = Restarts,
    ) -> None:
        self._count = count
        self._orders = orders
        self._fleet = fleet
        self._grace = grace
        self._restarts = restarts
        self._ends = Counter("moorage_worker_ends", "Workers that ended by themselves.", registry=registry)
        self._running: dict[int, WorkerProcess] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._over, self._all_serve = asyncio.Event(), asyncio.Event()
        self._note_serving()
        self._were_ready = False
        self.health = Health({"workers": self._missing})

    async def all_serve(self) -> None:
        """Returns when every worker accepts connections for the first time."""
        await self._all_serve.wait()

    async def until(self, *moments: Coroutine[Any, Any, object]) -> None:
        """Returns at the first of these moments. Raises WorkersFailed if the workers can't go on before."""
        awaited = [asyncio.create_task(moment) for moment in moments]
        try:
            done, _ = await asyncio.wait([*awaited, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in awaited:
                task.cancel()

    async def answers(self, path: str) -> dict[int, tuple[int, str]]:
        """Status and text of the workers' internal listeners, by number; of those that answer soon."""
        asked = [self._answer(number, self._running[number].internal, path) for number in sorted(self._running)]
        return {number: answer for number, answer in await asyncio.gather(*asked) if answer is not None}

    async def _answer(self, number: int, internal: str | None, path: str) -> tuple[int, tuple[int, str] | None]:
        if internal is not None:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self._session.get(internal + path) as answer:
                    return number, (answer.status, await answer.text())
        return number, None

    async def _missing(self) -> str | None:
        """All of them at the start; later one is enough to serve."""
        ready = sum(status == 200 for status, _ in (await self.answers("/readyz")).values())
        self._were_ready = self._were_ready or ready == self._count
        return None if ready and self._were_ready else f"{ready} of {self._count} workers are ready"

    async def _keep(self, number: int) -> None:
        restarts, time = self._restarts(), asyncio.get_running_loop().time
        while not self._over.is_set():
            began = time()
            reason = await self._one_life(number)
            if self._over.is_set():
                return
            pause = restarts.pause_after(time() - began)
            self._ends.inc()
            _log.error("A worker has ended by itself", worker=number, reason=reason, starts_again_in=pause)
            if pause is None:
                raise WorkersFailed(number, reason)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._over.wait()

    async def _one_life(self, number: int) -> str:
        """Why it ended."""
        async with started(self._orders(number)) as worker:
            _log.info("A worker was started", worker=number, pid=worker.pid)
            self._running[number] = worker
            if self._over.is_set():
                worker.tell_to_stop()
            try:
                async for said in worker.listen():
                    if isinstance(said, Serving):
                        self._note_serving()
                reason = await worker.end()
            finally:
                del self._running[number]
        await self._take_leave(worker)
        return reason

    def _note_serving(self) -> None:
        if sum(worker.internal is not None for worker in self._running.values()) == self._count:
            self._all_serve.set()

    async def _take_leave(self, worker: WorkerProcess) -> None:
        for gateway in worker.gateways:
            with suppress(Problem):
                await self._fleet.report(FleetReport(gateway=gateway, applied=str(ORIGIN), leaving=True))

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS))
        self._tasks = [asyncio.create_task(self._keep(number)) for number in range(1, self._count + 1)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for worker in self._running.values():
            worker.tell_to_stop()
        try:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=self._grace)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._session.close()
