"""By which lanes facts arrive, for everybody and for each workspace, and as of when each lane has told what it knew."""

from collections.abc import Mapping
from typing import Final

_IDENTITY: Final = "i"
_NONE: Final = frozenset[str]()


class Lanes:
    """Moments in milliseconds since 1970; workspaces by alias, 0 for lanes that count for everybody."""

    def __init__(self) -> None:
        self.as_of: dict[str, int] = {}
        self.of: dict[int, frozenset[str]] = {0: _NONE}
        self._told: dict[int, tuple[int, frozenset[str]]] = {}

    def note(self, as_of: Mapping[str, int]) -> None:
        """What the lanes say; those of the identity topic (`i…`) count for everybody from when they are first heard."""
        self.as_of.update(as_of)
        self.of[0] |= {lane for lane in as_of if lane.startswith(_IDENTITY)}

    def feed(self, seq: int, workspace: int, lanes: frozenset[str], *, loaded: bool) -> None:
        """A workspace's facts arrive by these lanes from now on; one that was never heard has told nothing."""
        self._told[workspace] = (seq, lanes)
        if loaded:
            self.of[workspace] = lanes

    def load(self, workspace: int, seq: int, as_of: Mapping[str, int]) -> None:
        """The workspace is loaded from a snapshot at a position, which says this of its lanes."""
        told_at, lanes = self._told.get(workspace, (0, _NONE))
        self.of[workspace] = lanes if told_at > seq else frozenset(as_of)
        for lane, moment in as_of.items():
            self.as_of[lane] = max(moment, self.as_of.get(lane, 0))

    def moments(self, workspace: int) -> dict[str, int]:
        """As of when each lane that counts for the workspace has told what it knew."""
        lanes = self.of[0] | self.of.get(workspace, _NONE)
        return {lane: self.as_of.get(lane, 0) for lane in lanes}
