"""Sources, lanes, positions and dead letters in memory."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from moorage.permissions.lanes import LaneClock, as_of_all, as_of_workspace
from moorage.permissions.memory.state import State
from moorage.permissions.records import Source, SourceSpec, Workspace
from moorage.permissions.stores import DeadLetter, Lane, PositionMoved


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
        return as_of_workspace(list(self._state.lanes.values()), self._state.sources.values(), workspace)

    async def lanes(self) -> Mapping[str, int]:
        """Every lane that had a heartbeat."""
        return as_of_all(self._state.lanes.values())

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

    async def heard(self, lane: Lane, as_of: datetime) -> None:
        """A heartbeat."""
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

    async def advance(self, topic: str, part: int, old: int, new: int) -> None:
        """Moves the position. Raises PositionMoved."""
        if self._state.positions.get((topic, part), 0) != old:
            raise PositionMoved
        self._state.positions[topic, part] = new

    async def bury(self, letter: DeadLetter, workspace: int, at: datetime) -> None:
        """Keeps the record and pins what it may have changed."""
        self._state.letters.append(letter)
        if workspace:
            key = letter.key or f"dead letter {len(self._state.letters)}"
            self._state.pins.setdefault((workspace, key), at)
        elif letter.lane.source:
            known = _clock(self._state, letter.lane)
            self._state.lanes[letter.lane] = replace(known, pinned_since=known.pinned_since or at)

    async def release(self, workspaces_and_keys: Collection[tuple[int, str]]) -> Sequence[int]:
        """Takes pins; answers the workspaces that are free now."""
        gone = [each for each in workspaces_and_keys if self._state.pins.pop(each, None)]
        held = {ws for ws, _ in self._state.pins}
        return sorted({ws for ws, _ in gone} - held)

    async def pins(self, workspace: int) -> datetime | None:
        """Since when the workspace is pinned."""
        return min((since for (ws, _), since in self._state.pins.items() if ws == workspace), default=None)


def _clock(state: State, lane: Lane) -> LaneClock:
    return state.lanes.get(lane) or LaneClock(lane.source, lane.topic, lane.part, None, None)
