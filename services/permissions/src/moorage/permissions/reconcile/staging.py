"""Snapshots of sources until they are whole: begun, told in any number of batches, and judged at their end (§2.6)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Final

import structlog

from moorage.access.frames import EntityKind
from moorage.events.checksums import digest, value_digest, written
from moorage.events.node_facts import RepositorySet
from moorage.events.signals import SnapshotCompleted, SnapshotStarted
from moorage.permissions.batches import Refused, Told
from moorage.permissions.ports import Change
from moorage.permissions.reconcile.tables import told_by
from moorage.permissions.reconcile_stores import Run, RunState, Staged
from moorage.permissions.records import Source, SourceKind
from moorage.permissions.slots import Aliases, Entity, Slot, Table, entities, slot_of, workspace

UNNUMBERED: Final = -1
"""The version of a staged fact that came without one: it gets the snapshot's own (H5)."""
_log: Final = structlog.stdlib.get_logger(__name__)


def ends(told: Sequence[Told]) -> bool:
    """Whether a snapshot may have become whole."""
    return any(isinstance(each.fact.data, SnapshotCompleted) for each in told)


async def take(change: Change, told: Sequence[Told], now: datetime) -> list[Refused]:
    """Everything of a batch that belongs to snapshots, in its order."""
    refused: list[Refused] = []
    for (_, kind, _), group in groupby(told, key=_chapter):
        mine = list(group)
        if kind is SnapshotStarted:
            for each in mine:
                await _start(change, each, now)
        elif kind is SnapshotCompleted:
            ends = [await _complete(change, each, now) for each in mine]
            refused += [each for each in ends if each is not None]
        else:
            refused += await _stage(change, mine)
    return refused


def _chapter(told: Told) -> tuple[int, type, tuple[object, object]]:
    data = told.fact.data
    kind = type(data) if isinstance(data, SnapshotStarted | SnapshotCompleted) else object
    return told.source.id, kind, (data.workspace, data.snapshot)


async def _start(change: Change, told: Told, now: datetime) -> None:
    data, source = told.fact.data, told.source
    if not isinstance(data, SnapshotStarted):
        raise TypeError(data)
    ws = (await change.facts.intern([workspace(data.workspace)]))[workspace(data.workspace)]
    if await change.runs.named(ws, source.id, data.snapshot) is not None:
        return
    for older in await change.runs.open():
        # One that is being applied was whole and is finished: half of it would be neither state.
        if (older.workspace, older.source) == (ws, source.id) and not older.settled:
            await change.runs.put(replace(older, state=RunState.ABANDONED, reason="another one has begun"), now)
    as_of = data.as_of_version
    if as_of is None:
        known = await change.sources.named(source.spec.name)
        as_of = (known.counter if known else 0) + 1
    if source.spec.kind is SourceKind.MANUAL:
        await change.sources.count(source.id, as_of)
    await change.runs.begin(
        Run(0, source.id, ws, data.workspace, data.snapshot, as_of, RunState.STAGING, started_at=now), now
    )


async def _stage(change: Change, told: Sequence[Told]) -> list[Refused]:
    first, source = told[0].fact.data, told[0].source
    aliases = await change.facts.intern({entity for each in told for entity in entities(each.fact.data)})
    ws = aliases[workspace(first.workspace)]
    run = await change.runs.named(ws, source.id, first.snapshot or "")
    if run is None:
        return [Refused(each.record, "snapshot_unknown", "", each.fact.workspace, each.fact.key) for each in told]
    if run.state is RunState.STAGING:
        await change.runs.stage(run, _newest([_staged(each, aliases) for each in told]))
    return []


async def stage_live(change: Change, told: Sequence[Told], aliases: Aliases, source: Source) -> list[Refused]:
    """What a source tells of a workspace that it is about to take over waits for its snapshot; else it is refused."""
    opened = {run.workspace: run for run in await change.runs.open() if run.source == source.id}
    refused, staged = [], dict[int, list[Staged]]()
    for each in told:
        ws = aliases[Entity(EntityKind.WORKSPACE, None, each.fact.data.workspace)]
        if ws in opened:
            staged.setdefault(ws, []).append(replace(_staged(each, aliases), live=True))
        else:
            # Whoever is not the authority can't revoke either: nothing is held for it.
            why = "another source is the authority for this kind of fact in this workspace"
            refused.append(Refused(each.record, "source", why, each.fact.workspace, each.fact.key, holds=False))
    for ws, facts in staged.items():
        await change.runs.stage(opened[ws], _newest(facts))
    return refused


def _staged(told: Told, aliases: Aliases) -> Staged:
    data, value = told.fact.data, value_digest(told.fact.data)
    parent = 0
    if isinstance(data, RepositorySet) and data.project:
        parent = aliases[Entity(EntityKind.PROJECT, data.workspace, data.project)]
    return Staged(
        slot_of(data, aliases),
        UNNUMBERED if data.version is None else data.version,
        digest(told.fact.key, data.version or 0, value),
        data.rank,
        value,
        parent,
        told.record.body,
    )


def _newest(staged: Sequence[Staged]) -> list[Staged]:
    kept: dict[Slot, Staged] = {}
    for each in staged:
        known = kept.get(each.slot)
        if known is None or (each.version, -each.rank) > (known.version, -known.rank):
            kept[each.slot] = each
    return list(kept.values())


async def _complete(change: Change, told: Told, now: datetime) -> Refused | None:
    data, source = told.fact.data, told.source
    if not isinstance(data, SnapshotCompleted):
        raise TypeError(data)
    ws = (await change.facts.intern([workspace(data.workspace)]))[workspace(data.workspace)]
    run = await change.runs.named(ws, source.id, data.snapshot)
    if run is not None and run.state is not RunState.STAGING:
        return None
    reason, detail = ("snapshot_unknown", "") if run is None else await _flaw(change, run, data, source)
    if run is not None:
        state = RunState.REFUSED if reason else RunState.PLANNING
        await change.runs.put(replace(run, state=state, reason=detail), now)
    if not reason:
        return None
    _log.error("A snapshot was refused; nothing of it is applied.", snapshot=data.snapshot, reason=reason)
    return Refused(told.record, reason, detail, data.workspace, told.fact.key)


async def _flaw(change: Change, run: Run, data: SnapshotCompleted, source: Source) -> tuple[str, str]:
    """What keeps the snapshot from being taken for the truth; empty if nothing does."""
    if run.facts != data.facts:
        return "snapshot_count", f"{run.facts} facts came, {data.facts} were sent"
    if written(run.checksum) != data.checksum.lower().lstrip("0").rjust(1, "0"):
        return "snapshot_checksum", f"the facts that came have the checksum {written(run.checksum)}"
    own = Slot(Table.WORKSPACE, 0, run.workspace)
    if Table.WORKSPACE in told_by(source.spec) and not await change.runs.staged(run, [own]):
        return "snapshot_workspace", "the workspace itself is not in it"
    return "", ""
