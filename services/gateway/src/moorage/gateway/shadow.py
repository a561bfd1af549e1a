"""Shadow verification: a few of the decisions taken here are asked again at the authority (authorization.md §2.6).

A decision of the replica and the authority's differ for a moment whenever something changes, so only a difference at
one and the same position counts. Where facts change so fast that the two never meet, nothing is claimed.
"""

import asyncio
import random
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import structlog

from moorage.access import wire
from moorage.access.action import Action
from moorage.access.audit import Mode
from moorage.access.decision import Decision
from moorage.access.principal import Identity
from moorage.access.problems import Problem
from moorage.access.reason import Reason
from moorage.gateway.follower import Follower
from moorage.gateway.limits import Buckets
from moorage.gateway.outcome import Outcome
from moorage.gateway.ports import Authority
from moorage.gateway.replica.gaps import NotServed
from moorage.oci.reference import ImageName
from moorage.runtime.clock import Clock

CAPACITY: Final = 100
TRIES: Final = 20
CERTAIN: Final = 2
"""Differences at one position that are no accident: one may be a right that ends by the clock."""
_CATCH_UP_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.3  # longer than the skew that clocks may have (§3.1)
_log: Final = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked here, and how it was decided."""

    identity: Identity
    name: ImageName
    action: Action
    decision: Decision


class Shadow:
    """Verifies in the background from entering to leaving: a bounded queue, a bounded rate, no request waits."""

    def __init__(
        self, authority: Authority, follower: Follower, clock: Clock, fraction: float, per_second: float = 10
    ) -> None:
        self._authority = authority
        self._follower = follower
        self._clock = clock
        self._fraction = fraction
        self._rate = Buckets(per_second, max(per_second, 1))
        self._waiting: deque[Question] = deque()
        self._offered = asyncio.Event()
        self._verifying = asyncio.Lock()
        self._running: asyncio.Task[None] | None = None
        self.verified = 0
        """How many decisions the authority has taken in the same way."""
        self.mismatches = 0
        """How many it has taken otherwise, at the same position."""
        self.unsettled = 0
        """How many could not be compared: too much is asked, the authority is away, or facts change too fast."""

    def consider(self, identity: Identity, name: ImageName, action: Action, outcome: Outcome) -> None:
        """Takes a sample of what was decided here by fresh facts."""
        if not self._fraction or random.random() >= self._fraction:  # noqa: S311 - a sample
            return
        if outcome.mode is not Mode.LOCAL or not name.image:
            return
        if len(self._waiting) >= CAPACITY or not self._rate.take(None, self._clock.monotonic()):
            self.unsettled += 1
            return
        self._waiting.append(Question(identity, name, action, _as_checked(outcome)))
        self._offered.set()

    async def verify(self, question: Question) -> None:
        """Compares until both have decided at one position, and once more after the skew that clocks may have."""
        before: Decision | None = question.decision
        differed = 0
        for _ in range(TRIES):
            there = await self._told(question)
            here = await self._again(question, there) if there else None
            if there is None or here is None or before is None:
                break
            if _same(there, before) or _same(there, here):
                self.verified += 1
                return
            differed += there.token in (before.token, here.token)
            if differed == CERTAIN:
                self._report(question, here, there)
                return
            await asyncio.sleep(_PAUSE_SECONDS)
            before = self._decision(question)
        self.unsettled += 1

    async def settled(self) -> None:
        """Verifies all that waits, now, and returns when nothing is being verified any more."""
        async with self._verifying:
            while self._waiting:
                await self.verify(self._waiting.popleft())

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run(), name="shadow verification")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.wait([running])

    async def _run(self) -> None:
        while True:
            await self._offered.wait()
            self._offered.clear()
            try:
                await self.settled()
            except Exception:  # a bug in here must not end the watching for the life of the process; it is told as one
                _log.exception("A decision could not be verified")
                self.unsettled += 1

    async def _told(self, question: Question) -> Decision | None:
        """The authority's decision; None if it can't be had."""
        try:
            return (await self._authority.check(_check(question))).decision()
        except Problem:
            return None

    async def _again(self, question: Question, there: Decision) -> Decision | None:
        """The replica's decision once it has come as far as the authority's."""
        caught_up = await self._follower.reached(there.token, _CATCH_UP_SECONDS)
        return self._decision(question) if caught_up else None

    def _decision(self, question: Question) -> Decision | None:
        """The replica's decision now; None if it can't take one."""
        replica, now, name = self._follower.replica, self._clock.now(), question.name
        if replica is None:
            return None
        workspace = replica.workspace(name.workspace)
        try:
            if workspace is None:
                return _as_checked(replica.unknown(question.identity, question.action, now))
            return _as_checked(replica.decide(question.identity, workspace, name.image, question.action, now))
        except NotServed:
            return None

    def _report(self, question: Question, here: Decision, there: Decision) -> None:
        self.mismatches += 1
        _log.error(
            "The replica decides otherwise than the authority at the same position",
            principal=str(question.identity.principal),
            image=str(question.name),
            action=question.action.value,
            here=here.reason.value,
            there=there.reason.value,
            role_here=here.role.word,
            role_there=there.role.word,
            position=str(here.token),
        )


def _check(question: Question) -> wire.CheckRequest:
    return wire.CheckRequest(
        identity=wire.IdentityBody.of(question.identity),
        workspace=question.name.workspace,
        image=question.name.image,
        action=question.action,
    )


def _as_checked(outcome: Outcome) -> Decision:
    """The decision in the words of a check, which creates nothing: an allowed first push lacks its record."""
    decision = outcome.decision
    begins = outcome.allowed and outcome.image is None
    return decision._replace(reason=Reason.RECORD_MISSING) if begins else decision


def _same(one: Decision, other: Decision) -> bool:
    return (one.reason, one.role, one.readable) == (other.reason, other.role, other.readable)
