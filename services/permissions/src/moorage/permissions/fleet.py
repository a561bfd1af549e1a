"""The fleet: every gateway that enforces, how far all have come, and waiting for them (authorization.md §3.2, §3.6)."""

import asyncio
from contextlib import suppress
from typing import Final

from moorage.access.consistency import ConsistencyToken
from moorage.access.problems import InputInvalid
from moorage.access.sync_wire import AwaitFleetRequest, FleetAnswer, FleetProgress, FleetReport
from moorage.permissions.continuity import Continuity
from moorage.permissions.fleet_members import Fleet, FleetMember
from moorage.permissions.ports import Ledger
from moorage.runtime.clock import Clock

_POLL_SECONDS: Final = 0.05
"""Of what gateways tell other processes; what they tell this one is seen at once."""


class Gateways:
    """Takes reports, and tells of all. The gateways of all permissions processes are seen by each."""

    def __init__(self, ledger: Ledger, continuity: Continuity, clock: Clock) -> None:
        self._ledger = ledger
        self._continuity = continuity
        self._clock = clock
        self._told = asyncio.Event()

    async def report(self, report: FleetReport) -> FleetAnswer:
        """Keeps what a gateway says. Raises InputInvalid, HistoryLost."""
        applied = _token(report.applied)
        async with self._ledger.fleet() as book:
            if report.leaving:
                await book.leave(report.gateway)
            else:
                await book.report(FleetMember(report.gateway, applied, self._clock.now(), report.serves_for))
        self._continuity.witness(applied)
        self._told.set()
        self._told = asyncio.Event()
        fleet = await self.fleet()
        return FleetAnswer(head=str(await self._ledger.head()), minimum=_text(fleet.minimum))

    def witness(self, seen: str | None) -> None:
        """Who asks has seen this position: no older ledger may answer. Raises InputInvalid."""
        if seen is not None:
            self._continuity.witness(_token(seen))

    async def fleet(self) -> Fleet:
        """All gateways that may decide something now."""
        async with self._ledger.fleet() as book:
            return Fleet.of(await book.members(), self._clock.now())

    async def minimum(self) -> ConsistencyToken | None:
        """What every gateway has passed; None without any."""
        return (await self.fleet()).minimum

    async def reached(self, request: AwaitFleetRequest) -> FleetProgress:
        """Waits until every gateway enforces the token, or its seconds have passed. Raises InputInvalid."""
        token = _token(request.token)
        ends = asyncio.get_running_loop().time() + request.seconds
        told, fleet = self._told, await self._asked_for(request)
        while not fleet.reached(token) and asyncio.get_running_loop().time() < ends:
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await told.wait()
            told, fleet = self._told, await self._asked_for(request)
        return FleetProgress(
            token=request.token,
            reached=fleet.reached(token),
            minimum=_text(fleet.minimum),
            confirmed=fleet.confirmed(token),
            waiting=fleet.waiting(token),
            unconfirmed=fleet.unconfirmed,
        )

    async def _asked_for(self, request: AwaitFleetRequest) -> Fleet:
        fleet = await self.fleet()
        return fleet.heard if request.heard else fleet

    async def all_gone(self) -> None:
        """For who knows that every gateway of before has ended: nobody waits for them any more."""
        async with self._ledger.fleet() as book:
            for each in await book.members():
                await book.leave(each.id)

    async def look(self) -> None:
        """What gateways have told other processes counts here too, and those that are long gone are forgotten."""
        async with self._ledger.fleet() as book:
            for each in await book.members():
                self._continuity.witness(each.applied)
            await book.forget(self._clock.now())


def _token(text: str) -> ConsistencyToken:
    try:
        return ConsistencyToken.parse(text)
    except ValueError as error:
        raise InputInvalid(str(error)) from None


def _text(token: ConsistencyToken | None) -> str | None:
    return str(token) if token else None
