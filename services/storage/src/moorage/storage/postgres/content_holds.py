"""Holds on images: how a change becomes visible to all who remember what it changes, before it is acknowledged.

A change is tried first. If it moves or deletes something, the schema refuses it and names the images; then they are
held, readers get the time to notice, and the change is made again in a transaction that ends the holds. What only adds
something never waits.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar
from uuid import UUID, uuid4

from moorage.oci.errors import Unavailable
from moorage.runtime.clock import Clock, SystemClock
from moorage.runtime.statement import Connection, Statement, execute, fetch_one
from moorage.storage.postgres.connections import Connections, HoldDemanded, connection

DEAD_AFTER: Final = timedelta(seconds=10)
"""Whoever has not made its change by then does not make it any more."""
_CLOCK_RATES: Final = 1.01
"""A writer's second may be so much shorter than a reader's."""
_TRIES: Final = 5

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="ChangingStore")

# Lost with the server's power, it takes the change with it, which ends holds that are there; nobody waits for the disk.
HOLD: Final = Statement(
    timedelta,
    """
    WITH unhurried AS (
        SELECT set_config('synchronous_commit', 'off', true)
    ), held AS (
        INSERT INTO content_hold (holder, image) SELECT $1, image FROM unhurried, unnest($2::uuid[]) AS image
    )
    SELECT read_window FROM content_coherence
    """,
)
# The first statement of the change: from here on nobody else can end the holds, and they end when it commits.
CHANGE_UNDER: Final = Statement(
    int,
    """
    WITH ended AS (
        UPDATE content_hold SET ended_at = clock_timestamp() WHERE holder = $1 AND ended_at IS NULL RETURNING image
    ), told AS (
        SELECT set_config('moorage.held', coalesce(string_agg(image::text, ','), ''), true) AS held, count(*) AS holds
        FROM ended
    )
    SELECT holds::int AS holds FROM told WHERE held IS NOT NULL
    """,
)
LET_GO: Final = Statement(
    type(None),
    """
    WITH unhurried AS (SELECT set_config('synchronous_commit', 'off', true))
    UPDATE content_hold SET ended_at = clock_timestamp() FROM unhurried WHERE holder = $1 AND ended_at IS NULL
    """,
)
END_DEAD: Final = Statement(
    type(None),
    """
    WITH unhurried AS (
        SELECT set_config('synchronous_commit', 'off', true)
    ), dead AS (
        SELECT id FROM content_hold WHERE ended_at IS NULL AND held_at < clock_timestamp() - $1::interval
        FOR UPDATE SKIP LOCKED
    )
    UPDATE content_hold SET ended_at = clock_timestamp() FROM dead, unhurried WHERE content_hold.id = dead.id
    """,
)
# Whoever has not seen one of these yet is told so by `forgotten`, and forgets everything.
FORGET: Final = Statement(
    type(None),
    """
    WITH over AS (
        SELECT id FROM content_hold WHERE ended_at < clock_timestamp() - $1::interval
        ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM content_hold USING over WHERE content_hold.id = over.id RETURNING xid
    )
    UPDATE content_coherence SET forgotten = GREATEST(forgotten, (SELECT xid FROM gone ORDER BY xid DESC LIMIT 1))
    WHERE EXISTS (SELECT FROM gone)
    """,
)


class HoldLost(Unavailable):
    """Somebody has ended the holds, because this process seemed dead: nothing was changed."""

    def __init__(self) -> None:
        super().__init__("the change took too long and was not made; try again", retry_after_seconds=1)


class ChangingStore:
    """A store over connections, and the same store over those of a hold."""

    def __init__(self, database: Connections) -> None:
        self._database = database

    def under(self, hold: "Hold") -> Self:
        """Its changes are made under the hold."""
        return type(self)(hold)


class Hold:
    """Images held for one change, and the connections to make it with. Ended with it, or when its context is left."""

    def __init__(self, database: Connections) -> None:
        self._database = database
        self._clock = SystemClock()
        self._holder, self._images = uuid4(), frozenset[UUID]()

    async def take(self, images: frozenset[UUID]) -> None:
        """Returns when no reader anywhere tells what it remembers of them."""
        new = images - self._images
        async with connection(self._database) as c:
            window = await fetch_one(c, HOLD, self._holder, sorted(new))
        self._images |= new
        due = self._clock.monotonic() + (window or timedelta()).total_seconds() * _CLOCK_RATES
        await _passed(self._clock, due)

    async def let_go(self) -> None:
        """Ends what is not ended. Whatever keeps this from happening, somebody else does it after DEAD_AFTER."""
        with suppress(Unavailable):
            async with connection(self._database) as c:
                await execute(c, LET_GO, self._holder)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A transaction too: the change and the end of the holds are one. Raises HoldLost."""
        async with self.transaction() as c:
            yield c

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Begins with the end of the holds, which nobody sees before the change. Raises HoldLost."""
        async with self._database.transaction() as c:
            if await fetch_one(c, CHANGE_UNDER, self._holder) != len(self._images):
                raise HoldLost
            yield c


async def _passed(clock: Clock, due: float) -> None:
    """A timer may be early: the clock says when it is over."""
    if (left := due - clock.monotonic()) > 0:
        await asyncio.sleep(left)
        await _passed(clock, due)


def under_hold(
    change: Callable[Concatenate[S, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """A method that may move or delete what readers remember: where it would, it is made again under a hold."""

    @wraps(change)
    async def made(store: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await change(store, *args, **kwargs)
        except HoldDemanded as demand:
            images = demand.images
        hold = Hold(store._database)
        try:
            for _ in range(_TRIES):
                await hold.take(images)
                try:
                    return await change(store.under(hold), *args, **kwargs)
                except HoldDemanded as demand:  # what it meets by now belongs to further images
                    images = demand.images
            raise Unavailable("other changes came in between; try again", retry_after_seconds=1)
        except BaseException:
            await asyncio.shield(hold.let_go())
            raise

    return made
