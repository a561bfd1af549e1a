"""Every decision that the gate takes, on its way to the audit trail (authorization.md §4).

Allowed pulls by fresh facts pass without a trace unless they are sampled. A write whose record can't be queued is not
let through; what is only read goes on, and the loss is counted. Reads and denials may fill half of the queue: a flood
of them must not stop pushes.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Final
from uuid import UUID

from moorage.access.action import Action
from moorage.access.audit import ASKED, MOST_RECORDS, AuditRecord, Deed, KeepAuditRequest, Mode
from moorage.access.consistency import ORIGIN, ConsistencyToken
from moorage.access.decision import Decision
from moorage.access.principal import Identity
from moorage.access.problems import ServiceUnavailable
from moorage.access.reason import Reason
from moorage.access.role import Role
from moorage.access.wire import Via
from moorage.gateway.follower import Follower
from moorage.gateway.outcome import Outcome
from moorage.gateway.ports import Authority
from moorage.oci.errors import Unavailable
from moorage.oci.reference import ImageName
from moorage.runtime.clock import Clock
from moorage.runtime.outgoing import Outgoing

_SHARE_OF_WHAT_MAY_BE_LOST: Final = 0.5
_FLUSH_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """Who wants to do what with which image, by which request; `deed` where that has a name of its own."""

    identity: Identity
    name: ImageName
    action: Action
    via: Via
    deed: Deed | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    """What of the image the deed is about, in words."""

    @property
    def change(self) -> dict[str, str]:
        """As a record says it: a deed of its own names the right that was judged, too."""
        return {**self.about, ASKED: self.action.value} if self.deed else dict(self.about)


class Audit:
    """Makes the records and owns their queue; `queue` is for whoever opens the gateway to run."""

    def __init__(
        self, authority: Authority, follower: Follower, clock: Clock, capacity: int, sampled_fraction: float
    ) -> None:
        self._authority = authority
        self._follower = follower
        self._clock = clock
        self._sampled_fraction = sampled_fraction
        self.queue: Outgoing[AuditRecord] = Outgoing("audit", self._send, capacity, MOST_RECORDS, ServiceUnavailable)
        self.writes_refused = 0

    def passes(self, action: Action, outcome: Outcome) -> bool:
        """Whether a decision needs no record; costs a pull nothing while none are sampled."""
        return (
            action is Action.PULL
            and outcome.mode is Mode.LOCAL
            and outcome.allowed
            and not (self._sampled_fraction and random.random() < self._sampled_fraction)  # noqa: S311 - a sample
        )

    def note(self, asked: Asked, outcome: Outcome) -> UUID:
        """Queues the record of a decision; its id. Raises Unavailable for a write that can't be recorded now."""
        made = self._record(asked, outcome)
        write = asked.action is not Action.PULL
        if not self.queue.offer(made, 1.0 if write and outcome.allowed else _SHARE_OF_WHAT_MAY_BE_LOST):
            if write:
                self.writes_refused += 1
                raise Unavailable("changes can't be recorded right now, so none are made; try again in a few seconds")
            self.queue.lose()
        return made.decision

    def refusal(self, reason: Reason) -> Outcome:
        """What `note` takes for a request that was refused before any image was looked at."""
        return Outcome(Decision(reason, Role.NONE, False, self._position))

    async def flush(self) -> None:
        """Sends what waits, for who wants to read it; for a second at most."""
        await self.queue.flush(_FLUSH_SECONDS)

    @property
    def _position(self) -> ConsistencyToken:
        replica = self._follower.replica
        return replica.position if replica else ORIGIN

    def _record(self, asked: Asked, outcome: Outcome) -> AuditRecord:
        replica, name = self._follower.replica, asked.name
        workspace = replica.workspace(name.workspace) if replica else None
        image = outcome.image
        if image is None and replica and workspace:
            image = replica.image(workspace, name.image)
        age = self._follower.staleness(workspace)
        return AuditRecord.of(
            asked.identity,
            asked.deed or Deed(asked.action.value),
            outcome.decision,
            self._clock.now(),
            outcome.mode,
            name=str(name),
            workspace=workspace.id if workspace else None,
            image=image.id if image else None,
            staleness_ms=max(round(age * 1000), 0) if isfinite(age) else None,
            via=asked.via,
            change=asked.change,
        )

    async def _send(self, records: Sequence[AuditRecord]) -> None:
        await self._authority.keep_audit(KeepAuditRequest(records=list(records)))
