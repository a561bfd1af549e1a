"""A bounded queue of things that are sent on in batches, off the path of whoever made them."""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

import structlog

_log: Final = structlog.stdlib.get_logger(__name__)
_LINGER_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0
_FIRST_PAUSE_SECONDS: Final = 0.1

T = TypeVar("T")


class Outgoing(Generic[T]):
    """Sends in order what is offered, from entering to leaving; leaving sends what is left, for a few seconds.

    `send` gets at most `batch` things and raises one of `passing` while whoever takes them is away: they are kept and
    sent again, so it must not mind things that it has had before. What it refuses in another way is lost and counted:
    one bad thing must not hold back all that come after it.
    """

    def __init__(
        self,
        name: str,
        send: Callable[[Sequence[T]], Awaitable[object]],
        capacity: int,
        batch: int,
        passing: type[Exception] | tuple[type[Exception], ...],
        seconds_to_leave: float = 5.0,
    ) -> None:
        self._name = name
        self._send = send
        self._capacity = capacity
        self._batch = batch
        self._passing = passing
        self._seconds_to_leave = seconds_to_leave
        self._waiting: deque[T] = deque()
        self._offered = asyncio.Event()
        self._sending = asyncio.Lock()
        self._running: asyncio.Task[None] | None = None
        self._failures = 0
        self.lost = 0
        """How many things were not taken, refused by whoever takes them, or left over at the end."""
        self.sent = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def offer(self, thing: T, share: float = 1.0) -> bool:
        """Takes the thing, unless this share of the queue is full: what matters less may fill less of it."""
        if len(self._waiting) >= self._capacity * share:
            return False
        self._waiting.append(thing)
        self._offered.set()
        return True

    def lose(self) -> None:
        """Counts a thing that was not taken, and that nobody will offer again."""
        self.lost += 1

    async def flush(self, seconds: float) -> bool:
        """Sends what waits now; False if it could not all be sent within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                return await self._drain()
        except TimeoutError:
            return False

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run(), name=self._name)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.wait([running])
        await self.flush(self._seconds_to_leave)
        if self._waiting:
            self.lost += len(self._waiting)
            _log.error("What was to be sent on is lost: nobody takes it", queue=self._name, lost=len(self._waiting))

    async def _run(self) -> None:
        while True:
            await self._offered.wait()
            await asyncio.sleep(_LINGER_SECONDS)
            self._offered.clear()
            if not await self._drain():
                self._offered.set()
                await asyncio.sleep(self._pause())

    async def _drain(self) -> bool:
        """Sends batch after batch until nothing waits; False when whoever takes them is away."""
        async with self._sending:
            while self._waiting:
                if not await self._send_some(_first(self._waiting, self._batch)):
                    return False
        return True

    async def _send_some(self, some: list[T]) -> bool:
        try:
            await self._send(some)
        except self._passing as error:
            self._failures += 1
            if self._failures == 1:
                _log.warning("What is to be sent on waits", queue=self._name, waiting=len(self), reason=str(error))
            return False
        except Exception:  # refused for good, or a bug: told as one, and counted
            _log.exception("What was to be sent on is refused and lost", queue=self._name, lost=len(some))
            self.lost += len(some)
        else:
            self.sent += len(some)
        self._failures = 0
        for _ in some:
            self._waiting.popleft()
        return True

    def _pause(self) -> float:
        """Full jitter: what waits in many processes does not come all at once."""
        longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 10))
        return random.uniform(0, longest)  # noqa: S311 - spreads retries, protects nothing


def _first(waiting: deque[T], most: int) -> list[T]:
    return [waiting[index] for index in range(min(most, len(waiting)))]
