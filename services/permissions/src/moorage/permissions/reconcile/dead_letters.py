"""Records that could not be applied: kept, and holding freshness at their time until newer ones come (§3.7)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import structlog

from moorage.events.topics import AUTHORITY
from moorage.oci.strict_json import JsonRefused, read_json
from moorage.permissions.batches import Record, Refused
from moorage.permissions.edge_columns import Edges
from moorage.permissions.folding import Placed
from moorage.permissions.ports import Change
from moorage.permissions.reconcile.pins import CHECKSUM, SWEEP, pinning
from moorage.permissions.reconcile_stores import Run
from moorage.permissions.records import Source, SourceKind, Transport
from moorage.permissions.slots import workspace
from moorage.permissions.source_requests import want_snapshot
from moorage.permissions.stores import DeadLetter, Lane

_MAX_BYTES: Final = 1024 * 1024
_log: Final = structlog.stdlib.get_logger(__name__)


async def bury(
    change: Change, refused: Sequence[Refused], lane: Lane, sources: Sequence[Source], now: datetime
) -> None:
    """Keeps the records; each holds its workspace or, where that can't be read, every lane it may have come by."""
    if not refused:
        return
    aliases = await change.facts.intern([workspace(each) for each in _workspaces(refused)])
    homes = {each: aliases[workspace(each)] for each in _workspaces(refused)}
    async with pinning(change, sorted(homes.values())):
        wanted = set[int]()
        for each in refused:
            ws = homes[each.workspace] if each.workspace else 0
            since = min(moment(each.record) or now, now)
            letter = DeadLetter(lane, each.record.pos, each.reason, each.detail, each.record.body, each.key)
            id = await change.intake.bury(letter, ws, now, since=since, holds=each.holds)
            if each.holds and not ws:
                await _hold_lanes(change, each.key or f"dead letter {id}", since, id, lane, sources)
            if each.holds and ws:
                wanted.add(ws)
            _log.error(
                "A fact could not be applied; its workspace's freshness is held.",
                topic=lane.topic,
                part=lane.part,
                pos=each.record.pos,
                reason=each.reason,
                workspace=str(each.workspace) if each.workspace else None,
                held=each.holds,
            )
        # A workspace that nobody has told of yet may be one of theirs: partitions have no order between them.
        tellers = [each.id for each in sources if each.spec.kind is SourceKind.CONTINUOUS]
        for ws in sorted(wanted):
            await want_snapshot(change, ws, now, unless_known=tellers)


def _workspaces(refused: Sequence[Refused]) -> list[UUID]:
    return sorted({each.workspace for each in refused if each.workspace})


async def _hold_lanes(
    change: Change, key: str, since: datetime, letter: int, lane: Lane, sources: Sequence[Source]
) -> None:
    for source in sources:
        if source.spec.kind is SourceKind.CONTINUOUS:
            await change.intake.pin_lane(Lane(source.id, lane.topic, lane.part), key, since, letter)


def moment(record: Record) -> datetime | None:
    """When the record was written: by its event, if that much can be read, else by its transport."""
    try:
        document = read_json(record.body, max_bytes=_MAX_BYTES, max_integer_digits=20)
        stated = datetime.fromisoformat(document["time"]) if isinstance(document, dict) else None
        return stated.astimezone(UTC) if stated and stated.tzinfo else record.at
    except (JsonRefused, KeyError, TypeError, ValueError, OverflowError):
        return record.at


async def settle(change: Change, kept: Sequence[Placed], edges: Sequence[Edges], lane: Lane) -> None:
    """Newer versions have come: what held freshness for their keys does so no longer."""
    homes = {_home(each) for each in kept} | {each.ws for each in edges}
    pinned = await change.intake.pinned(homes - {0}) if homes else []
    holding = await change.intake.lane_keys(lane) if homes else frozenset[str]()
    if not pinned and not holding:
        return
    pairs = {(_home(each), each.fact.key) for each in kept}
    pairs |= {(each.ws, told.key) for each in edges for told in each.told}
    async with pinning(change, pinned):
        if pinned:
            await change.intake.release({(ws, key) for ws, key in pairs if ws in pinned})
    if keys := holding & {key for _, key in pairs}:
        await change.intake.release_lane(lane, keys)


def _home(placed: Placed) -> int:
    return placed.slot.ws or (placed.slot.a if placed.fact.workspace else 0)


async def settled_by(change: Change, run: Run, source: Source, now: datetime) -> None:
    """A snapshot is applied: it knew all that came before it began."""
    began = run.started_at or now
    async with pinning(change, [run.workspace]):
        await change.intake.release({(run.workspace, SWEEP), (run.workspace, CHECKSUM)})
        await change.intake.release_until(run.workspace, began)
    part = AUTHORITY.partition_of(run.workspace_id) if source.spec.transport is Transport.KAFKA else None
    await change.intake.release_lane_by_snapshots(source.id, part)


async def release(change: Change, letter: int, by: str, why: str, now: datetime) -> bool:
    """By the operator's word a letter holds nothing any more; False if there is no such letter."""
    ws = await change.intake.home_of(letter)
    if ws is None:
        return False
    async with pinning(change, [ws] if ws else []):
        await change.intake.release_letter(letter, by, why, now)
    _log.warning("A dead letter was released by the operator.", letter=letter, why=why, by=by)
    return True
