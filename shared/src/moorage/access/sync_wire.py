"""What services say to one another about how far each has come: the fleet, epochs, sources (authorization.md §3).

Same rules as moorage.access.wire: unknown fields of requests are refused, of answers ignored.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import Field

from moorage.access.wire import Answer, IdentityBody, Request

MOST_WAIT_SECONDS: Final = 5.0


class FleetReport(Request):
    """A gateway tells how far it has come: what it decides, it decides from this position or a later one.

    `serves_for` is how many seconds of silence it can go on deciding through; None if without end (stale pulls).
    """

    gateway: UUID
    applied: str
    serves_for: float | None = Field(default=None, gt=0)
    leaving: bool = False


class FleetAnswer(Answer):
    """The fleet's minimum after the report; None while there is no gateway."""

    head: str
    minimum: str | None = None


class AwaitFleetRequest(Request):
    """Have all gateways passed `token`? Answered as soon as they have, or after `seconds`.

    With `heard` those that have missed several reports are not waited for: they may serve, and nobody can tell when.
    """

    token: str
    heard: bool = False
    seconds: float = Field(default=MOST_WAIT_SECONDS, ge=0, le=MOST_WAIT_SECONDS)


class FleetProgress(Answer):
    """Which gateways enforce a position, which don't yet, and which are silent but may still serve stale pulls."""

    token: str
    reached: bool
    minimum: str | None
    confirmed: list[UUID]
    waiting: list[UUID]
    unconfirmed: list[UUID] = Field(default_factory=list)


class SyncStatusRequest(Request):
    """How current is what is known of a workspace? For its members and the operator."""

    identity: IdentityBody
    workspace: str


class LaneStatus(Answer):
    """One lane: a source, and a partition if it has any. Ages are seconds; None for what was never heard.

    `records_behind` is how many records of the lane's topic are still to be read, by the end of its log (R120); None
    if it has none, or where another process reads it.
    """

    lane: str
    source: str
    topic: str | None = None
    partition: int | None = None
    as_of: datetime | None = None
    age: float | None = None
    records_behind: int | None = None


class AppliedEvent(Answer):
    """The newest fact of the workspace that changed something."""

    event: str
    at: datetime
    token: str


class SyncStatus(Answer):
    """What the workspace's decisions rest on now. `lag` is the age of the oldest lane or pin; 0 without any."""

    workspace: str
    lanes: list[LaneStatus]
    lag: float
    pinned_since: datetime | None
    dead_letters: int
    sweep_held: bool
    last_applied: AppliedEvent | None
    head: str
    fleet_minimum: str | None
    gateways: int
    unconfirmed: list[UUID] = Field(default_factory=list)


class RefreshRequest(Request):
    """Ask the workspace's source to look again at what one user may do in one repository (UUIDs, slug or account)."""

    identity: IdentityBody
    workspace: str
    user: str
    repository: str


class RefreshAnswer(Answer):
    """Whether a source will be asked; a manual source has nobody to ask."""

    asked: bool


class BumpEpochRequest(Request):
    """History may have been rewritten. With `facts_are_current`, facts of manual and HTTP sources count as they are."""

    reason: str = Field(min_length=1, max_length=200)
    facts_are_current: bool = False


class EpochAnswer(Answer):
    """The epoch there is now, and how many workspaces wait for a snapshot or a confirmation."""

    epoch: int
    token: str
    unconfirmed: int
