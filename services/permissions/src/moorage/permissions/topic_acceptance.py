"""The operator takes a fact topic that was made anew for the one to follow (R112).

What is known of the former topic and the positions in it are forgotten, so the new one is met as at a first start and
read from its beginning; versions decide, so nothing that is known is undone by it. What was told in the former one and
never applied may have been revocations: the workspaces that are fed over Kafka are held until a completed snapshot.
The order of changes goes on as it was: no epoch begins.
"""

from collections.abc import Sequence
from typing import Final

import structlog
from pydantic import Field

from moorage.access import wire
from moorage.access.audit import Deed
from moorage.access.problems import NotFound
from moorage.events.fields import LongText
from moorage.permissions.audited import About, audited
from moorage.permissions.doubts import doubt
from moorage.permissions.ports import Change, Ledger
from moorage.permissions.records import Transport
from moorage.runtime.clock import Clock

_log: Final = structlog.stdlib.get_logger(__name__)


class AcceptTopicRequest(wire.Request):
    """Why, and whether it is known that the new topic tells everything the former one told."""

    topic: LongText
    reason: LongText = Field(min_length=1)
    facts_are_current: bool = False


class AcceptTopicAnswer(wire.Answer):
    """How many workspaces are held until a snapshot."""

    topic: str
    unconfirmed: int


class TopicAcceptance:
    """Forgets topics, so that they are met anew."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def accept(self, request: AcceptTopicRequest, who: wire.IdentityBody) -> AcceptTopicAnswer:
        """The topic of this name is followed as it is now, from its beginning. Raises NotFound."""
        async with self._ledger.changing() as change:
            known, now = await change.topics.of(request.topic), self._clock.now()
            if known is None:
                raise NotFound("no topic of this name was ever followed")
            said = {"reason": request.reason, "facts_are_current": request.facts_are_current}
            about, decided_at = About(request.topic), change.log.token
            await audited(change, who, Deed.ACCEPT_TOPIC, about, decided_at, now, {**said, "was": known.incarnation})
            await change.topics.forget(request.topic)
            doubtful = [] if request.facts_are_current else await _fed_over_kafka(change)
            # Never shorter: what one acceptance holds, another one does not free.
            await doubt(change, doubtful, f"topic:{request.topic}:{now.isoformat()}", request.reason, now)
        _log.warning(
            "A topic was accepted as it is now; it is read from its beginning.",
            topic=request.topic,
            was=known.incarnation,
            reason=request.reason,
            held=len(doubtful),
        )
        return AcceptTopicAnswer(topic=request.topic, unconfirmed=len(doubtful))


async def _fed_over_kafka(change: Change) -> Sequence[int]:
    sources = [each.id for each in await change.sources.all() if each.spec.transport is Transport.KAFKA]
    return await change.epochs.workspaces(sources)
