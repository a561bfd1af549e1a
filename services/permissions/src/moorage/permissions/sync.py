"""How current a workspace is, for people who wait for a change of theirs; and asking its source (§3.6)."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from moorage.access.consistency import ConsistencyToken
from moorage.access.principal import Identity
from moorage.access.problems import NotFound
from moorage.access.role import Membership
from moorage.access.sync_wire import AppliedEvent, LaneStatus, SyncStatus, SyncStatusRequest
from moorage.events.topics import AUTHORITY, IDENTITY
from moorage.permissions.check import standing_in
from moorage.permissions.credentials import is_operator
from moorage.permissions.fleet import Gateways
from moorage.permissions.freshness import Freshness
from moorage.permissions.images import workspace_named
from moorage.permissions.ports import Ledger, View
from moorage.permissions.records import Workspace
from moorage.runtime.clock import Clock

Part = tuple[str, int]
Behind = Callable[[], Mapping[Part, int]]


class Sync:
    """Tells members of a workspace, and the operator, how far everything has come."""

    def __init__(self, ledger: Ledger, gateways: Gateways, clock: Clock) -> None:
        self._ledger = ledger
        self._gateways = gateways
        self._clock = clock
        self.behind: Behind = dict
        """How far behind the consumer of this process is, by topic and partition; nothing without one."""

    async def status(self, request: SyncStatusRequest) -> SyncStatus:
        """What decisions about the workspace rest on now. Raises NotFound to who is no member."""
        fleet, now = await self._gateways.fleet(), self._clock.now()
        async with self._ledger.viewing() as view:
            workspace = await workspace_named(view, request.workspace)
            await self._permit(view, request.identity.value(), workspace)
            freshness = await view.freshness.of(workspace)
            facts = await view.sync.of(workspace.alias)
            last = facts.last_applied
            return SyncStatus(
                workspace=workspace.slug,
                lanes=await _lanes(view, freshness, now, self.behind()),
                lag=freshness.lag(now),
                pinned_since=freshness.pinned,
                dead_letters=facts.dead_letters,
                sweep_held=facts.sweep_held,
                last_applied=last
                and AppliedEvent(event=last.event, at=last.at, token=str(ConsistencyToken(view.token.epoch, last.seq))),
                head=str(view.token),
                fleet_minimum=str(fleet.minimum) if fleet.minimum else None,
                gateways=len(fleet.members),
                unconfirmed=fleet.unconfirmed,
            )

    async def _permit(self, view: View, identity: Identity, workspace: Workspace) -> None:
        if await is_operator(view, identity, self._clock.now()):
            return
        facts = await standing_in(view, identity, workspace, [])
        whole = identity.bound is None or (identity.bound.kind == "workspace" and workspace.id in identity.bound.ids)
        active = facts.principal_active and facts.credential_active
        if not (active and whole and facts.membership in (Membership.MEMBER, Membership.OWNER)):
            raise NotFound("nothing of this name is available to you")


async def _lanes(view: View, freshness: Freshness, now: datetime, behind: Mapping[Part, int]) -> list[LaneStatus]:
    sources = {each.id: each.spec.name for each in await view.sources.all()}
    return [_lane(lane, at, sources, now, behind) for lane, at in sorted(freshness.lanes.items())]


def _lane(lane: str, at: int, sources: Mapping[int, str], now: datetime, behind: Mapping[Part, int]) -> LaneStatus:
    source, _, part = lane[1:].partition("p")
    as_of = datetime.fromtimestamp(at / 1000, UTC) if at else None
    return LaneStatus(
        lane=lane,
        source=sources.get(int(source), source),
        topic="identity" if lane.startswith("i") else AUTHORITY.name if part else None,
        partition=int(part) if part else None,
        as_of=as_of,
        age=(now - as_of).total_seconds() if as_of else None,
        records_behind=_behind(lane, part, behind),
    )


def _behind(lane: str, part: str, behind: Mapping[Part, int]) -> int | None:
    """Of the lane's partition; everybody's facts are in all partitions of the identity topic."""
    if lane.startswith("i"):
        all_of_it = [behind.get((IDENTITY.name, each)) for each in range(IDENTITY.partitions)]
        known = [each for each in all_of_it if each is not None]
        return sum(known) if len(known) == len(all_of_it) else None
    return behind.get((AUTHORITY.name, int(part))) if part else None
