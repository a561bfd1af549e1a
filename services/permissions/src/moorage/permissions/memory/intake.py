"""Sources, lanes, positions and dead letters in memory."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from moorage.access.image import NodeState
from moorage.events.topics import AUTHORITY
from moorage.permissions.lanes import LaneClock, as_of_all, as_of_workspace, oldest_main
from moorage.permissions.memory.state import Pin, State, StoredLetter
from moorage.permissions.reconcile_stores import Letter, RunState
from moorage.permissions.records import Source, SourceSpec, Workspace
from moorage.permissions.slots import Slot, Table
from moorage.permissions.stores import Advance, DeadLetter, Lane, PositionMoved


class MemorySources:
    """See SourceBook."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def all(self) -> Sequence[Source]:
        """Every declared source."""
        return list(self._state.sources.values())

    async def named(self, name: str) -> Source | None:
        """The source of this name."""
        return self._state.sources.get(name)

    async def as_of(self, workspace: Workspace | None) -> Mapping[str, int]:
        """The lanes of the workspace, or of the identity topic."""
        feeders = self.feeders(workspace) if workspace else ()
        return as_of_workspace(list(self._state.lanes.values()), await self.all(), workspace, feeders)

    def feeders(self, workspace: Workspace) -> Collection[int]:
        """The sources that have told of the workspace."""
        return {holding.source for (ws, _), holding in self._state.authorities.items() if ws == workspace.alias}

    async def lanes(self) -> Mapping[str, int]:
        """Every lane that had a heartbeat, and those of the identity topic."""
        return as_of_all(self._state.lanes.values(), await self.all())

    async def main_as_of(self) -> datetime | None:
        """Up to when all lanes that feed workspaces know everything."""
        fed = {(ws, holding.source) for (ws, _), holding in self._state.authorities.items() if self._lives(ws)}
        named = [(self._state.entities[ws].id, source) for ws, source in fed]
        return oldest_main(list(self._state.lanes.values()), await self.all(), named)

    def _lives(self, ws: int) -> bool:
        stored = self._state.facts.get(Slot(Table.WORKSPACE, 0, ws))
        return stored is None or getattr(stored.data, "state", None) is not NodeState.DELETED

    async def declare(self, spec: SourceSpec, credential: UUID | None) -> Source:
        """Keeps the declaration."""
        known = self._state.sources.get(spec.name) or Source(len(self._state.sources) + 1, spec)
        self._state.sources[spec.name] = replace(known, spec=spec, credential=credential)
        return self._state.sources[spec.name]

    async def count(self, source: int, counter: int) -> None:
        """Moves a manual source's counter."""
        for name, each in self._state.sources.items():
            if each.id == source:
                self._state.sources[name] = replace(each, counter=max(each.counter, counter))

    async def heard(self, heartbeats: Mapping[Lane, datetime]) -> None:
        """Heartbeats."""
        for lane, as_of in heartbeats.items():
            known = _clock(self._state, lane)
            self._state.lanes[lane] = replace(known, as_of=max(as_of, known.as_of or as_of))


class MemoryPositions:
    """See Positions."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def of(self, topic: str, part: int) -> int:
        """The next offset to apply."""
        return self._state.positions.get((topic, part), 0)


class MemoryIntake:
    """See Intake."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def advance(self, steps: Collection[Advance]) -> None:
        """Moves the positions. Raises PositionMoved."""
        for each in steps:
            if self._state.positions.get((each.topic, each.part), 0) != each.old:
                raise PositionMoved
            self._state.positions[each.topic, each.part] = each.new

    async def bury(
        self, letter: DeadLetter, workspace: int, at: datetime, *, since: datetime | None = None, holds: bool = True
    ) -> int:
        """Keeps the record and pins the workspace."""
        held = since or at
        self._state.letters.append(StoredLetter(letter, workspace, at, held if holds else None))
        id = len(self._state.letters)
        if workspace and holds:
            self._pin(workspace, letter.key or f"dead letter {id}", Pin(held, id))
        return id

    async def pin(self, workspace: int, key: str, since: datetime) -> None:
        """Holds the workspace."""
        self._pin(workspace, key, Pin(since))

    def _pin(self, workspace: int, key: str, pin: Pin) -> None:
        known = self._state.pins.get((workspace, key), pin)
        self._state.pins[workspace, key] = Pin(min(known.since, pin.since), pin.letter or known.letter)

    async def pin_lane(self, lane: Lane, key: str, since: datetime, letter: int) -> None:
        """Holds the lane."""
        known = self._state.lane_pins.get((lane, key))
        self._state.lane_pins[lane, key] = Pin(min(known.since, since) if known else since, letter)
        self._recall()

    async def release(self, workspaces_and_keys: Collection[tuple[int, str]]) -> Sequence[int]:
        """Takes pins; answers the workspaces that are free now."""
        gone = [each for each in workspaces_and_keys if self._state.pins.pop(each, None)]
        held = {ws for ws, _ in self._state.pins}
        return sorted({ws for ws, _ in gone} - held)

    async def release_until(self, workspace: int, at: datetime) -> None:
        """Takes the pins of older letters."""
        for (ws, key), pin in list(self._state.pins.items()):
            if ws == workspace and pin.letter and self._buried(pin.letter) <= at:
                del self._state.pins[ws, key]

    async def lane_keys(self, lane: Lane) -> frozenset[str]:
        """What the lane is pinned for."""
        return frozenset(key for of, key in self._state.lane_pins if of == lane)

    async def release_lane(self, lane: Lane, keys: Collection[str]) -> None:
        """Takes pins of the lane."""
        for key in keys:
            self._state.lane_pins.pop((lane, key), None)
        self._recall()

    async def release_lane_by_snapshots(self, source: int, part: int | None) -> None:
        """Takes what the snapshots of every workspace of the lane have settled."""
        fed = {ws for (ws, _), holding in self._state.authorities.items() if holding.source == source}
        mine = [ws for ws in fed if part is None or AUTHORITY.partition_of(self._state.entities[ws].id) == part]
        known = [self._settled(ws, source) for ws in mine]
        settled = [at for at in known if at is not None]
        if not settled or len(settled) < len(known):
            return
        for (lane, key), pin in list(self._state.lane_pins.items()):
            main = not lane.topic.startswith("identity.")
            if (lane.source, lane.part) == (source, part or 0) and main and self._buried(pin.letter) <= min(settled):
                del self._state.lane_pins[lane, key]
        self._recall()

    def _settled(self, ws: int, source: int) -> datetime | None:
        done = [
            run.started_at
            for run in self._state.runs.values()
            if (run.workspace, run.source) == (ws, source) and run.state is RunState.DONE and run.started_at
        ]
        return max(done, default=None)

    def _buried(self, letter: int | None) -> datetime:
        return self._state.letters[letter - 1].at if letter else datetime.max.replace(tzinfo=UTC)

    async def release_letter(self, letter: int, by: str, why: str, at: datetime) -> None:
        """Takes the pins of a letter."""
        known = self._state.letters[letter - 1]
        for (ws, key), pin in list(self._state.pins.items()):
            if pin.letter == letter or (ws, key) == (known.workspace, known.letter.key):
                del self._state.pins[ws, key]
        for (lane, key), pin in list(self._state.lane_pins.items()):
            if pin.letter == letter:
                del self._state.lane_pins[lane, key]
        self._recall()

    def _recall(self) -> None:
        held = {lane for lane, _ in self._state.lane_pins}
        for lane in held | set(self._state.lanes):
            since = min((pin.since for (of, _), pin in self._state.lane_pins.items() if of == lane), default=None)
            self._state.lanes[lane] = replace(_clock(self._state, lane), pinned_since=since)

    async def home_of(self, letter: int) -> int | None:
        """The workspace a letter speaks of."""
        return self._state.letters[letter - 1].workspace if 0 < letter <= len(self._state.letters) else None

    async def pins(self, workspace: int) -> datetime | None:
        """Since when the workspace is pinned."""
        return min((pin.since for (ws, _), pin in self._state.pins.items() if ws == workspace), default=None)

    async def pinned(self, workspaces: Collection[int]) -> Sequence[int]:
        """Which of these workspaces are pinned."""
        return sorted({ws for ws, _ in self._state.pins} & set(workspaces))


class MemoryLetters:
    """See LetterReader."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def page(self, after: int, limit: int, holding_only: bool) -> Sequence[Letter]:
        """Letters by id."""
        found = [self._letter(id) for id in range(after + 1, len(self._state.letters) + 1)]
        return [each for each in found if each.holds or not holding_only][:limit]

    async def by_id(self, id: int) -> Letter | None:
        """The letter with this id."""
        return self._letter(id) if 0 < id <= len(self._state.letters) else None

    async def pins(self) -> tuple[int, int]:
        """How many workspaces and lanes are held."""
        return len({ws for ws, _ in self._state.pins}), len({lane for lane, _ in self._state.lane_pins})

    def _letter(self, id: int) -> Letter:
        known = self._state.letters[id - 1]
        letter, lane = known.letter, known.letter.lane
        held = [pin.letter for pins in (self._state.pins, self._state.lane_pins) for pin in pins.values()]
        return Letter(
            id,
            next((name for name, each in self._state.sources.items() if each.id == lane.source), None),
            lane.topic,
            lane.part,
            letter.pos,
            self._state.entities[known.workspace].id if known.workspace else None,
            letter.key,
            letter.reason,
            letter.detail,
            letter.body,
            known.at,
            known.since,
            id in held or (known.workspace, letter.key) in self._state.pins,
        )


def _clock(state: State, lane: Lane) -> LaneClock:
    return state.lanes.get(lane) or LaneClock(lane.source, lane.topic, lane.part, None, None)
