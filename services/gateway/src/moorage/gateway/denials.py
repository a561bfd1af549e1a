"""Denials are confirmed once: the authority is asked whether a fresh grant is on its way here (authorization.md §3.4).

Nothing is remembered but *that* a question was asked: an allow from the authority lets one request go on, and the
grant arrives by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from cachetools import TTLCache

from moorage.access.action import Action
from moorage.access.principal import Identity
from moorage.gateway.limits import Buckets
from moorage.gateway.outcome import Outcome
from moorage.oci.reference import ImageName
from moorage.runtime.clock import Clock

Question = tuple[Identity, ImageName, Action, bool]
"""An identity with all its limits, a name, an action, and whether a first push might make the record (R79)."""
QUIET_SECONDS: Final = 10.0
_MOST_QUESTIONS: Final = 10_000


class Denials:
    """Decides which local denials are worth a question, and lets equal questions share one flight."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._confirmed: TTLCache[Question, None] = TTLCache(_MOST_QUESTIONS, QUIET_SECONDS, clock.monotonic)
        self._flights: dict[Question, asyncio.Future[Outcome | None]] = {}
        self._of_principal = Buckets(per_second=1, burst=5)
        self._of_gateway = Buckets(per_second=200, burst=200)

    def confirmed(self, question: Question) -> bool:
        """Whether the authority has denied this in the last seconds."""
        return question in self._confirmed

    def note(self, question: Question) -> None:
        """The authority has just denied this."""
        self._confirmed[question] = None

    async def confirm(self, question: Question, ask: Callable[[], Awaitable[Outcome]]) -> Outcome | None:
        """The authority's outcome; None if it was asked lately or too much is asked. Raises what `ask` raises."""
        if flight := self._flights.get(question):
            return await asyncio.shield(flight)
        if self.confirmed(question) or not self._permitted(question):
            return None
        return await self._fly(question, ask)

    async def _fly(self, question: Question, ask: Callable[[], Awaitable[Outcome]]) -> Outcome:
        flight: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()
        self._flights[question] = flight
        outcome = None
        try:
            outcome = await ask()
        finally:
            del self._flights[question]
            flight.set_result(outcome)
        if not outcome.allowed:
            self.note(question)
        return outcome

    def _permitted(self, question: Question) -> bool:
        now = self._clock.monotonic()
        principal = question[0].principal
        return self._of_principal.take(principal, now) and self._of_gateway.take(None, now)
